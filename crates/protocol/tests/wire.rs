//! Every message of the wire, word for word. A snapshot that was released stays and must parse for
//! ever; a changed word shows up here first.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up shall fail"
)]

use core::fmt::Debug;
use std::collections::BTreeMap;
use std::sync::Arc;

use hither_protocol::{
    AccessToken, Action, AlertStyle, AlertWhy, ApnsEnvironment, ApplicationVersions, Attachment,
    AttentionSettings, Because, ChangePassword, ClientFrame, ClientInfo, CloseCode, CreateSession,
    CurrentSession, Cursor, Delivery, Device, DeviceApplication, DeviceFact, DeviceId, DeviceKind,
    DeviceRequest, Devices, DoNotDisturb, Echo, ErrorCode, FieldValue, FirstAlert, Format, Html,
    InactiveReason, MAX_FRAME_BYTES, MAX_FRAME_IDS, Message, MessageId, MessagesPage, Outcome,
    Policy, Presence, PresenceState, Priority, PriorityRoutes, Problem, PublishRequest, Published,
    PublisherChoice, PublisherRef, PushKeys, PushProvider, PushRegistration, PushState, Quiet,
    QuietTime, Recipients, Route, Seat, ServerFrame, Session, Settings, Timestamp, TraceStep,
    Traced, UploadRef, Uploaded, Weekday, WhenAway, WhenPresenting, WhenUnknown, WithdrawWhy,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Holds `value` to its snapshot, reads it back, and reads it again with a field more.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let text = serde_json::to_string_pretty(value).unwrap();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
    assert_eq!(
        &serde_json::from_str::<T>(&text).unwrap(),
        value,
        "{name} reads back"
    );

    let mut newer: Value = serde_json::from_str(&text).unwrap();
    newer["of_a_later_version"] = json!({"nested": [1, null]});
    assert_eq!(
        &serde_json::from_value::<T>(newer).unwrap(),
        value,
        "{name} with a new field"
    );
}

fn id(number: u128) -> MessageId {
    format!("01890000-0000-7000-8000-{number:012}")
        .parse()
        .unwrap()
}

fn cursor() -> Cursor {
    "e1.1234".parse().unwrap()
}

fn device() -> DeviceId {
    "ada-laptop".parse().unwrap()
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + second).unwrap()
}

fn client() -> ClientInfo {
    ClientInfo {
        name: "hither".to_owned(),
        version: "1.2.3".to_owned(),
    }
}

fn least() -> Message {
    Message {
        id: id(1),
        publisher: PublisherRef {
            id: "app-4821000000000000".parse().unwrap(),
            name: "CI".to_owned(),
        },
        application: None,
        topic: None,
        title: String::new(),
        body: String::new(),
        format: Format::Plain,
        html: None,
        url: None,
        priority: Priority::Default,
        tags: Vec::new(),
        icon: None,
        actions: Vec::new(),
        attachments: Vec::new(),
        key: None,
        created_at: time(0),
        expires_at: None,
        read_at: None,
    }
}

fn whole() -> Message {
    let some = |text: &str| Some(text.to_owned());
    Message {
        application: some("ledger"),
        topic: some("builds"),
        title: "Build 构建 \"42\"".to_owned(),
        body: "**failed**\nin main".to_owned(),
        format: Format::Markdown,
        html: Some(Html {
            size: 13,
            inline: some("<p>failed</p>"),
            href: some("/v1/messages/1/html"),
        }),
        url: some("https://ci.example.org/42"),
        priority: Priority::Urgent,
        tags: vec!["red".to_owned()],
        icon: some("https://ci.example.org/icon.png"),
        actions: vec![Action {
            id: "retry".to_owned(),
            label: "Try again".to_owned(),
            url: some("https://ci.example.org/42/retry"),
        }],
        attachments: vec![Attachment {
            name: "log.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            size: 1024,
            href: "/v1/attachments/1".to_owned(),
            sha256: None,
        }],
        key: some("build-main"),
        expires_at: Some(time(3600)),
        read_at: Some(time(60)),
        ..least()
    }
}

#[test]
fn client_frames() {
    let presence = Presence {
        state: PresenceState::Inactive,
        reason: Some(InactiveReason::Locked),
        last_input_ms: Some(4000),
    };
    let unknown = Presence {
        state: PresenceState::Unknown,
        reason: None,
        last_input_ms: None,
    };
    let echo = Some(Echo {
        sent_ms: 60_000,
        held_ms: 29_950,
    });
    let hello = |access_token, cursor, presence| ClientFrame::Hello {
        access_token,
        cursor,
        client: client(),
        presence,
    };
    let token = AccessToken::new("secret".to_owned());
    for (name, frame) in [
        (
            "client_hello",
            hello(Some(token), Some(cursor()), Some(presence)),
        ),
        ("client_hello_least", hello(None, None, None)),
        ("client_presence", ClientFrame::Presence { presence, echo }),
        (
            "client_presence_least",
            ClientFrame::Presence {
                presence: unknown,
                echo: None,
            },
        ),
        (
            "client_ping",
            ClientFrame::Ping {
                last_input_ms: Some(4000),
                echo,
            },
        ),
        (
            "client_ping_least",
            ClientFrame::Ping {
                last_input_ms: None,
                echo: None,
            },
        ),
        ("client_ack", ClientFrame::Ack { cursor: cursor() }),
        (
            "client_shown",
            ClientFrame::Shown {
                ids: vec![id(1), id(2)],
                stays: true,
            },
        ),
        (
            "client_shown_least",
            ClientFrame::Shown {
                ids: vec![id(1)],
                stays: false,
            },
        ),
        ("client_read", ClientFrame::Read { ids: vec![id(1)] }),
        (
            "client_action",
            ClientFrame::Action {
                id: id(1),
                action: "retry".to_owned(),
            },
        ),
    ] {
        check(name, &frame);
        assert_eq!(ClientFrame::parse(&frame.to_text()).unwrap(), frame);
    }
}

#[test]
fn a_close_codes_digits_are_its_number() {
    for code in CloseCode::ALL {
        assert_eq!(code.digits(), (code as u16).to_string());
    }
}

#[test]
fn a_delivery_is_written_as_its_frame() {
    for alert in [FirstAlert::Now, FirstAlert::Silent, FirstAlert::Never] {
        for message in [whole(), least()] {
            let delivery = Delivery {
                cursor: cursor(),
                alert,
                message: Arc::new(message),
            };
            let written = delivery.to_text();
            assert_eq!(written, ServerFrame::from(delivery).to_text());
        }
    }
}

#[test]
fn server_frames() {
    let policy = Policy::default();
    let quiet = Policy {
        quiet: Some(Quiet {
            from: Some(time(0)),
            until: Some(time(60)),
        }),
        ..policy
    };
    let message = |alert, message| ServerFrame::Message {
        cursor: cursor(),
        alert,
        message: Box::new(message),
    };
    let ids = || vec![id(1), id(2)];
    for (name, frame) in [
        (
            "server_welcome",
            ServerFrame::Welcome {
                device_id: device(),
                server_time: time(0),
                policy,
            },
        ),
        ("server_policy", ServerFrame::Policy { policy }),
        ("server_policy_quiet", ServerFrame::Policy { policy: quiet }),
        ("server_message_never", message(FirstAlert::Never, least())),
        ("server_message", message(FirstAlert::Now, whole())),
        ("server_message_least", message(FirstAlert::Silent, least())),
        (
            "server_read",
            ServerFrame::Read {
                cursor: cursor(),
                ids: ids(),
            },
        ),
        (
            "server_withdraw",
            ServerFrame::Withdraw {
                cursor: cursor(),
                ids: ids(),
                why: WithdrawWhy::Replaced,
            },
        ),
        (
            "server_alert",
            ServerFrame::Alert {
                ids: ids(),
                style: AlertStyle::Each,
                why: AlertWhy::Handover,
            },
        ),
        ("server_synced", ServerFrame::Synced { cursor: cursor() }),
        ("server_gap", ServerFrame::Gap { since: time(0) }),
        (
            "server_pong",
            ServerFrame::Pong {
                sent_ms: Some(60_000),
            },
        ),
        ("server_pong_least", ServerFrame::Pong { sent_ms: None }),
        (
            "server_error",
            ServerFrame::Error {
                code: "too_many".to_owned(),
                detail: "Too many frames: wait.".to_owned(),
                retry_after_ms: Some(30_000),
            },
        ),
    ] {
        check(name, &frame);
        assert_eq!(ServerFrame::parse(&frame.to_text()).unwrap(), frame);
    }
}

#[test]
fn requests_and_answers() {
    check(
        "http_create_session",
        &CreateSession {
            account: "ada".to_owned(),
            password: "as typed".to_owned(),
            device: DeviceRequest {
                id: Some(device()),
                name: "Ada's laptop".to_owned(),
                platform: "linux".to_owned(),
                kind: DeviceKind::Desktop,
            },
            application: client(),
        },
    );
    check(
        "http_session",
        &Session {
            access_token: AccessToken::new("secret".to_owned()),
            expires_at: time(0),
            device_id: device(),
            message_token: "mt".to_owned(),
            stream_url: "wss://push.example.org/v1/stream".to_owned(),
        },
    );
    check(
        "http_current_session",
        &CurrentSession {
            account: "ada".parse().unwrap(),
            device_id: device(),
            stream_url: "wss://push.example.org/v1/stream".to_owned(),
            expires_at: time(0),
        },
    );
    check("http_publish_least", &PublishRequest::default());
    check("http_publish", &publish());
    check(
        "http_publish_attachments",
        &PublishRequest {
            attachments: vec![
                UploadRef {
                    id: id(7).0,
                    name: Some("Report.pdf".to_owned()),
                },
                UploadRef {
                    id: id(8).0,
                    name: None,
                },
            ],
            ..PublishRequest::default()
        },
    );
    check(
        "http_uploaded",
        &Uploaded {
            id: id(7).0,
            name: "report.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: 1024,
            sha256: "ab".repeat(32),
            expires_at: time(3600),
        },
    );
    check(
        "message_attachment",
        &Attachment {
            sha256: Some("ab".repeat(32)),
            ..whole().attachments.remove(0)
        },
    );
    check(
        "http_published",
        &Published {
            id: id(1),
            receivers: 2,
            unknown_tokens: vec!["dead".to_owned()],
        },
    );
    check(
        "http_messages",
        &MessagesPage {
            messages: vec![least()],
            cursor: cursor(),
            more: true,
            gap: false,
        },
    );
    check(
        "http_problem",
        &Problem {
            title: ErrorCode::NotFound.title().to_owned(),
            status: ErrorCode::NotFound.status(),
            detail: "There is no such message. It may have expired.".to_owned(),
            code: ErrorCode::NotFound,
        },
    );
}

#[test]
fn fields_of_a_publish() {
    check(
        "http_publish_fields",
        &PublishRequest {
            fields: Some(BTreeMap::from([(
                "ada".to_owned(),
                BTreeMap::from([
                    ("due".to_owned(), FieldValue::Text("May".to_owned())),
                    ("balance".to_owned(), FieldValue::Number(13.into())),
                    ("paid".to_owned(), FieldValue::Flag(false)),
                ]),
            )])),
            ..PublishRequest::default()
        },
    );
}

#[test]
fn a_publish_that_comes_later() {
    check(
        "http_publish_later",
        &PublishRequest {
            title: "Time sheets".to_owned(),
            deliver_at: Some(time(0)),
            ttl_s: Some(3600),
            ..PublishRequest::default()
        },
    );
}

fn publish() -> PublishRequest {
    let whole = whole();
    PublishRequest {
        to: Recipients {
            accounts: vec!["ada".to_owned()],
            topics: vec!["builds".to_owned()],
            tokens: vec!["mt".to_owned()],
            everyone: true,
            application: Some(ApplicationVersions {
                name: "report".to_owned(),
                versions: ">=1.2, <2".to_owned(),
            }),
        },
        title: whole.title,
        body: whole.body,
        format: whole.format,
        html: Some("<p>failed</p>".to_owned()),
        url: whole.url,
        priority: whole.priority,
        tags: whole.tags,
        icon: whole.icon,
        actions: whole.actions,
        attachments: vec![],
        key: whole.key,
        deliver_at: None,
        ttl_s: Some(3600),
        fields: None,
    }
}

#[test]
fn attention_settings() {
    check("attention_settings_default", &AttentionSettings::default());
    let settings = AttentionSettings {
        idle_after_ms: 90_000,
        priorities: PriorityRoutes {
            high: Route::PhoneToo,
            ..PriorityRoutes::default()
        },
        publishers: [(
            "app-4821000000000000".parse().unwrap(),
            PublisherChoice {
                loudest: Priority::Low,
                phone_too: true,
            },
        )]
        .into(),
        quiet_times: vec![QuietTime {
            days: vec![Weekday::Friday, Weekday::Saturday],
            from: "22:30".parse().unwrap(),
            to: "07:00".parse().unwrap(),
        }],
        time_zone: Some("Europe/Berlin".to_owned()),
        do_not_disturb: DoNotDisturb::Until(time(0)),
        urgent_breaks_through: false,
        when_away: WhenAway::Hold,
        when_unknown: WhenUnknown::Phone,
        when_presenting: WhenPresenting::Hold,
    };
    check("attention_settings", &settings);
    assert_eq!(
        serde_json::from_str::<AttentionSettings>("{}").unwrap(),
        AttentionSettings::default()
    );
}

fn traced() -> Traced {
    Traced {
        outcome: Outcome::Alerted,
        device: Some(device()),
        because: Because::Active,
        facts: vec![
            DeviceFact {
                device: device(),
                seat: Seat::Active,
                reason: None,
                since_ms: None,
                last_input_ms: Some(4_000),
            },
            DeviceFact {
                device: "ada-desk".parse().unwrap(),
                seat: Seat::Inactive,
                reason: Some(InactiveReason::Locked),
                since_ms: Some(3_700_000),
                last_input_ms: None,
            },
        ],
    }
}

#[test]
fn trace_step() {
    let step = TraceStep {
        at: time(0),
        decision: traced(),
    };
    check("trace_step", &step);
    assert_eq!(
        traced().to_string(),
        "ada-laptop alerted: someone is there, active, input 4 s ago; ada-desk locked for 1 h 1 min"
    );
    let least = Traced {
        outcome: Outcome::Waits,
        device: None,
        because: Because::Quiet,
        facts: Vec::new(),
    };
    assert_eq!(least.to_string(), "waits: quiet times");
    check("traced_least", &least);
}

#[test]
fn outcomes_and_reasons_of_a_later_version_are_understood_as_such() {
    let text = r#"{"outcome": "sung", "because": "of_the_moon"}"#;
    let traced: Traced = serde_json::from_str(text).unwrap();
    assert_eq!(
        (traced.outcome, traced.because),
        (Outcome::Other, Because::Other)
    );
}

#[test]
fn how_a_phone_is_registered() {
    let browser = PushRegistration::Webpush {
        endpoint: "https://push.example/ada".to_owned(),
        keys: PushKeys {
            p256dh: "BCVxsr7N".to_owned(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
        },
        expiration_time: Some(1_767_323_045_000),
    };
    check("http_push_webpush", &browser);
    let apple = PushRegistration::Apns {
        token: "00fc13adff78".to_owned(),
        environment: ApnsEnvironment::Sandbox,
        topic: Some("org.example.hither".to_owned()),
    };
    check("http_push_apns", &apple);
    let google = PushRegistration::Fcm {
        token: "e4:APA91b".to_owned(),
    };
    check("http_push_fcm", &google);
    for (registration, shown) in [(&browser, "webpush"), (&apple, "apns"), (&google, "fcm")] {
        let shown = format!("PushRegistration({shown}, …)");
        assert_eq!(format!("{registration:?}"), shown, "nothing secret");
    }
    let state = PushState {
        provider: PushProvider::Webpush,
        rings: false,
    };
    check("http_push_state", &state);
    let later: PushProvider = serde_json::from_str("\"carrier_pigeon\"").unwrap();
    assert_eq!(
        later,
        PushProvider::Other,
        "the list of devices stays readable"
    );
}

#[test]
fn a_browser_says_null_for_what_it_does_not_know() {
    let text = r#"{"provider": "webpush", "endpoint": "e", "expirationTime": null,
                   "keys": {"p256dh": "p", "auth": "a", "later": 1}, "later": {}}"#;
    let read: PushRegistration = serde_json::from_str(text).unwrap();
    let expected = PushRegistration::Webpush {
        endpoint: "e".to_owned(),
        keys: PushKeys {
            p256dh: "p".to_owned(),
            auth: "a".to_owned(),
        },
        expiration_time: None,
    };
    assert_eq!(read, expected);
    let text = r#"{"provider": "apns", "token": "t", "environment": null, "topic": null}"#;
    let read: PushRegistration = serde_json::from_str(text).unwrap();
    let expected = PushRegistration::Apns {
        token: "t".to_owned(),
        environment: ApnsEnvironment::Production,
        topic: None,
    };
    assert_eq!(read, expected);
}

#[test]
fn a_push_service_reaches_the_phones_of_its_platform() {
    use PushProvider::{Apns, Fcm, Webpush};
    for (platform, expected) in [
        ("ios", &[Apns, Webpush][..]),
        ("iOS", &[Apns, Webpush]),
        ("android", &[Fcm, Webpush]),
        ("web", &[Webpush]),
        ("linux", &[Webpush]),
        ("", &[Webpush]),
    ] {
        let fits = |kind| {
            let all = PushProvider::ALL.into_iter();
            all.filter(|one| one.fits(platform, kind))
                .collect::<Vec<_>>()
        };
        assert_eq!(fits(DeviceKind::Mobile), expected, "{platform}");
        assert_eq!(fits(DeviceKind::Desktop), [], "{platform}");
    }
}

/// All words of an enum, in one snapshot.
#[test]
fn words() {
    use InactiveReason::{AppLocked, Idle, Locked, Presenting, SessionSwitched, Suspended};
    let words = json!({
        "state": [PresenceState::Active, PresenceState::Inactive, PresenceState::Unknown],
        "reason": [
            Idle, Locked, AppLocked, Suspended, SessionSwitched, Presenting, InactiveReason::Other,
        ],
        "kind": [DeviceKind::Desktop, DeviceKind::Mobile],
        "alert": [FirstAlert::Now, FirstAlert::Silent, FirstAlert::Never],
        "style": [AlertStyle::Each, AlertStyle::Summary],
        "alert_why": [
            AlertWhy::Handover, AlertWhy::NotShown, AlertWhy::Waiting, AlertWhy::PresenceKnown,
            AlertWhy::Restarted, AlertWhy::QuietEnded, AlertWhy::Returned, AlertWhy::Other,
        ],
        "withdraw_why": [WithdrawWhy::Recalled, WithdrawWhy::Replaced, WithdrawWhy::Expired],
        "format": [Format::Plain, Format::Markdown],
        "priority": [
            Priority::Min, Priority::Low, Priority::Default, Priority::High, Priority::Urgent,
        ],
        "push": PushProvider::ALL,
        "apns": [ApnsEnvironment::Production, ApnsEnvironment::Sandbox],
        "close": CloseCode::ALL.map(|code| (format!("{code:?}"), code as u16)),
        "error": ErrorCode::ALL.iter().map(|code| (code.as_str(), code.status())).collect::<Vec<_>>(),
    });
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("words", serde_json::to_string_pretty(&words).unwrap());
    });
}

/// Snapshots of earlier versions stay in the folder: whoever wrote them is still understood.
#[test]
fn every_snapshot_still_parses() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "snap") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let json = text.splitn(3, "---\n").nth(2).unwrap();
        if name.starts_with("client_") {
            let frame = ClientFrame::parse(json).unwrap();
            assert_ne!(frame, ClientFrame::Unknown, "{name}");
            seen += 1;
        } else if name.starts_with("server_") {
            let frame = ServerFrame::parse(json).unwrap();
            assert_ne!(frame, ServerFrame::Unknown, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} frames in {folder}");
}

#[test]
fn frames_of_an_unknown_type_are_skipped() {
    for text in [
        r#"{"type": "of_a_later_version", "ids": [1, {"deep": null}], "cursor": 7}"#,
        r#"{"of": 1, "type": "of_a_later_version"}"#,
    ] {
        assert_eq!(ClientFrame::parse(text).unwrap(), ClientFrame::Unknown);
        assert_eq!(ServerFrame::parse(text).unwrap(), ServerFrame::Unknown);
    }
}

#[test]
fn ids_that_are_no_messages_are_unknown_ones() {
    let id = "019a0000-0000-7000-8000-000000000001";
    for frame in ["read", "shown"] {
        let text = format!(r#"{{"type": "{frame}", "ids": ["x", "{id}", ""]}}"#);
        match ClientFrame::parse(&text).unwrap() {
            ClientFrame::Read { ids } | ClientFrame::Shown { ids, .. } => {
                assert_eq!(ids, [id.parse().unwrap()]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#""ping""#,
        r#"{"type": 1}"#,
        r#"{"type": "ack"}"#,
        r#"{"type": "ack", "cursor": 7}"#,
        r#"{"type": "read", "ids": [7]}"#,
        r#"{"type": "read", "ids": "all"}"#,
        r#"{"type": "ping", "last_input_ms": -1}"#,
        r#"{"type": "ping"} trailing"#,
        &"[".repeat(100_000),
    ] {
        assert!(ClientFrame::parse(text).is_err(), "{text:.80}");
    }
    for priority in ["0", "6", "-1", "2.5", "\"high\""] {
        let text = format!(r#"{{"to": {{}}, "priority": {priority}}}"#);
        assert!(
            serde_json::from_str::<PublishRequest>(&text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn any_text_is_read_as_a_cursor() {
    for text in ["", "a b", "é", &"c".repeat(1000)] {
        let frame = json!({ "type": "ack", "cursor": text }).to_string();
        let Ok(ClientFrame::Ack { cursor }) = ClientFrame::parse(&frame) else {
            panic!("no ack: {text}");
        };
        assert_eq!(cursor.as_str(), text);
    }
}

#[test]
fn null_says_as_much_as_nothing_in_a_publish() {
    let nothing: PublishRequest = serde_json::from_value(json!({ "to": {} })).unwrap();
    let nulls = json!({
        "to": { "accounts": null, "topics": null, "tokens": null, "everyone": null,
                "application": null },
        "title": null, "body": null, "format": null, "html": null, "url": null, "priority": null,
        "tags": null, "icon": null, "actions": null, "attachments": null, "key": null,
        "deliver_at": null, "ttl_s": null, "fields": null,
    });
    assert_eq!(
        serde_json::from_value::<PublishRequest>(nulls).unwrap(),
        nothing
    );
    let versions = json!({ "name": "report", "versions": null });
    let every: ApplicationVersions = serde_json::from_value(versions).unwrap();
    assert_eq!(every.versions, "*");
}

#[test]
fn unknown_words_mean_the_harmless_thing() {
    let said = r#"{"type": "presence", "state": "daydreaming", "reason": "lunch"}"#;
    let ClientFrame::Presence { presence, .. } = ClientFrame::parse(said).unwrap() else {
        panic!("not a presence");
    };
    assert_eq!(presence.state, PresenceState::Unknown);
    assert_eq!(presence.reason, Some(InactiveReason::Other));

    let said = json!({"type": "alert", "ids": [], "style": "fireworks", "why": "new"});
    let ServerFrame::Alert { style, why, .. } = ServerFrame::parse(&said.to_string()).unwrap()
    else {
        panic!("not an alert");
    };
    assert_eq!((style, why), (AlertStyle::Summary, AlertWhy::Other));

    let mut said = serde_json::to_value(least()).unwrap();
    said["format"] = json!("asciidoc");
    let message: Message = serde_json::from_value(said).unwrap();
    assert_eq!(message.format, Format::Plain);

    let code: ErrorCode = serde_json::from_value(json!("of_a_later_version")).unwrap();
    assert_eq!(code, ErrorCode::Unknown);
}

#[test]
fn secrets_stay_out_of_logs() {
    let frame = ClientFrame::Hello {
        access_token: Some(AccessToken::new("hunter2".to_owned())),
        cursor: None,
        client: client(),
        presence: None,
    };
    assert!(!format!("{frame:?}").contains("hunter2"));
    assert!(frame.to_text().contains("hunter2"));
}

#[test]
fn as_many_ids_as_a_frame_may_name_fit_into_it() {
    let ids: Vec<_> = (0..MAX_FRAME_IDS as u128).map(id).collect();
    let alert = ServerFrame::Alert {
        ids: ids.clone(),
        style: AlertStyle::Summary,
        why: AlertWhy::PresenceKnown,
    };
    assert!(alert.to_text().len() < MAX_FRAME_BYTES);
    assert!(ClientFrame::Shown { ids, stays: true }.to_text().len() < MAX_FRAME_BYTES);
}

proptest::proptest! {
    /// Foreign bytes never panic, and what is read is said the same way again.
    #[test]
    fn foreign_text_is_read_or_refused(
        text in r#"\{"type": ?"(ping|ack|shown|hello|pong|gap|x)"(, ?"[a-z_]{1,8}": ?(null|-?[0-9]{1,20}|"[^"]{0,9}"|\[\])){0,3}\}?"#
    ) {
        if let Ok(frame) = ClientFrame::parse(&text) {
            assert_eq!(ClientFrame::parse(&frame.to_text()).unwrap(), frame);
        }
        if let Ok(frame) = ServerFrame::parse(&text) {
            assert_eq!(ServerFrame::parse(&frame.to_text()).unwrap(), frame);
        }
    }
}

#[test]
fn what_a_person_sees_and_chooses() {
    check("http_settings_none", &Settings::default());
    let settings = Settings {
        attention: AttentionSettings {
            idle_after_ms: 90_000,
            ..AttentionSettings::default()
        },
        read_receipts: true,
    };
    check("http_settings", &settings);
    let devices = Devices {
        devices: vec![Device {
            id: device(),
            name: "Laptop".to_owned(),
            platform: "linux".to_owned(),
            kind: DeviceKind::Desktop,
            current: true,
            applications: vec![DeviceApplication {
                name: "hither".to_owned(),
                version: "1.2.3".to_owned(),
                signed_in: true,
            }],
            last_seen_at: Some(time(0)),
            online: true,
            presence: Some(Presence {
                state: PresenceState::Active,
                reason: None,
                last_input_ms: Some(1200),
            }),
            push: None,
        }],
    };
    check("http_devices", &devices);
    let passwords = ChangePassword {
        current: "correct horse".to_owned(),
        new: "battery staple".to_owned(),
    };
    check("http_change_password", &passwords);
}
