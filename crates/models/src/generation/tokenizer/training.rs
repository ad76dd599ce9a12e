//! Trains a byte-level BPE tokenizer, as GPT-2 uses it, with the `tokenizers` crate.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::json;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Model as _, Tokenizer as Inner};

use super::{ADDED_TOKENS, END_OF_TEXT, Tokenizer};
use crate::catalog::WEIGHTS;
use pregonero_system::files::check_own_folder;

/// The files in which a tokenizer is stored; `tokenizer.json` comes last.
pub const FILES: [&str; 5] = ["vocab.json", "merges.txt", ADDED_TOKENS, "tokenizer_config.json", "tokenizer.json"];

/// The settings of a tokenizer's training.
#[derive(Debug, Clone)]
pub struct TokenizerTraining {
    /// Number of tokens, including the 256 bytes and the special ones.
    pub vocabulary_size: usize,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Special tokens besides end-of-text, in the order of their ids.
    pub special_tokens: Vec<String>,
}

/// Trains on `texts`. End-of-text has id 0; further special tokens follow, then the bytes.
///
/// # Errors
/// If the vocabulary is too small for the bytes and the special tokens.
pub fn train(texts: &[String], settings: &TokenizerTraining) -> Result<Tokenizer> {
    let least = 256 + 1 + settings.special_tokens.len();
    if settings.vocabulary_size < least {
        bail!(
            "a vocabulary of {} is too small: the bytes and special tokens alone need {least}",
            settings.vocabulary_size
        );
    }
    ensure!(
        settings.special_tokens.iter().all(|token| !token.trim().is_empty()),
        "--special: a token must not be empty"
    );
    let special =
        std::iter::once(END_OF_TEXT).chain(settings.special_tokens.iter().map(String::as_str)).collect::<Vec<_>>();
    let trainer = BpeTrainer::builder()
        .vocab_size(settings.vocabulary_size)
        .min_frequency(settings.min_frequency)
        .show_progress(false)
        .special_tokens(special.iter().map(|token| AddedToken::from(*token, true)).collect())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut inner = Inner::new(BPE::default());
    inner.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    inner.with_decoder(Some(ByteLevel::new(false, true, true)));
    inner
        .train(&mut TrainerWrapper::from(trainer), texts.iter())
        .map_err(|error| anyhow!("cannot train the tokenizer: {error}"))?;
    Ok(Tokenizer::over(inner))
}

/// Refuses a folder in which another tokenizer, or a model that needs its own tokenizer, would be overwritten.
///
/// # Errors
/// If the folder contains one, or the path is not a folder.
pub fn refuse_to_overwrite(folder: &Path) -> Result<()> {
    check_own_folder(folder)?;
    for name in FILES.into_iter().chain([WEIGHTS]) {
        let there = folder.join(name);
        ensure!(there.symlink_metadata().is_err(), "{}: exists already; choose another --output", there.display());
    }
    Ok(())
}

/// Writes `tokenizer.json`, `vocab.json` and `merges.txt` into `folder`: all of them are complete before the first is moved
/// there.
///
/// # Errors
/// If the folder cannot be written.
pub fn save(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let staging = tempfile::tempdir_in(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    let inner = tokenizer.inner();
    inner
        .save(staging.path().join("tokenizer.json"), false)
        .and_then(|()| inner.get_model().save(staging.path(), None))
        .map_err(|error| anyhow!("cannot write the tokenizer into {}: {error}", folder.display()))?;
    write_special_tokens(tokenizer, staging.path())
        .with_context(|| format!("cannot write the tokenizer into {}", folder.display()))?;
    for name in FILES {
        let target = folder.join(name);
        std::fs::rename(staging.path().join(name), &target)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}

/// Writes what `vocab.json` and `merges.txt` cannot express: the special tokens, for this program and for
/// transformers.
fn write_special_tokens(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    let special = tokenizer.special_tokens();
    let ids: BTreeMap<&str, Option<u32>> =
        special.iter().map(|token| (token.as_str(), tokenizer.id_of(token))).collect();
    std::fs::write(folder.join(ADDED_TOKENS), serde_json::to_vec_pretty(&ids)?)?;
    let further: Vec<&String> = special.iter().filter(|token| *token != END_OF_TEXT).collect();
    let description = json!({
        "tokenizer_class": "GPT2Tokenizer",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "unk_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "additional_special_tokens": further,
        "add_prefix_space": false,
        "clean_up_tokenization_spaces": false,
    });
    std::fs::write(folder.join("tokenizer_config.json"), serde_json::to_vec_pretty(&description)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ModelFiles;

    fn trained(vocabulary_size: usize) -> Result<Tokenizer> {
        let texts: Vec<String> =
            (0..50).map(|i| format!("mañana vacunan en la plaza número {i}, ¡qué bien! 🎉")).collect();
        let settings =
            TokenizerTraining { vocabulary_size, min_frequency: 2, special_tokens: vec!["[TWEET]".to_owned()] };
        train(&texts, &settings)
    }

    #[test]
    fn every_byte_accents_and_joined_emoji_survive_the_round_trip() {
        let tokenizer = trained(400).expect("a tokenizer");
        let latin: String = (0..=255_u8).map(char::from).collect();
        for text in [latin.as_str(), "¿Ñandú, pingüino o acción?", "👩‍👩‍👧‍👦 🏳️‍🌈 1️⃣ 🇨🇴", "\u{0}\u{7f}\t\n  ", "日本語 العربية"]
        {
            let ids = tokenizer.encode(text).expect("encodable");
            assert_eq!(tokenizer.decode(&ids).expect("decodable"), text);
        }
        assert!(tokenizer.encode("mañana vacunan").expect("encodable").len() < 8, "the words were learned");
    }

    #[test]
    fn special_tokens_have_real_ids_and_leave_no_trace() {
        let tokenizer = trained(400).expect("a tokenizer");
        assert_eq!(tokenizer.end_of_text(), Some(0));
        assert_eq!(tokenizer.encode("[TWEET]<|endoftext|>").expect("encodable"), [1, 0]);
        assert_eq!(tokenizer.decode(&[1, 0]).expect("decodable"), "");
    }

    #[test]
    fn both_forms_on_disk_give_the_same_ids() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        save(&trained(400).expect("a tokenizer"), folder.path()).expect("writable");
        let files = ModelFiles::in_folder(folder.path()).expect("there");
        let one = Tokenizer::read(&files).expect("readable");
        std::fs::remove_file(folder.path().join("tokenizer.json")).expect("removable");
        let other = Tokenizer::read(&files).expect("readable");
        for text in ["mañana vacunan", "la plaza <|endoftext|> 🎉", "sin verlo nunca"] {
            assert_eq!(one.encode(text).expect("encodable"), other.encode(text).expect("encodable"), "{text}");
        }
        std::fs::remove_file(folder.path().join("merges.txt")).expect("removable");
        let message = format!("{:#}", Tokenizer::read(&files).expect_err("nothing is left"));
        assert!(message.contains("tokenizer.json") && message.contains("merges.txt"), "{message}");
    }

    #[test]
    fn a_vocabulary_without_room_for_the_bytes_is_refused() {
        let message = trained(257).expect_err("too small").to_string();
        assert!(message.contains("258"), "{message}");
    }

    #[derive(serde::Deserialize)]
    struct Reference {
        texts: Vec<String>,
        tokens: Vec<String>,
        merges: Vec<String>,
        probes: Vec<Probe>,
    }

    #[derive(serde::Deserialize)]
    struct Probe {
        text: String,
        ids: Vec<u32>,
    }

    #[test]
    fn the_tokenizer_is_that_of_the_python_package() {
        let reference: Reference =
            serde_json::from_str(include_str!("../../../../../tests/data/tokenizer/reference.json")).expect("JSON");
        let settings =
            TokenizerTraining { vocabulary_size: 400, min_frequency: 2, special_tokens: vec!["[TWEET]".to_owned()] };
        let trained = train(&reference.texts, &settings).expect("a tokenizer");
        let folder = tempfile::tempdir().expect("a temporary folder");
        save(&trained, folder.path()).expect("writable");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("readable");
        let vocabulary: BTreeMap<String, usize> = serde_json::from_str(&read("vocab.json")).expect("JSON");
        let theirs: BTreeMap<String, usize> =
            reference.tokens.iter().enumerate().map(|(id, token)| (token.clone(), id)).collect();
        assert_eq!(vocabulary, theirs);
        let merges: Vec<String> = read("merges.txt").lines().skip(1).map(str::to_owned).collect();
        assert_eq!(merges, reference.merges);
        for probe in &reference.probes {
            assert_eq!(trained.encode(&probe.text).expect("encodable"), probe.ids, "{}", probe.text);
        }
    }

    #[test]
    fn every_byte_has_a_token_of_its_own() {
        let tokenizer = trained(300).expect("a tokenizer");
        let bytes: std::collections::BTreeSet<u32> =
            ByteLevel::alphabet().iter().filter_map(|character| tokenizer.id_of(&character.to_string())).collect();
        assert_eq!(bytes.len(), 256);
    }

    proptest::proptest! {
        #[test]
        fn any_text_survives_the_round_trip(text in "(\\PC|[ -~]|[áéíóúñ¿¡üÁÑ]|👩‍👩‍👧‍👦|🏳️‍🌈|1️⃣|🇨🇴|\\s|[\\x00-\\x1f]){0,40}") {
            static TOKENIZER: std::sync::LazyLock<Tokenizer> =
                std::sync::LazyLock::new(|| trained(400).expect("a tokenizer"));
            let ids = TOKENIZER.encode(&text).expect("encodable");
            proptest::prop_assert_eq!(TOKENIZER.decode(&ids).expect("decodable"), text);
        }
    }
}
