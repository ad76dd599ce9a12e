//! Every form in which weights are stored, compared with what transformers computes from the same folder.
//!
//! The folders are in `tests/data/gpt2/weights`; `make.py` there wrote them and `reference.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;
use tempfile::TempDir;

use super::checkpoint::Checkpoint;
use super::decoding;
use super::decoding_settings::Decoding;
use super::gpt2_config::Gpt2Config;
use super::network::Network;
use super::tests::{assert_close, limits, networks};
use crate::catalog::{ModelFiles, convert};
use crate::generation::Strategy;

#[derive(Deserialize)]
struct Reference {
    prompt: Vec<u32>,
    logits: Vec<f32>,
    greedy: Vec<u32>,
}

fn references() -> BTreeMap<String, Reference> {
    serde_json::from_str(include_str!("../../../../tests/data/gpt2/weights/reference.json"))
        .expect("the reference is JSON")
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/gpt2/weights").join(name)
}

/// Copies one of the folders and converts its pickle.
fn readable(name: &str) -> (TempDir, ModelFiles) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(data(name)).expect("the folder is there") {
        let path = entry.expect("readable").path();
        std::fs::copy(&path, folder.path().join(path.file_name().expect("a file"))).expect("writable");
    }
    if !folder.path().join("model.safetensors").exists() {
        convert(folder.path()).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    let files = ModelFiles::in_folder(folder.path()).expect("the folder is there");
    (folder, files)
}

#[test]
fn logits_and_greedy_texts_equal_transformers_for_every_form_of_weights() {
    let references = references();
    assert_eq!(references.len(), 26, "make.py and this test speak of the same folders");
    for (name, reference) in references {
        let (_folder, files) = readable(&name);
        for (form, network) in networks(&files) {
            let what = format!("{name} {form}");
            let (logits, _) = network.prefill(&reference.prompt, 1, 16).expect("decodable");
            assert_close(&logits, &reference.logits, 2e-4, &what);
            let greedy = Decoding::unfiltered(Strategy::Greedy, reference.greedy.len());
            let config = network.config().clone();
            let sequences = decoding::decode(&network, &reference.prompt, &[None], &greedy, &limits(&config));
            let mut ours = sequences.expect("decodable")[0].ids[reference.prompt.len()..].to_vec();
            ours.resize(reference.greedy.len(), 0);
            assert_eq!(ours, reference.greedy, "{what}");
        }
    }
}

#[test]
fn a_folder_of_2020_needs_no_other_file_to_be_usable() {
    for name in ["old_zip", "old_stream"] {
        let (_folder, files) = readable(name);
        let needs = super::needs(&files).expect("usable");
        assert_eq!(needs.memory_bytes, 4 * files.parameters().expect("readable"));
        // Two layers, keys and values, 64 positions of width 32.
        assert_eq!(needs.memory_per_text_bytes, 4 * 2 * 2 * 64 * 32);
    }
}

#[test]
fn a_head_counts_as_its_own_only_where_its_values_differ() {
    for (name, tied) in [
        ("zip", true),
        ("sharded_zip", true),
        ("strided_zip", true),
        ("head_only", true),
        ("wte_only", true),
        ("safetensors_twin", true),
        ("head_differs", false),
        ("safetensors_head_differs", false),
        ("untied", false),
    ] {
        let (_folder, files) = readable(name);
        let mut config = Gpt2Config::read(&files).expect("a configuration");
        config.settle_head(&Checkpoint::open(&files).expect("readable"));
        assert_eq!(config.tie_word_embeddings, tied, "{name}");
    }
}

fn refusal(files: &ModelFiles) -> String {
    match Network::load(files, &Device::Cpu) {
        Ok(_) => panic!("it loads"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn weights_that_are_something_else_are_named_for_what_they_are() {
    let (folder, files) = readable("safetensors_twin");
    let path = folder.path().join("model.safetensors");
    let whole = std::fs::read(&path).expect("readable");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n".to_vec();
    for (content, said) in [
        (pointer, "is a Git LFS pointer"),
        (b"<html><body>Log in".to_vec(), "is an HTML page"),
        (Vec::new(), "is empty"),
        (whole[..whole.len() - 1].to_vec(), "cut off"),
        (whole[..100].to_vec(), "cut off"),
        (b"nonsense, nothing else".to_vec(), "not a whole safetensors file"),
    ] {
        std::fs::write(&path, content).expect("writable");
        let message = refusal(&files);
        assert!(message.contains("model.safetensors: ") && message.contains(said), "{message}");
    }
    std::fs::write(folder.path().join("config.json"), "<!doctype html>").expect("writable");
    assert!(refusal(&files).contains("config.json: is an HTML page"), "{}", refusal(&files));
    std::fs::write(folder.path().join("config.json"), r#"{"n_embd": 16, "#).expect("writable");
    assert!(refusal(&files).contains("config.json: is empty or cut off"), "{}", refusal(&files));
    std::fs::copy(data("zip").join("pytorch_model.bin"), folder.path().join("pytorch_model.bin")).expect("writable");
    std::fs::copy(data("zip").join("config.json"), folder.path().join("config.json")).expect("writable");
    std::fs::remove_file(&path).expect("writable");
    let message = refusal(&files);
    assert!(message.contains(&format!("pregonero models convert {}", folder.path().display())), "{message}");
}
