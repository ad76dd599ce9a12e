//! Which conditions hold that a person has to know: read off the record each time, so that none depends on an event that a
//! crash may have swallowed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::config::AlertSettings;
use crate::store::{AlertKind, Condition, PostState, Store, StoreError};

/// What is looked at, by the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The bot's handle, without `@`.
    pub account: String,
    /// Slots in a row without a post that are too many; 0 = never.
    pub stale_after_slots: u32,
    /// How long a post may be of unknown outcome.
    pub unsettled_after: Duration,
}

impl Watched {
    /// As the settings say.
    #[must_use]
    pub fn new(account: &str, settings: &AlertSettings) -> Self {
        Self {
            account: account.to_owned(),
            stale_after_slots: settings.stale_after_slots,
            unsettled_after: settings.unsettled_after,
        }
    }
}

/// Everything that holds now.
pub(super) async fn holding(store: &Store, watched: &Watched, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let mut holding = unsettled(store, watched, now).await?;
    holding.extend(stale(store, watched, now).await?);
    Ok(holding)
}

async fn unsettled(store: &Store, watched: &Watched, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let patience = SignedDuration::try_from(watched.unsettled_after).unwrap_or(SignedDuration::MAX);
    let mut conditions = Vec::new();
    for post in store.posts_in(PostState::Unknown).await? {
        let since = post.created_at;
        if now.duration_since(since) >= patience {
            let id = post.id;
            conditions.push(Condition {
                kind: AlertKind::Unsettled,
                key: format!("unsettled:{id}"),
                message: format!(
                    "nobody knows whether post {id} went out, since {since:.0}: look at the account; `pregonero history \
                     show {id}` tells what was tried"
                ),
            });
        }
    }
    Ok(conditions)
}

async fn stale(store: &Store, watched: &Watched, now: Timestamp) -> Result<Option<Condition>, StoreError> {
    if watched.stale_after_slots == 0 {
        return Ok(None);
    }
    let since = store.slots_since_last_post(now).await?;
    let stale = since.slots >= i64::from(watched.stale_after_slots);
    Ok(stale.then(|| {
        let last =
            since.last_post.map_or_else(|| "there never was one".to_owned(), |at| format!("the last one {at:.0}"));
        let why = since.last_reason.map(|reason| format!("; the last slot: {reason}")).unwrap_or_default();
        Condition {
            kind: AlertKind::Stale,
            key: "stale".to_owned(),
            message: format!("no post for {} slots ({last}){why}", since.slots),
        }
    }))
}
