//! The first page: what is due and was not sent, and why; then what the daemon does, what is left of the budget, and the last
//! posts.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use serde::Deserialize;

use super::{Answer, Done, done, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::daemon::hindrance::{Code, Hindrance};
use crate::daemon::standing::hindrance;
use crate::daemon::status::DaemonStatus;
use crate::publish::{Outlook, Rules, outlook};
use crate::review;
use pregonero_store::{AlertKind, AlertRecord, HistoryEntry, PostState, SinceLastPost};

/// How many of the latest rounds the page shows.
const LATEST: u32 = 8;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'a> {
    ask: &'a Ask,
    done: &'a str,
    handle: &'a str,
    live: bool,
    /// Why nothing would go out now.
    hindrance: Option<Hindrance>,
    /// Whether `resume` would end it.
    is_halted: bool,
    is_paused: bool,
    since: SinceLastPost,
    waiting: Counts,
    status: &'a DaemonStatus,
    outlook: Outlook,
    latest: Vec<HistoryEntry>,
    alerts: Vec<AlertRecord>,
}

/// Posts that are not settled, by what they wait for.
struct Counts {
    held: usize,
    approved: usize,
    armed: usize,
    unknown: usize,
}

impl OverviewPage<'_> {
    /// Returns whether everything that was due went out.
    fn nothing_is_late(&self) -> bool {
        let Counts { held, approved, unknown, .. } = self.waiting;
        self.hindrance.is_none() && self.since.slots == 0 && held + approved + unknown == 0
    }

    fn code_in_words(&self, hindrance: &Hindrance) -> &'static str {
        self.ask.language.code_of_state(hindrance.code.as_str())
    }
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, Query(query): Query<Done>) -> Answer {
    let view = page.view();
    let (app, now) = (&view.app, ask.now);
    let rules = Rules::from(&app.settings);
    let seen = hindrance(&app.store, &rules, app.live, now).await;
    let own = view.status.hindrance();
    // A pause that ended a moment ago is still in the daemon's last status.
    let own = own.filter(|own| seen.is_some() || !matches!(own.code, Code::Paused | Code::StoppedByX));
    let halts = app.store.halts().await?;
    let count = async |state| Ok::<_, Failure>(app.store.posts_in(state).await?.len());
    let held = review::list(&app.store, now).await?.len();
    let waiting = Counts {
        held,
        approved: count(PostState::Approved).await?,
        armed: count(PostState::Armed).await?,
        unknown: count(PostState::Unknown).await?,
    };
    let mut alerts = app.store.open_alerts().await?;
    // Those that wait for a person are counted above, and stand in the queue.
    alerts.retain(|alert| alert.kind != AlertKind::Waiting);
    html(&OverviewPage {
        ask: &ask,
        done: &query.done,
        handle: &app.settings.account.handle,
        live: app.live,
        hindrance: seen.or(own),
        is_halted: !halts.is_empty(),
        is_paused: halts.iter().any(|halt| halt.cause == pregonero_store::HaltCause::Paused),
        since: app.store.slots_since_last_post(now).await?,
        waiting,
        status: &view.status,
        outlook: outlook(&app.store, &rules, now).await?,
        latest: app.store.history(LATEST).await?,
        alerts,
    })
}

/// Why posting is to stop.
#[derive(Deserialize)]
pub struct Pause {
    #[serde(default)]
    reason: String,
}

/// Stops all posting.
pub async fn pause(State(page): State<Arc<Page>>, ask: Ask, Form(form): Form<Pause>) -> Answer {
    let reason = review::reason(&form.reason)?.unwrap_or_else(|| "no reason given".to_owned());
    let is_new = page.app().store.pause(ask.name(), &reason, ask.now).await?;
    tracing::info!(by = ask.name(), reason, "paused on the page");
    done("/", if is_new { "paused" } else { "was_paused" })
}

/// Allows posting again.
pub async fn resume(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    page.app().store.resume(ask.name(), ask.now).await?;
    tracing::info!(by = ask.name(), "resumed on the page");
    done("/", "resumed")
}
