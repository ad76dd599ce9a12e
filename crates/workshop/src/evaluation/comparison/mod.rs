//! The comparison table: several networks and baselines under several protocols, trained, measured and recorded by
//! one command.
//!
//! A [`Spec`] names rows and protocols by the arguments of `train classifier`; [`jobs`] multiplies them by seeds. Each
//! finished job is a line of [`Cells`], so that a stopped run continues where it was; [`page`] writes the table
//! from the jobs that are finished.

mod cells;
pub mod page;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

pub use self::cells::{Cell, Cells, Measured};

/// What to compare, read from a TOML file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The page's heading.
    pub title: String,
    /// Markdown below the heading.
    pub introduction: String,
    /// Arguments of `train classifier` that all jobs share, such as the data and the patience.
    pub arguments: Vec<String>,
    pub protocols: Vec<Protocol>,
    pub rows: Vec<Row>,
}

/// A way to split the data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// The name, for progress reports and file names.
    pub name: String,
    /// The heading on the page.
    pub heading: String,
    /// The arguments of `train classifier` that make this split.
    pub arguments: Vec<String>,
}

/// A network on a variant of the data, or a baseline.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    /// The variant of the data, by its cleaning.
    pub data: String,
    /// Arguments of `train classifier`: the network and the cleaning; for a baseline, only the cleaning.
    pub arguments: Vec<String>,
    /// A program that is called with `--split FILE --seed N` and prints one JSON object with [`Measured`]'s keys, instead
    /// of a network.
    #[serde(default)]
    pub baseline: Vec<String>,
    /// What others reported, and under which protocol.
    #[serde(default)]
    pub reported: Option<Reported>,
}

/// Figures that others reported.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// The protocol's name.
    pub protocol: String,
    pub accuracy: f64,
    pub macro_f1: f64,
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    /// If the file cannot be read, a key is missing or unknown, or two rows or protocols have the same names.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let spec: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        spec.check().with_context(|| path.display().to_string())?;
        Ok(spec)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.protocols.is_empty() && !self.rows.is_empty(), "needs at least one protocol and one row");
        for (place, protocol) in self.protocols.iter().enumerate() {
            let known = &self.protocols[..place];
            ensure!(
                known.iter().all(|other| other.name != protocol.name),
                "two protocols are named {:?}",
                protocol.name
            );
        }
        for (place, row) in self.rows.iter().enumerate() {
            let same = |other: &Row| (&other.name, &other.data) == (&row.name, &row.data);
            ensure!(!self.rows[..place].iter().any(same), "two rows are named {:?} on {:?}", row.name, row.data);
            if let Some(Reported { protocol, .. }) = &row.reported {
                let found = self.protocols.iter().any(|known| known.name == *protocol);
                ensure!(found, "row {:?}: no protocol {protocol:?}", row.name);
            }
        }
        Ok(())
    }
}

/// One thing to train and measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub protocol: String,
    pub row: String,
    pub data: String,
    pub seed: u64,
    /// Arguments of `train classifier`; for a baseline, those that make the same split.
    pub arguments: Vec<String>,
    /// A baseline's program; empty for a network.
    pub baseline: Vec<String>,
    /// The file with the split for a baseline.
    pub split: PathBuf,
}

impl Job {
    /// Returns the command that does the same in a shell, and that identifies a finished job.
    #[must_use]
    pub fn command(&self) -> String {
        if self.baseline.is_empty() {
            return format!("pregonero train classifier {}", quoted(&self.arguments));
        }
        let seed = ["--seed".to_owned(), self.seed.to_string()];
        let split = ["--split".to_owned(), self.split.display().to_string()];
        quoted(&[&self.baseline[..], &split, &seed].concat())
    }

    /// Returns the title for progress reports.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}, {}, {}, seed {}", self.protocol, self.row, self.data, self.seed)
    }
}

/// Returns all jobs for `seeds`, protocol by protocol; models and splits go to `work`.
#[must_use]
pub fn jobs(spec: &Spec, seeds: std::ops::Range<u64>, work: &Path) -> Vec<Job> {
    let mut jobs = Vec::new();
    for seed in seeds {
        for protocol in &spec.protocols {
            for row in &spec.rows {
                let file = |kind: &str, parts: &[&str]| work.join(file_name(kind, parts, seed));
                let model = file("model", &[&protocol.name, &row.name, &row.data]);
                let seeded = ["--seed", &seed.to_string(), "--output", &model.display().to_string()].map(str::to_owned);
                jobs.push(Job {
                    protocol: protocol.name.clone(),
                    row: row.name.clone(),
                    data: row.data.clone(),
                    seed,
                    arguments: [&spec.arguments[..], &protocol.arguments, &row.arguments, &seeded].concat(),
                    baseline: row.baseline.clone(),
                    split: file("split", &[&protocol.name, &row.data]).with_extension("csv"),
                });
            }
        }
    }
    jobs
}

/// Returns `kind-part-part-seed` in lower case, with other characters as dashes.
fn file_name(kind: &str, parts: &[&str], seed: u64) -> String {
    let words = parts.join(" ").to_lowercase();
    let words: Vec<&str> = words.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!("{kind}-{}-{seed}", words.join("-"))
}

/// Quotes arguments for a shell.
fn quoted(arguments: &[String]) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:=,+@%".contains(sign);
    let quote = |argument: &String| match argument.chars().all(plain) && !argument.is_empty() {
        true => argument.clone(),
        false => format!("'{}'", argument.replace('\'', "'\\''")),
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
