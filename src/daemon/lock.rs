//! One instance per store: two daemons on the same record would post every slot twice.
//!
//! The lock is the kernel's, on `<store path>.lock`, so it ends with the process, however the process ends; the file
//! itself stays. It works on local disks only: a store on NFS is not protected.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{}: another pregonero{} uses this store: stop it first, or give this one its own store.path",
        path.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    AlreadyRunning {
        path: PathBuf,
        /// Absent if the other process has not written it yet.
        pid: Option<u32>,
    },
    #[error("{}: cannot lock: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

/// The exclusive right to work on a store, for as long as this value lives.
#[derive(Debug)]
pub struct InstanceLock {
    /// Kept open for its lock; never read again.
    _file: File,
    path: PathBuf,
}

impl InstanceLock {
    /// Takes the lock of the store at `store`, without waiting for it. The store need not exist; its folder is created.
    ///
    /// # Errors
    /// [`LockError::AlreadyRunning`] if another process has the lock; [`LockError::Disk`] if the file cannot be
    /// created.
    pub fn acquire(store: &Path) -> Result<Self, LockError> {
        let path = lock_path(store);
        let disk = |source| LockError::Disk { path: path.clone(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(disk)?;
        }
        // Not truncated: until we hold the lock, the process id in it belongs to another process.
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(disk)?;
        match try_lock_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::AlreadyRunning { pid: read_pid(&mut file), path }),
            Err(TryLockError::Error(source)) => return Err(disk(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(disk)?;
        Ok(Self { _file: file, path })
    }

    /// Returns the locked file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns whether a process works on the store at `store`. Creates no file. If no process does, this takes the lock
/// for a moment.
///
/// # Errors
/// If the lock file exists and cannot be examined.
pub fn is_held(store: &Path) -> Result<bool, LockError> {
    let path = lock_path(store);
    let disk = |source| LockError::Disk { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(disk(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(disk(source)),
    }
}

/// Retries for a while: a caller of [`is_held`] holds the lock for a moment, and must not keep a daemon from starting.
fn try_lock_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..5 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            outcome => return outcome,
        }
    }
    file.try_lock()
}

/// Returns the lock's path: next to the store itself, however many links lead to it.
fn lock_path(store: &Path) -> PathBuf {
    let store = fs::canonicalize(store).unwrap_or_else(|_| store.to_owned());
    let mut name = OsString::from(store);
    name.push(".lock");
    PathBuf::from(name)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_instance_is_told_file_and_process() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("data/pregonero.db");
        let first = InstanceLock::acquire(&store).unwrap();
        assert_eq!(first.path(), folder.path().join("data/pregonero.db.lock"));

        let error = InstanceLock::acquire(&store).unwrap_err();
        let LockError::AlreadyRunning { path, pid } = &error else { panic!("{error}") };
        assert_eq!((path.as_path(), *pid), (first.path(), Some(std::process::id())));
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    }

    #[test]
    fn asking_makes_no_file_and_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("data/pregonero.db");
        assert!(!is_held(&store).unwrap());
        assert!(!folder.path().join("data").exists());
        let first = InstanceLock::acquire(&store).unwrap();
        assert!(is_held(&store).unwrap());
        drop(first);
        assert!(!is_held(&store).unwrap());
        let asking = File::open(folder.path().join("data/pregonero.db.lock")).unwrap();
        asking.try_lock_shared().unwrap();
        let answered = std::thread::spawn(move || drop(asking));
        InstanceLock::acquire(&store).unwrap();
        answered.join().unwrap();
    }

    #[test]
    fn the_lock_is_free_again_when_its_holder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("pregonero.db");
        drop(InstanceLock::acquire(&store).unwrap());
        // The longer number of an earlier holder must not show after the new one.
        fs::write(folder.path().join("pregonero.db.lock"), "99999999999999\n").unwrap();
        let lock = InstanceLock::acquire(&store).unwrap();
        assert_eq!(fs::read_to_string(lock.path()).unwrap(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_link_to_the_store_leads_to_the_same_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("pregonero.db");
        let link = folder.path().join("link.db");
        fs::write(&store, "").unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let _first = InstanceLock::acquire(&store).unwrap();
        assert!(matches!(InstanceLock::acquire(&link), Err(LockError::AlreadyRunning { .. })));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = InstanceLock::acquire(&file.path().join("pregonero.db")).unwrap_err();
        assert!(error.to_string().starts_with(&file.path().display().to_string()), "{error}");
    }
}
