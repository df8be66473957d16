use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::OpenError;

/// What brings a database from its number of migrations to the next. Never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_logs.sql"),
    include_str!("migrations/0003_publishers.sql"),
    include_str!("migrations/0004_topics.sql"),
    include_str!("migrations/0005_attachments.sql"),
    include_str!("migrations/0006_people.sql"),
    include_str!("migrations/0007_templates.sql"),
    include_str!("migrations/0008_states.sql"),
    include_str!("migrations/0009_trace.sql"),
    include_str!("migrations/0010_webhooks.sql"),
    include_str!("migrations/0011_scheduled.sql"),
    include_str!("migrations/0012_popped_up.sql"),
    include_str!("migrations/0013_revoked.sql"),
    include_str!("migrations/0014_refused.sql"),
    include_str!("migrations/0015_push.sql"),
    include_str!("migrations/0016_refusals_and_topics.sql"),
    include_str!("migrations/0017_notice.sql"),
    include_str!("migrations/0018_departed.sql"),
];

/// Brings the schema up to date; refuses a database that a newer version wrote.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
    let applied = known_version(conn)?;
    for (number, sql) in (1_i32..).zip(MIGRATIONS).skip(applied) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    begin_first_life(conn)
}

/// How many migrations a database had; refuses one that a newer version wrote.
pub(super) fn known_version(conn: &Connection) -> Result<usize, OpenError> {
    let number: i32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Nothing writes a negative one; as a huge number it is refused.
    let found = usize::try_from(number).unwrap_or(usize::MAX);
    let known = MIGRATIONS.len();
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    Ok(found)
}

fn begin_first_life(conn: &mut Connection) -> Result<(), OpenError> {
    let tx: Transaction<'_> = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let begun: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM meta)", [], |row| row.get(0))?;
    if !begun {
        let (epoch, key) = new_life()?;
        tx.execute("INSERT INTO meta VALUES (1, ?1, ?2, 0)", (epoch, key))?;
    }
    Ok(tx.commit()?)
}

/// No cursor of before is known any more.
pub(super) fn begin_new_life(conn: &mut Connection) -> Result<(), OpenError> {
    let (epoch, key) = new_life()?;
    conn.execute("UPDATE meta SET epoch = ?1, cursor_key = ?2", (epoch, key))?;
    Ok(())
}

fn new_life() -> Result<(i64, [u8; 32]), OpenError> {
    let (mut epoch, mut key) = ([0; 8], [0; 32]);
    for random in [&mut epoch[..], &mut key] {
        getrandom::fill(random).map_err(|error| OpenError::Random(error.to_string()))?;
    }
    Ok((i64::from_be_bytes(epoch), key))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::MIGRATIONS;

    /// The beginning of the SHA-256 of each, added with its release.
    const RELEASED: &[&str] = &[
        "f1bfc62ec221a420",
        "431e355ce68ea8cd",
        "c29764f87c29dfc7",
        "b1ea2b3b2a7e196e",
        "89d1fab902f8ca15",
        "162f3c966770a1b9",
        "78e2fbffc0791276",
        "c579b332c37e7990",
        "c9c5b25393bb8925",
        "2adc871071b00832",
        "c8e3d19aefb80b6e",
    ];

    #[test]
    fn a_released_migration_is_never_edited() {
        for (sql, released) in MIGRATIONS.iter().zip(RELEASED) {
            let digest = Sha256::digest(sql.as_bytes());
            let begins = u64::from_be_bytes(digest[..8].try_into().unwrap());
            assert_eq!(
                format!("{begins:016x}"),
                *released,
                "edited after its release: {sql}"
            );
        }
    }
}
