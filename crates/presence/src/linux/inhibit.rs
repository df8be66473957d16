//! Somebody watches without touching anything: a film, a call, a presentation. Programs that show
//! them ask for the screen to stay awake, and such a wish counts as a person.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::select;
use tokio::sync::{mpsc, watch};
use zbus::Connection;
use zbus::fdo::PropertiesProxy;
use zbus::names::{InterfaceName, OwnedUniqueName};

use super::bus::{Service, SharedBus, signals};
use crate::Event;
use crate::source::{SourceState, Sources, Topic};

/// Who says that somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Logind,
    GnomeSession,
    PowerManagement,
    Compositor,
}

/// What every source says, told on as one fact when it changes.
#[derive(Clone, Debug)]
pub(super) struct Inhibitions(Arc<Mutex<Told>>);

#[derive(Debug)]
struct Told {
    by: Vec<Says>,
    events: mpsc::UnboundedSender<Event>,
    /// The same for those in this process that need it.
    inhibited: watch::Sender<bool>,
}

impl Inhibitions {
    pub(super) fn new(events: mpsc::UnboundedSender<Event>) -> (Self, watch::Receiver<bool>) {
        let (sender, inhibited) = watch::channel(false);
        let told = Told {
            by: Vec::new(),
            events,
            inhibited: sender,
        };
        (Self(Arc::new(Mutex::new(told))), inhibited)
    }

    pub(super) fn set(&self, who: Says, inhibited: bool) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = !told.by.is_empty();
        told.by.retain(|says| *says != who);
        if inhibited {
            told.by.push(who);
        }
        let after = !told.by.is_empty();
        if before != after {
            let _ = told.events.send(Event::Inhibited(after));
            told.inhibited.send_replace(after);
        }
    }
}

/// A service that knows of inhibitors, and announces when there may be others.
#[derive(Clone, Copy)]
pub(super) struct Known {
    says: Says,
    name: &'static str,
    bus_name: &'static str,
    path: &'static str,
    interface: &'static str,
}

pub(super) const LOGIND: Known = Known {
    says: Says::Logind,
    name: "logind inhibitors",
    bus_name: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};

pub(super) const GNOME_SESSION: Known = Known {
    says: Says::GnomeSession,
    name: "GNOME session inhibitors",
    bus_name: "org.gnome.SessionManager",
    path: "/org/gnome/SessionManager",
    interface: "org.gnome.SessionManager",
};

/// That of Plasma, Xfce and others.
pub(super) const POWER_MANAGEMENT: Known = Known {
    says: Says::PowerManagement,
    name: "desktop power management",
    bus_name: "org.freedesktop.PowerManagement",
    path: "/org/freedesktop/PowerManagement/Inhibit",
    interface: "org.freedesktop.PowerManagement.Inhibit",
};

/// Plasma's own: it keeps apart what keeps the screen awake and what only keeps the computer awake,
/// a download for instance.
const POLICY_PATH: &str = "/org/kde/Solid/PowerManagement/PolicyAgent";
const POLICY_AGENT: &str = "org.kde.Solid.PowerManagement.PolicyAgent";

/// Follows one of them until the bus goes away.
pub(super) async fn watch(known: Known, bus: SharedBus, to: Inhibitions, sources: Sources) {
    let reason = match bus.await {
        Ok(connection) => follow(known, &connection, &to, &sources).await,
        Err(reason) => format!("no bus: {reason}"),
    };
    to.set(known.says, false);
    sources.skip(Topic::Inhibition, known.name, reason);
}

async fn follow(
    known: Known,
    connection: &Connection,
    to: &Inhibitions,
    sources: &Sources,
) -> String {
    let Ok(mut service) = Service::follow(connection, known.bus_name).await else {
        return "the bus refused".to_owned();
    };
    loop {
        let owner = service.owner().await;
        let listening = async {
            let reason = match owner {
                Some(owner) => match listen(known, connection, owner, to, sources).await {
                    Ok(()) => "it fell silent".to_owned(),
                    Err(error) => format!("it does not say: {error}"),
                },
                None => "not running".to_owned(),
            };
            to.set(known.says, false);
            sources.skip(Topic::Inhibition, known.name, reason);
            core::future::pending::<()>().await;
        };
        tokio::select! {
            () = listening => {}
            changed = service.changed() => if !changed { return "the bus is gone".to_owned() },
        }
    }
}

/// Takes what one owner says, for as long as it may say something.
async fn listen(
    known: Known,
    connection: &Connection,
    owner: OwnedUniqueName,
    to: &Inhibitions,
    sources: &Sources,
) -> zbus::Result<()> {
    let properties = PropertiesProxy::builder(connection)
        .destination(owner.clone())?
        .path(known.path)?
        .build()
        .await?;
    let mut changes = if known.says == Says::PowerManagement {
        let own = signals(connection, &owner, known.interface, "HasInhibitChanged").await?;
        let plasma = signals(connection, &owner, POLICY_AGENT, "InhibitionsChanged").await?;
        select(own, plasma).map(drop).boxed()
    } else {
        let of = [(0, known.interface)];
        let changes = properties.receive_properties_changed_with_args(&of);
        changes.await?.map(drop).boxed()
    };
    loop {
        let inhibited = match known.says {
            Says::Logind => somebody_watches(connection, &owner, known).await?,
            Says::PowerManagement => inhibited_by_desktop(connection, &owner, known).await?,
            _ => inhibited_by_gnome(&properties, known).await?,
        };
        to.set(known.says, inhibited);
        sources.set(Topic::Inhibition, known.name, SourceState::Taken);
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

async fn inhibited_by_gnome(properties: &PropertiesProxy<'_>, known: Known) -> zbus::Result<bool> {
    /// "Inhibit the session being marked as idle".
    const IDLE: u32 = 8;
    let interface = InterfaceName::try_from(known.interface)?;
    let actions = properties.get(interface, "InhibitedActions").await?;
    Ok(u32::try_from(actions)? & IDLE != 0)
}

async fn inhibited_by_desktop(
    connection: &Connection,
    owner: &OwnedUniqueName,
    known: Known,
) -> zbus::Result<bool> {
    /// Plasma's "change screen settings".
    const SCREEN: u32 = 4;
    let plasma = connection
        .call_method(
            Some(owner),
            POLICY_PATH,
            Some(POLICY_AGENT),
            "HasInhibition",
            &SCREEN,
        )
        .await;
    let reply = match plasma {
        Err(zbus::Error::MethodError(..)) => {
            connection
                .call_method(
                    Some(owner),
                    known.path,
                    Some(known.interface),
                    "HasInhibit",
                    &(),
                )
                .await?
        }
        plasma => plasma?,
    };
    reply.body().deserialize()
}

/// What it holds back, for whom, why and how; whose it is, and which process.
type Inhibitor = (String, String, String, String, u32, u32);

async fn somebody_watches(
    connection: &Connection,
    owner: &OwnedUniqueName,
    known: Known,
) -> zbus::Result<bool> {
    let reply = connection
        .call_method(
            Some(owner),
            known.path,
            Some(known.interface),
            "ListInhibitors",
            &(),
        )
        .await?;
    let body = reply.body();
    let inhibitors: Vec<Inhibitor> = body.deserialize()?;
    let me = rustix::process::getuid().as_raw();
    Ok(inhibitors.iter().any(|it| is_watching(it, me)))
}

/// A film of this person. What also holds back the shutdown is work that goes on without anybody,
/// a build or an update.
fn is_watching((what, _, _, mode, uid, _): &Inhibitor, me: u32) -> bool {
    let holds = |action| what.split(':').any(|held| held == action);
    mode == "block" && *uid == me && holds("idle") && !holds("shutdown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_counts_and_a_long_build_does_not() {
        for (what, mode, uid, expected) in [
            ("idle", "block", 7, true),
            ("sleep:idle", "block", 7, true),
            ("idle", "delay", 7, false),
            ("idle", "block", 0, false),
            ("sleep", "block", 7, false),
            ("shutdown:sleep:idle", "block", 7, false),
            ("", "block", 7, false),
        ] {
            let words = [what, "player", "a film", mode].map(str::to_owned);
            let [what, who, why, mode] = words;
            let inhibitor = (what, who, why, mode, uid, 1);
            assert_eq!(is_watching(&inhibitor, 7), expected, "{inhibitor:?}");
        }
    }

    #[test]
    fn inhibited_while_any_source_says_so_and_told_once() {
        let (events, mut heard) = mpsc::unbounded_channel();
        let (inhibitions, _) = Inhibitions::new(events);
        for (who, inhibited) in [
            (Says::Logind, false),
            (Says::Logind, true),
            (Says::Compositor, true),
            (Says::Logind, false),
            (Says::Compositor, false),
            (Says::Compositor, false),
        ] {
            inhibitions.set(who, inhibited);
        }
        let told: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        assert_eq!(told, [Event::Inhibited(true), Event::Inhibited(false)]);
    }
}
