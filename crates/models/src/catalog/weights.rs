//! What can be determined about a model's weights without loading them: their files, digest and number of parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::impostor::{refuse_impostor, refuse_impostor_of_weights};

/// The file that contains a model's weights.
pub const WEIGHTS: &str = "model.safetensors";

/// The file that names the shards of a model too large for one file.
pub const SHARD_INDEX: &str = "model.safetensors.index.json";

/// The file of weights that PyTorch writes, which [`super::convert()`] reads.
pub const PICKLE: &str = "pytorch_model.bin";
pub const PICKLE_INDEX: &str = "pytorch_model.bin.index.json";

/// Weights of other frameworks, which nothing here reads.
const FOREIGN: [&str; 3] = ["tf_model.h5", "flax_model.msgpack", "model.ckpt.index"];

/// The longest header the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// Suffixes of constant masks: old GPT-2 checkpoints store the causal mask of every layer as if it were a weight.
const CONSTANTS: [&str; 2] = [".attn.bias", ".attn.masked_bias"];

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Returns the shards that an index names, sorted.
///
/// # Errors
/// If the content is not such JSON, or names no shards.
pub fn shards_of_index(content: &[u8]) -> Result<BTreeSet<String>> {
    let index: Index = serde_json::from_slice(content).context("not an index of shards")?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    if shards.is_empty() {
        bail!("it names no shards");
    }
    Ok(shards)
}

/// Returns the names of the weight files in a folder: `model.safetensors`, or the shards of its index. The shards
/// named need not exist.
///
/// # Errors
/// If there are neither weights nor a readable index.
pub fn weight_files_in(folder: &Path) -> Result<Vec<String>> {
    match whole_or_shards(folder, WEIGHTS, SHARD_INDEX)? {
        Some(names) => Ok(names),
        None => Err(no_weights(folder)),
    }
}

/// Returns the names of the pickles in a folder: `pytorch_model.bin`, or the shards of its index; `None` if there are
/// none.
///
/// # Errors
/// If the index cannot be read.
pub(crate) fn pickle_files_in(folder: &Path) -> Result<Option<Vec<String>>> {
    whole_or_shards(folder, PICKLE, PICKLE_INDEX)
}

fn whole_or_shards(folder: &Path, whole: &str, index: &str) -> Result<Option<Vec<String>>> {
    if folder.join(whole).is_file() {
        return Ok(Some(vec![whole.to_owned()]));
    }
    let path = folder.join(index);
    if !path.is_file() {
        return Ok(None);
    }
    let read = || {
        let content = std::fs::read(&path)?;
        refuse_impostor(&content)?;
        shards_of_index(&content)
    };
    Ok(Some(read().with_context(|| path.display().to_string())?.into_iter().collect()))
}

/// Returns the error that says what a folder without safetensors has instead.
fn no_weights(folder: &Path) -> anyhow::Error {
    let place = folder.display();
    for name in [PICKLE, PICKLE_INDEX] {
        if folder.join(name).is_file() {
            return anyhow!(
                "{place}: its weights are a pickle ({name}), which is only read to convert it: run `pregonero models \
                 convert {place}`"
            );
        }
    }
    match FOREIGN.into_iter().find(|name| folder.join(name).is_file()) {
        Some(name) => anyhow!(
            "{place}: its weights are another framework's ({name}), which is not read; load it with transformers and \
             save it with save_pretrained"
        ),
        None => anyhow!("{place}: there is neither {WEIGHTS} nor {SHARD_INDEX}"),
    }
}

/// Returns the SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256_of(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content))
}

/// Returns the SHA-256 of a file of any size, in lower-case hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    sha256_of_reader(&mut File::open(path)?)
}

/// Returns the SHA-256 of everything that is left to read, in lower-case hexadecimal.
pub(super) fn sha256_of_reader(reader: &mut impl io::Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

pub(super) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the header of a safetensors file; returns the place where it ends and the header.
///
/// # Errors
/// If it is cut off or is not what the format requires.
pub(super) fn read_header(mut safetensors: impl io::Read) -> Result<(u64, Map<String, Value>)> {
    let mut beginning = Vec::new();
    safetensors.by_ref().take(8).read_to_end(&mut beginning).context("cannot be read")?;
    if let Ok(length) = beginning.as_slice().try_into().map(u64::from_le_bytes)
        && length <= LONGEST_HEADER
    {
        let mut header = Vec::new();
        safetensors.take(length).read_to_end(&mut header).context("the header cannot be read")?;
        let header = serde_json::from_slice(&header).context("the header is cut off or not JSON")?;
        return Ok((8 + length, header));
    }
    safetensors.take(1024).read_to_end(&mut beginning).context("cannot be read")?;
    refuse_impostor_of_weights(&beginning)?;
    if beginning.len() <= 8 {
        bail!("the header is cut off; download the file again");
    }
    bail!("not a safetensors file")
}

/// The key of the metadata under which int8 weights say how many parameters the model has.
pub(crate) const STATED: &str = "pregonero_parameters";

/// Counts the parameters in a safetensors file, from its header alone; the constant masks are not counted.
///
/// # Errors
/// As [`read_header`].
pub(super) fn parameters(safetensors: impl io::Read) -> Result<u64> {
    let (_, tensors) = read_header(safetensors)?;
    // Int8 weights are padded: their file says how many the model has.
    let stated = tensors.get("__metadata__").and_then(|pairs| pairs.get(STATED)?.as_str()?.parse().ok());
    if let Some(stated) = stated {
        return Ok(stated);
    }
    let counted = tensors.iter().filter(|(name, _)| *name != "__metadata__" && !is_constant(name));
    counted.map(|(name, tensor)| elements(tensor).with_context(|| format!("tensor {name} has no shape"))).sum()
}

/// Returns the types that the tensors of a safetensors file are stored as, from its header alone.
///
/// # Errors
/// As [`read_header`].
pub(super) fn types(safetensors: impl io::Read) -> Result<BTreeSet<String>> {
    let (_, tensors) = read_header(safetensors)?;
    let types = tensors.values().filter_map(|tensor| tensor.get("dtype")?.as_str());
    Ok(types.map(str::to_lowercase).collect())
}

/// Returns whether a tensor is a mask that old checkpoints store as if it were a weight.
pub(super) fn is_constant(name: &str) -> bool {
    CONSTANTS.iter().any(|end| name.ends_with(end))
}

fn elements(tensor: &serde_json::Value) -> Option<u64> {
    tensor.get("shape")?.as_array()?.iter().try_fold(1_u64, |product, size| product.checked_mul(size.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a safetensors file of these names and shapes without its data: only the header is read.
    fn header(tensors: &str) -> Vec<u8> {
        let mut content = (tensors.len() as u64).to_le_bytes().to_vec();
        content.extend(tensors.as_bytes());
        content
    }

    #[test]
    fn parameters_are_the_elements_of_all_tensors_but_the_masks() {
        let content = header(
            r#"{"__metadata__":{"format":"pt"},
                "wte.weight":{"dtype":"F32","shape":[50257,768],"data_offsets":[0,1]},
                "h.0.attn.c_attn.bias":{"dtype":"F32","shape":[2304],"data_offsets":[0,1]},
                "h.0.attn.bias":{"dtype":"F32","shape":[1,1,1024,1024],"data_offsets":[0,1]},
                "h.0.attn.masked_bias":{"dtype":"F32","shape":[],"data_offsets":[0,1]}}"#,
        );
        assert_eq!(parameters(content.as_slice()).unwrap(), 50257 * 768 + 2304);
    }

    #[test]
    fn a_cut_or_foreign_file_has_a_clear_error() {
        for (content, said) in [
            (&b"abc"[..], "the header is cut off"),
            (&header("{\"a\":{\"shape\":[1]}}")[..20], "cut off or not JSON"),
            (b"<!DOCTYPE html><html>", "is an HTML page"),
            (b"anything else, of some length", "not a safetensors file"),
        ] {
            let message = format!("{:#}", parameters(content).unwrap_err());
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(b"abc"), abc);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        assert_eq!(sha256_of_file(file.path()).unwrap(), abc);
    }

    #[test]
    fn an_index_names_each_shard_once_in_order() {
        let index =
            br#"{"metadata":{},"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}}"#;
        let shards: Vec<_> = shards_of_index(index).unwrap().into_iter().collect();
        assert_eq!(shards, ["m-1.safetensors", "m-2.safetensors"]);
        assert!(shards_of_index(br#"{"weight_map":{}}"#).is_err());
        assert!(shards_of_index(b"[]").is_err());
    }
}
