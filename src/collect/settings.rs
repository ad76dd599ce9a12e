//! The section `[collect]`: X's prices for what a collection reads, the month's cap, and the pace.

use std::time::Duration;

use pregonero_settings::{Checker, MINUTE, micros};
use serde::{Deserialize, Serialize};

/// The keys of `[collect]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectKeys {
    pub usd_per_post: f64,
    pub usd_per_account: f64,
    pub usd_per_count: f64,
    pub usd_per_archive_count: f64,
    pub posts_per_month: u64,
    pub pause: String,
}

impl Default for CollectKeys {
    fn default() -> Self {
        Self {
            usd_per_post: 0.005,
            usd_per_account: 0.01,
            usd_per_count: 0.005,
            usd_per_archive_count: 0.01,
            posts_per_month: 3_000_000,
            pause: "1s".into(),
        }
    }
}

impl CollectKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<CollectSettings> {
        let mut dollars =
            |key, found| checker.number(key, found, |usd| (0.0..=1000.0).contains(&usd), "from 0 to 1000");
        let prices = [
            dollars("collect.usd_per_post", self.usd_per_post),
            dollars("collect.usd_per_account", self.usd_per_account),
            dollars("collect.usd_per_count", self.usd_per_count),
            dollars("collect.usd_per_archive_count", self.usd_per_archive_count),
        ];
        let posts_per_month = checker.whole("collect.posts_per_month", self.posts_per_month, 0, 1_000_000_000);
        let pause = checker.duration("collect.pause", &self.pause, Duration::ZERO, MINUTE);
        let prices = prices.iter().all(Option::is_some).then(|| self.prices());
        Some(CollectSettings { prices: prices?, posts_per_month: posts_per_month?, pause: pause? })
    }

    fn prices(&self) -> ReadPrices {
        ReadPrices {
            post: micros(self.usd_per_post),
            account: micros(self.usd_per_account),
            count: micros(self.usd_per_count),
            archive_count: micros(self.usd_per_archive_count),
        }
    }
}

/// What `[collect]` decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectSettings {
    pub prices: ReadPrices,
    /// How many posts an app that pays by use may read in a month.
    pub posts_per_month: u64,
    /// The least time between two requests.
    pub pause: Duration,
}

/// What X charges for reading, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPrices {
    /// For each post in an answer.
    pub post: i64,
    /// For each account in an answer.
    pub account: i64,
    /// For a request that counts posts of the last seven days.
    pub count: i64,
    /// For a request that counts posts of the full archive.
    pub archive_count: i64,
}

impl ReadPrices {
    /// Returns the price of so many posts.
    #[must_use]
    pub fn of_posts(&self, posts: u64) -> i64 {
        times(self.post, posts)
    }

    /// Returns the price of so many accounts.
    #[must_use]
    pub fn of_accounts(&self, accounts: u64) -> i64 {
        times(self.account, accounts)
    }
}

fn times(price: i64, number: u64) -> i64 {
    price.saturating_mul(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The settings of a machine without a configuration.
impl Default for CollectSettings {
    fn default() -> Self {
        let keys = CollectKeys::default();
        Self { prices: keys.prices(), posts_per_month: keys.posts_per_month, pause: Duration::from_secs(1) }
    }
}
