//! The conditions that a person has to know of: read from the record each time, so that none depends on an event that a
//! crash may have swallowed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::publish::{self, Outlook, Rules};
use pregonero_store::{AlertKind, Condition, Endpoint, HaltCause, PostId, PostState, Store, StoreError, WindowName};
use pregonero_system::clock::shown;
use pregonero_tweet::Verdict;

/// What the keys of alerts about waiting posts begin with.
const WAITING: &str = "waiting:";

/// The settings that the checks depend on.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The bot's handle, without `@`.
    pub account: String,
    /// Whether posts leave the machine: a dry run is never stopped by X and spends nothing.
    pub live: bool,
    pub rules: Rules,
    /// The number of slots in a row without a post that is too many; 0 = never.
    pub stale_after_slots: u32,
    /// How long a post's outcome may stay unknown.
    pub unsettled_after: Duration,
    /// Whether a post that waits for a person is announced.
    pub waiting: bool,
}

/// Returns every condition that holds now.
pub(super) async fn holding(store: &Store, watched: &Watched, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let outlook = publish::outlook(store, &watched.rules, now).await?;
    let mut holding = unsettled(store, watched, now).await?;
    if watched.live {
        holding.extend(stopped(&outlook));
        holding.extend(monthly_cap(store, watched, &outlook, now).await?);
    }
    if watched.waiting {
        holding.extend(waiting(store, now).await?);
    }
    // A bot that a person has paused is meant to be silent.
    if outlook.halts.iter().all(|halt| halt.cause != HaltCause::Paused) {
        holding.extend(stale(store, watched, now).await?);
    }
    Ok(holding)
}

/// Returns the key of the alert that a post waits.
fn waiting_key(post: PostId) -> String {
    format!("{WAITING}{post}")
}

/// Returns the post that an alert of this key announces.
pub(super) fn waiting_post(key: &str) -> Option<PostId> {
    key.strip_prefix(WAITING)?.parse().ok().map(PostId::new)
}

async fn waiting(store: &Store, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let held = store.posts_in(PostState::Held).await?;
    let conditions = held.into_iter().filter(|post| post.expires_at > now).map(|post| {
        let why = post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass);
        let why: Vec<String> = why.map(|gate| format!("{}: {}", gate.gate, gate.reason)).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
        Condition {
            kind: AlertKind::Waiting,
            key: waiting_key(post.id),
            message: format!(
                "post {} waits for a decision until {}: “{}”{why}",
                post.id,
                shown(post.expires_at),
                post.text
            ),
        }
    });
    Ok(conditions.collect())
}

fn stopped(outlook: &Outlook) -> Option<Condition> {
    let halt = outlook.halts.iter().find(|halt| halt.cause == HaltCause::Refused)?;
    let kind = halt.kind.as_deref().unwrap_or_default();
    Some(Condition {
        kind: AlertKind::Stopped,
        key: format!("stopped:{kind}:{}", halt.since),
        message: format!(
            "{halt}; nothing is posted until this is fixed and new credentials are in place or `pregonero resume` is run"
        ),
    })
}

async fn unsettled(store: &Store, watched: &Watched, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let patience = SignedDuration::try_from(watched.unsettled_after).unwrap_or(SignedDuration::MAX);
    let posts = store.unsettled_since(now.saturating_sub(patience).unwrap_or(Timestamp::MIN)).await?;
    let conditions = posts.into_iter().map(|post| Condition {
        kind: AlertKind::Unsettled,
        key: format!("unsettled:{post}"),
        message: format!(
            "it is unknown whether post {post} went out: check the account; `pregonero history show {post}` shows what was \
             tried"
        ),
    });
    Ok(conditions.collect())
}

async fn monthly_cap(
    store: &Store,
    watched: &Watched,
    outlook: &Outlook,
    now: Timestamp,
) -> Result<Option<Condition>, StoreError> {
    let budget = &watched.rules.budget;
    let closed_by_x = store.windows().await?.into_iter().find_map(|window| {
        let of_month = (window.endpoint, window.name) == (Endpoint::Post, WindowName::Month);
        window.closed_until(now).filter(|_| of_month)
    });
    let what = if let Some(until) = closed_by_x {
        format!("X's monthly cap is used up; the next try is at {}", shown(until))
    } else if outlook.posts_left_this_month == 0 {
        format!("budget.posts_per_month ({}) is used up", budget.posts_per_month)
    } else if outlook.usd_left_this_month < budget.prices.post {
        format!("budget.usd_per_month ({}) is used up", budget.usd_per_month)
    } else {
        return Ok(None);
    };
    Ok(Some(Condition { kind: AlertKind::MonthlyCap, key: "monthly_cap".to_owned(), message: what }))
}

async fn stale(store: &Store, watched: &Watched, now: Timestamp) -> Result<Option<Condition>, StoreError> {
    if watched.stale_after_slots == 0 {
        return Ok(None);
    }
    let since = store.slots_since_last_post(now).await?;
    let stale = since.slots >= i64::from(watched.stale_after_slots);
    Ok(stale.then(|| {
        let last = since
            .last_post
            .map_or_else(|| "there never was one".to_owned(), |at| format!("the last one: {}", shown(at)));
        let why = since.last_reason.map(|reason| format!("; the last slot: {reason}")).unwrap_or_default();
        Condition {
            kind: AlertKind::Stale,
            key: "stale".to_owned(),
            message: format!("no post for {} slots ({last}){why}", since.slots),
        }
    }))
}
