//! The groups of posts: the values of one or more columns, and every combination of them, a cell.
//!
//! Words, hours and accounts are counted by cell, once, and added up by group at the end.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::USUAL_GROUPS;
use super::tally::FastMap;
use super::time::Hour;
use crate::row::Row;

/// The most values of a column of groups.
const MOST_GROUPS: usize = 100;
/// The number of a post without a value.
const NONE: u16 = u16::MAX;

/// A column of groups.
#[derive(Debug)]
pub(super) struct GroupColumn {
    pub(super) column: String,
    numbers: FastMap<Box<str>, u16>,
    pub(super) names: Vec<Box<str>>,
    /// It has too many values to be a group, and nobody asked for it.
    is_dropped: bool,
}

/// What is counted in one cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) posts: u64,
    pub(super) characters: u64,
    /// By weekday and hour.
    pub(super) week: [[u64; 24]; 7],
    pub(super) days: BTreeMap<i32, u64>,
}

/// The columns and cells.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) columns: Vec<GroupColumn>,
    are_named: bool,
    numbers: FastMap<Vec<u16>, u16>,
    /// The groups of each cell, one per column; `None` without a value.
    groups: Vec<Vec<u16>>,
    pub(super) cells: Vec<Cell>,
    present: Vec<u16>,
}

impl Cells {
    /// Groups by the columns that a person named, or else by usual ones.
    pub(super) fn new(named: &[String]) -> Self {
        let usual = || USUAL_GROUPS.map(str::to_owned).to_vec();
        let columns = if named.is_empty() { usual() } else { named.to_vec() };
        let column = |column| GroupColumn { column, numbers: FastMap::default(), names: Vec::new(), is_dropped: false };
        Self {
            columns: columns.into_iter().map(column).collect(),
            are_named: !named.is_empty(),
            numbers: FastMap::default(),
            groups: Vec::new(),
            cells: Vec::new(),
            present: Vec::new(),
        }
    }

    /// Returns the number of the row's cell.
    pub(super) fn cell(&mut self, row: &Row) -> Result<u16> {
        self.present.clear();
        for column in &mut self.columns {
            self.present.push(column.number(row, self.are_named)?);
        }
        if let Some(number) = self.numbers.get(&self.present) {
            return Ok(*number);
        }
        ensure!(
            self.cells.len() < usize::from(u16::MAX),
            "{}: too many combinations of groups; give fewer columns with --group",
            self.columns.iter().map(|column| column.column.as_str()).collect::<Vec<_>>().join(", ")
        );
        let number = self.cells.len() as u16;
        self.numbers.insert(self.present.clone(), number);
        self.groups.push(self.present.clone());
        self.cells.push(Cell::default());
        Ok(number)
    }

    /// Counts a post in its cell.
    pub(super) fn count(&mut self, cell: u16, at: Option<Hour>, characters: u64) {
        let cell = &mut self.cells[usize::from(cell)];
        cell.posts += 1;
        cell.characters += characters;
        if let Some(at) = at {
            cell.week[at.weekday()][usize::from(at.hour)] += 1;
            *cell.days.entry(at.day).or_insert(0) += 1;
        }
    }

    /// Returns the group of a cell in the column with this index, if it has one.
    pub(super) fn group(&self, cell: u16, column: usize) -> Option<usize> {
        let group = self.groups[usize::from(cell)][column];
        (group != NONE && !self.columns[column].is_dropped).then_some(usize::from(group))
    }

    /// Returns the indices of the columns that group the posts.
    pub(super) fn used(&self) -> Vec<usize> {
        let is_used = |column: &GroupColumn| !column.is_dropped && !column.names.is_empty();
        (0..self.columns.len()).filter(|&place| is_used(&self.columns[place])).collect()
    }

    /// Returns an error if a column that was named has no value anywhere.
    pub(super) fn check_named(&self) -> Result<()> {
        let missing = self.columns.iter().find(|column| self.are_named && column.names.is_empty());
        match missing {
            Some(column) => bail!("--group: no row has a value in the column {:?}", column.column),
            None => Ok(()),
        }
    }
}

impl GroupColumn {
    fn number(&mut self, row: &Row, is_named: bool) -> Result<u16> {
        let Some(value) = row.text(&self.column) else { return Ok(NONE) };
        let value = value.trim();
        if value.is_empty() || self.is_dropped {
            return Ok(NONE);
        }
        if let Some(number) = self.numbers.get(value) {
            return Ok(*number);
        }
        if self.names.len() == MOST_GROUPS {
            ensure!(
                !is_named,
                "--group: the column {:?} has more than {MOST_GROUPS} different values; give one that names a few groups, \
                 such as a party or a label",
                self.column
            );
            self.is_dropped = true;
            return Ok(NONE);
        }
        let number = self.names.len() as u16;
        self.numbers.insert(value.into(), number);
        self.names.push(value.into());
        Ok(number)
    }
}
