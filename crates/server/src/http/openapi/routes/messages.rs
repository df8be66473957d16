//! Messages and their files: published, followed and read.

use hither_protocol::{ErrorCode, MessagesPage, PublishRequest, Published, Trace, Uploaded};
use serde_json::json;

use super::{CHANGE, Schemas, anyone, client, publisher};
use crate::http::inbox::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::http::openapi::operation::Operation;
use crate::http::publish::MAX_KEY;
use crate::http::states;

const HTML: &str = "text/html";
const BYTES: &str = "application/octet-stream";

pub(super) fn messages(schemas: &mut Schemas) -> Vec<Operation> {
    let cursor = json!({ "type": "string" });
    let moment = json!({ "type": "string", "format": "date-time" });
    let token = json!({ "type": "string" });
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": u64::MAX, "default": DEFAULT_LIMIT,
    });
    let key = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{MAX_KEY}}}$") });
    let receiver = json!({
        "type": "string", "pattern": "^([a-z0-9][a-z0-9._-]{0,63}|hither_mt_.*)$",
    });
    let receivers = json!({
        "type": "integer", "minimum": 1, "maximum": u64::MAX, "default": states::DEFAULT_LIMIT,
    });
    vec![
        publisher("post", "/v1/messages", "Publish a message")
            .heeds("Idempotency-Key", &key, "A repeat gets the first answer.")
            .takes::<PublishRequest>(schemas)
            .answers::<Published>(201, schemas, "On the server's disk.")
            .fails(&[ErrorCode::NotFound, ErrorCode::StorageFull]),
        client(
            "get",
            "/v1/messages",
            "The account's messages, oldest first",
        )
        .asks("after", &cursor, "Only what came after it.")
        .asks("since", &moment, "Only what was committed then or later.")
        .asks(
            "token",
            &token,
            "Only what is addressed to this client itself.",
        )
        .asks(
            "limit",
            &limit,
            &format!("Messages in the answer, at most; more than {MAX_LIMIT} is {MAX_LIMIT}."),
        )
        .answers::<MessagesPage>(200, schemas, "A page.")
        .fails(&[ErrorCode::Invalid, ErrorCode::UnknownCursor]),
        publisher("get", "/v1/messages/{id}", "What became of a message")
            .asks("after", &receiver, "Only receivers after this one.")
            .asks(
                "limit",
                &receivers,
                &format!(
                    "Receivers in the answer, at most; more than {0} is {0}.",
                    states::MAX_LIMIT
                ),
            )
            .answers::<states::MessageState>(
                200,
                schemas,
                "Receivers are those addressed by name or token.",
            )
            .fails(&[ErrorCode::Invalid, ErrorCode::NotFound]),
        publisher("delete", "/v1/messages/{id}", "Recall a message")
            .done(204, "It is withdrawn everywhere.")
            .fails(CHANGE),
        client("get", "/v1/messages/{id}/html", "The page of a message")
            .shows(200, HTML, "Foreign: to be shown in a cage only.")
            .fails(&[ErrorCode::NotFound]),
        client(
            "get",
            "/v1/messages/{id}/trace",
            "Why a message alerted where it did",
        )
        .answers::<Trace>(200, schemas, "What was decided, oldest first.")
        .fails(&[ErrorCode::Forbidden, ErrorCode::NotFound]),
        anyone(
            "get",
            "/v1/stream",
            "The stream, a WebSocket with the subprotocol hither.v1",
        )
        .done(101, "Frames: ClientFrame and ServerFrame.")
        .fails(&[ErrorCode::Malformed, ErrorCode::Forbidden]),
    ]
}

pub(super) fn files(schemas: &mut Schemas) -> Vec<Operation> {
    let name = json!({ "type": "string" });
    let range = json!({ "type": "string" });
    vec![
        publisher(
            "post",
            "/v1/attachments",
            "Upload a file for messages to come",
        )
        .asks("name", &name, "What people call it.")
        .takes_bytes()
        .answers::<Uploaded>(
            201,
            schemas,
            "It waits an hour for a message that names it.",
        )
        .fails(&[
            ErrorCode::Malformed,
            ErrorCode::Invalid,
            ErrorCode::TooLarge,
            ErrorCode::TooMany,
            ErrorCode::QuotaExceeded,
            ErrorCode::StorageFull,
            ErrorCode::Unavailable,
        ]),
        client(
            "get",
            "/v1/messages/{id}/attachments/{number}",
            "A file of a message, by its place from 0 on",
        )
        .heeds("Range", &range, "One range of bytes.")
        .shows(200, BYTES, "Foreign: as a download, but for pictures.")
        .shows(206, BYTES, "The part asked for.")
        .done(304, "As the client has it.")
        .fails(&[ErrorCode::NotFound, ErrorCode::RangeNotSatisfiable]),
    ]
}
