//! The posts that rounds led to, and every change of their state.
//!
//! A state changes only in [`transition`]. The calls to X are in `attempts`.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::authors::BY_THE_PROGRAM;
use super::candidates::{count, integer};
use super::columns::{instant, instant_or_none, json, sha256, stored, word};
use super::error::{Doing as _, is_taken};
use super::ledger::{self, Entry, Row};
use super::rounds::end_round;
use super::transitions::{state_and_expiry, transition};
use super::{PostId, PostState, RecordKind, RoundId, RoundOutcome, Store, StoreError};
use pregonero_tweet::{Disclosure, GateVerdict, Sentiment};

/// The mode and the account for which a post is made, or with which it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether posts leave the machine.
    pub live: bool,
    /// `account.handle`, without `@`.
    pub account: String,
}

/// An origin as recorded. Posts of earlier versions have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordedOrigin {
    pub live: Option<bool>,
    pub account: Option<String>,
}

impl RecordedOrigin {
    pub(super) fn of_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { live: row.try_get("live")?, account: row.try_get("account")? })
    }
}

impl Origin {
    /// Returns why a post of the recorded origin is not sent from this one; `None` if it may be.
    pub fn refuses(&self, recorded: &RecordedOrigin) -> Option<String> {
        if let Some(account) = &recorded.account
            && !account.eq_ignore_ascii_case(&self.account)
        {
            return Some(format!("it was made for @{account}, but account.handle is now @{}", self.account));
        }
        match (recorded.live, self.live) {
            (Some(false), true) => Some("it was made in a dry run, but posts now go out".to_owned()),
            (None, true) => {
                Some("it was made by an earlier version, which did not record whether it was a dry run".to_owned())
            }
            (Some(true), false) => Some("it was made to be posted, but this is now a dry run".to_owned()),
            _ => None,
        }
    }
}

/// The earlier posts that a text must not repeat.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Posts sent, or made, at this instant or later.
    pub since: Timestamp,
    /// Whether posts that wait for a person count.
    pub held: bool,
    /// Whether what would have been sent counts; otherwise a dry run would offer the same text for ever.
    pub dry_runs: bool,
    /// Separates the body from the text of posts of earlier versions, which have none on record.
    pub disclosure: &'a Disclosure,
}

impl Earlier<'_> {
    /// Returns the instant `days` before `now`, from which on posts count.
    #[must_use]
    pub fn days_before(now: Timestamp, days: u32) -> Timestamp {
        now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
    }
}

/// The comparison with the earlier posts, made inside the transaction that lets a text out: nothing else can be let out
/// between the two.
#[derive(Clone, Copy)]
pub struct Unlike<'a> {
    pub earlier: Earlier<'a>,
    /// Returns why the text may not go out after these bodies, the earliest first; `None` if it may.
    pub objection: &'a (dyn Fn(Vec<String>) -> Option<String> + Sync),
}

impl std::fmt::Debug for Unlike<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unlike").field("earlier", &self.earlier).finish_non_exhaustive()
    }
}

impl Unlike<'_> {
    /// Fails if the text of `post` is too much like one of the earlier ones.
    pub(super) async fn require(&self, connection: &mut SqliteConnection, post: PostId) -> Result<(), StoreError> {
        let bodies = bodies(connection, Some(post), &self.earlier).await?;
        match (self.objection)(bodies) {
            Some(reason) => Err(StoreError::TooAlike { post, reason }),
            None => Ok(()),
        }
    }
}

/// A post about to enter the record, held or approved.
#[derive(Debug, Clone)]
pub struct NewPost<'a> {
    pub round: RoundId,
    /// The chosen candidate's position in the round.
    pub candidate: usize,
    /// The tweet, and the tweet without its disclosure.
    pub text: &'a str,
    pub body: &'a str,
    pub weighted_length: usize,
    /// Who approved it, if that is already decided; otherwise it is held.
    pub approved_by: Option<&'a str>,
    pub expires_at: Timestamp,
    pub origin: &'a Origin,
    /// What it must be unlike to be let out; absent for one that is held, and where nothing is compared.
    pub unlike: Option<Unlike<'a>>,
}

/// A post as recorded, with what was said of its candidate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PostRecord {
    pub id: PostId,
    pub state: PostState,
    pub text: String,
    /// The text without the disclosure; absent for posts of earlier versions.
    pub body: Option<String>,
    pub weighted_length: usize,
    /// The position in its round of the candidate that it is from, from 0.
    pub candidate_position: usize,
    /// Whether a person changed the text or took another candidate: `sentiment` and `gates` are then about that text.
    pub edited: bool,
    /// Whether it was made to leave the machine; absent for posts of earlier versions that were never sent.
    pub live: Option<bool>,
    /// The `account.handle` it was made for.
    pub account: Option<String>,
    pub sentiment: Sentiment,
    pub gates: Vec<GateVerdict>,
    pub created_at: Timestamp,
    /// After this it may neither be approved nor sent.
    pub expires_at: Timestamp,
    /// A person's name, or `gates`.
    pub decided_by: Option<String>,
    pub decided_at: Option<Timestamp>,
    pub decision_reason: Option<String>,
    /// No attempt is made before this instant.
    pub not_before: Option<Timestamp>,
    /// Since when it has been unknown whether X published it; `look_at` is when the timeline is read next.
    pub unknown_since: Option<Timestamp>,
    pub look_at: Option<Timestamp>,
    pub tweet_id: Option<String>,
    pub sent_at: Option<Timestamp>,
    /// What last went wrong.
    pub error: Option<String>,
}

impl PostRecord {
    /// Returns the SHA-256 of the text, in hexadecimal, as review records keep it.
    #[must_use]
    pub fn text_sha256(&self) -> String {
        sha256(&self.text)
    }
}

impl FromRow<'_, SqliteRow> for PostRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: PostId::new(row.try_get("id")?),
            state: word(row, "state", PostState::from_word)?,
            text: row.try_get("text")?,
            body: row.try_get("body")?,
            weighted_length: count(row, "weighted_length")?,
            candidate_position: count(row, "candidate_position")?,
            edited: row.try_get("edited")?,
            live: row.try_get("live")?,
            account: row.try_get("account")?,
            sentiment: json(row, "sentiment")?,
            gates: json(row, "gates")?,
            created_at: instant(row, "created_at")?,
            expires_at: instant(row, "expires_at")?,
            decided_by: row.try_get("decided_by")?,
            decided_at: instant_or_none(row, "decided_at")?,
            decision_reason: row.try_get("decision_reason")?,
            not_before: instant_or_none(row, "not_before")?,
            unknown_since: instant_or_none(row, "unknown_since")?,
            look_at: instant_or_none(row, "look_at")?,
            tweet_id: row.try_get("tweet_id")?,
            sent_at: instant_or_none(row, "sent_at")?,
            error: row.try_get("error")?,
        })
    }
}

/// Selects the columns of [`PostRecord`], followed by the rest of the statement.
macro_rules! select_posts {
    ($rest:literal) => {
        concat!(
            "SELECT posts.id, posts.state, posts.text, posts.weighted_length, posts.created_at, posts.expires_at,
                 posts.decided_by, posts.decided_at, posts.decision_reason, posts.not_before, posts.unknown_since,
                 posts.look_at, posts.tweet_id, posts.sent_at, posts.error, posts.live, posts.account, posts.body,
                 posts.candidate_position, posts.edited_gates IS NOT NULL AS edited,
                 coalesce(posts.edited_sentiment, candidates.sentiment) AS sentiment,
                 coalesce(posts.edited_gates, candidates.gates) AS gates
             FROM posts
             JOIN candidates ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position ",
            $rest
        )
    };
}

impl Store {
    /// Returns whether something is still to happen to a post: a person's decision, a call, a search, its expiry.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn has_open_posts(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM posts WHERE state IN ('held', 'approved', 'armed', 'unknown'))",
        )
        .fetch_one(self.readers())
        .await
        .doing("look for open posts")
    }

    /// Records the post that a running round led to, and ends the round.
    ///
    /// # Errors
    /// [`StoreError::AlreadyPosted`] if the round has a post, [`StoreError::RoundEnded`] if it is not running,
    /// [`StoreError::TooAlike`].
    pub async fn create_post(&self, post: &NewPost<'_>, now: Timestamp) -> Result<PostId, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(unlike) = &post.unlike {
            unlike.require(&mut transaction, post.round.post()).await?;
        }
        let state = if post.approved_by.is_some() { PostState::Approved } else { PostState::Held };
        sqlx::query(
            "INSERT INTO posts (id, candidate_position, text, body, weighted_length, state, created_at, expires_at,
                 decided_by, decided_at, live, account)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(post.round.get())
        .bind(integer(post.candidate))
        .bind(post.text)
        .bind(post.body)
        .bind(integer(post.weighted_length))
        .bind(state.as_str())
        .bind(stored(now))
        .bind(stored(post.expires_at))
        .bind(post.approved_by)
        .bind(post.approved_by.map(|_| stored(now)))
        .bind(post.origin.live)
        .bind(&post.origin.account)
        .execute(&mut *transaction)
        .await
        .map_err(|source| match source {
            taken if is_taken(&taken, "posts.id") => StoreError::AlreadyPosted { round: post.round },
            source => StoreError::Database { doing: "record the post", source },
        })?;
        end_round(&mut transaction, post.round, RoundOutcome::Chosen, None, now).await?;
        let entry = Entry {
            kind: RecordKind::PostCreated,
            by: post.approved_by,
            subject: Some(post.round.get()),
            body: json!({
                "candidate": post.candidate,
                "text": post.text,
                "state": state,
                "account": post.origin.account,
                "live": post.origin.live,
                "expires_at": stored(post.expires_at),
            }),
            rows: &[Row::Round(post.round.get()), Row::Post(post.round.get())],
        };
        ledger::append(&mut transaction, entry, now).await?;
        transaction.commit().await.doing("record the post")?;
        Ok(post.round.post())
    }

    /// Returns one post.
    ///
    /// # Errors
    /// [`StoreError::NoSuchPost`], or if the database cannot be read.
    pub async fn post(&self, post: PostId) -> Result<PostRecord, StoreError> {
        self.post_or_none(post).await?.ok_or(StoreError::NoSuchPost { post })
    }

    pub(super) async fn post_or_none(&self, post: PostId) -> Result<Option<PostRecord>, StoreError> {
        sqlx::query_as(select_posts!("WHERE posts.id = ?"))
            .bind(post.get())
            .fetch_optional(self.readers())
            .await
            .doing("read the post")
    }

    /// Returns all posts in `state`, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn posts_in(&self, state: PostState) -> Result<Vec<PostRecord>, StoreError> {
        sqlx::query_as(select_posts!("WHERE posts.state = ? ORDER BY posts.id"))
            .bind(state.as_str())
            .fetch_all(self.readers())
            .await
            .doing("read the posts")
    }

    /// Returns the bodies of the posts that a new text must not repeat: everything sent or on its way, even if its outcome
    /// is unknown, the earliest first; without that of `except`, a post that is on record itself.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn posted_bodies(
        &self,
        except: Option<PostId>,
        earlier: &Earlier<'_>,
    ) -> Result<Vec<String>, StoreError> {
        let mut connection = self.readers().acquire().await.doing("read the posted texts")?;
        bodies(&mut connection, except, earlier).await
    }

    /// Marks held and approved posts past their time as expired; returns them.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn expire_posts(&self, now: Timestamp) -> Result<Vec<PostId>, StoreError> {
        let mut transaction = self.begin().await?;
        let due: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM posts WHERE state IN ('held', 'approved') AND expires_at <= ? ORDER BY id",
        )
        .bind(stored(now))
        .fetch_all(&mut *transaction)
        .await
        .doing("look for expired posts")?;
        let due: Vec<PostId> = due.into_iter().map(PostId::new).collect();
        for &post in &due {
            let (state, _) = state_and_expiry(&mut transaction, post).await?;
            transition(&mut transaction, post, state, PostState::Expired).await?;
            append_expiry(&mut transaction, post, now).await?;
        }
        transaction.commit().await.doing("mark expired posts")?;
        Ok(due)
    }

    /// Returns approved posts that may be tried now, the most recently decided first: after an outage the freshest goes
    /// out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn sendable_posts(&self, now: Timestamp) -> Result<Vec<PostRecord>, StoreError> {
        sqlx::query_as(select_posts!(
            "WHERE posts.state = 'approved' AND posts.expires_at > ?1
               AND (posts.not_before IS NULL OR posts.not_before <= ?1)
             ORDER BY coalesce(posts.decided_at, posts.created_at) DESC, posts.id DESC"
        ))
        .bind(stored(now))
        .fetch_all(self.readers())
        .await
        .doing("read the approved posts")
    }

    /// Records that an approved post would have been sent now. A post of another origin is cancelled.
    ///
    /// # Errors
    /// [`StoreError::StateConflict`] if it is no longer approved, [`StoreError::NoSuchPost`].
    pub async fn record_dry_run(&self, post: PostId, origin: &Origin, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transition(&mut transaction, post, PostState::Approved, PostState::DryRun).await?;
        if let Some(reason) = origin.refuses(&origin_of(&mut transaction, post).await?) {
            drop(transaction);
            self.cancel(post, PostState::Approved, &reason, now).await?;
            return Err(StoreError::StateConflict { post, found: PostState::Cancelled, wanted: PostState::DryRun });
        }
        append_decision(&mut transaction, post, PostState::DryRun, None, None, now).await?;
        transaction.commit().await.doing("record the dry run")
    }

    /// Cancels the held and approved posts that were made in another mode or for another account than `origin`; returns
    /// each with the reason.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn cancel_posts_of_others(
        &self,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Vec<(PostId, String)>, StoreError> {
        const DOING: &str = "cancel posts of another mode or account";
        let mut transaction = self.begin().await?;
        let rows =
            sqlx::query("SELECT id, state, live, account FROM posts WHERE state IN ('held', 'approved') ORDER BY id")
                .fetch_all(&mut *transaction)
                .await
                .doing(DOING)?;
        let mut cancelled = Vec::new();
        for row in rows {
            let recorded = RecordedOrigin::of_row(&row).doing(DOING)?;
            let Some(reason) = origin.refuses(&recorded) else { continue };
            let post = PostId::new(row.try_get("id").doing(DOING)?);
            let state = word(&row, "state", PostState::from_word).doing(DOING)?;
            transition(&mut transaction, post, state, PostState::Cancelled).await?;
            record_decision(&mut transaction, post, BY_THE_PROGRAM, Some(&reason), now).await?;
            append_decision(&mut transaction, post, PostState::Cancelled, None, Some(&reason), now).await?;
            cancelled.push((post, reason));
        }
        transaction.commit().await.doing(DOING)?;
        Ok(cancelled)
    }

    /// Cancels a post on behalf of the program itself, in a separate transaction.
    pub(super) async fn cancel(
        &self,
        post: PostId,
        from: PostState,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transition(&mut transaction, post, from, PostState::Cancelled).await?;
        record_decision(&mut transaction, post, BY_THE_PROGRAM, Some(reason), now).await?;
        append_decision(&mut transaction, post, PostState::Cancelled, None, Some(reason), now).await?;
        transaction.commit().await.doing("cancel a post")
    }

    /// Ends the waits of posts that our own rules hold back: the rules may have changed. Those that X holds back keep
    /// waiting.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn free_posts_kept_by_rules(&self) -> Result<Vec<PostId>, StoreError> {
        let mut transaction = self.begin().await?;
        let freed = free_posts(&mut transaction, false).await?;
        transaction.commit().await.doing("end the waits of posts")?;
        Ok(freed)
    }
}

async fn bodies(
    connection: &mut SqliteConnection,
    except: Option<PostId>,
    earlier: &Earlier<'_>,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT text, body FROM posts
         WHERE coalesce(sent_at, created_at) >= ? AND id IS NOT ? AND text <> ''
           AND (state IN ('sent', 'unknown', 'armed', 'approved') OR (? AND state = 'held') OR (? AND state = 'dry_run'))
         ORDER BY id",
    )
    .bind(stored(earlier.since))
    .bind(except.map(PostId::get))
    .bind(earlier.held)
    .bind(earlier.dry_runs)
    .fetch_all(connection)
    .await
    .doing("read the posted texts")?;
    let body =
        |(text, body): (String, Option<String>)| body.unwrap_or_else(|| earlier.disclosure.body_of(&text).to_owned());
    Ok(rows.into_iter().map(body).collect())
}

/// Ends the waits of approved posts: of those that our own rules hold back, or of all. Returns the posts that waited.
pub(super) async fn free_posts(connection: &mut SqliteConnection, all: bool) -> Result<Vec<PostId>, StoreError> {
    // For all, only columns that every schema has are used: a person's `resume` also works on an older one. `waits_for`
    // means nothing without `not_before`.
    let statement = if all {
        "UPDATE posts SET not_before = NULL WHERE state = 'approved' AND not_before IS NOT NULL RETURNING id"
    } else {
        "UPDATE posts SET not_before = NULL, waits_for = NULL
         WHERE state = 'approved' AND not_before IS NOT NULL AND waits_for = 'rules' RETURNING id"
    };
    let freed: Vec<i64> = sqlx::query_scalar(statement).fetch_all(connection).await.doing("end the waits of posts")?;
    Ok(freed.into_iter().map(PostId::new).collect())
}

async fn origin_of(connection: &mut SqliteConnection, post: PostId) -> Result<RecordedOrigin, StoreError> {
    const DOING: &str = "read the mode and account of a post";
    let row = sqlx::query("SELECT live, account FROM posts WHERE id = ?")
        .bind(post.get())
        .fetch_one(connection)
        .await
        .doing(DOING)?;
    RecordedOrigin::of_row(&row).doing(DOING)
}

pub(super) async fn record_decision(
    connection: &mut SqliteConnection,
    post: PostId,
    by: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE posts SET decided_by = ?, decided_at = ?, decision_reason = ? WHERE id = ?")
        .bind(by)
        .bind(stored(now))
        .bind(reason)
        .bind(post.get())
        .execute(connection)
        .await
        .map(drop)
        .doing("record the decision")
}

/// Appends the record of a post's new state.
pub(super) async fn append_decision(
    connection: &mut SqliteConnection,
    post: PostId,
    state: PostState,
    by: Option<&str>,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let kind = match state {
        PostState::Approved => RecordKind::Approved,
        PostState::Rejected => RecordKind::Rejected,
        PostState::Expired => RecordKind::Expired,
        PostState::DryRun => RecordKind::DryRun,
        _ => RecordKind::Cancelled,
    };
    let text: String = sqlx::query_scalar("SELECT text FROM posts WHERE id = ?")
        .bind(post.get())
        .fetch_one(&mut *connection)
        .await
        .doing("read the post")?;
    let entry = Entry {
        kind,
        by,
        subject: Some(post.get()),
        body: json!({"state": state, "reason": reason, "text": text}),
        rows: &[Row::Post(post.get())],
    };
    ledger::append(connection, entry, now).await.map(drop)
}

/// Appends the record that a post has expired.
pub(super) async fn append_expiry(
    connection: &mut SqliteConnection,
    post: PostId,
    now: Timestamp,
) -> Result<(), StoreError> {
    append_decision(connection, post, PostState::Expired, None, None, now).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, decision, dry, live, new_post};

    #[tokio::test]
    async fn a_round_leads_to_one_post_and_is_ended_by_it() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.approved("El mercado abre temprano.", now).await;
        assert_eq!(test.store.round(id.round()).await.unwrap().outcome, RoundOutcome::Chosen);
        let origin = live();
        let again = new_post(id.round(), "El mercado abre temprano.", &origin, now);
        let error = test.store.create_post(&again, now).await.unwrap_err();
        assert!(matches!(error, StoreError::AlreadyPosted { .. }), "{error:?}");
        assert!(error.to_string().ends_with("it has already led to a post"), "{error}");
    }

    #[tokio::test]
    async fn a_post_without_its_candidate_is_refused_and_leaves_the_round_running() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let round = test.round(now).await;
        let origin = live();
        let stray = NewPost { candidate: 3, ..new_post(round, "x", &origin, now) };
        assert!(test.store.create_post(&stray, now).await.is_err());
        assert_eq!(test.store.round(round).await.unwrap().outcome, RoundOutcome::Running);
    }

    #[tokio::test]
    async fn a_transition_that_the_table_or_the_present_state_forbids_changes_nothing() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let id = test.held("Una feria en la plaza.", now).await;
        let mut transaction = test.store.begin().await.unwrap();
        for (from, to) in [(PostState::Held, PostState::Sent), (PostState::Approved, PostState::Cancelled)] {
            let error = transition(&mut transaction, id, from, to).await.unwrap_err();
            assert!(matches!(error, StoreError::StateConflict { found: PostState::Held, .. }), "{error:?}");
        }
        let nobody = transition(&mut transaction, PostId::new(9), PostState::Held, PostState::Approved).await;
        assert!(matches!(nobody, Err(StoreError::NoSuchPost { .. })));
        transaction.commit().await.unwrap();
        assert_eq!(test.state(id).await, PostState::Held);
    }

    #[tokio::test]
    async fn the_texts_not_to_repeat_are_those_sent_or_on_their_way_since_then() {
        let test = TestStore::open().await;
        let (old, now) = (at("2026-01-01T14:00:00Z"), at("2026-03-01T14:00:00Z"));
        test.held("viejo", old).await;
        test.held("en espera", now).await;
        let approved = test.approved("aprobado", now).await;
        let rejected = test.held("rechazado", now).await;
        test.store.stop_post(&decision(rejected), now).await.unwrap();
        let in_dry_run = test.post("en seco", Some("gates"), &dry(), now).await;
        test.store.record_dry_run(in_dry_run, &dry(), now).await.unwrap();
        let none = Disclosure::default();
        let earlier = |since, held, dry_runs| Earlier { since, held, dry_runs, disclosure: &none };
        assert_eq!(
            test.store.posted_bodies(None, &earlier(now, true, false)).await.unwrap(),
            ["en espera", "aprobado"]
        );
        assert_eq!(
            test.store.posted_bodies(None, &earlier(now, true, true)).await.unwrap(),
            ["en espera", "aprobado", "en seco"]
        );
        assert_eq!(
            test.store.posted_bodies(None, &earlier(old, true, false)).await.unwrap(),
            ["viejo", "en espera", "aprobado"]
        );
        let besides = test.store.posted_bodies(Some(approved), &earlier(old, false, true)).await.unwrap();
        assert_eq!(besides, ["en seco"], "neither its own text nor those that wait");
    }

    #[tokio::test]
    async fn a_post_is_compared_by_its_body_also_one_of_an_earlier_version() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let disclosure = Disclosure::new("🤖 IA:", pregonero_tweet::DisclosurePosition::Start);
        let new = test.held("🤖 IA: Una feria en la plaza.", now).await;
        let older = test.held("El mercado abre temprano. 🤖", now).await;
        let mut transaction = test.store.begin().await.unwrap();
        sqlx::query("UPDATE posts SET body = CASE id WHEN ? THEN 'Una feria en la plaza.' END")
            .bind(new.get())
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        let earlier = Earlier { since: now, held: true, dry_runs: false, disclosure: &disclosure };
        let bodies = test.store.posted_bodies(None, &earlier).await.unwrap();
        assert_eq!(bodies, ["Una feria en la plaza.", "El mercado abre temprano."]);
        assert_eq!(test.store.post(older).await.unwrap().body, None);
    }
}
