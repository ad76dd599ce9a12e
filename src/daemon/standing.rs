//! The single source for the daemon's state: could it post right now, and if not, why. The daemon's log and its line
//! for systemd, `status`, `healthcheck` and `doctor` are all printed from it, so that none of them can contradict
//! another.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::hindrance::{Code, Hindrance};
use super::lock;
use super::status::{self, DaemonStatus, STALE};
use crate::publish::{Rules, outlook};
use pregonero_store::{HaltCause, Store, StoreError};

/// Checks the record for what holds posts back, the most serious first. In a dry run X and the budget stop nothing.
pub async fn hindrance(store: &Store, rules: &Rules, live: bool, now: Timestamp) -> Option<Hindrance> {
    if let Some(found) = of_files_and_halts(store, live).await {
        return Some(found);
    }
    if !live {
        return None;
    }
    match outlook(store, rules, now).await {
        Ok(outlook) => Hindrance::of_outlook(&outlook, rules, now),
        Err(error) => Some(Hindrance::of_error(&error)),
    }
}

async fn of_files_and_halts(store: &Store, live: bool) -> Option<Hindrance> {
    if let Err(error) = store.require_in_place().and_then(|()| store.require_space()) {
        return Some(Hindrance::of_error(&error));
    }
    match store.halts().await {
        Ok(halts) => halts.iter().find(|halt| live || halt.cause == HaltCause::Paused).map(Hindrance::of_halt),
        Err(error) => Some(Hindrance::of_error(&error)),
    }
}

/// The state of the daemon on one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub code: Code,
    /// Why no post would go out; absent if one would.
    pub reason: Option<String>,
    /// The daemon's last status; present even if that daemon has ended.
    pub daemon: Option<DaemonStatus>,
}

impl Standing {
    /// Returns whether a daemon is running on the record.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !matches!(self.code, Code::NotRunning | Code::Unreadable)
    }

    /// Returns `ok`, or the reason why not, as a sentence.
    #[must_use]
    pub fn in_words(&self) -> &str {
        self.reason.as_deref().unwrap_or("ok")
    }
}

/// Finds the state of the daemon on the record at `path`, as of `now`. What depends on settings is taken from the
/// daemon's own status, because the configuration file may have changed since the daemon read it; what any process can
/// see is checked anew.
pub async fn standing(path: &Path, now: Timestamp) -> Standing {
    let (sign, live) = match sign_of_life(path, now) {
        Ok(status) => {
            let live = status.live;
            (status, live)
        }
        Err(found) => return *found,
    };
    let seen = match Store::open_read_only(path).await {
        Ok(store) => {
            let found = of_files_and_halts(&store, live).await;
            store.close().await;
            found
        }
        Err(StoreError::Missing { path }) => {
            Some(Hindrance::of_error(&StoreError::Displaced { path, what: "the database was deleted" }))
        }
        Err(error) => Some(Hindrance::of_error(&error)),
    };
    let own = sign.hindrance();
    // A pause that ended a moment ago is still in the daemon's last status.
    let own = own.filter(|own| seen.is_some() || !matches!(own.code, Code::Paused | Code::StoppedByX));
    match seen.or(own) {
        Some(Hindrance { code, reason }) => Standing { code, reason: Some(reason), daemon: Some(sign) },
        None => Standing { code: Code::Ok, reason: None, daemon: Some(sign) },
    }
}

/// Returns the daemon's last status if the daemon is alive and the status is fresh.
fn sign_of_life(path: &Path, now: Timestamp) -> Result<DaemonStatus, Box<Standing>> {
    let ended = |code, reason, daemon| Err(Box::new(Standing { code, reason: Some(reason), daemon }));
    let status = match status::read(path) {
        Ok(status) => status,
        Err(error) => return ended(Code::Unreadable, format!("{error:#}"), None),
    };
    let not_running = format!("{}: no daemon runs on this record", path.display());
    // The lock is checked last, and only if everything else is well, because the check holds it for a moment.
    let Some(status) = status else { return ended(Code::NotRunning, not_running, None) };
    match lock::is_held(path) {
        Ok(true) => {}
        Ok(false) => return ended(Code::NotRunning, not_running, Some(status)),
        Err(error) => return ended(Code::Unreadable, error.to_string(), Some(status)),
    }
    let age = now.duration_since(status.updated_at);
    if age > STALE {
        let reason = hangs(&status, age);
        return ended(Code::Hangs, reason, Some(status));
    }
    Ok(status)
}

fn hangs(status: &DaemonStatus, age: SignedDuration) -> String {
    format!("the daemon (process {}) gave its last sign of life {} s ago: its loop hangs", status.pid, age.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::daemon::lock::InstanceLock;
    use crate::daemon::status::StatusFile;
    use crate::daemon::status::tests::{settings, sign};
    use pregonero_store::testing::{TestStore, at};

    const NOW: &str = "2026-03-01T12:00:45Z";

    struct Bench {
        test: TestStore,
        settings: Settings,
    }

    impl Bench {
        async fn new() -> Self {
            Self { test: TestStore::open().await, settings: settings() }
        }

        fn path(&self) -> &Path {
            self.test.store.path()
        }

        fn writes(&self, status: &DaemonStatus) {
            StatusFile::beside(self.path()).update(status);
        }

        async fn standing(&self) -> (Code, String) {
            let found = standing(self.path(), at(NOW)).await;
            assert_eq!(found.code.is_ready(), found.reason.is_none());
            (found.code, found.in_words().to_owned())
        }

        async fn hindrance(&self, live: bool) -> Option<Code> {
            let rules = Rules::from(&self.settings);
            hindrance(&self.test.store, &rules, live, at(NOW)).await.map(|found| found.code)
        }
    }

    #[tokio::test]
    async fn a_daemon_is_well_while_it_holds_the_lock_gives_signs_of_life_and_is_ready() {
        let bench = Bench::new().await;
        let nobody = format!("{}: no daemon runs on this record", bench.path().display());
        assert_eq!(bench.standing().await, (Code::NotRunning, nobody.clone()));
        bench.writes(&sign("2026-03-01T12:00:00Z"));
        assert_eq!(bench.standing().await, (Code::NotRunning, nobody), "the file is there, its writer is not");

        let _lock = InstanceLock::acquire(bench.path()).unwrap();
        assert_eq!(bench.standing().await, (Code::Ok, "ok".to_owned()));
        let full = Hindrance { code: Code::BudgetUsedUp, reason: "budget.posts_per_day (8) is used up".to_owned() };
        bench.writes(&sign("2026-03-01T12:00:01Z").hindered(Some(&full)));
        assert_eq!(bench.standing().await, (full.code, full.reason));
        bench.writes(&sign("2026-03-01T11:59:59Z"));
        let hangs = "the daemon (process 7) gave its last sign of life 46 s ago: its loop hangs";
        assert_eq!(bench.standing().await, (Code::Hangs, hangs.to_owned()));
    }

    #[tokio::test]
    async fn a_pause_counts_from_its_first_moment_to_its_last_whatever_the_daemon_said_before() {
        let bench = Bench::new().await;
        let _lock = InstanceLock::acquire(bench.path()).unwrap();
        bench.writes(&sign("2026-03-01T12:00:00Z"));
        bench.test.store.pause("ana", "elections", at(NOW)).await.unwrap();
        let (code, reason) = bench.standing().await;
        assert_eq!(code, Code::Paused);
        assert!(code.is_healthy() && !code.is_ready(), "what a person wanted is no reason to restart a container");
        bench.writes(&sign("2026-03-01T12:00:01Z").hindered(Some(&Hindrance { code, reason })));
        bench.test.store.resume("ana", at(NOW)).await.unwrap();
        assert_eq!(bench.standing().await.0, Code::Ok);
    }

    #[tokio::test]
    async fn the_gravest_hindrance_is_named_and_a_dry_run_is_stopped_by_a_person_alone() {
        let mut bench = Bench::new().await;
        assert_eq!(bench.hindrance(true).await, None);
        bench.settings.budget.posts_per_day = 0;
        assert_eq!((bench.hindrance(true).await, bench.hindrance(false).await), (Some(Code::BudgetUsedUp), None));
        bench.test.store.pause("ana", "elections", at(NOW)).await.unwrap();
        for live in [true, false] {
            assert_eq!(bench.hindrance(live).await, Some(Code::Paused), "{live}");
        }
        std::fs::remove_file(bench.path()).unwrap();
        assert_eq!(bench.hindrance(true).await, Some(Code::DatabaseGone));
        let _lock = InstanceLock::acquire(bench.path()).unwrap();
        bench.writes(&sign("2026-03-01T12:00:44Z"));
        let (code, reason) = bench.standing().await;
        assert!(code == Code::DatabaseGone && reason.contains("the database was deleted while"), "{reason}");
        assert!(!code.is_healthy());
    }
}
