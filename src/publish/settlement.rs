//! From X's answer to the record: the post's next state, how long it waits, X's limits, and whether all posting stops.
//!
//! Nothing is read or written here. Waits that X named are kept, with a few seconds added; the others double up to a
//! bound. Both are jittered, so that bots that lost X together do not all come back at the same moment.

use jiff::{SignedDuration, Timestamp};
use pregonero_system::network::back_off;

use pregonero_store::{
    Armed, AttemptId, AttemptOutcome, BY_THE_PROGRAM, BY_X, CallDetail, CallEnd, Endpoint, Fingerprint, Halt,
    HaltCause, LONGEST_WINDOW, OTHER_ACCOUNT, PostId, PostState, Postponement, Settlement, Window, WindowName,
};
use pregonero_x::{Answer, Bucket, LimitWindow, RateLimits, RefusalKind, TwitterError};

use super::PostedTweet;

/// The first wait after a request that was never sent, and after a limit whose end X did not give or a page of HTML
/// from something in front of X; doubled each time.
const FIRST_WAIT_NOT_SENT: SignedDuration = SignedDuration::from_mins(1);
const FIRST_WAIT_LIMIT: SignedDuration = SignedDuration::from_mins(15);

/// The longest such wait.
const LONGEST_WAIT_NOT_SENT: SignedDuration = SignedDuration::from_hours(1);
const LONGEST_WAIT_LIMIT: SignedDuration = SignedDuration::from_hours(24);

/// At most this much is added to an instant that X named, and at most this fraction of it to a wait of our own.
const JITTER_OF_AN_INSTANT: SignedDuration = SignedDuration::from_secs(30);
const JITTER_OF_A_WAIT: f64 = 0.25;

/// What is known of a call to X besides its answer.
pub(super) struct CallContext<'a> {
    pub armed: &'a Armed,
    pub now: Timestamp,
    /// From 0 to 1.
    pub jitter: f64,
    /// When to read the timeline first if the outcome is unknown.
    pub look_at: Timestamp,
    /// Whether an earlier call for this post may have posted it.
    pub may_be_posted: bool,
    /// Whether X has refused this post before with a refusal that can pass by itself, and the account was checked.
    pub asked_again: bool,
    /// Identifies the credentials in use.
    pub credentials: &'a Fingerprint,
}

impl CallContext<'_> {
    /// Returns everything that the answer changes.
    pub(super) fn settlement(&self, answer: &Result<PostedTweet, TwitterError>) -> Settlement {
        let error = match answer {
            Ok(tweet) => {
                let detail = CallDetail {
                    http_status: Some(tweet.status),
                    transaction_id: tweet.transaction_id.clone(),
                    ..CallDetail::default()
                };
                let end = CallEnd::Sent { tweet_id: tweet.id.clone(), detail };
                return Settlement { end, windows: windows(Endpoint::Post, &tweet.limits), halt: None };
            }
            Err(error) => error,
        };
        let halt = match error {
            TwitterError::Refused { kind, .. } if kind.is_terminal() && !self.is_asked_again(*kind) => {
                Some(halt(*kind, error, self.credentials, self.now))
            }
            _ => None,
        };
        let end = self.end(error);
        let mut windows = windows_of(Endpoint::Post, error);
        if let (TwitterError::RateLimited { window, .. }, CallEnd::Later { wait, .. }) = (error, &end) {
            block(&mut windows, Endpoint::Post, *window, wait.until);
        }
        Settlement { end, windows, halt }
    }

    /// Returns whether the same post will be sent once more before this refusal counts.
    fn is_asked_again(&self, kind: RefusalKind) -> bool {
        kind == RefusalKind::Authentication && !self.asked_again
    }

    fn end(&self, error: &TwitterError) -> CallEnd {
        let text = error.to_string();
        match error {
            TwitterError::Refused { kind, answer } if self.is_asked_again(*kind) => {
                self.later(AttemptOutcome::Refused, detail(answer, Some(kind.as_str())), self.now, text)
            }
            // It was posted already, by an earlier call of unknown outcome: the timeline has its id.
            TwitterError::Refused { kind: kind @ RefusalKind::Duplicate, answer } if self.may_be_posted => {
                CallEnd::Unknown {
                    outcome: AttemptOutcome::Refused,
                    detail: detail(answer, Some(kind.as_str())),
                    error: format!("{text}; an earlier call may have posted it"),
                    look_at: self.look_at,
                }
            }
            TwitterError::Refused { kind, answer } if kind.may_pass() => {
                let detail = detail(answer, Some(kind.as_str()));
                self.later(AttemptOutcome::Refused, detail, self.now + self.wait_of_refusal(*kind), text)
            }
            TwitterError::Refused { kind, answer } => {
                CallEnd::Refused { detail: detail(answer, Some(kind.as_str())), error: text }
            }
            TwitterError::RateLimited { window, until, answer } => {
                let until = self.limit_until(*window, *until);
                self.later(AttemptOutcome::RateLimited, detail(answer, Some(window_word(*window))), until, text)
            }
            TwitterError::NotSent { reason } => {
                let detail = CallDetail { detail: Some(reason.clone()), ..CallDetail::default() };
                let wait = doubled(FIRST_WAIT_NOT_SENT, LONGEST_WAIT_NOT_SENT, self.armed.failures_in_a_row);
                self.later(AttemptOutcome::NotSent, detail, self.now + self.jittered(wait), text)
            }
            TwitterError::OutcomeUnknown { .. } => CallEnd::Unknown {
                outcome: AttemptOutcome::Unknown,
                detail: detail_of(error),
                error: text,
                look_at: self.look_at,
            },
        }
    }

    fn later(&self, outcome: AttemptOutcome, detail: CallDetail, until: Timestamp, reason: String) -> CallEnd {
        CallEnd::Later { outcome, detail, wait: Postponement { until, reason } }
    }

    /// Returns the wait after a refusal. The answer that reveals a wrong clock also corrects it, so the first retry is
    /// immediate.
    fn wait_of_refusal(&self, kind: RefusalKind) -> SignedDuration {
        let earlier = self.armed.number - 1;
        match kind {
            RefusalKind::ClockSkew { .. } if earlier == 0 => SignedDuration::ZERO,
            RefusalKind::ClockSkew { .. } => doubled(FIRST_WAIT_NOT_SENT, LONGEST_WAIT_NOT_SENT, earlier - 1),
            _ => self.jittered(doubled(FIRST_WAIT_LIMIT, LONGEST_WAIT_LIMIT, earlier)),
        }
    }

    /// Returns until when to wait for a used-up limit. If X gave no end for a used-up month, it is tried once a day: it
    /// restarts with the account's billing cycle, which we do not know.
    fn limit_until(&self, window: LimitWindow, told: Option<Timestamp>) -> Timestamp {
        if let Some(until) = told.filter(|until| *until > self.now) {
            let jittered = until.saturating_add(JITTER_OF_AN_INSTANT.mul_f64_rounded(self.jitter));
            let longest = self.now.saturating_add(LONGEST_WINDOW).unwrap_or(Timestamp::MAX);
            return jittered.unwrap_or(Timestamp::MAX).min(longest);
        }
        let wait = match window {
            LimitWindow::FifteenMinutes => FIRST_WAIT_LIMIT,
            LimitWindow::Day | LimitWindow::Month => LONGEST_WAIT_LIMIT,
            LimitWindow::Unknown => doubled(FIRST_WAIT_LIMIT, LONGEST_WAIT_LIMIT, self.armed.failures_in_a_row),
        };
        self.now + self.jittered(wait)
    }

    fn jittered(&self, wait: SignedDuration) -> SignedDuration {
        wait + wait.mul_f64_rounded(self.jitter * JITTER_OF_A_WAIT)
    }
}

/// Takes a fraction of a duration, in whole milliseconds.
trait Part {
    fn mul_f64_rounded(self, part: f64) -> Self;
}

impl Part for SignedDuration {
    #[expect(clippy::cast_possible_truncation, reason = "a part of a day in milliseconds is far inside the range")]
    fn mul_f64_rounded(self, part: f64) -> Self {
        Self::from_millis((self.as_secs_f64() * 1000.0 * part) as i64)
    }
}

/// Builds the halt for X refusing every post with these credentials.
pub(super) fn halt(kind: RefusalKind, error: &TwitterError, credentials: &Fingerprint, now: Timestamp) -> Halt {
    let remedy = kind.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    Halt {
        cause: HaltCause::Refused,
        kind: Some(kind.as_str().to_owned()),
        reason: format!("{error}{remedy}"),
        set_by: BY_X.to_owned(),
        since: now,
        credentials: Some(credentials.clone()),
    }
}

/// Builds the halt for credentials that belong to an account other than the configured one.
pub(super) fn halt_of_another_account(found: &str, wanted: &str, credentials: &Fingerprint, now: Timestamp) -> Halt {
    Halt {
        cause: HaltCause::Refused,
        kind: Some(OTHER_ACCOUNT.to_owned()),
        reason: format!(
            "the credentials belong to @{found}, but account.handle is @{wanted}: correct account.handle, or log the bot in to \
             its own account (`pregonero auth login`)"
        ),
        set_by: BY_THE_PROGRAM.to_owned(),
        since: now,
        credentials: Some(credentials.clone()),
    }
}

/// The effect an answer would have on a post sent for the first time; nothing is recorded. For the fuzz targets
/// (`fuzz/`), which have no record.
#[derive(Debug)]
pub struct AnswerEffect {
    pub state: PostState,
    /// Until when the post waits, if it will be tried again.
    pub waits_until: Option<Timestamp>,
    pub windows: Vec<Window>,
    /// Whether all posting stops.
    pub halts: bool,
}

impl AnswerEffect {
    /// Returns the effect of an answer that came at `now`. `jitter` is from 0 to 1.
    #[must_use]
    pub fn of(answer: &Result<PostedTweet, TwitterError>, now: Timestamp, jitter: f64) -> Self {
        let (post, attempt) = (PostId::new(1), AttemptId::new(1));
        let armed = Armed { post, attempt, text: String::new(), number: 1, failures_in_a_row: 0 };
        let credentials = Fingerprint { salt: String::new(), digest: String::new() };
        let call = CallContext {
            armed: &armed,
            now,
            jitter,
            look_at: now,
            may_be_posted: false,
            asked_again: false,
            credentials: &credentials,
        };
        let Settlement { end, windows, halt } = call.settlement(answer);
        let (state, waits_until) = match end {
            CallEnd::Sent { .. } => (PostState::Sent, None),
            CallEnd::Refused { .. } => (PostState::Refused, None),
            CallEnd::Unknown { .. } => (PostState::Unknown, None),
            CallEnd::Later { wait, .. } => (PostState::Approved, Some(wait.until)),
        };
        Self { state, waits_until, windows, halts: halt.is_some() }
    }
}

/// Returns until when a post waits that could not be armed because X could not be asked whose account this is.
pub(super) fn wait_of_reading(error: &TwitterError, now: Timestamp) -> Timestamp {
    let wait = match error {
        TwitterError::RateLimited { until: Some(until), .. } if *until > now => return *until,
        TwitterError::NotSent { .. } | TwitterError::OutcomeUnknown { .. } => FIRST_WAIT_NOT_SENT,
        TwitterError::RateLimited { .. } | TwitterError::Refused { .. } => FIRST_WAIT_LIMIT,
    };
    now.saturating_add(wait).unwrap_or(now)
}

/// Returns what an error reveals of X's windows.
pub(super) fn windows_of(endpoint: Endpoint, error: &TwitterError) -> Vec<Window> {
    match error {
        TwitterError::Refused { answer, .. }
        | TwitterError::RateLimited { answer, .. }
        | TwitterError::OutcomeUnknown { answer: Some(answer), .. } => windows(endpoint, &answer.limits),
        TwitterError::OutcomeUnknown { answer: None, .. } | TwitterError::NotSent { .. } => Vec::new(),
    }
}

/// Converts X's counters to the record's form.
pub(super) fn windows(endpoint: Endpoint, limits: &RateLimits) -> Vec<Window> {
    let number = |number: Option<u64>| number.and_then(|number| i64::try_from(number).ok());
    let window = |name, bucket: Bucket| Window {
        endpoint,
        name,
        quota: number(bucket.limit),
        remaining: number(bucket.remaining),
        resets_at: bucket.reset,
        blocked_until: None,
    };
    [
        (WindowName::FifteenMinutes, limits.fifteen_minutes),
        (WindowName::AppDay, limits.app_day),
        (WindowName::UserDay, limits.user_day),
    ]
    .into_iter()
    .filter_map(|(name, bucket)| Some(window(name, bucket?)))
    .collect()
}

/// Adds that a window is closed until `until`, whatever its counters say.
pub(super) fn block(windows: &mut Vec<Window>, endpoint: Endpoint, window: LimitWindow, until: Timestamp) {
    let name = match window {
        LimitWindow::FifteenMinutes => WindowName::FifteenMinutes,
        LimitWindow::Day => WindowName::Day,
        LimitWindow::Month => WindowName::Month,
        LimitWindow::Unknown => WindowName::Unknown,
    };
    match windows.iter_mut().find(|window| window.name == name) {
        Some(window) => window.blocked_until = Some(until),
        None => windows.push(Window {
            endpoint,
            name,
            quota: None,
            remaining: None,
            resets_at: None,
            blocked_until: Some(until),
        }),
    }
}

/// Returns what the record keeps of an error.
pub(super) fn detail_of(error: &TwitterError) -> CallDetail {
    match error {
        TwitterError::Refused { kind, answer } => detail(answer, Some(kind.as_str())),
        TwitterError::RateLimited { window, answer, .. } => detail(answer, Some(window_word(*window))),
        TwitterError::OutcomeUnknown { reason, answer } => {
            let mut kept = answer.as_ref().map(|answer| detail(answer, None)).unwrap_or_default();
            kept.detail.get_or_insert_with(|| reason.clone());
            kept
        }
        TwitterError::NotSent { reason } => CallDetail { detail: Some(reason.clone()), ..CallDetail::default() },
    }
}

fn detail(answer: &Answer, kind: Option<&str>) -> CallDetail {
    CallDetail {
        http_status: Some(answer.status),
        kind: kind.map(str::to_owned),
        problem: answer.problem.clone(),
        detail: Some(answer.detail.clone()),
        transaction_id: answer.transaction_id.clone(),
    }
}

/// Returns the limit's window as the record of a call names it.
fn window_word(window: LimitWindow) -> &'static str {
    match window {
        LimitWindow::FifteenMinutes => "fifteen_minutes",
        LimitWindow::Day => "day",
        LimitWindow::Month => "month",
        LimitWindow::Unknown => "unknown",
    }
}

/// Returns `first`, doubled once for each earlier attempt, at most `longest`.
fn doubled(first: SignedDuration, longest: SignedDuration, earlier: i64) -> SignedDuration {
    back_off(first, longest, u32::try_from(earlier.max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound() {
        let minutes: Vec<_> =
            [0, 1, 2, 5, 6, 60].map(|n| doubled(FIRST_WAIT_NOT_SENT, LONGEST_WAIT_NOT_SENT, n).as_mins()).into();
        assert_eq!(minutes, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn a_part_of_a_wait_is_exact_to_the_millisecond() {
        assert_eq!(SignedDuration::from_mins(1).mul_f64_rounded(0.25), SignedDuration::from_secs(15));
        assert_eq!(SignedDuration::from_secs(30).mul_f64_rounded(0.0), SignedDuration::ZERO);
    }
}
