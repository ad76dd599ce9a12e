"""Writes gensim.txt and gensim.json: a small table of vectors in gensim's word2vec text and what gensim reads in it.

    python make_gensim.py        # gensim 4.4.0, numpy 2.4.6
"""

import json

import numpy as np
from gensim.models import KeyedVectors

WORDS = ["la", "vacuna", "mañana", "brazo", "💪", "!", "dosis", "refuerzo"]
random = np.random.default_rng(7)
table = KeyedVectors(5)
table.add_vectors(WORDS, random.normal(size=(len(WORDS), 5)).astype(np.float32))
table.save_word2vec_format("gensim.txt")
read = KeyedVectors.load_word2vec_format("gensim.txt")
vectors = {word: [float(value) for value in read[word]] for word in WORDS}
with open("gensim.json", "w", encoding="utf-8") as file:
    json.dump(
        {"vectors": vectors, "word": "vacuna", "most_similar": read.most_similar("vacuna", topn=4)},
        file,
        ensure_ascii=False,
        indent=1,
    )
    file.write("\n")
