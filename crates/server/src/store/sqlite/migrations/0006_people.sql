-- What a person chose, as JSON of protocol::Settings; no row: nothing yet.
CREATE TABLE settings (
  account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  content TEXT NOT NULL
) STRICT;

-- When a client was last connected or signed in; NULL for one that was not since this was noted.
ALTER TABLE clients ADD COLUMN seen_at INTEGER;

-- The server itself, as the sender of what it tells people. It has no secret: nobody publishes as it.
INSERT INTO publishers (public_id, name, created_at) VALUES ('hither-0000000000000000', 'Hither', 0);
