//! Optimiser, loops and checkpoints for generator and classifier.

pub mod classifier;
pub mod optimizer;
