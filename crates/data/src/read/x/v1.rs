//! Tweets of API v1.1, whole (`full_text`), streamed (`extended_tweet`) or in their old form (`text`).

use serde_json::{Map, Value as Json};

use super::tweet::{Tweet, hashtags, inside, integer, is_cut, links, others, text, time, unescaped, with_whole};

/// The keys of a tweet that X writes.
const KNOWN: [&str; 44] = [
    "id",
    "id_str",
    "text",
    "full_text",
    "user",
    "created_at",
    "lang",
    "source",
    "truncated",
    "in_reply_to_status_id",
    "in_reply_to_status_id_str",
    "in_reply_to_user_id",
    "in_reply_to_user_id_str",
    "in_reply_to_screen_name",
    "favorited",
    "retweeted",
    "is_quote_status",
    "quote_count",
    "reply_count",
    "retweet_count",
    "favorite_count",
    "possibly_sensitive",
    "possibly_sensitive_appealable",
    "filter_level",
    "timestamp_ms",
    "quoted_status_id",
    "quoted_status_id_str",
    "quoted_status",
    "quoted_status_permalink",
    "retweeted_status",
    "extended_tweet",
    "extended_entities",
    "entities",
    "display_text_range",
    "contributors",
    "geo",
    "coordinates",
    "place",
    "metadata",
    "edit_info",
    "withheld_in_countries",
    "withheld_copyright",
    "scopes",
    "matching_rules",
];

/// Returns one tweet.
pub(super) fn tweet(object: &Map<String, Json>) -> Tweet {
    let id = |key: &str| text(object, &format!("{key}_str")).or_else(|| text(object, key));
    let user = inside(object, "user");
    let retweeted = inside(object, "retweeted_status");
    let entities = extended(object, "entities").or_else(|| inside(object, "entities"));
    let (content, truncated) = content(object, retweeted);
    Tweet {
        id: id("id"),
        retweet: retweeted.is_some() || content.starts_with("RT @"),
        text: Some(content),
        author: user.and_then(|user| text(user, "screen_name")),
        author_id: user.and_then(|user| text(user, "id_str").or_else(|| text(user, "id"))),
        author_name: user.and_then(|user| text(user, "name")),
        created_at: time(object, "created_at"),
        lang: text(object, "lang"),
        quote: object.get("is_quote_status").and_then(Json::as_bool).unwrap_or(object.contains_key("quoted_status")),
        reply: id("in_reply_to_status_id").or_else(|| id("in_reply_to_user_id")).is_some(),
        conversation_id: None,
        in_reply_to_id: id("in_reply_to_status_id"),
        hashtags: hashtags(entities, "text"),
        links: links(entities),
        likes: integer(object, "favorite_count"),
        reposts: integer(object, "retweet_count"),
        replies: integer(object, "reply_count"),
        quotes: integer(object, "quote_count"),
        views: None,
        truncated,
        others: others(object, &KNOWN),
    }
}

fn extended<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a Map<String, Json>> {
    inside(inside(object, "extended_tweet")?, key)
}

/// Returns a tweet's whole text, or that of the tweet that it repeats, and whether X cut it off.
fn content(object: &Map<String, Json>, retweeted: Option<&Map<String, Json>>) -> (String, bool) {
    let own = text(object, "full_text").or_else(|| text(object, "text")).unwrap_or_default();
    if let Some(whole) = retweeted.and_then(whole) {
        return (unescaped(&with_whole(&own, &whole)), false);
    }
    match whole(object) {
        Some(whole) => {
            let cut = whole.starts_with("RT @") && is_cut(&whole);
            (unescaped(&whole), cut)
        }
        None => (unescaped(&own), is_cut(&own)),
    }
}

/// Returns the text of a tweet if it is whole.
fn whole(object: &Map<String, Json>) -> Option<String> {
    let extended = inside(object, "extended_tweet").and_then(|extended| text(extended, "full_text"));
    let cut = object.get("truncated").and_then(Json::as_bool).unwrap_or(false);
    let short = || text(object, "text").filter(|_| !cut);
    extended.or_else(|| text(object, "full_text")).or_else(short)
}
