//! Files beside messages.

use core::time::Duration;

use hither_protocol::{Attachment, MessageId};
use uuid::Uuid;

use super::{Bed, Scene, a_message, publisher_id, refused};
use crate::attachments::{FileHash, remove_strays, sweep};
use crate::store::{Quota, StoreError, Upload};

const PLENTY: Quota = Quota {
    publisher: 1000,
    total: 1000,
};

impl<B: Bed> Scene<B> {
    /// Puts a file in its place and notes it, for an hour.
    pub(super) async fn upload(&self, content: &[u8], quota: Quota) -> Result<Upload, StoreError> {
        let file = self.place(content).await;
        let upload = Upload {
            id: Uuid::now_v7(),
            publisher: publisher_id(),
            file,
            size: content.len() as u64,
            name: "x".to_owned(),
            media_type: "text/plain".to_owned(),
            expires_at: super::in_days(self.hands.now(), 1),
        };
        self.store.add_uploads(vec![upload.clone()], quota).await?;
        Ok(upload)
    }

    /// Puts a file in its place, as a crash may leave it.
    async fn place(&self, content: &[u8]) -> FileHash {
        let files = self.store.files();
        let mut incoming = files.receive().unwrap();
        incoming.write(content).await.unwrap();
        let arrived = incoming.finish().await.unwrap();
        let hash = arrived.hash;
        let held = files.hold().await;
        files.keep(arrived, &held).await.unwrap();
        hash
    }

    async fn publish_with(&self, upload: &Upload, ttl_days: Option<u64>) -> MessageId {
        let mut new = a_message(&["ada"]);
        new.ttl = ttl_days.map(|days| Duration::from_hours(24 * days));
        new.message.attachments.push(Attachment {
            name: "x".to_owned(),
            media_type: "text/plain".to_owned(),
            size: upload.size,
            href: String::new(),
            sha256: Some(upload.file.to_string()),
        });
        self.store.publish(new).await.unwrap().id
    }

    fn has(&self, hash: FileHash) -> bool {
        self.store.files().path(&hash).exists()
    }
}

pub(in crate::store) async fn an_upload_waits_for_its_message(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let upload = scene.upload(b"one", PLENTY).await.unwrap();
    let found = scene.store.upload(&publisher_id(), upload.id).await;
    assert_eq!(found, Ok(Some(upload.clone())));
    let stranger = "app-0000000000000009".parse().unwrap();
    assert_eq!(scene.store.upload(&stranger, upload.id).await, Ok(None));
    let used = scene.upload(b"two", PLENTY).await.unwrap();
    scene.publish_with(&used, None).await;
    assert_eq!(sweep(&*scene.store).await, Ok(0));

    scene.hands.turn(24 * 3_600_000);
    let late = scene.store.upload(&publisher_id(), upload.id).await;
    assert_eq!(late, Ok(None));
    assert_eq!(sweep(&*scene.store).await, Ok(1));
    assert!(!scene.has(upload.file) && scene.has(used.file));
    let scene = scene.reopen().await;
    assert_eq!(scene.store.all_files().await, Ok(vec![(used.file, 3)]));
}

pub(in crate::store) async fn a_file_ends_with_the_last_that_needs_it(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let upload = scene.upload(b"one", PLENTY).await.unwrap();
    scene.publish_with(&upload, Some(2)).await;
    scene.publish_with(&upload, Some(3)).await;
    for (days, left) in [(1, true), (1, true), (1, false)] {
        scene.hands.turn(days * 24 * 3_600_000);
        sweep(&*scene.store).await.unwrap();
        assert_eq!(scene.has(upload.file), left);
    }
}

pub(in crate::store) async fn a_file_goes_with_a_message_taken_back(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let upload = scene.upload(b"one", PLENTY).await.unwrap();
    let first = scene.publish_with(&upload, None).await;
    let second = scene.publish_with(&upload, None).await;
    for (id, left) in [(first, true), (second, false)] {
        scene.store.recall(&publisher_id(), id).await.unwrap();
        sweep(&*scene.store).await.unwrap();
        assert_eq!(scene.has(upload.file), left);
    }
    let gone = scene.store.upload(&publisher_id(), upload.id).await;
    assert_eq!(
        gone,
        Ok(None),
        "the upload is gone with the last message that named it"
    );

    let used = scene.upload(b"two", PLENTY).await.unwrap();
    let message = scene.publish_with(&used, None).await;
    let again = scene.upload(b"two", PLENTY).await.unwrap();
    scene.store.recall(&publisher_id(), message).await.unwrap();
    sweep(&*scene.store).await.unwrap();
    let waits = scene.store.upload(&publisher_id(), again.id).await;
    assert_eq!(
        waits,
        Ok(Some(again.clone())),
        "it waits for a message to come"
    );
    assert!(scene.has(again.file));
}

pub(in crate::store) async fn a_quota_counts_each_content_once(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let four = Quota {
        publisher: 4,
        total: 1000,
    };
    let first = scene.upload(b"aaa", four).await.unwrap();
    scene.upload(b"aaa", four).await.unwrap();
    assert_eq!(
        refused(scene.upload(b"bb", four).await),
        StoreError::OverQuota
    );
    let total = Quota {
        publisher: 1000,
        total: 4,
    };
    assert_eq!(
        refused(scene.upload(b"bb", total).await),
        StoreError::OverQuota
    );
    assert_eq!(scene.store.all_files().await, Ok(vec![(first.file, 3)]));
}

pub(in crate::store) async fn a_file_without_a_row_is_found(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let stray = scene.place(b"stray").await;
    let upload = scene.upload(b"one", PLENTY).await.unwrap();
    assert_eq!(sweep(&*scene.store).await, Ok(0));
    let scene = scene.reopen().await;
    assert_eq!(remove_strays(&*scene.store).await, Ok(1));
    assert!(!scene.has(stray) && scene.has(upload.file));
}

pub(in crate::store) async fn a_held_file_stays_until_the_row_is_there(bed: impl Bed) {
    let scene = Scene::new(bed).await;
    let file = scene.place(b"one").await;
    let held = scene.store.files().hold().await;
    let sweeping = remove_strays(&*scene.store);
    let noting = async {
        // The sweep is waiting for this by the time it looks.
        tokio::task::yield_now().await;
        assert!(scene.has(file));
        let upload = Upload {
            id: Uuid::now_v7(),
            publisher: publisher_id(),
            file,
            size: 3,
            name: "x".to_owned(),
            media_type: "text/plain".to_owned(),
            expires_at: super::in_days(scene.hands.now(), 1),
        };
        scene.store.add_uploads(vec![upload], PLENTY).await.unwrap();
        drop(held);
    };
    let (removed, ()) = tokio::join!(sweeping, noting);
    assert_eq!(removed, Ok(0));
    assert!(scene.has(file));
}
