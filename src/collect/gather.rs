//! Counts, reads and looks up, one request after the other; each answer goes into the journal before the next request.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail, ensure};
use jiff::Timestamp;

use super::accounts::Attributes;
use super::asker::{AskError, Asker, Notice};
use super::found::{self, FoundPosts};
use super::ids::IdList;
use super::journal::{Entry, FORMAT, Journal, Missing};
use super::request::{BATCH, Begin, Request, Task, What, difference};
use super::settings::CollectSettings;
use super::state::State;
use pregonero_system::clock::Clock;
use pregonero_system::files::{Existing, refuse_existing_folder};
use pregonero_x::{Accounts, Excluded, Fault, Granularity, Place, PublicClient, Reach, RefusalKind, Usage, Window};

/// X counts the full archive in answers of so many days.
const DAYS_A_COUNT: i64 = 30;

/// The fewest posts that a page of a search, or of a timeline, can be asked for.
const SMALLEST_SEARCH_PAGE: usize = 10;
const SMALLEST_TIMELINE_PAGE: usize = 5;
const LARGEST_TIMELINE_PAGE: usize = 100;

/// How many posts of a timeline X shows, in all and without replies.
const TIMELINE_CAP: u64 = 3200;
const TIMELINE_CAP_WITHOUT_REPLIES: u64 = 800;

/// The reason where X says nothing about what was asked for.
pub(super) const NOT_IN_THE_ANSWER: &str = "not in the answer";

/// What a collection works with.
pub struct Surroundings<'a> {
    pub client: &'a PublicClient,
    pub clock: &'a dyn Clock,
    pub settings: CollectSettings,
    /// Set when a person asks to stop.
    pub stop: &'a AtomicBool,
    pub notify: &'a (dyn Fn(Notice) + Sync),
    /// Is called after each page.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How far a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub tasks: usize,
    /// The index of the task that is read.
    pub task: usize,
    pub posts: u64,
    pub paid: i64,
}

/// How much may be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub posts: Option<u64>,
    /// In millionths of a dollar, for everything together.
    pub micros: Option<i64>,
}

/// What the rest of a collection will give and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Estimate {
    /// How many posts there are in all, those that are read included.
    pub posts: u64,
    /// Whether there may be fewer: X has counted nothing.
    pub at_most: bool,
    /// How many of them are read.
    pub posts_read: u64,
    /// What the rest of the posts costs, in millionths of a dollar.
    pub posts_micros: i64,
    /// How many accounts are still looked up, at most.
    pub accounts: u64,
    pub accounts_micros: i64,
    /// What has been paid.
    pub paid: i64,
}

/// A collection at work.
pub struct Collection<'a> {
    pub(super) output: PathBuf,
    pub(super) journal: Journal,
    pub(super) state: State,
    pub(super) tasks: Vec<Task>,
    pub(super) attributes: Attributes,
    pub(super) ids: IdList,
    with: Surroundings<'a>,
}

impl std::fmt::Debug for Collection<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection").field("output", &self.output).finish_non_exhaustive()
    }
}

impl<'a> Collection<'a> {
    /// Begins a collection, or opens the one that was stopped.
    ///
    /// # Errors
    /// If the folder exists and is not this collection's, another request was begun there, or the journal cannot be used.
    pub fn open(
        output: &Path,
        request: &Request,
        attributes: Attributes,
        ids: IdList,
        with: Surroundings<'a>,
    ) -> Result<Self> {
        refuse_existing_folder(output, if output.exists() { Existing::Replace } else { Existing::Refuse })?;
        let path = Journal::path_for(output);
        let mut begun: Option<State> = None;
        let journal = if path.exists() {
            Journal::open(&path, |spot, entry| {
                match (&mut begun, entry) {
                    (None, Entry::Begin(begin)) => {
                        ensure!(begin.format == FORMAT, "{}: written by another version of pregonero", path.display());
                        begun = Some(State::new(begin));
                    }
                    (Some(state), entry) => state.apply(spot, &entry)?,
                    (None, _) => bail!("{}: does not begin with a request", path.display()),
                }
                Ok(())
            })?
        } else {
            ensure!(!output.exists(), "{}: exists already; choose another name", output.display());
            let begin = begin(request.clone(), with.clock.now())?;
            begun = Some(State::new(begin.clone()));
            Journal::create(&path, &begin)?
        };
        let Some(state) = begun else { bail!("{}: is empty; delete it", path.display()) };
        if let Some(difference) = difference(&state.begin.request, request) {
            bail!(
                "{}: a collection with another request was begun here ({difference}); give the same request to go on, \
                 another --output to begin anew, or delete the file to give up what it holds",
                path.display()
            );
        }
        let ours = found::identity(&state.begin)?;
        let is_foreign = output.exists() && found::identity_of_folder(output).as_ref() != Some(&ours);
        ensure!(!is_foreign, "{}: exists already and is not this collection; choose another name", output.display());
        let tasks = state.begin.tasks();
        Ok(Self { output: output.to_owned(), journal, state, tasks, attributes, ids, with })
    }

    /// Returns for how many posts a person agreed to the price in an earlier run.
    #[must_use]
    pub fn agreed(&self) -> Option<u64> {
        self.state.agreed
    }

    /// Returns whether the folder is at its place already, and complete; `None` if it is not.
    #[must_use]
    pub fn finished(&self) -> Option<bool> {
        self.state.finished
    }

    /// Returns whether there is something that was never read.
    #[must_use]
    pub fn has_more(&self) -> bool {
        (0..self.tasks.len()).any(|task| !self.is_done(task))
    }

    /// Returns the ends of the span that is collected.
    #[must_use]
    pub fn span(&self) -> (Option<Timestamp>, Timestamp) {
        (self.state.begin.since, self.state.begin.until)
    }

    /// Returns the price of finding out how much there is to read, in millionths of a dollar; it is known before X is asked.
    #[must_use]
    pub fn price_of_counting(&self) -> i64 {
        let prices = self.with.settings.prices;
        match &self.state.begin.request.what {
            What::Search { reach, .. } => {
                let open = self.state.counts.iter().filter(|counts| !counts.done).count();
                let (requests, price) = match reach {
                    Reach::Recent => (1, prices.count),
                    Reach::All => (self.count_requests(), prices.archive_count),
                };
                price.saturating_mul(requests).saturating_mul(i64::try_from(open).unwrap_or(i64::MAX))
            }
            What::Timelines { .. } => prices.of_accounts(self.accounts_to_look_up()),
            What::Posts { .. } => 0,
        }
    }

    /// Returns how many requests count one query of the full archive, at most.
    fn count_requests(&self) -> i64 {
        let (since, until) = self.span();
        let hours = since.map_or(0, |since| until.duration_since(since).as_hours());
        hours / (24 * DAYS_A_COUNT) + 1
    }

    fn accounts_to_look_up(&self) -> u64 {
        let batches = self.state.account_batches * BATCH;
        self.state.begin.request.accounts.len().saturating_sub(batches) as u64
    }

    /// Asks X how much there is to read: counts a search, looks the accounts of timelines up.
    ///
    /// # Errors
    /// If X cannot be asked, or the journal cannot be written.
    pub async fn count(&mut self) -> Result<()> {
        match self.state.begin.request.what.clone() {
            What::Search { queries, reach, windows, .. } => {
                let mut asker = self.asker();
                for (query, text) in queries.iter().enumerate() {
                    self.count_query(&mut asker, query, text, reach, windows.granularity()).await?;
                }
                Ok(())
            }
            What::Timelines { .. } => self.look_up_accounts().await,
            What::Posts { .. } => Ok(()),
        }
    }

    async fn count_query(
        &mut self,
        asker: &mut Asker<'a>,
        query: usize,
        text: &str,
        reach: Reach,
        by: Granularity,
    ) -> Result<()> {
        let (since, until) = self.span();
        let window = Window { from: since.unwrap_or(until), to: until };
        let prices = self.with.settings.prices;
        let micros = if reach == Reach::Recent { prices.count } else { prices.archive_count };
        while !self.state.counts[query].done {
            let next = self.state.counts[query].next.clone();
            let client = self.with.client;
            let mut answer = asker.ask(|| client.count(reach, text, window, by, next.as_deref())).await;
            if next.is_some() && matches!(answer, Err(AskError::Refused { kind: RefusalKind::Invalid, .. })) {
                // The token has expired. The pieces that are counted again are the same.
                answer = asker.ask(|| client.count(reach, text, window, by, None)).await;
            }
            let counts = answer?;
            self.keep(&Entry::Counted { query, buckets: counts.buckets, next: counts.next, micros })?;
        }
        Ok(())
    }

    /// Looks up the accounts that the request names.
    async fn look_up_accounts(&mut self) -> Result<()> {
        let mut asker = self.asker();
        for batch in self.state.account_batches..self.state.account_batches_in_all() {
            let names = &self.state.begin.request.accounts;
            let names = names[batch * BATCH..names.len().min((batch + 1) * BATCH)].to_vec();
            let client = self.with.client;
            let found = asker.ask(|| client.accounts_by_name(&names)).await?;
            let micros = self.with.settings.prices.of_accounts(found.accounts.len() as u64);
            let faults = without_answer(&names, &found);
            self.keep(&Entry::Accounts { batch, accounts: found.accounts, faults, micros })?;
        }
        Ok(())
    }

    /// Returns what the rest will give and cost; call [`Self::count`] before.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let (posts, at_most) = match &self.state.begin.request.what {
            What::Search { .. } => (self.state.counted_in_all(), false),
            What::Timelines { excluded, .. } => (self.posts_on_timelines(*excluded), true),
            What::Posts { ids, .. } => (*ids as u64, true),
        };
        let prices = self.with.settings.prices;
        let rest = posts.saturating_sub(self.state.posts_read);
        let authors = if self.state.begin.request.author_names { posts } else { 0 };
        let known = self.state.authors.len() + self.state.missing_authors.len();
        let accounts = self.accounts_to_look_up() + authors.saturating_sub(known as u64);
        Estimate {
            posts,
            at_most,
            posts_read: self.state.posts_read,
            posts_micros: prices.of_posts(rest),
            accounts,
            accounts_micros: prices.of_accounts(accounts),
            paid: self.state.paid,
        }
    }

    fn posts_on_timelines(&self, excluded: Excluded) -> u64 {
        let cap = timeline_cap(excluded);
        self.state.accounts.values().map(|account| account.posts.unwrap_or(cap).min(cap)).sum()
    }

    /// Asks X how many posts the app has read in this month. `None` if X does not say, which stops nothing.
    pub async fn usage(&self) -> Option<Usage> {
        self.with.client.usage().await.ok().map(|answer| answer.value)
    }

    /// Records that a person agreed to read this many posts in all, and to a price for what is left of them.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn agree(&mut self, posts: u64, micros: i64) -> Result<()> {
        self.keep(&Entry::Agreed { posts, micros })
    }

    /// Reads everything that is not read yet, as far as the limits allow; returns whether all of it was.
    ///
    /// # Errors
    /// If X cannot be asked, or the journal cannot be written. What was read is kept.
    pub async fn read(&mut self, limits: Limits) -> Result<bool> {
        self.look_up_accounts().await?;
        let mut asker = self.asker();
        for task in 0..self.tasks.len() {
            if !self.read_task(&mut asker, task, limits).await? {
                return Ok(false);
            }
        }
        self.look_up_authors(limits).await
    }

    /// Returns whether nothing of a task is left to read: X counted nothing in it, or showed its last page.
    fn is_done(&self, index: usize) -> bool {
        let (task, state) = (&self.tasks[index], &self.state.tasks[index]);
        let is_unknown = match task {
            Task::Timeline { account } => {
                self.state.account_named(&self.state.begin.request.accounts[*account]).is_none()
            }
            Task::Search { .. } => state.pages.is_empty() && self.state.counted(task) == Some(0),
            Task::Posts { .. } => false,
        };
        state.done || is_unknown
    }

    /// Reads the pages of a task; returns whether the limits allowed all of it.
    async fn read_task(&mut self, asker: &mut Asker<'a>, index: usize, limits: Limits) -> Result<bool> {
        while !self.is_done(index) {
            let Some(rows) = self.allowed(&self.tasks[index], limits) else { return Ok(false) };
            let place = self.state.tasks[index].place();
            let mut answer = self.page(asker, index, &place, rows).await;
            let is_refused = matches!(answer, Err(AskError::Refused { kind: RefusalKind::Invalid, .. }));
            if is_refused && matches!(place, Place::Token(_)) {
                // The token has expired. Below the last post nothing is read twice.
                let place = self.state.tasks[index].place_without_token();
                answer = self.page(asker, index, &place, rows).await;
            }
            let page = answer?;
            let micros = self.with.settings.prices.of_posts(page.posts.len() as u64);
            self.keep(&Entry::Page {
                task: index,
                pass: self.state.tasks[index].pass,
                next: page.next,
                posts: page.posts,
                faults: page.faults.into_iter().map(Missing::from).collect(),
                micros,
            })?;
            (self.with.progress)(self.progress(index));
        }
        Ok(true)
    }

    async fn page(
        &self,
        asker: &mut Asker<'a>,
        index: usize,
        place: &Place,
        rows: usize,
    ) -> Result<pregonero_x::Page, AskError> {
        let client = self.with.client;
        match (&self.tasks[index], &self.state.begin.request.what) {
            (Task::Search { query, window }, What::Search { queries, reach, .. }) => {
                asker.ask(|| client.search(*reach, &queries[*query], *window, place, rows)).await
            }
            (Task::Timeline { account }, What::Timelines { since, until, excluded }) => {
                let account = self.state.account_named(&self.state.begin.request.accounts[*account]);
                let id = account.map(|account| account.id.as_str()).unwrap_or_default();
                asker.ask(|| client.account_posts(id, (*since, *until), *excluded, place, rows)).await
            }
            (Task::Posts { from, to }, _) => {
                let ids: Vec<String> = self.ids.ids[*from..*to].iter().map(u64::to_string).collect();
                asker.ask(|| client.posts(&ids)).await
            }
            _ => unreachable!("the tasks are made of the request"),
        }
    }

    /// Returns how many posts the next page may have; `None` if not even the smallest page is allowed.
    fn allowed(&self, task: &Task, limits: Limits) -> Option<usize> {
        let (smallest, largest) = match (task, &self.state.begin.request.what) {
            (Task::Search { .. }, What::Search { reach, .. }) => (SMALLEST_SEARCH_PAGE, reach.largest_page()),
            (Task::Posts { from, to }, _) => (to - from, to - from),
            _ => (SMALLEST_TIMELINE_PAGE, LARGEST_TIMELINE_PAGE),
        };
        let by_posts = limits.posts.map(|posts| posts.saturating_sub(self.state.posts_read));
        let price = self.with.settings.prices.post.max(1);
        let by_micros = limits.micros.map(|micros| u64::try_from((micros - self.state.paid) / price).unwrap_or(0));
        let allowed = by_posts
            .into_iter()
            .chain(by_micros)
            .min()
            .map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX));
        (allowed >= smallest).then(|| allowed.min(largest))
    }

    /// Looks up the names of all authors, if the request asks for them; returns whether the limits allowed all of it.
    async fn look_up_authors(&mut self, limits: Limits) -> Result<bool> {
        if !self.state.begin.request.author_names {
            return Ok(true);
        }
        let unknown = found::unknown_authors(&self.journal, &self.state)?;
        let prices = self.with.settings.prices;
        let mut asker = self.asker();
        for ids in unknown.chunks(BATCH) {
            let cost = prices.of_accounts(ids.len() as u64);
            if limits.micros.is_some_and(|micros| self.state.paid + cost > micros) {
                return Ok(false);
            }
            let client = self.with.client;
            let found = asker.ask(|| client.accounts_by_id(ids)).await?;
            let micros = prices.of_accounts(found.accounts.len() as u64);
            // Also those about which X says nothing: nobody asks for them again.
            let is_found = |id: &&String| found.accounts.iter().any(|account| account.id == **id);
            let faults = ids.iter().filter(|id| !is_found(id)).map(|id| absent(id, &found.faults)).collect();
            self.keep(&Entry::Authors { accounts: found.accounts, faults, micros })?;
        }
        Ok(true)
    }

    /// Returns the tasks in which posts are missing, and how many posts X counted in them.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn lacking(&self) -> Result<(Vec<usize>, u64)> {
        let mut lacking = Vec::new();
        let mut posts = 0;
        for (index, task) in self.tasks.iter().enumerate() {
            let Some(counted) = self.state.counted(task) else { continue };
            if self.found_in(index)?.len() < counted {
                lacking.push(index);
                posts += counted;
            }
        }
        Ok((lacking, posts))
    }

    /// Records that these tasks are read once more.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn read_again(&mut self, tasks: Vec<usize>) -> Result<()> {
        self.keep(&Entry::Again { pass: self.state.passes + 1, tasks })
    }

    /// Returns the posts of a task.
    pub(super) fn found_in(&self, index: usize) -> Result<FoundPosts> {
        found::found_in(&self.journal, &self.state, &self.ids, index, &self.tasks[index])
    }

    /// Writes an entry and takes it in.
    pub(super) fn keep(&mut self, entry: &Entry) -> Result<()> {
        let spot = self.journal.append(entry)?;
        self.state.apply(spot, entry)
    }

    /// Returns an asker for one kind of request. It keeps the pause between them, so tasks that follow each other share it.
    fn asker(&self) -> Asker<'a> {
        Asker::new(self.with.clock, self.with.settings.pause, self.with.stop, self.with.notify)
    }

    /// Returns how far it is while it reads a task.
    fn progress(&self, task: usize) -> Progress {
        Progress { tasks: self.tasks.len(), task, posts: self.state.posts_read, paid: self.state.paid }
    }

    /// Returns the current time.
    pub(super) fn now(&self) -> Timestamp {
        self.with.clock.now()
    }
}

/// Returns the names that are not in the answer, with X's reason if it gave one.
fn without_answer(names: &[String], found: &Accounts) -> Vec<Missing> {
    let is_found = |name: &&String| found.accounts.iter().any(|account| account.username.eq_ignore_ascii_case(name));
    let missing = names.iter().filter(|name| !is_found(name));
    missing.map(|name| absent(name, &found.faults)).collect()
}

/// Returns what X says about something that is not in its answer.
fn absent(name: &str, faults: &[Fault]) -> Missing {
    let is_about = |fault: &&Fault| fault.about.as_deref().is_some_and(|about| about.eq_ignore_ascii_case(name));
    let kind = faults.iter().find(is_about).map_or(NOT_IN_THE_ANSWER, |fault| &fault.kind);
    Missing { about: Some(name.to_owned()), kind: kind.to_owned() }
}

/// Returns how many posts of a timeline X shows.
pub(super) fn timeline_cap(excluded: Excluded) -> u64 {
    if excluded.replies { TIMELINE_CAP_WITHOUT_REPLIES } else { TIMELINE_CAP }
}

/// Fixes the ends of the request's span.
fn begin(request: Request, now: Timestamp) -> Result<Begin> {
    // X takes no end within the last ten seconds, and new posts need a moment to be found.
    let latest = Timestamp::from_second(now.as_second() - 60)?;
    let (since, until) = match &request.what {
        What::Search { since, until, reach, .. } => {
            let week_ago = Timestamp::from_second(now.as_second() - 7 * 24 * 3600 + 120)?;
            let since = match (since, reach) {
                (Some(since), _) => Some(*since),
                (None, Reach::Recent) => Some(week_ago),
                (None, Reach::All) => {
                    bail!("--full-archive needs --since: without it X shows only the last thirty days")
                }
            };
            (since, *until)
        }
        What::Timelines { since, until, .. } => (*since, *until),
        What::Posts { .. } => (None, None),
    };
    let until = until.map_or(latest, |until| until.min(latest));
    if let Some(since) = since {
        ensure!(since < until, "the span is empty: it begins at {since} and ends at {until}");
    }
    Ok(Begin { format: FORMAT, request, since, until, begun_at: now })
}
