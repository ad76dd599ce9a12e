//! Labelled tweets from a CSV file with named columns.
//!
//! Every fault names the file and the line a person has to look at; rows without text are counted, not fatal.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use csv::{ByteRecord, ReaderBuilder};

/// Which columns hold what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub text: String,
    /// Holds 0 or 1.
    pub label: String,
    /// The column that tells authors apart; `None` where the table has none.
    pub author: Option<String>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { text: "text".to_owned(), label: "label".to_owned(), author: Some("author".to_owned()) }
    }
}

/// One labelled tweet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTweet {
    pub text: String,
    /// Empty where unknown.
    pub author: String,
    /// 0 or 1.
    pub label: usize,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledTable {
    pub tweets: Vec<LabelledTweet>,
    /// Rows left out because their text is empty.
    pub skipped_empty: usize,
}

/// Places of the columns in a row.
struct Places {
    text: usize,
    label: usize,
    author: Option<usize>,
}

/// Reads the labelled tweets of a UTF-8 CSV file with a header.
///
/// # Errors
/// Where the file cannot be read, a column is missing, a row has another number of fields than the header, is not
/// UTF-8, or has a label other than 0 and 1, or no row is left. The message names file and line.
pub fn read_labelled(path: &Path, columns: &Columns) -> Result<LabelledTable> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.byte_headers().with_context(|| format!("cannot read {}", path.display()))?.clone();
    let places = Places::find(&header, columns).with_context(|| path.display().to_string())?;
    let mut table = LabelledTable { tweets: Vec::new(), skipped_empty: 0 };
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).with_context(|| format!("cannot read {}", path.display()))? {
        let line = record.position().map_or(0, csv::Position::line);
        let tweet = places.tweet(&record, header.len()).with_context(|| format!("{}:{line}", path.display()))?;
        if tweet.text.trim().is_empty() {
            table.skipped_empty += 1;
        } else {
            table.tweets.push(tweet);
        }
    }
    ensure!(!table.tweets.is_empty(), "{}: no row holds a text", path.display());
    Ok(table)
}

impl Places {
    fn find(header: &ByteRecord, columns: &Columns) -> Result<Self> {
        let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let find = |wanted: &str| {
            names
                .iter()
                .position(|name| name == wanted)
                .with_context(|| format!("no column {wanted:?}; the file has {}", names.join(", ")))
        };
        let author = columns.author.as_deref().map(find).transpose()?;
        Ok(Self { text: find(&columns.text)?, label: find(&columns.label)?, author })
    }

    fn tweet(&self, record: &ByteRecord, fields: usize) -> Result<LabelledTweet> {
        ensure!(record.len() == fields, "{} fields, the header has {fields}", record.len());
        let field = |place: usize| std::str::from_utf8(&record[place]).context("not UTF-8: save the file as UTF-8");
        let label = match field(self.label)?.trim() {
            "0" => 0,
            "1" => 1,
            other => bail!("label {other:?} is neither 0 nor 1"),
        };
        let author = self.author.map(field).transpose()?.unwrap_or_default().trim().to_owned();
        Ok(LabelledTweet { text: field(self.text)?.to_owned(), author, label })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(content: &[u8]) -> Result<LabelledTable> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        read_labelled(file.path(), &Columns::default())
    }

    #[test]
    fn columns_are_found_by_name_and_rows_without_text_are_counted() {
        let table =
            read("label,extra,text,author\n1,x,\"Hola, ya\",ana\n0,y,  ,luis\n0,z,no quiero,\n".as_bytes()).unwrap();
        assert_eq!(table.skipped_empty, 1);
        let tweet = |text: &str, author: &str, label| LabelledTweet { text: text.into(), author: author.into(), label };
        assert_eq!(table.tweets, [tweet("Hola, ya", "ana", 1), tweet("no quiero", "", 0)]);
    }

    #[test]
    fn faults_name_the_line_and_what_is_wrong() {
        for (content, expected) in [
            (&b"text,label\nhola,1\n"[..], "no column \"author\"; the file has text, label"),
            (b"author,text,label\na,\"dos\nrenglones\",1\na,hola,2\n", ":4: label \"2\" is neither 0 nor 1"),
            (b"author,text,label\na,hola,1\na,se\xf1or,1\n", ":3: not UTF-8"),
            (b"author,text,label\na,hola\n", ":2: 2 fields, the header has 3"),
            (b"author,text,label\na,,1\n", "no row holds a text"),
            (b"", "no column"),
        ] {
            let message = format!("{:#}", read(content).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = format!("{:#}", read_labelled(Path::new("/no/such.csv"), &Columns::default()).unwrap_err());
        assert!(message.starts_with("cannot read /no/such.csv"), "{message}");
    }
}
