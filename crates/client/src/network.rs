//! Tells when the addresses of this computer change: another network, none, or one again.

use core::future::{pending, poll_fn};
use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;

use hither_engine::view::{SourceTopic, SourceView};
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use tokio::time::{Instant, sleep_until};

/// Addresses come and go in bursts: one change until they rest for so long.
const RESTS: Duration = Duration::from_millis(300);

/// The addresses of this computer, followed as they change.
pub(crate) struct Network {
    watcher: Result<IfWatcher, String>,
    /// `None` until they are known.
    addresses: Option<BTreeSet<IpAddr>>,
    settles_at: Option<Instant>,
    /// An address went before they had settled for the first time.
    went: bool,
}

impl Network {
    /// Begins to watch; inside a tokio runtime.
    pub(crate) fn watch() -> Self {
        let watcher = IfWatcher::new().map_err(|error| error.to_string());
        if let Err(reason) = &watcher {
            tracing::info!(%reason, "network changes are not noticed");
        }
        Self {
            watcher,
            addresses: None,
            settles_at: None,
            went: false,
        }
    }

    /// Waits until other addresses than before have settled. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        loop {
            let Ok(watcher) = &mut self.watcher else {
                return pending().await;
            };
            let settles_at = self.settles_at;
            tokio::select! {
                event = poll_fn(|cx| watcher.poll_if_event(cx)) => match event {
                    Ok(event) => {
                        self.settles_at = Some(Instant::now() + RESTS);
                        self.went |= matches!(event, IfEvent::Down(_));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "network changes are no longer noticed");
                        self.watcher = Err(error.to_string());
                    }
                },
                () = sleep_until(settles_at.unwrap_or_else(Instant::now)), if settles_at.is_some() => {
                    self.settles_at = None;
                    if self.settle() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether this computer has the address, as far as it is known.
    pub(crate) fn has(&self, ip: IpAddr) -> bool {
        let known = self.addresses.as_ref();
        !leads_out(&ip) || known.is_none_or(|addresses| addresses.contains(&ip))
    }

    pub(crate) fn source(&self) -> SourceView {
        SourceView {
            topic: SourceTopic::Network,
            name: "addresses of this computer".to_owned(),
            used: self.watcher.is_ok(),
            reason: self.watcher.as_ref().err().cloned(),
        }
    }

    /// Whether there are other addresses than before; what the start finds is no change, what goes
    /// meanwhile is.
    fn settle(&mut self) -> bool {
        let Ok(watcher) = &self.watcher else {
            return false;
        };
        let nets = watcher.iter().map(|net| net.addr().to_canonical());
        let now = Some(nets.filter(leads_out).collect());
        let went = core::mem::take(&mut self.went);
        let before = core::mem::replace(&mut self.addresses, now);
        before.map_or(went, |before| Some(before) != self.addresses)
    }
}

/// Whether a server may be reached from it. Containers come and go with addresses that lead
/// nowhere.
fn leads_out(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

    const INSIDE: &str = "HITHER_TEST_OWN_NETWORK";

    /// Runs itself again with a network of its own, which it may change.
    #[tokio::test]
    async fn addresses_that_come_and_go_are_noticed_once_settled() {
        if std::env::var_os(INSIDE).is_some() {
            return inside().await;
        }
        let name = "network::tests::addresses_that_come_and_go_are_noticed_once_settled";
        let status = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INSIDE, "1")
            .status()
            .unwrap();
        assert!(status.success(), "in a network of its own: {status}");
    }

    async fn inside() {
        ip("link set lo up");
        ip("addr add 192.0.2.1/24 dev lo");
        let [first, second, local] =
            ["192.0.2.1", "2001:db8::2", "127.0.0.1"].map(|ip| ip.parse().unwrap());
        // A computer that loses its network while it finds out what it has.
        let mut network = Network::watch();
        let quiet = tokio::time::timeout(RESTS / 3, network.changed()).await;
        assert!(quiet.is_err(), "not settled yet");
        ip("addr del 192.0.2.1/24 dev lo");
        changed(&mut network).await;
        assert!(!network.has(first));

        ip("addr add 192.0.2.1/24 dev lo");
        let mut network = Network::watch();
        assert!(network.has(first) && network.has(second), "not known yet");
        assert!(network.source().used);
        let quiet = tokio::time::timeout(2 * RESTS, network.changed()).await;
        assert!(quiet.is_err(), "the start is no change");
        assert!(network.has(first) && network.has(local) && !network.has(second));

        // A container's end of a cable: an address that leads nowhere.
        ip("addr add fe80::7/64 dev lo");
        let quiet = tokio::time::timeout(2 * RESTS, network.changed()).await;
        assert!(quiet.is_err(), "that is no change");

        ip("addr add 2001:db8::2/64 dev lo");
        changed(&mut network).await;
        assert!(network.has(first) && network.has(second));
        ip("addr del 192.0.2.1/24 dev lo");
        changed(&mut network).await;
        assert!(!network.has(first) && network.has(second));
    }

    async fn changed(network: &mut Network) {
        let change = tokio::time::timeout(Duration::from_secs(20), network.changed());
        change.await.expect("a change is noticed");
    }

    fn ip(words: &str) {
        let status = Command::new("ip").args(words.split(' ')).status().unwrap();
        assert!(status.success(), "ip {words}");
    }
}
