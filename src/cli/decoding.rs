//! The flags that override the configuration's `[generation]`, for the commands that write candidates or examine the model
//! that writes them.

use anyhow::Result;
use clap::Args;

use super::output::Output;
use super::session::Session;
use crate::app;
use crate::config::{Override, Settings};
use pregonero_models::catalog::ModelFiles;

/// How candidates are written. The values are texts, because the configuration checks them like values in the file.
#[derive(Debug, Clone, Default, Args)]
pub struct DecodingArguments {
    /// How tokens are chosen: sample, greedy or beam
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Above 0; lower is tamer, higher is wilder
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    temperature: Option<String>,
    /// Draw only from the K likeliest tokens; 0 is off
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    top_k: Option<String>,
    /// Draw only from the likeliest tokens that together have this probability; 1 is off
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    top_p: Option<String>,
    /// Drop tokens with less than this share of the likeliest token's probability; 0 is off
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    min_p: Option<String>,
    /// Draw only from the tokens about as surprising as the model expects, up to this total probability; 1 is off
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    typical_p: Option<String>,
    /// Make tokens already used less likely; 1 is off
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    repetition_penalty: Option<String>,
    /// Let no run of this many tokens occur twice; 0 is off
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    no_repeat_ngram: Option<String>,
    /// The longest continuation, in tokens
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    max_new_tokens: Option<String>,
    /// The seed of all random choices; the same seed gives the same candidates
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    rng_seed: Option<String>,
}

impl DecodingArguments {
    /// Returns the given flags as settings.
    pub fn overrides(&self) -> Vec<Override> {
        let flags = [
            ("--strategy", "strategy", &self.strategy),
            ("--temperature", "temperature", &self.temperature),
            ("--top-k", "top_k", &self.top_k),
            ("--top-p", "top_p", &self.top_p),
            ("--min-p", "min_p", &self.min_p),
            ("--typical-p", "typical_p", &self.typical_p),
            ("--repetition-penalty", "repetition_penalty", &self.repetition_penalty),
            ("--no-repeat-ngram", "no_repeat_ngram", &self.no_repeat_ngram),
            ("--max-new-tokens", "max_new_tokens", &self.max_new_tokens),
            ("--rng-seed", "rng_seed", &self.rng_seed),
        ];
        let given = flags.into_iter().filter_map(|(flag, name, value)| Some((flag, name, value.as_ref()?)));
        given.map(|(flag, name, value)| generation(flag, name, value)).collect()
    }
}

/// Another generator for this run. The value is a text, because the configuration checks it like a value in the file.
#[derive(Debug, Clone, Default, Args)]
pub struct ModelArgument {
    /// Write with this generator instead of the configured one: builtin, a folder, hub:OWNER/NAME or openai:URL#MODEL
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Keep the weights in this type: auto (int8 for a folder from `models quantize`, if its check passed, or an error; f32 for
    /// any other model), f32, int8 (on the CPU), bf16 or f16 (on a GPU)
    #[arg(long, value_name = "TYPE")]
    weights: Option<String>,
}

impl ModelArgument {
    /// Returns the flags as settings, if they were given.
    pub fn overrides(&self) -> Vec<Override> {
        let flags = [("--model", "model", &self.model), ("--weights", "weights", &self.weights)];
        let given = flags.into_iter().filter_map(|(flag, name, value)| Some((flag, name, value.as_ref()?)));
        given.map(|(flag, name, value)| generation(flag, name, value)).collect()
    }

    /// Returns whether a model was given.
    pub fn names_model(&self) -> bool {
        self.model.is_some()
    }

    /// Returns whether the weights were given.
    pub fn names_weights(&self) -> bool {
        self.weights.is_some()
    }

    /// Fits the configured seed prompts to the given model: attributes that it does not know are left out, and a note says so.
    /// A model that cannot be opened is ignored here; loading it will report the error.
    ///
    /// # Errors
    /// If the model's control layout cannot be read.
    pub fn fit(&self, settings: &mut Settings, session: &Session) -> Result<()> {
        let Some(model) = &self.model else { return Ok(()) };
        let Ok(files) = app::generator_files(settings, &session.hub()?) else { return Ok(()) };
        fit_prompts(settings, &files, model, session.output)
    }
}

/// Fits the configured seed prompts to a model that a flag names: attributes that it does not know are left out, and a note
/// says so.
///
/// # Errors
/// If the model's control layout cannot be read.
pub fn fit_prompts(settings: &mut Settings, files: &ModelFiles, model: &str, output: Output) -> Result<()> {
    let taken = app::take_out_unknown_attributes(settings, files)?;
    if !taken.is_empty() {
        let names = taken.join(", ");
        output.note(&format!("{model} cannot write from {names}: left out of the configured seed prompts"));
    }
    Ok(())
}

/// Returns the override for a flag that sets `name` in `[generation]`.
pub fn generation(flag: &str, name: &str, value: &str) -> Override {
    Override { flag: flag.to_owned(), key: format!("generation.{name}"), value: value.to_owned() }
}
