//! The two passes of a build.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use rayon::prelude::*;

use super::assess::{Assessed, Assessor, Renames};
use super::distinct::{Kept, UNDATED};
use super::enrich::{BATCH, Enricher};
use super::filter::Filters;
use super::join::Join;
use super::labels::Labels;
use super::leakage;
use super::manifest::manifest_of;
use super::named::Named;
use super::parts::{PARTS, assign};
use super::reason::Reason;
use super::report::{BuildReport, Dropped, JoinReport, PartReport, SourceReport};
use super::sources::{self, Ended, Input, News};
use super::spec::{Duplicates, OutputFormat, Rule, SpecFile, SplitBy};
use super::spool::Spool;
use crate::folder::{Folder, Format, Writer};
use crate::names;
use crate::row::Row;
use crate::times::standard;

/// The most labels of a data set: more are no classes but texts.
const MOST_LABELS: usize = 1000;

/// How many values that stand for no label are counted, and how many of them are shown.
const MOST_UNLISTED: usize = 1000;
const SHOWN: usize = 5;

/// What a build needs to know besides its spec.
#[derive(Debug)]
pub struct Request<'a> {
    /// The folder to write; none for a dry run.
    pub output: Option<&'a Path>,
    pub now: Timestamp,
    /// The command line, for the manifest.
    pub command: String,
    /// What derives the columns of the spec's `enrich`.
    pub enricher: Option<Enricher<'a>>,
}

/// Builds a data set.
///
/// # Errors
/// If the output exists already, a source cannot be read, no row stays, or the folder cannot be written. Then nothing is written.
pub fn build(file: &SpecFile, request: &Request<'_>) -> Result<BuildReport> {
    let assessor = assessor(file)?;
    let format = match file.spec.output.format {
        OutputFormat::Parquet => Format::Parquet,
        OutputFormat::JsonL => Format::JsonLines,
    };
    let writer = request.output.map(|output| Folder::create(output, format)).transpose()?;
    let derived = request.enricher.as_ref().map(|enricher| enricher.columns.as_slice()).unwrap_or_default();
    let mut pass = Pass::new(file, &assessor, derived, Sink::new(writer, file, request.enricher.is_some())?);
    pass.run()?;
    let parts = file.spec.split.as_ref().map(|split| assign(split, &pass.kept)).transpose()?;
    let mut report = pass.report();
    if let (Some(split), Some(parts)) = (&file.spec.split, &parts) {
        report.parts = part_reports(&pass.kept, parts);
        report.leakage = leakage::measure(&pass.kept, parts, split.seed);
    }
    report.notes.extend(pass.kept.compared_with_some());
    // The index is the larger part of the memory, and is not needed to write.
    let Pass { sink, .. } = pass;
    let folder = match sink {
        Sink::Nowhere => return Ok(report),
        Sink::Folder { writer, .. } => {
            let manifest = manifest_of(file, request.now, &request.command, &report);
            match &parts {
                Some(parts) => writer.finish_divided(manifest, &PARTS, parts)?,
                None => writer.finish(manifest)?,
            }
        }
        Sink::Spool(writer, spool) => write(file, request, writer, spool, parts.as_deref(), &report)?,
    };
    report.output = Some(folder.path().to_owned());
    report.digest = Some(folder.manifest().digest.clone());
    Ok(report)
}

/// Where the first pass puts the rows that stay.
enum Sink {
    Nowhere,
    /// Into the folder; which part each is in is said at the end.
    Folder {
        writer: Writer,
        columns: Vec<Arc<str>>,
        divided: bool,
    },
    /// Into a file between the passes, because the second one adds columns.
    Spool(Writer, Spool),
}

impl Sink {
    fn new(writer: Option<Writer>, file: &SpecFile, enriched: bool) -> Result<Self> {
        Ok(match writer {
            None => Self::Nowhere,
            Some(writer) if enriched => {
                let spool = Spool::new(writer.path())?;
                Self::Spool(writer, spool)
            }
            Some(writer) => Self::Folder { writer, columns: chosen(file), divided: file.spec.split.is_some() },
        })
    }

    fn put(&mut self, row: Row) -> Result<()> {
        match self {
            Self::Nowhere => Ok(()),
            Self::Spool(_, spool) => spool.write(&row),
            Self::Folder { writer, columns, divided } => {
                let row = selected(row, columns);
                if *divided { writer.write_later(&row) } else { writer.write(&row) }
            }
        }
    }
}

/// Returns the columns that the spec names for the output.
fn chosen(file: &SpecFile) -> Vec<Arc<str>> {
    file.spec.output.columns.iter().map(|column| Arc::from(column.as_str())).collect()
}

fn assessor(file: &SpecFile) -> Result<Assessor> {
    let spec = &file.spec;
    let context = || file.path.display().to_string();
    let mut joins = Vec::new();
    for join in &spec.joins {
        let path = file.at(&join.path);
        joins.push(Join::read(join, &path, sources::open(&path)?)?);
    }
    Ok(Assessor {
        filters: Filters::new(&spec.filter, |path| file.at(path)).with_context(context)?,
        labels: spec.label.as_ref().map(Labels::new).transpose().with_context(context)?,
        joins,
        named: Named::of(spec),
        needs_date: spec.split.as_ref().is_some_and(|split| split.by == SplitBy::Time),
        signed: spec.filter.duplicates == Duplicates::Near,
    })
}

/// The first pass.
struct Pass<'a> {
    file: &'a SpecFile,
    assessor: &'a Assessor,
    /// The columns that the second pass adds.
    derived: &'a [String],
    sink: Sink,
    kept: Kept,
    inputs: Vec<InputState>,
    /// By table, the rows with a line in it and those without.
    joined: Vec<[u64; 2]>,
    unlabelled: u64,
    /// By value, the rows whose label the spec does not list.
    unlisted: BTreeMap<String, u64>,
    columns: Columns,
}

/// What has been counted for one input.
struct InputState {
    input: Input,
    renames: Renames,
    read: u64,
    kept: u64,
    dropped: BTreeMap<Reason, u64>,
    unread_dates: u64,
    first_unread_date: u64,
    seen: Seen,
    /// The columns of the first row, for messages.
    example: Vec<String>,
    ended: Ended,
}

/// Which columns that a filter asks for have been seen.
#[derive(Default)]
struct Seen {
    text: AtomicBool,
    quote: AtomicBool,
    date: AtomicBool,
    author: AtomicBool,
}

/// The names of all columns, in the order in which they come.
#[derive(Default)]
struct Columns(Vec<String>);

impl Columns {
    fn see(&mut self, row: &Row) {
        for (near, (name, _)) in row.iter().enumerate() {
            if self.0.get(near).is_none_or(|known| known != name) && !self.0.iter().any(|known| known == name) {
                self.0.push(name.to_owned());
            }
        }
    }
}

impl<'a> Pass<'a> {
    fn new(file: &'a SpecFile, assessor: &'a Assessor, derived: &'a [String], sink: Sink) -> Self {
        let near = file.spec.split.as_ref().and_then(|split| split.near_duplicates);
        let state = |input: Input| InputState {
            renames: Renames::new(&file.spec.sources[input.source]),
            input,
            read: 0,
            kept: 0,
            dropped: BTreeMap::new(),
            unread_dates: 0,
            first_unread_date: 0,
            seen: Seen::default(),
            example: Vec::new(),
            ended: Ended::default(),
        };
        Self {
            file,
            assessor,
            derived,
            sink,
            kept: Kept::new(&file.spec.filter, near),
            inputs: sources::inputs(file).into_iter().map(state).collect(),
            joined: vec![[0; 2]; file.spec.joins.len()],
            unlabelled: 0,
            unlisted: BTreeMap::new(),
            columns: Columns::default(),
        }
    }

    fn run(&mut self) -> Result<()> {
        let inputs = self.inputs.iter().map(|state| state.input.clone()).collect();
        std::thread::scope(|scope| {
            for news in sources::read(scope, inputs) {
                match news? {
                    News::Rows(input, rows) => self.take(input, rows)?,
                    News::End(input, ended) => self.end(input, ended)?,
                }
            }
            Ok::<_, anyhow::Error>(())
        })?;
        self.check_named()?;
        ensure!(!self.kept.is_empty(), "{}: no row is left\n{}", self.file.path.display(), self.why_none());
        self.check_columns()
    }

    fn why_none(&self) -> String {
        let report = self.report();
        let lines = report.dropped.0.iter().map(|(reason, rows)| format!("  {rows} {reason}")).chain(report.hints);
        format!("{} rows read, dropped:\n{}", report.rows_read, lines.collect::<Vec<_>>().join("\n"))
    }

    /// Assesses some rows on all processors, then adds those that stay, in their order.
    fn take(&mut self, input: usize, rows: Vec<Row>) -> Result<()> {
        let state = &mut self.inputs[input];
        if state.example.is_empty() {
            state.example =
                rows.first().map(|row| row.iter().map(|(name, _)| name.to_owned()).collect()).unwrap_or_default();
        }
        let (assessor, renames, seen) = (self.assessor, &state.renames, &state.seen);
        let assessed = rows
            .into_par_iter()
            .map(|row| assessor.assess(row, renames).inspect(|assessed| seen.see(&assessed.row)))
            .collect::<Result<Vec<Assessed>>>()
            .with_context(|| state.input.path.display().to_string())?;
        assessed.into_iter().try_for_each(|assessed| self.add(input, assessed))
    }

    fn add(&mut self, input: usize, assessed: Assessed) -> Result<()> {
        let state = &mut self.inputs[input];
        state.read += 1;
        if assessed.unread_date {
            state.unread_dates += 1;
            if state.unread_dates == 1 {
                state.first_unread_date = assessed.row.place.row;
            }
        }
        for (counts, found) in self.joined.iter_mut().zip(&assessed.joined) {
            counts[usize::from(!found)] += 1;
        }
        let added = assessed.outcome.and_then(|facts| self.kept.add(&facts).map(|()| facts.label.is_none()));
        match added {
            Err(reason) => {
                *state.dropped.entry(reason).or_insert(0) += 1;
                if reason == Reason::UnlistedLabel {
                    self.count_unlisted(&assessed.row);
                }
            }
            Ok(unlabelled) => {
                state.kept += 1;
                self.unlabelled += u64::from(unlabelled);
                self.columns.see(&assessed.row);
                let labels = self.kept.labels.len();
                ensure!(
                    labels <= MOST_LABELS,
                    "label: more than {MOST_LABELS} different labels; is label.from the right column?"
                );
                self.sink.put(assessed.row)?;
            }
        }
        Ok(())
    }

    /// Counts the value of a row that stands for no label.
    fn count_unlisted(&mut self, row: &Row) {
        let value = self.assessor.labels.as_ref().and_then(|labels| labels.value(row));
        let Some(value) =
            value.filter(|value| self.unlisted.len() < MOST_UNLISTED || self.unlisted.contains_key(value))
        else {
            return;
        };
        *self.unlisted.entry(value).or_insert(0) += 1;
    }

    fn end(&mut self, input: usize, ended: Ended) -> Result<()> {
        let state = &mut self.inputs[input];
        state.ended = ended;
        for column in &state.ended.columns {
            self.assessor.named.see_column(state.renames.ours(column));
        }
        if state.read == 0 {
            return Ok(());
        }
        let path = state.input.path.display();
        let columns = state.example.join(", ");
        if let Some(missing) = state.renames.missing() {
            bail!("{path}: no row has the column {missing:?} that source.columns names; the first row has {columns}");
        }
        let hint = "name it in the spec, under [[source]]: columns = { text = \"NAME\" }";
        ensure!(
            state.seen.text.load(Ordering::Relaxed),
            "{path}: no row has a column \"text\"; the first row has {columns}: {hint}"
        );
        let dated = self.assessor.needs_date || self.assessor.filters.need_date();
        let hint = "name it in the spec, under [[source]]: columns = { created_at = \"NAME\" }";
        ensure!(
            !dated || state.seen.date.load(Ordering::Relaxed),
            "{path}: no row has a column \"created_at\", which the spec's dates need; the first row has {columns}: {hint}"
        );
        Ok(())
    }

    /// Refuses a column that the spec names and no file has.
    fn check_named(&self) -> Result<()> {
        let Some((key, column)) = self.assessor.named.missing() else { return Ok(()) };
        let mut there: Vec<&str> = Vec::new();
        for state in self.inputs.iter().filter(|state| state.read > 0) {
            let set = self.file.spec.sources[state.input.source].set.keys().map(String::as_str);
            for name in state.ended.columns.iter().map(|name| state.renames.ours(name)).chain(set) {
                if !there.contains(&name) {
                    there.push(name);
                }
            }
        }
        // Without a row there are no columns, and the message that no row is left says more.
        ensure!(
            there.is_empty(),
            "{}: {key}: no row has a column {column:?}; there are {}",
            self.file.path.display(),
            there.join(", ")
        );
        Ok(())
    }

    fn check_columns(&self) -> Result<()> {
        if let Some(column) = self.derived.iter().find(|column| self.columns.0.contains(column)) {
            bail!(
                "{}: enrich.columns: the rows have a column {column:?} already; give the new one another name",
                self.file.path.display()
            );
        }
        for column in &self.file.spec.output.columns {
            ensure!(
                self.columns.0.contains(column) || self.derived.contains(column),
                "{}: output.columns: no row has the column {column:?}; they have {}",
                self.file.path.display(),
                self.columns.0.join(", ")
            );
        }
        Ok(())
    }

    fn report(&self) -> BuildReport {
        let sources: Vec<SourceReport> = self.inputs.iter().map(|state| state.report(self.file)).collect();
        let mut dropped = Dropped::default();
        let mut totals: BTreeMap<Reason, u64> = BTreeMap::new();
        for state in &self.inputs {
            state.ended.dropped.0.iter().for_each(|(reason, rows)| dropped.add(reason, *rows));
            state.dropped.iter().for_each(|(reason, rows)| *totals.entry(*reason).or_insert(0) += rows);
        }
        totals.iter().for_each(|(reason, rows)| dropped.add(&reason.words(&self.file.spec), *rows));
        let joins = self.assessor.joins.iter().zip(&self.joined);
        BuildReport {
            rows_read: sources.iter().map(|source| source.rows_read).sum(),
            kept: sources.iter().map(|source| source.kept).sum(),
            sources,
            dropped,
            authors: self.kept.count_authors(),
            dates: dates(&self.kept.seconds),
            labels: labels(&self.kept, |_| true),
            joins: joins
                .map(|(join, [matched, unmatched])| JoinReport {
                    table: join.name.clone(),
                    matched: *matched,
                    unmatched: *unmatched,
                })
                .collect(),
            notes: self.notes(),
            hints: self.unlisted_in_words().into_iter().collect(),
            ..BuildReport::default()
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.assessor.filters.notes.clone();
        for state in &self.inputs {
            let path = state.input.path.display();
            notes.extend(state.ended.findings.iter().map(|finding| format!("{path}: {finding}")));
            if state.unread_dates > 0 {
                notes.push(format!(
                    "{path}: {} dates cannot be read, the first in row {}",
                    state.unread_dates, state.first_unread_date
                ));
            }
            notes.extend(self.without_author(state).map(|note| format!("{path}: {note}")));
            let quotes = self.file.spec.filter.quotes != Rule::Keep && state.read > 0;
            if quotes && !state.seen.quote.load(Ordering::Relaxed) {
                notes.push(format!(
                    "{path}: no row says whether it is a quote (column \"quote\"), so the filter found none"
                ));
            }
        }
        if self.file.spec.label.is_some() && self.unlabelled > 0 {
            notes.push(format!("{} rows were kept without a label", self.unlabelled));
        }
        notes
    }
}

impl Pass<'_> {
    /// Returns what the spec asks of authors in vain, for an input whose rows do not say who wrote them.
    fn without_author(&self, state: &InputState) -> Option<String> {
        let spec = &self.file.spec;
        let vain = [
            (!spec.filter.leave_out.is_empty(), "leave_out found nobody by name, only retweets and ids"),
            (spec.filter.max_per_author.is_some(), "max_per_author dropped none"),
            (spec.split.as_ref().is_some_and(|split| split.by == SplitBy::Author), "the split is by text alone"),
        ];
        let vain: Vec<&str> = vain.into_iter().filter(|(asked, _)| *asked).map(|(_, what)| what).collect();
        let applies = state.read > 0 && !state.seen.author.load(Ordering::Relaxed) && !vain.is_empty();
        applies.then(|| format!("no row says who wrote it (column \"author\" or \"author_id\"): {}", vain.join("; ")))
    }

    fn unlisted_in_words(&self) -> Option<String> {
        if self.unlisted.is_empty() {
            return None;
        }
        let mut values: Vec<(&String, &u64)> = self.unlisted.iter().collect();
        values.sort_by_key(|(value, rows)| (std::cmp::Reverse(**rows), *value));
        let shown: Vec<String> = values.iter().take(SHOWN).map(|(value, rows)| format!("{value:?} ({rows})")).collect();
        let more = if values.len() > SHOWN { " …" } else { "" };
        Some(format!(
            "values of label.from that label.labels does not list: {}{more}; rows with them count as without a label (label.unmarked); add a value to a label if its rows should count",
            shown.join(", ")
        ))
    }
}

impl Seen {
    fn see(&self, row: &Row) {
        for (flag, column) in [
            (&self.text, names::TEXT),
            (&self.quote, names::QUOTE),
            (&self.date, names::CREATED_AT),
            (&self.author, names::AUTHOR),
            (&self.author, names::AUTHOR_ID),
        ] {
            if !flag.load(Ordering::Relaxed) && row.get(column).is_some() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl InputState {
    fn report(&self, file: &SpecFile) -> SourceReport {
        let mut dropped = self.ended.dropped.clone();
        self.dropped.iter().for_each(|(reason, rows)| dropped.add(&reason.words(&file.spec), *rows));
        SourceReport {
            name: self.input.name.clone(),
            path: self.input.path.clone(),
            kind: self.ended.kind.clone(),
            sha256: self.ended.sha256.clone(),
            rows_read: self.read + self.ended.dropped.total(),
            kept: self.kept,
            dropped,
            from: self.ended.from.clone(),
        }
    }
}

fn dates(seconds: &[i64]) -> Option<[String; 2]> {
    let dated = || seconds.iter().copied().filter(|at| *at != UNDATED);
    let shown = |at: i64| Timestamp::from_second(at).ok().map(standard);
    Some([shown(dated().min()?)?, shown(dated().max()?)?])
}

fn labels(kept: &Kept, counts: impl Fn(usize) -> bool) -> BTreeMap<String, u64> {
    let mut labels = BTreeMap::new();
    for (row, label) in kept.labels_of.iter().enumerate().filter(|(_, label)| **label > 0) {
        if counts(row) {
            *labels.entry(kept.labels[usize::from(*label) - 1].to_string()).or_insert(0) += 1;
        }
    }
    labels
}

fn part_reports(kept: &Kept, parts: &[u8]) -> Vec<PartReport> {
    let of = |(number, name): (usize, &&str)| {
        let is = |row: usize| usize::from(parts[row]) == number;
        let rows = (0..parts.len()).filter(|row| is(*row)).count() as u64;
        PartReport { name: (*name).to_owned(), rows, labels: labels(kept, is) }
    };
    PARTS.iter().enumerate().map(of).filter(|part| part.rows > 0).collect()
}

/// The second pass: enriches the rows and writes each to its part.
fn write(
    file: &SpecFile,
    request: &Request<'_>,
    mut writer: Writer,
    spool: Spool,
    parts: Option<&[u8]>,
    report: &BuildReport,
) -> Result<Folder> {
    let columns = chosen(file);
    let mut rows = spool.into_rows()?;
    let mut number = 0;
    // The files are in the order of the parts, whatever part the first row is in.
    if let Some(parts) = parts {
        (0..PARTS.len())
            .filter(|part| parts.contains(&(*part as u8)))
            .try_for_each(|part| writer.begin(PARTS[part]))?;
    }
    loop {
        let mut batch: Vec<Row> = rows.by_ref().take(BATCH).collect::<Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        if let Some(enricher) = &request.enricher {
            enricher.apply(&mut batch)?;
        }
        for row in batch {
            let part = parts.map_or("", |parts| PARTS[usize::from(parts[number])]);
            writer.write_to(part, &selected(row, &columns))?;
            number += 1;
        }
    }
    writer.finish(manifest_of(file, request.now, &request.command, report))
}

/// Returns a row with these columns only, in this order; with all of them if none is named.
fn selected(mut row: Row, columns: &[Arc<str>]) -> Row {
    if columns.is_empty() {
        return row;
    }
    let mut chosen = Row::with_capacity(row.place, columns.len());
    for column in columns {
        if let Some(value) = row.remove(column) {
            chosen.set(Arc::clone(column), value);
        }
    }
    chosen
}
