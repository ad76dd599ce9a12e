//! The rounds: one row per slot that was served, missed or requested by a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, instant_or_none, json_or_none, seed_or_none, stored, word};
use super::error::{Doing as _, is_taken};
use super::ledger::{self, Entry, Row};
use super::{RecordKind, RoundId, RoundOutcome, SlotId, Store, StoreError};
use pregonero_tweet::{ModelIdentity, SeedPrompt};

/// A round about to begin, with everything needed to replay it.
#[derive(Debug, Clone)]
pub struct NewRound {
    pub slot: SlotId,
    pub seed_prompt: SeedPrompt,
    /// The seed from which the candidates' seeds are derived.
    pub rng_seed: u64,
    /// The decoding settings in force.
    pub generation: serde_json::Value,
    pub generator: ModelIdentity,
    pub classifier: ModelIdentity,
    /// `cpu`, `cuda:0`, …
    pub device: String,
    pub program_version: String,
    /// What decides on the candidates: sentiment target and threshold, gates, review mode, account, and whether posts
    /// go out.
    pub settings: serde_json::Value,
    /// A digest of the whole configuration in effect.
    pub config_sha256: String,
}

/// A round as recorded. The fields about a model are absent for a missed slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundRecord {
    pub id: RoundId,
    /// The slot's name, as [`SlotId`] writes it.
    pub slot: String,
    pub outcome: RoundOutcome,
    /// Why it led to no post.
    pub reason: Option<String>,
    /// For which model on a server `generator` wrote, and why; absent if the configured model wrote.
    pub stand_in: Option<StandInRecord>,
    pub seed_prompt: Option<String>,
    pub seed_attributes: Option<serde_json::Value>,
    pub rng_seed: Option<u64>,
    pub generation: Option<serde_json::Value>,
    pub generator: Option<ModelIdentity>,
    pub classifier: Option<ModelIdentity>,
    pub device: Option<String>,
    pub program_version: Option<String>,
    /// What decided on the candidates; absent for rounds of earlier versions.
    pub settings: Option<serde_json::Value>,
    /// A digest of the whole configuration in effect.
    pub config_sha256: Option<String>,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Why another model than the configured one wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandInRecord {
    /// The configured model.
    #[serde(rename = "for")]
    pub configured: String,
    pub reason: String,
}

/// A model on this machine that wrote in the place of the configured one, with what a replay needs of it.
#[derive(Debug, Clone, Copy)]
pub struct StandInWriter<'a> {
    pub identity: &'a ModelIdentity,
    /// `cpu`, `cuda:0`, …
    pub device: &'a str,
    /// How its weights are kept: `f32`, `bf16`, `f16` or `int8`.
    pub weights: &'a str,
    /// By which arithmetic its sums were rounded.
    pub kernels: &'a str,
}

/// What has happened since something last went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinceLastPost {
    /// Due times of the schedule that led to no post or were missed.
    pub slots: i64,
    /// Absent if nothing ever went out.
    pub last_post: Option<Timestamp>,
    /// Why the latest of the slots led to nothing.
    pub last_reason: Option<String>,
}

impl FromRow<'_, SqliteRow> for RoundRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: RoundId::new(row.try_get("id")?),
            slot: row.try_get("slot")?,
            outcome: word(row, "outcome", RoundOutcome::from_word)?,
            reason: row.try_get("reason")?,
            stand_in: json_or_none(row, "stand_in")?,
            seed_prompt: row.try_get("seed_prompt")?,
            seed_attributes: json_or_none(row, "seed_attributes")?,
            rng_seed: seed_or_none(row, "rng_seed")?,
            generation: json_or_none(row, "generation")?,
            generator: model(row, "generator_name", "generator_sha256")?,
            classifier: model(row, "classifier_name", "classifier_sha256")?,
            device: row.try_get("device")?,
            program_version: row.try_get("program_version")?,
            settings: json_or_none(row, "settings")?,
            config_sha256: row.try_get("config_sha256")?,
            started_at: instant(row, "started_at")?,
            finished_at: instant_or_none(row, "finished_at")?,
        })
    }
}

/// Reads a model's identity from its two columns.
pub(super) fn model(
    row: &SqliteRow,
    name: &'static str,
    sha256: &'static str,
) -> Result<Option<ModelIdentity>, sqlx::Error> {
    let name: Option<String> = row.try_get(name)?;
    let sha256: Option<String> = row.try_get(sha256)?;
    Ok(name.zip(sha256).map(|(name, sha256)| ModelIdentity { name, sha256 }))
}

impl Store {
    /// Records that a round begins.
    ///
    /// # Errors
    /// [`StoreError::SlotTaken`] if a round for the same due time is on record, with any outcome: a slot whose round
    /// crashed is not tried again, so that a crash cannot repeat itself for ever.
    pub async fn begin_round(&self, round: &NewRound, now: Timestamp) -> Result<RoundId, StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query(
            "INSERT INTO rounds (slot, slot_kind, seed_prompt, seed_attributes, rng_seed, generation, generator_name,
                 generator_sha256, classifier_name, classifier_sha256, device, program_version, settings, config_sha256,
                 started_at, outcome)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running')",
        )
        .bind(round.slot.to_string())
        .bind(round.slot.kind())
        .bind(&round.seed_prompt.text)
        .bind(Json(&round.seed_prompt.attributes))
        .bind(round.rng_seed.to_string())
        .bind(Json(&round.generation))
        .bind(&round.generator.name)
        .bind(&round.generator.sha256)
        .bind(&round.classifier.name)
        .bind(&round.classifier.sha256)
        .bind(&round.device)
        .bind(&round.program_version)
        .bind(Json(&round.settings))
        .bind(&round.config_sha256)
        .bind(stored(now))
        .execute(&mut *transaction)
        .await
        .map_err(|source| inserting(&round.slot, source))?;
        let id = row.last_insert_rowid();
        let engine = round.generation.get("engine");
        ledger::note_models(&mut transaction, &round.generator, engine, &round.classifier, now).await?;
        let entry = Entry {
            kind: RecordKind::RoundBegan,
            by: None,
            subject: Some(id),
            body: json!({
                "slot": round.slot.to_string(),
                "seed_prompt": round.seed_prompt.text,
                "rng_seed": round.rng_seed.to_string(),
                "generator_sha256": round.generator.sha256,
                "classifier_sha256": round.classifier.sha256,
                "config_sha256": round.config_sha256,
            }),
            rows: &[Row::Round(id)],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the round")?;
        Ok(RoundId::new(id))
    }

    /// Records that a model on this machine wrote in the place of the configured one, which is on a server.
    ///
    /// # Errors
    /// [`StoreError::RoundEnded`] if the round is not running.
    pub async fn record_stand_in(
        &self,
        round: RoundId,
        writer: &StandInWriter<'_>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "record the model that wrote";
        let mut transaction = self.begin().await?;
        let before = sqlx::query(
            "SELECT generator_name, generator_sha256, classifier_name, classifier_sha256 FROM rounds
             WHERE id = ? AND outcome = 'running'",
        )
        .bind(round.get())
        .fetch_optional(&mut *transaction)
        .await
        .doing(DOING)?
        .ok_or(StoreError::RoundEnded { round })?;
        let model = |name, sha256| model(&before, name, sha256)?.ok_or(sqlx::Error::RowNotFound);
        let configured: ModelIdentity = model("generator_name", "generator_sha256").doing(DOING)?;
        let classifier: ModelIdentity = model("classifier_name", "classifier_sha256").doing(DOING)?;
        let stand_in = StandInRecord { configured: configured.name, reason: reason.to_owned() };
        sqlx::query(
            "UPDATE rounds SET generator_name = ?, generator_sha256 = ?, device = ?, stand_in = ?,
                 generation = json_set(generation, '$.weights', ?, '$.kernels', ?) WHERE id = ?",
        )
        .bind(&writer.identity.name)
        .bind(&writer.identity.sha256)
        .bind(writer.device)
        .bind(Json(&stand_in))
        .bind(writer.weights)
        .bind(writer.kernels)
        .bind(round.get())
        .execute(&mut *transaction)
        .await
        .doing(DOING)?;
        ledger::note_models(&mut transaction, writer.identity, None, &classifier, now).await?;
        let entry = Entry {
            kind: RecordKind::StandIn,
            by: None,
            subject: Some(round.get()),
            body: json!({"for": stand_in.configured, "reason": reason, "generator_sha256": writer.identity.sha256}),
            rows: &[Row::Round(round.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing(DOING)
    }

    /// Records that a due time passed without a round, and why.
    ///
    /// # Errors
    /// [`StoreError::SlotTaken`] if a round for the same due time is on record.
    pub async fn record_missed(&self, slot: &SlotId, reason: &str, now: Timestamp) -> Result<RoundId, StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query(
            "INSERT INTO rounds (slot, slot_kind, started_at, finished_at, outcome, reason)
             VALUES (?, ?, ?, ?, 'missed', ?)",
        )
        .bind(slot.to_string())
        .bind(slot.kind())
        .bind(stored(now))
        .bind(stored(now))
        .bind(reason)
        .execute(&mut *transaction)
        .await
        .map_err(|source| inserting(slot, source))?;
        let id = row.last_insert_rowid();
        let entry = Entry {
            kind: RecordKind::SlotMissed,
            by: None,
            subject: Some(id),
            body: json!({"slot": slot.to_string(), "reason": reason}),
            rows: &[Row::Round(id)],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the missed slot")?;
        Ok(RoundId::new(id))
    }

    /// Records that no candidate passed; `reason` sums up what the gates said.
    ///
    /// # Errors
    /// [`StoreError::RoundEnded`] if the round is not running.
    pub async fn end_without_candidate(&self, round: RoundId, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        self.end_round(round, RoundOutcome::NoCandidate, Some(reason), now).await
    }

    /// Records that an error ended the round.
    ///
    /// # Errors
    /// [`StoreError::RoundEnded`] if the round is not running.
    pub async fn end_failed(&self, round: RoundId, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        self.end_round(round, RoundOutcome::Failed, Some(reason), now).await
    }

    async fn end_round(
        &self,
        round: RoundId,
        outcome: RoundOutcome,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        end_round(&mut transaction, round, outcome, reason, now).await?;
        append_end(&mut transaction, round.get(), outcome, reason, now).await?;
        transaction.commit().await.doing("record the round's end")
    }

    /// Marks rounds whose process died as interrupted. Call this at the start, as the holder of the instance lock.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn interrupt_running_rounds(&self, now: Timestamp) -> Result<Vec<RoundId>, StoreError> {
        self.interrupt_rounds_because("the program ended during this round", now).await
    }

    /// Does the same for another reason, while no round is under way.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn interrupt_rounds_because(&self, reason: &str, now: Timestamp) -> Result<Vec<RoundId>, StoreError> {
        let mut transaction = self.begin().await?;
        let rounds: Vec<i64> = sqlx::query_scalar(
            "UPDATE rounds SET outcome = 'interrupted', finished_at = ?, reason = ? WHERE outcome = 'running' RETURNING id",
        )
        .bind(stored(now))
        .bind(reason)
        .fetch_all(&mut *transaction)
        .await
        .doing("mark interrupted rounds")?;
        for &round in &rounds {
            append_end(&mut transaction, round, RoundOutcome::Interrupted, Some(reason), now).await?;
        }
        transaction.commit().await.doing("mark interrupted rounds")?;
        Ok(rounds.into_iter().map(RoundId::new).collect())
    }

    /// Returns the latest due time on record, served or missed, that is not after `now`: the schedule continues from
    /// it. Later ones were recorded while the clock was ahead.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn last_scheduled_slot(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let slot: Option<String> =
            sqlx::query_scalar("SELECT max(slot) FROM rounds WHERE slot_kind = 'scheduled' AND slot <= ?")
                // Slots are whole seconds and written without decimals.
                .bind(format!("{now:.0}"))
                .fetch_one(self.readers())
                .await
                .doing("read the last slot")?;
        slot.map(|slot| slot.parse().map_err(|_| super::columns::unreadable("slot", &slot)))
            .transpose()
            .doing("read the last slot")
    }

    /// Returns whether a round for this due time is on record, with any outcome.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn is_slot_taken(&self, due: Timestamp) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM rounds WHERE slot_kind = 'scheduled' AND slot = ?)")
            .bind(SlotId::Scheduled(due).to_string())
            .fetch_one(self.readers())
            .await
            .doing("look for the slot")
    }

    /// Returns how many due times have passed up to `now` since something last went out, or would have in a dry run.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn slots_since_last_post(&self, now: Timestamp) -> Result<SinceLastPost, StoreError> {
        const DOING: &str = "count the slots since the last post";
        let row = sqlx::query(
            "WITH last AS (
                 SELECT max(coalesce(sent_at, created_at)) AS post FROM posts WHERE state IN ('sent', 'dry_run')
             ), passed AS (
                 SELECT slot, coalesce(reason, outcome) AS reason FROM rounds, last
                 WHERE slot_kind = 'scheduled' AND outcome <> 'running' AND slot <= ? AND slot > coalesce(substr(post, 1, 19) || 'Z', '')
                   AND NOT EXISTS (SELECT 1 FROM posts WHERE posts.id = rounds.id AND state IN ('sent', 'dry_run'))
             )
             SELECT (SELECT count(*) FROM passed) AS slots, (SELECT post FROM last) AS last_post,
                 (SELECT reason FROM passed ORDER BY slot DESC LIMIT 1) AS reason",
        )
        // Slots are whole seconds and written without decimals.
        .bind(format!("{now:.0}"))
        .fetch_one(self.readers())
        .await
        .doing(DOING)?;
        let read = || {
            let last_post = instant_or_none(&row, "last_post")?;
            Ok(SinceLastPost { slots: row.try_get("slots")?, last_post, last_reason: row.try_get("reason")? })
        };
        read().doing(DOING)
    }

    /// Returns one round.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRound`], or if the database cannot be read.
    pub async fn round(&self, round: RoundId) -> Result<RoundRecord, StoreError> {
        sqlx::query_as(
            "SELECT id, slot, outcome, reason, seed_prompt, seed_attributes, rng_seed, generation, generator_name,
                 generator_sha256, classifier_name, classifier_sha256, device, program_version, settings, config_sha256,
                 started_at, finished_at, stand_in
             FROM rounds WHERE id = ?",
        )
        .bind(round.get())
        .fetch_optional(self.readers())
        .await
        .doing("read the round")?
        .ok_or(StoreError::NoSuchRound { round })
    }
}

/// Ends a running round inside the caller's transaction, which also appends the record of it.
pub(super) async fn end_round(
    connection: &mut SqliteConnection,
    round: RoundId,
    outcome: RoundOutcome,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let changed =
        sqlx::query("UPDATE rounds SET outcome = ?, reason = ?, finished_at = ? WHERE id = ? AND outcome = 'running'")
            .bind(outcome.as_str())
            .bind(reason)
            .bind(stored(now))
            .bind(round.get())
            .execute(&mut *connection)
            .await
            .doing("record the round's end")?;
    if changed.rows_affected() == 1 {
        return Ok(());
    }
    let exists: Option<i64> = sqlx::query_scalar("SELECT id FROM rounds WHERE id = ?")
        .bind(round.get())
        .fetch_optional(&mut *connection)
        .await
        .doing("read the round")?;
    Err(exists.map_or(StoreError::NoSuchRound { round }, |_| StoreError::RoundEnded { round }))
}

async fn append_end(
    connection: &mut SqliteConnection,
    round: i64,
    outcome: RoundOutcome,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let entry = Entry {
        kind: RecordKind::RoundEnded,
        by: None,
        subject: Some(round),
        body: json!({"outcome": outcome, "reason": reason}),
        rows: &[Row::Round(round)],
    };
    ledger::append(connection, entry, now).await.map(drop)
}

fn inserting(slot: &SlotId, source: sqlx::Error) -> StoreError {
    if is_taken(&source, "rounds.slot") {
        return StoreError::SlotTaken { slot: slot.clone() };
    }
    StoreError::Database { doing: "record the round", source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, new_round};

    #[tokio::test]
    async fn a_round_is_read_back_as_it_was_begun() {
        let test = TestStore::open().await;
        let mut new = new_round(SlotId::Scheduled(at("2026-03-01T14:00:00Z")));
        new.rng_seed = u64::MAX;
        new.seed_prompt.attributes.insert("HASHTAGS".to_owned(), "Pregón".to_owned());
        let id = test.store.begin_round(&new, at("2026-03-01T14:00:01.250Z")).await.unwrap();
        let round = test.store.round(id).await.unwrap();
        assert_eq!(round.slot, "2026-03-01T14:00:00Z");
        assert_eq!(round.rng_seed, Some(u64::MAX));
        assert_eq!(round.seed_attributes, Some(serde_json::json!({"HASHTAGS": "Pregón"})));
        assert_eq!(round.generator, Some(new.generator));
        assert_eq!(round.classifier, Some(new.classifier));
        assert_eq!(round.generation, Some(new.generation));
        assert_eq!((round.settings, round.config_sha256), (Some(new.settings), Some(new.config_sha256)));
        assert_eq!(round.started_at, at("2026-03-01T14:00:01.250Z"));
        assert_eq!((round.outcome, round.finished_at), (RoundOutcome::Running, None));
    }

    #[tokio::test]
    async fn a_due_time_is_served_once_and_a_wish_by_hand_as_often_as_wished() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let scheduled = new_round(SlotId::Scheduled(now));
        test.store.begin_round(&scheduled, now).await.unwrap();
        let again = test.store.begin_round(&scheduled, now).await.unwrap_err();
        assert_eq!(again.to_string(), "slot 2026-03-01 14:00:00 UTC: already served by an earlier round");
        let missed = test.store.record_missed(&scheduled.slot, "down", now).await.unwrap_err();
        assert!(matches!(missed, StoreError::SlotTaken { .. }), "{missed:?}");
        let by_hand = new_round(SlotId::Manual(now));
        let first = test.store.begin_round(&by_hand, now).await.unwrap();
        assert!(test.store.begin_round(&by_hand, now).await.unwrap() > first);
    }

    #[tokio::test]
    async fn a_round_ends_once_with_its_reason() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        test.store.end_without_candidate(id, "all 16 rejected", now).await.unwrap();
        let round = test.store.round(id).await.unwrap();
        assert_eq!((round.outcome, round.reason.as_deref()), (RoundOutcome::NoCandidate, Some("all 16 rejected")));
        assert_eq!(round.finished_at, Some(now));
        assert!(matches!(test.store.end_failed(id, "x", now).await, Err(StoreError::RoundEnded { .. })));
        let nobody = RoundId::new(99);
        assert!(matches!(test.store.end_failed(nobody, "x", now).await, Err(StoreError::NoSuchRound { .. })));
        assert!(matches!(test.store.round(nobody).await, Err(StoreError::NoSuchRound { .. })));
    }

    #[tokio::test]
    async fn a_round_that_a_stand_in_wrote_names_it_and_the_model_it_stood_in_for() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let mut new = new_round(SlotId::Manual(now));
        new.generator = ModelIdentity { name: "openai:http://host/v1#m".to_owned(), sha256: String::new() };
        new.generation =
            json!({"engine": {"software": "vLLM"}, "top_p": 0.9, "weights": "server", "kernels": "server"});
        let id = test.store.begin_round(&new, now).await.unwrap();
        let writer = ModelIdentity { name: "builtin".to_owned(), sha256: "ab".to_owned() };
        let on_cpu = StandInWriter { identity: &writer, device: "cpu", weights: "int8", kernels: "avx2" };
        test.store.record_stand_in(id, &on_cpu, "the server is away", now).await.unwrap();
        let round = test.store.round(id).await.unwrap();
        assert_eq!((round.generator, round.device.as_deref()), (Some(writer.clone()), Some("cpu")));
        let expected = json!({"engine": {"software": "vLLM"}, "top_p": 0.9, "weights": "int8", "kernels": "avx2"});
        assert_eq!(round.generation, Some(expected), "the arithmetic is the one of the model that wrote");
        assert!(test.store.check_log(&std::collections::BTreeSet::new()).await.unwrap().faults.is_empty());
        let stand_in = round.stand_in.unwrap();
        assert_eq!(stand_in.configured, "openai:http://host/v1#m");
        assert_eq!(stand_in.reason, "the server is away");
        test.store.end_without_candidate(id, "none", now).await.unwrap();
        let again = test.store.record_stand_in(id, &on_cpu, "x", now).await;
        assert!(matches!(again, Err(StoreError::RoundEnded { .. })), "{again:?}");
    }

    #[tokio::test]
    async fn rounds_left_running_are_interrupted_and_the_ended_ones_stay() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let ended = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        test.store.end_failed(ended, "no memory", now).await.unwrap();
        let running = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        assert_eq!(test.store.interrupt_running_rounds(now).await.unwrap(), [running]);
        assert_eq!(test.store.round(running).await.unwrap().outcome, RoundOutcome::Interrupted);
        assert_eq!(test.store.round(ended).await.unwrap().outcome, RoundOutcome::Failed);
        assert_eq!(test.store.interrupt_running_rounds(now).await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_last_slot_is_the_latest_due_time_served_or_missed() {
        let test = TestStore::open().await;
        assert_eq!(test.store.last_scheduled_slot(at("2100-01-01T00:00:00Z")).await.unwrap(), None);
        let (early, late) = (at("2026-03-01T14:00:00Z"), at("2026-03-02T14:00:00Z"));
        test.store.record_missed(&SlotId::Scheduled(late), "down", late).await.unwrap();
        test.store.begin_round(&new_round(SlotId::Scheduled(early)), late).await.unwrap();
        test.store.begin_round(&new_round(SlotId::Manual(at("2026-03-05T14:00:00Z"))), late).await.unwrap();
        assert_eq!(test.store.last_scheduled_slot(at("2100-01-01T00:00:00Z")).await.unwrap(), Some(late));
    }
}
