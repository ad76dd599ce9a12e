//! The sentiment of a text: cleaning, vocabulary, the recurrent networks, and the trained classifier that scores
//! candidates.
//!
//! A classifier is a folder of `config.json` (network, cleaning, labels), `vocabulary.json` and `model.safetensors`,
//! written by `pregonero_workshop::training::classifier`. The steps from text to network are stored with it, so that
//! training and serving cannot differ.

pub mod calibration;
mod classifier;
pub mod cleaning;
pub mod critic;
mod held_out;
pub mod initial;
pub mod network;

pub mod ngrams;
mod reading;
pub mod recurrent;
mod settings;
pub mod subwords;
pub mod summary;
pub mod vocabulary;
pub mod word_vectors;

pub use classifier::{CONFIG_FILE, Classifier, ClassifierConfig, VOCABULARY_FILE, check_labels};
pub use held_out::{AUTHOR_FLAG, Columns, HeldOut, LABEL_FLAG, Shares, SplitProtocol, TEXT_FLAG, TestPart};
pub use settings::{SentimentKeys, SentimentSettings, SentimentTarget};
