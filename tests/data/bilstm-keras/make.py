"""Writes reference.safetensors: a random-weight BiLSTM of the seeds' shape in small, Keras's outputs and gradients.

Run in this folder with KERAS_BACKEND=torch; needs keras 3, torch, numpy and safetensors. Made with keras 3.15.1, torch 2.15.0.
"""
import keras
import numpy as np
import torch
from safetensors.numpy import save_file

rng = np.random.default_rng(5)
VOCABULARY, STEPS = 11, 6
layers = keras.layers
model = keras.Sequential([
    keras.Input((STEPS,), dtype="int32"),
    layers.Embedding(VOCABULARY, 4),
    layers.SpatialDropout1D(0.2),
    layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
    layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
    layers.Bidirectional(layers.LSTM(2)),
    layers.Dense(6, activation="relu"),
    layers.Dense(4, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(3, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(1, activation="sigmoid"),
])
names = ["embedding.weight"]
for layer in range(3):
    for direction in ("forward", "backward"):
        names += [f"bilstm.{layer}.{direction}.{part}" for part in ("input_weight", "recurrent_weight", "bias")]
for layer in range(3):
    names += [f"dense.{layer}.weight", f"dense.{layer}.bias"]
names += ["output.weight", "output.bias"]
weights = [rng.uniform(-1.6, 1.6, w.shape).astype("float32") for w in model.get_weights()]
model.set_weights(weights)

ids = rng.integers(1, VOCABULARY, (4, STEPS)).astype("int32")
ids[0, :3] = 0
ids[1, :1] = 0
labels = np.array([1, 0, 0, 1], dtype="float32")
row_weights = np.array([0.5, 2.0, 1.0, 1.5], dtype="float32")
output = model(torch.from_numpy(ids), training=False)[:, 0]
losses = torch.nn.functional.binary_cross_entropy(output, torch.from_numpy(labels), reduction="none")
loss = (losses * torch.from_numpy(row_weights)).mean()
loss.backward()

tensors = dict(zip(names, weights))
for name, variable in zip(names, model.trainable_variables):
    tensors[f"gradient.{name}"] = variable.value.grad.numpy()
tensors |= {"ids": ids.astype("int64"), "labels": labels, "row_weights": row_weights}
tensors |= {"probabilities": output.detach().numpy(), "loss": np.array([loss.item()], dtype="float32")}
save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, "reference.safetensors")
print(output.detach().numpy(), loss.item())
