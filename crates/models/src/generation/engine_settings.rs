//! The section `[engine]`: how a model on a server is spoken to. It counts only where `generation.model` names one.

use std::time::Duration;

use pregonero_settings::{Checker, MINUTE, SECOND};
use serde::{Deserialize, Serialize};

use crate::catalog::{ModelKind, ModelSource};

/// The keys of `[engine]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineKeys {
    pub files: String,
    pub timeout: String,
    pub attempts: u64,
    pub parallel: u64,
    pub pause: String,
}

impl Default for EngineKeys {
    fn default() -> Self {
        Self { files: String::new(), timeout: "60s".into(), attempts: 3, parallel: 4, pause: "1m".into() }
    }
}

impl EngineKeys {
    /// Returns the settings, each key parsed and in range; `None` if a fault was reported to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<EngineSettings> {
        let files = match self.files.trim() {
            "" => Some(None),
            found => local(checker, "engine.files", found).map(Some),
        };
        let timeout = checker.duration("engine.timeout", &self.timeout, SECOND, MINUTE * 30);
        let attempts = checker.whole("engine.attempts", self.attempts, 1, 10);
        let parallel = checker.whole("engine.parallel", self.parallel, 1, 64);
        let pause = checker.duration("engine.pause", &self.pause, SECOND, MINUTE * 60);
        Some(EngineSettings {
            files: files?,
            timeout: timeout?,
            attempts: attempts?,
            parallel: parallel?,
            pause: pause?,
        })
    }
}

/// Returns the model on this machine that a key names.
pub fn local(checker: &mut Checker<'_>, key: &str, found: &str) -> Option<ModelSource> {
    let source = ModelSource::check(checker, key, ModelKind::Generator, found)?;
    if source.server().is_some() {
        checker.fault(
            key,
            format!("expected a model on this machine, found {found:?}: builtin, a folder or hub:OWNER/NAME"),
        );
        return None;
    }
    Some(source)
}

/// How a model on a server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// The files of the model that the server runs, as far as they are here: tokenizer, control tokens, training texts.
    pub files: Option<ModelSource>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often a request is made that fails for a passing reason.
    pub attempts: u32,
    /// How many requests are made at the same time.
    pub parallel: usize,
    /// How long a server that failed is left alone; doubled with each further failure.
    pub pause: Duration,
}
