//! Tables of tweets: labelled CSV files, splits that do not flatter a model, and texts composed with a grammar.

pub mod columns;
pub mod compose;
pub mod enrich;
pub mod form;
pub mod label;
pub mod labelled;
pub mod lines;
pub mod split;
pub mod table;
