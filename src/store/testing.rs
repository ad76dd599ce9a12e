//! What the tests of store, review and publish share: a temporary database, a clock that only the test moves.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use super::{NewPost, NewRound, Origin, PostId, PostState, RoundId, SlotId, Store};
use crate::clock::Clock;
use crate::tweet::{Candidate, Finish, GateVerdict, Judged, ModelIdentity, Ranking, SeedPrompt, Sentiment, Verdict};

pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A connection past the store, to break things with.
pub(crate) async fn plain_connection(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

/// A clock that stands still; sleeping moves it on at once.
#[derive(Debug, Clone)]
pub(crate) struct StillClock(Arc<Mutex<Timestamp>>);

impl StillClock {
    pub(crate) fn new(instant: &str) -> Self {
        Self(Arc::new(Mutex::new(at(instant))))
    }

    pub(crate) fn set(&self, instant: Timestamp) {
        *self.0.lock().unwrap() = instant;
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let later = self.now().max(instant);
            self.set(later);
        })
    }
}

pub(crate) fn new_round(slot: SlotId) -> NewRound {
    NewRound {
        slot,
        seed_prompt: SeedPrompt { text: "Hoy, ".to_owned(), weight: 2, attributes: BTreeMap::new() },
        rng_seed: 7,
        generation: serde_json::json!({"strategy": "sample", "temperature": 0.9}),
        generator: ModelIdentity { name: "builtin".to_owned(), sha256: "aa".repeat(32) },
        classifier: ModelIdentity { name: "builtin".to_owned(), sha256: "bb".repeat(32) },
        device: "cpu".to_owned(),
        program_version: "0.1.0".to_owned(),
        settings: serde_json::json!({"review_mode": "flagged"}),
        config_sha256: "cc".repeat(32),
    }
}

/// Where the posts of these tests are made: live, for the account that the tests' X knows.
pub(crate) fn live() -> Origin {
    Origin { live: true, account: "prueba".to_owned() }
}

/// The same account's dry run.
pub(crate) fn dry() -> Origin {
    Origin { live: false, ..live() }
}

pub(crate) fn judged(text: &str, verdict: Verdict, score: f32) -> Judged {
    Judged {
        candidate: Candidate {
            text: text.to_owned(),
            continuation: text.to_owned(),
            token_ids: vec![5, 70_000, 0],
            prompt_tokens: 1,
            rng_seed: 11,
            finish: Finish::EndOfText,
            likelihood: None,
        },
        text: text.to_owned(),
        weighted_length: text.chars().count(),
        sentiment: Sentiment {
            label: "positive".to_owned(),
            score,
            probabilities: BTreeMap::from([("negative".to_owned(), 1.0 - score), ("positive".to_owned(), score)]),
        },
        score,
        ranking: Ranking::default(),
        gates: vec![GateVerdict::pass("length"), GateVerdict::new("claims", verdict, "it names a figure")],
    }
}

/// A store on a temporary database that goes away with it.
#[derive(Debug)]
pub(crate) struct TestStore {
    pub(crate) store: Store,
    _folder: TempDir,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        let folder = scratch();
        let store = Store::open(&folder.path().join("pregonero.db")).await.unwrap();
        let store = store.with_lease("a test", at("2026-01-01T00:00:00Z")).await.unwrap();
        Self { store, _folder: folder }
    }

    /// A running round by hand.
    pub(crate) async fn round(&self, now: Timestamp) -> RoundId {
        self.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap()
    }

    pub(crate) async fn held(&self, text: &str, now: Timestamp) -> PostId {
        self.post(text, None, &live(), now).await
    }

    pub(crate) async fn approved(&self, text: &str, now: Timestamp) -> PostId {
        self.post(text, Some("gates"), &live(), now).await
    }

    pub(crate) async fn post(&self, text: &str, approved_by: Option<&str>, origin: &Origin, now: Timestamp) -> PostId {
        let round = self.round(now).await;
        self.store.record_candidates(round, &[judged(text, Verdict::Review, 0.75)], Some(0)).await.unwrap();
        let expires_at = now + SignedDuration::from_hours(48);
        let post = NewPost { round, candidate: 0, text, weighted_length: 10, approved_by, expires_at, origin };
        self.store.create_post(&post, now).await.unwrap()
    }

    pub(crate) async fn state(&self, post: PostId) -> PostState {
        self.store.post(post).await.unwrap().state
    }
}
