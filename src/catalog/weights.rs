//! What can be said of a model's weights without loading them: which files, their digest, how many parameters.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The file a model's weights lie in.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// The file that names the shards of a model too large for one file.
pub(crate) const SHARD_INDEX: &str = "model.safetensors.index.json";

/// The longest header the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// Old GPT-2 checkpoints store the causal mask of every layer as if it were a weight.
const CONSTANTS: [&str; 2] = [".attn.bias", ".attn.masked_bias"];

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The shards an index names, sorted.
///
/// # Errors
/// Where it is no such JSON, or names none.
pub(crate) fn shards_of_index(content: &[u8]) -> Result<BTreeSet<String>> {
    let index: Index = serde_json::from_slice(content).context("not an index of shards")?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    if shards.is_empty() {
        bail!("it names no shard");
    }
    Ok(shards)
}

/// The names of the weight files in a folder: `model.safetensors`, or the shards of its index. A shard that is named
/// need not be there.
///
/// # Errors
/// Where there are neither weights nor a readable index.
pub(crate) fn weight_files_in(folder: &Path) -> Result<Vec<String>> {
    if folder.join(WEIGHTS).is_file() {
        return Ok(vec![WEIGHTS.to_owned()]);
    }
    let path = folder.join(SHARD_INDEX);
    let content = std::fs::read(&path)
        .with_context(|| format!("{}: neither {WEIGHTS} nor {SHARD_INDEX} can be read", folder.display()))?;
    let shards = shards_of_index(&content).with_context(|| path.display().to_string())?;
    Ok(shards.into_iter().collect())
}

/// SHA-256 of some bytes, lower-case hexadecimal.
pub(crate) fn sha256_of(content: &[u8]) -> String {
    hexadecimal(&Sha256::digest(content))
}

/// SHA-256 of a file of any size, lower-case hexadecimal.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How many parameters a safetensors file holds, by its header alone: the constant masks are not counted.
///
/// # Errors
/// Where the header is cut off or is not what the format says.
pub(super) fn parameters(mut safetensors: impl io::Read) -> Result<u64> {
    let mut length = [0; 8];
    safetensors.read_exact(&mut length).context("the header is cut off")?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        bail!("not a safetensors file: its header would be {length} bytes long");
    }
    let mut header = Vec::new();
    safetensors.take(length).read_to_end(&mut header).context("the header cannot be read")?;
    let tensors: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&header).context("the header is cut off or not JSON")?;
    let counted =
        tensors.iter().filter(|(name, _)| *name != "__metadata__" && !CONSTANTS.iter().any(|end| name.ends_with(end)));
    counted.map(|(name, tensor)| elements(tensor).with_context(|| format!("tensor {name} has no shape"))).sum()
}

fn elements(tensor: &serde_json::Value) -> Option<u64> {
    tensor.get("shape")?.as_array()?.iter().try_fold(1_u64, |product, size| product.checked_mul(size.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A safetensors file of these names and shapes, its data left out: only the header is read.
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
            (b"<!DOCTYPE html><html>", "not a safetensors file"),
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
