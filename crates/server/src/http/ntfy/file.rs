//! Files of messages: a body that is one, and `GET /file/{topic}/{id}/{name}`.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use hither_protocol::{Attachment, MessageId};
use percent_encoding::utf8_percent_encode;

use super::asked::{Arriving, Asked};
use super::error::{NtfyError, Why};
use super::publication::File;
use super::topic::readable;
use crate::http::attachments::{self, PLAIN_IN_NAMES};
use crate::http::{App, Origin};
use crate::store::{Position, PublisherRecord, TopicId, Upload, What};

/// What a file is called that nobody gave a name.
const NAMELESS: &str = "attachment";

/// Takes a body in, as an upload for the message it came with.
pub(super) async fn keep(
    app: &Arc<App>,
    publisher: &PublisherRecord,
    file: File,
    body: Arriving,
) -> Result<Upload, NtfyError> {
    let _place = attachments::place(app, &publisher.id)?;
    let arrived = attachments::receive(app, body.stream()).await?;
    let name = file
        .name
        .unwrap_or_else(|| format!("{NAMELESS}{}", ending(arrived.media_type)));
    let kept = attachments::keep(app, &publisher.id, vec![(name, arrived)]).await?;
    let nothing = || NtfyError::new(Why::Invalid, "the file is empty");
    kept.into_iter().next().ok_or_else(nothing)
}

/// What the name of a file of this type ends with.
fn ending(media_type: &str) -> String {
    let ending = match media_type.split_once('/') {
        Some(("text", _)) => "txt",
        Some((_, "jpeg")) => "jpg",
        Some((_, "gzip")) => "gz",
        Some((_, kind)) if kind.len() <= 5 => kind,
        _ => return String::new(),
    };
    format!(".{ending}")
}

/// Where the file of a topic's message is.
pub(super) fn address(origin: &Origin, topic: &str, id: MessageId, file: &Attachment) -> String {
    let name = utf8_percent_encode(&file.name, PLAIN_IN_NAMES);
    origin.address(&format!("/file/{topic}/{id}/{name}"))
}

/// `GET /file/{topic}/{message id}/{name}`, for whoever may read the topic. The name is for those
/// who look at the address.
pub(super) async fn download(
    Path((topic, id, _)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, NtfyError> {
    let who = asked.who().await?;
    let topic = readable(&asked.app, &topic, &who.grantee()).await?;
    let topic = asked.app.store.topic(&topic).await?;
    let gone = || NtfyError::new(Why::NotFound, "this topic has no such file, or no longer");
    let id: MessageId = id.parse().map_err(|_| gone())?;
    let topic = topic.ok_or_else(gone)?.id;
    let file = file(&asked.app, topic, id).await?.ok_or_else(gone)?;
    Ok(attachments::hand_out(&asked.app, &file, &asked.headers).await?)
}

/// The one that a message of a topic shows to ntfy's clients: its first.
async fn file(app: &App, topic: TopicId, id: MessageId) -> Result<Option<Attachment>, NtfyError> {
    let Some(Position(place)) = app.store.topic_position(topic, id).await? else {
        return Ok(None);
    };
    let before = Position(place.saturating_sub(1));
    let page = app.store.topic_page(topic, before, None, 1).await?;
    Ok(page.entries.into_iter().find_map(|entry| match entry.what {
        What::Message(message) if message.id == id => message.attachments.first().cloned(),
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nameless_file_ends_as_its_type_does() {
        for (media_type, expected) in [
            ("text/plain; charset=utf-8", ".txt"),
            ("image/jpeg", ".jpg"),
            ("image/png", ".png"),
            ("application/pdf", ".pdf"),
            ("application/octet-stream", ""),
            ("application/x-7z-compressed", ""),
        ] {
            assert_eq!(ending(media_type), expected, "{media_type}");
        }
    }
}
