//! A publish in ntfy's form, read into Hither's own.

use hither_protocol::{
    Action, Format, Priority, PublishRequest, Recipients, Timestamp, null_as_default,
};
use jiff::Zoned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actions::{self, NtfyAction};
use super::error::{NtfyError, Why};
use super::params::{self, Params};
use super::{delay, template};
use crate::http::body::object;
use crate::page_text::page_text;

/// Stands in for a message without text.
const NO_TEXT: &str = "triggered";
/// The longest text, in bytes; what is longer is an attachment.
pub(super) const MAX_TEXT: usize = 32 * 1024;
const WEB: &[&str] = &["http://", "https://"];
const LINKS: &[&str] = &["http://", "https://", "mailto:"];

/// What is to be published.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publication {
    pub(super) request: PublishRequest,
    /// What only ntfy's clients understand.
    pub(super) beyond: Beyond,
    /// The body, where it is a file and not the text.
    pub(super) file: Option<File>,
}

/// A body that is a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// As the publisher calls it, if it does.
    pub(super) name: Option<String>,
}

/// What a message says to ntfy's own clients that Hither's do not carry out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beyond {
    /// Leads somewhere that is no web page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) click: Option<String>,
    /// All buttons, where some are not plain links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) actions: Vec<NtfyAction>,
    /// A file that lies elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attachment: Option<Elsewhere>,
    /// It is for those who listen, and kept for nobody.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) fleeting: bool,
    /// What its page says, where it says nothing else.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) page: String,
}

/// What ntfy's clients are told of a page, which they cannot show, as JSON; nothing where it has no
/// words.
pub(crate) fn of_page(html: &str) -> Option<String> {
    let beyond = Beyond {
        page: page_text(html),
        ..Beyond::default()
    };
    let says = !beyond.page.is_empty();
    says.then(|| serde_json::to_string(&beyond).expect("texts under names that are texts"))
}

/// A file on another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Elsewhere {
    pub(super) name: String,
    pub(super) url: String,
}

/// The body of `POST /`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "null_as_default")]
    topic: String,
    #[serde(deserialize_with = "null_as_default")]
    title: String,
    #[serde(deserialize_with = "null_as_default")]
    message: String,
    priority: Value,
    #[serde(deserialize_with = "null_as_default")]
    tags: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    click: String,
    #[serde(deserialize_with = "null_as_default")]
    icon: String,
    actions: Value,
    #[serde(deserialize_with = "null_as_default")]
    attach: String,
    #[serde(deserialize_with = "null_as_default")]
    filename: String,
    #[serde(deserialize_with = "null_as_default")]
    markdown: bool,
    #[serde(deserialize_with = "null_as_default")]
    email: String,
    #[serde(deserialize_with = "null_as_default")]
    call: String,
    #[serde(deserialize_with = "null_as_default")]
    delay: String,
    #[serde(deserialize_with = "null_as_default")]
    cache: String,
    #[serde(deserialize_with = "null_as_default")]
    sequence_id: String,
}

/// The topic and the text of a JSON body; its other fields go into `params`.
pub(super) fn json(body: &[u8], params: &mut Params) -> Result<(String, String), NtfyError> {
    let fields: Fields = object(body).map_err(|why| NtfyError::new(Why::Json, why.into_words()))?;
    params.set(params::TITLE, fields.title);
    params.set(params::PRIORITY, word(&fields.priority)?);
    params.set(params::TAGS, fields.tags.join(","));
    params.set(params::CLICK, fields.click);
    params.set(params::ICON, fields.icon);
    let actions = match fields.actions {
        Value::Null => String::new(),
        Value::String(text) => text,
        list => list.to_string(),
    };
    params.set(params::ACTIONS, actions);
    params.set(params::ATTACH, fields.attach);
    params.set(params::FILENAME, fields.filename);
    if fields.markdown {
        params.set(params::MARKDOWN, "yes".to_owned());
    }
    params.set(params::EMAIL, fields.email);
    params.set(params::CALL, fields.call);
    params.set(params::DELAY, fields.delay);
    params.set(params::CACHE, fields.cache);
    params.set(params::SEQUENCE_ID, fields.sequence_id);
    Ok((fields.topic, fields.message))
}

fn word(value: &Value) -> Result<String, NtfyError> {
    match value {
        // What a program writes that was given none.
        Value::Number(number) if number.as_u64() == Some(0) => Ok(String::new()),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        _ => Err(Why::Priority.into()),
    }
}

/// Reads a publish to `topic`. `content_type` is that of the body.
pub(super) fn read(
    topic: &str,
    params: &Params,
    content_type: &str,
    body: &[u8],
    now: &Zoned,
) -> Result<Publication, NtfyError> {
    refuse(params)?;
    let mut beyond = Beyond {
        attachment: elsewhere(params)?,
        fleeting: !params.flag(params::CACHE, true),
        ..Beyond::default()
    };
    let (mut title, mut text, file) = content(params, beyond.attachment.as_ref(), body)?;
    if let Some(kind) = params.text(params::TEMPLATE).filter(|kind| *kind != "no") {
        if file.is_some() {
            let detail = format!("a template is filled from a text of at most {MAX_TEXT} bytes");
            return Err(NtfyError::new(Why::Template, detail));
        }
        (title, text) = templated(kind, params, &text)?;
    }
    if let Some(name) = empty_file(params, beyond.attachment.as_ref(), body) {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        text = format!("{text}{gap}The file {name} is empty.");
    }
    if text.is_empty() {
        text = match (&beyond.attachment, &file) {
            (Some(elsewhere), _) => received(&elsewhere.name),
            (None, None) => NO_TEXT.to_owned(),
            // Once it is known what the file is called.
            (None, Some(_)) => text,
        };
    }
    let mut request = PublishRequest {
        to: Recipients {
            topics: vec![topic.to_owned()],
            ..Recipients::default()
        },
        title: one_line(&title),
        body: text,
        format: format(params, content_type),
        priority: priority(params.text(params::PRIORITY).unwrap_or_default())?,
        tags: tags(params),
        icon: icon(params)?,
        key: params.text(params::SEQUENCE_ID).map(|id| key(topic, id)),
        deliver_at: deliver_at(params, now)?,
        ttl_s: beyond.fleeting.then_some(0),
        ..PublishRequest::default()
    };
    links(params, &mut request, &mut beyond)?;
    Ok(Publication {
        request,
        beyond,
        file,
    })
}

/// The name of a file without content, which cannot be kept: the message says so.
fn empty_file<'p>(
    params: &'p Params,
    elsewhere: Option<&Elsewhere>,
    body: &[u8],
) -> Option<&'p str> {
    let name = params.text(params::FILENAME)?;
    let is_one = elsewhere.is_none() && body.is_empty() && !name.is_empty();
    is_one.then_some(name)
}

/// Stands in for a message that is only a file.
pub(super) fn received(name: &str) -> String {
    format!("You received a file: {name}")
}

fn deliver_at(params: &Params, now: &Zoned) -> Result<Option<Timestamp>, NtfyError> {
    let Some(text) = params.text(params::DELAY) else {
        return Ok(None);
    };
    if !params.flag(params::CACHE, true) {
        let detail = "what comes later is kept until then; leave out one of the two";
        return Err(NtfyError::new(Why::DelayNoCache, detail));
    }
    delay::parse(text, now).map(Some)
}

/// A sequence means something within its topic, a key with all that a publisher sends.
pub(super) fn key(topic: &str, sequence_id: &str) -> String {
    format!("{topic}/{sequence_id}")
}

/// What Hither's server does not do is refused, not left out.
fn refuse(params: &Params) -> Result<(), NtfyError> {
    let detail = |what: &str| format!("{what}; leave it out, Hither itself rings the phone");
    if params.text(params::EMAIL).is_some() {
        return Err(NtfyError::new(
            Why::Email,
            detail("this server sends no mail"),
        ));
    }
    if params.text(params::CALL).is_some() {
        return Err(NtfyError::new(
            Why::Call,
            detail("this server calls nobody"),
        ));
    }
    if params.flag(params::UNIFIED_PUSH, false) {
        let detail = "UnifiedPush is not offered: its senders have no credentials";
        return Err(NtfyError::new(Why::Invalid, detail));
    }
    if params.text(params::POLL_ID).is_some() {
        return Err(NtfyError::new(
            Why::Invalid,
            "poll requests are not offered",
        ));
    }
    Ok(())
}

/// Title, text, and the file that the body is.
fn content(
    params: &Params,
    elsewhere: Option<&Elsewhere>,
    body: &[u8],
) -> Result<(String, String, Option<File>), NtfyError> {
    let title = params.text(params::TITLE).unwrap_or_default().to_owned();
    let text = params.text(params::MESSAGE).unwrap_or_default();
    let text = text.replace("\\n", "\n");
    let name = params.text(params::FILENAME).unwrap_or_default();
    let text_of_body = std::str::from_utf8(body);
    let is_file = elsewhere.is_none()
        && (!name.is_empty() && !body.is_empty() || body.len() > MAX_TEXT || text_of_body.is_err());
    if is_file {
        let name = (!name.is_empty()).then(|| name.to_owned());
        return Ok((title, text, Some(File { name })));
    }
    let body = text_of_body
        .map_err(|_| NtfyError::from(Why::NotUtf8))?
        .trim();
    let text = if body.is_empty() {
        text
    } else {
        body.to_owned()
    };
    Ok((title, text, None))
}

fn templated(kind: &str, params: &Params, body: &str) -> Result<(String, String), NtfyError> {
    if !["yes", "1", "true"].contains(&kind.to_ascii_lowercase().as_str()) {
        let detail = format!("there is no template '{kind}' here; give title and message yourself");
        return Err(NtfyError::new(Why::Template, detail));
    }
    let values: Value = serde_json::from_str(body)
        .map_err(|error| NtfyError::new(Why::TemplateNotJson, error.to_string()))?;
    let fill = |names| template::fill(params.text(names).unwrap_or_default(), &values);
    let text = fill(params::MESSAGE)?.replace("\\n", "\n");
    Ok((fill(params::TITLE)?, text))
}

fn one_line(title: &str) -> String {
    title
        .split(char::is_control)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn format(params: &Params, content_type: &str) -> Format {
    let markdown = content_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/markdown"));
    if params.flag(params::MARKDOWN, markdown) {
        Format::Markdown
    } else {
        Format::Plain
    }
}

pub(super) fn priority(text: &str) -> Result<Priority, NtfyError> {
    if text.is_empty() {
        return Ok(Priority::Default);
    }
    priority_named(text).ok_or_else(|| {
        let detail = "write 1 to 5, or min, low, default, high, max or urgent";
        NtfyError::new(Why::Priority, detail)
    })
}

/// The priority with this number or name.
pub(crate) fn priority_named(text: &str) -> Option<Priority> {
    Some(match text.to_ascii_lowercase().as_str() {
        "1" | "min" => Priority::Min,
        "2" | "low" => Priority::Low,
        "3" | "default" => Priority::Default,
        "4" | "high" => Priority::High,
        "5" | "max" | "urgent" => Priority::Urgent,
        _ => return None,
    })
}

fn tags(params: &Params) -> Vec<String> {
    params.text(params::TAGS).map(list).unwrap_or_default()
}

/// The words between commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn icon(params: &Params) -> Result<Option<String>, NtfyError> {
    let icon = params.text(params::ICON);
    if icon.is_some_and(|icon| !begins_with(icon, WEB)) {
        return Err(Why::Icon.into());
    }
    Ok(icon.map(str::to_owned))
}

fn elsewhere(params: &Params) -> Result<Option<Elsewhere>, NtfyError> {
    let Some(url) = params.text(params::ATTACH) else {
        return Ok(None);
    };
    if !begins_with(url, WEB) {
        return Err(Why::AttachUrl.into());
    }
    let name = params.text(params::FILENAME).or_else(|| {
        let path = url.split(['?', '#']).next()?;
        let (_, path) = path.split_once("//")?.1.split_once('/')?;
        path.rsplit('/').next().filter(|name| !name.is_empty())
    });
    Ok(Some(Elsewhere {
        name: name.unwrap_or("attachment").to_owned(),
        url: url.to_owned(),
    }))
}

/// Where the message and its buttons lead. A file that lies elsewhere is the message's own link,
/// or a button where that leads somewhere already.
fn links(
    params: &Params,
    request: &mut PublishRequest,
    beyond: &mut Beyond,
) -> Result<(), NtfyError> {
    let click = params.text(params::CLICK);
    let buttons = actions::parse(params.text(params::ACTIONS).unwrap_or_default())
        .map_err(|reason| NtfyError::new(Why::Actions, reason))?;
    request.actions = buttons.iter().filter_map(button).collect();
    if request.actions.len() < buttons.len() || buttons.iter().any(|button| button.clear) {
        beyond.actions = buttons;
    }
    match click {
        Some(click) if begins_with(click, LINKS) => request.url = Some(click.to_owned()),
        other => beyond.click = other.map(str::to_owned),
    }
    if let Some(file) = &beyond.attachment {
        if request.url.is_none() {
            request.url = Some(file.url.clone());
        } else {
            request.actions.push(Action {
                id: "attachment".to_owned(),
                label: file.name.clone(),
                url: Some(file.url.clone()),
            });
        }
    }
    Ok(())
}

/// A button that Hither's clients carry out: it opens a page.
fn button(action: &NtfyAction) -> Option<Action> {
    (action.action == "view" && begins_with(&action.url, LINKS)).then(|| Action {
        id: action.id.clone(),
        label: action.label.clone(),
        url: Some(action.url.clone()),
    })
}

fn begins_with(url: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

impl Beyond {
    /// As it is kept beside the message; nothing where there is nothing to keep.
    pub(super) fn to_text(&self) -> Option<String> {
        (*self != Self::default())
            .then(|| serde_json::to_string(self).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests;
