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
    fs::write(file, "data = ''\n").unwrap();
    let command = place
        .command(&["config", "--config", file])
        .env_remove("HITHER_DATA")
        .output();
    let said = String::from_utf8(command.unwrap().stderr).unwrap();
    assert!(said.contains("data is empty"), "{said}");
    fs::write(file, "listen = '127.0.0.1:81'\nlsiten = 1\n").unwrap();
    let said = place.refusal(&["config", "--config", file]);
    assert!(said.contains("line 2") && said.contains("lsiten"), "{said}");
}

#[test]
fn config_fails_where_serve_would() {
    let place = Place::new();
    let file = place.0.path().join("hither.toml");
    let file = file.to_str().unwrap();
    for (settings, fine) in [
        ("metrics_listen = '127.0.0.1:7480'", false),
        ("metrics_listen = '0.0.0.0:7480'", false),
        ("metrics_listen = '127.0.0.1:7481'", true),
        (
            "listen = '127.0.0.1:0'\nmetrics_listen = '127.0.0.1:0'",
            true,
        ),
    ] {
        fs::write(file, settings).unwrap();
        let output = place.run(&["config", "--config", file, "--json"]);
        assert_eq!(output.status.success(), fine, "{settings}");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["error"]["code"] == "failed", !fine, "{said}");
        assert!(said["listen"].is_object());
    }
}

#[test]
fn a_misspelt_filter_of_the_log_is_a_warning() {
    let place = Place::new();
    for (filter, warned) in [
        ("nonsense=[[", true),
        ("inof", true),
        ("info", false),
        ("hyper=debug,hither_server=warn", false),
        ("off", false),
    ] {
        let output = place
            .command(&["config"])
            .env("HITHER_LOG", filter)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("HITHER_LOG"), warned, "{filter}: {said}");
    }
}
