//! Erasing the texts of a round for good: a person asks to be forgotten, or a text must not be kept.
//!
//! One constraint: nothing that is left may give the text back. So the texts go, with the words that gates and people quoted
//! from them, the random seeds that would write them again, the digests of short texts, and salt and body of each record
//! of the audit log that contains them or has a salted digest of a row that held them. The leaves stay, so the tree still
//! holds, and a record `erased` names the emptied ones. [`Store::scrub`] then rewrites the file, because SQLite keeps old bytes in it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::columns::word;
use super::error::Doing as _;
use super::ledger::{self, Entry, Row};
use super::{PostState, RecordKind, RoundId, RoundOutcome, Store, StoreError};
use pregonero_tweet::GateVerdict;

/// A record of the log: index, kind, subject, body, time, and who acted.
type Recorded = (i64, String, Option<i64>, String, String, Option<String>);

const DOING: &str = "erase a text";

/// What replaces a quotation.
const ERASED: &str = "[erased]";

/// How many records of the log are read at once.
const PAGE: i64 = 1000;

/// A text with fewer characters is not searched for in other rows: anybody could have written its words.
const SHORTEST_QUOTE: usize = 12;

/// Where sentences of ours or of a person may quote a post: table, column of its number, column of the sentence.
const QUOTING: [(&str, &str, &str); 10] = [
    ("candidates", "round_id", "gates"),
    ("posts", "id", "edited_gates"),
    ("posts", "id", "decision_reason"),
    ("posts", "id", "error"),
    ("rounds", "id", "reason"),
    ("reviews", "id", "note"),
    ("reviews", "id", "sources"),
    ("attempts", "id", "detail"),
    ("reads", "id", "detail"),
    ("alerts", "id", "message"),
];

/// What to erase, on whose word, and why.
#[derive(Debug, Clone, Copy)]
pub struct Erasure<'a> {
    pub round: RoundId,
    /// Whether the post keeps its text, so that only what did not go out is erased.
    pub keep_post: bool,
    /// The seed prompts of the configuration. They stay; another prompt of a round by hand was typed for that round, and
    /// its text begins with it.
    pub configured: &'a [String],
    pub by: &'a str,
    pub reason: &'a str,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub round: RoundId,
    /// Whether the post's text is gone.
    pub post: bool,
    /// How many candidates' texts are gone.
    pub candidates: u64,
    /// Whether the prompt that somebody typed for the round is gone.
    pub prompt: bool,
    /// How many records of the audit log were emptied.
    pub records: usize,
    /// The number of the record that says so; absent if there was nothing left to erase.
    pub record: Option<u64>,
}

/// An erasure under way.
struct Work<'c> {
    connection: &'c mut SqliteConnection,
    round: i64,
    /// The rows that no longer say what they said.
    changed: BTreeSet<(String, i64)>,
    /// Texts that nothing may contain any more.
    gone: BTreeSet<String>,
    /// The post's texts, where they stay.
    kept: BTreeSet<String>,
}

impl Store {
    /// Erases the texts of a round: the post's and those of all candidates, or only of those that the post was not made
    /// of. Call [`Store::scrub`] afterwards.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRound`]; [`StoreError::StillOpen`] if the round runs or something is still to happen to its post.
    pub async fn erase(&self, erasure: &Erasure<'_>, now: Timestamp) -> Result<Erased, StoreError> {
        let mut transaction = self.begin().await?;
        let round = erasure.round.get();
        require_settled(&mut transaction, erasure.round).await?;
        let mut work = Work {
            connection: &mut transaction,
            round,
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
            kept: BTreeSet::new(),
        };
        let posted = work.posted_texts(erasure.keep_post).await?;
        let candidates = work.erase_candidates(erasure.keep_post).await?;
        let post = if erasure.keep_post { false } else { work.erase_post().await? };
        work.erase_from_reviews_and_calls(erasure.keep_post).await?;
        let prompt = work.erase_prompt(erasure.configured).await?;
        if work.changed.is_empty() {
            return Ok(Erased { round: erasure.round, post, candidates, prompt, records: 0, record: None });
        }
        work.forget_seed().await?;
        work.remove_quotations(&posted).await?;
        let Emptied { records, rows, erasures } = work.empty_records(&posted).await?;
        let emptied = records.len();
        let mut body = json!({"reason": erasure.reason, "post": post, "candidates": candidates, "prompt": prompt,
                              "records": records});
        if !erasures.is_empty() {
            body["earlier"] = json!(erasures);
        }
        let entry = Entry { kind: RecordKind::Erased, by: Some(erasure.by), subject: Some(round), body, rows: &rows };
        let record = ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(Erased { round: erasure.round, post, candidates, prompt, records: emptied, record: Some(record) })
    }

    /// Rewrites the database without the bytes of what was removed from it, and empties its journal.
    ///
    /// # Errors
    /// [`StoreError::StillRead`] if another process kept it from being rewritten; a later call does it.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        const DOING: &str = "rewrite the database without what was erased";
        // SQLite itself waits five seconds for readers each time.
        const TRIES: u32 = 3;
        let mut connection = self.writers().acquire().await.doing(DOING)?;
        for statement in [
            "PRAGMA secure_delete = ON",
            "INSERT INTO posts_text (posts_text) VALUES ('optimize')",
            "INSERT INTO candidates_text (candidates_text) VALUES ('optimize')",
            "VACUUM",
        ] {
            sqlx::query(statement).execute(&mut *connection).await.doing(DOING)?;
        }
        for _ in 0..TRIES {
            let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await.doing(DOING)?;
            if row.try_get::<i64, _>(0).doing(DOING)? == 0 {
                return Ok(());
            }
        }
        Err(StoreError::StillRead { path: self.path().to_owned() })
    }
}

/// Refuses a round to which something may still happen: a call may be under way, or a person about to decide.
async fn require_settled(connection: &mut SqliteConnection, round: RoundId) -> Result<(), StoreError> {
    let row =
        sqlx::query("SELECT outcome, state FROM rounds LEFT JOIN posts ON posts.id = rounds.id WHERE rounds.id = ?")
            .bind(round.get())
            .fetch_optional(connection)
            .await
            .doing(DOING)?
            .ok_or(StoreError::NoSuchRound { round })?;
    let outcome = word(&row, "outcome", RoundOutcome::from_word).doing(DOING)?;
    let state: Option<String> = row.try_get("state").doing(DOING)?;
    let state = state.as_deref().and_then(PostState::from_word);
    let open = matches!(state, Some(PostState::Held | PostState::Approved | PostState::Armed | PostState::Unknown));
    if open || outcome == RoundOutcome::Running {
        let found = state.map_or(outcome.as_str(), PostState::as_str);
        return Err(StoreError::StillOpen { round, found });
    }
    Ok(())
}

impl Work<'_> {
    /// Returns every text that the post had, except those that it keeps.
    async fn posted_texts(&mut self, keep: bool) -> Result<BTreeSet<String>, StoreError> {
        let present: Vec<(String, Option<String>)> = sqlx::query_as("SELECT text, body FROM posts WHERE id = ?")
            .bind(self.round)
            .fetch_all(&mut *self.connection)
            .await
            .doing(DOING)?;
        let earlier: Vec<(String, String)> =
            sqlx::query_as("SELECT text_before, text_after FROM reviews WHERE post_id = ?")
                .bind(self.round)
                .fetch_all(&mut *self.connection)
                .await
                .doing(DOING)?;
        let mut posted: BTreeSet<String> = earlier.into_iter().flat_map(|(before, after)| [before, after]).collect();
        // Gates quote bodies. Only the latest one is on record; the earlier ones had the same disclosure around them.
        let disclosure = present.first().and_then(|(text, body)| text.split_once(body.as_deref()?));
        if let Some((before, after)) = disclosure {
            let body = |text: &String| Some(text.strip_prefix(before)?.strip_suffix(after)?.to_owned());
            let bodies: Vec<String> = posted.iter().filter_map(body).collect();
            posted.extend(bodies);
        }
        let present: BTreeSet<String> =
            present.into_iter().flat_map(|(text, body)| [Some(text), body]).flatten().collect();
        if keep {
            posted.retain(|text| !present.contains(text));
            self.kept = present;
        } else {
            posted.extend(present);
        }
        posted.remove("");
        self.gone.extend(posted.iter().cloned());
        Ok(posted)
    }

    /// Empties the candidates' texts; their scores and verdicts stay, without the reasons, which quote them.
    async fn erase_candidates(&mut self, keep_posted: bool) -> Result<u64, StoreError> {
        let rows = sqlx::query(
            "SELECT position, text, generated, continuation, gates FROM candidates
             WHERE round_id = ?1 AND (text <> '' OR generated <> '')
               AND NOT (?2 AND EXISTS (SELECT 1 FROM posts WHERE id = ?1 AND candidate_position = position))",
        )
        .bind(self.round)
        .bind(keep_posted)
        .fetch_all(&mut *self.connection)
        .await
        .doing(DOING)?;
        let erased = rows.len() as u64;
        for row in rows {
            let position = self.take_texts(&row).doing(DOING)?;
            let gates = without_reasons(&row.try_get::<String, _>("gates").doing(DOING)?);
            sqlx::query(
                "UPDATE candidates SET text = '', generated = '', continuation = '', token_ids = '[]', rng_seed = '0', gates = ?
                 WHERE round_id = ? AND position = ?",
            )
            .bind(gates)
            .bind(self.round)
            .bind(position)
            .execute(&mut *self.connection)
            .await
            .doing(DOING)?;
            self.changed.insert(("candidates".to_owned(), self.round));
        }
        Ok(erased)
    }

    fn take_texts(&mut self, row: &SqliteRow) -> Result<i64, sqlx::Error> {
        for column in ["text", "generated", "continuation"] {
            let text: String = row.try_get(column)?;
            if !text.is_empty() && !self.kept.contains(&text) {
                self.gone.insert(text);
            }
        }
        row.try_get("position")
    }

    async fn erase_post(&mut self) -> Result<bool, StoreError> {
        let gates: Option<Option<String>> =
            sqlx::query_scalar("SELECT edited_gates FROM posts WHERE id = ? AND text <> ''")
                .bind(self.round)
                .fetch_optional(&mut *self.connection)
                .await
                .doing(DOING)?;
        let Some(gates) = gates else { return Ok(false) };
        sqlx::query("UPDATE posts SET text = '', body = '', edited_gates = ? WHERE id = ?")
            .bind(gates.map(|gates| without_reasons(&gates)))
            .bind(self.round)
            .execute(&mut *self.connection)
            .await
            .doing(DOING)?;
        self.changed.insert(("posts".to_owned(), self.round));
        Ok(true)
    }

    /// Empties the texts in reviews and calls, what X answered to the calls, and the links that hold a digest of the text.
    async fn erase_from_reviews_and_calls(&mut self, keep_post: bool) -> Result<(), StoreError> {
        let reviews: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT id, text_before, text_after FROM reviews WHERE post_id = ?")
                .bind(self.round)
                .fetch_all(&mut *self.connection)
                .await
                .doing(DOING)?;
        for (id, before, after) in reviews {
            let keeps = |text: &String| text.is_empty() || self.kept.contains(text);
            for (text, columns) in [(&before, "text_before = ''"), (&after, "text_after = '', text_sha256 = ''")] {
                if keeps(text) {
                    continue;
                }
                sqlx::query(AssertSqlSafe(format!("UPDATE reviews SET {columns} WHERE id = ?")))
                    .bind(id)
                    .execute(&mut *self.connection)
                    .await
                    .doing(DOING)?;
                self.changed.insert(("reviews".to_owned(), id));
            }
        }
        if keep_post {
            return Ok(());
        }
        for (table, statement) in [
            (
                "attempts",
                "UPDATE attempts SET text = NULL, detail = NULL
                 WHERE post_id = ? AND (text IS NOT NULL OR detail IS NOT NULL) RETURNING id",
            ),
            ("reads", "UPDATE reads SET detail = NULL WHERE post_id = ? AND detail IS NOT NULL RETURNING id"),
            ("decision_links", "DELETE FROM decision_links WHERE post_id = ? RETURNING id"),
        ] {
            let changed: Vec<i64> =
                sqlx::query_scalar(statement).bind(self.round).fetch_all(&mut *self.connection).await.doing(DOING)?;
            self.note_changed(table, changed);
        }
        sqlx::query("UPDATE alerts SET message = '' WHERE key = 'waiting:' || ?")
            .bind(self.round)
            .execute(&mut *self.connection)
            .await
            .map(drop)
            .doing(DOING)
    }

    /// Notes the rows that the log describes; it does not cover every table.
    fn note_changed(&mut self, table: &str, ids: Vec<i64>) {
        let is_covered = |id: &i64| Row::at(table, *id).is_some();
        self.changed.extend(ids.into_iter().filter(is_covered).map(|id| (table.to_owned(), id)));
    }

    /// Removes the prompt that somebody typed for this round, also from the sentences in which a server repeated it. A post
    /// that keeps its text keeps the prompt, which is its beginning.
    async fn erase_prompt(&mut self, configured: &[String]) -> Result<bool, StoreError> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT seed_prompt FROM rounds WHERE id = ? AND slot_kind = 'manual' AND seed_prompt <> ''",
        )
        .bind(self.round)
        .fetch_optional(&mut *self.connection)
        .await
        .doing(DOING)?;
        let Some(prompt) = found.filter(|prompt| self.kept.is_empty() && !configured.contains(prompt)) else {
            return Ok(false);
        };
        sqlx::query(AssertSqlSafe(format!(
            "UPDATE rounds SET seed_prompt = NULL,
                 reason = CASE outcome WHEN 'failed' THEN replace(reason, ?1, '{ERASED}') ELSE reason END,
                 stand_in = json_set(stand_in, '$.reason', replace(stand_in ->> 'reason', ?1, '{ERASED}'))
             WHERE id = ?2"
        )))
        .bind(prompt.trim())
        .bind(self.round)
        .execute(&mut *self.connection)
        .await
        .doing(DOING)?;
        self.changed.insert(("rounds".to_owned(), self.round));
        Ok(true)
    }

    /// Removes the round's seed, from which the model would write every candidate again.
    async fn forget_seed(&mut self) -> Result<(), StoreError> {
        sqlx::query("UPDATE rounds SET rng_seed = NULL WHERE id = ?")
            .bind(self.round)
            .execute(&mut *self.connection)
            .await
            .doing(DOING)?;
        self.changed.insert(("rounds".to_owned(), self.round));
        Ok(())
    }

    /// Replaces what other rows quote of the post: the gate `near_duplicate` quotes the beginning of the earlier post.
    async fn remove_quotations(&mut self, posted: &BTreeSet<String>) -> Result<(), StoreError> {
        for quote in quotes(posted) {
            // The columns hold plain sentences or JSON.
            let escaped = in_json(&quote);
            let forms = if escaped == quote { vec![quote] } else { vec![quote, escaped] };
            for form in forms {
                for (table, key, column) in QUOTING {
                    let statement = format!(
                        "UPDATE {table} SET {column} = replace({column}, ?1, '{ERASED}') WHERE instr({column}, ?1) RETURNING {key}"
                    );
                    let changed: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(statement))
                        .bind(&form)
                        .fetch_all(&mut *self.connection)
                        .await
                        .doing(DOING)?;
                    self.note_changed(table, changed);
                }
            }
        }
        Ok(())
    }

    /// Empties the records that contain what was erased. A record of an earlier erasure is one if it has the digest of a row that
    /// still held a text; who erased and why is then said again.
    async fn empty_records(&mut self, posted: &BTreeSet<String>) -> Result<Emptied, StoreError> {
        let long = self.gone.iter().filter(|text| text.chars().count() >= SHORTEST_QUOTE).cloned();
        let plain: Vec<String> = long.chain(quotes(posted)).collect();
        let told: Vec<String> = plain.iter().map(|text| in_json(text)).collect();
        let mut erasures = Vec::new();
        let (mut emptied, mut rows, mut next) = (BTreeSet::new(), self.changed.clone(), 0_i64);
        loop {
            let page: Vec<Recorded> = sqlx::query_as(
                "SELECT idx, kind, subject, body, at, by FROM ledger
                 WHERE idx >= ? AND body IS NOT NULL AND kind <> 'adopted' ORDER BY idx LIMIT ?",
            )
            .bind(next)
            .bind(PAGE)
            .fetch_all(&mut *self.connection)
            .await
            .doing(DOING)?;
            let Some((last, ..)) = page.last() else { break };
            next = last + 1;
            for (index, kind, subject, body, at, by) in page {
                let said: Value = serde_json::from_str(&body).unwrap_or_default();
                let described = rows_in(&said);
                let is_told = described.iter().any(|row| self.holds_its_text(row))
                    || (subject == Some(self.round) && self.gone.iter().any(|text| body.contains(&in_json(text))))
                    || told.iter().any(|text| body.contains(text));
                if !is_told {
                    continue;
                }
                emptied.insert(index.unsigned_abs());
                rows.extend(described);
                // What an earlier record says of records that it emptied is said again.
                if kind == RecordKind::Pruned.as_str() || kind == RecordKind::Erased.as_str() {
                    emptied.extend(said["about"]["records"].as_array().into_iter().flatten().filter_map(Value::as_u64));
                }
                if kind == RecordKind::Erased.as_str() {
                    let about = &said["about"];
                    erasures.extend(about["earlier"].as_array().into_iter().flatten().cloned());
                    let erasure = json!({"record": index, "at": at, "by": by, "subject": subject, "reason": about["reason"],
                                         "post": about["post"], "candidates": about["candidates"],
                                         "prompt": about["prompt"]});
                    erasures.push(erasure);
                }
                sqlx::query("UPDATE ledger SET salt = NULL, body = NULL WHERE idx = ?")
                    .bind(index)
                    .execute(&mut *self.connection)
                    .await
                    .doing(DOING)?;
            }
        }
        for (table, id) in &self.changed {
            sqlx::query("UPDATE ledger_adopted SET salt = NULL WHERE tbl = ? AND id = ?")
                .bind(table)
                .bind(id)
                .execute(&mut *self.connection)
                .await
                .doing(DOING)?;
        }
        for erasure in &mut erasures {
            if let Some(reason) = erasure["reason"].as_str() {
                erasure["reason"] = without_quotes(reason, &plain).into();
            }
        }
        let rows = rows.iter().filter_map(|(table, id)| Row::at(table, *id)).collect();
        Ok(Emptied { records: emptied.into_iter().collect(), rows, erasures })
    }

    /// Returns whether a row of the log's is one that held an erased text: its salted digest could be compared with a guess.
    fn holds_its_text(&self, row: &(String, i64)) -> bool {
        let (table, id) = row;
        self.changed.contains(row) && (table != "candidates" && table != "rounds" || *id == self.round)
    }
}

/// The records that an erasure emptied.
struct Emptied {
    records: Vec<u64>,
    /// Every row that a new record has to describe: the changed ones, and those that an emptied record described.
    rows: Vec<Row>,
    /// What the emptied records said of earlier erasures.
    erasures: Vec<Value>,
}

/// Returns a reason without what it quotes of these texts.
fn without_quotes(reason: &str, texts: &[String]) -> String {
    texts.iter().fold(reason.to_owned(), |reason, text| reason.replace(text.as_str(), ERASED))
}

/// Returns the rows that a record describes.
fn rows_in(said: &Value) -> Vec<(String, i64)> {
    let names = said["rows"].as_object().into_iter().flatten().map(|(name, _)| name);
    names
        .filter_map(|name| name.split_once('/'))
        .filter_map(|(table, id)| Some((table.to_owned(), id.parse().ok()?)))
        .collect()
}

/// Returns what the gates would quote of these texts, the longest first: a text that contains another goes as a whole.
fn quotes(texts: &BTreeSet<String>) -> Vec<String> {
    let beginning = |text: &str| match text.char_indices().nth(GateVerdict::LONGEST_QUOTE) {
        Some((end, _)) => text[..end].trim_end().to_owned(),
        None => text.to_owned(),
    };
    let all = texts.iter().map(|text| text.trim()).flat_map(|text| [text.to_owned(), beginning(text)]);
    let mut quotes: Vec<String> = all.filter(|quote| quote.chars().count() >= SHORTEST_QUOTE).collect();
    quotes.sort_by_key(|quote| std::cmp::Reverse(quote.len()));
    quotes.dedup();
    quotes
}

/// Returns a text as it is written inside a string of JSON.
fn in_json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the verdicts without their reasons.
fn without_reasons(gates: &str) -> String {
    let mut verdicts: Vec<GateVerdict> = serde_json::from_str(gates).unwrap_or_default();
    for verdict in &mut verdicts {
        verdict.reason.clear();
    }
    json!(verdicts).to_string()
}

/// Says when, by whom and why texts of a round were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedMark {
    pub at: String,
    pub by: Option<String>,
    /// Absent if an earlier version emptied the record that says so.
    pub reason: Option<String>,
    /// The number of the record.
    pub record: u64,
}

impl Store {
    /// Returns the erasures in a round, the first one first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn erasures_of(&self, round: RoundId) -> Result<Vec<ErasedMark>, StoreError> {
        let records = self.records_of(round.post()).await?;
        let records = records.into_iter().filter(|record| record.kind == RecordKind::Erased);
        let mut marks = Vec::new();
        for record in records {
            let body = record.content.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok());
            let reason = match body {
                Some(body) => body["about"]["reason"].as_str().map(str::to_owned),
                None => self.reason_said_again(record.index).await?,
            };
            marks.push(ErasedMark { at: record.at, by: record.by, reason, record: record.index });
        }
        Ok(marks)
    }

    /// Returns the reason of an erasure whose record a later one emptied.
    async fn reason_said_again(&self, index: u64) -> Result<Option<String>, StoreError> {
        let later: Vec<String> = sqlx::query_scalar(
            "SELECT body FROM ledger WHERE kind = 'erased' AND idx > ? AND body IS NOT NULL ORDER BY idx DESC",
        )
        .bind(i64::try_from(index).unwrap_or(i64::MAX))
        .fetch_all(self.readers())
        .await
        .doing("read the audit log")?;
        Ok(later.iter().find_map(|body| {
            let body: Value = serde_json::from_str(body).ok()?;
            let earlier = body["about"]["earlier"].as_array()?;
            let said = earlier.iter().find(|one| one["record"].as_u64() == Some(index))?;
            said["reason"].as_str().map(str::to_owned)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::testing::{TestStore, at, decision, judged, new_round};
    use crate::{HistoryFilter, PostId, ReviewAct, Revision, SlotId};
    use pregonero_tweet::Verdict;

    const FIRST: &str = "Zutana Perenceja inaugura hoy la feria de la plaza mayor con \"música\" y baile.";
    const SECOND: &str = "Zutana Perenceja vende libros usados en la feria.";
    const OTHER: &str = "El mercado abre temprano.";

    async fn reviewed(test: &TestStore) -> PostId {
        let now = at("2026-03-01T14:00:00Z");
        let post = test.held(FIRST, now).await;
        let one = judged(SECOND, Verdict::Review, 0.9);
        let revision = Revision {
            act: ReviewAct::Edit,
            seen: FIRST,
            text: SECOND,
            body: SECOND,
            weighted_length: 10,
            candidate: 0,
            gates: &one.gates,
            sentiment: &one.sentiment,
            expires_at: now + jiff::SignedDuration::from_hours(2),
        };
        let note = format!("checked: {SECOND}");
        let by_ana = crate::Decision { note: Some(&note), ..decision(post) };
        test.store.create_decision_link(post, ReviewAct::Approve, now, now).await.unwrap();
        test.store.revise_post(&by_ana, &revision, now).await.unwrap();
        test.store.stop_post(&by_ana, now).await.unwrap();
        post
    }

    async fn faults(store: &Store) -> Vec<String> {
        let report = store.check_log(&BTreeSet::new()).await.unwrap();
        report.faults.iter().map(ToString::to_string).collect()
    }

    /// Returns whether a file of the database has these bytes.
    fn holds(store: &Store, words: &str) -> bool {
        ["", "-wal"].iter().any(|end| {
            let mut name = store.path().as_os_str().to_owned();
            name.push(end);
            let bytes = std::fs::read(name).unwrap_or_default();
            bytes.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
        })
    }

    #[tokio::test]
    async fn an_erased_text_is_nowhere_in_the_file_and_the_log_is_whole() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = reviewed(&test).await;
        // A later round whose gate quotes the post, and one that has nothing to do with it.
        let later = test.round(now).await;
        let mut alike = judged("Otra feria.", Verdict::Reject, 0.5);
        let quote = format!("70 % like an earlier post: “{}…”", FIRST.chars().take(60).collect::<String>().trim_end());
        alike.gates.push(GateVerdict::new("near_duplicate", Verdict::Reject, quote));
        test.store.record_candidates(later, &[alike], None, now).await.unwrap();
        let reason = format!("approved while the round ran: 70 % like “{}…”", FIRST[..60].trim_end());
        test.store.end_without_candidate(later, &reason, now).await.unwrap();
        let apart = test.held(OTHER, now).await;
        assert!(holds(&test.store, "Perenceja"));

        let erasure = Erasure {
            round: post.round(),
            keep_post: false,
            configured: &[],
            by: "ana",
            reason: "the person asked for it",
        };
        let erased = test.store.erase(&erasure, now).await.unwrap();
        assert!(erased.post && erased.candidates == 1 && erased.records >= 4, "{erased:?}");
        assert_eq!(faults(&test.store).await, [""; 0]);
        test.store.scrub().await.unwrap();
        assert!(!holds(&test.store, "Perenceja"), "also the index of words has none of it");
        assert!(holds(&test.store, "temprano"), "others keep theirs");

        let record = test.store.history_record(post.round()).await.unwrap();
        assert_eq!(record.entry.text.as_deref(), Some(""));
        assert_eq!((record.round.rng_seed, record.candidates[0].judged.text.as_str()), (None, ""));
        assert_eq!(record.candidates[0].judged.score, 0.75, "the numbers stay");
        assert_eq!((record.reviews.len(), record.reviews[1].note.as_deref()), (2, Some("checked: [erased]")));
        let mark = test.store.erasures_of(post.round()).await.unwrap().pop().unwrap();
        assert_eq!((mark.by.as_deref(), mark.reason.as_deref()), (Some("ana"), Some("the person asked for it")));
        assert_eq!(Some(mark.record), erased.record);
        let words = HistoryFilter { text: Some("feria".to_owned()), in_candidates: true, ..HistoryFilter::default() };
        let found: Vec<_> = test.store.history_filtered(&words).await.unwrap().iter().map(|one| one.id).collect();
        assert_eq!(found, [later]);
        assert_eq!(test.store.post(apart).await.unwrap().text, OTHER);
        let again = test.store.erase(&erasure, now).await.unwrap();
        assert_eq!((again.record, again.candidates), (None, 0), "twice is no harm");
        let checked = crate::check(test.store.path()).await.unwrap();
        assert!(checked.iter().all(|finding| finding.ok), "{checked:?}");
    }

    #[tokio::test]
    async fn what_a_gate_quoted_of_a_post_before_it_was_edited_is_erased() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let (round, origin) = (test.round(now).await, crate::testing::live());
        let (first, edited) = (format!("🤖 IA: {FIRST}"), format!("🤖 IA: {OTHER}"));
        test.store.record_candidates(round, &[judged(&first, Verdict::Review, 0.75)], Some(0), now).await.unwrap();
        let post = crate::NewPost { body: FIRST, ..crate::testing::new_post(round, &first, &origin, now) };
        let post = test.store.create_post(&post, now).await.unwrap();
        let later = test.round(now).await;
        test.store.record_candidates(later, &[judged("Otra.", Verdict::Reject, 0.5)], None, now).await.unwrap();
        let reason = format!("70 % like an earlier post: “{}…”", FIRST.chars().take(60).collect::<String>().trim_end());
        test.store.end_without_candidate(later, &reason, now).await.unwrap();
        let other = judged(&edited, Verdict::Review, 0.9);
        let revision = Revision {
            act: ReviewAct::Edit,
            seen: &first,
            text: &edited,
            body: OTHER,
            weighted_length: 10,
            candidate: 0,
            gates: &other.gates,
            sentiment: &other.sentiment,
            expires_at: now + jiff::SignedDuration::from_hours(2),
        };
        test.store.revise_post(&decision(post), &revision, now).await.unwrap();
        test.store.stop_post(&decision(post), now).await.unwrap();
        let erasure = Erasure { round, keep_post: false, configured: &[], by: "ana", reason: "a name" };
        test.store.erase(&erasure, now).await.unwrap();
        test.store.scrub().await.unwrap();
        assert!(!holds(&test.store, "Perenceja"));
        assert_eq!(
            test.store.round(later).await.unwrap().reason.as_deref(),
            Some("70 % like an earlier post: “[erased]…”")
        );
        assert_eq!(faults(&test.store).await, [""; 0]);
    }

    /// Returns a post that waits for a person; the other candidate of its round, `SECOND`, was rejected.
    async fn chosen_over_second(test: &TestStore, text: &str, now: Timestamp) -> PostId {
        let round = test.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap();
        let all = [judged(SECOND, Verdict::Reject, 0.2), judged(text, Verdict::Review, 0.9)];
        test.store.record_candidates(round, &all, Some(1), now).await.unwrap();
        let origin = crate::testing::live();
        let post = crate::NewPost { candidate: 1, ..crate::testing::new_post(round, text, &origin, now) };
        test.store.create_post(&post, now).await.unwrap()
    }

    #[tokio::test]
    async fn a_post_may_keep_its_text_while_the_other_candidates_lose_theirs_and_later_lose_it_too() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = chosen_over_second(&test, OTHER, now).await;
        let round = post.round();
        let erasure = Erasure { round, keep_post: true, configured: &[], by: "ana", reason: "a name" };
        let open = test.store.erase(&erasure, now).await.unwrap_err().to_string();
        let stops = format!("to it any more (`pregonero review reject {round}` stops a post that waits)");
        assert!(open.contains("`held`"), "{open}");
        assert!(open.contains(&stops), "{open}");
        test.store.stop_post(&decision(post), now).await.unwrap();
        let erased = test.store.erase(&erasure, now).await.unwrap();
        assert_eq!((erased.post, erased.candidates), (false, 1));
        test.store.scrub().await.unwrap();
        assert!(!holds(&test.store, "Perenceja") && holds(&test.store, "temprano"));
        assert_eq!(faults(&test.store).await, [""; 0]);
        let (later, why) = (now + jiff::SignedDuration::from_hours(1), "the person asked: temprano");
        let both = Erasure { keep_post: false, configured: &[], by: "luis", reason: why, ..erasure };
        let erased = test.store.erase(&both, later).await.unwrap();
        assert_eq!((erased.post, erased.candidates), (true, 1));
        let marks = test.store.erasures_of(round).await.unwrap();
        let said: Vec<_> = marks.iter().map(|mark| (mark.by.as_deref(), mark.reason.as_deref())).collect();
        assert_eq!(said, [(Some("ana"), Some("a name")), (Some("luis"), Some(why))]);
        assert_eq!(faults(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_reason_that_is_said_again_loses_what_it_quotes_of_a_text_erased_later() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = chosen_over_second(&test, "Una feria.", now).await;
        let round = post.round();
        let apart = test.held(OTHER, now).await;
        for post in [post, apart] {
            test.store.stop_post(&decision(post), now).await.unwrap();
        }
        let quoting = format!("a name, as in: {OTHER}");
        let erasure = Erasure { round, keep_post: true, configured: &[], by: "ana", reason: &quoting };
        test.store.erase(&erasure, now).await.unwrap();
        let rest = Erasure { keep_post: false, reason: "the rest", ..erasure };
        test.store.erase(&rest, now).await.unwrap();
        test.store.erase(&Erasure { round: apart.round(), ..rest }, now).await.unwrap();
        test.store.scrub().await.unwrap();
        assert!(!holds(&test.store, "temprano"));
        let marks = test.store.erasures_of(round).await.unwrap();
        let said: Vec<_> = marks.iter().map(|mark| mark.reason.as_deref()).collect();
        assert_eq!(said, [Some("a name, as in: [erased]"), Some("the rest")]);
        assert_eq!(faults(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_pruned_round_and_an_adopted_one_can_be_erased() {
        let test = TestStore::open().await;
        let (old, young) = (at("2026-03-01T14:00:00Z"), at("2026-05-01T14:00:00Z"));
        let post = reviewed(&test).await;
        for text in [OTHER, "Una feria."] {
            let rejected = test.held(text, old).await;
            test.store.stop_post(&decision(rejected), old).await.unwrap();
        }
        test.round(young).await;
        let pruned = test.store.prune_candidates(Duration::from_secs(3600), 10, young).await.unwrap();
        assert_eq!(pruned.rounds, 3);
        let erasure = Erasure { round: post.round(), keep_post: false, configured: &[], by: "ana", reason: "a name" };
        test.store.erase(&erasure, young).await.unwrap();
        assert_eq!(faults(&test.store).await, [""; 0]);

        let test = TestStore::open().await;
        let post = reviewed(&test).await;
        let path = test.store.path().to_owned();
        test.store.close().await;
        let mut plain = crate::testing::plain_connection(&path).await;
        sqlx::raw_sql("DELETE FROM ledger; DELETE FROM ledger_subtrees").execute(&mut plain).await.unwrap();
        let store = Store::open(&path).await.unwrap();
        store.erase(&Erasure { round: post.round(), ..erasure }, old).await.unwrap();
        store.scrub().await.unwrap();
        assert_eq!(faults(&store).await, [""; 0]);
        assert!(!holds(&store, "Perenceja"));
    }

    /// Begins a round by hand with this prompt.
    async fn prompted(test: &TestStore, prompt: &str, now: Timestamp) -> RoundId {
        let mut round = new_round(SlotId::Manual(now));
        round.seed_prompt.text = prompt.to_owned();
        test.store.begin_round(&round, now).await.unwrap()
    }

    #[tokio::test]
    async fn a_prompt_that_was_typed_for_a_round_is_erased_with_its_texts_and_a_configured_one_stays() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let typed = "Zutana Perenceja inaugura";
        let configured = ["Hoy, ".to_owned()];
        let rounds = [prompted(&test, typed, now).await, prompted(&test, typed, now).await, test.round(now).await];
        let origin = crate::testing::live();
        for (round, text) in rounds.into_iter().zip([FIRST, "Una feria.", OTHER]) {
            test.store.record_candidates(round, &[judged(text, Verdict::Review, 0.75)], Some(0), now).await.unwrap();
            let post = crate::testing::new_post(round, text, &origin, now);
            let post = test.store.create_post(&post, now).await.unwrap();
            test.store.stop_post(&decision(post), now).await.unwrap();
        }
        // A round that failed before it wrote anything: the server repeated the prompt.
        let failed = prompted(&test, typed, now).await;
        test.store.end_failed(failed, &format!("the server says: bad input {typed}"), now).await.unwrap();

        let erasure =
            Erasure { round: rounds[0], keep_post: true, configured: &configured, by: "ana", reason: "a name" };
        let kept = test.store.erase(&erasure, now).await.unwrap();
        assert_eq!((kept.prompt, kept.record), (false, None), "the post that stays begins with its prompt");
        let of = |round| Erasure { round, keep_post: false, ..erasure };
        let mut prompts = Vec::new();
        for round in [rounds[0], rounds[1], rounds[2], failed] {
            let erased = test.store.erase(&of(round), now).await.unwrap();
            let left = test.store.round(round).await.unwrap().seed_prompt;
            prompts.push((erased.prompt, left, erased.record.is_some()));
        }
        assert_eq!(
            prompts,
            [(true, None, true), (true, None, true), (false, Some("Hoy, ".to_owned()), true), (true, None, true)]
        );
        let reason = test.store.round(failed).await.unwrap().reason;
        assert_eq!(reason.as_deref(), Some("the server says: bad input [erased]"));
        assert_eq!(faults(&test.store).await, [""; 0]);
        test.store.scrub().await.unwrap();
        assert!(!holds(&test.store, "Perenceja"));
        assert_eq!(test.store.erase(&of(failed), now).await.unwrap().record, None, "twice is no harm");
    }

    #[test]
    fn quotations_are_what_the_gates_write() {
        let long = "á".repeat(70);
        assert_eq!(quotes(&BTreeSet::from([long.clone(), "corto".to_owned()])), [long, "á".repeat(60)]);
    }
}
