use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::OpenError;

/// What brings a database from its number of migrations to the next. Never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_logs.sql"),
    include_str!("migrations/0003_publishers.sql"),
    include_str!("migrations/0004_topics.sql"),
];

/// Brings the schema up to date; refuses a database that a newer version wrote.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
    let applied = version(conn)?;
    if applied > MIGRATIONS.len() {
        return Err(OpenError::Newer {
            found: applied,
            known: MIGRATIONS.len(),
        });
    }
    for (number, sql) in (1_i32..).zip(MIGRATIONS).skip(applied) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    begin_first_life(conn)
}

fn version(conn: &Connection) -> rusqlite::Result<usize> {
    let number: i32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Nothing writes a negative one; as a huge number it is refused.
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn begin_first_life(conn: &mut Connection) -> Result<(), OpenError> {
    let tx: Transaction<'_> = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let begun: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM meta)", [], |row| row.get(0))?;
    if !begun {
        let mut random = [0; 8 + 32];
        getrandom::fill(&mut random).map_err(|error| OpenError::Random(error.to_string()))?;
        let (epoch, key) = random.split_at(8);
        let epoch = epoch
            .iter()
            .fold(0, |number, byte| number << 8 | i64::from(*byte));
        tx.execute("INSERT INTO meta VALUES (1, ?1, ?2, 0)", (epoch, key))?;
    }
    Ok(tx.commit()?)
}
