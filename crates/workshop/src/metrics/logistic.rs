//! Logistic regression with few features, by Newton's method.

/// A change of the loss below this share of it ends the fit.
const CLOSE: f64 = 1e-12;

/// The most Newton steps; a handful is usual.
const STEPS: usize = 100;

/// Fits `P(true) = logistic(intercept + coefficients · features)` by least cross-entropy plus `ridge / 2` times the sum of the
/// squared coefficients (scikit-learn's `LogisticRegression(C=1/ridge)`), and returns the intercept, then the coefficients.
/// `ridge` must be above 0, so that sides that can be told apart without a mistake have finite coefficients too.
///
/// # Panics
/// If a row has another number of features than the first.
#[must_use]
pub fn fit<const N: usize>(features: &[[f64; N]], truth: &[bool], ridge: f64) -> (f64, [f64; N]) {
    assert_eq!(features.len(), truth.len(), "one answer for each row");
    let mut weights = vec![0.0; N + 1];
    let mut loss = loss_of(&weights, features, truth, ridge);
    for _ in 0..STEPS {
        let step = newton_step(&weights, features, truth, ridge);
        let mut size = 1.0;
        let next = loop {
            let next: Vec<f64> = weights.iter().zip(&step).map(|(weight, step)| weight - size * step).collect();
            let next_loss = loss_of(&next, features, truth, ridge);
            if next_loss < loss {
                break Some((next, next_loss));
            }
            size /= 2.0;
            if size < 1e-10 {
                break None;
            }
        };
        let Some((next, next_loss)) = next else { break };
        let change = loss - next_loss;
        (weights, loss) = (next, next_loss);
        if change < CLOSE * loss {
            break;
        }
    }
    (weights[0], std::array::from_fn(|at| weights[at + 1]))
}

fn value<const N: usize>(weights: &[f64], row: &[f64; N]) -> f64 {
    weights[0] + weights[1..].iter().zip(row).map(|(weight, feature)| weight * feature).sum::<f64>()
}

/// Returns cross-entropy and penalty, computed without overflow.
fn loss_of<const N: usize>(weights: &[f64], features: &[[f64; N]], truth: &[bool], ridge: f64) -> f64 {
    let entropy = |(row, truth): (&[f64; N], &bool)| {
        let value = value(weights, row);
        value.max(0.0) - value * f64::from(u8::from(*truth)) + (-value.abs()).exp().ln_1p()
    };
    let penalty = weights[1..].iter().map(|weight| weight * weight).sum::<f64>();
    features.iter().zip(truth).map(entropy).sum::<f64>() + ridge / 2.0 * penalty
}

/// Returns the gradient divided by the Hessian.
fn newton_step<const N: usize>(weights: &[f64], features: &[[f64; N]], truth: &[bool], ridge: f64) -> Vec<f64> {
    let size = N + 1;
    let mut gradient = vec![0.0; size];
    let mut hessian = vec![vec![0.0; size]; size];
    for (row, truth) in features.iter().zip(truth) {
        let probability = 1.0 / (1.0 + (-value(weights, row)).exp());
        let (error, weight) = (probability - f64::from(u8::from(*truth)), probability * (1.0 - probability));
        let one_and_row: Vec<f64> = std::iter::once(1.0).chain(row.iter().copied()).collect();
        for ((slope, curvatures), left) in gradient.iter_mut().zip(&mut hessian).zip(&one_and_row) {
            *slope += error * left;
            for (curvature, right) in curvatures.iter_mut().zip(&one_and_row) {
                *curvature += weight * left * right;
            }
        }
    }
    for i in 1..size {
        gradient[i] += ridge * weights[i];
        hessian[i][i] += ridge;
    }
    // Keeps the intercept's equation solvable where every probability is 0 or 1.
    hessian[0][0] += 1e-12;
    solve(hessian, gradient)
}

/// Solves a positive definite system by elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for pivot in 0..size {
        let (above, below) = matrix.split_at_mut(pivot + 1);
        let pivot_row = &above[pivot];
        for (place, row) in below.iter_mut().enumerate() {
            let factor = row[pivot] / pivot_row[pivot];
            for (value, known) in row.iter_mut().zip(pivot_row).skip(pivot) {
                *value -= factor * known;
            }
            right[pivot + 1 + place] -= factor * right[pivot];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    #[derive(serde::Deserialize)]
    struct Reference {
        features: Vec<[f64; 3]>,
        truth: Vec<bool>,
        fits: Vec<Fit>,
    }

    #[derive(serde::Deserialize)]
    struct Fit {
        ridge: f64,
        intercept: f64,
        coefficients: [f64; 3],
    }

    // tests/data/logistic/make.py: scikit-learn's LogisticRegression.
    #[test]
    fn weights_are_those_of_scikit_learn() {
        let reference: Reference =
            serde_json::from_str(include_str!("../../../../tests/data/logistic/reference.json")).unwrap();
        assert_eq!(reference.fits.len(), 2);
        for expected in &reference.fits {
            let (intercept, coefficients) = fit(&reference.features, &reference.truth, expected.ridge);
            assert!((intercept - expected.intercept).abs() < 1e-4, "{intercept} {}", expected.intercept);
            for (found, expected) in coefficients.iter().zip(expected.coefficients) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn sides_without_overlap_have_finite_weights() {
        let (intercept, [coefficient]) = fit(&[[-2.0], [-1.0], [1.0], [2.0]], &[false, false, true, true], 0.1);
        assert!(intercept.abs() < 1e-6 && coefficient > 1.0 && coefficient.is_finite(), "{intercept} {coefficient}");
    }
}
