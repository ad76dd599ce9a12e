//! The one-time links of an announcement: the text, and one button. Looking changes nothing, so a preview of the link approves
//! nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;

use super::queue::desk;
use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::admin::refusal::{Refusal, refusal};
use crate::review::{Checked, Waiting};
use pregonero_store::{DecisionLink, ReviewAct};

#[derive(Template)]
#[template(path = "decision.html")]
struct DecisionPage<'a> {
    ask: &'a Ask,
    token: &'a str,
    waiting: &'a Waiting,
    approves: bool,
    /// Why the link cannot be used.
    dead: Option<Refusal>,
    refused: Option<Refusal>,
    fields: &'a Fields,
    is_done: bool,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    name: String,
    facts: String,
    sources: String,
    note: String,
}

/// The text and the button.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, Path(token): Path<String>) -> Answer {
    answer(&page, &ask, &token, &Fields::default(), None).await
}

async fn answer(page: &Page, ask: &Ask, token: &str, fields: &Fields, refused: Option<Refusal>) -> Answer {
    let app = page.app();
    let found = desk(&app, ask).look_at_link(token).await?;
    let Some((link, waiting)) = found else { return Err(Failure::NotFound) };
    let DecisionLink { act, standing, .. } = &link;
    let dead = standing.objection().map(|why| crate::review::ReviewError::DeadLink { why });
    let dead = dead.map(|error| refusal(error, ask.language)).transpose()?;
    let status = if refused.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let approves = *act == ReviewAct::Approve;
    let shown = html(&DecisionPage { ask, token, waiting: &waiting, approves, dead, refused, fields, is_done: false })?;
    Ok((status, shown).into_response())
}

/// Takes the decision.
pub async fn redeem(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(token): Path<String>,
    Form(form): Form<Fields>,
) -> Answer {
    let app = page.app();
    let desk = desk(&app, &ask);
    let Some((link, _)) = desk.look_at_link(&token).await? else { return Err(Failure::NotFound) };
    let sources = form.sources.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let note = Some(form.note.trim().to_owned()).filter(|note| !note.is_empty());
    let checked = Checked { facts: !form.facts.is_empty(), sources, note };
    let name = Some(form.name.trim()).filter(|name| !name.is_empty());
    if let Err(error) = desk.redeem_link(&token, name, &checked).await {
        let refused = refusal(error, ask.language)?;
        return answer(&page, &ask, &token, &form, Some(refused)).await;
    }
    let waiting = desk.look(link.post).await?;
    let approves = link.act == ReviewAct::Approve;
    html(&DecisionPage {
        ask: &ask,
        token: &token,
        waiting: &waiting,
        approves,
        dead: None,
        refused: None,
        fields: &form,
        is_done: true,
    })
}
