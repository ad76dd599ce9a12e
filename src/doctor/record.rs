//! What the record says: whether X or a person has stopped posting, what is left of the budget, and which posts are
//! unsettled.

use super::{Blame, Check, Patient};
use crate::audit::Plan;
use crate::config::Settings;
use crate::daemon::hindrance::{Code, Hindrance};
use crate::publish::{self, Outlook, Rules};
use pregonero_store::{Anchor, Halt, HaltCause, PostState, Store, StoreError};

pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    match read(patient).await {
        Ok(Some(Findings { outlook, unsettled, anchors })) => {
            let mut checks = vec![posting(patient, &outlook.halts), budget(patient, &outlook)];
            checks.extend((unsettled > 0).then(|| unsettled_posts(unsettled)));
            checks.push(audit_log(patient, &anchors));
            checks
        }
        // A database that is missing or unreadable is reported by the check of the database.
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// What was read of the record.
struct Findings {
    outlook: Outlook,
    unsettled: usize,
    /// Where the checkpoints of the audit log go, the oldest first.
    anchors: Vec<Anchor>,
}

async fn read(patient: &Patient) -> Result<Option<Findings>, StoreError> {
    let settings = &patient.loaded.settings;
    let store = match Store::open_read_only(&settings.store.path).await {
        Err(StoreError::Missing { .. }) => return Ok(None),
        opened => opened?,
    };
    let outlook = publish::outlook(&store, &Rules::from(settings), patient.clock.now()).await?;
    let unsettled = store.posts_in(PostState::Unknown).await?.len();
    let anchors = store.anchors().await?;
    store.close().await;
    Ok(Some(Findings { outlook, unsettled, anchors }))
}

/// Checks the halts. A refusal by X does not matter in a dry run.
fn posting(patient: &Patient, halts: &[Halt]) -> Check {
    let live = patient.loaded.settings.publish.live;
    match halts.iter().find(|halt| live || halt.cause == HaltCause::Paused) {
        None => Check::ok("posting", "not stopped, neither by X nor by a person"),
        Some(halt) => {
            let Hindrance { code, reason } = Hindrance::of_halt(halt);
            let (blame, fix) = match code {
                Code::Paused => (Blame::Machine, "run `pregonero resume`"),
                _ => (Blame::X, "fix what X names, then run `pregonero resume`; or set new credentials and reload"),
            };
            Check::fail("posting", code.as_str(), blame, reason, fix)
        }
    }
}

/// Checks the budget. A dry run spends nothing, so nothing stops it.
fn budget(patient: &Patient, outlook: &Outlook) -> Check {
    let (settings, now) = (&patient.loaded.settings, patient.clock.now());
    let left = format!(
        "left: {} posts today, {} posts and ${:.2} this month",
        outlook.posts_left_today, outlook.posts_left_this_month, outlook.usd_left_this_month
    );
    let spent = Hindrance::of_outlook(outlook, &Rules::from(settings), now).filter(|_| settings.publish.live);
    match spent {
        Some(Hindrance { code, reason }) => {
            let reason = format!("{reason}; {left}");
            Check::fail("budget", code.as_str(), Blame::Machine, reason, "wait, or raise [budget]")
        }
        None => Check::ok("budget", left),
    }
}

/// Checks whether the checkpoints of the audit log reach the places outside. A log that only this machine vouches for stops
/// no post.
fn audit_log(patient: &Patient, anchors: &[Anchor]) -> Check {
    const CHECK: &str = "audit_log";
    let Settings { audit, account, store, .. } = &patient.loaded.settings;
    let places = match Plan::new(audit, &account.handle, &store.path, &patient.environment) {
        Ok(plan) => plan.places(),
        Err(error) => return Check::warn(CHECK, "unusable", error.to_string(), "correct [audit]"),
    };
    if places.is_empty() {
        let reason = "only this machine vouches for the audit log; set audit.anchor_file to a file on another disk";
        return Check::ok(CHECK, reason);
    }
    let anchors = || anchors.iter().rev().filter(|anchor| places.contains(&anchor.channel));
    let failed = anchors().find(|anchor| anchor.delivered_at.is_none() && anchor.error.is_some());
    if let Some((anchor, error)) = failed.and_then(|anchor| Some((anchor, anchor.error.as_ref()?))) {
        let reason = format!(
            "the checkpoint over {} records was not delivered ({}): {error}",
            anchor.size,
            anchor.channel.as_str()
        );
        return Check::warn(CHECK, "undelivered", reason, "check [audit], then run `pregonero audit checkpoint`");
    }
    match anchors().find(|anchor| anchor.delivered_at.is_some()) {
        Some(anchor) => {
            Check::ok(CHECK, format!("{} records are vouched for elsewhere ({})", anchor.size, anchor.channel.as_str()))
        }
        None => Check::ok(CHECK, "the first checkpoint is still to be delivered"),
    }
}

fn unsettled_posts(count: usize) -> Check {
    let reason = format!("{count} posts of unknown outcome; the daemon looks for them on the account's timeline");
    Check::warn("unsettled", "unknown", reason, "run `pregonero history list` and check the account")
}
