//! The daemon: one loop over the next slot, approved posts that wait, reloads, the watchdog, and the signal to stop.
//!
//! The loop itself never waits for anything long: a round or a post runs as a separate task, one at a time, and the
//! loop waits for its end along with everything else. So the loop keeps feeding the watchdog while work runs, and a
//! loop that hangs stops feeding it. [`startup`] puts the program together, [`agenda`] knows the slots, [`status`] is
//! the sign of life for other processes, [`standing`] is the single source for the daemon's state, [`lock`] keeps a
//! second instance out, [`word`] lets commands find out where the record is and [`whereabouts`] makes them act there,
//! [`notify`] talks to systemd, [`signals`] receives the operating system's signals, `reload` switches to a new
//! configuration, `queue` checks what waits in the record, `outbox` tracks why nothing may go out, `upkeep`
//! does what is due now and then, and `telling` reports the results to the operator.

pub mod agenda;
mod companion;
mod error;
pub mod hindrance;
pub mod lock;
pub mod notify;
mod once;
mod outbox;
mod queue;
mod reload;
pub mod signals;
pub mod standing;
pub mod startup;
pub mod status;
mod telling;
mod upkeep;
pub mod whereabouts;
pub mod word;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::agenda::Agenda;
pub use self::companion::{Companion, CompanionInput, View};
pub use self::error::DaemonError;
use self::error::check;
use self::hindrance::{Code, Hindrance};
use self::lock::InstanceLock;
use self::notify::{Notifier, Watchdog};
pub use self::once::{Finished, OnceError, once};
use self::reload::Reloaded;
use self::signals::Signals;
pub use self::startup::{Inputs, StartError, Started, start_app};
use self::status::{ConfigInForce, DaemonStatus, EngineStatus, LastRound, StatusFile};
use self::telling::{tell_not_posted, tell_outcome};
use self::word::{Speaker, Waiting, Word};
use crate::alerts::{Alerts, Plan};
use crate::app::{self, App};
use crate::audit::{self, Keeper};
use crate::config::{Loaded, ShownSetting};
use crate::publish::{Posted, PublishError, Settled};
use crate::review::ReviewError;
use crate::round::{self, Order, Outcome, Served};
use pregonero_store::{Halt, HistoryRecord, RecordWatch, SlotId, StoreError};
use pregonero_system::clock::Clock;
use pregonero_system::errors::chain;

/// How often the record is checked for newly approved posts and posts that have expired.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long shutdown waits for the companion.
const COMPANION_BOUND: Duration = Duration::from_secs(3);

/// How long shutdown waits for the record to close: a hanging connection must not keep the process alive.
const CLOSE_BOUND: Duration = Duration::from_secs(5);

/// Reads the configuration again.
pub type Reread = Arc<dyn Fn() -> anyhow::Result<Loaded> + Send + Sync>;

/// Everything that a daemon is built from.
pub struct Setup {
    pub inputs: Inputs,
    /// The configuration that the settings in `inputs` come from.
    pub loaded: Loaded,
    /// Used by a reload.
    pub reread: Reread,
    /// Whether to start a round at once, before the schedule.
    pub now: bool,
    /// Called with that first round's record.
    pub show_round: Option<ShowRound>,
    /// Runs at the same time as the loop, until the daemon stops.
    pub companion: Option<Companion>,
}

/// Shows a person everything on record about a round.
pub type ShowRound = Box<dyn Fn(&HistoryRecord) + Send + Sync>;

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("inputs", &self.inputs).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Runs until it is asked to stop, or cannot continue.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(setup: Setup, signals: Signals) -> Result<(), DaemonError> {
    let quit = signals.quit.clone();
    // A separate task: if it hangs in a blocking call, the second signal still ends the program.
    let mut turning = tokio::spawn(start_and_turn(setup, signals));
    tokio::select! {
        ended = &mut turning => ended.map_err(DaemonError::Panicked)?,
        () = quit.cancelled() => {
            turning.abort();
            Err(DaemonError::Quit)
        }
    }
}

async fn start_and_turn(setup: Setup, signals: Signals) -> Result<(), DaemonError> {
    let stop = signals.stop.clone();
    let daemon = tokio::select! {
        daemon = Daemon::start(setup, signals) => daemon?,
        () = stop.cancelled() => return Ok(()),
    };
    daemon.run().await
}

/// What a finished task returns.
enum Done {
    Round(Result<Served, StoreError>),
    Post(Result<Posted, PublishError>),
}

/// A running daemon, its models loaded.
struct Daemon {
    app: Arc<App>,
    agenda: Agenda,
    signals: Signals,
    /// The round or post under way.
    work: Option<JoinHandle<Done>>,
    /// The slot that the round under way serves.
    serving: Option<SlotId>,
    /// A round ended, and that could not be recorded.
    round_left_open: bool,
    /// When the work under way counts as hanging.
    overdue_at: Instant,
    /// Sends alerts to people; it outlives every reload, only its plan changes.
    alerts: JoinHandle<()>,
    alert_plan: watch::Sender<Plan>,
    /// Signs the audit log and keeps its checkpoints elsewhere; like the alerts, it outlives every reload.
    keeper: JoinHandle<()>,
    audit_plan: watch::Sender<audit::Plan>,
    /// Runs at the same time as the loop and sees its state.
    companion: Option<JoinHandle<()>>,
    view: watch::Sender<Arc<View>>,
    /// The search of the account's timeline under way. It posts nothing, so it runs alongside the work.
    search: Option<JoinHandle<Result<Vec<Settled>, StoreError>>>,
    /// What is done now and then besides the work: reading the engagement, pruning old candidates.
    upkeep: Option<JoinHandle<Result<(), StoreError>>>,
    /// When it was last looked whether any of that is due.
    upkeep_looked_at: Option<Instant>,
    /// When the log last reported posts that cannot be settled.
    last_shout: Option<Timestamp>,
    /// When a waiting post was last tried.
    last_try: Option<Timestamp>,
    look: Interval,
    notifier: Notifier,
    watchdog: Watchdog,
    status_file: StatusFile,
    last_round: Option<LastRound>,
    /// For the first round only, if one was requested at the start.
    show_round: Option<ShowRound>,
    /// Why the record cannot be used.
    trouble: Option<Hindrance>,
    /// Why nothing may go out: a person's pause, or a refusal by X.
    halt: Option<Halt>,
    /// What else holds the next post back: the budget, or X's limits.
    spent: Option<Hindrance>,
    /// What the log, and what systemd, last reported about it.
    told: Option<Hindrance>,
    notified: String,
    /// Reports whether any process has written to the record.
    watch: RecordWatch,
    looked_at: Option<Instant>,
    has_open_posts: bool,
    /// The configuration in force, and its keys to compare a new one with.
    config: ConfigInForce,
    shown: Arc<Vec<ShownSetting>>,
    /// The configuration being reloaded, on a separate thread because it loads models.
    reloading: Option<JoinHandle<anyhow::Result<Reloaded>>>,
    /// The caller that waits for the reload to end.
    waiting: Option<Waiting>,
    /// Answers commands that look for the record, if this machine allows it; and the receiver of their reload requests.
    _speaker: Option<Speaker>,
    asked: Option<mpsc::Receiver<Waiting>>,
    started_at: Timestamp,
    /// Used by a reload: the environment's credential files may contain new keys.
    inputs: Inputs,
    reread: Reread,
    _lock: InstanceLock,
}

impl Daemon {
    async fn start(setup: Setup, signals: Signals) -> Result<Self, DaemonError> {
        let Setup { inputs, loaded, reread, now: at_once, show_round, companion } = setup;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %loaded.file.display(), "pregonero starts");
        let environment = &inputs.environment;
        let socket = environment.path("NOTIFY_SOCKET");
        let notifier = Notifier::new(socket.as_deref().map(AsRef::as_ref)).map_err(DaemonError::Notifier)?;
        let watchdog = Watchdog::new(
            notifier.clone(),
            environment.get("WATCHDOG_USEC"),
            environment.get("WATCHDOG_PID"),
            std::process::id(),
        );
        let plan = app::alert_plan(&inputs.settings, environment).map_err(StartError::from)?;
        let audit_plan = app::audit_plan(&inputs.settings, environment).map_err(StartError::from)?;
        let Started { app, lock } = start_app(inputs.clone()).await?;
        let now = app.clock.now();
        let recorded = reload::record_config(&app.store, &app.settings.digest, &loaded.provenance, now).await;
        recorded.map_err(DaemonError::Store)?;
        let agenda = Agenda::open(&app.settings.schedule, &app.store, now).await.map_err(DaemonError::Store)?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let alert_plan = watch::Sender::new(plan);
        let alerts = Alerts::new(app.store.clone(), alert_plan.subscribe(), Arc::clone(&app.clock));
        let alerts = tokio::spawn(alerts.run(signals.stop.child_token()));
        let audit_plan = watch::Sender::new(audit_plan);
        let keeper = Keeper::new(app.store.clone(), audit_plan.subscribe(), Arc::clone(&app.clock));
        let keeper = tokio::spawn(keeper.run(signals.stop.child_token()));
        let (speaker, asked) = leave_word(&loaded, &app).unzip();
        let config = reload::in_force(&loaded, now);
        let shown = Arc::new(loaded.provenance);
        let status = first_status(&app, &config, now);
        let view = View { app: Arc::clone(&app), status, shown: Arc::clone(&shown) };
        let view = watch::Sender::new(Arc::new(view));
        let companion = companion.map(|companion| {
            let input = CompanionInput { view: view.subscribe(), stop: signals.stop.child_token() };
            tokio::spawn(companion(input))
        });
        let mut daemon = Self {
            watch: app.store.watch(),
            status_file: StatusFile::beside(&app.settings.store.path),
            app,
            agenda,
            signals,
            work: None,
            serving: None,
            round_left_open: false,
            overdue_at: Instant::now(),
            alerts,
            alert_plan,
            keeper,
            audit_plan,
            companion,
            view,
            search: None,
            upkeep: None,
            upkeep_looked_at: None,
            last_shout: None,
            last_try: None,
            look,
            notifier,
            watchdog,
            last_round: None,
            show_round: show_round.filter(|_| at_once),
            trouble: None,
            halt: None,
            spent: None,
            told: None,
            notified: String::new(),
            looked_at: None,
            has_open_posts: true,
            config,
            shown,
            reloading: None,
            waiting: None,
            _speaker: speaker,
            asked,
            started_at: now,
            inputs,
            reread,
            _lock: lock,
        };
        daemon.look_at_the_halts().await;
        if let Some(halt) = &daemon.halt {
            tracing::warn!(%halt, "nothing is posted: run `pregonero resume` to post again");
            daemon.told = daemon.hindrance();
        } else if at_once {
            daemon.begin_round(Order::by_hand(now, None));
        }
        Ok(daemon)
    }

    async fn run(mut self) -> Result<(), DaemonError> {
        self.tell_next_slot();
        self.notifier.ready(&self.state_in_words());
        let ended = self.turn().await;
        let reason = ended.as_ref().err().map_or_else(|| "stopped".to_owned(), ToString::to_string);
        self.notifier.stopping(&reason);
        self.trouble = Some(Hindrance { code: Code::NotReady, reason });
        self.write_status();
        self.alerts.abort();
        if let Some(mut companion) = self.companion.take() {
            // It was told to stop by the same signal; a request that hangs must not keep the record open.
            let _ = tokio::time::timeout(COMPANION_BOUND, &mut companion).await;
            companion.abort();
        }
        self.keeper.abort();
        self.sign_the_log().await;
        self.watch.rest();
        if let Some(search) = self.search.take() {
            search.abort();
        }
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.abort();
        }
        self.finish_renewals().await;
        if tokio::time::timeout(CLOSE_BOUND, self.app.store.close()).await.is_err() {
            tracing::warn!("the record did not close in time; the next start replays its log");
        }
        ended
    }

    /// The loop.
    async fn turn(&mut self) -> Result<(), DaemonError> {
        loop {
            self.write_status();
            let clock = Arc::clone(&self.app.clock);
            let next = self.agenda.next().map(|slot| slot.fire_at);
            tokio::select! {
                biased;
                () = self.signals.stop.cancelled() => return self.drain().await,
                done = ended(&mut self.work) => self.finish(done).await?,
                () = tokio::time::sleep_until(self.overdue_at), if self.work.is_some() => return Err(self.hanging()),
                Err(error) = &mut self.alerts => return Err(DaemonError::Panicked(error)),
                Err(error) = &mut self.keeper => return Err(DaemonError::Panicked(error)),
                Err(error) = ended(&mut self.companion), if self.companion.is_some() => {
                    return Err(DaemonError::Panicked(error));
                }
                done = ended(&mut self.search) => self.finish_search(done)?,
                done = ended(&mut self.upkeep) => self.finish_upkeep(done)?,
                done = ended(&mut self.reloading) => self.finish_reload(done).await?,
                () = self.signals.reload.notified(), if self.reloading.is_none() => self.begin_reload(None),
                Some(waiting) = asked(&mut self.asked), if self.reloading.is_none() => self.begin_reload(Some(waiting)),
                () = self.watchdog.due() => self.watchdog.feed(),
                () = due(&*clock, next), if self.work.is_none() => self.serve_slot().await,
                _ = self.look.tick() => self.look().await?,
            }
        }
    }

    async fn serve_slot(&mut self) {
        let taken = self.agenda.take_due(&self.app.store, self.app.clock.now()).await;
        match self.note_result(taken) {
            Some(Some(slot)) if self.halt.is_some() => self.pass_over(&SlotId::Scheduled(slot.due)).await,
            Some(Some(slot)) => self.begin_round(Order::scheduled(slot.due)),
            Some(None) => self.tell_next_slot(),
            // A record that cannot be written now may be writable later: no busy loop until then.
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    }

    fn begin_round(&mut self, order: Order) {
        self.serving = Some(order.slot.clone());
        let (app, stop) = (Arc::clone(&self.app), self.signals.stop.clone());
        self.begin(async move { Done::Round(round::run(&app, order, &stop).await) });
    }

    fn begin(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.overdue_at = Instant::now() + self.app.settings.daemon.longest_round;
        self.work = Some(tokio::spawn(work));
    }

    /// The loop keeps running and feeding the watchdog during a round, so it is the loop that must notice a round that
    /// never ends.
    fn hanging(&self) -> DaemonError {
        DaemonError::WorkHangs { bound: self.app.settings.daemon.longest_round }
    }

    /// Notes whether the record can be used; a failure is logged if it differs from the last one.
    fn note_result<T, E: std::error::Error + 'static>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.trouble = None;
                Some(value)
            }
            Err(error) => {
                let trouble = trouble_of(&error);
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::error!(error = trouble.reason, "the record cannot be used; will try again");
                }
                self.trouble = Some(trouble);
                None
            }
        }
    }

    /// Processes the result of a finished task; an error ends the daemon.
    async fn finish(&mut self, done: Result<Done, JoinError>) -> Result<(), DaemonError> {
        self.work = None;
        let serving = self.serving.take();
        match done.map_err(DaemonError::Panicked)? {
            Done::Round(Ok(served)) => {
                let outcome = tell_outcome(&served);
                let finished_at = self.app.clock.now();
                self.last_round = Some(LastRound { id: served.round.get(), outcome, finished_at });
                self.show_round(served.round).await;
                check(served.outcome)?;
                if !self.signals.stop.is_cancelled() {
                    self.tell_next_slot();
                }
            }
            Done::Round(Err(error)) => self.note_unrecorded_round(serving, &error).await,
            Done::Post(posted) => {
                // The publisher and the code below log what was sent or held back; here only errors that end the daemon
                // matter.
                if let Err(error) = posted {
                    tell_not_posted(&error);
                    check(Outcome::NotPosted(error))?;
                }
            }
        }
        self.look_at_the_halts().await;
        self.notifier.status(&self.state_in_words());
        Ok(())
    }

    /// Starts nothing new and waits for the post in flight.
    async fn drain(&mut self) -> Result<(), DaemonError> {
        if let Some(search) = self.search.take() {
            // A login renewal that it has begun continues by itself, and is waited for at the end.
            search.abort();
        }
        let Some(mut work) = self.work.take() else {
            tracing::info!("stopping");
            return Ok(());
        };
        tracing::info!("stopping: finishing what is under way; a second signal quits at once");
        self.notifier.stopping("finishing what is under way");
        let bound = self.app.settings.daemon.drain;
        let over = tokio::time::sleep(bound);
        tokio::pin!(over);
        loop {
            tokio::select! {
                done = &mut work => return self.finish(done).await,
                () = self.watchdog.due() => self.watchdog.feed(),
                () = &mut over => return Err(DaemonError::DrainTimedOut { bound }),
            }
        }
    }

    /// Signs the audit log at the end, and brings the checkpoint to the places outside if they take it at once.
    async fn sign_the_log(&self) {
        let (store, plan, clock) = (&self.app.store, self.audit_plan.borrow().clone(), &*self.app.clock);
        let work = async {
            audit::keeper::sign(store, &plan, clock).await?;
            audit::keeper::deliver(store, &plan, clock).await.map_err(audit::KeepError::from)
        };
        match tokio::time::timeout(CLOSE_BOUND, work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = chain(&error), "the audit log was not signed at the stop"),
            Err(_) => {
                tracing::warn!("a checkpoint of the audit log was not delivered in time; the next start tries again");
            }
        }
    }

    /// Returns what holds the next post back, the most serious first.
    fn hindrance(&self) -> Option<Hindrance> {
        let halt = self.halt.as_ref().map(Hindrance::of_halt);
        let away = || Hindrance::of_engine(&self.app.engine);
        self.trouble.clone().or(halt).or_else(away).or_else(|| self.spent.clone())
    }

    fn write_status(&mut self) {
        let status = DaemonStatus {
            next_slot: self.agenda.next().map(|slot| slot.fire_at),
            last_round: self.last_round.clone(),
            ..first_status(&self.app, &self.config, self.started_at)
        };
        let status = status.hindered(self.hindrance().as_ref());
        self.status_file.update(&status);
        let view = View { app: Arc::clone(&self.app), status, shown: Arc::clone(&self.shown) };
        self.view.send_replace(Arc::new(view));
    }
}

/// Returns the status of a daemon that has done nothing yet.
fn first_status(app: &App, config: &ConfigInForce, started_at: Timestamp) -> DaemonStatus {
    DaemonStatus {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        live: app.live,
        ready: true,
        code: None,
        reason: None,
        config: Some(config.clone()),
        engine: EngineStatus::of(&app.engine, &app.settings.generation.decoding),
        next_slot: None,
        last_round: None,
        started_at,
        updated_at: app.clock.now(),
    }
}

/// Starts answering commands that look for the record. On a machine without abstract sockets, only this feature is
/// lost.
fn leave_word(loaded: &Loaded, app: &App) -> Option<(Speaker, mpsc::Receiver<Waiting>)> {
    let word = Word::of(&loaded.file, &app.settings.store.path);
    Speaker::start(word)
        .inspect_err(|error| tracing::warn!(%error, "commands cannot ask this daemon which record it uses"))
        .ok()
}

/// Waits for a reload request; never returns if none can arrive.
async fn asked(receiver: &mut Option<mpsc::Receiver<Waiting>>) -> Option<Waiting> {
    match receiver {
        Some(receiver) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

/// Classifies an error of the record.
fn trouble_of(error: &(dyn std::error::Error + 'static)) -> Hindrance {
    let of_review = error.downcast_ref::<ReviewError>().and_then(|error| match error {
        ReviewError::Store(error) => Some(error),
        _ => None,
    });
    match error.downcast_ref::<StoreError>().or(of_review) {
        Some(error) => Hindrance::of_error(error),
        None => Hindrance { code: Code::Record, reason: chain(error) },
    }
}

/// Waits for the task under way to end; never returns if there is none.
async fn ended<T>(work: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Waits until the instant has come; never returns if there is none.
async fn due(clock: &dyn Clock, instant: Option<Timestamp>) {
    match instant {
        Some(instant) => clock.sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
