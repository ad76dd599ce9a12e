//! The structure of a network: the `network` of a classifier's `config.json`, its checks and its table of layers.
//!
//! One set of building blocks serves all of VacunaBot's networks: word vectors, dropout, recurrent layers, pooling,
//! dense layers, logits. [`Kind`] says which recurrent layers; everything else is a size.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::sentiment::ngrams::NgramSettings;
use crate::sentiment::recurrent::Cell;
use crate::sentiment::subwords::SubwordHasher;
use crate::sentiment::summary::{LayerSummary, Summary};
use crate::sentiment::vocabulary::Padding;

/// The network of a classifier: `network` in its `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Rows of the embedding: padding, words, the unknown word.
    pub vocabulary_size: usize,
    /// Words per row.
    pub steps: usize,
    /// The side on which a short row is padded.
    #[serde(default)]
    pub padding: Padding,
    /// Whether padding is skipped: a padded step passes on the state of the step before, and pooling leaves it out
    /// (Keras's `mask_zero`). VacunaBot's networks read padding as a word.
    #[serde(default)]
    pub mask_padding: bool,
    /// Logits per row: 1 for two labels (its sigmoid is the probability of the second), else one per label, whose
    /// softmax gives the probabilities.
    #[serde(default = "one")]
    pub outputs: usize,
    pub architecture: Architecture,
}

fn one() -> usize {
    1
}

/// The layers with their sizes; `{"kind": "bilstm", "embedding": 256, ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    pub kind: Kind,
    /// Width of the word vectors.
    pub embedding: usize,
    /// Share of the word vectors' values dropped in training, each value independently.
    #[serde(default)]
    pub dropout: f64,
    /// Share of the word vectors' features that a training row loses completely, at all its steps.
    #[serde(default)]
    pub spatial_dropout: f64,
    /// Units of each recurrent layer (per direction), layer by layer; `lstm` in older files.
    #[serde(alias = "lstm")]
    pub units: Vec<usize>,
    #[serde(default)]
    pub pooling: Pooling,
    /// The layers between the pooled state and the output.
    pub dense: Vec<DenseSettings>,
    /// The linear part next to the recurrent one: weights of n-grams, added to the logits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ngrams: Option<NgramSettings>,
}

/// Which recurrent layers a network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Long short-term memory, forward only.
    Lstm,
    /// Long short-term memory in both directions.
    Bilstm,
    /// Gated recurrent units (`reset_after`) in both directions.
    Bigru,
}

impl Kind {
    /// Returns the cell of its layers.
    #[must_use]
    pub const fn cell(self) -> Cell {
        match self {
            Self::Lstm | Self::Bilstm => Cell::Lstm,
            Self::Bigru => Cell::Gru,
        }
    }

    /// Returns the number of directions in which its layers read a row.
    #[must_use]
    pub const fn directions(self) -> usize {
        match self {
            Self::Lstm => 1,
            Self::Bilstm | Self::Bigru => 2,
        }
    }

    /// Returns the name of its layers in weight names and `config.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::Bilstm => "bilstm",
            Self::Bigru => "bigru",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Lstm => "LSTM",
            Self::Bilstm => "BiLSTM",
            Self::Bigru => "BiGRU",
        }
    }
}

/// How the last recurrent layer's sequence is reduced to one state per row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The state of each direction after its own last step.
    #[default]
    Last,
    /// The largest value of each feature over time.
    Max,
}

/// One dense layer with ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSettings {
    pub units: usize,
    /// Share of its outputs dropped in training.
    pub dropout: f64,
}

/// Returns dense layers of these units, each with its dropout.
fn dense<const N: usize>(layers: [(usize, f64); N]) -> Vec<DenseSettings> {
    layers.map(|(units, dropout)| DenseSettings { units, dropout }).to_vec()
}

impl Architecture {
    /// Returns VacunaBot's LSTM (15,090,305 parameters at 17,104 words).
    #[must_use]
    pub fn lstm() -> Self {
        Self {
            kind: Kind::Lstm,
            embedding: 512,
            dropout: 0.2,
            spatial_dropout: 0.0,
            units: vec![512; 3],
            pooling: Pooling::Max,
            dense: dense([(64, 0.0), (32, 0.2), (16, 0.0)]),
            ngrams: None,
        }
    }

    /// Returns VacunaBot's LSTM for lemmatised text without stop words.
    #[must_use]
    pub fn lstm_lemmatised() -> Self {
        Self { embedding: 256, units: vec![256; 4], ..Self::lstm() }
    }

    /// Returns VacunaBot's bidirectional LSTM (6,260,865 parameters at 17,104 words).
    #[must_use]
    pub fn bilstm() -> Self {
        Self {
            kind: Kind::Bilstm,
            embedding: 256,
            dropout: 0.0,
            spatial_dropout: 0.2,
            units: vec![256, 128, 64],
            pooling: Pooling::Last,
            dense: dense([(64, 0.0), (32, 0.5), (16, 0.5)]),
            ngrams: None,
        }
    }

    /// Returns VacunaBot's bidirectional GRU (5,826,625 parameters at 17,104 words).
    #[must_use]
    pub fn bigru() -> Self {
        Self {
            kind: Kind::Bigru,
            pooling: Pooling::Max,
            dense: dense([(256, 0.0), (32, 0.5), (16, 0.5)]),
            ..Self::bilstm()
        }
    }

    /// Returns a small version of the bidirectional LSTM. With a few thousand tweets, a single recurrent layer under
    /// strong dropout had the best macro F1 on the validation part of those tried.
    #[must_use]
    pub fn bilstm_small() -> Self {
        Self {
            embedding: 96,
            spatial_dropout: 0.5,
            units: vec![32],
            dense: dense([(32, 0.5), (16, 0.5)]),
            ..Self::bilstm()
        }
    }

    /// Returns the network of the built-in classifiers: one bidirectional GRU layer over pre-trained word vectors,
    /// and a linear part over n-grams of words and characters, which contributes most when a classifier is trained on
    /// only a few thousand tweets.
    ///
    /// # Panics
    /// Never: its n-grams are in range.
    #[must_use]
    pub fn hybrid() -> Self {
        let pieces = SubwordHasher::new(3, 5, 1 << 17).expect("lengths and buckets in range");
        Self {
            kind: Kind::Bigru,
            embedding: 100,
            dropout: 0.0,
            spatial_dropout: 0.4,
            units: vec![64],
            pooling: Pooling::Max,
            dense: dense([(32, 0.4)]),
            ngrams: Some(NgramSettings { word_buckets: 1 << 17, pieces, dropout: 0.3, scale: 8.0 }),
        }
    }

    fn check(&self) -> Result<()> {
        let fits = |units: usize| (1..=WIDEST).contains(&units);
        ensure!(
            !self.units.is_empty() && self.units.iter().all(|units| fits(*units)),
            "network.units: needs recurrent layers of 1 to {WIDEST} units"
        );
        ensure!(self.dense.iter().all(|dense| fits(dense.units)), "network.dense: needs layers of 1 to {WIDEST} units");
        let rates = self.dense.iter().map(|dense| dense.dropout).chain([self.dropout, self.spatial_dropout]);
        for rate in rates {
            ensure!((0.0..1.0).contains(&rate), "network: a dropout of {rate} is not in 0 to 1");
        }
        self.ngrams.as_ref().map_or(Ok(()), NgramSettings::check)
    }
}

/// The largest vocabulary: more words than any word vectors have.
const LARGEST_VOCABULARY: usize = 1 << 24;

/// The longest row: more words than a text of the bot's can have. A row takes memory for each.
const MOST_STEPS: usize = 1 << 12;

/// The widest layer: more features or units than any layer here has. Products of a few such sizes fit into 64 bits.
const WIDEST: usize = 1 << 16;

impl NetworkConfig {
    /// Returns a network for two labels that pads rows on the left and reads padding as a word, as VacunaBot's do.
    #[must_use]
    pub fn new(vocabulary_size: usize, steps: usize, architecture: Architecture) -> Self {
        Self { vocabulary_size, steps, padding: Padding::Left, mask_padding: false, outputs: 1, architecture }
    }

    /// # Errors
    /// If a size is 0, a dropout is not in 0 to 1, or there are two outputs; the message names the key.
    pub fn check(&self) -> Result<()> {
        for (name, size, most) in [
            ("vocabulary_size", self.vocabulary_size, LARGEST_VOCABULARY),
            ("steps", self.steps, MOST_STEPS),
            ("embedding", self.architecture.embedding, WIDEST),
        ] {
            ensure!((1..=most).contains(&size), "network.{name}: is {size}, but must be from 1 to {most}");
        }
        ensure!(
            self.outputs == 1 || self.outputs >= 3,
            "network.outputs: is {}, but must be 1 for two labels, else the number of labels",
            self.outputs
        );
        self.architecture.check()
    }

    /// Returns the table of layers; no weights are created for it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let architecture = &self.architecture;
        let (kind, cell, directions) = (architecture.kind, architecture.kind.cell(), architecture.kind.directions());
        let mut layers = Vec::new();
        let mut add = |name: String, kind: &str, output: &[usize], parameters: usize| {
            layers.push(LayerSummary { name, kind: kind.to_owned(), output: output.to_vec(), parameters });
        };
        let mut width = architecture.embedding;
        add("embedding".to_owned(), "Embedding", &[self.steps, width], self.vocabulary_size * width);
        if architecture.dropout > 0.0 {
            add("dropout".to_owned(), "Dropout", &[self.steps, width], 0);
        }
        if architecture.spatial_dropout > 0.0 {
            add("spatial_dropout".to_owned(), "SpatialDropout1D", &[self.steps, width], 0);
        }
        for (index, &units) in architecture.units.iter().enumerate() {
            let parameters = directions * cell.parameters(width, units);
            width = directions * units;
            let last = index + 1 == architecture.units.len() && architecture.pooling == Pooling::Last;
            let sequence = [self.steps, width];
            let output = if last { &sequence[1..] } else { &sequence[..] };
            add(format!("{}.{index}", kind.name()), kind.title(), output, parameters);
        }
        if architecture.pooling == Pooling::Max {
            add("pooling".to_owned(), "GlobalMaxPooling1D", &[width], 0);
        }
        for (index, dense) in architecture.dense.iter().enumerate() {
            add(format!("dense.{index}"), "Dense (ReLU)", &[dense.units], (width + 1) * dense.units);
            width = dense.units;
            if dense.dropout > 0.0 {
                add(format!("dropout.{index}"), "Dropout", &[width], 0);
            }
        }
        let activation = if self.outputs == 1 { "Dense (sigmoid)" } else { "Dense (softmax)" };
        add("output".to_owned(), activation, &[self.outputs], (width + 1) * self.outputs);
        if let Some(ngrams) = &architecture.ngrams {
            add("ngrams".to_owned(), "Linear (added to output)", &[self.outputs], ngrams.buckets() * self.outputs);
        }
        Summary { layers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the layers of a summary as text: name, output shape, parameters.
    fn table(architecture: Architecture, words: usize, steps: usize) -> Vec<(String, Vec<usize>, usize)> {
        let summary = NetworkConfig::new(words, steps, architecture).summary();
        summary.layers.into_iter().map(|layer| (layer.name, layer.output, layer.parameters)).collect()
    }

    // Names are ours; shapes and counts are those that Keras's `model.summary()` prints for the same layers
    // (tests/data/networks-keras/summaries.py).
    #[test]
    fn the_seeds_tables_are_those_of_keras() {
        let check = |architecture, want: &[(&str, &[usize], usize)]| {
            let got = table(architecture, 17_104, 61);
            let got: Vec<_> = got.iter().map(|(name, shape, count)| (name.as_str(), &shape[..], *count)).collect();
            assert_eq!(got, want);
        };
        check(
            Architecture::lstm(),
            &[
                ("embedding", &[61, 512], 8_757_248),
                ("dropout", &[61, 512], 0),
                ("lstm.0", &[61, 512], 2_099_200),
                ("lstm.1", &[61, 512], 2_099_200),
                ("lstm.2", &[61, 512], 2_099_200),
                ("pooling", &[512], 0),
                ("dense.0", &[64], 32_832),
                ("dense.1", &[32], 2_080),
                ("dropout.1", &[32], 0),
                ("dense.2", &[16], 528),
                ("output", &[1], 17),
            ],
        );
        check(
            Architecture::bilstm(),
            &[
                ("embedding", &[61, 256], 4_378_624),
                ("spatial_dropout", &[61, 256], 0),
                ("bilstm.0", &[61, 512], 1_050_624),
                ("bilstm.1", &[61, 256], 656_384),
                ("bilstm.2", &[128], 164_352),
                ("dense.0", &[64], 8_256),
                ("dense.1", &[32], 2_080),
                ("dropout.1", &[32], 0),
                ("dense.2", &[16], 528),
                ("dropout.2", &[16], 0),
                ("output", &[1], 17),
            ],
        );
        check(
            Architecture::bigru(),
            &[
                ("embedding", &[61, 256], 4_378_624),
                ("spatial_dropout", &[61, 256], 0),
                ("bigru.0", &[61, 512], 789_504),
                ("bigru.1", &[61, 256], 493_056),
                ("bigru.2", &[61, 128], 123_648),
                ("pooling", &[128], 0),
                ("dense.0", &[256], 33_024),
                ("dense.1", &[32], 8_224),
                ("dropout.1", &[32], 0),
                ("dense.2", &[16], 528),
                ("dropout.2", &[16], 0),
                ("output", &[1], 17),
            ],
        );
    }

    #[test]
    fn the_seeds_networks_have_as_many_parameters_as_keras_counts() {
        let cases = [
            (Architecture::lstm(), 17_104, 61, 15_090_305),
            (Architecture::bilstm(), 17_104, 61, 6_260_865),
            (Architecture::bigru(), 17_104, 61, 5_826_625),
            (Architecture::lstm_lemmatised(), 12_505, 35, 5_321_601),
            (Architecture::bilstm(), 12_505, 35, 5_083_521),
            (Architecture::bigru(), 12_505, 35, 4_649_281),
        ];
        for (architecture, words, steps, want) in cases {
            let summary = NetworkConfig::new(words, steps, architecture.clone()).summary();
            assert_eq!(summary.parameters(), want, "{architecture:?}");
        }
    }

    #[test]
    fn the_first_files_still_read_and_a_fault_is_named_by_its_key() {
        let old = r#"{"vocabulary_size": 9, "steps": 5, "architecture": {"kind": "bilstm", "embedding": 96,
            "spatial_dropout": 0.5, "lstm": [32], "dense": [{"units": 32, "dropout": 0.5}, {"units": 16, "dropout": 0.5}]}}"#;
        let read: NetworkConfig = serde_json::from_str(old).unwrap();
        assert_eq!(read, NetworkConfig::new(9, 5, Architecture::bilstm_small()));
        let again: NetworkConfig = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);

        let fault = |change: &dyn Fn(&mut NetworkConfig)| {
            let mut config = read.clone();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(fault(&|config| config.steps = 0).starts_with("network.steps: is 0, but must be from 1 to 4096"));
        // A row of so many steps, a product of such sizes.
        assert!(fault(&|config| config.steps = 100_000_000_000).starts_with("network.steps:"));
        assert!(fault(&|config| config.architecture.embedding = 1 << 62).starts_with("network.embedding:"));
        assert!(fault(&|config| config.architecture.units = vec![1 << 62]).starts_with("network.units:"));
        assert!(fault(&|config| config.architecture.dense[0].units = 1 << 62).starts_with("network.dense:"));
        assert!(fault(&|config| config.outputs = 2).starts_with("network.outputs: is 2"));
        assert!(fault(&|config| config.architecture.units.clear()).starts_with("network.units:"));
        assert!(fault(&|config| config.architecture.dropout = 1.0).contains("a dropout of 1 is not"));
    }
}
