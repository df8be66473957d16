-- Who is told of a sign-in.

-- The device that a message is about, and that does not get it.
ALTER TABLE messages ADD COLUMN not_for TEXT;

-- Whether the client opened a stream since it signed in. Of those from before, that is not known:
-- better one notice too many than one too few.
ALTER TABLE sessions ADD COLUMN opened INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET opened = 1;

-- How far a message came with a client whose message token it was addressed to.
CREATE TABLE client_states (
  message      INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  client       INTEGER NOT NULL REFERENCES clients ON DELETE CASCADE,
  delivered_at INTEGER,
  shown_at     INTEGER,
  PRIMARY KEY (message, client)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_states_of ON client_states (client);

ALTER TABLE webhook_events ADD COLUMN token TEXT; -- instead of an account
