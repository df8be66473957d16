//! What every D-Bus source needs: a connection that does not hang, and services followed as they
//! come and go.

use core::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt as _, StreamExt as _};
use zbus::connection::Builder;
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};
use zbus::names::{BusName, OwnedUniqueName};
use zbus::{Connection, MatchRule, MessageStream, message};

/// No service on the same computer needs longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A connection that several sources share; made when the first of them asks.
pub(super) type SharedBus = Shared<BoxFuture<'static, Result<Connection, String>>>;

/// The session bus, at the usual place if no other is given.
pub(super) fn session(address: Option<String>) -> SharedBus {
    share(address, Builder::session)
}

/// The system bus, at the usual place if no other is given.
pub(super) fn system(address: Option<String>) -> SharedBus {
    share(address, Builder::system)
}

fn share(address: Option<String>, usual: fn() -> zbus::Result<Builder<'static>>) -> SharedBus {
    async move {
        let builder = match &address {
            Some(address) => Builder::address(address.as_str()),
            None => usual(),
        };
        connect(builder).await
    }
    .boxed()
    .shared()
}

/// Connects; the error is for people.
async fn connect(address: zbus::Result<Builder<'_>>) -> Result<Connection, String> {
    let builder = address.map_err(|error| error.to_string())?;
    let connecting = builder.method_timeout(ANSWER_WITHIN).build();
    match tokio::time::timeout(ANSWER_WITHIN, connecting).await {
        Ok(connection) => connection.map_err(|error| error.to_string()),
        Err(_) => Err("the bus does not answer".to_owned()),
    }
}

/// A signal of this owner, whatever object sends it: some announce on more than one path.
pub(super) async fn signals(
    connection: &Connection,
    owner: &OwnedUniqueName,
    interface: &'static str,
    member: &'static str,
) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(owner)?
        .interface(interface)?
        .member(member)?
        .build();
    MessageStream::for_match_rule(rule, connection, None).await
}

/// A service by its well-known name, whoever runs it at the moment.
///
/// Signals are taken from the unique name behind it only: on the system bus anybody may send a
/// signal that looks like the service's.
pub(super) struct Service {
    name: &'static str,
    bus: DBusProxy<'static>,
    changes: NameOwnerChangedStream,
}

impl Service {
    pub(super) async fn follow(connection: &Connection, name: &'static str) -> zbus::Result<Self> {
        let bus = DBusProxy::new(connection).await?;
        let changes = bus
            .receive_name_owner_changed_with_args(&[(0, name)])
            .await?;
        Ok(Self { name, bus, changes })
    }

    /// Who runs it; never starts it.
    pub(super) async fn owner(&self) -> Option<OwnedUniqueName> {
        let name = BusName::try_from(self.name).ok()?;
        self.bus.get_name_owner(name).await.ok()
    }

    /// Waits for another owner, or none; `false` when the bus is gone.
    pub(super) async fn changed(&mut self) -> bool {
        self.changes.next().await.is_some()
    }
}
