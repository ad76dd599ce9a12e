//! `pregonero models verbatim`: writes the files that the gate `verbatim` compares with, from the texts of a training.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use pregonero_models::catalog::{ModelFiles, ModelSource};
use pregonero_models::verbatim::{self, OWN_TEXTS, OwnTexts, VERBATIM_INDEX, VerbatimIndex};
use pregonero_system::files::{Existing, refuse_existing};
use pregonero_workshop::training::generator::Compared;
use pregonero_workshop::training::text::{Cleaning, TextSource};
use serde_json::json;

use super::texts::CLEANINGS;
use crate::cli::choice::listed;
use crate::cli::compared::compared;
use crate::cli::exit::WrongUsage;
use crate::cli::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero models verbatim my-gpt2 --others tweets.csv:text
  pregonero models verbatim my-gpt2 --others tweets.csv:text --own composed.jsonl:text --own plain.txt

`train generator` writes both files. Use this command for a model that was trained elsewhere, or if its texts have changed:
  --others   writes verbatim.bin, hashes of all runs of eight words in other people's texts. No text can be read out of
             it. The gate rejects a candidate that shares a run of more words than gates.verbatim_tokens.
  --own      writes own_texts.zst, your texts themselves, without case and punctuation; `zstd -dc own_texts.zst` prints
             them. The gate rejects a candidate that is at least as similar to one of them as gates.own_texts says.
A text that is in both counts as your own. If one of the two options is missing, its file stays as it is. A file that is there is replaced only with --overwrite.")]
pub struct VerbatimArguments {
    /// The model's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Texts by other people: FILE (one per line, or X's archive) or FILE:COLUMN (CSV, JSON, Parquet, a data set); may be given several times
    #[arg(long, value_name = "FILE[:COLUMN]")]
    others: Vec<TextSource>,
    /// Your own texts, in the same forms; may be given several times
    #[arg(long, value_name = "FILE[:COLUMN]")]
    own: Vec<TextSource>,
    /// How texts are tidied first
    #[arg(long, value_parser = listed(&CLEANINGS), default_value = "tweets")]
    clean: Cleaning,
    /// Replace files that are there
    #[arg(long)]
    overwrite: bool,
}

/// Writes the files and reports what they contain.
///
/// # Errors
/// If texts cannot be read, or the folder is not a model's or cannot be written.
pub fn run(arguments: &VerbatimArguments, session: &Session) -> Result<()> {
    let folder = &arguments.folder;
    if arguments.others.is_empty() && arguments.own.is_empty() {
        return Err(WrongUsage("there are no texts: give --others FILE, --own FILE or both").into());
    }
    let names_a_folder = matches!(folder.to_str().map(str::parse), None | Some(Ok(ModelSource::Folder(_)) | Err(_)));
    if !names_a_folder && !folder.exists() {
        bail!(
            "{}: only a model in a folder gets these files: a built-in model has its own, and of a model on a server or the hub \
             this command knows no folder",
            folder.display()
        );
    }
    let files = ModelFiles::in_folder(folder)?;
    if !files.has("config.json") {
        bail!("{}: no config.json, so this is not a model's folder", folder.display());
    }
    for (sources, name, flag) in [(&arguments.others, VERBATIM_INDEX, "--others"), (&arguments.own, OWN_TEXTS, "--own")]
    {
        if sources.is_empty() {
            continue;
        }
        refuse_existing(&folder.join(name), Existing::Replace)?;
        if files.has(name) && !arguments.overwrite {
            bail!(
                "{}: exists already, and {flag} would replace it as a whole: the model could then copy the texts that only the old \
                 file knows; give all texts of the training again and pass --overwrite",
                folder.join(name).display()
            );
        }
    }
    Compared::read(&arguments.others, &arguments.own, arguments.clean)?.write(folder)?;
    let (index, own_texts) = (verbatim::index_of(&files)?, verbatim::own_texts_of(&files)?);
    let compared = compared(index.as_ref(), own_texts.as_ref()).unwrap_or_else(|| "nothing".to_owned());
    session.output.object(
        || format!("{}: the verbatim gate compares with {compared}", folder.display()),
        || {
            json!({"folder": folder, "runs": index.as_ref().map(VerbatimIndex::len),
                   "words": index.as_ref().map(VerbatimIndex::window), "own_texts": own_texts.as_ref().map(OwnTexts::len)})
        },
    )
}
