//! The files of a tokenizer as transformers has written them since 2019, read as transformers 5 reads them.
//!
//! `tokenizer.json` is complete by itself. With the older pair `vocab.json` and `merges.txt`, the added tokens are in
//! `added_tokens.json`, their purposes in `special_tokens_map.json`, and the rest in `tokenizer_config.json`; later
//! versions wrote all tokens into the last one (`added_tokens_decoder`).

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{AddedToken, Tokenizer as Inner};

use super::{ADDED_TOKENS, END_OF_TEXT};
use crate::catalog::ModelFiles;

const WHOLE: &str = "tokenizer.json";
const VOCABULARY: &str = "vocab.json";
const MERGES: &str = "merges.txt";
const CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";

/// The keys that name a special token, in the order in which new ones get their ids.
const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// A tokenizer as its files describe it.
pub(super) struct Described {
    pub(super) inner: Inner,
    /// The token that the files name as the start of a text.
    pub(super) start: Option<u32>,
    /// The token that the files name as the end of a text.
    pub(super) end: Option<u32>,
    /// The token that precedes every text.
    pub(super) opening: Option<u32>,
}

/// Reads the tokenizer of a model.
pub(super) fn read(files: &ModelFiles) -> Result<Described> {
    let surroundings = Surroundings::read(files)?;
    let is_whole = files.has(WHOLE);
    let mut inner = if is_whole {
        let content = files.read(WHOLE)?;
        from_description(&content).map_err(|error| anyhow!("{}: not a tokenizer ({error})", files.display(WHOLE)))?
    } else if files.has(VOCABULARY) && files.has(MERGES) {
        from_vocabulary(files, surroundings.adds_prefix_space())?
    } else {
        bail!("{}: neither this file nor {VOCABULARY} with {MERGES} exists", files.display(WHOLE));
    };
    // A checkpoint may request truncation or padding of training batches; a prompt must stay as it is.
    inner.with_truncation(None).map_err(|error| anyhow!("{error}"))?.with_padding(None);
    if is_whole {
        surroundings.set_prefix_space(&mut inner);
    }
    surroundings.add_tokens(&mut inner, is_whole).map_err(|error| anyhow!("{}: {error}", files.display(CONFIG)))?;
    let id_of = |name: &str| inner.token_to_id(&surroundings.named(name)?.content);
    let opening = match is_whole {
        true => opening_of(&inner),
        false if surroundings.flag("add_bos_token") => id_of("bos_token").or(inner.token_to_id(END_OF_TEXT)),
        false => None,
    };
    let (start, end) = (id_of("bos_token"), id_of("eos_token"));
    Ok(Described { inner, start, end, opening })
}

/// The contents of the files around a vocabulary.
struct Surroundings {
    /// `tokenizer_config.json`, with what `special_tokens_map.json` adds.
    fields: Map<String, Value>,
    /// The added tokens by id.
    declared: BTreeMap<u32, AddedToken>,
    /// Rows of the model's embedding, if its `config.json` exists.
    rows: Option<usize>,
}

impl Surroundings {
    fn read(files: &ModelFiles) -> Result<Self> {
        let mut fields = object(files, CONFIG)?;
        if let Some(additional) = fields.remove("additional_special_tokens") {
            fields.entry("extra_special_tokens").or_insert(additional);
        }
        let rows = files.has("config.json").then(|| object(files, "config.json")).transpose()?;
        let rows = rows.and_then(|config| usize::try_from(config.get("vocab_size")?.as_u64()?).ok());
        let mut surroundings = Self { fields, declared: BTreeMap::new(), rows };
        match surroundings.fields.remove("added_tokens_decoder") {
            Some(Value::Object(tokens)) => surroundings.declare(tokens, files)?,
            Some(_) => bail!("{}: added_tokens_decoder is not a table of tokens by id", files.display(CONFIG)),
            None => {
                surroundings.name_special_tokens(object(files, SPECIAL_TOKENS)?);
                surroundings.declare_words(files)?;
            }
        }
        Ok(surroundings)
    }

    /// Adds the tokens of `added_tokens_decoder`, each an id and a description.
    fn declare(&mut self, tokens: Map<String, Value>, files: &ModelFiles) -> Result<()> {
        for (id, value) in tokens {
            let wrong = || format!("{}: added_tokens_decoder.{id}: not an added token", files.display(CONFIG));
            let place: u32 = id.parse().with_context(wrong)?;
            let token = token_of(&value, false).with_context(wrong)?;
            self.declared.insert(place, token);
        }
        Ok(())
    }

    /// Applies `special_tokens_map.json`, which overrides `tokenizer_config.json`.
    fn name_special_tokens(&mut self, map: Map<String, Value>) {
        for (key, value) in map {
            match (key.as_str(), self.fields.get_mut("extra_special_tokens"), value) {
                ("additional_special_tokens", Some(_), _) => {}
                ("extra_special_tokens", Some(Value::Array(present)), Value::Array(more)) => present.extend(more),
                ("additional_special_tokens", None, value) => {
                    self.fields.insert("extra_special_tokens".to_owned(), value);
                }
                (_, _, value) => {
                    self.fields.insert(key, value);
                }
            }
        }
    }

    /// Adds the tokens of `added_tokens.json`: those that the other files name as special are special.
    fn declare_words(&mut self, files: &ModelFiles) -> Result<()> {
        if !files.has(ADDED_TOKENS) {
            return Ok(());
        }
        let ids: HashMap<String, u32> = serde_json::from_slice(&files.read(ADDED_TOKENS)?)
            .with_context(|| format!("{}: not a table of tokens and ids", files.display(ADDED_TOKENS)))?;
        let named: Vec<String> =
            NAMED.iter().filter_map(|key| token_of(self.fields.get(*key)?, true)).map(|token| token.content).collect();
        let extra: Vec<String> = self.extra().into_iter().map(|token| token.content).collect();
        for (word, id) in ids {
            let special = named.contains(&word) || extra.contains(&word);
            self.declared.insert(id, AddedToken::from(word, special).normalized(!special));
        }
        Ok(())
    }

    fn flag(&self, key: &str) -> bool {
        self.fields.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    fn adds_prefix_space(&self) -> bool {
        self.flag("add_prefix_space")
    }

    /// Sets `add_prefix_space`: GPT-2's own class follows `tokenizer_config.json`, whatever `tokenizer.json` says;
    /// others follow the latter.
    fn set_prefix_space(&self, inner: &mut Inner) {
        let class = self.fields.get("tokenizer_class").and_then(Value::as_str).unwrap_or("GPT2Tokenizer");
        let is_own = class.strip_suffix("Fast").unwrap_or(class) == "GPT2Tokenizer";
        let Some(PreTokenizerWrapper::ByteLevel(levels)) = inner.get_pre_tokenizer() else { return };
        if is_own && levels.add_prefix_space != self.adds_prefix_space() {
            let changed = levels.add_prefix_space(self.adds_prefix_space());
            inner.with_pre_tokenizer(Some(changed));
        }
    }

    /// Returns the special token that the files name under this key, with the flags of the added token of the same
    /// text.
    fn named(&self, key: &str) -> Option<AddedToken> {
        let token = token_of(self.fields.get(key)?, true)?;
        let declared = self.declared.values().find(|declared| declared.content == token.content);
        Some(AddedToken { special: true, ..declared.cloned().unwrap_or(token) })
    }

    /// Returns the special tokens that have no purpose of their own.
    fn extra(&self) -> Vec<AddedToken> {
        match self.fields.get("extra_special_tokens") {
            Some(Value::Array(tokens)) => tokens.iter().filter_map(|token| token_of(token, true)).collect(),
            Some(Value::Object(tokens)) => tokens.values().filter_map(|token| token_of(token, true)).collect(),
            _ => Vec::new(),
        }
    }

    /// Adds the declared tokens in the order of their ids, then those that are only named. A token that is only named
    /// and would need a row that the model does not have (padding, mostly) is left out: no text needs it.
    fn add_tokens(&self, inner: &mut Inner, is_whole: bool) -> tokenizers::Result<()> {
        let further = self.fields.keys().filter(|key| key.ends_with("_token") && !NAMED.contains(&key.as_str()));
        let keys = NAMED.into_iter().chain(further.map(String::as_str));
        // Start, end and unknown default to the end of text if the files do not name them.
        let has_default = !is_whole || inner.token_to_id(END_OF_TEXT).is_some();
        let default = |key: &str| {
            let applies = has_default && NAMED[..3].contains(&key) && !self.fields.contains_key(key);
            applies.then(|| AddedToken::from(END_OF_TEXT, true))
        };
        let named = keys.filter_map(|key| self.named(key).or_else(|| default(key)));
        let named: Vec<AddedToken> = named.chain(self.extra()).collect();
        let is_named = |token: &AddedToken| named.iter().any(|named| named.content == token.content);
        let declared = self
            .declared
            .values()
            .map(|token| AddedToken { special: token.special || is_named(token), ..token.clone() });
        inner.add_tokens(declared)?;
        for token in named {
            let has_room = || self.rows.is_none_or(|rows| inner.get_vocab_size(true) < rows);
            let is_declared = self.declared.values().any(|declared| declared.content == token.content);
            if !is_declared && (inner.token_to_id(&token.content).is_some() || has_room()) {
                inner.add_tokens([token])?;
            }
        }
        Ok(())
    }
}

/// Reads a file that is a JSON object; returns an empty one if the file is missing.
fn object(files: &ModelFiles, name: &str) -> Result<Map<String, Value>> {
    if !files.has(name) {
        return Ok(Map::new());
    }
    serde_json::from_slice(&files.read(name)?).with_context(|| format!("{}: not a JSON object", files.display(name)))
}

/// Parses a token as these files write it: its text, or an object with flags.
fn token_of(value: &Value, special: bool) -> Option<AddedToken> {
    #[derive(Deserialize)]
    struct Flags {
        content: String,
        #[serde(default)]
        single_word: bool,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        normalized: Option<bool>,
        #[serde(default)]
        special: bool,
    }
    if let Value::String(content) = value {
        return Some(AddedToken::from(content.as_str(), special));
    }
    let Flags { content, single_word, lstrip, rstrip, normalized, special: own } = Flags::deserialize(value).ok()?;
    let special = special || own;
    let normalized = normalized.unwrap_or(!special);
    Some(AddedToken { content, single_word, lstrip, rstrip, normalized, special })
}

/// Returns the token that a `tokenizer.json` puts before every text, found by encoding one.
fn opening_of(inner: &Inner) -> Option<u32> {
    let ids = |special: bool| Some(inner.encode_fast("a", special).ok()?.get_ids().to_vec());
    let (with, without) = (ids(true)?, ids(false)?);
    let is_first = !without.is_empty() && with.len() > without.len() && !with.starts_with(&without);
    with.first().copied().filter(|_| is_first)
}

/// The parts of `tokenizer.json` on which the `tokenizers` crate panics if they are not as it expects.
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

/// Builds the tokenizer that `tokenizer.json` would describe from the older pair of files, without added tokens.
fn from_vocabulary(files: &ModelFiles, add_prefix_space: bool) -> Result<Inner> {
    let vocabulary: HashMap<String, u32> = serde_json::from_slice(&files.read(VOCABULARY)?)
        .with_context(|| format!("{}: not a vocabulary", files.display(VOCABULARY)))?;
    let merges = String::from_utf8(files.read(MERGES)?.into_owned())
        .with_context(|| format!("{}: not UTF-8", files.display(MERGES)))?;
    let mut pairs = Vec::new();
    for (number, line) in merges.lines().enumerate() {
        if line.is_empty() || line.starts_with("#version") {
            continue;
        }
        let pair = line.split_once(' ').with_context(|| {
            format!("{}:{}: a merge is two tokens with a space between", files.display(MERGES), number + 1)
        })?;
        pairs.push(pair);
    }
    let byte_level = |add_prefix_space: bool| json!({"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": true});
    let description = json!({
        "version": "1.0",
        "pre_tokenizer": byte_level(add_prefix_space),
        "decoder": byte_level(false),
        "model": {"type": "BPE", "vocab": vocabulary, "merges": pairs},
    });
    Inner::from_bytes(serde_json::to_vec(&description)?)
        .map_err(|error| anyhow!("{}: does not fit {VOCABULARY} ({error})", files.display(MERGES)))
}
