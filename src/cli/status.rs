//! `pregonero status`: shows what the daemon is doing, with which configuration, and what is waiting. It also works with a
//! broken configuration.

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::json;

use super::output::visible;
use super::session::{Ground, Session};
use crate::daemon::standing::{Standing, standing};
use crate::daemon::status::ConfigInForce;
use crate::daemon::whereabouts::Purpose;
use crate::publish::{self, Outlook, Rules};
use crate::review;
use pregonero_store::{PostState, Store, StoreError};
use pregonero_system::clock::shown_in;

/// The numbers of posts that are not settled yet, by what they wait for.
#[derive(Debug, Default)]
struct Waiting {
    /// Waiting for a person.
    held: usize,
    /// Waiting to be sent.
    approved: usize,
    /// Being sent at this moment, or interrupted while being sent.
    armed: usize,
    /// Of unknown outcome: it is not clear whether X took them.
    unknown: usize,
    /// What is left of the budget; absent if nothing was ever recorded, or the settings cannot be read.
    outlook: Option<Outlook>,
}

/// The configuration of the running daemon compared with the file.
#[derive(Debug, Serialize)]
struct Configuration {
    file: std::path::PathBuf,
    /// When the running daemon read it; absent if none is running.
    loaded_at: Option<Timestamp>,
    /// Whether the file differs from the one that was read.
    changed: Option<bool>,
    /// The file that the running daemon was started with, if it is another one.
    daemon_s_file: Option<std::path::PathBuf>,
    valid: bool,
    faults: Vec<String>,
    /// Why the last reload was refused.
    refused: Option<String>,
}

/// Prints the status. That no daemon is running is an answer, not an error.
///
/// # Errors
/// If it is unclear which record is meant.
pub async fn run(session: &Session) -> Result<()> {
    let ground = session.ground_quietly(Purpose::Look, Vec::new()).await?;
    let standing = standing(&ground.store, session.now()).await;
    let configuration = Configuration::of(&ground, &standing);
    let waiting = waiting(&ground, session).await;
    let counted = waiting.as_ref().ok();
    let json = json!({
        "running": standing.is_running(), "healthy": standing.code.is_healthy(), "ready": standing.code.is_ready(),
        "code": standing.code, "problem": standing.reason, "daemon": standing.daemon, "store": ground.store,
        "config": configuration,
        "held": counted.map(|waiting| waiting.held), "approved": counted.map(|waiting| waiting.approved),
        "armed": counted.map(|waiting| waiting.armed), "unknown": counted.map(|waiting| waiting.unknown),
        "outlook": counted.map(|waiting| &waiting.outlook),
    });
    session.output.object(|| in_words(&ground, &standing, &configuration, &waiting), || json)
}

impl Configuration {
    fn of(ground: &Ground, standing: &Standing) -> Self {
        let in_force = standing.daemon.as_ref().filter(|_| standing.is_running()).and_then(|own| own.config.as_ref());
        // Another configuration may name the same record.
        let other = in_force.filter(|own| !own.is_of(&ground.place.file));
        let in_force = in_force.filter(|own| own.is_of(&ground.place.file));
        let faults = ground.loaded.as_ref().err().map(ToString::to_string).unwrap_or_default();
        Self {
            file: ground.place.file.clone(),
            loaded_at: in_force.map(|own| own.loaded_at),
            daemon_s_file: other.map(|own| own.file.clone()),
            changed: in_force.map(|own: &ConfigInForce| own.sha256 != ground.place.sha256),
            valid: ground.loaded.is_ok(),
            faults: faults.lines().map(str::to_owned).collect(),
            refused: in_force.and_then(|own| own.refused.clone()),
        }
    }

    fn in_words(&self, zone: &TimeZone) -> Vec<String> {
        let when = match self.loaded_at {
            Some(at) => format!("{}, loaded {}", self.file.display(), shown_in(at, zone)),
            None => self.file.display().to_string(),
        };
        let since = match (self.changed, self.valid) {
            (Some(true), true) => "; the file has changed since then and is valid: `pregonero reload` loads it",
            (Some(true), false) => "; the file has changed since then and is broken: the daemon keeps what it loaded",
            (_, false) => "; it is broken",
            (_, true) => "",
        };
        let mut lines = vec![format!("config     {when}{since}")];
        if let Some(other) = &self.daemon_s_file {
            lines.push(format!(
                "           the daemon on this record was started with another file: {}",
                other.display()
            ));
        }
        lines.extend(self.faults.iter().map(|fault| format!("           {fault}")));
        if let Some(refused) = self.refused.as_ref().filter(|_| self.valid) {
            lines.push(format!("           the last reload was refused: {}", refused.replace('\n', "; ")));
        }
        lines
    }
}

async fn waiting(ground: &Ground, session: &Session) -> Result<Waiting> {
    let store = match Store::open_read_only(&ground.store).await {
        Err(StoreError::Missing { .. }) => return Ok(Waiting::default()),
        opened => opened?,
    };
    let outlook = match ground.settings() {
        Some(settings) => Some(publish::outlook(&store, &Rules::from(settings), session.now()).await?),
        None => None,
    };
    let waiting = Waiting {
        held: review::list(&store, session.now()).await?.len(),
        approved: store.posts_in(PostState::Approved).await?.len(),
        armed: store.posts_in(PostState::Armed).await?.len(),
        unknown: store.posts_in(PostState::Unknown).await?.len(),
        outlook,
    };
    store.close().await;
    Ok(waiting)
}

fn in_words(ground: &Ground, standing: &Standing, configuration: &Configuration, waiting: &Result<Waiting>) -> String {
    let zone = ground.zone();
    let last = standing.daemon.as_ref();
    let mut lines = vec![match last.filter(|_| standing.is_running()) {
        Some(status) => {
            let mode = if status.live { "live" } else { "dry run" };
            let how = if standing.code.is_ready() { "running".to_owned() } else { visible(standing.in_words()) };
            format!("daemon     {how} (process {}, version {}, {mode})", status.pid, status.version)
        }
        None => "daemon     not running".to_owned(),
    }];
    lines.extend(configuration.in_words(&zone));
    lines.push(format!("record     {}", ground.store.display()));
    if let Some(engine) = last.and_then(|status| status.engine.as_ref()).filter(|_| standing.is_running()) {
        lines.push(format!("generator  {}", visible(&engine.in_words())));
    }
    if let Some(next) = last.and_then(|status| status.next_slot).filter(|_| standing.is_running()) {
        lines.push(format!("next slot  {}", day_and_time(next, &zone)));
    }
    if let Some(round) = last.and_then(|status| status.last_round.as_ref()) {
        lines.push(format!("last       {}", round.outcome));
    }
    match waiting {
        Ok(waiting) => lines.extend(waiting.in_words(&zone)),
        Err(error) => lines.push(format!("posts      cannot be read: {error:#}")),
    }
    lines.join("\n")
}

impl Waiting {
    fn in_words(&self, zone: &TimeZone) -> Vec<String> {
        let Self { held, approved, armed, unknown, outlook } = self;
        let mut lines = vec![format!(
            "posts      {held} wait for a person, {approved} to be sent, {armed} being sent, {unknown} of unknown outcome"
        )];
        lines.extend(outlook.iter().flat_map(|outlook| outlook_in_words(outlook, zone)));
        lines
    }
}

fn outlook_in_words(outlook: &Outlook, zone: &TimeZone) -> Vec<String> {
    let Outlook { posts_left_today, posts_left_this_month, usd_left_this_month, .. } = outlook;
    let mut lines = vec![format!(
        "left       {posts_left_today} posts today; {posts_left_this_month} posts and ${usd_left_this_month:.2} this month"
    )];
    if let (Some(at), Some(reason)) = (outlook.next_post_at, &outlook.waits_for) {
        lines.push(format!("next post  not before {}: {reason}", day_and_time(at, zone)));
    }
    if let Some(until) = outlook.quiet_until {
        lines.push(format!("quiet      nothing is posted before {}: schedule.quiet_hours", day_and_time(until, zone)));
    }
    lines.extend(
        outlook
            .halts
            .iter()
            .map(|halt| format!("stopped    {}; `pregonero resume` allows posting again", visible(&halt.to_string()))),
    );
    lines
}

/// Formats a time with the day of the week, by which people recognise a slot.
fn day_and_time(at: Timestamp, zone: &TimeZone) -> String {
    format!("{} {}", at.to_zoned(zone.clone()).strftime("%a"), shown_in(at, zone))
}
