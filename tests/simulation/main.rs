//! Engine and router wired together in one deterministic simulation: days by seed, crashes between
//! any two effects on both sides, lost connections, repeated frames, a full disk now and then.
//!
//! What must hold: nothing accepted is missing, nothing is shown twice but for the counted crash
//! window, and nothing stays un-alerted forever. A failing day prints its seed; run it alone with
//! `HITHER_SEED=42 cargo test -p system-tests --test simulation -- --nocapture`.

#![expect(clippy::print_stdout, reason = "the day's figures are worth reading")]

mod day;
mod desktop;
mod disk;
mod phone;
mod server;
mod world;

use day::{Faults, Outcome, live_a_day};

/// How many days one test lives through; more with `HITHER_DAYS`.
fn days(default: u64) -> u64 {
    let set = std::env::var("HITHER_DAYS").ok();
    set.map_or(default, |text| {
        text.parse().expect("HITHER_DAYS is a number of days")
    })
}

fn seeds(count: u64) -> Box<dyn Iterator<Item = u64>> {
    match std::env::var("HITHER_SEED") {
        Ok(seed) => Box::new(std::iter::once(
            seed.parse().expect("HITHER_SEED is a number"),
        )),
        Err(_) => Box::new(0..count),
    }
}

/// Lives through all days and adds up what happened.
fn live(count: u64, faults: Faults) -> Outcome {
    let mut total = Outcome::default();
    for seed in seeds(count) {
        let outcome = live_a_day(seed, faults);
        assert!(
            outcome.wrong.is_empty(),
            "day {seed} went wrong, replay with HITHER_SEED={seed}:\n{}",
            outcome.wrong.join("\n")
        );
        total.add(&outcome);
    }
    println!("{total}");
    total
}

#[test]
fn a9_days_with_crashes_and_losses_lose_nothing() {
    let total = live(days(2_000), Faults::all());
    let faults = [
        total.desktop_crashes,
        total.server_crashes,
        total.lost_connections,
    ];
    assert!(
        faults.into_iter().all(|count| count > total.days),
        "the faults must really happen"
    );
    assert!(total.messages > 10 * total.days, "a day must have messages");
}

#[test]
fn c2_c3_days_without_faults_ring_one_screen() {
    let total = live(days(1_000), Faults::none());
    assert_eq!(total.desktop_crashes + total.server_crashes, 0);
    assert!(
        total.rang_on_desktop.min(total.rang_on_phone) > total.days,
        "both screens must have their share"
    );
    assert_eq!(total.repeats, 0, "without faults nothing repeats");
}
