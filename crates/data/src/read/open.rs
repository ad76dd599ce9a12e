//! Opens a source: unpacks it, finds out what it is, and makes the reader of its rows.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::decode::decoded;
use super::dialect::is_quoted_column;
use super::frames::Frames;
use super::input::Input;
use super::json::{JsonRows, Layout};
use super::lines::Lines;
use super::options::ReadOptions;
use super::report::{FileReport, Skipped, kind};
use super::skip::{NoTable, is_data};
use super::sniff::{Packing, Text, is_binary, packing_of, text_of};
use super::sources::{DEEPEST, Source, Where, in_folder, in_zip, neighbours_of};
use super::table::{SAMPLE, Table};
use super::unpack::{OnDisk, unpacked};
use super::x::archive::{Archive, are_tweets};
use crate::folder::{Folder, FolderRows};
use crate::parquet_file::ParquetRows;
use crate::row::{Place, Row};

/// A file whose rows are read.
#[derive(Debug)]
pub(super) enum OpenFile {
    Table(Box<Table>),
    Json(Box<JsonRows>),
    Lines(Box<Lines>),
    Parquet(Box<ParquetRows>),
    DataSet(Box<FolderRows>),
    Empty,
}

/// What a source turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    File(Box<OpenFile>, Box<FileReport>),
    /// Files inside it, and those that are passed over.
    Inside(Vec<Source>, Vec<Skipped>),
}

/// Opens a source.
///
/// # Errors
/// If it cannot be read, or is of a kind that cannot be; the message names it and says what to do.
pub(super) fn open_source(mut source: Source, options: &ReadOptions) -> Result<Opened> {
    if let Where::Folder(folder) = &source.place {
        return open_folder(folder, options);
    }
    let mut input = Input::new(source.stream()?);
    loop {
        let start = input.look(1 << 12).with_context(|| format!("cannot read {}", source.name))?;
        let packing = match packing_of(start) {
            Ok(packing) => packing,
            Err(what) if may_be_skipped(&source) => return Err(NoTable(what.to_owned()).into()),
            Err(what) => bail!("{}: cannot be read as texts: it is {what}", source.name),
        };
        match packing {
            Packing::None => return open_text(input, source, options),
            Packing::Parquet => return open_parquet(input, &source, options),
            Packing::Zip => {
                let zip = on_disk(input, &source)?;
                return in_zip(&zip, &source).map(|(sources, skipped)| Opened::Inside(sources, skipped));
            }
            Packing::Gzip | Packing::Xz | Packing::Zstd => {
                source.depth += 1;
                let archived = source.archive.is_some();
                ensure!(
                    source.depth <= DEEPEST || archived,
                    "{}: files packed more than {DEEPEST} deep in each other: unpack them first",
                    source.name
                );
                source.compression.push(packing.name());
                input = Input::new(unpacked(packing, input.into_reader()));
            }
        }
    }
}

fn open_folder(folder: &Path, options: &ReadOptions) -> Result<Opened> {
    if !Folder::is_one(folder) {
        return in_folder(folder).map(|sources| Opened::Inside(sources, Vec::new()));
    }
    let set = Folder::open(folder)?;
    let columns = set.manifest().columns.iter().map(|column| column.name.clone()).collect();
    let rows = match &options.columns {
        Some(wanted) => set.columns(&wanted.iter().map(String::as_str).collect::<Vec<_>>()),
        None => set.rows()?,
    };
    let kind = format!("data set ({})", set.format().name());
    let report = FileReport { name: folder.display().to_string(), kind, columns, ..FileReport::default() };
    Ok(Opened::File(Box::new(OpenFile::DataSet(Box::new(rows))), Box::new(report)))
}

/// Returns whether a source is a member of a zip file that is not called like data.
fn may_be_skipped(source: &Source) -> bool {
    source.zip.is_some() && !is_data(&source.name)
}

/// Returns the file on disk that an input reads, or copies it there.
fn on_disk(input: Input, source: &Source) -> Result<OnDisk> {
    match source.on_disk() {
        Some(file) => Ok(file),
        None => OnDisk::copy_of(input.into_reader()).with_context(|| source.name.clone()),
    }
}

fn report_of(source: &Source) -> FileReport {
    FileReport { name: source.name.clone(), compression: source.compression.clone(), ..FileReport::default() }
}

fn open_parquet(input: Input, source: &Source, options: &ReadOptions) -> Result<Opened> {
    let file = on_disk(input, source)?.open().with_context(|| format!("cannot read {}", source.name))?;
    let rows = ParquetRows::open(file, |name| options.wants(name)).with_context(|| source.name.clone())?;
    let columns = rows.names().iter().map(ToString::to_string).collect();
    let report = FileReport { kind: "Parquet".to_owned(), columns, ..report_of(source) };
    Ok(Opened::File(Box::new(OpenFile::Parquet(Box::new(rows))), Box::new(report)))
}

fn open_text(input: Input, mut source: Source, options: &ReadOptions) -> Result<Opened> {
    let mut report = report_of(&source);
    let name = source.name.clone();
    let named = || name.clone();
    let (mut input, records) = decoded(input, options.encoding.as_deref()).with_context(named)?;
    let sample = input.look(SAMPLE).with_context(|| format!("cannot read {name}"))?;
    let whole = sample.len() < SAMPLE;
    let binary = is_binary(&sample[..sample.len().min(4096)]);
    ensure!(!binary || !may_be_skipped(&source), NoTable("not text".to_owned()));
    ensure!(
        !binary,
        "{name}: cannot be read as texts: its bytes are no text; if they are, in an encoding that was not recognised, \
         `pregonero dataset import --encoding NAME` makes a data set of it"
    );
    let asked_for_table = options.delimiter.is_some() || options.quotes.is_some() || options.no_header;
    let text = match text_of(sample, whole, &name) {
        Text::Lines if asked_for_table || is_quoted_column(sample, whole) => Text::Table,
        text => text,
    };
    let among_tables = text == Text::Lines && source.zip.as_ref().is_some_and(|zip| zip.has_tables);
    ensure!(!among_tables, NoTable("plain lines next to tables".to_owned()));
    let open = match text {
        Text::Empty => {
            report.kind = "empty".to_owned();
            report.found(kind::EMPTY_FILE, "the file is empty".to_owned());
            OpenFile::Empty
        }
        Text::Table => {
            OpenFile::Table(Box::new(Table::open(input, records, options, &mut report).with_context(named)?))
        }
        Text::Lines => {
            OpenFile::Lines(Box::new(Lines::open(input, records, options, &mut report).with_context(named)?))
        }
        Text::JsonLines | Text::JsonValues => {
            let by_line = text == Text::JsonLines;
            let (layout, frames) =
                if by_line { (Layout::Lines, Frames::lines(input)) } else { (Layout::Values, Frames::values(input)) };
            let rows = JsonRows::new(frames, records, layout, None, options, &mut report);
            OpenFile::Json(Box::new(if is_of_data_set(&source) { rows.with_own_rows() } else { rows }))
        }
        Text::Archive(contents) => {
            refuse_others(&contents, &name)?;
            let archive = archive_of(&mut source, &mut report)?;
            let frames = Frames::of_archive(input).with_context(named)?;
            OpenFile::Json(Box::new(JsonRows::new(
                frames,
                records,
                Layout::Archive,
                Some(archive),
                options,
                &mut report,
            )))
        }
    };
    Ok(Opened::File(Box::new(open), Box::new(report)))
}

/// Returns whether a file is one of a data set: its rows are as this program wrote them, whatever they look like.
fn is_of_data_set(source: &Source) -> bool {
    matches!(&source.place, Where::Path(path) if Folder::has_file(path))
}

/// Refuses the files of an archive that are not the account's tweets.
fn refuse_others(contents: &str, name: &str) -> Result<()> {
    if are_tweets(contents) {
        return Ok(());
    }
    let why = match contents {
        "like" | "likes" => "likes are other people's texts",
        "deleted_tweets" | "deleted_tweet" => "deleted tweets were withdrawn by their author",
        "note_tweet" => "long texts are joined to their tweets: name the archive, or tweets.js next to this file",
        _ => "only the account's tweets are read: name the archive, or tweets.js in it",
    };
    bail!("{name}: a file of X's archive with {contents:?}: {why}");
}

/// Returns what the archive says that a file belongs to, and notes what of it is not read.
fn archive_of(source: &mut Source, report: &mut FileReport) -> Result<Arc<Archive>> {
    let archive = match (source.archive.take(), &source.place) {
        (Some(archive), _) => archive,
        (None, Where::Path(path)) => {
            let (archive, parts) = neighbours_of(path)?;
            if !parts.is_empty() {
                let message = format!(
                    "{} next to this file is not read: name the archive's folder to read all parts",
                    parts.join(", ")
                );
                report.found(kind::OTHER_FILES, message);
            }
            Arc::new(archive)
        }
        (None, _) => Arc::default(),
    };
    if !archive.has_author() {
        let message = "no account.js next to the tweets: the rows have no author";
        report.found(kind::NO_AUTHOR, message.to_owned());
    }
    if !source.unread.is_empty() {
        let (count, first) =
            (source.unread.len(), source.unread.iter().take(4).cloned().collect::<Vec<_>>().join(", "));
        let more = if count > 4 { " …" } else { "" };
        report.found(
            kind::OTHER_FILES,
            format!("{count} other files of the archive are not read, such as {first}{more}"),
        );
    }
    Ok(archive)
}

impl OpenFile {
    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If it cannot be read; the message does not name the file.
    pub(super) fn next_row(&mut self, file: usize, report: &mut FileReport) -> Result<Option<Row>> {
        let counted = |row: Result<Option<Row>>, report: &mut FileReport| {
            let is_row = u64::from(matches!(row, Ok(Some(_))));
            report.read += is_row;
            report.kept += is_row;
            row
        };
        match self {
            Self::Table(table) => table.next_row(file, report),
            Self::Json(json) => json.next_row(file, report),
            Self::Lines(lines) => lines.next_row(file, report),
            Self::Parquet(rows) => counted(rows.next_row(file), report),
            Self::DataSet(rows) => {
                let row = rows.next().transpose().map(|row| row.map(|row| at(row, file, report.read + 1)));
                counted(row, report)
            }
            Self::Empty => Ok(None),
        }
    }

    /// Returns the line on which the last row begins, in a file that has lines.
    pub(super) fn line(&self) -> Option<u64> {
        match self {
            Self::Table(table) => Some(table.last_line()),
            Self::Json(json) => Some(json.at_line()),
            Self::Lines(lines) => Some(lines.at_line()),
            Self::Parquet(_) | Self::DataSet(_) | Self::Empty => None,
        }
    }

    /// Returns the encoding in words, for a text.
    pub(super) fn encoding(&self) -> Option<String> {
        match self {
            Self::Table(table) => Some(table.encoding()),
            Self::Json(json) => Some(json.encoding()),
            Self::Lines(lines) => Some(lines.encoding()),
            Self::Parquet(_) | Self::DataSet(_) | Self::Empty => None,
        }
    }

    /// Returns whether all rows have the columns that the report names.
    pub(super) fn has_fixed_columns(&self) -> bool {
        !matches!(self, Self::Json(_))
    }
}

/// Returns a row of a data set with its place among all rows of the folder.
fn at(mut row: Row, file: usize, number: u64) -> Row {
    row.place = Place { file, line: 0, row: number };
    row
}
