//! The record under stress, through the real binary: what fills, locks, breaks or is killed in the middle.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::Rng as _;
use rand::SeedableRng as _;
use serde_json::Value;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::fake_x::FakeX;
use crate::support::small_disk::SmallDisk;
use crate::support::test_bot::TestBot;

/// Where the quiet configuration has its one far slot; replaced by one each second.
const FAR: &str = "0 0 0 1 1 * 2099";
const EACH_SECOND: &str = "* * * * * *";
const READY: &str = "waiting for the next slot";

/// A database with one dry run in it.
fn bot_with_a_record() -> TestBot {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    bot
}

fn database(bot: &TestBot) -> PathBuf {
    bot.path("data/pregonero.db")
}

/// A connection as another program would have it.
async fn past_the_program(bot: &TestBot) -> sqlx::SqliteConnection {
    sqlx::SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database(bot))).await.unwrap()
}

/// The check's findings that do not hold.
fn wrong(bot: &TestBot) -> Vec<Value> {
    let checked = bot.run(&["--json", "db", "check"]);
    let found: Vec<Value> = checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(found.len() > 5, "{checked:#?}");
    found.into_iter().filter(|finding| finding["ok"] != true).collect()
}

#[tokio::test]
async fn a_full_disk_stops_the_posting_before_the_call_and_room_lets_it_go_on() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with(FAR, EACH_SECOND);
    let config = std::fs::read_to_string(bot.path("config.toml")).unwrap();
    let open = "[budget]\nposts_per_day = 1000\nusd_per_month = 1000.0\n";
    bot.configure(&format!("{config}{open}"));
    let Some(disk) = SmallDisk::mount(&bot.path("data"), 8) else { return };
    let mut running = bot.start_command(disk.inside(&bot.command(&["run"])));
    running.wait_for("\"message\":\"posted\"", 1);
    disk.fill();
    running.wait_for("the record cannot be used", 1);
    let health = bot.start_command(disk.inside(&bot.command(&["--json", "healthcheck"]))).wait();
    assert_eq!(health.code(), Some(1));
    let said: Value = serde_json::from_str(health.stdout.trim()).unwrap();
    assert_eq!((&said["code"], &said["healthy"]), (&"disk_full".into(), &false.into()), "{said}");
    let status = bot.start_command(disk.inside(&bot.command(&["--json", "status"]))).wait().json().remove(0);
    assert_eq!((&status["code"], &status["healthy"]), (&said["code"], &said["healthy"]), "{status}");
    let doctor = bot.start_command(disk.inside(&bot.command(&["--json", "doctor", "--offline"]))).wait();
    assert!(doctor.stdout.contains("\"status\":\"fail\",\"code\":\"disk_full\""), "{doctor:#?}");
    // A call may have been under way when the disk filled up; from here on none is.
    let during = x.posted().len();
    running.wait_for("a round could not be recorded", 2);
    assert_eq!(x.posted().len(), during);
    let said = running.log_so_far().matches("\"message\":\"posted\"").count();
    disk.shell("rm filler");
    running.wait_for("\"message\":\"posted\"", said + 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let history =
        bot.start_command(disk.inside(&bot.command(&["--json", "history", "list", "--limit", "1000"]))).wait();
    assert!(
        !history.stdout.contains("\"state\":\"running\""),
        "no round stays running after the disk was full: {history:#?}"
    );
    let checked = bot.start_command(disk.inside(&bot.command(&["db", "check"]))).wait();
    assert_eq!(checked.code(), Some(0), "{checked:#?}");
}

#[test]
fn a_disk_that_cannot_be_written_is_named_and_a_full_one_keeps_the_earlier_backup() {
    let bot = TestBot::new();
    let Some(disk) = SmallDisk::mount(&bot.path("data"), 8) else { return };
    let run = |arguments: &[&str]| bot.start_command(disk.inside(&bot.command(arguments))).wait();
    assert_eq!(run(&["once"]).code(), Some(0));
    assert_eq!(run(&["db", "backup", "data/kept.db"]).code(), Some(0));
    disk.shell("sha256sum kept.db > sum");
    disk.fill();
    let full = run(&["db", "backup", "data/kept.db"]);
    assert_eq!(full.code(), Some(1), "{full:#?}");
    disk.shell("rm filler && sha256sum --check --quiet sum && test ! -e kept.db.partial");

    disk.shell("mount -o remount,ro .");
    for command in ["once", "run"] {
        let refused = run(&[command]);
        assert_eq!(refused.code(), Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("data/pregonero.db") && refused.stderr.contains("ead-only"), "{refused:#?}");
    }
}

#[test]
fn a_writer_that_does_not_let_go_is_waited_for_and_then_named() {
    let bot = bot_with_a_record();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut other = runtime.block_on(past_the_program(&bot));
    runtime.block_on(sqlx::query("BEGIN IMMEDIATE").execute(&mut other)).unwrap();
    let refused = bot.run(&["once"]);
    assert_eq!(refused.code(), Some(75), "{refused:#?}");
    assert!(refused.stderr.contains("database is locked"), "{refused:#?}");
    runtime.block_on(sqlx::query("ROLLBACK").execute(&mut other)).unwrap();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
}

#[test]
fn a_damaged_database_stops_the_start_and_a_restore_brings_the_bot_back() {
    let bot = bot_with_a_record();
    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    let mut bytes = std::fs::read(database(&bot)).unwrap();
    bytes[4096 * 2..4096 * 3].fill(0xA5);
    std::fs::write(database(&bot), bytes).unwrap();
    let refused = bot.run(&["run"]);
    assert_eq!(refused.code(), Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("damaged") && refused.stderr.contains("db restore"), "{refused:#?}");
    let restored = bot.run(&["--json", "db", "restore", "kept.db"]).json().remove(0);
    let previous = restored["previous"].as_str().unwrap();
    assert!(bot.path(previous).exists(), "{restored}");
    assert_eq!(wrong(&bot), [Value::Null; 0]);
    let states: Vec<_> = bot.history().iter().map(|entry| entry["state"].clone()).collect();
    assert_eq!(states, ["missed", "dry_run"], "the slots up to the restore count as passed");
}

#[test]
fn a_restore_waits_for_no_daemon_and_a_newer_schema_is_refused_by_its_number() {
    let bot = bot_with_a_record();
    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    let refused = bot.run(&["db", "restore", "kept.db"]);
    assert_eq!(refused.code(), Some(75), "{refused:#?}");
    assert!(refused.stderr.contains("another pregonero (process "), "{refused:#?}");
    let made = bot.run(&["--json", "db", "backup", "--keep", "2"]).json().remove(0);
    assert!(made["file"].as_str().unwrap().starts_with("data/backups/pregonero-2"), "{made}");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let newer = "INSERT INTO _sqlx_migrations VALUES (99999999999999, 'later', CURRENT_TIMESTAMP, 1, x'00', 0)";
        sqlx::query(newer).execute(&mut past_the_program(&bot).await).await.unwrap();
    });
    let refused = bot.run(&["run"]);
    assert_eq!(refused.code(), Some(78), "{refused:#?}");
    assert!(refused.stderr.contains("use the newer pregonero that wrote it"), "{refused:#?}");
}

/// Kills a backup at random moments, while a daemon writes: afterwards the previous backup is whole, or the new one is.
#[test]
fn a_backup_killed_at_any_moment_leaves_a_whole_backup_and_a_sound_database() {
    const KILLS: usize = 25;
    let bot = TestBot::new();
    bot.configure_with(FAR, EACH_SECOND);
    let mut running = bot.start(&["run"]);
    running.wait_for("dry run: this would have been posted", 1);
    let kept = bot.path("kept.db");
    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut finished = 0;
    for _ in 0..KILLS {
        let backup = bot.start(&["db", "backup", "kept.db"]);
        // Not a wait for something: the moment of the kill is what is drawn.
        std::thread::sleep(Duration::from_micros(chance.random_range(0..60_000)));
        backup.signal_if_alive(if chance.random() { "KILL" } else { "TERM" });
        finished += usize::from(backup.wait().code() == Some(0));
        assert_sound(&bot, &kept);
    }
    assert!(finished < KILLS, "no kill came in time");
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(wrong(&bot), [Value::Null; 0]);
    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    assert!(!bot.path("kept.db.partial").exists());
}

fn assert_sound(bot: &TestBot, copy: &Path) {
    let mut command = bot.command(&["db", "check"]);
    command.env("PREGONERO__STORE__PATH", copy);
    let checked = bot.start_command(command).wait();
    assert_eq!(checked.code(), Some(0), "{checked:#?}");
}

#[test]
fn a_second_way_to_the_same_database_is_kept_out() {
    let bot = bot_with_a_record();
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    std::os::unix::fs::symlink(bot.path("data"), bot.path("other-folder")).unwrap();
    std::os::unix::fs::symlink(database(&bot), bot.path("other.db")).unwrap();
    for path in ["other-folder/pregonero.db", "other.db", "data/../data/pregonero.db"] {
        let mut command = bot.command(&["once"]);
        command.env("PREGONERO__STORE__PATH", path);
        let refused = bot.start_command(command).wait();
        assert_eq!(refused.code(), Some(75), "{path}: {refused:#?}");
        assert!(refused.stderr.contains("another pregonero (process "), "{refused:#?}");
    }
    std::fs::hard_link(database(&bot), bot.path("link.db")).unwrap();
    let mut command = bot.command(&["once"]);
    command.env("PREGONERO__STORE__PATH", "link.db");
    let refused = bot.start_command(command).wait();
    assert!(refused.code() == Some(1) && refused.stderr.contains("hard link"), "{refused:#?}");
    std::fs::remove_file(bot.path("link.db")).unwrap();
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_bind_mount_of_the_folder_is_kept_out_and_one_of_the_file_is_refused() {
    let bot = bot_with_a_record();
    let Some(disk) = SmallDisk::mount(&bot.path("mounts"), 1) else { return };
    disk.shell(
        "mkdir folder && touch file.db && mount --bind ../data folder && mount --bind ../data/pregonero.db file.db",
    );
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    for (path, code, words) in [
        ("mounts/folder/pregonero.db", 75, "another pregonero (process "),
        ("mounts/file.db", 1, "a mount point itself"),
    ] {
        let mut command: Command = bot.command(&["once"]);
        command.env("PREGONERO__STORE__PATH", path);
        let refused = bot.start_command(disk.inside(&command)).wait();
        assert!(refused.code() == Some(code) && refused.stderr.contains(words), "{path}: {refused:#?}");
    }
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
}
