-- What the outbox remembers between starts: why nothing may go out, X's limits, what was read and what that cost, and
-- when to look again for a post of unknown outcome.

-- Which call for its post this was, from 1.
ALTER TABLE attempts ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
-- What was sent, beside the post's own text: that one may be edited between two calls.
ALTER TABLE attempts ADD COLUMN text TEXT;
ALTER TABLE attempts ADD COLUMN weighted_length INTEGER;
-- X's clock minus ours when the call was made, as far as known: our clock may be set before the tweet is looked for.
ALTER TABLE attempts ADD COLUMN clock_skew_seconds INTEGER;

UPDATE attempts SET
    number = (SELECT count(*) FROM attempts AS earlier WHERE earlier.post_id = attempts.post_id AND earlier.id <= attempts.id),
    text = (SELECT text FROM posts WHERE posts.id = attempts.post_id),
    weighted_length = (SELECT weighted_length FROM posts WHERE posts.id = attempts.post_id);

-- Since when nobody knows, how often the timeline was asked, and when it is asked next. Empty in any other state.
ALTER TABLE posts ADD COLUMN unknown_since TEXT;
ALTER TABLE posts ADD COLUMN looks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN look_at TEXT;

UPDATE posts SET
    unknown_since = coalesce((SELECT max(finished_at) FROM attempts WHERE post_id = posts.id), created_at),
    look_at = created_at
WHERE state = 'unknown';

-- Why nothing goes out: a person's pause, or a refusal of X that holds for every post. Ended ones stay as the record.
CREATE TABLE halts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    cause       TEXT NOT NULL CONSTRAINT halts_cause CHECK (cause IN ('paused', 'refused')),
    -- Of a refusal: unauthorized, no_credits, permissions, suspended.
    kind        TEXT,
    reason      TEXT NOT NULL,
    -- A person's name, or `X`.
    set_by      TEXT NOT NULL,
    since       TEXT NOT NULL,
    -- Of a refusal: a salted digest of the credentials that X refused, so that new ones are noticed. Never a key.
    salt        TEXT,
    fingerprint TEXT,
    ended_at    TEXT,
    ended_by    TEXT,
    CONSTRAINT halts_end CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT;

CREATE UNIQUE INDEX halts_one_of_a_cause ON halts (cause) WHERE ended_at IS NULL;

-- X's windows as its last answer told them.
CREATE TABLE windows (
    endpoint      TEXT NOT NULL CONSTRAINT windows_endpoint CHECK (endpoint IN ('post', 'read')),
    name          TEXT NOT NULL CONSTRAINT windows_name
                  CHECK (name IN ('fifteen_minutes', 'app_day', 'user_day', 'day', 'month', 'unknown')),
    quota         INTEGER,
    remaining     INTEGER,
    resets_at     TEXT,
    -- After a 429: no call before this, whatever the counters say.
    blocked_until TEXT,
    seen_at       TEXT NOT NULL,
    PRIMARY KEY (endpoint, name)
) STRICT, WITHOUT ROWID;

-- Calls that only read: what X charges for them counts to the month's dollars.
CREATE TABLE reads (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The post that was looked for; empty where only the account was asked for.
    post_id        INTEGER REFERENCES posts (id),
    what           TEXT NOT NULL CONSTRAINT reads_what CHECK (what IN ('account', 'timeline')),
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

CREATE INDEX reads_by_time ON reads (made_at);

-- Whose credentials these are: asked for once, because the answer costs money. One row.
CREATE TABLE account (
    one         INTEGER PRIMARY KEY CONSTRAINT account_one CHECK (one = 1),
    user_id     TEXT NOT NULL,
    username    TEXT NOT NULL,
    salt        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    read_at     TEXT NOT NULL
) STRICT;
