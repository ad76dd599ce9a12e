//! The machine: database, disk, the daemon itself, and time zones.

use std::path::Path;

use super::{Blame, Check, Patient};
use crate::daemon::hindrance::Code;
use crate::daemon::standing::Standing;
use pregonero_store::{self, LEAST_FREE_BYTES, StoreError};
use pregonero_system::clock::shown;

/// Below this, somebody should make room before the bot has to stop.
const LOW_BYTES: u64 = 64 * 1024 * 1024;

const MEBIBYTE: u64 = 1024 * 1024;

/// Where Debian and its derivatives keep the version of the system's time-zone data.
const SYSTEM_ZONES: &str = "/usr/share/zoneinfo/tzdata.zi";

pub(super) async fn checks(patient: &Patient, standing: &Standing) -> Vec<Check> {
    let path = &patient.loaded.settings.store.path;
    let mut checks = vec![database(path, standing).await, disk(path), running(standing)];
    checks.extend(in_force(patient, standing));
    checks.push(time_zones(patient));
    checks
}

async fn database(path: &Path, standing: &Standing) -> Check {
    if standing.code == Code::DatabaseGone {
        let fix = "stop the daemon, then run `pregonero db restore FILE`";
        return Check::fail("database", Code::DatabaseGone.as_str(), Blame::Machine, standing.in_words(), fix);
    }
    match pregonero_store::try_write(path).await {
        Ok(()) => Check::ok("database", format!("{}: writable", path.display())),
        Err(StoreError::Missing { .. }) => {
            Check::ok("database", format!("{}: none yet; the first start creates it", path.display()))
        }
        Err(error @ StoreError::Older { .. }) => Check::warn(
            "database",
            "older",
            error.to_string(),
            "start the daemon: it backs up the database and migrates it",
        ),
        Err(error) => {
            let code = match &error {
                error if error.is_transient() => "locked",
                StoreError::Corrupt { .. } => "corrupt",
                StoreError::Newer { .. } => "newer",
                StoreError::Foreign { .. } | StoreError::SecondName { .. } => "misplaced",
                _ => "not_writable",
            };
            let blame = if matches!(code, "newer" | "misplaced") { Blame::Configuration } else { Blame::Machine };
            let fix = match code {
                "locked" => "find the process that holds the database (fuser)",
                "corrupt" => "run `pregonero db restore FILE`",
                _ => "do what the reason says",
            };
            Check::fail("database", code, blame, pregonero_system::errors::chain(&error), fix)
        }
    }
}

fn disk(path: &Path) -> Check {
    let in_mebibytes = |bytes: u64| format!("{} MiB free on the disk of {}", bytes / MEBIBYTE, path.display());
    match pregonero_store::free_bytes(path) {
        Ok(free) if free < LEAST_FREE_BYTES => {
            let reason = format!("{}: nothing is posted until there is room", in_mebibytes(free));
            Check::fail("disk", Code::DiskFull.as_str(), Blame::Machine, reason, "make room")
        }
        Ok(free) if free < LOW_BYTES => Check::warn("disk", "low", in_mebibytes(free), "make room soon"),
        Ok(free) => Check::ok("disk", in_mebibytes(free)),
        Err(error) => Check::warn(
            "disk",
            "unknown",
            format!("{}: {error}", path.display()),
            "the first start creates the folder of store.path; check that it may",
        ),
    }
}

/// Checks whether the daemon is alive. What keeps a live one from posting is reported by the check of that area.
fn running(standing: &Standing) -> Check {
    let (code, reason) = (standing.code.as_str(), standing.in_words());
    let pid = standing.daemon.as_ref().map_or(0, |status| status.pid);
    match standing.code {
        Code::Ok => Check::ok("daemon", format!("process {pid} is running and ready")),
        Code::Paused
        | Code::StoppedByX
        | Code::BudgetUsedUp
        | Code::GeneratorAway
        | Code::DiskFull
        | Code::DatabaseGone => {
            Check::ok("daemon", format!("process {pid} is running; nothing is posted for now: {reason}"))
        }
        Code::NotRunning => Check::warn("daemon", code, reason, "run `pregonero run` or `systemctl start pregonero`"),
        Code::Record | Code::NotReady | Code::Hangs | Code::Unreadable => {
            Check::fail("daemon", code, Blame::Machine, reason, "check its log, then run `systemctl restart pregonero`")
        }
    }
}

/// Warns if the running daemon uses a different configuration from the one examined.
fn in_force(patient: &Patient, standing: &Standing) -> Option<Check> {
    let own = standing.daemon.as_ref().filter(|_| standing.is_running())?.config.as_ref()?;
    if !own.is_of(&patient.loaded.file) {
        let reason = format!(
            "the daemon on this record was started with {}, not with {}",
            own.file.display(),
            patient.loaded.file.display()
        );
        let fix = "check that daemon's file, or give each bot a store.path of its own";
        return Some(Check::warn("reload", "other_configuration", reason, fix));
    }
    (own.sha256 != patient.loaded.sha256).then(|| {
        let reason =
            format!("{} has changed since the daemon loaded it at {}", own.file.display(), shown(own.loaded_at));
        Check::warn("reload", "not_reloaded", reason, "run `pregonero reload`")
    })
}

/// Reports which tables the time zone comes from; the zone itself was found when the configuration was read.
fn time_zones(patient: &Patient) -> Check {
    let name = &patient.loaded.settings.schedule.timezone_name;
    let local = patient.clock.now().to_zoned(patient.loaded.settings.schedule.timezone.clone());
    let shown = format!("{name}: it is {} there", local.strftime("%H:%M (UTC%:z)"));
    let version = std::fs::read_to_string(SYSTEM_ZONES)
        .ok()
        .and_then(|text| Some(text.lines().next()?.strip_prefix("# version ")?.trim().to_owned()));
    match version {
        Some(version) => Check::ok("time_zones", format!("{shown}, by the system's tables, version {version}")),
        None if Path::new("/usr/share/zoneinfo").is_dir() => {
            Check::ok("time_zones", format!("{shown}, by the system's tables, whose version is not given"))
        }
        None => Check::warn(
            "time_zones",
            "bundled",
            format!("{shown}, by the tables compiled into this program: only a newer program brings newer ones"),
            "install tzdata",
        ),
    }
}
