//! Judges candidates and selects the one to post.
//!
//! - [`gates`]: the rules that a text must pass, one file per gate.
//! - [`judge`]: lets gates, classifier and critic judge every candidate, in the same way for a round, `generate` and `inspect`.
//! - [`selection`]: picks the candidate with the highest rank among those that pass.

pub mod gates;
pub mod judge;
pub mod selection;
