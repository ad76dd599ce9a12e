//! The kernels of x86: AMX tiles, AVX-512 VNNI, AVX-VNNI and AVX2.
//!
//! All but the last multiply unsigned with signed bytes and get activations that are shifted by 128. AVX2 adds pairs
//! of products in 16 bits, which would saturate with unsigned bytes above 127: it moves the sign of the activation to
//! the weight instead, so that a pair is at most 2 · 127 · 127 and the sum exact.

use std::arch::asm;
use std::arch::x86_64::{
    _MM_HINT_T0, _mm_prefetch, _mm256_abs_epi8, _mm256_add_epi32, _mm256_dpbusd_avx_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_sign_epi8, _mm256_storeu_si256, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::{Block, LANES};
use crate::tiles::{TileSizes, system_allows_tiles};

/// Bytes of a panel for four inputs.
const STEP: usize = 4 * LANES;
/// How many bytes the prefetch is ahead of the weights in use.
const AHEAD: usize = 8 * STEP;

/// Splits the rows into groups of at most `$most` and calls `$kernel::<N>` on each with pointers to the group's rows
/// and totals.
macro_rules! by_groups {
    ($x:expr, $totals:expr, $most:literal, |$rows:ident, $sums:ident| $($count:literal => $kernel:expr),+) => {
        for (rows, totals) in $x.values.chunks($most * $x.depth).zip($totals.chunks_mut($most)) {
            let ($rows, $sums) = (rows.as_ptr(), totals.as_mut_ptr().cast::<i32>());
            match totals.len() {
                $($count => $kernel,)+
                _ => unreachable!("a group has at most {} rows", $most),
            }
        }
    };
}

/// # Safety
/// Requires AVX-512 with VNNI; the panel must be as deep as the rows, and there must be one total per row.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn avx512(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    check(x, panel, totals);
    // SAFETY: the features are the caller's, the sizes are checked.
    unsafe {
        by_groups!(x, totals, 6, |rows, sums|
            1 => avx512_rows::<1>(rows, x.depth, panel, sums),
            2 => avx512_rows::<2>(rows, x.depth, panel, sums),
            3 => avx512_rows::<3>(rows, x.depth, panel, sums),
            4 => avx512_rows::<4>(rows, x.depth, panel, sums),
            5 => avx512_rows::<5>(rows, x.depth, panel, sums),
            6 => avx512_rows::<6>(rows, x.depth, panel, sums));
    }
}

/// # Safety
/// As [`avx512`], for `N` rows.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn avx512_rows<const N: usize>(x: *const u8, depth: usize, panel: &[i8], sums: *mut i32) {
    let mut totals = [[_mm512_setzero_si512(); 4]; N];
    let mut weights = panel.as_ptr();
    for input in (0..depth).step_by(4) {
        for line in 0..4 {
            _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD + line * 64));
        }
        // SAFETY: a step has 256 weights and four values of each row.
        unsafe {
            let columns: [_; 4] = std::array::from_fn(|part| _mm512_loadu_si512(weights.add(part * 64).cast()));
            for (row, totals) in totals.iter_mut().enumerate() {
                let values = _mm512_set1_epi32(x.add(row * depth + input).cast::<i32>().read_unaligned());
                for (total, columns) in totals.iter_mut().zip(columns) {
                    *total = _mm512_dpbusd_epi32(*total, values, columns);
                }
            }
            weights = weights.add(STEP);
        }
    }
    for (part, total) in totals.into_iter().flatten().enumerate() {
        // SAFETY: there are 64 totals for each of the rows.
        unsafe { _mm512_storeu_si512(sums.add(part * 16).cast(), total) };
    }
}

/// # Safety
/// As [`avx512`], with AVX-VNNI.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn avx_vnni(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    check(x, panel, totals);
    // SAFETY: the features are the caller's, the sizes are checked.
    unsafe {
        by_groups!(x, totals, 3, |rows, sums|
            1 => avx_vnni_rows::<1>(rows, x.depth, panel, sums),
            2 => avx_vnni_rows::<2>(rows, x.depth, panel, sums),
            3 => avx_vnni_rows::<3>(rows, x.depth, panel, sums));
    }
}

/// # Safety
/// As [`avx_vnni`], for `N` rows.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn avx_vnni_rows<const N: usize>(x: *const u8, depth: usize, panel: &[i8], sums: *mut i32) {
    for half in 0..2 {
        let mut totals = [[_mm256_setzero_si256(); 4]; N];
        let mut weights = panel.as_ptr().wrapping_add(half * STEP / 2);
        for input in (0..depth).step_by(4) {
            for line in 0..2 {
                _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD + line * 64));
            }
            // SAFETY: a step has 256 weights, of which this half is 128, and four values of each row.
            unsafe {
                for (row, totals) in totals.iter_mut().enumerate() {
                    let values = _mm256_set1_epi32(x.add(row * depth + input).cast::<i32>().read_unaligned());
                    for (part, total) in totals.iter_mut().enumerate() {
                        let columns = _mm256_loadu_si256(weights.add(part * 32).cast());
                        *total = _mm256_dpbusd_avx_epi32(*total, values, columns);
                    }
                }
            }
            weights = weights.wrapping_add(STEP);
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (part, total) in totals.into_iter().enumerate() {
                // SAFETY: there are 64 totals for each of the rows.
                unsafe { _mm256_storeu_si256(sums.add(row * LANES + half * 32 + part * 8).cast(), total) };
            }
        }
    }
}

/// # Safety
/// As [`avx512`], with AVX2; activations are not shifted.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn avx2(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    check(x, panel, totals);
    // SAFETY: the feature is the caller's, the sizes are checked.
    unsafe {
        by_groups!(x, totals, 2, |rows, sums|
            1 => avx2_rows::<1>(rows, x.depth, panel, sums),
            2 => avx2_rows::<2>(rows, x.depth, panel, sums));
    }
}

/// # Safety
/// As [`avx2`], for `N` rows.
#[target_feature(enable = "avx2")]
unsafe fn avx2_rows<const N: usize>(x: *const u8, depth: usize, panel: &[i8], sums: *mut i32) {
    let ones = _mm256_set1_epi16(1);
    for half in 0..2 {
        let mut totals = [[_mm256_setzero_si256(); 4]; N];
        let mut weights = panel.as_ptr().wrapping_add(half * STEP / 2);
        for input in (0..depth).step_by(4) {
            for line in 0..2 {
                _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD + line * 64));
            }
            // SAFETY: a step has 256 weights, of which this half is 128, and four values of each row.
            unsafe {
                let columns: [_; 4] = std::array::from_fn(|part| _mm256_loadu_si256(weights.add(part * 32).cast()));
                for (row, totals) in totals.iter_mut().enumerate() {
                    let values = _mm256_set1_epi32(x.add(row * depth + input).cast::<i32>().read_unaligned());
                    let magnitudes = _mm256_abs_epi8(values);
                    for (total, columns) in totals.iter_mut().zip(columns) {
                        let pairs = _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(columns, values));
                        *total = _mm256_add_epi32(*total, _mm256_madd_epi16(pairs, ones));
                    }
                }
            }
            weights = weights.wrapping_add(STEP);
        }
        for (row, totals) in totals.into_iter().enumerate() {
            for (part, total) in totals.into_iter().enumerate() {
                // SAFETY: there are 64 totals for each of the rows.
                unsafe { _mm256_storeu_si256(sums.add(row * LANES + half * 32 + part * 8).cast(), total) };
            }
        }
    }
}

/// Rows from which on tiles are faster than vectors.
const TILE_ROWS: usize = 4;

/// Returns whether the processor has tiles for int8 and the system lets this process use them.
pub(super) fn has_tiles() -> bool {
    // Leaf 7, EDX: bit 24 is AMX-TILE, bit 25 AMX-INT8 (Intel SDM, CPUID).
    let leaf = std::arch::x86_64::__cpuid_count(7, 0);
    leaf.edx & (1 << 24) != 0 && leaf.edx & (1 << 25) != 0 && system_allows_tiles()
}

/// Multiplies by tiles; few rows by AVX-512 VNNI, which every processor with tiles has.
///
/// # Safety
/// As [`avx512`], with AMX-INT8 that the system allows.
pub(super) unsafe fn amx(x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
    check(x, panel, totals);
    if totals.len() < TILE_ROWS {
        // SAFETY: as the caller promises.
        return unsafe { avx512(x, panel, totals) };
    }
    for (rows, totals) in x.values.chunks(16 * x.depth).zip(totals.chunks_mut(16)) {
        let count = totals.len() as u8;
        // Tiles 0 to 3 are the sums, 4 the rows, 5 the weights.
        let sizes = TileSizes::with_rows([count, count, count, count, count, 16, 0, 0]);
        // SAFETY: the loop reads 64 values of each row and 16 steps of the panel a turn, as many turns as there are;
        // the sums are rows of 64 values.
        unsafe {
            asm!(
                "ldtilecfg [{sizes}]",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{x} + {depth} * 1]",
                "tileloadd tmm5, [{panel} + {step} * 1]",
                "tdpbusd tmm0, tmm4, tmm5",
                "tileloadd tmm5, [{panel} + {step} * 1 + 64]",
                "tdpbusd tmm1, tmm4, tmm5",
                "tileloadd tmm5, [{panel} + {step} * 1 + 128]",
                "tdpbusd tmm2, tmm4, tmm5",
                "tileloadd tmm5, [{panel} + {step} * 1 + 192]",
                "tdpbusd tmm3, tmm4, tmm5",
                "add {x}, 64",
                "add {panel}, 4096",
                "dec {turns}",
                "jnz 2b",
                "tilestored [{sums} + {step} * 1], tmm0",
                "tilestored [{sums} + {step} * 1 + 64], tmm1",
                "tilestored [{sums} + {step} * 1 + 128], tmm2",
                "tilestored [{sums} + {step} * 1 + 192], tmm3",
                "tilerelease",
                sizes = in(reg) &raw const sizes,
                x = inout(reg) rows.as_ptr() => _,
                depth = in(reg) x.depth,
                panel = inout(reg) panel.as_ptr() => _,
                step = in(reg) STEP,
                turns = inout(reg) x.depth / 64 => _,
                sums = in(reg) totals.as_mut_ptr(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                options(nostack)
            );
        }
    }
}

fn check(x: Block<'_>, panel: &[i8], totals: &[[i32; LANES]]) {
    assert!(
        x.depth > 0 && x.depth.is_multiple_of(super::DEPTH) && panel.len() == x.depth * LANES,
        "a panel is as deep as the rows"
    );
    assert!(x.values.len() == totals.len() * x.depth, "there is one total per row");
}
