-- Rounds, their candidates, the post a round led to, and the calls made for it.
-- Instants are text, RFC 3339 in UTC with three decimals, so that they sort as text and a person can read them.
-- Random seeds are text: they use all 64 bits, and SQLite's integers are signed.

-- Marks the file as ours ("PREG"): another program's database is refused instead of migrated.
PRAGMA application_id = 1347568967;

CREATE TABLE rounds (
    -- AUTOINCREMENT: a number is never given twice, because `history show 7` must mean the same for ever.
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    slot              TEXT NOT NULL,
    slot_kind         TEXT NOT NULL CONSTRAINT rounds_slot_kind CHECK (slot_kind IN ('scheduled', 'manual')),
    -- What follows is empty for a missed slot: no model ran.
    seed_prompt       TEXT,
    seed_attributes   TEXT,
    rng_seed          TEXT,
    -- Decoding settings as JSON: their set grows with the generator, and only `replay` reads them.
    generation        TEXT,
    generator_name    TEXT,
    generator_sha256  TEXT,
    classifier_name   TEXT,
    classifier_sha256 TEXT,
    device            TEXT,
    program_version   TEXT,
    started_at        TEXT NOT NULL,
    finished_at       TEXT,
    outcome           TEXT NOT NULL CONSTRAINT rounds_outcome
                      CHECK (outcome IN ('running', 'chosen', 'no_candidate', 'failed', 'missed', 'interrupted')),
    -- Why no post came of it, for a person.
    reason            TEXT,
    CONSTRAINT rounds_end CHECK ((outcome = 'running') = (finished_at IS NULL))
) STRICT;

-- One round a due time, so at most one post a due time, whatever restarts in between. Rounds asked for by hand are free.
CREATE UNIQUE INDEX rounds_one_a_slot ON rounds (slot) WHERE slot_kind = 'scheduled';

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
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX candidates_one_chosen ON candidates (round_id) WHERE chosen = 1;

CREATE TABLE posts (
    -- The round's own number: a round leads to one post or none, and `history show` needs one kind of number only.
    id                 INTEGER PRIMARY KEY REFERENCES rounds (id),
    candidate_position INTEGER NOT NULL,
    text               TEXT NOT NULL,
    weighted_length    INTEGER NOT NULL,
    state              TEXT NOT NULL CONSTRAINT posts_state CHECK (state IN (
                           'held', 'approved', 'armed', 'sent', 'refused', 'unknown',
                           'dry_run', 'rejected', 'expired', 'cancelled')),
    created_at         TEXT NOT NULL,
    -- After this instant it may neither be approved nor sent.
    expires_at         TEXT NOT NULL,
    -- Who let it through or stopped it: a person's name, or `gates` where the verdicts sufficed.
    decided_by         TEXT,
    decided_at         TEXT,
    decision_reason    TEXT,
    -- A limit, the budget or a lost connection: no attempt before this instant, also after a restart.
    not_before         TEXT,
    -- Text, not a number: X's ids go past what JSON readers hold exactly.
    tweet_id           TEXT CONSTRAINT posts_tweet_id UNIQUE,
    sent_at            TEXT,
    -- What last went wrong, in one sentence.
    error              TEXT,
    CONSTRAINT posts_sent CHECK (state <> 'sent' OR (tweet_id IS NOT NULL AND sent_at IS NOT NULL)),
    FOREIGN KEY (id, candidate_position) REFERENCES candidates (round_id, position)
) STRICT;

CREATE INDEX posts_by_state ON posts (state, id);

CREATE TABLE attempts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id        INTEGER NOT NULL REFERENCES posts (id),
    -- On disk before the call is made.
    started_at     TEXT NOT NULL,
    finished_at    TEXT,
    outcome        TEXT NOT NULL CONSTRAINT attempts_outcome
                   CHECK (outcome IN ('under_way', 'sent', 'refused', 'rate_limited', 'not_sent', 'unknown')),
    -- X's price at that time in millionths of a dollar: a later price list must not change what was spent.
    price_micros   INTEGER NOT NULL,
    http_status    INTEGER,
    -- What the program made of the answer, and X's own problem type.
    kind           TEXT,
    problem        TEXT,
    detail         TEXT,
    transaction_id TEXT,
    CONSTRAINT attempts_end CHECK ((outcome = 'under_way') = (finished_at IS NULL))
) STRICT;

-- A post has one call under way at most.
CREATE UNIQUE INDEX attempts_one_under_way ON attempts (post_id) WHERE outcome = 'under_way';
CREATE INDEX attempts_by_start ON attempts (started_at);
