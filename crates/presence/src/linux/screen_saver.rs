//! Locks announced by the session's screen saver. GNOME, KDE, Xfce, Cinnamon and others speak one
//! of these interfaces; some speak both.

use core::future::pending;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use zbus::Connection;
use zbus::names::OwnedUniqueName;

use super::bus::{Service, SharedBus, signals};
use super::lock::{Locks, Says};
use crate::source::{SourceState, Sources, Topic};

/// One of the known screen savers.
#[derive(Clone, Copy)]
struct Known {
    /// Bus name and interface at once.
    name: &'static str,
    path: &'static str,
}

const KNOWN: [Known; 2] = [
    Known {
        name: "org.freedesktop.ScreenSaver",
        path: "/org/freedesktop/ScreenSaver",
    },
    Known {
        name: "org.gnome.ScreenSaver",
        path: "/org/gnome/ScreenSaver",
    },
];

/// Follows both until the bus goes away.
pub(super) async fn watch(bus: SharedBus, locks: Locks, sources: Sources) {
    match bus.await {
        Ok(connection) => {
            join_all((0..KNOWN.len()).map(|place| follow(&connection, place, &locks, &sources)))
                .await;
        }
        Err(reason) => {
            for known in KNOWN {
                sources.skip(Topic::Lock, known.name, format!("no session bus: {reason}"));
            }
        }
    }
}

async fn follow(connection: &Connection, place: usize, locks: &Locks, sources: &Sources) {
    let Known { name, .. } = KNOWN[place];
    if let Ok(mut service) = Service::follow(connection, name).await {
        loop {
            let Some(owner) = service.owner().await else {
                locks.set(Says::ScreenSaver(place), false);
                sources.skip(Topic::Lock, name, "not running");
                if !service.changed().await {
                    break;
                }
                continue;
            };
            tokio::select! {
                () = listen(connection, &owner, place, locks, sources) => {}
                changed = service.changed() => if !changed { break },
            }
        }
    }
    locks.set(Says::ScreenSaver(place), false);
    sources.skip(Topic::Lock, name, "the session bus is gone");
}

/// Takes what one owner says, for as long as it may say something.
async fn listen(
    connection: &Connection,
    owner: &OwnedUniqueName,
    place: usize,
    locks: &Locks,
    sources: &Sources,
) {
    let Known { name, .. } = KNOWN[place];
    let changes = signals(connection, owner, name, "ActiveChanged").await;
    match is_active(connection, owner, KNOWN[place]).await {
        Ok(active) => {
            locks.set(Says::ScreenSaver(place), active);
            sources.set(Topic::Lock, name, SourceState::Taken);
        }
        Err(error) => {
            locks.set(Says::ScreenSaver(place), false);
            sources.skip(
                Topic::Lock,
                name,
                format!("it does not say whether it is active: {error}"),
            );
        }
    }
    if let Ok(mut changes) = changes {
        while let Some(Ok(change)) = changes.next().await {
            if let Ok(active) = change.body().deserialize::<bool>() {
                locks.set(Says::ScreenSaver(place), active);
                sources.set(Topic::Lock, name, SourceState::Taken);
            }
        }
    }
    // The next word comes from another owner.
    pending::<()>().await;
}

async fn is_active(
    connection: &Connection,
    owner: &OwnedUniqueName,
    Known { name, path }: Known,
) -> zbus::Result<bool> {
    let reply = connection
        .call_method(Some(owner), path, Some(name), "GetActive", &())
        .await?;
    reply.body().deserialize()
}
