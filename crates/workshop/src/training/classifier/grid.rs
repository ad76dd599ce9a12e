//! Trains every combination of some settings and keeps the one that does best on the validation part.
//!
//! The grid is a TOML file: lists of values by the name of a setting, of which all combinations are tried, or
//! `[[combinations]]` with one value each. The caller decides which settings exist. Every finished combination
//! is a line of JSON in a file next to the output folder, so that a stopped grid continues where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::digest::FileDigests;
use super::output::{beside, check_output};
use super::{ClassifierTraining, Listener, Progress, Trained, fit_classifier};
use pregonero_system::files::{Existing, append, refuse_existing, write_whole};

/// The most combinations in a grid: more are a mistake, or take a year.
const MOST: usize = 10_000;

/// Values by the names of the settings.
pub type Combination = BTreeMap<String, toml::Value>;

/// Reads the combinations of a grid file.
///
/// # Errors
/// If the file cannot be read, is not TOML, or contains no combination.
pub fn read_grid(path: &Path) -> Result<Vec<Combination>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> Result<Vec<Combination>> {
    let mut table: toml::Table = toml::from_str(text)?;
    let listed: Vec<Combination> = match table.remove("combinations") {
        Some(value) => value.try_into().context("combinations: must be tables, each written [[combinations]]")?,
        None => vec![Combination::new()],
    };
    let mut combinations = listed;
    for (name, values) in table {
        let toml::Value::Array(values) = values else {
            bail!("{name}: must be a list of values to try, for example {name} = [{values}]");
        };
        ensure!(!values.is_empty(), "{name}: the list is empty");
        ensure!(combinations.len() * values.len() <= MOST, "more than {MOST} combinations");
        combinations = combinations
            .into_iter()
            .flat_map(|combination| {
                let with = |value: &toml::Value| {
                    combination.clone().into_iter().chain([(name.clone(), value.clone())]).collect::<Combination>()
                };
                values.iter().map(with).collect::<Vec<_>>()
            })
            .collect();
    }
    ensure!(combinations.iter().any(|combination| !combination.is_empty()), "no setting to try");
    Ok(combinations)
}

/// The result of one combination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridResult {
    pub combination: Combination,
    /// The command line without the grid: results of another command are ignored.
    pub command: String,
    /// The digest of the training files: results for other files are ignored. Earlier versions wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    pub validation_macro_f1: f64,
    pub validation_log_loss: f64,
    pub validation_calibration_error: f64,
    /// For information; not used to choose.
    pub test_macro_f1: f64,
    pub best_epoch: usize,
    pub epochs: usize,
    pub parameters: usize,
    pub seconds: f64,
}

impl GridResult {
    fn new(combination: &Combination, command: &str, data: &str, trained: &Trained) -> Self {
        let outcome = &trained.outcome;
        Self {
            combination: combination.clone(),
            command: command.to_owned(),
            data: Some(data.to_owned()),
            validation_macro_f1: outcome.validation.macro_f1,
            validation_log_loss: outcome.validation.log_loss,
            validation_calibration_error: outcome.validation.calibration_error,
            test_macro_f1: outcome.test.macro_f1,
            best_epoch: outcome.best_epoch,
            epochs: outcome.epochs.len(),
            parameters: outcome.parameters,
            seconds: outcome.seconds,
        }
    }
}

/// Returns the path of the results, `OUTPUT.grid.jsonl`.
#[must_use]
pub fn results_file(output: &Path) -> PathBuf {
    beside(output, ".grid.jsonl")
}

/// Trains what is not trained yet, writes each result at once, writes the folder of the best one, and returns all results,
/// the best by validation macro F1 first. `started` is called before each combination is trained.
///
/// # Errors
/// Same as [`super::train_classifier`]; also if the results cannot be read or written. Earlier results are kept.
pub fn train_grid(
    trainings: &[(Combination, ClassifierTraining)],
    command: &str,
    interrupted: &AtomicBool,
    started: &mut dyn FnMut(usize, &Combination),
    progress: Listener<'_>,
) -> Result<Vec<GridResult>> {
    let Some((_, first)) = trainings.first() else { bail!("no combination to train") };
    let digests = check_all(trainings)?;
    let path = results_file(&first.output);
    refuse_existing(&path, Existing::Replace)?;
    let mut results = read_results(&path, command)?;
    if results.is_empty() {
        check_output(&first.output, first.overwrite)?;
    }
    results.retain(|result| trainings.iter().any(|(combination, _)| *combination == result.combination));
    if results.iter().any(|result| is_stale(result, trainings, &digests)) {
        // Train all of them again: the folder may contain a stale one, which must not count as the best.
        progress(Progress::Stale { results: results.len() });
        forget(&path, command)?;
        results.clear();
    }
    for (number, ((combination, settings), data)) in trainings.iter().zip(&digests).enumerate() {
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        if results.iter().any(|result| result.combination == *combination) {
            continue;
        }
        started(number + 1, combination);
        // The folder may contain the best model so far.
        let settings = ClassifierTraining { overwrite: true, ..settings.clone() };
        let trained = match fit_classifier(&settings, interrupted, progress) {
            _ if interrupted.load(Ordering::Relaxed) => break,
            trained => trained.with_context(|| in_words(combination))?,
        };
        let result = GridResult::new(combination, command, data, &trained);
        if results.iter().all(|other| other.validation_macro_f1 < result.validation_macro_f1) {
            trained.write(&settings)?;
        }
        append(&path, &serde_json::to_string(&result)?)?;
        results.push(result);
    }
    results.sort_by(|left, right| right.validation_macro_f1.total_cmp(&left.validation_macro_f1));
    Ok(results)
}

/// Checks every combination before the first one is trained; returns the digests of their files.
fn check_all(trainings: &[(Combination, ClassifierTraining)]) -> Result<Vec<String>> {
    let mut files = FileDigests::default();
    let check = |(combination, settings): &(Combination, ClassifierTraining)| {
        // The folder may contain the best model so far.
        let settings = ClassifierTraining { overwrite: true, ..settings.clone() };
        settings.check().and_then(|()| files.of(&settings)).with_context(|| in_words(combination))
    };
    trainings.iter().map(check).collect()
}

/// Returns whether a result was measured on files that have changed since.
fn is_stale(result: &GridResult, trainings: &[(Combination, ClassifierTraining)], digests: &[String]) -> bool {
    let now = trainings.iter().zip(digests).find(|((combination, _), _)| *combination == result.combination);
    now.is_some_and(|(_, now)| result.data.as_ref().is_some_and(|then| then != now))
}

/// Removes the results of `command` from the file.
fn forget(path: &Path, command: &str) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let others = |line: &&str| serde_json::from_str::<GridResult>(line).is_ok_and(|result| result.command != command);
    let kept: String = text.lines().filter(others).map(|line| format!("{line}\n")).collect();
    write_whole(path, Existing::Replace, |file| file.write_all(kept.as_bytes()))
}

/// Returns `name = value` for each setting, separated by commas.
#[must_use]
pub fn in_words(combination: &Combination) -> String {
    combination.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

fn read_results(path: &Path, command: &str) -> Result<Vec<GridResult>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_result = |line: &str| serde_json::from_str::<GridResult>(line).is_ok();
    // A line that a crash cut off counts as not trained.
    let cut_off = !text.contains('\n');
    ensure!(
        cut_off || text.lines().next().is_none_or(is_result),
        "{}: exists already and does not contain a grid's results, which are written to this file; choose another --output",
        path.display()
    );
    let results = text.lines().filter_map(|line| serde_json::from_str::<GridResult>(line).ok());
    Ok(results.filter(|result| result.command == command).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(in_words).collect()
    }

    #[test]
    fn lists_are_combined_and_single_combinations_taken_as_they_are() {
        assert_eq!(
            words("batch = [16, 32]\nlearning-rate = [0.001, 0.002]"),
            [
                "batch = 16, learning-rate = 0.001",
                "batch = 16, learning-rate = 0.002",
                "batch = 32, learning-rate = 0.001",
                "batch = 32, learning-rate = 0.002"
            ]
        );
        assert_eq!(
            words("seed = [1, 2]\n[[combinations]]\narch = \"lstm\"\n[[combinations]]\narch = \"bigru\"\nbatch = 8"),
            [
                "arch = \"lstm\", seed = 1",
                "arch = \"lstm\", seed = 2",
                "arch = \"bigru\", batch = 8, seed = 1",
                "arch = \"bigru\", batch = 8, seed = 2"
            ]
        );
    }

    #[test]
    fn a_grid_that_cannot_be_meant_is_refused_by_the_name_of_the_setting() {
        for (text, expected) in [
            ("batch = 16", "batch: must be a list"),
            ("batch = []", "batch: the list is empty"),
            ("", "no setting to try"),
            ("combinations = 3", "combinations: must be tables"),
            ("batch = [1", "TOML parse error"),
        ] {
            let message = format!("{:#}", parse(text).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        let ten = |name: &str| format!("{name} = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n");
        let many: String = ["a", "b", "c", "d", "e"].iter().map(|name| ten(name)).collect();
        assert!(parse(&many).unwrap_err().to_string().contains("more than 10000"));
    }
}
