//! What a command says of its arguments and settings.

use std::fs;

use serde_json::json;

use crate::place::Place;

#[test]
fn wrong_usage_says_what_is_right() {
    let place = Place::new();
    for (arguments, words) in [
        (&["account", "add", "Not A Name"][..], &["a-z, 0-9"][..]),
        (&["account", "ad", "x"], &["add"]),
        (
            &["publisher", "add", "x", "--kind", "X1"],
            &["2 to 16 letters"],
        ),
        (&["publisher", "add", ""], &["1 to 100 characters"]),
        (&["publisher", "disable", "nonsense"], &["16 digits"]),
        (
            &["serve", "--listen", "localhost"],
            &["invalid socket address"],
        ),
        (
            &["serve", "--listen", "0.0.0.0:0"],
            &["--insecure-http", "TLS"],
        ),
        (
            &["serve", "--public-url", "hither.example"],
            &["--public-url", "https://"],
        ),
        (
            &["config", "--config", "/nowhere"],
            &["/nowhere", "No such file"],
        ),
        (
            &["account", "list", "--data", "/dev/null/x"],
            &["/dev/null/x"],
        ),
        (
            &[],
            &["Usage", "serve", "account", "publisher", "HITHER_CONFIG"],
        ),
    ] {
        let said = place.refusal(arguments);
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
    for (input, says) in [
        ("", "empty"),
        ("\n", "empty"),
        ("a\nb\n", "more than one line"),
    ] {
        let output = place.with_stdin(&["account", "add", "ada", "--password-stdin"], input);
        assert!(!output.status.success());
        assert!(String::from_utf8(output.stderr).unwrap().contains(says));
    }
    assert!(!place.data().exists() || place.json(&["account", "list"]) == json!([]));
}

#[test]
fn config_says_where_each_value_comes_from() {
    let place = Place::new();
    let file = place.0.path().join("hither.toml");
    fs::write(&file, "insecure_http = true\nlisten = '127.0.0.1:81'\n").unwrap();
    let file = file.to_str().unwrap();
    let said = place.json(&["config", "--config", file, "--data", "/elsewhere"]);
    assert_eq!(
        said["data"],
        json!({ "value": "/elsewhere", "from": "flag" })
    );
    assert_eq!(
        said["listen"],
        json!({ "value": "127.0.0.1:81", "from": "file" })
    );
    assert_eq!(
        said["insecure_http"],
        json!({ "value": true, "from": "file" })
    );
    let said = place.json(&["config"]);
    assert_eq!(said["data"]["from"], "environment");
    assert_eq!(
        said["listen"],
        json!({ "value": "127.0.0.1:7480", "from": "default" })
    );
    assert!(
        !place.data().exists(),
        "looking at the settings makes nothing"
    );
    fs::write(file, "listen = '127.0.0.1:81'\nlsiten = 1\n").unwrap();
    let said = place.refusal(&["config", "--config", file]);
    assert!(said.contains("line 2") && said.contains("lsiten"), "{said}");
}
