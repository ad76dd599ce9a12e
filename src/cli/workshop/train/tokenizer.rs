//! `pregonero train tokenizer`: trains a byte-level BPE tokenizer on texts.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::output::{Output, counted};
use crate::cli::workshop::texts::DataArguments;
use pregonero_data::folder::Folder;
use pregonero_models::generation::tokenizer::training::{self as tokenizer, TokenizerTraining};
use pregonero_workshop::training::text::{self, ReadFor};

#[derive(Debug, Args)]
pub struct TokenizerArguments {
    #[command(flatten)]
    texts: DataArguments,
    /// Number of tokens, including bytes and special tokens
    #[arg(long, default_value_t = 8192)]
    vocab_size: usize,
    /// Pairs seen less often are not merged
    #[arg(long, default_value_t = 2)]
    min_frequency: u64,
    /// A special token in addition to <|endoftext|>; may be given several times
    #[arg(long = "special", value_name = "TOKEN")]
    special: Vec<String>,
    /// Folder for tokenizer.json, vocab.json and merges.txt
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Runs `train tokenizer`.
///
/// # Errors
/// If texts cannot be read, or the folder already has a tokenizer or cannot be written.
pub(super) fn run(arguments: &TokenizerArguments, output: &Output) -> Result<()> {
    tokenizer::refuse_to_overwrite(&arguments.output)?;
    Folder::refuse_as_output(&arguments.output, "a tokenizer")?;
    let (texts, counts) = text::read_all(&arguments.texts.data, arguments.texts.clean, ReadFor::Training)?;
    let settings = TokenizerTraining {
        vocabulary_size: arguments.vocab_size,
        min_frequency: arguments.min_frequency,
        special_tokens: arguments.special.clone(),
    };
    let tokenizer = tokenizer::train(&texts, &settings)?;
    tokenizer::save(&tokenizer, &arguments.output)?;
    let tokens = tokenizer.vocabulary_size();
    if tokens < arguments.vocab_size {
        output.note(&format!(
            "the texts give {tokens} tokens, not {}: no other pair occurs {} times or more",
            arguments.vocab_size, arguments.min_frequency
        ));
    }
    output.object(
        || {
            format!(
                "{tokens} tokens from {} written to {}",
                counted(counts.kept, "text", "texts"),
                arguments.output.display()
            )
        },
        || json!({"vocab_size": tokens, "texts": counts.kept, "output": arguments.output}),
    )
}
