//! Measures models of both kinds, and writes the reports and tables.

pub mod classification;
pub mod comparison;
pub mod generator;
pub mod projector;
pub mod report;
pub mod runs;
pub mod speed;
pub mod spread;
