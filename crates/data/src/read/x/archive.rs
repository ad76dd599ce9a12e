//! X's own archive of an account: which of its files are read, whose they are, and the long texts that are in a file of their own.
//!
//! What is read are the account's tweets: `tweets.js` and its parts (since 2022), `tweet.js` (2018 to 2022), `data/js/tweets/YYYY_MM.js`
//! (before), and `community-tweet.js`. Likes, messages and deleted tweets are never read: they are other people's texts, or withdrawn ones.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::tweet::{Tweet, inside, is_cut, list, text, unescaped};
use super::v1;
use crate::times;

/// How much of a long text the tweet has too.
const SHARED: usize = 200;

/// What a file of the archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::read) enum Role {
    /// Tweets, with the place of the file among the others.
    Tweets(u32),
    Account,
    Notes,
}

/// Returns what a file is by its name, if it is read at all.
pub(in crate::read) fn role_of(path: &str) -> Option<Role> {
    let name = path.rsplit('/').next()?;
    let stem = name.strip_suffix(".js")?;
    if matches!(stem, "account" | "user_details") {
        return Some(Role::Account);
    }
    if let Some(month) = month(stem).filter(|_| path.contains("js/tweets/") || !path.contains('/')) {
        return Some(Role::Tweets(month));
    }
    let (kind, part) = match stem.split_once("-part") {
        Some((kind, part)) => (kind, part.parse::<u32>().ok()?),
        None => (stem, 0),
    };
    match kind {
        "tweets" | "tweet" => Some(Role::Tweets(part)),
        "community-tweet" | "community_tweet" => Some(Role::Tweets(part.saturating_add(1_000_000))),
        "note-tweet" | "note_tweet" => Some(Role::Notes),
        _ => None,
    }
}

/// Returns the number of a month in a name like `2015_07`.
fn month(stem: &str) -> Option<u32> {
    let (year, month) = stem.split_once('_')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(year, 4) && digits(month, 2)).then(|| Some(year.parse::<u32>().ok()? * 12 + month.parse::<u32>().ok()?))?
}

/// Returns what the objects of a JavaScript file are by its first line, such as `tweets` for `window.YTD.tweets.part0 = [`.
pub(in crate::read) fn contents_of(start: &str) -> Option<&str> {
    let rest = start.trim_start();
    if let Some(rest) = rest.strip_prefix("window.YTD.") {
        return rest.split(['.', ' ', '=']).next();
    }
    rest.strip_prefix("Grailbird.data.").map(|rest| if rest.starts_with("tweets_") { "tweets" } else { "other" })
}

/// Returns whether the objects of a file are the account's tweets.
pub(in crate::read) fn are_tweets(contents: &str) -> bool {
    matches!(contents, "tweets" | "tweet" | "community_tweet" | "community-tweet")
}

/// What an archive says about its account, and its long texts.
#[derive(Debug, Default)]
pub(in crate::read) struct Archive {
    author: Option<String>,
    author_id: Option<String>,
    author_name: Option<String>,
    notes: Vec<Note>,
}

/// A text that is too long for a tweet.
#[derive(Debug)]
struct Note {
    created_at: Timestamp,
    text: String,
}

impl Archive {
    /// Takes the account's names from an object of `account.js`, or of `user_details.js` before 2018.
    pub(in crate::read) fn add_account(&mut self, object: &Map<String, Json>) {
        let account = inside(object, "account").unwrap_or(object);
        let first = |keys: [&str; 2]| keys.iter().find_map(|key| text(account, key));
        self.author = first(["username", "screen_name"]).or(self.author.take());
        self.author_id = first(["accountId", "id"]).or(self.author_id.take());
        self.author_name = first(["accountDisplayName", "full_name"]).or(self.author_name.take());
    }

    /// Takes a long text from an object of `note-tweet.js`.
    pub(in crate::read) fn add_note(&mut self, object: &Map<String, Json>) {
        let note = inside(object, "noteTweet").unwrap_or(object);
        let content = inside(note, "core").and_then(|core| text(core, "text"));
        let created_at = text(note, "createdAt").and_then(|time| times::read(&time));
        if let (Some(content), Some(time)) = (content, created_at) {
            self.notes.push(Note { created_at: time.instant, text: unescaped(&content) });
        }
    }

    /// Returns whether it is known whose archive this is.
    pub(in crate::read) fn has_author(&self) -> bool {
        self.author.is_some()
    }

    /// Returns the long text of a tweet: made within a second of it, with the same beginning.
    fn note(&self, tweet: &Tweet) -> Option<&str> {
        let created_at = times::read(tweet.created_at.as_deref()?)?.instant;
        let shown = beginning(tweet.text.as_deref()?);
        let near = |note: &&Note| (note.created_at.as_second() - created_at.as_second()).abs() <= 1;
        let found =
            self.notes.iter().filter(near).find(|note| !shown.is_empty() && beginning(&note.text).starts_with(&*shown));
        found.map(|note| note.text.as_str())
    }
}

/// Returns the beginning that a cut tweet and its long text share: up to the ellipsis, the first link, or 200 characters. Runs
/// of spaces count as one.
fn beginning(text: &str) -> String {
    let text = text.split("http").next().unwrap_or_default();
    let text = text.trim_end().trim_end_matches('…');
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(SHARED).collect()
}

/// Returns one tweet of an archive: its author is the account.
pub(super) fn tweet(object: &Map<String, Json>, archive: Option<&Archive>) -> Tweet {
    let mut tweet = v1::tweet(object);
    tweet.quote = tweet.quote || !tweet.retweet && quotes(object);
    let Some(archive) = archive else { return tweet };
    tweet.author = tweet.author.or_else(|| archive.author.clone());
    tweet.author_id = tweet.author_id.or_else(|| archive.author_id.clone());
    tweet.author_name = tweet.author_name.or_else(|| archive.author_name.clone());
    if let Some(whole) = archive.note(&tweet) {
        tweet.text = Some(whole.to_owned());
        tweet.truncated = false;
    } else {
        tweet.truncated = tweet.truncated || tweet.text.as_deref().is_some_and(is_cut_long);
    }
    tweet
}

/// Returns whether a text is as long as a tweet can be and ends in an ellipsis.
fn is_cut_long(text: &str) -> bool {
    is_cut(text) && text.chars().count() >= 135
}

/// Returns whether a tweet quotes another: the archive has no flag, only the link to the other tweet.
fn quotes(object: &Map<String, Json>) -> bool {
    let links = list(inside(object, "entities"), "urls");
    links.into_iter().filter_map(|url| text(url, "expanded_url")).any(|url| {
        let rest = ["https://twitter.com/", "https://x.com/"].iter().find_map(|site| url.strip_prefix(site));
        let id = rest.and_then(|rest| rest.split_once("/status/")).map(|(_, id)| id);
        id.is_some_and(|id| {
            id.split(['?', '/']).next().is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names_and_ordered() {
        for (path, expected) in [
            ("data/tweets.js", Some(Role::Tweets(0))),
            ("twitter-2023/data/tweets-part12.js", Some(Role::Tweets(12))),
            ("tweet.js", Some(Role::Tweets(0))),
            ("data/js/tweets/2015_07.js", Some(Role::Tweets(24_187))),
            ("data/community-tweet.js", Some(Role::Tweets(1_000_000))),
            ("data/community-tweet-part4294967295.js", Some(Role::Tweets(u32::MAX))),
            ("data/note-tweet.js", Some(Role::Notes)),
            ("data/account.js", Some(Role::Account)),
            ("data/js/user_details.js", Some(Role::Account)),
            ("data/like.js", None),
            ("data/deleted-tweets.js", None),
            ("data/tweet-headers.js", None),
            ("data/tweets_media/x.jpg", None),
        ] {
            assert_eq!(role_of(path), expected, "{path}");
        }
    }

    #[test]
    fn contents_are_known_by_the_first_line() {
        assert_eq!(contents_of("window.YTD.tweets.part0 = ["), Some("tweets"));
        assert_eq!(contents_of("window.YTD.like.part0 = [ {"), Some("like"));
        assert_eq!(contents_of("Grailbird.data.tweets_2015_07 = \n[ {"), Some("tweets"));
        assert_eq!(contents_of("var x = 1"), None);
        assert!(are_tweets("tweets") && !are_tweets("like") && !are_tweets("deleted_tweets"));
    }

    #[test]
    fn a_long_text_is_joined_to_the_tweet_of_its_second_and_beginning() {
        let mut archive = Archive::default();
        let long = format!("Hoy   empieza la campaña {}fin", "y seguimos ".repeat(40));
        let note = serde_json::json!({"noteTweet": {"createdAt": "2023-02-18T12:33:12.000Z", "core": {"text": long}}});
        archive.add_note(note.as_object().unwrap());
        let cut = |second: u32, text: &str| {
            let object = serde_json::json!({
                "id_str": "1", "full_text": text, "created_at": format!("Sat Feb 18 12:33:{second:02} +0000 2023"),
            });
            tweet(object.as_object().unwrap(), Some(&archive))
        };
        let start: String = long.chars().take(250).collect();
        let shown = format!("{}… https://t.co/abc", start.replace("   ", " "));
        let joined = cut(11, &shown);
        assert_eq!((joined.text.as_deref(), joined.truncated), (Some(long.as_str()), false));
        assert!(cut(15, &shown).truncated, "another second");
        assert!(!cut(12, "Otra cosa").text.unwrap().contains("campaña"));
    }
}
