//! The daemon's sign of life for other processes: a small file next to the store.
//!
//! [`super::standing`] reads it. The file alone proves nothing, because it outlives its writer: only together with the
//! instance lock and its age does it show that the loop is running.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::hindrance::{Code, Hindrance};
use pregonero_models::generation::remote::Findings;
use pregonero_models::generation::{Decoding, Engine};
use pregonero_system::files;

/// The file is written again after this long, even if nothing has changed.
const REFRESH: SignedDuration = SignedDuration::from_secs(15);

/// A file older than this shows that the loop is stuck. Three refreshes, to allow for a loaded machine.
pub(super) const STALE: SignedDuration = SignedDuration::from_secs(45);

/// What the daemon reports about itself. Its JSON is what `status --json` prints: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    pub pid: u32,
    pub version: String,
    /// Whether posts leave the machine.
    pub live: bool,
    /// Whether the next post would go out, as far as is known.
    pub ready: bool,
    /// The same as one word; absent in the file of an older version.
    #[serde(default)]
    pub code: Option<Code>,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// The configuration in force.
    #[serde(default)]
    pub config: Option<ConfigInForce>,
    /// The server of the generator; absent if the generator is on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineStatus>,
    /// When the next round starts.
    pub next_slot: Option<Timestamp>,
    pub last_round: Option<LastRound>,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The state of a generator on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStatus {
    /// As `generation.model` names it.
    pub model: String,
    /// The server's software and version, once it has answered.
    pub software: Option<String>,
    /// The settings in force that it ignores.
    pub ignored: Vec<String>,
    /// Why it counts as away; absent if its last answer was good.
    pub away: Option<String>,
    /// The model that writes while it is away.
    pub fallback: Option<String>,
}

impl EngineStatus {
    /// Describes the engine's server; `None` if the generator is on this machine.
    #[must_use]
    pub fn of(engine: &Engine, decoding: &Decoding) -> Option<Self> {
        let state = engine.server()?.state();
        let findings = state.findings.as_deref();
        Some(Self {
            model: engine.description().identity.name.clone(),
            software: findings.map(Findings::software_in_words),
            ignored: findings
                .map_or_else(Vec::new, |found| found.ignored(decoding))
                .into_iter()
                .map(str::to_owned)
                .collect(),
            away: state.away,
            fallback: engine.stand_in().map(|engine| engine.description().identity.name.clone()),
        })
    }

    /// Returns one line for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { model, software, ignored, away, fallback } = self;
        let writes = match (away, fallback) {
            (None, _) => String::new(),
            (Some(reason), Some(fallback)) => format!("; AWAY, {fallback} stands in: {reason}"),
            (Some(reason), None) => format!("; AWAY, and no generation.fallback stands in: {reason}"),
        };
        let software = software.as_ref().map_or_else(String::new, |software| format!(" ({software})"));
        let ignored = if ignored.is_empty() { String::new() } else { format!("; ignores {}", ignored.join(", ")) };
        format!("{model}{software}{ignored}{writes}")
    }
}

/// The configuration that the daemon uses, and how the last attempt to reload it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigInForce {
    pub file: PathBuf,
    /// SHA-256 of the file's text as it was read.
    pub sha256: String,
    pub loaded_at: Timestamp,
    /// Why the last reload kept the configuration in force.
    pub refused: Option<String>,
}

impl ConfigInForce {
    /// Returns whether it was read from this file, by whatever name.
    #[must_use]
    pub fn is_of(&self, file: &Path) -> bool {
        let real = |path: &Path| {
            path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
        };
        real(&self.file) == real(file)
    }
}

impl DaemonStatus {
    /// Returns what keeps the daemon from posting, as it reported itself.
    #[must_use]
    pub fn hindrance(&self) -> Option<Hindrance> {
        if self.ready {
            return None;
        }
        let code = self.code.filter(|code| !code.is_ready()).unwrap_or(Code::NotReady);
        Some(Hindrance { code, reason: self.reason.clone().unwrap_or_else(|| "the daemon gave no reason".to_owned()) })
    }

    /// Returns the same status with `hindrance` as what keeps the daemon from posting.
    #[must_use]
    pub(super) fn hindered(self, hindrance: Option<&Hindrance>) -> Self {
        Self {
            ready: hindrance.is_none(),
            code: Some(hindrance.map_or(Code::Ok, |hindrance| hindrance.code)),
            reason: hindrance.map(|hindrance| hindrance.reason.clone()),
            ..self
        }
    }
}

/// The last round since the daemon started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRound {
    /// Its number in the history.
    pub id: i64,
    /// Its outcome, in a sentence.
    pub outcome: String,
    pub finished_at: Timestamp,
}

/// Reads what the daemon last reported about itself; `None` if none ever ran on this store.
///
/// # Errors
/// If the file cannot be read.
pub fn read(store: &Path) -> Result<Option<DaemonStatus>> {
    let path = path_beside(store);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Returns the path of the status file if its daemon's database is gone; `None` if the database exists, or no daemon
/// ever used one here.
pub(super) fn trace_without_record(store: &Path) -> Option<PathBuf> {
    let trace = path_beside(store);
    (!store.exists() && trace.exists()).then_some(trace)
}

fn path_beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".status.json");
    PathBuf::from(name)
}

/// The writer of the status file, which writes only when there is something to say.
#[derive(Debug)]
pub(super) struct StatusFile {
    path: PathBuf,
    written: Option<DaemonStatus>,
    failing: bool,
}

impl StatusFile {
    pub(super) fn beside(store: &Path) -> Self {
        Self { path: path_beside(store), written: None, failing: false }
    }

    /// Writes `status` if it says something new or the file is getting old. A file that cannot be written is logged
    /// once and stops nothing.
    pub(super) fn update(&mut self, status: &DaemonStatus) {
        let fresh = self.written.as_ref().is_some_and(|written| {
            let age = status.updated_at.duration_since(written.updated_at);
            let same = DaemonStatus { updated_at: written.updated_at, ..status.clone() } == *written;
            same && age.abs() < REFRESH
        });
        if fresh {
            return;
        }
        match self.write(status) {
            Ok(()) => {
                self.failing = false;
                self.written = Some(status.clone());
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(path = %self.path.display(), error = format!("{error:#}"), "cannot write the status file");
            }
            Err(_) => {}
        }
    }

    fn write(&self, status: &DaemonStatus) -> Result<()> {
        let line = format!("{}\n", serde_json::to_string(status)?);
        files::replace(&self.path, 0o600, |file| file.write_all(line.as_bytes()))?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{self, LoadRequest, Settings};
    use pregonero_store::testing::at;

    /// The defaults.
    pub(crate) fn settings() -> Settings {
        let file = tempfile::NamedTempFile::new().unwrap();
        let explicit_file = Some(file.path().to_owned());
        let request = LoadRequest { explicit_file, environment: Vec::new(), overrides: Vec::new() };
        config::load(request).unwrap().settings
    }

    /// A live daemon that is ready.
    pub(crate) fn sign(updated_at: &str) -> DaemonStatus {
        DaemonStatus {
            pid: 7,
            version: "0.1.0".to_owned(),
            live: true,
            ready: true,
            code: Some(Code::Ok),
            reason: None,
            config: None,
            engine: None,
            next_slot: Some(at("2026-03-01T14:00:00Z")),
            last_round: None,
            started_at: at("2026-03-01T09:00:00Z"),
            updated_at: at(updated_at),
        }
    }

    #[test]
    fn the_words_of_an_older_daemon_are_understood() {
        let older = r#"{"pid":7,"version":"0.1.0","live":true,"ready":false,"reason":"no disk","next_slot":null,
            "last_round":null,"started_at":"2026-03-01T09:00:00Z","updated_at":"2026-03-01T09:00:00Z"}"#;
        let status: DaemonStatus = serde_json::from_str(older).unwrap();
        let expected = Hindrance { code: Code::NotReady, reason: "no disk".to_owned() };
        assert_eq!((status.hindrance(), status.config), (Some(expected), None));
    }

    #[test]
    fn the_file_is_written_when_something_changed_or_it_gets_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("pregonero.db");
        let mut file = StatusFile::beside(&store);
        let written = || read(&store).unwrap().unwrap().updated_at;
        for (update, expected) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01T12:00:14Z", "2026-03-01T12:00:00Z"),
            ("2026-03-01T12:00:15Z", "2026-03-01T12:00:15Z"),
            // A clock set back must not leave a file dated in the future in place.
            ("2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"),
        ] {
            file.update(&sign(update));
            assert_eq!(written(), at(expected), "{update}");
        }
        file.update(&DaemonStatus { live: false, ..sign("2026-03-01T11:00:01Z") });
        assert_eq!(written(), at("2026-03-01T11:00:01Z"));
    }
}
