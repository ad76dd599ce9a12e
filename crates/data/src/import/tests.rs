use std::path::PathBuf;

use super::*;
use crate::folder::ColumnType;

fn imported(files: &[(&str, &str)], change: impl FnOnce(&mut Import)) -> anyhow::Result<(Imported, Vec<Row>)> {
    let folder = tempfile::tempdir().unwrap();
    let put = |(name, content): &(&str, &str)| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let mut settings = Import { files: files.iter().map(put).collect(), ..Import::default() };
    change(&mut settings);
    let mut rows = Vec::new();
    let imported = import(&settings, |row| {
        rows.push(row.clone());
        Ok(())
    })?;
    let sources = imported.sources(&settings.files)?;
    assert!(
        sources.iter().all(|source| source.sha256.len() == 64
            && source.kept + source.dropped.values().sum::<u64>() == source.rows_read)
    );
    Ok((imported, rows))
}

fn shown(row: &Row) -> Vec<String> {
    row.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn usual_names_become_the_standard_ones_and_values_get_their_form() {
    let table =
        "Tweet,username,fecha,favorite_count,tweet_id,x\nhola,@ana,2026-03-01 09:00:02,3.0,1626983443210002433,y\n";
    let (imported, rows) = imported(&[("a.csv", table)], |_| {}).unwrap();
    let expected =
        ["text=hola", "author=ana", "created_at=2026-03-01T09:00:02Z", "likes=3", "id=1626983443210002433", "x=y"];
    assert_eq!(shown(&rows[0]), expected);
    assert!(imported.renamed.contains(&(0, "Tweet".to_owned(), "text".to_owned())));
    assert_eq!(imported.notes, ["1 times name no zone and are taken as UTC"]);
    let kinds: Vec<ColumnType> = imported.columns.iter().map(|column| column.kind).collect();
    use ColumnType::{Integer, Text};
    assert_eq!(kinds, [Text, Text, Text, Integer, Text, Text]);
}

#[test]
fn a_person_s_names_come_first_and_a_standard_name_is_not_taken_twice() {
    let table = "text,tweet,label\nuno,dos,1\n";
    assert_eq!(shown(&imported(&[("a.csv", table)], |_| {}).unwrap().1[0]), ["text=uno", "tweet=dos", "label=1"]);
    let rename = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let (_, rows) = imported(&[("a.csv", table)], |settings| {
        settings.renames = vec![rename("tweet", "text"), rename("label", "side")];
    })
    .unwrap();
    assert_eq!(shown(&rows[0]), ["text=dos", "side=1"]);
    let message =
        imported(&[("a.csv", table)], |settings| settings.renames = vec![rename("tuit", "text")]).unwrap_err();
    assert!(message.to_string().contains("no file has a column \"tuit\"; they have text, tweet, label"), "{message}");
    let (_, rows) = imported(&[("a.csv", "tweet,date\na,ayer\n")], |settings| settings.keep_names = true).unwrap();
    assert_eq!(shown(&rows[0]), ["tweet=a", "date=ayer"]);
}

#[test]
fn a_rounded_id_is_no_id() {
    let table = "id,text\n1.62698E+18,a\n1626983443210002433,b\n77.0,c\n";
    let (imported, rows) = imported(&[("a.csv", table)], |_| {}).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.text("id").map(std::borrow::Cow::into_owned)).collect();
    assert_eq!(ids, [None, Some("1626983443210002433".to_owned()), Some("77".to_owned())]);
    assert_eq!(rows[0].text("id_rounded").unwrap(), "1.62698E+18");
    assert_eq!(imported.notes, ["1 ids are rounded, and are in the column id_rounded instead of id"]);
}

#[test]
fn a_rounded_id_of_an_author_is_left_out_and_counted() {
    let table = "id,text,user_id\n7,a,1.62698E+18\n8,b,77\n";
    let (imported, rows) = imported(&[("a.csv", table)], |_| {}).unwrap();
    assert_eq!((rows[0].get("author_id"), rows[1].text("author_id").as_deref()), (None, Some("77")));
    assert_eq!(imported.notes, ["1 ids of authors, conversations or answered tweets are rounded, and are left out"]);
}

#[test]
fn files_of_several_kinds_become_one_set_and_what_is_dropped_is_counted() {
    let files = [
        ("a.csv", "text,lang\nhola,es\nroto\n"),
        ("b.jsonl", "{\"full_text\": \"sol\", \"user\": {\"screen_name\": \"ana\"}, \"n\": 1}\nno\n"),
    ];
    let (imported, rows) = imported(&files, |_| {}).unwrap();
    assert_eq!(rows.iter().map(|row| row.text("text").unwrap().into_owned()).collect::<Vec<_>>(), ["hola", "sol"]);
    assert_eq!(rows[1].text("author").unwrap(), "ana");
    assert_eq!(imported.report.totals(), (4, 2, 2));
    let message = super::super::import::import(&Import::default(), |_| Ok(())).unwrap_err().to_string();
    assert!(message.contains("no file is named"), "{message}");
}

#[test]
fn a_file_without_rows_is_refused() {
    let message = imported(&[("a.csv", "text,label\nroto\n")], |_| {}).unwrap_err().to_string();
    assert!(message.contains("no row is left: 1 read, 1 dropped") && message.contains("a.csv"), "{message}");
}
