//! `evaluate classifier --report`: a folder with one Markdown page and the plots it shows.
//!
//! `pictures.rs` draws the plots, `page.rs` writes the page. Neither contains the text of a tweet, so a report may be published.

mod page;
mod pictures;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::classification::Scored;
use super::speed::ScoringSpeed;
use crate::metrics::ClassificationReport;
pub use crate::training::classifier::LOG_FILE as TRAINING_LOG;
use pregonero_models::catalog::ModelFiles;
use pregonero_system::files::{Existing, check_folder_to_fill, refuse_existing, write_whole};

/// The file name of the page.
pub const PAGE: &str = "report.md";

/// One line of the classifier's training log, with only the fields that a report shows.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct LoggedEpoch {
    pub epoch: usize,
    pub loss: f64,
    pub validation_loss: f64,
    pub macro_f1: f64,
    /// Whether its weights were the best so far.
    pub best: bool,
}

/// The content of a report.
#[derive(Debug)]
pub struct ReportContent<'a> {
    /// The model's name and digest.
    pub model: String,
    /// A description of the rows it was measured on.
    pub data: String,
    /// The command that made the report.
    pub command: &'a str,
    pub scored: &'a Scored,
    pub report: &'a ClassificationReport,
    /// The epochs of the training; empty if the model has no log.
    pub epochs: Vec<LoggedEpoch>,
    pub speed: Option<ScoringSpeed>,
    /// How many of the most confident mistakes are listed.
    pub mistakes: usize,
}

/// Reads the epochs of the model's training; returns none if it has no log.
///
/// # Errors
/// If the log is not one JSON object per line; the message names file and line.
pub fn read_training_log(files: &ModelFiles) -> Result<Vec<LoggedEpoch>> {
    if !files.has(TRAINING_LOG) {
        return Ok(Vec::new());
    }
    let bytes = files.read(TRAINING_LOG)?;
    let name = files.display(TRAINING_LOG);
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{name}: not UTF-8"))?;
    let parse = |(place, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{name}:{}: not an epoch's JSON", place + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// Writes the page and its plots into `folder`, which is created if it is missing; replaces older ones.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_report(folder: &Path, content: &ReportContent<'_>) -> Result<()> {
    let plots = pictures::draw(content);
    let page = page::write(content, &plots);
    let plots = plots.into_iter().map(|plot| (plot.file.to_owned(), plot.svg));
    write_files(folder, plots.chain([(PAGE.to_owned(), page)]))
}

/// The file that marks every folder of [`write_files`]: files with our names there may be replaced.
const MARK: &str = ".written-by-pregonero";

/// Reports before a long evaluation what [`write_report`] would refuse.
///
/// # Errors
/// If the folder has a page that this program did not write, or cannot be written.
pub fn check_report(folder: &Path) -> Result<()> {
    check_folder_to_fill(folder)?;
    if folder.join(MARK).exists() { Ok(()) } else { refuse_existing(&folder.join(PAGE), Existing::Refuse) }
}

/// Writes files by name and text; replaces older ones if this function wrote them.
pub(super) fn write_files(folder: &Path, files: impl IntoIterator<Item = (String, String)>) -> Result<()> {
    let existing = if folder.join(MARK).exists() { Existing::Replace } else { Existing::Refuse };
    let files: Vec<_> = files.into_iter().map(|(name, text)| (folder.join(name), text)).collect();
    files.iter().try_for_each(|(path, _)| refuse_existing(path, existing))?;
    write_whole(&folder.join(MARK), Existing::Replace, |file| {
        file.write_all(b"The reports in this folder are replaced by the next ones.\n")
    })?;
    files.iter().try_for_each(|(path, text)| write_whole(path, existing, |file| file.write_all(text.as_bytes())))
}

#[cfg(test)]
mod tests;
