//! A tweet of any of X's kinds, on its way to a row.

use serde_json::{Map, Value as Json};

use crate::json_row::{self, Names};
use crate::names;
use crate::row::{Place, Row, Value};
use crate::times;

/// What is known of a tweet; a row has no entry for what is not.
#[derive(Debug, Default, Clone, PartialEq)]
pub(in crate::read) struct Tweet {
    pub(super) id: Option<String>,
    pub(super) text: Option<String>,
    pub(super) author: Option<String>,
    pub(super) author_id: Option<String>,
    pub(super) author_name: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) lang: Option<String>,
    pub(super) retweet: bool,
    pub(super) quote: bool,
    pub(super) reply: bool,
    pub(super) conversation_id: Option<String>,
    pub(super) in_reply_to_id: Option<String>,
    pub(super) hashtags: Option<String>,
    pub(super) links: Option<i64>,
    pub(super) likes: Option<i64>,
    pub(super) reposts: Option<i64>,
    pub(super) replies: Option<i64>,
    pub(super) quotes: Option<i64>,
    pub(super) views: Option<i64>,
    pub(super) truncated: bool,
    /// Simple values that are not X's.
    pub(super) others: Vec<(String, Value)>,
}

impl Tweet {
    /// Returns the tweet as a row.
    pub(in crate::read) fn into_row(self, place: Place, shared: &mut Names) -> Row {
        let text = |value: Option<String>| value.filter(|value| !value.is_empty()).map(Value::Text);
        let number = |value: Option<i64>| value.map(Value::Integer);
        let truth = |value: bool| Some(Value::Bool(value));
        let values = [
            (names::ID, text(self.id)),
            (names::TEXT, text(self.text)),
            (names::AUTHOR, text(self.author)),
            (names::AUTHOR_ID, text(self.author_id)),
            (names::AUTHOR_NAME, text(self.author_name)),
            (names::CREATED_AT, text(self.created_at)),
            (names::LANG, text(self.lang)),
            (names::RETWEET, truth(self.retweet)),
            (names::QUOTE, truth(self.quote)),
            (names::REPLY, truth(self.reply)),
            (names::CONVERSATION_ID, text(self.conversation_id)),
            (names::IN_REPLY_TO_ID, text(self.in_reply_to_id)),
            (names::HASHTAGS, text(self.hashtags)),
            (names::LINKS, number(self.links)),
            (names::LIKES, number(self.likes)),
            (names::REPOSTS, number(self.reposts)),
            (names::REPLIES, number(self.replies)),
            (names::QUOTES, number(self.quotes)),
            (names::VIEWS, number(self.views)),
            (names::TRUNCATED, truth(self.truncated)),
        ];
        let mut row = Row::with_capacity(place, values.len());
        for (name, value) in values {
            if let Some(value) = value {
                let near = row.len();
                row.push(shared.shared(name, near), value);
            }
        }
        for (name, value) in self.others {
            let name = shared.shared(&name, row.len());
            row.set(name, value);
        }
        row
    }
}

/// Returns a text without the escapes that X puts into it.
pub(super) fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// Returns a text under a key; a number is one in digits.
pub(super) fn text(object: &Map<String, Json>, key: &str) -> Option<String> {
    match object.get(key)? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns an integer under a key; X's archive writes it as a text.
pub(super) fn integer(object: &Map<String, Json>, key: &str) -> Option<i64> {
    match object.get(key)? {
        Json::Number(number) => number.as_i64(),
        Json::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

/// Returns an object under a key.
pub(super) fn inside<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a Map<String, Json>> {
    object.get(key)?.as_object()
}

/// Returns the objects of a list under a key.
pub(super) fn list<'a>(object: Option<&'a Map<String, Json>>, key: &str) -> Vec<&'a Map<String, Json>> {
    let list = object.and_then(|object| object.get(key)).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_object).collect()
}

/// Returns the time under a key in the form of data sets; one that cannot be read stays as it is.
pub(super) fn time(object: &Map<String, Json>, key: &str) -> Option<String> {
    let text = text(object, key)?;
    Some(times::read(&text).map_or(text, |time| times::standard(time.instant)))
}

/// Returns the hashtags of an object's entities.
pub(super) fn hashtags(entities: Option<&Map<String, Json>>, key: &str) -> Option<String> {
    entities?;
    let tags: Vec<String> = list(entities, "hashtags").into_iter().filter_map(|tag| text(tag, key)).collect();
    Some(tags.join(" "))
}

/// Returns how many links an object's entities have; pictures are none.
pub(super) fn links(entities: Option<&Map<String, Json>>) -> Option<i64> {
    entities?;
    let is_picture = |url: &&Map<String, Json>| {
        url.contains_key("media_key") || text(url, "display_url").is_some_and(|shown| shown.starts_with("pic."))
    };
    let links = list(entities, "urls").into_iter().filter(|url| !is_picture(url)).count();
    i64::try_from(links).ok()
}

/// Returns a retweet's whole text: what is before the colon, and the text of the tweet that it repeats.
pub(super) fn with_whole(text: &str, whole: &str) -> String {
    let prefix = text.starts_with("RT @").then(|| text.split_once(": ")).flatten();
    prefix.map_or_else(|| whole.to_owned(), |(prefix, _)| format!("{prefix}: {whole}"))
}

/// Returns whether X cut a text off: it ends in an ellipsis, perhaps with a link after it.
pub(super) fn is_cut(text: &str) -> bool {
    without_last_link(text).ends_with('…')
}

/// Returns a text without the link that X put at its end.
pub(in crate::read) fn without_last_link(text: &str) -> &str {
    match text.rsplit_once(' ') {
        Some((before, link)) if link.starts_with("https://t.co/") => before.trim_end(),
        _ => text,
    }
}

/// Returns the simple values under keys that X does not have.
pub(super) fn others(object: &Map<String, Json>, known: &[&str]) -> Vec<(String, Value)> {
    let others =
        object.iter().filter(|(key, value)| !known.contains(&key.as_str()) && !value.is_object() && !value.is_array());
    others.filter_map(|(key, value)| Some((key.clone(), json_row::simple(value.clone())?))).collect()
}
