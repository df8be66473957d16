//! Idle time from a real X server (F3).

use core::time::Duration;

use crate::support::{Heard, move_pointer, x_server};
use hither_presence::{Event, Surroundings};

const X11: &str = "X11 idle counter";

fn on(display: &str) -> Surroundings {
    Surroundings {
        x_display: Some(display.to_owned()),
        session_bus: Some("unix:path=/nonexistent".to_owned()),
        system_bus: Some("unix:path=/nonexistent".to_owned()),
        ..Surroundings::default()
    }
}

#[tokio::test]
async fn f3_absence_and_return_are_reported_as_they_happen() {
    let (_server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    move_pointer(&display);
    let after = Duration::from_millis(1200);
    heard.sensors.watch_idle(after);

    for _ in 0..2 {
        let idle = heard.next_idle().await.unwrap();
        assert!(idle >= after, "{idle:?}");
        assert!(heard.nothing_more());
        let moved = move_pointer(&display);
        let idle = heard.next_idle().await.unwrap();
        assert!(idle < moved.elapsed(), "{idle:?}");
    }
}

#[tokio::test]
async fn the_next_input_is_reported_once_each_time_it_is_awaited() {
    let (_server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    move_pointer(&display);
    heard.sensors.watch_idle(Duration::from_hours(1));
    for _ in 0..2 {
        heard.sensors.await_input();
        heard.sensors.await_input();
        // As far as it was when that was asked.
        let before = heard.reading().await;
        assert!(heard.nothing_more());
        heard.rests(Duration::from_millis(200)).await;
        let moved = move_pointer(&display);
        let idle = heard.next_idle().await.unwrap();
        assert!(idle < moved.elapsed(), "{idle:?} after {before:?}");
        heard.rests(Duration::from_millis(200)).await;
        move_pointer(&display);
        heard.reading().await;
        assert!(heard.nothing_more());
    }
}

#[tokio::test]
async fn f3_a_reading_is_fresh() {
    let (_server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    let moved = move_pointer(&display);
    let early = heard.reading().await;
    assert!(early < moved.elapsed(), "{early:?}");

    heard.sensors.watch_idle(Duration::from_secs(1));
    let at_threshold = heard.next_idle().await.unwrap();
    let late = heard.reading().await;
    assert!(late >= at_threshold, "{late:?} after {at_threshold:?}");
    let moved = move_pointer(&display);
    let back = heard.next_idle().await.unwrap();
    assert!(back < moved.elapsed(), "{back:?}");
}

#[tokio::test]
async fn f3_a_shorter_watch_reports_an_absence_that_is_already_there() {
    let (_server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    move_pointer(&display);
    heard.sensors.watch_idle(Duration::from_secs(2));
    heard.next_idle().await.unwrap();
    heard.sensors.watch_idle(Duration::from_secs(1));
    assert!(heard.next_idle().await.unwrap() >= Duration::from_secs(2));
    heard.sensors.watch_idle(Duration::from_hours(1));
    heard.reading().await;
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn f3_without_an_x_server_idle_is_unknown_and_nothing_crashes() {
    let nowhere = [
        (
            Surroundings {
                x_display: None,
                ..on("")
            },
            "no X server",
        ),
        (on(":4711"), ""),
        (on("not a display"), ""),
        (
            Surroundings {
                wayland: true,
                ..on(":0")
            },
            "Wayland",
        ),
    ];
    for (surroundings, reason) in nowhere {
        let mut heard = Heard::from(surroundings);
        let said = heard.skipped(X11).await.unwrap();
        assert!(said.contains(reason), "{said}");
        heard.sensors.watch_idle(Duration::from_secs(1));
        heard.sensors.read_idle();
        assert_eq!(heard.next().await, Event::Idle(None));
    }
}

#[tokio::test]
async fn f3_a_lost_x_server_makes_idle_unknown() {
    let (server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    assert_eq!(heard.skipped(X11).await, None);
    drop(server);
    assert_eq!(heard.next().await, Event::IdleUnanswered);
    assert!(heard.skipped(X11).await.unwrap().contains("went away"));
    heard.sensors.read_idle();
    assert_eq!(heard.next().await, Event::IdleUnanswered);
}

#[tokio::test]
async fn f3_a_hung_x_server_makes_idle_unknown_and_recovers() {
    let (server, display) = x_server();
    let mut heard = Heard::from(on(&display));
    assert_eq!(heard.skipped(X11).await, None);
    server.signal("STOP");
    for _ in 0..2 {
        heard.sensors.read_idle();
        assert_eq!(heard.next().await, Event::IdleUnanswered);
    }
    server.signal("CONT");
    heard.reading().await;
}
