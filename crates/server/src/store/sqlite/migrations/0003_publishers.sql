-- What publishers may do, what they keep of their receivers, and what they are told.

ALTER TABLE publishers ADD COLUMN contact TEXT NOT NULL DEFAULT '';
ALTER TABLE publishers ADD COLUMN approved_at INTEGER;  -- NULL while it waits for approval
ALTER TABLE publishers ADD COLUMN narrowed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE publishers ADD COLUMN may_everyone INTEGER NOT NULL DEFAULT 1;
ALTER TABLE publishers ADD COLUMN may_urgent INTEGER NOT NULL DEFAULT 1;
ALTER TABLE publishers ADD COLUMN may_html INTEGER NOT NULL DEFAULT 1;
UPDATE publishers SET approved_at = created_at;

-- Whom a narrowed publisher reaches.
CREATE TABLE audience (
  publisher INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  account   INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  PRIMARY KEY (publisher, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX audience_by_account ON audience (account);

CREATE TABLE audience_topics (
  publisher INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  topic     TEXT NOT NULL,                 -- by name: it need not exist yet
  PRIMARY KEY (publisher, topic)
) STRICT, WITHOUT ROWID;

-- What a publisher keeps of a receiver; templates are filled from it.
CREATE TABLE records (
  publisher  INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  account    INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  content    TEXT NOT NULL,                -- a JSON object
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (publisher, account)
) STRICT;
CREATE INDEX records_by_account ON records (account);

-- A message whose template was filled, as one receiver gets it; the message's own content is
-- the template.
CREATE TABLE own_content (
  message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  content TEXT NOT NULL,
  html    TEXT,
  PRIMARY KEY (message, account)
) STRICT;
CREATE INDEX own_content_by_account ON own_content (account);

-- Messages that are stored and not yet in any log.
CREATE TABLE scheduled (
  message    INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
  deliver_at INTEGER NOT NULL,
  receivers  TEXT NOT NULL,                -- JSON
  ttl_ms     INTEGER
) STRICT;
CREATE INDEX scheduled_by_time ON scheduled (deliver_at);

ALTER TABLE inbox ADD COLUMN delivered_at INTEGER;  -- on the first device's disk
ALTER TABLE inbox ADD COLUMN rerouted_at INTEGER;   -- first alerted on another screen
ALTER TABLE accounts ADD COLUMN hide_read INTEGER NOT NULL DEFAULT 0;

CREATE TABLE webhooks (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  public_id    TEXT NOT NULL UNIQUE,
  publisher    INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  url          TEXT NOT NULL,
  events       TEXT NOT NULL,              -- JSON array of their names
  secret       BLOB NOT NULL,              -- signs, so it cannot be kept as a hash
  created_at   INTEGER NOT NULL,
  failing_since INTEGER,
  disabled_at  INTEGER
) STRICT;
CREATE INDEX webhooks_by_publisher ON webhooks (publisher);

CREATE TABLE webhook_events (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook  INTEGER NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  payload  TEXT NOT NULL,                  -- JSON as sent
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_events_in_order ON webhook_events (webhook, id);
