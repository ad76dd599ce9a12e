//! Finds the file, merges the layers, checks the result, and remembers where each value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, Source as _, Value, ValueKind};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use pregonero_settings::{Checker, DEFAULT_ORIGIN, Fault, place};

use super::fault::ConfigError;
use super::keys;
use super::layer::{Layer, VARIABLE_PREFIX};
use super::settings::{Keys, Settings};

/// The places that are searched for the file when none is named, in this order.
pub const SEARCHED: [&str; 2] = ["config.toml", "/etc/pregonero/config.toml"];

/// Keys whose values are never shown, nor recorded: anyone who has such an address can post to it, and an argument of a command
/// may be a key. The program of a command is shown.
const SECRET_KEYS: [&str; 4] = ["alerts.webhook", "alerts.command", "audit.anchor_webhook", "audit.anchor_command"];
const HIDDEN: &str = "(hidden)";

/// One key that a flag of the command line sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// As the person typed it, for messages: `--top-k`.
    pub flag: String,
    /// `generation.top_k`.
    pub key: String,
    /// Read as the key's kind, like the value of an environment variable.
    pub value: String,
}

/// The inputs that the settings are made from.
#[derive(Debug)]
pub struct LoadRequest<E> {
    /// The file named with `--config`; it must exist. Without it, the places in [`SEARCHED`] are searched.
    pub explicit_file: Option<PathBuf>,
    /// The variables of the process; those that do not begin with `PREGONERO_` are ignored.
    pub environment: E,
    /// The values that flags set.
    pub overrides: Vec<Override>,
}

/// The settings, and where each of them came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub settings: Settings,
    /// The file that was read.
    pub file: PathBuf,
    /// SHA-256 of its text, in hexadecimal, to detect whether the file has changed since.
    pub sha256: String,
    /// Every key in effect, in the file's order.
    pub provenance: Vec<ShownSetting>,
    /// Warnings about what is allowed but probably not intended, one sentence each.
    pub warnings: Vec<String>,
}

/// One key in effect: a row of `config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownSetting {
    /// The path, such as `generation.top_k`; each seed prompt has its own row, such as `seed_prompts[0]`.
    pub key: String,
    /// The value as the configuration has it, before checking; null if absent.
    pub value: Json,
    /// `default`, `config.toml:12`, `PREGONERO__GENERATION__TOP_K` or `--top-k`.
    pub origin: String,
}

impl Loaded {
    /// Returns every key in effect with its value and its origin. There are no secrets among them.
    #[must_use]
    pub fn show(&self) -> &[ShownSetting] {
        &self.provenance
    }

    /// Returns the same as one JSON object: `{"file", "settings": [{"key","value","origin"}], "warnings"}`.
    #[must_use]
    pub fn show_json(&self) -> Json {
        json!({ "file": self.file, "settings": self.provenance, "warnings": self.warnings })
    }
}

/// Reads, merges and checks the configuration; precedence is flag > environment > file > default.
///
/// # Errors
/// Returns a [`ConfigError`] if there is no file, or with all faults of file, environment and flags at once.
pub fn load<E>(request: LoadRequest<E>) -> Result<Loaded, ConfigError>
where
    E: IntoIterator<Item = (String, String)>,
{
    load_from(request, &SEARCHED.map(Path::new))
}

fn load_from<E>(request: LoadRequest<E>, searched: &[&Path]) -> Result<Loaded, ConfigError>
where
    E: IntoIterator<Item = (String, String)>,
{
    let (file, text) = match request.explicit_file {
        Some(path) => read(&path)?,
        None => find(searched)?,
    };
    let layers = layers(&file, &text, request.environment, &request.overrides);
    let mut faults: Vec<Fault> = layers.iter().flat_map(|layer| layer.faults.clone()).collect();
    let (tree, keys) = match merge(layers) {
        Ok(merged) => merged,
        Err(cause) => {
            faults.push(Fault { origin: file.display().to_string(), key: String::new(), message: cause.to_string() });
            return Err(ConfigError::Faults(faults));
        }
    };
    let origins = origins(&tree);
    let mut checker = Checker { file: &file, origins: &origins, faults, warnings: Vec::new() };
    let settings = keys.check(&mut checker);
    let Checker { faults, warnings, .. } = checker;
    match settings {
        Some(settings) if faults.is_empty() => {
            let provenance = provenance(&tree);
            let settings = Settings { digest: digest(&provenance), ..settings };
            Ok(Loaded { settings, sha256: sha256(&text), file, provenance, warnings })
        }
        _ => Err(ConfigError::Faults(faults)),
    }
}

fn layers<E>(file: &Path, text: &str, environment: E, overrides: &[Override]) -> [Layer; 4]
where
    E: IntoIterator<Item = (String, String)>,
{
    [
        Layer::defaults(),
        Layer::file(&file.display().to_string(), text),
        Layer::environment(environment),
        Layer::flags(overrides.iter().map(|o| (o.flag.as_str(), o.key.as_str(), o.value.as_str()))),
    ]
}

fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The configuration file and the place of the record that it names: all that a command for operating the bot needs, even if
/// the rest of the configuration is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// The configuration file.
    pub file: PathBuf,
    /// SHA-256 of its text.
    pub sha256: String,
    /// The database.
    pub path: PathBuf,
    /// Where it is set: `config.toml:12`, `PREGONERO__STORE__PATH` or `default`.
    pub origin: String,
    /// Whether this is surely what the configuration says; false if `store.path` itself cannot be read.
    pub is_certain: bool,
    /// The time zone of the schedule, in which times are shown; UTC if it cannot be read.
    pub zone: TimeZone,
}

impl StorePlace {
    /// Returns whether a variable in this command's own environment sets the place.
    #[must_use]
    pub fn is_from_environment(&self) -> bool {
        self.origin.starts_with(VARIABLE_PREFIX)
    }
}

/// Finds the place of the record, even in a configuration that has faults.
///
/// # Errors
/// If there is no file, or it cannot be read.
pub fn store_place<E>(request: LoadRequest<E>) -> Result<StorePlace, ConfigError>
where
    E: IntoIterator<Item = (String, String)>,
{
    store_place_from(request, &SEARCHED.map(Path::new))
}

fn store_place_from<E>(request: LoadRequest<E>, searched: &[&Path]) -> Result<StorePlace, ConfigError>
where
    E: IntoIterator<Item = (String, String)>,
{
    const KEY: &str = "store.path";
    let (file, text) = match request.explicit_file {
        Some(path) => read(&path)?,
        None => find(searched)?,
    };
    let layers = layers(&file, &text, request.environment, &request.overrides);
    let written: Vec<_> = layers.iter().rev().filter_map(|layer| layer.text(KEY)).collect();
    let is_first_sound = written.first().is_some_and(|(path, _)| is_path(path));
    let (path, origin) = written.into_iter().find(|(path, _)| is_path(path)).unwrap_or_default();
    // A file that is not valid TOML may have the key in a part that was lost.
    let is_lost = |fault: &Fault| fault.key == KEY || fault.key.is_empty() && origin == DEFAULT_ORIGIN;
    let misread = layers.iter().flat_map(|layer| &layer.faults).any(is_lost);
    let is_certain = is_first_sound && (!misread || origin.starts_with(VARIABLE_PREFIX));
    let path = place::resolve(&file, Path::new(&path));
    let zones = layers.iter().rev().filter_map(|layer| layer.text("schedule.timezone"));
    let zone = zones.into_iter().find_map(|(name, _)| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
    Ok(StorePlace { sha256: sha256(&text), file, path, origin, is_certain, zone })
}

fn is_path(text: &str) -> bool {
    !text.trim().is_empty() && place::refuse_home(text).is_ok()
}

fn read(path: &Path) -> Result<(PathBuf, String), ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_owned(), text)),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Reads the first of the places that has a file. A file that exists but cannot be read is an error, and is not skipped.
fn find(searched: &[&Path]) -> Result<(PathBuf, String), ConfigError> {
    for path in searched {
        match read(path) {
            Err(ConfigError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
    }
    Err(ConfigError::NotFound { searched: searched.iter().map(|path| path.to_path_buf()).collect() })
}

type Tree = config::Map<String, Value>;

fn merge(layers: [Layer; 4]) -> Result<(Tree, Keys), config::ConfigError> {
    let mut builder = Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    let merged = builder.build()?;
    Ok((merged.collect()?, merged.try_deserialize()?))
}

/// Returns the origin of every value in the tree, including list items and table fields, by its path.
fn origins(tree: &Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in tree {
        collect_origins(name, value, &mut found);
    }
    found
}

fn collect_origins(path: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    if let Some(origin) = value.origin() {
        found.insert(path.to_owned(), origin.to_owned());
    }
    match &value.kind {
        ValueKind::Table(entries) => {
            entries.iter().for_each(|(name, value)| collect_origins(&format!("{path}.{name}"), value, found));
        }
        ValueKind::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| collect_origins(&format!("{path}[{at}]"), value, found));
        }
        _ => {}
    }
}

fn provenance(tree: &Tree) -> Vec<ShownSetting> {
    let mut rows = Vec::new();
    for key in keys::all() {
        let value = at(tree, &key.path);
        match value.map(|value| &value.kind) {
            Some(ValueKind::Array(prompts)) if key.kind == keys::Kind::Prompts => {
                rows.extend(
                    prompts.iter().enumerate().map(|(at, prompt)| row(format!("{}[{at}]", key.path), Some(prompt))),
                );
            }
            _ => rows.push(row(key.path, value)),
        }
    }
    rows
}

/// Returns the SHA-256 of all keys in effect and their values, without their origins and without what is hidden.
fn digest(rows: &[ShownSetting]) -> String {
    let digest =
        rows.iter().fold(Sha256::new(), |digest, row| digest.chain_update(format!("{} = {}\n", row.key, row.value)));
    format!("{:x}", digest.finalize())
}

fn row(key: String, value: Option<&Value>) -> ShownSetting {
    let origin = value.and_then(Value::origin).unwrap_or(DEFAULT_ORIGIN).to_owned();
    let value = match value.map_or(Json::Null, to_json) {
        shown if !SECRET_KEYS.contains(&key.as_str()) => shown,
        Json::String(secret) if secret.is_empty() => json!(secret),
        Json::Array(words) => {
            words.into_iter().enumerate().map(|(at, word)| if at == 0 { word } else { json!(HIDDEN) }).collect()
        }
        Json::Null => Json::Null,
        _ => json!(HIDDEN),
    };
    ShownSetting { key, value, origin }
}

fn at<'a>(tree: &'a Tree, path: &str) -> Option<&'a Value> {
    let Some((section, name)) = path.split_once('.') else { return tree.get(path) };
    match &tree.get(section)?.kind {
        ValueKind::Table(entries) => entries.get(name),
        _ => None,
    }
}

fn to_json(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(flag) => json!(flag),
        ValueKind::I64(number) => json!(number),
        ValueKind::U64(number) => json!(number),
        ValueKind::I128(number) => json!(number.to_string()),
        ValueKind::U128(number) => json!(number.to_string()),
        ValueKind::Float(number) => json!(number),
        ValueKind::String(text) => json!(text),
        ValueKind::Array(items) => items.iter().map(to_json).collect(),
        // The map has a random order: sorted, so that two runs print the same.
        ValueKind::Table(entries) => entries
            .iter()
            .map(|(name, value)| (name.clone(), to_json(value)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
