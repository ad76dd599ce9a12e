//! The daemon's sign of life for other processes: a small file beside the store, and what it says of the daemon's health.
//!
//! `healthcheck` and `status` read it. The file alone proves nothing, because it outlives its writer: only together with
//! the instance lock and its age does it say that the loop turns.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::lock;
use crate::store::{Halt, HaltCause, Store, StoreError};

/// The file is written again after this long, also where nothing has changed.
const REFRESH: SignedDuration = SignedDuration::from_secs(15);

/// A file older than this says that the loop does not turn. Three refreshes, for a loaded machine.
const STALE: SignedDuration = SignedDuration::from_secs(45);

/// What the daemon says of itself. Its JSON is what `status --json` prints: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    pub pid: u32,
    pub version: String,
    /// Whether posts leave the machine.
    pub live: bool,
    /// Whether the next slot will be served, as far as is known.
    pub ready: bool,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// When the next round starts.
    pub next_slot: Option<Timestamp>,
    pub last_round: Option<LastRound>,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The last round since the daemon's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRound {
    /// Its number in the history.
    pub id: i64,
    /// What came of it, in a sentence.
    pub outcome: String,
    pub finished_at: Timestamp,
}

/// Why the daemon is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("{}: no daemon runs on this store", store.display())]
    NotRunning { store: PathBuf },
    #[error("the daemon (process {pid}) gave its last sign of life {} s ago: its loop hangs", age.as_secs())]
    Stale { pid: u32, age: SignedDuration },
    #[error("the daemon (process {pid}) is not ready: {reason}")]
    NotReady { pid: u32, live: bool, reason: String },
    #[error("the daemon (process {pid}) is not ready: {halt}")]
    Halted { pid: u32, halt: Box<Halt> },
    #[error("the daemon could not record a post: {0}")]
    Record(StoreError),
    #[error(transparent)]
    Unreadable(anyhow::Error),
}

impl HealthError {
    /// A word for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRunning { .. } => "not_running",
            Self::Stale { .. } => "hangs",
            Self::NotReady { .. } => "not_ready",
            Self::Halted { halt, .. } if halt.cause == HaltCause::Paused => "paused",
            Self::Halted { .. } => "stopped_by_x",
            Self::Record(StoreError::NoSpace { .. }) => "disk_full",
            Self::Record(_) => "record",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// As [`health`], and the record itself is looked at: what the sign of life says is some seconds old.
///
/// # Errors
/// See [`HealthError`].
pub async fn health_with_record(path: &Path, now: Timestamp) -> Result<DaemonStatus, HealthError> {
    let health = health(path, now);
    let (pid, live) = match &health {
        Ok(status) => (status.pid, status.live),
        Err(HealthError::NotReady { pid, live, .. }) => (*pid, *live),
        Err(_) => return health,
    };
    let store = Store::open_read_only(path).await.map_err(HealthError::Record)?;
    let halts = store.halts().await;
    let room = store.require_space();
    store.close().await;
    room.map_err(HealthError::Record)?;
    let halts = halts.map_err(HealthError::Record)?;
    match halts.into_iter().find(|halt| live || halt.cause == HaltCause::Paused) {
        Some(halt) => Err(HealthError::Halted { pid, halt: Box::new(halt) }),
        None => health,
    }
}

/// Whether the daemon on the store at `store` runs, turns and is ready; what it says of itself if so.
///
/// # Errors
/// See [`HealthError`].
pub fn health(store: &Path, now: Timestamp) -> Result<DaemonStatus, HealthError> {
    let status = read(store).map_err(HealthError::Unreadable)?;
    // The lock is asked last and only where everything else is well, because asking holds it for a moment.
    let status = status.ok_or_else(|| HealthError::NotRunning { store: store.to_owned() })?;
    if !lock::is_held(store).map_err(|error| HealthError::Unreadable(error.into()))? {
        return Err(HealthError::NotRunning { store: store.to_owned() });
    }
    let age = now.duration_since(status.updated_at);
    if age > STALE {
        return Err(HealthError::Stale { pid: status.pid, age });
    }
    if !status.ready {
        return Err(HealthError::NotReady {
            pid: status.pid,
            live: status.live,
            reason: status.reason.unwrap_or_default(),
        });
    }
    Ok(status)
}

/// What the daemon last said of itself; none where none ever ran on this store.
///
/// # Errors
/// Where the file cannot be read.
pub fn read(store: &Path) -> Result<Option<DaemonStatus>> {
    let path = path_beside(store);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn path_beside(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".status.json");
    PathBuf::from(name)
}

/// Writes the file, when there is something to say.
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

    /// Writes `status` where it says something new or the file is getting old. A file that cannot be written is told
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
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, status)?;
        file.write_all(b"\n")?;
        file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::lock::InstanceLock;
    use crate::store::testing::at;

    fn status(updated_at: &str) -> DaemonStatus {
        DaemonStatus {
            pid: 7,
            version: "0.1.0".to_owned(),
            live: false,
            ready: true,
            reason: None,
            next_slot: Some(at("2026-03-01T14:00:00Z")),
            last_round: None,
            started_at: at("2026-03-01T09:00:00Z"),
            updated_at: at(updated_at),
        }
    }

    #[test]
    fn a_daemon_is_healthy_while_it_holds_the_lock_writes_and_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("pregonero.db");
        let now = at("2026-03-01T12:00:45Z");
        let health_now = || health(&store, now).map_err(|error| error.to_string());
        let nobody = format!("{}: no daemon runs on this store", store.display());
        assert_eq!(health_now(), Err(nobody.clone()));

        let mut file = StatusFile::beside(&store);
        file.update(&status("2026-03-01T12:00:00Z"));
        assert_eq!(health_now(), Err(nobody), "the file is there, its writer is not");

        let _lock = InstanceLock::acquire(&store).unwrap();
        assert_eq!(health_now(), Ok(status("2026-03-01T12:00:00Z")));

        file.update(&DaemonStatus {
            ready: false,
            reason: Some("no disk".to_owned()),
            ..status("2026-03-01T12:00:01Z")
        });
        assert_eq!(health_now(), Err("the daemon (process 7) is not ready: no disk".to_owned()));

        file.update(&status("2026-03-01T11:59:59Z"));
        let hangs = "the daemon (process 7) gave its last sign of life 46 s ago: its loop hangs";
        assert_eq!(health_now(), Err(hangs.to_owned()));
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
            // A clock set back must not leave a file from the future standing.
            ("2026-03-01T11:00:00Z", "2026-03-01T11:00:00Z"),
        ] {
            file.update(&status(update));
            assert_eq!(written(), at(expected), "{update}");
        }
        file.update(&DaemonStatus { live: true, ..status("2026-03-01T11:00:01Z") });
        assert_eq!(written(), at("2026-03-01T11:00:01Z"));
    }
}
