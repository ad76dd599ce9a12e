//! Picks a round's candidate: the one with the highest rank among those that the gates let through.
//!
//! A candidate's rank is computed when it is judged ([`crate::judge`]): from how well it reads, the sentiment's score, or
//! both. Candidates that begin like a recent post rank after all others.

pub(crate) mod repeated;
mod settings;

use std::cmp::Ordering;

use pregonero_tweet::{Judged, Verdict};

pub use self::settings::{Rank, SelectionKeys, SelectionSettings};

/// The candidate that a round continues with.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    judged: Judged,
    index: usize,
}

impl Chosen {
    /// Returns the candidate with its verdicts and scores.
    #[must_use]
    pub fn judged(&self) -> &Judged {
        &self.judged
    }

    /// Returns its position among the round's candidates, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns whether a gate asked for a person's review.
    #[must_use]
    pub fn needs_review(&self) -> bool {
        self.judged.verdict() == Verdict::Review
    }
}

/// Returns the candidate with the highest rank that passes every gate. If none does and `queue_reviews` is set,
/// returns the one with the highest rank whose worst verdict is `review`. Ties go to the earlier candidate, so that a
/// replay chooses the same.
#[must_use]
pub fn select(judged: &[Judged], queue_reviews: bool) -> Option<Chosen> {
    best_by(judged, queue_reviews, Judged::compare_rank).map(|index| Chosen { judged: judged[index].clone(), index })
}

/// Returns the position of the candidate that [`select`] would take if `compare` ranked them.
pub fn best_by(
    judged: &[Judged],
    queue_reviews: bool,
    compare: impl Fn(&Judged, &Judged) -> Ordering,
) -> Option<usize> {
    let best = |wanted: Verdict| {
        judged
            .iter()
            .enumerate()
            .filter(|(_, candidate)| candidate.verdict() == wanted)
            .max_by(|(a, left), (b, right)| compare(left, right).then(b.cmp(a)))
            .map(|(index, _)| index)
    };
    best(Verdict::Pass).or_else(|| if queue_reviews { best(Verdict::Review) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregonero_tweet::testing::judged;

    fn candidate(verdict: Verdict, score: f32, rank: Option<f32>, fresh_opening: Option<bool>) -> Judged {
        let mut candidate = judged("Hoy llegan libros.", verdict, score);
        candidate.ranking.rank = rank;
        candidate.ranking.fresh_opening = fresh_opening;
        candidate
    }

    fn chosen(all: &[Judged], queue_reviews: bool) -> Option<usize> {
        select(all, queue_reviews).map(|chosen| chosen.index())
    }

    #[test]
    fn the_rank_decides_and_the_score_only_where_there_is_none() {
        use Verdict::{Pass, Reject, Review};
        let ranked = |verdict, score, rank| candidate(verdict, score, Some(rank), None);
        let all = [ranked(Pass, 0.9, 0.2), ranked(Reject, 0.9, 0.99), ranked(Pass, 0.7, 0.6), ranked(Review, 0.9, 0.9)];
        assert_eq!(chosen(&all, true), Some(2));
        assert_eq!(chosen(&all[3..], true), Some(0));
        assert_eq!(chosen(&all[3..], false), None);
        let old = [candidate(Pass, 0.7, None, None), candidate(Pass, 0.9, None, None)];
        assert_eq!(chosen(&old, false), Some(1));
    }

    #[test]
    fn ties_go_to_the_earlier_one() {
        let same = candidate(Verdict::Pass, 0.9, Some(0.5), Some(true));
        assert_eq!(chosen(&[same.clone(), same.clone(), same], false), Some(0));
    }

    #[test]
    fn an_opening_that_was_posted_is_taken_only_where_no_other_is_left() {
        let fresh = |rank, fresh| candidate(Verdict::Pass, 0.9, Some(rank), Some(fresh));
        assert_eq!(chosen(&[fresh(0.9, false), fresh(0.1, true), fresh(0.2, true)], false), Some(2));
        assert_eq!(chosen(&[fresh(0.3, false), fresh(0.9, false)], false), Some(1), "it is no rejection");
        let flagged = candidate(Verdict::Review, 0.9, Some(0.9), Some(true));
        assert_eq!(chosen(&[flagged, fresh(0.1, false)], true), Some(1), "a person is not asked for its sake");
    }
}
