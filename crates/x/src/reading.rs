//! Parses an answer of X without a call: the entry point for the fuzz targets (`fuzz/`), for which a server on a socket
//! is too slow. It parses what [`super::Client`] parses of each answer.

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::answer::{Reply, identifier};
use super::error::TwitterError;
use super::timeline::{TimelineTweet, read_page};
use crate::secrets::Redactor;

/// What one answer says, read as the answer to a post and as a page of the timeline.
#[derive(Debug)]
pub struct Reading {
    /// The id of the post that it names.
    pub posted: Option<String>,
    /// The tweets of the page and the token of the next one.
    pub page: Option<(Vec<TimelineTweet>, Option<String>)>,
    /// X's clock minus ours.
    pub skew: Option<SignedDuration>,
    /// What it means if it is not the desired answer.
    pub error: TwitterError,
}

impl Reading {
    /// Reads an answer that was received at `received` on our clock. `cut` says why its body ends early, if it does.
    #[must_use]
    pub fn of(
        status: StatusCode,
        headers: HeaderMap,
        body: &[u8],
        cut: Option<String>,
        received: Timestamp,
        redactor: &Redactor,
    ) -> Self {
        let body = String::from_utf8_lossy(body).into_owned();
        let reply = Reply { status, headers, body, cut, received, correction: SignedDuration::ZERO };
        Self {
            posted: reply.data().and_then(|data| identifier(&data["id"])),
            page: reply.json().as_ref().and_then(read_page),
            skew: reply.skew(),
            error: reply.into_error(redactor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::TwitterCredentials;

    #[test]
    fn an_answer_is_read_as_the_client_reads_it() {
        let redactor = Redactor::new(&TwitterCredentials::new("invented-1", "invented-2", "invented-3", "invented-4"));
        let read = |status, body: &str| {
            let now = "2026-03-01T12:00:00Z".parse().unwrap();
            Reading::of(status, HeaderMap::new(), body.as_bytes(), None, now, &redactor)
        };
        let created = read(StatusCode::CREATED, r#"{"data":{"id":"17","text":"Hola"}}"#);
        assert_eq!((created.posted.as_deref(), created.page.is_none()), (Some("17"), true));
        let page = read(StatusCode::OK, r#"{"data":[{"id":"17","text":"Hola"}],"meta":{"next_token":"more"}}"#);
        let (tweets, next) = page.page.unwrap();
        assert_eq!((tweets[0].id.as_str(), next.as_deref(), page.posted), ("17", Some("more"), None));
        assert!(matches!(read(StatusCode::FORBIDDEN, "").error, TwitterError::Refused { .. }));
    }
}
