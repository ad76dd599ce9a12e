//! A trained classifier as the rounds use it: texts in, probabilities out, on the CPU.
//!
//! Loaded from a model's files, wherever they lie; it cleans and numbers a text by what is stored with the model.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use candle_core::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::cleaning::Cleaning;
use super::network::{Network, NetworkConfig};
use super::vocabulary::Vocabulary;
use crate::catalog::ModelFiles;
use crate::dataset::split::Shares;
use crate::tweet::{ModelIdentity, Sentiment};

/// The file that says what the model is.
pub const CONFIG_FILE: &str = "config.json";
/// The file that holds its words.
pub const VOCABULARY_FILE: &str = "vocabulary.json";
/// The file that holds its weights.
pub const WEIGHTS_FILE: &str = "model.safetensors";

/// `config.json` of a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// The model's name for people, for example `classifier-vacunas-es`.
    pub name: String,
    pub network: NetworkConfig,
    pub cleaning: Cleaning,
    /// What the network's 0 and 1 mean, in that order: `["negative", "positive"]`.
    pub labels: [String; 2],
    /// How its data was split, so that an evaluation can find the held-out part again.
    pub held_out: HeldOut,
}

/// The split a classifier was trained under.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    pub seed: u64,
    pub shares: Shares,
}

/// A classifier ready to score.
#[derive(Debug)]
pub struct Classifier {
    config: ClassifierConfig,
    vocabulary: Vocabulary,
    network: Network,
    identity: ModelIdentity,
}

impl Classifier {
    /// Loads the model in `files`.
    ///
    /// # Errors
    /// Where a file is missing, broken, or does not fit the others; the message names the file.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let config: ClassifierConfig = read_json(files, CONFIG_FILE)?;
        config.network.check().with_context(|| files.display(CONFIG_FILE))?;
        ensure!(
            config.network.outputs == 1,
            "{}: network.outputs is {}, two labels need 1",
            files.display(CONFIG_FILE),
            config.network.outputs
        );
        let vocabulary: Vocabulary = read_json(files, VOCABULARY_FILE)?;
        ensure!(
            vocabulary.rows() == config.network.vocabulary_size,
            "{}: its {} words need an embedding of {} rows, {CONFIG_FILE} says {}",
            files.display(VOCABULARY_FILE),
            vocabulary.words().len(),
            vocabulary.rows(),
            config.network.vocabulary_size
        );
        let bytes = files.read(WEIGHTS_FILE)?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .with_context(|| format!("{}: not a whole safetensors file", files.display(WEIGHTS_FILE)))?;
        let network = Network::from_tensors(&config.network, &tensors).with_context(|| files.display(WEIGHTS_FILE))?;
        let name = match files {
            ModelFiles::Embedded(_) => "builtin".to_owned(),
            ModelFiles::Folder(folder) => folder.display().to_string(),
        };
        Ok(Self {
            config,
            vocabulary,
            network,
            identity: ModelIdentity { name, sha256: hexadecimal(&Sha256::digest(&bytes)) },
        })
    }

    /// What the classifier reads in each text, in their order. A text's score does not depend on the other texts.
    ///
    /// # Errors
    /// Where candle fails.
    pub fn score(&self, texts: &[&str]) -> Result<Vec<Sentiment>> {
        Ok(self.probabilities(texts)?.into_iter().map(|positive| self.sentiment(positive)).collect())
    }

    /// The probability of the second label for each text.
    ///
    /// # Errors
    /// Where candle fails.
    pub fn probabilities(&self, texts: &[&str]) -> Result<Vec<f32>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Vec<u32>> = texts.iter().map(|text| self.encode(text)).collect();
        let logits: Vec<f32> = self.network.score(&rows)?.flatten_all()?.to_vec1()?;
        Ok(logits.into_iter().map(probability_of_logit).collect())
    }

    /// The classifier under the name the configuration gives it, for example `hub:OWNER/NAME`; the record shows it.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.identity.name);
        self
    }

    /// How the record names the model.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// What the model says of itself.
    #[must_use]
    pub fn config(&self) -> &ClassifierConfig {
        &self.config
    }

    /// The text as the network reads it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.config.cleaning.clean(text)
    }

    fn encode(&self, text: &str) -> Vec<u32> {
        let network = &self.config.network;
        self.vocabulary.encode(&self.clean(text), network.steps, network.padding)
    }

    fn sentiment(&self, positive: f32) -> Sentiment {
        let probabilities = [1.0 - positive, positive];
        let best = usize::from(positive >= 0.5);
        Sentiment {
            label: self.config.labels[best].clone(),
            score: probabilities[best],
            probabilities: self.config.labels.iter().cloned().zip(probabilities).collect::<BTreeMap<_, _>>(),
        }
    }
}

/// The probability that a logit stands for.
#[must_use]
pub fn probability_of_logit(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

fn read_json<T: serde::de::DeserializeOwned>(files: &ModelFiles, name: &str) -> Result<T> {
    serde_json::from_slice(&files.read(name)?).with_context(|| files.display(name))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
