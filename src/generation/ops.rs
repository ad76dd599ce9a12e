//! The differentiable building blocks of GPT-2: linear, layer norm, GELU, causal attention, loss.
//!
//! On the CPU each is one fused operation with an analytic backward pass, since candle's own inference kernels cut the
//! gradient and its composed ones copy too much. On a GPU each is composed of candle operations. The tests hold the two
//! against each other and against finite differences.

use std::sync::Mutex;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, DType, Error, Layout, Result, Shape, Storage, Tensor,
};
use gemm::Parallelism;
use rayon::prelude::*;

use crate::kernels::{exp, exponentials, maximum, sigmoid, squared_distances, sum};

/// Rows that one task of a row-wise operation takes; fixed, so that sums do not depend on the number of threads.
const ROWS_PER_TASK: usize = 64;

/// The contiguous f32 values behind a storage.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op: "gpt2" })?;
    match storage {
        CpuStorage::F32(data) => Ok(&data[start..end]),
        _ => Err(Error::UnsupportedDTypeForOp(storage_dtype(storage), "gpt2")),
    }
}

fn storage_dtype(storage: &CpuStorage) -> DType {
    use candle_core::backend::BackendStorage as _;
    storage.dtype()
}

/// Runs `f` on the contiguous f32 values of a CPU tensor.
pub(crate) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(values(storage, layout)?),
        _ => Err(Error::Msg("expected a tensor on the CPU".to_owned())),
    }
}

fn on_cpu(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32
}

/// A matrix somewhere in a slice: where it starts, and how far rows and columns lie apart.
#[derive(Clone, Copy)]
struct View {
    start: usize,
    row: usize,
    column: usize,
}

impl View {
    /// A row-major matrix that fills its slice.
    const fn dense(columns: usize) -> Self {
        Self { start: 0, row: columns, column: 1 }
    }

    const fn transposed(self) -> Self {
        Self { start: self.start, row: self.column, column: self.row }
    }

    /// One past the last element of an `rows` x `columns` matrix.
    const fn end(self, rows: usize, columns: usize) -> usize {
        self.start + (rows - 1) * self.row + (columns - 1) * self.column + 1
    }
}

/// `out = alpha * a·b + (add ? out : 0)` with `a` of `m x k` and `b` of `k x n`.
#[expect(
    clippy::too_many_arguments,
    reason = "a matrix product has three operands, each with its view, and three sizes"
)]
fn multiply(
    (m, k, n): (usize, usize, usize),
    a: &[f32],
    a_view: View,
    b: &[f32],
    b_view: View,
    out: &mut [f32],
    out_view: View,
    alpha: f32,
    add: bool,
    parallelism: Parallelism,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    assert!(a_view.end(m, k) <= a.len() && b_view.end(k, n) <= b.len() && out_view.end(m, n) <= out.len());
    // SAFETY: the assertion above keeps every access of the three strided matrices inside its slice.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr().add(out_view.start),
            out_view.column.cast_signed(),
            out_view.row.cast_signed(),
            add,
            a.as_ptr().add(a_view.start),
            a_view.column.cast_signed(),
            a_view.row.cast_signed(),
            b.as_ptr().add(b_view.start),
            b_view.column.cast_signed(),
            b_view.row.cast_signed(),
            1.0,
            alpha,
            false,
            false,
            false,
            parallelism,
        );
    }
}

fn all_threads() -> Parallelism {
    Parallelism::Rayon(0)
}

/// The tanh form of GELU, which checkpoints call `gelu_new` (Hendrycks and Gimpel 2016, arXiv:1606.08415).
#[inline(always)]
pub(crate) fn gelu_value(x: f32) -> f32 {
    // (1 + tanh(x)) / 2 = sigmoid(2x)
    x * sigmoid(2.0 * GELU_SCALE * (x + GELU_CUBE * x * x * x))
}

const GELU_SCALE: f32 = 0.797_884_6; // sqrt(2 / pi)
const GELU_CUBE: f32 = 0.044_715;

/// GELU and its slope.
#[inline(always)]
pub(crate) fn gelu_parts(x: f32) -> (f32, f32) {
    let s = sigmoid(2.0 * GELU_SCALE * (x + GELU_CUBE * x * x * x));
    let inner = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * x * x);
    (x * s, s + x * s * (1.0 - s) * inner)
}

/// `x·weight + bias`: `x` is `[.., inputs]`, `weight` `[inputs, outputs]` as GPT-2's `Conv1D` stores it.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    let rows = x.elem_count() / inputs;
    *shape.last_mut().ok_or_else(|| Error::Msg("linear of a scalar".to_owned()))? = outputs;
    let flat = x.reshape((rows, inputs))?;
    let (weight, bias) = (&weight.to_dtype(x.dtype())?, &bias.to_dtype(x.dtype())?);
    let out =
        if on_cpu(x) { flat.apply_op3(weight, bias, Linear)? } else { flat.matmul(weight)?.broadcast_add(bias)? };
    out.reshape(shape)
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let (inputs, outputs) = l2.shape().dims2()?;
        let rows = x.len() / inputs;
        let mut out = Vec::with_capacity(rows * outputs);
        for _ in 0..rows {
            out.extend_from_slice(bias);
        }
        let sizes = (rows, inputs, outputs);
        let views = (View::dense(inputs), View::dense(outputs), View::dense(outputs));
        multiply(sizes, x, views.0, weight, views.1, &mut out, views.2, 1.0, true, all_threads());
        Ok((CpuStorage::F32(out), (rows, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (inputs, outputs) = weight.dims2()?;
        let rows = x.elem_count() / inputs;
        let grad = grad.contiguous()?;
        let mut x_grad = vec![0.0; rows * inputs];
        let mut weight_grad = vec![0.0; inputs * outputs];
        let bias_grad = with_values(&grad, |grad| {
            with_values(weight, |weight| {
                let weight_view = View::dense(outputs).transposed();
                let (a, out) = (View::dense(outputs), View::dense(inputs));
                let sizes = (rows, outputs, inputs);
                multiply(sizes, grad, a, weight, weight_view, &mut x_grad, out, 1.0, false, all_threads());
                Ok(())
            })?;
            with_values(x, |x| {
                let x_view = View::dense(inputs).transposed();
                let dense = View::dense(outputs);
                let sizes = (inputs, rows, outputs);
                multiply(sizes, x, x_view, grad, dense, &mut weight_grad, dense, 1.0, false, all_threads());
                Ok(())
            })?;
            Ok(column_sums(grad, outputs))
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(x_grad, x.shape(), device)?),
            Some(Tensor::from_vec(weight_grad, (inputs, outputs), device)?),
            Some(Tensor::from_vec(bias_grad, outputs, device)?),
        ))
    }
}

/// The sum of each column of a row-major matrix.
fn column_sums(matrix: &[f32], columns: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = matrix
        .par_chunks(columns * ROWS_PER_TASK)
        .map(|rows| {
            let mut sums = vec![0.0; columns];
            for row in rows.chunks_exact(columns) {
                add_into(&mut sums, row);
            }
            sums
        })
        .collect();
    sum_all(partial, columns)
}

fn add_into(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}

fn sum_all(partial: Vec<Vec<f32>>, columns: usize) -> Vec<f32> {
    partial.into_iter().fold(vec![0.0; columns], |mut sums, part| {
        add_into(&mut sums, &part);
        sums
    })
}

/// Layer normalisation over the last dimension (Ba et al. 2016, arXiv:1607.06450).
pub(crate) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    if on_cpu(x) {
        return x.apply_op3(weight, bias, LayerNorm { epsilon: epsilon as f32 });
    }
    let dtype = x.dtype();
    let x = x.to_dtype(DType::F32)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?.to_dtype(dtype)?;
    normal.broadcast_mul(weight)?.broadcast_add(bias)
}

struct LayerNorm {
    epsilon: f32,
}

/// Mean and reciprocal standard deviation of a row.
#[inline(always)]
pub(crate) fn moments(row: &[f32], epsilon: f32) -> (f32, f32) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    (mean, 1.0 / (squared_distances(row, mean) / count + epsilon).sqrt())
}

/// Normalises every row of `x` into `out`.
pub(crate) fn normalise_rows(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]) {
    let width = weight.len();
    for (out, row) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, scale) = moments(row, epsilon);
        for (((out, x), weight), bias) in out.iter_mut().zip(row).zip(weight).zip(bias) {
            *out = (x - mean) * scale * weight + bias;
        }
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let width = weight.len();
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(width * ROWS_PER_TASK).zip(x.par_chunks(width * ROWS_PER_TASK)).for_each(|(out, x)| {
            normalise_rows(x, weight, bias, self.epsilon, out);
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = weight.elem_count();
        let grad = grad.contiguous()?;
        let mut x_grad = vec![0.0; x.elem_count()];
        let partial: Vec<Vec<f32>> = with_values(&grad, |grad| {
            with_values(x, |x| with_values(weight, |weight| Ok(self.backward(x, weight, grad, &mut x_grad))))
        })?;
        let mut sums = sum_all(partial, 2 * width);
        let bias_grad = sums.split_off(width);
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(x_grad, x.shape(), device)?),
            Some(Tensor::from_vec(sums, width, device)?),
            Some(Tensor::from_vec(bias_grad, width, device)?),
        ))
    }
}

impl LayerNorm {
    /// Fills the gradient of `x`; gives per task the sums for the weight and, behind them, for the bias.
    fn backward(&self, x: &[f32], weight: &[f32], grad: &[f32], x_grad: &mut [f32]) -> Vec<Vec<f32>> {
        let width = weight.len();
        let task = width * ROWS_PER_TASK;
        let count = width as f32;
        x_grad
            .par_chunks_mut(task)
            .zip(x.par_chunks(task).zip(grad.par_chunks(task)))
            .map(|(x_grad, (x, grad))| {
                let mut sums = vec![0.0; 2 * width];
                let (weight_sums, bias_sums) = sums.split_at_mut(width);
                let rows = x_grad.chunks_exact_mut(width).zip(x.chunks_exact(width).zip(grad.chunks_exact(width)));
                for (x_grad, (x, grad)) in rows {
                    let (mean, scale) = moments(x, self.epsilon);
                    let (mut sum, mut dot) = (0.0, 0.0);
                    for i in 0..width {
                        let normal = (x[i] - mean) * scale;
                        let upstream = grad[i] * weight[i];
                        sum += upstream;
                        dot += upstream * normal;
                        weight_sums[i] += grad[i] * normal;
                        bias_sums[i] += grad[i];
                    }
                    for i in 0..width {
                        let normal = (x[i] - mean) * scale;
                        x_grad[i] = scale * (grad[i] * weight[i] - sum / count - normal * dot / count);
                    }
                }
                sums
            })
            .collect()
    }
}

/// GELU in its tanh form.
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor> {
    if on_cpu(x) { x.apply_op1(Gelu) } else { x.gelu() }
}

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu-new"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(storage, layout)?;
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(4096).zip(x.par_chunks(4096)).for_each(|(out, x)| {
            for (out, x) in out.iter_mut().zip(x) {
                *out = gelu_value(*x);
            }
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let mut out = vec![0.0; x.elem_count()];
        with_values(x, |x| {
            with_values(&grad, |grad| {
                out.par_chunks_mut(4096).zip(x.par_chunks(4096).zip(grad.par_chunks(4096))).for_each(
                    |(out, (x, grad))| {
                        for (out, (x, grad)) in out.iter_mut().zip(x.iter().zip(grad)) {
                            *out = grad * gelu_parts(*x).1;
                        }
                    },
                );
                Ok(())
            })
        })?;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

/// Causal self-attention of whole sequences: `qkv` is `[batch, steps, 3 * width]` in blocks `[q|k|v]`, the result
/// `[batch, steps, width]`, heads side by side.
pub(crate) fn causal_attention(
    qkv: &Tensor,
    heads: usize,
    drop: impl FnOnce(Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if on_cpu(qkv) {
        return qkv.apply_op1(CausalAttention { heads });
    }
    let (batch, steps, triple) = qkv.dims3()?;
    let width = triple / 3;
    let split = |index: usize| -> Result<Tensor> {
        qkv.narrow(2, index * width, width)?
            .reshape((batch, steps, heads, width / heads))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (q, k, v) = (split(0)?, split(1)?, split(2)?);
    let scale = 1.0 / ((width / heads) as f64).sqrt();
    let scores = (q.matmul(&k.t()?)? * scale)?.to_dtype(DType::F32)?;
    let mask: Vec<f32> =
        (0..steps).flat_map(|i| (0..steps).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 })).collect();
    let scores = scores.broadcast_add(&Tensor::from_vec(mask, (steps, steps), qkv.device())?)?;
    let weights = drop(candle_nn::ops::softmax(&scores, D::Minus1)?)?.to_dtype(v.dtype())?;
    weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, steps, width))
}

struct CausalAttention {
    heads: usize,
}

/// The sizes of one attention call.
#[derive(Clone, Copy)]
struct AttentionSizes {
    steps: usize,
    width: usize,
    head: usize,
}

impl AttentionSizes {
    /// The view of block 0 (q), 1 (k) or 2 (v) of head `index` in one sequence's `[steps, 3 * width]`.
    fn block(self, block: usize, index: usize) -> View {
        View { start: block * self.width + index * self.head, row: 3 * self.width, column: 1 }
    }

    /// The view of head `index` in one sequence's `[steps, width]`.
    fn output(self, index: usize) -> View {
        View { start: index * self.head, row: self.width, column: 1 }
    }

    fn scale(self) -> f32 {
        1.0 / (self.head as f32).sqrt()
    }

    /// The attention weights of one head, `[steps, steps]`, zero above the diagonal.
    fn weights(self, qkv: &[f32], index: usize, weights: &mut [f32]) {
        let Self { steps, head, .. } = self;
        let (q, k) = (self.block(0, index), self.block(1, index).transposed());
        let dense = View::dense(steps);
        multiply((steps, head, steps), qkv, q, qkv, k, weights, dense, self.scale(), false, Parallelism::None);
        for (i, row) in weights.chunks_exact_mut(steps).enumerate() {
            let (seen, future) = row.split_at_mut(i + 1);
            softmax(seen);
            future.fill(0.0);
        }
    }
}

/// Softmax in place.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f32]) {
    let scale = 1.0 / exponentials(row, maximum(row));
    row.iter_mut().for_each(|value| *value *= scale);
}

impl CausalAttention {
    fn sizes(&self, shape: &Shape) -> Result<(usize, AttentionSizes)> {
        let (batch, steps, triple) = shape.dims3()?;
        let width = triple / 3;
        Ok((batch, AttentionSizes { steps, width, head: width / self.heads }))
    }
}

impl CustomOp1 for CausalAttention {
    fn name(&self) -> &'static str {
        "causal-attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = values(storage, layout)?;
        let (batch, sizes) = self.sizes(layout.shape())?;
        let AttentionSizes { steps, width, head } = sizes;
        let mut out = vec![0.0; batch * steps * width];
        out.par_chunks_mut(steps * width).zip(qkv.par_chunks(steps * 3 * width)).for_each(|(out, qkv)| {
            let mut weights = vec![0.0; steps * steps];
            for index in 0..self.heads {
                sizes.weights(qkv, index, &mut weights);
                let (v, output) = (sizes.block(2, index), sizes.output(index));
                let dense = View::dense(steps);
                multiply((steps, steps, head), &weights, dense, qkv, v, out, output, 1.0, false, Parallelism::None);
            }
        });
        Ok((CpuStorage::F32(out), (batch, steps, width).into()))
    }

    fn bwd(&self, qkv: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, sizes) = self.sizes(qkv.shape())?;
        let AttentionSizes { steps, width, .. } = sizes;
        let grad = grad.contiguous()?;
        let mut out = vec![0.0; qkv.elem_count()];
        with_values(qkv, |qkv| {
            with_values(&grad, |grad| {
                out.par_chunks_mut(steps * 3 * width)
                    .zip(qkv.par_chunks(steps * 3 * width).zip(grad.par_chunks(steps * width)))
                    .for_each(|(out, (qkv, grad))| {
                        let mut weights = vec![0.0; steps * steps];
                        let mut slopes = vec![0.0; steps * steps];
                        for index in 0..self.heads {
                            sizes.weights(qkv, index, &mut weights);
                            head_backward(sizes, index, qkv, grad, &weights, &mut slopes, out);
                        }
                    });
                Ok(())
            })
        })?;
        Ok(Some(Tensor::from_vec(out, qkv.shape(), qkv.device())?))
    }
}

/// The gradients of one head's q, k and v, written into their blocks of `out`.
fn head_backward(
    sizes: AttentionSizes,
    index: usize,
    qkv: &[f32],
    grad: &[f32],
    weights: &[f32],
    slopes: &mut [f32],
    out: &mut [f32],
) {
    let AttentionSizes { steps, head, .. } = sizes;
    let (q, k, v) = (sizes.block(0, index), sizes.block(1, index), sizes.block(2, index));
    let output = sizes.output(index);
    let dense = View::dense(steps);
    let none = Parallelism::None;
    multiply((steps, steps, head), weights, dense.transposed(), grad, output, out, v, 1.0, false, none);
    multiply((steps, head, steps), grad, output, qkv, v.transposed(), slopes, dense, 1.0, false, none);
    for (slopes, weights) in slopes.chunks_exact_mut(steps).zip(weights.chunks_exact(steps)) {
        let dot: f32 = slopes.iter().zip(weights).map(|(slope, weight)| slope * weight).sum();
        for (slope, weight) in slopes.iter_mut().zip(weights) {
            *slope = weight * (*slope - dot);
        }
    }
    let scale = sizes.scale();
    multiply((steps, steps, head), slopes, dense, qkv, k, out, q, scale, false, none);
    multiply((steps, steps, head), slopes, dense.transposed(), qkv, q, out, k, scale, false, none);
}

/// Mean cross-entropy in nats of the next tokens under a tied head: `hidden` `[rows, width]`, `embedding`
/// `[vocabulary, width]`. Rows whose target is `None` do not count.
pub(crate) fn tied_cross_entropy(hidden: &Tensor, embedding: &Tensor, targets: &[Option<u32>]) -> Result<Tensor> {
    let counted = targets.iter().flatten().count().max(1) as f32;
    if on_cpu(hidden) {
        let op = TiedCrossEntropy { targets: targets.to_vec(), counted, slopes: Mutex::new(Vec::new()) };
        return hidden.apply_op2(embedding, op);
    }
    let logits = hidden.matmul(&embedding.t()?)?.to_dtype(DType::F32)?;
    let device = hidden.device();
    let log_probabilities = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
    let ids: Vec<u32> = targets.iter().map(|target| target.unwrap_or(0)).collect();
    let counts: Vec<f32> = targets.iter().map(|target| if target.is_some() { 1.0 } else { 0.0 }).collect();
    let chosen = log_probabilities.gather(&Tensor::from_vec(ids, (targets.len(), 1), device)?, 1)?.squeeze(1)?;
    let counts = Tensor::from_vec(counts, targets.len(), device)?;
    (chosen * counts)?.sum_all()? * (-1.0 / f64::from(counted))
}

struct TiedCrossEntropy {
    targets: Vec<Option<u32>>,
    counted: f32,
    /// The gradient of the loss by the logits, left by the forward pass for the backward pass.
    slopes: Mutex<Vec<f32>>,
}

impl CustomOp2 for TiedCrossEntropy {
    fn name(&self) -> &'static str {
        "tied-cross-entropy"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (hidden, embedding) = (values(s1, l1)?, values(s2, l2)?);
        let (rows, width) = l1.shape().dims2()?;
        let (vocabulary, _) = l2.shape().dims2()?;
        if self.targets.len() != rows {
            return Err(Error::Msg(format!("{} targets for {rows} rows", self.targets.len())));
        }
        let mut logits = vec![0.0; rows * vocabulary];
        let (a, b, out) = (View::dense(width), View::dense(width).transposed(), View::dense(vocabulary));
        multiply((rows, width, vocabulary), hidden, a, embedding, b, &mut logits, out, 1.0, false, all_threads());
        let losses: Vec<f32> = logits
            .par_chunks_exact_mut(vocabulary)
            .zip(&self.targets)
            .map(|(row, target)| match target {
                None => {
                    row.fill(0.0);
                    0.0
                }
                Some(target) => self.row_loss(row, *target as usize),
            })
            .collect();
        let loss = losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / f64::from(self.counted);
        *self.slopes.lock().map_err(|_| Error::Msg("a loss computation panicked".to_owned()))? = logits;
        Ok((CpuStorage::F32(vec![loss as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        hidden: &Tensor,
        embedding: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let upstream = grad.to_scalar::<f32>()?;
        let slopes =
            std::mem::take(&mut *self.slopes.lock().map_err(|_| Error::Msg("a loss computation panicked".to_owned()))?);
        let (rows, width) = hidden.dims2()?;
        let (vocabulary, _) = embedding.dims2()?;
        if slopes.len() != rows * vocabulary {
            return Err(Error::Msg("the gradient of a loss can be taken once".to_owned()));
        }
        let mut hidden_grad = vec![0.0; rows * width];
        let mut embedding_grad = vec![0.0; vocabulary * width];
        let (wide, narrow) = (View::dense(vocabulary), View::dense(width));
        with_values(embedding, |embedding| {
            let sizes = (rows, vocabulary, width);
            multiply(sizes, &slopes, wide, embedding, narrow, &mut hidden_grad, narrow, upstream, false, all_threads());
            Ok(())
        })?;
        with_values(hidden, |hidden| {
            let sizes = (vocabulary, rows, width);
            let a = wide.transposed();
            multiply(sizes, &slopes, a, hidden, narrow, &mut embedding_grad, narrow, upstream, false, all_threads());
            Ok(())
        })?;
        let device = hidden.device();
        Ok((
            Some(Tensor::from_vec(hidden_grad, (rows, width), device)?),
            Some(Tensor::from_vec(embedding_grad, (vocabulary, width), device)?),
        ))
    }
}

impl TiedCrossEntropy {
    /// The loss of one row; turns its logits into the gradient of the mean loss.
    fn row_loss(&self, row: &mut [f32], target: usize) -> f32 {
        let logit = row[target];
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for value in row.iter_mut() {
            *value = exp(*value - max);
            sum += *value;
        }
        let scale = 1.0 / (sum * self.counted);
        for value in row.iter_mut() {
            *value *= scale;
        }
        row[target] -= 1.0 / self.counted;
        sum.ln() + max - logit
    }
}
