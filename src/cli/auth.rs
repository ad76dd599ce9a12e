//! `pregonero auth`: a person logs the bot in to its account, or gets the app's own token.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::output::Output;
use super::session::Session;
use crate::config::Settings;
use crate::publish::AuthMethod;
use pregonero_system::clock::SystemClock;
use pregonero_x::oauth2::login::Login;
use pregonero_x::oauth2::{self, Grant, Tokens};
use pregonero_x::pin::AppKeys;
use pregonero_x::secrets::{self, BEARER_NAME, CLIENT_NAMES, NAMES};
use pregonero_x::{Authority, Client, Credentials, Timeouts, TwitterError};

/// How long the person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What to do.
#[derive(Debug, Subcommand)]
pub enum AuthCommand {
    /// Log in to the account; writes the token files into publish.tokens
    Login(LoginArguments),
}

/// How to log in.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --oauth2: X shows a PIN, which you type here. Needs the app's TWITTER_CONSUMER_KEY and TWITTER_CONSUMER_SECRET. The
tokens do not expire.
With --oauth2: X sends the browser back to this machine. Needs the app's TWITTER_CLIENT_ID, TWITTER_CLIENT_SECRET if X calls
the app confidential, and http://127.0.0.1:PORT/callback among the app's callback addresses. Then set
publish.auth = \"oauth2\". The tokens are renewed every two hours.
With --app: gets the app's own bearer token for TWITTER_CONSUMER_KEY and TWITTER_CONSUMER_SECRET. It belongs to no account,
cannot post and does not expire; `dataset collect` and `dataset hydrate` read with it.")]
pub struct LoginArguments {
    /// Use OAuth 2.0 with PKCE instead of OAuth 1.0a with a PIN
    #[arg(long)]
    oauth2: bool,
    /// Get the app's own bearer token instead, which reads and cannot post
    #[arg(long, conflicts_with = "oauth2")]
    app: bool,
    /// The port on this machine that X sends the browser back to
    #[arg(long, value_name = "PORT", default_value_t = 8765, requires = "oauth2")]
    port: u16,
}

/// Runs `auth`.
///
/// # Errors
/// If the app's keys are missing, X refuses, the account is not `account.handle`, or the files cannot be written.
pub async fn run(command: AuthCommand, session: &Session) -> Result<()> {
    let AuthCommand::Login(arguments) = command;
    let settings = session.settings()?;
    let authority = Authority::new(&settings.publish.base_url, Arc::new(SystemClock), Timeouts::default())?;
    if arguments.app {
        get_app_token(&authority, &settings, session).await
    } else if arguments.oauth2 {
        login_with_browser(&arguments, &authority, &settings, session).await
    } else {
        login_with_pin(&authority, &settings, session).await
    }
}

async fn login_with_pin(authority: &Authority, settings: &Settings, session: &Session) -> Result<()> {
    let keys = app_keys(session)?;
    let (login, page) = authority.begin_pin(keys).await?;
    Output::complain(&format!("Log in to the bot's account in a browser, then open\n\n  {page}\n\nand type the PIN:"));
    let pin = tokio::task::spawn_blocking(read_line).await.context("reading the PIN")??;
    ensure!(!pin.is_empty() && pin.chars().all(|c| c.is_ascii_alphanumeric()), "expected a PIN of digits, found none");
    let tokens = authority.finish_pin(login, &pin).await?;
    if let Some(handle) = &tokens.screen_name {
        same_account(handle, settings)?;
    }
    let folder = &settings.publish.tokens;
    let files = [
        oauth2::write_secret(folder, NAMES[2], &tokens.access_token)?,
        oauth2::write_secret(folder, NAMES[3], &tokens.access_token_secret)?,
    ];
    let handle = tokens.screen_name.unwrap_or_else(|| settings.account.handle.clone());
    session.output.object(
        || format!("logged in as @{handle}; tokens in {} and {}", files[0].display(), files[1].display()),
        || json!({"account": handle, "method": "oauth1", "files": files}),
    )
}

fn app_keys(session: &Session) -> Result<AppKeys> {
    let [key, secret, ..] = NAMES.map(|name| secrets::one(&session.environment, name).transpose());
    let missing = || format!("set {} and {}: the app's keys from console.x.com", NAMES[0], NAMES[1]);
    Ok(AppKeys { consumer_key: key.with_context(missing)??, consumer_secret: secret.with_context(missing)?? })
}

/// Gets the app's bearer token and writes it next to the account's tokens.
async fn get_app_token(authority: &Authority, settings: &Settings, session: &Session) -> Result<()> {
    let token = authority.app_token(&app_keys(session)?).await.map_err(|error| match error {
        // This request posts nothing, so an unreadable answer is no open question.
        TwitterError::OutcomeUnknown { reason, .. } => anyhow!("X gave no token: {reason}"),
        error => error.into(),
    })?;
    let file = oauth2::write_secret(&settings.publish.tokens, BEARER_NAME, &token)?;
    session.output.object(
        || format!("the app's bearer token is in {}", file.display()),
        || json!({"method": "app", "files": [file]}),
    )
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

async fn login_with_browser(
    arguments: &LoginArguments,
    authority: &Authority,
    settings: &Settings,
    session: &Session,
) -> Result<()> {
    let [client_id, client_secret] = CLIENT_NAMES.map(|name| secrets::one(&session.environment, name));
    let client_id =
        client_id?.with_context(|| format!("set {}: the app's client ID, from console.x.com", CLIENT_NAMES[0]))?;
    let client_secret = client_secret?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", arguments.port))
        .await
        .with_context(|| format!("cannot listen on port {} of this machine: choose another --port", arguments.port))?;
    let redirect_uri = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
    let client_id = secrecy::ExposeSecret::expose_secret(&client_id).to_owned();
    let login = Login::begin(&client_id, client_secret.clone(), &redirect_uri);
    Output::complain(&format!(
        "Log in to the bot's account in a browser on this machine, then open\n\n  {}\n",
        login.page()
    ));
    let code = wait_for_code(listener, &login).await?;
    let tokens = authority.exchange(login, &code).await?;
    if tokens.refresh_token.is_none() {
        bail!("X gave no refresh token, so the login would end in two hours: give the app the scope offline.access");
    }
    let handle = whose(&tokens, client_secret, settings).await?;
    let file = settings.publish.tokens.join(oauth2::FILE_NAME);
    tokens.write(&file)?;
    if settings.publish.auth != AuthMethod::OAuth2 {
        session.output.note("set publish.auth = \"oauth2\", so that the bot uses this login");
    }
    session.output.object(
        || format!("logged in as @{handle}; tokens in {}", file.display()),
        || json!({"account": handle, "method": "oauth2", "files": [file]}),
    )
}

/// Asks X which account the tokens belong to. New tokens are not renewed for this, so nothing can be lost although they are
/// not on disk yet.
async fn whose(tokens: &Tokens, client_secret: Option<secrecy::SecretString>, settings: &Settings) -> Result<String> {
    let grant = Grant { file: settings.publish.tokens.join(oauth2::FILE_NAME), tokens: tokens.clone(), client_secret };
    let base_url = &settings.publish.base_url;
    let client = Client::new(base_url, Credentials::OAuth2(grant), Arc::new(SystemClock), Timeouts::default())?;
    let user = client.me().await?;
    same_account(&user.username, settings)?;
    Ok(user.username)
}

/// Refuses an account other than `account.handle`: a mistake in the browser must not make the bot post from a person's own
/// account.
fn same_account(found: &str, settings: &Settings) -> Result<()> {
    let wanted = &settings.account.handle;
    ensure!(
        found.eq_ignore_ascii_case(wanted),
        "the browser was logged in as @{found}, but account.handle is @{wanted}: nothing was written; \
         log in as the bot and try again"
    );
    Ok(())
}

/// The parameters with which X's page sends the browser back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Callback {
    code: String,
    state: String,
    error: String,
}

/// Listens until the browser comes back with this login's state. Any other request to the port is turned away.
async fn wait_for_code(listener: tokio::net::TcpListener, login: &Login) -> Result<String> {
    let (sender, mut received) = mpsc::channel(1);
    let router = Router::new().route("/callback", get(receive)).with_state(sender);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let answered = async {
        loop {
            let Some((callback, answer)) = received.recv().await else { bail!("the listener has ended") };
            let callback: Callback = callback;
            if !login.is_ours(&callback.state) {
                let _ = answer.send((StatusCode::BAD_REQUEST, "This is not the answer that pregonero is waiting for."));
                continue;
            }
            if !callback.error.is_empty() || callback.code.is_empty() {
                let _ = answer.send((StatusCode::OK, "X did not let the bot in. You can close this page."));
                bail!("X did not let the bot in: {}", callback.error);
            }
            let _ = answer.send((StatusCode::OK, "The bot has its answer. You can close this page."));
            return Ok(callback.code);
        }
    };
    let code = tokio::time::timeout(PATIENCE, answered).await.context("there was no answer within ten minutes")?;
    // The browser has its page by now, or will not get it: the page says nothing that the terminal does not.
    serving.abort();
    code
}

type Answer = tokio::sync::oneshot::Sender<(StatusCode, &'static str)>;

async fn receive(
    State(sender): State<mpsc::Sender<(Callback, Answer)>>,
    Query(callback): Query<Callback>,
) -> (StatusCode, &'static str) {
    const GONE: (StatusCode, &str) = (StatusCode::GONE, "pregonero has stopped waiting.");
    let (answer, answered) = tokio::sync::oneshot::channel();
    if sender.send((callback, answer)).await.is_err() {
        return GONE;
    }
    answered.await.unwrap_or(GONE)
}
