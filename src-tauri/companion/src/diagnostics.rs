//! What this computer can notice about the person, in words.

use hither_engine::view::{Diagnostics, PresenceView, SourceTopic, SourceView};
use hither_protocol::{InactiveReason, PresenceState};

/// A few lines: what is believed, and for each topic where it comes from, and what is not used
/// and why.
pub(crate) fn text(diagnostics: &Diagnostics) -> String {
    let believed = match diagnostics.last_input_ms {
        Some(ms) => format!("last input {} ago", age(ms)),
        None => "the last input is not known".to_owned(),
    };
    let state = state(diagnostics.presence);
    let mut lines = vec![format!("{state}; {believed}.")];
    let mut topic = None;
    for source in &diagnostics.sources {
        if topic != Some(source.topic) {
            topic = Some(source.topic);
            lines.push(heading(source.topic, &diagnostics.sources));
        }
        lines.push(line(source));
    }
    lines.join("\n")
}

fn state(presence: PresenceView) -> &'static str {
    match (presence.state, presence.reason) {
        (PresenceState::Active, _) => "You are at this computer",
        (PresenceState::Inactive, Some(InactiveReason::Idle)) => "You are away: no input",
        (PresenceState::Inactive, Some(InactiveReason::Locked)) => "You are away: locked",
        (PresenceState::Inactive, Some(InactiveReason::AppLocked)) => {
            "You are away: Hither is locked"
        }
        (PresenceState::Inactive, Some(InactiveReason::Presenting)) => {
            "You show your screen to others, so nothing pops up on it"
        }
        (PresenceState::Inactive, Some(InactiveReason::Suspended)) => "You are away: asleep",
        (PresenceState::Inactive, Some(InactiveReason::SessionSwitched)) => {
            "You are away: another session is in front"
        }
        (PresenceState::Inactive, _) => "You are away",
        (PresenceState::Unknown, _) => {
            "It is not known whether you are here, so your phone rings, too"
        }
    }
}

fn heading(topic: SourceTopic, sources: &[SourceView]) -> String {
    let name = match topic {
        SourceTopic::Idle => "Last input",
        SourceTopic::Inhibition => "Somebody watches a film or a call",
        SourceTopic::Presenting => "You show your screen to others",
        SourceTopic::Lock => "Screen lock",
        SourceTopic::Session => "Session in front",
        SourceTopic::Sleep => "Sleep",
        SourceTopic::Network => "Network changes",
    };
    let told = sources.iter().any(|it| it.topic == topic && it.used);
    let unknown = if told { "" } else { " (nothing tells)" };
    format!("{name}{unknown}:")
}

fn line(source: &SourceView) -> String {
    let SourceView { name, reason, .. } = source;
    match reason {
        _ if source.used => format!("  {name}"),
        Some(reason) => format!("  not {name}: {reason}"),
        None => format!("  not {name}"),
    }
}

fn age(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(topic: SourceTopic, name: &str, reason: Option<&str>) -> SourceView {
        SourceView {
            topic,
            name: name.to_owned(),
            used: reason.is_none(),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn it_says_what_is_used_and_why_the_rest_is_not() {
        let diagnostics = Diagnostics {
            presence: PresenceView {
                state: PresenceState::Inactive,
                reason: Some(InactiveReason::Idle),
            },
            last_input_ms: Some(7_300_000),
            sources: vec![
                source(SourceTopic::Idle, "Mutter", Some("no GNOME here")),
                source(SourceTopic::Idle, "X11", None),
                source(SourceTopic::Lock, "logind", Some("not running")),
            ],
        };
        assert_eq!(
            text(&diagnostics),
            "You are away: no input; last input 2 h ago.\n\
             Last input:\n  not Mutter: no GNOME here\n  X11\n\
             Screen lock (nothing tells):\n  not logind: not running"
        );
    }

    #[test]
    fn ages_are_short() {
        for (ms, words) in [
            (0, "0 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(age(ms), words);
        }
    }
}
