//! `pregonero run`: the daemon.

use anyhow::Result;
use clap::Args;

use crate::config::Loaded;
use crate::daemon::signals::Signals;
use crate::daemon::{self, Reread, Setup, Start};

#[derive(Debug, Args)]
pub struct RunArguments {
    /// One round at once, then by the schedule
    #[arg(long)]
    now: bool,
}

/// Runs until a signal or an end for good.
pub async fn run(arguments: &RunArguments, loaded: Loaded, start: Start, reread: Reread) -> Result<()> {
    let setup = Setup { start, config_file: loaded.file, reread, now: arguments.now };
    daemon::run(setup, Signals::listen()?).await?;
    Ok(())
}
