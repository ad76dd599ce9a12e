//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;

use super::{Answer, html};
use crate::admin::ask::Ask;
use crate::admin::{Page, session};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    ask: &'a Ask,
    name: &'a str,
    /// The bot's handle.
    handle: &'a str,
    was_wrong: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct SignIn {
    name: String,
    password: String,
}

/// The form.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, headers: HeaderMap) -> Answer {
    if session::of(&page, &ask, &headers).await?.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let handle = &page.app().settings.account.handle;
    html(&SignInPage { ask: &ask, name: "", handle, was_wrong: false })
}

/// Signs in; a wrong name and a wrong password get the same answer.
pub async fn sign_in(State(page): State<Arc<Page>>, ask: Ask, headers: HeaderMap, Form(form): Form<SignIn>) -> Answer {
    let signed_in = session::sign_in(&page, &ask, &headers, &form.name, &form.password).await?;
    let Some(cookie) = signed_in else {
        let handle = &page.app().settings.account.handle;
        let shown = html(&SignInPage { ask: &ask, name: &form.name, handle, was_wrong: true })?;
        return Ok((StatusCode::UNAUTHORIZED, shown).into_response());
    };
    let mut answer = Redirect::to("/").into_response();
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// Ends the session.
pub async fn sign_out(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    if let Some(visitor) = &ask.visitor {
        page.app().store.end_session(&visitor.id).await?;
    }
    let mut answer = Redirect::to("/sign-in").into_response();
    answer.headers_mut().append(SET_COOKIE, session::forget(&ask));
    Ok(answer)
}
