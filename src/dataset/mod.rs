//! Tables of tweets: reading labelled CSV files, and splits that do not flatter.

pub mod labelled;
pub mod similar;
pub mod split;
pub mod table;
