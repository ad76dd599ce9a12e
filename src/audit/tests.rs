//! A checkpoint's whole path, from the record to a webhook that fails and comes back, and to a file; and what a
//! verification then says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use jiff::SignedDuration;
use pregonero_audit::{Checkpoint, Signer, Verifier};
use pregonero_store::testing::{StillClock, TestStore};
use pregonero_system::clock::Clock as _;
use pregonero_system::environment::Environment;

use super::keeper::{deliver, sign, turn};
use super::*;

/// A webhook that fails a given number of times, then accepts everything.
#[derive(Default)]
struct Receiver {
    failures: Mutex<usize>,
    taken: Mutex<Vec<String>>,
}

async fn receive(State(receiver): State<Arc<Receiver>>, body: String) -> StatusCode {
    let mut failures = receiver.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    receiver.taken.lock().unwrap().push(body);
    StatusCode::NO_CONTENT
}

struct World {
    test: TestStore,
    clock: StillClock,
    receiver: Arc<Receiver>,
    plan: Plan,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let receiver = Arc::new(Receiver::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&receiver));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let settings = AuditSettings {
            origin: None,
            checkpoint_every: Duration::from_secs(6 * 3600),
            anchor_file: Some(folder.path().join("elsewhere")),
            anchor_webhook: Some(format!("http://{address}/hook").into()),
            anchor_command: Vec::new(),
        };
        let store = folder.path().join("pregonero.db");
        let plan = Plan::new(&settings, "prueba", &store, &Environment::default()).unwrap();
        let clock = StillClock::new("2026-03-01T09:00:00Z");
        Self { test: TestStore::open().await, clock, receiver, plan, folder }
    }

    async fn turn(&self) {
        turn(&self.test.store, &self.plan, &self.clock).await.unwrap();
    }

    fn taken(&self) -> usize {
        self.receiver.taken.lock().unwrap().len()
    }

    fn elsewhere(&self) -> Vec<Evidence> {
        Evidence::in_file(&self.folder.path().join("elsewhere")).unwrap()
    }
}

#[tokio::test]
async fn a_checkpoint_is_signed_when_it_is_time_and_delivered_until_it_is_taken() {
    let world = World::new().await;
    *world.receiver.failures.lock().unwrap() = 1;
    world.turn().await;
    assert_eq!((world.taken(), world.elsewhere().len()), (0, 1), "one place that fails keeps no other waiting");
    world.test.held("Una feria en la plaza.", world.clock.now()).await;
    world.clock.advance(SignedDuration::from_secs(31));
    world.turn().await;
    assert_eq!((world.taken(), world.elsewhere().len()), (1, 1), "not due yet, and not delivered twice");
    world.clock.advance(SignedDuration::from_hours(6));
    world.turn().await;
    assert_eq!((world.taken(), world.elsewhere().len()), (2, 2));
    world.clock.advance(SignedDuration::from_hours(6));
    world.turn().await;
    assert_eq!(world.taken(), 2, "the log has not grown");
    let key = world.plan.key.find().unwrap().unwrap().verifier();
    let notes = world.receiver.taken.lock().unwrap().clone();
    let sizes: Vec<u64> =
        notes.iter().map(|note| Checkpoint::open(note, std::slice::from_ref(&key)).unwrap().0.size).collect();
    assert_eq!(sizes, [2, 6]);
    let verdict = verify(&world.test.store, &world.elsewhere(), &[key]).await.unwrap();
    assert!(verdict.is_whole(), "{verdict:?}");
    assert_eq!(verdict.anchored.unwrap().records, 6);
    assert_eq!((verdict.delivered[0].channel, verdict.delivered[0].records), ("webhook", 6));
}

#[tokio::test]
async fn a_place_that_is_named_later_gets_the_latest_checkpoint() {
    let world = World::new().await;
    let nowhere = AuditSettings {
        origin: None,
        checkpoint_every: Duration::from_secs(3600),
        anchor_file: None,
        anchor_webhook: None,
        anchor_command: Vec::new(),
    };
    let store = world.folder.path().join("pregonero.db");
    let plan = Plan::new(&nowhere, "prueba", &store, &Environment::default()).unwrap();
    sign(&world.test.store, &plan, &world.clock).await.unwrap().unwrap();
    deliver(&world.test.store, &plan, &world.clock).await.unwrap();
    assert_eq!(world.taken(), 0);
    deliver(&world.test.store, &world.plan, &world.clock).await.unwrap();
    assert_eq!((world.taken(), world.elsewhere().len()), (1, 1));
}

#[tokio::test]
async fn evidence_of_another_log_or_with_another_root_is_a_fault_and_a_piece_of_one_is_a_note() {
    let world = World::new().await;
    world.turn().await;
    let signer = world.plan.key.find().unwrap().unwrap();
    let note =
        |signer: &Signer, size| Checkpoint { origin: "pregonero/prueba".to_owned(), size, root: [1; 32] }.sign(signer);
    let stranger = Signer::new("pregonero/prueba", [4; 32]).unwrap();
    let cases = [
        (note(&signer, 2), "one of the records 0 to 1 was changed"),
        (note(&signer, 99), "the log was cut off: a disk covers 99 records, and there are 2"),
        (note(&stranger, 2), "signed by no key that the log names"),
    ];
    for (note, expected) in cases {
        let evidence = [Evidence { place: "a disk".to_owned(), note }];
        let verdict = verify(&world.test.store, &evidence, &[]).await.unwrap();
        assert!(verdict.faults.len() == 1 && verdict.faults[0].contains(expected), "{expected}: {verdict:?}");
    }
    let changed = note(&signer, 2).replacen("\n2\n", "\n99\n", 1);
    let verdict =
        verify(&world.test.store, &[Evidence { place: "a disk".to_owned(), note: changed }], &[]).await.unwrap();
    assert!(
        verdict.is_whole() && verdict.anchored.is_none(),
        "a changed checkpoint says nothing of the log: {verdict:?}"
    );
    assert!(verdict.unusable[0].starts_with("a disk: the signature by pregonero/prueba+"), "{verdict:?}");
    let piece = [Evidence { place: "a disk".to_owned(), note: "pregonero/pru\n\n".to_owned() }];
    let verdict = verify(&world.test.store, &piece, &[]).await.unwrap();
    assert!(verdict.is_whole() && verdict.notes.len() == 1, "{verdict:?}");
    let other = Verifier::parse(&stranger.verifier().to_string()).unwrap();
    let verdict = verify(&world.test.store, &[], &[other]).await.unwrap();
    assert!(verdict.faults[0].starts_with("the log does not name the key pregonero/prueba+"), "{verdict:?}");
}
