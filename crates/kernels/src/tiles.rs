//! Matrix products with factors rounded to bf16 and sums in f32, by the processor's own instructions: AMX tiles (Intel,
//! Sapphire Rapids and later) or AVX-512 BF16 (AMD, Zen 4 and later).
//!
//! A tile is 16 rows of 64 bytes. Both factors are packed into panels of 32 rows or columns. With tiles, one call of
//! the kernel keeps a block of 32 x 32 sums in four tiles and streams the inputs through, 32 at a time; with vectors,
//! 8 rows of the block at a time stay in registers. Panels are padded with zeros beyond the edges of a matrix. On a
//! processor with neither, [`available`] returns false and nothing else here may be called.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub use self::elsewhere::{available, multiply};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use self::x86::{available, multiply};

/// Asks the system to let this process use tiles, and returns whether it does. Only Linux is asked.
#[cfg(target_arch = "x86_64")]
pub(crate) fn system_allows_tiles() -> bool {
    #[cfg(target_os = "linux")]
    {
        const REQUEST_PERMISSION: libc::c_ulong = 0x1023; // ARCH_REQ_XCOMP_PERM
        const TILE_DATA: libc::c_ulong = 18; // XFEATURE_XTILEDATA
        // SAFETY: the call takes two numbers and only makes the kernel save more of this process's registers.
        unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

/// The sizes of the eight tiles, as `ldtilecfg` reads them.
#[cfg(target_arch = "x86_64")]
#[repr(C, align(64))]
pub(crate) struct TileSizes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

#[cfg(target_arch = "x86_64")]
impl TileSizes {
    /// Returns the sizes of tiles with this many rows of 64 bytes; a tile without rows is not used.
    pub(crate) const fn with_rows(rows: [u8; 8]) -> Self {
        let mut sizes = Self { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        let mut tile = 0;
        while tile < rows.len() {
            sizes.rows[tile] = rows[tile];
            sizes.row_bytes[tile] = if rows[tile] > 0 { 64 } else { 0 };
            tile += 1;
        }
        sizes
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod elsewhere {
    use crate::matrix::{Matrix, Start};

    pub fn available() -> bool {
        false
    }

    pub fn multiply(_a: Matrix<'_>, _b: Matrix<'_>, _out: &mut [f32], _start: Start<'_>) {
        unreachable!("callers ask whether there are tiles first");
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, __mmask16, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_setzero_ps,
        _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_unpackhi_epi32,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };
    use std::sync::LazyLock;

    use rayon::prelude::*;

    use super::{TileSizes, system_allows_tiles};
    use crate::matrix::{Matrix, Start};

    /// Rows of a panel of the left factor, and columns of a panel of the right one.
    const PANEL: usize = 32;
    /// Inputs that one tile instruction multiplies.
    const DEPTH: usize = 32;
    /// Rows of a tile.
    const SIDE: usize = 16;
    /// bf16 values of a tile.
    const TILE: usize = SIDE * DEPTH;
    /// Values of the left factor that stay in the second-level cache while the right factor's panels stream through.
    const BLOCK: usize = 256 * 1024;

    /// The instructions that multiply.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Instructions {
        Tiles,
        Vectors,
    }

    /// Returns the fastest instructions that the processor has and that the system lets this process use.
    fn fastest() -> Option<Instructions> {
        static FASTEST: LazyLock<Option<Instructions>> = LazyLock::new(|| {
            if !has_vectors() {
                None
            } else if has_tiles() {
                Some(Instructions::Tiles)
            } else {
                Some(Instructions::Vectors)
            }
        });
        *FASTEST
    }

    /// Returns whether bf16 factors can be multiplied here.
    pub fn available() -> bool {
        fastest().is_some()
    }

    /// Returns whether the processor has AVX-512 BF16, which both kinds of products use to pack their factors.
    pub(super) fn has_vectors() -> bool {
        use std::is_x86_feature_detected as has;
        has!("avx512f") && has!("avx512bw") && has!("avx512bf16")
    }

    /// Returns whether the processor has tiles for bf16 and the system lets this process use them.
    pub(super) fn has_tiles() -> bool {
        processor_has_tiles() && system_allows_tiles()
    }

    fn processor_has_tiles() -> bool {
        // Leaf 7, EDX: bit 22 is AMX-BF16, bit 24 AMX-TILE (Intel SDM, CPUID).
        let leaf = std::arch::x86_64::__cpuid_count(7, 0);
        leaf.edx & (1 << 22) != 0 && leaf.edx & (1 << 24) != 0
    }

    static SIZES: TileSizes = TileSizes::with_rows([16; 8]);

    /// Runs `work` with this thread's tiles set up.
    ///
    /// # Safety
    /// Requires [`available`].
    unsafe fn with_tiles(work: impl FnOnce()) {
        // SAFETY: the sizes are those of palette 1, and the caller vouches for the instruction.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const SIZES, options(nostack, readonly)) };
        work();
        // SAFETY: as above; releases the registers, so that a thread switch need not save them.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }

    /// Computes `out = a·b + start` on all threads; `out` is row-major and dense.
    pub fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], start: Start<'_>) {
        multiply_by(fastest().expect("callers ask first whether bf16 products are available"), a, b, out, start);
    }

    /// Does what [`multiply`] does with the given instructions, which the processor must have.
    pub(super) fn multiply_by(
        instructions: Instructions,
        a: Matrix<'_>,
        b: Matrix<'_>,
        out: &mut [f32],
        start: Start<'_>,
    ) {
        assert!(
            has_vectors() && (instructions == Instructions::Vectors || has_tiles()),
            "the processor multiplies bf16"
        );
        let (rows, depth, columns) = (a.rows, a.columns, b.columns);
        assert!(b.rows == depth && out.len() == rows * columns, "the sizes of a product agree");
        if rows == 0 || columns == 0 {
            return;
        }
        let left = Packed::new(a, Order::Rows);
        let right = Packed::new(b.transposed(), Order::Pairs);
        let target = Target { start: out.as_mut_ptr(), rows, columns };
        let panels_per_block = (BLOCK / (PANEL * left.depth)).max(1);
        let (left_panels, right_panels) = (rows.div_ceil(PANEL), columns.div_ceil(PANEL));
        let threads = rayon::current_num_threads();
        // A task takes whole panels of the longer side; there are two tasks per thread, so that a late thread costs
        // little.
        let share = |panels: usize| panels.div_ceil(2 * threads).max(1);
        let by_rows = left_panels >= right_panels;
        let (length, step) =
            if by_rows { (left_panels, share(left_panels)) } else { (right_panels, share(right_panels)) };
        (0..length.div_ceil(step)).into_par_iter().for_each(|task| {
            let range = task * step..length.min((task + 1) * step);
            let (lefts, rights) = if by_rows { (range, 0..right_panels) } else { (0..left_panels, range) };
            let blocks = |kernel: Kernel| {
                for first in lefts.clone().step_by(panels_per_block) {
                    for j in rights.clone() {
                        for i in first..lefts.end.min(first + panels_per_block) {
                            // SAFETY: tasks write disjoint blocks of the target, which outlives them; the assertion
                            // above checks that the processor has the kernel's instructions.
                            unsafe { target.block(kernel, i, j, left.panel(i), right.panel(j), start) };
                        }
                    }
                }
            };
            match instructions {
                // SAFETY: the assertion above checks that the processor has tiles.
                Instructions::Tiles => unsafe { with_tiles(|| blocks(tiles_kernel)) },
                Instructions::Vectors => blocks(vectors_kernel),
            }
        });
    }

    /// Computes `out = left·right + start` for one block of 32 x 32. Strides are counted in values; the stride of
    /// `start` may be 0.
    ///
    /// Calling it is unsafe: it requires the kernel's instructions (with tiles set up), panels of equal length, 32
    /// readable values at every stride from the pointer of `start` on, and 32 writable ones at every stride from that
    /// of `out` on.
    type Kernel = unsafe fn(left: &[u16], right: &[u16], start: (*const f32, usize), out: (*mut f32, usize));

    /// A row of zeros, for products that are added to nothing.
    static ZEROS: [f32; PANEL] = [0.0; PANEL];

    /// Where the sums go.
    struct Target {
        start: *mut f32,
        rows: usize,
        columns: usize,
    }

    // SAFETY: `multiply` gives each task its own blocks.
    unsafe impl Sync for Target {}

    impl Target {
        /// Computes the sums of block (`i`, `j`) of 32 x 32.
        ///
        /// # Safety
        /// Requires what the kernel requires; no other task may touch the block meanwhile.
        unsafe fn block(&self, kernel: Kernel, i: usize, j: usize, left: &[u16], right: &[u16], start: Start<'_>) {
            let (row, column) = (i * PANEL, j * PANEL);
            let (rows, columns) = (PANEL.min(self.rows - row), PANEL.min(self.columns - column));
            // SAFETY: the block is inside the target.
            let at = unsafe { self.start.add(row * self.columns + column) };
            if rows == PANEL && columns == PANEL {
                let (first, stride) = match start {
                    Start::Zero => (ZEROS.as_ptr(), 0),
                    Start::Row(values) => (values[column..column + PANEL].as_ptr(), 0),
                    Start::Target => (at.cast_const(), self.columns),
                };
                // SAFETY: 32 values can be read from `first` on, and at each of 32 strides; likewise the target.
                unsafe { kernel(left, right, (first, stride), (at, self.columns)) };
                return;
            }
            let mut sums = [0.0_f32; PANEL * PANEL];
            for r in 0..rows {
                match start {
                    Start::Zero => {}
                    Start::Row(values) => sums[r * PANEL..][..columns].copy_from_slice(&values[column..][..columns]),
                    // SAFETY: row `r` of the block has `columns` values.
                    Start::Target => sums[r * PANEL..][..columns]
                        .copy_from_slice(unsafe { std::slice::from_raw_parts(at.add(r * self.columns), columns) }),
                }
            }
            let place = sums.as_mut_ptr();
            // SAFETY: `sums` is 32 rows of 32 values.
            unsafe { kernel(left, right, (place.cast_const(), PANEL), (place, PANEL)) };
            for r in 0..rows {
                // SAFETY: row `r` of the block has `columns` values, which this task alone touches.
                let out = unsafe { std::slice::from_raw_parts_mut(at.add(r * self.columns), columns) };
                out.copy_from_slice(&sums[r * PANEL..][..columns]);
            }
        }
    }

    /// The [`Kernel`] on tiles.
    ///
    /// # Safety
    /// Requires that tiles are set up, and what every kernel requires.
    unsafe fn tiles_kernel(left: &[u16], right: &[u16], start: (*const f32, usize), out: (*mut f32, usize)) {
        let steps = left.len() / (2 * TILE);
        assert!(steps > 0 && left.len() == right.len(), "panels of one product are equally deep");
        let start_lower = start.0.wrapping_add(SIDE * start.1);
        let out_lower = out.0.wrapping_add(SIDE * out.1);
        // SAFETY: the loop runs `steps` times over 2 KiB of each panel; the caller vouches for `start` and `out`.
        unsafe {
            asm!(
                "tileloadd tmm0, [{start} + {start_stride} * 1]",
                "tileloadd tmm1, [{start} + {start_stride} * 1 + 64]",
                "tileloadd tmm2, [{start_lower} + {start_stride} * 1]",
                "tileloadd tmm3, [{start_lower} + {start_stride} * 1 + 64]",
                "2:",
                "tileloadd tmm4, [{left} + {row} * 1]",
                "tileloadd tmm6, [{right} + {row} * 1]",
                "tileloadd tmm7, [{right} + {row} * 1 + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{left} + {row} * 1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {left}, 2048",
                "add {right}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{out} + {out_stride} * 1], tmm0",
                "tilestored [{out} + {out_stride} * 1 + 64], tmm1",
                "tilestored [{out_lower} + {out_stride} * 1], tmm2",
                "tilestored [{out_lower} + {out_stride} * 1 + 64], tmm3",
                start = in(reg) start.0,
                start_lower = in(reg) start_lower,
                start_stride = in(reg) start.1 * size_of::<f32>(),
                left = inout(reg) left.as_ptr() => _,
                right = inout(reg) right.as_ptr() => _,
                row = in(reg) 64_usize,
                steps = inout(reg) steps => _,
                out = in(reg) out.0,
                out_lower = in(reg) out_lower,
                out_stride = in(reg) out.1 * size_of::<f32>(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }

    /// Rows whose sums stay in registers at once.
    const GROUP: usize = 8;

    /// The [`Kernel`] on vectors.
    ///
    /// # Safety
    /// Requires AVX-512 with BW and BF16, and what every kernel requires.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn vectors_kernel(left: &[u16], right: &[u16], start: (*const f32, usize), out: (*mut f32, usize)) {
        let steps = left.len() / (2 * TILE);
        assert!(steps > 0 && left.len() == right.len(), "panels of one product are equally deep");
        for group in (0..PANEL).step_by(GROUP) {
            let mut sums = [[_mm512_setzero_ps(); 2]; GROUP];
            for (r, sums) in sums.iter_mut().enumerate() {
                let at = start.0.wrapping_add((group + r) * start.1);
                // SAFETY: 32 values can be read at every stride of the start.
                *sums = unsafe { [_mm512_loadu_ps(at), _mm512_loadu_ps(at.add(SIDE))] };
            }
            // The group's rows are in one of the two tiles of each step.
            let mut lefts = left.as_ptr().wrapping_add((group / SIDE) * TILE + (group % SIDE) * DEPTH).cast::<i32>();
            let mut rights = right.as_ptr();
            for _ in 0..steps {
                for pair in 0..SIDE {
                    // SAFETY: each step has 2 KiB of each panel: 16 rows of 16 pairs, or 16 pairs of 16 columns,
                    // twice.
                    let columns = unsafe {
                        let at = rights.add(pair * DEPTH);
                        [values(_mm512_loadu_si512(at.cast())), values(_mm512_loadu_si512(at.add(TILE).cast()))]
                    };
                    for (r, sums) in sums.iter_mut().enumerate() {
                        // SAFETY: as above.
                        let row = values(_mm512_set1_epi32(unsafe { *lefts.add(r * SIDE + pair) }));
                        for (sum, columns) in sums.iter_mut().zip(columns) {
                            *sum = _mm512_dpbf16_ps(*sum, row, columns);
                        }
                    }
                }
                lefts = lefts.wrapping_add(TILE);
                rights = rights.wrapping_add(2 * TILE);
            }
            for (r, sums) in sums.into_iter().enumerate() {
                let at = out.0.wrapping_add((group + r) * out.1);
                // SAFETY: 32 values can be written at every stride of the target.
                unsafe {
                    _mm512_storeu_ps(at, sums[0]);
                    _mm512_storeu_ps(at.add(SIDE), sums[1]);
                }
            }
        }
    }

    /// Returns the same bits as 32 values of bf16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn values(bits: __m512i) -> __m512bh {
        // SAFETY: both types are 512 bits without invalid values.
        unsafe { std::mem::transmute(bits) }
    }

    /// The order of the bf16 values in a tile.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Order {
        /// `[row][input]`, for the left factor.
        Rows,
        /// `[pair of inputs][row][2]`, for the right factor, whose rows here are the product's columns.
        Pairs,
    }

    /// A factor in bf16: `[panel of 32 rows][32 inputs][2 tiles]`.
    struct Packed {
        values: Vec<u16>,
        /// Number of inputs, rounded up to whole tiles.
        depth: usize,
    }

    impl Packed {
        fn new(matrix: Matrix<'_>, order: Order) -> Self {
            let depth = matrix.columns.max(1).next_multiple_of(DEPTH);
            let panels = matrix.rows.div_ceil(PANEL);
            let size = PANEL * depth;
            let mut values: Vec<u16> = Vec::with_capacity(panels * size);
            values.spare_capacity_mut()[..panels * size].par_chunks_exact_mut(size).enumerate().for_each(
                |(panel, out)| {
                    // SAFETY: `multiply` asserted the features; each of the panel's tiles is written completely.
                    unsafe { pack_panel(matrix, panel * PANEL, order, out.as_mut_ptr().cast(), depth) };
                },
            );
            // SAFETY: every panel was filled above.
            unsafe { values.set_len(panels * size) };
            Self { values, depth }
        }

        fn panel(&self, index: usize) -> &[u16] {
            &self.values[index * PANEL * self.depth..][..PANEL * self.depth]
        }
    }

    /// # Safety
    /// Requires AVX-512 with BW and BF16, and room for `32 * depth` values from `out` on.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn pack_panel(matrix: Matrix<'_>, first: usize, order: Order, mut out: *mut u16, depth: usize) {
        for input in (0..depth).step_by(DEPTH) {
            for half in [0, SIDE] {
                // Inputs that are adjacent in memory are read along the rows, others across them.
                let along = matrix.column_stride == 1;
                // SAFETY: both read through masks that end where the matrix ends.
                let mut tile = unsafe {
                    if along {
                        read_along(matrix, first + half, input)
                    } else {
                        read_across(matrix, first + half, input)
                    }
                };
                if along != (order == Order::Rows) {
                    tile = transposed(tile);
                }
                for (row, values) in tile.into_iter().enumerate() {
                    // SAFETY: the tile's 16 rows of 32 values are within the room from `out` on.
                    unsafe { _mm512_storeu_si512(out.add(row * DEPTH).cast(), values) };
                }
                // SAFETY: as above.
                out = unsafe { out.add(TILE) };
            }
        }
    }

    fn mask(count: usize) -> __mmask16 {
        if count >= 16 { !0 } else { (1 << count) - 1 }
    }

    /// Reads 16 rows from `row` on, 32 inputs each from `input` on: `[row][pair of inputs]`.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn read_along(matrix: Matrix<'_>, row: usize, input: usize) -> [__m512i; SIDE] {
        let left = matrix.columns.saturating_sub(input);
        let masks = (mask(left), mask(left.saturating_sub(16)));
        let mut tile = [_mm512_setzero_si512(); SIDE];
        for (r, values) in tile.iter_mut().enumerate().take(matrix.rows.saturating_sub(row)) {
            // SAFETY: the row belongs to the matrix, and the masks end where its inputs end.
            unsafe {
                let at = matrix.values.as_ptr().add((row + r) * matrix.row_stride).wrapping_add(input);
                let low = _mm512_maskz_loadu_ps(masks.0, at);
                let high = _mm512_maskz_loadu_ps(masks.1, at.wrapping_add(16));
                *values = rounded(low, high);
            }
        }
        tile
    }

    /// Reads 32 inputs from `input` on, 16 rows each from `row` on: `[pair of inputs][row]`.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn read_across(matrix: Matrix<'_>, row: usize, input: usize) -> [__m512i; SIDE] {
        let mask = mask(matrix.rows.saturating_sub(row));
        // Lane `2i` from the lower half, lane `2i + 1` from the upper one.
        // SAFETY: the array is 32 values of 16 bits.
        let interleave = unsafe { _mm512_loadu_si512((&raw const INTERLEAVE).cast()) };
        let read = |input: usize| -> __m512 {
            if input >= matrix.columns {
                return _mm512_setzero_ps();
            }
            // SAFETY: the input belongs to the matrix, and the mask ends where its rows end.
            unsafe {
                let at = matrix.values.as_ptr().add(input * matrix.column_stride).wrapping_add(row);
                _mm512_maskz_loadu_ps(mask, at)
            }
        };
        let mut tile = [_mm512_setzero_si512(); SIDE];
        for (pair, values) in tile.iter_mut().enumerate() {
            let (even, odd) = (read(input + 2 * pair), read(input + 2 * pair + 1));
            *values = _mm512_permutexvar_epi16(interleave, rounded(even, odd));
        }
        tile
    }

    static INTERLEAVE: [u16; 32] = {
        let mut lanes = [0; 32];
        let mut i = 0;
        while i < 32 {
            lanes[i] = (i / 2 + 16 * (i % 2)) as u16;
            i += 1;
        }
        lanes
    };

    /// Rounds both to bf16, `low` first.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn rounded(low: __m512, high: __m512) -> __m512i {
        // SAFETY: both types are 512 bits without invalid values.
        unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
    }

    /// Returns the transpose of 16 x 16 values of 32 bits.
    #[target_feature(enable = "avx512f")]
    fn transposed(rows: [__m512i; SIDE]) -> [__m512i; SIDE] {
        let zero = _mm512_setzero_si512();
        let (mut pairs, mut fours, mut out) = ([zero; SIDE], [zero; SIDE], [zero; SIDE]);
        for i in 0..8 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        for i in 0..4 {
            fours[4 * i] = _mm512_unpacklo_epi64(pairs[4 * i], pairs[4 * i + 2]);
            fours[4 * i + 1] = _mm512_unpackhi_epi64(pairs[4 * i], pairs[4 * i + 2]);
            fours[4 * i + 2] = _mm512_unpacklo_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
            fours[4 * i + 3] = _mm512_unpackhi_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
        }
        // The four lanes of `fours[4i + c]` are the columns c, c + 4, c + 8, c + 12 of the rows 4i to 4i + 3.
        for c in 0..4 {
            let low = _mm512_shuffle_i32x4::<0x88>(fours[c], fours[4 + c]);
            let high = _mm512_shuffle_i32x4::<0xDD>(fours[c], fours[4 + c]);
            let low_after = _mm512_shuffle_i32x4::<0x88>(fours[8 + c], fours[12 + c]);
            let high_after = _mm512_shuffle_i32x4::<0xDD>(fours[8 + c], fours[12 + c]);
            out[c] = _mm512_shuffle_i32x4::<0x88>(low, low_after);
            out[8 + c] = _mm512_shuffle_i32x4::<0xDD>(low, low_after);
            out[4 + c] = _mm512_shuffle_i32x4::<0x88>(high, high_after);
            out[12 + c] = _mm512_shuffle_i32x4::<0xDD>(high, high_after);
        }
        out
    }
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod tests {
    use half::bf16;

    use super::x86::{Instructions, has_tiles, has_vectors, multiply_by};
    use crate::matrix::{Matrix, Start};

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 1e7 - 0.8).collect()
    }

    #[test]
    fn products_by_every_instruction_there_is_are_those_of_rounded_factors_in_every_layout() {
        let instructions =
            [(Instructions::Vectors, has_vectors()), (Instructions::Tiles, has_vectors() && has_tiles())];
        for (instructions, _) in instructions.into_iter().filter(|(_, there)| *there) {
            check_products(instructions);
        }
    }

    fn check_products(instructions: Instructions) {
        for (rows, depth, columns) in [(1, 1, 1), (32, 32, 32), (33, 40, 17), (70, 95, 130), (200, 64, 31)] {
            let (a, b) = (values(rows * depth, 1), values(depth * columns, 2));
            let (bias, before) = (values(columns, 3), values(rows * columns, 4));
            for (a_turned, b_turned) in [(false, false), (true, false), (false, true), (true, true)] {
                let left = if a_turned { Matrix::dense(&a, rows).transposed() } else { Matrix::dense(&a, depth) };
                let right = if b_turned { Matrix::dense(&b, depth).transposed() } else { Matrix::dense(&b, columns) };
                let at = |matrix: &Matrix<'_>, row: usize, column: usize| {
                    let value = matrix.values[row * matrix.row_stride + column * matrix.column_stride];
                    f64::from(bf16::from_f32(value).to_f32())
                };
                for start in [Start::Zero, Start::Target, Start::Row(&bias)] {
                    let mut out = before.clone();
                    multiply_by(instructions, left, right, &mut out, start);
                    for (index, got) in out.iter().enumerate() {
                        let (row, column) = (index / columns, index % columns);
                        let sum: f64 = (0..depth).map(|k| at(&left, row, k) * at(&right, k, column)).sum();
                        let first = match start {
                            Start::Zero => 0.0,
                            Start::Target => f64::from(before[index]),
                            Start::Row(bias) => f64::from(bias[column]),
                        };
                        let what = (rows, depth, columns, a_turned, b_turned, row, column);
                        assert!((f64::from(*got) - sum - first).abs() < 1e-4, "{what:?}: {got} is not {}", sum + first);
                    }
                }
            }
        }
    }
}
