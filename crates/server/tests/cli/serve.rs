//! One server for each folder, and what is left when it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::place::{Place, Server, mode};

#[test]
fn one_folder_has_one_server() {
    let place = Place::new();
    let server = place.serve();
    let said = place.refusal(&["serve", "--listen", "127.0.0.1:0"]);
    let pid = format!("process {}", server.0.id());
    assert!(
        said.contains("in use") && said.contains(&pid) && said.contains("--data"),
        "{said}"
    );
    server.stop(rustix::process::Signal::INT);
    place.serve().stop(rustix::process::Signal::TERM);
}

#[test]
fn a_folder_whose_lock_was_removed_still_has_one_server() {
    let place = Place::new();
    let server = place.serve();
    fs::remove_file(place.data().join("lock")).unwrap();
    let said = place.refusal(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("in use"), "{said}");
    assert_eq!(place.json(&["account", "list"]), serde_json::json!([]));
    server.stop(rustix::process::Signal::TERM);
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let place = Place::new();
    let mut server = place.serve();
    place.json(&["account", "add", "ada"]);
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    assert!(
        place.data().join("admin.sock").exists(),
        "nobody was there to remove it"
    );
    assert_eq!(place.json(&["account", "list"])[0]["name"], "ada");
    place.serve().stop(rustix::process::Signal::TERM);
}

#[test]
fn commands_take_turns() {
    let place = Place::new();
    let names: Vec<_> = (0..6).map(|number| format!("user{number}")).collect();
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = place.command(&["account", "add", name]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let list = place.json(&["account", "list"]);
    let listed: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["name"])
        .collect();
    assert_eq!(listed, names.iter().collect::<Vec<_>>());
}

#[test]
fn only_its_user_can_read_the_data() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = place.serve();
    place.json(&["account", "add", "ada"]);
    assert_eq!(mode(&place.data()), 0o700);
    let files: Vec<_> = fs::read_dir(place.data()).unwrap().flatten().collect();
    let names: Vec<_> = files.iter().map(fs::DirEntry::file_name).collect();
    assert!(names.iter().any(|name| name == "admin.sock"), "{names:?}");
    assert!(
        names.iter().any(|name| name == "hither.db-wal"),
        "{names:?}"
    );
    for file in files {
        let own = if file.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&file.path()), own, "{file:?}");
    }
    server.stop(rustix::process::Signal::TERM);
}

/// A server that logs everything, and its address.
fn serve_that_logs(place: &Place, log: Stdio) -> (Server, String) {
    let mut child = place
        .command(&["serve", "--listen", "127.0.0.1:0", "--json"])
        .env("HITHER_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    // Nobody reads a piped one any more, as when the program it was piped into is gone.
    drop(child.stderr.take());
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = said["listening"].as_str().unwrap();
    let address = url.trim_start_matches("http://").to_owned();
    (Server(child), address)
}

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let place = Place::new();
    let added = place.with_stdin(
        &["account", "add", "ada", "--password-stdin"],
        "correct horse",
    );
    assert!(added.status.success());
    let (server, address) = serve_that_logs(&place, Stdio::piped());
    for _ in 0..3 {
        let body = r#"{"account": "ada", "password": "correct horse",
            "device": {"name": "d", "platform": "linux", "kind": "desktop"},
            "application": {"name": "hither", "version": "0.1.0"}}"#;
        let answer = exchange(&address, "POST /v1/sessions", body);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer:?}");
    }
    let metrics = exchange(&address, "GET /metrics", "");
    let lost = metrics
        .lines()
        .find_map(|line| line.strip_prefix("hither_log_lines_lost_total "));
    assert!(lost.unwrap().parse::<u64>().unwrap() > 0, "{lost:?}");
    server.stop(rustix::process::Signal::TERM);
}

#[test]
fn a_log_names_routes_and_ids_and_nothing_that_somebody_wrote() {
    let place = Place::new();
    place.json(&["account", "add", "ada"]);
    let log = place.0.path().join("log");
    let (server, address) = serve_that_logs(&place, fs::File::create(&log).unwrap().into());
    let id = "01a20431-803c-73af-91a3-1cc2943f639c";
    for path in [
        format!("/file/home/{id}/planted.bin"),
        "/planted/planted".to_owned(),
        "/nothing/planted/here".to_owned(),
        "/v1/planted/there".to_owned(),
    ] {
        exchange(&address, &format!("GET {path}?planted=planted"), "");
    }
    server.stop(rustix::process::Signal::TERM);
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("planted"), "{log}");
    let route = format!("path=/file/{{topic}}/{id}/{{name}}");
    assert!(log.contains(&route) && log.contains("(no route)"), "{log}");
}

/// One request, and all of its answer.
fn exchange(address: &str, line: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
