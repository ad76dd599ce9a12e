//! Trains a byte-level BPE tokenizer, as GPT-2 uses it, with the `tokenizers` crate.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Model as _, Tokenizer as Inner};

use crate::generation::tokenizer::{END_OF_TEXT, Tokenizer};

/// What a tokenizer is trained with.
#[derive(Debug, Clone)]
pub struct TokenizerTraining {
    /// Number of tokens, the 256 bytes and the special ones included.
    pub vocabulary_size: usize,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Special tokens beside end-of-text, in the order of their ids.
    pub special_tokens: Vec<String>,
}

/// Trains on `texts`. End-of-text is id 0, further special tokens follow, then the bytes.
///
/// # Errors
/// Where the vocabulary is too small for the bytes and the special tokens.
pub fn train(texts: &[String], settings: &TokenizerTraining) -> Result<Tokenizer> {
    let least = 256 + 1 + settings.special_tokens.len();
    if settings.vocabulary_size < least {
        bail!("a vocabulary of {} is too small: the bytes and special tokens alone need {least}", settings.vocabulary_size);
    }
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

/// Writes `tokenizer.json`, `vocab.json` and `merges.txt` into `folder`, all or none of them.
///
/// # Errors
/// Where the folder cannot be written.
pub fn save(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let staging = tempfile::tempdir_in(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
    let inner = tokenizer.inner();
    inner
        .save(staging.path().join("tokenizer.json"), false)
        .and_then(|()| inner.get_model().save(staging.path(), None))
        .map_err(|error| anyhow!("cannot write the tokenizer into {}: {error}", folder.display()))?;
    for name in ["vocab.json", "merges.txt", "tokenizer.json"] {
        let target = folder.join(name);
        std::fs::rename(staging.path().join(name), &target)
            .with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}
