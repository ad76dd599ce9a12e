//! `pregonero evaluate voice`: what the rounds of a configuration choose, and how people judge it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha12Rng;
use serde_json::json;

use crate::app;
use crate::cli::decoding::{DecodingArguments, fit_prompts};
use crate::cli::session::Session;
use crate::cli::workshop::progress;
use crate::review::ReviewMode;
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::ModelSource;
use pregonero_system::files::{Existing, refuse_existing};
use pregonero_workshop::evaluation::generator::blind_test::{self, Item};
use pregonero_workshop::evaluation::generator::voice::{
    Answers, ChosenTweet, Copies, KeyRow, Origin, QUESTIONS, Rounds, RoundsReport, Shares, SheetRow, Sources, mix,
    read_answers, write_sheet,
};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, ReadFor, Reading, TextSource};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate voice --rounds 60                                  what sixty rounds choose
  pregonero evaluate voice --sheet voice.csv --data tweets.csv:text     the same, mixed with real texts, for a person to judge
  pregonero evaluate voice --judged voice.csv                           the shares, once the sheet is filled in

The sheet is a CSV file for a spreadsheet, with one text per line and five questions to answer with 1 or 0: is it fluent,
does it make sense as a whole, could it be published, does it speak against the campaign, does it claim an experience. A
second file next to the sheet, the key, says which texts are the bot's; the person who judges must not see it. Nothing is
posted or recorded.")]
pub struct VoiceArguments {
    /// The generator; without it, generation.model
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelSource>,
    /// Rounds to run, each with the configured number of candidates
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    #[command(flatten)]
    decoding: DecodingArguments,
    /// Write the blind sheet, and its key next to it (FILE.key.csv)
    #[arg(long, value_name = "FILE.csv", requires = "data")]
    sheet: Option<PathBuf>,
    /// Write the same texts as a page on which a person tells the bot's texts from real ones
    #[arg(long, value_name = "FILE.html", requires = "data")]
    page: Option<PathBuf>,
    /// Real texts for the sheet: FILE (one per line, or X's archive) or FILE:COLUMN (CSV, JSON, Parquet, a data set)
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]")]
    data: Vec<TextSource>,
    /// How many real texts the sheet has; without it, half as many as rounds
    #[arg(long, value_name = "N", requires = "data")]
    real: Option<u32>,
    /// Your own texts that the model was trained on: count the chosen texts that are at least 80 % like one of them
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]")]
    own: Vec<TextSource>,
    /// Texts by other people: count the chosen texts that share eight words in a row with one of them
    #[arg(long, value_name = "FILE[:COLUMN][=WEIGHT]")]
    others: Vec<TextSource>,
    /// Read a sheet that was filled in and report the shares, without running anything
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["sheet", "page", "data", "own", "others", "model"])]
    judged: Option<PathBuf>,
}

/// Runs `evaluate voice`.
///
/// # Errors
/// If a model or text cannot be read, or the sheet already exists or was not filled in as asked.
pub async fn run(arguments: &VoiceArguments, session: &Session) -> Result<()> {
    match &arguments.judged {
        Some(sheet) => report_answers(sheet, session),
        None => arguments.run_rounds(session).await,
    }
}

/// Returns the path of a sheet's key: `voice.key.csv` for `voice.csv`.
fn key_of(sheet: &Path) -> PathBuf {
    sheet.with_extension("key.csv")
}

fn report_answers(sheet: &Path, session: &Session) -> Result<()> {
    let answers = read_answers(sheet)?;
    let key = key_of(sheet);
    let place = || key.display().to_string();
    let mut table = csv::Reader::from_path(&key).with_context(place)?;
    let key: Vec<KeyRow> = table.deserialize().collect::<Result<_, _>>().with_context(place)?;
    let shares = Shares::of(&answers, &key).with_context(|| sheet.display().to_string())?;
    unanswered(&answers).iter().for_each(|line| session.output.note(&format!("{}: {line}", sheet.display())));
    if session.output.json {
        return shares.iter().try_for_each(|one| session.output.json(one));
    }
    let names: Vec<String> = shares.iter().map(|one| format!("{} ({})", one.origin.as_str(), one.texts)).collect();
    let header: Vec<&str> = std::iter::once("").chain(names.iter().map(String::as_str)).collect();
    let places: Vec<usize> = (0..QUESTIONS.len()).collect();
    session.output.rows(&header, &places, |at| {
        let cells = shares.iter().map(|one| {
            let share = &one.shares[*at];
            let (percent, low, high) = (100.0 * share.share, 100.0 * share.low, 100.0 * share.high);
            format!("{} of {}, {percent:.0} % ({low:.0} to {high:.0})", share.yes, share.answered)
        });
        std::iter::once(QUESTIONS[*at].column().to_owned()).chain(cells).collect()
    })
}

impl VoiceArguments {
    async fn run_rounds(&self, session: &Session) -> Result<()> {
        for path in self.sheet.iter().chain(&self.page) {
            refuse_existing(path, Existing::Refuse)?;
        }
        let hub = session.hub()?;
        let mut settings = session.load(self.decoding.overrides())?.settings;
        if let Some(model) = &self.model {
            settings.generation.model = model.clone();
        }
        let (own, others) = (read(&self.own, Cleaning::None)?, read(&self.others, Cleaning::None)?);
        let files = app::generator_files(&settings, &hub)?;
        if let Some(model) = &self.model {
            fit_prompts(&mut settings, &files, &model.to_string(), session.output)?;
        }
        let judge = Arc::new(app::load_judge(&settings, &hub, &files)?);
        let rng_seed = settings.generation.rng_seed.unwrap_or(1);
        let real = self.real_texts(&judge, rng_seed)?;
        let engine = app::load_local_engine(&settings, &hub).await?;
        app::check_seed_prompts(&settings, &engine)?;
        let rounds = Rounds {
            prompts: settings.seed_prompts.clone(),
            candidates: settings.generation.candidates,
            decoding: settings.generation.decoding.clone(),
            rng_seed,
            count: self.rounds as usize,
            queue_reviews: settings.review.mode != ReviewMode::Off,
        };
        let bar = progress::bar(session.output);
        bar.set_length(rounds.count as u64);
        bar.set_message("rounds");
        let follow = |done: usize| {
            bar.set_position(done as u64);
            if let Some(line) = progress_line(done, rounds.count) {
                bar.suspend(|| session.output.note(&line));
            }
        };
        let report = rounds.run(&engine, &judge, follow).await?;
        bar.finish_and_clear();
        // The sheet is written first: what follows can be repeated without running the rounds again.
        self.write_sheets(session, &settings.generation.model, &report, &real, rng_seed)?;
        let copies = Copies::count(&report.chosen, &Sources { own: &own, others: &others });
        session.output.object(
            || in_words(&report, &copies),
            || json!({"model": settings.generation.model.to_string(), "rng_seed": rng_seed, "rounds": report, "copies": copies}),
        )
    }

    /// Draws real texts that no gate rejects, by the seed.
    fn real_texts(&self, judge: &Judge, rng_seed: u64) -> Result<Vec<String>> {
        if self.data.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = self.real.unwrap_or(self.rounds.div_ceil(2)) as usize;
        let mut texts = read(&self.data, Cleaning::Tweets)?;
        texts.shuffle(&mut ChaCha12Rng::seed_from_u64(rng_seed));
        let kept = blind_test::sieve(judge, texts.iter().map(String::as_str), wanted)?;
        ensure!(
            kept.len() == wanted,
            "--data has {} texts that no gate rejects, but {wanted} are needed: give more texts or a smaller --real",
            kept.len()
        );
        Ok(kept)
    }

    fn write_sheets(
        &self,
        session: &Session,
        model: &ModelSource,
        report: &RoundsReport,
        real: &[String],
        rng_seed: u64,
    ) -> Result<()> {
        if self.sheet.is_none() && self.page.is_none() {
            return Ok(());
        }
        let chosen: Vec<String> = report.chosen.iter().map(|one| one.text.clone()).collect();
        ensure!(!chosen.is_empty(), "no round chose a tweet, so there is nothing to judge: see `pregonero generate`");
        let rows = mix(&chosen, real, rng_seed);
        if let Some(sheet) = &self.sheet {
            write_sheet(sheet, &key_of(sheet), &rows)?;
            let key = key_of(sheet);
            session.output.note(&format!(
                "wrote {} (to be filled in) and {} (its key; do not show it to the person who judges)",
                sheet.display(),
                key.display()
            ));
        }
        if let Some(page) = &self.page {
            let item = |row: SheetRow| Item { text: row.text, human: row.origin == Origin::Real };
            let items: Vec<Item> = rows.into_iter().map(item).collect();
            blind_test::write(page, &model.to_string(), &items)?;
            session.output.note(&format!("wrote {}: open it in a browser", page.display()));
        }
        Ok(())
    }
}

/// Returns a line after every tenth of the rounds, but not after the last one.
fn progress_line(done: usize, rounds: usize) -> Option<String> {
    let is_tenth = done.is_multiple_of(rounds.div_ceil(10)) && done < rounds;
    is_tenth.then(|| format!("{done} of {rounds} rounds done"))
}

/// Returns how much of a sheet is not filled in, or `None` if all of it is.
fn unanswered(answers: &[Answers]) -> Option<String> {
    let empty = answers.iter().filter(|row| row.given.is_empty()).count();
    let incomplete = answers.iter().filter(|row| row.given.len() < QUESTIONS.len()).count() - empty;
    let rows = answers.len();
    (empty + incomplete > 0).then(|| {
        format!("of {rows} rows, {empty} have no answer and {incomplete} lack some; what is empty does not count in the shares")
    })
}

fn read(sources: &[TextSource], cleaning: Cleaning) -> Result<Vec<String>> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let reading = Reading { cleaning, duplicates: Duplicates::Exact, read_for: ReadFor::Measuring, columns: &[] };
    let (rows, _) = text::read_rows(sources, &reading)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

fn in_words(report: &RoundsReport, copies: &Copies) -> String {
    let RoundsReport { rounds, chosen, candidates, accepted, unlike_sentiment, repeated_openings } = report;
    let line = |one: &ChosenTweet| format!("{:.2}  {}", one.ranking.rank.unwrap_or(one.score), one.text);
    let mut lines: Vec<String> = chosen.iter().map(line).collect();
    let passed = 100.0 * *accepted as f64 / (*candidates).max(1) as f64;
    let reviews = chosen.iter().filter(|one| one.needs_review).count();
    lines.push(format!("{} of {rounds} rounds chose a tweet, {reviews} of them for review", chosen.len()));
    lines.push(format!("{accepted} of {candidates} candidates passed ({passed:.0} %)"));
    lines.push(format!("in {unlike_sentiment} rounds the sentiment's score alone would have chosen another candidate"));
    lines.push(format!("in {repeated_openings} rounds the chosen tweet begins like one chosen before"));
    lines.push(format!("{} repeat another chosen text", copies.repeated));
    lines.push(format!("{} share their first six words with another", copies.same_beginning));
    lines.extend(copies.near_own.map(|count| format!("{count} are at least 80 % like one of the texts of --own")));
    lines.extend(copies.runs_of_others.map(|count| format!("{count} share eight words in a row with others' texts")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_workshop::evaluation::generator::voice::Question;

    #[test]
    fn a_sheet_says_how_many_of_its_rows_are_not_filled_in() {
        let row = |number, questions: &[Question]| Answers {
            number,
            given: questions.iter().map(|question| (*question, true)).collect(),
        };
        let expected = "of 3 rows, 1 have no answer and 1 lack some; what is empty does not count in the shares";
        assert_eq!(unanswered(&[row(1, &QUESTIONS), row(2, &[]), row(3, &QUESTIONS[..2])]).unwrap(), expected);
        assert_eq!(unanswered(&[row(1, &QUESTIONS)]), None);
    }

    #[test]
    fn ten_lines_at_most_tell_how_far_the_rounds_are() {
        for (rounds, lines) in [(1, 0), (2, 1), (60, 9), (61, 8), (10_000, 9)] {
            let shown = (1..=rounds).filter(|done| progress_line(*done, rounds).is_some()).count();
            assert_eq!(shown, lines, "{rounds}");
        }
        assert_eq!(progress_line(6, 60).unwrap(), "6 of 60 rounds done");
    }
}
