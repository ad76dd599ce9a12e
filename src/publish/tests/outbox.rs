//! What each answer does to a post, and what keeps one from going out.

use std::pin::Pin;

use super::*;
use pregonero_store::testing::plain_connection;
use pregonero_store::{AttemptOutcome, CallDetail};

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
    assert_eq!(attempts[0].price_micros, 15_000);
    assert_eq!(
        (attempts[0].detail.http_status, attempts[0].detail.transaction_id.as_deref()),
        (Some(201), Some("f00"))
    );
}

#[tokio::test]
async fn a_dry_run_records_the_post_once_and_calls_nobody() {
    let bench = Bench::new().await;
    let dry = Publisher::new(
        bench.test.store.clone(),
        Outlet::DryRun,
        Arc::new(bench.clock.clone()),
        generous(),
        random_jitter(),
    );
    bench.test.post("Una feria en la plaza.", Some("gates"), &pregonero_store::testing::dry(), bench.clock.now()).await;
    let approved = bench.waiting().await.remove(0);
    let again = bench.waiting().await.remove(0);
    let post = approved.post();
    assert_eq!(dry.publish(approved).await.unwrap(), Posted::DryRun { post });
    assert_eq!(bench.state(post).await, PostState::DryRun);
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
    let bench = Bench::answering(Err(duplicate())).await;
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    assert!(matches!(posted, Err(PublishError::Refused { kind: RefusalKind::Duplicate, .. })), "{posted:?}");
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!(record.state, PostState::Refused);
    assert_eq!(record.error.as_deref(), Some("X refused with 403 (a duplicate of an earlier post): X's words"));
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
        assert_eq!(bench.state(post).await, PostState::Approved);
        assert_eq!(bench.waiting().await, [], "{name}");
        bench.clock.set(at(wanted));
        let waiting = bench.waiting().await;
        assert_eq!(waiting.len(), 1, "{name}");
        bench.poster.push(tweet("20"));
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

#[tokio::test]
async fn a_post_stopped_or_expired_meanwhile_is_not_sent() {
    let bench = Bench::new().await;
    let stopped = bench.approved("uno").await;
    crate::review::testing::reject(&bench.test.store, stopped.post(), "ana", bench.clock.now()).await.unwrap();
    let posted = bench.publisher.publish(stopped).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Cancelled, .. })), "{posted:?}");
    let late = bench.approved("dos").await;
    let post = late.post();
    bench.clock.advance(SignedDuration::from_hours(48));
    let posted = bench.publisher.publish(late).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Expired, .. })), "{posted:?}");
    assert_eq!(bench.state(post).await, PostState::Expired);
}

#[tokio::test]
async fn the_daily_budget_is_that_of_the_schedules_civil_day() {
    let budget = BudgetSettings { posts_per_day: 1, ..generous().budget };
    let bench = Bench::with(Rules { budget, timezone: TimeZone::get("America/Bogota").unwrap(), ..generous() }).await;
    bench.poster.push(tweet("1"));
    bench.clock.set(at("2026-03-02T04:00:00Z")); // 23:00 on the first in Bogotá
    bench.publish("uno").await.1.unwrap();
    bench.clock.set(at("2026-03-02T04:59:59Z"));
    let (second, posted) = bench.publish("dos").await;
    let Err(PublishError::Later { until, waits_for: WaitsFor::Budget, reason, .. }) = posted else {
        panic!("{posted:?}")
    };
    assert_eq!((until, reason.as_str()), (at("2026-03-02T05:00:00Z"), "budget.posts_per_day (1) is used up"));
    assert_eq!(bench.state(second).await, PostState::Approved);
    assert_eq!(bench.test.store.attempts(second).await.unwrap(), [], "no call, no attempt");
    bench.clock.set(until);
    bench.poster.push(tweet("2"));
    let waiting = bench.waiting().await.remove(0);
    bench.publisher.publish(waiting).await.unwrap();
    assert_eq!(bench.poster.asked(), ["uno", "dos"]);
}

#[tokio::test]
async fn a_call_cut_off_is_unknown_after_the_next_start() {
    let bench = Bench::new().await;
    bench.poster.push_hang(false);
    let approved = bench.approved("Una feria en la plaza.").await;
    let post = approved.post();
    tokio::select! {
        posted = bench.publisher.publish(approved) => panic!("{posted:?}"),
        () = bench.poster.called.notified() => {}
    }
    assert_eq!(bench.state(post).await, PostState::Armed);
    assert_eq!(bench.publisher.recover().await.unwrap(), [post]);
    assert_eq!(bench.state(post).await, PostState::Unknown);
    assert_eq!(bench.waiting().await, []);
}

const BREAK_OUTCOMES: &str =
    "CREATE TRIGGER broken BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'disk full'); END";

/// A clock that repairs the database after so many sleeps.
struct RepairingClock {
    clock: StillClock,
    sleeps_left: Mutex<u32>,
    path: std::path::PathBuf,
}

impl Clock for RepairingClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.clock.sleep_until(instant).await;
            let repair = {
                let mut left = self.sleeps_left.lock().unwrap();
                *left = left.saturating_sub(1);
                *left == 0
            };
            if repair {
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
        bench.publisher.clock = Arc::new(RepairingClock {
            clock: bench.clock.clone(),
            sleeps_left: Mutex::new(sleeps),
            path: path.clone(),
        });
        let approved = bench.approved("Una feria en la plaza.").await;
        let post = approved.post();
        sqlx::query(BREAK_OUTCOMES).execute(&mut plain_connection(&path).await).await.unwrap();
        let posted = bench.publisher.publish(approved).await;
        assert_eq!(bench.poster.asked().len(), 1, "only the writing is tried again");
        if written {
            assert_eq!(posted.unwrap(), Posted::Sent { post, tweet_id: "77".to_owned() });
            assert_eq!(bench.state(post).await, PostState::Sent);
        } else {
            assert!(posted.unwrap_err().to_string().contains("posted as tweet 77"));
            assert_eq!(bench.state(post).await, PostState::Armed);
        }
    }
}

#[tokio::test]
async fn without_a_written_intent_nothing_is_sent() {
    let bench = Bench::new().await;
    let approved = bench.approved("Una feria en la plaza.").await;
    let post = approved.post();
    let full = "CREATE TRIGGER full BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    sqlx::query(full).execute(&mut plain_connection(bench.test.store.path()).await).await.unwrap();
    let posted = bench.publisher.publish(approved).await;
    assert!(matches!(posted, Err(PublishError::NotRecorded(_))), "{posted:?}");
    assert_eq!(bench.state(post).await, PostState::Approved, "the transition was rolled back with it");
}

#[tokio::test]
async fn a_pause_and_a_dry_run_set_while_the_post_waits_for_its_turn_keep_it_here() {
    let bench = Bench::new().await;
    let approved = bench.approved("Una feria en la plaza.").await;
    let (post, copy) = (approved.post(), Approved::clone_for_test(&approved));
    bench.test.store.pause("ana", "holiday", bench.clock.now()).await.unwrap();
    let posted = bench.publisher.publish(approved).await.unwrap_err();
    assert_eq!(posted.to_string(), format!("post {post} waits: paused by ana since 2026-03-01 12:00:00 UTC: holiday"));
    assert_eq!(bench.state(post).await, PostState::Approved);
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();

    // The publisher of a round under way still holds the client; the rules in force say no.
    let replaced = bench.publisher.replaced(Outlet::DryRun, generous());
    let posted = bench.publisher.publish(copy).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Cancelled, .. })), "{posted:?}");
    let reason = bench.test.store.post(post).await.unwrap().decision_reason;
    assert_eq!(reason.as_deref(), Some("it was made to be posted, but this is now a dry run"));
    assert!(matches!(replaced.outlet, Outlet::DryRun));
    assert_eq!(bench.poster.asked(), [""; 0]);
}

#[tokio::test]
async fn a_refusal_for_good_stops_every_post_until_a_person_or_new_credentials() {
    use RefusalKind::{NoCredits, Permissions, Suspended, Unauthorized};
    for (status, kind, word) in [
        (401, Unauthorized, "unauthorized"),
        (402, NoCredits, "no_credits"),
        (403, Permissions, "permissions"),
        (403, Suspended, "suspended"),
    ] {
        let bench = Bench::answering(Err(refused(status, kind))).await;
        let (first, posted) = bench.publish("Una feria en la plaza.").await;
        assert!(matches!(posted, Err(PublishError::Refused { .. })), "{posted:?}");
        assert_eq!(bench.state(first).await, PostState::Refused);
        let halts = bench.publisher.halts().await.unwrap();
        assert_eq!((halts.len(), halts[0].kind.as_deref(), halts[0].since), (1, Some(word), at(NOON)));
        assert!(halts[0].reason.contains("X's words; ") && halts[0].reason.contains(kind.remedy().unwrap()));

        bench.clock.advance(SignedDuration::from_hours(1));
        let (second, posted) = bench.publish("Otra feria.").await;
        assert!(matches!(posted, Err(PublishError::Halted { .. })), "{posted:?}");
        assert_eq!(bench.poster.asked().len(), 1, "X is not asked again");

        assert_eq!(bench.publisher.notice_new_credentials().await.unwrap(), [], "the same keys change nothing");
        bench.poster.with(|state| state.credentials = "the second keys");
        assert_eq!(bench.publisher.notice_new_credentials().await.unwrap(), halts);
        bench.poster.push(tweet("1"));
        bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap();
        assert_eq!(bench.state(second).await, PostState::Sent);
    }
}

#[tokio::test]
async fn a_pause_is_not_ended_by_new_credentials() {
    let bench = Bench::new().await;
    bench.test.store.pause("ana", "holiday", bench.clock.now()).await.unwrap();
    bench.poster.with(|state| state.credentials = "the second keys");
    assert_eq!(bench.publisher.notice_new_credentials().await.unwrap(), []);
    assert_eq!(bench.publisher.halts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_at_once_and_a_second_time_is_waited_for() {
    let skew = RefusalKind::ClockSkew { seconds: 600 };
    let bench = Bench::answering(Err(refused(401, skew))).await;
    bench.poster.push(tweet("1"));
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    posted.unwrap();
    let attempts = bench.test.store.attempts(post).await.unwrap();
    assert_eq!(attempts.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(attempts[0].detail.kind.as_deref(), Some("clock_skew"));
    assert_eq!(bench.publisher.halts().await.unwrap(), []);

    for _ in 0..2 {
        bench.poster.push(Err(refused(401, skew)));
    }
    let (post, posted) = bench.publish("Otra feria.").await;
    let Err(PublishError::Later { until, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!((until, bench.state(post).await), (at("2026-03-01T12:01:00Z"), PostState::Approved));
}

#[tokio::test]
async fn a_page_before_x_is_waited_out_and_costs_neither_post_nor_account() {
    let bench = Bench::answering(Err(refused(403, RefusalKind::Intermediary))).await;
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    let Err(PublishError::Later { until, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!(until, at("2026-03-01T12:15:00Z"));
    bench.clock.set(until);
    bench.poster.push(Err(refused(403, RefusalKind::Intermediary)));
    let posted = bench.publisher.publish(bench.waiting().await.remove(0)).await;
    let Err(PublishError::Later { until, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!(until, at("2026-03-01T12:45:00Z"), "the second wait is twice as long");
    bench.clock.set(until);
    bench.poster.push(tweet("1"));
    bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap();
    assert_eq!(bench.state(post).await, PostState::Sent);
}

#[tokio::test]
async fn a_used_up_window_keeps_every_post_back_also_after_a_restart() {
    let evening = "2026-03-01T18:30:00Z";
    let bench = Bench::answering(Err(limited(LimitWindow::Day, Some(evening)))).await;
    let (_, posted) = bench.publish("uno").await;
    assert!(matches!(posted, Err(PublishError::Later { waits_for: WaitsFor::RateLimit, .. })), "{posted:?}");
    let restarted = Publisher::new(
        bench.test.store.clone(),
        Outlet::Live(bench.poster.clone()),
        Arc::new(bench.clock.clone()),
        generous(),
        random_jitter(),
    );
    let second = bench.approved("dos").await;
    let Err(PublishError::Later { until, waits_for, reason, .. }) = restarted.publish(second).await else {
        panic!("a second call in a used-up window")
    };
    assert_eq!((until, waits_for), (at(evening), WaitsFor::RateLimit));
    assert_eq!(reason, "X's daily limit is used up");
    let left = outlook(&bench.test.store, &generous(), bench.clock.now()).await.unwrap();
    assert_eq!(left.next_post_at, Some(at(evening)));
    assert_eq!(left.waits_for.as_deref(), Some("X's limit (day) is used up"));
}

#[tokio::test]
async fn a_window_that_the_last_answer_left_empty_is_not_tried() {
    let bench = Bench::new().await;
    let bucket = pregonero_x::Bucket { limit: Some(100), remaining: Some(0), reset: Some(at("2026-03-01T12:15:00Z")) };
    let limits = RateLimits { fifteen_minutes: Some(bucket), ..RateLimits::default() };
    bench.poster.push(tweet("1").map(|tweet| PostedTweet { limits, ..tweet }));
    bench.publish("uno").await.1.unwrap();
    let (_, posted) = bench.publish("dos").await;
    let Err(PublishError::Later { until, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!(until, at("2026-03-01T12:15:00Z"));
    assert_eq!(bench.poster.asked(), ["uno"]);
}

#[tokio::test]
async fn waits_are_jittered_and_never_shorter_than_told() {
    let mut bench = Bench::answering(Err(limited(LimitWindow::Day, Some("2026-03-01T18:30:00Z")))).await;
    bench.publisher.jitter = Arc::new(|| 1.0);
    let until = |posted: Result<Posted, PublishError>| match posted {
        Err(PublishError::Later { until, .. }) => until,
        other => panic!("{other:?}"),
    };
    assert_eq!(until(bench.publish("uno").await.1), at("2026-03-01T18:30:30Z"));
    let mut bench = Bench::answering(Err(not_sent())).await;
    bench.publisher.jitter = Arc::new(|| 1.0);
    assert_eq!(until(bench.publish("dos").await.1), at("2026-03-01T12:01:15Z"));
}

#[tokio::test]
async fn limits_without_a_word_of_x_are_waited_for_longer_each_time_whatever_post_meets_them() {
    let bench = Bench::new().await;
    for (text, minutes) in [("uno", 15), ("dos", 30), ("tres", 60)] {
        bench.poster.push(Err(limited(LimitWindow::Unknown, None)));
        let (_, posted) = bench.publish(text).await;
        let Err(PublishError::Later { until, .. }) = posted else { panic!("{posted:?}") };
        assert_eq!(until, bench.clock.now() + SignedDuration::from_mins(minutes), "{text}");
        bench.clock.set(until);
    }
}

#[tokio::test]
async fn two_posts_keep_their_gap_and_dollars_count_readings_too() {
    let budget = BudgetSettings { usd_per_month: 0.0409, ..generous().budget };
    let rules = Rules { min_gap: SignedDuration::from_mins(10), budget, ..generous() };
    let bench = Bench::with(rules.clone()).await;
    bench.poster.push(tweet("1"));
    bench.publish("uno").await.1.unwrap();
    let left = outlook(&bench.test.store, &rules, bench.clock.now()).await.unwrap();
    assert_eq!((left.posts_left_today, left.posts_left_this_month), (999, 999));
    assert!((left.usd_left_this_month - 0.0159).abs() < 1e-9, "{left:?}");
    assert_eq!(left.next_post_at, Some(at("2026-03-01T12:10:00Z")));
    let (_, posted) = bench.publish("dos").await;
    let Err(PublishError::Later { until, waits_for: WaitsFor::Budget, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!(until, at("2026-03-01T12:10:00Z"));
    let read = "INSERT INTO reads (what, made_at, outcome, items, price_micros)
                VALUES ('timeline', '2026-03-01T12:05:00.000Z', 'absent', 1, 1000)";
    sqlx::query(read).execute(&mut plain_connection(bench.test.store.path()).await).await.unwrap();
    bench.clock.set(until);
    let posted = bench.publisher.publish(bench.waiting().await.remove(0)).await;
    let Err(PublishError::Later { until, reason, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!((until, reason.as_str()), (at("2026-04-01T00:00:00Z"), "budget.usd_per_month (0.0409) is used up"));
}

#[tokio::test]
async fn a_post_belongs_to_the_mode_and_the_account_it_was_made_in() {
    use pregonero_store::testing::{dry, live};
    let other = pregonero_store::Origin { account: "otra".to_owned(), ..live() };
    let bench = Bench::new().await;
    let mut posts = Vec::new();
    for (origin, reason) in [
        (dry(), Some("it was made in a dry run, but posts now go out")),
        (other, Some("it was made for @otra, but account.handle is now @prueba")),
        (live(), None),
    ] {
        let held = bench.test.post("Una feria.", None, &origin, bench.clock.now()).await;
        let approved = bench.test.post("Otra feria.", Some("gates"), &origin, bench.clock.now()).await;
        posts.push((held, approved, reason));
    }
    // A caller that still has one cannot send it.
    let foreign = bench.waiting().await.into_iter().find(|approved| approved.post() == posts[0].1).unwrap();
    let posted = bench.publisher.publish(foreign).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Cancelled, .. })), "{posted:?}");
    bench.publisher.take_over_queue().await.unwrap();
    for (held, approved, reason) in posts {
        for (post, state) in [(held, PostState::Held), (approved, PostState::Approved)] {
            let record = bench.test.store.post(post).await.unwrap();
            let wanted = if reason.is_some() { PostState::Cancelled } else { state };
            assert_eq!((record.state, record.decision_reason.as_deref()), (wanted, reason));
        }
    }
    assert_eq!(bench.poster.asked(), [""; 0]);
    // A post made by an earlier version may come from a dry run.
    let old = bench.approved("De antes.").await;
    let mut connection = plain_connection(bench.test.store.path()).await;
    sqlx::query("UPDATE posts SET live = NULL, account = NULL").execute(&mut connection).await.unwrap();
    let posted = bench.publisher.publish(old).await;
    assert!(matches!(posted, Err(PublishError::NoLongerApproved { state: PostState::Cancelled, .. })), "{posted:?}");
}

#[tokio::test]
async fn in_quiet_hours_nothing_is_posted_whoever_asks_and_the_post_waits_for_their_end() {
    let hours =
        crate::schedule::QuietHours { from: jiff::civil::time(11, 0, 0, 0), to: jiff::civil::time(14, 30, 0, 0) };
    let quiet = Quiet { zone: TimeZone::UTC, hours: vec![hours] };
    let rules = Rules { quiet, ..generous() };
    let bench = Bench::with(rules.clone()).await;
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    let Err(PublishError::Later { until, reason, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!((until, reason.as_str()), (at("2026-03-01T14:30:00Z"), "schedule.quiet_hours: nothing is posted now"));
    assert_eq!((bench.state(post).await, bench.poster.asked()), (PostState::Approved, Vec::<String>::new()));
    let quiet_until = async || outlook(&bench.test.store, &rules, bench.clock.now()).await.unwrap().quiet_until;
    assert_eq!(quiet_until().await, Some(at("2026-03-01T14:30:00Z")), "status says so");
    // A round that began before them ends inside them.
    bench.clock.set(at("2026-03-02T10:59:59Z"));
    assert_eq!(quiet_until().await, None);
    let approved = bench.approved("Otra feria.").await;
    bench.clock.set(at("2026-03-02T11:00:00Z"));
    assert!(matches!(bench.publisher.publish(approved).await, Err(PublishError::Later { .. })));
    bench.clock.set(at("2026-03-02T14:30:00Z"));
    bench.poster.push(tweet("1"));
    bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap();
}

#[tokio::test]
async fn a_raised_budget_or_a_resume_frees_what_waits_and_the_newest_goes_first() {
    let tight = Rules { budget: BudgetSettings { posts_per_day: 0, ..generous().budget }, ..generous() };
    let bench = Bench::with(tight).await;
    for text in ["uno", "dos", "tres"] {
        let (_, posted) = bench.publish(text).await;
        assert!(matches!(posted, Err(PublishError::Later { waits_for: WaitsFor::Budget, .. })), "{posted:?}");
        bench.clock.advance(SignedDuration::from_mins(1));
    }
    assert_eq!(bench.waiting().await, []);
    let raised = bench.publisher.replaced(bench.publisher.outlet.clone(), generous());
    raised.take_over_queue().await.unwrap();
    let texts: Vec<_> = bench.waiting().await.iter().map(|approved| approved.text().to_owned()).collect();
    assert_eq!(texts, ["tres", "dos", "uno"]);

    // What X holds back keeps waiting, until a person says otherwise.
    bench.poster.push(Err(limited(LimitWindow::Day, Some("2026-03-01T23:00:00Z"))));
    raised.publish(bench.waiting().await.remove(0)).await.unwrap_err();
    raised.take_over_queue().await.unwrap();
    assert_eq!(bench.waiting().await.len(), 2);
    let resumed = bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    assert_eq!((resumed.freed.len(), resumed.opened.len()), (1, 1));
    bench.poster.push(tweet("1"));
    raised.publish(bench.waiting().await.remove(0)).await.unwrap();
    assert_eq!(bench.poster.on_x(), ["tres"]);
}

#[tokio::test]
async fn a_window_of_another_year_is_not_waited_for_and_resume_opens_any() {
    let bench = Bench::new().await;
    let far = "INSERT INTO windows (endpoint, name, blocked_until, seen_at)
               VALUES ('post', 'day', '2033-06-01T00:00:00.000Z', '2026-03-01T11:00:00.000Z')";
    let mut connection = plain_connection(bench.test.store.path()).await;
    sqlx::query(far).execute(&mut connection).await.unwrap();
    bench.poster.push(tweet("1"));
    bench.publish("uno").await.1.unwrap();

    bench.poster.push(Err(limited(LimitWindow::Day, Some("2026-03-20T00:00:00Z"))));
    bench.publish("dos").await.1.unwrap_err();
    assert!(outlook(&bench.test.store, &generous(), bench.clock.now()).await.unwrap().next_post_at.is_some());
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    assert_eq!(outlook(&bench.test.store, &generous(), bench.clock.now()).await.unwrap().next_post_at, None);
}

#[tokio::test]
async fn a_refusal_that_passes_is_asked_again_once_with_the_account_before_it_counts() {
    use RefusalKind::{Authentication, Unauthorized};
    let refusal = || Err(refused(403, Authentication));
    let bench = Bench::answering(refusal()).await;
    bench.poster.push(tweet("1"));
    let (post, posted) = bench.publish("uno").await;
    posted.unwrap();
    assert_eq!(bench.poster.with(|state| state.me_calls), 2, "before the first post, and after the refusal");
    let outcomes: Vec<_> = bench.test.store.attempts(post).await.unwrap().iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Refused, AttemptOutcome::Sent]);
    assert_eq!(bench.publisher.halts().await.unwrap(), []);

    // Twice in a row for one post, the refusal counts.
    bench.poster.push(refusal());
    bench.poster.push(refusal());
    let (post, posted) = bench.publish("dos").await;
    assert!(matches!(posted, Err(PublishError::Refused { kind: Authentication, .. })), "{posted:?}");
    assert_eq!(bench.publisher.halts().await.unwrap()[0].kind.as_deref(), Some("unsupported_authentication"));
    assert_eq!(bench.state(post).await, PostState::Refused);

    // X does not know the account either: then the refusal counts at once.
    let bench = Bench::new().await;
    bench.poster.push(tweet("1"));
    bench.publish("uno").await.1.unwrap();
    bench.poster.push(refusal());
    bench.poster.with(|state| state.me_answers.push_back(refused(401, Unauthorized)));
    let (post, posted) = bench.publish("dos").await;
    assert!(matches!(posted, Err(PublishError::Halted { .. })), "{posted:?}");
    assert_eq!(bench.publisher.halts().await.unwrap()[0].kind.as_deref(), Some("unauthorized"));
    assert_eq!(bench.state(post).await, PostState::Approved, "it goes out when the credentials are right again");
}
