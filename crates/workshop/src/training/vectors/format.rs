//! Word vectors in a file: word2vec's text (a header line), fastText's `.vec` (the same) and GloVe's text (no header).
//!
//! The format is recognised by the content. Fields are separated only by spaces or tabs, because words of crawled text contain
//! other white space; GloVe's 840B words even contain spaces, so that a row is read from its end. The classifier's
//! training takes its first layer from such a file; [`super::train_vectors`] writes one.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::WordVectors;
use pregonero_system::files::{self, Existing};

/// The longest line that is read: a row of 100,000 numbers. A longer one is not text.
const LONGEST_LINE: u64 = 1 << 21;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorFormat {
    /// The first line has the number of words and the width: word2vec's text and fastText's `.vec`.
    WithHeader,
    /// Only rows: GloVe's text.
    WithoutHeader,
}

/// What reading found besides the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCounts {
    pub format: VectorFormat,
    /// Rows left out because their word occurred earlier in the file; the first row counts.
    pub duplicates: usize,
}

/// Reads the vectors of a text file.
///
/// # Errors
/// If the file cannot be read, is empty or not UTF-8, a row differs in width from the others or has a value that is not a
/// finite number, or the number of rows differs from the header; the message names file and line.
pub fn read_vectors(path: &Path) -> Result<(WordVectors, ReadCounts)> {
    let mut reader = RowReader::open(path)?;
    read_rows(&mut reader).with_context(|| format!("{}:{}", path.display(), reader.line))
}

/// Returns how many values the vectors of a text file have, from its first line alone.
///
/// # Errors
/// If the file cannot be read, is empty or its first line is not text.
pub fn read_width(path: &Path) -> Result<usize> {
    let mut reader = RowReader::open(path)?;
    let first = reader.next().with_context(|| path.display().to_string())?;
    let first = first.with_context(|| format!("{}: the file is empty", path.display()))?;
    Ok(header(first).map_or_else(|| first_width(first), |(_, width)| width))
}

/// Writes the vectors as word2vec's text, each value as the shortest decimal that reads back as the same `f32`.
///
/// # Errors
/// If the file cannot be written; then no partial file remains.
pub fn write_vectors(vectors: &WordVectors, path: &Path, existing: Existing) -> Result<()> {
    files::write_whole(path, existing, |writer| {
        writeln!(writer, "{} {}", vectors.words().len(), vectors.width())?;
        for (word, vector) in vectors.iter() {
            write!(writer, "{word}")?;
            vector.iter().try_for_each(|value| write!(writer, " {value}"))?;
            writeln!(writer)?;
        }
        Ok(())
    })
}

struct RowReader<R> {
    lines: R,
    /// The number of the line in `buffer`, from 1.
    line: usize,
    buffer: Vec<u8>,
}

impl RowReader<BufReader<File>> {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { lines: BufReader::with_capacity(1 << 16, file), line: 0, buffer: Vec::new() })
    }
}

impl<R: BufRead> RowReader<R> {
    /// Returns the next line without its line ending, or `None` after the last one.
    fn next(&mut self) -> Result<Option<&str>> {
        self.buffer.clear();
        let read = self.lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        ensure!(
            (read as u64) < LONGEST_LINE,
            "a line of {LONGEST_LINE} bytes or more: not the text form; save the vectors as text"
        );
        let text = std::str::from_utf8(&self.buffer)
            .context("not UTF-8: save the vectors as UTF-8 text, not in word2vec's or fastText's binary form")?;
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        Ok(Some(text.trim_end_matches(['\n', '\r', ' ', '\t'])))
    }
}

/// The rows read so far.
struct Gathered {
    vectors: WordVectors,
    duplicates: usize,
}

fn read_rows<R: BufRead>(reader: &mut RowReader<R>) -> Result<(WordVectors, ReadCounts)> {
    let Some(first) = reader.next()? else { bail!("the file is empty") };
    let header = header(first);
    let mut gathered = match header {
        Some((_, width)) => {
            // Each number takes at least two bytes of a line.
            let most = LONGEST_LINE / 2;
            ensure!(
                (width as u64) < most,
                "the first line promises {width} numbers per row, but a row has fewer than {most}"
            );
            Gathered { vectors: WordVectors::empty(width)?, duplicates: 0 }
        }
        None => {
            let mut gathered = Gathered { vectors: WordVectors::empty(first_width(first))?, duplicates: 0 };
            gathered.add(first)?;
            gathered
        }
    };
    while let Some(line) = reader.next()? {
        if !line.is_empty() {
            gathered.add(line)?;
        }
    }
    let Gathered { vectors, duplicates } = gathered;
    let rows = vectors.words().len() + duplicates;
    let format = match header {
        Some((promised, _)) => {
            ensure!(
                promised == rows,
                "the file ends after {rows} rows, but its first line promises {promised}: it was cut short, or joined"
            );
            VectorFormat::WithHeader
        }
        None => VectorFormat::WithoutHeader,
    };
    ensure!(rows > 0, "the file contains no vectors");
    Ok((vectors, ReadCounts { format, duplicates }))
}

/// Returns the number of words and the width if the line is a header: two whole numbers and nothing else.
fn header(line: &str) -> Option<(usize, usize)> {
    let (count, width) = line.split_once([' ', '\t'])?;
    Some((count.parse().ok()?, width.trim_start_matches([' ', '\t']).parse().ok()?))
}

/// Returns the width of the first row of a file without header: the numbers at its end, after at least one word.
fn first_width(line: &str) -> usize {
    let fields: Vec<&str> = line.split([' ', '\t']).collect();
    fields[1..].iter().rev().take_while(|field| field.parse::<f32>().is_ok()).count()
}

impl Gathered {
    fn add(&mut self, line: &str) -> Result<()> {
        let width = self.vectors.width();
        let mut fields = line.rsplitn(width + 1, [' ', '\t']);
        let mut vector: Vec<f32> = Vec::with_capacity(width);
        for field in fields.by_ref().take(width) {
            let Ok(value) = field.parse::<f32>() else {
                bail!("{field:?} is not a number; a row of this file is a word and {width} numbers");
            };
            ensure!(value.is_finite(), "{field} is not a finite number");
            vector.push(value);
        }
        vector.reverse();
        let word = fields.next().unwrap_or_default();
        ensure!(
            vector.len() == width && !word.is_empty(),
            "expected a word and {width} numbers, found {} fields",
            line.split([' ', '\t']).count()
        );
        let behind = word.rsplit([' ', '\t']).next().filter(|last| last.len() < word.len());
        let more = behind.is_some_and(|last| last.contains('.') && last.parse::<f32>().is_ok_and(f32::is_finite));
        ensure!(!more, "more than {width} numbers after the word, which is the width of the earlier rows");
        if !self.vectors.push(word, &vector) {
            self.duplicates += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<(WordVectors, ReadCounts)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.txt");
        std::fs::write(&path, content).unwrap();
        read_vectors(&path)
    }

    #[test]
    fn the_forms_are_told_apart_by_their_content() {
        let with = VectorFormat::WithHeader;
        let without = VectorFormat::WithoutHeader;
        for (name, content, format) in [
            ("word2vec", "2 3\nla 0.5 -1 2e-1\nvacuna 1 2 3\n", with),
            ("fastText, with its space at the end", "2 3\nla 0.5 -1 2e-1 \nvacuna 1 2 3 \n", with),
            ("GloVe", "la 0.5 -1 2e-1\nvacuna 1 2 3\n", without),
            ("a file from Windows", "\u{feff}2 3\r\nla 0.5 -1 2e-1\r\nvacuna 1 2 3\r\n", with),
            ("tabs, no end of line", "la\t0.5\t-1\t2e-1\nvacuna\t1\t2\t3", without),
        ] {
            let (vectors, counts) = read(content.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert_eq!(vectors.words(), ["la", "vacuna"], "{name}");
            assert_eq!(vectors.get("la"), Some(&[0.5, -1.0, 0.2][..]), "{name}");
            assert_eq!(vectors.get("vacuna"), Some(&[1.0, 2.0, 3.0][..]), "{name}");
            assert_eq!(counts, ReadCounts { format, duplicates: 0 }, "{name}");
        }
    }

    #[test]
    fn words_may_hold_spaces_and_numbers_and_the_first_of_two_counts() {
        let content = "la 1 2\n. . . 3 4\nen la@ejemplo.org 5 6\n2021 7 8\na\u{a0}b 9 10\nla 11 12\n";
        let (vectors, counts) = read(content.as_bytes()).unwrap();
        assert_eq!(vectors.words(), ["la", ". . .", "en la@ejemplo.org", "2021", "a\u{a0}b"]);
        assert_eq!(vectors.get("la"), Some(&[1.0, 2.0][..]));
        assert_eq!(vectors.get(". . ."), Some(&[3.0, 4.0][..]));
        assert_eq!(counts.duplicates, 1);
    }

    #[test]
    fn faults_name_the_line_and_what_is_wrong() {
        for (content, expected) in [
            (&b""[..], "vectors.txt:0: the file is empty"),
            (b"0 3\n", "contains no vectors"),
            (b"palabra\n", ":1: the width is 0"),
            (b"1 0\nla\n", ":1: the width is 0"),
            (b"2 99999999999\nla 0.1\n", ":1: the first line promises 99999999999 numbers per row"),
            (b"2 18446744073709551615\nla 0.1\n", ":1: the first line promises 18446744073709551615 numbers per row"),
            (b"la 1 2\nvacuna 1\n", ":2: \"vacuna\" is not a number"),
            (b"la 1 2\n1\n", ":2: expected a word and 2 numbers, found 1 fields"),
            (b"la 1 2\n 1 2\n", ":2: expected a word and 2 numbers"),
            (b"la 0.1 0.2\nvacuna 0.1 0.2 0.3\n", ":2: more than 2 numbers"),
            (b"2 2\nla 1 2\nvacuna 1 dos\n", ":3: \"dos\" is not a number"),
            (b"la 1 2\nvacuna nan 2\n", ":2: nan is not a finite number"),
            (b"la 1 2\nvacuna 1 1e99\n", ":2: 1e99 is not a finite number"),
            (b"la 1 2\nma\xf1ana 1 2\n", ":2: not UTF-8"),
            (b"3 2\nla 1 2\nvacuna 1 2\n", ":3: the file ends after 2 rows, but its first line promises 3"),
        ] {
            let message = format!("{:#}", read(content).unwrap_err());
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
        let long = vec![b'x'; LONGEST_LINE as usize + 5];
        assert!(format!("{:#}", read(&long).unwrap_err()).contains(":1: a line of"));
        let missing = format!("{:#}", read_vectors(Path::new("/no/such.vec")).unwrap_err());
        assert!(missing.starts_with("cannot read /no/such.vec"), "{missing}");
    }

    #[test]
    fn what_is_written_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.txt");
        let values = vec![0.1, -1.0 / 3.0, f32::MIN_POSITIVE, 1e30, -0.0, 123_456.79];
        let vectors = WordVectors::new(vec!["la".into(), "💪".into()], 3, values).unwrap();
        write_vectors(&vectors, &path, Existing::Refuse).unwrap();
        let (back, counts) = read_vectors(&path).unwrap();
        assert_eq!(back, vectors);
        assert_eq!(counts, ReadCounts { format: VectorFormat::WithHeader, duplicates: 0 });
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("2 3\nla 0.1 -0.33333334 "));
    }

    // Files that gensim 4.4.0 wrote or read; made by tests/data/vectors/make_gensim.py.
    #[test]
    fn a_file_of_gensim_is_read_as_gensim_reads_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/vectors");
        let (vectors, counts) = read_vectors(&folder.join("gensim.txt")).unwrap();
        assert_eq!(counts, ReadCounts { format: VectorFormat::WithHeader, duplicates: 0 });
        let reference: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("gensim.json")).unwrap()).unwrap();
        for (word, vector) in vectors.iter() {
            let expected: Vec<f32> = serde_json::from_value(reference["vectors"][word].clone()).unwrap();
            assert_eq!(vector, expected, "{word}");
        }
        let neighbours: Vec<(String, f32)> = serde_json::from_value(reference["most_similar"].clone()).unwrap();
        let found = vectors.nearest(reference["word"].as_str().unwrap(), neighbours.len()).unwrap();
        for ((word, similarity), (expected_word, expected)) in found.iter().zip(&neighbours) {
            assert_eq!(word, expected_word);
            assert!((similarity - expected).abs() < 1e-6, "{word}: {similarity}, gensim says {expected}");
        }
    }
}
