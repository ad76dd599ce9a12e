//! What a model's folder contains for the gate `verbatim`: runs of words from other people's texts, and the operator's own
//! texts.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::GeneratorTraining;
use crate::training::text::{self, Cleaning, ReadFor, TextRow, TextSource};
use pregonero_models::verbatim::{DEFAULT_WINDOW, OWN_TEXTS, OwnTexts, VERBATIM_INDEX, VerbatimIndex};

/// The training texts in the form that the gate compares with: other people's as runs of words, the operator's own as a
/// whole.
#[derive(Debug, Default)]
pub struct Compared {
    /// Absent if it is not wanted, or if all texts are the operator's own.
    pub others: Option<VerbatimIndex>,
    /// The own texts as [`OwnTexts::prepare`] returns them; empty if no source of own texts was named.
    pub own: Vec<String>,
}

impl Compared {
    /// Collects both from the rows of a training.
    ///
    /// # Errors
    /// If the sources of own texts cannot be read, or none of their texts is among the rows.
    pub(super) fn of(settings: &GeneratorTraining, rows: &[TextRow]) -> Result<Self> {
        let (own, digests) = read_own(&settings.own, settings.cleaning)?;
        let is_own = |row: &TextRow| digests.contains(&text::digest(&row.text));
        if !settings.own.is_empty() && !rows.iter().any(is_own) {
            bail!(
                "--own {}: none of its texts is among those of --data; own texts must be in --data too",
                names(&settings.own)
            );
        }
        let others = rows.iter().filter(|row| !is_own(row)).map(|row| row.text.as_str());
        Ok(Self { others: if settings.verbatim_index { index(others, &settings.own) } else { None }, own })
    }

    /// Collects both from sources that are read only for this, for an existing model.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read(others: &[TextSource], own: &[TextSource], cleaning: Cleaning) -> Result<Self> {
        let (own_texts, digests) = read_own(own, cleaning)?;
        if others.is_empty() {
            return Ok(Self { others: None, own: own_texts });
        }
        let (texts, _) = text::read_all(others, cleaning, ReadFor::Everything).context("--others")?;
        let others = texts.iter().map(String::as_str).filter(|other| !digests.contains(&text::digest(other)));
        Ok(Self { others: index(others, own), own: own_texts })
    }

    /// Writes the files into a model's folder, except those that would be empty.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        if let Some(index) = &self.others {
            index.write(&folder.join(VERBATIM_INDEX))?;
        }
        if !self.own.is_empty() {
            OwnTexts::write(&self.own, &folder.join(OWN_TEXTS))?;
        }
        Ok(())
    }

    /// Describes what the gate compares with, for a card.
    #[must_use]
    pub fn in_words(&self) -> String {
        let people = if self.own.is_empty() { "" } else { " by other people" };
        let runs = match &self.others {
            Some(index) => format!(
                "`{VERBATIM_INDEX}` holds {} runs of {} words of the training texts{people}, for the gate `verbatim`.",
                index.len(),
                index.window()
            ),
            None => format!(
                "There is no `{VERBATIM_INDEX}`, so the gate `verbatim` does not look for copied runs of words."
            ),
        };
        match self.own.len() {
            0 => runs,
            count => format!(
                "{runs} `{OWN_TEXTS}` holds {count} training texts of the operator's own, without case and punctuation: the \
                 gate rejects a candidate that is nearly the whole of one."
            ),
        }
    }
}

/// Builds the index of other people's texts; returns `None` if all texts are the operator's own.
fn index<'a>(others: impl Iterator<Item = &'a str> + Clone, own: &[TextSource]) -> Option<VerbatimIndex> {
    let any = own.is_empty() || others.clone().next().is_some();
    any.then(|| VerbatimIndex::build(others, DEFAULT_WINDOW))
}

/// Returns the texts of the sources as [`OwnTexts::prepare`] does, and their digests.
fn read_own(sources: &[TextSource], cleaning: Cleaning) -> Result<(Vec<String>, HashSet<u64>)> {
    if sources.is_empty() {
        return Ok((Vec::new(), HashSet::new()));
    }
    let (texts, _) = text::read_all(sources, cleaning, ReadFor::Everything).context("--own")?;
    let digests = texts.iter().map(|own| text::digest(own)).collect();
    Ok((OwnTexts::prepare(texts).context("--own")?, digests))
}

fn names(sources: &[TextSource]) -> String {
    sources.iter().map(|source| source.path.display().to_string()).collect::<Vec<_>>().join(", ")
}
