//! Keys and values of the tokens read so far, for the two forms that decode on the CPU: in f32 next to f32 weights, in
//! f16 next to int8 weights.

use rayon::prelude::*;

/// Below this many multiplications the attention stays on one thread: waking another costs more.
const SMALL: usize = 1 << 15;

/// Keys and values of one layer, `[slot][capacity][width]`.
struct Layer<T> {
    keys: Vec<T>,
    values: Vec<T>,
}

/// Sizes of a cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct CacheSize {
    pub(super) layers: usize,
    pub(super) width: usize,
    /// Rows of the largest batch.
    pub(super) slots: usize,
    /// Tokens of the longest row.
    pub(super) capacity: usize,
}

/// Keys and values, preallocated. Rows point to slots, so that a finished row is dropped without moving the others.
pub(crate) struct SlotCache<T> {
    layers: Vec<Layer<T>>,
    /// Which slot each row of the batch uses.
    slots: Vec<usize>,
    size: CacheSize,
    steps: usize,
}

impl<T: Copy + Default + Send + Sync> SlotCache<T> {
    /// Creates an empty cache of which `rows` rows are in use.
    pub(super) fn new(size: CacheSize, rows: usize) -> Self {
        let room = || vec![T::default(); size.slots * size.capacity * size.width];
        let layers = (0..size.layers).map(|_| Layer { keys: room(), values: room() }).collect();
        Self { layers, slots: (0..rows).collect(), size, steps: 0 }
    }

    /// Returns the number of rows in use.
    pub(super) fn rows(&self) -> usize {
        self.slots.len()
    }

    /// Returns the number of tokens read.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Counts tokens as read, after every layer has stored them.
    pub(super) fn go_on(&mut self, steps: usize) {
        self.steps += steps;
    }

    /// Makes row `i` a continuation of the current row `rows[i]`. A row that is named twice is copied into a free
    /// slot.
    pub(crate) fn select(&mut self, rows: &[usize]) {
        let wanted: Vec<usize> = rows.iter().map(|row| self.slots[*row]).collect();
        let mut free: Vec<usize> = (0..self.size.slots).filter(|slot| !wanted.contains(slot)).collect();
        let mut taken = vec![false; self.size.slots];
        self.slots = wanted
            .into_iter()
            .map(|slot| {
                if !std::mem::replace(&mut taken[slot], true) {
                    return slot;
                }
                let copy = free.pop().expect("a cache has a slot for every row of the largest batch");
                self.copy(slot, copy);
                copy
            })
            .collect();
    }

    fn copy(&mut self, from: usize, to: usize) {
        let size = self.size.capacity * self.size.width;
        let used = self.steps * self.size.width;
        for layer in &mut self.layers {
            layer.keys.copy_within(from * size..from * size + used, to * size);
            layer.values.copy_within(from * size..from * size + used, to * size);
        }
    }

    /// Stores the keys and values of `qkv` `[rows, steps, 3 * width]` as `store` makes them, and lets `attend`
    /// compute the result of each query over the keys and values up to its position: `attend(query, keys, values,
    /// out)`.
    pub(super) fn attend(
        &mut self,
        layer: usize,
        qkv: &[f32],
        steps: usize,
        store: impl Fn(&[f32], &mut [T]),
        attend: impl Fn(&[f32], &[T], &[T], &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let (width, start) = (self.size.width, self.steps);
        let size = self.size.capacity * width;
        let layer = &mut self.layers[layer];
        for (row, slot) in self.slots.iter().enumerate() {
            for step in 0..steps {
                let qkv = &qkv[(row * steps + step) * 3 * width..][..3 * width];
                let at = slot * size + (start + step) * width;
                store(&qkv[width..2 * width], &mut layer.keys[at..at + width]);
                store(&qkv[2 * width..], &mut layer.values[at..at + width]);
            }
        }
        let mut out = vec![0.0; self.slots.len() * steps * width];
        let min_rows = SMALL.div_ceil(((start + steps) * width).max(1));
        let (layer, slots) = (&*layer, &self.slots);
        out.par_chunks_exact_mut(width)
            .with_min_len(min_rows)
            .zip(qkv.par_chunks_exact(3 * width))
            .enumerate()
            .for_each(|(index, (out, qkv))| {
                let slot = slots[index / steps];
                let seen = start + index % steps + 1;
                let keys = &layer.keys[slot * size..slot * size + seen * width];
                let values = &layer.values[slot * size..slot * size + seen * width];
                attend(&qkv[..width], keys, values, out);
            });
        out
    }
}
