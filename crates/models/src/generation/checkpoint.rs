//! Reads the weights of a checkpoint in Hugging Face layout, however they are stored.
//!
//! They may be one `model.safetensors` or shards with an index, in f32, f16, bf16 or f64, with or without the
//! prefixes that wrappers put before the names. A tensor is converted when it is requested, so that loading needs
//! little more memory than the model itself. A pickle is not read here: `catalog::convert` makes a
//! `model.safetensors` from it.

use std::collections::BTreeMap;
use std::ops::Deref;

use anyhow::{Context as _, Result, anyhow, bail};
use half::{bf16, f16};
use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensorError, SafeTensors};

use super::gpt2_config::Gpt2Config;
use crate::catalog::{ModelFiles, refuse_impostor_of_weights};

/// Prefixes of the names of a GPT-2's tensors: transformers' class with a head, the field of a class around it,
/// `DataParallel`, `torch.compile`.
const WRAPPERS: [&str; 4] = ["transformer", "model", "module", "_orig_mod"];

/// The key of the metadata of int8 weights that says which form they have, and the form that this program knows.
pub(super) const INT8_FORMAT: (&str, &str) = ("pregonero_int8", "1");

/// The token embedding.
const EMBEDDING: &str = "wte.weight";

/// The matrix that turns the last hidden state into logits; the same tensor as the embedding in most checkpoints.
const HEAD: &str = "lm_head.weight";

/// The content of a file.
pub(super) enum Bytes {
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

/// The place of one tensor.
#[derive(Debug, Clone)]
struct Entry {
    shard: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

struct Shard {
    /// The name of the file in messages.
    label: String,
    bytes: Bytes,
}

/// An opened checkpoint.
pub struct Checkpoint {
    shards: Vec<Shard>,
    entries: BTreeMap<String, Entry>,
    /// Whether values that are not finite numbers are refused.
    checks_values: bool,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint").field("tensors", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Opens the weights of a model.
    ///
    /// # Errors
    /// A missing, truncated or foreign file; the message names it. For weights that are a pickle, it names the
    /// command to run.
    pub fn open(files: &ModelFiles) -> Result<Self> {
        let mut checkpoint = Self { shards: Vec::new(), entries: BTreeMap::new(), checks_values: true };
        let mut twins = Vec::new();
        for name in files.weight_files()? {
            twins.extend(checkpoint.add(files, &name)?);
        }
        // A file may keep one name of a tensor that has two, and say so in its metadata, or merely lack the other.
        twins.extend([(HEAD, EMBEDDING), (EMBEDDING, HEAD)].map(|(name, twin)| (name.to_owned(), twin.to_owned())));
        for (name, twin) in twins {
            if let (false, Some(entry)) = (checkpoint.has(&name), checkpoint.entries.get(&twin)) {
                let entry = entry.clone();
                checkpoint.entries.insert(name, entry);
            }
        }
        Ok(checkpoint)
    }

    /// Leaves the values unchecked, to measure what the check costs.
    pub(super) fn without_check_of_values(self) -> Self {
        Self { checks_values: false, ..self }
    }

    /// Adds a file's tensors and returns the pairs of names in its metadata.
    fn add(&mut self, files: &ModelFiles, name: &str) -> Result<Vec<(String, String)>> {
        let label = files.display(name);
        let bytes = map(files, name)?;
        let (header, metadata) = read_header(&bytes).with_context(|| label.clone())?;
        if metadata.metadata().as_ref().is_some_and(|pairs| pairs.contains_key(INT8_FORMAT.0)) {
            bail!(
                "{label}: its weights are int8, which only writing and scoring on the CPU understand; name the model that they \
                 were made from, which `models show` prints"
            );
        }
        let start = header + 8;
        self.shards.push(Shard { label, bytes });
        let shard = self.shards.len() - 1;
        for (tensor, info) in metadata.tensors() {
            let range = start + info.data_offsets.0..start + info.data_offsets.1;
            self.insert(&tensor, Entry { shard, dtype: info.dtype, shape: info.shape.clone(), range })?;
        }
        let pairs = metadata.metadata().iter().flatten();
        Ok(pairs.map(|(name, twin)| (plain_name(name).to_owned(), plain_name(twin).to_owned())).collect())
    }

    fn insert(&mut self, stored: &str, entry: Entry) -> Result<()> {
        let name = plain_name(stored);
        if let Some(known) = self.entries.get(name)
            && (known.dtype != entry.dtype || known.shape != entry.shape || self.bytes(known) != self.bytes(&entry))
        {
            bail!(
                "{}: {name} occurs twice, with different values: once it is called {stored}; a checkpoint contains one \
                 model",
                self.shards[entry.shard].label
            );
        }
        self.entries.insert(name.to_owned(), entry);
        Ok(())
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.shards[entry.shard].bytes[entry.range.clone()]
    }

    /// Returns the name of the checkpoint in messages.
    fn label(&self) -> &str {
        self.shards.first().map_or("the checkpoint", |shard| shard.label.as_str())
    }

    /// Returns whether a tensor of this name exists (without `transformer.`).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Returns the shape of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Returns whether head and embedding are one tensor in the file.
    fn shares_head(&self) -> bool {
        let place = |name| self.entries.get(name).map(|entry| (entry.shard, &entry.range));
        place(HEAD) == place(EMBEDDING)
    }

    /// Returns whether head and embedding have different values.
    fn has_own_head(&self) -> bool {
        let (Some(head), Some(embedding)) = (self.entries.get(HEAD), self.entries.get(EMBEDDING)) else { return false };
        if head.shape != embedding.shape {
            return true;
        }
        if head.dtype == embedding.dtype {
            return self.bytes(head) != self.bytes(embedding);
        }
        let values = |name| self.tensor(name, &head.shape).ok();
        values(HEAD) != values(EMBEDDING)
    }

    /// Warns that the head in use is one that the configuration does not mention.
    fn warn_of_own_head(&self) {
        tracing::warn!(
            weights = self.label(),
            "{HEAD} differs from {EMBEDDING}, although config.json has tie_word_embeddings true: each is used as it is \
             stored, as transformers does; set tie_word_embeddings to false to say so"
        );
    }

    /// Checks that all tensors of `config` are there, without reading their values.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub(crate) fn check(&self, config: &Gpt2Config) -> Result<()> {
        config.tensors().iter().try_for_each(|(name, shape)| {
            let entry = self.entry(name, shape)?;
            if is_float(entry.dtype) { Ok(()) } else { Err(self.not_a_float(name, entry)) }
        })
    }

    fn entry(&self, name: &str, shape: &[usize]) -> Result<&Entry> {
        let entry = self.entries.get(name).with_context(|| format!("{}: no tensor {name}", self.label()))?;
        if entry.shape != shape {
            bail!(
                "{}: {name} has shape {:?}, but config.json asks for {shape:?}; the two do not belong together",
                self.shards[entry.shard].label,
                entry.shape
            );
        }
        Ok(entry)
    }

    fn not_a_float(&self, name: &str, entry: &Entry) -> anyhow::Error {
        let label = &self.shards[entry.shard].label;
        anyhow!("{label}: {name} is stored as {:?}; f32, f16, bf16 and f64 are understood", entry.dtype)
    }

    /// Returns a tensor as f32, row-major.
    ///
    /// # Errors
    /// If the tensor is missing, has a shape other than `shape`, or is not of a floating-point type.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let entry = self.entry(name, shape)?;
        let bytes = self.bytes(entry);
        let values = match entry.dtype {
            Dtype::F32 => convert(bytes, f32::from_le_bytes),
            Dtype::F16 => convert(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => convert(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            Dtype::F64 => convert(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            _ => return Err(self.not_a_float(name, entry)),
        };
        if self.checks_values {
            refuse_what_is_no_number(&values, || format!("{}: {name}", self.shards[entry.shard].label))?;
        }
        Ok(values)
    }
}

impl Gpt2Config {
    /// Adapts `tie_word_embeddings` to the checkpoint: a configuration that unties the head is in fact tied if the
    /// file has no head, and one that ties it is not if the file has two different tensors.
    pub fn settle_head(&mut self, checkpoint: &Checkpoint) {
        if checkpoint.shares_head() {
            self.tie_word_embeddings = true;
        } else if self.tie_word_embeddings && checkpoint.has_own_head() {
            checkpoint.warn_of_own_head();
            self.tie_word_embeddings = false;
        }
    }
}

/// Refuses a tensor with a value that is not a finite number: every text would end in noise, some only after many
/// tokens.
pub(super) fn refuse_what_is_no_number(values: &[f32], place: impl FnOnce() -> String) -> Result<()> {
    const CHUNK: usize = 1 << 16;
    // The loop has no early exit, so that the compiler can vectorise it.
    let sound = |chunk: &[f32]| chunk.iter().fold(true, |sound, value| sound & value.is_finite());
    if values.par_chunks(CHUNK).all(sound) {
        return Ok(());
    }
    let count = values.iter().filter(|value| !value.is_finite()).count();
    let first = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
    bail!(
        "{}: {count} of {} values are not finite numbers (the first, at {first}, is {}): the file is damaged, or its training \
         diverged; copy or pull the model again, or take an earlier checkpoint",
        place(),
        values.len(),
        values[first]
    );
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

/// Returns a tensor's name without the prefixes that wrappers put before it.
fn plain_name(stored: &str) -> &str {
    let mut name = stored;
    while let Some((front, rest)) = name.split_once('.')
        && WRAPPERS.contains(&front)
    {
        name = rest;
    }
    name
}

pub(super) fn read_header(bytes: &[u8]) -> Result<(usize, Metadata)> {
    refuse_impostor_of_weights(bytes)?;
    SafeTensors::read_metadata(bytes).map_err(|error| match error {
        SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength => {
            anyhow!("the file is cut off, or longer than its header says; copy or pull the model again")
        }
        error => anyhow!("not a whole safetensors file ({error}); copy or pull the model again"),
    })
}

/// Maps a model's file.
pub(super) fn map(files: &ModelFiles, name: &str) -> Result<Bytes> {
    match files {
        ModelFiles::Embedded(table) => table
            .iter()
            .find(|(file, _)| *file == name)
            .map(|(_, bytes)| Bytes::Static(bytes))
            .with_context(|| format!("the built-in model has no {name}")),
        ModelFiles::Folder(folder) => {
            let path = folder.join(name);
            let file = std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // SAFETY: the map is only read; if another process truncates the file meanwhile, this process ends with
            // SIGBUS. Hence the rule in docs/guide/models.md: replace a model by renaming, never by writing into it.
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
