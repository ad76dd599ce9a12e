//! `pregonero dataset collect`: searches, timelines and lists of accounts.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::collecting::{CollectingArguments, Wish};
use crate::cli::dates::When;
use crate::cli::session::Session;
use crate::collect::{Attributes, Filters, IdList, Request, What, WindowSize, read_accounts, screen_name};
use pregonero_x::{Excluded, Reach};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pregonero dataset collect --hashtag YoMeVacuno --hashtag YoNoMeVacuno --lang es --no-links --no-replies --no-retweets \\
      --full-archive --since 2021-03-01 --until 2021-05-31 --count-only --rights \"…\" --output vaccines
                                  how many posts there are and what they cost; costs cents
  the same without --count-only   says the price again, asks, and reads
  pregonero dataset collect --accounts politicians.csv --no-retweets --full-archive --since 2021-01-01 --output politicians \\
      --rights \"…\"                posts of accounts; the other columns of the table go to each post
  pregonero dataset collect --query '(vacuna OR vacunas) -farmacia lang:es' --max-cost 5 --yes --output week --rights \"…\"
                                  the last seven days, without a question, for five dollars at most

It needs the app's bearer token: TWITTER_BEARER_TOKEN, or `pregonero auth login --app`. Days are those of UTC; --until
includes its day. Nothing is read twice: after a stop, a kill or a used-up window, run the same command again. At the end
each window is compared with X's count; exit code 1 if posts are missing.")]
pub struct CollectArguments {
    /// A search in X's own language
    #[arg(long, value_name = "QUERY", help_heading = "What")]
    query: Option<String>,
    /// A hashtag; may be given several times, any of them counts
    #[arg(long, value_name = "HASHTAG", help_heading = "What")]
    hashtag: Vec<String>,
    /// An account; may be given several times, any of them counts
    #[arg(long, value_name = "ACCOUNT", help_heading = "What")]
    from: Vec<String>,
    /// A table of accounts with a column screen_name; its other columns are added to each post
    #[arg(long, value_name = "FILE", conflicts_with = "from", help_heading = "What")]
    accounts: Option<PathBuf>,
    /// Read the accounts' timelines, at most 3,200 posts each, instead of searching for their posts
    #[arg(long, conflicts_with_all = ["query", "hashtag", "lang", "no_links", "no_quotes", "full_archive"], help_heading = "What")]
    timelines: bool,
    /// Only posts in this language, such as es
    #[arg(long, value_name = "CODE", help_heading = "What")]
    lang: Option<String>,
    /// No posts with links
    #[arg(long, help_heading = "What")]
    no_links: bool,
    /// No replies
    #[arg(long, help_heading = "What")]
    no_replies: bool,
    /// No retweets
    #[arg(long, help_heading = "What")]
    no_retweets: bool,
    /// No quotes
    #[arg(long, help_heading = "What")]
    no_quotes: bool,
    /// The first day, or an instant such as 2021-03-01T09:00-05:00; without it, the last seven days
    #[arg(long, value_name = "WHEN", value_parser = when, help_heading = "When")]
    since: Option<When>,
    /// The last day, or an instant; without it, now
    #[arg(long, value_name = "WHEN", value_parser = when, help_heading = "When")]
    until: Option<When>,
    /// Search all posts since 2006 instead of the last seven days
    #[arg(long, requires = "since", help_heading = "When")]
    full_archive: bool,
    /// The pieces that are read and compared with X's counts one by one
    #[arg(long, value_enum, default_value_t = WindowChoice::Day, help_heading = "When")]
    windows: WindowChoice,
    /// Look up the names of all authors; X charges for each. Without it there are only their ids
    #[arg(long)]
    author_names: bool,
    /// Read at most so many posts, the oldest windows first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..))]
    max_posts: Option<u64>,
    /// Only count, say the price, and read nothing
    #[arg(long)]
    count_only: bool,
    /// Read the windows in which posts were missing once more
    #[arg(long, conflicts_with = "count_only")]
    again: bool,
    #[command(flatten)]
    collecting: CollectingArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WindowChoice {
    Hour,
    Day,
    /// The whole span at once
    Whole,
}

impl From<WindowChoice> for WindowSize {
    fn from(choice: WindowChoice) -> Self {
        match choice {
            WindowChoice::Hour => Self::Hour,
            WindowChoice::Day => Self::Day,
            WindowChoice::Whole => Self::Whole,
        }
    }
}

fn when(found: &str) -> Result<When, String> {
    found.parse().map_err(|_: String| {
        "expected a day such as 2021-03-01 (in UTC), or an instant such as 2021-03-01T09:00-05:00".to_owned()
    })
}

impl CollectArguments {
    /// Runs `dataset collect`.
    ///
    /// # Errors
    /// If the request cannot be made, nobody agrees to its price, X cannot be asked, or posts are missing at the end.
    pub async fn run(self, session: &Session) -> Result<()> {
        let attributes = self.accounts.as_deref().map(read_accounts).transpose()?.unwrap_or_default();
        let names = self.names(&attributes)?;
        let request = Request {
            what: if self.timelines { self.timelines_of(&names)? } else { self.search(&names)? },
            accounts: names,
            attributes: self.accounts.as_ref().map(|_| attributes.sha256.clone()),
            author_names: self.author_names,
        };
        let wish = Wish {
            shown: shown(&request),
            request,
            attributes,
            ids: IdList::default(),
            max_posts: self.max_posts,
            count_only: self.count_only,
            again: self.again,
        };
        self.collecting.collect(wish, session).await
    }

    /// Returns the accounts that are named, each once.
    fn names(&self, attributes: &Attributes) -> Result<Vec<String>> {
        let mut names: Vec<String> = attributes.names.clone();
        for name in &self.from {
            let name = screen_name(name)?;
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn timelines_of(&self, names: &[String]) -> Result<What> {
        ensure!(!names.is_empty(), "--timelines needs --from or --accounts");
        let (since, until) = self.span()?;
        let excluded = Excluded { reposts: self.no_retweets, replies: self.no_replies };
        Ok(What::Timelines { since, until, excluded })
    }

    fn search(&self, names: &[String]) -> Result<What> {
        let reach = if self.full_archive { Reach::All } else { Reach::Recent };
        let filters = Filters {
            raw: self.query.clone(),
            hashtags: self.hashtag.clone(),
            from: names.to_vec(),
            lang: self.lang.clone(),
            no_links: self.no_links,
            no_replies: self.no_replies,
            no_reposts: self.no_retweets,
            no_quotes: self.no_quotes,
        };
        let (since, until) = self.span()?;
        Ok(What::Search { queries: filters.queries(reach)?, reach, since, until, windows: self.windows.into() })
    }

    fn span(&self) -> Result<(Option<jiff::Timestamp>, Option<jiff::Timestamp>)> {
        let since = self.since.map(|when| when.start(&TimeZone::UTC)).transpose()?;
        let until = self.until.map(|when| when.end(&TimeZone::UTC)).transpose()?;
        Ok((since, until))
    }
}

/// Returns the request in words.
fn shown(request: &Request) -> Vec<String> {
    let span = |since: &Option<jiff::Timestamp>, until: &Option<jiff::Timestamp>| {
        let end = |at: &Option<jiff::Timestamp>, open: &str| at.map_or(open.to_owned(), |at| at.to_string());
        format!("from {} to {}", end(since, "the earliest that X shows"), end(until, "now"))
    };
    match &request.what {
        What::Search { queries, reach, since, until, .. } => {
            let place = if *reach == Reach::All { "full archive" } else { "last seven days" };
            let mut lines: Vec<String> = queries.iter().map(|query| format!("query: {query}")).collect();
            lines.push(format!("{place}, {}", span(since, until)));
            if !queries.iter().any(|query| query.contains("-is:retweet")) {
                lines.push(
                    "X may count retweets that it does not show in a search: without --no-retweets they can look missing".to_owned(),
                );
            }
            lines
        }
        What::Timelines { since, until, excluded } => {
            let mut lines = vec![format!("timelines of {} accounts, {}", request.accounts.len(), span(since, until))];
            if excluded.replies {
                lines.push("without replies X shows at most 800 posts of a timeline, with them 3,200".to_owned());
            }
            lines
        }
        What::Posts { ids, .. } => vec![format!("{ids} posts by their ids")],
    }
}
