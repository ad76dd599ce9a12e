//! The columns that a spec names in its filters, labels and joins: one that no row has is a misspelled one, and would be silently nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use super::spec::{JoinColumns, LabelBy, Spec};
use crate::row::Row;

/// The named columns, and whether a row has had them.
#[derive(Debug, Default)]
pub struct Named(Vec<(String, String, AtomicBool)>);

impl Named {
    /// Returns the columns that a spec names and that must come from its sources.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let mut named = Vec::new();
        // What the label and the joins before a step add is there whatever the sources have.
        let mut added: Vec<&str> = Vec::new();
        if let Some(label) = &spec.label {
            if let Some(from) = label.from.as_ref().filter(|_| label.by != LabelBy::Hashtags) {
                named.push(("label.from".to_owned(), from.clone()));
            }
            added.push(&label.column);
        }
        for join in &spec.joins {
            if !added.contains(&join.on.as_str()) {
                named.push(("join.on".to_owned(), join.on.clone()));
            }
            match &join.columns {
                JoinColumns::Names(names) => added.extend(names.iter().map(String::as_str)),
                JoinColumns::Renamed(names) => added.extend(names.keys().map(String::as_str)),
            }
        }
        for (key, columns) in [("filter.only", &spec.filter.only), ("filter.without", &spec.filter.without)] {
            let others = columns.keys().filter(|column| !added.contains(&column.as_str()));
            named.extend(others.map(|column| (key.to_owned(), column.clone())));
        }
        Self(named.into_iter().map(|(key, column)| (key, column, AtomicBool::new(false))).collect())
    }

    /// Notes which of the columns a row has.
    pub fn see(&self, row: &Row) {
        for (_, column, seen) in &self.0 {
            if !seen.load(Ordering::Relaxed) && row.get(column).is_some() {
                seen.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Notes that a file has a column, even if no row has a value in it.
    pub fn see_column(&self, name: &str) {
        self.0
            .iter()
            .filter(|(_, column, _)| column == name)
            .for_each(|(.., seen)| seen.store(true, Ordering::Relaxed));
    }

    /// Returns the key and name of a column that was in no file.
    #[must_use]
    pub fn missing(&self) -> Option<(&str, &str)> {
        let missing = self.0.iter().find(|(.., seen)| !seen.load(Ordering::Relaxed))?;
        Some((&missing.0, &missing.1))
    }
}
