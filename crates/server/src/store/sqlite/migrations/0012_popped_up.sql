-- After a restart: what popped up lately on a desktop, and perhaps nobody saw.
ALTER TABLE shown ADD COLUMN stays INTEGER NOT NULL DEFAULT 0; -- until there is input
CREATE INDEX shown_lately ON shown (account, shown_at);
