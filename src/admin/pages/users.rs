//! Who may use the page. An admin cannot change the own account here, so that nobody is locked out by mistake; the command line
//! can change everything.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use serde::Deserialize;

use super::account::of_fault;
use super::{Answer, Done, done, html};
use crate::admin::ask::Ask;
use crate::admin::failure::Failure;
use crate::admin::password::{SHORTEST, check_new};
use crate::admin::{Page, session};
use pregonero_store::{Role, UserRecord};

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage<'a> {
    ask: &'a Ask,
    done: &'a str,
    users: Vec<UserRecord>,
    roles: &'static [Role],
    shortest: usize,
}

/// The list, with the forms.
pub async fn list(State(page): State<Arc<Page>>, ask: Ask, Query(query): Query<Done>) -> Answer {
    let users = page.app().store.users().await?;
    html(&UsersPage { ask: &ask, done: &query.done, users, roles: Role::ALL, shortest: SHORTEST })
}

/// What the form of a new user sends.
#[derive(Deserialize)]
pub struct NewUser {
    name: String,
    role: String,
    password: String,
    /// The password of the admin who asks.
    #[serde(default)]
    current: String,
}

/// The password of the admin who asks, before something that a stolen session must not do.
#[derive(Deserialize)]
pub struct Confirmation {
    #[serde(default)]
    current: String,
}

fn role_of(word: &str) -> Result<Role, Failure> {
    Role::from_word(word).ok_or_else(|| Failure::unusable("Ese rol no existe.", "There is no such role."))
}

/// Refuses to change the account of the person who asks.
fn somebody_else(ask: &Ask, name: &str) -> Result<(), Failure> {
    if name.to_lowercase() != ask.name().to_lowercase() {
        return Ok(());
    }
    Err(Failure::unusable(
        "La propia cuenta no se cambia aquí, para que nadie se cierre la puerta a sí mismo.",
        "You cannot change your own account here, so that nobody locks themselves out.",
    ))
}

/// Adds a user.
pub async fn add(State(page): State<Arc<Page>>, ask: Ask, Form(form): Form<NewUser>) -> Answer {
    let (name, role) = (form.name.trim().to_owned(), role_of(&form.role)?);
    check_new(&form.password, &name).map_err(of_fault)?;
    session::check_again(&page, &ask, &form.current).await?;
    let phc = session::hash(&page, &ask, form.password).await?;
    page.app().store.add_user(&name, role, &phc, ask.name(), ask.now).await?;
    tracing::info!(user = name, %role, by = ask.name(), "user added");
    done("/users", "added")
}

/// A new role.
#[derive(Deserialize)]
pub struct NewRole {
    role: String,
    #[serde(default)]
    current: String,
}

/// Gives a user another role and ends the sessions.
pub async fn role(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(name): Path<String>,
    Form(form): Form<NewRole>,
) -> Answer {
    somebody_else(&ask, &name)?;
    let role = role_of(&form.role)?;
    session::check_again(&page, &ask, &form.current).await?;
    page.app().store.set_role(&name, role, ask.name(), ask.now).await?;
    tracing::info!(user = name, %role, by = ask.name(), "role changed");
    done("/users", "changed")
}

/// A new password, for somebody who forgot the old one.
#[derive(Deserialize)]
pub struct Password {
    password: String,
    #[serde(default)]
    current: String,
}

/// Gives a user another password and ends the sessions.
pub async fn password(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(name): Path<String>,
    Form(form): Form<Password>,
) -> Answer {
    somebody_else(&ask, &name)?;
    check_new(&form.password, &name).map_err(of_fault)?;
    session::check_again(&page, &ask, &form.current).await?;
    let phc = session::hash(&page, &ask, form.password).await?;
    page.app().store.set_password(&name, &phc, ask.name(), ask.now).await?;
    tracing::info!(user = name, by = ask.name(), "password changed");
    done("/users", "changed")
}

/// Lets a user in no more.
pub async fn disable(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(name): Path<String>,
    Form(form): Form<Confirmation>,
) -> Answer {
    set_disabled(&page, &ask, &name, &form, true).await
}

/// Lets a user in again.
pub async fn enable(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(name): Path<String>,
    Form(form): Form<Confirmation>,
) -> Answer {
    set_disabled(&page, &ask, &name, &form, false).await
}

async fn set_disabled(page: &Arc<Page>, ask: &Ask, name: &str, form: &Confirmation, disabled: bool) -> Answer {
    somebody_else(ask, name)?;
    session::check_again(page, ask, &form.current).await?;
    page.app().store.set_disabled(name, disabled, ask.name(), ask.now).await?;
    tracing::info!(user = name, disabled, by = ask.name(), "user changed");
    done("/users", "changed")
}

/// Removes a user.
pub async fn remove(
    State(page): State<Arc<Page>>,
    ask: Ask,
    Path(name): Path<String>,
    Form(form): Form<Confirmation>,
) -> Answer {
    somebody_else(&ask, &name)?;
    session::check_again(&page, &ask, &form.current).await?;
    page.app().store.remove_user(&name, ask.name(), ask.now).await?;
    tracing::info!(user = name, by = ask.name(), "user removed");
    done("/users", "removed")
}

/// Ends all sessions of a user.
pub async fn sign_out(State(page): State<Arc<Page>>, ask: Ask, Path(name): Path<String>) -> Answer {
    let kept = ask.visitor.as_ref().filter(|visitor| visitor.name == name).map(|visitor| visitor.id.clone());
    page.app().store.end_sessions_of(&name, kept.as_deref(), ask.name(), ask.now).await?;
    tracing::info!(user = name, by = ask.name(), "sessions ended");
    done("/users", "sessions")
}
