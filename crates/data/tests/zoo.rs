//! The zoo: files of every kind and with every common fault (`tests/data/zoo`, made by the script next to them). Each is read
//! rightly, or refused with the file, the line and what to do.

use std::path::{Path, PathBuf};

use pregonero_data::read::{ReadOptions, ReadReport, open};
use pregonero_data::row::{Row, Value};

fn zoo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/zoo").join(name)
}

fn read(name: &str, options: &ReadOptions) -> anyhow::Result<(Vec<Row>, ReadReport)> {
    let mut rows = open(&[zoo(name)], options)?;
    let all = rows.by_ref().collect::<anyhow::Result<Vec<Row>>>()?;
    Ok((all, rows.report().clone()))
}

fn texts(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.text("text").unwrap_or_default().into_owned()).collect()
}

const THREE: [&str; 3] = ["Señal de sol en la bahía", "Mañana abre el mercado, dicen", "¿Y si llueve?"];

#[test]
fn files_of_every_kind_give_their_rows() {
    for (name, kind, facts) in [
        ("utf8.csv", "CSV", "UTF-8, lines end in LF"),
        ("marked.csv", "CSV", "UTF-8 with a byte order mark"),
        ("semicolons.csv", "CSV with semicolons", "lines end in CR LF"),
        ("tabs.tsv", "TSV", ""),
        ("pipes.txt", "CSV with |", ""),
        ("latin1.csv", "CSV", "Latin-1"),
        ("unicode-text.txt", "TSV", "UTF-16LE with a byte order mark, lines end in CR LF"),
        ("utf16be.csv", "CSV", "UTF-16BE"),
        ("old-mac.csv", "CSV", "lines end in CR"),
        ("TWEETS.CSV", "JSON lines", ""),
        ("array.json", "JSON", ""),
        ("lines.ndjson", "JSON lines", ""),
        ("json.txt", "JSON", ""),
        ("lines.txt", "plain lines", "UTF-8"),
        ("utf8.csv.gz", "CSV", "gzip"),
        ("semicolons.csv.xz", "CSV with semicolons", "xz"),
        ("pandas.parquet", "Parquet", ""),
        ("polars.parquet", "Parquet", ""),
        ("duckdb.parquet", "Parquet", ""),
    ] {
        let (rows, report) = read(name, &ReadOptions::strict()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(texts(&rows), THREE, "{name}: {report}");
        assert_eq!(report.files[0].kind, kind, "{name}");
        assert!(report.to_string().contains(facts) && report.files[0].findings.is_empty(), "{name}: {report}");
        if kind != "plain lines" {
            assert_eq!(rows[2].text("id").as_deref(), Some("1626983443210002466"), "{name}");
        }
    }
    let (rows, report) = read("two.zip", &ReadOptions::strict()).unwrap();
    assert_eq!(
        (texts(&rows), report.files.len()),
        ([THREE, THREE].concat().iter().map(|text| (*text).to_owned()).collect(), 2)
    );
    assert_eq!(texts(&read("windows1252.csv", &ReadOptions::strict()).unwrap().0)[0], "Señal de “sol” en la bahía");
    assert_eq!(
        texts(&read("multiline.csv", &ReadOptions::strict()).unwrap().0),
        ["dos\nrenglones, con \"citas\"", "uno"]
    );
    assert_eq!(texts(&read("one.json", &ReadOptions::strict()).unwrap().0), [THREE[0]]);
}

/// As the programs that wrote the files read them: see the script.
#[test]
fn parquet_files_have_the_values_that_pandas_polars_and_duckdb_gave_them() {
    for name in ["pandas.parquet", "polars.parquet", "duckdb.parquet"] {
        let (rows, _) = read(name, &ReadOptions::strict()).unwrap();
        let times: Vec<_> = rows.iter().map(|row| row.text("created_at").map(|time| time[..19].to_owned())).collect();
        assert_eq!(
            times,
            [Some("2026-03-01T09:00:02".to_owned()), None, Some("2026-03-02T00:00:00".to_owned())],
            "{name}"
        );
        let labels: Vec<_> = rows.iter().map(|row| row.get("label").and_then(Value::as_number)).collect();
        assert_eq!(labels, [Some(1.0), None, Some(0.0)], "{name}");
        assert_eq!(rows[0].get("id"), Some(&Value::Integer(1_626_983_443_210_002_400)), "{name}");
    }
    for (name, column) in [("polars.parquet", "tags"), ("duckdb.parquet", "tags")] {
        let (rows, _) = read(name, &ReadOptions::strict()).unwrap();
        let tags: Vec<_> = rows.iter().map(|row| row.text(column).map(std::borrow::Cow::into_owned)).collect();
        assert_eq!(tags, [Some("sol mar".to_owned()), None, None], "{name}");
    }
    let (rows, _) = read("nested.parquet", &ReadOptions::strict()).unwrap();
    let found: Vec<_> = rows[0].iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert!(found.contains(&"user.name=ana".to_owned()) && found.contains(&"user.id=7".to_owned()), "{found:?}");
    assert_eq!(rows[1].len(), 0);
}

#[test]
fn what_x_writes_is_read_as_tweets() {
    let with = |name: &str| read(name, &ReadOptions::strict()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let (rows, report) = with("x-archive.zip");
    let whole = texts(&rows);
    assert_eq!(whole[..4], ["tuit 1 <3", "tuit 2 <3", "tuit 3 <3", "tuit 4 <3"], "{report}");
    assert!(whole[4].ends_with("y sigue y sigue,") && whole.len() == 5, "the long text is joined: {whole:?}");
    assert!(rows.iter().all(|row| row.text("author").as_deref() == Some("ana_v")));
    assert!(
        !whole.iter().any(|text| text.contains("otra persona")) && report.to_string().contains("like.js"),
        "{report}"
    );
    assert!(!report.to_string().contains("a@example.org"));
    assert_eq!(texts(&with("tweets.js").0), ["tuit 1 <3", "tuit 2 <3"]);
    let (rows, _) = with("x-archive-2015.zip");
    assert_eq!(
        (texts(&rows), rows[0].text("created_at").as_deref()),
        (vec!["viejo".to_owned()], Some("2015-07-02T10:00:00Z"))
    );
    let (rows, _) = with("v2-pages.jsonl");
    assert_eq!(
        (texts(&rows), rows[0].text("author").as_deref()),
        (vec!["corta & fea".to_owned(), "corta no: larga".to_owned()], Some("ana_v"))
    );
    let (rows, _) = with("v2-flattened.jsonl");
    assert_eq!((rows[0].get("reply"), rows[0].text("author").as_deref()), (Some(&Value::Bool(true)), Some("ana_v")));
    assert_eq!(texts(&with("v1.json").0), ["corta no", "breve"]);
}

/// Each fault: the rows that are read all the same, what is dropped and said with its lines, and what a strict reader says.
#[test]
fn faults_are_found_and_said_with_their_rows() {
    for (name, kept, dropped, finding, lines, strict) in [
        ("mixed-encodings.csv", 4, 0, "mixed_encodings", &[5][..], Some(":5: not UTF-8 like the rows before it")),
        ("mojibake.csv", 3, 0, "mojibake", &[2, 3, 4], None),
        ("rounded-ids.csv", 3, 0, "rounded_ids", &[2, 4], None),
        ("stray-quotes.csv", 5, 0, "stray_quotes", &[3, 5], Some(":3: the quotes of this row do not fit")),
        ("fields.csv", 2, 2, "number_of_fields", &[3, 5], Some(":3: 1 fields, the header has 2")),
        ("repeated-names.csv", 1, 0, "repeated_names", &[], None),
        ("stumps.csv", 3, 0, "stumps", &[2], None),
        ("stumps.csv", 3, 0, "empty_texts", &[4], None),
        ("broken.jsonl", 2, 1, "not_json", &[2], Some(":2: not a JSON object")),
        ("cut-off.json", 2, 1, "cut_off", &[1], Some(":1: the file ends within this value")),
    ] {
        let (rows, report) = read(name, &ReadOptions::default()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let (read_rows, kept_rows, dropped_rows) = report.totals();
        assert_eq!((rows.len() as u64, kept_rows, dropped_rows), (kept, kept, dropped), "{name}: {report}");
        assert_eq!(read_rows, kept_rows + dropped_rows);
        let found = report.files[0].finding(finding).unwrap_or_else(|| panic!("{name}: {report}"));
        assert_eq!(found.rows, lines, "{name}: {report}");
        match (read(name, &ReadOptions::strict()), strict) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => {
                let message = format!("{error:#}");
                assert!(message.contains(expected) && message.contains(name), "{message}");
            }
            (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_what_to_do() {
    for (name, expected) in [
        ("like.js", "likes are other people's texts"),
        ("book.xlsx", "an Excel workbook: save the sheet as CSV UTF-8"),
        ("page.html", "a web page: was the file fetched without signing in"),
        ("damaged.csv.gz", "the gzip data is damaged or ends too early"),
        ("deep.csv.gz", "packed more than 4 deep in each other: unpack them first"),
        ("zeros.csv.gz", "its bytes are no text"),
    ] {
        let message = format!("{:#}", read(name, &ReadOptions::default()).unwrap_err());
        assert!(message.contains(expected) && message.contains(name), "{message}");
    }
}

#[test]
fn the_limit_of_excel_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.csv");
    std::fs::write(&path, format!("text\n{}", "a\n".repeat(1_048_575))).unwrap();
    let mut rows = open(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(rows.by_ref().count(), 1_048_575);
    assert!(rows.report().files[0].finding("excel_limit").is_some());
}
