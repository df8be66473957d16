//! The description of the HTTP interface is what the server does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hyper::Method;
use serde_json::Value;

use crate::harness::Server;

/// Files of the pages, and ways to them: nothing for programs.
const PAGES: [&str; 7] = [
    "/",
    "/app",
    "/app/",
    "/app/{file}",
    "/admin",
    "/admin/",
    "/admin/{file}",
];

/// Interfaces that others defined and describe: ntfy's and Gotify's.
const OF_OTHERS: [&str; 7] = [
    "/message",
    "/version",
    "/health",
    "/file/{topic}/{id}/{name}",
    "/{topic}",
    "/{topic}/{word}",
    "/{*elsewhere}",
];

fn described() -> Value {
    serde_json::from_str(&hither_server::openapi()).unwrap()
}

#[test]
fn the_committed_document_is_up_to_date() {
    let committed = include_str!("../../../../docs/openapi.json");
    assert!(
        committed == hither_server::openapi(),
        "run `cargo xtask codegen` and commit docs/openapi.json"
    );
}

#[tokio::test]
async fn every_method_in_it_is_taken_and_no_other() {
    let server = Server::start().await;
    let ask = Method::from_bytes(b"NONESUCH").unwrap();
    for (path, operations) in described()["paths"].as_object().unwrap() {
        let address = path
            .replace("{id}", "x")
            .replace("{name}", "x")
            .replace("{topic}", "x")
            .replace("{account}", "x")
            .replace("{publisher}", "x")
            .replace("{number}", "0");
        let answer = server.request(ask.clone(), &address, &[], "").await;
        assert_eq!(answer.status, 405, "{path}");
        let taken: BTreeSet<String> = answer
            .header("allow")
            .split(',')
            .map(|method| method.trim().to_ascii_lowercase())
            .filter(|method| method != "head")
            .collect();
        let said: BTreeSet<String> = operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(taken, said, "{path}");
    }
}

#[test]
fn every_address_of_the_server_is_in_it() {
    let described = described();
    let paths = described["paths"].as_object().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let routes = routes_below(&folder);
    assert!(routes.len() > 20, "{routes:?}");
    for route in routes {
        let known = ["", "/v1", "/admin/api"]
            .iter()
            .any(|prefix| paths.contains_key(&format!("{prefix}{route}")));
        assert!(
            known || PAGES.contains(&route.as_str()) || OF_OTHERS.contains(&route.as_str()),
            "{route} is missing in http/openapi/routes.rs"
        );
    }
}

/// What every `.route("…"` in these sources names.
fn routes_below(folder: &Path) -> Vec<String> {
    let mut routes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes.extend(routes_below(&path));
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for call in source.split(".route(").skip(1) {
            let literal = call.trim_start().strip_prefix('"');
            routes.extend(
                literal
                    .and_then(|text| text.split_once('"'))
                    .map(|(route, _)| route.to_owned()),
            );
        }
    }
    routes
}

#[test]
fn it_knows_every_error_code() {
    let described = described();
    let codes = described["components"]["schemas"]["ErrorCode"].to_string();
    let responses = described["components"]["responses"].to_string();
    for code in hither_protocol::ErrorCode::ALL {
        assert!(codes.contains(&format!("\"{code}\"")), "{code}");
        assert!(responses.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(
                    fields
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let described = described();
    let mut found = Vec::new();
    references(&described, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(described.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_server_hands_it_out() {
    let server = Server::start().await;
    let answer = server
        .request(Method::GET, "/docs/openapi.json", &[], "")
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), described());
}
