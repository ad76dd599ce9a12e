#!/usr/bin/env python3
"""Trains the same word vectors with `pregonero train vectors` and with gensim, one after the other, and prints the ratio.

    cargo build --release
    python benches/vectors_beside_gensim.py TEXTS.txt [--threads 2] [--epochs 2] [--binary target/release/pregonero]

Needs gensim (pip install gensim). TEXTS.txt holds one text a line. Both read the words that pregonero's `plain` pipeline makes
of them: gensim is given texts cleaned in the same way beforehand, and its time is that of training alone, the vocabulary
excluded; pregonero's is the whole command, reading and writing included. Word2Vec stands beside `--buckets 0`, FastText beside
n-grams of 3 to 6 characters in 200,000 buckets; width, window, negatives, subsampling and epochs are the same.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
import unicodedata
from pathlib import Path

from gensim.models import FastText, Word2Vec

SETTINGS = {"vector_size": 100, "window": 5, "negative": 5, "min_count": 5, "sample": 1e-4, "alpha": 0.05, "sg": 1, "seed": 1}


def plain(text):
    text = re.sub(r"https?://\S*|\bwww\.\S+|[#@]\w+", " ", text)
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c.lower() if c.isalnum() else " " if c.isspace() else "" for c in letters).split()


def of_pregonero(arguments, buckets):
    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.binary, "--json", "-q", "train", "vectors", "--data", arguments.texts, "--clean", "none"]
        command += ["--buckets", str(buckets), "--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
        start = time.perf_counter()
        output = subprocess.run(command + ["--output", f"{folder}/vectors"], check=True, capture_output=True, text=True)
        return json.loads(output.stdout)["running_words"] * arguments.epochs / (time.perf_counter() - start)


def of_gensim(arguments, model, texts):
    model.build_vocab(texts)
    words = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
    start = time.perf_counter()
    model.train(texts, total_examples=model.corpus_count, epochs=arguments.epochs)
    return words * arguments.epochs / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--binary", default="target/release/pregonero")
    arguments = parser.parse_args()
    texts = list(dict.fromkeys(Path(arguments.texts).read_text(encoding="utf-8").splitlines()))
    texts = [words for words in map(plain, texts) if words]
    print("| model | pregonero, words/s | gensim, words/s | ratio |\n|---|---|---|---|")
    for name, buckets, model in [
        ("words alone", 0, Word2Vec(workers=arguments.threads, **SETTINGS)),
        ("with n-grams", 200_000, FastText(workers=arguments.threads, bucket=200_000, min_n=3, max_n=6, **SETTINGS)),
    ]:
        ours, theirs = of_pregonero(arguments, buckets), of_gensim(arguments, model, texts)
        print(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
