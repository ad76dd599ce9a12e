"""Writes reference.json: random labels and probabilities, and what scikit-learn says of them.

Run in this folder; needs numpy and scikit-learn. Made with numpy 2.4.6, scikit-learn 1.9.1. Ties, labels that never
occur, labels that are never predicted, and one label alone are among the cases. Of equal probabilities the last
label counts, as in the program.
"""
import json
import warnings

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, confusion_matrix, f1_score, log_loss,
                             precision_recall_curve, precision_recall_fscore_support, roc_auc_score, roc_curve)

warnings.simplefilter("ignore")
rng = np.random.default_rng(17)
BINS = 15


def report(labels, probabilities):
    classes = probabilities.shape[1]
    names = list(range(classes))
    predicted = classes - 1 - probabilities[:, ::-1].argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=names, zero_division=0)
    present = len(set(labels.tolist()))
    auc = None
    if classes == 2 and present == 2:
        auc = roc_auc_score(labels, probabilities[:, 1])
    elif present == classes > 2:
        auc = np.mean([roc_auc_score(labels == label, probabilities[:, label]) for label in names])
        assert abs(auc - roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")) < 1e-12
    right, confidence = (predicted == labels).astype(int), probabilities.max(axis=1)
    places = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)
    counts = np.bincount(places, minlength=BINS)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    error = float((counts[counts > 0] * np.abs(accuracy - mean)).sum() / len(labels))
    brier = (brier_score_loss(labels, probabilities[:, 1], pos_label=1) if classes == 2
             else brier_score_loss(labels, probabilities, labels=names))
    answer = {
        "labels": labels.tolist(), "probabilities": np.round(probabilities, 4).tolist(),
        "accuracy": accuracy_score(labels, predicted),
        "macro_f1": f1_score(labels, predicted, average="macro", labels=names, zero_division=0),
        "auc": auc, "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(),
        "support": support.tolist(), "calibration_error": error, "bin_rows": counts.tolist(),
        "brier_score": float(brier), "log_loss": float(log_loss(labels, probabilities, labels=names)),
        "confusion_matrix": confusion_matrix(labels, predicted, labels=names).tolist(), "curves": None,
    }
    if auc is not None and classes == 2:
        false, true, _ = roc_curve(labels, probabilities[:, 1], drop_intermediate=False)
        precisions, recalls, _ = precision_recall_curve(labels, probabilities[:, 1])
        answer["curves"] = {"false_positive_rate": false.tolist(), "true_positive_rate": true.tolist(),
                            "precision": precisions.tolist(), "recall": recalls.tolist(),
                            "average_precision": float(average_precision_score(labels, probabilities[:, 1]))}
    return answer


def two(positive):
    return np.stack([1 - positive, positive], axis=1)


def single(probabilities):
    """As the program holds them, in f32: a probability of 0.6 must lie on the same side of a bin's edge."""
    return np.round(probabilities, 4).astype("float32").astype(float)


def softmax(logits, digits):
    exponentials = np.exp(logits)
    rounded = np.round(exponentials / exponentials.sum(axis=1, keepdims=True), digits)
    rounded[:, 0] = np.round(1 - rounded[:, 1:].sum(axis=1), digits)
    return rounded


cases = []
labels = rng.integers(0, 2, 60)
cases.append((labels, two(np.round(np.clip(0.3 * labels + rng.uniform(0, 0.7, 60), 0, 1), 1))))   # many ties, 0 and 1
labels = rng.integers(0, 2, 75)
cases.append((labels, two(np.round(np.clip(0.4 * labels + rng.uniform(0, 0.6, 75), 0.001, 0.999), 4))))
cases.append((np.ones(20, dtype=int), two(np.round(rng.uniform(0.01, 0.99, 20), 3))))             # one label alone
cases.append((rng.integers(0, 2, 30), two(np.round(rng.uniform(0.01, 0.4, 30), 3))))              # 1 is never predicted
labels = rng.integers(0, 3, 90)
cases.append((labels, softmax(1.5 * rng.normal(size=(90, 3)) + 2 * np.eye(3)[labels], 4)))
labels = rng.integers(0, 4, 80)
cases.append((labels, softmax(rng.normal(size=(80, 4)) + 0.5 * np.eye(4)[labels], 1)))            # many ties
labels = rng.integers(0, 3, 40)
cases.append((labels, softmax(rng.normal(size=(40, 4)) + np.eye(4)[labels], 3)))                  # label 3 does not occur
with open("reference.json", "w") as file:
    json.dump([report(labels, single(probabilities)) for labels, probabilities in cases], file)
