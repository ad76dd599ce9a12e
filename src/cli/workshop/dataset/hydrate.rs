//! `pregonero dataset hydrate`: posts by their ids.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::collecting::{CollectingArguments, Wish};
use crate::cli::session::Session;
use crate::collect::{Attributes, Request, What, read_ids};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset hydrate ids.txt --output posts --rights \"…\"
  pregonero dataset hydrate ids.csv --max-cost 40 --yes --output posts --rights \"…\"

The file has one id on each line, or is a table with a column id or tweet_id. `pregonero dataset ids` writes such files. X
charges for each post that it still shows; the others are listed with X's reason in not-shown.csv in the folder. After a stop
or a kill, run the same command again: nothing is read twice. It needs TWITTER_BEARER_TOKEN.")]
pub struct HydrateArguments {
    /// The file with the ids
    #[arg(value_name = "IDS-FILE")]
    ids: PathBuf,
    /// Look up the names of all authors; X charges for each. Without it there are only their ids
    #[arg(long)]
    author_names: bool,
    #[command(flatten)]
    collecting: CollectingArguments,
}

impl HydrateArguments {
    /// Runs `dataset hydrate`.
    ///
    /// # Errors
    /// If the file has no ids, nobody agrees to the price, or X cannot be asked.
    pub async fn run(self, session: &Session) -> Result<()> {
        let ids = read_ids(&self.ids)?;
        let repeated =
            if ids.repeated > 0 { format!(" ({} repeated ones left out)", ids.repeated) } else { String::new() };
        let wish = Wish {
            shown: vec![format!("{}: {} ids{repeated}", self.ids.display(), ids.ids.len())],
            request: Request {
                what: What::Posts { sha256: ids.sha256.clone(), ids: ids.ids.len() },
                accounts: Vec::new(),
                attributes: None,
                author_names: self.author_names,
            },
            attributes: Attributes::default(),
            ids,
            max_posts: None,
            count_only: false,
            again: false,
        };
        self.collecting.collect(wish, session).await
    }
}
