//! `pregonero models quantize`: writes a model with int8 weights, and says what that cost.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use pregonero_models::catalog::{self, ModelKind, ModelSource};
use pregonero_models::generation::{HeldOut, quantise};
use pregonero_system::files::{self, Existing};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, ReadFor, Reading, TextSource};
use serde_json::json;

use super::evaluate::generator::{held_out_share, named};
use super::texts::CLEANINGS;
use crate::app;
use crate::cli::choice::listed;
use crate::cli::session::Session;

/// With fewer tokens than this, a check says little about a model.
const FEW_TOKENS: usize = 2_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero models quantize hub:datificate/gpt2-small-spanish --output small-int8
  pregonero models quantize my-gpt2 --output my-gpt2-int8 --data held-out.txt
  pregonero models quantize my-gpt2 --output my-gpt2-int8 --data tweets.csv:text --held-out 0.1

Afterwards set [generation] model to the new folder. It takes a quarter of the memory, loads at once, and writes several times as
fast on the CPU. The folder's README.md has the perplexity before and after. If it rose by more than 0.5 %, the command says so,
and the configuration must say weights = \"int8\" to use the folder all the same.")]
pub struct QuantizeArguments {
    /// A GPT-2: builtin, a folder or hub:OWNER/NAME for a pulled model
    #[arg(value_name = "MODEL")]
    model: ModelSource,
    /// The folder to write; it must not exist
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Texts to measure the perplexity on, which the model was not trained on: FILE (one per line), FILE.csv:COLUMN or
    /// FILE.jsonl:FIELD; without it, texts that the model writes itself. At most about 16,000 tokens are read
    #[arg(long, value_name = "FILE[:COLUMN]")]
    data: Vec<TextSource>,
    /// Use only the texts of --data that `train generator --held-out SHARE` holds out
    #[arg(long, value_name = "SHARE", requires = "data", value_parser = held_out_share)]
    held_out: Option<f64>,
    /// How texts are tidied first
    #[arg(long, value_parser = listed(&CLEANINGS), default_value = "tweets")]
    clean: Cleaning,
}

impl QuantizeArguments {
    fn texts(&self) -> Result<Option<HeldOut>> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let reading =
            Reading { cleaning: self.clean, duplicates: Duplicates::Exact, read_for: ReadFor::Measuring, columns: &[] };
        let (rows, _) = text::read_rows(&self.data, &reading)?;
        let wanted = |text: &String| self.held_out.is_none_or(|share| text::is_held_out(text, share));
        let texts: Vec<String> = rows.into_iter().map(|row| row.text).filter(wanted).collect();
        let name = named(&self.data, "");
        ensure!(
            !texts.is_empty(),
            "{name}: no text is left to measure on; give more texts, another --held-out, or --clean none"
        );
        Ok(Some(HeldOut { name, texts }))
    }
}

/// Writes the folder and reports what the rounding cost.
///
/// # Errors
/// If the model is not a GPT-2 in floating point, the texts cannot be read, or the folder exists or cannot be written.
pub fn run(arguments: &QuantizeArguments, session: &Session) -> Result<()> {
    let model = catalog::open(&arguments.model, ModelKind::Generator, &session.hub()?)
        .map_err(|cause| app::SetupError::Unusable { key: "MODEL", cause })?;
    files::refuse_existing_folder(&arguments.output, Existing::Refuse)?;
    let texts = arguments.texts()?;
    let reads = if texts.is_some() { "reading the texts" } else { "writing texts and reading them" };
    session.output.note(&format!("{}: rounding the weights, {reads} with both models", arguments.model));
    let quantisation = quantise(&model, &arguments.model, texts, &arguments.output)?;
    let (check, folder) = (&quantisation.check, arguments.output.display());
    session.output.object(
        || {
            let next = if check.passed {
                format!("to use it, set [generation] model = \"{folder}\"")
            } else {
                format!(
                    "that is more than the 0.5 % that weights = \"auto\" allows: set [generation] model = \"{folder}\" and weights = \
                     \"int8\" to use it all the same"
                )
            };
            let few = if check.tokens < FEW_TOKENS { " (few: more texts say more)" } else { "" };
            format!("{folder} was written: {}{few}; {next}", check.in_words())
        },
        || json!({"folder": arguments.output, "quantisation": quantisation}),
    )
}
