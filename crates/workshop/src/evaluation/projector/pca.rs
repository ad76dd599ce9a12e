//! Computes principal components of a few thousand vectors from the eigenvectors of their covariance.

use pregonero_kernels::dot_f64;

/// Vectors projected onto the directions in which they differ most.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// One row per vector, one coordinate per component.
    pub points: Vec<Vec<f64>>,
    /// The share of the variance that each component explains.
    pub explained: Vec<f64>,
}

/// The most sweeps of Jacobi's method; it converges quadratically, so ten are plenty.
const SWEEPS: usize = 50;

/// Returns the first `components` principal components of `vectors`, all of one width; fewer if they are narrower. Each
/// component's sign is such that its largest coefficient is positive.
#[must_use]
pub fn project(vectors: &[Vec<f32>], components: usize) -> Projection {
    let Some(first) = vectors.first() else { return Projection { points: Vec::new(), explained: Vec::new() } };
    let width = first.len();
    let centred = centre(vectors, width);
    let (values, directions) = eigen(covariance(&centred, width), width);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&left, &right| values[right].total_cmp(&values[left]));
    order.truncate(components);
    let total: f64 = values.iter().sum();
    let share = |&component: &usize| if total > 0.0 { values[component].max(0.0) / total } else { 0.0 };
    let explained = order.iter().map(share).collect();
    let axes: Vec<Vec<f64>> = order.iter().map(|&component| oriented(&directions[component])).collect();
    let along = |vector: &Vec<f64>| axes.iter().map(|axis| dot_f64(vector, axis)).collect();
    Projection { points: centred.iter().map(along).collect(), explained }
}

fn centre(vectors: &[Vec<f32>], width: usize) -> Vec<Vec<f64>> {
    let mut mean = vec![0.0; width];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    mean.iter_mut().for_each(|sum| *sum /= vectors.len() as f64);
    let centred = |vector: &Vec<f32>| vector.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean).collect();
    vectors.iter().map(centred).collect()
}

/// Returns the covariance, `[width][width]`, row by row.
fn covariance(centred: &[Vec<f64>], width: usize) -> Vec<Vec<f64>> {
    let mut matrix = vec![vec![0.0; width]; width];
    for vector in centred {
        for (row, &left) in matrix.iter_mut().zip(vector) {
            row.iter_mut().zip(vector).for_each(|(sum, right)| *sum += left * right);
        }
    }
    let rows = centred.len().saturating_sub(1).max(1) as f64;
    matrix.iter_mut().flatten().for_each(|sum| *sum /= rows);
    matrix
}

/// Returns the eigenvalues of a symmetric matrix and the eigenvector of each, by Jacobi's rotations.
fn eigen(mut matrix: Vec<Vec<f64>>, width: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut vectors: Vec<Vec<f64>> =
        (0..width).map(|row| (0..width).map(|column| f64::from(u8::from(row == column))).collect()).collect();
    let scale: f64 = matrix.iter().flatten().map(|value| value * value).sum();
    for _ in 0..SWEEPS {
        let outside: f64 = (0..width).flat_map(|row| matrix[row][row + 1..].iter()).map(|value| value * value).sum();
        if outside <= 1e-24 * scale {
            break;
        }
        for first in 0..width {
            for second in first + 1..width {
                rotate(&mut matrix, &mut vectors, first, second);
            }
        }
    }
    ((0..width).map(|place| matrix[place][place]).collect(), vectors)
}

/// Makes `matrix[first][second]` zero. The rows of `vectors` are the eigenvectors.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], first: usize, second: usize) {
    let element = matrix[first][second];
    if element == 0.0 {
        return;
    }
    let theta = (matrix[second][second] - matrix[first][first]) / (2.0 * element);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        let (left, right) = (row[first], row[second]);
        (row[first], row[second]) = (cosine * left - sine * right, sine * left + cosine * right);
    }
    rotate_rows(matrix, first, second, cosine, sine);
    rotate_rows(vectors, first, second, cosine, sine);
}

fn rotate_rows(rows: &mut [Vec<f64>], first: usize, second: usize, cosine: f64, sine: f64) {
    let (head, tail) = rows.split_at_mut(second);
    for (left, right) in head[first].iter_mut().zip(&mut tail[0]) {
        (*left, *right) = (cosine * *left - sine * *right, sine * *left + cosine * *right);
    }
}

/// Returns the same direction with its largest coefficient positive.
fn oriented(direction: &[f64]) -> Vec<f64> {
    let largest =
        direction.iter().copied().fold(0.0f64, |best, value| if value.abs() > best.abs() { value } else { best });
    direction.iter().map(|value| value * largest.signum()).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        vectors: Vec<Vec<f32>>,
        points: Vec<Vec<f64>>,
        explained: Vec<f64>,
    }

    // tests/data/pca/make.py: numpy's eigh of the covariance.
    #[test]
    fn the_components_are_those_of_numpy() {
        let want: Reference =
            serde_json::from_str(include_str!("../../../../../tests/data/pca/reference.json")).unwrap();
        let got = project(&want.vectors, 3);
        for (got, want) in got.points.iter().flatten().zip(want.points.iter().flatten()) {
            assert!((got - want).abs() < 1e-9, "{got} is not {want}");
        }
        for (got, want) in got.explained.iter().zip(&want.explained) {
            assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        }
        assert_eq!((got.points.len(), got.points[0].len()), (want.points.len(), 3));
    }

    #[test]
    fn vectors_that_do_not_differ_or_are_narrow_or_none_make_no_trouble() {
        let same = project(&[vec![1.0, 2.0], vec![1.0, 2.0]], 3);
        assert_eq!((same.points, same.explained), (vec![vec![0.0; 2]; 2], vec![0.0; 2]));
        assert_eq!(project(&[], 3).points.len(), 0);
        assert_eq!(project(&[vec![0.0], vec![4.0]], 3).points, [[-2.0], [2.0]]);
    }
}
