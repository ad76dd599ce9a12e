//! `pregonero evaluate generator`: measures what one or several generators predict and write, side by side.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::app;
use crate::cli::choice::listed;
use crate::cli::decoding::{DecodingArguments, fit_prompts};
use crate::cli::session::Session;
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use crate::cli::workshop::texts::CLEANINGS;
use crate::config::Settings;
use pregonero_judging::gates::Recent;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, HubSettings, ModelFiles, ModelKind};
use pregonero_models::generation::DeviceChoice;
use pregonero_models::generation::{LengthBudget, Windows};
use pregonero_models::verbatim;
use pregonero_system::files::{Existing, refuse_existing, write_whole};
use pregonero_text::tweet_text::weighted_length;
use pregonero_tweet::{Candidate, SeedPrompt};
use pregonero_workshop::evaluation::generator::bleu::References;
use pregonero_workshop::evaluation::generator::blind_test;
use pregonero_workshop::evaluation::generator::candidates::CandidateReport;
use pregonero_workshop::evaluation::generator::discriminator::{DiscriminatorReport, FEWEST, discriminate};
use pregonero_workshop::evaluation::generator::perplexity::evaluate_perplexity;
use pregonero_workshop::evaluation::generator::report::{GeneratorReport, Measure, PAGE_TITLE, measures, page};
use pregonero_workshop::evaluation::generator::sampling::{Sampling, Written, judge};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, ReadFor, Reading, TextSource};

/// How many candidates the discriminator is trained and measured on if its flag names no number.
const DISCRIMINATED: &str = "1000";
/// Candidates to write for each place in a blind test, so that enough of them pass the gates.
const CANDIDATES_A_PLACE: usize = 20;
/// Real texts to consider for each place in a blind test, so that one of them has the right length.
const REAL_TEXTS_A_PLACE: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate generator --data held-out.csv:text                      cross-entropy and perplexity
  pregonero evaluate generator --data held-out.txt --stride 64 --baseline-data training.txt
  pregonero evaluate generator --data tweets.csv:text --held-out 0.02 --baseline-data tweets.csv:text
  pregonero evaluate generator --generate 500 --references held-out.csv:text  diversity, gates, copied runs, BLEU
  pregonero evaluate generator --discriminator --data held-out.csv:text      can a classifier tell it from people
  pregonero evaluate generator --blind-test survey.html --data held-out.csv:text
  pregonero evaluate generator --model builtin --model runs/tweets --data held-out.txt --generate 200 --output table.md

Cross-entropy is in nats per token; the value per byte compares models with different tokenizers. An area under the curve
(AUC) of 0.5 means that the discriminator cannot tell the texts apart. BLEU is sacrebleu's, 0 to 100.")]
pub struct GeneratorArguments {
    /// A generator: builtin, a folder or hub:OWNER/NAME; give several to compare them
    #[arg(long = "model", value_name = "MODEL", default_value = "builtin")]
    models: Vec<ModelSource>,
    /// Real texts it was not trained on: FILE (one per line, or X's archive) or FILE:COLUMN (CSV, JSON, Parquet, a data set), with =WEIGHT for a share
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]", required_unless_present = "generate")]
    data: Vec<TextSource>,
    /// Use only the texts of --data that `train generator --held-out SHARE` holds out, and only the others of --baseline-data
    #[arg(long, value_name = "SHARE", requires = "data", value_parser = held_out_share)]
    held_out: Option<f64>,
    /// How texts are tidied first
    #[arg(long, value_parser = listed(&CLEANINGS), default_value = "tweets")]
    clean: Cleaning,
    /// Tokens that the model reads at a time; without it, its whole context
    #[arg(long, value_name = "TOKENS", requires = "data")]
    block: Option<usize>,
    /// How far each block starts after the previous one; below --block, tokens are predicted from more context. Without it,
    /// one block
    #[arg(long, value_name = "TOKENS", requires = "data")]
    stride: Option<usize>,
    /// Where perplexity is computed: cpu, auto, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
    /// Train a 5-gram model (Kneser-Ney) on these texts and report its perplexity too; takes about 50 bytes of memory per token
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]", requires = "data")]
    baseline_data: Vec<TextSource>,
    /// Write N candidates and measure diversity, repetition, copied runs and the verdicts of each gate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    generate: Option<u32>,
    /// Text that the candidates continue; may be given several times. Without it, the configured seed prompts
    #[arg(long, value_name = "TEXT", requires = "generate", allow_hyphen_values = true)]
    prompt: Vec<String>,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// Texts to measure the candidates' BLEU against
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]", requires = "generate")]
    references: Vec<TextSource>,
    /// Train a classifier to tell N texts of the model (without a prompt) from N of --data, and report its AUC
    #[arg(long, value_name = "N", requires = "data", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = DISCRIMINATED, value_parser = clap::value_parser!(u32).range(FEWEST as i64..=100_000))]
    discriminator: Option<u32>,
    /// Write a page on which a person guesses which texts are from --data and which are the model's
    #[arg(long, value_name = "FILE.html", requires = "data")]
    blind_test: Option<PathBuf>,
    /// How many texts the blind test has, half of them real
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1000))]
    blind_items: u32,
    /// Write the table as a Markdown page
    #[arg(long, value_name = "FILE.md")]
    output: Option<PathBuf>,
}

/// Texts that all models are measured on.
struct Texts {
    real: Vec<String>,
    baseline: Option<Vec<String>>,
    references: Option<References>,
}

/// Runs `evaluate generator`.
///
/// # Errors
/// If a model or text cannot be read or is too small, or a page cannot be written.
pub async fn run(arguments: &GeneratorArguments, session: &Session) -> Result<()> {
    ensure!(
        arguments.blind_test.is_none() || arguments.models.len() == 1,
        "a blind test covers one model: give --model once"
    );
    let outputs = [(&arguments.output, PAGE_TITLE), (&arguments.blind_test, blind_test::TITLE)];
    for (path, ours) in outputs.iter().filter_map(|(path, ours)| Some((path.as_ref()?, *ours))) {
        refuse_existing(path, Existing::ReplaceUntouched(ours))?;
    }
    let hub = session.hub()?;
    // Faults in the configuration are reported before anything is measured.
    let settings = arguments.writes().then(|| session.load(arguments.decoding.overrides())).transpose()?;
    let settings = settings.map(|loaded| loaded.settings);
    let texts = arguments.texts()?;
    let mut reports = Vec::new();
    for source in &arguments.models {
        if arguments.models.len() > 1 {
            session.output.note(&format!("measuring {source}"));
        }
        let report = Measuring { arguments, settings: settings.as_ref(), texts: &texts, session, hub: &hub, source }
            .report()
            .await?;
        if session.output.json {
            session.output.json(&report)?;
        }
        reports.push(report);
    }
    if let Some(path) = &arguments.output {
        let page = page(&reports, &session.command_line, &arguments.notes(&texts));
        write_whole(path, Existing::ReplaceUntouched(PAGE_TITLE), |file| file.write_all(page.as_bytes()))?;
        session.output.note(&format!("wrote {}", path.display()));
    }
    if session.output.json {
        return Ok(());
    }
    let names: Vec<String> = arguments.models.iter().map(ToString::to_string).collect();
    let header: Vec<&str> = std::iter::once("").chain(names.iter().map(String::as_str)).collect();
    session.output.rows(&header, &measures(&reports), |Measure { name, values }| {
        std::iter::once(name.clone()).chain(values.iter().cloned()).collect()
    })
}

impl GeneratorArguments {
    /// Returns whether the model has to write texts.
    fn writes(&self) -> bool {
        self.generate.is_some() || self.discriminator.is_some() || self.blind_test.is_some()
    }

    fn texts(&self) -> Result<Texts> {
        // A held-out text that nearly equals a training text would flatter the model, so duplicates are removed as in a training.
        let duplicates = if self.held_out.is_some() { Duplicates::Near } else { Duplicates::Exact };
        // What a training held out is in its own part.
        let measured = if self.held_out.is_some() { ReadFor::Training } else { ReadFor::Measuring };
        let read = |sources: &[TextSource], read_for, wanted: &dyn Fn(&str) -> bool| -> Result<Option<Vec<String>>> {
            if sources.is_empty() {
                return Ok(None);
            }
            let reading = Reading { cleaning: self.clean, duplicates, read_for, columns: &[] };
            let (rows, _) = text::read_rows(sources, &reading)?;
            Ok(Some(rows.into_iter().map(|row| row.text).filter(|text| wanted(text)).collect()))
        };
        let held_out = |text: &str| self.held_out.is_none_or(|share| text::is_held_out(text, share));
        let trained_on = |text: &str| self.held_out.is_none_or(|share| !text::is_held_out(text, share));
        let texts = Texts {
            real: read(&self.data, measured, &held_out)?.unwrap_or_default(),
            baseline: read(&self.baseline_data, ReadFor::Training, &trained_on)?,
            references: read(&self.references, measured, &|_| true)?.map(|texts| References::new(&texts)),
        };
        if let Some(share) = self.held_out {
            ensure!(
                !texts.real.is_empty(),
                "{}: none of the texts is in a held-out share of {share}; give the share that the training used, or more texts",
                named(&self.data, "")
            );
        }
        Ok(texts)
    }

    /// Returns what the page says about the texts.
    fn notes(&self, texts: &Texts) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.data.is_empty() {
            let held_out = self.held_out.map(|share| format!(", those in the held-out share of {share}"));
            let held_out = held_out.unwrap_or_default();
            notes.push(format!("Real texts: {} of {}{held_out}.", texts.real.len(), named(&self.data, "`")));
        }
        if !self.baseline_data.is_empty() {
            notes.push(format!("The 5-gram model read {}.", named(&self.baseline_data, "`")));
        }
        if self.discriminator.is_some() {
            notes.push("An AUC of 0.5 means that the classifier cannot tell generated from real texts.".to_owned());
        }
        notes
    }
}

/// Lists the files of sources, each in quotes.
pub(in crate::cli::workshop) fn named(sources: &[TextSource], quote: &str) -> String {
    let names: Vec<String> = sources.iter().map(|source| format!("{quote}{}{quote}", source.path.display())).collect();
    names.join(", ")
}

pub(in crate::cli::workshop) fn held_out_share(text: &str) -> Result<f64> {
    let share: f64 = text.parse().context("not a number")?;
    ensure!(share > 0.0 && share <= 0.5, "must be above 0 and at most 0.5, as `train generator --held-out` takes it");
    Ok(share)
}

/// One model under measurement.
struct Measuring<'a> {
    arguments: &'a GeneratorArguments,
    /// Present if the model has to write texts.
    settings: Option<&'a Settings>,
    texts: &'a Texts,
    session: &'a Session,
    hub: &'a HubSettings,
    source: &'a ModelSource,
}

impl Measuring<'_> {
    async fn report(&self) -> Result<GeneratorReport> {
        let files = catalog::open(self.source, ModelKind::Generator, self.hub)?;
        let mut report =
            GeneratorReport { model: self.source.to_string(), perplexity: None, candidates: None, discriminator: None };
        if !self.arguments.data.is_empty() {
            let GeneratorArguments { block, stride, device, .. } = *self.arguments;
            let baseline = self.texts.baseline.as_deref();
            let windows = Windows { block, stride };
            report.perplexity = Some(evaluate_perplexity(&files, device, &self.texts.real, windows, baseline)?);
        }
        if let Some(settings) = self.settings {
            self.write_and_measure(settings.clone(), &files, &mut report).await?;
        }
        Ok(report)
    }

    /// Measures everything that needs texts written by the model.
    async fn write_and_measure(
        &self,
        mut settings: Settings,
        files: &ModelFiles,
        report: &mut GeneratorReport,
    ) -> Result<()> {
        settings.generation.model = self.source.clone();
        if self.arguments.generate.is_some() && self.arguments.prompt.is_empty() {
            fit_prompts(&mut settings, files, &self.source.to_string(), self.session.output)?;
        }
        let engine = app::load_local_engine(&settings, self.hub).await?;
        let judges = app::load_judge(&settings, self.hub, files)?;
        let rng_seed = settings.generation.rng_seed.unwrap_or(1);
        let length = LengthBudget { limit: judges.body_limit(), measure: weighted_length };
        let sampling = |count: u32, prompts: Vec<SeedPrompt>, length: Option<LengthBudget>| Sampling {
            prompts,
            count: count as usize,
            decoding: settings.generation.decoding.clone(),
            rng_seed,
            length,
        };
        if let Some(count) = self.arguments.generate {
            let (written, seconds) = sampling(count, self.prompts(&settings), Some(length)).draw(&engine).await?;
            let samples = judge(&judges, written, &Recent::default())?;
            let verbatim = verbatim::index_of(files)?;
            let references = self.texts.references.as_ref();
            report.candidates = Some(CandidateReport::new(&samples, verbatim.as_ref(), references, seconds)?);
        }
        if let Some(count) = self.arguments.discriminator {
            let (written, _) = sampling(count, vec![SeedPrompt::bare("")], None).draw(&engine).await?;
            report.discriminator = Some(self.discriminate(&flattened(written), rng_seed)?);
        }
        if let Some(path) = &self.arguments.blind_test {
            let items = self.arguments.blind_items as usize;
            let count = items / 2 * CANDIDATES_A_PLACE;
            let (written, _) = sampling(count as u32, vec![SeedPrompt::bare("")], Some(length)).draw(&engine).await?;
            let written = flattened(written);
            let generated = written.iter().map(|candidate| candidate.text.as_str());
            let generated = blind_test::sieve(&judges, generated, items / 2)?;
            let real =
                blind_test::sieve(&judges, self.texts.real.iter().map(String::as_str), REAL_TEXTS_A_PLACE * items)?;
            let items = blind_test::items(&real, &generated, items, rng_seed)?;
            blind_test::write(path, &self.source.to_string(), &items)?;
            self.session.output.note(&format!("wrote {}: open it in a browser", path.display()));
        }
        Ok(())
    }

    /// Returns the prompts that flags give, or else the configured ones.
    fn prompts(&self, settings: &Settings) -> Vec<SeedPrompt> {
        match self.arguments.prompt.as_slice() {
            [] => settings.seed_prompts.clone(),
            given => given.iter().map(|text| SeedPrompt::bare(text)).collect(),
        }
    }

    fn discriminate(&self, candidates: &[Candidate], seed: u64) -> Result<DiscriminatorReport> {
        let stop = Stop::on_signal()?;
        follow(&self.session.output, &stop, |progress| {
            discriminate(&self.texts.real, candidates, seed, &stop, progress)
        })
    }
}

fn flattened(written: Vec<Written>) -> Vec<Candidate> {
    written.into_iter().flat_map(|written| written.candidates).collect()
}
