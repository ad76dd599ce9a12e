//! Training end to end on a tiny model: resume, divergence, refusals, and what is on disk afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor, Var};
use tempfile::TempDir;

use super::*;
use crate::training::optimizer::AdamWSettings;
use crate::training::schedule::Schedule;
use crate::training::text::{Cleaning, Duplicates, TextSource};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use pregonero_models::generation::{Scorer, Windows};
use pregonero_models::verbatim::OwnTexts;

const WORDS: [&str; 12] =
    ["la", "vacuna", "llega", "hoy", "al", "barrio", "con", "calma", "y", "sin", "filas", "largas"];

/// Returns invented sentences, all different.
fn sentences(count: usize) -> Vec<String> {
    (0..count)
        .map(|index| {
            let word = |step: usize| WORDS[(index * 7 + step * (index % 5 + 1)) % WORDS.len()];
            format!("{} {} {} {} número {index}.", word(0), word(1), word(2), word(3))
        })
        .collect()
}

pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new(texts: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let texts = sentences(texts);
        std::fs::write(folder.path().join("texts.txt"), texts.join("\n")).expect("writable");
        let settings = TokenizerTraining { vocabulary_size: 300, min_frequency: 2, special_tokens: Vec::new() };
        let trained = tokenizer::train(&texts, &settings).expect("a tokenizer");
        tokenizer::save(&trained, &folder.path().join("tokenizer")).expect("writable");
        Self { folder }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn settings(&self, output: &str) -> GeneratorTraining {
        GeneratorTraining {
            base: Base::Scratch {
                shape: Shape { layers: 2, width: 16, heads: 2, positions: 24 },
                tokenizer: self.path("tokenizer"),
            },
            data: vec![self.path("texts.txt").display().to_string().parse().expect("a source")],
            cleaning: Cleaning::Tweets,
            duplicates: Duplicates::Exact,
            samples: Samples::Blocks,
            control: None,
            output: self.path(output),
            block: 16,
            batch: 3,
            epochs: 1.0,
            steps: Some(12),
            learning_rate: 3e-3,
            optimizer: OptimizerChoice::AdamW,
            muon_learning_rate: 0.02,
            warmup_steps: 3,
            decay: Decay::Cosine,
            weight_decay: 0.1,
            beta2: 0.95,
            clip: 1.0,
            dropout: Some(0.1),
            device: DeviceChoice::Cpu,
            precision: Precision::F32,
            accumulate: 1,
            seed: 5,
            held_out: 0.1,
            held_out_tokens: 200,
            evaluate_every: 4,
            save_every: 5,
            log_every: 1,
            patience: None,
            resume: false,
            verbatim_index: true,
            own: Vec::new(),
            half_precision: false,
            base_name: None,
            command: "pregonero train generator".to_owned(),
        }
    }
}

/// Runs a training and collects its losses; stops it after step `stop_at`.
pub(super) fn losses(settings: &GeneratorTraining, stop_at: Option<usize>) -> Result<(Vec<f64>, Outcome)> {
    let stop = AtomicBool::new(false);
    let mut losses = Vec::new();
    let outcome = train(settings, &stop, &mut |progress| {
        if let Progress::Step { step, loss, .. } = progress {
            losses.push(loss);
            stop.store(stop_at == Some(step), Ordering::Relaxed);
        }
    })?;
    Ok((losses, outcome))
}

fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("model.safetensors")).expect("the model is there")
}

#[test]
fn a_resumed_training_equals_one_that_never_stopped() {
    let place = Place::new(60);
    let (whole, _) = losses(&place.settings("whole"), None).expect("trained");
    let (first, outcome) = losses(&place.settings("parts"), Some(7)).expect("trained");
    assert!(outcome.stopped);
    let resumed = GeneratorTraining { resume: true, ..place.settings("parts") };
    let (second, outcome) = losses(&resumed, None).expect("trained");
    assert!(!outcome.stopped);
    assert_eq!(outcome.steps, 12);
    assert_eq!([first, second].concat(), whole);
    let tensors = |name: &str| {
        let model =
            candle_core::safetensors::load(place.path(name).join("model.safetensors"), &Device::Cpu).expect("loadable");
        let mut tensors: Vec<(String, Vec<f32>)> = model
            .into_iter()
            .map(|(name, tensor)| (name, tensor.flatten_all().and_then(|t| t.to_vec1()).expect("values")))
            .collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        tensors
    };
    assert_eq!(tensors("whole"), tensors("parts"));
}

#[test]
fn a_training_with_muon_learns_and_goes_on_exactly_where_it_stopped() {
    let place = Place::new(60);
    let with_muon =
        |output: &str| GeneratorTraining { optimizer: OptimizerChoice::Muon, accumulate: 2, ..place.settings(output) };
    let (whole, _) = losses(&with_muon("whole"), None).expect("trained");
    let card = std::fs::read_to_string(place.path("whole/README.md")).expect("a card");
    assert!(
        card.contains("Muon, learning rate 0.02, for the matrices inside the layers and AdamW, learning rate "),
        "{card}"
    );
    let (plain, _) = losses(&GeneratorTraining { accumulate: 2, ..place.settings("adamw") }, None).expect("trained");
    assert!(whole[11] < plain[11], "muon {whole:?}, AdamW {plain:?}");
    let (first, _) = losses(&with_muon("parts"), Some(7)).expect("trained");
    let other = GeneratorTraining { resume: true, optimizer: OptimizerChoice::AdamW, ..with_muon("parts") };
    let message = format!("{:#}", losses(&other, None).expect_err("another optimiser"));
    assert!(message.contains("made with --optimizer muon, not --optimizer adamw"), "{message}");
    let (second, _) = losses(&GeneratorTraining { resume: true, ..with_muon("parts") }, None).expect("trained");
    assert_eq!([first, second].concat(), whole);
    for file in ["model.safetensors", "muon.safetensors"] {
        let bytes = |name: &str| std::fs::read(place.path(name).join("checkpoints/last").join(file)).expect(file);
        assert!(bytes("whole") == bytes("parts"), "{file} differs");
    }

    let without = place.path("parts").join("checkpoints/last/muon.safetensors");
    std::fs::remove_file(&without).expect("removable");
    let resumed = GeneratorTraining { resume: true, steps: Some(14), ..with_muon("parts") };
    let message = format!("{:#}", losses(&resumed, None).expect_err("no momentum"));
    assert!(message.contains("muon.safetensors"), "{message}");
}

#[test]
fn a_resumed_training_writes_the_log_of_one_that_never_stopped() {
    let place = Place::new(60);
    let settings = |output: &str| GeneratorTraining { log_every: 3, evaluate_every: 2, ..place.settings(output) };
    losses(&settings("whole"), None).expect("trained");
    let stop = AtomicBool::new(false);
    train(&settings("parts"), &stop, &mut |progress| {
        // After step 8, two steps after the last line of the log.
        stop.store(matches!(progress, Progress::Evaluated { step: 8, .. }), Ordering::Relaxed);
    })
    .expect("trained");
    losses(&GeneratorTraining { resume: true, ..settings("parts") }, None).expect("trained");
    let log = |name: &str| {
        let log = std::fs::read_to_string(place.path(name).join("training.jsonl")).expect("a log");
        let untimed = |line: &str| line.split(",\"tokens_per_second\"").next().map(str::to_owned);
        log.lines().filter_map(untimed).collect::<Vec<String>>()
    };
    assert_eq!(log("parts"), log("whole"));
    assert_eq!(log("whole").len(), 4 + 6);
}

#[test]
fn what_goes_on_is_the_training_that_stopped() {
    let place = Place::new(60);
    losses(&place.settings("model"), Some(6)).expect("trained");
    let before = weights(&place.path("model"));
    let other = |change: fn(&mut GeneratorTraining)| {
        let mut settings = GeneratorTraining { resume: true, ..place.settings("model") };
        change(&mut settings);
        format!("{:#}", losses(&settings, None).expect_err("another training"))
    };
    for change in [
        (|settings| settings.held_out = 0.2) as fn(&mut GeneratorTraining),
        |settings| settings.data[0].weight = 2.0,
        |settings| settings.data[0].weight = 0.5,
    ] {
        let message = other(change);
        assert!(message.contains("made with other texts"), "{message}");
    }
    std::fs::remove_dir_all(place.path("model").join("checkpoints")).expect("removable");
    let message = other(|_| {});
    assert!(message.contains("no checkpoint to resume from"), "{message}");
    assert_eq!(weights(&place.path("model")), before);

    let mut told = Vec::new();
    let anew = GeneratorTraining { resume: true, ..place.settings("new") };
    train(&anew, &AtomicBool::new(false), &mut |progress| told.push(progress)).expect("trained");
    assert!(told.contains(&Progress::NothingToResume), "{told:?}");
}

#[test]
fn weights_that_are_no_numbers_never_become_a_checkpoint() {
    let place = Place::new(60);
    losses(&place.settings("model"), Some(6)).expect("trained");
    let before = weights(&place.path("model").join("checkpoints/last"));
    let intervals = [(1, 100), (100, 1)];
    for (save_every, evaluate_every) in intervals {
        let diverging = GeneratorTraining {
            resume: true,
            learning_rate: 1e30,
            clip: 0.0,
            decay: Decay::Constant,
            save_every,
            evaluate_every,
            ..place.settings("model")
        };
        let message = format!("{:#}", losses(&diverging, None).expect_err("it diverges"));
        assert!(message.contains("the checkpoint of step 6 is intact"), "{message}");
        assert_eq!(weights(&place.path("model").join("checkpoints/last")), before);
    }
    losses(&GeneratorTraining { resume: true, ..place.settings("model") }, None).expect("goes on");
}

#[test]
fn an_evaluation_covers_every_token_and_the_end_of_patience_is_told() {
    let place = Place::new(60);
    let settings = GeneratorTraining {
        steps: Some(400),
        patience: Some(1),
        learning_rate: 0.05,
        log_every: 7,
        evaluate_every: 5,
        held_out_tokens: 10_000,
        ..place.settings("model")
    };
    let (_, outcome) = losses(&settings, None).expect("trained");
    assert!(outcome.out_of_patience && !outcome.stopped && outcome.steps < 400, "{outcome:?}");
    let log = std::fs::read_to_string(place.path("model").join("training.jsonl")).expect("a log");
    let last = log.lines().rfind(|line| line.contains("\"loss\"")).expect("a step");
    assert!(last.starts_with(&format!("{{\"step\":{},", outcome.steps)), "{last}");
    let tokenizer = settings.tokenizer().expect("a tokenizer");
    let corpus = Corpus::read(&settings, &tokenizer).expect("a corpus");
    let predicted: usize = corpus.held_out_batches(&settings).iter().map(Batch::predicted).sum();
    assert_eq!(predicted, corpus.held_out_tokens() - 1);
    assert!(!predicted.is_multiple_of(settings.block), "the last window is a part of a block");
    let none = GeneratorTraining { held_out: 0.0, ..settings };
    assert_eq!(Corpus::read(&none, &tokenizer).expect("a corpus").held_out_tokens(), 0);
}

#[test]
fn training_learns_and_moves_every_weight() {
    let place = Place::new(60);
    let settings = GeneratorTraining { steps: Some(120), dropout: Some(0.0), log_every: 10, ..place.settings("model") };
    let (losses, outcome) = losses(&settings, None).expect("trained");
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(last < 0.6 * first, "the loss went from {first} to {last}");
    assert!(outcome.best_loss.expect("an evaluation") < first);
    let tokenizer =
        Tokenizer::read(&ModelFiles::in_folder(&place.path("tokenizer")).expect("there")).expect("readable");
    let config = settings.config(&tokenizer).expect("a configuration");
    let start = initial_weights(&settings, &config, &Device::Cpu).expect("weights");
    let trained =
        candle_core::safetensors::load(place.path("model").join("model.safetensors"), &Device::Cpu).expect("loadable");
    for (name, before) in start {
        let after = &trained[&format!("transformer.{name}")];
        let moved = (after - before.as_tensor()).and_then(|difference| difference.abs()?.max_all()?.to_scalar::<f32>());
        assert!(moved.expect("a number") > 0.0, "{name} never moved");
    }
}

#[test]
fn the_written_model_is_whole_and_scores_as_training_said() {
    let place = Place::new(60);
    let settings = GeneratorTraining { half_precision: true, ..place.settings("model") };
    let (_, outcome) = losses(&settings, None).expect("trained");
    let folder = place.path("model");
    for name in ["config.json", "generation_config.json", "tokenizer.json", "vocab.json", "merges.txt", "verbatim.bin"]
    {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let card = std::fs::read_to_string(folder.join("README.md")).expect("a card");
    for words in [
        "perplexity",
        "texts.txt",
        "pregonero train generator",
        "training.svg",
        "Verbatim share",
        "CPU, f32",
        "AdamW, learning",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
    assert!(card.contains("`verbatim.bin` holds ") && !folder.join("own_texts.zst").exists(), "{card}");
    let curve = std::fs::read_to_string(folder.join("training.svg")).expect("a curve");
    assert!(curve.contains("held out"), "{curve}");
    let files = ModelFiles::in_folder(&folder).expect("there");
    let texts = sentences(60);
    let scorer = Scorer::load(&files, DeviceChoice::Cpu).expect("loadable");
    let stream = scorer.stream(&texts).expect("encodable");
    let mean = scorer.score(&stream, Windows::default()).expect("scored").cross_entropy();
    let held_out = outcome.best_loss.expect("an evaluation");
    assert!((mean - held_out).abs() < 0.5, "{mean} over all texts, {held_out} over those held out");
    let leftovers: Vec<_> = std::fs::read_dir(&folder)
        .expect("listable")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".part") || name.starts_with("saving-"))
        .collect();
    assert_eq!(leftovers, Vec::<String>::new());
}

#[test]
fn a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint() {
    let place = Place::new(60);
    losses(&place.settings("model"), Some(6)).expect("trained");
    let before = weights(&place.path("model").join("checkpoints/last"));
    let diverging = GeneratorTraining { resume: true, learning_rate: 1e38, clip: 1e38, ..place.settings("model") };
    let message = format!("{:#}", losses(&diverging, None).expect_err("it diverges"));
    assert!(message.contains("--learning-rate") && message.contains("step 6"), "{message}");
    assert_eq!(weights(&place.path("model").join("checkpoints/last")), before);
}

fn with_shape(settings: &GeneratorTraining, layers: usize, width: usize, heads: usize) -> Base {
    match &settings.base {
        Base::Scratch { shape, tokenizer } => {
            Base::Scratch { shape: Shape { layers, width, heads, ..*shape }, tokenizer: tokenizer.clone() }
        }
        Base::Model(_) => unreachable!("these settings train from scratch"),
    }
}

#[test]
fn what_cannot_be_trained_is_refused_with_a_reason() {
    let place = Place::new(60);
    losses(&place.settings("there"), Some(2)).expect("trained");
    let settings = |change: fn(&mut GeneratorTraining)| {
        let mut settings = place.settings("new");
        change(&mut settings);
        settings
    };
    let cases = [
        (place.settings("there"), "--resume"),
        (GeneratorTraining { resume: true, batch: 4, ..place.settings("there") }, "--batch 3"),
        (settings(|settings| settings.block = 25), "24 positions"),
        (settings(|settings| settings.block = 1), "at least 2"),
        (settings(|settings| settings.dropout = Some(1.0)), "dropout"),
        (settings(|settings| settings.save_every = 0), "at least 1 step"),
        (settings(|settings| settings.data[0].weight = 1e-9), "no text to train on"),
        (settings(|settings| settings.learning_rate = f64::NAN), "--learning-rate must be above 0"),
        (settings(|settings| settings.learning_rate = -1.0), "--learning-rate must be above 0"),
        (settings(|settings| settings.steps = Some(0)), "at least 1 step"),
        (settings(|settings| (settings.steps, settings.epochs) = (None, 0.0)), "--epochs above 0"),
        (settings(|settings| settings.weight_decay = -0.1), "--weight-decay"),
        (settings(|settings| settings.beta2 = 1.0), "--beta2"),
        (settings(|settings| settings.clip = -1.0), "--clip"),
        (settings(|settings| settings.base = with_shape(settings, 0, 16, 2)), "--layers"),
        (settings(|settings| settings.base = with_shape(settings, 1, 0, 0)), "--width"),
    ];
    for (settings, expected) in cases {
        let message = format!("{:#}", losses(&settings, None).expect_err(expected));
        assert!(message.contains(expected), "{message}");
        assert!(!place.path("new").join("model.safetensors").exists(), "{expected}: a model was written");
    }
    std::fs::write(place.path("short.txt"), "Hoy hay sol aquí").expect("writable");
    let data = vec![place.path("short.txt").display().to_string().parse().expect("a source")];
    let short = GeneratorTraining { data, block: 24, held_out: 0.0, ..place.settings("new") };
    let message = format!("{:#}", losses(&short, None).expect_err("too little text"));
    assert!(message.contains("fewer than one block"), "{message}");
    std::fs::write(place.path("special.txt"), "Hoy hay sol aquí\nMañana <|endoftext|> también llueve\n")
        .expect("writable");
    let data = vec![place.path("special.txt").display().to_string().parse().expect("a source")];
    for samples in [Samples::Blocks, Samples::Texts] {
        let special = GeneratorTraining { data: data.clone(), samples, ..place.settings("new") };
        let message = format!("{:#}", losses(&special, None).expect_err("a special token"));
        assert!(message.contains("special.txt:2: the text holds <|endoftext|>"), "{message}");
    }
    std::fs::write(place.path("file"), "").expect("writable");
    let message = format!("{:#}", losses(&place.settings("file"), None).expect_err("no folder"));
    assert!(message.contains("exists already and is a file"), "{message}");
}

#[derive(serde::Deserialize)]
struct Reference {
    losses: Vec<f64>,
    norms: Vec<f64>,
    rates: Vec<f64>,
    weights: std::collections::BTreeMap<String, Vec<f32>>,
}

/// Returns the model of `tests/data/training/make.py`.
fn reference_learner() -> Learner {
    let config: pregonero_models::generation::gpt2::Gpt2Config =
        serde_json::from_value(serde_json::json!({"vocab_size": 40,
        "n_positions": 12, "n_embd": 8, "n_layer": 2, "n_head": 2, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0}))
        .expect("a configuration");
    let variables = config
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let values = pregonero_models::generation::testing::formula_weight(&name, &shape);
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor");
            (name, Var::from_tensor(&tensor).expect("a variable"))
        })
        .collect();
    let optimizer = AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 };
    let settings = StepSettings { clip: 1.0, seed: 0, precision: Precision::F32, optimizer, muon: None };
    Learner::new(config, Device::Cpu, variables, settings).expect("a learner")
}

/// Returns that model's batch for a step, or some rows of it.
fn reference_batch(step: usize, rows: std::ops::Range<usize>) -> Batch {
    let length = 10;
    let token = |row: usize, place: usize| {
        let mixed = (step * 31 + row * 17 + place * place * 7 + place * 3) as u64 * 2_654_435_761 % (1 << 32);
        ((mixed >> 16) % 20) as u32
    };
    let places = || rows.clone().flat_map(|row| (0..length).map(move |place| (row, place)));
    let counts = |row: usize, place: usize| row > 0 || place >= 3;
    Batch {
        ids: places().map(|(row, place)| token(row, place)).collect(),
        targets: places().map(|(row, place)| counts(row, place).then(|| token(row, place + 1))).collect(),
        rows: rows.len(),
        length,
    }
}

/// Returns the values of a tensor that its gradient determines. A key bias shifts all scores of a query equally and so changes
/// nothing: its gradient is rounding noise around zero, which AdamW blows up to whole steps that differ between the two sides.
fn decided(name: &str, mut values: Vec<f32>) -> Vec<f32> {
    if name.ends_with("attn.c_attn.bias") {
        let third = values.len() / 3;
        values.drain(third..2 * third);
    }
    values
}

fn weights_of(learner: &Learner, name: &str) -> Vec<f32> {
    let values = learner.variables[name].flatten_all().and_then(|tensor| tensor.to_vec1()).expect("values");
    decided(name, values)
}

#[test]
fn fifty_steps_are_those_of_transformers_and_pytorch() {
    let reference: Reference = serde_json::from_str(include_str!("../../../../../tests/data/training/reference.json"))
        .expect("the reference is JSON");
    let schedule = Schedule { learning_rate: 5e-3, warmup_steps: 10, decay: Decay::Linear };
    assert!(reference.norms.iter().any(|norm| *norm > 1.0), "clipping takes part");
    let mut learner = reference_learner();
    for step in 0..50 {
        let rate = schedule.at(step, 50);
        assert!((rate - reference.rates[step]).abs() < 1e-12, "step {step}: rate {rate}");
        let outcome = learner.step(&[reference_batch(step, 0..4)], step, rate).expect("a step");
        let (loss, norm) = (outcome.loss - reference.losses[step], outcome.gradient_norm - reference.norms[step]);
        assert!(loss.abs() < 1e-3 && norm.abs() < 1e-3, "step {step}: loss {loss:+}, norm {norm:+} away");
    }
    assert_eq!(reference.weights.len(), learner.variables.len());
    for (name, theirs) in &reference.weights {
        let (ours, theirs) = (weights_of(&learner, name), decided(name, theirs.clone()));
        assert_eq!(ours.len(), theirs.len());
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name}: {worst} away");
    }
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let (mut whole, mut parts) = (reference_learner(), reference_learner());
    for step in 0..10 {
        let one = whole.step(&[reference_batch(step, 0..4)], step, 5e-3).expect("a step");
        // The first part has fewer counted tokens than the others.
        let three = [0..1, 1..3, 3..4].map(|rows| reference_batch(step, rows));
        let three = parts.step(&three, step, 5e-3).expect("a step");
        assert!((one.loss - three.loss).abs() < 1e-5, "step {step}: {} is not {}", three.loss, one.loss);
        assert!((one.gradient_norm - three.gradient_norm).abs() < 1e-4 * one.gradient_norm, "step {step}");
    }
    for name in whole.variables.keys() {
        for (a, b) in weights_of(&whole, name).iter().zip(weights_of(&parts, name)) {
            assert!((a - b).abs() < 1e-4, "{name}: {b} is not {a}");
        }
    }
}

#[test]
fn accumulation_in_a_training_sees_the_samples_of_the_larger_batch() {
    let place = Place::new(60);
    let large = GeneratorTraining { batch: 6, dropout: Some(0.0), steps: Some(8), ..place.settings("large") };
    let small = GeneratorTraining { batch: 3, accumulate: 2, output: place.path("small"), ..large.clone() };
    let (large, _) = losses(&large, None).expect("trained");
    let (small, _) = losses(&small, None).expect("trained");
    for (step, (a, b)) in large.iter().zip(&small).enumerate() {
        assert!((a - b).abs() < 1e-4, "step {step}: {b} is not {a}");
    }
}

#[test]
fn bf16_products_learn_like_f32_ones() {
    if !pregonero_kernels::tiles::available() {
        return;
    }
    let place = Place::new(60);
    let exact = GeneratorTraining { steps: Some(60), log_every: 20, ..place.settings("f32") };
    let rounded = GeneratorTraining { precision: Precision::Bf16, output: place.path("bf16"), ..exact.clone() };
    let (exact, _) = losses(&exact, None).expect("trained");
    let (rounded, outcome) = losses(&rounded, None).expect("trained");
    assert!(outcome.device.contains("bf16"), "{}", outcome.device);
    for (a, b) in exact.iter().zip(&rounded) {
        assert!((a - b).abs() < 0.05 * a, "{b} is not {a}");
    }
    assert!(rounded[2] < 0.8 * rounded[0], "{rounded:?}");
}

#[test]
fn a_folder_with_files_that_no_training_wrote_is_refused_and_left_as_it_is() {
    let place = Place::new(60);
    losses(&place.settings("model"), None).expect("trained");
    let names =
        std::fs::read_dir(place.path("model")).expect("there").map(|entry| entry.expect("readable").file_name());
    let names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    assert!(
        ["README.md", "config.json", "data.json", "verbatim.bin"].iter().all(|name| names.contains(&(*name).into()))
    );
    for name in names.iter().filter(|name| *name != "checkpoints" && *name != "model.safetensors") {
        let folder = place.path(&format!("with-{name}"));
        std::fs::create_dir(&folder).expect("writable");
        std::fs::write(folder.join(name), "a person's own").expect("writable");
        let settings =
            GeneratorTraining { output: folder.clone(), resume: name == "README.md", ..place.settings("new") };
        let message = losses(&settings, Some(1)).expect_err("refused").to_string();
        assert!(message.contains(&format!("{name}: exists already, and no training wrote it")), "{message}");
        assert_eq!(std::fs::read_to_string(folder.join(name)).expect("there"), "a person's own");
        assert_eq!(std::fs::read_dir(&folder).expect("there").count(), 1, "{name}");
    }

    // Allowed: the tokenizer it trains with, and the remains of a training killed before its first checkpoint.
    losses(&place.settings("tokenizer"), None).expect("trained");
    losses(&place.settings("killed"), Some(2)).expect("trained");
    std::fs::remove_dir_all(place.path("killed/checkpoints/last")).expect("a checkpoint");
    std::fs::remove_file(place.path("killed/model.safetensors")).expect("a model");
    losses(&place.settings("killed"), Some(2)).expect("begun anew");
}

#[test]
fn a_tokenizer_that_is_not_the_bases_is_refused() {
    let place = Place::new(60);
    let base = GeneratorTraining { steps: Some(150), dropout: Some(0.0), ..place.settings("base") };
    losses(&base, None).expect("trained");
    let tuned = |output: &str| GeneratorTraining {
        base: Base::Model(ModelFiles::in_folder(&place.path("base")).expect("there")),
        steps: Some(2),
        ..place.settings(output)
    };
    losses(&tuned("tuned"), None).expect("its own tokenizer fits");

    // The same tokens with other ids.
    let path = place.path("base").join("tokenizer.json");
    let mut description: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
    let vocabulary = description["model"]["vocab"].as_object_mut().expect("a vocabulary");
    let last = vocabulary.len() as u64;
    for id in vocabulary.values_mut() {
        *id = match id.as_u64().expect("an id") {
            0 => 0.into(),
            id => (last - id).into(),
        };
    }
    std::fs::write(&path, description.to_string()).expect("writable");
    let message = format!("{:#}", losses(&tuned("other"), None).expect_err("other ids"));
    assert!(message.contains("not the one it was trained with"), "{message}");
    assert!(!place.path("other").join("model.safetensors").exists());

    let large = TokenizerTraining { vocabulary_size: 310, min_frequency: 1, special_tokens: Vec::new() };
    let large = tokenizer::train(&sentences(60), &large).expect("a tokenizer");
    tokenizer::save(&large, &place.path("base")).expect("writable");
    let message = format!("{:#}", losses(&tuned("larger"), None).expect_err("more tokens than rows"));
    assert!(message.contains("do not belong together"), "{message}");
}

#[test]
fn own_texts_come_with_the_model_and_stay_out_of_the_index() {
    let place = Place::new(60);
    let longer = |(index, text)| format!("{text} Y en la tarde del día {index} hay otra cosa que contar.");
    let texts: Vec<String> = sentences(60).into_iter().enumerate().map(longer).collect();
    let (own, others) = texts.split_at(20);
    let source = |name: &str, texts: &[String]| {
        std::fs::write(place.path(name), texts.join("\n")).expect("writable");
        place.path(name).display().to_string().parse::<TextSource>().expect("a source")
    };
    let (all, named) = (vec![source("all.txt", &texts)], vec![source("own.txt", own)]);
    let settings = |verbatim_index, own: &[TextSource]| GeneratorTraining {
        verbatim_index,
        own: own.to_vec(),
        data: all.clone(),
        ..place.settings("model")
    };
    let tokenizer =
        Tokenizer::read(&ModelFiles::in_folder(&place.path("tokenizer")).expect("there")).expect("readable");
    let read = |settings: &GeneratorTraining| Corpus::read(settings, &tokenizer);

    let compared = read(&settings(true, &named)).expect("a corpus").compared;
    let index = compared.others.as_ref().expect("an index of the others");
    assert!(own.iter().all(|text| index.longest_run(text).is_none()), "each run has a number of its own");
    assert!(others.iter().all(|text| index.longest_run(text).is_some()));
    assert_eq!(compared.own, OwnTexts::prepare(own).expect("short texts"));
    compared.write(&place.path("")).expect("written");
    assert_eq!(OwnTexts::open(&place.path("own_texts.zst")).expect("readable").len(), compared.own.len());
    let card = compared.in_words();
    assert!(card.contains("by other people") && card.contains("`own_texts.zst` holds 20 training texts"), "{card}");

    let without = read(&settings(false, &named)).expect("a corpus").compared;
    assert!(without.others.is_none() && without.own.len() == 20);
    let compared = read(&settings(true, &all)).expect("a corpus").compared;
    assert!(compared.others.is_none(), "there is nobody else's text");
    let foreign = vec![source("foreign.txt", &["Un texto que nadie leyó en esta casa.".to_owned()])];
    let message = format!("{:#}", read(&settings(true, &foreign)).expect_err("not among the data"));
    assert!(message.contains("foreign.txt: none of its texts is among those of --data"), "{message}");
    let rebuilt = Compared::read(&all, &named, Cleaning::Tweets).expect("readable");
    assert_eq!((rebuilt.others.as_ref(), rebuilt.own.len()), (Some(index), 20));
}
