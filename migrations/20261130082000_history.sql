-- What the history is searched, counted and measured by: the words of all texts, a tally of each round, and what people did
-- with the posts. All of it can be made again from the other tables, except for the engagement.

-- The words of the posts, without accents and in small letters. `content = ''`: the texts themselves are in `posts`.
CREATE VIRTUAL TABLE posts_text USING fts5 (
    text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);

INSERT INTO posts_text (rowid, text) SELECT id, text FROM posts;

CREATE TRIGGER posts_text_added AFTER INSERT ON posts BEGIN
    INSERT INTO posts_text (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER posts_text_changed AFTER UPDATE OF text ON posts WHEN old.text IS NOT new.text BEGIN
    INSERT INTO posts_text (posts_text, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO posts_text (rowid, text) VALUES (new.id, new.text);
END;

CREATE TRIGGER posts_text_removed AFTER DELETE ON posts BEGIN
    INSERT INTO posts_text (posts_text, rowid, text) VALUES ('delete', old.id, old.text);
END;

-- The words of the candidates. A row's number is the round's times 256 plus the candidate's position, because a round has
-- 256 candidates at most, and SQLite may change the numbers that it gives itself when a database is copied.
CREATE VIRTUAL TABLE candidates_text USING fts5 (
    text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);

INSERT INTO candidates_text (rowid, text)
    SELECT round_id * 256 + position, text FROM candidates ORDER BY round_id, position;

CREATE TRIGGER candidates_text_added AFTER INSERT ON candidates BEGIN
    INSERT INTO candidates_text (rowid, text) VALUES (new.round_id * 256 + new.position, new.text);
END;

CREATE TRIGGER candidates_text_changed AFTER UPDATE OF text ON candidates WHEN old.text IS NOT new.text BEGIN
    INSERT INTO candidates_text (candidates_text, rowid, text)
        VALUES ('delete', old.round_id * 256 + old.position, old.text);
    INSERT INTO candidates_text (rowid, text) VALUES (new.round_id * 256 + new.position, new.text);
END;

CREATE TRIGGER candidates_text_removed AFTER DELETE ON candidates BEGIN
    INSERT INTO candidates_text (candidates_text, rowid, text)
        VALUES ('delete', old.round_id * 256 + old.position, old.text);
END;

-- The gates that a round asked, in their order, separated by blanks: nearly always the same list as the round before.
CREATE TABLE gate_lists (
    id    INTEGER PRIMARY KEY,
    gates TEXT NOT NULL CONSTRAINT gate_lists_gates UNIQUE
) STRICT;

-- One row a round, so that statistics over a year need not read its candidates, and stay when those are pruned.
CREATE TABLE tallies (
    round_id    INTEGER PRIMARY KEY REFERENCES rounds (id),
    -- The slot in seconds of Unix time.
    due         INTEGER NOT NULL,
    -- How many candidates there were, and how many of them by their worst verdict.
    candidates  INTEGER NOT NULL DEFAULT 0,
    passed      INTEGER NOT NULL DEFAULT 0,
    review      INTEGER NOT NULL DEFAULT 0,
    rejected    INTEGER NOT NULL DEFAULT 0,
    -- How many of them each gate of the list left to a person and rejected: `2+5;0+1;;`. Nothing stands for neither.
    gate_list   INTEGER REFERENCES gate_lists (id),
    objections  TEXT NOT NULL DEFAULT '',
    -- The candidates' scores, and the numbers that decided between them, in thousandths, separated by blanks.
    scores      TEXT NOT NULL DEFAULT '',
    ranks       TEXT NOT NULL DEFAULT '',
    -- Of the candidate that the post was made of.
    score       REAL,
    rank        REAL,
    -- What X charged for the post's calls and the searches for it, in millionths of a dollar.
    cost_micros INTEGER NOT NULL DEFAULT 0,
    -- When the candidates were removed (`store.keep_candidates`).
    pruned_at   TEXT,
    -- What the post had when X was last asked: empty before the first time.
    likes       INTEGER,
    reposts     INTEGER,
    replies     INTEGER,
    quotes      INTEGER,
    views       INTEGER
) STRICT;

INSERT INTO tallies (round_id, due, cost_micros)
    SELECT id, coalesce(CAST(strftime('%s', ltrim(slot, 'manual:')) AS INTEGER),
            CAST(strftime('%s', started_at) AS INTEGER), 0),
        coalesce((SELECT sum(price_micros) FROM attempts
            WHERE post_id = rounds.id AND outcome IN ('under_way', 'sent', 'unknown')), 0)
        + coalesce((SELECT sum(price_micros) FROM reads WHERE post_id = rounds.id), 0)
    FROM rounds;

CREATE TABLE old_verdicts AS
    SELECT round_id, value ->> 'gate' AS gate, min(key) AS place, sum(value ->> 'verdict' = 'review') AS review,
        sum(value ->> 'verdict' = 'reject') AS rejected
    FROM candidates, json_each(candidates.gates) GROUP BY 1, 2 ORDER BY 1, 3;
CREATE INDEX old_verdicts_by_round ON old_verdicts (round_id);

CREATE TABLE old_gates AS
    SELECT round_id, group_concat(gate, ' ') AS gates, group_concat(
        CASE WHEN review + rejected = 0 THEN '' ELSE review || '+' || rejected END, ';') AS objections
    FROM old_verdicts GROUP BY round_id;
CREATE INDEX old_gates_by_round ON old_gates (round_id);
INSERT INTO gate_lists (gates) SELECT DISTINCT gates FROM old_gates;

UPDATE tallies SET (candidates, passed, review, rejected, scores, ranks) = (
    SELECT count(*), coalesce(sum(verdict = 'pass'), 0), coalesce(sum(verdict = 'review'), 0),
        coalesce(sum(verdict = 'reject'), 0), coalesce(group_concat(CAST(round(score * 1000) AS INTEGER), ' '), ''),
        coalesce(group_concat(CAST(round(coalesce(rank, score) * 1000) AS INTEGER), ' '), '')
    FROM (SELECT * FROM candidates WHERE candidates.round_id = tallies.round_id ORDER BY position)
) WHERE EXISTS (SELECT 1 FROM candidates WHERE candidates.round_id = tallies.round_id);

UPDATE tallies SET
    gate_list = (SELECT gate_lists.id FROM old_gates JOIN gate_lists ON gate_lists.gates = old_gates.gates
        WHERE old_gates.round_id = tallies.round_id),
    objections = coalesce((SELECT objections FROM old_gates WHERE old_gates.round_id = tallies.round_id), '');

DROP TABLE old_gates;
DROP TABLE old_verdicts;

UPDATE tallies SET (score, rank) = (
    SELECT candidates.score, coalesce(candidates.rank, candidates.score) FROM posts
    JOIN candidates ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position
    WHERE posts.id = tallies.round_id
);

CREATE INDEX tallies_by_due ON tallies (due);
CREATE INDEX tallies_by_score ON tallies (score) WHERE score IS NOT NULL;
CREATE INDEX tallies_to_prune ON tallies (due) WHERE pruned_at IS NULL AND candidates > 0;

CREATE TRIGGER tallies_added AFTER INSERT ON rounds BEGIN
    INSERT INTO tallies (round_id, due) VALUES (new.id, coalesce(
        CAST(strftime('%s', ltrim(new.slot, 'manual:')) AS INTEGER), CAST(strftime('%s', new.started_at) AS INTEGER), 0));
END;

CREATE TRIGGER tallies_of_post AFTER INSERT ON posts BEGIN
    UPDATE tallies SET (score, rank) = (
        SELECT score, coalesce(rank, score) FROM candidates
        WHERE candidates.round_id = new.id AND candidates.position = new.candidate_position
    ) WHERE round_id = new.id;
END;

-- A person may pick another candidate.
CREATE TRIGGER tallies_of_picked AFTER UPDATE OF candidate_position ON posts BEGIN
    UPDATE tallies SET (score, rank) = (
        SELECT score, coalesce(rank, score) FROM candidates
        WHERE candidates.round_id = new.id AND candidates.position = new.candidate_position
    ) WHERE round_id = new.id;
END;

-- A call counts while nobody knows that it posted nothing.
CREATE TRIGGER tallies_of_call AFTER INSERT ON attempts WHEN new.outcome IN ('under_way', 'sent', 'unknown') BEGIN
    UPDATE tallies SET cost_micros = cost_micros + new.price_micros WHERE round_id = new.post_id;
END;

CREATE TRIGGER tallies_of_outcome AFTER UPDATE OF outcome ON attempts BEGIN
    UPDATE tallies SET cost_micros = cost_micros
        + new.price_micros * (new.outcome IN ('under_way', 'sent', 'unknown'))
        - old.price_micros * (old.outcome IN ('under_way', 'sent', 'unknown'))
    WHERE round_id = new.post_id;
END;

-- What people did with a post, whenever one of the numbers had changed since the reading before.
CREATE TABLE engagement (
    post_id INTEGER NOT NULL REFERENCES posts (id),
    read_at TEXT NOT NULL,
    likes   INTEGER NOT NULL,
    reposts INTEGER NOT NULL,
    replies INTEGER NOT NULL,
    quotes  INTEGER NOT NULL,
    -- X does not always say it.
    views   INTEGER,
    PRIMARY KEY (post_id, read_at)
) STRICT, WITHOUT ROWID;

-- When the account's timeline no longer showed the tweet: somebody deleted it.
ALTER TABLE posts ADD COLUMN gone_at TEXT;

-- A third kind of reading, `metrics`. SQLite changes a CHECK only by a new table; the numbers of its rows stay.
CREATE TABLE reads_of_three_kinds (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The post that was looked for; empty where the reading was about no single post.
    post_id        INTEGER REFERENCES posts (id),
    what           TEXT NOT NULL CONSTRAINT reads_what CHECK (what IN ('account', 'timeline', 'metrics')),
    made_at        TEXT NOT NULL,
    outcome        TEXT NOT NULL CONSTRAINT reads_outcome CHECK (outcome IN ('found', 'absent', 'failed')),
    -- How many posts or accounts X gave, and its price for them in millionths of a dollar.
    items          INTEGER NOT NULL,
    price_micros   INTEGER NOT NULL,
    http_status    INTEGER,
    kind           TEXT,
    problem        TEXT,
    detail         TEXT,
    transaction_id TEXT
) STRICT;

INSERT INTO reads_of_three_kinds SELECT id, post_id, what, made_at, outcome, items, price_micros, http_status, kind, problem,
    detail, transaction_id FROM reads;
DROP TABLE reads;
ALTER TABLE reads_of_three_kinds RENAME TO reads;
CREATE INDEX reads_by_time ON reads (made_at);
-- The reads of one post, of which there may be thousands in all.
CREATE INDEX reads_by_post ON reads (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX attempts_by_post ON attempts (post_id);

CREATE TRIGGER tallies_of_read AFTER INSERT ON reads WHEN new.post_id IS NOT NULL BEGIN
    UPDATE tallies SET cost_micros = cost_micros + new.price_micros WHERE round_id = new.post_id;
END;

-- What lists and statistics ask of a round, so that they need not read its settings: those are most of a row.
CREATE INDEX rounds_at_a_glance
    ON rounds (id, outcome, seed_prompt, seed_attributes, generator_name, generator_sha256);
CREATE INDEX rounds_without_post ON rounds (outcome) WHERE outcome <> 'chosen';
