//! Measures a classifier on labelled files: [`held_out`] for the rows it may be measured on, [`pairs`] for texts that
//! differ in little. The numbers themselves come from [`crate::metrics`].

pub mod held_out;
pub mod pairs;

pub use self::held_out::{EvaluatedPart, EvaluatedRows, Mistake, Scored, evaluate_classifier, score_labelled};
