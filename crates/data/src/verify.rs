//! `dataset verify`: whether a data set's folder is what its manifest says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use crate::folder::{DataFile, Folder, MANIFEST, Source, digest_of, digest_of_data, sha256_of_file};

/// What was compared with the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    pub files: usize,
    pub rows: u64,
    pub digest: String,
    /// What is not as the manifest says; nothing if the data set is whole.
    pub faults: Vec<String>,
    /// What is known of the sources: they may be elsewhere.
    pub sources: Vec<SourceState>,
}

/// Whether a source is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceState {
    pub source: String,
    pub state: SourceFound,
}

/// What was found of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceFound {
    Same,
    Changed,
    NotHere,
    /// No file, such as a search, or its hash is not in the manifest.
    Unknown,
}

/// Compares a data set with its manifest: every file's hash, size and rows, the columns, the splits, the digest.
///
/// # Errors
/// If the folder has no manifest that can be read. All other faults are in the result.
pub fn verify(path: &Path) -> Result<Verification> {
    let folder = Folder::open(path)?;
    let manifest = folder.manifest();
    let mut verification =
        Verification { files: manifest.files.len(), digest: manifest.digest.clone(), ..Verification::default() };
    let faults = &mut verification.faults;
    let whole: Vec<bool> = manifest.files.iter().map(|file| check_bytes(path, file, faults)).collect();
    if whole.iter().all(|whole| *whole) {
        verification.rows = check_rows(&folder, faults);
    }
    check_manifest(&folder, faults);
    check_others(path, &manifest.files, faults)?;
    verification.sources = manifest.sources.iter().map(|source| state_of(source, path)).collect();
    Ok(verification)
}

/// Compares a file's bytes; returns whether they are the manifest's.
fn check_bytes(folder: &Path, file: &DataFile, faults: &mut Vec<String>) -> bool {
    let fault = match sha256_of_file(&folder.join(&file.name)) {
        Err(error) => format!("{}: {error:#}", file.name),
        Ok((sha256, bytes)) if sha256 != file.sha256 => {
            let size =
                if bytes == file.bytes { String::new() } else { format!(" ({bytes} bytes instead of {})", file.bytes) };
            format!(
                "{}: the contents are not those of the manifest{size}: SHA-256 {sha256} instead of {}",
                file.name, file.sha256
            )
        }
        Ok(_) => return true,
    };
    faults.push(fault);
    false
}

/// Reads all rows and compares their number and columns; returns how many there are.
fn check_rows(folder: &Folder, faults: &mut Vec<String>) -> u64 {
    let manifest = folder.manifest();
    let mut rows: BTreeMap<usize, u64> = BTreeMap::new();
    let mut filled: BTreeMap<String, u64> = BTreeMap::new();
    let read = folder.rows().and_then(|all| {
        for row in all {
            let row = row?;
            *rows.entry(row.place.file).or_insert(0) += 1;
            for (name, _) in row.iter() {
                match filled.get_mut(name) {
                    Some(count) => *count += 1,
                    None => drop(filled.insert(name.to_owned(), 1)),
                }
            }
        }
        Ok(())
    });
    if let Err(error) = read {
        faults.push(format!("{error:#}"));
        return 0;
    }
    for (number, file) in manifest.files.iter().enumerate() {
        let found = rows.get(&number).copied().unwrap_or(0);
        if found != file.rows {
            faults.push(format!("{}: {found} rows, the manifest says {}", file.name, file.rows));
        }
    }
    for column in &manifest.columns {
        let found = filled.remove(&column.name).unwrap_or(0);
        if found != column.filled {
            faults.push(format!(
                "column {:?}: {found} rows have a value, the manifest says {}",
                column.name, column.filled
            ));
        }
    }
    faults.extend(filled.keys().map(|column| format!("column {column:?} is not in the manifest")));
    rows.values().sum()
}

/// Compares what the manifest says with itself.
fn check_manifest(folder: &Folder, faults: &mut Vec<String>) {
    let manifest = folder.manifest();
    let digest = digest_of(&manifest.files);
    if digest != manifest.digest {
        faults.push(format!("{MANIFEST}: the digest is {}, that of the files listed is {digest}", manifest.digest));
    }
    for split in &manifest.splits {
        let rows: u64 = manifest.files.iter().filter(|file| file.split == split.name).map(|file| file.rows).sum();
        if rows != split.rows {
            faults.push(format!(
                "{MANIFEST}: the split {:?} has {rows} rows in its files and {} in the list of splits",
                split.name, split.rows
            ));
        }
    }
    for source in
        manifest.sources.iter().filter(|source| source.rows_read != source.kept + source.dropped.values().sum::<u64>())
    {
        faults.push(format!(
            "{MANIFEST}: source {:?}: {} rows read are not {} kept and {} dropped",
            source.path_or_query,
            source.rows_read,
            source.kept,
            source.dropped.values().sum::<u64>()
        ));
    }
}

/// Names data files that the manifest does not list.
fn check_others(path: &Path, files: &[DataFile], faults: &mut Vec<String>) -> Result<()> {
    let known: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_data = [".parquet", ".jsonl"].iter().any(|ending| name.ends_with(ending));
        if is_data && !known.contains(name.as_str()) {
            faults.push(format!("{name}: a data file that the manifest does not list"));
        }
    }
    Ok(())
}

fn state_of(source: &Source, folder: &Path) -> SourceState {
    let places = if source.sha256.is_empty() { Vec::new() } else { places_of(source, folder) };
    let is_same = |place: &PathBuf| digest_of_data(place).is_ok_and(|digest| digest == source.sha256);
    let found = match places.as_slice() {
        _ if source.sha256.is_empty() => SourceFound::Unknown,
        [] => SourceFound::NotHere,
        places if places.iter().any(is_same) => SourceFound::Same,
        _ => SourceFound::Changed,
    };
    SourceState { source: source.path_or_query.clone(), state: found }
}

/// Returns where the file or data set of a source is: at its path, or, because a relative path says nothing of the folder that it was
/// relative to, at that path from the data set's folder or one above. For the member of a zip file (`ZIP:MEMBER`) it is the zip file.
#[must_use]
pub fn places_of(source: &Source, folder: &Path) -> Vec<PathBuf> {
    let name = source.path_or_query.as_str();
    let own = std::fs::canonicalize(folder).unwrap_or_default();
    let bases = std::iter::once(Path::new("")).chain(own.ancestors().filter(|_| Path::new(name).is_relative()));
    let mut places: Vec<PathBuf> = Vec::new();
    for base in bases {
        let names = std::iter::once(name).chain(name.match_indices(':').map(|(end, _)| &name[..end]));
        let found = names.filter(|name| !name.is_empty()).map(|name| base.join(name)).find(|path| is_data(path));
        places.extend(found.filter(|place| !places.contains(place)));
    }
    places
}

fn is_data(path: &Path) -> bool {
    path.is_file() || Folder::is_one(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Format, Manifest};
    use crate::row::Row;

    fn folder(path: &Path, format: Format) {
        let mut writer = Folder::create(path, format).unwrap();
        for (number, split) in ["train", "test", "train"].into_iter().enumerate() {
            let mut row = Row::default();
            row.set("id", number.to_string());
            row.set("text", format!("mensaje {number}"));
            writer.write_to(split, &row).unwrap();
        }
        writer.finish(Manifest::default()).unwrap();
    }

    #[test]
    fn a_whole_data_set_has_no_fault_in_either_format() {
        let place = tempfile::tempdir().unwrap();
        for (name, format) in [("a", Format::JsonLines), ("b", Format::Parquet)] {
            let path = place.path().join(name);
            folder(&path, format);
            let found = verify(&path).unwrap();
            assert_eq!((found.faults, found.files, found.rows), (vec![], 2, 3), "{name}");
        }
    }

    #[test]
    fn sources_in_zip_files_and_with_relative_paths_are_found() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("raw")).unwrap();
        for name in ["raw/a.zip", "raw/b.csv", "raw/changed.csv", "raw/odd:name.csv"] {
            std::fs::write(at(name), name).unwrap();
        }
        let source = |path: &str, file: &str| Source {
            path_or_query: path.to_owned(),
            sha256: sha256_of_file(&at(file)).map(|(hash, _)| hash).unwrap_or_default(),
            ..Source::default()
        };
        let absolute = at("raw/a.zip").display().to_string() + ":in/x.csv";
        let sources = vec![
            source(&absolute, "raw/a.zip"),
            source("raw/a.zip:in/x.csv", "raw/a.zip"),
            source("raw/b.csv", "raw/b.csv"),
            source("raw/odd:name.csv", "raw/odd:name.csv"),
            source("raw/changed.csv", "raw/b.csv"),
            source("raw/none.csv", "raw/b.csv"),
            source("recent search: hola", "none"),
        ];
        let writer = Folder::create(&at("sets/a"), Format::JsonLines).unwrap();
        writer.finish(Manifest { sources, ..Manifest::default() }).unwrap();
        let states: Vec<SourceFound> = verify(&at("sets/a")).unwrap().sources.iter().map(|found| found.state).collect();
        use SourceFound::{Changed, NotHere, Same, Unknown};
        assert_eq!(states, [Same, Same, Same, Same, Changed, NotHere, Unknown]);
    }

    #[test]
    fn whatever_was_changed_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        let change = |file: &str, from: &str, to: &str| {
            let _ = std::fs::remove_dir_all(&path);
            folder(&path, Format::JsonLines);
            let text = std::fs::read_to_string(path.join(file)).unwrap_or_default();
            assert!(text.contains(from), "{file} has no {from}");
            std::fs::write(path.join(file), text.replacen(from, to, 1)).unwrap();
            verify(&path).unwrap().faults.join("\n")
        };
        for (file, from, to, expected) in [
            (
                "train.jsonl",
                "mensaje 0",
                "mensaje 9",
                "train.jsonl: the contents are not those of the manifest: SHA-256",
            ),
            ("train.jsonl", "mensaje 0", "mensaje", "bytes instead of"),
            (
                "manifest.json",
                "\"rows\": 2,\n      \"split\"",
                "\"rows\": 3,\n      \"split\"",
                "train.jsonl: 2 rows, the manifest says 3",
            ),
            (
                "manifest.json",
                "\"filled\": 3",
                "\"filled\": 2",
                "column \"id\": 3 rows have a value, the manifest says 2",
            ),
            ("manifest.json", "\"name\": \"text\"", "\"name\": \"texto\"", "column \"text\" is not in the manifest"),
            ("manifest.json", "\"digest\": \"", "\"digest\": \"0", "the digest is 0"),
        ] {
            let faults = change(file, from, to);
            assert!(faults.contains(expected), "{faults:?} does not say {expected:?}");
        }
        std::fs::remove_file(path.join("test.jsonl")).unwrap();
        std::fs::write(path.join("more.jsonl"), "").unwrap();
        let faults = verify(&path).unwrap().faults.join("\n");
        assert!(
            faults.contains("test.jsonl: cannot read")
                && faults.contains("more.jsonl: a data file that the manifest does not list"),
            "{faults}"
        );
    }
}
