//! Reads the rows of a spec's sources in their order, a chunk at a time, while earlier chunks are worked on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use anyhow::Result;

use super::report::Dropped;
use super::spec::SpecFile;
use crate::folder::{Folder, Manifest, sha256_of_file};
use crate::read::{Finding, ReadOptions, Rows};
use crate::row::Row;

/// How many rows are worked on at a time.
const CHUNK: usize = 4096;

/// One path of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The index of the source in the spec.
    pub source: usize,
    pub name: String,
    pub path: PathBuf,
}

/// What the reading thread has to say; the number is that of the input.
#[derive(Debug)]
pub enum News {
    Rows(usize, Vec<Row>),
    End(usize, Ended),
}

/// What is known of an input when it has been read.
#[derive(Debug, Default)]
pub struct Ended {
    pub kind: String,
    pub sha256: String,
    /// The columns, as the files call them.
    pub columns: Vec<String>,
    /// Rows that the reader itself dropped, by reason.
    pub dropped: Dropped,
    /// What the reader found out of the ordinary.
    pub findings: Vec<String>,
    pub from: Option<serde_json::Value>,
}

/// Returns the paths that a spec reads, in order.
#[must_use]
pub fn inputs(file: &SpecFile) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (source, spec) in file.spec.sources.iter().enumerate() {
        for path in spec.path.all() {
            let name = spec.name.clone().unwrap_or_else(|| path.display().to_string());
            inputs.push(Input { source, name, path: file.at(path) });
        }
    }
    inputs
}

/// Begins reading on a thread of its own.
pub fn read<'scope>(scope: &'scope Scope<'scope, '_>, inputs: Vec<Input>) -> Receiver<Result<News>> {
    let (sender, receiver) = sync_channel(2);
    scope.spawn(move || {
        for (number, input) in inputs.iter().enumerate() {
            match send(number, &input.path, &sender) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            }
        }
    });
    receiver
}

/// Sends everything of one path; false if nobody listens any more.
fn send(number: usize, path: &Path, sender: &SyncSender<Result<News>>) -> Result<bool> {
    let mut rows = open(path)?;
    loop {
        let chunk: Vec<Row> = rows.by_ref().take(CHUNK).collect::<Result<_>>()?;
        let last = chunk.len() < CHUNK;
        if !chunk.is_empty() && sender.send(Ok(News::Rows(number, chunk))).is_err() {
            return Ok(false);
        }
        if last {
            break;
        }
    }
    Ok(sender.send(Ok(News::End(number, ended(path, &rows)?))).is_ok())
}

/// Returns the rows of one path: a source, or the table of a join.
///
/// # Errors
/// If it cannot be read.
pub fn open(path: &Path) -> Result<Rows> {
    crate::read::open(&[path.to_owned()], &ReadOptions::default())
}

fn ended(path: &Path, rows: &Rows) -> Result<Ended> {
    let mut ended = Ended::default();
    let mut kinds: Vec<&str> = Vec::new();
    let files = &rows.report().files;
    for file in files {
        if !kinds.contains(&file.kind.as_str()) {
            kinds.push(&file.kind);
        }
        let new: Vec<String> = file.columns.iter().filter(|name| !ended.columns.contains(name)).cloned().collect();
        ended.columns.extend(new);
        file.dropped.iter().for_each(|(reason, rows)| ended.dropped.add(reason, *rows));
        let place = if files.len() > 1 { format!("{}: ", file.name) } else { String::new() };
        ended
            .findings
            .extend(file.findings.iter().map(|finding| format!("{place}{}", in_words(finding, file.has_lines))));
    }
    ended.findings.extend(rows.report().skipped_in_words());
    ended.kind = kinds.join(", ");
    if Folder::is_one(path) {
        let folder = Folder::open(path)?;
        ended.sha256.clone_from(&folder.manifest().digest);
        ended.from = Some(provenance(folder.manifest()));
    } else if path.is_file() {
        ended.sha256 = sha256_of_file(path)?.0;
    }
    Ok(ended)
}

/// Returns a finding with the places of the first rows that have it.
fn in_words(finding: &Finding, lines: bool) -> String {
    if finding.rows.is_empty() {
        return finding.message.clone();
    }
    let rows: Vec<String> = finding.rows.iter().map(u64::to_string).collect();
    let word = if lines { "line" } else { "row" };
    format!("{} × {} (first: {word} {})", finding.count, finding.message, rows.join(", "))
}

/// Returns what a data set says about itself that another one is built from.
fn provenance(manifest: &Manifest) -> serde_json::Value {
    serde_json::json!({
        "name": manifest.name,
        "version": manifest.version,
        "licence": manifest.licence,
        "rights": manifest.rights,
        "created_at": manifest.created_at,
        "sources": manifest.sources,
    })
}
