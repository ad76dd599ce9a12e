//! Writes a model with int8 weights into a folder of its own, with what they cost: the perplexity before and after.
//!
//! The folder has everything that the model had next to its weights, so it can be named wherever the model could.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use pregonero_system::files::{self, Existing};
use pregonero_tweet::ModelIdentity;

use super::checkpoint::Checkpoint;
use super::decoding_settings::{Decoding, Strategy};
use super::gpt2_config::Gpt2Config;
use super::int8::{ALLOWED_LOSS, Check, Image, Int8Gpt2, KEY, METHOD, Quantisation, Texts, of_folder};
use super::model::{Loading, Model};
use super::packed::PackedGpt2;
use super::request::{GenerationRequest, candidate_seeds};
use super::scoring::{Window, surprise, windows_of};
use super::settings::{DeviceChoice, WeightsChoice};
use crate::catalog::{ModelFiles, ModelSource, OWN_TEXTS, VERBATIM_INDEX, WEIGHTS};

/// Files that are taken along as they are.
const COMPANIONS: [&str; 10] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "pregonero.json",
    VERBATIM_INDEX,
    OWN_TEXTS,
];

/// The model's card.
const CARD: &str = "README.md";

/// About how many tokens a check predicts.
const CHECKED_TOKENS: usize = 16_384;
/// How many texts the model writes for its check if it is given none, and how long they are at most.
const OWN: usize = 64;
const OWN_TOKENS: usize = 64;

/// Texts that the model was not trained on.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// What messages and the card call them.
    pub name: String,
    pub texts: Vec<String>,
}

/// Rounds the weights of a GPT-2 to int8 and writes them to the folder `output`, which must not exist. Without
/// held-out texts, the check reads what the model writes itself. Returns what the folder says about itself.
///
/// # Errors
/// If the model is not a GPT-2 in floating point, cannot be read, is too large, or the folder cannot be written.
pub fn quantise(
    files: &ModelFiles,
    source: &ModelSource,
    held_out: Option<HeldOut>,
    output: &Path,
) -> Result<Quantisation> {
    files::refuse_existing_folder(output, Existing::Refuse)?;
    ensure!(
        of_folder(files)?.is_none(),
        "{}: the model's weights are int8 already; name the model that they were made from",
        files.display("config.json")
    );
    let mut config = Gpt2Config::read(files).context("only a GPT-2 can be rounded to int8")?;
    let checkpoint = Checkpoint::open(files)?;
    config.settle_head(&checkpoint);
    let identity = files.identity(source)?;
    let (named, texts) = match held_out {
        Some(HeldOut { name, texts }) => (Texts::File(name), texts),
        None => (Texts::Own, own_texts(files, &identity)?),
    };
    let windows = spread(windows_of(files, &config, &texts)?);
    let before = PackedGpt2::new(&config, &checkpoint)?;
    let after = Int8Gpt2::new(config.clone(), Image::quantise(&config, &checkpoint)?);
    try_whole_context(&after)?;
    let quantisation = Quantisation {
        quant_method: METHOD.to_owned(),
        made_from: identity.name,
        source_sha256: identity.sha256,
        made_by: format!("pregonero {}", env!("CARGO_PKG_VERSION")),
        check: compare(&before, &after, &windows, named),
    };
    files::write_whole_folder(output, Existing::Refuse, |folder| write(files, folder, &config, &after, &quantisation))?;
    Ok(quantisation)
}

/// Lets the model write texts, as it would without any filter.
fn own_texts(files: &ModelFiles, identity: &ModelIdentity) -> Result<Vec<String>> {
    let loading = Loading { weights: WeightsChoice::F32, ..Loading::on(DeviceChoice::Cpu) };
    let model = Model::load(files, identity.clone(), loading)?;
    let most = OWN_TOKENS.min(model.description.context / 2).max(1);
    let request = GenerationRequest {
        prompt: String::new(),
        attributes: BTreeMap::new(),
        seeds: candidate_seeds(1, OWN),
        decoding: Decoding::unfiltered(Strategy::Sample, most),
        length: None,
    };
    let candidates = model.generate(&request, &|| false)?;
    Ok(candidates.into_iter().map(|candidate| candidate.text).collect())
}

/// Takes windows from the beginning to the end of the texts until there are enough tokens.
fn spread(windows: Vec<Window>) -> Vec<Window> {
    let tokens: usize = windows.iter().map(|(ids, read)| ids.len() - 1 - read).sum();
    let step = tokens.div_ceil(CHECKED_TOKENS).max(1);
    windows.into_iter().step_by(step).collect()
}

/// Runs a pass over the whole context, as loading a model otherwise does.
fn try_whole_context(model: &Int8Gpt2) -> Result<()> {
    let Gpt2Config { n_positions, vocab_size, .. } = model.config;
    let ids: Vec<u32> = (0..n_positions).map(|place| (place * 7919 % vocab_size) as u32).collect();
    let logits = model.advance(&ids, &mut model.cache(1, 1, n_positions));
    ensure!(
        logits.iter().all(|logit| logit.is_finite()),
        "a pass over the whole context gives values that are not finite numbers: the weights are damaged, or do not belong \
         to config.json"
    );
    Ok(())
}

/// Reads the windows with both models, a few rows of logits at a time.
fn compare(before: &PackedGpt2, after: &Int8Gpt2, windows: &[Window], texts: Texts) -> Check {
    const ROWS: usize = 16;
    let (width, vocabulary) = (before.config.n_embd, before.config.vocab_size);
    let (mut nats, mut tokens, mut squares, mut largest) = ([0.0_f64; 2], 0, 0.0_f64, 0.0_f32);
    for (ids, read) in windows {
        let steps = ids.len() - 1;
        let old = before.hidden(&ids[..steps], &mut before.cache(1, 1, steps));
        let new = after.hidden(&ids[..steps], &mut after.cache(1, 1, steps));
        for (chunk, (old, new)) in old.chunks(ROWS * width).zip(new.chunks(ROWS * width)).enumerate() {
            let (old, new) = (before.logits(old), after.logits(new));
            for (row, (old, new)) in old.chunks_exact(vocabulary).zip(new.chunks_exact(vocabulary)).enumerate() {
                let step = chunk * ROWS + row;
                if step < *read {
                    continue;
                }
                nats[0] += surprise(old, ids[step + 1]);
                nats[1] += surprise(new, ids[step + 1]);
                squares += variance(old);
                largest = old.iter().zip(new).map(|(old, new)| (old - new).abs()).fold(largest, f32::max);
                tokens += 1;
            }
        }
    }
    let [perplexity_before, perplexity_after] = nats.map(|nats| (nats / tokens as f64).exp());
    Check {
        texts,
        tokens,
        perplexity_before,
        perplexity_after,
        largest_logit_difference: f64::from(largest),
        logit_spread: (squares / tokens as f64).sqrt(),
        passed: perplexity_after <= perplexity_before * (1.0 + ALLOWED_LOSS),
    }
}

fn variance(values: &[f32]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count
}

fn write(
    files: &ModelFiles,
    folder: &Path,
    config: &Gpt2Config,
    model: &Int8Gpt2,
    quantisation: &Quantisation,
) -> Result<()> {
    let put = |name: &str, content: &[u8]| {
        files::write_whole(&folder.join(name), Existing::Refuse, |writer| writer.write_all(content))
    };
    let mut description: serde_json::Value = serde_json::from_slice(&files.read("config.json")?)
        .with_context(|| format!("{}: not valid JSON", files.display("config.json")))?;
    description["tie_word_embeddings"] = config.tie_word_embeddings.into();
    description[KEY] = serde_json::to_value(quantisation)?;
    put("config.json", (serde_json::to_string_pretty(&description)? + "\n").as_bytes())?;
    for name in COMPANIONS.into_iter().filter(|name| files.has(name)) {
        put(name, &files.read(name)?)?;
    }
    let before = if files.has(CARD) { String::from_utf8_lossy(&files.read(CARD)?).into_owned() } else { String::new() };
    put(CARD, card(quantisation, &before).as_bytes())?;
    put(WEIGHTS, model.image().bytes())
}

/// Returns the card: what was done and what it cost, then the model's own card.
fn card(quantisation: &Quantisation, before: &str) -> String {
    let Quantisation { made_from, source_sha256, made_by, check, .. } = quantisation;
    let verdict = if check.passed {
        "`generation.weights = \"auto\"` uses these weights."
    } else {
        "`generation.weights = \"auto\"` refuses these weights, because they lost more than 0.5 %."
    };
    format!(
        "# {made_from} with int8 weights\n\n{made_by} (`models quantize`) rounded the weights of the model with sha256 `{source_sha256}`. \
         They only work with pregonero, on the CPU.\n\n| | before | after |\n|---|---|---|\n| perplexity | {:.4} | {:.4} |\n\n\
         In words: {}. The largest difference of a logit is {:.4}; the logits of a position spread by {:.4} around their mean. \
         {verdict}\n{}{before}",
        check.perplexity_before,
        check.perplexity_after,
        check.in_words(),
        check.largest_logit_difference,
        check.logit_spread,
        if before.is_empty() { "" } else { "\n## The card of the model as it was\n\n" },
    )
}
