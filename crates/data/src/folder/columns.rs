//! Collects the columns of the rows that are written: names, types, how many rows have a value.

use super::manifest::Column;
use crate::row::{ColumnType, Row, Value};

/// The columns of the rows seen so far.
#[derive(Debug, Default)]
pub struct ColumnCounts(Vec<Column>);

impl ColumnCounts {
    /// Counts the values of a row.
    pub fn see(&mut self, row: &Row) {
        self.see_each(row, |_, _| {});
    }

    /// Counts the values of a row, and passes each to `take` with the place of its column.
    pub(super) fn see_each(&mut self, row: &Row, mut take: impl FnMut(usize, &Value)) {
        for (near, (name, value)) in row.iter().enumerate() {
            let place = self.place_of(name, near, value);
            let column = &mut self.0[place];
            column.filled += 1;
            column.kind = together(column.kind, type_of(value));
            take(place, value);
        }
    }

    /// Returns the index of a column; `near` is where it probably is.
    fn place_of(&mut self, name: &str, near: usize, value: &Value) -> usize {
        if self.0.get(near).is_some_and(|column| column.name == name) {
            return near;
        }
        self.0.iter().position(|column| column.name == name).unwrap_or_else(|| {
            self.0.push(Column { name: name.to_owned(), kind: type_of(value), filled: 0 });
            self.0.len() - 1
        })
    }

    /// Returns the columns, in the order in which they were seen.
    #[must_use]
    pub fn into_columns(self) -> Vec<Column> {
        self.0
    }
}

fn type_of(value: &Value) -> ColumnType {
    match value {
        Value::Text(_) => ColumnType::Text,
        Value::Integer(_) => ColumnType::Integer,
        Value::Number(_) => ColumnType::Number,
        Value::Bool(_) => ColumnType::Bool,
    }
}

/// Returns the type of a column that has values of both types.
fn together(one: ColumnType, other: ColumnType) -> ColumnType {
    use ColumnType::{Integer, Number, Text};
    match (one, other) {
        (one, other) if one == other => one,
        (Integer, Number) | (Number, Integer) => Number,
        _ => Text,
    }
}
