//! The daemon: one loop over the next slot, approved posts that wait, a reload, the watchdog, and the word to stop.
//!
//! The loop itself never waits for anything long: a round or a post runs as a task of its own, one at a time, and the loop
//! waits for its end beside everything else. So it goes on feeding the watchdog meanwhile, and a loop that hangs does not.
//! [`start`](mod@start) puts the program together, [`agenda`] knows the slots, [`status`] is the sign of life for other processes,
//! [`lock`] keeps a second instance out, [`notify`] talks to systemd, [`signals`] hears what it is told, `reload` takes another
//! configuration, `telling` puts into words what came of it all.

pub mod agenda;
pub mod lock;
pub mod notify;
mod once;
mod outbox;
mod reload;
pub mod signals;
pub mod start;
pub mod status;
mod telling;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::agenda::Agenda;
use self::lock::InstanceLock;
use self::notify::{Notifier, Watchdog};
pub use self::once::{Finished, OnceError, once};
use self::signals::Signals;
pub use self::start::{Start, StartError, Started, start};
use self::status::{DaemonStatus, LastRound, StatusFile};
pub use self::status::{HealthError, health, health_with_record};
use self::telling::{tell_not_posted, tell_outcome};
use crate::alerts::{Alerts, Plan};
use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::Settings;
use crate::generation::GenerationError;
use crate::publish::{Posted, PublishError, Settled};
use crate::review::{self, Approved, ReviewError};
use crate::round::{self, Order, Outcome, RoundFailure, Served};
use crate::store::{Halt, HistoryRecord, SlotId, StoreError};

/// How often the record is looked at for posts that somebody approved and posts that have expired.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long the end waits for the record to close: a connection that hangs must not keep the process.
const CLOSE_BOUND: Duration = Duration::from_secs(5);

/// Reads the configuration again.
pub type Reread = Box<dyn Fn() -> anyhow::Result<Settings> + Send + Sync>;

/// What a daemon is made of.
pub struct Setup {
    pub start: Start,
    /// The configuration's file, for the log.
    pub config_file: PathBuf,
    /// For a reload.
    pub reread: Reread,
    /// A round at once, before the schedule.
    pub now: bool,
    /// Shown what came of that round.
    pub show_round: Option<ShowRound>,
}

/// Shows a person all that is on record about a round.
pub type ShowRound = Box<dyn Fn(&HistoryRecord) + Send + Sync>;

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("start", &self.start).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Why the daemon ended, where nobody told it to, or not in peace.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("NOTIFY_SOCKET: {0}")]
    Notifier(std::io::Error),
    /// A person has to act; nothing can go out before. Ends `once` alone. Exit code 69.
    #[error("{0}; {remedy}", remedy = remedy(.0))]
    RefusedForGood(PublishError),
    /// Nothing may go out, so `once` does nothing. Exit code 69 where X has stopped it, 75 where a person has.
    #[error("{0}; `pregonero resume` lets posts out again")]
    Halted(Box<Halt>),
    /// Only a new start can tell what became of a post.
    #[error("{0}: start again, it will be recorded as unknown")]
    Unrecorded(PublishError),
    /// Only a new start brings the model back.
    #[error("the model's thread has ended: start again")]
    EngineStopped,
    #[error("the task of a round or post has panicked: {0}")]
    Panicked(JoinError),
    /// The record failed in the loop itself.
    #[error(transparent)]
    Store(StoreError),
    /// The second signal.
    #[error("told to quit at once; a post in flight will be recorded as unknown at the next start")]
    Quit,
    #[error("the post in flight did not end within {} s (daemon.drain); it will be recorded as unknown at the next start", bound.as_secs())]
    DrainTimedOut { bound: Duration },
    /// Only a new start gets rid of it.
    #[error("a round or post hangs: it did not end within {} s (daemon.longest_round): start again", bound.as_secs())]
    WorkHangs { bound: Duration },
}

/// What a person does about a refusal for good.
fn remedy(error: &PublishError) -> String {
    let mend = match error {
        PublishError::Refused { kind, .. } => kind.remedy(),
        _ => None,
    };
    let mend = mend.unwrap_or("look at the account");
    format!("nothing more is posted until there are new credentials or `pregonero resume` is run: {mend}")
}

/// Runs until it is told to stop, or cannot go on.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(setup: Setup, signals: Signals) -> Result<(), DaemonError> {
    let quit = signals.quit.clone();
    // A task of its own: where it hangs in a call that blocks, the second signal still ends the program.
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

/// What a task brought back.
enum Done {
    Round(Result<Served, StoreError>),
    Post(Result<Posted, PublishError>),
}

/// A daemon whose models are warm.
struct Daemon {
    app: Arc<App>,
    agenda: Agenda,
    signals: Signals,
    /// The round or post under way.
    work: Option<JoinHandle<Done>>,
    /// The slot that the round under way serves.
    serving: Option<SlotId>,
    /// A round ended and its end could not be recorded.
    round_left_open: bool,
    /// When it counts as hanging.
    overdue_at: Instant,
    /// Tells people; it outlives every reload, only its plan changes.
    alerts: JoinHandle<()>,
    alert_plan: watch::Sender<Plan>,
    /// The look at the account's timeline under way. It posts nothing, so it goes beside the work.
    search: Option<JoinHandle<Result<Vec<Settled>, StoreError>>>,
    /// When the log last told of posts that cannot be settled.
    last_shout: Option<Timestamp>,
    /// When the last post that waited was tried.
    last_try: Option<Timestamp>,
    look: Interval,
    notifier: Notifier,
    watchdog: Watchdog,
    status_file: StatusFile,
    last_round: Option<LastRound>,
    /// For the first round alone, where it was asked for.
    show_round: Option<ShowRound>,
    /// Why the next slot may not be served.
    trouble: Option<String>,
    /// Why nothing may go out: a person's pause, or X.
    halt: Option<Halt>,
    started_at: Timestamp,
    /// For a reload: the environment's credential files may hold new keys.
    start: Start,
    reread: Reread,
    _lock: InstanceLock,
}

impl Daemon {
    async fn start(setup: Setup, signals: Signals) -> Result<Self, DaemonError> {
        let Setup { start, config_file, reread, now: at_once, show_round } = setup;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %config_file.display(), "pregonero starts");
        let environment = &start.environment;
        let socket = environment.path("NOTIFY_SOCKET");
        let notifier = Notifier::new(socket.as_deref().map(AsRef::as_ref)).map_err(DaemonError::Notifier)?;
        let watchdog = Watchdog::new(
            notifier.clone(),
            environment.get("WATCHDOG_USEC"),
            environment.get("WATCHDOG_PID"),
            std::process::id(),
        );
        let plan = app::alert_plan(&start.settings, environment).map_err(StartError::from)?;
        let Started { app, lock } = self::start::start(start.clone()).await?;
        let now = app.clock.now();
        let agenda = Agenda::open(&app.settings.schedule, &app.store, now).await.map_err(DaemonError::Store)?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let alert_plan = watch::Sender::new(plan);
        let alerts = Alerts::new(app.store.clone(), alert_plan.subscribe(), Arc::clone(&app.clock));
        let alerts = tokio::spawn(alerts.run(signals.stop.child_token()));
        let mut daemon = Self {
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
            search: None,
            last_shout: None,
            last_try: None,
            look,
            notifier,
            watchdog,
            last_round: None,
            show_round: show_round.filter(|_| at_once),
            trouble: None,
            halt: None,
            started_at: now,
            start,
            reread,
            _lock: lock,
        };
        daemon.look_at_the_halts().await;
        if let Some(halt) = &daemon.halt {
            tracing::warn!(%halt, "nothing is posted: `pregonero resume` lets posts out again");
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
        self.trouble = Some(reason);
        self.write_status();
        self.alerts.abort();
        if let Some(search) = self.search.take() {
            search.abort();
        }
        self.finish_renewals().await;
        if tokio::time::timeout(CLOSE_BOUND, self.app.store.close()).await.is_err() {
            tracing::warn!("the record did not close in time; the next start takes care of its log");
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
                done = ended(&mut self.search) => self.finish_search(done)?,
                () = self.signals.reload.notified() => self.reload().await,
                () = self.watchdog.due() => self.watchdog.feed(),
                () = due(&*clock, next), if self.work.is_none() => self.serve_slot().await,
                _ = self.look.tick() => self.look_at_the_queue().await,
            }
        }
    }

    async fn serve_slot(&mut self) {
        let taken = self.agenda.take_due(&self.app.store, self.app.clock.now()).await;
        match self.heard(taken) {
            Some(Some(slot)) if self.halt.is_some() => self.pass_over(&SlotId::Scheduled(slot.due)).await,
            Some(Some(slot)) => self.begin_round(Order::scheduled(slot.due)),
            Some(None) => self.tell_next_slot(),
            // A record that cannot be written now may be writable in a while: no busy loop until then.
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

    /// The loop turns and goes on feeding the watchdog while a round writes, so a round that never ends is its to notice.
    fn hanging(&self) -> DaemonError {
        DaemonError::WorkHangs { bound: self.app.settings.daemon.longest_round }
    }

    /// Expires what nobody decided on, and sends one of the posts that wait, where it is time.
    async fn look_at_the_queue(&mut self) {
        let now = self.app.clock.now();
        let tended = self.tend(now).await;
        let Some(set_back) = self.heard(tended) else { return };
        if set_back {
            self.tell_next_slot();
        }
        if self.work.is_none() {
            self.close_what_was_left_open(now).await;
        }
        self.look_at_the_halts().await;
        self.look_for_unknown_posts(now).await;
        if self.work.is_some() || self.halt.is_some() || self.is_quiet(now) || !self.gap_is_over(now) {
            return;
        }
        let waiting = Approved::from_store(&self.app.store, now).await;
        if let Some(approved) = self.heard(waiting).and_then(|waiting| waiting.into_iter().next()) {
            tracing::info!(post = %approved.post(), "sending an approved post");
            self.last_try = Some(now);
            let app = Arc::clone(&self.app);
            self.begin(async move { Done::Post(app.publisher.publish(approved).await) });
        }
    }

    /// What is looked after whether or not a post waits. Whether the clock was set back is told.
    async fn tend(&mut self, now: Timestamp) -> Result<bool, ReviewError> {
        let set_back = self.agenda.follow_clock(&self.app.store, now).await?;
        review::expire(&self.app.store, now).await?;
        self.app.store.require_space()?;
        Ok(set_back)
    }

    fn is_quiet(&self, now: Timestamp) -> bool {
        let schedule = &self.app.settings.schedule;
        let time = now.to_zoned(schedule.timezone.clone()).time();
        schedule.quiet_hours.iter().any(|hours| hours.contains(time))
    }

    /// Whether a post that waited may be tried again, so that a pile of approvals does not go out at once. The gap to the
    /// last post itself is looked at where posts are armed.
    fn gap_is_over(&self, now: Timestamp) -> bool {
        let gap = self.app.settings.publish.min_gap;
        self.last_try.is_none_or(|last| now.duration_since(last).unsigned_abs() >= gap)
    }

    /// Notes whether the record can be used; a failure is told when it is another than before.
    fn heard<T, E: std::error::Error + 'static>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.trouble = None;
                Some(value)
            }
            Err(error) => {
                let trouble = round::chain(&error);
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::error!(error = trouble, "the record cannot be used; trying again");
                }
                self.trouble = Some(trouble);
                None
            }
        }
    }

    /// Takes in what a task brought back; an error ends the daemon.
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
                // What was sent or kept back is told by the publisher and below; here only what ends the daemon matters.
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

    /// Takes nothing new and waits for the post in flight.
    async fn drain(&mut self) -> Result<(), DaemonError> {
        if let Some(search) = self.search.take() {
            // A renewal of the login that it has begun goes on by itself, and is waited for at the end.
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

    fn write_status(&mut self) {
        let status = DaemonStatus {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            live: self.app.live,
            ready: self.trouble.is_none() && self.halt.is_none(),
            reason: self.trouble.clone().or_else(|| self.halt.as_ref().map(ToString::to_string)),
            next_slot: self.agenda.next().map(|slot| slot.fire_at),
            last_round: self.last_round.clone(),
            started_at: self.started_at,
            updated_at: self.app.clock.now(),
        };
        self.status_file.update(&status);
    }
}

/// The end of the task under way; never where there is none.
async fn ended<T>(work: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// Ends when the instant has come; never where there is none.
async fn due(clock: &dyn Clock, instant: Option<Timestamp>) {
    match instant {
        Some(instant) => clock.sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The outcome, where the program can go on after it.
fn check(outcome: Outcome) -> Result<Outcome, DaemonError> {
    match outcome {
        Outcome::NotPosted(error @ PublishError::OutcomeNotRecorded { .. }) => Err(DaemonError::Unrecorded(error)),
        Outcome::NotPosted(PublishError::NotRecorded(error @ StoreError::Superseded { .. })) => {
            Err(DaemonError::Store(error))
        }
        Outcome::Failed(RoundFailure::Generation(GenerationError::Stopped)) => Err(DaemonError::EngineStopped),
        outcome => Ok(outcome),
    }
}
