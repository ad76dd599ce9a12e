//! What is asked of X: paths and queries, nothing else.

use jiff::Timestamp;
use url::form_urlencoded::Serializer;

use crate::timeline::whole_seconds;

/// The report of the month's reads.
pub(super) const USAGE: &str = "/2/usage/tweets?usage.fields=cap_reset_day%2Cproject_cap%2Cproject_usage";

/// How far back a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The last seven days.
    Recent,
    /// All posts since 2006.
    All,
}

impl Reach {
    fn name(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::All => "all",
        }
    }

    /// Returns how many posts one page of a search can have.
    #[must_use]
    pub fn largest_page(self) -> usize {
        match self {
            Self::Recent => 100,
            Self::All => 500,
        }
    }

    /// Returns how many characters a query may have, for an app that pays by use (X's table of limits, August 2026).
    #[must_use]
    pub fn longest_query(self) -> usize {
        match self {
            Self::Recent => 512,
            Self::All => 1024,
        }
    }
}

/// The pieces that posts are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    Hour,
    Day,
}

/// A span of time with both ends: without a start, X's full archive shows only the last thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The first instant of it.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

/// Where in a window a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At its newest post.
    Start,
    /// Where the page before ended, by the token that X gave with it. Tokens expire.
    Token(String),
    /// Below the post with this id.
    Below(String),
}

/// The kinds of posts that a timeline leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Excluded {
    pub reposts: bool,
    pub replies: bool,
}

/// The name under which the fields beyond id and text are requested: X renamed them in August 2026, and its documents
/// disagree on which one the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldNames {
    Tweet,
    Post,
}

impl FieldNames {
    /// Both, in the order they are tried.
    pub(super) const ALL: [Self; 2] = [Self::Tweet, Self::Post];

    fn pair(self) -> (&'static str, &'static str) {
        match self {
            Self::Tweet => (
                "tweet.fields",
                "author_id,conversation_id,created_at,entities,in_reply_to_user_id,lang,note_tweet,public_metrics,\
                 referenced_tweets",
            ),
            Self::Post => (
                "post.fields",
                "author_id,conversation_id,created_at,entities,in_reply_to_user_id,lang,note_post,public_metrics,\
                 referenced_posts",
            ),
        }
    }
}

/// Parameters of a request in the order they are added.
struct Query(Serializer<'static, String>);

impl Query {
    fn new() -> Self {
        Self(Serializer::new(String::new()))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.append_pair(name, value);
        self
    }

    fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn fields(self, fields: FieldNames) -> Self {
        let (name, value) = fields.pair();
        self.with(name, value)
    }

    /// Adds the end of the span and the place in it. X ignores `end_time` next to `until_id`.
    fn place(self, place: &Place, to: Option<Timestamp>, token_name: &str) -> Self {
        let end = |query: Self| query.maybe("end_time", to.map(whole_seconds).as_deref());
        match place {
            Place::Start => end(self),
            Place::Token(token) => end(self).with(token_name, token),
            Place::Below(id) => self.with("until_id", id),
        }
    }

    fn of(mut self, path: &str) -> String {
        format!("{path}?{}", self.0.finish())
    }
}

pub(super) fn counts(reach: Reach, query: &str, window: Window, by: Granularity, next: Option<&str>) -> String {
    let granularity = match by {
        Granularity::Hour => "hour",
        Granularity::Day => "day",
    };
    Query::new()
        .with("query", query)
        .with("granularity", granularity)
        .with("start_time", &whole_seconds(window.from))
        .with("end_time", &whole_seconds(window.to))
        .maybe("next_token", next)
        .of(&format!("/2/tweets/counts/{}", reach.name()))
}

pub(super) fn search(
    reach: Reach,
    query: &str,
    window: Window,
    place: &Place,
    rows: usize,
    fields: FieldNames,
) -> String {
    Query::new()
        .with("query", query)
        .with("max_results", &rows.to_string())
        .with("sort_order", "recency")
        .with("start_time", &whole_seconds(window.from))
        .place(place, Some(window.to), "next_token")
        .fields(fields)
        .of(&format!("/2/tweets/search/{}", reach.name()))
}

pub(super) fn account_posts(
    user: &str,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    excluded: Excluded,
    place: &Place,
    rows: usize,
    fields: FieldNames,
) -> String {
    let names = [(excluded.replies, "replies"), (excluded.reposts, "retweets")];
    let names: Vec<&str> = names.into_iter().filter(|(is_excluded, _)| *is_excluded).map(|(_, name)| name).collect();
    let exclude = (!names.is_empty()).then(|| names.join(","));
    Query::new()
        .with("max_results", &rows.to_string())
        .maybe("exclude", exclude.as_deref())
        .maybe("start_time", from.map(whole_seconds).as_deref())
        .place(place, to, "pagination_token")
        .fields(fields)
        .of(&format!("/2/users/{user}/tweets"))
}

pub(super) fn posts(ids: &[String], fields: FieldNames) -> String {
    Query::new().with("ids", &ids.join(",")).fields(fields).of("/2/tweets")
}

pub(super) fn accounts_by_name(names: &[String]) -> String {
    Query::new().with("usernames", &names.join(",")).with("user.fields", "public_metrics").of("/2/users/by")
}

pub(super) fn accounts_by_id(ids: &[String]) -> String {
    Query::new().with("ids", &ids.join(",")).with("user.fields", "public_metrics").of("/2/users")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window { from: "2021-03-01T00:00:00.9Z".parse().unwrap(), to: "2021-03-02T00:00:00Z".parse().unwrap() }
    }

    #[test]
    fn a_search_always_says_where_it_starts_and_never_asks_for_expansions() {
        for reach in [Reach::Recent, Reach::All] {
            for place in [Place::Start, Place::Token("t/1".to_owned()), Place::Below("17".to_owned())] {
                for fields in FieldNames::ALL {
                    let path = search(reach, "#a lang:es", window(), &place, 100, fields);
                    assert!(path.contains("start_time=2021-03-01T00%3A00%3A00Z"), "{path}");
                    assert!(!path.contains("expansions"), "each expanded object is charged: {path}");
                    assert_eq!(path.contains("end_time"), !matches!(place, Place::Below(_)), "{path}");
                }
            }
        }
    }

    #[test]
    fn requests_are_written_as_x_reads_them() {
        assert_eq!(
            search(
                Reach::All,
                "(#a OR #b) -has:links",
                window(),
                &Place::Token("t/1".to_owned()),
                500,
                FieldNames::Post
            ),
            "/2/tweets/search/all?query=%28%23a+OR+%23b%29+-has%3Alinks&max_results=500&sort_order=recency\
             &start_time=2021-03-01T00%3A00%3A00Z&end_time=2021-03-02T00%3A00%3A00Z&next_token=t%2F1\
             &post.fields=author_id%2Cconversation_id%2Ccreated_at%2Centities%2Cin_reply_to_user_id%2Clang%2Cnote_post\
             %2Cpublic_metrics%2Creferenced_posts"
        );
        assert_eq!(
            counts(Reach::Recent, "#a", window(), Granularity::Day, Some("n")),
            "/2/tweets/counts/recent?query=%23a&granularity=day&start_time=2021-03-01T00%3A00%3A00Z\
             &end_time=2021-03-02T00%3A00%3A00Z&next_token=n"
        );
        let both = Excluded { reposts: true, replies: true };
        let path = account_posts("17", (None, None), both, &Place::Start, 100, FieldNames::Tweet);
        assert!(
            path.starts_with("/2/users/17/tweets?max_results=100&exclude=replies%2Cretweets&tweet.fields="),
            "{path}"
        );
        let path = account_posts(
            "17",
            (None, None),
            Excluded::default(),
            &Place::Token("p".to_owned()),
            100,
            FieldNames::Tweet,
        );
        assert!(path.starts_with("/2/users/17/tweets?max_results=100&pagination_token=p&tweet.fields="), "{path}");
        assert_eq!(
            accounts_by_name(&["ana".to_owned(), "eva".to_owned()]),
            "/2/users/by?usernames=ana%2Ceva&user.fields=public_metrics"
        );
    }
}
