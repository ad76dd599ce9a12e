//! Where a model comes from, as the configuration and the command line write it.

use std::path::PathBuf;

use pregonero_settings::{Checker, place};

use super::server::{self, ServerAddress};
use super::{ModelKind, builtin};

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// Compiled into the binary: the default one of its kind.
    BuiltIn,
    /// Compiled into the binary, by its name: `builtin:NAME`.
    BuiltInNamed(String),
    /// A folder.
    Folder(PathBuf),
    /// `OWNER/NAME`, pulled with `models pull`.
    Hub(String),
    /// On a server that speaks OpenAI's completions: `openai:URL#MODEL`. Generators only.
    Server(ServerAddress),
}

impl ModelSource {
    /// Checks the model that a key of the configuration names: a built-in one must exist, and a folder is resolved.
    #[must_use]
    pub fn check(checker: &mut Checker<'_>, key: &str, kind: ModelKind, found: &str) -> Option<Self> {
        match checker.keep(key, model_of(kind, found))? {
            Self::Folder(folder) => Some(Self::Folder(checker.resolved(key, folder))),
            source => Some(source),
        }
    }

    /// Returns the server that has the model, if it is not on this machine.
    #[must_use]
    pub fn server(&self) -> Option<&ServerAddress> {
        match self {
            Self::Server(address) => Some(address),
            _ => None,
        }
    }

    /// Returns whether it is compiled into the binary.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn | Self::BuiltInNamed(_))
    }
}

/// Parses a source as the configuration writes it; the error is a sentence that does not name the key.
impl std::str::FromStr for ModelSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        model(text)
    }
}

impl std::fmt::Display for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("builtin"),
            Self::BuiltInNamed(name) => write!(f, "builtin:{name}"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Hub(name) => write!(f, "hub:{name}"),
            Self::Server(address) => write!(f, "{address}"),
        }
    }
}

/// Parses a model for one purpose: a built-in one must exist.
fn model_of(kind: ModelKind, found: &str) -> Result<ModelSource, String> {
    match model(found)? {
        ModelSource::BuiltInNamed(name) if builtin::find(kind, Some(&name)).is_none() => {
            Err(builtin::unknown(kind, &name))
        }
        ModelSource::Server(_) if kind != ModelKind::Generator => {
            Err(format!("expected a {} on this machine, found {found:?}: a server can only write texts", kind.as_str()))
        }
        source => Ok(source),
    }
}

/// Parses what `generation.model` and `sentiment.model` may be.
fn model(found: &str) -> Result<ModelSource, String> {
    if found == "builtin" {
        return Ok(ModelSource::BuiltIn);
    }
    if let Some(name) = found.strip_prefix("builtin:") {
        return Ok(ModelSource::BuiltInNamed(name.to_owned()));
    }
    if let Some(name) = found.strip_prefix("hub:") {
        let part = |part: &str| {
            part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                && part.chars().any(char::is_alphanumeric)
        };
        let fits = name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
        return if fits {
            Ok(ModelSource::Hub(name.to_owned()))
        } else {
            Err(format!("expected hub:OWNER/NAME, found {found:?}"))
        };
    }
    if let Some(address) = found.strip_prefix(server::PREFIX) {
        return address.parse().map(ModelSource::Server);
    }
    if found.trim().is_empty() {
        return Err(
            "expected builtin, builtin:NAME, a folder, hub:OWNER/NAME or openai:URL#MODEL, found an empty text"
                .to_owned(),
        );
    }
    if found.starts_with("http://") || found.starts_with("https://") {
        return Err(format!(
            "expected openai:URL#MODEL for a model on a server, found {found:?}: write openai: before it"
        ));
    }
    place::refuse_home(found)?;
    Ok(ModelSource::Folder(PathBuf::from(found)))
}
