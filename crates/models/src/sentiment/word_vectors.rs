//! The word vectors in a classifier's files, for inspection.

use anyhow::{Context as _, Result, ensure};
use candle_core::{DType, Device};

use super::VOCABULARY_FILE;
use super::vocabulary::Vocabulary;
use crate::catalog::{ModelFiles, WEIGHTS};

/// The name of the embedding among a network's weights.
const EMBEDDING: &str = "embedding.weight";

/// Words with a vector each.
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    /// The most frequent in training first.
    pub words: Vec<String>,
    /// As long as `words`, all of one width.
    pub vectors: Vec<Vec<f32>>,
}

impl WordVectors {
    /// Returns the vectors of the `most` most frequent words in a classifier's files; padding and the unknown word
    /// are left out.
    ///
    /// # Errors
    /// If vocabulary or weights are missing, broken, or do not fit each other.
    pub fn load(files: &ModelFiles, most: usize) -> Result<Self> {
        let vocabulary: Vocabulary =
            serde_json::from_slice(&files.read(VOCABULARY_FILE)?).with_context(|| files.display(VOCABULARY_FILE))?;
        let weights = files.display(WEIGHTS);
        let tensors = candle_core::safetensors::load_buffer(&files.read(WEIGHTS)?, &Device::Cpu)
            .with_context(|| format!("{weights}: not a whole safetensors file"))?;
        let embedding = tensors.get(EMBEDDING).with_context(|| format!("{weights}: no tensor {EMBEDDING}"))?;
        let rows = embedding.dim(0).with_context(|| format!("{weights}: {EMBEDDING}"))?;
        let mut words = vocabulary.words().to_vec();
        ensure!(words.len() < rows, "{weights}: {rows} vectors are too few for {} words and the padding", words.len());
        words.truncate(most);
        // Row 0 is the padding's.
        let vectors = embedding.narrow(0, 1, words.len())?.to_dtype(DType::F32)?.to_vec2()?;
        Ok(Self { words, vectors })
    }
}
