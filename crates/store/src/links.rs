//! One-time links by which a person without a session decides on one post.
//!
//! One constraint: whoever reads the database cannot use a link, because only a digest of its secret is kept. A link is
//! bound to one post, one decision and the text that the post had, and is used up in the transaction of the decision.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::columns::{instant, instant_or_none, sha256, stored, word};
use super::error::Doing as _;
use super::ledger::{self, Entry};
use super::{PostId, PostState, RecordKind, ReviewAct, Store, StoreError};

/// A link's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct LinkId(i64);

impl LinkId {
    /// Returns the bare number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A link as recorded, and whether it can still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionLink {
    pub id: LinkId,
    pub post: PostId,
    /// [`ReviewAct::Approve`] or [`ReviewAct::Reject`].
    pub act: ReviewAct,
    pub expires_at: Timestamp,
    pub standing: LinkStanding,
}

/// Whether a link can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStanding {
    Open,
    Used,
    Expired,
    /// The post was decided on, or has another text.
    Overtaken,
}

impl LinkStanding {
    /// Returns why a link cannot be used, to follow "this link"; `None` if it can.
    #[must_use]
    pub fn objection(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Used => Some("was used already"),
            Self::Expired => Some("has expired"),
            Self::Overtaken => Some("is out of date: the post was decided on, or its text was changed"),
        }
    }
}

/// How long a link lasts at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// The bytes of a link's secret.
const SECRET_BYTES: usize = 32;

impl Store {
    /// Creates a link by which whoever holds it can take one decision on a held post, until `expires_at`, for 24 hours at
    /// most. Returns the token, which is kept nowhere: it is a secret.
    ///
    /// # Errors
    /// [`StoreError::StateConflict`] if the post does not wait for a person, [`StoreError::NoSuchPost`], or if the
    /// database cannot be written.
    pub async fn create_decision_link(
        &self,
        post: PostId,
        act: ReviewAct,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        const DOING: &str = "create a link";
        let secret = hexadecimal(rand::rng().random::<[u8; SECRET_BYTES]>());
        let latest = now.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let mut transaction = self.begin().await?;
        let row: Option<(String, String)> = sqlx::query_as("SELECT state, text FROM posts WHERE id = ?")
            .bind(post.get())
            .fetch_optional(&mut *transaction)
            .await
            .doing(DOING)?;
        let (state, text) = row.ok_or(StoreError::NoSuchPost { post })?;
        if let Some(found) = PostState::from_word(&state).filter(|state| *state != PostState::Held) {
            return Err(StoreError::StateConflict { post, found, wanted: PostState::Approved });
        }
        // Links long out of use are of no use to anybody; the decisions are in the reviews.
        sqlx::query("DELETE FROM decision_links WHERE expires_at < ?")
            .bind(stored(now.saturating_sub(LONGEST * 30).unwrap_or(Timestamp::MIN)))
            .execute(&mut *transaction)
            .await
            .doing(DOING)?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO decision_links (post_id, act, secret_sha256, text_sha256, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(post.get())
        .bind(act.as_str())
        .bind(sha256(&secret))
        .bind(sha256(&text))
        .bind(stored(now))
        .bind(stored(expires_at.min(latest)))
        .fetch_one(&mut *transaction)
        .await
        .doing(DOING)?;
        let entry = Entry {
            kind: RecordKind::DecisionLink,
            by: None,
            subject: Some(post.get()),
            body: json!({"link": id, "act": act, "text": text, "expires_at": stored(expires_at.min(latest))}),
            rows: &[],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing(DOING)?;
        Ok(format!("{id}.{secret}"))
    }

    /// Returns what a token stands for without changing anything; `None` if there is no such link.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn look_at_decision_link(&self, token: &str, now: Timestamp) -> Result<Option<DecisionLink>, StoreError> {
        let Some((id, secret)) = token.split_once('.') else { return Ok(None) };
        let Ok(id) = id.parse::<i64>() else { return Ok(None) };
        let row: Option<LinkRow> = sqlx::query_as(
            "SELECT decision_links.id, post_id, act, secret_sha256, text_sha256, decision_links.expires_at, used_at, state,
                 text
             FROM decision_links JOIN posts ON posts.id = post_id WHERE decision_links.id = ?",
        )
        .bind(id)
        .fetch_optional(self.readers())
        .await
        .doing("read a link")?;
        // The digest of an unknown secret tells nobody how near a guess was.
        let row = row.filter(|row| row.secret_sha256 == sha256(secret));
        Ok(row.map(|row| row.standing_at(now)))
    }
}

struct LinkRow {
    link: DecisionLink,
    secret_sha256: String,
    text_sha256: String,
    used_at: Option<Timestamp>,
    state: PostState,
    text: String,
}

impl LinkRow {
    fn standing_at(self, now: Timestamp) -> DecisionLink {
        let standing = if self.used_at.is_some() {
            LinkStanding::Used
        } else if self.link.expires_at <= now {
            LinkStanding::Expired
        } else if self.state != PostState::Held || sha256(&self.text) != self.text_sha256 {
            LinkStanding::Overtaken
        } else {
            LinkStanding::Open
        };
        DecisionLink { standing, ..self.link }
    }
}

impl FromRow<'_, SqliteRow> for LinkRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let link = DecisionLink {
            id: LinkId(row.try_get("id")?),
            post: PostId::new(row.try_get("post_id")?),
            act: word(row, "act", ReviewAct::from_word)?,
            expires_at: instant(row, "expires_at")?,
            standing: LinkStanding::Open,
        };
        Ok(Self {
            link,
            secret_sha256: row.try_get("secret_sha256")?,
            text_sha256: row.try_get("text_sha256")?,
            used_at: instant_or_none(row, "used_at")?,
            state: word(row, "state", PostState::from_word)?,
            text: row.try_get("text")?,
        })
    }
}

/// Uses up a link inside the transaction of the decision that came by it; `text` is the post's text before.
pub(super) async fn use_link(
    connection: &mut SqliteConnection,
    link: LinkId,
    post: PostId,
    act: ReviewAct,
    text: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let used = sqlx::query(
        "UPDATE decision_links SET used_at = ?1
         WHERE id = ?2 AND post_id = ?3 AND act = ?4 AND text_sha256 = ?5 AND used_at IS NULL AND expires_at > ?1",
    )
    .bind(stored(now))
    .bind(link.get())
    .bind(post.get())
    .bind(act.as_str())
    .bind(sha256(text))
    .execute(connection)
    .await
    .doing("use a link")?;
    if used.rows_affected() == 1 {
        return Ok(());
    }
    Err(StoreError::DeadLink { why: "was used already, has expired, or is out of date" })
}

fn hexadecimal(bytes: [u8; SECRET_BYTES]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
