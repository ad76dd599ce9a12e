"""Writes reference.safetensors: the seeds' networks in small with random weights, Keras's logits and gradients.

Run in this folder with KERAS_BACKEND=torch; needs keras 3, torch, numpy and safetensors. Made with keras 3.15.1, torch 2.15.0.
Each network is run twice: padding read as a word, and masked (`mask_zero`), where pooling leaves masked steps out.
The loss that is differentiated is the sum of all logits, each times its `weighting`.
"""
import keras
import numpy as np
import torch
from safetensors.numpy import save_file

layers = keras.layers
VOCABULARY, STEPS, WIDTH = 11, 6, 4
rng = np.random.default_rng(5)
ids = rng.integers(1, VOCABULARY, (5, STEPS))
ids[0, :3] = 0  # filled on the left
ids[1, :1] = 0
ids[2, 4:] = 0  # filled on the right
ids[3, :] = 0  # nothing to read
tensors = {"ids": ids.astype("int64")}


def network(kind, units, pooling, dense, outputs):
    """The layers with weights, and how they are put together."""
    cell = {"lstm": layers.LSTM, "bilstm": layers.LSTM, "bigru": layers.GRU}[kind]
    recurrent = []
    for index, size in enumerate(units):
        layer = cell(size, return_sequences=pooling == "max" or index + 1 < len(units))
        recurrent.append(layer if kind == "lstm" else layers.Bidirectional(layer))
    stack = [layers.Dense(size, activation="relu") for size in dense] + [layers.Dense(outputs)]
    embedding = layers.Embedding(VOCABULARY, WIDTH)

    def run(masked):
        words = torch.from_numpy(ids)
        mask = words != 0 if masked else None
        x = embedding(words)
        for layer in recurrent:
            x = layer(x, mask=mask)
        if pooling == "max":
            if masked:
                empty = ~mask.any(1)
                x = x.masked_fill(~mask[:, :, None], -torch.inf).amax(1)
                x = torch.where(empty[:, None], torch.zeros_like(x), x)
            else:
                x = layers.GlobalMaxPooling1D()(x)
        for layer in stack:
            x = layer(x)
        return x

    return embedding, recurrent, stack, run


def names(kind, count, dense):
    """Our names of the weights in Keras's order; a GRU's two biases are one weight of two rows in Keras."""
    yield "embedding.weight"
    for index in range(count):
        for direction in ([""] if kind == "lstm" else ["forward.", "backward."]):
            for part in ("input_weight", "recurrent_weight", "bias"):
                yield f"{kind}.{index}.{direction}{part}"
    for index in range(dense):
        yield f"dense.{index}.weight"
        yield f"dense.{index}.bias"
    yield "output.weight"
    yield "output.bias"


def save(prefix, name, value):
    if name.startswith("bigru") and name.endswith(".bias"):
        tensors[f"{prefix}.{name}"] = value[0].copy()
        tensors[f"{prefix}.{name.replace('.bias', '.recurrent_bias')}"] = value[1].copy()
    else:
        tensors[f"{prefix}.{name}"] = value.copy()


for kind, units, pooling, dense, outputs in [
    ("lstm", [5, 3], "max", [4], 1),
    ("bilstm", [5, 3, 2], "last", [6, 4, 3], 1),
    ("bigru", [5, 3], "max", [4], 3),
]:
    embedding, recurrent, stack, run = network(kind, units, pooling, dense, outputs)
    run(False)
    variables = [v for layer in [embedding, *recurrent, *stack] for v in layer.trainable_variables]
    for variable in variables:
        variable.assign(rng.uniform(-1.6, 1.6, variable.shape).astype("float32"))
    all_names = list(names(kind, len(units), len(dense)))
    assert len(all_names) == len(variables)
    weighting = rng.uniform(-1, 1, (len(ids), outputs)).astype("float32")
    tensors[f"{kind}.weighting"] = weighting
    for name, variable in zip(all_names, variables):
        save(f"{kind}.weight", name, variable.value.detach().numpy())
    for masked in (False, True):
        case = f"{kind}.{'masked' if masked else 'plain'}"
        for variable in variables:
            variable.value.grad = None
        logits = run(masked)
        (logits * torch.from_numpy(weighting)).sum().backward()
        tensors[f"{case}.logits"] = logits.detach().numpy()
        for name, variable in zip(all_names, variables):
            save(f"{case}.gradient", name, variable.value.grad.numpy())
        print(case, logits.detach().numpy().tolist())
save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, "reference.safetensors")
