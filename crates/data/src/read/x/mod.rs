//! Tweets as X's files and APIs write them, in the columns of [`crate::names`].
//!
//! What kind of object one has is seen from its keys, for each object anew: files mix them. Keys that are not known drop nothing;
//! simple values under keys that X does not have (a label that somebody added) are kept as columns.

pub(super) mod archive;
mod tweet;
mod v1;
mod v2;

use serde_json::{Map, Value as Json};

use self::archive::Archive;
pub(super) use self::tweet::{Tweet, without_last_link};
use crate::json_row::Names;
use crate::names;
use crate::row::{Place, Row};

/// An object that X writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A tweet of X's archive, in `{"tweet": …}`.
    Archived,
    /// An answer of API v2: `data`, `includes`, `meta`.
    Page,
    /// A tweet of API v2.
    V2,
    /// An answer of API v1.1: `statuses`.
    Statuses,
    /// A tweet of API v1.1.
    V1,
}

impl Shape {
    /// Returns the shape in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Archived => "X archive",
            Self::Page => "pages of X's API v2",
            Self::V2 => "tweets of X's API v2",
            Self::Statuses => "pages of X's API v1.1",
            Self::V1 => "tweets of X's API v1.1",
        }
    }
}

/// Returns what an object is, if it is one of X's.
pub(super) fn shape_of(object: &Map<String, Json>) -> Option<Shape> {
    if is_own(object) {
        return None;
    }
    let has = |key: &str| object.contains_key(key);
    let is_tweet = |value: &Json| value.get("id").is_some() && value.get("text").is_some();
    match (object.get("tweet"), object.get("data"), object.get("statuses")) {
        (Some(Json::Object(_)), ..) => return Some(Shape::Archived),
        (_, Some(Json::Array(data)), _) if data.iter().all(is_tweet) && (!data.is_empty() || has("meta")) => {
            return Some(Shape::Page);
        }
        (_, Some(data @ Json::Object(_)), _) if is_tweet(data) => return Some(Shape::Page),
        (_, None, None) if has("meta") && object["meta"].get("result_count").is_some() => return Some(Shape::Page),
        (_, _, Some(Json::Array(_))) => return Some(Shape::Statuses),
        _ => {}
    }
    let of_v1 =
        ["user", "entities", "retweeted_status", "extended_tweet", "favorite_count", "in_reply_to_status_id_str"];
    if has("full_text") && has("id") || has("text") && has("id_str") && of_v1.iter().any(|key| has(key)) {
        return Some(Shape::V1);
    }
    let of_v2 = [
        "edit_history_tweet_ids",
        "edit_history_post_ids",
        "public_metrics",
        "author_id",
        "conversation_id",
        "referenced_tweets",
        "referenced_posts",
        "note_tweet",
        "note_post",
    ];
    if has("text") && object.get("id").is_some_and(Json::is_string) && of_v2.iter().any(|key| has(key)) {
        return Some(Shape::V2);
    }
    None
}

/// Returns whether an object is a row that this program wrote: simple values only, among them marks that X's objects do not have.
fn is_own(object: &Map<String, Json>) -> bool {
    let mark = |key: &str| object.get(key).is_some_and(Json::is_boolean);
    let marked = [names::RETWEET, names::QUOTE, names::REPLY].into_iter().any(mark)
        || object.get(names::AUTHOR).is_some_and(Json::is_string);
    marked
        && object.get(names::TEXT).is_some_and(Json::is_string)
        && object.values().all(|value| !value.is_object() && !value.is_array())
}

/// Returns the tweets of an object, in its order. In an archive, those without an author are the account's.
pub(super) fn tweets_of(shape: Shape, mut object: Map<String, Json>, archive: Option<&Archive>) -> Vec<Tweet> {
    match shape {
        Shape::Page => v2::of_page(object),
        Shape::V2 => vec![v2::tweet(&object, &v2::Includes::default())],
        Shape::V1 if archive.is_some() => vec![archive::tweet(&object, archive)],
        Shape::V1 => vec![v1::tweet(&object)],
        Shape::Archived => match object.remove("tweet") {
            Some(Json::Object(tweet)) => vec![archive::tweet(&tweet, archive)],
            _ => Vec::new(),
        },
        Shape::Statuses => {
            let Some(Json::Array(statuses)) = object.remove("statuses") else { return Vec::new() };
            statuses.iter().filter_map(Json::as_object).map(v1::tweet).collect()
        }
    }
}

/// Returns whether an object is a tweet, or a page of tweets, as X writes them: with `&amp;` for `&`, and shortened links.
#[must_use]
pub fn is_of_x(object: &Map<String, Json>) -> bool {
    shape_of(object).is_some()
}

/// Returns the row of a post that X's API v2 sent by itself, without `includes`; an `author` inside it, with `username` and
/// `name`, is its author.
#[must_use]
pub fn row_of_post(post: &Map<String, Json>, place: Place, names: &mut Names) -> Row {
    v2::tweet(post, &v2::Includes::default()).into_row(place, names)
}
