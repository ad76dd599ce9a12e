//! A controlled model beside transformers: the same token ids, logits and greedy texts.
//!
//! `tests/data/control/model` was written by `train generator --control`; `make.py` beside it made the reference values.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::gpt2::{Gpt2, NoDropout};
use super::tokenizer::Tokenizer;
use super::{Decoding, Engine, GenerationRequest};
use crate::catalog::ModelFiles;
use crate::config::{DeviceChoice, Strategy};
use crate::tweet::ModelIdentity;

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
    serde_json::from_str(include_str!("../../tests/data/control/reference.json")).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/control/model")
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
    let identity = ModelIdentity { name: "control".to_owned(), sha256: String::new() };
    let files = ModelFiles::in_folder(&folder()).unwrap();
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
