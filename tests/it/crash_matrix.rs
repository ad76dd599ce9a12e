//! The real binary, killed with SIGKILL at every step of a post's life and at random moments, against X in all its moods.
//!
//! Two bots die side by side: one lets an absent post go, one posts it once more. Each is killed as often as
//! [`KILLS`] says, in every mood of X at least twice, more often where `PREGONERO_TEST_KILLS` asks for it; now and then in
//! quiet hours, and with posts that are stale after a second. Then it is left alone until nothing is open, and record and
//! server are compared: every tweet of the server is one sent post of the record, by its id and text, and the other way
//! round; so no slot has two. Nothing is left half done, and the audit of each round is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use pregonero_store::{HistoryRecord, PostState, Store};
use pregonero_system::clock::{Clock as _, SystemClock};
use pregonero_system::environment::Environment;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use crate::support::fake_x::{FakeX, Moment, Mood};
use crate::support::process::Victim;
use crate::support::record::{Newest, compare, is_settled, newest, open};
use crate::support::test_bot::TestBot;

/// How often each of the two bots is killed in every `cargo test`.
const KILLS: usize = 25;

/// From so many kills on, every point of a post's life must have ended one.
const KILLS_AT_EVERY_POINT: usize = 250;

/// A life that its own trigger does not end is ended after this long.
const LONGEST_LIFE: Duration = Duration::from_millis(2500);

/// How long a bot that nobody kills may take to settle everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Used-up windows are not among them: after each such answer the bot keeps still for up to half a minute, and nobody would
/// die at a call. They come last, see [`Matrix::meet_used_up_windows`].
const MOODS: [Mood; 10] = [
    Mood::Honest,
    Mood::TakesAndHangs,
    Mood::TakesAndResets,
    Mood::TakesAndFails,
    Mood::TakesAndHides(2),
    Mood::LosesHeaders,
    Mood::Hangs,
    Mood::Resets,
    Mood::Refuses,
    Mood::Confuses,
];

/// The settings of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    Plain,
    /// Nothing may be posted at this hour.
    Quiet,
    /// A post that does not go out within a second never does.
    Stale,
}

/// Quiet hours around this one, as a list's item.
fn quiet_hours_around_now() -> String {
    let now = SystemClock.now().to_zoned(TimeZone::UTC).time();
    let edge = |hours: i64| now.wrapping_add(SignedDuration::from_hours(hours)).strftime("%H:%M").to_string();
    format!("\"{}-{}\"", edge(-1), edge(1))
}

/// What ends a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// A call to X, at this moment of it.
    Call { method: &'static str, moment: Moment },
    /// The newest round or post stands so in the record.
    State(&'static str),
    /// Chance.
    Anywhere,
}

impl Point {
    fn is_reading(self) -> bool {
        matches!(self, Self::Call { method: "GET", .. })
    }
}

const POINTS: [Point; 12] = [
    Point::Call { method: "POST", moment: Moment::Received },
    Point::Call { method: "POST", moment: Moment::Decided },
    Point::Call { method: "POST", moment: Moment::Answered },
    Point::Call { method: "GET", moment: Moment::Received },
    Point::Call { method: "GET", moment: Moment::Decided },
    Point::Call { method: "GET", moment: Moment::Answered },
    Point::State("running"),
    Point::State("approved"),
    Point::State("armed"),
    Point::State("unknown"),
    Point::State("sent"),
    Point::Anywhere,
];

struct Matrix {
    x: FakeX,
    bot: TestBot,
    when_absent: &'static str,
    victim: Victim,
    /// The call that is to be the process's last.
    last_call: Arc<Mutex<Option<(&'static str, Moment)>>>,
    random: ChaCha12Rng,
    /// For each point, how many lives were to end there and how many did.
    kills: BTreeMap<String, (usize, usize)>,
}

impl Matrix {
    async fn new(when_absent: &'static str, seed: u64) -> Self {
        let x = FakeX::start().await;
        let bot = TestBot::at(&x, true);
        bot.configure_rapid("* * * * * *", when_absent);
        let (victim, last_call) = (Victim::default(), Arc::new(Mutex::new(None)));
        let (killed, wanted) = (victim.clone(), Arc::clone(&last_call));
        x.watch(move |call, moment| {
            let mut last = wanted.lock().unwrap();
            if last.is_some_and(|(method, at)| method == call.method && at == moment) {
                *last = None;
                killed.kill();
            }
        });
        let random = ChaCha12Rng::seed_from_u64(seed);
        Self { x, bot, when_absent, victim, last_call, random, kills: BTreeMap::new() }
    }

    /// Begins a life. What it says goes to a file, through which `TestBot` looks for keys in the end.
    fn begin(&self) {
        let log = File::options().create(true).append(true).open(self.bot.path("log.jsonl")).unwrap();
        let mut command = self.bot.command(&["run"]);
        self.victim.begin(command.stdout(Stdio::null()).stderr(log));
    }

    /// The record, once there is one. Left open while the bot dies around it.
    async fn record(&self) -> Store {
        self.begin();
        let since = Instant::now();
        let store = loop {
            assert!(since.elapsed() < PATIENCE, "no record came");
            match Store::open_read_only(&self.bot.path("data/pregonero.db")).await {
                Ok(store) => break store,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.victim.kill();
        self.victim.reap("the first life");
        store
    }

    /// One life and its end.
    async fn live(&mut self, point: Point, mood: Mood, store: &Store) {
        // Nothing is read where nothing is looked for.
        let reads = !store.posts_in(PostState::Unknown).await.unwrap().is_empty();
        let point = if point.is_reading() && !reads { Point::Anywhere } else { point };
        self.live_to(point, mood, store).await;
    }

    /// One life under other settings; in quiet hours no call ever comes.
    async fn live_in(&mut self, weather: Weather, point: Point, mood: Mood, store: &Store) {
        let (quiet_hours, stale_after) = match weather {
            Weather::Plain => return self.live(point, mood, store).await,
            Weather::Quiet => (quiet_hours_around_now(), "12h"),
            Weather::Stale => (String::new(), "1s"),
        };
        self.bot.configure_rapid_in("* * * * * *", self.when_absent, &quiet_hours, stale_after);
        let point = if weather == Weather::Quiet { Point::Anywhere } else { point };
        let posted = self.x.posts_asked();
        self.live(point, mood, store).await;
        assert!(weather != Weather::Quiet || self.x.posts_asked() == posted, "a post in quiet hours");
        self.bot.configure_rapid("* * * * * *", self.when_absent);
    }

    /// Dies at the question whose account this is, which comes before the first post.
    async fn meet_the_first_question(&mut self, store: &Store) {
        for moment in [Moment::Received, Moment::Decided, Moment::Answered] {
            self.live_to(Point::Call { method: "GET", moment }, Mood::Honest, store).await;
        }
    }

    async fn live_to(&mut self, point: Point, mood: Mood, store: &Store) {
        self.x.set_mood(mood);
        let longest = match point {
            Point::Anywhere => Duration::from_micros(self.random.random_range(0..1_500_000)),
            _ => LONGEST_LIFE,
        };
        if let Point::Call { method, moment } = point {
            *self.last_call.lock().unwrap() = Some((method, moment));
        }
        let newest = newest(store).await;
        let begun = Instant::now();
        self.begin();
        let mut has_come = false;
        while self.victim.is_alive() && begun.elapsed() < longest && !has_come {
            tokio::time::sleep(Duration::from_micros(300)).await;
            has_come = self.has_come(point, store, &newest).await;
        }
        self.victim.kill();
        *self.last_call.lock().unwrap() = None;
        self.victim.reap(&format!("{point:?} {mood:?}"));
        let (lives, ended_there) = self.kills.entry(format!("{point:?}")).or_default();
        *lives += 1;
        *ended_there += usize::from(has_come);
    }

    /// Whether the newest post or round stands as the point says, and did not before this life.
    async fn has_come(&self, point: Point, store: &Store, before: &Newest) -> bool {
        match point {
            Point::State(state) => {
                let now = newest(store).await;
                now.as_ref().is_some_and(|(_, found)| found == state) && now != *before
            }
            Point::Call { .. } => self.last_call.lock().unwrap().is_none(),
            Point::Anywhere => false,
        }
    }

    /// Dies around the answer that X's window is used up: first for ages, which a person's `resume` ends, then for a second,
    /// for which the settling waits as anybody would.
    async fn meet_used_up_windows(&mut self, store: &Store) {
        for (mood, moment) in [Mood::LimitsForAges, Mood::Limits]
            .into_iter()
            .flat_map(|mood| [Moment::Received, Moment::Decided, Moment::Answered].map(|moment| (mood, moment)))
        {
            self.live(Point::Call { method: "POST", moment }, mood, store).await;
            if mood == Mood::LimitsForAges {
                let resumed = self.bot.run(&["resume", "--by", "ana"]);
                assert_eq!(resumed.code(), Some(0), "{resumed:#?}");
            }
        }
    }

    /// A life without slots, until nothing is open any more.
    async fn settle(&self, store: &Store) {
        self.x.set_mood(Mood::Honest);
        self.bot.configure_rapid("0 0 0 1 1 * 2099", self.when_absent);
        self.begin();
        let since = Instant::now();
        while !is_settled(store).await {
            assert!(self.victim.is_alive(), "the last life ended by itself");
            assert!(since.elapsed() < PATIENCE, "not everything is settled: {:?}", open(store).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.victim.kill();
        self.victim.reap("the last life");
    }

    /// What the lives came to; a matrix that killed at none of its points, or in which X took nothing, shows nothing.
    fn tell(&self, records: &[HistoryRecord]) {
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        records.iter().for_each(|record| *states.entry(record.entry.state.to_string()).or_default() += 1);
        let reads: usize = records.iter().map(|record| record.reads.len()).sum();
        let lives: usize = self.kills.values().map(|(lives, _)| lives).sum();
        println!("{}: {lives} kills, {states:?}, {reads} readings; at each point {:?}", self.when_absent, self.kills);
        let sent = states.get("sent").copied().unwrap_or_default();
        assert!(sent >= lives / 8, "X took {sent} posts only");
        let missed: Vec<_> =
            self.kills.iter().filter(|(point, (_, there))| *point != "Anywhere" && *there == 0).collect();
        assert!(lives < KILLS_AT_EVERY_POINT || missed.is_empty(), "nobody died there: {missed:?}");
    }
}

/// The next lives, each mood once, at points that shift from one call to the next until every mood has met every point.
fn next_lives(round: usize, random: &mut ChaCha12Rng) -> Vec<(Point, Mood)> {
    let mut lives: Vec<(Point, Mood)> =
        MOODS.into_iter().enumerate().map(|(place, mood)| (POINTS[(place + round * 5) % POINTS.len()], mood)).collect();
    lives.shuffle(random);
    lives
}

/// Every mood with every point as often as the number of kills allows, in an order that chance decides.
async fn kill_again_and_again(when_absent: &'static str, seed: u64) {
    let asked = Environment::of_process().get("PREGONERO_TEST_KILLS").map(|kills| kills.parse::<usize>().unwrap() / 2);
    let mut matrix = Matrix::new(when_absent, seed).await;
    let store = matrix.record().await;
    matrix.meet_the_first_question(&store).await;
    let mut lives = Vec::new();
    for number in 0..asked.unwrap_or(KILLS) {
        if lives.is_empty() {
            lives = next_lives(number / MOODS.len(), &mut matrix.random);
        }
        let (point, mood) = lives.pop().unwrap();
        let weather = match number % 8 {
            3 => Weather::Quiet,
            6 => Weather::Stale,
            _ => Weather::Plain,
        };
        matrix.live_in(weather, point, mood, &store).await;
    }
    matrix.meet_used_up_windows(&store).await;
    matrix.settle(&store).await;
    matrix.tell(&compare(&store, &matrix.x).await);
    let log = store.check_log(&std::collections::BTreeSet::new()).await.unwrap();
    assert_eq!(log.faults, [], "a kill leaves no gap in the audit log, and no row without its record");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_no_slot_has_two_tweets_and_none_is_lost() {
    kill_again_and_again("refuse", 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_an_absent_post_that_goes_out_again_is_still_one_tweet() {
    kill_again_and_again("repost", 11).await;
}
