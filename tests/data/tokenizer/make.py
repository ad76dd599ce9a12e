"""A byte-level BPE tokenizer by the `tokenizers` Python package, on invented texts.

    python3 -m venv venv && venv/bin/pip install tokenizers && venv/bin/python make.py > reference.json
"""
import json, sys, tempfile, os
import tokenizers
from tokenizers import ByteLevelBPETokenizer

TEXTS = [f"{a} {b} {c} número {n}{d}" for n, (a, b, c, d) in enumerate(
    (a, b, c, d)
    for a in ("Mañana", "¿Hoy", "El señor Ibáñez", "La pingüina")
    for b in ("vacunan", "bailó", "leyó")
    for c in ("en la plaza", "con su corazón ❤️", "junto a la familia 👩‍👩‍👧‍👦")
    for d in (".", "!", " 🎉", "…"))]
PROBES = ["mañana vacunan en la plaza", "La pingüina leyó junto al corazón ❤️ 🏳️‍🌈", "  dos  espacios\ty\nsaltos", "日本語 y العربية", "[TWEET]hola<|endoftext|>"]
tokenizer = ByteLevelBPETokenizer(add_prefix_space=False)
tokenizer.train_from_iterator(TEXTS, vocab_size=400, min_frequency=2, show_progress=False, special_tokens=["<|endoftext|>", "[TWEET]"])
with tempfile.TemporaryDirectory() as folder:
    tokenizer.save_model(folder)
    vocab = json.load(open(os.path.join(folder, "vocab.json")))
    merges = open(os.path.join(folder, "merges.txt"), encoding="utf-8").read().splitlines()[1:]
json.dump({"version": tokenizers.__version__, "texts": TEXTS, "tokens": sorted(vocab, key=vocab.get), "merges": merges,
    "probes": [{"text": text, "ids": tokenizer.encode(text).ids} for text in PROBES]}, sys.stdout, ensure_ascii=False)
