//! Reads some columns of a file of any kind, and says which flag to use if a column is missing.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::said;
use pregonero_data::folder::Folder;
use pregonero_data::read::{self, FileReport, ReadOptions, Rows};

/// A requested column and the flag that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    pub column: &'a str,
    /// Empty if the command line names the column in another way.
    pub flag: &'a str,
    /// What to add to the error message for data that has no such column.
    pub without: &'a str,
    /// Whether a file may lack the column; its rows then have nothing in it.
    pub optional: bool,
}

impl<'a> Asked<'a> {
    /// Returns a request for a column that must exist.
    #[must_use]
    pub fn new(column: &'a str, flag: &'a str) -> Self {
        Self { column, flag, without: "", optional: false }
    }
}

/// The requested columns of a file.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    rows: Rows,
    wanted: Vec<Wanted>,
    /// How many of the files inside this one have been opened and have the columns.
    checked: usize,
}

/// A requested column, and whether a row had it.
#[derive(Debug)]
struct Wanted {
    column: String,
    flag: String,
    without: String,
    optional: bool,
    seen: bool,
}

/// The requested fields of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which the row begins; its number in a file without lines.
    pub line: u64,
    /// The row's number, from 1, a header not counted.
    pub number: usize,
    /// The fields, in the order in which the columns were requested; an absent value is empty.
    pub fields: Vec<String>,
}

/// Opens a file of any kind for reading the requested columns. The first of them is the text.
///
/// # Errors
/// If the file cannot be read, is empty, lacks a requested column or has two of that name.
pub fn open_table(path: &Path, asked: &[Asked<'_>]) -> Result<Table> {
    let columns = asked.iter().map(|asked| asked.column.to_owned()).collect();
    let options = ReadOptions { columns: Some(columns), ..ReadOptions::strict() };
    let wanted = asked.iter().map(|asked| Wanted {
        column: asked.column.to_owned(),
        flag: asked.flag.to_owned(),
        without: asked.without.to_owned(),
        optional: asked.optional,
        seen: false,
    });
    let mut table = Table {
        path: path.to_owned(),
        rows: read::open(&[path.to_owned()], &options)?,
        wanted: wanted.collect(),
        checked: 0,
    };
    table.check_files()?;
    Ok(table)
}

impl Table {
    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If a row cannot be read, or no row has a requested column; the message names file and line.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        let Some(row) = self.rows.next().transpose()? else {
            said::once(self.rows.report());
            self.check_seen()?;
            return Ok(None);
        };
        self.check_files()?;
        let field = |wanted: &mut Wanted| {
            let value = row.text(&wanted.column);
            wanted.seen |= value.is_some();
            value.unwrap_or_default().into_owned()
        };
        let fields = self.wanted.iter_mut().map(field).collect();
        Ok(Some(Row { line: row.place.line_or_row(), number: usize::try_from(row.place.row)?, fields }))
    }

    /// Returns the columns of the file that is read: all of a table, those seen so far of any other kind.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        self.rows.report().files.last().map(|file| file.columns.as_slice()).unwrap_or_default()
    }

    /// Checks the columns of files that have been opened since the last check.
    fn check_files(&mut self) -> Result<()> {
        let files = &self.rows.report().files;
        if files.len() == self.checked {
            return Ok(());
        }
        self.checked = files.len();
        let file = files.last().context("no file was opened")?;
        check(file, &self.wanted, self.rows.columns().is_some()).with_context(|| file.name.clone())
    }

    /// Checks that each column was in some row, for files that do not say which columns they have.
    fn check_seen(&self) -> Result<()> {
        let file = self.rows.report().files.last().filter(|file| file.read > 0 && file.is_json());
        let missing = self.wanted.iter().find(|wanted| !wanted.seen && !wanted.optional);
        match (file, missing) {
            (Some(file), Some(wanted)) => {
                Err(wanted.missing(&file.columns)).with_context(|| self.path.display().to_string())
            }
            _ => Ok(()),
        }
    }
}

fn check(file: &FileReport, wanted: &[Wanted], fixed: bool) -> Result<()> {
    ensure!(file.kind != "empty", "the file is empty: it needs a header with the names of the columns");
    for wanted in wanted {
        ensure!(
            !file.repeated_names.contains(&wanted.column),
            "several columns are called {:?}: give each a different name",
            wanted.column
        );
        if fixed && !wanted.optional && !file.columns.contains(&wanted.column) {
            return Err(wanted.missing(&file.columns));
        }
    }
    Ok(())
}

impl Wanted {
    fn missing(&self, columns: &[String]) -> anyhow::Error {
        let Self { column, flag, without, .. } = self;
        let name = if flag.is_empty() { String::new() } else { format!("; name it with {flag} NAME") };
        anyhow::anyhow!("no column {column:?}; the file has {}{name}{without}", columns.join(", "))
    }
}

/// Returns which column of a file holds its texts: the named one, or `text` where the kind of file has that by itself (plain
/// lines, X's files, data sets and the files in them).
///
/// # Errors
/// If the file cannot be read, or a column must be named and is not.
pub fn text_column(path: &Path, named: Option<&str>) -> Result<String> {
    const TEXT: &str = pregonero_data::names::TEXT;
    let mut rows = read::open(&[path.to_owned()], &ReadOptions::strict())?;
    let first = rows.next().transpose()?;
    let file = rows.report().files.first().context("no file was opened")?;
    let of_data_set = file.is_data_set() || Folder::has_file(path);
    match named {
        Some(column) if file.is_plain() && column != TEXT => {
            bail!("{}: column {column:?} is named, but plain lines have no columns", path.display())
        }
        Some(column) => Ok(column.to_owned()),
        None if file.is_plain() || file.is_of_x() => Ok(TEXT.to_owned()),
        None if of_data_set && file.columns.iter().any(|column| column == TEXT) => Ok(TEXT.to_owned()),
        None => {
            let columns =
                if first.is_some() || !file.columns.is_empty() { file.columns.join(", ") } else { "none".to_owned() };
            bail!("{0}: say which column holds the text, for example {0}:text; it has {columns}", path.display())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(content: impl AsRef<[u8]>, name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn a_header_that_does_not_fit_is_refused_with_what_to_do() {
        let author = Asked {
            without: ", or give --author-column \"\" if there is none",
            ..Asked::new("author", "--author-column")
        };
        let asked = [Asked::new("text", "--text-column"), author];
        for (header, expected) in [
            ("", "data.csv: the file is empty"),
            ("\n", "data.csv: the file is empty"),
            ("tweet,author\n", "no column \"text\"; the file has tweet, author; name it with --text-column NAME"),
            ("text,label\n", "name it with --author-column NAME, or give --author-column \"\" if there is none"),
            ("text,author,text\n", "several columns are called \"text\""),
        ] {
            let (_folder, path) = put(header, "data.csv");
            let message = format!("{:#}", open_table(&path, &asked).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn tables_of_every_form_and_json_give_the_same_columns() {
        let asked = [Asked::new("text", "--text-column"), Asked::new("label", "--label-column")];
        for (name, content) in [
            ("a.csv", &b"label,x,text\n1,,se\xc3\xb1al\n"[..]),
            ("a.csv", b"label;x;text\r\n1;;se\xf1al\r\n"),
            ("a.TSV", b"label\tx\ttext\n1\t\tse\xc3\xb1al\n"),
            ("a.txt", b"{\"label\": 1, \"text\": \"se\\u00f1al\"}\n"),
            ("a.json", b"[{\"text\": \"se\\u00f1al\", \"label\": 1}]"),
        ] {
            let (_folder, path) = put(content, name);
            let row = open_table(&path, &asked).unwrap().next_row().unwrap().unwrap();
            assert_eq!((row.number, row.fields), (1, vec!["señal".to_owned(), "1".to_owned()]), "{name}");
        }
        let (_folder, path) = put("{\"text\": \"hola\"}\n", "a.jsonl");
        let mut table = open_table(&path, &asked).unwrap();
        table.next_row().unwrap();
        let message = format!("{:#}", table.next_row().unwrap_err());
        assert!(message.contains("no column \"label\"; the file has text; name it with --label-column"), "{message}");
    }

    #[test]
    fn the_text_of_a_data_set_is_found_in_its_folder_and_in_its_files() {
        use pregonero_data::folder::{Format, Manifest};
        let place = tempfile::tempdir().unwrap();
        for (format, file) in [(Format::JsonLines, "train.jsonl"), (Format::Parquet, "train.parquet")] {
            let set = place.path().join(format.name());
            let mut writer = Folder::create(&set, format).unwrap();
            let mut row = pregonero_data::row::Row::default();
            row.set("id", "1");
            row.set("text", "hola");
            writer.write_to("train", &row).unwrap();
            writer.finish(Manifest::default()).unwrap();
            assert_eq!(text_column(&set, None).unwrap(), "text");
            assert_eq!(text_column(&set.join(file), None).unwrap(), "text");
            let elsewhere = place.path().join(file);
            std::fs::copy(set.join(file), &elsewhere).unwrap();
            let message = text_column(&elsewhere, None).unwrap_err().to_string();
            assert!(message.contains("say which column holds the text"), "{message}");
        }
    }

    #[test]
    fn names_that_nobody_asks_for_may_stand_there_twice() {
        let (_folder, path) = put("x,text,x\n1,hola,2\n", "data.csv");
        let mut table = open_table(&path, &[Asked::new("text", "--text-column")]).unwrap();
        assert_eq!(table.next_row().unwrap().unwrap().fields, ["hola"]);
    }
}
