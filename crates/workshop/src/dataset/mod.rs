//! Tables of tweets: labelled files, splits that do not flatter a model, and texts composed with a grammar.

pub mod columns;
pub mod compose;
pub mod enrich;
pub mod label;
pub mod labelled;
pub mod parts;
pub mod said;
pub mod split;
