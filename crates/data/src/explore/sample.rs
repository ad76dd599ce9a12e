//! A random sample of the posts: of each post, a number drawn from its place decides, so the same data give the same sample.

use std::collections::BinaryHeap;

use pregonero_text::hashing::splitmix64;

/// A post of the sample.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SampledPost {
    /// The number drawn; the sample has the lowest ones.
    drawn: u64,
    pub(super) cell: u16,
    pub(super) day: Option<i32>,
    pub text: Box<str>,
}

/// The sample so far.
#[derive(Debug)]
pub(super) struct Sample {
    most: usize,
    seen: u64,
    posts: BinaryHeap<SampledPost>,
}

impl Sample {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: 0, posts: BinaryHeap::new() }
    }

    pub(super) fn offer(&mut self, text: &str, cell: u16, day: Option<i32>) {
        let drawn = splitmix64(self.seen);
        self.seen += 1;
        let is_full = self.posts.len() == self.most;
        if is_full && self.posts.peek().is_none_or(|last| last.drawn <= drawn) {
            return;
        }
        if is_full {
            self.posts.pop();
        }
        self.posts.push(SampledPost { drawn, cell, day, text: text.into() });
    }

    /// Returns the sampled posts in the order of their draw.
    pub(super) fn into_posts(self) -> Vec<SampledPost> {
        self.posts.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(most: usize, of: u32) -> Vec<u32> {
        let mut sample = Sample::new(most);
        (0..of).for_each(|place| sample.offer(&place.to_string(), 0, None));
        sample.into_posts().into_iter().map(|post| post.text.parse().unwrap()).collect()
    }

    #[test]
    fn few_posts_are_all_in_the_sample_and_of_many_every_part_is_in_it_alike() {
        let mut all = sampled(100, 40);
        all.sort_unstable();
        assert_eq!(all, (0..40).collect::<Vec<_>>());
        assert!(sampled(0, 40).is_empty());
        let some = sampled(1000, 10_000);
        assert_eq!(some.len(), 1000);
        for tenth in 0..10 {
            let share = some.iter().filter(|place| **place / 1000 == tenth).count();
            assert!((70..=130).contains(&share), "{share} of 100 expected");
        }
        assert_eq!(some, sampled(1000, 10_000));
        assert_eq!(some[..100], sampled(100, 10_000), "a smaller sample is the beginning of a larger one");
    }
}
