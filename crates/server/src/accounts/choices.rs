//! What a person's choices mean for timing and for the router.

use hither_attention::Event;
use hither_protocol::{Policy, Settings};

/// What the account's clients are told about timing; `base` is for people who chose nothing.
pub(super) fn policy(base: Policy, settings: &Settings) -> Policy {
    Policy {
        idle_after_ms: settings
            .idle_after_s
            .map_or(base.idle_after_ms, |seconds| seconds.saturating_mul(1000)),
        ..base
    }
}

/// What the router is told when an account is loaded or its choices change. It knows none of them
/// yet: the idle threshold is the devices' own business.
pub(super) const fn events(_settings: &Settings) -> Vec<Event> {
    Vec::new()
}
