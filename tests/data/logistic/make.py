"""Writes reference.json: scikit-learn 1.9.1's logistic regression, for crates/workshop/src/metrics/logistic.rs.

pip install scikit-learn==1.9.1 && python make.py > reference.json
"""
import json

import numpy as np
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(7)
features = np.round(random.normal(size=(24, 3)) * [1, 0.3, 2] + [0.5, -0.8, 1], 2)
truth = random.random(24) < 1 / (1 + np.exp(-(features @ [1.2, 2, -0.7] + 1)))
fits = []
for ridge in (0.1, 2.0):
    model = LogisticRegression(C=1 / ridge, tol=1e-12, max_iter=10_000).fit(features, truth)
    fits.append({"ridge": ridge, "intercept": model.intercept_[0], "coefficients": model.coef_[0].tolist()})
print(json.dumps({"features": features.tolist(), "truth": truth.tolist(), "fits": fits}))
