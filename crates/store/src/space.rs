//! Room on the disk: a post whose outcome could not be written down must not be sent, so some room is kept for it.

use std::path::Path;

use super::paths::folder_of;
use super::{Store, StoreError};

/// What must be free before anything is armed: intent, outcome and the log's growth need some hundred kilobytes.
pub const LEAST_FREE_BYTES: u64 = 2 * 1024 * 1024;

/// What is free for this user where `path` lies.
///
/// # Errors
/// Where the place cannot be asked.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(folder_of(path))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

impl Store {
    /// Fails where there is not enough room to record a post and what comes of it.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`]. A place that cannot be asked is left to the next write.
    pub fn require_space(&self) -> Result<(), StoreError> {
        match free_bytes(self.path()) {
            Ok(free) if free < LEAST_FREE_BYTES => Err(StoreError::NoSpace { path: self.path().to_owned(), free }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_room_and_nowhere_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(&folder.path().join("pregonero.db")).unwrap() > 0);
        assert!(free_bytes(Path::new("/nowhere/at/all/pregonero.db")).is_err());
    }
}
