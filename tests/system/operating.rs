//! The server as operators run it: with certificates, behind proxies, under systemd.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hither_engine::view::ConnectionView;
use hither_protocol::{PublishRequest, Recipients};
use serde_json::{Value, json};
use system_tests::authority::{Authority, CertificateFiles};
use system_tests::companion::Companion;
use system_tests::program::{Process, program};
use system_tests::server::{Publisher, Server, plain};
use system_tests::{SOON, free_port, wait_for};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn tls_settings(files: &CertificateFiles) -> Vec<(&'static str, String)> {
    vec![
        ("HITHER_TLS_CERT", text(&files.cert)),
        ("HITHER_TLS_KEY", text(&files.key)),
    ]
}

/// The certificate that a server presents at this moment.
fn presented(url: &str) -> String {
    let address = url.trim_start_matches("https://");
    let output = Command::new("openssl")
        .args(["s_client", "-connect", address, "-servername", "localhost"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fingerprint(said: &str) -> String {
    let begin = said.find("-----BEGIN CERTIFICATE-----");
    let begin = begin.unwrap_or_else(|| panic!("no certificate: {said}"));
    let end = said.find("-----END CERTIFICATE-----").unwrap();
    said[begin..end].to_owned()
}

#[test]
fn a_companion_believes_an_authority_of_its_own_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Test authority");
    let files = authority.vouch(folder.path());
    let server = Server::start_with(&folder.path().join("server"), tls_settings(&files));
    assert!(server.url().starts_with("https://127.0.0.1:"));
    server.add_account("ada", PASSWORD);
    let ca = folder.path().join("authority.pem");
    authority.write(&ca);

    let stranger = folder.path().join("stranger.pem");
    Authority::new("Another authority").write(&stranger);
    for trusting in [None, Some(&stranger)] {
        let home = folder.path().join("suspicious");
        let companion = Companion::start_trusting(&home, trusting.map(PathBuf::as_path));
        let words = [
            "signin",
            "--server",
            server.url(),
            "--account",
            "ada",
            "--password-stdin",
        ];
        let (fine, said) = companion.ask(&words, PASSWORD);
        assert!(!fine, "{said}");
        assert!(
            said.contains("authority") && said.contains("--ca-file"),
            "{said}"
        );
    }

    let publisher = server.add_publisher("CI").trusting(authority.pem());
    let mut companion = Companion::start_trusting(&folder.path().join("companion"), Some(&ca));
    companion.sign_in(server.url(), "ada", PASSWORD);
    companion.wait_until_online();
    companion.somebody_is_there();
    let first = publisher.publish("first", &plain("ada", "over TLS"));
    companion.wait_for_toast(&first.to_string());

    let before = fingerprint(&presented(server.url()));
    let _ = authority.vouch(folder.path());
    wait_for("the new certificate", SOON, || {
        (fingerprint(&presented(server.url())) != before).then_some(())
    });
    let second = publisher.publish("second", &plain("ada", "after the renewal"));
    companion.wait_for_toast(&second.to_string());
    assert!(
        stayed_online(&companion),
        "the renewal dropped the connection"
    );

    fs::write(&files.cert, "half a certifi").unwrap();
    let still = fingerprint(&presented(server.url()));
    assert_ne!(still, before);
    let third = publisher.publish("third", &plain("ada", "with a broken file"));
    companion.wait_for_toast(&third.to_string());
}

#[test]
fn a_certificate_that_cannot_be_used_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("Test authority");
    let files = authority.vouch(folder.path());
    let _ = authority.vouch(&{
        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        other
    });
    let serve = |cert: &Path, key: &Path| {
        let output = program("hither-server")
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .arg("--tls-cert")
            .arg(cert)
            .arg("--tls-key")
            .arg(key)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let other = folder.path().join("other/key.pem");
    assert!(serve(&files.cert, &other).contains("does not belong"));
    assert!(serve(Path::new("/nowhere.pem"), &files.key).contains("/nowhere.pem"));
    assert!(serve(&files.key, &files.key).contains("holds no certificate"));
}

/// Whether it was online without a break since it first was.
fn stayed_online(companion: &Companion) -> bool {
    let said = companion.said();
    let states = said
        .iter()
        .filter_map(|said| said.line["view"]["connection"]["state"].as_str());
    let mut states = states.skip_while(|state| *state != "online").peekable();
    states.peek().is_some() && states.all(|state| state == "online")
}

/// A proxy's program with its recipe, in front of a real server.
struct Proxied {
    companion: Companion,
    server: Server,
    publisher: Publisher,
    url: String,
    log: PathBuf,
    proxy: Process,
    _folder: TempDir,
}

impl Proxied {
    /// `start` writes the recipe with these ports and starts it with a certificate's files.
    fn start(start: impl FnOnce(&Path, u16, &str, &CertificateFiles) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test authority");
        let files = authority.vouch(folder.path());
        let port = free_port();
        let url = format!("https://localhost:{port}");
        let log = folder.path().join("server.log");
        let settings = vec![
            ("HITHER_PUBLIC_URL", url.clone()),
            ("HITHER_TRUSTED_PROXIES", "127.0.0.1,::1".to_owned()),
            ("HITHER_LOG_FORMAT", "json".to_owned()),
            ("HITHER_LOG", "debug".to_owned()),
        ];
        let server = Server::start_logging(&folder.path().join("server"), settings, &log);
        server.add_account("ada", PASSWORD);
        let upstream = server.url().trim_start_matches("http://").to_owned();
        let mut proxy = start(folder.path(), port, &upstream, &files);
        let proxy = Process::start(&mut proxy);
        wait_for("the proxy", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let publisher = server
            .add_publisher("CI")
            .through(&url)
            .trusting(authority.pem());
        let ca = folder.path().join("authority.pem");
        authority.write(&ca);
        let companion = Companion::start_trusting(&folder.path().join("companion"), Some(&ca));
        companion.sign_in(&url, "ada", PASSWORD);
        companion.wait_until_online();
        Self {
            companion,
            server,
            publisher,
            url,
            log,
            proxy,
            _folder: folder,
        }
    }

    /// `keeps_streams` says whether they survive a reload; messages do in any case.
    fn check(mut self, keeps_streams: bool, reload: impl FnOnce(&Self)) {
        self.companion.somebody_is_there();
        let id = self
            .publisher
            .publish("one", &plain("ada", "through a proxy"));
        self.companion.wait_for_toast(&id.to_string());

        let large = PublishRequest {
            to: Recipients {
                accounts: vec!["ada".to_owned()],
                ..Recipients::default()
            },
            title: "large".to_owned(),
            html: Some(format!("<p>{}", "x".repeat(500 * 1024))),
            ..PublishRequest::default()
        };
        let id = self.publisher.publish("large", &large);
        self.companion.wait_for_toast(&id.to_string());

        let answer = self.publisher.get("/metrics");
        assert_eq!(answer.0, 404, "metrics are out in the open");
        let (_, headers) = self.publisher.get("/healthz");
        assert!(headers.contains_key("x-request-id"));
        let told = wait_for("a request in the log", SOON, || {
            let log = fs::read_to_string(&self.log).unwrap();
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut lines = lines.filter(|line| line["span"]["path"] == "/healthz");
            lines.next()
        });
        // The test's own address, as the proxy saw it; what it says of itself is not believed.
        let client = told["span"]["client"].as_str().unwrap();
        assert!(["127.0.0.1", "::1"].contains(&client), "{told}");
        let forged = self
            .publisher
            .get_with("/healthz", ("x-forwarded-for", "192.0.2.77"));
        assert_eq!(forged.0, 200);
        let log = fs::read_to_string(&self.log).unwrap();
        assert!(
            !log.contains("192.0.2.77"),
            "a made-up address was believed"
        );

        reload(&self);
        let id = self
            .publisher
            .publish("after", &plain("ada", "after the reload"));
        // By itself, or in what the companion sums up of the moment it was cut off.
        wait_for("the pop-up after the reload", SOON, || {
            let is_it = |toast: &String| *toast == id.to_string() || toast == "summary";
            self.companion.toasts().iter().any(is_it).then_some(())
        });
        assert!(
            !keeps_streams || stayed_online(&self.companion),
            "a reload of the proxy ended the stream"
        );
        assert!(self.url.starts_with("https://"));
        self.server.stop();
    }
}

impl Drop for Proxied {
    /// Asked to end, a proxy takes its own processes along.
    fn drop(&mut self) {
        let _ = self.proxy.terminate();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

#[test]
fn the_recipe_for_caddy_works() {
    let recipe = include_str!("../../docs/recipes/Caddyfile");
    let caddy = |folder: &Path| {
        let mut caddy = Command::new("caddy");
        caddy
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .stderr(Stdio::null());
        caddy
    };
    let admin = free_port();
    let proxied = Proxied::start(|folder, port, upstream, files| {
        let tls = format!("{{\n\ttls {} {}", text(&files.cert), text(&files.key));
        let site = recipe
            .replacen("hither.example {", &format!("localhost:{port} {tls}"), 1)
            .replace("127.0.0.1:7480", upstream);
        let options =
            format!("{{\n\tadmin 127.0.0.1:{admin}\n\tauto_https disable_redirects\n}}\n");
        let path = folder.join("Caddyfile");
        fs::write(&path, options + &site).unwrap();
        let mut caddy = caddy(folder);
        caddy.arg("run").arg("--config").arg(path);
        caddy
    });
    proxied.check(false, |it| {
        let folder = it.log.parent().unwrap();
        run(caddy(folder)
            .args([
                "reload",
                "--force",
                "--address",
                &format!("127.0.0.1:{admin}"),
                "--config",
            ])
            .arg(folder.join("Caddyfile")));
    });
}

#[test]
fn the_recipe_for_nginx_works() {
    let recipe = include_str!("../../docs/recipes/nginx.conf");
    let proxied = Proxied::start(|folder, port, upstream, files| {
        let site = recipe
            .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port} ssl;"))
            .replace("hither.example;", "localhost;")
            .replace("127.0.0.1:7480", upstream)
            .replace(
                "/etc/letsencrypt/live/hither.example/fullchain.pem",
                &text(&files.cert),
            )
            .replace(
                "/etc/letsencrypt/live/hither.example/privkey.pem",
                &text(&files.key),
            );
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", text(&folder.join(name))))
            .concat();
        let folder_text = text(folder);
        let whole = format!(
            "daemon off;\npid {folder_text}/nginx.pid;\nerror_log {folder_text}/nginx.log;\n\
             events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
        );
        let whole = if rustix::process::geteuid().is_root() {
            format!("user root;\n{whole}")
        } else {
            whole
        };
        let path = folder.join("nginx.conf");
        fs::write(&path, whole).unwrap();
        let mut nginx = Command::new("nginx");
        nginx
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("nginx.log"))
            .arg("-c")
            .arg(path);
        nginx
    });
    proxied.check(true, |it| {
        let pid = i32::try_from(it.proxy.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    });
}

/// A server that is told where its systemd is.
struct Unit {
    child: Child,
    systemd: UnixDatagram,
    address: String,
    _folder: TempDir,
}

impl Unit {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        systemd.set_read_timeout(Some(SOON)).unwrap();
        let mut command = program("hither-server");
        command
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "150000")
            .env("HITHER_STOP_WITHIN_S", "60")
            .env("HITHER_LOG", "error")
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://");
        Self {
            address: address.to_owned(),
            child,
            systemd,
            _folder: folder,
        }
    }

    fn wait_for_word(&self, word: &str) {
        let mut bytes = [0; 256];
        loop {
            let read = self.systemd.recv(&mut bytes).expect(word);
            if String::from_utf8_lossy(&bytes[..read]).contains(word) {
                return;
            }
        }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    fn wait(&mut self) -> Option<i32> {
        wait_for("the end of the server", SOON, || {
            self.child.try_wait().unwrap()
        })
        .code()
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn systemd_hears_that_the_server_is_ready_lives_and_stops() {
    let mut unit = Unit::start();
    for word in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        unit.wait_for_word(word);
    }
    unit.terminate();
    unit.wait_for_word("STOPPING=1");
    assert_eq!(unit.wait(), Some(0));
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut unit = Unit::start();
    // A request whose body does not come keeps the server from stopping.
    let mut slow = TcpStream::connect(&unit.address).unwrap();
    let head = "POST /v1/sessions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
                expect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    slow.write_all(head.as_bytes()).unwrap();
    let mut going_on = [0; 12];
    slow.read_exact(&mut going_on).unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100");
    unit.terminate();
    unit.wait_for_word("STOPPING=1");
    assert!(
        unit.child.try_wait().unwrap().is_none(),
        "the request was dropped"
    );
    unit.terminate();
    assert_eq!(unit.wait(), Some(130));
}

#[test]
fn systemd_takes_the_unit() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes/hither-server.service");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hither-server.service");
    let written = fs::read_to_string(unit).unwrap();
    let program = program("hither-server");
    let program = program.get_program().to_string_lossy().into_owned();
    fs::write(&path, written.replace("/usr/bin/hither-server", &program)).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let about_it: Vec<_> = said
        .lines()
        .filter(|line| line.contains("hither-server"))
        .collect();
    assert!(about_it.is_empty(), "{about_it:#?}");
}

/// Registers a phone of ada's, in one way that is right and in one that is not.
fn register_for_push(url: &str) {
    let sign_in = json!({
        "account": "ada", "password": "planted-password",
        "device": { "name": "Phone", "platform": "android", "kind": "mobile" },
        "application": { "name": "hither", "version": "0.1.0" },
    });
    let mut answer = ureq::post(format!("{url}/v1/sessions"))
        .send_json(sign_in)
        .unwrap();
    let session: Value = answer.body_mut().read_json().unwrap();
    let token = session["access_token"].as_str().unwrap();
    for (token_of_phone, expected) in [("planted-phone", 200), ("planted phone", 422)] {
        let answer = ureq::put(format!("{url}/v1/devices/current/push"))
            .header("authorization", format!("Bearer {token}"))
            .config()
            .http_status_as_error(false)
            .build()
            .send_json(json!({ "provider": "fcm", "token": token_of_phone }))
            .unwrap();
        assert_eq!(answer.status(), expected);
    }
}

#[test]
fn logs_hold_ids_and_never_content_or_secrets() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let home = folder.path().join(format);
        fs::create_dir(&home).unwrap();
        let log = home.join("server.log");
        let settings = vec![
            ("HITHER_LOG", "trace".to_owned()),
            ("HITHER_LOG_FORMAT", format.to_owned()),
            ("HITHER_METRICS_TOKEN", "planted-metrics-token".to_owned()),
        ];
        let server = Server::start_logging(&home.join("server"), settings, &log);
        server.add_account("ada", "planted-password");
        let publisher = server.add_publisher("CI");
        let mut companion = Companion::start(&home.join("companion"));
        companion.sign_in(server.url(), "ada", "planted-password");
        companion.wait_until_online();
        companion.somebody_is_there();
        let message: PublishRequest = serde_json::from_value(json!({
            "to": {"accounts": ["ada"]},
            "title": "planted-title",
            "body": "planted-body",
            "html": format!("<p>planted-html{}", "x".repeat(100_000)),
            "url": "https://planted-url.example",
            "tags": ["planted-tag"],
            "key": "planted-key",
            "actions": [{"id": "planted-action", "label": "planted-label"}],
        }))
        .unwrap();
        let id = publisher.publish("planted-idempotency", &message);
        companion.wait_for_toast(&id.to_string());
        companion.tell(&json!({"chosen": {"toast": id.to_string(), "action": "planted-action"}}));
        for (path, header) in [
            ("/v1/tokens", ("authorization", "Bearer planted-token")),
            (
                "/v1/messages?after=planted-cursor",
                ("cookie", "hither_session=planted-cookie"),
            ),
            (
                "/metrics",
                ("authorization", "Bearer planted-metrics-token"),
            ),
            (
                "/v1/nowhere?token=planted-query",
                ("x-planted", "planted-header"),
            ),
        ] {
            let _ = publisher.get_with(path, header);
        }
        register_for_push(server.url());
        publisher.post_nonsense("{\"to\": \"planted-malformed\"");
        publisher.post_nonsense("{\"to\": {\"accounts\": \"planted-misfit\"}}");
        companion.ask(&["signout"], "").0.then_some(()).unwrap();
        companion.wait_for_view("being signed out", |view| {
            view.connection == ConnectionView::SignedOut
        });
        let secret = publisher.secret().to_owned();
        let written = wait_for("the sign-out in the log", SOON, || {
            let written = fs::read_to_string(&log).unwrap();
            written.contains("signed out").then_some(written)
        });
        for planted in [
            "planted",
            "hither_at_",
            "hither_ps_",
            "hither_mt_",
            "argon2",
            &secret,
        ] {
            let line = written.lines().find(|line| line.contains(planted));
            assert_eq!(line, None, "{planted} is in the log");
        }
        for expected in [id.to_string().as_str(), "ada", "signed in", publisher.id()] {
            assert!(written.contains(expected), "{expected} is not in the log");
        }
        if format == "json" {
            for line in written.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
            }
        }
    }
}
