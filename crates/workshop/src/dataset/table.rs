//! Reads rows of a CSV file by named columns; every error names file and line.
//!
//! The memory of a record is bounded: an unbalanced quote would otherwise turn a whole file into one record.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};

/// The longest record that is read, in bytes; a tweet with its columns has a few hundred.
pub const LONGEST_RECORD: usize = 256 * 1024;

/// How many bytes the reader takes from the file at a time.
const BUFFER: usize = 16 * 1024;

const TOO_LONG: &str = "the record is longer than";

/// A CSV file opened for reading some of its columns.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    reader: Reader<Bounded<File>>,
    record: ByteRecord,
    /// 1 if lines end in CR LF, because the reader stops between the two and counts a line at the LF.
    pending: u64,
    /// The line on which the last record begins, and whether a quote carried it over a line's end.
    record_line: u64,
    record_spans_lines: bool,
    /// The header's names.
    names: Vec<String>,
    /// The indices of the requested columns.
    places: Vec<usize>,
    rows: usize,
    watched: Rc<Watched>,
}

/// The requested fields of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which the row begins.
    pub line: u64,
    /// The row's number, from 1, the header not counted.
    pub number: usize,
    /// The fields, in the order in which the columns were requested.
    pub fields: Vec<String>,
}

/// What is known about the bytes that went through the reader.
#[derive(Debug, Default)]
struct Watched {
    /// Bytes since the last whole record.
    bytes: Cell<usize>,
    quotes: Cell<u64>,
    /// The reader's position in a field.
    place: Cell<Place>,
    /// Line ends so far.
    lines: Cell<u64>,
    /// The line of the first text after a closing quote.
    unquoted_line: Cell<Option<u64>>,
}

/// A position in a field, as far as quotes are concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Beginning,
    Plain,
    Quoted,
    /// After a quote that closes the field or is the first of two.
    Closed,
}

impl Watched {
    fn see(&self, bytes: &[u8]) {
        self.bytes.set(self.bytes.get() + bytes.len());
        let quotes = bytes.iter().filter(|byte| **byte == b'"').count();
        self.quotes.set(self.quotes.get() + quotes as u64);
        bytes.iter().for_each(|byte| self.step(*byte));
    }

    /// Tracks the quotes. Text after a closing quote means that the file is not quoted: a text in it begins with a
    /// quotation mark, and the reader would merge rows up to the next one.
    fn step(&self, byte: u8) {
        let place = match (self.place.get(), byte) {
            (Place::Quoted, b'"') => Place::Closed,
            (Place::Quoted, _) | (Place::Closed | Place::Beginning, b'"') => Place::Quoted,
            (_, b',' | b'\n' | b'\r') => Place::Beginning,
            (Place::Closed, b' ') => Place::Closed,
            (Place::Closed, _) => {
                let line = self.lines.get() + 1;
                self.unquoted_line.set(self.unquoted_line.get().or(Some(line)));
                Place::Plain
            }
            // A byte order mark precedes the first field.
            (Place::Beginning, 0xef | 0xbb | 0xbf) if self.lines.get() == 0 => Place::Beginning,
            (Place::Beginning | Place::Plain, _) => Place::Plain,
        };
        self.place.set(place);
        self.lines.set(self.lines.get() + u64::from(byte == b'\n'));
    }
}

/// A reader that stops when one record takes too many bytes.
#[derive(Debug)]
struct Bounded<R> {
    inner: R,
    watched: Rc<Watched>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watched.bytes.get() > LONGEST_RECORD + BUFFER {
            return Err(io::Error::other(TOO_LONG));
        }
        let count = self.inner.read(buffer)?;
        self.watched.see(&buffer[..count]);
        Ok(count)
    }
}

impl Table {
    /// Opens a UTF-8 CSV file with a header and finds `columns` in it.
    ///
    /// # Errors
    /// If the file cannot be read, its first bytes show another encoding, or it lacks a column.
    pub fn open(path: &Path, columns: &[&str]) -> Result<Self> {
        Self::open_whole(path)?.of(columns)
    }

    /// Selects the columns to read.
    ///
    /// # Errors
    /// If the table lacks one of them.
    pub fn of(mut self, columns: &[&str]) -> Result<Self> {
        self.places = find(&self.names, columns).with_context(|| self.path.display().to_string())?;
        Ok(self)
    }

    /// Opens a UTF-8 CSV file with a header for reading all of its columns.
    ///
    /// # Errors
    /// If the file cannot be read or its first bytes show another encoding.
    pub fn open_whole(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let pending = u64::from(check_start(path)?.ends_with(b"\r\n"));
        let watched = Rc::new(Watched::default());
        let bounded = Bounded { inner: file, watched: Rc::clone(&watched) };
        let mut reader = ReaderBuilder::new().flexible(true).buffer_capacity(BUFFER).from_reader(bounded);
        let header = reader.byte_headers().map_err(|error| fault(path, 1, error))?.clone();
        watched.bytes.set(0);
        let name = |name: &[u8]| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned();
        let names: Vec<String> = header.iter().map(name).collect();
        Ok(Self {
            path: path.to_owned(),
            reader,
            record: ByteRecord::new(),
            pending,
            record_line: 1,
            record_spans_lines: false,
            places: (0..names.len()).collect(),
            names,
            rows: 0,
            watched,
        })
    }

    /// Returns the names of all columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If it is too long, has a different number of fields from the header, is not UTF-8, or ends within a quote, or if
    /// its quotes show that the file is not quoted.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        let line = self.reader.position().line() + self.pending;
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| fault(&self.path, line, error))?;
        self.watched.bytes.set(0);
        if let Some(line) = self.watched.unquoted_line.get() {
            bail!(
                "{}:{line}: text after a closing quote: the file is not quoted, and rows would be merged; write each \
                 text in quotes, with the quotes in it doubled",
                self.path.display()
            );
        }
        if !more {
            let odd = !self.watched.quotes.get().is_multiple_of(2);
            ensure!(
                !(odd && self.record_spans_lines),
                "{}:{}: the file ends within the record that begins here: a quote is unbalanced",
                self.path.display(),
                self.record_line
            );
            return Ok(None);
        }
        self.rows += 1;
        let line = self.record.position().map_or(line, |position| position.line() + self.pending);
        self.record_line = line;
        self.record_spans_lines = self.record.iter().any(|field| field.contains(&b'\n'));
        let row = self.row(line).with_context(|| format!("{}:{line}", self.path.display()))?;
        Ok(Some(row))
    }

    fn row(&self, line: u64) -> Result<Row> {
        let hint = if self.record_spans_lines { "; it spans lines: is a quote unbalanced?" } else { "" };
        ensure!(self.record.as_slice().len() <= LONGEST_RECORD, "{TOO_LONG} {LONGEST_RECORD} bytes{hint}");
        let (fields, wanted) = (self.record.len(), self.names.len());
        ensure!(fields == wanted, "{fields} fields, the header has {wanted}{hint}");
        let fields = self.places.iter().map(|&place| utf8(&self.record[place])).collect::<Result<_>>()?;
        Ok(Row { line, number: self.rows, fields })
    }
}

fn utf8(field: &[u8]) -> Result<String> {
    match std::str::from_utf8(field) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => bail!(
            "not UTF-8 (byte 0x{:02x}): save the file as UTF-8, for Latin-1 with `iconv -f LATIN1 -t UTF-8`",
            field[error.valid_up_to()]
        ),
    }
}

/// Refuses a file that is UTF-16 or not text at all; returns the first line with its line ending.
fn check_start(path: &Path) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(4096).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
    let marked = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    ensure!(
        !marked,
        "{}:1: the file is UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`",
        path.display()
    );
    ensure!(
        !start.contains(&0),
        "{}:1: the file contains zero bytes: it is UTF-16 or not text; save it as UTF-8",
        path.display()
    );
    let first = start.iter().position(|byte| *byte == b'\n').map_or(start.len(), |end| end + 1);
    start.truncate(first);
    Ok(start)
}

fn fault(path: &Path, line: u64, error: csv::Error) -> anyhow::Error {
    let too_long = matches!(error.kind(), csv::ErrorKind::Io(io) if io.to_string() == TOO_LONG);
    if too_long {
        let path = path.display();
        return anyhow::anyhow!("{path}:{line}: {TOO_LONG} {LONGEST_RECORD} bytes: is a quote unbalanced?");
    }
    anyhow::Error::new(error).context(format!("cannot read {}", path.display()))
}

fn find(names: &[String], columns: &[&str]) -> Result<Vec<usize>> {
    let place = |wanted: &&str| {
        let place = names.iter().position(|name| name == wanted);
        place.with_context(|| format!("no column {wanted:?}; the file has {}", names.join(", ")))
    };
    columns.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_whose_texts_are_not_quoted_is_refused_before_rows_are_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let read = |content: &str| -> Result<usize> {
            std::fs::write(&path, content).unwrap();
            let mut table = Table::open(&path, &["text"])?;
            let mut rows = 0;
            while table.next_row()?.is_some() {
                rows += 1;
            }
            Ok(rows)
        };
        for (content, line) in [
            ("text,label\n\"Hola vecina,1\nya \"casi\" llega,0\nsol,1\n", 3),
            ("text,label\nsol,1\n\"Hola\" dijo ella,1\n", 3),
            ("text,label\r\n\"Hola\"dijo,1\r\n", 2),
            ("\u{feff}\"text\",label\n\"Hola\".,1\n", 2),
        ] {
            let message = format!("{:#}", read(content).unwrap_err());
            assert!(message.contains(&format!("a.csv:{line}: text after a closing quote")), "{content:?}: {message}");
        }
        for (content, rows) in [
            ("text,label\n\"Hola \"\"vecina\"\", ya\",1\n\"dos\nrenglones\",0\n", 2),
            ("text,label\nuna \"cita\" adentro,1\n\"cerrada\" ,0\n\"\",1\n", 3),
            ("\u{feff}\"text\",\"label\"\r\n\"sol\",1\r\n", 1),
            ("label,text\n1,\"final\"", 1),
        ] {
            assert_eq!(read(content).unwrap(), rows, "{content:?}");
        }
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        for end in ["\n", "\r\n"] {
            let lines = ["id,text", "1,uno", "2,\"dos", "y medio\"", "3,tres", ""];
            std::fs::write(&path, lines.join(end)).unwrap();
            let mut table = Table::open(&path, &["text"]).unwrap();
            let mut places = Vec::new();
            while let Some(row) = table.next_row().unwrap() {
                places.push((row.line, row.number));
            }
            assert_eq!(places, [(2, 1), (3, 2), (5, 3)], "{end:?}");
            std::fs::write(&path, ["id,text", "1,uno", "2", ""].join(end)).unwrap();
            let mut table = Table::open(&path, &["text"]).unwrap();
            table.next_row().unwrap();
            let message = format!("{:#}", table.next_row().unwrap_err());
            assert!(message.contains("a.csv:3: 1 fields"), "{message}");
        }
    }
}
