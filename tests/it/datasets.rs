//! `dataset build`, and what is done with a data set afterwards: the real program, killed, on wrong specs, and up to the purge that
//! names the models.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::test_bot::TestBot;

const SPEC: &str = r#"
[meta]
name = "barrio"
description = "Invented tweets."
licence = "CC0-1.0"
creators = ["the tests"]
url = "https://example.com/barrio"
[[source]]
path = "tweets.csv"
columns = { text = "tweet", author = "user", created_at = "date" }
[filter]
retweets = "drop"
min_words = 5
duplicates = "exact"
[label]
by = "hashtags"
labels = { positive = ["YoVoy"], negative = ["NoVoy"] }
[split]
by = "author"
[output]
format = "FORMAT"
"#;

/// Returns a bot's folder with a table of so many tweets, and the spec for it.
fn place(tweets: usize, format: &str) -> TestBot {
    let bot = TestBot::new();
    let mut table = "id,date,user,tweet\n".to_owned();
    for number in 0..tweets {
        let tag = ["#YoVoy", "#NoVoy", "sin etiqueta"][number % 3];
        let (day, user) = (1 + number % 28, number % 61);
        let start = if number % 10 == 9 { "RT @vecina3: " } else { "" };
        let _ = writeln!(
            table,
            "{},2021-03-{day:02} 10:00:00,vecina{user},\"{start}el mensaje número {number} del barrio, con {} {tag}\"",
            10_000 + number,
            number * 7
        );
    }
    std::fs::write(bot.path("tweets.csv"), table).unwrap();
    std::fs::write(bot.path("spec.toml"), SPEC.replace("FORMAT", format)).unwrap();
    bot
}

fn json(bot: &TestBot, arguments: &[&str]) -> Value {
    let ended = bot.run(&[arguments, &["--json"]].concat());
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    ended.json().remove(0)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "manifest.json")
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_data_set_is_built_shown_verified_described_and_purged() {
    let bot = place(600, "jsonl");
    let dry = json(&bot, &["dataset", "build", "--spec", "spec.toml", "--dry-run"]);
    assert!(!bot.path("set").exists());
    let built = json(&bot, &["dataset", "build", "--spec", "spec.toml", "--output", "set"]);
    assert_eq!(built["rows_read"], 600);
    assert_eq!((&dry["kept"], &dry["dropped"]), (&built["kept"], &built["dropped"]));
    assert_eq!(built["dropped"]["retweet"], 60);
    assert_eq!(built["leakage"]["split"]["author_in_training"], 0);
    let manifest = json(&bot, &["dataset", "show", "set"]);
    assert_eq!(manifest["digest"], built["digest"]);
    assert!(manifest["commands"][0].as_str().unwrap().contains("dataset build --spec spec.toml"));

    assert_eq!(json(&bot, &["dataset", "verify", "set"])["sources"][0]["state"], "same");
    assert_eq!(json(&bot, &["dataset", "ids", "set", "--output", "ids.txt"])["counts"]["written"], built["kept"]);
    let again = bot.run(&["dataset", "ids", "set", "--output", "ids.txt"]);
    assert_ne!(again.code(), Some(0));
    assert!(again.stderr.contains("ids.txt: exists already"), "{again:?}");
    json(&bot, &["dataset", "card", "set"]);
    json(&bot, &["dataset", "card", "set", "--croissant"]);
    assert!(std::fs::read_to_string(bot.path("set/README.md")).unwrap().contains("# barrio"));
    json(&bot, &["dataset", "card", "set", "--croissant"]);
    let theirs = r#"{"conformsTo": "http://mlcommons.org/croissant/1.1"}"#;
    std::fs::write(bot.path("theirs.json"), theirs).unwrap();
    let refused = bot.run(&["dataset", "card", "set", "--croissant", "--output", "theirs.json"]);
    assert!(refused.stderr.contains("was not written by this command"), "{refused:?}");
    for (name, kind) in [("README.md", &[][..]), ("croissant.json", &["--croissant"])] {
        let path = bot.path(&format!("set/{name}"));
        let completed = std::fs::read_to_string(&path).unwrap().replacen("barrio", "barrio nuestro", 1);
        std::fs::write(&path, &completed).unwrap();
        let card = [&["dataset", "card", "set"], kind].concat();
        let refused = bot.run(&card);
        assert!(refused.stderr.contains("changed by hand since this command wrote it"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), completed);
        json(&bot, &[&card[..], &["--overwrite"]].concat());
        json(&bot, &card);
    }

    // A model that was trained on the part with the author's rows is named; it keeps the hashes of its files.
    let train = ["train", "vectors", "--data", "set/train.jsonl:text", "--output", "runs/words", "--epochs", "1"];
    let trained = bot.run(&[&train[..], &["--min-count", "1"]].concat());
    assert_eq!(trained.code(), Some(0), "{trained:?}");
    let looked = json(&bot, &["dataset", "purge", "set", "--author", "@vecina3", "--dry-run"]);
    let purged = json(&bot, &["dataset", "purge", "set", "--author", "@vecina3", "--reason", "asked"]);
    assert_eq!(looked["purged"]["rows"], purged["purged"]["rows"]);
    let seen = purged["purged"]["files"].as_object().unwrap().contains_key("train.jsonl");
    assert_eq!(purged["purged"]["models"].as_array().unwrap().len(), usize::from(seen), "{purged}");
    assert_eq!(purged["purged"]["sources"][0].as_str().unwrap(), "tweets.csv");
    json(&bot, &["dataset", "verify", "set"]);
    let text = std::fs::read_to_string(bot.path("set/manifest.json")).unwrap();
    assert!(!text.contains("vecina3"), "{text}");
    assert_eq!(json(&bot, &["dataset", "purge", "set", "--author", "vecina3"])["purged"]["rows"], 0);
}

#[test]
fn a_changed_data_set_is_found_out_and_ends_with_1() {
    let bot = place(300, "jsonl");
    json(&bot, &["dataset", "build", "--spec", "spec.toml", "--output", "set"]);
    let path = bot.path("set/train.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("mensaje", "masaje", 1)).unwrap();
    let ended = bot.run(&["dataset", "verify", "set"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains("train.jsonl: the contents are not those of the manifest"), "{ended:?}");
}

#[test]
fn a_spec_with_a_fault_is_refused_with_its_line_and_nothing_is_written() {
    let bot = place(30, "jsonl");
    for (from, to, expected) in [
        ("min_words = 5", "min_word = 5", "bad.toml: TOML parse error at line 13, column 1"),
        ("path = \"tweets.csv\"", "path = \"none.csv\"", "none.csv"),
        (
            "text = \"tweet\"",
            "text = \"texto\"",
            "no row has the column \"texto\" that source.columns names; the first row has id, date, user, tweet",
        ),
        ("min_words = 5", "min_words = 500", "no row is left"),
    ] {
        std::fs::write(bot.path("bad.toml"), SPEC.replace("FORMAT", "jsonl").replace(from, to)).unwrap();
        let ended = bot.run(&["dataset", "build", "--spec", "bad.toml", "--output", "set"]);
        assert_ne!(ended.code(), Some(0));
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
        assert!(!bot.path("set").exists());
    }
}

#[test]
fn a_build_killed_at_any_moment_leaves_nothing_half_written_and_comes_to_the_same_bytes() {
    let bot = place(30_000, "parquet");
    let arguments = |output: &str| ["dataset", "build", "--spec", "spec.toml", "--output", output].map(str::to_owned);
    let run = |output: &str| {
        let arguments = arguments(output);
        bot.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let start = std::time::Instant::now();
    assert!(quiet(run("whole")).status().unwrap().success());
    let whole = start.elapsed();
    let mut killed = 0;
    for moment in 1..12 {
        let mut child = quiet(run("set")).spawn().unwrap();
        std::thread::sleep(whole * moment / 12);
        child.kill().unwrap();
        let finished = child.wait().unwrap().success();
        killed += usize::from(!finished);
        assert_eq!(bot.path("set").exists(), finished, "after {moment} twelfths");
        if finished {
            std::fs::remove_dir_all(bot.path("set")).unwrap();
        }
    }
    assert!(killed > 3, "only {killed} kills came in time");
    std::thread::sleep(Duration::from_millis(10));
    assert!(quiet(run("set")).status().unwrap().success());
    assert_eq!(files(&bot.path("set")), files(&bot.path("whole")));
    let left = std::fs::read_dir(bot.path("set").parent().unwrap()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".unfinished-"));
    assert_eq!(left.count(), 0, "the last run removes what the killed ones left");
}

#[test]
fn a_dry_run_refuses_what_the_run_refuses() {
    let bot = place(30, "jsonl");
    std::fs::create_dir(bot.path("there")).unwrap();
    std::fs::write(bot.path("there/notes.txt"), "mine").unwrap();
    let enrich = |classifier: &str, column: &str| {
        format!("[enrich]\ncolumns = [\"sentiment={column}\"]\nclassifier = \"{classifier}\"\n[split]")
    };
    for (from, to, output, expected) in [
        ("[split]", enrich("builtin:none", "TONO"), "set", "bad.toml: enrich.classifier"),
        ("[split]", enrich("no/such/folder", "TONO"), "set", "bad.toml: enrich.classifier"),
        ("[split]", enrich("builtin", "author"), "set", "the rows have a column \"author\" already"),
        ("min_words = 5", "min_words = 5\nas_of = 2021-01-01".to_owned(), "set", "filter.as_of: it does nothing"),
        ("min_words = 5", "languages = [\"xx\"]".to_owned(), "set", "no language has the code \"xx\""),
        (
            "min_words = 5",
            "languages = [\"spa\"]".to_owned(),
            "set",
            "filter.languages: \"spa\" is not a code that X uses",
        ),
        (
            "min_words = 5",
            "without = { party = [\"x\"] }".to_owned(),
            "set",
            "filter.without: no row has a column \"party\"; there are id",
        ),
        ("min_words = 5", "min_words = 5".to_owned(), "there", "there: exists already"),
    ] {
        std::fs::write(bot.path("bad.toml"), SPEC.replace("FORMAT", "jsonl").replacen(from, &to, 1)).unwrap();
        for dry in [&["--dry-run"][..], &[]] {
            let ended = bot.run(&[&["dataset", "build", "--spec", "bad.toml", "--output", output], dry].concat());
            assert_ne!(ended.code(), Some(0), "{to}");
            assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
        }
    }
    assert!(!bot.path("set").exists());
}

#[test]
fn a_purge_says_where_it_cannot_look() {
    let bot = TestBot::new();
    std::fs::write(bot.path("a.csv"), "text,handle\nhola,ana\nsol,eva\n").unwrap();
    json(&bot, &["dataset", "import", "a.csv", "--output", "set", "--keep-names", "--rename", "handle=quien"]);
    let ended = bot.run(&["dataset", "purge", "set", "--author", "@ana"]);
    assert_ne!(ended.code(), Some(0));
    assert!(ended.stderr.contains("there are text, quien: say which one with --author-column NAME"), "{ended:?}");
    let purged = json(&bot, &["dataset", "purge", "set", "--author", "https://x.com/ana", "--author-column", "quien"]);
    assert_eq!((&purged["purged"]["rows"], &purged["purged"]["kept"]), (&1.into(), &1.into()));
    for renames in [["text=a", "text=b"], ["text=a", "handle=a"]] {
        let ended =
            bot.run(&["dataset", "import", "a.csv", "--dry-run", "--rename", renames[0], "--rename", renames[1]]);
        assert!(ended.stderr.contains("--rename: "), "{ended:?}");
    }
}

#[test]
fn a_dry_purge_refuses_a_place_that_cannot_be_written_in_the_words_of_the_purge() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let bot = TestBot::new();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::create_dir(bot.path("sets")).unwrap();
    std::fs::write(bot.path("a.csv"), "text,author\nhola,ana\nsol,eva\n").unwrap();
    json(&bot, &["dataset", "import", "a.csv", "--output", "sets/a"]);
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    for closed in ["sets", "sets/a"] {
        for folder in [".", "sets", "sets/a"] {
            mode(&bot.path(folder), if folder == closed { 0o555 } else { 0o777 });
        }
        let [dry, real] = [&["--dry-run"][..], &[]].map(|dry| {
            let mut command =
                bot.command(&[&["dataset", "purge", "sets/a", "--author", "ana", "--models", "sets"], dry].concat());
            if is_root {
                command.uid(NOBODY);
            }
            let ended = command.output().unwrap();
            assert!(!ended.status.success(), "{ended:?}");
            String::from_utf8(ended.stderr).unwrap()
        });
        assert_eq!(dry, real);
        assert!(dry.contains("ermission denied") && dry.contains(&format!("{closed}: ")), "{dry}");
    }
    mode(&bot.path("sets/a"), 0o777);
    assert_eq!(json(&bot, &["dataset", "purge", "sets/a", "--author", "ana"])["purged"]["rows"], 1);
}

#[test]
fn words_that_nobody_sees_do_not_get_into_a_manifest() {
    let bot = place(30, "jsonl");
    let spec = SPEC.replace("FORMAT", "jsonl");
    std::fs::write(bot.path("bad.toml"), spec.replace("\"barrio\"", "\"bar\u{202e}rio\"")).unwrap();
    std::fs::write(bot.path("nameless.toml"), spec.replace("name = \"barrio\"", "")).unwrap();
    json(&bot, &["dataset", "build", "--spec", "nameless.toml", "--output", "set"]);
    let shown = bot.run(&["dataset", "show", "set"]);
    assert!(shown.stdout.starts_with("set 1.0.0\n"), "without a name the folder's is shown: {shown:?}");
    for (arguments, flag) in [
        (&["dataset", "build", "--spec", "bad.toml", "--dry-run"][..], "meta: name"),
        (&["dataset", "purge", "set", "--author", "vecina3", "--dry-run", "--reason", "a\u{202e}b"], "--reason"),
        (&["dataset", "purge", "set", "--author", "vecina3", "--reason", "a\u{202e}b"], "--reason"),
        (
            &["dataset", "import", "tweets.csv", "--output", "b", "--creator", "ana", "--creator", "\u{202e}"],
            "--creator",
        ),
        (&["dataset", "import", "tweets.csv", "--dry-run", "--name", "\u{202e}"], "--name"),
        (&["dataset", "collect", "--hashtag", "a", "--output", "b", "--rights", "\u{202e}"], "--rights"),
    ] {
        let ended = bot.run(arguments);
        let expected = format!("{flag}: it contains U+202E, a character that cannot be seen: leave it out");
        assert!(ended.code() == Some(1) && ended.stderr.contains(&expected), "{arguments:?}: {ended:?}");
    }
    assert!(!bot.path("b").exists());
}

fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
