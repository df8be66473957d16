//! Sessions, subscriptions and what else is an account's own, in programs and on pages.

use hither_protocol::{
    ChangePassword, CreateSession, CurrentSession, Devices, ErrorCode, PushRegistration, PushState,
    Session, Settings,
};
use serde_json::json;

use super::{CHANGE, Schemas, administrator, anyone, client, publisher};
use crate::http::admin;
use crate::http::inbox::MessageToken;
use crate::http::openapi::operation::Operation;
use crate::http::phone::BrowserSession;
use crate::http::subscriptions::Subscriptions;
use crate::http::topics::{TopicSettings, TopicState};

pub(super) fn sessions(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        anyone("post", "/v1/sessions", "Sign in")
            .takes::<CreateSession>(schemas)
            .answers::<Session>(201, schemas, "Signed in.")
            .fails(&[
                ErrorCode::WrongCredentials,
                ErrorCode::Forbidden,
                ErrorCode::TooMany,
                ErrorCode::StorageFull,
            ]),
        client(
            "get",
            "/v1/sessions/current",
            "Who is signed in, and where to connect",
        )
        .answers::<CurrentSession>(200, schemas, "This session.")
        .fails(&[ErrorCode::Malformed]),
        client("delete", "/v1/sessions/current", "Sign out")
            .done(204, "Access and message token are dead.")
            .fails(&[ErrorCode::NotFound, ErrorCode::StorageFull]),
        client("get", "/v1/tokens", "This client's message token").answers::<MessageToken>(
            200,
            schemas,
            "An address, not a key.",
        ),
    ]
}

pub(super) fn subscriptions(schemas: &mut Schemas) -> Vec<Operation> {
    vec![
        anyone(
            "get",
            "/v1/health",
            "Whether the server is well, in ntfy's words",
        )
        .shows_json(200, &json!({ "type": "object" }), "It is."),
        publisher(
            "put",
            "/v1/topics/{topic}",
            "Own a topic, and make it private or public",
        )
        .takes::<TopicSettings>(schemas)
        .answers::<TopicState>(200, schemas, "As it is.")
        .fails(CHANGE),
        client("get", "/v1/subscriptions", "The account's topics")
            .answers::<Subscriptions>(200, schemas, "By name."),
        client("put", "/v1/subscriptions/{topic}", "Subscribe to a topic")
            .done(204, "From the present position on.")
            .fails(&[
                ErrorCode::Malformed,
                ErrorCode::Invalid,
                ErrorCode::NotFound,
                ErrorCode::StorageFull,
            ]),
        client("delete", "/v1/subscriptions/{topic}", "Leave a topic")
            .done(204, "What came so far stays.")
            .fails(&[
                ErrorCode::Malformed,
                ErrorCode::Invalid,
                ErrorCode::NotFound,
                ErrorCode::StorageFull,
            ]),
    ]
}

pub(super) fn own_account(schemas: &mut Schemas) -> Vec<Operation> {
    const PUSH: &str = "/v1/devices/current/push";
    let tag = json!({ "type": "string", "maxLength": 200 });
    vec![
        client("get", "/v1/devices", "The account's devices")
            .answers::<Devices>(200, schemas, "By name."),
        client("delete", "/v1/devices/{id}", "Revoke a device")
            .done(204, "Its tokens are dead, its streams closed.")
            .fails(&[ErrorCode::NotFound, ErrorCode::StorageFull]),
        client("put", PUSH, "Say how this phone is reached when offline")
            .takes::<PushRegistration>(schemas)
            .answers::<PushState>(200, schemas, "Kept, and whether it makes the phone ring.")
            .fails(&[ErrorCode::StorageFull]),
        client("delete", PUSH, "Be reached by the stream alone")
            .done(204, "Nothing is registered.")
            .fails(&[ErrorCode::StorageFull]),
        client("put", "/v1/account/password", "Change the password")
            .takes::<ChangePassword>(schemas)
            .done(204, "All other sessions ended.")
            .fails(&[
                ErrorCode::WrongCredentials,
                ErrorCode::TooMany,
                ErrorCode::StorageFull,
            ]),
        client("get", "/v1/settings", "What the person chose").answers::<Settings>(
            200,
            schemas,
            "All of it; ETag says which version.",
        ),
        client("put", "/v1/settings", "Choose")
            .heeds(
                "If-Match",
                &tag,
                "Only in place of the version with this ETag.",
            )
            .takes::<Settings>(schemas)
            .answers::<Settings>(200, schemas, "What is kept, with its ETag.")
            .fails(&[
                ErrorCode::NotFound,
                ErrorCode::Changed,
                ErrorCode::StorageFull,
            ]),
    ]
}

pub(super) fn pages(schemas: &mut Schemas) -> Vec<Operation> {
    let sign_in = [
        ErrorCode::WrongCredentials,
        ErrorCode::Forbidden,
        ErrorCode::TooMany,
        ErrorCode::StorageFull,
    ];
    vec![
        anyone("post", "/app/session", "Sign in on the phone page")
            .takes::<CreateSession>(schemas)
            .answers::<BrowserSession>(201, schemas, "The cookie hither_session is set.")
            .fails(&sign_in),
        client("delete", "/app/session", "Sign out of the phone page")
            .done(204, "The cookie is removed.")
            .fails(&[
                ErrorCode::Malformed,
                ErrorCode::NotFound,
                ErrorCode::StorageFull,
            ]),
        anyone("post", "/admin/session", "Sign in on the admin page")
            .takes::<admin::AdminSignIn>(schemas)
            .answers::<admin::AdminSession>(201, schemas, "The cookie hither_admin is set.")
            .fails(&sign_in),
        administrator("delete", "/admin/session", "Sign out of the admin page")
            .done(204, "The cookie is removed.")
            .fails(&[
                ErrorCode::Malformed,
                ErrorCode::NotFound,
                ErrorCode::StorageFull,
            ]),
        administrator(
            "get",
            "/admin/api/session",
            "Which administrator is signed in",
        )
        .answers::<admin::AdminSession>(200, schemas, "This session."),
    ]
}
