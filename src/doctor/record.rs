//! What the record says: has X or a person stopped the posting, what is left of the budget, which posts are unsettled.

use jiff::Timestamp;

use super::{Blame, Check, Patient};
use crate::publish::{self, Outlook, Rules};
use crate::store::{Halt, HaltCause, PostState, Store, StoreError};

pub(super) async fn checks(patient: &Patient) -> Vec<Check> {
    match read(patient).await {
        Ok(Some((outlook, unsettled))) => {
            let mut checks = vec![posting(patient, &outlook.halts), budget(&outlook, patient.clock.now())];
            checks.extend((unsettled > 0).then(|| unsettled_posts(unsettled)));
            checks
        }
        // That there is no database, or none that can be read, is told by the check of the database.
        Ok(None) | Err(_) => Vec::new(),
    }
}

async fn read(patient: &Patient) -> Result<Option<(Outlook, usize)>, StoreError> {
    let settings = &patient.loaded.settings;
    let store = match Store::open_read_only(&settings.store.path).await {
        Err(StoreError::Missing { .. }) => return Ok(None),
        opened => opened?,
    };
    let outlook = publish::outlook(&store, &Rules::from(settings), patient.clock.now()).await?;
    let unsettled = store.posts_in(PostState::Unknown).await?.len();
    store.close().await;
    Ok(Some((outlook, unsettled)))
}

/// A refusal of X is of no matter to a dry run.
fn posting(patient: &Patient, halts: &[Halt]) -> Check {
    let live = patient.loaded.settings.publish.live;
    match halts.iter().find(|halt| live || halt.cause == HaltCause::Paused) {
        None => Check::ok("posting", "neither X nor a person has stopped it"),
        Some(halt) if halt.cause == HaltCause::Paused => {
            Check::fail("posting", "paused", Blame::Machine, halt.to_string(), "pregonero resume")
        }
        Some(halt) => {
            let fix = "mend what X names, then `pregonero resume`, or give new credentials and reload";
            Check::fail("posting", "stopped_by_x", Blame::X, halt.to_string(), fix)
        }
    }
}

fn budget(outlook: &Outlook, now: Timestamp) -> Check {
    let left = format!(
        "left: {} posts today, {} posts and ${:.2} this month",
        outlook.posts_left_today, outlook.posts_left_this_month, outlook.usd_left_this_month
    );
    match (outlook.next_post_at, &outlook.waits_for) {
        (Some(at), Some(what)) if at > now => {
            let reason = format!("{what}: the next post may go out at {at:.0}; {left}");
            Check::warn("budget", "used_up", reason, "wait, or raise [budget]")
        }
        _ => Check::ok("budget", left),
    }
}

fn unsettled_posts(count: usize) -> Check {
    let reason = format!("{count} posts of unknown outcome; the daemon looks for them on the account's timeline");
    Check::warn("unsettled", "unknown", reason, "pregonero history list; look at the account")
}
