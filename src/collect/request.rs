//! What a collection asks X for: windows of a search, timelines of accounts, or posts by their ids; cut into tasks that are
//! done one after the other.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit, ZonedRound};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use pregonero_x::{Excluded, Granularity, Reach, Window};

/// How many ids or names one request takes.
pub const BATCH: usize = 100;

/// What a person asked for, without how much of it: the same request goes on where it was stopped, with other limits too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub what: What,
    /// Accounts whose ids are looked up, by name.
    pub accounts: Vec<String>,
    /// The SHA-256 of the table with the accounts' attributes.
    pub attributes: Option<String>,
    /// Whether the name of every author is looked up.
    pub author_names: bool,
}

/// The kinds of collections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Posts that fit one of the queries.
    Search {
        queries: Vec<String>,
        reach: Reach,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        windows: WindowSize,
    },
    /// What the accounts of the request posted, as far as X shows it.
    Timelines { since: Option<Timestamp>, until: Option<Timestamp>, excluded: Excluded },
    /// Posts whose ids are known.
    Posts {
        /// The SHA-256 of the file with the ids.
        sha256: String,
        ids: usize,
    },
}

/// The pieces that a search is cut into: posts are counted, read and compared with the count piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowSize {
    Hour,
    Day,
    Whole,
}

/// The request with its ends fixed: `until` is the time of the first run if nobody named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    pub format: u32,
    pub request: Request,
    pub since: Option<Timestamp>,
    pub until: Timestamp,
    /// When the first run began.
    pub begun_at: Timestamp,
}

/// One piece of the work: as many pages as X gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Search {
        /// The index of the query.
        query: usize,
        window: Window,
    },
    Timeline {
        /// The index of the account's name in the request.
        account: usize,
    },
    /// The ids at these places of the file.
    Posts { from: usize, to: usize },
}

impl WindowSize {
    /// Returns the pieces in which X is asked to count.
    pub fn granularity(self) -> Granularity {
        match self {
            Self::Hour => Granularity::Hour,
            Self::Day | Self::Whole => Granularity::Day,
        }
    }

    /// Returns the windows of a span, the oldest first; days and hours are those of UTC, as X counts them.
    pub fn windows(self, since: Timestamp, until: Timestamp) -> Vec<Window> {
        let mut windows = Vec::new();
        let mut from = since;
        while from < until {
            let to = self.end_after(from).min(until);
            windows.push(Window { from, to });
            from = to;
        }
        windows
    }

    /// Returns the end of the window that contains an instant.
    fn end_after(self, instant: Timestamp) -> Timestamp {
        let (unit, length) = match self {
            Self::Hour => (Unit::Hour, SignedDuration::from_hours(1)),
            Self::Day => (Unit::Day, SignedDuration::from_hours(24)),
            Self::Whole => return Timestamp::MAX,
        };
        let rounding = ZonedRound::new().smallest(unit).mode(jiff::RoundMode::Floor);
        let start = instant.to_zoned(TimeZone::UTC).round(rounding).map_or(instant, |start| start.timestamp());
        start.checked_add(length).unwrap_or(Timestamp::MAX)
    }
}

impl Begin {
    /// Returns the tasks in the order in which they are done: the oldest window first, because a recent search forgets it
    /// first.
    #[must_use]
    pub fn tasks(&self) -> Vec<Task> {
        match &self.request.what {
            What::Search { queries, windows, .. } => {
                let windows = windows.windows(self.since.unwrap_or(Timestamp::MIN), self.until);
                let of_window = |window| (0..queries.len()).map(move |query| Task::Search { query, window });
                windows.into_iter().flat_map(of_window).collect()
            }
            What::Timelines { .. } => {
                (0..self.request.accounts.len()).map(|account| Task::Timeline { account }).collect()
            }
            What::Posts { ids, .. } => {
                (0..*ids).step_by(BATCH).map(|from| Task::Posts { from, to: (from + BATCH).min(*ids) }).collect()
            }
        }
    }
}

/// Returns in words how two requests differ, `None` if they do not.
#[must_use]
pub fn difference(begun: &Request, asked: &Request) -> Option<String> {
    let flat = |request: &Request| -> Vec<(String, String)> {
        let mut found = Vec::new();
        flatten("", &serde_json::to_value(request).unwrap_or_default(), &mut found);
        found
    };
    let (begun, asked) = (flat(begun), flat(asked));
    let value_in = |list: &[(String, String)], name: &str| {
        list.iter().find(|(known, _)| known == name).map_or("nothing".to_owned(), |(_, value)| value.clone())
    };
    let names = begun.iter().chain(&asked).map(|(name, _)| name.as_str());
    let changed = names.into_iter().find(|name| value_in(&begun, name) != value_in(&asked, name))?;
    Some(format!("{changed} was {}, now it is {}", value_in(&begun, changed), value_in(&asked, changed)))
}

fn flatten(prefix: &str, value: &Json, found: &mut Vec<(String, String)>) {
    match value {
        Json::Object(object) => {
            for (key, value) in object {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&name, value, found);
            }
        }
        Json::Null => {}
        value => found.push((prefix.to_owned(), value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::at;

    #[test]
    fn days_are_those_of_utc_and_the_ends_are_kept() {
        let windows = WindowSize::Day.windows(at("2021-02-27T22:30:00Z"), at("2021-03-02T06:00:00Z"));
        let shown: Vec<String> = windows.iter().map(|window| format!("{} {}", window.from, window.to)).collect();
        assert_eq!(
            shown,
            [
                "2021-02-27T22:30:00Z 2021-02-28T00:00:00Z",
                "2021-02-28T00:00:00Z 2021-03-01T00:00:00Z",
                "2021-03-01T00:00:00Z 2021-03-02T00:00:00Z",
                "2021-03-02T00:00:00Z 2021-03-02T06:00:00Z",
            ]
        );
        let span = (at("2021-02-27T22:30:00Z"), at("2021-02-28T01:00:00Z"));
        assert_eq!(WindowSize::Hour.windows(span.0, span.1).len(), 3);
        assert_eq!(WindowSize::Whole.windows(span.0, span.1), [Window { from: span.0, to: span.1 }]);
        assert_eq!(WindowSize::Day.windows(span.1, span.0), []);
    }

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let request = |query: &str, since: Option<Timestamp>| Request {
            what: What::Search {
                queries: vec![query.to_owned()],
                reach: Reach::All,
                since,
                until: None,
                windows: WindowSize::Day,
            },
            accounts: Vec::new(),
            attributes: None,
            author_names: false,
        };
        let begun = request("#a", Some(at("2021-03-01T00:00:00Z")));
        assert_eq!(difference(&begun, &begun), None);
        let words = difference(&begun, &request("#b", Some(at("2021-03-01T00:00:00Z")))).unwrap();
        assert_eq!(words, "what.search.queries was [\"#a\"], now it is [\"#b\"]");
        let words = difference(&begun, &request("#a", None)).unwrap();
        assert_eq!(words, "what.search.since was \"2021-03-01T00:00:00Z\", now it is nothing");
    }
}
