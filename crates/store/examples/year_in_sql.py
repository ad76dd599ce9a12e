"""Asks the record that `year_of_history` made the same questions in plain SQL, for the table in docs/guide/history.md.

    python3 crates/store/examples/year_in_sql.py FILE
"""

import sqlite3
import sys
import time

ENTRIES = """
    SELECT rounds.id, slot, outcome, state, posts.text, tweet_id, seed_prompt, sentiment, tallies.score
    FROM rounds LEFT JOIN posts ON posts.id = rounds.id LEFT JOIN tallies ON tallies.round_id = rounds.id
    LEFT JOIN candidates ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position
"""
NEWEST = " ORDER BY rounds.id DESC LIMIT 20"
COUNTS = "outcome, count(*), sum(candidates), sum(passed), avg(score), sum(cost_micros)"
TALLIES = "FROM tallies JOIN rounds ON rounds.id = round_id GROUP BY 1, 2"

QUESTIONS = [
    ("history list", ENTRIES + NEWEST),
    ("history list --all", ENTRIES + " ORDER BY rounds.id DESC"),
    ("--text", ENTRIES + " WHERE rounds.id IN (SELECT rowid FROM posts_text WHERE posts_text MATCH 'manana')" + NEWEST),
    *(
        (
            f"--text {word} --candidates",
            f"""{ENTRIES} WHERE rounds.id IN (SELECT rowid FROM posts_text WHERE posts_text MATCH '{word}'
            UNION ALL SELECT rowid / 256 FROM candidates_text WHERE candidates_text MATCH '{word}') {NEWEST}""",
        )
        for word in ["palabra7", "manana"]
    ),
    (
        "the same with LIKE",
        f"{ENTRIES} WHERE rounds.id IN (SELECT round_id FROM candidates WHERE text LIKE '%palabra7 %') {NEWEST}",
    ),
    ("--since --until", ENTRIES + " WHERE tallies.due >= 1772341200 AND tallies.due < 1775019600" + NEWEST),
    ("--prompt, none fits", ENTRIES + " WHERE trim(seed_prompt) = 'Nada'" + NEWEST),
    ("--state", ENTRIES + " WHERE coalesce(state, outcome) = 'refused'" + NEWEST),
    ("--min-score", ENTRIES + " WHERE tallies.score >= 0.99" + NEWEST),
    ("history show, its candidates", "SELECT * FROM candidates WHERE round_id = 9000"),
    ("stats --by month", f"SELECT strftime('%Y-%m', due, 'unixepoch'), {COUNTS} {TALLIES}"),
    ("stats --by prompt", f"SELECT seed_prompt || coalesce(seed_attributes, ''), {COUNTS} {TALLIES}"),
    (
        "the same out of candidates",
        """SELECT seed_prompt, seed_attributes, count(*), sum(verdict = 'pass'), avg(candidates.score)
        FROM candidates JOIN rounds ON rounds.id = round_id GROUP BY 1, 2""",
    ),
    (
        "each gate out of candidates",
        """SELECT value ->> 'gate', count(*), sum(value ->> 'verdict' = 'pass')
        FROM candidates, json_each(gates) GROUP BY 1""",
    ),
    ("every page of the file", "PRAGMA quick_check"),
]

record = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
print(f"SQLite {sqlite3.sqlite_version}")
for name, question in QUESTIONS:
    times, rows = [], []
    while len(times) < 15 and sum(times) < 3:
        began = time.perf_counter()
        rows = record.execute(question).fetchall()
        times.append(time.perf_counter() - began)
    times.sort()
    print(f"{name:40} {len(rows):6} rows {1000 * times[len(times) // 2]:9.2f} ms {1000 * times[0]:9.2f} ms")
