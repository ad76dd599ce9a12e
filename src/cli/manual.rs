//! `pregonero man`: the manual pages, made from the same text as `--help`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Command};
use clap_mangen::Man;

use super::output::Output;
use pregonero_system::files::{Existing, refuse_existing, write_whole};

/// The first line of every page, a comment. A file without it was not written by this command and is not replaced.
const MARK: &str = ".\\\" Written by `pregonero man`, and replaced by its next run.\n";

/// Where the pages go.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero man | man -l -
  pregonero man --output ~/.local/share/man/man1")]
pub struct ManArguments {
    /// Write one page for each command into this folder, which is created if it is missing. Only pages of an earlier run are
    /// replaced. Without this option, the main page is printed
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Prints or writes the pages.
///
/// # Errors
/// If the folder or standard output cannot be written, or a page would replace a file that this command did not write (then
/// no page is written).
pub fn run(arguments: &ManArguments, output: Output) -> Result<()> {
    let Some(folder) = &arguments.output else {
        let mut page = Vec::new();
        Man::new(super::command_line()).render(&mut page).context("cannot make the manual page")?;
        return output.unchanged(String::from_utf8_lossy(&page).trim_end());
    };
    let pages = pages(folder).with_context(|| format!("{}: cannot make the manual pages", folder.display()))?;
    pages.iter().try_for_each(|(path, _)| refuse_existing(path, OURS))?;
    pages.iter().try_for_each(|(path, page)| write_whole(path, OURS, |file| file.write_all(page)))?;
    output.note(&format!("manual pages written to {}", folder.display()));
    Ok(())
}

/// The files that a page may replace.
const OURS: Existing = Existing::ReplaceOurs(MARK);

/// Returns the pages of all commands, each with its path in `folder`.
fn pages(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut commands = super::command_line().disable_help_subcommand(true);
    commands.build();
    let mut pages = Vec::new();
    add_pages(&commands, folder, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &Command, folder: &Path, pages: &mut Vec<(PathBuf, Vec<u8>)>) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        add_pages(below, folder, pages)?;
    }
    let page = Man::new(command.clone());
    let path = folder.join(page.get_filename());
    let mut content = MARK.as_bytes().to_vec();
    page.render(&mut content)?;
    pages.push((path, content));
    Ok(())
}
