//! Every address of the interface; the pages' own files are not part of it.

mod admin;
mod messages;
mod people;
mod publishers;

use hither_protocol::ErrorCode;
use schemars::SchemaGenerator;

use super::operation::{Operation, Who};

type Schemas = SchemaGenerator;

const TEXT: &str = "text/plain";

pub(super) fn all(schemas: &mut Schemas) -> Vec<Operation> {
    [
        people::sessions(schemas),
        messages::messages(schemas),
        messages::files(schemas),
        publishers::publishers(schemas),
        publishers::webhooks(schemas),
        people::subscriptions(schemas),
        people::own_account(schemas),
        people::pages(schemas),
        admin::accounts(schemas),
        admin::all_else(schemas),
        machinery(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn machinery() -> Vec<Operation> {
    vec![
        anyone("get", "/healthz", "Whether the process lives").shows(200, TEXT, "It does."),
        anyone("get", "/readyz", "Whether the store answers").shows(200, TEXT, "It does."),
        anyone("get", "/metrics", "Metrics in Prometheus's form")
            .shows(
                200,
                "application/openmetrics-text",
                "For whom the operator lets read them.",
            )
            .fails(&[ErrorCode::NotFound, ErrorCode::Unauthenticated]),
        anyone("get", "/docs/openapi.json", "This document").shows(
            200,
            "application/json",
            "Made from the server's own types.",
        ),
    ]
}

/// How a change of something named may fail.
const CHANGE: &[ErrorCode] = &[ErrorCode::NotFound, ErrorCode::StorageFull];

fn anyone(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, Who::Anyone, summary)
}

fn client(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, Who::Client, summary)
}

fn publisher(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, Who::Publisher, summary)
}

fn administrator(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, Who::Administrator, summary)
}
