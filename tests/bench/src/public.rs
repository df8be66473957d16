//! A message for everyone, to all who are connected: row 7.

use std::time::Instant;

use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::client::{Publisher, Stream, message};
use crate::floor::{Floor, to_all};
use crate::place::Place;
use crate::probe::{PAIRS, median};
use crate::table::{Goal, Row};

const CONNECTED: usize = 10_000;
/// What a delivery could write rows to.
const ROWS: [&str; 2] = ["log", "inbox"];
/// What is noted of each receiver once it has the message.
const NOTES: [&str; 2] = ["delivered", "trace"];
/// One after the other, each time that everybody is connected.
const MESSAGES: usize = 5;

pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let place = Place::new(CONNECTED, 1).await?;
    let (before, notes_before) = (rows(&place, &ROWS)?, rows(&place, &NOTES)?);
    let (mut own, mut raw) = (Vec::new(), Vec::new());
    for round in 0..PAIRS {
        let (rate, frame) = through_hither(&place, 2 * round * CONNECTED).await?;
        own.push(rate);
        raw.push(through_the_floor(&frame, (2 * round + 1) * CONNECTED).await?);
    }
    let each = |rows: i64| rows as f64 / (PAIRS * MESSAGES) as f64;
    let written = each(rows(&place, &ROWS)? - before);
    let noted = each(rows(&place, &NOTES)? - notes_before);
    let ratios = own.iter().zip(&raw).map(|(own, raw)| own / raw);
    let ratio = median(ratios);
    let what = format!("public message to {CONNECTED} connected, deliveries/s");
    Ok(vec![
        Row::alone(7, what, median(own), "/s", Goal::AtLeast(0.7)).beside(
            "raw WebSocket writes",
            median(raw),
            ratio,
        ),
        Row::alone(
            7,
            "rows of logs and inboxes for each",
            written,
            "",
            Goal::AtMost(1.0),
        )
        .noting(format!("afterwards acks and traces write {noted:.0} more")),
    ])
}

/// Deliveries a second, and a frame as it came.
async fn through_hither(place: &Place, first: usize) -> anyhow::Result<(f64, String)> {
    let server = place.serve()?;
    let streams = server.sign_in_all(&place.people, first).await?;
    let streams = streams.into_iter().map(|(stream, _)| stream);
    let mut publisher = Publisher::open(server.address, first, &place.publishers[0]).await?;
    let mut body = message("");
    body["to"] = json!({ "everyone": true });
    let mut crowd = Crowd::of(streams, true);
    let mut rates = Vec::new();
    for _ in 0..MESSAGES {
        let begun = Instant::now();
        publisher.publish(&body).await?;
        crowd.got_it().await?;
        rates.push(CONNECTED as f64 / begun.elapsed().as_secs_f64());
    }
    Ok((median(rates), crowd.frame))
}

async fn through_the_floor(frame: &str, first: usize) -> anyhow::Result<f64> {
    let floor = Floor::start()?;
    let mut streams = Vec::with_capacity(CONNECTED);
    for number in 0..CONNECTED {
        streams.push(Stream::open(floor.address, first + number).await?);
    }
    let mut speaker = Stream::open(floor.address, first).await?;
    let mut crowd = Crowd::of(streams.into_iter(), false);
    let mut rates = Vec::new();
    for _ in 0..MESSAGES {
        let begun = Instant::now();
        speaker.say(to_all(frame)).await?;
        crowd.got_it().await?;
        rates.push(CONNECTED as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(median(rates))
}

/// Everybody who listens.
struct Crowd {
    heard: UnboundedReceiver<String>,
    /// The last one heard.
    frame: String,
    _listeners: JoinSet<anyhow::Result<()>>,
}

impl Crowd {
    fn of(streams: impl Iterator<Item = Stream>, acks: bool) -> Self {
        let (hear, heard) = unbounded_channel();
        let mut listeners = JoinSet::new();
        for stream in streams {
            listeners.spawn(listen(stream, acks, hear.clone()));
        }
        Self {
            heard,
            frame: String::new(),
            _listeners: listeners,
        }
    }

    /// Waits until everybody got a message.
    async fn got_it(&mut self) -> anyhow::Result<()> {
        for _ in 0..CONNECTED {
            let heard = self.heard.recv().await;
            self.frame = heard.ok_or_else(|| anyhow::anyhow!("everybody left"))?;
        }
        Ok(())
    }
}

async fn listen(
    mut stream: Stream,
    acks: bool,
    hear: UnboundedSender<String>,
) -> anyhow::Result<()> {
    loop {
        let message = stream.message().await?;
        hear.send(message.as_str().to_owned())?;
        if acks {
            stream.ack(&message).await?;
        }
    }
}

fn rows(place: &Place, tables: &[&str]) -> anyhow::Result<i64> {
    let database = rusqlite::Connection::open(place.folder.path().join("hither.db"))?;
    let counts = tables.iter().map(|table| {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0))
    });
    Ok(counts.sum::<Result<_, _>>()?)
}
