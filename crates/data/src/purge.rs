//! `dataset purge`: removes the rows of people and tweets that have to go, from every file of a data set.
//!
//! The folder is written anew next to its place and exchanged at the end. What is recorded is when, how many and why; no name and no id,
//! because a list of the forgotten would remember them. Retweets of an author contain the author's words and go too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use pregonero_system::files::{Existing, refuse_existing_folder, remove_unfinished};
use serde::Serialize;

use crate::folder::{Folder, MANIFEST, Manifest, Purge, other_files};
use crate::import::columns_of;
use crate::names;
use crate::read::is_rounded_id;
use crate::row::Row;
use crate::screen_name::{address, comparable, mentioned, retweeted};
use crate::trained_on::{DataUse, TrainedOn, walk};
use crate::verify::places_of;

/// How deep below a folder models are looked for.
const DEPTH: usize = 6;

/// Who and what goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Screen names and author ids, in lower case, without `@`.
    authors: HashSet<String>,
    ids: HashSet<String>,
    from_file: bool,
    /// Whether somebody is named as an author, and something as a post: a number in a list may be either.
    names_authors: bool,
    names_posts: bool,
    /// The columns that a person named.
    author_column: Option<String>,
    id_column: Option<String>,
}

/// The columns in which authors, ids and texts are looked for.
#[derive(Debug, Default)]
struct Columns {
    authors: Vec<String>,
    ids: Vec<String>,
    texts: Vec<String>,
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
    /// Rows that do not say who wrote them, and rows without a whole id, where authors or ids were looked for.
    pub without_author: u64,
    pub without_id: u64,
    /// Authors and ids of which no row goes: they may be misspelled.
    pub unmatched: Vec<String>,
    pub digest_before: String,
    pub digest: String,
    /// Models that were trained on a file with such rows, and data sets that were built from this one.
    pub models: Vec<Trained>,
    pub data_sets: Vec<PathBuf>,
    /// Sources of the data set that are still there, and still have the rows.
    pub sources: Vec<String>,
    /// Files of the data set that have another name on the disk (a hard link), which keeps the rows.
    pub hard_links: Vec<String>,
    /// Files `data.json` that are no lists of a model's data, and why: nobody knows what these folders have seen.
    pub unread: Vec<Unread>,
}

/// A file that was passed over while models were looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    pub folder: PathBuf,
    pub why: String,
}

/// A model that has seen rows that had to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trained {
    pub model: PathBuf,
    /// The file that it was trained on.
    pub on: PathBuf,
}

impl Wanted {
    /// Collects authors, ids and lists of both. An author is a name with or without `@`, an author's id, or the address of a profile; an
    /// id may be the address of a post. In a list, a line with `@` is an author, one of digits an id of a tweet or of an author.
    ///
    /// # Errors
    /// If one of them is neither, a list cannot be read or has another line, or nothing is given.
    pub fn new(authors: &[String], ids: &[String], lists: &[PathBuf]) -> Result<Self> {
        let mut wanted = Self { from_file: !lists.is_empty(), ..Self::default() };
        for author in authors.iter().map(|author| author.trim()).filter(|author| !author.is_empty()) {
            wanted.add_author(author)?;
        }
        for id in ids.iter().map(|id| id.trim()).filter(|id| !id.is_empty()) {
            wanted.add_id(id)?;
        }
        for path in lists {
            wanted.read(path)?;
        }
        ensure!(
            !wanted.authors.is_empty() || !wanted.ids.is_empty(),
            "nothing to purge: give --author NAME, --id ID or --file LIST"
        );
        Ok(wanted)
    }

    /// Names the columns that have the authors and the ids, instead of those with usual names.
    #[must_use]
    pub fn in_columns(self, author: Option<String>, id: Option<String>) -> Self {
        Self { author_column: author, id_column: id, ..self }
    }

    fn add_author(&mut self, author: &str) -> Result<()> {
        let name = if author.contains('/') {
            address(author).and_then(|found| found.author)
        } else {
            Some(comparable(author))
        };
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            bail!("--author {author:?}: names nobody; write name, @name, an author's id, or https://x.com/name")
        };
        self.names_authors = true;
        self.authors.insert(name);
        Ok(())
    }

    fn add_id(&mut self, id: &str) -> Result<()> {
        let digits = if id.contains('/') { address(id).and_then(|found| found.post) } else { Some(comparable(id)) };
        let Some(digits) = digits.filter(|_| !id.starts_with('@')) else {
            bail!("--id {id:?}: names no post; write its id, or https://x.com/name/status/ID; --author takes people")
        };
        ensure!(
            !is_rounded_id(&digits),
            "--id {id}: a spreadsheet rounded this id, and it names no post: give all of its digits"
        );
        self.names_posts = true;
        self.ids.insert(digits);
        Ok(())
    }

    fn read(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}: it must be text in UTF-8", path.display()))?;
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let found = address(line);
            if is_number(line) {
                self.ids.insert(line.to_owned());
                self.authors.insert(line.to_owned());
            } else if let Some(post) = found.as_ref().and_then(|found| found.post.as_ref()) {
                self.add_id(post)?;
            } else if let Some(author) = found.and_then(|found| found.author) {
                self.add_author(&author)?;
            } else if line.starts_with('@') && !comparable(line).is_empty() {
                self.add_author(line)?;
            } else {
                bail!(
                    "{}:{}: write an author as @name, an id in digits, or an address such as https://x.com/name; found {line:?}",
                    path.display(),
                    number + 1
                );
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

    /// Finds the columns to look in.
    ///
    /// # Errors
    /// If there is none; the message says which columns there are, and how to name the right one.
    fn columns(&self, folder: &Folder) -> Result<Columns> {
        let all = columns_in(folder)?;
        let place = folder.path().display();
        let given = |column: &Option<String>, flag: &str| -> Result<Option<Vec<String>>> {
            let Some(column) = column else { return Ok(None) };
            ensure!(all.contains(column), "{place}: {flag}: no column {column:?}; there are {}", all.join(", "));
            Ok(Some(vec![column.clone()]))
        };
        let screen_names = columns_of(names::AUTHOR, &all);
        let by_number = self.authors.iter().all(|name| is_number(name)) || !screen_names.is_empty();
        let usual = if by_number { [screen_names, columns_of(names::AUTHOR_ID, &all)].concat() } else { Vec::new() };
        let columns = Columns {
            authors: given(&self.author_column, "--author-column")?.unwrap_or(usual),
            ids: given(&self.id_column, "--id-column")?.unwrap_or_else(|| columns_of(names::ID, &all)),
            texts: columns_of(names::TEXT, &all),
        };
        let either = self.names_posts || self.names_authors || !columns.ids.is_empty();
        for (missing, what, flag) in [
            (columns.authors.is_empty() && (self.names_authors || !either), "the authors", "--author-column"),
            (columns.ids.is_empty() && self.names_posts, "the ids of the posts", "--id-column"),
        ] {
            ensure!(
                !missing,
                "{place}: no column has a usual name for {what}; there are {}: say which one with {flag} NAME",
                all.join(", ")
            );
        }
        Ok(columns)
    }

    /// Returns what becomes of a row, and the id and the author that it goes for.
    fn fate(&self, row: &Row, columns: &Columns) -> (Fate, [Option<String>; 2]) {
        let matched = [found(row, &columns.ids, &self.ids), found(row, &columns.authors, &self.authors)];
        if matched.iter().any(Option::is_some) {
            return (Fate::Goes, matched);
        }
        if self.authors.is_empty() {
            return (Fate::Stays, matched);
        }
        let wanted = |name: &str| Some(comparable(name)).filter(|name| self.authors.contains(name));
        let texts = || columns.texts.iter().filter_map(|name| row.text(name));
        if let Some(author) = texts().find_map(|text| retweeted(&text).and_then(wanted)) {
            return (Fate::Retweets, [None, Some(author)]);
        }
        let mentions = texts().any(|text| mentioned(&text).any(|name| wanted(name).is_some()));
        (if mentions { Fate::Mentions } else { Fate::Stays }, matched)
    }

    /// Returns the authors and ids without a row, sorted. A number from a list may be either.
    fn unmatched(&self, matched: &Matched) -> Vec<String> {
        let listed = |number: &String| self.authors.contains(number) && self.ids.contains(number);
        let is_missing = |name: &&String, own: &HashSet<String>, other: &HashSet<String>| {
            !(own.contains(*name) || listed(name) && other.contains(*name))
        };
        let authors = self.authors.iter().filter(|name| is_missing(name, &matched.authors, &matched.ids));
        let ids = self.ids.iter().filter(|id| is_missing(id, &matched.ids, &matched.authors)).cloned();
        let at = |name: &String| if is_number(name) { name.clone() } else { format!("@{name}") };
        authors.map(at).chain(ids).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The authors and ids that rows go for.
#[derive(Debug, Default)]
struct Matched {
    authors: HashSet<String>,
    ids: HashSet<String>,
}

/// Returns the value of these columns that is in `wanted`, if one is.
fn found(row: &Row, columns: &[String], wanted: &HashSet<String>) -> Option<String> {
    let mut columns = columns.iter().filter(|_| !wanted.is_empty());
    columns.find_map(|name| row.text(name).map(|value| plain(&value)).filter(|value| wanted.contains(value)))
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns a name or id of a row as it is compared; some tables have addresses.
fn plain(value: &str) -> String {
    let found = value.contains('/').then(|| address(value)).flatten();
    found.and_then(|found| found.post.or(found.author)).unwrap_or_else(|| comparable(value))
}

/// Returns the columns of a data set; those of its rows if the manifest does not list them.
fn columns_in(folder: &Folder) -> Result<Vec<String>> {
    let mut columns: Vec<String> = folder.manifest().columns.iter().map(|column| column.name.clone()).collect();
    if columns.is_empty() {
        for row in folder.rows()? {
            for (name, _) in row?.iter() {
                if !columns.iter().any(|known| known == name) {
                    columns.push(name.to_owned());
                }
            }
        }
    }
    Ok(columns)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    Retweets,
    Mentions,
    Stays,
}

/// Counts what would go, without changing anything, and looks for models in `folders`.
///
/// # Errors
/// As [`purge`]: what a purge refuses, a look refuses in the same words.
pub fn look(path: &Path, wanted: &Wanted, folders: &[PathBuf]) -> Result<Purged> {
    let folder = Folder::open(path)?;
    refuse_links(path, folder.manifest())?;
    let columns = wanted.columns(&folder)?;
    let mut purged = Purged { digest_before: folder.manifest().digest.clone(), ..Purged::default() };
    let mut matched = Matched::default();
    for row in folder.rows()? {
        let row = row?;
        let (fate, [id, author]) = wanted.fate(&row, &columns);
        matched.ids.extend(id);
        matched.authors.extend(author);
        purged.count(&folder, &row, fate);
        purged.count_unsaid(&row, wanted, &columns);
    }
    purged.unmatched = wanted.unmatched(&matched);
    purged.digest.clone_from(&purged.digest_before);
    if purged.rows > 0 {
        ensure!(purged.kept > 0, "{}: no row would be left; delete the folder instead", path.display());
        refuse_existing_folder(path, Existing::Replace)?;
        check_contents(path, folder.manifest())?;
        purged.trace(path, folder.manifest(), folders)?;
    }
    Ok(purged)
}

/// Refuses a data set whose files are not those of its manifest, or which a purge would not keep as a whole.
fn check_contents(path: &Path, manifest: &Manifest) -> Result<()> {
    for file in &manifest.files {
        let (sha256, _) = crate::folder::sha256_of_file(&path.join(&file.name))?;
        ensure!(
            sha256 == file.sha256,
            "{}: not the contents that the manifest names; see `pregonero dataset verify {}`",
            path.join(&file.name).display(),
            path.display()
        );
    }
    other_files(path, manifest).map(|_| ())
}

/// Removes rows; `when` is in RFC 3339. Nothing is written if no row goes.
///
/// # Errors
/// If the data set cannot be read, its files are not those of its manifest, no row would be left, one of its
/// files is a link, or the folder cannot be written; it is as it was then.
pub fn purge(path: &Path, wanted: &Wanted, folders: &[PathBuf], reason: &str, when: &str) -> Result<Purged> {
    // A purge that was killed at its end may have left the rows next to the folder.
    remove_unfinished(path);
    let mut purged = look(path, wanted, folders)?;
    if purged.rows == 0 {
        return Ok(purged);
    }
    let folder = Folder::open(path)?;
    let columns = wanted.columns(&folder)?;
    let mut writer = Folder::replace(path, folder.format())?;
    for file in &folder.manifest().files {
        writer.begin(&file.split)?;
    }
    let mut label_counts: BTreeMap<String, u64> = BTreeMap::new();
    let label = label_column(folder.manifest());
    for row in folder.rows()? {
        let row = row?;
        if matches!(wanted.fate(&row, &columns).0, Fate::Mentions | Fate::Stays) {
            if let Some(label) = row.text(&label) {
                *label_counts.entry(label.into_owned()).or_insert(0) += 1;
            }
            writer.write_to(&folder.manifest().files[row.place.file].split, &row)?;
        }
    }
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

/// Refuses a data set with files that are links: what is written anew would be a file of its own, and the rows would stay where they are.
fn refuse_links(path: &Path, manifest: &Manifest) -> Result<()> {
    for name in manifest.files.iter().map(|file| file.name.as_str()).chain([MANIFEST]) {
        let file = path.join(name);
        ensure!(
            !file.is_symlink(),
            "{}: a link to {}, where the rows would stay: put the file itself into the folder, or purge the data set that it belongs to",
            file.display(),
            std::fs::canonicalize(&file).unwrap_or_default().display()
        );
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

    /// Counts a row that does not say what is looked for.
    fn count_unsaid(&mut self, row: &Row, wanted: &Wanted, columns: &Columns) {
        let says = |columns: &[String]| {
            columns.iter().any(|name| row.text(name).is_some_and(|value| !value.trim().is_empty()))
        };
        self.without_author += u64::from(wanted.names_authors && !says(&columns.authors));
        let rounded = || columns.ids.iter().any(|name| row.text(name).is_some_and(|value| is_rounded_id(&value)));
        self.without_id += u64::from(wanted.names_posts && (!says(&columns.ids) || rounded()));
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
            let list = TrainedOn::read(&folder).unwrap_or_else(|error| {
                self.unread.push(Unread { folder: folder.clone(), why: error.to_string() });
                None
            });
            if let Some(list) = list {
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
        let linked = |name: &&String| std::fs::metadata(path.join(name)).is_ok_and(|file| file.nlink() > 1);
        self.hard_links = self.files.keys().filter(linked).cloned().collect();
        let here = manifest.sources.iter().filter(|source| !places_of(source, path).is_empty());
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

    /// Writes a data set with one row of these columns, and returns it.
    fn with_columns(place: &Path, fields: &[(&str, &str)]) -> PathBuf {
        let path = place.join(format!("set{}", std::fs::read_dir(place).unwrap().count()));
        let mut writer = Folder::create(&path, Format::JsonLines).unwrap();
        for other in [fields, &[("text", "otra cosa")]] {
            let mut row = Row::default();
            other.iter().for_each(|(name, value)| row.set(*name, *value));
            writer.write(&row).unwrap();
        }
        writer.finish(Manifest::default()).unwrap();
        path
    }

    #[test]
    fn people_and_posts_are_found_however_they_are_named_and_whatever_the_column_is_called() {
        let place = tempfile::tempdir().unwrap();
        let ana = [("text", "hola"), ("author", "Ana"), ("id", "12")];
        let renamed = [("tweet", "hola"), ("Username", "@ana"), ("tweet_id", "12")];
        for fields in [ana, renamed, [("text", "hola"), ("screen_name", "https://twitter.com/ana"), ("id_str", "12")]] {
            let path = with_columns(place.path(), &fields);
            for author in ["ana", "@Ana", " https://x.com/ana ", "https://twitter.com/ANA/status/9", "x.com/ana"] {
                assert_eq!(look(&path, &wanted(&[author], &[]), &[]).unwrap().rows, 1, "{author} {fields:?}");
            }
            for id in ["12", "https://x.com/ana/status/12", "https://x.com/i/web/status/12?s=20"] {
                assert_eq!(look(&path, &wanted(&[], &[id]), &[]).unwrap().rows, 1, "{id} {fields:?}");
            }
            assert_eq!(look(&path, &wanted(&["eva"], &[]), &[]).unwrap().without_author, 1);
        }
        let list = place.path().join("list.txt");
        std::fs::write(&list, "\u{feff}https://x.com/ana\nhttps://x.com/eva/status/12\n77\n").unwrap();
        let listed = Wanted::new(&[], &[], &[list]).unwrap();
        assert_eq!(look(&with_columns(place.path(), &ana), &listed, &[]).unwrap().rows, 1);
        for (author, id, expected) in [
            ("https://example.com/ana", "", "names nobody; write name, @name"),
            ("", "@ana", "names no post; write its id"),
            ("", "https://x.com/ana", "names no post"),
            ("", "1.37E+18", "a spreadsheet rounded this id"),
        ] {
            let refused = Wanted::new(&[author.to_owned()], &[id.to_owned()], &[]).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn one_author_is_one_however_the_name_is_typed_and_who_is_not_there_is_named() {
        let place = tempfile::tempdir().unwrap();
        for (author, text) in [
            ("begon\u{303}a", "hola"),
            ("BEGO\u{d1}A", "hola"),
            ("eva", "RT  @BEGO\u{d1}A: hola"),
            ("eva", "rt @begon\u{303}a hola"),
        ] {
            let path = with_columns(place.path(), &[("text", text), ("author", author), ("id", "7")]);
            for name in ["bego\u{f1}a", "@Begon\u{303}a"] {
                let looked = look(&path, &wanted(&[name, "nadie", "88"], &["9"]), &[]).unwrap();
                assert_eq!((looked.rows, looked.retweets), (1, u64::from(author == "eva")), "{author} {text}");
                assert_eq!(looked.unmatched, ["88", "9", "@nadie"]);
            }
        }
        let path =
            with_columns(place.path(), &[("text", "hola"), ("author", "ana"), ("author_id", "77"), ("id", "12")]);
        let list = place.path().join("list.txt");
        std::fs::write(&list, "12\n77\n13\n@eva\n").unwrap();
        let looked = look(&path, &Wanted::new(&[], &[], &[list]).unwrap(), &[]).unwrap();
        assert_eq!(looked.unmatched, ["13", "@eva"], "a number in a list is a post or an author");
    }

    #[test]
    fn without_a_column_to_look_in_nothing_is_called_clean() {
        let place = tempfile::tempdir().unwrap();
        let path = with_columns(place.path(), &[("text", "hola"), ("quien", "ana"), ("nr", "12")]);
        let error = |wanted: Wanted| look(&path, &wanted, &[]).unwrap_err().to_string();
        let by_author = error(wanted(&["ana"], &[]));
        assert!(
            by_author.contains("there are text, quien, nr: say which one with --author-column NAME"),
            "{by_author}"
        );
        assert!(error(wanted(&[], &["12"])).contains("say which one with --id-column NAME"));
        let list = place.path().join("list.txt");
        std::fs::write(&list, "12\n").unwrap();
        assert!(error(Wanted::new(&[], &[], &[list]).unwrap()).contains("--author-column"));
        let named = wanted(&["ana"], &["12"]).in_columns(Some("quien".to_owned()), Some("nr".to_owned()));
        assert_eq!(look(&path, &named, &[]).unwrap().rows, 1);
        let wrong = error(wanted(&["ana"], &[]).in_columns(Some("quién".to_owned()), None));
        assert!(wrong.contains("--author-column: no column \"quién\"; there are text, quien, nr"), "{wrong}");
        let ids_only = with_columns(place.path(), &[("text", "hola"), ("author_id", "77")]);
        assert!(look(&ids_only, &wanted(&["ana"], &[]), &[]).unwrap_err().to_string().contains("text, author_id"));
        assert_eq!(look(&ids_only, &wanted(&["77"], &[]), &[]).unwrap().rows, 1);
    }

    #[test]
    fn permissions_stay_and_no_link_keeps_the_rows() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set");
        set(&path, Format::JsonLines);
        let modes = [("", 0o700), ("train.jsonl", 0o600), ("manifest.json", 0o600), ("README.md", 0o640)];
        for (name, mode) in modes {
            std::fs::set_permissions(path.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let link = place.path().join("link");
        symlink(&path, &link).unwrap();
        std::fs::hard_link(path.join("train.jsonl"), place.path().join("copy")).unwrap();
        let purged = purge(&link, &wanted(&["ana"], &[]), &[], "", WHEN).unwrap();
        assert_eq!((purged.rows, purged.hard_links), (3, vec!["train.jsonl".to_owned()]));
        assert!(link.is_symlink() && verify(&path).unwrap().faults.is_empty());
        assert_eq!(look(&path, &wanted(&["ana"], &[]), &[]).unwrap().rows, 0);
        for (name, mode) in modes {
            assert_eq!(std::fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
        }
        std::fs::rename(path.join("train.jsonl"), place.path().join("elsewhere")).unwrap();
        symlink(place.path().join("elsewhere"), path.join("train.jsonl")).unwrap();
        let refused = purge(&path, &wanted(&["luis"], &[]), &[], "", WHEN).unwrap_err().to_string();
        assert!(refused.contains("train.jsonl: a link to") && refused.contains("elsewhere"), "{refused}");
    }

    #[test]
    fn a_file_that_is_no_list_of_a_model_is_passed_over_and_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set");
        set(&path, Format::JsonLines);
        let model = place.path().join("model");
        std::fs::create_dir_all(&model).unwrap();
        TrainedOn::of([path.join("train.jsonl")]).unwrap().write(&model).unwrap();
        std::fs::create_dir_all(place.path().join("app")).unwrap();
        std::fs::write(place.path().join("app/data.json"), "[1, 2]").unwrap();
        let purged = purge(&path, &wanted(&["ana"], &[]), &[place.path().to_owned()], "", WHEN).unwrap();
        assert_eq!((purged.models.len(), purged.unread.len()), (1, 1));
        assert!(purged.unread[0].folder.ends_with("app") && purged.unread[0].why.contains("data.json"));
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
        let refused = |wanted: &Wanted| {
            let [looked, purged] = [look(&path, wanted, &[]), purge(&path, wanted, &[], "", WHEN)];
            let [looked, purged] = [looked, purged].map(|result| result.unwrap_err().to_string());
            assert_eq!(looked, purged, "a dry run refuses what the run refuses");
            purged
        };
        assert!(refused(&all).contains("no row would be left"));
        assert!(Wanted::new(&[], &[], &[]).unwrap_err().to_string().contains("nothing to purge"));
        std::fs::create_dir(path.join("notes")).unwrap();
        let other = refused(&wanted(&["ana"], &[]));
        assert!(other.contains("notes: the folder is written anew and keeps only files"), "{other}");
        assert!(path.join("notes").is_dir());
        std::fs::remove_dir(path.join("notes")).unwrap();
        std::fs::write(path.join("test.jsonl"), "{\"id\":\"4\",\"author\":\"ana\"}\n").unwrap();
        let changed = refused(&wanted(&["ana"], &[]));
        assert!(changed.contains("test.jsonl: not the contents that the manifest names"), "{changed}");
        assert_eq!(Manifest::read(&path).unwrap().purged, []);
    }
}
