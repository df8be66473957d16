-- Times are milliseconds since 1970 in UTC. Message ids and hashes are raw bytes.

CREATE TABLE meta (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  epoch      INTEGER NOT NULL,             -- which life of the store cursors belong to
  cursor_key BLOB NOT NULL,                -- seals cursors
  head       INTEGER NOT NULL              -- newest position ever given out; never falls
) STRICT;

CREATE TABLE accounts (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice
  name          TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  admin         INTEGER NOT NULL,
  disabled_at   INTEGER,
  created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE devices (
  account  INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  id       TEXT NOT NULL,                  -- means something only together with the account
  name     TEXT NOT NULL,
  platform TEXT NOT NULL,
  kind     TEXT NOT NULL CHECK (kind IN ('desktop', 'mobile')),
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  account       INTEGER NOT NULL,
  device        TEXT NOT NULL,
  application   TEXT NOT NULL,
  version       TEXT NOT NULL,
  message_token TEXT UNIQUE,               -- NULL after signing out
  acked         INTEGER,
  UNIQUE (account, device, application),
  FOREIGN KEY (account, device) REFERENCES devices ON DELETE CASCADE
) STRICT;

CREATE TABLE sessions (
  token      BLOB PRIMARY KEY,             -- SHA-256 of the access token
  client     INTEGER NOT NULL UNIQUE REFERENCES clients ON DELETE CASCADE,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE publishers (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  public_id   TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  disabled_at INTEGER,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE publisher_secrets (
  age       INTEGER PRIMARY KEY AUTOINCREMENT,      -- the newest has the highest
  publisher INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  hash      BLOB NOT NULL
) STRICT;
CREATE INDEX secrets_of_publisher ON publisher_secrets (publisher);

CREATE TABLE messages (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  id           BLOB NOT NULL UNIQUE,
  publisher    INTEGER NOT NULL REFERENCES publishers,
  priority     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  withdrawn_at INTEGER,
  content      TEXT NOT NULL,              -- JSON as clients get it, but for read_at
  html         TEXT                        -- a page too large for content; last, so that a
                                           -- reader of the others does not touch it
) STRICT;

-- One log for the whole store; an account's log is its own rows and those of account 0, which
-- stands for everyone.
CREATE TABLE log (
  account  INTEGER NOT NULL,
  position INTEGER NOT NULL,               -- in commit order over the whole store
  kind     TEXT NOT NULL CHECK (kind IN ('message', 'read', 'recalled', 'replaced', 'expired')),
  message  INTEGER,                        -- of kind message
  ids      BLOB,                           -- of the others: message ids, 16 bytes each
  PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

-- What a message is to one account.
CREATE TABLE inbox (
  message  INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account  INTEGER NOT NULL,
  read_at  INTEGER,
  shown_at INTEGER,                        -- on the first device
  PRIMARY KEY (message, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending ON inbox (account, message) WHERE read_at IS NULL AND shown_at IS NULL;

CREATE TABLE shown (
  message  INTEGER NOT NULL,
  account  INTEGER NOT NULL,
  device   TEXT NOT NULL,
  shown_at INTEGER NOT NULL,
  PRIMARY KEY (message, account, device),
  FOREIGN KEY (message, account) REFERENCES inbox ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE chosen_actions (
  message   INTEGER NOT NULL,
  account   INTEGER NOT NULL,
  action    TEXT NOT NULL,
  device    TEXT NOT NULL,
  chosen_at INTEGER NOT NULL,
  PRIMARY KEY (message, account, action, device),
  FOREIGN KEY (message, account) REFERENCES inbox ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  publisher  INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  key        TEXT NOT NULL,
  body_hash  BLOB NOT NULL,
  message_id BLOB NOT NULL,
  receivers  INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (publisher, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
