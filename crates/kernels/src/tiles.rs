//! Matrix products with factors rounded to bf16 and sums in f32, by the processor's own instructions: AMX tiles (Intel,
//! Sapphire Rapids and later) or AVX-512 BF16 (AMD, Zen 4 and later).
//!
//! A tile is 16 rows of 64 bytes. Both factors are packed into panels of 32 rows or columns. With tiles, one call of
//! the kernel keeps a block of 32 x 32 sums in four tiles and streams the inputs through, 32 at a time; with vectors,
//! 8 rows of the block at a time stay in registers. Panels are padded with zeros beyond the edges of a matrix. On a
//! processor with neither, [`available`] returns false and nothing else here may be called.

use std::ops::Range;

use rayon::prelude::*;

use crate::matrix::{Matrix, Start};

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub use self::elsewhere::available;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
use self::elsewhere::{fill_panel, multiply_panels};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use self::x86::available;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use self::x86::{fill_panel, multiply_panels};

/// Rows of a panel of the left factor, and columns of a panel of the right one.
pub const PANEL: usize = 32;
/// Rows that are computed, packed and multiplied together: large enough that the weights they are multiplied with are
/// not read too often, small enough that they stay in the second-level cache.
pub const BLOCK: usize = 2 * PANEL;
/// Inputs that one tile instruction multiplies.
const DEPTH: usize = 32;

/// The order of the bf16 values in a tile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// `[row][input]`, for the left factor.
    #[default]
    Rows,
    /// `[pair of inputs][row][2]`, for the right factor, whose rows here are the product's columns.
    Pairs,
}

/// 32 values of bf16 that fill a cache line: a load across two lines takes twice as long.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u16; 32]);

/// A factor in bf16: `[panel of 32 rows][32 inputs][2 tiles]`. Its buffer is kept when it is packed again.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    lines: Vec<Line>,
    rows: usize,
    inputs: usize,
    order: Order,
}

/// The values of a factor, which several tasks fill at once, each a part of its own.
#[derive(Clone, Copy)]
struct Places(*mut u16);

// SAFETY: whoever makes one gives each task its own part.
unsafe impl Send for Places {}
// SAFETY: as above.
unsafe impl Sync for Places {}

impl Places {
    /// Returns the part of `length` values from `start` on.
    ///
    /// # Safety
    /// The part must be inside the buffer, which must outlive it, and no other task may use it.
    unsafe fn part<'a>(self, start: usize, length: usize) -> &'a mut [u16] {
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

impl Packed {
    /// Packs the rows of `matrix`: of the left factor its rows, of the right one its columns (pass its transpose).
    pub fn pack(&mut self, matrix: Matrix<'_>, order: Order) {
        self.resize((matrix.rows, matrix.columns), order);
        let size = PANEL * self.depth();
        self.values_mut().par_chunks_exact_mut(size).enumerate().for_each(|(panel, out)| {
            fill_panel(matrix, panel * PANEL, order, out);
        });
    }

    /// Packs the rows of `matrix` as a left factor, on this thread.
    fn fill(&mut self, matrix: Matrix<'_>) {
        self.resize((matrix.rows, matrix.columns), Order::Rows);
        let size = PANEL * self.depth();
        for (panel, out) in self.values_mut().chunks_exact_mut(size).enumerate() {
            fill_panel(matrix, panel * PANEL, Order::Rows, out);
        }
    }

    fn resize(&mut self, (rows, inputs): (usize, usize), order: Order) {
        (self.rows, self.inputs, self.order) = (rows, inputs, order);
        self.lines.resize(self.panels() * self.depth(), Line([0; 32]));
    }

    fn values(&self) -> &[u16] {
        // SAFETY: a line is 32 values and nothing else.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 32) }
    }

    fn values_mut(&mut self) -> &mut [u16] {
        // SAFETY: a line is 32 values and nothing else.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 32) }
    }

    /// Returns the number of inputs, rounded up to whole tiles.
    fn depth(&self) -> usize {
        self.inputs.max(1).next_multiple_of(DEPTH)
    }

    fn panels(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    fn panel(&self, index: usize) -> &[u16] {
        &self.values()[index * PANEL * self.depth()..][..PANEL * self.depth()]
    }
}

/// The two forms in which a matrix becomes a factor of products: its rows, and the rows of its transpose.
#[derive(Debug)]
pub struct Forms<'a> {
    /// The matrix as a left factor.
    pub along: &'a mut Packed,
    /// The transpose, as the left or the right factor.
    pub across: Option<(&'a mut Packed, Order)>,
}

impl Forms<'_> {
    /// Packs a matrix of `columns` columns which `produce` computes in blocks of up to 64 rows, and returns what it
    /// returns. It gets the block's index, its part of `companion`, a matrix of the same size, and the block's room. A
    /// block is packed while it is in the cache, and never goes to memory in f32.
    pub fn pack_blocks<R: Send>(
        self,
        columns: usize,
        companion: &mut [f32],
        produce: impl Fn(usize, &mut [f32], &mut [f32]) -> R + Sync,
    ) -> Vec<R> {
        let Self { along, mut across } = self;
        let rows = companion.len() / columns;
        along.resize((rows, columns), Order::Rows);
        if let Some((across, order)) = &mut across {
            across.resize((columns, rows), *order);
        }
        let (size, blocks) = (BLOCK * along.depth(), rows.div_ceil(BLOCK));
        let places = across.map(|(across, order)| (Places(across.values_mut().as_mut_ptr()), across.depth(), order));
        let panels = along.values_mut().par_chunks_mut(size).zip(companion.par_chunks_mut(BLOCK * columns));
        panels
            .enumerate()
            .with_min_len(blocks.div_ceil(4 * rayon::current_num_threads()))
            .map_init(
                || vec![0.0; BLOCK * columns],
                |scratch, (block, (along, companion))| {
                    let values = &mut scratch[..companion.len()];
                    let result = produce(block, companion, values);
                    let matrix = Matrix::dense(values, columns);
                    let panels = along.len() / (size / (BLOCK / PANEL));
                    for (panel, along) in along.chunks_exact_mut(along.len() / panels).enumerate() {
                        fill_panel(matrix, panel * PANEL, Order::Rows, along);
                    }
                    if let Some((places, depth, order)) = places {
                        // SAFETY: the block's inputs of each panel are its own, and inside `across`, which was resized.
                        unsafe { fill_steps(matrix.transposed(), order, places, depth, block) };
                    }
                    result
                },
            )
            .collect()
    }
}

/// Does for a matrix that only its transpose is kept of what [`Forms::pack_blocks`] does: `consume` gets each block as
/// a left factor, and the block's part of `companion`, which has as many rows as the matrix.
pub fn pack_transpose<R: Send>(
    transpose: &mut Packed,
    (rows, columns): (usize, usize),
    companion: &mut [f32],
    produce: impl Fn(usize, &mut [f32]) -> R + Sync,
    consume: impl Fn(&Packed, &mut [f32]) + Sync,
) -> Vec<R> {
    transpose.resize((columns, rows), Order::Rows);
    let (places, depth) = (Places(transpose.values_mut().as_mut_ptr()), transpose.depth());
    let (blocks, width) = (rows.div_ceil(BLOCK), companion.len() / rows.max(1));
    companion
        .par_chunks_mut(BLOCK * width)
        .enumerate()
        .with_min_len(blocks.div_ceil(4 * rayon::current_num_threads()))
        .map_init(
            || (vec![0.0; BLOCK * columns], Packed::default()),
            |(scratch, along), (block, companion)| {
                let values = &mut scratch[..companion.len() / width * columns];
                let result = produce(block, values);
                let matrix = Matrix::dense(values, columns);
                along.fill(matrix);
                // SAFETY: the block's inputs of each panel are its own, and inside `transpose`, which was resized.
                unsafe { fill_steps(matrix.transposed(), Order::Rows, places, depth, block) };
                consume(along, companion);
                result
            },
        )
        .collect()
}

/// Packs all rows of `matrix`, up to 64 inputs, as steps of a factor of `depth` inputs, from input `64 * block` on.
///
/// # Safety
/// The steps must be inside the factor, and no other task may use them.
unsafe fn fill_steps(matrix: Matrix<'_>, order: Order, factor: Places, depth: usize, block: usize) {
    for panel in 0..matrix.rows.div_ceil(PANEL) {
        // SAFETY: the caller vouches for it.
        let out = unsafe {
            let inputs = matrix.columns.next_multiple_of(DEPTH);
            factor.part(PANEL * (panel * depth + block * BLOCK), PANEL * inputs)
        };
        fill_panel(matrix, panel * PANEL, order, out);
    }
}

/// Computes `out = a·b + start` on all threads; `out` is row-major and dense.
pub fn multiply(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], start: Start<'_>) {
    assert!(a.columns == b.rows, "the sizes of a product agree");
    let (mut left, mut right) = (Packed::default(), Packed::default());
    left.pack(a, Order::Rows);
    right.pack(b.transposed(), Order::Pairs);
    multiply_packed(&left, &right, out, start);
}

/// Computes `out = left·rightᵀ + start` on all threads; `out` is row-major and dense.
pub fn multiply_packed(left: &Packed, right: &Packed, out: &mut [f32], start: Start<'_>) {
    assert!(out.len() == left.rows * right.rows, "the sizes of a product agree");
    if out.is_empty() {
        return;
    }
    let target = Target { start: out.as_mut_ptr(), first: 0, rows: left.rows, columns: right.rows };
    let (left_panels, right_panels) = (left.panels(), right.panels());
    let threads = rayon::current_num_threads();
    // A task takes whole panels of the longer side; there are two tasks per thread, so that a late thread costs
    // little.
    let share = |panels: usize| panels.div_ceil(2 * threads).max(1);
    let by_rows = left_panels >= right_panels;
    let (length, step) = if by_rows { (left_panels, share(left_panels)) } else { (right_panels, share(right_panels)) };
    (0..length.div_ceil(step)).into_par_iter().for_each(|task| {
        let range = task * step..length.min((task + 1) * step);
        let (lefts, rights) = if by_rows { (range, 0..right_panels) } else { (0..left_panels, range) };
        multiply_panels(&target, (left, lefts), (right, rights), start);
    });
}

/// Computes rows `64 * block` to `64 * block + 63` of `left·rightᵀ + start`, or fewer at the end, on this thread; `out`
/// is row-major and dense.
pub fn multiply_block(left: &Packed, block: usize, right: &Packed, out: &mut [f32], start: Start<'_>) {
    let rows = BLOCK.min(left.rows - block * BLOCK);
    assert!(out.len() == rows * right.rows, "the sizes of a product agree");
    let first = block * BLOCK / PANEL;
    let target = Target { start: out.as_mut_ptr(), first, rows, columns: right.rows };
    multiply_panels(&target, (left, first..first + rows.div_ceil(PANEL)), (right, 0..right.panels()), start);
}

/// Where the sums go.
struct Target {
    start: *mut f32,
    /// The panel of the left factor whose rows come first.
    first: usize,
    rows: usize,
    columns: usize,
}

// SAFETY: `multiply_packed` gives each task its own blocks.
unsafe impl Sync for Target {}

/// Panels of a factor.
type Panels<'a> = (&'a Packed, Range<usize>);

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
    use super::{Order, Panels, Target};
    use crate::matrix::{Matrix, Start};

    pub fn available() -> bool {
        false
    }

    pub(super) fn fill_panel(_matrix: Matrix<'_>, _first: usize, _order: Order, _out: &mut [u16]) {
        unreachable!("callers ask first whether bf16 products are available");
    }

    pub(super) fn multiply_panels(_target: &Target, _left: Panels<'_>, _right: Panels<'_>, _start: Start<'_>) {
        unreachable!("callers ask first whether bf16 products are available");
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
    use std::ops::Range;
    use std::sync::LazyLock;

    use super::{DEPTH, Order, PANEL, Packed, Panels, Target, TileSizes, system_allows_tiles};
    use crate::matrix::{Matrix, Start};

    /// Rows of a tile.
    const SIDE: usize = 16;
    /// bf16 values of a tile.
    const TILE: usize = SIDE * DEPTH;
    /// Steps of 32 inputs after which the kernel on vectors goes on to the next block, with 16 KiB of each panel.
    const STEPS: usize = 8;
    /// Panels of the left factor in a group of blocks.
    const LEFTS: usize = 4;
    /// Panels of the right factor in a group of blocks.
    const RIGHTS: usize = 8;

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

    fn has(instructions: Instructions) -> bool {
        has_vectors() && (instructions == Instructions::Vectors || has_tiles())
    }

    /// Computes the blocks of a product whose rows are in `left` and whose columns are in `right`.
    pub(super) fn multiply_panels(target: &Target, left: Panels<'_>, right: Panels<'_>, start: Start<'_>) {
        let instructions = fastest().expect("callers ask first whether bf16 products are available");
        multiply_panels_by(instructions, target, left, right, start);
    }

    /// Does what [`multiply_panels`] does with the given instructions, which the processor must have.
    pub(super) fn multiply_panels_by(
        instructions: Instructions,
        target: &Target,
        (left, lefts): Panels<'_>,
        (right, rights): Panels<'_>,
        start: Start<'_>,
    ) {
        assert!(
            instructions == fastest().unwrap_or(instructions) || has(instructions),
            "the processor multiplies bf16"
        );
        assert!(left.order == Order::Rows && right.order == Order::Pairs && left.inputs == right.inputs);
        let mut sums = vec![Sums([0.0; PANEL * PANEL]); LEFTS.min(lefts.len()) * RIGHTS];
        for i in lefts.clone().step_by(LEFTS) {
            for j in rights.clone().step_by(RIGHTS) {
                let group = (i..lefts.end.min(i + LEFTS), j..rights.end.min(j + RIGHTS));
                match instructions {
                    // SAFETY: the assertion above checks that the processor has tiles.
                    Instructions::Tiles => unsafe {
                        with_tiles(|| sum_blocks((tiles_kernel, 4 * STEPS), left, right, group.clone(), &mut sums));
                    },
                    // SAFETY: the assertion above checks that the processor has these vectors.
                    Instructions::Vectors => unsafe {
                        sum_blocks((vectors_kernel, STEPS), left, right, group.clone(), &mut sums);
                    },
                }
                // SAFETY: tasks write disjoint blocks of the target, which outlives them.
                unsafe { target.write(group, &sums, start) };
            }
        }
    }

    /// Computes the sums of a group of blocks, some inputs at a time, so that these inputs of all the group's panels
    /// stay in the second-level cache, and those of two panels in the first.
    ///
    /// # Safety
    /// Requires the kernel's instructions, with tiles set up.
    unsafe fn sum_blocks(
        (kernel, steps_at_once): (Kernel, usize),
        left: &Packed,
        right: &Packed,
        (lefts, rights): (Range<usize>, Range<usize>),
        sums: &mut [Sums],
    ) {
        let steps = left.depth() / DEPTH;
        for first in (0..steps).step_by(steps_at_once) {
            let part = 2 * TILE * first..2 * TILE * steps.min(first + steps_at_once);
            for (i, sums) in lefts.clone().zip(sums.chunks_exact_mut(RIGHTS)) {
                for (j, sums) in rights.clone().zip(sums) {
                    let sums = sums.0.as_mut_ptr();
                    let start = if first == 0 { (ZEROS.as_ptr(), 0) } else { (sums.cast_const(), PANEL) };
                    // SAFETY: the caller vouches for the instructions; a block's sums are 32 rows of 32.
                    unsafe {
                        kernel(&left.panel(i)[part.clone()], &right.panel(j)[part.clone()], start, (sums, PANEL));
                    };
                }
            }
        }
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

    /// The sums of a block of 32 x 32, in cache lines of their own: rows of the target are often a multiple of 4 KiB
    /// apart, and the first-level cache has room for only a few lines that are.
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Sums([f32; PANEL * PANEL]);

    impl Target {
        /// Writes the sums of a group of blocks, `[left panel][right panel]`, added to `start`, row by row.
        ///
        /// # Safety
        /// The blocks must be inside the target, and no other task may touch them meanwhile.
        unsafe fn write(&self, (lefts, rights): (Range<usize>, Range<usize>), sums: &[Sums], start: Start<'_>) {
            let column = rights.start * PANEL;
            let columns = (rights.len() * PANEL).min(self.columns - column);
            for (i, sums) in lefts.zip(sums.chunks_exact(RIGHTS)) {
                let row = (i - self.first) * PANEL;
                for r in 0..PANEL.min(self.rows - row) {
                    // SAFETY: the caller vouches for it.
                    let out = unsafe {
                        let at = self.start.add((row + r) * self.columns + column);
                        std::slice::from_raw_parts_mut(at, columns)
                    };
                    for (index, (out, sums)) in out.chunks_mut(PANEL).zip(sums).enumerate() {
                        let sums = &sums.0[r * PANEL..][..out.len()];
                        match start {
                            Start::Zero => out.copy_from_slice(sums),
                            Start::Target => add(out, sums),
                            Start::Row(values) => {
                                out.copy_from_slice(&values[column + index * PANEL..][..out.len()]);
                                add(out, sums);
                            }
                        }
                    }
                }
            }
        }
    }

    fn add(out: &mut [f32], sums: &[f32]) {
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
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

    /// Packs the 32 rows of `matrix` from row `first` on, as many inputs as `out` has room for; what is beyond the
    /// matrix is 0.
    pub(super) fn fill_panel(matrix: Matrix<'_>, first: usize, order: Order, out: &mut [u16]) {
        assert!(has_vectors() && out.len().is_multiple_of(PANEL * DEPTH) && matrix.reaches());
        // SAFETY: the assertion checks the features, and that there are whole tiles of room.
        unsafe { pack_panel(matrix, first, order, out.as_mut_ptr(), out.len() / PANEL) };
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

    use super::x86::{Instructions, has_tiles, has_vectors, multiply_panels_by};
    use super::{Order, Packed, Target};
    use crate::matrix::{Matrix, Start};

    fn values(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 8) as f32 / 1e7 - 0.8).collect()
    }

    fn packed(matrix: Matrix<'_>, order: Order) -> Packed {
        let mut packed = Packed::default();
        packed.pack(matrix, order);
        packed
    }

    fn multiply_by(instructions: Instructions, a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], start: Start<'_>) {
        let (left, right) = (packed(a, Order::Rows), packed(b.transposed(), Order::Pairs));
        let target = Target { start: out.as_mut_ptr(), first: 0, rows: a.rows, columns: b.columns };
        let (lefts, rights) = (0..left.panels(), 0..right.panels());
        multiply_panels_by(instructions, &target, (&left, lefts), (&right, rights), start);
    }

    #[test]
    fn blocks_packed_on_their_way_are_the_matrix_and_its_transpose() {
        if !super::available() {
            return;
        }
        for (rows, columns) in [(1, 1), (31, 40), (64, 96), (100, 33), (161, 70)] {
            let x = values(rows * columns, 5);
            let matrix = Matrix::dense(&x, columns);
            for order in [Order::Rows, Order::Pairs] {
                let (mut along, mut across) = (packed(Matrix::dense(&x, 1), Order::Rows), Packed::default());
                let forms = super::Forms { along: &mut along, across: Some((&mut across, order)) };
                let mut twice = x.clone();
                let counts = forms.pack_blocks(columns, &mut twice, |block, companion, out| {
                    out.copy_from_slice(&x[block * super::BLOCK * columns..][..out.len()]);
                    companion.iter_mut().for_each(|value| *value *= 2.0);
                    out.len()
                });
                assert_eq!(counts.iter().sum::<usize>(), rows * columns);
                assert!(twice.iter().zip(&x).all(|(twice, x)| *twice == 2.0 * x));
                assert_eq!(along.values(), packed(matrix, Order::Rows).values());
                assert_eq!(across.values(), packed(matrix.transposed(), order).values(), "{order:?}");
            }
        }
    }

    #[test]
    fn rows_multiplied_alone_are_those_of_the_whole_product() {
        if !super::available() {
            return;
        }
        let (rows, depth, columns) = (70, 300, 45);
        let (a, b) = (values(rows * depth, 1), values(depth * columns, 2));
        let left = packed(Matrix::dense(&a, depth), Order::Rows);
        let right = packed(Matrix::dense(&b, columns).transposed(), Order::Pairs);
        let mut whole = vec![0.0; rows * columns];
        super::multiply_packed(&left, &right, &mut whole, Start::Zero);
        for (block, want) in whole.chunks(super::BLOCK * columns).enumerate() {
            let mut got = vec![1.0; want.len()];
            super::multiply_block(&left, block, &right, &mut got, Start::Zero);
            assert_eq!(got, want);
        }
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
        for (rows, depth, columns) in
            [(1, 1, 1), (32, 32, 32), (33, 40, 17), (70, 95, 130), (200, 64, 31), (40, 700, 64)]
        {
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
                        assert!(
                            (f64::from(*got) - sum - first).abs() < 1e-4 + 2e-6 * depth as f64,
                            "{what:?}: {got} is not {}",
                            sum + first
                        );
                    }
                }
            }
        }
    }
}
