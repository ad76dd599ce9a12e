"""Reference probabilities for crates/workshop/src/evaluation/generator/ngram.rs: interpolated modified Kneser-Ney written out from Chen and
Goodman (1998), with dictionaries and no cleverness.

    python3 make_ngram.py > ngram.json     # needs nothing but Python
"""
import json, random
from collections import Counter, defaultdict

def train(stream, order):
    counts = {order: Counter(tuple(stream[i : i + order]) for i in range(len(stream) - order + 1))}
    for n in range(order - 1, 0, -1):
        before = defaultdict(set)
        for gram in counts[n + 1]:
            before[gram[1:]].add(gram[0])
        counts[n] = Counter({gram: len(tokens) for gram, tokens in before.items()})
    discounts = {}
    for n, grams in counts.items():
        n1, n2, n3, n4 = (sum(1 for c in grams.values() if c == k) for k in (1, 2, 3, 4))
        d = [0.5, 1.0, 1.5]
        if n1 and n2 and n3 and n4:
            y = n1 / (n1 + 2 * n2)
            estimate = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
            if all(0.05 <= e <= k for e, k in zip(estimate, (1, 2, 3))):
                d = estimate
        discounts[n] = d
    return counts, discounts

def probability(counts, discounts, vocabulary, context, token):
    p = 1 / vocabulary
    for n in range(1, len(context) + 2):
        h = tuple(context[len(context) - n + 1 :])
        followers = {g: c for g, c in counts[n].items() if g[:-1] == h}
        total = sum(followers.values())
        if total == 0:
            break
        d = discounts[n]
        off = lambda c: 0 if c == 0 else d[min(c, 3) - 1]
        c = followers.get(h + (token,), 0)
        p = max(c - off(c), 0) / total + sum(off(c) for c in followers.values()) / total * p
    return p

random.seed(11)
def text(length, vocabulary):  # a few words often, phrases that come again, some never
    phrases = [[min(int(random.paretovariate(0.7)), vocabulary - 3) for _ in range(random.randint(2, 6))] for _ in range(25)]
    out = []
    while len(out) < length:
        out += random.choice(phrases) if random.random() < 0.7 else [random.randrange(vocabulary)]
    return out[:length]

out = []
for order, vocabulary, length in [(5, 40, 900), (3, 25, 400), (1, 20, 200), (5, 12, 9)]:
    whole = text(length + 60, vocabulary)
    training, stream = whole[:length], whole[length:]
    counts, discounts = train(training, order)
    probabilities = [probability(counts, discounts, vocabulary, stream[max(0, i - order + 1) : i], stream[i])
                     for i in range(1, len(stream))]
    out.append(dict(order=order, vocabulary=vocabulary, training=training, stream=stream, probabilities=probabilities))
print(json.dumps(out, separators=(",", ":")))
