//! The account that the credentials belong to: checked before the first post, and compared with `account.handle`.

use super::*;
use pregonero_store::ReadOutcome;

#[tokio::test]
async fn the_account_is_asked_once_before_the_first_post_and_again_after_new_credentials() {
    let bench = Bench::new().await;
    for id in ["1", "2"] {
        bench.poster.push(tweet(id));
        bench.publish("Una feria en la plaza.").await.1.unwrap();
    }
    assert_eq!(bench.poster.with(|state| state.me_calls), 1);
    bench.poster.with(|state| state.credentials = "the second keys");
    bench.poster.push(tweet("3"));
    let (post, posted) = bench.publish("Otra feria.").await;
    posted.unwrap();
    assert_eq!(bench.poster.with(|state| state.me_calls), 2);
    let reads = bench.test.store.reads(post).await.unwrap();
    assert_eq!((reads.len(), reads[0].what.as_str(), reads[0].price_micros), (1, "account", 10_000));
}

#[tokio::test]
async fn credentials_of_another_account_stop_all_posting_until_the_handle_or_the_credentials_are_right() {
    let bench = Bench::new().await;
    bench.poster.with(|state| state.username = "una_persona");
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    let Err(PublishError::Halted { halt, .. }) = posted else { panic!("{posted:?}") };
    assert_eq!(halt.kind.as_deref(), Some(OTHER_ACCOUNT));
    assert!(halt.to_string().contains("belong to @una_persona, but account.handle is @prueba"), "{halt}");
    assert_eq!((bench.poster.asked(), bench.state(post).await), (Vec::new(), PostState::Approved));
    // No other post asks while that holds, and `resume` does not forget what X once said.
    assert!(matches!(bench.publish("Otra feria.").await.1, Err(PublishError::Halted { .. })));
    assert_eq!(bench.poster.with(|state| state.me_calls), 1);
    assert_eq!(bench.publisher.notice_new_credentials().await.unwrap(), []);
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    let posted = bench.publisher.publish(bench.waiting().await.remove(0)).await;
    assert!(matches!(posted, Err(PublishError::Halted { .. })), "{posted:?}");

    // The handle is what was wrong: posts made for the other name are not sent.
    let rules = Rules { account: "Una_Persona".to_owned(), ..generous() };
    let corrected = bench.publisher.replaced(bench.publisher.outlet.clone(), rules);
    assert_eq!(corrected.notice_new_credentials().await.unwrap().len(), 1);
    corrected.take_over_queue().await.unwrap();
    assert_eq!(bench.state(post).await, PostState::Cancelled);
    assert_eq!(corrected.halts().await.unwrap(), []);
}

#[tokio::test]
async fn a_post_waits_while_x_does_not_say_whose_account_it_is() {
    for (error, until, waits_for) in [
        (not_sent(), "2026-03-01T12:01:00Z", WaitsFor::Network),
        (unknown(), "2026-03-01T12:01:00Z", WaitsFor::EarlierAttempt),
        (
            limited(LimitWindow::FifteenMinutes, Some("2026-03-01T12:09:00Z")),
            "2026-03-01T12:09:00Z",
            WaitsFor::RateLimit,
        ),
        (refused(403, RefusalKind::Intermediary), "2026-03-01T12:15:00Z", WaitsFor::EarlierAttempt),
    ] {
        let bench = Bench::new().await;
        bench.poster.with(|state| state.me_answers.push_back(error.clone()));
        let (post, posted) = bench.publish("Una feria en la plaza.").await;
        let Err(PublishError::Later { until: later, waits_for: waits, .. }) = posted else { panic!("{posted:?}") };
        assert_eq!((later, waits), (at(until), waits_for), "{error:?}");
        assert_eq!(bench.test.store.reads(post).await.unwrap()[0].outcome, ReadOutcome::Failed);
        bench.clock.set(later);
        bench.poster.push(tweet("1"));
        bench.publisher.publish(bench.waiting().await.remove(0)).await.unwrap();
    }
}

#[tokio::test]
async fn credentials_that_x_refuses_stop_all_posting_before_the_first_post() {
    let bench = Bench::new().await;
    bench.poster.with(|state| state.me_answers.push_back(refused(401, RefusalKind::Unauthorized)));
    let (post, posted) = bench.publish("Una feria en la plaza.").await;
    assert!(matches!(posted, Err(PublishError::Halted { .. })), "{posted:?}");
    assert_eq!(bench.publisher.halts().await.unwrap()[0].kind.as_deref(), Some("unauthorized"));
    assert_eq!((bench.poster.asked(), bench.state(post).await), (Vec::new(), PostState::Approved));
}
