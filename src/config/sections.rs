//! The sections that belong to the program as a whole: `[account]`, `[store]`, `[daemon]` and `[log]`.

use std::path::PathBuf;
use std::time::Duration;

use pregonero_settings::{Checker, DAY, MINUTE, SECOND};
use pregonero_tweet::{Disclosure, DisclosurePosition};
use serde::{Deserialize, Serialize};

/// The longest disclosure, in characters. X counts most characters once, but emoji and many scripts twice; even then, this
/// leaves half of the 280 for the text.
const LONGEST_DISCLOSURE: usize = 70;

/// The longest handle that X allows.
const LONGEST_HANDLE: usize = 15;

/// The keys of `[account]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountKeys {
    pub handle: String,
    pub operator: String,
    pub disclosure: String,
    pub disclosure_position: String,
}

impl Default for AccountKeys {
    fn default() -> Self {
        Self {
            handle: "uisbot".into(),
            operator: "@someone".into(),
            disclosure: "🤖 IA:".into(),
            disclosure_position: "start".into(),
        }
    }
}

impl AccountKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<AccountSettings> {
        let handle = checker.keep("account.handle", handle(&self.handle));
        let operator = checker.keep("account.operator", self::handle(&self.operator));
        let position = checker.choice("account.disclosure_position", &self.disclosure_position, &POSITIONS);
        let disclosure = &self.disclosure;
        let length = disclosure.chars().count();
        if length > LONGEST_DISCLOSURE {
            let message = format!(
                "expected at most {LONGEST_DISCLOSURE} characters, to leave room in the 280 of a tweet, found {length}"
            );
            checker.fault("account.disclosure", message);
            return None;
        }
        if disclosure.chars().any(char::is_control) {
            checker.fault("account.disclosure", "expected a text on one line, found a control character");
            return None;
        }
        let disclosure = Disclosure::new(disclosure, position?);
        Some(AccountSettings { handle: handle?, operator: operator?, disclosure })
    }
}

#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// The bot's handle, without `@`.
    pub handle: String,
    /// The handle of the person who answers for the bot, without `@`.
    pub operator: String,
    /// Part of every tweet and counted in its length; may be empty.
    pub disclosure: Disclosure,
}

const POSITIONS: [(&str, DisclosurePosition); 2] =
    [("start", DisclosurePosition::Start), ("end", DisclosurePosition::End)];

/// The keys of `[store]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreKeys {
    pub path: String,
    pub keep_candidates: String,
}

impl Default for StoreKeys {
    fn default() -> Self {
        Self { path: "data/pregonero.db".into(), keep_candidates: String::new() }
    }
}

impl StoreKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<StoreSettings> {
        let path = checker.path("store.path", &self.path);
        let keep_candidates = match self.keep_candidates.trim() {
            "" => Some(None),
            keep => checker.duration("store.keep_candidates", keep, DAY, DAY * 36_500).map(Some),
        };
        Some(StoreSettings { path: path?, keep_candidates: keep_candidates? })
    }
}

#[derive(Debug, Clone)]
pub struct StoreSettings {
    pub path: PathBuf,
    /// How long after their round candidates stay that no post was made of; absent: for ever.
    pub keep_candidates: Option<Duration>,
}

/// The keys of `[daemon]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DaemonKeys {
    pub drain: String,
    pub longest_round: String,
}

impl Default for DaemonKeys {
    fn default() -> Self {
        Self { drain: "90s".into(), longest_round: "30m".into() }
    }
}

impl DaemonKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<DaemonSettings> {
        let drain = checker.duration("daemon.drain", &self.drain, SECOND, MINUTE * 60);
        let longest_round = checker.duration("daemon.longest_round", &self.longest_round, SECOND, DAY);
        Some(DaemonSettings { drain: drain?, longest_round: longest_round? })
    }
}

#[derive(Debug, Clone)]
pub struct DaemonSettings {
    /// How long a shutdown waits for the post in flight.
    pub drain: Duration,
    /// A round that takes longer is considered hung: the daemon exits, so that its service manager restarts it.
    pub longest_round: Duration,
}

/// The keys of `[log]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogKeys {
    pub format: String,
}

impl Default for LogKeys {
    fn default() -> Self {
        Self { format: "auto".into() }
    }
}

impl LogKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<LogSettings> {
        Some(LogSettings { format: checker.choice("log.format", &self.format, &LOG_FORMATS)? })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub format: LogFormat,
}

const LOG_FORMATS: [(&str, LogFormat); 3] =
    [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

fn handle(found: &str) -> Result<String, String> {
    let name = found.strip_prefix('@').unwrap_or(found);
    let fits =
        (1..=LONGEST_HANDLE).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "expected a handle of 1 to {LONGEST_HANDLE} letters, digits or underscores, with or without @, found {found:?}"
        ))
    }
}
