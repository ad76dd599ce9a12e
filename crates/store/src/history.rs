//! The record as people and machines read it: what `history list` and `history show` print.
//!
//! A post has its round's number, so one number identifies a line of the history whether the round led to a post or
//! not.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row as _};

use super::columns::{instant, instant_or_none, json_or_none, seed_or_none, stored, word, word_or_none};
use super::engagement::{Engagement, Reading};
use super::erasure::ErasedMark;
use super::error::Doing as _;
use super::filter::HistoryFilter;
use super::rounds::model;
use super::tallies::Tally;
use super::{
    AttemptRecord, CandidateRecord, HistoryState, PostRecord, PostState, ReadRecord, ReviewRecord, RoundId,
    RoundOutcome, RoundRecord, Store, StoreError,
};
use pregonero_tweet::{ModelIdentity, Sentiment};

/// One line of `history list`; its JSON is a contract: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryEntry {
    /// The round's number, which is also its post's.
    pub id: RoundId,
    pub slot: String,
    pub state: HistoryState,
    /// Absent if the round led to no post.
    pub text: Option<String>,
    pub tweet_id: Option<String>,
    /// Where the tweet can be seen.
    pub url: Option<String>,
    pub seed_prompt: Option<String>,
    /// The round's seed: `generate --prompt SEED_PROMPT --rng-seed RNG_SEED` generates the round's candidates again,
    /// the posted one as number `candidate`.
    pub rng_seed: Option<u64>,
    /// The posted candidate's number in the round, from 1.
    pub candidate: Option<i64>,
    /// The posted candidate's own seed, derived from the round's.
    pub candidate_rng_seed: Option<u64>,
    /// The generator.
    pub model: Option<ModelIdentity>,
    pub sentiment: Option<Sentiment>,
    /// The posted candidate's score, and the number by which it was chosen.
    pub score: Option<f64>,
    pub rank: Option<f64>,
    /// When the post was recorded, or the round began.
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// When the account's timeline no longer showed the tweet.
    pub gone_at: Option<Timestamp>,
    /// What people did with the tweet, as X last said.
    pub engagement: Option<Engagement>,
    /// What last went wrong with the post, or why the round led to none.
    pub error: Option<String>,
}

impl FromRow<'_, SqliteRow> for HistoryEntry {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let state = match word_or_none(row, "state", PostState::from_word)? {
            Some(state) => HistoryState::Post(state),
            None => HistoryState::Round(word(row, "outcome", RoundOutcome::from_word)?),
        };
        let tweet_id: Option<String> = row.try_get("tweet_id")?;
        Ok(Self {
            id: RoundId::new(row.try_get("id")?),
            slot: row.try_get("slot")?,
            state,
            text: row.try_get("text")?,
            url: tweet_id.as_deref().map(tweet_url),
            tweet_id,
            seed_prompt: row.try_get("seed_prompt")?,
            rng_seed: seed_or_none(row, "rng_seed")?,
            candidate: row.try_get("candidate")?,
            candidate_rng_seed: seed_or_none(row, "candidate_rng_seed")?,
            model: model(row, "generator_name", "generator_sha256")?,
            sentiment: json_or_none(row, "sentiment")?,
            score: row.try_get("score")?,
            rank: row.try_get("rank")?,
            created_at: instant(row, "created_at")?,
            sent_at: instant_or_none(row, "sent_at")?,
            gone_at: instant_or_none(row, "gone_at")?,
            engagement: Engagement::of_row(row)?,
            error: row.try_get("error")?,
        })
    }
}

/// Returns the tweet's address. X shows a tweet under any account's name; this form needs none.
fn tweet_url(id: &str) -> String {
    format!("https://x.com/i/status/{id}")
}

/// Everything on record about one round: the answer to "why did this go out".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryRecord {
    #[serde(flatten)]
    pub entry: HistoryEntry,
    pub round: RoundRecord,
    /// The resulting post, with who decided and when.
    pub post: Option<PostRecord>,
    /// All of them, in the order of the batch.
    pub candidates: Vec<CandidateRecord>,
    /// What people decided on the post, in order.
    pub reviews: Vec<ReviewRecord>,
    /// The calls to X, in order.
    pub attempts: Vec<AttemptRecord>,
    /// The reads of the account's timeline made to settle the post, in order.
    pub reads: Vec<ReadRecord>,
    /// What X charged for the post and for finding out whether it was published, in millionths of a dollar.
    pub cost_micros: i64,
    /// What people did with the tweet: one entry for each time that a number had changed.
    pub readings: Vec<Reading>,
    /// How many candidates there were; more than `candidates` has if they were pruned.
    pub candidates_judged: i64,
    /// When the candidates were pruned.
    pub pruned_at: Option<Timestamp>,
    /// When its texts were last erased, by whom and why.
    pub erased: Option<ErasedMark>,
    /// The erasures before that, the first one first.
    pub erased_before: Vec<ErasedMark>,
    /// The places of the records about it in the audit log.
    pub audit: Vec<u64>,
}

/// One call that X charges for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub made_at: Timestamp,
    /// Whether it is a post; otherwise a read.
    pub is_post: bool,
    /// How many posts or accounts X returned.
    pub items: i64,
    /// In millionths of a dollar.
    pub price_micros: i64,
}

impl FromRow<'_, SqliteRow> for Charge {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            made_at: instant(row, "made_at")?,
            is_post: row.try_get("is_post")?,
            items: row.try_get("items")?,
            price_micros: row.try_get("price_micros")?,
        })
    }
}

/// Selects the columns of [`HistoryEntry`].
const SELECT_HISTORY: &str = "SELECT rounds.id, slot, outcome, state, posts.text, tweet_id, seed_prompt,
         rounds.rng_seed AS rng_seed, candidates.rng_seed AS candidate_rng_seed,
         candidate_position + 1 AS candidate, generator_name, generator_sha256,
         sentiment, tallies.score, tallies.rank, coalesce(created_at, started_at) AS created_at, sent_at, gone_at,
         likes, reposts, replies, quotes, views,
         CASE WHEN state IN ('cancelled', 'rejected') THEN coalesce(posts.decision_reason, posts.error)
             ELSE coalesce(posts.error, posts.decision_reason, rounds.reason) END AS error
     FROM rounds LEFT JOIN posts ON posts.id = rounds.id LEFT JOIN tallies ON tallies.round_id = rounds.id
     LEFT JOIN candidates ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position ";

impl Store {
    /// Returns the newest rounds, the newest first, at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn history(&self, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        self.history_filtered(&HistoryFilter { limit: Some(limit), ..HistoryFilter::default() }).await
    }

    /// Returns the rounds that fit the filter, the newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn history_filtered(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, StoreError> {
        let mut query = QueryBuilder::new(SELECT_HISTORY);
        filter.add_to(&mut query);
        query.build_query_as().fetch_all(self.readers()).await.doing("read the history")
    }

    /// Returns the round that led to the tweet with this id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn round_of_tweet(&self, tweet_id: &str) -> Result<Option<RoundId>, StoreError> {
        let id: Option<i64> = sqlx::query_scalar("SELECT id FROM posts WHERE tweet_id = ?")
            .bind(tweet_id)
            .fetch_optional(self.readers())
            .await
            .doing("look for the tweet")?;
        Ok(id.map(RoundId::new))
    }

    /// Returns what was posted and read since `since` and what X charged, the oldest first. Calls that certainly posted
    /// nothing cost nothing and are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn charges(&self, since: Timestamp) -> Result<Vec<Charge>, StoreError> {
        sqlx::query_as(
            "SELECT started_at AS made_at, 1 AS is_post, 1 AS items, price_micros FROM attempts
             WHERE outcome IN ('under_way', 'sent', 'unknown') AND started_at >= ?1
             UNION ALL SELECT made_at, 0, items, price_micros FROM reads WHERE made_at >= ?1 ORDER BY 1",
        )
        .bind(stored(since))
        .fetch_all(self.readers())
        .await
        .doing("read what X charged")
    }

    /// Returns everything about one round and its post.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRound`], or if the database cannot be read.
    pub async fn history_record(&self, id: RoundId) -> Result<HistoryRecord, StoreError> {
        let entry = QueryBuilder::new(SELECT_HISTORY)
            .push("WHERE rounds.id = ")
            .push_bind(id.get())
            .build_query_as()
            .fetch_optional(self.readers())
            .await
            .doing("read the history")?
            .ok_or(StoreError::NoSuchRound { round: id })?;
        let (attempts, reads) = (self.attempts(id.post()).await?, self.reads(id.post()).await?);
        let charged = attempts.iter().filter(|attempt| attempt.may_have_posted()).map(|attempt| attempt.price_micros);
        let cost_micros = charged.chain(reads.iter().map(|read| read.price_micros)).sum();
        let Tally { candidates, pruned_at } = self.tally(id).await?;
        let mut erased_before = self.erasures_of(id).await?;
        let erased = erased_before.pop();
        Ok(HistoryRecord {
            entry,
            round: self.round(id).await?,
            post: self.post_or_none(id.post()).await?,
            candidates: self.candidates(id).await?,
            reviews: self.reviews(id.post()).await?,
            attempts,
            reads,
            cost_micros,
            readings: self.engagement(id.post()).await?,
            candidates_judged: candidates,
            pruned_at,
            erased,
            erased_before,
            audit: self.records_of(id.post()).await?.iter().map(|record| record.index).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, judged};
    use crate::{CallDetail, CallEnd, Settlement, SlotId, SpentSince};
    use pregonero_tweet::Verdict;

    #[tokio::test]
    async fn a_sent_post_reads_as_the_contract_says() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        let since = SpentSince { day: now, month: now };
        let armed = test.store.arm(id, None, since, now, |_, _| Ok(15_000)).await.unwrap();
        let sent_at = at("2026-03-01T14:00:02Z");
        let end = CallEnd::Sent { tweet_id: "19".to_owned(), detail: CallDetail::default() };
        test.store.settle(&armed, &Settlement { end, windows: Vec::new(), halt: None }, sent_at).await.unwrap();
        let listed = test.store.history(10).await.unwrap();
        assert_eq!(
            serde_json::to_value(&listed[0]).unwrap(),
            serde_json::json!({
                "id": 1,
                "slot": "manual:2026-03-01T14:00:00.000Z",
                "state": "sent",
                "text": "El mercado abre temprano.",
                "tweet_id": "19",
                "url": "https://x.com/i/status/19",
                "seed_prompt": "Hoy, ",
                "rng_seed": 7,
                "candidate": 1,
                "candidate_rng_seed": 11,
                "model": {"name": "builtin", "sha256": "aa".repeat(32)},
                "sentiment": {"label": "positive", "score": 0.75, "probabilities": {"negative": 0.25, "positive": 0.75}},
                "score": 0.75,
                "rank": 0.75,
                "created_at": "2026-03-01T14:00:00Z",
                "sent_at": "2026-03-01T14:00:02Z",
                "gone_at": null,
                "engagement": null,
                "error": null,
            })
        );
        assert_eq!(test.store.round_of_tweet("19").await.unwrap(), Some(id.round()));
        assert_eq!(test.store.round_of_tweet("1").await.unwrap(), None, "a round's number is no tweet's");
        let charges = test.store.charges(now).await.unwrap();
        assert_eq!(charges, [Charge { made_at: now, is_post: true, items: 1, price_micros: 15_000 }]);
    }

    #[tokio::test]
    async fn rounds_without_a_post_stand_in_the_history_with_their_reason() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let none = test.round(now).await;
        test.store.record_candidates(none, &[judged("corto", Verdict::Reject, 0.2)], None, now).await.unwrap();
        test.store.end_without_candidate(none, "1 of 1 rejected", now).await.unwrap();
        let missed = test.store.record_missed(&SlotId::Scheduled(now), "the machine was down", now).await.unwrap();
        let held = test.held("Una feria en la plaza.", now).await;
        let listed = test.store.history(10).await.unwrap();
        let lines: Vec<_> = listed.iter().map(|one| (one.id, one.state.to_string(), one.error.as_deref())).collect();
        assert_eq!(
            lines,
            [
                (held.round(), "held".to_owned(), None),
                (missed, "missed".to_owned(), Some("the machine was down")),
                (none, "no_candidate".to_owned(), Some("1 of 1 rejected")),
            ]
        );
        assert_eq!((listed[1].rng_seed, listed[2].rng_seed), (None, Some(7)));
        assert_eq!(test.store.history(1).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn showing_a_number_gives_all_there_is_about_it() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.held("Una feria en la plaza.", now).await;
        let record = test.store.history_record(id.round()).await.unwrap();
        assert_eq!(record.post.as_ref().map(|post| post.id), Some(id));
        assert_eq!((record.candidates.len(), record.attempts.len()), (1, 0));
        let value = serde_json::to_value(&record).unwrap();
        assert_eq!(value["candidates"][0]["gates"][1]["reason"], "it names a figure");
        assert_eq!(value["round"]["outcome"], "chosen");
        let unknown = test.store.history_record(RoundId::new(50)).await.unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "50: there is no round or post with this number; `pregonero history list` shows them"
        );
    }
}
