//! Signing in, the session's cookie, and who a request comes from.
//!
//! The cookie is `id.secret`, both random; the record has only the secret's digest. An unknown name and a wrong password get
//! the same answer after the same time.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::OwnedSemaphorePermit;

use super::ask::{Ask, cookie};
use super::failure::Failure;
use super::security::random;
use super::shares::{Share, network_of};
use super::{Page, password};
use pregonero_store::{NewSession, SessionUser, StoreError};

/// The bytes of randomness of an id and of a secret.
const ID: usize = 16;
const SECRET: usize = 32;

/// The wait, in seconds, that the answer names if too many people are signing in at once.
const WAIT_FOR_A_PLACE: i64 = 5;

/// Returns the cookie's name. Over an encrypted connection, browsers take one with this prefix only from the host itself.
fn name(ask: &Ask) -> &'static str {
    if ask.is_secure { "__Host-pregonero" } else { "pregonero" }
}

/// Returns the session that a request belongs to.
pub(super) async fn of(page: &Page, ask: &Ask, headers: &HeaderMap) -> Result<Option<SessionUser>, StoreError> {
    let Some((id, secret)) = cookie(headers, name(ask)).and_then(|value| value.split_once('.')) else {
        return Ok(None);
    };
    let app = page.app();
    let idle = page.admin.sessions.idle;
    let Some(session) = app.store.session(id, idle, ask.now).await? else { return Ok(None) };
    let digest: [u8; 32] = Sha256::digest(secret).into();
    if !bool::from(digest[..].ct_eq(&session.secret_sha256)) {
        return Ok(None);
    }
    // That the use cannot be recorded (a full disk) must not keep anybody from looking.
    if let Err(error) = app.store.touch_session(&session, ask.now).await {
        tracing::warn!(%error, "the use of a session could not be recorded");
    }
    Ok(Some(session))
}

/// Returns the header that sets the cookie, or removes it.
fn set_cookie(ask: &Ask, value: Option<&str>, lasts: u64) -> HeaderValue {
    let secure = if ask.is_secure { "; Secure" } else { "" };
    let (value, age) = value.map_or(("", 0), |value| (value, lasts));
    let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}", name(ask));
    HeaderValue::from_str(&line).expect("ids and secrets are plain text")
}

/// Returns the header that removes the cookie.
pub(super) fn forget(ask: &Ask) -> HeaderValue {
    set_cookie(ask, None, 0)
}

/// Begins a session of a user; returns the header with its cookie, or `None` if there is no such user any more. `before` is
/// the session that it takes the place of.
async fn begin(
    page: &Page,
    ask: &Ask,
    user: &str,
    before: Option<(&str, [u8; 32])>,
) -> Result<Option<HeaderValue>, Failure> {
    let (id, secret) = (random::<ID>(), random::<SECRET>());
    let new = NewSession { id: &id, secret_sha256: Sha256::digest(&secret).into(), user };
    if !page.app().store.start_session(&new, before, page.admin.sessions, ask.now).await? {
        return Ok(None);
    }
    let lasts = page.admin.sessions.expires.as_secs();
    Ok(Some(set_cookie(ask, Some(&format!("{id}.{secret}")), lasts)))
}

/// Gives the person who is signed in another session, after all of theirs were ended; returns the header with its cookie.
pub(super) async fn begin_anew(page: &Page, ask: &Ask) -> Result<HeaderValue, Failure> {
    begin(page, ask, ask.name(), None).await?.ok_or(Failure::NotSignedIn)
}

/// Signs a person in; returns the header with the new session's cookie. The session before is ended, so that nobody goes on
/// with one that somebody else prepared.
///
/// # Errors
/// [`Failure::TooManyTries`]; `None` in the result is a wrong name or password.
pub(super) async fn sign_in(
    page: &Arc<Page>,
    ask: &Ask,
    headers: &HeaderMap,
    account: &str,
    password: &str,
) -> Result<Option<HeaderValue>, Failure> {
    let place = place(page, ask)?;
    let store = &page.app().store;
    let digest: [u8; 32] = Sha256::digest(account.trim().to_lowercase()).into();
    let tried = match store.try_sign_in(&digest, &network_of(ask.address), ask.now).await? {
        Ok(tried) => tried,
        Err(wait) => {
            let seconds = wait.until.duration_since(ask.now).as_secs().max(0) + 1;
            tracing::warn!(address = %ask.address, seconds, "too many wrong sign-ins");
            return Err(Failure::TooManyTries { seconds });
        }
    };
    let found = store.password_hash(account.trim()).await?;
    let (user, phc) = found.unzip();
    let is_right = verify(page, place, phc, password.to_owned()).await?;
    let Some(user) = user.filter(|_| is_right) else {
        tracing::warn!(address = %ask.address, "a sign-in with a wrong name or password");
        return Ok(None);
    };
    store.sign_in_succeeded(tried).await?;
    let before = cookie(headers, name(ask)).and_then(|value| value.split_once('.'));
    // Whoever knows an id without its secret ends nobody's session.
    let before = before.map(|(id, secret)| (id, Sha256::digest(secret).into()));
    let begun = begin(page, ask, &user, before).await?;
    if begun.is_some() {
        tracing::info!(user, address = %ask.address, "signed in");
    }
    Ok(begun)
}

/// Asks a person who is signed in for the password again, before something that a stolen session must not do.
///
/// # Errors
/// [`Failure::TooManyTries`], or that the password is missing or wrong.
pub(super) async fn check_again(page: &Arc<Page>, ask: &Ask, password: &str) -> Result<(), Failure> {
    if password.is_empty() {
        return Err(Failure::unusable("Falta tu contraseña actual.", "Your own current password is missing."));
    }
    let place = place(page, ask)?;
    let store = &page.app().store;
    let digest: [u8; 32] = Sha256::digest(ask.name().to_lowercase()).into();
    let tried = match store.try_sign_in(&digest, &network_of(ask.address), ask.now).await? {
        Ok(tried) => tried,
        Err(wait) => {
            return Err(Failure::TooManyTries { seconds: wait.until.duration_since(ask.now).as_secs().max(0) + 1 });
        }
    };
    let phc = store.password_hash(ask.name()).await?.map(|(_, phc)| phc);
    if !verify(page, place, phc, password.to_owned()).await? {
        return Err(Failure::unusable("La contraseña actual no es correcta.", "The current password is wrong."));
    }
    Ok(store.sign_in_succeeded(tried).await?)
}

/// Takes a place among those whose passwords are compared or wait for it. A try that finds none is not counted.
///
/// # Errors
/// [`Failure::TooManyTries`] if there is none left, or the network has its share already.
fn place(page: &Page, ask: &Ask) -> Result<Place, Failure> {
    let busy = Failure::TooManyTries { seconds: WAIT_FOR_A_PLACE };
    let share = page.guessing.take(ask.address).ok_or(busy.clone())?;
    let place = Arc::clone(&page.hashing_or_waiting).try_acquire_owned().map_err(|_| busy)?;
    Ok(Place { _share: share, _place: place })
}

/// A place among those whose passwords are compared or wait for it, and the network's share of them.
struct Place {
    _share: Share,
    _place: OwnedSemaphorePermit,
}

/// Compares a password with a hash away from the runtime's threads, two at a time: each takes a tenth of a second and 19 MiB.
async fn verify(page: &Page, place: Place, phc: Option<String>, given: String) -> Result<bool, Failure> {
    alone(page, place, move || password::verify(phc.as_deref(), &given)).await
}

/// Hashes a new password away from the runtime's threads.
pub(super) async fn hash(page: &Page, ask: &Ask, given: String) -> Result<String, Failure> {
    alone(page, place(page, ask)?, move || password::hash(&given)).await
}

/// Does expensive work in its turn. The turn ends with the work, and not when nobody waits for it any more: work that has
/// begun goes on then.
async fn alone<T: Send + 'static>(
    page: &Page,
    place: Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let turn = Arc::clone(&page.hashing).acquire_owned().await.map_err(|_| Failure::Internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let _held = (place, turn);
        work()
    });
    done.await.map_err(|_| Failure::Internal)
}
