//! A controlled model compared with transformers: the same token ids, logits and greedy texts.
//!
//! `train generator --control` wrote `tests/data/control/model`; `make.py` next to it made the reference values.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::control;
use super::gpt2::{Gpt2, NoDropout};
use super::tokenizer::Tokenizer;
use super::{Decoding, Engine, GenerationRequest};
use crate::catalog::ModelFiles;
use crate::generation::{DeviceChoice, Strategy};
use pregonero_tweet::ModelIdentity;

#[derive(Deserialize)]
struct Reference {
    sentiment: String,
    hashtags: String,
    prompt: String,
    text: String,
    ids: Vec<u32>,
    logits: Vec<f32>,
    greedy: Vec<u32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("../../../../tests/data/control/reference.json")).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/control/model")
}

#[test]
fn both_forms_of_the_tokenizer_give_the_ids_of_transformers() {
    let older = tempfile::tempdir().unwrap();
    for name in ["vocab.json", "merges.txt", "added_tokens.json"] {
        std::fs::copy(folder().join(name), older.path().join(name)).unwrap();
    }
    for folder in [folder(), older.path().to_owned()] {
        let tokenizer = Tokenizer::read(&ModelFiles::in_folder(&folder).unwrap()).unwrap();
        for reference in references() {
            assert_eq!(tokenizer.encode(&reference.text).unwrap(), reference.ids, "{}", reference.text);
        }
    }
}

#[test]
fn its_logits_are_those_of_transformers() {
    let model = Gpt2::load(&ModelFiles::in_folder(&folder()).unwrap(), &Device::Cpu, DType::F32).unwrap();
    for reference in references() {
        let steps = reference.ids.len();
        let ids = Tensor::from_vec(reference.ids, (1, steps), &Device::Cpu).unwrap();
        let hidden = model.hidden(&ids, &mut NoDropout).unwrap().narrow(1, steps - 1, 1).unwrap();
        let logits: Vec<f32> = model.head(&hidden).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(logits.len(), reference.logits.len());
        for (place, (own, theirs)) in logits.iter().zip(&reference.logits).enumerate() {
            assert!((own - theirs).abs() < 1e-4, "{}: logit {place} is {own}, not {theirs}", reference.text);
        }
    }
}

#[tokio::test]
async fn attributes_give_the_greedy_texts_of_transformers() {
    greedy_texts_are_those_of_transformers(&folder()).await;
}

/// Returns the same model as another program writes it: without a layout in `config.json`.
fn foreign() -> tempfile::TempDir {
    let foreign = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), foreign.path().join(entry.file_name())).unwrap();
    }
    let path = foreign.path().join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config.as_object_mut().unwrap().remove(control::CONFIG_KEY).unwrap();
    std::fs::write(&path, config.to_string()).unwrap();
    foreign
}

#[tokio::test]
async fn a_declared_layout_gives_the_same_texts_and_leaves_the_downloaded_files_alone() {
    let foreign = foreign();
    let layout = foreign.path().join("layout.toml");
    let content = "[[attributes]]\nname = \"SENTIMIENTO\"\nvalues = [\"NEGATIVE\", \"POSITIVE\"]\n[[attributes]]\n\
                   name = \"HASHTAGS\"\ntoken = \"[HASHTAGS]\"\n";
    std::fs::write(&layout, content).unwrap();
    let config = std::fs::read(foreign.path().join("config.json")).unwrap();
    let (declared, file) = control::declare(foreign.path(), &layout).unwrap();
    assert_eq!(file, foreign.path().join("pregonero.json"));
    assert_eq!((declared.names().as_str(), declared.start.as_str()), ("SENTIMIENTO, HASHTAGS", "[TWEET]"));
    assert_eq!(declared.truncation, ["HASHTAGS"]);
    assert_eq!(std::fs::read(foreign.path().join("config.json")).unwrap(), config);
    greedy_texts_are_those_of_transformers(foreign.path()).await;

    control::declare(foreign.path(), &layout).expect("a declaration is replaced by the next one");
    std::fs::write(&file, "{\"mine\": true}").unwrap();
    let message = control::declare(foreign.path(), &layout).unwrap_err().to_string();
    assert!(message.contains("pregonero.json: exists already and was not written by this command"), "{message}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"mine\": true}");
}

#[test]
fn a_layout_that_does_not_fit_the_model_is_refused_with_the_reason() {
    let foreign = foreign();
    let layout = foreign.path().join("layout.toml");
    let attribute = |rest: &str| format!("[[attributes]]\nname = \"SENTIMIENTO\"\n{rest}");
    for (content, expected) in [
        (
            attribute("token = \"<|s|>\""),
            "no token <|s|>; its added tokens are: <|endoftext|>, [SENTIMIENTO], [HASHTAGS]",
        ),
        (format!("start = \"[TEXTO]\"\n{}", attribute("")), "no token [TEXTO]"),
        (attribute("token = \"[TWEET]\""), "the token [TWEET] is named twice"),
        (format!("length = 100000\n{}", attribute("")), "length: expected 1 to the model's "),
        (format!("truncation = [\"TEMA\"]\n{}", attribute("")), "\"TEMA\" cannot be shortened"),
        ("attributes = []".to_owned(), "no attribute is named"),
        (attribute("tokn = \"a\""), "not a layout of control tokens: "),
        ("{}".to_owned(), "not a layout of control tokens: "),
    ] {
        std::fs::write(&layout, &content).unwrap();
        let message = format!("{:#}", control::declare(foreign.path(), &layout).unwrap_err());
        assert!(message.contains("layout.toml: ") && message.contains(expected), "{content}: {message}");
        assert!(!foreign.path().join("pregonero.json").exists(), "{content}");
    }
    let message = format!("{:#}", control::declare(&folder(), &layout).unwrap_err());
    assert!(message.contains("config.json: this model already has a layout"), "{message}");
    std::fs::write(foreign.path().join("pregonero.json"), r#"{"control": {"start": 1}}"#).unwrap();
    let files = ModelFiles::in_folder(foreign.path()).unwrap();
    let message = format!("{:#}", control::ControlLayout::read(&files).unwrap_err());
    assert!(
        message.contains("pregonero.json: control is not a layout of control tokens; declare it again"),
        "{message}"
    );
}

async fn greedy_texts_are_those_of_transformers(folder: &Path) {
    let identity = ModelIdentity { name: "control".to_owned(), sha256: String::new() };
    let files = ModelFiles::in_folder(folder).unwrap();
    let engine = Engine::start(files, identity, DeviceChoice::Cpu).await.unwrap();
    for reference in references() {
        let given = [("SENTIMIENTO", &reference.sentiment), ("HASHTAGS", &reference.hashtags)];
        let attributes = given.into_iter().filter(|(_, value)| !value.is_empty());
        let request = GenerationRequest {
            prompt: reference.prompt.clone(),
            attributes: attributes.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            seeds: vec![1],
            decoding: Decoding::unfiltered(Strategy::Greedy, 12),
            length: None,
        };
        let candidate = engine.generate(request).await.unwrap().remove(0);
        assert_eq!(candidate.token_ids[candidate.prompt_tokens..], reference.greedy, "{}", reference.text);
        assert!(candidate.text.starts_with(&reference.prompt) && !candidate.text.contains('['), "{candidate:?}");
    }
}
