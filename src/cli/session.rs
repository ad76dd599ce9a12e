//! What every command is given: the flags for all, the environment, and the ways from them to settings and record.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Error, Result, bail};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::logging::{self, Level};
use super::output::Output;
use crate::app;
use crate::config::{self, ConfigError, LoadRequest, Loaded, LogFormat, LogSettings, Override, Settings, StorePlace};
use crate::daemon::whereabouts::{Purpose, Whereabouts, whereabouts};
use crate::daemon::{Inputs, Reread};
use pregonero_judging::gates::Recent;
use pregonero_models::catalog::HubSettings;
use pregonero_store::{Store, StoreError};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_system::environment::Environment;

/// The variables that set keys begin with this, and so do those that were meant to.
const VARIABLE_PREFIX: &str = "PREGONERO_";

/// What a command of operation stands on.
#[derive(Debug)]
pub struct Ground {
    /// The record to use.
    pub store: PathBuf,
    /// What the configuration says of its place.
    pub place: StorePlace,
    /// The whole configuration, or what is wrong with it.
    pub loaded: Result<Loaded, ConfigError>,
}

impl Ground {
    /// The settings, where they can be used.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.loaded.as_ref().ok().map(|loaded| &loaded.settings)
    }

    /// The time zone of the schedule, also where the rest of the configuration is broken; UTC where that cannot be read.
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
    /// As it was typed, for the cards of trained models.
    #[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "only the workshop trains"))]
    pub command_line: String,
}

impl Session {
    /// The configuration with what flags set on top; starts the log as it says, and logs its warnings.
    ///
    /// # Errors
    /// [`config::ConfigError`].
    pub fn load(&self, overrides: Vec<Override>) -> Result<Loaded> {
        let loaded = self.load_quietly(overrides)?;
        self.start_log_by(&loaded.settings);
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
        Ok(config::load(self.request(overrides))?)
    }

    fn request(&self, overrides: Vec<Override>) -> LoadRequest<Vec<(String, String)>> {
        let variables = self.environment.with_prefix(VARIABLE_PREFIX);
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        LoadRequest { explicit_file: self.config.clone(), environment, overrides }
    }

    /// What a command of operation stands on: the record that the daemon of this configuration works on, also where the
    /// rest of the configuration is broken.
    ///
    /// # Errors
    /// If there is no configuration file, or it is not sure which record is meant.
    pub async fn ground(&self, purpose: Purpose) -> Result<Ground> {
        let ground = self.ground_quietly(purpose, Vec::new()).await?;
        if let Err(fault) = &ground.loaded {
            let file = ground.place.file.display();
            let faults = fault.faults().len();
            let what = if faults == 1 { "a fault".to_owned() } else { format!("{faults} faults") };
            self.output.note(&format!(
                "warning: {file} has {what} (`pregonero config check` says which); a running daemon goes on with what it loaded"
            ));
        }
        Ok(ground)
    }

    /// As [`Self::ground`] with what flags set on top, for a caller that reports a broken configuration itself.
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

    /// The settings alone, of a command without flags that change them.
    ///
    /// # Errors
    /// The same as [`Self::load`].
    pub fn settings(&self) -> Result<Settings> {
        Ok(self.load(Vec::new())?.settings)
    }

    /// Starts the log as the settings say; only the first call counts.
    pub fn start_log_by(&self, settings: &Settings) {
        let LogSettings { format } = settings.log;
        logging::start(format, &settings.schedule.timezone, self.log_level, &self.environment);
    }

    /// Starts the log of a command without a schedule, in the machine's time; only the first call counts.
    pub fn start_log(&self, format: LogFormat) {
        logging::start(format, &TimeZone::system(), self.log_level, &self.environment);
    }

    /// Where pulled models lie and the hub is.
    ///
    /// # Errors
    /// If `HF_ENDPOINT` is no address.
    pub fn hub(&self) -> Result<HubSettings> {
        Ok(HubSettings::from_lookup(|name| self.environment.get(name).map(str::to_owned))?)
    }

    /// Refuses to begin a record beside that of a running daemon of this configuration: it would know nothing of what the
    /// daemon posts. A variable that names another record is another bot's, and meant.
    ///
    /// # Errors
    /// If a daemon works elsewhere.
    pub async fn refuse_a_second_record(&self) -> Result<()> {
        let place = config::store_place(self.request(Vec::new()))?;
        if place.is_from_environment() {
            return Ok(());
        }
        match whereabouts(&place, Purpose::Act).await {
            Ok(Whereabouts { store, note: Some(_) }) => bail!(
                "a daemon of this configuration works on {}, not on {}, and a second record would know nothing of what it \
                 posts: stop it first, or name the record in store.path",
                store.display(),
                place.path.display()
            ),
            _ => Ok(()),
        }
    }

    /// Earlier versions took a relative `store.path` from the folder in which they were started. A record that lies there
    /// must not be left behind for a new, empty one, which knows nothing of what was posted.
    ///
    /// # Errors
    /// If only the earlier place has a record.
    pub fn refuse_a_record_left_behind(&self, loaded: &Loaded) -> Result<()> {
        let path = &loaded.settings.store.path;
        let shown = loaded.show().iter().find(|row| row.key == "store.path");
        let Some(earlier) = shown.and_then(|row| row.value.as_str()).map(PathBuf::from) else { return Ok(()) };
        let is_left_behind = earlier.is_relative() && earlier.exists() && !path.exists();
        if is_left_behind {
            bail!(
                "{}: no record yet, but there is one in {} (in this folder), where earlier versions kept it: move it and the \
                 files beside it, or name it in store.path; a relative path is now relative to the configuration file",
                path.display(),
                std::path::absolute(&earlier).unwrap_or(earlier).display()
            );
        }
        Ok(())
    }

    /// What a daemon or a single round starts from.
    ///
    /// # Errors
    /// The same as [`Self::hub`].
    pub fn inputs(&self, settings: Settings) -> Result<Inputs> {
        let (environment, clock) = (self.environment.clone(), Arc::new(SystemClock));
        Ok(Inputs { settings, environment, hub: self.hub()?, clock, seeds: app::fresh_seeds() })
    }

    /// Reads the configuration again, from the same places.
    pub fn reread(&self) -> Reread {
        let session = self.clone();
        Arc::new(move || session.load_quietly(Vec::new()))
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// What was posted in the last days, read only; empty where nothing was ever recorded.
    ///
    /// # Errors
    /// If there is a database that cannot be read.
    pub async fn recent(&self, settings: &Settings) -> Result<Recent> {
        let store = match Store::open_read_only(&settings.store.path).await {
            Err(StoreError::Missing { .. }) => return Ok(Recent::default()),
            // The service's record is closed to other users, and they may try texts all the same.
            Err(error @ StoreError::Unreachable { .. }) => {
                tracing::warn!("texts are not compared with what was posted before: {error}");
                return Ok(Recent::default());
            }
            opened => opened?,
        };
        let days = SignedDuration::from_hours(24 * i64::from(settings.gates.near_duplicate_days));
        let since = self.now().checked_sub(days).unwrap_or(Timestamp::MIN);
        let texts = store.posted_texts(since, !settings.publish.live).await?;
        store.close().await;
        Ok(Recent::new(texts))
    }
}
