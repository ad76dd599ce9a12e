//! The content of a notice, as JSON. `text` and `content` are the fields that Slack and Discord show.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use pregonero_store::{AlertKind, Notice, NoticeStatus};

/// The longest text, in characters: Discord accepts no longer `content`.
const LONGEST_TEXT: usize = 1900;

/// The JSON of a notice. Fields may be added, not renamed: `docs/guide/operate.md` lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payload {
    /// `stopped`, `unsettled`, `stale`, `monthly_cap`, `waiting` or `test`.
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
    /// Where to decide on a post that waits; absent where there is no page, and for every other event.
    pub links: Option<Links>,
    pub text: String,
    pub content: String,
}

/// Where a person decides on a post: its page, and two links that take one decision each, after a confirming press. The
/// latter two are secrets.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Links {
    pub post: String,
    pub approve: String,
    pub reject: String,
}

/// Shows only that there are links.
impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("post", &self.post).finish_non_exhaustive()
    }
}

impl Payload {
    /// Builds the JSON of `notice` for the bot `account`, with the links to decide by, if there are any.
    #[must_use]
    pub fn of(notice: &Notice, account: &str, links: Option<Links>) -> Self {
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
            links,
            text: String::new(),
            content: String::new(),
        }
        .with_text()
    }

    /// Replaces the message: the notice that a wait is over says what came of the post.
    #[must_use]
    pub fn saying(self, message: String) -> Self {
        Self { message, ..self }.with_text()
    }

    fn with_text(mut self) -> Self {
        let text = format!("{}: {}", self.title(), self.message);
        let links = self.links.as_ref().map_or_else(String::new, |links| {
            format!("\nlook: {}\napprove: {}\nreject: {}", links.post, links.approve, links.reject)
        });
        let room = LONGEST_TEXT.saturating_sub(links.chars().count());
        self.text = text.chars().take(room).collect::<String>() + &links;
        self.content = self.text.clone();
        self
    }

    fn title(&self) -> String {
        let waits = self.event == AlertKind::Waiting.as_str();
        let sign = match (self.is_over(), waits) {
            (true, _) => " over",
            (false, true) => "",
            (false, false) => " ALERT",
        };
        format!("pregonero @{}{sign}", self.account)
    }

    fn is_over(&self) -> bool {
        self.status == NoticeStatus::Resolved.as_str()
    }

    /// Returns the message as ntfy reads it (<https://docs.ntfy.sh/publish/#publish-as-json>). Its buttons only open a page
    /// that asks again: no press on a phone's screen, and no preview of a link, decides anything by itself.
    #[must_use]
    pub fn for_ntfy(&self, topic: &str) -> Value {
        let mut message = json!({
            "topic": topic,
            "title": self.title(),
            "message": self.message.chars().take(LONGEST_TEXT).collect::<String>(),
            "tags": [if self.is_over() { "white_check_mark" } else { "bell" }],
        });
        if let Some(links) = &self.links {
            let button = |label: &str, url: &str| json!({"action": "view", "label": label, "url": url});
            message["click"] = json!(links.post);
            message["actions"] = json!([
                button("Approve…", &links.approve),
                button("Reject…", &links.reject),
                button("Look at it", &links.post),
            ]);
        }
        message
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
        links: None,
        text: String::new(),
        content: String::new(),
    }
    .with_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::{AlertChannel, AlertRecord};

    fn waiting(status: NoticeStatus) -> Notice {
        let at: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let alert = AlertRecord {
            id: 4,
            kind: AlertKind::Waiting,
            key: "waiting:7".to_owned(),
            message: "post 7 waits for a decision until then: “Llegan 300 libros.”".to_owned(),
            raised_at: at,
            resolved_at: None,
        };
        Notice { id: 1, alert, status, channel: AlertChannel::Webhook, attempts: 0 }
    }

    fn links() -> Links {
        let link = |path: &str| format!("https://bot.example/{path}");
        Links { post: link("queue/7"), approve: link("d/1.invented-a"), reject: link("d/2.invented-b") }
    }

    #[test]
    fn a_waiting_post_is_announced_with_its_links_and_debug_hides_them() {
        let payload = Payload::of(&waiting(NoticeStatus::Raised), "uisbot", Some(links()));
        assert_eq!(
            payload.text,
            "pregonero @uisbot: post 7 waits for a decision until then: “Llegan 300 libros.”\nlook: https://bot.example/queue/7\n\
             approve: https://bot.example/d/1.invented-a\nreject: https://bot.example/d/2.invented-b"
        );
        let json = serde_json::to_value(&payload).unwrap();
        assert_eq!((&json["event"], &json["links"]["approve"]), (&"waiting".into(), &links().approve.into()));
        assert!(!format!("{:?}", payload.links).contains("invented"));
        let long = payload.saying("ñ".repeat(5000));
        assert!(long.text.chars().count() == LONGEST_TEXT && long.text.ends_with("invented-b"), "{}", long.text);
    }

    #[test]
    fn ntfy_gets_buttons_that_open_a_page_and_none_that_decides_by_itself() {
        let message = Payload::of(&waiting(NoticeStatus::Raised), "uisbot", Some(links())).for_ntfy("pregon");
        assert_eq!((&message["topic"], &message["title"]), (&"pregon".into(), &"pregonero @uisbot".into()));
        assert_eq!(message["click"], "https://bot.example/queue/7");
        let actions = message["actions"].as_array().unwrap();
        assert_eq!(actions.len(), 3, "ntfy shows no more");
        for action in actions {
            assert_eq!(action["action"], "view", "`http` would decide without asking");
            assert!(action["url"].as_str().unwrap().starts_with("https://bot.example/"), "{action}");
        }
        let over =
            Payload::of(&waiting(NoticeStatus::Resolved), "uisbot", None).saying("post 7 is approved".to_owned());
        let over = over.for_ntfy("pregon");
        assert_eq!(
            (&over["title"], &over["message"]),
            (&"pregonero @uisbot over".into(), &"post 7 is approved".into())
        );
        assert!(over.get("actions").is_none() && over.get("click").is_none());
    }
}
