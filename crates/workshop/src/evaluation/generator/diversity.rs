//! Measures how much texts differ from each other, and how much each repeats itself. Words are those of
//! [`normalise`]: lower case, no accents, no signs.

use std::collections::HashSet;

use pregonero_text::normal::normalise;

/// The length of the runs that count as repeated within a text.
pub const REPEATED_WORDS: usize = 4;

/// Texts as lists of words.
#[derive(Debug)]
pub struct Words(Vec<Vec<String>>);

impl Words {
    /// Reads `texts`.
    #[must_use]
    pub fn of<T: AsRef<str>>(texts: &[T]) -> Self {
        let words = |text: &T| normalise(text.as_ref()).split_whitespace().map(str::to_owned).collect();
        Self(texts.iter().map(words).collect())
    }

    /// Returns the mean number of words in a text; 0 without texts.
    #[must_use]
    pub fn mean_length(&self) -> f64 {
        let words: usize = self.0.iter().map(Vec::len).sum();
        words as f64 / self.0.len().max(1) as f64
    }

    /// Returns distinct-n (Li et al. 2016): the share of different runs of `n` words. It falls with the number of texts, so
    /// that only equal numbers can be compared. `None` if no text is that long.
    #[must_use]
    pub fn distinct(&self, n: usize) -> Option<f64> {
        let runs: Vec<&[String]> = self.0.iter().flat_map(|words| words.windows(n)).collect();
        let different: HashSet<&[String]> = runs.iter().copied().collect();
        (!runs.is_empty()).then(|| different.len() as f64 / runs.len() as f64)
    }

    /// Returns the share of each text's runs of [`REPEATED_WORDS`] that occur in it earlier, averaged over the texts that have
    /// any (seq-rep-4, Welleck et al. 2020). `None` if none has.
    #[must_use]
    pub fn repeated(&self) -> Option<f64> {
        let of_text = |words: &Vec<String>| {
            let runs: Vec<&[String]> = words.windows(REPEATED_WORDS).collect();
            let different: HashSet<&[String]> = runs.iter().copied().collect();
            (!runs.is_empty()).then(|| 1.0 - different.len() as f64 / runs.len() as f64)
        };
        let shares: Vec<f64> = self.0.iter().filter_map(of_text).collect();
        (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_runs_are_counted_over_all_texts() {
        let words = Words::of(&["La plaza, la plaza", "¡la PLAZA nueva!", "sola"]);
        // la plaza la plaza | la plaza nueva | sola: 4 different of 8 words, 3 of 5 pairs, 3 of 3 triples.
        assert_eq!(words.distinct(1), Some(0.5));
        assert_eq!(words.distinct(2), Some(0.6));
        assert_eq!(words.distinct(3), Some(1.0));
        assert_eq!(words.distinct(5), None);
        assert!((words.mean_length() - 8.0 / 3.0).abs() < 1e-12);
        assert_eq!(Words::of(&[""; 0]).distinct(1), None);
    }

    #[test]
    fn repetition_is_counted_within_each_text() {
        // a b c d, b c d a, c d a b, d a b c, a b c d: one of five occurs earlier. The second text has no repeat.
        let words = Words::of(&["a b c d a b c d", "uno dos tres cuatro", "corto"]);
        assert!((words.repeated().unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(Words::of(&["corto"]).repeated(), None);
    }
}
