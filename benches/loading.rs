//! Measures what the checks at load cost: `cargo bench --bench loading -- [FOLDER …]` prints a table.
//!
//! Loads the built-in model, one of GPT-2's size with random weights, and those in the given folders, on the CPU:
//! without the checks, with each of them, and with both. The four ways take turns, so that a busy machine slows them
//! down alike; the median of five times is printed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use pregonero_models::catalog::{self, ModelFiles, ModelKind};
use pregonero_models::generation::gpt2::Gpt2Config;
use pregonero_models::generation::{DeviceChoice, Loading};
use pregonero_models::generation::{Engine, LoadChecks};
use pregonero_tweet::ModelIdentity;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const ROUNDS: usize = 5;

/// The shape of the smallest GPT-2, with 124 million parameters.
const GPT2: &str =
    r#"{"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12}"#;

const WAYS: [(&str, LoadChecks); 4] = [
    ("neither", LoadChecks { values: false, first_pass: false }),
    ("values", LoadChecks { values: true, first_pass: false }),
    ("first pass", LoadChecks { values: false, first_pass: true }),
    ("both", LoadChecks::ALL),
];

/// Seconds by the clock, and of processor time.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    clock: f64,
    processor: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folders: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from).collect();
    let random = tempfile::tempdir()?;
    write_random(random.path())?;
    let built_in = catalog::builtin::find(ModelKind::Generator, None).context("there is no built-in generator")?;
    let mut models = vec![
        ("built in".to_owned(), built_in),
        ("random, of GPT-2's size".to_owned(), ModelFiles::in_folder(random.path())?),
    ];
    for folder in folders {
        models.push((folder.display().to_string(), ModelFiles::in_folder(&folder)?));
    }
    println!("| model | parameters | checks | load | of the processors |\n|---|---|---|---|---|");
    for (name, files) in models {
        let mut rounds = [[Took::default(); WAYS.len()]; ROUNDS];
        let mut parameters = 0;
        for round in &mut rounds {
            for (took, (_, checks)) in round.iter_mut().zip(WAYS) {
                (*took, parameters) = load(&files, checks).await?;
            }
        }
        for (place, (way, _)) in WAYS.iter().enumerate() {
            let times = rounds.map(|round| round[place]);
            let [clock, processor] = [times.map(|one| one.clock), times.map(|one| one.processor)].map(middle);
            println!("| {name} | {:.1} million | {way} | {clock:.2} s | {processor:.2} s |", parameters as f64 / 1e6);
        }
    }
    Ok(())
}

async fn load(files: &ModelFiles, checks: LoadChecks) -> Result<(Took, usize)> {
    let identity = ModelIdentity { name: String::new(), sha256: String::new() };
    let (start, before) = (Instant::now(), processor_seconds()?);
    let engine =
        Engine::start_with(files.clone(), identity, Loading { checks, ..Loading::on(DeviceChoice::Cpu) }).await?;
    let took = Took { clock: start.elapsed().as_secs_f64(), processor: processor_seconds()? - before };
    Ok((took, engine.description().parameters))
}

fn middle(mut times: [f64; ROUNDS]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// Returns the processor time that all threads of this process have used so far, in seconds, to a hundredth.
fn processor_seconds() -> Result<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // After the name, which may contain spaces: fields 14 and 15 of proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(") ").context("no name in /proc/self/stat")?;
    let fields: Vec<f64> = fields.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(fields.iter().sum::<f64>() / TICKS_A_SECOND)
}

/// Writes a model of GPT-2's size with random weights and the built-in model's tokenizer.
fn write_random(folder: &Path) -> Result<()> {
    std::fs::write(folder.join("config.json"), GPT2)?;
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/generator-es/tokenizer.json");
    std::fs::copy(tokenizer, folder.join("tokenizer.json"))?;
    let config: Gpt2Config = serde_json::from_str(GPT2)?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut values = HashMap::new();
    for (name, shape) in config.tensors() {
        let count: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..count).flat_map(|_| random.random_range(-0.05_f32..0.05).to_le_bytes()).collect();
        values.insert(name, (shape, bytes));
    }
    let views = values
        .iter()
        .map(|(name, (shape, bytes))| Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<HashMap<_, _>>>()?;
    Ok(std::fs::write(folder.join("model.safetensors"), safetensors::serialize(&views, None)?)?)
}
