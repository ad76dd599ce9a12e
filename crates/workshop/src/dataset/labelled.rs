//! Labelled tweets from a file of any kind with named columns.
//!
//! Every error names the file and the line that a person has to check; rows without text are counted, not fatal.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::columns::{Asked, open_table};
use super::parts::{GivenPart, files_by_part};
use pregonero_models::sentiment::{AUTHOR_FLAG, Columns, LABEL_FLAG, TEXT_FLAG};

/// Returns the column of authors, if the settings name one.
pub(crate) fn author_column(columns: &Columns) -> Option<Asked<'_>> {
    const WITHOUT: &str = ", or give --author-column \"\" if there is none";
    columns.author.as_deref().map(|author| Asked { without: WITHOUT, ..Asked::new(author, AUTHOR_FLAG) })
}

/// One labelled tweet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTweet {
    pub text: String,
    /// Empty if unknown.
    pub author: String,
    /// The label's index among the labels.
    pub label: usize,
    /// The row's number in the file, the header not counted, from 1.
    pub row: usize,
    /// The part that the data set puts it in; `None` where the data is not divided.
    pub part: Option<GivenPart>,
}

/// The contents of a labelled file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTable {
    pub tweets: Vec<LabelledTweet>,
    /// The number of rows left out because their text is empty.
    pub skipped_empty: usize,
}

/// Reads the labelled tweets of a file of any kind with named columns; `labels` are the names of the classes. Of a data set
/// with parts, every part is read.
///
/// # Errors
/// If the file cannot be read, a column is missing, a row has a different number of fields from the header, is too
/// long, is not in the encoding of the others or has a label outside the set, or no row is left. The message names file and line.
pub fn read_labelled<L: AsRef<str>>(path: &Path, columns: &Columns, labels: &[L]) -> Result<LabelledTable> {
    let mut asked = vec![Asked::new(&columns.text, TEXT_FLAG), Asked::new(&columns.label, LABEL_FLAG)];
    asked.extend(author_column(columns));
    let mut table = LabelledTable { tweets: Vec::new(), skipped_empty: 0 };
    let parts = files_by_part(path)?;
    if parts.is_empty() {
        table.read(path, None, &asked, labels)?;
    }
    for (file, part) in &parts {
        table.read(file, Some(*part), &asked, labels)?;
    }
    ensure!(!table.tweets.is_empty(), "{}: no row has a text", path.display());
    Ok(table)
}

impl LabelledTable {
    /// Adds the rows of a file.
    fn read<L: AsRef<str>>(
        &mut self,
        path: &Path,
        part: Option<GivenPart>,
        asked: &[Asked<'_>],
        labels: &[L],
    ) -> Result<()> {
        let mut rows = open_table(path, asked)?;
        while let Some(row) = rows.next_row()? {
            ensure!(
                !row.fields[1].trim().is_empty(),
                "{}:{}: no label: the row has nothing in the column {:?} (columns: {}); name another column with {LABEL_FLAG} NAME, \
                 or remove the rows without a label",
                path.display(),
                row.line,
                asked[1].column,
                rows.columns().join(", ")
            );
            let label = place_of(&row.fields[1], labels).with_context(|| format!("{}:{}", path.display(), row.line))?;
            let mut fields = row.fields.into_iter();
            let text = fields.next().unwrap_or_default();
            let author = fields.nth(1).unwrap_or_default().trim().to_owned();
            if text.trim().is_empty() {
                self.skipped_empty += 1;
            } else {
                self.tweets.push(LabelledTweet { text, author, label, row: row.number, part });
            }
        }
        Ok(())
    }
}

/// Returns the index of the label that a field gives by name or by number.
///
/// # Errors
/// If the set has no such label.
pub fn place_of<L: AsRef<str>>(field: &str, labels: &[L]) -> Result<usize> {
    let field = field.trim();
    if let Some(place) = labels.iter().position(|label| label.as_ref() == field) {
        return Ok(place);
    }
    match field.parse::<usize>() {
        Ok(place) if place < labels.len() => Ok(place),
        _ => {
            let known = labels.iter().enumerate().map(|(place, label)| format!("{place} ({})", label.as_ref()));
            bail!("label {field:?} is not one of {}", known.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use pregonero_data::read::LONGEST_RECORD;

    const LABELS: [&str; 2] = ["negative", "positive"];

    fn read(content: &[u8]) -> Result<LabelledTable> {
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        file.write_all(content).unwrap();
        read_labelled(file.path(), &Columns::default(), &LABELS)
    }

    #[test]
    fn columns_are_found_by_name_and_rows_without_text_are_counted() {
        let table =
            read("label,extra,text,author\n1,x,\"Hola, ya\",ana\n0,y,  ,luis\n0,z,no quiero,\n".as_bytes()).unwrap();
        assert_eq!(table.skipped_empty, 1);
        let tweet = |text: &str, author: &str, label, row| LabelledTweet {
            text: text.into(),
            author: author.into(),
            label,
            row,
            part: None,
        };
        assert_eq!(table.tweets, [tweet("Hola, ya", "ana", 1, 1), tweet("no quiero", "", 0, 3)]);
    }

    #[test]
    fn faults_name_the_line_and_what_is_wrong() {
        for (content, expected) in [
            (&b"text,label\nhola,1\n"[..], "no column \"author\"; the file has text, label"),
            (
                b"author,text,label\na,hola, \n",
                ":2: no label: the row has nothing in the column \"label\" (columns: author, text, label); name another column with",
            ),
            (
                b"author,text,label\na,\"dos\nrenglones\",1\na,hola,2\n",
                ":4: label \"2\" is not one of 0 (negative), 1 (positive)",
            ),
            (b"author,text,label\na,se\xc3\xb1or,1\na,se\xf1or,1\n", ":3: not UTF-8 like the rows before it"),
            (b"author,text,label\na,hola,1\nb,sol,0\na,hola\n", ":4: 2 fields, the header has 3"),
            (b"author,text,label\na,,1\n", "no row has a text"),
            (b"", "the file is empty"),
            (b"author,text,label\nc,\"uno, dos\",1\na,\"hola,1\nb,sol,0\n", ":3: the quotes of this row do not fit"),
            (b"\xff\xfea\0u\0t\0h\0o\0r\0", "no column \"text\"; the file has author"),
            (b"a\0\x01\x02\0\0\x03", "its bytes are no text"),
        ] {
            let message = format!("{:#}", read(content).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message =
            format!("{:#}", read_labelled(Path::new("/no/such.csv"), &Columns::default(), &LABELS).unwrap_err());
        assert!(message.starts_with("cannot read /no/such.csv"), "{message}");
    }

    #[test]
    fn labels_are_named_or_numbered_in_any_number() {
        let labels = ["negative", "neutral", "positive"];
        for (field, place) in [("0", 0), (" neutral ", 1), ("positive", 2), ("2", 2)] {
            assert_eq!(place_of(field, &labels).unwrap(), place, "{field}");
        }
        for field in ["3", "-1", "", "Neutro", "1.0"] {
            assert!(place_of(field, &labels).is_err(), "{field}");
        }
        // A name takes precedence over a number, so that the labels may be numbers in another order.
        assert_eq!(place_of("1", &["1", "0"]).unwrap(), 0);
    }

    #[test]
    fn a_mark_at_the_beginning_is_no_part_of_the_first_name() {
        let table = read("\u{feff}author,text,label\nana,hola,1\n".as_bytes()).unwrap();
        assert_eq!(table.tweets[0].author, "ana");
    }

    #[test]
    fn a_line_of_ten_megabytes_is_refused_by_its_number() {
        for quote in ["", "\""] {
            let long = "a".repeat(10_000_000);
            let content = format!("author,text,label\nana,hola,1\nana,{quote}{long}{quote},1\n");
            let message = format!("{:#}", read(content.as_bytes()).unwrap_err());
            assert!(message.contains(&format!(":3: the record is longer than {LONGEST_RECORD} bytes")), "{message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_at_all_make_the_reader_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            pieces in proptest::collection::vec(
                prop_oneof![Just("\""), Just(","), Just("\n"), Just("1"), Just("hola"), Just("\r"), Just("\u{feff}")],
                0..60,
            ),
        ) {
            let _ = read(&bytes);
            let _ = read(&[b"author,text,label\n".as_slice(), &bytes].concat());
            let _ = read(format!("author,text,label\n{}", pieces.concat()).as_bytes());
        }
    }
}
