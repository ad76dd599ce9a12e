//! What the operator has to mend before the program can start.

use std::path::PathBuf;

use crate::alerts::ChannelError;
use pregonero_x::oauth2::TokenFileError;
use pregonero_x::secrets::{self, SecretsError};

/// Why the program cannot start with this configuration. Exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// What a key of the configuration names cannot be used.
    #[error("{key}: {cause:#}")]
    Unusable { key: &'static str, cause: anyhow::Error },
    /// Going live was asked for, and nothing can sign.
    #[error(
        "publish.live is true, but there are no X credentials: set {} (or NAME_FILE, or systemd credentials), or set \
         publish.live to false",
        secrets::NAMES.join(", ")
    )]
    NoCredentials,
    /// Going live by OAuth 2.0 was asked for, and nobody has logged in.
    #[error(
        "publish.live is true and publish.auth is oauth2, but {} is not there: run `pregonero auth login --oauth2`, or set \
         publish.live to false",
        file.display()
    )]
    NoLogin { file: PathBuf },
    /// The login is there and cannot be used.
    #[error("publish.tokens: {0}")]
    Login(#[from] TokenFileError),
    /// The credentials are there and cannot be used.
    #[error("publish.live is true: {0}")]
    Credentials(#[from] SecretsError),
    /// Nobody could be told of what keeps the bot from posting.
    #[error(transparent)]
    Alerts(#[from] ChannelError),
    /// No client for X.
    #[error(transparent)]
    Twitter(#[from] pregonero_x::SetupError),
}

impl SetupError {
    /// An error under the key that leads to it; left alone where it names one of the same section itself.
    pub(super) fn under(key: &'static str) -> impl FnOnce(anyhow::Error) -> Self {
        move |cause| {
            let section = key.split('.').next().unwrap_or(key);
            let (own, rest) = (cause.to_string(), format!("{section}."));
            let key = if own.starts_with(&rest) { section } else { key };
            Self::Unusable { key, cause }
        }
    }
}
