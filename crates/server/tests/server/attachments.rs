//! Files beside messages.

use std::path::PathBuf;
use std::time::Duration;

use hither_protocol::{DeviceKind, Session};
use hither_server::attachments::{self, FileHash};
use hither_server::store::{Attachments, PublisherRecord, Publishers as _, Quota, Store};
use hither_server::{AttachmentLimits, Rate, Settings, secret};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Answer, PATIENCE, PUBLISHER, SECRET, Server, until};

/// Of `0123456789`.
const DIGITS: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";

impl Server {
    async fn upload(&self, name: &str, content: &[u8]) -> Answer {
        self.upload_as(PUBLISHER, name, content).await
    }

    async fn upload_as(&self, publisher: &str, name: &str, content: &[u8]) -> Answer {
        let token = format!("Bearer {publisher}.{SECRET}");
        self.request(
            Method::POST,
            &format!("/v1/attachments?name={name}"),
            &[("authorization", &token)],
            content.to_vec(),
        )
        .await
    }

    pub(crate) async fn uploaded(&self, name: &str, content: &[u8]) -> Value {
        let answer = self.upload(name, content).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].clone()
    }

    pub(crate) async fn attachments_of(&self, ada: &Session, id: &str) -> Vec<Value> {
        let page = self.get("/v1/messages?limit=200", ada).await.json();
        let messages = page["messages"].as_array().unwrap();
        let message = messages.iter().find(|message| message["id"] == id);
        let attachments = message.unwrap()["attachments"].as_array();
        attachments.cloned().unwrap_or_default()
    }

    async fn publish_parts(&self, headers: &[(&str, &str)], parts: &[Part<'_>]) -> Answer {
        let (boundary, token) = ("b0undary", format!("Bearer {PUBLISHER}.{SECRET}"));
        let mut body = Vec::new();
        for part in parts {
            let Part {
                name,
                file,
                content,
            } = part;
            let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let form = format!("multipart/form-data; boundary={boundary}");
        let mut all = vec![("authorization", token.as_str()), ("content-type", &form)];
        all.extend_from_slice(headers);
        self.request(Method::POST, "/v1/messages", &all, body).await
    }

    fn place(&self, sha256: &str) -> PathBuf {
        let hash: FileHash = sha256.parse().unwrap();
        self.store.files().path(&hash)
    }

    /// Every file on disk, whole or not.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let root = self.place(DIGITS);
        let root = root.ancestors().nth(3).unwrap();
        let mut folders = vec![root.to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files
    }
}

struct Part<'a> {
    name: &'a str,
    file: Option<&'a str>,
    content: &'a [u8],
}

fn part<'a>(name: &'a str, content: &'a [u8]) -> Part<'a> {
    Part {
        name,
        file: None,
        content,
    }
}

fn file<'a>(name: &'a str, content: &'a [u8]) -> Part<'a> {
    Part {
        name: "attachment",
        file: Some(name),
        content,
    }
}

fn message() -> Vec<u8> {
    json!({ "to": { "accounts": ["ada"] }, "title": "Parts" })
        .to_string()
        .into_bytes()
}

fn limited(attachments: AttachmentLimits) -> Settings {
    Settings {
        attachments,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a8_files_are_private_on_disk() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start().await;
    server.uploaded("x", b"0123456789").await;
    let place = server.place(DIGITS);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place), 0o600);
    for folder in place.ancestors().skip(1).take(3) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
}

async fn another_publisher(server: &Server) -> &'static str {
    let other = "app-0000000000000002";
    let record = PublisherRecord::new(
        other.parse().unwrap(),
        "Other".to_owned(),
        vec![secret::hash(SECRET)],
        hither_protocol::Timestamp::now(),
    );
    server.store.add_publisher(record).await.unwrap();
    other
}

/// An upload of which nothing has come yet; it has its place.
async fn begin_upload(server: &Server, publisher: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {publisher}.{SECRET}\r\n\
         Content-Length: 25000000\r\nExpect: 100-continue\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(PATIENCE, socket.read_exact(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert_eq!(answer, *b"HTTP/1.1 100");
    socket
}

#[tokio::test]
async fn one_publisher_leaves_places_to_the_others() {
    let limits = AttachmentLimits {
        uploads: 2,
        uploads_per_publisher: 1,
        ..AttachmentLimits::default()
    };
    let server = Server::with(limited(limits)).await;
    let other = another_publisher(&server).await;
    let slow = begin_upload(&server, PUBLISHER).await;
    let refused = server.upload("x", b"x").await;
    assert_eq!(refused.problem(), (429, "too_many".to_owned()));
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(server.upload_as(other, "x", b"x").await.status, 201);

    let theirs = begin_upload(&server, other).await;
    let refused = server.upload("x", b"x").await;
    assert_eq!(refused.problem(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), "5");
    drop((slow, theirs));
    until("places come back", async || {
        (server.upload("x", b"x").await.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_trickles_in_gives_its_place_back() {
    let limits = AttachmentLimits {
        uploads_per_publisher: 1,
        patience: Duration::from_millis(200),
        bytes_per_second: u64::MAX,
        ..AttachmentLimits::default()
    };
    let server = Server::with(limited(limits)).await;
    let socket = begin_upload(&server, PUBLISHER).await;
    let (mut answer, mut body) = socket.into_split();
    // Each byte comes in time.
    let trickle = tokio::spawn(async move {
        while body.write_all(b"x").await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    // Whoever still sends may not hear why.
    let mut said = Vec::new();
    let end = timeout(PATIENCE, answer.read_to_end(&mut said)).await;
    let _ = end.expect("an end");
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains(" 201 "), "{said}");
    trickle.abort();
    assert_eq!(server.upload("x", b"x").await.status, 201);
}

#[tokio::test]
async fn too_much_is_refused_and_leaves_nothing() {
    let limits = AttachmentLimits {
        file_bytes: 1000,
        quota: Quota {
            publisher: 2500,
            total: 10_000,
        },
        ..AttachmentLimits::default()
    };
    let server = Server::with(limited(limits)).await;
    let code = |answer: Answer| answer.problem().1;
    assert_eq!(code(server.upload("x", &[1; 1001]).await), "too_large");
    assert_eq!(code(server.upload("x", b"").await), "invalid");
    assert!(server.files().is_empty());

    for content in [1, 2] {
        server.uploaded("x", &[content; 1000]).await;
        // The same content again is no more.
        server.uploaded("y", &[content; 1000]).await;
    }
    let over = server.upload("x", &[3; 1000]).await;
    assert_eq!(over.problem(), (507, "quota_exceeded".to_owned()));
    let message = message();
    let over = server
        .publish_parts(&[], &[part("message", &message), file("x", &[4; 1000])])
        .await;
    assert_eq!(over.problem(), (507, "quota_exceeded".to_owned()));
    let two = async || (server.files().len() == 2).then_some(());
    until("two files are left", two).await;

    let too_many: Vec<_> = (0..11)
        .map(|_| json!({ "id": uuid::Uuid::now_v7() }))
        .collect();
    let body = json!({ "to": { "accounts": ["ada"] }, "title": "x", "attachments": too_many });
    assert_eq!(code(server.publish(&body).await), "invalid");
}

#[tokio::test]
async fn a_part_that_fails_leaves_nothing() {
    let server = Server::start().await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let message = message();
    let to_nobody = json!({ "to": { "accounts": ["eve"] }, "title": "x" }).to_string();
    let html = json!({ "to": { "accounts": ["ada"] }, "html": "x" }).to_string();
    let good = || file("a", b"0123456789");
    for (parts, code) in [
        (vec![good()], "invalid"),
        (vec![good(), part("message", b"{")], "malformed"),
        (vec![good(), part("message", b"{}")], "invalid"),
        (
            vec![good(), part("message", to_nobody.as_bytes())],
            "no_receivers",
        ),
        (
            vec![good(), part("message", &message), part("message", &message)],
            "invalid",
        ),
        (
            vec![good(), part("message", &message), part("extra", b"x")],
            "invalid",
        ),
        (
            vec![good(), part("message", html.as_bytes()), part("html", b"x")],
            "invalid",
        ),
        (
            vec![good(), part("message", &message), part("html", b"\xff")],
            "invalid",
        ),
        (
            vec![good(), part("message", &message), file("empty", b"")],
            "invalid",
        ),
        (
            (0..11)
                .map(|_| good())
                .chain([part("message", &message)])
                .collect(),
            "invalid",
        ),
    ] {
        let answer = server.publish_parts(&[], &parts).await;
        assert_eq!(answer.problem().1, code, "{answer:?}");
        attachments::sweep(&*server.store).await.unwrap();
        assert_eq!(server.files(), Vec::<PathBuf>::new(), "after {code}");
    }
    // Cut off in the middle of a file.
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n{}\r\n--b\r\n\
         Content-Disposition: form-data; name=\"attachment\"; filename=\"a\"\r\n\r\n01234",
        String::from_utf8_lossy(&message)
    );
    let token = format!("Bearer {PUBLISHER}.{SECRET}");
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let answer = server
        .request(Method::POST, "/v1/messages", &headers, body)
        .await;
    assert_eq!(answer.problem().1, "malformed");
    assert_eq!(server.files(), Vec::<PathBuf>::new());
    let page = server.get("/v1/messages", &ada).await.json();
    assert_eq!(page["messages"], json!([]));
}

#[tokio::test]
async fn a_repeat_is_answered_when_its_uploads_are_gone() {
    let server = Server::start().await;
    let id = server.uploaded("x", b"0123456789").await;
    let body =
        json!({ "to": { "accounts": ["ada"] }, "title": "x", "attachments": [{ "id": id }] });
    let key = [("idempotency-key", "k")];
    let first = server.publish_with(&key, &body).await;
    assert_eq!(first.status, 201);
    let upload = id.as_str().unwrap().parse().unwrap();
    server.store.forget_uploads(vec![upload]).await.unwrap();
    assert_eq!(server.publish_with(&key, &body).await.json(), first.json());
    assert_eq!(server.publish(&body).await.problem().1, "invalid");
}

#[tokio::test]
async fn files_end_with_the_last_message_that_needs_them() {
    // Asked again and again, until a message has expired.
    let mut settings = Settings::default();
    settings.limits.requests_per_account = Rate::OFF;
    let server = Server::with(settings).await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let upload = server.uploaded("x", b"0123456789").await;
    for title in ["short", "long"] {
        let mut body = json!({
            "to": { "accounts": ["ada"] }, "title": title, "attachments": [{ "id": upload }],
        });
        if title == "short" {
            body["ttl_s"] = 1.into();
        }
        server.send_as(&body).await;
    }
    let id = upload.as_str().unwrap().parse().unwrap();
    server.store.forget_uploads(vec![id]).await.unwrap();
    until("the short one expired", async || {
        let page = server.get("/v1/messages", &ada).await.json();
        (page["messages"].as_array()?.len() == 1).then_some(())
    })
    .await;
    attachments::sweep(&*server.store).await.unwrap();
    assert!(server.place(DIGITS).exists(), "one message still needs it");
    server
        .store
        .remove_account(&"ada".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(attachments::sweep(&*server.store).await, Ok(1));
    assert!(!server.place(DIGITS).exists());
}

/// A small disk of its own, where this user may make one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &std::path::Path) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(folder)
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
        assert!(unmounted.unwrap().success());
    }
}

#[tokio::test]
async fn a8_a_full_disk_refuses_files_and_keeps_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("no small disk: this user may not mount one");
        return;
    };
    let server = Server::with_folder(Settings::default(), folder).await;
    server.uploaded("small", b"0123456789").await;
    let large = vec![7; 6 * 1024 * 1024];
    let full = (507, "storage_full".to_owned());
    assert_eq!(server.upload("large", &large).await.problem(), full);
    let message = message();
    let parts = [
        part("message", &message),
        file("a", b"good"),
        file("b", &large),
    ];
    assert_eq!(server.publish_parts(&[], &parts).await.problem(), full);
    assert_eq!(server.files(), [server.place(DIGITS)]);
    let again = server.publish_parts(&[], &parts[..2]).await;
    assert_eq!(again.status, 201, "it goes on: {again:?}");
    let folder = server.stop().await;
    drop(disk);
    drop(folder);
}
