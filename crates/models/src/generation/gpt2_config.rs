//! The configuration of a GPT-2: its sizes, the names and shapes of its tensors.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::end_tokens::EndTokens;
use crate::catalog::ModelFiles;

/// `config.json` of a GPT-2 checkpoint; the fields have the names that transformers uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gpt2Config {
    pub vocab_size: usize,
    pub n_positions: usize,
    pub n_embd: usize,
    pub n_layer: usize,
    pub n_head: usize,
    #[serde(default)]
    pub n_inner: Option<usize>,
    #[serde(default)]
    pub activation_function: Activation,
    #[serde(default = "default_epsilon")]
    pub layer_norm_epsilon: f64,
    #[serde(default = "default_dropout")]
    pub resid_pdrop: f32,
    #[serde(default = "default_dropout")]
    pub embd_pdrop: f32,
    #[serde(default = "default_dropout")]
    pub attn_pdrop: f32,
    #[serde(default)]
    pub bos_token_id: Option<u32>,
    #[serde(default)]
    pub eos_token_id: EndTokens,
    #[serde(default = "default_true")]
    pub tie_word_embeddings: bool,
    #[serde(default = "default_true")]
    pub scale_attn_weights: bool,
    #[serde(default)]
    pub scale_attn_by_inverse_layer_idx: bool,
    /// Matters for 16-bit training only: attention weights are always computed in f32 here. Kept for the files we
    /// write.
    #[serde(default)]
    pub reorder_and_upcast_attn: bool,
}

fn default_epsilon() -> f64 {
    1e-5
}

fn default_dropout() -> f32 {
    0.1
}

fn default_true() -> bool {
    true
}

/// The largest size accepted. No size of a GPT-2 comes near it, and products of a few such sizes fit into 64 bits.
pub(crate) const LARGEST_SIZE: usize = 1 << 20;

/// Renames `n_ctx` if it is alone: files of 2019 give the number of positions twice, as `n_ctx` and `n_positions`,
/// but the oldest have only `n_ctx`.
fn use_context_as_positions(raw: &mut serde_json::Value) {
    let Some(fields) = raw.as_object_mut() else { return };
    let missing = fields.get("n_positions").is_none_or(serde_json::Value::is_null);
    if let Some(context) = fields.get("n_ctx").filter(|_| missing).cloned() {
        fields.insert("n_positions".to_owned(), context);
    }
}

impl Gpt2Config {
    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// If the file is missing, is not GPT-2's, or requires something that this implementation does not support.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let label = files.display("config.json");
        let content = files.read("config.json")?;
        let mut raw: serde_json::Value =
            serde_json::from_slice(&content).with_context(|| format!("{label}: not valid JSON"))?;
        use_context_as_positions(&mut raw);
        if raw.get("pruned_heads").and_then(|heads| heads.as_object()).is_some_and(|heads| !heads.is_empty()) {
            bail!(
                "{label}: pruned_heads names heads that were cut out; transformers 5 does not load such a model either"
            );
        }
        if let Some(kind) = raw.get("model_type").and_then(|kind| kind.as_str())
            && kind != "gpt2"
        {
            bail!("{label}: model_type is {kind:?}; only gpt2 checkpoints can generate");
        }
        let config: Self =
            serde_json::from_value(raw).with_context(|| format!("{label}: not a GPT-2 configuration"))?;
        config.check().with_context(|| label)?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let sizes =
            [self.vocab_size, self.n_positions, self.n_embd, self.n_layer, self.n_head, self.n_inner.unwrap_or(1)];
        if !sizes.iter().all(|size| (1..=LARGEST_SIZE).contains(size)) {
            bail!("vocab_size, n_positions, n_embd, n_layer, n_head and n_inner must all be from 1 to {LARGEST_SIZE}");
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            bail!("n_embd {} is not a multiple of n_head {}", self.n_embd, self.n_head);
        }
        if !(self.layer_norm_epsilon.is_finite() && self.layer_norm_epsilon >= 0.0) {
            bail!("layer_norm_epsilon must be at least 0, not {}", self.layer_norm_epsilon);
        }
        Ok(())
    }

    /// Returns the factor of the products of queries and keys in this layer.
    #[must_use]
    pub fn attention_scale(&self, layer: usize) -> f64 {
        let by_width = if self.scale_attn_weights { (self.head_size() as f64).sqrt() } else { 1.0 };
        let by_layer = if self.scale_attn_by_inverse_layer_idx { (layer + 1) as f64 } else { 1.0 };
        1.0 / (by_width * by_layer)
    }

    /// Returns the width of the feed-forward layer.
    #[must_use]
    pub fn inner(&self) -> usize {
        self.n_inner.unwrap_or(4 * self.n_embd)
    }

    /// Returns the width of one attention head.
    #[must_use]
    pub fn head_size(&self) -> usize {
        self.n_embd / self.n_head
    }

    /// Returns every tensor of the checkpoint with its shape, in the model's order; the head only if it is not tied.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (width, inner) = (self.n_embd, self.inner());
        let mut tensors = vec![
            ("wte.weight".to_owned(), vec![self.vocab_size, width]),
            ("wpe.weight".to_owned(), vec![self.n_positions, width]),
        ];
        for layer in 0..self.n_layer {
            let block: [(&str, Vec<usize>); 12] = [
                ("ln_1.weight", vec![width]),
                ("ln_1.bias", vec![width]),
                ("attn.c_attn.weight", vec![width, 3 * width]),
                ("attn.c_attn.bias", vec![3 * width]),
                ("attn.c_proj.weight", vec![width, width]),
                ("attn.c_proj.bias", vec![width]),
                ("ln_2.weight", vec![width]),
                ("ln_2.bias", vec![width]),
                ("mlp.c_fc.weight", vec![width, inner]),
                ("mlp.c_fc.bias", vec![inner]),
                ("mlp.c_proj.weight", vec![inner, width]),
                ("mlp.c_proj.bias", vec![width]),
            ];
            tensors.extend(block.into_iter().map(|(name, shape)| (format!("h.{layer}.{name}"), shape)));
        }
        tensors.push(("ln_f.weight".to_owned(), vec![width]));
        tensors.push(("ln_f.bias".to_owned(), vec![width]));
        if !self.tie_word_embeddings {
            tensors.push(("lm_head.weight".to_owned(), vec![self.vocab_size, width]));
        }
        tensors
    }

    /// Returns the number of trainable parameters.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}
