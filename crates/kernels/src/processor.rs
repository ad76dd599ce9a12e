//! Which vectors the processor has, found out once.

use std::sync::atomic::{AtomicU8, Ordering};

/// The vectors that code is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vectors {
    /// What every processor of the target has.
    Portable,
    /// AVX2 with FMA and F16C (Intel Haswell, AMD Zen, and later).
    Avx2,
    /// AVX-512F.
    Avx512,
}

const UNKNOWN: u8 = u8::MAX;

static WIDEST: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Returns the widest vectors that the processor has, or those of [`limit`].
#[inline]
#[must_use]
pub fn vectors() -> Vectors {
    match WIDEST.load(Ordering::Relaxed) {
        0 => Vectors::Portable,
        1 => Vectors::Avx2,
        2 => Vectors::Avx512,
        _ => {
            let found = detect();
            WIDEST.store(found as u8, Ordering::Relaxed);
            found
        }
    }
}

/// Uses no wider vectors than these in this process, for measurements.
pub fn limit(widest: Vectors) {
    WIDEST.store(detect().min(widest) as u8, Ordering::Relaxed);
}

/// Returns how products of f32 are rounded: `fused` with FMA, once for each multiplication and addition together, or
/// `separate`. The same text can end differently on the two.
#[must_use]
pub fn rounding() -> &'static str {
    if vectors() >= Vectors::Avx2 { "fused" } else { "separate" }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Vectors {
    use std::is_x86_feature_detected as has;
    if !(has!("avx2") && has!("fma") && has!("f16c")) {
        Vectors::Portable
    } else if has!("avx512f") {
        Vectors::Avx512
    } else {
        Vectors::Avx2
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Vectors {
    Vectors::Portable
}
