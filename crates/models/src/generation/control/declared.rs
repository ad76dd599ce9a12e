//! Layouts that a person declares for a model from another program. Its `config.json` has none, and stays as it was
//! downloaded; the layout is in a separate file next to it, `pregonero.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use super::{Control, ControlAttribute, ControlLayout, START, tidy_value, token};
use crate::catalog::ModelFiles;
use crate::generation::gpt2_config::Gpt2Config;
use crate::generation::tokenizer::Tokenizer;
use pregonero_system::files::{Existing, write_whole};

/// The file next to a model's own that declares something about it.
pub(crate) const FILE: &str = "pregonero.json";

/// The key of [`FILE`] that holds the layout.
const KEY: &str = "control";

/// Words that every declaration contains: a file of the same name without them was written by somebody else.
const OURS: &str = "\"control\": {";

/// A layout as a person writes it; anything left out takes the thesis's value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "start")]
    start: String,
    attributes: Vec<WrittenAttribute>,
    truncation: Option<Vec<String>>,
    length: Option<usize>,
}

fn start() -> String {
    START.to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAttribute {
    name: String,
    token: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

impl Written {
    /// Returns the layout for a model of `positions` positions.
    fn layout(self, positions: usize) -> Result<ControlLayout> {
        let names: Vec<String> = self.attributes.iter().map(|attribute| attribute.name.clone()).collect();
        let length = self.length.unwrap_or(positions);
        ensure!(
            (1..=positions).contains(&length),
            "length: expected 1 to the model's {positions} positions, found {length}"
        );
        // Checks names and truncation; the tokens come from this file.
        let layout = ControlLayout::new(&names, self.truncation.as_deref(), length)?;
        let attributes = self.attributes.into_iter().map(|attribute| ControlAttribute {
            token: attribute.token.unwrap_or_else(|| token(&attribute.name)),
            name: attribute.name,
            values: attribute.values.iter().map(|value| tidy_value(value)).filter(|value| !value.is_empty()).collect(),
        });
        let layout = ControlLayout { start: self.start, attributes: attributes.collect(), ..layout };
        let tokens = layout.tokens();
        for (place, token) in tokens.iter().enumerate() {
            ensure!(!tokens[..place].contains(token), "the token {token} is named twice");
        }
        Ok(layout)
    }
}

/// Returns the layout that is declared for a model; `None` if there is none.
///
/// # Errors
/// If `pregonero.json` is broken.
pub(super) fn read(files: &ModelFiles) -> Result<Option<ControlLayout>> {
    if !files.has(FILE) {
        return Ok(None);
    }
    let label = files.display(FILE);
    let mut declared: serde_json::Value =
        serde_json::from_slice(&files.read(FILE)?).with_context(|| format!("{label}: not valid JSON"))?;
    let Some(layout) = declared.get_mut(KEY).map(serde_json::Value::take).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let layout = serde_json::from_value(layout)
        .with_context(|| format!("{label}: {KEY} is not a layout of control tokens; declare it again"))?;
    Ok(Some(layout))
}

/// Declares the layout in `file` (TOML, or JSON if the file's name ends in `.json`) for the model in `folder`; every
/// token must be in the model's tokenizer. Returns the layout and the file it was written to, which may replace only
/// an earlier declaration.
///
/// # Errors
/// If `file` is not a layout, the tokenizer lacks a token, the model has its own layout, or a file of this name
/// exists that is not a declaration.
pub fn declare(folder: &Path, file: &Path) -> Result<(ControlLayout, PathBuf)> {
    let files = ModelFiles::in_folder(folder)?;
    if super::of_configuration(&files)?.is_some() {
        bail!("{}: this model already has a layout, from its training", files.display("config.json"));
    }
    let config = Gpt2Config::read(&files)?;
    let place = || file.display().to_string();
    let layout = parse(file)?.layout(config.n_positions).with_context(place)?;
    let tokenizer = Tokenizer::read(&files)?;
    tokenizer.check_fits(&config, &files)?;
    check_tokens(&layout, &tokenizer).with_context(place)?;
    Control::new(layout.clone(), &tokenizer).with_context(place)?;
    let target = folder.join(FILE);
    let content = serde_json::to_vec_pretty(&json!({ KEY: layout }))?;
    write_whole(&target, Existing::ReplaceOurs(OURS), |writer| writer.write_all(&content))?;
    Ok((layout, target))
}

fn parse(file: &Path) -> Result<Written> {
    let content = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        serde_json::from_str(&content).map_err(anyhow::Error::from)
    } else {
        toml::from_str(&content).map_err(anyhow::Error::from)
    };
    parsed.with_context(|| format!("{}: not a layout of control tokens", file.display()))
}

/// Checks that the tokenizer has every token; the error names all that are missing, and the added tokens that exist.
fn check_tokens(layout: &ControlLayout, tokenizer: &Tokenizer) -> Result<()> {
    let missing: Vec<String> = layout
        .tokens()
        .into_iter()
        .filter(|token| tokenizer.encode(token).ok().is_none_or(|ids| ids.len() != 1))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let added = tokenizer.added_tokens();
    let known = if added.is_empty() { "none".to_owned() } else { added.join(", ") };
    bail!("the model's tokenizer has no token {}; its added tokens are: {known}", missing.join(", "));
}
