//! Writes candidates: tokenizer, decoding, the engine on its own thread, GPT-2.
//!
//! The bot sees none of candle's types: it generates through an [`Engine`], which returns [`pregonero_tweet::Candidate`]s.
//! [`gpt2`], [`host`] and [`device()`] are shared with the training; `packed` is how the CPU decodes.

pub mod activation;
mod cache;
pub mod checkpoint;
pub mod control;
#[cfg(test)]
mod control_tests;
mod decoding;
mod decoding_settings;
mod device;
mod end_tokens;
mod engine;
mod engine_settings;
mod finishing;
mod generation_config;
pub mod gpt2;
mod gpt2_config;
pub mod host;
mod int8;
#[cfg(test)]
mod layout_tests;
mod memory;
mod model;
mod network;
pub(crate) mod ops;
mod packed;
mod processors;
mod prompting;
mod quantising;
pub mod remote;
mod request;
mod scoring;
mod server_error;
mod settings;
mod settled_ends;
mod shortlist;
pub mod testing;
#[cfg(test)]
pub(crate) mod tests;
pub mod tokenizer;
#[cfg(test)]
mod weights_tests;

pub use control::{Control, ControlError, ControlLayout};
pub use decoding_settings::{Decoding, Strategy};
pub use device::device;
pub use end_tokens::EndTokens;
pub use engine::{Engine, StandIn, Written};
pub use engine_settings::{EngineKeys, EngineSettings};
pub use finishing::LengthBudget;
pub use int8::{Check, Quantisation, Texts};
pub use model::{Arithmetic, EngineDescription, Loading};
pub use network::{LoadChecks, needs};
pub use quantising::{HeldOut, quantise};
pub use request::{GenerationError, GenerationRequest, candidate_seeds};
pub use scoring::{Scorer, Surprise, Windows};
pub use server_error::ServerError;
pub use settings::{DeviceChoice, GenerationKeys, GenerationSettings, WeightsChoice};
