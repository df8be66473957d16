//! A process that is killed in the middle keeps what it answered.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use hither_protocol::{AccountName, Message, MessageId, PublisherId, Timestamp};
use hither_server::store::{
    AccountRecord, DataFolder, Grantee, NewMessage, Position, PublisherRecord, Reader, Receivers,
    SqliteStore, Store, What, system_clock,
};
use serde_json::json;
use uuid::Uuid;

const FOLDER: &str = "HITHER_TEST_CRASH_FOLDER";
const WRITERS: usize = 16;

/// The test and, started again by itself with a folder to write to, the process it kills.
#[test]
fn a9_a_killed_process_keeps_what_it_answered_once() {
    if let Some(folder) = env::var_os(FOLDER) {
        return publish_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut answered = BTreeSet::new();
    // Different numbers of answers end it in different moments of a commit.
    for (life, answers) in [1, 7, 40, 150, 333, 64].into_iter().enumerate() {
        let before = answered.len();
        run_and_kill(folder.path(), answers, &mut answered);
        assert!(answered.len() >= before + answers, "life {life}");
        let history = history(folder.path());
        let kept: BTreeSet<_> = history.iter().map(|(_, id)| *id).collect();
        assert_eq!(kept.len(), history.len(), "nothing is there twice");
        let lost: Vec<_> = answered.difference(&kept).collect();
        assert!(
            lost.is_empty(),
            "answered but lost in life {life}: {lost:?}"
        );
        let unanswered = kept.difference(&answered).count();
        assert!(
            unanswered <= (life + 1) * WRITERS,
            "only what was under way"
        );
        let rises = history.iter().map(|(position, _)| position);
        assert!(rises.is_sorted());
    }
}

fn run_and_kill(folder: &Path, answers: usize, answered: &mut BTreeSet<MessageId>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a9_a_killed_process_keeps_what_it_answered_once"])
        .arg("--nocapture")
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines.map_while(Result::ok) {
        // A line that the kill cut off was not heard by anyone.
        let Some(id) = line.strip_prefix("id ").and_then(|id| id.parse().ok()) else {
            continue;
        };
        answered.insert(id);
        seen += 1;
        if seen == answers {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
}

#[tokio::main]
async fn publish_until_killed(folder: &Path) {
    let store: Arc<dyn Store> = Arc::new(open(folder));
    furnish(&*store).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| tokio::spawn(publish_for_ever(Arc::clone(&store))))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn publish_for_ever(store: Arc<dyn Store>) {
    loop {
        let id = store.publish(a_message()).await.unwrap().id;
        let line = format!("id {id}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(DataFolder::lock(folder).unwrap(), system_clock()).unwrap()
}

async fn furnish(store: &dyn Store) {
    let account = AccountRecord {
        name: ada(),
        password_hash: String::new(),
        admin: false,
        disabled_at: None,
        created_at: Timestamp::now(),
    };
    let publisher = PublisherRecord::new(publisher(), "Build".to_owned(), vec![], Timestamp::now());
    // Both are there from the second life on.
    let _ = store.add_account(account).await;
    let _ = store.add_publisher(publisher).await;
}

#[tokio::main]
async fn history(folder: &Path) -> Vec<(Position, MessageId)> {
    let store = open(folder);
    let mut history = Vec::new();
    let mut after = Position(0);
    loop {
        let page = store
            .page(&Reader::Inbox(ada()), after, None, 1000)
            .await
            .unwrap();
        history.extend(page.entries.iter().map(|entry| match &entry.what {
            What::Message(message) => (entry.position, message.id),
            other => panic!("{other:?}"),
        }));
        after = page.upto;
        if !page.more {
            assert_eq!(after, store.head());
            return history;
        }
    }
}

fn ada() -> AccountName {
    "ada".parse().unwrap()
}

fn publisher() -> PublisherId {
    "app-1234567890123456".parse().unwrap()
}

fn a_message() -> NewMessage {
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
