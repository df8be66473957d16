-- What a message with placeholders says to one account.
CREATE TABLE own_content (
  message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
  account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
  content TEXT NOT NULL,                   -- as in messages
  html    TEXT,                            -- as in messages
  PRIMARY KEY (message, account)
) STRICT;
CREATE INDEX own_content_of ON own_content (account);
