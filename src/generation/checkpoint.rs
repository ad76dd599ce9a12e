//! Reads the weights of a checkpoint in Hugging Face layout, whatever way they are stored.
//!
//! One `model.safetensors` or shards with an index, f32, f16 or bf16, names with or without `transformer.`. A tensor is
//! converted when it is asked for, so that loading needs little more memory than the model itself.

use std::collections::BTreeMap;
use std::ops::Deref;

use anyhow::{Context as _, Result, bail};
use half::{bf16, f16};
use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::catalog::ModelFiles;

/// The name of an unsharded weights file.
pub const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

enum Bytes {
    Static(&'static [u8]),
    Mapped(Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Where one tensor lies.
#[derive(Debug, Clone)]
struct Entry {
    shard: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

struct Shard {
    /// How messages name the file.
    label: String,
    bytes: Bytes,
}

/// An opened checkpoint.
pub struct Checkpoint {
    shards: Vec<Shard>,
    entries: BTreeMap<String, Entry>,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("tensors", &self.entries.len()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// A missing, truncated or foreign file; the message names it.
    pub fn open(files: &ModelFiles) -> Result<Self> {
        let names = shard_names(files)?;
        let mut checkpoint = Self { shards: Vec::new(), entries: BTreeMap::new() };
        for name in names {
            checkpoint.add(files, &name)?;
        }
        Ok(checkpoint)
    }

    fn add(&mut self, files: &ModelFiles, name: &str) -> Result<()> {
        let label = files.display(name);
        let bytes = map(files, name)?;
        let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| {
            anyhow::anyhow!("{label}: not a whole safetensors file ({error}); copy or pull the model again")
        })?;
        let start = header + 8;
        let shard = self.shards.len();
        for (tensor, info) in metadata.tensors() {
            let range = start + info.data_offsets.0..start + info.data_offsets.1;
            if range.end > bytes.len() {
                bail!("{label}: truncated ({tensor} ends behind the file); copy or pull the model again");
            }
            let key = tensor.strip_prefix("transformer.").unwrap_or(&tensor).to_owned();
            self.entries.insert(key, Entry { shard, dtype: info.dtype, shape: info.shape.clone(), range });
        }
        self.shards.push(Shard { label, bytes });
        Ok(())
    }

    /// Whether there is a tensor of this name (without `transformer.`).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// A tensor as f32, row-major.
    ///
    /// # Errors
    /// A missing tensor, another shape than `shape`, or a type that is no floating-point one.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let label = || self.shards.first().map_or("the checkpoint", |shard| shard.label.as_str()).to_owned();
        let entry = self.entries.get(name).with_context(|| format!("{}: no tensor {name}", label()))?;
        let shard = &self.shards[entry.shard];
        if entry.shape != shape {
            bail!(
                "{}: {name} has shape {:?}, but config.json asks for {shape:?}; the two do not belong together",
                shard.label,
                entry.shape
            );
        }
        let bytes = &shard.bytes[entry.range.clone()];
        let values = match entry.dtype {
            Dtype::F32 => convert(bytes, f32::from_le_bytes),
            Dtype::F16 => convert(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => convert(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            other => bail!("{}: {name} is stored as {other:?}; f32, f16 and bf16 are understood", shard.label),
        };
        refuse_what_is_no_number(&values, || format!("{}: {name}", shard.label))?;
        Ok(values)
    }
}

/// Refuses a tensor with a value that is no number: every text would end in noise, some only after many tokens.
fn refuse_what_is_no_number(values: &[f32], place: impl FnOnce() -> String) -> Result<()> {
    const CHUNK: usize = 1 << 16;
    // Without a way out of the loop, so that the compiler makes vector code of it.
    let sound = |chunk: &[f32]| chunk.iter().fold(true, |sound, value| sound & value.is_finite());
    if values.par_chunks(CHUNK).all(sound) {
        return Ok(());
    }
    let count = values.iter().filter(|value| !value.is_finite()).count();
    let first = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    bail!(
        "{}: {count} of {} values are no numbers (the first, at {first}, is {}): the file is damaged, or its training \
         diverged; copy or pull the model again, or take an earlier checkpoint",
        place(),
        values.len(),
        values[first]
    );
}

fn shard_names(files: &ModelFiles) -> Result<Vec<String>> {
    if files.has(WEIGHTS) || !files.has(INDEX) {
        return Ok(vec![WEIGHTS.to_owned()]);
    }
    let index: ShardIndex = serde_json::from_slice(&files.read(INDEX)?)
        .with_context(|| format!("{}: not an index of shards", files.display(INDEX)))?;
    let mut names: Vec<String> = index.weight_map.into_values().collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn map(files: &ModelFiles, name: &str) -> Result<Bytes> {
    match files {
        ModelFiles::Embedded(table) => table
            .iter()
            .find(|(file, _)| *file == name)
            .map(|(_, bytes)| Bytes::Static(bytes))
            .with_context(|| format!("the built-in model has no {name}")),
        ModelFiles::Folder(folder) => {
            let path = folder.join(name);
            let file = std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // SAFETY: the map is only read; a file that another process truncates meanwhile ends this one with SIGBUS,
            // which the documentation of `models` names: replace a model by renaming, never by writing into it.
            let map = unsafe { Mmap::map(&file) }.with_context(|| format!("cannot map {}", path.display()))?;
            Ok(Bytes::Mapped(map))
        }
    }
}

fn convert<const SIZE: usize>(bytes: &[u8], read: impl Fn([u8; SIZE]) -> f32 + Sync) -> Vec<f32> {
    bytes
        .par_chunks_exact(SIZE)
        .with_min_len(16_384)
        .map(|chunk| {
            let mut value = [0; SIZE];
            value.copy_from_slice(chunk);
            read(value)
        })
        .collect()
}
