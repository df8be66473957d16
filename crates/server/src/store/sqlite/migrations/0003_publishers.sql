-- What publishers may do, and what they keep of their receivers.

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

-- What a publisher keeps of a receiver.
CREATE TABLE records (
  publisher  INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  account    INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  content    TEXT NOT NULL,                -- a JSON object
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (publisher, account)
) STRICT;
CREATE INDEX records_by_account ON records (account);
