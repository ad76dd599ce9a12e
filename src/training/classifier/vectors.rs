//! Pre-trained word vectors as the beginning of the embedding.

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::settings::{ClassifierTraining, PretrainedVectors};
use crate::sentiment::vocabulary::Vocabulary;
use crate::training::vectors::read_vectors;

/// Words that may take another's place when a row is augmented, at most.
const NEIGHBOURS: usize = 5;

/// The least cosine of such a word.
const LEAST_SIMILARITY: f32 = 0.5;

/// Vectors for the rows of an embedding.
#[derive(Debug)]
pub(super) struct InitialVectors {
    width: usize,
    /// For each id; `None` where the file does not know the word.
    rows: Vec<Option<Vec<f32>>>,
}

impl InitialVectors {
    /// Reads the file. Words that it knows and training never saw join the vocabulary, as many as there is room for: with
    /// their vectors they say something of a text that training cannot.
    pub(super) fn read(
        pretrained: &PretrainedVectors,
        vocabulary: &Vocabulary,
        settings: &ClassifierTraining,
    ) -> Result<(Vocabulary, Self)> {
        let path = &pretrained.path;
        let (vectors, _) = read_vectors(path)?;
        let width = settings.architecture.embedding;
        ensure!(
            vectors.width() == width,
            "{}: its vectors have {} values, the architecture's embedding {width}: pass --embedding {}",
            path.display(),
            vectors.width(),
            vectors.width()
        );
        let mut words = vocabulary.words().to_vec();
        let room = settings.maximum_words.saturating_sub(words.len());
        let known: HashSet<&String> = vocabulary.words().iter().collect();
        // What cleaning would change can never be read.
        let readable = |word: &&String| !known.contains(word) && settings.cleaning.clean(word) == **word;
        words.extend(vectors.words().iter().filter(readable).take(room).cloned());
        let vocabulary = Vocabulary::from_words(words).with_context(|| path.display().to_string())?;
        let mut rows = vec![None; vocabulary.rows()];
        for (row, word) in rows[1..].iter_mut().zip(vocabulary.words()) {
            *row = vectors.get(word).map(<[f32]>::to_vec);
        }
        ensure!(rows.iter().any(Option::is_some), "{}: knows no word of the training texts", path.display());
        Ok((vocabulary, Self { width, rows }))
    }

    /// `initial`, `[rows, width]`, with the known words' rows replaced.
    pub(super) fn over(&self, initial: &Tensor) -> Result<Tensor> {
        let mut values: Vec<f32> = initial.flatten_all()?.to_vec1()?;
        for (row, vector) in values.chunks_exact_mut(self.width).zip(&self.rows) {
            if let Some(vector) = vector {
                row.copy_from_slice(vector);
            }
        }
        Ok(Tensor::from_vec(values, initial.dims(), &Device::Cpu)?)
    }

    /// For each id the ids of the words most like it.
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

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
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
