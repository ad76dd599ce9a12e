//! `pregonero completions`: the script that a shell needs to complete the command line.

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use super::output::Output;

/// The shell to print a script for.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  pregonero completions bash > ~/.local/share/bash-completion/completions/pregonero")]
pub struct CompletionsArguments {
    /// The shell that will read the script
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(arguments: &CompletionsArguments, output: Output) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command_line(), "pregonero", &mut script);
    output.unchanged(String::from_utf8_lossy(&script).trim_end())
}
