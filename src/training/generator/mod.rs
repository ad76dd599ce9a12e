//! Trains or fine-tunes the generator: blocks of tokens, AdamW with warm-up and decay, checkpoints, exact resume.
//!
//! Everything that decides a step (its batch, its dropout masks, its learning rate) is a function of the seed and the
//! step's number, so that a run that was stopped and resumed gives the same losses as one that never stopped.

mod checkpoints;
#[cfg(test)]
mod control_tests;
mod data;
mod dropout;
mod initial;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use candle_core::{DType, Device, Tensor, Var};

use self::checkpoints::{Checkpoints, Finished, State};
pub use self::data::Corpus;
use self::dropout::SeededDropout;
use self::initial::initial_weights;
pub use self::settings::{Base, ControlTraining, GeneratorTraining, Samples, Shape};
use super::optimizer::{AdamW, AdamWSettings};
pub use super::schedule::Decay;
use super::text::TextCounts;
use crate::catalog::ModelFiles;
use crate::generation::gpt2::{Gpt2, NoDropout};
use crate::generation::tokenizer::Tokenizer;

/// What is told while training goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The data is read.
    Data { counts: TextCounts, shortened: usize, training_tokens: usize, held_out_tokens: usize },
    /// The model is there.
    Model { parameters: usize, resumed_at: usize, steps: usize },
    /// Some steps are done: their mean loss in nats a token.
    Step { step: usize, steps: usize, loss: f64, learning_rate: f64, tokens_per_second: f64, left: Duration },
    /// The held-out texts were evaluated.
    Evaluated { step: usize, loss: f64, perplexity: f64, best: bool },
    /// A checkpoint lies on disk.
    Saved { step: usize },
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Steps done in all, earlier runs included.
    pub steps: usize,
    /// Whether it was stopped before its last step.
    pub stopped: bool,
    /// The best held-out cross-entropy in nats a token; absent where nothing was held out.
    pub best_loss: Option<f64>,
    pub parameters: usize,
    pub counts: TextCounts,
    pub training_tokens: usize,
    pub held_out_tokens: usize,
}

/// Trains until the last step, early stopping or `stop`; writes the model into the settings' output folder.
///
/// Runs on a thread of its own with a large stack, because candle's backward pass recurses.
///
/// # Errors
/// Unreadable data or base, a loss that is no number (the last good checkpoint stays), a full disk.
pub fn train(
    settings: &GeneratorTraining,
    stop: &AtomicBool,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome> {
    const STACK: usize = 256 << 20;
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

struct Trainer<'a> {
    settings: &'a GeneratorTraining,
    device: Device,
    model: Gpt2,
    variables: BTreeMap<String, Var>,
    optimizer: AdamW,
    corpus: Corpus,
    tokenizer: Tokenizer,
    checkpoints: Checkpoints,
    state: State,
}

impl<'a> Trainer<'a> {
    fn start(settings: &'a GeneratorTraining, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Self> {
        settings.check()?;
        let device = Device::Cpu;
        let tokenizer = settings.tokenizer()?;
        let corpus = Corpus::read(settings, &tokenizer)?;
        report(Progress::Data {
            counts: corpus.counts.clone(),
            shortened: corpus.shortened,
            training_tokens: corpus.training_tokens(),
            held_out_tokens: corpus.held_out_tokens(),
        });
        let config = settings.config(&tokenizer)?;
        let variables = initial_weights(settings, &config, &device)?;
        let model = Gpt2::new(&config, |name, _| {
            variables.get(name).map(|var| var.as_tensor().clone()).with_context(|| format!("no tensor {name}"))
        })?;
        let parameters: Vec<(String, Var)> = variables.iter().map(|(name, var)| (name.clone(), var.clone())).collect();
        let optimizer = AdamW::new(
            parameters,
            AdamWSettings { beta1: 0.9, beta2: settings.beta2, epsilon: 1e-8, weight_decay: settings.weight_decay },
        )?
        .with_decay(|name| name.ends_with(".weight") && !name.contains("ln_"));
        let checkpoints = Checkpoints::new(&settings.output);
        let mut trainer = Self {
            settings,
            device,
            model,
            variables,
            optimizer,
            corpus,
            tokenizer,
            checkpoints,
            state: State::new(settings),
        };
        trainer.resume()?;
        report(Progress::Model {
            parameters: config.parameters(),
            resumed_at: trainer.state.step,
            steps: trainer.steps(),
        });
        Ok(trainer)
    }

    fn resume(&mut self) -> Result<()> {
        if !self.settings.resume {
            return self.checkpoints.refuse_to_overwrite();
        }
        if let Some(state) = self.checkpoints.load(&self.variables, &mut self.optimizer, &self.device)? {
            state.check_same_run(&self.state)?;
            self.state = state;
        }
        Ok(())
    }

    /// The number of the last step.
    fn steps(&self) -> usize {
        self.settings.steps.unwrap_or_else(|| {
            let steps = self.settings.epochs * self.corpus.batches_per_epoch(self.settings);
            (steps.ceil() as usize).max(1)
        })
    }

    fn run(mut self, stop: &AtomicBool, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Outcome> {
        let steps = self.steps();
        let mut window = Window::default();
        while self.state.step < steps && !stop.load(Ordering::Relaxed) && !self.out_of_patience() {
            let loss = self.step(steps)?;
            window.add(&loss);
            self.state.step += 1;
            let step = self.state.step;
            if step.is_multiple_of(self.settings.log_every) || step == steps {
                let learning_rate = self.settings.schedule().at(step - 1, steps);
                let done = window.take();
                let seconds = done.elapsed.as_secs_f64().max(1e-9);
                let left = done.elapsed.mul_f64((steps - step) as f64 / done.steps.max(1) as f64);
                let tokens_per_second = done.tokens as f64 / seconds;
                let entry = Progress::Step { step, steps, loss: done.mean, learning_rate, tokens_per_second, left };
                self.checkpoints.log(&entry)?;
                report(entry);
            }
            if step.is_multiple_of(self.settings.evaluate_every) || step == steps {
                self.evaluate(report)?;
                window.restart();
            }
            if step.is_multiple_of(self.settings.save_every) {
                self.save(report)?;
                window.restart();
            }
        }
        self.save(report)?;
        self.finish(steps)
    }

    fn out_of_patience(&self) -> bool {
        self.settings.patience.is_some_and(|patience| self.state.evaluations_without_gain >= patience)
    }

    /// One step of the optimiser.
    fn step(&mut self, steps: usize) -> Result<StepLoss> {
        let step = self.state.step;
        let batch = self.corpus.batch(step, self.settings);
        let mut dropout = SeededDropout::new(self.settings.seed, step);
        let tokens = batch.predicted();
        let ids = Tensor::from_vec(batch.ids, (batch.rows, batch.length), &self.device)?;
        let loss = self.model.loss(&ids, &batch.targets, &mut dropout)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            bail!(
                "the loss of step {} is {value}: lower --learning-rate or raise --warmup-steps; the checkpoint of step \
                 {} is whole and can be resumed",
                step + 1,
                self.state.saved_step
            );
        }
        let mut gradients = loss.backward()?;
        self.optimizer.clip_global_norm(&mut gradients, self.settings.clip)?;
        self.optimizer.step(&gradients, self.settings.schedule().at(step, steps))?;
        Ok(StepLoss { mean: value, tokens })
    }

    fn evaluate(&mut self, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        let Some(loss) = self.held_out_loss()? else { return Ok(()) };
        let best = self.state.best_loss.is_none_or(|best| loss < best);
        if best {
            self.state.best_loss = Some(loss);
            self.state.evaluations_without_gain = 0;
            self.checkpoints.save_best(&self.variables)?;
        } else {
            self.state.evaluations_without_gain += 1;
        }
        let entry = Progress::Evaluated { step: self.state.step, loss, perplexity: loss.exp(), best };
        self.checkpoints.log(&entry)?;
        report(entry);
        Ok(())
    }

    /// Mean cross-entropy a token over the held-out blocks.
    fn held_out_loss(&self) -> Result<Option<f64>> {
        let (mut sum, mut counted) = (0.0, 0_usize);
        for batch in self.corpus.held_out_batches(self.settings) {
            let tokens = batch.predicted();
            let ids = Tensor::from_vec(batch.ids, (batch.rows, batch.length), &self.device)?;
            let loss = self.model.loss(&ids, &batch.targets, &mut NoDropout)?.to_scalar::<f32>()?;
            sum += f64::from(loss) * tokens as f64;
            counted += tokens;
        }
        Ok((counted > 0).then(|| sum / counted as f64))
    }

    fn save(&mut self, report: &mut (dyn FnMut(Progress) + Send)) -> Result<()> {
        if self.state.saved_step == self.state.step && self.state.step > 0 {
            return Ok(());
        }
        self.state.saved_step = self.state.step;
        self.checkpoints.save(&self.variables, &self.optimizer, &self.state)?;
        report(Progress::Saved { step: self.state.step });
        Ok(())
    }

    fn finish(self, steps: usize) -> Result<Outcome> {
        let stopped = self.state.step < steps && !self.out_of_patience();
        let outcome = Outcome {
            steps: self.state.step,
            stopped,
            best_loss: self.state.best_loss,
            parameters: self.model.config.parameters(),
            counts: self.corpus.counts.clone(),
            training_tokens: self.corpus.training_tokens(),
            held_out_tokens: self.corpus.held_out_tokens(),
        };
        let weights = self.checkpoints.best(&self.variables, &self.device)?;
        let model = Finished { config: &self.model.config, tokenizer: &self.tokenizer, corpus: &self.corpus };
        checkpoints::write_model(self.settings, &model, &weights, &outcome)?;
        Ok(outcome)
    }
}

/// The mean loss of a step, and of how many tokens.
struct StepLoss {
    mean: f64,
    tokens: usize,
}

/// The losses since the last line of the log.
struct Window {
    sum: f64,
    steps: usize,
    tokens: usize,
    since: Instant,
}

struct Done {
    mean: f64,
    steps: usize,
    tokens: usize,
    elapsed: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self { sum: 0.0, steps: 0, tokens: 0, since: Instant::now() }
    }
}

impl Window {
    fn add(&mut self, loss: &StepLoss) {
        self.sum += loss.mean;
        self.steps += 1;
        self.tokens += loss.tokens;
    }

    fn take(&mut self) -> Done {
        let done = Done {
            mean: self.sum / self.steps.max(1) as f64,
            steps: self.steps,
            tokens: self.tokens,
            elapsed: self.since.elapsed(),
        };
        *self = Self::default();
        done
    }

    /// Leaves out the time an evaluation or a checkpoint took.
    fn restart(&mut self) {
        if self.steps == 0 {
            self.since = Instant::now();
        }
    }
}

/// Reads a folder as the base of a training.
///
/// # Errors
/// Where there is no such folder.
pub fn base_in(folder: &Path) -> Result<Base> {
    Ok(Base::Model(ModelFiles::in_folder(folder)?))
}

/// The type weights are stored in.
pub(crate) fn stored(tensor: &Tensor, half_precision: bool) -> candle_core::Result<Tensor> {
    tensor.to_dtype(if half_precision { DType::F16 } else { DType::F32 })
}
