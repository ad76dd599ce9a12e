//! Tables of tweets: reading labelled CSV files, and splits that do not flatter; texts composed by a grammar.

pub mod columns;
pub mod compose;
pub mod enrich;
pub mod form;
pub mod label;
pub mod labelled;
pub mod lines;
pub mod near_duplicates;
pub mod similar;
pub mod split;
pub mod table;
