//! The known keys and the kind of value that each takes, derived from the defaults of the raw settings.

use serde_json::Value as Json;

use super::seed_prompts::SeedPromptKeys;
use super::settings::Keys;

/// The kind of value that a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Whole,
    Number,
    Text,
    /// A list of texts.
    Texts,
    /// A table of texts whose names are free.
    Attributes,
    /// The list of seed prompts.
    Prompts,
}

impl Kind {
    fn of(key: &str, default: &Json) -> Self {
        match default {
            _ if key == "seed_prompts" => Self::Prompts,
            Json::Bool(_) => Self::Flag,
            Json::Number(number) if number.is_f64() => Self::Number,
            // Two keys have no default to derive it from: the random seed, and the threshold that a model may recommend.
            Json::Null if key == "sentiment.min_score" => Self::Number,
            Json::Number(_) | Json::Null => Self::Whole,
            Json::String(_) => Self::Text,
            Json::Array(_) => Self::Texts,
            Json::Object(_) => Self::Attributes,
        }
    }

    /// Returns the kind in words, to follow "expected" in a message.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text in quotes",
            Self::Texts => "a list of texts, such as [\"…\", \"…\"]",
            Self::Attributes => "a table of texts, such as { NAME = \"…\" }",
            Self::Prompts => "a list of tables, each under [[seed_prompts]] with its text",
        }
    }
}

/// One key that `config.toml` may hold.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// `generation.top_k`; `seed_prompts` for the list.
    pub path: String,
    pub kind: Kind,
    /// `Null` if there is none.
    pub default: Json,
}

/// Returns every key, in the order of the file.
pub(super) fn all() -> Vec<Key> {
    let mut keys = Vec::new();
    for (section, content) in fields(&Keys::default()) {
        match content {
            Json::Object(entries) => {
                keys.extend(entries.into_iter().map(|(name, default)| new_key(format!("{section}.{name}"), default)));
            }
            list => keys.push(new_key(section, list)),
        }
    }
    keys
}

/// Returns the keys of one seed prompt.
pub(super) fn of_seed_prompt() -> Vec<Key> {
    fields(&SeedPromptKeys::default()).into_iter().map(|(name, default)| new_key(name, default)).collect()
}

fn new_key(path: String, default: Json) -> Key {
    Key { kind: Kind::of(&path, &default), path, default }
}

fn fields(settings: &impl serde::Serialize) -> serde_json::Map<String, Json> {
    match serde_json::to_value(settings) {
        Ok(Json::Object(entries)) => entries,
        _ => unreachable!("the raw settings are a struct of plain values"),
    }
}

#[cfg(test)]
mod tests {
    use pregonero_settings::nearest;

    use super::*;

    #[test]
    fn the_nearest_key_is_one_that_could_have_been_meant() {
        let all = all();
        let near = |path: &str| nearest(path, all.iter().map(|key| key.path.as_str()));
        for (path, expected) in [
            ("beam", None),
            ("generation.beam", None),
            ("generation.temprature", Some("generation.temperature")),
            ("temperature", Some("generation.temperature")),
            ("generation.topk", Some("generation.top_k")),
            ("publish.lvie", Some("publish.live")),
        ] {
            assert_eq!(near(path), expected, "{path}");
        }
    }
}
