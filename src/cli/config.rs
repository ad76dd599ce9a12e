//! `pregonero config`: checks the configuration, or shows what is in effect.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::session::Session;
use crate::app::{self, SetupError};
use crate::config::{Loaded, Settings, ShownSetting};
use crate::daemon::status::EngineStatus;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::Engine;
use pregonero_system::clock::SystemClock;
use pregonero_x::secrets::{self, Source};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Report every mistake at once; also loads the models, the word list and the credentials
    Check,
    /// Print every setting in effect and where it comes from; secrets are named, never shown
    Show,
}

/// The things that the configuration names but the program cannot use. Exit code 78.
#[derive(Debug)]
pub struct Unusable(Vec<SetupError>);

impl std::error::Error for Unusable {}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        lines.dedup();
        f.write_str(&lines.join("\n"))
    }
}

/// Runs `config`.
///
/// # Errors
/// Returns a [`crate::config::ConfigError`] with every fault; `check` may also return [`Unusable`].
pub async fn run(command: ConfigCommand, session: &Session) -> Result<()> {
    let loaded = session.load_quietly(Vec::new())?;
    session.start_log_by(&loaded.settings);
    match command {
        ConfigCommand::Check => check(&loaded, session).await,
        ConfigCommand::Show => show(&loaded, session),
    }
}

async fn check(loaded: &Loaded, session: &Session) -> Result<()> {
    let settings = &loaded.settings;
    let hub = session.hub()?;
    let mut faults = Vec::new();
    match app::load_engine(settings, &hub, &session.environment).await {
        Ok(engine) => {
            faults.extend(app::check_seed_prompts(settings, &engine).err());
            note_server(&engine, settings, session);
        }
        Err(fault) => faults.push(fault),
    }
    let generator = app::generator_files(settings, &hub).unwrap_or(ModelFiles::Embedded(&[]));
    match app::load_judge(settings, &hub, &generator) {
        Ok(judge) => faults.extend(app::check_what_can_pass(settings, &judge, session.now()).err()),
        Err(fault) => faults.push(fault),
    }
    faults.extend(app::open_outlet(settings, &session.environment, Arc::new(SystemClock)).err());
    faults.extend(app::alert_plan(settings, &session.environment).err());
    for warning in &loaded.warnings {
        session.output.note(&format!("warning: {warning}"));
    }
    if !faults.is_empty() {
        return Err(Unusable(faults).into());
    }
    session.output.object(
        || format!("{}: sound", loaded.file.display()),
        || json!({"file": loaded.file, "sound": true, "warnings": loaded.warnings}),
    )
}

/// Says what is known of the generator's server. That it is away is no fault of the configuration.
fn note_server(engine: &Engine, settings: &Settings, session: &Session) {
    if let Some(status) = EngineStatus::of(engine, &settings.generation.decoding) {
        let what = if status.away.is_some() { "warning: " } else { "" };
        session.output.note(&format!("{what}generation server: {}", status.in_words()));
    }
}

fn show(loaded: &Loaded, session: &Session) -> Result<()> {
    let credentials = secrets::sources(&session.environment, Some(&loaded.settings.publish.tokens))?;
    let place = |source: &Option<Source>| source.as_ref().map(ToString::to_string);
    if session.output.json {
        let mut shown = loaded.show_json();
        shown["credentials"] =
            credentials.iter().map(|(name, source)| json!({"name": name, "origin": place(source)})).collect();
        return session.output.json(&shown);
    }
    let secrets = credentials.iter().map(|(name, source)| ShownSetting {
        key: (*name).to_owned(),
        value: json!(if source.is_some() { "(hidden)" } else { "(not given)" }),
        origin: place(source).unwrap_or_default(),
    });
    let rows: Vec<ShownSetting> = loaded.show().iter().cloned().chain(secrets).collect();
    session.output.rows(&["KEY", "VALUE", "ORIGIN"], &rows, |row| {
        vec![row.key.clone(), row.value.to_string(), row.origin.clone()]
    })
}
