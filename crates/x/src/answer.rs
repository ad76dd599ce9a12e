//! From X's answer to its meaning. There is no network here: a [`Reply`] comes in, a verdict goes out.
//!
//! X's errors have four shapes (a problem document of RFC 9457, an `errors` list with a message, v1.1's codes, a page
//! of HTML from something in front of X), its field names changed in August 2026, and half of its refusals can be
//! distinguished only by their English. So JSON is read field by field, and nothing unknown is an error.

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::error::{Answer, RefusalKind, TwitterError};
use super::limits::{LimitWindow, RateLimits, believable};
use crate::secrets::Redactor;

/// A clock is off beyond this difference: X then refuses timestamps, and the `Date` header itself is precise only to
/// the second.
pub(super) const TOLERATED_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// How many characters of X's words are kept for the record.
const LONGEST_DETAIL: usize = 300;

/// The same for a problem type or a transaction id.
const LONGEST_NAME: usize = 100;

/// An answer as it was received.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// As much as was read; invalid UTF-8 is replaced.
    pub body: String,
    /// Why the body ends early, if it does.
    pub cut: Option<String>,
    /// When it was received, on our clock.
    pub received: Timestamp,
    /// What was added to our clock to sign the request.
    pub correction: SignedDuration,
}

impl Reply {
    /// Returns X's clock minus ours, by the `Date` header.
    pub fn skew(&self) -> Option<SignedDuration> {
        let date = http_date(self.header("date")?)?;
        Some(date.duration_since(Timestamp::from_second(self.received.as_second()).ok()?))
    }

    /// Returns the `x-transaction-id` header.
    pub fn transaction_id(&self) -> Option<String> {
        self.header("x-transaction-id").map(|id| shorten(id, LONGEST_NAME))
    }

    /// Returns X's counters, with their resets converted to our clock.
    pub fn limits(&self) -> RateLimits {
        RateLimits::read(&self.headers, correction(self.skew().unwrap_or_default()), self.received)
    }

    /// Returns the body as JSON; `None` if it is cut off or something else.
    pub fn json(&self) -> Option<Value> {
        if self.cut.is_some() { None } else { serde_json::from_str(&self.body).ok() }
    }

    /// Returns the `data` of a successful answer.
    pub fn data(&self) -> Option<Value> {
        if self.status.is_success() { self.json()?.get_mut("data").map(Value::take) } else { None }
    }

    /// Returns what this answer means if it is not the desired one.
    pub fn into_error(self, redactor: &Redactor) -> TwitterError {
        let problem = Problem::of(&self);
        let masked = |text: &str, most| shorten(&redactor.redact(text), most);
        let answer = Answer {
            status: self.status.as_u16(),
            problem: problem.name().map(|name| masked(&name, LONGEST_NAME)),
            detail: masked(&problem.detail, LONGEST_DETAIL),
            transaction_id: self.transaction_id().map(|id| masked(&id, LONGEST_NAME)),
            limits: Box::new(self.limits()),
        };
        match self.status.as_u16() {
            // X may have stored the post and failed afterwards, or its answer may have been lost on the way.
            200..=299 | 500.. => {
                TwitterError::OutcomeUnknown { reason: self.unknown_because(&answer.detail), answer: Some(answer) }
            }
            429 => self.rate_limited(&problem, answer),
            _ => match problem.code {
                Some(code @ (185 | 344 | 88)) => {
                    let (window, until) = self.limits().exhausted(self.received);
                    let window = if code == 88 { window } else { LimitWindow::Day };
                    TwitterError::RateLimited { window, until, answer }
                }
                _ => TwitterError::Refused { kind: self.refusal(&problem), answer },
            },
        }
    }

    fn unknown_because(&self, detail: &str) -> String {
        let status = self.status.as_u16();
        match &self.cut {
            Some(cut) => format!("the answer ({status}) {cut}"),
            None if self.status.is_success() => format!("the answer ({status}) does not name the post: {detail}"),
            None => format!("X answered {status}: {detail}"),
        }
    }

    fn rate_limited(&self, problem: &Problem, answer: Answer) -> TwitterError {
        let (window, until) = match (problem.is("usage-capped"), problem.period.as_deref()) {
            // The resets in the headers belong to shorter windows.
            (true, Some("monthly") | None) => (LimitWindow::Month, None),
            (true, Some("daily")) => (LimitWindow::Day, self.limits().exhausted(self.received).1),
            _ => self.limits().exhausted(self.received),
        };
        let until = if window == LimitWindow::Month { None } else { until.or_else(|| self.retry_after()) };
        TwitterError::RateLimited { window, until, answer }
    }

    /// Reads `Retry-After`, in seconds or as a date: X does not promise it, but something in front of X may send it.
    fn retry_after(&self) -> Option<Timestamp> {
        let value = self.header(RETRY_AFTER.as_str())?.trim();
        let until = match value.parse::<u32>() {
            Ok(seconds) => self.received.checked_add(SignedDuration::from_secs(seconds.into())).ok()?,
            Err(_) => http_date(value)?.checked_sub(correction(self.skew().unwrap_or_default())).ok()?,
        };
        (until > self.received).then(|| believable(until, self.received))
    }

    fn refusal(&self, problem: &Problem) -> RefusalKind {
        // A page of HTML does not come from X's API (but from Cloudflare, a portal, a proxy): it must not cost us the
        // credentials.
        if self.is_html() && self.status.is_client_error() {
            return RefusalKind::Intermediary;
        }
        if let Some(kind) = problem.code.and_then(|code| self.by_code(code)) {
            return kind;
        }
        match self.status.as_u16() {
            400 => RefusalKind::Invalid,
            401 => self.unauthorized(),
            402 => RefusalKind::NoCredits,
            403 => problem.forbidden(),
            404 => RefusalKind::NotFound,
            _ => RefusalKind::Other,
        }
    }

    /// Recognises codes of the v1.1 API that X still sends occasionally.
    fn by_code(&self, code: i64) -> Option<RefusalKind> {
        match code {
            32 | 89 => Some(self.unauthorized()),
            135 => Some(RefusalKind::ClockSkew { seconds: self.skew().unwrap_or_default().as_secs() }),
            187 => Some(RefusalKind::Duplicate),
            // Suspended, flagged as automated, locked: a person has to log in.
            64 | 226 | 326 => Some(RefusalKind::Suspended),
            261 | 453 => Some(RefusalKind::Permissions),
            _ => None,
        }
    }

    /// Returns the cause of a 401: it has two, which its body does not distinguish. The clock is to blame only if the
    /// time with which the request was signed was off: our clock's time, corrected by what an earlier answer revealed.
    fn unauthorized(&self) -> RefusalKind {
        match self.skew() {
            Some(skew) if (skew - self.correction).abs() > TOLERATED_SKEW => {
                RefusalKind::ClockSkew { seconds: skew.as_secs() }
            }
            _ => RefusalKind::Unauthorized,
        }
    }

    fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
            || self.body.trim_start().starts_with('<')
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Returns what to add to our clock: nothing while it is accurate enough.
pub(super) fn correction(skew: SignedDuration) -> SignedDuration {
    if skew.abs() > TOLERATED_SKEW { skew } else { SignedDuration::ZERO }
}

/// What the body reports as wrong, whatever its shape.
#[derive(Debug, Default)]
struct Problem {
    /// The last path segment of the type, in lower case: `duplicate-rules`. Absent for `about:blank`.
    kind: Option<String>,
    /// A v1.1 code.
    code: Option<i64>,
    /// X's own words; if there are none, a description of what came instead.
    detail: String,
    /// For a usage cap, in lower case: `daily`, `monthly`.
    period: Option<String>,
}

impl Problem {
    fn of(reply: &Reply) -> Self {
        match reply.json() {
            Some(Value::Object(body)) => Self::of_json(&Value::Object(body), reply.status),
            _ => Self { detail: words_of_no_json(reply), ..Self::default() },
        }
    }

    fn of_json(body: &Value, status: StatusCode) -> Self {
        let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let all = || std::iter::once(body).chain(errors);
        let text = |name: &str| all().find_map(|part| part[name].as_str()).map(str::to_lowercase);
        Self {
            kind: text("type").as_deref().and_then(last_segment),
            code: all().find_map(|part| number(&part["code"])),
            detail: words(body, errors).unwrap_or_else(|| describe(status, "JSON without an explanation")),
            period: text("period"),
        }
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Returns the record's name for it.
    fn name(&self) -> Option<String> {
        self.kind.clone().or_else(|| self.code.map(|code| code.to_string()))
    }

    /// Classifies a 403 by its type if it has one, otherwise by its words.
    fn forbidden(&self) -> RefusalKind {
        let kind = self.kind.as_deref().unwrap_or_default();
        let says = |words: &str| self.detail.to_lowercase().contains(words);
        if says("duplicate content") || says("status is a duplicate") {
            RefusalKind::Duplicate
        } else if kind == "unsupported-authentication" {
            RefusalKind::Authentication
        } else if matches!(kind, "oauth1-permissions" | "client-forbidden") {
            RefusalKind::Permissions
        } else if kind.contains("suspended") || says("suspended") || says("temporarily locked") {
            RefusalKind::Suspended
        } else {
            RefusalKind::Forbidden
        }
    }
}

/// Returns X's explanation: `detail`, then what the `errors` list adds, otherwise the title. `None` if all of it is
/// empty.
fn words(body: &Value, errors: &[Value]) -> Option<String> {
    let spoken = |part: &Value| part.as_str().map(one_line).filter(|words| !words.is_empty());
    let listed = errors.iter().flat_map(|error| [&error["detail"], &error["message"]]);
    let mut found: Vec<String> = Vec::new();
    for words in [&body["detail"], &body["message"]].into_iter().chain(listed).filter_map(spoken) {
        if !found.contains(&words) {
            found.push(words);
        }
    }
    if found.is_empty() {
        return [&body["title"], &body["error"]].into_iter().find_map(spoken);
    }
    Some(found.join(" "))
}

/// Describes what came instead of JSON.
fn words_of_no_json(reply: &Reply) -> String {
    if let Some(target) = reply.header(LOCATION.as_str()) {
        return describe(reply.status, &format!("a redirect to {target}; redirects are not followed"));
    }
    if let Some(cut) = &reply.cut {
        return describe(reply.status, &format!("an answer that {cut}"));
    }
    if reply.is_html() {
        let title = between(&reply.body, "<title>", "</title>").unwrap_or_default();
        return describe(reply.status, &format!("a page of HTML instead of JSON {title}"));
    }
    let body = reply.body.trim();
    describe(reply.status, if body.is_empty() { "nothing" } else { body })
}

fn describe(status: StatusCode, what: &str) -> String {
    format!("{}: {what}", status.canonical_reason().unwrap_or("no reason")).trim_end().to_owned()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0.trim())
}

/// Returns the last path segment: `https://api.x.com/2/problems/usage-capped` and the same on `api.twitter.com` are one
/// type.
fn last_segment(kind: &str) -> Option<String> {
    if kind == "about:blank" {
        return None;
    }
    kind.trim_end_matches('/').rsplit('/').next().filter(|segment| !segment.is_empty()).map(str::to_owned)
}

/// Reads a number, with or without quotes.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Returns the words with one blank between them, without control characters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns at most `most` characters on one line.
fn shorten(text: &str, most: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Parses the date of RFC 9110 section 5.6.7, in the form that every present-day server writes.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

/// Reads decimal digits, in quotes as X writes them; a bare number is accepted too.
pub(super) fn identifier(value: &Value) -> Option<String> {
    let id = value.as_str().map_or_else(|| value.as_u64().map(|id| id.to_string()), |id| Some(id.to_owned()))?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::secrets::TwitterCredentials;

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_owned(),
            cut: None,
            received: "2026-03-01T12:00:00Z".parse().unwrap(),
            correction: SignedDuration::ZERO,
        }
    }

    fn redactor() -> Redactor {
        Redactor::new(&TwitterCredentials::new("invented-1", "invented-2", "invented-3", "invented-4"))
    }

    /// Generates JSON of any shape, with the names that the parser looks for in unexpected places.
    fn any_json() -> impl Strategy<Value = Value> {
        let name = prop::sample::select(vec!["data", "errors", "type", "detail", "title", "code", "message", "period"]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(json!("https://api.x.com/2/problems/usage-capped")),
            Just(json!("about:blank")),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..5).prop_map(|pairs| {
                    Value::Object(
                        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_the_status_alone_says_whether_it_may_have_been_posted(
            status in 200_u16..=999,
            body in prop_oneof![any_json().prop_map(|json| json.to_string()), ".{0,40}"],
        ) {
            let reply = reply(status, &body);
            prop_assert!(status < 300 || reply.data().is_none());
            let (unknown, answer) = match reply.into_error(&redactor()) {
                TwitterError::OutcomeUnknown { answer, .. } => (true, answer.unwrap()),
                TwitterError::Refused { answer, .. } | TwitterError::RateLimited { answer, .. } => (false, answer),
                TwitterError::NotSent { .. } => unreachable!("an answer came"),
            };
            prop_assert_eq!(unknown, !(300..500).contains(&status));
            prop_assert_eq!(answer.status, status);
            prop_assert!(!answer.detail.is_empty() && answer.detail.chars().count() <= LONGEST_DETAIL + 1);
        }
    }

    #[test]
    fn a_problem_type_is_its_last_segment_on_either_host() {
        for (kind, expected) in [
            ("https://api.x.com/2/problems/usage-capped", Some("usage-capped")),
            ("https://api.twitter.com/2/problems/usage-capped/", Some("usage-capped")),
            ("usage-capped", Some("usage-capped")),
            ("about:blank", None),
            ("", None),
            ("///", None),
        ] {
            assert_eq!(last_segment(kind).as_deref(), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_date_header_is_read_and_rubbish_is_not() {
        let expected = "2026-03-01T12:30:00Z".parse().unwrap();
        assert_eq!(http_date("Sun, 01 Mar 2026 12:30:00 GMT"), Some(expected));
        assert_eq!(http_date(" Mon, 01 Mar 2026 12:30:00 GMT "), Some(expected), "a wrong weekday is no matter");
        for rubbish in ["", "yesterday", "Sun, 31 Feb 2026 12:30:00 GMT"] {
            assert_eq!(http_date(rubbish), None, "{rubbish:?}");
        }
    }

    #[test]
    fn a_detail_is_one_line_of_bounded_length() {
        assert_eq!(shorten("  one\r\n\ttwo\u{7}three ", 20), "one two three");
        assert_eq!(shorten("ñandú", 5), "ñandú");
        assert_eq!(shorten("ñandúes", 5), "ñandú…");
    }

    #[test]
    fn an_identifier_is_decimal_digits() {
        for (value, expected) in [
            (json!("1445880548472328192"), Some("1445880548472328192")),
            (json!(1_445_880_548_472_328_192_u64), Some("1445880548472328192")),
            (json!(""), None),
            (json!("12a"), None),
            (json!(-1), None),
            (json!(null), None),
        ] {
            assert_eq!(identifier(&value).as_deref(), expected, "{value}");
        }
    }
}
