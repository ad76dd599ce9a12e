//! The candidates of a round, including the rejected ones: they answer "why this one".

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

use super::columns::{json, seed_or_none, unreadable};
use super::error::Doing as _;
use super::ledger::{self, Entry, Row};
use super::{RecordKind, RoundId, Store, StoreError, tallies};
use pregonero_tweet::{Candidate, Finish, Judged, Likelihood, Ranking};

/// A candidate as recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateRecord {
    /// The position in the batch, from 0.
    pub position: usize,
    /// Whether the selection chose it.
    pub chosen: bool,
    #[serde(flatten)]
    pub judged: Judged,
}

impl FromRow<'_, SqliteRow> for CandidateRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (mean, weakest): (Option<f32>, Option<f32>) =
            (row.try_get("likelihood_mean")?, row.try_get("likelihood_weakest")?);
        Ok(Self {
            position: count(row, "position")?,
            chosen: row.try_get("chosen")?,
            judged: Judged {
                candidate: Candidate {
                    text: row.try_get("generated")?,
                    continuation: row.try_get("continuation")?,
                    token_ids: json(row, "token_ids")?,
                    prompt_tokens: count(row, "prompt_tokens")?,
                    rng_seed: seed_or_none(row, "rng_seed")?.ok_or_else(|| unreadable("rng_seed", "NULL"))?,
                    finish: json::<Finish>(row, "finish")?,
                    likelihood: mean.zip(weakest).map(|(mean, weakest)| Likelihood { mean, weakest }),
                },
                text: row.try_get("text")?,
                weighted_length: count(row, "weighted_length")?,
                sentiment: json(row, "sentiment")?,
                score: row.try_get("score")?,
                ranking: Ranking {
                    critic: row.try_get("critic")?,
                    reading: row.try_get("reading")?,
                    rank: row.try_get("rank")?,
                    fresh_opening: row.try_get("fresh_opening")?,
                },
                gates: json(row, "gates")?,
            },
        })
    }
}

/// Reads a column that counts something.
pub(super) fn count(row: &SqliteRow, column: &'static str) -> Result<usize, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    usize::try_from(number).map_err(|_| unreadable(column, &number.to_string()))
}

/// Converts a count to SQLite's integer.
pub(super) fn integer(count: usize) -> i64 {
    i64::try_from(count).expect("lengths and places of a tweet are small")
}

impl Store {
    /// Records all candidates of a running round, in the order of the batch; `chosen` is the position of the chosen one
    /// among them. Either all are recorded or none.
    ///
    /// # Errors
    /// If the database cannot be written, or the round has candidates already.
    pub async fn record_candidates(
        &self,
        round: RoundId,
        judged: &[Judged],
        chosen: Option<usize>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for (position, one) in judged.iter().enumerate() {
            sqlx::query(
                "INSERT INTO candidates (round_id, position, text, generated, continuation, token_ids, prompt_tokens,
                     rng_seed, finish, weighted_length, sentiment, score, gates, verdict, chosen, likelihood_mean,
                     likelihood_weakest, critic, reading, rank, fresh_opening)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(round.get())
            .bind(integer(position))
            .bind(&one.text)
            .bind(&one.candidate.text)
            .bind(&one.candidate.continuation)
            .bind(Json(&one.candidate.token_ids))
            .bind(integer(one.candidate.prompt_tokens))
            .bind(one.candidate.rng_seed.to_string())
            .bind(Json(one.candidate.finish))
            .bind(integer(one.weighted_length))
            .bind(Json(&one.sentiment))
            .bind(one.score)
            .bind(Json(&one.gates))
            .bind(one.verdict().as_str())
            .bind(chosen == Some(position))
            .bind(one.candidate.likelihood.map(|likelihood| likelihood.mean))
            .bind(one.candidate.likelihood.map(|likelihood| likelihood.weakest))
            .bind(one.ranking.critic)
            .bind(one.ranking.reading)
            .bind(one.ranking.rank)
            .bind(one.ranking.fresh_opening)
            .execute(&mut *transaction)
            .await
            .doing("record a candidate")?;
        }
        tallies::record(&mut transaction, round, judged).await?;
        let verdicts: Vec<_> = judged.iter().map(|one| one.verdict().as_str()).collect();
        let entry = Entry {
            kind: RecordKind::Candidates,
            by: None,
            subject: Some(round.get()),
            body: json!({"chosen": chosen, "verdicts": verdicts}),
            rows: &[Row::Candidates(round.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the candidates")
    }

    /// Returns all candidates of a round, in the order of the batch.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn candidates(&self, round: RoundId) -> Result<Vec<CandidateRecord>, StoreError> {
        sqlx::query_as(
            "SELECT position, chosen, generated, continuation, token_ids, prompt_tokens, rng_seed, finish, text,
                 weighted_length, sentiment, score, gates, likelihood_mean, likelihood_weakest, critic, reading, rank,
                 fresh_opening
             FROM candidates WHERE round_id = ? ORDER BY position",
        )
        .bind(round.get())
        .fetch_all(self.readers())
        .await
        .doing("read the candidates")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection as _;

    use crate::SlotId;
    use crate::schema::MIGRATIONS;
    use crate::testing::{TestStore, at, judged, new_round, plain_connection, scratch};
    use pregonero_tweet::{GateVerdict, Verdict};

    #[tokio::test]
    async fn candidates_are_read_back_bit_for_bit_with_the_chosen_one_marked() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        let mut all = vec![
            judged("Hoy amaneció claro en el puerto. 🤖", Verdict::Pass, 0.734_512_3),
            judged("Mañana, otra \"cosa\".", Verdict::Reject, 0.1),
        ];
        all[0].candidate.rng_seed = u64::MAX - 1;
        all[1].candidate.finish = Finish::Tokens;
        all[0].candidate.likelihood = Some(Likelihood { mean: -1.234_567_9, weakest: -3.1 });
        all[0].ranking =
            Ranking { critic: Some(0.987_654_3), reading: Some(0.1), rank: Some(0.07), fresh_opening: Some(false) };
        all[1].ranking.rank = Some(0.0);
        test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
        let read = test.store.candidates(round).await.unwrap();
        assert_eq!(read.iter().map(|one| one.judged.clone()).collect::<Vec<_>>(), all);
        assert_eq!(read.iter().map(|one| (one.position, one.chosen)).collect::<Vec<_>>(), [(0, true), (1, false)]);
    }

    /// Returns how many bytes of the database's used pages a round of sixteen candidates takes, under the schema's
    /// first `steps`.
    async fn bytes_a_round(steps: usize) -> i64 {
        const ROUNDS: i64 = 60;
        let folder = scratch();
        let path = folder.path().join("sizes.db");
        std::fs::File::create(&path).unwrap();
        let mut connection = plain_connection(&path).await;
        for (_, _, sql) in &MIGRATIONS[..steps] {
            sqlx::raw_sql(*sql).execute(&mut connection).await.unwrap();
        }
        let gates: Vec<_> = ["length", "mentions", "urls", "cashtags", "hashtags", "banned_words", "broken_text"]
            .into_iter()
            .chain(["language", "repetition", "near_duplicate", "verbatim", "cut_sentence", "claims", "sentiment"])
            .map(GateVerdict::pass)
            .collect();
        let text = "El mercado abre temprano y los vecinos compran pan, fruta y café para toda la semana que viene. 🤖";
        sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
        for round in 1..=ROUNDS {
            let new_round =
                "INSERT INTO rounds (id, slot, slot_kind, started_at, outcome) VALUES (?, ?, 'manual', 'a', 'running')";
            sqlx::query(new_round).bind(round).bind(round.to_string()).execute(&mut connection).await.unwrap();
            for position in 0..16_i64 {
                let one = judged(text, Verdict::Pass, 0.734_512_3);
                let token_ids: Vec<u32> = (0..48).map(|token| 9_000 + token * 7).collect();
                sqlx::query(
                    "INSERT INTO candidates (round_id, position, text, generated, continuation, token_ids, prompt_tokens,
                         rng_seed, finish, weighted_length, sentiment, score, gates, verdict, chosen)
                     VALUES (?, ?, ?, ?, ?, ?, 4, ?, ?, 99, ?, 0.7345123, ?, 'pass', 0)",
                )
                .bind(round)
                .bind(position)
                .bind(text)
                .bind(text)
                .bind(text)
                .bind(Json(token_ids))
                .bind("1844674407370955161")
                .bind(Json(Finish::EndOfText))
                .bind(Json(&one.sentiment))
                .bind(Json(&gates))
                .execute(&mut connection)
                .await
                .unwrap();
                if steps == MIGRATIONS.len() {
                    let parts = "UPDATE candidates SET likelihood_mean = -1.2345678, likelihood_weakest = -3.4567891,
                         critic = 0.1234567, reading = 0.2345678, rank = 0.3456789, fresh_opening = 1
                         WHERE round_id = ? AND position = ?";
                    sqlx::query(parts).bind(round).bind(position).execute(&mut connection).await.unwrap();
                }
            }
        }
        sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.unwrap();
        let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut connection).await.unwrap();
        (pages - free) * 4096 / ROUNDS
    }

    #[tokio::test]
    async fn a_round_of_sixteen_candidates_takes_about_half_of_what_it_took() {
        let (before, now) = (bytes_a_round(3).await, bytes_a_round(MIGRATIONS.len()).await);
        println!("a round of 16 candidates: {before} bytes before, {now} bytes now");
        // A little more than half: the texts can be searched now.
        assert!(before > 60_000 && now < before * 11 / 20, "{before} {now}");
    }

    #[tokio::test]
    async fn the_candidates_of_an_older_record_are_all_there_after_the_change_of_the_table() {
        let folder = scratch();
        let path = folder.path().join("old.db");
        std::fs::File::create(&path).unwrap();
        let mut connection = plain_connection(&path).await;
        sqlx::query("PRAGMA foreign_keys = ON").execute(&mut connection).await.unwrap();
        let rows = "INSERT INTO rounds (id, slot, slot_kind, started_at, finished_at, outcome)
                VALUES (1, 'a', 'manual', 'b', 'c', 'chosen');
             INSERT INTO candidates VALUES (1, 0, 'Hoy', 'Hoy', '', '[]', 1, '7', 'end_of_text', 3, '{}', 0.5, '[]', 'pass', 1),
                (1, 1, 'Ayer', 'Ayer', '', '[]', 1, '8', 'end_of_text', 4, '{}', 0.4, '[]', 'reject', 0);
             INSERT INTO posts (id, candidate_position, text, weighted_length, state, created_at, expires_at)
                VALUES (1, 0, 'Hoy', 3, 'approved', 'a', 'b')";
        for sql in MIGRATIONS[..3].iter().map(|step| step.2).chain([rows]) {
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
        for (_, _, sql) in &MIGRATIONS[3..] {
            let mut transaction = connection.begin().await.unwrap();
            sqlx::raw_sql(*sql).execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let texts: Vec<String> = sqlx::query_scalar("SELECT text FROM candidates ORDER BY round_id, position")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(texts, ["Hoy", "Ayer"]);
        let parts =
            "SELECT count(*) FROM candidates WHERE coalesce(likelihood_mean, likelihood_weakest, critic, reading, rank,
             fresh_opening) IS NULL";
        let without: i64 = sqlx::query_scalar(parts).fetch_one(&mut connection).await.unwrap();
        assert_eq!(without, 2, "nobody knows any more what they were ranked by");
        let delete = sqlx::query("DELETE FROM candidates WHERE position = 0").execute(&mut connection).await;
        assert!(delete.is_err(), "a post still refers to its candidate");
    }

    #[tokio::test]
    async fn a_round_has_one_set_of_candidates_and_a_second_leaves_it_unchanged() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        let one = [judged("El mercado abre temprano.", Verdict::Pass, 0.9)];
        test.store.record_candidates(round, &one, None, now).await.unwrap();
        assert!(test.store.record_candidates(round, &one, Some(0), now).await.is_err());
        assert!(
            test.store.record_candidates(RoundId::new(77), &one, None, now).await.is_err(),
            "a round that is not there"
        );
        assert_eq!(test.store.candidates(round).await.unwrap().len(), 1);
        assert!(!test.store.candidates(round).await.unwrap()[0].chosen);
    }
}
