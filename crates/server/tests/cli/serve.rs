//! One server for each folder, and what is left when it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::place::{Place, mode};

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
