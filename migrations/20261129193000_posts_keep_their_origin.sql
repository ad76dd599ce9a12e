-- A post belongs to the mode and the account it was made in, and waits for a reason that may end early.

-- 1: its posts leave the machine, 0: a dry run. Empty for posts of earlier versions that were never sent.
ALTER TABLE posts ADD COLUMN live INTEGER CONSTRAINT posts_live CHECK (live IN (0, 1));
-- `account.handle` when it was made.
ALTER TABLE posts ADD COLUMN account TEXT;
-- What `not_before` waits for: `rules` (our own budget, gap or quiet hours, which a person may change) or `x`.
ALTER TABLE posts ADD COLUMN waits_for TEXT CONSTRAINT posts_waits_for CHECK (waits_for IN ('rules', 'x'));
-- Readings of the timeline that failed: they lengthen the wait before the next one and prove nothing. `looks` counts the
-- others.
ALTER TABLE posts ADD COLUMN failed_looks INTEGER NOT NULL DEFAULT 0;
-- When a backup that holds this post as open took the record's place: what happened after the backup is not known, so
-- the post is never sent again.
ALTER TABLE posts ADD COLUMN restored_at TEXT;

UPDATE posts SET live = 1 WHERE EXISTS (SELECT 1 FROM attempts WHERE attempts.post_id = posts.id);
UPDATE posts SET live = 0 WHERE state = 'dry_run';
-- The wait for a budget was written once and stayed when the budget was raised.
UPDATE posts SET not_before = NULL WHERE state = 'approved' AND error LIKE 'budget.%';

-- What decided on the round's candidates: sentiment target and threshold, gates, review mode, account, mode. JSON.
ALTER TABLE rounds ADD COLUMN settings TEXT;
-- A digest of the whole configuration in effect.
ALTER TABLE rounds ADD COLUMN config_sha256 TEXT;
