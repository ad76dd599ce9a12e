//! Varies training rows a little each time they are read: words become unknown, or are replaced, swapped or left out.
//!
//! With word vectors, a word is replaced by one of its nearest neighbours; without, two neighbouring words change places
//! or one is left out (Wei and Zou, 2019). Only a few words change, because the words are what must be learned.

use rand::Rng as _;
use rand_chacha::ChaCha12Rng;

/// The share of words that change in a row that is augmented; at least one word does.
const CHANGED: f64 = 0.15;

/// Changes rows of word ids without padding.
#[derive(Debug, Clone, Default)]
pub(super) struct Augmenter {
    /// Probability that a row is changed.
    pub(super) share: f64,
    /// Probability that a word becomes `unknown`.
    pub(super) word_dropout: f64,
    pub(super) unknown: u32,
    /// For each id, the ids of similar words, if it has any; absent if there are no vectors.
    pub(super) neighbours: Option<Vec<Vec<u32>>>,
}

impl Augmenter {
    /// Returns the row as this step will see it.
    pub(super) fn apply(&self, ids: &[u32], rng: &mut ChaCha12Rng) -> Vec<u32> {
        let mut ids = ids.to_vec();
        if self.share > 0.0 && rng.random::<f64>() < self.share {
            let changes = ((ids.len() as f64 * CHANGED).round() as usize).max(1);
            (0..changes).for_each(|_| self.change(&mut ids, rng));
        }
        if self.word_dropout > 0.0 {
            for id in &mut ids {
                if rng.random::<f64>() < self.word_dropout {
                    *id = self.unknown;
                }
            }
        }
        ids
    }

    fn change(&self, ids: &mut Vec<u32>, rng: &mut ChaCha12Rng) {
        if ids.is_empty() {
            return;
        }
        let place = rng.random_range(0..ids.len());
        if let Some(neighbours) = &self.neighbours {
            let similar = neighbours.get(ids[place] as usize).map_or(&[][..], Vec::as_slice);
            if !similar.is_empty() {
                ids[place] = similar[rng.random_range(0..similar.len())];
            }
        } else if ids.len() > 1 {
            if rng.random_bool(0.5) {
                let other = (place + 1) % ids.len();
                ids.swap(place, other);
            } else {
                ids.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn rows(augmenter: &Augmenter, ids: &[u32]) -> Vec<Vec<u32>> {
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        (0..2000).map(|_| augmenter.apply(ids, &mut rng)).collect()
    }

    #[test]
    fn words_become_unknown_as_often_as_asked() {
        let augmenter = Augmenter { word_dropout: 0.2, unknown: 99, ..Augmenter::default() };
        let rows = rows(&augmenter, &[1, 2, 3, 4, 5]);
        let unknown = rows.iter().flatten().filter(|id| **id == 99).count() as f64 / 10_000.0;
        assert!((unknown - 0.2).abs() < 0.02, "{unknown}");
        assert!(rows.iter().all(|row| row.len() == 5));
    }

    #[test]
    fn rows_lose_or_swap_a_word_as_often_as_asked() {
        let augmenter = Augmenter { share: 0.3, ..Augmenter::default() };
        let rows = rows(&augmenter, &[1, 2, 3, 4]);
        let changed = rows.iter().filter(|row| **row != [1, 2, 3, 4]).count() as f64 / 2000.0;
        assert!((changed - 0.3).abs() < 0.04, "{changed}");
        assert!(rows.iter().any(|row| row.len() == 3) && rows.iter().any(|row| row[..2] == [2, 1]));
        assert!(rows.iter().flatten().all(|id| (1..=4).contains(id)));
    }

    #[test]
    fn with_vectors_a_word_gives_way_to_a_neighbour_alone() {
        let neighbours = Some(vec![vec![], vec![7, 8], vec![]]);
        let augmenter = Augmenter { share: 1.0, neighbours, ..Augmenter::default() };
        let rows = rows(&augmenter, &[1, 2]);
        for row in &rows {
            assert!([1, 7, 8].contains(&row[0]) && row[1] == 2, "{row:?}");
        }
        assert!([1, 7, 8].iter().all(|id| rows.iter().any(|row| row[0] == *id)));
    }

    #[test]
    fn rows_of_one_word_or_none_stay_readable() {
        let augmenter = Augmenter { share: 1.0, ..Augmenter::default() };
        assert!(rows(&augmenter, &[5]).iter().all(|row| *row == [5]));
        assert!(rows(&augmenter, &[]).iter().all(Vec::is_empty));
    }
}
