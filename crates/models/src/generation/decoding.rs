//! From a prompt to token ids: greedy, sampling and beam search over one batch.

use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use rayon::prelude::*;

use super::decoding_settings::Decoding;
use super::network::Network;
use super::processors;
use super::shortlist::Shortlist;
use pregonero_kernels::{maximum, sum_of_exponentials, wide};
use pregonero_tweet::{Finish, Likelihood};

/// One decoded sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sequence {
    /// Prompt and continuation, end-of-text left out.
    pub(crate) ids: Vec<u32>,
    pub(crate) finish: Finish,
    /// Of the continuation's tokens, and of the end-of-text token if the model wrote one.
    pub(crate) likelihood: Option<Likelihood>,
    /// The sum of log-probabilities divided by the length, if beam search ranked the sequence.
    pub(crate) score: Option<f32>,
}

/// What decoding needs to know about the model besides its logits.
pub(crate) struct Limits<'a> {
    /// The tokens that each end a text.
    pub(crate) ends: &'a [u32],
    /// The number of ids that have a token; ids from here on have none.
    pub(crate) vocabulary: usize,
    /// Tokens that must never be written.
    pub(crate) banned: &'a [u32],
    /// Where the text begins after its context: repetition penalties look no further back, because what the context
    /// demands has to be repeated.
    pub(crate) history_from: usize,
    /// The greatest number of tokens in prompt and continuation together.
    pub(crate) capacity: usize,
    /// Returns whether a sequence has used up the length of a tweet.
    pub(crate) too_long: &'a (dyn Fn(&[u32]) -> bool + Sync),
    /// Returns whether to give up.
    pub(crate) cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl Limits<'_> {
    fn mask(&self, scores: &mut [f32]) {
        if let Some(unknown) = scores.get_mut(self.vocabulary..) {
            unknown.fill(f32::NEG_INFINITY);
        }
        for id in self.banned {
            if let Some(score) = scores.get_mut(*id as usize) {
                *score = f32::NEG_INFINITY;
            }
        }
    }
}

/// A candidate's own source of randomness.
struct Chooser {
    processor: LogitsProcessor,
}

impl Chooser {
    fn new(seed: u64) -> Self {
        Self { processor: LogitsProcessor::from_sampling(seed, Sampling::All { temperature: 1.0 }) }
    }

    /// Draws from the softmax of the scores that are left.
    fn draw(&mut self, scores: &[f32], decoding: &Decoding) -> Result<u32> {
        let left = Shortlist::new(scores, decoding);
        match left.ids() {
            [] => Ok(processors::argmax(scores) as u32),
            [only] => Ok(*only),
            ids => {
                let index = self.processor.sample(&Tensor::from_slice(left.scores(), ids.len(), &Device::Cpu)?)?;
                Ok(ids[index as usize])
            }
        }
    }
}

/// The model's own distribution of the next token, taken from its logits before they are changed.
#[derive(Default)]
struct OwnDistribution {
    logits: Vec<f32>,
    /// The logarithm of the sum of all exponentials.
    normaliser: f32,
}

impl OwnDistribution {
    /// Reads a row of logits, without the ids that have no token.
    fn read(&mut self, logits: &[f32], vocabulary: usize) {
        let real = &logits[..vocabulary.min(logits.len())];
        self.logits.clear();
        self.logits.extend_from_slice(real);
        self.normaliser = wide(
            #[inline(always)]
            || {
                let largest = maximum(real);
                largest + sum_of_exponentials(real, largest).ln()
            },
        );
    }

    fn log_probability(&self, id: u32) -> f32 {
        self.logits.get(id as usize).map_or(f32::NEG_INFINITY, |logit| logit - self.normaliser)
    }
}

/// One row of the batch that is still growing.
struct Row {
    place: usize,
    ids: Vec<u32>,
    /// The log-probabilities of the tokens chosen, as [`Likelihood`] takes them.
    log_probabilities: Vec<f32>,
    chooser: Option<Chooser>,
}

/// Decodes one sequence per seed by sampling; `None` seeds decode greedily. Finished rows leave the batch at once.
pub(crate) fn decode(
    network: &Network,
    prompt: &[u32],
    seeds: &[Option<u64>],
    decoding: &Decoding,
    limits: &Limits<'_>,
) -> Result<Vec<Sequence>> {
    let (first, mut cache) = network.prefill(prompt, seeds.len(), limits.capacity)?;
    let vocabulary = first.len();
    let mut logits = first.repeat(seeds.len());
    let mut rows: Vec<Row> = seeds
        .iter()
        .enumerate()
        .map(|(place, seed)| Row {
            place,
            ids: prompt.to_vec(),
            log_probabilities: Vec::new(),
            chooser: seed.map(Chooser::new),
        })
        .collect();
    let mut done: Vec<Option<Sequence>> = vec![None; seeds.len()];
    while !rows.is_empty() && !(limits.cancelled)() {
        let (mut kept, mut next) = (Vec::new(), Vec::new());
        let choices = rows.par_iter_mut().zip(logits.par_chunks_exact_mut(vocabulary));
        let choices: Vec<u32> = choices
            .map_init(OwnDistribution::default, |own, (row, scores)| {
                own.read(scores, limits.vocabulary);
                limits.mask(scores);
                let id = choose(row, scores, decoding, limits)?;
                row.log_probabilities.push(own.log_probability(id));
                Ok(id)
            })
            .collect::<Result<_>>()?;
        for (index, (row, id)) in rows.iter_mut().zip(choices).enumerate() {
            match finish(row, id, prompt.len(), decoding, limits) {
                Some(finish) => {
                    let (ids, likelihood) = (std::mem::take(&mut row.ids), Likelihood::of(&row.log_probabilities));
                    done[row.place] = Some(Sequence { ids, finish, likelihood, score: None });
                }
                None => {
                    kept.push(index);
                    next.push(id);
                }
            }
        }
        if kept.len() < rows.len() {
            rows.retain(|row| done[row.place].is_none());
            cache.select(&kept)?;
        }
        if !rows.is_empty() {
            logits = network.advance(&next, rows.len(), &mut cache)?;
        }
    }
    Ok(done.into_iter().flatten().collect())
}

fn choose(row: &mut Row, scores: &mut [f32], decoding: &Decoding, limits: &Limits<'_>) -> Result<u32> {
    processors::penalise(scores, &row.ids[limits.history_from..], decoding);
    match &mut row.chooser {
        Some(chooser) => chooser.draw(scores, decoding),
        None => Ok(processors::argmax(scores) as u32),
    }
}

/// Appends the chosen token; returns why the sequence ends with it, if it does.
fn finish(row: &mut Row, id: u32, prompt: usize, decoding: &Decoding, limits: &Limits<'_>) -> Option<Finish> {
    if limits.ends.contains(&id) {
        return Some(Finish::EndOfText);
    }
    row.ids.push(id);
    if (limits.too_long)(&row.ids) {
        return Some(Finish::Length);
    }
    let new = row.ids.len() - prompt;
    (new >= decoding.max_new_tokens || row.ids.len() >= limits.capacity).then_some(Finish::Tokens)
}

/// One open beam or finished hypothesis.
#[derive(Debug, Clone)]
struct Beam {
    ids: Vec<u32>,
    /// The log-probabilities of the continuation's tokens, as [`Likelihood`] takes them.
    log_probabilities: Vec<f32>,
    /// The sum of log-probabilities; for a finished hypothesis, divided by its length.
    score: f32,
    finish: Finish,
}

/// Runs beam search as transformers does (length penalty 1, no early stopping); returns the `beams` best sequences,
/// best first.
pub(crate) fn beam_search(
    network: &Network,
    prompt: &[u32],
    beams: usize,
    decoding: &Decoding,
    limits: &Limits<'_>,
) -> Result<Vec<Sequence>> {
    let (first, mut cache) = network.prefill(prompt, beams, limits.capacity)?;
    let vocabulary = first.len();
    let longest = (prompt.len() + decoding.max_new_tokens).min(limits.capacity);
    let mut logits = first;
    let mut open =
        vec![Beam { ids: prompt.to_vec(), log_probabilities: Vec::new(), score: 0.0, finish: Finish::Tokens }];
    let mut finished: Vec<Beam> = Vec::new();
    while !(limits.cancelled)() {
        let options = continuations(&mut logits, vocabulary, &open, 2 * beams, decoding, limits);
        let (mut next, mut parents) = (Vec::new(), Vec::new());
        for (rank, Continuation { parent, id, score, log_probability }) in options.into_iter().enumerate() {
            let mut ids = open[parent].ids.clone();
            let log_probabilities = [&open[parent].log_probabilities[..], &[log_probability]].concat();
            let length = (ids.len() + 1 - prompt.len()) as f32;
            let ended = if limits.ends.contains(&id) {
                Some(Finish::EndOfText)
            } else {
                ids.push(id);
                if (limits.too_long)(&ids) {
                    Some(Finish::Length)
                } else {
                    (ids.len() >= longest).then_some(Finish::Tokens)
                }
            };
            match ended {
                Some(finish) if rank < beams => {
                    finished.push(Beam { ids, log_probabilities, score: score / length, finish });
                }
                Some(_) => {}
                None if next.len() < beams => {
                    next.push(Beam { ids, log_probabilities, score, finish: Finish::Tokens });
                    parents.push(parent);
                }
                None => {}
            }
        }
        finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        finished.truncate(beams);
        let Some(best) = next.first() else { break };
        let length = (best.ids.len() - prompt.len()) as f32;
        let worst = finished.last().map_or(f32::NEG_INFINITY, |beam| beam.score);
        if finished.len() == beams && best.score / length <= worst {
            break;
        }
        let ids: Vec<u32> = next.iter().filter_map(|beam| beam.ids.last().copied()).collect();
        cache.select(&parents)?;
        logits = network.advance(&ids, ids.len(), &mut cache)?;
        open = next;
    }
    let sequences = finished.into_iter().map(|beam| Sequence {
        likelihood: Likelihood::of(&beam.log_probabilities),
        ids: beam.ids,
        finish: beam.finish,
        score: Some(beam.score),
    });
    Ok(sequences.collect())
}

struct Continuation {
    parent: usize,
    id: u32,
    score: f32,
    /// The log-probability of this token under the model's own distribution.
    log_probability: f32,
}

/// Returns the `count` best next tokens over all open beams, best first.
fn continuations(
    logits: &mut [f32],
    vocabulary: usize,
    open: &[Beam],
    count: usize,
    decoding: &Decoding,
    limits: &Limits<'_>,
) -> Vec<Continuation> {
    let mut options: Vec<Continuation> = Vec::new();
    let mut own = OwnDistribution::default();
    for (parent, (beam, scores)) in open.iter().zip(logits.chunks_exact_mut(vocabulary)).enumerate() {
        own.read(scores, limits.vocabulary);
        log_softmax(scores);
        limits.mask(scores);
        processors::penalise(scores, &beam.ids[limits.history_from..], decoding);
        let mut order: Vec<u32> = (0..vocabulary as u32).filter(|id| scores[*id as usize].is_finite()).collect();
        let by_score = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
        if order.len() > count {
            order.select_nth_unstable_by(count, by_score);
            order.truncate(count);
        }
        options.extend(order.iter().map(|id| Continuation {
            parent,
            id: *id,
            score: beam.score + scores[*id as usize],
            log_probability: own.log_probability(*id),
        }));
    }
    options.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.parent.cmp(&b.parent)).then(a.id.cmp(&b.id)));
    options.truncate(count);
    options
}

fn log_softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from((score - max).exp())).sum();
    let shift = max + sum.ln() as f32;
    for score in scores {
        *score -= shift;
    }
}
