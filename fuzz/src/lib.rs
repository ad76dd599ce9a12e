//! What the targets share: an in-memory folder for bytes that must be a file, and the tiny models whose files the
//! bytes replace or accompany.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

/// One folder per process, in memory if the system has a place for that.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder can be made")
});

/// A GPT-2 of one layer, as `make_seeds.py` made it.
pub const GENERATOR: [(&str, &[u8]); 3] = [
    ("config.json", include_bytes!("../fixtures/generator/config.json")),
    ("tokenizer.json", include_bytes!("../fixtures/generator/tokenizer.json")),
    ("model.safetensors", include_bytes!("../fixtures/generator/model.safetensors")),
];

/// The same GPT-2 with int8 weights, as `pregonero models quantize fuzz/fixtures/generator --output FOLDER` wrote it.
pub const GENERATOR_INT8: [(&str, &[u8]); 3] = [
    ("config.json", include_bytes!("../fixtures/generator-int8/config.json")),
    ("tokenizer.json", include_bytes!("../fixtures/generator/tokenizer.json")),
    ("model.safetensors", include_bytes!("../fixtures/generator-int8/model.safetensors")),
];

/// A BiLSTM of two units, as `make_seeds.py` made it.
pub const CLASSIFIER: [(&str, &[u8]); 3] = [
    ("config.json", include_bytes!("../fixtures/classifier/config.json")),
    ("vocabulary.json", include_bytes!("../fixtures/classifier/vocabulary.json")),
    ("model.safetensors", include_bytes!("../fixtures/classifier/model.safetensors")),
];

/// Writes `data` to a file that stays until the next one of the same name, and returns its path.
pub fn file(name: &str, data: &[u8]) -> PathBuf {
    let path = FOLDER.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder can be made");
    std::fs::write(&path, data).expect("the file can be written");
    path
}

/// Creates a folder with these files.
pub fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let path = FOLDER.path().join(name);
    let _ = std::fs::remove_dir_all(&path);
    for (file_name, data) in files {
        file(&format!("{name}/{file_name}"), data);
    }
    path
}

/// Creates a model's folder in which `data` replaces one of its files.
pub fn model(name: &str, files: &[(&str, &[u8]); 3], replaced: &str, data: &[u8]) -> PathBuf {
    folder(name, &files.map(|(file, content)| (file, if file == replaced { data } else { content })))
}

/// Splits off the first byte, for a target that has to choose; returns it and the rest.
pub fn choice(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}
