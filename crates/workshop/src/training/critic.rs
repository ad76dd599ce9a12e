//! `train critic`: a classifier that tells texts people wrote from those that a generator wrote.
//!
//! It helps to choose between candidates, so it learns from texts like those of a round: whole texts that start from
//! the seed prompts, or from the first words of the written texts, so that neither beginning nor theme distinguishes
//! the sides. It leaves out what would tell the sides apart without saying how a text reads: candidates that were cut off,
//! texts longer than a tweet, copies of written texts among the generated ones. Links and mentions are removed from
//! both sides, and no pipeline reads hashtags. Neighbours: [`super::two_sides`], [`pregonero_models::sentiment::critic`].

mod judged;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

pub use self::judged::{JudgedCriticOutcome, JudgedCriticTraining, JudgedText, train_judged_critic};
use super::classifier::{ClassifierTraining, Listener, Trained, fit_classifier};
use super::text::{self, Cleaning};
use super::two_sides::{drawn, small_classifier, write_table};
use crate::metrics::confidence::AucInterval;
use pregonero_data::trained_on::TrainedOn;
use pregonero_models::catalog::ModelFiles;
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::critic::{GENERATED, ReadingWeights, WRITTEN};
use pregonero_models::sentiment::ngrams::NgramSettings;
use pregonero_text::tweet_text::{MAX_WEIGHTED_LENGTH, weighted_length};
use pregonero_tweet::{Candidate, Finish, Likelihood, ModelIdentity};

/// The fewest texts of a side that a critic can be trained on.
pub const FEWEST: usize = 50;

/// How many more candidates are written, not for training or testing but to set the reading's bias.
pub const SET_ASIDE: usize = 256;

/// The labels in the order of the table; the second is the one whose probability counts.
const LABELS: [&str; 2] = [GENERATED, WRITTEN];

/// The settings of a critic's training.
#[derive(Debug, Clone)]
pub struct CriticTraining {
    /// Texts that people wrote, tidied as tweets.
    pub written: Vec<String>,
    /// Texts that the generator wrote, to be told apart from them.
    pub generated: Vec<Candidate>,
    /// More candidates, not learned from but used to set the reading's bias.
    pub set_aside: Vec<Candidate>,
    pub generator: ModelIdentity,
    /// The folder to write; it must not exist yet, unless `overwrite` is set.
    pub output: PathBuf,
    pub overwrite: bool,
    pub seed: u64,
    /// The files with the written texts.
    pub trained_on: TrainedOn,
    /// The command line, for the card.
    pub command: String,
    /// Where the written texts come from and their licence, for the card. May be empty.
    pub about: String,
    /// How many first words of a written text each generated one starts from; `None` if they start from seed prompts.
    pub openings: Option<u32>,
}

/// The result of a critic's training.
#[derive(Debug, Clone, Serialize)]
pub struct CriticOutcome {
    /// The area under the ROC curve on the held-out texts.
    #[serde(flatten)]
    pub area: AucInterval,
    /// The share of held-out texts that the critic gets right.
    pub accuracy: f64,
    /// Texts of each side. `held_out` of both sides together were kept for measuring.
    pub texts_a_side: usize,
    pub held_out: usize,
    /// Candidates left out: cut off, too short, repeats, or copies of a written text.
    pub left_out: usize,
    pub parameters: usize,
    pub epochs: usize,
    pub reading: ReadingWeights,
    /// How the parts of a reading spread over the candidates that were set aside.
    pub spread: Vec<Spread>,
    pub interrupted: bool,
}

/// How one part of a reading spreads over candidates.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub part: &'static str,
    pub low: f32,
    pub median: f32,
    pub high: f32,
}

/// Returns a candidate's text as the critic learns it; `None` where it was cut off or too little is left.
#[must_use]
pub fn level_candidate(candidate: &Candidate) -> Option<String> {
    (candidate.finish == Finish::EndOfText).then(|| Cleaning::Tweets.apply(&candidate.text)).flatten()
}

/// Trains a critic and writes its folder.
///
/// # Errors
/// If a side has too few texts, the training fails or is interrupted before its first epoch ended, or the folder cannot
/// be written.
pub fn train_critic(
    settings: &CriticTraining,
    interrupted: &AtomicBool,
    progress: Listener<'_>,
) -> Result<CriticOutcome> {
    let (written, generated) = sides(settings);
    let left_out = settings.generated.len() - generated.len();
    let size = written.len().min(generated.len());
    ensure!(
        size >= FEWEST,
        "a critic needs at least {FEWEST} different texts of each side, but there are {} written and {} generated \
         ones: give more --data or a larger --candidates",
        written.len(),
        generated.len()
    );
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let table = folder.path().join("texts.csv");
    write_table(&table, LABELS, [&generated[..size], &written[..size]])?;
    let training = classifier(settings, table)?;
    let mut trained = fit_classifier(&training, interrupted, progress).context("the critic")?;
    let truth: Vec<bool> = trained.test_labels.iter().map(|label| LABELS[*label] == WRITTEN).collect();
    let scores: Vec<f32> = trained.test_probabilities.iter().map(|row| row[1]).collect();
    let area = AucInterval::new(&truth, &scores)
        .context("too few held-out texts of one side to measure the AUC: give more texts")?;
    let trial = ClassifierTraining { output: folder.path().join("trial"), ..training.clone() };
    trained.write(&trial)?;
    let (reading, spread) = fit_reading(&ModelFiles::in_folder(&trial.output)?, &settings.set_aside)?;
    trained.trained_on = settings.trained_on.clone();
    trained.config.generator = Some(settings.generator.clone());
    trained.config.reading = Some(reading);
    let outcome = CriticOutcome {
        area,
        accuracy: trained.outcome.test.accuracy,
        texts_a_side: size,
        held_out: truth.len(),
        left_out,
        parameters: trained.outcome.parameters,
        epochs: trained.outcome.epochs.len(),
        reading,
        spread,
        interrupted: trained.outcome.interrupted,
    };
    trained.write_with_card(&training, &card(settings, &trained, &outcome))?;
    Ok(outcome)
}

/// Returns both sides without what would tell them apart.
fn sides(settings: &CriticTraining) -> (Vec<String>, Vec<String>) {
    let is_short = |text: &&String| weighted_length(text) <= MAX_WEIGHTED_LENGTH;
    let written = drawn(settings.written.iter().filter(is_short).cloned().collect(), settings.seed);
    let known: std::collections::HashSet<u64> = settings.written.iter().map(|text| text::digest(text)).collect();
    let generated = settings.generated.iter().filter_map(level_candidate);
    let generated = generated.filter(|text| !known.contains(&text::digest(text))).collect();
    (written, drawn(generated, settings.seed))
}

/// Returns the settings of a network of less than a megabyte: rare words share a row, and pairs and pieces of words have
/// their own weights.
fn classifier(settings: &CriticTraining, table: PathBuf) -> Result<ClassifierTraining> {
    let mut training = small_classifier(table, settings.output.clone(), LABELS, settings.seed)?;
    training.architecture.embedding = 24;
    if let Some(ngrams) = &mut training.architecture.ngrams {
        *ngrams = NgramSettings { word_buckets: 1 << 17, ..*ngrams };
    }
    Ok(ClassifierTraining {
        maximum_words: 6_000,
        overwrite: settings.overwrite,
        command: settings.command.clone(),
        about_data: settings.about.clone(),
        ..training
    })
}

/// Returns the weights of a reading: the same as for any critic, with the bias for which the median of unseen candidates is
/// 0.5.
fn fit_reading(files: &ModelFiles, candidates: &[Candidate]) -> Result<(ReadingWeights, Vec<Spread>)> {
    let critic = Classifier::load(files)?;
    let ended: Vec<(&Candidate, Likelihood)> = candidates
        .iter()
        .filter(|candidate| candidate.finish == Finish::EndOfText)
        .filter_map(|candidate| Some((candidate, candidate.likelihood?)))
        .collect();
    let weights = ReadingWeights::OF_ANY_CRITIC;
    if ended.is_empty() {
        return Ok((weights, Vec::new()));
    }
    let texts: Vec<&str> = ended.iter().map(|(candidate, _)| candidate.text.as_str()).collect();
    let said: Vec<f32> = critic.score(&texts)?.iter().map(|said| said.probability(WRITTEN)).collect();
    let sums = said.iter().zip(&ended).map(|(p, (_, likelihood))| weights.sum(Some(*p), *likelihood) as f32);
    let bias = -f64::from(quantile(sums.collect(), 0.5));
    let spread = |part, values: Vec<f32>| Spread {
        part,
        low: quantile(values.clone(), 0.1),
        median: quantile(values.clone(), 0.5),
        high: quantile(values, 0.9),
    };
    let logits = said.iter().map(|p| (p / (1.0 - p)).ln()).collect();
    let spread = vec![
        spread("logit(critic)", logits),
        spread("mean", ended.iter().map(|(_, likelihood)| likelihood.mean).collect()),
        spread("weakest", ended.iter().map(|(_, likelihood)| likelihood.weakest).collect()),
    ];
    Ok((ReadingWeights { bias: (bias * 1e3).round() / 1e3, ..weights }, spread))
}

/// Returns the value below which this share of the values is.
fn quantile(mut values: Vec<f32>, share: f64) -> f32 {
    values.sort_by(f32::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

fn card(settings: &CriticTraining, trained: &Trained, outcome: &CriticOutcome) -> String {
    let name = &trained.config.name;
    let CriticOutcome { area, texts_a_side, held_out, parameters, .. } = outcome;
    let ModelIdentity { name: generator, sha256 } = &settings.generator;
    let ReadingWeights { bias, critic, mean, weakest } = outcome.reading;
    let mut card = format!(
        "# {name}: a critic\n\n\
         A classifier of {parameters} parameters with the labels `{GENERATED}` and `{WRITTEN}`: it gives the \
         probability that a short Spanish text was written by a person, not by the generator `{generator}` (sha256 of its \
         weights {sha256}). It helps to choose between candidates that passed every gate; `selection.critic` names its folder. \
         `config.json` contains layer sizes, cleaning, calibration, the generator and the four numbers of `reading`, \
         `vocabulary.json` the words, `model.safetensors` the weights, `training.jsonl` the epochs.\n\n\
         ## Data\n\n{}{} texts of each side: those given as written, and as many that the generator wrote with the \
         configured decoding, starting from {}. {} candidates were left out: cut off at the limit of tokens or \
         length, shorter than four words, repeats, or copies of a written text. Links and mentions are removed from \
         both sides, and hashtags are never read; the pipeline `{}` decides what is kept of case and punctuation. \
         Near-duplicates stay on one side of the split.\n\n\
         ## Training\n\n```sh\n{}\n```\n\nSeed {}, {} epochs.\n\n\
         ## Measured\n\nOn {held_out} held-out texts of both sides: AUC {:.3} (95 % interval {:.3} to {:.3}), accuracy {:.3}.\n\n\
         A reading is `logistic({bias} + {critic} * logit(critic) + {mean} * mean + {weakest} * weakest)`, where `mean` \
         is the generator's log-probability per token over the whole text, and `weakest` the same over its least likely four \
         tokens in a row. With the first number, the median of {} unseen candidates is 0.5. To let a part count for \
         more, change the four numbers in `config.json`, under `reading`.\n",
        if settings.about.is_empty() { String::new() } else { format!("{} ", settings.about) },
        texts_a_side,
        settings.openings.map_or_else(
            || "the configured seed prompts".to_owned(),
            |words| format!("the first {words} words of written texts"),
        ),
        outcome.left_out,
        trained.config.cleaning,
        settings.command,
        settings.seed,
        outcome.epochs,
        area.auc,
        area.low,
        area.high,
        outcome.accuracy,
        settings.set_aside.len(),
    );
    if !outcome.spread.is_empty() {
        card.push_str("\n| part | 10 % below | median | 10 % above |\n|---|---|---|---|\n");
        for Spread { part, low, median, high } in &outcome.spread {
            let _ = writeln!(card, "| {part} | {low:.2} | {median:.2} | {high:.2} |");
        }
    }
    let _ = write!(card, "\n## Layers\n\n```text\n{}\n```\n", trained.config.network.summary());
    card.push_str(LIMITS);
    card
}

const LIMITS: &str = "
## Use and limits

The critic is meant to choose between the candidates of one generator. It knows that generator's mistakes; it knows
nothing about truth or sense. For texts of another generator, or people's texts on other subjects, its probability means
little. A high AUC does not mean that the text with the highest probability reads well. Train it again when the
generator changes.
";

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha12Rng;

    use super::*;

    fn candidate(text: &str, finish: Finish, likelihood: Option<Likelihood>) -> Candidate {
        Candidate { finish, likelihood, ..Candidate::given(text) }
    }

    /// Returns a sentence of twelve meaningless words and these.
    fn sentence(seed: u64, more: &[&str]) -> String {
        const SYLLABLES: [&str; 6] = ["sa", "me", "ri", "lo", "pu", "ta"];
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut word = || (0..3).map(|_| SYLLABLES[random.random_range(0..6)]).collect::<String>();
        let words: Vec<String> = (0..12).map(|_| word()).chain(more.iter().map(ToString::to_string)).collect();
        words.join(" ")
    }

    fn training(written: Vec<String>, generated: Vec<Candidate>) -> CriticTraining {
        CriticTraining {
            written,
            set_aside: generated.clone(),
            generated,
            generator: ModelIdentity { name: "tiny".to_owned(), sha256: "ab".repeat(32) },
            output: PathBuf::from("nowhere"),
            overwrite: false,
            seed: 1,
            trained_on: TrainedOn { format: 1, data: Vec::new() },
            command: "pregonero train critic".to_owned(),
            about: String::new(),
            openings: None,
        }
    }

    #[test]
    fn what_would_tell_the_sides_apart_unfairly_is_left_out() {
        let likelihood = Some(Likelihood { mean: -1.0, weakest: -2.0 });
        let long = "palabra ".repeat(60);
        let written = ["La vecina riega las flores del patio.", &long].map(str::to_owned).to_vec();
        let generated = [
            ("El barrio canta con las flores del patio.", Finish::EndOfText),
            ("El barrio canta con las flores del", Finish::Tokens),
            ("El barrio canta y las flores", Finish::Length),
            ("Hola a todos", Finish::EndOfText),
            ("La vecina riega las FLORES del patio.", Finish::EndOfText),
        ];
        let generated = generated.map(|(text, finish)| candidate(text, finish, likelihood)).to_vec();
        let (written, generated) = sides(&training(written, generated));
        assert_eq!(written, ["La vecina riega las flores del patio."]);
        assert_eq!(generated, ["El barrio canta con las flores del patio."]);
    }

    #[test]
    fn too_few_texts_are_refused_with_both_numbers() {
        let written: Vec<String> = (0..60).map(|n| format!("La vecina número {n} riega las flores.")).collect();
        let message = train_critic(&training(written, Vec::new()), &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert!(message.to_string().contains("60 written and 0 generated"), "{message}");
    }

    #[test]
    fn a_critic_is_written_with_its_generator_and_a_reading_whose_median_is_a_half() {
        let written: Vec<String> = (0..400).map(|seed| sentence(seed, &[])).collect();
        let generated: Vec<Candidate> = (0..400)
            .map(|n| {
                let mean = -1.0 - n as f32 / 100.0;
                let likelihood = Likelihood { mean, weakest: 2.0 * mean };
                candidate(&sentence(1000 + n, &["que", "que", "que"]), Finish::EndOfText, Some(likelihood))
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("critic");
        let settings = CriticTraining { output: output.clone(), ..training(written, generated.clone()) };
        let outcome = train_critic(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap();
        assert!(outcome.area.auc > 0.8 && !outcome.interrupted, "{outcome:?}");
        assert_eq!((outcome.texts_a_side, outcome.left_out, outcome.spread.len()), (400, 0, 3));

        let critic = Classifier::load(&ModelFiles::in_folder(&output).unwrap()).unwrap();
        assert_eq!(critic.config().labels, LABELS);
        assert_eq!(critic.config().generator.as_ref(), Some(&settings.generator));
        assert_eq!(critic.config().reading, Some(outcome.reading));
        let card = std::fs::read_to_string(output.join("README.md")).unwrap();
        assert!(card.contains(&settings.generator.sha256) && card.contains("AUC "), "{card}");
        let reader = pregonero_models::sentiment::critic::Reader::with_critic(critic).unwrap();
        let texts: Vec<&str> = generated.iter().map(|one| one.text.as_str()).collect();
        let said = reader.probabilities(&texts).unwrap();
        let readings: Vec<f32> =
            said.iter().zip(&generated).filter_map(|(said, one)| reader.reading(*said, one.likelihood)).collect();
        assert!((quantile(readings, 0.5) - 0.5).abs() < 0.01);

        let message = train_critic(&settings, &AtomicBool::new(false), &mut |_| {}).unwrap_err();
        assert!(format!("{message:#}").contains("exists already"), "{message:#}");
    }
}
