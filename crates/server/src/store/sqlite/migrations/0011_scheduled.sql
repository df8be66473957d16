-- Messages that were accepted and come to their receivers later. Until then a message stands in no
-- log, and its own row says neither key nor expiry.
CREATE TABLE scheduled (
  message    INTEGER PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
  publisher  INTEGER NOT NULL REFERENCES publishers,
  deliver_at INTEGER,                      -- NULL: withdrawn before its time
  key        TEXT,
  ttl_ms     INTEGER,                      -- from the release on
  receivers  TEXT NOT NULL                 -- JSON; accounts by their numbers
) STRICT;
CREATE INDEX scheduled_by_time ON scheduled (deliver_at) WHERE deliver_at IS NOT NULL;
CREATE INDEX scheduled_of_publisher ON scheduled (publisher, key) WHERE deliver_at IS NOT NULL;
CREATE INDEX scheduled_in_vain ON scheduled (message) WHERE deliver_at IS NULL;
