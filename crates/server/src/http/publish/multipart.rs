//! A message with its page and files in one request.

use core::time::Duration;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use hither_protocol::{ErrorCode, PublishRequest, Published};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::check::{MAX_ATTACHMENTS, too_many_attachments};
use super::{MAX_REQUEST, hand_over_with, idempotency_key};
use crate::attachments::Arrived;
use crate::http::{App, Failure, JsonBody, attachments};
use crate::store::PublisherRecord;

/// What the boundaries and headers of all parts may take.
const MAX_OVERHEAD: u64 = 64 * 1024;
/// How long a part other than a file may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// What came in a request.
#[derive(Default)]
struct Parts {
    message: Option<Bytes>,
    html: Option<Bytes>,
    files: Vec<(String, Arrived)>,
}

/// Whether the body has parts.
pub(super) fn is_multipart(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.get(.."multipart/form-data".len()))
        .is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
}

/// `POST /v1/messages` as `multipart/form-data`: nothing of it stays where a part fails.
pub(super) async fn publish(
    app: &Arc<App>,
    publisher: &PublisherRecord,
    headers: &HeaderMap,
    mut request: Request,
) -> Result<(StatusCode, Json<Published>), Failure> {
    let _place = attachments::place(app, &publisher.id)?;
    DefaultBodyLimit::max(most_bytes(app)).apply(&mut request);
    let body = Multipart::from_request(request, &())
        .await
        .map_err(|error| Failure::malformed(format!("{}.", error.body_text())))?;
    let parts = Parts::read(app, body).await?;
    let bytes = parts.message.as_ref().ok_or_else(no_message)?;
    let mut request: PublishRequest = JsonBody::parse(bytes)?;
    parts.add_page(&mut request)?;
    let idempotency = idempotency_key(headers)?.map(|key| (key, parts.digest()));

    hand_over_with(app, publisher, request, parts.files, idempotency).await
}

fn most_bytes(app: &App) -> usize {
    let files = app.settings.attachments.file_bytes * MAX_ATTACHMENTS as u64;
    usize::try_from(files + MAX_REQUEST as u64 + MAX_OVERHEAD).unwrap_or(usize::MAX)
}

fn no_message() -> Failure {
    Failure::invalid("Send a part named message: the JSON of the message.")
}

impl Parts {
    async fn read(app: &App, mut body: Multipart) -> Result<Self, Failure> {
        let mut parts = Self::default();
        while let Some(field) = timeout(ARRIVES_WITHIN, body.next_field())
            .await
            .map_err(|_| too_slow())?
            .map_err(|error| unreadable(&error))?
        {
            parts.take(app, field).await?;
        }
        Ok(parts)
    }

    async fn take(&mut self, app: &App, field: Field<'_>) -> Result<(), Failure> {
        match field.name() {
            Some("message") if self.message.is_none() => {
                self.message = Some(whole(field, MAX_REQUEST).await?);
            }
            Some("html") if self.html.is_none() => {
                self.html = Some(whole(field, MAX_REQUEST).await?);
            }
            Some(twice @ ("message" | "html")) => {
                return Err(Failure::invalid(format!("The part {twice} came twice.")));
            }
            Some("attachment") => {
                if self.files.len() == MAX_ATTACHMENTS {
                    return Err(too_many_attachments());
                }
                let name = field.file_name().unwrap_or_default().to_owned();
                let file = attachments::receive(app, field).await?;
                self.files.push((name, file));
            }
            _ => {
                return Err(Failure::invalid(
                    "The parts of a message are named message, html and attachment.",
                ));
            }
        }
        Ok(())
    }

    fn add_page(&self, request: &mut PublishRequest) -> Result<(), Failure> {
        let Some(page) = &self.html else {
            return Ok(());
        };
        if request.html.is_some() {
            return Err(Failure::invalid(
                "Give html once: as a part, or as a field of message.",
            ));
        }
        let page = std::str::from_utf8(page)
            .map_err(|_| Failure::invalid("The part html must be UTF-8."))?;
        request.html = Some(page.to_owned());
        Ok(())
    }

    /// The same for the same content, whatever the boundaries between the parts are.
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.message.as_deref().unwrap_or_default());
        part(self.html.as_deref().unwrap_or_default());
        for (name, file) in &self.files {
            part(name.as_bytes());
            part(&file.hash.0);
        }
        hash.finalize().into()
    }
}

async fn whole(mut field: Field<'_>, most: usize) -> Result<Bytes, Failure> {
    let mut whole = Vec::new();
    while let Some(part) = timeout(ARRIVES_WITHIN, field.chunk())
        .await
        .map_err(|_| too_slow())?
        .map_err(|error| unreadable(&error))?
    {
        if whole.len() + part.len() > most {
            return Err(Failure::new(
                ErrorCode::TooLarge,
                format!("This part may have at most {most} bytes."),
            ));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

fn too_slow() -> Failure {
    Failure::malformed("The body came too slowly; send it again.")
}

fn unreadable(error: &MultipartError) -> Failure {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Failure::new(ErrorCode::TooLarge, "The body is too large; send less.");
    }
    Failure::malformed(format!("The body cannot be read: {error}."))
}
