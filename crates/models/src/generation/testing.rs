//! For tests, here and in the crates that train: weights computed by a formula that is the same in Python.

/// Returns the weights of a tensor, by its name and shape, as `tests/data/gpt2/formula.py` computes them.
#[must_use]
pub fn formula_weight(name: &str, shape: &[usize]) -> Vec<f32> {
    let seed = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let unit = |index: u32| {
        let mut x = index.wrapping_mul(2_654_435_761).wrapping_add(seed);
        x ^= x >> 16;
        x = x.wrapping_mul(0x85EB_CA6B);
        x ^= x >> 13;
        x = x.wrapping_mul(0xC2B2_AE35);
        x ^= x >> 16;
        (f64::from(x) / 2.0_f64.powi(32) - 0.5) as f32
    };
    let embedding = ["wte", "wpe", "lm_head"].iter().any(|prefix| name.starts_with(prefix));
    let (scale, shift) = match () {
        () if name.contains("ln_") => (0.5, if name.ends_with("weight") { 1.0 } else { 0.0 }),
        () if name.ends_with("bias") => (0.25, 0.0),
        () if embedding => (1.0, 0.0),
        () => (0.5, 0.0),
    };
    (0..shape.iter().product::<usize>() as u32).map(|index| unit(index) * scale + shift).collect()
}
