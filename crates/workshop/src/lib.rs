//! The workshop: where data becomes models, and models are measured. The bot runs without it.
//!
//! - [`dataset`]: tables of tweets, labels, splits, texts out of a grammar.
//! - [`training`]: tokenizer, generator, classifier, critic and word vectors.
//! - [`evaluation`]: metrics, reports, comparisons.

pub mod dataset;
pub mod evaluation;
pub mod training;
