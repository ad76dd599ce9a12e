//! The layers of the configuration: defaults, file, environment, flags. Each becomes a tree of values that know their
//! origin; the `config` crate merges them.
//!
//! Unknown keys and values of the wrong kind are detected here, while the line is still known. Such a value is left out of
//! its layer, so that the rest can be checked as well.

use std::ops::Range;

use config::{Map, Source, Value, ValueKind};
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use pregonero_settings::{DEFAULT_ORIGIN, Fault, nearest};

use super::keys::{self, Key, Kind};

/// The environment variables that set keys: `PREGONERO__SECTION__KEY`.
pub(super) const VARIABLE_PREFIX: &str = "PREGONERO__";

/// The prefix of the variables that are checked: one of them may have been meant to set a key.
pub(super) const OUR_PREFIX: &str = "PREGONERO_";

/// The values of one layer by section, and the faults of the values that were left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    values: Map<String, Value>,
    /// What could be read of a file that is not valid TOML. It is not in effect.
    recovered: Map<String, Value>,
    pub(super) faults: Vec<Fault>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone())
    }
}

impl Layer {
    /// Returns the layer of defaults.
    pub(super) fn defaults() -> Self {
        let mut layer = Self::default();
        for key in keys::all() {
            if let Some(value) = plain_value(&key.default) {
                layer.put(&key.path, value);
            }
        }
        layer
    }

    /// Reads the values of the file, each with the origin `name:line`.
    pub(super) fn file(name: &str, text: &str) -> Self {
        let mut layer = Self::default();
        let (table, errors) = DeTable::parse_recoverable(text);
        let reader = Reader { origin: &|span| format!("{name}:{}", position(text, span.start).0) };
        layer.read_sections(&reader, table.get_ref());
        if !errors.is_empty() {
            // The values that could still be read serve only to find the record: the mistake may have distorted them.
            layer = Self { recovered: layer.values, ..Self::default() };
            layer.recover_lines(&reader, text);
        }
        let mut last_line = 0;
        for error in errors {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            // Another error on the same line is the same mistake, reported again by a parser that lost its way.
            if std::mem::replace(&mut last_line, line) == line {
                continue;
            }
            layer.fault(format!("{name}:{line}:{column}"), "", format!("not valid TOML: {}", error.message()));
        }
        layer
    }

    /// Reads the values of `PREGONERO__SECTION__KEY` variables. A variable with one underscore instead of two is a fault that
    /// names the right variable; other variables are ignored.
    pub(super) fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut ours: Vec<_> = variables.into_iter().filter(|(name, _)| name.starts_with(OUR_PREFIX)).collect();
        ours.sort();
        let mut layer = Self::default();
        for (name, value) in ours {
            if let Some((key, meant)) = meant_variable(&name) {
                layer.fault(
                    name,
                    &key,
                    format!("this variable is not read; the right name is {meant}, with two underscores"),
                );
            } else if let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) {
                layer.read_text(&name, &rest.to_lowercase().replace("__", "."), &value);
            }
        }
        layer
    }

    /// Recovers the single lines `key = "text"` of a file that is not valid TOML, with their sections: the parser may have
    /// lost them.
    fn recover_lines(&mut self, reader: &Reader<'_>, text: &str) {
        let mut section = String::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let place = (reader.origin)(start..start);
            start += line.len();
            if let Some(header) = line.trim().strip_prefix('[') {
                section = header.split(']').next().unwrap_or_default().trim().to_owned();
                continue;
            }
            let Ok(table) = DeTable::parse(line) else { continue };
            for (name, value) in table.get_ref() {
                if let DeValue::String(text) = value.get_ref() {
                    let value = Value::new(Some(&place), ValueKind::String(text.to_string()));
                    insert(&mut self.recovered, &format!("{section}.{}", name.get_ref()), value);
                }
            }
        }
    }

    /// Returns the text under `path` with its origin, even if the file is broken elsewhere.
    pub(super) fn text(&self, path: &str) -> Option<(String, String)> {
        let (section, name) = path.split_once('.')?;
        let table = self.values.get(section).or_else(|| self.recovered.get(section))?;
        let ValueKind::Table(entries) = &table.kind else { return None };
        let value = entries.get(name)?;
        let ValueKind::String(text) = &value.kind else { return None };
        Some((text.clone(), value.origin().unwrap_or(DEFAULT_ORIGIN).to_owned()))
    }

    /// Reads the values that flags set, each given as flag, key and text.
    pub(super) fn flags<'a>(overrides: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let mut layer = Self::default();
        for (flag, path, value) in overrides {
            layer.read_text(flag, path, value);
        }
        layer
    }

    fn fault(&mut self, origin: impl Into<String>, key: &str, message: impl Into<String>) {
        self.faults.push(Fault { origin: origin.into(), key: key.to_owned(), message: message.into() });
    }

    fn put(&mut self, path: &str, value: Value) {
        insert(&mut self.values, path, value);
    }

    fn read_sections(&mut self, reader: &Reader<'_>, table: &DeTable<'_>) {
        let known = keys::all();
        for (name, value) in table {
            let (origin, section) = ((reader.origin)(name.span()), name.get_ref().as_ref());
            let is_section = known.iter().any(|key| key.path.split('.').next() == Some(section));
            match value.get_ref() {
                _ if section == "seed_prompts" => self.read_value(reader, &known, section, &origin, value),
                DeValue::Table(entries) if is_section => {
                    for (name, value) in entries {
                        let path = format!("{section}.{}", name.get_ref());
                        self.read_value(reader, &known, &path, &(reader.origin)(name.span()), value);
                    }
                }
                DeValue::Table(_) => {
                    let message = unknown_section(section, &known);
                    self.fault(origin, section, message);
                }
                found if is_section => {
                    let message = format!("expected a section [{section}], found {}", in_words(found));
                    self.fault(origin, section, message);
                }
                _ => self.fault(origin, section, unknown_key(section, &known)),
            }
        }
    }

    fn read_value(
        &mut self,
        reader: &Reader<'_>,
        known: &[Key],
        path: &str,
        origin: &str,
        value: &Spanned<DeValue<'_>>,
    ) {
        let Some(key) = known.iter().find(|key| key.path == path) else {
            return self.fault(origin, path, unknown_key(path, known));
        };
        if let Some(value) = reader.value(&mut self.faults, path, origin, key.kind, value) {
            self.put(path, value);
        }
    }

    /// Reads a value that arrived as text, from a variable or a flag.
    fn read_text(&mut self, origin: &str, path: &str, text: &str) {
        let known = keys::all();
        let Some(key) = known.iter().find(|key| key.path == path) else {
            return self.fault(origin, path, unknown_key(path, &known));
        };
        let origin_owned = origin.to_owned();
        let as_value = |kind: ValueKind| Value::new(Some(&origin_owned), kind);
        let trimmed = text.trim();
        let value = match key.kind {
            Kind::Text => Some(as_value(ValueKind::from(text))),
            Kind::Flag => trimmed.parse::<bool>().ok().map(|value| as_value(value.into())),
            Kind::Whole => trimmed.parse::<u64>().ok().map(|value| as_value(value.into())),
            Kind::Number => trimmed.parse::<f64>().ok().map(|value| as_value(value.into())),
            // A cron expression may contain commas, so a plain list is split at semicolons.
            Kind::Texts if !trimmed.starts_with('[') => {
                let items = trimmed.split(';').map(str::trim).filter(|item| !item.is_empty());
                Some(as_value(ValueKind::Array(items.map(|item| as_value(item.into())).collect())))
            }
            Kind::Texts | Kind::Prompts | Kind::Attributes => match DeValue::parse(trimmed) {
                Ok(value) => {
                    let reader = Reader { origin: &|_| origin_owned.clone() };
                    match reader.value(&mut self.faults, path, origin, key.kind, &value) {
                        Some(value) => Some(value),
                        None => return,
                    }
                }
                Err(_) => None,
            },
        };
        match value {
            Some(value) => self.put(path, value),
            None => self.fault(origin, path, format!("expected {}, found {text:?}", key.kind.in_words())),
        }
    }
}

fn insert(values: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((section, name)) = path.split_once('.') else {
        values.insert(path.to_owned(), value);
        return;
    };
    let entry = values.entry(section.to_owned()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if let ValueKind::Table(names) = &mut entry.kind {
        names.insert(name.to_owned(), value);
    }
}

/// Turns TOML values into values of the right kind that know their line.
struct Reader<'a> {
    /// Returns the place of a span, for messages.
    origin: &'a dyn Fn(Range<usize>) -> String,
}

impl Reader<'_> {
    /// Returns `value` as a value of `kind`, with the place of its key, or `None` after a fault.
    fn value(
        &self,
        faults: &mut Vec<Fault>,
        path: &str,
        origin: &str,
        kind: Kind,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        let read = match (kind, value.get_ref()) {
            (Kind::Flag, DeValue::Boolean(flag)) => Some(ValueKind::Boolean(*flag)),
            (Kind::Whole, DeValue::Integer(number)) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok().map(ValueKind::U64)
            }
            (Kind::Number, DeValue::Float(number)) => number.as_str().parse().ok().map(ValueKind::Float),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => {
                number.as_str().parse().ok().map(ValueKind::Float)
            }
            (Kind::Text, DeValue::String(text)) => Some(ValueKind::String(text.to_string())),
            (Kind::Texts, DeValue::Array(items)) => {
                return self.texts(faults, path, items).map(|kind| Value::new(Some(&origin.to_owned()), kind));
            }
            (Kind::Prompts, DeValue::Array(items)) => {
                return self.prompts(faults, path, items).map(|kind| Value::new(Some(&origin.to_owned()), kind));
            }
            (Kind::Attributes, DeValue::Table(entries)) => {
                return self.attributes(faults, path, entries).map(|kind| Value::new(Some(&origin.to_owned()), kind));
            }
            _ => None,
        };
        if read.is_none() {
            let negative = matches!(value.get_ref(), DeValue::Integer(number) if number.as_str().starts_with('-'));
            let expected = if kind == Kind::Whole && negative { "a whole number, 0 or more" } else { kind.in_words() };
            faults.push(Fault {
                origin: origin.to_owned(),
                key: path.to_owned(),
                message: format!("expected {expected}, found {}", in_words(value.get_ref())),
            });
        }
        read.map(|kind| Value::new(Some(&origin.to_owned()), kind))
    }

    fn texts(&self, faults: &mut Vec<Fault>, path: &str, items: &DeArray<'_>) -> Option<ValueKind> {
        let before = faults.len();
        let texts = items
            .iter()
            .enumerate()
            .filter_map(|(place, item)| {
                self.value(faults, &format!("{path}[{place}]"), &(self.origin)(item.span()), Kind::Text, item)
            })
            .collect();
        (faults.len() == before).then_some(ValueKind::Array(texts))
    }

    fn attributes(&self, faults: &mut Vec<Fault>, path: &str, entries: &DeTable<'_>) -> Option<ValueKind> {
        let before = faults.len();
        let mut attributes = Map::new();
        for (name, value) in entries {
            let (origin, path) = ((self.origin)(name.span()), format!("{path}.{}", name.get_ref()));
            if let Some(value) = self.value(faults, &path, &origin, Kind::Text, value) {
                attributes.insert(name.get_ref().to_string(), value);
            }
        }
        (faults.len() == before).then_some(ValueKind::Table(attributes))
    }

    fn prompts(&self, faults: &mut Vec<Fault>, path: &str, items: &DeArray<'_>) -> Option<ValueKind> {
        let before = faults.len();
        let prompts = items
            .iter()
            .enumerate()
            .filter_map(|(place, item)| self.prompt(faults, &format!("{path}[{place}]"), item))
            .collect();
        (faults.len() == before).then_some(ValueKind::Array(prompts))
    }

    fn prompt(&self, faults: &mut Vec<Fault>, path: &str, item: &Spanned<DeValue<'_>>) -> Option<Value> {
        let origin = (self.origin)(item.span());
        let mut fault = |origin: &str, key: String, message: String| {
            faults.push(Fault { origin: origin.to_owned(), key, message });
        };
        let DeValue::Table(entries) = item.get_ref() else {
            let message = format!("expected a table with a text, found {}", in_words(item.get_ref()));
            fault(&origin, path.to_owned(), message);
            return None;
        };
        if !entries.contains_key("text") {
            fault(&origin, format!("{path}.text"), "missing: a seed prompt needs its text".to_owned());
        }
        let (known, mut prompt) = (keys::of_seed_prompt(), Map::new());
        for (name, value) in entries {
            let (origin, name) = ((self.origin)(name.span()), name.get_ref().as_ref());
            let path = format!("{path}.{name}");
            match known.iter().find(|key| key.path == name) {
                Some(key) => {
                    prompt.extend(self.value(faults, &path, &origin, key.kind, value).map(|v| (name.to_owned(), v)));
                }
                None => faults.push(Fault { origin, key: path, message: unknown_key(name, &known) }),
            }
        }
        Some(Value::new(Some(&origin), ValueKind::Table(prompt)))
    }
}

/// Converts a default to a value of the `config` crate; `None` if it is absent.
fn plain_value(json: &Json) -> Option<Value> {
    let kind = match json {
        Json::Null => return None,
        Json::Bool(flag) => ValueKind::Boolean(*flag),
        Json::Number(number) => match number.as_u64() {
            Some(whole) => ValueKind::U64(whole),
            None => ValueKind::Float(number.as_f64()?),
        },
        Json::String(text) => ValueKind::String(text.clone()),
        Json::Array(items) => ValueKind::Array(items.iter().filter_map(plain_value).collect()),
        Json::Object(entries) => ValueKind::Table(
            entries.iter().filter_map(|(name, value)| Some((name.clone(), plain_value(value)?))).collect(),
        ),
    };
    Some(Value::new(Some(&DEFAULT_ORIGIN.to_owned()), kind))
}

/// Returns the key and the variable that `name` was meant to be, if it differs from a known variable only in underscores.
fn meant_variable(name: &str) -> Option<(String, String)> {
    let bare = |name: &str| name.to_uppercase().replace('_', "");
    let variable = |key: &Key| format!("{VARIABLE_PREFIX}{}", key.path.to_uppercase().replace('.', "__"));
    let known = keys::all().into_iter().map(|key| (variable(&key), key.path));
    let meant = known.into_iter().find(|(known, _)| bare(known) == bare(name));
    meant.filter(|(known, _)| known != name).map(|(known, key)| (key, known))
}

/// Words that mark a secret, which must not be in any file.
const SECRET_WORDS: [&str; 4] = ["consumer_key", "consumer_secret", "access_token", "password"];

fn unknown_key(path: &str, known: &[Key]) -> String {
    if SECRET_WORDS.iter().any(|word| path.contains(word)) {
        return "unknown key; secrets do not belong in the configuration: set TWITTER_CONSUMER_KEY and the like in the \
                environment, or their _FILE variants"
            .to_owned();
    }
    match nearest(path, known.iter().map(|key| key.path.as_str())) {
        Some(near) => format!("unknown key; the nearest known one is {near}"),
        None => "unknown key".to_owned(),
    }
}

fn unknown_section(section: &str, known: &[Key]) -> String {
    let sections = known.iter().filter_map(|key| key.path.split('.').next());
    match nearest(section, sections) {
        Some("seed_prompts") => "unknown section; the nearest known one is [[seed_prompts]]".to_owned(),
        Some(near) => format!("unknown section; the nearest known one is [{near}]"),
        None => "unknown section".to_owned(),
    }
}

/// Returns a value as messages show it.
fn in_words(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Returns the line and the column of a byte of the text, both counted from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
