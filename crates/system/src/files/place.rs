//! Where a folder may be written: what is there is examined before the work, so that hours of training do not end at a
//! folder that must not be replaced.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{Access, access};

use super::{Existing, folder_of, followed};

/// The files by which a folder that a command wrote is recognised.
#[derive(Debug, PartialEq, Eq)]
pub struct OurFolder {
    /// What the folder contains, for the message: "a classifier of `train classifier`".
    pub what: &'static str,
    /// The files that it always has.
    pub marks: &'static [&'static str],
    /// The files that it can have too.
    pub others: &'static [&'static str],
}

impl OurFolder {
    /// Checks that a folder is one of these and has nothing else in it.
    fn check(&self, folder: &Path) -> Result<()> {
        let names = names_in(folder)?;
        if self.marks.iter().any(|mark| !names.iter().any(|name| name == mark)) {
            bail!(
                "{}: exists already and is not {}, so it is not replaced; choose another folder",
                folder.display(),
                self.what
            );
        }
        let ours = |name: &str| self.marks.contains(&name) || self.others.contains(&name);
        match names.iter().find(|name| !ours(name)) {
            Some(foreign) => bail!(
                "{}: the command did not write this file, and would remove it with the folder; move it elsewhere, or \
                 choose another folder",
                folder.join(foreign).display()
            ),
            None => Ok(()),
        }
    }
}

/// Reports before a long job what [`super::write_whole_folder`] would refuse at its end.
///
/// # Errors
/// If `path` cannot be a folder of its own (`.`, `/`, a mount point, a symbolic link, a file), is not empty and may not be
/// replaced, or nothing can be written next to it.
pub fn refuse_existing_folder(path: &Path, existing: Existing) -> Result<()> {
    ensure!(!path.as_os_str().is_empty(), "the folder's name is empty");
    let named = path.display();
    ensure!(
        path.file_name().is_some() && !contains_working_folder(path),
        "{named}: this is the current folder or one above it, and the command would replace it as a whole; give the name of a new \
         folder, for example {}",
        path.join("NAME").display()
    );
    let Ok(found) = path.symlink_metadata() else { return check_parent(path) };
    if found.is_symlink() {
        let target = std::fs::read_link(path).with_context(|| format!("cannot read {named}"))?;
        bail!("{named}: is a symbolic link to {}; name that folder itself, or another one", target.display());
    }
    ensure!(found.is_dir(), "{named}: exists already and is a file; choose another name for the folder");
    ensure!(!is_mount_point(path)?, "{named}: is a mount point; name a folder inside it");
    check_parent(path)?;
    if names_in(path)?.is_empty() {
        return Ok(());
    }
    match existing {
        Existing::Replace => Ok(()),
        Existing::OurFolder { ours, overwrite: true } => ours.check(path),
        Existing::OurFolder { ours, overwrite: false } if ours.check(path).is_ok() => {
            bail!("{named}: exists already; choose another folder or pass --overwrite")
        }
        Existing::OurFolder { .. } | Existing::Refuse | Existing::ReplaceOurs(_) => {
            bail!("{named}: exists already and is not empty; choose another folder")
        }
    }
}

/// Reports before a long job that files cannot be written into the folder `path`, which is created if it is missing.
///
/// # Errors
/// If `path` is not a folder, or nothing can be written in it or, if it is missing, next to it.
pub fn check_folder_to_fill(path: &Path) -> Result<()> {
    ensure!(!path.is_symlink() || path.exists(), "{}: is a symbolic link to nothing", path.display());
    ensure!(!path.exists() || path.is_dir(), "{}: is not a folder; choose another name", path.display());
    check_parent(&path.join("file"))
}

/// Reports before a long job that the folder `path` cannot be replaced by another one. If it is a link, the folder that it names is
/// meant.
///
/// # Errors
/// If `path` is a mount point, or it or the folder above it cannot be changed.
pub fn check_folder_to_replace(path: &Path) -> Result<()> {
    let folder = followed(path);
    let named = path.display();
    ensure!(
        !is_mount_point(&folder)?,
        "{named}: is a mount point, which cannot be replaced; copy the folder elsewhere first"
    );
    check_parent(&folder)?;
    access(&folder, Access::WRITE_OK | Access::EXEC_OK).with_context(|| {
        format!("cannot replace {named}: the folder may not be changed; `chmod u+w {named}` as its owner")
    })
}

/// Returns the names in a folder, sorted.
fn names_in(folder: &Path) -> Result<Vec<String>> {
    let read = || -> std::io::Result<Vec<String>> {
        let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    };
    let mut names = read().with_context(|| format!("cannot read {}", folder.display()))?;
    names.sort();
    Ok(names)
}

/// Returns whether `path` is the folder that the command runs in, or one above it.
fn contains_working_folder(path: &Path) -> bool {
    match (path.canonicalize(), Path::new(".").canonicalize()) {
        (Ok(path), Ok(working)) => working.starts_with(path),
        _ => false,
    }
}

fn is_mount_point(folder: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| {
        std::fs::metadata(path).map(|found| found.dev()).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(device(folder)? != device(folder_of(folder))?)
}

/// Checks that the nearest folder above `path` that exists can be written.
fn check_parent(path: &Path) -> Result<()> {
    let above = path.ancestors().skip(1);
    let above = above.map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let Some(nearest) = above.into_iter().find(|above| above.symlink_metadata().is_ok()) else { return Ok(()) };
    let named = nearest.display();
    ensure!(nearest.is_dir(), "{named}: is not a folder, so {} cannot be written", path.display());
    access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .with_context(|| format!("cannot write {}: nothing can be created in {named}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MODEL: OurFolder =
        OurFolder { what: "a model of `train`", marks: &["config.json", "log.jsonl"], others: &["README.md"] };
    const ASKED: Existing = Existing::OurFolder { ours: &MODEL, overwrite: true };
    const NOT_ASKED: Existing = Existing::OurFolder { ours: &MODEL, overwrite: false };

    fn refusal(path: &Path, existing: Existing) -> String {
        refuse_existing_folder(path, existing).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_of_ours_is_replaced_when_asked_and_no_other_one_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        for existing in [ASKED, NOT_ASKED, Existing::Refuse] {
            refuse_existing_folder(&path, existing).expect("nothing is there");
        }
        fs::create_dir(&path).unwrap();
        refuse_existing_folder(&path, NOT_ASKED).expect("it is empty");
        fs::write(path.join("config.json"), "{}").unwrap();
        assert!(refusal(&path, ASKED).contains("is not a model of `train`, so it is not replaced"));
        fs::write(path.join("log.jsonl"), "{}").unwrap();
        fs::write(path.join("README.md"), "").unwrap();
        refuse_existing_folder(&path, ASKED).expect("it is ours");
        assert!(refusal(&path, NOT_ASKED).ends_with("choose another folder or pass --overwrite"));
        assert!(refusal(&path, Existing::Refuse).ends_with("is not empty; choose another folder"));
        fs::write(path.join("notes.txt"), "mine").unwrap();
        assert!(refusal(&path, ASKED).contains("notes.txt: the command did not write this file"));
    }

    #[test]
    fn a_place_that_is_no_folder_of_its_own_is_refused_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.csv");
        fs::write(&file, "id,text\n").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let dangling = folder.path().join("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        for (path, says) in [
            (Path::new("."), "give the name of a new folder"),
            (Path::new(".."), "give the name of a new folder"),
            (Path::new("/"), "give the name of a new folder"),
            (Path::new(""), "the folder's name is empty"),
            (Path::new("/proc"), "is a mount point"),
            (&file, "is a file"),
            (&file.join("model"), "data.csv: is not a folder"),
            (&link, "is a symbolic link to"),
            (&dangling, "is a symbolic link to nowhere"),
        ] {
            for existing in [ASKED, NOT_ASKED, Existing::Refuse] {
                let message = refusal(path, existing);
                assert!(message.contains(says), "{}: {message}", path.display());
            }
        }
        let working = Path::new(".").canonicalize().unwrap();
        assert!(refusal(working.parent().unwrap(), ASKED).contains("give the name of a new folder"));
    }
}
