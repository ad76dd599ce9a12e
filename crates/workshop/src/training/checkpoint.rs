//! Checkpoints on disk, shared by generator and classifier: the last state of a training, in one folder.
//!
//! A state is written next to its final place and renamed, so that a full disk or a crash leaves the last one intact.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use candle_core::{Device, Tensor, Var};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::optimizer::AdamW;
use pregonero_system::files::{Existing, write_whole};

/// The optimiser's moments and step.
const OPTIMIZER: &str = "optimizer.safetensors";

/// Everything else: a JSON object.
const STATE: &str = "state.json";

/// How the name of a checkpoint begins while it is being written.
const SAVING: &str = "saving-";

/// What a training leaves in the folder of its checkpoints.
const OURS: [&str; 4] = ["last", "before-last", BEST_WEIGHTS, MARK];

/// The weights with the best held-out loss, of a generator.
pub(super) const BEST_WEIGHTS: &str = "best.safetensors";

/// The file that marks the folder above as one that the training of a generator wrote.
pub(super) const MARK: &str = ".written-by-pregonero";

/// The folder of a training's checkpoints.
#[derive(Debug, Clone)]
pub(super) struct CheckpointFolder {
    folder: PathBuf,
}

/// A state as stored on disk.
#[derive(Debug)]
pub(super) struct Saved<S> {
    pub(super) state: S,
    folder: PathBuf,
}

impl CheckpointFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns the file whose existence shows that a training left a state here.
    pub(super) fn state_file(&self) -> PathBuf {
        self.folder.join("last").join(STATE)
    }

    /// Checks that nothing but checkpoints is in the folder: older ones are removed.
    ///
    /// # Errors
    /// If the folder contains something else, or is a file.
    pub(super) fn refuse_foreign(&self) -> Result<()> {
        let folder = &self.folder;
        if folder.symlink_metadata().is_err() {
            return Ok(());
        }
        for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            ensure!(
                OURS.contains(&name.as_str()) || name.starts_with(SAVING),
                "{}: no training wrote it, but the training keeps its checkpoints in this folder and removes them; move it \
                 elsewhere, or choose another --output",
                path.display()
            );
        }
        Ok(())
    }

    /// Replaces the last state. `files` are sets of tensors by file name. The state before stays under another name until
    /// the new one is in its place, so that a training that is killed in between can still be resumed.
    pub(super) fn save(
        &self,
        files: &[(&str, &HashMap<String, Tensor>)],
        optimizer: &AdamW,
        state: &impl Serialize,
    ) -> Result<()> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let staging = tempfile::Builder::new().prefix(SAVING).tempdir_in(folder)?;
        for (name, tensors) in files {
            save_tensors(tensors, &staging.path().join(name))?;
        }
        optimizer.save(&staging.path().join(OPTIMIZER))?;
        std::fs::write(staging.path().join(STATE), serde_json::to_vec_pretty(state)?)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        let (last, before) = (folder.join("last"), folder.join("before-last"));
        let _ = std::fs::remove_dir_all(&before);
        if last.exists() {
            std::fs::rename(&last, &before).with_context(|| format!("cannot replace {}", last.display()))?;
        }
        std::fs::rename(staging.keep(), &last).with_context(|| format!("cannot write {}", last.display()))?;
        let _ = std::fs::remove_dir_all(&before);
        Ok(())
    }

    /// Reads the last state; returns `None` if there is none yet.
    pub(super) fn last<S: DeserializeOwned>(&self) -> Result<Option<Saved<S>>> {
        let places = ["last", "before-last"].map(|name| self.folder.join(name));
        let Some(folder) = places.into_iter().find(|folder| folder.join(STATE).is_file()) else { return Ok(None) };
        let path = folder.join(STATE);
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let state =
            serde_json::from_slice(&content).with_context(|| format!("{}: not a training's state", path.display()))?;
        Ok(Some(Saved { state, folder }))
    }
}

impl<S> Saved<S> {
    /// Sets `variables` to the tensors with the same names in one of the state's files.
    pub(super) fn restore<'a>(
        &self,
        file: &str,
        variables: impl IntoIterator<Item = (&'a String, &'a Var)>,
        device: &Device,
    ) -> Result<()> {
        let path = self.folder.join(file);
        let tensors = load_tensors(&path, device)?;
        for (name, variable) in variables {
            let saved = tensors.get(name).with_context(|| format!("{}: no tensor {name}", path.display()))?;
            variable.set(saved).with_context(|| format!("{}: {name} has another shape", path.display()))?;
        }
        Ok(())
    }

    /// Reads the tensors of one of the state's files; returns `None` if it has no such file.
    pub(super) fn tensors(&self, file: &str, device: &Device) -> Result<Option<HashMap<String, Tensor>>> {
        let path = self.folder.join(file);
        if path.is_file() { load_tensors(&path, device).map(Some) } else { Ok(None) }
    }

    pub(super) fn restore_optimizer(&self, optimizer: &mut AdamW) -> Result<()> {
        optimizer.load(&self.folder.join(OPTIMIZER))
    }
}

/// Returns the current values of variables, by name.
pub(super) fn tensors<'a>(variables: impl IntoIterator<Item = (&'a String, &'a Var)>) -> HashMap<String, Tensor> {
    variables.into_iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect()
}

/// Writes tensors as safetensors: all of the file or nothing.
pub(super) fn save_tensors(tensors: &HashMap<String, Tensor>, path: &Path) -> Result<()> {
    // transformers checks this metadata before it loads a file.
    let metadata = Some(HashMap::from([("format".to_owned(), "pt".to_owned())]));
    let content = safetensors::serialize(tensors, metadata).context("cannot serialise the weights")?;
    write_whole(path, Existing::Replace, |writer| writer.write_all(&content))
}

pub(super) fn load_tensors(path: &Path, device: &Device) -> Result<HashMap<String, Tensor>> {
    candle_core::safetensors::load(path, device).with_context(|| format!("{}: not a whole checkpoint", path.display()))
}
