//! The publisher against a scripted X in this process, under a clock that only the test moves.
//!
//! `outbox`: what each answer does to a post. `account`: whose account it is. `reconciliation`: posts of unknown
//! outcome. `engagement`: what people did with the posts. `settlement`: arbitrary answers from X. `model`: random histories of posts, in the record and in a one-page
//! model.

mod account;
mod engagement;
mod model;
mod outbox;
mod reconciliation;
mod settlement;

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::*;
use crate::publish::{Prices, WhenAbsent};
use pregonero_store::testing::{StillClock, TestStore, at};
use pregonero_x::{Answer, LimitWindow, RateLimits, Span, Timeline, TimelineTweet, User};

const NOON: &str = "2026-03-01T12:00:00Z";
const FIRST_ID: usize = 900;

/// An X that follows a script.
struct FakePoster {
    clock: StillClock,
    state: Mutex<FakeState>,
    called: Notify,
}

struct FakeState {
    script: VecDeque<Script>,
    /// The errors that reads get, before the true timeline.
    readings: VecDeque<TwitterError>,
    asked: Vec<String>,
    spans: Vec<Span>,
    /// Each with the time from which the timeline shows it, on X's clock.
    tweets: Vec<(TimelineTweet, Timestamp)>,
    /// How long a tweet is hidden from the timeline.
    lag: SignedDuration,
    skew: Option<SignedDuration>,
    /// Revealed by the next read, as a first answer reveals X's clock.
    skew_to_learn: Option<SignedDuration>,
    credentials: &'static str,
    me_calls: usize,
    /// The errors that questions for the account get, before the true answer.
    me_answers: VecDeque<TwitterError>,
    username: &'static str,
}

/// What a call to post gets, and whether X keeps the text.
struct Script {
    answer: Option<Result<PostedTweet, TwitterError>>,
    takes: bool,
}

impl FakePoster {
    fn new(clock: &StillClock) -> Arc<Self> {
        let state = FakeState {
            script: VecDeque::new(),
            readings: VecDeque::new(),
            asked: Vec::new(),
            spans: Vec::new(),
            tweets: Vec::new(),
            lag: SignedDuration::ZERO,
            skew: None,
            skew_to_learn: None,
            credentials: "the first keys",
            me_calls: 0,
            me_answers: VecDeque::new(),
            username: "prueba",
        };
        Arc::new(Self { clock: clock.clone(), state: Mutex::new(state), called: Notify::new() })
    }

    fn with<T>(&self, change: impl FnOnce(&mut FakeState) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Sets the next call's answer; if it is a success, X keeps the text.
    fn push(&self, answer: Result<PostedTweet, TwitterError>) {
        let takes = answer.is_ok();
        self.with(|state| state.script.push_back(Script { answer: Some(answer), takes }));
    }

    /// Sets the next call's error, although X keeps the text.
    fn push_taken(&self, error: TwitterError) {
        self.with(|state| state.script.push_back(Script { answer: Some(Err(error)), takes: true }));
    }

    /// Makes the next call hang without an answer.
    fn push_hang(&self, takes: bool) {
        self.with(|state| state.script.push_back(Script { answer: None, takes }));
    }

    fn asked(&self) -> Vec<String> {
        self.with(|state| state.asked.clone())
    }

    fn on_x(&self) -> Vec<String> {
        self.with(|state| state.tweets.iter().map(|(tweet, _)| tweet.text.clone()).collect())
    }
}

impl Poster for FakePoster {
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a, PostedTweet> {
        let now = self.clock.now();
        let answer = self.with(|state| {
            state.asked.push(text.to_owned());
            let script = state.script.pop_front().expect("a call that the test did not expect");
            if script.takes {
                let id = match &script.answer {
                    Some(Ok(tweet)) => tweet.id.clone(),
                    _ => (FIRST_ID + state.tweets.len()).to_string(),
                };
                let skew = state.skew.unwrap_or_default();
                let visible_at = now + skew + state.lag;
                let tweet = TimelineTweet {
                    id,
                    text: text.to_owned(),
                    created_at: Some(now + skew),
                    links: Vec::new(),
                    edit_history: Vec::new(),
                    metrics: None,
                };
                state.tweets.push((tweet, visible_at));
            }
            script.answer
        });
        self.called.notify_one();
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }

    fn me(&self) -> PosterFuture<'_, User> {
        let answer = self.with(|state| {
            state.me_calls += 1;
            match state.me_answers.pop_front() {
                Some(error) => Err(error),
                None => Ok(User { id: "17".to_owned(), username: state.username.to_owned(), access_level: None }),
            }
        });
        Box::pin(std::future::ready(answer))
    }

    fn timeline<'a>(&'a self, user: &'a str, span: Span) -> PosterFuture<'a, Timeline> {
        assert_eq!(user, "17");
        let now = self.clock.now();
        let read = self.with(|state| {
            state.spans.push(span);
            state.skew = state.skew_to_learn.take().or(state.skew);
            if let Some(error) = state.readings.pop_front() {
                return Err(error);
            }
            let now = now + state.skew.unwrap_or_default();
            let shown = |(tweet, visible_at): &&(TimelineTweet, Timestamp)| {
                let created = tweet.created_at.unwrap();
                *visible_at <= now && created >= span.from && span.to.is_none_or(|to| created < to)
            };
            let tweets = state.tweets.iter().filter(shown).map(|(tweet, _)| tweet.clone()).rev().collect();
            Ok(Timeline { tweets, transaction_id: Some("t1".to_owned()), limits: RateLimits::default() })
        });
        Box::pin(std::future::ready(read))
    }

    fn clock_skew(&self) -> Option<SignedDuration> {
        self.with(|state| state.skew)
    }

    fn fingerprint(&self, salt: &str) -> String {
        self.with(|state| format!("{salt} {}", state.credentials))
    }
}

fn tweet(id: &str) -> Result<PostedTweet, TwitterError> {
    Ok(PostedTweet {
        id: id.to_owned(),
        status: 201,
        transaction_id: Some("f00".to_owned()),
        limits: RateLimits::default(),
    })
}

fn answer(status: u16) -> Answer {
    Answer {
        status,
        problem: Some("about:blank".to_owned()),
        detail: "X's words".to_owned(),
        transaction_id: Some("f00".to_owned()),
        limits: Box::default(),
    }
}

fn refused(status: u16, kind: RefusalKind) -> TwitterError {
    TwitterError::Refused { kind, answer: answer(status) }
}

fn duplicate() -> TwitterError {
    refused(403, RefusalKind::Duplicate)
}

fn limited(window: LimitWindow, until: Option<&str>) -> TwitterError {
    TwitterError::RateLimited { window, until: until.map(at), answer: answer(429) }
}

fn unknown() -> TwitterError {
    TwitterError::OutcomeUnknown { reason: "no answer within 30 s".to_owned(), answer: None }
}

fn not_sent() -> TwitterError {
    TwitterError::NotSent { reason: "no such host".to_owned() }
}

fn generous() -> Rules {
    Rules {
        timezone: TimeZone::UTC,
        budget: BudgetSettings {
            posts_per_day: 1000,
            posts_per_month: 1000,
            usd_per_month: 1000.0,
            prices: Prices { post: 0.015, post_with_link: 0.2, read: 0.001, user_read: 0.01 },
        },
        min_gap: SignedDuration::ZERO,
        quiet: Quiet { zone: TimeZone::UTC, hours: Vec::new() },
        account: "prueba".to_owned(),
        reconciliation: ReconciliationSettings {
            waits: [15, 60, 180].map(Duration::from_secs).into(),
            give_up_after: Duration::from_secs(3600),
            when_absent: WhenAbsent::Refuse,
        },
        engagement: EngagementSettings { every: None, r#for: Duration::from_secs(14 * 24 * 3600) },
    }
}

struct Bench {
    test: TestStore,
    clock: StillClock,
    poster: Arc<FakePoster>,
    publisher: Publisher,
}

impl Bench {
    async fn with(rules: Rules) -> Self {
        let test = TestStore::open().await;
        let clock = StillClock::new(NOON);
        let poster = FakePoster::new(&clock);
        let outlet = Outlet::Live(poster.clone());
        let publisher = Publisher::new(test.store.clone(), outlet, Arc::new(clock.clone()), rules, Arc::new(|| 0.0));
        Self { test, clock, poster, publisher }
    }

    async fn new() -> Self {
        Self::with(generous()).await
    }

    async fn answering(answer: Result<PostedTweet, TwitterError>) -> Self {
        let bench = Self::new().await;
        bench.poster.push(answer);
        bench
    }

    async fn approved(&self, text: &str) -> Approved {
        let post = self.test.approved(text, self.clock.now()).await;
        self.waiting().await.into_iter().find(|approved| approved.post() == post).unwrap()
    }

    async fn waiting(&self) -> Vec<Approved> {
        Approved::from_store(&self.test.store, self.clock.now()).await.unwrap()
    }

    async fn publish(&self, text: &str) -> (PostId, Result<Posted, PublishError>) {
        let approved = self.approved(text).await;
        (approved.post(), self.publisher.publish(approved).await)
    }

    async fn state(&self, post: PostId) -> PostState {
        self.test.state(post).await
    }

    /// Moves the clock and runs a reconciliation if one is due then.
    async fn after(&self, wait: SignedDuration) -> Vec<Settled> {
        self.clock.advance(wait);
        self.publisher.reconcile().await.unwrap()
    }
}
