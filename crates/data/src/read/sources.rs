//! What is to be read: files, folders and standard input, unfolded into the files inside them, one after the other.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail, ensure};

use super::decode::decoded;
use super::frames::Frames;
use super::input::Input;
use super::report::Skipped;
use super::skip::{is_data, no_data};
use super::sniff::Packing;
use super::unpack::{Member, OnDisk, member_of, members_of};
use super::x::archive::{Archive, Role, role_of};

/// How deep packed files may be in each other.
pub(super) const DEEPEST: usize = 4;

/// Something that is not opened yet.
#[derive(Debug)]
pub(super) struct Source {
    /// The name in messages: the path, or `ZIP:MEMBER`.
    pub(super) name: String,
    pub(super) place: Where,
    pub(super) compression: Vec<&'static str>,
    pub(super) depth: usize,
    /// What the archive says that this file belongs to.
    pub(super) archive: Option<Arc<Archive>>,
    /// Other files of its archive that are not read.
    pub(super) unread: Vec<String>,
    /// The zip file that it is a member of, if others of its members may be passed over.
    pub(super) zip: Option<Arc<ZipFile>>,
}

/// What is known of a zip file whose members are read one by one.
#[derive(Debug)]
pub(super) struct ZipFile {
    pub(super) name: String,
    /// Whether a member is called like a table: plain lines are no data then.
    pub(super) has_tables: bool,
    waiting: AtomicUsize,
    read: AtomicBool,
}

impl ZipFile {
    /// Notes whether a member was read or passed over; true if it was the last and none was read.
    pub(super) fn is_without_data(&self, read: bool) -> bool {
        self.read.fetch_or(read, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed) == 1 && !self.read.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(super) enum Where {
    StandardInput,
    Path(PathBuf),
    Member(OnDisk, Member),
    Folder(PathBuf),
}

impl Source {
    /// Returns the source of a path; `-` is standard input.
    pub(super) fn of(path: &Path) -> Self {
        let (name, place) = match path.to_str() {
            Some("-") => ("standard input".to_owned(), Where::StandardInput),
            _ if path.is_dir() => (path.display().to_string(), Where::Folder(path.to_owned())),
            _ => (path.display().to_string(), Where::Path(path.to_owned())),
        };
        Self { name, place, compression: Vec::new(), depth: 0, archive: None, unread: Vec::new(), zip: None }
    }

    /// Opens the stream of a source that is no folder.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn stream(&self) -> Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Where::StandardInput => Box::new(std::io::stdin()),
            Where::Path(path) => {
                Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {}", self.name))?)
            }
            Where::Member(zip, member) => member_of(zip.clone(), member),
            Where::Folder(_) => bail!("{}: is a folder", self.name),
        })
    }

    /// Returns the file on disk, if the stream is one.
    pub(super) fn on_disk(&self) -> Option<OnDisk> {
        match &self.place {
            Where::Path(path) if path.is_file() && self.compression.is_empty() => Some(OnDisk::Path(path.clone())),
            _ => None,
        }
    }
}

/// Returns the files of a folder that is no data set: X's archive, unpacked.
///
/// # Errors
/// If the folder is no archive, or cannot be read.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for below in ["", "data", "data/js", "data/js/tweets", "js", "js/tweets", "tweets"] {
        let Ok(entries) = std::fs::read_dir(folder.join(below)) else { continue };
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            if path.is_file() && path.extension().is_some_and(|ending| ending == "js") {
                files.push(path);
            }
        }
    }
    files.sort();
    let shown = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let named: Vec<(String, PathBuf)> = files.into_iter().map(|path| (shown(&path), path)).collect();
    let place = |name: &str, path: &PathBuf| (format!("{}/{name}", folder.display()), Where::Path(path.clone()));
    let Some(sources) = of_archive(named, place)? else {
        bail!(
            "{}: a folder that is no data set (it has no manifest.json) and not X's archive (it has no tweets.js): name the files in it",
            folder.display()
        );
    };
    Ok(sources)
}

/// Returns the files in a zip file: those of X's archive that are read, or all that may be data; and what is passed over.
///
/// # Errors
/// If it is no whole zip file, or one of an office program, or nothing in it can be data.
pub(super) fn in_zip(zip: &OnDisk, outer: &Source) -> Result<(Vec<Source>, Vec<Skipped>)> {
    let members = members_of(zip).with_context(|| outer.name.clone())?;
    let has = |name: &str| members.iter().any(|member| member.name == name);
    ensure!(!has("xl/workbook.xml"), "{}: an Excel workbook: save the sheet as CSV UTF-8", outer.name);
    ensure!(
        !has("word/document.xml") && !has("content.xml"),
        "{}: a document of an office program: save the table as CSV UTF-8",
        outer.name
    );
    ensure!(
        outer.depth < DEEPEST,
        "{}: files packed more than {DEEPEST} deep in each other: unpack them first",
        outer.name
    );
    let named = members.iter().map(|member| (member.name.clone(), member.clone())).collect();
    let place =
        |name: &str, member: &Member| (format!("{}:{name}", outer.name), Where::Member(zip.clone(), member.clone()));
    if let Some(sources) = of_archive(named, place)? {
        return Ok((sources, Vec::new()));
    }
    let (mut skipped, mut data) = (Vec::new(), Vec::new());
    for member in members.iter().filter(|member| !is_hidden(&member.name)) {
        match no_data(&member.name) {
            Some(why) => skipped.push(Skipped { name: format!("{}:{}", outer.name, member.name), why: why.to_owned() }),
            None => data.push(member),
        }
    }
    ensure!(!data.is_empty() || !skipped.is_empty(), "{}: the zip file is empty", outer.name);
    ensure!(!data.is_empty(), nothing_in(&outer.name, &skipped));
    let of_zip = Arc::new(ZipFile {
        name: outer.name.clone(),
        has_tables: data.iter().any(|member| is_data(&member.name)),
        waiting: AtomicUsize::new(data.len()),
        read: AtomicBool::new(false),
    });
    let inside = data.into_iter().map(|member| Source {
        name: format!("{}:{}", outer.name, member.name),
        place: Where::Member(zip.clone(), member.clone()),
        compression: outer.compression.iter().copied().chain([Packing::Zip.name()]).collect(),
        depth: outer.depth + 1,
        archive: None,
        unread: Vec::new(),
        zip: Some(Arc::clone(&of_zip)),
    });
    Ok((inside.collect(), skipped))
}

/// Returns the message for a zip file in which everything was passed over.
pub(super) fn nothing_in(zip: &str, skipped: &[Skipped]) -> String {
    let here = |file: &Skipped| {
        file.name.strip_prefix(zip).map(|name| format!("{} ({})", name.trim_start_matches(':'), file.why))
    };
    let names: Vec<String> = skipped.iter().filter_map(here).take(5).collect();
    format!(
        "{zip}: no table or other data in this zip file: it has {}; if one of them is data, unpack it and name it",
        names.join(", ")
    )
}

fn is_hidden(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
}

/// Returns the files of an archive that are read, in order, or none if the files are no archive.
fn of_archive<T>(files: Vec<(String, T)>, place: impl Fn(&str, &T) -> (String, Where)) -> Result<Option<Vec<Source>>> {
    let mut known = Vec::new();
    let mut unread = Vec::new();
    for (path, file) in files {
        match role_of(&path) {
            Some(role) => known.push((role, path, file)),
            None if path.ends_with(".js") => unread.push(path),
            None => {}
        }
    }
    if !known.iter().any(|(role, ..)| matches!(role, Role::Tweets(_))) {
        return Ok(None);
    }
    known.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let source = |path: &str, file: &T| {
        let (name, place) = place(path, file);
        Source { name, place, compression: Vec::new(), depth: DEEPEST, archive: None, unread: Vec::new(), zip: None }
    };
    let mut archive = Archive::default();
    for (role, path, file) in known.iter().filter(|(role, ..)| !matches!(role, Role::Tweets(_))) {
        add(&mut archive, *role, &source(path, file))?;
    }
    let archive = Arc::new(archive);
    let tweets = known.iter().filter(|(role, ..)| matches!(role, Role::Tweets(_)));
    let mut sources: Vec<Source> =
        tweets.map(|(_, path, file)| Source { archive: Some(Arc::clone(&archive)), ..source(path, file) }).collect();
    if let Some(first) = sources.first_mut() {
        first.unread = unread;
    }
    Ok(Some(sources))
}

/// Returns what is next to a `tweets.js` that was named alone: the account, the long texts, and the names of its other parts.
///
/// # Errors
/// If one of them cannot be read.
pub(super) fn neighbours_of(path: &Path) -> Result<(Archive, Vec<String>)> {
    let mut archive = Archive::default();
    let mut parts = Vec::new();
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files.iter().filter(|file| *file != path) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match role_of(&name) {
            Some(Role::Tweets(_)) => parts.push(name.into_owned()),
            Some(role) => add(&mut archive, role, &Source::of(file))?,
            None => {}
        }
    }
    Ok((archive, parts))
}

/// Adds what a file says to what is known of an archive.
fn add(archive: &mut Archive, role: Role, source: &Source) -> Result<()> {
    let (input, mut records) = decoded(Input::new(source.stream()?), None)?;
    let mut frames = Frames::of_archive(input).with_context(|| source.name.clone())?;
    while let Some(frame) = frames.next_frame().with_context(|| source.name.clone())? {
        let (text, _) = records.text(&frame.bytes);
        let value: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{}:{}", source.name, frame.line))?;
        let Some(object) = value.as_object() else { continue };
        match role {
            Role::Notes => archive.add_note(object),
            Role::Account | Role::Tweets(_) => archive.add_account(object),
        }
    }
    Ok(())
}
