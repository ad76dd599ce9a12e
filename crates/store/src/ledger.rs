//! The audit log: one record for each act, in a Merkle tree, written in the transaction of the act itself.
//!
//! An act calls [`append`] after it has written its rows and before it commits. The record names those rows with a salted
//! digest of each, so that a row that is changed, removed or inserted outside the acts is found. A row that an act removed
//! is named too: its digest is then `null`. The columns that count are listed in [`TABLES`]; a column that is NULL is left
//! out of a row's digest, so that a later migration may add columns. To have the rows of another table covered: add it
//! to [`TABLES`] and to [`Row`]. Where a text has to be forgotten, the act empties salt and body of the records that tell it,
//! and appends a record of kind `pruned` or `erased` whose body has their numbers under `records`. A migration that changes values that count appends a record of kind `migrated`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use pregonero_audit::merkle::{self, Frontier, Hash};
use pregonero_audit::{Entry as Leaf, SUBTREE};
use pregonero_tweet::ModelIdentity;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column as _, FromRow, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::columns::{stored, unreadable, word};
use super::error::Doing as _;
use super::{RecordKind, StoreError};

/// A record about to be appended.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub kind: RecordKind,
    /// A person's name, `gates`, `X`; `None` for the program itself.
    pub by: Option<&'a str>,
    /// The number of the round or post.
    pub subject: Option<i64>,
    /// What happened. No secret, and of an account or credentials a fingerprint only.
    pub body: Value,
    /// The rows whose present state this act fixed, or which it removed.
    pub rows: &'a [Row],
}

/// A row, or the rows of one round, whose state an act fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Round(i64),
    /// All candidates of this round.
    Candidates(i64),
    Post(i64),
    Attempt(i64),
    Read(i64),
    Halt(i64),
    Review(i64),
    /// The one row that says whose credentials these are.
    Account,
    User(i64),
}

impl Row {
    /// Returns the row of this table with this number; `None` if the log does not cover the table.
    pub(super) fn at(table: &str, id: i64) -> Option<Self> {
        Some(match table {
            "rounds" => Self::Round(id),
            "candidates" => Self::Candidates(id),
            "posts" => Self::Post(id),
            "attempts" => Self::Attempt(id),
            "reads" => Self::Read(id),
            "halts" => Self::Halt(id),
            "reviews" => Self::Review(id),
            "account" => Self::Account,
            "users" => Self::User(id),
            _ => return None,
        })
    }

    fn place(self) -> (&'static Table, i64) {
        let (name, id) = match self {
            Self::Round(id) => ("rounds", id),
            Self::Candidates(round) => ("candidates", round),
            Self::Post(id) => ("posts", id),
            Self::Attempt(id) => ("attempts", id),
            Self::Read(id) => ("reads", id),
            Self::Halt(id) => ("halts", id),
            Self::Review(id) => ("reviews", id),
            Self::Account => ("account", 1),
            Self::User(id) => ("users", id),
        };
        let table = TABLES.iter().find(|table| table.name == name);
        (table.expect("each row is of a table in the list"), id)
    }
}

/// A table whose rows the log covers.
#[derive(Debug)]
pub(super) struct Table {
    pub name: &'static str,
    /// The column that [`Row`] holds.
    pub key: &'static str,
    /// The column that tells several rows of one key apart.
    pub part: Option<&'static str>,
    /// The columns that count: what was decided and done, not when to look next.
    pub columns: &'static [&'static str],
}

/// The tables that the log covers.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "rounds",
        key: "id",
        part: None,
        columns: &[
            "id",
            "slot",
            "slot_kind",
            "seed_prompt",
            "seed_attributes",
            "rng_seed",
            "generation",
            "generator_name",
            "generator_sha256",
            "classifier_name",
            "classifier_sha256",
            "device",
            "program_version",
            "settings",
            "config_sha256",
            "started_at",
            "finished_at",
            "outcome",
            "reason",
            "stand_in",
        ],
    },
    Table {
        name: "candidates",
        key: "round_id",
        part: Some("position"),
        columns: &[
            "round_id",
            "position",
            "text",
            "generated",
            "continuation",
            "token_ids",
            "prompt_tokens",
            "rng_seed",
            "finish",
            "weighted_length",
            "sentiment",
            "score",
            "gates",
            "verdict",
            "chosen",
            "likelihood_mean",
            "likelihood_weakest",
            "critic",
            "reading",
            "rank",
            "fresh_opening",
        ],
    },
    Table {
        name: "posts",
        key: "id",
        part: None,
        columns: &[
            "id",
            "candidate_position",
            "text",
            "weighted_length",
            "state",
            "created_at",
            "expires_at",
            "decided_by",
            "decided_at",
            "decision_reason",
            "tweet_id",
            "sent_at",
            "live",
            "account",
            "restored_at",
            "body",
            "edited_gates",
            "edited_sentiment",
        ],
    },
    Table {
        name: "attempts",
        key: "id",
        part: None,
        columns: &[
            "id",
            "post_id",
            "started_at",
            "finished_at",
            "outcome",
            "price_micros",
            "http_status",
            "kind",
            "problem",
            "detail",
            "transaction_id",
            "number",
            "text",
            "weighted_length",
            "clock_skew_seconds",
        ],
    },
    Table {
        name: "reads",
        key: "id",
        part: None,
        columns: &[
            "id",
            "post_id",
            "what",
            "made_at",
            "outcome",
            "items",
            "price_micros",
            "http_status",
            "kind",
            "problem",
            "detail",
            "transaction_id",
        ],
    },
    Table {
        name: "halts",
        key: "id",
        part: None,
        columns: &["id", "cause", "kind", "reason", "set_by", "since", "salt", "fingerprint", "ended_at", "ended_by"],
    },
    Table {
        name: "reviews",
        key: "id",
        part: None,
        columns: &[
            "id",
            "post_id",
            "act",
            "reviewer",
            "role",
            "facts_checked",
            "sources",
            "note",
            "text_before",
            "text_after",
            "candidate_before",
            "candidate_after",
            "text_sha256",
            "at",
            "voided_at",
            "voided_by",
        ],
    },
    Table {
        name: "account",
        key: "one",
        part: None,
        columns: &["one", "user_id", "username", "salt", "fingerprint", "read_at"],
    },
    Table {
        name: "users",
        key: "id",
        part: None,
        columns: &["id", "name", "role", "phc", "created_at", "created_by", "disabled_at", "removed_at"],
    },
];

/// The tables that the log does not cover, each with the reason; docs/audit.md says the same.
pub const NOT_COVERED: &[(&str, &str)] = &[
    ("engagement", "what X said of reactions: no decision depends on it"),
    ("tallies", "sums, made again from the rows that are covered"),
    ("gate_lists", "names of gates for those sums"),
    ("decision_links", "a record has each link's making, and the review record what it decided"),
    ("alerts", "what was announced: the state that it reports is covered"),
    ("notices", "whether an announcement arrived"),
    ("windows", "X's limits as X last said"),
    ("sessions", "who is signed in now: what they do is covered, with their name"),
    ("sign_ins", "wrong passwords of the last hours"),
    ("lease", "which process may post now"),
];

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRecord {
    /// Its place, from 0.
    pub index: u64,
    pub kind: RecordKind,
    /// RFC 3339 in UTC, as in the leaf.
    pub at: String,
    /// A person's name, `gates`, `X`; absent for the program itself.
    pub by: Option<String>,
    /// The number of the round or post it is about.
    pub subject: Option<i64>,
    /// Salt and body; absent where they had to be forgotten.
    pub content: Option<(Vec<u8>, String)>,
    /// The leaf's bytes.
    pub entry: String,
    /// The leaf's hash, as stored.
    pub leaf: Vec<u8>,
}

impl FromRow<'_, SqliteRow> for LedgerRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (salt, body): (Option<Vec<u8>>, Option<String>) = (row.try_get("salt")?, row.try_get("body")?);
        Ok(Self {
            index: index(row, "idx")?,
            kind: word(row, "kind", RecordKind::from_word)?,
            at: row.try_get("at")?,
            by: row.try_get("by")?,
            subject: row.try_get("subject")?,
            content: salt.zip(body),
            entry: row.try_get("entry")?,
            leaf: row.try_get("leaf")?,
        })
    }
}

/// Reads a column with a number of a record.
pub(super) fn index(row: &SqliteRow, column: &'static str) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| unreadable(column, &number.to_string()))
}

/// Appends a record to the log and returns its index. On a schema without the log nothing is written, and the index is 0:
/// a pause also works there, and the log covers it once the database is adopted.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    entry: Entry<'_>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    const DOING: &str = "append to the audit log";
    if !exists(connection).await? {
        return Ok(0);
    }
    let salt: [u8; 32] = rand::random();
    let mut rows = Map::new();
    for &row in entry.rows {
        let (table, id) = row.place();
        let found = digests(connection, table, &salt, Some(id)).await?;
        rows.insert(format!("{}/{id}", table.name), found.get(&id).map_or(Value::Null, Digest::to_json));
    }
    let body = canonical(&json!({
        "by": entry.by,
        "subject": entry.subject,
        "about": entry.body,
        "rows": rows,
    }));
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(idx) FROM ledger").fetch_one(&mut *connection).await.doing(DOING)?;
    let index = last.map_or(0, |last| last + 1);
    let leaf = Leaf {
        index: index.unsigned_abs(),
        kind: entry.kind.as_str().to_owned(),
        at: stored(now),
        digest: Leaf::digest(&salt, &body),
    };
    sqlx::query(
        "INSERT INTO ledger (idx, kind, at, by, subject, salt, body, entry, leaf) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(index)
    .bind(entry.kind.as_str())
    .bind(&leaf.at)
    .bind(entry.by)
    .bind(entry.subject)
    .bind(salt.as_slice())
    .bind(&body)
    .bind(leaf.text())
    .bind(leaf.hash().as_slice())
    .execute(&mut *connection)
    .await
    .doing(DOING)?;
    close_subtree(connection, index + 1).await?;
    Ok(leaf.index)
}

/// Appends the models of a round, if they differ from those of the last record about models. `engine` is what is known of
/// the generator's server, if it is on one: nobody here can compute a digest of its weights.
pub(super) async fn note_models(
    connection: &mut SqliteConnection,
    generator: &ModelIdentity,
    engine: Option<&Value>,
    classifier: &ModelIdentity,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut models = json!({
        "generator": {"name": generator.name, "sha256": generator.sha256},
        "classifier": {"name": classifier.name, "sha256": classifier.sha256},
    });
    if let Some(engine) = engine.filter(|engine| !engine.is_null()) {
        models["generator"]["engine"] = engine.clone();
    }
    if last_about(connection, RecordKind::Models).await? == Some(models.clone()) {
        return Ok(());
    }
    let entry = Entry { kind: RecordKind::Models, by: None, subject: None, body: models, rows: &[] };
    append(connection, entry, now).await.map(drop)
}

/// Returns what the last record of this kind says, if it is still known.
pub(super) async fn last_about(
    connection: &mut SqliteConnection,
    kind: RecordKind,
) -> Result<Option<Value>, StoreError> {
    let body: Option<Option<String>> =
        sqlx::query_scalar("SELECT body FROM ledger WHERE kind = ? ORDER BY idx DESC LIMIT 1")
            .bind(kind.as_str())
            .fetch_optional(connection)
            .await
            .doing("read the audit log")?;
    Ok(body.flatten().and_then(|body| serde_json::from_str::<Value>(&body).ok()).map(|mut body| body["about"].take()))
}

/// Stores the root of the last complete subtree, if the log has just completed one.
async fn close_subtree(connection: &mut SqliteConnection, size: i64) -> Result<(), StoreError> {
    const DOING: &str = "append to the audit log";
    let width = i64::try_from(SUBTREE).unwrap_or(i64::MAX);
    if size % width != 0 {
        return Ok(());
    }
    let leaves = leaves_from(connection, size - width).await?;
    sqlx::query("INSERT OR REPLACE INTO ledger_subtrees (idx, hash) VALUES (?, ?)")
        .bind(size / width - 1)
        .bind(merkle::root(&leaves).as_slice())
        .execute(&mut *connection)
        .await
        .map(drop)
        .doing(DOING)
}

/// Returns whether this schema has the log.
async fn exists(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ledger')")
        .fetch_one(connection)
        .await
        .doing("look for the audit log")
}

/// Returns the stored leaf hashes from `first` on.
async fn leaves_from(connection: &mut SqliteConnection, first: i64) -> Result<Vec<Hash>, StoreError> {
    const DOING: &str = "read the audit log";
    let leaves: Vec<Vec<u8>> = sqlx::query_scalar("SELECT leaf FROM ledger WHERE idx >= ? ORDER BY idx")
        .bind(first)
        .fetch_all(connection)
        .await
        .doing(DOING)?;
    leaves.into_iter().map(|leaf| as_hash("leaf", leaf)).collect::<Result<_, _>>().doing(DOING)
}

pub(super) fn as_hash(column: &'static str, bytes: Vec<u8>) -> Result<Hash, sqlx::Error> {
    Hash::try_from(bytes).map_err(|bytes| unreadable(column, &format!("{} bytes", bytes.len())))
}

/// The digest of a row, or of the rows of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Digest {
    One(Hash),
    /// By part, for example a candidate's position.
    Parts(BTreeMap<i64, Hash>),
}

impl Digest {
    fn to_json(&self) -> Value {
        match self {
            Self::One(hash) => Value::String(STANDARD.encode(hash)),
            Self::Parts(parts) => parts
                .iter()
                .map(|(part, hash)| (part.to_string(), Value::String(STANDARD.encode(hash))))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// Returns the digests of the rows of `table` with this key, or of all of them, salted with `salt`.
pub(super) async fn digests(
    connection: &mut SqliteConnection,
    table: &Table,
    salt: &[u8],
    key: Option<i64>,
) -> Result<BTreeMap<i64, Digest>, StoreError> {
    const DOING: &str = "read the rows that an act has written";
    let Table { name, key: key_column, part, columns } = table;
    let filter = key.map_or_else(String::new, |_| format!("WHERE {key_column} = ?"));
    let statement = format!("SELECT {} FROM {name} {filter}", columns.join(", "));
    let mut query = sqlx::query(AssertSqlSafe(statement));
    if let Some(key) = key {
        query = query.bind(key);
    }
    let mut found: BTreeMap<i64, Digest> = BTreeMap::new();
    for row in query.fetch_all(connection).await.doing(DOING)? {
        let key: i64 = row.try_get(*key_column).doing(DOING)?;
        let digest = merkle::sha256(&[salt, row_text(table, &row).doing(DOING)?.as_bytes()]);
        match part {
            None => _ = found.insert(key, Digest::One(digest)),
            Some(part) => {
                let part: i64 = row.try_get(*part).doing(DOING)?;
                let parts = found.entry(key).or_insert_with(|| Digest::Parts(BTreeMap::new()));
                if let Digest::Parts(parts) = parts {
                    parts.insert(part, digest);
                }
            }
        }
    }
    Ok(found)
}

/// Returns the text that a row's digest is made of: the table's name, and an object of its columns with sorted names. Reals
/// are the sixteen hexadecimal digits of their bits, so that no two programs print them differently.
pub(super) fn row_text(table: &Table, row: &SqliteRow) -> Result<String, sqlx::Error> {
    let mut values = Map::new();
    for column in row.columns() {
        let value = row.try_get_raw(column.ordinal())?;
        if value.is_null() {
            continue;
        }
        let value = match value.type_info().name() {
            "INTEGER" => json!(row.try_get_unchecked::<i64, _>(column.ordinal())?),
            "REAL" => json!(format!("{:016x}", row.try_get_unchecked::<f64, _>(column.ordinal())?.to_bits())),
            "TEXT" => json!(row.try_get_unchecked::<String, _>(column.ordinal())?),
            _ => json!(STANDARD.encode(row.try_get_unchecked::<Vec<u8>, _>(column.ordinal())?)),
        };
        values.insert(column.name().to_owned(), value);
    }
    Ok(format!("{}\n{}", table.name, canonical(&Value::Object(values))))
}

/// Returns JSON on one line with sorted names, without blanks.
fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> =
                map.iter().map(|(name, value)| (name, self::sorted(value))).collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

/// A tree's size and root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TreeHead {
    pub size: u64,
    pub root: Hash,
}

impl TreeHead {
    /// Returns the root as checkpoints write it.
    #[must_use]
    pub fn root_base64(&self) -> String {
        STANDARD.encode(self.root)
    }
}

/// Returns the size and root of the log, from the stored subtrees and the leaves after them.
pub(super) async fn head(connection: &mut SqliteConnection) -> Result<TreeHead, StoreError> {
    const DOING: &str = "read the audit log";
    let subtrees: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM ledger_subtrees ORDER BY idx")
        .fetch_all(&mut *connection)
        .await
        .doing(DOING)?;
    let mut frontier = Frontier::new();
    for hash in subtrees {
        frontier.push_complete(as_hash("hash", hash).doing(DOING)?);
    }
    let first = i64::try_from(frontier.size()).unwrap_or(i64::MAX);
    for leaf in leaves_from(connection, first).await? {
        frontier.push(leaf);
    }
    Ok(TreeHead { size: frontier.size(), root: frontier.root() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at};

    #[tokio::test]
    async fn records_are_numbered_without_gaps_and_the_root_is_that_of_their_leaves() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let mut transaction = test.store.begin().await.unwrap();
        let before = head(&mut transaction).await.unwrap().size;
        for number in 0..600 {
            let entry = Entry {
                kind: RecordKind::Config,
                by: Some("ana"),
                subject: None,
                body: json!({"number": number, "b": 1, "a": {"z": 1, "y": [{"q": 2, "p": null}]}}),
                rows: &[],
            };
            assert_eq!(append(&mut transaction, entry, now).await.unwrap(), before + number);
        }
        let leaves = leaves_from(&mut transaction, 0).await.unwrap();
        let head = head(&mut transaction).await.unwrap();
        assert_eq!((head.size, head.root), (before + 600, merkle::root(&leaves)));
        let body: String = sqlx::query_scalar("SELECT body FROM ledger ORDER BY idx DESC LIMIT 1")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(
            body,
            r#"{"about":{"a":{"y":[{"p":null,"q":2}],"z":1},"b":1,"number":599},"by":"ana","rows":{},"subject":null}"#
        );
    }

    #[tokio::test]
    async fn every_table_is_covered_or_has_a_reason_why_not() {
        let test = TestStore::open().await;
        let own = ["ledger", "ledger_subtrees", "ledger_adopted", "checkpoints", "anchors", "_sqlx_migrations"];
        let mut connection = test.store.begin().await.unwrap();
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%\\_text%' ESCAPE '\\'",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        for table in &tables {
            let covered = TABLES.iter().any(|known| known.name == table);
            let excused = NOT_COVERED.iter().any(|(name, _)| name == table) || own.contains(&table.as_str());
            assert!(covered != excused, "{table}: list it in TABLES or in NOT_COVERED");
        }
        assert!(NOT_COVERED.iter().all(|(name, _)| tables.iter().any(|table| table == name)), "{tables:?}");
    }

    #[tokio::test]
    async fn a_rows_digest_depends_on_every_column_that_counts_and_on_no_other() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.held("Una feria en la plaza.", now).await.get();
        let mut connection = test.store.begin().await.unwrap();
        let posts = TABLES.iter().find(|table| table.name == "posts").unwrap();
        let before = digests(&mut connection, posts, b"salt", Some(id)).await.unwrap();
        for (change, counts) in [
            ("look_at = 'x', not_before = 'x', error = 'x'", false),
            ("decision_reason = 'x'", true),
            ("decision_reason = NULL", false),
            ("weighted_length = 11", true),
        ] {
            sqlx::query(AssertSqlSafe(format!("UPDATE posts SET {change}"))).execute(&mut *connection).await.unwrap();
            let after = digests(&mut connection, posts, b"salt", Some(id)).await.unwrap();
            assert_eq!(after != before, counts, "{change}");
        }
        assert!(digests(&mut connection, posts, b"salt", Some(id + 1)).await.unwrap().is_empty());
    }
}
