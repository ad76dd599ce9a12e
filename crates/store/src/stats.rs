//! Statistics over the rounds: by prompt, hour, weekday, model or month.
//!
//! One constraint: a year of them is read within a tenth of a second. So nothing here reads candidates, only `tallies`;
//! each round comes as one text, because a row's every column costs as much as the text's parsing; and what is added up,
//! is added up here, where the schedule's time zone is known.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite};

use super::columns::unreadable;
use super::error::Doing as _;
use super::filter::whole_seconds;
use super::state::words;
use super::tallies::{read_gates, read_scores};
use super::{PostState, RoundOutcome, Store, StoreError};

/// How many reasons are named for rounds that led to nothing.
const MOST_REASONS: usize = 5;

/// What statistics are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsBy {
    /// One row over all.
    Total,
    /// The seed prompt with its attributes.
    Prompt,
    /// The hour of the slot, `00` to `23`.
    Hour,
    /// The weekday of the slot, Monday first.
    Weekday,
    /// The generator.
    Model,
    /// The month of the slot, `2026-03`.
    Month,
}

words!(StatsBy {
    Total => "total",
    Prompt => "prompt",
    Hour => "hour",
    Weekday => "weekday",
    Model => "model",
    Month => "month",
});

/// Which rounds are counted, and how they are grouped.
#[derive(Debug, Clone)]
pub struct StatsQuery {
    pub by: StatsBy,
    /// The zone of hours, weekdays and months.
    pub zone: TimeZone,
    /// Slots from this instant on.
    pub since: Option<Timestamp>,
    /// Slots before this instant.
    pub until: Option<Timestamp>,
}

/// What is known of one group of rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatsRow {
    /// What the group has in common: `all`, a prompt's text, `09`, `Monday`, a model's name, `2026-03`.
    pub key: String,
    /// Of a prompt: its attributes; of a model: its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    pub rounds: i64,
    /// How the rounds ended, by the words of [`RoundOutcome`].
    pub outcomes: BTreeMap<&'static str, i64>,
    pub candidates: i64,
    /// Candidates by their worst verdict.
    pub passed: i64,
    pub review: i64,
    pub rejected: i64,
    /// The verdicts of each gate, in the gates' order.
    pub gates: Vec<GateCounts>,
    /// Rounds whose candidate was chosen.
    pub chosen: i64,
    /// Posts by state.
    pub posts: BTreeMap<&'static str, i64>,
    /// The scores of all candidates.
    pub score: OfScores,
    /// The scores of the candidates that posts were made of, and the numbers by which they were chosen.
    pub posted_score: OfScores,
    pub posted_rank: OfScores,
    /// What X charged for the posts and for finding out whether they were published, in millionths of a dollar.
    pub cost_micros: i64,
    /// Why rounds led to no post, the most frequent reason first.
    pub stopped: Vec<Stopped>,
    /// Sent posts of which X said how people reacted, and the sums of what it said last.
    pub measured: i64,
    pub likes: i64,
    pub reposts: i64,
    pub replies: i64,
    pub quotes: i64,
    pub views: i64,
}

/// How often a gate gave each verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateCounts {
    pub gate: String,
    pub passed: i64,
    pub review: i64,
    pub rejected: i64,
}

impl GateCounts {
    /// Returns the share of texts that the gate had no objection to, 0 to 1; `None` if it was asked about none.
    #[must_use]
    pub fn share_passed(&self) -> Option<f64> {
        share(self.passed, self.passed + self.review + self.rejected)
    }
}

/// Mean and median; absent if there is nothing to take them of.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct OfScores {
    pub mean: Option<f64>,
    pub median: Option<f64>,
}

/// A reason why rounds led to no post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    pub outcome: RoundOutcome,
    /// For `no_candidate`, the gate that rejected most of the candidates; otherwise the recorded reason.
    pub reason: String,
    pub rounds: i64,
}

/// Returns `part` of `whole` as a number from 0 to 1; `None` of nothing.
#[expect(clippy::cast_precision_loss, reason = "no record has 2^52 rows")]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The key of rounds without a prompt or a model: missed ones.
const NONE: &str = "(none)";

/// Separates the fields of a round's text.
const SEPARATOR: char = '\u{1f}';

/// A round's text: the same fields for every grouping, then two that make its key, and why it led to nothing.
const SELECT_ROUNDS: &str =
    "SELECT concat_ws(char(31), due, outcome, coalesce(posts.state, ''), candidates, passed, review,
     rejected, gates, scores, coalesce(score, ''), coalesce(rank, ''),
     coalesce((SELECT sum(price_micros) FROM attempts
         WHERE post_id = posts.id AND outcome IN ('under_way', 'sent', 'unknown')), 0)
     + coalesce((SELECT sum(price_micros) FROM reads WHERE post_id = posts.id), 0),
     coalesce(likes, ''), coalesce(reposts, ''), coalesce(replies, ''), coalesce(quotes, ''), coalesce(views, ''),
     CASE WHEN outcome IN ('chosen', 'running') THEN '' ELSE replace(coalesce(reason, ''), char(31), ' ') END, ";

impl Store {
    /// Returns one row a group, in the groups' natural order: hours, weekdays and months as they follow each other,
    /// prompts and models by their number of rounds.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn stats(&self, stats: &StatsQuery) -> Result<Vec<StatsRow>, StoreError> {
        const DOING: &str = "read the statistics";
        let mut query = QueryBuilder::<Sqlite>::new(SELECT_ROUNDS);
        query.push(match stats.by {
            StatsBy::Prompt => "replace(coalesce(seed_prompt, ''), char(31), ' '), coalesce(seed_attributes, '')",
            StatsBy::Model => "replace(coalesce(generator_name, ''), char(31), ' '), coalesce(generator_sha256, '')",
            StatsBy::Total | StatsBy::Hour | StatsBy::Weekday | StatsBy::Month => "'', ''",
        });
        query.push(
            ") FROM tallies JOIN rounds ON rounds.id = tallies.round_id LEFT JOIN posts ON posts.id = tallies.round_id
             WHERE 1",
        );
        if let Some(since) = stats.since {
            query.push(" AND due >= ").push_bind(whole_seconds(since));
        }
        if let Some(until) = stats.until {
            query.push(" AND due < ").push_bind(whole_seconds(until));
        }
        query.push(" ORDER BY tallies.round_id");
        let rounds: Vec<String> = query.build_query_scalar().fetch_all(self.readers()).await.doing(DOING)?;
        let mut groups = Groups::new(stats);
        for text in &rounds {
            groups.add(text).ok_or_else(|| unreadable("tallies", text)).doing(DOING)?;
        }
        Ok(groups.into_rows())
    }
}

/// The groups as they grow.
struct Groups<'a> {
    stats: &'a StatsQuery,
    places: HashMap<String, usize>,
    groups: Vec<Group>,
}

/// One group before its means are known.
struct Group {
    /// Its place among the others.
    order: i64,
    row: StatsRow,
    /// How many candidates had each score, in thousandths.
    scores: Vec<i64>,
    posted_scores: Vec<f64>,
    posted_ranks: Vec<f64>,
    stopped: HashMap<(RoundOutcome, String), i64>,
}

impl<'a> Groups<'a> {
    fn new(stats: &'a StatsQuery) -> Self {
        Self { stats, places: HashMap::new(), groups: Vec::new() }
    }

    /// Adds one round; `None` if its text cannot be read.
    fn add(&mut self, text: &str) -> Option<()> {
        let mut fields = text.split(SEPARATOR);
        let mut next = || fields.next();
        let due: i64 = next()?.parse().ok()?;
        let outcome = RoundOutcome::from_word(next()?)?;
        let state = PostState::from_word(next()?);
        let counts: [i64; 4] =
            [next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?];
        let (gates, scores) = (next()?, next()?);
        let (score, rank): (Option<f64>, Option<f64>) = (next()?.parse().ok(), next()?.parse().ok());
        let cost: i64 = next()?.parse().ok()?;
        let engagement: [Option<i64>; 5] = [
            next()?.parse().ok(),
            next()?.parse().ok(),
            next()?.parse().ok(),
            next()?.parse().ok(),
            next()?.parse().ok(),
        ];
        let reason = next()?;
        let (name, detail) = (next()?, next()?);
        let group = self.group(due, name, detail);
        let row = &mut group.row;
        row.rounds += 1;
        *row.outcomes.entry(outcome.as_str()).or_default() += 1;
        row.chosen += i64::from(outcome == RoundOutcome::Chosen);
        if let Some(state) = state {
            *row.posts.entry(state.as_str()).or_default() += 1;
        }
        let [candidates, passed, review, rejected] = counts;
        row.candidates += candidates;
        row.passed += passed;
        row.review += review;
        row.rejected += rejected;
        row.cost_micros += cost;
        if let [Some(likes), reposts, replies, quotes, views] = engagement {
            row.measured += 1;
            row.likes += likes;
            row.reposts += reposts.unwrap_or(0);
            row.replies += replies.unwrap_or(0);
            row.quotes += quotes.unwrap_or(0);
            row.views += views.unwrap_or(0);
        }
        let strictest = row.add_gates(gates);
        for score in read_scores(scores) {
            let most = group.scores.len() - 1;
            group.scores[usize::from(score).min(most)] += 1;
        }
        group.posted_scores.extend(score);
        group.posted_ranks.extend(rank);
        let reason = match (outcome, strictest) {
            (RoundOutcome::NoCandidate, Some(gate)) => gate,
            _ => reason,
        };
        if !matches!(outcome, RoundOutcome::Chosen | RoundOutcome::Running) {
            match group.stopped.get_mut(&(outcome, reason.to_owned())) {
                Some(rounds) => *rounds += 1,
                None => drop(group.stopped.insert((outcome, reason.to_owned()), 1)),
            }
        }
        Some(())
    }

    fn group(&mut self, due: i64, name: &str, detail: &str) -> &mut Group {
        let (key, order) = self.key(due, name);
        let whole = if detail.is_empty() { key.clone() } else { format!("{name}{SEPARATOR}{detail}") };
        let place = *self.places.entry(whole).or_insert_with(|| {
            self.groups.push(Group::new(order, key));
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        if group.row.rounds == 0 && !detail.is_empty() {
            match self.stats.by {
                StatsBy::Prompt => group.row.attributes = serde_json::from_str(detail).ok().filter(has_entries),
                _ => group.row.sha256 = Some(detail.to_owned()),
            }
        }
        group
    }

    /// Returns what the round's group has in common, and the group's place.
    fn key(&self, due: i64, name: &str) -> (String, i64) {
        let local = |format: &str| {
            let due = Timestamp::from_second(due).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.stats.zone.clone());
            let order = match self.stats.by {
                StatsBy::Hour => i64::from(due.hour()),
                StatsBy::Weekday => i64::from(due.weekday().to_monday_zero_offset()),
                _ => i64::from(due.year()) * 12 + i64::from(due.month()),
            };
            (due.strftime(format).to_string(), order)
        };
        match self.stats.by {
            StatsBy::Total => ("all".to_owned(), 0),
            StatsBy::Prompt | StatsBy::Model => (if name.is_empty() { NONE.to_owned() } else { name.to_owned() }, 0),
            StatsBy::Hour => local("%H"),
            StatsBy::Weekday => local("%A"),
            StatsBy::Month => local("%Y-%m"),
        }
    }

    fn into_rows(self) -> Vec<StatsRow> {
        let mut groups = self.groups;
        groups.sort_by(|one, other| one.order.cmp(&other.order).then(other.row.rounds.cmp(&one.row.rounds)));
        groups.into_iter().map(Group::into_row).collect()
    }
}

fn has_entries(value: &serde_json::Value) -> bool {
    value.as_object().is_some_and(|entries| !entries.is_empty())
}

impl Group {
    fn new(order: i64, key: String) -> Self {
        let row = StatsRow {
            key,
            attributes: None,
            sha256: None,
            rounds: 0,
            outcomes: BTreeMap::new(),
            candidates: 0,
            passed: 0,
            review: 0,
            rejected: 0,
            gates: Vec::new(),
            chosen: 0,
            posts: BTreeMap::new(),
            score: OfScores::default(),
            posted_score: OfScores::default(),
            posted_rank: OfScores::default(),
            cost_micros: 0,
            stopped: Vec::new(),
            measured: 0,
            likes: 0,
            reposts: 0,
            replies: 0,
            quotes: 0,
            views: 0,
        };
        let (posted_scores, posted_ranks) = (Vec::new(), Vec::new());
        Self { order, row, scores: vec![0; 1001], posted_scores, posted_ranks, stopped: HashMap::new() }
    }

    fn into_row(self) -> StatsRow {
        let mut stopped: Vec<Stopped> =
            self.stopped.into_iter().map(|((outcome, reason), rounds)| Stopped { outcome, reason, rounds }).collect();
        stopped.sort_by(|one, other| other.rounds.cmp(&one.rounds).then_with(|| one.reason.cmp(&other.reason)));
        stopped.truncate(MOST_REASONS);
        StatsRow {
            score: of_counts(&self.scores),
            posted_score: of_values(self.posted_scores),
            posted_rank: of_values(self.posted_ranks),
            stopped,
            ..self.row
        }
    }
}

impl StatsRow {
    /// Adds one round's verdicts; returns the gate that rejected most of its candidates.
    fn add_gates<'a>(&mut self, gates: &'a str) -> Option<&'a str> {
        let mut strictest: (i64, Option<&str>) = (0, None);
        for (place, (name, verdicts)) in read_gates(gates).enumerate() {
            let is_here = |counts: &GateCounts| counts.gate == name;
            // Nearly always, the gates are those of the round before.
            let place = match self.gates.get(place) {
                Some(counts) if is_here(counts) => place,
                _ => self.gates.iter().position(is_here).unwrap_or_else(|| {
                    self.gates.push(GateCounts { gate: name.to_owned(), passed: 0, review: 0, rejected: 0 });
                    self.gates.len() - 1
                }),
            };
            let counts = &mut self.gates[place];
            counts.passed += verdicts.passed;
            counts.review += verdicts.review;
            counts.rejected += verdicts.rejected;
            if verdicts.rejected > strictest.0 {
                strictest = (verdicts.rejected, Some(name));
            }
        }
        strictest.1
    }
}

/// Returns mean and median of scores that are given by how often each thousandth occurs.
#[expect(clippy::cast_precision_loss, reason = "no record has 2^52 candidates")]
fn of_counts(counts: &[i64]) -> OfScores {
    let all: i64 = counts.iter().sum();
    if all == 0 {
        return OfScores::default();
    }
    let score_at = |place: i64| {
        let mut before = 0;
        let found = counts.iter().position(|count| {
            before += count;
            before > place
        });
        found.unwrap_or(0) as f64 / 1000.0
    };
    let sum: f64 = counts.iter().enumerate().map(|(score, count)| score as f64 * *count as f64).sum();
    OfScores {
        mean: Some(sum / 1000.0 / all as f64),
        median: Some(f64::midpoint(score_at((all - 1) / 2), score_at(all / 2))),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no record has 2^52 posts")]
fn of_values(mut values: Vec<f64>) -> OfScores {
    if values.is_empty() {
        return OfScores::default();
    }
    values.sort_by(f64::total_cmp);
    let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    OfScores { mean: Some(mean), median: Some(f64::midpoint(lower, upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, judged, live, new_round};
    use crate::{CallDetail, CallEnd, NewPost, Settlement, SlotId, SpentSince};
    use jiff::SignedDuration;
    use pregonero_tweet::Verdict;

    /// A record in America/Bogota (UTC-5): a post on Sunday at 09:00, nothing on Sunday at 23:00 (Monday in UTC), and a
    /// slot missed on Monday at 09:00, in the next month.
    async fn record() -> TestStore {
        let test = TestStore::open().await;
        let due = at("2026-05-31T14:00:00Z");
        let mut round = new_round(SlotId::Scheduled(due));
        round.seed_prompt.attributes.insert("TEMA".to_owned(), "mayores".to_owned());
        let round = test.store.begin_round(&round, due).await.unwrap();
        let all = [judged("Una feria.", Verdict::Pass, 0.9), judged("Dos ferias.", Verdict::Reject, 0.2)];
        test.store.record_candidates(round, &all, Some(0), due).await.unwrap();
        let (expires_at, origin) = (due + SignedDuration::from_hours(48), live());
        let post = NewPost {
            round,
            candidate: 0,
            text: "Una feria.",
            weighted_length: 10,
            approved_by: Some("gates"),
            expires_at,
            origin: &origin,
        };
        let post = test.store.create_post(&post, due).await.unwrap();
        let armed =
            test.store.arm(post, None, SpentSince { day: due, month: due }, due, |_, _| Ok(15_000)).await.unwrap();
        let end = CallEnd::Sent { tweet_id: "19".to_owned(), detail: CallDetail::default() };
        test.store.settle(&armed, &Settlement { end, windows: Vec::new(), halt: None }, due).await.unwrap();

        let due = at("2026-06-01T04:00:00Z");
        let round = test.store.begin_round(&new_round(SlotId::Scheduled(due)), due).await.unwrap();
        let all = [judged("Tres ferias.", Verdict::Reject, 0.4), judged("Cuatro ferias.", Verdict::Reject, 0.6)];
        test.store.record_candidates(round, &all, None, due).await.unwrap();
        test.store.end_without_candidate(round, "2 of 2 rejected", due).await.unwrap();

        let due = at("2026-06-01T14:00:00Z");
        test.store.record_missed(&SlotId::Scheduled(due), "the machine was down", due).await.unwrap();
        test
    }

    fn by(by: StatsBy) -> StatsQuery {
        StatsQuery { by, zone: TimeZone::get("America/Bogota").unwrap(), since: None, until: None }
    }

    #[tokio::test]
    async fn the_total_counts_everything_once() {
        let test = record().await;
        let rows = test.store.stats(&by(StatsBy::Total)).await.unwrap();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.key.as_str(), row.rounds, row.chosen), ("all", 3, 1));
        assert_eq!(row.outcomes, BTreeMap::from([("chosen", 1), ("missed", 1), ("no_candidate", 1)]));
        assert_eq!(row.posts, BTreeMap::from([("sent", 1)]));
        assert_eq!((row.candidates, row.passed, row.review, row.rejected), (4, 1, 0, 3));
        let gates: Vec<_> = row.gates.iter().map(|gate| (gate.gate.as_str(), gate.share_passed().unwrap())).collect();
        assert_eq!(gates, [("length", 1.0), ("claims", 0.25)]);
        assert_eq!((row.score.mean, row.score.median), (Some(0.525), Some(0.5)));
        let posted = row.posted_score.mean.unwrap();
        assert!((posted - 0.9).abs() < 1e-6 && row.posted_rank.median == row.posted_score.mean, "{row:?}");
        assert_eq!(row.cost_micros, 15_000);
        let stopped: Vec<_> = row.stopped.iter().map(|one| (one.outcome.as_str(), one.reason.as_str())).collect();
        assert_eq!(stopped, [("no_candidate", "claims"), ("missed", "the machine was down")]);
        assert_eq!(row.measured, 0);
    }

    #[tokio::test]
    async fn hours_weekdays_and_months_are_those_of_the_schedule() {
        let test = record().await;
        for (grouping, expected) in [
            (StatsBy::Hour, [("09", 2), ("23", 1)]),
            (StatsBy::Weekday, [("Monday", 1), ("Sunday", 2)]),
            (StatsBy::Month, [("2026-05", 2), ("2026-06", 1)]),
            (StatsBy::Model, [("builtin", 2), (NONE, 1)]),
        ] {
            let rows = test.store.stats(&by(grouping)).await.unwrap();
            let rows: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.rounds)).collect();
            assert_eq!(rows, expected, "{grouping}");
        }
    }

    #[tokio::test]
    async fn a_prompt_with_attributes_is_another_prompt() {
        let test = record().await;
        let rows = test.store.stats(&by(StatsBy::Prompt)).await.unwrap();
        let rows: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.attributes.clone(), row.chosen)).collect();
        let attributes = Some(serde_json::json!({"TEMA": "mayores"}));
        assert_eq!(rows, [("Hoy, ", attributes, 1), ("Hoy, ", None, 0), (NONE, None, 0)]);
    }

    #[tokio::test]
    async fn only_slots_from_since_to_before_until_count() {
        let test = record().await;
        let (first, last) = (at("2026-05-31T14:00:00Z"), at("2026-06-01T14:00:00Z"));
        for (since, until, rounds) in
            [(Some(first), Some(last), 2), (Some(last), None, 1), (None, Some(first), 0), (None, None, 3)]
        {
            let query = StatsQuery { since, until, ..by(StatsBy::Total) };
            let rows = test.store.stats(&query).await.unwrap();
            assert_eq!(rows.iter().map(|row| row.rounds).sum::<i64>(), rounds, "{since:?} {until:?}");
        }
    }

    #[test]
    fn a_median_of_an_even_number_is_between_the_middle_two() {
        let mut counts = vec![0; 1001];
        counts[200] = 1;
        counts[400] = 2;
        counts[1000] = 1;
        assert_eq!(of_counts(&counts), OfScores { mean: Some(0.5), median: Some(0.4) });
        assert_eq!(of_values(vec![0.9, 0.1]), OfScores { mean: Some(0.5), median: Some(0.5) });
        assert_eq!((of_counts(&[0]), of_values(Vec::new())), (OfScores::default(), OfScores::default()));
    }
}
