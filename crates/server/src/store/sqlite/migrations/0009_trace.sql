-- What was decided about a message for one account, and why.
CREATE TABLE trace (
  message  INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account  INTEGER NOT NULL,
  step     INTEGER NOT NULL,               -- rises; the oldest steps go first
  at       INTEGER NOT NULL,
  decision TEXT NOT NULL,                  -- JSON of protocol::Traced
  PRIMARY KEY (message, account, step)
) STRICT, WITHOUT ROWID;
