//! The blind sheet, a CSV table that a person fills in with a spreadsheet, and its key.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

use crate::metrics::confidence::share_interval;
use pregonero_system::files::{Existing, write_whole};

/// A yes-or-no question on the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Is it correct, natural Spanish?
    Fluent,
    /// Does it say one thing that makes sense as a whole?
    MakesSense,
    /// Would an editor publish it as it is?
    Publishable,
    /// Does it speak against the campaign?
    Against,
    /// Does it claim an experience that a program cannot have?
    Experience,
}

/// All questions, in the order of the columns.
pub const QUESTIONS: [Question; 5] =
    [Question::Fluent, Question::MakesSense, Question::Publishable, Question::Against, Question::Experience];

impl Question {
    /// Returns the column's name.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Fluent => "fluent",
            Self::MakesSense => "makes_sense",
            Self::Publishable => "publishable",
            Self::Against => "against",
            Self::Experience => "experience",
        }
    }
}

/// Where a text of the sheet comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A round of the bot chose it.
    Chosen,
    /// A person wrote it.
    Real,
}

impl Origin {
    /// Returns the word used in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Real => "real",
        }
    }
}

/// A row of the sheet before it is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    pub number: usize,
    pub text: String,
    pub origin: Origin,
}

/// A row of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub number: usize,
    pub origin: Origin,
}

/// The answers of one row; empty cells are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub number: usize,
    pub given: BTreeMap<Question, bool>,
}

/// Mixes chosen tweets and texts by people in an order that `seed` decides, and numbers them from 1.
#[must_use]
pub fn mix(chosen: &[String], real: &[String], seed: u64) -> Vec<SheetRow> {
    let with = |origin: Origin| move |text: &String| (text.clone(), origin);
    let mut texts: Vec<(String, Origin)> =
        chosen.iter().map(with(Origin::Chosen)).chain(real.iter().map(with(Origin::Real))).collect();
    texts.shuffle(&mut ChaCha12Rng::seed_from_u64(seed));
    texts.into_iter().enumerate().map(|(at, (text, origin))| SheetRow { number: at + 1, text, origin }).collect()
}

/// Writes the sheet as a CSV table with empty columns for the answers, and its key.
///
/// # Errors
/// If one of the files exists already or cannot be written.
pub fn write_sheet(sheet: &Path, key: &Path, rows: &[SheetRow]) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = ["number", "text"].into_iter().chain(QUESTIONS.map(Question::column));
    table.write_record(header)?;
    let mut keys = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let number = row.number.to_string();
        let empty = QUESTIONS.map(|_| "");
        table.write_record([number.as_str(), row.text.as_str()].into_iter().chain(empty))?;
        keys.serialize(KeyRow { number: row.number, origin: row.origin })?;
    }
    for (path, bytes) in [(key, keys.into_inner()?), (sheet, table.into_inner()?)] {
        write_whole(path, Existing::Refuse, |file| file.write_all(&bytes))?;
    }
    Ok(())
}

/// Returns the line at which a record begins, from 1. Where lines end in CR LF, as spreadsheets write them, the reader's position
/// is before the LF, and where there are empty lines, before those.
fn line_at(text: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(text.len());
    let ends = text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let before = text[..start].iter().filter(|byte| **byte == b'\n').count();
    (before + ends.filter(|byte| **byte == b'\n').count()) as u64 + 1
}

/// Reads a filled-in sheet. Answers are yes (`1`, `x`, `y`, `yes`, `s`, `sí`, `si`, `true`) or no (`0`, `-`, `n`,
/// `no`, `false`), in any case; an empty cell is no answer. Columns may be separated by commas, semicolons or tabs, as
/// spreadsheets save them.
///
/// # Errors
/// If the file cannot be read or lacks a column, or a cell is neither yes nor no.
pub fn read_answers(path: &Path) -> Result<Vec<Answers>> {
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(place)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{}: not UTF-8; save the sheet as \"CSV UTF-8\"", place()))?;
    let mut table = csv::ReaderBuilder::new().delimiter(delimiter(&text)).from_reader(text.as_bytes());
    let header = table.headers().with_context(place)?.clone();
    let column = |name: &str| {
        let at = header.iter().position(|column| column.trim_start_matches('\u{feff}').trim() == name);
        at.with_context(|| format!("{}: no column {name:?}; keep the header line of the sheet", place()))
    };
    let number_at = column("number")?;
    let questions: Vec<(Question, usize)> =
        QUESTIONS.into_iter().map(|question| Ok((question, column(question.column())?))).collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for record in table.records() {
        let record = record.with_context(place)?;
        let line = record.position().map_or(0, |position| line_at(text.as_bytes(), position));
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        let number = cell(number_at);
        let number = number.parse().with_context(|| format!("{}: line {line}: number: {number:?}", place()))?;
        let mut given = BTreeMap::new();
        for (question, at) in &questions {
            let answer =
                answer(cell(*at)).with_context(|| format!("{}: line {line}: {}", place(), question.column()))?;
            given.extend(answer.map(|yes| (*question, yes)));
        }
        rows.push(Answers { number, given });
    }
    Ok(rows)
}

/// Returns what separates the columns: a spreadsheet may have saved the sheet with semicolons or tabs.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(count).unwrap_or(b',')
}

/// Returns what a cell answers: yes, no, or nothing where it is empty.
///
/// # Errors
/// If it is neither yes nor no.
pub fn answer(cell: &str) -> Result<Option<bool>> {
    Ok(match cell.to_lowercase().as_str() {
        "" => None,
        "1" | "x" | "y" | "yes" | "s" | "sí" | "si" | "true" => Some(true),
        "0" | "-" | "n" | "no" | "false" => Some(false),
        _ => bail!("{cell:?} is neither yes nor no; write 1 or 0"),
    })
}

/// The share of yes answers to one question among the texts of one origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    pub question: Question,
    pub yes: usize,
    /// Rows with an answer.
    pub answered: usize,
    pub share: f64,
    /// The 95 % interval (Wilson 1927).
    pub low: f64,
    pub high: f64,
}

/// The shares of one origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shares {
    pub origin: Origin,
    pub texts: usize,
    pub shares: Vec<Share>,
}

impl Shares {
    /// Computes the shares by origin, from the filled-in sheet and its key.
    ///
    /// # Errors
    /// If one file has a row that the other lacks, or nothing in the sheet was answered.
    pub fn of(answers: &[Answers], key: &[KeyRow]) -> Result<Vec<Self>> {
        let origins: BTreeMap<usize, Origin> = key.iter().map(|row| (row.number, row.origin)).collect();
        let mut by_origin: BTreeMap<Origin, Vec<&Answers>> = BTreeMap::new();
        for row in answers {
            let origin = origins.get(&row.number);
            let origin = origin
                .with_context(|| format!("the key has no text number {}: does it belong to this sheet?", row.number))?;
            by_origin.entry(*origin).or_default().push(row);
        }
        ensure!(
            answers.len() == origins.len(),
            "the sheet has {} rows but its key has {}: keep every row, and leave unanswered ones empty",
            answers.len(),
            origins.len()
        );
        ensure!(answers.iter().any(|row| !row.given.is_empty()), "nothing in the sheet was answered");
        Ok(by_origin.into_iter().map(|(origin, rows)| Self::of_rows(origin, &rows)).collect())
    }

    fn of_rows(origin: Origin, rows: &[&Answers]) -> Self {
        let share = |question: Question| {
            let given: Vec<bool> = rows.iter().filter_map(|row| row.given.get(&question).copied()).collect();
            let (yes, answered) = (given.iter().filter(|yes| **yes).count(), given.len());
            let (low, high) = share_interval(yes, answered);
            Share { question, yes, answered, share: yes as f64 / answered.max(1) as f64, low, high }
        };
        Self { origin, texts: rows.len(), shares: QUESTIONS.map(share).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(word: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{word} {n}, con una coma y \"comillas\"")).collect()
    }

    #[test]
    fn a_sheet_hides_the_origins_and_comes_back_with_its_answers() {
        let folder = tempfile::tempdir().unwrap();
        let (sheet, key) = (folder.path().join("sheet.csv"), folder.path().join("sheet.key.csv"));
        let rows = mix(&texts("elegido", 4), &texts("humano", 2), 3);
        assert_eq!(rows.iter().filter(|row| row.origin == Origin::Chosen).count(), 4);
        assert_ne!(rows, mix(&texts("elegido", 4), &texts("humano", 2), 4));
        write_sheet(&sheet, &key, &rows).unwrap();
        let written = std::fs::read_to_string(&sheet).unwrap();
        assert!(!written.contains("chosen") && !written.contains("real"), "{written}");
        assert!(write_sheet(&sheet, &key, &rows).is_err(), "a filled-in sheet must not be replaced");

        let filled: String = written
            .lines()
            .enumerate()
            .map(|(at, line)| match at {
                0 => format!("\u{feff}{line}\n"),
                1 => format!("{line}\n"),
                _ => format!("{},Sí,1,x,No,0\n", line.strip_suffix(",,,,,").unwrap()),
            })
            .collect();
        std::fs::write(&sheet, filled).unwrap();
        let answers = read_answers(&sheet).unwrap();
        assert!(answers[0].given.is_empty());
        let keys: Vec<KeyRow> = csv::Reader::from_path(&key).unwrap().deserialize().collect::<Result<_, _>>().unwrap();
        let shares = Shares::of(&answers, &keys).unwrap();
        let unanswered = rows[0].origin;
        for one in &shares {
            let answered = one.texts - usize::from(one.origin == unanswered);
            assert!(one.shares.iter().all(|share| share.answered == answered), "{one:?}");
            let yes: Vec<usize> = one.shares.iter().map(|share| share.yes).collect();
            assert_eq!(yes, [answered, answered, answered, 0, 0]);
        }
    }

    #[test]
    fn a_sheet_that_a_spreadsheet_saved_with_semicolons_or_tabs_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = folder.path().join("sheet.csv");
        let with_commas = "number,text,fluent,makes_sense,publishable,against,experience\n1,hola; sí,1,1,0,0,0\n";
        let read = |content: &str| {
            std::fs::write(&sheet, content).unwrap();
            read_answers(&sheet).unwrap()
        };
        let expected = read(with_commas);
        assert_eq!(expected[0].given.len(), 5);
        assert_eq!(read(&with_commas.replace(',', "\t")), expected);
        assert_eq!(read(&with_commas.replace("hola; sí", "hola").replace(',', ";")), expected);
    }

    #[test]
    fn what_is_neither_yes_nor_no_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = folder.path().join("sheet.csv");
        let header = "number,text,fluent,makes_sense,publishable,against,experience\n";
        for (content, wanted) in [
            (format!("{header}1,uno,1,1,maybe,0,0\n"), "line 2: publishable"),
            (format!("{header}1,uno,1,1,1,0,0\n2,dos,1,1,maybe,0,0\n").replace('\n', "\r\n"), "line 3: publishable"),
            (format!("{header}\n\n1,uno,1,1,maybe,0,0\n"), "line 4: publishable"),
            (format!("{header}1,\"uno\ny dos\",1,1,1,0,0\n2,dos,1,maybe,1,0,0\n"), "line 4: makes_sense"),
            (format!("{header}uno,uno,1,1,1,0,0\n"), "line 2: number"),
            ("number,text\n1,uno\n".to_owned(), "no column \"fluent\""),
        ] {
            std::fs::write(&sheet, content).unwrap();
            let message = format!("{:#}", read_answers(&sheet).unwrap_err());
            assert!(message.contains(wanted) && message.contains("sheet.csv"), "{message}");
        }
    }

    #[test]
    fn a_key_of_another_sheet_is_refused() {
        let answers = [Answers { number: 9, given: [(Question::Fluent, true)].into() }];
        let key = [KeyRow { number: 1, origin: Origin::Real }];
        assert!(Shares::of(&answers, &key).unwrap_err().to_string().contains("number 9"));
        let unanswered = [Answers { number: 1, given: BTreeMap::new() }];
        assert!(Shares::of(&unanswered, &key).unwrap_err().to_string().contains("nothing"));
        let missing = [Answers { number: 1, given: [(Question::Fluent, true)].into() }];
        let key = [KeyRow { number: 1, origin: Origin::Real }, KeyRow { number: 2, origin: Origin::Chosen }];
        assert!(Shares::of(&missing, &key).unwrap_err().to_string().contains("every row"));
    }
}
