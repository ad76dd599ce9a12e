//! What the operator has to fix before the program can start.

use std::path::PathBuf;

use crate::alerts::ChannelError;
use crate::audit::KeyError;
use pregonero_x::oauth2::TokenFileError;
use pregonero_x::secrets::{self, SecretsError};

/// Why the program cannot start with this configuration. Exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Something that a key of the configuration names cannot be used.
    #[error("{key}: {cause:#}")]
    Unusable { key: &'static str, cause: anyhow::Error },
    /// The configuration asks to go live, and there are no credentials to sign requests with.
    #[error(
        "publish.live is true, but there are no X credentials: set {} (or NAME_FILE, or systemd credentials), or set \
         publish.live to false",
        secrets::NAMES.join(", ")
    )]
    NoCredentials,
    /// The configuration asks to go live with OAuth 2.0, and no login exists.
    #[error(
        "publish.live is true and publish.auth is oauth2, but {} does not exist: run `pregonero auth login --oauth2`, or set \
         publish.live to false",
        file.display()
    )]
    NoLogin { file: PathBuf },
    /// A login exists but cannot be used.
    #[error("publish.tokens: {0}")]
    Login(#[from] TokenFileError),
    /// Credentials exist but cannot be used.
    #[error("{0}")]
    Credentials(#[from] SecretsError),
    /// An alert channel cannot be used, so nobody would learn what keeps the bot from posting.
    #[error(transparent)]
    Alerts(#[from] ChannelError),
    /// The key that signs the audit log is given and cannot be used.
    #[error(transparent)]
    Audit(#[from] KeyError),
    /// The client for X cannot be built.
    #[error(transparent)]
    Twitter(#[from] pregonero_x::SetupError),
}

impl SetupError {
    /// Returns a function that files an error under `key`, or under the section alone if the message already names a key of
    /// that section.
    pub(super) fn under(key: &'static str) -> impl FnOnce(anyhow::Error) -> Self {
        move |cause| {
            let section = key.split('.').next().unwrap_or(key);
            let (own, rest) = (cause.to_string(), format!("{section}."));
            let key = if own.starts_with(&rest) { section } else { key };
            Self::Unusable { key, cause }
        }
    }
}
