//! The rules that are compared, each with the devices it runs on.

use core::time::Duration;

use hither_attention::{Router, Timings};

use crate::day::{MINUTE, Ms, SECOND};
use crate::rivals::{Push, Rival, Rule, Toast};

/// A rule, and what its desktops report.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing that a rule does or does not do"
)]
pub(crate) struct Contender {
    pub(crate) name: String,
    /// Without input for so long a desktop is inactive.
    pub(crate) idle_after: Ms,
    /// Whether a locked screen is inactive at once.
    pub(crate) lock_counts: bool,
    /// Whether the desktop tells what it shows, and shows nothing on a locked screen.
    pub(crate) is_hither: bool,
    /// Whether the desktop sums up on return what is unread and was not shown there.
    pub(crate) sums_up: bool,
    /// Whether it shows after a reconnect what was sent into the dead connection.
    pub(crate) resyncs: bool,
    /// Whether heartbeats of a single desktop matter to it.
    pub(crate) heeds_heartbeats: bool,
    /// Whether a pop-up stays until the person touches the desktop, and ten seconds longer.
    pub(crate) stays_up: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Hither,
    Rival(Toast, Push, Duration),
}

const NEVER: Duration = Duration::from_hours(24 * 365);

impl Contender {
    pub(crate) fn rule(&self) -> Box<dyn Rule> {
        match self.kind {
            Kind::Hither => Box::new(Router::new(Timings::default())),
            Kind::Rival(toast, push, stale) => Box::new(Rival::new(toast, push, stale)),
        }
    }

    pub(crate) fn hither(idle_after: Ms) -> Self {
        Self {
            name: format!("Hither, {}", spoken(idle_after)),
            idle_after,
            lock_counts: true,
            is_hither: true,
            sums_up: true,
            resyncs: false,
            heeds_heartbeats: true,
            stays_up: true,
            kind: Kind::Hither,
        }
    }

    fn rival(name: &str, idle_after: Ms, lock_counts: bool, toast: Toast, push: Push) -> Self {
        Self {
            name: name.to_owned(),
            idle_after,
            lock_counts,
            is_hither: false,
            sums_up: false,
            resyncs: true,
            heeds_heartbeats: false,
            stays_up: false,
            kind: Kind::Rival(toast, push, NEVER),
        }
    }
}

fn spoken(time: Ms) -> String {
    match time / SECOND {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Contender> {
    use Push::{Always, IfAway, IfAwayOrLost, OnceAway, Parked, ParkedUntilAway};
    use Toast::{Active, Connected};
    let rival = Contender::rival;
    let minutes = |minutes| Duration::from_mins(minutes);
    let zulip = Contender {
        heeds_heartbeats: true,
        kind: Kind::Rival(
            Connected,
            IfAwayOrLost(minutes(10)),
            Duration::from_secs(140),
        ),
        ..rival("Zulip", 5 * MINUTE, false, Connected, Always)
    };
    let mut all = vec![
        rival("ring everywhere", 3 * MINUTE, true, Connected, Always),
        rival(
            "active/inactive alone, 3 min",
            3 * MINUTE,
            true,
            Active,
            IfAway,
        ),
        rival(
            "Mattermost, push when away",
            5 * MINUTE,
            false,
            Connected,
            IfAway,
        ),
        zulip,
        rival(
            "Rocket.Chat",
            5 * MINUTE,
            false,
            Connected,
            Parked(minutes(2)),
        ),
        rival("Signal-like, 60 s", MINUTE, false, Connected, IfAway),
        rival("Slack-like, after 1 min", MINUTE, true, Active, OnceAway),
        rival(
            "Slack-like, after 2 min",
            2 * MINUTE,
            true,
            Active,
            OnceAway,
        ),
        rival(
            "Slack-like, after 5 min",
            5 * MINUTE,
            true,
            Active,
            OnceAway,
        ),
        rival(
            "parked 60 s",
            3 * MINUTE,
            true,
            Active,
            ParkedUntilAway(minutes(1)),
        ),
        rival(
            "parked 120 s",
            3 * MINUTE,
            true,
            Active,
            ParkedUntilAway(minutes(2)),
        ),
    ];
    let positions = [30, 60, 90, 120, 180, 300, 600];
    all.extend(positions.map(|seconds| Contender::hither(seconds * SECOND)));
    all.push(Contender {
        name: "3 min without a summary on return".to_owned(),
        sums_up: false,
        ..Contender::hither(3 * MINUTE)
    });
    all.push(Contender {
        name: "3 min, pop-ups go by themselves".to_owned(),
        stays_up: false,
        ..Contender::hither(3 * MINUTE)
    });
    all
}
