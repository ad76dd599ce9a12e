//! A trained classifier as the rounds use it: texts in, probabilities out, on the CPU.
//!
//! It is loaded from a model's files, wherever they are, and cleans and numbers a text according to what is stored
//! with the model.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, likeliest};
use super::cleaning::Cleaning;
use super::network::{Network, NetworkConfig, Row};
use super::reading::ReadingWeights;
use super::vocabulary::Vocabulary;
use crate::catalog::{ModelFiles, WEIGHTS, sha256_of};
use crate::sentiment::HeldOut;
use crate::sentiment::TestPart;
use pregonero_tweet::{ModelIdentity, Sentiment};

/// The file that describes the model.
pub const CONFIG_FILE: &str = "config.json";
/// The file that contains its words.
pub const VOCABULARY_FILE: &str = "vocabulary.json";

/// `config.json` of a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// The model's name for people, for example `classifier-vacunas-es`.
    pub name: String,
    pub network: NetworkConfig,
    pub cleaning: Cleaning,
    /// The classes, in the network's order: `["negative", "positive"]`.
    pub labels: Vec<String>,
    /// The map from the network's logits to probabilities; fitted on the validation part.
    #[serde(default)]
    pub calibration: Calibration,
    /// How its data was split, so that an evaluation can find the held-out part again.
    pub held_out: HeldOut,
    /// The test part of that split; absent in models of earlier versions, whose held-out part cannot be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_part: Option<TestPart>,
    /// The threshold that its trainer recommends; used if the configuration names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_min_score: Option<f32>,
    /// The hashtags from which its labels were derived, by label: the network never reads them, so the gate `message`
    /// does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label_hashtags: BTreeMap<String, Vec<String>>,
    /// For a critic: the generator whose texts it learned to distinguish from people's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<ModelIdentity>,
    /// For a critic: the weights of its score and of the generator's likelihood in how well a text reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<ReadingWeights>,
}

impl ClassifierConfig {
    fn check(&self) -> Result<()> {
        self.network.check()?;
        check_labels(&self.labels)?;
        let outputs = if self.labels.len() == 2 { 1 } else { self.labels.len() };
        ensure!(
            self.network.outputs == outputs,
            "network.outputs: is {}, but {} labels need {outputs}",
            self.network.outputs,
            self.labels.len()
        );
        self.calibration.check()?;
        if let Some(score) = self.recommended_min_score {
            ensure!((0.0..=1.0).contains(&score), "recommended_min_score: {score} is not in 0 to 1");
        }
        if let Some(label) = self.label_hashtags.keys().find(|label| !self.labels.contains(label)) {
            bail!("label_hashtags: {label:?} is not one of {}", self.labels.join(", "));
        }
        self.reading.as_ref().map_or(Ok(()), ReadingWeights::check)
    }
}

/// # Errors
/// If there are fewer than two labels, one is empty or is `any` (which stands for all of them), or one occurs twice.
pub fn check_labels(labels: &[String]) -> Result<()> {
    ensure!(labels.len() >= 2, "labels: at least two are needed, found {}", labels.len());
    for (place, label) in labels.iter().enumerate() {
        ensure!(!label.trim().is_empty() && label != "any", "labels: {label:?} cannot be a label");
        ensure!(!labels[..place].contains(label), "labels: {label:?} is named twice");
    }
    Ok(())
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
    /// If a file is missing, broken, or does not fit the others; the message names the file.
    pub fn load(files: &ModelFiles) -> Result<Self> {
        let config = read_config(files)?;
        config.check().with_context(|| files.display(CONFIG_FILE))?;
        let vocabulary: Vocabulary = read_json(files, VOCABULARY_FILE)?;
        ensure!(
            vocabulary.rows() == config.network.vocabulary_size,
            "{}: its {} words need an embedding of {} rows, but {CONFIG_FILE} says {}",
            files.display(VOCABULARY_FILE),
            vocabulary.words().len(),
            vocabulary.rows(),
            config.network.vocabulary_size
        );
        let bytes = files.read(WEIGHTS)?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .with_context(|| format!("{}: not a whole safetensors file", files.display(WEIGHTS)))?;
        let network = Network::from_tensors(&config.network, &tensors).with_context(|| files.display(WEIGHTS))?;
        let name = match files {
            ModelFiles::Embedded(_) => "builtin".to_owned(),
            ModelFiles::Folder(folder) => folder.display().to_string(),
        };
        Ok(Self { config, vocabulary, network, identity: ModelIdentity { name, sha256: sha256_of(&bytes) } })
    }

    /// Scores each text, in their order. A text's score does not depend on the other texts.
    ///
    /// # Errors
    /// If candle fails.
    pub fn score(&self, texts: &[&str]) -> Result<Vec<Sentiment>> {
        Ok(self.probabilities(texts)?.into_iter().map(|probabilities| self.sentiment(&probabilities)).collect())
    }

    /// Returns the probability of every label for each text; a row sums to 1.
    ///
    /// # Errors
    /// If candle fails.
    pub fn probabilities(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        Ok(self.logits(texts)?.iter().map(|logits| self.config.calibration.probabilities(logits)).collect())
    }

    /// Returns the network's raw output for each text, before it becomes probabilities: one number for two labels,
    /// else one per label.
    ///
    /// # Errors
    /// If candle fails.
    pub fn logits(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Row> = texts.iter().map(|text| self.encode(text)).collect();
        Ok(self.network.score(&rows)?.to_vec2()?)
    }

    /// Returns the classifier under the name that the configuration gives it, for example `hub:OWNER/NAME`; the
    /// record shows it.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.identity.name);
        self
    }

    /// Returns the model's identity for the record.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// Returns the content of the model's `config.json`.
    #[must_use]
    pub fn config(&self) -> &ClassifierConfig {
        &self.config
    }

    /// # Errors
    /// If `label` is not one of its labels; the message lists them.
    pub fn check_label(&self, label: &str) -> Result<()> {
        let labels = &self.config.labels;
        let known = labels.iter().any(|known| known == label);
        ensure!(known, "{} has no label {label:?}; expected {} | any", self.config.name, labels.join(" | "));
        Ok(())
    }

    /// Returns the words it knows.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Returns its network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Returns the text as the network reads it.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.config.cleaning.clean(text)
    }

    fn encode(&self, text: &str) -> Row {
        Row::read(&self.config.network, &self.vocabulary, &self.clean(text))
    }

    fn sentiment(&self, probabilities: &[f32]) -> Sentiment {
        let best = likeliest(probabilities);
        Sentiment {
            label: self.config.labels[best].clone(),
            score: probabilities[best],
            probabilities: self.config.labels.iter().cloned().zip(probabilities.iter().copied()).collect(),
        }
    }
}

/// Reads `config.json`. That of a generator is named as such, not by the keys that it lacks.
fn read_config(files: &ModelFiles) -> Result<ClassifierConfig> {
    let config: serde_json::Value = read_json(files, CONFIG_FILE)?;
    if let Some(kind) = config.get("model_type").and_then(serde_json::Value::as_str) {
        let place = files.display(CONFIG_FILE);
        bail!("{place}: this is a generator ({kind}), not a classifier or critic: name a folder written by `train`");
    }
    serde_json::from_value(config).with_context(|| files.display(CONFIG_FILE))
}

fn read_json<T: serde::de::DeserializeOwned>(files: &ModelFiles, name: &str) -> Result<T> {
    serde_json::from_slice(&files.read(name)?).with_context(|| files.display(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_at_least_two_and_all_different() {
        let check = |labels: &[&str]| check_labels(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>());
        assert!(check(&["negative", "neutral", "positive"]).is_ok());
        for (labels, expected) in [
            (&["a"][..], "at least two"),
            (&["a", "b", "a"], "twice"),
            (&["a", ""], "cannot"),
            (&["a", "any"], "cannot"),
        ] {
            let message = check(labels).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_label_that_the_model_does_not_know_is_refused_with_those_it_knows() {
        let files = crate::catalog::builtin::find(crate::catalog::ModelKind::Classifier, Some("vacunas-es")).unwrap();
        let classifier = Classifier::load(&files).unwrap();
        assert!(classifier.check_label("positive").is_ok());
        let message = classifier.check_label("neutral").unwrap_err().to_string();
        assert!(message.contains("no label \"neutral\"; expected negative | positive | any"), "{message}");
    }
}
