//! The parts into which a data set is divided already. What is trained on such a folder reads its part `train` and leaves the
//! part `test` alone: a model that is tested on what it has learned looks better than it is.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pregonero_data::folder::Folder;
use pregonero_data::trained_on::TrainedOn;

use super::said;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenPart {
    Train,
    Validation,
    Test,
}

impl GivenPart {
    fn of(split: &str) -> Option<Self> {
        match split {
            "train" => Some(Self::Train),
            "validation" | "valid" | "val" | "dev" => Some(Self::Validation),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// What a text is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFor {
    /// To learn from: only the part `train` of a data set that has parts.
    Training,
    /// To measure on: only its part `test`.
    Measuring,
    /// To compare with, or to count: everything.
    Everything,
}

/// Returns the files of a data set folder that is divided into parts, each with its part; none if it is not divided, or is not a
/// data set.
///
/// # Errors
/// If the manifest cannot be read, or names a part that is neither train, validation nor test.
pub fn files_by_part(path: &Path) -> Result<Vec<(PathBuf, GivenPart)>> {
    if !Folder::is_one(path) {
        return Ok(Vec::new());
    }
    let folder = Folder::open(path)?;
    let files = &folder.manifest().files;
    let named: Vec<_> = files.iter().filter(|file| !file.split.is_empty()).collect();
    let part = |split: &str| {
        let Some(part) = GivenPart::of(split) else {
            bail!(
                "{}: the data set has a part {split:?}, which is neither train, validation nor test; name the file of one part, \
                 for example {}",
                path.display(),
                path.join(&named[0].name).display()
            )
        };
        Ok(part)
    };
    named.iter().map(|file| Ok((path.join(&file.name), part(&file.split)?))).collect()
}

/// Returns the paths to read instead of `path`: those of the part that is asked for, where `path` is a data set with parts.
///
/// # Errors
/// As [`files_by_part`]; also if the data set lacks the part.
pub fn paths_for(path: &Path, read_for: ReadFor) -> Result<Vec<PathBuf>> {
    let whole = || Ok(vec![path.to_owned()]);
    let (wanted, name) = match read_for {
        ReadFor::Training => (GivenPart::Train, "train"),
        ReadFor::Measuring => (GivenPart::Test, "test"),
        ReadFor::Everything => return whole(),
    };
    let files = files_by_part(path)?;
    if files.is_empty() {
        return whole();
    }
    let found: Vec<PathBuf> = files.iter().filter(|(_, part)| *part == wanted).map(|(file, _)| file.clone()).collect();
    if found.is_empty() {
        bail!(
            "{}: the data set has no part {name:?}; name the file of another part, for example {}",
            path.display(),
            files[0].0.display()
        );
    }
    said::sentence(&format!("{}: a data set with parts; only its part {name} is read", path.display()));
    Ok(found)
}

/// Takes the hashes of what a training reads to learn from these paths: of a data set with parts, only its part `train`.
///
/// # Errors
/// As [`paths_for`]; also if a file cannot be read.
pub fn learned_from<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<TrainedOn> {
    let read: Vec<Vec<PathBuf>> =
        paths.into_iter().map(|path| paths_for(path, ReadFor::Training)).collect::<Result<_>>()?;
    TrainedOn::of(read.into_iter().flatten())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use pregonero_data::folder::{Format, Manifest};
    use pregonero_data::row::{Row, Value};

    /// Writes a data set whose rows are given by part: text, label, author.
    pub(crate) fn data_set(path: &Path, rows: &[(&str, String, usize, String)]) {
        let mut writer = Folder::create(path, Format::JsonLines).unwrap();
        for (part, text, label, author) in rows {
            let mut row = Row::default();
            for (name, value) in [("text", text.clone()), ("label", label.to_string()), ("author", author.clone())] {
                row.set(name, Value::Text(value));
            }
            writer.write_to(part, &row).unwrap();
        }
        writer.finish(Manifest::default()).unwrap();
    }

    #[test]
    fn a_training_reads_the_part_train_and_a_measurement_the_part_test() {
        let folder = tempfile::tempdir().unwrap();
        let (divided, whole, odd) =
            (folder.path().join("divided"), folder.path().join("whole"), folder.path().join("odd"));
        let row = |part| (part, "Hoy hay mercado en la plaza.".to_owned(), 0, "ana".to_owned());
        data_set(&divided, &[row("train"), row("test")]);
        data_set(&whole, &[row("")]);
        data_set(&odd, &[row("left"), row("right")]);
        assert_eq!(paths_for(&divided, ReadFor::Training).unwrap(), [divided.join("train.jsonl")]);
        assert_eq!(paths_for(&divided, ReadFor::Measuring).unwrap(), [divided.join("test.jsonl")]);
        let learned = learned_from([&divided, &whole]).unwrap().data;
        let learned: Vec<_> = learned.into_iter().map(|used| used.path).collect();
        assert_eq!(
            learned,
            [divided.join("train.jsonl"), whole.join("data.jsonl")],
            "what is measured on is not learned"
        );
        assert_eq!(paths_for(&divided, ReadFor::Everything).unwrap(), std::slice::from_ref(&divided));
        let file = divided.join("test.jsonl");
        assert_eq!(paths_for(&file, ReadFor::Training).unwrap(), [file], "a part that is named is read");
        assert_eq!(paths_for(&whole, ReadFor::Training).unwrap(), [whole]);
        let message = paths_for(&odd, ReadFor::Training).unwrap_err().to_string();
        assert!(message.contains("a part \"left\"") && message.contains("odd/left.jsonl"), "{message}");
    }
}
