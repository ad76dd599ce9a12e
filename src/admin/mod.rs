//! The admin page, served by the running daemon: what is due and was not sent, the queue, each post's story, the audit log.
//!
//! It knows the record only through the calls that the command line uses too. Nothing is served before there is a user.
//! [`routes`] lists every route with the least role that may use it, and the router is built from that list; `security` has
//! what every request passes; `session` signs people in; `pages` has one file a page, with its template in `templates/`.

mod ask;
mod assets;
mod failure;
mod language;
mod metrics;
mod numbers;
mod pages;
pub mod password;
mod refusal;
pub mod routes;
mod security;
mod server;
mod session;
mod shares;
mod spanish;
mod svg;
mod visible;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use self::numbers::Numbers;
pub use self::server::companion;
use self::shares::Shares;
use crate::app::App;
use crate::config::AdminSettings;
use crate::daemon::View;
use pregonero_system::environment::Environment;

/// How many passwords are compared at the same time, and how many more may wait for it.
const HASHES_AT_ONCE: usize = 2;
const HASHES_WAITING: usize = 14;

/// How many of those places one network has, and how many requests it may have under way.
const HASHES_OF_ONE: usize = 4;
const REQUESTS_OF_ONE: usize = 32;

/// What the handlers share.
pub struct Page {
    view: watch::Receiver<Arc<View>>,
    /// The settings that the listener was started with.
    admin: AdminSettings,
    /// The address that it got.
    listen: SocketAddr,
    environment: Environment,
    hashing: Arc<Semaphore>,
    /// The places of those who are at it and those who wait.
    hashing_or_waiting: Arc<Semaphore>,
    /// How many of those one network has, so that it does not keep everybody else out.
    guessing: Arc<Shares>,
    /// The requests under way of each client, also of those that a proxy speaks for.
    visiting: Arc<Shares>,
    /// One check of the audit log at a time.
    checking: Semaphore,
    /// One try of a prompt at a time: the model is the daemon's own.
    trying: Semaphore,
    numbers: Numbers,
    /// One scrape at a time: each reads the whole record.
    scraping: Semaphore,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Page {
    fn new(
        view: watch::Receiver<Arc<View>>,
        admin: AdminSettings,
        listen: SocketAddr,
        environment: Environment,
    ) -> Self {
        Self {
            view,
            admin,
            listen,
            environment,
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            hashing_or_waiting: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING)),
            guessing: Shares::new(HASHES_OF_ONE),
            visiting: Shares::new(REQUESTS_OF_ONE),
            checking: Semaphore::new(1),
            trying: Semaphore::new(1),
            scraping: Semaphore::new(1),
            numbers: Numbers::default(),
        }
    }

    /// Returns the daemon's state.
    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Returns the app with the settings in force.
    fn app(&self) -> Arc<App> {
        Arc::clone(&self.view.borrow().app)
    }

    fn now(&self) -> Timestamp {
        self.view.borrow().app.clock.now()
    }
}
