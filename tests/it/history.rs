//! The history from outside: filters, the story of a round, exports, statistics, engagement, and what is kept for how long.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use pregonero_store::testing::new_post;
use pregonero_store::{Decision, NewPost, NewRound, Origin, SlotId, Store};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_tweet::testing::judged;
use pregonero_tweet::{ModelIdentity, SeedPrompt, Verdict};
use serde_json::{Value, json};

use crate::support::fake_x::FakeX;
use crate::support::test_bot::{TestBot, wait_until};

const TEXTS: [&str; 4] =
    ["Mañana abre el mercado.", "La vacunación avanza.", "=HYPERLINK(\"http://a\")", "¿Café o té?"];

/// Begins a record of four rounds at 09:00 of days that begin with `first`, of which the last one led to no post.
async fn begin_record(path: &Path, first: Timestamp) {
    let store = Store::open(path).await.unwrap();
    for (day, text) in TEXTS.iter().enumerate() {
        let due = first + SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
        let prompt = if day == 0 { "El mercado" } else { "Hoy, " };
        let model = |name: &str| ModelIdentity { name: name.to_owned(), sha256: "ab".repeat(32) };
        let round = NewRound {
            slot: SlotId::Scheduled(due),
            seed_prompt: SeedPrompt { text: prompt.to_owned(), weight: 1, attributes: BTreeMap::new() },
            rng_seed: 7,
            generation: json!({}),
            generator: model(if day == 1 { "otro" } else { "tiny" }),
            classifier: model("builtin"),
            device: "cpu".to_owned(),
            program_version: "0.1.0".to_owned(),
            settings: json!({"account": "pregonero_test", "live": false}),
            config_sha256: "cd".repeat(32),
        };
        let round = store.begin_round(&round, due).await.unwrap();
        let is_last = day + 1 == TEXTS.len();
        let verdict = if is_last { Verdict::Reject } else { Verdict::Pass };
        let all =
            [judged("Nadie habla de trenes.", Verdict::Reject, 0.2), judged(text, verdict, [0.9, 0.8, 0.7, 0.1][day])];
        store.record_candidates(round, &all, (!is_last).then_some(1), due).await.unwrap();
        if is_last {
            store.end_without_candidate(round, "2 of 2 rejected: claims 2", due).await.unwrap();
            continue;
        }
        let origin = Origin { live: false, account: "pregonero_test".to_owned() };
        let post = NewPost { candidate: 1, weighted_length: 20, ..new_post(round, text, &origin, due) };
        let post = store.create_post(&post, due).await.unwrap();
        if day == 1 {
            let decision = Decision {
                post,
                reviewer: "ana",
                role: "editor",
                facts_checked: false,
                sources: &[],
                note: Some("old"),
                link: None,
            };
            store.stop_post(&decision, due).await.unwrap();
        }
    }
    store.close().await;
}

fn numbers(rows: &[Value], key: &str) -> Vec<i64> {
    rows.iter().map(|row| row[key].as_i64().unwrap()).collect()
}

async fn bot_with_record() -> TestBot {
    let bot = TestBot::new();
    begin_record(&bot.path("data/pregonero.db"), "2026-03-01T09:00:00Z".parse().unwrap()).await;
    bot
}

#[tokio::test]
async fn the_history_is_listed_by_whatever_is_asked_of_it() {
    let bot = bot_with_record().await;
    for (flags, expected) in [
        (&[][..], &[4, 3, 2, 1][..]),
        (&["-n", "2"], &[4, 3]),
        (&["--all"], &[4, 3, 2, 1]),
        (&["--text", "manana"], &[1]),
        (&["--text", "VACUNACIÓN"], &[2]),
        (&["--text", "vacun*"], &[2]),
        (&["--text", "cafe"], &[]),
        (&["--text", "cafe", "--candidates"], &[4]),
        (&["--text", "\" OR NEAR( *"], &[]),
        (&["--since", "2026-03-03"], &[4, 3]),
        (&["--until", "2026-03-02"], &[2, 1]),
        (&["--since", "2026-03-02T09:00", "--until", "2026-03-03T09:00"], &[2]),
        (&["--prompt", "El mercado"], &[1]),
        (&["--state", "rejected", "--state", "no_candidate"], &[4, 2]),
        (&["--state", "held,rejected", "--min-score", "0.75"], &[2, 1]),
        (&["--model", "otro"], &[2]),
    ] {
        let listed = bot.run(&[&["--json", "history", "list"][..], flags].concat()).json();
        assert_eq!(numbers(&listed, "id"), expected, "{flags:?}");
    }
    for (flags, code, words) in [
        (&["--since", "2026-13-01"][..], 2, "expected a day such as 2026-03-01"),
        (&["--state", "posted"], 2, "[possible values: held"),
        (&["--min-score", "7"], 2, "expected a number from 0 to 1"),
        (&["--since", "2026-03-02", "--until", "2026-03-01"], 1, "--since is not before --until"),
        (&["--candidates"], 2, "--text"),
    ] {
        let ran = bot.run(&[&["history", "list"][..], flags].concat());
        assert!(ran.code() == Some(code) && ran.stderr.contains(words), "{ran:#?}");
    }
    let none = bot.run(&["history", "list", "--text", "nada"]);
    assert_eq!((none.code(), none.stdout.as_str(), none.stderr.trim()), (Some(0), "", "no round fits"));
    let costs = bot.run(&["history", "costs"]);
    assert_eq!((costs.stdout.as_str(), costs.stderr.trim()), ("", "X has charged nothing so far"));
    assert_eq!(bot.run(&["alerts", "list"]).stderr.trim(), "no alert is open");
}

#[tokio::test]
async fn an_export_is_a_table_without_formulas_and_replaces_no_file() {
    let bot = bot_with_record().await;
    let exported = bot.run(&["history", "export", "-o", "history.csv", "--state", "held"]);
    assert!(exported.code() == Some(0) && exported.stderr.contains("2 rounds"), "{exported:#?}");
    let table = std::fs::read_to_string(bot.path("history.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("id,slot,slot_local,state,text,") && lines.len() == 3, "{table}");
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"http://a\"\")\""), "{table}");
    assert!(lines[2].contains("2026-03-01 09:00:00 UTC,held,Mañana abre el mercado.,"), "{table}");
    let again = bot.run(&["history", "export", "-o", "history.csv"]);
    assert!(again.code() == Some(1) && again.stderr.contains("exists already"), "{again:#?}");
    assert_eq!(std::fs::read_to_string(bot.path("history.csv")).unwrap(), table);

    let all = bot.run(&["history", "export", "--format", "jsonl"]).json();
    let listed = bot.run(&["--json", "history", "list", "--all"]).json();
    assert_eq!(all, listed);
    assert_eq!(all[1]["text"], TEXTS[2], "JSON has the text as it is");
    let beside = bot.run(&["history", "export", "-o", "nowhere/a.csv"]);
    assert!(beside.code() == Some(1) && beside.stderr.contains("cannot write nowhere/a.csv"), "{beside:#?}");
}

#[tokio::test]
async fn statistics_say_what_rounds_came_to_in_words_and_numbers() {
    let bot = bot_with_record().await;
    let total = bot.run(&["--json", "stats"]).json().remove(0);
    assert_eq!((&total["rounds"], &total["chosen"], &total["candidates"]), (&json!(4), &json!(3), &json!(8)));
    assert_eq!(total["posts"], json!({"held": 2, "rejected": 1}));
    assert_eq!(total["gates"][1]["gate"], "claims");
    assert_eq!((&total["gates"][1]["share_passed"], &total["share_passed"]), (&json!(0.375), &json!(0.375)));
    assert_eq!(total["posted_score"], json!({"mean": 0.8, "median": 0.8}));
    assert_eq!(total["stopped"], json!([{"outcome": "no_candidate", "reason": "claims", "rounds": 1}]));
    let by_prompt = bot.run(&["--json", "stats", "--by", "prompt"]).json();
    let keys: Vec<_> =
        by_prompt.iter().map(|row| (row["key"].as_str().unwrap(), row["rounds"].as_i64().unwrap())).collect();
    assert_eq!(keys, [("Hoy, ", 3), ("El mercado", 1)]);
    let by_weekday = bot.run(&["--json", "stats", "--by", "weekday", "--since", "2026-03-02"]).json();
    let days: Vec<_> = by_weekday.iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(days, ["Monday", "Tuesday", "Wednesday"]);
    let shown = bot.run(&["stats"]).stdout;
    for words in
        ["4: 3 chosen, 1 no_candidate", "8: 37.5 % pass", "1 round no_candidate: claims", "no objection  length"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for by in ["prompt", "hour", "weekday", "model", "month"] {
        let shown = bot.run(&["stats", "--by", by]).stdout;
        let longest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 120 && shown.contains("claims rejects"), "{longest}: {shown}");
    }
    let nothing = bot.run(&["stats", "--since", "2027-01-01"]);
    assert!(
        nothing.stdout.is_empty() && nothing.stderr.contains("no round is on record for this time"),
        "{nothing:#?}"
    );
    let wrong = bot.run(&["stats", "--by", "year"]);
    assert!(wrong.code() == Some(2) && wrong.stderr.contains("[possible values: prompt"), "{wrong:#?}");
}

#[tokio::test]
async fn a_round_s_story_has_each_candidate_on_a_line_and_reasons_when_asked() {
    let bot = bot_with_record().await;
    let shown = bot.run(&["history", "show", "1"]).stdout;
    for words in
        ["*    2.  0.90  0.90 pass     Mañana abre", "     1.  0.20  0.20 reject   [claims] Nadie", "audit log"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("it names a figure"), "{shown}");
    let shown = bot.run(&["history", "show", "1", "--reasons"]).stdout;
    assert!(shown.contains("claims (reject): it names a figure"), "{shown}");
    let record = bot.run(&["--json", "history", "show", "1"]).json().remove(0);
    assert_eq!(
        (&record["candidates_judged"], &record["pruned_at"], &record["cost_micros"]),
        (&json!(2), &Value::Null, &json!(0))
    );
    assert!(record["audit"].as_array().unwrap().len() >= 3, "{record}");
}

#[tokio::test]
async fn the_daemon_removes_old_candidates_and_keeps_what_posts_were_made_of() {
    let bot = TestBot::new();
    begin_record(&bot.path("data/pregonero.db"), "2020-03-01T09:00:00Z".parse().unwrap()).await;
    // The age counts from the latest slot: without a recent one, the machine's clock would have to be believed.
    let store = Store::open(&bot.path("data/pregonero.db")).await.unwrap();
    let now = SystemClock.now();
    store.record_missed(&SlotId::Scheduled(now), "the program was not running", now).await.unwrap();
    store.close().await;
    bot.configure_with("[publish]", "[store]\nkeep_candidates = \"400d\"\n[publish]");
    let mut running = bot.start(&["run"]);
    running.wait_for("old candidates removed", 1);
    wait_until("the last round's removal", || {
        bot.run(&["--json", "history", "show", "4"]).json()[0]["pruned_at"].is_string()
    });
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let shown = bot.run(&["history", "show", "4"]).stdout;
    assert!(shown.contains("2 candidates, pruned ") && shown.contains("(store.keep_candidates)"), "{shown}");
    let record = bot.run(&["--json", "history", "show", "2"]).json().remove(0);
    assert_eq!((record["candidates"].as_array().unwrap().len(), &record["text"]), (1, &json!(TEXTS[1])));
    assert_eq!(bot.run(&["--json", "stats"]).json()[0]["candidates"], 8, "the statistics stay");
    assert_eq!(bot.run(&["db", "check"]).code(), Some(0));
    let wrong = bot.path("config.toml");
    std::fs::write(&wrong, "[store]\nkeep_candidates = \"1h\"\n").unwrap();
    let checked = bot.run(&["config", "check"]);
    assert!(checked.code() == Some(78) && checked.stderr.contains("store.keep_candidates"), "{checked:#?}");
}

#[tokio::test]
async fn what_people_did_with_the_posts_is_read_kept_and_shown() {
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_with("[publish]", "[engagement]\nevery = \"1h\"\n[publish]");
    for _ in 0..2 {
        assert_eq!(bot.run(&["once"]).code(), Some(0));
    }
    let mut running = bot.start(&["run"]);
    running.wait_for("engagement read", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let listed = bot.history();
    let counts = json!({"likes": 3, "reposts": 1, "replies": 1, "quotes": 0, "views": 100});
    assert_eq!((&listed[0]["engagement"], &listed[1]["engagement"]), (&counts, &counts));
    let shown = bot.run(&["history", "show", "1"]).stdout;
    assert!(shown.contains("3 likes, 1 repost, 1 reply, 0 quotes, 100 views"), "{shown}");
    let total = bot.run(&["--json", "stats", "--by", "prompt"]).json();
    assert_eq!(total.iter().map(|row| row["views"].as_i64().unwrap()).sum::<i64>(), 200);
    let costs = bot.run(&["--json", "history", "costs"]).json().remove(0);
    // Whose account it is, once; then two posts of the timeline.
    assert_eq!((&costs["read"], &costs["usd_for_reading"]), (&json!(3), &json!(0.012)));

    // A later reading finds one of them deleted: the last one is moved into the past, as an hour would.
    let store = Store::open(&bot.path("data/pregonero.db")).await.unwrap();
    store.close().await;
    let earlier = SystemClock.now() - SignedDuration::from_hours(3);
    let mut past = pregonero_store::testing::plain_connection(&bot.path("data/pregonero.db")).await;
    for sql in ["UPDATE reads SET made_at = ? WHERE what = 'metrics'", "UPDATE posts SET sent_at = ?"] {
        sqlx::query(sql).bind(format!("{earlier:.3}")).execute(&mut past).await.unwrap();
    }
    x.deletes_newest();
    let mut running = bot.start(&["run"]);
    running.wait_for("no longer shows this post", 1);
    running.signal("TERM");
    assert_eq!(running.wait().code(), Some(0));
    let listed = bot.history();
    assert!(listed[0]["gone_at"].is_string() && listed[1]["gone_at"].is_null(), "{listed:#?}");
    assert_eq!((&listed[1]["engagement"]["likes"], &listed[1]["engagement"]["views"]), (&json!(6), &json!(200)));
    assert!(bot.run(&["history", "show", "2"]).stdout.contains("gone since"));
}
