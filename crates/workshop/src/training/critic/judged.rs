//! `train critic --judged`: a classifier that tells a generator's good texts from its poor ones, as people judged them, and the
//! weights of a reading that goes with it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::FEWEST;
use crate::metrics::confidence::AucInterval;
use crate::metrics::logistic;
use crate::training::classifier::{ClassifierTraining, Listener, Trained, fit_classifier};
use crate::training::two_sides::{small_classifier, write_table};
use pregonero_data::trained_on::TrainedOn;
use pregonero_models::sentiment::critic::{GOOD, POOR, ReadingWeights};
use pregonero_tweet::{Likelihood, ModelIdentity};

/// The labels in the order of the table; the second is the one whose probability counts.
const LABELS: [&str; 2] = [POOR, GOOD];

/// The penalty on the squared weights of a reading: small, but enough to keep them finite.
const RIDGE: f64 = 0.1;

/// How many parts the held-out texts are divided into to measure the reading: each is measured with weights fitted to the others.
const FOLDS: usize = 10;

/// A text of the generator, as a person judged it.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedText {
    pub text: String,
    pub good: bool,
    pub likelihood: Likelihood,
}

/// The settings of the training of a critic on judged texts.
#[derive(Debug, Clone)]
pub struct JudgedCriticTraining {
    /// Each text once.
    pub judged: Vec<JudgedText>,
    pub generator: ModelIdentity,
    /// The folder to write; it must not exist yet, unless `overwrite` is set.
    pub output: PathBuf,
    pub overwrite: bool,
    pub seed: u64,
    /// The files with the judged texts.
    pub trained_on: TrainedOn,
    /// The command line, for the card.
    pub command: String,
    /// Who judged the texts by what standard, for the card. May be empty.
    pub about: String,
}

/// The result of the training of a critic on judged texts.
#[derive(Debug, Clone, Serialize)]
pub struct JudgedCriticOutcome {
    pub good: usize,
    pub poor: usize,
    /// Texts that were kept for measuring and for the weights of the reading.
    pub held_out: usize,
    /// The area under the ROC curve of the critic alone, on the held-out texts.
    pub critic: AucInterval,
    /// The same of the likelihood alone, by the weights that a reading has without a critic.
    pub likelihood: AucInterval,
    /// The same of the reading, each tenth of the held-out texts with weights that were fitted to the other nine.
    pub both: AucInterval,
    pub parameters: usize,
    pub epochs: usize,
    pub reading: ReadingWeights,
    pub interrupted: bool,
}

/// What a reading is made of: the critic's logit, then the two numbers of the likelihood.
type Parts = [f64; 3];

/// Trains a critic on judged texts, fits the weights of a reading to the held-out ones, and writes its folder.
///
/// # Errors
/// If a side has too few texts, the training fails or is interrupted before its first epoch ended, or the folder cannot
/// be written.
pub fn train_judged_critic(
    settings: &JudgedCriticTraining,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<JudgedCriticOutcome> {
    let of = |good: bool| -> Vec<String> {
        settings.judged.iter().filter(|judged| judged.good == good).map(|judged| judged.text.clone()).collect()
    };
    let sides = [of(false), of(true)];
    let [poor, good] = [sides[0].len(), sides[1].len()];
    ensure!(
        poor >= FEWEST && good >= FEWEST,
        "a critic needs at least {FEWEST} texts of each kind, but {good} were judged to be good and {poor} not: judge more \
         texts"
    );
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let table = folder.path().join("texts.csv");
    write_table(&table, LABELS, [&sides[0], &sides[1]])?;
    let mut training = small_classifier(table, settings.output.clone(), LABELS, settings.seed)?;
    training.architecture.embedding = 24;
    let training = ClassifierTraining {
        overwrite: settings.overwrite,
        command: settings.command.clone(),
        about_data: settings.about.clone(),
        epochs: 40,
        patience: 6,
        ..training
    };
    let mut trained = fit_classifier(&training, interrupted, progress).context("the critic")?;
    let (parts, truth) = held_out(settings, &trained)?;
    let area = |scores: &[f32]| {
        AucInterval::new(&truth, scores).context("too few held-out texts of one kind to measure on: judge more texts")
    };
    let without_critic = |parts: &Parts| {
        let ReadingWeights { mean, weakest, .. } = ReadingWeights::WITHOUT_CRITIC;
        (mean * parts[1] + weakest * parts[2]) as f32
    };
    let reading = weights(&parts, &truth);
    let outcome = JudgedCriticOutcome {
        good,
        poor,
        held_out: truth.len(),
        critic: area(&parts.iter().map(|parts| parts[0] as f32).collect::<Vec<_>>())?,
        likelihood: area(&parts.iter().map(without_critic).collect::<Vec<_>>())?,
        both: area(&cross_validated(&parts, &truth))?,
        parameters: trained.outcome.parameters,
        epochs: trained.outcome.epochs.len(),
        reading,
        interrupted: trained.outcome.interrupted,
    };
    trained.trained_on = settings.trained_on.clone();
    trained.config.generator = Some(settings.generator.clone());
    trained.config.reading = Some(reading);
    trained.write_with_card(&training, &card(settings, &trained, &outcome))?;
    Ok(outcome)
}

/// Returns the parts of the reading of each held-out text, and whether it is good.
fn held_out(settings: &JudgedCriticTraining, trained: &Trained) -> Result<(Vec<Parts>, Vec<bool>)> {
    let known: HashMap<&str, &JudgedText> = settings.judged.iter().map(|one| (one.text.as_str(), one)).collect();
    let parts = trained.test_texts.iter().zip(&trained.test_probabilities).map(|(text, probabilities)| {
        let judged = known.get(text.as_str()).with_context(|| format!("{text:?} was not among the judged texts"))?;
        Ok((ReadingWeights::parts(Some(probabilities[1]), judged.likelihood), judged.good))
    });
    Ok(parts.collect::<Result<Vec<_>>>()?.into_iter().unzip())
}

/// Fits the weights of a reading, so that it is the probability that a text is good.
fn weights(parts: &[Parts], truth: &[bool]) -> ReadingWeights {
    let (bias, [critic, mean, weakest]) = logistic::fit(parts, truth, RIDGE);
    let rounded = |weight: f64| (weight * 1e3).round() / 1e3;
    ReadingWeights { bias: rounded(bias), critic: rounded(critic), mean: rounded(mean), weakest: rounded(weakest) }
}

/// Returns the reading of each text by weights that were fitted to the other folds.
fn cross_validated(parts: &[Parts], truth: &[bool]) -> Vec<f32> {
    let mut readings = vec![0.0; parts.len()];
    for fold in 0..FOLDS {
        let others = |at: &usize| at % FOLDS != fold;
        let fitted: (Vec<Parts>, Vec<bool>) = (0..parts.len()).filter(others).map(|at| (parts[at], truth[at])).unzip();
        let ReadingWeights { bias, critic, mean, weakest } = weights(&fitted.0, &fitted.1);
        for at in (fold..parts.len()).step_by(FOLDS) {
            let [said, whole, least] = parts[at];
            readings[at] = (bias + critic * said + mean * whole + weakest * least) as f32;
        }
    }
    readings
}

fn card(settings: &JudgedCriticTraining, trained: &Trained, outcome: &JudgedCriticOutcome) -> String {
    let name = &trained.config.name;
    let JudgedCriticOutcome { good, poor, held_out, parameters, .. } = outcome;
    let ModelIdentity { name: generator, sha256 } = &settings.generator;
    let ReadingWeights { bias, critic, mean, weakest } = outcome.reading;
    let about = if settings.about.is_empty() { String::new() } else { format!(" {}", settings.about) };
    let mut card = format!(
        "# {name}: a critic\n\n\
         A classifier of {parameters} parameters with the labels `{POOR}` and `{GOOD}`: it gives the probability that a text \
         by the generator `{generator}` (sha256 of its weights {sha256}) is good. It helps to choose between candidates that \
         passed every gate; `selection.critic` names its folder. `config.json` contains layer sizes, cleaning, calibration, \
         the generator and the four numbers of `reading`, `vocabulary.json` the words, `model.safetensors` the weights, \
         `training.jsonl` the epochs.\n\n\
         ## Data\n\n{} texts of that generator were judged one by one: {good} are good, {poor} are not.{about} Hashtags are \
         never read; the pipeline `{}` decides what is kept of case and punctuation. Near-duplicates stay on one side of \
         the split.\n\n\
         ## Training\n\n```sh\n{}\n```\n\nSeed {}, {} epochs.\n\n\
         ## Measured\n\nOn {held_out} held-out texts, how well each number tells good texts from others (area under the ROC \
         curve, with its 95 % interval; 0.5 is chance):\n\n| number | area |\n|---|---|\n",
        good + poor,
        trained.config.cleaning,
        settings.command,
        settings.seed,
        outcome.epochs,
    );
    let areas = [
        ("this critic", &outcome.critic),
        ("the generator's likelihood", &outcome.likelihood),
        ("both (ten-fold cross-validation)", &outcome.both),
    ];
    for (number, area) in areas {
        let _ = writeln!(card, "| {number} | {:.3} ({:.3} to {:.3}) |", area.auc, area.low, area.high);
    }
    let _ = write!(
        card,
        "\nA reading is `logistic({bias} + {critic} * logit(critic) + {mean} * mean + {weakest} * weakest)`, where `mean` is \
         the generator's log-probability per token over the whole text, and `weakest` the same over its least likely four \
         tokens in a row. The four numbers were fitted to the held-out texts, so that a reading is the probability that a text \
         is good.\n\n## Layers\n\n```text\n{}\n```\n",
        trained.config.network.summary()
    );
    card.push_str(LIMITS);
    card
}

const LIMITS: &str = "
## Use and limits

The critic is meant to choose between the candidates of one generator. It knows what those who judged the texts think of that
generator's phrases, not what is true. For texts of another generator its probability means little. Judge texts and train it
again when the generator changes.
";

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_models::catalog::ModelFiles;
    use pregonero_models::sentiment::Classifier;
    use pregonero_models::sentiment::critic::{CriticKind, Reader};

    /// Returns `count` judged texts: good ones speak of gardens, and likelihood knows a little of it too.
    fn judged(count: usize) -> Vec<JudgedText> {
        const WORDS: [&str; 8] = ["mesa", "casa", "río", "calle", "perro", "silla", "nube", "libro"];
        let word = |n: usize| WORDS[n % WORDS.len()];
        (0..count)
            .map(|n| {
                let good = n % 3 != 0;
                let subject = if good { "jardín verde" } else { "motor viejo" };
                let text = format!("El {subject} {} {} {} {n}", word(n), word(n / 8), word(n / 64));
                let mean = if (good && n % 4 != 0) || (!good && n % 4 == 0) { -0.5 } else { -0.9 };
                JudgedText { text, good, likelihood: Likelihood { mean, weakest: 2.0 * mean } }
            })
            .collect()
    }

    fn training(judged: Vec<JudgedText>, output: PathBuf) -> JudgedCriticTraining {
        JudgedCriticTraining {
            judged,
            generator: ModelIdentity { name: "tiny".to_owned(), sha256: "ab".repeat(32) },
            output,
            overwrite: false,
            seed: 1,
            trained_on: TrainedOn { format: 1, data: Vec::new() },
            command: "pregonero train critic --judged judged.jsonl".to_owned(),
            about: "An editor judged them.".to_owned(),
        }
    }

    #[test]
    fn a_critic_learns_what_is_good_and_the_reading_is_that_probability() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("critic");
        let settings = training(judged(480), output.clone());
        let outcome = train_judged_critic(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert_eq!((outcome.good, outcome.poor), (320, 160));
        assert!(outcome.critic.auc > 0.9 && outcome.both.auc > 0.9, "{outcome:?}");
        assert!(outcome.likelihood.auc < outcome.critic.auc, "{outcome:?}");

        let critic = Classifier::load(&ModelFiles::in_folder(&output).unwrap()).unwrap();
        assert_eq!(critic.config().generator.as_ref(), Some(&settings.generator));
        let reader = Reader::with_critic(critic).unwrap();
        assert_eq!(reader.kind(), Some(CriticKind::Judged));
        let said = reader.probabilities(&["El jardín verde casa río", "El motor viejo casa río"]).unwrap();
        let likelihood = Some(Likelihood { mean: -0.7, weakest: -1.4 });
        let [good, poor] = [said[0], said[1]].map(|said| reader.reading(said, likelihood).unwrap());
        assert!(good > 0.7 && poor < 0.3, "{good} {poor}");
        let card = std::fs::read_to_string(output.join("README.md")).unwrap();
        assert!(card.contains("480 texts") && card.contains("An editor judged them."), "{card}");
    }

    #[test]
    fn too_few_texts_of_a_kind_are_refused_with_both_numbers() {
        let settings = training(judged(90), PathBuf::from("nowhere"));
        let message = train_judged_critic(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap_err().to_string();
        assert!(message.contains("60 were judged to be good and 30 not"), "{message}");
    }
}
