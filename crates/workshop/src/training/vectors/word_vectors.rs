//! A table of words and their vectors: lookup and nearest neighbours.

use std::collections::HashMap;

use anyhow::{Result, ensure};

/// Words and their vectors, one row of `width` values per word.
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    words: Vec<String>,
    places: HashMap<String, usize>,
    width: usize,
    values: Vec<f32>,
}

impl WordVectors {
    /// Creates a table of `words`, whose vectors are one after the other in `values`.
    ///
    /// # Errors
    /// If the width is 0, values are missing, too many or not finite, or a word is empty, contains a line break or
    /// occurs twice.
    pub fn new(words: Vec<String>, width: usize, values: Vec<f32>) -> Result<Self> {
        ensure!(width > 0, "the width is 0");
        ensure!(
            values.len() == words.len() * width,
            "{} words of width {width} need {} values, there are {}",
            words.len(),
            words.len() * width,
            values.len()
        );
        let mut places = HashMap::with_capacity(words.len());
        for (place, word) in words.iter().enumerate() {
            ensure!(!word.trim().is_empty() && !word.contains(['\n', '\r']), "{word:?} is not a word");
            ensure!(places.insert(word.clone(), place).is_none(), "the word {word:?} occurs twice");
            let row = &values[place * width..][..width];
            ensure!(row.iter().all(|value| value.is_finite()), "the vector of {word:?} is not finite");
        }
        Ok(Self { words, places, width, values })
    }

    pub(super) fn empty(width: usize) -> Result<Self> {
        Self::new(Vec::new(), width, Vec::new())
    }

    /// Adds a row whose word and values have been checked; returns `false` if the table already has the word.
    pub(super) fn push(&mut self, word: &str, vector: &[f32]) -> bool {
        if self.places.contains_key(word) {
            return false;
        }
        self.places.insert(word.to_owned(), self.words.len());
        self.words.push(word.to_owned());
        self.values.extend_from_slice(vector);
        true
    }

    /// Returns the words in the order of their rows.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns how many values a vector has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns all values, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Iterates over every word with its vector.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.words.iter().map(String::as_str).zip(self.values.chunks_exact(self.width))
    }

    /// Returns the vector of a word, spelled as in the table.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<&[f32]> {
        self.places.get(word).map(|&place| &self.values[place * self.width..][..self.width])
    }

    /// Returns the `count` words whose vectors are closest in direction to `word`'s, with their cosines, best first, without
    /// `word` itself; `None` if the table does not have it.
    #[must_use]
    pub fn nearest(&self, word: &str, count: usize) -> Option<Vec<(&str, f32)>> {
        let mut nearest = self.nearest_to(self.get(word)?, count + 1);
        nearest.retain(|(other, _)| *other != word);
        nearest.truncate(count);
        Some(nearest)
    }

    /// Returns the `count` words nearest to a vector of the table's width by cosine, best first, equals in the table's order. A
    /// vector of zeros has the cosine 0 with every other.
    #[must_use]
    pub fn nearest_to(&self, vector: &[f32], count: usize) -> Vec<(&str, f32)> {
        let mut all: Vec<(&str, f32)> = self.iter().map(|(word, other)| (word, cosine(vector, other))).collect();
        all.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        all.truncate(count);
        all
    }
}

/// Returns the cosine of the angle between two vectors with equally many values; 0 if one is all zeros.
#[must_use]
pub fn cosine(left: &[f32], right: &[f32]) -> f32 {
    let (mut product, mut squares) = (0.0_f64, [0.0_f64; 2]);
    for (&left, &right) in left.iter().zip(right) {
        let (left, right) = (f64::from(left), f64::from(right));
        product += left * right;
        squares[0] += left * left;
        squares[1] += right * right;
    }
    let norms = (squares[0] * squares[1]).sqrt();
    if norms > 0.0 { (product / norms) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_ordered_by_the_angle_alone() {
        let words = ["este", "noreste", "norte", "oeste", "nada"].map(str::to_owned).to_vec();
        let values = vec![1.0, 0.0, 7.0, 7.0, 0.0, 0.1, -5.0, 0.0, 0.0, 0.0];
        let vectors = WordVectors::new(words, 2, values).unwrap();
        let found = vectors.nearest("este", 4).unwrap();
        let names: Vec<&str> = found.iter().map(|(word, _)| *word).collect();
        assert_eq!(names, ["noreste", "norte", "nada", "oeste"]);
        for ((_, cosine), expected) in found.iter().zip([0.5_f32.sqrt(), 0.0, 0.0, -1.0]) {
            assert!((cosine - expected).abs() < 1e-6, "{cosine} {expected}");
        }
        assert_eq!(vectors.nearest("este", 1).unwrap().len(), 1);
        assert!(vectors.nearest("sur", 1).is_none());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let table = |words: &[&str], width, values: &[f32]| {
            WordVectors::new(words.iter().map(|&word| word.to_owned()).collect(), width, values.to_vec())
        };
        for (made, expected) in [
            (table(&["a"], 0, &[]), "the width is 0"),
            (table(&["a", "b"], 2, &[1.0; 3]), "need 4 values, there are 3"),
            (table(&["a", "a"], 1, &[1.0; 2]), "\"a\" occurs twice"),
            (table(&[" "], 1, &[1.0]), "\" \" is not a word"),
            (table(&["a\nb"], 1, &[1.0]), "is not a word"),
            (table(&["a"], 1, &[f32::NAN]), "the vector of \"a\" is not finite"),
        ] {
            let message = made.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
