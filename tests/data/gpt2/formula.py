"""The weights of the tests by a formula: `formula_weight` in crates/models/src/generation/testing.rs computes the same."""
import numpy as np

def weight(name, shape):
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    with np.errstate(over="ignore"):
        x = i * np.uint32(2654435761) + np.uint32(h)
        x ^= x >> np.uint32(16); x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13); x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    unit = (x.astype(np.float64) / 2.0**32 - 0.5).astype(np.float32)
    if "ln_" in name:
        unit = unit * np.float32(0.5) + np.float32(1.0 if name.endswith("weight") else 0.0)
    elif name.endswith("bias"):
        unit = unit * np.float32(0.25)
    elif len(shape) == 2 and not name.startswith(("wte", "wpe", "lm_head")):
        unit = unit * np.float32(0.5)
    return unit.reshape(shape)
