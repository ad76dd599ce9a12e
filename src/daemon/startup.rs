//! From settings to a running [`App`] on its store: what `run` and `once` have in common.
//!
//! The order matters. Whatever is wrong with the configuration is found before anything is written. Then the lock keeps
//! other instances out; only its holder may mark what a dead process left open as interrupted or unknown, and end a
//! stop by X.

use std::fmt;
use std::sync::Arc;

use super::lock::{self, InstanceLock, LockError};
use super::status;
use crate::app::{self, App, Parts, SeedSource, SetupError};
use crate::config::Settings;
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::{HubSettings, ModelFiles};
use pregonero_models::generation::EngineDescription;
use pregonero_store::{Store, StoreError};
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use pregonero_x::secrets;

/// Everything that comes from outside the program.
#[derive(Clone)]
pub struct Inputs {
    pub settings: Settings,
    pub environment: Environment,
    pub hub: HubSettings,
    pub clock: Arc<dyn Clock>,
    pub seeds: SeedSource,
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why the program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A program that is ready to work.
#[derive(Debug)]
pub struct Started {
    pub app: Arc<App>,
    /// Kept for as long as the app runs.
    pub lock: InstanceLock,
}

/// Loads the models, takes the lock, opens the record, and closes what a dead process left open in it.
///
/// # Errors
/// See [`StartError`].
pub async fn start_app(inputs: Inputs) -> Result<Started, StartError> {
    let Inputs { settings, environment, hub, clock, seeds } = inputs;
    if let Some(trace) = status::trace_without_record(&settings.store.path) {
        return Err(StoreError::Gone { path: settings.store.path, trace }.into());
    }
    // Better to find this out before the models are loaded than after.
    if lock::is_held(&settings.store.path)? {
        InstanceLock::acquire(&settings.store.path)?;
    }
    let outlet = app::open_outlet(&settings, &environment, Arc::clone(&clock))?;
    let generator = app::generator_files(&settings, &hub)?;
    if let Some(missing) = app::not_compared(&settings, &generator) {
        tracing::warn!("{missing}; `pregonero models verbatim FOLDER` writes what is missing");
    }
    let judge = Arc::new(load_judge(&settings, &hub, generator).await?);
    let engine = app::load_engine(&settings, &hub, &environment).await?;
    app::check_seed_prompts(&settings, &engine)?;
    app::check_what_can_pass(&settings, &judge, clock.now())?;
    let lock = InstanceLock::acquire(&settings.store.path)?;
    let store = Store::open(&settings.store.path).await?.with_lease(&holder(), clock.now()).await?;
    if let Some(server) = engine.server() {
        server.keep_findings();
    }
    let app = App::new(Parts { settings, engine, judge, store, outlet, clock, seeds });
    clean_up(&app).await?;
    tell(&app, &environment);
    Ok(Started { app: Arc::new(app), lock })
}

/// Loads the judge away from the runtime's threads, so that a file that is slow to arrive (a network disk) does not
/// keep the stop signal from being received.
async fn load_judge(settings: &Settings, hub: &HubSettings, generator: ModelFiles) -> Result<Judge, SetupError> {
    let (settings, hub) = (settings.clone(), hub.clone());
    tokio::task::spawn_blocking(move || app::load_judge(&settings, &hub, &generator))
        .await
        .expect("loading the classifier does not panic")
}

/// Identifies the holder of the right to post, for a person who finds two of them.
fn holder() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {}", std::process::id(), machine.trim())
}

async fn clean_up(app: &App) -> Result<(), StoreError> {
    for round in app.store.interrupt_running_rounds(app.clock.now()).await? {
        tracing::warn!(%round, "the program ended during this round");
    }
    app.publisher.notice_new_credentials().await?;
    app.publisher.take_over_queue().await?;
    app.publisher.recover().await.map(drop)
}

/// Logs what an operator wants to know at a start.
fn tell(app: &App, environment: &Environment) {
    let EngineDescription { identity, device, fallback, parameters, context, .. } = app.engine.description();
    match app.engine.server() {
        None => {
            tracing::info!(model = identity.name, %device, parameters, context, sha256 = identity.sha256, "generator loaded");
        }
        Some(_) => tracing::info!(model = identity.name, fallback = stand_in(app), "the generator is on a server"),
    }
    if let Some(fallback) = fallback {
        tracing::info!("{fallback}");
    }
    let classifier = app.judge.classifier().identity();
    tracing::info!(model = classifier.name, sha256 = classifier.sha256, "classifier loaded");
    if let Some(critic) = app.judge.reader().critic() {
        let critic = critic.identity();
        tracing::info!(model = critic.name, sha256 = critic.sha256, "critic loaded");
    }
    tell_mode(app, environment);
}

/// Returns the name of the model that stands in while the generator's server is away.
fn stand_in(app: &App) -> &str {
    app.engine.stand_in().map_or("none", |engine| engine.description().identity.name.as_str())
}

/// Logs whether posts leave the machine, and if not, how to change that.
pub(super) fn tell_mode(app: &App, environment: &Environment) {
    let account = &app.settings.account.handle;
    if app.live {
        tracing::info!(account, base_url = %app.settings.publish.base_url, "LIVE: chosen posts go out to X");
        return;
    }
    let names = secrets::NAMES.join(", ");
    match app::credentials(&app.settings, environment) {
        Ok(Some(_)) => tracing::info!(
            account,
            "DRY RUN: nothing leaves this machine; X credentials are present; to go live, set publish.live = true"
        ),
        Ok(None) => tracing::info!(
            account,
            "DRY RUN: nothing leaves this machine; to go live, set {names} and publish.live = true"
        ),
        Err(error) => {
            tracing::warn!(%error, "DRY RUN: nothing leaves this machine, and the X credentials cannot be used");
        }
    }
}
