//! `dataset purge`: removes the rows of people and tweets that have to go, from every file of a data set.
//!
//! The folder is written anew next to its place and exchanged at the end. What is recorded is when, how many and why; no name and no id,
//! because a list of the forgotten would remember them. Retweets of an author contain the author's words and go too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::folder::{Folder, Manifest, Purge};
use crate::names;
use crate::row::Row;
use crate::trained_on::{DataUse, TrainedOn, walk};

/// How deep below a folder models are looked for.
const DEPTH: usize = 6;

/// Who and what goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Screen names and author ids, in lower case, without `@`.
    authors: HashSet<String>,
    ids: HashSet<String>,
    from_file: bool,
}

/// What a purge did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// By file, the rows that go.
    pub files: BTreeMap<String, u64>,
    pub rows: u64,
    pub kept: u64,
    /// Retweets of the authors, counted in `rows` too.
    pub retweets: u64,
    /// Rows that stay though they mention an author.
    pub mentions: u64,
    pub digest_before: String,
    pub digest: String,
    /// Models that were trained on a file with such rows, and data sets that were built from this one.
    pub models: Vec<Trained>,
    pub data_sets: Vec<PathBuf>,
    /// Sources of the data set that are still there, and still have the rows.
    pub sources: Vec<String>,
}

/// A model that has seen rows that had to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trained {
    pub model: PathBuf,
    /// The file that it was trained on.
    pub on: PathBuf,
}

impl Wanted {
    /// Collects authors, ids and lists of both: a line with `@` is an author, one of digits an id of a tweet or of an author.
    ///
    /// # Errors
    /// If a list cannot be read or has another line, or nothing is given.
    pub fn new(authors: &[String], ids: &[String], lists: &[PathBuf]) -> Result<Self> {
        let mut wanted = Self { from_file: !lists.is_empty(), ..Self::default() };
        wanted.authors.extend(authors.iter().map(|author| normalised(author)));
        wanted.ids.extend(ids.iter().map(|id| id.trim().to_owned()));
        for path in lists {
            wanted.read(path)?;
        }
        wanted.authors.retain(|author| !author.is_empty());
        wanted.ids.retain(|id| !id.is_empty());
        ensure!(
            !wanted.authors.is_empty() || !wanted.ids.is_empty(),
            "nothing to purge: give --author NAME, --id ID or --file LIST"
        );
        Ok(wanted)
    }

    fn read(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let digits = line.bytes().all(|byte| byte.is_ascii_digit());
            ensure!(
                digits || line.starts_with('@'),
                "{}:{}: write an author as @name and an id in digits; found {line:?}",
                path.display(),
                number + 1
            );
            if digits {
                self.ids.insert(line.to_owned());
                self.authors.insert(line.to_owned());
            } else {
                self.authors.insert(normalised(line));
            }
        }
        Ok(())
    }

    fn by(&self) -> String {
        let kinds = [
            (self.from_file, "file"),
            (!self.from_file && !self.authors.is_empty(), "author"),
            (!self.from_file && !self.ids.is_empty(), "id"),
        ];
        kinds.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }

    fn fate(&self, row: &Row) -> Fate {
        let is = |column: &str, set: &HashSet<String>| {
            row.text(column).is_some_and(|value| set.contains(&normalised(&value)))
        };
        if is(names::ID, &self.ids) || is(names::AUTHOR, &self.authors) || is(names::AUTHOR_ID, &self.authors) {
            return Fate::Goes;
        }
        if self.authors.is_empty() {
            return Fate::Stays;
        }
        let Some(text) = row.text(names::TEXT) else { return Fate::Stays };
        let retweeted = text.strip_prefix("RT @").map(name_at);
        if retweeted.is_some_and(|name| self.authors.contains(&name.to_lowercase())) {
            return Fate::Retweets;
        }
        let mentioned = text.split('@').skip(1).map(name_at).any(|name| self.authors.contains(&name.to_lowercase()));
        if mentioned { Fate::Mentions } else { Fate::Stays }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    Retweets,
    Mentions,
    Stays,
}

fn normalised(name: &str) -> String {
    name.trim().trim_start_matches('@').to_lowercase()
}

/// Returns the screen name at the beginning of a text.
fn name_at(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(text.len());
    &text[..end]
}

/// Counts what would go, without changing anything, and looks for models in `folders`.
///
/// # Errors
/// If the data set or a list of a model cannot be read.
pub fn look(path: &Path, wanted: &Wanted, folders: &[PathBuf]) -> Result<Purged> {
    let folder = Folder::open(path)?;
    let mut purged = Purged { digest_before: folder.manifest().digest.clone(), ..Purged::default() };
    for row in folder.rows()? {
        let row = row?;
        purged.count(&folder, &row, wanted.fate(&row));
    }
    purged.digest.clone_from(&purged.digest_before);
    if purged.rows > 0 {
        purged.trace(path, folder.manifest(), folders)?;
    }
    Ok(purged)
}

/// Removes rows; `when` is in RFC 3339. Nothing is written if no row goes.
///
/// # Errors
/// If the data set cannot be read, its files are not those of its manifest, no row would be left, or the folder cannot be written; it is as it was then.
pub fn purge(path: &Path, wanted: &Wanted, folders: &[PathBuf], reason: &str, when: &str) -> Result<Purged> {
    let mut purged = look(path, wanted, folders)?;
    if purged.rows == 0 {
        return Ok(purged);
    }
    ensure!(purged.kept > 0, "{}: no row would be left; delete the folder instead", path.display());
    let folder = Folder::open(path)?;
    for file in &folder.manifest().files {
        let (sha256, _) = crate::folder::sha256_of_file(&path.join(&file.name))?;
        ensure!(
            sha256 == file.sha256,
            "{}: not the contents that the manifest names; see `pregonero dataset verify {}`",
            path.join(&file.name).display(),
            path.display()
        );
    }
    let mut writer = Folder::replace(path, folder.format())?;
    for file in &folder.manifest().files {
        writer.begin(&file.split)?;
    }
    let mut label_counts: BTreeMap<String, u64> = BTreeMap::new();
    let label = label_column(folder.manifest());
    for row in folder.rows()? {
        let row = row?;
        if matches!(wanted.fate(&row), Fate::Mentions | Fate::Stays) {
            if let Some(label) = row.text(&label) {
                *label_counts.entry(label.into_owned()).or_insert(0) += 1;
            }
            writer.write_to(&folder.manifest().files[row.place.file].split, &row)?;
        }
    }
    keep_other_files(path, writer.path(), folder.manifest())?;
    let mut manifest = folder.manifest().clone();
    let before = manifest.files.iter().filter(|file| purged.files.contains_key(&file.name));
    manifest.purged.push(Purge {
        when: when.to_owned(),
        by: wanted.by(),
        rows: purged.rows,
        reason: reason.to_owned(),
        digest_before: purged.digest_before.clone(),
        files_before: before.map(|file| (file.name.clone(), file.sha256.clone())).collect(),
    });
    if !manifest.labels.is_empty() {
        manifest.labels = label_counts;
    }
    let written = writer.finish(manifest)?;
    purged.digest.clone_from(&written.manifest().digest);
    Ok(purged)
}

/// Returns the column of the labels that the manifest counts.
fn label_column(manifest: &Manifest) -> String {
    let spec = manifest.spec.as_ref().and_then(|spec| toml::from_str::<toml::Table>(&spec.text).ok());
    let column = spec.as_ref().and_then(|spec| spec.get("label")?.get("column")?.as_str());
    column.unwrap_or("label").to_owned()
}

/// Copies what a person put into the folder next to the data: a card, a licence.
fn keep_other_files(from: &Path, to: &Path, manifest: &Manifest) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let ours = name == crate::folder::MANIFEST || manifest.files.iter().any(|file| *file.name == *name);
        if !ours && entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(&name))
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

impl Purged {
    fn count(&mut self, folder: &Folder, row: &Row, fate: Fate) {
        match fate {
            Fate::Goes | Fate::Retweets => {
                self.rows += 1;
                self.retweets += u64::from(fate == Fate::Retweets);
                let name = &folder.manifest().files[row.place.file].name;
                *self.files.entry(name.clone()).or_insert(0) += 1;
            }
            Fate::Mentions | Fate::Stays => {
                self.kept += 1;
                self.mentions += u64::from(fate == Fate::Mentions);
            }
        }
    }

    /// Finds who has seen the rows: models, data sets built from this one, and this one's own sources.
    fn trace(&mut self, path: &Path, manifest: &Manifest, folders: &[PathBuf]) -> Result<()> {
        let hashes = self.hashes(manifest);
        let digests: BTreeSet<&str> = manifest
            .purged
            .iter()
            .map(|purge| purge.digest_before.as_str())
            .chain([manifest.digest.as_str()])
            .collect();
        let own = std::fs::canonicalize(path).ok();
        let mut found = Vec::new();
        folders.iter().for_each(|root| walk(root, DEPTH, &mut |folder| found.push(folder.to_owned())));
        let mut seen = HashSet::new();
        found.retain(|folder| seen.insert(std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone())));
        for folder in found {
            if let Some(list) = TrainedOn::read(&folder)? {
                let seen: Vec<DataUse> =
                    list.data.into_iter().filter(|used| hashes.contains(used.sha256.as_str())).collect();
                self.models.extend(seen.into_iter().map(|used| Trained { model: folder.clone(), on: used.path }));
            }
            let other = Folder::is_one(&folder) && std::fs::canonicalize(&folder).ok() != own;
            let built = other.then(|| Manifest::read(&folder).ok()).flatten();
            if built
                .is_some_and(|other| other.sources.iter().any(|source| from_here(&source.sha256, &digests, &hashes)))
            {
                self.data_sets.push(folder);
            }
        }
        let here = manifest.sources.iter().filter(|source| Path::new(&source.path_or_query).exists());
        self.sources = here.map(|source| source.path_or_query.clone()).collect();
        Ok(())
    }

    /// Returns the hashes that the affected files have, and had before earlier purges: the rows were in those as well.
    fn hashes<'a>(&self, manifest: &'a Manifest) -> BTreeSet<&'a str> {
        let now = manifest.files.iter().map(|file| (&file.name, &file.sha256));
        let earlier = manifest.purged.iter().flat_map(|purge| &purge.files_before);
        now.chain(earlier)
            .filter(|(name, _)| self.files.contains_key(*name))
            .map(|(_, sha256)| sha256.as_str())
            .collect()
    }
}

fn from_here(sha256: &str, digests: &BTreeSet<&str>, hashes: &BTreeSet<&str>) -> bool {
    !sha256.is_empty() && (digests.contains(sha256) || hashes.contains(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Format, Source};
    use crate::verify::verify;

    const WHEN: &str = "2026-01-02T03:04:05Z";

    fn set(path: &Path, format: Format) {
        let mut writer = Folder::create(path, format).unwrap();
        for (split, id, author, text, label) in [
            ("train", "1", "ana", "hoy llueve", "a"),
            ("train", "2", "luis", "gracias @ana por venir", "b"),
            ("train", "3", "eva", "RT @Ana: hoy llueve", "a"),
            ("test", "4", "ANA", "mañana también", "a"),
            ("test", "5", "anabel", "sol", "b"),
            ("validation", "6", "luis", "nubes", "b"),
        ] {
            let mut row = Row::default();
            for (name, value) in [("id", id), ("author", author), ("text", text), ("label", label)] {
                row.set(name, value);
            }
            writer.write_to(split, &row).unwrap();
        }
        std::fs::write(writer.path().join("README.md"), "a person's own").unwrap();
        let labels = [("a".to_owned(), 3), ("b".to_owned(), 3)].into_iter().collect();
        writer.finish(Manifest { labels, ..Manifest::default() }).unwrap();
    }

    fn wanted(authors: &[&str], ids: &[&str]) -> Wanted {
        let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
        Wanted::new(&owned(authors), &owned(ids), &[]).unwrap()
    }

    #[test]
    fn an_author_goes_from_every_file_and_the_record_does_not_say_who() {
        let place = tempfile::tempdir().unwrap();
        for (name, format) in [("json", Format::JsonLines), ("parquet", Format::Parquet)] {
            let path = place.path().join(name);
            set(&path, format);
            let looked = look(&path, &wanted(&["@Ana"], &[]), &[]).unwrap();
            assert!(verify(&path).unwrap().faults.is_empty());
            let purged = purge(&path, &wanted(&["@Ana"], &[]), &[], "asked by mail", WHEN).unwrap();
            assert_eq!((purged.rows, purged.kept, purged.retweets, purged.mentions), (3, 3, 1, 1));
            assert_eq!((looked.rows, &looked.files), (3, &purged.files));
            assert_eq!(verify(&path).unwrap().faults, Vec::<String>::new());
            let manifest = Manifest::read(&path).unwrap();
            assert_eq!(
                manifest.splits.iter().map(|split| (split.name.as_str(), split.rows)).collect::<Vec<_>>(),
                [("train", 1), ("test", 1), ("validation", 1)]
            );
            assert_eq!(manifest.labels, [("b".to_owned(), 3)].into_iter().collect());
            assert_eq!(manifest.purged[0].digest_before, purged.digest_before);
            assert_ne!(manifest.digest, purged.digest_before);
            let text = std::fs::read_to_string(path.join("manifest.json")).unwrap().to_lowercase();
            assert!(!text.contains("\"ana\"") && !text.contains("llueve"), "{text}");
            assert_eq!(std::fs::read_to_string(path.join("README.md")).unwrap(), "a person's own");
            let again = purge(&path, &wanted(&["ana"], &[]), &[], "", WHEN).unwrap();
            assert_eq!((again.rows, again.mentions, again.digest), (0, 1, manifest.digest));
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn every_model_that_was_trained_on_such_rows_is_named_also_after_an_earlier_purge() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set");
        set(&path, Format::JsonLines);
        let model = |name: &str, file: &str| {
            let folder = place.path().join("runs").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            TrainedOn::of([path.join(file)]).unwrap().write(&folder).unwrap();
            folder
        };
        let (old, untouched) = (model("old", "train.jsonl"), model("untouched", "validation.jsonl"));
        let derived = Manifest {
            sources: vec![Source { sha256: Manifest::read(&path).unwrap().digest, ..Source::default() }],
            ..Manifest::default()
        };
        let derived_at = place.path().join("derived");
        Folder::create(&derived_at, Format::JsonLines).unwrap().finish(derived).unwrap();
        let roots = [place.path().to_owned()];
        let first = purge(&path, &wanted(&[], &["2"]), &roots, "", WHEN).unwrap();
        assert_eq!(first.models.iter().map(|found| &found.model).collect::<Vec<_>>(), [&old]);
        assert_eq!(first.data_sets, [derived_at]);
        let new = model("new", "train.jsonl");
        let second = purge(&path, &wanted(&["ana"], &[]), &roots, "", WHEN).unwrap();
        assert_eq!(second.models.iter().map(|found| &found.model).collect::<Vec<_>>(), [&new, &old]);
        assert!(second.models.iter().all(|found| found.model != untouched));
    }

    #[test]
    fn what_cannot_be_purged_says_why_and_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set");
        set(&path, Format::JsonLines);
        let list = place.path().join("list.txt");
        std::fs::write(&list, "# asked by mail\n@ana\n4\nluis\n").unwrap();
        let refused = Wanted::new(&[], &[], std::slice::from_ref(&list)).unwrap_err().to_string();
        assert!(refused.contains("list.txt:4: write an author as @name"), "{refused}");
        std::fs::write(&list, "@ana\n5\n@luis\n@eva").unwrap();
        let all = Wanted::new(&[], &[], &[list]).unwrap();
        assert!(purge(&path, &all, &[], "", WHEN).unwrap_err().to_string().contains("no row would be left"));
        assert!(Wanted::new(&[], &[], &[]).unwrap_err().to_string().contains("nothing to purge"));
        std::fs::write(path.join("test.jsonl"), "{\"id\":\"4\",\"author\":\"ana\"}\n").unwrap();
        let changed = purge(&path, &wanted(&["ana"], &[]), &[], "", WHEN).unwrap_err().to_string();
        assert!(changed.contains("test.jsonl: not the contents that the manifest names"), "{changed}");
        assert_eq!(Manifest::read(&path).unwrap().purged, []);
    }
}
