//! The content of a notice, as JSON. `text` and `content` are the fields that Slack and Discord show.

use jiff::Timestamp;
use serde::Serialize;

use pregonero_store::{Notice, NoticeStatus};

/// The longest text, in characters: Discord accepts no longer `content`.
const LONGEST_TEXT: usize = 1900;

/// The JSON of a notice. Fields may be added, not renamed: `docs/guide/operate.md` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payload {
    /// `stopped`, `unsettled`, `stale`, `monthly_cap` or `test`.
    pub event: &'static str,
    /// `raised` or `resolved`.
    pub status: &'static str,
    /// The alert's number: the same in both notices of an occurrence, so that a receiver can drop repeats.
    pub alert: i64,
    /// The bot's handle.
    pub account: String,
    pub message: String,
    pub raised_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
    pub version: &'static str,
    pub text: String,
    pub content: String,
}

impl Payload {
    /// Builds the JSON of `notice` for the bot `account`.
    #[must_use]
    pub fn of(notice: &Notice, account: &str) -> Self {
        let alert = &notice.alert;
        let resolved = notice.status == NoticeStatus::Resolved;
        Self {
            event: alert.kind.as_str(),
            status: notice.status.as_str(),
            alert: alert.id,
            account: account.to_owned(),
            message: alert.message.clone(),
            raised_at: alert.raised_at,
            // The first notice of an alert says `raised`, even if the alert has ended before it could be sent.
            resolved_at: alert.resolved_at.filter(|_| resolved),
            version: env!("CARGO_PKG_VERSION"),
            text: String::new(),
            content: String::new(),
        }
        .with_text()
    }

    fn with_text(mut self) -> Self {
        let sign = if self.status == NoticeStatus::Resolved.as_str() { "over" } else { "ALERT" };
        let text = format!("pregonero @{} {sign}: {}", self.account, self.message);
        self.text = text.chars().take(LONGEST_TEXT).collect();
        self.content = self.text.clone();
        self
    }
}

/// Builds a notice that says it is a test.
#[must_use]
pub fn test_payload(account: &str, now: Timestamp) -> Payload {
    Payload {
        event: "test",
        status: NoticeStatus::Raised.as_str(),
        alert: 0,
        account: account.to_owned(),
        message: "this is a test: alerts of this bot arrive here".to_owned(),
        raised_at: now,
        resolved_at: None,
        version: env!("CARGO_PKG_VERSION"),
        text: String::new(),
        content: String::new(),
    }
    .with_text()
}
