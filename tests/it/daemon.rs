//! The real binary as a service; and, where days must pass, the daemon in this process under the test's own clock.

use std::future::Future;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pregonero::app;
use pregonero::config::{self, LoadRequest, Loaded};
use pregonero::daemon::signals::Signals;
use pregonero::daemon::{self, Inputs, Setup};
use pregonero_models::catalog::HubSettings;
use pregonero_store::Store;
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use serde_json::json;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::watch;

use crate::support::fake_x::{Answer, FakeX};
use crate::support::process::size_mib;
use crate::support::test_bot::{Running, TestBot, wait_until};
use crate::support::tiny_model;

const READY: &str = "waiting for the next slot";

/// The words of a scheduled daemon that has a slot each second.
const EACH_SECOND: [&str; 2] = ["0 0 0 1 1 * 2099", "* * * * * *"];

#[test]
fn systemd_hears_ready_the_watchdog_and_stopping_and_the_log_is_json() {
    let bot = TestBot::new();
    let socket = UnixDatagram::bind(bot.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let heard = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let hear = |words: &str| loop {
        let message = heard();
        if message.contains(words) {
            break message;
        }
    };
    let mut command = bot.command(&["run"]);
    command.env("NOTIFY_SOCKET", bot.path("notify")).env("WATCHDOG_USEC", "200000");
    let running = bot.start_command(command);
    let ready = heard();
    assert!(ready.starts_with("READY=1\nSTATUS=dry run; next slot "), "{ready}");
    assert!(ready.contains("2099-01-01 00:00:00 UTC"), "{ready}");
    for _ in 0..3 {
        hear("WATCHDOG=1");
    }
    assert_eq!(bot.run(&["healthcheck"]).code(), Some(0));
    let status = bot.run(&["--json", "status"]).json().remove(0);
    assert_eq!((&status["healthy"], &status["daemon"]["live"]), (&json!(true), &json!(false)), "{status}");
    running.signal("TERM");
    hear("STOPPING=1");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert_eq!(ended.log()[0]["message"], "pregonero starts", "{ended:#?}");
    assert_eq!(bot.run(&["healthcheck"]).code(), Some(1));
    assert_eq!(bot.run(&["--json", "status"]).json()[0]["running"], false);
}

#[test]
fn a_second_instance_is_sent_away() {
    let bot = TestBot::new();
    let mut first = bot.start(&["run"]);
    first.wait_for(READY, 1);
    for command in ["run", "once"] {
        let second = bot.run(&[command]);
        assert_eq!(second.code(), Some(75), "{second:#?}");
        assert!(second.stderr.contains("another pregonero (process "), "{second:#?}");
    }
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(0));
}

#[test]
fn rounds_without_a_candidate_are_recorded_and_the_daemon_goes_on() {
    let bot = TestBot::new();
    bot.configure_with("target = \"any\"", "target = \"positive\"\nmin_score = 1.0");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&config.replace(EACH_SECOND[0], EACH_SECOND[1]));
    let mut running = bot.start(&["run"]);
    running.wait_for("no candidate passed", 2);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let history = bot.history();
    let failed: Vec<_> = history.iter().filter(|entry| entry["state"] == "no_candidate").collect();
    assert!(failed.len() >= 2, "{history:#?}");
    assert_ne!(failed[0]["slot"], failed[1]["slot"]);
    assert!(failed.iter().all(|entry| entry["error"].as_str().unwrap().contains("sentiment 4")), "{history:#?}");
}

#[tokio::test]
async fn a_stop_finishes_the_post_in_flight() {
    let x = FakeX::start().await;
    let taken = json!({"data": {"id": "1900000000000000001", "text": "as X keeps it"}});
    x.expect(Answer::json(201, &taken).drip(Duration::from_millis(20)));
    let bot = TestBot::at(&x, true);
    let mut running = bot.start(&["run", "--now"]);
    wait_until("the call", || x.posts_asked() > 0);
    running.signal("TERM");
    running.wait_for("finishing what is under way", 1);
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    assert_eq!(bot.newest_state(), "sent");
}

#[tokio::test]
async fn a_second_signal_quits_at_once_and_the_next_start_finds_out_that_x_never_took_the_post() {
    let x = FakeX::start().await;
    x.expect(Answer::hang());
    let bot = TestBot::at(&x, true);
    let mut running = bot.start(&["run", "--now"]);
    wait_until("the call", || x.posts_asked() > 0);
    running.signal("TERM");
    running.wait_for("finishing what is under way", 1);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    assert!(
        ended.log().pop().unwrap()["message"].as_str().unwrap().contains("stopped at once by a second signal"),
        "{ended:#?}"
    );
    assert_eq!(bot.newest_state(), "armed");

    let mut again = bot.start(&["run"]);
    again.wait_for("the timeline will show its outcome", 1);
    again.wait_for("this post is not on the timeline: it will not be sent again", 1);
    assert_eq!(bot.newest_state(), "refused");
    again.signal("TERM");
    assert_eq!(again.wait().code(), Some(0));
    assert_eq!(x.posts_asked(), 1, "it is not sent again");
}

#[tokio::test]
async fn a_refusal_for_good_silences_the_service_with_one_clear_line_until_a_person_or_new_keys() {
    let x = FakeX::start().await;
    x.expect(Answer::problem(401, "about:blank", "Unauthorized", "Unauthorized"));
    let bot = TestBot::at(&x, true);
    bot.configure_with(EACH_SECOND[0], EACH_SECOND[1]);
    let mut running = bot.start(&["run"]);
    running.wait_for("not served: stopped by X since", 2);
    let health = bot.run(&["healthcheck"]);
    assert_eq!(health.code(), Some(1), "{health:#?}");
    assert!(health.stderr.contains("stopped by X since") && health.stderr.contains("create new keys"), "{health:#?}");
    assert_eq!(x.posts_asked(), 1, "X is not asked again");
    // A restart with the same keys changes nothing.
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let errors: Vec<_> = ended.log().into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let said = errors[0]["message"].as_str().unwrap();
    assert!(said.contains("X refused with 401") && said.contains("create new keys and tokens"), "{said}");

    let mut again = bot.start(&["run"]);
    again.wait_for("not served: stopped by X since", 1);
    assert_eq!(x.posts_asked(), 1);
    assert_eq!(bot.run(&["resume", "--by", "ana"]).code(), Some(0));
    again.wait_for("posting resumes", 1);
    wait_until("a post", || !x.posted().is_empty());
    again.signal("TERM");
    assert_eq!(again.wait().code(), Some(0));
    assert!(bot.history().iter().any(|entry| entry["state"] == "missed"), "slots meanwhile are not served later");
}

#[tokio::test]
async fn new_keys_after_a_hangup_let_posts_out_again() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    let token = bot.path("token");
    std::fs::write(&token, "1700-a-token-that-was-revoked").unwrap();
    let mut command = bot.command(&["run", "--now"]);
    command.env_remove("TWITTER_ACCESS_TOKEN").env("TWITTER_ACCESS_TOKEN_FILE", &token);
    let mut running = bot.start_command(command);
    running.wait_for("X refused with 401", 1);
    running.signal("HUP");
    running.wait_for("configuration reloaded", 1);
    assert_eq!(bot.run(&["healthcheck"]).code(), Some(1), "the same token changes nothing");
    std::fs::write(&token, "1700-a-token-that-is-new").unwrap();
    running.signal("HUP");
    running.wait_for("the credentials or account.handle have changed: posting resumes", 1);
    wait_until("health", || bot.run(&["healthcheck"]).code() == Some(0));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[tokio::test]
async fn a_pause_from_another_process_holds_for_a_running_daemon() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("to decide on it", 1);
    assert_eq!(bot.run(&["pause", "--by", "ana"]).code(), Some(0));
    assert_eq!(bot.run(&["review", "approve", "1", "--by", "ana"]).code(), Some(0));
    wait_until("the pause", || bot.run(&["healthcheck"]).stdout.contains("nothing is posted for now: paused by ana"));
    assert_eq!((x.calls().len(), bot.newest_state()), (0, "approved".to_owned()));
    assert_eq!(bot.run(&["resume", "--by", "ana"]).code(), Some(0));
    wait_until("the post", || x.posted().len() == 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[tokio::test]
async fn an_approved_post_goes_out_while_the_daemon_runs() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("to decide on it", 1);
    assert_eq!(x.calls().len(), 0);
    assert_eq!(bot.run(&["review", "approve", "1", "--by", "ana"]).code(), Some(0));
    wait_until("the post", || x.posted().len() == 1);
    running.wait_for("\"posted\"", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(bot.newest_state(), "sent");
}

#[test]
fn a_reload_takes_a_sound_configuration_and_keeps_the_old_one_of_a_broken_one() {
    let bot = TestBot::new();
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    bot.configure("[generation]\ntop_k = \"many\"\n");
    running.signal("HUP");
    running.wait_for("the configuration was not reloaded; the old one stays in force", 1);
    running.wait_for("config.toml:2: generation.top_k", 1);

    bot.configure_with(EACH_SECOND[0], "0 0 0 1 1 * 2098");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&config.replace("model = \"tiny\"", "model = \"builtin\""));
    running.signal("HUP");
    running.wait_for("configuration reloaded", 1);
    running.wait_for("Wed 2098-01-01 00:00:00 UTC", 1);
    assert!(running.log_so_far().contains("\"keys\":\"generation.model, seed_prompts\""), "{}", running.log_so_far());
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn reload_waits_for_the_answer_and_says_what_changed_or_why_not() {
    let bot = TestBot::new();
    let nobody = bot.run(&["reload"]);
    assert!(
        nobody.code() == Some(1) && nobody.stderr.contains("no daemon of this configuration is running"),
        "{nobody:#?}"
    );
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    assert_eq!(bot.run(&["reload"]).stdout, "reloaded; no setting has changed\n");

    bot.configure_with("candidates = 4", "candidates = 3");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&config.replace("model = \"tiny\"", "model = \"builtin\""));
    let reloaded = bot.run(&["reload"]);
    let expected = "reloaded:\n  generation.candidates: 4 -> 3\ntakes effect only after a restart: generation.model, seed_prompts\n";
    assert_eq!((reloaded.code(), reloaded.stdout.as_str()), (Some(0), expected), "{reloaded:#?}");

    bot.configure("[generation]\ntop_k = \"many\"\n");
    let refused = bot.run(&["--json", "reload"]);
    assert!(refused.code() == Some(1) && refused.stderr.contains("config.toml:2: generation.top_k"), "{refused:#?}");
    let answer: serde_json::Value = serde_json::from_str(refused.stdout.trim()).unwrap();
    assert_eq!(answer["reloaded"], false);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn reloads_leave_the_daemon_as_large_as_it_was() {
    let bot = TestBot::new();
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    // Heap and stacks; the built-in classifier, which each reload loads, is about 13 MiB of it.
    let size = |running: &Running| size_mib(running.id(), "RssAnon");
    let reload = |running: &mut Running, reloads: std::ops::RangeInclusive<usize>| {
        for number in reloads {
            running.signal("HUP");
            running.wait_for("configuration reloaded", number);
        }
    };
    // The line comes before the old classifier is dropped, so the size is read until that has happened.
    reload(&mut running, 1..=4);
    let readings = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(50));
        size(&running)
    });
    let first = readings.take(40).fold(f64::INFINITY, f64::min);
    reload(&mut running, 5..=20);
    wait_until(&format!("a size below {first} + 6 MiB after 20 reloads"), || size(&running) < first + 6.0);
}

#[test]
fn a_kill_in_a_round_leaves_an_interrupted_one_behind() {
    let bot = TestBot::new();
    bot.configure("[generation]\ncandidates = 256\nmax_new_tokens = 120\n[schedule]\ncron = [\"0 0 12 1 1 * 2099\"]\n");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("round begins", 1);
    running.signal("KILL");
    assert_eq!(running.wait().code(), None);
    assert_eq!(bot.newest_state(), "running");
    bot.configure_with("candidates = 4", "candidates = 2");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let states: Vec<_> = bot.history().iter().map(|entry| entry["state"].clone()).collect();
    assert_eq!(states, ["dry_run", "interrupted"]);
}

#[test]
fn a_stop_gives_up_a_round_that_has_not_chosen() {
    let bot = TestBot::new();
    bot.configure("[generation]\ncandidates = 256\nmax_new_tokens = 120\n[schedule]\ncron = [\"0 0 12 1 1 * 2099\"]\n");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("round begins", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(bot.newest_state(), "interrupted");
}

/// Every message on systemd's socket, as they come.
struct Manager {
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Manager {
    fn of(bot: &TestBot) -> Self {
        let path = bot.path("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket, path }
    }

    fn command(&self, bot: &TestBot, arguments: &[&str]) -> std::process::Command {
        let mut command = bot.command(arguments);
        command.env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", "200000");
        command
    }

    /// The next message that holds `words`.
    fn hear(&self, words: &str) -> String {
        loop {
            let mut buffer = [0; 1024];
            let length = self.socket.recv(&mut buffer).unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.contains(words) {
                return message;
            }
        }
    }

    /// Whether nothing comes for two seconds, in which a loop that turns would feed the watchdog twenty times.
    fn is_silent(&self) -> bool {
        self.socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let silent = self.socket.recv(&mut [0; 1024]).is_err();
        self.socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        silent
    }
}

/// A file that is there and does not come, as on a network disk: whoever reads it hangs until somebody writes.
fn file_that_does_not_come(bot: &TestBot) -> std::path::PathBuf {
    let path = bot.path("words");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

fn with_banned_words(bot: &TestBot) {
    bot.configure_with("[gates]\n", "[gates]\nbanned_words_file = \"words\"\n");
}

#[test]
fn a_reload_whose_files_do_not_come_holds_up_neither_the_watchdog_nor_a_stop() {
    let bot = TestBot::new();
    let manager = Manager::of(&bot);
    let mut running = bot.start_command(manager.command(&bot, &["run"]));
    manager.hear("READY=1");
    let words = file_that_does_not_come(&bot);
    with_banned_words(&bot);
    running.signal("HUP");
    let reloading = manager.hear("RELOADING=1");
    let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(time.parse::<u64>().unwrap() > 0, "{reloading}");
    for _ in 0..5 {
        manager.hear("WATCHDOG=1");
    }
    std::fs::write(&words, "palabrota\n").unwrap();
    manager.hear("READY=1");
    running.wait_for("configuration reloaded", 1);
    assert!(
        running.log_so_far().contains("gates.banned_words_file: \\\"\\\" -> \\\"words\\\""),
        "{}",
        running.log_so_far()
    );

    running.signal("HUP");
    manager.hear("RELOADING=1");
    running.signal("TERM");
    manager.hear("STOPPING=1");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "the first signal is heard during a reload: {ended:#?}");
    std::fs::remove_file(words).unwrap();
}

#[test]
fn the_watchdog_goes_hungry_while_the_loop_hangs_and_is_fed_again_after() {
    let bot = TestBot::new();
    let manager = Manager::of(&bot);
    let running = bot.start_command(manager.command(&bot, &["run"]));
    manager.hear("READY=1");
    manager.hear("WATCHDOG=1");
    running.signal("STOP");
    while !manager.is_silent() {}
    running.signal("CONT");
    manager.hear("WATCHDOG=1");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_stop_while_it_loads_ends_it_in_peace() {
    let bot = TestBot::new();
    let words = file_that_does_not_come(&bot);
    with_banned_words(&bot);
    let mut running = bot.start(&["run"]);
    running.wait_for("pregonero starts", 1);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    // Whoever looks through the folder now would wait for it too.
    std::fs::remove_file(words).unwrap();
}

#[tokio::test]
async fn a_post_in_flight_is_waited_for_as_long_as_the_settings_say() {
    let x = FakeX::start().await;
    x.expect(Answer::hang());
    let bot = TestBot::at(&x, true);
    bot.configure_with("[gates]\n", "[daemon]\ndrain = \"1s\"\n[gates]\n");
    let manager = Manager::of(&bot);
    let running = bot.start_command(manager.command(&bot, &["run", "--now"]));
    wait_until("the call", || x.posts_asked() > 0);
    running.signal("TERM");
    manager.hear("STOPPING=1");
    manager.hear("WATCHDOG=1");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("did not end within 1 s (daemon.drain)"), "{ended:#?}");
    assert_eq!(bot.newest_state(), "armed");
}

#[tokio::test]
async fn work_that_never_ends_ends_the_daemon_so_that_it_is_started_again() {
    let x = FakeX::start().await;
    x.expect(Answer::hang());
    let bot = TestBot::at(&x, true);
    bot.configure_with("[gates]\n", "[daemon]\nlongest_round = \"2s\"\n[gates]\n");
    let manager = Manager::of(&bot);
    let running = bot.start_command(manager.command(&bot, &["run", "--now"]));
    wait_until("the call", || x.posts_asked() > 0);
    manager.hear("WATCHDOG=1");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(1), "{ended:#?}");
    assert!(ended.stderr.contains("hangs: it did not end within 2 s (daemon.longest_round)"), "{ended:#?}");
}

/// A clock that the test moves; who sleeps until an instant wakes when it has come.
#[derive(Clone)]
struct TestClock(watch::Sender<Timestamp>);

impl TestClock {
    fn at(instant: &str) -> Self {
        Self(watch::Sender::new(instant.parse().unwrap()))
    }

    fn set(&self, instant: &str) {
        self.0.send_replace(instant.parse().unwrap());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    fn sleep_until(&self, instant: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.0.subscribe();
        Box::pin(async move { drop(now.wait_for(|now| *now >= instant).await.map(drop)) })
    }
}

/// An hourly schedule under which the last missed slot is served.
fn hourly(folder: &Path) -> Loaded {
    scheduled(folder, "0 * * * *", "UTC")
}

fn scheduled(folder: &Path, cron: &str, zone: &str) -> Loaded {
    let config = format!(
        "[schedule]\ncron = [{cron:?}]\ntimezone = {zone:?}\njitter = \"0s\"\nmisfire = \"once\"\nquiet_hours = []\n\
         [generation]\nmodel = {model:?}\nmax_new_tokens = 16\ncandidates = 2\n[sentiment]\ntarget = \"any\"\n\
         [gates]\noff = [\"language\", \"cut_sentence\", \"repetition\", \"claims\", \"near_duplicate\"]\n\
         [store]\npath = {store:?}\n",
        model = folder.join("tiny"),
        store = folder.join("pregonero.db"),
    );
    std::fs::write(folder.join("config.toml"), config).unwrap();
    let request =
        LoadRequest { explicit_file: Some(folder.join("config.toml")), environment: Vec::new(), overrides: Vec::new() };
    config::load(request).unwrap()
}

/// A daemon in this process, and the way to stop it.
fn start_here(loaded: Loaded, clock: &TestClock) -> (Signals, tokio::task::JoinHandle<()>) {
    let signals = Signals::default();
    let setup = Setup {
        show_round: None,
        companion: None,
        inputs: Inputs {
            settings: loaded.settings.clone(),
            environment: Environment::default(),
            hub: HubSettings::from_lookup(|_| None).unwrap(),
            clock: Arc::new(clock.clone()),
            seeds: app::fresh_seeds(),
        },
        loaded: loaded.clone(),
        reread: Arc::new(move || Ok(loaded.clone())),
        now: false,
    };
    let told = signals.clone();
    (signals, tokio::spawn(async move { daemon::run(setup, told).await.unwrap() }))
}

/// The history's slots and states once it has `length` lines, the oldest first.
async fn history_of(path: &Path, length: usize) -> Vec<(String, String)> {
    for _ in 0..3000 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let Ok(store) = Store::open_read_only(path).await else { continue };
        let history = store.history(50).await.unwrap();
        store.close().await;
        let settled = history.iter().all(|entry| !["running", "approved"].contains(&entry.state.to_string().as_str()));
        if history.len() == length && settled {
            return history.into_iter().rev().map(|entry| (entry.slot, entry.state.to_string())).collect();
        }
    }
    panic!("the history never had {length} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_served_on_time_and_after_a_downtime_the_last_missed_one_once() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("tiny"));
    let settings = hourly(folder.path());
    let store = settings.settings.store.path.clone();
    let clock = TestClock::at("2026-03-01T10:30:00Z");
    let line = |slot: &str, state: &str| (slot.to_owned(), state.to_owned());

    let (signals, running) = start_here(settings.clone(), &clock);
    // The daemon begins where its clock stands, so the clock moves only when it has begun.
    while !folder.path().join("pregonero.db.status.json").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    clock.set("2026-03-01T11:00:00Z");
    assert_eq!(history_of(&store, 1).await, [line("2026-03-01T11:00:00Z", "dry_run")]);
    clock.set("2026-03-01T12:00:00Z");
    assert_eq!(history_of(&store, 2).await[1], line("2026-03-01T12:00:00Z", "dry_run"));
    signals.stop.cancel();
    running.await.unwrap();

    clock.set("2026-03-01T15:40:00Z");
    let (signals, running) = start_here(settings, &clock);
    let after = [("13", "missed"), ("14", "missed"), ("15", "dry_run")]
        .map(|(hour, state)| line(&format!("2026-03-01T{hour}:00:00Z"), state));
    assert_eq!(history_of(&store, 5).await[2..], after);
    signals.stop.cancel();
    running.await.unwrap();
}

/// Until the daemon has begun, or has seen the clock, and says what is next.
async fn next_slot_is(store: &Path, now: &str, next: &str) {
    let (now, next): (Timestamp, Timestamp) = (now.parse().unwrap(), next.parse().unwrap());
    for _ in 0..3000 {
        let status = daemon::status::read(store).unwrap();
        if status.is_some_and(|status| status.updated_at == now && status.next_slot == Some(next)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("at {now} the next slot never was {next}: {:?}", daemon::status::read(store));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_suspended_machine_nor_a_clock_set_back_makes_a_burst_or_a_slot_twice() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model::write(&folder.path().join("tiny"));
    let settings = hourly(folder.path());
    let store = settings.settings.store.path.clone();
    let clock = TestClock::at("2026-03-01T10:30:00Z");
    let (signals, running) = start_here(settings, &clock);
    let slot = |hour: u32| format!("2026-03-01T{hour}:00:00Z");
    next_slot_is(&store, "2026-03-01T10:30:00Z", &slot(11)).await;
    clock.set(&slot(11));
    history_of(&store, 1).await;

    // Asleep over five slots: the last is served once, the others are on record as missed.
    clock.set("2026-03-01T16:20:00Z");
    let history = history_of(&store, 6).await;
    let states: Vec<&str> = history.iter().map(|(_, state)| state.as_str()).collect();
    assert_eq!(states, ["dry_run", "missed", "missed", "missed", "missed", "dry_run"]);

    // Set back by four hours: what was served and missed stays so, and the next new slot is the first that is served.
    clock.set("2026-03-01T12:10:00Z");
    next_slot_is(&store, "2026-03-01T12:10:00Z", &slot(17)).await;
    for hour in [13, 16] {
        clock.set(&slot(hour));
        next_slot_is(&store, &slot(hour), &slot(17)).await;
    }
    clock.set(&slot(17));
    assert_eq!(history_of(&store, 7).await[6], (slot(17), "dry_run".to_owned()));
    signals.stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_serves_each_slot_once_where_the_clocks_change() {
    // Madrid has no 02:30 on 2026-03-29 (it is served at 03:00), Santiago has 23:30 twice on 2026-04-04 (the first counts).
    let cases = [
        ("30 2 * * *", "Europe/Madrid", "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"),
        ("30 23 * * *", "America/Santiago", "2026-04-05T02:10:00Z", "2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"),
    ];
    for (cron, zone, begin, first, second) in cases {
        let folder = tempfile::tempdir().unwrap();
        tiny_model::write(&folder.path().join("tiny"));
        let settings = scheduled(folder.path(), cron, zone);
        let store = settings.settings.store.path.clone();
        let clock = TestClock::at(begin);
        let (signals, running) = start_here(settings, &clock);
        next_slot_is(&store, begin, first).await;
        clock.set(first);
        assert_eq!(history_of(&store, 1).await, [(first.to_owned(), "dry_run".to_owned())]);
        // An hour on, where Santiago's clocks show the same time again.
        let again = first.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_hours(1);
        clock.set(&again.to_string());
        next_slot_is(&store, &again.to_string(), second).await;
        clock.set(second);
        assert_eq!(history_of(&store, 2).await[1], (second.to_owned(), "dry_run".to_owned()));
        signals.stop.cancel();
        running.await.unwrap();
    }
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_daemon() {
    for gone in [false, true] {
        let bot = TestBot::new();
        bot.configure_with(EACH_SECOND[0], EACH_SECOND[1]);
        let mut command = bot.command(&["run"]);
        if gone {
            command.stderr(Stdio::piped());
        } else {
            command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        drop(child.stderr.take());
        wait_until("three rounds", || {
            assert!(child.try_wait().unwrap().is_none(), "the daemon ended (a reader that has gone: {gone})");
            let listed = bot.run(&["--json", "history", "list"]);
            listed.code() == Some(0) && listed.stdout.lines().count() > 2
        });
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "a reader that has gone: {gone}");
    }
}

#[tokio::test]
async fn every_due_slot_is_on_record_also_while_the_database_is_locked() {
    let bot = TestBot::new();
    bot.configure_with(EACH_SECOND[0], "*/10 * * * * *");
    let mut running = bot.start(&["run"]);
    running.wait_for("round begins", 1);
    running.wait_for(READY, 2);
    let options = SqliteConnectOptions::new().filename(bot.path("data/pregonero.db"));
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    running.wait_for("a round could not be recorded", 1);
    lock.rollback().await.unwrap();
    running.wait_for("round begins", 2);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let history = bot.history();
    let slots: Vec<Timestamp> =
        history.iter().rev().map(|entry| entry["slot"].as_str().unwrap().parse().unwrap()).collect();
    let mut sorted = slots.clone();
    sorted.sort_unstable();
    let gaps: Vec<i64> = sorted.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
    assert!(gaps.iter().all(|gap| *gap == 10), "{gaps:?} {history:#?}");
    let words = "the record could not be written at the time";
    assert!(
        history.iter().any(|entry| entry["error"].as_str().is_some_and(|error| error.contains(words))),
        "{history:#?}"
    );
    assert!(history.iter().all(|entry| entry["state"] != "running"), "{history:#?}");
}
