//! What was scheduled comes once from a server that is killed while it brings it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hither_protocol::{MessageId, Timestamp};
use hither_server::store::{NewMessage, Store};
use rusqlite::Connection;
use uuid::Uuid;

use crate::scene::{a_message, furnish, open};

/// When a life begins, so many more wait than are to come in it: it ends in the middle.
const BEYOND: usize = 200;
/// When the first are due, and how long after them the next, in milliseconds.
const FIRST: i64 = 500;
const STEP: i64 = 60;
/// So many are due in the same moment.
const TOGETHER: usize = 10;
/// A server lives until so many more have come.
const LIVES: [usize; 8] = [1, 5, 30, 99, 1, 130, 77, 250];
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks; less than a step.
const INTERVAL: Duration = Duration::from_millis(10);

/// Some are overdue when a server starts, the others become due while it runs.
#[test]
fn a9_a_killed_server_brings_each_scheduled_message_once() {
    let folder = tempfile::tempdir().unwrap();
    schedule(folder.path(), 0);
    let conn = Connection::open(folder.path().join("hither.db")).unwrap();
    let (mut scheduled, mut came) = (BTreeSet::new(), 0);
    for more in LIVES {
        let missing = (more + BEYOND).saturating_sub(waiting(&conn));
        scheduled.extend(schedule(folder.path(), missing));
        let server = Server::start(folder.path());
        came = wait_for(&conn, came + more);
        drop(server);
        assert!(waiting(&conn) > 0, "it was not killed in the middle");
    }
    let server = Server::start(folder.path());
    wait_for(&conn, scheduled.len());
    drop(server);
    drop(Server::start(folder.path()));

    let logged: Vec<MessageId> = conn
        .prepare(
            "SELECT id FROM log JOIN messages ON number = message
             WHERE kind = 'message' ORDER BY position",
        )
        .unwrap()
        .query_map([], |row| Ok(MessageId(Uuid::from_bytes(row.get(0)?))))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(logged.len(), scheduled.len(), "nothing comes twice");
    let logged: BTreeSet<_> = logged.into_iter().collect();
    assert_eq!(logged, scheduled, "and nothing is missing");
    assert_eq!(waiting(&conn), 0);
}

fn waiting(conn: &Connection) -> usize {
    conn.query_row("SELECT count(*) FROM scheduled", [], |row| row.get(0))
        .unwrap()
}

fn wait_for(conn: &Connection, least: usize) -> usize {
    let begun = Instant::now();
    loop {
        let count = "SELECT count(*) FROM log WHERE kind = 'message'";
        let came: usize = conn.query_row(count, [], |row| row.get(0)).unwrap();
        if came >= least {
            return came;
        }
        assert!(begun.elapsed() < PATIENCE, "{came} of {least} came");
        thread::sleep(INTERVAL);
    }
}

/// Killed when it is dropped.
struct Server(Child);

impl Server {
    fn start(folder: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_hither-server"))
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = server.stdout.take().unwrap();
        let server = Self(server);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "{line}");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Leaves so many more to the next server.
#[tokio::main]
async fn schedule(folder: &Path, count: usize) -> Vec<MessageId> {
    let store = open(folder);
    furnish(&store).await;
    let mut publishes = Vec::new();
    let mut at = Timestamp::now().as_millisecond() + FIRST;
    while publishes.len() < count {
        let due = Timestamp::from_millisecond(at).unwrap();
        let message = || NewMessage {
            deliver_at: Some(due),
            ..a_message()
        };
        publishes.extend((0..TOGETHER).map(|_| store.publish(message())));
        at += STEP;
    }
    let stored = futures_util::future::join_all(publishes).await;
    store.close().await;
    stored
        .into_iter()
        .map(|stored| stored.unwrap().id)
        .collect()
}
