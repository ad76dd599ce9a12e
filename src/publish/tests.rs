//! The publisher against scripted answers, and against a small model of a post's life.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::*;
use crate::store::testing::{StillClock, TestStore, at, plain_connection};

const NOON: &str = "2026-03-01T12:00:00Z";

/// Gives the answers it was told to, in their order, and notes what it was asked. Without an answer left it panics;
/// `Script::Hang` never answers.
#[derive(Default)]
struct FakePoster {
    script: Mutex<VecDeque<Script>>,
    asked: Mutex<Vec<String>>,
    called: Notify,
}

enum Script {
    Answer(Result<PostedTweet, TwitterError>),
    Hang,
}

impl FakePoster {
    fn answering(answer: Result<PostedTweet, TwitterError>) -> Arc<Self> {
        let poster = Arc::new(Self::default());
        poster.push(Script::Answer(answer));
        poster
    }

    fn push(&self, script: Script) {
        self.script.lock().unwrap().push_back(script);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Poster for FakePoster {
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a> {
        self.asked.lock().unwrap().push(text.to_owned());
        let script = self.script.lock().unwrap().pop_front().expect("a call that the test did not expect");
        self.called.notify_one();
        Box::pin(async move {
            match script {
                Script::Answer(answer) => answer,
                Script::Hang => std::future::pending().await,
            }
        })
    }
}

fn tweet(id: &str) -> Result<PostedTweet, TwitterError> {
    Ok(PostedTweet { id: id.to_owned(), text: String::new() })
}

fn answer(status: u16) -> Answer {
    Answer {
        status,
        problem: Some("about:blank".to_owned()),
        detail: "X's words".to_owned(),
        transaction_id: Some("f00".to_owned()),
    }
}

fn refused() -> TwitterError {
    TwitterError::Refused { kind: RefusalKind::Duplicate, answer: answer(403) }
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

fn generous() -> BudgetSettings {
    BudgetSettings { posts_per_day: 1000, posts_per_month: 1000, usd_per_month: 1000.0 }
}

struct Bench {
    test: TestStore,
    clock: StillClock,
    poster: Arc<FakePoster>,
    publisher: Publisher,
}

impl Bench {
    async fn new(poster: Arc<FakePoster>, budget: BudgetSettings, zone: &str) -> Self {
        let test = TestStore::open().await;
        let clock = StillClock::new(NOON);
        let publisher = Publisher::new(
            test.store.clone(),
            Outlet::Live(poster.clone()),
            Arc::new(clock.clone()),
            TimeZone::get(zone).unwrap(),
            budget,
        );
        Self { test, clock, poster, publisher }
    }

    async fn answering(answer: Result<PostedTweet, TwitterError>) -> Self {
        Self::new(FakePoster::answering(answer), generous(), "UTC").await
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
}

#[tokio::test]
async fn a_post_that_x_takes_is_on_record_with_its_id_and_time() {
    let bench = Bench::answering(tweet("19")).await;
    let (post, posted) = bench.publish("El mercado abre temprano.").await;
    assert_eq!(posted.unwrap(), Posted::Sent { post, tweet_id: "19".to_owned() });
    assert_eq!(bench.poster.asked(), ["El mercado abre temprano."]);
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!((record.state, record.tweet_id.as_deref()), (PostState::Sent, Some("19")));
    assert_eq!(record.sent_at, Some(at(NOON)));
    let attempts = bench.test.store.attempts(post).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].outcome), (1, AttemptOutcome::Sent));
    assert_eq!(attempts[0].price_micros, PRICE_MICROS);
}

#[tokio::test]
async fn a_dry_run_records_the_post_once_and_calls_nobody() {
    let bench = Bench::new(Arc::default(), generous(), "UTC").await;
    let dry = Publisher { outlet: Outlet::DryRun, ..bench.publisher.clone() };
    let approved = bench.approved("Una feria en la plaza.").await;
    let again = bench.waiting().await.remove(0);
    let post = approved.post();
    assert_eq!(dry.publish(approved).await.unwrap(), Posted::DryRun { post });
    assert_eq!(bench.test.state(post).await, PostState::DryRun);
    for publisher in [&dry, &bench.publisher] {
        let Err(PublishError::NoLongerApproved { state, .. }) =
            publisher.publish(Approved::clone_for_test(&again)).await
        else {
            panic!("a post was published twice");
        };
        assert_eq!(state, PostState::DryRun);
    }
    assert_eq!(bench.test.store.attempts(post).await.unwrap(), []);
    assert_eq!(bench.poster.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_is_final_and_keeps_what_x_said() {
    let bench = Bench::answering(Err(refused())).await;
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    assert!(matches!(posted, Err(PublishError::Refused { kind: RefusalKind::Duplicate, .. })), "{posted:?}");
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!(record.state, PostState::Refused);
    assert_eq!(record.error.as_deref(), Some("X refused with 403 (Duplicate): X's words"));
    let wanted = CallDetail {
        http_status: Some(403),
        kind: Some("duplicate".to_owned()),
        problem: Some("about:blank".to_owned()),
        detail: Some("X's words".to_owned()),
        transaction_id: Some("f00".to_owned()),
    };
    assert_eq!(bench.test.store.attempts(post).await.unwrap()[0].detail, wanted);
    assert_eq!(bench.waiting().await, []);
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_and_is_never_offered_again() {
    let bench = Bench::answering(Err(unknown())).await;
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    assert!(matches!(posted, Err(PublishError::OutcomeUnknown { .. })), "{posted:?}");
    bench.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(bench.publisher.recover().await.unwrap(), []);
    assert_eq!(bench.waiting().await, []);
    assert_eq!(bench.test.state(post).await, PostState::Unknown);
    assert_eq!(bench.poster.asked().len(), 1);
    assert_eq!(
        bench.test.store.posted_texts(at(NOON), false).await.unwrap(),
        ["Una feria en la plaza."],
        "its text must not be written again either"
    );
}

#[tokio::test]
async fn a_limit_or_a_lost_connection_keeps_the_post_for_the_time_that_was_told() {
    let cases = [
        (limited(LimitWindow::Day, Some("2026-03-01T18:30:00Z")), "2026-03-01T18:30:00Z", WaitsFor::RateLimit),
        (
            limited(LimitWindow::FifteenMinutes, Some("2026-03-01T11:00:00Z")),
            "2026-03-01T12:15:00Z",
            WaitsFor::RateLimit,
        ),
        (limited(LimitWindow::FifteenMinutes, None), "2026-03-01T12:15:00Z", WaitsFor::RateLimit),
        (limited(LimitWindow::Month, None), "2026-03-02T12:00:00Z", WaitsFor::RateLimit),
        (limited(LimitWindow::Unknown, None), "2026-03-01T12:15:00Z", WaitsFor::RateLimit),
        (not_sent(), "2026-03-01T12:01:00Z", WaitsFor::Network),
    ];
    for (error, wanted, reason) in cases {
        let name = format!("{error:?}");
        let bench = Bench::answering(Err(error)).await;
        let (post, posted) = bench.publish("Una feria en la plaza.").await;
        let Err(PublishError::Later { until, waits_for, .. }) = posted else { panic!("{posted:?}") };
        assert_eq!((until, waits_for), (at(wanted), reason), "{name}");
        assert_eq!(bench.test.state(post).await, PostState::Approved);
        assert_eq!(bench.waiting().await, [], "{name}");
        bench.clock.set(at(wanted));
        let waiting = bench.waiting().await;
        assert_eq!(waiting.len(), 1, "{name}");
        bench.poster.push(Script::Answer(tweet("20")));
        bench.publisher.publish(waiting.into_iter().next().unwrap()).await.unwrap();
        let outcomes: Vec<_> = bench.test.store.attempts(post).await.unwrap().iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes.len(), 2);
        assert_eq!(outcomes[1], AttemptOutcome::Sent);
        assert_eq!(bench.test.store.post(post).await.unwrap().error, None);
    }
}

#[tokio::test]
async fn a_post_that_waits_is_not_sent_early_by_whoever_still_holds_it() {
    let bench = Bench::answering(Err(not_sent())).await;
    let approved = bench.approved("Una feria en la plaza.").await;
    let copy = Approved::clone_for_test(&approved);
    bench.publisher.publish(approved).await.unwrap_err();
    let early = bench.publisher.publish(copy).await;
    assert!(matches!(early, Err(PublishError::Later { waits_for: WaitsFor::EarlierAttempt, .. })), "{early:?}");
    assert_eq!(bench.poster.asked().len(), 1);
}

#[test]
fn waits_double_up_to_their_bound() {
    let minutes: Vec<_> =
        [0, 1, 2, 5, 6, 60].map(|n| doubled(FIRST_WAIT_NOT_SENT, LONGEST_WAIT_NOT_SENT, n).as_mins()).into();
    assert_eq!(minutes, [1, 2, 4, 32, 60, 60]);
}

#[tokio::test]
async fn a_post_stopped_or_expired_meanwhile_is_not_sent() {
    let bench = Bench::new(Arc::default(), generous(), "UTC").await;
    let stopped = bench.approved("uno").await;
    crate::review::reject(&bench.test.store, stopped.post(), "ana", None, bench.clock.now()).await.unwrap();
    let posted = bench.publisher.publish(stopped).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Cancelled, .. })), "{posted:?}");
    let late = bench.approved("dos").await;
    let post = late.post();
    bench.clock.advance(SignedDuration::from_hours(48));
    let posted = bench.publisher.publish(late).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Expired, .. })), "{posted:?}");
    assert_eq!(bench.test.state(post).await, PostState::Expired);
}

#[tokio::test]
async fn the_daily_budget_is_that_of_the_schedules_civil_day() {
    let budget = BudgetSettings { posts_per_day: 1, ..generous() };
    let bench = Bench::new(FakePoster::answering(tweet("1")), budget, "America/Bogota").await;
    bench.clock.set(at("2026-03-02T04:00:00Z")); // 23:00 on the first in Bogotá
    bench.publish("uno").await.1.unwrap();
    bench.clock.set(at("2026-03-02T04:59:59Z"));
    let (second, posted) = bench.publish("dos").await;
    let Err(PublishError::Later { until, waits_for: WaitsFor::Budget, reason, .. }) = posted else {
        panic!("{posted:?}")
    };
    assert_eq!((until, reason.as_str()), (at("2026-03-02T05:00:00Z"), "budget.posts_per_day (1) is used up"));
    assert_eq!(bench.test.state(second).await, PostState::Approved);
    assert_eq!(bench.test.store.attempts(second).await.unwrap(), [], "no call, no attempt");
    bench.clock.set(until);
    bench.poster.push(Script::Answer(tweet("2")));
    let waiting = bench.waiting().await.remove(0);
    bench.publisher.publish(waiting).await.unwrap();
    assert_eq!(bench.poster.asked(), ["uno", "dos"]);
}

#[tokio::test]
async fn a_call_cut_off_is_unknown_after_the_next_start() {
    let bench = Bench::new(Arc::default(), generous(), "UTC").await;
    bench.poster.push(Script::Hang);
    let approved = bench.approved("Una feria en la plaza.").await;
    let post = approved.post();
    tokio::select! {
        posted = bench.publisher.publish(approved) => panic!("{posted:?}"),
        () = bench.poster.called.notified() => {}
    }
    assert_eq!(bench.test.state(post).await, PostState::Armed);
    assert_eq!(bench.publisher.recover().await.unwrap(), [post]);
    assert_eq!(bench.test.state(post).await, PostState::Unknown);
    assert_eq!(bench.waiting().await, []);
}

const BREAK_OUTCOMES: &str =
    "CREATE TRIGGER broken BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'disk full'); END";

/// Mends the database after so many sleeps.
struct MendingClock {
    clock: StillClock,
    sleeps_left: Mutex<u32>,
    path: std::path::PathBuf,
}

impl Clock for MendingClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.clock.sleep_until(instant).await;
            let mend = {
                let mut left = self.sleeps_left.lock().unwrap();
                *left = left.saturating_sub(1);
                *left == 0
            };
            if mend {
                let mut connection = plain_connection(&self.path).await;
                sqlx::query("DROP TRIGGER IF EXISTS broken").execute(&mut connection).await.unwrap();
            }
        })
    }
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_is_tried_again_and_then_said() {
    let tries = u32::try_from(OUTCOME_RETRIES.len()).unwrap();
    for (sleeps, written) in [(2, true), (tries, true), (tries + 1, false)] {
        let mut bench = Bench::answering(tweet("77")).await;
        let path = bench.test.store.path().to_owned();
        bench.publisher.clock =
            Arc::new(MendingClock { clock: bench.clock.clone(), sleeps_left: Mutex::new(sleeps), path: path.clone() });
        let approved = bench.approved("Una feria en la plaza.").await;
        let post = approved.post();
        sqlx::query(BREAK_OUTCOMES).execute(&mut plain_connection(&path).await).await.unwrap();
        let posted = bench.publisher.publish(approved).await;
        assert_eq!(bench.poster.asked().len(), 1, "only the writing is tried again");
        if written {
            assert_eq!(posted.unwrap(), Posted::Sent { post, tweet_id: "77".to_owned() });
            assert_eq!(bench.test.state(post).await, PostState::Sent);
        } else {
            assert!(posted.unwrap_err().to_string().contains("posted as tweet 77"));
            assert_eq!(bench.test.state(post).await, PostState::Armed);
        }
    }
}

#[tokio::test]
async fn without_a_written_intent_nothing_is_sent() {
    let bench = Bench::new(Arc::default(), generous(), "UTC").await;
    let approved = bench.approved("Una feria en la plaza.").await;
    let post = approved.post();
    let full = "CREATE TRIGGER full BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    sqlx::query(full).execute(&mut plain_connection(bench.test.store.path()).await).await.unwrap();
    let posted = bench.publisher.publish(approved).await;
    assert!(matches!(posted, Err(PublishError::NotRecorded(_))), "{posted:?}");
    assert_eq!(bench.test.state(post).await, PostState::Approved, "the transition was rolled back with it");
}

mod model {
    //! Random lives of a few posts, in the store and in a model of a dozen lines.

    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{ReviewMode, ReviewSettings};

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Hold,
        Approve(usize),
        Reject(usize),
        Publish(Reply),
        Recover,
        Wait(i64),
        Expire,
    }

    #[derive(Debug, Clone, Copy)]
    enum Reply {
        Sent,
        Refused,
        Limited,
        NotSent,
        Unknown,
        Crash,
    }

    #[derive(Debug, Clone, Copy)]
    struct Life {
        state: PostState,
        expires_at: Timestamp,
        not_before: Timestamp,
        calls_that_may_have_posted: u32,
    }

    fn step() -> impl Strategy<Value = Step> {
        let reply = prop_oneof![
            Just(Reply::Sent),
            Just(Reply::Refused),
            Just(Reply::Limited),
            Just(Reply::NotSent),
            Just(Reply::Unknown),
            Just(Reply::Crash)
        ];
        prop_oneof![
            2 => Just(Step::Hold),
            3 => (0_usize..4).prop_map(Step::Approve),
            1 => (0_usize..4).prop_map(Step::Reject),
            4 => reply.prop_map(Step::Publish),
            1 => Just(Step::Recover),
            2 => (1_i64..30).prop_map(Step::Wait),
            1 => Just(Step::Expire),
        ]
    }

    struct World {
        bench: Bench,
        lives: BTreeMap<PostId, Life>,
        settings: ReviewSettings,
    }

    impl World {
        async fn new() -> Self {
            let bench = Bench::new(Arc::default(), generous(), "UTC").await;
            let settings = ReviewSettings { mode: ReviewMode::All, expires_after: Duration::from_secs(48 * 3600) };
            Self { bench, lives: BTreeMap::new(), settings }
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
                    let life = Life {
                        state: PostState::Held,
                        expires_at: end,
                        not_before: now,
                        calls_that_may_have_posted: 0,
                    };
                    self.lives.insert(post, life);
                }
                Step::Approve(place) => {
                    let Some(post) = self.pick(place) else { return };
                    let done = crate::review::approve(&store, post, "ana", &self.settings, now).await;
                    let life = self.lives.get_mut(&post).unwrap();
                    let allowed = life.state == PostState::Held && life.expires_at > now;
                    assert_eq!(done.is_ok(), allowed, "{done:?}");
                    if allowed {
                        (life.state, life.expires_at) = (PostState::Approved, end);
                    } else if life.state == PostState::Held {
                        life.state = PostState::Expired;
                    }
                }
                Step::Reject(place) => {
                    let Some(post) = self.pick(place) else { return };
                    let done = crate::review::reject(&store, post, "ana", None, now).await.ok();
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
                Step::Recover => {
                    self.bench.publisher.recover().await.unwrap();
                    for life in self.lives.values_mut().filter(|life| life.state == PostState::Armed) {
                        life.state = PostState::Unknown;
                    }
                }
                Step::Wait(hours) => self.bench.clock.advance(SignedDuration::from_hours(hours)),
                Step::Expire => {
                    crate::review::expire(&store, now).await.unwrap();
                    for life in self.lives.values_mut().filter(|life| life.expires_at <= now) {
                        if matches!(life.state, PostState::Held | PostState::Approved) {
                            life.state = PostState::Expired;
                        }
                    }
                }
            }
        }

        async fn publish(&mut self, reply: Reply, now: Timestamp) {
            let offered = self.bench.waiting().await;
            let sendable: Vec<PostId> = self
                .lives
                .iter()
                .filter(|(_, life)| {
                    life.state == PostState::Approved && life.not_before <= now && life.expires_at > now
                })
                .map(|(post, _)| *post)
                .collect();
            assert_eq!(offered.iter().map(Approved::post).collect::<Vec<_>>(), sendable);
            let Some(approved) = offered.into_iter().next() else { return };
            let life = self.lives.get_mut(&approved.post()).unwrap();
            let until = now + SignedDuration::from_hours(5);
            let (script, state) = match reply {
                Reply::Sent => (Script::Answer(tweet(&format!("9{}", approved.post()))), PostState::Sent),
                Reply::Refused => (Script::Answer(Err(refused())), PostState::Refused),
                Reply::Unknown => (Script::Answer(Err(unknown())), PostState::Unknown),
                Reply::NotSent => (Script::Answer(Err(not_sent())), PostState::Approved),
                Reply::Limited => {
                    (Script::Answer(Err(limited(LimitWindow::Day, Some(&until.to_string())))), PostState::Approved)
                }
                Reply::Crash => (Script::Hang, PostState::Armed),
            };
            self.bench.poster.push(script);
            life.state = state;
            if matches!(reply, Reply::Sent | Reply::Unknown | Reply::Crash) {
                life.calls_that_may_have_posted += 1;
            }
            tokio::select! {
                biased;
                posted = self.bench.publisher.publish(approved) => match posted {
                    Err(PublishError::Later { until, .. }) => life.not_before = until,
                    other => assert_eq!(other.is_ok(), state == PostState::Sent, "{other:?}"),
                },
                () = crashed(&self.bench.poster, reply) => {}
            }
        }

        async fn check(&self) {
            for (post, life) in &self.lives {
                assert_eq!(self.bench.test.state(*post).await, life.state, "post {post}");
                assert!(life.calls_that_may_have_posted <= 1, "post {post} may have gone out twice");
            }
        }
    }

    /// Ends when the call has begun, where the program is to die in it.
    async fn crashed(poster: &FakePoster, reply: Reply) {
        loop {
            poster.called.notified().await;
            if matches!(reply, Reply::Crash) && poster.script.lock().unwrap().is_empty() {
                return;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_happens_the_record_and_the_model_agree(steps in proptest::collection::vec(step(), 1..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut world = World::new().await;
                for step in steps {
                    world.take(step).await;
                    world.check().await;
                }
            });
        }
    }
}
