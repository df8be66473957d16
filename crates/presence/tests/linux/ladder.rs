//! Which idle source is used where, driven with a real compositor and a mock of GNOME's (F3).

use core::time::Duration;

use crate::support::{Compositor, Heard, PATIENCE, Running, Stage, bus, move_pointer, x_server};
use hither_presence::{Event, Surroundings};
use zbus::zvariant::Value;

const MUTTER: &str = "Mutter idle monitor";
const WAYLAND: &str = "Wayland idle notifications";
const X11: &str = "X11 idle counter";

const MOCK: &str = "org.freedesktop.DBus.Mock";
const MONITOR: &str = "org.gnome.Mutter.IdleMonitor";
const CORE: &str = "/org/gnome/Mutter/IdleMonitor/Core";

fn nowhere() -> Surroundings {
    Surroundings {
        session_bus: Some("unix:path=/nonexistent".to_owned()),
        system_bus: Some("unix:path=/nonexistent".to_owned()),
        ..Surroundings::default()
    }
}

fn on_wayland(compositor: &Compositor) -> Surroundings {
    Surroundings {
        // Its X server would answer, wrongly.
        x_display: Some(compositor.display.clone()),
        wayland: true,
        wayland_socket: Some(compositor.socket.clone()),
        ..nowhere()
    }
}

#[tokio::test]
async fn f3_on_wayland_absence_and_return_are_reported_as_they_happen() {
    let compositor = Compositor::start().await;
    let mut heard = Heard::from(on_wayland(&compositor));
    assert_eq!(heard.skipped(WAYLAND).await, None);
    let reason = heard.skipped(X11).await.unwrap();
    assert!(reason.contains("not needed"), "{reason}");
    let after = Duration::from_secs(3);
    heard.sensors.watch_idle(after);
    // Nobody was seen yet: that is unknown, not active.
    heard.sensors.read_idle();
    assert_eq!(heard.next_idle().await, None);
    let idle = heard.next_idle().await.unwrap();
    assert!(idle >= after, "{idle:?}");

    for _ in 0..2 {
        move_pointer(&compositor.display);
        assert_eq!(heard.next_idle().await, Some(Duration::ZERO));
        let idle = heard.reading().await;
        assert!(idle < after, "{idle:?}");
        let idle = heard.next_idle().await.unwrap();
        assert!(idle >= after, "{idle:?}");
        assert!(heard.nothing_more());
    }
}

#[tokio::test]
async fn f3_a_hung_compositor_makes_idle_unknown_and_recovers_and_a_lost_one_is_said() {
    let mut compositor = Compositor::start().await;
    let mut heard = Heard::from(on_wayland(&compositor));
    heard.taken(WAYLAND).await;
    let seen = async {
        loop {
            move_pointer(&compositor.display);
            heard.sensors.read_idle();
            if heard.next_idle().await.is_some() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("input is noticed");
    compositor.signal("STOP");
    heard.sensors.read_idle();
    while heard.next_idle().await.is_some() {}
    compositor.signal("CONT");
    heard.reading().await;

    compositor.end();
    while heard.next_idle().await.is_some() {}
    assert!(heard.skipped(WAYLAND).await.unwrap().contains("went away"));
    heard.sensors.read_idle();
    assert_eq!(heard.next_idle().await, None);
    let reason = heard.skipped(X11).await.unwrap();
    assert!(reason.contains("Wayland session"), "{reason}");
}

/// A bus with GNOME's idle monitor, which says what it is told to.
struct Gnome {
    stage: Stage,
    address: String,
    mock: Option<Running>,
    _bus: Running,
}

impl Gnome {
    async fn start() -> Self {
        let (daemon, address) = bus();
        let stage = Stage::on(&address).await;
        let mock = Self::monitor(&stage).await;
        Self {
            stage,
            address,
            mock: Some(mock),
            _bus: daemon,
        }
    }

    async fn monitor(stage: &Stage) -> Running {
        let mock = stage
            .mock(&["--session", MONITOR, CORE, MONITOR], MONITOR)
            .await;
        for (method, takes, gives, code) in [
            ("GetIdletime", "", "t", "ret = getattr(self, 'idle', 0)"),
            ("SetIdle", "t", "", "self.idle = args[0]"),
            (
                "AddIdleWatch",
                "t",
                "u",
                "self.ids = getattr(self, 'ids', 0) + 1; self.absent = self.ids; ret = self.ids",
            ),
            (
                "AddUserActiveWatch",
                "",
                "u",
                "self.ids += 1; self.back = self.ids; ret = self.ids",
            ),
            ("RemoveWatch", "u", "", ""),
            (
                "Fire",
                "s",
                "",
                "self.EmitSignal('org.gnome.Mutter.IdleMonitor', 'WatchFired', 'u', [getattr(self, args[0])])",
            ),
        ] {
            let body = (MONITOR, method, takes, gives, code);
            stage.call(MONITOR, CORE, MOCK, "AddMethod", &body).await;
        }
        mock
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            session_bus: Some(self.address.clone()),
            ..nowhere()
        }
    }

    async fn set_idle(&self, millis: u64) {
        let body = (millis,);
        self.stage
            .call(MONITOR, CORE, MONITOR, "SetIdle", &body)
            .await;
    }

    async fn fire(&self, watch: &str) {
        let body = (watch,);
        self.stage.call(MONITOR, CORE, MONITOR, "Fire", &body).await;
    }
}

#[tokio::test]
async fn f3_gnomes_idle_monitor_is_asked_first_and_heard() {
    let gnome = Gnome::start().await;
    let (_server, display) = x_server();
    gnome.set_idle(7_000).await;
    let mut heard = Heard::from(Surroundings {
        x_display: Some(display),
        ..gnome.surroundings()
    });
    assert_eq!(heard.skipped(MUTTER).await, None);
    for name in [WAYLAND, X11] {
        let reason = heard.skipped(name).await.unwrap();
        assert!(reason.contains(MUTTER), "{reason}");
    }
    let millis = |n| Some(Duration::from_millis(n));
    assert_eq!(Some(heard.reading().await), millis(7_000));

    heard.sensors.watch_idle(Duration::from_mins(1));
    assert_eq!(Some(heard.reading().await), millis(7_000));
    for _ in 0..2 {
        gnome.set_idle(60_000).await;
        gnome.fire("absent").await;
        assert_eq!(heard.next_idle().await, millis(60_000));
        gnome.set_idle(5).await;
        gnome.fire("back").await;
        assert_eq!(heard.next_idle().await, millis(5));
    }
    // A shorter watch than the absence that is there already.
    gnome.set_idle(20_000).await;
    heard.sensors.watch_idle(Duration::from_secs(10));
    assert_eq!(heard.next_idle().await, millis(20_000));
    assert!(heard.nothing_more());
    // The next input, once.
    heard.sensors.await_input();
    heard.sensors.await_input();
    assert_eq!(Some(heard.reading().await), millis(20_000));
    gnome.set_idle(3).await;
    gnome.fire("back").await;
    assert_eq!(heard.next_idle().await, millis(3));
    gnome.fire("back").await;
    assert_eq!(Some(heard.reading().await), millis(3));
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn f3_a_gnome_that_hangs_or_goes_makes_idle_unknown_and_the_next_rung_is_taken() {
    let mut gnome = Gnome::start().await;
    let (_server, display) = x_server();
    let mut heard = Heard::from(Surroundings {
        x_display: Some(display.clone()),
        ..gnome.surroundings()
    });
    heard.taken(MUTTER).await;
    gnome.mock.as_ref().unwrap().signal("STOP");
    heard.sensors.read_idle();
    assert_eq!(heard.next_idle().await, None);
    gnome.mock = None;
    assert_eq!(heard.next_idle().await, None);
    assert!(heard.skipped(MUTTER).await.unwrap().contains("went away"));
    move_pointer(&display);
    heard.reading().await;
    heard.taken(X11).await;
}

#[tokio::test]
async fn f3_a_source_that_is_found_late_is_read_for_whoever_asked_in_vain() {
    let (daemon, address) = bus();
    daemon.signal("STOP");
    let (_server, display) = x_server();
    let mut heard = Heard::from(Surroundings {
        x_display: Some(display),
        session_bus: Some(address),
        ..nowhere()
    });
    heard.sensors.read_idle();
    assert_eq!(heard.next_idle().await, None);
    assert!(heard.next_idle().await.is_some());
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn a_film_on_gnome_is_heard() {
    const SESSION: &str = "org.gnome.SessionManager";
    const PATH: &str = "/org/gnome/SessionManager";
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let _mock = stage
        .mock(&["--session", SESSION, PATH, SESSION], SESSION)
        .await;
    let property = (SESSION, "InhibitedActions", Value::from(4u32));
    stage
        .call(SESSION, PATH, MOCK, "AddProperty", &property)
        .await;
    let mut heard = Heard::from(Surroundings {
        session_bus: Some(address),
        ..nowhere()
    });
    heard.taken("GNOME session inhibitors").await;
    for (actions, inhibited) in [(12u32, true), (4, false)] {
        let changed = std::collections::HashMap::from([("InhibitedActions", Value::from(actions))]);
        let body = (SESSION, changed);
        stage
            .call(SESSION, PATH, MOCK, "UpdateProperties", &body)
            .await;
        assert_eq!(heard.next().await, Event::Inhibited(inhibited));
    }
}
