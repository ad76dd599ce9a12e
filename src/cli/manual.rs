//! `pregonero man`: the manual pages, made from the same words as `--help`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use clap_mangen::Man;

use super::output::Output;

/// Where the pages go.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero man | man -l -
  pregonero man --output ~/.local/share/man/man1")]
pub struct ManArguments {
    /// Write one page a command into this folder, which is made; without it the main page is printed
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// Where the folder or standard output cannot be written.
pub fn run(arguments: &ManArguments, output: Output) -> Result<()> {
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        Man::new(super::command_line()).render(&mut page).context("cannot make the manual page")?;
        return output.line(String::from_utf8_lossy(&page).trim_end());
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(super::command_line(), folder))
        .with_context(|| format!("{}: cannot write the manual pages", folder.display()))?;
    output.note(&format!("manual pages written to {}", folder.display()));
    Ok(())
}
