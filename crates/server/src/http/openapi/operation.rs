//! One method of one address.

use std::collections::BTreeSet;

use hither_protocol::ErrorCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anyone,
    /// Without anything, or with an administrator's access token.
    AnyoneOrAdministrator,
    /// With an access token.
    Client,
    /// With id and secret.
    Publisher,
    /// With the admin page's cookie.
    Administrator,
}

impl Who {
    fn security(self) -> Value {
        match self {
            Self::Anyone => json!([]),
            Self::AnyoneOrAdministrator => json!([{}, { "accessToken": [] }]),
            Self::Client => json!([{ "accessToken": [] }, { "phoneCookie": [] }]),
            Self::Publisher => json!([{ "publisher": [] }, { "publisherToken": [] }]),
            Self::Administrator => json!([{ "adminCookie": [] }]),
        }
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::Anyone | Self::AnyoneOrAdministrator => "anyone",
            Self::Client => "clients",
            Self::Publisher => "publishers",
            Self::Administrator => "administrators",
        }
    }
}

pub(super) fn security_schemes() -> Value {
    let cookie = |name: &str, page: &str| {
        json!({
            "type": "apiKey", "in": "cookie", "name": name,
            "description": format!(
                "Of {page}. What changes something must carry this server's own Origin."
            ),
        })
    };
    json!({
        "accessToken": { "type": "http", "scheme": "bearer", "description": "From a sign-in." },
        "publisher": { "type": "http", "scheme": "basic", "description": "Id and secret." },
        "publisherToken": { "type": "http", "scheme": "bearer", "description": "ID.SECRET" },
        "phoneCookie": cookie("hither_session", "the phone page"),
        "adminCookie": cookie("hither_admin", "the admin page"),
    })
}

/// What is said about one method of one address.
#[derive(Debug)]
pub(super) struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    who: Who,
    parameters: Vec<Value>,
    request: Option<Value>,
    answers: Map<String, Value>,
    failures: BTreeSet<u16>,
}

impl Operation {
    pub(super) fn new(
        method: &'static str,
        path: &'static str,
        who: Who,
        summary: &'static str,
    ) -> Self {
        let names = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'));
        let parameters = names.map(|(name, _)| path_parameter(name)).collect();
        let this = Self {
            method,
            path,
            summary,
            who,
            parameters,
            request: None,
            answers: Map::new(),
            failures: BTreeSet::new(),
        };
        let this = this.fails(&[ErrorCode::Internal, ErrorCode::Unavailable]);
        match who {
            Who::Anyone => this,
            _ => this.fails(&[ErrorCode::Unauthenticated, ErrorCode::Forbidden]),
        }
    }

    /// The body it takes.
    pub(super) fn takes<T: JsonSchema>(mut self, schemas: &mut SchemaGenerator) -> Self {
        let schema = schemas.subschema_for::<T>();
        self.request = Some(json!({
            "required": true, "content": { "application/json": { "schema": schema } },
        }));
        self.fails(&[
            ErrorCode::Malformed,
            ErrorCode::TooLarge,
            ErrorCode::UnsupportedMediaType,
            ErrorCode::Invalid,
        ])
    }

    /// A parameter in the query.
    pub(super) fn asks(mut self, name: &str, schema: &Value, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "schema": schema, "description": description,
        }));
        self.fails(&[ErrorCode::Malformed])
    }

    /// A body that is a file's content.
    pub(super) fn takes_bytes(mut self) -> Self {
        self.request = Some(json!({
            "required": true,
            "content": { "application/octet-stream": { "schema": { "type": "string", "format": "binary", "minLength": 1 } } },
        }));
        self
    }

    /// A header that may come along.
    pub(super) fn heeds(mut self, name: &str, schema: &Value, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "header", "schema": schema, "description": description,
        }));
        self
    }

    /// A body in JSON.
    pub(super) fn answers<T: JsonSchema>(
        self,
        status: u16,
        schemas: &mut SchemaGenerator,
        description: &str,
    ) -> Self {
        let schema = schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.says(status, description, Some(content))
    }

    /// A text of this media type.
    pub(super) fn shows(self, status: u16, media_type: &str, description: &str) -> Self {
        let content = json!({ media_type: { "schema": { "type": "string" } } });
        self.says(status, description, Some(content))
    }

    /// A JSON body that no type of this server describes.
    pub(super) fn shows_json(self, status: u16, schema: &Value, description: &str) -> Self {
        let content = json!({ "application/json": { "schema": schema } });
        self.says(status, description, Some(content))
    }

    /// An answer without a body.
    pub(super) fn done(self, status: u16, description: &str) -> Self {
        self.says(status, description, None)
    }

    pub(super) fn fails(mut self, codes: &[ErrorCode]) -> Self {
        self.failures.extend(codes.iter().map(|code| code.status()));
        self
    }

    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    pub(super) fn path(&self) -> String {
        self.path.to_owned()
    }

    pub(super) fn describe(&self) -> Value {
        let mut responses = self.answers.clone();
        for status in &self.failures {
            let name = problem_name(*status);
            let problem = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.insert(status.to_string(), problem);
        }
        let mut described = json!({
            "summary": self.summary,
            "tags": [self.who.tag()],
            "operationId": self.id(),
            "security": self.who.security(),
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            described["parameters"] = json!(self.parameters);
        }
        if let Some(request) = &self.request {
            described["requestBody"] = request.clone();
        }
        described
    }

    fn says(mut self, status: u16, description: &str, content: Option<Value>) -> Self {
        let mut answer = json!({ "description": description });
        if let Some(content) = content {
            answer["content"] = content;
        }
        self.answers.insert(status.to_string(), answer);
        self
    }

    /// `get_v1_messages_id_html`
    fn id(&self) -> String {
        let words = self.path.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        format!("{}_{}", self.method, words.join("_"))
    }
}

/// As `TopicName` has it.
const TOPIC: &str = "^[A-Za-z0-9_-]{1,64}$";

fn path_parameter(name: &str) -> Value {
    let schema = match name {
        "topic" => json!({ "type": "string", "pattern": TOPIC }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

/// The name of the response with which errors of this status come.
pub(super) fn problem_name(status: u16) -> String {
    format!("Problem{status}")
}
