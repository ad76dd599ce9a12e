"""Writes reference.json: random vectors and their first three principal components, by numpy's eigh of the covariance.

Run in this folder; needs numpy. Made with numpy 2.4.6. A component's largest coefficient is positive.
"""
import json

import numpy as np

rng = np.random.default_rng(23)
vectors = np.round(rng.normal(size=(40, 6)) @ rng.normal(size=(6, 12)) + rng.normal(size=12), 3).astype("float32")
centred = vectors.astype(float) - vectors.astype(float).mean(axis=0)
values, directions = np.linalg.eigh(np.cov(centred, rowvar=False))
axes = directions[:, ::-1][:, :3]
axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(3)])
with open("reference.json", "w") as file:
    json.dump({"vectors": np.round(vectors.astype(float), 3).tolist(), "points": (centred @ axes).tolist(),
               "explained": (values[::-1][:3] / values.sum()).tolist()}, file)
