//! What a text says: cleaning, vocabulary, the recurrent networks, and the trained classifier that scores candidates.
//!
//! A classifier is a folder of `config.json` (network, cleaning, labels), `vocabulary.json` and `model.safetensors`,
//! written by [`crate::training::classifier`]. What happens to a text before the network is stored with it, so that
//! training and serving cannot differ.

pub mod calibration;
mod classifier;
pub mod cleaning;
pub mod critic;
pub mod initial;
pub mod network;

pub mod ngrams;
pub mod recurrent;
pub mod subwords;
pub mod summary;
pub mod vocabulary;
pub mod word_vectors;

pub use classifier::{CONFIG_FILE, Classifier, ClassifierConfig, VOCABULARY_FILE, WEIGHTS_FILE, check_labels};

pub use crate::dataset::split::{HeldOut, SplitProtocol};
