//! The settings as the file writes them: plain texts and numbers under the file's own names, with the defaults.
//!
//! This is the one list of known keys: their names, order, kinds and defaults are read off [`RawSettings::default`], and
//! a test holds it against `config.toml`. Nothing but [`super::check`] looks at it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::generation::Decoding;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSettings {
    pub account: RawAccount,
    pub schedule: RawSchedule,
    pub seed_prompts: RawSeedPrompts,
    pub generation: RawGeneration,
    pub sentiment: RawSentiment,
    pub gates: RawGates,
    pub selection: RawSelection,
    pub review: RawReview,
    pub publish: RawPublish,
    pub budget: RawBudget,
    pub store: RawStore,
    pub alerts: RawAlerts,
    pub daemon: RawDaemon,
    pub admin: RawAdmin,
    pub log: RawLog,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAccount {
    pub handle: String,
    pub operator: String,
    pub disclosure: String,
}

impl Default for RawAccount {
    fn default() -> Self {
        Self { handle: "uisbot".into(), operator: "@someone".into(), disclosure: "🤖".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSchedule {
    pub cron: Vec<String>,
    pub timezone: String,
    pub jitter: String,
    pub misfire: String,
    pub grace: String,
    pub quiet_hours: Vec<String>,
}

impl Default for RawSchedule {
    fn default() -> Self {
        Self {
            cron: vec!["0 9,13,18 * * *".into()],
            timezone: "America/Bogota".into(),
            jitter: "10m".into(),
            misfire: "skip".into(),
            grace: "5m".into(),
            quiet_hours: vec!["22:00-07:00".into()],
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RawSeedPrompts(pub Vec<RawSeedPrompt>);

impl Default for RawSeedPrompts {
    fn default() -> Self {
        let prompt = |(text, theme): (&str, Option<&str>)| RawSeedPrompt {
            text: text.into(),
            attributes: theme.map(|theme| ("TEMA".to_owned(), theme.to_owned())).into_iter().collect(),
            ..RawSeedPrompt::default()
        };
        let openings = [
            ("Me parece", "mayores"),
            ("En el día de hoy, ", "refuerzo"),
            ("El covid", "prevencion"),
            ("La vacuna", "personal de salud"),
            ("En Colombia", "infancia"),
        ];
        let themed = openings.into_iter().flat_map(|(text, theme)| [(text, None), (text, Some(theme))]);
        let others = ["Cuando", "Gracias a", "Para cuidar", "Quien", "Si", "Las vacunas"].map(|text| (text, None));
        Self(themed.chain(others).map(prompt).collect())
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSeedPrompt {
    pub text: String,
    pub weight: u64,
    pub attributes: BTreeMap<String, String>,
}

impl Default for RawSeedPrompt {
    fn default() -> Self {
        Self { text: String::new(), weight: 1, attributes: BTreeMap::new() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawGeneration {
    pub model: String,
    pub device: String,
    pub candidates: u64,
    pub strategy: String,
    pub temperature: f64,
    pub top_k: u64,
    pub top_p: f64,
    pub min_p: f64,
    pub typical_p: f64,
    pub repetition_penalty: f64,
    pub no_repeat_ngram: u64,
    pub max_new_tokens: u64,
    pub rng_seed: Option<u64>,
}

impl Default for RawGeneration {
    fn default() -> Self {
        let decoding = Decoding::default();
        Self {
            model: "builtin".into(),
            device: "auto".into(),
            candidates: 96,
            strategy: "sample".into(),
            temperature: decoding.temperature,
            top_k: decoding.top_k as u64,
            top_p: decoding.top_p,
            min_p: decoding.min_p,
            typical_p: decoding.typical_p,
            repetition_penalty: decoding.repetition_penalty,
            no_repeat_ngram: decoding.no_repeat_ngram as u64,
            max_new_tokens: decoding.max_new_tokens as u64,
            rng_seed: None,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSentiment {
    pub model: String,
    pub target: String,
    pub min_score: Option<f64>,
}

impl Default for RawSentiment {
    fn default() -> Self {
        Self { model: "builtin".into(), target: "positive".into(), min_score: None }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawGates {
    pub mentions: String,
    pub urls: String,
    pub max_hashtags: u64,
    pub allowed_hashtags: Vec<String>,
    pub forbidden_hashtags: Vec<String>,
    pub banned_words_file: String,
    pub near_duplicate: f64,
    pub near_duplicate_days: u64,
    pub verbatim_tokens: u64,
    pub own_texts: f64,
    pub claims: String,
    pub experience: String,
    pub off: Vec<String>,
}

impl Default for RawGates {
    fn default() -> Self {
        Self {
            mentions: "reject".into(),
            urls: "reject".into(),
            max_hashtags: 3,
            allowed_hashtags: Vec::new(),
            forbidden_hashtags: Vec::new(),
            banned_words_file: String::new(),
            near_duplicate: 0.6,
            near_duplicate_days: 90,
            verbatim_tokens: 12,
            own_texts: 0.8,
            claims: "review".into(),
            experience: "review".into(),
            off: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSelection {
    pub rank: String,
    pub critic: String,
    pub fresh_openings: u64,
}

impl Default for RawSelection {
    fn default() -> Self {
        Self { rank: "critic".into(), critic: "builtin".into(), fresh_openings: 60 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawReview {
    pub mode: String,
    pub expires_after: String,
}

impl Default for RawReview {
    fn default() -> Self {
        Self { mode: "flagged".into(), expires_after: "48h".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawPublish {
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

impl Default for RawPublish {
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawBudget {
    pub posts_per_day: u64,
    pub posts_per_month: u64,
    pub usd_per_month: f64,
    pub usd_per_post: f64,
    pub usd_per_post_with_link: f64,
    pub usd_per_read: f64,
    pub usd_per_user_read: f64,
}

impl Default for RawBudget {
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawStore {
    pub path: String,
}

impl Default for RawStore {
    fn default() -> Self {
        Self { path: "data/pregonero.db".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAlerts {
    pub webhook: String,
    pub command: Vec<String>,
    pub stale_after_slots: u64,
    pub unsettled_after: String,
}

impl Default for RawAlerts {
    fn default() -> Self {
        Self { webhook: String::new(), command: Vec::new(), stale_after_slots: 3, unsettled_after: "1h".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawDaemon {
    pub drain: String,
    pub longest_round: String,
}

impl Default for RawDaemon {
    fn default() -> Self {
        Self { drain: "90s".into(), longest_round: "30m".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawAdmin {
    pub listen: String,
}

impl Default for RawAdmin {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8787".into() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLog {
    pub format: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self { format: "auto".into() }
    }
}
