//! Picks the candidate that goes on: the best-scored one that the gates let through.

use crate::tweet::{Judged, Verdict};

/// The candidate a round goes on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    judged: Judged,
    index: usize,
}

impl Chosen {
    /// The candidate and what was said of it.
    #[must_use]
    pub fn judged(&self) -> &Judged {
        &self.judged
    }

    /// Its place among the round's candidates, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether a gate asked for a person.
    #[must_use]
    pub fn needs_review(&self) -> bool {
        self.judged.verdict() == Verdict::Review
    }
}

/// The best-scored candidate that passes every gate; where none does and `queue_reviews` is set, the best-scored one
/// whose worst verdict is `review`. Ties go to the earlier candidate, so that a replay chooses the same.
#[must_use]
pub fn select(judged: &[Judged], queue_reviews: bool) -> Option<Chosen> {
    let best = |wanted: Verdict| {
        judged
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.verdict() == wanted)
            .max_by(|(a, left), (b, right)| left.score.total_cmp(&right.score).then(b.cmp(a)))
    };
    best(Verdict::Pass)
        .or_else(|| if queue_reviews { best(Verdict::Review) } else { None })
        .map(|(index, judged)| Chosen { judged: judged.clone(), index })
}
