//! What every HTTP client of this crate begins with.

use std::time::Duration;

use reqwest::ClientBuilder;

/// The longest that a connection may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the settings that all clients have: our name, the longest that a connection may take, TLS by `ring`, and no
/// proxy for an address that is `near`.
pub(crate) fn client(near: bool) -> ClientBuilder {
    // Fails only if a provider is installed already, and then that provider is used.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("pregonero/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT);
    if near { builder.no_proxy() } else { builder }
}
