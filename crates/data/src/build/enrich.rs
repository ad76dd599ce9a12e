//! Columns derived from the texts by whoever has the models for it: this crate has none.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::names;
use crate::row::Row;

/// How many texts are enriched at a time.
pub const BATCH: usize = 512;

/// What derives columns from texts.
pub struct Enricher<'a> {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// Returns for each text, in their order, the text to keep and one value a column; an empty value is none.
    #[allow(clippy::type_complexity)]
    pub fill: &'a dyn Fn(&[&str]) -> Result<Vec<Filled>>,
}

/// What was derived from a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub text: String,
    pub values: Vec<String>,
}

impl std::fmt::Debug for Enricher<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Enricher").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Enricher<'_> {
    /// Adds the columns to some rows.
    ///
    /// # Errors
    /// If the columns cannot be derived, or a row has one of them already.
    pub fn apply(&self, rows: &mut [Row]) -> Result<()> {
        let texts: Vec<String> =
            rows.iter().map(|row| row.text(names::TEXT).unwrap_or_default().into_owned()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let columns: Vec<Arc<str>> = self.columns.iter().map(|column| Arc::from(column.as_str())).collect();
        for (row, filled) in rows.iter_mut().zip((self.fill)(&texts)?) {
            row.set(names::TEXT, filled.text);
            for (column, value) in columns.iter().zip(filled.values) {
                ensure!(
                    row.get(column).is_none(),
                    "enrich.columns: the rows have a column {column:?} already; give the new one another name"
                );
                if !value.is_empty() {
                    row.set(Arc::clone(column), value);
                }
            }
        }
        Ok(())
    }
}
