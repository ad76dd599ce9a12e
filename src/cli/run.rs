//! `pregonero run`: runs the daemon.

use anyhow::{Context as _, Result};
use clap::Args;

use super::first_round;
use super::session::Session;
use crate::admin;
use crate::daemon::signals::Signals;
use crate::daemon::{self, Setup};

/// How to begin.
#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM finishes the post in flight and stops; a second SIGTERM quits at once. SIGHUP rereads the configuration.

Examples:
  pregonero run --now            watch a first round, then follow the schedule
  pregonero run                  as a service; deploy/ has a systemd unit and a container file")]
pub struct RunArguments {
    /// Run one round right away, then follow the schedule
    #[arg(long)]
    now: bool,
}

/// Runs the daemon until it is asked to stop or cannot go on.
///
/// # Errors
/// If the configuration cannot be used, or another instance uses the store.
pub async fn run(arguments: &RunArguments, session: &Session) -> Result<()> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    let loaded = session.load(Vec::new())?;
    session.refuse_a_record_left_behind(&loaded)?;
    session.refuse_a_second_record().await?;
    let show_round = first_round::shown_to_people(session, &loaded.settings);
    let companion = Some(admin::companion(session.environment.clone()));
    let inputs = session.inputs(loaded.settings.clone())?;
    let setup = Setup { inputs, loaded, reread: session.reread(), now: arguments.now, show_round, companion };
    Ok(daemon::run(setup, signals).await?)
}
