//! Configurations from all of GPT-2's years compared with transformers: logits, greedy texts, and the training step's
//! loss and gradients.
//!
//! `tests/data/gpt2/layouts.json` has `config.json` files, each with transformers' results; `layouts.py` next to it
//! made them, on the weights of [`super::testing::formula_weight`].

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use safetensors::Dtype;
use serde::Deserialize;
use tempfile::TempDir;

use super::checkpoint::Checkpoint;
use super::decoding::{self, Limits};
use super::decoding_settings::Decoding;
use super::end_tokens::EndTokens;
use super::gpt2::{Gpt2, Gpt2Config, NoDropout};
use super::host::{Gradients, HostGpt2, Sequences};
use super::network::Network;
use super::tests::{Form, assert_close, networks, write_weights};
use crate::catalog::ModelFiles;
use crate::generation::Strategy;
use pregonero_kernels::product::Factors;

#[derive(Deserialize)]
struct Reference {
    name: String,
    config: serde_json::Value,
    generation_config: Option<serde_json::Value>,
    /// Tokens of the tokenizer; the vocabulary may be padded beyond them.
    tokens: usize,
    prompt: Vec<u32>,
    loss: f64,
    last_logits: Vec<f32>,
    /// Without the token that ended it.
    greedy: Vec<u32>,
    /// For each tensor: the place of the steepest slope, that slope, and the norm of all slopes.
    gradients: BTreeMap<String, (usize, f32, f32)>,
}

struct Case {
    reference: Reference,
    _folder: TempDir,
    files: ModelFiles,
    config: Gpt2Config,
}

/// Returns every case with its folder on disk.
fn cases() -> impl Iterator<Item = Case> {
    let references: Vec<Reference> =
        serde_json::from_str(include_str!("../../../../tests/data/gpt2/layouts.json")).expect("the reference is JSON");
    references.into_iter().map(|reference| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("config.json"), reference.config.to_string()).expect("writable");
        let files = ModelFiles::in_folder(folder.path()).expect("the folder is there");
        let config = Gpt2Config::read(&files).unwrap_or_else(|error| panic!("{}: {error:#}", reference.name));
        write_weights(folder.path(), &config, &Form { dtype: Dtype::F32, prefix: true, shards: 1 });
        Case { reference, _folder: folder, files, config }
    })
}

impl Case {
    fn ends(&self) -> Vec<u32> {
        let of_generation = self.reference.generation_config.as_ref().and_then(|file| file.get("eos_token_id"));
        match of_generation {
            Some(ids) => EndTokens::deserialize(ids).expect("ids").0,
            None => self.config.eos_token_id.0.clone(),
        }
    }

    /// Returns the successor of every token but the last.
    fn targets(&self) -> Vec<Option<u32>> {
        self.reference.prompt[1..].iter().copied().map(Some).chain([None]).collect()
    }
}

#[test]
fn configurations_of_every_age_give_the_logits_of_transformers() {
    for Case { reference, files, config, .. } in cases() {
        let capacity = config.n_positions;
        let half = reference.prompt.len() / 2;
        for (form, network) in networks(&files) {
            let what = format!("{} {form}", reference.name);
            let (whole, _) = network.prefill(&reference.prompt, 1, capacity).expect("decodable");
            assert_close(&whole, &reference.last_logits, 1e-4, &what);
            let (_, mut cache) = network.prefill(&reference.prompt[..half], 1, capacity).expect("decodable");
            let rest = network.advance(&reference.prompt[half..], 1, &mut cache).expect("decodable");
            assert_close(&rest, &reference.last_logits, 1e-4, &format!("{what}, in two parts"));
        }
    }
}

#[test]
fn configurations_of_every_age_write_the_texts_of_transformers() {
    for case in cases() {
        let ends = case.ends();
        let limits = Limits {
            banned: &[],
            history_from: 0,
            ends: &ends,
            vocabulary: case.reference.tokens,
            capacity: case.config.n_positions,
            too_long: &|_| false,
            cancelled: &|| false,
        };
        let decoding = Decoding::unfiltered(Strategy::Greedy, 12);
        for (form, network) in networks(&case.files) {
            let prompt = &case.reference.prompt;
            let sequences = decoding::decode(&network, prompt, &[None], &decoding, &limits).expect("decodable");
            assert_eq!(sequences[0].ids[prompt.len()..], case.reference.greedy, "{} {form}", case.reference.name);
        }
    }
}

#[test]
fn configurations_of_every_age_train_with_the_loss_and_gradients_of_transformers() {
    for case in cases() {
        let (name, targets) = (&case.reference.name, case.targets());
        let checkpoint = Checkpoint::open(&case.files).expect("readable");
        let tensors = case.config.tensors();
        let values: Vec<Vec<f32>> =
            tensors.iter().map(|(name, shape)| checkpoint.tensor(name, shape).expect("there")).collect();
        let weights: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let ids = &case.reference.prompt;
        let batch = Sequences { ids, targets: &targets, length: ids.len() };
        let counted = (ids.len() - 1) as f64;
        let mut gradients = Gradients::new(&case.config);
        let mut host = HostGpt2::new(&case.config, Factors::F32);
        let loss = host.differentiate(&weights, batch, 1.0 / counted as f32, None, &mut gradients) / counted;
        assert!((loss - case.reference.loss).abs() < 5e-5, "{name}: {loss} is not {}", case.reference.loss);
        let alone = host.loss(&weights, batch) / counted;
        assert!((alone - case.reference.loss).abs() < 5e-5, "{name} without gradients: {alone}");
        assert_eq!(tensors.len(), case.reference.gradients.len(), "{name}");
        for ((tensor, _), ours) in tensors.iter().zip(&gradients.values) {
            let (place, slope, norm) = case.reference.gradients[tensor];
            let our_norm = ours.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32;
            let what = format!("{name} {tensor}: {} {our_norm} are not {slope} {norm}", ours[place]);
            assert!((ours[place] - slope).abs() < 1e-3 * slope.abs() + 1e-6, "{what}");
            assert!((our_norm - norm).abs() < 1e-3 * norm + 1e-6, "{what}");
        }
        let model = Gpt2::load(&case.files, &Device::Cpu, candle_core::DType::F32).expect("loadable");
        let rows = Tensor::from_slice(ids, (1, ids.len()), &Device::Cpu).expect("a tensor");
        let composed = model.loss(&rows, &targets, &mut NoDropout).and_then(|loss| loss.to_scalar::<f32>());
        let composed = f64::from(composed.expect("a number"));
        assert!((composed - case.reference.loss).abs() < 5e-5, "{name} as candle operations: {composed}");
    }
}

#[test]
fn heads_that_were_cut_out_are_refused_by_the_name_of_their_key() {
    let case = cases().next().expect("a case");
    let Case { files: ModelFiles::Folder(folder), reference, .. } = &case else { panic!("a folder") };
    let mut config = reference.config.clone();
    config["pruned_heads"] = serde_json::json!({"0": [1]});
    std::fs::write(folder.join("config.json"), config.to_string()).expect("writable");
    let message = format!("{:#}", Gpt2Config::read(&case.files).expect_err("refused"));
    assert!(message.contains("config.json: pruned_heads names heads that were cut out"), "{message}");
}

#[test]
fn a_weight_that_is_no_number_is_refused_by_tensor_and_file() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let case = cases().next().expect("a case");
        let ModelFiles::Folder(folder) = &case.files else { panic!("a folder") };
        let path = folder.join("model.safetensors");
        let mut content = std::fs::read(&path).expect("readable");
        let (header, metadata) = safetensors::SafeTensors::read_metadata(&content).expect("whole");
        let name = "transformer.h.1.mlp.c_fc.weight";
        let at = header + 8 + metadata.info(name).expect("there").data_offsets.0 + 4 * 17;
        content[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        std::fs::write(&path, content).expect("writable");
        let message = match Network::load(&case.files, &Device::Cpu) {
            Ok(_) => panic!("{wrong} was taken"),
            Err(error) => format!("{error:#}"),
        };
        let expected = format!(
            "model.safetensors: h.1.mlp.c_fc.weight: 1 of 1600 values are not finite numbers (the first, at 17, is {wrong})"
        );
        assert!(message.contains(&expected), "{message}");
    }
}
