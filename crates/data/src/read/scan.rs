//! Finds the fields of one record of a table in a run of bytes, as the csv crate reads them.
//!
//! Unlike that crate, it says where quotes do not fit: such a record would swallow those after it.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Whether a quotation mark at the beginning of a field opens a text that may contain anything.
    pub(super) quotes: bool,
    /// The byte that ends a line: LF, or CR in files of old Macs.
    pub(super) line_end: u8,
}

/// A field: its bytes in the record, and whether they are in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
}

/// What was found at the beginning of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scan {
    /// A record whose line end is at `end`, or the bytes' end if they end without one.
    Record { end: usize },
    /// The bytes end within the record.
    Unfinished,
    /// There is text after a closing quote.
    Stray { at: usize },
}

impl Dialect {
    /// Finds the first record of `data` and its fields. If nothing comes after `data`, the last record needs no line end.
    pub(super) fn scan(&self, data: &[u8], at_end: bool, fields: &mut Vec<Field>) -> Scan {
        let line = memchr(self.line_end, data);
        let (end, finished) = line.map_or((data.len(), at_end), |end| (end, true));
        if !self.quotes || memchr(b'"', &data[..end]).is_none() {
            if !finished {
                return Scan::Unfinished;
            }
            self.split(&data[..end], fields);
            return Scan::Record { end };
        }
        self.scan_quoted(data, at_end, fields)
    }

    /// Splits a line at the delimiters, whatever else is in it.
    pub(super) fn split(&self, line: &[u8], fields: &mut Vec<Field>) {
        fields.clear();
        let line = without_return(line);
        let mut start = 0;
        while let Some(found) = memchr(self.delimiter, &line[start..]) {
            fields.push(Field { start, end: start + found, quoted: false });
            start += found + 1;
        }
        fields.push(Field { start, end: line.len(), quoted: false });
    }

    fn scan_quoted(&self, data: &[u8], at_end: bool, fields: &mut Vec<Field>) -> Scan {
        fields.clear();
        let mut start = 0;
        loop {
            let quoted = data.get(start) == Some(&b'"');
            let from = if quoted {
                match closing(data, start + 1) {
                    Some(closing) => closing + 1,
                    None => return Scan::Unfinished,
                }
            } else {
                start
            };
            let end = memchr2(self.delimiter, self.line_end, &data[from..]).map(|found| from + found);
            if end.is_none() && !at_end {
                return Scan::Unfinished;
            }
            let end = end.unwrap_or(data.len());
            let ends_record = data.get(end) != Some(&self.delimiter);
            let rest = if ends_record { without_return(&data[from..end]) } else { &data[from..end] };
            if quoted && let Some(stray) = rest.iter().position(|byte| *byte != b' ') {
                return Scan::Stray { at: from + stray };
            }
            fields.push(Field { start, end: from + rest.len(), quoted });
            if ends_record {
                return Scan::Record { end };
            }
            start = end + 1;
        }
    }
}

/// Returns where the quote is that closes a text; two quotes are one of the text.
fn closing(data: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', data.get(from..)?)?;
        if data.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Field {
    /// Returns the field's text.
    pub(super) fn text(self, record: &str) -> Cow<'_, str> {
        let raw = &record[self.start..self.end];
        if !self.quoted {
            return Cow::Borrowed(raw);
        }
        let inside = &raw[1..];
        match inside.rfind('"') {
            Some(closing) if closing + 1 == inside.len() && !inside[..closing].contains('"') => {
                Cow::Borrowed(&inside[..closing])
            }
            // Spaces after the closing quote belong to the text.
            Some(closing) => Cow::Owned(inside[..closing].replace("\"\"", "\"") + &inside[closing + 1..]),
            None => Cow::Borrowed(inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CSV: Dialect = Dialect { delimiter: b',', quotes: true, line_end: b'\n' };

    fn records(content: &str) -> Vec<Vec<String>> {
        let (mut rest, mut fields, mut records) = (content, Vec::new(), Vec::new());
        while !rest.is_empty() {
            let Scan::Record { end } = CSV.scan(rest.as_bytes(), true, &mut fields) else { panic!("{rest:?}") };
            if end > 0 && &rest[..end] != "\r" {
                records.push(fields.iter().map(|field| field.text(&rest[..end]).into_owned()).collect());
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        records
    }

    #[test]
    fn quotes_that_do_not_fit_are_found() {
        let mut fields = Vec::new();
        for (content, at_end, expected) in [
            ("\"Hola\" dijo,1\n", true, Scan::Stray { at: 7 }),
            ("\"Hola\"x,1\r\n", true, Scan::Stray { at: 6 }),
            ("\"Hola vecina,1\nsol,2\n", true, Scan::Unfinished),
            ("\"Hola\"", false, Scan::Unfinished),
            ("Hola", false, Scan::Unfinished),
            ("una \"cita\",1\r\n", false, Scan::Record { end: 13 }),
            ("\"a\"\r\n", false, Scan::Record { end: 4 }),
        ] {
            assert_eq!(CSV.scan(content.as_bytes(), at_end, &mut fields), expected, "{content:?}");
        }
    }

    proptest! {
        #[test]
        fn a_written_table_is_read_as_the_csv_crate_reads_it(
            rows in prop::collection::vec(prop::collection::vec("[a\",\n é]{0,6}", 3), 1..5),
            always in any::<bool>(),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer = csv::WriterBuilder::new().quote_style(style).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let content = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(records(&content), rows);
        }
    }
}
