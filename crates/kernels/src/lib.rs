//! Arithmetic on plain slices that generator and classifier share: matrix products by panels, vectorised code.
//!
//! Every sum runs over its terms in order, whatever else is computed in the same call, so that a row's result does
//! not depend on its neighbours. General matrix products do not guarantee that.

pub mod attention;
pub mod int8;
pub mod matrix;
pub mod operand;
pub mod processor;
pub mod product;
pub mod tiles;

#[cfg(target_arch = "x86_64")]
use processor::{Vectors, vectors};

/// Outputs per panel.
pub const LANES: usize = 32;
/// Rows that are multiplied in one pass over a panel.
pub const ROWS: usize = 8;
/// Rows that stay in the cache while the panels stream through.
const BLOCK_ROWS: usize = 64;
/// Inputs in a piece of a panel that stays in the first-level cache while those rows stream through.
const BLOCK_INPUTS: usize = 128;

/// Runs `work` compiled for the processor's widest vectors, which speeds up the loops in it that the compiler can
/// vectorise.
#[inline(always)]
pub fn wide<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        match vectors() {
            // SAFETY: the processor has AVX-512F.
            Vectors::Avx512 => return unsafe { x86::with_avx512(work) },
            // SAFETY: the processor has AVX2.
            Vectors::Avx2 => return unsafe { x86::with_avx2(work) },
            Vectors::Portable => {}
        }
    }
    work()
}

/// The rows that a panel is multiplied with: `count` rows, `stride` values apart, each as long as the panel has
/// inputs.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// Where a panel's sums are written: `[row][32]`, rows `stride` values apart. With `add`, the values already there
/// are the first term of each sum.
#[derive(Debug)]
pub struct Target<'a> {
    pub values: &'a mut [f32],
    pub stride: usize,
    pub add: bool,
}

/// A matrix of `inputs` x `outputs`, packed in the order in which the kernel reads it.
#[derive(Debug)]
pub struct Panels {
    inputs: usize,
    outputs: usize,
    /// `[outputs / 32 rounded up][inputs][32]`, padded with zeros after the last output.
    values: Vec<f32>,
}

impl Panels {
    fn empty(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, values: vec![0.0; outputs.div_ceil(LANES) * inputs * LANES] }
    }

    /// Packs a matrix of one row per input, rows `stride` values apart. The columns of the panel that starts at
    /// output `first` are adjacent in each row, from `column(first)` on.
    pub fn from_columns(
        matrix: &[f32],
        (inputs, outputs): (usize, usize),
        stride: usize,
        column: impl Fn(usize) -> usize,
    ) -> Self {
        let mut panels = Self::empty(inputs, outputs);
        for (panel, values) in panels.values.chunks_exact_mut((inputs * LANES).max(1)).enumerate() {
            let count = LANES.min(outputs - panel * LANES);
            let start = column(panel * LANES);
            for (input, values) in values.chunks_exact_mut(LANES).enumerate() {
                values[..count].copy_from_slice(&matrix[input * stride + start..][..count]);
            }
        }
        panels
    }

    /// Packs a matrix of one row per output, rows `stride` values apart: the transpose. A row's inputs are the
    /// `width` values from each of `starts` on.
    pub fn from_rows(matrix: &[f32], outputs: usize, stride: usize, starts: &[usize], width: usize) -> Self {
        let mut panels = Self::empty(starts.len() * width, outputs);
        let inputs = panels.inputs;
        for (panel, values) in panels.values.chunks_exact_mut((inputs * LANES).max(1)).enumerate() {
            for lane in 0..LANES.min(outputs - panel * LANES) {
                let row = &matrix[(panel * LANES + lane) * stride..];
                let row = starts.iter().flat_map(|&start| &row[start..start + width]);
                for (out, value) in values.iter_mut().skip(lane).step_by(LANES).zip(row) {
                    *out = *value;
                }
            }
        }
        panels
    }

    /// Computes `out[r] += x[r]·matrix` for every row, on this thread.
    pub fn add_product(&self, x: &[f32], out: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        assert!(x.len() / inputs * outputs == out.len() && x.len().is_multiple_of(inputs), "rows of x and out agree");
        for (x, out) in x.chunks(inputs * BLOCK_ROWS).zip(out.chunks_mut(outputs * BLOCK_ROWS)) {
            for (panel, values) in self.values.chunks_exact(inputs * LANES).enumerate() {
                let first = panel * LANES;
                for (piece, values) in values.chunks(LANES * BLOCK_INPUTS).enumerate() {
                    for (x, out) in x.chunks(inputs * ROWS).zip(out.chunks_mut(outputs * ROWS)) {
                        let rows = Rows { values: &x[piece * BLOCK_INPUTS..], stride: inputs, count: x.len() / inputs };
                        add_panel(rows, values, &mut out[first..], outputs, outputs - first);
                    }
                }
            }
        }
    }
}

/// Adds the products with one panel, of which only the first `left` outputs count, to rows of `stride` values.
fn add_panel(x: Rows<'_>, panel: &[f32], out: &mut [f32], stride: usize, left: usize) {
    if left >= LANES {
        multiply_panel(x, panel, Target { values: out, stride, add: true });
        return;
    }
    let mut sums = [0.0; ROWS * LANES];
    for (sums, out) in sums.chunks_exact_mut(LANES).zip(out.chunks(stride)) {
        sums[..left].copy_from_slice(&out[..left]);
    }
    multiply_panel(x, panel, Target { values: &mut sums[..x.count * LANES], stride: LANES, add: true });
    for (sums, out) in sums.chunks_exact(LANES).zip(out.chunks_mut(stride)) {
        out[..left].copy_from_slice(&sums[..left]);
    }
}

/// Computes the sums of one panel, `[inputs][32]`, for up to [`ROWS`] rows of `x`.
pub fn multiply_panel(x: Rows<'_>, panel: &[f32], target: Target<'_>) {
    match x.count {
        1 => multiply_rows::<1>(x, panel, target),
        2 => multiply_rows::<2>(x, panel, target),
        3 => multiply_rows::<3>(x, panel, target),
        4 => multiply_rows::<4>(x, panel, target),
        5 => multiply_rows::<5>(x, panel, target),
        6 => multiply_rows::<6>(x, panel, target),
        7 => multiply_rows::<7>(x, panel, target),
        _ => multiply_rows::<ROWS>(x, panel, target),
    }
}

fn multiply_rows<const N: usize>(x: Rows<'_>, panel: &[f32], target: Target<'_>) {
    let inputs = panel.len() / LANES;
    assert!(x.count == N && x.stride >= inputs && x.values.len() >= (N - 1) * x.stride + inputs);
    assert!(target.stride >= LANES && target.values.len() >= (N - 1) * target.stride + LANES);
    #[cfg(target_arch = "x86_64")]
    {
        match vectors() {
            Vectors::Avx512 => {
                // SAFETY: the processor has AVX-512F, and the assertions above give the sizes the kernel relies on.
                unsafe { x86::multiply_avx512::<N>(x, panel, target) };
                return;
            }
            Vectors::Avx2 => {
                // SAFETY: the processor has AVX2 and FMA, and the assertions above give the sizes the kernel relies on.
                unsafe { x86::multiply_avx2::<N>(x, panel, target) };
                return;
            }
            Vectors::Portable => {}
        }
    }
    multiply_portable::<N>(x, panel, target);
}

fn multiply_portable<const N: usize>(x: Rows<'_>, panel: &[f32], target: Target<'_>) {
    let Target { values: out, stride, add } = target;
    let mut totals = [[0.0_f32; LANES]; N];
    if add {
        for (totals, values) in totals.iter_mut().zip(out.chunks(stride)) {
            totals.copy_from_slice(&values[..LANES]);
        }
    }
    for (i, weights) in panel.chunks_exact(LANES).enumerate() {
        for (row, totals) in totals.iter_mut().enumerate() {
            let value = x.values[row * x.stride + i];
            for (total, weight) in totals.iter_mut().zip(weights) {
                *total += value * weight;
            }
        }
    }
    for (values, totals) in out.chunks_mut(stride).zip(&totals) {
        values[..LANES].copy_from_slice(totals);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _MM_HINT_T0, _mm_prefetch, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{LANES, Rows, Target};

    /// How many inputs the prefetch is ahead of the input in use.
    const AHEAD: usize = 16;

    /// # Safety
    /// Requires AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// # Safety
    /// Requires AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// # Safety
    /// Requires AVX-512F; `x` must have `N` rows at its stride, each with an input for every 32 values of `panel`;
    /// `target` must have `N` rows of 32 at its stride.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn multiply_avx512<const N: usize>(x: Rows<'_>, panel: &[f32], target: Target<'_>) {
        let (inputs, x_stride) = (panel.len() / LANES, x.stride);
        let Target { values: out, stride, add } = target;
        let mut totals = [[_mm512_setzero_ps(); 2]; N];
        let (x, panel, out) = (x.values.as_ptr(), panel.as_ptr(), out.as_mut_ptr());
        if add {
            for (row, totals) in totals.iter_mut().enumerate() {
                // SAFETY: row `row` of the target has 32 values.
                unsafe {
                    let at = out.add(row * stride);
                    *totals = [_mm512_loadu_ps(at), _mm512_loadu_ps(at.add(16))];
                }
            }
        }
        for i in 0..inputs {
            // What the first rows of a pass would wait for comes from beyond the second-level cache.
            _mm_prefetch::<_MM_HINT_T0>(panel.wrapping_add((i + AHEAD) * LANES).cast());
            _mm_prefetch::<_MM_HINT_T0>(panel.wrapping_add((i + AHEAD) * LANES + 16).cast());
            // SAFETY: `i < inputs`, so both loads end within `panel`, and `row * x_stride + i` is within `x`.
            unsafe {
                let weights = [_mm512_loadu_ps(panel.add(i * LANES)), _mm512_loadu_ps(panel.add(i * LANES + 16))];
                for (row, totals) in totals.iter_mut().enumerate() {
                    let value = _mm512_set1_ps(*x.add(row * x_stride + i));
                    totals[0] = _mm512_fmadd_ps(value, weights[0], totals[0]);
                    totals[1] = _mm512_fmadd_ps(value, weights[1], totals[1]);
                }
            }
        }
        for (row, totals) in totals.into_iter().enumerate() {
            // SAFETY: row `row` of the target has 32 values.
            unsafe {
                let at = out.add(row * stride);
                _mm512_storeu_ps(at, totals[0]);
                _mm512_storeu_ps(at.add(16), totals[1]);
            }
        }
    }

    /// Multiplies the panel in two passes of 16 outputs, so that the sums of eight rows stay in sixteen registers.
    ///
    /// # Safety
    /// Requires AVX2 and FMA; `x` must have `N` rows at its stride, each with an input for every 32 values of
    /// `panel`; `target` must have `N` rows of 32 at its stride.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn multiply_avx2<const N: usize>(x: Rows<'_>, panel: &[f32], target: Target<'_>) {
        let (inputs, x_stride) = (panel.len() / LANES, x.stride);
        let Target { values: out, stride, add } = target;
        let (x, panel, out) = (x.values.as_ptr(), panel.as_ptr(), out.as_mut_ptr());
        for half in [0, 16] {
            let mut totals = [[_mm256_setzero_ps(); 2]; N];
            if add {
                for (row, totals) in totals.iter_mut().enumerate() {
                    // SAFETY: row `row` of the target has 32 values and `half + 16 <= 32`.
                    unsafe {
                        let at = out.add(row * stride + half);
                        *totals = [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))];
                    }
                }
            }
            for i in 0..inputs {
                // SAFETY: `i < inputs` and `half + 16 <= 32`, so both loads end within `panel`; `row * x_stride + i`
                // is within `x`.
                unsafe {
                    let at = panel.add(i * LANES + half);
                    let weights = [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))];
                    for (row, totals) in totals.iter_mut().enumerate() {
                        let value = _mm256_set1_ps(*x.add(row * x_stride + i));
                        totals[0] = _mm256_fmadd_ps(value, weights[0], totals[0]);
                        totals[1] = _mm256_fmadd_ps(value, weights[1], totals[1]);
                    }
                }
            }
            for (row, totals) in totals.into_iter().enumerate() {
                // SAFETY: row `row` of the target has 32 values and `half + 16 <= 32`.
                unsafe {
                    let at = out.add(row * stride + half);
                    _mm256_storeu_ps(at, totals[0]);
                    _mm256_storeu_ps(at.add(8), totals[1]);
                }
            }
        }
    }
}

/// Lanes that a sum of many terms is split into, whatever vectors the processor has.
const SUM_LANES: usize = 32;

/// Returns the sum of a slice, in fixed lanes.
#[inline(always)]
pub fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let (chunks, rest) = values.as_chunks::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Returns the dot product of two slices, in fixed lanes.
#[inline(always)]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let ((lefts, left), (rights, right)) = (left.as_chunks::<SUM_LANES>(), right.as_chunks::<SUM_LANES>());
    for (left, right) in lefts.iter().zip(rights) {
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += left * right;
        }
    }
    lanes.iter().sum::<f32>() + left.iter().zip(right).map(|(left, right)| left * right).sum::<f32>()
}

/// Returns the dot product of two slices in f64, term by term: for the few places where precision matters more than
/// speed.
pub fn dot_f64(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Returns the sum of squared distances from `mean`, in fixed lanes.
#[inline(always)]
pub fn squared_distances(values: &[f32], mean: f32) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let (chunks, rest) = values.as_chunks::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += (value - mean) * (value - mean);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>()
}

/// Returns the largest value of a slice; minus infinity if the slice is empty.
#[inline(always)]
pub fn maximum(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; SUM_LANES];
    let (chunks, rest) = values.as_chunks::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |largest, value| largest.max(*value))
}

/// Returns the largest magnitude of a slice; 0 if the slice is empty.
#[inline(always)]
pub fn maximum_magnitude(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let (chunks, rest) = values.as_chunks::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if value.abs() > *lane { value.abs() } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |largest, value| largest.max(value.abs()))
}

/// Replaces each value by `e^(value - shift)` and returns their sum, in fixed lanes.
#[inline(always)]
pub fn exponentials(values: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let (chunks, rest) = values.as_chunks_mut::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *value = exp(*value - shift);
            *lane += *value;
        }
    }
    let mut total = lanes.iter().sum();
    for value in rest {
        *value = exp(*value - shift);
        total += *value;
    }
    total
}

/// Returns the sum of `e^(value - shift)`: what [`exponentials`] returns, without writing anything.
#[inline(always)]
pub fn sum_of_exponentials(values: &[f32], shift: f32) -> f32 {
    let mut lanes = [0.0_f32; SUM_LANES];
    let (chunks, rest) = values.as_chunks::<SUM_LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += exp(*value - shift);
        }
    }
    let mut total = lanes.iter().sum();
    for value in rest {
        total += exp(*value - shift);
    }
    total
}

/// Returns `1 / (1 + e^-x)`, to about 1e-7.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Returns the hyperbolic tangent, to about 2e-7.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

/// Returns e to the power `x`, branch-free so that it vectorises; the relative error is about 1e-7 (Cephes `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUNDING: f32 = 12_582_912.0;
    let x = x.clamp(-87.3, 88.3);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let n = rounded - ROUNDING;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_6e-1;
    let p = p * r + 0.5;
    // The last bits of the rounded number are the power; a conversion to an integer would not vectorise everywhere.
    let power = f32::from_bits((rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127)) << 23);
    (p * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i * 37 + seed * 101) % 29) as f32 * 0.1 - 1.4).collect()
    }

    #[test]
    fn products_by_panels_equal_plain_sums_and_a_row_does_not_know_its_neighbours() {
        for (rows, inputs, outputs) in [(1, 3, 5), (7, 40, 32), (19, 33, 70), (130, 8, 64)] {
            let (x, matrix, start) = (values(rows * inputs, 1), values(inputs * outputs, 2), values(rows * outputs, 3));
            let transposed: Vec<f32> =
                (0..outputs * inputs).map(|at| matrix[at % inputs * outputs + at / inputs]).collect();
            let by_columns = Panels::from_columns(&matrix, (inputs, outputs), outputs, |first| first);
            let by_rows = Panels::from_rows(&transposed, outputs, inputs, &[0], inputs);
            let mut got = start.clone();
            by_columns.add_product(&x, &mut got);
            let mut again = start.clone();
            by_rows.add_product(&x, &mut again);
            assert_eq!(got, again);
            for row in 0..rows {
                let x = &x[row * inputs..][..inputs];
                let mut alone = start[row * outputs..][..outputs].to_vec();
                by_columns.add_product(x, &mut alone);
                assert_eq!(alone, got[row * outputs..][..outputs], "row {row} of {rows}");
                for (output, alone) in alone.iter().enumerate() {
                    let sum: f64 = (0..inputs).map(|i| f64::from(x[i]) * f64::from(matrix[i * outputs + output])).sum();
                    let want = sum + f64::from(start[row * outputs + output]);
                    assert!((f64::from(*alone) - want).abs() < 1e-4, "{alone} is not {want}");
                }
            }
        }
    }

    #[test]
    fn the_fast_activations_agree_with_the_library() {
        for index in -2000..=2000 {
            let x = index as f32 * 0.05;
            let (want_sigmoid, want_tanh) = (1.0 / (1.0 + (-f64::from(x)).exp()), f64::from(x).tanh());
            assert!((f64::from(sigmoid(x)) - want_sigmoid).abs() < 3e-7, "sigmoid({x})");
            assert!((f64::from(tanh(x)) - want_tanh).abs() < 5e-7, "tanh({x})");
        }
    }
}
