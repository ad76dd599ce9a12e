//! `evaluate classifier --report`: a folder with one Markdown page and the plots it shows.
//!
//! `pictures.rs` draws the plots, `page.rs` writes the page. Neither contains the text of a tweet, so a report may be published.

mod page;
mod pictures;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

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

/// Writes the page and its plots into `folder`, which is created if it is missing; replaces older ones that nobody has changed.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_report(folder: &Path, content: &ReportContent<'_>) -> Result<()> {
    let plots = pictures::draw(content);
    let page = page::write(content, &plots);
    let plots = plots.into_iter().map(|plot| (plot.file.to_owned(), plot.svg));
    write_files(folder, plots.chain([(PAGE.to_owned(), page)]))
}

/// The file that lists what [`write_files`] wrote into its folder: a line for each file, with a hash of its content and its name. What is
/// still as it was written may be replaced.
const MARK: &str = ".written-by-pregonero";

/// The file's first line.
const MARK_MEANS: &str = "The next reports replace these files, as long as nobody has changed them (SHA-256, name):";

/// Reports before a long evaluation what [`write_report`] and the projector's pages would refuse.
///
/// # Errors
/// If `page` or a file of an earlier report there is not as this program wrote it, or the folder cannot be written.
pub fn check_report(folder: &Path, page: &str) -> Result<()> {
    check_folder_to_fill(folder)?;
    let written = written_lines(folder)?;
    let names = written.iter().filter_map(|line| Some(line.split_once("  ")?.1)).chain([page]);
    names.into_iter().try_for_each(|name| refuse_foreign(folder, name, &written))
}

/// Writes files by name and text; replaces older ones if this function wrote them and nobody has changed them since.
pub(super) fn write_files(folder: &Path, files: impl IntoIterator<Item = (String, String)>) -> Result<()> {
    let files: Vec<_> = files.into_iter().collect();
    let mut written = written_lines(folder)?;
    files.iter().try_for_each(|(name, _)| refuse_foreign(folder, name, &written))?;
    let lines = |files: &[(String, String)]| -> Vec<String> {
        files.iter().map(|(name, text)| line_of(name, text.as_bytes())).collect()
    };
    // Before the files, with the lines of the older ones: a run that is killed in between leaves no file that is not listed.
    written.extend(lines(&files));
    write_mark(folder, &written)?;
    for (name, text) in &files {
        write_whole(&folder.join(name), Existing::Replace, |file| file.write_all(text.as_bytes()))?;
    }
    let replaced = |line: &String| files.iter().any(|(name, _)| line.ends_with(&format!("  {name}")));
    written.retain(|line| !replaced(line));
    written.extend(lines(&files));
    write_mark(folder, &written)
}

/// Returns the lines of the mark; none if there is no mark.
fn written_lines(folder: &Path) -> Result<BTreeSet<String>> {
    let path = folder.join(MARK);
    refuse_existing(&path, Existing::Replace)?;
    if !path.exists() {
        return Ok(BTreeSet::new());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().skip(1).map(ToOwned::to_owned).collect())
}

fn write_mark(folder: &Path, lines: &BTreeSet<String>) -> Result<()> {
    write_whole(&folder.join(MARK), Existing::Replace, |file| {
        writeln!(file, "{MARK_MEANS}")?;
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))
    })
}

/// Refuses a file that is there and is not as this program wrote it.
fn refuse_foreign(folder: &Path, name: &str, written: &BTreeSet<String>) -> Result<()> {
    let path = folder.join(name);
    refuse_existing(&path, Existing::Replace)?;
    if !path.exists() {
        return Ok(());
    }
    let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        written.contains(&line_of(name, &content)),
        "{}: exists already and is not as this program wrote it; move it elsewhere, or choose another folder",
        path.display()
    );
    Ok(())
}

fn line_of(name: &str, content: &[u8]) -> String {
    format!("{:x}  {name}", Sha256::digest(content))
}

#[cfg(test)]
mod tests;
