//! The file that says how a data set is built: `dataset build --spec FILE.toml`.
//!
//! Keys that nobody knows are refused with their line, so that a misspelled filter is not silently none. What a section does is
//! in the module of its name: `filter`, `labels`, `join`, `parts`. Paths are relative to the file's own folder, or to another one that the command names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::language::check_code;
use super::moment::Moment;
use super::pattern::Pattern;
use crate::folder::check_words;

/// A spec with the text that it was read from.
#[derive(Debug, Clone)]
pub struct SpecFile {
    pub path: PathBuf,
    pub text: String,
    pub spec: Spec,
    /// What relative paths are relative to.
    pub base: PathBuf,
}

/// How a data set is built.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    #[serde(default)]
    pub meta: MetaSpec,
    #[serde(default, rename = "source")]
    pub sources: Vec<SourceSpec>,
    #[serde(default)]
    pub filter: FilterSpec,
    pub label: Option<LabelSpec>,
    #[serde(default, rename = "join")]
    pub joins: Vec<JoinSpec>,
    pub enrich: Option<EnrichSpec>,
    pub split: Option<SplitSpec>,
    #[serde(default)]
    pub output: OutputSpec,
}

/// What the manifest says about the data set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetaSpec {
    pub name: String,
    /// MAJOR.MINOR.PATCH.
    pub version: Option<String>,
    pub description: String,
    pub licence: String,
    pub rights: String,
    pub creators: Vec<String>,
    pub url: String,
}

/// Files whose rows are read in their order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    pub path: Paths,
    /// The source's name in reports; the first path if there is none.
    pub name: Option<String>,
    /// By the name that a column has in the data set, its name in the files.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Columns that get the same value in every row.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// One path, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Paths {
    /// Returns the paths.
    #[must_use]
    pub fn all(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

/// What becomes of the rows of one kind, such as retweets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    #[default]
    Keep,
    Drop,
    /// All others are dropped.
    Only,
}

/// What becomes of rows that a step has no answer for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    #[default]
    Drop,
    Keep,
}

/// Which rows stay.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterSpec {
    pub retweets: Rule,
    pub quotes: Rule,
    pub replies: Rule,
    pub links: Rule,
    pub mentions: Rule,
    pub min_words: Option<usize>,
    pub max_words: Option<usize>,
    /// The first moment that counts, and the first that no longer does.
    pub since: Option<Moment>,
    pub until: Option<Moment>,
    /// The day that `older_than_days` counts back from: the build takes no clock.
    pub as_of: Option<Moment>,
    pub older_than_days: Option<u32>,
    /// As X writes them: `es`, `en`, `und`.
    pub languages: Vec<String>,
    pub text_matches: Option<Pattern>,
    pub text_excludes: Option<Pattern>,
    /// By column, the values of which a row must have one; and those of which it may have none.
    pub only: BTreeMap<String, Vec<String>>,
    pub without: BTreeMap<String, Vec<String>>,
    /// Files with ids and screen names (`@name`) to leave out, one a line.
    pub leave_out: Vec<PathBuf>,
    pub max_per_author: Option<u32>,
    pub duplicates: Duplicates,
    pub near_threshold: Option<f64>,
}

/// Which repeats are dropped; the first of them stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    #[default]
    Keep,
    /// Texts with the same words, and rows with the same id.
    Exact,
    /// Also texts that share most of their words.
    Near,
}

/// What gives a row its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelBy {
    Hashtags,
    Emoji,
    Column,
}

/// How rows are labelled.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSpec {
    pub by: LabelBy,
    /// The column to write.
    #[serde(default = "label_column")]
    pub column: String,
    /// The column that has the emoji or the value; for emoji, the text if there is none.
    pub from: Option<String>,
    /// By label, the hashtags, values or polarities that stand for it.
    #[serde(default)]
    pub labels: BTreeMap<String, Vec<String>>,
    /// Rows that are marked for several labels.
    #[serde(default)]
    pub ambiguous: Rest,
    /// Rows that are marked for none.
    #[serde(default)]
    pub unmarked: Rest,
    /// Whether the marks that gave the label are removed from the text.
    pub strip: Option<bool>,
}

fn label_column() -> String {
    "label".to_owned()
}

/// Columns that are added from a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinSpec {
    pub path: PathBuf,
    /// The column of the rows and the column of the table that must be equal.
    pub on: String,
    pub key: String,
    pub columns: JoinColumns,
    /// Rows that the table has no line for.
    #[serde(default = "keep")]
    pub missing: Rest,
}

/// The columns of a table that are added, with new names if there are any.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum JoinColumns {
    Names(Vec<String>),
    /// By the new name, the table's.
    Renamed(BTreeMap<String, String>),
}

fn keep() -> Rest {
    Rest::Keep
}

/// Columns that are derived from the text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrichSpec {
    /// `sentiment`, `hashtags`, `entities`, `phrases`, each with `=NAME` if its column has another name.
    pub columns: Vec<String>,
    #[serde(default = "builtin")]
    pub classifier: String,
    #[serde(default)]
    pub min_score: f32,
    #[serde(default)]
    pub strip_hashtags: bool,
}

fn builtin() -> String {
    "builtin".to_owned()
}

/// What decides to which part a row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitBy {
    /// No author and no text is in two parts.
    Author,
    /// The newest rows are tested with.
    Time,
    Random,
}

/// How rows are divided into parts to train, to validate and to test with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    pub by: SplitBy,
    pub shares: Option<SplitShares>,
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// By author: from this similarity on, texts stay in one part.
    pub near_duplicates: Option<f64>,
    /// By time: the first moments of the validation part and of the test part.
    pub validation_from: Option<Moment>,
    pub test_from: Option<Moment>,
}

fn first_seed() -> u64 {
    1
}

/// The shares of the parts; they sum to 1.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitShares {
    pub train: f64,
    #[serde(default)]
    pub validation: f64,
    #[serde(default)]
    pub test: f64,
}

/// How the result is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputSpec {
    pub format: OutputFormat,
    /// The columns to write, in this order; all of them if empty.
    pub columns: Vec<String>,
}

/// The format of the data files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    #[default]
    Parquet,
    JsonL,
}

impl SpecFile {
    /// Reads a spec. Relative paths in it are relative to `base`, or to the spec's own folder.
    ///
    /// # Errors
    /// If the file cannot be read, has a key that does not exist or a value that does not fit; the message names file and line, or the key.
    pub fn read(path: &Path, base: Option<&Path>) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let spec = parse(&text).with_context(|| path.display().to_string())?;
        let own = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Ok(Self { path: path.to_owned(), text, spec, base: base.map_or(own, Path::to_path_buf) })
    }

    /// Returns a path of the spec as it can be opened.
    #[must_use]
    pub fn at(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// Returns the SHA-256 of the text in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        format!("{:x}", Sha256::digest(self.text.as_bytes()))
    }
}

fn parse(text: &str) -> Result<Spec> {
    let spec: Spec = toml::from_str(text).map_err(|error| anyhow!("{}", error.to_string().trim_end()))?;
    spec.check()?;
    Ok(spec)
}

impl Spec {
    /// Checks what the types of the values leave open.
    fn check(&self) -> Result<()> {
        ensure!(
            !self.sources.is_empty(),
            "no [[source]]: name the files to read, such as [[source]] with path = \"tweets.csv\""
        );
        for source in &self.sources {
            source.check()?;
        }
        self.meta.check()?;
        self.filter.check()?;
        self.label.as_ref().map_or(Ok(()), LabelSpec::check)?;
        self.enrich.as_ref().map_or(Ok(()), EnrichSpec::check)?;
        self.split.as_ref().map_or(Ok(()), SplitSpec::check)
    }
}

impl SourceSpec {
    fn check(&self) -> Result<()> {
        ensure!(!self.path.all().is_empty(), "source.path: the list is empty");
        check_words(self.name.iter().map(|name| ("source.name", name.as_str())))?;
        for (ours, theirs) in &self.columns {
            let other = self.columns.iter().find(|(other, column)| *other > ours && *column == theirs);
            if let Some((other, _)) = other {
                anyhow::bail!(
                    "source.columns: both {ours:?} and {other:?} are read from the column {theirs:?}: a column can have one name; remove one \
                     of the two"
                );
            }
            ensure!(
                !self.set.contains_key(ours),
                "source.set: {ours:?} is also in source.columns: its values would be lost; give one of the two another name"
            );
        }
        Ok(())
    }
}

impl MetaSpec {
    fn check(&self) -> Result<()> {
        let Self { name, description, licence, rights, creators, url, .. } = self;
        let words =
            [("name", name), ("description", description), ("licence", licence), ("rights", rights), ("url", url)];
        let creators = creators.iter().map(|creator| ("creators", creator.as_str()));
        check_words(words.into_iter().map(|(key, words)| (key, words.as_str())).chain(creators)).context("meta")?;
        let Some(version) = &self.version else { return Ok(()) };
        let numbers: Vec<&str> = version.split('.').collect();
        let fits = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
        ensure!(fits, "meta.version: {version:?} is not MAJOR.MINOR.PATCH, such as 1.0.0");
        Ok(())
    }
}

impl FilterSpec {
    fn check(&self) -> Result<()> {
        if let Some(threshold) = self.near_threshold {
            ensure!(
                threshold > 0.0 && threshold <= 1.0,
                "filter.near_threshold: {threshold} is not above 0 and at most 1"
            );
            ensure!(self.duplicates == Duplicates::Near, "filter.near_threshold: it needs duplicates = \"near\"");
        }
        ensure!(
            self.older_than_days.is_none() || self.as_of.is_some(),
            "filter.older_than_days: it needs as_of, the day that it counts back from, such as as_of = 2022-01-01"
        );
        ensure!(
            self.as_of.is_none() || self.older_than_days.is_some(),
            "filter.as_of: it does nothing without older_than_days, such as older_than_days = 365; for a last day write until"
        );
        if let (Some(since), Some(until)) = (self.since, self.until) {
            ensure!(since.at() < until.at(), "filter.until: it is not after since; nothing would be kept");
        }
        if let (Some(fewest), Some(most)) = (self.min_words, self.max_words) {
            ensure!(fewest <= most, "filter.max_words: {most} is less than min_words");
        }
        for language in &self.languages {
            let fits = (2..=3).contains(&language.len()) && language.bytes().all(|letter| letter.is_ascii_lowercase());
            ensure!(fits, "filter.languages: {language:?} is not a code of a language, such as \"es\"");
            check_code(language).context("filter.languages")?;
        }
        for (column, values) in self.only.iter().chain(&self.without) {
            ensure!(!values.is_empty(), "filter: the list of values for {column:?} is empty");
        }
        Ok(())
    }
}

impl LabelSpec {
    fn check(&self) -> Result<()> {
        match self.by {
            LabelBy::Hashtags => {
                ensure!(
                    self.labels.len() > 1,
                    "label.labels: hashtags need at least two labels, such as positive = [\"YoMeVacuno\"]"
                );
                ensure!(self.from.is_none(), "label.from: labels by hashtags are read from the text");
            }
            LabelBy::Emoji => {
                let known = |mark: &&String| !matches!(mark.as_str(), "negative" | "neutral" | "positive");
                if let Some(mark) = self.labels.values().flatten().find(known) {
                    anyhow::bail!("label.labels: emoji are negative, neutral or positive, not {mark:?}");
                }
            }
            LabelBy::Column => {
                ensure!(self.from.is_some(), "label.from: name the column that has the label");
                ensure!(self.strip.is_none(), "label.strip: a label from a column is not in the text");
            }
        }
        for (label, marks) in &self.labels {
            ensure!(!marks.is_empty(), "label.labels: nothing stands for {label:?}");
            if let Some((other, _)) = self
                .labels
                .iter()
                .find(|(other, others)| *other > label && others.iter().any(|mark| marks.contains(mark)))
            {
                anyhow::bail!("label.labels: the same mark stands for both {label:?} and {other:?}");
            }
        }
        Ok(())
    }
}

impl EnrichSpec {
    fn check(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "enrich.columns: the list is empty");
        ensure!(
            (0.0..=1.0).contains(&self.min_score),
            "enrich.min_score: {} is not a probability from 0 to 1",
            self.min_score
        );
        Ok(())
    }
}

impl SplitSpec {
    /// Returns the shares of the parts, 80:10:10 if none are given.
    #[must_use]
    pub fn shares(&self) -> [f64; 3] {
        self.shares.map_or([0.8, 0.1, 0.1], |shares| [shares.train, shares.validation, shares.test])
    }

    fn check(&self) -> Result<()> {
        crate::split::check_shares(self.shares()).context("split.shares")?;
        let dated = self.validation_from.is_some() || self.test_from.is_some();
        if self.by != SplitBy::Time {
            ensure!(!dated, "split: validation_from and test_from need by = \"time\"");
        }
        ensure!(!(dated && self.shares.is_some()), "split: give either shares or dates");
        if let (Some(validation), Some(test)) = (self.validation_from, self.test_from) {
            ensure!(validation.at() < test.at(), "split.test_from: it is not after validation_from");
        }
        if let Some(threshold) = self.near_duplicates {
            ensure!(self.by == SplitBy::Author, "split.near_duplicates: it needs by = \"author\"");
            ensure!(
                threshold > 0.0 && threshold <= 1.0,
                "split.near_duplicates: {threshold} is not above 0 and at most 1"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "[[source]]\npath = \"a.csv\"\n";

    #[test]
    fn a_spec_of_every_section_is_read() {
        let spec = parse(
            r##"
            [meta]
            name = "prueba"
            version = "1.2.0"
            [[source]]
            path = ["a.csv", "b.jsonl"]
            columns = { text = "tweet", created_at = "date" }
            set = { side = "left" }
            [filter]
            retweets = "drop"
            replies = "only"
            min_words = 5
            since = 2021-03-01
            until = "2021-04-01T12:00:00-05:00"
            as_of = 2021-04-01
            older_than_days = 500
            languages = ["es"]
            text_excludes = "(?i)sorteo"
            duplicates = "near"
            near_threshold = 0.8
            only = { side = ["left"] }
            [label]
            by = "hashtags"
            labels = { positive = ["#SiQuiero"], negative = ["NoQuiero"] }
            unmarked = "keep"
            [[join]]
            path = "parties.csv"
            on = "author"
            key = "screen_name"
            columns = { party = "partido" }
            [enrich]
            columns = ["sentiment=TONO"]
            [split]
            by = "time"
            test_from = 2021-03-20
            [output]
            format = "jsonl"
            columns = ["id", "text"]
            "##,
        )
        .unwrap();
        assert_eq!(spec.filter.since.unwrap().at().to_string(), "2021-03-01T00:00:00Z");
        assert_eq!(spec.filter.until.unwrap().at().to_string(), "2021-04-01T17:00:00Z");
        assert_eq!(
            (spec.filter.retweets, spec.filter.replies, spec.filter.quotes),
            (Rule::Drop, Rule::Only, Rule::Keep)
        );
        assert_eq!(spec.sources[0].path.all().len(), 2);
        assert_eq!((spec.joins[0].missing, spec.label.unwrap().unmarked), (Rest::Keep, Rest::Keep));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_line_or_key() {
        for (rest, expected) in [
            ("[filter]\nretweet = \"drop\"\n", "line 4, column 1"),
            ("[filter]\nretweet = \"drop\"\n", "unknown field `retweet`, expected one of `retweets`"),
            ("[filter]\nretweets = \"no\"\n", "unknown variant `no`, expected one of `keep`, `drop`, `only`"),
            ("[filtre]\n", "unknown field `filtre`"),
            ("[filter]\nsince = \"ayer\"\n", "line 4"),
            ("[filter]\nsince = \"ayer\"\n", "\"ayer\" is not a date, such as 2021-03-01"),
            ("[filter]\ntext_matches = \"(\"\n", "line 4"),
            ("[filter]\nolder_than_days = 5\n", "filter.older_than_days: it needs as_of"),
            ("[filter]\nnear_threshold = 0.5\n", "it needs duplicates = \"near\""),
            ("[filter]\nduplicates = \"near\"\nnear_threshold = 1.5\n", "1.5 is not above 0"),
            ("[filter]\nlanguages = [\"Spanish\"]\n", "not a code of a language"),
            ("[filter]\nlanguages = [\"xx\"]\n", "no language has the code \"xx\""),
            ("[filter]\nlanguages = [\"esp\"]\n", "filter.languages: no language has the code \"esp\""),
            ("[filter]\nlanguages = [\"es\", \"spa\"]\n", "write \"es\""),
            ("[filter]\nas_of = 2021-01-01\n", "filter.as_of: it does nothing without older_than_days"),
            (
                "columns = { text = \"x\", author = \"x\" }\n",
                "both \"author\" and \"text\" are read from the column \"x\"",
            ),
            (
                "columns = { side = \"x\" }\nset = { side = \"left\" }\n",
                "source.set: \"side\" is also in source.columns",
            ),
            ("[label]\nby = \"emoji\"\nlabels = { si = [\"positiv\"] }\n", "emoji are negative, neutral or positive"),
            ("[filter]\nsince = 2021-02-01\nuntil = 2021-01-01\n", "nothing would be kept"),
            ("[filter]\nmin_words = -1\n", "line 4"),
            ("[label]\nby = \"hashtags\"\n", "at least two labels"),
            ("[label]\nby = \"column\"\n", "label.from"),
            (
                "[label]\nby = \"column\"\nfrom = \"x\"\nlabels = { a = [\"1\"], b = [\"1\"] }\n",
                "stands for both \"a\" and \"b\"",
            ),
            ("[split]\nby = \"random\"\nshares = { train = 0.9, test = 0.2 }\n", "split.shares: split shares"),
            ("[split]\nby = \"random\"\ntest_from = 2021-01-01\n", "need by = \"time\""),
            ("[split]\nby = \"luck\"\n", "expected one of `author`, `time`, `random`"),
            ("[meta]\nversion = \"1\"\n", "meta.version"),
            ("[meta]\nname = \"a\u{202e}b\"\n", "meta: name: it contains U+202E, a character that cannot be seen"),
            ("[meta]\ncreators = [\"a\", \"\\u200b\"]\n", "meta: creators: it contains U+200B"),
            ("name = \"\\u2066\"\n", "source.name: it contains U+2066"),
            ("[output]\nformat = \"csv\"\n", "expected `parquet` or `jsonl`"),
        ] {
            let message = format!("{:#}", parse(&format!("{SOURCE}{rest}")).unwrap_err());
            assert!(message.contains(expected), "{rest:?}: {message:?} does not say {expected:?}");
        }
        assert!(parse("").unwrap_err().to_string().contains("no [[source]]"));
    }
}
