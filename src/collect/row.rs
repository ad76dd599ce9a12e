//! A post as X sends it, as a row of a data set with the usual column names. Both spellings of X's fields are read (those
//! before and after August 2026); what X did not send has no value.

use jiff::Timestamp;
use serde_json::Value as Json;

use pregonero_data::names;
use pregonero_data::row::{Place, Row};
use pregonero_x::Account;

/// Returns a post's id.
#[must_use]
pub fn id_of(post: &Json) -> Option<u64> {
    post["id"].as_u64().or_else(|| post["id"].as_str()?.parse().ok())
}

/// Returns the id of a post's author.
#[must_use]
pub fn author_of(post: &Json) -> Option<&str> {
    post["author_id"].as_str()
}

/// Returns the row of a post.
#[must_use]
pub fn row(post: &Json, author: Option<&Account>, number: u64) -> Row {
    let mut row = Row::new(Place { file: 0, line: 0, row: number });
    let text = |value: &Json| value.as_str().map(str::to_owned);
    let mut set = |name: &'static str, value: Option<String>| {
        if let Some(value) = value {
            row.set(name, value);
        }
    };
    set(names::ID, id_of(post).map(|id| id.to_string()));
    let full = full_text(post);
    set(names::TEXT, full.clone());
    set(names::AUTHOR, author.map(|author| author.username.clone()));
    set(names::AUTHOR_ID, text(&post["author_id"]));
    set(names::AUTHOR_NAME, author.map(|author| author.name.clone()).filter(|name| !name.is_empty()));
    set(names::CREATED_AT, post["created_at"].as_str().and_then(whole_seconds));
    set(names::LANG, text(&post["lang"]));
    set(names::CONVERSATION_ID, text(&post["conversation_id"]));
    set(names::IN_REPLY_TO_ID, referenced(post, "replied_to"));
    set(names::HASHTAGS, hashtags(post));
    let is_repost = referenced(post, "retweeted").or_else(|| referenced(post, "reposted")).is_some();
    row.set(names::RETWEET, is_repost);
    row.set(names::QUOTE, referenced(post, "quoted").is_some());
    row.set(names::REPLY, referenced(post, "replied_to").is_some() || post["in_reply_to_user_id"].is_string());
    row.set(names::LINKS, links(post));
    metrics(&mut row, &post["public_metrics"]);
    row.set(names::TRUNCATED, is_repost && full.is_some_and(|text| text.ends_with('…')));
    row
}

/// Returns the whole text, that of a long post too, without HTML's escapes.
fn full_text(post: &Json) -> Option<String> {
    let long = ["note_tweet", "note_post"].iter().find_map(|name| post[name]["text"].as_str());
    let text = long.or_else(|| post["text"].as_str())?;
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

fn whole_seconds(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn referenced(post: &Json, kind: &str) -> Option<String> {
    let lists = ["referenced_tweets", "referenced_posts"].iter().filter_map(|name| post[name].as_array());
    let found = lists.flatten().find(|reference| reference["type"] == kind)?;
    found["id"].as_str().map(str::to_owned)
}

/// Returns the entities of the whole text: those of a long post stand with its text.
fn entities<'a>(post: &'a Json, kind: &str) -> Vec<&'a Json> {
    let long =
        ["note_tweet", "note_post"].iter().map(|name| &post[name]["entities"]).find(|entities| entities.is_object());
    long.unwrap_or(&post["entities"])[kind].as_array().map(|list| list.iter().collect()).unwrap_or_default()
}

fn hashtags(post: &Json) -> Option<String> {
    let tags: Vec<&str> = entities(post, "hashtags").into_iter().filter_map(|tag| tag["tag"].as_str()).collect();
    (!tags.is_empty()).then(|| tags.join(" "))
}

/// Counts the links of a post; pictures and videos of its own have one too, which does not count.
fn links(post: &Json) -> i64 {
    let links = entities(post, "urls").into_iter().filter(|link| link["media_key"].is_null());
    i64::try_from(links.count()).unwrap_or(i64::MAX)
}

fn metrics(row: &mut Row, metrics: &Json) {
    let counts = [
        (names::LIKES, "like_count", "like_count"),
        (names::REPOSTS, "retweet_count", "repost_count"),
        (names::REPLIES, "reply_count", "reply_count"),
        (names::QUOTES, "quote_count", "quote_count"),
        (names::VIEWS, "impression_count", "impression_count"),
    ];
    for (name, old, new) in counts {
        if let Some(count) = metrics[old].as_i64().or_else(|| metrics[new].as_i64()) {
            row.set(name, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_of_x_give_the_same_row() {
        let post = |references: &str, note: &str, reposts: &str| {
            json!({
                "id": "1445880548472328192", "text": "Hoy abre el mercado &amp; la pla…", "author_id": "17",
                "created_at": "2026-03-01T12:00:01.000Z", "lang": "es", "conversation_id": "1445880548472328000",
                references: [{"type": "replied_to", "id": "1445880548472328000"}],
                note: {"text": "Hoy abre el mercado &amp; la plaza #Vecinos", "entities": {"hashtags": [{"tag": "Vecinos"}]}},
                "entities": {"urls": [{"url": "https://t.co/a"}, {"url": "https://t.co/b", "media_key": "3_1"}]},
                "public_metrics": {reposts: 2, "like_count": 5, "reply_count": 0, "quote_count": 1, "impression_count": 90},
            })
        };
        let author = Account { id: "17".to_owned(), username: "ana".to_owned(), name: "Ana".to_owned(), posts: None };
        let old = row(&post("referenced_tweets", "note_tweet", "retweet_count"), Some(&author), 1);
        let new = row(&post("referenced_posts", "note_post", "repost_count"), Some(&author), 1);
        assert_eq!(old, new);
        let found: Vec<(&str, String)> = old.iter().map(|(name, value)| (name, value.to_string())).collect();
        let expected = [
            ("id", "1445880548472328192"),
            ("text", "Hoy abre el mercado & la plaza #Vecinos"),
            ("author", "ana"),
            ("author_id", "17"),
            ("author_name", "Ana"),
            ("created_at", "2026-03-01T12:00:01Z"),
            ("lang", "es"),
            ("conversation_id", "1445880548472328000"),
            ("in_reply_to_id", "1445880548472328000"),
            ("hashtags", "Vecinos"),
            ("retweet", "false"),
            ("quote", "false"),
            ("reply", "true"),
            ("links", "0"),
            ("likes", "5"),
            ("reposts", "2"),
            ("replies", "0"),
            ("quotes", "1"),
            ("views", "90"),
            ("truncated", "false"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_repost_that_x_cut_off_is_called_that() {
        let post =
            json!({"id": "5", "text": "RT @ana: Hoy abre…", "referenced_tweets": [{"type": "retweeted", "id": "4"}]});
        let row = row(&post, None, 1);
        assert_eq!((row.get("retweet"), row.get("truncated")), (Some(&true.into()), Some(&true.into())));
        assert_eq!(row.get("author"), None);
    }
}
