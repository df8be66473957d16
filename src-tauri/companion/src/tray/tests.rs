//! Views to draw.

use hither_engine::view::{AccountView, ConnectionView, Glance, Headline, PresenceView, View};
use hither_protocol::{MessageId, PresenceState, Priority};

/// Signed in, connected, nothing waits.
pub(crate) fn view() -> View {
    View {
        account: Some(AccountView {
            name: "ada".to_owned(),
            server: "https://push.example.org".to_owned(),
        }),
        connection: ConnectionView::Online,
        presence: PresenceView {
            state: PresenceState::Active,
            reason: None,
        },
        glance: Glance::default(),
        paused_until: None,
        notice: None,
        signing_in: false,
        app_lock: None,
        settings_changes: 0,
    }
}

/// Since 14:02 in Berlin.
pub(crate) fn offline() -> ConnectionView {
    ConnectionView::Offline {
        since: "2026-11-22T13:02Z".parse().unwrap(),
        why: "no route to host".to_owned(),
    }
}

pub(crate) fn id(n: u8) -> MessageId {
    format!("01890000-0000-7000-8000-{n:012}").parse().unwrap()
}

pub(crate) fn message(n: u8, title: &str) -> Headline {
    Headline {
        id: id(n),
        title: title.to_owned(),
        line: String::new(),
        publisher: "CI".to_owned(),
        priority: Priority::Default,
        created_at: "2026-11-22T13:00Z".parse().unwrap(),
        read: false,
        rich: false,
    }
}
