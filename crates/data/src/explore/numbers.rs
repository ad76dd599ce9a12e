//! What `dataset explore` finds, as `--json` prints it and the page draws it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Numbers {
    /// Rows that have a text.
    pub posts: u64,
    pub left_out: LeftOut,
    /// The zone of every hour and day, by its IANA name.
    pub zone: String,
    /// Absent where no post has a time.
    pub span: Option<Span>,
    pub kinds: Kinds,
    pub with_link: u64,
    pub with_mention: u64,
    pub with_hashtag: u64,
    /// By the language that X or the file names.
    pub languages: Vec<Named>,
    /// Posts by hour of the day.
    pub hours: [u64; 24],
    /// Posts by weekday (Monday first) and hour.
    pub week: [[u64; 24]; 7],
    /// Posts by day, from the first to the last; days without posts have 0.
    pub days: Vec<u64>,
    pub lengths: Lengths,
    pub accounts: Accounts,
    pub groupings: Vec<Grouping>,
    pub words: Vec<Named>,
    pub hashtags: Vec<Named>,
    pub duplicates: Duplicates,
    /// Absent where no classifier was asked.
    pub sentiment: Option<Sentiment>,
    /// Absent where there are no word vectors.
    pub vectors: Option<Vectors>,
    pub bounds: Bounds,
}

/// Rows that are not counted, and posts of which something is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Rows without a text.
    pub without_text: u64,
    /// Rows outside the span that was asked for.
    pub outside_span: u64,
    /// Posts that count, but in no hour and day.
    pub without_time: u64,
    pub unreadable_time: u64,
    /// The first time that could not be read, with its place.
    pub first_unreadable_time: Option<String>,
    /// Posts that count, but for no account.
    pub without_author: u64,
}

/// The days from the first post to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    pub first: String,
    pub last: String,
    pub days: u64,
}

/// What kind of post they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kinds {
    pub originals: u64,
    pub replies: u64,
    pub quotes: u64,
    pub retweets: u64,
}

/// A name and in how many posts it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    pub name: String,
    pub posts: u64,
}

/// The lengths of the posts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Posts by number of characters, in steps of 20; the last step has all longer ones.
    pub characters: Vec<u64>,
    pub step: u64,
    pub mean_characters: f64,
    pub median_words: u64,
    pub mean_words: f64,
}

/// Who posts, and how much at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Accounts {
    pub count: u64,
    /// Posts by the most active accounts.
    pub top: Vec<ActiveAccount>,
    /// By hour of the day, how many accounts posted in it at least once.
    pub active_by_hour: [u64; 24],
    /// How many accounts posted between 2 and 7 in the morning.
    pub at_night: u64,
    pub by_hour: Bursts,
    pub by_day: Bursts,
}

/// An account among the most active.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveAccount {
    pub account: String,
    pub posts: u64,
    /// Over all days of the span.
    pub a_day: f64,
}

/// How many posts one account made in one hour, or on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bursts {
    pub bubbles: Vec<Bubble>,
    pub top: Vec<Burst>,
}

/// How often one account made so many posts then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Bubble {
    /// The hour of the day, or the day since the first.
    pub at: u32,
    pub posts: u64,
    pub times: u64,
}

/// One of the greatest numbers of posts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Burst {
    pub account: String,
    pub date: String,
    /// Absent for a whole day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<u8>,
    pub posts: u64,
}

/// The posts by the values of one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grouping {
    pub column: String,
    /// Posts without a value in the column.
    pub without: u64,
    /// The largest first.
    pub groups: Vec<Group>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    pub name: String,
    pub posts: u64,
    pub accounts: u64,
    pub hours: [u64; 24],
    /// Posts by month, or by day if all posts are of two months or less.
    pub months: BTreeMap<String, u64>,
    pub mean_characters: f64,
    /// What sets it apart from the other groups of the column.
    pub words: Vec<DistinctiveWord>,
    pub hashtags: Vec<DistinctiveWord>,
    /// Posts of the sample by the classifier's label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Vec<u64>>,
    /// The mean of its word vectors along the two principal components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<[f64; 2]>,
}

/// A word that a group uses more than the others, with the posts that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DistinctiveWord {
    pub word: String,
    pub here: u64,
    pub elsewhere: u64,
    pub log_odds: f64,
    /// The log-odds ratio in standard errors.
    pub z: f64,
}

/// Posts that repeat another.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Duplicates {
    /// Posts whose words are those of an earlier post.
    pub exact: u64,
    /// Posts that share at least `threshold` of their words with an earlier one.
    pub near: u64,
    pub threshold: f64,
    pub top: Vec<Repeated>,
}

/// A text that was posted many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// One of its forms.
    pub text: String,
    pub posts: u64,
}

/// What a classifier says of a sample of the posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sentiment {
    pub model: String,
    pub labels: Vec<String>,
    /// How many posts were classified.
    pub sampled: u64,
    pub posts: Vec<u64>,
    /// By month, or by day if all posts are of two months or less.
    pub over_time: Vec<SentimentThen>,
}

/// A month or a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentimentThen {
    pub when: String,
    pub posts: Vec<u64>,
}

/// What the groups' points were made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vectors {
    /// Where the vectors come from.
    pub source: String,
    pub words: u64,
    pub width: usize,
    /// By grouping: the share of the variance on each axis.
    pub explained: Vec<[f64; 2]>,
}

/// By how much counts may be too small because memory is bounded; all 0 where they are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// Posts of a word.
    pub words: u64,
    /// Posts of an account in an hour.
    pub account_hours: u64,
    /// Accounts of a group.
    pub accounts_of_groups: u64,
    /// Posts of accounts that were not followed one by one.
    pub posts_of_other_accounts: u64,
    /// Posts that were not compared with all others when looking for repeated ones.
    pub not_compared: u64,
}
