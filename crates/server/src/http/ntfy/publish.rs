//! Publishing: `PUT` and `POST /{topic}`, `POST /` as JSON, and `GET /{topic}/publish`.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use hither_protocol::MessageId;
use jiff::Zoned;
use jiff::tz::TimeZone;

use super::asked::{Asked, whole};
use super::error::{NtfyError, Why};
use super::message::NtfyMessage;
use super::params;
use super::publication::{self, MAX_TEXT, Publication};
use super::topic::topic_name;
use super::who::Who;
use crate::accounts::clock;
use crate::http::{App, publish};
use crate::secret;
use crate::store::{PublisherRecord, StoreError};

/// The largest body, in bytes: a text with room for what is refused with a better word.
const MAX_BODY: usize = 2 * MAX_TEXT;

pub(super) type Answer = Result<Json<NtfyMessage>, NtfyError>;

/// `PUT` or `POST /{topic}`
pub(super) async fn to_topic(Path(topic): Path<String>, asked: Asked, body: Body) -> Answer {
    let who = asked.who().await?;
    let body = whole(body, MAX_BODY, Why::TooLarge).await?;
    hand_over(&asked, &who, &topic, &body).await
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
    let body = whole(body, MAX_BODY, Why::JsonTooLarge).await?;
    let (topic, text) = publication::json(&body, &mut asked.params)?;
    hand_over(&asked, &who, &topic, text.as_bytes()).await
}

/// `GET /{topic}/publish`, `/send` and `/trigger`
pub(super) async fn by_get(asked: &Asked, topic: &str) -> Answer {
    let who = asked.who().await?;
    hand_over(asked, &who, topic, b"").await
}

/// `DELETE /{topic}/{sequence id or message id}`
pub(super) async fn recall(Path((topic, id)): Path<(String, String)>, asked: Asked) -> Answer {
    let topic = topic_name(&topic)?;
    let publisher = publisher(&asked.app, &asked.who().await?).await?;
    let message = if let Ok(message) = id.parse::<MessageId>() {
        Some(message)
    } else {
        let key = publication::key(topic.as_str(), &id);
        asked.app.store.keyed_message(&publisher.id, &key).await?
    };
    let gone = || NtfyError::new(Why::NotFound, "you have no such message in this topic");
    let message = message.ok_or_else(gone)?;
    match asked.app.store.recall(&publisher.id, message).await {
        Ok(()) => {
            let line = NtfyMessage::gone(message, topic.as_str(), clock::wall());
            Ok(Json(line))
        }
        Err(StoreError::NotFound) => Err(gone()),
        Err(error) => Err(error.into()),
    }
}

async fn hand_over(asked: &Asked, who: &Who, topic: &str, body: &[u8]) -> Answer {
    let topic = topic_name(topic)?;
    let content_type = asked.content_type();
    let publication = publication::read(topic.as_str(), &asked.params, content_type, body, &now())?;
    let Publication {
        request,
        deliver_at,
        beyond,
        file,
    } = publication;
    if file.is_some() {
        let detail = format!(
            "files are not offered yet by this server, and a text has at most {MAX_TEXT} bytes"
        );
        return Err(NtfyError::new(Why::Attachments, detail));
    }
    if deliver_at.is_some() {
        let detail = "delayed delivery is not offered yet by this server; leave it out";
        return Err(NtfyError::new(Why::Delay, detail));
    }
    let publisher = publisher(&asked.app, who).await?;
    let fields = beyond.to_text();
    let message = publish::accept(&asked.app, &publisher, &who.grantee(), request, fields).await?;
    let origin = asked.origin()?;
    let line = NtfyMessage::of(message, beyond, topic.as_str(), &origin);
    Ok(Json(line))
}

/// From whom a message comes: an account has a publisher of its own name.
async fn publisher(app: &App, who: &Who) -> Result<PublisherRecord, NtfyError> {
    match who {
        Who::Publisher(publisher, _) => Ok(publisher.clone()),
        Who::Account(name, _) => {
            let proposed = secret::publisher_id("account").expect("it is a prefix of a publisher");
            Ok(app.store.publisher_of(name, proposed).await?)
        }
    }
}

/// The time in the server's own time zone, which times of day are meant in.
fn now() -> Zoned {
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    clock::wall().to_zoned(zone)
}
