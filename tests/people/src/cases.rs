//! Small days, each about one thing that went wrong once.

use serde_json::json;

use crate::day::{Days, Ms, SECOND};
use crate::life::{Alert, Life, Timeline};
use crate::rules::{self, Contender};
use crate::{Source, simulate};

fn hither() -> Contender {
    Contender::hither(180 * SECOND)
}

fn days(text: serde_json::Value) -> Days {
    let days: Days = serde_json::from_value(text).unwrap();
    days.check().unwrap();
    days
}

fn alerts(days: &Days, contender: &Contender) -> Vec<Alert> {
    Life::new(&Timeline::new(days), contender, 1).live()
}

#[track_caller]
fn assert_none_missed(days: &Days, contender: Contender) {
    let table = simulate(&Source::File(vec![days.clone()]), &[contender], None);
    let total = &table.rows()[0].total;
    assert!(total.reachable > 0, "somebody must be there to be missed");
    assert_eq!(total.missed, 0, "{:?}", alerts(days, &hither()));
}

#[test]
fn hands_on_one_desktop_beat_a_film_on_the_other() {
    let typed: Vec<Ms> = (60_000..5_400_000).step_by(5_000).collect();
    let messages: Vec<_> = (120_000..5_400_000)
        .step_by(97_000)
        .map(|at| json!({"at_ms": at}))
        .collect();
    let days = days(json!({
        "person": "x", "length_ms": 7_200_000, "desktops": 2, "phones": 1, "phones_confirm": true,
        "segments": [{"from_ms": 0, "to_ms": 7_200_000, "sees": ["d0", "p0"]}],
        "inputs_ms": [typed, [0, 10_000]],
        "conditions": [{"screen": "d1", "is": "video", "from_ms": 0, "to_ms": 7_200_000}],
        "messages": messages,
    }));
    let alerts = alerts(&days, &hither());
    let on: Vec<_> = alerts.iter().map(|alert| String::from(alert.on)).collect();
    assert_eq!(on, vec!["d0"; messages.len()]);
    assert_none_missed(&days, hither());
}

#[test]
fn whoever_opens_a_message_on_an_idle_desktop_and_leaves_is_rung_on_the_phone() {
    let days = days(json!({
        "person": "x", "length_ms": 7_200_000, "desktops": 1, "phones": 1, "phones_confirm": true,
        "segments": [
            {"from_ms": 0, "to_ms": 200_000, "sees": ["d0"]},
            {"from_ms": 200_000, "to_ms": 3_600_000, "sees": ["p0"]},
        ],
        "inputs_ms": [[0, 3_600_000]],
        "messages": [{"at_ms": 170_000, "opened_after_ms": 19_000}, {"at_ms": 600_000}],
    }));
    assert_none_missed(&days, hither());
}

#[test]
fn what_was_sent_into_a_dead_connection_pops_up_after_the_reconnect_under_other_rules_too() {
    let days = days(json!({
        "person": "x", "length_ms": 3_600_000, "desktops": 1, "phones": 1,
        "segments": [{"from_ms": 0, "to_ms": 3_600_000, "sees": ["d0"]}],
        "inputs_ms": [(0..3_600_000).step_by(10_000).collect::<Vec<Ms>>()],
        "conditions": [{"screen": "d0", "is": "half_open", "from_ms": 60_000, "to_ms": 100_000}],
        "messages": [{"at_ms": 90_000}],
    }));
    for contender in rules::all() {
        assert_none_missed(&days, contender);
    }
}
