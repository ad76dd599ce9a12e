//! `pregonero dataset show | verify | purge | ids | card`: what is done with a data set that is there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde_json::json;

use crate::cli::output::{BAD, GOOD, HEADING, counted, styled, visible};
use crate::cli::session::Session;
use pregonero_data::card::{MADE_BY, card};
use pregonero_data::croissant;
use pregonero_data::folder::{Folder, MANIFEST, Manifest, check_words};
use pregonero_data::ids::{MOST_IDS, write_ids};
use pregonero_data::purge::{self, Purged, Wanted};
use pregonero_data::times::standard;
use pregonero_data::verify::{SourceFound, verify};
use pregonero_system::files::{Existing, is_untouched, refuse_existing, refuse_input, write_whole};

/// Where trainings leave their models when nobody says otherwise.
const RUNS: &str = "runs";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset show sets/vacunas
  pregonero dataset show sets/vacunas --json")]
pub struct ShowArguments {
    /// The data set's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl ShowArguments {
    /// Runs `dataset show`.
    ///
    /// # Errors
    /// If the folder is no data set.
    pub fn run(self, session: &Session) -> Result<()> {
        let folder = Folder::open(&self.folder)?;
        let json = serde_json::to_value(folder.manifest())?;
        session.output.object(|| shown(folder.manifest(), &name_of(&folder)), || json)
    }
}

/// Returns the data set's name, or its folder's if it has none.
fn name_of(folder: &Folder) -> String {
    if !folder.manifest().name.is_empty() {
        return folder.manifest().name.clone();
    }
    let path = std::fs::canonicalize(folder.path()).unwrap_or_else(|_| folder.path().to_owned());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn shown(manifest: &Manifest, name: &str) -> String {
    let mut text = format!("{} {}\n", styled(HEADING, &visible(name)), visible(&manifest.version));
    let said = |text: &str| if text.is_empty() { "not said".to_owned() } else { visible(text) };
    if !manifest.description.is_empty() {
        let _ = writeln!(text, "{}", visible(&manifest.description));
    }
    let creators = said(&manifest.creators.join(", "));
    let _ = writeln!(text, "made {} by {creators}", said(&manifest.created_at));
    let _ = writeln!(text, "licence: {}\nrights: {}", said(&manifest.licence), said(&manifest.rights));
    let _ = writeln!(text, "digest {}", visible(&manifest.digest));
    for source in &manifest.sources {
        let dropped: u64 = source.dropped.values().sum();
        let cost = source.cost_usd.map_or_else(String::new, |cost| format!(", ${cost:.2}"));
        let [what, path, kind] = [&source.what, &source.path_or_query, &source.kind].map(|text| visible(text));
        let (read, kept) = (source.rows_read, source.kept);
        let _ = writeln!(text, "source: {what} {path} ({kind}): {read} read = {kept} kept + {dropped} dropped{cost}");
        for (reason, rows) in &source.dropped {
            let _ = writeln!(text, "  {rows:>9}  {}", visible(reason));
        }
    }
    for file in &manifest.files {
        let _ = writeln!(text, "{}: {}, {} bytes", visible(&file.name), counted(file.rows, "row", "rows"), file.bytes);
    }
    for column in &manifest.columns {
        let kind = format!("{:?}", column.kind).to_lowercase();
        let _ = writeln!(text, "  {:<20} {kind:<8} {} rows", visible(&column.name), column.filled);
    }
    if !manifest.labels.is_empty() {
        let labels: Vec<String> =
            manifest.labels.iter().map(|(label, rows)| format!("{rows} {}", visible(label))).collect();
        let _ = writeln!(text, "labels: {}", labels.join(", "));
    }
    for purge in &manifest.purged {
        let reason = if purge.reason.is_empty() { String::new() } else { format!(" ({})", visible(&purge.reason)) };
        let (when, by) = (visible(&purge.when), visible(&purge.by));
        let _ = writeln!(text, "purged {when}: {} rows by {by}{reason}", purge.rows);
    }
    for command in &manifest.commands {
        let _ = writeln!(text, "command: {}", visible(command));
    }
    text.trim_end().to_owned()
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset verify sets/vacunas
  pregonero dataset verify sets/vacunas --json | jq .faults

Exits with 1 if anything is not as the manifest says. A source that has moved or changed since is named, but is no fault: the
data set does not need it any more.")]
pub struct VerifyArguments {
    /// The data set's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl VerifyArguments {
    /// Runs `dataset verify`.
    ///
    /// # Errors
    /// If the folder is no data set, or is not what its manifest says.
    pub fn run(self, session: &Session) -> Result<()> {
        let found = verify(&self.folder)?;
        let json = serde_json::to_value(&found)?;
        session.output.object(
            || {
                let mut text = String::new();
                for source in &found.sources {
                    let state = match source.state {
                        SourceFound::Same => "still there, the same",
                        SourceFound::Changed => "changed since",
                        SourceFound::NotHere => "not here any more",
                        SourceFound::Unknown => "no file to compare with",
                    };
                    let _ = writeln!(text, "source {}: {state}", visible(&source.source));
                }
                for fault in &found.faults {
                    let _ = writeln!(text, "{} {}", styled(BAD, "fault:"), visible(fault));
                }
                if found.faults.is_empty() {
                    let (files, rows) = (counted(found.files, "file", "files"), counted(found.rows, "row", "rows"));
                    let _ = writeln!(
                        text,
                        "{}: {files}, {rows}, digest {}",
                        styled(GOOD, "as the manifest says"),
                        found.digest
                    );
                }
                text.trim_end().to_owned()
            },
            || json,
        )?;
        if !found.faults.is_empty() {
            bail!(
                "{}: {}; get the data set again, or build it again",
                self.folder.display(),
                counted(found.faults.len(), "fault", "faults")
            );
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset purge sets/vacunas --author @vecina --dry-run
  pregonero dataset purge sets/vacunas --author @vecina --reason \"asked by mail\"
  pregonero dataset purge sets/vacunas --id 1372934055187263488
  pregonero dataset purge sets/vacunas --author https://x.com/vecina --id https://x.com/vecino/status/1372934055187263488
  pregonero dataset purge sets/survey --author vecina --author-column handle
  pregonero dataset purge sets/vacunas --file forgotten.txt --models ~/models --models runs

Retweets of an author contain the author's words and go too; posts that mention the author stay, and are counted.
The manifest records when, how many and why, but no name and no id. Models keep in data.json what they were trained on: those
that have seen the rows are named, and data sets that were built from this one. They must be trained and built again: what a model
has learned cannot be taken out of it. Files that were exported before (such as the list of `dataset ids`) are not followed: write
them again. Put the name into a file that the spec's leave_out reads, or the next build brings it back.")]
pub struct PurgeArguments {
    /// The data set's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// A screen name, an author's id, or the address of a profile; may be given several times
    #[arg(long, value_name = "NAME")]
    author: Vec<String>,
    /// A post's id or address; may be given several times
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// A file with @names, ids and addresses, one on each line; may be given several times
    #[arg(long, value_name = "LIST")]
    file: Vec<PathBuf>,
    /// The column with the authors [default: author and author_id, or a usual name such as username]
    #[arg(long, value_name = "NAME")]
    author_column: Option<String>,
    /// The column with the posts' ids [default: id, or a usual name such as tweet_id]
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,
    /// Why, for the manifest; name nobody in it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Where to look for models and data sets; may be given several times [default: the hub's folder, runs, and the data set's own parent]
    #[arg(long, value_name = "FOLDER")]
    models: Vec<PathBuf>,
    /// Show what would go, and which models have seen it; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl PurgeArguments {
    /// Runs `dataset purge`.
    ///
    /// # Errors
    /// If the folder is no data set, nothing to purge is named, or the folder cannot be written.
    pub fn run(self, session: &Session) -> Result<()> {
        check_words([("--reason", self.reason.as_str())])?;
        let wanted = Wanted::new(&self.author, &self.id, &self.file)?
            .in_columns(self.author_column.clone(), self.id_column.clone());
        let folders = self.folders(session)?;
        let purged = if self.dry_run {
            purge::look(&self.folder, &wanted, &folders)?
        } else {
            purge::purge(&self.folder, &wanted, &folders, &self.reason, &standard(session.now()))?
        };
        let json = json!({"dry_run": self.dry_run, "purged": purged});
        session.output.object(|| self.shown(&purged, &folders), || json)
    }

    fn folders(&self, session: &Session) -> Result<Vec<PathBuf>> {
        for folder in &self.models {
            ensure!(folder.is_dir(), "{}: --models needs a folder", folder.display());
        }
        if !self.models.is_empty() {
            return Ok(self.models.clone());
        }
        // The folder's own parent, also where the folder is a link or `.`.
        let real = std::fs::canonicalize(&self.folder).unwrap_or_default();
        let parent = if self.folder.is_symlink() || self.folder.file_name().is_none() { &real } else { &self.folder };
        let parent = parent.parent().filter(|parent| !parent.as_os_str().is_empty());
        let usual =
            [Some(session.hub()?.cache_dir), Some(PathBuf::from(RUNS)), Some(parent.map_or(".".into(), Into::into))];
        Ok(usual.into_iter().flatten().filter(|folder| folder.is_dir()).collect())
    }

    fn shown(&self, purged: &Purged, folders: &[PathBuf]) -> String {
        let folder = self.folder.display();
        if purged.rows == 0 {
            let unsaid = unsaid(purged);
            return format!("{folder}: no such row{}; nothing was changed\n{unsaid}", mentions(purged))
                .trim_end()
                .to_owned();
        }
        let would = if self.dry_run { "would be removed (--dry-run)" } else { "removed" };
        let mut text = format!(
            "{folder}: {} {would}, {} kept{}\n",
            counted(purged.rows, "row", "rows"),
            purged.kept,
            mentions(purged)
        );
        for (file, rows) in &purged.files {
            let _ = writeln!(text, "  {rows:>9}  {}", visible(file));
        }
        if purged.retweets > 0 {
            let _ = writeln!(text, "{} of them are retweets by others", purged.retweets);
        }
        text.push_str(&unsaid(purged));
        for trained in &purged.models {
            let [model, on] = [&trained.model, &trained.on].map(|path| visible(&path.display().to_string()));
            let _ = writeln!(text, "{} {model} was trained on {on}: train it again", styled(BAD, "model"));
        }
        for set in &purged.data_sets {
            let _ =
                writeln!(text, "{} {} was built from this one: purge it too", styled(BAD, "data set"), set.display());
        }
        if purged.models.is_empty() && purged.data_sets.is_empty() {
            let places: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            let _ = writeln!(text, "no model with data.json in {} has seen these rows", places.join(", "));
        }
        for unread in &purged.unread {
            let (place, why) = (visible(&unread.folder.display().to_string()), visible(&unread.why));
            let _ = writeln!(
                text,
                "{} {place} was skipped ({why}): if a model is there, check yourself whether it learned from these rows; --models names the folders to look in",
                styled(BAD, "warning:")
            );
        }
        for file in &purged.hard_links {
            let _ = writeln!(
                text,
                "{} {} has another name on this disk (a hard link), which keeps the rows: remove that too",
                styled(BAD, "warning:"),
                visible(file)
            );
        }
        let described = ["README.md", "croissant.json"].into_iter().filter(|name| self.folder.join(name).is_file());
        let described: Vec<&str> = described.collect();
        if !described.is_empty() && !self.dry_run {
            let _ = writeln!(text, "write {} again: `pregonero dataset card {folder}`", described.join(" and "));
        }
        for source in &purged.sources {
            let _ = writeln!(
                text,
                "the source {} is still there, and a new build brings the rows back: see leave_out",
                visible(source)
            );
        }
        if !self.dry_run {
            let _ = writeln!(text, "digest {} (before: {})", purged.digest, purged.digest_before);
        }
        text.trim_end().to_owned()
    }
}

/// How many authors and ids without a row are named.
const MOST_NAMED: usize = 10;

/// Returns for whom there was no row, and which rows could not be looked at, a line each.
fn unsaid(purged: &Purged) -> String {
    let mut text = String::new();
    if !purged.unmatched.is_empty() {
        let shown: Vec<String> = purged.unmatched.iter().take(MOST_NAMED).map(|name| visible(name)).collect();
        let more = purged.unmatched.len().saturating_sub(MOST_NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more, which --json lists") };
        let _ = writeln!(
            text,
            "{} no row for {}{more}: check how it is written",
            styled(BAD, "warning:"),
            shown.join(", ")
        );
    }
    for (count, what) in [
        (purged.without_author, "an author, so --author could not find them"),
        (purged.without_id, "a whole id, so --id could not find them"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{} {} without {what}", styled(BAD, "warning:"), counted(count, "row", "rows"));
        }
    }
    text
}

fn mentions(purged: &Purged) -> String {
    match purged.mentions {
        0 => String::new(),
        count => format!(" ({count} that mention the author stay)"),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset ids sets/vacunas --output ids.txt
  pregonero dataset ids sets/large --skip 1500000 --output more-ids.txt

X lets one person or organisation pass on 1,500,000 ids within 30 days (Developer Policy, 2026-07-14), and no texts beyond
500 posts a day to one person. `pregonero dataset hydrate ids.txt` reads the posts again, as far as they still exist.")]
pub struct IdsArguments {
    /// The data set's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The file to write, one id on each line; it must not exist yet
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// How many ids to write at most
    #[arg(long, value_name = "COUNT", default_value_t = MOST_IDS, value_parser = clap::value_parser!(u64).range(1..=MOST_IDS))]
    max: u64,
    /// How many ids to pass over, because they were passed on before
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    skip: u64,
}

impl IdsArguments {
    /// Runs `dataset ids`.
    ///
    /// # Errors
    /// If the folder is no data set, has no usable id, or the file cannot be written.
    pub fn run(self, session: &Session) -> Result<()> {
        refuse_existing(&self.output, Existing::Refuse)?;
        let folder = Folder::open(&self.folder)?;
        let mut counts = None;
        let written = write_whole(&self.output, Existing::Refuse, |writer| {
            match counts.insert(write_ids(&folder, self.skip, self.max, writer)) {
                Ok(counts) if counts.written > 0 => Ok(()),
                _ => Err(std::io::Error::other("no id was written")),
            }
        });
        let Some(counts) = counts.transpose()? else { return written };
        ensure!(
            counts.written > 0,
            "{}: no id to write: {} rows without one, {} unusable (rounded by a table, or not digits), {} passed over",
            self.folder.display(),
            counts.without,
            counts.unusable,
            counts.skipped
        );
        written?;
        session.output.object(
            || {
                let mut text = format!("{} written to {}", counted(counts.written, "id", "ids"), self.output.display());
                for (count, what) in [
                    (counts.repeated, "repeated"),
                    (counts.without, "rows without an id"),
                    (counts.unusable, "unusable (rounded by a table, or not digits)"),
                ] {
                    if count > 0 {
                        let _ = write!(text, "; {count} {what}");
                    }
                }
                if counts.zeros > 0 {
                    let _ = write!(
                        text,
                        "; {} end in 0000, too few to have been rounded",
                        counted(counts.zeros, "id", "ids")
                    );
                }
                if counts.left > 0 {
                    let skip = self.skip + counts.written;
                    let _ = write!(text, "; {} more with --skip {skip}, 30 days later", counts.left);
                }
                text
            },
            || json!({"counts": counts, "output": self.output}),
        )
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset card sets/vacunas                      write README.md into the folder
  pregonero dataset card sets/vacunas --output card.md
  pregonero dataset card sets/vacunas --croissant          write croissant.json into the folder

A card that somebody has completed or changed by hand is not replaced: write the new one elsewhere with --output and copy the answers,
or replace it with --overwrite.

The datasheet asks the questions of \"Datasheets for Datasets\" and answers those that the manifest can; the others are marked for
a person. Croissant is read by Hugging Face, Kaggle and Google's data set search; check it with
`mlcroissant validate --jsonld sets/vacunas/croissant.json`.")]
pub struct CardArguments {
    /// The data set's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Write Croissant 1.1 metadata (JSON-LD) instead of a datasheet
    #[arg(long)]
    croissant: bool,
    /// The file to write [default: README.md or croissant.json in the folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file even if it was written or changed by hand
    #[arg(long)]
    overwrite: bool,
}

impl CardArguments {
    /// Runs `dataset card`.
    ///
    /// # Errors
    /// If the folder is no data set, its manifest lacks what Croissant requires, or the file exists and has something by hand.
    pub fn run(self, session: &Session) -> Result<()> {
        let folder = Folder::open(&self.folder)?;
        let name = if self.croissant { "croissant.json" } else { "README.md" };
        let output = self.output.clone().unwrap_or_else(|| self.folder.join(name));
        refuse_existing(&output, Existing::Replace)?;
        let of_the_set = folder.manifest().files.iter().map(|file| file.name.as_str()).chain([MANIFEST]);
        refuse_input(&output, of_the_set.map(|name| self.folder.join(name)))?;
        if !self.overwrite {
            self.refuse_others(&output)?;
        }
        let content = match self.croissant {
            true => serde_json::to_string_pretty(&croissant::croissant(folder.manifest())?)? + "\n",
            false => card(folder.manifest()),
        };
        write_whole(&output, Existing::Replace, |writer| writer.write_all(content.as_bytes()))?;
        session.output.object(|| format!("written to {}", output.display()), || json!({"output": output}))
    }

    /// Refuses to replace a file in which a person wrote something.
    fn refuse_others(&self, path: &Path) -> Result<()> {
        if !path.exists() {
            return Ok(());
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        let (untouched, words) = match self.croissant {
            true => (croissant::is_untouched(&there), croissant::WORDS),
            false => (is_untouched(&there), MADE_BY),
        };
        ensure!(
            untouched || there.contains(words),
            "{}: exists already and was not written by this command; choose another name with --output, or replace it with --overwrite",
            path.display()
        );
        ensure!(
            untouched,
            "{}: changed by hand since this command wrote it, or written by an earlier version: write the new one elsewhere with \
             --output FILE and copy what you want to keep, or replace it with --overwrite",
            path.display()
        );
        Ok(())
    }
}
