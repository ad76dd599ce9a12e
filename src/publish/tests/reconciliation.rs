//! Posts of unknown outcome: found, absent, unsettled; and what a search costs.

use super::*;
use pregonero_store::{AttemptOutcome, ReadOutcome};

const TEXT: &str = "El mercado abre temprano & cierra tarde.";

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn reposting() -> Rules {
    let mut rules = generous();
    rules.reconciliation.when_absent = WhenAbsent::Repost;
    rules
}

/// A post that X published without saying so.
async fn lost(bench: &Bench) -> PostId {
    bench.poster.push_taken(unknown());
    let (post, posted) = bench.publish(TEXT).await;
    assert!(matches!(posted, Err(PublishError::OutcomeUnknown { .. })), "{posted:?}");
    post
}

/// A post that X did not publish, and whose outcome is unknown.
async fn absent(bench: &Bench) -> PostId {
    bench.poster.push(Err(unknown()));
    bench.publish(TEXT).await.0
}

/// Looks again and again until the post is settled; returns how, and after how long.
async fn settle(bench: &Bench) -> (Settled, SignedDuration) {
    let begun = bench.clock.now();
    for _ in 0..500 {
        if let Some(settled) = bench.after(seconds(15)).await.pop() {
            return (settled, bench.clock.now().duration_since(begun));
        }
    }
    panic!("it was never settled");
}

#[tokio::test]
async fn a_post_that_x_took_is_found_with_its_id_and_never_sent_again() {
    let bench = Bench::new().await;
    let post = lost(&bench).await;
    assert_eq!(bench.after(seconds(14)).await, [], "the first look is after fifteen seconds");
    let found = bench.after(seconds(1)).await;
    assert_eq!(found, [Settled::Sent { post, tweet_id: "900".to_owned() }]);
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!((record.state, record.tweet_id.as_deref()), (PostState::Sent, Some("900")));
    assert_eq!((record.sent_at, record.error, record.look_at), (Some(at(NOON)), None, None));
    assert_eq!(bench.test.store.attempts(post).await.unwrap()[0].outcome, AttemptOutcome::Sent);
    assert_eq!(bench.waiting().await, []);
    assert_eq!(bench.after(SignedDuration::from_hours(9)).await, []);
    assert_eq!(bench.poster.asked().len(), 1);
}

#[tokio::test]
async fn a_call_cut_off_by_a_crash_is_found_after_the_next_start() {
    let bench = Bench::new().await;
    bench.poster.push_hang(true);
    let approved = bench.approved(TEXT).await;
    let post = approved.post();
    tokio::select! {
        posted = bench.publisher.publish(approved) => panic!("{posted:?}"),
        () = bench.poster.called.notified() => {}
    }
    // Hours later, as after a power cut: the minutes around the call are read, not the hours since.
    bench.clock.advance(SignedDuration::from_hours(8));
    assert_eq!(bench.publisher.recover().await.unwrap(), [post]);
    assert!(matches!(bench.after(seconds(15)).await[..], [Settled::Sent { .. }]));
    let span = bench.poster.with(|state| state.spans[0]);
    assert_eq!((span.from, span.to), (at("2026-03-01T11:58:00Z"), Some(at("2026-03-01T12:15:00Z"))));
}

#[tokio::test]
async fn while_the_timeline_lags_it_is_read_again_after_each_wait() {
    let bench = Bench::new().await;
    bench.poster.with(|state| state.lag = SignedDuration::from_mins(20));
    let post = lost(&bench).await;
    let (settled, _) = settle(&bench).await;
    assert_eq!(settled, Settled::Sent { post, tweet_id: "900".to_owned() });
    let reads = bench.test.store.reads(post).await.unwrap();
    let times: Vec<String> =
        reads.iter().filter(|read| read.what == "timeline").map(|read| read.made_at.to_string()).collect();
    assert_eq!(
        times[..5],
        ["12:00:15", "12:01:15", "12:04:15", "12:07:15", "12:10:15"].map(|time| format!("2026-03-01T{time}Z"))
    );
    assert_eq!(times.len(), 9, "and then every three minutes");
    assert_eq!(bench.poster.with(|state| state.me_calls), 1, "whose account it is, is asked once");
}

#[tokio::test]
async fn a_post_that_is_absent_to_the_end_is_refused_or_goes_out_once_more() {
    let bench = Bench::new().await;
    let post = absent(&bench).await;
    let (settled, after) = settle(&bench).await;
    assert_eq!((settled, after), (Settled::Refused { post }, SignedDuration::from_hours(1)));
    let record = bench.test.store.post(post).await.unwrap();
    assert_eq!(record.error.as_deref(), Some("X did not publish it: the timeline does not show it"));

    let bench = Bench::with(reposting()).await;
    let post = absent(&bench).await;
    assert_eq!(settle(&bench).await.0, Settled::Reposted { post });
    assert_eq!(bench.state(post).await, PostState::Approved);
    bench.poster.push(tweet("901"));
    bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap();
    assert_eq!(bench.poster.on_x(), [TEXT]);
    assert_eq!(bench.test.store.attempts(post).await.unwrap()[1].number, 2);
}

#[tokio::test]
async fn a_post_that_is_absent_twice_is_not_tried_a_third_time() {
    let bench = Bench::with(reposting()).await;
    let post = absent(&bench).await;
    settle(&bench).await;
    bench.poster.push(Err(unknown()));
    bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap_err();
    assert_eq!(settle(&bench).await.0, Settled::Refused { post });
    assert_eq!(bench.poster.asked().len(), 2);
}

#[tokio::test]
async fn a_duplicate_after_an_unknown_call_is_evidence_that_it_went_out() {
    let bench = Bench::with(reposting()).await;
    // The timeline hides it for so long that it goes out again; X recognises the duplicate.
    bench.poster.with(|state| state.lag = SignedDuration::from_mins(90));
    let post = lost(&bench).await;
    assert_eq!(settle(&bench).await.0, Settled::Reposted { post });
    bench.poster.push(Err(duplicate()));
    let posted = bench.publisher.publish(bench.waiting().await.remove(0)).await;
    assert!(matches!(posted, Err(PublishError::OutcomeUnknown { .. })), "{posted:?}");
    assert_eq!(bench.state(post).await, PostState::Unknown);
    assert_eq!(settle(&bench).await.0, Settled::Sent { post, tweet_id: "900".to_owned() });
    assert_eq!(bench.poster.on_x(), [TEXT]);
    let outcomes: Vec<_> = bench.test.store.attempts(post).await.unwrap().iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Sent, AttemptOutcome::Refused]);
}

#[tokio::test]
async fn what_x_calls_a_duplicate_and_does_not_show_is_not_posted_again() {
    let bench = Bench::with(reposting()).await;
    let post = absent(&bench).await;
    settle(&bench).await;
    bench.poster.push(Err(duplicate()));
    bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap_err();
    assert_eq!(settle(&bench).await.0, Settled::Refused { post });
    assert!(bench.test.store.post(post).await.unwrap().error.unwrap().starts_with("X calls it a duplicate"));
}

#[tokio::test]
async fn a_duplicate_without_an_unknown_call_is_a_plain_refusal() {
    let bench = Bench::answering(Err(duplicate())).await;
    let (post, posted) = bench.publish(TEXT).await;
    assert!(matches!(posted, Err(PublishError::Refused { .. })), "{posted:?}");
    assert_eq!(bench.state(post).await, PostState::Refused);
}

#[tokio::test]
async fn a_reading_that_fails_proves_nothing_and_the_post_shouts_when_its_time_is_over() {
    let bench = Bench::new().await;
    let post = absent(&bench).await;
    bench.poster.with(|state| state.readings = (0..60).map(|_| unknown()).collect());
    for _ in 0..40 {
        assert_eq!(bench.after(seconds(180)).await, []);
    }
    assert_eq!(bench.state(post).await, PostState::Unknown);
    assert_eq!(bench.publisher.unsettled().await.unwrap(), [post], "two hours later");
    let read = bench.test.store.reads(post).await.unwrap().pop().unwrap();
    assert_eq!((read.outcome, read.price_micros), (ReadOutcome::Failed, 0));

    // It blocks nothing but itself.
    bench.poster.push(tweet("5"));
    bench.publish("Otra cosa.").await.1.unwrap();
    bench.poster.with(|state| state.readings.clear());
    for _ in 0..2 {
        assert_eq!(bench.after(seconds(180)).await, [], "only readings that succeed count");
    }
    assert_eq!(bench.after(seconds(180)).await, [Settled::Refused { post }]);
    assert_eq!(bench.publisher.unsettled().await.unwrap(), []);
}

#[tokio::test]
async fn a_limit_for_reading_is_waited_for_and_keeps_no_post_back() {
    let bench = Bench::new().await;
    let post = lost(&bench).await;
    let quarter = "2026-03-01T12:20:00Z";
    bench.poster.with(|state| state.readings.push_back(limited(LimitWindow::FifteenMinutes, Some(quarter))));
    bench.after(seconds(15)).await;
    assert_eq!(bench.test.store.post(post).await.unwrap().look_at, Some(at(quarter)));
    bench.poster.push(tweet("5"));
    bench.publish("Otra cosa.").await.1.unwrap();
    bench.clock.set(at(quarter));
    assert!(matches!(bench.publisher.reconcile().await.unwrap()[..], [Settled::Sent { .. }]));
}

#[tokio::test]
async fn credentials_that_x_no_longer_takes_stop_posting_and_reading() {
    let bench = Bench::new().await;
    let post = lost(&bench).await;
    bench.poster.with(|state| state.readings.push_back(refused(401, RefusalKind::Unauthorized)));
    bench.after(seconds(15)).await;
    assert_eq!(bench.publisher.halts().await.unwrap()[0].kind.as_deref(), Some("unauthorized"));
    bench.after(SignedDuration::from_hours(5)).await;
    assert_eq!(bench.poster.with(|state| state.spans.len()), 1, "never in a loop");
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    let found = bench.publisher.reconcile().await.unwrap();
    assert_eq!(found, [Settled::Sent { post, tweet_id: "900".to_owned() }], "it does not wait for the next hour");
}

#[tokio::test]
async fn readings_cost_money_and_none_is_made_without_it() {
    let mut rules = generous();
    rules.budget.usd_per_month = 0.0255;
    let bench = Bench::with(rules).await;
    let post = lost(&bench).await;
    bench.poster.with(|state| state.lag = SignedDuration::ZERO);
    // 0.015 for the call, 0.01 for the account: what is left does not pay for a post on the timeline.
    bench.after(seconds(15)).await;
    bench.after(SignedDuration::from_hours(2)).await;
    assert_eq!(bench.poster.with(|state| state.spans.len()), 0);
    assert_eq!(bench.state(post).await, PostState::Unknown);
    let mut rules = generous();
    rules.budget.usd_per_month = 1.0;
    let _ = bench.publisher.replaced(bench.publisher.outlet.clone(), rules);
    assert!(matches!(bench.after(SignedDuration::from_hours(1)).await[..], [Settled::Sent { .. }]));
    let prices: Vec<i64> = bench.test.store.reads(post).await.unwrap().iter().map(|read| read.price_micros).collect();
    assert_eq!(prices, [10_000, 1000]);
}

#[tokio::test]
async fn failures_and_one_empty_answer_do_not_make_a_post_absent() {
    let bench = Bench::with(reposting()).await;
    // X has it and hides it for longer than the search takes.
    bench.poster.with(|state| {
        state.lag = SignedDuration::from_mins(61);
        state.readings = (0..21).map(|_| unknown()).collect();
    });
    let post = lost(&bench).await;
    let mut settled = Vec::new();
    while settled.is_empty() {
        settled = bench.after(seconds(60)).await;
    }
    assert_eq!(settled, [Settled::Sent { post, tweet_id: "900".to_owned() }]);
    let failed = bench.test.store.reads(post).await.unwrap().into_iter();
    assert!(failed.filter(|read| read.outcome == ReadOutcome::Failed).count() >= 15);
    assert_eq!(bench.poster.on_x(), [TEXT]);
}

#[tokio::test]
async fn a_post_of_another_account_is_not_looked_for_on_this_one_s_timeline() {
    let bench = Bench::with(reposting()).await;
    let post = lost(&bench).await;
    let _ =
        bench.publisher.replaced(bench.publisher.outlet.clone(), Rules { account: "otra".to_owned(), ..reposting() });
    bench.poster.with(|state| (state.username, state.credentials) = ("otra", "the keys of another account"));
    for _ in 0..10 {
        assert_eq!(bench.after(SignedDuration::from_hours(2)).await, []);
    }
    assert_eq!((bench.state(post).await, bench.poster.with(|state| state.spans.len())), (PostState::Unknown, 0));
    let _ = bench.publisher.replaced(bench.publisher.outlet.clone(), reposting());
    bench.poster.with(|state| (state.username, state.credentials) = ("prueba", "the first keys"));
    assert!(matches!(bench.after(SignedDuration::from_hours(2)).await[..], [Settled::Sent { .. }]));
}

#[tokio::test]
async fn a_post_of_a_restored_backup_is_looked_for_and_never_sent_again() {
    let bench = Bench::with(reposting()).await;
    let post = absent(&bench).await;
    let restored = "UPDATE posts SET restored_at = '2026-03-01T12:00:05.000Z'";
    let mut connection = pregonero_store::testing::plain_connection(bench.test.store.path()).await;
    sqlx::query(restored).execute(&mut connection).await.unwrap();
    assert_eq!(settle(&bench).await.0, Settled::Refused { post });
    assert!(bench.test.store.post(post).await.unwrap().error.unwrap().contains("restored from a backup"));
}

#[tokio::test]
async fn a_clock_set_forward_alone_makes_no_post_absent() {
    let bench = Bench::new().await;
    bench.poster.with(|state| state.lag = SignedDuration::from_hours(9) + SignedDuration::from_mins(2));
    let post = lost(&bench).await;
    assert_eq!(bench.after(SignedDuration::from_hours(9)).await, [], "one look at a clock of tomorrow decides nothing");
    assert_eq!(bench.after(SignedDuration::from_mins(3)).await, [Settled::Sent { post, tweet_id: "900".to_owned() }]);
}

#[tokio::test]
async fn the_span_is_that_of_xs_clock_which_the_first_answer_tells() {
    let bench = Bench::new().await;
    let post = lost(&bench).await;
    // X's clock is two hours ahead, which nobody knew when the call was made.
    let ahead = SignedDuration::from_hours(2);
    bench.poster.with(|state| {
        state.tweets[0].0.created_at = Some(at(NOON) + ahead);
        state.skew_to_learn = Some(ahead);
    });
    assert!(matches!(bench.after(seconds(15)).await[..], [Settled::Sent { .. }]));
    assert_eq!(bench.poster.with(|state| state.spans.len()), 2);
    assert_eq!(bench.state(post).await, PostState::Sent);
}

#[tokio::test]
async fn a_dry_run_reads_nothing() {
    let bench = Bench::new().await;
    lost(&bench).await;
    bench.clock.advance(seconds(60));
    let dry = bench.publisher.replaced(Outlet::DryRun, generous());
    assert_eq!((dry.must_reconcile().await.unwrap(), dry.reconcile().await.unwrap()), (false, Vec::new()));
    assert_eq!(bench.poster.with(|state| state.spans.len()), 0);
}
