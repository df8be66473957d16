//! Server and companion on two ends of a cable, which is pulled: a network as the system has it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use hither_engine::view::ConnectionView;
use hither_protocol::{ClientFrame, FirstAlert, MessageId, PresenceState, ServerFrame};
use serde_json::json;
use system_tests::authority::Authority;
use system_tests::companion::Companion;
use system_tests::program::Process;
use system_tests::server::{Publisher, Server, plain};
use system_tests::{SOON, phone, wait_for, wait_for_async};
use tokio_tungstenite::tungstenite::Message as Wire;

const PASSWORD: &str = "correct horse battery staple";
/// Where the test finds its folder, when it has a network of its own.
const INSIDE: &str = "HITHER_TEST_OWN_NETWORK";

/// A desktop keeps its presence for so long without a word: a lease, and the grace after it.
const LEASE: Duration = Duration::from_secs(40);
const GRACE: Duration = Duration::from_secs(10);
/// What a busy machine may need on top.
const SLACK: Duration = Duration::from_secs(5);

/// Runs itself again with a network of its own, which it may change.
#[tokio::test]
async fn c4_a_pulled_cable_hands_over_to_the_phone_and_the_desktop_is_back_with_it() {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return inside(&PathBuf::from(folder)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Test authority");
    let _files = authority.vouch(folder.path());
    authority.write(&folder.path().join("ca.pem"));
    let name = "c4_a_pulled_cable_hands_over_to_the_phone_and_the_desktop_is_back_with_it";
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, folder.path())
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .status()
        .unwrap();
    assert!(status.success(), "in a network of its own: {status}");
}

async fn inside(folder: &Path) {
    let cable = Cable::lay();
    let file = |name: &str| folder.join(name).display().to_string();
    let settings = vec![
        ("HITHER_TLS_CERT", file("cert.pem")),
        ("HITHER_TLS_KEY", file("key.pem")),
    ];
    let server = Server::start_on("192.0.2.1", &folder.join("server"), settings);
    server.add_account("ada", PASSWORD);
    let authority = std::fs::read_to_string(folder.join("ca.pem")).unwrap();
    let publisher = server.add_publisher("CI").trusting(&authority);
    let phone = Phone::sign_in(server.url(), &publisher).await;
    let data = folder.join("companion");
    let mut desk = Companion::start_beside(cable.far_end.id(), &data, &folder.join("ca.pem"));
    desk.sign_in(server.url(), "ada", PASSWORD);
    desk.wait_until_online();

    // Somebody was there two minutes ago, and is taken to be there still.
    desk.tell(&json!({ "idle_ms": 120_000 }));
    desk.wait_for_view("being active", |view| {
        view.presence.state == PresenceState::Active
    });
    let unseen = publisher.publish("the last one", &plain("ada", "the last one"));
    desk.wait_for_toast(&unseen.to_string());
    assert_eq!(phone.rang(), []);

    let pulled = Instant::now();
    cable.pull();
    desk.wait_for_view("being offline", |view| {
        view.connection != ConnectionView::Online
    });
    let noticed = pulled.elapsed();
    assert!(noticed < SLACK, "{noticed:?}");
    let lost = publisher.publish("into the void", &plain("ada", "into the void"));
    phone.rings(lost).await;
    let unconfirmed = pulled.elapsed();
    assert!(unconfirmed < LEASE, "{unconfirmed:?}");
    phone.rings(unseen).await;
    let handed_over = pulled.elapsed();
    assert!(handed_over < LEASE + GRACE + SLACK, "{handed_over:?}");

    let plugged = Instant::now();
    cable.plug();
    desk.wait_until_online();
    let back = plugged.elapsed();
    assert!(back < SLACK, "{back:?}");
    desk.tell(&json!({ "idle_ms": 0 }));
    let after = publisher.publish("back again", &plain("ada", "back again"));
    desk.wait_for_toast(&after.to_string());
}

/// From here to a network of its own.
struct Cable {
    /// A process that does nothing but have that network.
    far_end: Process,
}

impl Cable {
    fn lay() -> Self {
        let far_end = Process::start(Command::new("unshare").args(["--net", "cat"]));
        let network = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net"));
        wait_for("another network", SOON, || {
            let there = network(&far_end.id().to_string()).ok()?;
            (there != network("self").ok()?).then_some(())
        });
        let cable = Self { far_end };
        ip("link set lo up");
        ip("link add cable type veth peer name plug");
        ip(&format!("link set plug netns {}", cable.far_end.id()));
        ip("address add 192.0.2.1/24 dev cable");
        ip("link set cable up");
        cable.plug();
        cable
    }

    /// As whoever manages the network does when it is gone.
    fn pull(&self) {
        self.far("address flush dev plug");
        self.far("link set plug down");
    }

    fn plug(&self) {
        self.far("link set plug up");
        self.far("address add 192.0.2.2/24 dev plug");
    }

    fn far(&self, what: &str) {
        let process = self.far_end.id().to_string();
        let there = ["--target", &process, "--net", "ip"];
        run(Command::new("nsenter").args(there).args(what.split(' ')));
    }
}

fn ip(what: &str) {
    run(Command::new("ip").args(what.split(' ')));
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// A phone with an open stream, which shows what rings there.
struct Phone {
    rang: Arc<Mutex<Vec<MessageId>>>,
}

impl Phone {
    async fn sign_in(url: &str, publisher: &Publisher) -> Self {
        let session = phone::sign_in(&publisher.agent(), url, PASSWORD);
        let mut stream = phone::open(url, &session).await;
        let rang = Arc::new(Mutex::new(Vec::new()));
        let rings = Arc::clone(&rang);
        tokio::spawn(async move {
            while let Some(Ok(wire)) = stream.next().await {
                let ids = match wire
                    .to_text()
                    .ok()
                    .and_then(|text| ServerFrame::parse(text).ok())
                {
                    Some(ServerFrame::Message {
                        alert: FirstAlert::Now,
                        message,
                        ..
                    }) => vec![message.id],
                    Some(ServerFrame::Alert { ids, .. }) => ids,
                    _ => continue,
                };
                rings.lock().unwrap().extend(&ids);
                let shown = ClientFrame::Shown { ids, stays: false };
                if stream.send(Wire::text(shown.to_text())).await.is_err() {
                    return;
                }
            }
        });
        Self { rang }
    }

    fn rang(&self) -> Vec<MessageId> {
        self.rang.lock().unwrap().clone()
    }

    async fn rings(&self, id: MessageId) {
        wait_for_async("the phone to ring", LEASE + GRACE + SOON, async || {
            self.rang().contains(&id).then_some(())
        })
        .await;
    }
}
