//! What a model was trained on: `data.json` in the model's folder. It lets a data set's owner find every model that has seen a row.
//!
//! A file's hash is taken before the training reads it. A file that is part of a data set also carries the data set's digest.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use pregonero_system::files::{Existing, write_whole};
use serde::{Deserialize, Serialize};

use crate::folder::{Folder, MANIFEST, Manifest, sha256_of_file};

/// The file's name in a model's folder.
pub const TRAINED_ON: &str = "data.json";

/// The version of the format that this program writes and reads.
const FORMAT: u32 = 1;

/// The largest list that is read, in bytes: one of a thousand files has some hundred thousand.
const LARGEST: u64 = 64 << 20;

/// The files that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedOn {
    pub format: u32,
    pub data: Vec<DataUse>,
}

/// One file of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUse {
    pub path: PathBuf,
    pub sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_set: Option<DataSetUse>,
    /// The model that was trained on the file, where another one was begun from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<PathBuf>,
}

/// The data set that a file is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSetUse {
    pub name: String,
    pub version: String,
    pub digest: String,
    /// The file's name in it.
    pub file: String,
}

impl TrainedOn {
    /// Takes the hashes of the files that a training is about to read; a folder stands for all files of a data set.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let mut data: Vec<DataUse> = Vec::new();
        let mut add = |path: &Path, manifest: Option<&Manifest>| -> Result<()> {
            if data.iter().all(|used| used.path != path) {
                data.push(use_of(path, manifest)?);
            }
            Ok(())
        };
        for path in paths {
            let path = path.as_ref();
            if Folder::is_one(path) {
                let manifest = Manifest::read(path)?;
                manifest.files.iter().try_for_each(|file| add(&path.join(&file.name), Some(&manifest)))?;
            } else if path.is_file() {
                let parent = path.parent().filter(|parent| Folder::is_one(parent));
                add(path, parent.map(Manifest::read).transpose()?.as_ref())?;
            }
        }
        Ok(Self { format: FORMAT, data })
    }

    /// Adds the files of another list that are not in this one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let new = other.data.into_iter().filter(|used| self.data.iter().all(|known| known.path != used.path));
        let new: Vec<DataUse> = new.collect();
        self.data.extend(new);
        self
    }

    /// Adds what a model was trained on that the training begins from: its rows are in the new model too. A folder without a list adds
    /// nothing.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn begun_from(mut self, model: &Path) -> Result<Self> {
        let list = Self::read(model)?;
        let through = |used: DataUse| DataUse { through: Some(model.to_owned()), ..used };
        self.data.extend(list.into_iter().flat_map(|list| list.data).map(through));
        Ok(self)
    }

    /// Writes the list into a model's folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, model: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        write_whole(&model.join(TRAINED_ON), Existing::Replace, |writer| writer.write_all(&bytes))
    }

    /// Reads the list of a model's folder; none if the folder has no list.
    ///
    /// # Errors
    /// If the list cannot be read, or a newer version wrote it.
    pub fn read(model: &Path) -> Result<Option<Self>> {
        let path = model.join(TRAINED_ON);
        if !path.is_file() {
            return Ok(None);
        }
        let too_large = path.metadata().is_ok_and(|found| found.len() > LARGEST);
        ensure!(!too_large, "{}: not the list of a model's data: it is larger than {LARGEST} bytes", path.display());
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let list: Self = serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: not the list of a model's data", path.display()))?;
        ensure!(list.format <= FORMAT, "{}: written by a newer pregonero; use that one", path.display());
        Ok(Some(list))
    }
}

fn use_of(path: &Path, manifest: Option<&Manifest>) -> Result<DataUse> {
    let (sha256, _) = sha256_of_file(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let data_set =
        manifest.filter(|manifest| manifest.files.iter().any(|file| file.name == name)).map(|manifest| DataSetUse {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: manifest.digest.clone(),
            file: name,
        });
    Ok(DataUse { path: path.to_owned(), sha256, data_set, through: None })
}

/// Calls `found` with every folder at `root` and below it that has a list of data or is a data set, at most `depth` deep.
/// Links are not followed, and hidden folders not entered.
pub fn walk(root: &Path, depth: usize, found: &mut dyn FnMut(&Path)) {
    if root.join(TRAINED_ON).is_file() || root.join(MANIFEST).is_file() {
        found(root);
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    let Ok(entries) = std::fs::read_dir(root) else { return };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_hidden(entry))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders.iter().for_each(|folder| walk(folder, depth, found));
}

fn is_hidden(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Format;
    use crate::row::Row;

    #[test]
    fn a_model_keeps_the_hashes_of_its_files_and_the_digest_of_their_data_set() {
        let place = tempfile::tempdir().unwrap();
        let set = place.path().join("set");
        let mut writer = Folder::create(&set, Format::JsonLines).unwrap();
        for split in ["train", "test"] {
            let mut row = Row::default();
            row.set("text", split);
            writer.write_to(split, &row).unwrap();
        }
        let folder = writer.finish(Manifest { name: "barrio".to_owned(), ..Manifest::default() }).unwrap();
        let alone = place.path().join("other.csv");
        std::fs::write(&alone, "text\nhola\n").unwrap();

        let used = TrainedOn::of([set.join("train.jsonl"), alone.clone(), place.path().join("absent")]).unwrap();
        assert_eq!(used.data.len(), 2);
        let data_set = used.data[0].data_set.as_ref().unwrap();
        assert_eq!(
            (data_set.digest.as_str(), data_set.file.as_str()),
            (folder.manifest().digest.as_str(), "train.jsonl")
        );
        assert_eq!(used.data[0].sha256, folder.manifest().files[0].sha256);
        assert_eq!(used.data[1].data_set, None);
        assert_eq!(TrainedOn::of([&set]).unwrap().data.len(), 2);
        let train = set.join("train.jsonl");
        assert_eq!(TrainedOn::of([&train, &alone, &train]).unwrap().data.len(), 2);

        let model = place.path().join("runs/model");
        std::fs::create_dir_all(&model).unwrap();
        assert_eq!(TrainedOn::read(&model).unwrap(), None);
        used.write(&model).unwrap();
        let tuned = TrainedOn::of([&alone]).unwrap().begun_from(&model).unwrap();
        assert_eq!(
            tuned.data.iter().map(|used| used.through.as_deref()).collect::<Vec<_>>(),
            [None, Some(&*model), Some(&*model)]
        );
        assert_eq!(TrainedOn::read(&model).unwrap(), Some(used));
        let mut seen = Vec::new();
        walk(place.path(), 3, &mut |folder| seen.push(folder.to_owned()));
        assert_eq!(seen, [model, set]);
    }
}
