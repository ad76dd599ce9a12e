-- Who may post, and what the operator has to be told.
-- Instants are text, RFC 3339 in UTC with three decimals, as everywhere.

-- The one process that may arm posts. The file lock keeps a second one out; this row is the second line, for file systems
-- on which that lock does not hold: whoever starts later writes its own token, and the transaction that arms a post looks
-- for it, so that the earlier one can never post again.
CREATE TABLE lease (
    id       INTEGER PRIMARY KEY CONSTRAINT lease_one_row CHECK (id = 1),
    -- Random, of one start of the program: process numbers repeat themselves, in containers above all.
    token    TEXT NOT NULL,
    -- For a person: which process on which machine.
    holder   TEXT NOT NULL,
    taken_at TEXT NOT NULL
) STRICT;

CREATE TABLE alerts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL CONSTRAINT alerts_kind CHECK (kind IN ('stopped', 'unsettled', 'stale', 'monthly_cap')),
    -- One occurrence: while an alert of this key is open, the same condition raises no second one.
    key         TEXT NOT NULL,
    message     TEXT NOT NULL,
    raised_at   TEXT NOT NULL,
    resolved_at TEXT
) STRICT;

CREATE UNIQUE INDEX alerts_one_open ON alerts (key) WHERE resolved_at IS NULL;

-- What is still to be told, and to whom: written in the transaction that raises or resolves the alert, so that a crash
-- in between loses nothing; marked when the other side has taken it, so that a crash before that tells it twice.
CREATE TABLE notices (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id     INTEGER NOT NULL REFERENCES alerts (id),
    status       TEXT NOT NULL CONSTRAINT notices_status CHECK (status IN ('raised', 'resolved')),
    channel      TEXT NOT NULL CONSTRAINT notices_channel CHECK (channel IN ('webhook', 'command')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    -- No attempt before this instant, also after a restart.
    not_before   TEXT NOT NULL,
    delivered_at TEXT,
    -- What last went wrong.
    error        TEXT,
    CONSTRAINT notices_once UNIQUE (alert_id, status, channel)
) STRICT;

CREATE INDEX notices_undelivered ON notices (id) WHERE delivered_at IS NULL;
