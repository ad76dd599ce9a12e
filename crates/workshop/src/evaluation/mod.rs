//! How good a model is: both kinds of model measured, and the reports and tables that say so.

pub mod classification;
pub mod comparison;
pub mod generator;
pub mod projector;
pub mod report;
pub mod runs;
pub mod speed;
pub mod spread;
