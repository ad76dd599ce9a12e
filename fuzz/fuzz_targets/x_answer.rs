//! Reads bytes as status, headers and body of X's answers: each has a meaning, the status alone says whether a post
//! may be out, and the times that follow from it (state, waits, X's limits) are never more than a month ahead.
//!
//! The input's first line is the status, the lines up to an empty one are headers, and the rest is the body.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pregonero::publish::{AnswerEffect, PostedTweet};
use pregonero_store::PostState;
use pregonero_x::secrets::{Redactor, TwitterCredentials};
use pregonero_x::{RateLimits, Reading, TwitterError};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

const KEY: &str = "invented-key-1";

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    Redactor::new(&TwitterCredentials::new(KEY, "invented-key-2", "invented-key-3", "invented-key-4"))
});

fuzz_target!(|data: &[u8]| {
    let Some((status, headers, body)) = parts(data) else { return };
    let received = "2026-03-01T12:00:00Z".parse().expect("a time");
    let cut = headers.contains_key("x-cut").then(|| "broke off".to_owned());
    let reading = Reading::of(status, headers, body, cut.clone(), received, &REDACTOR);
    let (unknown, answer) = match &reading.error {
        TwitterError::OutcomeUnknown { answer, .. } => (true, answer.as_ref().expect("an answer came")),
        TwitterError::Refused { answer, .. } | TwitterError::RateLimited { answer, .. } => (false, answer),
        TwitterError::NotSent { .. } => panic!("an answer came"),
    };
    let status = status.as_u16();
    assert_eq!(unknown, !(300..500).contains(&status), "{status}");
    assert!(reading.posted.is_none() || (200..300).contains(&status) && cut.is_none(), "{status}");
    assert!(reading.page.is_none() || cut.is_none());
    assert!(!answer.detail.is_empty() && answer.detail.chars().count() <= 301, "{:?}", answer.detail);
    assert!(!reading.error.to_string().contains(KEY), "{}", reading.error);
    if let TwitterError::RateLimited { until: Some(until), .. } = reading.error {
        assert!(until > received, "{until}");
    }
    let jitter = f64::from(data.last().copied().unwrap_or_default()) / 255.0;
    let answer = match &reading.posted {
        Some(id) => Ok(PostedTweet { id: id.clone(), status, transaction_id: None, limits: RateLimits::default() }),
        None => Err(reading.error.clone()),
    };
    // What the publisher would conclude from it.
    let longest = received + Duration::from_secs(33 * 24 * 3600);
    let effect = AnswerEffect::of(&answer, received, jitter);
    assert_eq!(effect.state == PostState::Sent, answer.is_ok());
    assert_eq!(effect.state == PostState::Unknown, matches!(answer, Err(TwitterError::OutcomeUnknown { .. })));
    assert_eq!(effect.state == PostState::Approved, effect.waits_until.is_some());
    assert!(!effect.halts || effect.state == PostState::Refused);
    assert!(effect.waits_until.is_none_or(|until| until >= received && until <= longest), "{effect:?}");
    for window in &effect.windows {
        assert!(window.closed_until(received).is_none_or(|until| until <= longest), "{window:?}");
        assert!(window.resets_at.is_none_or(|at| at <= longest), "{window:?}");
    }
});

fn parts(data: &[u8]) -> Option<(StatusCode, HeaderMap, &[u8])> {
    let mut rest = data;
    let status = std::str::from_utf8(line(&mut rest)?).ok()?.parse().ok()?;
    let mut headers = HeaderMap::new();
    loop {
        let header = line(&mut rest)?;
        if header.is_empty() {
            // An answer never ends with a status below 200, so the client never returns one.
            return StatusCode::from_u16(status).ok().filter(|_| status >= 200).map(|status| (status, headers, rest));
        }
        let colon = header.iter().position(|byte| *byte == b':')?;
        let (name, value) =
            (HeaderName::from_bytes(&header[..colon]).ok()?, HeaderValue::from_bytes(&header[colon + 1..]).ok()?);
        headers.append(name, value);
    }
}

/// Takes off and returns the first line.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line)
}
