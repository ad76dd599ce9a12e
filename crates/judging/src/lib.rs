//! Judges candidates and selects the one to post.
//!
//! - [`gates`]: the rules that a text must pass, one file per gate.
//! - [`judge`]: puts every candidate before gates, classifier and critic, alike for a round, `generate` and `inspect`.
//! - [`selection`]: picks the candidate with the highest rank among those that pass.

pub mod gates;
pub mod judge;
pub mod selection;
