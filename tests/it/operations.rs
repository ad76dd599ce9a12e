//! Commands of operation beside a daemon: they act on the record that it works on, also with a broken configuration, they make
//! no database, and they all tell the same of its state.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake_x::{Answer, FakeX};
use crate::support::test_bot::{Ended, TestBot, wait_until};

const READY: &str = "waiting for the next slot";

/// A command of this bot's configuration, started in another folder.
fn from_elsewhere(bot: &TestBot, folder: &Path, arguments: &[&str]) -> Ended {
    let config = bot.path("config.toml");
    let mut command = bot.command(&[&["--config", config.to_str().unwrap()], arguments].concat());
    command.current_dir(folder);
    bot.start_command(command).wait()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

fn status(bot: &TestBot) -> Value {
    bot.run(&["--json", "status"]).json().remove(0)
}

#[test]
fn commands_from_another_folder_find_the_daemon_s_record_and_make_none() {
    let (bot, elsewhere) = (TestBot::new(), tempfile::tempdir().unwrap());
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    let run = |arguments: &[&str]| from_elsewhere(&bot, elsewhere.path(), arguments);
    let paused = run(&["pause", "--by", "ana", "--reason", "elections"]);
    assert_eq!(paused.code(), Some(0), "{paused:#?}");
    wait_until("the pause", || status(&bot)["daemon"]["code"] == "paused");
    for arguments in [&["history", "list"][..], &["review", "list"], &["alerts", "list"], &["db", "check"]] {
        assert_eq!(run(arguments).code(), Some(0), "{arguments:?}");
    }
    assert_eq!(run(&["resume", "--by", "ana"]).code(), Some(0));
    assert!(is_empty(elsewhere.path()));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

/// As `sudo pregonero pause` beside a service whose unit names the record in its own environment.
#[test]
fn a_daemon_that_works_elsewhere_is_followed_and_one_that_was_not_meant_is_not() {
    let (bot, state) = (TestBot::new(), tempfile::tempdir().unwrap());
    let record = state.path().join("pregonero.db");
    let mut service = bot.command(&["run"]);
    service.env("PREGONERO__STORE__PATH", &record);
    let mut running = bot.start_command(service);
    running.wait_for(READY, 1);

    let paused = bot.run(&["pause", "--by", "ana"]);
    assert_eq!(paused.code(), Some(0), "{paused:#?}");
    assert!(paused.stderr.contains(&format!("works on {}", record.display())), "{paused:#?}");
    wait_until("the pause", || status(&bot)["code"] == "paused");
    assert_eq!(status(&bot)["store"], json!(record));
    assert_eq!(bot.run(&["healthcheck"]).code(), Some(0));
    for command in ["once", "run"] {
        let refused = bot.run(&[command]);
        assert!(refused.code() == Some(1) && refused.stderr.contains("a second record would not know"), "{refused:#?}");
    }
    assert!(!bot.path("data").exists(), "no second record");

    let mut other = bot.command(&["resume", "--by", "ana"]);
    other.env("PREGONERO__STORE__PATH", bot.path("other.db"));
    let refused = bot.start_command(other).wait();
    assert!(refused.code() == Some(1) && refused.stderr.contains("nothing was done"), "{refused:#?}");
    assert!(!bot.path("other.db").exists());
    let kept = bot.run(&["--json", "db", "backup"]).json().remove(0);
    assert!(kept["file"].as_str().unwrap().starts_with(state.path().to_str().unwrap()), "{kept}");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let nobody = bot.run(&["pause", "--by", "ana"]);
    assert!(nobody.code() == Some(1) && nobody.stderr.contains("no database yet"), "{nobody:#?}");
    assert!(!bot.path("data").exists());
}

#[test]
fn without_a_record_nothing_is_made_and_nothing_is_reported_as_done() {
    let bot = TestBot::new();
    for arguments in [
        &["pause", "--by", "ana"][..],
        &["resume", "--by", "ana"],
        &["alerts", "list"],
        &["db", "check"],
        &["db", "backup"],
        &["history", "list"],
        &["review", "approve", "1", "--by", "ana"],
        &["review", "reject", "1", "--by", "ana"],
    ] {
        let ended = bot.run(arguments);
        assert!(ended.code() == Some(1) && ended.stderr.contains("no database yet"), "{arguments:?} {ended:#?}");
    }
    assert!(!bot.path("data").exists());
}

#[test]
fn a_record_where_earlier_versions_kept_it_is_not_left_behind_for_an_empty_one() {
    let (bot, elsewhere) = (TestBot::new(), tempfile::tempdir().unwrap());
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    std::fs::rename(bot.path("data"), elsewhere.path().join("data")).unwrap();
    let refused = from_elsewhere(&bot, elsewhere.path(), &["once"]);
    assert!(refused.code() == Some(1) && refused.stderr.contains("where earlier versions kept it"), "{refused:#?}");
    assert!(!bot.path("data").exists());
}

#[tokio::test]
async fn the_emergency_brake_works_with_a_broken_file_and_status_says_what_is_in_force() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with("[gates]", "[review]\nmode = \"all\"\n[gates]");
    let mut running = bot.start(&["run", "--now"]);
    running.wait_for("to decide on it", 1);
    let before = status(&bot);
    assert_eq!((&before["config"]["changed"], &before["config"]["valid"]), (&json!(false), &json!(true)), "{before}");
    let loaded_at = before["config"]["loaded_at"].clone();
    assert!(loaded_at.is_string(), "{before}");

    for broken in ["[review]\nexpires_after = \"20s\"\n", "[generation\ntop_k = = 5\n"] {
        bot.configure(broken);
        let paused = bot.run(&["pause", "--by", "ana"]);
        assert!(paused.code() == Some(0) && paused.stderr.contains("see `pregonero config check`"), "{paused:#?}");
        for arguments in [&["history", "list"][..], &["review", "list"], &["healthcheck"], &["db", "check"]] {
            let ended = bot.run(arguments);
            assert_eq!(ended.code(), Some(0), "{arguments:?} {ended:#?}");
        }
        wait_until("the pause", || status(&bot)["code"] == "paused");
        let said = status(&bot);
        assert_eq!((&said["config"]["changed"], &said["config"]["valid"]), (&json!(true), &json!(false)), "{said}");
        assert_eq!(said["config"]["loaded_at"], loaded_at);
        let words = bot.run(&["status"]).stdout;
        assert!(words.contains("has changed since then and is broken: the daemon keeps what it loaded"), "{words}");
        assert!(words.contains("config.toml:"), "{words}");
        assert_eq!(bot.run(&["resume", "--by", "ana"]).code(), Some(0));
        wait_until("the end of the pause", || status(&bot)["code"] == "ok");
    }
    let approved = bot.run(&["review", "approve", "1", "--by", "ana"]);
    assert_eq!(approved.code(), Some(0), "{approved:#?}");
    wait_until("the post", || x.posted().len() == 1);

    let refused = bot.run(&["reload"]);
    assert_eq!(refused.code(), Some(1), "{refused:#?}");
    assert!(status(&bot)["config"]["refused"].as_str().unwrap().contains("not valid TOML"), "{}", status(&bot));
    bot.configure_with("candidates = 4", "candidates = 3");
    let words = bot.run(&["status"]).stdout;
    assert!(words.contains("has changed since then and is valid: `pregonero reload` loads it"), "{words}");
    assert_eq!(bot.run(&["reload"]).code(), Some(0));
    let after = status(&bot);
    assert_eq!((&after["config"]["changed"], &after["config"]["refused"]), (&json!(false), &Value::Null), "{after}");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(bot.run(&["status"]).code(), Some(0));
}

#[tokio::test]
async fn a_deleted_database_ends_the_daemon_before_it_posts_again_and_no_restart_begins_a_new_one() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with("0 0 0 1 1 * 2099", "* * * * * *");
    let mut running = bot.start(&["run"]);
    wait_until("a post", || !x.posted().is_empty());
    for part in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(bot.path(&format!("data/pregonero.db{part}")));
    }
    running.wait_for("while the program was running: nothing more is posted", 1);
    let ended = running.wait();
    assert_eq!(ended.code(), Some(78), "systemd does not start it again: {ended:#?}");
    let posted = x.posted().len();
    for command in ["run", "once"] {
        let again = bot.run(&[command]);
        assert_eq!(again.code(), Some(78), "a container that starts again begins no new record: {again:#?}");
        assert!(again.stderr.contains("the database is gone, but data/pregonero.db.status.json"), "{again:#?}");
    }
    assert!(!bot.path("data/pregonero.db").exists(), "it makes no new one");
    assert_eq!(x.posted().len(), posted);
    std::fs::remove_file(bot.path("data/pregonero.db.status.json")).unwrap();
    assert_eq!(bot.run(&["once"]).code(), Some(0), "a person may begin anew");
}

/// What each of the four says of one state: the codes of `status`, `healthcheck` and of the doctor's findings that fail, and
/// what the daemon last said of itself.
fn told(bot: &TestBot) -> (Value, Vec<Value>) {
    let status = status(bot);
    let health = bot.run(&["--json", "healthcheck"]);
    let asked: Value = serde_json::from_str(health.stdout.trim()).unwrap();
    for key in ["healthy", "ready", "code"] {
        assert_eq!(status[key], asked[key], "{status} {asked}");
    }
    assert_eq!(status["problem"], asked["reason"]);
    assert_eq!(status["problem"].is_null(), status["ready"] == true, "{status}");
    assert_eq!(health.code() == Some(0), asked["healthy"] == true, "{health:#?}");
    let doctor = bot.run(&["--json", "doctor", "--offline"]);
    let findings = doctor.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed: Vec<Value> = findings.filter(|one| one["status"] == "fail").map(|one| one["code"].clone()).collect();
    assert_eq!(failed.is_empty(), doctor.code() == Some(0), "{doctor:#?}");
    (status["code"].clone(), failed)
}

#[tokio::test]
async fn status_healthcheck_doctor_and_log_tell_one_state() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    assert_eq!(told(&bot), (json!("not_running"), vec![]), "before the first start");
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    assert_eq!(told(&bot), (json!("ok"), vec![]));

    assert_eq!(bot.run(&["pause", "--by", "ana"]).code(), Some(0));
    wait_until("the pause", || status(&bot)["daemon"]["code"] == "paused");
    assert_eq!(told(&bot), (json!("paused"), vec![json!("paused")]));
    assert_eq!(bot.run(&["resume", "--by", "ana"]).code(), Some(0));
    wait_until("the end of the pause", || status(&bot)["code"] == "ok");

    bot.configure_with("[gates]", "[budget]\nposts_per_day = 0\n[gates]");
    assert_eq!(bot.run(&["reload"]).code(), Some(0));
    wait_until("the budget", || status(&bot)["code"] == "budget_used_up");
    running.wait_for("nothing is posted for now: budget.posts_per_day (0) is used up", 1);
    assert_eq!(told(&bot), (json!("budget_used_up"), vec![json!("budget_used_up")]));
    assert_eq!(status(&bot)["healthy"], true);
    bot.configure_with("candidates = 4", "candidates = 3");
    assert_eq!(bot.run(&["reload"]).code(), Some(0));
    assert_eq!(told(&bot), (json!("ok"), vec![]));
    running.wait_for("budget and limits allow posts again", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(told(&bot).0, "not_running");
}

#[test]
fn all_times_that_a_person_reads_are_in_the_schedule_s_zone() {
    let bot = TestBot::new();
    bot.configure_with(
        "timezone = \"UTC\"\njitter = \"0s\"\nquiet_hours = []\n",
        "timezone = \"America/Bogota\"\njitter = \"0s\"\nquiet_hours = []\n[review]\nmode = \"all\"\n",
    );
    let utc = regex::Regex::new(r"\d:\d\d(\.\d+)?(Z| UTC)").unwrap();
    for command in [
        "once",
        "history list",
        "history show 1",
        "review list",
        "review show 1",
        "pause --by ana",
        "once",
        "status",
        "resume --by ana",
    ] {
        let ended = bot.run(&command.split(' ').collect::<Vec<_>>());
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!utc.is_match(&said), "{command}: {said}");
        assert!(said.contains("-05") || command == "pause --by ana", "{command}: {said}");
    }

    // Also with a fault elsewhere in the file.
    bot.configure_with("timezone = \"UTC\"", "timezone = \"America/Bogota\"\nmisfire = \"20s\"");
    for command in ["history list", "history show 1", "review list", "review show 1"] {
        let ended = bot.run(&command.split(' ').collect::<Vec<_>>());
        assert!(ended.stdout.contains("America/Bogota") || ended.stdout.contains(" -05"), "{command}: {ended:#?}");
    }

    // A reload that changes the zone changes it for all that is said from there on.
    bot.configure_with("timezone = \"UTC\"", "timezone = \"America/Bogota\"");
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    bot.configure_with("timezone = \"UTC\"", "timezone = \"Asia/Tokyo\"");
    assert_eq!(bot.run(&["reload"]).code(), Some(0));
    assert_eq!(bot.run(&["pause", "--by", "ana"]).code(), Some(0));
    running.wait_for(" JST: ", 1);
    assert!(running.log_so_far().lines().last().unwrap().contains("+09:00"), "{}", running.log_so_far());
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[tokio::test]
async fn a_post_that_is_being_sent_is_counted() {
    let x = FakeX::start().await;
    x.expect(Answer::hang());
    let bot = TestBot::at(&x, true);
    let running = bot.start(&["run", "--now"]);
    wait_until("the call", || x.posts_asked() > 0);
    assert_eq!(status(&bot)["armed"], 1);
    let words = bot.run(&["status"]).stdout;
    assert!(words.contains("0 to be sent, 1 being sent, 0 of unknown outcome"), "{words}");
    running.signal("KILL");
    assert_eq!(running.wait().code(), None);
}

#[tokio::test]
async fn a_stop_is_heard_while_weights_are_hashed() {
    let bot = TestBot::new();
    let weights = bot.path("tiny/model.safetensors");
    // So long that reading it takes minutes; a hole in the file takes no space on the disk.
    std::fs::File::options().write(true).open(&weights).unwrap().set_len(1 << 40).unwrap();
    let mut running = bot.start(&["run"]);
    running.wait_for("pregonero starts", 1);
    // Time to come to the weights: a stop that came before them would show nothing.
    std::thread::sleep(Duration::from_millis(500));
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
}

#[test]
fn a_backup_or_restore_names_the_file_that_is_to_blame_and_replaces_none_but_a_backup() {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    for (taken, words) in [
        ("config.toml", "was not made by"),
        ("data/pregonero.db", "is a pregonero database without the mark of a backup"),
    ] {
        let refused = bot.run(&["db", "backup", taken]);
        assert!(refused.code() == Some(1) && refused.stderr.contains(words), "{refused:#?}");
    }
    let refused = bot.run(&["db", "restore", "config.toml"]);
    assert!(
        refused.code() == Some(1) && refused.stderr.contains("config.toml: this is not a pregonero backup"),
        "{refused:#?}"
    );
    assert!(!refused.stderr.contains("pregonero.db"), "{refused:#?}");
    let missing = bot.run(&["db", "restore", "nowhere.db"]);
    assert!(missing.stderr.contains("nowhere.db: cannot read the backup: No such file"), "{missing:#?}");
    assert_eq!(std::fs::read_to_string(bot.path("config.toml")).unwrap(), config);

    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    assert_eq!(bot.run(&["pause", "--by", "ana"]).code(), Some(0));
    let restored = bot.run(&["db", "restore", "kept.db"]);
    assert!(restored.code() == Some(0) && restored.stdout.contains("still in force: paused by ana"), "{restored:#?}");
}

#[test]
fn who_decides_is_known_without_user_and_logname() {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let paused = bot.run(&["pause", "--reason", "elections"]);
    assert_eq!(paused.code(), Some(0), "{paused:#?}");
    let words = bot.run(&["status"]).stdout;
    assert!(words.contains("stopped    paused by "), "{words}");
}

#[test]
fn init_writes_a_configuration_and_never_replaces_a_file() {
    let bot = TestBot::new();
    let before = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    let refused = bot.run(&["init"]);
    assert!(refused.code() == Some(1) && refused.stderr.contains("config.toml: exists already"), "{refused:#?}");
    assert_eq!(std::fs::read_to_string(bot.path("config.toml")).unwrap(), before);

    let init = ["--config", "new/config.toml", "init", "--handle", "mi_bot", "--operator", "@ana", "--timezone"];
    let wrong = bot.run(&[&init[..], &["America/Bogata"]].concat());
    assert!(wrong.code() == Some(1) && wrong.stderr.contains("the nearest known one is America/Bogota"), "{wrong:#?}");
    assert!(!bot.path("new").exists());
    assert_eq!(bot.run(&[&init[..], &["Europe/Madrid"]].concat()).code(), Some(0));
    let written = std::fs::read_to_string(bot.path("new/config.toml")).unwrap();
    for line in ["handle = \"mi_bot\" ", "operator = \"@ana\" ", "timezone = \"Europe/Madrid\" "] {
        assert!(written.contains(line) && written.lines().count() > 100, "{written}");
    }
    assert_eq!(bot.run(&["--config", "new/config.toml", "config", "show"]).code(), Some(0));
    let bare = tempfile::tempdir().unwrap();
    let mut command = bot.command(&["run"]);
    command.current_dir(bare.path());
    let ended = bot.start_command(command).wait();
    // A machine may have a configuration of its own in /etc.
    if !Path::new("/etc/pregonero/config.toml").exists() {
        assert!(ended.code() == Some(78) && ended.stderr.contains("`pregonero init`"), "{ended:#?}");
    }
}

#[test]
fn a_backup_into_a_folder_that_is_not_there_goes_nowhere_else() {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    for place in ["usb", "usb/", "usb/pregonero.db"] {
        let refused = bot.run(&["db", "backup", place]);
        assert!(refused.code() == Some(1) && refused.stderr.contains("is its disk mounted?"), "{place}: {refused:#?}");
        assert!(!bot.path("usb").exists(), "{place}");
    }
    std::fs::create_dir(bot.path("usb")).unwrap();
    assert_eq!(bot.run(&["db", "backup", "usb"]).code(), Some(0));
    assert_eq!(bot.run(&["db", "backup", "usb/pregonero.db"]).code(), Some(0));
}

#[test]
fn a_daemon_that_was_started_with_another_configuration_is_named_by_status_and_doctor() {
    let bot = TestBot::new();
    let other = bot.path("other.toml");
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    std::fs::write(&other, config.replace("candidates = 4", "candidates = 5")).unwrap();
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    let with_other = |arguments: &[&str]| bot.run(&[&["--config", "other.toml"], arguments].concat());
    let said = with_other(&["--json", "status"]).json().remove(0);
    assert_eq!((&said["running"], &said["config"]["changed"]), (&json!(true), &Value::Null), "{said}");
    assert!(said["config"]["daemon_s_file"].as_str().unwrap().ends_with("/config.toml"), "{said}");
    let words = with_other(&["status"]).stdout;
    assert!(words.contains("the daemon on this record was started with another file: "), "{words}");
    assert!(!words.contains("pregonero reload"), "{words}");
    let examined = with_other(&["--json", "doctor", "--offline"]).stdout;
    assert!(examined.contains("\"code\":\"other_configuration\""), "{examined}");
    assert_eq!(status(&bot)["config"]["daemon_s_file"], Value::Null, "its own file is no other one");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn init_names_the_file_in_the_commands_that_it_advises() {
    let bot = TestBot::new();
    let written = bot.run(&["--config", "mi bot.toml", "init", "--handle", "mi_bot", "--timezone", "Europe/Madrid"]);
    assert_eq!(written.code(), Some(0), "{written:#?}");
    assert!(written.stdout.contains("`pregonero --config 'mi bot.toml' config check`"), "{written:#?}");
    let wrong = bot.run(&["--config", "other.toml", "init", "--timezone", "Europe/Nowhere"]);
    assert!(wrong.code() == Some(1) && wrong.stderr.contains("schedule.timezone: "), "{wrong:#?}");
    assert!(!bot.path("other.toml").exists());
    let missing = bot.run(&["models", "show", "nada"]);
    assert!(missing.code() == Some(78) && missing.stderr.contains("nada"), "{missing:#?}");
}
