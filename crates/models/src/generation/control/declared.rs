//! Layouts that a person declares for a model of another program: its `config.json` holds none, and stays as it was
//! downloaded. The layout is a file of its own next to it, `pregonero.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use super::{Control, ControlAttribute, ControlLayout, START, tidy_value, token};
use crate::catalog::ModelFiles;
use crate::generation::gpt2::Gpt2Config;
use crate::generation::tokenizer::Tokenizer;
use pregonero_system::files::{Existing, write_whole};

/// What is declared about a model, next to its files.
pub(crate) const FILE: &str = "pregonero.json";

/// The key of [`FILE`] that holds the layout.
const KEY: &str = "control";

/// What every declaration holds: a file of its name without it is a person's own.
const OURS: &str = "\"control\": {";

/// A layout as a person writes it; what is left out is as the thesis has it.
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
    /// The layout for a model of so many positions.
    fn layout(self, positions: usize) -> Result<ControlLayout> {
        let names: Vec<String> = self.attributes.iter().map(|attribute| attribute.name.clone()).collect();
        let length = self.length.unwrap_or(positions);
        ensure!(
            (1..=positions).contains(&length),
            "length: expected 1 to the model's {positions} positions, found {length}"
        );
        // Checks names and truncation; the tokens are this file's own.
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

/// The layout that is declared for a model; `None` where there is none.
///
/// # Errors
/// Where `pregonero.json` is broken.
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

/// Declares the layout in `file` (TOML, or JSON where the name ends so) for the model in `folder`: every token has to be
/// one of the model's tokenizer. Returns the layout and the file it was written to, over an earlier declaration alone.
///
/// # Errors
/// A file that is no layout, a token that the tokenizer lacks, a model that has a layout of its own, a file of this name
/// that declares none.
pub fn declare(folder: &Path, file: &Path) -> Result<(ControlLayout, PathBuf)> {
    let files = ModelFiles::in_folder(folder)?;
    if super::of_configuration(&files)?.is_some() {
        bail!("{}: this model has a layout of its own, from its training", files.display("config.json"));
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

/// Every token that is missing, at once, and the added tokens there are.
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
