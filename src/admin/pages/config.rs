//! The configuration in force, as `config show` prints it; whatever may be a secret is masked.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use jiff::Timestamp;

use super::{Answer, html};
use crate::admin::Page;
use crate::admin::ask::Ask;
use pregonero_x::secrets;

#[derive(Template)]
#[template(path = "config.html")]
struct ConfigPage<'a> {
    ask: &'a Ask,
    file: String,
    loaded_at: Option<Timestamp>,
    refused: Option<String>,
    version: &'a str,
    rows: Vec<Row>,
}

/// A key, its value, and where it comes from.
struct Row {
    key: String,
    value: String,
    origin: String,
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    let view = page.view();
    let mut rows: Vec<Row> = view
        .shown
        .iter()
        .map(|setting| Row {
            key: setting.key.clone(),
            value: setting.value.to_string(),
            origin: setting.origin.clone(),
        })
        .collect();
    match secrets::sources(&page.environment, Some(&view.app.settings.publish.tokens)) {
        Ok(sources) => rows.extend(sources.iter().map(|(name, source)| Row {
            key: (*name).to_owned(),
            value: if source.is_some() { "•••" } else { "—" }.to_owned(),
            origin: source.as_ref().map(ToString::to_string).unwrap_or_default(),
        })),
        Err(error) => rows.push(Row { key: "credentials".to_owned(), value: error.to_string(), origin: String::new() }),
    }
    let config = view.status.config.as_ref();
    html(&ConfigPage {
        ask: &ask,
        file: config.map(|config| config.file.display().to_string()).unwrap_or_default(),
        loaded_at: config.map(|config| config.loaded_at),
        refused: config.and_then(|config| config.refused.clone()),
        version: &view.status.version,
        rows,
    })
}
