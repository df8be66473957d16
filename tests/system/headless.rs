//! Server and companion as real processes on loopback, without a screen.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hither_engine::view::{Answer, ConnectionView, Notice, Query};
use hither_protocol::{MessageId, PresenceState, PublishRequest, Timestamp};
use serde_json::json;
use system_tests::companion::{Companion, Said, message_id, open_read_only};
use system_tests::server::{Publisher, Server, plain};
use system_tests::{SOON, wait_for, wait_for_async};
use tempfile::TempDir;

/// From a companion's saying something to the test's reading it, on a busy machine.
const READ_WITHIN: Duration = Duration::from_secs(2);

const PASSWORD: &str = "correct horse battery staple";

/// A server with the account `ada` and a publisher, and a companion signed in to it.
struct World {
    companion: Companion,
    server: Server,
    publisher: Publisher,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("server"));
        server.add_account("ada", PASSWORD);
        let publisher = server.add_publisher("CI");
        let companion = Companion::start(&folder.path().join("companion"));
        companion.sign_in(server.url(), "ada", PASSWORD);
        companion.wait_until_online();
        Self {
            companion,
            server,
            publisher,
            folder,
        }
    }

    /// Somebody is at the computer, and the companion knows. Before the server does, it rings here
    /// as well.
    fn somebody_is_there(&mut self) {
        self.companion.somebody_is_there();
        self.companion.wait_for_view("being active", |view| {
            view.presence.state == PresenceState::Active
        });
    }

    fn publish(&self, title: &str) -> MessageId {
        self.publisher.publish(title, &plain("ada", title))
    }

    fn wait_for_history(&self, count: usize) {
        wait_for("the history", SOON, || {
            (self.history().len() == count).then_some(())
        });
    }

    /// What the companion has on its disk.
    fn history(&self) -> BTreeMap<MessageId, Row> {
        let db = self.companion.history();
        let mut rows = db
            .prepare("SELECT id, title, alert_due FROM message")
            .unwrap();
        let rows = rows.query_map([], |row| {
            let id = message_id(row.get_ref(0)?.as_blob()?);
            let (title, alert_due) = (row.get(1)?, row.get(2)?);
            Ok((id, Row { title, alert_due }))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The messages that the server knows to have been shown.
    fn shown(&self) -> BTreeSet<MessageId> {
        let db = open_read_only(&self.server.data().join("hither.db"));
        let mut rows = db
            .prepare(
                "SELECT id FROM messages JOIN inbox ON inbox.message = number
                 WHERE shown_at IS NOT NULL",
            )
            .unwrap();
        let rows = rows.query_map([], |row| Ok(message_id(row.get_ref(0)?.as_blob()?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// How far behind the newest log entry the companion's ack is.
    fn unacked(&self) -> i64 {
        let db = open_read_only(&self.server.data().join("hither.db"));
        db.query_row(
            "SELECT head - (SELECT coalesce(max(acked), 0) FROM clients) FROM meta",
            [],
            |row| row.get(0),
        )
        .unwrap()
    }
}

#[derive(Debug)]
struct Row {
    title: String,
    alert_due: bool,
}

#[test]
fn a4_c3_a_message_pops_up_where_the_person_is_and_is_acked() {
    let mut world = World::start();
    world.somebody_is_there();
    let id = world.publish("Build failed");
    world.companion.wait_for_toast(&id.to_string());
    wait_for("the ack", SOON, || (world.unacked() == 0).then_some(()));
    wait_for("shown", SOON, || world.shown().contains(&id).then_some(()));
    let view = world
        .companion
        .wait_for_view("one unread", |view| view.glance.unread == 1);
    assert_eq!(view.glance.newest[0].title, "Build failed");
    assert_eq!(world.companion.toasts(), [id.to_string()]);
}

#[test]
fn a5_a6_what_came_while_the_companion_was_away_comes_once_and_is_one_summary() {
    let mut world = World::start();
    world.somebody_is_there();
    let before = world.publish("before");
    world.companion.wait_for_toast(&before.to_string());
    // Unread, it would ring again: nobody is known to have seen it.
    world.companion.tell(&json!({ "clicked": before }));
    world
        .companion
        .wait_for_view("it to be read", |view| view.glance.unread == 0);
    world.companion.stop();

    let missed: BTreeSet<_> = (0..20)
        .map(|n| world.publish(&format!("missed {n}")))
        .collect();
    assert_eq!(world.history().len(), 1);
    world.companion.restart();
    world.somebody_is_there();
    world.companion.wait_until_online();
    world.wait_for_history(21);
    world.companion.wait_for_toast("summary");
    wait_for("shown", SOON, || {
        world.shown().is_superset(&missed).then_some(())
    });
    wait_for("the ack", SOON, || (world.unacked() == 0).then_some(()));
    let toasts = world.companion.toasts();
    assert_eq!(toasts, [before.to_string(), "summary".to_owned()]);
}

#[test]
fn a5_c_more_than_one_frame_can_name_rings_after_an_absence() {
    const MISSED: usize = 2000;
    let mut world = World::start();
    world.companion.stop();
    std::thread::scope(|scope| {
        for part in 0..8 {
            let world = &world;
            scope.spawn(move || {
                for n in (part..MISSED).step_by(8) {
                    world.publish(&format!("missed {n}"));
                }
            });
        }
    });
    world.companion.restart();
    world.somebody_is_there();
    wait_for("shown", SOON, || {
        (world.shown().len() == MISSED).then_some(())
    });
    wait_for("the ack", SOON, || (world.unacked() == 0).then_some(()));
    let toasts: BTreeSet<_> = world.companion.toasts().into_iter().collect();
    assert_eq!(toasts, ["summary".to_owned()].into());
}

#[test]
fn f2_the_stream_comes_back_after_the_server_restarts() {
    let mut world = World::start();
    world.somebody_is_there();
    world.server.kill();
    world.companion.wait_for_view("being offline", |view| {
        matches!(view.connection, ConnectionView::Offline { .. })
    });
    world.server.restart();
    world.companion.wait_until_online();
    let id = world.publish("after");
    world.companion.wait_for_toast(&id.to_string());
}

#[test]
fn c2_nothing_pops_up_on_a_locked_screen() {
    let mut world = World::start();
    world.somebody_is_there();
    world.companion.tell(&json!({ "locked": true }));
    world.companion.wait_for_view("being locked", |view| {
        view.presence.state == PresenceState::Inactive
    });
    let id = world.publish("secret");
    world.wait_for_history(1);
    assert!(world.companion.toasts().is_empty());
    world.companion.tell(&json!({ "locked": false }));
    world.companion.tell(&json!({ "idle_ms": 0 }));
    wait_for("an alert on return", SOON, || {
        let toasts = world.companion.toasts();
        (toasts == [id.to_string()] || toasts == ["summary"]).then_some(())
    });
}

#[test]
fn a2_a_wrong_password_and_a_wrong_address_are_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("server"));
    server.add_account("ada", PASSWORD);
    let mut companion = Companion::start(&folder.path().join("companion"));
    let sign_in = |server: &str, password: &str| {
        companion.ask(
            &[
                "signin",
                "--server",
                server,
                "--account",
                "ada",
                "--password-stdin",
            ],
            password,
        )
    };
    for (server, password, expected) in [
        (server.url(), "wrong", "Name or password is not right"),
        (
            "http://push.example.org",
            PASSWORD,
            "https://push.example.org",
        ),
        ("not a server", PASSWORD, "is not a server's address"),
        ("127.0.0.1:1", PASSWORD, "cannot be reached"),
    ] {
        let (fine, said) = sign_in(server, password);
        assert!(!fine && said.contains(expected), "{server}: {said}");
    }
    let (fine, said) = sign_in(server.url(), PASSWORD);
    assert!(fine && said.contains("Signed in as ada"), "{said}");
    companion.wait_until_online();
    let (fine, said) = companion.ask(&["status"], "");
    assert!(
        fine && said.contains("Online as ada") && said.contains("Nothing unread"),
        "{said}"
    );
    companion.stop();
    let (fine, said) = companion.ask(&["status"], "");
    assert!(!fine && said.contains("not running"), "{said}");
}

#[test]
fn b6_signing_out_leaves_nothing_and_kills_the_token() {
    let mut world = World::start();
    world.publish("the old account's secret");
    world.wait_for_history(1);
    let (fine, said) = world.companion.ask(&["signout"], "");
    assert!(fine, "{said}");
    world.companion.wait_for_view("being signed out", |view| {
        view.account.is_none() && view.glance.unread == 0
    });
    wait_for("an empty folder", SOON, || {
        let holds = |text: &str| {
            let data = world.folder.path().join("companion");
            std::fs::read_dir(data).unwrap().any(|entry| {
                let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
                bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
            })
        };
        (!holds("old account's secret") && !holds("ada") && !holds("access_token")).then_some(())
    });
    wait_for("the end of the session", SOON, || {
        let db = open_read_only(&world.server.data().join("hither.db"));
        let sessions: i64 = db
            .query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
            .unwrap();
        (sessions == 0).then_some(())
    });
    let view = world.companion.view().unwrap();
    assert_ne!(view.notice, Some(Notice::SignInAgain));
    world.companion.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_file_beside_a_message_lands_in_the_download_folder() {
    let world = tokio::task::block_in_place(World::start);
    let content = b"0123456789".repeat(10_000);
    let mut request = plain("ada", "with a file");
    let id = tokio::task::block_in_place(|| {
        request.attachments = vec![world.publisher.upload("report.txt", &content)];
        world.publisher.publish("file", &request)
    });
    let client = world.companion.connect().await;
    let is_here = async || match client.ask(Query::Message { id }).await.unwrap() {
        Answer::Message { message } => message.filter(|message| message.attachments.len() == 1),
        other => panic!("{other:?}"),
    };
    wait_for_async("the message", SOON, is_here).await;

    let downloads = world.companion.downloads();
    for name in ["report.txt", "report (2).txt"] {
        let saved = client.ask(Query::Save { id, attachment: 0 }).await.unwrap();
        let path = downloads.join(name);
        let expected = Answer::Saved {
            path: path.display().to_string(),
        };
        assert_eq!(saved, expected);
        assert_eq!(std::fs::read(path).unwrap(), content);
    }
    let none = client.ask(Query::Save { id, attachment: 1 }).await.unwrap();
    assert!(matches!(none, Answer::Failed { .. }), "{none:?}");
    let names = std::fs::read_dir(&downloads).unwrap().count();
    assert_eq!(names, 2, "nothing half-fetched is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_page_that_failed_is_fetched_when_it_is_asked_for() {
    let mut world = tokio::task::block_in_place(World::start);
    let html = format!("<p>{}</p>", "讯".repeat(100_000));
    let mut request = plain("ada", "rich");
    request.html = Some(html.clone());
    let id = tokio::task::block_in_place(|| world.publisher.publish("rich", &request));
    tokio::task::block_in_place(|| world.wait_for_history(1));
    // As if it had never come: the companion was away, and the page is on the server only.
    tokio::task::block_in_place(|| {
        world.companion.kill();
        let db = world.folder.path().join("companion/history.sqlite3");
        let db = rusqlite::Connection::open(db).unwrap();
        db.execute("DELETE FROM page", []).unwrap();
        drop(db);
        world.companion.restart();
    });
    let client = world.companion.connect().await;
    match client.ask(Query::Rich { id }).await.unwrap() {
        Answer::Message {
            message: Some(message),
        } => assert_eq!(message.html.unwrap().inline.unwrap(), html),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_page_too_large_for_a_frame_is_fetched_and_kept() {
    let mut world = tokio::task::block_in_place(World::start);
    let html = format!("<p>{}</p>", "讯".repeat(100_000));
    let mut request = plain("ada", "rich");
    "Summary\nof it".clone_into(&mut request.body);
    request.html = Some(html.clone());
    let id = tokio::task::block_in_place(|| world.publisher.publish("rich", &request));

    let client = world.companion.connect().await;
    let with_page = async || match client.ask(Query::Message { id }).await.unwrap() {
        Answer::Message { message } => message.filter(|message| {
            let html = message.html.as_ref();
            html.is_some_and(|html| html.inline.is_some())
        }),
        other => panic!("{other:?}"),
    };
    let message = wait_for_async("the page", SOON, with_page).await;
    assert_eq!(message.html.unwrap().inline.unwrap(), html);

    // Without the server it is there all the same.
    tokio::task::block_in_place(|| world.server.stop());
    tokio::task::block_in_place(|| {
        world.companion.kill();
        world.companion.restart();
    });
    let client = world.companion.connect().await;
    let query = Query::Page {
        before: None,
        unread_only: true,
        limit: 10,
    };
    let Answer::Page { rows, more } = client.ask(query).await.unwrap() else {
        panic!("no page")
    };
    assert_eq!((rows.len(), more), (1, false));
    assert!(rows[0].rich);
    assert_eq!(
        (rows[0].title.as_str(), rows[0].line.as_str()),
        ("rich", "Summary")
    );
    let Answer::Message { message } = client.ask(Query::Message { id }).await.unwrap() else {
        panic!("no message")
    };
    assert_eq!(message.unwrap().html.unwrap().inline.unwrap(), html);
}

/// Publishes, kills and restarts, by a seed.
struct Chaos {
    rng: fastrand::Rng,
    accepted: Arc<AtomicUsize>,
    server_kills: Vec<Instant>,
}

impl Chaos {
    /// Kills one side after every few messages, at a random moment, until all are accepted.
    fn rage(&mut self, world: &mut World, total: usize) {
        let mut next = 0;
        loop {
            next += self.rng.usize(20..60);
            if next >= total {
                return;
            }
            wait_for("messages to be accepted", SOON, || {
                (self.accepted.load(Ordering::Relaxed) >= next).then_some(())
            });
            // The fault is injected at a random moment, not at the one just after an answer.
            std::thread::sleep(Duration::from_micros(self.rng.u64(0..30_000)));
            self.kill_one(world);
        }
    }

    fn kill_one(&mut self, world: &mut World) {
        let (server, companion) = match self.rng.u8(0..5) {
            0 | 1 => (true, false),
            2 | 3 => (false, true),
            _ => (true, true),
        };
        if server {
            self.server_kills.push(Instant::now());
            world.server.kill();
        }
        if companion {
            world.companion.kill();
            world.companion.restart();
            world.companion.somebody_is_there();
        }
        if server {
            world.server.restart();
        }
    }
}

/// Within a second, so that it comes among others and among crashes.
fn soon(n: usize) -> Timestamp {
    let wait = Duration::from_millis(n as u64 % 1000);
    Timestamp::now().checked_add(wait).unwrap()
}

#[test]
fn a9_killed_at_random_points_nothing_is_lost() {
    const TOTAL: usize = 2000;
    let seed = std::env::var("HITHER_TEST_SEED").map_or(20_261_122, |seed| seed.parse().unwrap());
    eprintln!("HITHER_TEST_SEED={seed}");
    let mut world = World::start();
    world.somebody_is_there();

    let accepted = Arc::new(AtomicUsize::new(0));
    let ids = Arc::new(Mutex::new(BTreeMap::new()));
    let publishers: Vec<_> = (0..4)
        .map(|part| {
            let (publisher, accepted, ids) = (
                world.publisher.clone(),
                Arc::clone(&accepted),
                Arc::clone(&ids),
            );
            std::thread::spawn(move || {
                for n in (0..TOTAL).filter(|n| n % 4 == part) {
                    let title = format!("message {n}");
                    let request = PublishRequest {
                        deliver_at: (n % 8 == 7).then(|| soon(n)),
                        ..plain("ada", &title)
                    };
                    let id = publisher.publish(&title, &request);
                    assert_eq!(ids.lock().unwrap().insert(id, title), None, "an id twice");
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut chaos = Chaos {
        rng: fastrand::Rng::with_seed(seed),
        accepted,
        server_kills: Vec::new(),
    };
    chaos.rage(&mut world, TOTAL);
    for publisher in publishers {
        publisher.join().unwrap();
    }

    let accepted = ids.lock().unwrap().clone();
    assert_eq!(accepted.len(), TOTAL);
    world.wait_for_history(TOTAL);
    let patience = Duration::from_mins(2);
    // The companion says "shown" once the pop-up is up. A crash right after that may cost its own
    // note of it, so the server's is the one that counts.
    wait_for("every alert", patience, || {
        (world.shown().len() == TOTAL).then_some(())
    });
    wait_for("nothing to be due", patience, || {
        let history = world.history();
        history.values().all(|row| !row.alert_due).then_some(())
    });
    wait_for("the ack", SOON, || (world.unacked() == 0).then_some(()));

    // Exactly what was accepted, exactly once.
    let history = world.history();
    let titles: BTreeMap<_, _> = history
        .iter()
        .map(|(id, row)| (*id, row.title.clone()))
        .collect();
    assert_eq!(titles, accepted);
    assert_eq!(
        titles.values().collect::<BTreeSet<_>>().len(),
        TOTAL,
        "one message under two ids"
    );

    // Each had a pop-up of its own or shares a summary; a repeat only after a crash.
    let said = world.companion.said();
    let mut popped: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for (toast, said) in said.iter().filter_map(|said| Some((said.toast()?, said))) {
        popped.entry(toast).or_default().push(said);
    }
    let summaries = popped.remove("summary").map_or(0, |pops| pops.len());
    let alone = popped.len();
    assert!(
        alone == TOTAL || summaries > 0,
        "{} without any alert",
        TOTAL - alone
    );
    let mut repeats = 0;
    for (id, pops) in popped {
        for pair in pops.windows(2) {
            repeats += 1;
            // Lines are read a little after they were said.
            let between = pair[0].at.checked_sub(READ_WITHIN).unwrap()..pair[1].at;
            let server_crashed = chaos.server_kills.iter().any(|kill| between.contains(kill));
            let crashed = pair[0].life != pair[1].life || server_crashed;
            assert!(crashed, "{id} popped up twice without a crash");
        }
    }
    eprintln!(
        "{TOTAL} messages, {} server kills: {alone} pop-ups of their own, {summaries} summaries, \
         {repeats} repeats",
        chaos.server_kills.len()
    );
}
