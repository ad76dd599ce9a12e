//! The tokens that may be drawn next, and the steps of sampling that shorten the list, in transformers' order:
//! temperature, top-k, top-p, min-p, typical sampling.
//!
//! A vocabulary has fifty thousand tokens, of which these steps leave a few dozen. None of them sorts the vocabulary:
//! the best are found through the maxima of small groups, and only the list of what is left is sorted.

use super::decoding_settings::Decoding;
use super::ops::softmax;
use pregonero_kernels::{maximum, wide};

/// Scores whose largest is found in one go: those of one lane in a block of rows.
const GROUP: usize = 16;
const LANES: usize = 32;

/// Lists of at least this length are not sorted as a whole.
const LONG: usize = 1024;

/// Tokens with their scores, in the order of their ids. None has the score negative infinity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shortlist {
    ids: Vec<u32>,
    scores: Vec<f32>,
}

impl Shortlist {
    /// Takes all steps of sampling on one row of scores.
    pub(crate) fn new(scores: &[f32], decoding: &Decoding) -> Self {
        let mut list = Self::best(scores, decoding.top_k, decoding.temperature);
        list.top_p(decoding.top_p);
        list.min_p(decoding.min_p);
        list.typical_p(decoding.typical_p);
        list
    }

    /// Divides by the temperature and keeps the `k` best, and those equal to the lowest of them; all if `k` is 0.
    pub(crate) fn best(scores: &[f32], k: usize, temperature: f64) -> Self {
        let cuts = k > 0 && k < scores.len();
        let mut list = if cuts { Self::from_bound(scores, k) } else { Self::from(scores) };
        if temperature != 1.0 {
            let temperature = temperature as f32;
            list.scores.iter_mut().for_each(|score| *score /= temperature);
        }
        if cuts && list.scores.len() > k {
            let mut sorted = list.scores.clone();
            let (_, threshold, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
            let threshold = *threshold;
            list.retain(|_, score| score >= threshold);
        }
        list
    }

    fn from(scores: &[f32]) -> Self {
        let left = (0_u32..).zip(scores).filter(|(_, score)| score.is_finite());
        let (ids, scores) = left.map(|(id, score)| (id, *score)).unzip();
        Self { ids, scores }
    }

    /// Takes at least the `k` best scores, and those that a division could make equal to the lowest of them.
    fn from_bound(scores: &[f32], k: usize) -> Self {
        let maxima = group_maxima(scores);
        if k > maxima.len() {
            return Self::from(scores);
        }
        // Each of the k largest maxima is a score, so the k-th largest score is no lower.
        let mut sorted = maxima.clone();
        let (_, bound, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        let bound = *bound - bound.abs() * 1e-6;
        let mut left: Vec<(u32, f32)> = Vec::new();
        for (group, _) in maxima.iter().enumerate().filter(|(_, largest)| **largest >= bound) {
            let members = members(group, scores.len()).map(|id| (id as u32, scores[id]));
            left.extend(members.filter(|(_, score)| *score >= bound && score.is_finite()));
        }
        left.sort_unstable_by_key(|(id, _)| *id);
        let (ids, scores) = left.into_iter().unzip();
        Self { ids, scores }
    }

    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(crate) fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Keeps the tokens, by place and score, that `keep` approves.
    fn retain(&mut self, keep: impl Fn(usize, f32) -> bool) {
        let mut kept = 0;
        for place in 0..self.ids.len() {
            if keep(place, self.scores[place]) {
                (self.ids[kept], self.scores[kept]) = (self.ids[place], self.scores[place]);
                kept += 1;
            }
        }
        self.ids.truncate(kept);
        self.scores.truncate(kept);
    }

    /// Keeps the smallest set of best tokens whose probabilities sum to at least `p` (Holtzman et al. 2020,
    /// arXiv:1904.09751).
    pub(crate) fn top_p(&mut self, p: f64) {
        if p >= 1.0 {
            return;
        }
        if self.scores.len() >= LONG {
            return self.top_p_of_many(p);
        }
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*a].total_cmp(&self.scores[*b]));
        let mut probabilities: Vec<f32> = order.iter().map(|place| self.scores[*place]).collect();
        softmax(&mut probabilities);
        let mut cumulative = 0.0_f64;
        let mut dropped = vec![false; order.len()];
        for (place, probability) in order.iter().zip(&probabilities).take(order.len().saturating_sub(1)) {
            cumulative += f64::from(*probability);
            dropped[*place] = cumulative <= 1.0 - p;
        }
        self.retain(|place, _| !dropped[place]);
    }

    /// Does what [`Self::top_p`] does, from the best token down, and looks only at as many as it needs.
    fn top_p_of_many(&mut self, p: f64) {
        let mut probabilities = self.scores.clone();
        wide(
            #[inline(always)]
            || softmax(&mut probabilities),
        );
        let total: f64 = probabilities.iter().map(|probability| f64::from(*probability)).sum();
        let mut looked_at = LONG / 4;
        loop {
            let best = Self::from_bound(&self.scores, looked_at);
            let mut order: Vec<usize> = best.ids.iter().map(|place| *place as usize).collect();
            // Of equal scores, those with the higher ids stay longer, as in a sort from the lowest up.
            order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]).then(b.cmp(a)));
            let mut left = total;
            let end = order.iter().position(|place| {
                let ends = left <= 1.0 - p;
                left -= f64::from(probabilities[*place]);
                ends
            });
            if let Some(count) =
                end.map(|count| count.max(1)).or((order.len() == self.scores.len()).then_some(order.len()))
            {
                let mut kept = vec![false; self.scores.len()];
                order[..count].iter().for_each(|place| kept[*place] = true);
                return self.retain(|place, _| kept[place]);
            }
            looked_at *= 4;
        }
    }

    /// Keeps the tokens that are at least `p` times as likely as the likeliest one (Nguyen et al. 2025,
    /// arXiv:2407.01082).
    pub(crate) fn min_p(&mut self, p: f64) {
        if p <= 0.0 {
            return;
        }
        let best = wide(
            #[inline(always)]
            || maximum(&self.scores),
        );
        // What is clearly below needs no exponential.
        let clear = p.ln() - 1e-3;
        self.retain(|_, score| {
            let distance = f64::from(score - best);
            distance >= clear && distance.exp() >= p
        });
    }

    /// Keeps the smallest set of tokens whose probabilities sum to at least `p`, starting with those whose surprise is
    /// nearest to the distribution's entropy (Meister et al. 2023, arXiv:2202.00666).
    pub(crate) fn typical_p(&mut self, p: f64) {
        if p >= 1.0 {
            return;
        }
        let mut probabilities = self.scores.clone();
        softmax(&mut probabilities);
        let entropy: f32 = probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        let distances: Vec<f32> = probabilities.iter().map(|probability| (-probability.ln() - entropy).abs()).collect();
        let mut order: Vec<usize> = (0..distances.len()).collect();
        order.sort_by(|a, b| distances[*a].total_cmp(&distances[*b]));
        let mut cumulative = 0.0_f64;
        let last = order.iter().position(|place| {
            cumulative += f64::from(probabilities[*place]);
            cumulative >= p
        });
        let Some(farthest) = last.map(|last| distances[order[last]]) else { return };
        self.retain(|place, _| distances[place] <= farthest);
    }
}

/// Returns the largest score of every group: lane by lane of each block of `GROUP` rows of `LANES` scores.
fn group_maxima(scores: &[f32]) -> Vec<f32> {
    let mut maxima = vec![f32::NEG_INFINITY; scores.len().div_ceil(GROUP * LANES) * LANES];
    wide(
        #[inline(always)]
        || {
            for (maxima, block) in maxima.chunks_exact_mut(LANES).zip(scores.chunks(GROUP * LANES)) {
                for row in block.chunks(LANES) {
                    for (largest, score) in maxima.iter_mut().zip(row) {
                        *largest = if *score > *largest { *score } else { *largest };
                    }
                }
            }
        },
    );
    maxima
}

/// Returns the places of a group's scores.
fn members(group: usize, count: usize) -> impl Iterator<Item = usize> {
    let first = group / LANES * GROUP * LANES + group % LANES;
    (first..count.min((group / LANES + 1) * GROUP * LANES)).step_by(LANES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores between -8 and 8, many of them equal, some of them excluded.
    fn scores(count: usize, seed: u32) -> Vec<f32> {
        let score = |i: u32| match i.wrapping_mul(2_654_435_761) ^ seed {
            noise if noise % 11 == 0 => f32::NEG_INFINITY,
            noise => (noise >> 20) as f32 / 256.0 - 8.0,
        };
        (0..count as u32).map(score).collect()
    }

    /// What a sort of the whole vocabulary keeps.
    fn by_sorting(scores: &[f32], k: usize, temperature: f64, p: f64) -> Vec<u32> {
        let scaled: Vec<f32> = scores.iter().map(|score| score / temperature as f32).collect();
        let mut sorted = scaled.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let threshold = if k == 0 { f32::NEG_INFINITY } else { sorted[k - 1] };
        let mut order: Vec<usize> =
            (0..scores.len()).filter(|id| scaled[*id] >= threshold && scaled[*id].is_finite()).collect();
        order.sort_by(|a, b| scaled[*a].total_cmp(&scaled[*b]));
        let weight = |id: &usize| f64::from(scaled[*id] - sorted[0]).exp();
        let total: f64 = order.iter().map(weight).sum();
        let mut cumulative = 0.0;
        let dropped = order.iter().take(order.len() - 1).take_while(|id| {
            cumulative += weight(id) / total;
            cumulative <= 1.0 - p
        });
        let dropped = dropped.count();
        let mut kept: Vec<u32> = order[dropped..].iter().map(|id| *id as u32).collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn what_is_kept_is_what_a_sort_of_the_vocabulary_keeps() {
        for (count, seed) in [(1, 1), (33, 2), (512, 3), (5_000, 4), (50_257, 5)] {
            let scores = scores(count, seed);
            for k in [0, 1, 2, 50, 400, 3_000].into_iter().filter(|k| *k < count) {
                for (temperature, p) in [(1.0, 1.0), (0.7, 0.95), (1.3, 0.5), (0.9, 0.001), (20.0, 0.99)] {
                    let mut list = Shortlist::best(&scores, k, temperature);
                    list.top_p(p);
                    let want = by_sorting(&scores, k, temperature, p);
                    assert_eq!(list.ids(), want, "{count} tokens, top-k {k}, temperature {temperature}, top-p {p}");
                    assert!(
                        list.ids()
                            .iter()
                            .zip(list.scores())
                            .all(|(id, score)| { *score == scores[*id as usize] / temperature as f32 })
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_without_any_token_gives_an_empty_list() {
        let mut list = Shortlist::best(&[f32::NEG_INFINITY; 600], 5, 0.7);
        list.top_p(0.9);
        list.min_p(0.1);
        list.typical_p(0.5);
        assert_eq!(list, Shortlist { ids: Vec::new(), scores: Vec::new() });
    }
}
