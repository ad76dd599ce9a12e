//! Data sets of tweets: labels, splits, near-duplicates.

pub mod label;
pub mod near_duplicates;
pub mod similar;
pub mod split;
