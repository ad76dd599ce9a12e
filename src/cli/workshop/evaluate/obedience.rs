//! `pregonero evaluate obedience`: measures whether a generator writes what its attributes demand.

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::json;

use crate::app;
use crate::cli::decoding::DecodingArguments;
use crate::cli::session::Session;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, ModelKind};
use pregonero_models::generation::{ControlLayout, LengthBudget};
use pregonero_models::sentiment::Classifier;
use pregonero_text::tweet_text::{MAX_WEIGHTED_LENGTH, weighted_length};
use pregonero_tweet::SeedPrompt;
use pregonero_workshop::evaluation::generator::obedience::{self, DemandedHashtag, DemandedValue, Obedience, Share};
use pregonero_workshop::evaluation::generator::sampling::Sampling;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero evaluate obedience --model runs/controlled --classifier runs/other
  pregonero evaluate obedience --model runs/controlled --classifier runs/other --hashtags YoMeVacuno,VacunaYa --json
  pregonero evaluate obedience --model runs/controlled --attribute TONO --values POSITIVE,NEGATIVE --prompt \"La vacuna\"

The classifier must not be the one that labelled the generator's texts: a generator also learns that classifier's mistakes.
Intervals are 95 % (Wilson).")]
pub struct ObedienceArguments {
    /// A generator with control tokens: builtin, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    model: ModelSource,
    /// The classifier that reads what was written: builtin, builtin:NAME, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    classifier: ModelSource,
    /// The attribute whose values are the classifier's labels; without it, the model's first one with a fixed set of values
    #[arg(long, value_name = "NAME")]
    attribute: Option<String>,
    /// The values to demand; without it, those that the model was trained with
    #[arg(long, value_name = "VALUE,…", value_delimiter = ',')]
    values: Vec<String>,
    /// Hashtags to demand as well
    #[arg(long, value_name = "HASHTAG,…", value_delimiter = ',')]
    hashtags: Vec<String>,
    /// The attribute that demands hashtags
    #[arg(long, value_name = "NAME", default_value = "HASHTAGS")]
    hashtag_attribute: String,
    /// Texts to write for all values together, and again for all hashtags together
    #[arg(short = 'n', long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    texts: u32,
    /// Text that the texts continue; may be given several times. Without it, only the attributes
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Vec<String>,
    #[command(flatten)]
    decoding: DecodingArguments,
}

/// Runs `evaluate obedience`.
///
/// # Errors
/// If a model cannot be loaded or has no control tokens, or an attribute, value or label is unknown.
pub async fn run(arguments: &ObedienceArguments, session: &Session) -> Result<()> {
    let hub = session.hub()?;
    let mut settings = session.load(arguments.decoding.overrides())?.settings;
    settings.generation.model = arguments.model.clone();
    let classifier = Classifier::load(&catalog::open(&arguments.classifier, ModelKind::Classifier, &hub)?)?;
    let engine = app::load_local_engine(&settings, &hub).await?;
    let control = engine.description().control.as_ref().with_context(|| {
        format!("{}: the model has no control tokens; train one with `train generator --control`", arguments.model)
    })?;
    let prompts = if arguments.prompt.is_empty() { vec![String::new()] } else { arguments.prompt.clone() };
    let sampling = Sampling {
        prompts: prompts.iter().map(|prompt| SeedPrompt::bare(prompt)).collect(),
        count: arguments.texts as usize,
        decoding: settings.generation.decoding.clone(),
        rng_seed: settings.generation.rng_seed.unwrap_or(1),
        length: Some(LengthBudget { limit: MAX_WEIGHTED_LENGTH, measure: weighted_length }),
    };
    let (attribute, values) = arguments.demand(control.layout())?;
    let polarity = obedience::polarity(&engine, &classifier, &sampling, attribute, &values).await?;
    let hashtags = match arguments.hashtags.as_slice() {
        [] => None,
        hashtags => Some(obedience::hashtags(&engine, &sampling, &arguments.hashtag_attribute, hashtags).await?),
    };
    let report = json!({"model": arguments.model.to_string(), "classifier": arguments.classifier.to_string(),
                        "polarity": polarity, "hashtags": hashtags});
    session.output.object(|| in_words(&polarity, hashtags.as_ref()), || report)
}

impl ObedienceArguments {
    /// Returns the attribute and the values to demand: those given, or else those that the model was trained with.
    fn demand<'a>(&self, layout: &'a ControlLayout) -> Result<(&'a str, Vec<String>)> {
        let known = match &self.attribute {
            Some(name) => layout.attributes.iter().find(|attribute| attribute.name == *name).with_context(|| {
                format!("the model knows no attribute {name:?}; it was trained with {}", layout.names())
            })?,
            None => layout.attributes.iter().find(|attribute| !attribute.values.is_empty()).with_context(|| {
                format!(
                    "no attribute of the model has a fixed set of values: name one of {} with --attribute, and its values with \
                     --values",
                    layout.names()
                )
            })?,
        };
        let values = if self.values.is_empty() { &known.values } else { &self.values };
        ensure!(!values.is_empty(), "{} has no fixed set of values: name some with --values", known.name);
        Ok((&known.name, values.clone()))
    }
}

fn in_words(polarity: &Obedience<DemandedValue>, hashtags: Option<&Obedience<DemandedHashtag>>) -> String {
    let mut lines = vec![format!("{}: {}", polarity.attribute, share(&polarity.share))];
    for one in &polarity.demanded {
        let read: Vec<String> = one.read.iter().map(|(label, count)| format!("{count} {label}")).collect();
        lines.push(format!("  {}: {}; read as {}", one.value, share(&one.share), read.join(", ")));
    }
    if let Some(hashtags) = hashtags {
        lines.push(format!("{}: {}", hashtags.attribute, share(&hashtags.share)));
        for one in &hashtags.demanded {
            let undemanded =
                one.undemanded.map_or_else(String::new, |share| format!("; {:.1} % undemanded", 100.0 * share));
            let word = one.as_word;
            lines.push(format!("  #{}: {}; {word} with the word{undemanded}", one.hashtag, share(&one.share)));
        }
    }
    lines.join("\n")
}

fn share(share: &Share) -> String {
    format!(
        "{} of {} texts obey, {:.1} % ({:.1} to {:.1})",
        share.obeyed,
        share.texts,
        100.0 * share.share,
        100.0 * share.low,
        100.0 * share.high
    )
}
