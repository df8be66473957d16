//! Idle time from GNOME's compositor, on Wayland and X11 alike.

use core::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use zbus::Connection;

use super::bus::Service;
use super::idle::{Door, Request, Rung, Tell};

pub(super) const NAME: &str = "Mutter idle monitor";
const BUS_NAME: &str = "org.gnome.Mutter.IdleMonitor";

#[zbus::proxy(
    interface = "org.gnome.Mutter.IdleMonitor",
    default_path = "/org/gnome/Mutter/IdleMonitor/Core",
    gen_blocking = false
)]
trait IdleMonitor {
    /// In milliseconds.
    fn get_idletime(&self) -> zbus::Result<u64>;
    /// Fires each time so many milliseconds have passed without input.
    fn add_idle_watch(&self, after: u64) -> zbus::Result<u32>;
    /// Fires once, at the next input.
    fn add_user_active_watch(&self) -> zbus::Result<u32>;
    fn remove_watch(&self, id: u32) -> zbus::Result<()>;
    #[zbus(signal)]
    fn watch_fired(&self, id: u32) -> zbus::Result<()>;
}

pub(super) async fn attach(connection: Connection, tell: Tell) -> Result<Rung, String> {
    let words = |error: zbus::Error| format!("it does not answer: {error}");
    let service = Service::follow(&connection, BUS_NAME)
        .await
        .map_err(words)?;
    let owner = service.owner().await.ok_or("not running: no GNOME here")?;
    let monitor = IdleMonitorProxy::builder(&connection)
        .destination(owner)
        .map_err(words)?
        .build()
        .await
        .map_err(words)?;
    monitor.get_idletime().await.map_err(words)?;
    let fired = monitor.receive_watch_fired().await.map_err(words)?;

    let (door, requests) = mpsc::unbounded_channel();
    let (broke, lost) = oneshot::channel();
    let watcher = Watcher {
        monitor,
        tell,
        watch: Watch::default(),
    };
    tokio::spawn(async move {
        if let Some(reason) = watcher.run(requests, fired, service).await {
            let _ = broke.send(reason);
        }
    });
    Ok(Rung {
        source: Box::new(Door(door)),
        lost,
    })
}

struct Watcher {
    monitor: IdleMonitorProxy<'static>,
    tell: Tell,
    watch: Watch,
}

/// Mutter's names for what we wait for.
#[derive(Default)]
struct Watch {
    absent: Option<u32>,
    back: Option<u32>,
    input: Option<u32>,
}

impl Watcher {
    /// Until nobody asks any more, or the compositor is lost: why, for people.
    async fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut fired: WatchFiredStream,
        mut service: Service,
    ) -> Option<String> {
        loop {
            let done = tokio::select! {
                request = requests.recv() => self.serve(request?).await,
                Some(fired) = fired.next() => match fired.args() {
                    Ok(args) => self.fired(*args.id()).await,
                    Err(_) => Ok(()),
                },
                _ = service.changed() => return Some("GNOME Shell went away".to_owned()),
            };
            if let Err(error) = done {
                // Its readings still count; the engine asks before it decides.
                tracing::warn!(%error, "GNOME Shell did not answer");
            }
        }
    }

    async fn serve(&mut self, request: Request) -> zbus::Result<()> {
        match request {
            Request::Read(answer) => {
                let _ = answer.send(self.idle().await?);
                Ok(())
            }
            Request::Watch(after) => self.watch(after).await,
            Request::AwaitInput => self.await_input().await,
        }
    }

    async fn watch(&mut self, after: Duration) -> zbus::Result<()> {
        let old = [self.watch.absent.take(), self.watch.back.take()];
        for id in old.into_iter().flatten() {
            self.monitor.remove_watch(id).await?;
        }
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.watch.absent = Some(self.monitor.add_idle_watch(millis).await?);
        let idle = self.idle().await?;
        if idle >= after {
            self.absent(idle).await?;
        }
        Ok(())
    }

    async fn fired(&mut self, id: u32) -> zbus::Result<()> {
        if self.watch.absent == Some(id) {
            let idle = self.idle().await?;
            self.absent(idle).await?;
        } else if self.watch.back == Some(id) {
            self.watch.back = None;
            self.tell.back(self.idle().await?);
        } else if self.watch.input == Some(id) {
            self.watch.input = None;
            self.tell.input(self.idle().await?);
        }
        Ok(())
    }

    async fn await_input(&mut self) -> zbus::Result<()> {
        if self.watch.input.is_none() {
            self.watch.input = Some(self.monitor.add_user_active_watch().await?);
        }
        Ok(())
    }

    async fn absent(&mut self, idle: Duration) -> zbus::Result<()> {
        if self.watch.back.is_none() {
            self.watch.back = Some(self.monitor.add_user_active_watch().await?);
        }
        self.tell.absent(idle);
        Ok(())
    }

    async fn idle(&self) -> zbus::Result<Duration> {
        self.monitor.get_idletime().await.map(Duration::from_millis)
    }
}
