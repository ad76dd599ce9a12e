//! The queue and the desk, without a judge; `tests/it/review.rs` has edits and picks, which need one.

use super::testing::{approve, desk, reject, reviewer, terms};
use super::*;
use pregonero_judging::selection::select;
use pregonero_store::testing::{TestStore, at, judged};
use pregonero_store::{ReviewAct, StoreError};
use pregonero_tweet::{DisclosurePosition, Verdict};

const TEXT: &str = "El mercado abre temprano.";

const STALE_AFTER: Duration = Duration::from_secs(12 * 3600);

async fn submit_one(
    test: &TestStore,
    mode: ReviewMode,
    verdict: Verdict,
    now: Timestamp,
) -> Result<Submitted, ReviewError> {
    let round = test.round(now).await;
    let all = [judged(TEXT, verdict, 0.9)];
    test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
    let terms = Terms { mode, near_duplicate: 0.0, ..terms() };
    submit(&test.store, round, &select(&all, true).unwrap(), &terms, now).await
}

fn checked(facts: bool) -> Checked {
    Checked { facts, sources: vec!["https://example.org/censo".to_owned()], note: Some("table 3".to_owned()) }
}

#[tokio::test]
async fn the_mode_and_the_verdict_decide_who_lets_a_choice_through() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let cases = [
        (ReviewMode::Off, Verdict::Pass, PostState::Approved),
        (ReviewMode::Flagged, Verdict::Pass, PostState::Approved),
        (ReviewMode::Flagged, Verdict::Review, PostState::Held),
        (ReviewMode::All, Verdict::Pass, PostState::Held),
        (ReviewMode::All, Verdict::Review, PostState::Held),
    ];
    for (mode, verdict, wanted) in cases {
        let post = match submit_one(&test, mode, verdict, now).await.unwrap() {
            Submitted::Approved(approved) => {
                assert_eq!(approved.text(), TEXT);
                approved.post()
            }
            Submitted::Held(post) => post,
            other @ Submitted::TooAlike { .. } => panic!("{other:?}"),
        };
        let record = test.store.post(post).await.unwrap();
        assert_eq!(record.state, wanted, "{mode:?} {verdict:?}");
        assert_eq!(record.decided_by.as_deref(), (wanted == PostState::Approved).then_some("gates"));
        let waits = if wanted == PostState::Held { "2026-03-03T14:00:00Z" } else { "2026-03-02T02:00:00Z" };
        assert_eq!(record.expires_at, at(waits), "a person has two days, a post twelve hours");
        assert_eq!((record.live, record.account.as_deref()), (Some(true), Some("prueba")));
    }
    let off = submit_one(&test, ReviewMode::Off, Verdict::Review, now).await.unwrap_err();
    assert!(matches!(off, ReviewError::NobodyToAsk { .. }), "{off:?}");
}

#[tokio::test]
async fn an_approved_post_is_offered_for_sending_and_a_held_one_is_not() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.held(TEXT, now).await;
    assert_eq!(list(&test.store, now).await.unwrap().iter().map(|post| post.id).collect::<Vec<_>>(), [id]);
    assert_eq!(Approved::from_store(&test.store, now).await.unwrap(), []);
    let later = at("2026-03-02T14:00:00Z");
    approve(&test.store, id, "ana", STALE_AFTER, later).await.unwrap();
    let approved = Approved::from_store(&test.store, later).await.unwrap();
    assert_eq!(approved, [Approved { post: id, text: TEXT.to_owned() }]);
    assert_eq!(list(&test.store, later).await.unwrap(), []);
    let record = test.store.post(id).await.unwrap();
    assert_eq!((record.decided_by.as_deref(), record.decided_at), (Some("ana"), Some(later)));
    assert_eq!(record.expires_at, at("2026-03-03T02:00:00Z"), "the time for sending begins with the decision");
    let twice = approve(&test.store, id, "berta", STALE_AFTER, later).await.unwrap_err();
    assert_eq!(
        twice.to_string(),
        "post 1 is `approved`: there is nothing to decide (ana decided at 2026-03-02 14:00:00 UTC); until it is sent, \
         `pregonero review reject 1` stops it"
    );
}

#[tokio::test]
async fn a_post_past_its_time_cannot_be_approved_and_says_so() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.held(TEXT, now).await;
    let end = at("2026-03-03T14:00:00Z");
    assert_eq!(list(&test.store, end).await.unwrap(), []);
    for _ in 0..2 {
        let error = approve(&test.store, id, "ana", STALE_AFTER, end).await.unwrap_err();
        assert_eq!(error.to_string(), "post 1 expired at 2026-03-03 14:00:00 UTC: it can no longer be approved");
        assert_eq!(test.state(id).await, PostState::Expired);
    }
}

#[tokio::test]
async fn held_and_approved_posts_expire_at_their_time_and_not_before() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let (held, approved) = (test.held(TEXT, now).await, test.approved(TEXT, now).await);
    let rejected = test.held(TEXT, now).await;
    reject(&test.store, rejected, "ana", now).await.unwrap();
    assert_eq!(expire(&test.store, at("2026-03-03T13:59:59.999Z")).await.unwrap(), []);
    assert_eq!(expire(&test.store, at("2026-03-03T14:00:00Z")).await.unwrap(), [held, approved]);
    assert_eq!(test.state(rejected).await, PostState::Rejected);
    assert_eq!(expire(&test.store, at("2026-03-04T14:00:00Z")).await.unwrap(), []);
}

#[tokio::test]
async fn a_person_stops_a_held_post_and_withdraws_an_approved_one() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let (held, approved) = (test.held(TEXT, now).await, test.approved(TEXT, now).await);
    let stopped = desk(&test.store, terms(), now).reject(held, &reviewer("ana"), Some("dull")).await.unwrap();
    assert_eq!((stopped.post.state, stopped.post.decision_reason.as_deref()), (PostState::Rejected, Some("dull")));
    assert_eq!((stopped.review.act, stopped.review.note.as_deref()), (ReviewAct::Reject, Some("dull")));
    assert_eq!(reject(&test.store, approved, "ana", now).await.unwrap(), PostState::Cancelled);
    assert_eq!(Approved::from_store(&test.store, now).await.unwrap(), []);
    for post in [held, approved] {
        let error = reject(&test.store, post, "ana", now).await.unwrap_err();
        assert!(error.to_string().contains("there is nothing to decide (ana decided at"), "{error}");
    }
    let nobody = reject(&test.store, PostId::new(88), "ana", now).await.unwrap_err();
    assert!(matches!(nobody, ReviewError::Store(StoreError::NoSuchRound { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_round_without_a_post_says_that_there_is_nothing_to_decide() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let round = test.round(now).await;
    test.store.end_without_candidate(round, "none of 4 candidates passed", now).await.unwrap();
    let error = reject(&test.store, round.post(), "ana", now).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "round 1 led to no post (`no_candidate`: none of 4 candidates passed): there is nothing to decide"
    );
}

#[tokio::test]
async fn a_post_under_way_or_sent_is_beyond_any_decision_and_says_so() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.approved(TEXT, now).await;
    let since = pregonero_store::SpentSince { day: now, month: now };
    test.store.arm(id, None, since, now, |_, _| Ok(15_000)).await.unwrap();
    let desk = desk(&test.store, terms(), now);
    let ana = reviewer("ana");
    let none = Checked::default();
    let errors = [
        desk.approve(id, &ana, &none).await.unwrap_err(),
        desk.reject(id, &ana, None).await.unwrap_err(),
        desk.edit(id, "Otra cosa.", &ana, &none).await.unwrap_err(),
        desk.pick(id, 1, &ana, &none).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.to_string(),
            "post 1 is `armed`: it is being sent at this moment, so it is too late to decide"
        );
    }
    assert_eq!(test.store.reviews(id).await.unwrap(), []);
}

#[tokio::test]
async fn a_claim_goes_out_only_with_its_facts_checked_unless_the_settings_ask_for_less() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.held(TEXT, now).await;
    let strict = Terms { require: Requirement::FactCheck, ..terms() };
    let at_desk = desk(&test.store, strict.clone(), now);
    let ana = reviewer("ana");
    assert!(at_desk.look(id).await.unwrap().needs_fact_check);
    let error = at_desk.approve(id, &ana, &checked(false)).await.unwrap_err().to_string();
    assert!(
        error.contains("claims: it names a figure") && error.contains("approve 1 --facts-checked --source"),
        "{error}"
    );
    assert_eq!((test.state(id).await, test.store.reviews(id).await.unwrap()), (PostState::Held, vec![]));

    let decided = at_desk.approve(id, &ana, &checked(true)).await.unwrap();
    assert_eq!(decided.post.state, PostState::Approved);
    let review = &decided.review;
    assert_eq!((review.reviewer.as_str(), review.role.as_str(), review.facts_checked), ("ana", "editor", true));
    assert_eq!((&review.sources[..], review.note.as_deref()), (&checked(true).sources[..], Some("table 3")));
    assert_eq!((review.in_words(), review.at), ("approved, facts checked", now));
    // `printf 'El mercado abre temprano.' | sha256sum`
    assert_eq!(review.text_sha256, "4b0d600ed81a6d00d6cdefd8f3be83f62fffd7b7a7f10e1b6d67c08d575bc1f0");

    let second = test.held("Una feria en la plaza.", now).await;
    let decided = desk(&test.store, terms(), now).approve(second, &ana, &Checked::default()).await.unwrap();
    assert_eq!(decided.review.in_words(), "approved without fact check");
}

#[tokio::test]
async fn the_disclosure_leaves_only_with_the_facts_checked_and_only_where_the_settings_say_so() {
    let now = at("2026-03-01T14:00:00Z");
    for (keep, facts, leaves) in [
        (KeepDisclosure::Always, true, false),
        (KeepDisclosure::UnlessChecked, false, false),
        (KeepDisclosure::UnlessChecked, true, true),
    ] {
        let test = TestStore::open().await;
        let disclosure = Disclosure::new("🤖 IA:", DisclosurePosition::Start);
        let terms = Terms { keep_disclosure: keep, disclosure: disclosure.clone(), ..terms() };
        let round = test.round(now).await;
        let all = [judged(&disclosure.with(TEXT), Verdict::Review, 0.9)];
        test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
        let submitted = submit(&test.store, round, &select(&all, true).unwrap(), &terms, now).await.unwrap();
        assert_eq!(submitted, Submitted::Held(round.post()));
        let id = round.post();
        let text = "🤖 IA: El mercado abre temprano.";
        let decided = desk(&test.store, terms, now).approve(id, &reviewer("ana"), &checked(facts)).await.unwrap();
        let expected = if leaves { TEXT } else { text };
        assert_eq!(decided.post.text, expected, "{keep:?} {facts}");
        assert_eq!((decided.review.text_before.as_str(), decided.review.text_after.as_str()), (text, expected));
    }
}

#[tokio::test]
async fn what_went_out_meanwhile_is_not_approved_again() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let first = test.held(TEXT, now).await;
    let second = test.held("El mercado abre muy temprano.", now).await;
    let desk = desk(&test.store, terms(), now);
    desk.approve(second, &reviewer("ana"), &Checked::default()).await.unwrap();
    let error = desk.approve(first, &reviewer("ana"), &Checked::default()).await.unwrap_err();
    assert!(matches!(&error, ReviewError::Refused { act: ReviewAct::Approve, .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("something like it went out meanwhile") && said.contains("near_duplicate: "), "{said}");
    assert_eq!(test.state(first).await, PostState::Held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_alike_posts_that_several_people_approve_in_the_same_instant_one_goes_out() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let mut posts = Vec::new();
    for number in 0..8 {
        posts.push(test.held(&format!("{TEXT} {number}"), now).await);
    }
    let approvals = posts.into_iter().map(|post| {
        let store = test.store.clone();
        tokio::spawn(
            async move { desk(&store, terms(), now).approve(post, &reviewer("ana"), &Checked::default()).await },
        )
    });
    let mut refused = 0;
    for approval in approvals.collect::<Vec<_>>() {
        match approval.await.unwrap() {
            Ok(_) => {}
            Err(ReviewError::Refused { act: ReviewAct::Approve, .. }) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((refused, Approved::from_store(&test.store, now).await.unwrap().len()), (7, 1));
}

#[tokio::test]
async fn a_choice_like_a_text_that_was_approved_while_the_round_ran_leads_to_no_post() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let (round, all) = (test.round(now).await, [judged(TEXT, Verdict::Pass, 0.9)]);
    test.store.record_candidates(round, &all, Some(0), now).await.unwrap();
    test.approved("El mercado abre muy temprano.", now).await;
    let chosen = select(&all, true).unwrap();
    let submitted = submit(&test.store, round, &chosen, &terms(), now).await.unwrap();
    assert!(
        matches!(&submitted, Submitted::TooAlike { reason } if reason.contains("like an earlier post")),
        "{submitted:?}"
    );
    assert!(matches!(test.store.post(round.post()).await, Err(StoreError::NoSuchPost { .. })));
    let apart = Terms { near_duplicate: 0.0, ..terms() };
    assert!(matches!(submit(&test.store, round, &chosen, &apart, now).await, Ok(Submitted::Approved(_))));
}

#[tokio::test]
async fn a_person_who_saw_another_text_is_asked_to_look_again() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.held(TEXT, now).await;
    let seen = desk(&test.store, terms(), now).look(id).await.unwrap().text_sha256;
    let other = desk(&test.store, terms(), now).for_text(&"0".repeat(64));
    let ana = reviewer("ana");
    let errors = [
        other.approve(id, &ana, &Checked::default()).await.unwrap_err(),
        other.edit(id, "Otra cosa.", &ana, &Checked::default()).await.unwrap_err(),
        other.pick(id, 1, &ana, &Checked::default()).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ReviewError::TextChanged { .. }), "{error:?}");
    }
    let desk = desk(&test.store, terms(), now).for_text(&seen.to_uppercase());
    assert_eq!(desk.approve(id, &ana, &Checked::default()).await.unwrap().post.state, PostState::Approved);
}

#[tokio::test]
async fn a_link_takes_its_own_decision_once_and_only_while_the_text_is_the_same() {
    let test = TestStore::open().await;
    let now = at("2026-03-01T14:00:00Z");
    let id = test.held(TEXT, now).await;
    let store = &test.store;
    let link = async |act| store.create_decision_link(id, act, at("2026-03-09T14:00:00Z"), now).await.unwrap();
    let (approve, reject) = (link(ReviewAct::Approve).await, link(ReviewAct::Reject).await);
    let strict = Terms { require: Requirement::FactCheck, ..terms() };
    let desk_now = desk(store, strict.clone(), now);
    for token in [approve.as_str(), reject.as_str()] {
        for _ in 0..3 {
            let (found, waiting) = desk_now.look_at_link(token).await.unwrap().unwrap();
            assert_eq!((found.post, waiting.post.text.as_str()), (id, TEXT));
            assert_eq!(found.standing.objection(), None, "a look changes nothing");
        }
    }
    for token in ["", "1", "1.", "1.aa", "99.aa", "x.y", &approve.replace('.', ".0")] {
        assert_eq!(desk_now.look_at_link(token).await.unwrap(), None, "{token}");
        let error = desk_now.redeem_link(token, None, &Checked::default()).await.unwrap_err();
        assert!(matches!(error, ReviewError::DeadLink { .. }), "{error:?}");
    }
    let late = desk(store, strict.clone(), at("2026-03-02T14:00:00Z"));
    let error = late.redeem_link(&approve, None, &checked(true)).await.unwrap_err();
    assert_eq!(error.to_string(), "this link has expired", "24 hours at most, however long the post waits");

    let error = desk_now.redeem_link(&approve, None, &Checked::default()).await.unwrap_err();
    assert!(matches!(error, ReviewError::NeedsFactCheck { .. }), "the same rules as any other: {error:?}");
    let decided = desk_now.redeem_link(&approve, Some("Ana"), &checked(true)).await.unwrap();
    assert_eq!(decided.post.state, PostState::Approved);
    assert_eq!((decided.review.reviewer.as_str(), decided.review.role.as_str()), ("Ana (link 1)", "link"));
    let twice = desk_now.redeem_link(&approve, None, &checked(true)).await.unwrap_err();
    assert_eq!(twice.to_string(), "this link was used already");
    let other = desk_now.redeem_link(&reject, None, &Checked::default()).await.unwrap_err();
    assert!(other.to_string().contains("is out of date"), "{other}");
    let gone = store.create_decision_link(id, ReviewAct::Approve, now, now).await.unwrap_err();
    assert!(matches!(gone, StoreError::StateConflict { .. }), "{gone:?}");
}
