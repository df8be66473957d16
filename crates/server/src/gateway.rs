//! The path to phones whose streams are closed: their platforms' push services.
//!
//! Phones register, and what they registered is kept, whatever this server can send to. Whoever
//! needs to know whether a phone rings asks here, so that nobody is counted as reachable whom
//! nothing reaches. No service is built in yet.

use hither_protocol::{PushProvider, PushState};

/// The push services that this server can send to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gateways {
    set_up: &'static [PushProvider],
}

impl Gateways {
    /// Those that a test takes for set up.
    #[cfg(test)]
    pub(crate) const fn to(set_up: &'static [PushProvider]) -> Self {
        Self { set_up }
    }

    /// Whether a phone that registered with this provider can be made to ring.
    pub(crate) fn reach(self, provider: PushProvider) -> bool {
        self.set_up.contains(&provider)
    }

    /// What whoever registered with this provider is told.
    pub(crate) fn state(self, provider: PushProvider) -> PushState {
        PushState {
            provider,
            rings: self.reach(provider),
        }
    }
}
