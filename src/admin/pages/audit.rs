//! The audit log: who did what, whether the record still agrees with it, its checkpoints, and proofs to take along.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Answer, Done, done, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::admin::security::plain;
use crate::audit::{self, Evidence, Plan, ProveError, Verdict, keeper};
use pregonero_store::{Anchor, LedgerRecord, PostId, StoredCheckpoint, TreeHead};
use pregonero_system::clock::SystemClock;
use pregonero_system::errors::chain;

/// How many records and checkpoints the page shows.
const LINES: u32 = 40;
const CHECKPOINTS: usize = 10;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    ask: &'a Ask,
    done: &'a str,
    head: TreeHead,
    /// The newest first.
    records: Vec<LedgerRecord>,
    /// The number before which the next page ends.
    older: Option<u64>,
    checkpoints: Vec<StoredCheckpoint>,
    anchors: Vec<Anchor>,
    verdict: Option<Verdict>,
}

/// Which records.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    before: String,
}

/// The page.
pub async fn show(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Query(place): Query<Place>,
    Query(query): Query<Done>,
) -> Answer {
    let before = (!place.before.is_empty()).then(|| place.before.parse().map_err(|_| Failure::NotFound)).transpose()?;
    answer(&page, &ask, before, &query.done, None).await
}

async fn answer(page: &Page, ask: &Ask, before: Option<u64>, done: &str, verdict: Option<Verdict>) -> Answer {
    let store = &page.app().store;
    let head = store.tree_head().await?;
    let end = before.unwrap_or(head.size).min(head.size);
    let start = end.saturating_sub(u64::from(LINES));
    let count = u32::try_from(end - start).unwrap_or(LINES);
    let mut records = store.log_records(start, count).await?;
    records.reverse();
    let mut checkpoints = store.checkpoints().await?;
    checkpoints.reverse();
    checkpoints.truncate(CHECKPOINTS);
    let mut anchors = store.anchors().await?;
    anchors.reverse();
    anchors.truncate(CHECKPOINTS);
    let older = (start > 0).then_some(start);
    html(&AuditPage { ask, done, head, records, older, checkpoints, anchors, verdict })
}

/// Compares every record, row and checkpoint; one check at a time.
pub async fn verify(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    let _turn = page.checking.try_acquire().map_err(|_| Failure::Busy)?;
    let app = page.app();
    let file = app.settings.audit.anchor_file.clone();
    let (evidence, why_not) = file.as_deref().map(Evidence::in_anchor_file).unwrap_or_default();
    let mut verdict = audit::verify(&app.store, &evidence, &[]).await?;
    verdict.notes.extend(why_not.map(|why| format!("audit.anchor_file: {why}")));
    tracing::info!(by = ask.name(), whole = verdict.is_whole(), "the audit log was verified on the page");
    answer(&page, &ask, None, "", Some(verdict)).await
}

/// The latest checkpoint, to be kept in another place.
pub async fn checkpoint(State(page): State<Arc<Page>>) -> Answer {
    let last = page.app().store.last_checkpoint().await?.ok_or(Failure::NotFound)?;
    Ok(download(&format!("checkpoint-{}.txt", last.size), last.note))
}

/// Signs a checkpoint over everything that is on record now.
pub async fn sign_checkpoint(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    if let Some(signed) = sign(&page).await? {
        tracing::info!(by = ask.name(), size = signed.size, "a checkpoint was signed on the page");
    }
    done("/audit", "signed")
}

/// A proof of a post that is checked without this machine, if a checkpoint covers the post.
pub async fn proof(State(page): State<Arc<Page>>, ask: Ask, Path(id): Path<String>) -> Answer {
    let id: i64 = id.parse().map_err(|_| Failure::NotFound)?;
    let app = page.app();
    let record = audit::telling_record(&app.store, PostId::new(id)).await.map_err(of_proof)?;
    let last = app.store.last_checkpoint().await?.filter(|last| last.size > record.index);
    let checkpoint = last.ok_or_else(|| {
        let words = ask.t(
            "Ningún punto de control cubre todavía esta publicación. Se firma uno cada cierto tiempo; en la página de auditoría \
             puede firmarse ya.",
            "No checkpoint covers this post yet. One is signed from time to time; the audit page can sign one now.",
        );
        Failure::Conflict(words.to_owned())
    })?;
    let proof = audit::prove(&app.store, &record, &checkpoint).await.map_err(of_proof)?;
    Ok(download(&format!("{id}.tlog-proof"), proof.text()))
}

/// Returns the new checkpoint, or `None` if the last one covers everything.
async fn sign(page: &Page) -> Result<Option<StoredCheckpoint>, Failure> {
    let app = page.app();
    let (settings, handle) = (&app.settings.audit, &app.settings.account.handle);
    let told = |error: &(dyn std::error::Error + 'static)| {
        tracing::error!(error = chain(error), "a checkpoint could not be made for the admin page");
        Failure::Internal
    };
    let plan =
        Plan::new(settings, handle, &app.settings.store.path, &page.environment).map_err(|error| told(&error))?;
    keeper::sign(&app.store, &plan, &SystemClock).await.map_err(|error| told(&error))
}

fn of_proof(error: ProveError) -> Failure {
    match error {
        ProveError::Store(error) => error.into(),
        ProveError::NoRecord(_) => Failure::NotFound,
        error => Failure::Conflict(error.to_string()),
    }
}

fn download(name: &str, text: String) -> Response {
    let mut answer = plain(StatusCode::OK, "text/plain; charset=utf-8", text);
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = disposition.parse().expect("the name is made of digits and letters");
    answer.headers_mut().insert("content-disposition", disposition);
    answer
}
