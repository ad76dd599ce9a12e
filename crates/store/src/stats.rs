//! Statistics over the rounds: by prompt, hour, weekday, model or month.
//!
//! One constraint: a year of them is read within a tenth of a second. So nothing here reads candidates or whole rounds, only
//! `tallies` and an index; a thousand rounds come as one text, because each row and column that SQLite hands over costs
//! more than its reading; and the sums are made here, where the schedule's time zone is known.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use sqlx::{QueryBuilder, Sqlite};

use super::columns::unreadable;
use super::error::Doing as _;
use super::filter::whole_seconds;
use super::state::words;
use super::tallies::{read_objections, read_thousandths};
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

impl StatsRow {
    /// Returns the share of candidates that no gate objected to, 0 to 1; `None` if there were none.
    #[must_use]
    pub fn share_passed(&self) -> Option<f64> {
        self.of_candidates(self.passed)
    }

    /// Returns a number of candidates as a share of all, 0 to 1; `None` if there were none.
    #[must_use]
    pub fn of_candidates(&self, number: i64) -> Option<f64> {
        share(number, self.candidates)
    }

    /// Returns the share of rounds that led to a post, 0 to 1; `None` if there were none.
    #[must_use]
    pub fn share_chosen(&self) -> Option<f64> {
        share(self.chosen, self.rounds)
    }

    /// Returns the mean of a sum over the posts whose engagement was read; `None` if that of none was.
    #[must_use]
    pub fn each(&self, sum: i64) -> Option<f64> {
        share(sum, self.measured)
    }

    /// Returns the gate that rejected the most candidates, and the share of those that it was asked about.
    #[must_use]
    pub fn strictest(&self) -> Option<(&str, f64)> {
        let gate = self.gates.iter().filter(|gate| gate.rejected > 0).max_by_key(|gate| gate.rejected)?;
        Some((&gate.gate, share(gate.rejected, gate.passed + gate.review + gate.rejected)?))
    }

    /// Returns the prompt's attributes in words: `TEMA=mayores`.
    #[must_use]
    pub fn attribute_words(&self) -> Vec<String> {
        let attributes = self.attributes.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
        attributes.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect()
    }

    /// Returns the group's name: `Me parece (TEMA=mayores)`, or a model's with the beginning of its digest. `key` is the group's
    /// key as it is to be shown.
    #[must_use]
    pub fn name(&self, key: &str) -> String {
        let mut name = key.to_owned();
        let attributes = self.attribute_words();
        if !attributes.is_empty() {
            name = format!("{name} ({})", attributes.join(", "));
        }
        if let Some(digest) = &self.sha256 {
            name = format!("{name} {}", digest.chars().take(SHOWN_DIGEST).collect::<String>());
        }
        name
    }
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

/// How many characters of a digest tell two models apart.
const SHOWN_DIGEST: usize = 8;

/// The key of rounds without a prompt or a model: missed ones, and those whose prompt was erased.
const NONE: &str = "(none)";

/// Separates the fields of a round's text, and the rounds of a chunk.
const SEPARATOR: char = '\u{1f}';
const END_OF_ROUND: char = '\u{1e}';

/// How many rounds come in one row. Each row is handed from SQLite's thread to ours, which takes longer than reading it.
const CHUNK: i64 = 1000;

/// The rounds of a chunk as one text: the same fields for every grouping, then two that make a round's key.
const SELECT_CHUNK: &str = "SELECT group_concat(concat_ws(char(31), due, outcome, coalesce(posts.state, ''),
     coalesce(candidate_position, ''), candidates, passed, tallies.review, rejected, coalesce(gate_list, ''), objections,
     scores, ranks, cost_micros,
     CASE WHEN likes IS NULL THEN '' ELSE concat_ws(' ', likes, reposts, replies, quotes, coalesce(views, 0)) END,
     CASE WHEN outcome IN ('failed', 'missed', 'interrupted') THEN (
         SELECT replace(replace(coalesce(reason, ''), char(31), ' '), char(30), ' ') FROM rounds AS whole
         WHERE whole.id = tallies.round_id) ELSE '' END, ";

impl Store {
    /// Returns one row a group, in the groups' natural order: hours, weekdays and months as they follow each other,
    /// prompts and models by their number of rounds.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn stats(&self, stats: &StatsQuery) -> Result<Vec<StatsRow>, StoreError> {
        Ok(self.counted(stats, &[stats.by]).await?.pop().unwrap_or_default())
    }

    /// Returns the statistics of several groupings by the slot alone (total, hour, weekday, month), which are read together and
    /// counted at the same time. The grouping in `stats` does not count.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn stats_by_slot(&self, stats: &StatsQuery, by: &[StatsBy]) -> Result<Vec<Vec<StatsRow>>, StoreError> {
        self.counted(&StatsQuery { by: StatsBy::Total, ..stats.clone() }, by).await
    }

    /// Reads the rounds once, and counts each grouping on a thread of its own: years of rounds take tens of milliseconds, in
    /// which the runtime's own threads have other things to do.
    async fn counted(&self, stats: &StatsQuery, by: &[StatsBy]) -> Result<Vec<Vec<StatsRow>>, StoreError> {
        let (lists, chunks) = self.chunks(stats).await?;
        let chunks = Arc::new(chunks);
        let count = |by: &StatsBy| {
            let (stats, lists, chunks) = (StatsQuery { by: *by, ..stats.clone() }, lists.clone(), Arc::clone(&chunks));
            tokio::task::spawn_blocking(move || grouped(&stats, lists, &chunks))
        };
        let at_work: Vec<_> = by.iter().map(count).collect();
        let mut counted = Vec::with_capacity(by.len());
        for one in at_work {
            let rows = one.await.unwrap_or_else(|ended| Err(sqlx::Error::Io(std::io::Error::other(ended))));
            counted.push(rows.doing(DOING)?);
        }
        Ok(counted)
    }

    /// Reads the gates' names by list, and the rounds in chunks.
    async fn chunks(&self, stats: &StatsQuery) -> Result<(Lists, Vec<Option<String>>), StoreError> {
        let lists: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, gates FROM gate_lists").fetch_all(self.readers()).await.doing(DOING)?;
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "WITH RECURSIVE chunk (first) AS (
                 SELECT min(id) FROM rounds UNION ALL
                 SELECT first + {CHUNK} FROM chunk WHERE first + {CHUNK} <= (SELECT max(id) FROM rounds)
             ) SELECT ({SELECT_CHUNK}"
        ));
        let key = |text: &str| format!("replace(replace(coalesce({text}, ''), char(31), ' '), char(30), ' ')");
        query.push(match stats.by {
            StatsBy::Prompt => format!("{}, coalesce(seed_attributes, '')", key("seed_prompt")),
            StatsBy::Model => format!("{}, coalesce(generator_sha256, '')", key("generator_name")),
            StatsBy::Total | StatsBy::Hour | StatsBy::Weekday | StatsBy::Month => "'', ''".to_owned(),
        });
        query.push(format!(
            "), char(30)) FROM rounds INDEXED BY rounds_at_a_glance JOIN tallies ON tallies.round_id = rounds.id
             LEFT JOIN posts ON posts.id = rounds.id WHERE rounds.id >= first AND rounds.id < first + {CHUNK}"
        ));
        if let Some(since) = stats.since {
            query.push(" AND due >= ").push_bind(whole_seconds(since));
        }
        if let Some(until) = stats.until {
            query.push(" AND due < ").push_bind(whole_seconds(until));
        }
        query.push(") FROM chunk");
        let chunks: Vec<Option<String>> = query.build_query_scalar().fetch_all(self.readers()).await.doing(DOING)?;
        Ok((lists, chunks))
    }
}

const DOING: &str = "read the statistics";

/// The gates' names by the number of their list.
type Lists = Vec<(i64, String)>;

fn grouped(stats: &StatsQuery, lists: Lists, chunks: &[Option<String>]) -> Result<Vec<StatsRow>, sqlx::Error> {
    let mut groups = Groups::new(stats, lists);
    for round in chunks.iter().flatten().flat_map(|chunk| chunk.split(END_OF_ROUND)) {
        groups.add(round).ok_or_else(|| unreadable("tallies", round))?;
    }
    Ok(groups.into_rows())
}

/// The groups as they grow.
struct Groups<'a> {
    stats: &'a StatsQuery,
    /// The names of the gates in each list, by its number.
    lists: HashMap<i64, Vec<String>>,
    places: HashMap<String, usize>,
    groups: Vec<Group>,
}

/// One group before its means are known.
struct Group {
    /// Its place among the others.
    order: i64,
    row: StatsRow,
    /// How many candidates had each score, in thousandths; and how many of those that posts were made of.
    scores: Counts,
    posted_scores: Counts,
    posted_ranks: Counts,
    stopped: HashMap<(RoundOutcome, String), i64>,
}

impl<'a> Groups<'a> {
    fn new(stats: &'a StatsQuery, lists: Vec<(i64, String)>) -> Self {
        let names = |list: String| list.split_ascii_whitespace().map(str::to_owned).collect();
        let lists = lists.into_iter().map(|(number, list)| (number, names(list))).collect();
        Self { stats, lists, places: HashMap::new(), groups: Vec::new() }
    }

    /// Adds one round; `None` if its text cannot be read.
    fn add(&mut self, text: &str) -> Option<()> {
        let mut fields = text.split(SEPARATOR);
        let mut next = || fields.next();
        let due: i64 = next()?.parse().ok()?;
        let outcome = RoundOutcome::from_word(next()?)?;
        let state = PostState::from_word(next()?);
        let position: Option<usize> = next()?.parse().ok();
        let mut count = || next()?.parse::<i64>().ok();
        let (candidates, passed, review, rejected) = (count()?, count()?, count()?, count()?);
        let list: Option<i64> = next()?.parse().ok();
        let (objections, scores, ranks) = (next()?, next()?, next()?);
        let cost: i64 = next()?.parse().ok()?;
        let mut reactions = next()?.split_ascii_whitespace().map(str::parse::<i64>);
        let reason = next()?;
        let (name, detail) = (next()?, next()?);
        let place = self.place(due, name, detail);
        let gates = list.and_then(|list| self.lists.get(&list)).map_or(&[][..], Vec::as_slice);
        let group = &mut self.groups[place];
        let row = &mut group.row;
        row.rounds += 1;
        *row.outcomes.entry(outcome.as_str()).or_default() += 1;
        row.chosen += i64::from(outcome == RoundOutcome::Chosen);
        if let Some(state) = state {
            *row.posts.entry(state.as_str()).or_default() += 1;
        }
        row.candidates += candidates;
        row.passed += passed;
        row.review += review;
        row.rejected += rejected;
        row.cost_micros += cost;
        if let Some(Ok(likes)) = reactions.next() {
            let mut next = || reactions.next().and_then(Result::ok).unwrap_or(0);
            row.measured += 1;
            row.likes += likes;
            row.reposts += next();
            row.replies += next();
            row.quotes += next();
            row.views += next();
        }
        let strictest = row.add_gates(gates, candidates, objections);
        for score in read_thousandths(scores) {
            group.scores.add(score);
        }
        if let Some(position) = position {
            read_thousandths(scores).nth(position).into_iter().for_each(|score| group.posted_scores.add(score));
            read_thousandths(ranks).nth(position).into_iter().for_each(|rank| group.posted_ranks.add(rank));
        }
        let reason = match (outcome, strictest) {
            (RoundOutcome::NoCandidate, Some(gate)) => gate,
            _ => reason,
        };
        if !matches!(outcome, RoundOutcome::Chosen | RoundOutcome::Running) {
            *group.stopped.entry((outcome, reason.to_owned())).or_default() += 1;
        }
        Some(())
    }

    /// Returns the place of the round's group, which is added if this is its first round.
    fn place(&mut self, due: i64, name: &str, detail: &str) -> usize {
        let (key, order) = self.key(due, name);
        let whole = if detail.is_empty() { key.clone() } else { format!("{name}{SEPARATOR}{detail}") };
        if let Some(place) = self.places.get(&whole) {
            return *place;
        }
        let mut group = Group::new(order, key);
        if !detail.is_empty() {
            match self.stats.by {
                StatsBy::Prompt => group.row.attributes = serde_json::from_str(detail).ok().filter(has_entries),
                _ => group.row.sha256 = Some(detail.to_owned()),
            }
        }
        self.groups.push(group);
        self.places.insert(whole, self.groups.len() - 1);
        self.groups.len() - 1
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
        let (scores, posted_scores, posted_ranks) = (Counts::default(), Counts::default(), Counts::default());
        Self { order, row, scores, posted_scores, posted_ranks, stopped: HashMap::new() }
    }

    fn into_row(self) -> StatsRow {
        let mut stopped: Vec<Stopped> =
            self.stopped.into_iter().map(|((outcome, reason), rounds)| Stopped { outcome, reason, rounds }).collect();
        stopped.sort_by(|one, other| other.rounds.cmp(&one.rounds).then_with(|| one.reason.cmp(&other.reason)));
        stopped.truncate(MOST_REASONS);
        StatsRow {
            score: self.scores.mean_and_median(),
            posted_score: self.posted_scores.mean_and_median(),
            posted_rank: self.posted_ranks.mean_and_median(),
            stopped,
            ..self.row
        }
    }
}

impl StatsRow {
    /// Adds one round's verdicts: those of its gates, on so many candidates. Returns the gate that rejected most of them.
    fn add_gates<'a>(&mut self, gates: &'a [String], candidates: i64, objections: &str) -> Option<&'a str> {
        let mut strictest: (i64, Option<&str>) = (0, None);
        for (place, (name, (review, rejected))) in gates.iter().zip(read_objections(objections)).enumerate() {
            // Nearly always, the gates are those of the round before.
            let place = match self.gates.get(place) {
                Some(counts) if counts.gate == *name => place,
                _ => self.gates.iter().position(|counts| counts.gate == *name).unwrap_or_else(|| {
                    self.gates.push(GateCounts { gate: name.clone(), passed: 0, review: 0, rejected: 0 });
                    self.gates.len() - 1
                }),
            };
            let counts = &mut self.gates[place];
            counts.passed += candidates - review - rejected;
            counts.review += review;
            counts.rejected += rejected;
            if rejected > strictest.0 {
                strictest = (rejected, Some(name));
            }
        }
        strictest.1
    }
}

/// How often each thousandth from 0 to 1 occurred.
#[derive(Debug)]
struct Counts(Vec<i64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; 1001])
    }
}

impl Counts {
    fn add(&mut self, thousandths: u16) {
        let greatest = self.0.len() - 1;
        self.0[usize::from(thousandths).min(greatest)] += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "no record has 2^52 candidates")]
    fn mean_and_median(&self) -> OfScores {
        let all: i64 = self.0.iter().sum();
        if all == 0 {
            return OfScores::default();
        }
        let at = |place: i64| {
            let mut before = 0;
            let found = self.0.iter().position(|count| {
                before += count;
                before > place
            });
            found.unwrap_or(0) as f64 / 1000.0
        };
        let sum: f64 = self.0.iter().enumerate().map(|(number, count)| number as f64 * *count as f64).sum();
        OfScores { mean: Some(sum / all as f64 / 1000.0), median: Some(f64::midpoint(at((all - 1) / 2), at(all / 2))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, judged, live, new_post, new_round};
    use crate::{CallDetail, CallEnd, NewPost, Settlement, SlotId, SpentSince};
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
        let origin = live();
        let post = NewPost { approved_by: Some("gates"), ..new_post(round, "Una feria.", &origin, due) };
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
        let several = [StatsBy::Total, StatsBy::Hour, StatsBy::Weekday, StatsBy::Month];
        let together = test.store.stats_by_slot(&by(StatsBy::Prompt), &several).await.unwrap();
        for (grouping, rows) in several.into_iter().zip(together) {
            assert_eq!(rows, test.store.stats(&by(grouping)).await.unwrap(), "{grouping}");
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
        let of = |numbers: &[u16]| {
            let mut counts = Counts::default();
            numbers.iter().for_each(|number| counts.add(*number));
            counts.mean_and_median()
        };
        assert_eq!(of(&[200, 400, 400, 1000]), OfScores { mean: Some(0.5), median: Some(0.4) });
        assert_eq!(of(&[900, 100]), OfScores { mean: Some(0.5), median: Some(0.5) });
        assert_eq!(of(&[]), OfScores::default());
    }
}
