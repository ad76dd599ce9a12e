//! Room on the disk: a post whose outcome could not be recorded must not be sent, so some room is kept free.

use std::path::Path;

use super::paths::folder_of;
use super::{Store, StoreError};

/// How much must be free before anything is armed: intent, outcome and the log's growth need a few hundred kilobytes.
pub const LEAST_FREE_BYTES: u64 = 2 * 1024 * 1024;

/// Returns the number of bytes free for this user on the disk of `path`.
///
/// # Errors
/// If that cannot be determined.
pub fn free_bytes(path: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(folder_of(path))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

impl Store {
    /// Fails if there is not enough room to record a post and its outcome.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`]. If the free space cannot be determined, the next write decides.
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
