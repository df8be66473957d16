//! The tray icon as a panel sees it: registration, properties and menu over the bus (F1).
//!
//! The tray library finds the session bus in its environment, so the tray runs in a process of its
//! own: the example `desktop`.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};

use hither_engine::view::{Command, ConnectionView, View};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::sync::mpsc;
use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, interface, message};

use super::tests::{id, message, view};
use crate::stage::{PATIENCE, Running, Stage, until};

const ITEM: &str = "org.kde.StatusNotifierItem";
const ITEM_PATH: &str = "/StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
const MENU_PATH: &str = "/MenuBar";

/// What a panel keeps: who registered.
struct Watcher(mpsc::UnboundedSender<String>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String) {
        let _ = self.0.send(service);
    }
}

async fn panel(stage: &Stage) -> (Connection, mpsc::UnboundedReceiver<String>) {
    let (registered, items) = mpsc::unbounded_channel();
    let connection = zbus::connection::Builder::address(stage.address.as_str())
        .and_then(|builder| builder.serve_at("/StatusNotifierWatcher", Watcher(registered)))
        .and_then(|builder| builder.name("org.kde.StatusNotifierWatcher"))
        .unwrap();
    (connection.build().await.unwrap(), items)
}

/// The example `desktop`, and its tray icon as a panel finds it.
struct Shown {
    views: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    _process: Running,
}

impl Shown {
    fn on(stage: &Stage) -> Self {
        let mut command = stage.command(example().to_str().unwrap());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running::start(&mut command);
        let stdout = ChildStdout::from_std(process.take_stdout()).unwrap();
        Self {
            views: process.take_stdin(),
            said: BufReader::new(stdout).lines(),
            _process: process,
        }
    }

    fn show(&mut self, view: &View) {
        let line = serde_json::to_string(view).unwrap();
        writeln!(self.views, "{line}").unwrap();
    }

    /// The next command; what else the desktop says is passed over.
    async fn command(&mut self) -> Command {
        let next = async {
            loop {
                let line = self.said.next_line().await.unwrap().unwrap();
                if let Ok(command) = serde_json::from_str(&line) {
                    return command;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next)
            .await
            .expect("a command")
    }
}

/// Built with the tests, beside them.
fn example() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples/desktop")
}

/// A registered icon, as a panel talks with it.
struct Icon<'a> {
    stage: &'a Stage,
    service: String,
}

impl Icon<'_> {
    async fn property(&self, name: &str) -> OwnedValue {
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self.call(ITEM_PATH, properties, "Get", &(ITEM, name)).await;
        reply.body().deserialize().unwrap()
    }

    async fn tooltip(&self) -> String {
        type Pixmaps = Vec<(i32, i32, Vec<u8>)>;
        let tooltip = self.property("ToolTip").await;
        let (_, _, title, text): (String, Pixmaps, String, String) = tooltip.try_into().unwrap();
        assert_eq!(title, "Hither");
        text
    }

    async fn pixels(&self) -> Vec<u8> {
        let pixmap = self.property("IconPixmap").await;
        let mut pixmaps: Vec<(i32, i32, Vec<u8>)> = pixmap.try_into().unwrap();
        let (width, height, data) = pixmaps.pop().unwrap();
        assert_eq!((width, height, data.len()), (44, 44, 44 * 44 * 4));
        data
    }

    /// Label → id, of every line that can be chosen.
    async fn menu(&self) -> HashMap<String, i32> {
        let body = (0i32, -1i32, Vec::<&str>::new());
        let reply = self.call(MENU_PATH, MENU, "GetLayout", &body).await;
        let body = reply.body();
        let (_revision, root): (u32, Node) = body.deserialize().unwrap();
        let mut labels = HashMap::new();
        collect(root, &mut labels);
        labels
    }

    async fn click(&self, label: &str) {
        let id = self.menu().await[label];
        let body = (id, "clicked", Value::from(""), 0u32);
        self.call(MENU_PATH, MENU, "Event", &body).await;
    }

    async fn call(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) -> message::Message {
        let bus = &self.stage.connection;
        bus.call_method(
            Some(self.service.as_str()),
            path,
            Some(interface),
            method,
            body,
        )
        .await
        .unwrap()
    }
}

type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

fn collect((id, mut properties, children): Node, labels: &mut HashMap<String, i32>) {
    let enabled = properties
        .remove("enabled")
        .is_none_or(|value| value == OwnedValue::from(true));
    if let Some(label) = properties.remove("label").filter(|_| enabled) {
        labels.insert(String::try_from(label).unwrap(), id);
    }
    for child in children {
        collect(child.try_into().unwrap(), labels);
    }
}

#[tokio::test]
async fn f1_the_tray_appears_when_a_panel_does_and_its_clicks_are_commands() {
    let stage = Stage::set().await;
    let mut shown = Shown::on(&stage);
    let mut view = view();
    shown.show(&view);

    let (_panel, mut registered) = panel(&stage).await;
    let service = tokio::time::timeout(PATIENCE, registered.recv()).await;
    let service = service.expect("the icon registers").unwrap();
    let icon = &Icon {
        stage: &stage,
        service,
    };
    assert_eq!(
        icon.property("Id").await,
        OwnedValue::try_from(Value::from("hither")).unwrap()
    );
    assert_eq!(icon.tooltip().await, "nothing unread, connected");
    let quiet = icon.pixels().await;

    view.glance.unread = 1;
    view.glance.newest = vec![message(1, "R&D_x: Build & test")];
    shown.show(&view);
    let label = "CI: R&D__x: Build & test";
    until("the menu shows the message", || async {
        icon.menu().await.contains_key(label)
    })
    .await;
    until("the tooltip counts it", || async {
        icon.tooltip().await == "1 unread, connected"
    })
    .await;
    assert_ne!(icon.pixels().await, quiet);

    icon.click(label).await;
    assert_eq!(shown.command().await, Command::Open { id: Some(id(1)) });
    icon.click("Mark all as read").await;
    assert_eq!(shown.command().await, Command::MarkAllRead);
    icon.click("Until I resume").await;
    assert_eq!(shown.command().await, Command::Pause { until: None });
    icon.click("For 1 hour").await;
    let Command::Pause { until: Some(until) } = shown.command().await else {
        panic!("no pause");
    };
    assert!(until > hither_protocol::Timestamp::now());
    icon.call(ITEM_PATH, ITEM, "Activate", &(0i32, 0i32)).await;
    assert_eq!(shown.command().await, Command::Open { id: None });

    view.account = None;
    view.connection = ConnectionView::SignedOut;
    shown.show(&view);
    crate::stage::until("the menu offers to sign in", || async {
        icon.menu().await.contains_key("Sign in…")
    })
    .await;
    icon.click("Quit Hither").await;
    assert_eq!(shown.command().await, Command::Quit);

    let service = icon.service.clone();
    drop(shown.views);
    let bus = zbus::fdo::DBusProxy::new(&stage.connection).await.unwrap();
    crate::stage::until("the icon is gone", || async {
        let name = zbus::names::BusName::try_from(service.as_str()).unwrap();
        !bus.name_has_owner(name).await.unwrap()
    })
    .await;
}
