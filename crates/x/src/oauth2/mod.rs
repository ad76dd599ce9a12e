//! OAuth 2.0 with PKCE (RFC 6749, RFC 7636): the access token of a login, renewed when it is about to expire.
//!
//! X's refresh tokens work only once, and using one twice ends the login. So a renewal is made by only one task of one
//! process at a time; its beginning is recorded on disk before X is asked, and the new pair is on disk before it is
//! used. It is a separate task: if the call that needed the token is cancelled, the renewal continues, and a stop waits
//! for it ([`renewals_finished`]). What remains is a crash between X's answer and the disk: it costs the login, and the
//! permanent refusal that follows says so.

pub mod login;
mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::task::TaskTracker;

use self::tokens::RenewalLock;
pub use self::tokens::{FILE_NAME, TokenFileError, Tokens, write_secret};
use super::error::{Answer, RefusalKind, TwitterError};
use super::transport::Transport;
use crate::secrets::Redactor;
use pregonero_system::clock::shown;

/// Where X exchanges codes and refresh tokens.
const TOKEN_PATH: &str = "/2/oauth2/token";

/// A token this close to its expiry is renewed first: a call may take a minute.
const MARGIN: SignedDuration = SignedDuration::from_mins(2);

/// How often to check for the end of another process's renewal, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(90);

/// The renewals under way, of every client in this process: a reload may have replaced a client that is renewing.
static RENEWALS: LazyLock<TaskTracker> = LazyLock::new(|| {
    let renewals = TaskTracker::new();
    // A closed tracker can be waited for; tasks may still be added.
    renewals.close();
    renewals
});

/// Waits until no renewal of a login is under way in this process.
pub async fn renewals_finished() {
    RENEWALS.wait().await;
}

/// A login on disk.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The token file; this process and others read and renew the login there.
    pub file: PathBuf,
    pub tokens: Tokens,
    /// Present for an app that X calls confidential.
    pub client_secret: Option<SecretString>,
}

/// A login in use.
#[derive(Debug)]
pub(super) struct Session {
    transport: Arc<Transport>,
    file: PathBuf,
    client_secret: Option<SecretString>,
    fingerprint_of: String,
    /// The lock is held during a whole renewal, so that only one runs at a time.
    state: Arc<Mutex<State>>,
    /// Every secret this session has ever had, to be masked in text that comes from outside.
    known: StdMutex<Vec<SecretString>>,
}

#[derive(Debug)]
struct State {
    tokens: Tokens,
    /// X has issued these tokens but they are not on disk yet: they are not used until they are.
    unsaved: bool,
}

impl Session {
    pub(super) fn new(transport: Arc<Transport>, grant: Grant) -> Self {
        let Grant { file, tokens, client_secret } = grant;
        let session = Self {
            transport,
            file,
            known: StdMutex::new(client_secret.iter().cloned().collect()),
            client_secret,
            fingerprint_of: format!("{}\n{}", tokens.client_id, tokens.login),
            state: Arc::new(Mutex::new(State { tokens: tokens.clone(), unsaved: false })),
        };
        session.learn(&tokens);
        session
    }

    /// Returns a digest that identifies this login, renewed or not.
    pub(super) fn fingerprint(&self, salt: &str) -> String {
        format!("{:x}", Sha256::new_with_prefix(salt).chain_update(&self.fingerprint_of).finalize())
    }

    pub(super) fn redactor(&self) -> Redactor {
        Redactor::of(self.known.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned())
    }

    /// Returns a token that will live long enough for a call. `correction` is X's clock minus ours.
    ///
    /// # Errors
    /// [`TwitterError::Refused`] if the login is over; [`TwitterError::NotSent`] if it could not be renewed now:
    /// nothing was posted in either case.
    pub(super) async fn access_token(
        self: &Arc<Self>,
        correction: SignedDuration,
    ) -> Result<SecretString, TwitterError> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        self.save(&mut state)?;
        if is_fresh(&state.tokens, self.now(correction)) {
            return Ok(state.tokens.access_token.clone());
        }
        self.renew_apart(state, None, correction).await
    }

    /// Returns a token after X has refused `refused`, which had not expired.
    ///
    /// # Errors
    /// As [`Self::access_token`].
    pub(super) async fn after_refusal(
        self: &Arc<Self>,
        refused: &SecretString,
        correction: SignedDuration,
    ) -> Result<SecretString, TwitterError> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        self.save(&mut state)?;
        if state.tokens.access_token.expose_secret() != refused.expose_secret() {
            // Another call has renewed it meanwhile.
            return Ok(state.tokens.access_token.clone());
        }
        self.renew_apart(state, Some(refused.clone()), correction).await
    }

    /// Renews in a separate task, which holds the lock until the new pair is on disk, even if the caller is cancelled.
    async fn renew_apart(
        self: &Arc<Self>,
        mut state: OwnedMutexGuard<State>,
        refused: Option<SecretString>,
        correction: SignedDuration,
    ) -> Result<SecretString, TwitterError> {
        let session = Arc::clone(self);
        let renewal = RENEWALS.spawn(async move { session.renew(&mut state, refused.as_ref(), correction).await });
        renewal.await.unwrap_or_else(|error| {
            Err(TwitterError::NotSent { reason: format!("the login could not be renewed: {error}") })
        })
    }

    fn now(&self, correction: SignedDuration) -> Timestamp {
        let now = self.transport.now();
        now.checked_add(correction).unwrap_or(now)
    }

    fn learn(&self, tokens: &Tokens) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(std::iter::once(&tokens.access_token).chain(&tokens.refresh_token).cloned());
    }

    /// Retries, before anything else, to save tokens that X issued but the disk did not accept.
    fn save(&self, state: &mut State) -> Result<(), TwitterError> {
        if state.unsaved {
            self.keep(&state.tokens)?;
            state.unsaved = false;
        }
        Ok(())
    }

    fn keep(&self, tokens: &Tokens) -> Result<(), TwitterError> {
        tokens.write(&self.file).map_err(|error| TwitterError::NotSent { reason: error.to_string() })
    }

    async fn renew(
        &self,
        state: &mut State,
        refused: Option<&SecretString>,
        correction: SignedDuration,
    ) -> Result<SecretString, TwitterError> {
        let _lock = self.lock().await?;
        self.adopt(state)?;
        let is_refused =
            refused.is_some_and(|token| token.expose_secret() == state.tokens.access_token.expose_secret());
        if !is_refused && is_fresh(&state.tokens, self.now(correction)) {
            return Ok(state.tokens.access_token.clone());
        }
        let Some(refresh_token) = state.tokens.refresh_token.clone() else {
            return Err(over("the login has expired and cannot be renewed (it was made without offline.access)"));
        };
        let begun_before = state.tokens.renewing_since;
        state.tokens.renewing_since = begun_before.or(Some(self.transport.now()));
        self.keep(&state.tokens)?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
        let client_id = state.tokens.client_id.clone();
        match ask(&self.transport, &client_id, self.client_secret.as_ref(), &form, &self.redactor()).await {
            Ok(given) => {
                let now = self.transport.now();
                state.tokens = given.renewing(&state.tokens, now);
                self.learn(&state.tokens);
                state.unsaved = true;
                self.save(state)?;
                tracing::info!(expires_at = shown(state.tokens.expires_at), "the login was renewed");
                Ok(state.tokens.access_token.clone())
            }
            Err(TwitterError::NotSent { reason }) => {
                state.tokens.renewing_since = begun_before;
                self.keep(&state.tokens)?;
                Err(TwitterError::NotSent { reason: format!("the login could not be renewed: {reason}") })
            }
            Err(TwitterError::Refused { kind: RefusalKind::Unauthorized, answer }) => {
                Err(refused_renewal(&answer, begun_before))
            }
            // In every other case too, no post was sent.
            Err(error) => Err(TwitterError::NotSent { reason: format!("the login could not be renewed: {error}") }),
        }
    }

    /// Takes the lock, waiting for another process that renews.
    async fn lock(&self) -> Result<RenewalLock, TwitterError> {
        let not_sent = |reason: String| TwitterError::NotSent { reason: format!("{}: {reason}", self.file.display()) };
        let since = tokio::time::Instant::now();
        loop {
            match RenewalLock::try_take(&self.file) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if since.elapsed() < LONGEST_LOOK => tokio::time::sleep(LOOK_EVERY).await,
                Ok(None) => {
                    return Err(not_sent("another process has been renewing the login for too long".to_owned()));
                }
                Err(error) => return Err(not_sent(error.to_string())),
            }
        }
    }

    /// Adopts the tokens on disk: another process may have renewed the login, or a person logged in again.
    fn adopt(&self, state: &mut State) -> Result<(), TwitterError> {
        let found = Tokens::read(&self.file).map_err(|error| TwitterError::NotSent { reason: error.to_string() })?;
        if let Some(found) = found {
            self.learn(&found);
            state.tokens = found;
        }
        Ok(())
    }
}

fn is_fresh(tokens: &Tokens, now: Timestamp) -> bool {
    tokens.expires_at.duration_since(now) > MARGIN
}

/// The token endpoint's answer.
#[derive(Debug)]
struct Given {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    lifetime: SignedDuration,
    scope: String,
}

impl Given {
    fn of(body: &Value) -> Option<Self> {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        Some(Self {
            access_token: text("access_token")?.into(),
            refresh_token: text("refresh_token").map(Into::into),
            // RFC 6749 lets a server leave it out; X's tokens live two hours.
            lifetime: SignedDuration::from_secs(body["expires_in"].as_i64().unwrap_or(7200)),
            scope: text("scope").unwrap_or_default().to_owned(),
        })
    }

    /// Returns the renewed tokens. By RFC 6749 section 6, a refresh token that is not issued anew stays valid.
    fn renewing(self, old: &Tokens, now: Timestamp) -> Tokens {
        Tokens {
            client_id: old.client_id.clone(),
            login: old.login.clone(),
            access_token: self.access_token,
            refresh_token: self.refresh_token.or_else(|| old.refresh_token.clone()),
            expires_at: now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX),
            scope: if self.scope.is_empty() { old.scope.clone() } else { self.scope },
            renewing_since: None,
        }
    }
}

/// Calls the token endpoint. A refusal of the code or token is reported as `Unauthorized`.
async fn ask(
    transport: &Transport,
    client_id: &str,
    client_secret: Option<&SecretString>,
    form: &[(&str, &str)],
    redactor: &Redactor,
) -> Result<Given, TwitterError> {
    let mut form = form.to_vec();
    let mut request = transport.request(Method::POST, TOKEN_PATH)?;
    match client_secret {
        Some(secret) => request = request.basic_auth(client_id, Some(secret.expose_secret())),
        None => form.push(("client_id", client_id)),
    }
    let reply = transport.send(request.form(&form), SignedDuration::ZERO, redactor).await?;
    let (status, body) = (reply.status.as_u16(), reply.json());
    if reply.status.is_success()
        && let Some(given) = body.as_ref().and_then(Given::of)
    {
        return Ok(given);
    }
    // RFC 6749 section 5.2: `error` in JSON. A page of HTML with the same status does not come from X.
    let refused = body.as_ref().and_then(|body| body["error"].as_str()).is_some_and(|error| {
        matches!(error, "invalid_request" | "invalid_grant" | "invalid_client" | "unauthorized_client")
    });
    if refused && matches!(status, 400 | 401 | 403) {
        let description = body.and_then(|body| body["error_description"].as_str().map(str::to_owned));
        let detail = redactor.redact(&description.unwrap_or_default());
        let answer = Answer { status, detail, ..Answer::default() };
        return Err(TwitterError::Refused { kind: RefusalKind::Unauthorized, answer });
    }
    Err(reply.into_error(redactor))
}

fn over(why: &str) -> TwitterError {
    let detail = format!("{why}: log in again with `pregonero auth login --oauth2`");
    TwitterError::Refused {
        kind: RefusalKind::Unauthorized,
        answer: Answer { status: 400, detail, ..Answer::default() },
    }
}

/// Returns the error if X refuses the refresh token: the login was revoked, or an earlier renewal used the token up and
/// its answer was lost.
fn refused_renewal(answer: &Answer, begun_before: Option<Timestamp>) -> TwitterError {
    let why = match begun_before {
        Some(since) => format!(
            "the login is lost: a renewal that began at {} was cut off before its answer was on disk ({})",
            shown(since),
            answer.detail
        ),
        None => format!("X has ended the login ({})", answer.detail),
    };
    let status = answer.status;
    match over(&why) {
        TwitterError::Refused { kind, answer } => TwitterError::Refused { kind, answer: Answer { status, ..answer } },
        error => error,
    }
}

#[cfg(test)]
mod tests;
