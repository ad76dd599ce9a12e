//! BLEU (Papineni et al. 2002) as sacrebleu counts it: its `13a` tokens, clipped n-grams up to four, the closest reference
//! length, exponential smoothing. Scores run from 0 to 100.
//!
//! All hypotheses share one set of references. Self-BLEU (Zhu et al. 2018) compares each text with all others.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::Regex;

/// The longest n-grams that count.
const ORDER: usize = 4;

/// Texts to compare with.
#[derive(Debug, Default)]
pub struct References {
    /// For each n-gram (its tokens separated by single spaces), the most times that one reference contains it.
    most: HashMap<String, Most>,
    /// How many references have each length in tokens.
    lengths: BTreeMap<usize, usize>,
}

/// The largest count of an n-gram among the references, and the largest among the others.
#[derive(Debug, Clone, Copy)]
struct Most {
    count: usize,
    owner: usize,
    without_owner: usize,
}

/// The counts from which a score is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Matches {
    correct: [usize; ORDER],
    total: [usize; ORDER],
    hypothesis_length: usize,
    reference_length: usize,
}

impl References {
    /// Counts the n-grams of `texts`.
    #[must_use]
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Self {
        let mut references = Self::default();
        for (owner, text) in texts.iter().enumerate() {
            let tokens = tokens(text.as_ref());
            *references.lengths.entry(tokens.len()).or_default() += 1;
            for (gram, count) in counts(&tokens) {
                let most = references.most.entry(gram).or_insert(Most { count: 0, owner, without_owner: 0 });
                if count > most.count {
                    *most = Most { count, owner, without_owner: most.count };
                } else {
                    most.without_owner = most.without_owner.max(count);
                }
            }
        }
        references
    }

    /// Returns the BLEU of all `hypotheses` together, or `None` if there are no hypotheses or no references.
    #[must_use]
    pub fn corpus_bleu<T: AsRef<str>>(&self, hypotheses: &[T]) -> Option<f64> {
        if hypotheses.is_empty() || self.lengths.is_empty() {
            return None;
        }
        let mut all = Matches::default();
        for hypothesis in hypotheses {
            all.add(&self.matches(hypothesis.as_ref(), None));
        }
        Some(all.score(false))
    }

    /// Counts the matches of a hypothesis. `left_out` is the index of a reference to ignore, which must be the hypothesis itself.
    fn matches(&self, hypothesis: &str, left_out: Option<usize>) -> Matches {
        let tokens = tokens(hypothesis);
        let mut matches = Matches { hypothesis_length: tokens.len(), ..Matches::default() };
        for (gram, count) in counts(&tokens) {
            let most = self.most.get(&gram).map_or(0, |most| match left_out {
                Some(owner) if owner == most.owner => most.without_owner,
                _ => most.count,
            });
            let length = gram.matches(' ').count();
            matches.correct[length] += count.min(most);
            matches.total[length] += count;
        }
        matches.reference_length = self.closest_length(tokens.len(), left_out.is_some()).unwrap_or(0);
        matches
    }

    /// Returns the length nearest to `length`, of equals the smaller; `without_one` ignores one reference of that length.
    fn closest_length(&self, length: usize, without_one: bool) -> Option<usize> {
        let is_left = |(other, count): &(&usize, &usize)| **count > usize::from(without_one && **other == length);
        let below = self.lengths.range(..=length).rev().find(is_left).map(|(other, _)| *other);
        let above = self.lengths.range(length..).find(is_left).map(|(other, _)| *other);
        match (below, above) {
            (Some(below), Some(above)) => Some(if above - length < length - below { above } else { below }),
            (below, above) => below.or(above),
        }
    }
}

/// Returns the mean of every text's BLEU against all others: 100 if all are the same. `None` for fewer than two texts.
#[must_use]
pub fn self_bleu<T: AsRef<str>>(texts: &[T]) -> Option<f64> {
    if texts.len() < 2 {
        return None;
    }
    let others = References::new(texts);
    let score = |(place, text): (usize, &T)| others.matches(text.as_ref(), Some(place)).score(true);
    Some(texts.iter().enumerate().map(score).sum::<f64>() / texts.len() as f64)
}

impl Matches {
    fn add(&mut self, other: &Self) {
        for length in 0..ORDER {
            self.correct[length] += other.correct[length];
            self.total[length] += other.total[length];
        }
        self.hypothesis_length += other.hypothesis_length;
        self.reference_length += other.reference_length;
    }

    /// Returns the score; with `effective_order`, only n-grams that the hypothesis is long enough for count, as in sacrebleu
    /// for single sentences.
    fn score(&self, effective_order: bool) -> f64 {
        if self.correct.iter().all(|count| *count == 0) {
            return 0.0;
        }
        let orders = self.total.iter().take_while(|total| **total > 0).count();
        if orders < ORDER && !effective_order {
            return 0.0;
        }
        let mut missed = 1.0;
        let logarithms = self.correct.iter().zip(&self.total).take(orders).map(|(correct, total)| {
            let correct = if *correct == 0 {
                missed *= 2.0;
                1.0 / missed
            } else {
                *correct as f64
            };
            (100.0 * correct / *total as f64).ln()
        });
        let mean = logarithms.sum::<f64>() / orders as f64;
        let (length, reference) = (self.hypothesis_length as f64, self.reference_length as f64);
        let brevity = if length < reference { (1.0 - reference / length).exp() } else { 1.0 };
        brevity * mean.exp()
    }
}

/// Counts how often each n-gram occurs.
fn counts(tokens: &[String]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for length in 1..=ORDER {
        for gram in tokens.windows(length) {
            *counts.entry(gram.join(" ")).or_insert(0) += 1;
        }
    }
    counts
}

static RULES: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    let rule = |pattern: &str, replacement| (Regex::new(pattern).expect("the pattern is valid"), replacement);
    [
        rule(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", " $1 "),
        rule(r"([^0-9])([\.,])", "$1 $2 "),
        rule(r"([\.,])([^0-9])", " $1 $2"),
        rule(r"([0-9])(-)", "$1 $2 "),
    ]
});

/// Splits a text into mteval-v13a's tokens, sacrebleu's default.
fn tokens(text: &str) -> Vec<String> {
    let text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let parted = RULES
        .iter()
        .fold(format!(" {text} "), |text, (rule, replacement)| rule.replace_all(&text, *replacement).into_owned());
    parted.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// `tests/data/generator-evaluation/make_bleu.py` made them with sacrebleu.
    #[derive(Deserialize)]
    struct Reference {
        tokens: Vec<(String, String)>,
        corpora: Vec<Corpus>,
        self_bleu: Vec<SelfBleu>,
    }

    #[derive(Deserialize)]
    struct Corpus {
        hypotheses: Vec<String>,
        references: Vec<String>,
        score: f64,
    }

    #[derive(Deserialize)]
    struct SelfBleu {
        texts: Vec<String>,
        score: f64,
    }

    fn reference() -> Reference {
        serde_json::from_str(include_str!("../../../../../tests/data/generator-evaluation/bleu.json")).unwrap()
    }

    #[test]
    fn tokens_are_those_of_sacrebleu() {
        for (text, expected) in reference().tokens {
            assert_eq!(tokens(&text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn corpus_bleu_equals_sacrebleu() {
        for Corpus { hypotheses, references, score } in reference().corpora {
            let ours = References::new(&references).corpus_bleu(&hypotheses).unwrap();
            assert!((ours - score).abs() < 1e-9, "{ours} {score}: {hypotheses:?}");
        }
        assert_eq!(References::new(&[""; 0]).corpus_bleu(&["hola"]), None);
        assert_eq!(References::new(&["hola"]).corpus_bleu(&[""; 0]), None);
    }

    #[test]
    fn self_bleu_is_the_mean_of_sacrebleus_sentences_against_the_others() {
        for SelfBleu { texts, score } in reference().self_bleu {
            let ours = self_bleu(&texts).unwrap();
            assert!((ours - score).abs() < 1e-9, "{ours} {score}: {texts:?}");
        }
        assert_eq!(self_bleu(&["sola"]), None);
    }
}
