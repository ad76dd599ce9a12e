//! A login by a person with a PIN: OAuth 1.0a's three steps (RFC 5849 section 2; X's "PIN-based OAuth"). It is for an
//! account other than the app owner's own, whose tokens are created at console.x.com.

use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::TwitterError;
use super::oauth1::{KeyPair, Signing, Stamp};
use super::transport::Transport;
use crate::secrets::Redactor;

/// The app's key pair.
#[derive(Debug, Clone)]
pub struct AppKeys {
    pub consumer_key: SecretString,
    pub consumer_secret: SecretString,
}

/// A login that waits for its PIN.
#[derive(Debug)]
pub struct PinLogin {
    keys: AppKeys,
    token: String,
    token_secret: SecretString,
}

/// The tokens for the account that the person logged in to.
#[derive(Debug)]
pub struct AccountTokens {
    pub access_token: SecretString,
    pub access_token_secret: SecretString,
    /// The handle, without `@`, if X gives it.
    pub screen_name: Option<String>,
}

impl PinLogin {
    /// Performs the first step: gets a request token.
    pub(super) async fn begin(transport: &Transport, keys: AppKeys) -> Result<Self, TwitterError> {
        let path = "/oauth/request_token";
        let mut form = call(transport, path, &keys, None, Some("oob"), None).await?;
        let (Some(token), Some(secret)) = (form.take("oauth_token"), form.take("oauth_token_secret")) else {
            return Err(unreadable(path));
        };
        Ok(Self { keys, token, token_secret: secret.into() })
    }

    /// Returns the page on which the person agrees and is shown the PIN.
    pub(super) fn page(&self, transport: &Transport) -> Result<Url, TwitterError> {
        let mut page = transport.url("/oauth/authorize")?;
        page.query_pairs_mut().append_pair("oauth_token", &self.token);
        Ok(page)
    }

    /// Performs the last step: exchanges the PIN for the account's tokens. It works only once.
    pub(super) async fn finish(self, transport: &Transport, pin: &str) -> Result<AccountTokens, TwitterError> {
        let path = "/oauth/access_token";
        let token = KeyPair { identifier: &self.token, secret: self.token_secret.expose_secret() };
        let mut form = call(transport, path, &self.keys, Some(token), None, Some(pin.trim())).await?;
        let (Some(token), Some(secret)) = (form.take("oauth_token"), form.take("oauth_token_secret")) else {
            return Err(unreadable(path));
        };
        let screen_name = form.take("screen_name");
        Ok(AccountTokens { access_token: token.into(), access_token_secret: secret.into(), screen_name })
    }
}

/// A body of `name=value` pairs.
struct Form(Vec<(String, String)>);

impl Form {
    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(found, value)| found == name && !value.is_empty())?;
        Some(self.0.swap_remove(place).1)
    }
}

fn unreadable(path: &str) -> TwitterError {
    TwitterError::NotSent { reason: format!("{path}: the answer contains no token") }
}

async fn call(
    transport: &Transport,
    path: &str,
    keys: &AppKeys,
    token: Option<KeyPair<'_>>,
    callback: Option<&str>,
    verifier: Option<&str>,
) -> Result<Form, TwitterError> {
    let url = transport.url(path)?;
    let signing = Signing {
        method: "POST",
        url: &url,
        form: "",
        consumer: KeyPair {
            identifier: keys.consumer_key.expose_secret(),
            secret: keys.consumer_secret.expose_secret(),
        },
        token,
        callback,
        verifier,
        version: true,
    };
    let header = signing.authorization(&Stamp::fresh(transport.now()));
    let mut header = HeaderValue::try_from(header)
        .map_err(|_| TwitterError::NotSent { reason: "the PIN contains characters that a header cannot".to_owned() })?;
    header.set_sensitive(true);
    let redactor = Redactor::of([keys.consumer_key.clone(), keys.consumer_secret.clone()]);
    let request = transport.request(Method::POST, path)?.header(AUTHORIZATION, header);
    let reply = transport.send(request, SignedDuration::ZERO, &redactor).await?;
    if !reply.status.is_success() || reply.cut.is_some() {
        return Err(reply.into_error(&redactor));
    }
    Ok(Form(url::form_urlencoded::parse(reply.body.as_bytes()).into_owned().collect()))
}
