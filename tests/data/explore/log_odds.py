"""Makes log_odds.json: Monroe, Colaresi and Quinn (2008), equations 15, 16, 22 and 23, with numpy.

Run with numpy: python3 tests/data/explore/log_odds.py > tests/data/explore/log_odds.json
"""

import json

import numpy as np

rng = np.random.default_rng(7)
PRIOR_WORDS = 500
frequencies = 1 / np.arange(1, 61)
tilt = rng.normal(0, 0.6, 60)
here = rng.poisson(900 * frequencies * np.exp(tilt))
elsewhere = rng.poisson(2500 * frequencies)
everywhere = here + elsewhere

prior = PRIOR_WORDS * everywhere / everywhere.sum()


def log_odds(seen):
    return np.log((seen + prior) / (seen.sum() + prior.sum() - seen - prior))


delta = log_odds(here) - log_odds(elsewhere)
variance = 1 / (here + prior) + 1 / (elsewhere + prior)
z = delta / np.sqrt(variance)
print(
    json.dumps(
        {
            "words": [f"w{place:02}" for place in range(60)],
            "here": here.tolist(),
            "elsewhere": elsewhere.tolist(),
            "log_odds": delta.tolist(),
            "z": z.tolist(),
        }
    )
)
