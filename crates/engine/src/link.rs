//! The stream: connect, hello, heartbeat, and how long to wait before the next try.

use core::time::Duration;

use hither_protocol::{CloseCode, Echo, Instant, Policy, Timestamp};

use crate::view::ConnectionView;
use crate::{Closed, ConnectFailed, Effect, Now, OutboxSeq, words};

/// A try to connect is given up after this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// The server answers hello within this time.
const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// A stream that lived this long starts the backoff over.
const STABLE: Duration = Duration::from_mins(1);
/// After a wake-up or a network change all devices come back within this time, not at once.
const SPREAD: Duration = Duration::from_secs(1);
/// Told "too many", a client waits at least this long.
const TOO_MANY: Duration = Duration::from_secs(30);
/// A longer wait than this is not believed.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Two clocks that were compared are compared anew after this time.
const TRUSTED: Duration = Duration::from_mins(5);
/// Bounds for the server's heartbeat.
const HEARTBEAT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_hours(1));

/// The push connection.
#[derive(Debug)]
pub(crate) struct Link {
    state: State,
    url: String,
    backoff: Backoff,
    heartbeat: Duration,
    trouble: Option<Trouble>,
    /// What the server said before it closes.
    said: Option<String>,
    not_before: Instant,
    session: u64,
    heard: Option<Heard>,
}

/// A moment on the server's clock of this stream, and one on ours that surely lies behind it.
#[derive(Clone, Copy, Debug)]
struct Heard {
    sent_ms: u64,
    at: Instant,
}

#[derive(Debug)]
enum State {
    /// Nobody to connect for, or told to stop.
    Off,
    /// Until the computer wakes up.
    Asleep,
    Waiting {
        until: Instant,
    },
    Connecting {
        until: Instant,
    },
    /// Hello is said.
    Greeting {
        until: Instant,
    },
    Live(Live),
}

#[derive(Debug)]
struct Live {
    since: Instant,
    synced: bool,
    beat: Beat,
    next_beat: Instant,
}

/// Where the heartbeat is.
#[derive(Debug, PartialEq, Eq)]
enum Beat {
    Resting,
    /// The idle sensor is asked; its answer goes into the ping.
    Sensing,
    /// The server must answer by then.
    Pinged {
        until: Instant,
        confirms: OutboxSeq,
    },
}

/// Since when there is no connection, and why.
#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    why: String,
}

/// What follows from the end of a stream, besides the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing: the next try is planned, if there is to be one.
    Wait,
    /// The cursor means nothing to the server.
    ForgetCursor,
    /// The session is over.
    SignInAgain,
    /// The account is gone from this device.
    Wipe,
    /// The same client connected again.
    Elsewhere,
}

impl Link {
    pub(crate) fn new(backoff: (Duration, Duration), seed: u64) -> Self {
        Self {
            state: State::Off,
            url: String::new(),
            backoff: Backoff::new(backoff, seed),
            heartbeat: Duration::from_millis(Policy::default().heartbeat_ms),
            trouble: None,
            said: None,
            not_before: Instant::default(),
            session: 0,
            heard: None,
        }
    }

    /// From here on there is somebody to connect for.
    pub(crate) fn start(&mut self, now: Instant, url: &str) {
        url.clone_into(&mut self.url);
        self.trouble = None;
        self.backoff.tries = 0;
        self.state = State::Waiting { until: now };
    }

    /// Ends stream and tries; nobody is to be connected.
    pub(crate) fn stop(&mut self, effects: &mut Vec<Effect>) {
        self.hang_up(effects);
        self.trouble = None;
        self.state = State::Off;
    }

    /// Whether this stream is ours to say hello on.
    pub(crate) fn opened(&mut self, now: Instant, effects: &mut Vec<Effect>) -> bool {
        match self.state {
            State::Connecting { .. } => {
                self.session += 1;
                self.said = None;
                self.heard = Some(Heard {
                    sent_ms: 0,
                    at: now,
                });
                self.state = State::Greeting {
                    until: now + WELCOME_WITHIN,
                };
                true
            }
            State::Greeting { .. } | State::Live(_) => false,
            State::Off | State::Asleep | State::Waiting { .. } => {
                effects.push(Effect::Disconnect);
                false
            }
        }
    }

    /// The server knows who this is. The first heartbeat is due at once; the sensor must be asked.
    pub(crate) fn welcomed(&mut self, now: Instant, policy: Policy) {
        self.adopt(policy);
        // The only jitter of the heartbeat: who came together does not ping together.
        let first = now + self.backoff.random(self.heartbeat);
        self.not_before = Instant::default();
        self.state = State::Live(Live {
            since: now,
            synced: false,
            beat: Beat::Sensing,
            next_beat: first,
        });
    }

    pub(crate) fn adopt(&mut self, policy: Policy) {
        let (shortest, longest) = HEARTBEAT;
        self.heartbeat = Duration::from_millis(policy.heartbeat_ms).clamp(shortest, longest);
    }

    /// The backlog is done.
    pub(crate) fn synced(&mut self) {
        if let State::Live(live) = &mut self.state {
            live.synced = true;
            self.trouble = None;
        }
    }

    /// The server says what is wrong; a close follows.
    pub(crate) fn warned(&mut self, now: Instant, detail: &str, retry_after_ms: Option<u64>) {
        self.said = Some(words::foreign(detail));
        if let Some(wait) = retry_after_ms {
            self.not_before = now + Duration::from_millis(wait).min(LONGEST_WAIT);
        }
    }

    pub(crate) fn connect_failed(&mut self, now: &Now, failed: &ConnectFailed) -> After {
        if !matches!(self.state, State::Connecting { .. }) {
            return After::Wait;
        }
        match failed {
            ConnectFailed::Refused(401) => {
                self.state = State::Off;
                return After::SignInAgain;
            }
            ConnectFailed::Refused(429) => self.hold_off(now.instant),
            ConnectFailed::Refused(_) | ConnectFailed::Unreachable(_) => {}
        }
        self.wait(now, words::connect_failed(failed));
        After::Wait
    }

    pub(crate) fn closed(&mut self, now: &Now, closed: &Closed) -> After {
        if !self.is_open() {
            return After::Wait;
        }
        let code = closed.code.and_then(CloseCode::from_number);
        let after = match code {
            Some(CloseCode::SignInAgain) => After::SignInAgain,
            Some(CloseCode::Revoked) => After::Wipe,
            Some(CloseCode::Replaced) => After::Elsewhere,
            Some(CloseCode::UnknownCursor) => After::ForgetCursor,
            _ => After::Wait,
        };
        if code == Some(CloseCode::TooMany) {
            self.hold_off(now.instant);
        }
        let said = self.said.take();
        let why = said.unwrap_or_else(|| words::closed(code).to_owned());
        self.wait(now, why);
        if !matches!(after, After::Wait | After::ForgetCursor) {
            self.state = State::Off;
        }
        after
    }

    /// Gives up this stream or try; the next one follows.
    pub(crate) fn drop_stream(&mut self, now: &Now, why: &str, effects: &mut Vec<Effect>) {
        if self.is_up() {
            effects.push(Effect::Disconnect);
            self.wait(now, why.to_owned());
        }
    }

    /// The computer goes to sleep: a goodbye, and no try until it wakes.
    pub(crate) fn sleep(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.state, State::Off) {
            self.hang_up(effects);
            self.state = State::Asleep;
        }
    }

    /// The computer woke up or the network changed: a try is worth it now, and a live stream
    /// must prove that it lives.
    pub(crate) fn hurry(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let soon = self.not_before.max(now + self.backoff.random(SPREAD));
        match &mut self.state {
            State::Off => {}
            State::Waiting { until } => *until = soon.min(*until),
            State::Live(live) => live.next_beat = now,
            State::Asleep | State::Connecting { .. } | State::Greeting { .. } => {
                self.hang_up(effects);
                self.state = State::Waiting { until: soon };
            }
        }
    }

    /// Does what is due. `true`: a fresh reading of the idle sensor is wanted.
    pub(crate) fn tick(&mut self, now: &Now, effects: &mut Vec<Effect>) -> bool {
        let heartbeat = self.heartbeat;
        match &mut self.state {
            State::Waiting { until } if now.instant >= *until => {
                self.state = State::Connecting {
                    until: now.instant + CONNECT_WITHIN,
                };
                let stream_url = self.url.clone();
                effects.push(Effect::Connect { stream_url });
                true
            }
            State::Connecting { until }
            | State::Greeting { until }
            | State::Live(Live {
                beat: Beat::Pinged { until, .. },
                ..
            }) if now.instant >= *until => {
                self.drop_stream(now, words::NO_ANSWER, effects);
                false
            }
            State::Live(live) if live.beat == Beat::Resting && now.instant >= live.next_beat => {
                live.beat = Beat::Sensing;
                live.next_beat = live.next_beat + heartbeat;
                if live.next_beat <= now.instant {
                    live.next_beat = now.instant + heartbeat;
                }
                true
            }
            _ => false,
        }
    }

    /// A heartbeat waits for the sensor's answer.
    pub(crate) fn wants_ping(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.beat == Beat::Sensing)
    }

    /// The ping is said; its pong will confirm the outbox up to `confirms`.
    pub(crate) fn pinged(&mut self, now: Instant, confirms: OutboxSeq) {
        let until = now + self.heartbeat.mul_f64(0.3);
        if let State::Live(live) = &mut self.state {
            live.beat = Beat::Pinged { until, confirms };
        }
    }

    /// The stream lives. Up to where the outbox is confirmed.
    pub(crate) fn ponged(&mut self, now: Instant, sent_ms: Option<u64>) -> Option<OutboxSeq> {
        if let Some(sent_ms) = sent_ms {
            self.heard_at(now, sent_ms);
        }
        match &mut self.state {
            State::Live(live) => match core::mem::replace(&mut live.beat, Beat::Resting) {
                Beat::Pinged { confirms, .. } => Some(confirms),
                unasked => {
                    live.beat = unasked;
                    None
                }
            },
            _ => None,
        }
    }

    /// Keeps the moment that came the fastest, but not for so long that clocks drift apart.
    fn heard_at(&mut self, now: Instant, sent_ms: u64) {
        let faster = |old: &Heard| {
            let passed = Duration::from_millis(sent_ms.saturating_sub(old.sent_ms));
            let fresh = now.since(old.at) < TRUSTED;
            fresh && now.since(old.at) > passed
        };
        if !self.heard.as_ref().is_some_and(faster) {
            self.heard = Some(Heard { sent_ms, at: now });
        }
    }

    /// For a reading that goes out now.
    pub(crate) fn echo(&self, now: Instant) -> Option<Echo> {
        let Heard { sent_ms, at } = self.heard?;
        let held_ms = u64::try_from(now.since(at).as_millis()).unwrap_or(0);
        Some(Echo { sent_ms, held_ms })
    }

    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        match &self.state {
            State::Off | State::Asleep => None,
            State::Waiting { until } | State::Connecting { until } | State::Greeting { until } => {
                Some(*until)
            }
            State::Live(live) => match live.beat {
                Beat::Resting => Some(live.next_beat),
                Beat::Sensing => None,
                Beat::Pinged { until, .. } => Some(until),
            },
        }
    }

    /// Which stream this is, counted from 1.
    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    /// Identified: frames may go both ways.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Live(_))
    }

    /// Live, and the backlog is done.
    pub(crate) fn is_online(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.synced)
    }

    /// A stream is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Greeting { .. } | State::Live(_))
    }

    pub(crate) fn view(&self) -> ConnectionView {
        let offline = |trouble: &Trouble| ConnectionView::Offline {
            since: trouble.since,
            why: trouble.why.clone(),
        };
        match &self.state {
            State::Off => self
                .trouble
                .as_ref()
                .map_or(ConnectionView::SignedOut, offline),
            State::Asleep | State::Waiting { .. } => self
                .trouble
                .as_ref()
                .map_or(ConnectionView::Connecting, offline),
            State::Live(live) if live.synced => ConnectionView::Online,
            _ => ConnectionView::Connecting,
        }
    }

    /// A stream is open or being opened.
    fn is_up(&self) -> bool {
        self.is_open() || matches!(self.state, State::Connecting { .. })
    }

    fn hang_up(&self, effects: &mut Vec<Effect>) {
        if self.is_up() {
            effects.push(Effect::Disconnect);
        }
    }

    fn hold_off(&mut self, now: Instant) {
        let wait = TOO_MANY + self.backoff.random(TOO_MANY);
        self.not_before = self.not_before.max(now + wait);
    }

    fn wait(&mut self, now: &Now, why: String) {
        if let State::Live(live) = &self.state
            && now.instant.since(live.since) >= STABLE
        {
            self.backoff.tries = 0;
        }
        let until = now.instant + self.backoff.next();
        self.state = State::Waiting {
            until: until.max(self.not_before),
        };
        let since = self
            .trouble
            .as_ref()
            .map_or(now.wall.timestamp(), |trouble| trouble.since);
        self.trouble = Some(Trouble { since, why });
    }
}

/// Exponential, with full jitter: a random time up to a ceiling that doubles.
#[derive(Debug)]
struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    fn new((first, longest): (Duration, Duration), seed: u64) -> Self {
        Self {
            first,
            longest,
            tries: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    fn next(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.tries));
        self.tries = self.tries.saturating_add(1);
        self.random(doubled.min(self.longest))
    }

    fn random(&mut self, below: Duration) -> Duration {
        below.mul_f64(self.rng.f64())
    }
}
