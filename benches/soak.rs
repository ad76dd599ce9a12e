//! Months of the schedule in minutes: `cargo bench --bench soak -- [MINUTES]`.
//!
//! The real binary serves a slot every second against a scripted X with changing moods (it accepts posts, refuses
//! them, limits them, hangs, tears connections down, fails, lags on readings), and reloads its configuration every
//! minute. Memory and open files are read from `/proc` throughout. At the end the run waits until nothing is open,
//! and record and server are compared as in the crash matrix. Prints a table and a verdict; a failed run ends with a
//! panic.

#![expect(clippy::unwrap_used, reason = "a bench uses the tests' support and fails as a test does")]
#![allow(dead_code, reason = "the tests' support has more than a bench needs")]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pregonero_store::{HistoryRecord, Store};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha12Rng;

use support::fake_x::{FakeX, Mood};
use support::process::size_mib;
use support::record::{compare, is_settled, open};
use support::test_bot::TestBot;

/// Slots per day in the `config.toml` that ships with the program; here each takes a second.
const SLOTS_A_DAY: f64 = 3.0;

/// The time between two readings of `/proc`.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// The time between two reloads.
const RELOAD_EVERY: Duration = Duration::from_secs(60);

/// How long the program may take to start, or to settle everything: posts that an exhausted rate limit held back go
/// out one by one.
const PATIENCE: Duration = Duration::from_secs(600);

/// Growth of heap and stacks over the second half that still counts as flat: about the size of the noise.
const FLAT_MIB: f64 = 2.0;

const MIB: f64 = (1 << 20) as f64;

/// X's moods, each with its share of the posts. Hanging calls are rare, because each uses up the client's timeout of
/// half a minute.
const MOODS: [(Mood, u32); 10] = [
    (Mood::Refuses, 10),
    (Mood::Limits, 2),
    (Mood::TakesAndResets, 6),
    (Mood::Resets, 6),
    (Mood::TakesAndFails, 6),
    (Mood::TakesAndHides(2), 6),
    (Mood::LosesHeaders, 6),
    (Mood::TakesAndHangs, 1),
    (Mood::Hangs, 1),
    (Mood::Honest, 156),
];

/// The process at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    resident_mib: f64,
    /// The part of it that no file backs: heap and stacks. The rest is program text and the record's pages, which the
    /// kernel may drop.
    anonymous_mib: f64,
    database_mib: f64,
    files: usize,
    slots: usize,
    tweets: usize,
}

struct Daemon {
    child: Child,
}

impl Daemon {
    fn start(bot: &TestBot) -> Self {
        let log = File::options().create(true).append(true).open(bot.path("log.jsonl")).unwrap();
        let child = bot.command(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child }
    }

    fn hang_up(&self) {
        assert!(Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap().success());
    }

    fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn record(bot: &TestBot) -> Store {
    let since = Instant::now();
    loop {
        match Store::open_read_only(&bot.path("data/pregonero.db")).await {
            Ok(store) => return store,
            Err(error) => assert!(since.elapsed() < PATIENCE, "no record appeared: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn draw(random: &mut ChaCha12Rng) -> Mood {
    let mut left = random.random_range(0..MOODS.iter().map(|(_, share)| share).sum());
    let drawn = MOODS.iter().find(|(_, share)| left.checked_sub(*share).map(|rest| left = rest).is_none());
    drawn.expect("the shares add up").0
}

/// Returns the growth of heap and stacks over the samples by least squares, in MiB per second.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|sample| sample.seconds), mean(|sample| sample.anonymous_mib));
    let covariance: f64 = samples.iter().map(|s| (s.seconds - time) * (s.anonymous_mib - memory)).sum();
    covariance / samples.iter().map(|s| (s.seconds - time).powi(2)).sum::<f64>()
}

/// Runs for `time` and returns the samples taken meanwhile.
async fn soak(bot: &TestBot, x: &FakeX, store: &Store, daemon: &Daemon, time: Duration) -> Vec<Sample> {
    let (begun, mut random, mut samples, mut asked) = (Instant::now(), ChaCha12Rng::seed_from_u64(3), Vec::new(), 0);
    let (mut next_sample, mut next_reload) = (Duration::ZERO, RELOAD_EVERY);
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now_asked = x.posts_asked();
        if now_asked != asked {
            asked = now_asked;
            x.set_mood(draw(&mut random));
        }
        if begun.elapsed() >= next_reload {
            next_reload += RELOAD_EVERY;
            bot.configure_rapid("* * * * * *", "refuse");
            daemon.hang_up();
        }
        if begun.elapsed() >= next_sample {
            next_sample += SAMPLE_EVERY;
            samples.push(Sample {
                seconds: begun.elapsed().as_secs_f64(),
                resident_mib: size_mib(daemon.child.id(), "VmRSS"),
                anonymous_mib: size_mib(daemon.child.id(), "RssAnon"),
                database_mib: bot.path("data/pregonero.db").metadata().unwrap().len() as f64 / MIB,
                files: daemon.files(),
                slots: store.history(u32::MAX).await.unwrap().len(),
                tweets: x.tweets().len(),
            });
        }
    }
    samples
}

/// Stops the slots and waits until nothing is open.
async fn settle(bot: &TestBot, x: &FakeX, store: &Store, daemon: &Daemon) {
    x.set_mood(Mood::Honest);
    bot.configure_rapid("0 0 0 1 1 * 2099", "refuse");
    daemon.hang_up();
    let since = Instant::now();
    while !is_settled(store).await {
        assert!(since.elapsed() < PATIENCE, "not everything is settled: {:?}", open(store).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn print_table(samples: &[Sample]) {
    println!(
        "| seconds | slots | days of the schedule | tweets | record MiB | resident MiB | heap and stacks MiB | open files |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let last = samples.len().saturating_sub(1);
    for index in (0..=10).map(|tenth| tenth * last / 10) {
        let Sample { seconds, resident_mib, anonymous_mib, database_mib, files, slots, tweets } = samples[index];
        let days = slots as f64 / SLOTS_A_DAY;
        println!(
            "| {seconds:.0} | {slots} | {days:.0} | {tweets} | {database_mib:.1} | {resident_mib:.1} | {anonymous_mib:.1} | {files} |"
        );
    }
}

/// Prints the outcome and requires that nothing grows.
fn require_flat(samples: &[Sample], records: &[HistoryRecord]) {
    let half = &samples[samples.len() / 2..];
    let span = half[half.len() - 1].seconds - half[0].seconds;
    let growth = slope(half) * span;
    let slots = half[half.len() - 1].slots - half[0].slots;
    let files = |part: &[Sample]| part.iter().map(|sample| sample.files).max().unwrap_or_default();
    let (first, second) = (files(&samples[..samples.len() / 2]), files(half));
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    records.iter().for_each(|record| *states.entry(record.entry.state.to_string()).or_default() += 1);
    let calls: usize = records.iter().map(|record| record.attempts.len()).sum();
    let readings: usize = records.iter().map(|record| record.reads.len()).sum();

    println!("\n{} slots: {states:?}; {calls} calls, {readings} readings", records.len());
    println!("unsettled: 0; tweets that the record does not know, or knows twice: 0");
    println!("second half, least squares: {growth:+.2} MiB in {span:.0} s and {slots} slots");
    println!("most open files: {first} in the first half, {second} in the second");
    assert!(growth < FLAT_MIB, "memory grows");
    assert!(second <= first, "open files grow");
}

#[tokio::main]
async fn main() {
    let minutes = std::env::args().skip(1).find_map(|argument| argument.parse::<f64>().ok()).unwrap_or(10.0);
    let x = FakeX::start().await;
    let bot = TestBot::at(&x, true);
    bot.configure_rapid("* * * * * *", "refuse");
    let daemon = Daemon::start(&bot);
    let store = record(&bot).await;
    let samples = soak(&bot, &x, &store, &daemon, Duration::from_secs_f64(minutes * 60.0)).await;
    print_table(&samples);
    settle(&bot, &x, &store, &daemon).await;
    let records = compare(&store, &x).await;
    store.close().await;
    drop(daemon);
    require_flat(&samples, &records);
}
