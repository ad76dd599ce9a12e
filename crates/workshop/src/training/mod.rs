//! Trains what the daemon uses: tokenizer, generator and classifier; data handling, optimiser and checkpoints.
//!
//! Everything random comes from a seed that is passed in, so that two runs agree and a resumed run goes on as if it had never
//! stopped.

mod checkpoint;
pub mod classifier;
pub mod critic;
pub mod generator;
pub mod muon;
pub mod optimizer;
pub mod schedule;
pub mod text;
pub mod two_sides;
pub mod vectors;
