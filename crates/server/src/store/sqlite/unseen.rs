//! What popped up lately and perhaps nobody saw.

use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use hither_protocol::{AccountName, DeviceId, Timestamp};
use rusqlite::{Connection, params};

use super::accounts::account_number;
use super::pages::waiting;
use super::rows::{damaged, ms, time};
use crate::store::{PoppedUp, StoreError, Unseen};

/// What is handed over may wait so long for somebody: over a night of quiet, or a weekend.
const LATELY: Duration = Duration::from_hours(7 * 24);

/// As many as a router remembers.
const MAX_UNSEEN: usize = 1000;

const UNSEEN: &str = "SELECT messages.id, public_id, priority, messages.created_at, expires_at,
            not_for, number, device, shown.shown_at, stays
     FROM shown
     JOIN messages ON number = shown.message
     JOIN publishers ON publishers.id = publisher
     JOIN inbox ON inbox.message = number AND inbox.account = shown.account
     WHERE shown.account = ?1 AND shown.shown_at > ?2
       AND read_at IS NULL AND inbox.shown_at IS NOT NULL
       AND withdrawn_at IS NULL AND ifnull(expires_at > ?3, TRUE)
       AND NOT EXISTS (
           SELECT 1 FROM shown AS other LEFT JOIN devices
             ON devices.account = other.account AND devices.id = other.device
           WHERE other.message = number AND other.account = ?1
             AND ifnull(kind, 'mobile') = 'mobile')
       AND NOT EXISTS (
           SELECT 1 FROM trace
           WHERE message = number AND account = ?1
             AND decision ->> 'outcome' IN ('seen', 'taken'))
     ORDER BY shown.shown_at DESC LIMIT ?4";

pub(super) fn unseen(
    conn: &Connection,
    name: &AccountName,
    now: Timestamp,
) -> Result<Vec<Unseen>, StoreError> {
    let account = account_number(conn, name)?;
    let mut query = conn.prepare_cached(UNSEEN)?;
    let lately = ms(now) - i64::try_from(LATELY.as_millis()).unwrap_or(i64::MAX);
    let mut rows = query.query(params![account, lately, ms(now), MAX_UNSEEN])?;
    let mut unseen = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let popped_up = PoppedUp {
            on: DeviceId::try_from(row.get::<_, String>(7)?).map_err(damaged)?,
            at: time(row.get(8)?)?,
            stays: row.get(9)?,
        };
        let one = match unseen.entry(row.get::<_, i64>(6)?) {
            Entry::Vacant(entry) => entry.insert(Unseen {
                message: waiting(row)?,
                shown: Vec::new(),
            }),
            Entry::Occupied(entry) => entry.into_mut(),
        };
        one.shown.push(popped_up);
    }
    Ok(unseen.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::schema;

    /// After a start every account asks, all at once.
    #[test]
    fn only_what_popped_up_lately_on_the_account_is_looked_at() {
        let mut conn = Connection::open_in_memory().unwrap();
        schema::migrate(&mut conn).unwrap();
        let mut query = conn
            .prepare(&format!("EXPLAIN QUERY PLAN {UNSEEN}"))
            .unwrap();
        let steps: Vec<String> = query
            .query_map([1, 2, 3, 4], |row| row.get("detail"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let lately = "SEARCH shown USING INDEX shown_lately (account=? AND shown_at>?)";
        assert_eq!(steps[0], lately, "{steps:#?}");
        let scans = |step: &String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
        assert!(!steps.iter().any(scans), "{steps:#?}");
    }
}
