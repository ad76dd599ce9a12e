//! X as the one who lets a bot into an account: what `auth login` talks to.

use std::sync::Arc;

use url::Url;

use super::error::TwitterError;
use super::oauth2::Tokens;
use super::oauth2::login::Login;
use super::pin::{AccountTokens, AppKeys, PinLogin};
use super::transport::{SetupError, Timeouts, Transport};
use pregonero_system::clock::Clock;

/// The way to X's login endpoints.
#[derive(Debug)]
pub struct Authority {
    transport: Transport,
}

impl Authority {
    /// The authority at `base_url`.
    ///
    /// # Errors
    /// As [`super::Client::new`].
    pub fn new(base_url: &Url, clock: Arc<dyn Clock>, timeouts: Timeouts) -> Result<Self, SetupError> {
        Ok(Self { transport: Transport::new(base_url, clock, timeouts)? })
    }

    /// Begins a login with a PIN; gives the page that shows it.
    ///
    /// # Errors
    /// As X refuses.
    pub async fn begin_pin(&self, keys: AppKeys) -> Result<(PinLogin, Url), TwitterError> {
        let login = PinLogin::begin(&self.transport, keys).await?;
        let page = login.page(&self.transport)?;
        Ok((login, page))
    }

    /// Gives the PIN for the account's tokens.
    ///
    /// # Errors
    /// As X refuses; a PIN works once.
    pub async fn finish_pin(&self, login: PinLogin, pin: &str) -> Result<AccountTokens, TwitterError> {
        login.finish(&self.transport, pin).await
    }

    /// Gives the code of an OAuth 2.0 login for tokens.
    ///
    /// # Errors
    /// As X refuses; a code works once and for thirty seconds.
    pub async fn exchange(&self, login: Login, code: &str) -> Result<Tokens, TwitterError> {
        login.exchange(&self.transport, code).await
    }
}
