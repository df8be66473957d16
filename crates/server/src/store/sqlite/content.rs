use hither_protocol::{Html, MAX_FRAME_BYTES, Message};

use super::rows::damaged;
use crate::store::StoreError;

/// The largest page that travels inside its message.
const INLINE_HTML_BYTES: usize = 16 * 1024;
/// What a frame may need around a message: cursor, alert and `read_at`.
const ENVELOPE_BYTES: usize = 512;

/// A message with its page inside, where that fits a frame, or with the page's address.
pub(super) struct Content {
    pub(super) message: Message,
    pub(super) json: String,
    /// The page, when it is not inside.
    pub(super) html: Option<String>,
}

impl Content {
    pub(super) fn new(mut message: Message, html: Option<String>) -> Result<Self, StoreError> {
        for (number, attachment) in message.attachments.iter_mut().enumerate() {
            attachment.href = format!("/v1/messages/{}/attachments/{number}", message.id);
        }
        let Some(page) = html else {
            message.html = None;
            return Self::written(message, None);
        };
        let size = page.len() as u64;
        if page.len() <= INLINE_HTML_BYTES {
            message.html = Some(Html {
                size,
                inline: Some(page.clone()),
                href: None,
            });
            let inside = Self::written(message, None)?;
            if inside.json.len() + ENVELOPE_BYTES < MAX_FRAME_BYTES {
                return Ok(inside);
            }
            message = inside.message;
        }
        message.html = Some(Html {
            size,
            inline: None,
            href: Some(format!("/v1/messages/{}/html", message.id)),
        });
        Self::written(message, Some(page))
    }

    fn written(message: Message, html: Option<String>) -> Result<Self, StoreError> {
        let json = serde_json::to_string(&message).map_err(damaged)?;
        Ok(Self {
            message,
            json,
            html,
        })
    }
}
