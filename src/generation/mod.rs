//! Writes candidates: tokenizer, decoding, the engine on its own thread, GPT-2.
//!
//! candle's types stay behind this wall; what leaves it is [`crate::tweet::Candidate`].

pub mod checkpoint;
pub mod gpt2;
pub(crate) mod ops;
pub mod tokenizer;
