//! The window and the cage: real programs on a real screen.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use hither_protocol::PublishRequest;
use serde_json::{Value, json};
use system_tests::desktop::{Desktop, Panel};
use system_tests::program::{Process, program};
use system_tests::server::{Publisher, Server, plain};
use system_tests::sink::Sink;
use system_tests::window::{Window, running_on};
use system_tests::{SOON, wait_for, wait_for_async};

const ACCOUNT: &str = "ada";
const PASSWORD: &str = "correct horse battery staple";

/// Everything that a page can ask the network for while it loads, each under a name of its own.
/// `ALONE` gets a server of its own, because preconnecting shows only as a connection.
const HOSTILE: &str = r#"<!doctype html>
<html manifest="http://SINK/manifest"><head>
<link rel="preconnect" href="http://ALONE/">
<link rel="dns-prefetch" href="http://SINK/dns">
<link rel="stylesheet" href="http://SINK/stylesheet">
<link rel="icon" href="http://SINK/icon">
<link rel="prefetch" href="http://SINK/prefetch">
<link rel="preload" as="image" href="http://SINK/preload">
<link rel="modulepreload" href="http://SINK/module">
<style>
  @import url(http://SINK/import);
  @font-face { font-family: f; src: url(http://SINK/font); }
  body { background: url(http://SINK/background); font-family: f, sans-serif; }
  li { list-style-image: url(http://SINK/bullet); }
</style></head><body>
<h1>You have won</h1><ul><li>text</li></ul>
<img src="http://SINK/img"><img srcset="http://SINK/srcset 1x">
<picture><source srcset="http://SINK/source"><img></picture>
<svg width="9" height="9"><image href="http://SINK/svg" width="9" height="9"/></svg>
<input type="image" src="http://SINK/input">
<video src="http://SINK/video" poster="http://SINK/poster" preload="auto"></video>
<audio src="http://SINK/audio" preload="auto"></audio>
<object data="http://SINK/object"></object><embed src="http://SINK/embed">
<iframe src="http://SINK/frame"></iframe>
<iframe srcdoc="<img src='http://SINK/srcdoc'>"></iframe>
<form id="form" action="http://SINK/form" target="out"><iframe name="out"></iframe></form>
<script src="http://SINK/script"></script>
<script>
  fetch('http://SINK/fetch');
  navigator.sendBeacon('http://SINK/beacon');
  new WebSocket('ws://SINK/websocket');
  document.getElementById('form').submit();
</script>
</body></html>"#;

/// Leaves for good, so it has a page of its own.
const LEAVING: &str = r#"<!doctype html>
<meta http-equiv="refresh" content="0; url=http://SINK/refresh"><p>Wait a moment</p>"#;

/// What a window without a cage must give away, or the page proves nothing.
const MUST_LEAK: [&str; 12] = [
    "/stylesheet",
    "/import",
    "/background",
    "/img",
    "/srcset",
    "/svg",
    "/poster",
    "/frame",
    "/script",
    "/fetch",
    "/form",
    "/websocket",
];

/// A desktop that goes when all that ran on it is gone: web engines outlive their window for a
/// moment, and write into its folders.
struct Screen(Desktop);

impl Screen {
    fn start() -> Self {
        Self(Desktop::start(Panel::None).unwrap())
    }
}

impl core::ops::Deref for Screen {
    type Target = Desktop;

    fn deref(&self) -> &Desktop {
        &self.0
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            nothing_runs_on(self, "the end of all that was started");
        }
    }
}

/// A page's reports about itself: one sink for what it asks for, one for where it only connects.
struct Ears {
    sink: Sink,
    alone: Sink,
}

impl Ears {
    fn open() -> Self {
        Self {
            sink: Sink::open(),
            alone: Sink::open(),
        }
    }

    fn page(&self, page: &str) -> String {
        page.replace("SINK", &self.sink.address())
            .replace("ALONE", &self.alone.address())
    }

    fn heard(&self) -> BTreeSet<String> {
        let alone = self
            .alone
            .visits()
            .into_iter()
            .map(|visit| format!("alone: {visit}"));
        self.sink.visits().into_iter().chain(alone).collect()
    }
}

/// `hither --rich` with a page handed over; its first line is read.
fn cage(desktop: &Desktop, html: &str) -> (Process, String) {
    let handover = json!({ "publisher": "Harbour Bank", "title": "Your statement", "html": html, "text": "the text" });
    cage_with(desktop.command(program("hither").get_program()), &handover)
}

fn cage_with(mut hither: Command, handover: &Value) -> (Process, String) {
    let mut process = Process::start(hither.arg("--rich"));
    let mut input = process.input().unwrap();
    writeln!(input, "{handover}").unwrap();
    // Closing it would close the window.
    std::mem::forget(input);
    let said = process
        .lines()
        .unwrap()
        .next()
        .unwrap_or_else(|| Ok(String::new()))
        .unwrap();
    (process, said)
}

/// The page in a window without a cage.
fn probe(
    desktop: &Desktop,
    words: &[&str],
    html: &str,
) -> (Process, impl Iterator<Item = String> + use<>) {
    let mut probe = desktop.command(program("examples/cage-probe").get_program());
    let mut process = Process::start(probe.args(words));
    process.input().unwrap().write_all(html.as_bytes()).unwrap();
    let lines = process.lines().unwrap().map_while(Result::ok);
    (process, lines)
}

/// A picture for people to look at, where somebody wants one, of a screen that has come to rest.
fn picture(desktop: &Desktop, name: &str) {
    let Some(folder) = env::var_os("HITHER_TEST_PICTURES") else {
        return;
    };
    let path = PathBuf::from(folder).join(format!("{name}.png"));
    let mut before = Vec::new();
    wait_for("a screen that has come to rest", SOON, || {
        desktop.screenshot(&path).unwrap();
        let now = fs::read(&path).unwrap();
        let still = now == before;
        before = now;
        still.then_some(())
    });
}

#[test]
fn f5_a_caged_page_reaches_nothing_and_the_same_page_outside_does() {
    let desktop = Screen::start();
    let (caged, free) = (Ears::open(), Ears::open());
    let mut open = Vec::new();
    for page in [HOSTILE, LEAVING] {
        let (process, said) = cage(&desktop, &caged.page(page));
        assert_eq!(
            said, "shown page",
            "the page is on screen, every layer in place"
        );
        open.push(process);
    }
    picture(&desktop, "cage-hostile");

    // The caged pages have all the time that the free ones need to give everything away.
    let (hostile, mut lines) = probe(&desktop, &["raw"], &free.page(HOSTILE));
    let (leaving, _lines) = probe(&desktop, &["raw"], &free.page(LEAVING));
    assert_eq!(lines.next().unwrap(), "loaded");
    let wanted = MUST_LEAK.map(str::to_owned).into_iter();
    let wanted: BTreeSet<_> = wanted
        .chain(["/refresh", "alone: connected"].map(str::to_owned))
        .collect();
    let mut missing = wanted.clone();
    wait_for("the window without a cage to leak", SOON, || {
        let silent: BTreeSet<_> = wanted.difference(&free.heard()).cloned().collect();
        if silent != missing {
            eprintln!("not leaked yet: {silent:?}");
            missing = silent;
        }
        missing.is_empty().then_some(())
    });
    open.extend([hostile, leaving]);

    assert_eq!(
        caged.heard(),
        BTreeSet::new(),
        "what a caged page gave away"
    );
}

#[test]
fn f5_clicks_in_a_caged_page_lead_nowhere() {
    let desktop = Screen::start();
    let ears = Ears::open();
    let everywhere = "position:fixed;inset:0;display:block;background:#cde";
    let page = format!(r#"<a href="http://SINK/link" style="{everywhere}">a link</a>"#);
    let targets = [
        page.clone(),
        page.replace("<a ", r#"<a target="_blank" "#),
        page.replace("<a ", r"<a download "),
        format!(
            r#"<form action="http://SINK/form"><button style="{everywhere}">send</button></form>"#
        ),
    ];
    for target in targets {
        let (mut process, said) = cage(&desktop, &ears.page(&target));
        assert_eq!(said, "shown page");
        let frame = wait_for("the window", SOON, || {
            find_window(&desktop, "^Harbour Bank")
        });
        // The second click shows that the first is over; the last that all are.
        for button in ["1", "2", "1"] {
            xdotool(
                &desktop,
                &[
                    "mousemove",
                    "--window",
                    &frame,
                    "100",
                    "100",
                    "click",
                    button,
                ],
            );
        }
        assert!(
            find_window(&desktop, "^Harbour Bank").is_some(),
            "it still shows the page"
        );
        process.kill();
        wait_for("an empty screen", SOON, || {
            find_window(&desktop, "^Harbour Bank")
                .is_none()
                .then_some(())
        });
    }
    assert_eq!(ears.heard(), BTreeSet::new());
}

#[test]
fn f5_no_command_answers_a_window_that_no_capability_names() {
    let desktop = Screen::start();
    let capability = fs::read_to_string(root().join("src-tauri/capabilities/main.json")).unwrap();
    let capability: Value = serde_json::from_str(&capability).unwrap();
    assert_eq!(capability["windows"], json!(["main"]), "exact labels only");
    let permissions = capability["permissions"].as_array().unwrap();
    let commands: Vec<String> = permissions
        .iter()
        .filter_map(|permission| permission.as_str()?.strip_prefix("allow-"))
        .map(|command| command.replace('-', "_"))
        .chain(
            [
                "plugin:event|listen",
                "plugin:event|emit",
                "plugin:window|close",
                "plugin:webview|create_webview_window",
                "plugin:app|version",
            ]
            .map(str::to_owned),
        )
        .collect();
    assert!(commands.len() >= 10, "{commands:?}");

    let outcomes = invoke_all(&desktop, "h5-0123456789abcdef", &commands);
    for (command, outcome) in commands.iter().zip(&outcomes) {
        assert!(
            outcome.starts_with(command) && outcome.contains("not allowed"),
            "{outcome}"
        );
    }
    assert_eq!(outcomes.len(), commands.len());
    // The same page under the main window's name is answered, so the refusal is the capability's.
    let outcomes = invoke_all(&desktop, "main", &["open_link".to_owned()]);
    assert!(
        outcomes[0].contains("Only web and mail addresses"),
        "{outcomes:?}"
    );
}

/// What each command answers to a page with scripts on, in a window of this label.
fn invoke_all(desktop: &Desktop, label: &str, commands: &[String]) -> Vec<String> {
    let page = r"<!doctype html><script>
        const words = { url: 'file:///etc/passwd', id: '0197a000-0000-7000-8000-000000000000',
            command: { type: 'quit' }, query: { type: 'page', before: null, unread_only: false, limit: 1 },
            event: 'news', target: { kind: 'Any' }, handler: 1, payload: null, label: 'main', options: {} };
        const ask = (command) => window.__TAURI_INTERNALS__.invoke(command, words)
            .then((answer) => 'ANSWERED ' + JSON.stringify(answer), (error) => String(error));
        // A title holds no more than a thousand characters.
        (async () => {
            for (const command of COMMANDS) {
                document.title = command + ' -> ' + (await ask(command)).slice(0, 200);
            }
        })();
        </script>";
    let page = page.replace("COMMANDS", &json!(commands).to_string());
    let (_process, lines) = probe(desktop, &["invoke", label], &page);
    let outcomes = lines.filter(|line| line.contains(" -> "));
    outcomes.take(commands.len()).collect()
}

#[test]
fn f5_where_a_layer_is_missing_the_text_is_shown() {
    let desktop = Screen::start();
    let mut hither = desktop.command(program("hither").get_program());
    // The engine compiles its network filter in a file.
    hither.env("TMPDIR", "/nonexistent");
    let ears = Ears::open();
    let handover = json!({ "publisher": "CI", "title": "t", "html": ears.page(HOSTILE), "text": "a <b> text" });
    let (process, said) = cage_with(hither, &handover);
    assert_eq!(said, "shown text");
    picture(&desktop, "cage-text");
    drop(process);
    assert_eq!(ears.heard(), BTreeSet::new());
}

#[test]
fn a_caged_window_ends_with_whoever_opened_it() {
    let desktop = Screen::start();
    let mut hither = desktop.command(program("hither").get_program());
    let mut process = Process::start(hither.arg("--rich"));
    let mut input = process.input().unwrap();
    let page = json!({ "publisher": "CI", "title": "t", "html": "<p>x", "text": "" });
    writeln!(input, "{page}").unwrap();
    assert_eq!(
        process.lines().unwrap().next().unwrap().unwrap(),
        "shown page"
    );
    assert!(
        running_on(&desktop).len() >= 3,
        "itself and two of the engine"
    );
    drop(input);
    nothing_runs_on(&desktop, "its end");
}

#[test]
fn what_is_not_a_rich_message_opens_no_window() {
    let desktop = Screen::start();
    for input in ["", "\n", "{}\n", "[1]\n", "not json"] {
        let mut hither = desktop.command(program("hither").get_program());
        let hither = hither
            .arg("--rich")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = hither.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success(), "{input:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("does not hand over a rich message"), "{said}");
    }
}

/// A person's computer with nothing started yet, and a server with an account for them.
struct Home {
    desktop: Screen,
    server: Server,
    publisher: Publisher,
    data: PathBuf,
    _folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let desktop = Screen::start();
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        server.add_account(ACCOUNT, PASSWORD);
        let publisher = server.add_publisher("Harbour Bank");
        let data = desktop.home().join("hither");
        Self {
            desktop,
            server,
            publisher,
            data,
            _folder: folder,
        }
    }

    fn publish(&self, title: &str, more: impl FnOnce(&mut PublishRequest)) -> String {
        let mut request = plain(ACCOUNT, title);
        request.body = format!("The text of {title}.");
        more(&mut request);
        self.publisher.publish(title, &request).to_string()
    }

    async fn window(&self, words: &[&str]) -> Window {
        Window::open(&self.desktop, &self.data, words)
            .await
            .unwrap()
    }

    async fn signed_in(&self) -> Window {
        let window = self.window(&[]).await;
        self.sign_in(&window, PASSWORD).await;
        window.wait_for_text("h1", "Inbox").await;
        window
    }

    async fn sign_in(&self, window: &Window, password: &str) {
        window.fill("#server", self.server.url()).await.unwrap();
        window.fill("#account", ACCOUNT).await.unwrap();
        window.fill("#password", password).await.unwrap();
        window.click("form button").await.unwrap();
    }

    /// Runs `hither WORDS…` to its end.
    fn hither(&self, words: &[&str]) -> String {
        let mut hither = self.desktop.command(program("hither").get_program());
        let output = hither
            .arg("--data")
            .arg(&self.data)
            .args(words)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Another device of the same person: its access token.
    fn session(&self) -> String {
        let device = json!({ "name": "Ada's phone", "platform": "web", "kind": "mobile" });
        let application = json!({ "name": "hither", "version": "1.0.0" });
        let request = json!({ "account": ACCOUNT, "password": PASSWORD, "device": device,
            "application": application });
        let url = format!("{}/v1/sessions", self.server.url());
        let mut answer = ureq::post(url).send_json(request).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    fn get(&self, token: &str, path: &str) -> Value {
        let asked = ureq::get(format!("{}{path}", self.server.url()));
        let mut answer = asked
            .header("authorization", format!("Bearer {token}"))
            .call()
            .unwrap();
        answer.body_mut().read_json().unwrap()
    }

    fn put(&self, token: &str, path: &str, what: &Value) {
        let asked = ureq::put(format!("{}{path}", self.server.url()));
        asked
            .header("authorization", format!("Bearer {token}"))
            .send_json(what)
            .unwrap();
    }

    /// What the companion knows.
    fn status(&self) -> Value {
        serde_json::from_str(&self.hither(&["status", "--json"])).unwrap()
    }
}

impl Drop for Home {
    /// The companion is nobody's child: it is asked to end, and ended when it does not.
    fn drop(&mut self) {
        if std::thread::panicking() {
            picture(&self.desktop, "window-failed");
        }
        for (id, _) in running_on(&self.desktop) {
            if let Some(id) = i32::try_from(id)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
            {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
        }
    }
}

#[tokio::test]
async fn f7_sign_in_see_a_message_read_it_open_its_page_and_close_without_a_trace() {
    let home = Home::new();
    let window = home.window(&[]).await;
    home.sign_in(&window, "wrong").await;
    window
        .wait_for_text("[role=alert]", "Name or password is not right")
        .await;
    picture(&home.desktop, "window-wrong-password");
    home.sign_in(&window, PASSWORD).await;
    window
        .wait_for_text("[role=listbox], [role=status]", "")
        .await;
    window.wait_for_text("h1", "Inbox").await;

    let html = "<!doctype html><body style='font-family:sans-serif;background:#eef4ff'><h1>Your statement</h1><p>Balance: <b>1,204.50</b>";
    home.publish("Your statement", |message| {
        message.html = Some(html.to_owned());
    });
    window
        .wait_for_text("[role=option] .unread .title", "Your statement")
        .await;
    picture(&home.desktop, "window-list");

    home.desktop.input().unwrap();
    window.click("[role=option]").await.unwrap();
    window
        .wait_for_text("[role=article]", "The text of Your statement.")
        .await;
    window.wait_for("[role=option] .row:not(.unread)").await;
    wait_for("the companion to count it as read", SOON, || {
        (home.status()["glance"]["unread"] == 0).then_some(())
    });
    picture(&home.desktop, "window-reading");

    window.click(".rich button").await.unwrap();
    wait_for("the caged window", SOON, || {
        find_window(&home.desktop, "^Harbour Bank — Your statement$")
    });
    picture(&home.desktop, "window-rich");

    wait_until_in_front(&home.desktop, "Harbour Bank — Your statement");
    let frame = find_window(&home.desktop, "^Hither$").unwrap();
    xdotool(
        &home.desktop,
        &["windowactivate", "--sync", &frame, "key", "alt+F4"],
    );
    wait_for("only the companion to run", SOON, || {
        let running = running_on(&home.desktop);
        let names: Vec<_> = running.iter().map(|(_, name)| name.as_str()).collect();
        (names == ["hither-companio"]).then_some(())
    });
    assert_eq!(
        home.status()["connection"]["state"],
        "online",
        "the companion is unmoved"
    );
}

#[tokio::test]
async fn c4_settings_are_changed_by_keys_and_the_server_has_them() {
    let home = Home::new();
    let window = home.signed_in().await;
    let phone = home.session();
    let settings = || home.get(&phone, "/v1/settings");
    assert_eq!(settings()["idle_after_ms"], 180_000);

    let frame = wait_for("the window", SOON, || {
        find_window(&home.desktop, "^Hither$")
    });
    let keys = |keys: &[&str]| {
        let press = ["windowfocus", "--sync", &frame, "key", "--delay", "40"];
        xdotool(&home.desktop, &[&press, keys].concat());
    };
    keys(&["ctrl+comma"]);
    window.wait_for("#idle-after").await;
    picture(&home.desktop, "window-settings");
    window.focus("#idle-after").await.unwrap();
    keys(&["Home", "Right", "Right", "Right"]);
    window.wait_for_text("#idle-hint", "After 30 seconds").await;
    wait_for("the server to have it", SOON, || {
        (settings()["idle_after_ms"] == 30_000).then_some(())
    });
    window.wait_for_text(".saved", "Saved").await;

    window.focus("ul + button").await.unwrap();
    keys(&["Return"]);
    window.focus("#from-0").await.unwrap();
    keys(&["ctrl+a", "2", "1", "3", "0", "Tab", "ctrl+a", "6", "Tab"]);
    wait_for("the server to have the quiet time", SOON, || {
        let expected = json!([{ "from": "21:30:00", "to": "06:00:00" }]);
        (settings()["quiet_times"] == expected).then_some(())
    });
    picture(&home.desktop, "window-settings-changed");

    // Another device.
    let mut theirs = settings();
    theirs["idle_after_ms"] = json!(600_000);
    home.put(&phone, "/v1/settings", &theirs);
    window.wait_for_text("#idle-hint", "After 10 minutes").await;

    for (part, says) in [(2, "High"), (3, "App lock"), (4, "What tells")] {
        let button = format!(".settings nav button:nth-child({part})");
        window.click(&button).await.unwrap();
        window.wait_for_text(".sheet", says).await;
        picture(&home.desktop, &format!("window-settings-{part}"));
    }
    keys(&["Escape"]);
    window.wait_for("main:not([inert])").await;
}

#[tokio::test]
async fn c4_a_change_right_before_the_window_is_closed_reaches_the_server() {
    let home = Home::new();
    let window = home.signed_in().await;
    let phone = home.session();
    let frame = wait_for("the window", SOON, || {
        find_window(&home.desktop, "^Hither$")
    });
    let keys = |keys: &[&str]| {
        let press = ["windowactivate", "--sync", &frame, "key", "--delay", "40"];
        xdotool(&home.desktop, &[&press, keys].concat());
    };
    keys(&["ctrl+comma"]);
    window.focus("#idle-after").await.unwrap();
    // Sooner than changes are saved by themselves.
    keys(&["Home", "Right", "Right", "Right", "alt+F4"]);
    wait_for("the server to have it", SOON, || {
        (home.get(&phone, "/v1/settings")["idle_after_ms"] == 30_000).then_some(())
    });
    wait_for("only the companion to run", SOON, || {
        let running = running_on(&home.desktop);
        let names: Vec<_> = running.iter().map(|(_, name)| name.as_str()).collect();
        (names == ["hither-companio"]).then_some(())
    });
}

#[tokio::test]
async fn c11_f7_why_it_alerted_here_a_large_page_and_a_file() {
    let home = Home::new();
    let window = home.signed_in().await;
    home.desktop.input().unwrap();
    wait_for("somebody at the computer", SOON, || {
        (home.status()["presence"]["state"] == "active").then_some(())
    });
    let file = b"%PDF-1.4 not much of a statement".repeat(20_000);
    let upload = home.publisher.upload("statement.pdf", &file);
    let row = "<tr><td>2026-11-22<td>Corner shop<td>12.40".repeat(10_000);
    let html = format!(
        "<!doctype html><body style='background:#00ff00'><h1>Your statement</h1><table>{row}</table>"
    );
    home.publish("Your statement", |message| {
        message.html = Some(html);
        message.attachments = vec![upload];
    });
    window
        .wait_for_text("[role=option] .title", "Your statement")
        .await;
    window.click("[role=option]").await.unwrap();
    window
        .wait_for_text("summary", "Alerted on this computer: you were there")
        .await;
    picture(&home.desktop, "window-why");
    window.click("summary").await.unwrap();
    window.wait_for_text("details li", "you were there").await;
    picture(&home.desktop, "window-why-open");

    window.click(".attachments button").await.unwrap();
    window
        .wait_for_text(".attachments [role=status]", "Saved:")
        .await;
    let saved = home.desktop.home().join("Downloads/statement.pdf");
    assert!(fs::read(&saved).unwrap() == file, "{}", saved.display());
    picture(&home.desktop, "window-saved");

    window.click(".rich button").await.unwrap();
    wait_for("the caged window", SOON, || {
        find_window(&home.desktop, "^Harbour Bank — Your statement$")
    });
    let colour = "-window root -crop 1x1+700+400 -depth 8 txt:-".split(' ');
    wait_for("the whole page on screen", SOON, || {
        let import = home.desktop.command("import").args(colour.clone()).output();
        let seen = String::from_utf8(import.unwrap().stdout).unwrap();
        seen.to_ascii_uppercase().contains("#00FF00").then_some(())
    });
    picture(&home.desktop, "window-rich-large");
}

#[tokio::test]
async fn f7_the_window_opens_at_a_message_and_a_second_start_raises_it_there() {
    let home = Home::new();
    drop(home.signed_in().await);
    wait_for("the window's end", SOON, || {
        find_window(&home.desktop, "^Hither$")
            .is_none()
            .then_some(())
    });
    let first = home.publish("First", |_| ());
    let second = home.publish("Second", |_| ());
    wait_for("both to be here", SOON, || {
        (home.status()["glance"]["unread"] == 2).then_some(())
    });
    let window = home.window(&["--open", &first]).await;
    window.wait_for_text("[role=article] h1", "First").await;
    home.hither(&["--open", &second]);
    window.wait_for_text("[role=article] h1", "Second").await;
    let windows = running_on(&home.desktop)
        .into_iter()
        .filter(|(_, name)| name == "hither");
    assert_eq!(windows.count(), 1, "one window");
}

#[tokio::test]
async fn f7_signing_out_closes_rich_messages_and_returns_to_the_sign_in_page() {
    let home = Home::new();
    let window = home.signed_in().await;
    home.publish("Private", |message| {
        message.html = Some("<h1>secret".to_owned());
    });
    window.click("[role=option]").await.unwrap();
    window.click(".rich button").await.unwrap();
    wait_for("the caged window", SOON, || {
        find_window(&home.desktop, "Private$")
    });
    home.hither(&["signout"]);
    window.wait_for("#password").await;
    wait_for("its end", SOON, || {
        find_window(&home.desktop, "Private$")
            .is_none()
            .then_some(())
    });
}

#[tokio::test]
async fn c1_a_locked_window_shows_nothing_until_the_passphrase() {
    let home = Home::new();
    let window = home.signed_in().await;
    home.publish("Private", |message| {
        message.html = Some("<h1>secret".to_owned());
    });
    window.click("[role=option]").await.unwrap();
    window.click(".rich button").await.unwrap();
    wait_for("the caged window", SOON, || {
        find_window(&home.desktop, "Private$")
    });

    // It takes the focus a moment after it is there, and a menu closes without.
    wait_until_in_front(&home.desktop, "Private");
    window.click("[aria-haspopup=menu]").await.unwrap();
    window.click("[role=menuitem]:nth-child(2)").await.unwrap();
    window.fill("#app-lock-passphrase", "2580").await.unwrap();
    window.fill("#app-lock-again", "2580").await.unwrap();
    window.click("dialog button.primary").await.unwrap();
    wait_for("an app lock", SOON, || {
        (!home.status()["app_lock"].is_null()).then_some(())
    });
    home.hither(&["lock"]);
    window.wait_for("#passphrase").await;
    picture(&home.desktop, "window-locked");
    assert!(!window.says("Private").await.unwrap());
    wait_for("the end of the caged window", SOON, || {
        find_window(&home.desktop, "Private$")
            .is_none()
            .then_some(())
    });

    window.fill("#passphrase", "2580").await.unwrap();
    window.click("form button.primary").await.unwrap();
    window.wait_for("[role=option]").await;
}

#[tokio::test]
async fn f1_quit_ends_all_of_it() {
    let home = Home::new();
    let window = home.signed_in().await;
    home.hither(&["quit"]);
    nothing_runs_on(&home.desktop, "the end of companion and window");
    drop(window);
}

#[tokio::test]
async fn a_window_whose_companion_died_says_so_and_starts_it_again() {
    let home = Home::new();
    let window = home.signed_in().await;
    let companion = running_on(&home.desktop)
        .into_iter()
        .find(|(_, name)| name == "hither-companio");
    let (id, _) = companion.unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    window
        .wait_for_text("[role=alert]", "background part stopped")
        .await;
    picture(&home.desktop, "window-lost");
    window.click("[role=alert] button").await.unwrap();
    window.wait_for_text("h1", "Inbox").await;
    wait_for_async("the companion to be back", SOON, async || {
        (home.status()["connection"]["state"] == "online").then_some(())
    })
    .await;
}

fn nothing_runs_on(desktop: &Desktop, what: &str) {
    wait_for(what, SOON, || running_on(desktop).is_empty().then_some(()));
}

fn find_window(desktop: &Desktop, title: &str) -> Option<String> {
    let search = ["search", "--onlyvisible", "--name", title];
    let output = desktop.command("xdotool").args(search).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    found.lines().next().map(str::to_owned)
}

/// Waits until the window whose title ends so has the focus.
fn wait_until_in_front(desktop: &Desktop, title: &str) {
    wait_for(&format!("{title} in front"), SOON, || {
        let mut xdotool = desktop.command("xdotool");
        let output = xdotool.args(["getactivewindow", "getwindowname"]).output();
        let name = String::from_utf8(output.unwrap().stdout).unwrap();
        name.trim_end().ends_with(title).then_some(())
    });
}

fn xdotool(desktop: &Desktop, words: &[&str]) {
    assert!(
        desktop
            .command("xdotool")
            .args(words)
            .status()
            .unwrap()
            .success(),
        "{words:?}"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
