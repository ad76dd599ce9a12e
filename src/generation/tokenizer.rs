//! GPT-2's byte-level BPE over the `tokenizers` crate, from `tokenizer.json` or `vocab.json` + `merges.txt`.
//!
//! Texts are decoded as whole sequences: a token may hold half a letter, so that decoding one by one breaks accents and
//! emoji.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokenizers::{AddedToken, Tokenizer as Inner};

use super::gpt2::Gpt2Config;
use crate::catalog::ModelFiles;

/// The token that ends a text in every GPT-2 checkpoint.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// Where the older pair of files has the tokens that its vocabulary lacks.
pub(crate) const ADDED_TOKENS: &str = "added_tokens.json";

/// Turns text into token ids and back.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Inner,
    end_of_text: Option<u32>,
    vocabulary_size: usize,
}

impl Tokenizer {
    /// Reads the tokenizer of a model.
    ///
    /// # Errors
    /// Where neither form is there, or a file is broken; the message names it.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let mut inner = if files.has("tokenizer.json") {
            let content = files.read("tokenizer.json")?;
            from_description(&content)
                .map_err(|error| anyhow!("{}: not a tokenizer ({error})", files.display("tokenizer.json")))?
        } else if files.has("vocab.json") && files.has("merges.txt") {
            from_vocabulary(files)?
        } else {
            bail!("{}: neither this file nor vocab.json with merges.txt is there", files.display("tokenizer.json"));
        };
        // A checkpoint may ask for truncation or padding of training batches; a prompt must stay as it is.
        inner.with_truncation(None).map_err(|error| anyhow!("{error}"))?.with_padding(None);
        Ok(Self::over(inner))
    }

    /// Wraps a trained tokenizer.
    pub(crate) fn over(inner: Inner) -> Self {
        let end_of_text = inner.token_to_id(END_OF_TEXT);
        let vocabulary_size = inner.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        Self { inner, end_of_text, vocabulary_size }
    }

    /// Checks that every id this tokenizer can give has a row in the model's embedding.
    ///
    /// # Errors
    /// Where the vocabulary is larger than the model's.
    pub fn check_fits(&self, config: &Gpt2Config, files: &ModelFiles) -> Result<()> {
        if self.vocabulary_size > config.vocab_size {
            bail!(
                "{}: gives ids up to {}, but config.json has vocab_size {}; tokenizer and weights do not belong together",
                files.display(if files.has("tokenizer.json") { "tokenizer.json" } else { "vocab.json" }),
                self.vocabulary_size - 1,
                config.vocab_size
            );
        }
        Ok(())
    }

    /// The id of the end-of-text token, where the vocabulary has one.
    #[must_use]
    pub fn end_of_text(&self) -> Option<u32> {
        self.end_of_text
    }

    /// One more than the largest id.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// The id of a token by its text.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The texts that are read as special tokens, in the order of their ids.
    #[must_use]
    pub fn special_tokens(&self) -> Vec<String> {
        let added: BTreeMap<u32, AddedToken> = self.inner.get_added_tokens_decoder().into_iter().collect();
        added.into_values().filter(|token| token.special).map(|token| token.content).collect()
    }

    /// The tokenizer with further special tokens, which get the ids behind the largest one; tokens it has keep theirs.
    ///
    /// # Errors
    /// Where the vocabulary has gaps, so that a new id would be another token's.
    pub fn with_special_tokens(&self, tokens: &[String]) -> Result<Self> {
        let mut inner = self.inner.clone();
        let known = self.vocabulary_size();
        inner
            .add_special_tokens(tokens.iter().map(|token| AddedToken::from(token.as_str(), true)))
            .map_err(|error| anyhow!("cannot add special tokens: {error}"))?;
        for token in tokens {
            let (before, id) = (self.id_of(token), inner.token_to_id(token));
            if before.is_none() && id.is_none_or(|id| (id as usize) < known) {
                bail!("cannot add the special token {token}: the ids of the vocabulary have gaps");
            }
        }
        Ok(Self::over(inner))
    }

    /// The token ids of a text; no special token is added, but one that the text spells out is read as such.
    ///
    /// # Errors
    /// Where the tokenizer cannot encode it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| anyhow!("cannot encode a text: {error}"))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The token ids of many texts.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_all<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Vec<u32>>> {
        let inputs: Vec<&str> = texts.iter().map(T::as_ref).collect();
        let encodings =
            self.inner.encode_batch_fast(inputs, false).map_err(|error| anyhow!("cannot encode a text: {error}"))?;
        Ok(encodings.iter().map(|encoding| encoding.get_ids().to_vec()).collect())
    }

    /// The token that parts texts.
    ///
    /// # Errors
    /// Where the vocabulary has none.
    pub fn separator(&self) -> Result<u32> {
        self.end_of_text.with_context(|| format!("the tokenizer has no {END_OF_TEXT} token to put between texts"))
    }

    /// The texts as one sequence: [`Self::separator`] before the first and behind each.
    ///
    /// # Errors
    /// As [`Self::separator`] and [`Self::encode_all`].
    pub fn joined<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<u32>> {
        let end = self.separator()?;
        let mut stream = vec![end];
        for chunk in texts.chunks(4096) {
            for ids in self.encode_all(chunk)? {
                stream.extend(ids);
                stream.push(end);
            }
        }
        Ok(stream)
    }

    /// The text of a whole sequence, special tokens left out. Bytes that are no UTF-8 come out as U+FFFD.
    ///
    /// # Errors
    /// Where the tokenizer cannot decode it.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, true).map_err(|error| anyhow!("cannot decode token ids: {error}"))
    }

    /// The text of a whole sequence with its special tokens spelled out.
    ///
    /// # Errors
    /// Where the tokenizer cannot decode it.
    pub fn decode_raw(&self, ids: &[u32]) -> Result<String> {
        self.inner.decode(ids, false).map_err(|error| anyhow!("cannot decode token ids: {error}"))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

/// The parts of `tokenizer.json` at which the `tokenizers` crate panics where they are not as it expects.
#[derive(Deserialize)]
struct Delicate {
    #[serde(default)]
    normalizer: Value,
    #[serde(default, rename = "decoder")]
    _decoder: Value,
}

/// Builds the tokenizer that `tokenizer.json` describes.
fn from_description(content: &[u8]) -> Result<Inner> {
    let delicate: Delicate = serde_json::from_slice(content)?;
    if names_precompiled(&delicate.normalizer) {
        bail!("its normalizer is SentencePiece's precompiled one, which no GPT-2 has; convert the tokenizer");
    }
    Inner::from_bytes(content).map_err(|error| anyhow!("{error}"))
}

fn names_precompiled(normalizer: &Value) -> bool {
    match normalizer {
        Value::Object(fields) => {
            let is_one = fields.get("type").is_some_and(|kind| kind == "Precompiled");
            is_one || fields.values().any(names_precompiled)
        }
        Value::Array(parts) => parts.iter().any(names_precompiled),
        _ => false,
    }
}

/// The tokens that stand in `added_tokens.json` beside the older pair of files, by id.
fn added_tokens(files: &ModelFiles) -> Result<BTreeMap<u32, String>> {
    if !files.has(ADDED_TOKENS) {
        return Ok(BTreeMap::new());
    }
    let ids: HashMap<String, u32> = serde_json::from_slice(&files.read(ADDED_TOKENS)?)
        .with_context(|| format!("{}: not a table of tokens and ids", files.display(ADDED_TOKENS)))?;
    Ok(ids.into_iter().map(|(token, id)| (id, token)).collect())
}

/// Builds the tokenizer that `tokenizer.json` would describe from the older pair of files.
fn from_vocabulary(files: &ModelFiles) -> Result<Inner> {
    let vocabulary: HashMap<String, u32> = serde_json::from_slice(&files.read("vocab.json")?)
        .with_context(|| format!("{}: not a vocabulary", files.display("vocab.json")))?;
    let merges = String::from_utf8(files.read("merges.txt")?.into_owned())
        .with_context(|| format!("{}: not UTF-8", files.display("merges.txt")))?;
    let mut pairs = Vec::new();
    for (number, line) in merges.lines().enumerate() {
        if line.is_empty() || (number == 0 && line.starts_with("#version")) {
            continue;
        }
        let pair = line.split_once(' ').with_context(|| {
            format!("{}:{}: a merge is two tokens with a space between", files.display("merges.txt"), number + 1)
        })?;
        pairs.push(pair);
    }
    let mut added: BTreeMap<u32, String> =
        vocabulary.get(END_OF_TEXT).map(|id| (*id, END_OF_TEXT.to_owned())).into_iter().collect();
    added.extend(added_tokens(files)?);
    let added: Vec<Value> = added
        .into_iter()
        .map(|(id, token)| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let description = json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": pairs},
    });
    Inner::from_bytes(serde_json::to_vec(&description)?)
        .map_err(|error| anyhow!("{}: does not fit vocab.json ({error})", files.display("merges.txt")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(description: &str) -> Result<Tokenizer> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), description).unwrap();
        Tokenizer::read(&ModelFiles::in_folder(folder.path()).unwrap())
    }

    // All of these make the tokenizers crate panic.
    #[test]
    fn what_the_tokenizers_crate_panics_at_is_an_error() {
        let with =
            |part: &str| format!(r#"{{"version":"1.0",{part},"model":{{"type":"BPE","vocab":{{}},"merges":[]}}}}"#);
        for (description, expected) in [
            (with(r#""decoder":1e999"#), "number out of range"),
            (with(r#""normalizer":{"type":"Precompiled"}"#), "SentencePiece"),
            (with(r#""normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled"}]}"#), "SentencePiece"),
        ] {
            let message = format!("{:#}", read(&description).unwrap_err());
            assert!(message.contains("tokenizer.json: not a tokenizer (") && message.contains(expected), "{message}");
        }
        let cut = format!("{:#}", read(r#"{"version":"1.0","decoder":"#).unwrap_err());
        assert!(cut.contains("tokenizer.json: is empty or cut off"), "{cut}");
        read(&with(r#""normalizer":{"type":"NFC"}"#)).unwrap();
    }
}
