"""Reference logits of GPT-2 with int8 weights, by numpy alone, on weights that both sides compute from a formula.

    python3 -m venv venv && venv/bin/pip install numpy && venv/bin/python int8.py > int8.json

Made with numpy 2.4.6. Weights are rounded to int8 with one scale for each output, activations with one for each row; the
products are summed as integers; keys and values are rounded to f16; everything else is f32. `pregonero_kernels::int8`
does the same with vectors. Embedding and head share their int8 values.
"""
import json, math
import numpy as np
from formula import weight

f = np.float32

def rounded(rows):
    """int8 values and the scale of each row."""
    largest = np.abs(rows).max(axis=1, keepdims=True).astype(f)
    inverse = np.where(largest > 0, f(127) / np.where(largest > 0, largest, 1), 0).astype(f)
    return np.rint(rows * inverse).astype(np.int64), (largest / f(127)).astype(f)

def product(x, matrix, bias):
    """`matrix` has one row for each output."""
    (x, x_scale), (matrix, scale) = rounded(x), rounded(matrix)
    return (x @ matrix.T).astype(f) * (x_scale * scale.T) + bias

def norm(x, name, width):
    mean = x.mean(axis=1, keepdims=True, dtype=f)
    variance = ((x - mean) ** 2).mean(axis=1, keepdims=True, dtype=f)
    return (x - mean) * (f(1) / np.sqrt(variance + f(1e-5))) * weight(f"{name}.weight", (width,)) + weight(f"{name}.bias", (width,))

def gelu(x):
    return (x * f(0.5) * (f(1) + np.tanh(f(math.sqrt(2 / math.pi)) * (x + f(0.044715) * x**3)))).astype(f)

def half(x):
    return x.astype(np.float16).astype(f)

def logits(vocab, width, layers, heads, positions, inner, tied, ids):
    conv = lambda x, name, a, b: product(x, weight(f"{name}.weight", (a, b)).T, weight(f"{name}.bias", (b,)))
    values, scale = rounded(weight("wte.weight", (vocab, width)))
    x = (values.astype(f) * scale)[ids] + weight("wpe.weight", (positions, width))[: len(ids)]
    head, steps = width // heads, len(ids)
    for layer in range(layers):
        name = f"h.{layer}"
        qkv = conv(norm(x, f"{name}.ln_1", width), f"{name}.attn.c_attn", width, 3 * width)
        q, k, v = [part.reshape(steps, heads, head).transpose(1, 0, 2) for part in np.split(qkv, 3, axis=1)]
        scores = (q @ half(k).transpose(0, 2, 1)) * f(1 / math.sqrt(head))
        scores[:, np.triu(np.ones((steps, steps), bool), 1)] = -np.inf
        scores = np.exp(scores - scores.max(axis=2, keepdims=True))
        attended = (scores / scores.sum(axis=2, keepdims=True)) @ half(v)
        x = x + conv(attended.transpose(1, 0, 2).reshape(steps, width), f"{name}.attn.c_proj", width, width)
        middle = gelu(conv(norm(x, f"{name}.ln_2", width), f"{name}.mlp.c_fc", width, inner))
        x = x + conv(middle, f"{name}.mlp.c_proj", inner, width)
    table = weight("wte.weight" if tied else "lm_head.weight", (vocab, width))
    return product(norm(x, "ln_f", width), table, f(0))

CASES = [("tied", 101, 32, 2, 4, 48, 128, True), ("stored_head", 67, 24, 3, 3, 40, 50, False)]
out = []
for name, vocab, *sizes in CASES:
    ids = [int(x) for x in np.random.default_rng(17).integers(1, vocab, size=14)]
    result = logits(vocab, *sizes, ids)
    out.append(dict(name=name, ids=ids, logits=[[round(float(x), 6) for x in result[step]] for step in (2, 13)]))
print(json.dumps(out, separators=(",", ":")))
