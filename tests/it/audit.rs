//! The audit log, through the real binary: what is in it, who can check it, and what every kind of tampering looks like.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::support::fake_x::FakeX;
use crate::support::test_bot::{TestBot, wait_until};

const READY: &str = "waiting for the next slot";

fn add_to_config(bot: &TestBot, text: &str) {
    let config = fs::read_to_string(bot.path("config.toml")).unwrap();
    bot.configure(&format!("{config}\n{text}"));
}

/// A bot whose checkpoints also go to the file `elsewhere`, with two dry runs and a checkpoint on record.
fn anchored_bot() -> TestBot {
    let bot = TestBot::new();
    add_to_config(&bot, "[audit]\nanchor_file = \"elsewhere\"\n");
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let signed = bot.run(&["audit", "checkpoint"]);
    assert_eq!(signed.code(), Some(0), "{signed:#?}");
    assert_eq!(verdict(&bot)["faults"], serde_json::json!([]));
    bot
}

fn verdict(bot: &TestBot) -> Value {
    bot.run(&["--json", "audit", "verify"]).json().remove(0)
}

fn database(bot: &TestBot) -> PathBuf {
    bot.path("data/pregonero.db")
}

async fn change(bot: &TestBot, statements: &'static str) {
    let options = SqliteConnectOptions::new().filename(database(bot)).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn change_now(bot: &TestBot, statements: &'static str) {
    tokio::runtime::Runtime::new().unwrap().block_on(change(bot, statements));
}

/// Returns the key that verifies the bot's checkpoints.
fn key_of(bot: &TestBot) -> String {
    bot.run(&["audit", "key"]).stdout.trim().to_owned()
}

/// Runs the check of a consistency proof that needs no pregonero; `None` where there is no Python.
fn check_growth(bot: &TestBot, file: &str, kept: &str, key: &str) -> Option<Output> {
    run_check(bot, &["consistency", file, "--from", kept, "--key", key])
}

/// Runs the check that needs no pregonero; `None` where there is no Python.
fn check_without_us(bot: &TestBot, what: &str, file: &str, key: &str) -> Option<Output> {
    run_check(bot, &[what, file, "--key", key])
}

fn run_check(bot: &TestBot, arguments: &[&str]) -> Option<Output> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check_audit.py");
    Command::new("python3").arg(script).args(arguments).current_dir(bot.path("")).output().ok()
}

fn kinds(bot: &TestBot) -> Vec<String> {
    let exported = bot.run(&["audit", "export"]).json();
    exported.iter().filter_map(|line| line["kind"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_post_is_proved_from_its_slot_to_its_tweet_and_checked_without_the_program() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let expected = [
        "began",
        "config",
        "models",
        "round_began",
        "candidates",
        "post_created",
        "read",
        "credentials",
        "armed",
        "outcome",
        "checkpoint_key",
    ];
    assert_eq!(kinds(&bot), expected);
    let verified = bot.run(&["audit", "verify"]);
    assert_eq!(verified.code(), Some(0), "{verified:#?}");
    assert!(verified.stdout.contains("whole: every record"), "{verified:#?}");
    assert!(verified.stdout.contains("records 0 to 10: this machine alone vouches for them"), "{verified:#?}");

    let key = bot.run(&["audit", "key"]).stdout.trim().to_owned();
    assert!(key.starts_with("pregonero/"), "{key}");
    let proved = bot.run(&["audit", "prove", "1", "-o", "1.tlog-proof"]);
    assert_eq!(proved.code(), Some(0), "{proved:#?}");
    assert!(proved.stdout.contains("record 9 (outcome) is in the log of 11 records"), "{proved:#?}");
    let again = bot.run(&["audit", "prove", "1", "-o", "1.tlog-proof"]);
    assert_eq!(again.code(), Some(1), "no output replaces a file: {again:#?}");
    assert_eq!(bot.run(&["audit", "export", "-o", "log.jsonl"]).code(), Some(0));
    let Some(checked) = check_without_us(&bot, "proof", "1.tlog-proof", &key) else { return };
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{checked:?}");
    let text = x.posted()[0].clone();
    assert!(said.contains("record 9 of") && said.contains(&text), "{said}");
    let export = check_without_us(&bot, "export", "log.jsonl", &key).unwrap();
    assert!(export.status.success(), "{export:?}");
    assert!(
        String::from_utf8_lossy(&export.stdout).contains("11 of them are covered by a signed checkpoint"),
        "{export:?}"
    );

    // Whatever is changed in either, the check says so.
    let proof = fs::read_to_string(bot.path("1.tlog-proof")).unwrap();
    let log = fs::read_to_string(bot.path("log.jsonl")).unwrap();
    let second = log.lines().nth(2).unwrap();
    for (what, text) in [
        ("proof", proof.replacen("index 9", "index 8", 1)),
        ("proof", proof.replacen("\n11\n", "\n12\n", 1)),
        ("export", log.replacen("tweet_id", "tweet_ad", 1)),
        ("export", log.replacen(&format!("{second}\n"), "", 1)),
        ("export", log.replacen("round_began", "round_bogan", 1)),
        ("export", log.replacen("\\n11\\n", "\\n10\\n", 1)),
    ] {
        assert!(text != proof && text != log);
        fs::write(bot.path("changed"), text).unwrap();
        let refused = check_without_us(&bot, what, "changed", &key).unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains("WRONG"), "{refused:?}");
    }
    let other = "pregonero/other+5b2ea5a9+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(!check_without_us(&bot, "proof", "1.tlog-proof", other).unwrap().status.success());
}

#[test]
fn every_way_to_change_the_record_is_found_and_named() {
    let cases: [(&str, &str); 9] = [
        ("UPDATE posts SET text = 'Otra cosa.' WHERE id = 1", "posts 1 was changed outside the program"),
        ("DELETE FROM posts WHERE id = 2", "posts 2 was removed outside the program"),
        (
            "INSERT INTO halts (cause, reason, set_by, since, ended_at, ended_by) VALUES ('paused', 'x', 'eva', 'x', 'x', 'eva')",
            "halts 1 was inserted outside the program",
        ),
        ("UPDATE candidates SET gates = '[]' WHERE round_id = 1 AND position = 0", "candidates 1/0 was changed outside"),
        ("UPDATE ledger SET body = replace(body, 'slot', 'slat') WHERE idx = 3", "record 3 was changed"),
        ("DELETE FROM ledger WHERE idx = 3", "record 3 is missing"),
        (
            "UPDATE ledger SET idx = -1 - idx WHERE idx IN (3, 4); UPDATE ledger SET idx = 4 WHERE idx = -4;
             UPDATE ledger SET idx = 3 WHERE idx = -5",
            "record 3 holds what was written as record 4",
        ),
        ("DELETE FROM ledger WHERE idx >= 9", "the log was cut off: a checkpoint of the record itself covers 13 records, and there are 9"),
        // Whoever also removes the rows and the checkpoints of the record leaves what was kept elsewhere.
        (
            "DELETE FROM anchors; DELETE FROM checkpoints; DELETE FROM ledger WHERE idx >= 8; DELETE FROM posts WHERE id = 2;
             DELETE FROM candidates WHERE round_id = 2; DELETE FROM rounds WHERE id = 2",
            "the log was cut off: elsewhere covers 13 records, and there are 8",
        ),
    ];
    let bot = anchored_bot();
    fs::copy(database(&bot), bot.path("sound.db")).unwrap();
    for (statements, expected) in cases {
        for leftover in ["-wal", "-shm"] {
            let _ = fs::remove_file(bot.path(&format!("data/pregonero.db{leftover}")));
        }
        fs::copy(bot.path("sound.db"), database(&bot)).unwrap();
        change_now(&bot, statements);
        let verified = bot.run(&["--json", "audit", "verify"]);
        assert_eq!(verified.code(), Some(1), "{statements}: {verified:#?}");
        let said: Value = serde_json::from_str(verified.stdout.trim()).unwrap();
        let first = said["faults"][0].as_str().unwrap().to_owned();
        assert!(first.contains(expected), "{statements}: {verified:#?}");
    }
}

#[test]
fn a_log_rebuilt_with_another_key_is_found_by_what_was_kept_elsewhere() {
    let bot = anchored_bot();
    let key = bot.run(&["audit", "key"]).stdout.trim().to_owned();
    fs::remove_file(bot.path("data/audit.key")).unwrap();
    change_now(
        &bot,
        "DELETE FROM anchors; DELETE FROM checkpoints; DELETE FROM ledger; DELETE FROM ledger_subtrees;
         UPDATE posts SET text = 'Otra cosa.' WHERE id = 1",
    );
    fs::rename(bot.path("elsewhere"), bot.path("kept")).unwrap();
    assert_eq!(bot.run(&["once"]).code(), Some(0), "it adopts what it finds");
    assert_eq!(bot.run(&["audit", "verify"]).code(), Some(0), "the machine alone cannot know");
    let by_key = bot.run(&["audit", "verify", "--key", &key]);
    assert_eq!(by_key.code(), Some(1), "{by_key:#?}");
    assert!(by_key.stderr.contains("the log does not name the key"), "{by_key:#?}");
    let by_checkpoint = bot.run(&["audit", "verify", "--checkpoint", "kept"]);
    assert_eq!(by_checkpoint.code(), Some(1), "{by_checkpoint:#?}");
    assert!(by_checkpoint.stderr.contains("signed by no key that the log names"), "{by_checkpoint:#?}");
}

#[test]
fn a_file_without_a_checkpoint_and_a_changed_checkpoint_are_refused_and_the_log_is_not_blamed() {
    let bot = anchored_bot();
    let kept = fs::read_to_string(bot.path("elsewhere")).unwrap();
    let size = kept.lines().nth(1).unwrap();
    fs::write(bot.path("changed"), kept.replacen(&format!("\n{size}\n"), "\n999\n", 1)).unwrap();
    fs::write(bot.path("words"), "no checkpoint\n\nat all\n").unwrap();
    fs::write(bot.path("nothing"), "").unwrap();
    for (file, cause) in [
        ("words", "words: expected one or more checkpoints (signed notes), found none"),
        ("nothing", "nothing: expected one or more checkpoints (signed notes), found none"),
        ("changed", "changed: the signature by pregonero/"),
    ] {
        let verified = bot.run(&["audit", "verify", "--checkpoint", file]);
        assert_eq!(verified.code(), Some(1), "{verified:#?}");
        assert!(verified.stderr.contains(cause), "{verified:#?}");
        let said = format!("{}{}", verified.stdout, verified.stderr);
        assert!(!said.contains("cut off") && !said.contains("does not hold"), "{said}");
    }
    let both = bot.run(&["--json", "audit", "verify", "--checkpoint", "changed"]);
    let both: Value = serde_json::from_str(both.stdout.trim()).unwrap();
    assert_eq!(both["faults"], serde_json::json!([]), "{both}");
    assert_eq!(both["unusable"].as_array().unwrap().len(), 1, "{both}");
    assert_eq!(both["anchored"]["records"], both["records"], "the others still vouch: {both}");
    fs::write(bot.path("elsewhere"), "").unwrap();
    let emptied = bot.run(&["audit", "verify"]);
    assert!(emptied.stderr.contains("it has no checkpoint, so the log is not compared with it"), "{emptied:#?}");
}

#[test]
fn a_key_is_replaced_on_record_and_earlier_checkpoints_still_count() {
    let bot = anchored_bot();
    let old = bot.run(&["audit", "key"]).stdout.trim().to_owned();
    let replaced = bot.run(&["--json", "audit", "key", "--new", "--by", "ana"]).json().remove(0);
    let new = bot.run(&["audit", "key"]).stdout.trim().to_owned();
    assert!(replaced["key"] == new.as_str() && new != old, "{replaced}");
    assert_eq!(bot.run(&["audit", "checkpoint"]).code(), Some(0));
    let verified = bot.run(&["--json", "audit", "verify", "--key", &old]);
    assert_eq!(verified.code(), Some(0), "{verified:#?}");
    assert_eq!(verified.json()[0]["anchored"]["records"], verified.json()[0]["records"]);
    assert_eq!(verified.json()[0]["notes"], serde_json::json!([]));
}

#[test]
fn a_daemon_signs_at_the_stop_and_brings_the_checkpoint_to_every_place() {
    let bot = TestBot::new();
    let got = bot.path("got");
    let command = format!("cat >> {}", got.display());
    add_to_config(
        &bot,
        &format!("[audit]\nanchor_file = \"elsewhere\"\nanchor_command = [\"sh\", \"-c\", \"{command}\"]\n"),
    );
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    running.wait_for("the audit log is signed", 1);
    // A stop during a delivery would bring it a second time: better twice than never.
    wait_until("the first delivery", || verdict(&bot)["delivered"][0]["channel"] == "command");
    assert_eq!(bot.run(&["pause", "--by", "ana"]).code(), Some(0));
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let kept = fs::read_to_string(bot.path("elsewhere")).unwrap();
    assert_eq!(kept.matches('\u{2014}').count(), 2, "{kept}");
    assert_eq!(fs::read_to_string(&got).unwrap().matches('\u{2014}').count(), 2);
    let verdict = verdict(&bot);
    assert_eq!(verdict["anchored"]["records"], verdict["records"], "{verdict}");
    assert_eq!(verdict["delivered"][0]["channel"], "command", "{verdict}");
    assert!(kinds(&bot).contains(&"config".to_owned()) && kinds(&bot).contains(&"paused".to_owned()));
    // The same configuration is no news, another one is: by its keys and values.
    let changed =
        |bot: &TestBot| bot.run(&["audit", "export"]).json().iter().filter(|one| one["kind"] == "config").count();
    let before = changed(&bot);
    add_to_config(&bot, "[budget]\nposts_per_day = 3\n");
    let mut running = bot.start(&["run"]);
    running.wait_for(READY, 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(changed(&bot), before + 1);
    let last = bot.run(&["audit", "export"]).json().into_iter().rfind(|one| one["kind"] == "config").unwrap();
    let body: Value = serde_json::from_str(last["body"].as_str().unwrap()).unwrap();
    let difference = &body["about"]["changed"];
    assert_eq!(difference["budget.posts_per_day"], serde_json::json!({"from": 8, "to": 3}), "{difference}");
}

#[test]
fn a_restore_continues_the_log_and_says_what_it_replaced() {
    let bot = anchored_bot();
    assert_eq!(bot.run(&["db", "backup", "kept.db"]).code(), Some(0));
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    assert_eq!(bot.run(&["audit", "checkpoint"]).code(), Some(0));
    assert_eq!(bot.run(&["db", "restore", "kept.db"]).code(), Some(0));
    let verified = bot.run(&["audit", "verify"]);
    assert_eq!(verified.code(), Some(0), "{verified:#?}");
    assert!(verified.stdout.contains("is of the log that a restore replaced on"), "{verified:#?}");
    assert!(kinds(&bot).contains(&"restored".to_owned()));
}

#[test]
fn a_recorded_text_is_written_again_or_said_why_not() {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let same = bot.run(&["replay", "1"]);
    assert_eq!(same.code(), Some(0), "{same:#?}");
    assert!(same.stdout.starts_with("identical"), "{same:#?}");
    for candidate in ["1", "4"] {
        assert_eq!(bot.run(&["replay", "1", "--candidate", candidate]).code(), Some(0));
    }
    change_now(&bot, "UPDATE candidates SET generated = 'x' || generated WHERE chosen = 1");
    let other = bot.run(&["--json", "replay", "1"]);
    assert_eq!(other.code(), Some(1), "{other:#?}");
    let said: Value = serde_json::from_str(other.stdout.trim()).unwrap();
    assert_eq!((&said["result"], &said["character"]), (&"different".into(), &0.into()), "{other:#?}");
    let builtin = bot.run(&["replay", "1", "--model", "builtin"]);
    assert_eq!(builtin.code(), Some(78), "{builtin:#?}");
    assert!(builtin.stderr.contains("it was written by tiny (sha256"), "{builtin:#?}");
    let zeroth = bot.run(&["replay", "1", "--candidate", "0"]);
    assert_eq!(zeroth.code(), Some(2), "`history show` counts from 1: {zeroth:#?}");
    let missing = bot.run(&["replay", "1", "--candidate", "99"]);
    assert_eq!(missing.code(), Some(78), "{missing:#?}");
    let words = "round 1: there is no candidate 99; it has 4 candidates, numbered from 1";
    assert!(missing.stderr.contains(words), "{missing:#?}");
    change_now(&bot, "DELETE FROM candidates WHERE chosen = 0");
    let number = if bot.newest("candidate") == 1 { "2" } else { "1" };
    let pruned = bot.run(&["replay", "1", "--candidate", number]);
    assert!(
        pruned.code() == Some(78) && pruned.stderr.contains("was removed since (store.keep_candidates)"),
        "{pruned:#?}"
    );
}

#[test]
fn doctor_says_who_vouches_for_the_log_and_what_could_not_be_delivered() {
    let bot = TestBot::new();
    let said = |bot: &TestBot| {
        let checks = bot.run(&["--json", "doctor", "--offline"]).json();
        checks.into_iter().find(|check| check["check"] == "audit_log").unwrap()
    };
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let alone = said(&bot);
    assert!(alone["status"] == "ok" && alone["reason"].as_str().unwrap().contains("only this machine"), "{alone}");
    add_to_config(&bot, "[audit]\nanchor_command = [\"sh\", \"-c\", \"exit 3\"]\n");
    bot.run(&["audit", "checkpoint"]);
    let failed = said(&bot);
    assert_eq!((&failed["status"], &failed["code"]), (&"warn".into(), &"undelivered".into()), "{failed}");
    let config = fs::read_to_string(bot.path("config.toml")).unwrap();
    fs::write(bot.path("config.toml"), config.replace("exit 3", "cat > got")).unwrap();
    assert_eq!(bot.run(&["audit", "checkpoint"]).code(), Some(0));
    let kept = said(&bot);
    assert!(kept["status"] == "ok" && kept["reason"].as_str().unwrap().contains("elsewhere (command)"), "{kept}");
}

#[tokio::test]
async fn whoever_kept_a_checkpoint_checks_that_the_log_only_grew() {
    let bot = anchored_bot();
    let kept = bot.run(&["audit", "checkpoint"]).stdout;
    fs::write(bot.path("kept.txt"), &kept).unwrap();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let proved = bot.run(&["audit", "consistency", "--from", "kept.txt", "-o", "grown.txt"]);
    assert_eq!(proved.code(), Some(0), "{proved:#?}");
    let (size, all) = (kept.lines().nth(1).unwrap(), fs::read_to_string(bot.path("grown.txt")).unwrap());
    assert!(proved.stdout.contains(&format!("continues the one of {size} records")), "{proved:#?}");
    assert!(all.starts_with(&format!("old {size}\n")), "{all}");
    let printed = bot.run(&["audit", "consistency", "--from", "kept.txt"]);
    assert_eq!(printed.stdout.trim_end(), all.trim_end(), "nothing was recorded between the two");
    let again = bot.run(&["audit", "consistency", "--from", "kept.txt", "-o", "grown.txt"]);
    assert!(again.code() == Some(1) && again.stderr.contains("grown.txt"), "{again:#?}");

    let last = kept.trim_end().len() - 4;
    let forged = format!("{}{}\n", &kept[..last], if kept[last..].starts_with("AAA") { "BBBB" } else { "AAAA" });
    for (name, text) in [("forged.txt", forged), ("changed.txt", kept.replacen(&format!("\n{size}\n"), "\n1\n", 1))] {
        fs::write(bot.path(name), text).unwrap();
        for arguments in [["--from", name, "--to", "kept.txt"], ["--from", "kept.txt", "--to", name]] {
            let refused = bot.run(&[&["audit", "consistency"][..], &arguments].concat());
            let says = format!("{name}: the signature by");
            assert!(refused.code() == Some(1) && refused.stderr.contains(&says), "{refused:#?}");
            assert!(refused.stderr.contains("it says nothing about the log"), "{refused:#?}");
        }
    }
    let key = key_of(&bot);
    if let Some(checked) = check_growth(&bot, "grown.txt", "kept.txt", &key) {
        assert!(checked.status.success(), "{checked:?}");
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(said.contains(&format!("continues the one of {size} records")), "{said}");
        let hash = all.lines().nth(1).unwrap();
        let other = if hash.starts_with('A') { hash.replacen('A', "B", 1) } else { format!("A{}", &hash[1..]) };
        for wrong in
            [all.replacen(hash, &other, 1), all.replacen(&format!("{hash}\n"), "", 1), all.replacen("old ", "old 1", 1)]
        {
            fs::write(bot.path("wrong.txt"), wrong).unwrap();
            assert!(!check_growth(&bot, "wrong.txt", "kept.txt", &key).unwrap().status.success());
        }
    }
    // A log that was rebuilt cannot be proved to continue what somebody kept.
    change(&bot, "DELETE FROM ledger; DELETE FROM ledger_subtrees; DELETE FROM ledger_adopted; DELETE FROM anchors; DELETE FROM checkpoints").await;
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let rebuilt = bot.run(&["audit", "consistency", "--from", "kept.txt"]);
    assert_eq!(rebuilt.code(), Some(1), "{rebuilt:#?}");
    assert!(
        rebuilt.stderr.contains("kept.txt: ")
            && (rebuilt.stderr.contains("have another root") || rebuilt.stderr.contains("was cut off")),
        "{rebuilt:#?}"
    );
    let nothing = bot.run(&["audit", "consistency", "--from", "config.toml"]);
    assert!(nothing.code() == Some(1) && nothing.stderr.contains("expected a checkpoint"), "{nothing:#?}");
}

#[tokio::test]
async fn an_erased_post_leaves_no_word_in_the_record_and_the_log_stays_whole_and_checkable() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let text = x.posted().remove(0);
    let asked = bot.run(&["history", "erase", "1", "--reason", "asked for"]);
    assert_eq!(asked.code(), Some(2), "there is no terminal: {asked:#?}");
    assert!(asked.stderr.contains("--yes") && asked.stderr.contains(&text), "{asked:#?}");
    let empty = bot.run(&["history", "erase", "1", "--reason", " ", "--yes"]);
    assert!(empty.code() == Some(1) && empty.stderr.contains("--reason"), "{empty:#?}");
    let none = bot.run(&["history", "erase", "1", "77", "--reason", "asked for", "--yes"]);
    assert!(none.code() == Some(1) && none.stderr.contains("77: there is no round"), "{none:#?}");
    let shown = bot.run(&["history", "show", "1"]);
    assert!(shown.stdout.contains(&text), "nothing was erased yet: {shown:#?}");

    let erased = bot.run(&["history", "erase", "1", "--reason", "the person asked", "--yes", "--by", "ana"]);
    assert_eq!(erased.code(), Some(0), "{erased:#?}");
    assert!(
        erased.stdout.contains("round 1: the post and")
            && erased.stderr.contains("the tweet on X (https://x.com/i/status/"),
        "{erased:#?}"
    );
    let body = text.trim_start_matches("🤖 IA: ");
    for file in ["data/pregonero.db", "data/pregonero.db-wal"] {
        let bytes = fs::read(bot.path(file)).unwrap_or_default();
        let found = bytes.windows(body.len()).any(|window| window == body.as_bytes());
        assert!(!found, "{file} still holds {text}");
    }
    let verdict = verdict(&bot);
    assert_eq!(
        (&verdict["faults"], verdict["forgotten"].as_u64() > Some(0)),
        (&serde_json::json!([]), true),
        "{verdict}"
    );
    let shown = bot.run(&["history", "show", "1", "--reasons"]);
    assert!(
        shown.stdout.contains("(erased)")
            && shown.stdout.contains("by ana")
            && shown.stdout.contains("the person asked"),
        "{shown:#?}"
    );
    assert!(!shown.stdout.contains(body), "{shown:#?}");
    let reviewed = bot.run(&["review", "show", "1"]);
    assert!(reviewed.stdout.contains("text       (erased)\nerased     "), "{reviewed:#?}");
    assert!(
        reviewed.stdout.contains("by ana (record ") && reviewed.stdout.contains("the person asked"),
        "{reviewed:#?}"
    );
    let listed = bot.run(&["history", "list"]);
    assert!(listed.stdout.contains("(erased)"), "{listed:#?}");
    let proved = bot.run(&["audit", "prove", "1", "-o", "1.tlog-proof"]);
    assert!(proved.code() == Some(0) && proved.stdout.contains("its content was forgotten"), "{proved:#?}");
    assert_eq!(bot.run(&["audit", "export", "-o", "log.jsonl"]).code(), Some(0));
    let key = key_of(&bot);
    for (what, file) in [("proof", "1.tlog-proof"), ("export", "log.jsonl")] {
        if let Some(checked) = check_without_us(&bot, what, file, &key) {
            assert!(checked.status.success(), "{checked:?}");
        }
    }
    let replayed = bot.run(&["replay", "1"]);
    assert!(replayed.code() == Some(78) && replayed.stderr.contains("erased"), "{replayed:#?}");
    let again = bot.run(&["history", "erase", "1", "--reason", "asked for", "--yes"]);
    assert!(again.stdout.contains("nothing left to erase"), "{again:#?}");
}

#[test]
fn a_prompt_that_was_typed_for_a_round_goes_with_its_texts() {
    let bot = TestBot::new();
    let prompt = "La plaza de Zutana Perenceja";
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let configured = bot.newest("seed_prompt");
    assert_eq!(bot.run(&["once", "--prompt", prompt]).code(), Some(0));
    let commands: [&[&str]; 5] = [
        &["--json", "history", "show", "2"],
        &["history", "list"],
        &["history", "export", "--format", "jsonl"],
        &["stats", "--by", "prompt"],
        &["audit", "export"],
    ];
    for command in commands {
        // The list shows the text of the post, or why there is none.
        let said = bot.run(command).stdout;
        assert!(command[1] == "list" || said.contains("Perenceja"), "{command:?}: {said}");
    }
    let erase = ["history", "erase", "1", "2", "--reason", "asked", "--yes", "--by", "ana"];
    let erased = bot.run(&erase);
    assert!(erased.code() == Some(0) && erased.stdout.contains("and the prompt that was typed for it"), "{erased:#?}");
    assert_eq!(erased.stdout.matches("the prompt").count(), 1, "a configured prompt stays: {erased:#?}");
    for command in commands {
        let said = bot.run(command).stdout;
        assert!(!said.contains("Perenceja"), "{command:?}: {said}");
    }
    for file in ["data/pregonero.db", "data/pregonero.db-wal"] {
        let bytes = fs::read(bot.path(file)).unwrap_or_default();
        assert!(!bytes.windows(9).any(|window| window == b"Perenceja"), "{file} still holds the prompt");
    }
    assert_eq!(verdict(&bot)["faults"], serde_json::json!([]));
    assert_eq!(bot.history()[1]["seed_prompt"], configured);
    assert!(bot.run(&erase).stdout.contains("round 2: there was nothing left to erase"));
}

#[test]
fn a_key_given_as_a_secret_signs_and_none_is_made() {
    let (one, other) = (TestBot::new(), TestBot::new());
    assert_eq!(one.run(&["once"]).code(), Some(0));
    assert_eq!(other.run(&["once"]).code(), Some(0));
    let verifier = key_of(&one);
    let secret = fs::read_to_string(one.path("data/audit.key")).unwrap();
    fs::create_dir(other.path("credentials")).unwrap();
    fs::write(other.path("credentials/audit_key"), &secret).unwrap();
    let _ = fs::remove_file(other.path("data/audit.key"));
    let ways = [
        ("AUDIT_KEY", secret.trim().to_owned()),
        ("AUDIT_KEY_FILE", other.path("credentials/audit_key").display().to_string()),
        ("CREDENTIALS_DIRECTORY", other.path("credentials").display().to_string()),
    ];
    for (name, value) in &ways {
        let run = |arguments: &[&str]| {
            let mut command = other.command(arguments);
            command.env(name, value);
            other.start_command(command).wait()
        };
        let printed = run(&["audit", "key"]);
        assert_eq!(printed.stdout.trim(), verifier, "{name}: {printed:#?}");
        let signed = run(&["audit", "checkpoint"]);
        assert_eq!(signed.code(), Some(0), "{name}: {signed:#?}");
        let verified = run(&["audit", "verify", "--key", &verifier]);
        assert_eq!(verified.code(), Some(0), "{name}: {verified:#?}");
        let replaced = run(&["audit", "key", "--new", "--by", "root"]);
        assert!(replaced.code() == Some(78) && replaced.stderr.contains("replace it there"), "{name}: {replaced:#?}");
        assert!(!other.path("data/audit.key").exists(), "{name}");
        assert!(!format!("{printed:?}{signed:?}{verified:?}").contains(secret.trim()), "it is a secret");
    }
    let mut broken = other.command(&["audit", "key"]);
    broken.env("AUDIT_KEY", "no key at all");
    let broken = other.start_command(broken).wait();
    assert!(broken.code() == Some(78) && broken.stderr.contains("AUDIT_KEY"), "{broken:#?}");
    assert!(!broken.stderr.contains("no key at all"), "{broken:#?}");
}

async fn dues_differ(bot: &TestBot) -> bool {
    let options = SqliteConnectOptions::new().filename(database(bot)).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let differ = sqlx::query_scalar("SELECT max(due) > min(due) FROM tallies").fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    differ.unwrap()
}

#[tokio::test]
async fn a_pruned_round_is_still_proved_and_checked() {
    let bot = anchored_bot();
    // A round that is due in the same second as the latest one is not old yet.
    while !dues_differ(&bot).await {
        assert_eq!(bot.run(&["once"]).code(), Some(0));
    }
    let store = pregonero_store::Store::open_existing(&database(&bot)).await.unwrap();
    let now = "2096-01-01T00:00:00Z".parse().unwrap();
    let pruned = store.prune_candidates(std::time::Duration::ZERO, 10, now).await.unwrap();
    assert!(pruned.rounds > 0, "{pruned:?}");
    store.close().await;
    let proved = bot.run(&["audit", "prove", "1", "-o", "1.tlog-proof"]);
    assert_eq!(proved.code(), Some(0), "{proved:#?}");
    assert_eq!(bot.run(&["audit", "checkpoint"]).code(), Some(0));
    assert_eq!(bot.run(&["audit", "export", "-o", "log.jsonl"]).code(), Some(0));
    let key = key_of(&bot);
    for (what, file) in [("proof", "1.tlog-proof"), ("export", "log.jsonl")] {
        if let Some(checked) = check_without_us(&bot, what, file, &key) {
            assert!(checked.status.success(), "{checked:?}");
        }
    }
    let verdict = verdict(&bot);
    assert_eq!(
        (&verdict["faults"], &verdict["forgotten"]),
        (&serde_json::json!([]), &serde_json::json!(pruned.rounds)),
        "{verdict}"
    );
    let told = bot.run(&["audit", "verify"]).stdout;
    assert!(told.contains("not covered: ") && told.contains("engagement"), "{told}");
}

#[test]
fn on_a_terminal_erasing_asks_first_and_takes_no_other_word() {
    let bot = TestBot::new();
    assert_eq!(bot.run(&["once"]).code(), Some(0));
    let erase = ["history", "erase", "1", "--reason", "asked", "--by", "ana"];
    let kept = bot.on_a_terminal(&erase, "y\n");
    assert!(kept.code() == Some(1) && kept.stdout.contains("nothing was erased"), "{kept:#?}");
    let erased = bot.on_a_terminal(&erase, "erase\n");
    assert!(erased.code() == Some(0) && erased.stdout.contains("round 1: the post and"), "{erased:#?}");
}
