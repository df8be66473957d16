-- Who may publish to a topic and who may read it.
ALTER TABLE topics ADD COLUMN owner INTEGER REFERENCES publishers;  -- NULL: the first to publish
ALTER TABLE topics ADD COLUMN private INTEGER NOT NULL DEFAULT 0;   -- reading needs a grant

CREATE TABLE topic_grants (
  topic     INTEGER NOT NULL REFERENCES topics ON DELETE CASCADE,
  account   INTEGER REFERENCES accounts ON DELETE CASCADE,
  publisher INTEGER REFERENCES publishers ON DELETE CASCADE,
  may       TEXT NOT NULL CHECK (may IN ('read', 'write')),
  CHECK ((account IS NULL) <> (publisher IS NULL))
) STRICT;
CREATE UNIQUE INDEX grants_of_topic
  ON topic_grants (topic, ifnull(account, 0), ifnull(publisher, 0), may);
CREATE INDEX grants_of_account ON topic_grants (account) WHERE account IS NOT NULL;

-- The publisher that an account's own messages come from; it has no secret.
ALTER TABLE publishers ADD COLUMN account INTEGER REFERENCES accounts ON DELETE SET NULL;
CREATE UNIQUE INDEX publisher_of_account ON publishers (account) WHERE account IS NOT NULL;

-- What only ntfy's clients understand of a message, as JSON.
ALTER TABLE messages ADD COLUMN ntfy TEXT;
