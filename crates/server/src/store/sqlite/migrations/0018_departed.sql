-- What retention took out of a log while devices may have it: so that a key, a recall and an expiry still
-- reach them. One row for each log, as long again as the log itself was kept.
CREATE TABLE departed (
  scope      INTEGER NOT NULL,             -- the four first as they were in the log
  owner      INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  message    INTEGER NOT NULL,             -- its number; the row in messages may be gone
  id         BLOB NOT NULL,
  publisher  INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  key        TEXT,
  expires_at INTEGER,                      -- NULL also for what was only for who was connected
  PRIMARY KEY (scope, owner, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX departed_message ON departed (message);
CREATE INDEX departed_id ON departed (id);
CREATE INDEX departed_key ON departed (publisher, key) WHERE key IS NOT NULL;
CREATE INDEX departed_expiring ON departed (expires_at) WHERE expires_at IS NOT NULL;
