//! What administrators do on their page.

use hither_protocol::{Devices, ErrorCode, Trace};
use serde_json::json;

use super::{CHANGE, Schemas, administrator};
use crate::http::openapi::operation::Operation;
use crate::http::{admin, states};

pub(super) fn accounts(schemas: &mut Schemas) -> Vec<Operation> {
    let part = json!({ "type": "string" });
    vec![
        administrator("get", "/admin/api/accounts", "Accounts by name")
            .asks("part", &part, "Only those with this in their name.")
            .answers::<admin::AccountList>(200, schemas, "The first ones, and how many fit."),
        administrator("post", "/admin/api/accounts", "Add an account")
            .takes::<admin::NewAccount>(schemas)
            .answers::<admin::MadeUpPassword>(201, schemas, "With the password, if it was made up.")
            .fails(&[ErrorCode::Taken, ErrorCode::StorageFull]),
        administrator("delete", "/admin/api/accounts/{name}", "Remove an account")
            .done(204, "It is gone with what is only its own.")
            .fails(CHANGE),
        administrator(
            "put",
            "/admin/api/accounts/{name}/disabled",
            "Forbid or allow sign-in",
        )
        .takes::<admin::Disabled>(schemas)
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "post",
            "/admin/api/accounts/{name}/password",
            "Reset a password",
        )
        .answers::<admin::MadeUpPassword>(200, schemas, "The new one, said once.")
        .fails(CHANGE),
        administrator(
            "get",
            "/admin/api/accounts/{name}/devices",
            "An account's devices",
        )
        .answers::<Devices>(200, schemas, "By name, without presence.")
        .fails(&[ErrorCode::NotFound]),
        administrator(
            "delete",
            "/admin/api/accounts/{name}/devices/{id}",
            "Revoke a device",
        )
        .done(204, "Its tokens are dead, its streams closed.")
        .fails(CHANGE),
    ]
}

pub(super) fn all_else(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        administrator("get", "/admin/api/publishers", "Publishers")
            .answers::<admin::PublisherList>(200, schemas, "By id."),
        administrator("post", "/admin/api/publishers", "Add a publisher")
            .takes::<admin::NewPublisher>(schemas)
            .answers::<admin::PublisherSecret>(201, schemas, "Its secret is said once.")
            .fails(&[ErrorCode::Taken, ErrorCode::StorageFull]),
        administrator(
            "post",
            "/admin/api/publishers/{id}/secret",
            "Make a new secret",
        )
        .answers::<admin::PublisherSecret>(200, schemas, "The one before stays valid.")
        .fails(CHANGE),
        administrator(
            "put",
            "/admin/api/publishers/{id}/disabled",
            "Forbid or allow publishing",
        )
        .takes::<admin::Disabled>(schemas)
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "post",
            "/admin/api/publishers/{id}/approval",
            "Let one that registered itself publish",
        )
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "put",
            "/admin/api/publishers/{id}/rights",
            "Say what a publisher may, and whom it reaches",
        )
        .takes::<admin::PublisherRights>(schemas)
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "get",
            "/admin/api/publishers/{id}/messages/{message}",
            "What became of a message",
        )
        .answers::<states::MessageState>(200, schemas, "As its publisher sees it.")
        .fails(&[ErrorCode::NotFound]),
        administrator(
            "get",
            "/admin/api/accounts/{name}/messages/{message}/trace",
            "Why a message alerted where it did",
        )
        .answers::<Trace>(200, schemas, "Without what was known of presence.")
        .fails(&[ErrorCode::NotFound]),
        administrator("get", "/admin/api/topics", "Topics")
            .answers::<admin::TopicList>(200, schemas, "By name."),
        administrator(
            "put",
            "/admin/api/topics/{topic}/private",
            "Say whether reading a topic needs a grant",
        )
        .takes::<admin::Private>(schemas)
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "put",
            "/admin/api/topics/{topic}/grants/{to}/{may}",
            "Let an account or a publisher read or write a topic",
        )
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "delete",
            "/admin/api/topics/{topic}/grants/{to}/{may}",
            "Take a grant back",
        )
        .done(204, "Done.")
        .fails(CHANGE),
        administrator(
            "get",
            "/admin/api/messages",
            "The newest messages, without content",
        )
        .answers::<admin::MessageList>(200, schemas, "Newest first."),
        administrator("get", "/admin/api/health", "How the server does").answers::<admin::Health>(
            200,
            schemas,
            "At this moment.",
        ),
    ]
}
