-- Times are milliseconds since 1970 in UTC. Hashes are raw SHA-256 of a file's content, which is on
-- disk under attachments/ before a row says so.

CREATE TABLE files (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a publisher handed over for messages to come.
CREATE TABLE uploads (
  id         BLOB PRIMARY KEY,             -- UUID
  publisher  INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  file       BLOB NOT NULL REFERENCES files,
  name       TEXT NOT NULL,
  media_type TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_of_publisher ON uploads (publisher, file);
CREATE INDEX uploads_of_file ON uploads (file);
CREATE INDEX uploads_by_end ON uploads (expires_at);

-- Which files a message needs; what it calls them is in its content.
CREATE TABLE attachments (
  message   INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  file      BLOB NOT NULL REFERENCES files,
  publisher INTEGER NOT NULL,
  PRIMARY KEY (message, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_of_publisher ON attachments (publisher, file);
CREATE INDEX attachments_of_file ON attachments (file);
