//! Helpers shared by the tests of this crate and of the crates that use it: a temporary database and its contents.

#![allow(clippy::unwrap_used, reason = "tests alone call this")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use super::{Approval, Decision, NewPost, NewRound, Origin, PostId, PostState, RoundId, SlotId, Store};
pub use pregonero_system::clock::testing::{StillClock, at};
pub use pregonero_tweet::testing::judged;
use pregonero_tweet::{ModelIdentity, SeedPrompt, Verdict};

pub fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Opens a connection that bypasses the store, to break things with.
pub async fn plain_connection(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

pub fn new_round(slot: SlotId) -> NewRound {
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

/// Returns a post of the round's first candidate that waits for a person for two days.
pub fn new_post<'a>(round: RoundId, text: &'a str, origin: &'a Origin, now: Timestamp) -> NewPost<'a> {
    NewPost {
        round,
        candidate: 0,
        text,
        body: text,
        weighted_length: 10,
        approved_by: None,
        expires_at: now + SignedDuration::from_hours(48),
        origin,
        unlike: None,
    }
}

/// Returns the origin of the posts in these tests: live, for the account that the tests' X knows.
pub fn live() -> Origin {
    Origin { live: true, account: "prueba".to_owned() }
}

/// Returns the same account's dry run.
pub fn dry() -> Origin {
    Origin { live: false, ..live() }
}

/// Returns a decision of Ana's on a post, with nothing checked.
pub fn decision(post: PostId) -> Decision<'static> {
    Decision { post, reviewer: "ana", role: "editor", facts_checked: false, sources: &[], note: None, link: None }
}

/// A store on a temporary database that is deleted with it.
#[derive(Debug)]
pub struct TestStore {
    pub store: Store,
    _folder: TempDir,
}

impl TestStore {
    pub async fn open() -> Self {
        let folder = scratch();
        let store = Store::open(&folder.path().join("pregonero.db")).await.unwrap();
        let store = store.with_lease("a test", at("2026-01-01T00:00:00Z")).await.unwrap();
        Self { store, _folder: folder }
    }

    /// Begins a manual round.
    pub async fn round(&self, now: Timestamp) -> RoundId {
        self.store.begin_round(&new_round(SlotId::Manual(now)), now).await.unwrap()
    }

    pub async fn held(&self, text: &str, now: Timestamp) -> PostId {
        self.post(text, None, &live(), now).await
    }

    pub async fn approved(&self, text: &str, now: Timestamp) -> PostId {
        self.post(text, Some("gates"), &live(), now).await
    }

    pub async fn post(&self, text: &str, approved_by: Option<&str>, origin: &Origin, now: Timestamp) -> PostId {
        let round = self.round(now).await;
        self.store.record_candidates(round, &[judged(text, Verdict::Review, 0.75)], Some(0), now).await.unwrap();
        let post = NewPost { approved_by, ..new_post(round, text, origin, now) };
        self.store.create_post(&post, now).await.unwrap()
    }

    /// Approves a held post on behalf of Ana, as it is.
    pub async fn approve(&self, post: PostId, now: Timestamp) {
        let text = self.store.post(post).await.unwrap().text;
        let expires_at = now + SignedDuration::from_hours(12);
        let approval = Approval { seen: &text, text: &text, weighted_length: 10, expires_at, unlike: None };
        self.store.approve_held(&decision(post), &approval, now).await.unwrap();
    }

    pub async fn state(&self, post: PostId) -> PostState {
        self.store.post(post).await.unwrap().state
    }
}
