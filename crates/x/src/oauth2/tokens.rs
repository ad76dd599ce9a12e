//! The token file of OAuth 2.0: the tokens of a login, renewed every two hours.
//!
//! One constraint: the file is complete at every moment (written next to its final place, synced, renamed), readable by
//! its owner only, and never older than what was used: a refresh token works only once, so one that was used and not
//! saved is lost.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use pregonero_system::files::write_private;

/// The file's name in the folder of tokens.
pub const FILE_NAME: &str = "oauth2.json";

/// What is known of a login.
#[derive(Clone)]
pub struct Tokens {
    /// The app's identifier: only the app that a token was issued to can renew it.
    pub client_id: String,
    /// Identifies this login across renewals, so that a different one is noticed. Not a secret.
    pub login: String,
    pub access_token: SecretString,
    /// Absent if the login was made without `offline.access`: it then ends with the access token.
    pub refresh_token: Option<SecretString>,
    pub expires_at: Timestamp,
    pub scope: String,
    /// When a renewal began whose end is unknown: X may have ended `refresh_token`.
    pub renewing_since: Option<Timestamp>,
}

/// Shows neither token.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("login", &self.login)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The form that the file contains.
#[derive(Serialize, Deserialize)]
struct Written {
    client_id: String,
    login: String,
    access_token: String,
    refresh_token: Option<String>,
    expires_at: Timestamp,
    scope: String,
    renewing_since: Option<Timestamp>,
}

/// Why the tokens cannot be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    #[error("{}: cannot read the tokens: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The content is not repeated: it contains tokens.
    #[error("{}: not a token file (line {line}): create a new one with `pregonero auth login --oauth2`", path.display())]
    Malformed { path: PathBuf, line: usize },
    #[error("{}: cannot write the tokens: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

impl Tokens {
    /// Reads the tokens at `path`; `None` if nobody has logged in.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, TokenFileError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TokenFileError::Unreadable { path: path.to_owned(), source }),
        };
        let malformed =
            |error: serde_json::Error| TokenFileError::Malformed { path: path.to_owned(), line: error.line() };
        let Written { client_id, login, access_token, refresh_token, expires_at, scope, renewing_since } =
            serde_json::from_slice(&text).map_err(malformed)?;
        let (access_token, refresh_token) = (access_token.into(), refresh_token.map(Into::into));
        Ok(Some(Self { client_id, login, access_token, refresh_token, expires_at, scope, renewing_since }))
    }

    /// Writes the tokens to `path`, where they are durable when this returns; creates the folder (mode 0700).
    ///
    /// # Errors
    /// If it cannot be written; what was there stays.
    pub fn write(&self, path: &Path) -> Result<(), TokenFileError> {
        let written = Written {
            client_id: self.client_id.clone(),
            login: self.login.clone(),
            access_token: self.access_token.expose_secret().to_owned(),
            refresh_token: self.refresh_token.as_ref().map(|token| token.expose_secret().to_owned()),
            expires_at: self.expires_at,
            scope: self.scope.clone(),
            renewing_since: self.renewing_since,
        };
        let text = serde_json::to_vec_pretty(&written).map_err(io::Error::other);
        text.and_then(|text| write_private(path, &text))
            .map_err(|source| TokenFileError::Unwritable { path: path.to_owned(), source })
    }
}

/// Writes one OAuth 1.0a key or token under its name to the folder in which credentials are looked for.
///
/// # Errors
/// If it cannot be written.
pub fn write_secret(folder: &Path, name: &str, value: &SecretString) -> Result<PathBuf, TokenFileError> {
    let path = folder.join(name.to_lowercase());
    write_private(&path, value.expose_secret().as_bytes())
        .map_err(|source| TokenFileError::Unwritable { path: path.clone(), source })?;
    Ok(path)
}

/// A lock held by the process that renews: two renewals with one refresh token would end the login. The kernel releases
/// it when the process ends.
#[derive(Debug)]
pub(super) struct RenewalLock {
    _file: File,
}

impl RenewalLock {
    /// Takes the lock next to the token file; `None` if another process holds it now.
    pub(super) fn try_take(tokens: &Path) -> io::Result<Option<Self>> {
        let mut name = tokens.as_os_str().to_owned();
        name.push(".lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_are_read_back_private_and_shown_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens").join(FILE_NAME);
        assert!(Tokens::read(&path).unwrap().is_none());
        let tokens = Tokens {
            client_id: "app".to_owned(),
            login: "first".to_owned(),
            access_token: "invented-access".into(),
            refresh_token: Some("invented-refresh".into()),
            expires_at: "2026-03-01T12:00:00Z".parse().unwrap(),
            scope: "tweet.write".to_owned(),
            renewing_since: None,
        };
        tokens.write(&path).unwrap();
        let read = Tokens::read(&path).unwrap().unwrap();
        assert_eq!(read.access_token.expose_secret(), "invented-access");
        assert_eq!(read.refresh_token.as_ref().unwrap().expose_secret(), "invented-refresh");
        assert_eq!((read.login.as_str(), read.expires_at), ("first", tokens.expires_at));
        assert!(!format!("{read:?}").contains("invented"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written stays");

        fs::write(&path, "{\n\"access_token\": \"invented-access\"").unwrap();
        let error = Tokens::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("invented"), "{error}");
    }
}
