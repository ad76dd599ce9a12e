//! X as the authority that grants access to an account: what `auth login` talks to.

use std::sync::Arc;

use url::Url;

use super::error::TwitterError;
use super::oauth2::Tokens;
use super::oauth2::login::Login;
use super::pin::{AccountTokens, AppKeys, PinLogin};
use super::transport::{SetupError, Timeouts, Transport};
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

    /// Exchanges the code of an OAuth 2.0 login for tokens.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached; a code works only once and for thirty seconds.
    pub async fn exchange(&self, login: Login, code: &str) -> Result<Tokens, TwitterError> {
        login.exchange(&self.transport, code).await
    }
}
