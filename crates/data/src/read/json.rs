//! Rows of JSON: X's objects of every kind, or any objects.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value as Json};

use super::decode::Records;
use super::frames::{Frame, Frames};
use super::options::ReadOptions;
use super::report::{FileReport, kind};
use super::x::archive::Archive;
use super::x::{self, Shape};
use crate::json_row::{self, Names};
use crate::names::TEXT;
use crate::row::{Place, Row, Value};

/// How the values of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Lines,
    /// An array, or values one after the other.
    Values,
    /// A JavaScript file of X's archive.
    Archive,
}

#[derive(Debug)]
pub(super) struct JsonRows {
    frames: Frames,
    records: Records,
    layout: Layout,
    archive: Option<Arc<Archive>>,
    options: ReadOptions,
    names: Names,
    waiting: VecDeque<Row>,
    shape: Option<Option<Shape>>,
    /// Whether the objects are rows as they are, and not X's whatever their keys are.
    own: bool,
    /// The line on which the last value begins; none while the next one is looked for.
    line: Option<u64>,
}

impl JsonRows {
    pub(super) fn new(
        frames: Frames,
        records: Records,
        layout: Layout,
        archive: Option<Arc<Archive>>,
        options: &ReadOptions,
        report: &mut FileReport,
    ) -> Self {
        report.has_lines = true;
        report.kind = match layout {
            Layout::Lines => "JSON lines",
            Layout::Values => "JSON",
            Layout::Archive => "X archive",
        }
        .to_owned();
        let (options, names, waiting) = (options.clone(), Names::default(), VecDeque::new());
        Self { frames, records, layout, archive, options, names, waiting, shape: None, own: false, line: None }
    }

    /// Reads the objects as rows, whatever their keys are.
    pub(super) fn with_own_rows(self) -> Self {
        Self { own: true, ..self }
    }

    pub(super) fn encoding(&self) -> String {
        self.records.in_words()
    }

    /// Returns the line on which the last value begins, or at which the next one is looked for.
    pub(super) fn at_line(&self) -> u64 {
        self.line.unwrap_or_else(|| self.frames.at_line())
    }

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// If the file cannot be read on; with strict reading, if a value is no row.
    pub(super) fn next_row(&mut self, file: usize, report: &mut FileReport) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                report.kept += 1;
                return Ok(Some(row));
            }
            self.line = None;
            let Some(frame) = self.frames.next_frame()? else { return Ok(None) };
            self.line = Some(frame.line);
            let place = Place { file, line: frame.line, row: report.read + 1 };
            if let Err(error) = self.take(&frame, place, report)
                && self.options.strict
            {
                return Err(error);
            }
        }
    }

    /// Puts the rows of one value among those that wait.
    fn take(&mut self, frame: &Frame, place: Place, report: &mut FileReport) -> Result<()> {
        let (text, other) = self.records.text(&frame.bytes);
        if other {
            report.found_at(kind::MIXED_ENCODINGS, place, || {
                "the value is not UTF-8 like the rest, and is read as Windows-1252".to_owned()
            });
        }
        match serde_json::from_str(&text) {
            Ok(value) => {
                let may_wrap = self.layout == Layout::Values && place.row == 1 && !self.frames.in_array();
                self.expand(value, may_wrap, place, report)
            }
            Err(error) => {
                report.read += 1;
                let (reason, found) = if frame.cut { ("cut off", kind::CUT_OFF) } else { ("not JSON", kind::NOT_JSON) };
                report.drop_row(reason);
                report.found_at(found, place, || match frame.cut {
                    true => "the file ends within a value: was it copied or fetched as a whole?".to_owned(),
                    false => format!("not JSON, and dropped: {error}"),
                });
                Err(anyhow::Error::new(error).context(if frame.cut {
                    "the file ends within this value"
                } else {
                    "not a JSON object"
                }))
            }
        }
    }

    /// Puts the rows of a value among those that wait. If `may_wrap`, an object with one list of objects gives those as rows.
    fn expand(&mut self, value: Json, may_wrap: bool, place: Place, report: &mut FileReport) -> Result<()> {
        match value {
            Json::Object(object) => self.expand_object(object, may_wrap, place, report),
            Json::String(text) => {
                report.read += 1;
                let mut row = Row::with_capacity(place, 1);
                row.push(self.names.shared(TEXT, 0), Value::Text(text));
                self.waiting.push_back(row);
                Ok(())
            }
            _ => {
                report.read += 1;
                report.drop_row("not an object");
                report.found_at(kind::NOT_JSON, place, || "a value is no object, and is dropped".to_owned());
                Err(anyhow!("not a JSON object"))
            }
        }
    }

    fn expand_object(
        &mut self,
        object: Map<String, Json>,
        may_wrap: bool,
        place: Place,
        report: &mut FileReport,
    ) -> Result<()> {
        let shape = if self.own { None } else { x::shape_of(&object) };
        self.note_shape(shape, report);
        let Some(shape) = shape else { return self.expand_plain(object, may_wrap, place, report) };
        for tweet in x::tweets_of(shape, object, self.archive.as_deref()) {
            report.read += 1;
            let place = Place { row: report.read, ..place };
            self.waiting.push_back(tweet.into_row(place, &mut self.names));
        }
        Ok(())
    }

    fn expand_plain(
        &mut self,
        mut object: Map<String, Json>,
        may_wrap: bool,
        place: Place,
        report: &mut FileReport,
    ) -> Result<()> {
        if may_wrap
            && object.len() <= 4
            && let Some(key) = list_of_objects(&object)
        {
            let Some(Json::Array(list)) = object.remove(&key) else { bail!("not a list") };
            report.found(kind::LIST_INSIDE, format!("the rows are the objects of the list {key:?}"));
            for value in list {
                let place = Place { row: report.read + 1, ..place };
                if let Err(error) = self.expand(value, false, place, report)
                    && self.options.strict
                {
                    return Err(error);
                }
            }
            return Ok(());
        }
        report.read += 1;
        let whole = self.options.keep_json.then(|| object.clone());
        let mut row =
            json_row::flat(object, place, &mut self.names).inspect_err(|_| report.drop_row("nested too deep"))?;
        if let Some(whole) = whole {
            row.keep_json(whole);
        }
        self.waiting.push_back(row);
        Ok(())
    }

    /// Says what the objects are, and once if they are of several kinds.
    fn note_shape(&mut self, shape: Option<Shape>, report: &mut FileReport) {
        match self.shape {
            None => {
                self.shape = Some(shape);
                let words = match (shape, self.layout) {
                    (_, Layout::Archive) => "X archive".to_owned(),
                    (Some(shape), Layout::Lines) => format!("JSON lines: {}", shape.in_words()),
                    (Some(shape), _) => format!("JSON: {}", shape.in_words()),
                    (None, _) => return,
                };
                report.kind = words;
            }
            Some(first) if first != shape && !report.kind.ends_with("mixed") => report.kind.push_str(", mixed"),
            Some(_) => {}
        }
    }
}

/// Returns the key of the only list of objects in a wrapper.
fn list_of_objects(object: &Map<String, Json>) -> Option<String> {
    let is_list =
        |value: &Json| value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(Json::is_object));
    let mut lists = object.iter().filter(|(_, value)| is_list(value)).map(|(key, _)| key.clone());
    let first = lists.next()?;
    lists.next().is_none().then_some(first)
}
