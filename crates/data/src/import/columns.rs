//! The names that columns get: those that a person gave, and the standard one for a column with a usual name.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::names;
use crate::read::{FileReport, ReadReport};
use crate::row::Row;

/// The standard names, and what columns of that meaning are usually called, the likeliest first.
const USUAL: [(&str, &[&str]); 13] = [
    (names::TEXT, &names::TEXT_ELSEWHERE),
    (names::ID, &["tweet_id", "id_str", "status_id", "tweetid", "id_tweet"]),
    (
        names::AUTHOR,
        &[
            "screen_name",
            "username",
            "user_screen_name",
            "user.screen_name",
            "author.username",
            "user.username",
            "user_name",
            "autor",
            "usuario",
            "user",
            "handle",
        ],
    ),
    (names::AUTHOR_ID, &["user_id", "user_id_str", "userid", "user.id_str", "user.id", "author.id"]),
    (names::AUTHOR_NAME, &["display_name", "user.name", "author.name", "user.displayname"]),
    (names::CREATED_AT, &["date", "datetime", "fecha", "timestamp", "tweet_date", "created", "time"]),
    (names::LANG, &["language", "idioma"]),
    (names::LIKES, &["like_count", "favorite_count", "likes_count", "favorites", "nlikes", "likecount"]),
    (names::REPOSTS, &["retweet_count", "retweets_count", "retweets", "nretweets", "retweetcount", "repost_count"]),
    (names::REPLIES, &["reply_count", "replies_count", "nreplies", "replycount"]),
    (names::QUOTES, &["quote_count", "quotecount"]),
    (names::VIEWS, &["view_count", "impression_count", "viewcount"]),
    (names::IN_REPLY_TO_ID, &["in_reply_to_status_id_str", "in_reply_to_status_id", "in_reply_to_tweet_id"]),
];

/// Returns the columns of a list that have a meaning: the one with the standard name, or else all with a usual one.
pub(crate) fn columns_of(standard: &str, columns: &[String]) -> Vec<String> {
    if columns.iter().any(|name| name == standard) {
        return vec![standard.to_owned()];
    }
    let usual = USUAL.iter().find(|(known, _)| *known == standard).map(|(_, usual)| *usual).unwrap_or_default();
    let is_usual =
        |name: &&String| name.eq_ignore_ascii_case(standard) || usual.contains(&name.to_lowercase().as_str());
    columns.iter().filter(is_usual).cloned().collect()
}

/// The names of one run.
#[derive(Debug)]
pub(super) struct Naming {
    given: Vec<(String, Arc<str>, bool)>,
    keep: bool,
    /// The names of the file that is read: how many columns it has, and which get which name.
    file: Option<usize>,
    columns: usize,
    usual: Vec<(String, Arc<str>)>,
    renamed: Vec<(usize, String, String)>,
}

impl Naming {
    pub(super) fn new(given: &[(String, String)], keep: bool) -> Self {
        let given = given.iter().map(|(from, to)| (from.clone(), Arc::from(to.as_str()), false)).collect();
        Self { given, keep, file: None, columns: 0, usual: Vec::new(), renamed: Vec::new() }
    }

    /// Gives the columns of a row their names.
    pub(super) fn name(&mut self, row: &mut Row, report: &ReadReport) {
        let number = row.place.file;
        let Some(file) = report.files.get(number) else { return };
        if self.file != Some(number) || self.columns != file.columns.len() {
            self.look_at(number, file);
        }
        for (from, to, _) in &self.given {
            row.rename(from, to);
        }
        for (from, to) in &self.usual {
            row.rename(from, to);
        }
    }

    /// Finds the names for the columns of a file; names that were found earlier stay.
    fn look_at(&mut self, number: usize, file: &FileReport) {
        if self.file != Some(number) {
            self.usual.clear();
        }
        (self.file, self.columns) = (Some(number), file.columns.len());
        for place in 0..self.given.len() {
            let (from, to, seen) = &mut self.given[place];
            if file.columns.contains(from) {
                *seen = true;
                let renamed = (number, from.clone(), to.to_string());
                self.note(renamed);
            }
        }
        if self.keep || file.is_of_x() || file.is_data_set() {
            return;
        }
        let by_name: BTreeMap<String, &String> = file.columns.iter().map(|name| (name.to_lowercase(), name)).collect();
        for (standard, usual) in USUAL {
            let given = self.given.iter().any(|(_, to, _)| **to == *standard)
                || self.usual.iter().any(|(_, to)| **to == *standard);
            if given || file.columns.iter().any(|name| name == standard) {
                continue;
            }
            let same = by_name.get(standard);
            let found = same.or_else(|| usual.iter().find_map(|name| by_name.get(*name)));
            let Some(from) = found.filter(|from| !self.given.iter().any(|(given, ..)| given == **from)) else {
                continue;
            };
            let from = (*from).clone();
            self.usual.push((from.clone(), Arc::from(standard)));
            self.note((number, from, standard.to_owned()));
        }
    }

    fn note(&mut self, renamed: (usize, String, String)) {
        if !self.renamed.contains(&renamed) {
            self.renamed.push(renamed);
        }
    }

    /// Checks that every column to rename was in a file.
    ///
    /// # Errors
    /// If one was not.
    pub(super) fn check(&self, report: &ReadReport) -> Result<()> {
        let Some((from, ..)) = self.given.iter().find(|(.., seen)| !seen) else { return Ok(()) };
        let mut known: Vec<&str> = Vec::new();
        for column in report.files.iter().flat_map(|file| &file.columns) {
            if !known.contains(&column.as_str()) {
                known.push(column);
            }
        }
        bail!("--rename: no file has a column {from:?}; they have {}", known.join(", "))
    }

    pub(super) fn into_renamed(self) -> Vec<(usize, String, String)> {
        self.renamed
    }
}
