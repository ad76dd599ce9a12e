//! Writes a classifier's folder: all of it or nothing.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use candle_core::Tensor;

use super::Trained;
use super::output::{LOG_FILE, existing};
use super::settings::ClassifierTraining;
use pregonero_models::catalog::WEIGHTS;
use pregonero_models::sentiment::{CONFIG_FILE, VOCABULARY_FILE};
use pregonero_system::files::write_whole_folder;

/// Writes the folder of [`ClassifierTraining::output`].
pub fn write(settings: &ClassifierTraining, trained: &Trained, card: &str) -> Result<()> {
    let Trained { config, vocabulary, weights, outcome, trained_on, .. } = trained;
    write_whole_folder(&settings.output, existing(settings.overwrite || settings.resume), |model| {
        write_file(&model.join(CONFIG_FILE), &(serde_json::to_string_pretty(config)? + "\n"))?;
        write_file(&model.join(VOCABULARY_FILE), &(serde_json::to_string(vocabulary)? + "\n"))?;
        write_file(&model.join("README.md"), card)?;
        let lines: Vec<String> = outcome.epochs.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        write_file(&model.join(LOG_FILE), &(lines.join("\n") + "\n"))?;
        trained_on.write(model)?;
        let tensors: HashMap<String, Tensor> = weights
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_dtype(settings.weights.dtype())?)))
            .collect::<Result<_>>()?;
        let path = model.join(WEIGHTS);
        // Serialised here because safetensors' own file writer lets only the owner read, and the service runs as another user.
        let bytes = safetensors::serialize(&tensors, None).context("cannot serialise the weights")?;
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    })
}

fn write_file(path: &Path, content: &str) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
