//! Tweets of API v2: pages with `includes`, and tweets that were flattened (the author and the tweets referred to are inside).
//!
//! X renamed its fields in August 2026 (`tweet` became `post`); both spellings are read.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::tweet::{Tweet, hashtags, inside, integer, is_cut, links, list, others, text, time, unescaped, with_whole};

/// The keys of a tweet that X writes.
const KNOWN: [&str; 38] = [
    "id",
    "text",
    "author_id",
    "author",
    "created_at",
    "lang",
    "conversation_id",
    "in_reply_to_user_id",
    "in_reply_to_user",
    "public_metrics",
    "entities",
    "referenced_tweets",
    "referenced_posts",
    "note_tweet",
    "note_post",
    "edit_history_tweet_ids",
    "edit_history_post_ids",
    "edit_controls",
    "attachments",
    "context_annotations",
    "geo",
    "possibly_sensitive",
    "reply_settings",
    "source",
    "withheld",
    "non_public_metrics",
    "organic_metrics",
    "promoted_metrics",
    "card_uri",
    "community_id",
    "display_text_range",
    "media_metadata",
    "scopes",
    "suggested_source_links",
    "article",
    "username",
    "name",
    "__twarc",
];

/// What a page says about the authors and the tweets that its tweets refer to.
#[derive(Debug, Default)]
pub(super) struct Includes {
    users: HashMap<String, Map<String, Json>>,
    tweets: HashMap<String, Map<String, Json>>,
}

impl Includes {
    fn of(page: &mut Map<String, Json>) -> Self {
        let mut includes = match page.remove("includes") {
            Some(Json::Object(includes)) => includes,
            _ => Map::new(),
        };
        let mut by_id = |keys: &[&str]| -> HashMap<String, Map<String, Json>> {
            let lists = keys.iter().filter_map(|key| includes.remove(*key));
            let objects =
                lists.filter_map(|list| if let Json::Array(list) = list { Some(list) } else { None }).flatten();
            let named = objects.filter_map(|object| match object {
                Json::Object(object) => text(&object, "id").map(|id| (id, object)),
                _ => None,
            });
            named.collect()
        };
        Self { users: by_id(&["users"]), tweets: by_id(&["tweets", "posts"]) }
    }
}

/// Returns the tweets of a page.
pub(super) fn of_page(mut page: Map<String, Json>) -> Vec<Tweet> {
    let includes = Includes::of(&mut page);
    let data = match page.remove("data") {
        Some(Json::Array(data)) => data,
        Some(Json::Object(one)) => vec![Json::Object(one)],
        _ => Vec::new(),
    };
    data.iter().filter_map(Json::as_object).map(|object| tweet(object, &includes)).collect()
}

/// Returns one tweet.
pub(super) fn tweet(object: &Map<String, Json>, includes: &Includes) -> Tweet {
    let author_id = text(object, "author_id").or_else(|| text(inside(object, "author")?, "id"));
    let included = author_id.as_ref().and_then(|id| includes.users.get(id));
    let user = inside(object, "author").or(included);
    let note = note(object);
    let entities = note.and_then(|note| inside(note, "entities")).or_else(|| inside(object, "entities"));
    let referred = Referred::of(object);
    let metrics = inside(object, "public_metrics");
    let count = |key: &str| integer(metrics?, key);
    let (content, truncated) = content(object, note, &referred, includes);
    Tweet {
        id: text(object, "id"),
        text: Some(content),
        author: user.and_then(|user| text(user, "username")).or_else(|| text(object, "username")),
        author_name: user.and_then(|user| text(user, "name")),
        author_id,
        created_at: time(object, "created_at"),
        lang: text(object, "lang"),
        retweet: referred.retweeted.is_some(),
        quote: referred.quoted,
        reply: referred.replied_to.is_some() || object.get("in_reply_to_user_id").is_some_and(|id| !id.is_null()),
        conversation_id: text(object, "conversation_id"),
        in_reply_to_id: referred.replied_to.and_then(|tweet| text(tweet, "id")),
        hashtags: hashtags(entities, "tag"),
        links: links(entities),
        likes: count("like_count"),
        reposts: count("retweet_count").or_else(|| count("repost_count")),
        replies: count("reply_count"),
        quotes: count("quote_count"),
        views: count("impression_count"),
        truncated,
        others: others(object, &KNOWN),
    }
}

fn note(object: &Map<String, Json>) -> Option<&Map<String, Json>> {
    inside(object, "note_tweet").or_else(|| inside(object, "note_post"))
}

/// Returns the whole text of a tweet, or of the tweet that it repeats, and whether X cut it off.
fn content(
    object: &Map<String, Json>,
    note: Option<&Map<String, Json>>,
    referred: &Referred<'_>,
    includes: &Includes,
) -> (String, bool) {
    let own = text(object, "text").unwrap_or_default();
    if let Some(whole) = note.and_then(|note| text(note, "text")) {
        return (unescaped(&whole), false);
    }
    let Some(reference) = referred.retweeted else { return (unescaped(&own), false) };
    let included = text(reference, "id").and_then(|id| includes.tweets.get(&id));
    let source = [Some(reference), included].into_iter().flatten().find(|tweet| tweet.contains_key("text"));
    let whole =
        source.and_then(|tweet| self::note(tweet).and_then(|note| text(note, "text")).or_else(|| text(tweet, "text")));
    match whole {
        Some(whole) => (unescaped(&with_whole(&own, &whole)), false),
        None => (unescaped(&own), is_cut(&own)),
    }
}

/// The tweets that a tweet refers to.
#[derive(Debug, Default)]
struct Referred<'a> {
    retweeted: Option<&'a Map<String, Json>>,
    replied_to: Option<&'a Map<String, Json>>,
    quoted: bool,
}

impl<'a> Referred<'a> {
    fn of(object: &'a Map<String, Json>) -> Self {
        let mut referred = Self::default();
        for key in ["referenced_tweets", "referenced_posts"] {
            for reference in list(Some(object), key) {
                match reference.get("type").and_then(Json::as_str) {
                    Some("retweeted" | "reposted") => referred.retweeted = Some(reference),
                    Some("replied_to") => referred.replied_to = Some(reference),
                    Some("quoted") => referred.quoted = true,
                    _ => {}
                }
            }
        }
        referred
    }
}
