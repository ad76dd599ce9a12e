//! What X's answers contain. An answer that cannot be read completely is none: a page of which a part was passed over would
//! be paid for and missing.
//!
//! Posts stay JSON as X sent them: whoever keeps them decides which fields to read.

use jiff::Timestamp;
use serde_json::Value;

use crate::answer::identifier;

/// One page of posts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// As X sent them; each has an `id` of decimal digits.
    pub posts: Vec<Value>,
    /// What X did not show, with its reasons.
    pub faults: Vec<Fault>,
    /// The token of the next page; `None`: this is the last one.
    pub next: Option<String>,
}

/// An entry of the `errors` of an answer that is otherwise good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The id or name that it is about, if X says so.
    pub about: Option<String>,
    /// The last segment of the problem's type, such as `resource-not-found`.
    pub kind: String,
    /// X's words.
    pub detail: String,
}

/// The counts of one request, the oldest piece first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    pub buckets: Vec<Bucket>,
    /// The token of an earlier part; `None`: this was the last one.
    pub next: Option<String>,
}

/// How many posts a piece of time has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bucket {
    pub from: Timestamp,
    pub to: Timestamp,
    pub posts: u64,
}

/// Accounts as X shows them, and those that it does not show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    pub accounts: Vec<Account>,
    pub faults: Vec<Fault>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    /// Decimal digits.
    pub id: String,
    /// The handle, without `@`.
    pub username: String,
    /// The name that people read.
    pub name: String,
    /// How many posts it has, if X says so.
    pub posts: Option<u64>,
}

/// How many posts the app has read in this month, and may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub read: u64,
    pub cap: u64,
    /// The day of the month on which counting starts anew.
    pub reset_day: Option<u64>,
}

pub(super) fn page(body: &Value) -> Option<Page> {
    let faults = faults(body);
    let posts = match &body["data"] {
        Value::Array(rows) => {
            rows.iter().map(|row| identifier(&row["id"]).map(|_| row.clone())).collect::<Option<_>>()?
        }
        // X omits an empty list; its count, or the reasons for each absent post, show that this is one.
        Value::Null if body["meta"]["result_count"] == 0 || !faults.is_empty() => Vec::new(),
        _ => return None,
    };
    Some(Page { posts, faults, next: next(body) })
}

pub(super) fn counts(body: &Value) -> Option<Counts> {
    let buckets = match &body["data"] {
        Value::Array(rows) => rows.iter().map(bucket).collect::<Option<Vec<_>>>()?,
        Value::Null if ["total_tweet_count", "total_post_count"].iter().any(|name| body["meta"][name] == 0) => {
            Vec::new()
        }
        _ => return None,
    };
    Some(Counts { buckets, next: next(body) })
}

fn bucket(row: &Value) -> Option<Bucket> {
    let time = |name: &str| row[name].as_str()?.parse().ok();
    let posts = row["tweet_count"].as_u64().or_else(|| row["post_count"].as_u64())?;
    Some(Bucket { from: time("start")?, to: time("end")?, posts })
}

pub(super) fn accounts(body: &Value) -> Option<Accounts> {
    let faults = faults(body);
    let accounts = match &body["data"] {
        Value::Array(rows) => rows.iter().map(account).collect::<Option<Vec<_>>>()?,
        Value::Null if !faults.is_empty() => Vec::new(),
        _ => return None,
    };
    Some(Accounts { accounts, faults })
}

fn account(row: &Value) -> Option<Account> {
    let metrics = &row["public_metrics"];
    Some(Account {
        id: identifier(&row["id"])?,
        username: row["username"].as_str()?.to_owned(),
        name: row["name"].as_str().unwrap_or_default().to_owned(),
        posts: metrics["tweet_count"].as_u64().or_else(|| metrics["post_count"].as_u64()),
    })
}

pub(super) fn usage(body: &Value) -> Option<Usage> {
    let number = |name: &str| body["data"][name].as_u64().or_else(|| body["data"][name].as_str()?.parse().ok());
    Some(Usage { read: number("project_usage")?, cap: number("project_cap")?, reset_day: number("cap_reset_day") })
}

fn next(body: &Value) -> Option<String> {
    body["meta"]["next_token"].as_str().map(str::to_owned)
}

fn faults(body: &Value) -> Vec<Fault> {
    body["errors"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(fault).collect()
}

fn fault(error: &Value) -> Fault {
    let text = |name: &str| error[name].as_str();
    let kind =
        text("type").and_then(|kind| kind.trim_end_matches('/').rsplit('/').next()).filter(|kind| !kind.is_empty());
    Fault {
        about: ["resource_id", "value"].iter().find_map(|name| text(name)).map(str::to_owned),
        kind: kind.or_else(|| text("title")).unwrap_or("unknown").to_owned(),
        detail: text("detail").or_else(|| text("title")).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_whole_page_counts() {
        assert_eq!(page(&json!({"meta": {"result_count": 0}})), Some(Page::default()));
        let gone = json!({"errors": [{"resource_id": "5", "title": "Not Found Error", "detail": "Could not find it.",
            "type": "https://api.x.com/2/problems/resource-not-found"}]});
        let fault = Fault {
            about: Some("5".to_owned()),
            kind: "resource-not-found".to_owned(),
            detail: "Could not find it.".to_owned(),
        };
        assert_eq!(page(&gone), Some(Page { faults: vec![fault], ..Page::default() }));
        for body in [
            json!({}),
            json!([]),
            json!({"meta": {"result_count": 3}}),
            json!({"data": {"id": "1"}}),
            json!({"data": [{"id": "1"}, {"text": "without an id"}]}),
        ] {
            assert_eq!(page(&body), None, "{body}");
        }
    }

    #[test]
    fn counts_are_read_under_either_name_and_nothing_is_guessed() {
        for name in ["tweet_count", "post_count"] {
            let body = json!({"data": [{"start": "2021-03-01T00:00:00.000Z", "end": "2021-03-02T00:00:00.000Z", name: 120}],
                "meta": {"total_tweet_count": 120, "next_token": "older"}});
            let counts = counts(&body).unwrap();
            assert_eq!((counts.buckets[0].posts, counts.next.as_deref()), (120, Some("older")));
        }
        assert_eq!(counts(&json!({"meta": {"total_tweet_count": 0}})), Some(Counts::default()));
        assert_eq!(counts(&json!({"data": [{"start": "2021-03-01T00:00:00Z"}]})), None);
        assert_eq!(counts(&json!({"meta": {}})), None);
    }

    #[test]
    fn accounts_and_the_months_reads_are_read() {
        let body = json!({"data": [{"id": "17", "username": "ana", "name": "Ana", "public_metrics": {"tweet_count": 5}}],
            "errors": [{"value": "eva", "title": "Not Found Error", "detail": "Could not find eva."}]});
        let found = accounts(&body).unwrap();
        assert_eq!((found.accounts[0].posts, found.faults[0].about.as_deref()), (Some(5), Some("eva")));
        assert_eq!(found.faults[0].kind, "Not Found Error");
        assert_eq!(accounts(&json!({"data": [{"id": "x"}]})), None);
        let body = json!({"data": {"cap_reset_day": 3, "project_cap": "3000000", "project_usage": "120"}});
        assert_eq!(usage(&body), Some(Usage { read: 120, cap: 3_000_000, reset_day: Some(3) }));
        assert_eq!(usage(&json!({"data": {}})), None);
    }
}
