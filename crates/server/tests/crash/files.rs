//! Files that come and go: no row is left without its file, and no file for ever that no row needs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hither_protocol::Timestamp;
use hither_server::attachments::{remove_strays, sweep};
use hither_server::store::{NewMessage, Quota, Store, Upload};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::scene::{a_message, doomed, furnish, open, publisher, run_and_kill, say};

const WRITERS: usize = 8;

/// The test and, started again by itself with a folder to write to, the process it kills.
#[test]
fn a9_a_killed_process_leaves_rows_and_files_in_step() {
    if let Some(folder) = doomed() {
        return come_and_go_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // Different numbers of rounds end it in different moments between file and row.
    for (life, rounds) in [1, 5, 23, 60, 111, 37, 84].into_iter().enumerate() {
        let test = "files::a9_a_killed_process_leaves_rows_and_files_in_step";
        run_and_kill(test, folder.path(), rounds, |line| line == "round");
        look(folder.path(), life);
    }
}

#[tokio::main]
async fn come_and_go_until_killed(folder: &Path) {
    let store: Arc<dyn Store> = Arc::new(open(folder));
    furnish(&*store).await;
    let mut tasks: Vec<_> = (0..WRITERS)
        .map(|_| tokio::spawn(come_and_go(Arc::clone(&store))))
        .collect();
    tasks.push(tokio::spawn(async move {
        loop {
            sweep(&*store).await.unwrap();
            remove_strays(&*store).await.unwrap();
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
}

/// Uploads, publishes and forgets, mostly the same few contents, so that they meet the sweep.
async fn come_and_go(store: Arc<dyn Store>) {
    for round in 0_u64.. {
        let content = format!("content {}", round % 5).repeat(1000);
        let upload = upload(&*store, content.as_bytes()).await;
        if round % 3 == 0 {
            publish(&*store, &upload).await;
        }
        store.forget_uploads(vec![upload.id]).await.unwrap();
        say("round");
    }
}

async fn upload(store: &dyn Store, content: &[u8]) -> Upload {
    let files = store.files();
    let mut incoming = files.receive().unwrap();
    incoming.write(content).await.unwrap();
    let arrived = incoming.finish().await.unwrap();
    let upload = Upload {
        id: Uuid::now_v7(),
        publisher: publisher(),
        file: arrived.hash,
        size: arrived.size,
        name: "x".to_owned(),
        media_type: "text/plain".to_owned(),
        expires_at: Timestamp::MAX,
    };
    let held = files.hold().await;
    files.keep(arrived, &held).await.unwrap();
    let plenty = Quota {
        publisher: u64::MAX,
        total: u64::MAX,
    };
    store
        .add_uploads(vec![upload.clone()], plenty)
        .await
        .unwrap();
    drop(held);
    upload
}

async fn publish(store: &dyn Store, upload: &Upload) {
    let _held = store.files().hold().await;
    let mut new = NewMessage {
        // Most are gone soon, so that files are, too.
        ttl: Some(Duration::from_millis(1)),
        ..a_message()
    };
    let attachment = json!({
        "name": "x", "media_type": "text/plain", "size": upload.size, "href": "",
        "sha256": upload.file.to_string(),
    });
    new.message.attachments = vec![serde_json::from_value(attachment).unwrap()];
    store.publish(new).await.unwrap();
}

/// Every row has its file, whole; after looking for strays, every file has its row.
#[tokio::main]
async fn look(folder: &Path, life: usize) {
    let store = open(folder);
    let store: &dyn Store = &store;
    let rows = store.all_files().await.unwrap();
    for (hash, size) in &rows {
        let content = std::fs::read(store.files().path(hash));
        let content = content.unwrap_or_else(|error| panic!("life {life}: {hash}: {error}"));
        assert_eq!(content.len() as u64, *size);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&content)), hash.0);
    }
    remove_strays(store).await.unwrap();
    let known: BTreeSet<_> = rows
        .iter()
        .map(|(hash, _)| store.files().path(hash))
        .collect();
    assert_eq!(files(&folder.join("attachments")), known, "life {life}");
}

fn files(folder: &Path) -> BTreeSet<std::path::PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}
