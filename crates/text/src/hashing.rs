//! Hashes that are the same on every machine and in every version, and sets of them. Not meant to withstand an attacker.

use std::cmp::Ordering;

/// Returns FNV-1a over the bytes with murmur3's 64-bit finaliser. Its values are stored in files.
pub fn hash(seed: u64, pieces: &[impl AsRef<str>]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325 ^ seed;
    for piece in pieces {
        // A byte that UTF-8 never uses separates the pieces.
        for byte in piece.as_ref().bytes().chain([0xff]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Returns the output of SplitMix64 (Steele et al. 2014) for this state.
pub const fn splitmix64(state: u64) -> u64 {
    let mut z = state.wrapping_add(SPLITMIX64_STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What SplitMix64 adds to its state at each step.
pub const SPLITMIX64_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Returns the Jaccard index of two sets of `left` and `right` elements, of which `common` are in both: the size of
/// the intersection divided by that of the union, 0 for two empty sets.
#[must_use]
pub fn jaccard(common: usize, left: usize, right: usize) -> f64 {
    let union = left + right - common;
    if union == 0 { 0.0 } else { common as f64 / union as f64 }
}

/// Returns how many elements are in both of two lists that ascend without repeats.
pub fn shared<T: Ord>(left: &[T], right: &[T]) -> usize {
    let (mut at_left, mut at_right, mut common) = (0, 0, 0);
    while at_left < left.len() && at_right < right.len() {
        match left[at_left].cmp(&right[at_right]) {
            Ordering::Less => at_left += 1,
            Ordering::Greater => at_right += 1,
            Ordering::Equal => {
                common += 1;
                at_left += 1;
                at_right += 1;
            }
        }
    }
    common
}

/// A set as sorted hashes without repeats: small, and quick to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedSet<T>(Box<[T]>);

impl<T: Ord> FromIterator<T> for HashedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(hashes: I) -> Self {
        let mut hashes: Vec<T> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes.into())
    }
}

impl<T: Ord> HashedSet<T> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Returns the hashes, ascending.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Returns how many hashes are in both sets.
    pub fn shared(&self, other: &Self) -> usize {
        shared(&self.0, &other.0)
    }

    /// Returns the Jaccard index: the size of the intersection divided by that of the union; 0 for two empty sets.
    pub fn jaccard(&self, other: &Self) -> f64 {
        jaccard(self.shared(other), self.len(), other.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_the_published_numbers() {
        // The reference implementation (prng.di.unimi.it/splitmix64.c), starting from state 1234567.
        let numbers = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        for (index, expected) in numbers.into_iter().enumerate() {
            assert_eq!(
                splitmix64((index as u64).wrapping_mul(SPLITMIX64_STEP).wrapping_add(1_234_567)),
                expected,
                "{index}"
            );
        }
    }

    #[test]
    fn sets_know_what_they_share() {
        let set = |hashes: &[u64]| hashes.iter().copied().collect::<HashedSet<u64>>();
        let (one, other) = (set(&[5, 1, 3, 3, 9]), set(&[9, 2, 3]));
        assert_eq!((one.len(), other.len(), one.shared(&other)), (4, 3, 2));
        assert!((one.jaccard(&other) - 0.4).abs() < 1e-12);
        assert_eq!(set(&[]).jaccard(&set(&[])), 0.0);
        assert_eq!(set(&[]).jaccard(&one), 0.0);
    }
}
