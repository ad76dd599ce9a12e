//! What `doctor`, `healthcheck` and `alerts` say of a bot that could post right now, and of one that could not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use pregonero_store::Store;
use pregonero_system::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::support::fake_x::{Answer, FakeX, USER};
use crate::support::test_bot::{Ended, TestBot, wait_until};

const READY: &str = "waiting for the next slot";

/// A live bot whose handle is the account's.
fn live(x: &FakeX) -> TestBot {
    let bot = TestBot::at(x, true);
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&format!("{config}[account]\nhandle = {:?}\noperator = \"ana\"\n", USER.1));
    bot
}

/// Status and code of every check, by its name.
fn findings(ended: &Ended) -> BTreeMap<String, (String, String)> {
    let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (word(&line, "check"), (word(&line, "status"), word(&line, "code")))).collect()
}

fn found(status: &str, code: &str) -> (String, String) {
    (status.to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_bot_that_could_post_passes_and_its_duties_are_a_checklist() {
    let x = FakeX::start().await;
    let bot = live(&x);
    assert_eq!(bot.run(&["--json", "doctor"]).code(), Some(0), "before the first start there is no database yet");
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    let ended = bot.run(&["--json", "doctor"]);
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let checks = findings(&ended);
    for check in [
        "config",
        "credentials",
        "account",
        "permission",
        "generator",
        "classifier",
        "critic",
        "database",
        "disk",
        "daemon",
        "time_zones",
        "posting",
        "budget",
        "schedule",
        "disclosure",
        "ai_act",
    ] {
        assert_eq!(checks[check], found("ok", "ok"), "{check}: {ended:#?}");
    }
    for duty in ["label", "profile"] {
        assert_eq!(checks[duty], found("warn", "check_by_hand"), "{ended:#?}");
    }
    assert!(ended.stdout.contains("version 20"), "the time-zone data tell their version: {}", ended.stdout);
    let told = bot.run(&["doctor"]).stdout;
    assert!(told.contains("ok    account        X knows us as @pregonero_test"), "{told}");
    let healthy = bot.run(&["--json", "healthcheck"]).json().remove(0);
    assert_eq!((&healthy["healthy"], &healthy["code"]), (&json!(true), &json!("ok")));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(x.posted(), [""; 0], "the doctor posts nothing");
}

#[tokio::test]
async fn what_x_says_of_the_credentials_decides_the_finding_and_the_exit_code() {
    let me = |name: &str| json!({"data": {"id": "1700", "name": "x", "username": name}});
    let depleted = json!({"detail": "credits depleted", "status": 402, "title": "Payment Required",
        "type": "https://api.x.com/2/problems/credits-depleted"});
    let cases = [
        (Answer::json(200, &me(USER.1)).header("x-access-level", "read"), 69, "permission", found("fail", "read_only")),
        (Answer::json(200, &me(USER.1)), 0, "permission", found("warn", "unknown")),
        (Answer::json(200, &me(USER.1)).header("x-access-level", " "), 0, "permission", found("warn", "unknown")),
        (Answer::json(200, &me("otra")), 78, "account", found("fail", "other_account")),
        (Answer::problem(401, "about:blank", "Unauthorized", "no"), 69, "account", found("fail", "unauthorized")),
        (Answer::json(402, &depleted), 69, "account", found("fail", "no_credits")),
        (Answer::problem(429, "about:blank", "Too Many", "slow"), 0, "account", found("warn", "rate_limited")),
        (Answer::status(503), 1, "account", found("fail", "no_answer")),
    ];
    for (answer, code, check, expected) in cases {
        let x = FakeX::start().await;
        x.expect(answer.for_me());
        let ended = live(&x).run(&["--json", "doctor"]);
        assert_eq!(ended.code(), Some(code), "{expected:?} {ended:#?}");
        assert_eq!(findings(&ended)[check], expected, "{ended:#?}");
    }
}

#[tokio::test]
async fn doctor_asks_again_with_x_s_time_as_the_daemon_does() {
    let x = FakeX::start().await;
    // X refuses what is signed more than five minutes off its own time.
    x.set_clock(SystemClock.now() - jiff::SignedDuration::from_mins(10));
    let ended = live(&x).run(&["--json", "doctor"]);
    let checks = findings(&ended);
    assert_eq!((&checks["account"], &checks["clock"]), (&found("ok", "ok"), &found("warn", "skewed")), "{ended:#?}");
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
}

#[tokio::test]
async fn offline_asks_nobody_and_what_is_missing_or_broken_is_named() {
    let x = FakeX::start().await;
    let bot = live(&x);
    let ended = bot.run(&["--json", "doctor", "--offline"]);
    assert_eq!((ended.code(), x.calls().len()), (Some(0), 0), "{ended:#?}");
    assert_eq!(findings(&ended)["account"], found("warn", "not_asked"));

    let mut command = bot.command(&["--json", "doctor", "--offline"]);
    for name in
        ["TWITTER_CONSUMER_KEY", "TWITTER_CONSUMER_SECRET", "TWITTER_ACCESS_TOKEN", "TWITTER_ACCESS_TOKEN_SECRET"]
    {
        command.env_remove(name);
    }
    let ended = bot.start_command(command).wait();
    assert_eq!(ended.code(), Some(78), "{ended:#?}");
    assert_eq!(findings(&ended)["credentials"], found("fail", "missing"));
    assert!(ended.stderr.contains("the next post would not go out: credentials"), "{ended:#?}");

    let mut command = bot.command(&["--json", "doctor", "--offline"]);
    command.env("PREGONERO__GENERATION__MODEL", "nowhere");
    let ended = bot.start_command(command).wait();
    assert_eq!((ended.code(), &findings(&ended)["generator"]), (Some(78), &found("fail", "not_loaded")), "{ended:#?}");

    std::fs::create_dir_all(bot.path("data")).unwrap();
    std::fs::write(bot.path("data/pregonero.db"), "no database, just words ".repeat(400)).unwrap();
    let ended = bot.run(&["--json", "doctor", "--offline"]);
    assert_eq!((ended.code(), &findings(&ended)["database"]), (Some(1), &found("fail", "corrupt")), "{ended:#?}");
}

#[tokio::test]
async fn the_healthcheck_says_by_a_word_why_nothing_would_go_out() {
    let bot = TestBot::new();
    let code = |expected: i32| {
        let ended = bot.run(&["--json", "healthcheck"]);
        assert_eq!(ended.code(), Some(expected), "{ended:#?}");
        serde_json::from_str::<Value>(ended.stdout.trim()).unwrap()["code"].clone()
    };
    assert_eq!(code(1), "not_running");
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    let store = Store::open(&bot.path("data/pregonero.db")).await.unwrap();
    store.pause("ana", "holiday", SystemClock.now()).await.unwrap();
    assert_eq!(code(0), "paused", "what a person wanted is no reason to restart a container");
    let ended = bot.run(&["--json", "doctor", "--offline"]);
    assert_eq!((ended.code(), &findings(&ended)["posting"]), (Some(1), &found("fail", "paused")), "{ended:#?}");
    store.resume("ana", SystemClock.now()).await.unwrap();
    store.close().await;
    wait_until("health", || bot.run(&["healthcheck"]).code() == Some(0));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[derive(Default)]
struct Receiver {
    failing: Mutex<bool>,
    taken: Mutex<Vec<Value>>,
}

async fn receive(State(receiver): State<Arc<Receiver>>, body: String) -> StatusCode {
    if *receiver.failing.lock().unwrap() {
        return StatusCode::BAD_GATEWAY;
    }
    receiver.taken.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    StatusCode::OK
}

/// A webhook on a thread of its own, because the tests block.
fn webhook() -> (Arc<Receiver>, String) {
    let receiver = Arc::new(Receiver::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/{secret}", post(receive)).with_state(Arc::clone(&receiver));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
        });
    });
    (receiver, format!("http://{address}/invented-webhook-secret"))
}

#[tokio::test]
async fn a_stop_by_x_is_told_though_the_webhook_fails_first_and_the_daemon_starts_anew() {
    let x = FakeX::start().await;
    x.expect(Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized"));
    let bot = live(&x);
    let (receiver, url) = webhook();
    *receiver.failing.lock().unwrap() = true;
    let start = |arguments: &[&str]| {
        let mut command = bot.command(arguments);
        command.env("ALERTS_WEBHOOK", &url);
        bot.start_command(command)
    };
    let tested = start(&["alerts", "test"]).wait();
    assert!(tested.code() == Some(1) && tested.stdout.contains("not accepted"), "{tested:#?}");

    let mut running = start(&["run", "--now"]);
    running.wait_for("an alert could not be delivered", 1);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert!(ended.stderr.contains("ALERT: stopped by X"), "{ended:#?}");
    let open = bot.run(&["--json", "alerts", "list"]).json();
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("stopped")));

    *receiver.failing.lock().unwrap() = false;
    let tested = start(&["alerts", "test"]).wait();
    assert_eq!(tested.code(), Some(0), "{tested:#?}");
    let mut running = start(&["run"]);
    // The second try is due half a minute after the first.
    wait_until("the alert", || receiver.taken.lock().unwrap().len() == 2);
    running.wait_for(READY, 1);
    running.signal("TERM");
    let ended = running.wait();
    assert!(!ended.stderr.contains("invented-webhook-secret") && ended.code() == Some(0), "{ended:#?}");
    let taken = receiver.taken.lock().unwrap().clone();
    assert_eq!((&taken[0]["event"], &taken[1]["event"]), (&json!("test"), &json!("stopped")));
    assert_eq!(taken[1]["account"], USER.1);
    let shown = start(&["--json", "config", "show"]).wait().stdout;
    assert!(!shown.contains("invented-webhook-secret"), "{shown}");
}

#[test]
fn keys_that_are_not_all_there_stop_no_dry_run() {
    let bot = TestBot::new();
    let mut command = bot.command(&["--json", "doctor", "--offline"]);
    command.env_remove("TWITTER_ACCESS_TOKEN");
    let ended = bot.start_command(command).wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert_eq!(findings(&ended)["credentials"], found("warn", "unusable"));
    let mut command = bot.command(&["--json", "doctor", "--offline"]);
    command.env_remove("TWITTER_ACCESS_TOKEN").env("PREGONERO__PUBLISH__LIVE", "true");
    let ended = bot.start_command(command).wait();
    assert_eq!((ended.code(), findings(&ended)["credentials"].clone()), (Some(78), found("fail", "unusable")));
}
