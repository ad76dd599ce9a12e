//! What `models list` and `models show` say: every model at hand with its source, size and card.

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::hub::{Repository, pulled_repositories};
use super::{HubSettings, ModelFiles, ModelKind, builtin, open};
use crate::config::ModelSource;

/// The name of a model's card.
const CARD: &str = "README.md";

/// One model as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelSummary {
    /// What `config.toml` calls it: `builtin`, a folder, `hub:OWNER/NAME`.
    pub name: String,
    /// Absent where the files are neither a GPT-2's nor a classifier's: pregonero cannot use it.
    pub kind: Option<ModelKind>,
    /// Where it lies: `compiled into the binary` or a folder.
    pub location: String,
    /// Of all weight files together.
    pub size_bytes: u64,
    /// Absent where the weights cannot be read.
    pub parameters: Option<u64>,
    /// Its card, as messages name the file; absent where it has none.
    pub card: Option<String>,
}

/// One model with all there is to show of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelDetails {
    #[serde(flatten)]
    pub summary: ModelSummary,
    /// See [`ModelFiles::sha256`].
    pub sha256: String,
    /// The content of `config.json`.
    pub config: serde_json::Value,
    /// The card's text; absent where it has none.
    pub card_text: Option<String>,
}

/// The built-in models, then the pulled ones by name. Looks at the disk only.
///
/// # Errors
/// Where a file that is there cannot be read.
pub fn list(hub: &HubSettings) -> Result<Vec<ModelSummary>> {
    let mut models = Vec::new();
    for kind in [ModelKind::Generator, ModelKind::Classifier] {
        for (place, name) in builtin::names(kind).enumerate() {
            // The first of a kind bears the plain name, which is what the configuration says by default.
            let source = match place {
                0 => ModelSource::BuiltIn,
                _ => ModelSource::BuiltInNamed(name.to_owned()),
            };
            let summary = summary(source.to_string(), &open(&source, kind, hub)?)?;
            models.push(ModelSummary { kind: Some(kind), ..summary });
        }
    }
    models.extend(pulled(hub)?);
    Ok(models)
}

fn pulled(hub: &HubSettings) -> Result<Vec<ModelSummary>> {
    let models = pulled_repositories(&hub.cache_dir).into_iter();
    let name = |repository: Repository| ModelSource::Hub(repository.to_string()).to_string();
    models.map(|(repository, folder)| summary(name(repository), &ModelFiles::Folder(folder))).collect()
}

/// Everything about one model. Reads all of its weights, for their digest.
///
/// # Errors
/// As [`open`]; where its weights or `config.json` cannot be read.
pub fn show(source: &ModelSource, kind: ModelKind, hub: &HubSettings) -> Result<ModelDetails> {
    let files = open(source, kind, hub)?;
    let config = serde_json::from_slice(&files.read("config.json")?)
        .with_context(|| format!("{}: not JSON", files.display("config.json")))?;
    let card_text = match files.has(CARD) {
        true => Some(String::from_utf8_lossy(&files.read(CARD)?).into_owned()),
        false => None,
    };
    Ok(ModelDetails { summary: summary(source.to_string(), &files)?, sha256: files.sha256()?, config, card_text })
}

fn summary(name: String, files: &ModelFiles) -> Result<ModelSummary> {
    let location = match files {
        ModelFiles::Embedded(_) => "compiled into the binary".to_owned(),
        ModelFiles::Folder(folder) => folder.display().to_string(),
    };
    Ok(ModelSummary {
        name,
        kind: kind_of(files),
        location,
        size_bytes: files.weights_size()?,
        parameters: files.parameters().ok(),
        card: files.has(CARD).then(|| files.display(CARD)),
    })
}

/// A classifier has a vocabulary of words, a GPT-2 says so in its `config.json`.
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

    /// A safetensors file of one tensor of 2 x 3 bytes.
    fn weights() -> Vec<u8> {
        let header = br#"{"w":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}}"#;
        [&(header.len() as u64).to_le_bytes()[..], header, &[0; 6]].concat()
    }

    fn settings(cache: &Path) -> HubSettings {
        let cache = cache.display().to_string();
        HubSettings::from_lookup(|name| (name == "HF_HUB_CACHE").then(|| cache.clone())).unwrap()
    }

    #[test]
    fn pulled_models_are_listed_by_name_with_what_they_are() {
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

        let models = pulled(&settings(cache.path())).unwrap();

        let seen: Vec<_> = models.iter().map(|model| (model.name.as_str(), model.kind, model.parameters)).collect();
        assert_eq!(
            seen,
            [
                ("hub:a/reader", Some(ModelKind::Classifier), Some(6)),
                ("hub:b/writer@c0", Some(ModelKind::Generator), Some(6)),
                ("hub:b/writer", Some(ModelKind::Generator), Some(6)),
            ]
        );
        assert_eq!(models[0].size_bytes, weights.len() as u64);
        assert!(models[0].card.as_ref().is_some_and(|card| card.ends_with("c2/README.md")));
        assert_eq!(models[1].card, None);
    }

    #[test]
    fn the_details_hold_config_digest_and_card() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[("config.json", br#"{"model_type":"gpt2"}"#), ("model.safetensors", b"abc"), (CARD, b"# x")],
        );
        let source = ModelSource::Folder(folder.path().to_owned());
        let details = show(&source, ModelKind::Generator, &settings(folder.path())).unwrap();
        assert_eq!(details.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(details.config["model_type"], "gpt2");
        assert_eq!(details.card_text.as_deref(), Some("# x"));
        assert_eq!(details.summary.parameters, None);
    }
}
