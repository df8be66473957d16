//! A publish from the command line: a publisher's, with its id and secret, through the same checks
//! as over HTTP.

use std::sync::Arc;

use axum::Json;
use hither_protocol::{Published, Timestamp};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::check::{MAX_ATTACHMENTS, too_many_attachments};
use super::{hand_over_with, valid_key};
use crate::admin::{Content, FileAhead, Publish, Repeat};
use crate::attachments::Arrived;
use crate::http::publisher::{admit, unauthenticated};
use crate::http::{App, Failure, attachments};

/// A file with its name.
type Named = (String, Arrived);

/// Publishes a message with files, whose bytes come one after another. Answers also when it comes,
/// while it waits for that.
pub(crate) async fn on_command(
    app: &Arc<App>,
    publish: Publish,
    content: Content<'_>,
) -> Result<(Published, Option<Timestamp>), Failure> {
    let publisher = admit(app, publish.id.as_str(), &publish.secret).await?;
    let publisher = publisher.ok_or_else(unauthenticated)?;
    if publish.files.len() > MAX_ATTACHMENTS {
        return Err(too_many_attachments());
    }
    let place = (!publish.files.is_empty()).then(|| attachments::place(app, &publish.id));
    let _place = place.transpose()?;
    let mut arrived = Vec::new();
    for file in publish.files {
        let taken = take(app, &file, content).await?;
        arrived.push((file.name, taken));
    }
    let repeat = publish.repeat.map(|repeat| known_by(repeat, &arrived));
    let stored = hand_over_with(
        app,
        &publisher,
        publish.message,
        arrived,
        repeat.transpose()?,
    );
    let (_, Json(answer)) = stored.await?;
    // Of a repeat, the first one's.
    let states = app.store.states(&publisher.id, answer.id, None, 1).await;
    Ok((answer, states.ok().and_then(|states| states.deliver_at)))
}

fn known_by(repeat: Repeat, files: &[Named]) -> Result<(String, [u8; 32]), Failure> {
    let key = valid_key(repeat.key)?;
    let mut hash = Sha256::new_with_prefix(repeat.asked);
    for (name, file) in files {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update(file.hash.0);
    }
    Ok((key, hash.finalize().into()))
}

async fn take(app: &App, file: &FileAhead, content: Content<'_>) -> Result<Arrived, Failure> {
    let FileAhead { name, size } = file;
    attachments::not_too_large(app, *size)?;
    let arrived = attachments::receive(app, ReaderStream::new(content.take(*size))).await?;
    if arrived.size == *size {
        return Ok(arrived);
    }
    Err(Failure::invalid(format!(
        "{name} ended after {} of {size} bytes; send it again once nobody writes into it.",
        arrived.size
    )))
}
