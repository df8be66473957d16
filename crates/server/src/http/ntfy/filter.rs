//! Which messages a subscription asks for.

use core::time::Duration;

use hither_protocol::{MessageId, Timestamp};
use jiff::SignedDuration;

use super::error::{NtfyError, Why};
use super::message::{Event, NtfyMessage};
use super::params::{self, Params};
use super::publication::{list, priority};

/// From where on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// What is still kept.
    All,
    /// Only what comes.
    None,
    /// The newest of each topic.
    Latest,
    /// Inclusive.
    Time(Timestamp),
    /// What came after this message.
    Message(MessageId),
}

/// What a message must be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    id: Option<String>,
    message: Option<String>,
    title: Option<String>,
    /// One of them.
    priorities: Vec<u8>,
    /// All of them.
    tags: Vec<String>,
}

/// From where on a request asks; `poll` without a word means everything.
pub(super) fn since(params: &Params, poll: bool, now: Timestamp) -> Result<Since, NtfyError> {
    match params.text(params::SINCE) {
        None if poll => Ok(Since::All),
        None | Some("none") => Ok(Since::None),
        Some("all") => Ok(Since::All),
        Some("latest") => Ok(Since::Latest),
        Some(text) => message(text).or_else(|| time(text, now)).ok_or_else(|| {
            let detail = "write all, none, latest, the id of a message, a Unix time or a \
                     duration such as 10m";
            NtfyError::new(Why::Since, detail)
        }),
    }
}

fn message(text: &str) -> Option<Since> {
    text.parse().ok().map(Since::Message)
}

fn time(text: &str, now: Timestamp) -> Option<Since> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok().map(Since::Time);
    }
    let ago: SignedDuration = text.parse().ok()?;
    let ago = Duration::try_from(ago).ok()?;
    now.checked_sub(ago).ok().map(Since::Time)
}

impl Filter {
    pub(super) fn new(params: &Params) -> Result<Self, NtfyError> {
        let text = |names| params.text(names).map(str::to_owned);
        let words = |names| params.text(names).map(list).unwrap_or_default();
        Ok(Self {
            id: text(params::ID),
            message: text(params::MESSAGE),
            title: text(params::TITLE),
            priorities: words(params::PRIORITY)
                .iter()
                .map(|word| priority(word).map(u8::from))
                .collect::<Result<_, _>>()?,
            tags: words(params::TAGS),
        })
    }

    /// Whether it is asked for; what is no message always is.
    pub(super) fn lets_through(&self, line: &NtfyMessage) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        line.event != Event::Message
            || is(&self.id, &line.id.to_string())
                && is(&self.message, &line.message)
                && is(&self.title, &line.title)
                && (self.priorities.is_empty()
                    || self.priorities.contains(&line.priority.unwrap_or(3)))
                && self.tags.iter().all(|tag| line.tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::params;
    use super::*;

    const ID: &str = "0197a9b0-0000-7000-8000-000000000001";

    fn now() -> Timestamp {
        "2026-03-04T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn since_has_many_forms() {
        let time = |text: &str| Since::Time(text.parse().unwrap());
        for (query, poll, expected) in [
            ("", false, Since::None),
            ("", true, Since::All),
            ("since=all", false, Since::All),
            ("since=none", true, Since::None),
            ("since=latest", false, Since::Latest),
            ("si=10m", false, time("2026-03-04T08:50:00Z")),
            ("since=1h30m", false, time("2026-03-04T07:30:00Z")),
            ("since=1772614800", false, time("2026-03-04T09:00:00Z")),
            (
                &format!("since={ID}"),
                false,
                Since::Message(ID.parse().unwrap()),
            ),
        ] {
            assert_eq!(
                since(&params(&[], query), poll, now()),
                Ok(expected),
                "{query}"
            );
        }
        for query in [
            "since=yesterday",
            "since=nFS3knfcQ1xe",
            "since=-5m",
            "since=1e99",
        ] {
            let error = since(&params(&[], query), false, now()).unwrap_err();
            assert_eq!(error.why(), Why::Since, "{query}");
        }
    }

    #[test]
    fn filters_take_all_conditions_together() {
        let mut line = NtfyMessage::sign(Event::Message, "alerts", now());
        line.title = "Disk".to_owned();
        line.message = "full".to_owned();
        line.tags = vec!["error".to_owned(), "disk".to_owned()];
        let passes = |query: &str, line: &NtfyMessage| {
            Filter::new(&params(&[], query)).unwrap().lets_through(line)
        };
        for (query, passed) in [
            ("", true),
            ("title=Disk", true),
            ("title=disk", false),
            ("message=full&title=Disk", true),
            ("message=empty&title=Disk", false),
            ("priority=default", true),
            ("priority=high,3", true),
            ("priority=high,urgent", false),
            ("tags=disk", true),
            ("tags=disk,error", true),
            ("tags=disk,zfs", false),
            (&format!("id={}", line.id), true),
            (&format!("id={ID}"), false),
        ] {
            assert_eq!(passes(query, &line), passed, "{query}");
        }
        let open = NtfyMessage::sign(Event::Open, "alerts", now());
        assert!(passes("priority=high&title=other", &open));
        assert!(Filter::new(&params(&[], "priority=loud")).is_err());
    }
}
