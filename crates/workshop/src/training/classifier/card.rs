//! Writes the model card: what a person must know before using the classifier.

use std::fmt::Write as _;

use super::{ClassifierTraining, SourceCounts, StopOn, TrainingOutcome, VectorCounts};
use crate::metrics::ClassificationReport;
use crate::training::schedule::Decay;
use pregonero_models::sentiment::calibration::Calibration;
use pregonero_models::sentiment::{ClassifierConfig, HeldOut, SplitProtocol};

/// Returns the text of `README.md`.
pub fn write(settings: &ClassifierTraining, config: &ClassifierConfig, outcome: &TrainingOutcome) -> String {
    let mut card = format!("# {}\n\n", settings.name);
    card.push_str(&introduction(config, outcome));
    card.push_str(&data(settings, outcome));
    card.push_str(&training(settings, outcome));
    card.push_str("## Measured\n\n");
    card.push_str(&table(outcome));
    let _ = write!(
        card,
        "\nOn the test part, by label (rows: true label, columns: predicted):\n\n{}",
        classes(&outcome.test)
    );
    card.push_str(&calibration(config, outcome));
    let _ = write!(card, "\n## Layers\n\n```text\n{}\n```\n", config.network.summary());
    card.push_str(LIMITS);
    card
}

const LIMITS: &str = "
## Use and limits

The classifier is meant to rank a bot's own candidate tweets by how they would be labelled, before rules and a person judge
them. It is not suitable for judging people or for deciding what is true: it knows the words of its training tweets, not facts. It
errs on irony, on news that all sides quote, and on other topics, years and countries; its probabilities are calibrated for tweets
like those it was measured on and for no others. The labels come from the data set and contain its noise.
";

fn introduction(config: &ClassifierConfig, outcome: &TrainingOutcome) -> String {
    let labels: Vec<String> =
        config.labels.iter().enumerate().map(|(number, label)| format!("`{label}` ({number})")).collect();
    let advised = config
        .recommended_min_score
        .map_or_else(String::new, |score| format!(" If `sentiment.min_score` is not set, {score} is used."));
    format!(
        "A recurrent network of {} parameters that gives a short Spanish text a probability for each of the labels {}.\
         {advised}{}\n`config.json` contains layer sizes, cleaning, labels and calibration, `vocabulary.json` the words, \
         `model.safetensors` the weights, `training.jsonl` the epochs; `pregonero` loads the folder.\n\n",
        outcome.parameters,
        labels.join(", "),
        hashtags(config)
    )
}

/// Returns a sentence with the hashtags that gave the labels.
fn hashtags(config: &ClassifierConfig) -> String {
    if config.label_hashtags.is_empty() {
        return String::new();
    }
    let of_label = |(label, tags): (&String, &Vec<String>)| {
        let tags: Vec<String> = tags.iter().map(|tag| format!("`#{tag}`")).collect();
        format!("{} `{label}`", tags.join(", "))
    };
    let all: Vec<String> = config.label_hashtags.iter().map(of_label).collect();
    format!(" Hashtags gave the labels, and the gate `message` knows them: {}.", all.join("; "))
}

fn data(settings: &ClassifierTraining, outcome: &TrainingOutcome) -> String {
    let file = settings.data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let counts = &outcome.counts;
    let [train, validation, test] = counts.parts;
    let mut text = format!("## Data\n\n`{file}`. {}\n\n{}", settings.about_data, split(settings, &counts.own_parts));
    let _ = write!(
        text,
        " {train} rows for training, {validation} for stopping, choosing and calibrating, {test} for measuring; {} rows had \
         nothing left to read. Links, mentions and hashtags are removed before the network sees a text.\n\n",
        counts.skipped_empty
    );
    if !counts.added.is_empty() {
        text.push_str(&added(&counts.added));
    }
    if !settings.teachers.is_empty() {
        text.push_str(&teachers(settings, outcome));
    }
    text
}

fn split(settings: &ClassifierTraining, own_parts: &[&str]) -> String {
    let lacking: Vec<&str> = ["validation", "test"].into_iter().filter(|part| !own_parts.contains(part)).collect();
    match (own_parts.is_empty(), lacking.is_empty()) {
        (true, _) => format!("Split {}", protocol(settings, "parts")),
        (false, true) => format!("{OWN_PARTS}."),
        (false, false) => {
            let lacking = lacking.join(" and ");
            format!("{OWN_PARTS}. It has no {lacking} part: train was split {}", protocol(settings, "parts of it"))
        }
    }
}

/// What the card says of a data set that is divided already.
const OWN_PARTS: &str = "The data set's own parts are used as they are; how much they have in common is in its manifest (`leakage`), if it was \
                         measured";

/// Returns how rows were split, and what is in no two of the `parts`.
fn protocol(settings: &ClassifierTraining, parts: &str) -> String {
    let HeldOut { seed, protocol, near_duplicate, .. } = settings.held_out();
    let has_authors = settings.columns.author.is_some();
    match (protocol, near_duplicate) {
        (SplitProtocol::Random | SplitProtocol::Given, _) => format!(
            "at random (seed {seed}), duplicates left in: authors and texts are in several {parts}, so the figures flatter."
        ),
        (SplitProtocol::Groups, None) => {
            let author = if has_authors { "no author and " } else { "" };
            format!("by groups (seed {seed}): {author}no cleaned text is in two {parts}.")
        }
        (SplitProtocol::Groups, Some(similarity)) => {
            let author = if has_authors { "no author, " } else { "" };
            format!(
                "by groups (seed {seed}): {author}no cleaned text and no near-duplicate (at least {similarity} of the words \
                 shared) is in two {parts}."
            )
        }
    }
}

fn added(sources: &[SourceCounts]) -> String {
    let mut text =
        "Added only to the train part; rows that share an author or nearly a text with the other parts are left \
                    out:\n\n| source | rows | used | like held-out ones | repeated | teachers unsure | empty \
                    |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for counts in sources {
        let SourceCounts { source, read, empty, held_out, repeated, unsure, used, .. } = counts;
        let _ = writeln!(text, "| {source} | {read} | {used} | {held_out} | {repeated} | {unsure} | {empty} |");
    }
    let without_author: usize = sources.iter().map(|counts| counts.without_author).sum();
    if without_author > 0 {
        let _ = writeln!(text, "\n{without_author} of these rows have no author, so only their texts were compared.");
    }
    text + "\n"
}

fn teachers(settings: &ClassifierTraining, outcome: &TrainingOutcome) -> String {
    let names: Vec<&str> = settings.teachers.iter().map(|teacher| teacher.name.as_str()).collect();
    let distillation = settings.distillation;
    let mut text = format!(
        "Teachers, averaged at temperature {}: {}. They are {} of a labelled row's target",
        distillation.temperature,
        names.join(", "),
        distillation.weight
    );
    if let Some(least) = distillation.minimum_confidence {
        let _ = write!(text, "; rows without a label are used where they give one label at least {least}");
    }
    if outcome.counts.teachers_of_other_splits > 0 {
        let _ = write!(
            text,
            ". **{} of them learned from another split and may know rows of this test part, so the figures may flatter**",
            outcome.counts.teachers_of_other_splits
        );
    }
    text + ".\n\n"
}

fn training(settings: &ClassifierTraining, outcome: &TrainingOutcome) -> String {
    let decay = match settings.decay {
        Decay::Linear => "falling linearly to 0",
        Decay::Cosine => "falling along half a cosine to a tenth",
        Decay::Constant => "constant",
    };
    let stop = match settings.stop_on {
        StopOn::Loss => "validation loss",
        StopOn::F1 => "validation macro F1",
    };
    let mut text = format!(
        "## Training\n\n```sh\n{}\n```\n\nAdam at {}, {decay} after {} steps of warm-up, weight decay {}, batches of {}, \
         gradient norm at most {}, labels {} in the loss.",
        settings.command,
        settings.learning_rate,
        settings.warmup_steps,
        settings.weight_decay,
        settings.batch_size,
        settings.clip_norm,
        if settings.balance_classes { "balanced" } else { "weighted as they come" },
    );
    for (name, share) in [
        ("label smoothing", (f64::from(settings.label_smoothing) * 1e6).round() / 1e6),
        ("word dropout", settings.word_dropout),
        ("rows augmented", settings.augment),
        ("decay of the averaged weights", settings.averaging.unwrap_or(0.0)),
    ] {
        if share > 0.0 {
            let _ = write!(text, " {name}: {share}.");
        }
    }
    if let Some(vectors) = &settings.vectors {
        let name = vectors.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let kept = if vectors.frozen { "frozen" } else { "trained on" };
        let found = outcome.counts.vectors.as_ref().map_or_else(String::new, |counts| {
            format!(": {}", VectorCounts { source: format!("`{name}`"), ..counts.clone() })
        });
        let _ = write!(text, " Word vectors, {kept}{found}.");
    }
    let _ = write!(
        text,
        " At most {} epochs, stopped when the {stop} had not improved by {} for {}; the weights of epoch {} of {} are \
         kept. Seed {}.\n\n",
        settings.epochs,
        settings.minimum_delta,
        settings.patience,
        outcome.best_epoch,
        outcome.epochs.len(),
        settings.seed
    );
    text
}

fn table(outcome: &TrainingOutcome) -> String {
    let mut table =
        "| part | rows | accuracy | macro F1 | AUC | calibration error | log loss |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (name, report) in [("validation", &outcome.validation), ("test", &outcome.test)] {
        let auc = report.auc.map_or_else(|| "undefined".to_owned(), |auc| format!("{auc:.3}"));
        let _ = writeln!(
            table,
            "| {name} | {} | {:.3} | {:.3} | {auc} | {:.3} | {:.3} |",
            report.rows, report.accuracy, report.macro_f1, report.calibration_error, report.log_loss
        );
    }
    table
}

fn classes(report: &ClassificationReport) -> String {
    let predicted: String = report.names().map(|name| format!(" predicted {name} |")).collect();
    let rule = "---|".repeat(5 + report.confusion_matrix.len());
    let mut table = format!("| label | precision | recall | F1 | rows |{predicted}\n|{rule}\n");
    for (label, row) in report.confusion_matrix.iter().enumerate() {
        let class = &report.classes[&label.to_string()];
        let said: String = row.iter().map(|count| format!(" {count} |")).collect();
        let _ = writeln!(
            table,
            "| {label} ({}) | {:.3} | {:.3} | {:.3} | {} |{said}",
            class.name, class.precision, class.recall, class.f1, class.support
        );
    }
    table
}

fn calibration(config: &ClassifierConfig, outcome: &TrainingOutcome) -> String {
    let map = match config.calibration {
        Calibration::None => {
            "none; the logits are used as they are, because no fitted map made the log loss smaller".to_owned()
        }
        Calibration::Temperature { temperature } => format!("logits divided by the temperature {temperature:.3}"),
        Calibration::Platt { slope: 0.0, .. } => {
            "**a flat line: the validation part does not confirm what the network predicts, so every text gets the same \
             probabilities**"
                .to_owned()
        }
        Calibration::Platt { slope, intercept } => {
            format!("Platt's line, {slope:.3} times the logit and {intercept:+.3}")
        }
    };
    format!(
        "\nCalibration on the validation part: {map}. The test part's calibration error is {:.3} with it and {:.3} \
         without.\n",
        outcome.test.calibration_error, outcome.uncalibrated_error
    )
}
