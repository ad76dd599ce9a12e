//! Measures how fast a GPT-2 trains on the CPU.
//!
//! `cargo bench --bench training -- LAYERS WIDTH HEADS VOCABULARY ROWS LENGTH STEPS f32|bf16 [muon]` takes STEPS training
//! steps on random tokens and prints the time per step, the processor time, and the peak memory.
//! `benches/generator_step.py` runs it next to PyTorch and prints the ratios that the documents quote.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use candle_core::{Device, Tensor, Var};
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_system::memory::keep_freed_memory;
use pregonero_workshop::training::generator::{Batch, Learner, MuonStep, Precision, StepSettings};
use pregonero_workshop::training::muon::MuonSettings;
use pregonero_workshop::training::optimizer::AdamWSettings;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let optimizer = arguments.get(8).map(String::as_str);
    let Some([sizes @ .., precision]) = arguments.get(..8) else {
        println!(
            "usage: cargo bench --bench training -- LAYERS WIDTH HEADS VOCABULARY ROWS LENGTH STEPS f32|bf16 [muon]"
        );
        return Ok(());
    };
    let sizes: Vec<usize> = sizes
        .iter()
        .map(|text| text.parse().with_context(|| format!("{text:?} is not a number")))
        .collect::<Result<_>>()?;
    let precision = match precision.as_str() {
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        other => bail!("{other}: no such precision"),
    };
    let &[layers, width, heads, vocabulary, rows, length, steps] = &sizes[..] else {
        bail!("seven numbers are needed")
    };
    let muon = (optimizer == Some("muon")).then(|| MuonStep { settings: MuonSettings::default(), rate: 10.0 });
    keep_freed_memory();
    let config: Gpt2Config =
        serde_json::from_value(serde_json::json!({"vocab_size": vocabulary, "n_positions": length,
        "n_embd": width, "n_layer": layers, "n_head": heads}))?;
    run(config, (rows, length), steps, precision, muon)
}

fn run(
    config: Gpt2Config,
    (rows, length): (usize, usize),
    steps: usize,
    precision: Precision,
    muon: Option<MuonStep>,
) -> Result<()> {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let mut variables = BTreeMap::new();
    for (name, shape) in config.tensors() {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-0.03..0.03)).collect();
        variables.insert(name, Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)?);
    }
    let settings = StepSettings { clip: 1.0, seed: 1, precision, optimizer: AdamWSettings::default(), muon };
    let vocabulary = config.vocab_size as u32;
    let mut learner = Learner::new(config, Device::Cpu, variables, settings)?;
    let mut step = |number: usize| -> Result<()> {
        let mut ids = || (0..rows * length).map(|_| rng.random_range(0..vocabulary)).collect::<Vec<u32>>();
        let batch = Batch { ids: ids(), targets: ids().into_iter().map(Some).collect(), rows, length };
        learner.step(&[batch], number, 1e-4).map(|_| ())
    };
    for number in 0..2 {
        step(number)?;
    }
    let (start, busy) = (Instant::now(), processor_seconds()?);
    for number in 0..steps {
        step(number + 2)?;
    }
    let per_step = |seconds: f64| seconds * 1e3 / steps as f64;
    println!(
        "{:.1} ms/step, {:.1} ms of processor time, {:.0} MB at most",
        per_step(start.elapsed().as_secs_f64()),
        per_step(processor_seconds()? - busy),
        peak_megabytes()?
    );
    Ok(())
}

/// Returns the user and system time of this process, in seconds.
fn processor_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("no name in /proc/self/stat")?.1.split_whitespace().collect();
    // utime and stime, in hundredths of a second (proc(5), fields 14 and 15).
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}

fn peak_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
