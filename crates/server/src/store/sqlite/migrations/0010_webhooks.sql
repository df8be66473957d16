-- Where publishers want to be told what becomes of their messages, and what waits for them.

CREATE TABLE webhooks (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  publisher     INTEGER NOT NULL REFERENCES publishers ON DELETE CASCADE,
  url           TEXT NOT NULL,
  events        TEXT,                      -- JSON, an array of types; NULL: all
  secret        BLOB NOT NULL,             -- signs, so it is kept as it is
  old_secret    BLOB,                      -- signs, too, for a while after a rotation
  old_until     INTEGER,
  created_at    INTEGER NOT NULL,
  disabled_at   INTEGER,                   -- since its receiver said that it is gone
  waiting       INTEGER NOT NULL DEFAULT 0,  -- events, kept by the triggers below
  dropped       INTEGER NOT NULL DEFAULT 0,  -- events that never arrived
  failures      INTEGER NOT NULL DEFAULT 0,  -- in a row
  next_at       INTEGER NOT NULL DEFAULT 0,  -- nothing is sent before
  failing_since INTEGER,
  failed_at     INTEGER,
  failure       TEXT,                      -- the newest one
  delivered_at  INTEGER                    -- the newest one
) STRICT;
CREATE INDEX webhooks_of_publisher ON webhooks (publisher);

CREATE TABLE webhook_events (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,  -- in order
  webhook  INTEGER NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  id       BLOB NOT NULL DEFAULT (randomblob(16)),
  type     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  message  BLOB,                           -- its id, as the publisher knows it
  account  INTEGER REFERENCES accounts ON DELETE CASCADE,
  action   TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  next_at  INTEGER NOT NULL DEFAULT 0      -- it is not sent before
) STRICT;
CREATE INDEX events_of_webhook ON webhook_events (webhook, number);
CREATE INDEX events_of_webhook_by_time ON webhook_events (webhook, next_at);
CREATE INDEX events_of_account ON webhook_events (account) WHERE account IS NOT NULL;

CREATE TRIGGER event_comes AFTER INSERT ON webhook_events BEGIN
  UPDATE webhooks SET waiting = waiting + 1 WHERE number = new.webhook;
END;
CREATE TRIGGER event_goes AFTER DELETE ON webhook_events BEGIN
  UPDATE webhooks SET waiting = waiting - 1 WHERE number = old.webhook;
END;
