//! A login by a person: the authorization code flow with PKCE (RFC 7636, S256).
//!
//! The verifier leaves this process only for X's token endpoint, and the answer counts only with the `state` that was
//! sent along. X's codes live thirty seconds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Tokens, ask};
use crate::error::TwitterError;
use crate::secrets::Redactor;
use crate::transport::Transport;

/// The scopes that a posting bot needs: to post, to read whether it went out, to know whose account it is, and to be
/// renewed.
pub const SCOPES: &str = "tweet.read tweet.write users.read offline.access";

/// The page on which X asks the person.
const AUTHORIZE_URL: &str = "https://x.com/i/oauth2/authorize";

/// A login that has begun.
#[derive(Debug)]
pub struct Login {
    client_id: String,
    client_secret: Option<SecretString>,
    redirect_uri: String,
    state: SecretString,
    verifier: SecretString,
}

impl Login {
    /// Begins a login with a random verifier and state. `redirect_uri` must be in the app's settings, exactly as given.
    #[must_use]
    pub fn begin(client_id: &str, client_secret: Option<SecretString>, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret,
            redirect_uri: redirect_uri.to_owned(),
            state: random().into(),
            verifier: random().into(),
        }
    }

    /// Returns the page on which the person agrees.
    #[must_use]
    pub fn page(&self) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose_secret()));
        let mut page = Url::parse(AUTHORIZE_URL).expect("a constant address");
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPES)
            .append_pair("state", self.state.expose_secret())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        page
    }

    /// Returns whether an answer belongs to this login.
    #[must_use]
    pub fn is_ours(&self, state: &str) -> bool {
        // Both sides are digested, so that the time of the comparison reveals nothing.
        Sha256::digest(state) == Sha256::digest(self.state.expose_secret())
    }

    /// Exchanges the code for tokens.
    ///
    /// # Errors
    /// If X refuses, or cannot be reached.
    pub(crate) async fn exchange(self, transport: &Transport, code: &str) -> Result<Tokens, TwitterError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", self.verifier.expose_secret()),
        ];
        let secrets = [self.verifier.clone(), code.into()].into_iter().chain(self.client_secret.clone());
        let redactor = Redactor::of(secrets);
        let given = ask(transport, &self.client_id, self.client_secret.as_ref(), &form, &redactor).await?;
        let fresh = Tokens {
            client_id: self.client_id,
            login: random(),
            access_token: given.access_token.clone(),
            refresh_token: None,
            expires_at: transport.now(),
            scope: SCOPES.to_owned(),
            renewing_since: None,
        };
        Ok(given.renewing(&fresh, transport.now()))
    }
}

/// Returns 256 random bits, in letters that are safe in a URL.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_with_a_challenge_that_the_verifier_answers() {
        let mut login = Login::begin("app id", None, "http://127.0.0.1:8765/callback");
        // RFC 7636, appendix B.
        login.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into();
        let page = login.page();
        let pairs: std::collections::BTreeMap<_, _> = page.query_pairs().into_owned().collect();
        assert_eq!(pairs["code_challenge"], "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!((pairs["client_id"].as_str(), pairs["scope"].as_str()), ("app id", SCOPES));
        assert_eq!(pairs["redirect_uri"], "http://127.0.0.1:8765/callback");
        assert!(page.as_str().starts_with("https://x.com/i/oauth2/authorize?response_type=code&"));
        assert!(login.is_ours(&pairs["state"]) && !login.is_ours("") && !login.is_ours("other"));
        let another = Login::begin("app id", None, "http://127.0.0.1:8765/callback");
        assert!(another.verifier.expose_secret().len() == 43 && !another.is_ours(&pairs["state"]));
        assert!(!format!("{login:?}").contains(login.verifier.expose_secret()));
    }
}
