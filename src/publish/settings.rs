//! The sections `[publish]`, `[budget]` and `[engagement]`: their keys, their defaults and what they may say.

use std::path::PathBuf;
use std::time::Duration;

use pregonero_settings::{Checker, DAY, MINUTE, SECOND, duration_between};
use pregonero_system::network::may_get_secrets;
use serde::{Deserialize, Serialize};

/// The keys of `[publish]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublishKeys {
    pub live: bool,
    pub base_url: String,
    pub auth: String,
    pub tokens: String,
    pub min_gap: String,
    pub stale_after: String,
    pub reconcile_waits: Vec<String>,
    pub reconcile_for: String,
    pub when_absent: String,
}

impl Default for PublishKeys {
    fn default() -> Self {
        Self {
            live: false,
            base_url: "https://api.x.com".into(),
            auth: "oauth1".into(),
            tokens: "data/tokens".into(),
            min_gap: "1m".into(),
            stale_after: "12h".into(),
            reconcile_waits: ["15s", "1m", "3m", "10m", "30m"].map(Into::into).into(),
            reconcile_for: "6h".into(),
            when_absent: "refuse".into(),
        }
    }
}

impl PublishKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<PublishSettings> {
        let base_url = checker.keep("publish.base_url", base_url(&self.base_url));
        let auth = checker.choice("publish.auth", &self.auth, &AUTH_METHODS);
        let tokens = checker.path("publish.tokens", &self.tokens);
        let min_gap = checker.duration("publish.min_gap", &self.min_gap, Duration::ZERO, DAY);
        let stale_after = checker.duration("publish.stale_after", &self.stale_after, SECOND, DAY * 30);
        let reconciliation = self.reconciliation(checker);
        Some(PublishSettings {
            live: self.live,
            base_url: base_url?,
            auth: auth?,
            tokens: tokens?,
            min_gap: min_gap?,
            stale_after: stale_after?,
            reconciliation: reconciliation?,
        })
    }

    fn reconciliation(&self, checker: &mut Checker<'_>) -> Option<ReconciliationSettings> {
        let waits =
            checker.each("publish.reconcile_waits", &self.reconcile_waits, |text| duration_between(text, SECOND, DAY));
        if self.reconcile_waits.is_empty() {
            checker.fault("publish.reconcile_waits", "expected at least one duration, found an empty list");
            return None;
        }
        let give_up_after = checker.duration("publish.reconcile_for", &self.reconcile_for, SECOND, DAY * 7);
        let when_absent = checker.choice("publish.when_absent", &self.when_absent, &WHEN_ABSENT);
        Some(ReconciliationSettings { waits: waits?, give_up_after: give_up_after?, when_absent: when_absent? })
    }
}

/// The keys of `[budget]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetKeys {
    pub posts_per_day: u64,
    pub posts_per_month: u64,
    pub usd_per_month: f64,
    pub usd_per_post: f64,
    pub usd_per_post_with_link: f64,
    pub usd_per_read: f64,
    pub usd_per_user_read: f64,
}

impl Default for BudgetKeys {
    fn default() -> Self {
        Self {
            posts_per_day: 8,
            posts_per_month: 200,
            usd_per_month: 5.0,
            usd_per_post: 0.015,
            usd_per_post_with_link: 0.2,
            usd_per_read: 0.001,
            usd_per_user_read: 0.01,
        }
    }
}

impl BudgetKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<BudgetSettings> {
        let posts_per_day = checker.whole("budget.posts_per_day", self.posts_per_day, 0, 100_000);
        let posts_per_month = checker.whole("budget.posts_per_month", self.posts_per_month, 0, 1_000_000);
        let mut dollars = |key, found| checker.number(key, found, |usd| (0.0..=1e6).contains(&usd), "of 0 or more");
        let usd_per_month = dollars("budget.usd_per_month", self.usd_per_month);
        let post = dollars("budget.usd_per_post", self.usd_per_post);
        let post_with_link = dollars("budget.usd_per_post_with_link", self.usd_per_post_with_link);
        let read = dollars("budget.usd_per_read", self.usd_per_read);
        let user_read = dollars("budget.usd_per_user_read", self.usd_per_user_read);
        Some(BudgetSettings {
            posts_per_day: posts_per_day?,
            posts_per_month: posts_per_month?,
            usd_per_month: usd_per_month?,
            prices: Prices { post: post?, post_with_link: post_with_link?, read: read?, user_read: user_read? },
        })
    }
}

/// The keys of `[engagement]` as the file writes them, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngagementKeys {
    pub every: String,
    pub r#for: String,
}

impl Default for EngagementKeys {
    fn default() -> Self {
        Self { every: String::new(), r#for: "14d".into() }
    }
}

impl EngagementKeys {
    /// Returns the settings, each key parsed and in range; `None` if `checker` recorded a fault.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<EngagementSettings> {
        let every = match self.every.trim() {
            "" => Some(None),
            every => checker.duration("engagement.every", every, MINUTE, DAY * 30).map(Some),
        };
        let r#for = checker.duration("engagement.for", &self.r#for, MINUTE, DAY * 90);
        Some(EngagementSettings { every: every?, r#for: r#for? })
    }
}

/// How often X is asked what people did with the posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngagementSettings {
    /// Absent: never.
    pub every: Option<Duration>,
    /// How old a post may be.
    pub r#for: Duration,
}

/// The value of `publish.stale_after` if it is not given, or the configuration cannot be read.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug, Clone)]
pub struct PublishSettings {
    pub live: bool,
    /// Without a trailing slash.
    pub base_url: url::Url,
    pub auth: AuthMethod,
    /// The folder that `auth login` writes tokens to.
    pub tokens: PathBuf,
    /// The minimum time between two calls that post.
    pub min_gap: Duration,
    /// How long a post may wait to be sent after its approval.
    pub stale_after: Duration,
    pub reconciliation: ReconciliationSettings,
}

/// The protocol by which the bot gains access to its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// OAuth 1.0a: four keys that do not expire.
    OAuth1,
    /// OAuth 2.0 with PKCE: a token file that is renewed.
    OAuth2,
}

/// How a post of unknown outcome is settled by reading the account's timeline.
#[derive(Debug, Clone)]
pub struct ReconciliationSettings {
    /// The waits before the first read, the second, and so on; the last one repeats. At least one.
    pub waits: Vec<Duration>,
    /// A post that the timeline does not show after this long counts as absent.
    pub give_up_after: Duration,
    pub when_absent: WhenAbsent,
}

/// What happens to a post that X did not publish, according to its timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenAbsent {
    /// It goes out once more.
    Repost,
    /// It ends as refused.
    Refuse,
}

#[derive(Debug, Clone)]
pub struct BudgetSettings {
    pub posts_per_day: u32,
    pub posts_per_month: u32,
    pub usd_per_month: f64,
    pub prices: Prices,
}

/// What X charges, in dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    pub post: f64,
    pub post_with_link: f64,
    /// For each post read from a timeline.
    pub read: f64,
    /// For asking whose credentials these are.
    pub user_read: f64,
}

const WHEN_ABSENT: [(&str, WhenAbsent); 2] = [("repost", WhenAbsent::Repost), ("refuse", WhenAbsent::Refuse)];
const AUTH_METHODS: [(&str, AuthMethod); 2] = [("oauth1", AuthMethod::OAuth1), ("oauth2", AuthMethod::OAuth2)];

/// Checks the address that posts and their signatures are sent to: it must be https, or a server on this machine.
/// Messages do not repeat an address that may contain a password.
fn base_url(found: &str) -> Result<url::Url, String> {
    let trimmed = found.trim_end_matches('/');
    let url = url::Url::parse(trimmed)
        .map_err(|cause| format!("expected an address such as \"https://api.x.com\": {cause}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("expected an address without user and password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("expected an address without ? and #, found {found:?}"));
    }
    if may_get_secrets(&url) {
        Ok(url)
    } else {
        Err(format!("expected https (plain http only to this machine), found {found:?}"))
    }
}
