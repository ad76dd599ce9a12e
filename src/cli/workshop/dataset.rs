//! `pregonero dataset`: prepares tables for training.

mod build;
mod collect;
mod collecting;
mod compose;
mod explore;
mod hydrate;
mod import;
mod kept;

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use self::build::BuildArguments;
use self::collect::CollectArguments;
use self::compose::ComposeArguments;
use self::explore::ExploreArguments;
use self::hydrate::HydrateArguments;
use self::import::ImportArguments;
use self::kept::{CardArguments, IdsArguments, PurgeArguments, ShowArguments, VerifyArguments};
use crate::cli::output::counted;
use crate::cli::session::Session;
use crate::cli::workshop::columns::TableSource;
use pregonero_data::label::HashtagRules;
use pregonero_models::catalog::ModelSource;
use pregonero_models::catalog::{self, ModelKind};
use pregonero_models::sentiment::Classifier;
use pregonero_workshop::dataset::enrich::{self, Enrichment, FilledColumn};
use pregonero_workshop::dataset::label::{self, LabelRules, Labelling};

/// What to do with a table.
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Collect posts from X: searches, timelines, lists of accounts; counted and priced before anything is read
    Collect(Box<CollectArguments>),
    /// Read posts from X by their ids
    Hydrate(HydrateArguments),
    /// Make a data set of files: CSV, JSON, Parquet, X's archive, answers of X's API; or show what is in them
    Import(Box<ImportArguments>),
    /// Build a data set from files and folders, as a spec says: filters, labels, attributes, splits, and how much they leak
    Build(BuildArguments),
    /// Show what a data set contains and where it comes from
    Show(ShowArguments),
    /// Compare a data set with its manifest: hashes, rows, columns, digest, and the sources that are still there
    Verify(VerifyArguments),
    /// Remove an author's or a single post from a data set, and name the models that were trained on it
    Purge(PurgeArguments),
    /// Export the ids of a data set's posts, which X lets people pass on
    Ids(IdsArguments),
    /// Describe a data set: a datasheet in Markdown, or Croissant 1.1 metadata
    Card(CardArguments),
    /// Label the rows of a table, by emoji or by hashtags
    Label(LabelArguments),
    /// Compose texts from a grammar in Tracery's JSON format, and check that their words agree
    Compose(ComposeArguments),
    /// Fill in the columns that a controlled generator is trained with: sentiment, hashtags, entities, key phrases
    Enrich(EnrichArguments),
    /// Write a page about a data set: when, who, which groups, their words, sentiment, repeated texts
    Explore(Box<ExploreArguments>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RulesChoice {
    /// By the emoji in a column: negative, neutral or positive
    Emoji,
    /// By hashtags in the text: negative or positive
    Hashtags,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset label --rules emoji --data tweets.csv --emoji-column emoji --output labelled.csv
  pregonero dataset label --rules hashtags --positive YoMeVacuno --negative YoNoMeVacuno \\
      --data tweets.csv --author-column author --output labelled.csv

Rows that the rules cannot label are left out and counted. The result has the columns text, label and author.")]
pub struct LabelArguments {
    /// How rows are labelled
    #[arg(long, value_enum)]
    rules: RulesChoice,
    /// A table of any kind: CSV, TSV, JSON, Parquet, X's archive, a data set folder, packed or not
    #[arg(long, value_name = "FILE[:COLUMN]")]
    data: TableSource,
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// The column with the emoji (--rules emoji)
    #[arg(long, value_name = "NAME", default_value = "emoji")]
    emoji_column: String,
    /// The column that identifies authors; without it, the result has no authors
    #[arg(long, value_name = "NAME")]
    author_column: Option<String>,
    /// A hashtag of people who are in favour (--rules hashtags); may be given several times
    #[arg(long, value_name = "HASHTAG")]
    positive: Vec<String>,
    /// A hashtag of people who are against (--rules hashtags); may be given several times
    #[arg(long, value_name = "HASHTAG")]
    negative: Vec<String>,
    /// The CSV file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset enrich --data tweets.csv --output enriched.csv
  pregonero dataset enrich --data tweets.txt --classifier runs/general --min-score 0.7 --output enriched.csv
  pregonero dataset enrich --data tweets.csv --columns sentiment=TONO,hashtags --strip-hashtags --output enriched.csv

Then: pregonero train generator --data enriched.csv:text --control SENTIMIENTO,HASHTAGS …
Labels are written in upper case. Entities are runs of capitalised words; key phrases are found by RAKE. Lists are separated
by spaces.")]
pub struct EnrichArguments {
    /// A file of any kind: CSV, TSV, JSON, Parquet, X's archive, a data set folder, one text per line; packed or not
    #[arg(long, value_name = "FILE[:COLUMN]")]
    data: TableSource,
    /// The column or field with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// What to fill in, each with the name of its column if it is not SENTIMIENTO, HASHTAGS, ENTIDADES or FRASES
    #[arg(
        long,
        value_name = "WHAT[=NAME],…",
        value_delimiter = ',',
        default_value = "sentiment,hashtags,entities,phrases"
    )]
    columns: Vec<FilledColumn>,
    /// The classifier that reads the sentiment: builtin, builtin:NAME, a folder or hub:OWNER/NAME
    #[arg(long, value_name = "MODEL", default_value = "builtin")]
    classifier: ModelSource,
    /// Leave the sentiment empty if the classifier is less sure than this
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    min_score: f32,
    /// Remove the hashtags at the end of the text, and the # sign of hashtags within it
    #[arg(long)]
    strip_hashtags: bool,
    /// The file to write, which must not exist yet: CSV if its name ends in .csv, JSON lines if in .jsonl. What is read from JSON
    /// can only become JSON lines
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl LabelArguments {
    fn labelling(self) -> Result<Labelling> {
        let rules = match self.rules {
            RulesChoice::Emoji => {
                ensure!(
                    self.positive.is_empty() && self.negative.is_empty(),
                    "--positive and --negative belong to --rules hashtags"
                );
                LabelRules::Emoji { column: self.emoji_column }
            }
            RulesChoice::Hashtags => LabelRules::Hashtags(HashtagRules::new(&self.positive, &self.negative)?),
        };
        if self.data.path == self.output {
            bail!("{}: --output must not be the same file as --data", self.output.display());
        }
        let ending = self.output.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        ensure!(
            !["jsonl", "json", "ndjson", "parquet", "tsv"].contains(&ending.as_str()),
            "{}: this command writes CSV: use a name that ends in .csv",
            self.output.display()
        );
        Ok(Labelling {
            text_column: self.data.column.unwrap_or(self.text_column),
            data: self.data.path,
            author_column: self.author_column,
            rules,
            output: self.output,
        })
    }
}

/// Runs `dataset`.
///
/// # Errors
/// If a table cannot be read or written, or no row can be labelled.
pub async fn run(command: DatasetCommand, session: &Session) -> Result<()> {
    session.start_log();
    match command {
        DatasetCommand::Collect(arguments) => arguments.run(session).await,
        DatasetCommand::Hydrate(arguments) => arguments.run(session).await,
        DatasetCommand::Import(arguments) => arguments.run(session),
        DatasetCommand::Build(arguments) => arguments.run(session),
        DatasetCommand::Show(arguments) => arguments.run(session),
        DatasetCommand::Verify(arguments) => arguments.run(session),
        DatasetCommand::Purge(arguments) => arguments.run(session),
        DatasetCommand::Ids(arguments) => arguments.run(session),
        DatasetCommand::Card(arguments) => arguments.run(session),
        DatasetCommand::Label(arguments) => run_label(arguments, session),
        DatasetCommand::Compose(arguments) => arguments.run(session),
        DatasetCommand::Enrich(arguments) => run_enrich(arguments, session),
        DatasetCommand::Explore(arguments) => arguments.run(session),
    }
}

fn run_enrich(arguments: EnrichArguments, session: &Session) -> Result<()> {
    ensure!(
        (0.0..=1.0).contains(&arguments.min_score),
        "--min-score is a probability from 0 to 1, not {}",
        arguments.min_score
    );
    let files = catalog::open(&arguments.classifier, ModelKind::Classifier, &session.hub()?)?;
    let classifier = Classifier::load(&files)?;
    let enrichment = Enrichment {
        text_column: arguments.data.column.unwrap_or(arguments.text_column),
        data: arguments.data.path,
        columns: arguments.columns,
        least_score: arguments.min_score,
        strip_hashtags: arguments.strip_hashtags,
        output: arguments.output,
    };
    let counts = enrich::enrich(&enrichment, &|texts| classifier.score(texts))?;
    let json = serde_json::to_value(&counts)?;
    session.output.object(
        || {
            let sentiments: Vec<String> =
                counts.sentiments.iter().map(|(label, count)| format!("{count} {label}")).collect();
            format!(
                "{}: {} ({} unsure); {} with hashtags, {} with entities, {} with key phrases\nwritten to {}",
                counted(counts.rows, "row", "rows"),
                if sentiments.is_empty() { "no sentiment".to_owned() } else { sentiments.join(", ") },
                counts.unsure,
                counts.with_hashtags,
                counts.with_entities,
                counts.with_phrases,
                enrichment.output.display()
            )
        },
        || json,
    )
}

fn run_label(arguments: LabelArguments, session: &Session) -> Result<()> {
    let labelling = arguments.labelling()?;
    let counts = label::label(&labelling)?;
    session.output.object(
        || {
            format!(
                "{}: {} negative, {} neutral, {} positive; left out: {} ambiguous, {} unmarked, {} empty\n\
                 written to {}",
                counted(counts.rows, "row", "rows"),
                counts.negative,
                counts.neutral,
                counts.positive,
                counts.ambiguous,
                counts.unmarked,
                counts.empty,
                labelling.output.display()
            )
        },
        || {
            json!({"rows": counts.rows, "negative": counts.negative, "neutral": counts.neutral,
                   "positive": counts.positive, "ambiguous": counts.ambiguous, "unmarked": counts.unmarked,
                   "empty": counts.empty, "output": labelling.output})
        },
    )
}
