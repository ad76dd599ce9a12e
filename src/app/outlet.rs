//! What leaves the machine: posts to X, as the settings and credentials say, and alerts.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use super::SetupError;
use crate::alerts::{Channels, Plan, Watched};
use crate::audit;
use crate::config::Settings;
use crate::publish::{AuthMethod, Outlet, PostedTweet, Poster, PosterFuture};
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use pregonero_x::oauth2::{self, Grant, Tokens};
use pregonero_x::{self, Client, CreatedTweet, Credentials, Span, Timeline, Timeouts, User, secrets};

/// Opens the outlet that posts go to: X if `publish.live` is set, which needs credentials; otherwise a dry run.
///
/// # Errors
/// If `publish.live` is set but the bot cannot go live.
pub fn open_outlet(
    settings: &Settings,
    environment: &Environment,
    clock: Arc<dyn Clock>,
) -> Result<Outlet, SetupError> {
    if !settings.publish.live {
        return Ok(Outlet::DryRun);
    }
    let credentials = credentials(settings, environment)?.ok_or_else(|| match settings.publish.auth {
        AuthMethod::OAuth1 => SetupError::NoCredentials,
        AuthMethod::OAuth2 => SetupError::NoLogin { file: token_file(settings) },
    })?;
    warn_of(&credentials);
    pregonero_x::install_crypto_provider();
    let client = Client::new(&settings.publish.base_url, credentials, clock, Timeouts::default())?;
    Ok(Outlet::Live(Arc::new(client)))
}

/// Reads the credentials for the bot's account, of the kind that `publish.auth` names; `None` if none are given.
///
/// # Errors
/// If only some of the keys are given, a file cannot be read, or a value cannot be a key.
pub fn credentials(settings: &Settings, environment: &Environment) -> Result<Option<Credentials>, SetupError> {
    let folder = &settings.publish.tokens;
    if settings.publish.auth == AuthMethod::OAuth1 {
        return Ok(secrets::load_with(environment, Some(folder))?.map(Credentials::OAuth1));
    }
    let file = token_file(settings);
    let client_secret = secrets::one(environment, secrets::CLIENT_NAMES[1])?;
    Ok(Tokens::read(&file)?.map(|tokens| Credentials::OAuth2(Grant { file, tokens, client_secret })))
}

fn token_file(settings: &Settings) -> PathBuf {
    settings.publish.tokens.join(oauth2::FILE_NAME)
}

/// Builds the plan of what is watched and where alerts go.
///
/// # Errors
/// If the configured webhook cannot be used.
pub fn alert_plan(settings: &Settings, environment: &Environment) -> Result<Plan, SetupError> {
    let channels = Arc::new(Channels::open(&settings.alerts, environment)?);
    let page = settings.admin.public_url.clone().filter(|_| settings.admin.listen.is_some());
    Ok(Plan { watched: Watched::from(settings), channels, page })
}

/// Builds the plan of how the audit log is signed and where its checkpoints go.
///
/// # Errors
/// If the configured webhook cannot be used, or the key for checkpoints is given and cannot be read.
pub fn audit_plan(settings: &Settings, environment: &Environment) -> Result<audit::Plan, SetupError> {
    let Settings { audit, account, store, .. } = settings;
    let plan = audit::Plan::new(audit, &account.handle, &store.path, environment)?;
    plan.key.find()?;
    Ok(plan)
}

fn warn_of(credentials: &Credentials) {
    for warning in credentials.warnings() {
        tracing::warn!("{warning}");
    }
}

impl Poster for Client {
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a, PostedTweet> {
        Box::pin(async move {
            let CreatedTweet { id, status, transaction_id, limits, .. } = Client::create_tweet(self, text).await?;
            Ok(PostedTweet { id, status, transaction_id, limits })
        })
    }

    fn me(&self) -> PosterFuture<'_, User> {
        Box::pin(Client::me(self))
    }

    fn timeline<'a>(&'a self, user: &'a str, span: Span) -> PosterFuture<'a, Timeline> {
        Box::pin(Client::timeline(self, user, span))
    }

    fn clock_skew(&self) -> Option<SignedDuration> {
        Client::clock_skew(self)
    }

    fn fingerprint(&self, salt: &str) -> String {
        Client::fingerprint(self, salt)
    }
}
