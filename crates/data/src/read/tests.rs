use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::report::kind;
use super::*;
use crate::row::{Row, Value};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn read(path: &Path) -> (Vec<Row>, ReadReport) {
    read_with(path, &ReadOptions::default()).unwrap()
}

fn read_with(path: &Path, options: &ReadOptions) -> anyhow::Result<(Vec<Row>, ReadReport)> {
    let mut rows = open(&[path.to_owned()], options)?;
    let all = rows.by_ref().collect::<anyhow::Result<Vec<Row>>>()?;
    let report = rows.report().clone();
    let (read, kept, dropped) = report.totals();
    assert_eq!((read, kept), (kept + dropped, all.len() as u64), "{report}");
    Ok((all, report))
}

fn texts(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.text("text").unwrap_or_default().into_owned()).collect()
}

fn refused(path: &Path) -> String {
    format!("{:#}", read_with(path, &ReadOptions::strict()).unwrap_err())
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn rows_of_a_table_have_the_lines_that_they_begin_on() {
    let folder = Folder::new();
    for end in ["\n", "\r\n", "\r"] {
        let lines = ["id,text", "1,uno", "2,\"dos", "y medio\"", "", "3,tres", ""];
        let (rows, report) = read(&folder.put("a.csv", lines.join(end)));
        let places: Vec<(u64, u64)> = rows.iter().map(|row| (row.place.line, row.place.row)).collect();
        assert_eq!(places, [(2, 1), (3, 2), (6, 3)], "{end:?} {report}");
        assert_eq!(rows[1].text("text").unwrap(), format!("dos{end}y medio"));
    }
}

#[test]
fn a_quote_that_does_not_fit_swallows_no_rows() {
    let folder = Folder::new();
    let quoted = "text,label\n\"a, b\",1\n\"c, d\",0\n\"e, f\",1\n";
    for (content, expected, lines) in [
        ("\"Hola vecina,1\nya \"casi\" llega,0\nsol,1\n", &["\"Hola vecina", "ya \"casi\" llega", "sol"][..], &[5][..]),
        ("sol,1\n\"Hola\" dijo ella,1\n", &["sol", "\"Hola\" dijo ella"], &[6]),
        ("\"Nunca cerrada,1\nsol,1\n", &["\"Nunca cerrada", "sol"], &[5]),
    ] {
        let path = folder.put("a.csv", format!("{quoted}{content}"));
        let (rows, report) = read(&path);
        assert_eq!(texts(&rows)[3..], *expected, "{report}");
        assert!(refused(&path).contains(&format!("a.csv:{}: the quotes of this row do not fit", lines[0])));
        assert_eq!(report.files[0].finding(kind::STRAY_QUOTES).unwrap().rows, lines);
    }
}

#[test]
fn a_row_that_cannot_be_read_is_dropped_and_counted_or_an_error_with_its_line() {
    let folder = Folder::new();
    let long = format!("text,label\nsol,1\n{},1\nmar,0\n", "a".repeat(LONGEST_RECORD + 1));
    for (name, content, reason, message) in [
        (
            "a.csv",
            "text,label\nsol,1\nlluvia\nmar,0\n",
            "wrong number of fields",
            "a.csv:3: 1 fields, the header has 2",
        ),
        ("a.csv", long.as_str(), "too long", "a.csv:3: the record is longer than 262144 bytes"),
        ("a.jsonl", "{\"text\":\"sol\"}\n{\"text\":\n{\"text\":\"mar\"}\n", "not JSON", "a.jsonl:2: not a JSON object"),
        ("a.json", "[{\"text\":\"sol\"},\n7, {\"text\":\"mar\"}]", "not an object", "a.json:2: not a JSON object"),
    ] {
        let path = folder.put(name, content);
        let (rows, report) = read(&path);
        assert_eq!(texts(&rows), ["sol", "mar"]);
        assert_eq!(report.files[0].dropped.get(reason), Some(&1), "{report}");
        assert!(refused(&path).contains(message), "{}: {message}", refused(&path));
    }
    let (rows, report) = read(&folder.put("a.csv", "text,label\nsol,1\n , \nmar,0\n"));
    assert_eq!((rows.len(), report.files[0].dropped.get("empty row")), (2, Some(&1)));
}

#[test]
fn columns_are_named_as_the_header_says_and_repeated_ones_are_numbered() {
    let folder = Folder::new();
    let (rows, report) = read(&folder.put("a.csv", "\u{feff}text , x,x,\nhola,1,2,3\n"));
    assert_eq!(report.files[0].columns, ["text", "x", "x.2", "column4"]);
    assert_eq!(report.files[0].repeated_names, ["x"]);
    assert_eq!(rows[0].text("x.2").unwrap(), "2");
    for (header, columns, repeated) in [
        ("x.1,x", vec!["x.1", "x"], vec![]),
        ("x,x.2,x,x", vec!["x", "x.2", "x.3", "x.4"], vec!["x"]),
        ("x,x,x.2", vec!["x", "x.2", "x.2.2"], vec!["x", "x.2"]),
    ] {
        let (_, report) = read(&folder.put("a.csv", format!("{header}\n")));
        assert_eq!(report.files[0].columns, columns, "{header}");
        assert_eq!(report.files[0].repeated_names, repeated, "{header}");
    }
    let options = ReadOptions { no_header: true, columns: Some(vec!["column2".to_owned()]), ..ReadOptions::default() };
    let (rows, _) = read_with(&folder.put("b.csv", "1,hola\n2,sol\n"), &options).unwrap();
    assert_eq!(rows[1].iter().collect::<Vec<_>>(), [("column2", &Value::from("sol"))]);
    assert_eq!(rows.len(), 2);
}

#[test]
fn packed_files_are_read_through() {
    let folder = Folder::new();
    let csv: &[u8] = b"text\nhola\nsol\n";
    let inner = zipped(&[("x/a.csv", csv), ("__MACOSX/a.csv", b"x"), ("b.csv.gz", &gzipped(b"text\nmar\n"))]);
    for (name, content, expected) in [
        ("a.csv.gz", gzipped(csv), 2),
        ("a.csv.zst", zstd::encode_all(csv, 1).unwrap(), 2),
        ("a.bin.gz.gz", gzipped(&gzipped(b"id,text\n1,hola\n")), 1),
        ("a.zip", inner.clone(), 3),
        ("outer.zip", zipped(&[("a.zip", &inner)]), 3),
        ("a.zip.gz", gzipped(&inner), 3),
    ] {
        let (rows, report) = read(&folder.put(name, content));
        assert_eq!(rows.len(), expected, "{name}: {report}");
    }
    let (_, report) = read(&folder.put("outer.zip", zipped(&[("a.zip", &inner)])));
    assert!(report.files[0].name.ends_with("outer.zip:a.zip:x/a.csv"), "{report}");
    let deep = (0..6).fold(csv.to_vec(), |content, _| gzipped(&content));
    assert!(refused(&folder.put("deep.gz", deep)).contains("packed more than 4 deep"));
    let mut damaged = gzipped(&csv.repeat(1000));
    damaged.truncate(damaged.len() / 2);
    assert!(refused(&folder.put("damaged.csv.gz", damaged)).contains("damaged.csv.gz"));
}

#[test]
fn a_zip_file_with_notes_and_pictures_gives_the_rows_of_its_tables_and_names_the_others() {
    let folder = Folder::new();
    let csv: &[u8] = b"id,text\n1,hola\n2,sol\n";
    let (pdf, text): (&[u8], &[u8]) = (b"%PDF-1.7 x", b"Hola, vecina.\nEsto no es una fila.\n");
    let mixed = zipped(&[
        ("README", text),
        ("data/tweets.csv", csv),
        ("LICENSE.txt", text),
        ("paper.pdf", pdf),
        ("figure", b"\x89PNG\r\n\x1a\n"),
        ("notes.txt", text),
        ("manifest.json", b"{\"format\": 1}"),
    ]);
    let (rows, report) = read(&folder.put("mixed.zip", mixed));
    assert_eq!((rows.len(), report.files.len(), report.skipped.len()), (2, 1, 6), "{report}");
    for expected in [
        "mixed.zip:paper.pdf: not read (not a table)",
        "notes.txt: not read (plain lines next to tables)",
        "figure: not read (a picture)",
    ] {
        assert!(report.to_string().contains(expected), "{report}");
    }
    let (rows, _) =
        read(&folder.put("lines.zip", zipped(&[("README.md", text), ("uno.txt", text), ("dos.txt", text)])));
    assert_eq!(rows.len(), 4, "plain lines are data where nothing else is");
    for (name, files) in
        [("named.zip", vec![("README.md", text), ("a.pdf", pdf)]), ("seen.zip", vec![("README.md", text), ("a", pdf)])]
    {
        let message = refused(&folder.put(name, zipped(&files)));
        assert!(
            message.contains("no table or other data in this zip file: it has README.md (not a table), a"),
            "{message}"
        );
    }
    let message = refused(&folder.put("bad.zip", zipped(&[("a.csv", pdf), ("b.csv", csv)])));
    assert!(message.contains("bad.zip:a.csv: cannot be read as texts: it is a PDF"), "{message}");
}

#[test]
fn rows_that_this_program_wrote_are_read_as_they_are() {
    let folder = Folder::new();
    let line = "{\"id\":\"7\",\"text\":\"se escribe &amp;lt; y no &lt;\",\"author_id\":\"9\",\"conversation_id\":\"7\"";
    let text = |path: &Path| {
        let (rows, report) = read(path);
        (
            rows[0].text("text").unwrap().into_owned(),
            rows[0].text("retweet").map(std::borrow::Cow::into_owned),
            report.files[0].kind.clone(),
        )
    };
    let own = "se escribe &amp;lt; y no &lt;".to_owned();
    let marked = folder.put("copied.jsonl", format!("{line},\"author\":\"ana\",\"retweet\":true}}\n"));
    assert_eq!(text(&marked), (own.clone(), Some("true".to_owned()), "JSON lines".to_owned()));
    let of_x = folder.put("v2.jsonl", format!("{line}}}\n"));
    assert_eq!(text(&of_x).0, "se escribe &lt; y no <");
    // Without such marks, the manifest next to the file says whose rows they are.
    let set = folder.0.path().join("set");
    let mut writer = crate::folder::Folder::create(&set, crate::folder::Format::JsonLines).unwrap();
    let mut row = Row::default();
    for (name, value) in [("id", "7"), ("text", own.as_str()), ("author_id", "9")] {
        row.set(name, value);
    }
    writer.write(&row).unwrap();
    writer.finish(crate::folder::Manifest::default()).unwrap();
    assert_eq!(text(&set.join("data.jsonl")), (own, None, "JSON lines".to_owned()));
}

#[test]
fn the_header_of_a_table_of_one_column_is_no_text() {
    let folder = Folder::new();
    for (name, content, expected) in [
        ("texts", "text\nhola, vecina\nsol\n", vec!["hola, vecina", "sol"]),
        ("texts.txt", "\u{feff}Tweet\r\nhola\r\nsol\r\n", vec!["hola", "sol"]),
        ("texts.txt", "\"text\"\n\"hola, vecina\"\nsol\n", vec!["hola, vecina", "sol"]),
        ("texts.txt", "\ntext\nhola\n", vec!["text", "hola"]),
        ("texts.txt", "hola\ntext\n", vec!["hola", "text"]),
        ("texts.txt", "text\n", vec!["text"]),
    ] {
        let (rows, report) = read(&folder.put(name, content));
        let texts: Vec<_> = rows.iter().filter_map(|row| row.text("text").or_else(|| row.text("Tweet"))).collect();
        assert_eq!(texts, expected, "{content:?}: {report}");
    }
    let (_, report) = read(&folder.put("texts", "text\nhola\n"));
    assert!(report.files[0].finding("header_line").is_some() && report.files[0].read == 1, "{report}");
}

const ACCOUNT: &str = r#"window.YTD.account.part0 = [ { "account" : { "email" : "a@example.org", "username" : "ana_v", "accountId" : "77", "accountDisplayName" : "Ana" } } ]"#;

fn archived(id: u64, text: &str) -> String {
    format!(
        r#"{{"tweet" : {{"id_str" : "{id}", "id" : "{id}", "full_text" : "{text}", "created_at" : "Sat Feb 18 12:33:11 +0000 2023", "favorite_count" : "3", "retweeted" : false, "entities": {{"hashtags": [{{"text": "Hola"}}], "urls": []}}}}}}"#
    )
}

fn archive_files() -> Vec<(String, Vec<u8>)> {
    let part = |number: u32, ids: [u64; 2]| {
        let tweets: Vec<String> = ids.iter().map(|id| archived(*id, &format!("tuit {id} &amp; más"))).collect();
        format!("window.YTD.tweets.part{number} = [ {} ]", tweets.join(",\n")).into_bytes()
    };
    let like = br#"window.YTD.like.part0 = [ {"like": {"tweetId": "9", "fullText": "de otra persona"}} ]"#;
    vec![
        ("data/tweets.js".into(), part(0, [1, 2])),
        ("data/tweets-part1.js".into(), part(1, [3, 4])),
        ("data/tweets-part10.js".into(), part(10, [7, 8])),
        ("data/tweets-part2.js".into(), part(2, [5, 6])),
        ("data/account.js".into(), ACCOUNT.into()),
        ("data/like.js".into(), like.to_vec()),
    ]
}

#[test]
fn an_archive_gives_all_parts_in_order_with_its_author_and_nobody_else_s_texts() {
    let folder = Folder::new();
    let files = archive_files();
    for (name, content) in &files {
        folder.put(&format!("unpacked/{name}"), content);
    }
    let members: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    for path in [folder.put("archive.zip", zipped(&members)), folder.0.path().join("unpacked")] {
        let (rows, report) = read(&path);
        let ids: Vec<String> = rows.iter().map(|row| row.text("id").unwrap().into_owned()).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(rows[0].text("text").unwrap(), "tuit 1 & más");
        let expected =
            [("author", "ana_v"), ("author_id", "77"), ("author_name", "Ana"), ("created_at", "2023-02-18T12:33:11Z")];
        for (name, value) in expected {
            assert_eq!(rows[0].text(name).as_deref(), Some(value));
        }
        assert_eq!(
            (rows[0].get("likes"), rows[0].get("retweet")),
            (Some(&Value::Integer(3)), Some(&Value::Bool(false)))
        );
        assert!(report.to_string().contains("like.js") && !report.to_string().contains("example.org"), "{report}");
    }
    let alone = folder.0.path().join("unpacked/data/tweets.js");
    let (rows, report) = read(&alone);
    assert_eq!((rows.len(), rows[0].text("author").as_deref()), (2, Some("ana_v")));
    assert!(report.files[0].finding(kind::OTHER_FILES).unwrap().message.contains("tweets-part1.js"), "{report}");
    assert!(refused(&folder.0.path().join("unpacked/data/like.js")).contains("other people's texts"));
}

#[test]
fn an_archive_of_before_2018_is_read_month_by_month() {
    let folder = Folder::new();
    let month = |id: u64| {
        format!(
            "Grailbird.data.tweets_2015_07 = \n [ {{ \"id\": {id}, \"id_str\": \"{id}\", \"text\": \"hola\", \"created_at\": \"2015-07-02 10:00:00 +0000\", \"user\": {{\"screen_name\": \"ana_v\", \"id_str\": \"77\", \"name\": \"Ana\"}}, \"entities\": {{\"urls\": [], \"hashtags\": []}} }} ]"
        )
    };
    folder.put("data/js/tweets/2015_10.js", month(3));
    folder.put("data/js/tweets/2015_07.js", month(1));
    folder.put(
        "data/js/user_details.js",
        "var user_details =  { \"screen_name\" : \"ana_v\", \"full_name\": \"Ana\", \"id\": \"77\" }",
    );
    let (rows, report) = read(folder.0.path());
    let ids: Vec<String> = rows.iter().map(|row| row.text("id").unwrap().into_owned()).collect();
    assert_eq!((ids.join(" ").as_str(), rows[0].text("created_at").as_deref()), ("1 3", Some("2015-07-02T10:00:00Z")));
    assert!(report.files[0].finding(kind::NO_AUTHOR).is_none(), "{report}");
}

const PAGE: &str = r#"{"data": [
  {"id": "10", "text": "RT @luis: una cosa que se cor…", "author_id": "77", "referenced_tweets": [{"type": "retweeted", "id": "5"}]},
  {"id": "11", "text": "corta &lt;3", "author_id": "77", "created_at": "2026-03-01T09:00:02.000Z", "lang": "es",
   "note_tweet": {"text": "larga &lt;3 y entera"}, "conversation_id": "9", "in_reply_to_user_id": "8",
   "referenced_tweets": [{"type": "replied_to", "id": "9"}, {"type": "quoted", "id": "4"}],
   "public_metrics": {"like_count": 1, "retweet_count": 2, "reply_count": 3, "quote_count": 4, "impression_count": 5},
   "entities": {"hashtags": [{"tag": "Hola"}, {"tag": "Sol"}], "urls": [{"url": "https://t.co/a"}, {"url": "b", "media_key": "1"}]}}],
 "includes": {"users": [{"id": "77", "username": "ana_v", "name": "Ana"}], "tweets": [{"id": "5", "text": "una cosa que se cortaba"}]},
 "meta": {"result_count": 2}}"#;

#[test]
fn pages_and_flattened_lines_and_objects_of_v1_1_give_the_same_columns() {
    let folder = Folder::new();
    let (rows, report) = read(&folder.put("page.json", PAGE));
    assert_eq!(texts(&rows), ["RT @luis: una cosa que se cortaba", "larga <3 y entera"], "{report}");
    let expected = [
        ("author", "ana_v"),
        ("author_name", "Ana"),
        ("created_at", "2026-03-01T09:00:02Z"),
        ("lang", "es"),
        ("reply", "true"),
        ("quote", "true"),
        ("retweet", "false"),
        ("conversation_id", "9"),
        ("in_reply_to_id", "9"),
        ("hashtags", "Hola Sol"),
        ("links", "1"),
        ("likes", "1"),
        ("reposts", "2"),
        ("replies", "3"),
        ("quotes", "4"),
        ("views", "5"),
        ("truncated", "false"),
    ];
    for (name, value) in expected {
        assert_eq!(rows[1].text(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(rows[0].get("retweet"), Some(&Value::Bool(true)));
    assert_eq!(report.files[0].kind, "JSON: pages of X's API v2");

    let flat = r#"{"id": "1", "text": "hola", "author": {"id": "77", "username": "ana_v"}, "author_id": "77", "edit_history_post_ids": ["1"], "label": 1, "sure": 0.5, "later": {"x": 1}}"#;
    let v1 = r#"{"id": 2, "id_str": "2", "full_text": "sol &amp; mar", "user": {"screen_name": "luis", "id_str": "8"}, "created_at": "Sat Feb 18 12:33:11 +0000 2023"}"#;
    let streamed = r#"{"id": 3, "id_str": "3", "text": "cort…", "truncated": true, "extended_tweet": {"full_text": "cortado no"}, "user": {"screen_name": "eva"}}"#;
    let empty_page = r#"{"meta": {"result_count": 0}}"#;
    let (rows, report) = read(&folder.put("mixed.jsonl", [flat, v1, streamed, empty_page].join("\n")));
    assert_eq!(texts(&rows), ["hola", "sol & mar", "cortado no"], "{report}");
    let authors: Vec<_> = rows.iter().map(|row| row.text("author").unwrap()).collect();
    assert_eq!(authors, ["ana_v", "luis", "eva"]);
    assert_eq!((rows[0].get("label"), rows[0].get("sure")), (Some(&Value::Integer(1)), Some(&Value::Number(0.5))));
    assert!(report.files[0].kind.ends_with("mixed"), "{report}");
}

#[test]
fn one_object_with_a_list_gives_the_objects_of_the_list() {
    let folder = Folder::new();
    let (rows, report) = read(&folder.put("a.json", r#"{"tweets": [{"text": "hola"}, {"text": "sol"}], "count": 2}"#));
    assert_eq!(texts(&rows), ["hola", "sol"]);
    assert!(report.files[0].finding(kind::LIST_INSIDE).is_some());
    for content in [
        r#"[{"text": "hola", "media": [{"kind": "photo"}]}, {"text": "sol"}]"#,
        r#"{"tweets": [{"text": "hola", "media": [{"kind": "photo"}]}, {"text": "sol"}]}"#,
    ] {
        let (rows, report) = read(&folder.put("a.json", content));
        assert_eq!(texts(&rows), ["hola", "sol"], "{report}");
        assert_eq!(rows[0].text("media").unwrap(), r#"[{"kind":"photo"}]"#);
    }
    let deep = format!("{}1{}", "{\"a\": ".repeat(40), "}".repeat(40));
    let content = format!("{{\"tweets\": [{{\"text\": \"hola\"}}, {deep}, {{\"text\": \"sol\"}}]}}");
    let (rows, report) = read(&folder.put("a.json", content));
    assert_eq!(
        (texts(&rows), report.files[0].dropped["nested too deep"]),
        (vec!["hola".to_owned(), "sol".to_owned()], 1)
    );
    let (rows, _) = read(&folder.put("a.json", r#"{"text": "hola", "user": {"name": "ana"}}"#));
    assert_eq!((texts(&rows), rows[0].text("user.name").as_deref()), (vec!["hola".to_owned()], Some("ana")));
}

#[test]
fn files_in_every_encoding_are_read() {
    let folder = Folder::new();
    let utf16: Vec<u8> = "\u{feff}text\tlabel\r\nseñal\t1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content, encoding) in [
        ("a.csv", b"text,label\nse\xf1al,1\n".to_vec(), "Latin-1"),
        ("a.csv", b"text,label\n\x93se\xf1al\x94,1\n".to_vec(), "Windows-1252"),
        ("Texto Unicode.txt", utf16, "UTF-16LE with a byte order mark"),
        ("a.txt", b"se\xf1al\n".to_vec(), "Latin-1"),
    ] {
        let (rows, report) = read(&folder.put(name, content));
        assert!(texts(&rows)[0].contains("señal"), "{report}");
        assert_eq!(report.files[0].encoding.as_deref(), Some(encoding));
    }
    let path = folder.put("a.csv", b"text,label\nse\xc3\xb1al,1\nas\xed,0\n");
    let (rows, report) = read(&path);
    assert_eq!(texts(&rows), ["señal", "así"]);
    assert_eq!(report.files[0].finding(kind::MIXED_ENCODINGS).unwrap().rows, [3]);
    assert!(refused(&path).contains("a.csv:3: not UTF-8"));
    let options = ReadOptions { encoding: Some("iso-8859-5".to_owned()), ..ReadOptions::default() };
    assert_eq!(texts(&read_with(&folder.put("a.csv", b"text\n\xbf\xc0\n"), &options).unwrap().0), ["ПР"]);
}

#[test]
fn several_files_are_read_one_after_the_other() {
    let folder = Folder::new();
    let paths = [
        folder.put("a.csv", "text\nhola\n"),
        folder.put("b.jsonl", "{\"text\":\"sol\"}\n"),
        folder.put("c.txt", "mar\n"),
    ];
    let mut rows = open(&paths, &ReadOptions::default()).unwrap();
    let read: Vec<(usize, String)> = rows
        .by_ref()
        .map(|row| row.unwrap())
        .map(|row| (row.place.file, row.text("text").unwrap().into_owned()))
        .collect();
    assert_eq!(read, [(0, "hola".into()), (1, "sol".into()), (2, "mar".into())]);
    let kinds: Vec<&str> = rows.report().files.iter().map(|file| file.kind.as_str()).collect();
    assert_eq!(kinds, ["CSV", "JSON lines", "plain lines"]);
}

#[test]
fn what_is_no_file_of_texts_is_refused_by_name() {
    let folder = Folder::new();
    for (name, content, expected) in [
        ("a.xlsx", zipped(&[("xl/workbook.xml", b"x")]), "save the sheet as CSV UTF-8"),
        ("a.zip", zipped(&[]), "the zip file is empty"),
        ("a.csv", b"a\x02\x03\0\0\0\0xyz\x01".to_vec(), "its bytes are no text"),
        ("a.zip", b"PK\x03\x04 not whole".to_vec(), "not a whole zip file"),
        ("a.parquet", b"PAR1 not whole".to_vec(), "not a whole Parquet file"),
        ("like.js", b"window.YTD.like.part0 = []".to_vec(), "other people's texts"),
    ] {
        let message = refused(&folder.put(name, content));
        assert!(message.contains(expected) && message.contains(name), "{message}");
    }
    assert!(refused(&folder.0.path().join("nowhere.csv")).contains("nowhere.csv"));
    assert!(refused(folder.0.path()).contains("no manifest.json"));
}
