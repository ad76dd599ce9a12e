//! Everything a round works with, put together once. Each part can also be loaded alone, for commands that need only one.
//!
//! Time, randomness, the outlet and the record are passed in ([`Parts`]), so that a test can drive the whole program without
//! sleeping and without X. What the operator has to fix before the program can start is a [`SetupError`].

mod checks;
mod error;
mod models;
mod outlet;

use std::fmt;
use std::sync::Arc;

pub use self::checks::{check_seed_prompts, check_what_can_pass, take_out_unknown_attributes};
pub use self::error::SetupError;
pub use self::models::{
    Findings, SERVER_KEY, examine, generator_files, load_engine, load_engine_with, load_judge, load_local_engine,
    not_compared,
};
pub use self::outlet::{alert_plan, audit_plan, credentials, open_outlet};
use crate::config::Settings;
use crate::publish::{self, Outlet, Publisher, Rules};
use pregonero_judging::judge::Judge;
use pregonero_models::generation::Engine;
use pregonero_store::Store;
use pregonero_system::clock::Clock;

/// The source of a round's seed when the settings name none.
pub type SeedSource = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Returns a source that gives a new random seed each time, of 63 bits so that SQLite and JSON can hold it.
#[must_use]
pub fn fresh_seeds() -> SeedSource {
    Arc::new(|| rand::random::<u64>() >> 1)
}

/// What an [`App`] is made of.
pub struct Parts {
    pub settings: Settings,
    pub engine: Engine,
    pub judge: Arc<Judge>,
    pub store: Store,
    pub outlet: Outlet,
    pub clock: Arc<dyn Clock>,
    pub seeds: SeedSource,
}

/// Everything a round works with.
pub struct App {
    pub settings: Settings,
    pub engine: Engine,
    /// Shared with the thread that scores.
    pub judge: Arc<Judge>,
    pub store: Store,
    pub publisher: Publisher,
    pub clock: Arc<dyn Clock>,
    /// Whether posts leave the machine.
    pub live: bool,
    seeds: SeedSource,
}

/// Shows only the settings and the engine; the rest has nothing to show.
impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl App {
    /// Builds the app from its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { settings, engine, judge, store, outlet, clock, seeds } = parts;
        let live = matches!(outlet, Outlet::Live(_));
        let rules = Rules::from(&settings);
        let jitter = publish::random_jitter();
        let publisher = Publisher::new(store.clone(), outlet, Arc::clone(&clock), rules, jitter);
        Self { settings, engine, judge, store, publisher, clock, live, seeds }
    }

    /// Returns an app with the same engine and record but other settings, judge and outlet: what a reload changes.
    #[must_use]
    pub fn with_settings(&self, settings: Settings, judge: Judge, outlet: Outlet) -> Self {
        let live = matches!(outlet, Outlet::Live(_));
        let publisher = self.publisher.replaced(outlet, Rules::from(&settings));
        Self {
            settings,
            engine: self.engine.clone(),
            judge: Arc::new(judge),
            store: self.store.clone(),
            publisher,
            clock: Arc::clone(&self.clock),
            live,
            seeds: Arc::clone(&self.seeds),
        }
    }

    /// Returns the seed of the next round: the one in the settings, or a new one.
    #[must_use]
    pub fn next_seed(&self) -> u64 {
        self.settings.generation.rng_seed.unwrap_or_else(|| (self.seeds)())
    }
}
