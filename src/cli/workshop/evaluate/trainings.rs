//! Trainings that an evaluation starts itself: turns arguments of `train classifier` into settings.

use std::path::Path;

use anyhow::{Result, anyhow};
use clap::Parser;

use crate::cli::workshop::train::classifier::ClassifierArguments;
use pregonero_models::catalog::HubSettings;
use pregonero_workshop::training::classifier::ClassifierTraining;

#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    arguments: ClassifierArguments,
}

/// Returns the settings that `train classifier` derives from its `arguments`; if they have no `--output`, uses `output`.
///
/// # Errors
/// If `train classifier` refuses the arguments.
pub fn settings(arguments: &[String], output: &Path, hub: &HubSettings) -> Result<ClassifierTraining> {
    let named = |flag: &str| arguments.iter().any(|argument| argument.split('=').next() == Some(flag));
    let mut line = arguments.to_vec();
    if !named("--output") {
        line.extend(["--output".to_owned(), output.display().to_string()]);
    }
    let line = Line::try_parse_from(line).map_err(|error| {
        // clap's first line states the fault, the rest shows how to use the command.
        let text = error.to_string();
        let fault = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        anyhow!("train classifier: {fault}")
    })?;
    line.arguments.training(&format!("pregonero train classifier {}", arguments.join(" ")), hub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_settings_and_faults_are_told_in_a_line() {
        let hub = HubSettings::from_lookup(|_| None).unwrap();
        let settings = |line: &str| {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            super::settings(&arguments, Path::new("here"), &hub)
        };
        let training = settings("--data a.csv --seed 7 --epochs 3").unwrap();
        assert_eq!((training.seed, training.epochs, training.output.as_path()), (7, 3, Path::new("here")));
        assert_eq!(settings("--data a.csv --output=there").unwrap().output, Path::new("there"));
        let message = settings("--data a.csv --colour red").unwrap_err().to_string();
        assert_eq!(message, "train classifier: unexpected argument '--colour' found");
    }
}
