//! How good a model is: metrics of the classifier and the reports that carry them.

pub mod classification;
pub mod language_model;
