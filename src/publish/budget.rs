//! What may be posted in a day and a month, and what X charges for it.
//!
//! Days and months are the schedule's civil ones. Calls of unknown outcome count: X may have charged them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use twitter_text::extractor::Extractor;

use crate::config::BudgetSettings;
use crate::store::{Postponement, Spent, SpentSince};

/// X's price of a post, in millionths of a dollar: $0.015 (pricing page of <https://docs.x.com>, as of 2026-08-22).
pub const PRICE_MICROS: i64 = 15_000;

/// X's price of a post with a URL in it ($0.200; same page).
pub const PRICE_WITH_URL_MICROS: i64 = 200_000;

/// What X charges for posting `text`, in millionths of a dollar.
#[must_use]
pub fn price_micros(text: &str) -> i64 {
    if Extractor::new().extract_urls(text).is_empty() { PRICE_MICROS } else { PRICE_WITH_URL_MICROS }
}

/// The day and the month that an instant lies in.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) since: SpentSince,
    next_day: Timestamp,
    next_month: Timestamp,
}

impl Windows {
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

    /// Whether one more post of `price` fits, or until when it waits.
    pub(super) fn check(&self, budget: &BudgetSettings, spent: &Spent, price: i64) -> Result<(), Postponement> {
        let wait = |until, reason| Err(Postponement { until, reason });
        if spent.posts_this_month >= i64::from(budget.posts_per_month) {
            return wait(self.next_month, format!("budget.posts_per_month ({}) is used up", budget.posts_per_month));
        }
        if spent.micros_this_month + price > micros(budget.usd_per_month) {
            return wait(self.next_month, format!("budget.usd_per_month ({}) is used up", budget.usd_per_month));
        }
        if spent.posts_today >= i64::from(budget.posts_per_day) {
            return wait(self.next_day, format!("budget.posts_per_day ({}) is used up", budget.posts_per_day));
        }
        Ok(())
    }
}

/// Dollars as millionths, so that sums of prices are exact.
#[expect(clippy::cast_possible_truncation, reason = "a budget of dollars is far inside the range of i64")]
fn micros(dollars: f64) -> i64 {
    (dollars * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::at;

    #[test]
    fn a_link_costs_more_and_a_bare_number_with_a_point_does_not() {
        let cases = [
            ("El mercado abre temprano.", PRICE_MICROS),
            ("Más en https://example.com/a", PRICE_WITH_URL_MICROS),
            ("Más en example.com", PRICE_WITH_URL_MICROS),
            ("Son 3.5 puntos", PRICE_MICROS),
        ];
        for (text, wanted) in cases {
            assert_eq!(price_micros(text), wanted, "{text}");
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
            let windows = Windows::around(at(now), &TimeZone::get(zone).unwrap());
            assert_eq!(windows.since.day, at(day), "{zone} {now}");
            assert_eq!(windows.since.month, at(month), "{zone} {now}");
            assert_eq!(windows.next_day, at(next_day), "{zone} {now}");
        }
    }

    #[test]
    fn the_last_post_within_each_limit_fits_and_the_next_waits_for_its_window() {
        let windows = Windows::around(at("2026-03-10T15:00:00Z"), &TimeZone::UTC);
        let budget = BudgetSettings { posts_per_day: 2, posts_per_month: 10, usd_per_month: 0.06 };
        let (tomorrow, april) = (at("2026-03-11T00:00:00Z"), at("2026-04-01T00:00:00Z"));
        let cases = [
            ((1, 9, 45_000), PRICE_MICROS, None),
            ((2, 9, 45_000), PRICE_MICROS, Some((tomorrow, "budget.posts_per_day (2) is used up"))),
            ((1, 10, 45_000), PRICE_MICROS, Some((april, "budget.posts_per_month (10) is used up"))),
            ((2, 10, 0), PRICE_MICROS, Some((april, "budget.posts_per_month (10) is used up"))),
            ((1, 9, 45_001), PRICE_MICROS, Some((april, "budget.usd_per_month (0.06) is used up"))),
            ((0, 0, 0), PRICE_WITH_URL_MICROS, Some((april, "budget.usd_per_month (0.06) is used up"))),
        ];
        for ((posts_today, posts_this_month, micros_this_month), price, wanted) in cases {
            let spent = Spent { posts_today, posts_this_month, micros_this_month };
            let wanted =
                wanted.map_or(Ok(()), |(until, reason)| Err(Postponement { until, reason: reason.to_owned() }));
            assert_eq!(windows.check(&budget, &spent, price), wanted, "{spent:?}");
        }
    }
}
