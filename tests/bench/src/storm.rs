//! Everybody comes back at once after a restart, and missed ten messages: row 6.

use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::client::{Publisher, message};
use crate::place::Place;
use crate::probe::{PAIRS, median, memory};
use crate::table::{Goal, Row};

const PEOPLE: usize = 5_000;
const MISSED: usize = 10;
/// Connections over which the missed messages are published.
const PUBLISHERS: usize = 64;

pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let place = Place::new(PEOPLE, 1).await?;
    publish_all(&place).await?;
    let (mut rates, mut peaks) = (Vec::new(), Vec::new());
    for round in 0..PAIRS {
        let server = place.serve()?;
        let before = memory(server.pid(), "VmRSS:")?;
        let begun = Instant::now();
        // Those of one round come from other addresses than those of the one before.
        let back = server
            .sign_in_all(&place.people, round * 2 * PEOPLE)
            .await?;
        rates.push(PEOPLE as f64 / begun.elapsed().as_secs_f64());
        peaks.push((memory(server.pid(), "VmHWM:")? - before) / PEOPLE as f64 / 1024.0);
        let complete = back.iter().all(|(_, missed)| *missed == MISSED);
        anyhow::ensure!(complete, "some did not get what they missed");
    }
    let what = format!("connects/s after a restart, each with {MISSED} missed messages");
    Ok(vec![
        Row::alone(6, what, median(rates), "/s", Goal::None)
            .noting(format!("{PEOPLE} accounts; socket.io is not measured")),
        Row::alone(
            6,
            "the most memory in that, for each",
            median(peaks),
            "KiB",
            Goal::None,
        ),
    ])
}

async fn publish_all(place: &Place) -> anyhow::Result<()> {
    let server = place.serve()?;
    let share = PEOPLE.div_ceil(PUBLISHERS);
    let publishing = place.people.chunks(share).map(async |people| {
        let mut publisher = Publisher::open(server.address, 0, &place.publishers[0]).await?;
        for person in people {
            for _ in 0..MISSED {
                publisher.publish(&message(&person.name)).await?;
            }
        }
        anyhow::Ok(())
    });
    let publishing = stream::iter(publishing).buffer_unordered(PUBLISHERS);
    publishing.try_collect().await
}
