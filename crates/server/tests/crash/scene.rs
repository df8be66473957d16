//! What is killed, and what it works on.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use hither_protocol::{AccountName, Message, PublisherId, Timestamp};
use hither_server::store::{
    AccountRecord, DataFolder, Grantee, NewMessage, PublisherRecord, Receivers, SqliteStore, Store,
    system_clock,
};
use serde_json::json;
use uuid::Uuid;

const FOLDER: &str = "HITHER_TEST_CRASH_FOLDER";

/// In the process that is to be killed, the folder that it works on.
pub(crate) fn doomed() -> Option<OsString> {
    env::var_os(FOLDER)
}

/// Starts a test again by itself, as a process that [`says`](say) what it did; and kills it after
/// so many words. `heard` answers whether a line is such a word, also of those that were under way.
pub(crate) fn run_and_kill(
    test: &str,
    folder: &Path,
    words: usize,
    mut heard: impl FnMut(&str) -> bool,
) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines.map_while(Result::ok) {
        // A line that the kill cut off was not heard by anyone.
        if heard(&line) {
            seen += 1;
            if seen == words {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
}

/// Says a word on a line of its own.
pub(crate) fn say(word: &str) {
    let line = format!("\n{word}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

pub(crate) fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(DataFolder::lock(folder).unwrap(), system_clock()).unwrap()
}

/// An account and a publisher, which are there from the second life on.
pub(crate) async fn furnish(store: &dyn Store) {
    let account = AccountRecord {
        name: ada(),
        password_hash: String::new(),
        admin: false,
        disabled_at: None,
        created_at: Timestamp::now(),
    };
    let publisher = PublisherRecord::new(publisher(), "Build".to_owned(), vec![], Timestamp::now());
    let _ = store.add_account(account).await;
    let _ = store.add_publisher(publisher).await;
}

pub(crate) fn ada() -> AccountName {
    "ada".parse().unwrap()
}

pub(crate) fn publisher() -> PublisherId {
    "app-1234567890123456".parse().unwrap()
}

/// A message for ada.
pub(crate) fn a_message() -> NewMessage {
    let message = json!({
        "id": Uuid::now_v7(),
        "publisher": { "id": publisher(), "name": "Build" },
        "title": "Done",
        "created_at": Timestamp::UNIX_EPOCH,
    });
    let message: Message = serde_json::from_value(message).unwrap();
    NewMessage {
        message,
        html: None,
        to: Receivers::accounts(vec![ada()]),
        by: Grantee::Publisher(publisher()),
        deliver_at: None,
        ttl: None,
        idempotency: None,
        ntfy: None,
        fields: None,
    }
}
