//! What is published.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hither_protocol::MessageId;
use hither_server::store::{Position, Reader, Store, What};

use crate::scene::{a_message, ada, doomed, furnish, open, run_and_kill, say};

const WRITERS: usize = 16;

/// The test and, started again by itself with a folder to write to, the process it kills.
#[test]
fn a9_a_killed_process_keeps_what_it_answered_once() {
    if let Some(folder) = doomed() {
        return publish_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut answered = BTreeSet::new();
    // Different numbers of answers end it in different moments of a commit.
    for (life, answers) in [1, 7, 40, 150, 333, 64].into_iter().enumerate() {
        let before = answered.len();
        let test = "log::a9_a_killed_process_keeps_what_it_answered_once";
        run_and_kill(test, folder.path(), answers, |line| {
            let id: Option<MessageId> = line.strip_prefix("id ").and_then(|id| id.parse().ok());
            answered.extend(id);
            id.is_some()
        });
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
        say(&format!("id {id}"));
    }
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
