//! The listeners: when the page is there, and how connections are bounded.
//!
//! Hyper is used directly, because `axum::serve` has no time limit for the head of a request, and a browser's connection that
//! says nothing would be kept for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::security::{LONGEST_TRY, Peer};
use super::shares::Shares;
use super::{Page, routes};
use crate::config::AdminSettings;
use crate::daemon::{Companion, CompanionInput};
use pregonero_system::environment::Environment;

/// How often the settings and the users are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the head of a request may take, and a connection may be idle.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

/// The largest head of a request, in bytes, and the most headers in it.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// Connections at the same time, on each listener, and of one address that is not a trusted proxy's.
const MOST_CONNECTIONS: usize = 128;
const MOST_OF_ONE: usize = 32;

/// How long a connection may last, so that a reader who takes nothing does not keep its place.
const LONGEST_CONNECTION: Duration = Duration::from_secs(LONGEST_TRY.as_secs() + 60);

/// How long a stop waits for answers under way.
const STOP_BOUND: Duration = Duration::from_secs(2);

/// Returns the companion of the daemon that serves the page.
#[must_use]
pub fn companion(environment: Environment) -> Companion {
    Box::new(move |input| Box::pin(run(input, environment)))
}

/// What a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    /// The metrics and the health alone.
    Metrics,
}

/// A listener at work.
struct Serving {
    stop: CancellationToken,
    connections: TaskTracker,
}

/// One listener that is or is not wanted.
struct Slot {
    kind: Kind,
    /// What it was started with.
    current: Option<(SocketAddr, AdminSettings, Serving)>,
    /// The last failure, which is logged once.
    failed: Option<String>,
}

async fn run(input: CompanionInput, environment: Environment) {
    let mut slots = [Kind::Page, Kind::Metrics].map(|kind| Slot { kind, current: None, failed: None });
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut has_users = false;
    loop {
        tokio::select! {
            () = input.stop.cancelled() => break,
            _ = look.tick() => {}
        }
        let view = Arc::clone(&input.view.borrow());
        // A record that cannot be read for a moment changes nothing.
        has_users = view.app.store.has_users().await.unwrap_or(has_users);
        let admin = &view.app.settings.admin;
        for slot in &mut slots {
            let wanted = match slot.kind {
                Kind::Page => admin.listen.filter(|_| has_users),
                Kind::Metrics => admin.metrics_listen,
            };
            slot.adjust(wanted, admin, &input, &environment).await;
        }
    }
    for slot in &mut slots {
        slot.end().await;
    }
}

impl Slot {
    async fn adjust(
        &mut self,
        wanted: Option<SocketAddr>,
        admin: &AdminSettings,
        input: &CompanionInput,
        environment: &Environment,
    ) {
        let is_as_wanted = match (&self.current, wanted) {
            (Some((address, settings, _)), Some(wanted)) => *address == wanted && settings == admin,
            (current, wanted) => current.is_none() && wanted.is_none(),
        };
        if is_as_wanted {
            return;
        }
        self.end().await;
        let Some(address) = wanted else { return };
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let local = listener.local_addr()?;
            Ok::<_, std::io::Error>((listener, local))
        };
        let (listener, local) = match bound.await {
            Ok(bound) => bound,
            Err(error) => return self.tell_failure(address, &error),
        };
        let page = Page::new(input.view.clone(), admin.clone(), local, environment.clone());
        let router = match self.kind {
            Kind::Page => routes::router(Arc::new(page)),
            Kind::Metrics => routes::metrics_router(Arc::new(page)),
        };
        let name = if self.kind == Kind::Page { "the admin page" } else { "the metrics" };
        tracing::info!(address = %format_args!("http://{local}/"), "serving {name}");
        let serving = Serving { stop: CancellationToken::new(), connections: TaskTracker::new() };
        let proxies = admin.trusted_proxies.clone();
        let accept = accept(listener, router, proxies, serving.stop.clone(), serving.connections.clone());
        serving.connections.spawn(accept);
        self.failed = None;
        self.current = Some((address, admin.clone(), serving));
    }

    fn tell_failure(&mut self, address: SocketAddr, error: &std::io::Error) {
        let failure = format!("{address}: {error}");
        if self.failed.as_ref() != Some(&failure) {
            let key = if self.kind == Kind::Page { "admin.listen" } else { "admin.metrics_listen" };
            tracing::error!(key, %address, %error, "cannot listen; will try again, and posting goes on");
            self.failed = Some(failure);
        }
    }

    async fn end(&mut self) {
        let Some((_, _, serving)) = self.current.take() else { return };
        serving.stop.cancel();
        serving.connections.close();
        // Connections that do not end are dropped with the runtime, or when they reach their own bound.
        let _ = tokio::time::timeout(STOP_BOUND, serving.connections.wait()).await;
        let name = if self.kind == Kind::Page { "the admin page" } else { "the metrics" };
        tracing::info!("no longer serving {name}");
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    proxies: Vec<IpNet>,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    let peers = Shares::new(MOST_OF_ONE);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let address = peer.ip().to_canonical();
                // A proxy's connections are of many people.
                let is_proxy = proxies.iter().any(|network| network.contains(&address));
                let visit = if is_proxy { None } else { peers.take(address) };
                if visit.is_none() && !is_proxy {
                    tracing::debug!(%address, "too many connections of one address");
                    continue;
                }
                let connection = serve(stream, peer, router.clone(), stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop((visit, place));
                });
            }
            // No more open files, most likely: others end soon.
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEAD)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let over = tokio::time::sleep(LONGEST_CONNECTION);
    tokio::pin!(over);
    tokio::select! {
        // That a browser goes away is nothing to report.
        _ = &mut connection => return,
        () = &mut over => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(STOP_BOUND, connection).await;
}
