//! Every address of the interface; the pages' own files are not part of it.

use hither_protocol::{
    ChangePassword, CreateSession, CurrentSession, Devices, ErrorCode, MessagesPage,
    PublishRequest, Published, PushRegistration, PushState, Session, Settings, Trace, Uploaded,
};
use schemars::SchemaGenerator;
use serde_json::json;

use super::super::admin;
use super::super::inbox::{DEFAULT_LIMIT, MAX_LIMIT, MessageToken};
use super::super::phone::BrowserSession;
use super::super::publish::MAX_KEY;
use super::super::publishers::{AllKept, Register, Registered, Values};
use super::super::states;
use super::super::subscriptions::Subscriptions;
use super::super::topics::{TopicSettings, TopicState};
use super::super::webhooks;
use super::operation::{Operation, Who};

type Schemas = SchemaGenerator;

const HTML: &str = "text/html";
const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";

pub(super) fn all(schemas: &mut Schemas) -> Vec<Operation> {
    [
        sessions(schemas),
        messages(schemas),
        files(schemas),
        publishers(schemas),
        webhooks(schemas),
        subscriptions(schemas),
        own_account(schemas),
        pages(schemas),
        admin_accounts(schemas),
        admin_rest(schemas),
        machinery(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn sessions(schemas: &mut Schemas) -> Vec<Operation> {
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

fn messages(schemas: &mut Schemas) -> Vec<Operation> {
    let cursor = json!({ "type": "string" });
    let moment = json!({ "type": "string", "format": "date-time" });
    let token = json!({ "type": "string" });
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT,
    });
    let key = json!({ "type": "string", "pattern": format!("^[!-~]{{1,{MAX_KEY}}}$") });
    let receiver = json!({
        "type": "string", "pattern": "^([a-z0-9][a-z0-9._-]{0,63}|hither_mt_.*)$",
    });
    let receivers = json!({
        "type": "integer", "minimum": 1, "maximum": states::MAX_LIMIT,
        "default": states::DEFAULT_LIMIT,
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
        .asks("limit", &limit, "Messages in the answer, at most.")
        .answers::<MessagesPage>(200, schemas, "A page.")
        .fails(&[ErrorCode::Invalid, ErrorCode::UnknownCursor]),
        publisher("get", "/v1/messages/{id}", "What became of a message")
            .asks("after", &receiver, "Only receivers after this one.")
            .asks("limit", &receivers, "Receivers in the answer, at most.")
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

fn files(schemas: &mut Schemas) -> Vec<Operation> {
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

fn publishers(schemas: &mut Schemas) -> Vec<Operation> {
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

fn webhooks(schemas: &mut Schemas) -> Vec<Operation> {
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

fn subscriptions(schemas: &mut Schemas) -> Vec<Operation> {
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

fn own_account(schemas: &mut Schemas) -> Vec<Operation> {
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

fn pages(schemas: &mut Schemas) -> Vec<Operation> {
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

fn admin_accounts(schemas: &mut Schemas) -> Vec<Operation> {
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

fn admin_rest(schemas: &mut Schemas) -> Vec<Operation> {
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
