//! Each thing X can answer, through the real client against `FakeX`: what it means for the bot, and that no key shows.

use std::future::Future;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use pregonero_x::secrets::{self, TwitterCredentials};
use pregonero_x::{Bucket, Client, LimitWindow, RefusalKind, Span, Timeouts, TwitterError};
use serde_json::json;
use url::Url;

use crate::support::fake_x::{Answer, FakeX, KEYS, USER};

/// The hour of every test here.
const NOON: &str = "2026-03-01T12:00:00Z";

/// Long enough for a loaded machine, short enough to wait for.
const QUICK: Timeouts =
    Timeouts { connect: Duration::from_secs(5), read: Duration::from_millis(1500), total: Duration::from_millis(3000) };

/// A clock that stands still.
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn client_at(url: &Url, credentials: TwitterCredentials, timeouts: Timeouts) -> Client {
    Client::new(url, credentials, Arc::new(Stopped(noon())), timeouts).unwrap()
}

fn client(x: &FakeX) -> Client {
    client_at(&x.url(), x.credentials(), Timeouts::default())
}

/// Neither way of showing an error may show a key.
fn shows_no_key(shown: &str) {
    for (name, value) in KEYS {
        assert!(!shown.contains(value), "{name} shows in {shown}");
    }
}

async fn error_of(x: &FakeX, answer: Answer) -> TwitterError {
    x.expect(answer);
    let error = client_at(&x.url(), x.credentials(), QUICK).create_tweet("Hoy llueve en el puerto").await.unwrap_err();
    shows_no_key(&format!("{error} {error:?}"));
    error
}

async fn refusal(x: &FakeX, answer: Answer) -> (RefusalKind, pregonero_x::Answer) {
    match error_of(x, answer).await {
        TwitterError::Refused { kind, answer } => (kind, answer),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

async fn unknown(x: &FakeX, answer: Answer) -> (String, Option<pregonero_x::Answer>) {
    match error_of(x, answer).await {
        TwitterError::OutcomeUnknown { reason, answer } => (reason, answer),
        other => panic!("an unknown outcome was expected, not {other:?}"),
    }
}

async fn limit(x: &FakeX, answer: Answer) -> (LimitWindow, Option<Timestamp>) {
    match error_of(x, answer).await {
        TwitterError::RateLimited { window, until, .. } => (window, until),
        other => panic!("a used-up limit was expected, not {other:?}"),
    }
}

fn forbidden(detail: &str) -> Answer {
    Answer::problem(403, "about:blank", "Forbidden", detail)
}

/// An error of the v1.1 kind.
fn coded(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({"errors": [{"code": code, "message": message}]}))
}

fn html(status: u16) -> Answer {
    let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>checking</body></html>";
    Answer::status(status).header("content-type", "text/html; charset=UTF-8").body(page)
}

#[tokio::test]
async fn a_tweet_is_posted_once_signed_and_as_json() {
    let x = FakeX::start().await;
    let text = "¡Buenos días! 🤖 \"Año\" nuevo & vida nueva + 100 % de ganas\nsegunda línea";
    let created = client(&x).create_tweet(text).await.unwrap();
    assert_eq!(created.id, "1900000000000000001");
    assert_eq!(created.text, text);
    assert_eq!(client(&x).create_tweet("Otra cosa").await.unwrap().id, "1900000000000000002");
    assert_eq!(x.posted(), [text, "Otra cosa"]);
    assert_eq!(x.rejected(), [""; 0]);

    let calls = x.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].headers["content-type"], "application/json");
    assert_eq!(calls[0].headers["user-agent"], format!("pregonero/{}", env!("CARGO_PKG_VERSION")));
    assert_ne!(calls[0].headers["authorization"], calls[1].headers["authorization"]);
}

#[tokio::test]
async fn the_account_is_told_with_its_access_level() {
    let x = FakeX::start().await;
    let user = client(&x).me().await.unwrap();
    assert_eq!((user.id.as_str(), user.username.as_str()), USER);
    assert_eq!(user.access_level.as_deref(), Some("read-write"));

    x.expect(Answer::json(200, &json!({"data": {"id": "7"}})).for_me());
    assert!(matches!(client(&x).me().await, Err(TwitterError::OutcomeUnknown { .. })));
    x.expect(Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized").for_me());
    let error = client(&x).me().await.unwrap_err();
    assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }));
}

#[tokio::test]
async fn old_and_new_names_beside_the_id_are_no_matter() {
    let x = FakeX::start().await;
    for extra in ["edit_history_tweet_ids", "edit_history_post_ids"] {
        x.expect(
            Answer::json(
                201,
                &json!({"data": {"id": "1445880548472328192", "text": "Hola https://t.co/abc", extra: ["1"]},
                        "errors": [], "includes": {"x": null}}),
            )
            .header("x-transaction-id", "8d2e6dbd8b4b5d01")
            .header("x-rate-limit-limit", "100")
            .header("x-rate-limit-remaining", "98")
            .header("x-rate-limit-reset", "1772367300"),
        );
        let created = client(&x).create_tweet("Hola https://example.com").await.unwrap();
        assert_eq!(created.id, "1445880548472328192");
        assert_eq!(created.text, "Hola https://t.co/abc");
        assert_eq!(created.transaction_id.as_deref(), Some("8d2e6dbd8b4b5d01"));
        let reset = Timestamp::from_second(1_772_367_300).ok();
        assert_eq!(created.limits.fifteen_minutes, Some(Bucket { limit: Some(100), remaining: Some(98), reset }));
        assert_eq!(created.limits.app_day, None);
    }
}

#[tokio::test]
async fn every_refusal_is_sorted_by_what_a_person_must_do() {
    use RefusalKind::{
        Authentication, Duplicate, Forbidden, Invalid, NoCredits, NotFound, Other, Permissions, Suspended, Unauthorized,
    };
    let old = |name: &str| format!("https://api.twitter.com/2/problems/{name}");
    let new = |name: &str| format!("https://api.x.com/2/problems/{name}");
    let credits = "Your enrolled account [17] does not have any credits to fulfill this request.";
    let too_long = json!({
        "errors": [{"parameters": {"text": ["…"]}, "message": "Your Tweet text is too long."}],
        "title": "Invalid Request", "detail": "One or more parameters to your request was invalid.",
        "type": old("invalid-request"),
    });
    let rows = [
        (Answer::json(400, &too_long), Invalid, Some("invalid-request")),
        (Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized"), Unauthorized, None),
        (Answer::status(401), Unauthorized, None),
        (
            Answer::json(
                402,
                &json!({"account_id": 17, "title": "CreditsDepleted", "detail": credits, "type": old("credits")}),
            ),
            NoCredits,
            Some("credits"),
        ),
        (
            Answer::problem(402, &new("credits-depleted"), "Payment Required", "credits depleted"),
            NoCredits,
            Some("credits-depleted"),
        ),
        (forbidden("You are not allowed to create a Tweet with duplicate content."), Duplicate, None),
        (
            Answer::problem(
                403,
                &old("oauth1-permissions"),
                "Forbidden",
                "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.",
            ),
            Permissions,
            Some("oauth1-permissions"),
        ),
        (
            Answer::problem(
                403,
                &new("unsupported-authentication"),
                "Unsupported Authentication",
                "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.",
            ),
            Authentication,
            Some("unsupported-authentication"),
        ),
        (
            Answer::problem(403, &new("client-forbidden"), "Client Forbidden", "Enroll."),
            Permissions,
            Some("client-forbidden"),
        ),
        (Answer::problem(403, &new("user-suspended"), "Forbidden", "No."), Suspended, Some("user-suspended")),
        (forbidden("Your account is suspended and is not permitted to access this feature."), Suspended, None),
        (
            forbidden(
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged.",
            ),
            Forbidden,
            None,
        ),
        (forbidden("You are not permitted to perform this action."), Forbidden, None),
        (forbidden("Posts are limited to a maximum of one cashtag."), Forbidden, None),
        (coded(403, 64, "Your account is suspended"), Suspended, Some("64")),
        (coded(401, 89, "Invalid or expired token."), Unauthorized, Some("89")),
        (coded(403, 187, "Status is a duplicate."), Duplicate, Some("187")),
        (coded(403, 226, "This request looks like it might be automated."), Suspended, Some("226")),
        (coded(403, 326, "To protect our users, this account is temporarily locked."), Suspended, Some("326")),
        (coded(403, 453, "You currently have access to a subset of X API V2 endpoints."), Permissions, Some("453")),
        (
            Answer::problem(404, &new("resource-not-found"), "Not Found Error", "No."),
            NotFound,
            Some("resource-not-found"),
        ),
        (Answer::status(410), Other, None),
        (Answer::status(307).header("location", "https://elsewhere.example/2/tweets"), Other, None),
    ];
    let x = FakeX::start().await;
    for (row, (answer, expected, problem)) in rows.into_iter().enumerate() {
        let shown = format!("row {row}: {answer:?}");
        let (kind, answer) = refusal(&x, answer).await;
        assert_eq!(kind, expected, "{shown}");
        assert_eq!(answer.problem.as_deref(), problem, "{shown}");
        assert!(!answer.detail.is_empty(), "{shown}");
    }
    assert_eq!(x.posted(), [""; 0]);
}

#[tokio::test]
async fn a_refusal_keeps_x_s_words_and_the_transaction_for_the_record() {
    let x = FakeX::start().await;
    let body = json!({
        "errors": [{"parameters": {}, "message": "Your Tweet text is too long."}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.x.com/2/problems/invalid-request",
    });
    let (_, answer) = refusal(&x, Answer::json(400, &body).header("x-transaction-id", "0f3a")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.detail, "One or more parameters to your request was invalid. Your Tweet text is too long.");
    assert_eq!(answer.transaction_id.as_deref(), Some("0f3a"));

    let (_, answer) = refusal(&x, forbidden(&"no ".repeat(500))).await;
    assert_eq!(answer.detail.chars().count(), 301, "three hundred characters and an ellipsis");
    let (_, answer) = refusal(&x, Answer::status(302).header("location", "https://elsewhere.example/")).await;
    assert_eq!(answer.detail, "Found: a redirect to https://elsewhere.example/; redirects are not followed");
}

#[tokio::test]
async fn a_page_of_html_is_never_the_loss_of_the_account() {
    let x = FakeX::start().await;
    for status in [400, 401, 402, 403, 404, 451] {
        let (kind, answer) = refusal(&x, html(status)).await;
        assert_eq!(kind, RefusalKind::Intermediary, "{status}");
        assert!(!kind.is_terminal() && kind.may_pass());
        assert!(answer.detail.ends_with("a page of HTML instead of JSON Just a moment..."), "{}", answer.detail);
    }
    let (kind, _) = refusal(&x, Answer::status(403).body("  <html>no type")).await;
    assert_eq!(kind, RefusalKind::Intermediary);
    let (reason, _) = unknown(&x, html(503)).await;
    assert_eq!(reason, "X answered 503: Service Unavailable: a page of HTML instead of JSON Just a moment...");
}

#[tokio::test]
async fn the_windows_of_a_429_are_told_apart() {
    use LimitWindow::{Day, FifteenMinutes, Month, Unknown};
    let too_many = || Answer::problem(429, "about:blank", "Too Many Requests", "Too Many Requests");
    let capped = |period: &str| {
        let kind = "https://api.twitter.com/2/problems/usage-capped";
        Answer::json(
            429,
            &json!({"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly product cap",
            "type": kind, "period": period, "scope": "Product"}),
        )
    };
    let short =
        |answer: Answer| answer.header("x-rate-limit-remaining", "0").header("x-rate-limit-reset", "1772367300");
    let day = |answer: Answer| {
        answer
            .header("x-app-limit-24hour-remaining", "0")
            .header("x-app-limit-24hour-reset", "1772400000")
            .header("x-user-limit-24hour-remaining", "0")
            .header("x-user-limit-24hour-reset", "1772410000")
    };
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    let after = |seconds| Some(noon() + SignedDuration::from_secs(seconds));
    let rows = [
        (too_many(), Unknown, None),
        (coded(429, 88, "Rate limit exceeded"), Unknown, None),
        (short(too_many()), FifteenMinutes, at(1_772_367_300)),
        (short(day(too_many())), Day, at(1_772_410_000)),
        (short(capped("Monthly")), Month, None),
        (capped("Daily"), Day, None),
        (day(capped("Daily")), Day, at(1_772_410_000)),
        (coded(403, 185, "User is over daily status update limit."), Day, None),
        (day(coded(403, 344, "You have reached your daily limit.")), Day, at(1_772_410_000)),
        (html(429), Unknown, None),
        (html(429).header("retry-after", "120"), Unknown, after(120)),
        (html(429).header("retry-after", "Sun, 01 Mar 2026 12:30:00 GMT"), Unknown, after(1800)),
        (html(429).header("retry-after", "Sun, 01 Mar 2026 11:30:00 GMT"), Unknown, None),
        (Answer::status(429), Unknown, None),
    ];
    let x = FakeX::start().await;
    for (row, (answer, window, until)) in rows.into_iter().enumerate() {
        let shown = format!("row {row}: {answer:?}");
        assert_eq!(limit(&x, answer).await, (window, until), "{shown}");
    }
}

#[tokio::test]
async fn after_a_server_error_nobody_knows() {
    let x = FakeX::start().await;
    for status in [500, 502, 503, 504, 520, 599] {
        let answer = Answer::problem(status, "about:blank", "Sorry", "Sorry").but_taken();
        let (_, answer) = unknown(&x, answer).await;
        assert_eq!(answer.unwrap().status, status);
    }
    assert_eq!(x.posted().len(), 6);
}

#[tokio::test]
async fn a_201_that_does_not_name_the_post_is_an_unknown_outcome() {
    let x = FakeX::start().await;
    for (answer, reason) in [
        (Answer::status(201), "the answer (201) does not name the post: Created: nothing"),
        (Answer::status(201).body("{\"data\":"), "the answer (201) does not name the post: Created: {\"data\":"),
        (
            Answer::json(201, &json!({"data": {"text": "Hola"}})),
            "the answer (201) does not name the post: Created: JSON without an explanation",
        ),
        (
            Answer::json(201, &json!({"data": {"id": "", "text": "Hola"}})),
            "the answer (201) does not name the post: Created: JSON without an explanation",
        ),
        (Answer::json(200, &json!([1])), "the answer (200) does not name the post: OK: [1]"),
        (
            html(201),
            "the answer (201) does not name the post: Created: a page of HTML instead of JSON Just a moment...",
        ),
        (Answer::status(204), "the answer (204) does not name the post: No Content: nothing"),
    ] {
        let (told, answer) = unknown(&x, answer).await;
        assert_eq!(told, reason);
        assert!(answer.is_some());
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_still_has_its_status() {
    let x = FakeX::start().await;
    let created = json!({"data": {"id": "1445880548472328192", "text": "Hoy llueve en el puerto"}});
    let (reason, answer) = unknown(&x, Answer::json(201, &created).truncated(20)).await;
    assert!(reason.starts_with("the answer (201) broke off: "), "{reason}");
    assert_eq!(answer.unwrap().status, 201);

    let (reason, answer) = unknown(&x, Answer::json(201, &created).torn(20)).await;
    assert!(reason.starts_with("the answer (201) broke off: "), "{reason}");
    assert_eq!(answer.unwrap().status, 201);

    let (reason, _) = unknown(&x, Answer::status(201).body(vec![b'x'; 3 << 20])).await;
    assert_eq!(reason, "the answer (201) is longer than 1 MiB");

    let (kind, _) =
        refusal(&x, forbidden("You are not allowed to create a Tweet with duplicate content.").truncated(9)).await;
    assert_eq!(kind, RefusalKind::Forbidden, "what could not be read is not guessed");
    let (kind, answer) = refusal(&x, Answer::status(400).body(vec![b'x'; 3 << 20])).await;
    assert_eq!(kind, RefusalKind::Invalid);
    assert_eq!(answer.detail, "Bad Request: an answer that is longer than 1 MiB");
}

#[tokio::test]
async fn a_request_that_gets_no_answer_may_have_arrived() {
    let x = FakeX::start().await;
    let (reason, answer) = unknown(&x, Answer::hang().but_taken()).await;
    assert!(reason.starts_with("timed out: "), "{reason}");
    assert_eq!(answer, None);
    for lost in [Answer::close(), Answer::reset()] {
        let (_, answer) = unknown(&x, lost.but_taken()).await;
        assert_eq!(answer, None);
    }
    assert_eq!(x.posted().len(), 3);
    assert_eq!(x.calls().len(), 3, "never a second attempt");
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_within_bounds() {
    let x = FakeX::start().await;
    let created = json!({"data": {"id": "7", "text": "x"}});
    x.expect(Answer::json(201, &created).drip(Duration::from_millis(2)));
    assert_eq!(client(&x).create_tweet("Con calma").await.unwrap().id, "7");

    // Each byte comes in time, all of them together do not.
    let endless = Answer::status(201).body(vec![b' '; 10_000]).drip(Duration::from_millis(50));
    let (reason, answer) = unknown(&x, endless).await;
    assert!(reason.starts_with("the answer (201) broke off: "), "{reason}");
    assert_eq!(answer.unwrap().status, 201);

    let (reason, _) = unknown(&x, Answer::json(201, &created).stall()).await;
    assert!(reason.starts_with("the answer (201) broke off: "), "{reason}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_credentials_go_there() {
    let (x, elsewhere) = (FakeX::start().await, FakeX::start().await);
    for status in [301, 302, 303, 307, 308] {
        let target = elsewhere.url().join("/2/tweets").unwrap();
        let (kind, _) = refusal(&x, Answer::status(status).header("location", target.as_str())).await;
        assert_eq!(kind, RefusalKind::Other, "{status}");
        x.expect(Answer::status(status).header("location", target.as_str()).for_timeline());
        client(&x).timeline(USER.0, today()).await.unwrap_err();
    }
    assert_eq!(elsewhere.calls().len(), 0);
}

/// The day of these tests until now.
fn today() -> Span {
    Span { from: "2026-03-01T00:00:00Z".parse().unwrap(), to: None }
}

#[tokio::test]
async fn the_timeline_tells_what_was_posted_in_a_span_under_old_and_new_field_names() {
    for known in ["tweet.fields", "post.fields"] {
        let x = FakeX::start().await;
        x.knows_only(known);
        let hour = |hour: i64| noon() + SignedDuration::from_hours(hour);
        x.has_tweet("Temprano", hour(-2)).has_tweet("Pan & café", hour(0)).has_tweet("Tarde", hour(2));
        let client = client(&x);
        let span = Span { from: hour(-1), to: Some(hour(1)) };
        for _ in 0..2 {
            let timeline = client.timeline(USER.0, span).await.unwrap();
            assert_eq!(timeline.tweets.len(), 1);
            let tweet = &timeline.tweets[0];
            assert_eq!((tweet.text.as_str(), tweet.created_at), ("Pan &amp; café", Some(noon())));
            assert_eq!(tweet.edit_history, std::slice::from_ref(&tweet.id));
        }
        let empty = Span { from: hour(5), to: None };
        assert_eq!(client.timeline(USER.0, empty).await.unwrap().tweets, []);
        let refused = x.calls().len() - 3;
        assert_eq!(refused, usize::from(known == "post.fields"), "a name that X calls wrong is tried once");
        assert_eq!(x.rejected(), [""; 0], "queries are signed too");
    }
}

#[tokio::test]
async fn a_timeline_without_the_fields_we_ask_for_still_tells_ids_and_times() {
    let x = FakeX::start().await;
    x.knows_only("neither");
    x.has_tweet("Hoy llueve", noon());
    let timeline = client(&x).timeline(USER.0, Span { from: noon(), to: None }).await.unwrap();
    assert_eq!(timeline.tweets[0].id, "1900000000000000001");
    assert_eq!(timeline.tweets[0].created_at.unwrap().to_string(), "2025-03-13T01:44:34.949Z", "the id's own");
}

#[tokio::test]
async fn every_page_of_the_timeline_is_read_and_never_half_of_it() {
    let x = FakeX::start().await;
    for place in 0..7 {
        x.has_tweet(&format!("texto {place}"), noon());
    }
    x.page_of(3);
    assert_eq!(client(&x).timeline(USER.0, today()).await.unwrap().tweets.len(), 7);
    assert_eq!(x.calls().len(), 3);
    x.page_of(0);
    let error = client(&x).timeline(USER.0, today()).await.unwrap_err();
    assert!(error.to_string().contains("more than 10 pages"), "{error}");
}

#[tokio::test]
async fn what_is_no_timeline_is_never_taken_for_an_empty_one() {
    let x = FakeX::start().await;
    for answer in [
        Answer::status(200),
        Answer::json(200, &json!({})),
        Answer::json(200, &json!({"errors": [{"title": "Not Found Error", "detail": "No such user."}]})),
        Answer::json(200, &json!({"data": [{"id": "7"}]})),
        Answer::json(200, &json!({"data": []})).truncated(5),
        html(200),
        Answer::status(503),
        Answer::close(),
    ] {
        let shown = format!("{answer:?}");
        x.expect(answer.for_timeline());
        let error = client(&x).timeline(USER.0, today()).await.unwrap_err();
        assert!(matches!(error, TwitterError::OutcomeUnknown { .. }), "{shown}: {error:?}");
    }
    x.expect(Answer::status(429).header("x-rate-limit-remaining", "0").for_timeline());
    let error = client(&x).timeline(USER.0, today()).await.unwrap_err();
    assert!(matches!(error, TwitterError::RateLimited { window: LimitWindow::FifteenMinutes, .. }), "{error:?}");
    let wrong = Answer::problem(400, "https://api.x.com/2/problems/invalid-request", "Invalid Request", "No.");
    for _ in 0..3 {
        x.expect(wrong.clone().for_timeline());
    }
    let error = client(&x).timeline(USER.0, today()).await.unwrap_err();
    assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Invalid, .. }), "not tried for ever: {error:?}");
}

#[tokio::test]
async fn what_never_left_the_machine_is_certain() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let no_tls = TcpListener::bind("127.0.0.1:0").unwrap();
    let no_tls_address = no_tls.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = no_tls.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the client has read it and left: closing on its unread greeting would reset the connection.
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    for address in
        [format!("http://{closed}"), format!("https://{no_tls_address}"), "https://nowhere.invalid".to_owned()]
    {
        let keys = TwitterCredentials::new(KEYS[0].1, KEYS[1].1, KEYS[2].1, KEYS[3].1);
        let timeouts = Timeouts { connect: Duration::from_secs(5), ..Timeouts::default() };
        let client = client_at(&Url::parse(&address).unwrap(), keys, timeouts);
        let error = client.create_tweet("No sale").await.unwrap_err();
        assert!(matches!(error, TwitterError::NotSent { .. }), "{address}: {error:?}");
        shows_no_key(&format!("{error} {error:?} {client:?}"));
    }
    answering.join().unwrap();
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_from_lost_credentials_and_corrected() {
    let x = FakeX::start().await;
    x.set_clock(noon() + SignedDuration::from_mins(10));
    let client = client(&x);
    assert_eq!(client.clock_skew(), None);
    let error = client.create_tweet("Antes de hora").await.unwrap_err();
    let TwitterError::Refused { kind, .. } = error else { panic!("{error:?}") };
    assert_eq!(kind, RefusalKind::ClockSkew { seconds: 600 });
    assert!(!kind.is_terminal());
    assert_eq!(client.clock_skew(), Some(SignedDuration::from_mins(10)));

    // The next request is signed with X's time; a 401 to that one is not the clock's fault.
    assert_eq!(client.create_tweet("En hora").await.unwrap().text, "En hora");
    x.expect(Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized"));
    let error = client.create_tweet("Sin permiso").await.unwrap_err();
    assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }), "{error:?}");

    // X's resets are told on X's clock: a quarter past twelve there is five past here.
    x.expect(Answer::status(429).header("x-rate-limit-remaining", "0").header("x-rate-limit-reset", "1772367300"));
    let error = client.create_tweet("Demasiado").await.unwrap_err();
    let TwitterError::RateLimited { until, .. } = error else { panic!("{error:?}") };
    assert_eq!(until, Some("2026-03-01T12:05:00Z".parse().unwrap()));
}

#[tokio::test]
async fn a_few_seconds_between_the_clocks_are_no_excuse() {
    let x = FakeX::start().await;
    x.set_clock(noon() - SignedDuration::from_secs(30));
    let (kind, _) = refusal(&x, Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized")).await;
    assert_eq!(kind, RefusalKind::Unauthorized);
    x.set_clock(noon() - SignedDuration::from_secs(31));
    let (kind, _) = refusal(&x, Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized")).await;
    assert_eq!(kind, RefusalKind::ClockSkew { seconds: -31 });
    let (kind, _) = refusal(&x, coded(401, 135, "Timestamp out of bounds.")).await;
    assert_eq!(kind, RefusalKind::ClockSkew { seconds: -31 });
}

#[tokio::test]
async fn a_key_that_x_says_back_is_masked() {
    let x = FakeX::start().await;
    let echo = KEYS.map(|(_, value)| value).join(" ");
    let answer = Answer::problem(403, &format!("https://api.x.com/2/problems/{}", KEYS[0].1), "Forbidden", &echo)
        .header("x-transaction-id", KEYS[2].1);
    let (_, answer) = refusal(&x, answer).await;
    assert_eq!(answer.detail, "[secret] [secret] [secret] [secret]");
    assert_eq!(answer.problem.as_deref(), Some("[secret]"));
    assert_eq!(answer.transaction_id.as_deref(), Some("[secret]"));
    let (reason, _) = unknown(&x, Answer::status(500).body(echo)).await;
    assert!(reason.contains("[secret]"), "{reason}");
}

#[tokio::test]
async fn the_fake_turns_away_what_x_turns_away() {
    let x = FakeX::start().await;
    let right = KEYS.map(|(_, value)| value);
    for wrong in 0..4 {
        let mut keys = right;
        keys[wrong] = "invented-but-wrong";
        let credentials = TwitterCredentials::new(keys[0], keys[1], keys[2], keys[3]);
        let error = client_at(&x.url(), credentials, QUICK).create_tweet("No debe salir").await.unwrap_err();
        assert!(matches!(error, TwitterError::Refused { kind: RefusalKind::Unauthorized, .. }), "{wrong}: {error:?}");
    }
    assert_eq!(x.rejected().len(), 4);

    x.refuse_duplicates();
    client(&x).create_tweet("Lo mismo").await.unwrap();
    for (text, expected) in
        [("Lo mismo", RefusalKind::Duplicate), ("", RefusalKind::Invalid), (&"ñ".repeat(281), RefusalKind::Invalid)]
    {
        let error = client(&x).create_tweet(text).await.unwrap_err();
        assert!(matches!(error, TwitterError::Refused { kind, .. } if kind == expected), "{error:?}");
    }
    client(&x).create_tweet(&"ñ".repeat(280)).await.unwrap();
    assert_eq!(x.posted().len(), 2);
}

#[tokio::test]
async fn the_fake_fails_the_test_if_an_expected_call_never_came() {
    let x = FakeX::start().await;
    x.expect(Answer::status(500));
    let fault = catch_unwind(AssertUnwindSafe(|| drop(x))).unwrap_err();
    assert!(fault.downcast_ref::<String>().unwrap().starts_with("expected calls never came"));

    let x = FakeX::start().await;
    x.expect(Answer::status(500).for_me());
    client(&x).create_tweet("Fuera de guion").await.unwrap_err();
    let fault = catch_unwind(AssertUnwindSafe(|| drop(x))).unwrap_err();
    assert!(fault.downcast_ref::<String>().unwrap().starts_with("calls that the script did not foresee"));
}

#[tokio::test]
async fn the_credentials_of_an_environment_sign_whether_or_not_the_url_ends_in_a_slash() {
    let credentials = secrets::load(&Environment::from_iter(KEYS)).unwrap().unwrap();
    let x = FakeX::start().await;
    // With and without the slash that a person may write at the end.
    for slash in ["", "/"] {
        let url = Url::parse(&format!("{}{slash}", x.url().as_str().trim_end_matches('/'))).unwrap();
        client_at(&url, credentials.clone(), QUICK).create_tweet(&format!("Prueba{slash}")).await.unwrap();
    }
    assert_eq!(x.posted(), ["Prueba", "Prueba/"]);
}

#[tokio::test]
async fn a_hostile_answer_of_x_rewrites_no_terminal_and_is_no_formula() {
    let x = FakeX::start().await;
    let hostile = "=HYPERLINK(\"http://a\") <script>alert(1)</script> \u{202e}odnum\u{1b}[2J\r\nline \u{1f600}";
    x.expect(Answer::problem(403, "about:blank", "Forbidden", hostile));
    let bot = crate::support::test_bot::TestBot::at(&x, true);
    let once = bot.run(&["once"]);
    assert_ne!(once.code(), Some(0), "{once:#?}");
    for hidden in ['\u{202e}', '\u{1b}', '\r'] {
        assert!(!once.stderr.contains(hidden), "the log is JSON here, which writes it as \\u202e: {once:#?}");
    }
    assert!(once.stderr.contains("\\u202eodnum"), "{once:#?}");
    let lines = ["history", "export", "--format", "jsonl"];
    for arguments in [
        &["history", "list"][..],
        &lines[..],
        &["--json", "history", "show", "1"],
        &["history", "show", "1"],
        &["history", "export"],
        &["status"],
    ] {
        let ended = bot.run(arguments);
        let said = format!("{}{}{}", ended.stdout, ended.stderr, once.stdout);
        assert!(!said.contains('\u{1b}'), "{arguments:?}: {said}");
        assert!(!said.contains('\u{202e}'), "{arguments:?}: {said}");
        assert!(!said.contains(",=HYPERLINK"), "{arguments:?}: {said}");
    }
    let shown = bot.run(&["history", "show", "1"]);
    assert!(shown.stdout.contains("<script>"), "it is told what X said: {shown:#?}");
}
