//! The section `[generation]`: its keys, their defaults and their permitted values.

use pregonero_settings::Checker;
use serde::{Deserialize, Serialize};

use super::decoding_settings::{Decoding, Strategy};
use super::engine_settings::local;
use crate::catalog::{ModelKind, ModelSource};

/// The keys of `[generation]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerationKeys {
    pub model: String,
    pub fallback: String,
    pub device: String,
    pub weights: String,
    pub candidates: u64,
    pub strategy: String,
    pub temperature: f64,
    pub top_k: u64,
    pub top_p: f64,
    pub min_p: f64,
    pub typical_p: f64,
    pub repetition_penalty: f64,
    pub no_repeat_ngram: u64,
    pub max_new_tokens: u64,
    pub rng_seed: Option<u64>,
}

impl Default for GenerationKeys {
    fn default() -> Self {
        let decoding = Decoding::default();
        Self {
            model: "builtin".into(),
            fallback: "none".into(),
            device: "auto".into(),
            weights: "auto".into(),
            candidates: 96,
            strategy: "sample".into(),
            temperature: decoding.temperature,
            top_k: decoding.top_k as u64,
            top_p: decoding.top_p,
            min_p: decoding.min_p,
            typical_p: decoding.typical_p,
            repetition_penalty: decoding.repetition_penalty,
            no_repeat_ngram: decoding.no_repeat_ngram as u64,
            max_new_tokens: decoding.max_new_tokens as u64,
            rng_seed: None,
        }
    }
}

impl GenerationKeys {
    /// Returns the settings, each key parsed and in range; `None` if a fault was reported to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<GenerationSettings> {
        let model = ModelSource::check(checker, "generation.model", ModelKind::Generator, &self.model);
        let fallback = self.fallback(checker, model.as_ref());
        let device = checker.keep("generation.device", device(&self.device));
        let weights = checker.choice("generation.weights", &self.weights, &WeightsChoice::NAMES);
        let candidates = checker.whole("generation.candidates", self.candidates, 1, 256);
        let strategy = checker.choice("generation.strategy", &self.strategy, &STRATEGIES);
        if strategy == Some(Strategy::Beam) && model.as_ref().is_some_and(|model| model.server().is_some()) {
            checker.fault(
                "generation.strategy",
                "beam needs a model on this machine; choose sample or greedy for a server",
            );
        }
        let temperature = checker.number(
            "generation.temperature",
            self.temperature,
            |t| t > 0.0 && t <= 100.0,
            "above 0, at most 100",
        );
        let top_k = checker.whole("generation.top_k", self.top_k, 0, 1_000_000);
        let top_p = checker.number("generation.top_p", self.top_p, |p| p > 0.0 && p <= 1.0, "above 0, at most 1");
        let min_p = checker.number("generation.min_p", self.min_p, |p| (0.0..=1.0).contains(&p), "from 0 (off) to 1");
        let typical_p =
            checker.number("generation.typical_p", self.typical_p, |p| p > 0.0 && p <= 1.0, "above 0, at most 1");
        let repetition_penalty = checker.number(
            "generation.repetition_penalty",
            self.repetition_penalty,
            |penalty| (1.0..=100.0).contains(&penalty),
            "from 1 (off) to 100",
        );
        let no_repeat_ngram = checker.whole("generation.no_repeat_ngram", self.no_repeat_ngram, 0, 1_000);
        let max_new_tokens = checker.whole("generation.max_new_tokens", self.max_new_tokens, 1, 4_096);
        Some(GenerationSettings {
            model: model?,
            fallback: fallback?,
            device: device?,
            weights: weights?,
            candidates: candidates?,
            decoding: Decoding {
                strategy: strategy?,
                temperature: temperature?,
                top_k: top_k?,
                top_p: top_p?,
                min_p: min_p?,
                typical_p: typical_p?,
                repetition_penalty: repetition_penalty?,
                no_repeat_ngram: no_repeat_ngram?,
                max_new_tokens: max_new_tokens?,
            },
            rng_seed: self.rng_seed,
        })
    }

    fn fallback(&self, checker: &mut Checker<'_>, model: Option<&ModelSource>) -> Option<Option<ModelSource>> {
        if self.fallback.trim() == "none" {
            return Some(None);
        }
        let fallback = local(checker, "generation.fallback", &self.fallback)?;
        if model.is_some_and(|model| model.server().is_none()) {
            checker.warnings.push(
                "generation.fallback has no effect: generation.model is on this machine, so no server can be away"
                    .into(),
            );
        }
        Some(Some(fallback))
    }
}

/// Which model writes, and how.
#[derive(Debug, Clone)]
pub struct GenerationSettings {
    pub model: ModelSource,
    /// The model on this machine that stands in while the server of `model` is away.
    pub fallback: Option<ModelSource>,
    pub device: DeviceChoice,
    pub weights: WeightsChoice,
    /// 1 to 256.
    pub candidates: usize,
    pub decoding: Decoding,
    /// If absent, each round draws a new one.
    pub rng_seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA if it works, else the CPU, with one log line that says so.
    Auto,
    Cpu,
    /// This CUDA device, or an error if it is not available.
    Cuda(usize),
}

/// How the weights are kept in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightsChoice {
    /// Int8 for a folder that `models quantize` wrote, if its check passed; otherwise f32.
    #[default]
    Auto,
    F32,
    /// On a GPU; on the CPU f32 if the device is [`DeviceChoice::Auto`], an error otherwise.
    Bf16,
    /// As [`Self::Bf16`].
    F16,
    /// Int8, on the CPU; rounded at start if the model's files are not int8.
    Int8,
}

impl WeightsChoice {
    /// The names in the configuration and on the command line.
    pub const NAMES: [(&str, Self); 5] =
        [("auto", Self::Auto), ("f32", Self::F32), ("bf16", Self::Bf16), ("f16", Self::F16), ("int8", Self::Int8)];
}

/// Parses a device as the configuration writes it.
impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        device(text)
    }
}

const STRATEGIES: [(&str, Strategy); 3] =
    [("sample", Strategy::Sample), ("greedy", Strategy::Greedy), ("beam", Strategy::Beam)];

fn device(found: &str) -> Result<DeviceChoice, String> {
    match found {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "cuda" => Ok(DeviceChoice::Cuda(0)),
        _ => found
            .strip_prefix("cuda:")
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|number| number.parse().ok())
            .map(DeviceChoice::Cuda)
            .ok_or_else(|| format!("expected auto | cpu | cuda | cuda:1, found {found:?}")),
    }
}
