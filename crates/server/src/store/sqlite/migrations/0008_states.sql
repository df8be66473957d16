-- What a message's publisher may ask of its way.

-- Accounts of which a device has the message on its own disk.
CREATE TABLE delivered (
  message      INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account      INTEGER NOT NULL,
  delivered_at INTEGER NOT NULL,
  PRIMARY KEY (message, account)
) STRICT, WITHOUT ROWID;

-- As the publish was answered.
ALTER TABLE messages ADD COLUMN receivers INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET receivers = (SELECT count(*) FROM inbox WHERE message = number);

ALTER TABLE messages ADD COLUMN withdrawn_why TEXT; -- NULL where it was not noted
