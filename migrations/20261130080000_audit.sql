-- The transparency log: an append-only Merkle tree (RFC 6962) over records of every act. docs/audit.md has the format.
-- Each record is written in the transaction of the act itself.

CREATE TABLE ledger (
    -- The place in the log: from 0, without gaps.
    idx     INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    at      TEXT NOT NULL,
    -- A person's name, `gates`, `X`, or empty for the program itself.
    by      TEXT,
    -- The number of the round or post it is about.
    subject INTEGER,
    -- What happened, as JSON, and 32 random bytes. Both may be emptied later, when what they tell has to be forgotten.
    salt    BLOB,
    body    TEXT,
    -- The leaf's bytes: format, index, kind, time and the digest of salt and body. They hold no content.
    entry   TEXT NOT NULL,
    leaf    BLOB NOT NULL,
    CONSTRAINT ledger_forgotten CHECK ((salt IS NULL) = (body IS NULL))
) STRICT;

CREATE INDEX ledger_by_subject ON ledger (subject, idx) WHERE subject IS NOT NULL;
CREATE INDEX ledger_by_kind ON ledger (kind, idx);

-- The root of each complete 256 leaves: the root of the whole tree then costs few hashes.
CREATE TABLE ledger_subtrees (
    idx  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

-- The rows that stood before the log began, each with a salted digest; the record `adopted` holds the digests of their ranges.
CREATE TABLE ledger_adopted (
    tbl    TEXT NOT NULL,
    id     INTEGER NOT NULL,
    -- Emptied when the row has to be forgotten.
    salt   BLOB,
    digest BLOB NOT NULL,
    PRIMARY KEY (tbl, id)
) STRICT, WITHOUT ROWID;

-- Signed roots.
CREATE TABLE checkpoints (
    size      INTEGER PRIMARY KEY,
    root      BLOB NOT NULL,
    -- The whole signed note.
    note      TEXT NOT NULL,
    signed_at TEXT NOT NULL
) STRICT;

-- Where each checkpoint is to be kept outside, and what came of it.
CREATE TABLE anchors (
    size         INTEGER NOT NULL REFERENCES checkpoints (size),
    channel      TEXT NOT NULL CONSTRAINT anchors_channel CHECK (channel IN ('file', 'webhook', 'command')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    not_before   TEXT NOT NULL,
    delivered_at TEXT,
    -- What last went wrong.
    error        TEXT,
    PRIMARY KEY (size, channel)
) STRICT, WITHOUT ROWID;

CREATE INDEX anchors_undelivered ON anchors (size) WHERE delivered_at IS NULL;
