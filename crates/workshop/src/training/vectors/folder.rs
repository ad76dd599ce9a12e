//! A folder of trained vectors: `vectors.txt` (word2vec's text), `subwords.safetensors` (the rows of the n-grams, if
//! there are any) and `vectors.json` (what they were trained with).

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::format::{read_vectors, write_vectors};
use super::word_vectors::WordVectors;
use pregonero_data::trained_on::{TRAINED_ON, TrainedOn};
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::subwords::SubwordHasher;
use pregonero_system::files::{self, Existing, OurFolder};

/// The words with their vectors, n-grams included.
pub const VECTORS_FILE: &str = "vectors.txt";
/// The rows of the n-grams: the tensor `pieces`, `[buckets, width]` f32.
pub const SUBWORDS_FILE: &str = "subwords.safetensors";
/// How the vectors were made.
pub const CARD_FILE: &str = "vectors.json";

const PIECES: &str = "pieces";

/// `vectors.json`: the settings that users of the vectors must match, and where the vectors come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorCard {
    /// How texts were cleaned: a classifier with other cleaning finds fewer of its words.
    pub pipeline: Cleaning,
    pub width: usize,
    /// How n-grams become rows of `subwords.safetensors`; `null` if there are none.
    pub subwords: Option<SubwordHasher>,
    pub words: usize,
    /// The number of words in all texts, including repetitions but not rare words.
    pub running_words: u64,
    pub seed: u64,
    pub threads: usize,
    /// The command line.
    pub command: String,
}

impl VectorCard {
    /// Reads the card of a folder.
    ///
    /// # Errors
    /// If it is missing or broken; the message names it.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(CARD_FILE);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| path.display().to_string())
    }
}

/// Trained vectors of the table's words, and of other words by their n-grams.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedVectors {
    pub card: VectorCard,
    pub words: WordVectors,
    /// The rows of the n-grams, one after the other; empty without subwords.
    pub pieces: Vec<f32>,
}

/// What `train vectors` leaves in its folder.
const VECTORS: OurFolder = OurFolder {
    what: "a folder of word vectors that this program trained",
    marks: &[VECTORS_FILE, CARD_FILE],
    others: &[SUBWORDS_FILE, TRAINED_ON],
};

impl TrainedVectors {
    /// Reads a folder that `train vectors` wrote.
    ///
    /// # Errors
    /// If a file is missing, broken, or does not match the others; the message names it.
    pub fn read(folder: &Path) -> Result<Self> {
        let bytes = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let name = |name: &str| folder.join(name).display().to_string();
        let card = VectorCard::read(folder)?;
        let (words, _) = read_vectors(&folder.join(VECTORS_FILE))?;
        ensure!(
            words.width() == card.width,
            "{}: vectors of width {}, but {CARD_FILE} says {}",
            name(VECTORS_FILE),
            words.width(),
            card.width
        );
        let pieces = match card.subwords {
            Some(hasher) => read_pieces(&bytes(SUBWORDS_FILE)?, [hasher.buckets() as usize, card.width])
                .with_context(|| name(SUBWORDS_FILE))?,
            None => Vec::new(),
        };
        Ok(Self { card, words, pieces })
    }

    /// Returns what may happen to a folder that exists.
    #[must_use]
    pub fn existing(overwrite: bool) -> Existing {
        Existing::OurFolder { ours: &VECTORS, overwrite }
    }

    /// Writes the folder, with the files that the vectors were trained on: all of it or nothing.
    ///
    /// # Errors
    /// If it exists and must not be replaced, or cannot be written.
    pub fn write(&self, folder: &Path, existing: Existing, trained_on: &TrainedOn) -> Result<()> {
        files::write_whole_folder(folder, existing, |folder| {
            trained_on.write(folder)?;
            write_vectors(&self.words, &folder.join(VECTORS_FILE), Existing::Refuse)?;
            let card = serde_json::to_string_pretty(&self.card)? + "\n";
            files::write_whole(&folder.join(CARD_FILE), Existing::Refuse, |writer| writer.write_all(card.as_bytes()))?;
            let Some(hasher) = self.card.subwords else { return Ok(()) };
            let bytes = pieces_file(&self.pieces, [hasher.buckets() as usize, self.card.width])?;
            files::write_whole(&folder.join(SUBWORDS_FILE), Existing::Refuse, |writer| writer.write_all(&bytes))
        })
    }

    /// Returns the vector of a cleaned word: that of the table, or the mean of its n-grams, as in fastText; `None` if
    /// there is neither.
    #[must_use]
    pub fn vector(&self, word: &str) -> Option<Vec<f32>> {
        if let Some(vector) = self.words.get(word) {
            return Some(vector.to_vec());
        }
        let pieces = self.card.subwords?.pieces(word);
        let mut mean = vec![0.0; self.card.width];
        for &piece in &pieces {
            let row = &self.pieces[piece as usize * self.card.width..][..self.card.width];
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / pieces.len() as f32);
        }
        (!pieces.is_empty()).then_some(mean)
    }
}

fn pieces_file(pieces: &[f32], shape: [usize; 2]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = pieces.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).context("cannot serialise the n-grams")?;
    safetensors::serialize([(PIECES, view)], None).context("cannot serialise the n-grams")
}

fn read_pieces(bytes: &[u8], shape: [usize; 2]) -> Result<Vec<f32>> {
    let tensors = SafeTensors::deserialize(bytes).context("not a whole safetensors file")?;
    let view = tensors.tensor(PIECES).with_context(|| format!("it contains no tensor {PIECES:?}"))?;
    ensure!(
        view.dtype() == Dtype::F32 && view.shape() == shape,
        "{PIECES:?} is {:?} of shape {:?}, but {CARD_FILE} requires F32 of {shape:?}",
        view.dtype(),
        view.shape()
    );
    let values: Vec<f32> = view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    ensure!(values.iter().all(|value| value.is_finite()), "{PIECES:?} contains a value that is not finite");
    Ok(values)
}
