//! Measures how fast a classifier trains and scores.
//!
//! `cargo bench --bench classifier -- train KIND STEPS` takes STEPS training steps of one of VacunaBot's networks
//! (17,104 words, 61 steps, batches of 32) on random rows; `-- score` scores with the built-in classifier, one text
//! at a time and in batches. `benches/classifier_epoch.py` runs it next to PyTorch and prints the ratios that the
//! documents quote.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::network::{Architecture, Network, NetworkConfig, Row};
use pregonero_system::memory::keep_freed_memory;
use pregonero_workshop::training::classifier::binary_cross_entropy;
use pregonero_workshop::training::optimizer::{AdamW, AdamWSettings};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

const WORDS: usize = 17_104;
const STEPS: usize = 61;
const BATCH: usize = 32;
/// Candle walks the graph recursively.
const STACK_BYTES: usize = 256 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["train", kind, steps] => {
            let architecture = match kind {
                "lstm" => Architecture::lstm(),
                "bilstm" => Architecture::bilstm(),
                "bigru" => Architecture::bigru(),
                _ => bail!("{kind}: no such network"),
            };
            let steps = steps.parse().with_context(|| format!("{steps:?} is not a number of steps"))?;
            keep_freed_memory();
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || train(architecture, steps));
            thread?.join().map_err(|_| anyhow::anyhow!("the training panicked"))?
        }
        ["score", folder] => score(folder),
        _ => {
            println!("usage: cargo bench --bench classifier -- train lstm|bilstm|bigru STEPS | score FOLDER");
            Ok(())
        }
    }
}

fn train(architecture: Architecture, steps: usize) -> Result<()> {
    let config = NetworkConfig::new(WORDS, STEPS, architecture);
    let (network, variables) = Network::new(&config, 1)?;
    let mut optimizer = AdamW::new(variables, AdamWSettings::default())?;
    let mut rng = ChaCha12Rng::seed_from_u64(2);
    let mut step = || -> Result<()> {
        let row =
            |rng: &mut ChaCha12Rng| (0..STEPS).map(|_| rng.random_range(0..WORDS as u32)).collect::<Vec<u32>>().into();
        let rows: Vec<Row> = (0..BATCH).map(|_| row(&mut rng)).collect();
        let labels: Vec<f32> = (0..BATCH).map(|row| (row % 2) as f32).collect();
        let logits = network.train(&rows, &mut rng)?.squeeze(1)?;
        let loss = binary_cross_entropy(&logits, &labels, &[1.0; BATCH])?;
        optimizer.step(&loss.backward()?, 1e-3)
    };
    step()?;
    let start = Instant::now();
    for _ in 0..steps {
        step()?;
    }
    println!("{:.1} ms/step", start.elapsed().as_secs_f64() * 1e3 / steps as f64);
    Ok(())
}

fn score(folder: &str) -> Result<()> {
    let classifier = Classifier::load(&ModelFiles::in_folder(folder.as_ref())?)?;
    let words = ["vacuna", "hoy", "me", "no", "gracias", "salud", "dosis", "la", "el", "nadie", "siempre", "gente"];
    let mut rng = ChaCha12Rng::seed_from_u64(3);
    let mut text = || {
        let length = rng.random_range(8..30);
        (0..length).map(|_| words[rng.random_range(0..words.len())]).collect::<Vec<_>>().join(" ")
    };
    let texts: Vec<String> = (0..4096).map(|_| text()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    classifier.probabilities(&texts)?;
    let start = Instant::now();
    classifier.probabilities(&texts)?;
    let rate = texts.len() as f64 / start.elapsed().as_secs_f64();
    let mut fastest = f64::INFINITY;
    let mut slowest = 0.0_f64;
    for round in texts.chunks_exact(16) {
        let start = Instant::now();
        classifier.probabilities(round)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        fastest = fastest.min(milliseconds);
        slowest = slowest.max(milliseconds);
    }
    println!("{rate:.0} tweets/s; 16 candidates in {fastest:.2} ms to {slowest:.2} ms");
    Ok(())
}
