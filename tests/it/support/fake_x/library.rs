//! What anyone may read on `FakeX`: posts and accounts, searched, counted and paged as X does it, with the faults that a test
//! asks for. It turns down what X would turn down, and counts how often it gave each post away, because X charges for that.

use std::collections::BTreeMap;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::oauth::decode;
use super::{Answer, Call, invalid_request};

/// An invented bearer token, as the environment names it. X shows such tokens percent-encoded, and wants them back that way.
pub const BEARER: (&str, &str) = ("TWITTER_BEARER_TOKEN", "AAAAinvented%2Fbearer%3Dtoken");

/// A post that anyone may read.
#[derive(Debug, Clone)]
pub struct LibraryPost {
    pub id: u64,
    pub author: u64,
    pub text: String,
    pub lang: &'static str,
    pub is_repost: bool,
    pub is_reply: bool,
    pub created_at: Timestamp,
    /// Whether it is counted and never shown.
    pub is_dropped: bool,
    /// How many searches do not show it yet, though it is counted.
    pub late: usize,
}

/// Everything that can be read, and how it is given.
#[derive(Debug, Default)]
pub struct Library {
    pub posts: Vec<LibraryPost>,
    /// Id, screen name and name.
    pub accounts: Vec<(u64, String, String)>,
    /// Posts a page, if fewer than asked for.
    pub page: usize,
    /// Whether each page begins with the last post of the page before.
    pub repeats: bool,
    /// So many pages come before a window is used up for two seconds.
    pub pages_a_window: Option<usize>,
    /// What the request for a page with this number (from 1) gets instead.
    pub interruptions: BTreeMap<usize, Answer>,
    /// Tokens that were given before the page with this number are not taken from then on.
    pub tokens_expire_at: Option<usize>,
    /// Which name of the extra fields is not called wrong; absent: either.
    pub field_name: Option<&'static str>,
    /// Reads of this month.
    pub usage: u64,
    /// How many pages were asked for, in all and since the last window was used up.
    pub pages_asked: usize,
    pub pages_in_window: usize,
    /// How often each post was given away.
    pub given: BTreeMap<u64, usize>,
    /// How many requests counted.
    pub counts_asked: usize,
}

/// Returns an id as X gives them: its upper bits have the time, its lower ones `number`.
#[cfg_attr(not(feature = "workshop"), expect(dead_code, reason = "tests of the workshop use it"))]
pub fn id_at(created_at: Timestamp, number: u64) -> u64 {
    const EPOCH_MS: i64 = 1_288_834_974_657;
    ((created_at.as_millisecond() - EPOCH_MS) as u64) << 22 | number
}

/// Answers the request for the app's bearer token; `None` for any other request.
pub fn app_token(call: &Call) -> Option<Result<Answer, String>> {
    if (call.method.as_str(), call.bare_path()) != ("POST", "/oauth2/token") {
        return None;
    }
    // The key, and the secret with what RFC 6749 wants encoded.
    let expected = "invented-consumer-key:invented%2Fconsumer%2Bsecret%3D";
    let expected = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(expected));
    let header = call.headers.get("authorization").map(String::as_str).unwrap_or_default();
    if header != expected || call.body != "grant_type=client_credentials" {
        return Some(Err(format!("{header:?} with {:?}", call.body)));
    }
    Some(Ok(Answer::json(200, &json!({"token_type": "bearer", "access_token": BEARER.1}))))
}

/// Returns whether a request is one of reading what anyone may read.
pub fn is_public(call: &Call) -> bool {
    let path = call.bare_path();
    call.method == "GET"
        && (path.starts_with("/2/tweets")
            || path == "/2/users"
            || path == "/2/users/by"
            || path == "/2/usage/tweets"
            || (path.starts_with("/2/users/") && path.ends_with("/tweets") && is_bearer(call)))
}

fn is_bearer(call: &Call) -> bool {
    call.headers.get("authorization").is_some_and(|header| header.starts_with("Bearer "))
}

impl Library {
    /// Answers a request as X does; the second value says why it was turned away with 401.
    pub fn answer(&mut self, call: &Call) -> Result<Answer, String> {
        let header = call.headers.get("authorization").map(String::as_str).unwrap_or_default();
        if header != format!("Bearer {}", BEARER.1) {
            return Err(format!("the Authorization header is {header:?}"));
        }
        let query = query(call);
        let given = |name: &str| query.get(name).cloned();
        Ok(match call.bare_path() {
            "/2/usage/tweets" => Answer::json(
                200,
                &json!({"data": {"cap_reset_day": 3, "project_cap": "3000000", "project_usage": self.usage.to_string()}}),
            ),
            "/2/users/by" => self.accounts_by(&given("usernames").unwrap_or_default(), |(_, name, _), asked| {
                name.eq_ignore_ascii_case(asked)
            }),
            "/2/users" => {
                self.accounts_by(&given("ids").unwrap_or_default(), |(id, ..), asked| id.to_string() == asked)
            }
            path if path.starts_with("/2/tweets/counts/") => self.count(&query),
            _ => self.page_or_fault(call, &query),
        })
    }

    fn accounts_by(&self, asked: &str, is_it: impl Fn(&(u64, String, String), &str) -> bool) -> Answer {
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for asked in asked.split(',') {
            match self.accounts.iter().find(|account| is_it(account, asked)) {
                Some(account) => {
                    let posts = self.posts.iter().filter(|post| post.author == account.0).count();
                    found.push(json!({"id": account.0.to_string(), "username": account.1, "name": account.2,
                        "public_metrics": {"tweet_count": posts}}));
                }
                None => faults.push(not_found(asked)),
            }
        }
        respond(found, faults, None)
    }

    /// Counts by day, thirty days an answer, the latest first.
    fn count(&mut self, query: &BTreeMap<String, String>) -> Answer {
        self.counts_asked += 1;
        let (Some(from), Some(to)) = (time(query, "start_time"), time(query, "end_time")) else {
            return invalid_request("A count needs both ends here.");
        };
        let hours = if query.get("granularity").is_some_and(|by| by == "hour") { 1 } else { 24 };
        let mut pieces = Vec::new();
        let mut at = from;
        while at < to {
            let end = (floor(at, hours) + SignedDuration::from_hours(hours)).min(to);
            pieces.push((at, end));
            at = end;
        }
        let most = usize::try_from(30 * 24 / hours).unwrap();
        let end = query.get("next_token").map_or(pieces.len(), |token| token.parse().unwrap());
        let start = end.saturating_sub(most);
        let wanted = &query["query"];
        let rows: Vec<Value> = pieces[start..end]
            .iter()
            .map(|(from, to)| {
                let fits =
                    |post: &&LibraryPost| post.created_at >= *from && post.created_at < *to && self.fits(post, wanted);
                let count = self.posts.iter().filter(fits).count();
                json!({"start": from.to_string(), "end": to.to_string(), "tweet_count": count})
            })
            .collect();
        let mut body = json!({"data": rows, "meta": {"total_tweet_count": 0}});
        if start > 0 {
            body["meta"]["next_token"] = json!(start.to_string());
        }
        Answer::json(200, &body)
    }

    fn page_or_fault(&mut self, call: &Call, query: &BTreeMap<String, String>) -> Answer {
        self.pages_asked += 1;
        if let Some(answer) = self.interruptions.remove(&self.pages_asked) {
            return answer;
        }
        if self.pages_a_window.is_some_and(|most| self.pages_in_window == most) {
            self.pages_in_window = 0;
            #[expect(clippy::disallowed_methods, reason = "the server's own clock, as X has one")]
            let reset = Timestamp::now().as_second() + 2;
            return Answer::problem(429, "about:blank", "Too Many Requests", "Too Many Requests")
                .header("x-rate-limit-remaining", "0")
                .header("x-rate-limit-reset", &reset.to_string());
        }
        self.pages_in_window += 1;
        match self.check(call, query) {
            Err(fault) => invalid_request(&fault),
            Ok(()) if call.bare_path() == "/2/tweets" => self.by_ids(&query["ids"]),
            Ok(()) => self.page(call, query),
        }
    }

    /// What X would turn down, and what would cost more than it says.
    fn check(&self, call: &Call, query: &BTreeMap<String, String>) -> Result<(), String> {
        let fields = ["tweet.fields", "post.fields"].into_iter().find(|name| query.contains_key(*name));
        if fields.is_none() || self.field_name.is_some_and(|known| fields != Some(known)) {
            return Err(format!("The query parameter [{fields:?}] is not one of those known."));
        }
        if query.contains_key("expansions") {
            return Err("Each expanded object would be charged for.".to_owned());
        }
        let rows = query.get("max_results").and_then(|rows| rows.parse::<usize>().ok());
        let bounds = match call.bare_path() {
            "/2/tweets/search/all" => 10..=500,
            "/2/tweets/search/recent" => 10..=100,
            "/2/tweets" => return Ok(()),
            _ => 5..=100,
        };
        if !rows.is_some_and(|rows| bounds.contains(&rows)) {
            return Err(format!("max_results {rows:?} is not between {bounds:?}."));
        }
        let is_search = call.bare_path().starts_with("/2/tweets/search/");
        if is_search && !query.contains_key("start_time") {
            return Err("Without start_time this would be the last thirty days.".to_owned());
        }
        if let Some(token) = query.get("next_token").or_else(|| query.get("pagination_token")) {
            let given_at: usize = token.split('-').nth(1).and_then(|page| page.parse().ok()).unwrap_or(usize::MAX);
            if self.tokens_expire_at.is_some_and(|page| given_at < page && self.pages_asked >= page) {
                return Err("The next_token is not valid any more.".to_owned());
            }
        }
        Ok(())
    }

    fn by_ids(&mut self, ids: &str) -> Answer {
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for id in ids.split(',') {
            match self.posts.iter().find(|post| post.id.to_string() == id && !post.is_dropped) {
                Some(post) => {
                    *self.given.entry(post.id).or_default() += 1;
                    rows.push(row(post));
                }
                None => faults.push(not_found(id)),
            }
        }
        respond(rows, faults, None)
    }

    fn page(&mut self, call: &Call, query: &BTreeMap<String, String>) -> Answer {
        let author = call.bare_path().strip_prefix("/2/users/").and_then(|rest| rest.strip_suffix("/tweets"));
        let excluded = query.get("exclude").map(String::as_str).unwrap_or_default();
        let (from, to) = (time(query, "start_time"), time(query, "end_time"));
        let below = query.get("until_id").map(|id| id.parse::<u64>().unwrap());
        let token = query.get("next_token").or_else(|| query.get("pagination_token"));
        let after = token.map(|token| token.split('-').next().unwrap().parse::<u64>().unwrap());
        let fits = |post: &LibraryPost| {
            let by_whom = match author {
                Some(id) => post.author.to_string() == id,
                None => self.fits(post, &query["query"]),
            };
            by_whom
                && !post.is_dropped
                && post.late == 0
                && !(excluded.contains("retweets") && post.is_repost)
                && !(excluded.contains("replies") && post.is_reply)
                && from.is_none_or(|from| post.created_at >= from)
                && to.is_none_or(|to| post.created_at < to)
                && below.is_none_or(|below| post.id < below)
                && after.is_none_or(|after| if self.repeats { post.id <= after } else { post.id < after })
        };
        let mut ids: Vec<u64> = self.posts.iter().filter(|post| fits(post)).map(|post| post.id).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        let asked: usize = query["max_results"].parse().unwrap();
        let rows = if self.page == 0 { asked } else { self.page.min(asked) };
        let shown: Vec<u64> = ids.iter().take(rows).copied().collect();
        let next = (ids.len() > rows).then(|| format!("{}-{}", shown[rows - 1], self.pages_asked));
        let rows = shown.iter().map(|id| row(self.posts.iter().find(|post| post.id == *id).unwrap())).collect();
        shown.iter().for_each(|id| *self.given.entry(*id).or_default() += 1);
        // A window that was read once shows its late posts the next time.
        if next.is_none() {
            self.posts.iter_mut().for_each(|post| {
                let is_of_window =
                    from.is_none_or(|from| post.created_at >= from) && to.is_none_or(|to| post.created_at < to);
                post.late -= usize::from(is_of_window && post.late > 0);
            });
        }
        respond(rows, Vec::new(), next)
    }

    /// Whether a post fits a query of the parts that the program writes: words, hashtags, `from:`, `lang:`, negations, and
    /// alternatives in brackets.
    fn fits(&self, post: &LibraryPost, query: &str) -> bool {
        let mut rest = query;
        while !rest.is_empty() {
            let (part, left) = match rest.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
                Some((inside, left)) => (inside, left),
                None if rest.contains(" OR ") && !rest.contains('(') => (rest, ""),
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            if !part.split(" OR ").any(|word| self.fits_word(post, word)) {
                return false;
            }
            rest = left.trim_start();
        }
        true
    }

    fn fits_word(&self, post: &LibraryPost, word: &str) -> bool {
        if let Some(name) = word.strip_prefix("from:") {
            let account = self.accounts.iter().find(|account| account.0 == post.author);
            return account.is_some_and(|account| account.1.eq_ignore_ascii_case(name));
        }
        match word {
            "-is:retweet" => !post.is_repost,
            "-is:reply" => !post.is_reply,
            "-has:links" => !post.text.contains("https://"),
            "-is:quote" => true,
            word => match word.strip_prefix("lang:") {
                Some(lang) => post.lang == lang,
                None => post.text.split_whitespace().any(|found| found.eq_ignore_ascii_case(word)),
            },
        }
    }
}

/// A post as X sends it.
fn row(post: &LibraryPost) -> Value {
    let mut row = json!({
        "id": post.id.to_string(), "text": post.text.replace('&', "&amp;"), "author_id": post.author.to_string(),
        "created_at": format!("{:.3}", post.created_at), "lang": post.lang, "conversation_id": post.id.to_string(),
        "public_metrics": {"retweet_count": 1, "reply_count": 0, "like_count": post.id % 50, "quote_count": 0,
            "bookmark_count": 0, "impression_count": 900},
        "edit_history_tweet_ids": [post.id.to_string()],
    });
    let tags: Vec<Value> =
        post.text.split_whitespace().filter_map(|word| word.strip_prefix('#')).map(|tag| json!({"tag": tag})).collect();
    if !tags.is_empty() {
        row["entities"] = json!({"hashtags": tags});
    }
    if post.is_repost || post.is_reply {
        let kind = if post.is_repost { "retweeted" } else { "replied_to" };
        row["referenced_tweets"] = json!([{"type": kind, "id": "1"}]);
    }
    row
}

fn not_found(about: &str) -> Value {
    json!({"resource_id": about, "value": about, "resource_type": "tweet", "title": "Not Found Error",
        "detail": format!("Could not find [{about}]."), "type": "https://api.x.com/2/problems/resource-not-found"})
}

/// An answer with rows, an empty list left out.
fn respond(rows: Vec<Value>, faults: Vec<Value>, next: Option<String>) -> Answer {
    let mut body = json!({"meta": {"result_count": rows.len()}});
    if !rows.is_empty() {
        body["data"] = rows.into();
    }
    if !faults.is_empty() {
        body["errors"] = faults.into();
    }
    if let Some(next) = next {
        body["meta"]["next_token"] = next.into();
    }
    Answer::json(200, &body)
}

fn query(call: &Call) -> BTreeMap<String, String> {
    let (_, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| decode(&text.replace('+', "%20")).unwrap();
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn time(query: &BTreeMap<String, String>, name: &str) -> Option<Timestamp> {
    query.get(name).map(|text| text.parse().unwrap())
}

fn floor(at: Timestamp, hours: i64) -> Timestamp {
    Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(hours * 3600)).unwrap()
}
