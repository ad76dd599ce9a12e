//! Matching: whether a tweet on the timeline came from one of our calls, although X rewrites what it accepts.
//!
//! X shortens URLs to `t.co`, may escape `&`, `<` and `>`, normalises to NFC, and may cut a text off with an ellipsis.
//! So the words around the URLs are compared in a normal form, and a URL by its target, if X gives it. Two calls with
//! the same text are distinguished by time: a tweet belongs to the call that began nearest to it.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use pregonero_text::tweet_text;
use regex::Regex;

use pregonero_store::{MayHavePosted, PostId};
use pregonero_x::{Link, Span, TimelineTweet};

/// How far a tweet's time may be before its call's: both clocks are known only to within some seconds.
pub(super) const EARLIEST: SignedDuration = SignedDuration::from_mins(2);

/// How long X may take to store what it received.
pub(super) const LATEST: SignedDuration = SignedDuration::from_mins(15);

/// A text cut off by X still has at least this many characters of ours.
const LEAST_OF_A_CUT_TEXT: usize = 30;

/// The calls with one text, and what is known of the tweets.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub post: PostId,
    /// Every call that may have posted the text, for any post.
    pub calls: &'a [MayHavePosted],
    /// Tweets that belong to posts on record.
    pub taken: &'a HashSet<String>,
    /// X's clock minus ours, for calls made before it was known.
    pub clock_skew_seconds: i64,
}

impl<'a> Search<'a> {
    /// Returns the calls whose outcome is sought.
    fn own(&self) -> impl Iterator<Item = &'a MayHavePosted> {
        let post = self.post;
        self.calls.iter().filter(move |call| call.post == post && call.unknown)
    }

    /// Returns the span in which the tweet must be if it exists, on X's clock; the end is left open if it is not past
    /// yet.
    pub(super) fn span(&self, now: Timestamp) -> Option<Span> {
        let times = || self.own().map(|call| self.time_of(call));
        let now = shifted(now, SignedDuration::from_secs(self.clock_skew_seconds));
        let to = shifted(times().max()?, LATEST);
        Some(Span { from: shifted(times().min()?, -EARLIEST), to: (to < now).then_some(to) })
    }

    /// Returns when a call was made, on X's clock.
    fn time_of(&self, call: &MayHavePosted) -> Timestamp {
        let skew = call.clock_skew_seconds.unwrap_or(self.clock_skew_seconds);
        shifted(call.started_at, SignedDuration::from_secs(skew))
    }

    /// Returns the call and the tweet that resulted from it, if there is one.
    pub(super) fn find<'t>(&self, tweets: &'t [TimelineTweet]) -> Option<(&'a MayHavePosted, &'t TimelineTweet)> {
        tweets
            .iter()
            .filter(|tweet| !self.is_taken(tweet))
            .filter_map(|tweet| {
                let (call, distance) = self.nearest_call(tweet)?;
                (call.post == self.post && call.unknown).then_some((distance, call, tweet))
            })
            .min_by_key(|(distance, ..)| *distance)
            .map(|(_, call, tweet)| (call, tweet))
    }

    fn is_taken(&self, tweet: &TimelineTweet) -> bool {
        std::iter::once(&tweet.id).chain(&tweet.edit_history).any(|id| self.taken.contains(id))
    }

    /// Returns the call with this text that began nearest to the tweet, within bounds.
    fn nearest_call(&self, tweet: &TimelineTweet) -> Option<(&'a MayHavePosted, SignedDuration)> {
        let created_at = tweet.created_at?;
        self.calls
            .iter()
            .map(|call| (call, created_at.duration_since(self.time_of(call))))
            .filter(|(_, after)| (-EARLIEST..=LATEST).contains(after))
            .filter(|(call, _)| is_same(&call.text, tweet))
            .map(|(call, after)| (call, after.abs()))
            .min_by_key(|(_, distance)| *distance)
    }
}

fn shifted(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_add(by).unwrap_or(instant)
}

/// Returns whether `tweet` may be how X shows `ours`.
fn is_same(ours: &str, tweet: &TimelineTweet) -> bool {
    let ours = Parts::of_ours(ours);
    let theirs = Parts::of_theirs(tweet);
    ours.matches(&theirs) || theirs.is_cut_from(&ours)
}

/// A text, split into the words between its URLs and the URLs' targets; there is one more of the former.
#[derive(Debug)]
struct Parts {
    words: Vec<String>,
    /// Without scheme and final slash; absent if X did not give the target.
    urls: Vec<Option<String>>,
}

impl Parts {
    fn of_ours(text: &str) -> Self {
        // NFC first: the positions of the URLs refer to the text that they are cut from.
        let text = tweet_text::composed(text);
        let urls = tweet_text::urls(&text);
        Self::split(&text, urls.into_iter(), |url| Some(plain_url(url)))
    }

    fn of_theirs(tweet: &TimelineTweet) -> Self {
        static SHORTENED: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"https?://t\.co/[A-Za-z0-9]+").expect("the pattern is right"));
        let text = unescaped(&tweet.text);
        let urls: Vec<String> = SHORTENED.find_iter(&text).map(|found| found.as_str().to_owned()).collect();
        Self::split(&text, urls.into_iter(), |short| {
            let leads_to = |link: &&Link| link.short == short;
            tweet.links.iter().find(leads_to).map(|link| plain_url(&link.expanded))
        })
    }

    fn split(text: &str, found: impl Iterator<Item = String>, read: impl Fn(&str) -> Option<String>) -> Self {
        let (mut words, mut urls, mut rest) = (Vec::new(), Vec::new(), text);
        for url in found {
            let Some((before, after)) = rest.split_once(&url) else { continue };
            words.push(normal(before));
            urls.push(read(&url));
            rest = after;
        }
        words.push(normal(rest));
        Self { words, urls }
    }

    fn matches(&self, other: &Self) -> bool {
        let same_url =
            |(one, other): (&Option<String>, &Option<String>)| one.is_none() || other.is_none() || one == other;
        self.words == other.words
            && self.urls.len() == other.urls.len()
            && self.urls.iter().zip(&other.urls).all(same_url)
    }

    /// Returns whether X cut `whole` off: our beginning, an ellipsis, and at most the URL of the whole.
    fn is_cut_from(&self, whole: &Self) -> bool {
        let [beginning, rest @ ..] = self.words.as_slice() else { return false };
        let Some(beginning) = beginning.strip_suffix('…').map(str::trim_end) else { return false };
        rest.iter().all(String::is_empty)
            && beginning.chars().count() >= LEAST_OF_A_CUT_TEXT
            && whole.words.first().is_some_and(|words| words.starts_with(beginning))
    }
}

/// Decodes `&amp;` and its like; `&amp;lt;` is the text `&lt;`, so the ampersand comes last.
fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

/// Normalises a text: NFC, every run of white space one blank, none at the ends, and without the escapes that our own
/// text may contain.
fn normal(text: &str) -> String {
    let text = unescaped(text);
    let composed = tweet_text::composed(&text);
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain_url(url: &str) -> String {
    let lower = url.to_lowercase();
    let bare = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or(&lower);
    bare.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use pregonero_store::AttemptId;
    use pregonero_store::testing::at;

    fn tweet(text: &str, links: &[(&str, &str)]) -> TimelineTweet {
        let link =
            |(short, expanded): &(&str, &str)| Link { short: (*short).to_owned(), expanded: (*expanded).to_owned() };
        TimelineTweet {
            id: "7".to_owned(),
            text: text.to_owned(),
            created_at: Some(at("2026-03-01T12:00:01Z")),
            links: links.iter().map(link).collect(),
            edit_history: Vec::new(),
            metrics: None,
        }
    }

    /// Our text, X's text, and the targets of the short URLs.
    type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

    #[test]
    fn what_x_does_to_a_text_does_not_hide_it() {
        const LONG: &str =
            "El mercado abre temprano y los vecinos compran pan, fruta y café para toda la semana que viene";
        let rows: [Row; 9] = [
            ("Pan & café", "Pan &amp; café", &[]),
            ("Pan & café", "Pan & café", &[]),
            ("a < b > c", "a &lt; b &gt; c", &[]),
            ("Dicen &lt; y nada más", "Dicen &amp;lt; y nada más", &[]),
            ("cafe\u{301} con pan", "café con pan", &[]),
            ("Hoy  llueve\nmucho ", "Hoy llueve mucho", &[]),
            (
                "Más en https://example.com/a?b=1&c=2 hoy",
                "Más en https://t.co/AbC1 hoy",
                &[("https://t.co/AbC1", "https://example.com/a?b=1&c=2")],
            ),
            ("Más en Example.com/ hoy", "Más en https://t.co/AbC1 hoy", &[]),
            (LONG, "El mercado abre temprano y los vecinos compran… https://t.co/AbC1", &[]),
        ];
        for (ours, theirs, links) in rows {
            assert!(is_same(ours, &tweet(theirs, links)), "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn another_text_is_another_text() {
        let rows: [Row; 7] = [
            ("Hoy llueve", "Hoy no llueve", &[]),
            ("Hoy llueve", "hoy llueve", &[]),
            ("Hoy llueve mucho en el puerto", "Hoy llueve…", &[]),
            ("Hoy llueve", "Hoy llueve https://t.co/AbC1", &[]),
            (
                "Más en https://example.com/a",
                "Más en https://t.co/AbC1",
                &[("https://t.co/AbC1", "https://example.com/b")],
            ),
            ("Más en https://example.com/a y https://example.com/b", "Más en https://t.co/AbC1", &[]),
            ("", "Hoy llueve", &[]),
        ];
        for (ours, theirs, links) in rows {
            assert!(!is_same(ours, &tweet(theirs, links)), "{ours:?} {theirs:?}");
        }
    }

    fn call(post: i64, started_at: &str, unknown: bool) -> MayHavePosted {
        MayHavePosted {
            attempt: AttemptId::new(post),
            post: PostId::new(post),
            text: "Hoy llueve".to_owned(),
            started_at: at(started_at),
            clock_skew_seconds: None,
            unknown,
        }
    }

    fn created(id: &str, created_at: &str) -> TimelineTweet {
        TimelineTweet { id: id.to_owned(), created_at: Some(at(created_at)), ..tweet("Hoy llueve", &[]) }
    }

    #[test]
    fn two_posts_with_one_text_are_told_apart_by_time() {
        let calls = [call(1, "2026-03-01T12:00:00Z", true), call(2, "2026-03-01T12:05:00Z", true)];
        let tweets = [created("20", "2026-03-01T12:05:01Z"), created("10", "2026-03-01T12:00:02Z")];
        let none = HashSet::new();
        for (post, wanted) in [(1, "10"), (2, "20")] {
            let search = Search { post: PostId::new(post), calls: &calls, taken: &none, clock_skew_seconds: 0 };
            let (call, tweet) = search.find(&tweets).unwrap();
            assert_eq!((call.post.get(), tweet.id.as_str()), (post, wanted));
        }
        // If only the later tweet exists, the earlier post is absent.
        let search = Search { post: PostId::new(1), calls: &calls, taken: &none, clock_skew_seconds: 0 };
        assert!(search.find(&tweets[..1]).is_none());
    }

    #[test]
    fn a_tweet_of_another_post_or_another_hour_is_not_taken_for_ours() {
        let calls = [call(1, "2026-03-01T12:00:00Z", true)];
        let taken = HashSet::from(["10".to_owned()]);
        let search = Search { post: PostId::new(1), calls: &calls, taken: &taken, clock_skew_seconds: 0 };
        let edited = TimelineTweet { edit_history: vec!["10".to_owned()], ..created("11", "2026-03-01T12:00:02Z") };
        for (tweet, found) in [
            (created("10", "2026-03-01T12:00:02Z"), false),
            (edited, false),
            (created("12", "2026-03-01T11:57:59Z"), false),
            (created("12", "2026-03-01T11:58:00Z"), true),
            (created("12", "2026-03-01T12:15:00Z"), true),
            (created("12", "2026-03-01T12:15:01Z"), false),
        ] {
            assert_eq!(search.find(std::slice::from_ref(&tweet)).is_some(), found, "{tweet:?}");
        }
    }

    #[test]
    fn a_call_made_with_a_wrong_clock_is_looked_for_in_xs_time() {
        let known = MayHavePosted { clock_skew_seconds: Some(7200), ..call(1, "2026-03-01T10:00:00Z", true) };
        let unknown = call(1, "2026-03-01T10:00:00Z", true);
        let none = HashSet::new();
        for (call, skew) in [(known, 0), (unknown, 7200)] {
            let calls = [call];
            let search = Search { post: PostId::new(1), calls: &calls, taken: &none, clock_skew_seconds: skew };
            assert!(search.find(&[created("12", "2026-03-01T12:00:02Z")]).is_some());
            let span = search.span(at("2026-03-02T00:00:00Z")).unwrap();
            assert_eq!((span.from, span.to), (at("2026-03-01T11:58:00Z"), Some(at("2026-03-01T12:15:00Z"))));
        }
    }

    proptest! {
        #[test]
        fn every_text_is_known_again_after_x_had_it_and_not_with_a_word_more(
            words in prop::collection::vec("[a-zñáé&<>;…🤖]{1,8}", 1..12),
            link in any::<bool>(),
        ) {
            let text = words.join(" ");
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let (ours, theirs) = if link {
                (format!("{text} https://example.com/a"), format!("{escaped} https://t.co/Ab1"))
            } else {
                (text, escaped)
            };
            prop_assert!(is_same(&ours, &tweet(&theirs, &[])), "{:?} {:?}", ours, theirs);
            let longer = format!("{theirs} ya");
            prop_assert!(!is_same(&ours, &tweet(&longer, &[])));
        }
    }
}
