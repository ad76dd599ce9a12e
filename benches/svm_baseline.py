"""TF-IDF (word 1-2 grams, character 2-5 grams) with a linear SVM over a split that `train classifier --export-split` wrote.

    python3 benches/svm_baseline.py --split split.csv --seed 1

prints one JSON object: the metrics on the test part. The SVM has nothing to stop by, so it trains on the train and
the validation part. Its probabilities come from Platt's calibration over five folds of those. Needs scikit-learn.
"""
import argparse
import csv
import json
import time

import numpy as np
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

BINS = 15


def read(path):
    """Texts and labels, of what is trained on and of the test part."""
    parts = {True: ([], []), False: ([], [])}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts, labels = parts[row["part"] == "test"]
            texts.append(row["text"])
            labels.append(int(row["label"]))
    return [(texts, np.array(labels)) for texts, labels in (parts[False], parts[True])]


def calibration_error(labels, probabilities):
    right, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence), minlength=BINS)
    return float((counts[counts > 0] * np.abs(accuracy - mean)).sum() / len(labels))


def features():
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", required=True, help="the CSV file that --export-split wrote")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    (texts, labels), (test_texts, test_labels) = read(arguments.split)
    svm = LinearSVC(C=0.5, random_state=arguments.seed)
    start = time.process_time()
    model = make_pipeline(features(), svm).fit(texts, labels)
    seconds = time.process_time() - start
    start = time.process_time()
    predicted = model.predict(test_texts)
    speed = len(test_texts) / (time.process_time() - start)
    calibrated = make_pipeline(features(), CalibratedClassifierCV(svm, method="sigmoid", cv=5)).fit(texts, labels)
    probabilities = calibrated.predict_proba(test_texts)
    two = probabilities.shape[1] == 2
    auc = roc_auc_score(test_labels, probabilities[:, 1] if two else probabilities, multi_class="ovr")
    print(json.dumps({
        "rows": len(test_labels),
        "accuracy": accuracy_score(test_labels, predicted),
        "macro_f1": f1_score(test_labels, predicted, average="macro"),
        "auc": auc,
        "calibration_error": calibration_error(test_labels, probabilities),
        "processor_seconds": seconds,
        "tweets_per_core_second": speed,
    }))


if __name__ == "__main__":
    main()
