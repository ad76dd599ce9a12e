use std::path::Path;

use super::*;
use crate::row::{Row, Value};

fn row(fields: &[(&str, &str)]) -> Row {
    let mut row = Row::default();
    for (name, value) in fields {
        row.set(*name, *value);
    }
    row
}

fn texts(rows: FolderRows) -> Vec<String> {
    rows.map(|row| row.unwrap().text("text").unwrap().into_owned()).collect()
}

fn written(path: &Path) -> Folder {
    written_as(path, Format::JsonLines)
}

fn written_as(path: &Path, format: Format) -> Folder {
    let mut writer = Folder::create(path, format).unwrap();
    writer.write_to("train", &row(&[("id", "1"), ("text", "hola")])).unwrap();
    writer.write_to("test", &row(&[("text", "sol"), ("label", "1")])).unwrap();
    writer.write_to("train", &row(&[("id", "3"), ("text", "mar")])).unwrap();
    writer.finish(Manifest { name: "prueba".to_owned(), ..Manifest::default() }).unwrap()
}

#[test]
fn a_folder_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::JsonLines, Format::Parquet] {
        let path = folder.path().join(format.name());
        compare(&path, &written_as(&path, format));
        assert_eq!(Folder::open(&path).unwrap().format(), format);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 3, "two data files and the manifest");
    }
}

#[test]
fn rows_that_are_divided_at_the_end_give_the_files_of_rows_that_are_written_to_their_splits() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::JsonLines, Format::Parquet] {
        let path = folder.path().join(format.name());
        let at_once = written_as(&path, format);
        let mut writer = Folder::create(&folder.path().join("later"), format).unwrap();
        for row in [row(&[("id", "1"), ("text", "hola")]), row(&[("text", "sol"), ("label", "1")])] {
            writer.write_later(&row).unwrap();
        }
        writer.write_later(&row(&[("id", "3"), ("text", "mar")])).unwrap();
        let named = Manifest { name: "prueba".to_owned(), ..Manifest::default() };
        let later = writer.finish_divided(named, &["train", "validation", "test"], &[0, 2, 0]).unwrap();
        assert_eq!(later.manifest(), at_once.manifest());
        for file in ["train", "test"].map(|split| format!("{split}.{}", format.name())) {
            let bytes = [later.path(), at_once.path()].map(|path| std::fs::read(path.join(&file)).unwrap());
            assert!(bytes[0] == bytes[1] && !bytes[0].is_empty(), "{file}");
        }
        std::fs::remove_dir_all(later.path()).unwrap();
    }
}

#[test]
fn a_parquet_file_has_the_columns_of_all_rows_with_the_type_that_fits_all_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let mut writer = Folder::create(&path, Format::Parquet).unwrap();
    for (score, mixed) in [(Value::from(1), Value::from(true)), (Value::from(0.5), Value::from(7))] {
        let mut row = row(&[("text", "hola")]);
        row.set("score", score);
        row.set("mixed", mixed);
        writer.write(&row).unwrap();
    }
    writer.write(&row(&[("late", "x")])).unwrap();
    let set = writer.finish(Manifest::default()).unwrap();
    let rows: Vec<Row> = set.rows().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows[0].get("score"), Some(&Value::Number(1.0)));
    assert_eq!(rows[1].get("mixed"), Some(&Value::from("7")));
    assert_eq!(rows[2].iter().collect::<Vec<_>>(), [("late", &Value::from("x"))]);
    let texts: Vec<usize> = set.columns(&["text"]).map(|row| row.unwrap().len()).collect();
    assert_eq!(texts, [1, 1, 0]);
}

#[test]
fn rows_of_both_formats_have_the_columns_that_are_asked_for_alone() {
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::JsonLines, Format::Parquet] {
        let set = written_as(&folder.path().join(format.name()), format);
        let rows: Vec<Row> = set.columns(&["label", "text"]).map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(Row::len).collect::<Vec<_>>(), [1, 1, 2]);
        assert!(rows.iter().all(|row| row.get("id").is_none()));
    }
}

fn compare(path: &Path, made: &Folder) {
    let opened = Folder::open(path).unwrap();
    assert_eq!(opened.manifest(), made.manifest());
    assert_eq!(texts(opened.rows().unwrap()), ["hola", "mar", "sol"]);
    assert_eq!(texts(opened.rows_of("test").unwrap()), ["sol"]);
    assert!(opened.rows_of("dev").unwrap_err().to_string().contains("no split \"dev\"; it has train, test"));
    let manifest = opened.manifest();
    let columns: Vec<(&str, u64)> = manifest.columns.iter().map(|column| (&*column.name, column.filled)).collect();
    assert_eq!(columns, [("id", 2), ("text", 3), ("label", 1)]);
    assert_eq!(manifest.counts["rows"], 3);
    for file in &manifest.files {
        assert_eq!(sha256_of_file(&path.join(&file.name)).unwrap(), (file.sha256.clone(), file.bytes));
    }
}

#[test]
fn the_digest_is_that_of_what_sha256sum_prints() {
    // printf '%s  %s\n' 9f86…0a08 data.jsonl | sha256sum
    let file = DataFile {
        name: "data.jsonl".to_owned(),
        format: "jsonl".to_owned(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        bytes: 4,
        rows: 1,
        split: String::new(),
    };
    assert_eq!(digest_of(&[file]), "c74a48ddaff048a3d4a8be817b3a8e586a743f492c06c52e6607ac7d64cd7624");
}

#[test]
fn an_existing_folder_stays_and_a_dropped_writer_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    written(&path);
    assert!(Folder::create(&path, Format::JsonLines).unwrap_err().to_string().contains("exists already"));
    let mut writer = Folder::replace(&path, Format::JsonLines).unwrap();
    writer.write(&row(&[("text", "otra")])).unwrap();
    drop(writer);
    assert_eq!(texts(Folder::open(&path).unwrap().rows().unwrap()).len(), 3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    std::fs::write(path.join("README.md"), "a person's own").unwrap();
    let mut writer = Folder::replace(&path, Format::JsonLines).unwrap();
    writer.write(&row(&[("text", "otra")])).unwrap();
    writer.finish(Manifest::default()).unwrap();
    assert_eq!(texts(Folder::open(&path).unwrap().rows().unwrap()), ["otra"]);
    assert_eq!(std::fs::read_to_string(path.join("README.md")).unwrap(), "a person's own");
    assert!(Folder::replace(folder.path(), Format::JsonLines).is_err(), "a folder that is no data set is not replaced");
}

#[test]
fn a_manifest_keeps_keys_that_this_version_does_not_know() {
    let text = r#"{"format": 1, "name": "x", "later": {"a": 1}, "sources": [{"what": "file", "later": 2}]}"#;
    let manifest: Manifest = serde_json::from_str(text).unwrap();
    let again: serde_json::Value = serde_json::from_slice(&manifest.to_bytes().unwrap()).unwrap();
    assert_eq!((&again["later"]["a"], &again["sources"][0]["later"]), (&1.into(), &2.into()));
}

#[test]
fn a_manifest_of_a_later_format_or_that_leads_outside_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (manifest, expected) in [
        (r#"{"format": 2}"#, "use a newer pregonero"),
        ("{}", "not the manifest of a data set"),
        (
            r#"{"format": 1, "files": [{"name": "../x.jsonl", "format": "jsonl", "sha256": "", "bytes": 0, "rows": 0}]}"#,
            "outside of the folder",
        ),
    ] {
        std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        let message = format!("{:#}", Folder::open(folder.path()).unwrap_err());
        assert!(message.contains(expected) && message.contains(MANIFEST), "{message}");
    }
}
