//! The log of a training, `training.jsonl` next to the model, and the curve drawn from it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Progress;
use crate::plots::{Axis, Chart, Mark, Series};
use pregonero_system::files::{Existing, append, write_whole};

pub(super) const LOG: &str = "training.jsonl";
/// The file name of the picture of the losses.
pub(super) const CURVE: &str = "training.svg";

/// One line per entry: `{"step", "loss", "learning_rate", "tokens_per_second"}` for the steps since the last one,
/// `{"step", "held_out_loss", "held_out_perplexity"}` for an evaluation.
pub(super) struct TrainingLog {
    folder: PathBuf,
}

impl TrainingLog {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    pub(super) fn append(&self, progress: &Progress) -> Result<()> {
        let line = match progress {
            Progress::Step { step, loss, learning_rate, tokens_per_second, .. } => {
                json!({"step": step, "loss": loss, "learning_rate": learning_rate, "tokens_per_second": tokens_per_second})
            }
            Progress::Evaluated { step, loss, perplexity, .. } => {
                json!({"step": step, "held_out_loss": loss, "held_out_perplexity": perplexity})
            }
            _ => return Ok(()),
        };
        let path = self.path();
        std::fs::create_dir_all(&self.folder).with_context(|| format!("cannot write {}", path.display()))?;
        append(&path, &line.to_string())
    }

    /// Removes entries after `step`, because a training that resumes there repeats them. A broken line, as a crash may
    /// leave at the end, is removed too.
    pub(super) fn forget_behind(&self, step: usize) -> Result<()> {
        let content = self.content()?;
        if content.is_empty() {
            return Ok(());
        }
        let done = |line: &&str| {
            let entry: Option<Value> = serde_json::from_str(line).ok();
            entry.and_then(|entry| entry["step"].as_u64()).is_some_and(|at| at <= step as u64)
        };
        let kept: String = content.lines().filter(done).map(|line| format!("{line}\n")).collect();
        write_whole(&self.path(), Existing::Replace, |writer| writer.write_all(kept.as_bytes()))
    }

    fn content(&self) -> Result<String> {
        let path = self.path();
        if !path.exists() {
            return Ok(String::new());
        }
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&content).into_owned())
    }

    fn entries(&self) -> Result<Vec<Value>> {
        Ok(self.content()?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Draws the losses of the steps and of the held-out texts.
    pub(super) fn draw(&self) -> Result<()> {
        let entries = self.entries()?;
        let series = |name: &str, key: &str, mark| {
            let point = |entry: &Value| Some((entry["step"].as_f64()?, entry[key].as_f64()?));
            Series { name: name.to_owned(), mark, points: entries.iter().filter_map(point).collect() }
        };
        let series: Vec<Series> =
            [series("training", "loss", Mark::Line), series("held out", "held_out_loss", Mark::Dots)]
                .into_iter()
                .filter(|series| !series.points.is_empty())
                .collect();
        let points = || series.iter().flat_map(|series| &series.points);
        let (x, y) = (
            Axis::around("step", points().map(|point| point.0)),
            Axis::around("cross-entropy, nats per token", points().map(|point| point.1)),
        );
        let chart = Chart { title: "Training".to_owned(), x, y, series, reference: None };
        let picture = chart.render();
        write_whole(&self.folder.join(CURVE), Existing::Replace, |writer| writer.write_all(picture.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn step(step: usize) -> Progress {
        let left = Duration::ZERO;
        Progress::Step { step, steps: 9, loss: 5.0 - step as f64, learning_rate: 1e-3, tokens_per_second: 1.0, left }
    }

    #[test]
    fn a_resumed_log_has_every_step_once_and_becomes_a_picture() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = TrainingLog::new(folder.path());
        log.forget_behind(0).expect("nothing to forget");
        for number in 1..=4 {
            log.append(&step(number)).expect("writable");
        }
        log.append(&Progress::Evaluated { step: 4, loss: 2.0, perplexity: 7.4, best: true }).expect("writable");
        let broken = std::fs::read_to_string(log.path()).expect("readable") + "{\"step\": 5, \"lo";
        std::fs::write(log.path(), broken).expect("writable");
        log.forget_behind(2).expect("writable");
        log.append(&step(3)).expect("writable");
        let steps: Vec<u64> = log.entries().expect("readable").iter().filter_map(|e| e["step"].as_u64()).collect();
        assert_eq!(steps, [1, 2, 3]);
        log.append(&Progress::Evaluated { step: 3, loss: 2.0, perplexity: 7.4, best: true }).expect("writable");
        log.draw().expect("drawable");
        let picture = std::fs::read_to_string(folder.path().join(CURVE)).expect("a picture");
        assert!(picture.contains("<svg") && picture.contains("held out") && picture.contains("training"), "{picture}");
    }
}
