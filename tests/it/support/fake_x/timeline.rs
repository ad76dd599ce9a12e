//! The account's timeline: what may be asked of it, and how it shows a tweet.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::oauth::decode;
use super::{Call, Tweet};

/// The query of a timeline, if X would take it.
pub fn timeline_query(call: &Call, field_name: Option<&str>) -> Result<BTreeMap<String, String>, String> {
    let (_, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let mut found = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        let fits = match name.as_str() {
            "max_results" => value.parse().is_ok_and(|rows: usize| (5..=100).contains(&rows)),
            "start_time" | "end_time" => value.len() == 20 && value.parse::<Timestamp>().is_ok(),
            "exclude" => value == "retweets",
            "pagination_token" => value.parse::<usize>().is_ok(),
            "tweet.fields" | "post.fields" => field_name.is_none_or(|known| known == name),
            _ => false,
        };
        if !fits {
            return Err(format!("The query parameter [{name}] is not one of those known, or [{value}] does not fit."));
        }
        found.insert(name, value);
    }
    Ok(found)
}

/// What people did by the time of this reading: more each time, so that a test can tell readings apart.
fn metrics(reads: usize) -> Value {
    json!({"retweet_count": reads, "reply_count": 1, "like_count": 3 * reads, "quote_count": 0, "bookmark_count": 0,
        "impression_count": 100 * reads})
}

/// A tweet as the timeline shows it, with what was asked for.
pub fn row(tweet: &Tweet, query: &BTreeMap<String, String>) -> Value {
    let escaped = tweet.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut row = json!({"id": tweet.id, "text": escaped});
    for (fields, history) in [("tweet.fields", "edit_history_tweet_ids"), ("post.fields", "edit_history_post_ids")] {
        if query.contains_key(fields) {
            row["created_at"] = json!(format!("{:.3}", tweet.created_at));
            row[history] = json!([tweet.id]);
            if query[fields].split(',').any(|field| field == "public_metrics") {
                row["public_metrics"] = metrics(tweet.reads);
            }
        }
    }
    row
}
