//! The real binary, killed with SIGKILL at every step of a post's life and at random moments, against X in all its moods.
//!
//! Two bots die side by side: one lets an absent post go, one posts it once more. Each is killed as often as
//! [`KILLS`] says, more often where `PREGONERO_TEST_KILLS` asks for it. Then it is left alone until nothing is open, and
//! record and server are compared: every tweet of the server is one sent post of the record, by its id and text, and the
//! other way round; so no slot has two. Nothing is left half done, and the audit of each round is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pregonero::config::environment::Environment;
use pregonero::store::{AttemptOutcome, HistoryRecord, PostState, RoundOutcome, Store};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use crate::support::fake_x::{FakeX, Moment, Mood};
use crate::support::test_bot::TestBot;

/// How often each of the two bots is killed.
const KILLS: usize = 260;

/// A life that its own trigger does not end is ended after this long.
const LONGEST_LIFE: Duration = Duration::from_millis(2500);

/// How long a bot that nobody kills may take to settle everything.
const PATIENCE: Duration = Duration::from_secs(120);

const MOODS: [Mood; 9] = [
    Mood::Honest,
    Mood::TakesAndHangs,
    Mood::TakesAndResets,
    Mood::TakesAndFails,
    Mood::TakesAndHides(2),
    Mood::LosesHeaders,
    Mood::Hangs,
    Mood::Resets,
    Mood::Refuses,
];

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

/// A slot each second, of which the last missed one is served at once; waits as short as they may be. As many looks as
/// decide are more than `Mood::TakesAndHides` hides a tweet from.
fn config(cron: &str, when_absent: &str) -> String {
    format!(
        r#"
[schedule]
cron = ["{cron}"]
timezone = "UTC"
jitter = "0s"
misfire = "once"
quiet_hours = []
[generation]
model = "tiny"
max_new_tokens = 8
candidates = 1
[sentiment]
target = "any"
[gates]
off = ["language", "cut_sentence", "repetition", "claims", "verbatim", "near_duplicate", "banned_words"]
[publish]
min_gap = "0s"
reconcile_waits = ["1s", "1s", "1s", "1s", "1s"]
reconcile_for = "4s"
when_absent = "{when_absent}"
[budget]
posts_per_day = 100000
posts_per_month = 1000000
usd_per_month = 1000000.0
"#
    )
}

/// The process, for whoever is to end it.
#[derive(Clone, Default)]
struct Victim(Arc<Mutex<Option<Child>>>);

impl Victim {
    fn kill(&self) {
        if let Some(child) = self.0.lock().unwrap().as_mut() {
            // One that has ended already cannot be killed, and is found by `reap`.
            let _ = child.kill();
        }
    }

    fn is_alive(&self) -> bool {
        self.0.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits for its end, which must have been our doing.
    fn reap(&self, life: &str) {
        let status = self.0.lock().unwrap().take().unwrap().wait().unwrap();
        assert_eq!(status.code(), None, "{life}: the program ended by itself");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 1 {
            self.kill();
        }
    }
}

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
        bot.configure(&config("* * * * * *", when_absent));
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
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.victim.0.lock().unwrap() = Some(child);
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
        self.x.set_mood(mood);
        // Nothing is read where nothing is looked for.
        let reads = !store.posts_in(PostState::Unknown).await.unwrap().is_empty();
        let point = if point.is_reading() && !reads { Point::Anywhere } else { point };
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

    /// A life without slots, until nothing is open any more.
    async fn settle(&self, store: &Store) {
        self.x.set_mood(Mood::Honest);
        self.bot.configure(&config("0 0 0 1 1 * 2099", self.when_absent));
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

    /// Record and server tell the same story.
    async fn compare(&self, store: &Store) {
        let entries = store.history(u32::MAX).await.unwrap();
        let mut records = Vec::new();
        for entry in &entries {
            records.push(store.history_record(entry.id).await.unwrap());
        }
        records.iter().for_each(audit);

        let slots: Vec<&str> = entries.iter().map(|entry| entry.slot.as_str()).collect();
        assert_eq!(slots.iter().collect::<BTreeSet<_>>().len(), slots.len(), "a slot was served twice");
        let sent: BTreeMap<&str, &str> =
            entries.iter().filter_map(|entry| Some((entry.tweet_id.as_deref()?, entry.text.as_deref()?))).collect();
        let tweets = self.x.tweets();
        let on_x: BTreeMap<&str, &str> = tweets.iter().map(|tweet| (tweet.id.as_str(), tweet.text.as_str())).collect();
        assert_eq!(sent, on_x, "what the record calls sent is not what X holds");
        assert_eq!(self.x.rejected(), [""; 0]);
        self.tell(&records);
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
        assert!(lives < KILLS || missed.is_empty(), "nobody died there: {missed:?}");
    }
}

/// Slot and state of the newest line of the history.
type Newest = Option<(String, String)>;

async fn newest(store: &Store) -> Newest {
    let entry = store.history(1).await.unwrap().pop()?;
    Some((entry.slot, entry.state.to_string()))
}

/// The posts on which something is still to happen.
async fn open(store: &Store) -> Vec<(i64, PostState)> {
    let mut open = Vec::new();
    for state in [PostState::Approved, PostState::Armed, PostState::Unknown] {
        open.extend(store.posts_in(state).await.unwrap().into_iter().map(|post| (post.id.get(), state)));
    }
    open
}

async fn is_settled(store: &Store) -> bool {
    open(store).await.is_empty() && newest(store).await.is_none_or(|(_, state)| state != "running")
}

/// The round, its candidates, its post and the calls made for it fit together and are ended.
fn audit(record: &HistoryRecord) {
    let shown = format!("{record:#?}");
    let chosen = record.candidates.iter().filter(|candidate| candidate.chosen).count();
    assert_ne!(record.round.outcome, RoundOutcome::Running, "{shown}");
    assert_eq!(record.round.outcome == RoundOutcome::Chosen, record.post.is_some(), "{shown}");
    let Some(post) = &record.post else {
        assert!(record.attempts.is_empty(), "{shown}");
        return;
    };
    assert_eq!(chosen, 1, "{shown}");
    let numbers: Vec<i64> = record.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>(), "{shown}");
    let ended = |attempt: &pregonero::store::AttemptRecord| attempt.outcome != AttemptOutcome::UnderWay;
    assert!(record.attempts.iter().all(ended), "{shown}");
    let sent = record.attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Sent).count();
    assert_eq!(sent, usize::from(post.state == PostState::Sent), "{shown}");
    assert_eq!(post.state == PostState::Sent, post.tweet_id.is_some(), "{shown}");
    assert!(matches!(post.state, PostState::Sent | PostState::Refused), "{shown}");
}

/// Every point with every mood as often as the number of kills allows, in an order that chance decides.
async fn kill_again_and_again(when_absent: &'static str, seed: u64) {
    let asked = Environment::of_process().get("PREGONERO_TEST_KILLS").map(|kills| kills.parse::<usize>().unwrap() / 2);
    let mut matrix = Matrix::new(when_absent, seed).await;
    let store = matrix.record().await;
    let mut combinations = Vec::new();
    for _ in 0..asked.unwrap_or(KILLS) {
        if combinations.is_empty() {
            combinations = POINTS.iter().flat_map(|point| MOODS.map(|mood| (*point, mood))).collect();
        }
        let place = matrix.random.random_range(0..combinations.len());
        let (point, mood) = combinations.swap_remove(place);
        matrix.live(point, mood, &store).await;
    }
    matrix.settle(&store).await;
    matrix.compare(&store).await;
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
