//! What judges a candidate, and which one goes on.
//!
//! - [`gates`]: the rules that a text must pass, one file a gate.
//! - [`judge`]: every candidate before gates, classifier and critic, the same for a round, `generate` and `inspect`.
//! - [`selection`]: the candidate with the highest rank among those that pass.

pub mod gates;
pub mod judge;
pub mod selection;
