//! What a training reports while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::data::DataCounts;

/// One epoch, as reported to the progress listener.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Mean training loss, including dropout, weights and everything that changes rows and targets.
    pub loss: f64,
    /// Mean validation loss, without any of that.
    pub validation_loss: f64,
    /// On the validation part, with the likeliest label decided under the calibration that this epoch would get: the
    /// figure that the model would have if it were kept.
    pub accuracy: f64,
    /// As the accuracy.
    pub macro_f1: f64,
    pub seconds: f64,
    /// Whether its weights are the best so far.
    pub best: bool,
}

/// What is reported during training.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// For a grid: this many finished combinations are trained again because the files have changed.
    Stale { results: usize },
    /// Data and network are ready.
    Started {
        train_rows: usize,
        validation_rows: usize,
        parameters: usize,
        resumed_at: Option<usize>,
        /// Whether resuming was requested but there is nothing to resume.
        anew: bool,
        counts: DataCounts,
    },
    /// A batch is done; `left` is the time to the last epoch that the settings allow.
    Batch { epoch: usize, epochs: usize, batch: usize, batches: usize, loss: f64, left: Duration },
    /// An epoch is done and measured.
    Epoch { report: EpochReport, left: Duration },
}

/// A callback that receives the progress reports.
pub type Listener<'a> = &'a mut (dyn FnMut(Progress) + Send);
