//! The secrets: X's four keys and the app's bearer token, each from the environment, a file, or systemd's credentials folder.
//!
//! They are never in `config.toml` and leave this type only to sign a request: `Debug` masks them, and a [`Redactor`]
//! removes them from any text that comes from outside. [`crate`] uses both.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use pregonero_system::environment::Environment;

/// The variables' names, in the order of [`TwitterCredentials`]'s fields. With `_FILE` appended they name a file; in
/// lower case they are file names in `$CREDENTIALS_DIRECTORY`.
pub const NAMES: [&str; 4] =
    ["TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET", "TWITTER_ACCESS_TOKEN", "TWITTER_ACCESS_TOKEN_SECRET"];

/// The largest secret file, in bytes: a key of X has about fifty characters, so a larger file is not one.
const LARGEST_FILE: u64 = 64 * 1024;

/// What signs a request to X: the app's key pair and the account's token pair (OAuth 1.0a).
#[derive(Debug, Clone)]
pub struct TwitterCredentials {
    pub consumer_key: SecretString,
    pub consumer_secret: SecretString,
    pub access_token: SecretString,
    pub access_token_secret: SecretString,
    /// What the caller should tell the operator, once: files that anyone on the machine can read.
    pub warnings: Vec<String>,
}

impl TwitterCredentials {
    /// Wraps credentials given directly, without a warning.
    #[must_use]
    pub fn new(consumer_key: &str, consumer_secret: &str, access_token: &str, access_token_secret: &str) -> Self {
        Self {
            consumer_key: consumer_key.into(),
            consumer_secret: consumer_secret.into(),
            access_token: access_token.into(),
            access_token_secret: access_token_secret.into(),
            warnings: Vec::new(),
        }
    }

    /// Returns the SHA-256 of salt and values, in hexadecimal: it shows whether these are the same credentials as at
    /// another time, and nothing else. What is hashed is longer and more random than anyone could guess.
    #[must_use]
    pub fn fingerprint(&self, salt: &str) -> String {
        let mut digest = Sha256::new_with_prefix(salt);
        for value in self.values() {
            // The length separates one value's end from the next one's beginning.
            digest.update(value.expose_secret().len().to_le_bytes());
            digest.update(value.expose_secret());
        }
        format!("{:x}", digest.finalize())
    }

    /// Returns the four values, in the order of [`NAMES`].
    fn values(&self) -> [&SecretString; 4] {
        [&self.consumer_key, &self.consumer_secret, &self.access_token, &self.access_token_secret]
    }
}

/// Where a secret was found. Displayed as the variable or the file, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The variable itself.
    Variable(&'static str),
    /// A file that `…_FILE` names, or one in `$CREDENTIALS_DIRECTORY`.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why the credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Some of the four are given, others are not.
    #[error(
        "X credentials are incomplete, missing: {}; give each as the variable itself, as a file that NAME_FILE names \
         (for example {}_FILE=/run/secrets/key), or as a file in $CREDENTIALS_DIRECTORY (systemd: \
         LoadCredential={}:/path)",
        missing.join(", "), missing[0], missing[0].to_lowercase()
    )]
    Incomplete {
        /// The variables' names; at least one.
        missing: Vec<&'static str>,
    },
    /// A file cannot be read.
    #[error("{}: cannot read the value for {name}: {cause}", path.display())]
    Unreadable { name: &'static str, path: PathBuf, cause: io::Error },
    /// A value that cannot be a key of X.
    #[error("{origin}: the value for {name} {fault}; copy it again")]
    Malformed { name: &'static str, origin: Source, fault: &'static str },
}

/// Loads X's credentials: each from its variable, else from the file that `…_FILE` names, else from
/// `$CREDENTIALS_DIRECTORY`. An empty value counts as missing; a newline at the end is not part of the value. `None` if
/// none of the four is given.
///
/// # Errors
/// If only some of the four are given, a file cannot be read, or a value cannot be a key.
pub fn load(environment: &Environment) -> Result<Option<TwitterCredentials>, SecretsError> {
    load_with(environment, None)
}

/// As [`load`], but looks for what the environment does not give in the folder that `auth login` writes to.
///
/// # Errors
/// As [`load`].
pub fn load_with(environment: &Environment, tokens: Option<&Path>) -> Result<Option<TwitterCredentials>, SecretsError> {
    let mut values = Vec::with_capacity(NAMES.len());
    let mut warnings = Vec::new();
    let mut missing = Vec::new();
    for name in NAMES {
        match find_with(environment, tokens, name)? {
            Some(found) => {
                warnings.extend(found.warning);
                values.push(found.value);
            }
            None => missing.push(name),
        }
    }
    match <[SecretString; 4]>::try_from(values) {
        Ok([consumer_key, consumer_secret, access_token, access_token_secret]) => {
            Ok(Some(TwitterCredentials { consumer_key, consumer_secret, access_token, access_token_secret, warnings }))
        }
        Err(none) if none.is_empty() => Ok(None),
        Err(_) => Err(SecretsError::Incomplete { missing }),
    }
}

/// The names of the app's OAuth 2.0 identifier, and of its secret if X calls the app confidential.
pub const CLIENT_NAMES: [&str; 2] = ["TWITTER_CLIENT_ID", "TWITTER_CLIENT_SECRET"];

/// The name of the app's own bearer token, which reads what anyone may read and posts nothing.
pub const BEARER_NAME: &str = "TWITTER_BEARER_TOKEN";

/// The app's bearer token, and where it was found.
#[derive(Debug, Clone)]
pub struct AppToken {
    pub token: SecretString,
    pub source: Source,
    /// What the caller should tell the operator: a file that anyone on the machine can read.
    pub warning: Option<String>,
}

/// Loads the app's bearer token as [`load_with`] loads the keys; `None` if it is not given.
///
/// # Errors
/// If a file cannot be read, or a value cannot be a token.
pub fn app_token(environment: &Environment, tokens: Option<&Path>) -> Result<Option<AppToken>, SecretsError> {
    let found = find_with(environment, tokens, BEARER_NAME)?;
    Ok(found.map(|Found { value, source, warning }| AppToken { token: value, source, warning }))
}

/// Returns where each of the four would come from, in the order of [`NAMES`]; for `config show` and `doctor`.
///
/// # Errors
/// As [`load`], but missing ones are not an error.
pub fn sources(
    environment: &Environment,
    tokens: Option<&Path>,
) -> Result<[(&'static str, Option<Source>); 4], SecretsError> {
    let mut sources = NAMES.map(|name| (name, None));
    for (name, source) in &mut sources {
        *source = find_with(environment, tokens, name)?.map(|found| found.source);
    }
    Ok(sources)
}

struct Found {
    value: SecretString,
    source: Source,
    warning: Option<String>,
}

/// Returns the secret `name`, from its variable, its file or systemd's credentials, for callers that have another one.
///
/// # Errors
/// If a file cannot be read, or the value contains white space.
pub fn one(environment: &Environment, name: &'static str) -> Result<Option<SecretString>, SecretsError> {
    Ok(find(environment, name)?.map(|found| found.value))
}

fn find_with(
    environment: &Environment,
    tokens: Option<&Path>,
    name: &'static str,
) -> Result<Option<Found>, SecretsError> {
    match (find(environment, name)?, tokens) {
        (None, Some(folder)) => in_folder(name, folder),
        (found, _) => Ok(found),
    }
}

/// Reads the file named after the secret in lower case, if it exists.
fn in_folder(name: &'static str, folder: &Path) -> Result<Option<Found>, SecretsError> {
    match in_file(name, &folder.join(name.to_lowercase())) {
        Err(SecretsError::Unreadable { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome,
    }
}

fn find(environment: &Environment, name: &'static str) -> Result<Option<Found>, SecretsError> {
    if let Some(value) = environment.get(name) {
        return checked(name, value, Source::Variable(name), None);
    }
    if let Some(path) = environment.path(&format!("{name}_FILE"))
        && let Some(found) = in_file(name, &path)?
    {
        return Ok(Some(found));
    }
    let Some(folder) = environment.path("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    in_folder(name, &folder)
}

fn in_file(name: &'static str, path: &Path) -> Result<Option<Found>, SecretsError> {
    let (text, mode) = read(path).map_err(|cause| SecretsError::Unreadable { name, path: path.to_owned(), cause })?;
    let warning = (mode & 0o004 != 0)
        .then(|| format!("{}: anyone on this machine can read this secret; run `chmod o-r {0}`", path.display()));
    checked(name, &text, Source::File(path.to_owned()), warning)
}

/// Reads a file's text and its permission bits.
fn read(path: &Path) -> io::Result<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut text = String::new();
    file.take(LARGEST_FILE).read_to_string(&mut text)?;
    Ok((text, mode))
}

/// Returns the value without its final newline; `None` if nothing is left.
fn checked(
    name: &'static str,
    text: &str,
    source: Source,
    warning: Option<String>,
) -> Result<Option<Found>, SecretsError> {
    let value = text.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        return Ok(None);
    }
    match fault_in(name, value) {
        Some(fault) => Err(SecretsError::Malformed { name, origin: source, fault }),
        None => Ok(Some(Found { value: value.into(), source, warning })),
    }
}

/// Returns why a value cannot be a secret, if so. X's keys are letters, digits and hyphens; each of these faults is a
/// copying mistake that X would answer with a bare 401. Other secrets, such as the address of a webhook, may contain
/// more.
fn fault_in(name: &str, value: &str) -> Option<&'static str> {
    if value.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Some("contains blanks or control characters");
    }
    if !NAMES.contains(&name) && !CLIENT_NAMES.contains(&name) && name != BEARER_NAME {
        return None;
    }
    if value.contains(['"', '\'', '`']) {
        return Some("contains quotation marks");
    }
    if !value.is_ascii() {
        return Some(
            "contains a character that no key has (such as a byte order mark or a typographic quotation mark)",
        );
    }
    value.trim_end_matches('=').contains('=').then_some("contains an equals sign: give only the value, without NAME=")
}

/// Removes the secrets from texts that come from outside: what X sends back, what a library reports.
#[derive(Debug, Clone)]
pub struct Redactor {
    secrets: Vec<SecretString>,
}

impl Redactor {
    /// The text that replaces a secret.
    pub const MASK: &'static str = "[secret]";

    /// Shorter values are not searched for: they would mask parts of ordinary words, and no key of X is that short.
    const SHORTEST: usize = 6;

    /// Creates a redactor for all four values.
    #[must_use]
    pub fn new(credentials: &TwitterCredentials) -> Self {
        Self::of(credentials.values().into_iter().cloned())
    }

    /// Creates a redactor for these values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = SecretString>) -> Self {
        let long = |value: &SecretString| value.expose_secret().len() >= Self::SHORTEST;
        let mut secrets: Vec<_> = values.into_iter().filter(long).collect();
        // The longest first: if one value is the beginning of another, the rest of the longer must not remain.
        secrets.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
        Self { secrets }
    }

    /// Returns the text with every secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), Self::MASK))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const VALUES: [&str; 4] = ["invented-key", "invented-key-secret", "17-invented-token", "invented-token-secret"];

    fn exposed(credentials: &TwitterCredentials) -> [&str; 4] {
        credentials.values().map(SecretString::expose_secret)
    }

    /// Writes a file with the given permissions.
    fn secret_file(path: &Path, content: &str, mode: u32) {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_variables_themselves_are_enough() {
        let environment = NAMES.into_iter().zip(VALUES).collect();
        let credentials = load(&environment).unwrap().unwrap();
        assert_eq!(exposed(&credentials), VALUES);
        assert!(credentials.warnings.is_empty());
    }

    #[test]
    fn nothing_given_is_no_credentials_and_no_error() {
        assert!(load(&Environment::default()).unwrap().is_none());
        let empty = NAMES.into_iter().map(|name| (name, "")).collect();
        assert!(load(&empty).unwrap().is_none());
    }

    #[test]
    fn each_of_the_three_ways_gives_a_value_and_the_first_wins() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("named");
        secret_file(&named, "17-invented-token\r\n", 0o600);
        for name in ["twitter_access_token", "twitter_access_token_secret", "twitter_consumer_key"] {
            secret_file(&folder.path().join(name), "invented-token-secret\n", 0o400);
        }
        let environment = Environment::from_iter([
            ("TWITTER_CONSUMER_KEY", "invented-key"),
            ("TWITTER_CONSUMER_SECRET", "invented-key-secret\n"),
            ("TWITTER_ACCESS_TOKEN_FILE", named.to_str().unwrap()),
            ("TWITTER_ACCESS_TOKEN_SECRET", ""),
            ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap()),
        ]);
        let credentials = load(&environment).unwrap().unwrap();
        assert_eq!(exposed(&credentials), VALUES);
        assert!(credentials.warnings.is_empty());
        let places = sources(&environment, None).unwrap().map(|(_, source)| source.unwrap().to_string());
        assert_eq!(places[0], "TWITTER_CONSUMER_KEY");
        assert_eq!(places[2], named.display().to_string());
        assert_eq!(places[3], folder.path().join("twitter_access_token_secret").display().to_string());
    }

    #[test]
    fn a_fingerprint_knows_credentials_again_and_shows_none_of_them() {
        let credentials = |last: &str| TwitterCredentials::new("ab", "c", "1-token", last);
        let first = credentials("secret").fingerprint("salt");
        assert_eq!(first, credentials("secret").fingerprint("salt"));
        assert_eq!(first.len(), 64);
        let shifted = TwitterCredentials::new("a", "bc", "1-token", "secret").fingerprint("salt");
        for other in [credentials("secreT").fingerprint("salt"), credentials("secret").fingerprint("pepper"), shifted] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_partial_set_names_every_missing_one_and_the_three_ways() {
        let environment = Environment::from_iter([
            ("TWITTER_CONSUMER_KEY", "invented-key"),
            ("TWITTER_ACCESS_TOKEN", "17-invented-token"),
            ("TWITTER_CONSUMER_SECRET", ""),
        ]);
        let message = load(&environment).unwrap_err().to_string();
        assert_eq!(
            message,
            "X credentials are incomplete, missing: TWITTER_CONSUMER_SECRET, TWITTER_ACCESS_TOKEN_SECRET; give each as \
             the variable itself, as a file that NAME_FILE names (for example \
             TWITTER_CONSUMER_SECRET_FILE=/run/secrets/key), or as a file in $CREDENTIALS_DIRECTORY (systemd: \
             LoadCredential=twitter_consumer_secret:/path)"
        );
        assert!(!message.contains("invented"));
    }

    #[test]
    fn a_file_that_anybody_can_read_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in NAMES.into_iter().zip(VALUES) {
            let mode = if name == "TWITTER_ACCESS_TOKEN" { 0o644 } else { 0o640 };
            secret_file(&folder.path().join(name.to_lowercase()), value, mode);
        }
        let environment = Environment::from_iter([("CREDENTIALS_DIRECTORY", folder.path())]);
        let warnings = load(&environment).unwrap().unwrap().warnings;
        let path = folder.path().join("twitter_access_token").display().to_string();
        assert_eq!(warnings, [format!("{path}: anyone on this machine can read this secret; run `chmod o-r {path}`")]);
    }

    #[test]
    fn a_named_file_that_is_missing_or_no_text_is_an_error_naming_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nowhere");
        let environment = Environment::from_iter([("TWITTER_CONSUMER_KEY_FILE", &missing)]);
        let message = load(&environment).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("{}: cannot read the value for TWITTER_CONSUMER_KEY: ", missing.display()))
        );

        let binary = folder.path().join("binary");
        fs::write(&binary, [0xff, 0xfe]).unwrap();
        let environment = Environment::from_iter([("TWITTER_CONSUMER_KEY_FILE", &binary)]);
        assert!(matches!(load(&environment), Err(SecretsError::Unreadable { name: "TWITTER_CONSUMER_KEY", .. })));
    }

    #[test]
    fn a_blank_inside_a_value_is_refused_without_showing_it() {
        let environment = Environment::from_iter([("TWITTER_ACCESS_TOKEN", "invented token")]);
        let message = load(&environment).unwrap_err().to_string();
        assert_eq!(
            message,
            "TWITTER_ACCESS_TOKEN: the value for TWITTER_ACCESS_TOKEN contains blanks or control characters; copy it again"
        );
    }

    #[test]
    fn a_slip_of_copying_is_refused_by_name_and_an_address_may_hold_what_a_key_may_not() {
        for (name, value, fault) in [
            ("TWITTER_CONSUMER_KEY", "\"invented-key\"", "contains quotation marks"),
            ("TWITTER_CONSUMER_KEY", "'invented-key'", "contains quotation marks"),
            ("TWITTER_CONSUMER_KEY", "\u{feff}invented-key", "contains a character that no key has"),
            ("TWITTER_ACCESS_TOKEN", "“invented-token”", "contains a character that no key has"),
            ("TWITTER_ACCESS_TOKEN", "TWITTER_ACCESS_TOKEN=17-invented", "contains an equals sign"),
        ] {
            let message = one(&Environment::from_iter([(name, value)]), name).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{name}: the value for {name} {fault}")), "{message}");
            assert!(!message.contains("invented"), "{message}");
        }
        for (name, value) in
            [("ALERTS_WEBHOOK", "https://example.com/hook?key='a'&b=c"), ("TWITTER_CLIENT_ID", "aW52ZW50ZWQ6MTpjaQ==")]
        {
            assert!(one(&Environment::from_iter([(name, value)]), name).unwrap().is_some(), "{value}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let credentials = TwitterCredentials::new(VALUES[0], VALUES[1], VALUES[2], VALUES[3]);
        let shown = format!("{credentials:?} {:?}", Redactor::new(&credentials));
        assert!(!shown.contains("invented"), "{shown}");
    }

    #[test]
    fn the_redactor_masks_every_value_and_the_longer_of_two_first() {
        let credentials = TwitterCredentials::new(VALUES[0], VALUES[1], VALUES[2], "abc");
        let redactor = Redactor::new(&credentials);
        assert_eq!(
            redactor.redact("invented-key-secret, invented-key, 17-invented-token, abc and invented-ke"),
            "[secret], [secret], [secret], abc and invented-ke"
        );
    }
}
