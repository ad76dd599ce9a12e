//! Measures how fast a model decodes: `cargo bench --bench decoding -- FOLDER [--weights int8] [--kernel avx2] [BATCH …]`
//! prints one line per batch size.
//!
//! `--kernel` uses no wider vectors than it names, for all arithmetic. With `-` for the batches, the program stays loaded,
//! reads a batch size from each line of its input, and answers each with a line: so two programs can take turns.
//! `benches/beside_transformers.py` and `benches/beside_ctranslate2.py` run it on random weights and print the tables that
//! the guide quotes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use pregonero_kernels::int8::{self, Kernel};
use pregonero_kernels::processor::{self, Vectors};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{Decoding, Engine, GenerationRequest, Loading, WeightsChoice, candidate_seeds};
use pregonero_models::generation::{DeviceChoice, Strategy};
use pregonero_tweet::ModelIdentity;

const NEW_TOKENS: usize = 48;

fn request(batch: usize, new_tokens: usize) -> GenerationRequest {
    GenerationRequest {
        prompt: "En el día de hoy, ".to_owned(),
        attributes: BTreeMap::new(),
        seeds: candidate_seeds(1, batch),
        decoding: Decoding {
            temperature: 0.9,
            top_k: 50,
            top_p: 0.95,
            repetition_penalty: 1.1,
            no_repeat_ngram: 3,
            ..Decoding::unfiltered(Strategy::Sample, new_tokens)
        },
        length: None,
    }
}

async fn measure(engine: &Engine, batch: &str) -> Result<()> {
    let batch: usize = batch.trim().parse().with_context(|| format!("{batch:?} is not a batch size"))?;
    let start = Instant::now();
    let candidates = engine.generate(request(batch, NEW_TOKENS)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let tokens: usize = candidates.iter().map(|candidate| candidate.token_ids.len() - candidate.prompt_tokens).sum();
    println!("batch {batch}: {tokens} tokens in {seconds:.3} s, {:.1} tokens/s", tokens as f64 / seconds);
    std::io::stdout().flush()?;
    Ok(())
}

fn use_kernel(name: &str) -> Result<()> {
    let Some(kernel) = Kernel::ALL.into_iter().find(|kernel| kernel.name() == name) else {
        bail!("no kernel is called {name:?}: {}", Kernel::ALL.map(Kernel::name).join(", "));
    };
    processor::limit(match kernel {
        Kernel::Amx | Kernel::Avx512Vnni => Vectors::Avx512,
        Kernel::AvxVnni | Kernel::Avx2 => Vectors::Avx2,
        Kernel::NeonDot | Kernel::Scalar => Vectors::Portable,
    });
    int8::use_only(kernel).map_err(anyhow::Error::msg)
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(folder) = arguments.next() else {
        println!(
            "usage: cargo bench --bench decoding -- FOLDER [--weights auto|f32|int8] [--kernel NAME] [BATCH ... | -]"
        );
        return Ok(());
    };
    let mut loading = Loading::on(DeviceChoice::Auto);
    let mut batches = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--weights" => {
                let name = arguments.next().unwrap_or_default();
                let known = WeightsChoice::NAMES.into_iter().find(|(known, _)| *known == name);
                loading.weights = known.with_context(|| format!("no weights are called {name:?}"))?.1;
            }
            "--kernel" => use_kernel(&arguments.next().unwrap_or_default())?,
            _ => batches.push(argument),
        }
    }
    let files = ModelFiles::in_folder(&PathBuf::from(&folder))?;
    let engine = Engine::start_with(files, ModelIdentity { name: folder, sha256: String::new() }, loading).await?;
    engine.generate(request(1, 4)).await?;
    if batches == ["-"] {
        println!("ready: {:?}", engine.description().arithmetic);
        for line in std::io::stdin().lock().lines() {
            measure(&engine, &line?).await?;
        }
    }
    for batch in batches.iter().filter(|batch| *batch != "-") {
        measure(&engine, batch).await?;
    }
    Ok(())
}
