//! The network over an [`Image`]: norms are rounded to int8 as they are computed, products are exact, the residual
//! stream stays f32, and keys and values are f16.
//!
//! Agrees with [`super::super::gpt2`] within the rounding; every processor returns the same bits.

use pregonero_kernels::attention::{attend, to_halves};
use pregonero_kernels::int8::{Activations, Then, Weights};
use pregonero_kernels::wide;
use rayon::prelude::*;

use super::Image;
use crate::generation::cache::{CacheSize, SlotCache};
use crate::generation::gpt2_config::Gpt2Config;
use crate::generation::ops::moments;

/// Below this many values a pass over rows stays on one thread: waking another costs more.
const SMALL: usize = 1 << 16;

/// The network.
pub(in crate::generation) struct Int8Gpt2 {
    pub(in crate::generation) config: Gpt2Config,
    image: Image,
}

/// Nothing is done with the products but to write them.
const WRITE: Then<fn(&mut [f32])> = Then::Write;
/// They are added to the residual stream.
const ADD: Then<fn(&mut [f32])> = Then::Add;

impl Int8Gpt2 {
    pub(in crate::generation) fn new(config: Gpt2Config, image: Image) -> Self {
        Self { config, image }
    }

    pub(in crate::generation) fn image(&self) -> &Image {
        &self.image
    }

    /// Reads `ids`, row-major `[rows, steps]`, after the tokens in `cache`; returns the logits after each row's last
    /// token, `[rows, vocabulary]`.
    pub(in crate::generation) fn advance(&self, ids: &[u32], cache: &mut SlotCache<u16>) -> Vec<f32> {
        let (rows, width) = (cache.rows(), self.config.n_embd);
        let steps = ids.len() / rows;
        let x = self.hidden(ids, cache);
        let last: Vec<f32> =
            x.chunks_exact(steps * width).flat_map(|row| &row[(steps - 1) * width..]).copied().collect();
        self.logits(&last)
    }

    /// Returns the residual stream after the last block, `[rows, steps, width]`.
    pub(in crate::generation) fn hidden(&self, ids: &[u32], cache: &mut SlotCache<u16>) -> Vec<f32> {
        let (width, inner) = (self.config.n_embd, self.config.inner());
        let rows = ids.len();
        let steps = rows / cache.rows();
        let activation = self.config.activation_function;
        let mut x = self.embed(ids, steps, cache.steps());
        let mut qkv = vec![0.0; rows * 3 * width];
        let mut middle = vec![0.0; rows * inner];
        for layer in 0..self.config.n_layer {
            let matrix =
                |name: &str, inputs, outputs| self.image.weights(&format!("h.{layer}.{name}"), (inputs, outputs));
            let normal = self.normalised(&x, &format!("h.{layer}.ln_1"));
            matrix("attn.c_attn", width, 3 * width).multiply(&normal, &mut qkv, WRITE);
            let heads = (self.config.n_head, self.config.attention_scale(layer) as f32);
            let attended = cache.attend(layer, &qkv, steps, to_halves, |query, keys, values, out: &mut [f32]| {
                attend(query, keys, values, heads, out);
            });
            matrix("attn.c_proj", width, width).multiply(&rounded(&attended, width), &mut x, ADD);
            let normal = self.normalised(&x, &format!("h.{layer}.ln_2"));
            let activate = Then::Map(
                #[inline(always)]
                |values: &mut [f32]| activation.apply_in_place(values),
            );
            matrix("mlp.c_fc", width, inner).multiply(&normal, &mut middle, activate);
            matrix("mlp.c_proj", inner, width).multiply(&rounded(&middle, inner), &mut x, ADD);
        }
        cache.go_on(steps);
        x
    }

    /// Returns the logits after each row of the last block's result, `[rows, vocabulary]`.
    pub(in crate::generation) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let normal = self.normalised(x, "ln_f");
        let mut logits = vec![0.0; x.len() / self.config.n_embd * self.config.vocab_size];
        let head = if self.config.tie_word_embeddings { "wte" } else { "lm_head" };
        self.table(head).multiply(&normal, &mut logits, WRITE);
        logits
    }

    fn table(&self, name: &str) -> Weights<'_> {
        self.image.weights(name, (self.config.n_embd, self.config.vocab_size))
    }

    fn embed(&self, ids: &[u32], steps: usize, start: usize) -> Vec<f32> {
        let width = self.config.n_embd;
        let (table, positions) = (self.table("wte"), self.image.floats("wpe.weight"));
        let mut x = vec![0.0; ids.len() * width];
        for (index, (id, x)) in ids.iter().zip(x.chunks_exact_mut(width)).enumerate() {
            table.output(*id as usize, x);
            let position = start + index % steps;
            x.iter_mut().zip(&positions[position * width..]).for_each(|(x, value)| *x += value);
        }
        x
    }

    /// Normalises every row and rounds it.
    fn normalised(&self, x: &[f32], norm: &str) -> Activations {
        let (weight, bias) = (self.image.floats(&format!("{norm}.weight")), self.image.floats(&format!("{norm}.bias")));
        let epsilon = self.config.layer_norm_epsilon as f32;
        round_rows(x, self.config.n_embd, |row, out| {
            let (mean, scale) = moments(row, epsilon);
            for (((out, x), weight), bias) in out.iter_mut().zip(row).zip(weight).zip(bias) {
                *out = (x - mean) * scale * weight + bias;
            }
        })
    }

    /// Creates an empty cache with room for `slots` rows of `capacity` tokens, of which `rows` are in use.
    pub(in crate::generation) fn cache(&self, rows: usize, slots: usize, capacity: usize) -> SlotCache<u16> {
        SlotCache::new(CacheSize { layers: self.config.n_layer, width: self.config.n_embd, slots, capacity }, rows)
    }
}

/// Rounds rows of `width` values.
fn rounded(x: &[f32], width: usize) -> Activations {
    round_rows(x, width, |row, out| out.copy_from_slice(row))
}

/// Rounds what `prepare` makes of each row, on all threads if there are many.
fn round_rows(x: &[f32], width: usize, prepare: impl Fn(&[f32], &mut [f32]) + Sync) -> Activations {
    let mut activations = Activations::new(x.len() / width, width);
    let mut places = activations.rows_mut();
    places.par_iter_mut().with_min_len(SMALL.div_ceil(width)).zip(x.par_chunks_exact(width)).for_each_init(
        || vec![0.0; width],
        |values, (place, row)| {
            wide(
                #[inline(always)]
                || {
                    prepare(row, values);
                    place.set(values);
                },
            );
        },
    );
    drop(places);
    activations
}
