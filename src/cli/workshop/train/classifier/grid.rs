//! `train classifier --grid`: turns the settings of each combination into flags, trains all combinations and lists them.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use super::ClassifierArguments;
use crate::cli::session::Session;
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use pregonero_workshop::training::classifier::ClassifierTraining;
use pregonero_workshop::training::classifier::grid::{self, Combination, GridResult};

/// Settings that decide which rows are in the validation part. Cleaning is one of them, because similar texts stay together.
const DECIDE_VALIDATION: [&str; 10] = [
    "data",
    "text-column",
    "label-column",
    "author-column",
    "labels",
    "cleaning",
    "split",
    "shares",
    "near-duplicate",
    "split-seed",
];

/// Returns a value of a grid file in the form that a flag takes; lists are joined with commas.
fn flag_value(value: &toml::Value) -> Result<String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
        toml::Value::Array(values) => values.iter().map(flag_value).collect::<Result<Vec<_>>>()?.join(","),
        other => bail!("{other} is not a value for a flag: give a number, a text, true or false, or a list of them"),
    })
}

impl ClassifierArguments {
    /// Checks that combinations can differ in a setting and still be compared.
    ///
    /// # Errors
    /// If they could not be compared.
    fn check_comparable(&self, name: &str) -> Result<()> {
        ensure!(!["grid", "output", "summary", "resume", "export-split"].contains(&name), "{name} cannot be varied");
        ensure!(
            !DECIDE_VALIDATION.contains(&name),
            "{name} cannot be varied: it decides which rows the combinations are compared on; run a grid for each"
        );
        ensure!(
            name != "seed" || self.split_seed.is_some(),
            "seed cannot be varied alone: it decides which rows the combinations are compared on; pass --split-seed N"
        );
        Ok(())
    }

    /// Returns the same command with the settings of a combination, each named like its flag.
    fn with(&self, combination: &Combination) -> Result<Self> {
        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Alone {
            #[command(flatten)]
            arguments: ClassifierArguments,
        }
        // With --summary, the required flags may be absent.
        let mut flags = vec!["--summary".to_owned()];
        for (name, value) in combination {
            let name = name.replace('_', "-");
            self.check_comparable(&name)?;
            match value {
                toml::Value::Boolean(true) => flags.push(format!("--{name}")),
                toml::Value::Boolean(false) => {}
                other => flags.push(format!("--{name}={}", flag_value(other).with_context(|| name.clone())?)),
            }
        }
        // Without defaults, only the settings that the combination names are changed.
        let command = Alone::command().mut_args(|argument| argument.default_value(None::<&str>));
        let matches = command.try_get_matches_from(&flags).map_err(|error| {
            let text = error.to_string();
            anyhow::anyhow!("{}", text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned())
        })?;
        let mut alone = Alone { arguments: self.clone() };
        alone.update_from_arg_matches(&matches)?;
        let mut changed = Self { summary: self.summary, ..alone.arguments };
        // An absent flag would count as false, so flags that the combination does not name are restored.
        for (name, flag, before) in [
            ("freeze-vectors", &mut changed.freeze_vectors, self.freeze_vectors),
            ("mask-padding", &mut changed.mask_padding, self.mask_padding),
            ("no-balance", &mut changed.no_balance, self.no_balance),
            ("overwrite", &mut changed.overwrite, self.overwrite),
            ("f32", &mut changed.f32, self.f32),
        ] {
            if !combination.keys().any(|key| key.replace('_', "-") == name) {
                *flag = before;
            }
        }
        Ok(changed)
    }
}

/// Trains every combination of the file and lists the results.
///
/// # Errors
/// If the file is not a grid, a combination is refused, or a training fails.
pub(super) fn run_grid(arguments: &ClassifierArguments, path: &Path, session: &Session) -> Result<()> {
    let combinations = grid::read_grid(path)?;
    let hub = session.hub()?;
    let training = |combination: Combination| -> Result<(Combination, ClassifierTraining)> {
        let arguments = arguments.with(&combination).with_context(|| path.display().to_string())?;
        let command = format!("{}\n# with {}", session.command_line, grid::in_words(&combination));
        let place = || format!("{}: {}", path.display(), grid::in_words(&combination));
        let training = arguments.training(&command, &hub).with_context(place)?;
        Ok((combination, training))
    };
    let trainings = combinations.into_iter().map(training).collect::<Result<Vec<_>>>()?;
    let stop = Stop::on_signal()?;
    let output = &session.output;
    let mut started = |number: usize, combination: &Combination| {
        output.note(&format!("{number} of {}: {}", trainings.len(), grid::in_words(combination)));
    };
    let results = follow(output, &stop, |progress| {
        grid::train_grid(&trainings, &session.command_line, &stop, &mut started, progress)
    })?;
    if results.len() < trainings.len() {
        output.note(&format!("{} of {} trained; run the same command to continue", results.len(), trainings.len()));
    }
    let header = ["COMBINATION", "VALIDATION F1", "LOG LOSS", "TEST F1", "EPOCHS", "PARAMETERS", "SECONDS"];
    output.rows(&header, &results, |result: &GridResult| {
        vec![
            grid::in_words(&result.combination),
            format!("{:.4}", result.validation_macro_f1),
            format!("{:.4}", result.validation_log_loss),
            format!("{:.4}", result.test_macro_f1),
            format!("{} of {}", result.best_epoch, result.epochs),
            result.parameters.to_string(),
            format!("{:.0}", result.seconds),
        ]
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::tests::arguments;
    use super::*;
    use pregonero_workshop::training::schedule::Decay;

    fn combination(text: &str) -> Combination {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_combination_changes_what_it_names_and_nothing_else() {
        let base = arguments(&["--batch", "7", "--epochs", "3", "--no-balance"]);
        let text = "learning-rate = 0.005\nunits = \"8,4\"\nword_dropout = 0.1\ndecay = \"cosine\"\nf32 = true";
        let changed = base.with(&combination(text)).unwrap();
        assert_eq!((changed.learning_rate, changed.word_dropout, changed.decay), (0.005, 0.1, Decay::Cosine));
        assert_eq!(changed.units, Some(vec![8, 4]));
        assert_eq!((changed.batch, changed.epochs, changed.no_balance, changed.f32), (7, 3, true, true));
        assert_eq!((changed.patience, changed.labels.len()), (7, 2));
        assert_eq!(changed.data.unwrap().path, PathBuf::from("a.csv"));
        assert_eq!(base.with(&combination("units = [4, 2]")).unwrap().units, Some(vec![4, 2]));
        let seeded = arguments(&["--split-seed", "1"]);
        assert_eq!(seeded.with(&combination("seed = 3")).unwrap().seed, 3);
    }

    #[test]
    fn a_combination_of_what_is_no_setting_is_refused() {
        for (text, expected) in [
            ("colour = 1", "--colour"),
            ("batch = \"many\"", "many"),
            ("decay = \"steep\"", "steep"),
            ("output = \"x\"", "output cannot be varied"),
            ("data = \"x\"", "data cannot be varied: it decides which rows"),
            ("author_column = \"\"", "author-column cannot be varied: it decides which rows"),
            ("cleaning = \"tweet\"", "cleaning cannot be varied"),
            ("seed = 3", "pass --split-seed N"),
            ("units = [{ a = 1 }]", "units: { a = 1 } is not a value for a flag"),
        ] {
            let message = format!("{:#}", arguments(&[]).with(&combination(text)).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }
}
