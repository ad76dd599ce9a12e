//! `pregonero inspect`: what the bot thinks of a text that a person hands in.

use std::io::{self, BufRead as _};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::output::{self, styled};
use super::session::Session;
use crate::app;
use crate::gates::Recent;
use crate::judging::Judge;
use crate::tweet::{Judged, Verdict};
use crate::twitter::text::{self, Entity, TweetText};

/// The text, or where texts come from.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero inspect \"El mercado abre temprano.\"
  printf '%s\\n' '{\"text\": \"Hola a todos.\"}' | pregonero --json inspect -")]
pub struct InspectArguments {
    /// The text; - reads JSON lines {\"text\": …} from standard input
    #[arg(value_name = "TEXT", default_value = "-", hide_default_value = true)]
    text: String,
}

/// One line of standard input; other fields are passed over.
#[derive(Deserialize)]
struct Line {
    text: String,
}

/// Runs `inspect`.
///
/// # Errors
/// A configuration or model that cannot be used; a line of standard input that is no `{"text": …}`, by its number.
pub async fn run(arguments: InspectArguments, session: &Session) -> Result<()> {
    let settings = session.settings()?;
    let hub = session.hub()?;
    let judge = app::load_judge(&settings, &hub, &app::generator_files(&settings, &hub)?)?;
    let recent = session.recent(&settings).await?;
    let inspector = Inspector { judge, recent };
    if arguments.text != "-" {
        return inspector.inspect(&arguments.text, session);
    }
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let line = line.with_context(|| format!("standard input:{number}: cannot be read as UTF-8"))?;
        if line.trim().is_empty() {
            continue;
        }
        let Line { text } = serde_json::from_str(&line)
            .with_context(|| format!("standard input:{number}: expected a JSON object {{\"text\": \"…\"}}"))?;
        inspector.inspect(&text, session)?;
    }
    Ok(())
}

struct Inspector {
    judge: Judge,
    recent: Recent,
}

impl Inspector {
    fn inspect(&self, text: &str, session: &Session) -> Result<()> {
        let judged = self.judge.inspect(text, &self.recent)?;
        let tweet = text::parse(text);
        let cleaned = self.judge.classifier().clean(text);
        session.output.object(|| in_words(&judged, &tweet, &cleaned), || as_json(&judged, &tweet, &cleaned))
    }
}

/// The line of `--json`: a contract, fields are added and never renamed.
fn as_json(judged: &Judged, tweet: &TweetText, cleaned: &str) -> Value {
    json!({
        "text": judged.text,
        "cleaned": cleaned,
        "weighted_length": tweet.weighted_length,
        "valid": tweet.valid,
        "urls": texts(&tweet.urls),
        "mentions": texts(&tweet.mentions),
        "hashtags": texts(&tweet.hashtags),
        "cashtags": texts(&tweet.cashtags),
        "sentiment": judged.sentiment,
        "gates": judged.gates,
        "accepted": judged.verdict() == Verdict::Pass,
    })
}

fn texts(entities: &[Entity]) -> Vec<&str> {
    entities.iter().map(|entity| entity.text.as_str()).collect()
}

fn in_words(judged: &Judged, tweet: &TweetText, cleaned: &str) -> String {
    let validity = if tweet.valid { "" } else { "; X would not take it" };
    let sentiment = &judged.sentiment;
    let mut lines = vec![
        format!("text        {}", judged.text),
        format!("cleaned     {cleaned}"),
        format!("length      {} of {}{validity}", tweet.weighted_length, text::MAX_WEIGHTED_LENGTH),
        format!("sentiment   {} {:.2}", sentiment.label, sentiment.score),
    ];
    let kinds = [
        ("links", &tweet.urls),
        ("mentions", &tweet.mentions),
        ("hashtags", &tweet.hashtags),
        ("cashtags", &tweet.cashtags),
    ];
    let found = kinds.into_iter().filter(|(_, entities)| !entities.is_empty());
    lines.extend(found.map(|(kind, entities)| format!("{kind:<11} {}", texts(entities).join(" "))));
    for gate in &judged.gates {
        let style = match gate.verdict {
            Verdict::Pass => output::GOOD,
            Verdict::Review => output::DOUBTFUL,
            Verdict::Reject => output::BAD,
        };
        let verdict = styled(style, &format!("{:<7}", gate.verdict.as_str()));
        lines.push(format!("{verdict} {:<15} {}", gate.gate, gate.reason).trim_end().to_owned());
    }
    lines.join("\n")
}
