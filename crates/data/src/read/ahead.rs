//! Reads rows on a thread of its own, while those before them are worked on.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::Result;

use super::report::ReadReport;
use super::rows::Rows;
use crate::row::Row;

/// How many rows come at a time, and how many such chunks may wait.
const CHUNK: usize = 1024;
const WAITING: usize = 2;

/// Rows that are read ahead, in chunks.
#[derive(Debug)]
pub struct Ahead {
    receiver: Receiver<Result<Chunk>>,
    report: ReadReport,
}

/// Rows, and what was found out when the last of them was read, if that changed.
#[derive(Debug)]
struct Chunk {
    rows: Vec<Row>,
    report: Option<Box<ReadReport>>,
}

impl Rows {
    /// Reads the rows on a thread of its own.
    #[must_use]
    pub fn ahead(self) -> Ahead {
        let (sender, receiver) = sync_channel(WAITING);
        let report = self.report().clone();
        thread::spawn(move || {
            if let Err(error) = send(self, &sender) {
                // Nobody may listen any more.
                let _ = sender.send(Err(error));
            }
        });
        Ahead { receiver, report }
    }
}

impl Ahead {
    /// Returns the next rows, or `None` after the last.
    ///
    /// # Errors
    /// If a row cannot be read. The rows before it came earlier.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<Row>>> {
        // The thread is gone after the last row, and after an error.
        let Ok(chunk) = self.receiver.recv() else { return Ok(None) };
        let chunk = chunk?;
        if let Some(report) = chunk.report {
            self.report = *report;
        }
        Ok(Some(chunk.rows))
    }

    /// Returns what was found out: the files and columns are those known when the present rows were read. It is complete after the
    /// last row.
    #[must_use]
    pub fn report(&self) -> &ReadReport {
        &self.report
    }
}

/// Sends all rows. Rows of one chunk are of one file, of which the same columns were known.
fn send(mut rows: Rows, sender: &SyncSender<Result<Chunk>>) -> Result<()> {
    let mut known = known(rows.report());
    let (mut chunk, mut report) = (Vec::with_capacity(CHUNK), None);
    loop {
        let row = match rows.next().transpose() {
            Ok(row) => row,
            Err(error) => {
                let _ = sender.send(Ok(Chunk { rows: chunk, report }));
                return Err(error);
            }
        };
        let now = self::known(rows.report());
        if (now != known || chunk.len() == CHUNK) && !chunk.is_empty() {
            let rows = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            if sender.send(Ok(Chunk { rows, report: report.take() })).is_err() {
                return Ok(());
            }
        }
        if now != known || row.is_none() {
            known = now;
            report = Some(Box::new(rows.report().clone()));
        }
        match row {
            Some(row) => chunk.push(row),
            None => {
                let _ = sender.send(Ok(Chunk { rows: chunk, report }));
                return Ok(());
            }
        }
    }
}

/// Returns how many files and how many columns of the last one are known.
fn known(report: &ReadReport) -> (usize, usize) {
    (report.files.len(), report.files.last().map_or(0, |file| file.columns.len()))
}

#[cfg(test)]
mod tests {
    use super::super::{ReadOptions, open};

    #[test]
    fn rows_read_ahead_are_the_same_and_each_comes_with_the_columns_known_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let lines: String = (0..3000)
            .map(|row| {
                if row % 1300 == 7 {
                    format!("{{\"text\":\"a\",\"c{row}\":1}}\n")
                } else {
                    "{\"text\":\"b\"}\n".to_owned()
                }
            })
            .collect();
        std::fs::write(&path, lines + "{\"text\":").unwrap();
        let mut rows =
            open(std::slice::from_ref(&path), &ReadOptions { strict: true, ..ReadOptions::default() }).unwrap();
        let mut ahead = open(&[path], &ReadOptions { strict: true, ..ReadOptions::default() }).unwrap().ahead();
        let mut count = 0;
        let failed = loop {
            match ahead.next_chunk() {
                Ok(Some(chunk)) => {
                    for row in chunk {
                        assert_eq!(rows.next().unwrap().unwrap(), row);
                        assert_eq!(rows.report().files[0].columns, ahead.report().files[0].columns);
                        count += 1;
                    }
                }
                Ok(None) => panic!("no error"),
                Err(error) => break format!("{error:#}"),
            }
        };
        assert_eq!((count, failed), (3000, format!("{:#}", rows.next().unwrap().unwrap_err())));
    }
}
