//! The posts that the journal has, each once: where they are, not what is in them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::ids::IdList;
use super::journal::{Entry, Journal, Spot};
use super::request::{Begin, Task};
use super::row::{author_of, id_of};
use super::state::State;
use pregonero_data::folder::Manifest;

/// The manifest's key for what a collection knows beyond its sources.
pub const KEY: &str = "collection";

/// How many pages are kept in memory while rows are written.
const PAGES_IN_MEMORY: usize = 16;

/// Where a post is in the journal.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    pub id: u64,
    page: Spot,
    /// Its index on the page.
    at: usize,
}

/// The posts of a task, each once, in the order of their ids.
#[derive(Debug, Default)]
pub struct FoundPosts {
    pub posts: Vec<Found>,
    pub repeated: u64,
}

impl FoundPosts {
    pub fn len(&self) -> u64 {
        self.posts.len() as u64
    }
}

/// Returns what distinguishes this collection from every other.
pub fn identity(begin: &Begin) -> Result<String> {
    Ok(format!("{:x}", Sha256::digest(serde_json::to_vec(begin)?)))
}

/// Returns the identity of the collection that a folder is; `None` if it is none.
pub fn identity_of_folder(folder: &Path) -> Option<String> {
    let manifest = Manifest::read(folder).ok()?;
    manifest.other[KEY]["journal"].as_str().map(str::to_owned)
}

/// Returns the posts of a task. Of a post that X sent more than once, the first one counts.
pub fn found_in(journal: &Journal, state: &State, ids: &IdList, index: usize, task: &Task) -> Result<FoundPosts> {
    let mut posts: Vec<Found> = Vec::new();
    for page in &state.tasks[index].pages {
        let entry = posts_of(journal, *page)?;
        let found = entry.iter().enumerate().filter_map(|(at, post)| Some(Found { id: id_of(post)?, page: *page, at }));
        posts.extend(found);
    }
    let read = posts.len();
    posts.sort_by_key(|post| (post.id, post.page.at, post.at));
    posts.dedup_by_key(|post| post.id);
    let repeated = (read - posts.len()) as u64;
    if let Task::Posts { from, to } = task {
        let asked = &ids.ids[*from..*to];
        let places: HashMap<u64, usize> = asked.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        posts.sort_by_key(|post| places.get(&post.id).copied().unwrap_or(usize::MAX));
    }
    Ok(FoundPosts { posts, repeated })
}

/// Returns the authors whose names are not known, each once, in the order of their ids.
pub fn unknown_authors(journal: &Journal, state: &State) -> Result<Vec<String>> {
    let mut unknown = BTreeSet::new();
    for page in state.tasks.iter().flat_map(|task| &task.pages) {
        for post in posts_of(journal, *page)? {
            let author =
                author_of(&post).filter(|id| state.author(id).is_none() && !state.missing_authors.contains(*id));
            unknown.extend(author.map(str::to_owned));
        }
    }
    Ok(unknown.into_iter().collect())
}

fn posts_of(journal: &Journal, page: Spot) -> Result<Vec<Json>> {
    match journal.read(page)? {
        Entry::Page { posts, .. } => Ok(posts),
        _ => bail!("{}: changed while it was read", journal.path().display()),
    }
}

/// The last pages that were read from the journal.
pub struct Pages<'a> {
    journal: &'a Journal,
    recent: VecDeque<(Spot, Vec<Json>)>,
}

impl<'a> Pages<'a> {
    /// Creates it without a page.
    pub fn new(journal: &'a Journal) -> Self {
        Self { journal, recent: VecDeque::new() }
    }

    /// Returns a post; reads its page if that is not one of the last.
    pub fn post(&mut self, found: Found) -> Result<&Json> {
        if !self.recent.iter().any(|(spot, _)| *spot == found.page) {
            if self.recent.len() == PAGES_IN_MEMORY {
                self.recent.pop_front();
            }
            self.recent.push_back((found.page, posts_of(self.journal, found.page)?));
        }
        let page = self.recent.iter().find(|(spot, _)| *spot == found.page);
        page.and_then(|(_, posts)| posts.get(found.at)).context("the journal changed while it was read")
    }
}
