//! `pregonero dataset import`: files of any kind into a data set folder, or a look at what is in them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::cli::output::{table_for_terminal, visible};
use crate::cli::session::Session;
use pregonero_data::folder::{Column, ColumnType, Folder, Format, Manifest, check_words};
use pregonero_data::import::{Import, Imported, import};
use pregonero_data::read::ReadOptions;
use pregonero_data::times;
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_system::files::{Existing, refuse_existing_folder};

/// How many characters of a value are shown.
const SHOWN: usize = 60;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset import --dry-run tweets.csv              what pregonero sees in the file; writes nothing
  pregonero dataset import twitter-2026-03-01.zip --output mine
                                                             X's archive of an account, all parts
  pregonero dataset import a.csv.xz b.jsonl --rename tuit=text --rename bando=label --output both \\
      --name \"Vaccines\" --licence CC-BY-4.0 --rights \"my own posts\" --format parquet
  ssh server cat tweets.jsonl.gz | pregonero dataset import - --output tweets

It reads CSV with any delimiter and encoding, JSON, JSON lines, Parquet, X's archive (zip, folder or tweets.js), answers of X's
API (v2 and v1.1), plain lines and data set folders, also packed with gzip, xz, zstd or zip. The contents decide, not the name.
Columns with usual names (tweet, username, fecha …) get the names of a data set (text, author, created_at …); it says which.
Ids that a spreadsheet rounded go to the column id_rounded. Rows that cannot be read are dropped, counted and listed.")]
pub struct ImportArguments {
    /// The files, in the order of their rows; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The data set folder to write; it must not exist yet
    #[arg(long, value_name = "FOLDER", required_unless_present = "dry_run")]
    output: Option<PathBuf>,
    /// The format of the data file
    #[arg(long, value_enum, default_value_t = FormatChoice::Jsonl)]
    format: FormatChoice,
    /// Show kinds, counts, columns, five rows and what would be dropped, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Give a column another name; may be given several times
    #[arg(long, value_name = "OLD=NEW")]
    rename: Vec<Rename>,
    /// Leave names and values as they are in the files, except for --rename
    #[arg(long)]
    keep_names: bool,
    /// Tables begin with rows instead of names: the columns are column1, column2 …
    #[arg(long, help_heading = "If the file is not what it seems")]
    no_header: bool,
    /// The character between the fields of a table: one character, or tab
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, help_heading = "If the file is not what it seems")]
    delimiter: Option<u8>,
    /// Whether quotation marks enclose fields of a table, or are characters of the texts
    #[arg(long, value_enum, help_heading = "If the file is not what it seems")]
    quotes: Option<QuotesChoice>,
    /// The encoding: utf-8, latin1, windows-1252, utf-16le, shift_jis …
    #[arg(long, value_name = "NAME", help_heading = "If the file is not what it seems")]
    encoding: Option<String>,
    /// The data set's name; without it, the folder's name
    #[arg(long, value_name = "NAME", help_heading = "What the manifest says")]
    name: Option<String>,
    /// What the data set is, in a sentence or two
    #[arg(long, value_name = "TEXT", help_heading = "What the manifest says")]
    description: Option<String>,
    /// On what ground you may keep and use this data, in your words
    #[arg(long, value_name = "TEXT", help_heading = "What the manifest says")]
    rights: Option<String>,
    /// The licence, such as CC-BY-4.0
    #[arg(long, value_name = "TEXT", help_heading = "What the manifest says")]
    licence: Option<String>,
    /// Who made the data; may be given several times
    #[arg(long, value_name = "NAME", help_heading = "What the manifest says")]
    creator: Vec<String>,
    /// Where the data can be found
    #[arg(long, value_name = "ADDRESS", help_heading = "What the manifest says")]
    url: Option<String>,
}

/// The formats of data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatChoice {
    /// One JSON object on each line
    Jsonl,
    /// For pandas, DuckDB, Spark
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QuotesChoice {
    /// They enclose fields
    Enclose,
    /// They are characters
    Characters,
}

/// A column's name in the file, and the one that it gets.
#[derive(Debug, Clone)]
struct Rename(String, String);

impl FromStr for Rename {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (old, new) = text.split_once('=').unwrap_or((text, ""));
        ensure!(!old.is_empty() && !new.is_empty(), "expected OLD=NEW, such as tuit=text");
        Ok(Self(old.to_owned(), new.to_owned()))
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("expected one character such as ; or |, or the word tab".to_owned()),
    }
}

impl ImportArguments {
    /// Runs `dataset import`.
    ///
    /// # Errors
    /// If a file cannot be read, no row is left, or the folder cannot be written.
    pub fn run(self, session: &Session) -> Result<()> {
        let settings = self.settings();
        self.check_renames()?;
        let words = [
            ("--name", &self.name),
            ("--description", &self.description),
            ("--rights", &self.rights),
            ("--licence", &self.licence),
            ("--url", &self.url),
        ];
        let words = words.into_iter().filter_map(|(flag, words)| Some((flag, words.as_deref()?)));
        check_words(words.chain(self.creator.iter().map(|creator| ("--creator", creator.as_str()))))?;
        if let Some(output) = &self.output {
            refuse_existing_folder(output, Existing::Refuse)?;
        }
        if self.dry_run {
            let imported = import(&settings, |_| Ok(()))?;
            return session.output.object(|| in_words(&imported, None), || as_json(&imported, None));
        }
        let output = self.output.clone().unwrap_or_default();
        let mut writer = Folder::create(&output, self.format())?;
        let imported = import(&settings, |row| writer.write(row))?;
        let folder = writer.finish(self.manifest(&imported, session)?)?;
        if self.rights.is_none() {
            session.output.note("no --rights: the manifest does not say on what ground the data may be kept and used");
        }
        session.output.object(|| in_words(&imported, Some(&folder)), || as_json(&imported, Some(&folder)))
    }

    /// Refuses two new names for one column, and one new name for two.
    fn check_renames(&self) -> Result<()> {
        for (place, Rename(old, new)) in self.rename.iter().enumerate() {
            for Rename(earlier, name) in &self.rename[..place] {
                ensure!(
                    earlier != old,
                    "--rename: the column {old:?} gets two names, {name:?} and {new:?}: give it one"
                );
                ensure!(
                    name != new,
                    "--rename: both {earlier:?} and {old:?} get the name {new:?}, so that the values of one would be lost: give one of them another name"
                );
            }
        }
        Ok(())
    }

    fn settings(&self) -> Import {
        let options = ReadOptions {
            no_header: self.no_header,
            delimiter: self.delimiter,
            quotes: self.quotes.map(|quotes| quotes == QuotesChoice::Enclose),
            encoding: self.encoding.clone(),
            ..ReadOptions::default()
        };
        Import {
            files: self.files.clone(),
            options,
            renames: self.rename.iter().map(|Rename(old, new)| (old.clone(), new.clone())).collect(),
            keep_names: self.keep_names,
        }
    }

    fn format(&self) -> Format {
        match self.format {
            FormatChoice::Jsonl => Format::JsonLines,
            FormatChoice::Parquet => Format::Parquet,
        }
    }

    fn manifest(&self, imported: &Imported, session: &Session) -> Result<Manifest> {
        let folder =
            self.output.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        Ok(Manifest {
            name: self.name.clone().or(folder).unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            creators: self.creator.clone(),
            licence: self.licence.clone().unwrap_or_default(),
            rights: self.rights.clone().unwrap_or_default(),
            url: self.url.clone().unwrap_or_default(),
            created_at: times::standard(SystemClock.now()),
            sources: imported.sources(&self.files)?,
            commands: vec![session.command_line.clone()],
            ..Manifest::default()
        })
    }
}

fn in_words(imported: &Imported, folder: Option<&Folder>) -> String {
    let mut lines = vec![visible_lines(&imported.report.to_string()), "columns:".to_owned()];
    let width = imported.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    let rows = imported.report.totals().1;
    for column in &imported.columns {
        let from = imported.renamed.iter().filter(|(_, _, new)| *new == column.name).map(|(_, old, _)| old.as_str());
        let mut from: Vec<&str> = from.collect();
        from.dedup();
        let from = if from.is_empty() { String::new() } else { format!("  from {}", from.join(", ")) };
        let line = format!("  {:<width$}  {:<7}  {} of {rows}{from}", column.name, type_of(column), column.filled);
        lines.push(visible(&line));
    }
    lines.extend(imported.notes.iter().map(|note| format!("note: {note}")));
    if folder.is_none() {
        let count = imported.first.len();
        lines.push(format!("the first {}:", if count == 1 { "row".to_owned() } else { format!("{count} rows") }));
        let names: Vec<&str> = imported.columns.iter().map(|column| column.name.as_str()).collect();
        let fields = |row: &pregonero_data::row::Row| {
            names.iter().map(|name| shortened(&row.text(name).unwrap_or_default())).collect::<Vec<String>>()
        };
        lines.push(table_for_terminal(&names, imported.first.iter().map(fields)));
        lines.push("nothing was written (--dry-run)".to_owned());
    }
    if let Some(folder) = folder {
        lines.push(format!("written to {}: {rows} rows, digest {}", folder.path().display(), folder.manifest().digest));
    }
    lines.join("\n")
}

fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<String>>().join("\n")
}

fn type_of(column: &Column) -> &'static str {
    match column.kind {
        ColumnType::Text => "text",
        ColumnType::Integer => "integer",
        ColumnType::Number => "number",
        ColumnType::Bool => "bool",
    }
}

fn shortened(text: &str) -> String {
    let text = visible(&text.replace(['\n', '\r'], " "));
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN - 1).chain(['…']).collect() }
}

fn as_json(imported: &Imported, folder: Option<&Folder>) -> Json {
    let row = |row: &pregonero_data::row::Row| -> Json {
        row.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    };
    let renamed = imported.renamed.iter().map(|(file, old, new)| json!({"file": file, "from": old, "to": new}));
    let (read, kept, dropped) = imported.report.totals();
    json!({
        "files": imported.report.files,
        "skipped": imported.report.skipped,
        "read": read, "kept": kept, "dropped": dropped,
        "columns": imported.columns,
        "renamed": renamed.collect::<Vec<_>>(),
        "notes": imported.notes,
        "first_rows": imported.first.iter().map(row).collect::<Vec<_>>(),
        "written": folder.map(Folder::path),
        "digest": folder.map(|folder| &folder.manifest().digest),
    })
}
