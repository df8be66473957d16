use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use hither_protocol::{Because, MessageId, Timestamp, TopicName};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::trace::planned_again as times_planned_again;
use super::{OpenError, SqliteStore, writer};
use crate::store::contract::trace::decided;
use crate::store::contract::{
    Bed, Hands, NEWEST, Scene, a_message, a_session, an_account, contract_suite, device, ids,
    inbox, name, new_entries, positions, publisher_id,
};
use crate::store::{
    Clock, Committed, DataFolder, FolderError, Log, MAX_TOPICS, NewMessage, Position,
    Publishers as _, Retention, Store, StoreError, TopicAccess as _, Topics as _, Traces as _,
    What, system_clock,
};

struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Bed for Folder {
    fn open(&self, clock: Clock) -> Arc<dyn Store> {
        Arc::new(open(self.0.path(), clock).unwrap())
    }
}

contract_suite!(Folder);

fn open(path: &Path, clock: Clock) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(DataFolder::lock(path).unwrap(), clock)
}

/// The database, past the store.
fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("hither.db")).unwrap()
}

async fn furnished(path: &Path) -> Arc<SqliteStore> {
    let store = open(path, system_clock()).unwrap();
    store.add_account(an_account("ada")).await.unwrap();
    let publisher = crate::store::contract::a_publisher();
    store.add_publisher(publisher).await.unwrap();
    Arc::new(store)
}

fn a_large_message() -> NewMessage {
    let mut message = a_message(&["ada"]);
    message.html = Some("x".repeat(20_000));
    message
}

/// Publishes a crowd at once; answers the ids that were accepted, and the refusals.
async fn publish_crowd(
    store: &Arc<SqliteStore>,
    crowd: usize,
) -> (Vec<MessageId>, Vec<StoreError>) {
    let mut running = JoinSet::new();
    for _ in 0..crowd {
        let store = Arc::clone(store);
        running.spawn(async move { store.publish(a_large_message()).await });
    }
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for answer in running.join_all().await {
        match answer {
            Ok(stored) => accepted.push(stored.id),
            Err(error) => refused.push(error),
        }
    }
    (accepted, refused)
}

/// Publishes crowd by crowd until one is refused; answers the ids that were accepted.
async fn publish_until_full(store: &Arc<SqliteStore>, crowd: usize) -> Vec<MessageId> {
    let mut accepted = Vec::new();
    loop {
        let (stored, refused) = publish_crowd(store, crowd).await;
        accepted.extend(stored);
        assert!(accepted.len() < 1000, "there is room for less");
        if !refused.is_empty() {
            assert!(
                refused.iter().all(|error| *error == StoreError::Full),
                "{refused:?}"
            );
            return accepted;
        }
    }
}

async fn whole_history(store: &SqliteStore) -> Vec<MessageId> {
    let mut history = Vec::new();
    let mut after = Position(0);
    loop {
        let page = store.page(&inbox("ada"), after, None, 1000).await.unwrap();
        history.extend(ids(&page));
        after = page.upto;
        if !page.more {
            return history;
        }
    }
}

fn sorted(mut ids: Vec<MessageId>) -> Vec<MessageId> {
    ids.sort();
    ids
}

#[tokio::test]
async fn every_commit_reaches_the_disk() {
    let folder = Folder::default();
    let store = open(folder.0.path(), system_clock()).unwrap();
    let read = store.writer.write(|tx| {
        let mode: String = tx.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let synchronous: i64 = tx.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
        let automatic: i64 = tx.query_row("PRAGMA wal_autocheckpoint", [], |row| row.get(0))?;
        let keys: bool = tx.query_row("PRAGMA foreign_keys", [], |row| row.get(0))?;
        Ok((mode, synchronous, automatic, keys))
    });
    let full = 2;
    assert_eq!(read.await.unwrap(), ("wal".to_owned(), full, 0, true));
}

#[tokio::test]
async fn an_undone_request_leaves_neither_position_nor_news() {
    let undone = undone(|| Err(StoreError::NotFound)).await;
    assert_eq!(undone, StoreError::NotFound);
}

#[tokio::test]
async fn a_request_that_panics_is_undone_alone() {
    let undone = undone(|| panic!("a request that cannot be done")).await;
    assert!(matches!(undone, StoreError::Broken(_)), "{undone:?}");
}

/// A request that comes to a bad end after it appended an entry, beside one that does not.
async fn undone(end: fn() -> Result<(), StoreError>) -> StoreError {
    let folder = Folder::default();
    let store = furnished(folder.0.path()).await;
    let mut news = store.commits().unwrap();
    let undone = store.writer.write(move |tx| {
        tx.append(vec![Log::Everyone], What::Read(vec![]), false, None);
        end()
    });
    let (undone, done) = tokio::join!(undone, store.publish(a_message(&["ada"])));
    done.unwrap();
    let Ok(Committed::Entries(entries)) = news.try_recv() else {
        panic!("nothing announced");
    };
    assert_eq!(positions(&new_entries(&entries)), [1]);
    assert!(news.try_recv().is_err());
    assert_eq!(store.head(), Position(1));
    undone.unwrap_err()
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::default();
    let path = folder.0.path();
    drop(open(path, system_clock()).unwrap());
    database(path)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let refused = open(path, system_clock()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }));
    assert!(refused.to_string().contains("newer version"), "{refused}");
    let version = database(path).query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0));
    assert_eq!(version, Ok(99), "left as it was");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = Folder::default();
    let file = folder.0.path().join("hither.db");
    fs::write(&file, "my thesis\n".repeat(1000)).unwrap();
    let refused = open(folder.0.path(), system_clock()).err().unwrap();
    assert!(refused.to_string().contains("not a database"), "{refused}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("my thesis"));
}

#[test]
fn one_folder_has_one_owner() {
    let folder = Folder::default();
    let path = folder.0.path();
    let store = open(path, system_clock()).unwrap();
    let refused = DataFolder::lock(path).unwrap_err();
    let own = std::process::id();
    assert!(matches!(refused, FolderError::InUse { holder: Some(pid), .. } if pid == own));
    assert!(refused.to_string().contains(&own.to_string()), "{refused}");
    drop(store);
    DataFolder::lock(path).unwrap();
}

#[test]
fn each_store_has_a_life_of_its_own() {
    let (one, two) = (Folder::default(), Folder::default());
    let cursor = |folder: &Folder| {
        let cursors = folder.open(system_clock()).cursors();
        cursors.make(&name("ada"), Position(1))
    };
    assert_ne!(cursor(&one), cursor(&two));
    assert_eq!(cursor(&one), cursor(&one));
}

#[tokio::test]
async fn withdrawn_messages_are_passed_over() {
    let scene = Scene::new(Folder::default()).await;
    let gone = scene.store.publish(a_large_message()).await.unwrap().id;
    let kept = scene.publish(&["ada"]).await;
    let database = database(scene.bed.0.path());
    let withdraw = "UPDATE messages SET withdrawn_at = 1 WHERE id = ?1";
    database.execute(withdraw, [gone.0.as_bytes()]).unwrap();
    let log = scene.whole_log("ada").await;
    assert_eq!(ids(&log), [kept]);
    assert_eq!(log.upto, Position(2));
    let (ada, now) = (name("ada"), scene.hands.now());
    assert_eq!(
        scene.store.message(&inbox("ada"), gone).await.unwrap(),
        None
    );
    assert_eq!(scene.store.html(&inbox("ada"), gone).await.unwrap(), None);
    let pending = scene.store.pending(&ada, now, NEWEST).await.unwrap();
    assert_eq!(pending.iter().map(|p| p.id).collect::<Vec<_>>(), [kept]);
}

#[tokio::test]
async fn a_damaged_row_is_reported_not_skipped() {
    let scene = Scene::new(Folder::default()).await;
    scene.publish(&["ada"]).await;
    let database = database(scene.bed.0.path());
    database
        .execute("UPDATE messages SET content = '{'", [])
        .unwrap();
    let page = scene.store.page(&inbox("ada"), Position(0), None, 9).await;
    assert!(matches!(page, Err(StoreError::Broken(text)) if text.contains("damaged row")));
}

#[tokio::test]
async fn outlived_keys_are_cleared_away() {
    let hands = Hands::new();
    let folder = Folder::default();
    let keyed = || NewMessage {
        idempotency: Some(("k".to_owned(), [1; 32])),
        ..a_message(&["ada"])
    };
    let scene = Scene::new(folder).await;
    scene.store.publish(keyed()).await.unwrap();
    let path = scene.bed.0.path().to_owned();
    let count = || {
        let sql = "SELECT count(*) FROM idempotency";
        database(&path)
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count(), 1);
    scene.store.close().await;
    let Scene { bed, store, .. } = scene;
    drop(store);
    hands.turn(25 * 3_600_000);
    let store = bed.open(hands.clock());
    store.add_account(an_account("eve")).await.unwrap();
    assert_eq!(count(), 0);
}

#[tokio::test]
async fn checkpoints_do_not_wait_for_an_idle_moment_that_never_comes() {
    let folder = Folder::default();
    let store = furnished(folder.0.path()).await;
    let size = || {
        fs::metadata(folder.0.path().join("hither.db"))
            .unwrap()
            .len()
    };
    let mut accepted = Vec::new();
    while size() < 8 * 1024 * 1024 {
        assert!(
            accepted.len() < 20_000,
            "nothing reached the database in 400 MB"
        );
        accepted.extend(publish_crowd(&store, 20).await.0);
    }
    assert_eq!(sorted(whole_history(&store).await), sorted(accepted));
}

#[tokio::test]
async fn what_finds_no_room_is_refused_and_leaves_nothing() {
    let folder = Folder::default();
    let store = furnished(folder.0.path()).await;
    let limit = store.writer.write(|tx| {
        let pages: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let sql = format!("PRAGMA max_page_count = {}", pages + 100);
        tx.query_row(&sql, [], |_| Ok(()))?;
        Ok(())
    });
    limit.await.unwrap();
    let accepted = publish_until_full(&store, 4).await;
    assert!(!accepted.is_empty());
    let history = whole_history(&store).await;
    assert_eq!(sorted(history), sorted(accepted.clone()));

    let more_room = store
        .writer
        .write(|tx| Ok(tx.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))?));
    more_room.await.unwrap();
    let (more, refused) = publish_crowd(&store, 10).await;
    assert_eq!((more.len(), refused.len()), (10, 0));
    drop(store);
    let store = open(folder.0.path(), system_clock()).unwrap();
    let all = [accepted, more].concat();
    assert_eq!(sorted(whole_history(&store).await), sorted(all));
}

#[tokio::test]
async fn a_full_disk_refuses_every_kind_of_write_as_a_whole() {
    let folder = Folder::default();
    let store = furnished(folder.0.path()).await;
    let session = a_session("ada", "desk", 1, Timestamp::now());
    store.create_session(session).await.unwrap();
    let ids = publish_crowd(&store, 30).await.0;
    let (ada, now) = (inbox("ada"), Timestamp::now());
    let no_more = |tx: &mut writer::Tx<'_>| {
        tx.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?;
        Ok(())
    };
    store.writer.write(no_more).await.unwrap();
    publish_until_full(&store, 1).await;
    let mut marked = 0;
    for n in 0..100 {
        let desk = device(&format!("desk-{n}"));
        match store.mark_shown(&ada, &desk, ids.clone(), false, now).await {
            Ok(_) => marked += 1,
            Err(error) => assert_eq!(error, StoreError::Full),
        }
    }
    assert!(marked < 100, "there was room for everything");
    let mut accounts = 1;
    loop {
        let mut account = an_account(&format!("a{accounts}"));
        account.password_hash = "x".repeat(1000);
        match store.add_account(account).await {
            Ok(()) => accounts += 1,
            Err(error) => break assert_eq!(error, StoreError::Full),
        }
        assert!(accounts < 100, "there was room for everything");
    }
    let database = database(folder.0.path());
    let count = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        database
            .query_row(&sql, [], |row| row.get::<_, usize>(0))
            .unwrap()
    };
    assert_eq!(
        (count("shown"), count("accounts")),
        (marked * ids.len(), accounts)
    );
}

/// A small disk of its own, where this user may make one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.unwrap().success());
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_answered() {
    let Some(disk) = SmallDisk::mount() else {
        // Without the right to mount, `what_finds_no_room_is_refused_and_leaves_nothing` stands in.
        eprintln!("no small disk: this user may not mount one");
        return;
    };
    let folder = disk.0.path().join("data");
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![7; 1024 * 1024]).unwrap();
    let store = furnished(&folder).await;
    let mut accepted = publish_until_full(&store, 16).await;
    accepted.extend(publish_until_full(&store, 1).await);
    assert_eq!(
        sorted(whole_history(&store).await),
        sorted(accepted.clone())
    );

    fs::remove_file(&ballast).unwrap();
    let (more, refused) = publish_crowd(&store, 4).await;
    assert_eq!(
        (more.len(), refused),
        (4, vec![]),
        "it goes on once there is room"
    );
    accepted.extend(more);
    assert_eq!(
        sorted(whole_history(&store).await),
        sorted(accepted.clone())
    );
    drop(store);
    let store = open(&folder, system_clock()).unwrap();
    assert_eq!(sorted(whole_history(&store).await), sorted(accepted));
}

#[tokio::test]
async fn a_removed_account_leaves_no_rows() {
    let scene = Scene::new(Folder::default()).await;
    scene.sign_in("ada", "desk", 1).await;
    let (ada, at) = (name("ada"), scene.hands.now());
    for to in [&["ada"][..], &["ada", "bob"]] {
        let id = scene.publish(to).await;
        let desk = "desk".parse().unwrap();
        scene
            .store
            .mark_shown(&inbox("ada"), &desk, vec![id], false, at)
            .await
            .unwrap();
        scene
            .store
            .mark_read(&inbox("ada"), vec![id], at)
            .await
            .unwrap();
        let yes = "yes".to_owned();
        scene
            .store
            .record_action(&inbox("ada"), &desk, id, yes, at)
            .await
            .unwrap();
        let steps = vec![decided("ada", id, Because::Active, at)];
        scene.store.add_steps(steps).await.unwrap();
    }
    scene.store.remove_account(&ada).await.unwrap();
    let database = database(scene.bed.0.path());
    for (table, left) in [
        ("accounts", 1),
        ("devices", 0),
        ("clients", 0),
        ("sessions", 0),
        ("messages", 1),
        ("log", 1),
        ("inbox", 1),
        ("shown", 0),
        ("chosen_actions", 0),
        ("trace", 0),
    ] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, left, "{table}");
    }
}

#[tokio::test]
async fn d3_what_was_filled_goes_with_its_entry() {
    let scene = Scene::new(Folder::default()).await;
    let mut new = a_message(&["ada", "bob"]);
    new.message.title = "{{n}}".to_owned();
    let fields = serde_json::json!({ "ada": { "n": 1 }, "bob": { "n": 2 } });
    new.fields = Some(serde_json::from_value(fields).unwrap());
    scene.store.publish(new).await.unwrap();
    scene.publish(&["ada"]).await;
    let kept = || -> i64 {
        let count = "SELECT count(*) FROM own_content";
        let database = database(scene.bed.0.path());
        database.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(kept(), 2);
    let retention = |entries| Retention {
        age: Duration::from_hours(24),
        entries,
    };
    scene.store.retain(retention(1)).await.unwrap();
    assert_eq!(kept(), 1, "bob has his still");
    scene.store.retain(retention(0)).await.unwrap();
    assert_eq!(kept(), 0);
}

#[tokio::test]
async fn subscriptions_to_what_is_nobodys_take_no_publishers_topics() {
    let folder = tempfile::tempdir().unwrap();
    let store = furnished(folder.path()).await;
    let (ada, publisher) = (name("ada"), publisher_id());
    // As of 75 accounts with 200 subscriptions each; once more, as publishers make them theirs.
    let fill = |prefix: &str, owner: &str| {
        let fill = format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_TOPICS})
             INSERT INTO topics (name, created_at, owner) SELECT '{prefix}' || i, 0, {owner} FROM n"
        );
        database(folder.path()).execute_batch(&fill).unwrap();
    };
    let topic = |text: &str| text.parse::<TopicName>().unwrap();
    fill("free", "NULL");
    store.claim_topic(&topic("own"), &publisher).await.unwrap();
    fill("owned", "(SELECT id FROM publishers)");
    for one_more in ["new", "free1"] {
        let refused = store.claim_topic(&topic(one_more), &publisher).await;
        assert_eq!(refused, Err(StoreError::TooManyTopics), "{one_more}");
    }
    assert_eq!(store.topic(&topic("new")).await.unwrap(), None);
    store.claim_topic(&topic("own"), &publisher).await.unwrap();
    store.subscribe(&ada, &topic("anything")).await.unwrap();
}

/// Planning a statement takes many times as long as running it, and a decision is written for each
/// message.
#[tokio::test]
async fn a_decision_is_written_without_planning_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = furnished(folder.path()).await;
    assert_eq!(planned_again(&store).await, 0);
    let by_default = store.writer.write(|tx| {
        tx.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, false)?;
        tx.flush_prepared_statement_cache();
        Ok(())
    });
    by_default.await.unwrap();
    assert!(planned_again(&store).await > 0, "this test cannot fail");
}

/// How often that happened while some decisions were written.
async fn planned_again(store: &SqliteStore) -> i32 {
    for _ in 0..3 {
        let id = store.publish(a_message(&["ada"])).await.unwrap().id;
        let step = decided("ada", id, Because::Active, Timestamp::now());
        store.add_steps(vec![step]).await.unwrap();
    }
    store
        .writer
        .write(|tx| times_planned_again(tx))
        .await
        .unwrap()
}
