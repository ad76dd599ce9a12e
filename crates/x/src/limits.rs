//! X's limits as its headers report them. Every header is optional: those for 24 hours are not documented, and many
//! answers have none. [`super::answer`] uses them to interpret a 429.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;

/// The longest wait that an answer can request: a month, and a day for differences between clocks. An answer that names
/// the year 9999, or milliseconds instead of seconds, must not silence the bot for ever.
pub(crate) const LONGEST_TOLD: SignedDuration = SignedDuration::from_hours(32 * 24);

/// Limits an instant that an answer named to [`LONGEST_TOLD`] after `now`.
pub(super) fn believable(told: Timestamp, now: Timestamp) -> Timestamp {
    told.min(now.saturating_add(LONGEST_TOLD).unwrap_or(Timestamp::MAX))
}

/// Which of X's windows is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitWindow {
    FifteenMinutes,
    Day,
    Month,
    /// X did not say which.
    Unknown,
}

impl std::fmt::Display for LimitWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FifteenMinutes => "X's fifteen-minute limit",
            Self::Day => "X's daily limit",
            Self::Month => "X's monthly limit",
            Self::Unknown => "X's limit",
        })
    }
}

/// One of X's counters, as far as the headers report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Calls per window.
    pub limit: Option<u64>,
    /// Calls left in this window.
    pub remaining: Option<u64>,
    /// When the window ends, on our clock.
    pub reset: Option<Timestamp>,
}

/// The three counters that X reports; each is absent if an answer has no such header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// This endpoint's fifteen minutes, `x-rate-limit-*`.
    pub fifteen_minutes: Option<Bucket>,
    /// The app's 24 hours, `x-app-limit-24hour-*`.
    pub app_day: Option<Bucket>,
    /// The account's 24 hours, `x-user-limit-24hour-*`.
    pub user_day: Option<Bucket>,
}

impl RateLimits {
    /// Reads the headers of an answer that came at `now`. `skew` is X's clock minus ours: X gives the resets on its own
    /// clock.
    pub(super) fn read(headers: &HeaderMap, skew: SignedDuration, now: Timestamp) -> Self {
        let bucket = |family| Bucket::read(headers, family, skew, now);
        Self {
            fifteen_minutes: bucket("x-rate-limit"),
            app_day: bucket("x-app-limit-24hour"),
            user_day: bucket("x-user-limit-24hour"),
        }
    }

    /// Returns which window a 429 is about and when it ends, if that is later than `now`. Counters with nothing left
    /// come first; if there are none, counters that report a reset but not what is left.
    pub(super) fn exhausted(&self, now: Timestamp) -> (LimitWindow, Option<Timestamp>) {
        let buckets = [
            (LimitWindow::Day, self.app_day),
            (LimitWindow::Day, self.user_day),
            (LimitWindow::FifteenMinutes, self.fifteen_minutes),
        ];
        let chosen = |remaining: Option<u64>| {
            let mut hit = buckets
                .into_iter()
                .filter_map(|(window, bucket)| Some((window, bucket?)))
                .filter(move |(_, bucket)| bucket.remaining == remaining)
                .peekable();
            let window = hit.peek()?.0;
            Some((window, hit.filter_map(|(_, bucket)| bucket.reset).max()))
        };
        let (window, until) = chosen(Some(0)).or_else(|| chosen(None)).unwrap_or((LimitWindow::Unknown, None));
        (window, until.filter(|until| *until > now))
    }
}

impl Bucket {
    fn read(headers: &HeaderMap, family: &str, skew: SignedDuration, now: Timestamp) -> Option<Self> {
        let number = |name| headers.get(format!("{family}-{name}"))?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = |seconds| {
            // A number too large for an instant is treated as one too far ahead.
            let told = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            let ours = told.unwrap_or(Timestamp::MAX).saturating_sub(skew).unwrap_or(Timestamp::MAX);
            believable(ours, now)
        };
        let bucket = Self { limit: number("limit"), remaining: number("remaining"), reset: number("reset").map(reset) };
        (bucket != Self { limit: None, remaining: None, reset: None }).then_some(bucket)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn limits(pairs: &[(&str, &str)], skew: i64) -> RateLimits {
        let header = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        RateLimits::read(&pairs.iter().map(header).collect(), SignedDuration::from_secs(skew), second(1_700_000_000))
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_three_families_are_read_and_rubbish_is_not() {
        let read = limits(
            &[
                ("x-rate-limit-limit", "100"),
                ("x-rate-limit-remaining", "99"),
                ("x-rate-limit-reset", "1700000900"),
                ("x-app-limit-24hour-remaining", "0"),
                ("x-user-limit-24hour-limit", "many"),
            ],
            0,
        );
        let fifteen = Bucket { limit: Some(100), remaining: Some(99), reset: Some(second(1_700_000_900)) };
        assert_eq!(read.fifteen_minutes, Some(fifteen));
        assert_eq!(read.app_day, Some(Bucket { limit: None, remaining: Some(0), reset: None }));
        assert_eq!(read.user_day, None);
        assert_eq!(limits(&[], 0), RateLimits::default());
    }

    #[test]
    fn a_reset_is_told_on_our_clock() {
        let read = limits(&[("x-rate-limit-reset", "1700000900")], 600);
        assert_eq!(read.fifteen_minutes.unwrap().reset, Some(second(1_700_000_300)));
    }

    #[test]
    fn a_reset_in_another_century_is_one_in_a_month() {
        let month = second(1_700_000_000) + LONGEST_TOLD;
        for told in ["2003193600", "253402207199", "253402300800", "1700000900000", "18446744073709551615"] {
            let read = limits(&[("x-rate-limit-reset", told)], 0);
            assert_eq!(read.fifteen_minutes.unwrap().reset, Some(month), "{told}");
        }
        let read = limits(&[("x-rate-limit-reset", "253402207199")], i64::MIN);
        assert_eq!(read.fifteen_minutes.unwrap().reset, Some(month));
    }

    #[test]
    fn the_exhausted_window_is_found_and_the_latest_of_its_resets() {
        use LimitWindow::{Day, FifteenMinutes, Unknown};
        const SHORT: [(&str, &str); 2] = [("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1700000900")];
        const APP: [(&str, &str); 2] =
            [("x-app-limit-24hour-remaining", "0"), ("x-app-limit-24hour-reset", "1700050000")];
        const USER: [(&str, &str); 2] =
            [("x-user-limit-24hour-remaining", "0"), ("x-user-limit-24hour-reset", "1700060000")];
        const SPARE: [(&str, &str); 2] =
            [("x-user-limit-24hour-remaining", "3"), ("x-user-limit-24hour-reset", "1700060000")];
        let now = second(1_700_000_000);
        for (headers, expected) in [
            (vec![], (Unknown, None)),
            (SHORT.to_vec(), (FifteenMinutes, Some(second(1_700_000_900)))),
            ([SHORT, APP].concat(), (Day, Some(second(1_700_050_000)))),
            ([SHORT, APP, USER].concat(), (Day, Some(second(1_700_060_000)))),
            ([SHORT, SPARE].concat(), (FifteenMinutes, Some(second(1_700_000_900)))),
            (SPARE.to_vec(), (Unknown, None)),
            (vec![("x-app-limit-24hour-remaining", "0")], (Day, None)),
            (vec![("x-rate-limit-reset", "1700000900")], (FifteenMinutes, Some(second(1_700_000_900)))),
            (vec![("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1699999999")], (FifteenMinutes, None)),
        ] {
            assert_eq!(limits(&headers, 0).exhausted(now), expected, "{headers:?}");
        }
    }
}
