-- Who may use the admin page, their sessions, and the tries to sign in.
-- Instants are text, RFC 3339 in UTC with three decimals, as everywhere.

-- A user is never deleted: what a person decided names them, and the audit log holds a digest of the row. A removed one has no
-- password any more, and its name is free again.
CREATE TABLE users (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL COLLATE NOCASE,
    role        TEXT NOT NULL CONSTRAINT users_role CHECK (role IN ('admin', 'reviewer', 'reader')),
    -- Argon2id as a PHC string; NULL for a removed user.
    phc         TEXT,
    created_at  TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    disabled_at TEXT,
    removed_at  TEXT,
    CONSTRAINT users_have_a_password CHECK ((phc IS NULL) = (removed_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX users_name ON users (name) WHERE removed_at IS NULL;

-- The cookie is `id.secret`; only the secret's SHA-256 is here, so that a copy of the database opens no session.
CREATE TABLE sessions (
    id            TEXT PRIMARY KEY,
    secret_sha256 BLOB NOT NULL,
    user_id       INTEGER NOT NULL REFERENCES users (id),
    created_at    TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    -- The end, however often it is used.
    expires_at    TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_user ON sessions (user_id);

-- Every try to sign in, for the limits. The name that somebody typed may be a password, so only its digest is kept.
CREATE TABLE sign_ins (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_sha256 BLOB NOT NULL,
    -- An IPv4 address, or the first 64 bits of an IPv6 one.
    address        TEXT NOT NULL,
    at             TEXT NOT NULL,
    ok             INTEGER NOT NULL CONSTRAINT sign_ins_ok CHECK (ok IN (0, 1))
) STRICT;

CREATE INDEX sign_ins_account ON sign_ins (account_sha256, at);
CREATE INDEX sign_ins_address ON sign_ins (address, at);
