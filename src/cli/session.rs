//! What every command receives: the global flags and the environment, and how to get from them to the settings and the record.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Error, Result, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::logging::{self, Level};
use super::output::Output;
use crate::app;
use crate::config::{self, ConfigError, LoadRequest, Loaded, LogFormat, LogSettings, Override, Settings, StorePlace};
use crate::daemon::whereabouts::{Purpose, Whereabouts, whereabouts};
use crate::daemon::{Inputs, Reread};
use pregonero_judging::gates::Recent;
use pregonero_models::catalog::HubSettings;
use pregonero_store::{Earlier, Store, StoreError};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_system::environment::Environment;

/// The prefix of the variables that set keys, and of those that were meant to.
const VARIABLE_PREFIX: &str = "PREGONERO_";

/// What a command that operates the bot works with.
#[derive(Debug)]
pub struct Ground {
    /// The record to use.
    pub store: PathBuf,
    /// What the configuration says about the record's place.
    pub place: StorePlace,
    /// The whole configuration, or its faults.
    pub loaded: Result<Loaded, ConfigError>,
}

impl Ground {
    /// Returns the settings if they can be used.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.loaded.as_ref().ok().map(|loaded| &loaded.settings)
    }

    /// Returns the time zone of the schedule, even if the rest of the configuration is broken; UTC if it cannot be read.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.place.zone.clone()
    }
}

/// One run of the program.
#[derive(Debug, Clone)]
pub struct Session {
    pub output: Output,
    pub environment: Environment,
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
    pub log_level: Level,
    /// The command line as it was typed, for the cards of trained models.
    #[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "only the workshop trains"))]
    pub command_line: String,
}

impl Session {
    /// Loads the configuration with the values of flags on top, starts the log as it says, and logs its warnings.
    ///
    /// # Errors
    /// Returns a [`config::ConfigError`] if there is no configuration or it has faults.
    pub fn load(&self, overrides: Vec<Override>) -> Result<Loaded> {
        let loaded = self.load_quietly(overrides)?;
        self.start_log_by(&loaded.settings);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok(loaded)
    }

    /// Like [`Self::load`], for a caller that reports the warnings itself.
    ///
    /// # Errors
    /// Returns a [`config::ConfigError`] if there is no configuration or it has faults.
    pub fn load_quietly(&self, overrides: Vec<Override>) -> Result<Loaded> {
        Ok(config::load(self.request(overrides))?)
    }

    fn request(&self, overrides: Vec<Override>) -> LoadRequest<Vec<(String, String)>> {
        let variables = self.environment.with_prefix(VARIABLE_PREFIX);
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        LoadRequest { explicit_file: self.config.clone(), environment, overrides }
    }

    /// Finds what a command that operates the bot works with: the record that the daemon with this configuration uses, even
    /// if the rest of the configuration is broken.
    ///
    /// # Errors
    /// If there is no configuration file, or it is unclear which record is meant.
    pub async fn ground(&self, purpose: Purpose) -> Result<Ground> {
        let ground = self.ground_quietly(purpose, Vec::new()).await?;
        if let Err(fault) = &ground.loaded {
            let file = ground.place.file.display();
            let faults = fault.faults().len();
            let what = if faults == 1 { "a fault".to_owned() } else { format!("{faults} faults") };
            self.output.note(&format!(
                "warning: {file} has {what} (see `pregonero config check`); a running daemon keeps what it loaded"
            ));
        }
        Ok(ground)
    }

    /// Like [`Self::ground`], with the values of flags on top, for a caller that reports a broken configuration itself.
    ///
    /// # Errors
    /// The same as [`Self::ground`].
    pub async fn ground_quietly(&self, purpose: Purpose, overrides: Vec<Override>) -> Result<Ground> {
        let loaded = match config::load(self.request(overrides)) {
            Err(error) if error.faults().is_empty() => return Err(error.into()),
            loaded => loaded,
        };
        let place = config::store_place(self.request(Vec::new()))?;
        let format = loaded.as_ref().map_or(LogFormat::Auto, |loaded| loaded.settings.log.format);
        logging::start(format, &place.zone, self.log_level, &self.environment);
        match whereabouts(&place, purpose).await {
            Ok(Whereabouts { store, note }) => {
                if let Some(note) = note {
                    self.output.note(&note);
                }
                Ok(Ground { store, place, loaded })
            }
            Err(elsewhere) => Err(match loaded {
                Ok(_) => elsewhere.into(),
                Err(faults) => Error::from(faults).context(elsewhere),
            }),
        }
    }

    /// Loads the settings for a command without flags that change them.
    ///
    /// # Errors
    /// The same as [`Self::load`].
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.load(Vec::new())?.settings)
    }

    /// Starts the log as the settings say. Only the first call has an effect.
    pub fn start_log_by(&self, settings: &Settings) {
        let LogSettings { format } = settings.log;
        logging::start(format, &settings.schedule.timezone, self.log_level, &self.environment);
    }

    /// Starts the log of a command without a schedule, with times in the machine's zone: in JSON with `--json`, else as text like
    /// the rest of its output, also where no terminal reads it. Only the first call has an effect.
    pub fn start_log(&self) {
        let format = if self.output.json { LogFormat::Auto } else { LogFormat::Text };
        logging::start(format, &TimeZone::system(), self.log_level, &self.environment);
    }

    /// Returns the hub's address and the folder of pulled models.
    ///
    /// # Errors
    /// If `HF_ENDPOINT` is not a valid address.
    pub fn hub(&self) -> Result<HubSettings> {
        Ok(HubSettings::from_lookup(|name| self.environment.get(name).map(str::to_owned))?)
    }

    /// Refuses to begin a second record while a daemon with this configuration works on another one: the second record would not
    /// know what the daemon posts. If an environment variable names the record, it is meant for another bot, and is allowed.
    ///
    /// # Errors
    /// If a daemon with this configuration works on another record.
    pub async fn refuse_a_second_record(&self) -> Result<()> {
        let place = config::store_place(self.request(Vec::new()))?;
        if place.is_from_environment() {
            return Ok(());
        }
        match whereabouts(&place, Purpose::Act).await {
            Ok(Whereabouts { store, note: Some(_) }) => bail!(
                "a daemon with this configuration works on {}, not on {}, and a second record would not know what it \
                 posts: stop it first, or name the record in store.path",
                store.display(),
                place.path.display()
            ),
            _ => Ok(()),
        }
    }

    /// Refuses to begin a new record if one exists where earlier versions kept it: they resolved a relative `store.path` from the
    /// folder in which they were started. A new, empty record would not know what was posted.
    ///
    /// # Errors
    /// If there is a record only in the earlier place.
    pub fn refuse_a_record_left_behind(&self, loaded: &Loaded) -> Result<()> {
        let path = &loaded.settings.store.path;
        let shown = loaded.show().iter().find(|row| row.key == "store.path");
        let Some(earlier) = shown.and_then(|row| row.value.as_str()).map(PathBuf::from) else { return Ok(()) };
        let is_left_behind = earlier.is_relative() && earlier.exists() && !path.exists();
        if is_left_behind {
            bail!(
                "{}: no record yet, but there is one in {} (in this folder), where earlier versions kept it: move it and the \
                 files next to it, or name it in store.path; a relative path is now relative to the configuration file",
                path.display(),
                std::path::absolute(&earlier).unwrap_or(earlier).display()
            );
        }
        Ok(())
    }

    /// Returns what a daemon or a single round starts from.
    ///
    /// # Errors
    /// The same as [`Self::hub`].
    pub fn inputs(&self, settings: Settings) -> Result<Inputs> {
        let (environment, clock) = (self.environment.clone(), Arc::new(SystemClock));
        Ok(Inputs { settings, environment, hub: self.hub()?, clock, seeds: app::fresh_seeds() })
    }

    /// Returns a function that reads the configuration again from the same places.
    pub fn reread(&self) -> Reread {
        let session = self.clone();
        Arc::new(move || session.load_quietly(Vec::new()))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Reads what was posted within `gates.near_duplicate_days`; empty if nothing was ever recorded.
    ///
    /// # Errors
    /// If the database exists but cannot be read.
    pub async fn recent(&self, settings: &Settings) -> Result<Recent> {
        let store = match Store::open_read_only(&settings.store.path).await {
            Err(StoreError::Missing { .. }) => return Ok(Recent::default()),
            // Other users cannot read the service's record, but may try texts all the same.
            Err(error @ StoreError::Unreachable { .. }) => {
                tracing::warn!("texts are not compared with earlier posts: {error}");
                return Ok(Recent::default());
            }
            opened => opened?,
        };
        let since = Earlier::days_before(self.now(), settings.gates.near_duplicate_days);
        let (disclosure, dry_runs) = (&settings.account.disclosure, !settings.publish.live);
        let earlier = Earlier { since, held: true, dry_runs, disclosure };
        let bodies = store.posted_bodies(None, &earlier).await?;
        store.close().await;
        Ok(Recent::new(bodies))
    }
}
