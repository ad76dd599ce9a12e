//! A post as X sends it, as a row of a data set: with the reader's columns, so that a collection and an imported file of the
//! same posts are the same rows.

use serde_json::{Value as Json, json};

use pregonero_data::json_row::Names;
use pregonero_data::read::row_of_post;
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

/// Returns the row of a post; what X did not send has no value.
#[must_use]
pub fn row(post: &Json, author: Option<&Account>, number: u64, names: &mut Names) -> Row {
    let mut post = post.as_object().cloned().unwrap_or_default();
    if let Some(Account { id, username, name, .. }) = author {
        post.insert("author".to_owned(), json!({"id": id, "username": username, "name": name}));
    }
    row_of_post(&post, Place { file: 0, line: 0, row: number }, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_x_give_the_same_row() {
        let post = |references: &str, note: &str, reposts: &str| {
            json!({
                "id": "1445880548472328192", "text": "Hoy abre el mercado &amp; la pla…", "author_id": "17",
                "created_at": "2026-03-01T12:00:01.000Z", "lang": "es", "conversation_id": "1445880548472328000",
                references: [{"type": "replied_to", "id": "1445880548472328000"}],
                note: {"text": "Hoy abre el mercado &amp; la plaza #Vecinos", "entities": {"hashtags": [{"tag": "Vecinos"}]}},
                "public_metrics": {reposts: 2, "like_count": 5, "reply_count": 0, "quote_count": 1, "impression_count": 90},
            })
        };
        let author = Account { id: "17".to_owned(), username: "ana".to_owned(), name: "Ana".to_owned(), posts: None };
        let row = |post: &Json| row(post, Some(&author), 1, &mut Names::default());
        let old = row(&post("referenced_tweets", "note_tweet", "retweet_count"));
        let new = row(&post("referenced_posts", "note_post", "repost_count"));
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
            ("retweet", "false"),
            ("quote", "false"),
            ("reply", "true"),
            ("conversation_id", "1445880548472328000"),
            ("in_reply_to_id", "1445880548472328000"),
            ("hashtags", "Vecinos"),
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
    fn a_repost_that_x_cut_off_is_called_that_and_an_unknown_author_has_no_name() {
        let post = json!({"id": "5", "text": "RT @ana: Hoy abre…", "author_id": "3",
            "referenced_tweets": [{"type": "retweeted", "id": "4"}]});
        let row = row(&post, None, 1, &mut Names::default());
        assert_eq!((row.get("retweet"), row.get("truncated")), (Some(&true.into()), Some(&true.into())));
        assert_eq!((row.get("author"), row.get("author_id")), (None, Some(&"3".into())));
    }
}
