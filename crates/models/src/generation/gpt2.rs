//! GPT-2 (Radford et al. 2019) in candle, for whole sequences: training, evaluation, and decoding on a GPU.
//!
//! Fields have the names of the checkpoint's tensors and the same nesting. Weights keep GPT-2's own `Conv1D` layout
//! `[inputs, outputs]`. Decoding on the CPU has its own form of the same weights: `packed.rs`.

use anyhow::{Context as _, Result};
use candle_core::{DType, Device, Tensor};

use super::checkpoint::Checkpoint;
pub use super::gpt2_config::Gpt2Config;
use super::ops;
use crate::catalog::ModelFiles;

/// Drops activations during training; inference drops none.
pub trait Dropout {
    /// Returns `x` with a share of its values zeroed and the rest scaled up.
    fn apply(&mut self, x: Tensor, probability: f32) -> candle_core::Result<Tensor>;
}

/// A dropout that changes nothing.
#[derive(Debug)]
pub struct NoDropout;

impl Dropout for NoDropout {
    fn apply(&mut self, x: Tensor, _probability: f32) -> candle_core::Result<Tensor> {
        Ok(x)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Norm {
    weight: Tensor,
    bias: Tensor,
}

#[derive(Debug, Clone)]
pub(crate) struct Conv1D {
    weight: Tensor,
    bias: Tensor,
}

impl Conv1D {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        ops::linear(x, &self.weight, &self.bias)
    }
}

#[derive(Debug, Clone)]
struct Attention {
    c_attn: Conv1D,
    c_proj: Conv1D,
}

#[derive(Debug, Clone)]
struct Mlp {
    c_fc: Conv1D,
    c_proj: Conv1D,
}

#[derive(Debug, Clone)]
struct Block {
    ln_1: Norm,
    attn: Attention,
    ln_2: Norm,
    mlp: Mlp,
}

/// The network.
#[derive(Debug, Clone)]
pub struct Gpt2 {
    pub config: Gpt2Config,
    wte: Tensor,
    wpe: Tensor,
    h: Vec<Block>,
    ln_f: Norm,
    /// `[vocabulary, width]`; absent if the head is tied to `wte`.
    lm_head: Option<Tensor>,
    /// The type in which products are computed; the residual stream has the type of the layer norms.
    compute: DType,
}

impl Gpt2 {
    /// Builds the network from the tensors that `get` returns for each checkpoint name and shape.
    pub fn new(config: &Gpt2Config, mut get: impl FnMut(&str, &[usize]) -> Result<Tensor>) -> Result<Self> {
        let mut named = std::collections::HashMap::new();
        for (name, shape) in config.tensors() {
            let tensor = get(&name, &shape)?;
            named.insert(name, tensor);
        }
        let take =
            |name: String| -> Result<Tensor> { named.get(&name).cloned().with_context(|| format!("no tensor {name}")) };
        let norm = |name: String| -> Result<Norm> {
            Ok(Norm { weight: take(format!("{name}.weight"))?, bias: take(format!("{name}.bias"))? })
        };
        let conv = |name: String| -> Result<Conv1D> {
            Ok(Conv1D { weight: take(format!("{name}.weight"))?, bias: take(format!("{name}.bias"))? })
        };
        let block = |layer: usize| -> Result<Block> {
            let at = |name: &str| format!("h.{layer}.{name}");
            Ok(Block {
                ln_1: norm(at("ln_1"))?,
                attn: Attention { c_attn: conv(at("attn.c_attn"))?, c_proj: conv(at("attn.c_proj"))? },
                ln_2: norm(at("ln_2"))?,
                mlp: Mlp { c_fc: conv(at("mlp.c_fc"))?, c_proj: conv(at("mlp.c_proj"))? },
            })
        };
        Ok(Self {
            config: config.clone(),
            wte: take("wte.weight".to_owned())?,
            wpe: take("wpe.weight".to_owned())?,
            h: (0..config.n_layer).map(block).collect::<Result<_>>()?,
            ln_f: norm("ln_f".to_owned())?,
            lm_head: if config.tie_word_embeddings { None } else { Some(take("lm_head.weight".to_owned())?) },
            compute: take("wte.weight".to_owned())?.dtype(),
        })
    }

    /// Returns the type in which products are computed, and keys and values are kept.
    pub(crate) fn compute(&self) -> DType {
        self.compute
    }

    /// Returns the same network with products computed in `compute`.
    pub fn with_compute(self, compute: DType) -> Self {
        Self { compute, ..self }
    }

    /// Loads a checkpoint onto `device`, its matrices in `dtype`. With bf16 or f16, layer norms, positions and the
    /// residual stream stay in f32, because sums over many layers would lose digits or, in f16, overflow.
    ///
    /// # Errors
    /// If a file is missing, truncated or foreign, or shapes do not fit `config.json`.
    pub fn load(files: &ModelFiles, device: &Device, dtype: DType) -> Result<Self> {
        let mut config = Gpt2Config::read(files)?;
        let checkpoint = Checkpoint::open(files)?;
        config.settle_head(&checkpoint);
        Self::new(&config, |name, shape| {
            let values = checkpoint.tensor(name, shape)?;
            let half = matches!(dtype, DType::F16 | DType::BF16);
            let kept = if half && (name.contains("ln_") || name == "wpe.weight") { DType::F32 } else { dtype };
            Ok(Tensor::from_vec(values, shape, device)?.to_dtype(kept)?)
        })
    }

    /// Returns the hidden states after the last layer norm, `[batch, steps, width]`, for token ids `[batch, steps]`
    /// (u32).
    pub(crate) fn hidden(&self, ids: &Tensor, dropout: &mut dyn Dropout) -> candle_core::Result<Tensor> {
        let (_, steps) = ids.dims2()?;
        let mut x = self.embed(ids, 0, steps)?;
        x = dropout.apply(x, self.config.embd_pdrop)?;
        let (heads, probability) = (self.config.n_head, self.config.attn_pdrop);
        for (layer, block) in self.h.iter().enumerate() {
            let scale = self.config.attention_scale(layer);
            x = block.forward(&x, (&self.config, self.compute), dropout, |qkv, dropout| {
                ops::causal_attention(qkv, heads, scale, |weights| dropout.apply(weights, probability))
            })?;
        }
        ops::layer_norm(&x, &self.ln_f.weight, &self.ln_f.bias, self.config.layer_norm_epsilon)
    }

    fn embed(&self, ids: &Tensor, start: usize, steps: usize) -> candle_core::Result<Tensor> {
        let tokens = self.wte.index_select(&ids.flatten_all()?, 0)?;
        let (batch, _) = ids.dims2()?;
        let positions = self.wpe.narrow(0, start, steps)?;
        let tokens = tokens.reshape((batch, steps, self.config.n_embd))?.to_dtype(positions.dtype())?;
        tokens.broadcast_add(&positions)
    }

    /// Returns the logits of the next token, `[.., vocabulary]`, for hidden states `[.., width]`.
    pub(crate) fn head(&self, hidden: &Tensor) -> candle_core::Result<Tensor> {
        let weight = self.lm_head.as_ref().unwrap_or(&self.wte);
        let mut shape = hidden.dims().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = self.config.vocab_size;
        }
        let flat = hidden.reshape(((), self.config.n_embd))?.to_dtype(weight.dtype())?;
        flat.matmul(&weight.t()?)?.reshape(shape)
    }

    /// Returns the mean cross-entropy, in nats, of `targets` (row-major `[batch, steps]`, `None` = not counted).
    pub fn loss(
        &self,
        ids: &Tensor,
        targets: &[Option<u32>],
        dropout: &mut dyn Dropout,
    ) -> candle_core::Result<Tensor> {
        let hidden = self.hidden(ids, dropout)?.reshape(((), self.config.n_embd))?.to_dtype(self.compute)?;
        let head = self.lm_head.as_ref().unwrap_or(&self.wte).to_dtype(self.compute)?;
        ops::tied_cross_entropy(&hidden, &head, targets)
    }

    /// Creates an empty cache for `rows` sequences of at most `capacity` tokens.
    pub(crate) fn cache(&self, rows: usize, capacity: usize) -> candle_core::Result<KeyValueCache> {
        let shape = (rows, self.config.n_head, capacity, self.config.head_size());
        let layer = || {
            let zeros = || Tensor::zeros(shape, self.compute, self.wte.device());
            Ok((zeros()?, zeros()?))
        };
        let layers = (0..self.config.n_layer).map(|_| layer()).collect::<candle_core::Result<_>>()?;
        Ok(KeyValueCache { layers, steps: 0 })
    }

    /// Reads `ids` `[rows, steps]` after the tokens in `cache`; returns the logits after each row's last token,
    /// `[rows, vocabulary]` in f32.
    pub(crate) fn advance(&self, ids: &Tensor, cache: &mut KeyValueCache) -> candle_core::Result<Tensor> {
        let (rows, steps) = ids.dims2()?;
        let start = cache.steps;
        let mut x = self.embed(ids, start, steps)?;
        for (layer, (block, (keys, values))) in self.h.iter().zip(&mut cache.layers).enumerate() {
            let scale = self.config.attention_scale(layer);
            x = block.forward(&x, (&self.config, self.compute), &mut NoDropout, |qkv, _| {
                cached_attention(qkv, (keys, values), start, self.config.n_head, scale)
            })?;
        }
        cache.steps += steps;
        let last = x.narrow(1, steps - 1, 1)?.contiguous()?.reshape((rows, self.config.n_embd))?;
        let hidden = ops::layer_norm(&last, &self.ln_f.weight, &self.ln_f.bias, self.config.layer_norm_epsilon)?;
        self.head(&hidden)?.to_dtype(DType::F32)
    }
}

impl Block {
    fn forward(
        &self,
        x: &Tensor,
        (config, compute): (&Gpt2Config, DType),
        dropout: &mut dyn Dropout,
        attend: impl FnOnce(&Tensor, &mut dyn Dropout) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Tensor> {
        let stream = x.dtype();
        let normal = |x: &Tensor, norm: &Norm| {
            ops::layer_norm(x, &norm.weight, &norm.bias, config.layer_norm_epsilon)?.to_dtype(compute)
        };
        let qkv = self.attn.c_attn.forward(&normal(x, &self.ln_1)?)?;
        let attended = self.attn.c_proj.forward(&attend(&qkv, dropout)?)?.to_dtype(stream)?;
        let x = (x + dropout.apply(attended, config.resid_pdrop)?)?;
        let inner = config.activation_function.compose(&self.mlp.c_fc.forward(&normal(&x, &self.ln_2)?)?)?;
        let added = self.mlp.c_proj.forward(&inner)?.to_dtype(stream)?;
        &x + dropout.apply(added, config.resid_pdrop)?
    }
}

/// Keys and values of the tokens read so far, preallocated: per layer two tensors `[rows, heads, capacity, head size]`.
#[derive(Debug)]
pub(crate) struct KeyValueCache {
    layers: Vec<(Tensor, Tensor)>,
    steps: usize,
}

impl KeyValueCache {
    /// Replaces row `i` by a copy of the current row `rows[i]`.
    pub(crate) fn select(&mut self, rows: &[usize]) -> candle_core::Result<()> {
        for (keys, values) in &mut self.layers {
            let ids: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
            let ids = Tensor::from_vec(ids, rows.len(), keys.device())?;
            *keys = keys.index_select(&ids, 0)?;
            *values = values.index_select(&ids, 0)?;
        }
        Ok(())
    }
}

fn cached_attention(
    qkv: &Tensor,
    (keys, values): (&mut Tensor, &mut Tensor),
    start: usize,
    heads: usize,
    scale: f64,
) -> candle_core::Result<Tensor> {
    let (rows, steps, triple) = qkv.dims3()?;
    let width = triple / 3;
    let split = |index: usize| {
        qkv.narrow(2, index * width, width)?.reshape((rows, steps, heads, width / heads))?.transpose(1, 2)?.contiguous()
    };
    keys.slice_set(&split(1)?, 2, start)?;
    values.slice_set(&split(2)?, 2, start)?;
    let total = start + steps;
    let (k, v) = (keys.narrow(2, 0, total)?.contiguous()?, values.narrow(2, 0, total)?.contiguous()?);
    let mut scores = (split(0)?.matmul(&k.t()?)? * scale)?.to_dtype(DType::F32)?;
    if steps > 1 {
        let mask: Vec<f32> =
            (start..total).flat_map(|i| (0..total).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 })).collect();
        scores = scores.broadcast_add(&Tensor::from_vec(mask, (steps, total), qkv.device())?)?;
    }
    let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(v.dtype())?;
    weights.matmul(&v)?.transpose(1, 2)?.reshape((rows, steps, width))
}
