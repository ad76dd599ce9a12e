//! The models that are compiled into the binary, so that the first command works with no network and no download.
//!
//! The project's own `train` commands wrote their folders in `models/`, each with its card.

use super::{ModelFiles, ModelKind};

/// Embeds the files of `models/FOLDER` as a table of names and contents.
macro_rules! embedded {
    ($folder:literal: $($file:literal),* $(,)?) => {
        &[$((
            $file,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/", $folder, "/", $file)).as_slice(),
        )),*]
    };
}

/// Embeds the classifier in `models/FOLDER`.
macro_rules! classifier {
    ($name:literal, $folder:literal) => {
        BuiltIn {
            name: $name,
            files: embedded!($folder: "config.json", "vocabulary.json", "model.safetensors", "README.md"),
        }
    };
}

/// A model compiled into the binary: `builtin:NAME`.
#[derive(Debug)]
struct BuiltIn {
    name: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

/// The built-in generators; the first is `builtin`.
static GENERATORS: &[BuiltIn] = &[BuiltIn {
    name: "es",
    files: embedded!(
        "generator-es":
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "model.safetensors",
        "own_texts.zst",
        "README.md",
    ),
}];

/// The built-in classifiers; the first is `builtin`.
static CLASSIFIERS: &[BuiltIn] =
    &[classifier!("vacunas-es", "classifier-vacunas-es"), classifier!("general-es", "classifier-general-es")];

/// The built-in critics, each for the generator of the same name; the first is `builtin`.
static CRITICS: &[BuiltIn] = &[classifier!("es", "critic-es")];

fn models(kind: ModelKind) -> &'static [BuiltIn] {
    match kind {
        ModelKind::Generator => GENERATORS,
        ModelKind::Classifier => CLASSIFIERS,
        ModelKind::Critic => CRITICS,
    }
}

/// Returns the names of the built-in models of a kind; `builtin` alone stands for the first.
pub fn names(kind: ModelKind) -> impl Iterator<Item = &'static str> {
    models(kind).iter().map(|model| model.name)
}

/// Returns the built-in model of this name, or the first if no name is given; `None` if no model has this name.
#[must_use]
pub fn find(kind: ModelKind, name: Option<&str>) -> Option<ModelFiles> {
    let model = models(kind).iter().find(|model| name.is_none_or(|name| model.name == name))?;
    Some(ModelFiles::Embedded(model.files))
}

/// Returns the message that names the built-in models there are.
#[must_use]
pub fn unknown(kind: ModelKind, name: &str) -> String {
    let known: Vec<String> = names(kind).map(|name| format!("builtin:{name}")).collect();
    format!("there is no built-in {} {name:?}; there are {}", kind.as_str(), known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::ControlLayout;
    use crate::sentiment::Classifier;

    #[test]
    fn every_built_in_model_is_whole_and_found_by_its_name() {
        for kind in [ModelKind::Generator, ModelKind::Classifier, ModelKind::Critic] {
            for name in names(kind) {
                let files = find(kind, Some(name)).unwrap();
                assert!(files.parameters().unwrap() > 100_000, "{name}");
                assert!(files.has("README.md"), "{name}");
            }
            assert!(find(kind, None).is_some() && find(kind, Some("klingon")).is_none());
        }
        let control = ControlLayout::read(&find(ModelKind::Generator, None).unwrap()).unwrap().unwrap();
        assert_eq!(control.names(), "TEMA, HASHTAGS", "config.toml and the README say so");
        assert!(control.fits("TEMA", "personal de salud") && !control.fits("TEMA", "personal"), "a typo is refused");
        assert!(unknown(ModelKind::Classifier, "x").contains("builtin:vacunas-es"));
    }

    #[test]
    fn the_built_in_critic_was_trained_on_the_texts_of_the_built_in_generator() {
        let critic = Classifier::load(&find(ModelKind::Critic, None).unwrap()).unwrap();
        let generator = find(ModelKind::Generator, None).unwrap().sha256().unwrap();
        let known = critic.config().generator.clone().expect("a critic names its generator");
        assert_eq!(known.sha256, generator, "train models/critic-es again: its README has the command");
        let written = critic.config().labels.iter().any(|label| label == "written");
        assert!(written && critic.config().reading.is_some());
    }
}
