-- How phones are reached while their streams are closed. Ends with the session that registered it.
CREATE TABLE push (
  client     INTEGER PRIMARY KEY REFERENCES sessions (client) ON DELETE CASCADE,
  provider   TEXT NOT NULL,
  address    TEXT NOT NULL,                -- what stands for the phone at the provider
  content    TEXT NOT NULL,                -- JSON of protocol::PushRegistration
  expires_at INTEGER,
  UNIQUE (provider, address)               -- no phone gets what is for two clients
) STRICT;
