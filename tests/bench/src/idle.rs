//! Memory of signed-in connections on which nothing happens, each of an account of its own: row 5.

use std::time::Duration;

use crate::place::{Place, Server};
use crate::probe::memory;
use crate::table::{Goal, Row};
use crate::wait::{SOON, wait_for_async};

const FEW: usize = 10_000;
const MANY: usize = 19_500;
/// Files that a process has open beside its connections.
const OTHER_FILES: usize = 300;
/// Connections that are not counted: with them come threads, caches and pools.
const FIRST: usize = 100;
const STILL_FOR: Duration = Duration::from_secs(1);

pub(crate) async fn measure() -> anyhow::Result<Vec<Row>> {
    let many = MANY.min(crate::raise_file_limit().saturating_sub(OTHER_FILES));
    let place = Place::new(FIRST + many, 0).await?;
    let server = place.serve()?;
    let _first = server.sign_in_all(&place.people[..FIRST], 0).await?;
    let none = settled(&server).await?;
    let (few, more) = place.people[FIRST..].split_at(FEW.min(many));
    let _few = server.sign_in_all(few, FIRST).await?;
    let at_few = (settled(&server).await? - none) / few.len() as f64;
    let _more = server.sign_in_all(more, FIRST + few.len()).await?;
    let at_many = (settled(&server).await? - none) / many as f64;

    let of = |count: usize| format!("memory of each of {count} idle connections");
    let kib = 1024.0;
    Ok(vec![
        Row::alone(5, of(few.len()), at_few / kib, "KiB", Goal::AtMost(4.5)),
        Row::alone(5, of(many), at_many / kib, "KiB", Goal::AtMost(4.5)),
        Row::alone(
            5,
            "how far these two are from each other",
            (at_many / at_few - 1.0).abs() * 100.0,
            "%",
            Goal::AtMost(5.0),
        ),
        Row::unmeasured(5, "the same with TLS", "not measured"),
    ])
}

/// Memory once it does not change any more.
async fn settled(server: &Server) -> anyhow::Result<f64> {
    let mut before = 0.0;
    let still = wait_for_async("memory to settle", SOON, async || {
        let now = memory(server.pid(), "VmRSS:").ok()?;
        let change = (now - before) / now;
        before = now;
        tokio::time::sleep(STILL_FOR).await;
        (change.abs() < 0.002).then_some(now)
    });
    Ok(still.await)
}
