//! Everything a round works with, put together once; and the parts of it, each loadable by itself for commands that need
//! only one.
//!
//! Time, chance, the outlet and the record come in from outside ([`Parts`]), so that a test drives the whole program
//! without sleeping and without X. What the operator has to mend before the program can start is a [`SetupError`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::{SignedDuration, Timestamp};

use crate::alerts::{ChannelError, Channels, Plan, Watched};
use crate::config::Settings;
use crate::publish::AuthMethod;
use crate::publish::{self, Outlet, PostedTweet, Poster, PosterFuture, Publisher, Rules};
use crate::schedule::Schedule;
use crate::schedule::ScheduleSettings;
use pregonero_judging::gates::GateSettings;
use pregonero_judging::gates::{Gates, LabelHashtags, Resources};
use pregonero_judging::judge::Judge;
use pregonero_models::catalog::{self, HubSettings, ModelFiles, ModelKind, Needs};
use pregonero_models::generation::{self, ControlLayout, Engine};
use pregonero_models::sentiment::Classifier;
use pregonero_models::sentiment::critic::Reader;
use pregonero_models::sentiment::{SentimentSettings, SentimentTarget};
use pregonero_models::verbatim;
use pregonero_store::Store;
use pregonero_system::clock::Clock;
use pregonero_system::environment::Environment;
use pregonero_tweet::SeedPrompt;
use pregonero_x::oauth2::{self, Grant, TokenFileError, Tokens};
use pregonero_x::secrets::{self, SecretsError};
use pregonero_x::{self, Client, CreatedTweet, Credentials, Span, Timeline, Timeouts, User};

/// Where a round's seed comes from when the settings name none.
pub type SeedSource = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Why the program cannot start with this configuration. Exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// What a key of the configuration names cannot be used.
    #[error("{key}: {cause:#}")]
    Unusable { key: &'static str, cause: anyhow::Error },
    /// Going live was asked for, and nothing can sign.
    #[error(
        "publish.live is true, but there are no X credentials: set {} (or NAME_FILE, or systemd credentials), or set \
         publish.live to false",
        secrets::NAMES.join(", ")
    )]
    NoCredentials,
    /// Going live by OAuth 2.0 was asked for, and nobody has logged in.
    #[error(
        "publish.live is true and publish.auth is oauth2, but {} is not there: run `pregonero auth login --oauth2`, or set \
         publish.live to false",
        file.display()
    )]
    NoLogin { file: PathBuf },
    /// The login is there and cannot be used.
    #[error("publish.tokens: {0}")]
    Login(#[from] TokenFileError),
    /// The credentials are there and cannot be used.
    #[error("publish.live is true: {0}")]
    Credentials(#[from] SecretsError),
    /// Nobody could be told of what keeps the bot from posting.
    #[error(transparent)]
    Alerts(#[from] ChannelError),
    /// No client for X.
    #[error(transparent)]
    Twitter(#[from] pregonero_x::SetupError),
}

impl SetupError {
    /// An error under the key that leads to it; left alone where it names one of the same section itself.
    fn under(key: &'static str) -> impl FnOnce(anyhow::Error) -> Self {
        move |cause| {
            let section = key.split('.').next().unwrap_or(key);
            let (own, rest) = (cause.to_string(), format!("{section}."));
            let key = if own.starts_with(&rest) { section } else { key };
            Self::Unusable { key, cause }
        }
    }
}

/// The files of the generator that the configuration names.
///
/// # Errors
/// Where there is no such model; the message names `generation.model`.
pub fn generator_files(settings: &Settings, hub: &HubSettings) -> Result<ModelFiles, SetupError> {
    catalog::open(&settings.generation.model, ModelKind::Generator, hub).map_err(SetupError::under("generation.model"))
}

/// What a model needs once it is loaded, for `models list`.
///
/// # Errors
/// Why it cannot be loaded.
pub fn examine(files: &ModelFiles, kind: ModelKind) -> anyhow::Result<Needs> {
    match kind {
        ModelKind::Generator => generation::needs(files),
        ModelKind::Classifier | ModelKind::Critic => {
            Classifier::load(files)?;
            Ok(Needs { memory_bytes: 4 * files.parameters()?, memory_per_text_bytes: 0 })
        }
    }
}

/// Loads the generator and warms it up, on a thread of its own.
///
/// # Errors
/// Where the model or the device cannot be used; the message names the key.
pub async fn load_engine(settings: &Settings, hub: &HubSettings) -> Result<Engine, SetupError> {
    let files = generator_files(settings, hub)?;
    let generation = &settings.generation;
    let load = async {
        // Weights are hashed away from the runtime's threads: that may take a minute, and a stop must not wait for it.
        let model = generation.model.clone();
        let hashed = tokio::task::spawn_blocking(move || files.identity(&model).map(|identity| (files, identity)));
        let (files, identity) = hashed.await.context("hashing the weights panicked")??;
        Engine::start(files, identity, generation.device).await
    };
    load.await.map_err(SetupError::under("generation.model"))
}

/// Says whether the generator can write from the attributes of every seed prompt.
///
/// # Errors
/// The first attribute or value that it does not know.
pub fn check_seed_prompts(settings: &Settings, engine: &Engine) -> Result<(), SetupError> {
    let description = engine.description();
    let check = |prompt: &SeedPrompt| {
        let place = || format!("the prompt {:?}", prompt.text);
        description.check_attributes(&prompt.attributes).with_context(place)
    };
    let switched_on = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0);
    switched_on.into_iter().try_for_each(check).map_err(SetupError::under("seed_prompts.attributes"))
}

/// Says whether anything can ever go out: a seed prompt that a gate rejects whatever the model adds to it, or a schedule
/// whose slots all fall into quiet hours, would keep the bot silent without a word.
///
/// # Errors
/// Names all the prompts that cannot; where all can, the schedule if it cannot.
pub fn check_what_can_pass(settings: &Settings, judge: &Judge, now: Timestamp) -> Result<(), SetupError> {
    let switched_on = settings.seed_prompts.iter().filter(|prompt| prompt.weight > 0);
    let objections: Vec<String> = switched_on
        .filter_map(|prompt| {
            let objection = judge.objection_to_prompt(&prompt.text)?;
            Some(format!("the prompt {:?} can lead to no post: {objection}", prompt.text))
        })
        .collect();
    if !objections.is_empty() {
        return Err(SetupError::Unusable { key: "seed_prompts.text", cause: anyhow!("{}", objections.join("; ")) });
    }
    let (schedule, open) =
        (&settings.schedule, ScheduleSettings { quiet_hours: Vec::new(), ..settings.schedule.clone() });
    let has_slot = |settings: &ScheduleSettings| Schedule::new(settings).next_slot(now, None).is_some();
    if !has_slot(schedule) && has_slot(&open) {
        let cause = anyhow!("every slot of schedule.cron falls into them: nothing would ever be posted");
        return Err(SetupError::Unusable { key: "schedule.quiet_hours", cause });
    }
    Ok(())
}

/// Takes out of the seed prompts the attributes that a generator cannot write from, for one that is tried without its own
/// configuration. Returns the names of those that were taken out.
///
/// # Errors
/// Where the model's control layout cannot be read.
pub fn take_out_unknown_attributes(settings: &mut Settings, generator: &ModelFiles) -> Result<Vec<String>, SetupError> {
    let layout = ControlLayout::read(generator).map_err(SetupError::under("generation.model"))?;
    let mut taken = Vec::new();
    for prompt in &mut settings.seed_prompts {
        prompt.attributes.retain(|name, value| {
            let fits = layout.as_ref().is_some_and(|layout| layout.fits(name, value));
            if !fits && !taken.contains(name) {
                taken.push(name.clone());
            }
            fits
        });
    }
    Ok(taken)
}

/// Loads classifier and critic and builds the gates. `generator` are the files of the model that writes, which may
/// include an index of its training texts and its operator's own texts.
///
/// # Errors
/// Where classifier, critic, index, own texts or the list of banned words cannot be used; the message names the key.
pub fn load_judge(settings: &Settings, hub: &HubSettings, generator: &ModelFiles) -> Result<Judge, SetupError> {
    let classifier = load_classifier(settings, hub)?;
    let hashtags = LabelHashtags {
        of_labels: classifier.config().label_hashtags.clone(),
        target: match &settings.sentiment.target {
            SentimentTarget::Label(label) => Some(label.clone()),
            SentimentTarget::Any => None,
        },
    };
    let reader = load_reader(settings, hub)?;
    let gates = load_gates(&settings.gates, hashtags, generator)?;
    let disclosure = &settings.account.disclosure;
    Ok(Judge::new(&settings.selection, &settings.sentiment, disclosure, gates, classifier, reader))
}

/// Loads what says how well a text reads, with the critic of the settings or without one.
fn load_reader(settings: &Settings, hub: &HubSettings) -> Result<Reader, SetupError> {
    let Some(source) = settings.critic() else { return Ok(Reader::without_critic()) };
    let load = || {
        let critic = Classifier::load(&catalog::open(source, ModelKind::Critic, hub)?)?;
        Reader::with_critic(critic.with_name(&source.to_string())).with_context(|| source.to_string())
    };
    load().map_err(SetupError::under("selection.critic"))
}

fn load_gates(settings: &GateSettings, hashtags: LabelHashtags, generator: &ModelFiles) -> Result<Gates, SetupError> {
    let verbatim = verbatim::index_of(generator).map_err(SetupError::under("generation.model"))?;
    let own_texts = verbatim::own_texts_of(generator).map_err(SetupError::under("generation.model"))?;
    let resources = Resources { verbatim, own_texts, hashtags, switched_off: settings.off.clone() };
    Gates::new(settings, resources).map_err(SetupError::under("gates"))
}

fn load_classifier(settings: &Settings, hub: &HubSettings) -> Result<Classifier, SetupError> {
    let SentimentSettings { model, target, .. } = &settings.sentiment;
    let classifier = catalog::open(model, ModelKind::Classifier, hub)
        .and_then(|files| Classifier::load(&files))
        .map_err(SetupError::under("sentiment.model"))?;
    if let SentimentTarget::Label(label) = target {
        classifier.check_label(label).map_err(SetupError::under("sentiment.target"))?;
    }
    Ok(classifier.with_name(&model.to_string()))
}

/// Where posts go by settings and credentials: to X only where `publish.live` is set, and then the credentials must be
/// there.
///
/// # Errors
/// Where going live is asked for and not possible.
pub fn open_outlet(
    settings: &Settings,
    environment: &Environment,
    clock: Arc<dyn Clock>,
) -> Result<Outlet, SetupError> {
    if !settings.publish.live {
        return Ok(Outlet::DryRun);
    }
    let credentials = credentials(settings, environment)?.ok_or_else(|| match settings.publish.auth {
        AuthMethod::OAuth1 => SetupError::NoCredentials,
        AuthMethod::OAuth2 => SetupError::NoLogin { file: token_file(settings) },
    })?;
    warn_of(&credentials);
    pregonero_x::install_crypto_provider();
    let client = Client::new(&settings.publish.base_url, credentials, clock, Timeouts::default())?;
    Ok(Outlet::Live(Arc::new(client)))
}

/// What lets the bot into its account, as `publish.auth` says; none where nothing is given.
///
/// # Errors
/// Where some of the keys are given, a file cannot be read, or a value cannot be a key.
pub fn credentials(settings: &Settings, environment: &Environment) -> Result<Option<Credentials>, SetupError> {
    let folder = &settings.publish.tokens;
    if settings.publish.auth == AuthMethod::OAuth1 {
        return Ok(secrets::load_with(environment, Some(folder))?.map(Credentials::OAuth1));
    }
    let file = token_file(settings);
    let client_secret = secrets::one(environment, secrets::CLIENT_NAMES[1])?;
    Ok(Tokens::read(&file)?.map(|tokens| Credentials::OAuth2(Grant { file, tokens, client_secret })))
}

fn token_file(settings: &Settings) -> PathBuf {
    settings.publish.tokens.join(oauth2::FILE_NAME)
}

/// Where alerts go, and of what.
///
/// # Errors
/// Where the configured webhook cannot be used.
pub fn alert_plan(settings: &Settings, environment: &Environment) -> Result<Plan, SetupError> {
    let channels = Arc::new(Channels::open(&settings.alerts, environment)?);
    Ok(Plan { watched: Watched::from(settings), channels })
}

fn warn_of(credentials: &Credentials) {
    for warning in credentials.warnings() {
        tracing::warn!("{warning}");
    }
}

impl Poster for Client {
    fn create_tweet<'a>(&'a self, text: &'a str) -> PosterFuture<'a, PostedTweet> {
        Box::pin(async move {
            let CreatedTweet { id, status, transaction_id, limits, .. } = Client::create_tweet(self, text).await?;
            Ok(PostedTweet { id, status, transaction_id, limits })
        })
    }

    fn me(&self) -> PosterFuture<'_, User> {
        Box::pin(Client::me(self))
    }

    fn timeline<'a>(&'a self, user: &'a str, span: Span) -> PosterFuture<'a, Timeline> {
        Box::pin(Client::timeline(self, user, span))
    }

    fn clock_skew(&self) -> Option<SignedDuration> {
        Client::clock_skew(self)
    }

    fn fingerprint(&self, salt: &str) -> String {
        Client::fingerprint(self, salt)
    }
}

/// A fresh seed each time, of 63 bits so that SQLite and JSON hold it.
#[must_use]
pub fn fresh_seeds() -> SeedSource {
    Arc::new(|| rand::random::<u64>() >> 1)
}

/// What an [`App`] is made of.
pub struct Parts {
    pub settings: Settings,
    pub engine: Engine,
    pub judge: Arc<Judge>,
    pub store: Store,
    pub outlet: Outlet,
    pub clock: Arc<dyn Clock>,
    pub seeds: SeedSource,
}

/// Everything a round works with.
pub struct App {
    pub settings: Settings,
    pub engine: Engine,
    /// Shared with the thread that scores.
    pub judge: Arc<Judge>,
    pub store: Store,
    pub publisher: Publisher,
    pub clock: Arc<dyn Clock>,
    /// Whether posts leave the machine.
    pub live: bool,
    seeds: SeedSource,
}

/// Settings and models alone: the rest has nothing to show.
impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("settings", &self.settings).field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { settings, engine, judge, store, outlet, clock, seeds } = parts;
        let live = matches!(outlet, Outlet::Live(_));
        let rules = Rules::from(&settings);
        let jitter = publish::random_jitter();
        let publisher = Publisher::new(store.clone(), outlet, Arc::clone(&clock), rules, jitter);
        Self { settings, engine, judge, store, publisher, clock, live, seeds }
    }

    /// The same engine and record under other settings, judge and outlet: what a reload changes.
    #[must_use]
    pub fn with_settings(&self, settings: Settings, judge: Judge, outlet: Outlet) -> Self {
        let live = matches!(outlet, Outlet::Live(_));
        let publisher = self.publisher.replaced(outlet, Rules::from(&settings));
        Self {
            settings,
            engine: self.engine.clone(),
            judge: Arc::new(judge),
            store: self.store.clone(),
            publisher,
            clock: Arc::clone(&self.clock),
            live,
            seeds: Arc::clone(&self.seeds),
        }
    }

    /// The seed of the next round: the settings' own, or a fresh one.
    #[must_use]
    pub fn next_seed(&self) -> u64 {
        self.settings.generation.rng_seed.unwrap_or_else(|| (self.seeds)())
    }
}
