//! Finished jobs, one JSON object per line.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pregonero_system::files::{Existing, append, refuse_existing};
use serde::{Deserialize, Serialize};

use super::Job;

/// The result of a job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The number of rows in the test part.
    pub rows: u64,
    pub accuracy: f64,
    pub macro_f1: f64,
    #[serde(default)]
    pub auc: Option<f64>,
    #[serde(default)]
    pub calibration_error: Option<f64>,
    #[serde(default)]
    pub parameters: Option<usize>,
    /// The number of epochs trained, and the epoch whose weights were kept.
    #[serde(default)]
    pub epochs: Option<[usize; 2]>,
    /// Processor time of the training, summed over all cores, reading the data included.
    pub processor_seconds: f64,
    /// Tweets scored per second of processor time, cleaning included.
    pub tweets_per_core_second: f64,
}

/// A finished job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    #[serde(flatten)]
    pub job: Job,
    #[serde(flatten)]
    pub measured: Measured,
}

/// The finished jobs of a work folder.
#[derive(Debug)]
pub struct Cells {
    path: PathBuf,
    cells: Vec<Cell>,
}

impl Cells {
    /// Reads the finished jobs; a missing file has none. A last line that was cut off because the program
    /// was killed while writing counts as not finished.
    ///
    /// # Errors
    /// If the file is a link, cannot be read, or another line is not a cell.
    pub fn open(path: &Path) -> Result<Self> {
        refuse_existing(path, Existing::Replace)?;
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if whole.len() < text.len() {
            let file = OpenOptions::new().write(true).open(path);
            file.and_then(|file| file.set_len(whole.len() as u64))
                .with_context(|| format!("cannot repair {}", path.display()))?;
        }
        let parse = |(place, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| format!("{}:{}: not a cell", path.display(), place + 1))
        };
        let cells = whole.lines().enumerate().map(parse).collect::<Result<_>>()?;
        Ok(Self { path: path.to_owned(), cells })
    }

    /// Returns the cell of a job, if it was done by the same command.
    #[must_use]
    pub fn find(&self, job: &Job) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.job.protocol == job.protocol && cell.job.command() == job.command())
    }

    /// Records a finished job.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, job: &Job, measured: Measured) -> Result<()> {
        let cell = Cell { job: job.clone(), measured };
        append(&self.path, &serde_json::to_string(&cell)?)?;
        let synced = File::open(&self.path).and_then(|file| file.sync_data());
        synced.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.cells.push(cell);
        Ok(())
    }
}
