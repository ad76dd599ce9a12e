//! The command line, one thin file per command: parse, build what it needs, make one library call, print.
//!
//! `session` has what every command receives, `exit` decides the exit code, and `output` prints data to standard output. The
//! log goes to standard error (`logging`).

mod admin;
mod alerts;
mod audit;
mod auth;
mod choice;
mod compared;
mod completions;
mod config;
mod dates;
mod db;
mod decoding;
mod doctor;
mod erasures;
mod exit;
mod first_round;
mod generate;
mod healthcheck;
mod history;
mod init;
mod inspect;
mod logging;
mod manual;
mod models;
mod once;
mod output;
mod pause;
mod reload;
mod replay;
mod review;
mod run;
mod session;
mod stats;
mod status;
#[cfg(not(feature = "workshop"))]
mod without_workshop;
#[cfg(feature = "workshop")]
mod workshop;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::logging::Level;
use self::output::Output;
use self::session::Session;
use pregonero_system::environment::{self, Environment};
use pregonero_system::{memory, threads};

/// A Twitter (X) bot: GPT-2 writes, a classifier scores, gates judge, SQLite remembers
#[derive(Debug, Parser)]
#[command(name = "pregonero", version, about, after_help = EXAMPLES, propagate_version = true)]
struct Cli {
    /// The configuration file; without it, ./config.toml is read, or else /etc/pregonero/config.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options for all commands")]
    config: Option<PathBuf>,
    /// Print one JSON object per line, for machines
    #[arg(long, global = true, help_heading = "Options for all commands")]
    json: bool,
    /// Log more; -vv logs everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Options for all commands")]
    verbose: u8,
    /// Print nothing but data and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Options for all commands")]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  pregonero init                                 writes a config.toml to start from
  pregonero run --now                            the daemon, with a first round right away; a dry run by default
  pregonero generate --prompt \"Me parece\" -n 4   what the bot would write; nothing is recorded
  pregonero inspect \"El mercado abre temprano.\"  how the bot judges a text
  pregonero config check                         every mistake in the configuration at once
  pregonero history list                         the latest rounds and their outcomes
  pregonero review                               asks about each post that waits for a person

Exit codes: 0 done, 1 failed, 2 wrong usage, 69 X refuses for good, 75 try again later, 78 configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented configuration to start from; asks on a terminal, never replaces a file
    Init(init::InitArguments),
    /// Run the daemon: a round for each slot of the schedule; a dry run unless publish.live is set
    Run(run::RunArguments),
    /// Run one round now and print the result
    Once(once::OnceArguments),
    /// Write candidates with scores and verdicts; nothing is recorded or posted
    Generate(Box<generate::GenerateArguments>),
    /// Show how the bot judges a text: length, entities, sentiment, the verdict of each gate
    Inspect(inspect::InspectArguments),
    /// Decide on the posts that wait for a person; without a subcommand, asks about one after the other on a terminal
    Review(review::ReviewArguments),
    /// Read the record: every round, its candidates and what was posted
    #[command(subcommand)]
    History(history::HistoryCommand),
    /// Count rounds, verdicts, posts, scores and costs: in all, or by prompt, hour, weekday, model or month
    Stats(stats::StatsArguments),
    /// Stop all posting until `resume`, even in a running daemon
    Pause(pause::PauseArguments),
    /// Allow posting again after a pause, or after X refused posts for good
    Resume(pause::ResumeArguments),
    /// Make the running daemon reread configuration and credentials, and report what changed or why it was refused
    Reload,
    /// Show what the daemon is doing, with which configuration, and what waits for a person
    Status,
    /// Check everything that could stop the next post, and say what to do
    Doctor(doctor::DoctorArguments),
    /// Report by the exit code whether somebody has to act; a pause and a used-up budget are healthy
    Healthcheck,
    /// Manage the users of the admin page
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Log the bot in to its account
    #[command(subcommand)]
    Auth(auth::AuthCommand),
    /// Test the alert channels, or list the alerts that are not over
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    /// Verify, prove and export the audit log of everything that the bot did
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Write a recorded text again from its model, settings and seed, and compare
    Replay(replay::ReplayArguments),
    /// Back up, restore or check the record
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Check the configuration, or show what is in effect
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// List, show, download and convert models, and write the files that accompany them
    #[command(subcommand)]
    Models(models::ModelsCommand),
    /// Prepare tables for training
    #[cfg(feature = "workshop")]
    #[command(subcommand)]
    Dataset(workshop::dataset::DatasetCommand),
    /// Train a tokenizer, a generator, a classifier, a critic or word vectors
    #[cfg(feature = "workshop")]
    #[command(subcommand)]
    Train(workshop::train::TrainCommand),
    /// Measure a model on data it was not trained on
    #[cfg(feature = "workshop")]
    #[command(subcommand)]
    Evaluate(workshop::evaluate::EvaluateCommand),
    #[cfg(not(feature = "workshop"))]
    #[command(flatten)]
    WithoutWorkshop(without_workshop::WorkshopCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
    /// Print the manual page, or write all of them
    Man(manual::ManArguments),
}

impl Command {
    /// Returns the level without `-v` or `-q`. For a command that prints data, more than warnings would be in the way.
    fn log_level(&self) -> Level {
        if self.is_service() { Level::Info } else { Level::Warn }
    }

    /// Returns whether the command does the bot's own work, which the log reports.
    fn is_service(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Once(_))
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = environment::command_line();
    let environment = Environment::of_process();
    let parsed = command_line().try_get_matches_from(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error, arguments.iter().any(|argument| argument == "--json")),
    };
    let output = Output { json: cli.json, quiet: cli.quiet };
    let session = Session {
        output,
        environment,
        config: cli.config,
        log_level: cli.command.log_level().adjusted(cli.verbose, cli.quiet),
        command_line: quoted(&arguments),
    };
    let is_service = cli.command.is_service();
    match start(cli.command, &session) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_service => exit::service_failure(&error, output),
        Err(error) => exit::failure(&error, output),
    }
}

/// Quotes a command line so that a shell can read it back, for the cards of trained models.
fn quoted(arguments: &[OsString]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    let words = arguments.iter().map(|argument| {
        let argument = argument.to_string_lossy();
        match !argument.is_empty() && argument.chars().all(is_plain) {
            true => argument.into_owned(),
            false => format!("'{}'", argument.replace('\'', "'\\''")),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn start(command: Command, session: &Session) -> Result<()> {
    threads::heed_the_quota();
    if matches!(command, Command::Run(_) | Command::Once(_) | Command::Generate(_)) {
        memory::give_freed_memory_back();
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let ended = runtime.block_on(run(command, session));
    // A program that has to quit at once must not wait for a name lookup.
    runtime.shutdown_background();
    ended
}

async fn run(command: Command, session: &Session) -> Result<()> {
    match command {
        Command::Init(arguments) => init::run(arguments, session).await,
        Command::Run(arguments) => run::run(&arguments, session).await,
        Command::Once(arguments) => once::run(arguments, session).await,
        Command::Pause(arguments) => pause::pause(arguments, session).await,
        Command::Resume(arguments) => pause::resume(arguments, session).await,
        Command::Reload => reload::run(session).await,
        Command::Status => status::run(session).await,
        Command::Doctor(arguments) => doctor::run(&arguments, session).await,
        Command::Healthcheck => healthcheck::run(session).await,
        Command::Generate(arguments) => generate::run(*arguments, session).await,
        Command::Inspect(arguments) => inspect::run(arguments, session).await,
        Command::Review(arguments) => review::run(arguments, session).await,
        Command::History(command) => history::run(command, session).await,
        Command::Stats(arguments) => stats::run(arguments, session).await,
        Command::Admin(command) => admin::run(command, session).await,
        Command::Auth(command) => auth::run(command, session).await,
        Command::Alerts(command) => alerts::run(command, session).await,
        Command::Audit(command) => audit::run(command, session).await,
        Command::Replay(arguments) => replay::run(&arguments, session).await,
        Command::Db(command) => db::run(command, session).await,
        Command::Config(command) => config::run(command, session).await,
        Command::Models(command) => models::run(command, session).await,
        #[cfg(feature = "workshop")]
        Command::Dataset(command) => workshop::dataset::run(command, session).await,
        #[cfg(feature = "workshop")]
        Command::Train(command) => workshop::train::run(command, session).await,
        #[cfg(feature = "workshop")]
        Command::Evaluate(command) => workshop::evaluate::run(command, session).await,
        #[cfg(not(feature = "workshop"))]
        Command::WithoutWorkshop(command) => without_workshop::run(&command),
        Command::Completions(arguments) => completions::run(&arguments, session.output),
        Command::Man(arguments) => manual::run(&arguments, session.output),
    }
}

/// Returns the whole command line; its help fits any width.
fn command_line() -> clap::Command {
    with_flowing_help(Cli::command())
}

fn with_flowing_help(command: clap::Command) -> clap::Command {
    let help = command.get_after_help().map(|help| flowing(&help.to_string()));
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    command.mut_subcommands(with_flowing_help)
}

/// Joins the lines of each paragraph, because clap wraps lines at the terminal's width and does not join them. Lines that begin
/// with a blank, such as examples, stay as they are, but the remark after a long one goes below it.
fn flowing(help: &str) -> String {
    let mut flowing = String::new();
    let mut lines = help.lines().peekable();
    while let Some(line) = lines.next() {
        match remark(line) {
            Some((example, remark)) => flowing.push_str(&format!("{example}\n      {remark}")),
            None => flowing.push_str(line),
        }
        let joins = |line: &str| !line.is_empty() && !line.starts_with(' ');
        let goes_on = joins(line) && lines.peek().is_some_and(|next| joins(next));
        flowing.push(if goes_on { ' ' } else { '\n' });
    }
    flowing.truncate(flowing.trim_end().len());
    flowing
}

/// Splits a line that a narrow terminal would break into the example and the remark after it, three blanks or more apart.
fn remark(line: &str) -> Option<(&str, &str)> {
    const NARROW: usize = 80;
    const APART: &str = "   ";
    if line.chars().count() <= NARROW || !line.starts_with("  ") {
        return None;
    }
    let start = line.len() - line.trim_start().len();
    let (example, remark) = line[start..].split_once(APART)?;
    Some((&line[..start + example.len()], remark.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_kept_as_a_shell_reads_it() {
        let words = [
            "pregonero",
            "train",
            "--about",
            "dos palabras",
            "--author-column",
            "",
            "--label",
            "it's",
            "a=b:c,d",
            "*",
            "día",
        ];
        let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        let line = quoted(&arguments);
        assert_eq!(
            line,
            r"pregonero train --about 'dos palabras' --author-column '' --label 'it'\''s' a=b:c,d '*' día"
        );
        let shell = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap().lines().collect::<Vec<_>>(), words);
    }

    #[test]
    fn a_paragraph_of_help_is_one_line_and_examples_stay_lines() {
        let help = "Examples:\n  a    b\n  c\n\nOne sentence\nand its end.\nAnother.\n\nCodes: 0";
        assert_eq!(flowing(help), "Examples:\n  a    b\n  c\n\nOne sentence and its end. Another.\n\nCodes: 0");
        let long = format!("  pregonero {}    what it does", "x".repeat(70));
        assert_eq!(flowing(&long), format!("  pregonero {}\n      what it does", "x".repeat(70)));
    }

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }
}
