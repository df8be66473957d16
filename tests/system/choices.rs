//! What a window asks of the server through the companion: why a message alerted, and what its
//! person chose.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use hither_engine::view::{Answer, ConnectionView, Query};
use hither_ipc::Client;
use hither_protocol::{
    AttentionSettings, Because, DoNotDisturb, MessageId, Outcome, PresenceState, Priority,
    Settings, WhenAway,
};
use serde_json::json;
use system_tests::companion::Companion;
use system_tests::server::{Publisher, Server, plain};
use system_tests::wire::{Held, Wire};
use system_tests::{SOON, wait_for, wait_for_async};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

struct World {
    server: Server,
    publisher: Publisher,
    desk: Companion,
    laptop: Companion,
    _folder: TempDir,
}

/// A server, and two computers of one person.
fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("server"));
    server.add_account("ada", PASSWORD);
    let publisher = server.add_publisher("CI");
    let sign_in = |name: &str| {
        let companion = Companion::start(&folder.path().join(name));
        companion.sign_in(server.url(), "ada", PASSWORD);
        companion.wait_until_online();
        companion
    };
    World {
        desk: sign_in("desk"),
        laptop: sign_in("laptop"),
        server,
        publisher,
        _folder: folder,
    }
}

async fn settings(screen: &Client) -> Settings {
    match screen.ask(Query::Settings).await.unwrap() {
        Answer::Settings { settings } => *settings,
        other => panic!("{other:?}"),
    }
}

async fn keep(screen: &Client, was: &Settings, to: &Settings) -> Answer {
    let (was, to) = (Box::new(was.clone()), Box::new(to.clone()));
    screen.ask(Query::KeepSettings { was, to }).await.unwrap()
}

/// Whether the message alerted on this computer because somebody is there.
async fn alerted_where_somebody_is(screen: &Client, id: MessageId) -> bool {
    let Answer::Trace { trace, devices } = screen.ask(Query::Trace { id }).await.unwrap() else {
        return false;
    };
    let Some(here) = devices.iter().find(|device| device.here) else {
        return false;
    };
    let mut decisions = trace.steps.iter().map(|step| &step.step.decision);
    decisions.any(|it| {
        it.outcome == Outcome::Alerted
            && it.because == Because::Active
            && it.device.as_ref() == Some(&here.id)
    })
}

fn with(settings: &Settings, change: impl FnOnce(&mut AttentionSettings)) -> Settings {
    let mut changed = settings.clone();
    change(&mut changed.attention);
    changed
}

#[tokio::test]
async fn c4_choices_of_two_computers_come_together_and_no_change_is_overwritten() {
    let world = world();
    let (desk, laptop) = (world.desk.connect().await, world.laptop.connect().await);
    let first = settings(&desk).await;
    assert_eq!(first, settings(&laptop).await);
    let heard = world.laptop.view().unwrap().settings_changes;

    let quiet = serde_json::from_value(json!([{ "from": "22:00", "to": "07:00" }])).unwrap();
    let night = with(&first, |attention| attention.quiet_times = quiet);
    let kept = keep(&desk, &first, &night).await;
    assert!(matches!(kept, Answer::Settings { settings } if *settings == night));
    // Also what is no policy is heard of.
    world
        .laptop
        .wait_for_view("word of the change", |view| view.settings_changes != heard);

    // The laptop had not seen that yet, and changes something else.
    let minute = with(&first, |attention| attention.idle_after_ms = 60_000);
    let Answer::Settings { settings: both } = keep(&laptop, &first, &minute).await else {
        panic!("not kept");
    };
    let expected = with(&night, |attention| attention.idle_after_ms = 60_000);
    assert_eq!(*both, expected);
    assert_eq!(settings(&desk).await, expected);

    // The desk still believes in three minutes.
    let hour = with(&night, |attention| attention.idle_after_ms = 3_600_000);
    let said = keep(&desk, &night, &hour).await;
    assert!(matches!(said, Answer::SettingsDiffer { settings } if *settings == expected));
    assert_eq!(settings(&laptop).await, expected, "nothing was kept");

    let never = with(&expected, |attention| attention.idle_after_ms = 1);
    let Answer::Failed { detail } = keep(&desk, &expected, &never).await else {
        panic!("kept");
    };
    assert!(detail.contains("10000 to 3600000"), "{detail}");
}

#[tokio::test]
async fn c4_what_another_computer_changes_in_the_same_moment_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("server"));
    server.add_account("ada", PASSWORD);
    let wire = Wire::to(server.url());
    let sign_in = |name: &str, address: &str| {
        let companion = Companion::start(&folder.path().join(name));
        companion.sign_in(address, "ada", PASSWORD);
        companion.wait_until_online();
        companion
    };
    let desk = sign_in("desk", &wire.address());
    let laptop = sign_in("laptop", server.url());
    let (desk, laptop) = (desk.connect().await, laptop.connect().await);
    let first = settings(&desk).await;
    let minute = with(&first, |attention| attention.idle_after_ms = 60_000);
    let later = with(&first, |attention| attention.when_away = WhenAway::Hold);
    let both = with(&minute, |attention| attention.when_away = WhenAway::Hold);

    // The desk read what is held, and is about to write.
    let request = wire.hold("PUT /v1/settings");
    let meanwhile = while_held(request, keep(&laptop, &first, &later));
    let (kept, ()) = tokio::join!(keep(&desk, &first, &minute), meanwhile);
    assert!(matches!(kept, Answer::Settings { settings } if *settings == both));
    assert_eq!(settings(&laptop).await, both);

    // The same choice is the person's to decide, also then.
    let two = with(&both, |attention| attention.idle_after_ms = 120_000);
    let hour = with(&both, |attention| attention.idle_after_ms = 3_600_000);
    let request = wire.hold("PUT /v1/settings");
    let meanwhile = while_held(request, keep(&laptop, &both, &two));
    let (said, ()) = tokio::join!(keep(&desk, &both, &hour), meanwhile);
    assert!(matches!(said, Answer::SettingsDiffer { settings } if *settings == two));
}

async fn while_held(held: Held, keep: impl Future<Output = Answer>) {
    let held = tokio::task::spawn_blocking(move || {
        held.wait();
        held
    });
    let held = held.await.unwrap();
    let kept = keep.await;
    assert!(matches!(kept, Answer::Settings { .. }), "{kept:?}");
    held.pass();
}

#[tokio::test]
async fn c5_a_return_in_quiet_times_brings_its_summary_when_they_end() {
    let mut world = world();
    let screen = world.desk.connect().await;
    world.desk.somebody_is_there();
    let first = settings(&screen).await;
    let quiet = with(&first, |attention| {
        attention.do_not_disturb = DoNotDisturb::On;
    });
    keep(&screen, &first, &quiet).await;
    world.desk.tell(&json!({ "locked": true }));
    world.desk.wait_for_view("being away", |view| {
        view.presence.state == PresenceState::Inactive
    });
    let [one, _low] = [("one", 3), ("low", 2)].map(|(title, priority)| {
        let mut message = plain("ada", title);
        message.priority = Priority::try_from(priority).unwrap();
        world.publisher.publish(title, &message).to_string()
    });
    world
        .desk
        .wait_for_view("both", |view| view.glance.unread == 2);
    world.desk.tell(&json!({ "locked": false }));
    world.desk.somebody_is_there();
    // Urgent breaks through; what is owed comes before it, or not yet.
    let mut urgent = plain("ada", "fire");
    urgent.priority = Priority::Urgent;
    let urgent = world.publisher.publish("fire", &urgent).to_string();
    world.desk.wait_for_toast(&urgent);
    assert_eq!(world.desk.toasts(), [urgent]);
    keep(&screen, &quiet, &first).await;
    // The server rings for what it held back, or the desktop sums it up: whoever is first.
    let last = wait_for("a pop-up", SOON, || world.desk.toasts().get(1).cloned());
    assert!([one.as_str(), "summary"].contains(&last.as_str()), "{last}");
    let said = world.desk.said();
    if let Some(summary) = said.iter().rfind(|said| said.toast() == Some("summary")) {
        let title = &summary.line["toast"]["title"];
        assert_eq!(title, "1 while you were away", "low rings nowhere");
    }
    let next = plain("ada", "next");
    let next = world.publisher.publish("next", &next).to_string();
    world.desk.wait_for_toast(&next);
    assert_eq!(world.desk.toasts()[1..], [last, next], "and nothing twice");
}

#[tokio::test]
async fn c11_the_window_learns_why_a_message_alerted_and_offline_that_it_cannot() {
    let mut world = world();
    world.desk.somebody_is_there();
    world.desk.wait_for_view("being active", |view| {
        view.presence.state == hither_protocol::PresenceState::Active
    });
    let desk = world.desk.connect().await;
    // The server hears of the person a moment after the view does.
    let mut published = Vec::new();
    let id = wait_for_async("a message that alerted where they are", SOON, async || {
        let title = format!("Build {}", published.len());
        published.push(world.publisher.publish(&title, &plain("ada", &title)));
        for id in published.iter().copied() {
            if alerted_where_somebody_is(&desk, id).await {
                return Some(id);
            }
        }
        None
    })
    .await;
    world.desk.wait_for_toast(&id.to_string());
    let Answer::Publishers { publishers } = desk.ask(Query::Publishers).await.unwrap() else {
        panic!("no publishers");
    };
    let names: Vec<_> = publishers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["CI"]);

    let unknown = Query::Trace {
        id: MessageId(uuid::Uuid::from_u128(7)),
    };
    let said = desk.ask(unknown).await.unwrap();
    assert!(matches!(said, Answer::Failed { detail } if detail.contains("does not have it")));
    world.server.kill();
    world.desk.wait_for_view("being offline", |view| {
        matches!(view.connection, ConnectionView::Offline { .. })
    });
    for query in [Query::Trace { id }, Query::Settings] {
        let said = desk.ask(query).await.unwrap();
        assert!(matches!(said, Answer::Failed { detail } if detail.contains("cannot be reached")));
    }
}

#[tokio::test]
async fn f4_a_locked_companion_tells_none_of_it() {
    let world = world();
    let screen = world.desk.connect().await;
    let passphrase = hither_engine::view::Password("1234".to_owned());
    let set = hither_engine::Command::SetAppLock {
        passphrase,
        when: hither_engine::view::AppLockWhen::default(),
    };
    screen.command(set).await.unwrap();
    world
        .desk
        .wait_for_view("an app lock", |view| view.app_lock.is_some());
    screen.command(hither_engine::Command::Lock).await.unwrap();
    let id = MessageId(uuid::Uuid::from_u128(7));
    for query in [Query::Trace { id }, Query::Settings, Query::Publishers] {
        assert_eq!(screen.ask(query).await.unwrap(), Answer::Locked);
    }
}
