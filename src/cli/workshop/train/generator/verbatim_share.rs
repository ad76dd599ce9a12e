//! Measures, for the card of a finished generator, how much it repeats of its training texts.

use anyhow::Result;

use pregonero_models::catalog::{ModelFiles, ModelSource};
use pregonero_models::generation::{Decoding, Engine};
use pregonero_models::verbatim;
use pregonero_tweet::SeedPrompt;
use pregonero_workshop::evaluation::generator::sampling::Sampling;
use pregonero_workshop::training::generator::GeneratorTraining;

/// The similarity from which a text counts as nearly a whole own one: the default of `gates.own_texts`.
const NEAR_OWN: f64 = 0.8;

/// Writes `count` texts with the finished model, and reports how many repeat a run of words from its training texts and how
/// many are nearly a whole own text. Returns `None` if the model has nothing to compare with, or `count` is 0.
pub(super) async fn verbatim_share(settings: &GeneratorTraining, count: usize) -> Result<Option<String>> {
    let files = ModelFiles::in_folder(&settings.output)?;
    let (index, own_texts) = (verbatim::index_of(&files)?, verbatim::own_texts_of(&files)?);
    if count == 0 || (index.is_none() && own_texts.is_none()) {
        return Ok(None);
    }
    let identity = files.identity(&ModelSource::Folder(settings.output.clone()))?;
    let engine = Engine::start(files, identity, settings.device).await?;
    let sampling = Sampling {
        prompts: vec![SeedPrompt::bare("")],
        count,
        decoding: Decoding::default(),
        rng_seed: settings.seed,
        length: None,
    };
    let (written, _) = sampling.draw(&engine).await?;
    let texts: Vec<&str> =
        written.iter().flat_map(|written| &written.candidates).map(|candidate| candidate.text.as_str()).collect();
    let (count, seed) = (texts.len(), settings.seed);
    let mut measured = Vec::new();
    if let Some(index) = index {
        let copied = texts.iter().filter(|text| index.longest_run(text).is_some()).count();
        let people = if own_texts.is_some() { " by other people" } else { "" };
        measured.push(format!(
            "Verbatim share: {copied} of {count} texts written with the default settings (no prompt, seed {seed}) contain a run \
             of {} words or more of the training texts{people}.",
            index.window()
        ));
    }
    if let Some(own_texts) = own_texts {
        let near = own_texts.most_similar(&texts, NEAR_OWN)?.into_iter().flatten().count();
        measured.push(format!(
            "Own texts: {near} of {count} texts written with the default settings (no prompt, seed {seed}) are at \
             least {:.0} % like one of the operator's own texts.",
            100.0 * NEAR_OWN
        ));
    }
    Ok(Some(measured.join(" ")))
}
