//! Loads what the configuration names: the generator, and the classifier, critic and gates that judge its candidates.

use anyhow::Context as _;

use super::SetupError;
use crate::config::Settings;
use pregonero_judging::gates::{GateSettings, Gates, LabelHashtags, Resources};
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::{self, HubSettings, ModelFiles, ModelKind, Needs};
use pregonero_models::generation::{self, Engine};
use pregonero_models::sentiment::critic::Reader;
use pregonero_models::sentiment::{Classifier, SentimentSettings, SentimentTarget};
use pregonero_models::verbatim;

/// Opens the files of the generator that the configuration names.
///
/// # Errors
/// If there is no such model; the message names `generation.model`.
pub fn generator_files(settings: &Settings, hub: &HubSettings) -> Result<ModelFiles, SetupError> {
    catalog::open(&settings.generation.model, ModelKind::Generator, hub).map_err(SetupError::under("generation.model"))
}

/// Returns what a model needs once it is loaded, for `models list`.
///
/// # Errors
/// If the model cannot be loaded.
pub fn examine(files: &ModelFiles, kind: ModelKind) -> anyhow::Result<Needs> {
    match kind {
        ModelKind::Generator => generation::needs(files),
        ModelKind::Classifier | ModelKind::Critic => {
            Classifier::load(files)?;
            Ok(Needs { memory_bytes: 4 * files.parameters()?, memory_per_text_bytes: 0 })
        }
    }
}

/// Loads the generator and warms it up, on its own thread.
///
/// # Errors
/// If the model or the device cannot be used; the message names the key.
pub async fn load_engine(settings: &Settings, hub: &HubSettings) -> Result<Engine, SetupError> {
    let files = generator_files(settings, hub)?;
    let generation = &settings.generation;
    let load = async {
        // Weights are hashed off the runtime's threads: that may take a minute, and a shutdown must not wait for it.
        let model = generation.model.clone();
        let hashed = tokio::task::spawn_blocking(move || files.identity(&model).map(|identity| (files, identity)));
        let (files, identity) = hashed.await.context("hashing the weights panicked")??;
        Engine::start(files, identity, generation.device).await
    };
    load.await.map_err(SetupError::under("generation.model"))
}

/// Loads the classifier and the critic and builds the gates. `generator` holds the files of the model that writes, which
/// may include an index of its training texts and its operator's own texts.
///
/// # Errors
/// If the classifier, the critic, the index, the own texts or the list of banned words cannot be used; the message names the
/// key.
pub fn load_judge(settings: &Settings, hub: &HubSettings, generator: &ModelFiles) -> Result<Judge, SetupError> {
    let classifier = load_classifier(settings, hub)?;
    let hashtags = LabelHashtags {
        of_labels: classifier.config().label_hashtags.clone(),
        target: match &settings.sentiment.target {
            SentimentTarget::Label(label) => Some(label.clone()),
            SentimentTarget::Any => None,
        },
    };
    let reader = load_reader(settings, hub)?;
    let gates = load_gates(&settings.gates, hashtags, generator)?;
    let disclosure = settings.account.disclosure.clone();
    Ok(Judge::new(&settings.selection, &settings.sentiment, disclosure, gates, classifier, reader))
}

/// Returns what the gate `verbatim` does not compare with although the settings ask for it, because the model's folder has no
/// file for it; `None` if nothing is missing. A file that cannot be read is a fault of [`load_judge`].
#[must_use]
pub fn not_compared(settings: &GateSettings, generator: &ModelFiles) -> Option<String> {
    if settings.off.iter().any(|gate| gate == "verbatim") {
        return None;
    }
    let index = settings.verbatim_tokens > 0 && matches!(verbatim::index_of(generator), Ok(None));
    let own = settings.own_texts > 0.0 && matches!(verbatim::own_texts_of(generator), Ok(None));
    let missing = [
        (index, verbatim::VERBATIM_INDEX, "other people's texts"),
        (own, verbatim::OWN_TEXTS, "its operator's own texts"),
    ];
    let missing = missing.into_iter().filter(|(is_missing, ..)| *is_missing);
    let missing: Vec<String> = missing.map(|(_, file, texts)| format!("no {file} ({texts})")).collect();
    (!missing.is_empty()).then(|| {
        format!("the generator's folder has {}, so a text of its training may go out as it is", missing.join(" and "))
    })
}

/// Loads the reader, which says how well a text reads, with the critic that the settings name or without one.
fn load_reader(settings: &Settings, hub: &HubSettings) -> Result<Reader, SetupError> {
    let Some(source) = settings.critic() else { return Ok(Reader::without_critic()) };
    let load = || {
        let critic = Classifier::load(&catalog::open(source, ModelKind::Critic, hub)?)?;
        Reader::with_critic(critic.with_name(&source.to_string())).with_context(|| source.to_string())
    };
    load().map_err(SetupError::under("selection.critic"))
}

fn load_gates(settings: &GateSettings, hashtags: LabelHashtags, generator: &ModelFiles) -> Result<Gates, SetupError> {
    let verbatim = verbatim::index_of(generator).map_err(SetupError::under("generation.model"))?;
    let own_texts = verbatim::own_texts_of(generator).map_err(SetupError::under("generation.model"))?;
    let resources = Resources { verbatim, own_texts, hashtags, switched_off: settings.off.clone() };
    Gates::new(settings, resources).map_err(SetupError::under("gates"))
}

fn load_classifier(settings: &Settings, hub: &HubSettings) -> Result<Classifier, SetupError> {
    let SentimentSettings { model, target, .. } = &settings.sentiment;
    let classifier = catalog::open(model, ModelKind::Classifier, hub)
        .and_then(|files| Classifier::load(&files))
        .map_err(SetupError::under("sentiment.model"))?;
    if let SentimentTarget::Label(label) = target {
        classifier.check_label(label).map_err(SetupError::under("sentiment.target"))?;
    }
    Ok(classifier.with_name(&model.to_string()))
}
