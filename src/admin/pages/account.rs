//! The reader's own account: password, sessions, and how the page looks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;

use super::{Answer, Done, done, html};
use crate::admin::ask::{Ask, Theme};
use crate::admin::failure::Failure;
use crate::admin::language::Language;
use crate::admin::password::{self, PasswordFault, SHORTEST};
use crate::admin::{Page, session};
use pregonero_store::UserRecord;

/// How long language, theme and shortcuts are kept: a year.
const PREFERENCES_LAST: u32 = 365 * 24 * 3600;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    ask: &'a Ask,
    done: &'a str,
    user: Option<&'a UserRecord>,
    shortest: usize,
}

/// The page.
pub async fn show(State(page): State<Arc<Page>>, ask: Ask, Query(query): Query<Done>) -> Answer {
    let users = page.app().store.users().await?;
    let user = users.iter().find(|user| user.name == ask.name());
    html(&AccountPage { ask: &ask, done: &query.done, user, shortest: SHORTEST })
}

/// What the password's form sends.
#[derive(Deserialize)]
pub struct NewPassword {
    current: String,
    new: String,
    again: String,
}

/// Changes the reader's own password and ends all sessions; the reader goes on with a new one. The current password is asked
/// for, and counts as a try to sign in.
pub async fn password(State(page): State<Arc<Page>>, ask: Ask, Form(form): Form<NewPassword>) -> Answer {
    if form.new != form.again {
        return Err(Failure::unusable("Las dos contraseñas nuevas no son iguales.", "The two new passwords differ."));
    }
    password::check_new(&form.new, ask.name()).map_err(of_fault)?;
    session::check_again(&page, &ask, &form.current).await?;
    let phc = session::hash(&page, &ask, form.new).await?;
    page.app().store.set_password(ask.name(), &phc, ask.name(), ask.now).await?;
    tracing::info!(user = ask.name(), "password changed");
    let cookie = session::begin_anew(&page, &ask).await?;
    let mut answer = done("/account", "password")?;
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// Turns a fault of a new password into words of the page.
pub fn of_fault(fault: PasswordFault) -> Failure {
    match fault {
        PasswordFault::TooShort { .. } => Failure::unusable(
            format!("La contraseña es demasiado corta: hacen falta {SHORTEST} caracteres."),
            format!("The password is too short: it needs {SHORTEST} characters."),
        ),
        PasswordFault::TooLong => Failure::unusable("La contraseña es demasiado larga.", "The password is too long."),
        PasswordFault::ContainsName => Failure::unusable(
            "La contraseña contiene el nombre, que es lo primero que se prueba.",
            "The password contains the name, which is the first thing that others try.",
        ),
    }
}

/// Ends all sessions of the reader but this one.
pub async fn sign_out_others(State(page): State<Arc<Page>>, ask: Ask) -> Answer {
    let kept = ask.visitor.as_ref().map(|visitor| visitor.id.as_str());
    let ended = page.app().store.end_sessions_of(ask.name(), kept, ask.name(), ask.now).await?;
    tracing::info!(user = ask.name(), ended, "all other sessions ended");
    done("/account", "sessions")
}

/// How the page looks; only what was sent is changed.
#[derive(Deserialize)]
pub struct Preferences {
    language: Option<String>,
    theme: Option<String>,
    shortcuts: Option<String>,
    /// The path to come back to.
    back: Option<String>,
}

/// Keeps language, theme and shortcuts in cookies, so that they hold on the sign-in page too.
pub async fn preferences(ask: Ask, Form(form): Form<Preferences>) -> Answer {
    let back = form.back.filter(|back| is_path(back)).unwrap_or_else(|| "/".to_owned());
    let mut answer = Redirect::to(&back).into_response();
    let language = form.language.map(|code| ("language", Language::of_code(&code).code()));
    let theme = form.theme.map(|word| ("theme", Theme::of_word(&word).word()));
    let shortcuts = form.shortcuts.map(|word| ("shortcuts", if word == "off" { "off" } else { "on" }));
    let secure = if ask.is_secure { "; Secure" } else { "" };
    for (name, value) in [language, theme, shortcuts].into_iter().flatten() {
        let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={PREFERENCES_LAST}{secure}");
        let line = HeaderValue::from_str(&line).map_err(|_| Failure::Internal)?;
        answer.headers_mut().append(SET_COOKIE, line);
    }
    Ok(answer)
}

/// Returns whether a text is a path of this page, which may have a query, and not the address of another one.
fn is_path(text: &str) -> bool {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    plain && path.starts_with('/') && !path.starts_with("//") && query.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leaves_the_page() {
        for (text, fits) in [
            ("/", true),
            ("/queue/12", true),
            ("/posts?text=a%26b&state=sent&before=7", true),
            ("/posts?text=a\r\nSet-Cookie: a=b", false),
            ("//evil.example?a=b", false),
            ("//evil.example", false),
            ("https://evil.example", false),
            ("/\\evil.example", false),
            ("/a\r\nSet-Cookie: a=b", false),
            ("", false),
        ] {
            assert_eq!(is_path(text), fits, "{text:?}");
        }
    }
}
