//! `dataset enrich`: derives the columns that a controlled generator is trained with from the tweets alone.
//!
//! Sentiment comes from a classifier, with its labels in upper case as in "Este político no existe"; hashtags by X's
//! grammar; entities and key phrases by rules that a person can follow (`entities`, `phrases`).

mod entities;
mod hashtags;
mod phrases;
mod pieces;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use serde::Serialize;

use self::rows::{Row, Source};
use pregonero_system::files::{self, Existing};
use pregonero_tweet::Sentiment;

/// The number of tweets that are read and scored at a time.
const CHUNK: usize = 512;

/// What a column can be filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filling {
    Sentiment,
    Hashtags,
    Entities,
    Phrases,
}

impl Filling {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Sentiment, "sentiment", "SENTIMIENTO"),
        (Self::Hashtags, "hashtags", "HASHTAGS"),
        (Self::Entities, "entities", "ENTIDADES"),
        (Self::Phrases, "phrases", "FRASES"),
    ];
}

/// A column to write: `sentiment`, or `sentiment=NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledColumn {
    pub filling: Filling,
    pub name: String,
}

impl FromStr for FilledColumn {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, name) = text.split_once('=').map_or((text, None), |(kind, name)| (kind, Some(name)));
        let Some((filling, _, usual)) = Filling::ALL.into_iter().find(|(_, known, _)| *known == kind) else {
            bail!("cannot fill a column with {kind:?}; choose sentiment, hashtags, entities or phrases");
        };
        let name = name.unwrap_or(usual);
        ensure!(!name.is_empty(), "{text:?}: the column has no name");
        Ok(Self { filling, name: name.to_owned() })
    }
}

/// What to enrich, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrichment {
    /// A file of any kind that [`pregonero_data::read`] knows.
    pub data: PathBuf,
    /// The column or field with the text; for a plain file, the name of the column to write the texts in.
    pub text_column: String,
    pub columns: Vec<FilledColumn>,
    /// A sentiment that the classifier gives a lower probability is left empty.
    pub least_score: f32,
    /// Removes the hashtags at the end of the text, and the sign of the others.
    pub strip_hashtags: bool,
    /// The file to write, in CSV or JSON lines as its name ends; it must not exist yet.
    pub output: PathBuf,
}

/// How many rows got which values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EnrichCounts {
    pub rows: usize,
    /// By label, in upper case.
    pub sentiments: BTreeMap<String, usize>,
    /// Rows left without a sentiment because the classifier is not sure enough.
    pub unsure: usize,
    pub with_hashtags: usize,
    pub with_entities: usize,
    pub with_phrases: usize,
}

/// The format of the written file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputFormat {
    Csv,
    JsonLines,
}

impl OutputFormat {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase).as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            _ => bail!("{}: the extension decides the format: use a name that ends in .csv or .jsonl", path.display()),
        }
    }
}

/// Scores the sentiment of texts, in their order.
pub type Score<'a> = dyn Fn(&[&str]) -> Result<Vec<Sentiment>> + 'a;

/// Writes the table with the filled columns after its own.
///
/// # Errors
/// If the output already exists, the table cannot be read (the message names file and line), has no row or has a column of the
/// same name, or `score` fails. Then nothing is written.
pub fn enrich(enrichment: &Enrichment, score: &Score<'_>) -> Result<EnrichCounts> {
    files::refuse_existing(&enrichment.output, Existing::Refuse)?;
    let format = OutputFormat::of(&enrichment.output)?;
    let mut source = Source::open(enrichment)?;
    let mut sink = source.sink(format)?;
    let mut counts = EnrichCounts::default();
    loop {
        let rows = source.next_rows()?;
        if rows.is_empty() {
            break;
        }
        for (row, filled) in counts.fill(enrichment, rows, score)? {
            sink.write(row, filled)?;
        }
    }
    ensure!(counts.rows > 0, "{}: it has no row", enrichment.data.display());
    let bytes = sink.into_bytes();
    files::write_whole(&enrichment.output, Existing::Refuse, |output| output.write_all(&bytes))?;
    Ok(counts)
}

impl EnrichCounts {
    /// Returns the rows, each with the values of its new columns.
    fn fill(&mut self, enrichment: &Enrichment, rows: Vec<Row>, score: &Score<'_>) -> Result<Vec<(Row, Vec<String>)>> {
        let Enrichment { columns, least_score, strip_hashtags, .. } = enrichment;
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let derived = self.derive(columns, *least_score, *strip_hashtags, &texts, score)?;
        self.rows += rows.len();
        let filled = rows.into_iter().zip(derived).map(|(mut row, (text, values))| {
            row.text = text;
            (row, values)
        });
        Ok(filled.collect())
    }

    /// Returns each text as it is to be kept, with the values of its new columns, and counts those.
    fn derive(
        &mut self,
        columns: &[FilledColumn],
        least_score: f32,
        strip_hashtags: bool,
        texts: &[&str],
        score: &Score<'_>,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let wanted = columns.iter().any(|column| column.filling == Filling::Sentiment);
        let sentiments = if wanted { score(texts)? } else { Vec::new() };
        let derived = texts.iter().enumerate().map(|(place, text)| {
            let values = columns.iter().map(|column| match column.filling {
                Filling::Sentiment => self.sentiment(text, &sentiments[place], least_score),
                Filling::Hashtags => counted(&mut self.with_hashtags, &hashtags::of(text)),
                Filling::Entities => counted(&mut self.with_entities, &entities::of(text)),
                Filling::Phrases => counted(&mut self.with_phrases, &phrases::of(text)),
            });
            let values = values.collect();
            (if strip_hashtags { hashtags::stripped(text) } else { (*text).to_owned() }, values)
        });
        Ok(derived.collect())
    }

    fn sentiment(&mut self, text: &str, sentiment: &Sentiment, least: f32) -> String {
        if text.trim().is_empty() || sentiment.score < least {
            self.unsure += 1;
            return String::new();
        }
        let label = sentiment.label.to_uppercase();
        *self.sentiments.entry(label.clone()).or_insert(0) += 1;
        label
    }
}

/// Derives the columns of some texts, in their order: each text as it is to be kept, and one value a column.
///
/// # Errors
/// If `score` fails.
pub fn derive(
    columns: &[FilledColumn],
    least_score: f32,
    strip_hashtags: bool,
    texts: &[&str],
    score: &Score<'_>,
) -> Result<Vec<(String, Vec<String>)>> {
    EnrichCounts::default().derive(columns, least_score, strip_hashtags, texts, score)
}

fn counted(count: &mut usize, found: &[String]) -> String {
    *count += usize::from(!found.is_empty());
    found.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(texts: &[&str]) -> Result<Vec<Sentiment>> {
        let one = |text: &&str| {
            let (label, score) = if text.contains("bien") { ("positive", 0.9) } else { ("negative", 0.6) };
            Sentiment { label: label.to_owned(), score, probabilities: BTreeMap::new() }
        };
        Ok(texts.iter().map(one).collect())
    }

    fn run(name: &str, content: &[u8], change: impl Fn(&mut Enrichment)) -> Result<(EnrichCounts, String)> {
        let folder = tempfile::tempdir().unwrap();
        let columns = ["sentiment", "hashtags", "entities", "phrases"];
        let mut enrichment = Enrichment {
            data: folder.path().join(name),
            text_column: "text".to_owned(),
            columns: columns.map(|column| column.parse().unwrap()).to_vec(),
            least_score: 0.0,
            strip_hashtags: false,
            output: folder.path().join(if name.ends_with(".jsonl") { "out.jsonl" } else { "out.csv" }),
        };
        change(&mut enrichment);
        std::fs::write(&enrichment.data, content).unwrap();
        let counts = enrich(&enrichment, &score).inspect_err(|_| assert!(!enrichment.output.exists()))?;
        assert!(enrich(&enrichment, &score).unwrap_err().to_string().contains(": exists already"));
        Ok((counts, std::fs::read_to_string(&enrichment.output).unwrap()))
    }

    const TABLE: &str =
        "id,text\n1,\"Qué bien, hoy la Feria del Libro de Bogotá abre temprano #Feria #Libros\"\n2,no\n";

    #[test]
    fn columns_are_filled_behind_those_that_are_there() {
        let (counts, written) = run("a.csv", TABLE.as_bytes(), |_| {}).unwrap();
        assert_eq!(
            written,
            "id,text,SENTIMIENTO,HASHTAGS,ENTIDADES,FRASES\n\
             1,\"Qué bien, hoy la Feria del Libro de Bogotá abre temprano #Feria #Libros\",POSITIVE,Feria Libros,\
             Feria del Libro de Bogotá,Bogotá abre temprano bien hoy\n\
             2,no,NEGATIVE,,,\n"
        );
        let sentiments = BTreeMap::from([("NEGATIVE".to_owned(), 1), ("POSITIVE".to_owned(), 1)]);
        let expected =
            EnrichCounts { rows: 2, sentiments, unsure: 0, with_hashtags: 1, with_entities: 1, with_phrases: 1 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn columns_have_the_names_asked_for_and_what_is_unsure_stays_empty() {
        let (counts, written) = run("a.csv", TABLE.as_bytes(), |enrichment| {
            enrichment.columns = vec!["sentiment=tono".parse().unwrap(), "hashtags".parse().unwrap()];
            enrichment.least_score = 0.7;
            enrichment.strip_hashtags = true;
        })
        .unwrap();
        assert_eq!(
            written,
            "id,text,tono,HASHTAGS\n\
             1,\"Qué bien, hoy la Feria del Libro de Bogotá abre temprano\",POSITIVE,Feria Libros\n2,no,,\n"
        );
        assert_eq!(counts.unsure, 1);
    }

    #[test]
    fn a_plain_file_becomes_a_table() {
        let (_, written) = run("a.txt", "Todo bien\n\n".as_bytes(), |enrichment| {
            enrichment.columns = vec!["sentiment".parse().unwrap()];
        })
        .unwrap();
        assert_eq!(written, "text,SENTIMIENTO\nTodo bien,POSITIVE\n\"\",\n".replace("\"\",", ","));
    }

    #[test]
    fn json_lines_keep_their_fields_and_get_more() {
        let lines = "{\"id\":7,\"text\":\"Todo bien, amigos #Feria\",\"tags\":[\"a\"]}\n\n{\"text\":\"no\"}\n";
        let (counts, written) = run("a.jsonl", lines.as_bytes(), |enrichment| {
            enrichment.columns = vec!["sentiment".parse().unwrap(), "hashtags".parse().unwrap()];
            enrichment.strip_hashtags = true;
        })
        .unwrap();
        assert_eq!(
            written,
            "{\"id\":7,\"text\":\"Todo bien, amigos\",\"tags\":[\"a\"],\"SENTIMIENTO\":\"POSITIVE\",\"HASHTAGS\":\"Feria\"}\n\
             {\"text\":\"no\",\"SENTIMIENTO\":\"NEGATIVE\",\"HASHTAGS\":\"\"}\n"
        );
        assert_eq!((counts.rows, counts.with_hashtags), (2, 1));
    }

    #[test]
    fn the_name_of_the_output_decides_its_format() {
        let only = |extension: &'static str| {
            move |enrichment: &mut Enrichment| {
                enrichment.columns = vec!["hashtags".parse().unwrap()];
                enrichment.output.set_extension(extension);
            }
        };
        let (_, written) = run("a.csv", b"id,text\n7,Hola #Feria\n", only("jsonl")).unwrap();
        assert_eq!(written, "{\"id\":\"7\",\"text\":\"Hola #Feria\",\"HASHTAGS\":\"Feria\"}\n");
        let (_, written) = run("a.txt", b"Hola #Feria\n", only("JSONL")).unwrap();
        assert_eq!(written, "{\"text\":\"Hola #Feria\",\"HASHTAGS\":\"Feria\"}\n");
        let message = run("a.jsonl", b"{\"text\":\"Hola\"}\n", only("csv")).unwrap_err().to_string();
        assert!(message.contains("out.csv: the rows of JSON can have different fields"), "{message}");
        let message = run("a.csv", b"text\nHola\n", only("xlsx")).unwrap_err().to_string();
        assert!(message.contains("out.xlsx: the extension decides the format"), "{message}");
    }

    #[test]
    fn faults_name_file_line_and_column_and_write_nothing() {
        for (name, content, expected) in [
            ("a.csv", &b"id,body\n1,x\n"[..], "a.csv: no column \"text\"; the file has id, body"),
            ("a.csv", b"text,HASHTAGS\nx,y\n", "a.csv: the column HASHTAGS already exists"),
            ("a.csv", b"text\n", "a.csv: it has no row"),
            ("a.txt", b"", "a.txt: it has no row"),
            ("a.csv", b"text,id\nx,1\ny\n", "a.csv:3: 1 fields"),
            ("a.txt", b"ma\xc3\xb1ana\nma\xf1ana\n", "a.txt:2: not readable as UTF-8"),
            ("a.jsonl", b"", "a.jsonl: it has no row"),
            ("a.jsonl", b"{\"text\":\"bien\"}\n\n[]\n", "a.jsonl:3: not a JSON object"),
            ("a.jsonl", b"{\"body\":\"bien\"}\n", "a.jsonl:1: no text field \"text\"; it has body"),
            ("a.jsonl", b"{\"text\":\"bien\",\"FRASES\":1}\n", "a.jsonl:1: the field FRASES already exists"),
        ] {
            let message = format!("{:#}", run(name, content, |_| {}).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        for (column, expected) in [("mood", "cannot fill a column with \"mood\""), ("sentiment=", "has no name")] {
            let message = column.parse::<FilledColumn>().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
