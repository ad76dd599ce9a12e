//! Which rounds of the history are wanted: the conditions of `history list`, `history export` and the admin page.
//!
//! One constraint: whatever a person types as text to look for is a search and never an error, so every word goes to
//! SQLite's full-text search in quotes.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::{HistoryState, RoundId};

/// A round's number times this, plus a candidate's position, is the candidate's row in `candidates_text`.
const CANDIDATES_A_ROUND: i64 = 256;

/// Conditions on rounds, all of which have to hold. The default fits every round.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryFilter {
    /// Words that all occur in the post's text, whatever their accents and capitals; words in double quotes are a
    /// phrase, and a word that ends in `*` is the beginning of one.
    pub text: Option<String>,
    /// Whether `text` may also occur in a candidate that was not chosen.
    pub in_candidates: bool,
    /// Slots from this instant on.
    pub since: Option<Timestamp>,
    /// Slots before this instant.
    pub until: Option<Timestamp>,
    /// The seed prompt's text, with or without the blanks at its ends.
    pub prompt: Option<String>,
    /// Any of these; none means every state.
    pub states: Vec<HistoryState>,
    /// The posted candidate's least score.
    pub min_score: Option<f64>,
    /// The generator's name, or the beginning of its digest.
    pub model: Option<String>,
    /// Rounds before this one: the next page of a list.
    pub before: Option<RoundId>,
    /// The most rounds; all if absent.
    pub limit: Option<u32>,
}

impl HistoryFilter {
    /// Returns whether nothing but the number of rounds is limited.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let limits = Self { before: self.before, limit: self.limit, ..Self::default() };
        *self == limits
    }

    /// Adds the conditions, the order and the limit to a query over `rounds`, `posts` and `tallies`.
    pub(super) fn add_to(&self, query: &mut QueryBuilder<Sqlite>) {
        query.push("WHERE 1");
        if let Some(words) = &self.text {
            let pattern = search_pattern(words);
            query.push(" AND rounds.id IN (SELECT rowid FROM posts_text WHERE posts_text MATCH ");
            query.push_bind(pattern.clone());
            if self.in_candidates {
                // One list of both: two lists joined by OR would be looked through for each round.
                query.push(format!(
                    " UNION ALL SELECT rowid / {CANDIDATES_A_ROUND} FROM candidates_text WHERE candidates_text MATCH "
                ));
                query.push_bind(pattern);
            }
            query.push(")");
        }
        if let Some(since) = self.since {
            query.push(" AND tallies.due >= ").push_bind(whole_seconds(since));
        }
        if let Some(until) = self.until {
            query.push(" AND tallies.due < ").push_bind(whole_seconds(until));
        }
        if let Some(prompt) = &self.prompt {
            query.push(" AND trim(seed_prompt) = trim(").push_bind(prompt.clone()).push(")");
        }
        if !self.states.is_empty() {
            let (mut posts, mut rounds) = (Vec::new(), Vec::new());
            for state in &self.states {
                match state {
                    HistoryState::Post(state) => posts.push(state.as_str()),
                    HistoryState::Round(outcome) => rounds.push(outcome.as_str()),
                }
            }
            query.push(" AND rounds.id IN (SELECT id FROM posts WHERE state IN (");
            list(query, &posts);
            query.push(") UNION ALL SELECT id FROM rounds WHERE outcome <> 'chosen' AND outcome IN (");
            list(query, &rounds);
            query.push("))");
        }
        if let Some(score) = self.min_score {
            query.push(" AND rounds.id IN (SELECT round_id FROM tallies WHERE score >= ").push_bind(score).push(")");
        }
        if let Some(model) = &self.model {
            query.push(" AND (generator_name = ").push_bind(model.clone());
            query.push(" OR substr(generator_sha256, 1, length(").push_bind(model.clone());
            query.push(")) = ").push_bind(model.to_lowercase()).push(")");
        }
        if let Some(before) = self.before {
            query.push(" AND rounds.id < ").push_bind(before.get());
        }
        query.push(" ORDER BY rounds.id DESC");
        if let Some(limit) = self.limit {
            query.push(" LIMIT ").push_bind(limit);
        }
    }
}

/// Adds words as a list of values.
fn list(query: &mut QueryBuilder<Sqlite>, words: &[&'static str]) {
    let mut values = query.separated(", ");
    for word in words {
        values.push_bind(*word);
    }
}

/// Returns an instant in seconds of Unix time, rounded down.
pub(super) fn whole_seconds(instant: Timestamp) -> i64 {
    instant.as_second() - i64::from(instant.subsec_nanosecond() < 0)
}

/// Returns the words as FTS5 reads them: every word or phrase in quotes, with a star after those that are beginnings.
/// Words of which nothing is left (`—`) are left out; if no word is left, the pattern fits nothing.
fn search_pattern(words: &str) -> String {
    let mut terms = Vec::new();
    for (place, part) in words.split('"').enumerate() {
        if place % 2 == 1 {
            terms.push((part, ""));
        } else {
            terms.extend(part.split_whitespace().map(|word| match word.strip_suffix('*') {
                Some(start) => (start, "*"),
                None => (word, ""),
            }));
        }
    }
    let has_letters = |(term, _): &(&str, &str)| term.chars().any(char::is_alphanumeric);
    let quoted: Vec<String> = terms
        .into_iter()
        .filter(has_letters)
        .map(|(term, star)| format!("\"{term}\"{star}").replace('\0', " "))
        .collect();
    if quoted.is_empty() { "\"\"".to_owned() } else { quoted.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, judged, live, new_post, new_round};
    use crate::{NewPost, SlotId};
    use jiff::SignedDuration;
    use pregonero_tweet::Verdict;

    #[test]
    fn whatever_is_typed_is_a_search() {
        for (typed, pattern) in [
            ("mañana", "\"mañana\""),
            ("  café con  leche ", "\"café\" \"con\" \"leche\""),
            ("vacun*", "\"vacun\"*"),
            ("\"el mercado\" abre", "\"el mercado\" \"abre\""),
            ("NEAR(a b) OR -c:d^", "\"NEAR(a\" \"b)\" \"OR\" \"-c:d^\""),
            ("— ***", "\"\""),
            ("\"", "\"\""),
            ("", "\"\""),
        ] {
            assert_eq!(search_pattern(typed), pattern, "{typed}");
        }
    }

    /// A record of five rounds at 09:00 of five days.
    async fn record() -> TestStore {
        let test = TestStore::open().await;
        let texts = ["La vacunación avanza.", "Mañana abre el mercado.", "El año nuevo llega.", "¿Café o té?"];
        for (day, text) in texts.iter().enumerate() {
            let due = at("2026-03-01T14:00:00Z") + SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
            let mut round = new_round(SlotId::Scheduled(due));
            round.seed_prompt.text = if day == 0 { "La vacuna ".to_owned() } else { "Hoy, ".to_owned() };
            round.generator.name = if day == 1 { "otro".to_owned() } else { "builtin".to_owned() };
            let round = test.store.begin_round(&round, due).await.unwrap();
            let score = [0.9, 0.8, 0.5, 0.4][day];
            let other = judged("Nadie habla de trenes.", Verdict::Reject, 0.1);
            test.store
                .record_candidates(round, &[judged(text, Verdict::Pass, score), other], Some(0), due)
                .await
                .unwrap();
            if day == 3 {
                test.store.end_without_candidate(round, "2 of 2 rejected", due).await.unwrap();
                continue;
            }
            let origin = live();
            let approved_by = (day != 2).then_some("gates");
            let post = NewPost { approved_by, ..new_post(round, text, &origin, due) };
            test.store.create_post(&post, due).await.unwrap();
        }
        let due = at("2026-03-05T14:00:00Z");
        test.store.record_missed(&SlotId::Scheduled(due), "the machine was down", due).await.unwrap();
        test
    }

    async fn found(test: &TestStore, filter: HistoryFilter) -> Vec<i64> {
        test.store.history_filtered(&filter).await.unwrap().iter().map(|entry| entry.id.get()).collect()
    }

    #[tokio::test]
    async fn words_are_found_without_their_accents_and_capitals() {
        let test = record().await;
        for (words, expected) in [
            ("vacunacion", vec![1]),
            ("VACUN*", vec![1]),
            ("vacun", vec![]),
            ("manana MERCADO", vec![2]),
            ("\"abre el mercado\"", vec![2]),
            ("\"mercado abre\"", vec![]),
            ("ano", vec![3]),
            ("café", vec![]),
            ("a\" OR \"b", vec![]),
            ("*", vec![]),
        ] {
            let filter = HistoryFilter { text: Some(words.to_owned()), ..HistoryFilter::default() };
            assert_eq!(found(&test, filter).await, expected, "{words}");
        }
        let everywhere = |words: &str| HistoryFilter {
            text: Some(words.to_owned()),
            in_candidates: true,
            ..HistoryFilter::default()
        };
        assert_eq!(found(&test, everywhere("cafe")).await, [4], "a candidate of a round without a post");
        assert_eq!(found(&test, everywhere("trenes")).await, [4, 3, 2, 1]);
        let next = |limit, before| HistoryFilter { limit: Some(limit), before, ..everywhere("trenes") };
        assert_eq!(found(&test, next(2, None)).await, [4, 3]);
        assert_eq!(found(&test, next(9, Some(RoundId::new(3)))).await, [2, 1]);
    }

    #[tokio::test]
    async fn each_condition_leaves_those_that_fit_and_together_they_must_all_fit() {
        let test = record().await;
        let all = HistoryFilter::default;
        let state = |word: &str| HistoryState::from_word(word).unwrap();
        let cases = [
            (all(), vec![5, 4, 3, 2, 1]),
            (HistoryFilter { limit: Some(2), ..all() }, vec![5, 4]),
            (HistoryFilter { limit: Some(2), before: Some(RoundId::new(4)), ..all() }, vec![3, 2]),
            (HistoryFilter { since: Some(at("2026-03-03T14:00:00Z")), ..all() }, vec![5, 4, 3]),
            (HistoryFilter { until: Some(at("2026-03-03T14:00:00Z")), ..all() }, vec![2, 1]),
            (HistoryFilter { prompt: Some("La vacuna".to_owned()), ..all() }, vec![1]),
            (HistoryFilter { prompt: Some("Hoy, ".to_owned()), ..all() }, vec![4, 3, 2]),
            (HistoryFilter { states: vec![state("held")], ..all() }, vec![3]),
            (HistoryFilter { states: vec![state("approved"), state("missed")], ..all() }, vec![5, 2, 1]),
            (HistoryFilter { min_score: Some(0.7), ..all() }, vec![2, 1]),
            (HistoryFilter { model: Some("otro".to_owned()), ..all() }, vec![2]),
            (HistoryFilter { model: Some("AAAA".to_owned()), ..all() }, vec![4, 3, 2, 1]),
            (HistoryFilter { model: Some("b".to_owned()), ..all() }, vec![]),
            (HistoryFilter { min_score: Some(0.7), model: Some("builtin".to_owned()), ..all() }, vec![1]),
        ];
        for (filter, expected) in cases {
            assert_eq!(
                filter.is_open(),
                filter == HistoryFilter { limit: filter.limit, before: filter.before, ..all() }
            );
            assert_eq!(found(&test, filter.clone()).await, expected, "{filter:?}");
        }
    }
}
