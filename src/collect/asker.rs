//! Asks X, and waits where waiting helps: between two requests, for the end of a used-up window, after a lost connection or a
//! failure on X's side. What only a person can change ends the collection; so does a person who stops it. Nothing is lost:
//! the same command goes on.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use pregonero_system::clock::{Clock, shown};
use pregonero_system::network::back_off;
use pregonero_x::{Answered, LimitWindow, RefusalKind, TwitterError};

/// How often a request is sent in all while X cannot be reached or fails.
const ATTEMPTS: u32 = 8;

/// The waits after such a failure: the first one, doubled each time, up to the longest.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The waits for a window whose end X did not say.
const FIRST_LIMIT_WAIT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_LIMIT_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// A window that ends later than this is not waited for.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// A little after the end that X names, because clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// The longest wait before it is checked again whether a person stopped the collection.
const GLANCE: Duration = Duration::from_millis(100);

/// Why X is not asked any further.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// A person stopped it, between two requests.
    #[error("stopped; everything that was read is kept")]
    Stopped,
    /// X answered no; asking again would not help.
    #[error("X refused with {status}: {detail}{}", remedy(*.kind))]
    Refused { kind: RefusalKind, status: u16, detail: String },
    /// The month's reads are used up.
    #[error("X: the app's reads of this month are used up: {0}; everything that was read is kept")]
    MonthUsedUp(String),
    /// A window that ends too far ahead.
    #[error("{window} is used up until {}; everything that was read is kept", shown(*.until))]
    UsedUp { window: LimitWindow, until: Timestamp },
    /// X could not be reached, or failed, too often.
    #[error("X could not be asked: {0}; everything that was read is kept")]
    Unreachable(String),
}

/// Returns what a person should do. What stops a post by the account's keys is something else for the app's token.
fn remedy(kind: RefusalKind) -> String {
    let words = match kind {
        RefusalKind::Unauthorized => Some(
            "check the app's bearer token (TWITTER_BEARER_TOKEN), or get it anew with `pregonero auth login --app`",
        ),
        RefusalKind::Permissions | RefusalKind::Authentication => {
            Some("X does not let this app read here: look at its products and permissions at console.x.com")
        }
        kind => kind.remedy(),
    };
    words.map_or_else(String::new, |words| format!("; {words}"))
}

/// What happens between requests, for a person who watches.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A window is used up; the next request goes out at this instant.
    Waiting { window: LimitWindow, until: Timestamp },
    /// A request failed and is sent again after so many seconds.
    Retrying { reason: String, seconds: i64 },
}

/// Asks X one request after the other.
pub struct Asker<'a> {
    pub clock: &'a dyn Clock,
    /// The least time between two requests.
    pub pause: Duration,
    /// Set when a person asks to stop.
    pub stop: &'a AtomicBool,
    pub notify: &'a (dyn Fn(Notice) + Sync),
    /// When the next request may go out.
    not_before: Option<Timestamp>,
    /// The end of a window that the last answer used up: the next request reports that it waits for it.
    used_up: Option<Timestamp>,
}

impl<'a> Asker<'a> {
    /// Creates an asker that has not asked yet.
    pub fn new(
        clock: &'a dyn Clock,
        pause: Duration,
        stop: &'a AtomicBool,
        notify: &'a (dyn Fn(Notice) + Sync),
    ) -> Self {
        Self { clock, pause, stop, notify, not_before: None, used_up: None }
    }

    /// Sends what `call` builds until X answers it.
    ///
    /// # Errors
    /// If a person stops it, X refuses, or waiting does not help.
    pub async fn ask<T, F>(&mut self, call: impl Fn() -> F) -> Result<T, AskError>
    where
        F: Future<Output = Result<Answered<T>, TwitterError>>,
    {
        let mut failures = 0;
        loop {
            if let Some(until) = self.used_up.take() {
                (self.notify)(Notice::Waiting { window: LimitWindow::FifteenMinutes, until });
            }
            self.wait_until(self.not_before).await?;
            let answer = call().await;
            let now = self.clock.now();
            let pause = SignedDuration::try_from(self.pause).unwrap_or_default();
            self.not_before = now.checked_add(pause).ok();
            match answer {
                Ok(Answered { value, limits }) => {
                    let used_up = limits.fifteen_minutes.filter(|bucket| bucket.remaining == Some(0));
                    let until = used_up.and_then(|bucket| bucket.reset).filter(|until| *until > now);
                    if let Some(until) = until.filter(|until| until.duration_since(now) <= PATIENCE) {
                        self.used_up = Some(later(until, MARGIN));
                        self.not_before = self.used_up;
                    }
                    return Ok(value);
                }
                Err(error) => {
                    self.not_before = Some(self.after(error, failures)?);
                    failures += 1;
                }
            }
        }
    }

    /// Returns when to ask again after an error.
    fn after(&self, error: TwitterError, failures: u32) -> Result<Timestamp, AskError> {
        match error {
            TwitterError::RateLimited { window: LimitWindow::Month, answer, .. } => {
                Err(AskError::MonthUsedUp(answer.detail))
            }
            TwitterError::RateLimited { window, until, .. } => self.after_limit(window, until, failures),
            TwitterError::Refused { kind, answer } if !may_pass(kind, failures) => {
                Err(AskError::Refused { kind, status: answer.status, detail: answer.detail })
            }
            TwitterError::Refused { answer, .. } => self.after_failure(answer.detail, failures),
            TwitterError::OutcomeUnknown { reason, .. } | TwitterError::NotSent { reason } => {
                self.after_failure(reason, failures)
            }
        }
    }

    fn after_limit(&self, window: LimitWindow, until: Option<Timestamp>, failures: u32) -> Result<Timestamp, AskError> {
        let now = self.clock.now();
        let unknown = || later(now, back_off(FIRST_LIMIT_WAIT, LONGEST_LIMIT_WAIT, failures));
        let until = until.map_or_else(unknown, |until| later(until, MARGIN));
        if until.duration_since(now) > PATIENCE {
            return Err(AskError::UsedUp { window, until });
        }
        (self.notify)(Notice::Waiting { window, until });
        Ok(until)
    }

    fn after_failure(&self, reason: String, failures: u32) -> Result<Timestamp, AskError> {
        if failures + 1 >= ATTEMPTS {
            return Err(AskError::Unreachable(reason));
        }
        let wait = back_off(FIRST_WAIT, LONGEST_WAIT, failures);
        (self.notify)(Notice::Retrying { reason, seconds: wait.as_secs() });
        Ok(later(self.clock.now(), wait))
    }

    /// Waits, and looks again and again whether a person stopped the collection.
    async fn wait_until(&self, instant: Option<Timestamp>) -> Result<(), AskError> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(AskError::Stopped);
            }
            let Some(instant) = instant.filter(|instant| *instant > self.clock.now()) else { return Ok(()) };
            let glance = self.clock.now().saturating_add(GLANCE).unwrap_or(instant);
            self.clock.sleep_until(instant.min(glance)).await;
        }
    }
}

/// Returns whether the same request may well be answered a moment later. X sometimes says of a good token that this way of
/// signing is forbidden; once is no sign.
fn may_pass(kind: RefusalKind, failures: u32) -> bool {
    match kind {
        RefusalKind::Intermediary => true,
        RefusalKind::Authentication => failures == 0,
        _ => false,
    }
}

fn later(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use pregonero_system::clock::testing::{StillClock, at};
    use pregonero_x::{Answer, Bucket, RateLimits};

    const START: &str = "2026-03-01T12:00:00Z";

    fn limited(window: LimitWindow, until: Option<&str>) -> TwitterError {
        TwitterError::RateLimited { window, until: until.map(at), answer: Answer::default() }
    }

    fn refused(kind: RefusalKind) -> TwitterError {
        TwitterError::Refused { kind, answer: Answer { status: 403, ..Answer::default() } }
    }

    fn lost() -> TwitterError {
        TwitterError::NotSent { reason: "no connection".to_owned() }
    }

    /// Returns the last answer of a window that ends then.
    fn last_until(reset: &str) -> Answered<u8> {
        let bucket = Bucket { limit: None, remaining: Some(0), reset: Some(at(reset)) };
        Answered { value: 7, limits: RateLimits { fifteen_minutes: Some(bucket), ..RateLimits::default() } }
    }

    /// Returns what comes of the errors followed by an answer, when it came, and how many requests went out.
    async fn outcome(errors: Vec<TwitterError>) -> (Result<u8, AskError>, Timestamp, usize) {
        let clock = StillClock::new(START);
        let stop = AtomicBool::new(false);
        let errors = RefCell::new(VecDeque::from(errors));
        let asked = RefCell::new(0);
        let notices = Mutex::new(0);
        let notify = |_: Notice| *notices.lock().unwrap() += 1;
        let mut asker = Asker::new(&clock, Duration::from_secs(1), &stop, &notify);
        let call = || {
            *asked.borrow_mut() += 1;
            let error = errors.borrow_mut().pop_front();
            async move { error.map_or(Ok(Answered { value: 7, limits: RateLimits::default() }), Err) }
        };
        let result = asker.ask(call).await;
        let asked = *asked.borrow();
        (result, clock.now(), asked)
    }

    #[tokio::test]
    async fn what_passes_is_waited_for_and_asked_again() {
        let fifteen = LimitWindow::FifteenMinutes;
        for (errors, end) in [
            (vec![], START),
            (vec![limited(fifteen, Some("2026-03-01T12:10:00Z"))], "2026-03-01T12:10:01Z"),
            (vec![limited(LimitWindow::Unknown, None), limited(LimitWindow::Unknown, None)], "2026-03-01T12:03:00Z"),
            (vec![lost(), lost(), lost()], "2026-03-01T12:00:07Z"),
            (vec![refused(RefusalKind::Intermediary)], "2026-03-01T12:00:01Z"),
            (vec![refused(RefusalKind::Authentication)], "2026-03-01T12:00:01Z"),
        ] {
            let requests = errors.len() + 1;
            let (result, now, asked) = outcome(errors).await;
            assert_eq!((result.unwrap(), now, asked), (7, at(end), requests));
        }
    }

    #[tokio::test]
    async fn the_request_after_the_last_of_a_window_waits_for_the_next_one_and_says_so() {
        let (clock, stop, notices) = (StillClock::new(START), AtomicBool::new(false), Mutex::new(Vec::new()));
        let notify = |notice: Notice| notices.lock().unwrap().push(format!("{notice:?}"));
        let mut asker = Asker::new(&clock, Duration::ZERO, &stop, &notify);
        asker.ask(|| async { Ok(last_until("2026-03-01T12:10:00Z")) }).await.unwrap();
        assert_eq!((clock.now(), notices.lock().unwrap().len()), (at(START), 0), "nothing waits yet");
        // A reset that is weeks away is no fifteen minutes: X is asked, and says what it means.
        asker.ask(|| async { Ok(last_until("2026-03-20T00:00:00Z")) }).await.unwrap();
        asker.ask(|| async { Ok(last_until(START)) }).await.unwrap();
        assert_eq!(clock.now(), at("2026-03-01T12:10:01Z"));
        let notices = notices.lock().unwrap();
        assert!(notices.len() == 1 && notices[0].contains("2026-03-01T12:10:01Z"), "{notices:?}");
    }

    #[tokio::test]
    async fn what_does_not_pass_ends_it_at_once() {
        for (errors, words, requests) in [
            (vec![refused(RefusalKind::Unauthorized)], "check the app's bearer token", 1),
            (vec![refused(RefusalKind::NoCredits)], "buy credits", 1),
            (
                vec![refused(RefusalKind::Authentication), refused(RefusalKind::Authentication)],
                "does not let this app",
                2,
            ),
            (vec![limited(LimitWindow::Month, None)], "reads of this month are used up", 1),
            (vec![limited(LimitWindow::Day, Some("2026-03-02T00:00:00Z"))], "daily limit is used up until", 1),
            (vec![lost(); 8], "no connection", 8),
        ] {
            let (result, _, asked) = outcome(errors).await;
            let message = result.unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
            assert_eq!(asked, requests, "{message}");
        }
    }

    #[tokio::test]
    async fn a_person_who_stops_it_does_not_wait_for_x() {
        let clock = StillClock::new(START);
        let stop = AtomicBool::new(false);
        let asks_to_stop = |_: Notice| stop.store(true, Ordering::Relaxed);
        let mut asker = Asker::new(&clock, Duration::from_secs(1), &stop, &asks_to_stop);
        let call =
            || async { Err::<Answered<u8>, _>(limited(LimitWindow::FifteenMinutes, Some("2026-03-01T12:10:00Z"))) };
        assert!(matches!(asker.ask(call).await, Err(AskError::Stopped)));
        assert_eq!(clock.now(), at(START));
    }
}
