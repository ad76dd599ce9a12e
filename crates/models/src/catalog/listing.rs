//! What `models list` and `models show` print: every available model with its source, size and card.

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use super::hub::{CachedModel, cached_models};
use super::{Conversion, HubSettings, ModelFiles, ModelKind, builtin, open};
use crate::catalog::ModelSource;

/// The name of a model's card.
const CARD: &str = "README.md";

/// One model as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelSummary {
    /// What `config.toml` calls it: `builtin`, a folder, `hub:OWNER/NAME`.
    pub name: String,
    /// Absent if the files are neither a GPT-2's nor a classifier's: pregonero cannot use it.
    pub kind: Option<ModelKind>,
    /// Where it is: `compiled into the binary` or a folder.
    pub location: String,
    /// The size of all weight files together.
    pub size_bytes: u64,
    /// Absent if the weights cannot be read.
    pub parameters: Option<u64>,
    /// Its card, as messages name the file; absent if it has none.
    pub card: Option<String>,
    /// Whether it can be loaded.
    pub usable: bool,
    /// Why it cannot.
    pub why_not: Option<String>,
    /// What it needs once it is loaded; absent if it cannot be loaded.
    #[serde(flatten)]
    pub needs: Option<Needs>,
}

/// The memory that a loaded model takes on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Bytes of the weights.
    pub memory_bytes: u64,
    /// Bytes for each text that is written at the same time, at the greatest length that the model allows; 0 for a
    /// classifier.
    pub memory_per_text_bytes: u64,
}

/// Returns what a model needs, or why it cannot be loaded.
pub type Examine<'a> = &'a dyn Fn(&ModelFiles, ModelKind) -> Result<Needs>;

/// One model with all its details.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelDetails {
    #[serde(flatten)]
    pub summary: ModelSummary,
    /// See [`ModelFiles::sha256`].
    pub sha256: String,
    /// The files that its weights are read from.
    pub weight_files: Vec<String>,
    /// The types that its weights are stored as: `f32`, `bf16` and so on.
    pub stored_as: Vec<String>,
    /// What the weights were made from, if that is a pickle.
    pub conversion: Option<Conversion>,
    /// The content of `config.json`.
    pub config: serde_json::Value,
    /// The card's text; absent if it has none.
    pub card_text: Option<String>,
}

/// Lists the built-in models, then those in the cache by name, including those that cannot be used. Reads only the
/// disk.
///
/// # Errors
/// If a built-in model is broken.
pub fn list(hub: &HubSettings, examine: Examine<'_>) -> Result<Vec<ModelSummary>> {
    let mut models = Vec::new();
    for kind in [ModelKind::Generator, ModelKind::Classifier, ModelKind::Critic] {
        for (place, name) in builtin::names(kind).enumerate() {
            // The first of a kind has the plain name, which is the configuration's default.
            let source = match place {
                0 => ModelSource::BuiltIn,
                _ => ModelSource::BuiltInNamed(name.to_owned()),
            };
            models.push(summary(source.to_string(), &open(&source, kind, hub)?, Some(kind), examine));
        }
    }
    models.extend(cached_models(&hub.cache_dir).into_iter().map(|model| cached(model, examine)));
    Ok(models)
}

fn cached(model: CachedModel, examine: Examine<'_>) -> ModelSummary {
    let name = ModelSource::Hub(model.repository.to_string()).to_string();
    let files = ModelFiles::Folder(model.folder);
    let summary = summary(name, &files, kind_of(&files), examine);
    match model.fault {
        None => summary,
        Some(fault) => {
            ModelSummary { usable: false, why_not: Some(fault.to_string()), needs: None, parameters: None, ..summary }
        }
    }
}

/// Returns everything about one model. Reads all of its weights, for their digest.
///
/// # Errors
/// As [`open`]; and if its weights or `config.json` cannot be read.
pub fn show(source: &ModelSource, kind: ModelKind, hub: &HubSettings, examine: Examine<'_>) -> Result<ModelDetails> {
    let files = open(source, kind, hub)?;
    let config = serde_json::from_slice(&files.read("config.json")?)
        .with_context(|| format!("{}: not JSON", files.display("config.json")))?;
    let card_text = match files.has(CARD) {
        true => Some(String::from_utf8_lossy(&files.read(CARD)?).into_owned()),
        false => None,
    };
    // A built-in classifier is recognised by its name, not by its files.
    let kind = if matches!(files, ModelFiles::Embedded(_)) { Some(kind) } else { kind_of(&files) };
    Ok(ModelDetails {
        sha256: files.sha256()?,
        weight_files: files.weight_files()?,
        stored_as: files.types().unwrap_or_default().into_iter().collect(),
        conversion: files.conversion()?,
        summary: summary(source.to_string(), &files, kind, examine),
        config,
        card_text,
    })
}

fn summary(name: String, files: &ModelFiles, kind: Option<ModelKind>, examine: Examine<'_>) -> ModelSummary {
    let location = match files {
        ModelFiles::Embedded(_) => "compiled into the binary".to_owned(),
        ModelFiles::Folder(folder) => folder.display().to_string(),
    };
    let examined = match kind {
        Some(kind) => examine(files, kind),
        None => Err(anyhow!("{}: it is neither a GPT-2's nor a classifier's", files.display("config.json"))),
    };
    let (needs, why_not) = match examined {
        Ok(needs) => (Some(needs), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    ModelSummary {
        name,
        kind,
        location,
        size_bytes: files.weights_size().unwrap_or_default(),
        parameters: files.parameters().ok(),
        card: files.has(CARD).then(|| files.display(CARD)),
        usable: needs.is_some(),
        why_not,
        needs,
    }
}

/// Determines the kind of a model: a classifier has a vocabulary of words, and a GPT-2 says so in its `config.json`.
fn kind_of(files: &ModelFiles) -> Option<ModelKind> {
    if files.has("vocabulary.json") {
        return Some(ModelKind::Classifier);
    }
    let config: serde_json::Value = serde_json::from_slice(&files.read("config.json").ok()?).ok()?;
    (config.get("model_type")? == "gpt2").then_some(ModelKind::Generator)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn write(folder: &Path, files: &[(&str, &[u8])]) {
        std::fs::create_dir_all(folder).unwrap();
        for (name, content) in files {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }

    /// Builds a safetensors file of one tensor of 2 x 3 bytes.
    fn weights() -> Vec<u8> {
        let header = br#"{"w":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}}"#;
        [&(header.len() as u64).to_le_bytes()[..], header, &[0; 6]].concat()
    }

    fn settings(cache: &Path) -> HubSettings {
        let cache = cache.display().to_string();
        HubSettings::from_lookup(|name| (name == "HF_HUB_CACHE").then(|| cache.clone())).unwrap()
    }

    const NEEDS: Needs = Needs { memory_bytes: 24, memory_per_text_bytes: 2 };

    #[test]
    fn cached_models_are_listed_by_name_with_what_they_are_and_need() {
        let cache = tempfile::tempdir().unwrap();
        let (one, two, half) = ("models--b--writer", "models--a--reader", "models--c--half");
        let root = |name: &str| cache.path().join(name);
        let weights = weights();
        let writer = [("config.json", &br#"{"model_type":"gpt2"}"#[..]), ("model.safetensors", &weights)];
        write(&root(one).join("snapshots/c1"), &writer);
        write(&root(one).join("snapshots/c0"), &writer);
        write(&root(one).join("refs"), &[("main", b"c1")]);
        let reader =
            [("config.json", &b"{}"[..]), ("vocabulary.json", b"{}"), ("model.safetensors", &weights), (CARD, b"# hi")];
        write(&root(two).join("snapshots/c2"), &reader);
        write(&root(two).join("refs"), &[("main", b"c2")]);
        write(&root(half).join("snapshots/c3"), &writer[..1]);
        write(&root(half).join("refs"), &[("main", b"c3")]);

        let other = root("models--d--bert");
        write(&other.join("snapshots/c4"), &[("config.json", br#"{"model_type":"bert"}"#), writer[1]]);
        write(&other.join("refs"), &[("main", b"c4")]);

        let examine = |_: &ModelFiles, _: ModelKind| Ok(NEEDS);
        let models: Vec<ModelSummary> =
            cached_models(cache.path()).into_iter().map(|model| cached(model, &examine)).collect();

        let seen: Vec<_> = models.iter().map(|model| (model.name.as_str(), model.kind, model.parameters)).collect();
        assert_eq!(
            seen,
            [
                ("hub:a/reader", Some(ModelKind::Classifier), Some(6)),
                ("hub:b/writer@c0", Some(ModelKind::Generator), Some(6)),
                ("hub:b/writer", Some(ModelKind::Generator), Some(6)),
                ("hub:c/half", Some(ModelKind::Generator), None),
                ("hub:d/bert", None, Some(6)),
            ]
        );
        assert_eq!(models[0].size_bytes, weights.len() as u64);
        assert!(models[0].card.as_ref().is_some_and(|card| card.ends_with("c2/README.md")));
        assert_eq!((&models[1].card, models[1].usable, models[1].needs), (&None, true, Some(NEEDS)));
        for (model, said) in [(&models[3], "models pull c/half"), (&models[4], "neither a GPT-2's nor")] {
            assert!(!model.usable && model.needs.is_none());
            assert!(model.why_not.as_ref().is_some_and(|why| why.contains(said)), "{model:#?}");
        }
    }

    #[test]
    fn the_details_hold_config_digest_and_card() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[("config.json", br#"{"model_type":"gpt2"}"#), ("model.safetensors", b"abc"), (CARD, b"# x")],
        );
        let source = ModelSource::Folder(folder.path().to_owned());
        let broken = |_: &ModelFiles, _: ModelKind| Err(anyhow!("broken"));
        let details = show(&source, ModelKind::Generator, &settings(folder.path()), &broken).unwrap();
        assert_eq!(details.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(details.config["model_type"], "gpt2");
        assert_eq!(details.card_text.as_deref(), Some("# x"));
        assert_eq!((details.summary.parameters, details.summary.why_not.as_deref()), (None, Some("broken")));
        assert_eq!((details.weight_files, details.conversion), (vec!["model.safetensors".to_owned()], None));
    }
}
