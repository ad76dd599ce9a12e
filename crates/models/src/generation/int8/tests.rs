use candle_core::Device;
use serde::Deserialize;

use super::*;
use crate::catalog::ModelFiles;
use crate::generation::checkpoint::Checkpoint;
use crate::generation::gpt2_config::Gpt2Config;
use crate::generation::network::{LoadChecks, Network, Weights};
use crate::generation::tests::{assert_close, checkpoint};

/// Made by `tests/data/gpt2/int8.py`: the logits after the third and the last token.
#[derive(Deserialize)]
struct Reference {
    name: String,
    ids: Vec<u32>,
    logits: [Vec<f32>; 2],
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../../../../../tests/data/gpt2/int8.json")).expect("the reference is JSON")
}

fn rounded(files: &ModelFiles) -> Network {
    Network::load_with(files, &Device::Cpu, Weights::Int8, LoadChecks::ALL).expect("loadable")
}

#[test]
fn logits_are_those_of_the_same_rounding_in_numpy_whole_and_step_by_step() {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        let network = rounded(&files);
        let (whole, _) = network.prefill(&reference.ids, 1, 20).expect("decodable");
        assert_close(&whole, &reference.logits[1], 1e-3, &reference.name);
        let (mut stepwise, mut cache) = network.prefill(&reference.ids[..3], 1, 20).expect("decodable");
        assert_close(&stepwise, &reference.logits[0], 1e-3, &reference.name);
        for id in &reference.ids[3..] {
            stepwise = network.advance(&[*id], 1, &mut cache).expect("decodable");
        }
        assert_eq!(stepwise, whole, "{}: with the cache", reference.name);
    }
}

#[test]
fn logits_do_not_depend_on_the_batch_by_a_single_bit() {
    let (_folder, files, _) = checkpoint("tied");
    let network = rounded(&files);
    let prompt = [5, 6, 7];
    let (_, mut alone) = network.prefill(&prompt, 1, 16).expect("decodable");
    let want = network.advance(&[9], 1, &mut alone).expect("decodable");
    for rows in [2, 5, 6, 7, 16, 17, 33] {
        let (_, mut cache) = network.prefill(&prompt, rows, 16).expect("decodable");
        let ids: Vec<u32> = (0..rows as u32).map(|row| if row as usize == rows / 2 { 9 } else { 1 + row }).collect();
        let all = network.advance(&ids, rows, &mut cache).expect("decodable");
        assert_eq!(all[rows / 2 * want.len()..][..want.len()], want, "{rows} rows");
    }
}

#[test]
fn int8_logits_are_near_those_of_f32() {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        let (exact, _) = Network::load(&files, &Device::Cpu).expect("loadable").prefill(&reference.ids, 1, 20).unwrap();
        let (near, _) = rounded(&files).prefill(&reference.ids, 1, 20).unwrap();
        let spread = exact.iter().map(|logit| logit.abs()).fold(0.0, f32::max);
        assert_close(&near, &exact, 0.05 * spread, &reference.name);
        assert_ne!(near, exact);
    }
}

fn image_of(files: &ModelFiles) -> (Gpt2Config, Image) {
    let mut config = Gpt2Config::read(files).expect("a configuration");
    let weights = Checkpoint::open(files).expect("weights");
    config.settle_head(&weights);
    let image = Image::quantise(&config, &weights).expect("quantisable");
    (config, image)
}

#[test]
fn a_file_is_read_back_as_it_was_and_any_damage_has_a_clear_error() {
    for case in ["tied", "stored_head"] {
        let (_source, files, _) = checkpoint(case);
        let (config, image) = image_of(&files);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("model.safetensors");
        let into = ModelFiles::in_folder(folder.path()).expect("there");
        let open = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("writable");
            Image::open(&config, &into).map_err(|error| format!("{error:#}"))
        };
        let whole = image.bytes().to_vec();
        let again = open(&whole).map(|image| image.bytes().to_vec());
        assert_eq!(again, Ok(whole.clone()));
        safetensors::SafeTensors::deserialize(&whole).expect("the file is a safetensors file for every reader");
        let message = open(&whole[..whole.len() - 1]).err().expect("cut off");
        assert!(message.contains("cut off"), "{message}");
        let mut noise = whole.clone();
        let end = noise.len() - 4;
        noise[end..].copy_from_slice(&f32::NAN.to_le_bytes());
        let message = open(&noise).err().expect("not a number");
        assert!(message.contains("not finite"), "{message}");
        let plain = std::fs::read(files_path(&files)).expect("readable");
        let message = open(&plain).err().expect("f32 weights");
        assert!(message.contains("quantize the model again"), "{message}");
        let mut other = config.clone();
        other.n_embd *= 2;
        std::fs::write(&path, &whole).expect("writable");
        let message = format!("{:#}", Image::open(&other, &into).err().expect("other sizes"));
        assert!(message.contains("do not belong together"), "{message}");
        let message = format!("{:#}", Checkpoint::open(&into).expect_err("int8"));
        assert!(message.contains("name the model that they were made from"), "{message}");
    }
}

/// Returns one file of a checkpoint's weights.
fn files_path(files: &ModelFiles) -> std::path::PathBuf {
    let name = files.weight_files().expect("weights").remove(0);
    std::path::PathBuf::from(files.display(&name))
}

#[test]
fn weights_of_another_quantisation_are_refused_by_its_name() {
    let (folder, files, _) = checkpoint("tied");
    let path = folder.path().join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["quantization_config"] = serde_json::json!({"quant_method": "gptq", "bits": 4});
    std::fs::write(&path, config.to_string()).unwrap();
    let message = format!("{:#}", of_folder(&files).expect_err("another program's"));
    assert!(message.contains("gptq") && message.contains("models quantize"), "{message}");
}
