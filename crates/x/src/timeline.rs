//! What an account posted, as `GET /2/users/:id/tweets` reports it.
//!
//! X renamed its fields in August 2026 (`tweet.fields` became `post.fields`, `edit_history_tweet_ids` became
//! `edit_history_post_ids`) and its documents disagree on which ones the server knows. So both are read, and the
//! request tries one name after the other. An answer that cannot be read completely is an error: an unreadable page
//! must not be mistaken for the absence of a tweet.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use url::form_urlencoded;

use super::answer::identifier;
use super::limits::RateLimits;

/// The most rows that a page may have; X bills each row, so the span is what keeps a read cheap.
const ROWS: &str = "100";

/// The epoch of X's ids in milliseconds of Unix time: their upper 42 bits count from it.
const ID_EPOCH_MS: i64 = 1_288_834_974_657;

/// The span of a timeline, on X's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    /// Absent: up to now.
    pub to: Option<Timestamp>,
}

/// What was posted in a span, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    pub tweets: Vec<TimelineTweet>,
    /// The `x-transaction-id` header of the last page.
    pub transaction_id: Option<String>,
    /// What is left in X's windows for this endpoint.
    pub limits: RateLimits,
}

/// A tweet as X stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineTweet {
    /// Decimal digits.
    pub id: String,
    /// URLs are `t.co` ones, and `&`, `<`, `>` may be escaped.
    pub text: String,
    /// On X's clock.
    pub created_at: Option<Timestamp>,
    /// The targets of the `t.co` URLs, as far as X gives them.
    pub links: Vec<Link>,
    /// The ids it had before it was edited, including its own.
    pub edit_history: Vec<String>,
    /// What people did with it, as far as X gives it.
    pub metrics: Option<Metrics>,
}

/// How often people did something with a tweet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    pub likes: u64,
    pub reposts: u64,
    pub replies: u64,
    pub quotes: u64,
    /// How often it was shown.
    pub views: Option<u64>,
}

/// A shortened URL and its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub short: String,
    pub expanded: String,
}

/// The name under which the fields beyond id and text are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FieldNames {
    Tweet,
    Post,
    /// Nothing beyond id and text, which X returns without being asked.
    None,
}

impl FieldNames {
    /// All of them, in the order they are tried.
    pub(super) const ALL: [Self; 3] = [Self::Tweet, Self::Post, Self::None];

    fn pair(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Tweet => Some(("tweet.fields", "created_at,entities,edit_history_tweet_ids,public_metrics")),
            Self::Post => Some(("post.fields", "created_at,entities,edit_history_post_ids,public_metrics")),
            Self::None => None,
        }
    }
}

/// Returns path and query of one page.
pub(super) fn path(user: &str, span: Span, fields: FieldNames, page: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("max_results", ROWS).append_pair("exclude", "retweets");
    query.append_pair("start_time", &whole_seconds(span.from));
    if let Some(to) = span.to {
        query.append_pair("end_time", &whole_seconds(to));
    }
    if let Some((name, value)) = fields.pair() {
        query.append_pair(name, value);
    }
    if let Some(page) = page {
        query.append_pair("pagination_token", page);
    }
    format!("/2/users/{user}/tweets?{}", query.finish())
}

/// Formats as `YYYY-MM-DDTHH:mm:ssZ`, the only form that X accepts.
pub(super) fn whole_seconds(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads one page: its tweets and the token of the next; `None` if it cannot be read completely.
pub(super) fn read_page(body: &Value) -> Option<(Vec<TimelineTweet>, Option<String>)> {
    let meta = &body["meta"];
    let tweets = match &body["data"] {
        Value::Array(rows) => rows.iter().map(read_tweet).collect::<Option<Vec<_>>>()?,
        // X omits an empty list; only its count shows that this is one.
        Value::Null if meta["result_count"] == 0 => Vec::new(),
        _ => return None,
    };
    Some((tweets, meta["next_token"].as_str().map(str::to_owned)))
}

fn read_tweet(row: &Value) -> Option<TimelineTweet> {
    let id = identifier(&row["id"])?;
    let history = [&row["edit_history_tweet_ids"], &row["edit_history_post_ids"]];
    let links = row["entities"]["urls"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(TimelineTweet {
        text: row["text"].as_str()?.to_owned(),
        created_at: row["created_at"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .or_else(|| time_of_id(id.parse().ok()?)),
        links: links.iter().filter_map(read_link).collect(),
        edit_history: history.iter().filter_map(|ids| ids.as_array()).flatten().filter_map(identifier).collect(),
        metrics: read_metrics(&row["public_metrics"]),
        id,
    })
}

/// Reads the numbers; X's documents name the reposts in two ways.
fn read_metrics(metrics: &Value) -> Option<Metrics> {
    let count = |name: &str| metrics[name].as_u64();
    Some(Metrics {
        likes: count("like_count")?,
        reposts: count("retweet_count").or_else(|| count("repost_count"))?,
        replies: count("reply_count")?,
        quotes: count("quote_count")?,
        views: count("impression_count"),
    })
}

fn read_link(entity: &Value) -> Option<Link> {
    let text = |name: &str| entity[name].as_str().map(str::to_owned);
    Some(Link { short: text("url")?, expanded: text("unwound_url").or_else(|| text("expanded_url"))? })
}

/// Returns when an id was issued, according to its upper bits.
#[must_use]
pub fn time_of_id(id: u64) -> Option<Timestamp> {
    let milliseconds = i64::try_from(id >> 22).ok()?;
    Timestamp::from_millisecond(ID_EPOCH_MS).ok()?.checked_add(SignedDuration::from_millis(milliseconds)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_asked_for_by_its_span_with_the_fields_of_either_name() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = Span { from: at("2026-03-01T11:58:00.9Z"), to: Some(at("2026-03-01T12:15:00Z")) };
        assert_eq!(
            path("17", span, FieldNames::Tweet, Some("a/b")),
            "/2/users/17/tweets?max_results=100&exclude=retweets&start_time=2026-03-01T11%3A58%3A00Z\
             &end_time=2026-03-01T12%3A15%3A00Z&tweet.fields=created_at%2Centities%2Cedit_history_tweet_ids%2Cpublic_metrics\
             &pagination_token=a%2Fb"
        );
        let open = Span { to: None, ..span };
        assert!(
            path("17", open, FieldNames::Post, None)
                .ends_with("post.fields=created_at%2Centities%2Cedit_history_post_ids%2Cpublic_metrics")
        );
        assert!(path("17", open, FieldNames::None, None).ends_with("start_time=2026-03-01T11%3A58%3A00Z"));
    }

    #[test]
    fn old_and_new_names_give_the_same_tweet() {
        for history in ["edit_history_tweet_ids", "edit_history_post_ids"] {
            let body = json!({
                "data": [{
                    "id": "1445880548472328192", "text": "Más en https://t.co/a &amp; ya",
                    "created_at": "2026-03-01T12:00:01.000Z", history: ["1445880548472328192", "17"],
                    "entities": {"urls": [
                        {"url": "https://t.co/a", "expanded_url": "https://example.com/a", "start": 7}, {"url": 3},
                    ]},
                }],
                "meta": {"result_count": 1, "next_token": "more"},
            });
            let (tweets, next) = read_page(&body).unwrap();
            assert_eq!(next.as_deref(), Some("more"));
            let wanted = TimelineTweet {
                id: "1445880548472328192".to_owned(),
                text: "Más en https://t.co/a &amp; ya".to_owned(),
                created_at: "2026-03-01T12:00:01Z".parse().ok(),
                links: vec![Link { short: "https://t.co/a".to_owned(), expanded: "https://example.com/a".to_owned() }],
                edit_history: vec!["1445880548472328192".to_owned(), "17".to_owned()],
                metrics: None,
            };
            assert_eq!(tweets, [wanted]);
        }
    }

    #[test]
    fn reposts_are_read_by_either_name_and_numbers_that_are_not_all_there_not_at_all() {
        let read = |metrics: Value| {
            let body = json!({"data": [{"id": "1", "text": "Hola", "public_metrics": metrics}]});
            read_page(&body).unwrap().0[0].metrics
        };
        let counts = Metrics { likes: 234, reposts: 50, replies: 12, quotes: 5, views: Some(5432) };
        for name in ["retweet_count", "repost_count"] {
            let metrics = json!({name: 50, "reply_count": 12, "like_count": 234, "quote_count": 5, "bookmark_count": 8,
                "impression_count": 5432});
            assert_eq!(read(metrics), Some(counts));
        }
        let without_views = json!({"repost_count": 50, "reply_count": 12, "like_count": 234, "quote_count": 5});
        assert_eq!(read(without_views), Some(Metrics { views: None, ..counts }));
        for metrics in [json!({}), json!(null), json!("5"), json!({"like_count": -1, "repost_count": 0})] {
            assert_eq!(read(metrics.clone()), None, "{metrics}");
        }
    }

    #[test]
    fn an_id_tells_its_time_where_nothing_else_does() {
        let (tweets, _) = read_page(&json!({"data": [{"id": "1445880548472328192", "text": "Hola"}]})).unwrap();
        // The docs' own example post, of 2021-10-06T22:47:... UTC.
        assert_eq!(tweets[0].created_at.unwrap().strftime("%Y-%m-%d").to_string(), "2021-10-06");
    }

    #[test]
    fn only_a_whole_page_counts() {
        assert_eq!(read_page(&json!({"meta": {"result_count": 0}})), Some((Vec::new(), None)));
        assert_eq!(read_page(&json!({"data": [], "meta": {}})), Some((Vec::new(), None)));
        for body in [
            json!({}),
            json!([]),
            json!({"meta": {"result_count": 3}}),
            json!({"data": {"id": "1"}}),
            json!({"data": [{"id": "1", "text": "Hola"}, {"text": "without an id"}]}),
            json!({"data": [{"id": "1"}]}),
            json!({"errors": [{"title": "Not Found Error"}]}),
        ] {
            assert_eq!(read_page(&body), None, "{body}");
        }
    }
}
