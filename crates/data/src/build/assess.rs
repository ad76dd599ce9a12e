//! What can be said about one row without the others: its columns under the data set's names, its date, label, attributes and words,
//! and whether it stays. Rows are assessed on all processors; the result does not depend on how many there are.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use pregonero_text::hashing::hash;

use super::filter::Filters;
use super::join::Join;
use super::labels::{Given, Labels};
use super::moment::moment_of;
use super::named::Named;
use super::reason::Reason;
use super::spec::{Rest, SourceSpec};
use super::words::Comparable;
use crate::ids::is_usable;
use crate::import::number_counts;
use crate::names;
use crate::near_duplicates::Signature;
use crate::row::{Row, Value, is_blank};
use crate::screen_name::comparable;
use crate::times::{read_standard, standard};

/// Stands for an unknown author.
pub const NOBODY: u64 = 0;

/// Everything that a row is assessed with.
#[derive(Debug)]
pub struct Assessor {
    pub filters: Filters,
    pub labels: Option<Labels>,
    pub joins: Vec<Join>,
    /// The columns that the spec names, which some row must have.
    pub named: Named,
    /// Whether the split needs a date.
    pub needs_date: bool,
    /// Whether near-duplicates are dropped.
    pub signed: bool,
}

/// How the columns of a source become those of the data set.
#[derive(Debug)]
pub struct Renames {
    /// From the name in the files to the new one.
    columns: Vec<(String, Arc<str>)>,
    /// Which of them a row has had.
    seen: Vec<AtomicBool>,
    set: Vec<(Arc<str>, String)>,
}

/// A row with what was found out about it.
#[derive(Debug)]
pub struct Assessed {
    pub row: Row,
    pub outcome: Result<Facts, Reason>,
    /// Whether the row has a date that cannot be read.
    pub unread_date: bool,
    /// Which tables have a line for it.
    pub joined: Vec<bool>,
}

/// What the later steps need to know of a row that stays.
#[derive(Debug)]
pub struct Facts {
    pub words: Comparable,
    /// The signature of the words, where rows are compared as they come.
    pub signature: Option<Signature>,
    /// A hash of the author's name or id; [`NOBODY`] if unknown.
    pub author: u64,
    /// A hash of the id, if the row has one.
    pub id: Option<u64>,
    pub at: Option<Timestamp>,
    pub label: Option<Arc<str>>,
}

impl Renames {
    /// Returns the renames of a source.
    #[must_use]
    pub fn new(source: &SourceSpec) -> Self {
        let columns: Vec<(String, Arc<str>)> =
            source.columns.iter().map(|(ours, theirs)| (theirs.clone(), Arc::from(ours.as_str()))).collect();
        let seen = columns.iter().map(|_| AtomicBool::new(false)).collect();
        let set = source.set.iter().map(|(name, value)| (Arc::from(name.as_str()), value.clone())).collect();
        Self { columns, seen, set }
    }

    /// Returns the name of a column that no row has had so far, if there is one.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        let columns = self.columns.iter().zip(&self.seen);
        columns.filter(|(_, seen)| !seen.load(Ordering::Relaxed)).map(|((theirs, _), _)| theirs.as_str()).next()
    }

    /// Returns the name that a column of the files has in the data set.
    #[must_use]
    pub fn ours<'a>(&'a self, theirs: &'a str) -> &'a str {
        self.columns.iter().find(|(known, _)| known == theirs).map_or(theirs, |(_, ours)| ours)
    }

    fn apply(&self, row: &mut Row) {
        for ((theirs, ours), seen) in self.columns.iter().zip(&self.seen) {
            if row.get(theirs).is_some() {
                seen.store(true, Ordering::Relaxed);
                row.rename(theirs, ours);
            }
        }
        for (name, value) in &self.set {
            row.set(Arc::clone(name), value.as_str());
        }
    }
}

impl Assessor {
    /// Assesses a row.
    ///
    /// # Errors
    /// If a joined column has the name of one that the row has.
    pub fn assess(&self, mut row: Row, renames: &Renames) -> Result<Assessed> {
        renames.apply(&mut row);
        self.named.see(&row);
        if let Some(Value::Integer(id)) = row.get(names::ID) {
            let id = id.to_string();
            row.set(names::ID, id);
        }
        number_counts(&mut row);
        let (at, unread_date) = date_of(&mut row);
        let mut joined = Vec::new();
        let outcome = self.outcome(&mut row, at, &mut joined)?;
        Ok(Assessed { row, outcome, unread_date, joined })
    }

    fn outcome(&self, row: &mut Row, at: Option<Timestamp>, joined: &mut Vec<bool>) -> Result<Result<Facts, Reason>> {
        let text = row.text(names::TEXT).unwrap_or_default().into_owned();
        if is_blank(&text) {
            return Ok(Err(Reason::NoText));
        }
        if let Some(reason) = self.filters.of_row(row, &text, at) {
            return Ok(Err(reason));
        }
        if self.needs_date && at.is_none() {
            return Ok(Err(Reason::NoDate));
        }
        let label = match self.label(row, &text) {
            Ok(label) => label,
            Err(reason) => return Ok(Err(reason)),
        };
        let text = if label.is_some() { row.text(names::TEXT).map(Cow::into_owned).unwrap_or_default() } else { text };
        if is_blank(&text) {
            return Ok(Err(Reason::NoText));
        }
        let words = Comparable::of(&text);
        if let Some(reason) = self.filters.of_text(row, &text, &words) {
            return Ok(Err(reason));
        }
        if let Some(reason) = self.join(row, joined)? {
            return Ok(Err(reason));
        }
        if let Some(reason) = self.filters.of_columns(row) {
            return Ok(Err(reason));
        }
        let signature = self.signed.then(|| Signature::of(&words.set));
        Ok(Ok(Facts { words, signature, author: author_of(row), id: id_of(row), at, label }))
    }

    /// Gives the row its label.
    fn label(&self, row: &mut Row, text: &str) -> Result<Option<Arc<str>>, Reason> {
        let Some(labels) = &self.labels else { return Ok(None) };
        match labels.given(row, text) {
            Given::Label(label) => {
                labels.set(row, &label);
                Ok(Some(label))
            }
            Given::Ambiguous if labels.ambiguous == Rest::Drop => Err(Reason::AmbiguousLabel),
            Given::Unmarked if labels.unmarked == Rest::Drop => Err(Reason::NoLabel),
            Given::Unlisted if labels.unmarked == Rest::Drop => Err(Reason::UnlistedLabel),
            Given::Ambiguous | Given::Unmarked | Given::Unlisted => {
                row.remove(&labels.column);
                Ok(None)
            }
        }
    }

    fn join(&self, row: &mut Row, joined: &mut Vec<bool>) -> Result<Option<Reason>> {
        for (number, join) in self.joins.iter().enumerate() {
            let found = join.apply(row).with_context(|| format!("row {}", row.place.row))?;
            joined.push(found);
            if !found && join.missing == Rest::Drop {
                return Ok(Some(Reason::Unmatched(number as u16)));
            }
        }
        Ok(None)
    }
}

/// Returns a row's date, after writing it in the data set's form; the second value is whether there is one that cannot be read.
fn date_of(row: &mut Row) -> (Option<Timestamp>, bool) {
    let Some(text) = row.text(names::CREATED_AT) else { return (None, false) };
    if is_blank(&text) {
        return (None, false);
    }
    if let Some(at) = read_standard(&text) {
        return (Some(at), false);
    }
    let Some(at) = moment_of(&text) else { return (None, true) };
    let written = standard(at);
    if *text != written {
        row.set(names::CREATED_AT, written);
    }
    (Some(at), false)
}

fn author_of(row: &Row) -> u64 {
    let name = |column: &str| row.text(column).map(|name| comparable(&name)).filter(|name| !name.is_empty());
    let author = name(names::AUTHOR).or_else(|| name(names::AUTHOR_ID));
    author.map_or(NOBODY, |name| hash(2, &[name]).max(1))
}

/// Returns a hash of the row's id; none for one that a table rounded (`1.23E+18`), which many tweets share.
fn id_of(row: &Row) -> Option<u64> {
    let Value::Text(text) = row.get(names::ID)? else { return None };
    let id = text.trim();
    let usable = !id.is_empty() && (is_usable(id) || !looks_like_number(id));
    usable.then(|| hash(3, &[id]))
}

fn looks_like_number(text: &str) -> bool {
    text.replace(',', ".").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> Row {
        let mut row = Row::default();
        fields.iter().for_each(|(name, value)| row.set(*name, *value));
        row
    }

    #[test]
    fn ids_that_a_table_rounded_are_none() {
        for (id, is) in [
            ("1372934055187263488", true),
            ("1372930000000000000", false),
            ("1.37293E+18", false),
            ("1,37293E+18", false),
            ("1372934055187263488.0", false),
            ("12", true),
            ("abc", true),
            ("", false),
        ] {
            assert_eq!(id_of(&row(&[("id", id)])).is_some(), is, "{id}");
        }
    }

    #[test]
    fn a_count_that_a_table_has_as_a_float_counts() {
        let filters = Filters::new(&toml::from_str("links = \"drop\"").unwrap(), std::path::Path::to_path_buf).unwrap();
        let assessor = Assessor {
            filters,
            labels: None,
            joins: Vec::new(),
            named: Named::default(),
            needs_date: false,
            signed: false,
        };
        let renames = Renames::new(&toml::from_str("path = \"a.csv\"").unwrap());
        let outcome = |links: &str| {
            let row = row(&[("text", "mira esto"), ("links", links)]);
            assessor.assess(row, &renames).unwrap().outcome.err()
        };
        assert_eq!((outcome("1.0"), outcome("0.0")), (Some(Reason::Link), None));
    }

    #[test]
    fn one_author_however_the_name_is_written_and_nobody_without_one() {
        let author = |fields: &[(&str, &str)]| author_of(&row(fields));
        assert_eq!(author(&[("author", "@Ana ")]), author(&[("author", "ana")]));
        assert_ne!(author(&[("author", "ana")]), author(&[("author", "luis")]));
        assert_eq!(author(&[("author", ""), ("author_id", "")]), NOBODY);
        assert_ne!(author(&[("author_id", "12")]), NOBODY);
    }

    #[test]
    fn dates_get_the_form_of_the_data_set() {
        let mut row = row(&[("created_at", "2021-03-01 09:00:02")]);
        assert!(date_of(&mut row).0.is_some());
        assert_eq!(row.text("created_at").as_deref(), Some("2021-03-01T09:00:02Z"));
        row.set("created_at", "ayer");
        assert_eq!(date_of(&mut row), (None, true));
        assert_eq!(row.text("created_at").as_deref(), Some("ayer"));
    }
}
