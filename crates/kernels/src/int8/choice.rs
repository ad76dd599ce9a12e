//! Which kernel multiplies: the fastest one that this processor has and that computes what the reference computes.

use std::sync::{LazyLock, OnceLock};

use super::{Block, DEPTH, LANES, scalar};

/// The instructions that multiply int8, the fastest of a processor first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// Intel's tiles (Sapphire Rapids and later).
    Amx,
    /// AVX-512 VNNI (Intel Ice Lake, AMD Zen 4, and later).
    Avx512Vnni,
    /// VNNI in vectors of 256 bits (Intel Alder Lake and later).
    AvxVnni,
    Avx2,
    /// ARM's dot product.
    NeonDot,
    /// Any processor: the reference.
    Scalar,
}

impl Kernel {
    /// All of them, the fastest of a processor first.
    pub const ALL: [Self; 6] = [Self::Amx, Self::Avx512Vnni, Self::AvxVnni, Self::Avx2, Self::NeonDot, Self::Scalar];

    /// Returns the name for the log, the record and the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amx => "amx-int8",
            Self::Avx512Vnni => "avx512-vnni",
            Self::AvxVnni => "avx-vnni",
            Self::Avx2 => "avx2",
            Self::NeonDot => "neon-dotprod",
            Self::Scalar => "scalar",
        }
    }

    /// Returns whether the kernel can run here: the processor has its instructions, and it computes what the
    /// reference computes.
    #[must_use]
    pub fn available(self) -> bool {
        USABLE[self as usize]
    }

    /// Returns whether its activations are shifted by 128.
    pub(super) fn flips(self) -> bool {
        matches!(self, Self::Amx | Self::Avx512Vnni | Self::AvxVnni)
    }

    /// Computes the sums of one panel for every row of the block; the caller has asked whether the kernel can run.
    pub(super) fn multiply(self, x: Block<'_>, panel: &[i8], totals: &mut [[i32; LANES]]) {
        match self {
            // SAFETY: the caller asked whether the processor has the instructions; the kernels check the sizes.
            #[cfg(target_arch = "x86_64")]
            Self::Amx => unsafe { super::x86::amx(x, panel, totals) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => unsafe { super::x86::avx512(x, panel, totals) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => unsafe { super::x86::avx_vnni(x, panel, totals) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { super::x86::avx2(x, panel, totals) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => unsafe { super::arm::dot_product(x, panel, totals) },
            _ => scalar::multiply(x, panel, totals),
        }
    }

    /// Returns whether the processor has the instructions.
    fn supported(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Self::Avx512Vnni.supported() && super::x86::has_tiles(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => {
                std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("avxvnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => false,
        }
    }
}

/// Which kernels can run here, in the order of [`Kernel::ALL`].
static USABLE: LazyLock<[bool; 6]> = LazyLock::new(|| Kernel::ALL.map(|kernel| kernel.supported() && agrees(kernel)));

/// The only kernel that may be used, if somebody said so.
static ONLY: OnceLock<Kernel> = OnceLock::new();

/// Returns the kernel that multiplies: the fastest one that can run here.
#[must_use]
pub fn chosen() -> Kernel {
    let fastest = || *Kernel::ALL.iter().find(|kernel| kernel.available()).unwrap_or(&Kernel::Scalar);
    *ONLY.get_or_init(fastest)
}

/// Returns the kernels whose instructions the processor has, but whose results are not the reference's.
pub fn refused() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.supported() && !kernel.available())
}

/// Makes every product of this process use one kernel, for measurements. Call it before the first product.
///
/// # Errors
/// If the processor does not have it, or another one is in use.
pub fn use_only(kernel: Kernel) -> Result<(), String> {
    if !kernel.available() {
        return Err(format!("this processor has no {}", kernel.name()));
    }
    let only = *ONLY.get_or_init(|| kernel);
    if only == kernel { Ok(()) } else { Err(format!("{} is in use already", only.name())) }
}

/// Rows of the comparison: more than any kernel keeps in registers at once.
const ROWS: usize = 17;
const CHECKED_DEPTH: usize = 3 * DEPTH;

/// Returns whether a kernel computes what the reference computes, on rows and weights that include the extremes.
fn agrees(kernel: Kernel) -> bool {
    let mut state = 0x2545_f491_u32;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // One in four is an extreme: those are what saturates.
        if state & 3 == 0 { 127 * (1 - (state >> 2 & 1) as i8 * 2) } else { ((state >> 8) % 255) as i8 }
    };
    let panel: Vec<i8> = (0..CHECKED_DEPTH * LANES).map(|_| byte().max(-127)).collect();
    let values: Vec<u8> = (0..CHECKED_DEPTH * ROWS).map(|_| byte().max(-127).cast_unsigned()).collect();
    let flip = if kernel.flips() { 0x80 } else { 0 };
    let shifted: Vec<u8> = values.iter().map(|value| value ^ flip).collect();
    (1..=ROWS).all(|rows| {
        let (mut want, mut got) = ([[0; LANES]; ROWS], [[0; LANES]; ROWS]);
        let block = |values| Block { values, depth: CHECKED_DEPTH };
        scalar::multiply(block(&values[..rows * CHECKED_DEPTH]), &panel, &mut want[..rows]);
        kernel.multiply(block(&shifted[..rows * CHECKED_DEPTH]), &panel, &mut got[..rows]);
        if kernel.flips() {
            for lane in 0..LANES {
                let weights = panel.chunks_exact(4 * LANES).flat_map(|step| &step[4 * lane..4 * lane + 4]);
                let sum: i32 = weights.map(|weight| i32::from(*weight)).sum();
                got[..rows].iter_mut().for_each(|got| got[lane] -= 128 * sum);
            }
        }
        want == got
    })
}
