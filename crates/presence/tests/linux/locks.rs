//! Lock, sleep and session switches from mocks of logind and both screen savers (C1, F3).

use core::time::Duration;
use std::collections::HashMap;
use std::time::Instant;

use crate::support::{Heard, INTERVAL, PATIENCE, Running, Stage, bus, move_pointer, x_server};
use hither_presence::{Event, Surroundings};
use zbus::zvariant::Value;

pub(crate) const LOGIN: &str = "org.freedesktop.login1";
pub(crate) const MANAGER_PATH: &str = "/org/freedesktop/login1";
pub(crate) const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION_PATH: &str = "/org/freedesktop/login1/session/c1";
const SESSION: &str = "org.freedesktop.login1.Session";
const USER_PATH: &str = "/org/freedesktop/login1/user/0";
pub(crate) const MOCK: &str = "org.freedesktop.DBus.Mock";

const FREEDESKTOP: &str = "org.freedesktop.ScreenSaver";
const GNOME: &str = "org.gnome.ScreenSaver";

/// So long a sleep is held back at most.
const HOLD_SLEEP_FOR: Duration = Duration::from_secs(2);

/// What it holds back, for whom, why and how; whose it is.
type Inhibitor = (String, String, String, String, u32, u32);

/// A system bus with logind, where this process has the session c1.
pub(crate) struct Logind {
    pub(crate) stage: Stage,
    address: String,
    mock: Running,
    _bus: Running,
}

impl Logind {
    pub(crate) async fn start() -> Self {
        let (daemon, address) = bus();
        let stage = Stage::on(&address).await;
        let mock = stage
            .mock(&["--system", "--template", "logind"], LOGIN)
            .await;
        let session = ("c1", "seat0", 0u32, "ada", true);
        stage
            .call(LOGIN, MANAGER_PATH, MOCK, "AddSession", &session)
            .await;
        Self {
            stage,
            address,
            mock,
            _bus: daemon,
        }
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings {
            session_bus: Some("unix:path=/nonexistent".to_owned()),
            system_bus: Some(self.address.clone()),
            session_id: Some("c1".to_owned()),
            ..Surroundings::default()
        }
    }

    /// Sensors that listen to it.
    async fn heard(&self) -> Heard {
        self.heard_in(self.surroundings()).await
    }

    async fn heard_in(&self, surroundings: Surroundings) -> Heard {
        let heard = Heard::from(surroundings);
        heard.taken("logind session").await;
        self.inhibitors(1).await;
        heard
    }

    async fn answer_path(&self, method: &str, path: &str) {
        let code = format!("ret = dbus.ObjectPath('{path}')");
        self.answer(method, &code).await;
    }

    async fn answer(&self, method: &str, code: &str) {
        let body = (MANAGER, method, "u", "o", code);
        self.stage
            .call(LOGIN, MANAGER_PATH, MOCK, "AddMethod", &body)
            .await;
    }

    pub(crate) async fn set(&self, path: &str, interface: &str, property: &str, value: Value<'_>) {
        let body = (interface, HashMap::from([(property, value)]));
        self.stage
            .call(LOGIN, path, MOCK, "UpdateProperties", &body)
            .await;
    }

    async fn set_locked(&self, locked: bool) {
        self.set(SESSION_PATH, SESSION, "LockedHint", locked.into())
            .await;
    }

    async fn signal_session(&self, signal: &str) {
        self.stage
            .emit(LOGIN, SESSION_PATH, SESSION, signal, "", vec![])
            .await;
    }

    /// Which session of this user the person sees.
    async fn set_display(&self, session: &str, path: &str) {
        let path = zbus::zvariant::ObjectPath::try_from(path).unwrap();
        let display = Value::from((session, path));
        let body = ("org.freedesktop.login1.User", "Display", display);
        let properties = "org.freedesktop.DBus.Properties";
        self.stage
            .call(LOGIN, USER_PATH, properties, "Set", &body)
            .await;
    }

    async fn signal_manager(&self, signal: &str, session: &str, path: &str) {
        let path = zbus::zvariant::ObjectPath::try_from(path).unwrap();
        let arguments = vec![session.into(), path.into()];
        self.stage
            .emit(LOGIN, MANAGER_PATH, MANAGER, signal, "so", arguments)
            .await;
    }

    async fn prepare_for_sleep(&self, begins: bool) {
        let arguments = vec![begins.into()];
        self.stage
            .emit(
                LOGIN,
                MANAGER_PATH,
                MANAGER,
                "PrepareForSleep",
                "b",
                arguments,
            )
            .await;
    }

    /// How many inhibitors are held.
    async fn held(&self) -> usize {
        let reply = self
            .stage
            .call(LOGIN, MANAGER_PATH, MANAGER, "ListInhibitors", &())
            .await;
        let held: Vec<Inhibitor> = reply.body().deserialize().unwrap();
        assert!(
            held.iter()
                .all(|held| held.0 == "sleep" && held.3 == "delay")
        );
        held.len()
    }

    /// Waits until so many inhibitors are held.
    async fn inhibitors(&self, expected: usize) {
        let look = async {
            while self.held().await != expected {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .expect("the number of inhibitors");
    }
}

#[tokio::test]
async fn c1_the_locked_hint_is_read_and_followed() {
    let logind = Logind::start().await;
    logind.set_locked(true).await;
    let mut heard = Heard::from(logind.surroundings());
    assert_eq!(heard.next().await, Event::Locked(true));
    for locked in [false, true, false] {
        logind.set_locked(locked).await;
        assert_eq!(heard.next().await, Event::Locked(locked));
    }
}

/// A screen of X's that somebody may work at, and who listens there.
struct Desk {
    logind: Logind,
    heard: Heard,
    display: String,
    _server: Running,
}

impl Desk {
    async fn start() -> Self {
        let (server, display) = x_server();
        let logind = Logind::start().await;
        let surroundings = Surroundings {
            x_display: Some(display.clone()),
            ..logind.surroundings()
        };
        let heard = logind.heard_in(surroundings).await;
        heard.taken("X11 idle counter").await;
        Self {
            logind,
            heard,
            display,
            _server: server,
        }
    }

    /// Somebody asks for the screen to be locked, which counts at once.
    async fn request_lock(&mut self) {
        self.logind.signal_session("Lock").await;
        assert_eq!(self.heard.next().await, Event::Locked(true));
    }

    async fn is_worked_at_until(&mut self, expected: Event) {
        self.heard.works_until(expected, &self.display).await;
    }
}

#[tokio::test]
async fn c1_a_request_to_lock_counts_until_somebody_says_open() {
    let mut desk = Desk::start().await;
    desk.request_lock().await;
    desk.logind.signal_session("Unlock").await;
    assert_eq!(desk.heard.next().await, Event::Locked(false));
}

#[tokio::test]
async fn c1_an_unconfirmed_request_to_lock_ends_when_input_returns_after_an_absence() {
    let mut desk = Desk::start().await;
    move_pointer(&desk.display);
    desk.request_lock().await;
    desk.heard.sensors.watch_idle(Duration::from_secs(1));
    assert!(desk.heard.next_idle().await.is_some());
    move_pointer(&desk.display);
    assert_eq!(desk.heard.next().await, Event::Locked(false));
}

/// A locker that does not say that it locked, let alone that it opened again.
#[tokio::test]
async fn c1_an_unconfirmed_request_to_lock_ends_when_somebody_works_on() {
    let mut desk = Desk::start().await;
    desk.heard.sensors.watch_idle(Duration::from_mins(3));
    desk.request_lock().await;
    desk.is_worked_at_until(Event::Locked(false)).await;

    // After a sleep the request is an old one.
    desk.request_lock().await;
    desk.logind.prepare_for_sleep(false).await;
    assert_eq!(desk.heard.next().await, Event::Sleeping(false));
    desk.is_worked_at_until(Event::Locked(false)).await;
}

#[tokio::test]
async fn c1_a_session_in_the_background_is_reported() {
    let logind = Logind::start().await;
    let mut heard = logind.heard().await;
    for away in [true, false] {
        logind
            .set(SESSION_PATH, SESSION, "Active", (!away).into())
            .await;
        assert_eq!(heard.next().await, Event::SwitchedAway(away));
    }
}

#[tokio::test]
async fn sleep_waits_for_the_goodbye() {
    let logind = Logind::start().await;
    let mut heard = Heard::from(logind.surroundings());
    logind.inhibitors(1).await;
    // Said too early, it does not let go of the next sleep.
    heard.sensors.sleep_ready();

    for _ in 0..2 {
        let begun = Instant::now();
        logind.prepare_for_sleep(true).await;
        assert_eq!(heard.next().await, Event::Sleeping(true));
        let held = logind.held().await;
        assert!(held == 1 || begun.elapsed() > HOLD_SLEEP_FOR);
        heard.sensors.sleep_ready();
        logind.inhibitors(0).await;
        logind.prepare_for_sleep(false).await;
        assert_eq!(heard.next().await, Event::Sleeping(false));
        logind.inhibitors(1).await;
    }
}

#[tokio::test]
async fn sleep_is_held_back_for_a_moment_only() {
    let logind = Logind::start().await;
    let mut heard = Heard::from(logind.surroundings());
    logind.inhibitors(1).await;
    logind.prepare_for_sleep(true).await;
    assert_eq!(heard.next().await, Event::Sleeping(true));
    logind.inhibitors(0).await;
}

#[tokio::test]
async fn a_logind_that_goes_before_the_computer_woke_leaves_nobody_asleep() {
    let logind = Logind::start().await;
    let mut heard = Heard::from(logind.surroundings());
    logind.inhibitors(1).await;
    logind.prepare_for_sleep(true).await;
    assert_eq!(heard.next().await, Event::Sleeping(true));
    drop(logind.mock);
    assert_eq!(heard.next().await, Event::Sleeping(false));
}

#[tokio::test]
async fn the_session_is_found_by_process_and_by_user() {
    let logind = Logind::start().await;
    let unnamed = || Surroundings {
        session_id: None,
        ..logind.surroundings()
    };
    let heard = Heard::from(unnamed());
    let reason = heard.skipped("logind session").await.unwrap();
    assert!(reason.contains("no session of ours"), "{reason}");

    logind.set_display("c1", SESSION_PATH).await;
    logind.answer_path("GetUserByPID", USER_PATH).await;
    let heard = Heard::from(unnamed());
    assert_eq!(heard.skipped("logind session").await, None);

    logind.answer_path("GetSessionByPID", SESSION_PATH).await;
    logind.answer("GetUserByPID", "raise Exception()").await;
    let heard = Heard::from(unnamed());
    assert_eq!(heard.skipped("logind session").await, None);
}

/// A companion that the user's service manager starts may run before its session, and outlive it.
#[tokio::test]
async fn c1_a_session_that_comes_later_or_anew_is_followed() {
    let logind = Logind::start().await;
    logind.answer_path("GetUserByPID", USER_PATH).await;
    let mut heard = Heard::from(Surroundings {
        session_id: None,
        ..logind.surroundings()
    });
    let reason = heard.skipped("logind session").await.unwrap();
    assert!(reason.contains("no graphical session"), "{reason}");
    logind.set_locked(true).await;
    logind.set_display("c1", SESSION_PATH).await;
    assert_eq!(heard.next().await, Event::Locked(true));
    logind.inhibitors(1).await;
    logind
        .set(SESSION_PATH, SESSION, "Active", false.into())
        .await;
    assert_eq!(heard.next().await, Event::SwitchedAway(true));

    // The person leaves, and comes again.
    logind.set_display("", "/").await;
    logind
        .signal_manager("SessionRemoved", "c1", SESSION_PATH)
        .await;
    assert_eq!(heard.next().await, Event::Locked(false));
    assert_eq!(heard.next().await, Event::SwitchedAway(false));
    let reason = heard.skipped("logind session").await.unwrap();
    assert!(reason.contains("no graphical session"), "{reason}");
    let session = ("c2", "seat0", 0u32, "ada", true);
    logind
        .stage
        .call(LOGIN, MANAGER_PATH, MOCK, "AddSession", &session)
        .await;
    let next = "/org/freedesktop/login1/session/c2";
    logind.answer_path("GetSessionByPID", next).await;
    logind.signal_manager("SessionNew", "c2", next).await;
    heard.taken("logind session").await;
    logind.inhibitors(1).await;
    logind.set(next, SESSION, "LockedHint", true.into()).await;
    assert_eq!(heard.next().await, Event::Locked(true));
}

/// The bus hands nothing on to anybody while one subscription is full.
#[tokio::test]
async fn c1_a_lock_is_heard_after_many_came_and_went() {
    let logind = Logind::start().await;
    let mut heard = logind.heard().await;
    for number in 0..100 {
        let other = format!("o{number}");
        let path = format!("/org/freedesktop/login1/session/{other}");
        logind.signal_manager("SessionNew", &other, &path).await;
        logind.set_display(&other, &path).await;
    }
    logind.set_locked(true).await;
    assert_eq!(heard.next().await, Event::Locked(true));
}

#[tokio::test]
async fn a_logind_that_comes_later_and_goes_again_is_followed() {
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let mut heard = Heard::from(Surroundings {
        session_bus: Some("unix:path=/nonexistent".to_owned()),
        system_bus: Some(address),
        session_id: Some("c1".to_owned()),
        ..Surroundings::default()
    });
    let reason = heard.skipped("logind session").await.unwrap();
    assert!(reason.contains("not running"), "{reason}");
    let mock = stage
        .mock(&["--system", "--template", "logind"], LOGIN)
        .await;
    heard.taken("logind session").await;
    drop(mock);
    let _mock = stage
        .mock(&["--system", "--template", "logind"], LOGIN)
        .await;
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn another_process_cannot_speak_for_logind() {
    let logind = Logind::start().await;
    logind.set_locked(true).await;
    let mut heard = Heard::from(logind.surroundings());
    assert_eq!(heard.next().await, Event::Locked(true));
    logind.inhibitors(1).await;

    let changed: HashMap<&str, Value<'_>> = HashMap::from([("LockedHint", false.into())]);
    let body = (SESSION, changed, Vec::<&str>::new());
    for (path, interface, member) in [
        (
            SESSION_PATH,
            "org.freedesktop.DBus.Properties",
            "PropertiesChanged",
        ),
        (SESSION_PATH, SESSION, "Unlock"),
    ] {
        for name in unique_names(&logind.stage).await {
            logind
                .stage
                .connection
                .emit_signal(Some(name.as_str()), path, interface, member, &body)
                .await
                .unwrap();
        }
    }
    logind.prepare_for_sleep(true).await;
    assert_eq!(heard.next().await, Event::Sleeping(true));
}

async fn unique_names(stage: &Stage) -> Vec<String> {
    let bus = zbus::fdo::DBusProxy::new(&stage.connection).await.unwrap();
    let names = bus.list_names().await.unwrap().into_iter();
    let names = names.map(|name| name.to_string());
    names.filter(|name| name.starts_with(':')).collect()
}

/// The session bus with screen savers.
fn on_session_bus(address: &str) -> Surroundings {
    Surroundings {
        session_bus: Some(address.to_owned()),
        system_bus: Some("unix:path=/nonexistent".to_owned()),
        ..Surroundings::default()
    }
}

async fn freedesktop_saver(stage: &Stage, active: bool) -> Running {
    let path = "/org/freedesktop/ScreenSaver";
    let mock = stage
        .mock(&["--session", FREEDESKTOP, path, FREEDESKTOP], FREEDESKTOP)
        .await;
    let code = if active { "ret = True" } else { "ret = False" };
    let body = (FREEDESKTOP, "GetActive", "", "b", code);
    stage
        .call(FREEDESKTOP, path, MOCK, "AddMethod", &body)
        .await;
    mock
}

async fn gnome_saver(stage: &Stage) -> Running {
    let template = ["--session", "--template", "gnome_screensaver"];
    stage.mock(&template, GNOME).await
}

async fn set_gnome(stage: &Stage, active: bool) {
    let body = (active,);
    stage
        .call(GNOME, "/org/gnome/ScreenSaver", GNOME, "SetActive", &body)
        .await;
}

#[tokio::test]
async fn c1_both_screen_savers_are_heard_and_either_locks() {
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let _freedesktop = freedesktop_saver(&stage, true).await;
    let _gnome = gnome_saver(&stage).await;
    let mut heard = Heard::from(on_session_bus(&address));
    assert_eq!(heard.next().await, Event::Locked(true));
    heard.taken(GNOME).await;

    set_gnome(&stage, true).await;
    stage
        .emit(
            FREEDESKTOP,
            "/org/freedesktop/ScreenSaver",
            FREEDESKTOP,
            "ActiveChanged",
            "b",
            vec![false.into()],
        )
        .await;
    set_gnome(&stage, false).await;
    assert_eq!(heard.next().await, Event::Locked(false));
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn c1_a_screen_saver_that_comes_later_is_heard_and_one_that_dies_no_longer_locks() {
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let mut heard = Heard::from(on_session_bus(&address));
    for name in [FREEDESKTOP, GNOME] {
        assert_eq!(heard.skipped(name).await.as_deref(), Some("not running"));
    }
    let gnome = gnome_saver(&stage).await;
    heard.taken(GNOME).await;
    set_gnome(&stage, true).await;
    assert_eq!(heard.next().await, Event::Locked(true));
    drop(gnome);
    assert_eq!(heard.next().await, Event::Locked(false));
}

#[tokio::test]
async fn a_bus_that_dies_leaves_nobody_locked() {
    let (daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let _mock = freedesktop_saver(&stage, true).await;
    let mut heard = Heard::from(on_session_bus(&address));
    assert_eq!(heard.next().await, Event::Locked(true));
    drop(daemon);
    assert_eq!(heard.next().await, Event::Locked(false));
    let reason = heard.skipped(FREEDESKTOP).await.unwrap();
    assert!(reason.contains("gone"), "{reason}");
}
