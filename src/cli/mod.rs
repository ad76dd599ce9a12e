//! The command line: one thin file a command. Parse, build what it needs, one library call, print.

mod output;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::Output;

#[derive(Debug, Parser)]
#[command(name = "pregonero", version, about)]
struct Cli {
    /// One JSON object a line, for machines
    #[arg(long, global = true)]
    json: bool,
    /// Say less
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a tokenizer, a generator or a classifier
    #[command(subcommand)]
    Train(train::TrainCommand),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.json, quiet: cli.quiet };
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let _guard = runtime.enter();
    let result = match cli.command {
        Command::Train(command) => train::run(command, &output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
