//! Counts of any number of different things in bounded memory (lossy counting, Manku and Motwani 2002).
//!
//! Counts are exact until there are more things than the bound. Then the rarest ones are forgotten, and a count may be too
//! small by at most [`Tally::missed_at_most`], which the page states.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;

/// A map with a fast hash that is the same in every run.
pub(super) type FastMap<K, V> = HashMap<K, V, FixedState>;

/// Counts by key.
#[derive(Debug, Clone)]
pub(super) struct Tally<K> {
    counts: FastMap<K, u32>,
    most: usize,
    missed_at_most: u64,
    forgotten: u64,
}

impl<K: Hash + Eq> Tally<K> {
    /// Creates counts of at most `most` different keys.
    pub(super) fn new(most: usize) -> Self {
        Self { counts: FastMap::default(), most, missed_at_most: 0, forgotten: 0 }
    }

    pub(super) fn add(&mut self, key: K) {
        let count = self.counts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        if self.counts.len() > self.most {
            self.forget_the_rarest();
        }
    }

    /// Forgets keys until at most half of the bound is left.
    fn forget_the_rarest(&mut self) {
        let floor = floor_that_leaves(self.counts.values().copied(), self.most / 2);
        let before = self.counts.len();
        self.counts.retain(|_, count| *count > floor);
        self.forgotten += (before - self.counts.len()) as u64;
        self.missed_at_most += u64::from(floor);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.counts.iter().map(|(key, count)| (key, *count))
    }

    /// Returns by how much a count may be too small; 0 if all are exact.
    pub(super) fn missed_at_most(&self) -> u64 {
        self.missed_at_most
    }

    /// Returns how often a key was forgotten: at most so many are missing.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

impl Tally<Box<str>> {
    /// Does the same as [`Tally::add`], without an allocation for a text that is known.
    pub(super) fn add_text(&mut self, key: &str) {
        match self.counts.get_mut(key) {
            Some(count) => *count = count.saturating_add(1),
            None => self.add(key.into()),
        }
    }
}

/// Returns the least number such that at most `wanted` of the counts are above it.
pub(super) fn floor_that_leaves(counts: impl Iterator<Item = u32>, wanted: usize) -> u32 {
    let mut counts: Vec<u32> = counts.collect();
    if counts.len() <= wanted {
        return 0;
    }
    let place = counts.len() - wanted - 1;
    *counts.select_nth_unstable(place).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_within_the_bound() {
        let mut tally = Tally::new(3);
        [1, 2, 1, 3, 1, 2].into_iter().for_each(|key| tally.add(key));
        let mut counts: Vec<(u32, u32)> = tally.iter().map(|(key, count)| (*key, count)).collect();
        counts.sort_unstable();
        assert_eq!((counts, tally.missed_at_most(), tally.forgotten()), (vec![(1, 3), (2, 2), (3, 1)], 0, 0));
    }

    #[test]
    fn beyond_the_bound_frequent_things_stay_and_no_count_is_off_by_more_than_is_said() {
        let mut tally = Tally::new(100);
        let mut truth = HashMap::new();
        for place in 0..20_000_u32 {
            // Every third item is one of ten frequent ones, the others are all different.
            let key = if place % 3 == 0 { place % 10 } else { 1_000 + place };
            tally.add(key);
            *truth.entry(key).or_insert(0_u64) += 1;
            assert!(tally.iter().count() <= 100);
        }
        let missed = tally.missed_at_most();
        assert!(missed > 0);
        let missing = truth.len() - tally.iter().count();
        assert!(tally.forgotten() >= missing as u64, "{missing} keys are missing");
        for key in 0..10 {
            let count = tally.iter().find(|(other, _)| **other == key).map_or(0, |(_, count)| u64::from(count));
            assert!(count <= truth[&key] && count + missed >= truth[&key], "{key}: {count} of {}", truth[&key]);
        }
    }

    #[test]
    fn the_floor_leaves_no_more_than_wanted() {
        for (counts, wanted, floor) in [(&[1, 1, 2, 5][..], 2, 1), (&[3, 3, 3], 1, 3), (&[1, 2], 2, 0), (&[7], 0, 7)] {
            assert_eq!(floor_that_leaves(counts.iter().copied(), wanted), floor, "{counts:?}");
        }
    }
}
