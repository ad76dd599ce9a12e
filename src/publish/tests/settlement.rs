//! Arbitrary answers from X, through the whole settlement: parsing, effect, record, search, outlook.

use proptest::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use pregonero_x::Reading;
use pregonero_x::secrets::{Redactor, TwitterCredentials};

/// The longest that X can close a window, and a day for the clocks.
const LONGEST: SignedDuration = SignedDuration::from_hours(33 * 24);

/// Generates numbers: sensible ones, other units, other centuries.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        (1_772_366_400_u64..1_772_500_000).prop_map(|second| second.to_string()),
        Just("2003193600".to_owned()),
        Just("253402207199".to_owned()),
        Just("1772366400000".to_owned()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[ -~]{0,12}",
    ]
}

fn header() -> impl Strategy<Value = (String, String)> {
    let families = prop::sample::select(vec!["x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"]);
    let parts = prop::sample::select(vec!["limit", "remaining", "reset"]);
    let dates = prop_oneof![
        Just("Sun, 01 Mar 2026 12:00:00 GMT".to_owned()),
        Just("Fri, 31 Dec 9999 23:59:59 GMT".to_owned()),
        Just("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()),
    ];
    prop_oneof![
        6 => (families, parts, number()).prop_map(|(family, part, value)| (format!("{family}-{part}"), value)),
        2 => number().prop_map(|value| ("retry-after".to_owned(), value)),
        1 => dates.clone().prop_map(|value| ("retry-after".to_owned(), value)),
        2 => dates.prop_map(|value| ("date".to_owned(), value)),
    ]
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(r#"{"data":{"id":"17","text":"Hola"}}"#.to_owned()),
        Just(r#"{"type":"https://api.x.com/2/problems/usage-capped","period":"Daily"}"#.to_owned()),
        Just(r#"{"type":"https://api.x.com/2/problems/unsupported-authentication"}"#.to_owned()),
        Just(r#"{"errors":[{"code":185,"message":"over the limit"}]}"#.to_owned()),
        "[ -~]{0,40}",
    ]
}

fn answer() -> impl Strategy<Value = (u16, Vec<(String, String)>, String)> {
    let status = prop_oneof![4 => Just(429_u16), 2 => 200_u16..=599];
    (status, prop::collection::vec(header(), 0..7), body())
}

/// Returns what the client would make of this answer.
fn read(status: u16, headers: &[(String, String)], body: &str) -> Result<PostedTweet, TwitterError> {
    let redactor = Redactor::new(&TwitterCredentials::new("invented-1", "invented-2", "invented-3", "invented-4"));
    let header = |(name, value): &(String, String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = headers.iter().filter_map(header).collect();
    let status = StatusCode::from_u16(status).unwrap();
    let reading = Reading::of(status, headers, body.as_bytes(), None, at(NOON), &redactor);
    match reading.posted {
        Some(id) => {
            Ok(PostedTweet { id, status: status.as_u16(), transaction_id: None, limits: RateLimits::default() })
        }
        None => Err(reading.error),
    }
}

async fn settle(answer: Result<PostedTweet, TwitterError>, jitter: f64) {
    let mut bench = Bench::new().await;
    bench.publisher.jitter = Arc::new(move || jitter);
    let taken = matches!(answer, Ok(_) | Err(TwitterError::OutcomeUnknown { .. }));
    // Twice, for answers that are retried; and as the answer to a read.
    bench.poster.with(|state| {
        for _ in 0..2 {
            state.script.push_back(Script { answer: Some(answer.clone()), takes: taken });
        }
        state.readings.extend(answer.err());
    });
    let (post, posted) = bench.publish("uno").await;
    let now = bench.clock.now();
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!(record.state == PostState::Sent, posted.is_ok(), "{posted:?}");
    if let Err(PublishError::Later { until, .. }) = posted {
        assert!(until >= now && until <= now + LONGEST, "{until}");
        assert_eq!(record.not_before, Some(until));
    }
    if record.state == PostState::Unknown {
        bench.after(SignedDuration::from_secs(15)).await;
        let look_at = bench.test.store.post(post).await.unwrap().look_at;
        assert!(look_at.is_none_or(|at| at <= bench.clock.now() + LONGEST), "{look_at:?}");
    }
    let left = outlook(&bench.test.store, &generous(), bench.clock.now()).await.unwrap();
    assert!(left.next_post_at.is_none_or(|at| at <= bench.clock.now() + LONGEST), "{left:?}");
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    let left = outlook(&bench.test.store, &generous(), bench.clock.now()).await.unwrap();
    assert_eq!((left.next_post_at, left.halts), (None, Vec::new()), "`resume` clears every wait");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_x_answers_the_settlement_ends_and_no_wait_is_longer_than_a_month(
        (status, headers, body) in answer(),
        jitter in 0.0_f64..=1.0,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(settle(read(status, &headers, &body), jitter));
    }
}

#[tokio::test]
async fn a_reset_in_another_century_is_waited_for_a_month_at_most() {
    for reset in ["253402207199", "2003193600", "1772366400000", "18446744073709551615"] {
        let headers = [
            ("x-rate-limit-remaining".to_owned(), "0".to_owned()),
            ("x-rate-limit-reset".to_owned(), reset.to_owned()),
        ];
        settle(read(429, &headers, ""), 1.0).await;
        let effect = AnswerEffect::of(&read(429, &headers, ""), at(NOON), 1.0);
        assert_eq!(effect.state, PostState::Approved);
        let until = effect.waits_until.unwrap();
        assert!(until > at(NOON) + SignedDuration::from_hours(31 * 24) && until <= at(NOON) + LONGEST, "{until}");
    }
}
