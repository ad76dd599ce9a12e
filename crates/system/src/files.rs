//! Files and folders that are written completely or not at all: under a temporary name in the same folder, then
//! renamed. A file that this program did not make is replaced only if a person asked for it (`--overwrite`).

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

mod place;
mod seal;

pub use self::place::{OurFolder, check_folder_to_fill, check_own_folder, refuse_existing_folder};
pub use self::seal::{is_untouched, sealed, unsealed};

/// What to do with a file that already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced: its folder is this program's own, or a person asked for it.
    Replace,
    /// It stays, and nothing is written.
    Refuse,
    /// It is replaced if it contains these words, which this program writes into every such file; else it stays.
    ReplaceOurs(&'static str),
    /// The same, but a file that a person has changed since stays too: [`write_whole`] ends it with a hash of itself, in a comment
    /// of HTML and Markdown.
    ReplaceUntouched(&'static str),
    /// A folder is replaced if it is one of these and a person asked for it; else it stays.
    OurFolder { ours: &'static OurFolder, overwrite: bool },
}

/// How the names of files and folders begin that are being written.
const UNFINISHED: &str = ".unfinished-";

/// The file in the temporary folder of an [`UnfinishedFolder`] that names its place.
const PLACE: &str = "place";

/// How many bytes of a file are searched for these words.
const LOOKED_THROUGH: u64 = 16 * 1024 * 1024;

/// Writes `path` with what `fill` puts into the writer. Creates missing parent folders. Others may read a new file,
/// because the service runs as another user than the one who trains; one that is replaced keeps its permissions and, where
/// that is allowed, its owner. Only a regular file is replaced: a link, a folder, a device and a pipe stay.
///
/// # Errors
/// If the file exists and may not be replaced, `fill` fails, or the file cannot be written; nothing is changed then.
pub fn write_whole(path: &Path, existing: Existing, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    refuse_existing(path, existing)?;
    let parent = created_parent(path)?;
    let cannot = || format!("cannot write {}", path.display());
    let mode = std::fs::metadata(path).map_or(0o644, |there| there.mode() & 0o7777);
    let file = match existing {
        Existing::ReplaceUntouched(_) => filled(parent, mode, |file| seal::write(file, fill)),
        _ => filled(parent, mode, fill),
    };
    let file = file.with_context(cannot)?;
    take_over(path, file.path()).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    match existing {
        Existing::Refuse | Existing::OurFolder { .. } => file.persist_noclobber(path),
        _ => file.persist(path),
    }
    .map_err(|error| error.error)
    .with_context(cannot)?;
    Ok(())
}

/// Adds a line to a file in a single write, so that a full disk leaves no partial line to which later ones would be appended.
/// Creates a missing file, but no folder.
///
/// # Errors
/// If the path is a link or anything but a regular file, or cannot be written.
pub fn append(path: &Path, line: &str) -> Result<()> {
    refuse_existing(path, Existing::Replace)?;
    let file = OpenOptions::new().create(true).append(true).custom_flags(libc::O_NOFOLLOW).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Replaces `path` with what `fill` puts into the writer, with the permissions `mode`. The folder must exist. The file is not
/// synced: for what is written again after a power cut.
///
/// # Errors
/// If `fill` fails or the file cannot be written; nothing is changed then.
pub fn replace(path: &Path, mode: u32, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    filled(folder_of(path), mode, fill)?.persist(path)?;
    Ok(())
}

/// Writes a secret to `path`: mode 0600 from its first byte, synced, renamed, its folder synced. Creates missing parent
/// folders, which only their owner can enter.
///
/// # Errors
/// If the file or a folder cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = filled(folder, 0o600, |file| file.write_all(content))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

/// Writes a new file that only its owner can read, with what `fill` puts into the writer; its folder must exist.
///
/// # Errors
/// If the file exists, `fill` fails or the file cannot be written; nothing is left then.
pub fn write_private_new(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    refuse_existing(path, Existing::Refuse)?;
    let cannot = || format!("cannot write {}", path.display());
    let file = filled(folder_of(path), 0o600, fill).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist_noclobber(path).map_err(|error| error.error).with_context(cannot)?;
    Ok(())
}

/// Returns a temporary file in `folder` with what `fill` puts into the writer.
fn filled(
    folder: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<tempfile::NamedTempFile> {
    let permissions = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).permissions(permissions).tempfile_in(folder)?;
    let mut writer = BufWriter::new(file.as_file_mut());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(file)
}

/// Returns what a link names, and the folder that `.` or `..` is; any other path itself.
fn followed(path: &Path) -> PathBuf {
    let names_another = path.is_symlink() || path.file_name().is_none();
    let target = names_another.then(|| std::fs::canonicalize(path).ok()).flatten();
    target.unwrap_or_else(|| path.to_owned())
}

/// Gives what was written the permissions of what it replaces, if there is something, and its owner and group where that is
/// allowed; in a folder also each file that has a counterpart.
fn take_over(replaced: &Path, written: &Path) -> io::Result<()> {
    if written.is_symlink() {
        return Ok(());
    }
    let (Ok(there), Ok(own)) = (std::fs::metadata(replaced), std::fs::metadata(written)) else { return Ok(()) };
    if (there.uid(), there.gid()) != (own.uid(), own.gid()) {
        // Only root may give files away; anybody may give them to a group of theirs.
        let _ =
            chown(written, Some(there.uid()), Some(there.gid())).or_else(|_| chown(written, None, Some(there.gid())));
    }
    if own.is_dir() && there.is_dir() {
        for entry in std::fs::read_dir(written)? {
            let name = entry?.file_name();
            take_over(&replaced.join(&name), &written.join(&name))?;
        }
    }
    std::fs::set_permissions(written, Permissions::from_mode(there.mode() & 0o7777))
}

/// Returns the folder that a path is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the folder `path` with the files that `fill` puts into the folder passed to it. A folder that is replaced
/// is removed as a whole.
///
/// # Errors
/// As [`write_whole`].
pub fn write_whole_folder(path: &Path, existing: Existing, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = UnfinishedFolder::new(path, existing)?;
    fill(folder.path())?;
    folder.finish()?;
    Ok(())
}

/// A folder that is being written next to its place; dropped before [`UnfinishedFolder::finish`], it leaves nothing. A folder that
/// it replaces hands down its permissions, and so do the files in it. What an earlier process left when it was killed is removed.
#[derive(Debug)]
pub struct UnfinishedFolder {
    place: PathBuf,
    existing: Existing,
    written: PathBuf,
    staging: tempfile::TempDir,
    /// Locked for as long as this process writes the folder; none where the file system has no locks.
    _lock: Option<File>,
}

impl UnfinishedFolder {
    /// Begins the folder `path`. Creates missing parent folders. If `path` is a link, the folder that it names is meant.
    ///
    /// # Errors
    /// If `path` exists and may not be replaced, or no folder can be made next to it.
    pub fn new(path: &Path, existing: Existing) -> Result<Self> {
        let path = place_of(path, existing)?;
        let parent = created_parent(&path)?;
        remove_unfinished(&path);
        let cannot = || format!("cannot create a folder in {}", parent.display());
        let staging = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent).with_context(cannot)?;
        let lock = locked(staging.path());
        if lock.is_some() {
            std::fs::write(staging.path().join(PLACE), name_of(&path)).with_context(cannot)?;
        }
        let written = staging.path().join("written");
        std::fs::create_dir(&written).with_context(|| format!("cannot create {}", written.display()))?;
        Ok(Self { place: path, existing, written, staging, _lock: lock })
    }

    /// Returns where the folder is until it is finished.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.written
    }

    /// Puts the folder at its place and returns that. A folder that is there is removed as a whole.
    ///
    /// # Errors
    /// If the place has been taken meanwhile, or the folder cannot be renamed.
    pub fn finish(self) -> Result<PathBuf> {
        let Self { place: path, existing, written, staging, _lock } = self;
        let path = place_of(&path, existing)?;
        take_over(&path, &written).with_context(|| format!("cannot write {}", path.display()))?;
        // Exchanged at once where the file system can: a kill between two renames would leave nothing at the place.
        if path.exists() && renameat_with(CWD, &written, CWD, &path, RenameFlags::EXCHANGE).is_ok() {
            return Ok(path);
        }
        if path.exists() {
            let replaced = staging.path().join("replaced");
            std::fs::rename(&path, &replaced).with_context(|| format!("cannot replace {}", path.display()))?;
        }
        std::fs::rename(&written, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_bytes()
}

/// Locks a folder; none if another process holds the lock, or it cannot be locked.
fn locked(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| file)
}

/// Removes what processes that were killed left of the folder `path` while they wrote it; what one is still writing stays.
pub fn remove_unfinished(path: &Path) {
    let path = followed(path);
    let Ok(entries) = std::fs::read_dir(folder_of(&path)) else { return };
    let unfinished = entries.flatten().filter(|entry| entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes()));
    for folder in unfinished.map(|entry| entry.path()) {
        // The name is written when the lock is held, so a folder with it and without a lock has no process.
        let is_of_path = std::fs::read(folder.join(PLACE)).is_ok_and(|name| name == name_of(&path));
        if is_of_path && let Some(_lock) = locked(&folder) {
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

/// Returns where a folder is written. A link to a folder that is replaced in any case stays, and the folder that it names is
/// replaced.
///
/// # Errors
/// If the place is taken.
fn place_of(path: &Path, existing: Existing) -> Result<PathBuf> {
    refuse_existing_folder(path, existing)?;
    Ok(if existing == Existing::Replace { followed(path) } else { path.to_owned() })
}

fn created_parent(path: &Path) -> Result<&Path> {
    let parent = folder_of(path);
    std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    Ok(parent)
}

/// Reports before a long job what [`write_whole`] would refuse at its end.
///
/// # Errors
/// If `path` exists and may not be replaced, is `-`, or nothing can be created in its folder.
pub fn refuse_existing(path: &Path, existing: Existing) -> Result<()> {
    place::refuse_dash(path)?;
    let named = path.display();
    let Ok(found) = path.symlink_metadata() else { return place::check_parent(path) };
    let words = match existing {
        Existing::Refuse | Existing::OurFolder { .. } => bail!("{named}: exists already; choose another name"),
        Existing::Replace => None,
        Existing::ReplaceOurs(words) | Existing::ReplaceUntouched(words) => Some(words),
    };
    // A rename would replace the link, and the file that it names would stay as it is.
    ensure!(!found.is_symlink(), "{named}: is a symbolic link; name the file itself, or another one");
    ensure!(!found.is_dir(), "{named}: is a folder; name a file");
    ensure!(found.is_file(), "{named}: is a device or a pipe, and only a file is replaced; choose another name");
    ensure!(
        words.is_none_or(|words| holds(path, words)),
        "{named}: exists already and was not written by this command; choose another name"
    );
    let untouched = || std::fs::read_to_string(path).is_ok_and(|content| is_untouched(&content));
    ensure!(
        !matches!(existing, Existing::ReplaceUntouched(_)) || untouched(),
        "{named}: changed by hand since this command wrote it, or written by an earlier version; choose another name, or move \
         the file elsewhere"
    );
    place::check_parent(path)
}

/// Reports that an output is one of the files that the command reads, also where it is named by another path or is a hard link.
///
/// # Errors
/// If it is.
pub fn refuse_input(output: &Path, inputs: impl IntoIterator<Item = PathBuf>) -> Result<()> {
    let id = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let own = id(output);
    ensure!(
        own.is_none() || inputs.into_iter().all(|input| id(&input) != own),
        "{}: is a file that this command reads; choose another name",
        output.display()
    );
    Ok(())
}

/// Returns whether a file contains some words; false if it cannot be read.
fn holds(path: &Path, words: &str) -> bool {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut content = Vec::new();
        std::fs::File::open(path)?.take(LOOKED_THROUGH).read_to_end(&mut content)?;
        Ok(content)
    };
    read().is_ok_and(|content| content.windows(words.len()).any(|found| found == words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_and_what_was_there_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens/token");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        write_private(&path, b"first").unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        write_private(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        let failed = replace(&path, 0o600, |file| file.write_all(b"third").and(Err(io::Error::other("full"))));
        assert_eq!(failed.unwrap_err().to_string(), "full");
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_file_is_written_as_a_whole_or_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file.txt");
        write_whole(&path, Existing::Refuse, |writer| writer.write_all(b"one")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o044, 0o044);

        let message = write_whole(&path, Existing::Refuse, |_| Ok(())).unwrap_err().to_string();
        assert!(message.contains("file.txt: exists already"), "{message}");
        let failing = write_whole(&path, Existing::Replace, |writer| {
            writer.write_all(b"half")?;
            Err(std::io::Error::other("the disk is full"))
        });
        assert!(format!("{:#}", failing.unwrap_err()).contains("the disk is full"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        write_whole(&path, Existing::Replace, |writer| writer.write_all(b"two")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_made_is_not_replaced_and_one_of_ours_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        let write = |text: &'static str| {
            write_whole(&path, Existing::ReplaceOurs("Measured by:"), |writer| writer.write_all(text.as_bytes()))
        };
        write("# One\n\nMeasured by: us").unwrap();
        write("# Two\n\nMeasured by: us").unwrap();
        std::fs::write(&path, "a person's own").unwrap();
        let message = write("# Three\n\nMeasured by: us").unwrap_err().to_string();
        assert!(message.contains("page.md: exists already and was not written by this command"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a person's own");
    }

    #[test]
    fn what_is_replaced_keeps_its_permissions_and_a_link_to_it_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        write_whole(&at("file"), Existing::Refuse, |writer| writer.write_all(b"one")).unwrap();
        set(&at("file"), 0o600);
        write_whole(&at("file"), Existing::Replace, |writer| writer.write_all(b"two")).unwrap();
        assert_eq!((std::fs::read(at("file")).unwrap(), mode(&at("file"))), (b"two".to_vec(), 0o600));

        let fill =
            |folder: &Path| Ok(std::fs::write(folder.join("a"), "x").and(std::fs::write(folder.join("b"), "y"))?);
        std::fs::create_dir(at("real")).unwrap();
        std::fs::write(at("real/a"), "old").unwrap();
        std::fs::write(at("real/old"), "old").unwrap();
        set(&at("real/a"), 0o640);
        set(&at("real"), 0o700);
        std::os::unix::fs::symlink("real", at("folder")).unwrap();
        write_whole_folder(&at("folder"), Existing::Replace, fill).unwrap();
        assert!(at("folder").is_symlink() && at("real/b").exists() && !at("real/old").exists());
        assert_eq!(std::fs::read(at("real/a")).unwrap(), b"x");
        assert_eq!((mode(&at("real")), mode(&at("real/a"))), (0o700, 0o640));
    }

    #[test]
    fn what_a_killed_process_left_is_removed_by_the_next_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set");
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let leave = |name: &str| {
            let left = folder.path().join(format!(".unfinished-{name}"));
            std::fs::create_dir_all(left.join("written")).unwrap();
            std::fs::write(left.join(PLACE), name).unwrap();
        };
        leave("set");
        leave("other");
        let first = UnfinishedFolder::new(&path, Existing::Refuse).unwrap();
        assert_eq!(count(), 2, "the leftover of the same folder is gone, that of another one stays");
        let second = UnfinishedFolder::new(&path, Existing::Refuse).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        second.finish().unwrap();
        drop(first);
        assert_eq!(count(), 2);
    }

    #[test]
    fn only_a_regular_file_is_replaced_and_a_person_s_own_lines_never() {
        const WAYS: [Existing; 4] = [
            Existing::Replace,
            Existing::ReplaceOurs("Measured by:"),
            Existing::ReplaceUntouched("Measured by:"),
            Existing::Refuse,
        ];
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("page.md"), sealed("Measured by: us\n")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("page.md", at("link")).unwrap();
        std::os::unix::fs::symlink("nowhere.md", at("dangling")).unwrap();
        rustix::fs::mkfifoat(CWD, at("pipe"), rustix::fs::Mode::RWXU).unwrap();
        let places = [at("link"), at("dangling"), at("folder"), at("pipe"), "-".into(), "-/page".into()];
        for path in &places {
            for existing in WAYS {
                refuse_existing(path, existing).unwrap_err();
                write_whole(path, existing, |_| panic!("the work is done for nothing: {}", path.display()))
                    .unwrap_err();
            }
            append(path, "a line").unwrap_err();
        }
        // Not written to: as root, a fault would put a file in the device's place.
        assert!(WAYS.iter().all(|&existing| refuse_existing(Path::new("/dev/null"), existing).is_err()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
        assert!(at("link").is_symlink() && at("dangling").is_symlink() && !at("nowhere.md").exists());
        assert_eq!(std::fs::read_to_string(at("page.md")).unwrap(), sealed("Measured by: us\n"));

        let write = |text: &str| write_whole(&at("page.md"), WAYS[2], |writer| writer.write_all(text.as_bytes()));
        write("Measured by: them\n").unwrap();
        let written = std::fs::read_to_string(at("page.md")).unwrap();
        assert_eq!((written.as_str(), unsealed(&written)), (&*sealed("Measured by: them\n"), "Measured by: them\n"));
        std::fs::write(at("page.md"), written.replace("them", "them, and checked by Ana")).unwrap();
        let message = write("Measured by: us\n").unwrap_err().to_string();
        assert!(message.contains("page.md: changed by hand since"), "{message}");
        assert!(std::fs::read_to_string(at("page.md")).unwrap().contains("Ana"));
    }

    #[test]
    fn an_output_that_is_an_input_is_recognised_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("train.jsonl"), "{}").unwrap();
        std::fs::hard_link(at("train.jsonl"), at("other")).unwrap();
        for output in [at("train.jsonl"), at("other"), at("../").join(folder.path().file_name().unwrap()).join("other")]
        {
            let message = refuse_input(&output, [at("train.jsonl")]).unwrap_err().to_string();
            assert!(message.contains(": is a file that this command reads"), "{message}");
        }
        refuse_input(&at("new"), [at("train.jsonl"), at("missing")]).unwrap();
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole_or_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let with = |name: &'static str| move |folder: &Path| Ok(std::fs::write(folder.join(name), name)?);
        write_whole_folder(&path, Existing::Refuse, with("one")).unwrap();
        assert!(write_whole_folder(&path, Existing::Refuse, with("two")).is_err());
        let failing = |folder: &Path| {
            with("half")(folder)?;
            bail!("the disk is full")
        };
        assert!(write_whole_folder(&path, Existing::Replace, failing).is_err());
        assert!(path.join("one").exists() && !path.join("half").exists());
        write_whole_folder(&path, Existing::Replace, with("two")).unwrap();
        assert!(path.join("two").exists() && !path.join("one").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
