//! Scripts as people would tell them, one event a line, and the effects in the same manner:
//! `5s message m1` → `5s deliver m1 rings d1`.

use core::fmt::Write;
use core::time::Duration;

use hither_protocol::{
    AlertStyle, DeviceId, DeviceKind, InactiveReason, Instant, MessageId, Presence, PresenceState,
    Priority,
};

use crate::{Accepted, Effect, Event, PoppedUp, Router, Timings, Unsettled};

/// Plays a script and compares what the router did, line by line.
#[track_caller]
pub(super) fn check(script: &str, expected: &str) {
    let expected: Vec<_> = lines(expected).collect();
    assert_eq!(play(script), expected, "\nafter\n{script}");
}

/// Plays a script and compares what the router said about its decisions.
#[track_caller]
pub(super) fn check_trace(script: &str, expected: &str) {
    let mut player = Player::default();
    for line in lines(script) {
        player.play(line);
    }
    let expected: Vec<_> = lines(expected).collect();
    assert_eq!(player.trace, expected, "\nafter\n{script}");
}

/// Plays a script and tells what the router did.
pub(super) fn play(script: &str) -> Vec<String> {
    let mut player = Player::default();
    for line in lines(script) {
        player.play(line);
    }
    player.log
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

struct Player {
    router: Router,
    clock: Instant,
    log: Vec<String>,
    trace: Vec<String>,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            router: Router::new(Timings::default()),
            clock: Instant::default(),
            log: Vec::new(),
            trace: Vec::new(),
        }
    }
}

impl Player {
    fn play(&mut self, line: &str) {
        let (time, words) = line.split_once(' ').expect("a time, then what happens");
        let now = instant(time);
        let words: Vec<_> = words.split(' ').collect();
        match words.as_slice() {
            // The machine slept: no wake-up came before this event.
            ["late", words @ ..] => self.handle(now, event(now, words)),
            ["restart", ids @ ..] => {
                self.router = Router::new(Timings::default());
                let unsettled = ids.iter().map(|id| unsettled(id)).collect();
                self.router.restore(unsettled, now);
            }
            ["recalled", ids @ ..] => {
                let unsettled = ids.iter().map(|id| unsettled(id).message).collect();
                self.handle(now, Event::Recalled(unsettled));
            }
            ["idle"] => {
                self.wake_until(now);
                assert!(self.router.is_idle(), "not idle at {now}");
                assert_eq!(self.router.next_wakeup(), None);
            }
            ["busy"] => assert!(!self.router.is_idle(), "idle at {now}"),
            words => {
                assert!(now >= self.clock, "{line} comes too late");
                self.clock = now;
                self.wake_until(now);
                self.handle(now, event(now, words));
            }
        }
    }

    fn wake_until(&mut self, now: Instant) {
        while let Some(wakeup) = self.router.next_wakeup().filter(|at| *at <= now) {
            self.handle(wakeup, Event::WokeUp);
            assert_ne!(self.router.next_wakeup(), Some(wakeup), "woke for nothing");
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        let mut effects = Vec::new();
        self.router.handle(now, event, &mut effects);
        for effect in effects {
            let time = now.since_zero().as_secs_f64();
            if let Effect::Trace { id, traced } = effect {
                self.trace.push(format!("{time}s {} {traced}", name(id)));
                continue;
            }
            self.log.push(format!("{time}s {}", told(&effect)));
        }
    }
}

fn event(now: Instant, words: &[&str]) -> Event {
    match words {
        ["desktop", device, "connects", presence @ ..] => Event::Connected {
            device: id(device),
            kind: DeviceKind::Desktop,
            presence: self::presence(presence),
            delay: delay(presence),
        },
        ["mobile", device, "connects"] => Event::Connected {
            device: id(device),
            kind: DeviceKind::Mobile,
            presence: None,
            delay: None,
        },
        [device, "says", "goodbye"] => Event::Disconnected {
            device: id(device),
            goodbye: true,
        },
        [device, "is", "used"] => Event::Used { device: id(device) },
        [device, "is", "lost"] => Event::Disconnected {
            device: id(device),
            goodbye: false,
        },
        [device, "is", presence @ ..] => Event::Presence {
            device: id(device),
            presence: self::presence(presence).expect("a presence"),
            delay: delay(presence),
        },
        [device, "beats", age @ ..] => Event::Heartbeat {
            device: id(device),
            last_input: age.first().map(|age| duration(age)),
            delay: delay(age),
        },
        ["message", id, more @ ..] => Event::Accepted(accepted(now, id, more)),
        [device, "shows", ids @ .., "until", "input"] => Event::Shown {
            device: id(device),
            ids: messages(ids),
            stays: true,
        },
        [device, "shows", ids @ ..] => Event::Shown {
            device: id(device),
            ids: messages(ids),
            stays: false,
        },
        ["read", ids @ ..] => Event::Read { ids: messages(ids) },
        ["withdraw", ids @ ..] => Event::Withdrawn { ids: messages(ids) },
        [device, "registers"] => Event::PushRegistered { device: id(device) },
        [device, "unregisters"] => Event::PushRemoved { device: id(device) },
        ["gateway", answer, device, ids @ ..] => Event::PushAnswered {
            device: id(device),
            ids: messages(ids),
            accepted: *answer == "takes",
        },
        ["timings", "lease", lease] => Event::TimingsChanged(Timings {
            lease: duration(lease),
            ..Timings::default()
        }),
        ["settings", settings] => {
            Event::SettingsChanged(Box::new(serde_json::from_str(settings).unwrap()))
        }
        ["wall", time] => {
            let time: jiff::Timestamp = time.parse().unwrap();
            Event::WallClock(Box::new(time.to_zoned(jiff::tz::TimeZone::UTC)))
        }
        ["end"] => Event::WokeUp,
        other => panic!("no such line: {other:?}"),
    }
}

/// `m1`, or `m1@d1:5s` for one that popped up there then, or `m1@d1:5s!` where it stays.
fn unsettled(text: &str) -> Unsettled {
    let (id, shown) = text.split_once('@').unwrap_or((text, ""));
    let shown = shown.split_once(':').map(|(on, at)| PoppedUp {
        on: self::id(on),
        at: instant(at.trim_end_matches('!')),
        stays: at.ends_with('!'),
    });
    Unsettled {
        message: accepted(Instant::default(), id, &[]),
        shown: shown.into_iter().collect(),
    }
}

fn accepted(at: Instant, id: &str, more: &[&str]) -> Accepted {
    let mut message = Accepted {
        id: self::message(id),
        publisher: None,
        priority: Priority::Default,
        at,
        expires: None,
        except: None,
        only: None,
    };
    for word in more {
        if let Some(device) = word.strip_prefix("but-") {
            message.except = Some(self::id(device));
            continue;
        }
        if let Some(devices) = word.strip_prefix("only-") {
            message.only = Some(devices.split('+').map(self::id).collect());
            continue;
        }
        match *word {
            "urgent" => message.priority = Priority::Urgent,
            "high" => message.priority = Priority::High,
            "low" => message.priority = Priority::Low,
            "min" => message.priority = Priority::Min,
            "until" | "by" => {}
            publisher if publisher.len() == 1 => {
                message.publisher = Some(format!("app-{publisher:0>16}").parse().unwrap());
            }
            time => message.expires = Some(instant(time)),
        }
    }
    message
}

fn presence(words: &[&str]) -> Option<Presence> {
    let (state, age) = words.split_first()?;
    Some(Presence {
        state: match *state {
            "active" => PresenceState::Active,
            "inactive" | "idle" | "presenting" => PresenceState::Inactive,
            "unknown" => PresenceState::Unknown,
            other => panic!("no such presence: {other}"),
        },
        reason: match *state {
            "idle" => Some(InactiveReason::Idle),
            "presenting" => Some(InactiveReason::Presenting),
            _ => None,
        },
        last_input_ms: age
            .first()
            .map(|age| duration(age).as_millis().try_into().unwrap()),
    })
}

/// `delayed 3s`, or `delayed unmeasured`; no delay without these words.
fn delay(words: &[&str]) -> Option<Duration> {
    match words {
        [.., "delayed", "unmeasured"] => None,
        [.., "delayed", delay] => Some(duration(delay)),
        _ => Some(Duration::ZERO),
    }
}

fn told(effect: &Effect) -> String {
    let mut line = match effect {
        Effect::Deliver { id, ring } => {
            let rings = if ring.is_empty() {
                " silently"
            } else {
                " rings"
            };
            let mut line = format!("deliver {}{rings}", name(*id));
            for device in ring {
                write!(line, " {}", device.as_str()).unwrap();
            }
            return line;
        }
        Effect::Alert { device, .. } => format!("alert {}", device.as_str()),
        Effect::Push { device, .. } => format!("push {}", device.as_str()),
        Effect::CancelPush { device, .. } => format!("cancel {}", device.as_str()),
        Effect::Recall => return "recall".to_owned(),
        Effect::Trace { .. } => unreachable!("told elsewhere"),
    };
    let (Effect::Alert { ids, .. } | Effect::Push { ids, .. } | Effect::CancelPush { ids, .. }) =
        effect
    else {
        return line;
    };
    for id in ids {
        write!(line, " {}", name(*id)).unwrap();
    }
    if let Effect::Alert { style, .. } | Effect::Push { style, .. } = effect
        && *style == AlertStyle::Summary
    {
        line.push_str(" in one");
    }
    if let Effect::Alert { why, .. } = effect {
        write!(line, ": {why:?}").unwrap();
    }
    line
}

pub(super) fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

/// `m1` and its like.
pub(super) fn message(text: &str) -> MessageId {
    let number: u32 = text.strip_prefix('m').unwrap().parse().unwrap();
    format!("00000000-0000-7000-8000-{number:012}")
        .parse()
        .unwrap()
}

fn name(id: MessageId) -> String {
    let text = id.to_string();
    let number = text.rsplit('-').next().unwrap();
    format!("m{}", number.parse::<u32>().unwrap())
}

fn messages(ids: &[&str]) -> Vec<MessageId> {
    ids.iter().map(|id| message(id)).collect()
}

fn instant(text: &str) -> Instant {
    Instant::from_zero(duration(text))
}

fn duration(text: &str) -> Duration {
    let seconds = text.strip_suffix('s').expect("seconds, as in 5s");
    Duration::from_secs_f64(seconds.parse().unwrap())
}
