//! Reads the texts that a generator or tokenizer is trained on: plain files, one text per line, or a column of any other file,
//! with the values of further columns if they control the training.

mod rows;

use std::collections::HashSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};
use regex::Regex;
use sha2::{Digest as _, Sha256};

pub use crate::dataset::parts::ReadFor;
use crate::dataset::parts::paths_for;
use pregonero_data::near_duplicates::NearDuplicates;
use pregonero_data::similar::NEAR_DUPLICATE;
use pregonero_text::characters::tidy;
use pregonero_text::hashing::splitmix64;

/// One source of texts: `FILE`, `FILE:COLUMN`, each with an optional `=WEIGHT`.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSource {
    pub path: PathBuf,
    /// The column of the texts; a plain file has none, and X's files and data sets need none named.
    pub column: Option<String>,
    /// The share of its texts that is used (below 1), or how many times each text is used (1, 2, 3 …).
    pub weight: f64,
}

impl FromStr for TextSource {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (rest, weight) = match text.rsplit_once('=') {
            Some((rest, weight)) => {
                let weight: f64 = weight
                    .parse()
                    .with_context(|| format!("{text}: {weight:?} is not a weight; write FILE:COLUMN=0.5"))?;
                if !(weight > 0.0 && weight <= 100.0) {
                    bail!("{text}: the weight must be above 0 and at most 100");
                }
                if weight > 1.0 && weight.fract() != 0.0 {
                    bail!("{text}: a weight above 1 says how many times each text is taken and must be a whole number");
                }
                (rest, weight)
            }
            None => (text, 1.0),
        };
        let (path, column) = match rest.rsplit_once(':') {
            Some((path, column)) if !column.is_empty() && !column.contains(['/', '.']) => {
                (path, Some(column.to_owned()))
            }
            _ => (rest, None),
        };
        if path.is_empty() {
            bail!("{text:?}: no file named; write FILE, FILE:COLUMN or FILE:COLUMN=WEIGHT");
        }
        if path == "-" {
            bail!(
                "{text:?}: standard input can be read only once, and a training reads its texts again: save them to a file"
            );
        }
        Ok(Self { path: PathBuf::from(path), column, weight })
    }
}

/// How many texts were read and left out, for the log and the model card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextCounts {
    pub read: usize,
    pub empty: usize,
    /// Left out: the same text, apart from case and spacing, came before.
    pub duplicates: usize,
    /// Left out: a text that shares most of its words came before.
    pub near_duplicates: usize,
    /// Left out: X had cut the text off (`RT @x: …`), so that it ends within a sentence.
    pub cut_off: usize,
    pub kept: usize,
}

/// Which repeated texts are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// Equal texts and near-duplicates ([`NEAR_DUPLICATE`]): the first one stays.
    Near,
    /// Equal texts.
    Exact,
    /// None.
    Keep,
}

/// How sources are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub cleaning: Cleaning,
    pub duplicates: Duplicates,
    /// Which part of a data set with parts is read.
    pub read_for: ReadFor,
    /// Columns whose values are read along with the text. Plain files have none, so their values are empty.
    pub columns: &'a [String],
}

/// One text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRow {
    /// Tidied.
    pub text: String,
    /// The values of [`Reading::columns`], as written in the file; empty if there is none.
    pub values: Vec<String>,
    /// The index of its source.
    pub source: usize,
    /// Its line in the source, from 1.
    pub line: u64,
}

/// How texts are tidied before training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning {
    /// [`tidy`] and trimming, nothing else.
    None,
    /// For tweets: links, mentions and placeholders are removed, spaces tidied; texts under four words and those that X cut off
    /// are dropped.
    Tweets,
}

impl Cleaning {
    /// Returns whether the text ends where X cut it off, so that it would be learned as a finished one.
    fn is_cut_off(self, text: &str) -> bool {
        self == Self::Tweets && CUT_OFF.is_match(text)
    }

    /// Returns the tidied text, or `None` if nothing worth learning is left.
    #[must_use]
    pub fn apply(self, text: &str) -> Option<String> {
        let text = tidy(text);
        let text = match self {
            Self::None => text.trim().to_owned(),
            Self::Tweets => tidy_tweet(&text)?,
        };
        (!text.is_empty()).then_some(text)
    }
}

/// Matches a text that X delivered cut off: a retweet that ends in `…`, or `…` before a link to the whole text.
static CUT_OFF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?is)^\s*RT\s+@\w+:?.*(?:…|\.\.\.)\s*(?:https?://\S*\s*)?$|…\s*https?://t\.co/\w*\s*$")
        .expect("the pattern is valid")
});

static NOISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)https?://\S*|www\.\S+|\b[\w-]+\.(?:com|co|ly|gov|org|net|mx|es|cl)/\S*|@\w+|\b_(?:usr|url|emo)\b|^RT\b:?|…\s*$")
        .expect("the pattern is valid")
});
static SPACES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s+").expect("the pattern is valid"));
static LOOSE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s+([,.;:!?…)])").expect("the pattern is valid"));
static EDGES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^[\s,.;:!?…)|/>"”'-]+|[\s,;:(|/<-]+$"#).expect("the pattern is valid"));

fn tidy_tweet(text: &str) -> Option<String> {
    let text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let text = NOISE.replace_all(&text, " ");
    let text = SPACES.replace_all(&text, " ");
    let text = LOOSE.replace_all(&text, "$1");
    let text = EDGES.replace_all(&text, "");
    let words = text.split(' ').filter(|word| word.chars().any(char::is_alphabetic)).count();
    (words >= 4).then(|| text.into_owned())
}

/// Reads every text of the sources, tidied, each exact text once, in the order of the files.
///
/// # Errors
/// Same as [`read_rows`].
pub fn read_all(sources: &[TextSource], cleaning: Cleaning, read_for: ReadFor) -> Result<(Vec<String>, TextCounts)> {
    let reading = Reading { cleaning, duplicates: Duplicates::Exact, read_for, columns: &[] };
    let (rows, counts) = read_rows(sources, &reading)?;
    Ok((rows.into_iter().map(|row| row.text).collect(), counts))
}

/// Reads every text of the sources with its values, tidied, in the order of the files.
///
/// # Errors
/// If a file cannot be read, a column is missing (the message names those that exist), or a line is not UTF-8 or not JSON; the
/// message names file and line. No text at all is an error too.
pub fn read_rows(sources: &[TextSource], reading: &Reading<'_>) -> Result<(Vec<TextRow>, TextCounts)> {
    let mut counts = TextCounts::default();
    let mut rows = Vec::new();
    let mut seen = Seen::new(reading.duplicates);
    for (place, source) in sources.iter().enumerate() {
        let repeats = source.weight.max(1.0).round() as usize;
        let mut take = |text: &str, values: Vec<String>, line: u64| {
            counts.read += 1;
            if reading.cleaning.is_cut_off(text) {
                return counts.cut_off += 1;
            }
            let Some(text) = reading.cleaning.apply(text) else {
                counts.empty += 1;
                return;
            };
            let digest = digest(&text);
            if source.weight < 1.0 && unit_interval(splitmix64(digest)) >= source.weight {
                return;
            }
            match seen.novelty(&text, digest) {
                Novelty::New => counts.kept += 1,
                Novelty::Same => return counts.duplicates += 1,
                Novelty::Similar => return counts.near_duplicates += 1,
            }
            rows.extend(std::iter::repeat_n(TextRow { text, values, source: place, line }, repeats));
        };
        for path in paths_for(&source.path, reading.read_for)? {
            rows::visit(&TextSource { path, ..source.clone() }, reading.columns, &mut take)?;
        }
    }
    if rows.is_empty() {
        let names: Vec<String> = sources.iter().map(|source| source.path.display().to_string()).collect();
        let TextCounts { read, empty, cut_off, .. } = counts;
        let cut = if cut_off > 0 { format!(", {cut_off} cut off by X") } else { String::new() };
        bail!("{}: no text to train on ({read} read, {empty} too short or empty{cut})", names.join(", "));
    }
    Ok((rows, counts))
}

/// The texts seen so far, as far as repeated texts are left out.
struct Seen {
    exact: Option<HashSet<u64>>,
    near: Option<NearDuplicates>,
}

enum Novelty {
    New,
    Same,
    Similar,
}

impl Seen {
    fn new(duplicates: Duplicates) -> Self {
        Self {
            exact: (duplicates != Duplicates::Keep).then(HashSet::new),
            near: (duplicates == Duplicates::Near).then(|| NearDuplicates::new(NEAR_DUPLICATE)),
        }
    }

    /// Returns whether a text like this one came before, and remembers it.
    fn novelty(&mut self, text: &str, digest: u64) -> Novelty {
        if self.exact.as_mut().is_some_and(|exact| !exact.insert(digest)) {
            return Novelty::Same;
        }
        match self.near.as_mut().is_none_or(|near| near.admit(text)) {
            true => Novelty::New,
            false => Novelty::Similar,
        }
    }
}

/// Returns whether a text is in the `share` that a training holds out for evaluation; depends only on the text, so that
/// every training and every evaluation holds out the same ones.
#[must_use]
pub fn is_held_out(text: &str, share: f64) -> bool {
    unit_interval(digest(text)) >= 1.0 - share
}

/// Returns the first 8 bytes of the SHA-256 of a text without case and spacing; texts with the same digest count as the same.
pub(crate) fn digest(text: &str) -> u64 {
    let folded: String = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let hash = Sha256::digest(folded.as_bytes());
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}

/// Maps a digest to a number from 0 to below 1, for choices that depend only on the text.
pub(crate) fn unit_interval(digest: u64) -> f64 {
    (digest >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_file_column_and_weight() {
        let source = |path: &str, column: Option<&str>, weight: f64| TextSource {
            path: PathBuf::from(path),
            column: column.map(str::to_owned),
            weight,
        };
        let cases = [
            ("a.txt", source("a.txt", None, 1.0)),
            ("a.csv:text", source("a.csv", Some("text"), 1.0)),
            ("../b/a.jsonl:body=0.25", source("../b/a.jsonl", Some("body"), 0.25)),
            ("a.txt=3", source("a.txt", None, 3.0)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<TextSource>().expect("a source"), expected, "{text}");
        }
        for text in ["", ":text", "a.txt=", "a.txt=0", "a.txt=-1", "a.txt=x", "a.txt=1.4", "a.txt=nan"] {
            assert!(text.parse::<TextSource>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_tweet_loses_what_a_bot_must_not_write() {
        let cases = [
            ("@vecina Hoy vacunan en la plaza https://t.co/abc", Some("Hoy vacunan en la plaza")),
            ("RT @radio: mañana abren cuatro puestos nuevos", Some("mañana abren cuatro puestos nuevos")),
            (
                "Hoy _usr  cuenta _url su   historia , otra vez &amp; bien",
                Some("Hoy cuenta su historia, otra vez & bien"),
            ),
            ("Uno dos tres", None),
            ("https://t.co/abc @a @b", None),
            ("Sigue leyendo la noticia completa aquí…", Some("Sigue leyendo la noticia completa aquí")),
        ];
        for (text, expected) in cases {
            assert_eq!(Cleaning::Tweets.apply(text).as_deref(), expected, "{text}");
        }
        assert_eq!(Cleaning::None.apply(" cafe\u{301} ").as_deref(), Some("café"));
    }

    #[test]
    fn what_x_cut_off_is_no_finished_text() {
        let texts = [
            ("RT @radio: mañana abren cuatro puestos nuevos en el cen…", true),
            ("RT @radio: mañana abren cuatro puestos nuevos en el cen… https://t.co/abc", true),
            ("rt @radio mañana abren cuatro puestos nuevos en...", true),
            ("Mañana abren cuatro puestos nuevos en el… https://t.co/abc", true),
            ("RT @radio: mañana abren cuatro puestos nuevos.", false),
            ("Y así seguimos, esperando con paciencia…", false),
            ("Mañana abren cuatro puestos nuevos. https://t.co/abc", false),
        ];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.txt");
        std::fs::write(&path, texts.map(|(text, _)| text).join("\n")).expect("writable");
        let source: TextSource = path.display().to_string().parse().expect("a source");
        let reading =
            |cleaning| Reading { cleaning, duplicates: Duplicates::Keep, read_for: ReadFor::Training, columns: &[] };
        let (rows, counts) = read_rows(std::slice::from_ref(&source), &reading(Cleaning::Tweets)).expect("readable");
        let kept: Vec<u64> = rows.iter().map(|row| row.line).collect();
        assert_eq!(kept, [5, 6, 7], "{rows:?}");
        assert_eq!((counts.read, counts.cut_off, counts.kept), (7, 4, 3));
        assert_eq!(read_rows(&[source], &reading(Cleaning::None)).expect("readable").1.cut_off, 0);
    }

    fn read(name: &str, content: &[u8], spec: &str) -> Result<(Vec<String>, TextCounts)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("writable");
        read_all(&[format!("{}{spec}", path.display()).parse().expect("a source")], Cleaning::None, ReadFor::Training)
    }

    #[test]
    fn files_columns_and_fields_give_their_texts_once() {
        let expected = vec!["uno dos".to_owned(), "tres cuatro".to_owned()];
        let plain = read("a.txt", b"uno dos\n\ntres cuatro\nUNO  dos\n", "").expect("readable");
        assert_eq!(plain.0, expected);
        assert_eq!(plain.1, TextCounts { read: 4, empty: 1, duplicates: 1, kept: 2, ..TextCounts::default() });
        assert_eq!(read("a.csv", b"id,t\n1,uno dos\n2,tres cuatro\n", ":t").expect("readable").0, expected);
        let lines = b"{\"t\":\"uno dos\"}\n{\"t\":\"tres cuatro\"}\n";
        assert_eq!(read("a.jsonl", lines, ":t").expect("readable").0, expected);
        assert_eq!(read("a.CSV", b"id,t\n1,uno dos\n2,tres cuatro\n", ":t").expect("readable").0, expected);
        let marked = "\u{feff}{\"t\":\"uno dos\"}\n\n{\"t\":\"tres cuatro\"}\n\n".as_bytes();
        assert_eq!(read("a.jsonl", marked, ":t").expect("readable").0, expected);
        assert_eq!(read("a.tsv", b"id\tt\n1\tuno dos\n2\ttres cuatro\n", ":t").expect("readable").0, expected);
        let tweet = |id: u8, text: &str| {
            format!("{{\"tweet\": {{\"id_str\": \"{id}\", \"id\": \"{id}\", \"full_text\": \"{text}\"}}}}")
        };
        let archive = format!("window.YTD.tweets.part0 = [{}, {}]", tweet(1, "uno dos"), tweet(2, "tres cuatro"));
        assert_eq!(read("tweets.js", archive.as_bytes(), "").expect("readable").0, expected);
        assert_eq!(read("a.txt", b"uno dos\n", "=2").expect("readable").0, ["uno dos", "uno dos"]);
    }

    #[test]
    fn unreadable_texts_name_file_and_line() {
        let cases: [(&str, &[u8], &str, &str); 11] = [
            ("tweets.js", b"window.YTD.tweets.part0 = []\n", "", "no text to train on"),
            ("like.js", b"window.YTD.like.part0 = []\n", "", "likes are other people's texts"),
            ("a.json", b"[{\"t\":\"x\"}]", "", "a.json: say which column holds the text"),
            ("a.txt", b"{\"t\":\"x\"}\n", "", "a.txt: say which column holds the text, for example"),
            ("a.csv", b"id,t\n1,x\n", ":text", "no column \"text\"; the file has id, t"),
            ("a.csv", b"id,t\n1,x\n", "", "it has id, t"),
            ("a.txt", b"x\n", ":t", "plain lines have no columns"),
            ("a.jsonl", b"{\"t\":\"x\"}\nno\n", ":t", "a.jsonl:2"),
            ("a.jsonl", b"{\"u\":\"x\"}\n", ":t", "a.jsonl:1: no text field"),
            ("a.txt", b"se\xc3\xb1al\nse\xf1al\n", "", "a.txt:2"),
            ("a.txt", b"\n\n", "", "no text to train on"),
        ];
        for (name, content, spec, expected) in cases {
            let message = format!("{:#}", read(name, content, spec).expect_err(expected));
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn every_table_of_a_zip_file_must_have_the_column() {
        use base64::Engine as _;
        // python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], "w"); z.writestr("a.csv", "t\nuno dos\n"); \
        // z.writestr("b.csv", "u\ntres\n"); z.close()' a.zip; base64 -w0 a.zip
        let zip = "\
            UEsDBBQAAAAAAAAAYVyv0lSdCgAAAAoAAAAFAAAAYS5jc3Z0CnVubyBkb3MKUEsDBBQAAAAAAAAAYVxs5xjlBwAAAAcAAAAFAAAAYi5jc3Z1Cn\
            RyZXMKUEsBAhQDFAAAAAAAAABhXK/SVJ0KAAAACgAAAAUAAAAAAAAAAAAAAIABAAAAAGEuY3N2UEsBAhQDFAAAAAAAAABhXGznGOUHAAAABwAA\
            AAUAAAAAAAAAAAAAAIABLQAAAGIuY3N2UEsFBgAAAAACAAIAZgAAAFcAAAAAAA==";
        let zip = base64::engine::general_purpose::STANDARD.decode(zip).expect("base64");
        let message = format!("{:#}", read("a.zip", &zip, ":t").expect_err("no column t in b.csv"));
        assert!(message.contains("a.zip:b.csv: no column \"t\"; the file has u"), "{message}");
    }

    #[test]
    fn a_share_depends_on_the_texts_alone() {
        let lines: String = (0..400).map(|index| format!("texto número {index} de prueba\n")).collect();
        let some = read("a.txt", lines.as_bytes(), "=0.25").expect("readable").0;
        assert!((70..130).contains(&some.len()), "{}", some.len());
        assert_eq!(read("b.txt", lines.as_bytes(), "=0.25").expect("readable").0, some);
        let held_out = some.iter().filter(|text| is_held_out(text, 0.3)).count() as f64 / some.len() as f64;
        assert!((0.15..0.45).contains(&held_out), "a share of {held_out} of those taken is held out");
    }
}
