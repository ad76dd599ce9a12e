//! The posts that wait for a person. A decision says who took it, and a form says which text the person saw.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::{Answer, Done, done, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::admin::refusal::{Refusal, refusal};
use crate::app::App;
use crate::review::{self, Checked, Desk, ReviewError, Reviewer, Terms, Waiting};
use pregonero_store::{CandidateRecord, PostId, PostState};

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage<'a> {
    ask: &'a Ask,
    done: &'a str,
    waiting: Vec<Waiting>,
}

#[derive(Template)]
#[template(path = "decide.html")]
struct DecidePage<'a> {
    ask: &'a Ask,
    waiting: &'a Waiting,
    done: &'a str,
    /// Whether a decision can still be taken.
    is_open: bool,
    /// The text without its disclosure, or what the person wrote before it was refused.
    draft: &'a str,
    fields: &'a Fields,
    seen: String,
    others: Vec<Other<'a>>,
    refused: Option<Refusal>,
}

/// A candidate that could be picked.
struct Other<'a> {
    number: usize,
    one: &'a CandidateRecord,
    rank: f64,
}

/// What the forms of a decision send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// The digest of the text that the person saw.
    seen: String,
    facts: String,
    /// One a line.
    sources: String,
    note: String,
    text: String,
    candidate: usize,
}

impl Fields {
    pub(super) fn checked(&self) -> Checked {
        let note = Some(self.note.trim().to_owned()).filter(|note| !note.is_empty());
        let sources = self.sources.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Checked { facts: !self.facts.is_empty(), sources, note }
    }
}

/// Returns the desk of the app in force.
pub(super) fn desk<'a>(app: &'a App, ask: &Ask) -> Desk<'a> {
    let terms = Terms { live: app.live, ..Terms::from(&app.settings) };
    Desk::new(&app.store, review::loaded(&app.judge), terms, ask.now)
}

fn reviewer(ask: &Ask) -> Reviewer {
    let role = ask.visitor.as_ref().map(|visitor| visitor.role.to_string()).unwrap_or_default();
    Reviewer { name: ask.name().to_owned(), role }
}

fn number(id: &str) -> Result<PostId, Failure> {
    id.parse().map(PostId::new).map_err(|_| Failure::NotFound)
}

/// The list.
pub async fn list(State(page): State<Arc<Page>>, ask: Ask, Query(query): Query<Done>) -> Answer {
    let app = page.app();
    let waiting = desk(&app, &ask).waiting().await?;
    html(&QueuePage { ask: &ask, done: &query.done, waiting })
}

/// One post with the forms.
pub async fn show(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(id): Path<String>,
    Query(query): Query<Done>,
) -> Answer {
    decide(&page, &ask, number(&id)?, &query.done, &Fields::default(), None).await
}

async fn decide(page: &Page, ask: &Ask, post: PostId, done: &str, fields: &Fields, refused: Option<Refusal>) -> Answer {
    let app = page.app();
    let desk = desk(&app, ask);
    let waiting = desk.look(post).await.map_err(|error| match error {
        ReviewError::NoPost { .. } => Failure::NotFound,
        error => error.into(),
    })?;
    let others =
        waiting.others().into_iter().map(|one| Other { number: one.position + 1, one, rank: one.judged.rank().into() });
    let draft = if fields.text.is_empty() { desk.body(&waiting.post) } else { &fields.text };
    let is_open = waiting.post.state == PostState::Held && waiting.post.expires_at > ask.now;
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let shown = html(&DecidePage {
        ask,
        waiting: &waiting,
        done,
        is_open,
        draft,
        fields,
        seen: waiting.text_sha256.clone(),
        others: others.collect(),
        refused,
    })?;
    Ok((status, shown).into_response())
}

/// Which decision a form asks for.
enum Act {
    Approve,
    Edit,
    Pick,
    Reject,
}

/// Approves the post.
pub async fn approve(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(id): Path<String>,
    Form(form): Form<Fields>,
) -> Answer {
    take(&page, &ask, &id, &form, Act::Approve).await
}

/// Gives the post another text; every gate judges it again.
pub async fn edit(State(page): State<Arc<Page>>, ask: Ask, Path(id): Path<String>, Form(form): Form<Fields>) -> Answer {
    take(&page, &ask, &id, &form, Act::Edit).await
}

/// Gives the post the text of another candidate.
pub async fn pick(State(page): State<Arc<Page>>, ask: Ask, Path(id): Path<String>, Form(form): Form<Fields>) -> Answer {
    take(&page, &ask, &id, &form, Act::Pick).await
}

/// Stops the post.
pub async fn reject(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(id): Path<String>,
    Form(form): Form<Fields>,
) -> Answer {
    take(&page, &ask, &id, &form, Act::Reject).await
}

async fn take(page: &Page, ask: &Ask, id: &str, form: &Fields, act: Act) -> Answer {
    let post = number(id)?;
    let app = page.app();
    // Whoever stops a post stops it whatever its text is by now; everything else is for the text that the person saw.
    let desk = match act {
        Act::Reject => desk(&app, ask),
        Act::Approve | Act::Edit | Act::Pick => desk(&app, ask).for_text(&form.seen),
    };
    let (reviewer, checked) = (reviewer(ask), form.checked());
    let taken = async {
        match act {
            Act::Approve => desk.approve(post, &reviewer, &checked).await,
            // A browser sends line breaks as two characters.
            Act::Edit => desk.edit(post, &form.text.replace("\r\n", "\n"), &reviewer, &checked).await,
            Act::Pick => desk.pick(post, form.candidate, &reviewer, &checked).await,
            Act::Reject => desk.reject(post, &reviewer, Some(&form.note)).await,
        }
    };
    let here = format!("/queue/{post}");
    match (taken.await, act) {
        (Ok(_), Act::Approve) => done("/queue", "approved"),
        (Ok(_), Act::Reject) => done("/queue", "rejected"),
        (Ok(_), Act::Edit) => done(&here, "edited"),
        (Ok(_), Act::Pick) => done(&here, "picked"),
        (Err(error), _) => {
            let refused = refusal(error, ask.language)?;
            decide(page, ask, post, "", form, Some(refused)).await
        }
    }
}
