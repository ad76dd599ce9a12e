//! The rules on what may be posted in a day and a month, X's prices, and the gap between two posts.
//!
//! Days and months are civil ones in the schedule's time zone. Calls of unknown outcome count, because X may have
//! charged for them. So do reads.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pregonero_text::tweet_text;

use crate::publish::{BudgetSettings, Prices};
use crate::schedule::Quiet;
use pregonero_settings::micros;
use pregonero_store::{Postponement, Spent, SpentSince};

impl Prices {
    /// Returns what X charges for posting `text`, in millionths of a dollar.
    #[must_use]
    pub fn of_post(&self, text: &str) -> i64 {
        let has_link = !tweet_text::urls(text).is_empty();
        micros(if has_link { self.post_with_link } else { self.post })
    }

    /// Returns what X charges for reading `posts` posts of a timeline, in millionths of a dollar.
    #[must_use]
    pub fn of_read(&self, posts: usize) -> i64 {
        micros(self.read).saturating_mul(i64::try_from(posts).unwrap_or(i64::MAX))
    }

    /// Returns what X charges for saying whose credentials these are, in millionths of a dollar.
    #[must_use]
    pub fn of_user_read(&self) -> i64 {
        micros(self.user_read)
    }
}

/// The day and the month that contain an instant.
#[derive(Debug)]
pub(super) struct Calendar {
    pub(super) since: SpentSince,
    next_day: Timestamp,
    next_month: Timestamp,
}

impl Calendar {
    pub(super) fn around(now: Timestamp, timezone: &TimeZone) -> Self {
        let local = now.to_zoned(timezone.clone());
        let bounds = || -> Result<Self, jiff::Error> {
            let month = local.first_of_month()?;
            Ok(Self {
                since: SpentSince { day: local.start_of_day()?.timestamp(), month: month.start_of_day()?.timestamp() },
                next_day: local.tomorrow()?.start_of_day()?.timestamp(),
                next_month: local.last_of_month()?.tomorrow()?.start_of_day()?.timestamp(),
            })
        };
        bounds().expect("the calendar goes on for thousands of years")
    }

    /// Checks whether one more post of `price` fits; the error says until when it waits.
    pub(super) fn check(&self, budget: &BudgetSettings, spent: &Spent, price: i64) -> Result<(), Postponement> {
        let wait = |until, reason| Err(Postponement { until, reason });
        if spent.posts_this_month >= i64::from(budget.posts_per_month) {
            return wait(self.next_month, format!("budget.posts_per_month ({}) is used up", budget.posts_per_month));
        }
        self.check_dollars(budget, spent, price)?;
        if spent.posts_today >= i64::from(budget.posts_per_day) {
            return wait(self.next_day, format!("budget.posts_per_day ({}) is used up", budget.posts_per_day));
        }
        Ok(())
    }

    /// Checks whether the month's dollars leave enough for `price`; the error says until when to wait.
    pub(super) fn check_dollars(&self, budget: &BudgetSettings, spent: &Spent, price: i64) -> Result<(), Postponement> {
        if spent.micros_this_month + price > micros(budget.usd_per_month) {
            let reason = format!("budget.usd_per_month ({}) is used up", budget.usd_per_month);
            return Err(Postponement { until: self.next_month, reason });
        }
        Ok(())
    }
}

/// Checks whether the last post is long enough ago. A last post in the future means that the clock was set back, so
/// there is no gap to wait for.
pub(super) fn check_gap(gap: SignedDuration, spent: &Spent, now: Timestamp) -> Result<(), Postponement> {
    let Some(last) = spent.last_post.filter(|last| *last <= now) else { return Ok(()) };
    match last.checked_add(gap) {
        Ok(until) if until > now => {
            Err(Postponement { until, reason: "publish.min_gap has not passed since the last post".to_owned() })
        }
        _ => Ok(()),
    }
}

/// Checks whether posts may go out at this hour.
pub(super) fn check_quiet(quiet: &Quiet, now: Timestamp) -> Result<(), Postponement> {
    if !quiet.contains(now) {
        return Ok(());
    }
    Err(Postponement { until: quiet.end_after(now), reason: "schedule.quiet_hours: nothing is posted now".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_store::testing::at;

    const PRICES: Prices = Prices { post: 0.015, post_with_link: 0.2, read: 0.001, user_read: 0.01 };
    const POST: i64 = 15_000;
    const WITH_LINK: i64 = 200_000;

    #[test]
    fn a_link_costs_more_and_a_bare_number_with_a_point_does_not() {
        let cases = [
            ("El mercado abre temprano.", POST),
            ("Más en https://example.com/a", WITH_LINK),
            ("Más en example.com", WITH_LINK),
            ("Son 3.5 puntos", POST),
        ];
        for (text, wanted) in cases {
            assert_eq!(PRICES.of_post(text), wanted, "{text}");
        }
        assert_eq!((PRICES.of_read(0), PRICES.of_read(7), PRICES.of_user_read()), (0, 7000, 10_000));
    }

    #[test]
    fn the_gap_is_counted_from_the_last_post_and_a_clock_set_back_closes_nothing() {
        let now = at("2026-03-10T15:00:00Z");
        let spent = |last_post: Option<&str>| Spent {
            posts_today: 0,
            posts_this_month: 0,
            micros_this_month: 0,
            last_post: last_post.map(at),
        };
        for (last, until) in [
            (None, None),
            (Some("2026-03-10T14:59:30Z"), Some("2026-03-10T15:00:30Z")),
            (Some("2026-03-10T14:59:00Z"), None),
            (Some("2026-03-10T16:00:00Z"), None),
        ] {
            let checked = check_gap(SignedDuration::from_mins(1), &spent(last), now);
            assert_eq!(checked.err().map(|wait| wait.until), until.map(at), "{last:?}");
        }
    }

    #[test]
    fn days_and_months_begin_at_local_midnight_also_where_that_hour_is_skipped() {
        let cases = [
            // Bogotá, UTC-5: in UTC the next day has begun.
            (
                "America/Bogota",
                "2026-04-01T04:59:59Z",
                "2026-03-31T05:00:00Z",
                "2026-03-01T05:00:00Z",
                "2026-04-01T05:00:00Z",
            ),
            (
                "America/Bogota",
                "2026-04-01T05:00:00Z",
                "2026-04-01T05:00:00Z",
                "2026-04-01T05:00:00Z",
                "2026-04-02T05:00:00Z",
            ),
            // Santiago has no midnight on 2026-09-06: the day begins at 01:00, UTC-3.
            (
                "America/Santiago",
                "2026-09-06T12:00:00Z",
                "2026-09-06T04:00:00Z",
                "2026-09-01T04:00:00Z",
                "2026-09-07T03:00:00Z",
            ),
        ];
        for (zone, now, day, month, next_day) in cases {
            let calendar = Calendar::around(at(now), &TimeZone::get(zone).unwrap());
            assert_eq!(calendar.since.day, at(day), "{zone} {now}");
            assert_eq!(calendar.since.month, at(month), "{zone} {now}");
            assert_eq!(calendar.next_day, at(next_day), "{zone} {now}");
        }
    }

    #[test]
    fn the_last_post_within_each_limit_fits_and_the_next_waits_for_its_window() {
        let calendar = Calendar::around(at("2026-03-10T15:00:00Z"), &TimeZone::UTC);
        let budget = BudgetSettings { posts_per_day: 2, posts_per_month: 10, usd_per_month: 0.06, prices: PRICES };
        let (tomorrow, april) = (at("2026-03-11T00:00:00Z"), at("2026-04-01T00:00:00Z"));
        let cases = [
            ((1, 9, 45_000), POST, None),
            ((2, 9, 45_000), POST, Some((tomorrow, "budget.posts_per_day (2) is used up"))),
            ((1, 10, 45_000), POST, Some((april, "budget.posts_per_month (10) is used up"))),
            ((2, 10, 0), POST, Some((april, "budget.posts_per_month (10) is used up"))),
            ((1, 9, 45_001), POST, Some((april, "budget.usd_per_month (0.06) is used up"))),
            ((0, 0, 0), WITH_LINK, Some((april, "budget.usd_per_month (0.06) is used up"))),
        ];
        for ((posts_today, posts_this_month, micros_this_month), price, wanted) in cases {
            let spent = Spent { posts_today, posts_this_month, micros_this_month, last_post: None };
            let wanted =
                wanted.map_or(Ok(()), |(until, reason)| Err(Postponement { until, reason: reason.to_owned() }));
            assert_eq!(calendar.check(&budget, &spent, price), wanted, "{spent:?}");
        }
    }
}
