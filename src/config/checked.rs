//! The settings as the program needs them: every value parsed, in range and of its own type.
//!
//! Nothing downstream sees the raw file. Made by [`super::load`] only.

use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::generation::Decoding;
use crate::schedule::CronExpression;
use crate::tweet::SeedPrompt;

/// Everything `config.toml` decides.
#[derive(Debug, Clone)]
pub struct Settings {
    pub account: AccountSettings,
    pub schedule: ScheduleSettings,
    /// At least one.
    pub seed_prompts: Vec<SeedPrompt>,
    pub generation: GenerationSettings,
    pub sentiment: SentimentSettings,
    pub gates: GateSettings,
    pub selection: SelectionSettings,
    pub review: ReviewSettings,
    pub publish: PublishSettings,
    pub budget: BudgetSettings,
    pub store: StoreSettings,
    pub alerts: AlertSettings,
    pub daemon: DaemonSettings,
    pub admin: AdminSettings,
    pub log: LogSettings,
    /// A digest of every key in effect, in hexadecimal: two configurations that do the same have the same.
    pub digest: String,
}

impl Settings {
    /// Returns the critic that takes part in the choice. The built-in one knows only the built-in generator's texts, so
    /// with another generator it means none.
    #[must_use]
    pub fn critic(&self) -> Option<&ModelSource> {
        let critic = self.selection.critic.as_ref()?;
        (self.generation.model.is_built_in() || !critic.is_built_in()).then_some(critic)
    }
}

#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// The bot's handle, without `@`.
    pub handle: String,
    /// The person's account that answers for the bot, without `@`.
    pub operator: String,
    /// Appended to every tweet, counted in its length; may be empty.
    pub disclosure: String,
}

#[derive(Debug, Clone)]
pub struct ScheduleSettings {
    pub cron: Vec<CronExpression>,
    pub timezone: TimeZone,
    /// The name the file gave, for messages.
    pub timezone_name: String,
    /// A slot is moved later by a random time from 0 to this.
    pub jitter: Duration,
    pub misfire: Misfire,
    /// A slot is served when it is at most this late; after that it counts as missed.
    pub grace: Duration,
    pub quiet_hours: Vec<QuietHours>,
}

/// What happens to slots that passed while the machine was down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Misfire {
    /// They are recorded as missed.
    Skip,
    /// The last of them is served once, now.
    Once,
}

/// A daily span in civil time in which nothing is posted; `from > to` goes past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    pub from: Time,
    pub to: Time,
}

impl QuietHours {
    /// Whether a wall clock's `time` lies in the span; `to` itself does not.
    #[must_use]
    pub fn contains(self, time: Time) -> bool {
        if self.from <= self.to { self.from <= time && time < self.to } else { self.from <= time || time < self.to }
    }
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// Compiled into the binary: the default one of its kind.
    BuiltIn,
    /// Compiled into the binary, by its name: `builtin:NAME`.
    BuiltInNamed(String),
    /// A folder.
    Folder(PathBuf),
    /// `OWNER/NAME`, pulled with `models pull`.
    Hub(String),
}

impl ModelSource {
    /// Whether it is compiled into the binary.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn | Self::BuiltInNamed(_))
    }
}

/// As the configuration writes it; the error is a sentence without the value's place.
impl std::str::FromStr for ModelSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::check::model(text)
    }
}

impl std::fmt::Display for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("builtin"),
            Self::BuiltInNamed(name) => write!(f, "builtin:{name}"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Hub(name) => write!(f, "hub:{name}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA where it works, else the CPU with one clear line.
    Auto,
    Cpu,
    /// This CUDA device, or an error.
    Cuda(usize),
}

/// As the configuration writes it.
impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::check::device(text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    Sample,
    Greedy,
    Beam,
}

/// Who writes, and how.
#[derive(Debug, Clone)]
pub struct GenerationSettings {
    pub model: ModelSource,
    pub device: DeviceChoice,
    /// 1 to 256.
    pub candidates: usize,
    pub decoding: Decoding,
    /// A fresh one each round where absent.
    pub rng_seed: Option<u64>,
}

/// What the tweets should sound like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentimentTarget {
    /// One of the classifier's labels; whether it is one is checked when the classifier is loaded.
    Label(String),
    /// Whatever the classifier is surest of.
    Any,
}

#[derive(Debug, Clone)]
pub struct SentimentSettings {
    pub model: ModelSource,
    pub target: SentimentTarget,
    /// 0 to 1: the least probability of the target. Absent: what the classifier advises.
    pub min_score: Option<f32>,
}

/// What to do with entities that X's rules ask a bot to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityPolicy {
    Reject,
    Strip,
    Allow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimsPolicy {
    Allow,
    Review,
    Reject,
}

/// What becomes of first-person claims of a body and a life that a bot does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExperiencePolicy {
    Allow,
    Review,
    Reject,
}

#[derive(Debug, Clone)]
pub struct GateSettings {
    pub mentions: EntityPolicy,
    pub urls: EntityPolicy,
    pub max_hashtags: usize,
    /// Where there are any, no other hashtag passes.
    pub allowed_hashtags: Vec<String>,
    pub forbidden_hashtags: Vec<String>,
    /// One word or phrase a line; absent = the built-in list alone.
    pub banned_words_file: Option<PathBuf>,
    /// 0 to 1; similarity at or above it is a duplicate; 1 = identical only; 0 = gate off.
    pub near_duplicate: f64,
    pub near_duplicate_days: u32,
    /// The longest run of words allowed from the texts of the training; 0 = none is looked for.
    pub verbatim_tokens: usize,
    /// The similarity (0 to 1) to a whole own text of the model from which a text is rejected; 0 = not compared.
    pub own_texts: f64,
    pub claims: ClaimsPolicy,
    pub experience: ExperiencePolicy,
    /// Names of gates that are switched off, out of [`crate::gates::Gates::names`].
    pub off: Vec<String>,
}

/// The number that the candidates that passed are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// How well a text reads, times the sentiment's score.
    Both,
    /// How well a text reads.
    Critic,
    /// The sentiment's score.
    Sentiment,
}

/// How one of the candidates that passed is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionSettings {
    pub rank: Rank,
    /// As configured; [`Settings::critic`] says which critic takes part.
    pub critic: Option<ModelSource>,
    /// A candidate that begins like one of this many recent posts ranks after all others; 0 = off.
    pub fresh_openings: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewMode {
    Off,
    Flagged,
    All,
}

#[derive(Debug, Clone)]
pub struct ReviewSettings {
    pub mode: ReviewMode,
    pub expires_after: Duration,
}

/// `publish.stale_after` where it is not given, or the configuration cannot be read.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(12 * 3600);

#[derive(Debug, Clone)]
pub struct PublishSettings {
    pub live: bool,
    /// Without a trailing slash.
    pub base_url: url::Url,
    pub auth: AuthMethod,
    /// The folder that `auth login` writes tokens to.
    pub tokens: PathBuf,
    /// The least time between two calls that post.
    pub min_gap: Duration,
    /// How long a post may wait to be sent after it was let through.
    pub stale_after: Duration,
    pub reconciliation: ReconciliationSettings,
}

/// By which protocol the bot is let into its account.
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
    /// Before the first reading, the second, and so on; the last one repeats. At least one.
    pub waits: Vec<Duration>,
    /// A post that the timeline does not show after this long counts as absent.
    pub give_up_after: Duration,
    pub when_absent: WhenAbsent,
}

/// What becomes of a post that X did not take, as far as its timeline tells.
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
    /// For each post of a timeline that is read.
    pub read: f64,
    /// For asking whose credentials these are.
    pub user_read: f64,
}

#[derive(Debug, Clone)]
pub struct StoreSettings {
    pub path: PathBuf,
}

/// Who is told of what keeps the bot from posting.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// Secret: whoever has the address can write to it. The environment may name another.
    pub webhook: Option<SecretString>,
    /// A program and its arguments; empty = none.
    pub command: Vec<String>,
    /// Slots in a row without a post that are too many; 0 = never.
    pub stale_after_slots: u32,
    /// How long a post may be of unknown outcome.
    pub unsettled_after: Duration,
}

#[derive(Debug, Clone)]
pub struct DaemonSettings {
    /// How long a stop waits for the post in flight.
    pub drain: Duration,
    /// A round that takes longer hangs: the daemon ends, so that its service manager starts it again.
    pub longest_round: Duration,
}

#[derive(Debug, Clone)]
pub struct AdminSettings {
    pub listen: std::net::SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub format: LogFormat,
}
