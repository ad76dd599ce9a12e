//! What every command is given: the flags for all, the environment, and the ways from them to settings and record.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::logging::{self, Level};
use super::output::Output;
use crate::app;
use crate::catalog::HubSettings;
use crate::clock::{Clock as _, SystemClock};
use crate::config::environment::Environment;
use crate::config::{self, LoadRequest, Loaded, LogFormat, Override, Settings};
use crate::daemon::{Reread, Start};
use crate::gates::Recent;
use crate::store::{Store, StoreError};

/// The variables that set keys begin with this.
const VARIABLE_PREFIX: &str = "PREGONERO__";

/// One run of the program.
#[derive(Debug, Clone)]
pub struct Session {
    pub output: Output,
    pub environment: Environment,
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
    pub log_level: Level,
    /// As it was typed, for the cards of trained models.
    pub command_line: String,
}

impl Session {
    /// The configuration with what flags set on top; starts the log as it says, and logs its warnings.
    ///
    /// # Errors
    /// [`config::ConfigError`].
    pub fn load(&self, overrides: Vec<Override>) -> Result<Loaded> {
        let loaded = self.load_quietly(overrides)?;
        let Settings { log, schedule, .. } = &loaded.settings;
        logging::start(log.format, &schedule.timezone, self.log_level, &self.environment);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok(loaded)
    }

    /// As [`Self::load`], for a caller that tells the warnings itself.
    ///
    /// # Errors
    /// [`config::ConfigError`].
    pub fn load_quietly(&self, overrides: Vec<Override>) -> Result<Loaded> {
        let variables = self.environment.with_prefix(VARIABLE_PREFIX);
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>();
        Ok(config::load(LoadRequest { explicit_file: self.config.clone(), environment, overrides })?)
    }

    /// The settings alone, of a command without flags that change them.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.load(Vec::new())?.settings)
    }

    /// Starts the log of a command without a schedule, in the machine's time; only the first call counts.
    pub fn start_log(&self, format: LogFormat) {
        logging::start(format, &TimeZone::system(), self.log_level, &self.environment);
    }

    /// Where pulled models lie and the hub is.
    ///
    /// # Errors
    /// Where `HF_ENDPOINT` is no address.
    pub fn hub(&self) -> Result<HubSettings> {
        Ok(HubSettings::from_lookup(|name| self.environment.get(name).map(str::to_owned))?)
    }

    /// What a daemon or a single round starts from.
    ///
    /// # Errors
    /// As [`Self::hub`].
    pub fn start_with(&self, settings: Settings) -> Result<Start> {
        let (environment, clock) = (self.environment.clone(), Arc::new(SystemClock));
        Ok(Start { settings, environment, hub: self.hub()?, clock, seeds: app::fresh_seeds() })
    }

    /// Reads the configuration again, from the same places.
    pub fn reread(&self) -> Reread {
        let session = self.clone();
        Box::new(move || Ok(session.load_quietly(Vec::new())?.settings))
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// What was posted in the last days, read only; empty where nothing was ever recorded.
    ///
    /// # Errors
    /// Where there is a database that cannot be read.
    pub async fn recent(&self, settings: &Settings) -> Result<Recent> {
        let store = match Store::open_read_only(&settings.store.path).await {
            Err(StoreError::Missing { .. }) => return Ok(Recent::default()),
            opened => opened?,
        };
        let days = SignedDuration::from_hours(24 * i64::from(settings.gates.near_duplicate_days));
        let since = self.now().checked_sub(days).unwrap_or(Timestamp::MIN);
        let texts = store.posted_texts(since, !settings.publish.live).await?;
        store.close().await;
        Ok(Recent::new(texts))
    }
}
