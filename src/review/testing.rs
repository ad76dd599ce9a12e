//! For tests: decisions under terms that ask for nothing, at a desk that has no judge.

#![allow(clippy::unwrap_used, reason = "tests alone call this")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Checked, Decided, Desk, KeepDisclosure, Requirement, ReviewError, ReviewMode, Reviewer, Terms};
use pregonero_store::{PostId, PostState, Store};
use pregonero_tweet::Disclosure;

/// Terms of a live bot of `@prueba`, whose posts wait two days for a person and twelve hours to be sent.
pub(crate) fn terms() -> Terms {
    Terms {
        mode: ReviewMode::Flagged,
        expires_after: Duration::from_secs(48 * 3600),
        stale_after: Duration::from_secs(12 * 3600),
        live: true,
        account: "prueba".to_owned(),
        require: Requirement::Approval,
        keep_disclosure: KeepDisclosure::Always,
        disclosure: Disclosure::default(),
        near_duplicate: 0.6,
        near_duplicate_days: 90,
    }
}

pub(crate) fn desk(store: &Store, terms: Terms, now: Timestamp) -> Desk<'_> {
    Desk::new(store, Arc::new(|| anyhow::bail!("this desk has no judge")), terms, now)
}

pub(crate) fn reviewer(name: &str) -> Reviewer {
    Reviewer { name: name.to_owned(), role: "editor".to_owned() }
}

pub(crate) async fn approve(
    store: &Store,
    post: PostId,
    by: &str,
    stale_after: Duration,
    now: Timestamp,
) -> Result<Decided, ReviewError> {
    let terms = Terms { stale_after, near_duplicate: 0.0, ..terms() };
    desk(store, terms, now).approve(post, &reviewer(by), &Checked::default()).await
}

pub(crate) async fn reject(store: &Store, post: PostId, by: &str, now: Timestamp) -> Result<PostState, ReviewError> {
    Ok(desk(store, terms(), now).reject(post, &reviewer(by), None).await?.post.state)
}
