//! Which models there are, and the files each consists of: built into the binary, in a folder, or pulled from a hub.
//!
//! Everything that loads a model reads its files through [`ModelFiles`], so that a built-in model and one in a folder
//! take the same way.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The files of one model.
#[derive(Debug, Clone)]
pub enum ModelFiles {
    /// Compiled into the binary: file name and content.
    Embedded(&'static [(&'static str, &'static [u8])]),
    /// In a folder.
    Folder(PathBuf),
}

impl ModelFiles {
    /// Whether the model has a file of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Embedded(files) => files.iter().any(|(file, _)| *file == name),
            Self::Folder(folder) => folder.join(name).is_file(),
        }
    }

    /// The content of one file.
    ///
    /// # Errors
    /// Where the file is missing or cannot be read; the message names it.
    pub fn read(&self, name: &str) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Embedded(files) => files
                .iter()
                .find(|(file, _)| *file == name)
                .map(|(_, content)| Cow::Borrowed(*content))
                .with_context(|| format!("the built-in model has no {name}")),
            Self::Folder(folder) => {
                let path = folder.join(name);
                let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Cow::Owned(content))
            }
        }
    }

    /// How messages name one of the files.
    #[must_use]
    pub fn display(&self, name: &str) -> String {
        match self {
            Self::Embedded(_) => format!("built-in {name}"),
            Self::Folder(folder) => folder.join(name).display().to_string(),
        }
    }

    /// The files of the model in `folder`.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("{}: no such folder", folder.display());
        }
        Ok(Self::Folder(folder.to_owned()))
    }
}
