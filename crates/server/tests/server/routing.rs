//! Which device rings.

use std::time::Duration;

use hither_attention::Timings;
use hither_protocol::{
    AlertWhy, ClientFrame, DeviceKind, Echo, FirstAlert, InactiveReason, MessageId, Presence,
    PresenceState, ServerFrame, Session,
};
use hither_server::Settings;
use serde_json::json;

use crate::harness::{Server, Stream, presence, says, shows};

async fn devices(server: &Server) -> (Session, Session) {
    let desktop = server.sign_in("ada", DeviceKind::Desktop).await;
    let phone = server.sign_in("ada", DeviceKind::Mobile).await;
    (desktop, phone)
}

/// The next message frame's id and whether it rings.
async fn message(stream: &mut Stream) -> (MessageId, FirstAlert) {
    match stream.next().await {
        ServerFrame::Message { message, alert, .. } => (message.id, alert),
        other => panic!("{other:?}"),
    }
}

async fn alert(stream: &mut Stream) -> (Vec<MessageId>, AlertWhy) {
    match stream.next().await {
        ServerFrame::Alert { ids, why, .. } => (ids, why),
        other => panic!("{other:?}"),
    }
}

/// As fresh as can be. Without the echo it may be as old as the stream, and so older than a pop-up.
fn typing(echoes: bool) -> ClientFrame {
    let echo = Echo {
        sent_ms: u64::MAX,
        held_ms: 0,
    };
    ClientFrame::Ping {
        last_input_ms: Some(0),
        echo: echoes.then_some(echo),
    }
}

fn locked() -> Presence {
    Presence {
        state: PresenceState::Inactive,
        reason: Some(InactiveReason::Locked),
        last_input_ms: Some(60_000),
    }
}

fn quick() -> Settings {
    Settings {
        timings: Timings {
            shown_within: Duration::from_millis(100),
            restart_grace: Duration::from_millis(100),
            lost_grace: Duration::from_millis(100),
            ..Timings::default()
        },
        ..Settings::default()
    }
}

/// Where nothing rings elsewhere because it was not shown in time.
fn patient() -> Settings {
    Settings {
        timings: Timings {
            shown_within: Duration::from_mins(10),
            ..Timings::default()
        },
        ..Settings::default()
    }
}

#[tokio::test]
async fn c3_the_desktop_rings_while_someone_is_there() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let id = server.send("ada", "hello").await;
    assert_eq!(message(&mut desktop).await, (id, FirstAlert::Now));
    assert_eq!(message(&mut phone).await, (id, FirstAlert::Silent));
    desktop.say(&shows(id)).await;
    assert_eq!(desktop.ping().await, []);
    assert_eq!(phone.ping().await, []);
}

#[tokio::test]
async fn c2_c4_the_phone_rings_while_the_desktop_is_inactive() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    desktop.say(&says(locked())).await;
    desktop.ping().await;
    let id = server.send("ada", "hello").await;
    assert_eq!(message(&mut phone).await, (id, FirstAlert::Now));
    assert_eq!(message(&mut desktop).await, (id, FirstAlert::Silent));
    desktop.say(&says(presence(PresenceState::Active))).await;
    desktop.ping().await;
    let id = server.send("ada", "hello again").await;
    assert_eq!(message(&mut desktop).await, (id, FirstAlert::Now));
    assert_eq!(message(&mut phone).await, (id, FirstAlert::Silent));
}

#[tokio::test]
async fn a_desktop_that_does_not_show_passes_the_alert_on() {
    let server = Server::with(quick()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let id = server.send("ada", "hello").await;
    assert_eq!(message(&mut desktop).await, (id, FirstAlert::Now));
    assert_eq!(message(&mut phone).await, (id, FirstAlert::Silent));
    assert_eq!(alert(&mut phone).await, (vec![id], AlertWhy::NotShown));
}

#[tokio::test]
async fn an_alert_that_nobody_saw_is_handed_over() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let id = server.send("ada", "hello").await;
    message(&mut desktop).await;
    message(&mut phone).await;
    desktop.say(&shows(id)).await;
    desktop.say(&says(locked())).await;
    assert_eq!(alert(&mut phone).await, (vec![id], AlertWhy::Handover));
}

#[tokio::test]
async fn input_counts_from_when_the_echo_says_it_was_read_at_the_earliest() {
    for echoes in [true, false] {
        let server = Server::with(patient()).await;
        let (desktop, phone) = devices(&server).await;
        let mut desktop = server
            .connect_desktop(&desktop, PresenceState::Active)
            .await;
        let (mut phone, _) = server.connect(&phone, None).await;
        let id = server.send("ada", "hello").await;
        message(&mut desktop).await;
        message(&mut phone).await;
        desktop.say(&shows(id)).await;
        desktop.say(&typing(echoes)).await;
        desktop.say(&says(locked())).await;
        desktop.ping().await;
        let rang = phone.ping().await;
        assert_eq!(rang.is_empty(), echoes, "{rang:?}");
    }
}

#[tokio::test]
async fn input_after_a_pop_up_counts_without_an_echo() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let id = server.send("ada", "hello").await;
    message(&mut desktop).await;
    message(&mut phone).await;
    desktop.say(&shows(id)).await;
    desktop.probed().await;
    desktop.ping().await;
    desktop.say(&typing(false)).await;
    desktop.say(&says(locked())).await;
    desktop.ping().await;
    assert_eq!(phone.ping().await, []);
}

#[tokio::test]
async fn what_comes_after_a_start_rings_on_the_first_device_without_delay() {
    let never = Settings {
        timings: Timings {
            restart_grace: Duration::from_hours(1),
            ..Timings::default()
        },
        ..Settings::default()
    };
    let server = Server::with(never).await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let id = server.send("ada", "hello").await;
    let (mut phone, _) = server.connect(&session, None).await;
    assert_eq!(alert(&mut phone).await, (vec![id], AlertWhy::Waiting));
}

#[tokio::test]
async fn a_message_that_found_nobody_waits_for_the_first_device() {
    let server = Server::with(quick()).await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let id = server.send("ada", "hello").await;
    let (mut phone, backlog) = server.connect(&session, None).await;
    assert_eq!(backlog.titles(), ["hello"]);
    assert_eq!(alert(&mut phone).await.0, [id]);
    phone.say(&shows(id)).await;
    phone.ping().await;
    // Shown once, it does not ring again.
    phone.close().await;
    let (mut phone, backlog) = server.connect(&session, Some(backlog.cursor)).await;
    assert!(backlog.frames.is_empty());
    assert_eq!(phone.ping().await, []);
}

#[tokio::test]
async fn what_was_not_shown_before_a_restart_rings_after_it() {
    let server = Server::with(quick()).await;
    let session = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut phone, start) = server.connect(&session, None).await;
    let shown = server.send("ada", "shown").await;
    let rung = server.send("ada", "rung but not shown").await;
    message(&mut phone).await;
    message(&mut phone).await;
    phone.say(&shows(shown)).await;
    phone.ping().await;
    let (settings, folder) = server.stop().await;
    let server = Server::run(settings, folder, hither_server::store::system_clock()).await;
    let (mut phone, _) = server.connect(&session, Some(start.cursor)).await;
    let (ids, why) = alert(&mut phone).await;
    assert_eq!((ids, why), (vec![rung], AlertWhy::Restarted));
}

#[tokio::test]
async fn what_popped_up_before_a_restart_is_handed_over_unless_somebody_was_there() {
    for restart_grace in [Timings::default().restart_grace, Duration::ZERO] {
        popped_up_before_a_restart(restart_grace).await;
    }
}

/// Without a grace every device is late.
async fn popped_up_before_a_restart(restart_grace: Duration) {
    let server = Server::with(Settings {
        timings: Timings {
            restart_grace,
            ..Timings::default()
        },
        ..Settings::default()
    })
    .await;
    let (desktop, phone) = devices(&server).await;
    let mut screen = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (_, start) = server.connect(&phone, None).await;
    let seen = server.send("ada", "seen").await;
    message(&mut screen).await;
    screen.say(&shows(seen)).await;
    screen.say(&typing(true)).await;
    assert!(matches!(screen.next().await, ServerFrame::Pong { .. }));
    let unseen = server.send("ada", "unseen").await;
    message(&mut screen).await;
    screen.say(&shows(unseen)).await;
    screen.ping().await;
    let (settings, folder) = server.stop().await;

    let server = Server::run(settings, folder, hither_server::store::system_clock()).await;
    let (mut phone, _) = server.connect(&phone, Some(start.cursor)).await;
    let there = Presence {
        last_input_ms: Some(60_000),
        ..presence(PresenceState::Active)
    };
    let (mut screen, _) = server.connect_as(&desktop, None, Some(there)).await;
    assert_eq!(phone.ping().await, []);
    screen.say(&says(locked())).await;
    assert_eq!(alert(&mut phone).await, (vec![unseen], AlertWhy::Handover));
}

#[tokio::test]
async fn what_was_read_rings_nowhere() {
    // The time to show it is long enough for the read to come first on a busy machine.
    let server = Server::start().await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let id = server.send("ada", "hello").await;
    message(&mut desktop).await;
    desktop.say(&ClientFrame::Read { ids: vec![id] }).await;
    message(&mut phone).await;
    assert!(matches!(phone.next().await, ServerFrame::Read { .. }));
    // The next one passes to the phone after the first one's time to be shown, and alone.
    let next = server.send("ada", "next").await;
    assert_eq!(message(&mut phone).await, (next, FirstAlert::Silent));
    assert_eq!(alert(&mut phone).await.0, [next]);
}

#[tokio::test]
async fn urgent_rings_everywhere_and_low_nowhere() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let (mut phone, _) = server.connect(&phone, None).await;
    let never = FirstAlert::Never;
    for (priority, expected) in [(5, FirstAlert::Now), (2, never)] {
        let body = json!({
            "to": { "accounts": ["ada"] }, "title": "hello", "priority": priority,
        });
        let id = server.send_as(&body).await;
        assert_eq!(message(&mut desktop).await, (id, expected));
        assert_eq!(message(&mut phone).await, (id, expected));
        for stream in [&mut desktop, &mut phone] {
            stream.say(&shows(id)).await;
            stream.ping().await;
        }
    }
    // Not for who comes later either.
    let late = server.sign_in("ada", DeviceKind::Desktop).await;
    let (_late, backlog) = server.connect(&late, None).await;
    let alerts = backlog.frames.iter().filter_map(|frame| match frame {
        ServerFrame::Message { alert, .. } => Some(*alert),
        _ => None,
    });
    assert_eq!(alerts.collect::<Vec<_>>(), [FirstAlert::Silent, never]);
}

#[tokio::test]
async fn what_is_for_who_is_there_now_rings_on_nobody_who_comes_later() {
    let server = Server::with(patient()).await;
    let (desktop, phone) = devices(&server).await;
    let mut desktop = server
        .connect_desktop(&desktop, PresenceState::Active)
        .await;
    let body = json!({ "to": { "accounts": ["ada"] }, "title": "now or never", "ttl_s": 0 });
    let id = server.send_as(&body).await;
    assert_eq!(message(&mut desktop).await, (id, FirstAlert::Now));
    desktop.say(&shows(id)).await;
    let (mut phone, _) = server.connect(&phone, None).await;
    desktop.say(&says(locked())).await;
    desktop.ping().await;
    let rang = phone.ping().await;
    assert!(rang.is_empty(), "{rang:?}");
}
