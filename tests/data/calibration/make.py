"""Writes reference.json: random logits and labels, with the temperature and Platt's line that fit them best.

Run in this folder; needs numpy, scipy and scikit-learn. Made with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1.
"""
import json

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression


def temperature(logits, labels):
    two = logits if logits.shape[1] > 1 else np.hstack([np.zeros_like(logits), logits])

    def loss(log_inverse):
        return -log_softmax(two * np.exp(log_inverse), axis=1)[np.arange(len(labels)), labels].sum()

    return float(np.exp(-minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-12}).x))


def platt(logits, labels):
    """LogisticRegression knows no soft targets: each row stands once for either label, weighted."""
    positives, negatives = labels.sum(), (1 - labels).sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    model.fit(np.vstack([logits, logits]), np.r_[np.ones_like(labels), np.zeros_like(labels)],
              sample_weight=np.r_[target, 1 - target])
    return [float(model.coef_[0, 0]), float(model.intercept_[0])]


rng = np.random.default_rng(11)
cases = []
for rows, outputs, scale, shift in [(80, 1, 4.0, 1.0), (60, 1, 0.3, -0.2), (90, 3, 5.0, 0.5), (70, 5, 0.5, 0.0)]:
    classes = max(outputs, 2)
    labels = rng.integers(0, classes, rows)
    noise = rng.normal(size=(rows, outputs))
    signal = (labels[:, None] * 2 - 1) if outputs == 1 else np.eye(classes)[labels] * 2
    logits = np.round(scale * (noise + 0.7 * signal) + shift, 3)
    t, line = temperature(logits, labels), None
    if outputs == 1:
        line = platt(logits, labels)
        positive = expit(line[0] * logits[:, 0] + line[1])
        calibrated = np.stack([1 - positive, positive], axis=1)
    else:
        calibrated = softmax(logits / t, axis=1)
    cases.append({"logits": logits.tolist(), "labels": labels.tolist(), "temperature": t, "platt": line,
                  "calibrated": np.round(calibrated, 7).tolist()})
with open("reference.json", "w") as file:
    json.dump(cases, file)
