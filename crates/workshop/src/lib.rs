//! The workshop: turns data into models and measures models. The bot runs without it.
//!
//! - [`dataset`]: tables of tweets, labels, splits, texts composed with a grammar.
//! - [`metrics`]: the metrics of a classifier.
//! - `plots`: pictures as SVG.
//! - [`training`]: tokenizer, generator, classifier, critic and word vectors.
//! - [`evaluation`]: measurements of models, reports, comparisons.
//! - [`explore`]: a page about a data set.
//!
//! Each module may use only those above it in this list.

pub mod dataset;
pub mod evaluation;
pub mod explore;
pub mod metrics;
mod plots;
pub mod training;
