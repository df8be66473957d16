//! The HTTP interface as an `OpenAPI` 3.1 document, made from the types that carry it.

mod bounds;
mod operation;
mod routes;

use std::sync::OnceLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hither_protocol::{ClientFrame, ErrorCode, Problem, ServerFrame};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use self::operation::Operation;
use crate::webhooks::Posted;

/// `GET /docs/openapi.json`
pub(crate) async fn document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, TEXT.get_or_init(text).as_str()).into_response()
}

/// The document, as it is kept in `docs/openapi.json`.
#[must_use]
pub fn text() -> String {
    format!("{:#}\n", describe())
}

fn describe() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let operations = routes::all(&mut schemas);
    for_stream(&mut schemas);
    let event = schemas.subschema_for::<Posted<'static>>();
    schemas.subschema_for::<Problem>();
    let paths = paths(&operations);
    let mut schemas = schemas.take_definitions(true);
    bounds::set(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hither",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Hands messages to people, on the screen they are at.",
            "description": "docs/protocol.md says what the words mean. Bounds on texts are bytes of UTF-8; \
                where a bound is written here as a number of characters, the server counts bytes.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "webhooks": { "event": { "post": posting(&event) } },
        "components": {
            "schemas": schemas,
            "responses": problems(),
            "securitySchemes": operation::security_schemes(),
        },
    })
}

/// Frames have no request of their own; their shapes are components.
fn for_stream(schemas: &mut SchemaGenerator) {
    schemas.subschema_for::<ClientFrame>();
    schemas.subschema_for::<ServerFrame>();
}

/// What this server posts to where publishers asked for it.
fn posting(event: &Schema) -> Value {
    json!({
        "operationId": "post_event",
        "summary": "Something happened to a message",
        "description": "In the form of Standard Webhooks, signed with the webhook's secret.",
        "security": [],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": event } },
        },
        "responses": {
            "2XX": { "description": "Taken" },
            "410": { "description": "No more of them: the webhook is disabled" },
        },
    })
}

fn paths(operations: &[Operation]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
        path[operation.method()] = operation.describe();
    }
    Value::Object(paths)
}

/// One response for each status an error comes with, naming its codes.
fn problems() -> Value {
    let mut responses: Map<String, Value> = Map::new();
    for code in ErrorCode::ALL {
        let status = code.status();
        let codes: Vec<_> = ErrorCode::ALL
            .iter()
            .filter(|other| other.status() == status)
            .map(|other| format!("`{other}`"))
            .collect();
        responses.insert(
            operation::problem_name(status),
            problem(status, &codes.join(", ")),
        );
    }
    Value::Object(responses)
}

fn problem(status: u16, codes: &str) -> Value {
    let mut response = json!({
        "description": codes,
        "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
        } },
    });
    if status == ErrorCode::TooMany.status() {
        response["headers"] = json!({ "Retry-After": {
            "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 },
        } });
    }
    response
}
