//! What docs/protocol.md says is what programs meet.

use hither_protocol::{
    ClientFrame, CloseCode, Device, DeviceId, ErrorCode, PushRegistration, ServerFrame, Settings,
    Trace,
};
use serde_json::Value;

const PROTOCOL: &str = include_str!("../../../../docs/protocol.md");

/// The JSON values of every block of examples.
fn examples() -> Vec<Value> {
    PROTOCOL
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .flat_map(|(block, _)| {
            let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(block)
                .into_iter()
                .collect();
            values.unwrap_or_else(|error| panic!("{error} in {block}"))
        })
        .collect()
}

#[test]
fn every_frame_in_it_is_a_frame() {
    let frames: Vec<String> = examples()
        .iter()
        .filter(|example| example.get("type").is_some())
        .map(Value::to_string)
        .collect();
    assert!(frames.len() >= 15, "{frames:?}");
    for frame in frames {
        let client = ClientFrame::parse(&frame);
        let server = ServerFrame::parse(&frame);
        let known = client.is_ok_and(|frame| frame != ClientFrame::Unknown)
            || server.is_ok_and(|frame| frame != ServerFrame::Unknown);
        assert!(known, "{frame}");
    }
}

#[test]
fn it_lists_every_code() {
    for code in ErrorCode::ALL {
        let row = format!("| {} | `{code}` |", code.status());
        assert!(PROTOCOL.contains(&row), "{row}");
    }
    for code in CloseCode::ALL {
        let row = format!("\n| {} | ", code as u16);
        assert!(PROTOCOL.contains(&row), "{row}");
    }
}

#[test]
fn settings_and_devices_in_it_are_what_the_server_takes() {
    let with = |field: &str| {
        let mut found = examples();
        found.retain(|example| example.get(field).is_some());
        found.remove(0)
    };
    let example = with("quiet_times");
    let settings: Settings = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(settings).unwrap(), example);
    let example = with("applications");
    let device: Device = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(device).unwrap(), example);
}

#[test]
fn registrations_for_push_in_it_are_what_the_server_takes() {
    let examples = examples();
    let given = examples.iter().filter(|one| one.get("provider").is_some());
    let mut providers = Vec::new();
    for example in given {
        let read: PushRegistration = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(&serde_json::to_value(&read).unwrap(), example);
        providers.push(read.provider().as_str());
    }
    assert_eq!(providers, ["webpush", "apns", "fcm"]);
}

#[test]
fn the_trace_in_it_is_told_as_the_server_tells_it() {
    let mut found = examples();
    found.retain(|example| example.get("steps").is_some());
    let example = found.remove(0);
    let trace: Trace = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(&trace).unwrap(), example);
    let name = |id: &DeviceId| match id.as_str() {
        "GysUeiz8OFQmvGnTlNTi5A" => "Ada's laptop",
        _ => "Ada's phone",
    };
    for step in &trace.steps {
        assert_eq!(step.step.decision.in_words(|id| name(id)), step.text);
    }
}
