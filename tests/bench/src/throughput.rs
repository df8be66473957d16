//! Many durable messages at the same time: row 3, and the server's own part of row 4.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Publisher, message};
use crate::place::{Place, Server};
use crate::probe::{Disk, median, pairs, processor_time};
use crate::redis::Redis;
use crate::table::{Goal, Row};

/// Publishers, each with its own receiver.
pub(crate) const COUPLES: usize = 64;
/// What each publisher has under way.
pub(crate) const OUTSTANDING: usize = 16;
const WARM_UP: Duration = Duration::from_millis(500);
const WINDOW: Duration = Duration::from_secs(2);

/// What was delivered within a moment.
pub(crate) struct Flow {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Processor time of the server for each, in microseconds.
    pub(crate) cost: f64,
}

type Figure = fn(&Flow) -> f64;

pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let place = Place::new(COUPLES, COUPLES).await?;
    let server = place.serve()?;
    let mut hither = Hither::connect(&place, &server).await?;
    let mut redis = Redis::start().await?;
    let mut disk = Disk::below(place.folder.path())?;
    let pairs = pairs(&mut disk, async || {
        let own = hither.flow().await?;
        Ok((own, redis.flow().await?))
    })
    .await?;

    let own = |of: Figure| median(pairs.iter().map(|((own, _), _)| of(own)));
    let peer = |of: Figure| median(pairs.iter().map(|((_, peer), _)| of(peer)));
    let ratio = |of: Figure| {
        let ratios = pairs.iter().map(|((own, peer), _)| of(own) / of(peer));
        median(ratios)
    };
    let (rate, cost): (Figure, Figure) = (|it| it.rate, |it| it.cost);
    let what = format!("durable messages/s, {COUPLES} pairs × {OUTSTANDING} outstanding");
    let probe = median(pairs.iter().map(|(_, disk)| disk.p50()));
    let note = format!("{} pairs; raw fdatasync {probe:.0} µs", pairs.len());
    let redis = "Redis Streams, appendfsync always";
    Ok(vec![
        Row::alone(3, what, own(rate), "/s", Goal::AtLeast(1.3))
            .beside(redis, peer(rate), ratio(rate))
            .noting(note),
        Row::unmeasured(3, "the same beside JetStream and socket.io", "not measured"),
        Row::alone(
            4,
            "server CPU per delivered message, in that",
            own(cost),
            "µs",
            Goal::None,
        )
        .beside(redis, peer(cost), ratio(cost))
        .noting("the goal's peers, socket.io's, are not measured"),
    ])
}

/// Counts what receivers get, for as long as it lives.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What flows after a moment, and what it costs the process.
    pub(crate) async fn flow(&self, pid: u32) -> anyhow::Result<Flow> {
        tokio::time::sleep(WARM_UP).await;
        let (begun, before, spent) = (Instant::now(), self.get(), processor_time(pid)?);
        tokio::time::sleep(WINDOW).await;
        let count = (self.get() - before) as f64;
        Ok(Flow {
            rate: count / begun.elapsed().as_secs_f64(),
            cost: (processor_time(pid)? - spent) / count,
        })
    }
}

/// Everybody connected to a server of Hither.
struct Hither {
    pid: u32,
    delivered: Count,
    /// Each with the message that it publishes.
    publishers: Vec<(Publisher, Arc<str>)>,
    receivers: JoinSet<anyhow::Result<()>>,
}

impl Hither {
    async fn connect(place: &Place, server: &Server) -> anyhow::Result<Self> {
        let (delivered, mut receivers) = (Count::default(), JoinSet::new());
        for (mut stream, _) in server.sign_in_all(&place.people, 0).await? {
            let delivered = delivered.clone();
            receivers.spawn(async move {
                loop {
                    delivered.add(stream.messages().await?);
                }
            });
        }
        let mut publishers = Vec::new();
        for (person, token) in place.people.iter().zip(&place.publishers) {
            let body: Arc<str> = message(&person.name).to_string().into();
            for _ in 0..OUTSTANDING {
                let number = COUPLES + publishers.len();
                let publisher = Publisher::open(server.address, number, token).await?;
                publishers.push((publisher, Arc::clone(&body)));
            }
        }
        Ok(Self {
            pid: server.pid(),
            delivered,
            publishers,
            receivers,
        })
    }

    async fn flow(&mut self) -> anyhow::Result<Flow> {
        let (mut tasks, stop) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
        for (mut publisher, body) in self.publishers.drain(..) {
            let stop = Arc::clone(&stop);
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    publisher.send(&body).await?;
                    publisher.stored().await?;
                }
                anyhow::Ok((publisher, body))
            });
        }
        let flow = self.delivered.flow(self.pid).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(publisher) = tasks.join_next().await {
            self.publishers.push(publisher??);
        }
        // One that ended did so by an error.
        if let Some(ended) = self.receivers.try_join_next() {
            ended??;
        }
        flow
    }
}
