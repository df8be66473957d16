//! Idle time from Wayland compositors that speak `ext-idle-notify-v1`: KDE, Sway, COSMIC, Hyprland
//! and others.
//!
//! The protocol tells when input has been absent for a time, never for how long. One notification
//! with a short time says when the last input was; a timer of our own does the rest.

mod seat;
mod wire;

use core::time::Duration;
use std::collections::VecDeque;
use std::path::Path;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use self::seat::Seat;
use self::wire::Wire;
use super::idle::{Door, Request, Rung, Tell};
use super::inhibit::{Inhibitions, Says};
use crate::source::{SourceState, Sources, Topic};

pub(super) const NAME: &str = "Wayland idle notifications";
const INHIBITORS: &str = "Wayland inhibitors";

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn attach(socket: &Path, tell: Tell, sources: &Sources) -> Result<Rung, String> {
    let mut wire = Wire::connect(socket)?;
    timeout(ANSWER_WITHIN, wire.introduce())
        .await
        .map_err(|_| "the compositor does not answer".to_owned())??;
    let tells_apart = wire.subscribe()?;
    if tells_apart {
        sources.set(Topic::Inhibition, INHIBITORS, SourceState::Taken);
    } else {
        let reason =
            "this compositor counts a film as input, which is taken for one after a minute";
        sources.skip(Topic::Inhibition, INHIBITORS, reason);
    }
    let (door, requests) = mpsc::unbounded_channel();
    let (broke, lost) = oneshot::channel();
    let watcher = Watcher {
        wire,
        seat: Seat::new(Instant::now(), tells_apart),
        tell,
        reads: VecDeque::new(),
    };
    tokio::spawn(async move {
        if let Err(reason) = watcher.run(requests).await {
            let _ = broke.send(reason);
        }
    });
    Ok(Rung {
        source: Box::new(Door(door)),
        lost,
    })
}

struct Watcher {
    wire: Wire,
    seat: Seat,
    tell: Tell,
    /// Who waits for a reading, in the order the compositor will answer.
    reads: VecDeque<oneshot::Sender<Duration>>,
}

impl Watcher {
    /// Until nobody asks any more; the error says why the compositor is lost.
    async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) -> Result<(), String> {
        let ended = loop {
            let due = self.seat.due();
            tokio::select! {
                heard = self.wire.hear() => match heard {
                    Ok(()) => self.take_in(),
                    Err(reason) => break Err(reason),
                },
                request = requests.recv() => match request {
                    Some(request) => self.serve(request),
                    None => break Ok(()),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            let told = self.seat.notice(Instant::now());
            heed(&self.seat, &self.tell.inhibitions);
            if let Some(told) = told {
                told.tell(&self.tell);
            }
        };
        self.tell.inhibitions.set(Says::Compositor, false);
        ended
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Read(answer) => {
                self.reads.push_back(answer);
                self.wire.ask();
            }
            Request::Watch(after) => self.seat.watch(after),
            Request::AwaitInput => self.seat.await_input(Instant::now()),
        }
    }

    fn take_in(&mut self) {
        let now = Instant::now();
        for change in self.wire.heard.changes.drain(..) {
            self.seat.change(change, now);
        }
        heed(&self.seat, &self.tell.inhibitions);
        for _ in 0..core::mem::take(&mut self.wire.heard.answers) {
            if let Some(answer) = self.reads.pop_front()
                && let Some(idle) = self.seat.idle(now)
            {
                let _ = answer.send(idle);
            }
        }
    }
}

fn heed(seat: &Seat, inhibitions: &Inhibitions) {
    inhibitions.set(Says::Compositor, seat.is_watched());
}
