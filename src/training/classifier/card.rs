//! The model card: what a person must know before using the classifier.

use std::fmt::Write as _;

use super::{ClassifierTraining, TrainingOutcome};
use crate::evaluation::classification::ClassificationReport;
use crate::sentiment::ClassifierConfig;

/// The text of `README.md`.
pub fn write(settings: &ClassifierTraining, config: &ClassifierConfig, outcome: &TrainingOutcome) -> String {
    let mut card = format!("# {}\n\n", settings.name);
    card.push_str(&introduction(config, outcome));
    card.push_str(&data(settings, outcome));
    card.push_str(&training(settings, outcome));
    card.push_str("## Measured\n\n");
    card.push_str(&table(outcome));
    let _ = write!(card, "\nOn the test part, by class:\n\n{}", classes(&outcome.test, &config.labels));
    let _ = write!(card, "\n## Layers\n\n```text\n{}\n```\n", config.network.summary());
    card.push_str(LIMITS);
    card
}

const LIMITS: &str = "
## Use and limits

Meant to rank a bot's own candidate tweets by how they would be labelled, before rules and a person judge them. It is not
fit to judge people or to decide what is true: it knows the words of its training tweets, not facts. Irony, news that both
sides quote, other topics, other years and other countries are where it errs. Its probabilities are not calibrated. The
labels come from the data set and carry its noise.
";

fn introduction(config: &ClassifierConfig, outcome: &TrainingOutcome) -> String {
    let [first, second] = &config.labels;
    format!(
        "A recurrent network of {} parameters that gives a short Spanish text the probability of `{second}` (label 1) \
         as against `{first}` (label 0).\n`config.json` holds layer sizes and cleaning, `vocabulary.json` the words, \
         `model.safetensors` the weights; `pregonero` loads the folder.\n\n",
        outcome.parameters
    )
}

fn data(settings: &ClassifierTraining, outcome: &TrainingOutcome) -> String {
    let file = settings.data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let [train, validation, test] = outcome.rows;
    let mut text = format!("## Data\n\n`{file}`. {}", settings.about_data);
    let _ = write!(
        text,
        "\n\nSplit by groups (seed {}): no author and no cleaned text stands in two parts. {train} rows to train on, \
         {validation} to stop and choose by, {test} to measure on; {} rows had nothing left to read. Links, mentions and \
         hashtags are removed before the network sees a text.\n\n",
        settings.seed, outcome.skipped_empty
    );
    text
}

fn training(settings: &ClassifierTraining, outcome: &TrainingOutcome) -> String {
    format!(
        "## Training\n\n```sh\n{}\n```\n\nAdam at {}, batches of {}, gradient norm at most {}, classes {}, at most {} \
         epochs, stopped when the validation loss had not fallen by {} for {}; the weights of epoch {} of {} are kept.\n\n",
        settings.command,
        settings.learning_rate,
        settings.batch_size,
        settings.clip_norm,
        if settings.balance_classes { "balanced in the loss" } else { "weighted as they come" },
        settings.epochs,
        settings.minimum_delta,
        settings.patience,
        outcome.best_epoch,
        outcome.epochs.len()
    )
}

fn table(outcome: &TrainingOutcome) -> String {
    let mut table = "| part | rows | accuracy | macro F1 | AUC |\n|---|---|---|---|---|\n".to_owned();
    for (name, report) in [("validation", &outcome.validation), ("test", &outcome.test)] {
        let auc = report.auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.3}"));
        let _ =
            writeln!(table, "| {name} | {} | {:.3} | {:.3} | {auc} |", report.rows, report.accuracy, report.macro_f1);
    }
    table
}

fn classes(report: &ClassificationReport, labels: &[String; 2]) -> String {
    let mut table =
        "| class | precision | recall | F1 | rows | said 0 | said 1 |\n|---|---|---|---|---|---|---|\n".to_owned();
    for ((label, class), (name, row)) in report.classes.iter().zip(labels.iter().zip(&report.confusion_matrix)) {
        let _ = writeln!(
            table,
            "| {label} ({name}) | {:.3} | {:.3} | {:.3} | {} | {} | {} |",
            class.precision, class.recall, class.f1, class.support, row[0], row[1]
        );
    }
    table
}
