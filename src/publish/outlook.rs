//! What may still be posted, and from when: what `status` and the log report.

use jiff::Timestamp;
use serde::Serialize;

use super::Rules;
use super::budget::{self, Calendar};
use pregonero_settings::micros;
use pregonero_store::{Endpoint, Halt, Spent, Store, StoreError};

/// What is left of the budget and X's limits. Its JSON is part of `status --json`: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    pub posts_left_today: i64,
    pub posts_left_this_month: i64,
    pub usd_left_this_month: f64,
    /// When the next post without a link may go out, as far as limits decide; absent if it may go out at once.
    pub next_post_at: Option<Timestamp>,
    /// What the post waits for until then.
    pub waits_for: Option<String>,
    /// The end of the quiet hours; absent outside them.
    pub quiet_until: Option<Timestamp>,
    /// Why nothing goes out at all.
    pub halts: Vec<Halt>,
}

/// Returns the outlook from the record, as of `now`.
///
/// # Errors
/// If the database cannot be read.
pub async fn outlook(store: &Store, rules: &Rules, now: Timestamp) -> Result<Outlook, StoreError> {
    let calendar = Calendar::around(now, &rules.timezone);
    let spent = store.spent(calendar.since).await?;
    let wait = wait(store, rules, &calendar, &spent, now).await?;
    let left = |limit: u32, used: i64| (i64::from(limit) - used).max(0);
    Ok(Outlook {
        posts_left_today: left(rules.budget.posts_per_day, spent.posts_today),
        posts_left_this_month: left(rules.budget.posts_per_month, spent.posts_this_month),
        usd_left_this_month: dollars((micros(rules.budget.usd_per_month) - spent.micros_this_month).max(0)),
        next_post_at: wait.as_ref().map(|(until, _)| *until),
        waits_for: wait.map(|(_, reason)| reason),
        quiet_until: budget::check_quiet(&rules.quiet, now).err().map(|wait| wait.until),
        halts: store.halts().await?,
    })
}

/// Returns the longest of all waits.
async fn wait(
    store: &Store,
    rules: &Rules,
    calendar: &Calendar,
    spent: &Spent,
    now: Timestamp,
) -> Result<Option<(Timestamp, String)>, StoreError> {
    let price = rules.budget.prices.of_post("");
    let own = [calendar.check(&rules.budget, spent, price), budget::check_gap(rules.min_gap, spent, now)];
    let own = own.into_iter().filter_map(|checked| checked.err().map(|wait| (wait.until, wait.reason)));
    let windows = store.windows().await?;
    let of_x = windows
        .iter()
        .filter(|window| window.endpoint == Endpoint::Post)
        .filter_map(|window| Some((window.closed_until(now)?, format!("X's limit ({}) is used up", window.name))));
    Ok(own.chain(of_x).max_by_key(|(until, _)| *until))
}

/// Converts millionths to dollars for display; sums are made in millionths.
#[expect(clippy::cast_precision_loss, reason = "millionths of a budget are far inside what f64 holds exactly")]
fn dollars(micros: i64) -> f64 {
    micros as f64 / 1e6
}
