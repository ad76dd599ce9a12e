//! How good a model is: metrics of both kinds of model, and the reports, plots and tables that carry them.

pub mod classification;
pub mod comparison;
pub mod generator;
pub mod plots;
pub mod projector;
pub mod report;
pub mod runs;
pub mod speed;
pub mod spread;
