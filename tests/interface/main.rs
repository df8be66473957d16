//! Requests that nobody thought of: schemathesis makes them from the server's own description, and
//! every answer must be one that is described there.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use system_tests::server::Server;

const PASSWORD: &str = "battery staple";
/// For each address and method, in each phase.
const EXAMPLES: &str = "10";
const AT_MOST_S: &str = "110";

#[test]
fn no_request_gets_an_answer_that_is_not_described() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.add_administrator("root", PASSWORD);
    server.add_account("ada", PASSWORD);
    server.add_account("eve", PASSWORD);
    let (publisher, victim) = (server.add_publisher("CI"), server.add_publisher("Victim"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("interface");
    let fuzzer = target().join("schemathesis/bin/schemathesis");
    assert!(
        fuzzer.exists(),
        "`cargo xtask test` installs {}",
        fuzzer.display()
    );
    let output = Command::new(fuzzer)
        .arg("--config-file")
        .arg(here.join("schemathesis.toml"))
        .args(["run", &format!("{}/docs/openapi.json", server.url())])
        .args(["--phases", "examples,coverage,fuzzing", "--no-color"])
        .args(["--max-examples", EXAMPLES, "--max-time", AT_MOST_S])
        .args(["--seed", "1", "--continue-on-failure"])
        .env("ORIGIN", server.url())
        .env("ACCESS_TOKEN", access_token(&server))
        .env("ADMIN_COOKIE", admin_cookie(&server))
        .env("PUBLISHER_ID", publisher.id())
        .env("PUBLISHER_SECRET", publisher.secret())
        .env("VICTIM_ID", victim.id())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let [said, failed] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "{said}\n{failed}");
}

/// Where the tests of this build are, too.
fn target() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

fn access_token(server: &Server) -> String {
    let body = json!({
        "account": "ada", "password": PASSWORD,
        "device": { "name": "Laptop", "platform": "linux", "kind": "desktop" },
        "application": { "name": "hither", "version": "0.1.0" },
    });
    let url = format!("{}/v1/sessions", server.url());
    let mut answer = ureq::post(url).send_json(body).unwrap();
    let session: Value = answer.body_mut().read_json().unwrap();
    session["access_token"].as_str().unwrap().to_owned()
}

fn admin_cookie(server: &Server) -> String {
    let body = json!({ "account": "root", "password": PASSWORD });
    let url = format!("{}/admin/session", server.url());
    let answer = ureq::post(url).send_json(body).unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let (pair, _) = cookie.split_once(';').unwrap();
    pair.strip_prefix("hither_admin=").unwrap().to_owned()
}
