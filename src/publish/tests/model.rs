//! Random histories of a few posts, in the record and in a one-page model: what a person does, what X answers, crashes,
//! restarts, clocks that are set, timelines that lag.
//!
//! After every step the record and the model agree and X has no text twice. In the end, when the posts of unknown
//! outcome have had their time, each text that X has is a sent post with its id, each sent post is on X, and nothing
//! stays armed or unknown.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::schedule::QuietHours;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A post that waits for a person.
    Hold,
    /// One that a person has already approved.
    Compose,
    Approve(usize),
    Reject(usize),
    Publish(Reply),
    /// The process ends and a new one begins.
    Restart,
    Wait(SignedDuration),
    /// Somebody sets our clock; X's keeps running.
    SetClock(SignedDuration),
    Expire,
    Look,
    Pause,
    Resume,
    /// A person changes budget, gap or quiet hours, and the daemon reloads them.
    Reload,
    /// Quiet hours begin or end.
    Quiet,
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    Sent,
    Refused,
    RefusedForGood,
    Limited,
    NotSent,
    /// X refuses this way of signing, once or twice.
    Authentication(bool),
    /// No answer; X has the post or not.
    Unknown(bool),
    /// The process dies during the call; X has the post or not.
    Crash(bool),
}

impl Reply {
    fn takes(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown(true) | Self::Crash(true) | Self::Authentication(false))
    }
}

/// What happens alongside the steps. Never both: a clock that jumps ahead again and again is the one case in which a
/// lag cannot be distinguished from an absence.
#[derive(Debug, Clone, Copy)]
enum Weather {
    /// A tweet is hidden from the timeline for this long.
    Lag(SignedDuration),
    ClocksAreSet,
}

#[derive(Debug, Clone)]
struct Life {
    text: String,
    state: PostState,
    expires_at: Timestamp,
    not_before: Timestamp,
    /// Whether it waits for the end of the quiet hours.
    waits_for_rules: bool,
    /// Since when it may be sent.
    decided_at: Timestamp,
    /// How often X refused this way of signing.
    refusals: usize,
}

impl Life {
    fn new(text: String, state: PostState, expires_at: Timestamp, now: Timestamp) -> Self {
        let (not_before, decided_at) = (Timestamp::MIN, now);
        Self { text, state, expires_at, not_before, waits_for_rules: false, decided_at, refusals: 0 }
    }
}

fn around_noon() -> QuietHours {
    QuietHours { from: jiff::civil::time(10, 0, 0, 0), to: jiff::civil::time(16, 0, 0, 0) }
}

fn step(weather: Weather) -> impl Strategy<Value = Step> {
    let reply = prop_oneof![
        4 => Just(Reply::Sent),
        2 => Just(Reply::Refused),
        1 => Just(Reply::RefusedForGood),
        1 => Just(Reply::Limited),
        2 => Just(Reply::NotSent),
        2 => any::<bool>().prop_map(Reply::Authentication),
        8 => any::<bool>().prop_map(Reply::Unknown),
        8 => any::<bool>().prop_map(Reply::Crash),
    ];
    let set = match weather {
        Weather::Lag(_) => Just(Step::Look).boxed(),
        Weather::ClocksAreSet => {
            (-9_i64..9).prop_map(|hours| Step::SetClock(SignedDuration::from_hours(hours))).boxed()
        }
    };
    prop_oneof![
        2 => Just(Step::Hold),
        6 => Just(Step::Compose),
        2 => (0_usize..4).prop_map(Step::Approve),
        1 => (0_usize..4).prop_map(Step::Reject),
        10 => reply.prop_map(Step::Publish),
        4 => Just(Step::Restart),
        1 => (1_i64..30).prop_map(|hours| Step::Wait(SignedDuration::from_hours(hours))),
        8 => (10_i64..400).prop_map(|seconds| Step::Wait(SignedDuration::from_secs(seconds))),
        1 => Just(Step::Expire),
        10 => Just(Step::Look),
        1 => Just(Step::Pause),
        4 => Just(Step::Resume),
        2 => Just(Step::Reload),
        2 => Just(Step::Quiet),
        2 => set,
    ]
}

fn life() -> impl Strategy<Value = (WhenAbsent, Weather, Vec<Step>)> {
    let weather = prop_oneof![
        (1_i64..50).prop_map(|minutes| Weather::Lag(SignedDuration::from_mins(minutes))),
        Just(Weather::ClocksAreSet),
    ];
    let when_absent = prop_oneof![Just(WhenAbsent::Repost), Just(WhenAbsent::Refuse)];
    (when_absent, weather).prop_flat_map(|(when_absent, weather)| {
        (Just(when_absent), Just(weather), proptest::collection::vec(step(weather), 1..60))
    })
}

struct World {
    bench: Bench,
    lives: BTreeMap<PostId, Life>,
    /// How long a post may wait to be sent.
    stale_after: Duration,
    rules: Rules,
    halted: bool,
    /// X's limit, which holds for all posts.
    limited_until: Timestamp,
}

impl World {
    async fn new(when_absent: WhenAbsent, weather: Weather) -> Self {
        let mut rules = generous();
        rules.reconciliation.when_absent = when_absent;
        let bench = Bench::with(rules.clone()).await;
        if let Weather::Lag(lag) = weather {
            bench.poster.with(|state| state.lag = lag);
        }
        bench.poster.with(|state| state.skew = Some(SignedDuration::ZERO));
        let stale_after = Duration::from_secs(48 * 3600);
        Self { bench, lives: BTreeMap::new(), stale_after, rules, halted: false, limited_until: Timestamp::MIN }
    }

    fn pick(&self, place: usize) -> Option<PostId> {
        self.lives.keys().rev().nth(place).copied()
    }

    async fn take(&mut self, step: Step) {
        let now = self.bench.clock.now();
        let end = now + SignedDuration::from_hours(48);
        let store = self.bench.test.store.clone();
        match step {
            Step::Hold => {
                let text = format!("texto {}", self.lives.len());
                let post = self.bench.test.held(&text, now).await;
                self.lives.insert(post, Life::new(text, PostState::Held, end, now));
            }
            Step::Compose => {
                let text = format!("texto {}", self.lives.len());
                let post = self.bench.test.approved(&text, now).await;
                self.lives.insert(post, Life::new(text, PostState::Approved, end, now));
            }
            Step::Approve(place) => {
                let Some(post) = self.pick(place) else { return };
                let done = crate::review::testing::approve(&store, post, "ana", self.stale_after, now).await;
                let life = self.lives.get_mut(&post).unwrap();
                let allowed = life.state == PostState::Held && life.expires_at > now;
                assert_eq!(done.is_ok(), allowed, "{done:?}");
                if allowed {
                    (life.state, life.expires_at, life.decided_at) = (PostState::Approved, end, now);
                } else if life.state == PostState::Held {
                    life.state = PostState::Expired;
                }
            }
            Step::Reject(place) => {
                let Some(post) = self.pick(place) else { return };
                let done = crate::review::testing::reject(&store, post, "ana", now).await.ok();
                let life = self.lives.get_mut(&post).unwrap();
                let wanted = match life.state {
                    PostState::Held => Some(PostState::Rejected),
                    PostState::Approved => Some(PostState::Cancelled),
                    _ => None,
                };
                assert_eq!(done, wanted);
                life.state = wanted.unwrap_or(life.state);
            }
            Step::Publish(reply) => self.publish(reply, now).await,
            Step::Restart => self.restart().await,
            Step::Wait(time) => self.bench.clock.advance(time),
            Step::SetClock(by) => {
                self.bench.clock.advance(by);
                self.bench.poster.with(|state| state.skew = state.skew.map(|skew| skew - by));
            }
            Step::Expire => {
                crate::review::expire(&store, now).await.unwrap();
                for life in self.lives.values_mut().filter(|life| life.expires_at <= now) {
                    if matches!(life.state, PostState::Held | PostState::Approved) {
                        life.state = PostState::Expired;
                    }
                }
            }
            Step::Look => self.look().await,
            Step::Pause => {
                store.pause("ana", "a test", now).await.unwrap();
                self.halted = true;
            }
            Step::Resume => {
                store.resume("ana", now).await.unwrap();
                (self.halted, self.limited_until) = (false, Timestamp::MIN);
                self.lives.values_mut().for_each(|life| life.not_before = Timestamp::MIN);
            }
            Step::Reload => {
                self.bench.publisher =
                    self.bench.publisher.replaced(self.bench.publisher.outlet.clone(), self.rules.clone());
                self.bench.publisher.take_over_queue().await.unwrap();
                for life in self.lives.values_mut().filter(|life| life.waits_for_rules) {
                    (life.not_before, life.waits_for_rules) = (Timestamp::MIN, false);
                }
            }
            Step::Quiet => {
                let is_quiet = !self.rules.quiet.hours.is_empty();
                self.rules.quiet.hours = if is_quiet { Vec::new() } else { vec![around_noon()] };
                let _ = self.bench.publisher.replaced(self.bench.publisher.outlet.clone(), self.rules.clone());
            }
        }
    }

    async fn restart(&mut self) {
        self.bench.publisher.recover().await.unwrap();
        for life in self.lives.values_mut().filter(|life| life.state == PostState::Armed) {
            life.state = PostState::Unknown;
        }
    }

    fn on_x(&self, text: &str) -> Option<String> {
        let held = |state: &mut FakeState| {
            let tweet = state.tweets.iter().find(|(tweet, _)| tweet.text == text);
            tweet.map(|(tweet, _)| tweet.id.clone())
        };
        self.bench.poster.with(held)
    }

    async fn look(&mut self) {
        for settled in self.bench.publisher.reconcile().await.unwrap() {
            let (post, state) = match &settled {
                Settled::Sent { post, .. } => (post, PostState::Sent),
                Settled::Reposted { post } => (post, PostState::Approved),
                Settled::Refused { post } => (post, PostState::Refused),
            };
            let life = &self.lives[post];
            assert_eq!(life.state, PostState::Unknown, "{settled:?}");
            let found = match &settled {
                Settled::Sent { tweet_id, .. } => Some(tweet_id.clone()),
                _ => None,
            };
            assert_eq!(found, self.on_x(&life.text), "{settled:?}");
            let life = self.lives.get_mut(post).unwrap();
            (life.state, life.not_before, life.waits_for_rules) = (state, Timestamp::MIN, false);
        }
    }

    async fn publish(&mut self, reply: Reply, now: Timestamp) {
        let offered = self.bench.waiting().await;
        let sendable =
            |life: &Life| life.state == PostState::Approved && life.not_before <= now && life.expires_at > now;
        let mut wanted: Vec<PostId> =
            self.lives.iter().filter(|(_, life)| sendable(life)).map(|(post, _)| *post).collect();
        wanted.sort_by_key(|post| std::cmp::Reverse((self.lives[post].decided_at, *post)));
        assert_eq!(offered.iter().map(Approved::post).collect::<Vec<_>>(), wanted);
        let Some(approved) = offered.into_iter().next() else { return };
        let post = approved.post();
        let asked = self.bench.poster.asked().len();
        if self.halted || self.limited_until > now || self.rules.quiet.contains(now) {
            let error = self.bench.publisher.publish(approved).await.unwrap_err();
            match error {
                PublishError::Halted { .. } => assert!(self.halted),
                PublishError::Later { until, waits_for, .. } => {
                    let life = self.lives.get_mut(&post).unwrap();
                    (life.not_before, life.waits_for_rules) = (until, waits_for == WaitsFor::Budget);
                    assert!(life.waits_for_rules || self.limited_until > now);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(self.bench.poster.asked().len(), asked);
            return;
        }
        let until = now + SignedDuration::from_hours(5);
        let answer = match reply {
            Reply::Sent => Some(tweet(&format!("9{post}"))),
            Reply::Refused => Some(Err(refused(403, RefusalKind::Forbidden))),
            Reply::RefusedForGood => Some(Err(refused(403, RefusalKind::Suspended))),
            Reply::Limited => Some(Err(limited(LimitWindow::Day, Some(&until.to_string())))),
            Reply::NotSent => Some(Err(not_sent())),
            Reply::Authentication(true) => Some(Err(refused(403, RefusalKind::Authentication))),
            Reply::Authentication(false) => Some(tweet(&format!("9{post}"))),
            Reply::Unknown(_) => Some(Err(unknown())),
            Reply::Crash(_) => None,
        };
        let first_refusal = matches!(reply, Reply::Authentication(_)) && self.lives[&post].refusals == 0;
        if first_refusal {
            let refusal = Some(Err(refused(403, RefusalKind::Authentication)));
            self.bench.poster.with(|state| state.script.push_back(Script { answer: refusal, takes: false }));
        }
        self.bench.poster.with(|state| state.script.push_back(Script { answer, takes: reply.takes() }));
        let state = match reply {
            Reply::Sent | Reply::Authentication(false) => PostState::Sent,
            Reply::Refused | Reply::RefusedForGood | Reply::Authentication(true) => PostState::Refused,
            Reply::Limited | Reply::NotSent => PostState::Approved,
            Reply::Unknown(_) => PostState::Unknown,
            Reply::Crash(_) => PostState::Armed,
        };
        let life = self.lives.get_mut(&post).unwrap();
        life.state = state;
        life.refusals += usize::from(first_refusal);
        tokio::select! {
            biased;
            posted = self.bench.publisher.publish(approved) => match posted {
                Err(PublishError::Later { until, .. }) => (life.not_before, life.waits_for_rules) = (until, false),
                other => assert_eq!(other.is_ok(), state == PostState::Sent, "{other:?}"),
            },
            () = crashed(&self.bench.poster, reply) => {}
        }
        match reply {
            Reply::RefusedForGood | Reply::Authentication(true) => self.halted = true,
            Reply::Limited => self.limited_until = until,
            _ => {}
        }
    }

    async fn check(&self) {
        for (post, life) in &self.lives {
            assert_eq!(self.bench.state(*post).await, life.state, "post {post}");
        }
        let mut texts = self.bench.poster.on_x();
        let all = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), all, "X holds a text twice");
    }

    /// Gives the posts of unknown outcome their time.
    async fn wind_down(&mut self) {
        self.take(Step::Resume).await;
        self.rules.quiet.hours.clear();
        self.take(Step::Reload).await;
        self.restart().await;
        // Clocks that were set back by hours have put off the looks by as much.
        self.bench.clock.advance(SignedDuration::from_hours(500));
        for _ in 0..100 {
            self.bench.clock.advance(SignedDuration::from_mins(3));
            self.look().await;
        }
        self.check().await;
        for (post, life) in &self.lives {
            assert!(!matches!(life.state, PostState::Armed | PostState::Unknown), "post {post} is {}", life.state);
            let record = self.bench.test.store.post(*post).await.unwrap();
            assert_eq!(record.tweet_id, self.on_x(&life.text), "post {post} is {}", life.state);
            assert_eq!(record.tweet_id.is_some(), life.state == PostState::Sent, "post {post}");
        }
    }
}

/// Returns when the call has begun, if the program is to die in it.
async fn crashed(poster: &FakePoster, reply: Reply) {
    loop {
        poster.called.notified().await;
        if matches!(reply, Reply::Crash(_)) && poster.with(|state| state.script.is_empty()) {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_text_is_posted_twice_and_none_that_x_took_is_lost((when_absent, weather, steps) in life()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(when_absent, weather).await;
            for step in steps {
                world.take(step).await;
                world.check().await;
            }
            world.wind_down().await;
        });
    }
}
