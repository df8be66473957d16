-- Logs for everyone, clients, applications and topics beside those of accounts.

CREATE TABLE topics (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice
  name       TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE applications (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One row for each time an account subscribed.
CREATE TABLE subscriptions (
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  topic   INTEGER NOT NULL REFERENCES topics ON DELETE CASCADE,
  since   INTEGER NOT NULL,                -- messages after this position
  until   INTEGER,                         -- and up to this one; NULL while subscribed
  PRIMARY KEY (account, topic, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscribers ON subscriptions (topic, account) WHERE until IS NULL;

-- Public messages after the first position are the account's, those after the second alert.
ALTER TABLE accounts ADD COLUMN public_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN made_after INTEGER NOT NULL DEFAULT 0;

ALTER TABLE messages ADD COLUMN key TEXT;
UPDATE messages SET key = content ->> '$.key';
CREATE INDEX present_keys ON messages (publisher, key)
  WHERE key IS NOT NULL AND withdrawn_at IS NULL;
CREATE INDEX expiring ON messages (expires_at)
  WHERE expires_at > created_at AND withdrawn_at IS NULL;

ALTER TABLE idempotency ADD COLUMN unknown_tokens TEXT;  -- JSON

-- One log for the whole store. An entry has one position and stands in one or several logs.
CREATE TABLE logs (
  scope    INTEGER NOT NULL,               -- 0 everyone, 1 account, 2 topic, 3 client, 4 application
  owner    INTEGER NOT NULL,               -- which of them; 0 for everyone
  position INTEGER NOT NULL,               -- in commit order over the whole store
  kind     TEXT NOT NULL CHECK (kind IN ('message', 'read', 'recalled', 'replaced', 'expired')),
  message  INTEGER,                        -- of kind message
  ids      BLOB,                           -- of the others: message ids, 16 bytes each
  versions TEXT,                           -- only for clients whose version is in this range
  at       INTEGER NOT NULL,               -- the commit's time
  PRIMARY KEY (scope, owner, position)
) STRICT, WITHOUT ROWID;
INSERT INTO logs (scope, owner, position, kind, message, ids, at)
  SELECT iif(account = 0, 0, 1), account, position, kind, message, ids,
         ifnull(max(created_at) OVER (ORDER BY position), 0)
  FROM log LEFT JOIN messages ON number = message;
DROP TABLE log;
ALTER TABLE logs RENAME TO log;
CREATE INDEX log_of_message ON log (message) WHERE kind = 'message';
CREATE INDEX log_changes ON log (scope, owner, position) WHERE kind <> 'message';

-- Up to where retention removed something from a log, and the time of the newest removed entry.
CREATE TABLE removed (
  scope    INTEGER NOT NULL,
  owner    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (scope, owner)
) STRICT, WITHOUT ROWID;

-- What a message of its own is to one client.
CREATE TABLE client_inbox (
  message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  client  INTEGER NOT NULL REFERENCES clients ON DELETE CASCADE,
  read_at INTEGER NOT NULL,
  PRIMARY KEY (message, client)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_inbox_of ON client_inbox (client);

-- A message for everyone is in no inbox until somebody says something about it.
CREATE TABLE shown_on (
  message  INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account  INTEGER NOT NULL,
  device   TEXT NOT NULL,
  shown_at INTEGER NOT NULL,
  PRIMARY KEY (message, account, device)
) STRICT, WITHOUT ROWID;
INSERT INTO shown_on SELECT * FROM shown;
DROP TABLE shown;
ALTER TABLE shown_on RENAME TO shown;

CREATE TABLE chosen (
  message   INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account   INTEGER NOT NULL,
  action    TEXT NOT NULL,
  device    TEXT NOT NULL,
  chosen_at INTEGER NOT NULL,
  PRIMARY KEY (message, account, action, device)
) STRICT, WITHOUT ROWID;
INSERT INTO chosen SELECT * FROM chosen_actions;
DROP TABLE chosen_actions;
ALTER TABLE chosen RENAME TO chosen_actions;

-- Who else is signed in on a device.
CREATE INDEX clients_of_device ON clients (device, application);
