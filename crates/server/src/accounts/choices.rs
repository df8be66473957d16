//! What a person's choices mean for the account's clients and for the router.

use hither_attention::Event;
use hither_protocol::{AttentionSettings, Policy, Settings};

/// What the account's clients are told about timing; `base` says the rest.
pub(super) fn policy(base: Policy, settings: &Settings) -> Policy {
    Policy {
        idle_after_ms: settings.attention.idle_after_ms,
        ..base
    }
}

/// The settings of a person who chose nothing.
pub(super) fn none(base: Policy) -> Settings {
    Settings {
        attention: AttentionSettings {
            idle_after_ms: base.idle_after_ms,
            ..AttentionSettings::default()
        },
        ..Settings::default()
    }
}

/// What the router is told when an account is loaded and when its choices change.
pub(super) fn event(settings: &Settings) -> Event {
    Event::SettingsChanged(Box::new(settings.attention.clone()))
}
