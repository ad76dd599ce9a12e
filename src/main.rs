//! Turns arguments into a command and its result into an exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    pregonero::cli::main()
}
