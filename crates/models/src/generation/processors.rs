//! The steps that change the next token's scores before one is chosen, in transformers' order: repetition penalty,
//! no-repeat n-gram, temperature, top-k, top-p, min-p, typical sampling.
//!
//! Scores are one row `[vocabulary]`; those of tokens that must not be chosen become negative infinity.

use std::collections::HashSet;

use super::decoding_settings::Decoding;
use super::ops::softmax;

/// Divides the positive scores of tokens that occur already by `penalty`, and multiplies their negative ones (Keskar
/// et al. 2019, arXiv:1909.05858).
pub(crate) fn repetition_penalty(scores: &mut [f32], ids: &[u32], penalty: f64) {
    if penalty == 1.0 {
        return;
    }
    let penalty = penalty as f32;
    let seen: HashSet<u32> = ids.iter().copied().collect();
    for id in seen {
        if let Some(score) = scores.get_mut(id as usize) {
            *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
        }
    }
}

/// Forbids every token that would repeat an n-gram of `ids`.
pub(crate) fn no_repeat_ngram(scores: &mut [f32], ids: &[u32], n: usize) {
    if n == 0 || ids.len() + 1 < n {
        return;
    }
    let prefix = &ids[ids.len() + 1 - n..];
    for window in ids.windows(n) {
        if let Some((last, start)) = window.split_last()
            && start == prefix
            && let Some(score) = scores.get_mut(*last as usize)
        {
            *score = f32::NEG_INFINITY;
        }
    }
}

pub(crate) fn temperature(scores: &mut [f32], temperature: f64) {
    if temperature != 1.0 {
        let temperature = temperature as f32;
        for score in scores {
            *score /= temperature;
        }
    }
}

/// Keeps the `k` best scores, and those equal to the lowest of them.
pub(crate) fn top_k(scores: &mut [f32], k: usize) {
    if k == 0 || k >= scores.len() {
        return;
    }
    let mut sorted = scores.to_vec();
    let (_, threshold, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let threshold = *threshold;
    for score in scores {
        if *score < threshold {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// Keeps the smallest set of best tokens whose probabilities sum to at least `p` (Holtzman et al. 2020,
/// arXiv:1904.09751).
pub(crate) fn top_p(scores: &mut [f32], p: f64) {
    if p >= 1.0 {
        return;
    }
    let mut order: Vec<usize> = (0..scores.len()).filter(|index| scores[*index].is_finite()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut probabilities: Vec<f32> = order.iter().map(|index| scores[*index]).collect();
    softmax(&mut probabilities);
    let mut cumulative = 0.0_f64;
    let last = order.len().saturating_sub(1);
    for (index, probability) in order[..last].iter().zip(&probabilities) {
        cumulative += f64::from(*probability);
        if cumulative <= 1.0 - p {
            scores[*index] = f32::NEG_INFINITY;
        }
    }
}

/// Keeps the tokens that are at least `p` times as likely as the likeliest one (Nguyen et al. 2025, arXiv:2407.01082).
pub(crate) fn min_p(scores: &mut [f32], p: f64) {
    if p <= 0.0 {
        return;
    }
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores {
        if f64::from(*score - best).exp() < p {
            *score = f32::NEG_INFINITY;
        }
    }
}

/// Keeps the smallest set of tokens whose probabilities sum to at least `p`, starting with those whose surprise is
/// nearest to the distribution's entropy (Meister et al. 2023, arXiv:2202.00666).
pub(crate) fn typical_p(scores: &mut [f32], p: f64) {
    if p >= 1.0 {
        return;
    }
    let left: Vec<usize> = (0..scores.len()).filter(|index| scores[*index].is_finite()).collect();
    let mut probabilities: Vec<f32> = left.iter().map(|index| scores[*index]).collect();
    softmax(&mut probabilities);
    let entropy: f32 = probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    let distance = |place: usize| (-probabilities[place].ln() - entropy).abs();
    let mut order: Vec<usize> = (0..left.len()).collect();
    order.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let mut cumulative = 0.0_f64;
    let last = order.iter().position(|place| {
        cumulative += f64::from(probabilities[*place]);
        cumulative >= p
    });
    let Some(farthest) = last.map(|last| distance(order[last])) else { return };
    for place in order {
        if distance(place) > farthest {
            scores[left[place]] = f32::NEG_INFINITY;
        }
    }
}

/// Applies the steps that greedy and beam search share with sampling.
pub(crate) fn penalise(scores: &mut [f32], ids: &[u32], decoding: &Decoding) {
    repetition_penalty(scores, ids, decoding.repetition_penalty);
    no_repeat_ngram(scores, ids, decoding.no_repeat_ngram);
}

/// Applies all steps of sampling.
pub(crate) fn process(scores: &mut [f32], ids: &[u32], decoding: &Decoding) {
    penalise(scores, ids, decoding);
    temperature(scores, decoding.temperature);
    top_k(scores, decoding.top_k);
    top_p(scores, decoding.top_p);
    min_p(scores, decoding.min_p);
    typical_p(scores, decoding.typical_p);
}

/// Returns the index of the largest score, the first one of equals.
pub(crate) fn argmax(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}
