//! What people decided on posts: who, in which role, what they checked and what they changed.
//!
//! One constraint: a decision changes the post and enters its review record in one transaction. A text that a person
//! changes goes back to `held`, and an approval that it had is void: nobody approved the new text.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _, SqliteConnection};

use super::candidates::{count, integer};
use super::columns::{self, instant, instant_or_none, sha256, stored, word};
use super::error::Doing as _;
use super::ledger::{self, Entry, Row};
use super::links::{LinkId, use_link};
use super::posts::{Unlike, append_expiry, record_decision};
use super::transitions::transition;
use super::{PostId, PostState, RecordKind, ReviewAct, Store, StoreError};
use pregonero_tweet::{GateVerdict, Sentiment};

/// Who decides on a post, and what they say to have checked.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    pub post: PostId,
    pub reviewer: &'a str,
    pub role: &'a str,
    pub facts_checked: bool,
    pub sources: &'a [String],
    pub note: Option<&'a str>,
    /// The one-time link that this decision came by, which it uses up.
    pub link: Option<LinkId>,
}

/// What an approval lets out.
#[derive(Debug, Clone, Copy)]
pub struct Approval<'a> {
    /// The text that the person saw. If the post has another one by now, it is not approved.
    pub seen: &'a str,
    /// The text that goes out: the same, or the same without its disclosure.
    pub text: &'a str,
    pub weighted_length: usize,
    /// Until when it may be sent.
    pub expires_at: Timestamp,
    /// What it must be unlike; absent where nothing is compared.
    pub unlike: Option<Unlike<'a>>,
}

/// A post's new text.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// [`ReviewAct::Edit`] or [`ReviewAct::Pick`].
    pub act: ReviewAct,
    /// The text that the person saw. If the post has another one by now, it stays as it is.
    pub seen: &'a str,
    /// The tweet, and the tweet without its disclosure.
    pub text: &'a str,
    pub body: &'a str,
    pub weighted_length: usize,
    /// The position of the candidate that the text is from, or began as.
    pub candidate: usize,
    /// What was said of the new text.
    pub gates: &'a [GateVerdict],
    pub sentiment: &'a Sentiment,
    /// Until when a post whose approval this voids waits for a person; a post that waits already keeps its time.
    pub expires_at: Timestamp,
}

/// A decision as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewRecord {
    pub id: i64,
    pub post: PostId,
    pub act: ReviewAct,
    pub reviewer: String,
    pub role: String,
    pub facts_checked: bool,
    /// Texts or links.
    pub sources: Vec<String>,
    pub note: Option<String>,
    /// As it was and as the decision left it, with the disclosure.
    pub text_before: String,
    pub text_after: String,
    /// The candidates' positions in the round, from 0.
    pub candidate_before: usize,
    pub candidate_after: usize,
    /// SHA-256 of `text_after`, in hexadecimal.
    pub text_sha256: String,
    pub at: Timestamp,
    /// When an approval ended because somebody changed the text, and who.
    pub voided_at: Option<Timestamp>,
    pub voided_by: Option<String>,
}

impl ReviewRecord {
    /// Returns what was decided, in words: `approved without fact check`.
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        match (self.act, self.facts_checked) {
            (ReviewAct::Approve, true) => "approved, facts checked",
            (ReviewAct::Approve, false) => "approved without fact check",
            (ReviewAct::Edit, _) => "edited",
            (ReviewAct::Pick, _) => "picked another candidate",
            (ReviewAct::Reject, _) => "rejected",
        }
    }
}

impl FromRow<'_, SqliteRow> for ReviewRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            post: PostId::new(row.try_get("post_id")?),
            act: word(row, "act", ReviewAct::from_word)?,
            reviewer: row.try_get("reviewer")?,
            role: row.try_get("role")?,
            facts_checked: row.try_get("facts_checked")?,
            sources: columns::json(row, "sources")?,
            note: row.try_get("note")?,
            text_before: row.try_get("text_before")?,
            text_after: row.try_get("text_after")?,
            candidate_before: count(row, "candidate_before")?,
            candidate_after: count(row, "candidate_after")?,
            text_sha256: row.try_get("text_sha256")?,
            at: instant(row, "at")?,
            voided_at: instant_or_none(row, "voided_at")?,
            voided_by: row.try_get("voided_by")?,
        })
    }
}

impl Store {
    /// Approves a held post on behalf of a person.
    ///
    /// # Errors
    /// [`StoreError::Expired`] if it has expired (it is recorded as expired), [`StoreError::StateConflict`] if it does
    /// not wait for a person, [`StoreError::TextChanged`], [`StoreError::TooAlike`], [`StoreError::DeadLink`],
    /// [`StoreError::NoSuchPost`].
    pub async fn approve_held(
        &self,
        decision: &Decision<'_>,
        approval: &Approval<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let post = decision.post;
        let mut transaction = self.begin().await?;
        let before = Before::of(&mut transaction, post).await?;
        if before.has_expired(now) {
            if before.state == PostState::Held {
                transition(&mut transaction, post, PostState::Held, PostState::Expired).await?;
                append_expiry(&mut transaction, post, now).await?;
                transaction.commit().await.doing("record that the post expired")?;
            }
            return Err(StoreError::Expired { post, at: before.expires_at });
        }
        transition(&mut transaction, post, PostState::Held, PostState::Approved).await?;
        before.require_text(post, approval.seen)?;
        if let Some(unlike) = &approval.unlike {
            unlike.require(&mut transaction, post).await?;
        }
        record_decision(&mut transaction, post, decision.reviewer, None, now).await?;
        sqlx::query("UPDATE posts SET expires_at = ?, text = ?, weighted_length = ? WHERE id = ?")
            .bind(stored(approval.expires_at))
            .bind(approval.text)
            .bind(integer(approval.weighted_length))
            .bind(post.get())
            .execute(&mut *transaction)
            .await
            .doing("record the decision")?;
        let after = After { state: PostState::Approved, text: approval.text, candidate: before.candidate, voided: &[] };
        put_on_record(&mut transaction, decision, ReviewAct::Approve, &before, &after, now).await?;
        transaction.commit().await.doing("record the decision")
    }

    /// Gives a held or approved post another text on behalf of a person. It waits for approval afterwards, and an
    /// approval that it had is void.
    ///
    /// # Errors
    /// The same as [`Store::approve_held`].
    pub async fn revise_post(
        &self,
        decision: &Decision<'_>,
        revision: &Revision<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const DOING: &str = "record the new text";
        let post = decision.post;
        let mut transaction = self.begin().await?;
        let before = Before::of(&mut transaction, post).await?;
        if before.has_expired(now) {
            return Err(StoreError::Expired { post, at: before.expires_at });
        }
        let expires_at = match before.state {
            PostState::Held => before.expires_at,
            PostState::Approved => revision.expires_at,
            found => return Err(StoreError::StateConflict { post, found, wanted: PostState::Held }),
        };
        before.require_text(post, revision.seen)?;
        let mut voided: Vec<i64> = Vec::new();
        if before.state == PostState::Approved {
            transition(&mut transaction, post, PostState::Approved, PostState::Held).await?;
            voided = sqlx::query_scalar(
                "UPDATE reviews SET voided_at = ?, voided_by = ?
                 WHERE post_id = ? AND act = 'approve' AND voided_at IS NULL RETURNING id",
            )
            .bind(stored(now))
            .bind(decision.reviewer)
            .bind(post.get())
            .fetch_all(&mut *transaction)
            .await
            .doing(DOING)?;
        }
        sqlx::query(
            "UPDATE posts SET text = ?, body = ?, weighted_length = ?, candidate_position = ?, edited_gates = ?,
                 edited_sentiment = ?, expires_at = ?, decided_by = NULL, decided_at = NULL, decision_reason = NULL,
                 not_before = NULL, waits_for = NULL, error = NULL
             WHERE id = ?",
        )
        .bind(revision.text)
        .bind(revision.body)
        .bind(integer(revision.weighted_length))
        .bind(integer(revision.candidate))
        .bind(Json(revision.gates))
        .bind(Json(revision.sentiment))
        .bind(stored(expires_at))
        .bind(post.get())
        .execute(&mut *transaction)
        .await
        .doing(DOING)?;
        let (text, candidate) = (revision.text, revision.candidate);
        let after = After { state: PostState::Held, text, candidate, voided: &voided };
        put_on_record(&mut transaction, decision, revision.act, &before, &after, now).await?;
        transaction.commit().await.doing(DOING)
    }

    /// Stops a post on behalf of a person: a held post is rejected, an approved one that is not under way is cancelled.
    /// Returns the post's new state.
    ///
    /// # Errors
    /// [`StoreError::StateConflict`] if it is too late, [`StoreError::DeadLink`], [`StoreError::NoSuchPost`].
    pub async fn stop_post(&self, decision: &Decision<'_>, now: Timestamp) -> Result<PostState, StoreError> {
        let post = decision.post;
        let mut transaction = self.begin().await?;
        let before = Before::of(&mut transaction, post).await?;
        let (from, to) = match before.state {
            // A link is for a post that waits: what a person approved meanwhile, it does not stop.
            PostState::Approved if decision.link.is_none() => (PostState::Approved, PostState::Cancelled),
            _ => (PostState::Held, PostState::Rejected),
        };
        transition(&mut transaction, post, from, to).await?;
        record_decision(&mut transaction, post, decision.reviewer, decision.note, now).await?;
        let after = After { state: to, text: &before.text, candidate: before.candidate, voided: &[] };
        put_on_record(&mut transaction, decision, ReviewAct::Reject, &before, &after, now).await?;
        transaction.commit().await.doing("record the decision")?;
        Ok(to)
    }

    /// Returns what people decided on a post, in order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn reviews(&self, post: PostId) -> Result<Vec<ReviewRecord>, StoreError> {
        sqlx::query_as(
            "SELECT id, post_id, act, reviewer, role, facts_checked, sources, note, text_before, text_after,
                 candidate_before, candidate_after, text_sha256, at, voided_at, voided_by
             FROM reviews WHERE post_id = ? ORDER BY id",
        )
        .bind(post.get())
        .fetch_all(self.readers())
        .await
        .doing("read the reviews")
    }
}

/// A post as a decision finds it.
struct Before {
    state: PostState,
    expires_at: Timestamp,
    text: String,
    candidate: usize,
}

/// What a decision leaves.
struct After<'a> {
    state: PostState,
    text: &'a str,
    candidate: usize,
    /// The reviews whose approval it made void.
    voided: &'a [i64],
}

impl Before {
    async fn of(connection: &mut SqliteConnection, post: PostId) -> Result<Self, StoreError> {
        const DOING: &str = "read the post";
        let row = sqlx::query("SELECT state, expires_at, text, candidate_position FROM posts WHERE id = ?")
            .bind(post.get())
            .fetch_optional(connection)
            .await
            .doing(DOING)?
            .ok_or(StoreError::NoSuchPost { post })?;
        let read = || {
            Ok(Self {
                state: word(&row, "state", PostState::from_word)?,
                expires_at: instant(&row, "expires_at")?,
                text: row.try_get("text")?,
                candidate: count(&row, "candidate_position")?,
            })
        };
        read().doing(DOING)
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        let can_expire = matches!(self.state, PostState::Held | PostState::Approved);
        self.state == PostState::Expired || (can_expire && self.expires_at <= now)
    }

    fn require_text(&self, post: PostId, seen: &str) -> Result<(), StoreError> {
        if self.text == seen { Ok(()) } else { Err(StoreError::TextChanged { post }) }
    }
}

/// Enters a decision into the record, inside its own transaction, and uses up the link that it came by.
async fn put_on_record(
    connection: &mut SqliteConnection,
    decision: &Decision<'_>,
    act: ReviewAct,
    before: &Before,
    after: &After<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(link) = decision.link {
        use_link(&mut *connection, link, decision.post, act, &before.text, now).await?;
    }
    let text_sha256 = sha256(after.text);
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO reviews (post_id, act, reviewer, role, facts_checked, sources, note, text_before, text_after,
             candidate_before, candidate_after, text_sha256, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(decision.post.get())
    .bind(act.as_str())
    .bind(decision.reviewer)
    .bind(decision.role)
    .bind(decision.facts_checked)
    .bind(Json(decision.sources))
    .bind(decision.note)
    .bind(&before.text)
    .bind(after.text)
    .bind(integer(before.candidate))
    .bind(integer(after.candidate))
    .bind(&text_sha256)
    .bind(stored(now))
    .fetch_one(&mut *connection)
    .await
    .doing("record the decision")?;
    let mut rows = vec![Row::Post(decision.post.get()), Row::Review(id)];
    rows.extend(after.voided.iter().map(|review| Row::Review(*review)));
    let entry = Entry {
        kind: match (act, after.state) {
            (ReviewAct::Approve, _) => RecordKind::Approved,
            (ReviewAct::Edit, _) => RecordKind::Edited,
            (ReviewAct::Pick, _) => RecordKind::Picked,
            (ReviewAct::Reject, PostState::Cancelled) => RecordKind::Cancelled,
            (ReviewAct::Reject, _) => RecordKind::Rejected,
        },
        by: Some(decision.reviewer),
        subject: Some(decision.post.get()),
        body: json!({
            "state": after.state,
            "text": after.text,
            "review": {
                "id": id,
                "role": decision.role,
                "facts_checked": decision.facts_checked,
                "sources": decision.sources,
                "note": decision.note,
                "text_before": before.text,
                "text_sha256": text_sha256,
                "candidate_before": before.candidate,
                "candidate": after.candidate,
                "voids": after.voided,
                "link": decision.link,
            },
        }),
        rows: &rows,
    };
    ledger::append(connection, entry, now).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, at, decision};
    use pregonero_tweet::Verdict;

    fn sentiment() -> Sentiment {
        Sentiment { label: "positive".to_owned(), score: 0.9, probabilities: [].into() }
    }

    fn revision<'a>(seen: &'a str, text: &'a str, gates: &'a [GateVerdict], sentiment: &'a Sentiment) -> Revision<'a> {
        let expires_at = at("2026-03-05T14:00:00Z");
        Revision {
            act: ReviewAct::Edit,
            seen,
            text,
            body: text,
            weighted_length: 9,
            candidate: 0,
            gates,
            sentiment,
            expires_at,
        }
    }

    #[tokio::test]
    async fn a_decision_is_on_the_text_that_the_person_saw() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = test.held("uno", now).await;
        let (gates, sentiment) = ([GateVerdict::new("claims", Verdict::Review, "a figure")], sentiment());
        let store = &test.store;
        store.revise_post(&decision(post), &revision("uno", "dos", &gates, &sentiment), now).await.unwrap();
        let approval = Approval { seen: "uno", text: "uno", weighted_length: 3, expires_at: now, unlike: None };
        let error = store.approve_held(&decision(post), &approval, now).await.unwrap_err();
        assert!(matches!(error, StoreError::TextChanged { .. }), "{error:?}");
        let error =
            store.revise_post(&decision(post), &revision("uno", "tres", &gates, &sentiment), now).await.unwrap_err();
        assert!(matches!(error, StoreError::TextChanged { .. }), "{error:?}");
        let record = store.post(post).await.unwrap();
        assert_eq!((record.text.as_str(), record.state, record.edited), ("dos", PostState::Held, true));
        assert_eq!((record.gates, record.sentiment.score), (gates.to_vec(), 0.9), "of the new text");
        assert_eq!(record.expires_at, at("2026-03-03T14:00:00Z"), "an edit gives a waiting post no more time");
        assert_eq!(store.reviews(post).await.unwrap().len(), 1, "what was refused is not on record");
    }

    #[tokio::test]
    async fn a_link_stops_no_post_that_a_person_approved_meanwhile() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = test.held("uno", now).await;
        let until = at("2026-03-02T10:00:00Z");
        let token = test.store.create_decision_link(post, ReviewAct::Reject, until, now).await.unwrap();
        let link = test.store.look_at_decision_link(&token, now).await.unwrap().unwrap();
        test.approve(post, now).await;
        // Whoever looked at the link before the approval, and pressed after it.
        let by_link = Decision { link: Some(link.id), ..decision(post) };
        let refused = test.store.stop_post(&by_link, now).await.unwrap_err();
        assert!(matches!(refused, StoreError::StateConflict { found: PostState::Approved, .. }), "{refused:?}");
        assert_eq!(test.store.post(post).await.unwrap().state, PostState::Approved);
    }

    #[tokio::test]
    async fn an_edit_voids_the_approval_and_ends_its_waits() {
        let test = TestStore::open().await;
        let now = at("2026-03-01T14:00:00Z");
        let post = test.held("uno", now).await;
        test.approve(post, now).await;
        let later = at("2026-03-02T14:00:00Z");
        let (gates, sentiment) = ([GateVerdict::pass("length")], sentiment());
        let by_berta = Decision { reviewer: "berta", ..decision(post) };
        let expired = test.store.revise_post(&by_berta, &revision("uno", "dos", &gates, &sentiment), later).await;
        assert!(matches!(expired, Err(StoreError::Expired { .. })), "twelve hours to be sent are over: {expired:?}");
        let later = at("2026-03-01T15:00:00Z");
        test.store.revise_post(&by_berta, &revision("uno", "dos", &gates, &sentiment), later).await.unwrap();
        let record = test.store.post(post).await.unwrap();
        assert_eq!((record.state, record.decided_by, record.decided_at), (PostState::Held, None, None));
        assert_eq!(record.expires_at, at("2026-03-05T14:00:00Z"), "it waits for a person again");
        let reviews = test.store.reviews(post).await.unwrap();
        assert_eq!((reviews[0].act, reviews[0].voided_by.as_deref()), (ReviewAct::Approve, Some("berta")));
        assert_eq!((reviews[1].act, reviews[1].voided_at), (ReviewAct::Edit, None));
        assert_eq!((reviews[1].text_before.as_str(), reviews[1].text_after.as_str()), ("uno", "dos"));
        let kinds: Vec<RecordKind> =
            test.store.records_of(post).await.unwrap().iter().rev().take(2).map(|record| record.kind).collect();
        assert_eq!(kinds, [RecordKind::Edited, RecordKind::Approved]);
        let report = test.store.check_log(&std::collections::BTreeSet::new()).await.unwrap();
        assert_eq!(report.faults.len(), 0, "the voided row is named in the record of the edit: {:?}", report.faults);
    }
}
