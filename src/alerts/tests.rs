//! The whole path of an alert, from the record to a webhook that fails, hangs and comes back, and to a command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

use super::*;
use crate::alerts::AlertSettings;
use crate::config::{self};
use pregonero_store::testing::{StillClock, TestStore, at, dry};
use pregonero_store::{AlertKind, Halt, HaltCause, PostId, SlotId, SpentSince};
use pregonero_system::environment::Environment;

/// A webhook that follows its script, then accepts everything.
#[derive(Default)]
struct Receiver {
    script: Mutex<Vec<Mood>>,
    taken: Mutex<Vec<Value>>,
}

#[derive(Clone, Copy)]
enum Mood {
    Fails,
    Hangs,
}

async fn receive(State(receiver): State<Arc<Receiver>>, body: String) -> StatusCode {
    let mood = receiver.script.lock().unwrap().pop();
    match mood {
        Some(Mood::Fails) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Mood::Hangs) => std::future::pending().await,
        None => {
            receiver.taken.lock().unwrap().push(serde_json::from_str(&body).unwrap());
            StatusCode::NO_CONTENT
        }
    }
}

struct World {
    test: TestStore,
    clock: StillClock,
    receiver: Arc<Receiver>,
    settings: AlertSettings,
    page: Option<Url>,
}

impl World {
    async fn new() -> Self {
        let receiver = Arc::new(Receiver::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/hook/{secret}", post(receive)).with_state(Arc::clone(&receiver));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let settings = AlertSettings {
            webhook: Some(format!("http://{address}/hook/invented-secret").into()),
            format: WebhookFormat::Auto,
            command: Vec::new(),
            stale_after_slots: 3,
            unsettled_after: Duration::from_secs(3600),
            waiting: true,
        };
        let clock = StillClock::new("2026-03-01T09:00:00Z");
        Self { test: TestStore::open().await, clock, receiver, settings, page: None }
    }

    /// A new alerts task, as after a restart.
    fn alerts(&self) -> Alerts {
        let channels = Channels::open(&self.settings, &Environment::default()).unwrap();
        let plan = Plan { watched: watched(), channels: Arc::new(channels), page: self.page.clone() };
        Alerts::new(self.test.store.clone(), watch::Sender::new(plan).subscribe(), Arc::new(self.clock.clone()))
    }

    async fn miss(&self, due: &str) {
        let due = at(due);
        self.clock.set(due);
        self.test.store.record_missed(&SlotId::Scheduled(due), "missed: a test", due).await.unwrap();
    }

    fn told(&self) -> Vec<(String, String)> {
        let taken = self.receiver.taken.lock().unwrap();
        let word = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
        taken.iter().map(|body| (word(body, "event"), word(body, "status"))).collect()
    }

    async fn post_dry(&self, text: &str) -> PostId {
        let now = self.clock.now();
        let post = self.test.post(text, Some("gates"), &dry(), now).await;
        self.test.store.record_dry_run(post, &dry(), now).await.unwrap();
        post
    }
}

/// A live bot under the default settings.
fn watched() -> Watched {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[publish]\nlive = true\n[budget]\nposts_per_month = 2\n").unwrap();
    let request = config::LoadRequest { explicit_file: Some(file), environment: Vec::new(), overrides: Vec::new() };
    Watched::from(&config::load(request).unwrap().settings)
}

fn line(event: &str, status: &str) -> (String, String) {
    (event.to_owned(), status.to_owned())
}

#[tokio::test]
async fn staleness_is_told_once_at_the_nth_slot_and_again_when_a_post_ends_it() {
    let world = World::new().await;
    let alerts = world.alerts();
    for due in ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"] {
        world.miss(due).await;
        alerts.turn().await.unwrap();
    }
    assert_eq!(world.told(), []);
    for due in ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"] {
        world.miss(due).await;
        alerts.turn().await.unwrap();
    }
    assert_eq!(world.told(), [line("stale", "raised")]);
    world.clock.advance(SignedDuration::from_mins(1));
    world.post_dry("El mercado abre temprano.").await;
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), [line("stale", "raised"), line("stale", "resolved")]);

    let first = world.receiver.taken.lock().unwrap()[0].clone();
    let text = "pregonero @uisbot ALERT: no post for 3 slots (there never was one); the last slot: missed: a test";
    assert_eq!(first["text"], text);
    assert_eq!(first["content"], text);
    assert_eq!((&first["account"], &first["resolved_at"]), (&"uisbot".into(), &Value::Null));
    let second = world.receiver.taken.lock().unwrap()[1].clone();
    assert_eq!((&second["alert"], &second["resolved_at"]), (&first["alert"], &"2026-03-01T13:01:00Z".into()));
}

#[tokio::test]
async fn a_stop_by_x_an_unsettled_post_and_a_used_up_month_are_told_with_their_end_and_a_pause_is_not() {
    let world = World::new().await;
    let (alerts, store) = (world.alerts(), &world.test.store);
    let start = world.clock.now();
    store.pause("ana", "holiday", start).await.unwrap();
    for due in ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"] {
        world.miss(due).await;
    }
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), []);
    store.resume("ana", world.clock.now()).await.unwrap();
    world.post_dry("El mercado abre temprano.").await;

    let halt = Halt {
        cause: HaltCause::Refused,
        kind: Some("suspended".to_owned()),
        reason: "the account is suspended".to_owned(),
        set_by: "X".to_owned(),
        since: world.clock.now(),
        credentials: None,
    };
    store.record_refusal(&halt).await.unwrap();
    alerts.turn().await.unwrap();
    alerts.turn().await.unwrap();
    store.resume("ana", world.clock.now()).await.unwrap();
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), [line("stopped", "raised"), line("stopped", "resolved")]);

    let since = SpentSince { day: start, month: start };
    for text in ["uno", "dos"] {
        let post = world.test.approved(text, world.clock.now()).await;
        store.arm(post, None, since, world.clock.now(), |_, _| Ok(15_000)).await.unwrap();
        store.recover_armed(world.clock.now(), world.clock.now()).await.unwrap();
    }
    alerts.turn().await.unwrap();
    assert_eq!(world.told()[2..], [line("monthly_cap", "raised")]);
    world.clock.advance(SignedDuration::from_mins(60));
    alerts.turn().await.unwrap();
    assert_eq!(world.told()[3..], [line("unsettled", "raised"), line("unsettled", "raised")]);
    world.clock.set(at("2026-04-02T00:00:00Z"));
    alerts.turn().await.unwrap();
    assert_eq!(world.told()[5..], [line("monthly_cap", "resolved")]);
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_later_and_later_also_after_a_restart() {
    let world = World::new().await;
    *world.receiver.script.lock().unwrap() = vec![Mood::Fails, Mood::Fails];
    for due in ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z"] {
        world.miss(due).await;
    }
    let alerts = world.alerts();
    alerts.turn().await.unwrap();
    alerts.turn().await.unwrap();
    let left = || world.receiver.script.lock().unwrap().len();
    assert_eq!(left(), 1, "the second try waits");
    world.clock.advance(SignedDuration::from_secs(30));
    let alerts = world.alerts();
    alerts.turn().await.unwrap();
    assert_eq!((left(), world.told()), (0, vec![]));
    world.clock.advance(SignedDuration::from_secs(59));
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), [], "the wait has doubled");
    world.clock.advance(SignedDuration::from_secs(1));
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), [line("stale", "raised")]);
    assert_eq!(world.test.store.undelivered_notices().await.unwrap(), (0, None));
}

#[tokio::test]
async fn a_webhook_that_hangs_is_given_up_and_its_address_is_shown_nowhere() {
    let world = World::new().await;
    *world.receiver.script.lock().unwrap() = vec![Mood::Hangs];
    let channels = Channels::open(&world.settings, &Environment::default()).unwrap().within(Duration::from_millis(300));
    let payload = test_payload("uisbot", world.clock.now());
    let error = channels.deliver(AlertChannel::Webhook, &payload).await.unwrap_err();
    assert_eq!(error, "the webhook did not answer in time");
    assert_eq!(format!("{channels:?}"), "[\"webhook\"]");
    let gone = AlertSettings { webhook: Some("http://127.0.0.1:9/hook/invented-secret".into()), ..world.settings };
    let error = Channels::open(&gone, &Environment::default()).unwrap().deliver(AlertChannel::Webhook, &payload).await;
    let error = error.unwrap_err();
    assert!(error.starts_with("the webhook could not be reached") && !error.contains("invented"), "{error}");
}

fn script(folder: &Path, text: &str) -> Vec<String> {
    let path = folder.join("tell");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    vec!["sh".to_owned(), path.display().to_string()]
}

#[tokio::test]
async fn the_command_is_given_the_json_and_none_of_our_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let text = format!("{{ cat; echo; env; }} > {}", out.display());
    let settings = AlertSettings {
        webhook: None,
        format: WebhookFormat::Auto,
        command: script(folder.path(), &text),
        stale_after_slots: 3,
        unsettled_after: Duration::from_secs(3600),
        waiting: true,
    };
    let environment = Environment::from_iter([("PATH", "/usr/bin:/bin"), ("TWITTER_ACCESS_TOKEN", "invented-token")]);
    let channels = Channels::open(&settings, &environment).unwrap();
    assert_eq!(channels.names(), [AlertChannel::Command]);
    let payload = test_payload("uisbot", at("2026-03-01T09:00:00Z"));
    channels.deliver(AlertChannel::Command, &payload).await.unwrap();
    let said = std::fs::read_to_string(out).unwrap();
    let json: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!((&json["event"], &json["account"]), (&"test".into(), &"uisbot".into()));
    assert!(said.contains("PREGONERO_ALERT_EVENT=test") && !said.contains("invented"), "{said}");
}

#[tokio::test]
async fn a_command_that_fails_is_named_and_one_that_does_not_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let payload = test_payload("uisbot", at("2026-03-01T09:00:00Z"));
    for (text, expected) in [("exit 3", "sh failed: exit status: 3"), ("exec sleep 600", "sh was killed")] {
        let settings = AlertSettings {
            webhook: None,
            format: WebhookFormat::Auto,
            command: script(folder.path(), text),
            stale_after_slots: 3,
            unsettled_after: Duration::from_secs(3600),
            waiting: true,
        };
        let environment = Environment::from_iter([("PATH", "/usr/bin:/bin")]);
        let channels = Channels::open(&settings, &environment).unwrap().within(Duration::from_millis(300));
        let error = channels.deliver(AlertChannel::Command, &payload).await.unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn the_environment_s_webhook_comes_before_the_file_s() {
    let world = World::new().await;
    let environment = Environment::from_iter([("ALERTS_WEBHOOK", "ftp://example.com/invented-secret")]);
    let error = Channels::open(&world.settings, &environment).unwrap_err().to_string();
    assert!(error.contains("expected an address that begins with https://") && !error.contains("invented"), "{error}");
}

#[test]
fn the_waits_double_up_to_an_hour() {
    let minutes = |earlier| wait_after(earlier).as_secs();
    assert_eq!([0, 1, 2, 6, 7, 40].map(minutes), [30, 60, 120, 1920, 3600, 3600]);
    assert_eq!(AlertKind::from_word("stale"), Some(AlertKind::Stale));
}

#[tokio::test]
async fn a_waiting_post_is_announced_once_and_again_with_what_came_of_it() {
    let world = World::new().await;
    let now = world.clock.now();
    let first = world.test.held("Llegan 300 libros.", now).await;
    let alerts = world.alerts();
    alerts.turn().await.unwrap();
    alerts.turn().await.unwrap();
    assert_eq!(world.told(), [line("waiting", "raised")]);
    let body = world.receiver.taken.lock().unwrap()[0].clone();
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("“Llegan 300 libros.” (claims: it names a figure)"), "{text}");
    assert_eq!(body["links"], Value::Null, "there is no page");
    world.test.approve(first, now).await;
    let second = world.test.held("Otra cosa.", now).await;
    alerts.turn().await.unwrap();
    assert_eq!(world.told()[1..], [line("waiting", "raised"), line("waiting", "resolved")]);
    let body = world.receiver.taken.lock().unwrap()[2].clone();
    assert_eq!(body["text"], "pregonero @uisbot over: post 1 is approved by ana: “Llegan 300 libros.”");
    world.clock.set(at("2026-03-03T09:00:00Z"));
    world.test.store.expire_posts(world.clock.now()).await.unwrap();
    alerts.turn().await.unwrap();
    assert_eq!(world.told().last().unwrap(), &line("waiting", "resolved"), "post {second} expired");
}

#[tokio::test]
async fn with_a_page_a_waiting_post_comes_with_links_that_the_log_and_the_record_do_not_hold() {
    let mut world = World::new().await;
    world.page = Some("https://bot.example".parse().unwrap());
    let now = world.clock.now();
    let post = world.test.held("Llegan 300 libros.", now).await;
    let store = &world.test.store;
    *world.receiver.script.lock().unwrap() = vec![Mood::Fails];
    let alerts = world.alerts();
    alerts.turn().await.unwrap();
    assert_eq!(
        store.add_user("ana", pregonero_store::Role::Admin, "$argon2id$invented", "root", now).await.ok(),
        Some(())
    );
    world.clock.advance(SignedDuration::from_secs(30));
    alerts.turn().await.unwrap();
    let body = world.receiver.taken.lock().unwrap()[0].clone();
    let links = &body["links"];
    assert_eq!(links["post"], format!("https://bot.example/queue/{post}"));
    for (act, word) in [(ReviewAct::Approve, "approve"), (ReviewAct::Reject, "reject")] {
        let token = links[word].as_str().unwrap().strip_prefix("https://bot.example/d/").unwrap();
        let link = store.look_at_decision_link(token, world.clock.now()).await.unwrap().unwrap();
        assert_eq!((link.post, link.act, link.standing.objection()), (post, act, None));
        let secret = token.split_once('.').unwrap().1;
        let alert = store.open_alerts().await.unwrap().remove(0);
        assert!(!alert.message.contains(secret));
    }
}

#[tokio::test]
async fn a_notice_that_is_tried_again_makes_no_new_links() {
    let mut world = World::new().await;
    world.page = Some("https://bot.example".parse().unwrap());
    let now = world.clock.now();
    let store = &world.test.store;
    store.add_user("ana", pregonero_store::Role::Admin, "$argon2id$invented", "root", now).await.unwrap();
    let post = world.test.held("Llegan 300 libros.", now).await;
    *world.receiver.script.lock().unwrap() = vec![Mood::Fails, Mood::Fails];
    let alerts = world.alerts();
    for _ in 0..3 {
        alerts.turn().await.unwrap();
        world.clock.advance(SignedDuration::from_mins(5));
    }
    let made = store.records_of(post).await.unwrap();
    let made = made.iter().filter(|record| record.kind == pregonero_store::RecordKind::DecisionLink).count();
    assert_eq!((made, world.told().len()), (2, 1));
}
