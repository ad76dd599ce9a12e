//! Attention of one query over keys and values that are stored in f16, which halves what a long text reads and keeps.
//!
//! Sums run in 16 fixed lanes without fused operations: every processor returns the same bits.

use half::f16;
use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};

#[cfg(target_arch = "x86_64")]
use crate::processor::{Vectors, vectors};
use crate::{exponentials, maximum};

/// Lanes that a dot product is split into.
const LANES: usize = 16;

/// Writes the values in f16, ties to even; the largest finite value for larger ones.
pub fn to_halves(values: &[f32], out: &mut [u16]) {
    const LARGEST: f32 = 65_504.0;
    let mut finite = [0.0; 64];
    for (values, out) in values.chunks(finite.len()).zip(out.chunks_mut(finite.len())) {
        let finite = &mut finite[..values.len()];
        finite.iter_mut().zip(values).for_each(|(finite, value)| *finite = value.clamp(-LARGEST, LARGEST));
        out.reinterpret_cast_mut::<f16>().convert_from_f32_slice(finite);
    }
}

/// Computes the attention of `query` over `keys` and `values`, `[seen][width]` in f16, head by head: `out` is
/// `[width]`. `scale` multiplies the products of queries and keys.
pub fn attend(query: &[f32], keys: &[u16], values: &[u16], (heads, scale): (usize, f32), out: &mut [f32]) {
    assert!(keys.len() == values.len() && keys.len().is_multiple_of(query.len()) && out.len() == query.len());
    let mut weights = vec![0.0; heads * (keys.len() / query.len())];
    let attention = Attention { query, keys, values, heads, scale };
    #[cfg(target_arch = "x86_64")]
    match vectors() {
        // SAFETY: the processor has these vectors.
        Vectors::Avx512 => return unsafe { x86::avx512(attention, &mut weights, out) },
        // SAFETY: the processor has these vectors.
        Vectors::Avx2 => return unsafe { x86::avx2(attention, &mut weights, out) },
        Vectors::Portable => {}
    }
    attention.compute(portable, &mut weights, out);
}

#[derive(Clone, Copy)]
struct Attention<'a> {
    query: &'a [f32],
    keys: &'a [u16],
    values: &'a [u16],
    heads: usize,
    scale: f32,
}

impl Attention<'_> {
    #[inline(always)]
    fn compute(self, widen: impl Fn(&[u16; LANES]) -> [f32; LANES] + Copy, weights: &mut [f32], out: &mut [f32]) {
        let width = self.query.len();
        let (head, seen) = (width / self.heads, weights.len() / self.heads);
        for (place, key) in self.keys.chunks_exact(width).enumerate() {
            for (index, (query, key)) in self.query.chunks_exact(head).zip(key.chunks_exact(head)).enumerate() {
                weights[index * seen + place] = self.scale * dot(query, key, widen);
            }
        }
        for weights in weights.chunks_exact_mut(seen) {
            let factor = 1.0 / exponentials(weights, maximum(weights));
            weights.iter_mut().for_each(|weight| *weight *= factor);
        }
        out.fill(0.0);
        for (place, value) in self.values.chunks_exact(width).enumerate() {
            for (index, (out, value)) in out.chunks_exact_mut(head).zip(value.chunks_exact(head)).enumerate() {
                add_scaled(out, weights[index * seen + place], value, widen);
            }
        }
    }
}

#[inline(always)]
fn dot(left: &[f32], right: &[u16], widen: impl Fn(&[u16; LANES]) -> [f32; LANES]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let ((lefts, left), (rights, right)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    for (left, right) in lefts.iter().zip(rights) {
        let right = widen(right);
        for ((lane, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *lane += left * right;
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0] + left.iter().zip(right).map(|(left, right)| left * widened(*right)).sum::<f32>()
}

#[inline(always)]
fn add_scaled(out: &mut [f32], weight: f32, values: &[u16], widen: impl Fn(&[u16; LANES]) -> [f32; LANES]) {
    let ((outs, out), (chunks, rest)) = (out.as_chunks_mut::<LANES>(), values.as_chunks::<LANES>());
    for (out, values) in outs.iter_mut().zip(chunks) {
        for (out, value) in out.iter_mut().zip(widen(values)) {
            *out += weight * value;
        }
    }
    for (out, value) in out.iter_mut().zip(rest) {
        *out += weight * widened(*value);
    }
}

/// Returns the value of a finite f16: its bits moved into an f32's place, whose exponent is then 112 too small.
#[inline(always)]
fn widened(half: u16) -> f32 {
    let magnitude = f32::from_bits((u32::from(half) & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | (u32::from(half) & 0x8000) << 16)
}

#[inline(always)]
fn portable(halves: &[u16; LANES]) -> [f32; LANES] {
    std::array::from_fn(|lane| widened(halves[lane]))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_cvtph_ps, _mm256_loadu_si256, _mm256_storeu_ps, _mm512_cvtph_ps, _mm512_storeu_ps,
    };

    use super::{Attention, LANES};

    /// # Safety
    /// Requires AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn avx512(attention: Attention<'_>, weights: &mut [f32], out: &mut [f32]) {
        attention.compute(
            #[inline(always)]
            |halves: &[u16; LANES]| {
                let mut values = [0.0; LANES];
                // SAFETY: 16 values of 16 bits are read, 16 of 32 bits are written.
                unsafe {
                    let wide = _mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast()));
                    _mm512_storeu_ps(values.as_mut_ptr(), wide);
                }
                values
            },
            weights,
            out,
        );
    }

    /// # Safety
    /// Requires AVX2 and F16C.
    #[target_feature(enable = "avx2,f16c")]
    pub(super) unsafe fn avx2(attention: Attention<'_>, weights: &mut [f32], out: &mut [f32]) {
        attention.compute(
            #[inline(always)]
            |halves: &[u16; LANES]| {
                let mut values = [0.0; LANES];
                for part in [0, 8] {
                    // SAFETY: 8 values of 16 bits are read, 8 of 32 bits are written.
                    unsafe {
                        let wide = _mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().add(part).cast()));
                        _mm256_storeu_ps(values.as_mut_ptr().add(part), wide);
                    }
                }
                values
            },
            weights,
            out,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 8e6 - 1.0).collect()
    }

    #[test]
    fn a_half_is_read_as_the_library_reads_it() {
        for bits in (0..=u16::MAX).filter(|bits| f16::from_bits(*bits).is_finite()) {
            assert_eq!(widened(bits).to_bits(), f16::from_bits(bits).to_f32().to_bits(), "{bits:#x}");
        }
        let mut halves = [0; 100];
        let values: Vec<f32> = (0..100).map(|i| [1e9, -1e9, 0.1, 1e-6, 0.333_333][i % 5]).collect();
        to_halves(&values, &mut halves);
        assert_eq!((halves[0], halves[1]), (f16::MAX.to_bits(), f16::MIN.to_bits()));
        let alone = values.iter().skip(2).step_by(5).zip(halves.iter().skip(2).step_by(5));
        assert!(alone.into_iter().all(|(value, half)| f16::from_f32(*value).to_bits() == *half));
    }

    #[test]
    fn attention_is_that_of_plain_sums_and_every_vector_gives_the_same_bits() {
        for (width, heads, seen) in [(64, 4, 7), (60, 3, 1), (40, 8, 33), (768, 12, 70)] {
            let (query, keys, cached) = (values(width, 1), values(width * seen, 2), values(width * seen, 3));
            let halves = |values: &[f32]| {
                let mut halves = vec![0; values.len()];
                to_halves(values, &mut halves);
                halves
            };
            let (keys, cached) = (halves(&keys), halves(&cached));
            let mut out = vec![9.0; width];
            attend(&query, &keys, &cached, (heads, 0.3), &mut out);
            let attention = Attention { query: &query, keys: &keys, values: &cached, heads, scale: 0.3 };
            let mut again = vec![9.0; width];
            attention.compute(portable, &mut vec![0.0; heads * seen], &mut again);
            assert_eq!(out, again, "{width} in {heads} heads over {seen}");
            #[cfg(target_arch = "x86_64")]
            if vectors() >= Vectors::Avx2 {
                let mut narrow = vec![9.0; width];
                // SAFETY: the processor has these vectors.
                unsafe { x86::avx2(attention, &mut vec![0.0; heads * seen], &mut narrow) };
                assert_eq!(out, narrow, "{width} in {heads} heads over {seen}");
            }
            let head = width / heads;
            let at = |halves: &[u16], place: usize, lane: usize| {
                f64::from(f16::from_bits(halves[place * width + lane]).to_f32())
            };
            for (lane, got) in out.iter().enumerate() {
                let first = lane / head * head;
                let score = |place: usize| {
                    let sum: f64 = (first..first + head).map(|k| f64::from(query[k]) * at(&keys, place, k)).sum();
                    (0.3 * sum).exp()
                };
                let total: f64 = (0..seen).map(score).sum();
                let want: f64 = (0..seen).map(|place| score(place) / total * at(&cached, place, lane)).sum();
                assert!((f64::from(*got) - want).abs() < 1e-5, "{got} is not {want}");
            }
        }
    }
}
