-- Access tokens whose sessions were ended before their time, until they would have expired: a device
-- that was away learns that it was revoked.
CREATE TABLE revoked (
  token      BLOB PRIMARY KEY,             -- SHA-256 of the access token
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_by_end ON revoked (expires_at);

-- Devices that were removed: none comes back under its id.
CREATE TABLE removed_devices (
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  id      TEXT NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
