//! The tables, as numbered steps. A step that was released never changes; a new one follows.

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// Step *n* leads from `user_version` *n* to *n* + 1.
const STEPS: &[&str] = &[
    r"
CREATE TABLE message (
    seq        INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,            -- server's commit time, Unix milliseconds
    stored_at  INTEGER NOT NULL,            -- this computer's time, Unix milliseconds
    read_at    INTEGER,                     -- Unix milliseconds; absent while unread
    alert_due  INTEGER NOT NULL,            -- a pop-up is wanted and not yet recorded as up
    shown      INTEGER NOT NULL DEFAULT 0,  -- a pop-up was up, or none is needed any more
    priority   INTEGER NOT NULL,
    rich       INTEGER NOT NULL,
    publisher  TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    line       TEXT    NOT NULL,
    whole      TEXT    NOT NULL             -- the message as JSON, its H5 page left out
) STRICT;

-- The list, newest first: (created_at, id) is the same order on every device, whatever the order
-- of arrival was, so that a resync puts a missed message where it belongs and paging stays stable.
CREATE INDEX message_list   ON message (created_at, id);
CREATE INDEX message_unread ON message (created_at, id) WHERE read_at IS NULL;
CREATE INDEX message_urgent ON message (id) WHERE read_at IS NULL AND priority = 5;
CREATE INDEX message_due    ON message (created_at, id) WHERE alert_due = 1 AND read_at IS NULL;
CREATE INDEX message_silent ON message (stored_at) WHERE shown = 0 AND read_at IS NULL;

-- H5 pages, which may be large: apart from the rows that the list reads.
CREATE TABLE page (
    message INTEGER PRIMARY KEY REFERENCES message (seq) ON DELETE CASCADE,
    html    TEXT NOT NULL
) STRICT;

-- Where withdrawn messages stood, so that a page that began at one of them goes on.
CREATE TABLE gone (
    id         BLOB    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    seq   INTEGER PRIMARY KEY,
    frame TEXT NOT NULL
) STRICT;

-- Device ids for the next sign-in, by SHA-256 of server and account: they name nobody.
CREATE TABLE device (
    who BLOB NOT NULL PRIMARY KEY,
    id  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    server       TEXT,
    account      TEXT,
    device_id    TEXT,
    stream_url   TEXT,
    cursor       TEXT,
    paused_until TEXT,                        -- RFC 3339
    unread       INTEGER NOT NULL DEFAULT 0,  -- kept by the triggers below
    scrub        INTEGER NOT NULL DEFAULT 0   -- wiped, but old bytes may still be in the file
) STRICT;
INSERT INTO state (one) VALUES (1);

CREATE TRIGGER unread_insert AFTER INSERT ON message WHEN new.read_at IS NULL
BEGIN UPDATE state SET unread = unread + 1; END;
CREATE TRIGGER unread_delete AFTER DELETE ON message WHEN old.read_at IS NULL
BEGIN UPDATE state SET unread = unread - 1; END;
CREATE TRIGGER unread_read AFTER UPDATE OF read_at ON message
WHEN old.read_at IS NULL AND new.read_at IS NOT NULL
BEGIN UPDATE state SET unread = unread - 1; END;
",
    r"
-- The app lock: absent where none is set.
CREATE TABLE app_lock (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    verifier    TEXT    NOT NULL,            -- the passphrase's slow hash, as a PHC string
    after_s     INTEGER,                     -- locks after so many seconds without input
    with_screen INTEGER NOT NULL,
    failures    INTEGER NOT NULL             -- wrong passphrases in a row
) STRICT;
",
];

/// Brings a database to the newest step.
pub(super) fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: usize = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version > STEPS.len() {
        return Err(OpenError::Newer);
    }
    for step in &STEPS[version..] {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", STEPS.len())?;
    tx.commit()?;
    Ok(())
}
