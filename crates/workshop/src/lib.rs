//! The workshop: where data becomes models, and models are measured. The bot runs without it.
//!
//! - [`dataset`]: tables of tweets, labels, splits, texts out of a grammar.
//! - [`metrics`]: what a classifier gets right, in numbers.
//! - `plots`: pictures as SVG.
//! - [`training`]: tokenizer, generator, classifier, critic and word vectors.
//! - [`evaluation`]: models measured, reports, comparisons.
//!
//! In this order they may know each other, each those above it.

pub mod dataset;
pub mod evaluation;
pub mod metrics;
mod plots;
pub mod training;
