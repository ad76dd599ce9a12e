//! The first steps that change the next token's scores before one is chosen, in transformers' order: repetition
//! penalty and no-repeat n-gram. `shortlist.rs` has those that only sampling takes.
//!
//! Scores are one row `[vocabulary]`; those of tokens that must not be chosen become negative infinity.

use std::collections::HashSet;

use super::decoding_settings::Decoding;

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

/// Applies the steps that greedy and beam search share with sampling.
pub(crate) fn penalise(scores: &mut [f32], ids: &[u32], decoding: &Decoding) {
    repetition_penalty(scores, ids, decoding.repetition_penalty);
    no_repeat_ngram(scores, ids, decoding.no_repeat_ngram);
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
