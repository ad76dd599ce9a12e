//! Turns files into what the network sees: reads, cleans, splits, adds weakly labelled and unlabelled rows, numbers words.
//!
//! The validation and test parts contain only labelled rows. Whatever is added goes to the train part, and nothing is
//! added that shares an author, a text or nearly a text with the other parts, so that the split stays honest.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::export;
use super::settings::{ClassifierTraining, outputs};
use super::sources::{UnlabelledSource, WeakSource};
use super::targets::{Teachers, certain, mixed, smoothed};
use super::vectors::{InitialVectors, VectorCounts};
use crate::dataset;
use crate::dataset::columns::{Asked, open_table};
use crate::dataset::labelled::{LabelledTweet, author_column, place_of, read_labelled};
use crate::dataset::parts::{GivenPart, ReadFor, paths_for};
use pregonero_data::similar::{NEAR_DUPLICATE, SimilarTexts};
use pregonero_data::split::{Split, SplitRow};
use pregonero_models::sentiment::network::{NetworkConfig, Row};
use pregonero_models::sentiment::ngrams::Ngram;
use pregonero_models::sentiment::vocabulary::{PADDING, Vocabulary};
use pregonero_models::sentiment::{HeldOut, SplitProtocol, TestPart};

/// A row to train on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Example {
    /// Word ids without padding.
    pub(super) ids: Vec<u32>,
    /// As [`Row::ngrams`].
    pub(super) ngrams: Vec<Ngram>,
    /// A distribution over the labels.
    pub(super) target: Vec<f32>,
    /// The row's weight in the loss; a labelled row has 1.
    pub(super) weight: f32,
}

/// Rows to measure on.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) rows: Vec<Row>,
    pub(super) labels: Vec<usize>,
}

/// How many rows of one added file were used or left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SourceCounts {
    /// The file and how its rows get their labels, as the card says.
    pub source: String,
    /// Rows that match the source.
    pub read: usize,
    /// Left out: cleaning leaves nothing of the text.
    pub empty: usize,
    /// Left out: shares an author or nearly a text with the validation or test part.
    pub held_out: usize,
    /// Left out: the text is already in the train part.
    pub repeated: usize,
    /// Left out: the teachers are not sure enough.
    pub unsure: usize,
    pub used: usize,
    /// Rows that have no author although the labelled ones have: only their texts are compared with the held-out ones.
    pub without_author: usize,
}

/// How many rows went where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DataCounts {
    /// Labelled rows of the train, validation and test parts.
    pub parts: [usize; 3],
    /// Which of the three parts the data set has itself; none if it is not divided.
    pub own_parts: Vec<&'static str>,
    /// Labelled rows left out because cleaning leaves nothing of their text.
    pub skipped_empty: usize,
    /// Counts for the weakly labelled and unlabelled files.
    pub added: Vec<SourceCounts>,
    /// How many words the vectors know, if there are any.
    pub vectors: Option<VectorCounts>,
    /// Teachers that were trained under another split and may know the test part.
    pub teachers_of_other_splits: usize,
}

/// The data as the network sees it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) vocabulary: Vocabulary,
    pub(super) network: NetworkConfig,
    /// The vectors that the embedding starts from.
    pub(super) vectors: Option<InitialVectors>,
    /// For each id, the ids of similar words.
    pub(super) neighbours: Option<Vec<Vec<u32>>>,
    pub(super) train: Vec<Example>,
    pub(super) validation: Part,
    pub(super) test: Part,
    pub(super) test_texts: Vec<String>,
    /// What the model records about the test part.
    pub(super) test_part: TestPart,
    /// The split as the model records it.
    pub(super) held_out: HeldOut,
    pub(super) counts: DataCounts,
}

/// The labelled rows that have text after cleaning.
struct Labelled {
    tweets: Vec<LabelledTweet>,
    /// The cleaned texts, parallel to `tweets`.
    cleaned: Vec<String>,
    skipped_empty: usize,
}

/// A row of the train part before it is numbered.
struct TrainRow {
    text: String,
    cleaned: String,
    /// `None` if only the teachers decide.
    label: Option<usize>,
    weight: f32,
    /// The index of its file among the added ones.
    source: Option<usize>,
}

/// Reads, cleans and splits as [`prepare`] does, and writes the split.
pub(super) fn export_split(settings: &ClassifierTraining, path: &Path) -> Result<()> {
    let labelled = Labelled::read(settings)?;
    let split = labelled.split(settings)?;
    export::write_split(path, &labelled.tweets, &labelled.cleaned, &split, &settings.labels)
}

/// Reads, cleans, splits, adds and numbers; the vocabulary is that of the train part alone.
pub(super) fn prepare(settings: &ClassifierTraining) -> Result<Prepared> {
    let labelled = Labelled::read(settings)?;
    let split = labelled.split(settings)?;
    if let Some(path) = &settings.export_split {
        export::write_split(path, &labelled.tweets, &labelled.cleaned, &split, &settings.labels)?;
    }
    let mut counts = DataCounts {
        parts: [split.train.len(), split.validation.len(), split.test.len()],
        own_parts: labelled.own_parts(),
        skipped_empty: labelled.skipped_empty,
        ..DataCounts::default()
    };
    let mut rows = labelled.train_rows(&split);
    Additions::new(settings, &labelled, &split).add(&mut rows, &mut counts)?;
    let teachers = Teachers::load(&settings.teachers, &settings.labels)?;
    let held_out = held_out(settings, &counts.own_parts);
    counts.teachers_of_other_splits = teachers.of_other_splits(&held_out);
    let targets = targets(settings, &teachers, &mut rows, &mut counts)?;

    let texts = rows.iter().map(|row| row.cleaned.as_str());
    let vocabulary = Vocabulary::build(texts, settings.minimum_count, settings.maximum_words);
    ensure!(
        !vocabulary.words().is_empty(),
        "no word of the train part occurs {} times or more: pass a smaller --min-count",
        settings.minimum_count
    );
    let (vocabulary, vectors) = match &settings.vectors {
        Some(pretrained) => {
            let (vocabulary, vectors, found) = InitialVectors::read(pretrained, &vocabulary, settings)?;
            counts.vectors = Some(found);
            (vocabulary, Some(vectors))
        }
        None => (vocabulary, None),
    };
    let network = network(settings, &vocabulary)?;
    let train = rows.iter().zip(targets).map(|(row, target)| {
        let Row { mut ids, ngrams } = Row::read(&network, &vocabulary, &row.cleaned);
        ids.retain(|id| *id != PADDING);
        Example { ids, ngrams, target, weight: row.weight }
    });
    let train = train.collect();
    let part = |places: &[usize]| Part {
        rows: places.iter().map(|&row| Row::read(&network, &vocabulary, &labelled.cleaned[row])).collect(),
        labels: places.iter().map(|&row| labelled.tweets[row].label).collect(),
    };
    let (validation, test) = (part(&split.validation), part(&split.test));
    let test_part = labelled.test_part(settings, &split);
    let test_texts = split.test.iter().map(|&row| labelled.tweets[row].text.clone()).collect();
    let replaces = settings.augment > 0.0;
    let neighbours = vectors.as_ref().filter(|_| replaces).map(InitialVectors::neighbours);
    Ok(Prepared {
        vocabulary,
        network,
        vectors,
        neighbours,
        train,
        validation,
        test,
        test_texts,
        test_part,
        held_out,
        counts,
    })
}

/// Returns the split as it was: protocol and seed decide nothing where the data set has all parts itself.
fn held_out(settings: &ClassifierTraining, own_parts: &[&str]) -> HeldOut {
    match own_parts.len() {
        3 => HeldOut { protocol: SplitProtocol::Given, near_duplicate: None, ..settings.held_out() },
        _ => settings.held_out(),
    }
}

fn network(settings: &ClassifierTraining, vocabulary: &Vocabulary) -> Result<NetworkConfig> {
    let network = NetworkConfig {
        padding: settings.padding,
        mask_padding: settings.mask_padding,
        outputs: outputs(settings.labels.len()),
        ..NetworkConfig::new(vocabulary.rows(), settings.steps, settings.architecture.clone())
    };
    network.check()?;
    Ok(network)
}

impl Labelled {
    fn read(settings: &ClassifierTraining) -> Result<Self> {
        let table = read_labelled(&settings.data, &settings.columns, &settings.labels)?;
        let read = table.tweets.len() + table.skipped_empty;
        let (tweets, cleaned): (Vec<_>, Vec<_>) = table
            .tweets
            .into_iter()
            .map(|tweet| {
                let cleaned = settings.cleaning.clean(&tweet.text);
                (tweet, cleaned)
            })
            .filter(|(_, cleaned)| !cleaned.is_empty())
            .unzip();
        Ok(Self { skipped_empty: read - tweets.len(), tweets, cleaned })
    }

    fn rows(&self) -> Vec<SplitRow<'_>> {
        let rows = self.tweets.iter().zip(&self.cleaned);
        rows.map(|(tweet, normalised)| SplitRow { author: &tweet.author, normalised, label: tweet.label }).collect()
    }

    /// Returns the names of the parts that the data set has itself.
    fn own_parts(&self) -> Vec<&'static str> {
        let has = |part| self.tweets.iter().any(|tweet| tweet.part == Some(part));
        let all = [("train", GivenPart::Train), ("validation", GivenPart::Validation), ("test", GivenPart::Test)];
        all.into_iter().filter(|(_, part)| has(*part)).map(|(name, _)| name).collect()
    }

    fn test_part(&self, settings: &ClassifierTraining, split: &Split) -> TestPart {
        let rows = self.rows();
        TestPart::of(&settings.columns, split.test.iter().map(|&row| (rows[row].normalised, rows[row].label)))
    }

    fn split(&self, settings: &ClassifierTraining) -> Result<Split> {
        let rows = self.rows();
        let given: Vec<_> = self.tweets.iter().map(|tweet| tweet.part).collect();
        let split = dataset::split::split(&settings.held_out(), &rows, &given)?;
        if given.iter().any(Option::is_some) {
            let Split { train, validation, test } = &split;
            dataset::said::sentence(&format!(
                "{}: the data set's own parts are used, and a part that it lacks is taken from train: {} rows to train, {} to validate, \
                 {} to test",
                settings.data.display(),
                train.len(),
                validation.len(),
                test.len()
            ));
        }
        check_split(&rows, &split, &settings.labels).with_context(|| settings.data.display().to_string())?;
        Ok(split)
    }

    fn train_rows(&self, split: &Split) -> Vec<TrainRow> {
        let row = |&place: &usize| TrainRow {
            text: self.tweets[place].text.clone(),
            cleaned: self.cleaned[place].clone(),
            label: Some(self.tweets[place].label),
            weight: 1.0,
            source: None,
        };
        split.train.iter().map(row).collect()
    }
}

fn check_split(rows: &[SplitRow<'_>], split: &Split, labels: &[String]) -> Result<()> {
    for (place, label) in labels.iter().enumerate() {
        let found = split.train.iter().any(|&row| rows[row].label == place);
        ensure!(found, "no row with label {place} ({label}) to train on");
    }
    for (name, part) in [("train", &split.train), ("validation", &split.validation), ("test", &split.test)] {
        ensure!(
            !part.is_empty(),
            "too few rows, or too few groups of author and text: the {name} part is empty; give more rows, or larger --shares \
             for it (now train,validation,test of {} rows); if most rows have one author, --author-column \"\" splits them too",
            rows.len()
        );
    }
    Ok(())
}

/// Adds the rows of other files to the train part.
struct Additions<'a> {
    settings: &'a ClassifierTraining,
    held_out_authors: HashSet<&'a str>,
    held_out_texts: SimilarTexts<'a>,
}

impl<'a> Additions<'a> {
    fn new(settings: &'a ClassifierTraining, labelled: &'a Labelled, split: &Split) -> Self {
        let held_out: Vec<usize> = split.validation.iter().chain(&split.test).copied().collect();
        let authors = held_out.iter().map(|&row| labelled.tweets[row].author.as_str());
        let texts: Vec<&str> = held_out.iter().map(|&row| labelled.cleaned[row].as_str()).collect();
        let threshold = settings.near_duplicate.unwrap_or(NEAR_DUPLICATE);
        Self {
            settings,
            held_out_authors: authors.filter(|author| !author.is_empty()).collect(),
            held_out_texts: SimilarTexts::new(&texts, threshold),
        }
    }

    fn add(&self, rows: &mut Vec<TrainRow>, counts: &mut DataCounts) -> Result<()> {
        let mut known: HashSet<String> = rows.iter().map(|row| row.cleaned.clone()).collect();
        for source in &self.settings.weak {
            let label = place_of(&source.label, &self.settings.labels)
                .with_context(|| format!("--weak {}", source.path.display()))?;
            self.add_weak(source, label, &mut known, rows, counts)?;
        }
        for source in &self.settings.unlabelled {
            self.add_unlabelled(source, &mut known, rows, counts)?;
        }
        Ok(())
    }

    fn add_weak(
        &self,
        source: &WeakSource,
        label: usize,
        known: &mut HashSet<String>,
        rows: &mut Vec<TrainRow>,
        counts: &mut DataCounts,
    ) -> Result<()> {
        let text = Asked::new(&self.settings.columns.text, pregonero_models::sentiment::TEXT_FLAG);
        let name = &self.settings.labels[label];
        let mut found = SourceCounts {
            source: format!(
                "{}, {} = {:?}: {name}, weight {}",
                file(&source.path),
                source.column,
                source.value,
                source.weight
            ),
            ..SourceCounts::default()
        };
        let asked = self.asked(text, Asked::new(&source.column, ""));
        for path in paths_for(&source.path, ReadFor::Training)? {
            let mut table = open_table(&path, &asked)?;
            while let Some(row) = table.next_row()? {
                let [text, value, author] = fields(row.fields);
                if value.trim() != source.value {
                    continue;
                }
                let row = self.row(text, &author, known, &mut found);
                let source_place = Some(counts.added.len());
                rows.extend(row.map(|row| TrainRow {
                    label: Some(label),
                    weight: source.weight,
                    source: source_place,
                    ..row
                }));
            }
            self.say_without_author(&path, &found, table.columns());
        }
        ensure!(
            found.read > 0,
            "{}: no row has {:?} in column {:?}",
            source.path.display(),
            source.value,
            source.column
        );
        counts.added.push(found);
        Ok(())
    }

    fn add_unlabelled(
        &self,
        source: &UnlabelledSource,
        known: &mut HashSet<String>,
        rows: &mut Vec<TrainRow>,
        counts: &mut DataCounts,
    ) -> Result<()> {
        let text = Asked {
            without: "; write --unlabelled FILE:TEXTCOLUMN",
            ..Asked::new(source.column.as_ref().unwrap_or(&self.settings.columns.text), "")
        };
        // The text takes the place of the value that an unlabelled row does not have.
        let mut found = SourceCounts {
            source: format!("{}: labelled by the teachers, weight {}", file(&source.path), source.weight),
            ..SourceCounts::default()
        };
        for path in paths_for(&source.path, ReadFor::Training)? {
            let mut table = open_table(&path, &self.asked(text, text))?;
            while let Some(row) = table.next_row()? {
                let [text, _, author] = fields(row.fields);
                let row = self.row(text, &author, known, &mut found);
                let source_place = Some(counts.added.len());
                rows.extend(row.map(|row| TrainRow { weight: source.weight, source: source_place, ..row }));
            }
            self.say_without_author(&path, &found, table.columns());
        }
        ensure!(found.read > 0, "{}: no rows", source.path.display());
        counts.added.push(found);
        Ok(())
    }

    /// Requests text, value and, if the labelled file has authors, the author, which an added file may lack.
    fn asked<'b>(&'b self, text: Asked<'b>, value: Asked<'b>) -> Vec<Asked<'b>> {
        let author = author_column(&self.settings.columns).map(|author| Asked { optional: true, ..author });
        [text, value].into_iter().chain(author).collect()
    }

    /// Says how many rows of a source that has been read have no author, though the labelled ones have.
    fn say_without_author(&self, path: &Path, found: &SourceCounts, columns: &[String]) {
        if let Some(author) = self.settings.columns.author.as_deref().filter(|_| found.without_author > 0) {
            dataset::said::sentence(&format!(
                "{}: {} of {} rows have no author in a column {author:?} (the file has {}), so only their texts are compared with \
                 those held out for validation and test",
                path.display(),
                found.without_author,
                found.read,
                columns.join(", ")
            ));
        }
    }

    /// Returns the row, unless there is a reason to leave it out.
    fn row(
        &self,
        text: String,
        author: &str,
        known: &mut HashSet<String>,
        found: &mut SourceCounts,
    ) -> Option<TrainRow> {
        found.read += 1;
        if self.settings.columns.author.is_some() && author.trim().is_empty() {
            found.without_author += 1;
        }
        let cleaned = self.settings.cleaning.clean(&text);
        if cleaned.is_empty() {
            found.empty += 1;
        } else if self.held_out_authors.contains(author.trim()) || !self.held_out_texts.find(&cleaned).is_empty() {
            found.held_out += 1;
        } else if !known.insert(cleaned.clone()) {
            found.repeated += 1;
        } else {
            found.used += 1;
            return Some(TrainRow { text, cleaned, label: None, weight: 1.0, source: None });
        }
        None
    }
}

/// Returns the three fields of a row; the author may be missing.
fn fields(fields: Vec<String>) -> [String; 3] {
    let mut fields = fields.into_iter();
    [(); 3].map(|()| fields.next().unwrap_or_default())
}

fn file(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!("`{name}`")
}

/// Returns the target of every row; removes unlabelled rows from `rows` if the teachers are not sure enough of them.
fn targets(
    settings: &ClassifierTraining,
    teachers: &Teachers,
    rows: &mut Vec<TrainRow>,
    counts: &mut DataCounts,
) -> Result<Vec<Vec<f32>>> {
    let labels = settings.labels.len();
    let own = |row: &TrainRow| row.label.map(|label| smoothed(&certain(label, labels), settings.label_smoothing));
    if teachers.is_empty() {
        return Ok(rows.iter().filter_map(own).collect());
    }
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let distillation = settings.distillation;
    let taught = teachers.probabilities(&texts, distillation.temperature)?;
    let mut targets = Vec::with_capacity(rows.len());
    let mut taught = taught.into_iter();
    rows.retain(|row| {
        let taught = taught.next().unwrap_or_default();
        let target = match own(row) {
            Some(own) => mixed(&own, &taught, distillation.weight),
            None if distillation.minimum_confidence.is_some_and(|least| taught.iter().all(|&p| p < least)) => {
                if let Some(found) = row.source.and_then(|source| counts.added.get_mut(source)) {
                    found.used -= 1;
                    found.unsure += 1;
                }
                return false;
            }
            None => taught,
        };
        targets.push(target);
        true
    });
    Ok(targets)
}
