//! One durable message after the other: rows 1 and 2.

use std::time::{Duration, Instant};

use crate::client::{Publisher, Stream, message};
use crate::floor::Floor;
use crate::place::Place;
use crate::probe::{Disk, Times, median, microseconds, pairs};
use crate::table::{Goal, Row};

const FOR: Duration = Duration::from_millis(1500);
const ECHOES: usize = 2000;

pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let place = Place::new(1, 1).await?;
    let (server, floor) = (place.serve()?, Floor::start()?);
    let person = &place.people[0];
    let (mut stream, _) = server.sign_in(person, 0).await?;
    let mut publisher = Publisher::open(server.address, 1, &place.publishers[0]).await?;
    let body = message(&person.name).to_string();
    let mut disk = Disk::below(place.folder.path())?;
    one_by_one(&mut publisher, &mut stream, &body).await?;
    let pairs = pairs(&mut disk, async || {
        let echo = floor.echo(&body, ECHOES).await?;
        Ok((one_by_one(&mut publisher, &mut stream, &body).await?, echo))
    })
    .await?;

    let figure = |of: fn(&Times) -> f64| median(pairs.iter().map(|((took, _), _)| of(took)));
    let echo = median(pairs.iter().map(|((_, echo), _)| echo.p50()));
    let floor = median(
        pairs
            .iter()
            .map(|((_, echo), disk)| echo.p50() + disk.p50()),
    );
    let to_floor = pairs
        .iter()
        .map(|((took, echo), disk)| took.p50() / (echo.p50() + disk.p50()));
    let slowest = median(pairs.iter().map(|(_, disk)| disk.p99()));
    let to_slowest = pairs
        .iter()
        .map(|((took, _), disk)| took.p99() / disk.p99());
    let note = format!("{} pairs; the echo alone {echo:.0} µs", pairs.len());
    Ok(vec![
        Row::alone(
            1,
            "durable publish → delivered, one at a time, p50",
            figure(Times::p50),
            "µs",
            Goal::AtMost(1.2),
        )
        .beside("raw WebSocket echo + fdatasync", floor, median(to_floor))
        .noting(note),
        Row::alone(
            2,
            "the same, p99",
            figure(Times::p99),
            "µs",
            Goal::AtMost(2.5),
        )
        .beside("raw fdatasync p99", slowest, median(to_slowest)),
    ])
}

/// From the request's first byte to the message in the subscriber's hand.
async fn one_by_one(
    publisher: &mut Publisher,
    stream: &mut Stream,
    body: &str,
) -> anyhow::Result<Times> {
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < FOR {
        let sent = Instant::now();
        publisher.send(body).await?;
        let message = stream.message().await?;
        times.push(microseconds(sent));
        publisher.stored().await?;
        stream.ack(&message).await?;
    }
    Ok(Times::new(times))
}
