//! The building blocks of GPT-2 (linear, layer norm, causal attention, loss) as compositions of differentiable candle
//! operations, for GPUs and for the tests; and the arithmetic of single rows that the forms on plain slices share
//! (`host/`, `packed.rs`).

use candle_core::{D, DType, Error, Result, Tensor};

use pregonero_kernels::{exponentials, maximum, squared_distances, sum};

/// Returns the mean and the reciprocal standard deviation of a row.
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

/// Computes the softmax in place.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f32]) {
    let scale = 1.0 / exponentials(row, maximum(row));
    row.iter_mut().for_each(|value| *value *= scale);
}

/// Computes `x·weight + bias`: `x` is `[.., inputs]`, `weight` `[inputs, outputs]` as GPT-2's `Conv1D` stores it.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    *shape.last_mut().ok_or_else(|| Error::Msg("linear of a scalar".to_owned()))? = outputs;
    let (weight, bias) = (weight.to_dtype(x.dtype())?, bias.to_dtype(x.dtype())?);
    x.reshape(((), inputs))?.matmul(&weight)?.broadcast_add(&bias)?.reshape(shape)
}

/// Computes layer normalisation over the last dimension (Ba et al. 2016, arXiv:1607.06450).
pub(crate) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

/// Computes causal self-attention of whole sequences: `qkv` is `[batch, steps, 3 * width]` in blocks `[q|k|v]`, and
/// the result is `[batch, steps, width]`, heads side by side. `scale` multiplies the products of queries and keys;
/// `drop` is applied to the weights.
pub(crate) fn causal_attention(
    qkv: &Tensor,
    heads: usize,
    scale: f64,
    drop: impl FnOnce(Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (batch, steps, triple) = qkv.dims3()?;
    let width = triple / 3;
    let split = |index: usize| -> Result<Tensor> {
        qkv.narrow(2, index * width, width)?
            .reshape((batch, steps, heads, width / heads))?
            .transpose(1, 2)?
            .contiguous()
    };
    let (q, k, v) = (split(0)?, split(1)?, split(2)?);
    let scores = (q.matmul(&k.t()?)? * scale)?.to_dtype(DType::F32)?;
    let mask: Vec<f32> =
        (0..steps).flat_map(|i| (0..steps).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 })).collect();
    let scores = scores.broadcast_add(&Tensor::from_vec(mask, (steps, steps), qkv.device())?)?;
    let weights = drop(candle_nn::ops::softmax(&scores, D::Minus1)?)?.to_dtype(v.dtype())?;
    weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, steps, width))
}

/// Returns the mean cross-entropy, in nats, of the next tokens under a tied head: `hidden` `[rows, width]`,
/// `embedding` `[vocabulary, width]`. Rows whose target is `None` are not counted.
pub(crate) fn tied_cross_entropy(hidden: &Tensor, embedding: &Tensor, targets: &[Option<u32>]) -> Result<Tensor> {
    let counted = targets.iter().flatten().count().max(1) as f64;
    let logits = hidden.matmul(&embedding.t()?)?.to_dtype(DType::F32)?;
    let device = hidden.device();
    let log_probabilities = candle_nn::ops::log_softmax(&logits, D::Minus1)?;
    let ids: Vec<u32> = targets.iter().map(|target| target.unwrap_or(0)).collect();
    let counts: Vec<f32> = targets.iter().map(|target| if target.is_some() { 1.0 } else { 0.0 }).collect();
    let chosen = log_probabilities.gather(&Tensor::from_vec(ids, (targets.len(), 1), device)?, 1)?.squeeze(1)?;
    let counts = Tensor::from_vec(counts, targets.len(), device)?;
    (chosen * counts)?.sum_all()? * (-1.0 / counted)
}
