//! From what is written to what the program needs: every value parsed and in range, every fault collected.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::checked::*;
use super::fault::Fault;
use super::keys::nearest;
use super::layer::DEFAULT_ORIGIN;
use super::place;
use super::raw::{
    RawAlerts, RawBudget, RawGates, RawGeneration, RawPublish, RawSchedule, RawSeedPrompt, RawSelection, RawSettings,
};
use crate::catalog::{ModelKind, builtin};
use crate::characters::tidy;
use crate::gates::{Gates, normalise};
use crate::generation::Decoding;
use crate::schedule::CronExpression;
use crate::tweet::SeedPrompt;

/// X counts most characters once and emoji and many scripts twice; at twice, this leaves half of the 280 for the text.
const LONGEST_DISCLOSURE: usize = 70;

/// The longest handle X gives.
const LONGEST_HANDLE: usize = 15;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Collects the faults of one configuration while it is checked.
pub(super) struct Checker<'a> {
    /// The configuration's file: relative paths are relative to its folder.
    pub(super) file: &'a Path,
    /// Where each key, list item and prompt field was written.
    pub(super) origins: &'a BTreeMap<String, String>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<String>,
}

impl Checker<'_> {
    /// The settings; `None` where there are faults.
    pub(super) fn settings(&mut self, raw: &RawSettings) -> Option<Settings> {
        let account = self.account(&raw.account.handle, &raw.account.operator, &raw.account.disclosure);
        let schedule = self.schedule(&raw.schedule);
        let seed_prompts = self.seed_prompts(&raw.seed_prompts.0);
        let generation = self.generation(&raw.generation);
        let seed_prompts = seed_prompts.map(|prompts| self.default_prompts_for(generation.as_ref(), prompts));
        let sentiment = self.sentiment(&raw.sentiment.model, &raw.sentiment.target, raw.sentiment.min_score);
        let gates = self.gates(&raw.gates);
        let selection = self.selection(&raw.selection);
        let mode = self.choice("review.mode", &raw.review.mode, &REVIEW_MODES);
        let expires_after = self.duration("review.expires_after", &raw.review.expires_after, MINUTE, DAY * 365);
        let publish = self.publish(&raw.publish);
        let budget = self.budget(&raw.budget);
        let path = self.path("store.path", &raw.store.path);
        let alerts = self.alerts(&raw.alerts);
        let drain = self.duration("daemon.drain", &raw.daemon.drain, SECOND, MINUTE * 60);
        let longest_round = self.duration("daemon.longest_round", &raw.daemon.longest_round, SECOND, DAY);
        let listen = self.keep("admin.listen", listen(&raw.admin.listen));
        let format = self.choice("log.format", &raw.log.format, &LOG_FORMATS);
        let settings = Settings {
            account: account?,
            schedule: schedule?,
            seed_prompts: seed_prompts?,
            generation: generation?,
            sentiment: sentiment?,
            gates: gates?,
            selection: selection?,
            review: ReviewSettings { mode: mode?, expires_after: expires_after? },
            publish: publish?,
            budget: budget?,
            store: StoreSettings { path: path? },
            alerts: alerts?,
            daemon: DaemonSettings { drain: drain?, longest_round: longest_round? },
            admin: AdminSettings { listen: listen? },
            log: LogSettings { format: format? },
            digest: String::new(),
        };
        self.warn_of(&settings);
        Some(settings)
    }

    fn fault(&mut self, key: &str, message: impl Into<String>) {
        let origin = self.origins.get(key).cloned().unwrap_or_else(|| DEFAULT_ORIGIN.to_owned());
        self.faults.push(Fault { origin, key: key.to_owned(), message: message.into() });
    }

    fn keep<T>(&mut self, key: &str, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|message| self.fault(key, message)).ok()
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, key: &str, found: &str, choices: &[(&str, T)]) -> Option<T> {
        if let Some((_, choice)) = choices.iter().find(|(word, _)| *word == found) {
            return Some(*choice);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let near = in_brackets(nearest(found, words.iter().copied()));
        self.fault(key, format!("expected {}, found {found:?}{near}", words.join(" | ")));
        None
    }

    /// A whole number within bounds, of whatever width the settings hold.
    fn whole<T: TryFrom<u64>>(&mut self, key: &str, found: u64, least: u64, greatest: u64) -> Option<T> {
        if (least..=greatest).contains(&found)
            && let Ok(value) = T::try_from(found)
        {
            return Some(value);
        }
        self.fault(key, format!("expected a whole number from {least} to {greatest}, found {found}"));
        None
    }

    fn number(&mut self, key: &str, found: f64, fits: impl Fn(f64) -> bool, expected: &str) -> Option<f64> {
        if found.is_finite() && fits(found) {
            return Some(found);
        }
        self.fault(key, format!("expected a number {expected}, found {found}"));
        None
    }

    fn duration(&mut self, key: &str, found: &str, least: Duration, greatest: Duration) -> Option<Duration> {
        self.keep(key, duration_between(found, least, greatest))
    }

    fn path(&mut self, key: &str, found: &str) -> Option<PathBuf> {
        if found.trim().is_empty() {
            self.fault(key, "expected a path, found an empty text");
            return None;
        }
        self.keep(key, place::refuse_home(found))?;
        Some(self.resolved(key, PathBuf::from(found)))
    }

    /// A path as the file names it, relative to its folder. A flag's is the shell's, relative to where that stands.
    fn resolved(&self, key: &str, path: PathBuf) -> PathBuf {
        let is_flag = self.origins.get(key).is_some_and(|origin| origin.starts_with('-'));
        if is_flag { path } else { place::resolve(self.file, &path) }
    }

    /// Where a model comes from, its folder in place.
    fn model(&mut self, key: &str, kind: ModelKind, found: &str) -> Option<ModelSource> {
        match self.keep(key, model_of(kind, found))? {
            ModelSource::Folder(folder) => Some(ModelSource::Folder(self.resolved(key, folder))),
            source => Some(source),
        }
    }

    fn account(&mut self, found_handle: &str, found_operator: &str, disclosure: &str) -> Option<AccountSettings> {
        let handle = self.keep("account.handle", handle(found_handle));
        let operator = self.keep("account.operator", self::handle(found_operator));
        let length = disclosure.chars().count();
        if length > LONGEST_DISCLOSURE {
            let message = format!(
                "expected at most {LONGEST_DISCLOSURE} characters, to leave room in the 280 of a tweet, found {length}"
            );
            self.fault("account.disclosure", message);
            return None;
        }
        if disclosure.chars().any(char::is_control) {
            self.fault("account.disclosure", "expected a text on one line, found a control character");
            return None;
        }
        Some(AccountSettings { handle: handle?, operator: operator?, disclosure: disclosure.to_owned() })
    }

    fn schedule(&mut self, raw: &RawSchedule) -> Option<ScheduleSettings> {
        let cron = self.cron(&raw.cron);
        let timezone = self.keep("schedule.timezone", timezone(&raw.timezone));
        let jitter = self.duration("schedule.jitter", &raw.jitter, Duration::ZERO, DAY);
        let misfire = self.choice("schedule.misfire", &raw.misfire, &MISFIRES);
        let grace = self.duration("schedule.grace", &raw.grace, Duration::ZERO, DAY);
        let quiet_hours = self.quiet_hours(&raw.quiet_hours);
        Some(ScheduleSettings {
            cron: cron?,
            timezone: timezone?,
            timezone_name: raw.timezone.clone(),
            jitter: jitter?,
            misfire: misfire?,
            grace: grace?,
            quiet_hours: quiet_hours?,
        })
    }

    fn cron(&mut self, found: &[String]) -> Option<Vec<CronExpression>> {
        if found.is_empty() {
            self.fault("schedule.cron", "expected at least one cron expression, found an empty list");
            return None;
        }
        let parse = |text: &String| CronExpression::parse(text).map_err(|error| error.to_string());
        self.each("schedule.cron", found, parse)
    }

    fn quiet_hours(&mut self, found: &[String]) -> Option<Vec<QuietHours>> {
        let spans = self.each("schedule.quiet_hours", found, |text| quiet_hours(text))?;
        let edges = spans.iter().flat_map(|span| [span.from, span.to]);
        let leaves_time =
            spans.is_empty() || edges.into_iter().any(|edge| spans.iter().all(|span| !span.contains(edge)));
        if !leaves_time {
            self.fault("schedule.quiet_hours", "together they cover the whole day: nothing would ever be posted");
            return None;
        }
        Some(spans)
    }

    /// Every item of a list checked under its own place.
    fn each<T>(&mut self, key: &str, found: &[String], check: impl Fn(&String) -> Result<T, String>) -> Option<Vec<T>> {
        let checked: Vec<Option<T>> =
            found.iter().enumerate().map(|(place, text)| self.keep(&format!("{key}[{place}]"), check(text))).collect();
        checked.into_iter().collect()
    }

    fn seed_prompts(&mut self, found: &[RawSeedPrompt]) -> Option<Vec<SeedPrompt>> {
        if found.is_empty() {
            self.fault("seed_prompts", "expected at least one [[seed_prompts]], found an empty list");
            return None;
        }
        let mut prompts = Vec::with_capacity(found.len());
        for (place, prompt) in found.iter().enumerate() {
            let weight = self.whole(&format!("seed_prompts[{place}].weight"), prompt.weight, 0, 1_000_000);
            if prompt.text.chars().count() > 280 {
                let key = format!("seed_prompts[{place}].text");
                self.fault(&key, format!("expected fewer than 280 characters, found {}", prompt.text.chars().count()));
            }
            let text = tidy(&prompt.text);
            if text != prompt.text {
                self.warn_of_marks(place, &prompt.text, &text);
            }
            if let Err(message) = blanks(&text) {
                self.fault(&format!("seed_prompts[{place}].text"), message);
            }
            prompts.push(weight.map(|weight| SeedPrompt {
                text: text.into_owned(),
                weight,
                attributes: prompt.attributes.clone(),
            }));
        }
        let prompts: Vec<SeedPrompt> = prompts.into_iter().collect::<Option<_>>()?;
        if prompts.iter().all(|prompt| prompt.weight == 0) {
            self.fault(
                "seed_prompts",
                "every prompt has weight = 0 and is switched off: nothing would ever be written",
            );
            return None;
        }
        Some(prompts)
    }

    /// The prompts that stand where none are written demand what the built-in generator knows. Another model may know no
    /// attributes, so for one they are the words alone.
    fn default_prompts_for(
        &self,
        generation: Option<&GenerationSettings>,
        prompts: Vec<SeedPrompt>,
    ) -> Vec<SeedPrompt> {
        let written = self.origins.get("seed_prompts").is_some_and(|origin| origin != DEFAULT_ORIGIN);
        if written || generation.is_none_or(|settings| settings.model.is_built_in()) {
            return prompts;
        }
        prompts.into_iter().map(|prompt| SeedPrompt { attributes: BTreeMap::new(), ..prompt }).collect()
    }

    fn warn_of_marks(&mut self, place: usize, found: &str, tidied: &str) {
        let key = format!("seed_prompts[{place}].text");
        let origin = self.origins.get(&key).map_or(DEFAULT_ORIGIN, String::as_str);
        self.warnings.push(format!(
            "{origin}: {key}: \"{}\" is read as {tidied:?} with {} characters instead of {}: the training texts have composed \
             letters (NFC) and no characters without width",
            found.escape_default(),
            tidied.chars().count(),
            found.chars().count()
        ));
    }

    fn generation(&mut self, raw: &RawGeneration) -> Option<GenerationSettings> {
        let model = self.model("generation.model", ModelKind::Generator, &raw.model);
        let device = self.keep("generation.device", device(&raw.device));
        let candidates = self.whole("generation.candidates", raw.candidates, 1, 256);
        let strategy = self.choice("generation.strategy", &raw.strategy, &STRATEGIES);
        let temperature =
            self.number("generation.temperature", raw.temperature, |t| t > 0.0 && t <= 100.0, "above 0, at most 100");
        let top_k = self.whole("generation.top_k", raw.top_k, 0, 1_000_000);
        let top_p = self.number("generation.top_p", raw.top_p, |p| p > 0.0 && p <= 1.0, "above 0, at most 1");
        let min_p = self.number("generation.min_p", raw.min_p, |p| (0.0..=1.0).contains(&p), "from 0 (off) to 1");
        let typical_p =
            self.number("generation.typical_p", raw.typical_p, |p| p > 0.0 && p <= 1.0, "above 0, at most 1");
        let repetition_penalty = self.number(
            "generation.repetition_penalty",
            raw.repetition_penalty,
            |penalty| (1.0..=100.0).contains(&penalty),
            "from 1 (off) to 100",
        );
        let no_repeat_ngram = self.whole("generation.no_repeat_ngram", raw.no_repeat_ngram, 0, 1_000);
        let max_new_tokens = self.whole("generation.max_new_tokens", raw.max_new_tokens, 1, 4_096);
        Some(GenerationSettings {
            model: model?,
            device: device?,
            candidates: candidates?,
            decoding: Decoding {
                strategy: strategy?,
                temperature: temperature?,
                top_k: top_k?,
                top_p: top_p?,
                min_p: min_p?,
                typical_p: typical_p?,
                repetition_penalty: repetition_penalty?,
                no_repeat_ngram: no_repeat_ngram?,
                max_new_tokens: max_new_tokens?,
            },
            rng_seed: raw.rng_seed,
        })
    }

    fn sentiment(&mut self, found_model: &str, target: &str, min_score: Option<f64>) -> Option<SentimentSettings> {
        let model = self.model("sentiment.model", ModelKind::Classifier, found_model);
        let target = self.keep("sentiment.target", sentiment_target(target));
        let min_score = match min_score {
            Some(score) => self.number("sentiment.min_score", score, is_share, "from 0 to 1").map(Some),
            None => Some(None),
        };
        let min_score = min_score.map(|score| score.map(|score| score as f32));
        Some(SentimentSettings { model: model?, target: target?, min_score: min_score? })
    }

    fn gates(&mut self, raw: &RawGates) -> Option<GateSettings> {
        let mentions = self.choice("gates.mentions", &raw.mentions, &ENTITY_POLICIES);
        let urls = self.choice("gates.urls", &raw.urls, &ENTITY_POLICIES);
        let max_hashtags = self.whole("gates.max_hashtags", raw.max_hashtags, 0, 280);
        let near_duplicate = self.number("gates.near_duplicate", raw.near_duplicate, is_share, "from 0 (off) to 1");
        let near_duplicate_days = self.whole("gates.near_duplicate_days", raw.near_duplicate_days, 1, 36_500);
        let own_texts = self.number("gates.own_texts", raw.own_texts, is_share, "from 0 (off) to 1");
        let verbatim_tokens = self.whole("gates.verbatim_tokens", raw.verbatim_tokens, 0, 280);
        let claims = self.choice("gates.claims", &raw.claims, &CLAIMS_POLICIES);
        let experience = self.choice("gates.experience", &raw.experience, &EXPERIENCE_POLICIES);
        let (allowed_hashtags, forbidden_hashtags) = self.hashtags(raw)?;
        let off = self.each("gates.off", &raw.off, |name| gate(name));
        let file = raw.banned_words_file.trim();
        let banned_words_file = if file.is_empty() { None } else { Some(self.path("gates.banned_words_file", file)?) };
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

    fn selection(&mut self, raw: &RawSelection) -> Option<SelectionSettings> {
        let rank = self.choice("selection.rank", &raw.rank, &RANKS);
        let critic = match raw.critic.trim() {
            "none" => Some(None),
            found => self.model("selection.critic", ModelKind::Critic, found).map(Some),
        };
        let fresh_openings = self.whole("selection.fresh_openings", raw.fresh_openings, 0, 10_000);
        Some(SelectionSettings { rank: rank?, critic: critic?, fresh_openings: fresh_openings? })
    }

    /// The operator's lists of hashtags, without their signs.
    fn hashtags(&mut self, raw: &RawGates) -> Option<(Vec<String>, Vec<String>)> {
        let allowed = self.each("gates.allowed_hashtags", &raw.allowed_hashtags, |tag| hashtag(tag));
        let forbidden = self.each("gates.forbidden_hashtags", &raw.forbidden_hashtags, |tag| hashtag(tag));
        let (allowed, forbidden) = (allowed?, forbidden?);
        let both = allowed.iter().find(|tag| forbidden.iter().any(|other| normalise(tag) == normalise(other)));
        if let Some(both) = both {
            self.fault("gates.forbidden_hashtags", format!("#{both} is one of gates.allowed_hashtags as well"));
            return None;
        }
        Some((allowed, forbidden))
    }

    fn publish(&mut self, raw: &RawPublish) -> Option<PublishSettings> {
        let base_url = self.keep("publish.base_url", base_url(&raw.base_url));
        let auth = self.choice("publish.auth", &raw.auth, &AUTH_METHODS);
        let tokens = self.path("publish.tokens", &raw.tokens);
        let min_gap = self.duration("publish.min_gap", &raw.min_gap, Duration::ZERO, DAY);
        let stale_after = self.duration("publish.stale_after", &raw.stale_after, SECOND, DAY * 30);
        let reconciliation = self.reconciliation(raw);
        Some(PublishSettings {
            live: raw.live,
            base_url: base_url?,
            auth: auth?,
            tokens: tokens?,
            min_gap: min_gap?,
            stale_after: stale_after?,
            reconciliation: reconciliation?,
        })
    }

    fn reconciliation(&mut self, raw: &RawPublish) -> Option<ReconciliationSettings> {
        let waits =
            self.each("publish.reconcile_waits", &raw.reconcile_waits, |text| duration_between(text, SECOND, DAY));
        if raw.reconcile_waits.is_empty() {
            self.fault("publish.reconcile_waits", "expected at least one duration, found an empty list");
            return None;
        }
        let give_up_after = self.duration("publish.reconcile_for", &raw.reconcile_for, SECOND, DAY * 7);
        let when_absent = self.choice("publish.when_absent", &raw.when_absent, &WHEN_ABSENT);
        Some(ReconciliationSettings { waits: waits?, give_up_after: give_up_after?, when_absent: when_absent? })
    }

    fn budget(&mut self, raw: &RawBudget) -> Option<BudgetSettings> {
        let posts_per_day = self.whole("budget.posts_per_day", raw.posts_per_day, 0, 100_000);
        let posts_per_month = self.whole("budget.posts_per_month", raw.posts_per_month, 0, 1_000_000);
        let mut dollars = |key, found| self.number(key, found, |usd| (0.0..=1e6).contains(&usd), "of 0 or more");
        let usd_per_month = dollars("budget.usd_per_month", raw.usd_per_month);
        let post = dollars("budget.usd_per_post", raw.usd_per_post);
        let post_with_link = dollars("budget.usd_per_post_with_link", raw.usd_per_post_with_link);
        let read = dollars("budget.usd_per_read", raw.usd_per_read);
        let user_read = dollars("budget.usd_per_user_read", raw.usd_per_user_read);
        Some(BudgetSettings {
            posts_per_day: posts_per_day?,
            posts_per_month: posts_per_month?,
            usd_per_month: usd_per_month?,
            prices: Prices { post: post?, post_with_link: post_with_link?, read: read?, user_read: user_read? },
        })
    }

    fn alerts(&mut self, raw: &RawAlerts) -> Option<AlertSettings> {
        let address = raw.webhook.trim();
        let webhook = if address.is_empty() { Ok(()) } else { webhook_url(address) };
        let webhook = self.keep("alerts.webhook", webhook);
        let stale_after_slots = self.whole("alerts.stale_after_slots", raw.stale_after_slots, 0, 1_000);
        let unsettled_after = self.duration("alerts.unsettled_after", &raw.unsettled_after, MINUTE, DAY * 30);
        if raw.command.first().is_some_and(|program| program.trim().is_empty()) {
            self.fault("alerts.command", "expected a program and its arguments, found an empty program");
            return None;
        }
        webhook?;
        Some(AlertSettings {
            webhook: (!address.is_empty()).then(|| address.into()),
            command: raw.command.clone(),
            stale_after_slots: stale_after_slots?,
            unsettled_after: unsettled_after?,
        })
    }

    /// What is allowed and yet probably not meant.
    fn warn_of(&mut self, settings: &Settings) {
        if settings.account.disclosure.trim().is_empty() {
            self.warnings
                .push("account.disclosure is empty: X's automation rules ask a bot to say that it is one".into());
        }
        if settings.publish.live && settings.account.operator == "someone" {
            self.warnings.push(
                "account.operator is still the placeholder @someone: name the account that answers for the bot".into(),
            );
        }
        if settings.publish.live && (settings.budget.posts_per_day == 0 || settings.budget.posts_per_month == 0) {
            self.warnings.push("publish.live is on, but a budget of 0 posts lets nothing out".into());
        }
        let PublishSettings { stale_after, reconciliation, .. } = &settings.publish;
        if reconciliation.when_absent == WhenAbsent::Repost && *stale_after <= reconciliation.give_up_after {
            self.warnings.push(
                "publish.when_absent is repost, but publish.stale_after is not longer than publish.reconcile_for: an absent \
                 post is too old to go out again"
                    .into(),
            );
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MISFIRES: [(&str, Misfire); 2] = [("skip", Misfire::Skip), ("once", Misfire::Once)];
const STRATEGIES: [(&str, Strategy); 3] =
    [("sample", Strategy::Sample), ("greedy", Strategy::Greedy), ("beam", Strategy::Beam)];
const ENTITY_POLICIES: [(&str, EntityPolicy); 3] =
    [("reject", EntityPolicy::Reject), ("strip", EntityPolicy::Strip), ("allow", EntityPolicy::Allow)];
const CLAIMS_POLICIES: [(&str, ClaimsPolicy); 3] =
    [("allow", ClaimsPolicy::Allow), ("review", ClaimsPolicy::Review), ("reject", ClaimsPolicy::Reject)];
const EXPERIENCE_POLICIES: [(&str, ExperiencePolicy); 3] =
    [("allow", ExperiencePolicy::Allow), ("review", ExperiencePolicy::Review), ("reject", ExperiencePolicy::Reject)];
const RANKS: [(&str, Rank); 3] = [("both", Rank::Both), ("critic", Rank::Critic), ("sentiment", Rank::Sentiment)];
const REVIEW_MODES: [(&str, ReviewMode); 3] =
    [("off", ReviewMode::Off), ("flagged", ReviewMode::Flagged), ("all", ReviewMode::All)];
const WHEN_ABSENT: [(&str, WhenAbsent); 2] = [("repost", WhenAbsent::Repost), ("refuse", WhenAbsent::Refuse)];
const AUTH_METHODS: [(&str, AuthMethod); 2] = [("oauth1", AuthMethod::OAuth1), ("oauth2", AuthMethod::OAuth2)];
const LOG_FORMATS: [(&str, LogFormat); 3] =
    [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

fn is_share(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

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

fn in_brackets(near: Option<&str>) -> String {
    near.map(|near| format!(" (nearest: {near})")).unwrap_or_default()
}

fn handle(found: &str) -> Result<String, String> {
    let name = found.strip_prefix('@').unwrap_or(found);
    let fits =
        (1..=LONGEST_HANDLE).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "expected a handle of 1 to {LONGEST_HANDLE} letters, digits or underscores, with or without @, found {found:?}"
        ))
    }
}

fn timezone(found: &str) -> Result<TimeZone, String> {
    TimeZone::get(found).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        match nearest(found, known.iter().map(String::as_str)) {
            Some(near) => format!("unknown time zone {found:?}; the nearest known one is {near}"),
            None => format!("unknown time zone {found:?}"),
        }
    })
}

/// `22:00-07:00`.
fn quiet_hours(found: &str) -> Result<QuietHours, String> {
    let wrong = || format!("expected a span of the day such as \"22:00-07:00\", found {found:?}");
    let (from, to) = found.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (time_of_day(from).ok_or_else(wrong)?, time_of_day(to).ok_or_else(wrong)?);
    if from == to {
        return Err(format!("expected a span that ends at another time than it begins, found {found:?}"));
    }
    Ok(QuietHours { from, to })
}

/// `HH:MM`; 24:00 is the midnight that ends the day.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) || minute.len() != 2 {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

/// `90s`, `10m`, `1h30m`, `48h`, `2d`.
fn duration(found: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a duration such as \"90s\", \"10m\", \"48h\" or \"2d\", found {found:?}");
    let mut rest = found.trim();
    let mut seconds: u64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (count, tail) = rest.split_at(unit_at);
        let unit = tail.chars().next().ok_or_else(wrong)?;
        let length = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(length).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = tail[unit.len_utf8()..].trim_start();
    }
    Ok(Duration::from_secs(seconds))
}

fn duration_between(found: &str, least: Duration, greatest: Duration) -> Result<Duration, String> {
    let parsed = duration(found)?;
    if (least..=greatest).contains(&parsed) {
        return Ok(parsed);
    }
    Err(format!("expected a duration from {} to {}, found {found:?}", in_units(least), in_units(greatest)))
}

/// The inverse of [`duration`], in the largest unit that is exact.
fn in_units(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match [(86_400, 'd'), (3600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
    {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Which labels a classifier has is known when it is loaded.
fn sentiment_target(found: &str) -> Result<SentimentTarget, String> {
    match found.trim() {
        "" => Err("expected a label of the model, such as positive, or any; found an empty text".to_owned()),
        "any" => Ok(SentimentTarget::Any),
        label => Ok(SentimentTarget::Label(label.to_owned())),
    }
}

/// A model for one purpose: a built-in one must be there.
fn model_of(kind: ModelKind, found: &str) -> Result<ModelSource, String> {
    match model(found)? {
        ModelSource::BuiltInNamed(name) if builtin::find(kind, Some(&name)).is_none() => {
            Err(builtin::unknown(kind, &name))
        }
        source => Ok(source),
    }
}

/// What `generation.model` and `sentiment.model` may say.
pub(super) fn model(found: &str) -> Result<ModelSource, String> {
    if found == "builtin" {
        return Ok(ModelSource::BuiltIn);
    }
    if let Some(name) = found.strip_prefix("builtin:") {
        return Ok(ModelSource::BuiltInNamed(name.to_owned()));
    }
    if let Some(name) = found.strip_prefix("hub:") {
        let part = |part: &str| {
            part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                && part.chars().any(char::is_alphanumeric)
        };
        let fits = name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
        return if fits {
            Ok(ModelSource::Hub(name.to_owned()))
        } else {
            Err(format!("expected hub:OWNER/NAME, found {found:?}"))
        };
    }
    if found.trim().is_empty() {
        return Err("expected builtin, builtin:NAME, a folder or hub:OWNER/NAME, found an empty text".to_owned());
    }
    place::refuse_home(found)?;
    Ok(ModelSource::Folder(PathBuf::from(found)))
}

pub(super) fn device(found: &str) -> Result<DeviceChoice, String> {
    match found {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "cuda" => Ok(DeviceChoice::Cuda(0)),
        _ => found
            .strip_prefix("cuda:")
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|number| number.parse().ok())
            .map(DeviceChoice::Cuda)
            .ok_or_else(|| format!("expected auto | cpu | cuda | cuda:1, found {found:?}")),
    }
}

/// Posts and their signatures travel to this address, so it is https, or a server on this very machine. The address
/// itself is not repeated in messages where it may hold a password.
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
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(format!("expected https (plain http only to this machine itself), found {found:?}")),
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Blanks that X would take away or that no model was trained on. One space at the end is part of the prompt.
fn blanks(prompt: &str) -> Result<(), String> {
    if !prompt.is_empty() && prompt.trim().is_empty() {
        return Err("expected words, found blanks alone; write \"\" to begin with nothing".to_owned());
    }
    if prompt.starts_with(char::is_whitespace) {
        return Err(format!("expected no blank at the beginning, found {prompt:?}"));
    }
    let is_double = |pair: &[char]| pair.iter().all(|character| character.is_whitespace() && *character != '\n');
    let characters: Vec<char> = prompt.chars().collect();
    if characters.windows(2).any(is_double) {
        return Err(format!("expected single blanks between words, found {prompt:?}"));
    }
    Ok(())
}

/// Whether notices can go there. The address may hold a secret, so no message repeats it.
pub(crate) fn webhook_url(found: &str) -> Result<(), String> {
    let url = url::Url::parse(found).map_err(|cause| format!("expected an address: {cause}"))?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => Err("expected an address that begins with https:// (plain http only to this machine itself)".to_owned()),
    }
}

fn listen(found: &str) -> Result<SocketAddr, String> {
    found.parse().map_err(|_| format!("expected an address and a port such as \"127.0.0.1:8787\", found {found:?}"))
}
