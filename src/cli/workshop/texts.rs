//! The flags that name texts, the same for every command that reads texts.

use std::str::FromStr;

use anyhow::{Result, ensure};
use clap::Args;

use crate::cli::choice::{Choice, listed};
use pregonero_workshop::training::text::{Cleaning, TextSource};

/// Texts to train on.
#[derive(Debug, Args)]
pub struct DataArguments {
    /// Texts: FILE (one per line, or X's archive) or FILE:COLUMN (CSV, JSON, Parquet, a data set), with =WEIGHT for a share (0.1) or repeats (3)
    #[arg(long = "data", value_name = "FILE[:COLUMN][=WEIGHT]", required = true)]
    pub data: Vec<TextSource>,
    /// How texts are tidied first
    #[arg(long, value_parser = listed(&CLEANINGS), default_value = "tweets")]
    pub clean: Cleaning,
}

/// How texts are tidied.
pub const CLEANINGS: [Choice<Cleaning>; 2] = [
    ("tweets", Cleaning::Tweets, "Remove links, mentions and placeholders; drop texts of fewer than four words"),
    ("none", Cleaning::None, "Only normalise to NFC"),
];

/// An attribute and the column or field that holds its values: `NAME` or `NAME=COLUMN`.
#[derive(Debug, Clone)]
pub struct ControlColumn {
    pub name: String,
    pub column: String,
}

impl FromStr for ControlColumn {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, column) = text.split_once('=').unwrap_or((text, text));
        ensure!(!name.is_empty() && !column.is_empty(), "{text:?}: expected NAME or NAME=COLUMN");
        Ok(Self { name: name.to_owned(), column: column.to_owned() })
    }
}
