//! Reads bytes as one file of a tiny model, which the first byte selects: weights and configurations of a GPT-2, of the
//! same with int8 weights, and of a classifier, through the program's own functions. A model that loads must also work.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pregonero_fuzz::{CLASSIFIER, GENERATOR, GENERATOR_INT8, choice, folder, model};
use pregonero_models::catalog::ModelFiles;
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::Engine;
use pregonero_models::sentiment::Classifier;
use pregonero_tweet::ModelIdentity;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime starts"));

fuzz_target!(init: the_models_themselves_load(), |data: &[u8]| {
    let Some((choice, data)) = choice(data) else { return };
    match choice % 7 {
        0 => drop(generator(&model("generator", &GENERATOR, "model.safetensors", data))),
        1 => drop(classifier(&model("classifier", &CLASSIFIER, "model.safetensors", data))),
        2 => drop(generator(&model("generator", &GENERATOR, "config.json", data))),
        3 => drop(classifier(&model("classifier", &CLASSIFIER, "config.json", data))),
        4 => drop(classifier(&model("classifier", &CLASSIFIER, "vocabulary.json", data))),
        5 => drop(generator(&model("int8", &GENERATOR_INT8, "model.safetensors", data))),
        _ => drop(generator(&model("int8", &GENERATOR_INT8, "config.json", data))),
    }
});

/// Checks that the unchanged files load: otherwise every input would fail at the same place, and nothing after it
/// would be tested.
fn the_models_themselves_load() {
    generator(&folder("generator", &GENERATOR)).expect("the generator loads");
    generator(&folder("int8", &GENERATOR_INT8)).expect("the generator with int8 weights loads");
    classifier(&folder("classifier", &CLASSIFIER)).expect("the classifier loads");
}

/// Loads and warms up a generator on its own thread, as for a round.
fn generator(folder: &Path) -> anyhow::Result<()> {
    let files = ModelFiles::in_folder(folder)?;
    let _ = files.parameters();
    let identity = ModelIdentity { name: "fuzz".to_owned(), sha256: String::new() };
    RUNTIME.block_on(Engine::start(files, identity, DeviceChoice::Cpu)).map(drop)
}

fn classifier(folder: &Path) -> anyhow::Result<()> {
    let classifier = Classifier::load(&ModelFiles::in_folder(folder)?)?;
    assert_eq!(classifier.score(&["hola a todos"])?.len(), 1);
    Ok(())
}
