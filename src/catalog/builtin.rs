//! The models that are compiled into the binary, so that the first command works with no network and no download.
//!
//! Their folders in `models/` are written by this project's own `train` commands, each with its card.

use super::ModelFiles;

/// The files of `models/FOLDER` as a table of names and contents.
macro_rules! embedded {
    ($folder:literal: $($file:literal),* $(,)?) => {
        &[$((
            $file,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/", $folder, "/", $file)).as_slice(),
        )),*]
    };
}

static GENERATOR: &[(&str, &[u8])] = embedded!(
    "generator-es":
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "model.safetensors",
    "verbatim.bin",
    "README.md",
);

static CLASSIFIER: &[(&str, &[u8])] = embedded!(
    "classifier-vacunas-es":
    "config.json",
    "vocabulary.json",
    "model.safetensors",
    "README.md",
);

/// The built-in Spanish GPT-2.
#[must_use]
pub fn generator() -> ModelFiles {
    ModelFiles::Embedded(GENERATOR)
}

/// The built-in sentiment classifier.
#[must_use]
pub fn classifier() -> ModelFiles {
    ModelFiles::Embedded(CLASSIFIER)
}
