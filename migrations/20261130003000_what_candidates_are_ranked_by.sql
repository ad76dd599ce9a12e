-- What the selection ranked each candidate by, beside the sentiment's score. Empty in rows of earlier versions, where that
-- score decided alone, and where a part does not exist: no critic, a text that no model wrote here.

-- The generator's own log-probability a token in nats: the mean, and the lowest mean over four tokens in a row.
ALTER TABLE candidates ADD COLUMN likelihood_mean REAL;
ALTER TABLE candidates ADD COLUMN likelihood_weakest REAL;
-- The critic's probability that a person wrote it.
ALTER TABLE candidates ADD COLUMN critic REAL;
-- How well it reads, out of the three above: 0 to 1.
ALTER TABLE candidates ADD COLUMN reading REAL;
-- The number that decided, by the round's `selection.rank` in `rounds.settings`.
ALTER TABLE candidates ADD COLUMN rank REAL;
-- 0 where a recent post began with the same words.
ALTER TABLE candidates ADD COLUMN fresh_opening INTEGER CONSTRAINT candidates_fresh_opening CHECK (fresh_opening IN (0, 1));
