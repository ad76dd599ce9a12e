//! The record of a bot that went through much, beside the server that it spoke to.

use std::collections::{BTreeMap, BTreeSet};

use pregonero_store::{AttemptOutcome, AttemptRecord, HistoryRecord, PostState, RoundOutcome, Store};

use super::fake_x::FakeX;

/// Slot and state of the newest line of the history.
pub type Newest = Option<(String, String)>;

pub async fn newest(store: &Store) -> Newest {
    let entry = store.history(1).await.unwrap().pop()?;
    Some((entry.slot, entry.state.to_string()))
}

/// The posts on which something is still to happen.
pub async fn open(store: &Store) -> Vec<(i64, PostState)> {
    let mut open = Vec::new();
    for state in [PostState::Approved, PostState::Armed, PostState::Unknown] {
        open.extend(store.posts_in(state).await.unwrap().into_iter().map(|post| (post.id.get(), state)));
    }
    open
}

pub async fn is_settled(store: &Store) -> bool {
    open(store).await.is_empty() && newest(store).await.is_none_or(|(_, state)| state != "running")
}

/// The round, its candidates, its post and the calls made for it fit together and are ended.
fn audit(record: &HistoryRecord) {
    let shown = format!("{record:#?}");
    let chosen = record.candidates.iter().filter(|candidate| candidate.chosen).count();
    assert_ne!(record.round.outcome, RoundOutcome::Running, "{shown}");
    assert_eq!(record.round.outcome == RoundOutcome::Chosen, record.post.is_some(), "{shown}");
    let Some(post) = &record.post else {
        assert!(record.attempts.is_empty(), "{shown}");
        return;
    };
    assert_eq!(chosen, 1, "{shown}");
    let numbers: Vec<i64> = record.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>(), "{shown}");
    let ended = |attempt: &AttemptRecord| attempt.outcome != AttemptOutcome::UnderWay;
    assert!(record.attempts.iter().all(ended), "{shown}");
    let sent = record.attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Sent).count();
    assert_eq!(sent, usize::from(post.state == PostState::Sent), "{shown}");
    assert_eq!(post.state == PostState::Sent, post.tweet_id.is_some(), "{shown}");
    assert!(matches!(post.state, PostState::Sent | PostState::Refused | PostState::Expired), "{shown}");
}

/// Record and server tell the same story: every tweet of the server is one sent post of the record, by its id and text,
/// and the other way round; no slot was served twice, and each round's audit is whole. Gives the whole record.
pub async fn compare(store: &Store, x: &FakeX) -> Vec<HistoryRecord> {
    let entries = store.history(u32::MAX).await.unwrap();
    let mut records = Vec::new();
    for entry in &entries {
        records.push(store.history_record(entry.id).await.unwrap());
    }
    records.iter().for_each(audit);

    let slots: Vec<&str> = entries.iter().map(|entry| entry.slot.as_str()).collect();
    assert_eq!(slots.iter().collect::<BTreeSet<_>>().len(), slots.len(), "a slot was served twice");
    let sent: BTreeMap<&str, &str> =
        entries.iter().filter_map(|entry| Some((entry.tweet_id.as_deref()?, entry.text.as_deref()?))).collect();
    let tweets = x.tweets();
    let on_x: BTreeMap<&str, &str> = tweets.iter().map(|tweet| (tweet.id.as_str(), tweet.text.as_str())).collect();
    assert_eq!(sent, on_x, "what the record calls sent is not what X holds");
    assert_eq!(x.rejected(), [""; 0]);
    records
}
