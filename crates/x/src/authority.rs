//! X as the authority that grants access to an account: what `auth login` talks to.

use std::sync::Arc;

use jiff::SignedDuration;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::TwitterError;
use super::oauth2::Tokens;
use super::oauth2::login::Login;
use super::pin::{AccountTokens, AppKeys, PinLogin};
use super::transport::{SetupError, Timeouts, Transport};
use crate::secrets::Redactor;
use pregonero_system::clock::Clock;

/// A client of X's login endpoints.
#[derive(Debug)]
pub struct Authority {
    transport: Transport,
}

impl Authority {
    /// Creates a client of the authority at `base_url`.
    ///
    /// # Errors
    /// As [`super::Client::new`].
    pub fn new(base_url: &Url, clock: Arc<dyn Clock>, timeouts: Timeouts) -> Result<Self, SetupError> {
        Ok(Self { transport: Transport::new(base_url, clock, timeouts)? })
    }

    /// Begins a login with a PIN; returns the page that shows it.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached.
    pub async fn begin_pin(&self, keys: AppKeys) -> Result<(PinLogin, Url), TwitterError> {
        let login = PinLogin::begin(&self.transport, keys).await?;
        let page = login.page(&self.transport)?;
        Ok((login, page))
    }

    /// Exchanges the PIN for the account's tokens.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached; a PIN works only once.
    pub async fn finish_pin(&self, login: PinLogin, pin: &str) -> Result<AccountTokens, TwitterError> {
        login.finish(&self.transport, pin).await
    }

    /// Returns the app's own bearer token, for its key and secret (`POST /oauth2/token`, RFC 6749 section 4.4). It belongs to
    /// no account, does not expire, and is the same each time until a person revokes it.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached.
    pub async fn app_token(&self, keys: &AppKeys) -> Result<SecretString, TwitterError> {
        let redactor = Redactor::of([keys.consumer_key.clone(), keys.consumer_secret.clone()]);
        let [key, secret] = [&keys.consumer_key, &keys.consumer_secret].map(|value| encoded(value.expose_secret()));
        let request = self.transport.request(Method::POST, "/oauth2/token")?.basic_auth(key, Some(secret));
        let request = request.form(&[("grant_type", "client_credentials")]);
        let reply = self.transport.send(request, SignedDuration::ZERO, &redactor).await?;
        let body = if reply.status.is_success() { reply.json() } else { None };
        let token = body.as_ref().and_then(|body| body["access_token"].as_str()).filter(|token| !token.is_empty());
        match token {
            Some(token) => Ok(token.into()),
            None => Err(reply.into_error(&redactor)),
        }
    }

    /// Exchanges the code of an OAuth 2.0 login for tokens.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached; a code works only once and for thirty seconds.
    pub async fn exchange(&self, login: Login, code: &str) -> Result<Tokens, TwitterError> {
        login.exchange(&self.transport, code).await
    }
}

/// Encodes a key as RFC 6749 section 2.3.1 asks for, before it goes into HTTP Basic.
fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
