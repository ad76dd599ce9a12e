//! One row of any file: named values in the order of the file, and the place where it is. An absent value has no entry.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A value of a row. A CSV file has texts only; structured files have what they contain.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    Text,
    Integer,
    Number,
    Bool,
}

/// Where a row is, both numbers from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The index of the file among those that are read.
    pub file: usize,
    /// The line on which the row begins; 0 for a kind of file without lines.
    pub line: u64,
    /// The row's number in its file, a header not counted.
    pub row: u64,
}

impl Place {
    /// Returns the line, or the row's number for a kind of file without lines.
    #[must_use]
    pub fn line_or_row(self) -> u64 {
        if self.line == 0 { self.row } else { self.line }
    }
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    pub place: Place,
    fields: Vec<(Arc<str>, Value)>,
    json: Option<Box<Object>>,
}

/// A JSON object.
type Object = serde_json::Map<String, serde_json::Value>;

impl Row {
    /// Returns a row without values.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, ..Self::default() }
    }

    /// Returns a row with room for `fields` values.
    #[must_use]
    pub fn with_capacity(place: Place, fields: usize) -> Self {
        Self { place, fields: Vec::with_capacity(fields), json: None }
    }

    /// Returns the value of a column, if the row has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Returns the value of a column as text, if the row has one.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name).map(Value::as_text)
    }

    /// Sets a value, at the end if the row has no such column yet.
    pub fn set(&mut self, name: impl AsRef<str> + Into<Arc<str>>, value: impl Into<Value>) {
        match self.fields.iter_mut().find(|(known, _)| **known == *name.as_ref()) {
            Some((_, old)) => *old = value.into(),
            None => self.fields.push((name.into(), value.into())),
        }
    }

    /// Adds a value at the end, of a column that the row does not have yet.
    pub(crate) fn push(&mut self, name: Arc<str>, value: Value) {
        self.fields.push((name, value));
    }

    /// Removes a value and returns it, if the row has it.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.fields.iter().position(|(known, _)| **known == *name)?;
        Some(self.fields.remove(at).1)
    }

    /// Removes all values but those of these columns.
    pub fn keep(&mut self, columns: &[String]) {
        self.fields.retain(|(name, _)| columns.iter().any(|column| **column == **name));
    }

    /// Gives a column another name at the same place. A column that has the new name already is removed.
    pub fn rename(&mut self, from: &str, to: &Arc<str>) {
        if *from == **to || self.get(from).is_none() {
            return;
        }
        self.remove(to);
        if let Some((name, _)) = self.fields.iter_mut().find(|(known, _)| **known == *from) {
            *name = Arc::clone(to);
        }
    }

    /// Keeps the JSON object that the row was read from, with its lists and objects.
    pub(crate) fn keep_json(&mut self, object: Object) {
        self.json = Some(Box::new(object));
    }

    /// Returns the JSON object that the row was read from, if it was asked for ([`crate::read::ReadOptions::keep_json`]).
    #[must_use]
    pub fn take_json(&mut self) -> Option<Object> {
        self.json.take().map(|object| *object)
    }

    /// Returns the names and values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the names and values, in the order of the file; the values can be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.fields.iter_mut().map(|(name, value)| (&**name, value))
    }

    /// Returns how many values the row has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether the row has no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl Value {
    /// Returns the value as text: numbers in decimal digits, `true` or `false`.
    #[must_use]
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// Returns the value as an integer: an integer, or a text of decimal digits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Number(_) | Self::Bool(_) => None,
        }
    }

    /// Returns the value as a number: a number, or a text that is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) => None,
        }
    }

    /// Returns the value as yes or no: a truth value, 1 or 0, or one of those as a text in any case.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Integer(1) => Some(true),
            Self::Integer(0) => Some(false),
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            Self::Integer(_) | Self::Number(_) => None,
        }
    }
}

/// Returns whether a text has nothing but white space.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Bool(truth) => write!(formatter, "{truth}"),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_the_order_of_the_file_and_are_found_by_name() {
        let mut row = Row::new(Place { file: 0, line: 2, row: 1 });
        row.set("text", "hola");
        row.set("likes", 3);
        row.set("text", "adiós");
        assert_eq!(row.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["text", "likes"]);
        assert_eq!((row.text("text").as_deref(), row.text("likes").as_deref()), (Some("adiós"), Some("3")));
        assert_eq!(row.get("lang"), None);
        assert_eq!(row.remove("lang"), None);
        assert_eq!(row.remove("text"), Some(Value::from("adiós")));
        assert_eq!(row.len(), 1);
    }

    #[test]
    fn a_renamed_column_keeps_its_place_and_replaces_one_of_that_name() {
        let mut row = Row::default();
        for name in ["tweet", "text", "label"] {
            row.set(name, name);
        }
        row.rename("tweet", &Arc::from("text"));
        row.rename("absent", &Arc::from("label"));
        let found: Vec<_> = row.iter().map(|(name, value)| (name, value.to_string())).collect();
        assert_eq!(found, [("text", "tweet".to_owned()), ("label", "label".to_owned())]);
    }

    #[test]
    fn a_text_counts_as_the_number_or_truth_value_that_it_spells() {
        assert_eq!((Value::from(" 12 ").as_integer(), Value::from("1.5").as_integer()), (Some(12), None));
        assert_eq!((Value::from("1.5").as_number(), Value::from(2).as_number()), (Some(1.5), Some(2.0)));
        assert_eq!(
            (Value::from("True").as_bool(), Value::from(0).as_bool(), Value::from("sí").as_bool()),
            (Some(true), Some(false), None)
        );
    }
}
