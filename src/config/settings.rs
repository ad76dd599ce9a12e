//! The whole of `config.toml`: the sections that the modules own, as keys and as settings.
//!
//! [`Keys`] is the only list of known keys: their names, order, kinds and defaults are derived from its default, and a test
//! compares it with `config.toml`.

use pregonero_settings::Checker;
use pregonero_tweet::SeedPrompt;
use serde::{Deserialize, Serialize};

use super::admin::{AdminKeys, AdminSettings};
use super::sections::{
    AccountKeys, AccountSettings, DaemonKeys, DaemonSettings, LogKeys, LogSettings, StoreKeys, StoreSettings,
};
use super::seed_prompts::SeedPromptsKeys;
use crate::alerts::{AlertKeys, AlertSettings};
use crate::audit::{AuditKeys, AuditSettings};
use crate::collect::{CollectKeys, CollectSettings};
use crate::publish::{
    BudgetKeys, BudgetSettings, EngagementKeys, EngagementSettings, PublishKeys, PublishSettings, WhenAbsent,
};
use crate::review::{ReviewKeys, ReviewSettings};
use crate::schedule::{ScheduleKeys, ScheduleSettings};
use pregonero_judging::gates::{GateKeys, GateSettings};
use pregonero_judging::selection::{SelectionKeys, SelectionSettings};
use pregonero_models::catalog::ModelSource;
use pregonero_models::generation::{EngineKeys, EngineSettings, GenerationKeys, GenerationSettings};
use pregonero_models::sentiment::{SentimentKeys, SentimentSettings};

/// `config.toml` as it is written: texts and numbers under the file's own names, with the defaults.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keys {
    pub account: AccountKeys,
    pub schedule: ScheduleKeys,
    pub seed_prompts: SeedPromptsKeys,
    pub generation: GenerationKeys,
    pub engine: EngineKeys,
    pub sentiment: SentimentKeys,
    pub gates: GateKeys,
    pub selection: SelectionKeys,
    pub review: ReviewKeys,
    pub publish: PublishKeys,
    pub budget: BudgetKeys,
    pub engagement: EngagementKeys,
    pub collect: CollectKeys,
    pub store: StoreKeys,
    pub alerts: AlertKeys,
    pub audit: AuditKeys,
    pub daemon: DaemonKeys,
    pub admin: AdminKeys,
    pub log: LogKeys,
}

/// Everything `config.toml` decides.
#[derive(Debug, Clone)]
pub struct Settings {
    pub account: AccountSettings,
    pub schedule: ScheduleSettings,
    /// At least one.
    pub seed_prompts: Vec<SeedPrompt>,
    pub generation: GenerationSettings,
    /// How a generator on a server is spoken to.
    pub engine: EngineSettings,
    pub sentiment: SentimentSettings,
    pub gates: GateSettings,
    pub selection: SelectionSettings,
    pub review: ReviewSettings,
    pub publish: PublishSettings,
    pub budget: BudgetSettings,
    pub engagement: EngagementSettings,
    pub collect: CollectSettings,
    pub store: StoreSettings,
    pub alerts: AlertSettings,
    pub audit: AuditSettings,
    pub daemon: DaemonSettings,
    pub admin: AdminSettings,
    pub log: LogSettings,
    /// A digest of all keys in effect and their values, in hexadecimal: configurations with the same effect have the same digest.
    pub digest: String,
}

impl Settings {
    /// Returns the critic that takes part in the choice. The built-in critic knows only the built-in generator's texts, so with
    /// any other generator the result is `None`.
    #[must_use]
    pub fn critic(&self) -> Option<&ModelSource> {
        let critic = self.selection.critic.as_ref()?;
        (self.generation.model.is_built_in() || !critic.is_built_in()).then_some(critic)
    }
}

impl Keys {
    /// Returns the settings, or `None` if there are faults.
    pub(super) fn check(&self, checker: &mut Checker<'_>) -> Option<Settings> {
        let account = self.account.check(checker);
        let schedule = self.schedule.check(checker);
        let generation = self.generation.check(checker);
        let engine = self.engine.check(checker);
        let seed_prompts = self.seed_prompts.check(checker, generation.as_ref());
        let sentiment = self.sentiment.check(checker);
        let gates = self.gates.check(checker);
        let selection = self.selection.check(checker);
        let review = self.review.check(checker);
        let publish = self.publish.check(checker);
        let budget = self.budget.check(checker);
        let engagement = self.engagement.check(checker);
        let collect = self.collect.check(checker);
        let store = self.store.check(checker);
        let alerts = self.alerts.check(checker);
        let audit = self.audit.check(checker);
        let daemon = self.daemon.check(checker);
        let admin = self.admin.check(checker);
        let log = self.log.check(checker);
        let settings = Settings {
            account: account?,
            schedule: schedule?,
            seed_prompts: seed_prompts?,
            generation: generation?,
            engine: engine?,
            sentiment: sentiment?,
            gates: gates?,
            selection: selection?,
            review: review?,
            publish: publish?,
            budget: budget?,
            engagement: engagement?,
            collect: collect?,
            store: store?,
            alerts: alerts?,
            audit: audit?,
            daemon: daemon?,
            admin: admin?,
            log: log?,
            digest: String::new(),
        };
        warn_of(&settings, checker);
        Some(settings)
    }
}

/// Warns about what is allowed but probably not intended.
fn warn_of(settings: &Settings, checker: &mut Checker<'_>) {
    if settings.account.disclosure.words().is_empty() {
        checker
            .warnings
            .push("account.disclosure is empty: X's automation rules require a bot to say that it is one".into());
    }
    if settings.publish.live && settings.account.operator == "someone" {
        checker.warnings.push(
            "account.operator is still the placeholder @someone: name the account of the person who answers for the bot".into(),
        );
    }
    if settings.admin.listen.is_some()
        && settings.admin.public_url.is_some()
        && settings.admin.trusted_proxies.is_empty()
    {
        checker.warnings.push(
            "admin.public_url is set, but admin.trusted_proxies is empty: all visitors of the page count as one address, and \
             the wrong passwords of one make all wait; name the proxy's address"
                .into(),
        );
    }
    if settings.publish.live && (settings.budget.posts_per_day == 0 || settings.budget.posts_per_month == 0) {
        checker.warnings.push("publish.live is on, but a budget of 0 posts lets nothing out".into());
    }
    let PublishSettings { stale_after, reconciliation, .. } = &settings.publish;
    if reconciliation.when_absent == WhenAbsent::Repost && *stale_after <= reconciliation.give_up_after {
        checker.warnings.push(
            "publish.when_absent is repost, but publish.stale_after is not longer than publish.reconcile_for: an absent \
             post will be too old to be sent again"
                .into(),
        );
    }
}
