"""Writes the texts of the base, one per line: general.txt and vaccination.txt, and held-out.csv to measure on.

    python mixture.py DATA FOLDER

DATA has the folders modern, corpus and vacunas and the file emoji-labelled-tweets.csv.xz that the card names. Tweets about vaccination
are those for it or of no stance; those of every tenth author are left out, and the labelled ones among these are held-out.csv.
"""
import csv
import hashlib
import lzma
import random
import re
import sys
from pathlib import Path

# Files that are taken whole, or the share of their lines.
GENERAL = {
    "modern/B-sentences-tatoeba": 1, "modern/A-health-unicef-parenting-ecuador": 1, "modern/A-health-medlineplus": 1,
    "modern/A-health-red-cross-epidemics": 1, "modern/B-stories-african-storybook": 1, "modern/B-sentences-esxnli": 1,
    "modern/B-health-covid-answers-bots": 1, "modern/B-civic-vote-gov-es": 1, "modern/B-dialogue-chatterbot": 1,
    "modern/A-health-conferences-mexico-2020": 0.5, "modern/A-health-medicamentalia-journalism": 1,
    "modern/A-health-mother-child-apps-argentina-peru": 1, "modern/A-tweets-government-argentina-2019-2020": 1,
    "modern/A-tweets-presidents-2019-2025": 1, "modern/B-health-tico19-covid-translations": 1,
    "modern/B-news-sentences-ntrex": 1, "modern/B-news-mexico-2018-2021": 1, "modern/B-headlines-mexico-2018-2021": 1,
    "modern/B-citizens-madrid-2024-2025": 1, "modern/B-questions-xquad": 1, "modern/B-tweets-news-2017-2021": 1,
    "modern/B-tweets-covid-2020-profner": 1, "modern/B-blogs-journalism-participation": 0.7,
    "modern/B-press-health-latam-2016-2026": 1, "modern/B-press-society-latam-2016-2026": 0.6,
    "modern/B-news-paraguay-guarani-pairs": 0.6, "modern/B-news-global-voices-aymara-pairs": 1, "corpus/sayings": 1,
    "corpus/tweets-topics-2022": 0.8, "corpus/tweets-news-media-2021-2022": 1,
    "modern/B-tweets-news-chile-bolivia-2019-2022": 1, "modern/B-tweets-events-2019-emoevent": 1,
    "modern/B-blogs-science-divulgando-ciencia": 1,
}
EVERYDAY = 16_000
AGAINST = re.compile(r"#\w*(nome|novoya|novacuna|plandemi|nonos|nuevoorden|yono)\w*", re.IGNORECASE)


def words(text):
    """Returns the words of a tweet without links, mentions and hashtags."""
    return " ".join(re.findall(r"\w+", re.sub(r"https?\S+|@\w+|#\w+", "", text.lower())))


def is_held_out(author):
    return int(hashlib.md5(author.encode()).hexdigest(), 16) % 10 == 0


def general(data):
    random.seed(7)
    texts = []
    for name, share in GENERAL.items():
        with lzma.open(data / f"{name}.txt.xz", "rt", encoding="utf-8") as file:
            lines = [line.strip() for line in file if line.strip()]
        texts += lines if share == 1 else random.sample(lines, int(len(lines) * share))
    with lzma.open(data / "emoji-labelled-tweets.csv.xz", "rt", encoding="utf-8") as file:
        everyday = [re.sub(r"\s+", " ", re.sub(r"_(emo|usr|url)", "", row["text"])).strip() for row in csv.DictReader(file)]
    return texts + random.sample([text for text in everyday if len(text) > 30], EVERYDAY)


def vaccination(data):
    """Returns the texts to train on, and the held-out rows of text and label."""
    rows = []
    for name in ("labelled", "unlabelled", "generator"):
        with open(data / f"vacunas/{name}.csv", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                text = re.sub(r"\s+", " ", row["text"]).strip()
                rows.append((name, row["author"], text, row.get("label"), row.get("hashtag_no")))
    seen, held_out = set(), []
    for name, author, text, label, _ in rows:
        if name == "labelled" and is_held_out(author) and words(text) and words(text) not in seen:
            seen.add(words(text))
            held_out.append((text, label))
    texts = []
    for _, author, text, label, hashtag_no in rows:
        known = words(text)
        if is_held_out(author) or known in seen or len(known.split()) < 4:
            continue
        seen.add(known)
        if label != "0" and hashtag_no != "1" and not AGAINST.search(text):
            texts.append(text)
    return texts, held_out


def main():
    data, folder = map(Path, sys.argv[1:])
    texts, held_out = vaccination(data)
    (folder / "general.txt").write_text("\n".join(general(data)) + "\n", encoding="utf-8")
    (folder / "vaccination.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    with open(folder / "held-out.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *held_out])


if __name__ == "__main__":
    main()
