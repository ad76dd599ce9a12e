//! The training loop: epochs, batches, early stopping by the validation part, checkpoints.
//!
//! Everything that decides a step (its rows, what is changed in them, its dropout, its learning rate) is a function of
//! the seed and the step's number, so that a run that was stopped and resumed ends with the weights of one that never
//! stopped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use candle_core::{Tensor, Var};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;

use super::augment::Augmenter;
use super::checkpoints::{BestEpoch, Checkpoints, Exact, State, Tensors};
use super::data::{Example, Part, Prepared};
use super::digest::FileDigests;
use super::loss::cross_entropy;
use super::progress::{EpochReport, Listener, Progress};
use super::settings::{ClassifierTraining, StopOn};
use super::targets::certain;
use crate::metrics::ClassificationReport;
use crate::training::optimizer::{AdamW, AdamWSettings};
use pregonero_models::sentiment::calibration::Calibration;
use pregonero_models::sentiment::network::{Network, Row};
use pregonero_models::sentiment::vocabulary::{PADDING, Padding};

/// Adam's epsilon in Keras.
const EPSILON: f64 = 1e-7;

/// The number of rows scored at once between epochs.
const EVALUATION_ROWS: usize = 128;

/// The name of the tensor with the vocabulary's word vectors.
pub(super) const EMBEDDING: &str = "embedding.weight";

/// A finished training: its best weights and their results on the other parts.
#[derive(Debug)]
pub(super) struct Fitted {
    network: Network,
    pub(super) weights: HashMap<String, Tensor>,
    pub(super) epochs: Vec<EpochReport>,
    pub(super) best_epoch: usize,
    pub(super) interrupted: bool,
}

impl Fitted {
    /// Returns the logits of a part's rows.
    pub(super) fn logits(&self, part: &Part) -> Result<Vec<Vec<f32>>> {
        Ok(score(&self.network, part)?.1)
    }
}

/// The running mean of the weights.
struct Average {
    variables: Vec<(String, Var)>,
    decay: f64,
}

impl Average {
    /// Moves the mean towards `variables`, faster at first so that the random initial weights soon fade (Polyak averaging
    /// with TensorFlow's `num_updates`).
    fn update(&self, variables: &[(String, Var)], step: usize) -> Result<()> {
        let decay = self.decay.min((1 + step) as f64 / (10 + step) as f64);
        for ((_, mean), (_, variable)) in self.variables.iter().zip(variables) {
            let kept = (mean.as_detached_tensor() * decay)?;
            mean.set(&(kept + (variable.as_detached_tensor() * (1.0 - decay))?)?)?;
        }
        Ok(())
    }
}

struct Trainer<'a> {
    settings: &'a ClassifierTraining,
    data: &'a Prepared,
    network: Network,
    variables: Vec<(String, Var)>,
    average: Option<Average>,
    /// The network to measure: the weights, or their mean.
    scoring: Network,
    optimizer: AdamW,
    augmenter: Augmenter,
    class_weights: Vec<f32>,
    checkpoints: Option<&'a Checkpoints>,
    state: State,
    best: HashMap<String, Tensor>,
    saved: Option<(usize, usize)>,
}

/// Trains on the train part until the validation part shows no more improvement.
///
/// # Errors
/// If the loss is not a number, or training is interrupted before the end of the first epoch.
pub(super) fn fit(
    settings: &ClassifierTraining,
    data: &Prepared,
    checkpoints: Option<&Checkpoints>,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<Fitted> {
    let mut trainer = Trainer::start(settings, data, checkpoints)?;
    let resumed_at = trainer.resume()?;
    progress(Progress::Started {
        train_rows: data.train.len(),
        validation_rows: data.validation.labels.len(),
        parameters: data.network.summary().parameters(),
        resumed_at,
        anew: checkpoints.is_some() && resumed_at.is_none() && settings.resume && !settings.overwrite,
        counts: data.counts.clone(),
    });
    let interrupted = trainer.run(interrupted, progress)?;
    trainer.finish(interrupted)
}

impl<'a> Trainer<'a> {
    fn start(
        settings: &'a ClassifierTraining,
        data: &'a Prepared,
        checkpoints: Option<&'a Checkpoints>,
    ) -> Result<Self> {
        let (network, variables) = new_network(settings, data)?;
        let (average, scoring) = match settings.averaging {
            Some(decay) => {
                let (network, variables) = new_network(settings, data)?;
                (Some(Average { variables, decay }), network.frozen())
            }
            None => (None, network.frozen()),
        };
        let digest = checkpoints.map_or_else(|| Ok(String::new()), |_| FileDigests::default().of(settings))?;
        let frozen = settings.vectors.as_ref().is_some_and(|vectors| vectors.frozen);
        let trained = variables.iter().filter(|(name, _)| !(frozen && name == EMBEDDING)).cloned().collect();
        let adam = AdamWSettings { epsilon: EPSILON, weight_decay: settings.weight_decay, ..AdamWSettings::default() };
        Ok(Self {
            settings,
            data,
            network,
            variables,
            average,
            scoring,
            optimizer: AdamW::new(trained, adam)?.with_decay(|name| !name.ends_with("bias")),
            augmenter: Augmenter {
                share: settings.augment,
                word_dropout: settings.word_dropout,
                unknown: data.vocabulary.unknown(),
                neighbours: data.neighbours.clone(),
            },
            class_weights: class_weights(&data.train, settings.labels.len(), settings.balance_classes),
            checkpoints,
            state: State::new(settings, data.train.len(), digest),
            best: HashMap::new(),
            saved: None,
        })
    }

    /// Resumes from a checkpoint, if the settings say so; returns its epoch.
    fn resume(&mut self) -> Result<Option<usize>> {
        let Some(checkpoints) = self.checkpoints else { return Ok(None) };
        checkpoints.refuse_foreign()?;
        if !self.settings.resume {
            if self.settings.overwrite {
                checkpoints.remove()?;
            }
            checkpoints.refuse_to_overwrite()?;
            return Ok(None);
        }
        let held = Tensors {
            variables: &self.variables,
            average: self.average.as_ref().map(|average| average.variables.as_slice()),
            best: &self.best,
        };
        let Some((state, best)) = checkpoints.load(&held, &mut self.optimizer, &self.state)? else { return Ok(None) };
        self.saved = Some((state.epoch, state.batch));
        (self.state, self.best) = (state, best);
        Ok(Some(self.state.epoch))
    }

    /// Runs the remaining epochs; returns whether it was interrupted.
    fn run(&mut self, interrupted: &AtomicBool, progress: Listener<'_>) -> Result<bool> {
        while self.state.epoch <= self.settings.epochs && !self.out_of_patience() && !self.out_of_time(0.0) {
            if !self.epoch(interrupted, progress)? {
                self.save()?;
                return Ok(true);
            }
            self.save()?;
        }
        Ok(false)
    }

    fn out_of_patience(&self) -> bool {
        let since = self.state.best.map_or(0, |best| best.epoch);
        self.state.epochs.len() - since >= self.settings.patience.max(1)
    }

    /// Returns whether the finished epochs and `seconds` of the current one use up the allowed time.
    fn out_of_time(&self, seconds: f64) -> bool {
        let spent: f64 = self.state.epochs.iter().map(|epoch| epoch.seconds).sum();
        self.settings.maximum_minutes.is_some_and(|minutes| spent + seconds >= 60.0 * minutes)
    }

    /// Runs the rest of the current epoch and measures it; returns `false` if it was interrupted.
    fn epoch(&mut self, interrupted: &AtomicBool, progress: Listener<'_>) -> Result<bool> {
        let (start, before) = (Instant::now(), self.state.epoch_seconds);
        let epoch = self.state.epoch;
        let order = self.order(epoch);
        let batches = order.len().div_ceil(self.settings.batch_size);
        for (batch, places) in order.chunks(self.settings.batch_size).enumerate().skip(self.state.batch) {
            if interrupted.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let loss = self.batch(places, (epoch - 1) * batches + batch, batches * self.settings.epochs)?;
            ensure!(
                loss.is_finite(),
                "the loss is {loss} at epoch {epoch}, batch {}: try a smaller learning rate or set a clip norm",
                batch + 1
            );
            self.state.loss_sum.0 += loss * places.len() as f64;
            self.state.rows += places.len();
            self.state.batch = batch + 1;
            self.state.epoch_seconds = before + start.elapsed().as_secs_f64();
            progress(Progress::Batch {
                epoch,
                epochs: self.settings.epochs,
                batch: batch + 1,
                batches,
                loss: self.state.loss_sum.0 / self.state.rows as f64,
                left: self.left(self.state.epoch_seconds * batches as f64 / (batch + 1) as f64),
            });
            if self.out_of_time(self.state.epoch_seconds) {
                break;
            }
        }
        let report = self.measure(before, start)?;
        let left = self.left(report.seconds);
        progress(Progress::Epoch { report, left });
        Ok(true)
    }

    /// Returns the time left until the last allowed epoch or minute, at `epoch_seconds` per epoch.
    fn left(&self, epoch_seconds: f64) -> Duration {
        let spent: f64 = self.state.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>() + self.state.epoch_seconds;
        let done = self.state.epochs.len() as f64 * epoch_seconds + self.state.epoch_seconds;
        let by_epochs = self.settings.epochs as f64 * epoch_seconds - done;
        let by_time = self.settings.maximum_minutes.map_or(f64::INFINITY, |minutes| 60.0 * minutes - spent);
        Duration::try_from_secs_f64(by_epochs.min(by_time).max(0.0)).unwrap_or(Duration::MAX)
    }

    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.data.train.len()).collect();
        order.shuffle(&mut numbered_rng(self.settings.seed.wrapping_add(1), epoch));
        order
    }

    /// Takes one step and returns the loss before it. If the loss is not a number, no weight changes.
    fn batch(&mut self, places: &[usize], step: usize, steps: usize) -> Result<f64> {
        let mut rng = numbered_rng(self.settings.seed.wrapping_add(2), step);
        let examples: Vec<&Example> = places.iter().map(|&place| &self.data.train[place]).collect();
        let row = |example: &&Example| Row {
            ids: self.padded(self.augmenter.apply(&example.ids, &mut rng)),
            ngrams: example.ngrams.clone(),
        };
        let rows: Vec<Row> = examples.iter().map(row).collect();
        let targets: Vec<Vec<f32>> = examples.iter().map(|example| example.target.clone()).collect();
        let weights: Vec<f32> = examples.iter().map(|example| example.weight * self.class_weight(example)).collect();
        let logits = self.network.train(&rows, &mut rng)?;
        let loss = cross_entropy(&logits, &targets, &weights)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            return Ok(value);
        }
        let mut gradients = loss.backward()?;
        if self.settings.clip_norm > 0.0 {
            let norm = self.optimizer.clip_global_norm(&mut gradients, self.settings.clip_norm)?;
            ensure!(norm.is_finite(), "the gradient's norm is {norm}: try a smaller learning rate");
        }
        self.optimizer.step(&gradients, self.settings.schedule().at(step, steps))?;
        if let Some(average) = &self.average {
            average.update(&self.variables, step)?;
        }
        Ok(value)
    }

    fn padded(&self, mut ids: Vec<u32>) -> Vec<u32> {
        let words = ids.len();
        ids.resize(self.data.network.steps.max(words), PADDING);
        if self.data.network.padding == Padding::Left {
            ids.rotate_left(words);
        }
        ids
    }

    fn class_weight(&self, example: &Example) -> f32 {
        example.target.iter().zip(&self.class_weights).map(|(share, weight)| share * weight).sum()
    }

    /// Ends the epoch: measures it, and keeps its weights if they are the best.
    fn measure(&mut self, seconds_before: f64, start: Instant) -> Result<EpochReport> {
        let (validation_loss, logits) = score(&self.scoring, &self.data.validation)?;
        let measured = as_if_kept(self.settings, &self.data.validation, &logits)?;
        let value = match self.settings.stop_on {
            StopOn::Loss => -validation_loss,
            StopOn::F1 => measured.macro_f1,
        };
        let best = is_better(value, self.state.best.map(|best| best.value.0), self.settings.minimum_delta);
        if best {
            self.state.best = Some(BestEpoch { epoch: self.state.epoch, value: Exact(value) });
            let measured = self.average.as_ref().map_or(&self.variables, |average| &average.variables);
            self.best = copy(measured)?;
        }
        let report = EpochReport {
            epoch: self.state.epoch,
            loss: self.state.loss_sum.0 / self.state.rows.max(1) as f64,
            validation_loss,
            accuracy: measured.accuracy,
            macro_f1: measured.macro_f1,
            seconds: seconds_before + start.elapsed().as_secs_f64(),
            best,
        };
        self.state.epochs.push(report);
        self.state.epoch += 1;
        (self.state.batch, self.state.rows) = (0, 0);
        (self.state.loss_sum, self.state.epoch_seconds) = (Exact::default(), 0.0);
        Ok(report)
    }

    fn save(&mut self) -> Result<()> {
        let place = Some((self.state.epoch, self.state.batch));
        if let Some(checkpoints) = self.checkpoints.filter(|_| self.saved != place) {
            let average = self.average.as_ref().map(|average| average.variables.as_slice());
            let held = Tensors { variables: &self.variables, average, best: &self.best };
            checkpoints.save(&held, &self.optimizer, &self.state)?;
            self.saved = place;
        }
        Ok(())
    }

    fn finish(self, interrupted: bool) -> Result<Fitted> {
        let Some(best) = self.state.best else {
            if let Some(last) = self.state.epochs.last() {
                bail!(
                    "the validation loss was not a number in any epoch (it ended at {}): try a smaller learning rate",
                    last.validation_loss
                );
            }
            match self.checkpoints {
                Some(_) => {
                    bail!("interrupted before the first epoch ended; no model was written; continue with --resume")
                }
                None => bail!("interrupted before the first epoch ended"),
            }
        };
        let network = Network::from_tensors(&self.data.network, &self.best)?;
        Ok(Fitted { network, weights: self.best, epochs: self.state.epochs, best_epoch: best.epoch, interrupted })
    }
}

/// Returns whether an epoch's value is the best so far. NaN never is, and any number is better than NaN.
fn is_better(value: f64, best: Option<f64>, minimum_delta: f64) -> bool {
    value.is_finite() && best.is_none_or(|best| !best.is_finite() || value > best + minimum_delta)
}

/// Returns an untrained network with Keras's initial weights, and with the given vectors in the embedding.
fn new_network(settings: &ClassifierTraining, data: &Prepared) -> Result<(Network, Vec<(String, Var)>)> {
    let (network, variables) = Network::new(&data.network, settings.seed)?;
    if let Some(vectors) = &data.vectors {
        for (_, variable) in variables.iter().filter(|(name, _)| name == EMBEDDING) {
            variable.set(&vectors.over(variable.as_tensor())?)?;
        }
    }
    Ok((network, variables))
}

/// Returns a separate random generator for each number, independent of what was drawn before.
fn numbered_rng(seed: u64, number: usize) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(number as u64);
    rng
}

/// Returns the weight of each class: if `balance`, such that all classes have the same total weight, otherwise 1.
fn class_weights(examples: &[Example], labels: usize, balance: bool) -> Vec<f32> {
    if !balance {
        return vec![1.0; labels];
    }
    let mut shares = vec![0.0f64; labels];
    for example in examples {
        for (share, target) in shares.iter_mut().zip(&example.target) {
            *share += f64::from(example.weight * target);
        }
    }
    let whole: f64 = shares.iter().sum();
    shares.into_iter().map(|share| (whole / (labels as f64 * share.max(1e-9))) as f32).collect()
}

/// Returns the mean loss over a part and the logits of its rows.
fn score(network: &Network, part: &Part) -> Result<(f64, Vec<Vec<f32>>)> {
    let mut all = Vec::with_capacity(part.rows.len());
    let mut total = 0.0;
    for (rows, labels) in part.rows.chunks(EVALUATION_ROWS).zip(part.labels.chunks(EVALUATION_ROWS)) {
        let logits = network.score(rows)?;
        let count = logits.dim(1)?.max(2);
        let targets: Vec<Vec<f32>> = labels.iter().map(|&label| certain(label, count)).collect();
        let loss = cross_entropy(&logits, &targets, &vec![1.0; labels.len()])?;
        total += f64::from(loss.to_scalar::<f32>()?) * rows.len() as f64;
        all.extend(logits.to_vec2::<f32>()?);
    }
    Ok((total / part.rows.len() as f64, all))
}

/// Returns the metrics of a part's logits under a calibration.
pub(super) fn report(
    part: &Part,
    logits: &[Vec<f32>],
    calibration: &Calibration,
    labels: &[String],
) -> Result<ClassificationReport> {
    let probabilities: Vec<Vec<f32>> = logits.iter().map(|logits| calibration.probabilities(logits)).collect();
    ClassificationReport::new(&part.labels, &probabilities, labels)
}

/// Returns the metrics of the validation part under the calibration that the model would get with these weights: without
/// it, a network that ranks all rows correctly may predict the same label for all of them.
fn as_if_kept(settings: &ClassifierTraining, validation: &Part, logits: &[Vec<f32>]) -> Result<ClassificationReport> {
    // If nothing can be fitted here, nothing can at the end of the training either, and the error is reported there.
    let calibration = settings.calibration.fit(logits, &validation.labels).unwrap_or_default();
    report(validation, logits, &calibration, &settings.labels)
}

fn copy(variables: &[(String, Var)]) -> Result<HashMap<String, Tensor>> {
    variables.iter().map(|(name, variable)| Ok((name.clone(), variable.as_detached_tensor().copy()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_epoch_without_a_number_is_bettered_by_any_that_has_one() {
        for (value, best, expected) in [
            (-0.5, None, true),
            (f64::NAN, None, false),
            (f64::NEG_INFINITY, None, false),
            (-0.5, Some(f64::NAN), true),
            (-0.5, Some(f64::NEG_INFINITY), true),
            (f64::NAN, Some(-0.5), false),
            (-0.4995, Some(-0.5), false),
            (-0.4, Some(-0.5), true),
        ] {
            assert_eq!(is_better(value, best, 0.001), expected, "{value} after {best:?}");
        }
    }

    #[test]
    fn an_epoch_is_measured_as_the_model_would_decide() {
        // All are below 0, so that without calibration every row would get label 0, yet their order is perfect.
        let logits: Vec<Vec<f32>> = (0..40).map(|row| vec![row as f32 / 10.0 - 5.0]).collect();
        let labels: Vec<usize> = (0..40).map(|row| usize::from(row >= 20)).collect();
        let validation = Part { rows: Vec::new(), labels };
        let settings = ClassifierTraining::new("data.csv".into(), "model".into());
        let alone = report(&validation, &logits, &Calibration::None, &settings.labels).unwrap();
        assert!((alone.macro_f1 - 1.0 / 3.0).abs() < 1e-9, "{}", alone.macro_f1);
        assert_eq!(as_if_kept(&settings, &validation, &logits).unwrap().macro_f1, 1.0);
        let one_label = Part { rows: Vec::new(), labels: vec![1; 40] };
        assert!(as_if_kept(&settings, &one_label, &logits).is_ok(), "no calibration can be fitted");
    }

    #[test]
    fn balanced_weights_give_all_classes_the_same_sum() {
        let example =
            |target: [f32; 2], weight| Example { ids: vec![1], ngrams: Vec::new(), target: target.to_vec(), weight };
        let hard =
            [example([0.0, 1.0], 1.0), example([0.0, 1.0], 1.0), example([0.0, 1.0], 1.0), example([1.0, 0.0], 1.0)];
        let weights = class_weights(&hard, 2, true);
        assert!((weights[0] - 2.0).abs() < 1e-6 && (weights[1] * 3.0 - 2.0).abs() < 1e-6, "{weights:?}");
        assert_eq!(class_weights(&hard, 2, false), [1.0, 1.0]);
        let soft = [example([0.25, 0.75], 0.5), example([1.0, 0.0], 1.0)];
        let weights = class_weights(&soft, 2, true);
        assert!((weights[0] * 1.125 - weights[1] * 0.375).abs() < 1e-6, "{weights:?}");
    }
}
