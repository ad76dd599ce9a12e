//! Measures how fast a model decodes: `cargo bench --bench decoding -- FOLDER [BATCH …]` prints one line per batch
//! size.
//!
//! `benches/beside_transformers.py` runs it next to transformers on the same random weights and prints the ratios
//! that the README quotes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::{Decoding, Engine, GenerationRequest, candidate_seeds};
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

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((folder, batches)) = arguments.split_first() else {
        println!("usage: cargo bench --bench decoding -- FOLDER [BATCH ...]");
        return Ok(());
    };
    let files = ModelFiles::in_folder(&PathBuf::from(folder))?;
    let identity = ModelIdentity { name: folder.clone(), sha256: String::new() };
    let engine = Engine::start(files, identity, DeviceChoice::Auto).await?;
    engine.generate(request(1, 4)).await?;
    for batch in batches {
        let batch: usize = batch.parse().with_context(|| format!("{batch:?} is not a batch size"))?;
        let start = Instant::now();
        let candidates = engine.generate(request(batch, NEW_TOKENS)).await?;
        let seconds = start.elapsed().as_secs_f64();
        let tokens: usize =
            candidates.iter().map(|candidate| candidate.token_ids.len() - candidate.prompt_tokens).sum();
        println!("batch {batch}: {tokens} tokens in {seconds:.3} s, {:.1} tokens/s", tokens as f64 / seconds);
    }
    Ok(())
}
