//! The model of skip-gram with negative sampling, and its step of gradient descent.
//!
//! A word is the mean of its own row and the rows of its n-grams (Bojanowski et al., 2017); from it a logistic
//! regression tells the words around it from words drawn at random (Mikolov et al., 2013). Threads train on the same
//! rows: each row has a lock, held for one multiplication, so that no update is lost and none is seen half.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand_chacha::ChaCha12Rng;

use pregonero_models::sentiment::initial;

/// The least probability of which the loss takes a logarithm; it keeps the product of a pair's probabilities above 0.
const LEAST_PROBABILITY: f64 = 1e-8;

/// The most negatives of a pair: with more, the product would underflow an `f64`.
pub(super) const MOST_NEGATIVES: usize = 30;

/// Rows of numbers that threads share.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Mutex<Box<[f32]>>>,
}

impl Table {
    /// Creates rows of zeros.
    pub(super) fn zeros(rows: usize, width: usize) -> Self {
        Self { rows: (0..rows).map(|_| Mutex::new(vec![0.0; width].into())).collect() }
    }

    /// Creates rows drawn uniformly from ±1 / `width`.
    pub(super) fn uniform(rows: usize, width: usize, rng: &mut ChaCha12Rng) -> Self {
        let limit = 1.0 / width as f64;
        Self { rows: (0..rows).map(|_| Mutex::new(initial::uniform(rng, width, limit).into())).collect() }
    }

    /// Locks a row. A thread that panicked while holding it left it usable, because threads only add.
    pub(super) fn row(&self, row: u32) -> MutexGuard<'_, Box<[f32]>> {
        self.rows[row as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the mean of `rows` into `mean`, locking one row after the other.
    pub(super) fn mean_into(&self, rows: &[u32], mean: &mut [f32]) {
        mean.fill(0.0);
        for &row in rows {
            add(mean, 1.0, &self.row(row));
        }
        let share = 1.0 / rows.len().max(1) as f32;
        mean.iter_mut().for_each(|value| *value *= share);
    }

    /// Returns the rows from `first` on, one after the other.
    pub(super) fn into_values(self, first: usize) -> Vec<f32> {
        let rows = self.rows.into_iter().skip(first);
        rows.flat_map(|row| row.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

/// The word being trained: its vector, and how far its rows must move.
#[derive(Debug)]
pub(super) struct Centre {
    vector: Vec<f32>,
    /// The sum of the steps since it was loaded.
    moved: Vec<f32>,
    /// The step of the current pair.
    step: Vec<f32>,
}

impl Centre {
    pub(super) fn new(width: usize) -> Self {
        Self { vector: vec![0.0; width], moved: vec![0.0; width], step: vec![0.0; width] }
    }

    /// Loads the word that `rows` of the input table make up.
    pub(super) fn load(&mut self, inputs: &Table, rows: &[u32]) {
        inputs.mean_into(rows, &mut self.vector);
        self.moved.fill(0.0);
    }

    /// Adds the steps of its pairs to every row of the word. As in fastText, each row takes the whole step, so that
    /// their mean takes it too: that is why [`Self::pair`] can move the vector before the rows.
    pub(super) fn store(&self, inputs: &Table, rows: &[u32]) {
        for &row in rows {
            add(&mut inputs.row(row), 1.0, &self.moved);
        }
    }

    /// Takes one step down the gradient of −ln σ(u·v) − Σ ln σ(−n·v), with v the word, u the row of `context` and n those of
    /// the `negatives`; returns the loss before the step.
    pub(super) fn pair(&mut self, outputs: &Table, context: u32, negatives: &[u32], rate: f32) -> f64 {
        self.step.fill(0.0);
        let mut likelihood = 1.0;
        for (row, label) in std::iter::once((context, 1.0)).chain(negatives.iter().map(|&row| (row, 0.0))) {
            let mut output = outputs.row(row);
            let probability = 1.0 / (1.0 + (-dot(&self.vector, &output)).exp());
            let fit = f64::from(if label > 0.5 { probability } else { 1.0 - probability });
            likelihood *= if fit < LEAST_PROBABILITY { LEAST_PROBABILITY } else { fit };
            let scale = rate * (label - probability);
            add(&mut self.step, scale, &output);
            add(&mut output, scale, &self.vector);
        }
        add(&mut self.vector, 1.0, &self.step);
        add(&mut self.moved, 1.0, &self.step);
        -f64::ln(likelihood)
    }
}

/// Computes `target += scale * source`.
fn add(target: &mut [f32], scale: f32, source: &[f32]) {
    target.iter_mut().zip(source).for_each(|(target, source)| *target += scale * source);
}

/// Returns the dot product, in eight sums, so that the compiler can use vector instructions. Not [`pregonero_kernels::dot`],
/// which has 32 sums: with eight, a seed's vectors stay the same to the last bit.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<8>();
    let (right, right_rest) = right.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const WIDTH: usize = 11;
    const ROWS: [u32; 3] = [0, 2, 3];
    const CONTEXT: u32 = 1;
    const NEGATIVES: [u32; 2] = [0, 3];

    /// Returns the loss of one pair in `f64`, from the tables' values.
    fn loss(inputs: &[Vec<f64>], outputs: &[Vec<f64>]) -> f64 {
        let vector: Vec<f64> =
            (0..WIDTH).map(|column| ROWS.iter().map(|&row| inputs[row as usize][column]).sum::<f64>() / 3.0).collect();
        let score = |row: u32| -> f64 { outputs[row as usize].iter().zip(&vector).map(|(a, b)| a * b).sum() };
        let softplus = |score: f64| score.exp().ln_1p();
        softplus(-score(CONTEXT)) + NEGATIVES.iter().map(|&row| softplus(score(row))).sum::<f64>()
    }

    fn values(table: &Table) -> Vec<Vec<f64>> {
        (0..4).map(|row| table.row(row).iter().map(|&value| f64::from(value)).collect()).collect()
    }

    #[test]
    fn a_step_follows_the_gradient_that_finite_differences_give() {
        let mut rng = ChaCha12Rng::seed_from_u64(5);
        let (inputs, outputs) = (Table::uniform(4, WIDTH, &mut rng), Table::uniform(4, WIDTH, &mut rng));
        for table in [&inputs, &outputs] {
            (0..4).for_each(|row| table.row(row).iter_mut().for_each(|value| *value *= 8.0));
        }
        let (before_inputs, before_outputs) = (values(&inputs), values(&outputs));
        let rate = 0.5;
        let mut centre = Centre::new(WIDTH);
        centre.load(&inputs, &ROWS);
        let told = centre.pair(&outputs, CONTEXT, &NEGATIVES, rate);
        centre.store(&inputs, &ROWS);
        assert!((told - loss(&before_inputs, &before_outputs)).abs() < 1e-5, "{told}");

        let numeric = |of_inputs: bool, row: usize, column: usize| {
            let at = |change: f64| {
                let (mut inputs, mut outputs) = (before_inputs.clone(), before_outputs.clone());
                if of_inputs {
                    inputs[row][column] += change;
                } else {
                    outputs[row][column] += change;
                }
                loss(&inputs, &outputs)
            };
            (at(1e-4) - at(-1e-4)) / 2e-4
        };
        let (after_inputs, after_outputs) = (values(&inputs), values(&outputs));
        for row in 0..4 {
            for column in 0..WIDTH {
                // Three rows make up the word: each takes the gradient of the word, not the third that is its own.
                let stepped = (before_inputs[row][column] - after_inputs[row][column]) / f64::from(rate);
                let expected = 3.0 * numeric(true, row, column);
                assert!((stepped - expected).abs() < 1e-5, "input {row} {column}: {stepped} {expected}");
                let stepped = (before_outputs[row][column] - after_outputs[row][column]) / f64::from(rate);
                let expected = numeric(false, row, column);
                assert!((stepped - expected).abs() < 1e-5, "output {row} {column}: {stepped} {expected}");
            }
        }
    }

    #[test]
    fn pairs_of_one_word_in_a_row_are_the_same_as_storing_after_each() {
        let tables = || {
            let mut rng = ChaCha12Rng::seed_from_u64(6);
            (Table::uniform(4, WIDTH, &mut rng), Table::uniform(4, WIDTH, &mut rng))
        };
        let pairs = [(1, [0, 3]), (2, [3, 0]), (0, [2, 1])];
        let (inputs, outputs) = tables();
        let mut centre = Centre::new(WIDTH);
        centre.load(&inputs, &ROWS);
        pairs.iter().for_each(|(context, negatives)| {
            centre.pair(&outputs, *context, negatives, 0.5);
        });
        centre.store(&inputs, &ROWS);
        let (single_inputs, single_outputs) = tables();
        for (context, negatives) in &pairs {
            centre.load(&single_inputs, &ROWS);
            centre.pair(&single_outputs, *context, negatives, 0.5);
            centre.store(&single_inputs, &ROWS);
        }
        for (together, single) in [(inputs, single_inputs), (outputs, single_outputs)] {
            for (together, single) in together.into_values(0).iter().zip(single.into_values(0)) {
                assert!((together - single).abs() < 1e-6, "{together} {single}");
            }
        }
    }

    #[test]
    fn a_score_that_is_no_number_shows_in_the_loss() {
        let outputs = Table::zeros(2, WIDTH);
        outputs.row(1)[0] = f32::NAN;
        assert!(Centre::new(WIDTH).pair(&outputs, 0, &[1], 0.1).is_nan());
    }
}
