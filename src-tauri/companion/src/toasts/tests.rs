//! Pop-ups on a real notification daemon (F6).

use std::collections::HashMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use hither_engine::{Toast, ToastEvent, ToastKey};
use hither_protocol::{Action, Priority};
use tokio::sync::mpsc;
use zbus::zvariant::OwnedValue;

use super::Toasts;
use super::linux::{MARK_READ, Notifications, escaped};
use crate::stage::{PATIENCE, Running, Stage, until};
use crate::tray::tests::id;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const DUNST: &str = "org.dunstproject.cmd0";

const DUNSTRC: &str = "[global]
width = 300
origin = top-left
offset = 0x0
mouse_left_click = do_action, close_current
idle_threshold = 0
markup = full
dmenu = PICK
";

/// Stands in for the person in the menu of actions: picks the line that begins with the choice.
const PICK: &str = "#!/bin/sh
exec grep -m1 -F \"#$(cat CHOICE)\"
";

/// dunst on a stage, and our pop-ups on it.
struct Shown {
    stage: Stage,
    dunst: Option<Running>,
    toasts: Toasts,
}

impl Shown {
    async fn without_daemon() -> Self {
        let stage = Stage::set().await;
        let toasts = Toasts::start_with(Notifications::on(&stage.address));
        Self {
            stage,
            dunst: None,
            toasts,
        }
    }

    /// The process dies, and the next one begins.
    fn crash(&mut self) {
        let file = self.stage.folder.path().join("pop-ups.json");
        let notifications = Notifications::on(&self.stage.address).keeping(file);
        self.toasts = Toasts::start_with(notifications);
    }

    async fn on_dunst() -> Self {
        let mut shown = Self::without_daemon().await;
        shown.start_dunst().await;
        shown
    }

    async fn start_dunst(&mut self) {
        self.start_dunst_with(DUNSTRC).await;
    }

    async fn start_dunst_with(&mut self, config: &str) {
        let pick = self.stage.folder.path().join("pick");
        std::fs::write(
            &pick,
            PICK.replace("CHOICE", self.choice().to_str().unwrap()),
        )
        .unwrap();
        std::fs::set_permissions(&pick, Permissions::from_mode(0o700)).unwrap();
        let text = config.replace("PICK", pick.to_str().unwrap());
        let config = self.stage.folder.path().join("dunstrc");
        std::fs::write(&config, text).unwrap();
        let mut command = self.stage.command("dunst");
        command.arg("-conf").arg(config).stderr(Stdio::null());
        self.dunst = Some(Running::start(&mut command));
        self.stage.owned(NAME).await;
    }

    /// What a pop-up reports next, but for its end.
    async fn next(&mut self) -> ToastEvent {
        loop {
            match self.next_of_all().await {
                ToastEvent::Dismissed(_) | ToastEvent::Expired(_) => {}
                event => return event,
            }
        }
    }

    async fn next_of_all(&mut self) -> ToastEvent {
        let next = tokio::time::timeout(PATIENCE, self.toasts.next_event()).await;
        next.expect("a pop-up reports").unwrap()
    }

    async fn show(&mut self, toast: Toast) {
        let key = toast.key.clone();
        self.toasts.show(toast);
        assert_eq!(self.next().await, ToastEvent::Up { key, stays: true });
    }

    /// Waits until so many are on the screen.
    async fn on_screen(&self, expected: u32) {
        until(&format!("{expected} on the screen"), || async {
            self.property("displayedLength").await == expected
        })
        .await;
    }

    async fn property(&self, name: &'static str) -> u32 {
        let body = (DUNST, name);
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self.call(properties, "Get", &body).await;
        let value: OwnedValue = reply.body().deserialize().unwrap();
        value.try_into().unwrap()
    }

    async fn call(
        &self,
        interface: &str,
        method: &str,
        body: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) -> zbus::Message {
        let connection = &self.stage.connection;
        let call = connection.call_method(Some(NAME), PATH, Some(interface), method, body);
        call.await.unwrap()
    }

    /// Another program's pop-up, which stays for as long as they usually do there.
    async fn notify_as_usual(&self) {
        let (actions, hints) = (Vec::<&str>::new(), HashMap::<&str, OwnedValue>::new());
        let body = ("Other", 0_u32, "", "Passes", "", actions, hints, -1);
        self.call(NAME, "Notify", &body).await;
    }

    /// The default action of the pop-up at this place, as `dunstctl action`.
    async fn click(&self, place: u32) {
        self.call(DUNST, "NotificationAction", &(place,)).await;
    }

    /// An action by its label, from dunst's menu, as `dunstctl context`.
    async fn pick(&self, label: &str) {
        std::fs::write(self.choice(), label).unwrap();
        self.call(DUNST, "ContextMenuCall", &()).await;
    }

    fn choice(&self) -> PathBuf {
        self.stage.folder.path().join("choice")
    }

    /// Summary and body of what was shown before, newest first.
    async fn history(&self) -> Vec<(String, String)> {
        let reply = self.call(DUNST, "NotificationListHistory", &()).await;
        let body = reply.body();
        let rows: Vec<HashMap<String, OwnedValue>> = body.deserialize().unwrap();
        let text = |row: &HashMap<String, OwnedValue>, field: &str| {
            String::try_from(row[field].try_clone().unwrap()).unwrap()
        };
        let rows = rows
            .iter()
            .map(|row| (text(row, "summary"), text(row, "body")));
        rows.collect()
    }
}

fn toast(n: u8, title: &str) -> Toast {
    Toast {
        key: ToastKey::Message(id(n)),
        about: vec![id(n)],
        title: title.to_owned(),
        body: "1 < 2 & <b>not bold</b>".to_owned(),
        publisher: "CI".to_owned(),
        priority: Priority::Default,
        actions: vec![action("retry"), action("default"), action("third")],
    }
}

fn action(id: &str) -> Action {
    Action {
        id: id.to_owned(),
        label: format!("Label of {id}"),
        url: None,
    }
}

#[tokio::test]
async fn f6_a_click_opens_exactly_that_message() {
    let mut shown = Shown::on_dunst().await;
    shown.show(toast(1, "Build failed")).await;
    shown.on_screen(1).await;
    shown.stage.click(50, 20);
    let clicked = ToastEvent::Clicked(ToastKey::Message(id(1)));
    assert_eq!(shown.next().await, clicked);
    shown.on_screen(0).await;
}

#[tokio::test]
async fn f6_markup_is_escaped_for_daemons_that_read_it() {
    let table = [
        ("full", "CI\n1 &lt; 2 &amp; &lt;b&gt;not bold&lt;/b&gt;"),
        ("no", "CI\n1 < 2 & <b>not bold</b>"),
    ];
    for (markup, body) in table {
        let mut shown = Shown::without_daemon().await;
        let config = DUNSTRC.replace("markup = full", &format!("markup = {markup}"));
        shown.start_dunst_with(&config).await;
        shown.show(toast(1, "Build failed")).await;
        shown.on_screen(1).await;
        shown.call(DUNST, "NotificationCloseAll", &()).await;
        shown.on_screen(0).await;
        let text = ("Build failed".to_owned(), body.to_owned());
        assert_eq!(shown.history().await, [text], "markup = {markup}");
    }
}

#[tokio::test]
async fn f6_actions_come_back_with_their_message() {
    let mut shown = Shown::on_dunst().await;
    let key = ToastKey::Message(id(1));
    let chosen = |action: &str| ToastEvent::Chosen(ToastKey::Message(id(1)), action.to_owned());
    let table = [
        ("Open", ToastEvent::Clicked(key)),
        ("Label of retry", chosen("retry")),
        ("Label of default", chosen("default")),
        ("Mark read", chosen(MARK_READ)),
    ];
    for (label, expected) in table {
        shown.show(toast(1, "Build failed")).await;
        shown.on_screen(1).await;
        shown.pick(label).await;
        assert_eq!(shown.next().await, expected);
    }
}

#[tokio::test]
async fn f6_the_same_key_replaces_and_withdrawing_takes_down() {
    let mut shown = Shown::on_dunst().await;
    for title in ["Build 1", "Build 2", "Build 3"] {
        shown.show(toast(1, title)).await;
    }
    shown.on_screen(1).await;
    shown.show(toast(2, "Another")).await;
    shown.on_screen(2).await;
    shown.toasts.withdraw(ToastKey::Message(id(1)));
    shown.on_screen(1).await;
    shown.toasts.withdraw(ToastKey::Message(id(1)));
    shown.toasts.withdraw(ToastKey::Summary);
    shown.toasts.withdraw_all().await;
    shown.on_screen(0).await;
    let titles = shown.history().await.into_iter().map(|(title, _)| title);
    assert_eq!(titles.collect::<Vec<_>>(), ["Another", "Build 3"]);
}

#[tokio::test]
async fn f6_one_the_person_closed_is_shown_anew() {
    let mut shown = Shown::on_dunst().await;
    shown.show(toast(1, "Build 1")).await;
    shown.call(DUNST, "NotificationCloseAll", &()).await;
    shown.on_screen(0).await;
    shown.show(toast(1, "Build 2")).await;
    shown.on_screen(1).await;
    shown.click(0).await;
    assert_eq!(
        shown.next().await,
        ToastEvent::Clicked(ToastKey::Message(id(1)))
    );
}

#[tokio::test]
async fn a_pop_up_outlives_the_daemons_own_time_for_pop_ups() {
    let mut shown = Shown::without_daemon().await;
    let short = "[urgency_normal]\ntimeout = 1\n";
    shown.start_dunst_with(&format!("{DUNSTRC}{short}")).await;
    shown.show(toast(1, "Stays")).await;
    for _ in 0..2 {
        shown.notify_as_usual().await;
        shown.on_screen(2).await;
        shown.on_screen(1).await;
    }
    shown.call(DUNST, "NotificationCloseAll", &()).await;
    let dismissed = ToastEvent::Dismissed(ToastKey::Message(id(1)));
    assert_eq!(shown.next_of_all().await, dismissed);
    // What is withdrawn is no news.
    shown.show(toast(4, "Withdrawn")).await;
    shown.toasts.withdraw(ToastKey::Message(id(4)));
    shown.on_screen(0).await;
    shown.toasts.show(toast(5, "Next"));
    let up = ToastEvent::Up {
        key: ToastKey::Message(id(5)),
        stays: true,
    };
    assert_eq!(shown.next_of_all().await, up);
}

#[tokio::test]
async fn what_a_crash_left_on_the_screen_is_found_and_taken_over() {
    let mut shown = Shown::on_dunst().await;
    // From here on with a file.
    shown.crash();
    let summary = Toast {
        key: ToastKey::Summary,
        about: vec![id(2), id(3)],
        ..toast(2, "2 while you were away")
    };
    shown.show(summary).await;
    shown.show(toast(1, "Build")).await;
    shown.on_screen(2).await;
    for _ in 0..2 {
        shown.crash();
        let mut found = Vec::new();
        for _ in 0..2 {
            match shown.next().await {
                ToastEvent::Found(one) => found.push(one),
                other => panic!("{other:?}"),
            }
        }
        found.sort_by_key(|one| one.about.len());
        let expected = [(vec![id(1)], true), (vec![id(2), id(3)], true)];
        let found: Vec<_> = found
            .into_iter()
            .map(|one| (one.about, one.stays))
            .collect();
        assert_eq!(found, expected);
    }
    // In its own place, and heard of again.
    shown.show(toast(1, "Build")).await;
    shown.on_screen(2).await;
    shown.toasts.withdraw(ToastKey::Summary);
    shown.on_screen(1).await;
    shown.click(0).await;
    let clicked = ToastEvent::Clicked(ToastKey::Message(id(1)));
    assert_eq!(shown.next().await, clicked);
    shown.toasts.withdraw(ToastKey::Message(id(1)));
    shown.on_screen(0).await;
    // Another daemon has none of it.
    shown.show(toast(4, "Build")).await;
    shown.dunst = None;
    shown.start_dunst().await;
    shown.crash();
    shown.show(toast(5, "Next")).await;
    shown.on_screen(1).await;
    shown.toasts.withdraw_all().await;
    shown.on_screen(0).await;
    let file = shown.stage.folder.path().join("pop-ups.json");
    until("nothing is kept", || async { !file.exists() }).await;
}

#[tokio::test]
async fn f6_without_a_daemon_showing_fails_in_plain_words() {
    let mut shown = Shown::without_daemon().await;
    shown.toasts.show(toast(1, "Build failed"));
    let expected = "No notification daemon runs on this desktop.";
    let failed = ToastEvent::Failed(ToastKey::Message(id(1)), expected.to_owned());
    assert_eq!(shown.next().await, failed);

    shown.start_dunst().await;
    shown.show(toast(1, "Build failed")).await;
    shown.on_screen(1).await;
}

#[tokio::test]
async fn f6_without_a_bus_showing_fails_in_plain_words() {
    let mut toasts = Toasts::start_with(Notifications::on("unix:path=/nonexistent"));
    toasts.show(toast(1, "Build failed"));
    match toasts.next_event().await {
        Some(ToastEvent::Failed(_, why)) => assert!(why.contains("no session bus"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn f6_a_hung_daemon_is_not_waited_for() {
    let mut shown = Shown::on_dunst().await;
    shown.show(toast(1, "Build 1")).await;
    let dunst = shown.dunst.take().unwrap();
    dunst.signal("STOP");
    shown.toasts.show(toast(2, "Build 2"));
    let expected = "The desktop's notifications do not answer.".to_owned();
    let failed = ToastEvent::Failed(ToastKey::Message(id(2)), expected);
    assert_eq!(shown.next().await, failed);
    dunst.signal("CONT");
    shown.show(toast(3, "Build 3")).await;
    // What it shows late is nobody's any more.
    shown.on_screen(2).await;
    shown.toasts.withdraw(ToastKey::Message(id(1)));
    shown.on_screen(1).await;
}

#[tokio::test]
async fn f6_a_new_daemon_starts_from_nothing() {
    let mut shown = Shown::on_dunst().await;
    shown.show(toast(1, "Build 1")).await;
    shown.dunst = None;
    shown.start_dunst().await;
    // Somebody else's pop-up has the id ours had.
    let nobody: HashMap<&str, OwnedValue> = HashMap::new();
    let body = (
        "other",
        0u32,
        "",
        "Theirs",
        "",
        vec!["default", "Open"],
        nobody,
        0i32,
    );
    shown.call(NAME, "Notify", &body).await;
    shown.on_screen(1).await;
    shown.click(0).await;
    shown.show(toast(1, "Build 2")).await;
    shown.on_screen(2).await;
}

/// Two that are gone, in either order.
async fn two_are_gone(shown: &mut Shown) {
    let mut gone = [shown.next_of_all().await, shown.next_of_all().await];
    gone.sort_by_key(|event| format!("{event:?}"));
    let expired = [1, 2].map(|n| ToastEvent::Expired(ToastKey::Message(id(n))));
    assert_eq!(gone, expired);
}

#[tokio::test]
async fn a_daemon_that_ends_takes_its_pop_ups_with_it_and_says_nothing() {
    let mut shown = Shown::on_dunst().await;
    for n in [1, 2] {
        shown.show(toast(n, "Build")).await;
    }
    shown.dunst = None;
    two_are_gone(&mut shown).await;
    shown.start_dunst().await;
    shown.show(toast(1, "Build")).await;
    shown.on_screen(1).await;
    // Each is told once.
    shown.toasts.withdraw(ToastKey::Message(id(1)));
    shown.toasts.show(toast(3, "Next"));
    let key = ToastKey::Message(id(3));
    let up = ToastEvent::Up { key, stays: true };
    assert_eq!(shown.next_of_all().await, up);
}

#[tokio::test]
async fn the_end_of_the_bus_is_the_end_of_every_pop_up() {
    let mut shown = Shown::on_dunst().await;
    for n in [1, 2] {
        shown.show(toast(n, "Build")).await;
    }
    shown.stage.bus.signal("KILL");
    two_are_gone(&mut shown).await;
}

/// A daemon that says its name and notes with what timeout it was asked.
struct Named {
    name: &'static str,
    timeouts: mpsc::UnboundedSender<i32>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Named {
    #[expect(clippy::unused_self, reason = "a method on the bus")]
    fn get_capabilities(&self) -> Vec<String> {
        Vec::new()
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        (self.name, "", "", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "as the specification says")]
    fn notify(
        &self,
        app: &str,
        replaces: u32,
        icon: &str,
        title: &str,
        body: &str,
        actions: Vec<&str>,
        hints: HashMap<&str, OwnedValue>,
        timeout: i32,
    ) -> u32 {
        let _ = (app, replaces, icon, title, body, actions, hints);
        self.timeouts.send(timeout).unwrap();
        7
    }
}

#[tokio::test]
async fn only_patient_daemons_are_asked_to_leave_a_pop_up_and_only_the_hand_dismisses() {
    let key = || ToastKey::Message(id(1));
    for (name, timeout) in [("notify-osd", -1), ("gnome-shell", -1), ("other", 0)] {
        let mut shown = Shown::without_daemon().await;
        let (timeouts, mut asked) = mpsc::unbounded_channel();
        let bus = &shown.stage.connection;
        let daemon = Named { name, timeouts };
        bus.object_server().at(PATH, daemon).await.unwrap();
        bus.request_name(NAME).await.unwrap();
        for (reason, end) in [
            (1_u32, ToastEvent::Expired(key())),
            (2, ToastEvent::Dismissed(key())),
            (3, ToastEvent::Expired(key())),
            (4, ToastEvent::Expired(key())),
        ] {
            shown.toasts.show(Toast {
                priority: Priority::High,
                ..toast(1, "Build")
            });
            let (key, stays) = (key(), timeout == 0);
            let up = ToastEvent::Up { key, stays };
            assert_eq!(shown.next_of_all().await, up, "{name}");
            assert_eq!(asked.recv().await, Some(timeout), "{name}");
            let bus = &shown.stage.connection;
            let body = (7_u32, reason);
            bus.emit_signal(None::<&str>, PATH, NAME, "NotificationClosed", &body)
                .await
                .unwrap();
            assert_eq!(shown.next_of_all().await, end, "{name} {reason}");
        }
    }
}

#[tokio::test]
async fn another_process_cannot_click_for_the_person() {
    let mut shown = Shown::on_dunst().await;
    shown.show(toast(1, "Build 1")).await;
    let bus = zbus::fdo::DBusProxy::new(&shown.stage.connection)
        .await
        .unwrap();
    for name in bus.list_names().await.unwrap() {
        for id in 0..10u32 {
            let body = (id, "default");
            let bus = &shown.stage.connection;
            bus.emit_signal(Some(name.as_str()), PATH, NAME, "ActionInvoked", &body)
                .await
                .unwrap();
        }
    }
    // What was forged came first: heard, it would be told before this.
    shown.show(toast(2, "Build 2")).await;
    shown.on_screen(2).await;
    shown.pick("Label of retry").await;
    assert!(matches!(shown.next().await, ToastEvent::Chosen(..)));
}

#[test]
fn markup_is_shown_as_text() {
    let text = "<a href=\"x\">a & b</a> &amp;";
    let expected = "&lt;a href=\"x\"&gt;a &amp; b&lt;/a&gt; &amp;amp;";
    assert_eq!(escaped(text), expected);
}
