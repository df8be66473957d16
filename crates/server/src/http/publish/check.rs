//! Whether the parts of a message are within bounds.

use std::collections::BTreeSet;

use hither_protocol::{Action, PublishRequest, Timestamp};
use jiff::SignedDuration;

use super::{Failure, MAX_KEY};
pub(crate) use crate::text::{MAX_BODY, MAX_HTML, MAX_TITLE};

pub(crate) const MAX_URL: usize = 2048;
pub(crate) const MAX_TAGS: usize = 20;
pub(crate) const MAX_WORD: usize = 64;
pub(crate) const MAX_LABEL: usize = 128;
pub(crate) const MAX_ACTIONS: usize = 5;
pub(crate) const MAX_ATTACHMENTS: usize = 10;
pub(crate) const MAX_TTL_S: u64 = 365 * 24 * 60 * 60;

/// How long a message may wait for its time.
pub(crate) const MAX_WAIT: SignedDuration = SignedDuration::from_hours(366 * 24);

pub(super) fn check(request: &PublishRequest, now: Timestamp) -> Result<(), Failure> {
    let html = request.html.as_deref().unwrap_or_default();
    if request.title.is_empty() && request.body.is_empty() && html.is_empty() {
        return Err(Failure::invalid(
            "Give at least one of title, body and html.",
        ));
    }
    at_most("title", &request.title, MAX_TITLE)?;
    at_most("body", &request.body, MAX_BODY)?;
    at_most("html", html, MAX_HTML)?;
    if request.title.contains(char::is_control) {
        return Err(Failure::invalid(
            "title must be one line without control characters.",
        ));
    }
    link("url", request.url.as_deref(), LINKS)?;
    link("icon", request.icon.as_deref(), PICTURES)?;
    words("tags", &request.tags, MAX_TAGS)?;
    actions(&request.actions)?;
    if request.attachments.len() > MAX_ATTACHMENTS {
        return Err(too_many_attachments());
    }
    if let Some(key) = &request.key {
        within("key", key, MAX_KEY)?;
    }
    let wait = request.deliver_at.map(|at| at.duration_since(now));
    if wait.is_some_and(|wait| wait > MAX_WAIT) {
        let days = MAX_WAIT.as_hours() / 24;
        return Err(Failure::invalid(format!(
            "deliver_at may be at most {days} days ahead."
        )));
    }
    match request.ttl_s {
        Some(ttl) if ttl > MAX_TTL_S => Err(Failure::invalid(format!(
            "ttl_s must be 0 to {MAX_TTL_S} seconds."
        ))),
        _ => Ok(()),
    }
}

pub(super) fn too_many_attachments() -> Failure {
    Failure::invalid(format!(
        "There may be at most {MAX_ATTACHMENTS} attachments."
    ))
}

fn actions(actions: &[Action]) -> Result<(), Failure> {
    if actions.len() > MAX_ACTIONS {
        let detail = format!("There may be at most {MAX_ACTIONS} actions.");
        return Err(Failure::invalid(detail));
    }
    let mut ids = BTreeSet::new();
    for action in actions {
        within("the id of an action", &action.id, MAX_WORD)?;
        within("the label of an action", &action.label, MAX_LABEL)?;
        link("the url of an action", action.url.as_deref(), LINKS)?;
        if !ids.insert(&action.id) {
            return Err(Failure::invalid("Each action needs an id of its own."));
        }
    }
    Ok(())
}

fn words(name: &str, words: &[String], most: usize) -> Result<(), Failure> {
    if words.len() > most {
        return Err(Failure::invalid(format!(
            "There may be at most {most} {name}."
        )));
    }
    words
        .iter()
        .try_for_each(|word| within(name, word, MAX_WORD))
}

fn within(name: &str, text: &str, most: usize) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(Failure::invalid(format!("{name} must not be empty.")));
    }
    at_most(name, text, most)
}

fn at_most(name: &str, text: &str, most: usize) -> Result<(), Failure> {
    if text.len() <= most {
        return Ok(());
    }
    let detail = format!(
        "{name} must be at most {most} bytes; this one has {}.",
        text.len()
    );
    Err(Failure::invalid(detail))
}

const LINKS: &[&str] = &["http://", "https://", "mailto:"];
const PICTURES: &[&str] = &["http://", "https://"];

fn link(name: &str, link: Option<&str>, schemes: &[&str]) -> Result<(), Failure> {
    let Some(link) = link else {
        return Ok(());
    };
    at_most(name, link, MAX_URL)?;
    let leads_somewhere = schemes.iter().any(|scheme| {
        link.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && link.len() > scheme.len()
    });
    if leads_somewhere && !link.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "{name} must begin with {} and contain no spaces.",
        schemes.join(" or ")
    )))
}
