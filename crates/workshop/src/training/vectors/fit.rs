//! The training loop: threads take handfuls of texts until all epochs are done, and progress is reported to the caller.
//!
//! What is random in a handful depends only on the seed, the epoch and the handful. One thread therefore always gives the
//! same vectors bit for bit; several add to the same rows in an arbitrary order, so that no two runs agree.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::{ChaCha8Rng, ChaCha12Rng};

use super::corpus::Corpus;
use super::sampling::{NegativeSampler, keep_probabilities};
use super::skip_gram::{Centre, Table};
use super::{VectorProgress, VectorTraining};

/// The number of texts that a thread takes at once.
const HANDFUL: usize = 64;

/// The final learning rate, as a share of the initial one.
const LAST_RATE: f64 = 1e-4;

/// The time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// The trained tables.
#[derive(Debug)]
pub(super) struct Fitted {
    /// A row for each word, then one for each bucket of n-grams.
    pub(super) inputs: Table,
    pub(super) pieces: Pieces,
    /// The mean loss of a pair in the last epoch, in nats.
    pub(super) loss: f64,
}

/// The rows of the input table that make up each word: its own, then its n-grams'.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Vec<u32>>);

impl Pieces {
    fn of(words: &[String], settings: &VectorTraining) -> Self {
        let first_bucket = words.len() as u32;
        let of_word = |(number, word): (u32, &String)| {
            let buckets = settings.subwords.map(|hasher| hasher.pieces(word)).unwrap_or_default();
            std::iter::once(number).chain(buckets.into_iter().map(|bucket| first_bucket + bucket)).collect()
        };
        Self((0..).zip(words).map(of_word).collect())
    }

    pub(super) fn rows(&self, word: u32) -> &[u32] {
        &self.0[word as usize]
    }
}

/// The result of a handful.
struct Report {
    epoch: usize,
    words: u64,
    loss: f64,
    pairs: u64,
}

/// What all threads share.
struct Shared<'a> {
    settings: &'a VectorTraining,
    corpus: &'a Corpus,
    inputs: Table,
    outputs: Table,
    pieces: Pieces,
    sampler: NegativeSampler,
    keep: Vec<f32>,
    /// The texts in the order in which they are taken: shuffled, so that no kind of text comes last, with the smallest rate.
    order: Vec<u32>,
    next_handful: AtomicUsize,
    words_done: AtomicU64,
    stop: &'a AtomicBool,
}

/// Trains vectors on `corpus`.
pub(super) fn fit(
    settings: &VectorTraining,
    corpus: &Corpus,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(VectorProgress),
) -> Result<Fitted> {
    let mut rng = ChaCha12Rng::seed_from_u64(settings.seed);
    let buckets = settings.subwords.map_or(0, |hasher| hasher.buckets() as usize);
    let shared = Shared {
        settings,
        corpus,
        inputs: Table::uniform(corpus.words.len() + buckets, settings.width, &mut rng),
        outputs: Table::zeros(corpus.words.len(), settings.width),
        pieces: Pieces::of(&corpus.words, settings),
        sampler: NegativeSampler::new(&corpus.counts),
        keep: keep_probabilities(&corpus.counts, settings.subsample),
        order: shuffled(corpus.len(), &mut rng),
        next_handful: AtomicUsize::new(0),
        words_done: AtomicU64::new(0),
        stop,
    };
    // Taken before the first thread starts; otherwise the first report would show too high a speed.
    let start = Instant::now();
    let loss = std::thread::scope(|scope| {
        let (sender, reports) = mpsc::channel();
        for thread in 0..settings.threads {
            let (sender, shared) = (sender.clone(), &shared);
            std::thread::Builder::new()
                .name(format!("train-vectors-{thread}"))
                .spawn_scoped(scope, move || shared.work(&sender))
                .context("cannot start a training thread")?;
        }
        drop(sender);
        // If this fails, the receiver is dropped, and the threads end because they cannot send.
        follow(&shared, start, &reports, progress)
    })?;
    if stop.load(Ordering::Relaxed) {
        bail!("interrupted; nothing was written");
    }
    Ok(Fitted { inputs: shared.inputs, pieces: shared.pieces, loss })
}

fn shuffled(count: usize, rng: &mut ChaCha12Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(count).collect();
    order.shuffle(rng);
    order
}

/// Receives the reports until the last thread is done; returns the mean loss of the last epoch.
fn follow(
    shared: &Shared<'_>,
    start: Instant,
    reports: &mpsc::Receiver<Report>,
    progress: &mut dyn FnMut(VectorProgress),
) -> Result<f64> {
    let mut reported = start;
    let (mut words, mut recent, mut last) = (0, (0.0, 0), (0.0, 0));
    for report in reports {
        ensure!(report.loss.is_finite(), "the loss is {}: try a smaller learning rate", report.loss);
        words += report.words;
        recent = (recent.0 + report.loss, recent.1 + report.pairs);
        if report.epoch + 1 == shared.settings.epochs {
            last = (last.0 + report.loss, last.1 + report.pairs);
        }
        // No earlier: an estimate from a moment's words is worthless.
        if reported.elapsed() >= REPORT_EVERY {
            progress(shared.progress(words, start.elapsed(), mean(recent)));
            reported = Instant::now();
            recent = (0.0, 0);
        }
    }
    Ok(mean(last))
}

fn mean((sum, count): (f64, u64)) -> f64 {
    sum / count.max(1) as f64
}

impl Shared<'_> {
    fn all_words(&self) -> u64 {
        self.corpus.running_words() * self.settings.epochs as u64
    }

    fn progress(&self, words: u64, elapsed: Duration, loss: f64) -> VectorProgress {
        let words_per_second = words as f64 / elapsed.as_secs_f64();
        let left = (self.all_words().saturating_sub(words)) as f64 / words_per_second;
        VectorProgress::Training {
            share: words as f64 / self.all_words() as f64,
            loss,
            learning_rate: self.rate(words),
            words_per_second,
            left: Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX),
        }
    }

    /// Returns the learning rate after `words` words: it falls linearly.
    fn rate(&self, words: u64) -> f64 {
        let left = 1.0 - words as f64 / self.all_words() as f64;
        self.settings.learning_rate * left.max(LAST_RATE)
    }

    /// Takes handfuls until none is left or it must stop.
    fn work(&self, reports: &mpsc::Sender<Report>) {
        let mut centre = Centre::new(self.settings.width);
        let handfuls = self.corpus.len().div_ceil(HANDFUL);
        loop {
            let handful = self.next_handful.fetch_add(1, Ordering::Relaxed);
            let epoch = handful / handfuls;
            if epoch >= self.settings.epochs || self.stop.load(Ordering::Relaxed) {
                return;
            }
            let first = handful % handfuls * HANDFUL;
            let texts = first..(first + HANDFUL).min(self.corpus.len());
            let mut rng = ChaCha8Rng::seed_from_u64(self.settings.seed);
            rng.set_stream(handful as u64 + 1);
            // The receiver is gone if the training has already failed.
            if reports.send(self.handful(epoch, texts, &mut centre, &mut rng)).is_err() {
                return;
            }
        }
    }

    fn handful(&self, epoch: usize, texts: Range<usize>, centre: &mut Centre, rng: &mut ChaCha8Rng) -> Report {
        let mut report = Report { epoch, words: 0, loss: 0.0, pairs: 0 };
        let mut kept = Vec::new();
        for &text in &self.order[texts] {
            let words = self.corpus.text(text as usize);
            let done = self.words_done.fetch_add(words.len() as u64, Ordering::Relaxed);
            kept.clear();
            kept.extend(words.iter().copied().filter(|&word| self.keep[word as usize] > rng.random::<f32>()));
            self.text(&kept, self.rate(done) as f32, centre, rng, &mut report);
            report.words += words.len() as u64;
        }
        report
    }

    /// Trains on every word of a text with those around it; the distance is drawn for each word, so that near words count more.
    fn text(&self, words: &[u32], rate: f32, centre: &mut Centre, rng: &mut ChaCha8Rng, report: &mut Report) {
        let mut negatives = Vec::with_capacity(self.settings.negatives);
        for (place, &word) in words.iter().enumerate() {
            let reach = rng.random_range(1..=self.settings.window);
            let around = place.saturating_sub(reach)..(place + reach + 1).min(words.len());
            if around.len() == 1 {
                continue;
            }
            let rows = self.pieces.rows(word);
            centre.load(&self.inputs, rows);
            for context in around.filter(|&other| other != place).map(|other| words[other]) {
                negatives.clear();
                while negatives.len() < self.settings.negatives {
                    negatives.extend(Some(self.sampler.draw(rng)).filter(|&drawn| drawn != context));
                }
                report.loss += centre.pair(&self.outputs, context, &negatives, rate);
                report.pairs += 1;
            }
            centre.store(&self.inputs, rows);
        }
    }
}
