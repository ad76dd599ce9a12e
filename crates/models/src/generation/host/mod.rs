//! GPT-2's training step on the CPU: loss and gradients of a batch in one pass over plain slices.
//!
//! What candle would do as a graph of tensors is here a list of passes over buffers that are kept from step to step,
//! with products in f32 or, if the processor has tiles for it, of bf16 factors. `src/generation/tests.rs` compares it
//! with transformers' losses and with candle's own differentiation of `gpt2.rs`.

mod attention;
pub mod dropout;
mod head;
mod rows;

use rayon::prelude::*;

use self::attention::Attention;
use self::dropout::{DropoutSeed, Mask, Place};
use self::head::HeadGradients;
use self::rows::Norm;
use super::gpt2_config::Gpt2Config;
use pregonero_kernels::matrix::{Matrix, Start};
use pregonero_kernels::operand::{Layer, Operand, Products, Role};
use pregonero_kernels::product::Factors;

/// The indices of the tensors in [`Gpt2Config::tensors`].
const WTE: usize = 0;
const WPE: usize = 1;
const FIRST_LAYER: usize = 2;
const LN_1: usize = 0;
const C_ATTN: usize = 2;
const ATTENTION_PROJECTION: usize = 4;
const LN_2: usize = 6;
const C_FC: usize = 8;
const MLP_PROJECTION: usize = 10;
const LAYER_TENSORS: usize = 12;

/// Token ids of some sequences of equal length, and for every position the token that follows; `None` is not counted.
#[derive(Debug, Clone, Copy)]
pub struct Sequences<'a> {
    pub ids: &'a [u32],
    pub targets: &'a [Option<u32>],
    /// Tokens per sequence.
    pub length: usize,
}

/// The gradients of all tensors, in the order of [`Gpt2Config::tensors`].
#[derive(Debug)]
pub struct Gradients {
    pub values: Vec<Vec<f32>>,
    /// Whether the next pass sets the gradients rather than adds to them.
    pub fresh: bool,
}

impl Gradients {
    pub fn new(config: &Gpt2Config) -> Self {
        let values = config.tensors().iter().map(|(_, shape)| vec![0.0; shape.iter().product()]).collect();
        Self { values, fresh: true }
    }

    /// Returns the gradients of a weight and of the bias that follows it.
    fn pair(&mut self, weight: usize) -> (&mut [f32], &mut [f32]) {
        let (left, right) = self.values.split_at_mut(weight + 1);
        (&mut left[weight], &mut right[0])
    }

    /// Adds the sums of blocks of rows to the gradient of the bias that follows the weight with index `at`.
    fn add_bias(&mut self, sums: &[Vec<f32>], at: usize) {
        sums.iter().for_each(|sums| rows::add_into(&mut self.values[at + 1], sums));
    }

    /// Adds the sums of blocks of rows to the gradients of the norm with index `at`, and to the bias that follows the
    /// weight with index `weight`.
    fn add_norm_and_bias(&mut self, sums: Vec<(Vec<f32>, Vec<f32>)>, at: usize, weight: Option<usize>) {
        let (norms, biases): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
        for sums in norms {
            let (scales, shifts) = sums.split_at(sums.len() / 2);
            rows::add_into(&mut self.values[at], scales);
            rows::add_into(&mut self.values[at + 1], shifts);
        }
        if let Some(weight) = weight {
            self.add_bias(&biases, weight);
        }
    }

    /// Returns what a product that computes a gradient is added to.
    fn start(&self) -> Start<'static> {
        if self.fresh { Start::Zero } else { Start::Target }
    }

    /// Zeroes the gradients that are only ever added to.
    fn begin(&mut self, config: &Gpt2Config) {
        if self.fresh {
            let tensors = config.tensors();
            for (values, (name, shape)) in self.values.iter_mut().zip(&tensors) {
                let by_product = shape.len() == 2 && (name.starts_with("h.") || *name == head_name(config));
                if !by_product {
                    values.fill(0.0);
                }
            }
        }
    }
}

fn head_name(config: &Gpt2Config) -> &'static str {
    if config.tie_word_embeddings { "wte.weight" } else { "lm_head.weight" }
}

/// What a layer's backward pass needs from its forward pass; each is `[tokens, ..]`.
#[derive(Debug, Default)]
struct LayerState {
    input: Vec<f32>,
    normal_1: Operand,
    qkv: Vec<f32>,
    attended: Operand,
    middle: Vec<f32>,
    normal_2: Operand,
    /// The values of the feed-forward part before its activation; later the activation's slope there.
    inner: Vec<f32>,
    activated: Operand,
}

impl LayerState {
    fn resize(&mut self, tokens: usize, config: &Gpt2Config) {
        let width = tokens * config.n_embd;
        self.input.resize(width, 0.0);
        self.middle.resize(width, 0.0);
        self.qkv.resize(3 * width, 0.0);
        self.inner.resize(tokens * config.inner(), 0.0);
    }
}

/// Buffers that passes share.
#[derive(Debug, Default)]
struct Scratch {
    /// `[tokens, width]`.
    narrow: Vec<f32>,
    masked: Vec<f32>,
    residual: Vec<f32>,
    /// `[tokens, inner]`, or less.
    wide: Vec<f32>,
    output: Vec<f32>,
    normal: Vec<f32>,
    /// The gradient of what a part of a layer adds to the residual stream, and one inside that part.
    upstream: Operand,
    upstream_inside: Operand,
    /// For the counted rows only.
    hidden: Vec<f32>,
    hidden_gradient: Vec<f32>,
    logits: Vec<f32>,
    rounded: head::Rounded,
}

/// The training step and its buffers.
#[derive(Debug)]
pub struct HostGpt2 {
    config: Gpt2Config,
    factors: Factors,
    products: Products,
    layers: Vec<LayerState>,
    scratch: Scratch,
}

/// The tensors of the model, in the order of [`Gpt2Config::tensors`].
pub type Weights<'a> = [&'a [f32]];

fn norm<'a>(config: &Gpt2Config, weights: &Weights<'a>, at: usize) -> Norm<'a> {
    Norm { weight: weights[at], bias: weights[at + 1], epsilon: config.layer_norm_epsilon as f32 }
}

impl HostGpt2 {
    pub fn new(config: &Gpt2Config, factors: Factors) -> Self {
        let (layers, scratch) = (Vec::new(), Scratch::default());
        Self { config: config.clone(), factors, products: Products::new(factors), layers, scratch }
    }

    /// Returns the sum of the negative log-probabilities, in nats, of the counted targets, and adds `weight` times
    /// its gradient to `gradients`.
    pub fn differentiate(
        &mut self,
        weights: &Weights<'_>,
        batch: Sequences<'_>,
        weight: f32,
        dropout: Option<DropoutSeed>,
        gradients: &mut Gradients,
    ) -> f64 {
        gradients.begin(&self.config);
        self.forward(weights, batch, dropout, true);
        let loss = self.head(weights, batch, Some((weight, gradients)));
        self.final_norm_backward(weights, dropout, gradients);
        for layer in (0..self.config.n_layer).rev() {
            self.layer_backward(layer, weights, batch, dropout, gradients);
        }
        self.embedding_backward(batch, dropout, gradients);
        gradients.fresh = false;
        loss
    }

    /// Returns the sum of the negative log-probabilities, in nats, of the counted targets.
    pub fn loss(&mut self, weights: &Weights<'_>, batch: Sequences<'_>) -> f64 {
        self.forward(weights, batch, None, false);
        self.head(weights, batch, None)
    }

    fn final_norm(&self) -> usize {
        FIRST_LAYER + LAYER_TENSORS * self.config.n_layer
    }

    fn head_tensor(&self) -> usize {
        if self.config.tie_word_embeddings { WTE } else { self.final_norm() + 2 }
    }

    fn mask(&self, dropout: Option<DropoutSeed>, place: Place) -> Option<Mask> {
        let probability = match place {
            Place::Embedding => self.config.embd_pdrop,
            Place::Attention(_) => self.config.attn_pdrop,
            Place::AttentionOutput(_) | Place::FeedForward(_) => self.config.resid_pdrop,
        };
        dropout?.mask(place, probability)
    }

    fn attention(&self, layer: usize, steps: usize, dropout: Option<DropoutSeed>) -> Attention {
        let (width, heads) = (self.config.n_embd, self.config.n_head);
        let scale = self.config.attention_scale(layer) as f32;
        Attention { steps, width, heads, scale, mask: self.mask(dropout, Place::Attention(layer)) }
    }

    /// Leaves the residual stream after the last layer and its norm in the scratch, and each layer's state if `keep`
    /// is set.
    fn forward(&mut self, weights: &Weights<'_>, batch: Sequences<'_>, dropout: Option<DropoutSeed>, keep: bool) {
        let (tokens, width) = (batch.ids.len(), self.config.n_embd);
        let states = if keep { self.config.n_layer } else { 1 };
        if self.layers.len() < states {
            self.layers.resize_with(states, LayerState::default);
        }
        self.layers[..states].iter_mut().for_each(|layer| layer.resize(tokens, &self.config));
        let scratch = &mut self.scratch;
        for values in
            [&mut scratch.narrow, &mut scratch.masked, &mut scratch.residual, &mut scratch.output, &mut scratch.normal]
        {
            values.resize(tokens * width, 0.0);
        }
        scratch.wide.resize(tokens * self.config.inner().max(3 * width), 0.0);
        self.embed(weights, batch, dropout, keep);
        for layer in 0..self.config.n_layer {
            self.layer_forward(layer, weights, batch, dropout, keep);
        }
    }

    /// Computes the first layer's input and its norm.
    fn embed(&mut self, weights: &Weights<'_>, batch: Sequences<'_>, dropout: Option<DropoutSeed>, keep: bool) {
        let width = self.config.n_embd;
        let mask = self.mask(dropout, Place::Embedding);
        let (tokens, positions) = (weights[WTE], weights[WPE]);
        let narrow = &mut self.scratch.narrow;
        narrow.par_chunks_exact_mut(width).zip(batch.ids).enumerate().for_each(|(place, (out, id))| {
            let token = &tokens[*id as usize * width..][..width];
            let position = &positions[place % batch.length * width..][..width];
            for ((out, token), position) in out.iter_mut().zip(token).zip(position) {
                *out = token + position;
            }
        });
        let LayerState { input, normal_1, .. } = &mut self.layers[0];
        match mask {
            Some(mask) => rows::masked(narrow, mask, input),
            None => std::mem::swap(narrow, input),
        }
        let norm = norm(&self.config, weights, FIRST_LAYER + LN_1);
        self.products.fill((normal_1, role(keep)), width, input, |_, input, out| rows::norm_rows(input, norm, out));
    }

    fn layer_forward(
        &mut self,
        layer: usize,
        weights: &Weights<'_>,
        batch: Sequences<'_>,
        dropout: Option<DropoutSeed>,
        keep: bool,
    ) {
        let (width, inner, activation) = (self.config.n_embd, self.config.inner(), self.config.activation_function);
        let first = FIRST_LAYER + LAYER_TENSORS * layer;
        let attention = self.attention(layer, batch.length, dropout);
        let after_attention = self.mask(dropout, Place::AttentionOutput(layer));
        let after_mlp = self.mask(dropout, Place::FeedForward(layer));
        let next = if layer + 1 == self.config.n_layer { self.final_norm() } else { first + LAYER_TENSORS + LN_1 };
        let norms = (norm(&self.config, weights, first + LN_2), norm(&self.config, weights, next));
        let (products, role) = (&mut self.products, role(keep));
        let linear = |at: usize, outputs: usize| Layer {
            weights: Matrix::dense(weights[first + at], outputs),
            start: Start::Row(weights[first + at + 1]),
        };
        let (states, later) = self.layers.split_at_mut(if keep { layer + 1 } else { 1 });
        let Some(state) = states.last_mut() else { return };
        let Scratch { masked: attended, output, normal, .. } = &mut self.scratch;
        products.multiply(&state.normal_1, linear(C_ATTN, 3 * width), &mut state.qkv);
        attention.forward(&state.qkv, attended);
        products.fill((&mut state.attended, role), width, attended, |_, x, out| out.copy_from_slice(x));
        let (input, middle, normal_2) = (&state.input, &mut state.middle, (&mut state.normal_2, role));
        products.chain(&state.attended, linear(ATTENTION_PROJECTION, width), normal_2, middle, |at, sum, out| {
            rows::add_masked(&input[at..], out, after_attention, at, sum);
            rows::norm_rows(sum, norms.0, out);
        });
        let activated = (&mut state.activated, role);
        products.chain(&state.normal_2, linear(C_FC, inner), activated, &mut state.inner, |_, slopes, out| {
            if keep {
                slopes.copy_from_slice(out);
                rows::activate_and_slope(activation, slopes, out);
            } else {
                rows::activate(activation, out);
            }
        });
        let (middle, projection) = (&state.middle, linear(MLP_PROJECTION, width));
        let add = |at: usize, sum: &mut [f32], out: &mut [f32]| {
            rows::add_masked(&middle[at..], out, after_mlp, at, sum);
            rows::norm_rows(sum, norms.1, out);
        };
        let (next_input, next_normal) = match later.first_mut().filter(|_| keep) {
            Some(next) => (&mut next.input, &mut next.normal_1),
            None if layer + 1 == self.config.n_layer => {
                products.multiply(&state.activated, projection, normal);
                return rows::by_blocks(output, normal, width, add);
            }
            None => (&mut state.input, &mut state.normal_1),
        };
        products.chain(&state.activated, projection, (next_normal, role), next_input, add);
    }

    /// Returns the loss; if gradients are requested, replaces the last norm's result by its gradient.
    fn head(&mut self, weights: &Weights<'_>, batch: Sequences<'_>, gradients: Option<(f32, &mut Gradients)>) -> f64 {
        let (width, head) = (self.config.n_embd, self.head_tensor());
        let Scratch { normal, hidden, hidden_gradient, logits, rounded, .. } = &mut self.scratch;
        let targets: Vec<u32> = batch.targets.iter().flatten().copied().collect();
        hidden.clear();
        for (row, _) in normal.chunks_exact(width).zip(batch.targets).filter(|(_, target)| target.is_some()) {
            hidden.extend_from_slice(row);
        }
        hidden_gradient.resize(hidden.len(), 0.0);
        let with_gradients = gradients.is_some();
        let gradients = gradients.map(|(weight, gradients)| HeadGradients {
            hidden: hidden_gradient,
            fresh: gradients.fresh,
            embedding: &mut gradients.values[head],
            weight,
        });
        let losses = match (self.factors, gradients) {
            (Factors::Bf16, Some(gradients)) => rounded.cross_entropy(hidden, weights[head], &targets, gradients),
            (factors, gradients) => head::cross_entropy(hidden, weights[head], &targets, factors, logits, gradients),
        };
        if with_gradients {
            let mut rows = hidden_gradient.chunks_exact(width);
            for (out, target) in normal.chunks_exact_mut(width).zip(batch.targets) {
                match target.and_then(|_| rows.next()) {
                    Some(row) => out.copy_from_slice(row),
                    None => out.fill(0.0),
                }
            }
        }
        losses.into_iter().map(f64::from).sum()
    }

    /// Replaces the gradient of the last norm's result, in the scratch, by that of the last layer's.
    fn final_norm_backward(&mut self, weights: &Weights<'_>, dropout: Option<DropoutSeed>, gradients: &mut Gradients) {
        let (last, layer) = (self.final_norm(), self.config.n_layer - 1);
        let mask = self.mask(dropout, Place::FeedForward(layer));
        let norm = norm(&self.config, weights, last);
        let Scratch { output, normal, residual, upstream, .. } = &mut self.scratch;
        let width = self.config.n_embd;
        let sums = self.products.fill((upstream, Role::Gradient), width, residual, |at, residual, out| {
            let rows = at..at + out.len();
            let norms = rows::norm_backward(&output[rows.clone()], norm, &normal[rows], residual, false);
            rows::copy_masked(residual, mask, at, out);
            (norms, rows::column_sums(out, width))
        });
        gradients.add_norm_and_bias(sums, last, Some(FIRST_LAYER + LAYER_TENSORS * layer + MLP_PROJECTION));
    }

    /// Reads the gradient of a layer's result from the residual scratch, and what its dropout leaves of it from that of
    /// the gradients, and leaves those of its input there.
    fn layer_backward(
        &mut self,
        layer: usize,
        weights: &Weights<'_>,
        batch: Sequences<'_>,
        dropout: Option<DropoutSeed>,
        gradients: &mut Gradients,
    ) {
        let (width, inner) = (self.config.n_embd, self.config.inner());
        let first = FIRST_LAYER + LAYER_TENSORS * layer;
        let attention = self.attention(layer, batch.length, dropout);
        let before = layer.checked_sub(1);
        let masks = [Some(Place::AttentionOutput(layer)), before.map(Place::FeedForward)]
            .map(|place| place.and_then(|place| self.mask(dropout, place)));
        let norms = [LN_2, LN_1].map(|at| norm(&self.config, weights, first + at));
        let state = &mut self.layers[layer];
        let (products, start) = (&mut self.products, gradients.start());
        let Scratch { narrow, residual, wide, upstream, upstream_inside: inside, .. } = &mut self.scratch;
        let transposed = |at: usize, outputs: usize| Layer {
            weights: Matrix::dense(weights[first + at], outputs).transposed(),
            start: Start::Zero,
        };
        let through_norm =
            |x: &[f32], norm: Norm<'_>, mask: Option<Mask>, at: usize, residual: &mut [f32], out: &mut [f32]| {
                let norms = rows::norm_backward(&x[at..at + out.len()], norm, out, residual, true);
                rows::copy_masked(residual, mask, at, out);
                (norms, rows::column_sums(out, width))
            };

        products.weight_gradient(&state.activated, upstream, &mut gradients.values[first + MLP_PROJECTION], start);
        let to = (&mut *inside, Role::Gradient);
        let sums =
            products.chain(upstream, transposed(MLP_PROJECTION, width), to, &mut state.inner, |_, slopes, out| {
                rows::multiply(out, slopes);
                rows::column_sums(out, inner)
            });
        gradients.add_bias(&sums, first + C_FC);
        products.weight_gradient(&state.normal_2, inside, &mut gradients.values[first + C_FC], start);
        let (to, middle) = ((&mut *upstream, Role::Gradient), &state.middle);
        let sums = products.chain(inside, transposed(C_FC, inner), to, residual, |at, residual, out| {
            through_norm(middle, norms[0], masks[0], at, residual, out)
        });
        gradients.add_norm_and_bias(sums, first + LN_2, Some(first + ATTENTION_PROJECTION));

        let weight = &mut gradients.values[first + ATTENTION_PROJECTION];
        products.weight_gradient(&state.attended, upstream, weight, start);
        products.multiply(upstream, transposed(ATTENTION_PROJECTION, width), narrow);
        let qkv = &mut wide[..state.qkv.len()];
        attention.backward(&state.qkv, narrow, qkv);
        let sums = products.fill((&mut *inside, Role::Gradient), 3 * width, qkv, |_, x, out| {
            out.copy_from_slice(x);
            rows::column_sums(out, 3 * width)
        });
        gradients.add_bias(&sums, first + C_ATTN);
        products.weight_gradient(&state.normal_1, inside, &mut gradients.values[first + C_ATTN], start);
        let input = &state.input;
        let sums = products.chain(
            inside,
            transposed(C_ATTN, 3 * width),
            (upstream, Role::Gradient),
            residual,
            |at, residual, out| through_norm(input, norms[1], masks[1], at, residual, out),
        );
        let bias = before.map(|before| FIRST_LAYER + LAYER_TENSORS * before + MLP_PROJECTION);
        gradients.add_norm_and_bias(sums, first + LN_1, bias);
    }

    fn embedding_backward(&mut self, batch: Sequences<'_>, dropout: Option<DropoutSeed>, gradients: &mut Gradients) {
        let width = self.config.n_embd;
        let mask = self.mask(dropout, Place::Embedding);
        let Scratch { masked, residual, .. } = &mut self.scratch;
        let upstream = through_mask(residual, mask, masked);
        let (tokens, positions) = gradients.pair(WTE);
        for (place, (row, id)) in upstream.chunks_exact(width).zip(batch.ids).enumerate() {
            rows::add_into(&mut tokens[*id as usize * width..][..width], row);
            rows::add_into(&mut positions[place % batch.length * width..][..width], row);
        }
    }
}

fn role(keep: bool) -> Role {
    if keep { Role::Input } else { Role::OnlyForward }
}

/// Returns `x` itself, or, if there is a mask, `x` with the mask applied, in `out`.
fn through_mask<'a>(x: &'a [f32], mask: Option<Mask>, out: &'a mut [f32]) -> &'a [f32] {
    let Some(mask) = mask else { return x };
    rows::masked(x, mask, out);
    out
}
