//! Training end to end on a tiny model: resume, divergence, refusals, and what lies on disk afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::*;
use crate::config::DeviceChoice;
use crate::generation::{Scorer, Windows};
use crate::training::text::{Cleaning, Duplicates};
use crate::training::tokenizer::{self, TokenizerTraining};

const WORDS: [&str; 12] =
    ["la", "vacuna", "llega", "hoy", "al", "barrio", "con", "calma", "y", "sin", "filas", "largas"];

/// Invented sentences, all different.
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
            warmup_steps: 3,
            decay: Decay::Cosine,
            weight_decay: 0.1,
            beta2: 0.95,
            clip: 1.0,
            dropout: 0.1,
            seed: 5,
            held_out: 0.1,
            held_out_tokens: 200,
            evaluate_every: 4,
            save_every: 5,
            log_every: 1,
            patience: None,
            resume: false,
            verbatim_index: true,
            half_precision: false,
            command: "pregonero train generator".to_owned(),
        }
    }
}

/// Runs a training and collects its losses; stops it behind `stop_at`.
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
fn training_learns_and_moves_every_weight() {
    let place = Place::new(60);
    let settings = GeneratorTraining { steps: Some(120), dropout: 0.0, log_every: 10, ..place.settings("model") };
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
    assert!(card.contains("perplexity") && card.contains("texts.txt"), "{card}");
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
        (settings(|settings| settings.dropout = 1.0), "dropout"),
        (settings(|settings| settings.save_every = 0), "at least 1 step"),
        (settings(|settings| settings.data[0].weight = 1e-9), "no text to train on"),
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
}
