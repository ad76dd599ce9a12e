//! The progress of a training, and how it is stored on disk next to the folder it will write.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use candle_core::{Device, Tensor, Var};
use serde::{Deserialize, Serialize};

use super::output::beside;
use super::progress::EpochReport;
use super::settings::ClassifierTraining;
use crate::training::checkpoint::{CheckpointFolder, tensors};
use crate::training::optimizer::AdamW;
use crate::training::schedule::Decay;
use pregonero_models::catalog::WEIGHTS;

/// The best epoch's weights.
const BEST: &str = "best.safetensors";
/// The name of the files' digest among what must not change.
const DATA: &str = "data";
/// The weights' running mean.
const AVERAGE: &str = "average.safetensors";

/// A number that survives JSON to the last bit, which decimal digits do not guarantee.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub(super) struct Exact(pub(super) f64);

impl From<u64> for Exact {
    fn from(bits: u64) -> Self {
        Self(f64::from_bits(bits))
    }
}

impl From<Exact> for u64 {
    fn from(number: Exact) -> Self {
        number.0.to_bits()
    }
}

/// The epoch whose weights would be kept if training ended now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct BestEpoch {
    /// From 1.
    pub(super) epoch: usize,
    /// Higher is better.
    pub(super) value: Exact,
}

/// The progress of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The current epoch, from 1.
    pub(super) epoch: usize,
    /// Finished batches of that epoch.
    pub(super) batch: usize,
    /// The sum of the losses of those batches' rows.
    pub(super) loss_sum: Exact,
    /// The number of rows in those batches.
    pub(super) rows: usize,
    /// Seconds spent on those batches.
    pub(super) epoch_seconds: f64,
    pub(super) epochs: Vec<EpochReport>,
    pub(super) best: Option<BestEpoch>,
    /// What must not change between stopping and resuming, by setting.
    identity: BTreeMap<String, String>,
}

impl State {
    /// Returns the state before the first step; `data` is the digest of the files used for training.
    pub(super) fn new(settings: &ClassifierTraining, train_rows: usize, data: String) -> Self {
        Self {
            epoch: 1,
            batch: 0,
            loss_sum: Exact::default(),
            rows: 0,
            epoch_seconds: 0.0,
            epochs: Vec::new(),
            best: None,
            identity: identity(settings, train_rows, data),
        }
    }

    /// Checks that a training with the state `asked` may resume from this one.
    ///
    /// # Errors
    /// If a setting that determines what a step does has changed.
    fn check_same_run(&self, asked: &Self) -> Result<()> {
        for (name, asked) in &asked.identity {
            // Earlier versions wrote fewer names.
            let Some(saved) = self.identity.get(name).filter(|saved| *saved != asked) else { continue };
            if name == DATA {
                bail!(
                    "the rows, the vectors or the teachers differ from those that the checkpoint was made with: a file has \
                     changed; restore the files to resume, or start over with --overwrite"
                );
            }
            bail!(
                "the checkpoint was made with {name} {}, not {}; resume with the same value, or start over with --overwrite",
                in_words(saved),
                in_words(asked)
            );
        }
        Ok(())
    }
}

/// Returns a setting as people read it. Checkpoints keep how Rust prints it, which is exact and stays the same between versions:
/// `Some(Lstm { units: 64 })` is `lstm (units 64)`.
fn in_words(kept: &str) -> String {
    let mut words = String::new();
    let mut rest = kept;
    // Whether each open bracket is that of a `Some`, which is not shown; the innermost last.
    let mut open = Vec::new();
    while let Some(next) = rest.chars().next() {
        if let Some(inside) = rest.strip_prefix("Some(") {
            open.push(true);
            rest = inside;
            continue;
        }
        rest = &rest[next.len_utf8()..];
        match next {
            '(' | '[' => {
                open.push(false);
                words.push('(');
            }
            '{' => {
                rest = rest.trim_start();
                words.push('(');
            }
            ')' | ']' if open.pop() == Some(true) => {}
            ')' | ']' => words.push(')'),
            '}' => {
                words.truncate(words.trim_end().len());
                words.push(')');
            }
            ':' | '"' => {}
            '_' => words.push(' '),
            upper if upper.is_ascii_uppercase() => {
                if words.ends_with(|before: char| before.is_ascii_lowercase() || before.is_ascii_digit()) {
                    words.push('-');
                }
                words.push(upper.to_ascii_lowercase());
            }
            other => words.push(other),
        }
    }
    words
}

fn identity(settings: &ClassifierTraining, train_rows: usize, data: String) -> BTreeMap<String, String> {
    let mut identity: BTreeMap<&str, String> = [
        (DATA, data),
        ("columns", settings.columns.flags()),
        ("added rows", format!("{:?} {:?}", settings.weak, settings.unlabelled)),
        ("seed", settings.seed.to_string()),
        ("train rows", train_rows.to_string()),
        ("split", format!("{:?}", settings.held_out())),
        ("labels", settings.labels.join(",")),
        ("architecture", format!("{:?}", settings.architecture)),
        ("padding", format!("{:?}, masked: {}", settings.padding, settings.mask_padding)),
        ("cleaning", format!("{:?}", settings.cleaning)),
        ("vectors", format!("{:?}", settings.vectors)),
        ("words", format!("{} seen {} times", settings.maximum_words, settings.minimum_count)),
        ("steps", settings.steps.to_string()),
        ("batch size", settings.batch_size.to_string()),
        ("schedule", format!("{:?}", settings.schedule())),
        ("weight decay", settings.weight_decay.to_string()),
        ("clip norm", settings.clip_norm.to_string()),
        ("balanced classes", settings.balance_classes.to_string()),
        ("label smoothing", settings.label_smoothing.to_string()),
        ("word dropout", settings.word_dropout.to_string()),
        ("augment", settings.augment.to_string()),
        ("averaging", format!("{:?}", settings.averaging)),
        ("distillation", format!("{:?}", settings.distillation)),
        ("stop on", format!("{:?}", settings.stop_on)),
    ]
    .into();
    if settings.decay != Decay::Constant {
        identity.insert("epochs", settings.epochs.to_string());
    }
    identity.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The checkpoints of a training for one output folder.
#[derive(Debug, Clone)]
pub(super) struct Checkpoints {
    folder: CheckpointFolder,
}

/// The tensors that a checkpoint contains besides the optimiser's.
pub(super) struct Tensors<'a> {
    pub(super) variables: &'a [(String, Var)],
    pub(super) average: Option<&'a [(String, Var)]>,
    pub(super) best: &'a HashMap<String, Tensor>,
}

impl Checkpoints {
    /// Returns the folder `OUTPUT.checkpoints`: the output folder itself is written only at the end, as a whole.
    pub(super) fn beside(output: &Path) -> Self {
        Self { folder: CheckpointFolder::new(beside(output, ".checkpoints")) }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Checks that the folder of the checkpoints, which is removed when the training is done, has nothing else in it.
    ///
    /// # Errors
    /// If it contains what no training wrote.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        self.folder.refuse_foreign()
    }

    /// Checks that resuming would not replace a finished model.
    ///
    /// # Errors
    /// If `output` exists but there is no state to resume from: resuming would start over and replace it.
    pub(super) fn refuse_to_replace(&self, output: &Path) -> Result<()> {
        if output.join(WEIGHTS).exists() && self.folder.last::<serde::de::IgnoredAny>()?.is_none() {
            bail!(
                "{}: contains a model but there is no checkpoint to resume from; choose another --output or pass --overwrite",
                output.display()
            );
        }
        Ok(())
    }

    /// Checks that a new training would not discard an unfinished one.
    ///
    /// # Errors
    /// If there is an unfinished training.
    pub(super) fn refuse_to_overwrite(&self) -> Result<()> {
        if self.folder.state_file().exists() {
            bail!(
                "{}: contains an unfinished training; continue it with --resume, or remove the folder",
                self.path().display()
            );
        }
        Ok(())
    }

    pub(super) fn save(&self, held: &Tensors<'_>, optimizer: &AdamW, state: &State) -> Result<()> {
        let named = |variables: &[(String, Var)]| tensors(variables.iter().map(|(name, variable)| (name, variable)));
        let (weights, average) = (named(held.variables), held.average.map(named));
        let mut files = vec![(WEIGHTS, &weights)];
        files.extend(average.as_ref().map(|average| (AVERAGE, average)));
        if !held.best.is_empty() {
            files.push((BEST, held.best));
        }
        self.folder.save(&files, optimizer, state)
    }

    /// Reads the last state into the variables and the optimiser, and returns it with the best weights, or `None` if
    /// there is none yet.
    pub(super) fn load(
        &self,
        held: &Tensors<'_>,
        optimizer: &mut AdamW,
        asked: &State,
    ) -> Result<Option<(State, HashMap<String, Tensor>)>> {
        let Some(saved) = self.folder.last::<State>()? else { return Ok(None) };
        saved.state.check_same_run(asked).with_context(|| self.path().display().to_string())?;
        let device = Device::Cpu;
        saved.restore(WEIGHTS, held.variables.iter().map(|(name, variable)| (name, variable)), &device)?;
        if let Some(average) = held.average {
            saved.restore(AVERAGE, average.iter().map(|(name, variable)| (name, variable)), &device)?;
        }
        saved.restore_optimizer(optimizer)?;
        let best = saved.tensors(BEST, &device)?.unwrap_or_default();
        Ok(Some((saved.state, best)))
    }

    /// Removes the checkpoints when the training is done.
    pub(super) fn remove(&self) -> Result<()> {
        match std::fs::remove_dir_all(self.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path().display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_told_in_words_and_not_as_rust_prints_it() {
        for (kept, words) in [
            ("32", "32"),
            ("None", "none"),
            ("Some(0.5)", "0.5"),
            (
                "Recurrent { cell: Lstm, units: 64, second_layer: Some(32) }",
                "recurrent (cell lstm, units 64, second layer 32)",
            ),
            ("[Conv { widths: [2, 3] }, GlobalMax]", "(conv (widths (2, 3)), global-max)"),
            ("MacroF1", "macro-f1"),
            ("Before, masked: true", "before, masked true"),
        ] {
            assert_eq!(in_words(kept), words);
        }
    }
}
