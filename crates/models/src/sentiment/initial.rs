//! Initial weights as Keras draws them, from our own random number generator.
//!
//! candle draws from the thread's own generator, which cannot be seeded on the CPU, so two trainings would differ.

use rand::Rng as _;
use rand_chacha::ChaCha12Rng;

use pregonero_kernels::dot_f64;

/// Keras's range of initial embeddings.
const EMBEDDING_LIMIT: f64 = 0.05;

/// How a weight is initialised.
#[derive(Debug, Clone, Copy)]
pub enum Initial {
    Zeros,
    /// Uniform in ±0.05.
    Embedding,
    Glorot,
    Orthogonal,
    /// Zero, but 1 for the forget gate.
    LstmBias,
}

/// Returns the initial values of a weight of this shape. Glorot and orthogonal values need a matrix; a weight of any
/// other shape starts at zero.
pub fn initial_values(initial: Initial, shape: &[usize], rng: &mut ChaCha12Rng) -> Vec<f32> {
    let count = shape.iter().product();
    match (initial, shape) {
        (Initial::Embedding, _) => uniform(rng, count, EMBEDDING_LIMIT),
        (Initial::Glorot, &[rows, columns]) => glorot_uniform(rng, rows, columns),
        (Initial::Orthogonal, &[rows, columns]) => orthogonal(rng, rows, columns),
        (Initial::LstmBias, _) => {
            let units = count / 4;
            (0..count).map(|index| if (units..2 * units).contains(&index) { 1.0 } else { 0.0 }).collect()
        }
        (Initial::Zeros | Initial::Glorot | Initial::Orthogonal, _) => vec![0.0; count],
    }
}

/// Draws `count` values, uniform in ±`limit`.
pub fn uniform(rng: &mut ChaCha12Rng, count: usize, limit: f64) -> Vec<f32> {
    (0..count).map(|_| (limit * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect()
}

/// Draws a `[rows, columns]` matrix after Glorot and Bengio: uniform in ±√(6 / (rows + columns)).
pub fn glorot_uniform(rng: &mut ChaCha12Rng, rows: usize, columns: usize) -> Vec<f32> {
    uniform(rng, rows * columns, (6.0 / (rows + columns) as f64).sqrt())
}

/// Draws a `[rows, columns]` matrix, `rows <= columns`, whose rows are orthonormal and otherwise random.
pub fn orthogonal(rng: &mut ChaCha12Rng, rows: usize, columns: usize) -> Vec<f32> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(rows);
    while basis.len() < rows {
        let mut row: Vec<f64> = (0..columns).map(|_| normal(rng)).collect();
        // Done twice, because one pass leaves rounding errors as large as the row's overlap.
        for _ in 0..2 {
            basis.iter().for_each(|other| remove_component(&mut row, other));
        }
        let norm = dot_f64(&row, &row).sqrt();
        if norm > 1e-6 {
            row.iter_mut().for_each(|value| *value /= norm);
            basis.push(row);
        }
    }
    basis.into_iter().flatten().map(|value| value as f32).collect()
}

fn remove_component(row: &mut [f64], unit: &[f64]) {
    let overlap = dot_f64(row, unit);
    row.iter_mut().zip(unit).for_each(|(value, unit)| *value -= overlap * unit);
}

/// Draws a standard normal value (Box and Muller, 1958).
fn normal(rng: &mut ChaCha12Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn orthogonal_rows_are_orthonormal() {
        let matrix = orthogonal(&mut ChaCha12Rng::seed_from_u64(3), 5, 20);
        for left in 0..5 {
            for right in 0..5 {
                let dot: f32 = (0..20).map(|column| matrix[left * 20 + column] * matrix[right * 20 + column]).sum();
                let want = if left == right { 1.0 } else { 0.0 };
                assert!((dot - want).abs() < 1e-5, "rows {left} and {right}: {dot}");
            }
        }
    }

    #[test]
    fn glorot_values_fill_their_range_evenly() {
        let values = glorot_uniform(&mut ChaCha12Rng::seed_from_u64(3), 40, 60);
        let limit = (6.0f32 / 100.0).sqrt();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        assert!(values.iter().all(|value| value.abs() <= limit));
        assert!(mean.abs() < 0.01 && (variance - limit * limit / 3.0).abs() < 0.001, "{mean} {variance}");
    }
}
