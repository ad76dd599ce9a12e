//! The loop: epochs, batches, early stopping on the validation loss.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use candle_core::{Tensor, Var};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use super::loss::binary_cross_entropy;
use super::{ClassifierTraining, Part, Prepared};
use crate::evaluation::classification::ClassificationReport;
use crate::sentiment::network::Network;
use crate::sentiment::probability_of_logit;
use crate::training::optimizer::{AdamW, AdamWSettings};

/// Adam's epsilon in Keras.
const EPSILON: f64 = 1e-7;

/// Rows scored at once between epochs.
const EVALUATION_ROWS: usize = 128;

/// One epoch, as progress shows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Mean training loss, with dropout and class weights.
    pub loss: f64,
    /// Mean validation loss, without either.
    pub validation_loss: f64,
    /// On the validation part.
    pub accuracy: f64,
    /// On the validation part.
    pub macro_f1: f64,
    pub seconds: f64,
    /// Whether its weights are the best so far.
    pub best: bool,
}

/// A finished training: its best weights, set into the network.
#[derive(Debug)]
pub struct Fitted {
    network: Network,
    pub weights: Vec<(String, Tensor)>,
    pub epochs: Vec<EpochReport>,
    pub best_epoch: usize,
    pub interrupted: bool,
}

impl Fitted {
    pub fn evaluate(&self, part: &Part) -> Result<ClassificationReport> {
        Ok(evaluate(&self.network, part)?.1)
    }
}

/// The weights of the best epoch so far.
struct Best {
    loss: f64,
    epoch: usize,
    weights: Vec<(String, Tensor)>,
}

struct Trainer<'a> {
    settings: &'a ClassifierTraining,
    network: Network,
    optimizer: AdamW,
    class_weights: [f32; 2],
    rng: ChaCha12Rng,
}

/// Trains on the train part until the validation loss has not improved for `patience` epochs.
pub fn fit(
    settings: &ClassifierTraining,
    data: &Prepared,
    interrupted: &AtomicBool,
    progress: &mut (dyn FnMut(&EpochReport) + Send),
) -> Result<Fitted> {
    let (network, variables) = Network::new(&data.network, settings.seed)?;
    let scoring = network.frozen();
    let adam = AdamWSettings { epsilon: EPSILON, ..AdamWSettings::default() };
    let mut trainer = Trainer {
        settings,
        network,
        optimizer: AdamW::new(variables.clone(), adam)?,
        class_weights: class_weights(&data.train.labels, settings.balance_classes),
        rng: ChaCha12Rng::seed_from_u64(settings.seed.wrapping_add(1)),
    };
    let mut best: Option<Best> = None;
    let mut epochs: Vec<EpochReport> = Vec::new();
    for epoch in 1..=settings.epochs {
        let start = Instant::now();
        let Some(loss) = trainer.epoch(&data.train, epoch, interrupted)? else { break };
        let (validation_loss, report) = evaluate(&scoring, &data.validation)?;
        let improved = best.as_ref().is_none_or(|best| validation_loss < best.loss - settings.minimum_delta);
        if improved {
            best = Some(Best { loss: validation_loss, epoch, weights: copy(&variables)? });
        }
        epochs.push(EpochReport {
            epoch,
            loss,
            validation_loss,
            accuracy: report.accuracy,
            macro_f1: report.macro_f1,
            seconds: start.elapsed().as_secs_f64(),
            best: improved,
        });
        epochs.last().into_iter().for_each(&mut *progress);
        if best.as_ref().is_some_and(|best| epoch - best.epoch >= settings.patience.max(1)) {
            break;
        }
    }
    let Some(best) = best else { bail!("interrupted before the first epoch ended; nothing was written") };
    for ((_, variable), (_, weight)) in variables.iter().zip(&best.weights) {
        variable.set(weight)?;
    }
    let interrupted = interrupted.load(Ordering::Relaxed);
    Ok(Fitted { network: scoring, weights: best.weights, epochs, best_epoch: best.epoch, interrupted })
}

impl Trainer<'_> {
    /// One pass over the part in random order; the mean loss, or `None` where it was interrupted.
    fn epoch(&mut self, part: &Part, epoch: usize, interrupted: &AtomicBool) -> Result<Option<f64>> {
        let mut order: Vec<usize> = (0..part.rows.len()).collect();
        order.shuffle(&mut self.rng);
        let mut total = 0.0;
        for (batch, places) in order.chunks(self.settings.batch_size).enumerate() {
            if interrupted.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let loss = self.batch(part, places)?;
            ensure!(
                loss.is_finite(),
                "the loss is {loss} at epoch {epoch}, batch {}: try a smaller learning rate or a clip norm",
                batch + 1
            );
            total += loss * places.len() as f64;
        }
        Ok(Some(total / part.rows.len() as f64))
    }

    /// One step; the loss before it. A loss that is not a number moves nothing.
    fn batch(&mut self, part: &Part, places: &[usize]) -> Result<f64> {
        let rows: Vec<Vec<u32>> = places.iter().map(|&row| part.rows[row].clone()).collect();
        let labels: Vec<f32> = places.iter().map(|&row| part.labels[row] as f32).collect();
        let weights: Vec<f32> = places.iter().map(|&row| self.class_weights[part.labels[row]]).collect();
        let logits = self.network.train(&rows, &mut self.rng)?.squeeze(1)?;
        let loss = binary_cross_entropy(&logits, &labels, &weights)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            return Ok(value);
        }
        let mut gradients = loss.backward()?;
        if self.settings.clip_norm > 0.0 {
            let norm = self.optimizer.clip_global_norm(&mut gradients, self.settings.clip_norm)?;
            ensure!(norm.is_finite(), "the gradient's norm is {norm}: try a smaller learning rate");
        }
        self.optimizer.step(&gradients, self.settings.learning_rate)?;
        Ok(value)
    }
}

/// What each class weighs: the same for both together where `balance`, else 1.
fn class_weights(labels: &[usize], balance: bool) -> [f32; 2] {
    if !balance {
        return [1.0, 1.0];
    }
    let ones = labels.iter().filter(|label| **label == 1).count();
    [labels.len() - ones, ones].map(|count| labels.len() as f32 / (2 * count.max(1)) as f32)
}

/// Mean loss and metrics over a part.
fn evaluate(network: &Network, part: &Part) -> Result<(f64, ClassificationReport)> {
    let mut probabilities = Vec::with_capacity(part.rows.len());
    let mut total = 0.0;
    for (rows, labels) in part.rows.chunks(EVALUATION_ROWS).zip(part.labels.chunks(EVALUATION_ROWS)) {
        let logits = network.score(rows)?.squeeze(1)?;
        let targets: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
        let loss = binary_cross_entropy(&logits, &targets, &vec![1.0; targets.len()])?;
        total += f64::from(loss.to_scalar::<f32>()?) * rows.len() as f64;
        probabilities.extend(logits.to_vec1::<f32>()?.into_iter().map(probability_of_logit));
    }
    Ok((total / part.rows.len() as f64, ClassificationReport::new(&part.labels, &probabilities)?))
}

fn copy(variables: &[(String, Var)]) -> Result<Vec<(String, Tensor)>> {
    variables.iter().map(|(name, variable)| Ok((name.clone(), variable.as_detached_tensor().copy()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_give_both_classes_the_same_sum() {
        let weights = class_weights(&[1, 1, 1, 0], true);
        assert!((weights[0] - 2.0).abs() < 1e-6 && (weights[1] * 3.0 - 2.0).abs() < 1e-6, "{weights:?}");
        assert_eq!(class_weights(&[1, 1, 1, 0], false), [1.0, 1.0]);
    }
}
