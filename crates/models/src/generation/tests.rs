//! The generator compared with transformers, its two forms with each other, and its fused operations with composed
//! ones.
//!
//! Reference values are in `tests/data/gpt2/reference.json`; `make.py` next to it made them, on weights that both
//! sides compute from a formula.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::checkpoint::Checkpoint;
use super::control::{self, ControlLayout};
use super::decoding::{self, Limits, Sequence};
use super::decoding_settings::Decoding;
use super::gpt2::{Gpt2, Gpt2Config, NoDropout};
use super::host::dropout::DropoutSeed;
use super::host::{Gradients, HostGpt2, Sequences};
use super::network::{Network, Weights, settle_on_device};
use super::processors;
use super::scoring::{Scorer, Windows};
use super::shortlist::Shortlist;
use super::testing::formula_weight;
use super::tokenizer::Tokenizer;
use crate::catalog::ModelFiles;
use crate::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use crate::generation::{DeviceChoice, Strategy};
use pregonero_kernels::product::Factors;
use pregonero_kernels::tiles;

#[derive(Deserialize)]
struct Reference {
    name: String,
    prompt: Vec<u32>,
    loss: f64,
    last_logits: Vec<f32>,
    third_logits: Vec<f32>,
    greedy: Vec<u32>,
    penalised: Vec<u32>,
    beams: Vec<Vec<u32>>,
    beam_scores: Vec<f32>,
    beams_penalised: Vec<Vec<u32>>,
    history: Vec<u32>,
    processed: BTreeMap<usize, f32>,
    stream: Vec<u32>,
    windows: Vec<ReferenceWindows>,
    typical: Vec<Left>,
    min_p: Vec<Left>,
}

#[derive(Deserialize)]
struct ReferenceWindows {
    /// Tokens per window, including the one that is predicted last.
    max_length: usize,
    stride: usize,
    nats: f64,
    tokens: usize,
}

#[derive(Deserialize)]
struct Left {
    /// The filter's setting.
    mass: f64,
    left: BTreeMap<usize, f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../../../../tests/data/gpt2/reference.json")).expect("the reference is JSON")
}

/// How a test checkpoint is stored.
pub(super) struct Form {
    pub(super) dtype: Dtype,
    pub(super) prefix: bool,
    pub(super) shards: usize,
}

/// Returns sizes and storage of the cases in `make.py`.
fn case(name: &str) -> (Gpt2Config, Form) {
    let (sizes, inner, tied, form) = match name {
        "tied" => ([101, 32, 2, 4, 48], None, true, Form { dtype: Dtype::F32, prefix: false, shards: 1 }),
        "stored_head" => ([67, 24, 3, 3, 40], Some(50), false, Form { dtype: Dtype::F32, prefix: true, shards: 3 }),
        "f16" => ([90, 48, 1, 6, 33], None, true, Form { dtype: Dtype::F16, prefix: true, shards: 1 }),
        "bf16" => ([90, 16, 2, 2, 64], None, true, Form { dtype: Dtype::BF16, prefix: false, shards: 2 }),
        other => panic!("no case {other}"),
    };
    let [vocab_size, n_embd, n_layer, n_head, n_positions] = sizes;
    let config = json!({"vocab_size": vocab_size, "n_embd": n_embd, "n_layer": n_layer, "n_head": n_head,
        "n_positions": n_positions, "n_inner": inner, "tie_word_embeddings": tied, "eos_token_id": 0,
        "bos_token_id": 0});
    (serde_json::from_value(config).expect("a configuration"), form)
}

fn bytes(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn write_checkpoint(folder: &Path, config: &Gpt2Config, form: &Form) {
    let mut description = serde_json::to_value(config).expect("a configuration is JSON");
    description["model_type"] = json!("gpt2");
    std::fs::write(folder.join("config.json"), description.to_string()).expect("writable");
    write_weights(folder, config, form);
}

pub(super) fn write_weights(folder: &Path, config: &Gpt2Config, form: &Form) {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = config
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let content = bytes(&formula_weight(&name, &shape), form.dtype);
            let stored = if form.prefix && name != "lm_head.weight" { format!("transformer.{name}") } else { name };
            (stored, shape, content)
        })
        .collect();
    let mut index = BTreeMap::new();
    for (shard, tensors) in tensors.chunks(tensors.len().div_ceil(form.shards)).enumerate() {
        let file = if form.shards == 1 {
            "model.safetensors".to_owned()
        } else {
            format!("model-{:05}-of-{:05}.safetensors", shard + 1, form.shards)
        };
        let views: HashMap<&str, TensorView<'_>> = tensors
            .iter()
            .map(|(name, shape, content)| {
                index.insert(name.clone(), file.clone());
                (name.as_str(), TensorView::new(form.dtype, shape.clone(), content).expect("sizes fit"))
            })
            .collect();
        std::fs::write(folder.join(file), safetensors::serialize(views, None).expect("serialisable"))
            .expect("writable");
    }
    if form.shards > 1 {
        let index = json!({"metadata": {}, "weight_map": index}).to_string();
        std::fs::write(folder.join("model.safetensors.index.json"), index).expect("writable");
    }
}

/// Writes a case's checkpoint to disk.
pub(super) fn checkpoint(name: &str) -> (TempDir, ModelFiles, Gpt2Config) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (config, form) = case(name);
    write_checkpoint(folder.path(), &config, &form);
    let files = ModelFiles::in_folder(folder.path()).expect("the folder is there");
    (folder, files, config)
}

/// Writes a model with its own tokenizer and a context of 40.
pub(super) fn tiny_model() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let texts: Vec<String> = (0..40).map(|index| format!("La vacuna llega hoy al puesto número {index}.")).collect();
    let settings = TokenizerTraining { vocabulary_size: 300, min_frequency: 2, special_tokens: Vec::new() };
    let tokenizer = tokenizer::train(&texts, &settings).expect("a tokenizer");
    tokenizer::save(&tokenizer, folder.path()).expect("writable");
    let mut config = case("tied").0;
    config.vocab_size = tokenizer.vocabulary_size();
    config.n_positions = 40;
    write_checkpoint(folder.path(), &config, &Form { dtype: Dtype::F32, prefix: true, shards: 1 });
    folder
}

/// One token is enough if token ids are given.
const BYTELESS_TOKENIZER: &str = r#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#;

pub(super) fn networks(files: &ModelFiles) -> [(&'static str, Network); 2] {
    let packed = Network::load(files, &Device::Cpu).expect("loadable");
    let model = Gpt2::load(files, &Device::Cpu, DType::F64).expect("loadable");
    [("packed", packed), ("candle", Network::Candle { model, device: Device::Cpu })]
}

pub(super) fn assert_close(ours: &[f32], theirs: &[f32], tolerance: f32, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}: {a} instead of {b} at {index}");
    }
}

#[test]
fn logits_equal_transformers_for_every_shape_and_storage() {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        for (form, network) in networks(&files) {
            let what = format!("{} {form}", reference.name);
            let (whole, _) = network.prefill(&reference.prompt, 1, 16).expect("decodable");
            assert_close(&whole, &reference.last_logits, 1e-4, &what);
            let (mut stepwise, mut cache) = network.prefill(&reference.prompt[..3], 1, 16).expect("decodable");
            assert_close(&stepwise, &reference.third_logits, 1e-4, &what);
            for id in &reference.prompt[3..] {
                stepwise = network.advance(&[*id], 1, &mut cache).expect("decodable");
            }
            assert_close(&stepwise, &reference.last_logits, 1e-4, &format!("{what}, cached"));
        }
    }
}

#[test]
fn half_precision_logits_are_near_those_of_transformers_whole_and_step_by_step() {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        let spread = reference.last_logits.iter().map(|logit| logit.abs()).fold(0.0, f32::max);
        for (dtype, weights, tolerance) in [(DType::BF16, Weights::Bf16, 0.03), (DType::F16, Weights::F16, 0.004)] {
            let model = Gpt2::load(&files, &Device::Cpu, dtype).expect("loadable");
            let network = Network::Candle { model, device: Device::Cpu };
            assert_eq!(network.weights(), weights);
            let what = format!("{} {dtype:?}", reference.name);
            let (whole, _) = network.prefill(&reference.prompt, 1, 16).expect("decodable");
            assert_close(&whole, &reference.last_logits, tolerance * spread, &what);
            let (mut stepwise, mut cache) = network.prefill(&reference.prompt[..3], 1, 16).expect("decodable");
            for id in &reference.prompt[3..] {
                stepwise = network.advance(&[*id], 1, &mut cache).expect("decodable");
            }
            assert_close(&stepwise, &reference.last_logits, tolerance * spread, &format!("{what}, cached"));
        }
    }
}

#[test]
fn half_precision_is_for_a_gpu_and_becomes_f32_where_the_device_was_left_open() {
    let settled = |choice| settle_on_device(Weights::Bf16, &Device::Cpu, choice);
    assert_eq!(settled(DeviceChoice::Auto).expect("f32"), Weights::F32);
    let message = settled(DeviceChoice::Cpu).expect_err("the CPU was asked for").to_string();
    assert!(message.contains("bf16") && message.contains("generation.weights"), "{message}");
    assert_eq!(settle_on_device(Weights::Int8, &Device::Cpu, DeviceChoice::Cpu).expect("int8"), Weights::Int8);
}

fn plain(strategy: Strategy, repetition_penalty: f64, no_repeat_ngram: usize) -> Decoding {
    Decoding {
        temperature: 0.9,
        top_k: 20,
        top_p: 0.9,
        repetition_penalty,
        no_repeat_ngram,
        ..Decoding::unfiltered(strategy, 20)
    }
}

pub(super) fn limits(config: &Gpt2Config) -> Limits<'static> {
    Limits {
        banned: &[],
        history_from: 0,
        ends: &[0],
        vocabulary: config.vocab_size,
        capacity: config.n_positions,
        too_long: &|_| false,
        cancelled: &|| false,
    }
}

/// Returns what transformers would return: the sequence with its end-of-text token, padded with that token.
fn padded(sequence: &Sequence, prompt: usize, length: usize) -> Vec<u32> {
    let mut ids = sequence.ids[prompt..].to_vec();
    ids.resize(length, 0);
    ids
}

#[test]
fn greedy_decoding_equals_transformers_token_for_token() {
    for reference in references() {
        let (_folder, files, config) = checkpoint(&reference.name);
        for (form, network) in networks(&files) {
            for (expected, decoding) in [
                (&reference.greedy, plain(Strategy::Greedy, 1.0, 0)),
                (&reference.penalised, plain(Strategy::Greedy, 1.3, 2)),
            ] {
                let sequences = decoding::decode(&network, &reference.prompt, &[None], &decoding, &limits(&config))
                    .expect("decodable");
                let ours = padded(&sequences[0], reference.prompt.len(), expected.len());
                assert_eq!(&ours, expected, "{} {form}", reference.name);
            }
        }
    }
}

#[test]
fn beam_search_equals_transformers_token_for_token() {
    for reference in references() {
        let (_folder, files, config) = checkpoint(&reference.name);
        for (form, network) in networks(&files) {
            let what = format!("{} {form}", reference.name);
            for (expected, decoding) in [
                (&reference.beams, plain(Strategy::Beam, 1.0, 0)),
                (&reference.beams_penalised, plain(Strategy::Beam, 1.2, 3)),
            ] {
                let beams = expected.len();
                let sequences = decoding::beam_search(&network, &reference.prompt, beams, &decoding, &limits(&config))
                    .expect("decodable");
                let ours: Vec<Vec<u32>> = sequences
                    .iter()
                    .map(|sequence| padded(sequence, reference.prompt.len(), expected[0].len()))
                    .collect();
                assert_eq!(&ours, expected, "{what}");
                if decoding.repetition_penalty == 1.0 {
                    let scores: Vec<f32> = sequences.iter().filter_map(|sequence| sequence.score).collect();
                    assert_close(&scores, &reference.beam_scores, 1e-4, &what);
                }
            }
        }
    }
}

#[test]
fn sampling_draws_from_the_scores_that_transformers_processes() {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        let network = Network::load(&files, &Device::Cpu).expect("loadable");
        let (mut scores, _) = network.prefill(&reference.history, 1, 16).expect("decodable");
        let decoding = plain(Strategy::Sample, 1.1, 3);
        processors::penalise(&mut scores, &reference.history, &decoding);
        let left = as_map(&Shortlist::new(&scores, &decoding));
        assert_eq!(
            left.keys().collect::<Vec<_>>(),
            reference.processed.keys().collect::<Vec<_>>(),
            "{}",
            reference.name
        );
        for (id, score) in &left {
            assert!((score - reference.processed[id]).abs() < 2e-4, "{} token {id}", reference.name);
        }
    }
}

fn as_map(list: &Shortlist) -> BTreeMap<usize, f32> {
    list.ids().iter().map(|id| *id as usize).zip(list.scores().iter().copied()).collect()
}

/// Compares a filter with what transformers keeps of the same scores; `off` is the setting that filters nothing.
fn assert_filters_alike(filter: fn(&mut Shortlist, f64), expected: fn(&Reference) -> &[Left], off: f64) {
    for reference in references() {
        let (_folder, files, _) = checkpoint(&reference.name);
        let network = Network::load(&files, &Device::Cpu).expect("loadable");
        let (scores, _) = network.prefill(&reference.history, 1, 16).expect("decodable");
        for Left { mass, left } in expected(&reference) {
            let mut list = Shortlist::best(&scores, 0, 1.0);
            filter(&mut list, *mass);
            let ours = as_map(&list);
            let what = format!("{} at {mass}", reference.name);
            assert_eq!(ours.keys().collect::<Vec<_>>(), left.keys().collect::<Vec<_>>(), "{what}");
            assert!(ours.iter().all(|(id, score)| (score - left[id]).abs() < 1e-4), "{what}");
        }
        let mut unfiltered = Shortlist::best(&scores, 0, 1.0);
        filter(&mut unfiltered, off);
        assert_eq!(unfiltered.scores(), scores);
    }
}

#[test]
fn typical_sampling_keeps_the_tokens_that_transformers_keeps() {
    assert_filters_alike(Shortlist::typical_p, |reference| &reference.typical, 1.0);
}

#[test]
fn min_p_keeps_the_tokens_that_transformers_keeps() {
    assert_filters_alike(Shortlist::min_p, |reference| &reference.min_p, 0.0);
}

#[test]
fn min_p_leaves_out_what_was_left_out_before_and_keeps_the_best() {
    let mut list = Shortlist::best(&[f32::NEG_INFINITY, 2.0, 2.0, 1.0, -3.0], 0, 1.0);
    list.min_p(1.0);
    assert_eq!(list.ids(), [1, 2]);
}

#[test]
fn cross_entropy_equals_transformers_in_blocks_and_strides() {
    for reference in references() {
        let (folder, files, _) = checkpoint(&reference.name);
        // The stream needs no tokenizer, so one that fits the vocabulary will do.
        std::fs::write(folder.path().join("tokenizer.json"), BYTELESS_TOKENIZER).expect("writable");
        let scorer = Scorer::load(&files, DeviceChoice::Cpu).expect("loadable");
        for ReferenceWindows { max_length, stride, nats, tokens } in &reference.windows {
            let windows = Windows { block: Some(max_length - 1), stride: Some(*stride) };
            let ours = scorer.score(&reference.stream, windows).expect("scorable");
            let what = format!("{} in windows of {max_length} by {stride}", reference.name);
            assert_eq!(ours.tokens, *tokens, "{what}");
            let mean = nats / *tokens as f64;
            assert!((ours.cross_entropy() - mean).abs() < 1e-4, "{what}: {} {mean}", ours.cross_entropy());
        }
    }
}

#[test]
fn a_model_with_control_tokens_predicts_each_text_behind_an_empty_context() {
    let folder = tiny_model();
    let files = ModelFiles::in_folder(folder.path()).expect("there");
    let layout = ControlLayout::new(&["TEMA".to_owned(), "TONO".to_owned()], None, 32).expect("a layout");
    let tokenizer = Tokenizer::read(&files).expect("readable").with_special_tokens(&layout.tokens()).expect("addable");
    tokenizer::save(&tokenizer, folder.path()).expect("writable");
    let mut config = Gpt2Config::read(&files).expect("readable");
    config.vocab_size = tokenizer.vocabulary_size();
    write_checkpoint(folder.path(), &config, &Form { dtype: Dtype::F32, prefix: true, shards: 1 });
    let path = folder.path().join("config.json");
    let mut description: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    description[control::CONFIG_KEY] = serde_json::to_value(&layout).expect("serialisable");
    std::fs::write(&path, description.to_string()).expect("writable");

    let texts = ["La vacuna llega", "Hoy", "La vacuna llega hoy al puesto número 7."].map(str::to_owned);
    let scorer = Scorer::load(&files, DeviceChoice::Cpu).expect("loadable");
    let ours = scorer.score_texts(&texts, Windows::default()).expect("scorable");
    let network = Network::load(&files, &Device::Cpu).expect("loadable");
    let context: Vec<u32> =
        layout.tokens().iter().map(|token| tokenizer.encode(token).expect("encodable")[0]).collect();
    let (mut nats, mut tokens) = (0.0, 0);
    for text in &texts {
        let mut read = context.clone();
        let end = tokenizer.end_of_text().expect("there is one");
        for id in tokenizer.encode(text).expect("encodable").into_iter().chain([end]) {
            let (logits, _) = network.prefill(&read, 1, 40).expect("decodable");
            let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
            nats -= f64::from(logits[id as usize]) - sum.ln();
            tokens += 1;
            read.push(id);
        }
        assert!(read.len() < 40, "the text must fit the context for this test");
    }
    assert_eq!(ours.tokens, tokens);
    assert!((ours.nats - nats).abs() < 1e-3, "{} {nats}", ours.nats);
    let message =
        scorer.score_texts(&texts, Windows { block: Some(8), stride: None }).expect_err("no blocks").to_string();
    assert!(message.contains("leave --block and --stride out"), "{message}");
}

#[test]
fn windows_that_do_not_fit_are_refused_in_words() {
    let folder = tiny_model();
    let scorer = Scorer::load(&ModelFiles::in_folder(folder.path()).expect("there"), DeviceChoice::Cpu).expect("loads");
    let stream = scorer.stream(&["La vacuna llega hoy".to_owned()]).expect("encodable");
    let tokens = stream.len() - 1;
    for (windows, expected) in [
        (Windows { block: Some(41), stride: None }, "does not fit the model's context of 40".to_owned()),
        (Windows { block: Some(0), stride: None }, "a block of 0 tokens".to_owned()),
        (Windows { block: Some(40), stride: None }, format!("{tokens} tokens, fewer than a block of 40")),
        (Windows { block: Some(2), stride: Some(3) }, "a stride of 3 tokens does not fit a block of 2".to_owned()),
        (Windows { block: None, stride: Some(0) }, "a stride of 0 tokens".to_owned()),
    ] {
        let message = scorer.score(&stream, windows).expect_err("does not fit").to_string();
        assert!(message.contains(&expected), "{message}");
    }
    assert!(scorer.score(&stream[..1], Windows::default()).expect_err("nothing").to_string().contains("no token"));
    assert_eq!(scorer.score(&stream, Windows::default()).expect("short texts are one window").tokens, tokens);
}

#[test]
fn drawn_tokens_follow_the_distribution() {
    let (_folder, files, config) = checkpoint("tied");
    let network = Network::load(&files, &Device::Cpu).expect("loadable");
    let prompt = &references()[0].prompt;
    let decoding = Decoding { max_new_tokens: 1, ..plain(Strategy::Sample, 1.0, 0) };
    let (mut scores, _) = network.prefill(prompt, 1, 16).expect("decodable");
    processors::penalise(&mut scores, prompt, &decoding);
    let left = as_map(&Shortlist::new(&scores, &decoding));
    for (id, score) in scores.iter_mut().enumerate() {
        *score = left.get(&id).copied().unwrap_or(f32::NEG_INFINITY);
    }
    let total: f64 = scores.iter().map(|score| f64::from(*score).exp()).sum();
    let seeds: Vec<Option<u64>> = (0..4000).map(Some).collect();
    let mut counts: HashMap<Option<u32>, f64> = HashMap::new();
    for seeds in seeds.chunks(500) {
        for sequence in decoding::decode(&network, prompt, seeds, &decoding, &limits(&config)).expect("decodable") {
            *counts.entry(sequence.ids.get(prompt.len()).copied()).or_default() += 1.0;
        }
    }
    for (id, score) in scores.iter().enumerate() {
        let expected = 4000.0 * f64::from(*score).exp() / total;
        let seen = counts.get(&Some(id as u32).filter(|id| *id != 0)).copied().unwrap_or(0.0);
        // Five standard deviations of a binomial count.
        assert!((seen - expected).abs() <= 5.0 * expected.sqrt() + 1e-9, "token {id}: {seen} of {expected:.1}");
    }
}

#[test]
fn a_candidate_is_the_same_alone_and_in_any_batch() {
    let (_folder, files, config) = checkpoint("stored_head");
    let prompt = &references()[1].prompt;
    for (form, network) in networks(&files) {
        let decoding = plain(Strategy::Sample, 1.1, 3);
        // A token that this model writes now and then, so that rows finish at different times.
        let limits = Limits { ends: &[30], ..limits(&config) };
        let seeds: Vec<Option<u64>> = (100..119).map(Some).collect();
        let together = decoding::decode(&network, prompt, &seeds, &decoding, &limits).expect("decodable");
        let lengths: std::collections::BTreeSet<usize> = together.iter().map(|sequence| sequence.ids.len()).collect();
        assert!(lengths.len() > 1, "rows must finish at different times for this test to mean something");
        for (seed, expected) in seeds.iter().zip(&together) {
            let alone = decoding::decode(&network, prompt, &[*seed], &decoding, &limits).expect("decodable");
            assert_eq!(&alone[0], expected, "{form} seed {seed:?}");
        }
        let reversed: Vec<Option<u64>> = seeds.iter().rev().copied().collect();
        let mut again = decoding::decode(&network, prompt, &reversed, &decoding, &limits).expect("decodable");
        again.reverse();
        assert_eq!(again, together, "{form}");
    }
}

#[test]
fn both_forms_give_a_sequence_the_same_likelihood() {
    let (_folder, files, config) = checkpoint("stored_head");
    let prompt = &references()[1].prompt;
    let limits = Limits { ends: &[30], ..limits(&config) };
    let [(_, packed), (_, candle)] = networks(&files);
    for strategy in [Strategy::Greedy, Strategy::Beam] {
        let decode = |network: &Network| match strategy {
            Strategy::Beam => decoding::beam_search(network, prompt, 4, &plain(strategy, 1.1, 3), &limits),
            _ => decoding::decode(network, prompt, &[None], &plain(strategy, 1.1, 3), &limits),
        };
        let (ours, theirs) = (decode(&packed).expect("decodable"), decode(&candle).expect("decodable"));
        assert!(!ours.is_empty());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.ids, theirs.ids);
            let [a, b] = [ours, theirs].map(|sequence| sequence.likelihood.expect("tokens were written"));
            assert!((a.mean - b.mean).abs() < 1e-4 && (a.weakest - b.weakest).abs() < 1e-4, "{a:?} {b:?}");
            assert!(a.weakest <= a.mean + 1e-6 && a.mean < 0.0, "{a:?}");
        }
    }
}

#[test]
fn packed_logits_do_not_depend_on_the_batch_by_a_single_bit() {
    let (_folder, files, _) = checkpoint("tied");
    let network = Network::load(&files, &Device::Cpu).expect("loadable");
    let prompt = &references()[0].prompt;
    let (_, mut one) = network.prefill(prompt, 1, 16).expect("decodable");
    let alone = network.advance(&[5], 1, &mut one).expect("decodable");
    for rows in [2, 7, 8, 9, 16, 17] {
        let (_, mut cache) = network.prefill(prompt, rows, 16).expect("decodable");
        let ids: Vec<u32> = (0..rows as u32).map(|row| if row as usize == rows - 1 { 5 } else { row + 6 }).collect();
        let all = network.advance(&ids, rows, &mut cache).expect("decodable");
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&all[(rows - 1) * alone.len()..]), bits(&alone), "{rows} rows");
    }
}

#[test]
fn a_token_the_tokenizer_does_not_know_is_never_chosen() {
    let (_folder, files, config) = checkpoint("tied");
    let network = Network::load(&files, &Device::Cpu).expect("loadable");
    let limits = Limits { vocabulary: 20, ..limits(&config) };
    let seeds: Vec<Option<u64>> = (0..8).map(Some).collect();
    let decoding = Decoding { max_new_tokens: 1, ..plain(Strategy::Sample, 1.0, 0) };
    let (logits, _) = network.prefill(&[3, 4], 1, 16).expect("decodable");
    let sum: f64 = logits[..20].iter().map(|logit| f64::from(*logit).exp()).sum();
    for sequence in decoding::decode(&network, &[3, 4], &seeds, &decoding, &limits).expect("decodable") {
        assert!(sequence.ids.iter().all(|id| *id < 20), "{:?}", sequence.ids);
        // Nor does it count in any probability.
        let chosen = sequence.ids.get(2).map_or(0, |id| *id as usize);
        let expected = f64::from(logits[chosen]) - sum.ln();
        let found = f64::from(sequence.likelihood.expect("a token was written").mean);
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

/// Returns a model whose every weight is a variable of `dtype`.
fn trainable(name: &str, dtype: DType) -> (Gpt2, BTreeMap<String, Var>) {
    let (_folder, files, config) = checkpoint(name);
    let checkpoint = Checkpoint::open(&files).expect("readable");
    let mut variables = BTreeMap::new();
    let model = Gpt2::new(&config, |name, shape| {
        let tensor = Tensor::from_vec(checkpoint.tensor(name, shape)?, shape, &Device::Cpu)?.to_dtype(dtype)?;
        let variable = Var::from_tensor(&tensor)?;
        let tensor = variable.as_tensor().clone();
        variables.insert(name.to_owned(), variable);
        Ok(tensor)
    })
    .expect("a model");
    (model, variables)
}

fn shifted(prompt: &[u32]) -> (Tensor, Vec<Option<u32>>) {
    let ids = Tensor::from_slice(prompt, (1, prompt.len()), &Device::Cpu).expect("a tensor");
    let mut targets: Vec<Option<u32>> = prompt[1..].iter().copied().map(Some).collect();
    targets.push(None);
    (ids, targets)
}

#[test]
fn the_loss_equals_transformers() {
    for reference in references() {
        for dtype in [DType::F32, DType::F64] {
            let (model, _) = trainable(&reference.name, dtype);
            let (ids, targets) = shifted(&reference.prompt);
            let loss = model.loss(&ids, &targets, &mut NoDropout).expect("a loss");
            let loss = loss.to_dtype(DType::F64).and_then(|loss| loss.to_scalar::<f64>()).expect("a number");
            assert!((loss - reference.loss).abs() < 2e-5, "{} {dtype:?}: {loss}", reference.name);
        }
    }
}

/// Returns two sequences of one length: the prompt's two halves, with some positions that are not counted.
fn two_sequences(prompt: &[u32]) -> (Vec<u32>, Vec<Option<u32>>, usize) {
    let length = prompt.len() / 2;
    let ids = prompt[..2 * length].to_vec();
    let mut targets: Vec<Option<u32>> =
        (0..2 * length).map(|place| prompt.get(place + 1).copied().filter(|_| place % 5 != 3)).collect();
    targets[length - 1] = None;
    (ids, targets, length)
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).and_then(|t| t.flatten_all()).and_then(|t| t.to_vec1()).expect("values")
}

/// The two implementations share no code: passes over f32 slices with hand-written derivatives, and candle's own
/// differentiation of composed f64 operations. Adding up two passes gives twice the gradient.
#[test]
fn the_training_step_has_the_loss_and_gradients_of_candle() {
    let factors = [Some((Factors::F32, 1e-4)), tiles::available().then_some((Factors::Bf16, 5e-2))];
    for (reference, (factors, tolerance)) in
        references().iter().flat_map(|reference| factors.into_iter().flatten().map(move |factors| (reference, factors)))
    {
        let (ids, targets, length) = two_sequences(&reference.prompt);
        let (composed, variables) = trainable(&reference.name, DType::F64);
        let rows = Tensor::from_slice(&ids, (2, length), &Device::Cpu).expect("a tensor");
        let loss = composed.loss(&rows, &targets, &mut NoDropout).expect("a loss");
        let composed_gradients = loss.backward().expect("gradients");
        let loss = f64::from(flat(&loss)[0]);

        let tensors = composed.config.tensors();
        let values: Vec<Vec<f32>> = tensors.iter().map(|(name, _)| flat(variables[name].as_tensor())).collect();
        let weights: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let batch = Sequences { ids: &ids, targets: &targets, length };
        let counted = targets.iter().flatten().count() as f32;
        let mut host = HostGpt2::new(&composed.config, factors);
        let mut gradients = Gradients::new(&composed.config);
        for pass in 1..=2 {
            let ours = host.differentiate(&weights, batch, 1.0 / counted, None, &mut gradients) / f64::from(counted);
            assert!((ours - loss).abs() < f64::from(tolerance), "{} {factors:?}: {ours} is not {loss}", reference.name);
            for ((name, _), ours) in tensors.iter().zip(&gradients.values) {
                let theirs = flat(composed_gradients.get(&variables[name]).expect("a gradient"));
                let largest = theirs.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                assert!(largest > 0.0, "{}: the gradient of {name} is zero", reference.name);
                let ours: Vec<f32> = ours.iter().map(|value| value / pass as f32).collect();
                let what = format!("{} {factors:?} {name}, pass {pass}", reference.name);
                assert_close(&ours, &theirs, tolerance * largest.max(1e-2), &what);
            }
        }
        let alone = host.loss(&weights, batch) / f64::from(counted);
        assert!((alone - loss).abs() < f64::from(tolerance), "{} without gradients: {alone}", reference.name);
    }
}

/// With masks, the step still computes the gradient of its own loss: compared with differences of losses under the
/// same masks.
#[test]
fn gradients_under_dropout_equal_finite_differences() {
    let reference = &references()[1];
    let (ids, targets, length) = two_sequences(&reference.prompt);
    let batch = Sequences { ids: &ids, targets: &targets, length };
    let (model, variables) = trainable(&reference.name, DType::F32);
    let mut config = model.config.clone();
    (config.embd_pdrop, config.resid_pdrop, config.attn_pdrop) = (0.1, 0.2, 0.3);
    let seed = Some(DropoutSeed::new(3, 4, 0));
    let mut host = HostGpt2::new(&config, Factors::F32);
    let mut values: Vec<Vec<f32>> =
        config.tensors().iter().map(|(name, _)| flat(variables[name].as_tensor())).collect();
    let mut run = |values: &[Vec<f32>]| {
        let weights: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let mut gradients = Gradients::new(&config);
        let loss = host.differentiate(&weights, batch, 1.0, seed, &mut gradients);
        (loss, gradients)
    };
    let (loss, gradients) = run(&values);
    let mut plain = HostGpt2::new(&config, Factors::F32);
    let weights: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
    assert!((plain.loss(&weights, batch) - loss).abs() > 1e-2, "the masks change the loss");
    for (tensor, (name, _)) in config.tensors().iter().enumerate() {
        let gradient = &gradients.values[tensor];
        let steepest = (0..gradient.len()).max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()));
        let index = steepest.expect("a weight");
        let before = values[tensor][index];
        let mut moved = |values: &mut Vec<Vec<f32>>, step: f32| {
            values[tensor][index] = before + step;
            run(values).0
        };
        let step = 1e-2;
        let slope = (moved(&mut values, step) - moved(&mut values, -step)) / (2.0 * f64::from(step));
        values[tensor][index] = before;
        let tolerance = 2e-2 * f64::from(gradient[index].abs()) + 2e-3;
        assert!((slope - f64::from(gradient[index])).abs() < tolerance, "{name}: {slope} is not {}", gradient[index]);
    }
}

#[test]
fn gradients_equal_finite_differences() {
    let reference = &references()[1];
    let (ids, targets) = shifted(&reference.prompt);
    let (model, variables) = trainable(&reference.name, DType::F64);
    let loss = |model: &Gpt2| -> f64 {
        let loss = model.loss(&ids, &targets, &mut NoDropout).expect("a loss");
        f64::from(loss.to_dtype(DType::F32).and_then(|loss| loss.to_scalar::<f32>()).expect("a number"))
    };
    let gradients = model.loss(&ids, &targets, &mut NoDropout).and_then(|loss| loss.backward()).expect("gradients");
    for (name, variable) in &variables {
        let values: Vec<f64> = variable.flatten_all().and_then(|t| t.to_vec1()).expect("values");
        let gradient: Vec<f64> =
            gradients.get(variable).expect("a gradient").flatten_all().and_then(|t| t.to_vec1()).expect("values");
        // The weight with the steepest slope: the difference of two f32 losses is least rounded there.
        let steepest = |a: &usize, b: &usize| gradient[*a].abs().total_cmp(&gradient[*b].abs());
        let index = (0..values.len()).max_by(steepest).expect("a weight");
        let moved = |step: f64| {
            let mut values = values.clone();
            values[index] += step;
            let tensor = Tensor::from_vec(values, variable.shape(), &Device::Cpu).expect("a tensor");
            variable.set(&tensor).expect("settable");
            loss(&model)
        };
        let step = 1e-2;
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        moved(0.0);
        let tolerance = 2e-2 * gradient[index].abs() + 2e-4;
        assert!((slope - gradient[index]).abs() < tolerance, "{name}: {slope} instead of {}", gradient[index]);
    }
}

#[test]
fn the_number_of_positions_is_read_under_both_of_its_names() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = ModelFiles::in_folder(folder.path()).expect("the folder is there");
    let sizes = r#""vocab_size": 9, "n_embd": 4, "n_layer": 1, "n_head": 2, "architectures": ["GPT2LMHeadModel"],
        "summary_type": "cls_index", "task_specific_params": {"text-generation": {"do_sample": true}}"#;
    for (positions, expected) in [
        (r#""n_ctx": 1024, "n_positions": 512"#, 512),
        (r#""n_positions": 512, "n_ctx": 512"#, 512),
        (r#""n_ctx": 256"#, 256),
        (r#""n_ctx": 256, "n_positions": null"#, 256),
    ] {
        std::fs::write(folder.path().join("config.json"), format!("{{{sizes}, {positions}}}")).expect("writable");
        assert_eq!(Gpt2Config::read(&files).expect(positions).n_positions, expected, "{positions}");
    }
    std::fs::write(folder.path().join("config.json"), format!("{{{sizes}}}")).expect("writable");
    let message = format!("{:#}", Gpt2Config::read(&files).expect_err("no positions"));
    assert!(message.contains("config.json: not a GPT-2 configuration: missing field `n_positions`"), "{message}");
}

#[test]
fn broken_checkpoints_are_refused_by_file_name() {
    let (folder, files, _) = checkpoint("tied");
    let weights = folder.path().join("model.safetensors");
    let whole = std::fs::read(&weights).expect("readable");
    let refusal = |what: &str| match Network::load(&files, &Device::Cpu) {
        Ok(_) => panic!("{what} was accepted"),
        Err(error) => format!("{error:#}"),
    };
    for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&weights, &whole[..length]).expect("writable");
        let message = refusal("a truncated file");
        assert!(message.contains("model.safetensors"), "{length}: {message}");
    }
    std::fs::remove_file(&weights).expect("removable");
    assert!(refusal("a missing file").contains("model.safetensors"));
    std::fs::write(&weights, &whole).expect("writable");
    let config = std::fs::read_to_string(folder.path().join("config.json")).expect("readable");
    for (from, to, expected) in [
        ("\"n_embd\":32", "\"n_embd\":36", "wte.weight has shape [101, 32]"),
        ("\"n_layer\":2", "\"n_layer\":5", "no tensor h.2."),
        ("\"n_head\":4", "\"n_head\":5", "not a multiple"),
        ("\"n_embd\":32", "\"n_embd\":4611686018427387904", "must all be from 1 to 1048576"),
        ("\"n_head\":4", "\"n_head\":0", "must all be from 1 to 1048576"),
        ("gelu_new", "mish", "activation_function \"mish\" is not supported"),
        ("\"model_type\":\"gpt2\"", "\"model_type\":\"bert\"", "only gpt2"),
        ("{", "", "config.json"),
    ] {
        assert!(config.contains(from), "{from}");
        std::fs::write(folder.path().join("config.json"), config.replacen(from, to, 1)).expect("writable");
        let message = refusal(to);
        assert!(message.contains(expected), "{message}");
    }
}
