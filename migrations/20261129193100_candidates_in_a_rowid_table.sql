-- A row of `candidates` is about two kilobytes. In a table WITHOUT ROWID a row of more than a quarter of a page spills to
-- a page of its own: 65 KB a round, most of it unused. A rowid table packs two or more rows into a page.
-- The freed pages stay in the file and are used again; `VACUUM` would give them back to the disk.

-- `posts` refers to `candidates`: its rows are missed while the table is replaced, and are there again at the end.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE candidates_kept AS SELECT * FROM candidates;
DROP TABLE candidates;

CREATE TABLE candidates (
    round_id        INTEGER NOT NULL REFERENCES rounds (id),
    -- Place in the batch, from 0.
    position        INTEGER NOT NULL,
    -- As it would be posted: stripped, with the disclosure.
    text            TEXT NOT NULL,
    -- As the generator gave it: what `replay` compares with.
    generated       TEXT NOT NULL,
    continuation    TEXT NOT NULL,
    token_ids       TEXT NOT NULL,
    prompt_tokens   INTEGER NOT NULL,
    rng_seed        TEXT NOT NULL,
    finish          TEXT NOT NULL,
    weighted_length INTEGER NOT NULL,
    sentiment       TEXT NOT NULL,
    score           REAL NOT NULL,
    gates           TEXT NOT NULL,
    -- The worst of `gates`, kept beside it so that a query can ask for it.
    verdict         TEXT NOT NULL CONSTRAINT candidates_verdict CHECK (verdict IN ('pass', 'review', 'reject')),
    chosen          INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (round_id, position)
) STRICT;

INSERT INTO candidates SELECT round_id, position, text, generated, continuation, token_ids, prompt_tokens, rng_seed, finish,
    weighted_length, sentiment, score, gates, verdict, chosen
FROM candidates_kept ORDER BY round_id, position;
DROP TABLE candidates_kept;

CREATE UNIQUE INDEX candidates_one_chosen ON candidates (round_id) WHERE chosen = 1;
