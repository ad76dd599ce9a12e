//! `pregonero train critic --judged`: reads judged texts and trains a critic on them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::CriticArguments;
use crate::app;
use crate::cli::output::counted;
use crate::cli::session::Session;
use crate::cli::workshop::progress::follow;
use crate::cli::workshop::stop::Stop;
use pregonero_tweet::{Disclosure, Likelihood};
use pregonero_workshop::dataset::parts::learned_from;
use pregonero_workshop::evaluation::generator::voice::answer;
use pregonero_workshop::metrics::confidence::AucInterval;
use pregonero_workshop::training::critic::{
    JudgedCriticOutcome, JudgedCriticTraining, JudgedText, train_judged_critic,
};
use pregonero_workshop::training::text::{self, Cleaning, Duplicates, ReadFor, Reading, TextRow, TextSource};

/// The fields of a line of `generate --json` that a critic needs besides the text.
const LIKELIHOOD: [&str; 2] = ["likelihood.mean", "likelihood.weakest"];

/// Runs `train critic --judged`.
///
/// # Errors
/// If texts cannot be read, a field is missing or makes no sense, there are too few texts, the generator cannot be used, the
/// folder cannot be written, or the training is stopped before the first epoch ends.
pub(super) async fn run(arguments: CriticArguments, session: &Session) -> Result<()> {
    let output = &session.output;
    let trained_on = learned_from(arguments.judged.iter())?;
    let mut settings = session.load(arguments.model.overrides())?.settings;
    arguments.model.fit(&mut settings, session)?;
    let (judged, unanswered) = read(&arguments, &settings.account.disclosure)?;
    if unanswered > 0 {
        output.note(&format!("{} without an answer left out", counted(unanswered, "text", "texts")));
    }
    let engine = app::load_local_engine(&settings, &session.hub()?).await?;
    let stop = Stop::on_signal()?;
    let training = JudgedCriticTraining {
        judged,
        generator: engine.description().identity.clone(),
        output: arguments.output,
        overwrite: arguments.overwrite,
        seed: arguments.seed,
        trained_on,
        command: session.command_line.clone(),
        about: arguments.about,
    };
    let outcome = follow(output, &stop, |progress| train_judged_critic(&training, &stop, progress))?;
    if outcome.interrupted {
        output.note("stopped; the best weights so far are written");
    }
    let json = serde_json::to_value(&outcome)?;
    output.object(
        || in_words(&outcome, &training.output),
        || {
            let mut json = json;
            json["generator"] = json!(training.generator);
            json["output"] = json!(training.output);
            json
        },
    )
}

/// Returns the judged texts, each once and without the disclosure, and how many had no answer.
fn read(arguments: &CriticArguments, disclosure: &Disclosure) -> Result<(Vec<JudgedText>, usize)> {
    let sources: Vec<TextSource> = arguments
        .judged
        .iter()
        .map(|path| TextSource { path: path.clone(), column: Some("text".to_owned()), weight: 1.0 })
        .collect();
    let columns: Vec<String> = [arguments.good.as_str()].into_iter().chain(LIKELIHOOD).map(str::to_owned).collect();
    let reading = Reading {
        cleaning: Cleaning::None,
        duplicates: Duplicates::Exact,
        read_for: ReadFor::Training,
        columns: &columns,
    };
    let (rows, _) = text::read_rows(&sources, &reading)?;
    let (mut judged, mut unanswered) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        let path = &sources[row.source].path;
        match judged_text(&row, &arguments.good, disclosure)
            .with_context(|| format!("{}:{}", path.display(), row.line))?
        {
            Some(one) => judged.push(one),
            None => unanswered += 1,
        }
    }
    ensure!(
        !judged.is_empty(),
        "{}: no text has an answer in the field {:?}: add it to each line, true or false",
        Path::display(&arguments.judged[0]),
        arguments.good
    );
    Ok((judged, unanswered))
}

/// Returns a judged text; `None` if it has no answer.
fn judged_text(row: &TextRow, good: &str, disclosure: &Disclosure) -> Result<Option<JudgedText>> {
    let Some(is_good) = answer(row.values[0].trim()).with_context(|| good.to_owned())? else { return Ok(None) };
    let number = |at: usize| -> Result<f32> {
        let (name, value) = (LIKELIHOOD[at], row.values[at + 1].trim());
        ensure!(!value.is_empty(), "no {name}: give texts as `pregonero --json generate` prints them");
        let number: f32 = value.parse().with_context(|| format!("{name}: {value:?} is not a number"))?;
        ensure!(number.is_finite(), "{name}: {value:?} is not a finite number");
        Ok(number)
    };
    let likelihood = Likelihood { mean: number(0)?, weakest: number(1)? };
    Ok(Some(JudgedText { text: disclosure.body_of(&row.text).to_owned(), good: is_good, likelihood }))
}

fn in_words(outcome: &JudgedCriticOutcome, folder: &Path) -> String {
    let JudgedCriticOutcome { good, poor, held_out, critic, likelihood, both, reading, .. } = outcome;
    let area = |AucInterval { auc, low, high, .. }: &AucInterval| format!("{auc:.3} ({low:.3} to {high:.3})");
    format!(
        "{good} good and {poor} poor texts; on {held_out} held-out texts, AUC of the critic {}, of the likelihood {}, of both {}\n\
         reading = logistic({} + {} * logit(critic) + {} * mean + {} * weakest)\nmodel written to {}",
        area(critic),
        area(likelihood),
        area(both),
        reading.bias,
        reading.critic,
        reading.mean,
        reading.weakest,
        folder.display()
    )
}
