//! The commands that a build without the workshop lacks, and the message that it prints instead.

use std::ffi::OsString;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

/// The commands that this build leaves out. Help does not list them.
#[derive(Debug, Subcommand)]
pub enum WorkshopCommand {
    #[command(hide = true)]
    Dataset(Anything),
    #[command(hide = true)]
    Train(Anything),
    #[command(hide = true)]
    Evaluate(Anything),
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Anything {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

/// Refuses the command.
///
/// # Errors
/// Always fails; the message names the build that has the command.
pub fn run(command: &WorkshopCommand) -> Result<()> {
    let name = match command {
        WorkshopCommand::Dataset(_) => "dataset",
        WorkshopCommand::Train(_) => "train",
        WorkshopCommand::Evaluate(_) => "evaluate",
    };
    bail!(
        "this build has no `{name}`: it was built without the workshop (--no-default-features); \
         use a full build, `cargo build --release`, on the machine where you train"
    )
}
