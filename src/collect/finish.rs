//! From the journal to the data set folder: each post once, in the order of its id within its window, and what is missing.
//!
//! Memory has the places of all posts and a few pages, not the posts.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::found::{FoundPosts, KEY, Pages, identity};
use super::gather::{Collection, NOT_IN_THE_ANSWER, timeline_cap};
use super::journal::{Entry, Missing};
use super::request::{Task, What};
use super::row::{author_of, row};
use pregonero_data::folder::{Folder, Format, Manifest, Source, Writer};
use pregonero_data::json_row::Names;
use pregonero_data::times;
use pregonero_x::{Reach, time_of_id};

/// The file in the folder that lists the posts which X does not show.
const NOT_SHOWN: &str = "not-shown.csv";

/// What a person says about the data set.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub name: String,
    pub rights: String,
    /// The command line.
    pub command: String,
}

/// What became of a collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub output: PathBuf,
    /// Posts in the folder.
    pub rows: u64,
    /// Posts that X sent, each time it sent them.
    pub posts_read: u64,
    /// Posts that X sent more than once.
    pub repeated: u64,
    /// What X did not show, by its reason.
    pub not_shown: BTreeMap<String, u64>,
    /// How many posts X counted.
    pub counted: Option<u64>,
    /// The windows in which X sent fewer posts than it counted.
    pub missing: Vec<MissingWindow>,
    /// The accounts of which X shows only the latest posts.
    pub cut_timelines: Vec<String>,
    /// The accounts that X does not show, with its reason.
    pub unknown_accounts: BTreeMap<String, String>,
    /// Whether the limits ended it before everything was read.
    pub limited: bool,
    pub complete: bool,
    pub usd: f64,
    /// The data set's identity.
    pub digest: String,
}

/// A window that lacks posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingWindow {
    pub query: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub counted: u64,
    pub found: u64,
}

/// What is counted while rows are written, for each source.
#[derive(Debug, Clone, Default)]
struct SourceCounts {
    read: u64,
    kept: u64,
    repeated: u64,
    not_shown: BTreeMap<String, u64>,
}

impl Collection<'_> {
    /// Writes the folder, or replaces the one of an earlier run, and removes the journal if nothing is missing.
    ///
    /// # Errors
    /// If the journal cannot be read or the folder cannot be written; the journal stays then.
    pub fn finish(mut self, about: &About, format: Format, limited: bool) -> Result<Report> {
        let replaces = self.output.exists();
        let mut writer =
            if replaces { Folder::replace(&self.output, format)? } else { Folder::create(&self.output, format)? };
        let (mut report, counts, not_shown) = self.write_rows(&mut writer, limited)?;
        write_not_shown(&writer, &not_shown)?;
        let manifest = self.manifest(about, &report, &counts)?;
        let folder = writer.finish(manifest)?;
        report.digest.clone_from(&folder.manifest().digest);
        self.keep(&Entry::Finished { complete: report.complete })?;
        if report.complete {
            self.journal.remove()?;
        }
        Ok(report)
    }

    /// Writes the posts of all tasks; also returns what X did not show of the posts that were asked for by id.
    fn write_rows(&self, writer: &mut Writer, limited: bool) -> Result<(Report, Vec<SourceCounts>, Vec<Missing>)> {
        let mut report = self.empty_report(limited);
        let mut counts = vec![SourceCounts::default(); self.sources().len()];
        let mut not_shown = Vec::new();
        let mut written = HashSet::new();
        let mut names = Names::default();
        let mut pages = Pages::new(&self.journal);
        for (index, task) in self.tasks.iter().enumerate() {
            let found = self.found_in(index)?;
            let source = &mut counts[source_of(task)];
            source.repeated += found.repeated;
            source.read += found.len() + found.repeated;
            for post in &found.posts {
                if !written.insert(post.id) {
                    source.repeated += 1;
                    continue;
                }
                report.rows += 1;
                source.kept += 1;
                self.write_row(writer, pages.post(*post)?, report.rows, &mut names)?;
            }
            let faults = self.state.tasks[index].faults.iter().cloned().chain(self.unsaid(index, &found));
            let faults: Vec<Missing> = faults.collect();
            faults.iter().for_each(|fault| *source.not_shown.entry(fault.kind.clone()).or_default() += 1);
            if matches!(task, Task::Posts { .. }) {
                not_shown.extend(faults);
            }
            self.compare(index, task, &found, &mut report);
        }
        report.repeated = counts.iter().map(|source| source.repeated).sum();
        for source in &counts {
            source.not_shown.iter().for_each(|(kind, n)| *report.not_shown.entry(kind.clone()).or_default() += n);
        }
        report.complete =
            !limited && report.missing.is_empty() && (report.cut_timelines.is_empty() || !self.has_since());
        Ok((report, counts, not_shown))
    }

    fn write_row(&self, writer: &mut Writer, post: &Json, number: u64, names: &mut Names) -> Result<()> {
        let author = author_of(post).and_then(|id| self.state.author(id));
        let mut row = row(post, author, number, names);
        if let Some(author) = author {
            self.attributes.add_to(&mut row, &author.username);
        }
        writer.write(&row)
    }

    fn empty_report(&self, limited: bool) -> Report {
        let unknown = self.state.missing_accounts.iter();
        let unknown = unknown.filter_map(|fault| Some((fault.about.clone()?, fault.kind.clone())));
        Report {
            output: self.output.clone(),
            rows: 0,
            posts_read: self.state.posts_read,
            repeated: 0,
            not_shown: BTreeMap::new(),
            counted: (!self.state.counts.is_empty()).then(|| self.state.counted_in_all()),
            missing: Vec::new(),
            cut_timelines: Vec::new(),
            unknown_accounts: unknown.collect(),
            limited,
            complete: false,
            usd: dollars(self.state.paid),
            digest: String::new(),
        }
    }

    fn has_since(&self) -> bool {
        self.state.begin.since.is_some()
    }

    /// Compares a task with what X says that there is. What the limits left unread is not missing.
    fn compare(&self, index: usize, task: &Task, found: &FoundPosts, report: &mut Report) {
        match (task, &self.state.begin.request.what) {
            (Task::Search { query, window }, What::Search { queries, .. }) => {
                let is_read = self.state.tasks[index].done || self.state.counted(task) == Some(0);
                let counted = self.state.counted(task).filter(|counted| is_read && found.len() < *counted);
                if let Some(counted) = counted {
                    let (query, found) = (queries[*query].clone(), found.len());
                    report.missing.push(MissingWindow { query, from: window.from, to: window.to, counted, found });
                }
            }
            (Task::Timeline { account }, What::Timelines { excluded, since, .. }) => {
                let name = &self.state.begin.request.accounts[*account];
                let all = self.state.account_named(name).and_then(|account| account.posts).unwrap_or_default();
                let oldest = found.posts.first().and_then(|post| time_of_id(post.id));
                let reaches_back = since.is_some_and(|since| oldest.is_none_or(|oldest| oldest <= since));
                if all > timeline_cap(*excluded) && !reaches_back {
                    report.cut_timelines.push(name.clone());
                }
            }
            _ => {}
        }
    }

    /// Returns the ids of a task about which X said nothing at all.
    fn unsaid(&self, index: usize, found: &FoundPosts) -> Vec<Missing> {
        let Task::Posts { from, to } = &self.tasks[index] else { return Vec::new() };
        if !self.state.tasks[index].done {
            return Vec::new();
        }
        let faults = self.state.tasks[index].faults.iter().filter_map(|fault| fault.about.as_ref()?.parse().ok());
        let said: HashSet<u64> = found.posts.iter().map(|post| post.id).chain(faults).collect();
        let unsaid = self.ids.ids[*from..*to].iter().filter(|id| !said.contains(id));
        unsaid.map(|id| Missing { about: Some(id.to_string()), kind: NOT_IN_THE_ANSWER.to_owned() }).collect()
    }

    /// Returns the sources in words: one for each query, one for all timelines, one for the file of ids.
    fn sources(&self) -> Vec<(&'static str, String)> {
        match &self.state.begin.request.what {
            What::Search { queries, reach, .. } => {
                let what = if *reach == Reach::Recent { "recent search" } else { "full archive search" };
                queries.iter().map(|query| (what, query.clone())).collect()
            }
            What::Timelines { .. } => {
                let names: Vec<String> =
                    self.state.begin.request.accounts.iter().map(|name| format!("@{name}")).collect();
                vec![("timelines", names.join(" "))]
            }
            What::Posts { sha256, .. } => vec![("posts by id", format!("a file with the SHA-256 {sha256}"))],
        }
    }

    fn manifest(&self, about: &About, report: &Report, counts: &[SourceCounts]) -> Result<Manifest> {
        let now = times::standard(self.now());
        let is_alone = counts.len() == 1;
        let sources = self.sources().into_iter().zip(counts).map(|((what, query), counts)| {
            let mut dropped = BTreeMap::new();
            if counts.repeated > 0 {
                dropped.insert("repeated".to_owned(), counts.repeated);
            }
            Source {
                what: what.to_owned(),
                kind: "X API v2".to_owned(),
                path_or_query: query,
                rows_read: counts.read,
                kept: counts.kept,
                dropped,
                collected_at: Some(now.clone()),
                cost_usd: is_alone.then_some(report.usd),
                ..Source::default()
            }
        });
        let mut manifest = Manifest {
            name: about.name.clone(),
            rights: about.rights.clone(),
            created_at: now.clone(),
            sources: sources.collect(),
            commands: vec![about.command.clone()],
            ..Manifest::default()
        };
        manifest.other.insert(KEY.to_owned(), self.details(report)?);
        Ok(manifest)
    }

    fn details(&self, report: &Report) -> Result<Json> {
        let (since, until) = self.span();
        Ok(json!({
            "complete": report.complete, "limited": report.limited, "since": since, "until": until,
            "counted": report.counted, "missing": report.missing, "not_shown": report.not_shown,
            "cut_timelines": report.cut_timelines, "unknown_accounts": report.unknown_accounts,
            "attributes_sha256": self.state.begin.request.attributes, "cost_usd": report.usd,
            "journal": identity(&self.state.begin)?,
        }))
    }
}

/// Lists the posts that were asked for by id and that X does not show.
fn write_not_shown(writer: &Writer, not_shown: &[Missing]) -> Result<()> {
    let mut rows = not_shown.iter().filter_map(|missing| Some([missing.about.as_ref()?, &missing.kind])).peekable();
    let path = writer.path().join(NOT_SHOWN);
    if rows.peek().is_none() {
        // An earlier run of the same collection may have left one.
        let _ = std::fs::remove_file(&path);
        return Ok(());
    }
    let mut table = csv::Writer::from_path(&path).with_context(|| format!("cannot write {}", path.display()))?;
    table.write_record(["id", "reason"])?;
    rows.try_for_each(|row| table.write_record(row))?;
    Ok(table.flush()?)
}

fn source_of(task: &Task) -> usize {
    match task {
        Task::Search { query, .. } => *query,
        Task::Timeline { .. } | Task::Posts { .. } => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a price in millionths of a dollar is far below 2^53")]
fn dollars(micros: i64) -> f64 {
    micros as f64 / 1e6
}
