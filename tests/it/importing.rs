//! `dataset import` and `inspect -`, the real program: what it says about a file, what it writes, what it leaves alone.

use serde_json::Value;

use crate::commands::Place;

const TABLE: &str = "tweet_id;tweet;username;fecha\n\
    1626983443210002433;\"El mercado abre; lleven bolsa\";@ana_v;2026-03-01 09:00:02\n\
    1.62698E+18;Otra vez sin luz;@eva;2026-03-02 08:00:00\n\
    1626983443210002436;falta una fecha\n";

#[test]
fn a_dry_run_shows_what_is_in_a_file_and_writes_nothing() {
    let place = Place::new("");
    std::fs::write(place.path("a.csv"), TABLE).unwrap();
    let before = std::fs::read_dir(place.path("")).unwrap().count();
    let ran = place.run(&["dataset", "import", "--dry-run", "a.csv"]);
    assert_eq!(ran.code, 0, "{ran:#?}");
    for expected in [
        "a.csv: CSV with semicolons, UTF-8, lines end in LF",
        "3 rows read = 2 kept + 1 dropped (1 wrong number of fields)",
        "(line 4)",
        "from tweet",
        "1 ids are rounded",
        "El mercado abre; lleven bolsa",
        "nothing was written",
    ] {
        assert!(ran.stdout.contains(expected), "{expected:?}: {ran:#?}");
    }
    assert_eq!(std::fs::read_dir(place.path("")).unwrap().count(), before);
}

#[test]
fn an_import_is_a_folder_that_says_where_its_rows_come_from_and_that_is_read_like_a_file() {
    let place = Place::new("");
    std::fs::write(place.path("a.csv"), TABLE).unwrap();
    for format in ["jsonl", "parquet"] {
        let import =
            ["--json", "dataset", "import", "a.csv", "--output", format, "--format", format, "--rights", "a test"];
        let ran = place.run(&import);
        assert_eq!(ran.code, 0, "{ran:#?}");
        let said: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            (&said["read"], &said["kept"], &said["files"][0]["dropped"]["wrong number of fields"]),
            (&3.into(), &2.into(), &1.into())
        );
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(place.path(format).join("manifest.json")).unwrap()).unwrap();
        assert_eq!(manifest["digest"], said["digest"]);
        assert_eq!((&manifest["rights"], &manifest["sources"][0]["kept"]), (&"a test".into(), &2.into()));
        assert!(manifest["commands"][0].as_str().unwrap().contains("dataset import a.csv"));
        let again = place.run(&import);
        assert!(again.code == 1 && again.stderr.contains("exists already"), "{again:#?}");

        let vocabulary = format!("{format}-tokenizer");
        let train =
            ["train", "tokenizer", "--clean", "none", "--vocab-size", "300", "--output", &vocabulary, "--data", format];
        let trained = place.run(&train);
        assert_eq!(trained.code, 0, "{trained:#?}");
    }
    let one = std::fs::read(place.path("jsonl-tokenizer/tokenizer.json")).unwrap();
    assert!(
        one == std::fs::read(place.path("parquet-tokenizer/tokenizer.json")).unwrap(),
        "the same rows in both formats"
    );
}

#[test]
fn a_column_that_is_in_no_file_is_named_and_nothing_stays() {
    let place = Place::new("");
    std::fs::write(place.path("a.csv"), TABLE).unwrap();
    let ran = place.run(&["dataset", "import", "a.csv", "--rename", "tuit=text", "--output", "set"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("no file has a column \"tuit\"; they have tweet_id, tweet"),
        "{ran:#?}"
    );
    let left: Vec<_> = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".unfinished") || name == "set"), "{left:?}");
}
