//! What machines ask: the assets, whether the daemon is there, whether it would post, and the metrics.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Answer;
use crate::admin::assets::Asset;
use crate::admin::failure::Failure;
use crate::admin::security::plain;
use crate::admin::{Page, metrics as measured};
use crate::daemon::standing::hindrance;
use crate::publish::Rules;

/// A file of the page's own.
pub async fn asset(Path(name): Path<String>) -> Answer {
    Asset::at(&format!("/assets/{name}")).map(Asset::answer).ok_or(Failure::NotFound)
}

/// Answers as long as the program runs its loop.
pub async fn healthz() -> Response {
    plain(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// Answers 200 if the next post would go out, 503 with the reason otherwise. What a person wanted (a pause) or a budget that is
/// used up is healthy, but not ready.
pub async fn readyz(State(page): State<Arc<Page>>) -> Response {
    let view = page.view();
    let app = &view.app;
    let seen = hindrance(&app.store, &Rules::from(&app.settings), app.live, page.now()).await;
    let found = seen.or_else(|| view.status.hindrance());
    let status = if found.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = json!({
        "ready": found.is_none(),
        "healthy": found.as_ref().is_none_or(|found| found.code.is_healthy()),
        "code": found.as_ref().map_or("ok", |found| found.code.as_str()),
        "reason": found.as_ref().map(|found| &found.reason),
        "live": app.live,
        "next_slot": view.status.next_slot,
    });
    plain(status, "application/json", format!("{answer}\n"))
}

/// The metrics in Prometheus's text form.
pub async fn metrics(State(page): State<Arc<Page>>) -> Answer {
    let _turn = page.scraping.acquire().await.map_err(|_| Failure::Internal)?;
    let text = measured::scrape(&page).await?;
    Ok(plain(StatusCode::OK, measured::CONTENT_TYPE, text))
}
