//! Reads the rows of a spec's sources in their order, a chunk at a time, while earlier chunks are worked on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use anyhow::Result;

use super::spec::SpecFile;
use crate::folder::Folder;
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
    /// Rows that the reader itself dropped, by reason.
    pub dropped: Vec<(String, u64)>,
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

fn open(path: &Path) -> Result<crate::folder::FolderRows> {
    Folder::open(path)?.rows()
}

fn ended(path: &Path, _: &crate::folder::FolderRows) -> Result<Ended> {
    let folder = Folder::open(path)?;
    let manifest = folder.manifest();
    let from = serde_json::json!({"name": manifest.name, "version": manifest.version, "rights": manifest.rights});
    Ok(Ended { kind: "data set".to_owned(), sha256: manifest.digest.clone(), from: Some(from), ..Ended::default() })
}

/// Returns the rows of one file, such as the table of a join.
///
/// # Errors
/// If it cannot be read.
pub fn rows_of(path: &Path) -> Result<impl Iterator<Item = Result<Row>>> {
    open(path)
}
