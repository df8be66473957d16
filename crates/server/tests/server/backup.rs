//! A copy of everything in one file, and what is made of it again.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hither_protocol::{CloseCode, DeviceKind, MessageId};
use hither_server::store::{
    Attachments, Backup, BackupError, DataFolder, RestoreError, Store, StoreError, restore,
    system_clock,
};
use hither_server::{Settings, attachments};
use serde_json::json;
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::harness::{Server, hello};

/// Makes a backup the store of a new folder.
pub(crate) fn restored(backup: &Path) -> Result<TempDir, RestoreError> {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::lock(folder.path()).unwrap();
    restore(&data, backup, false)?;
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a9_everything_accepted_before_a_backup_comes_back_from_it() {
    let server = Arc::new(Server::start().await);
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let (stream, before) = server.connect(&ada, None).await;
    stream.close().await;
    let upload = server.uploaded("x.txt", b"0123456789").await;
    let with_file = server
        .send_as(&json!({
            "to": { "accounts": ["ada"] }, "title": "File", "attachments": [{ "id": upload }],
        }))
        .await;

    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(publish_until(Arc::clone(&server), Arc::clone(&stop))))
        .collect();
    let mut accepted: Vec<MessageId> = vec![with_file];
    for _ in 0..20 {
        accepted.push(server.send("ada", "Before").await);
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("hither.backup");
    let report = server.store.backup(file.clone()).await.unwrap();
    assert_eq!((report.attachments, report.missing), (1, 0));
    assert_eq!(report.bytes, file.metadata().unwrap().len());
    stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        assert!(publisher.await.unwrap() > 0, "it was under load");
    }

    let folder = restored(&file).unwrap();
    let copy = Server::run(Settings::default(), folder, system_clock()).await;
    assert_eq!(
        copy.store.check().await.unwrap().problems,
        Vec::<String>::new()
    );
    let mut foreign = copy.open().await;
    foreign.say(&hello(&ada, Some(before.cursor), None)).await;
    foreign.ends_with(CloseCode::UnknownCursor).await;
    let (_stream, backlog) = copy.connect(&ada, None).await;
    let kept: Vec<MessageId> = backlog.messages().map(|message| message.id).collect();
    let lost: Vec<_> = accepted.iter().filter(|id| !kept.contains(id)).collect();
    assert!(lost.is_empty(), "accepted before and lost: {lost:?}");
    let seen = copy.attachments_of(&ada, &with_file.to_string()).await;
    let fetched = copy.get(seen[0]["href"].as_str().unwrap(), &ada).await;
    assert_eq!(fetched.body, "0123456789");
    copy.send("ada", "After").await;
    attachments::sweep(&*copy.store).await.unwrap();
    assert_eq!(copy.store.check().await.unwrap().attachments, 1);
}

async fn publish_until(server: Arc<Server>, stop: Arc<AtomicBool>) -> usize {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        server.send("ada", "Meanwhile").await;
        sent += 1;
    }
    sent
}

#[tokio::test]
async fn a_backup_is_given_up_when_the_server_stops() {
    let server = Server::start().await;
    server.uploaded("x.txt", b"0123456789").await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("hither.backup");
    server.store.give_up();
    let refused = server.store.backup(file).await.unwrap_err();
    assert!(matches!(refused, BackupError::Stopped), "{refused}");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(server.store.check().await.unwrap_err(), StoreError::Closed);
}

#[tokio::test]
async fn a_backup_removes_what_others_left_that_were_cut_off() {
    let place = tempfile::tempdir().unwrap();
    let in_place = |name: &str| place.path().join(name);
    for name in [".hither-backup-1.part", ".hither-backup-2.db", "other.part"] {
        fs::write(in_place(name), "half").unwrap();
    }
    a_backup(&place).await;
    assert!(!in_place(".hither-backup-1.part").exists());
    assert!(!in_place(".hither-backup-2.db").exists());
    assert!(in_place("other.part").exists() && in_place("hither.backup").exists());

    let written = fs::File::create(in_place(".hither-backup-3.part")).unwrap();
    written.lock().unwrap();
    fs::remove_file(in_place("hither.backup")).unwrap();
    a_backup(&place).await;
    assert!(
        in_place(".hither-backup-3.part").exists(),
        "somebody writes it"
    );
}

/// A backup of a store with a message and a file.
async fn a_backup(place: &TempDir) -> PathBuf {
    let server = Server::start().await;
    let upload = server.uploaded("x.txt", b"0123456789").await;
    server
        .send_as(&json!({
            "to": { "accounts": ["ada"] }, "title": "File", "attachments": [{ "id": upload }],
        }))
        .await;
    let file = place.path().join("hither.backup");
    server.store.backup(file.clone()).await.unwrap();
    file
}

#[tokio::test]
async fn a_backup_is_private_and_replaces_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let file = a_backup(&place).await;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
    let before = fs::read(&file).unwrap();
    let server = Server::start().await;
    let refused = server.store.backup(file.clone()).await.unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read(&file).unwrap(), before);
    let nowhere = place.path().join("no/such/folder");
    let refused = server.store.backup(nowhere).await.unwrap_err();
    assert!(matches!(refused, BackupError::Io { .. }), "{refused}");
}

#[tokio::test]
async fn a_file_that_a_disk_lost_is_left_out_and_said() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    server.uploaded("x", b"0123456789").await;
    server.uploaded("y", b"another").await;
    let [lost, _] = server.files().try_into().unwrap();
    fs::write(&lost, b"gone bad!!").unwrap();
    let check = server.store.check().await.unwrap();
    assert_eq!(
        (check.attachments, check.problems.len()),
        (1, 1),
        "{check:?}"
    );
    let file = place.path().join("backup");
    let report = server.store.backup(file.clone()).await.unwrap();
    assert_eq!((report.attachments, report.missing), (1, 1));
    restored(&file).unwrap();
}

#[tokio::test]
async fn what_a_crash_left_is_no_problem_and_goes() {
    let server = Server::start().await;
    server.uploaded("x", b"0123456789").await;
    let stray = "ab".repeat(32);
    let path = server.store.files().path(&stray.parse().unwrap());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "stray").unwrap();
    let check = server.store.check().await.unwrap();
    assert_eq!((check.strays, check.problems.len()), (1, 0));
    attachments::remove_strays(&*server.store).await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_furnished_folder_is_replaced_only_on_demand() {
    let place = tempfile::tempdir().unwrap();
    let file = a_backup(&place).await;
    let server = Server::start().await;
    let carol = "carol".parse().unwrap();
    let upload = server.uploaded("old", b"of the old store").await;
    server.send("bob", "Old").await;
    assert!(upload.is_string());
    let (settings, folder) = server.stop().await;
    let data = DataFolder::lock(folder.path()).unwrap();
    let refused = restore(&data, &file, false).unwrap_err();
    assert!(matches!(refused, RestoreError::NotEmpty), "{refused}");
    let report = restore(&data, &file, true).unwrap();
    assert_eq!(
        (report.accounts, report.messages, report.attachments),
        (2, 1, 1)
    );
    drop(data);
    let server = Server::run(settings, folder, system_clock()).await;
    assert!(server.store.account(&carol).await.unwrap().is_none());
    attachments::remove_strays(&*server.store).await.unwrap();
    let check = server.store.check().await.unwrap();
    assert_eq!((check.messages, check.attachments, check.strays), (1, 1, 0));
    assert!(check.problems.is_empty(), "{check:?}");
}

/// The entries of an archive: name, kind, content.
type Entries = Vec<(Vec<u8>, EntryType, Vec<u8>)>;

fn entries(file: &Path) -> Entries {
    let mut archive = tar::Archive::new(fs::File::open(file).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (
            entry.path_bytes().into_owned(),
            entry.header().entry_type(),
            content,
        )
    });
    entries.collect()
}

fn archive(entries: &Entries) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        // The library would not write these names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        if !kind.is_file() {
            header.as_old_mut().linkname[..4].copy_from_slice(b"/etc");
        }
        header.set_cksum();
        archive.append(&header, &**content).unwrap();
    }
    archive.into_inner().unwrap()
}

#[tokio::test]
async fn a9_what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let file = a_backup(&place).await;
    let good = entries(&file);
    assert_eq!(good.len(), 3);
    let with = |change: &dyn Fn(&mut Entries)| {
        let mut entries = good.clone();
        change(&mut entries);
        archive(&entries)
    };
    let add = |name: &str, kind| {
        let entry = (name.as_bytes().to_vec(), kind, b"x".to_vec());
        with(&move |entries: &mut Entries| entries.push(entry.clone()))
    };
    let regular = EntryType::Regular;
    let mut cases = vec![
        ("nothing", Vec::new()),
        ("another file", b"PK\x03\x04 no tar at all".repeat(100)),
        ("no manifest", with(&|entries| drop(entries.remove(0)))),
        ("no database", with(&|entries| drop(entries.remove(1)))),
        ("no attachment", with(&|entries| drop(entries.remove(2)))),
        (
            "another format",
            with(&|entries| entries[0].2 = br#"{"format":"tar"}"#.to_vec()),
        ),
        ("another database", with(&|entries| entries[1].2[5000] ^= 1)),
        ("another content", with(&|entries| entries[2].2[0] ^= 1)),
        (
            "the database twice",
            with(&|entries| entries.push(entries[1].clone())),
        ),
        ("a path upwards", add("../evil", regular)),
        ("a path in between", add("attachments/../../evil", regular)),
        ("an absolute path", add("/tmp/evil", regular)),
        ("a file of its own", add("lock", regular)),
        (
            "a wrong place",
            add(&format!("attachments/ab/{}", "ab".repeat(32)), regular),
        ),
        (
            "a link",
            add(
                &format!("attachments/ab/ab/{}", "ab".repeat(32)),
                EntryType::Symlink,
            ),
        ),
        ("a hard link", add("hither.db", EntryType::Link)),
        ("a folder", add("attachments/", EntryType::Directory)),
    ];
    let whole = fs::read(&file).unwrap();
    for length in [1, 511, 512, 1024, 5000, whole.len() / 2, whole.len() - 2048] {
        cases.push(("its end is missing", whole[..length].to_vec()));
    }
    let outside = place.path().join("evil");
    for (what, bytes) in cases {
        let broken = place.path().join("broken");
        fs::write(&broken, bytes).unwrap();
        let folder = tempfile::tempdir_in(place.path()).unwrap();
        let data = DataFolder::lock(folder.path()).unwrap();
        let refused = restore(&data, &broken, false);
        assert!(
            matches!(refused, Err(RestoreError::Archive(_))),
            "{what}: {refused:?}"
        );
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lock"], "{what}");
        assert!(
            !outside.exists() && !Path::new("/tmp/evil").exists(),
            "{what}"
        );
    }
    fs::write(place.path().join("again"), archive(&good)).unwrap();
    restored(&place.path().join("again")).unwrap();
}

#[tokio::test]
async fn a_backup_of_a_newer_version_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let (_, folder) = server.stop().await;
    let newer = rusqlite::Connection::open(folder.path().join("hither.db")).unwrap();
    newer.pragma_update(None, "user_version", 1000).unwrap();
    drop(newer);
    let database = fs::read(folder.path().join("hither.db")).unwrap();
    let digest = {
        use sha2::{Digest, Sha256};
        let hash: [u8; 32] = Sha256::digest(&database).into();
        hither_server::attachments::FileHash(hash).to_string()
    };
    let manifest = json!({
        "format": "hither-backup-1", "program": "9", "made_at": "2026-11-22T01:59:58.234Z",
        "sha256": digest, "attachments": 0, "missing": [],
    });
    let entries = vec![
        (
            b"manifest.json".to_vec(),
            EntryType::Regular,
            manifest.to_string().into_bytes(),
        ),
        (b"hither.db".to_vec(), EntryType::Regular, database),
    ];
    let file = place.path().join("newer");
    fs::write(&file, archive(&entries)).unwrap();
    let refused = restored(&file).unwrap_err().to_string();
    assert!(refused.contains("newer version"), "{refused}");
}
