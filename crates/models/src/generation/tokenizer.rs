//! GPT-2's byte-level BPE over the `tokenizers` crate; `files` reads it from a model's folder.
//!
//! Texts are decoded as whole sequences: a token may be half a letter, so decoding one by one would break accents and
//! emoji.

mod files;
pub mod training;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, bail};
use tokenizers::{AddedToken, Tokenizer as Inner};

use super::gpt2_config::{Gpt2Config, LARGEST_SIZE};
use crate::catalog::ModelFiles;

/// The token that ends a text in every GPT-2 checkpoint.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// The file in which the older pair of files keeps the tokens that its vocabulary lacks.
pub(crate) const ADDED_TOKENS: &str = "added_tokens.json";

/// Turns text into token ids and back.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Inner,
    start_of_text: Option<u32>,
    end_of_text: Option<u32>,
    /// The token that precedes every text, if the files say so.
    opening: Option<u32>,
    vocabulary_size: usize,
    /// Ids below the size of the vocabulary that belong to no token.
    gaps: Vec<u32>,
    added: BTreeMap<u32, AddedToken>,
}

impl Tokenizer {
    /// Reads the tokenizer of a model.
    ///
    /// # Errors
    /// If neither form is there, or a file is broken; the message names it.
    pub fn read(files: &ModelFiles) -> Result<Self> {
        let files::Described { inner, start, end, opening } = files::read(files)?;
        let tokenizer = Self::over(inner);
        let end_of_text = end.or(tokenizer.end_of_text);
        Ok(Self { start_of_text: start.or(end_of_text), end_of_text, opening, ..tokenizer })
    }

    /// Wraps a trained tokenizer.
    pub(crate) fn over(inner: Inner) -> Self {
        let end_of_text = inner.token_to_id(END_OF_TEXT);
        let ids: BTreeSet<u32> = inner.get_vocab(true).into_values().collect();
        let vocabulary_size = ids.last().map_or(0, |id| *id as usize + 1);
        // A file may give a token any id; no model has this many rows.
        let gaps = (0..vocabulary_size.min(LARGEST_SIZE) as u32).filter(|id| !ids.contains(id)).collect();
        let added = inner.get_added_tokens_decoder().into_iter().collect();
        Self { inner, start_of_text: end_of_text, end_of_text, opening: None, vocabulary_size, gaps, added }
    }

    /// Checks that every id this tokenizer can return has a row in the model's embedding.
    ///
    /// # Errors
    /// If the vocabulary is larger than the model's.
    pub fn check_fits(&self, config: &Gpt2Config, files: &ModelFiles) -> Result<()> {
        if self.vocabulary_size > config.vocab_size {
            let last = self.vocabulary_size - 1;
            let token = self.inner.id_to_token(last as u32).unwrap_or_default();
            bail!(
                "{}: gives ids up to {last} ({token:?}), but config.json has vocab_size {}; tokenizer and weights do not \
                 belong together",
                files.display(if files.has("tokenizer.json") { "tokenizer.json" } else { "vocab.json" }),
                config.vocab_size
            );
        }
        Ok(())
    }

    /// Returns the id of the end-of-text token, if the vocabulary has one: the one that the files name, else
    /// `<|endoftext|>`.
    #[must_use]
    pub fn end_of_text(&self) -> Option<u32> {
        self.end_of_text
    }

    /// Returns the token before a text without words: the start token that the files name, else the end of text.
    #[must_use]
    pub fn start_of_text(&self) -> Option<u32> {
        self.start_of_text
    }

    /// Returns the token that precedes every text, if the tokenizer's files say so (`add_bos_token`).
    #[must_use]
    pub fn opening(&self) -> Option<u32> {
        self.opening
    }

    /// Returns the ids below [`Self::vocabulary_size`] that belong to no token.
    #[must_use]
    pub fn gaps(&self) -> &[u32] {
        &self.gaps
    }

    /// Returns one more than the largest id.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// Returns the id of a token by its text.
    #[must_use]
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Returns the texts that are read as special tokens, in the order of their ids.
    #[must_use]
    pub fn special_tokens(&self) -> Vec<String> {
        self.added.values().filter(|token| token.special).map(|token| token.content.clone()).collect()
    }

    /// Returns the texts of all added tokens, special or not, in the order of their ids.
    #[must_use]
    pub fn added_tokens(&self) -> Vec<String> {
        self.added.values().map(|token| token.content.clone()).collect()
    }

    /// Returns whether this id is a special token's.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.added.get(&id).is_some_and(|token| token.special)
    }

    /// Returns the tokenizer with further special tokens, whose ids follow the largest one; tokens it has already
    /// keep theirs.
    ///
    /// # Errors
    /// If the vocabulary has gaps, so that a new id would be another token's.
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
        let extended = Self::over(inner);
        let start_of_text = self.start_of_text.or(extended.start_of_text);
        let end_of_text = self.end_of_text.or(extended.end_of_text);
        Ok(Self { start_of_text, end_of_text, opening: self.opening, ..extended })
    }

    /// Returns the token ids of a text; no special token is added, but one that the text spells out is read as such.
    ///
    /// # Errors
    /// If the tokenizer cannot encode it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| anyhow!("cannot encode a text: {error}"))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Returns the token ids of many texts.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_all<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Vec<u32>>> {
        let inputs: Vec<&str> = texts.iter().map(T::as_ref).collect();
        let encodings =
            self.inner.encode_batch_fast(inputs, false).map_err(|error| anyhow!("cannot encode a text: {error}"))?;
        Ok(encodings.iter().map(|encoding| encoding.get_ids().to_vec()).collect())
    }

    /// Returns the token that separates texts.
    ///
    /// # Errors
    /// If the vocabulary has none.
    pub fn separator(&self) -> Result<u32> {
        self.end_of_text.with_context(|| format!("the tokenizer has no {END_OF_TEXT} token to put between texts"))
    }

    /// Joins the texts into one sequence: [`Self::separator`] before the first and after each.
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

    /// Returns the text of a whole sequence without its special tokens. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// If the tokenizer cannot decode it.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.decode_pieces(ids, true)
    }

    /// Returns the text of a whole sequence with its special tokens spelled out.
    ///
    /// # Errors
    /// If the tokenizer cannot decode it.
    pub fn decode_raw(&self, ids: &[u32]) -> Result<String> {
        self.decode_pieces(ids, false)
    }

    /// Decodes the pieces between added tokens: the byte-level decoder would take the letters of an added token for
    /// bytes.
    fn decode_pieces(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        let plain = |ids: &[u32]| {
            self.inner.decode(ids, skip_special).map_err(|error| anyhow!("cannot decode token ids: {error}"))
        };
        let mut text = String::new();
        let is_word = |id: &u32| self.added.get(id).is_some_and(|token| !token.content.is_ascii());
        for piece in ids.chunk_by(|left, right| !is_word(left) && !is_word(right)) {
            match self.added.get(&piece[0]).filter(|_| is_word(&piece[0])) {
                Some(token) if token.special && skip_special => {}
                Some(token) => text.push_str(&token.content),
                None => text.push_str(&plain(piece)?),
            }
        }
        Ok(text)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(description: &str) -> Result<Tokenizer> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), description).unwrap();
        Tokenizer::read(&ModelFiles::in_folder(folder.path()).unwrap())
    }

    // Each of these makes the tokenizers crate panic.
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

    #[derive(serde::Deserialize)]
    struct Reference {
        vocabulary: String,
        merges: String,
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        /// Rows of the model's embedding.
        rows: usize,
        /// Files next to the vocabulary and its merges; null removes one of those two.
        files: BTreeMap<String, Option<String>>,
        start: u32,
        end: u32,
        special: Vec<u32>,
        probes: Vec<Probe>,
    }

    #[derive(serde::Deserialize)]
    struct Probe {
        text: String,
        ids: Vec<u32>,
    }

    /// Returns every case of `tests/data/tokenizers/reference.json` with its folder; `make.py` next to it made them.
    fn cases() -> Vec<(Case, tempfile::TempDir)> {
        let content = include_str!("../../../../tests/data/tokenizers/reference.json");
        let Reference { vocabulary, merges, cases } = serde_json::from_str(content).unwrap();
        let of_case = |case: Case| {
            let folder = tempfile::tempdir().unwrap();
            let config = format!(r#"{{"model_type":"gpt2","vocab_size":{}}}"#, case.rows);
            let base = [("vocab.json", &vocabulary), ("merges.txt", &merges), ("config.json", &config)];
            for (name, content) in base {
                if case.files.get(name).is_none_or(Option::is_some) {
                    std::fs::write(folder.path().join(name), content).unwrap();
                }
            }
            for (name, content) in case.files.iter().filter_map(|(name, content)| Some((name, content.as_ref()?))) {
                std::fs::write(folder.path().join(name), content).unwrap();
            }
            (case, folder)
        };
        cases.into_iter().map(of_case).collect()
    }

    fn of_folder(folder: &tempfile::TempDir) -> Result<Tokenizer> {
        Tokenizer::read(&ModelFiles::in_folder(folder.path()).unwrap())
    }

    #[test]
    fn tokenizers_of_every_age_give_the_ids_of_transformers() {
        for (case, folder) in cases() {
            let name = &case.name;
            let tokenizer = of_folder(&folder).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            for Probe { text, ids } in &case.probes {
                let ours: Vec<u32> = tokenizer.opening().into_iter().chain(tokenizer.encode(text).unwrap()).collect();
                assert_eq!(ours, *ids, "{name}: {text:?}");
            }
            assert_eq!(tokenizer.start_of_text(), Some(case.start), "{name}");
            assert_eq!(tokenizer.end_of_text(), Some(case.end), "{name}");
            let special: Vec<u32> = (0..case.rows as u32).filter(|id| tokenizer.is_special(*id)).collect();
            let theirs: Vec<u32> = case.special.iter().copied().filter(|id| (*id as usize) < case.rows).collect();
            assert_eq!(special, theirs, "{name}");
            assert!(tokenizer.vocabulary_size() <= case.rows, "{name}: {}", tokenizer.vocabulary_size());
            assert_eq!(tokenizer.gaps(), [0_u32; 0], "{name}");
        }
    }

    #[test]
    fn texts_come_back_whole_without_special_tokens_and_with_every_other_added_word() {
        for (case, folder) in cases() {
            let tokenizer = of_folder(&folder).unwrap();
            let special = tokenizer.special_tokens();
            for Probe { text, .. } in &case.probes {
                let decoded = tokenizer.decode(&tokenizer.encode(text).unwrap()).unwrap();
                let raw = tokenizer.decode_raw(&tokenizer.encode(text).unwrap()).unwrap();
                let mut expected = text.clone();
                special.iter().for_each(|token| expected = expected.replace(token, ""));
                // Tokens with lstrip or rstrip absorb the spaces around them.
                let bare = |text: &str| text.replace(' ', "");
                assert_eq!(bare(&decoded), bare(&expected), "{}: {text:?}", case.name);
                assert_eq!(bare(&raw), bare(text), "{}: {text:?}", case.name);
            }
            let words = "dos palabras y el vacunódromo, ma\u{303}s";
            let decoded = tokenizer.decode(&tokenizer.encode(words).unwrap()).unwrap();
            // With add_prefix_space, the text after an added word gets its own space, as in transformers.
            let adds_spaces = tokenizer.decode(&tokenizer.encode("a").unwrap()).unwrap() != "a";
            assert!(adds_spaces || decoded == words, "{}: {decoded:?}", case.name);
        }
    }

    #[test]
    fn more_ids_than_rows_are_refused_by_the_token_that_has_none() {
        let (case, folder) = cases().into_iter().find(|(case, _)| case.name == "of_2020").unwrap();
        let config: Gpt2Config = serde_json::from_value(serde_json::json!({
            "vocab_size": case.rows - 2, "n_positions": 8, "n_embd": 4, "n_layer": 1, "n_head": 1
        }))
        .unwrap();
        let files = ModelFiles::in_folder(folder.path()).unwrap();
        let message = Tokenizer::read(&files).unwrap().check_fits(&config, &files).unwrap_err().to_string();
        let expected = "vocab.json: gives ids up to 423 (\"dos palabras\"), but config.json has vocab_size 423";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn broken_files_around_a_vocabulary_are_refused_by_name() {
        for (name, content, expected) in [
            ("tokenizer_config.json", "{", "tokenizer_config.json: is empty or cut off"),
            ("tokenizer_config.json", "[]", "tokenizer_config.json: not a JSON object"),
            (
                "tokenizer_config.json",
                r#"{"added_tokens_decoder": {"x": "a"}}"#,
                "added_tokens_decoder.x: not an added token",
            ),
            (
                "tokenizer_config.json",
                r#"{"added_tokens_decoder": {"9": {}}}"#,
                "added_tokens_decoder.9: not an added token",
            ),
            ("special_tokens_map.json", "", "special_tokens_map.json: is empty or cut off"),
            ("added_tokens.json", r#"{"a": "b"}"#, "added_tokens.json: not a table of tokens and ids"),
            ("vocab.json", "[1]", "vocab.json: not a vocabulary"),
            ("merges.txt", "a b\nab", "merges.txt:2: a merge is two tokens"),
            ("merges.txt", "Q zz", "merges.txt: does not fit vocab.json"),
        ] {
            let (_, folder) = cases().into_iter().find(|(case, _)| case.name == "of_2019").unwrap();
            std::fs::write(folder.path().join(name), content).unwrap();
            let message = format!("{:#}", of_folder(&folder).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn ids_between_the_tokens_are_known_as_gaps() {
        let description = r#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0,"b":3,"c":6},"merges":[]}}"#;
        assert_eq!(read(description).unwrap().gaps(), [1, 2, 4, 5]);
        let far = r#"{"version":"1.0","model":{"type":"BPE","vocab":{"a":0,"b":4000000000},"merges":[]}}"#;
        assert_eq!(read(far).unwrap().gaps().len(), LARGEST_SIZE - 1);
    }
}
