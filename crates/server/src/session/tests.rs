use hither_protocol::{
    ClientInfo, DeviceId, DeviceKind, Echo, MAX_FRAME_BYTES, Message, PresenceState, Priority,
    PublisherRef,
};
use uuid::Uuid;

use super::*;
use crate::store::{ClientId, DeviceRecord, Epoch, What};

fn cursors() -> Cursors {
    Cursors::new(Epoch(1), [7; 32])
}

fn cursor(position: u64) -> Cursor {
    cursors().make(&"ada".parse().unwrap(), Position(position))
}

fn id(number: u64) -> MessageId {
    MessageId(Uuid::from_u64_pair(0, number))
}

fn identity(application: &str) -> Identity {
    Identity {
        client: ClientId(1),
        account: "ada".parse().unwrap(),
        device: DeviceRecord {
            id: "laptop".parse().unwrap(),
            name: "Laptop".to_owned(),
            platform: "linux".to_owned(),
            kind: DeviceKind::Desktop,
        },
        application: application.to_owned(),
        version: "0.1.0".to_owned(),
        message_token: "hither_mt_x".to_owned(),
        acked: None,
        expires_at: Timestamp::MAX,
    }
}

fn active(last_input_ms: u64) -> Presence {
    Presence {
        state: PresenceState::Active,
        reason: None,
        last_input_ms: Some(last_input_ms),
    }
}

fn hello(cursor: Option<Cursor>, presence: Option<Presence>) -> Input {
    Input::Frame(ClientFrame::Hello {
        access_token: Some(AccessToken::new("token".to_owned())),
        cursor,
        client: ClientInfo {
            name: INBOX.to_owned(),
            version: "0.1.0".to_owned(),
        },
        presence,
    })
}

fn found(head: u64) -> Input {
    found_as(INBOX, head)
}

fn found_as(application: &str, head: u64) -> Input {
    Input::Identified(Ok(Identified {
        identity: identity(application),
        head: Position(head),
        at: Timestamp::UNIX_EPOCH,
        policy: Policy::default(),
    }))
}

fn message(number: u64) -> Entry {
    let message = Message {
        id: id(number),
        publisher: PublisherRef {
            id: "app-0000000000000001".parse().unwrap(),
            name: "Tests".to_owned(),
        },
        application: None,
        topic: None,
        title: String::new(),
        body: String::new(),
        format: hither_protocol::Format::Plain,
        html: None,
        url: None,
        priority: Priority::Default,
        tags: Vec::new(),
        icon: None,
        actions: Vec::new(),
        attachments: Vec::new(),
        key: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        read_at: None,
    };
    Entry {
        position: Position(number),
        what: What::Message(Arc::new(message)),
    }
}

fn live(number: u64, ring: bool) -> Input {
    Input::Entry {
        entry: Arc::new(message(number)),
        alert: if ring {
            FirstAlert::Now
        } else {
            FirstAlert::Silent
        },
    }
}

fn page(numbers: &[u64], upto: u64, more: bool) -> Input {
    Input::Page {
        page: Page {
            entries: numbers.iter().copied().map(message).collect(),
            upto: Position(upto),
            more,
            gap: None,
        },
        never: Vec::new(),
    }
}

/// What a session does, in few words.
fn words(outputs: Vec<Output>) -> Vec<String> {
    outputs.into_iter().map(word).collect()
}

fn word(output: Output) -> String {
    match output {
        Output::Send(frame) => sent(frame),
        Output::Deliver(delivery) => sent(delivery.into()),
        Output::Close(code) => format!("close {}", code as u16),
        Output::Identify { token, .. } => format!("identify {}", token.is_some()),
        Output::Attach(identity, _) => format!("attach {}", identity.device.id),
        Output::ReadPage(after) => format!("page after {}", after.0),
        Output::Write(Write::Shown(ids, stays)) => {
            let stays = if stays { " until input" } else { "" };
            format!("write shown {}{stays}", numbers(&ids))
        }
        Output::Write(Write::Read(ids)) => format!("write read {}", numbers(&ids)),
        Output::Write(Write::Action(id, action)) => {
            format!("write action {} {action}", numbers(&[id]))
        }
        Output::Write(Write::Ack(upto)) => format!("write ack {}", upto.0),
        Output::Announce(presence, taken) => {
            let age = presence.and_then(|presence| presence.last_input_ms);
            format!("announce {age:?}{}", since(taken))
        }
        Output::Presence(presence, taken) => {
            format!("presence {:?}{}", presence.state, since(taken))
        }
        Output::Heartbeat(age, taken) => format!("heartbeat {age:?}{}", since(taken)),
        Output::Pong => "pong".to_owned(),
    }
}

/// Nothing for a reading that may be as old as the stream.
fn since(taken: Taken) -> String {
    let taken = taken.filter(|taken| !taken.is_zero());
    taken.map_or_else(String::new, |taken| format!(" from {taken:?} on"))
}

fn sent(frame: ServerFrame) -> String {
    match frame {
        ServerFrame::Welcome { device_id, .. } => format!("welcome {device_id}"),
        ServerFrame::Message {
            cursor,
            alert,
            message,
        } => {
            format!(
                "message {} at {} {alert:?}",
                message.id.0.as_u64_pair().1,
                place(&cursor)
            )
        }
        ServerFrame::Alert { ids, why, .. } => format!("alert {} {why:?}", numbers(&ids)),
        ServerFrame::Synced { cursor } => format!("synced {}", place(&cursor)),
        ServerFrame::Gap { since } => format!("gap {}", since.as_second()),
        ServerFrame::Error { code, .. } => format!("error {code}"),
        other => format!("{other:?}"),
    }
}

fn numbers(ids: &[MessageId]) -> String {
    let numbers: Vec<_> = ids
        .iter()
        .map(|id| id.0.as_u64_pair().1.to_string())
        .collect();
    numbers.join(",")
}

fn place(cursor: &Cursor) -> u64 {
    let account = "ada".parse().unwrap();
    cursors()
        .parse(&account, cursor, Position(u64::MAX))
        .unwrap()
        .0
}

/// Hands the inputs in, each followed by what it should bring about.
#[track_caller]
fn check(script: Vec<(Input, &[&str])>) -> Session {
    let mut session = Session::new(cursors());
    for (step, (input, expected)) in script.into_iter().enumerate() {
        let about = format!("step {step}: {input:?}");
        let mut outputs = Vec::new();
        session.handle(input, &mut outputs);
        assert_eq!(words(outputs), expected, "{about}");
    }
    session
}

/// A stream with nothing missed, live from position 5 on.
fn synced() -> Vec<(Input, &'static [&'static str])> {
    vec![
        (hello(Some(cursor(5)), None), &["identify true"]),
        (
            found(5),
            &["welcome laptop", "attach laptop", "page after 5"],
        ),
        (page(&[], 5, false), &["announce None", "synced 5"]),
    ]
}

#[track_caller]
fn check_synced(rest: Vec<(Input, &[&str])>) -> Session {
    check(synced().into_iter().chain(rest).collect())
}

#[test]
fn the_backlog_comes_in_pages_and_silently_then_live_entries() {
    check(vec![
        (hello(None, None), &["identify true"]),
        (
            found(9),
            &["welcome laptop", "attach laptop", "page after 0"],
        ),
        (
            page(&[2, 3], 3, true),
            &[
                "message 2 at 2 Silent",
                "message 3 at 3 Silent",
                "page after 3",
            ],
        ),
        (page(&[], 6, true), &["page after 6"]),
        (
            page(&[8], 9, false),
            &["message 8 at 8 Silent", "announce None", "synced 9"],
        ),
        (live(8, false), &[]),
        (live(10, true), &["message 10 at 10 Now"]),
        (live(11, false), &["message 11 at 11 Silent"]),
    ]);
}

#[test]
fn live_entries_wait_for_the_backlog_and_frames_for_the_store() {
    let session = Session::new(cursors());
    assert!(session.wants_frame() && !session.wants_live() && !session.said_hello());
    let session = check(vec![(hello(None, None), &["identify true"])]);
    assert!(!session.wants_frame() && !session.wants_live() && session.said_hello());
    let session = check(synced().into_iter().take(2).collect());
    assert!(session.wants_frame() && !session.wants_live());
    let session = check_synced(vec![]);
    assert!(session.wants_frame() && session.wants_live());
    let read = || Input::Frame(ClientFrame::Read { ids: vec![id(1)] });
    let session = check_synced(vec![(read(), &["write read 1"])]);
    assert!(!session.wants_frame() && session.wants_live());
    let session = check_synced(vec![(read(), &["write read 1"]), (Input::Written, &[])]);
    assert!(session.wants_frame());
    let session = check_synced(vec![(Input::Lagged, &["page after 5"])]);
    assert!(session.wants_frame() && !session.wants_live());
    let session = check_synced(vec![(Input::End(CloseCode::Revoked), &["close 4403"])]);
    assert!(!session.wants_frame() && !session.wants_live());
}

#[test]
fn one_that_lagged_reads_on_from_the_store_and_syncs_once() {
    check_synced(vec![
        (live(6, true), &["message 6 at 6 Now"]),
        (Input::Lagged, &["page after 6"]),
        (
            page(&[7, 8], 8, true),
            &[
                "message 7 at 7 Silent",
                "message 8 at 8 Silent",
                "page after 8",
            ],
        ),
        (page(&[9], 9, false), &["message 9 at 9 Silent"]),
        // A ring for what the page brought silently goes alone.
        (live(9, true), &["alert 9 Waiting"]),
        (live(9, false), &[]),
        (live(10, true), &["message 10 at 10 Now"]),
    ]);
}

#[test]
fn presence_before_synced_is_kept_and_afterwards_passed_on() {
    let ping = |last_input_ms, echo| {
        Input::Frame(ClientFrame::Ping {
            last_input_ms,
            echo,
        })
    };
    let report = |presence, echo| Input::Frame(ClientFrame::Presence { presence, echo });
    let echo = |sent_ms, held_ms| Some(Echo { sent_ms, held_ms });
    check(vec![
        (hello(None, Some(active(1))), &["identify true"]),
        (
            found(0),
            &["welcome laptop", "attach laptop", "page after 0"],
        ),
        (report(active(2), echo(0, 10)), &[]),
        (ping(Some(3), echo(0, 20)), &["pong"]),
        (
            page(&[], 0, false),
            &["announce Some(3) from 20ms on", "synced 0"],
        ),
        (
            report(active(4), echo(1000, 50)),
            &["presence Active from 1.05s on"],
        ),
        (report(active(4), None), &["presence Active"]),
        (
            ping(Some(5), echo(1000, 60)),
            &["heartbeat Some(5ms) from 1.06s on", "pong"],
        ),
        (ping(None, None), &["heartbeat None", "pong"]),
        (
            ping(None, echo(u64::MAX, 1)),
            &["heartbeat None from 18446744073709551.615s on", "pong"],
        ),
    ]);
}

#[test]
fn the_reading_of_a_hello_is_younger_than_the_stream() {
    let mut session = Session::new(cursors());
    let mut outputs = Vec::new();
    for input in [hello(None, Some(active(1))), found(0), page(&[], 0, false)] {
        session.handle(input, &mut outputs);
    }
    let announced = Output::Announce(Some(active(1)), Some(Duration::ZERO));
    assert!(outputs.contains(&announced), "{outputs:?}");
}

#[test]
fn what_the_client_did_is_written() {
    check_synced(vec![
        (
            Input::Frame(ClientFrame::Shown {
                ids: vec![id(1), id(2)],
                stays: false,
            }),
            &["write shown 1,2"],
        ),
        (Input::Written, &[]),
        (
            Input::Frame(ClientFrame::Shown {
                ids: vec![id(1)],
                stays: true,
            }),
            &["write shown 1 until input"],
        ),
        (Input::Written, &[]),
        (Input::Frame(ClientFrame::Read { ids: vec![] }), &[]),
        (
            Input::Frame(ClientFrame::Action {
                id: id(3),
                action: "go".to_owned(),
            }),
            &["write action 3 go"],
        ),
        (Input::Written, &[]),
        (Input::Frame(ClientFrame::Unknown), &[]),
    ]);
}

#[test]
fn acks_rise_and_go_no_further_than_what_was_sent() {
    let ack = |position| {
        Input::Frame(ClientFrame::Ack {
            cursor: cursor(position),
        })
    };
    check_synced(vec![
        (ack(4), &["write ack 4"]),
        (Input::Written, &[]),
        (ack(4), &[]),
        (ack(3), &[]),
        (live(6, false), &["message 6 at 6 Silent"]),
        (ack(6), &["write ack 6"]),
        (Input::Written, &[]),
        (ack(7), &["close 4410"]),
    ]);
}

#[test]
fn another_application_than_the_inbox_reads_but_is_never_announced() {
    let read = Input::Frame(ClientFrame::Read { ids: vec![id(1)] });
    let act = ClientFrame::Action {
        id: id(1),
        action: "go".to_owned(),
    };
    check(vec![
        (hello(None, Some(active(1))), &["identify true"]),
        (
            found_as("reports", 9),
            &["welcome laptop", "attach laptop", "page after 0"],
        ),
        (page(&[4], 9, false), &["message 4 at 4 Silent", "synced 9"]),
        (read, &["write read 1"]),
        (Input::Written, &[]),
        (Input::Frame(act), &["write action 1 go"]),
        (Input::Written, &[]),
        (
            Input::Frame(ClientFrame::Ping {
                last_input_ms: Some(1),
                echo: None,
            }),
            &["pong"],
        ),
        (
            Input::Frame(ClientFrame::Presence {
                presence: active(1),
                echo: None,
            }),
            &[],
        ),
    ]);
}

#[test]
fn wrong_beginnings_are_closed() {
    let other = Cursors::new(Epoch(2), [7; 32]).make(&"ada".parse().unwrap(), Position(1));
    let bobs = cursors().make(&"bob".parse().unwrap(), Position(1));
    let hi = || hello(None, None);
    let cases: Vec<Vec<(Input, &[&str])>> = vec![
        vec![(Input::HelloTimeout, &["close 4408"])],
        vec![(
            Input::Frame(ClientFrame::Ping {
                last_input_ms: None,
                echo: None,
            }),
            &["error malformed", "close 4400"],
        )],
        vec![(
            Input::Malformed("no".to_owned()),
            &["error malformed", "close 4400"],
        )],
        vec![(Input::TooLarge, &["close 4413"])],
        vec![
            (hi(), &["identify true"]),
            (
                Input::Identified(Err(CloseCode::SignInAgain)),
                &["close 4401"],
            ),
        ],
        vec![
            (hi(), &["identify true"]),
            (Input::StoreFailed, &["error unavailable", "close 1012"]),
        ],
        vec![
            (hello(Some(other), None), &["identify true"]),
            (found(9), &["close 4410"]),
        ],
        vec![
            (hello(Some(bobs), None), &["identify true"]),
            (found(9), &["close 4410"]),
        ],
        vec![
            (hello(Some(cursor(10)), None), &["identify true"]),
            (found(9), &["close 4410"]),
        ],
    ];
    for case in cases {
        check(case);
    }
}

#[test]
fn a_store_that_does_not_answer_is_asked_again_later() {
    let mut outputs = Vec::new();
    check_synced(vec![]).handle(Input::StoreFailed, &mut outputs);
    let told = outputs.iter().find_map(|output| match output {
        Output::Send(ServerFrame::Error { retry_after_ms, .. }) => *retry_after_ms,
        _ => None,
    });
    assert_eq!(told, Some(10_000));
}

#[test]
fn a_hello_in_time_is_not_too_late() {
    check(vec![
        (hello(None, None), &["identify true"]),
        (Input::HelloTimeout, &[]),
    ]);
    check_synced(vec![(Input::HelloTimeout, &[])]);
}

#[test]
fn a_closed_session_says_nothing_more() {
    let cases: Vec<Input> = vec![
        hello(None, None),
        found(9),
        page(&[7], 7, false),
        live(8, true),
        Input::Lagged,
        Input::Written,
        Input::StoreFailed,
        Input::Malformed(String::new()),
        Input::End(CloseCode::Restarting),
    ];
    for case in cases {
        check_synced(vec![
            (Input::End(CloseCode::Replaced), &["close 4409"]),
            (case, &[]),
        ]);
    }
}

#[test]
fn an_alert_for_more_messages_than_a_frame_may_name_is_several_frames() {
    let ids: Vec<_> = (0..=(2 * MAX_FRAME_IDS as u64)).map(id).collect();
    let mut outputs = Vec::new();
    check_synced(vec![]).handle(
        Input::Alert {
            ids: ids.clone(),
            style: AlertStyle::Summary,
            why: AlertWhy::Waiting,
        },
        &mut outputs,
    );
    let mut named = Vec::new();
    for output in outputs {
        let Output::Send(frame) = output else {
            panic!("{output:?}")
        };
        assert!(frame.to_text().len() < MAX_FRAME_BYTES);
        let ServerFrame::Alert { ids, .. } = frame else {
            panic!("{frame:?}")
        };
        named.extend(ids);
    }
    assert_eq!(named, ids);
}

#[test]
fn too_much_in_one_frame_is_malformed() {
    let many = vec![id(1); MAX_FRAME_IDS + 1];
    let refused: &[&str] = &["error malformed", "close 4400"];
    check_synced(vec![(
        Input::Frame(ClientFrame::Read { ids: many.clone() }),
        refused,
    )]);
    check_synced(vec![(
        Input::Frame(ClientFrame::Shown {
            ids: many,
            stays: false,
        }),
        refused,
    )]);
    let action = "x".repeat(MAX_ACTION + 1);
    check_synced(vec![(
        Input::Frame(ClientFrame::Action { id: id(1), action }),
        refused,
    )]);
    check_synced(vec![(hello(None, None), refused)]);
}

#[test]
fn reads_and_withdrawals_are_entries_too() {
    let entry = |position, what| Input::Entry {
        entry: Arc::new(Entry {
            position: Position(position),
            what,
        }),
        alert: FirstAlert::Silent,
    };
    let mut session = check_synced(vec![]);
    let mut outputs = Vec::new();
    session.handle(entry(6, What::Read(vec![id(1)])), &mut outputs);
    let why = hither_protocol::WithdrawWhy::Recalled;
    session.handle(entry(7, What::Withdraw(vec![id(2)], why)), &mut outputs);
    session.handle(entry(7, What::Withdraw(vec![id(2)], why)), &mut outputs);
    let expected = [
        ServerFrame::Read {
            cursor: cursor(6),
            ids: vec![id(1)],
        },
        ServerFrame::Withdraw {
            cursor: cursor(7),
            ids: vec![id(2)],
            why,
        },
    ];
    assert_eq!(outputs, expected.map(Output::Send));
}

#[test]
fn the_welcome_carries_the_policy() {
    let policy = Policy {
        heartbeat_ms: 1,
        ..Policy::default()
    };
    let mut session = Session::new(cursors());
    let mut outputs = Vec::new();
    session.handle(Input::Policy(policy), &mut outputs);
    session.handle(hello(None, None), &mut outputs);
    session.handle(Input::Policy(policy), &mut outputs);
    let identified = Identified {
        identity: identity(INBOX),
        head: Position(0),
        at: Timestamp::UNIX_EPOCH,
        policy,
    };
    session.handle(Input::Identified(Ok(identified)), &mut outputs);
    let device_id: DeviceId = "laptop".parse().unwrap();
    let server_time = Timestamp::UNIX_EPOCH;
    let welcome = ServerFrame::Welcome {
        device_id,
        server_time,
        policy,
    };
    assert_eq!(outputs[1], Output::Send(welcome));
    outputs.clear();
    session.handle(Input::Policy(policy), &mut outputs);
    assert_eq!(outputs, [Output::Send(ServerFrame::Policy { policy })]);
}

fn page_with_gap(numbers: &[u64], upto: u64, more: bool, seconds: i64) -> Input {
    let Input::Page { page, never } = page(numbers, upto, more) else {
        unreachable!("a page is a page");
    };
    let gap = Some(Timestamp::from_second(seconds).unwrap());
    let page = Page { gap, ..page };
    Input::Page { page, never }
}

#[test]
fn what_rings_nowhere_is_said_in_the_backlog_too() {
    let Input::Page { page, .. } = page(&[4, 5], 9, false) else {
        unreachable!("a page is a page");
    };
    let never = vec![id(5)];
    check(vec![
        (hello(Some(cursor(1)), None), &["identify true"]),
        (
            found(9),
            &["welcome laptop", "attach laptop", "page after 1"],
        ),
        (
            Input::Page { page, never },
            &[
                "message 4 at 4 Silent",
                "message 5 at 5 Never",
                "announce None",
                "synced 9",
            ],
        ),
    ]);
}

#[test]
fn a9_a_gap_is_told_once_and_only_to_who_was_there_before() {
    check(vec![
        (hello(Some(cursor(1)), None), &["identify true"]),
        (
            found(9),
            &["welcome laptop", "attach laptop", "page after 1"],
        ),
        (
            page_with_gap(&[4], 4, true, 7),
            &["gap 7", "message 4 at 4 Silent", "page after 4"],
        ),
        (
            page_with_gap(&[6], 9, false, 7),
            &["message 6 at 6 Silent", "announce None", "synced 9"],
        ),
        (Input::Lagged, &["page after 9"]),
        (
            page_with_gap(&[12], 12, false, 8),
            &["gap 8", "message 12 at 12 Silent"],
        ),
    ]);
    check(vec![
        (hello(None, None), &["identify true"]),
        (
            found(9),
            &["welcome laptop", "attach laptop", "page after 0"],
        ),
        (
            page_with_gap(&[4], 9, false, 7),
            &["message 4 at 4 Silent", "announce None", "synced 9"],
        ),
        (Input::Lagged, &["page after 9"]),
        (
            page_with_gap(&[12], 12, false, 8),
            &["gap 8", "message 12 at 12 Silent"],
        ),
    ]);
}
