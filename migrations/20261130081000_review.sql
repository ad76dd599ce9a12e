-- What people decide on posts, with what they checked; the texts that they changed; one-time links to decide by; and the
-- alert that a post waits.

-- The text without the disclosure: what is compared with later posts. Empty for posts of earlier versions.
ALTER TABLE posts ADD COLUMN body TEXT;
-- Verdicts and sentiment of a text that a person changed; those of the candidate are about its own text. JSON.
ALTER TABLE posts ADD COLUMN edited_gates TEXT;
ALTER TABLE posts ADD COLUMN edited_sentiment TEXT;

CREATE TABLE reviews (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id          INTEGER NOT NULL REFERENCES posts (id),
    act              TEXT NOT NULL CONSTRAINT reviews_act CHECK (act IN ('approve', 'edit', 'pick', 'reject')),
    -- A person's name and what they are to the account.
    reviewer         TEXT NOT NULL,
    role             TEXT NOT NULL,
    -- Whether this person says to have checked what the text states, and against what. JSON list of texts or links.
    facts_checked    INTEGER NOT NULL CONSTRAINT reviews_facts CHECK (facts_checked IN (0, 1)),
    sources          TEXT NOT NULL,
    note             TEXT,
    -- As it was and as this decision left it, with the disclosure.
    text_before      TEXT NOT NULL,
    text_after       TEXT NOT NULL,
    candidate_before INTEGER NOT NULL,
    candidate_after  INTEGER NOT NULL,
    -- SHA-256 of `text_after`.
    text_sha256      TEXT NOT NULL,
    at               TEXT NOT NULL,
    -- An approval ends where somebody changes the text after it.
    voided_at        TEXT,
    voided_by        TEXT,
    CONSTRAINT reviews_void CHECK ((voided_at IS NULL) = (voided_by IS NULL))
) STRICT;

CREATE INDEX reviews_by_post ON reviews (post_id, id);

-- Links that let whoever holds them take one decision once, after a confirming press.
CREATE TABLE decision_links (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    post_id       INTEGER NOT NULL REFERENCES posts (id),
    act           TEXT NOT NULL CONSTRAINT decision_links_act CHECK (act IN ('approve', 'reject')),
    -- Of the secret in the link, which is not kept.
    secret_sha256 TEXT NOT NULL,
    -- Of the text that the link was made for.
    text_sha256   TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    expires_at    TEXT NOT NULL,
    used_at       TEXT
) STRICT;

CREATE INDEX decision_links_by_post ON decision_links (post_id);

-- A new kind of alert: SQLite cannot change a CHECK, so the table is made anew. `notices` refers to it: its rows are missed
-- while that happens, and are there again at the end.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE alerts_kept AS SELECT * FROM alerts;
DROP TABLE alerts;

CREATE TABLE alerts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CONSTRAINT alerts_kind
                CHECK (kind IN ('stopped', 'unsettled', 'stale', 'monthly_cap', 'waiting')),
    -- One occurrence: while an alert of this key is open, the same condition raises no second one.
    key         TEXT NOT NULL,
    message     TEXT NOT NULL,
    raised_at   TEXT NOT NULL,
    resolved_at TEXT
) STRICT;

INSERT INTO alerts (id, kind, key, message, raised_at, resolved_at)
SELECT id, kind, key, message, raised_at, resolved_at FROM alerts_kept ORDER BY id;
DROP TABLE alerts_kept;

CREATE UNIQUE INDEX alerts_one_open ON alerts (key) WHERE resolved_at IS NULL;
