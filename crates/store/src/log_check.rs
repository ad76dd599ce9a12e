//! Whether the audit log is whole, and whether the rows are still as its records say.
//!
//! What one machine holds can prove only that it agrees with itself. Whether the log was rebuilt as a whole is for the
//! checkpoints kept elsewhere to say: [`LogReport::roots`] has the roots to compare them with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pregonero_audit::merkle::{self, Frontier, Hash};
use pregonero_audit::{Entry as Leaf, SUBTREE};
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::adoption::{RANGE, adopted_digest, range_digest, ranges_of, rows_of};
use super::error::Doing as _;
use super::ledger::{TABLES, Table, TreeHead, index};
use super::{RecordKind, Store, StoreError};

/// How many records are read at once.
const PAGE: i64 = 1000;

const DOING: &str = "check the audit log";

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum LogFault {
    /// The records begin at a higher number, or have a gap.
    Missing { from: u64, to: u64 },
    /// A record holds the leaf of another place.
    Reordered { index: u64, holds: u64 },
    /// A record was changed: `what` says which part no longer fits.
    Changed { index: u64, what: &'static str },
    /// The stored root of these records is not theirs.
    Subtree { from: u64, to: u64 },
    /// The stored roots go on where the records have ended.
    CutOff { size: u64, at_least: u64 },
    /// A record's body is gone, and no later record says that it had to be forgotten.
    BodyGone { index: u64 },
    /// The digests of adopted rows are not those that the first record holds.
    Adopted { table: String, from: i64, to: i64 },
    /// A row is not what the last record about it says.
    RowChanged { table: String, id: String, record: u64 },
    /// A row is gone, and no record says so.
    RowGone { table: String, id: String, record: u64 },
    /// No record is about this row.
    RowUnknown { table: String, id: String },
}

impl LogFault {
    /// Returns whether a row is at fault, and not the log itself.
    #[must_use]
    pub fn is_about_a_row(&self) -> bool {
        matches!(self, Self::RowChanged { .. } | Self::RowGone { .. } | Self::RowUnknown { .. })
    }
}

impl fmt::Display for LogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from, to } if from == to => write!(f, "record {from} is missing"),
            Self::Missing { from, to } => write!(f, "records {from} to {to} are missing"),
            Self::Reordered { index, holds } => {
                write!(f, "record {index} holds what was written as record {holds}: the records were reordered")
            }
            Self::Changed { index, what } => write!(f, "record {index} was changed: {what}"),
            Self::Subtree { from, to } => {
                write!(f, "one of the records {from} to {to} was changed: their stored root is another one")
            }
            Self::CutOff { size, at_least } => {
                write!(f, "the log was cut off: it has {size} records and had {at_least} or more")
            }
            Self::BodyGone { index } => {
                write!(f, "the body of record {index} was removed, and no later record says why")
            }
            Self::Adopted { table, from, to } => {
                write!(f, "the digests of {table} {from} to {to} that the first record holds are not those stored")
            }
            Self::RowChanged { table, id, record } => {
                write!(f, "{table} {id} was changed outside the program: record {record} says otherwise")
            }
            Self::RowGone { table, id, record } => {
                write!(f, "{table} {id} was removed outside the program: record {record} still knows it")
            }
            Self::RowUnknown { table, id } => {
                write!(f, "{table} {id} was inserted outside the program: no record knows it")
            }
        }
    }
}

/// A restore that the log records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestoreMark {
    /// The record's number: records before it come from the backup.
    pub index: u64,
    pub at: String,
    /// How many records the replaced log had, if it could be read.
    pub replaced_size: Option<u64>,
    /// Its root, in base64.
    pub replaced_root: Option<String>,
}

/// A key that signs checkpoints, as a record of the log names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyMark {
    /// The record's number.
    pub index: u64,
    /// The verifier key.
    pub key: String,
    /// The one before it.
    pub earlier: Option<String>,
    /// The signed note about the change.
    #[serde(skip)]
    pub statement: String,
}

/// What a check of the log found.
#[derive(Debug, Clone, Serialize)]
pub struct LogReport {
    #[serde(skip)]
    pub head: TreeHead,
    /// The time of the last record.
    pub last_at: Option<String>,
    /// What does not hold, in the order of the records, then of the rows.
    pub faults: Vec<LogFault>,
    /// How many rows were compared with their records.
    pub rows: u64,
    /// Records whose bodies were forgotten, as later records say.
    pub forgotten: u64,
    /// Rows that cannot be compared because the record about them was forgotten.
    pub unknowable: u64,
    pub restores: Vec<RestoreMark>,
    /// The keys that the log names, the latest last.
    pub keys: Vec<KeyMark>,
    /// The root at each size that was asked for and that the log has.
    #[serde(skip)]
    pub roots: BTreeMap<u64, Hash>,
}

/// What the last record about a row says.
struct Known {
    record: u64,
    /// Absent where the record was forgotten.
    said: Option<Said>,
}

enum Said {
    /// It is not there.
    Gone,
    One {
        salt: Vec<u8>,
        digest: Hash,
    },
    Parts {
        salt: Vec<u8>,
        digests: BTreeMap<i64, Hash>,
    },
    Adopted {
        salt: Vec<u8>,
        digest: Vec<u8>,
    },
}

/// A record as it stands, whatever was done to it.
struct Found {
    index: u64,
    kind: String,
    at: String,
    by: Option<String>,
    subject: Option<i64>,
    content: Option<(Vec<u8>, String)>,
    entry: String,
    leaf: Vec<u8>,
}

impl FromRow<'_, SqliteRow> for Found {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (salt, body): (Option<Vec<u8>>, Option<String>) = (row.try_get("salt")?, row.try_get("body")?);
        Ok(Self {
            index: index(row, "idx")?,
            kind: row.try_get("kind")?,
            at: row.try_get("at")?,
            by: row.try_get("by")?,
            subject: row.try_get("subject")?,
            content: salt.zip(body),
            entry: row.try_get("entry")?,
            leaf: row.try_get("leaf")?,
        })
    }
}

/// What is gathered while the records are read.
#[derive(Default)]
struct Reading {
    frontier: Frontier,
    faults: Vec<LogFault>,
    known: HashMap<(usize, i64), Known>,
    gone: BTreeSet<u64>,
    forgotten: BTreeSet<u64>,
    restores: Vec<RestoreMark>,
    keys: Vec<KeyMark>,
    roots: BTreeMap<u64, Hash>,
    last_at: Option<String>,
}

impl Store {
    /// Checks the whole log, and every row that it covers, in one consistent view. `sizes` are those whose roots are
    /// wanted.
    ///
    /// # Errors
    /// If the database cannot be read; what does not hold is in the report.
    pub async fn check_log(&self, sizes: &BTreeSet<u64>) -> Result<LogReport, StoreError> {
        let mut transaction = self.readers().begin().await.doing(DOING)?;
        let mut reading = Reading::default();
        reading.read_records(&mut transaction, sizes).await?;
        reading.check_bodies_gone();
        let mut report = LogReport {
            head: TreeHead { size: reading.frontier.size(), root: reading.frontier.root() },
            last_at: reading.last_at.take(),
            faults: Vec::new(),
            rows: 0,
            forgotten: reading.forgotten.len() as u64,
            unknowable: 0,
            restores: std::mem::take(&mut reading.restores),
            keys: std::mem::take(&mut reading.keys),
            roots: std::mem::take(&mut reading.roots),
        };
        reading.check_rows(&mut transaction, &mut report).await?;
        report.faults = reading.faults;
        Ok(report)
    }
}

impl Reading {
    async fn read_records(
        &mut self,
        connection: &mut SqliteConnection,
        sizes: &BTreeSet<u64>,
    ) -> Result<(), StoreError> {
        let subtrees: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT idx, hash FROM ledger_subtrees ORDER BY idx")
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        let subtrees: BTreeMap<i64, Vec<u8>> = subtrees.into_iter().collect();
        let (mut next, mut block) = (0_i64, Vec::new());
        self.note_root(0, sizes);
        loop {
            let page: Vec<Found> = sqlx::query_as(
                "SELECT idx, kind, at, by, subject, salt, body, entry, leaf FROM ledger WHERE idx >= ? ORDER BY idx LIMIT ?",
            )
            .bind(next)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
            let Some(last) = page.last().map(|record| record.index) else { break };
            for record in page {
                let expected = self.frontier.size();
                if record.index > expected {
                    // The tree cannot go on over a gap; what follows is still read for the rows.
                    if !self.faults.iter().any(|fault| matches!(fault, LogFault::Missing { .. })) {
                        self.faults.push(LogFault::Missing { from: expected, to: record.index - 1 });
                    }
                    self.take_content(&record);
                    continue;
                }
                self.check_record(&record);
                self.take_content(&record);
                let leaf = merkle::leaf_hash(record.entry.as_bytes());
                self.frontier.push(leaf);
                block.push(leaf);
                if block.len() == SUBTREE {
                    let at = i64::try_from(record.index).unwrap_or(i64::MAX) / SUBTREE as i64;
                    if subtrees.get(&at).is_none_or(|stored| stored[..] != merkle::root(&block)) {
                        let from = record.index + 1 - SUBTREE as u64;
                        self.faults.push(LogFault::Subtree { from, to: record.index });
                    }
                    block.clear();
                }
                self.note_root(record.index + 1, sizes);
                self.last_at = Some(record.at);
            }
            next = i64::try_from(last).unwrap_or(i64::MAX) + 1;
        }
        let complete = subtrees.keys().next_back().map_or(0, |last| (last.unsigned_abs() + 1) * SUBTREE as u64);
        if complete > self.frontier.size() && !self.faults.iter().any(|fault| matches!(fault, LogFault::Missing { .. }))
        {
            self.faults.push(LogFault::CutOff { size: self.frontier.size(), at_least: complete });
        }
        self.take_adopted(connection).await
    }

    fn note_root(&mut self, size: u64, sizes: &BTreeSet<u64>) {
        if sizes.contains(&size) {
            self.roots.insert(size, self.frontier.root());
        }
    }

    /// Checks that the parts of a record agree with each other.
    fn check_record(&mut self, record: &Found) {
        let index = record.index;
        let mut changed = |what| self.faults.push(LogFault::Changed { index, what });
        let Ok(leaf) = Leaf::parse(&record.entry) else { return changed("its leaf is not in the form of a leaf") };
        if leaf.index != index {
            return self.faults.push(LogFault::Reordered { index, holds: leaf.index });
        }
        if record.leaf != merkle::leaf_hash(record.entry.as_bytes()) {
            return changed("its leaf does not have the stored hash");
        }
        if leaf.kind != record.kind || leaf.at != record.at {
            return changed("its kind or time is not that of its leaf");
        }
        let Some((salt, body)) = &record.content else { return };
        if Leaf::digest(salt, body) != leaf.digest {
            return changed("its body does not have the digest in its leaf");
        }
        let said: Value = serde_json::from_str(body).unwrap_or_default();
        if said["by"].as_str() != record.by.as_deref() || said["subject"].as_i64() != record.subject {
            changed("its author or number is not that of its body");
        }
    }

    /// Takes over what a record says about rows, forgotten records, restores and keys.
    fn take_content(&mut self, record: &Found) {
        let Some((salt, body)) = &record.content else {
            self.gone.insert(record.index);
            return;
        };
        let Ok(body) = serde_json::from_str::<Value>(body) else { return };
        let about = &body["about"];
        for (row, said) in body["rows"].as_object().into_iter().flatten() {
            let Some((table, id)) = place_of(row) else { continue };
            self.known.insert((table, id), Known { record: record.index, said: said_of(salt, said) });
        }
        match RecordKind::from_word(&record.kind) {
            Some(RecordKind::Pruned | RecordKind::Erased) => {
                let named = about["records"].as_array().into_iter().flatten().filter_map(Value::as_u64);
                self.forgotten.extend(named.filter(|&index| index < record.index));
            }
            Some(RecordKind::Restored) => self.restores.push(RestoreMark {
                index: record.index,
                at: record.at.clone(),
                replaced_size: about["replaced"]["size"].as_u64(),
                replaced_root: about["replaced"]["root"].as_str().map(str::to_owned),
            }),
            Some(RecordKind::CheckpointKey) => self.keys.extend(about["key"].as_str().map(|key| KeyMark {
                index: record.index,
                key: key.to_owned(),
                earlier: about["earlier"].as_str().map(str::to_owned),
                statement: about["statement"].as_str().unwrap_or_default().to_owned(),
            })),
            _ => {}
        }
    }

    fn check_bodies_gone(&mut self) {
        let unexplained = self.gone.difference(&self.forgotten);
        self.faults.extend(unexplained.map(|&index| LogFault::BodyGone { index }));
        self.forgotten.retain(|index| self.gone.contains(index));
    }

    /// Compares the stored digests of adopted rows with the record, and takes over those that no later record replaced.
    async fn take_adopted(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let first: Option<(i64, Option<String>)> =
            sqlx::query_as("SELECT idx, body FROM ledger WHERE kind = 'adopted' ORDER BY idx LIMIT 1")
                .fetch_optional(&mut *connection)
                .await
                .doing(DOING)?;
        let body = first.as_ref().and_then(|(_, body)| body.as_deref());
        let said: Value = body.and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        let record = first.map_or(0, |(index, _)| index.unsigned_abs());
        for (number, table) in TABLES.iter().enumerate() {
            let rows: Vec<(i64, Option<Vec<u8>>, Vec<u8>)> =
                sqlx::query_as("SELECT id, salt, digest FROM ledger_adopted WHERE tbl = ? ORDER BY id")
                    .bind(table.name)
                    .fetch_all(&mut *connection)
                    .await
                    .doing(DOING)?;
            let mut ranges: BTreeMap<i64, Vec<(i64, Vec<u8>)>> = BTreeMap::new();
            for (id, salt, digest) in rows {
                ranges.entry(id / RANGE).or_default().push((id, digest.clone()));
                let said = salt.map(|salt| Said::Adopted { salt, digest });
                self.known.entry((number, id)).or_insert(Known { record, said });
            }
            let found: BTreeMap<String, String> = ranges
                .iter()
                .map(|(range, digests)| (range.to_string(), STANDARD.encode(range_digest(digests))))
                .collect();
            let recorded: BTreeMap<String, String> = said["about"]["tables"][table.name]["ranges"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(range, digest)| (range.clone(), digest.as_str().unwrap_or_default().to_owned()))
                .collect();
            let names: BTreeSet<&String> = found.keys().chain(recorded.keys()).collect();
            for range in names {
                if found.get(range) != recorded.get(range) {
                    let range: i64 = range.parse().unwrap_or_default();
                    let (from, to) = (range * RANGE, range * RANGE + RANGE - 1);
                    self.faults.push(LogFault::Adopted { table: table.name.to_owned(), from, to });
                }
            }
        }
        Ok(())
    }

    /// Compares every row with the last record about it.
    async fn check_rows(
        &mut self,
        connection: &mut SqliteConnection,
        report: &mut LogReport,
    ) -> Result<(), StoreError> {
        for (number, table) in TABLES.iter().enumerate() {
            for range in ranges_of(connection, table).await? {
                let rows = rows_of(connection, table, range).await?;
                for rows in rows.chunk_by(|one, next| one.0 == next.0) {
                    report.rows += rows.len() as u64;
                    let id = rows[0].0;
                    let Some(known) = self.known.remove(&(number, id)) else {
                        self.faults.push(LogFault::RowUnknown { table: table.name.to_owned(), id: id.to_string() });
                        continue;
                    };
                    match &known.said {
                        Some(said) => self.compare(table, id, rows, known.record, said),
                        None => report.unknowable += rows.len() as u64,
                    }
                }
            }
        }
        // What is left was not found.
        let mut gone: Vec<((usize, i64), u64)> = self
            .known
            .iter()
            .filter(|(_, known)| known.said.as_ref().is_some_and(Said::is_there))
            .map(|(&place, known)| (place, known.record))
            .collect();
        gone.sort_unstable();
        self.faults.extend(gone.into_iter().map(|((table, id), record)| LogFault::RowGone {
            table: TABLES[table].name.to_owned(),
            id: id.to_string(),
            record,
        }));
        Ok(())
    }

    fn compare(&mut self, table: &Table, id: i64, rows: &[(i64, Option<i64>, String)], record: u64, said: &Said) {
        let (name, one) = (|| table.name.to_owned(), id.to_string());
        match said {
            Said::Gone => self.faults.push(LogFault::RowUnknown { table: name(), id: one }),
            Said::One { salt, digest } => {
                if rows.len() != 1 || merkle::sha256(&[salt, rows[0].2.as_bytes()]) != *digest {
                    self.faults.push(LogFault::RowChanged { table: name(), id: one, record });
                }
            }
            Said::Adopted { salt, digest } => {
                if adopted_digest(salt, rows.iter().map(|(_, _, text)| text.as_str())) != digest[..] {
                    self.faults.push(LogFault::RowChanged { table: name(), id: one, record });
                }
            }
            Said::Parts { salt, digests } => {
                let found: BTreeMap<i64, Hash> = rows
                    .iter()
                    .map(|(_, part, text)| (part.unwrap_or_default(), merkle::sha256(&[salt, text.as_bytes()])))
                    .collect();
                let parts: BTreeSet<i64> = found.keys().chain(digests.keys()).copied().collect();
                for part in parts {
                    let (table, id) = (name(), format!("{id}/{part}"));
                    self.faults.extend(match (found.get(&part), digests.get(&part)) {
                        (Some(now), Some(then)) if now == then => None,
                        (Some(_), Some(_)) => Some(LogFault::RowChanged { table, id, record }),
                        (None, _) => Some(LogFault::RowGone { table, id, record }),
                        (_, None) => Some(LogFault::RowUnknown { table, id }),
                    });
                }
            }
        }
    }
}

impl Said {
    fn is_there(&self) -> bool {
        match self {
            Self::Gone => false,
            Self::Parts { digests, .. } => !digests.is_empty(),
            Self::One { .. } | Self::Adopted { .. } => true,
        }
    }
}

/// Reads the name of a row in a record, `posts/7`: the table's place in the list and the number.
fn place_of(row: &str) -> Option<(usize, i64)> {
    let (table, id) = row.split_once('/')?;
    Some((TABLES.iter().position(|one| one.name == table)?, id.parse().ok()?))
}

fn said_of(salt: &[u8], said: &Value) -> Option<Said> {
    let hash = |value: &Value| Hash::try_from(STANDARD.decode(value.as_str()?).ok()?).ok();
    match said {
        Value::Null => Some(Said::Gone),
        Value::Object(parts) => {
            let digests = parts.iter().filter_map(|(part, digest)| Some((part.parse().ok()?, hash(digest)?))).collect();
            Some(Said::Parts { salt: salt.to_vec(), digests })
        }
        digest => Some(Said::One { salt: salt.to_vec(), digest: hash(digest)? }),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::testing::{TestStore, at, plain_connection, scratch};
    use crate::{SlotId, testing::new_round};

    async fn faults(store: &Store) -> Vec<String> {
        let report = store.check_log(&BTreeSet::new()).await.unwrap();
        report.faults.iter().map(ToString::to_string).collect()
    }

    /// A store with two posts, a pause, and records enough for a complete subtree.
    async fn full() -> TestStore {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let held = test.held("Una feria en la plaza.", now).await;
        test.held("El mercado abre temprano.", now).await;
        test.approve(held, now).await;
        test.store.pause("ana", "a test", now).await.unwrap();
        for minute in 0..130 {
            let later = now + jiff::SignedDuration::from_mins(minute);
            let round = test.store.begin_round(&new_round(SlotId::Manual(later)), later).await.unwrap();
            test.store.end_failed(round, "a test", later).await.unwrap();
        }
        assert_eq!(faults(&test.store).await, [""; 0]);
        test
    }

    /// Rewrites the leaf, the hash and the stored roots as somebody who knows the format would.
    async fn rewrite(connection: &mut SqliteConnection, index: i64, body: &str) {
        let (salt, entry): (Vec<u8>, String) = sqlx::query_as("SELECT salt, entry FROM ledger WHERE idx = ?")
            .bind(index)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        let leaf = Leaf { digest: Leaf::digest(&salt, body), ..Leaf::parse(&entry).unwrap() };
        sqlx::query("UPDATE ledger SET body = ?, entry = ?, leaf = ? WHERE idx = ?")
            .bind(body)
            .bind(leaf.text())
            .bind(leaf.hash().as_slice())
            .bind(index)
            .execute(connection)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn every_change_to_a_row_of_the_record_is_found_and_named() {
        let test = full().await;
        let cases = [
            ("UPDATE posts SET text = 'Otra cosa.' WHERE id = 1", "posts 1 was changed outside the program: record 8"),
            ("UPDATE posts SET decided_by = 'eva' WHERE id = 1", "posts 1 was changed outside"),
            ("UPDATE posts SET state = 'approved' WHERE id = 2", "posts 2 was changed outside"),
            ("UPDATE candidates SET score = score + 1e-15 WHERE round_id = 2", "candidates 2/0 was changed outside"),
            (
                "INSERT INTO candidates SELECT 2, 1, text, generated, continuation, token_ids, prompt_tokens, rng_seed, finish,
                    weighted_length, sentiment, score, gates, verdict, 0, NULL, NULL, NULL, NULL, NULL, NULL FROM candidates
                    WHERE round_id = 1",
                "candidates 2/1 was inserted outside",
            ),
            ("DELETE FROM halts", "halts 1 was removed outside the program: record 9 still knows it"),
            ("DELETE FROM posts WHERE id = 2", "posts 2 was removed outside"),
            (
                "INSERT INTO halts (cause, reason, set_by, since, ended_at, ended_by)
                    VALUES ('paused', 'x', 'eva', 'x', 'x', 'eva')",
                "halts 2 was inserted outside the program: no record knows it",
            ),
            ("UPDATE rounds SET outcome = 'no_candidate' WHERE id = 130", "rounds 130 was changed outside"),
            (
                "UPDATE rounds SET seed_prompt = CASE id WHEN 9 THEN 'a' ELSE 'b' END WHERE id IN (9, 10)",
                "rounds 9 was changed outside",
            ),
        ];
        for (tamper, expected) in cases {
            let mut transaction = test.store.begin().await.unwrap();
            sqlx::query(tamper).execute(&mut *transaction).await.unwrap();
            let mut reading = Reading::default();
            reading.read_records(&mut transaction, &BTreeSet::new()).await.unwrap();
            let mut report = test.store.check_log(&BTreeSet::new()).await.unwrap();
            reading.check_rows(&mut transaction, &mut report).await.unwrap();
            transaction.rollback().await.unwrap();
            let found: Vec<String> = reading.faults.iter().map(ToString::to_string).collect();
            assert!(found.first().is_some_and(|first| first.starts_with(expected)), "{tamper}: {found:?}");
            assert!(found.len() <= 2, "{tamper}: {found:?}");
        }
        assert_eq!(faults(&test.store).await, [""; 0]);
    }

    #[tokio::test]
    async fn every_change_to_the_log_itself_is_found_and_the_first_record_is_named() {
        let test = full().await;
        let cases = [
            ("UPDATE ledger SET body = replace(body, 'ana', 'eva') WHERE idx = 8", "record 8 was changed: its body"),
            ("UPDATE ledger SET by = 'eva' WHERE idx = 8", "record 8 was changed: its author"),
            ("UPDATE ledger SET kind = 'nothing' WHERE idx = 8", "record 8 was changed: its kind"),
            (
                "UPDATE ledger SET at = '2026-03-01T13:00:00.000Z' WHERE idx = 8",
                "record 8 was changed: its kind or time",
            ),
            ("UPDATE ledger SET leaf = x'00' WHERE idx = 8", "record 8 was changed: its leaf"),
            ("UPDATE ledger SET entry = 'x' WHERE idx = 8", "record 8 was changed: its leaf is not in the form"),
            ("UPDATE ledger SET salt = NULL, body = NULL WHERE idx = 8", "the body of record 8 was removed"),
            ("DELETE FROM ledger WHERE idx = 8", "record 8 is missing"),
            ("DELETE FROM ledger WHERE idx BETWEEN 8 AND 10", "records 8 to 10 are missing"),
            ("DELETE FROM ledger WHERE idx < 3", "records 0 to 2 are missing"),
            ("DELETE FROM ledger", "the log was cut off: it has 0 records and had 256 or more"),
            ("DELETE FROM ledger WHERE idx >= 250", "the log was cut off: it has 250 records and had 256 or more"),
            ("DELETE FROM ledger WHERE idx >= 260", "rounds 128 was inserted outside"),
            ("UPDATE ledger_subtrees SET hash = x'00'", "one of the records 0 to 255 was changed"),
            ("DELETE FROM ledger_subtrees", "one of the records 0 to 255 was changed"),
            (
                "UPDATE ledger SET idx = -1 - idx WHERE idx IN (8, 10); UPDATE ledger SET idx = 10 WHERE idx = -9;
                    UPDATE ledger SET idx = 8 WHERE idx = -11",
                "record 8 holds what was written as record 10",
            ),
        ];
        for (tamper, expected) in cases {
            let mut transaction = test.store.begin().await.unwrap();
            sqlx::raw_sql(tamper).execute(&mut *transaction).await.unwrap();
            let found = faults_inside(&test.store, &mut transaction).await;
            transaction.rollback().await.unwrap();
            assert!(found.first().is_some_and(|first| first.starts_with(expected)), "{tamper}: {found:?}");
        }
        // Somebody who knows the format leaves only the root: the stored one, and those that are kept elsewhere.
        let mut transaction = test.store.begin().await.unwrap();
        let body: String =
            sqlx::query_scalar("SELECT body FROM ledger WHERE idx = 8").fetch_one(&mut *transaction).await.unwrap();
        rewrite(&mut transaction, 8, &body.replace("\"ana\"", "\"eva\"")).await;
        sqlx::query("UPDATE ledger SET by = 'eva' WHERE idx = 8").execute(&mut *transaction).await.unwrap();
        let found = faults_inside(&test.store, &mut transaction).await;
        assert_eq!(found, ["one of the records 0 to 255 was changed: their stored root is another one"]);
    }

    async fn faults_inside(store: &Store, connection: &mut SqliteConnection) -> Vec<String> {
        let mut report = store.check_log(&BTreeSet::new()).await.unwrap();
        let mut reading = Reading::default();
        reading.read_records(connection, &BTreeSet::new()).await.unwrap();
        reading.check_bodies_gone();
        reading.check_rows(connection, &mut report).await.unwrap();
        reading.faults.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_database_without_a_log_is_adopted_with_every_row_and_later_changes_are_found() {
        let folder = scratch();
        let path = folder.path().join("pregonero.db");
        let now = at("2026-03-01T14:00:00Z");
        let store = Store::open(&path).await.unwrap();
        for minute in 0..3 {
            let later = now + jiff::SignedDuration::from_mins(minute);
            let round = store.begin_round(&new_round(SlotId::Manual(later)), later).await.unwrap();
            let judged = pregonero_tweet::testing::judged("Hoy llueve.", pregonero_tweet::Verdict::Pass, 0.5);
            store.record_candidates(round, &[judged.clone(), judged], None, later).await.unwrap();
        }
        store.close().await;
        let mut plain = plain_connection(&path).await;
        sqlx::raw_sql("DELETE FROM ledger; DELETE FROM ledger_subtrees; UPDATE rounds SET id = 2001 WHERE id = 9")
            .execute(&mut plain)
            .await
            .unwrap();
        let store = Store::open(&path).await.unwrap();
        let report = store.check_log(&BTreeSet::new()).await.unwrap();
        assert_eq!((report.faults.len(), report.rows, report.head.size), (0, 9, 1), "{report:?}");
        // An act on an adopted row has a record of its own.
        store.end_failed(crate::RoundId::new(1), "a test", now).await.unwrap();
        assert_eq!(faults(&store).await, [""; 0]);
        for (tamper, expected) in [
            ("UPDATE rounds SET reason = 'x' WHERE id = 1", "rounds 1 was changed outside the program: record 1 says"),
            ("UPDATE rounds SET reason = 'x' WHERE id = 2", "rounds 2 was changed outside the program: record 0 says"),
            (
                "UPDATE candidates SET text = 'x' WHERE position = 1 AND round_id = 3",
                "candidates 3 was changed outside",
            ),
            ("DELETE FROM candidates WHERE position = 1 AND round_id = 3", "candidates 3 was changed outside"),
            ("DELETE FROM candidates WHERE round_id = 3", "candidates 3 was removed outside"),
            ("UPDATE ledger_adopted SET digest = x'00' WHERE id = 3", "the digests of rounds 0 to 999"),
            ("DELETE FROM ledger_adopted WHERE tbl = 'rounds'", "the digests of rounds 0 to 999"),
        ] {
            let mut transaction = store.begin().await.unwrap();
            sqlx::query(AssertSqlSafe(tamper)).execute(&mut *transaction).await.unwrap();
            let found = faults_inside(&store, &mut transaction).await;
            transaction.rollback().await.unwrap();
            assert!(found.first().is_some_and(|first| first.starts_with(expected)), "{tamper}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_forgotten_record_is_no_fault_once_a_later_record_names_it() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        test.held("Una feria en la plaza.", now).await;
        let mut transaction = test.store.begin().await.unwrap();
        let index: i64 = sqlx::query_scalar("SELECT idx FROM ledger WHERE kind = 'candidates'")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        let entry = super::super::ledger::Entry {
            kind: RecordKind::Pruned,
            by: None,
            subject: None,
            body: serde_json::json!({"rounds": [1], "records": [index]}),
            rows: &[super::super::ledger::Row::Candidates(1)],
        };
        super::super::ledger::append(&mut transaction, entry, now).await.unwrap();
        sqlx::query("UPDATE ledger SET salt = NULL, body = NULL WHERE idx = ?")
            .bind(index)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let report = test.store.check_log(&BTreeSet::new()).await.unwrap();
        assert_eq!((report.faults.len(), report.forgotten), (0, 1), "{report:?}");
    }

    #[tokio::test]
    async fn after_every_act_each_row_is_as_its_last_record_says() {
        use crate::testing::{decision, dry, judged, live};
        use crate::{
            Absence, Account, AttemptOutcome, CallDetail, CallEnd, Fingerprint, Halt, HaltCause, NewRead, Origin,
            PostId, ReadKind, ReadOutcome, ReviewAct, Revision, Settlement, SpentSince,
        };
        use pregonero_tweet::Verdict;

        let test = TestStore::open().await;
        let store = &test.store;
        let now = at("2026-03-01T14:00:00Z");
        let since = SpentSince { day: now, month: now };
        let arm = async |post: PostId| store.arm(post, None, since, now, |_, _| Ok(15_000)).await.unwrap();
        let settle = async |armed, end, halt| {
            store.settle(&armed, &Settlement { end, windows: Vec::new(), halt }, now).await.unwrap();
        };
        let detail = CallDetail::default;
        let unknown = || CallEnd::Unknown {
            outcome: AttemptOutcome::Unknown,
            detail: detail(),
            error: "it broke off".to_owned(),
            look_at: now,
        };
        let read = |post: PostId, outcome| NewRead {
            what: ReadKind::Timeline,
            post: Some(post),
            outcome,
            items: 1,
            price_micros: 1_000,
            detail: detail(),
            windows: Vec::new(),
        };
        let fingerprint = || Fingerprint { salt: "salt".to_owned(), digest: "aa".to_owned() };

        // An approval that an edit voids, another one, and a post that goes out.
        let edited = test.held("Una feria en la plaza.", now).await;
        test.approve(edited, now).await;
        let one = judged("Dos ferias en la plaza.", Verdict::Pass, 0.9);
        let revision = Revision {
            act: ReviewAct::Edit,
            seen: "Una feria en la plaza.",
            text: "Dos ferias en la plaza.",
            body: "Dos ferias en la plaza.",
            weighted_length: 10,
            candidate: 0,
            gates: &one.gates,
            sentiment: &one.sentiment,
            expires_at: now + jiff::SignedDuration::from_hours(2),
        };
        store.revise_post(&decision(edited), &revision, now).await.unwrap();
        test.approve(edited, now).await;
        settle(arm(edited).await, CallEnd::Sent { tweet_id: "1".to_owned(), detail: detail() }, None).await;
        // Refused, with a halt; ended by a person and by new credentials.
        let refused = test.approved("texto refused", now).await;
        let halt = Halt {
            cause: HaltCause::Refused,
            kind: Some("unauthorized".to_owned()),
            reason: "401".to_owned(),
            set_by: "X".to_owned(),
            since: now,
            credentials: Some(fingerprint()),
        };
        let end = CallEnd::Refused { detail: detail(), error: "no".to_owned() };
        settle(arm(refused).await, end, Some(halt.clone())).await;
        store.resume("ana", now).await.unwrap();
        store.record_refusal(&halt).await.unwrap();
        store.end_halts("credentials", now, |_| true).await.unwrap();
        store.pause("ana", "a test", now).await.unwrap();
        store.resume("ana", now).await.unwrap();
        // Found, absent for good, absent and sent again, read once more, recovered after a crash.
        for (text, absence) in
            [("a", None), ("b", Some(Absence::Refuse("absent".to_owned()))), ("c", Some(Absence::Repost))]
        {
            let post = test.approved(text, now).await;
            settle(arm(post).await, unknown(), None).await;
            store.look_later(post, now, Some(&read(post, ReadOutcome::Failed)), now).await.unwrap();
            match absence {
                None => {
                    let call = store.calls_with_text_of(post).await.unwrap().remove(0);
                    store.settle_found(&call, "2", now, &read(post, ReadOutcome::Found), now).await.unwrap();
                }
                Some(absence) => {
                    store.settle_absent(post, &absence, &read(post, ReadOutcome::Absent), now).await.unwrap();
                }
            }
        }
        let crashed = test.approved("crashed", now).await;
        arm(crashed).await;
        assert_eq!(store.recover_armed(now, now).await.unwrap(), [crashed]);
        // What never goes out.
        let rejected = test.held("rejected", now).await;
        store.stop_post(&decision(rejected), now).await.unwrap();
        let in_dry_run = test.post("dry", Some("gates"), &dry(), now).await;
        store.record_dry_run(in_dry_run, &dry(), now).await.unwrap();
        test.post("of another", None, &Origin { account: "otra".to_owned(), ..live() }, now).await;
        store.cancel_posts_of_others(&live(), now).await.unwrap();
        test.held("late", now).await;
        store.expire_posts(now + jiff::SignedDuration::from_hours(72)).await.unwrap();
        // Rounds without a post, and whose credentials these are.
        store.record_missed(&SlotId::Scheduled(now), "a test", now).await.unwrap();
        test.round(now).await;
        store.interrupt_running_rounds(now).await.unwrap();
        let account = Account { user_id: "1".to_owned(), username: "prueba".to_owned(), credentials: fingerprint() };
        store.record_account(&account, &read(edited, ReadOutcome::Found), now).await.unwrap();
        store.record_failed_read(&read(edited, ReadOutcome::Failed), now).await.unwrap();
        assert_eq!(faults(store).await, [""; 0]);
        let kinds: BTreeSet<&str> =
            store.log_records(0, 1000).await.unwrap().iter().map(|record| record.kind.as_str()).collect();
        for kind in ["edited", "settled", "recovered", "stop_ended", "dry_run", "expired", "cancelled", "credentials"] {
            assert!(kinds.contains(kind), "{kind}: {kinds:?}");
        }
    }
}
