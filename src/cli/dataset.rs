//! `pregonero dataset`: tables to train on.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::session::Session;
use crate::config::LogFormat;
use crate::dataset::label::{self, HashtagRules, LabelRules, Labelling};

/// What to do with a table.
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Give the rows of a CSV file labels, by emoji or by hashtags
    Label(LabelArguments),
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

Rows that the rules cannot tell are left out and counted. The result has the columns text, label and author.")]
pub struct LabelArguments {
    /// What gives the labels
    #[arg(long, value_enum)]
    rules: RulesChoice,
    /// A CSV file with a header
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The column with the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// The column with the emoji (--rules emoji)
    #[arg(long, value_name = "NAME", default_value = "emoji")]
    emoji_column: String,
    /// The column that tells authors apart; without it the result names none
    #[arg(long, value_name = "NAME")]
    author_column: Option<String>,
    /// A hashtag of those who are for it (--rules hashtags); may be given several times
    #[arg(long, value_name = "HASHTAG")]
    positive: Vec<String>,
    /// A hashtag of those who are against it (--rules hashtags); may be given several times
    #[arg(long, value_name = "HASHTAG")]
    negative: Vec<String>,
    /// The CSV file to write; it must not exist yet
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
        if self.data == self.output {
            bail!("{}: the table cannot be its own result; choose another --output", self.data.display());
        }
        Ok(Labelling {
            data: self.data,
            text_column: self.text_column,
            author_column: self.author_column,
            rules,
            output: self.output,
        })
    }
}

/// Runs `dataset`.
///
/// # Errors
/// A table that cannot be read or written, or in which nothing is labelled.
pub fn run(command: DatasetCommand, session: &Session) -> Result<()> {
    session.start_log(LogFormat::Auto);
    let DatasetCommand::Label(arguments) = command;
    let labelling = arguments.labelling()?;
    let counts = label::label(&labelling)?;
    session.output.object(
        || {
            format!(
                "{} rows: {} negative, {} neutral, {} positive; left out: {} ambiguous, {} unmarked, {} empty\n\
                 written to {}",
                counts.rows,
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
