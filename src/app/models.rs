//! Loads what the configuration names: the generator, and the classifier, critic and gates that judge its candidates.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use super::SetupError;
use crate::config::Settings;
use pregonero_judging::gates::{GateSettings, Gates, LabelHashtags, Resources};
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::{self, HubSettings, ModelFiles, ModelKind, ModelSource, Needs, ServerAddress};
use pregonero_models::generation::remote::{Server, ServerOptions};
use pregonero_models::generation::{self, Engine, Loading};
use pregonero_models::sentiment::critic::Reader;
use pregonero_models::sentiment::{Classifier, SentimentSettings, SentimentTarget};
use pregonero_models::verbatim;
use pregonero_system::environment::Environment;
use pregonero_x::secrets;

/// The name of the secret that a generation server asks for; it is found in the same three ways as X's four keys.
pub const SERVER_KEY: &str = "GENERATION_API_KEY";

/// Opens the files of the generator that the configuration names. Of a generator on a server these are the ones that
/// `engine.files` names; without any, nothing is known about it here, and the result has no files.
///
/// # Errors
/// If there is no such model; the message names the key.
pub fn generator_files(settings: &Settings, hub: &HubSettings) -> Result<ModelFiles, SetupError> {
    let open = |source, key| catalog::open(source, ModelKind::Generator, hub).map_err(SetupError::under(key));
    match (settings.generation.model.server(), &settings.engine.files) {
        (None, _) => open(&settings.generation.model, "generation.model"),
        (Some(_), Some(files)) => open(files, "engine.files"),
        (Some(_), None) => Ok(ModelFiles::Embedded(&[])),
    }
}

/// Opens the files of the model that stands in while the server of the generator is away, if there is one.
fn stand_in_files(settings: &Settings, hub: &HubSettings) -> Result<Option<ModelFiles>, SetupError> {
    let fallback = settings.generation.fallback.as_ref().filter(|_| settings.generation.model.server().is_some());
    let open = |source| catalog::open(source, ModelKind::Generator, hub);
    fallback.map(open).transpose().map_err(SetupError::under("generation.fallback"))
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

/// Loads the generator and warms it up, on its own thread; or asks the server that has it what it follows, and loads the
/// model that stands in for it. A server that is away is no error: it may be back for the next round.
///
/// # Errors
/// If the model or the device cannot be used, or the server refuses; the message names the key.
pub async fn load_engine(
    settings: &Settings,
    hub: &HubSettings,
    environment: &Environment,
) -> Result<Engine, SetupError> {
    load_engine_with(settings, hub, environment, Findings::Remembered).await
}

/// Whether a server is asked again what it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Findings {
    /// Only if it has changed since it was asked.
    Remembered,
    Afresh,
}

/// Does what [`load_engine`] does.
///
/// # Errors
/// As [`load_engine`].
pub async fn load_engine_with(
    settings: &Settings,
    hub: &HubSettings,
    environment: &Environment,
    findings: Findings,
) -> Result<Engine, SetupError> {
    let Some(address) = settings.generation.model.server() else { return load_local_engine(settings, hub).await };
    let options = ServerOptions {
        address: address.clone(),
        key: secrets::one(environment, SERVER_KEY)?,
        settings: settings.engine.clone(),
        files: settings.engine.files.as_ref().map(|_| generator_files(settings, hub)).transpose()?,
        memo: Some(memo_path(settings)),
        afresh: findings == Findings::Afresh,
    };
    let server = Server::new(options).map_err(SetupError::under("generation.model"))?;
    let stand_in = match &settings.generation.fallback {
        Some(fallback) => Some(start(fallback, settings, hub).await.map_err(SetupError::under("generation.fallback"))?),
        None => None,
    };
    if server.state().key_is_in_the_clear {
        tracing::warn!(%address, "{SERVER_KEY} is sent without encryption; that is safe only in a network that you trust");
    }
    match server.ask().await {
        Ok(findings) => tell_findings(address, &findings, settings),
        Err(error) if error.is_temporary() || stand_in.is_some() => {
            tracing::warn!("the generation server cannot be used now: {error}");
        }
        Err(error) => return Err(SetupError::Unusable { key: "generation.model", cause: error.into() }),
    }
    Ok(Engine::on_server(server, stand_in))
}

/// Loads the generator for a command that needs its weights.
///
/// # Errors
/// As [`load_engine`]; and if the generator is on a server.
pub async fn load_local_engine(settings: &Settings, hub: &HubSettings) -> Result<Engine, SetupError> {
    let model = &settings.generation.model;
    if let Some(address) = model.server() {
        let cause = anyhow!(
            "{address} is on a server, and this command needs a model on this machine: name one with --model (builtin, a folder \
             or hub:OWNER/NAME)"
        );
        return Err(SetupError::Unusable { key: "generation.model", cause });
    }
    start(model, settings, hub).await.map_err(SetupError::under("generation.model"))
}

async fn start(model: &ModelSource, settings: &Settings, hub: &HubSettings) -> anyhow::Result<Engine> {
    let files = catalog::open(model, ModelKind::Generator, hub)?;
    let model = model.clone();
    // Weights are hashed off the runtime's threads: that may take a minute, and a shutdown must not wait for it.
    let hashed = tokio::task::spawn_blocking(move || files.identity(&model).map(|identity| (files, identity)));
    let (files, identity) = hashed.await.context("hashing the weights panicked")??;
    let generation = &settings.generation;
    let loading = Loading { weights: generation.weights, ..Loading::on(generation.device) };
    Engine::start_with(files, identity, loading).await
}

/// Returns the file next to the record in which is remembered what a server follows.
fn memo_path(settings: &Settings) -> PathBuf {
    let mut name = OsString::from(&settings.store.path);
    name.push(".engine.json");
    PathBuf::from(name)
}

fn tell_findings(address: &ServerAddress, findings: &generation::remote::Findings, settings: &Settings) {
    let software = findings.software_in_words();
    let said = findings.in_words(&settings.generation.decoding).join("; ");
    let said = if said.is_empty() { "it follows every setting".to_owned() } else { said };
    tracing::info!(%address, software, model = findings.model, "generation server: {said}");
}

/// Loads the classifier and the critic and builds the gates. `generator` holds the files of the model that writes, which
/// may include an index of its training texts and its operator's own texts; the model that stands in for it is added.
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
    let stand_in = stand_in_files(settings, hub)?;
    let key = if settings.generation.model.server().is_some() { "engine.files" } else { "generation.model" };
    let stand_in = stand_in.iter().map(|files| ("generation.fallback", files));
    let generators: Vec<(&'static str, &ModelFiles)> = stand_in.chain([(key, generator)]).collect();
    let gates = load_gates(&settings.gates, hashtags, &generators)?;
    let disclosure = settings.account.disclosure.clone();
    Ok(Judge::new(&settings.selection, &settings.sentiment, disclosure, gates, classifier, reader))
}

/// Returns what the gate `verbatim` does not compare with although the settings ask for it, because the model's folder has no
/// file for it; `None` if nothing is missing, or nobody could add it: a built-in model has what there is, and of a model on a
/// server only its tokenizer's files can be here. A file that cannot be read is a fault of [`load_judge`].
#[must_use]
pub fn not_compared(settings: &Settings, generator: &ModelFiles) -> Option<String> {
    let is_here = matches!(generator, ModelFiles::Folder(_)) && settings.generation.model.server().is_none();
    let settings = &settings.gates;
    if !is_here || settings.off.iter().any(|gate| gate == "verbatim") {
        return None;
    }
    let wanted = [
        (settings.verbatim_tokens > 0, verbatim::VERBATIM_INDEX, "other people's texts"),
        (settings.own_texts > 0.0, verbatim::OWN_TEXTS, "its operator's own texts"),
    ];
    let missing = wanted.into_iter().filter(|(is_wanted, file, _)| *is_wanted && !generator.has(file));
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

fn load_gates(
    settings: &GateSettings,
    hashtags: LabelHashtags,
    generators: &[(&'static str, &ModelFiles)],
) -> Result<Gates, SetupError> {
    let mut resources = Resources { hashtags, switched_off: settings.off.clone(), ..Resources::default() };
    for &(key, files) in generators {
        resources.verbatim.extend(verbatim::index_of(files).map_err(SetupError::under(key))?);
        resources.own_texts.extend(verbatim::own_texts_of(files).map_err(SetupError::under(key))?);
    }
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
