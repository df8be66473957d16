//! The companion's own lock, in a real companion with a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use hither_engine::view::{Answer, AppLockView, Command, Password, Query};
use hither_protocol::{InactiveReason, PresenceState};
use serde_json::json;
use system_tests::companion::{Companion, Said};
use system_tests::server::{Publisher, Server, plain};
use system_tests::wire::Wire;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
const PIN: &str = "2580";

struct World {
    companion: Companion,
    publisher: Publisher,
    /// Between the two.
    wire: Wire,
    _server: Server,
    _folder: TempDir,
}

impl World {
    /// Signed in, somebody there, an app lock set and open.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("server"));
        server.add_account("ada", PASSWORD);
        let publisher = server.add_publisher("CI");
        let mut companion = Companion::start(&folder.path().join("companion"));
        let wire = Wire::to(server.url());
        companion.sign_in(&wire.address(), "ada", PASSWORD);
        companion.wait_until_online();
        companion.somebody_is_there();
        let world = Self {
            companion,
            publisher,
            wire,
            _server: server,
            _folder: folder,
        };
        world
            .command(json!({
                "type": "set_app_lock",
                "passphrase": PIN,
                "when": { "after_s": null, "with_screen": true },
            }))
            .await;
        world.wait_for_lock("an app lock", |lock| !lock.locked);
        world
    }

    async fn command(&self, command: serde_json::Value) {
        let command: Command = serde_json::from_value(command).unwrap();
        let window = self.companion.connect().await;
        window.command(command).await.unwrap();
    }

    async fn page(&self) -> Answer {
        let query = Query::Page {
            before: None,
            unread_only: false,
            limit: 10,
        };
        self.companion.connect().await.ask(query).await.unwrap()
    }

    fn wait_for_lock(&self, what: &str, wanted: impl Fn(&AppLockView) -> bool) {
        self.companion
            .wait_for_view(what, |view| view.app_lock.as_ref().is_some_and(&wanted));
    }

    fn unlock(&self, passphrase: &str) -> (bool, String) {
        self.companion
            .ask(&["unlock", "--password-stdin"], passphrase)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_locked_companion_is_inactive_and_gives_no_content_away() {
    let mut world = World::start().await;
    let shown = world.publisher.publish("one", &plain("ada", "one"));
    world.companion.wait_for_toast(&shown.0.to_string());

    let (fine, said) = world.companion.ask(&["lock"], "");
    assert!(fine, "{said}");
    let view = world.companion.wait_for_view("being locked", |view| {
        view.presence.reason == Some(InactiveReason::AppLocked)
    });
    assert_eq!(view.presence.state, PresenceState::Inactive);
    assert_eq!((view.glance.unread, view.glance.newest.len()), (1, 0));
    assert_eq!(world.page().await, Answer::Locked);

    // What comes meanwhile is kept, and no pop-up says so.
    let silent = world.publisher.publish("two", &plain("ada", "two"));
    world
        .companion
        .wait_for_view("the second message", |view| view.glance.unread == 2);
    assert!(!world.companion.toasts().contains(&silent.0.to_string()));

    // A crash or a restart does not open it.
    world.companion.kill();
    world.companion.restart();
    world.wait_for_lock("being locked again", |lock| lock.locked);
    assert_eq!(world.page().await, Answer::Locked);

    let (fine, said) = world.unlock("0000");
    assert!(!fine && said.contains("not the passphrase"), "{said}");
    let (fine, said) = world.unlock(PIN);
    assert!(fine, "{said}");
    world.companion.somebody_is_there();
    world.companion.wait_for_view("being back", |view| {
        view.presence.state == PresenceState::Active && view.glance.newest.len() == 2
    });
    let Answer::Page { rows, .. } = world.page().await else {
        panic!("no page");
    };
    assert_eq!(rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_before_it_locked_is_not_answered_after_it() {
    let world = World::start().await;
    let mut request = plain("ada", "rich");
    request.html = Some(format!("<p>{}</p>", "讯".repeat(100_000)));
    request.attachments = vec![world.publisher.upload("report.txt", b"secret")];
    // Or the page would be here before it is asked for.
    let unasked = world.wire.hold("GET /v1/messages/");
    let id = world.publisher.publish("rich", &request);
    unasked.wait();

    for query in [Query::Rich { id }, Query::Save { id, attachment: 0 }] {
        let asked = world.wire.hold("GET /v1/messages/");
        let window = world.companion.connect().await;
        let answer = tokio::spawn(async move { window.ask(query).await });
        asked.wait();
        let (fine, said) = world.companion.ask(&["lock"], "");
        assert!(fine, "{said}");
        world.wait_for_lock("being locked", |lock| lock.locked);
        asked.pass();
        let answer = answer.await.unwrap().unwrap();
        assert!(matches!(answer, Answer::Locked), "a page or a file");
        let (fine, said) = world.unlock(PIN);
        assert!(fine, "{said}");
        world.wait_for_lock("being open", |lock| !lock.locked);
    }
    let said = world.companion.said();
    let opened = |said: &Said| said.line.get("open_folder").is_some();
    assert!(!said.iter().any(opened), "no folder opens over the lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_locks_with_the_screen_and_wrong_tries_cost_waiting() {
    let mut world = World::start().await;
    world.companion.tell(&json!({ "locked": true }));
    world.companion.tell(&json!({ "locked": false }));
    world.wait_for_lock("being locked", |lock| lock.locked);
    for _ in 0..5 {
        let (fine, _) = world.unlock("0000");
        assert!(!fine);
    }
    let (fine, said) = world.unlock(PIN);
    assert!(!fine && said.contains("too many"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_forgot_it_signs_in_again_and_gets_everything_anew() {
    let world = World::start().await;
    let _ = world.publisher.publish("one", &plain("ada", "one"));
    world
        .companion
        .wait_for_view("the message", |view| view.glance.unread == 1);
    let (fine, said) = world.companion.ask(&["lock"], "");
    assert!(fine, "{said}");
    world.wait_for_lock("being locked", |lock| lock.locked);

    let address = world.wire.address();
    world.companion.sign_in(&address, "ada", PASSWORD);
    let view = world.companion.wait_for_view("everything anew", |view| {
        view.app_lock.is_none() && view.glance.unread == 1
    });
    assert_eq!(view.account.unwrap().name, "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_app_lock_nothing_locks() {
    let folder = tempfile::tempdir().unwrap();
    let companion = Companion::start(folder.path());
    let (fine, said) = companion.ask(&["lock"], "");
    assert!(!fine && said.contains("no app lock is set"), "{said}");
    let window = companion.connect().await;
    let passphrase = Password(PIN.to_owned());
    window
        .command(Command::Unlock { passphrase })
        .await
        .unwrap();
    assert!(companion.view().unwrap().app_lock.is_none());
}
