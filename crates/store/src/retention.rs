//! Removing old candidates (`store.keep_candidates`). Rounds, posts, the candidate that a post was made of, tallies and the
//! audit log stay.
//!
//! The log holds salted digests of the candidates. A record `pruned` names the records that held them; those lose salt and
//! body, so that a digest can no longer be compared with a guess, and the tree stays whole.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::columns::stored;
use super::error::Doing as _;
use super::filter::whole_seconds;
use super::ledger::{self, Entry, Row};
use super::{RecordKind, Store, StoreError};

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    pub rounds: i64,
    pub candidates: u64,
}

impl Store {
    /// Removes the candidates of the oldest rounds with slots more than `keep` ago, of at most `at_once` rounds, in one
    /// transaction. Rounds with a post that is not settled yet are left out: a person may still pick another candidate.
    /// The age counts from the latest slot on record, if that is earlier than `now`: a clock that is years ahead must not
    /// empty the record.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn prune_candidates(&self, keep: Duration, at_once: u32, now: Timestamp) -> Result<Pruned, StoreError> {
        const DOING: &str = "remove old candidates";
        const DUE: &str = "SELECT round_id FROM tallies JOIN rounds ON rounds.id = tallies.round_id
             WHERE pruned_at IS NULL AND candidates > 0 AND due < ? AND outcome <> 'running'
               AND NOT EXISTS (SELECT 1 FROM posts
                   WHERE posts.id = round_id AND state IN ('held', 'approved', 'armed', 'unknown'))
             ORDER BY due LIMIT ?";
        let latest: Option<i64> =
            sqlx::query_scalar("SELECT max(due) FROM tallies").fetch_one(self.readers()).await.doing(DOING)?;
        let latest = latest.and_then(|latest| Timestamp::from_second(latest).ok()).unwrap_or(now).min(now);
        let Ok(before) = latest.checked_sub(keep) else { return Ok(Pruned::default()) };
        let due = || sqlx::query_scalar(DUE).bind(whole_seconds(before)).bind(at_once);
        // Nearly always nothing is due; then the right to write is not taken.
        let rounds: Vec<i64> = due().fetch_all(self.readers()).await.doing(DOING)?;
        if rounds.is_empty() {
            return Ok(Pruned::default());
        }
        let mut transaction = self.begin().await?;
        let rounds: Vec<i64> = due().fetch_all(&mut *transaction).await.doing(DOING)?;
        let (mut candidates, mut records) = (0, Vec::new());
        for round in &rounds {
            let removed = sqlx::query(
                "DELETE FROM candidates WHERE round_id = ?1 AND NOT EXISTS (
                     SELECT 1 FROM posts WHERE posts.id = ?1 AND candidate_position = candidates.position)",
            )
            .bind(round)
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
            candidates += removed.rows_affected();
            sqlx::query("UPDATE tallies SET pruned_at = ? WHERE round_id = ?")
                .bind(stored(now))
                .bind(round)
                .execute(&mut *transaction)
                .await
                .doing(DOING)?;
            let forgotten: Vec<i64> = sqlx::query_scalar(
                "UPDATE ledger SET salt = NULL, body = NULL WHERE subject = ? AND kind = 'candidates'
                 AND body IS NOT NULL RETURNING idx",
            )
            .bind(round)
            .fetch_all(&mut *transaction)
            .await
            .doing(DOING)?;
            records.extend(forgotten);
            sqlx::query("UPDATE ledger_adopted SET salt = NULL WHERE tbl = 'candidates' AND id = ?")
                .bind(round)
                .execute(&mut *transaction)
                .await
                .doing(DOING)?;
        }
        let rows: Vec<Row> = rounds.iter().map(|round| Row::Candidates(*round)).collect();
        let entry = Entry {
            kind: RecordKind::Pruned,
            by: None,
            subject: None,
            body: json!({"before": stored(before), "rounds": rounds, "records": records, "candidates": candidates}),
            rows: &rows,
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Pruned { rounds: i64::try_from(rounds.len()).unwrap_or(i64::MAX), candidates })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::{TestStore, at, judged};
    use crate::{HistoryFilter, StatsBy, StatsQuery};
    use pregonero_tweet::Verdict;

    #[tokio::test]
    async fn old_candidates_go_and_posts_statistics_and_the_log_stay() {
        let test = TestStore::open().await;
        let (old, young) = (at("2026-03-01T14:00:00Z"), at("2026-05-01T14:00:00Z"));
        let all = [judged("Una feria.", Verdict::Reject, 0.9), judged("Dos ferias.", Verdict::Reject, 0.2)];
        let without_post = test.round(old).await;
        test.store.record_candidates(without_post, &all, None, old).await.unwrap();
        test.store.end_without_candidate(without_post, "2 of 2 rejected", old).await.unwrap();
        let held = test.held("Tres ferias.", old).await;
        let rejected = test.held("Cuatro ferias.", old).await;
        test.store.stop_post(&crate::testing::decision(rejected), old).await.unwrap();
        let kept = test.round(young).await;
        test.store.record_candidates(kept, &all, None, young).await.unwrap();
        test.store.end_without_candidate(kept, "2 of 2 rejected", young).await.unwrap();
        let running = test.round(old).await;
        test.store.record_candidates(running, &all, None, old).await.unwrap();
        let query = StatsQuery { by: StatsBy::Total, zone: jiff::tz::TimeZone::UTC, since: None, until: None };
        let before = test.store.stats(&query).await.unwrap();

        let keep = Duration::from_secs(30 * 24 * 3600);
        let later = at("2096-05-01T14:00:00Z");
        let pruned = test.store.prune_candidates(keep * 12, 10, later).await.unwrap();
        assert_eq!(pruned, Pruned::default(), "a clock that is wrong by decades");
        let pruned = test.store.prune_candidates(keep, 1, young).await.unwrap();
        assert_eq!(pruned, Pruned { rounds: 1, candidates: 2 });
        let pruned = test.store.prune_candidates(keep, 10, young).await.unwrap();
        assert_eq!(pruned, Pruned { rounds: 1, candidates: 0 }, "the one candidate of the round has a post");
        assert_eq!(test.store.prune_candidates(keep, 10, young).await.unwrap(), Pruned::default());

        for (round, expected) in [(without_post, 0), (held.round(), 1), (rejected.round(), 1), (kept, 2), (running, 2)]
        {
            assert_eq!(test.store.candidates(round).await.unwrap().len(), expected, "{round}");
        }
        let record = test.store.history_record(without_post).await.unwrap();
        assert_eq!((record.pruned_at, record.candidates_judged), (Some(young), 2));
        assert_eq!(test.store.stats(&query).await.unwrap(), before);
        let words = |words: &str| HistoryFilter {
            text: Some(words.to_owned()),
            in_candidates: true,
            ..HistoryFilter::default()
        };
        let found = test.store.history_filtered(&words("dos")).await.unwrap();
        let found: Vec<_> = found.iter().map(|entry| entry.id).collect();
        assert_eq!(found, [running, kept], "a removed text is no longer found");
        let report = test.store.check_log(&BTreeSet::new()).await.unwrap();
        assert_eq!((report.faults.len(), report.forgotten), (0, 2), "{report:?}");
        let checked = crate::check(test.store.path()).await.unwrap();
        assert!(checked.iter().all(|finding| finding.ok), "{checked:?}");
    }
}
