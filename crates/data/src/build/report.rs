//! What a build did: rows read and kept, and why the others were dropped.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::leakage::LeakageReport;

/// What a build did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BuildReport {
    pub sources: Vec<SourceReport>,
    /// All rows of all sources; `rows_read` = `kept` + all of `dropped`.
    pub rows_read: u64,
    pub kept: u64,
    pub dropped: Dropped,
    pub authors: usize,
    /// The first and last date of a row, if rows have dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<[String; 2]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<JoinReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leakage: Option<LeakageReport>,
    /// What a person should know before using the data set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The same where it quotes the data: it is shown and not kept in the manifest, which a purge does not look through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Where the data set is; none for a dry run.
    pub output: Option<PathBuf>,
    pub digest: Option<String>,
}

/// What came of one file or folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SourceReport {
    pub name: String,
    pub path: PathBuf,
    pub kind: String,
    pub sha256: String,
    pub rows_read: u64,
    pub kept: u64,
    pub dropped: Dropped,
    /// What the data set says about itself that the rows come from, if they come from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
}

/// Dropped rows by reason, in the order of the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(pub Vec<(String, u64)>);

impl Dropped {
    /// Counts rows under a reason.
    pub fn add(&mut self, reason: &str, rows: u64) {
        match self.0.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += rows,
            None => self.0.push((reason.to_owned(), rows)),
        }
    }

    /// Returns how many rows were dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, rows)| rows).sum()
    }
}

impl Serialize for Dropped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(reason, rows)| (reason, rows)))
    }
}

/// How many rows a table had a line for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JoinReport {
    pub table: String,
    pub matched: u64,
    pub unmatched: u64,
}

/// One part of the split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartReport {
    pub name: String,
    pub rows: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, u64>,
}
