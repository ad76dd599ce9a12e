//! The candidates of a round, the rejected ones too: they answer "why this one".

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

use super::columns::{json, seed_or_none, unreadable};
use super::error::Doing as _;
use super::{RoundId, Store, StoreError};
use crate::tweet::{Candidate, Finish, Judged};

/// A candidate as recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateRecord {
    /// Place in the batch, from 0.
    pub position: usize,
    /// Whether the selection took it.
    pub chosen: bool,
    #[serde(flatten)]
    pub judged: Judged,
}

impl FromRow<'_, SqliteRow> for CandidateRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
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
                },
                text: row.try_get("text")?,
                weighted_length: count(row, "weighted_length")?,
                sentiment: json(row, "sentiment")?,
                score: row.try_get("score")?,
                gates: json(row, "gates")?,
            },
        })
    }
}

/// A column that counts something.
pub(super) fn count(row: &SqliteRow, column: &'static str) -> Result<usize, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    usize::try_from(number).map_err(|_| unreadable(column, &number.to_string()))
}

/// A count as SQLite holds it.
pub(super) fn integer(count: usize) -> i64 {
    i64::try_from(count).expect("lengths and places of a tweet are small")
}

impl Store {
    /// Records all candidates of a running round, in the order of the batch; `chosen` is the selection's place among
    /// them. All or none.
    ///
    /// # Errors
    /// Where the database cannot be written, or the round has candidates already.
    pub async fn record_candidates(
        &self,
        round: RoundId,
        judged: &[Judged],
        chosen: Option<usize>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for (position, one) in judged.iter().enumerate() {
            sqlx::query(
                "INSERT INTO candidates (round_id, position, text, generated, continuation, token_ids, prompt_tokens,
                     rng_seed, finish, weighted_length, sentiment, score, gates, verdict, chosen)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            .execute(&mut *transaction)
            .await
            .doing("record a candidate")?;
        }
        transaction.commit().await.doing("record the candidates")
    }

    /// All candidates of a round, in the order of the batch.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn candidates(&self, round: RoundId) -> Result<Vec<CandidateRecord>, StoreError> {
        sqlx::query_as(
            "SELECT position, chosen, generated, continuation, token_ids, prompt_tokens, rng_seed, finish, text,
                 weighted_length, sentiment, score, gates
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
    use crate::store::SlotId;
    use crate::store::testing::{TestStore, at, judged, new_round};
    use crate::tweet::Verdict;

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
        test.store.record_candidates(round, &all, Some(0)).await.unwrap();
        let read = test.store.candidates(round).await.unwrap();
        assert_eq!(read.iter().map(|one| one.judged.clone()).collect::<Vec<_>>(), all);
        assert_eq!(read.iter().map(|one| (one.position, one.chosen)).collect::<Vec<_>>(), [(0, true), (1, false)]);
    }

    #[tokio::test]
    async fn a_round_has_one_set_of_candidates_and_a_second_leaves_it_unchanged() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        let one = [judged("El mercado abre temprano.", Verdict::Pass, 0.9)];
        test.store.record_candidates(round, &one, None).await.unwrap();
        assert!(test.store.record_candidates(round, &one, Some(0)).await.is_err());
        assert!(test.store.record_candidates(RoundId::new(77), &one, None).await.is_err(), "a round that is not there");
        assert_eq!(test.store.candidates(round).await.unwrap().len(), 1);
        assert!(!test.store.candidates(round).await.unwrap()[0].chosen);
    }
}
