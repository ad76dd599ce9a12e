//! Remembers what a probe found, so that a command does not ask a server again that has not changed.
//!
//! A file next to the record, with one entry for each server and model. It is only a memory: a file that is missing,
//! broken or cannot be written means that the server is asked again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::findings::Findings;
use pregonero_system::files;

/// More servers than this are not remembered.
const MOST: usize = 16;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// What the server said of itself when it was asked ([`super::look::Look`]), and what was known here.
    key: String,
    findings: Findings,
}

/// The file; without one, nothing is remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo(pub Option<PathBuf>);

impl Memo {
    pub fn find(&self, key: &str) -> Option<Findings> {
        self.read().entries.into_iter().find(|entry| entry.key == key).map(|entry| entry.findings)
    }

    pub fn keep(&self, key: &str, findings: &Findings) {
        self.replace(key, Some(Entry { key: key.to_owned(), findings: findings.clone() }));
    }

    pub fn forget(&self, key: &str) {
        self.replace(key, None);
    }

    /// Writes the file with `entry` in the place of the one with this key.
    fn replace(&self, key: &str, entry: Option<Entry>) {
        let Some(path) = self.0.as_ref().filter(|path| path.parent().is_some_and(std::path::Path::is_dir)) else {
            return;
        };
        let others = self.read().entries.into_iter().filter(|entry| entry.key != key);
        let content = Content { entries: entry.into_iter().chain(others).take(MOST).collect() };
        let written = files::replace(path, 0o644, |file| Ok(serde_json::to_writer_pretty(file, &content)?));
        if let Err(error) = written {
            tracing::debug!(path = %path.display(), %error, "what the server follows is not remembered");
        }
    }

    fn read(&self) -> Content {
        let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).ok()?).ok();
        self.0.as_ref().and_then(read).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::tests::obedient;
    use super::*;

    #[test]
    fn findings_are_kept_by_their_key_and_a_broken_file_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.json");
        let memo = Memo(Some(path.clone()));
        assert_eq!(memo.find("a"), None);
        memo.keep("a", &obedient());
        memo.keep("b", &Findings { version: None, ..obedient() });
        assert_eq!((memo.find("a"), memo.find("c")), (Some(obedient()), None));
        memo.forget("b");
        assert_eq!((memo.find("a"), memo.find("b")), (Some(obedient()), None));
        (0..MOST).for_each(|number| memo.keep(&number.to_string(), &obedient()));
        assert_eq!(memo.find("a"), None, "the oldest are forgotten");
        std::fs::write(&path, "{\"entries\": [{\"key\"").unwrap();
        assert_eq!(memo.find("0"), None);
        memo.keep("0", &obedient());
        assert_eq!(memo.find("0"), Some(obedient()));
        Memo(None).keep("a", &obedient());
        Memo(Some(folder.path().join("none/engine.json"))).keep("a", &obedient());
        assert!(!folder.path().join("none").exists());
    }
}
