//! Tables of tweets: reading labelled CSV files, and splits that do not flatter.

pub mod columns;
pub mod enrich;
pub mod label;
pub mod labelled;
pub mod lines;
pub mod near_duplicates;
pub mod similar;
pub mod split;
pub mod table;
pub mod test_part;
