//! Adds columns from a table: what is known of each account, such as its party.
//!
//! Keys are compared without spaces around them, without `@`, and whatever their case: screen names are written in every way.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::spec::{JoinColumns, JoinSpec, Rest};
use crate::row::{Row, Value};
use crate::screen_name::comparable;

/// A table that rows are joined with.
#[derive(Debug)]
pub struct Join {
    /// The table's name in reports.
    pub name: String,
    pub missing: Rest,
    on: String,
    columns: Vec<Arc<str>>,
    /// By the key, the values of the columns.
    values: HashMap<String, Vec<Option<Value>>>,
}

impl Join {
    /// Reads the table of a join from its rows.
    ///
    /// # Errors
    /// If the table cannot be read, lacks a column, or has two lines of one key that say different things.
    pub fn read(spec: &JoinSpec, path: &Path, rows: impl Iterator<Item = Result<Row>>) -> Result<Self> {
        let (columns, theirs) = names(&spec.columns);
        let mut join = Self {
            name: path.display().to_string(),
            missing: spec.missing,
            on: spec.on.clone(),
            columns,
            values: HashMap::new(),
        };
        let mut seen: Vec<bool> = vec![false; theirs.len()];
        let mut keyed = false;
        for row in rows {
            let row = row?;
            let Some(key) = row.text(&spec.key) else { continue };
            keyed = true;
            let values: Vec<Option<Value>> = theirs.iter().map(|name| row.get(name).cloned()).collect();
            seen.iter_mut().zip(&values).for_each(|(seen, value)| *seen |= value.is_some());
            join.add(comparable(&key), values).with_context(|| format!("{}: row {}", join.name, row.place.row))?;
        }
        ensure!(keyed, "{}: no row has the column {:?} that join.key names", path.display(), spec.key);
        if let Some(column) = seen.iter().position(|seen| !seen) {
            bail!("{}: no row has the column {:?} that join.columns names", path.display(), theirs[column]);
        }
        Ok(join)
    }

    fn add(&mut self, key: String, values: Vec<Option<Value>>) -> Result<()> {
        if let Some(known) = self.values.get(&key) {
            ensure!(*known == values, "{key:?} is in the table twice, with different values; keep one of the lines");
        }
        self.values.insert(key, values);
        Ok(())
    }

    /// Adds the columns to a row; returns whether the table has its key.
    ///
    /// # Errors
    /// If the row has one of the columns already.
    pub fn apply(&self, row: &mut Row) -> Result<bool> {
        let Some(values) = row.text(&self.on).and_then(|key| self.values.get(&comparable(&key))) else {
            return Ok(false);
        };
        for (name, value) in self.columns.iter().zip(values) {
            ensure!(
                row.get(name).is_none(),
                "the row has a column {name:?} already: give the column of {} another name, such as columns = {{ other = {name:?} }}",
                self.name
            );
            if let Some(value) = value {
                row.set(Arc::clone(name), value.clone());
            }
        }
        Ok(true)
    }
}

fn names(columns: &JoinColumns) -> (Vec<Arc<str>>, Vec<String>) {
    match columns {
        JoinColumns::Names(names) => (names.iter().map(|name| Arc::from(name.as_str())).collect(), names.clone()),
        JoinColumns::Renamed(names) => {
            names.iter().map(|(ours, theirs)| (Arc::from(ours.as_str()), theirs.clone())).unzip()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(table: &[[&str; 3]]) -> Vec<Result<Row>> {
        let row = |[name, party, side]: &[&str; 3]| {
            let mut row = Row::default();
            for (column, value) in [("screen_name", name), ("partido", party), ("side", side)] {
                if !value.is_empty() {
                    row.set(column, *value);
                }
            }
            Ok(row)
        };
        table.iter().map(row).collect()
    }

    fn join(table: &[[&str; 3]], columns: &str) -> Result<Join> {
        let spec = format!("path = \"p.csv\"\non = \"author\"\nkey = \"screen_name\"\ncolumns = {columns}");
        Join::read(&toml::from_str(&spec).unwrap(), Path::new("p.csv"), rows(table).into_iter())
    }

    #[test]
    fn columns_come_from_the_line_of_the_key_however_it_is_written() {
        let join = join(&[["@Ana", "verde", "left"], ["luis", "azul", ""]], "{ party = \"partido\", side = \"side\" }")
            .unwrap();
        let mut row = Row::default();
        row.set("author", " ANA");
        assert!(join.apply(&mut row).unwrap());
        assert_eq!((row.text("party").as_deref(), row.text("side").as_deref()), (Some("verde"), Some("left")));
        let again = join.apply(&mut row).unwrap_err().to_string();
        assert!(again.contains("has a column \"party\" already"), "{again}");
        row = Row::default();
        row.set("author", "luis");
        assert!(join.apply(&mut row).unwrap());
        assert_eq!(row.get("side"), None);
        row.set("author", "eva");
        assert!(!join.apply(&mut row).unwrap());
        assert!(!join.apply(&mut Row::default()).unwrap());
    }

    #[test]
    fn a_table_that_contradicts_itself_or_lacks_a_column_is_refused() {
        for (table, columns, expected) in [
            (vec![["ana", "verde", ""], ["Ana", "azul", ""]], "[\"partido\"]", "\"ana\" is in the table twice"),
            (vec![["ana", "verde", ""]], "[\"side\"]", "no row has the column \"side\""),
            (vec![["", "verde", ""]], "[\"partido\"]", "no row has the column \"screen_name\""),
        ] {
            let message = format!("{:#}", join(&table, columns).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        assert!(join(&[["ana", "verde", ""], ["Ana", "verde", ""]], "[\"partido\"]").is_ok());
    }
}
