//! Files beside messages: publishers hand them over, receivers fetch them.

use core::pin::pin;
use core::time::Duration;
use std::io::{ErrorKind, SeekFrom};
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use hither_protocol::{
    Attachment, ErrorCode, MessageId, PublisherId, UploadRef, Uploaded, file_name,
};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::{Instant, timeout_at};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::etag::named_in;
use super::{App, Client, Failure, Publisher};
use crate::accounts::clock;
use crate::attachments::{self, Arrived, FileHash, Held};
use crate::limits::{NoPlace, Place};
use crate::serve::AttachmentLimits;
use crate::store::{Reader, StoreError, Upload};

/// When there may be a place for another request with files, in seconds.
const NO_PLACE_S: u64 = 5;
/// How long an upload waits for a message that names it.
const UPLOAD_LASTS: Duration = Duration::from_hours(1);
/// Read from disk at once, for each download.
const READ_BYTES: usize = 64 * 1024;
/// What foreign content may do in a browser: nothing.
const CAGE: &str = "sandbox; default-src 'none'";
/// What RFC 8187 lets stand in a file name.
pub(super) const PLAIN_IN_NAMES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// What `POST /v1/attachments` may be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Naming {
    #[serde(default)]
    name: String,
}

/// `POST /v1/attachments`
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    naming: Result<Query<Naming>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), Failure> {
    let Query(Naming { name }) = naming.map_err(|error| {
        Failure::malformed(format!(
            "{}. This address takes the parameter name.",
            error.body_text()
        ))
    })?;
    let _place = place(&app, &publisher.id)?;
    not_too_large(&app, declared_size(&headers))?;
    let arrived = receive(&app, body.into_data_stream()).await?;
    let uploads = keep(&app, &publisher.id, vec![(name, arrived)]).await?;
    let upload = uploads.into_iter().next().ok_or_else(nothing_came)?;
    tracing::debug!(publisher = %publisher.id, upload = %upload.id, size = upload.size, "uploaded");
    Ok((StatusCode::CREATED, Json(answer(upload))))
}

/// A place for a request with files.
pub(super) fn place(app: &App, publisher: &PublisherId) -> Result<Place<PublisherId>, Failure> {
    let place = app.uploads.take(Some(publisher.clone()));
    place.map_err(|why| match why {
        NoPlace::Full => Failure::busy(
            "Too many files are on their way to this server; try again in a few seconds.",
            NO_PLACE_S,
        ),
        NoPlace::TooMany => Failure::too_many(
            "As many files of this publisher as may are on their way; wait until one has arrived.",
            NO_PLACE_S,
        ),
    })
}

fn declared_size(headers: &HeaderMap) -> u64 {
    let size = headers
        .get(CONTENT_LENGTH)
        .and_then(|size| size.to_str().ok());
    size.and_then(|size| size.parse().ok()).unwrap_or_default()
}

pub(super) fn not_too_large(app: &App, size: u64) -> Result<(), Failure> {
    let most = app.settings.attachments.file_bytes;
    if size <= most {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::TooLarge,
        format!("A file may have at most {most} bytes; send a smaller one, or a link to it."),
    ))
}

fn nothing_came() -> Failure {
    Failure::invalid("The file is empty; send its content as the body.")
}

/// Takes a file in, at no place yet.
pub(super) async fn receive<E>(
    app: &App,
    bytes: impl Stream<Item = Result<Bytes, E>>,
) -> Result<Arrived, Failure> {
    let mut incoming = app.store.files().receive().map_err(StoreError::from)?;
    let mut bytes = pin!(bytes);
    let begun = Instant::now();
    loop {
        let due = due(&app.settings.attachments, begun, incoming.size());
        let next = timeout_at(due, bytes.next());
        let Some(part) = next.await.map_err(|_| too_slow())? else {
            break;
        };
        let part = part.map_err(|_| {
            Failure::malformed("The file could not be read to its end; send it again.")
        })?;
        not_too_large(app, incoming.size() + part.len() as u64)?;
        incoming.write(&part).await.map_err(StoreError::from)?;
    }
    if incoming.size() == 0 {
        return Err(nothing_came());
    }
    Ok(incoming.finish().await.map_err(StoreError::from)?)
}

/// Until when more of a file must have come of which so much is here: soon, and before it is late as
/// a whole, for it holds one of few places.
fn due(limits: &AttachmentLimits, begun: Instant, received: u64) -> Instant {
    let worth = Duration::from_secs(received / limits.bytes_per_second.max(1));
    let next = Instant::now() + limits.patience;
    next.min(begun + worth + limits.patience)
}

fn too_slow() -> Failure {
    Failure::malformed("The file came too slowly; send it again.")
}

/// Lets go of uploads: what a message needs stays with it. Where that fails, they expire.
pub(super) async fn forget(app: &App, ids: Vec<Uuid>) {
    if ids.is_empty() {
        return;
    }
    if let Err(error) = app.store.forget_uploads(ids).await {
        tracing::warn!(%error, "uploads stay until they expire");
    }
}

/// Puts files in their places and notes them, all or none.
pub(super) async fn keep(
    app: &Arc<App>,
    publisher: &PublisherId,
    arrived: Vec<(String, Arrived)>,
) -> Result<Vec<Upload>, Failure> {
    let (app, publisher) = (Arc::clone(app), publisher.clone());
    let kept = undisturbed(async move {
        let hashes: Vec<FileHash> = arrived.iter().map(|(_, file)| file.hash).collect();
        let kept = keep_held(&app, &publisher, arrived).await;
        if kept.is_err() {
            // They may be at their places already, where nobody needs them.
            tokio::spawn(
                async move { attachments::remove_strays_among(&*app.store, hashes).await },
            );
        }
        kept
    });
    Ok(kept.await?)
}

async fn keep_held(
    app: &App,
    publisher: &PublisherId,
    arrived: Vec<(String, Arrived)>,
) -> Result<Vec<Upload>, StoreError> {
    let (files, now) = (app.store.files(), clock::wall());
    let held = files.hold().await;
    let mut uploads = Vec::new();
    for (name, file) in arrived {
        uploads.push(Upload {
            id: Uuid::now_v7(),
            publisher: publisher.clone(),
            file: file.hash,
            size: file.size,
            name: file_name(&name),
            media_type: file.media_type.to_owned(),
            expires_at: now.saturating_add(UPLOAD_LASTS).unwrap_or(now),
        });
        files.keep(file, &held).await?;
    }
    let quota = app.settings.attachments.quota;
    app.store.add_uploads(uploads.clone(), quota).await?;
    Ok(uploads)
}

/// Does work to its end even when whoever asked for it goes away.
pub(super) async fn undisturbed<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Broken(error.to_string())))
}

fn answer(upload: Upload) -> Uploaded {
    Uploaded {
        id: upload.id,
        name: upload.name,
        media_type: upload.media_type,
        size: upload.size,
        sha256: upload.file.to_string(),
        expires_at: upload.expires_at,
    }
}

/// The files of a message to be stored, which stay where they are while this lives.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) attachments: Vec<Attachment>,
    held: Option<Held>,
}

/// Looks up the uploads that a publisher names.
pub(super) async fn named(
    app: &App,
    publisher: &PublisherId,
    uploads: &[UploadRef],
) -> Result<Named, Failure> {
    if uploads.is_empty() {
        return Ok(Named::default());
    }
    let held = app.store.files().hold().await;
    let mut attachments = Vec::new();
    for (number, UploadRef { id, name }) in uploads.iter().enumerate() {
        let upload = app.store.upload(publisher, *id).await?;
        let upload = upload.ok_or_else(|| gone(number))?;
        attachments.push(Attachment {
            name: name.as_deref().map_or(upload.name, file_name),
            media_type: upload.media_type,
            size: upload.size,
            // The store fills it in.
            href: String::new(),
            sha256: Some(upload.file.to_string()),
        });
    }
    Ok(Named {
        attachments,
        held: Some(held),
    })
}

fn gone(number: usize) -> Failure {
    Failure::invalid(format!(
        "attachments[{number}] names no upload of this publisher; uploads are kept for {} minutes. \
         Send the file to POST /v1/attachments again.",
        UPLOAD_LASTS.as_secs() / 60
    ))
}

impl Named {
    /// Carries out what makes the store need the files, to its end.
    pub(super) async fn while_held<T: Send + 'static>(
        held: Option<Held>,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Some(held) = held else {
            return work.await;
        };
        undisturbed(async move {
            let done = work.await;
            drop(held);
            done
        })
        .await
    }

    /// What keeps the files, apart from their names.
    pub(super) fn take_held(&mut self) -> Option<Held> {
        self.held.take()
    }
}

/// `GET /v1/messages/{id}/attachments/{n}`
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    client: Client,
    path: Result<Path<(String, usize)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let attachment = attachment(&app, &client, path).await?;
    hand_out(&app, &attachment, &headers).await
}

/// Answers a file, or what of it is asked for, to somebody who may have it.
pub(super) async fn hand_out(
    app: &App,
    attachment: &Attachment,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let hash: FileHash = attachment
        .sha256
        .as_deref()
        .and_then(|hash| hash.parse().ok())
        .ok_or_else(no_file)?;
    let etag = format!("\"{hash}\"");
    let mut answer = if named_in(headers, &IF_NONE_MATCH, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let range = range(headers, &etag, attachment.size)?;
        content(app, &hash, attachment.size, range).await?
    };
    describe(answer.headers_mut(), attachment, &etag);
    Ok(answer)
}

async fn attachment(
    app: &App,
    client: &Client,
    path: Result<Path<(String, usize)>, PathRejection>,
) -> Result<Attachment, Failure> {
    let (id, number) = path
        .ok()
        .and_then(|Path((id, number))| Some((id.parse::<MessageId>().ok()?, number)))
        .ok_or_else(no_file)?;
    let message = app
        .store
        .message(&Reader::Client(client.0.client), id)
        .await?;
    message
        .and_then(|message| message.attachments.into_iter().nth(number))
        .ok_or_else(no_file)
}

fn no_file() -> Failure {
    Failure::not_found("This account has no message with that id and an attachment of that number.")
}

/// The one part that is asked for; everything where several are, or what makes no sense.
fn range(
    headers: &HeaderMap,
    etag: &str,
    size: u64,
) -> Result<Option<RangeInclusive<u64>>, Failure> {
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let is_stale = headers.contains_key(IF_RANGE) && !named_in(headers, &IF_RANGE, etag);
    let Some(asked) = asked.filter(|_| !is_stale) else {
        return Ok(None);
    };
    let Ok(parsed) = parse_range_header(asked) else {
        return Ok(None);
    };
    match parsed.validate(size).as_deref() {
        Ok([range]) if *range.start() < size => Ok(Some(range.clone())),
        Ok([_]) | Err(RangeUnsatisfiableError::RangeReversed) => Err(Failure::beyond(size)),
        _ => Ok(None),
    }
}

async fn content(
    app: &App,
    hash: &FileHash,
    size: u64,
    range: Option<RangeInclusive<u64>>,
) -> Result<Response, Failure> {
    let opened = File::open(app.store.files().path(hash)).await;
    let mut file = opened.map_err(|error| match error.kind() {
        // It was removed between the question and now, or a disk lost it.
        ErrorKind::NotFound => no_file(),
        _ => Failure::from(StoreError::from(error)),
    })?;
    let Some(range) = range else {
        let stream = ReaderStream::with_capacity(file, READ_BYTES);
        let length = HeaderValue::from(size);
        return Ok(([(CONTENT_LENGTH, length)], Body::from_stream(stream)).into_response());
    };
    let (start, end) = range.into_inner();
    file.seek(SeekFrom::Start(start))
        .await
        .map_err(StoreError::from)?;
    let length = end - start + 1;
    let stream = ReaderStream::with_capacity(file.take(length), READ_BYTES);
    let headers = [
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_RANGE, format!("bytes {start}-{end}/{size}")),
    ];
    Ok((
        StatusCode::PARTIAL_CONTENT,
        headers,
        Body::from_stream(stream),
    )
        .into_response())
}

fn describe(headers: &mut HeaderMap, attachment: &Attachment, etag: &str) {
    let shown = if attachments::is_picture(&attachment.media_type) {
        "inline"
    } else {
        "attachment"
    };
    let name = utf8_percent_encode(&attachment.name, PLAIN_IN_NAMES);
    for (header, value) in [
        (CONTENT_TYPE, attachment.media_type.clone()),
        (
            CONTENT_DISPOSITION,
            format!("{shown}; filename*=UTF-8''{name}"),
        ),
        (ETAG, etag.to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_SECURITY_POLICY, CAGE.to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ] {
        // All are made of visible ASCII.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(header, value);
        }
    }
}
