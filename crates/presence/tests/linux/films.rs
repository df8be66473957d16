//! What keeps the screen awake, and what fills it: films and presentations (C1).

use std::collections::HashMap;

use hither_presence::{Event, Surroundings};
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;
use zbus::zvariant::Value;

use crate::locks::{LOGIN, Logind, MANAGER, MANAGER_PATH, MOCK};
use crate::support::{Heard, Running, Stage, bus, within, x_server};

const WINDOWS: &str = "X11 window states";

impl Logind {
    /// Says what it holds back from the start on: nothing.
    async fn with_inhibitors() -> Self {
        let logind = Self::start().await;
        let property = (MANAGER, "BlockInhibited", Value::from(""));
        let stage = &logind.stage;
        stage
            .call(LOGIN, MANAGER_PATH, MOCK, "AddProperty", &property)
            .await;
        logind
    }

    /// A player of this person holds these back.
    async fn hold(&self, held: &str) {
        let me = rustix::process::getuid().as_raw();
        let list = format!("ret = [('{held}', 'player', 'a film', 'block', {me}, 7)]");
        let body = (MANAGER, "ListInhibitors", "", "a(ssssuu)", list);
        self.stage
            .call(LOGIN, MANAGER_PATH, MOCK, "AddMethod", &body)
            .await;
        self.set(MANAGER_PATH, MANAGER, "BlockInhibited", held.into())
            .await;
    }
}

#[tokio::test]
async fn a_film_is_heard_through_logind_and_a_long_build_is_not() {
    let logind = Logind::with_inhibitors().await;
    let mut heard = Heard::from(logind.surroundings());
    heard.taken("logind inhibitors").await;
    for (held, inhibited) in [
        ("shutdown:sleep:idle", None),
        ("sleep:idle", Some(true)),
        ("", Some(false)),
    ] {
        logind.hold(held).await;
        if let Some(inhibited) = inhibited {
            assert_eq!(heard.next().await, Event::Inhibited(inhibited));
        }
    }
}

const POWER: &str = "org.freedesktop.PowerManagement";
const INHIBIT_PATH: &str = "/org/freedesktop/PowerManagement/Inhibit";
const INHIBIT: &str = "org.freedesktop.PowerManagement.Inhibit";
const POLICY_PATH: &str = "/org/kde/Solid/PowerManagement/PolicyAgent";
const POLICY: &str = "org.kde.Solid.PowerManagement.PolicyAgent";

/// The power management of a desktop, which answers that something is held back.
async fn power_management(stage: &Stage) -> Running {
    let arguments = ["--session", POWER, INHIBIT_PATH, INHIBIT];
    let mock = stage.mock(&arguments, POWER).await;
    has_inhibit(stage, false).await;
    mock
}

async fn has_inhibit(stage: &Stage, inhibited: bool) {
    let code = if inhibited {
        "ret = True"
    } else {
        "ret = False"
    };
    let body = (INHIBIT, "HasInhibit", "", "b", code);
    stage
        .call(POWER, INHIBIT_PATH, MOCK, "AddMethod", &body)
        .await;
    let said = vec![inhibited.into()];
    stage
        .emit(POWER, INHIBIT_PATH, INHIBIT, "HasInhibitChanged", "b", said)
        .await;
}

fn on_session_bus(address: &str) -> Surroundings {
    Surroundings {
        session_bus: Some(address.to_owned()),
        system_bus: Some("unix:path=/nonexistent".to_owned()),
        ..Surroundings::default()
    }
}

#[tokio::test]
async fn a_film_is_heard_through_the_desktops_power_management() {
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let mut heard = Heard::from(on_session_bus(&address));
    let reason = heard.skipped("desktop power management").await.unwrap();
    assert_eq!(reason, "not running");
    let xfce = power_management(&stage).await;
    heard.taken("desktop power management").await;
    for inhibited in [true, false, true] {
        has_inhibit(&stage, inhibited).await;
        assert_eq!(heard.next().await, Event::Inhibited(inhibited));
    }
    drop(xfce);
    assert_eq!(heard.next().await, Event::Inhibited(false));
}

/// It keeps apart what keeps the screen awake and what only keeps the computer awake.
#[tokio::test]
async fn a_download_on_plasma_is_no_film() {
    let (_daemon, address) = bus();
    let stage = Stage::on(&address).await;
    let _plasma = power_management(&stage).await;
    let hold = async |policies: u32| {
        let code = format!("ret = bool(args[0] & {policies})");
        let body = (POLICY, "HasInhibition", "u", "b", code);
        stage
            .call(POWER, POLICY_PATH, MOCK, "AddMethod", &body)
            .await;
        has_inhibit(&stage, policies & 1 != 0).await;
        // What was added, and what was removed.
        let said = vec![
            Value::from(Vec::<(&str, &str)>::new()),
            Value::from(Vec::<&str>::new()),
        ];
        stage
            .emit(
                POWER,
                POLICY_PATH,
                POLICY,
                "InhibitionsChanged",
                "a(ss)as",
                said,
            )
            .await;
    };
    let agent = (
        POLICY_PATH,
        POLICY,
        HashMap::<&str, Value<'_>>::new(),
        Vec::<(&str, &str, &str, &str)>::new(),
    );
    stage
        .call(POWER, INHIBIT_PATH, MOCK, "AddObject", &agent)
        .await;
    hold(1).await;
    let mut heard = Heard::from(on_session_bus(&address));
    heard.taken("desktop power management").await;
    hold(1 | 4).await;
    assert_eq!(heard.next().await, Event::Inhibited(true));
    hold(1).await;
    assert_eq!(heard.next().await, Event::Inhibited(false));
    assert!(heard.nothing_more());
}

/// A desk with a window manager, and somebody who opens windows on it.
struct Desk {
    connection: RustConnection,
    root: Window,
    _manager: Running,
    server: Running,
    display: String,
}

impl Desk {
    async fn start() -> Self {
        let (server, display) = x_server();
        let manager = Running::start(
            std::process::Command::new("openbox")
                .env("DISPLAY", &display)
                .stderr(std::process::Stdio::null()),
        );
        let (connection, screen) = RustConnection::connect(Some(&display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let desk = Self {
            connection,
            root,
            _manager: manager,
            server,
            display,
        };
        let check = desk.atom("_NET_SUPPORTING_WM_CHECK");
        within("a window manager", || {
            let found = desk
                .connection
                .get_property(false, root, check, AtomEnum::WINDOW, 0, 1);
            found.unwrap().reply().unwrap().value_len > 0
        })
        .await;
        desk
    }

    fn atom(&self, name: &str) -> Atom {
        let asked = self.connection.intern_atom(false, name.as_bytes()).unwrap();
        asked.reply().unwrap().atom
    }

    fn open(&self) -> Window {
        let window = self.connection.generate_id().unwrap();
        let (kind, aux) = (WindowClass::INPUT_OUTPUT, CreateWindowAux::new());
        self.connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                window,
                self.root,
                9,
                9,
                99,
                99,
                0,
                kind,
                0,
                &aux,
            )
            .unwrap();
        self.connection.map_window(window).unwrap();
        self.connection.flush().unwrap();
        window
    }

    fn close(&self, window: Window) {
        self.connection.destroy_window(window).unwrap();
        self.connection.flush().unwrap();
    }

    /// Asks the window manager, as programs do.
    fn fill_the_screen(&self, window: Window, fill: bool) {
        let state = [
            u32::from(fill),
            self.atom("_NET_WM_STATE_FULLSCREEN"),
            0,
            1,
            0,
        ];
        let message = ClientMessageEvent::new(32, window, self.atom("_NET_WM_STATE"), state);
        let to = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection
            .send_event(false, self.root, to, message)
            .unwrap();
        self.connection.flush().unwrap();
    }

    async fn is_active(&self, window: Window) {
        let name = self.atom("_NET_ACTIVE_WINDOW");
        within("the active window", || {
            let asked =
                self.connection
                    .get_property(false, self.root, name, AtomEnum::WINDOW, 0, 1);
            let active = asked.unwrap().reply().unwrap();
            active.value32().and_then(|mut it| it.next()) == Some(window)
        })
        .await;
    }
}

#[tokio::test]
async fn c1_what_fills_the_screen_while_something_keeps_it_awake_is_a_presentation() {
    let desk = Desk::start().await;
    let logind = Logind::with_inhibitors().await;
    let mut heard = Heard::from(Surroundings {
        x_display: Some(desk.display.clone()),
        ..logind.surroundings()
    });
    heard.taken(WINDOWS).await;
    heard.taken("logind inhibitors").await;

    // A film in a window, and the same as large as the screen.
    let film = desk.open();
    desk.is_active(film).await;
    logind.hold("idle").await;
    assert_eq!(heard.next().await, Event::Inhibited(true));
    for fills in [true, false, true] {
        desk.fill_the_screen(film, fills);
        assert_eq!(heard.next().await, Event::Presenting(fills));
    }
    // Something else comes to the front for a while.
    let other = desk.open();
    assert_eq!(heard.next().await, Event::Presenting(false));
    desk.close(other);
    assert_eq!(heard.next().await, Event::Presenting(true));
    // One after the other is one presentation.
    let next = desk.open();
    desk.fill_the_screen(next, true);
    desk.is_active(next).await;
    desk.close(next);
    desk.is_active(film).await;
    // It ends, though it still fills the screen; the next one begins there.
    for on in [false, true] {
        logind.hold(if on { "idle" } else { "" }).await;
        let mut told = [heard.next().await, heard.next().await];
        told.sort_by_key(|event| matches!(event, Event::Presenting(_)));
        assert_eq!(told, [Event::Inhibited(on), Event::Presenting(on)]);
    }
    desk.close(film);
    assert_eq!(heard.next().await, Event::Presenting(false));
    assert!(heard.nothing_more());
}

#[tokio::test]
async fn c1_a_presentation_ends_with_its_x_server() {
    let desk = Desk::start().await;
    let logind = Logind::with_inhibitors().await;
    logind.hold("idle").await;
    let film = desk.open();
    desk.fill_the_screen(film, true);
    let mut heard = Heard::from(Surroundings {
        x_display: Some(desk.display.clone()),
        ..logind.surroundings()
    });
    assert_eq!(heard.next().await, Event::Inhibited(true));
    assert_eq!(heard.next().await, Event::Presenting(true));
    drop(desk.server);
    let told = [heard.next().await, heard.next().await];
    assert!(told.contains(&Event::Presenting(false)), "{told:?}");
    let reason = heard.skipped(WINDOWS).await.unwrap();
    assert!(reason.contains("does not tell"), "{reason}");
}

#[tokio::test]
async fn c1_where_no_presentation_can_be_noticed_the_person_is_told_why() {
    let wayland = Heard::from(Surroundings {
        wayland: true,
        x_display: Some(":1".to_owned()),
        ..Surroundings::default()
    });
    let reason = wayland.skipped(WINDOWS).await.unwrap();
    assert!(reason.contains("Wayland"), "{reason}");
    let nothing = Heard::from(Surroundings::default());
    let reason = nothing.skipped(WINDOWS).await.unwrap();
    assert!(reason.contains("no X server"), "{reason}");
}
