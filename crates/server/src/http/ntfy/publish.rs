//! Publishing: `PUT` and `POST /{topic}`, `POST /` as JSON, and `GET /{topic}/publish`.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use hither_protocol::{MessageId, UploadRef};
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::asked::{Arriving, Asked, whole};
use super::error::{NtfyError, Why};
use super::file;
use super::message::NtfyMessage;
use super::params;
use super::publication::{self, MAX_TEXT, Publication};
use super::topic::{topic_name, writable};
use super::who::Who;
use crate::accounts::clock;
use crate::http::{App, attachments, publish};
use crate::secret;
use crate::store::{PublisherRecord, StoreError};

/// The largest body as JSON, in bytes: a text with room for escapes.
const MAX_JSON: usize = 2 * MAX_TEXT;

pub(super) type Answer = Result<Json<NtfyMessage>, NtfyError>;

/// `PUT` or `POST /{topic}`
pub(super) async fn to_topic(Path(topic): Path<String>, asked: Asked, body: Body) -> Answer {
    let who = asked.who().await?;
    let body = Arriving::begin(body, MAX_TEXT).await?;
    hand_over(&asked, &who, &topic, body).await
}

/// `PUT` or `POST /{topic}/{sequence id}`
pub(super) async fn in_sequence(
    Path((topic, id)): Path<(String, String)>,
    mut asked: Asked,
    body: Body,
) -> Answer {
    asked.params.set(params::SEQUENCE_ID, id);
    to_topic(Path(topic), asked, body).await
}

/// `POST /`
pub(crate) async fn as_json(mut asked: Asked, body: Body) -> Answer {
    let who = asked.who().await?;
    let body = whole(body, MAX_JSON, Why::JsonTooLarge).await?;
    let (topic, text) = publication::json(&body, &mut asked.params)?;
    hand_over(&asked, &who, &topic, Arriving::whole(text)).await
}

/// `GET /{topic}/publish`, `/send` and `/trigger`
pub(super) async fn by_get(asked: &Asked, topic: &str) -> Answer {
    let who = asked.who().await?;
    hand_over(asked, &who, topic, Arriving::whole(String::new())).await
}

/// `DELETE /{topic}/{sequence id or message id}`
pub(super) async fn recall(Path((topic, id)): Path<(String, String)>, asked: Asked) -> Answer {
    let topic = topic_name(&topic)?;
    let publisher = publisher(&asked.app, &asked.who().await?).await?;
    let store = &asked.app.store;
    let key = publication::key(topic.as_str(), &id);
    let mut messages = store.keyed_messages(&publisher.id, &key).await?;
    if messages.is_empty() {
        messages.extend(id.parse::<MessageId>());
    }
    let gone = || NtfyError::new(Why::NotFound, "you have no such message in this topic");
    let first = *messages.first().ok_or_else(gone)?;
    let keys = store.keys_of(vec![first]).await?;
    for message in messages {
        if !store.is_in_topic(message, &topic).await? {
            return Err(gone());
        }
        match store.recall(&publisher.id, message).await {
            Ok(()) => {}
            Err(StoreError::NotFound) => return Err(gone()),
            Err(error) => return Err(error.into()),
        }
    }
    let key = keys.get(&first).map(String::as_str);
    let line = NtfyMessage::gone(first, key, topic.as_str(), clock::wall());
    Ok(Json(line))
}

async fn hand_over(asked: &Asked, who: &Who, topic: &str, body: Arriving) -> Answer {
    let topic = topic_name(topic)?;
    let (params, content_type) = (&asked.params, asked.content_type());
    let Publication {
        mut request,
        beyond,
        file,
    } = publication::read(topic.as_str(), params, content_type, &body.head, &now())?;
    let app = &asked.app;
    let publisher = publisher(app, who).await?;
    let fields = beyond.to_text();
    let upload = match file {
        Some(file) => {
            // Before all of it has come.
            writable(app, topic.as_str(), &who.grantee()).await?;
            Some(file::keep(app, &publisher, file, body).await?)
        }
        None => None,
    };
    if let Some(upload) = &upload {
        request.attachments = vec![UploadRef {
            id: upload.id,
            name: None,
        }];
        if request.body.is_empty() {
            request.body = publication::received(&upload.name);
        }
    }
    let accepted = publish::accept(app, &publisher, &who.grantee(), request, fields).await;
    if let Some(upload) = upload {
        // What the message needs stays with it.
        attachments::forget(app, vec![upload.id]).await;
    }
    let (origin, kept_for) = (asked.origin()?, app.settings.retention.age);
    let line = NtfyMessage::of(accepted?, beyond, topic.as_str(), &origin, kept_for);
    Ok(Json(line))
}

/// From whom a message comes: an account has a publisher of its own name.
async fn publisher(app: &App, who: &Who) -> Result<PublisherRecord, NtfyError> {
    match who {
        Who::Publisher(publisher, _) => Ok(publisher.clone()),
        Who::Account(name, _) => {
            let proposed = secret::person_id();
            Ok(app.store.publisher_of(name, proposed).await?)
        }
    }
}

/// The time in the server's own time zone, which times of day are meant in.
fn now() -> Zoned {
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    clock::wall().to_zoned(zone)
}
