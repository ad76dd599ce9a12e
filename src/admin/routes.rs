//! Every route of the page, with the least that it takes to use it. The router is built from this list and from nothing else, so
//! that a route without a row cannot exist; the tests ask each of them as everybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, get, post};

use super::ask::Ask;
use super::failure::Failure;
use super::pages::{
    account, audit, charts, config, decision, history, operation, overview, post as posts, prompts, queue, sign_in,
    users,
};
use super::security::{LARGEST_BODY, gate, machine_gate, may_measure};
use super::{Page, session};
use pregonero_store::Role;

/// What it takes to use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Anyone,
    /// This machine, and the networks that may read the metrics.
    Machine,
    /// A session of a user with at least this role.
    From(Role),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

const ANYONE: Access = Access::Anyone;
const MACHINE: Access = Access::Machine;
const READER: Access = Access::From(Role::Reader);
const REVIEWER: Access = Access::From(Role::Reviewer);
const ADMIN: Access = Access::From(Role::Admin);

type Handlers = MethodRouter<Arc<Page>>;

fn on_get<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Page>>) -> (Route, Handlers) {
    (Route { method: "GET", path, access }, get(handler))
}

fn on_post<T: 'static>(path: &'static str, access: Access, handler: impl Handler<T, Arc<Page>>) -> (Route, Handlers) {
    (Route { method: "POST", path, access }, post(handler))
}

fn table() -> Vec<(Route, Handlers)> {
    let mut table = vec![
        on_get("/assets/{name}", ANYONE, operation::asset),
        on_get("/sign-in", ANYONE, sign_in::show),
        on_post("/sign-in", ANYONE, sign_in::sign_in),
        on_post("/sign-out", READER, sign_in::sign_out),
        on_post("/preferences", ANYONE, account::preferences),
        on_get("/d/{token}", ANYONE, decision::show),
        on_post("/d/{token}", ANYONE, decision::redeem),
        on_get("/", READER, overview::show),
        on_post("/pause", REVIEWER, overview::pause),
        on_post("/resume", ADMIN, overview::resume),
        on_get("/queue", READER, queue::list),
        on_get("/queue/{id}", READER, queue::show),
        on_post("/queue/{id}/approve", REVIEWER, queue::approve),
        on_post("/queue/{id}/edit", REVIEWER, queue::edit),
        on_post("/queue/{id}/pick", REVIEWER, queue::pick),
        on_post("/queue/{id}/reject", REVIEWER, queue::reject),
        on_get("/posts", READER, history::list),
        on_get("/posts/{id}", READER, posts::show),
        on_get("/prompts", READER, prompts::show),
        on_post("/prompts/try", REVIEWER, prompts::attempt),
        on_get("/charts", READER, charts::show),
        on_get("/audit", READER, audit::show),
        on_post("/audit/verify", REVIEWER, audit::verify),
        on_get("/audit/checkpoint", READER, audit::checkpoint),
        on_post("/audit/checkpoint", REVIEWER, audit::sign_checkpoint),
        on_get("/audit/proofs/{id}", READER, audit::proof),
        on_get("/config", ADMIN, config::show),
        on_get("/users", ADMIN, users::list),
        on_post("/users", ADMIN, users::add),
        on_post("/users/{name}/role", ADMIN, users::role),
        on_post("/users/{name}/password", ADMIN, users::password),
        on_post("/users/{name}/disable", ADMIN, users::disable),
        on_post("/users/{name}/enable", ADMIN, users::enable),
        on_post("/users/{name}/remove", ADMIN, users::remove),
        on_post("/users/{name}/sign-out", ADMIN, users::sign_out),
        on_get("/account", READER, account::show),
        on_post("/account/password", READER, account::password),
        on_post("/account/sign-out-others", READER, account::sign_out_others),
    ];
    table.extend(operation_table());
    table
}

fn operation_table() -> Vec<(Route, Handlers)> {
    vec![
        on_get("/healthz", ANYONE, operation::healthz),
        on_get("/readyz", MACHINE, operation::readyz),
        on_get("/metrics", MACHINE, operation::metrics),
    ]
}

/// Returns every route of the page's listener.
#[must_use]
pub fn list() -> Vec<Route> {
    table().into_iter().map(|(route, _)| route).collect()
}

/// Returns the page's router.
pub(super) fn router(page: Arc<Page>) -> Router {
    let separate = page.admin.metrics_listen.is_some();
    let rows = table().into_iter().filter(|(route, _)| !(separate && route.path == "/metrics"));
    let mut router = Router::new();
    for (route, handlers) in rows {
        let guard = from_fn_with_state((Arc::clone(&page), route.access), guard);
        router = router.route(route.path, handlers.route_layer(guard));
    }
    let gate = from_fn_with_state(Arc::clone(&page), gate);
    let router = router.fallback(nothing).method_not_allowed_fallback(nothing);
    router.layer(DefaultBodyLimit::max(LARGEST_BODY)).layer(gate).with_state(page)
}

/// Returns the router of the metrics' own listener: no pages, no sessions, and whoever reaches it may read.
pub(super) fn metrics_router(page: Arc<Page>) -> Router {
    let mut router = Router::new();
    for (route, handlers) in operation_table() {
        router = router.route(route.path, handlers);
    }
    let gate = from_fn_with_state(Arc::clone(&page), machine_gate);
    let router = router.fallback(nothing).method_not_allowed_fallback(nothing);
    router.layer(DefaultBodyLimit::max(LARGEST_BODY)).layer(gate).with_state(page)
}

async fn nothing() -> Failure {
    Failure::NotFound
}

/// Lets a request through to its handler if the route's access allows it.
async fn guard(
    State((page, access)): State<(Arc<Page>, Access)>,
    ask: Ask,
    mut request: Request,
    next: Next,
) -> Response {
    match access {
        Access::Anyone => {}
        // To everybody else, it is not there.
        Access::Machine if may_measure(&page, &ask, request.headers()) => {}
        Access::Machine => return Failure::NotFound.into_response(),
        Access::From(role) => match session::of(&page, &ask, request.headers()).await {
            Err(error) => return Failure::from(error).into_response(),
            Ok(Some(visitor)) if visitor.role >= role => {
                request.extensions_mut().insert(Ask { visitor: Some(visitor), ..ask });
            }
            Ok(Some(_)) => return Failure::Forbidden.into_response(),
            Ok(None) if request.method().is_safe() => return Redirect::to("/sign-in").into_response(),
            Ok(None) => return Failure::NotSignedIn.into_response(),
        },
    }
    next.run(request).await
}
