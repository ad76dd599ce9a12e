//! Trains or fine-tunes the generator: blocks of tokens, AdamW with warm-up and decay, checkpoints, exact resume.
//!
//! Everything that decides a step (its batch, its dropout masks, its learning rate) is a function of the seed and the
//! step's number, so that a run that was stopped and resumed has the same losses as one that never stopped.

mod checkpoints;
mod compared;
#[cfg(test)]
mod control_tests;
mod data;
mod dropout;
mod initial;
mod learner;
mod log;
mod settings;
mod step_settings;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use candle_core::{DType, Tensor};

pub use self::checkpoints::report_verbatim;
use self::checkpoints::{Checkpoints, Finished, State, Unlogged};
pub use self::compared::Compared;
pub use self::data::{Batch, Corpus};
use self::initial::initial_weights;
pub use self::learner::{Learner, StepOutcome};
use self::log::TrainingLog;
pub use self::settings::{Base, ControlTraining, GeneratorTraining, Samples, Shape};
pub use self::step_settings::{MuonStep, OptimizerChoice, Precision, StepSettings};
pub use super::schedule::Decay;
use super::text::TextCounts;
use crate::dataset::parts::learned_from;
use pregonero_data::trained_on::TrainedOn;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::device;
use pregonero_models::generation::tokenizer::Tokenizer;
use pregonero_system::memory::keep_freed_memory;

/// What is reported during training.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The data has been read.
    Data { counts: TextCounts, shortened: usize, training_tokens: usize, held_out_tokens: usize },
    /// The base writes from these attributes, but the new model will not, because `--control` does not name them.
    ControlLost { attributes: String },
    /// The base predicts these texts worse than guessing, in nats a token, although its tokenizer is its own.
    Unlike { loss: f64, guess: f64 },
    /// There is no checkpoint in the output folder; the training starts with its first step.
    NothingToResume,
    /// The model is ready.
    Model { parameters: usize, resumed_at: usize, steps: usize, device: &'static str, fallback: Option<String> },
    /// Some steps are done: their mean loss in nats a token.
    Step { step: usize, steps: usize, loss: f64, learning_rate: f64, tokens_per_second: f64, left: Duration },
    /// The held-out texts were evaluated.
    Evaluated { step: usize, loss: f64, perplexity: f64, best: bool },
    /// A checkpoint was saved.
    Saved { step: usize },
}

/// The result of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Steps done in all, earlier runs included.
    pub steps: usize,
    /// Whether it was stopped before its last step.
    pub stopped: bool,
    /// Whether it ended before its last step because the evaluations showed no improvement.
    pub out_of_patience: bool,
    /// The best held-out cross-entropy in nats per token; absent if nothing was held out.
    pub best_loss: Option<f64>,
    pub parameters: usize,
    /// The device and precision of the last part, in words.
    pub device: &'static str,
    pub counts: TextCounts,
    pub training_tokens: usize,
    pub held_out_tokens: usize,
}

/// Trains until the last step, early stopping or `stop`, and writes the model into the settings' output folder.
///
/// Runs on a separate thread with a large stack, because candle's backward pass recurses.
///
/// # Errors
/// If data or base cannot be read, the loss is not a number (the last good checkpoint stays), or the disk is full.
pub fn train(
    settings: &GeneratorTraining,
    stop: &AtomicBool,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome> {
    const STACK: usize = 256 << 20;
    keep_freed_memory();
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("training".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || Trainer::start(settings, report)?.run(stop, report))
            .context("cannot start the training thread")?
            .join()
            .map_err(|_| anyhow::anyhow!("the training thread panicked"))?
    })
}

/// Returns the files of a training, and those of the model that it begins from.
fn trained_on(settings: &GeneratorTraining) -> Result<TrainedOn> {
    // Of the own texts, all parts are stored with the model.
    let own = TrainedOn::of(settings.own.iter().map(|source| &source.path))?;
    let files = learned_from(settings.data.iter().map(|source| &source.path))?.and(own);
    match &settings.base {
        Base::Model(ModelFiles::Folder(folder)) => files.begun_from(folder),
        Base::Model(ModelFiles::Embedded(_)) | Base::Scratch { .. } => Ok(files),
    }
}

struct Trainer<'a> {
    settings: &'a GeneratorTraining,
    learner: Learner,
    corpus: Corpus,
    tokenizer: Tokenizer,
    checkpoints: Checkpoints,
    log: TrainingLog,
    state: State,
    /// The files that are trained on.
    trained_on: TrainedOn,
    is_writing: bool,
}

impl<'a> Trainer<'a> {
    fn start(settings: &'a GeneratorTraining, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Self> {
        settings.check()?;
        let checkpoints = Checkpoints::new(&settings.output);
        let tokenizer = match &settings.base {
            Base::Scratch { tokenizer, .. } => Some(tokenizer.as_path()),
            Base::Model(_) => None,
        };
        checkpoints.refuse_to_overwrite(settings.resume, tokenizer)?;
        let (device, fallback) = device(settings.device)?;
        let tokenizer = settings.tokenizer()?;
        let config = settings.config(&tokenizer)?;
        if let Some(attributes) = settings.lost_control()? {
            report(Progress::ControlLost { attributes });
        }
        let trained_on = trained_on(settings)?;
        let corpus = Corpus::read(settings, &tokenizer)?;
        report(Progress::Data {
            counts: corpus.counts.clone(),
            shortened: corpus.shortened,
            training_tokens: corpus.training_tokens(),
            held_out_tokens: corpus.held_out_tokens(),
        });
        let variables = initial_weights(settings, &config, &device)?;
        let learner = Learner::new(config, device, variables, settings.step_settings())?;
        let (log, state) = (TrainingLog::new(&settings.output), State::new(settings, &corpus));
        let mut trainer =
            Self { settings, learner, corpus, tokenizer, checkpoints, log, state, trained_on, is_writing: false };
        if !trainer.resume()? && settings.resume {
            report(Progress::NothingToResume);
        }
        report(Progress::Model {
            parameters: trainer.learner.config.parameters(),
            resumed_at: trainer.state.step,
            steps: trainer.steps(),
            device: trainer.learner.device_name(),
            fallback,
        });
        Ok(trainer)
    }

    /// Resumes from the last checkpoint if the settings say so; returns whether there was one.
    fn resume(&mut self) -> Result<bool> {
        let saved = if self.settings.resume { self.checkpoints.load(&mut self.learner, &self.state)? } else { None };
        let resumed = saved.is_some();
        if let Some(state) = saved {
            self.state = state;
        }
        Ok(resumed)
    }

    /// Prepares the output folder for the first file. Not before the first step has succeeded: a training that fails at
    /// its start leaves nothing.
    fn begin_writing(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.is_writing, true) {
            self.checkpoints.mark_as_ours()?;
            self.log.forget_behind(self.state.step)?;
        }
        Ok(())
    }

    /// Returns the number of the last step.
    fn steps(&self) -> usize {
        self.settings.steps.unwrap_or_else(|| {
            let batches = self.settings.epochs * self.corpus.batches_per_epoch(self.settings);
            let steps = batches / self.settings.accumulate as f64;
            (steps.ceil() as usize).max(1)
        })
    }

    fn run(mut self, stop: &AtomicBool, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Outcome> {
        let steps = self.steps();
        let mut window = Window::starting_with(self.state.unlogged);
        while self.state.step < steps && !stop.load(Ordering::Relaxed) && !self.out_of_patience() {
            let (loss, tokens) = self.step(steps, report)?;
            self.begin_writing()?;
            window.add(loss, tokens);
            self.state.step += 1;
            let step = self.state.step;
            if step.is_multiple_of(self.settings.log_every) || step == steps {
                self.tell(&mut window, steps, report)?;
            }
            self.state.unlogged = window.unlogged;
            if step.is_multiple_of(self.settings.evaluate_every) || step == steps {
                self.evaluate(report)?;
                window.restart();
            }
            if step.is_multiple_of(self.settings.save_every) {
                self.save(report)?;
                window.restart();
            }
        }
        if self.out_of_patience() && window.unlogged.steps > 0 {
            self.tell(&mut window, steps, report)?;
            self.state.unlogged = window.unlogged;
        }
        self.save(report)?;
        self.finish(steps)
    }

    /// Logs and reports the steps since the last time.
    fn tell(&self, window: &mut Window, steps: usize, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        let step = self.state.step;
        let learning_rate = self.settings.schedule().at(step - 1, steps);
        let done = std::mem::replace(window, Window::starting_with(Unlogged::default()));
        let elapsed = done.since.elapsed();
        let left = elapsed.mul_f64((steps - step) as f64 / done.timed_steps.max(1) as f64);
        let tokens_per_second = done.tokens as f64 / elapsed.as_secs_f64().max(1e-9);
        let entry = Progress::Step { step, steps, loss: done.unlogged.mean(), learning_rate, tokens_per_second, left };
        self.log.append(&entry)?;
        report(entry);
        Ok(())
    }

    fn out_of_patience(&self) -> bool {
        self.settings.patience.is_some_and(|patience| self.state.evaluations_without_gain >= patience)
    }

    /// Takes one step of the optimiser; returns the mean loss of its batches and how many tokens they counted.
    fn step(&mut self, steps: usize, report: &mut (dyn FnMut(Progress) + Send)) -> Result<(f64, usize)> {
        let (step, accumulate) = (self.state.step, self.settings.accumulate);
        let parts: Vec<Batch> = (step * accumulate..(step + 1) * accumulate)
            .map(|number| self.corpus.batch(number, self.settings))
            .collect();
        let outcome = self.learner.step(&parts, step, self.settings.schedule().at(step, steps))?;
        self.check_base(outcome.loss, report)?;
        let (what, value) = match outcome {
            StepOutcome { loss, .. } if !loss.is_finite() => ("loss", loss),
            StepOutcome { gradient_norm, .. } if !gradient_norm.is_finite() => ("gradient's norm", gradient_norm),
            StepOutcome { loss, .. } => return Ok((loss, parts.iter().map(Batch::predicted).sum())),
        };
        bail!(self.broken(&format!("{what} of step {} is {value}", step + 1)));
    }

    /// Returns the error message for a value that is not a number.
    fn broken(&self, what: &str) -> String {
        let checkpoint = match self.state.saved_step {
            0 => "no checkpoint was written yet".to_owned(),
            saved => format!("the checkpoint of step {saved} is intact and can be resumed"),
        };
        format!("the {what}: lower --learning-rate or raise --warmup-steps; {checkpoint}")
    }

    /// Refuses a base that predicts worse than guessing at its very first step: most likely it was not trained with these
    /// token ids. A built-in one was, so its texts were in another language or of another kind; that is only reported.
    fn check_base(&self, loss: f64, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        const BEYOND_GUESSING: f64 = 0.5;
        let vocabulary = self.learner.config.vocab_size.min(self.tokenizer.vocabulary_size());
        let guess = (vocabulary as f64).ln();
        if self.state.step > 0 || loss <= guess + BEYOND_GUESSING {
            return Ok(());
        }
        match self.settings.base {
            Base::Scratch { .. } => {}
            Base::Model(ModelFiles::Embedded(_)) => report(Progress::Unlike { loss, guess }),
            Base::Model(ModelFiles::Folder(_)) => bail!(
                "the base's loss on these texts is {loss:.2} nats per token, but guessing among {vocabulary} tokens gives \
                 {guess:.2}: either the tokenizer in its folder is not the one it was trained with, or the texts are in \
                 another language than its own; take the tokenizer that belongs to it, a base of the texts' language, or \
                 train from scratch with --tokenizer"
            ),
        }
        Ok(())
    }

    fn evaluate(&mut self, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        let batches = self.corpus.held_out_batches(self.settings);
        let Some(loss) = self.learner.evaluate(&batches)? else { return Ok(()) };
        if !loss.is_finite() {
            bail!(self.broken(&format!("held-out loss after step {} is {loss}", self.state.step)));
        }
        let best = self.state.best_loss.is_none_or(|best| loss < best);
        if best {
            self.state.best_loss = Some(loss);
            self.state.evaluations_without_gain = 0;
            self.checkpoints.save_best(&self.learner)?;
        } else {
            self.state.evaluations_without_gain += 1;
        }
        let entry = Progress::Evaluated { step: self.state.step, loss, perplexity: loss.exp(), best };
        self.log.append(&entry)?;
        report(entry);
        Ok(())
    }

    fn save(&mut self, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        if self.state.saved_step == self.state.step && self.state.step > 0 {
            return Ok(());
        }
        self.check_weights()?;
        self.begin_writing()?;
        self.state.saved_step = self.state.step;
        self.checkpoints.save(&self.learner, &self.state)?;
        report(Progress::Saved { step: self.state.step });
        Ok(())
    }

    /// Refuses weights whose loss on what they have just seen is not a number: a checkpoint of them would be useless.
    fn check_weights(&mut self) -> Result<()> {
        let Some(last) = self.state.step.checked_sub(1) else { return Ok(()) };
        let batch = self.corpus.batch(last * self.settings.accumulate, self.settings);
        match self.learner.evaluate(&[batch])? {
            Some(loss) if !loss.is_finite() => {
                bail!(self.broken(&format!("loss of the weights after step {} is {loss}", self.state.step)))
            }
            _ => Ok(()),
        }
    }

    fn finish(self, steps: usize) -> Result<Outcome> {
        let stopped = self.state.step < steps && !self.out_of_patience();
        let outcome = Outcome {
            steps: self.state.step,
            stopped,
            out_of_patience: self.state.step < steps && self.out_of_patience(),
            best_loss: self.state.best_loss,
            parameters: self.learner.config.parameters(),
            device: self.learner.device_name(),
            counts: self.corpus.counts.clone(),
            training_tokens: self.corpus.training_tokens(),
            held_out_tokens: self.corpus.held_out_tokens(),
        };
        self.log.draw()?;
        let weights = self.checkpoints.best(&self.learner)?;
        let model = Finished { config: &self.learner.config, tokenizer: &self.tokenizer, corpus: &self.corpus };
        self.trained_on.write(&self.settings.output)?;
        checkpoints::write_model(self.settings, &model, &weights, &outcome)?;
        Ok(outcome)
    }
}

/// The steps since the last line of the log.
struct Window {
    unlogged: Unlogged,
    /// The number of those steps since `since`; the others were done before the training was resumed.
    timed_steps: usize,
    tokens: usize,
    since: Instant,
}

impl Window {
    fn starting_with(unlogged: Unlogged) -> Self {
        Self { unlogged, timed_steps: 0, tokens: 0, since: Instant::now() }
    }

    fn add(&mut self, loss: f64, tokens: usize) {
        self.unlogged.add(loss);
        self.timed_steps += 1;
        self.tokens += tokens;
    }

    /// Restarts the clock, to exclude the time an evaluation or a checkpoint took.
    fn restart(&mut self) {
        if self.timed_steps == 0 {
            self.since = Instant::now();
        }
    }
}

/// Converts weights to the type in which they are stored.
pub(crate) fn stored(tensor: &Tensor, half_precision: bool) -> candle_core::Result<Tensor> {
    tensor.to_dtype(if half_precision { DType::F16 } else { DType::F32 })
}
