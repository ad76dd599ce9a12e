//! GPT-2 for decoding on the CPU: weights packed in panels, activations in plain slices.
//!
//! A decoding step reads every weight once for a handful of rows, so its speed is limited by memory: panels of 32
//! outputs are stored in the order in which the kernel reads them, and all rows of a batch share one pass. Every row
//! is summed in the same order whatever else is in the batch, so that a candidate's text does not depend on its
//! neighbours; general matrix products do not guarantee that. Agrees with [`super::gpt2`]; a test compares the two.

use rayon::prelude::*;

use super::activation::Activation;
use super::cache::{CacheSize, SlotCache};
use super::checkpoint::Checkpoint;
use super::gpt2_config::Gpt2Config;
use super::ops::{normalise_rows, softmax};
use pregonero_kernels::{LANES, ROWS, Rows, Target, multiply_panel};

/// Below this many multiplications an operation stays on one thread: waking another costs more.
const SMALL: usize = 1 << 15;

/// A linear layer: `outputs` sums over `inputs`.
struct PackedLinear {
    inputs: usize,
    outputs: usize,
    /// `[outputs / 32 rounded up][inputs][32]`, padded with zeros after the last output.
    panels: Vec<f32>,
    /// One value per output, padded with zeros to whole panels.
    bias: Vec<f32>,
}

/// What is done with a layer's output.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Write,
    Activate(Activation),
    /// Add it to the values already there: the residual stream.
    Add,
}

impl PackedLinear {
    /// Packs GPT-2's `Conv1D` weights: `weight` is `[inputs, outputs]`.
    fn from_conv1d(weight: &[f32], bias: &[f32], inputs: usize, outputs: usize) -> Self {
        let mut packed = Self::empty(inputs, outputs);
        packed.bias[..outputs].copy_from_slice(bias);
        packed.panels.par_chunks_exact_mut(inputs * LANES).enumerate().for_each(|(panel, out)| {
            let first = panel * LANES;
            let count = LANES.min(outputs - first);
            for (out, row) in out.chunks_exact_mut(LANES).zip(weight.chunks_exact(outputs)) {
                out[..count].copy_from_slice(&row[first..first + count]);
            }
        });
        packed
    }

    /// Packs weights of one row per output: `weight` is `[outputs, inputs]`.
    fn from_rows(weight: &[f32], inputs: usize, outputs: usize) -> Self {
        let mut packed = Self::empty(inputs, outputs);
        packed.panels.par_chunks_exact_mut(inputs * LANES).enumerate().for_each(|(panel, out)| {
            for lane in 0..LANES.min(outputs - panel * LANES) {
                let row = &weight[(panel * LANES + lane) * inputs..][..inputs];
                for (out, value) in out.iter_mut().skip(lane).step_by(LANES).zip(row) {
                    *out = *value;
                }
            }
        });
        packed
    }

    fn empty(inputs: usize, outputs: usize) -> Self {
        let panels = outputs.div_ceil(LANES);
        Self { inputs, outputs, panels: vec![0.0; panels * inputs * LANES], bias: vec![0.0; panels * LANES] }
    }

    /// Copies the weights of one output: a row of the embedding.
    fn row(&self, output: usize, out: &mut [f32]) {
        let panel = &self.panels[output / LANES * self.inputs * LANES..][..self.inputs * LANES];
        for (out, value) in out.iter_mut().zip(panel.iter().skip(output % LANES).step_by(LANES)) {
            *out = *value;
        }
    }

    /// Computes `out[r] = x[r]·W + b` for every row.
    fn forward(&self, x: &[f32], out: &mut [f32], then: Then) {
        let rows = x.len() / self.inputs;
        let mut sums = vec![0.0; self.bias.len() * rows];
        let panel_work = self.inputs * LANES * rows;
        sums.par_chunks_exact_mut(LANES * rows)
            .with_min_len(SMALL.div_ceil(panel_work))
            .zip(self.panels.par_chunks_exact(self.inputs * LANES))
            .zip(self.bias.par_chunks_exact(LANES))
            .for_each(|((sums, panel), bias)| {
                for (sums, x) in sums.chunks_mut(LANES * ROWS).zip(x.chunks(self.inputs * ROWS)) {
                    let x = Rows { values: x, stride: self.inputs, count: x.len() / self.inputs };
                    multiply_panel(x, panel, Target { values: sums, stride: LANES, add: false });
                }
                for sums in sums.chunks_exact_mut(LANES) {
                    for (sum, bias) in sums.iter_mut().zip(bias) {
                        *sum += bias;
                    }
                    if let Then::Activate(activation) = then {
                        activation.apply_in_place(sums);
                    }
                }
            });
        self.scatter(&sums, rows, out, then);
    }

    /// Copies panel-wise sums `[panel][row][32]` into rows.
    fn scatter(&self, sums: &[f32], rows: usize, out: &mut [f32], then: Then) {
        for (row, out) in out.chunks_exact_mut(self.outputs).enumerate() {
            for (panel, out) in out.chunks_mut(LANES).enumerate() {
                let sums = &sums[(panel * rows + row) * LANES..][..out.len()];
                if then == Then::Add {
                    for (out, sum) in out.iter_mut().zip(sums) {
                        *out += sum;
                    }
                } else {
                    out.copy_from_slice(sums);
                }
            }
        }
    }
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Norm {
    fn forward(&self, x: &[f32], epsilon: f32) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        normalise_rows(x, &self.weight, &self.bias, epsilon, &mut out);
        out
    }
}

struct Block {
    ln_1: Norm,
    c_attn: PackedLinear,
    attn_c_proj: PackedLinear,
    ln_2: Norm,
    c_fc: PackedLinear,
    mlp_c_proj: PackedLinear,
}

/// The network.
pub(crate) struct PackedGpt2 {
    pub(crate) config: Gpt2Config,
    /// The token embedding, and the head if it is tied.
    wte: PackedLinear,
    /// `[positions, width]`.
    wpe: Vec<f32>,
    blocks: Vec<Block>,
    ln_f: Norm,
    lm_head: Option<PackedLinear>,
}

impl PackedGpt2 {
    /// Packs a checkpoint tensor by tensor.
    pub(crate) fn new(config: &Gpt2Config, checkpoint: &Checkpoint) -> anyhow::Result<Self> {
        let (width, inner) = (config.n_embd, config.inner());
        let norm = |name: String| -> anyhow::Result<Norm> {
            Ok(Norm {
                weight: checkpoint.tensor(&format!("{name}.weight"), &[width])?,
                bias: checkpoint.tensor(&format!("{name}.bias"), &[width])?,
            })
        };
        let conv = |name: String, inputs: usize, outputs: usize| -> anyhow::Result<PackedLinear> {
            let weight = checkpoint.tensor(&format!("{name}.weight"), &[inputs, outputs])?;
            let bias = checkpoint.tensor(&format!("{name}.bias"), &[outputs])?;
            Ok(PackedLinear::from_conv1d(&weight, &bias, inputs, outputs))
        };
        let rows = |name: &str| -> anyhow::Result<PackedLinear> {
            let weight = checkpoint.tensor(name, &[config.vocab_size, width])?;
            Ok(PackedLinear::from_rows(&weight, width, config.vocab_size))
        };
        let block = |layer: usize| -> anyhow::Result<Block> {
            let at = |name: &str| format!("h.{layer}.{name}");
            Ok(Block {
                ln_1: norm(at("ln_1"))?,
                c_attn: conv(at("attn.c_attn"), width, 3 * width)?,
                attn_c_proj: conv(at("attn.c_proj"), width, width)?,
                ln_2: norm(at("ln_2"))?,
                c_fc: conv(at("mlp.c_fc"), width, inner)?,
                mlp_c_proj: conv(at("mlp.c_proj"), inner, width)?,
            })
        };
        Ok(Self {
            config: config.clone(),
            wte: rows("wte.weight")?,
            wpe: checkpoint.tensor("wpe.weight", &[config.n_positions, width])?,
            blocks: (0..config.n_layer).map(block).collect::<anyhow::Result<_>>()?,
            ln_f: norm("ln_f".to_owned())?,
            lm_head: if config.tie_word_embeddings { None } else { Some(rows("lm_head.weight")?) },
        })
    }

    /// Reads `ids`, row-major `[rows, steps]`, after the tokens in `cache`; returns the logits after each row's last
    /// token, `[rows, vocabulary]`.
    pub(crate) fn advance(&self, ids: &[u32], cache: &mut SlotCache<f32>) -> Vec<f32> {
        let (steps, width) = (ids.len() / cache.rows(), self.config.n_embd);
        let x = self.hidden(ids, cache);
        let last: Vec<f32> =
            x.chunks_exact(steps * width).flat_map(|row| &row[(steps - 1) * width..]).copied().collect();
        self.logits(&last)
    }

    /// Returns the logits after each row of the last block's result, `[rows, vocabulary]`.
    pub(super) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let hidden = self.ln_f.forward(x, self.config.layer_norm_epsilon as f32);
        let mut logits = vec![0.0; x.len() / self.config.n_embd * self.config.vocab_size];
        self.lm_head.as_ref().unwrap_or(&self.wte).forward(&hidden, &mut logits, Then::Write);
        logits
    }

    /// Returns the residual stream after the last block, `[rows, steps, width]`.
    pub(super) fn hidden(&self, ids: &[u32], cache: &mut SlotCache<f32>) -> Vec<f32> {
        let rows = cache.rows();
        let steps = ids.len() / rows;
        let width = self.config.n_embd;
        let epsilon = self.config.layer_norm_epsilon as f32;
        let mut x = self.embed(ids, steps, cache.steps());
        for (layer, block) in self.blocks.iter().enumerate() {
            let normal = block.ln_1.forward(&x, epsilon);
            let mut qkv = vec![0.0; rows * steps * 3 * width];
            block.c_attn.forward(&normal, &mut qkv, Then::Write);
            let scale = self.config.attention_scale(layer) as f32;
            let heads = (self.config.n_head, scale);
            let attended = cache.attend(
                layer,
                &qkv,
                steps,
                |values, out| out.copy_from_slice(values),
                |query, keys, values, out: &mut [f32]| {
                    attend_row(query, keys, values, heads, out);
                },
            );
            block.attn_c_proj.forward(&attended, &mut x, Then::Add);
            let normal = block.ln_2.forward(&x, epsilon);
            let mut inner = vec![0.0; rows * steps * self.config.inner()];
            block.c_fc.forward(&normal, &mut inner, Then::Activate(self.config.activation_function));
            block.mlp_c_proj.forward(&inner, &mut x, Then::Add);
        }
        cache.go_on(steps);
        x
    }

    fn embed(&self, ids: &[u32], steps: usize, start: usize) -> Vec<f32> {
        let width = self.config.n_embd;
        let mut x = vec![0.0; ids.len() * width];
        for (index, (id, x)) in ids.iter().zip(x.chunks_exact_mut(width)).enumerate() {
            self.wte.row(*id as usize, x);
            let position = start + index % steps;
            for (x, value) in x.iter_mut().zip(&self.wpe[position * width..]) {
                *x += value;
            }
        }
        x
    }

    /// Creates an empty cache with room for `slots` rows of `capacity` tokens, of which `rows` are in use.
    pub(crate) fn cache(&self, rows: usize, slots: usize, capacity: usize) -> SlotCache<f32> {
        SlotCache::new(CacheSize { layers: self.config.n_layer, width: self.config.n_embd, slots, capacity }, rows)
    }
}

/// Computes the attention of one query over the keys and values `[seen, width]` of its row.
fn attend_row(query: &[f32], keys: &[f32], values: &[f32], (heads, scale): (usize, f32), out: &mut [f32]) {
    let width = query.len();
    let head = width / heads;
    let mut weights = vec![0.0; keys.len() / width];
    for (index, (query, out)) in query.chunks_exact(head).zip(out.chunks_exact_mut(head)).enumerate() {
        for (weight, key) in weights.iter_mut().zip(keys.chunks_exact(width)) {
            *weight = scale * dot(query, &key[index * head..][..head]);
        }
        softmax(&mut weights);
        for (weight, value) in weights.iter().zip(values.chunks_exact(width)) {
            for (out, value) in out.iter_mut().zip(&value[index * head..][..head]) {
                *out += weight * value;
            }
        }
    }
}

/// Returns the dot product in eight partial sums, which the compiler can keep in vector registers.
/// [`pregonero_kernels::dot`] is not used because its sums are 32: it would change the text that a seed yields.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}
