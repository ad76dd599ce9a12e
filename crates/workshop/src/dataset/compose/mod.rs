//! Composes texts with a grammar in Tracery's JSON format, checks their agreement, and reports what the grammar can do.
//!
//! The `tracery` crate (0.2.1, 2021) is not used: it supports neither escapes nor an action before text, needs rand 0.8 and
//! pest, and its errors name no symbol. So this module parses the format itself.

mod agreement;
mod expansion;
mod grammar;
mod rule;
mod words;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Map, Value};

use expansion::{Expansion, GivenUp};
use grammar::{DEEPEST, Grammar, RuleId};
use pregonero_system::files::{Existing, refuse_existing, write_whole};
use pregonero_text::tweet_text::weighted_length;

pub use grammar::TextCount;

/// The column with the text.
pub const TEXT_COLUMN: &str = "text";

/// A rule with this many words of its own is one whose repetition a reader notices.
const FRAME_WORDS: usize = 3;

/// The number of words at the beginning of a text that are compared.
const BEGINNING: usize = 6;

/// What to compose.
#[derive(Debug, Clone)]
pub struct Composition {
    pub grammar: PathBuf,
    /// The symbol with which every text begins.
    pub origin: String,
    /// The number of different texts wanted.
    pub count: usize,
    pub seed: u64,
    /// Saved symbols, each of which gets a column.
    pub columns: Vec<String>,
    /// The greatest length, as X counts it.
    pub longest: usize,
}

/// Composed texts and a report on them.
#[derive(Debug)]
pub struct Composed {
    columns: Vec<String>,
    rows: Vec<Row>,
    pub report: Report,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    text: String,
    values: Vec<String>,
}

/// Statistics of a composition.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub texts: usize,
    pub wanted: usize,
    pub tries: usize,
    pub duplicates: usize,
    /// Expansions that were too long, or empty.
    pub too_long: usize,
    /// Expansions whose symbols were nested too deeply.
    pub too_deep: usize,
    pub grammar_can_say_at_most: TextCount,
    pub unused_symbols: Vec<String>,
    /// The number of different beginnings of six words.
    pub beginnings: usize,
    /// The rule with enough words of its own that is in the most texts.
    pub most_frequent_rule: Option<RuleShare>,
    /// The number of pairs of words that the agreement check compared.
    pub pairs_compared: usize,
    /// The number of texts in which some pair does not agree.
    pub texts_that_disagree: usize,
    pub disagreements: Vec<RuleDisagreement>,
}

/// A rule and the share of texts that contain it.
#[derive(Debug, Clone, Serialize)]
pub struct RuleShare {
    /// The rule's symbol and number.
    pub rule: String,
    pub source: String,
    pub share: f64,
}

/// Two words that do not agree, and the rule that put them together.
#[derive(Debug, Clone, Serialize)]
pub struct RuleDisagreement {
    pub first: String,
    pub first_is: String,
    pub second: String,
    pub second_is: String,
    pub rule: String,
    pub source: String,
    /// The number of texts with this pair from this rule.
    pub texts: usize,
    /// One of those texts.
    pub example: String,
}

/// The format of a composition's file, which the file's extension decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    JsonLines,
}

/// Composes the texts. Stops with fewer if the grammar has no others, or if many tries in a row give no new one.
///
/// # Errors
/// If the grammar has a fault (the message names file, symbol and rule), no rule fills a column, or no text is short enough.
pub fn compose(composition: &Composition) -> Result<Composed> {
    let grammar = Grammar::open(&composition.grammar, &composition.origin)?;
    check_columns(&grammar, &composition.columns)?;
    let mut composer = Composer::new(&grammar, composition);
    let mut rng = ChaCha8Rng::seed_from_u64(composition.seed);
    let wanted = grammar.texts().least_of(composition.count);
    while composer.rows.len() < wanted && composer.tries_in_vain < tries_for(composer.rows.len()) {
        let expansion = expansion::expand(&grammar, &mut rng)?;
        composer.take(expansion);
    }
    composer.check_rows()?;
    Ok(composer.finish())
}

/// Checks in advance what [`Composed::write`] would refuse after all the work.
///
/// # Errors
/// If the file exists, or its extension is neither `.csv` nor `.jsonl`.
pub fn check_output(path: &Path) -> Result<()> {
    form_of(path)?;
    refuse_existing(path, Existing::Refuse)
}

impl Composed {
    /// Writes the texts with their columns, in the format that the extension names.
    ///
    /// # Errors
    /// Same as [`check_output`]; also if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = match form_of(path)? {
            Form::Csv => self.csv()?,
            Form::JsonLines => self.json_lines()?,
        };
        write_whole(path, Existing::Refuse, |writer| writer.write_all(&bytes))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(TEXT_COLUMN).chain(self.columns.iter().map(String::as_str))
    }

    fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.names())?;
        for row in &self.rows {
            writer.write_record(std::iter::once(&row.text).chain(&row.values))?;
        }
        writer.into_inner().context("cannot write a row")
    }

    fn json_lines(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for row in &self.rows {
            let values = std::iter::once(&row.text).chain(&row.values).map(|value| Value::String(value.clone()));
            let object: Map<String, Value> = self.names().map(str::to_owned).zip(values).collect();
            serde_json::to_writer(&mut bytes, &object)?;
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

/// Returns after how many tries in a row without a new text it stops, if there are `count` texts.
fn tries_for(count: usize) -> usize {
    count.saturating_mul(20).saturating_add(1_000)
}

fn form_of(path: &Path) -> Result<Form> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(Form::Csv),
        Some("jsonl") => Ok(Form::JsonLines),
        _ => bail!("{}: the extension decides the format: use a name that ends in .csv or .jsonl", path.display()),
    }
}

fn check_columns(grammar: &Grammar, columns: &[String]) -> Result<()> {
    for (place, column) in columns.iter().enumerate() {
        ensure!(column != TEXT_COLUMN, "--columns: {TEXT_COLUMN} is the column of the text itself");
        ensure!(!columns[..place].contains(column), "--columns: {column} is named twice");
        grammar.check_column(column)?;
    }
    Ok(())
}

/// Replaces every run of white space with one blank, and trims the ends.
fn tidied(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A composition in progress.
struct Composer<'a> {
    grammar: &'a Grammar,
    composition: &'a Composition,
    rows: Vec<Row>,
    /// Texts composed so far, in lower case.
    seen: HashSet<String>,
    /// Texts that were too long or empty.
    longer: HashSet<String>,
    tries: usize,
    /// Tries since the last new text.
    tries_in_vain: usize,
    duplicates: usize,
    too_long: usize,
    too_deep: usize,
    uses: HashMap<RuleId, usize>,
    pairs: usize,
    texts_that_disagree: usize,
    /// By rule and pair of words.
    disagreements: BTreeMap<(RuleId, String, String), RuleDisagreement>,
}

impl<'a> Composer<'a> {
    fn new(grammar: &'a Grammar, composition: &'a Composition) -> Self {
        Self {
            grammar,
            composition,
            rows: Vec::new(),
            seen: HashSet::new(),
            longer: HashSet::new(),
            tries: 0,
            tries_in_vain: 0,
            duplicates: 0,
            too_long: 0,
            too_deep: 0,
            uses: HashMap::new(),
            pairs: 0,
            texts_that_disagree: 0,
            disagreements: BTreeMap::new(),
        }
    }

    /// Fails if there is no text.
    fn check_rows(&self) -> Result<()> {
        ensure!(
            !self.rows.is_empty(),
            "{}: none of {} expansions gave a text: {} were empty or longer than {} characters, and in {} the symbols were nested \
             more than {DEEPEST} deep",
            self.composition.grammar.display(),
            self.tries,
            self.too_long,
            self.composition.longest,
            self.too_deep
        );
        Ok(())
    }

    fn take(&mut self, expansion: Result<Expansion, GivenUp>) {
        self.tries += 1;
        self.tries_in_vain += 1;
        let expansion = match expansion {
            Ok(expansion) => expansion,
            Err(GivenUp::TooLong) => return self.too_long += 1,
            Err(GivenUp::TooDeep) => return self.too_deep += 1,
        };
        let text = tidied(&expansion.text);
        // X's length of a text is slow to compute, so do it once per text: a small grammar repeats itself a thousand times.
        if self.longer.contains(&text) {
            return self.too_long += 1;
        }
        let in_lower_case = text.to_lowercase();
        if self.seen.contains(&in_lower_case) {
            return self.duplicates += 1;
        }
        if text.is_empty() || weighted_length(&text) > self.composition.longest {
            self.longer.insert(text);
            return self.too_long += 1;
        }
        self.seen.insert(in_lower_case);
        self.tries_in_vain = 0;
        let rules: HashSet<RuleId> = expansion.spans.iter().map(|span| span.rule).collect();
        rules.into_iter().for_each(|rule| *self.uses.entry(rule).or_default() += 1);
        self.check(&expansion, &text);
        let values = self.composition.columns.iter().map(|column| tidied(expansion.saved(column))).collect();
        self.rows.push(Row { text, values });
    }

    fn check(&mut self, expansion: &Expansion, text: &str) {
        let findings = agreement::check(&expansion.text);
        self.pairs += findings.pairs;
        self.texts_that_disagree += usize::from(!findings.disagreements.is_empty());
        for found in findings.disagreements {
            let origin = RuleId { symbol: self.grammar.origin, rule: 0 };
            let id = expansion.rule_of(&found.range).unwrap_or(origin);
            let entry = self.disagreements.entry((id, found.first.clone(), found.second.clone()));
            let disagreement = entry.or_insert_with(|| RuleDisagreement {
                first: found.first,
                first_is: found.first_form,
                second: found.second,
                second_is: found.second_form,
                rule: self.grammar.name_of(id),
                source: self.grammar.rule(id).source.clone(),
                texts: 0,
                example: text.to_owned(),
            });
            disagreement.texts += 1;
        }
    }

    fn finish(self) -> Composed {
        let beginning =
            |row: &Row| row.text.split_whitespace().take(BEGINNING).collect::<Vec<_>>().join(" ").to_lowercase();
        let beginnings: HashSet<String> = self.rows.iter().map(beginning).collect();
        let report = Report {
            texts: self.rows.len(),
            wanted: self.composition.count,
            tries: self.tries,
            duplicates: self.duplicates,
            too_long: self.too_long,
            too_deep: self.too_deep,
            grammar_can_say_at_most: self.grammar.texts(),
            unused_symbols: self.grammar.unused().into_iter().map(str::to_owned).collect(),
            beginnings: beginnings.len(),
            most_frequent_rule: self.most_frequent(),
            pairs_compared: self.pairs,
            texts_that_disagree: self.texts_that_disagree,
            disagreements: self.disagreements.into_values().collect(),
        };
        Composed { columns: self.composition.columns.clone(), rows: self.rows, report }
    }

    fn most_frequent(&self) -> Option<RuleShare> {
        let frames = self.uses.iter().filter(|(id, _)| self.grammar.rule(**id).own_words() >= FRAME_WORDS);
        let (id, uses) = frames.max_by_key(|(id, uses)| (**uses, std::cmp::Reverse(**id)))?;
        Some(RuleShare {
            rule: self.grammar.name_of(*id),
            source: self.grammar.rule(*id).source.clone(),
            share: *uses as f64 / self.rows.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests;
