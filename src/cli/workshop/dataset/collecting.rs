//! What `dataset collect` and `dataset hydrate` share: the price and the question before anything is read, the waits, the
//! report.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use url::Url;

use crate::cli::exit::WrongUsage;
use crate::cli::output::{Output, can_ask, counted, dollars, visible};
use crate::cli::session::Session;
use crate::cli::workshop::progress::bar;
use crate::cli::workshop::stop::Stop;
use crate::collect::{
    About, AskError, Attributes, CollectSettings, Collection, Estimate, IdList, Limits, Notice, Progress, Report,
    Request, Surroundings,
};
use crate::config::ConfigError;
use pregonero_data::folder::{Format, check_words};
use pregonero_settings::micros;
use pregonero_system::clock::{SystemClock, shown};
use pregonero_text::characters;
use pregonero_x::secrets::{self, AppToken, BEARER_NAME};
use pregonero_x::{PublicClient, Timeouts};

/// A price below which counts and names are asked for without a question, in millionths of a dollar.
const SMALL_CHANGE: i64 = 500_000;

/// How many windows that lack posts are listed one by one.
const MOST_LISTED: usize = 20;

/// What a person has to know of X's rules before anything is read. X's own words are on the pages named.
const RULES: &str = "\
X has rules for this data, and they hold for you, not for this program:
  what it may be used for, models included   https://docs.x.com/developer-terms/agreement, section III.A
                                             https://docs.x.com/developer-guidelines
  giving it to others: as post ids           https://docs.x.com/developer-terms/policy, \"Content redistribution\"
  what is deleted on X must be deleted here too, within 24 hours of a request (`dataset purge`)";

/// Where the result is written, on what ground it is collected, and what it may cost.
#[derive(Debug, Clone, Args)]
pub struct CollectingArguments {
    /// The folder to write; it must not exist yet. Next to it, FOLDER.journal keeps what was read until it is complete
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// On what ground you may collect and use this data, in your words; it goes into the manifest
    #[arg(long, value_name = "TEXT")]
    rights: String,
    /// The data set's name; without it, the folder's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The format of the data files
    #[arg(long, value_enum, default_value_t = FormatChoice::Jsonl)]
    format: FormatChoice,
    /// Read nothing if everything together costs more than so many dollars
    #[arg(long, value_name = "USD", value_parser = usd)]
    max_cost: Option<i64>,
    /// Agree to the price without being asked, for scripts
    #[arg(long)]
    yes: bool,
}

/// The formats of data files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatChoice {
    /// One JSON object on each line
    Jsonl,
    /// For pandas, DuckDB, Spark
    Parquet,
}

/// What is asked for, and what belongs to it.
#[derive(Debug)]
pub struct Wish {
    pub request: Request,
    pub attributes: Attributes,
    pub ids: IdList,
    pub max_posts: Option<u64>,
    /// Only count and say the price.
    pub count_only: bool,
    /// Read the windows that lack posts once more.
    pub again: bool,
    /// What is asked for, in words, a line each.
    pub shown: Vec<String>,
}

/// Reads a price in dollars as millionths.
fn usd(found: &str) -> Result<i64, String> {
    let amount = found.trim_start_matches('$').parse::<f64>().ok().filter(|usd| (0.0..=1e9).contains(usd));
    amount.map(micros).ok_or_else(|| "expected dollars, such as 40 or 12.50".to_owned())
}

impl CollectingArguments {
    /// Collects what is wished for and prints the report.
    ///
    /// # Errors
    /// If the token or the journal cannot be used, nobody agrees, X cannot be asked, or posts are missing at the end.
    pub async fn collect(self, wish: Wish, session: &Session) -> Result<()> {
        check_words([("--rights", self.rights.as_str()), ("--name", self.name.as_deref().unwrap_or_default())])?;
        let connection = Connection::open(session)?;
        let client = PublicClient::new(
            &connection.base_url,
            connection.token.token.clone(),
            Arc::new(SystemClock),
            Timeouts::default(),
        )?;
        let stop = Stop::on_signal()?;
        let bar = Bar::new(session.output);
        let (notify, progress) = (|notice| bar.notice(notice), |progress| bar.progress(progress));
        let with = Surroundings {
            client: &client,
            clock: &SystemClock,
            settings: connection.settings,
            stop: &stop,
            notify: &notify,
            progress: &progress,
        };
        let Wish { request, attributes, ids, max_posts, count_only, again, shown } = wish;
        let mut collection = Collection::open(&self.output, &request, attributes, ids, with)?;
        let limits = Limits { posts: max_posts, micros: self.max_cost };
        let desk = Desk { arguments: &self, output: session.output, settings: connection.settings, limits };
        let work = async {
            if again {
                desk.again(&mut collection)?;
            } else if !desk.agree(&mut collection, count_only, &shown).await? {
                return Ok(None);
            }
            // From here on a request that is on its way is waited for, because it is paid.
            stop.heed();
            let all = collection.read(limits).await;
            bar.clear();
            Ok(Some(!all?))
        };
        let limited = work.await.map_err(|error: anyhow::Error| how_to_go_on(error, session))?;
        let Some(limited) = limited else { return Ok(()) };
        let report = collection.finish(&self.about(session), self.format.into(), limited)?;
        print(&report, session.output)?;
        judge(&report)
    }

    fn about(&self, session: &Session) -> About {
        let folder = self.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        About {
            name: self.name.clone().unwrap_or(folder),
            rights: self.rights.clone(),
            command: session.command_line.clone(),
        }
    }
}

impl From<FormatChoice> for Format {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::Jsonl => Self::JsonLines,
            FormatChoice::Parquet => Self::Parquet,
        }
    }
}

/// How X is reached: by the configuration, or without one by X's own address and prices.
struct Connection {
    base_url: Url,
    settings: CollectSettings,
    token: AppToken,
}

impl Connection {
    fn open(session: &Session) -> Result<Self> {
        let (base_url, settings, tokens) = match session.load_quietly(Vec::new()) {
            Ok(loaded) => {
                let settings = loaded.settings;
                (settings.publish.base_url, settings.collect, Some(settings.publish.tokens))
            }
            Err(error) if matches!(error.downcast_ref(), Some(ConfigError::NotFound { .. })) => {
                (Url::parse("https://api.x.com")?, CollectSettings::default(), None)
            }
            Err(error) => return Err(error),
        };
        let token = secrets::app_token(&session.environment, tokens.as_deref())?.with_context(|| {
            format!(
                "no bearer token of the app: set {BEARER_NAME} (or {BEARER_NAME}_FILE) to the one from console.x.com, or get \
                 it with `pregonero auth login --app`"
            )
        })?;
        if let Some(warning) = &token.warning {
            session.output.note(&format!("warning: {warning}"));
        }
        Ok(Self { base_url, settings, token })
    }
}

/// Says what something costs, and asks.
struct Desk<'a> {
    arguments: &'a CollectingArguments,
    output: Output,
    settings: CollectSettings,
    limits: Limits,
}

impl Desk<'_> {
    /// Has everything counted, says the price and asks; returns whether to go on.
    async fn agree(&self, collection: &mut Collection<'_>, count_only: bool, shown: &[String]) -> Result<bool> {
        if collection.finished().is_some() && !collection.has_more() {
            self.output
                .note("everything was read by an earlier run; --again reads the windows that lack posts once more");
            return Ok(true);
        }
        shown.iter().for_each(|line| self.say(line));
        self.counts(collection).await?;
        let estimate = collection.estimate();
        let plan = self.plan(&estimate);
        if count_only {
            self.output.object(|| plan.clone(), || serde_json::to_value(estimate).unwrap_or_default())?;
            return Ok(false);
        }
        self.say(&plan);
        let advice = ": raise it, choose a shorter span, or read only the first posts with --max-posts N";
        self.check_cost(self.price(&estimate).saturating_add(estimate.paid), advice)?;
        if collection.agreed().is_some_and(|posts| posts >= self.posts(&estimate)) {
            self.output.note("going on where it was stopped; the price was agreed to before");
            return Ok(true);
        }
        self.check_month(collection, &estimate).await?;
        if estimate.posts == 0 && estimate.accounts_micros == 0 {
            return Ok(true);
        }
        self.say(RULES);
        self.say(&format!("The manifest will say: rights = {:?}", self.arguments.rights));
        self.ask(&format!("Read {} for {}?", self.amount(&estimate), dollars(self.price(&estimate))))?;
        collection.agree(self.posts(&estimate), self.price(&estimate))?;
        Ok(true)
    }

    /// Counts, after saying what that alone costs.
    async fn counts(&self, collection: &mut Collection<'_>) -> Result<()> {
        let price = collection.price_of_counting();
        if price > 0 {
            self.say(&format!("Finding out how much there is costs {} at most", dollars(price)));
        }
        if let Some(most) = self.limits.micros {
            ensure!(price <= most, "that alone is more than --max-cost {}", dollars(most));
        }
        if price > SMALL_CHANGE {
            self.ask("Ask X?")?;
        }
        collection.count().await
    }

    /// Says what there is and what it costs.
    fn plan(&self, estimate: &Estimate) -> String {
        let Estimate { posts, at_most, posts_read, posts_micros, accounts, accounts_micros, paid } = *estimate;
        let what = if at_most { "At most" } else { "X counts" };
        let price = |number: u64, each: i64| format!("{} x {}", grouped(number), dollars(each));
        let rest = posts.saturating_sub(posts_read);
        let left =
            if posts_read > 0 { format!("; the {} that are not read yet", grouped(rest)) } else { String::new() };
        let each = price(rest, self.settings.prices.post);
        let mut lines = vec![format!("{what} {}{left}: {} ({each})", posts_in_words(posts), dollars(posts_micros))];
        if accounts > 0 {
            let each = price(accounts, self.settings.prices.account);
            lines.push(format!(
                "and {} looked up: {} ({each})",
                counted(accounts, "account", "accounts"),
                dollars(accounts_micros)
            ));
        }
        if paid > 0 {
            lines.push(format!("paid so far: {}, {} read", dollars(paid), posts_in_words(posts_read)));
        }
        lines.join("\n")
    }

    /// Refuses what costs more in all than the person allows; `advice` ends the error.
    fn check_cost(&self, total: i64, advice: &str) -> Result<()> {
        if let Some(most) = self.limits.micros {
            let (total, is_allowed) = (dollars(total), total <= most);
            ensure!(is_allowed, "everything together costs {total}, more than --max-cost {}{advice}", dollars(most));
        }
        Ok(())
    }

    /// Refuses what is more than X allows in a month.
    async fn check_month(&self, collection: &Collection<'_>, estimate: &Estimate) -> Result<()> {
        let usage = collection.usage().await;
        let (read, cap) = usage.map_or((0, self.settings.posts_per_month), |usage| {
            (usage.read, usage.cap.min(self.settings.posts_per_month))
        });
        if usage.is_some() {
            self.say(&format!("The app has read {} of {} posts of this month", grouped(read), grouped(cap)));
        }
        let (left, wanted) = (cap.saturating_sub(read), self.posts(estimate).saturating_sub(estimate.posts_read));
        ensure!(
            wanted <= left,
            "X lets this app read {} more posts in this month, and this is {}: read a part with --max-posts N and go on next \
             month with the same command without it",
            grouped(left),
            grouped(wanted)
        );
        Ok(())
    }

    fn posts(&self, estimate: &Estimate) -> u64 {
        self.limits.posts.map_or(estimate.posts, |most| most.min(estimate.posts))
    }

    fn amount(&self, estimate: &Estimate) -> String {
        let posts = posts_in_words(self.posts(estimate).saturating_sub(estimate.posts_read));
        if estimate.at_most { format!("at most {posts}") } else { posts }
    }

    /// Returns what the rest costs within the limits.
    fn price(&self, estimate: &Estimate) -> i64 {
        let posts = self.posts(estimate).saturating_sub(estimate.posts_read);
        self.settings.prices.of_posts(posts).saturating_add(estimate.accounts_micros)
    }

    /// Has the windows that lack posts read once more.
    fn again(&self, collection: &mut Collection<'_>) -> Result<()> {
        ensure!(
            collection.finished().is_some(),
            "--again is for a collection that was read to its end and lacks posts"
        );
        let (tasks, posts) = collection.lacking()?;
        ensure!(!tasks.is_empty(), "no window lacks posts: there is nothing to read again");
        let price = self.settings.prices.of_posts(posts);
        let windows = counted(tasks.len(), "window lacks", "windows lack");
        self.say(&format!("{windows} posts; X counted {} in them: {}", posts_in_words(posts), dollars(price)));
        self.check_cost(price.saturating_add(collection.estimate().paid), "")?;
        self.ask(&format!("Read them again for {}?", dollars(price)))?;
        collection.read_again(tasks)
    }

    /// Asks a person, unless `--yes` has answered.
    fn ask(&self, question: &str) -> Result<()> {
        if self.arguments.yes {
            return Ok(());
        }
        if !can_ask() {
            bail!(WrongUsage("this costs money and there is no terminal to ask on: add --yes to agree to the price"));
        }
        let mut stderr = anstream::stderr();
        write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush())?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let agrees = ["y", "yes", "s", "si", "sí"].contains(&line.trim().to_lowercase().as_str());
        ensure!(agrees, "nothing was read; the counts are kept for the next run");
        Ok(())
    }

    /// Says something that a person who is asked has to know.
    fn say(&self, line: &str) {
        if self.arguments.yes { self.output.note(line) } else { Output::complain(line) }
    }
}

/// What happens while X is asked: a bar on a terminal, a line for each wait everywhere.
struct Bar {
    bar: ProgressBar,
    output: Output,
}

impl Bar {
    fn new(output: Output) -> Self {
        Self { bar: bar(output), output }
    }

    fn progress(&self, progress: Progress) {
        self.bar.set_length(progress.tasks as u64);
        self.bar.set_position(progress.task as u64);
        self.bar.set_message(format!("{}  {}", posts_in_words(progress.posts), dollars(progress.paid)));
    }

    fn notice(&self, notice: Notice) {
        let line = match notice {
            Notice::Waiting { window, until } => format!("{window} is used up: waiting until {}", shown(until)),
            Notice::Retrying { reason, seconds } => format!("{reason}; trying again in {seconds} s"),
        };
        self.bar.suspend(|| self.output.note(&line));
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Prints the command that goes on, after an error that leaves this possible.
fn how_to_go_on(error: anyhow::Error, session: &Session) -> anyhow::Error {
    if error.is::<AskError>() {
        Output::complain(&format!("to go on, run the same command: {}", session.command_line));
    }
    error
}

fn print(report: &Report, output: Output) -> Result<()> {
    output.object(|| in_words(report), || serde_json::to_value(report).unwrap_or_default())
}

fn in_words(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: {}; {} read, {} repeated; {}",
        report.output.display(),
        posts_in_words(report.rows),
        grouped(report.posts_read),
        grouped(report.repeated),
        format_args!("${:.2} paid", report.usd)
    )];
    lines.extend(
        report
            .not_shown
            .iter()
            .map(|(kind, number)| format!("  not shown by X: {} ({})", grouped(*number), visible(kind))),
    );
    lines.extend(
        report
            .unknown_accounts
            .iter()
            .map(|(name, kind)| format!("  no such account for X: @{name} ({})", visible(kind))),
    );
    lines.extend(report.cut_timelines.iter().map(|name| {
        format!("  @{name}: X shows only the latest posts of a timeline; without --timelines a search finds the others")
    }));
    for window in report.missing.iter().take(MOST_LISTED) {
        let (counted, found) = (grouped(window.counted), grouped(window.found));
        lines.push(format!("  {} to {}: {found} of {counted} posts  {}", window.from, window.to, window.query));
    }
    if report.missing.len() > MOST_LISTED {
        lines.push(format!("  and {} more windows, see the manifest", report.missing.len() - MOST_LISTED));
    }
    lines.push(format!("digest {}", report.digest));
    lines.join("\n")
}

/// Fails if something is missing.
fn judge(report: &Report) -> Result<()> {
    let output = report.output.display();
    if report.limited {
        bail!(
            "{output}: --max-posts or --max-cost ended it before everything was read; the folder is marked incomplete; the \
             same command with a higher limit goes on"
        );
    }
    if !report.missing.is_empty() {
        let posts: u64 = report.missing.iter().map(|window| window.counted - window.found).sum();
        bail!(
            "{output}: {} missing in {}; the folder is marked incomplete. Posts can be deleted after they are counted, or be \
             found late: the same command with --again reads these windows once more",
            counted(posts, "post is", "posts are"),
            counted(report.missing.len(), "window", "windows")
        );
    }
    ensure!(
        report.complete,
        "{output}: X does not show the timelines back to --since; the folder is marked incomplete"
    );
    Ok(())
}

fn posts_in_words(number: u64) -> String {
    format!("{} {}", grouped(number), if number == 1 { "post" } else { "posts" })
}

/// Formats a number with commas between thousands.
fn grouped(number: u64) -> String {
    characters::grouped(number, ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dollars_are_written_and_read_as_people_do() {
        let shown = [0, 7, 999, 1000, 7664, 1_173_079].map(grouped);
        assert_eq!(shown, ["0", "7", "999", "1,000", "7,664", "1,173,079"]);
        assert_eq!(usd("12.50"), Ok(12_500_000));
        assert_eq!(usd("$40"), Ok(40_000_000));
        for wrong in ["-1", "many", "NaN", "inf"] {
            assert!(usd(wrong).unwrap_err().contains("expected dollars"), "{wrong}");
        }
    }
}
