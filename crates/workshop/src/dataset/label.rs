//! `dataset label`: makes a labelled table from an unlabelled one, by rules instead of a person's judgement.
//!
//! Such labels (distant supervision) are cheap, plentiful, and sometimes wrong. Rows that the rules cannot label are skipped and
//! counted. The result has the columns `text,label,author` that [`super::labelled`] reads.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::columns::{Asked, Row, open_table};
use pregonero_data::label::{self as rules, HashtagRules, Label, Verdict};
use pregonero_models::sentiment::{AUTHOR_FLAG, TEXT_FLAG};
use pregonero_system::files::{self, Existing};

/// How rows get their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelRules {
    /// By the emoji that were cut out of the text into a column of their own.
    Emoji { column: String },
    /// By hashtags in the text.
    Hashtags(HashtagRules),
}

/// What to label, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelling {
    /// A file of any kind that [`pregonero_data::read`] knows.
    pub data: PathBuf,
    pub text_column: String,
    /// The column that identifies authors; without one, the `author` column of the result is empty.
    pub author_column: Option<String>,
    pub rules: LabelRules,
    /// The CSV file to write; it must not exist yet.
    pub output: PathBuf,
}

/// How many rows got which label, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LabelCounts {
    pub rows: usize,
    pub negative: usize,
    pub neutral: usize,
    pub positive: usize,
    /// Left out: the rules point both ways, or the emoji is not in the table.
    pub ambiguous: usize,
    /// Left out: neither hashtag nor emoji.
    pub unmarked: usize,
    /// Left out: no text besides placeholders.
    pub empty: usize,
}

/// Labels a table and writes the rows that got a label.
///
/// # Errors
/// If the output already exists, the table cannot be read (the message names file and line), no row got a label, or the output
/// cannot be written. Then nothing is written.
pub fn label(labelling: &Labelling) -> Result<LabelCounts> {
    files::refuse_existing(&labelling.output, Existing::Refuse)?;
    let mut counts = LabelCounts::default();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["text", "label", "author"])?;
    let mut written = Ok(());
    counts.rows = visit(labelling, |text, author, verdict| {
        if let Some((text, label)) = counts.count(text, verdict)
            && written.is_ok()
        {
            written = writer.write_record([&text, &label.to_string(), author]);
        }
    })?;
    written.context("cannot write a row")?;
    let labelled = counts.negative + counts.neutral + counts.positive;
    ensure!(
        labelled > 0,
        "{}: no row got a label ({} ambiguous, {} unmarked, {} empty of {})",
        labelling.data.display(),
        counts.ambiguous,
        counts.unmarked,
        counts.empty,
        counts.rows
    );
    let bytes = writer.into_inner().context("cannot write the table")?;
    files::write_whole(&labelling.output, Existing::Refuse, |output| output.write_all(&bytes))?;
    Ok(counts)
}

/// Passes the text, author and verdict of every row to `take`.
fn visit(labelling: &Labelling, mut take: impl FnMut(&str, &str, Verdict<Label>)) -> Result<usize> {
    let text = Asked::new(&labelling.text_column, TEXT_FLAG);
    let mark = match &labelling.rules {
        LabelRules::Emoji { column } => Asked::new(column, "--emoji-column"),
        LabelRules::Hashtags(_) => text,
    };
    let author = labelling.author_column.as_deref().map(|author| Asked::new(author, AUTHOR_FLAG));
    let asked: Vec<Asked<'_>> = [text, mark].into_iter().chain(author).collect();
    let mut table = open_table(&labelling.data, &asked)?;
    let mut rows = 0;
    while let Some(Row { fields, .. }) = table.next_row()? {
        let (text, author) = (fields[0].as_str(), fields.get(2).map_or("", String::as_str));
        let verdict = match &labelling.rules {
            LabelRules::Emoji { .. } => rules::by_emoji(&fields[1]),
            LabelRules::Hashtags(rules) => rules.verdict(text).map(|side| [Label::Negative, Label::Positive][side]),
        };
        take(text, author, verdict);
        rows += 1;
    }
    Ok(rows)
}

impl LabelCounts {
    /// Counts a row; returns its tidied text and label if it is to be written.
    fn count(&mut self, text: &str, verdict: Verdict<Label>) -> Option<(String, Label)> {
        let text = rules::without_placeholders(text);
        if text.is_empty() {
            self.empty += 1;
            return None;
        }
        let label = match verdict {
            Verdict::Label(label) => label,
            Verdict::Ambiguous => {
                self.ambiguous += 1;
                return None;
            }
            Verdict::Unmarked => {
                self.unmarked += 1;
                return None;
            }
        };
        match label {
            Label::Negative => self.negative += 1,
            Label::Neutral => self.neutral += 1,
            Label::Positive => self.positive += 1,
        }
        Some((text, label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(content: &[u8], rules: LabelRules, author: Option<&str>) -> Result<(LabelCounts, String)> {
        let folder = tempfile::tempdir().unwrap();
        let labelling = Labelling {
            data: folder.path().join("data.csv"),
            text_column: "text".to_owned(),
            author_column: author.map(str::to_owned),
            rules,
            output: folder.path().join("out/labelled.csv"),
        };
        std::fs::write(&labelling.data, content).unwrap();
        let counts = label(&labelling).inspect_err(|_| assert!(!labelling.output.exists()))?;
        let again = label(&labelling).unwrap_err().to_string();
        assert!(again.contains("labelled.csv: exists already"), "{again}");
        Ok((counts, std::fs::read_to_string(&labelling.output).unwrap()))
    }

    fn by_emoji() -> LabelRules {
        LabelRules::Emoji { column: "emoji".to_owned() }
    }

    fn by_hashtag() -> LabelRules {
        LabelRules::Hashtags(HashtagRules::new(&["YoMeVacuno".to_owned()], &["YoNoMeVacuno".to_owned()]).unwrap())
    }

    #[test]
    fn emoji_label_texts_whose_placeholders_go() {
        let table = "text,emoji\n\"Qué día, _usr _emo\",😍\n_emo no funciona,😡\n¿Y la lista? _emo,👀\nya _emo,😂\n_emo _url,😍\nsin,\n";
        let (counts, written) = run(table.as_bytes(), by_emoji(), None).unwrap();
        assert_eq!(
            written,
            "text,label,author\n\"Qué día,\",positive,\nno funciona,negative,\n¿Y la lista?,neutral,\n"
        );
        let expected =
            LabelCounts { rows: 6, negative: 1, neutral: 1, positive: 1, ambiguous: 1, unmarked: 1, empty: 1 };
        assert_eq!(counts, expected);
    }

    #[test]
    fn hashtags_label_texts_that_keep_them_and_their_authors() {
        let table = "author,text\na1,Hoy #YoMeVacuno\na2,#yonomevacuno nunca\na3,nada\na4,#YoMeVacuno #YoNoMeVacuno\n";
        let (counts, written) = run(table.as_bytes(), by_hashtag(), Some("author")).unwrap();
        assert_eq!(written, "text,label,author\nHoy #YoMeVacuno,positive,a1\n#yonomevacuno nunca,negative,a2\n");
        assert_eq!((counts.ambiguous, counts.unmarked), (1, 1));
    }

    #[test]
    fn faults_name_the_line_and_write_nothing() {
        for (content, expected) in [
            (&b"text\nhola\n"[..], "no column \"emoji\"; the file has text"),
            ("text,emoji\nhola,😍\nhola\n".as_bytes(), "data.csv:3: 1 fields, the header has 2"),
            ("text,emoji\n\"a, b\",😍\n\"hola,😍\nya,😍\n".as_bytes(), "data.csv:3: the quotes of this row do not fit"),
            ("text,emoji\nhola,😂\n".as_bytes(), "no row got a label (1 ambiguous, 0 unmarked, 0 empty of 1)"),
            (b"", "the file is empty"),
        ] {
            let message = format!("{:#}", run(content, by_emoji(), None).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }
}
