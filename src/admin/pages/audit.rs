//! The audit log: its size and root, and whether the record still agrees with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use pregonero_store::{LogReport, TreeHead};

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    ask: &'a Ask,
    head: TreeHead,
    report: Option<LogReport>,
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    let head = page.app().store.tree_head().await?;
    html(&AuditPage { ask: &ask, head, report: None })
}

/// Compares every record and row with the log; one check at a time.
pub async fn verify(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    let _turn = page.checking.try_acquire().map_err(|_| Failure::Busy)?;
    let report = page.app().store.check_log(&BTreeSet::new()).await?;
    html(&AuditPage { ask: &ask, head: report.head.clone(), report: Some(report) })
}
