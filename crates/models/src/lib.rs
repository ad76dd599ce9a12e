//! The models: which ones exist, how they write, how they judge, and the built-in ones.
//!
//! - [`catalog`]: built in, in a folder, pulled from a hub; their digests; PyTorch's pickles into safetensors.
//! - [`generation`]: tokenizer, GPT-2, decoding, the engine on its own thread.
//! - [`sentiment`]: text cleaning, vocabulary, the recurrent networks, classifier and critic.
//! - [`verbatim`]: what a generator must not repeat from its training.

pub mod catalog;
pub mod generation;
mod http;
pub mod sentiment;
pub mod verbatim;
