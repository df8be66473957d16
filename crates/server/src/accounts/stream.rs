//! An open stream, as its account knows it.

use core::time::Duration;
use std::sync::Arc;

use hither_protocol::{DeviceId, DeviceKind, Instant, Policy, Presence, PresenceState};

use super::{Mailbox, clock};
use crate::session::Taken;
use crate::store::{ClientId, INBOX, Identity, Log};

/// An open stream of the account.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) client: ClientId,
    pub(super) device: DeviceId,
    pub(super) kind: DeviceKind,
    application: String,
    version: String,
    /// The router knows the device as connected.
    pub(super) announced: bool,
    /// What it says about its person, and when it said so.
    presence: Option<(Presence, Instant)>,
    /// The timings it was told.
    policy: Policy,
    /// Before it was opened.
    opened: Instant,
    pub(super) mailbox: Arc<Mailbox>,
}

impl Stream {
    pub(crate) fn new(
        identity: &Identity,
        policy: Policy,
        opened: Instant,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self {
            client: identity.client,
            device: identity.device.id.clone(),
            kind: identity.device.kind,
            application: identity.application.clone(),
            version: identity.version.clone(),
            announced: false,
            presence: None,
            policy,
            opened,
            mailbox,
        }
    }

    pub(super) fn is_inbox(&self) -> bool {
        self.application == INBOX
    }

    /// Whether one of the logs is this client's or its application's.
    pub(super) fn is_addressed(&self, logs: &[Log]) -> bool {
        logs.iter().any(|log| match log {
            Log::Client(_, client) => *client == self.client,
            Log::Application(application) => application.means(&self.application, &self.version),
            Log::Everyone | Log::Account(_) | Log::Topic(_) => false,
        })
    }

    pub(super) fn report(&mut self, presence: Option<Presence>) {
        self.presence = presence.map(|presence| (presence, clock::now()));
    }

    /// A fresh reading renews what was reported.
    pub(super) fn renew(&mut self, last_input: Option<Duration>) {
        if let (Some((presence, at)), Some(age)) = (&mut self.presence, last_input) {
            presence.last_input_ms = u64::try_from(age.as_millis()).ok();
            *at = clock::now();
        }
    }

    /// The longest that a reading can have been on its way here: since it was taken at the earliest.
    /// `None` for an old one of a client that does not say.
    pub(super) fn delay(&self, taken: Taken, assumed: Duration) -> Option<Duration> {
        let age = clock::now().since(self.opened);
        match taken {
            Some(taken) => Some(age.saturating_sub(taken)),
            None => (age <= assumed).then_some(age),
        }
    }

    pub(super) fn tell(&mut self, policy: Policy) {
        if self.policy != policy {
            self.tell_again(policy);
        }
    }

    pub(super) fn tell_again(&mut self, policy: Policy) {
        self.policy = policy;
        self.mailbox.policy(policy);
    }

    /// What is known about its person; `active` only as long as the lease of it lasts.
    pub(super) fn presence(&self, lease: Duration) -> Option<Presence> {
        let (mut presence, at) = self.presence?;
        let age = clock::now().since(at);
        if age > lease && presence.state == PresenceState::Active {
            presence.state = PresenceState::Unknown;
        }
        let aged = |ms: u64| ms.saturating_add(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        presence.last_input_ms = presence.last_input_ms.map(aged);
        Some(presence)
    }
}
