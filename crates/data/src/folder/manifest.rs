//! The manifest of a data set: `manifest.json` in its folder. Keys that this version does not know are kept.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use pregonero_text::characters::hidden_in_words;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::row::ColumnType;

/// The manifest's name in the folder.
pub const MANIFEST: &str = "manifest.json";

/// The version of the format that this program writes and reads.
const FORMAT: u32 = 1;

/// The format of the data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Parquet,
    JsonLines,
}

impl Format {
    /// Returns the format's name in the manifest, which is the ending of its files too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::JsonLines => "jsonl",
        }
    }
}

/// What a data set contains and where it comes from. Files, columns, digest and the rows of the splits are filled in by
/// [`super::Writer::finish`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the manifest's format.
    pub format: u32,
    #[serde(default)]
    pub name: String,
    /// The data set's version: MAJOR.MINOR.PATCH.
    #[serde(default = "first_version")]
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creators: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licence: String,
    /// On what ground the data may be kept and used, in the words of the person who made the data set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rights: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// RFC 3339 in UTC.
    #[serde(default)]
    pub created_at: String,
    #[serde(default)]
    pub sources: Vec<Source>,
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Counts of any kind, by name: `rows`, `authors` …
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Split>,
    /// Rows by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, u64>,
    /// The file that the data set was built by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Spec>,
    /// The command lines that made the data set, in order.
    #[serde(default)]
    pub commands: Vec<String>,
    #[serde(default)]
    pub files: Vec<DataFile>,
    /// The data set's identity: see [`digest_of`].
    #[serde(default)]
    pub digest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purged: Vec<Purge>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// Where rows come from, and what became of them: `rows_read` = `kept` + all of `dropped`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// In words: `file`, `recent search`, `timeline` …
    pub what: String,
    /// The kind of file: `CSV`, `X archive` …
    pub kind: String,
    pub path_or_query: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    pub rows_read: u64,
    pub kept: u64,
    /// Rows by the reason why they were dropped.
    pub dropped: BTreeMap<String, u64>,
    /// RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collected_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Keys that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// A column of the data files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// How many rows have a value.
    pub filled: u64,
}

/// A part of the data set in files of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub name: String,
    pub rows: u64,
}

/// The text of the file that a data set was built by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub text: String,
    pub sha256: String,
}

/// A data file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    pub name: String,
    /// `parquet` or `jsonl`.
    pub format: String,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
    /// Empty if the data set has no splits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub split: String,
}

/// Rows that were removed after the data set was made. Neither names nor ids are kept: whoever asks to be forgotten must not stay in
/// the list of the forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Purge {
    /// RFC 3339 in UTC.
    pub when: String,
    /// By what the rows were found: `author`, `id`, `file`.
    pub by: String,
    pub rows: u64,
    pub reason: String,
    /// The data set's digest before, and the SHA-256 of each file that had such rows: models keep them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest_before: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files_before: BTreeMap<String, String>,
}

fn first_version() -> String {
    "1.0.0".to_owned()
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            format: FORMAT,
            name: String::new(),
            version: first_version(),
            description: String::new(),
            creators: Vec::new(),
            licence: String::new(),
            rights: String::new(),
            url: String::new(),
            created_at: String::new(),
            sources: Vec::new(),
            columns: Vec::new(),
            counts: BTreeMap::new(),
            splits: Vec::new(),
            labels: BTreeMap::new(),
            spec: None,
            commands: Vec::new(),
            files: Vec::new(),
            digest: String::new(),
            purged: Vec::new(),
            other: serde_json::Map::new(),
        }
    }
}

impl Manifest {
    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// If the folder has none, it is not JSON as described here, or a newer version wrote it.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not the manifest of a data set", path.display()))?;
        ensure!(
            manifest.format <= FORMAT,
            "{}: written in format {}, this program knows {FORMAT}: use a newer pregonero",
            path.display(),
            manifest.format
        );
        Ok(manifest)
    }

    /// Returns the manifest as the bytes of its file.
    ///
    /// # Errors
    /// If a number in it is none that JSON has.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Returns how many rows the data files have.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// Checks the words of a person that a manifest keeps, each with the key or flag that they come from.
///
/// # Errors
/// If a character in them cannot be seen, or changes the direction of what follows.
pub fn check_words<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
    for (key, words) in given {
        if let Some(why) = hidden_in_words(&words.replace("\r\n", "\n")) {
            bail!("{key}: {why}");
        }
    }
    Ok(())
}

/// Returns the identity of a data set with these files: the SHA-256 of what `sha256sum` prints for them, in their order.
#[must_use]
pub fn digest_of(files: &[DataFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(format!("{}  {}\n", file.sha256, file.name));
    }
    format!("{:x}", hash.finalize())
}
