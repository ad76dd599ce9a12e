//! Folders and names of the files next to a database.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Returns the folder that contains a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the path with something appended to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Returns `path`, or the first of `path-2`, `path-3`, … that does not exist.
pub(super) fn free_name(path: &Path) -> PathBuf {
    let is_taken = |path: &Path| fs::symlink_metadata(path).is_ok();
    if !is_taken(path) {
        return path.to_owned();
    }
    let others = (2_u64..).map(|number| with_suffix(path, &format!("-{number}")));
    others.into_iter().find(|other| !is_taken(other)).expect("numbers do not end")
}

/// Syncs the folder of a file: a rename is on disk only when its folder is.
pub(super) fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder_of(of))?.sync_all()
}
