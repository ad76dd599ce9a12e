//! A digest of the files that a training reads: checkpoints and results made with other files are not continued.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::settings::ClassifierTraining;
use crate::training::vectors::{CARD_FILE, SUBWORDS_FILE, VECTORS_FILE};
use pregonero_data::folder::digest_of_data;
use pregonero_models::catalog::sha256_of;

/// Digests of files, each read once.
#[derive(Debug, Default)]
pub(super) struct FileDigests {
    known: HashMap<PathBuf, String>,
}

impl FileDigests {
    /// Returns the SHA-256, in lower-case hexadecimal, of the digests of the labelled file, the added ones, the vectors and the
    /// teachers' weights, in their order.
    ///
    /// # Errors
    /// If one cannot be read; the message names it.
    pub(super) fn of(&mut self, settings: &ClassifierTraining) -> Result<String> {
        let mut digests = String::new();
        for path in files(settings) {
            digests.push_str(self.file(&path)?);
        }
        for teacher in &settings.teachers {
            digests.push_str(&teacher.files.sha256().with_context(|| format!("teacher {}", teacher.name))?);
        }
        Ok(sha256_of(digests.as_bytes()))
    }

    fn file(&mut self, path: &Path) -> Result<&str> {
        if !self.known.contains_key(path) {
            let digest = digest_of_data(path)?;
            self.known.insert(path.to_owned(), digest);
        }
        Ok(&self.known[path])
    }
}

fn files(settings: &ClassifierTraining) -> Vec<PathBuf> {
    let mut files = vec![settings.data.clone()];
    files.extend(settings.weak.iter().map(|source| source.path.clone()));
    files.extend(settings.unlabelled.iter().map(|source| source.path.clone()));
    files.extend(vector_files(settings));
    files
}

/// Returns the files of the word vectors.
pub(super) fn vector_files(settings: &ClassifierTraining) -> Vec<PathBuf> {
    match settings.vectors.as_ref().map(|vectors| &vectors.path) {
        Some(folder) if folder.is_dir() => {
            let parts = [VECTORS_FILE, SUBWORDS_FILE, CARD_FILE].map(|name| folder.join(name));
            parts.into_iter().filter(|path| path.exists()).collect()
        }
        path => path.cloned().into_iter().collect(),
    }
}
