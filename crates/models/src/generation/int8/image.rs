//! Int8 weights as they are in memory and in a file: one safetensors file whose bytes are used as they are.
//!
//! Each matrix is four tensors: `panels` (i8, in the kernels' order), `scales`, `sums` and `bias`. All panels come
//! first, and the data begin at a multiple of 64 bytes, so that each row of a panel is one line of the cache. Norms
//! and positions stay f32.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use memmap2::{Mmap, MmapMut};
use pregonero_kernels::int8::{DEPTH, LANES, MOST_INPUTS, Weights, depth, panel_size, quantise_output, width};
use rayon::prelude::*;
use safetensors::Dtype;
use serde_json::{Map, Value, json};

use crate::catalog::{ModelFiles, STATED, WEIGHTS};
use crate::generation::checkpoint::{self, Bytes, Checkpoint, INT8_FORMAT as FORMAT, refuse_what_is_no_number};
use crate::generation::gpt2_config::Gpt2Config;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// A matrix of the network: `outputs` sums over `inputs`.
#[derive(Debug, Clone)]
struct Matrix {
    name: String,
    inputs: usize,
    outputs: usize,
    /// Whether the checkpoint stores one row per output, without bias: embedding and head.
    by_rows: bool,
}

fn matrices(config: &Gpt2Config) -> Vec<Matrix> {
    let (width, inner) = (config.n_embd, config.inner());
    let table = |name: &str| Matrix { name: name.to_owned(), inputs: width, outputs: config.vocab_size, by_rows: true };
    let mut matrices = vec![table("wte")];
    for layer in 0..config.n_layer {
        let sizes = [
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, inner),
            ("mlp.c_proj", inner, width),
        ];
        matrices.extend(sizes.map(|(name, inputs, outputs)| Matrix {
            name: format!("h.{layer}.{name}"),
            inputs,
            outputs,
            by_rows: false,
        }));
    }
    if !config.tie_word_embeddings {
        matrices.push(table("lm_head"));
    }
    matrices
}

/// Returns the tensors that stay f32, with their shapes.
fn vectors(config: &Gpt2Config) -> Vec<(String, Vec<usize>)> {
    let is_vector = |name: &str| name.starts_with("wpe.") || name.contains("ln_");
    config.tensors().into_iter().filter(|(name, _)| is_vector(name)).collect()
}

/// Returns every tensor of a file in its order: name, type, shape.
fn tensors(config: &Gpt2Config) -> Vec<(String, Dtype, Vec<usize>)> {
    let matrices = matrices(config);
    let lanes = |matrix: &Matrix| width(matrix.outputs);
    let panels = matrices.iter().map(|matrix| {
        let shape = vec![lanes(matrix) / LANES, depth(matrix.inputs) / 4, LANES, 4];
        (format!("{}.panels", matrix.name), Dtype::I8, shape)
    });
    let rest = matrices.iter().flat_map(|matrix| {
        [("scales", Dtype::F32), ("sums", Dtype::I32), ("bias", Dtype::F32)]
            .map(|(part, dtype)| (format!("{}.{part}", matrix.name), dtype, vec![lanes(matrix)]))
    });
    let vectors = vectors(config).into_iter().map(|(name, shape)| (name, Dtype::F32, shape));
    panels.chain(rest).chain(vectors).collect()
}

/// The bytes of the weights with the places of the tensors.
pub(in crate::generation) struct Image {
    bytes: Mmap,
    places: BTreeMap<String, Range<usize>>,
    /// Whether the bytes are those of a file.
    mapped: bool,
}

impl Image {
    /// Rounds a checkpoint's weights to int8.
    ///
    /// # Errors
    /// If a tensor is missing or of another shape, or the model is larger than the kernels allow.
    pub(in crate::generation) fn quantise(config: &Gpt2Config, checkpoint: &Checkpoint) -> Result<Self> {
        refuse_giants(config)?;
        let (header, places) = layout(config);
        let size = places.values().map(|place| place.end).max().unwrap_or(header.len());
        let mut bytes = MmapMut::map_anon(size).context("there is no memory for the int8 weights")?;
        bytes[..header.len()].copy_from_slice(&header);
        for matrix in matrices(config) {
            let weight = format!("{}.weight", matrix.name);
            let shape = if matrix.by_rows { [matrix.outputs, matrix.inputs] } else { [matrix.inputs, matrix.outputs] };
            let values = checkpoint.tensor(&weight, &shape)?;
            let part = |part: &str| places[&format!("{}.{part}", matrix.name)].clone();
            let (scales, sums) = quantise_into(&matrix, &values, as_signed(&mut bytes[part("panels")]));
            put(&mut bytes[part("scales")], &scales, f32::to_le_bytes);
            put(&mut bytes[part("sums")], &sums, i32::to_le_bytes);
            if !matrix.by_rows {
                let bias = checkpoint.tensor(&format!("{}.bias", matrix.name), &[matrix.outputs])?;
                put(&mut bytes[part("bias")], &bias, f32::to_le_bytes);
            }
        }
        for (name, shape) in vectors(config) {
            put(&mut bytes[places[&name].clone()], &checkpoint.tensor(&name, &shape)?, f32::to_le_bytes);
        }
        Ok(Self { bytes: bytes.make_read_only()?, places, mapped: false })
    }

    /// Maps the weights of a folder that `models quantize` wrote.
    ///
    /// # Errors
    /// If the file is cut off, damaged, or does not belong to `config.json`.
    pub(in crate::generation) fn open(config: &Gpt2Config, files: &ModelFiles) -> Result<Self> {
        refuse_giants(config)?;
        let label = files.display(WEIGHTS);
        let bytes = match checkpoint::map(files, WEIGHTS)? {
            Bytes::Mapped(map) => map,
            Bytes::Static(content) => {
                let mut copy = MmapMut::map_anon(content.len())?;
                copy.copy_from_slice(content);
                copy.make_read_only()?
            }
        };
        Self::read(config, bytes).with_context(|| label)
    }

    fn read(config: &Gpt2Config, bytes: Mmap) -> Result<Self> {
        let (header, metadata) = checkpoint::read_header(&bytes)?;
        let form = metadata.metadata().as_ref().and_then(|pairs| pairs.get(FORMAT.0));
        match form.map(String::as_str) {
            Some(form) if form == FORMAT.1 => {}
            Some(form) => bail!(
                "its int8 weights have form {form:?}, and this version knows {}: quantize the model again",
                FORMAT.1
            ),
            None => bail!(
                "config.json says that the weights are pregonero's int8, but the file does not: quantize the model again"
            ),
        }
        let start = header + 8;
        ensure!(
            start.is_multiple_of(LINE),
            "its data do not begin at a multiple of {LINE} bytes: quantize the model again"
        );
        let mut places = BTreeMap::new();
        for (name, dtype, shape) in tensors(config) {
            let info = metadata.info(&name).with_context(|| format!("no tensor {name}"))?;
            ensure!(
                info.dtype == dtype && info.shape == shape,
                "{name} is {:?} of shape {:?}, but config.json asks for {dtype:?} of shape {shape:?}; the two do not belong together",
                info.dtype,
                info.shape
            );
            let place = start + info.data_offsets.0..start + info.data_offsets.1;
            let aligned = if dtype == Dtype::I8 { LINE } else { size_of::<f32>() };
            ensure!(place.start.is_multiple_of(aligned), "{name} is not aligned: quantize the model again");
            places.insert(name, place);
        }
        let image = Self { bytes, places, mapped: true };
        for (name, dtype, _) in tensors(config) {
            if dtype == Dtype::F32 {
                refuse_what_is_no_number(image.floats(&name), || name.clone())?;
            }
        }
        Ok(image)
    }

    /// Returns whether the weights are a file's, not rounded in memory.
    pub(in crate::generation) fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// Returns the file's content.
    pub(in crate::generation) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns a tensor of f32.
    pub(super) fn floats(&self, name: &str) -> &[f32] {
        // SAFETY: every pattern of bits is a value of f32.
        unsafe { self.values(name) }
    }

    /// Returns the matrix `name` of `inputs` x `outputs`.
    pub(super) fn weights(&self, name: &str, (inputs, outputs): (usize, usize)) -> Weights<'_> {
        let at = |part: &str| format!("{name}.{part}");
        // SAFETY: every pattern of bits is a value of i8 and of i32.
        let (panels, sums) = unsafe { (self.values(&at("panels")), self.values(&at("sums"))) };
        Weights { inputs, outputs, panels, scales: self.floats(&at("scales")), sums, bias: self.floats(&at("bias")) }
    }

    /// # Safety
    /// Every pattern of bits must be a value of `T`.
    unsafe fn values<T>(&self, name: &str) -> &[T] {
        let bytes = &self.bytes[self.places[name].clone()];
        // SAFETY: as the caller promises.
        let (before, values, after) = unsafe { bytes.align_to::<T>() };
        assert!(before.is_empty() && after.is_empty(), "the places of an image are aligned");
        values
    }
}

fn refuse_giants(config: &Gpt2Config) -> Result<()> {
    let widest = config.n_embd.max(config.inner());
    ensure!(
        widest <= MOST_INPUTS,
        "a layer has {widest} inputs, more than the {MOST_INPUTS} whose int8 products can be summed in 32 bits: use f32 weights"
    );
    Ok(())
}

/// Returns the header of a file and the places of the tensors in it.
fn layout(config: &Gpt2Config) -> (Vec<u8>, BTreeMap<String, Range<usize>>) {
    let mut description = Map::new();
    description.insert("__metadata__".to_owned(), json!({FORMAT.0: FORMAT.1, STATED: config.parameters().to_string()}));
    let mut end = 0;
    let mut offsets = Vec::new();
    for (name, dtype, shape) in tensors(config) {
        let size = shape.iter().product::<usize>() * if dtype == Dtype::I8 { 1 } else { 4 };
        let kind = format!("{dtype:?}");
        let entry: Value = json!({"dtype": kind, "shape": shape, "data_offsets": [end, end + size]});
        description.insert(name.clone(), entry);
        offsets.push((name, end..end + size));
        end += size;
    }
    let mut json = Value::Object(description).to_string().into_bytes();
    json.resize((8 + json.len()).next_multiple_of(LINE) - 8, b' ');
    let header = [&(json.len() as u64).to_le_bytes()[..], &json].concat();
    let start = header.len();
    let places = offsets.into_iter().map(|(name, place)| (name, start + place.start..start + place.end)).collect();
    (header, places)
}

/// Rounds a matrix into its panels; returns the scales and the sums, to whole panels.
fn quantise_into(matrix: &Matrix, values: &[f32], panels: &mut [i8]) -> (Vec<f32>, Vec<i32>) {
    let lanes = width(matrix.outputs);
    let (mut scales, mut sums) = (vec![0.0; lanes], vec![0; lanes]);
    panels
        .par_chunks_exact_mut(panel_size(matrix.inputs))
        .zip(scales.par_chunks_exact_mut(LANES))
        .zip(sums.par_chunks_exact_mut(LANES))
        .enumerate()
        .for_each(|(index, ((panel, scales), sums))| {
            for lane in 0..LANES.min(matrix.outputs - index * LANES) {
                let output = index * LANES + lane;
                let (start, step) = if matrix.by_rows { (output * matrix.inputs, 1) } else { (output, matrix.outputs) };
                let weights = values[start..].iter().step_by(step).take(matrix.inputs).copied();
                (scales[lane], sums[lane]) = quantise_output(weights, panel, lane);
            }
        });
    (scales, sums)
}

fn as_signed(bytes: &mut [u8]) -> &mut [i8] {
    // SAFETY: both types are one byte of any pattern.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}

fn put<T: Copy>(out: &mut [u8], values: &[T], bytes: impl Fn(T) -> [u8; 4]) {
    for (out, value) in out.chunks_exact_mut(4).zip(values) {
        out.copy_from_slice(&bytes(*value));
    }
}

const _: () = assert!(DEPTH.is_multiple_of(4) && cfg!(target_endian = "little"), "images are read as they are stored");
