//! The rows of an unlabelled CSV file, by the names of its columns.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use csv::{ByteRecord, ReaderBuilder};

/// Hands the fields of the named columns to `take`, row by row; returns the number of rows.
///
/// # Errors
/// Where the file cannot be read, a column is missing, or a row has another number of fields than the header or is not
/// UTF-8; with file and line.
pub(super) fn visit_rows<const COLUMNS: usize>(
    path: &Path,
    columns: [&str; COLUMNS],
    mut take: impl FnMut([&str; COLUMNS]),
) -> Result<usize> {
    let cannot = || format!("cannot read {}", path.display());
    let mut reader = ReaderBuilder::new().flexible(true).from_path(path).with_context(cannot)?;
    let header = reader.byte_headers().with_context(cannot)?.clone();
    let places = places(&header, columns).with_context(|| path.display().to_string())?;
    let mut record = ByteRecord::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record).with_context(cannot)? {
        let line = record.position().map_or(0, csv::Position::line);
        let fields = fields(&record, header.len(), places).with_context(|| format!("{}:{line}", path.display()))?;
        take(fields);
        rows += 1;
    }
    Ok(rows)
}

fn places<const COLUMNS: usize>(header: &ByteRecord, columns: [&str; COLUMNS]) -> Result<[usize; COLUMNS]> {
    let names: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_matches(['\u{feff}', ' ', '\t']).to_owned())
        .collect();
    let mut places = [0; COLUMNS];
    for (place, wanted) in places.iter_mut().zip(columns) {
        *place = names
            .iter()
            .position(|name| name == wanted)
            .with_context(|| format!("no column {wanted:?}; the file has {}", names.join(", ")))?;
    }
    Ok(places)
}

fn fields<const COLUMNS: usize>(
    record: &ByteRecord,
    expected: usize,
    places: [usize; COLUMNS],
) -> Result<[&str; COLUMNS]> {
    ensure!(record.len() == expected, "{} fields, the header has {expected}", record.len());
    let mut fields = [""; COLUMNS];
    for (field, place) in fields.iter_mut().zip(places) {
        *field = std::str::from_utf8(&record[place]).context("not UTF-8: save the file as UTF-8")?;
    }
    Ok(fields)
}
