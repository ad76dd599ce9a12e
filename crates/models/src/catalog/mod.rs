//! Which models exist, and which files each consists of: built into the binary, in a folder, or pulled from a hub.
//!
//! Everything that loads a model reads its files through [`ModelFiles`], so that a built-in model and one in a folder
//! are loaded the same way. [`open`] is the entry point; [`hub`] is the only part that uses the network; [`list`] and
//! [`show`] only read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

pub mod builtin;
mod convert;
pub mod hub;
mod impostor;
mod listing;
pub mod pickle;
mod server;
mod source;
mod weights;

pub use convert::{Conversion, Converted, Source, convert};
pub use hub::{HubError, HubSettings};
pub(crate) use impostor::refuse_impostor_of_weights;
use impostor::{refuse_cut_json, refuse_impostor};
pub use listing::{Examine, ModelDetails, ModelSummary, Needs, list, show};
pub use server::ServerAddress;
pub use source::ModelSource;
pub(crate) use weights::STATED;
pub use weights::{
    PICKLE, PICKLE_INDEX, SHARD_INDEX, WEIGHTS, sha256_of, sha256_of_file, shards_of_index, weight_files_in,
};

use pregonero_tweet::ModelIdentity;

/// The file in a model's folder with the word runs of the texts it was trained on.
pub const VERBATIM_INDEX: &str = "verbatim.bin";

/// The file in a model's folder with the training texts that its operator wrote.
pub const OWN_TEXTS: &str = "own_texts.zst";

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Writes candidates: a GPT-2.
    Generator,
    /// Reads their sentiment.
    Classifier,
    /// A classifier that distinguishes people's texts from the generator's.
    Critic,
}

impl ModelKind {
    /// Returns the word used in messages and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Classifier => "classifier",
            Self::Critic => "critic",
        }
    }
}

/// Returns the files of the model that the configuration names. Uses no network.
///
/// # Errors
/// If the folder does not exist, or the model was not pulled; the message says what to do.
pub fn open(source: &ModelSource, kind: ModelKind, hub: &HubSettings) -> Result<ModelFiles> {
    match (source, kind) {
        (ModelSource::BuiltIn, kind) => builtin::find(kind, None).context("there is no built-in model"),
        (ModelSource::BuiltInNamed(name), kind) => {
            builtin::find(kind, Some(name)).with_context(|| builtin::unknown(kind, name))
        }
        (ModelSource::Folder(folder), _) => ModelFiles::in_folder(folder),
        (ModelSource::Hub(repository), _) => Ok(ModelFiles::Folder(hub::resolve_hub(&hub.cache_dir, repository)?)),
        (ModelSource::Server(address), _) => bail!(
            "{address} is on a server, and its files are not here: name a model on this machine (builtin, a folder, \
             hub:OWNER/NAME)"
        ),
    }
}

/// The files of one model.
#[derive(Debug, Clone)]
pub enum ModelFiles {
    /// Compiled into the binary: file name and content.
    Embedded(&'static [(&'static str, &'static [u8])]),
    /// In a folder.
    Folder(PathBuf),
}

impl ModelFiles {
    /// Returns whether the model has a file of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Embedded(files) => files.iter().any(|(file, _)| *file == name),
            Self::Folder(folder) => folder.join(name).is_file(),
        }
    }

    /// Returns the content of one file.
    ///
    /// # Errors
    /// If the file is missing, cannot be read, or is a Git LFS pointer, an HTML page or JSON that ends in the middle;
    /// the message names it.
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
                refuse_impostor(&content).with_context(|| path.display().to_string())?;
                if name.ends_with(".json") {
                    refuse_cut_json(&content).with_context(|| path.display().to_string())?;
                }
                Ok(Cow::Owned(content))
            }
        }
    }

    /// Returns the name by which messages refer to one of the files.
    #[must_use]
    pub fn display(&self, name: &str) -> String {
        match self {
            Self::Embedded(_) => format!("built-in {name}"),
            Self::Folder(folder) => folder.join(name).display().to_string(),
        }
    }

    /// Returns the files of the model in `folder`.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("{}: no such folder", folder.display());
        }
        Ok(Self::Folder(folder.to_owned()))
    }

    /// Returns the names of the weight files: `model.safetensors`, or the shards that its index names, sorted.
    ///
    /// # Errors
    /// If there are neither weights nor a readable index.
    pub fn weight_files(&self) -> Result<Vec<String>> {
        match self {
            Self::Embedded(_) if self.has(WEIGHTS) => Ok(vec![WEIGHTS.to_owned()]),
            Self::Embedded(_) => bail!("the built-in model has no {WEIGHTS}"),
            Self::Folder(folder) => weight_files_in(folder),
        }
    }

    /// Returns the SHA-256 of the weights, in lower-case hexadecimal. For shards, it is that of their digests' text,
    /// in the order of [`ModelFiles::weight_files`], as `sha256sum model-*.safetensors | cut -c1-64 | tr -d '\n' |
    /// sha256sum` computes it. For weights that [`convert()`] made from a pickle and that were not changed since, it
    /// is that of the pickle, computed in the same way. Reads every byte of the weights.
    ///
    /// # Errors
    /// If a weight file is missing or cannot be read; the message names it.
    pub fn sha256(&self) -> Result<String> {
        if let Some(conversion) = self.conversion()? {
            return Ok(conversion.source_sha256());
        }
        let names = self.weight_files()?;
        let digests = names.iter().map(|name| self.sha256_of(name)).collect::<Result<Vec<_>>>()?;
        match digests.as_slice() {
            [digest] if names[0] == WEIGHTS => Ok(digest.clone()),
            _ => Ok(sha256_of(digests.concat().as_bytes())),
        }
    }

    /// Returns what the weights were made from, if [`convert()`] made them and they were not changed since. Reads
    /// every byte of them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn conversion(&self) -> Result<Option<Conversion>> {
        match self {
            Self::Folder(folder) if self.has(WEIGHTS) => {
                let path = folder.join(WEIGHTS);
                Conversion::of(&path).with_context(|| format!("cannot read {}", path.display()))
            }
            _ => Ok(None),
        }
    }

    /// Returns this model's identity for the record; `source` is what the configuration calls it.
    ///
    /// # Errors
    /// As [`ModelFiles::sha256`].
    pub fn identity(&self, source: &ModelSource) -> Result<ModelIdentity> {
        Ok(ModelIdentity { name: source.to_string(), sha256: self.sha256()? })
    }

    /// Counts the parameters in the weights, from their headers alone.
    ///
    /// # Errors
    /// If a weight file is missing, cut off or not safetensors.
    pub fn parameters(&self) -> Result<u64> {
        let names = self.weight_files()?;
        names.iter().map(|name| self.parameters_in(name).with_context(|| self.display(name))).sum()
    }

    /// Returns the types that the weights are stored as, from their headers alone: `f32`, `bf16` and so on.
    ///
    /// # Errors
    /// As [`ModelFiles::parameters`].
    pub fn types(&self) -> Result<BTreeSet<String>> {
        let names = self.weight_files()?;
        let types = names.iter().map(|name| match self {
            Self::Embedded(_) => weights::types(&*self.read(name)?),
            Self::Folder(folder) => weights::types(std::fs::File::open(folder.join(name))?),
        });
        Ok(types.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Returns the size of all weight files together.
    pub(crate) fn weights_size(&self) -> Result<u64> {
        let size = |name: &String| match self {
            Self::Embedded(_) => Ok(self.read(name)?.len() as u64),
            Self::Folder(folder) => Ok(folder.join(name).metadata().with_context(|| self.display(name))?.len()),
        };
        self.weight_files()?.iter().map(size).sum()
    }

    fn sha256_of(&self, name: &str) -> Result<String> {
        match self {
            Self::Embedded(_) => Ok(sha256_of(&self.read(name)?)),
            Self::Folder(folder) => {
                sha256_of_file(&folder.join(name)).with_context(|| format!("cannot read {}", self.display(name)))
            }
        }
    }

    fn parameters_in(&self, name: &str) -> Result<u64> {
        match self {
            Self::Embedded(_) => weights::parameters(&*self.read(name)?),
            Self::Folder(folder) => weights::parameters(std::fs::File::open(folder.join(name))?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" and of "abcd", by `printf abc | sha256sum`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABCD: &str = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";

    static EMBEDDED: &[(&str, &[u8])] = &[("config.json", b"{}"), ("model.safetensors", b"abc")];

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, ModelFiles) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let files = ModelFiles::in_folder(folder.path()).unwrap();
        (folder, files)
    }

    #[test]
    fn one_weights_file_is_its_own_digest_wherever_it_lies() {
        let (_folder, files) = folder(&[("model.safetensors", "abc")]);
        assert_eq!(files.sha256().unwrap(), ABC);
        assert_eq!(ModelFiles::Embedded(EMBEDDED).sha256().unwrap(), ABC);
        assert_eq!(files.identity(&ModelSource::Hub("a/b".into())).unwrap().name, "hub:a/b");
    }

    #[test]
    fn shards_have_the_digest_of_their_digests_in_order() {
        let index = r#"{"weight_map":{"x":"model-2.safetensors","y":"model-1.safetensors"}}"#;
        let (_folder, files) = folder(&[
            ("model.safetensors.index.json", index),
            ("model-1.safetensors", "abc"),
            ("model-2.safetensors", "abcd"),
        ]);
        assert_eq!(files.weight_files().unwrap(), ["model-1.safetensors", "model-2.safetensors"]);
        assert_eq!(files.sha256().unwrap(), sha256_of(format!("{ABC}{ABCD}").as_bytes()));
        assert_eq!(files.weights_size().unwrap(), 7);
    }

    #[test]
    fn missing_weights_are_named() {
        let (folder, files) = folder(&[("config.json", "{}")]);
        let message = format!("{:#}", files.sha256().unwrap_err());
        assert!(message.starts_with(&folder.path().display().to_string()), "{message}");
        assert!(message.contains("model.safetensors"), "{message}");
    }
}
