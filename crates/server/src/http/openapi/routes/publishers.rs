//! What publishers are, keep, own, and are told.

use hither_protocol::ErrorCode;

use super::{CHANGE, Schemas, client, publisher};
use crate::http::openapi::operation::{Operation, Who};
use crate::http::publishers::{AllKept, Register, Registered, Values};
use crate::http::webhooks;

pub(super) fn publishers(schemas: &mut Schemas) -> Vec<Operation> {
    const RECORD: &str = "/v1/receivers/{account}/record";
    vec![
        Operation::new(
            "post",
            "/v1/publishers",
            Who::AnyoneOrAdministrator,
            "Register as a publisher",
        )
        .takes::<Register>(schemas)
        .answers::<Registered>(201, schemas, "Its secret is said once.")
        .answers::<Registered>(202, schemas, "It works once an administrator approves.")
        .fails(&[ErrorCode::TooMany, ErrorCode::Taken, ErrorCode::StorageFull]),
        publisher("get", RECORD, "What is kept of a receiver")
            .answers::<Values>(200, schemas, "As it was put.")
            .fails(&[ErrorCode::NotFound]),
        publisher("put", RECORD, "Keep something of a receiver")
            .takes::<Values>(schemas)
            .done(204, "It is kept.")
            .fails(CHANGE),
        publisher("delete", RECORD, "Keep nothing of a receiver")
            .done(204, "It is gone.")
            .fails(CHANGE),
        client("get", "/v1/records", "What publishers keep of this account")
            .answers::<AllKept>(200, schemas, "By publisher.")
            .fails(&[ErrorCode::Forbidden]),
        client(
            "delete",
            "/v1/records/{publisher}",
            "Erase what a publisher keeps",
        )
        .done(204, "It is gone.")
        .fails(&[
            ErrorCode::Forbidden,
            ErrorCode::NotFound,
            ErrorCode::StorageFull,
        ]),
    ]
}

pub(super) fn webhooks(schemas: &mut Schemas) -> Vec<Operation> {
    const ONE: &str = "/v1/webhooks/{id}";
    vec![
        publisher("get", "/v1/webhooks", "This publisher's webhooks").answers::<webhooks::All>(
            200,
            schemas,
            "The oldest first.",
        ),
        publisher("post", "/v1/webhooks", "Be told what becomes of messages")
            .takes::<webhooks::Register>(schemas)
            .answers::<webhooks::Registered>(201, schemas, "Its secret is said once.")
            .fails(&[ErrorCode::StorageFull]),
        publisher("get", ONE, "A webhook, and how it goes")
            .answers::<webhooks::Shown>(200, schemas, "At this moment.")
            .fails(&[ErrorCode::NotFound]),
        publisher("delete", ONE, "Be told no more")
            .done(204, "It is gone with what waited for it.")
            .fails(CHANGE),
        publisher("post", "/v1/webhooks/{id}/secret", "Make a new secret")
            .answers::<webhooks::Secret>(200, schemas, "The one before signs, too, for a day.")
            .fails(CHANGE),
        publisher("post", "/v1/webhooks/{id}/test", "Have a test posted")
            .done(202, "It is queued; what waits is tried at once.")
            .fails(CHANGE),
    ]
}
