//! Pre-trained word vectors as initial values of the embedding.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;

use super::settings::{ClassifierTraining, PretrainedVectors};
use crate::training::vectors::{TrainedVectors, VECTORS_FILE, VectorCard, WordVectors, read_vectors};
use pregonero_kernels::dot;
use pregonero_models::sentiment::cleaning::Cleaning;
use pregonero_models::sentiment::vocabulary::Vocabulary;

/// The most words that may replace a word when a row is augmented.
const NEIGHBOURS: usize = 5;

/// The least cosine of such a word.
const LEAST_SIMILARITY: f32 = 0.5;

/// How much of the vocabulary the vectors know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VectorCounts {
    /// The file or folder, as given.
    pub source: String,
    /// The number of words in the training texts.
    pub words: usize,
    /// Words that the table contains, once its words are cleaned like the texts.
    pub found: usize,
    /// Words that the table lacks but n-grams can compose.
    pub composed: usize,
    /// Words of the table that are not in the training texts and joined the vocabulary.
    pub added: usize,
}

impl fmt::Display for VectorCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, words, found, composed, added } = self;
        write!(f, "found {found} of {words} words in {source}")?;
        if *composed > 0 {
            write!(f, ", {composed} more by their n-grams")?;
        }
        write!(f, "; {added} of its words joined the vocabulary")
    }
}

/// Where vectors come from.
enum Source {
    File(WordVectors),
    Folder(TrainedVectors),
}

/// Vectors indexed by words as a text pipeline writes them.
struct Spelled {
    source: Source,
    /// The words of the table, as the pipeline and as the table write them; of several that the pipeline writes alike, the
    /// first one: tables are sorted by frequency.
    words: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Spelled {
    /// Reads the table. A classifier reads no capitals or accents, but ready-made tables are full of both, so their words go
    /// through the pipeline. Tables that `train vectors` wrote with the same pipeline have already been through it.
    fn read(path: &Path, cleaning: Cleaning) -> Result<Self> {
        let (source, card) = if path.is_dir() {
            let trained = TrainedVectors::read(path)?;
            let card = trained.card.clone();
            (Source::Folder(trained), Some(card))
        } else {
            let beside = path.parent().filter(|_| path.file_name().is_some_and(|name| name == VECTORS_FILE));
            (Source::File(read_vectors(path)?.0), beside.and_then(|folder| VectorCard::read(folder).ok()))
        };
        let cleaned = card.is_some_and(|card| card.pipeline == cleaning);
        let spell = |word: &String| {
            let spelled = cleaning.clean(word);
            // In a table of clean words, a word that cleaning would change can never occur in a text.
            let readable = if cleaned { spelled == *word } else { !spelled.is_empty() && !spelled.contains(' ') };
            readable.then(|| (spelled, word.clone()))
        };
        let spelled: Vec<Option<(String, String)>> = source.table().words().par_iter().map(spell).collect();
        let mut words = Vec::with_capacity(spelled.len());
        let mut places = HashMap::with_capacity(spelled.len());
        for (spelled, word) in spelled.into_iter().flatten() {
            if !places.contains_key(&spelled) {
                places.insert(spelled.clone(), words.len());
                words.push((spelled, word));
            }
        }
        Ok(Self { source, words, places })
    }

    /// Returns the table's vector of a cleaned word.
    fn get(&self, word: &str) -> Option<&[f32]> {
        let table = self.source.table();
        let written = self.places.get(word).map_or(word, |&place| &self.words[place].1);
        table.get(written)
    }

    /// Composes a vector from a word's n-grams.
    fn compose(&self, word: &str) -> Option<Vec<f32>> {
        match &self.source {
            Source::File(_) => None,
            Source::Folder(trained) => trained.vector(word),
        }
    }
}

impl Source {
    fn table(&self) -> &WordVectors {
        match self {
            Self::File(words) => words,
            Self::Folder(trained) => &trained.words,
        }
    }
}

/// Vectors for the rows of an embedding.
#[derive(Debug)]
pub(super) struct InitialVectors {
    width: usize,
    /// A row for each id; `None` if nothing is known about the word.
    rows: Vec<Option<Vec<f32>>>,
}

impl InitialVectors {
    /// Reads the vectors. Words of the table that are not in the training texts join the vocabulary, as many as there is room
    /// for: their vectors carry information that training cannot provide.
    pub(super) fn read(
        pretrained: &PretrainedVectors,
        vocabulary: &Vocabulary,
        settings: &ClassifierTraining,
    ) -> Result<(Vocabulary, Self, VectorCounts)> {
        let path = &pretrained.path;
        let vectors = Spelled::read(path, settings.cleaning)?;
        let width = vectors.source.table().width();
        let mut words = vocabulary.words().to_vec();
        let seen = words.len();
        let room = settings.maximum_words.saturating_sub(seen);
        let known: HashSet<&String> = vocabulary.words().iter().collect();
        let unseen = vectors.words.iter().map(|(spelled, _)| spelled).filter(|word| !known.contains(word));
        words.extend(unseen.take(room).cloned());
        let mut counts = VectorCounts {
            source: path.display().to_string(),
            words: seen,
            added: words.len() - seen,
            ..VectorCounts::default()
        };
        let vocabulary = Vocabulary::from_words(words).with_context(|| path.display().to_string())?;
        let mut rows = vec![None; vocabulary.rows()];
        for (place, (row, word)) in rows[1..].iter_mut().zip(vocabulary.words()).enumerate() {
            *row = vectors.get(word).map(<[f32]>::to_vec);
            if place < seen {
                counts.found += usize::from(row.is_some());
                *row = row.take().or_else(|| vectors.compose(word).inspect(|_| counts.composed += 1));
            }
        }
        ensure!(
            counts.found > 0,
            "{}: found 0 of {seen} words of the training texts: these are vectors of another language, or of words that \
             were split in another way",
            path.display()
        );
        Ok((vocabulary, Self { width, rows }, counts))
    }

    /// Returns `initial`, `[rows, width]`, with the rows of known words replaced.
    pub(super) fn over(&self, initial: &Tensor) -> Result<Tensor> {
        let mut values: Vec<f32> = initial.flatten_all()?.to_vec1()?;
        for (row, vector) in values.chunks_exact_mut(self.width).zip(&self.rows) {
            if let Some(vector) = vector {
                row.copy_from_slice(vector);
            }
        }
        Ok(Tensor::from_vec(values, initial.dims(), &Device::Cpu)?)
    }

    /// Returns, for each id, the ids of the most similar words.
    pub(super) fn neighbours(&self) -> Vec<Vec<u32>> {
        let unit = |vector: &Option<Vec<f32>>| -> Option<Vec<f32>> {
            let vector = vector.as_ref()?;
            let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            (norm > 0.0).then(|| vector.iter().map(|value| value / norm).collect())
        };
        let units: Vec<Option<Vec<f32>>> = self.rows.iter().map(unit).collect();
        let similar = |place: usize| -> Vec<u32> {
            let Some(unit) = &units[place] else { return Vec::new() };
            let mut others: Vec<(f32, u32)> = (0u32..)
                .zip(&units)
                .filter(|(id, _)| *id as usize != place)
                .filter_map(|(id, other)| Some((dot(unit, other.as_ref()?), id)))
                .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
                .collect();
            others.sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
            others.into_iter().take(NEIGHBOURS).map(|(_, id)| id).collect()
        };
        (0..units.len()).into_par_iter().map(similar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_begin_at_their_vectors_and_know_their_neighbours() {
        let rows = vec![None, Some(vec![1.0, 0.0]), Some(vec![2.0, 0.2]), Some(vec![-1.0, 0.0]), None];
        let vectors = InitialVectors { width: 2, rows };
        let initial = Tensor::from_vec((0..10u8).map(f32::from).collect::<Vec<_>>(), (5, 2), &Device::Cpu).unwrap();
        let values: Vec<f32> = vectors.over(&initial).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(values, [0.0, 1.0, 1.0, 0.0, 2.0, 0.2, -1.0, 0.0, 8.0, 9.0]);
        assert_eq!(vectors.neighbours(), [vec![], vec![2], vec![1], vec![], vec![]]);
    }
}
