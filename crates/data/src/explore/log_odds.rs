//! Which words set one group apart: the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008,
//! "Fightin' Words", equations 15, 16, 22 and 23).
//!
//! A plain count lists the words that everybody uses, a plain ratio the rarest ones. Here the words of all groups together are the
//! prior, worth [`PRIOR_WORDS`] words, and each ratio is divided by its standard error.

use super::numbers::DistinctiveWord;

/// How many words the prior is worth.
const PRIOR_WORDS: f64 = 500.0;
/// Rarer words are not listed.
const LEAST_POSTS: u64 = 5;

/// How often a word occurs in a group and in all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WordCount<'a> {
    pub(super) word: &'a str,
    pub(super) here: u64,
    pub(super) everywhere: u64,
}

/// Returns the `most` words with the highest z-scores among those above 0, best first; equals in the order of the alphabet.
/// `here` and `everywhere` are the sums over all words, listed or not.
pub(super) fn distinctive(counts: &[WordCount<'_>], here: u64, everywhere: u64, most: usize) -> Vec<DistinctiveWord> {
    let mut scores: Vec<Score<'_>> = counts
        .iter()
        .filter(|count| count.here > 0 && count.everywhere >= LEAST_POSTS)
        .map(|count| Score::new(*count, here as f64, everywhere as f64))
        .filter(|score| score.z > 0.0)
        .collect();
    let best_first = |left: &Score<'_>, right: &Score<'_>| {
        right.z.total_cmp(&left.z).then_with(|| left.count.word.cmp(right.count.word))
    };
    if scores.len() > most {
        scores.select_nth_unstable_by(most, best_first);
        scores.truncate(most);
    }
    scores.sort_by(best_first);
    scores.into_iter().map(DistinctiveWord::from).collect()
}

/// A word with its log-odds ratio, plain and in standard errors.
struct Score<'a> {
    count: WordCount<'a>,
    log_odds: f64,
    z: f64,
}

impl<'a> Score<'a> {
    fn new(count: WordCount<'a>, all_here: f64, everywhere: f64) -> Self {
        let (here, elsewhere) = (count.here as f64, (count.everywhere - count.here) as f64);
        let all_elsewhere = everywhere - all_here;
        let prior = PRIOR_WORDS * count.everywhere as f64 / everywhere;
        let odds = |seen: f64, all: f64| ((seen + prior) / (all + PRIOR_WORDS - seen - prior)).ln();
        let log_odds = odds(here, all_here) - odds(elsewhere, all_elsewhere);
        let variance = 1.0 / (here + prior) + 1.0 / (elsewhere + prior);
        Self { count, log_odds, z: log_odds / variance.sqrt() }
    }
}

impl From<Score<'_>> for DistinctiveWord {
    fn from(Score { count, log_odds, z }: Score<'_>) -> Self {
        let WordCount { word, here, everywhere } = count;
        Self { word: word.to_owned(), here, elsewhere: everywhere - here, log_odds, z }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        words: Vec<String>,
        here: Vec<u64>,
        elsewhere: Vec<u64>,
        log_odds: Vec<f64>,
        z: Vec<f64>,
    }

    // tests/data/explore/log_odds.py: numpy.
    #[test]
    fn the_numbers_are_those_of_numpy() {
        let want: Reference =
            serde_json::from_str(include_str!("../../../../tests/data/explore/log_odds.json")).unwrap();
        let counts: Vec<WordCount<'_>> = (0..want.words.len())
            .map(|place| WordCount {
                word: &want.words[place],
                here: want.here[place],
                everywhere: want.here[place] + want.elsewhere[place],
            })
            .collect();
        let (here, elsewhere): (u64, u64) = (want.here.iter().sum(), want.elsewhere.iter().sum());
        let got = distinctive(&counts, here, here + elsewhere, usize::MAX);
        let listed: Vec<usize> = (0..counts.len())
            .filter(|&place| want.z[place] > 0.0 && counts[place].here > 0 && counts[place].everywhere >= LEAST_POSTS)
            .collect();
        assert!(listed.len() > 10 && got.len() == listed.len());
        for place in listed {
            let word = got.iter().find(|word| word.word == want.words[place]).unwrap();
            assert!((word.log_odds - want.log_odds[place]).abs() < 1e-10, "{word:?}");
            assert!((word.z - want.z[place]).abs() < 1e-10, "{word:?}");
        }
        assert!(got.windows(2).all(|pair| pair[0].z >= pair[1].z));
    }

    #[test]
    fn a_word_that_all_use_alike_is_not_listed_and_neither_is_a_rare_one() {
        let count = |word, here, everywhere| WordCount { word, here, everywhere };
        let counts = [count("la", 500, 1000), count("viento", 40, 45), count("raro", 4, 4), count("otro", 0, 60)];
        let words = distinctive(&counts, 1000, 2000, 10);
        let words: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        assert_eq!(words, ["viento"]);
    }

    #[test]
    fn a_group_that_is_everything_or_nothing_has_no_such_words() {
        let count = WordCount { word: "sol", here: 9, everywhere: 9 };
        assert_eq!(distinctive(&[count], 9, 9, 10), []);
        assert_eq!(distinctive(&[], 0, 0, 10), []);
    }
}
