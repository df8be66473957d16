//! Other people's programs publish here: curl with the recipes of ntfy's documentation, Apprise,
//! an ntfy library for Python, and every recipe of docs/publishing.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use system_tests::server::{Publisher, Server};
use tempfile::TempDir;

const PAGE: &str = include_str!("../../docs/publishing.md");

/// A server with one publisher, and a home whose curl sends its credentials.
struct Place {
    server: Server,
    publisher: Publisher,
    home: TempDir,
    _data: TempDir,
}

impl Place {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let home = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path());
        server.add_account("ada", "correct horse");
        let publisher = server.add_publisher("Recipes");
        let credentials = format!("user = \"{}\"\nsilent\n", publisher.pair());
        std::fs::write(home.path().join(".curlrc"), credentials).expect("a file");
        Self {
            server,
            publisher,
            home,
            _data: data,
        }
    }

    /// What a script prints; it must succeed.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let path = format!("{}:/usr/bin:/bin", clients().join("bin").display());
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("HITHER", self.server.url())
            .env("PUBLISHER", self.publisher.pair())
            .env("GITHUB_WORKFLOW", "tests")
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "example/project")
            .env("GITHUB_RUN_ID", "1")
            .env("GITHUB_REF_NAME", "main")
            .env("STATUS", "success")
            .current_dir(self.home.path())
            .output()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{error}");
        said
    }

    fn shell(&self, script: &str) -> String {
        self.run("bash", &["-euo", "pipefail", "-c", script])
    }

    fn python(&self, script: &str) -> String {
        self.run("python", &["-c", script])
    }

    fn newest(&self, topic: &str) -> Value {
        let address = format!("{}/{topic}/json?poll=1&since=latest", self.server.url());
        let line = self.shell(&format!("curl '{address}'"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{topic}: {error} in {line:?}"))
    }
}

/// Where `cargo xtask test` installs what the tests use of Python.
fn clients() -> PathBuf {
    let test = std::env::current_exe().expect("the system knows what it runs");
    let target = test
        .ancestors()
        .nth(3)
        .expect("a test is built into target/");
    let clients = target.join("clients");
    assert!(
        clients.join("bin/apprise").exists(),
        "{} is missing: run the tests with `cargo xtask test`",
        clients.display()
    );
    clients
}

/// Recipes of ntfy's documentation, as they are there but for the line breaks.
const NTFYS_OWN: &[(&str, &str, &str)] = &[
    (
        r#"curl -d "Backup successful 😀" ntfy.sh/mytopic"#,
        "message",
        "Backup successful 😀",
    ),
    (
        r#"curl -H "Title: Unauthorized access detected" -H "Priority: urgent" -H "Tags: warning,skull" -d "Remote access to phils-laptop detected. Act right away." ntfy.sh/phil_alerts"#,
        "priority",
        "5",
    ),
    (
        r#"curl -H "Click: https://home.nest.com/" -H "Attach: https://nest.com/view/yAxkasd.jpg" -H "Actions: http, Open door, https://api.nest.com/open/yAxkasd, clear=true" -d "There's someone at the door. 🐶

Please check if it's a good boy or a hooman.
Doggies have been known to ring the doorbell." ntfy.sh/mydoorbell"#,
        "click",
        "https://home.nest.com/",
    ),
    (
        r#"curl -H "X-Title: Dogs are better than cats" -d "Oh my ..." ntfy.sh/controversial"#,
        "title",
        "Dogs are better than cats",
    ),
    (
        r#"curl -H "t: Dogs are better than cats" -d "Oh my ..." ntfy.sh/controversial"#,
        "title",
        "Dogs are better than cats",
    ),
    (
        r#"curl -H "X-Priority: 5" -d "An urgent message" ntfy.sh/phil_alerts"#,
        "priority",
        "5",
    ),
    (
        r#"curl -H "Priority: low" -d "Low priority message" ntfy.sh/phil_alerts"#,
        "priority",
        "2",
    ),
    (
        r#"curl -H p:4 -d "A high priority message" ntfy.sh/phil_alerts"#,
        "priority",
        "4",
    ),
    (
        r#"curl -H "X-Tags: warning,mailsrv13,daily-backup" -d "Backup of mailsrv13 failed" ntfy.sh/backups"#,
        "tags",
        r#"["warning","mailsrv13","daily-backup"]"#,
    ),
    (
        r#"curl -H ta:dog -d "Dogs are awesome" ntfy.sh/backups"#,
        "tags",
        r#"["dog"]"#,
    ),
    (
        r#"curl -d "Look ma, **bold text**, *italics*, ..." -H "Markdown: yes" ntfy.sh/mytopic"#,
        "content_type",
        "text/markdown",
    ),
    (
        r#"curl ntfy.sh -d '{ "topic": "mytopic", "message": "Disk space is low at 5.1 GB", "title": "Low disk space alert", "tags": ["warning","cd"], "priority": 4, "attach": "https://filesrv.lan/space.jpg", "filename": "diskspace.jpg", "click": "https://homecamera.lan/xasds1h2xsSsa/", "actions": [{ "action": "view", "label": "Admin panel", "url": "https://filesrv.lan/admin" }] }'"#,
        "title",
        "Low disk space alert",
    ),
    ("curl ntfy.sh/mywebhook/trigger", "message", "triggered"),
    (
        r#"curl "ntfy.sh/mywebhook/publish?message=Webhook+triggered&priority=high&tags=warning,skull""#,
        "message",
        "Webhook triggered",
    ),
    (
        r#"curl -d "New messages on Reddit" -H "Click: https://www.reddit.com/message/messages" ntfy.sh/reddit_alerts"#,
        "click",
        "https://www.reddit.com/message/messages",
    ),
    (
        r#"curl -X POST -H "Attach: https://f-droid.org/F-Droid.apk" ntfy.sh/mydownloads"#,
        "message",
        "You received a file: F-Droid.apk",
    ),
    (
        r#"curl -H "Icon: https://styles.redditmedia.com/t5_32uhe/styles/communityIcon_xnt6chtnr2j21.png" -H "Title: Kodi: Resuming Playback" -H "Tags: arrow_forward" -d "The Wire, S01E01" ntfy.sh/tvshows"#,
        "icon",
        "https://styles.redditmedia.com/t5_32uhe/styles/communityIcon_xnt6chtnr2j21.png",
    ),
    (
        r#"curl -H "At: tomorrow, 10am" -d "Good morning" ntfy.sh/hello"#,
        "message",
        "Good morning",
    ),
    (
        r#"curl -H "In: 30min" -d "It's 30 minutes later now" ntfy.sh/reminder"#,
        "message",
        "It's 30 minutes later now",
    ),
    (
        r#"printf '\xff\xd8\xff\xe0' > flower.jpg; curl -T flower.jpg -H "Filename: flower.jpg" ntfy.sh/flowers"#,
        "message",
        "You received a file: flower.jpg",
    ),
    (
        r#"curl $(curl "ntfy.sh/flowers/json?poll=1" | grep -o 'http[^"]*') | od -An -tx1 | sed 's/.*/{"bytes":"&"}/'"#,
        "bytes",
        " ff d8 ff e0",
    ),
    (
        r#"curl -d "You left the house. Turn down the A/C?" -H "Actions: view, Open portal, https://home.nest.com/, clear=true; http, Turn down, https://api.nest.com/, body='{\"temperature\": 65}'" ntfy.sh/myhome"#,
        "message",
        "You left the house. Turn down the A/C?",
    ),
    (
        r#"curl -H "X-Cache: no" -d "This message won't be stored server-side" ntfy.sh/mytopic"#,
        "message",
        "This message won't be stored server-side",
    ),
    (
        r#"curl -H "X-Firebase: no" -d "This message won't be forwarded to FCM" ntfy.sh/mytopic"#,
        "message",
        "This message won't be forwarded to FCM",
    ),
    (
        r#"curl -s "ntfy.sh/mytopic/json?poll=1&since=latest&priority=high,urgent&tags=cd""#,
        "event",
        "",
    ),
    ("curl -s ntfy.sh/controversial/raw?poll=1", "", "Oh my ..."),
    (
        "curl -s ntfy.sh/phil_alerts,backups/json?poll=1",
        "",
        "mailsrv13",
    ),
];

#[test]
fn curl_with_ntfys_own_recipes() {
    let place = Place::new();
    let address = place.server.url().trim_start_matches("http://");
    for (recipe, field, expected) in NTFYS_OWN {
        let said = place.shell(&recipe.replace("ntfy.sh", address));
        if field.is_empty() {
            assert!(said.contains(expected), "{recipe}: {said}");
            continue;
        }
        let Some(line) = said.lines().next() else {
            assert!(expected.is_empty(), "{recipe} says nothing");
            continue;
        };
        let message: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{recipe}: {error} in {line}"));
        let value = match &message[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(value, *expected, "{recipe}: {line}");
    }
}

#[test]
fn apprise_as_ntfy_and_as_gotify() {
    let place = Place::new();
    let address = place.server.url().trim_start_matches("http://");
    let (pair, token) = (place.publisher.pair(), place.publisher.token());
    for (topic, url) in [
        (
            "basic",
            format!("ntfy://{pair}@{address}/basic?priority=max&tags=warning,skull"),
        ),
        (
            "token",
            format!("ntfy://{token}@{address}/token?auth=token&priority=max&tags=warning,skull"),
        ),
    ] {
        let url = format!("{url}&click=https://x.org&format=markdown");
        place.run(
            "apprise",
            &[
                "-i",
                "markdown",
                "-t",
                "Tïtle 你",
                "-b",
                "**two**\nlines",
                &url,
            ],
        );
        let message = place.newest(topic);
        assert_eq!(message["title"], "Tïtle 你", "{message}");
        assert_eq!(message["message"], "**two**\nlines");
        assert_eq!(message["priority"], 5);
        assert_eq!(message["content_type"], "text/markdown");
        assert_eq!(message["click"], "https://x.org");
        assert_eq!(message["tags"].as_array().map(Vec::len), Some(2));
    }
    let gotify = format!("gotify://{address}/{token}?priority=high");
    place.run("apprise", &["-t", "Title", "-b", "text", &gotify]);
    let script = format!(
        "! apprise -t Title -b text 'ntfy://app-1:wrong@{address}/basic' 'gotify://{address}/wrong'"
    );
    place.shell(&script);
}

#[test]
fn a_python_library_publishes_and_reads() {
    let place = Place::new();
    let said = place.python(
        r#"
import os, requests
from datetime import datetime, timedelta
from python_ntfy import MessagePriority, NtfyClient, ViewAction

name, secret = os.environ["PUBLISHER"].split(":", 1)
for topic, auth in [("one", (name, secret)), ("two", f"{name}.{secret}")]:
    client = NtfyClient(topic=topic, server=os.environ["HITHER"], auth=auth)
    sent = client.send(
        "*text*",
        title="Title",
        priority=MessagePriority.HIGH,
        tags=["fire", "warning"],
        actions=[ViewAction(label="Open", url="https://x.org")],
        format_as_markdown=True,
    )
    client.send("second")
    newest, oldest = sorted(client.get_cached_messages(), key=lambda m: m["id"], reverse=True)
    assert oldest["id"] == sent["id"], (oldest, sent)
    assert oldest["title"] == "Title" and oldest["priority"] == 4, oldest
    assert oldest["actions"][0]["label"] == "Open", oldest
    assert newest["message"] == "second", newest
    assert client.get_cached_messages(since=newest["id"]) == []
    client.send("later", schedule=datetime.now() + timedelta(hours=1))
    assert client.get_cached_messages(since=newest["id"]) == []
    waiting = client.get_cached_messages(since=newest["id"], scheduled=True)
    assert [one["message"] for one in waiting] == ["later"], waiting
    with open("photo.gif", "wb") as file:
        file.write(b"GIF89a" + bytes(40000))
    file = client.send_file("photo.gif", title="Photo")["attachment"]
    assert (file["name"], file["type"], file["size"]) == ("photo.gif", "image/gif", 40006), file
    got = requests.get(file["url"], auth=(name, secret))
    assert got.content == open("photo.gif", "rb").read(), got
    assert requests.get(file["url"]).status_code == 403
print("fine")
"#,
    );
    assert_eq!(said.trim(), "fine");
}

/// The blocks of one language in the page.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    let blocks: Vec<_> = PAGE
        .split(&begin)
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect();
    assert!(!blocks.is_empty(), "no block of {language}");
    blocks
}

#[test]
fn every_recipe_of_the_page_runs() {
    let place = Place::new();
    let shell = blocks("sh");
    assert!(shell.len() >= 14, "{}", shell.len());
    for recipe in shell {
        let said = place.run("dash", &["-eu", "-c", recipe]);
        assert!(!said.contains("\"error\""), "{recipe}: {said}");
    }
    for recipe in blocks("python") {
        place.python(recipe);
    }
    let step = blocks("yaml")[0];
    let (_, step) = step
        .split_once("run: |\n")
        .expect("a step that runs something");
    place.shell(step);

    for (topic, field, expected) in [
        ("alerts", "title", "Disk almost full"),
        ("builds", "message", "Build 17: passed"),
        ("deploys", "content_type", "text/markdown"),
        ("backups", "message", "done"),
        ("reports", "title", "Weekly report"),
        ("ci", "title", "tests: success"),
        ("grafana", "title", "[FIRING:1] DiskFull db1"),
        ("home", "message", "The washing machine is done"),
    ] {
        assert_eq!(place.newest(topic)[field], expected, "{topic}");
    }
}

#[test]
fn the_page_is_where_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let protocol = std::fs::read_to_string(root.join("docs/protocol.md")).expect("protocol.md");
    assert!(protocol.contains("publishing.md"));
}
