//! What the journal says has been done: enough to go on without asking X anything twice. Made of the journal's entries alone,
//! in their order, so that a run that goes on knows what one that was never stopped knows.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use jiff::SignedDuration;

use super::journal::{Entry, Missing, Spot};
use super::request::{Begin, Task, What};
use pregonero_x::{Account, CountBucket, Place};

/// The progress of a collection.
#[derive(Debug)]
pub struct State {
    pub begin: Begin,
    pub tasks: Vec<TaskState>,
    /// For each query, the counts by the beginning of their piece, and where the next answer begins.
    pub counts: Vec<QueryCounts>,
    /// The accounts that were looked up by name, by their ids.
    pub accounts: BTreeMap<String, Account>,
    /// How many requests for accounts by name were answered.
    pub account_batches: usize,
    /// The names that X does not know or does not show, with the reason.
    pub missing_accounts: Vec<Missing>,
    /// The authors that were looked up by id.
    pub authors: BTreeMap<String, Account>,
    /// Authors that X does not show.
    pub missing_authors: BTreeSet<String>,
    /// How many posts a person agreed to read and pay for.
    pub agreed: Option<u64>,
    /// How many posts have been paid for.
    pub posts_read: u64,
    /// What has been paid, in millionths of a dollar.
    pub paid: i64,
    /// Whether the folder was put at its place, and whether it was complete.
    pub finished: Option<bool>,
    /// How often tasks were read again.
    pub passes: u32,
}

/// The counts of one query.
#[derive(Debug, Clone, Default)]
pub struct QueryCounts {
    buckets: BTreeMap<jiff::Timestamp, CountBucket>,
    /// The token of the next answer.
    pub next: Option<String>,
    pub done: bool,
}

/// The progress of a task.
#[derive(Debug, Clone, Default)]
pub struct TaskState {
    /// How often the task was begun anew.
    pub pass: u32,
    /// The pages of all passes, in the order in which they were read.
    pub pages: Vec<Spot>,
    /// The token of the next page.
    next: Option<String>,
    /// The smallest id of this pass.
    lowest: Option<u64>,
    pub done: bool,
    pub faults: Vec<Missing>,
}

impl State {
    /// Returns the state at the beginning.
    #[must_use]
    pub fn new(begin: Begin) -> Self {
        let queries = match &begin.request.what {
            What::Search { queries, .. } => queries.len(),
            _ => 0,
        };
        Self {
            tasks: begin.tasks().iter().map(|_| TaskState::default()).collect(),
            counts: vec![QueryCounts::default(); queries],
            accounts: BTreeMap::new(),
            account_batches: 0,
            missing_accounts: Vec::new(),
            authors: BTreeMap::new(),
            missing_authors: BTreeSet::new(),
            agreed: None,
            posts_read: 0,
            paid: 0,
            finished: None,
            passes: 0,
            begin,
        }
    }

    /// Takes in the next entry of the journal.
    ///
    /// # Errors
    /// If it does not fit what is known: the file was changed by somebody else.
    pub fn apply(&mut self, spot: Spot, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Begin(_) => {}
            Entry::Counted { query, buckets, next, micros } => {
                ensure!(*query < self.counts.len(), "the journal counts a query that the request does not have");
                let counts = &mut self.counts[*query];
                counts.buckets.extend(buckets.iter().map(|bucket| (bucket.from, *bucket)));
                (counts.done, counts.next) = (next.is_none(), next.clone());
                self.paid += micros;
            }
            Entry::Accounts { batch, accounts, faults, micros } => {
                self.accounts.extend(accounts.iter().map(|account| (account.id.clone(), account.clone())));
                self.missing_accounts.extend(faults.iter().cloned());
                self.account_batches = batch + 1;
                self.paid += micros;
            }
            Entry::Authors { accounts, faults, micros } => {
                self.authors.extend(accounts.iter().map(|account| (account.id.clone(), account.clone())));
                self.missing_authors.extend(faults.iter().filter_map(|fault| fault.about.clone()));
                self.paid += micros;
            }
            Entry::Agreed { posts, .. } => self.agreed = Some(*posts),
            Entry::Page { task, pass, next, posts, faults, micros } => {
                ensure!(*task < self.tasks.len(), "the journal has a page of a task that the request does not have");
                self.tasks[*task].apply(spot, *pass, next.as_ref(), posts, faults);
                self.posts_read += posts.len() as u64;
                self.paid += micros;
            }
            Entry::Again { pass, tasks } => {
                for task in tasks {
                    ensure!(*task < self.tasks.len(), "the journal reads a task again that the request does not have");
                    self.tasks[*task].begin_again(*pass);
                }
                self.passes = *pass;
                self.finished = None;
            }
            Entry::Finished { complete } => self.finished = Some(*complete),
        }
        Ok(())
    }

    /// Returns how many posts X counted for a task; `None` if it was not counted.
    #[must_use]
    pub fn counted(&self, task: &Task) -> Option<u64> {
        let Task::Search { query, window } = task else { return None };
        let counts = &self.counts[*query];
        // X may begin a piece at the full hour or day before the window.
        let first = window.from.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(window.from);
        let near = counts.buckets.range(first..window.to).map(|(_, bucket)| bucket);
        let of_window = |bucket: &&CountBucket| bucket.to > window.from && bucket.to <= window.to;
        counts.done.then(|| near.filter(of_window).map(|bucket| bucket.posts).sum())
    }

    /// Returns how many posts X counted in all.
    #[must_use]
    pub fn counted_in_all(&self) -> u64 {
        self.begin.tasks().iter().filter_map(|task| self.counted(task)).sum()
    }

    /// Returns the account with a name of the request, in any case.
    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.username.eq_ignore_ascii_case(name))
    }

    /// Returns how many requests for accounts by name there are in all.
    #[must_use]
    pub fn account_batches_in_all(&self) -> usize {
        self.begin.request.accounts.len().div_ceil(super::request::BATCH)
    }

    /// Returns what is known of an author.
    #[must_use]
    pub fn author(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id).or_else(|| self.authors.get(id))
    }
}

impl TaskState {
    fn apply(&mut self, spot: Spot, pass: u32, next: Option<&String>, posts: &[serde_json::Value], faults: &[Missing]) {
        if pass != self.pass {
            self.begin_again(pass);
        }
        // A page that leads to itself is the last one.
        let leads_on = next.filter(|next| self.next.as_ref() != Some(next));
        let ids = posts.iter().filter_map(super::row::id_of);
        self.lowest = self.lowest.into_iter().chain(ids).min();
        (self.done, self.next) = (leads_on.is_none(), leads_on.cloned());
        self.pages.push(spot);
        self.faults.extend(faults.iter().cloned());
    }

    fn begin_again(&mut self, pass: u32) {
        (self.pass, self.next, self.lowest, self.done) = (pass, None, None, false);
        // Each reading of a task reports anew what X does not show.
        self.faults.clear();
    }

    /// Returns where the next page begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.next.clone().map_or(Place::Start, Place::Token)
    }

    /// Returns where the next page begins if X does not know its token any more.
    #[must_use]
    pub fn place_without_token(&self) -> Place {
        self.lowest.map_or(Place::Start, |id| Place::Below(id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::journal::FORMAT;
    use crate::collect::request::Request;
    use pregonero_store::testing::at;

    #[test]
    fn a_task_that_is_read_again_reports_anew_what_x_does_not_show() {
        let what = What::Posts { sha256: "00".to_owned(), ids: 3 };
        let request = Request { what, accounts: Vec::new(), attributes: None, author_names: false };
        let now = at("2026-03-01T00:00:00Z");
        let mut state = State::new(Begin { format: FORMAT, request, since: None, until: now, begun_at: now });
        let missing = |id: &str| Missing { about: Some(id.to_owned()), kind: "resource-not-found".to_owned() };
        let page = |pass, faults| Entry::Page { task: 0, pass, next: None, posts: Vec::new(), faults, micros: 0 };
        for entry in [
            page(0, vec![missing("5"), missing("6")]),
            Entry::Again { pass: 1, tasks: vec![0] },
            page(1, vec![missing("6")]),
        ] {
            state.apply(Spot { at: 0, length: 1 }, &entry).unwrap();
        }
        assert_eq!(state.tasks[0].faults, [missing("6")]);
    }
}
