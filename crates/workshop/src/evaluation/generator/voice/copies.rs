//! Counts how much the chosen tweets repeat each other, the project's own texts, and texts by other people.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::ChosenTweet;
use pregonero_models::verbatim::Comparison;
use pregonero_text::normal::normalise;

/// How many first words two texts must share to count as beginning alike.
const BEGINNING: usize = 6;
/// How many words in a row count as a copy from another person's text.
const RUN: usize = 8;
/// A text with at least this similarity (0 to 1, as the `near_duplicate` gate measures it) counts as a near-duplicate.
const NEAR: f64 = 0.8;

/// Texts that the chosen tweets are compared with.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// Texts by the project or the operator, which may be imitated but not repeated as a whole.
    pub own: &'a [String],
    /// Texts by other people, from which no long run of words may be copied.
    pub others: &'a [String],
}

/// Counts over the chosen tweets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copies {
    pub chosen: usize,
    /// Texts that occur more than once, after normalising; each repetition counts.
    pub repeated: usize,
    /// Texts that share their first six words with another chosen one.
    pub same_beginning: usize,
    /// Texts at least 80 % like one of the own texts; absent if none were given.
    pub near_own: Option<usize>,
    /// Texts with eight words in a row from a text by other people; absent if none were given.
    pub runs_of_others: Option<usize>,
}

impl Copies {
    /// Computes the counts for `chosen`.
    #[must_use]
    pub fn count(chosen: &[ChosenTweet], sources: &Sources<'_>) -> Self {
        let mut texts: HashMap<String, usize> = HashMap::new();
        let mut beginnings: HashMap<String, usize> = HashMap::new();
        for one in chosen {
            *texts.entry(normalise(&one.text)).or_default() += 1;
            *beginnings.entry(beginning(&one.text)).or_default() += 1;
        }
        let near_own = (!sources.own.is_empty()).then(|| near(chosen, sources.own));
        let runs_of_others = (!sources.others.is_empty()).then(|| with_runs(chosen, sources.others));
        Self {
            chosen: chosen.len(),
            repeated: chosen.len() - texts.len(),
            same_beginning: beginnings.values().filter(|count| **count > 1).sum(),
            near_own,
            runs_of_others,
        }
    }
}

/// Counts the chosen tweets that are nearly the whole of a text in `own`.
fn near(chosen: &[ChosenTweet], own: &[String]) -> usize {
    let texts: Vec<&str> = chosen.iter().map(|one| one.text.as_str()).collect();
    let mut comparison = Comparison::new(&texts, NEAR);
    own.iter().for_each(|text| comparison.add(&normalise(text)));
    comparison.finish().into_iter().flatten().count()
}

/// Counts the chosen tweets with a run of words from one of `others`. Indexes the runs of the few chosen tweets and looks up
/// those of the many others one text at a time.
fn with_runs(chosen: &[ChosenTweet], others: &[String]) -> usize {
    let texts: Vec<String> = chosen.iter().map(|one| normalise(&one.text)).collect();
    let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, text) in texts.iter().enumerate() {
        runs(text).for_each(|run| waiting.entry(run).or_default().push(place));
    }
    let mut found: HashSet<usize> = HashSet::new();
    for other in others {
        let other = normalise(other);
        found.extend(runs(&other).filter_map(|run| waiting.get(run)).flatten());
    }
    found.len()
}

/// Iterates over every run of words in a normalised text.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let starts = std::iter::once(0).chain(text.match_indices(' ').map(|(space, _)| space + 1));
    let ends = text.match_indices(' ').map(|(space, _)| space).chain([text.len()]);
    starts.zip(ends.skip(RUN - 1)).map(|(start, end)| &text[start..end])
}

fn beginning(text: &str) -> String {
    normalise(text).split_whitespace().take(BEGINNING).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_tweet::Ranking;

    fn chosen(text: &str) -> ChosenTweet {
        ChosenTweet {
            rng_seed: 1,
            prompt: String::new(),
            attributes: std::collections::BTreeMap::new(),
            text: text.to_owned(),
            score: 0.9,
            likelihood: None,
            ranking: Ranking::default(),
            needs_review: false,
        }
    }

    #[test]
    fn a_run_has_eight_words_and_none_of_them_is_cut() {
        assert_eq!(runs("a b c d e f g h i").collect::<Vec<_>>(), ["a b c d e f g h", "b c d e f g h i"]);
        assert_eq!((runs("a b c d e f g h").count(), runs("a b c d e f g").count(), runs("").count()), (1, 0, 0));
        let count = |other: &str| with_runs(&[chosen("la madre de b c d e f g h i")], &[other.to_owned()]);
        assert_eq!((count("Y b c d e f g h i."), count("una b c d e f g h y a")), (1, 0));
    }

    #[test]
    fn repetitions_beginnings_and_copies_are_counted() {
        let texts = [
            "Me parece que acompañar a la abuela a su cita le da tranquilidad.",
            "me parece que acompañar a la abuela a su cita le da tranquilidad",
            "Me parece que acompañar a la vecina es un gesto amable.",
            "El domingo abre la biblioteca del barrio y la entrada es libre para todos.",
        ]
        .map(chosen);
        let own = ["El domingo abre la biblioteca del barrio y la entrada es libre para todas.".to_owned()];
        let others = ["Dicen que acompañar a la abuela a su cita le da tranquilidad a cualquiera".to_owned()];
        let sources = Sources { own: &own, others: &others };
        let copies = Copies::count(&texts, &sources);
        let expected = Copies { chosen: 4, repeated: 1, same_beginning: 3, near_own: Some(1), runs_of_others: Some(2) };
        assert_eq!(copies, expected);
        let alone = Copies::count(&texts, &Sources::default());
        assert_eq!((alone.near_own, alone.runs_of_others), (None, None));
    }
}
