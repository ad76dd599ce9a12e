//! The section `[gates]`: its keys, their defaults and the values they accept.

use std::path::PathBuf;

use pregonero_settings::{Checker, in_brackets, is_share, nearest};
use pregonero_text::normal::normalise;
use pregonero_tweet::Verdict;
use serde::{Deserialize, Serialize};

use super::Gates;

/// The keys of `[gates]` as written in the file, with their defaults.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GateKeys {
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

impl Default for GateKeys {
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

impl GateKeys {
    /// Returns the settings, each key parsed and in range, or `None` after reporting a fault to `checker`.
    #[must_use]
    pub fn check(&self, checker: &mut Checker<'_>) -> Option<GateSettings> {
        let mentions = checker.choice("gates.mentions", &self.mentions, &ENTITY_POLICIES);
        let urls = checker.choice("gates.urls", &self.urls, &ENTITY_POLICIES);
        let max_hashtags = checker.whole("gates.max_hashtags", self.max_hashtags, 0, 280);
        let near_duplicate = checker.number("gates.near_duplicate", self.near_duplicate, is_share, "from 0 (off) to 1");
        let near_duplicate_days = checker.whole("gates.near_duplicate_days", self.near_duplicate_days, 1, 36_500);
        let own_texts = checker.number("gates.own_texts", self.own_texts, is_share, "from 0 (off) to 1");
        let verbatim_tokens = checker.whole("gates.verbatim_tokens", self.verbatim_tokens, 0, 280);
        let claims = checker.choice("gates.claims", &self.claims, &REVIEW_POLICIES);
        let experience = checker.choice("gates.experience", &self.experience, &REVIEW_POLICIES);
        let (allowed_hashtags, forbidden_hashtags) = self.hashtags(checker)?;
        let off = checker.each("gates.off", &self.off, |name| gate(name));
        let file = self.banned_words_file.trim();
        let banned_words_file =
            if file.is_empty() { None } else { Some(checker.path("gates.banned_words_file", file)?) };
        Some(GateSettings {
            mentions: mentions?,
            urls: urls?,
            max_hashtags: max_hashtags?,
            allowed_hashtags,
            forbidden_hashtags,
            banned_words_file,
            near_duplicate: near_duplicate?,
            near_duplicate_days: near_duplicate_days?,
            verbatim_tokens: verbatim_tokens?,
            own_texts: own_texts?,
            claims: claims?,
            experience: experience?,
            off: off?,
        })
    }

    /// Returns the operator's lists of allowed and of forbidden hashtags, without their signs.
    fn hashtags(&self, checker: &mut Checker<'_>) -> Option<(Vec<String>, Vec<String>)> {
        let allowed = checker.each("gates.allowed_hashtags", &self.allowed_hashtags, |tag| hashtag(tag));
        let forbidden = checker.each("gates.forbidden_hashtags", &self.forbidden_hashtags, |tag| hashtag(tag));
        let (allowed, forbidden) = (allowed?, forbidden?);
        let both = allowed.iter().find(|tag| forbidden.iter().any(|other| normalise(tag) == normalise(other)));
        if let Some(both) = both {
            checker.fault("gates.forbidden_hashtags", format!("#{both} is also in gates.allowed_hashtags"));
            return None;
        }
        Some((allowed, forbidden))
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct GateSettings {
    pub mentions: EntityPolicy,
    pub urls: EntityPolicy,
    pub max_hashtags: usize,
    /// If there are any, no other hashtag passes.
    pub allowed_hashtags: Vec<String>,
    pub forbidden_hashtags: Vec<String>,
    /// One word or phrase per line; absent = only the built-in list.
    #[serde(skip)]
    pub banned_words_file: Option<PathBuf>,
    /// 0 to 1; similarity at or above it is a duplicate; 1 = identical only; 0 = gate off.
    pub near_duplicate: f64,
    pub near_duplicate_days: u32,
    /// The longest run of words that may be copied from the training texts; 0 = not checked.
    pub verbatim_tokens: usize,
    /// The similarity (0 to 1) to one of the model's own texts at or above which a text is rejected; 0 = not compared.
    pub own_texts: f64,
    pub claims: ReviewPolicy,
    pub experience: ReviewPolicy,
    /// Names of the gates that are switched off, from [`crate::gates::Gates::names`].
    pub off: Vec<String>,
}

/// What to do with entities that X's rules tell a bot to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityPolicy {
    Reject,
    Strip,
    Allow,
}

/// What to do with a text of which a person may have to decide: claims of fact, and claims of a body and a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewPolicy {
    Allow,
    Review,
    Reject,
}

impl ReviewPolicy {
    /// Returns the verdict on such a text, or `None` if there is nothing to look for.
    #[must_use]
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Allow => None,
            Self::Review => Some(Verdict::Review),
            Self::Reject => Some(Verdict::Reject),
        }
    }
}

const ENTITY_POLICIES: [(&str, EntityPolicy); 3] =
    [("reject", EntityPolicy::Reject), ("strip", EntityPolicy::Strip), ("allow", EntityPolicy::Allow)];
const REVIEW_POLICIES: [(&str, ReviewPolicy); 3] =
    [("allow", ReviewPolicy::Allow), ("review", ReviewPolicy::Review), ("reject", ReviewPolicy::Reject)];

fn hashtag(found: &str) -> Result<String, String> {
    let name = found.trim().trim_start_matches(['#', '＃']);
    let fits = name.chars().any(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if fits { Ok(name.to_owned()) } else { Err(format!("expected a hashtag such as \"YoMeVacuno\", found {found:?}")) }
}

fn gate(found: &str) -> Result<String, String> {
    let names = Gates::names();
    if names.contains(&found) {
        return Ok(found.to_owned());
    }
    let near = in_brackets(nearest(found, names.iter().copied()));
    Err(format!("there is no gate {found:?}{near}; the gates are {}", names.join(", ")))
}
