//! One model's folder in the hub cache: `blobs/ETAG` has the content, `snapshots/COMMIT/FILE` links to it, and
//! `refs/REVISION` names the commit. A ref is written last, so whatever a ref leads to was complete when it was
//! written.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{HubError, Repository};
use crate::catalog::{WEIGHTS, weight_files_in};
use pregonero_system::files::replace;

/// The folder of one model in the cache.
#[derive(Debug, Clone)]
pub(super) struct RepositoryCache {
    root: PathBuf,
    lock: PathBuf,
}

impl RepositoryCache {
    pub(super) fn new(cache_dir: &Path, repository: &Repository) -> Self {
        let name = repository.folder_name();
        Self { root: cache_dir.join(&name), lock: cache_dir.join(".locks").join(format!("{name}.lock")) }
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.root.join("refs").join(revision)
    }

    /// Takes the lock of this model; returns `None` if another pull has it. Dropping the file releases the lock.
    pub(super) fn try_lock(&self) -> Result<Option<File>, HubError> {
        create_parent(&self.lock)?;
        let file = File::create(&self.lock).map_err(|error| HubError::disk(&self.lock, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(HubError::disk(&self.lock, error)),
        }
    }

    pub(super) fn create_folders(&self, commit: &str) -> Result<(), HubError> {
        for folder in [self.root.join("blobs"), self.snapshot(commit)] {
            fs::create_dir_all(&folder).map_err(|error| HubError::disk(&folder, error))?;
        }
        Ok(())
    }

    /// Links `snapshots/COMMIT/file` to the blob.
    pub(super) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), HubError> {
        let link = self.snapshot(commit).join(file);
        let target = Path::new("../../blobs").join(etag);
        if fs::read_link(&link).is_ok_and(|present| present == target) {
            return Ok(());
        }
        let fresh = self.snapshot(commit).join(format!(".{file}.new"));
        remove_if_there(&fresh)?;
        std::os::unix::fs::symlink(&target, &fresh).map_err(|error| HubError::disk(&fresh, error))?;
        fs::rename(&fresh, &link).map_err(|error| HubError::disk(&link, error))
    }

    /// Records which commit a branch or tag points to; a commit needs no such record.
    pub(super) fn write_reference(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit {
            return Ok(());
        }
        let path = self.reference(revision);
        create_parent(&path)?;
        replace(&path, 0o644, |file| file.write_all(commit.as_bytes())).map_err(|error| HubError::disk(&path, error))
    }

    /// Removes what pulls of older content left unfinished. Call it only while the lock is held.
    pub(super) fn remove_stale_parts(&self) -> Result<(), HubError> {
        let folder = self.root.join("blobs");
        for entry in fs::read_dir(&folder).map_err(|error| HubError::disk(&folder, error))? {
            let path = entry.map_err(|error| HubError::disk(&folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "part" || extension == "validator") {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// Returns the commit that a revision pointed to when it was pulled.
    fn commit(&self, revision: &str) -> Option<String> {
        match fs::read_to_string(self.reference(revision)) {
            Ok(commit) => Some(commit.trim().to_owned()).filter(|commit| is_file_name(commit)),
            Err(_) => self.snapshot(revision).is_dir().then(|| revision.to_owned()),
        }
    }
}

/// Returns the folder of a pulled model after checking that it is complete. Uses no network.
///
/// # Errors
/// [`HubError::InvalidName`] if the name is not one; [`HubError::NotPulled`] or [`HubError::Incomplete`], which name
/// the command to run.
pub fn resolve_hub(cache_dir: &Path, repository: &str) -> Result<PathBuf, HubError> {
    let repository: Repository = repository.parse()?;
    let cache = RepositoryCache::new(cache_dir, &repository);
    let commit =
        cache.commit(&repository.revision).ok_or_else(|| HubError::NotPulled { repository: repository.to_string() })?;
    let snapshot = cache.snapshot(&commit);
    match incomplete(&repository, &snapshot) {
        None => Ok(snapshot),
        Some(fault) => Err(fault),
    }
}

/// Returns the error that names what a snapshot lacks, if it lacks anything.
fn incomplete(repository: &Repository, snapshot: &Path) -> Option<HubError> {
    first_missing(snapshot).map(|missing| HubError::Incomplete { repository: repository.to_string(), missing })
}

/// Returns the first file that a model needs and `snapshot` lacks.
fn first_missing(snapshot: &Path) -> Option<String> {
    if !snapshot.join("config.json").is_file() {
        return Some("config.json".to_owned());
    }
    match weight_files_in(snapshot) {
        Ok(files) => files.into_iter().find(|file| !snapshot.join(file).is_file()),
        Err(_) => Some(WEIGHTS.to_owned()),
    }
}

/// One snapshot in the cache.
#[derive(Debug)]
pub(crate) struct CachedModel {
    /// Named by its branch or tag, or else by its commit.
    pub repository: Repository,
    pub folder: PathBuf,
    /// Why it cannot be used; it may belong to another program, which needs other files.
    pub fault: Option<HubError>,
}

/// Returns every snapshot in the cache, sorted by name.
pub(crate) fn cached_models(cache_dir: &Path) -> Vec<CachedModel> {
    let mut found = BTreeMap::new();
    for folder in file_names(cache_dir) {
        let root = cache_dir.join(&folder);
        for revision in file_names(&root.join("refs")).into_iter().chain(file_names(&root.join("snapshots"))) {
            let Some(repository) = Repository::from_folder_name(&folder, &revision) else { continue };
            let cache = RepositoryCache::new(cache_dir, &repository);
            let Some(snapshot) = cache.commit(&revision).map(|commit| cache.snapshot(&commit)) else { continue };
            if snapshot.is_dir() {
                found.entry(snapshot).or_insert(repository);
            }
        }
    }
    let mut found: Vec<_> = found
        .into_iter()
        .map(|(folder, repository)| CachedModel { fault: incomplete(&repository, &folder), repository, folder })
        .collect();
    found.sort_by(|one, other| one.repository.cmp(&other.repository));
    found
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Returns whether a name from a server can be a file's name in one of our folders, and nothing else.
pub(super) fn is_file_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), HubError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HubError::disk(path, error)),
        _ => Ok(()),
    }
}

fn create_parent(path: &Path) -> Result<(), HubError> {
    let parent = path.parent().expect("a path inside the cache has a parent");
    fs::create_dir_all(parent).map_err(|error| HubError::disk(parent, error))
}
