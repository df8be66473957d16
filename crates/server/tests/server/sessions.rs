//! Signing in, browsers, and the phone page's files.

use hither_protocol::{CloseCode, DeviceKind};
use hither_server::store::Store;
use hither_server::{Limits, Rate, Settings};
use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PASSWORD, PATIENCE, Server, bearer, credentials};

#[tokio::test]
async fn a2_a_person_signs_in_with_account_and_password() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    assert_eq!(
        session.stream_url,
        format!("ws://{}/v1/stream", server.address)
    );
    let current = server.get("/v1/sessions/current", &session).await.json();
    assert_eq!(current["account"], "ada");
    assert_eq!(current["device_id"], session.device_id.as_str());
    assert_eq!(current["stream_url"], session.stream_url);
    let token = server.get("/v1/tokens", &session).await.json();
    assert_eq!(token, json!({ "message_token": session.message_token }));
}

#[tokio::test]
async fn unknown_accounts_and_wrong_passwords_look_alike() {
    let server = Server::start().await;
    let mut answers = Vec::new();
    for (account, password) in [
        ("ada", "wrong"),
        ("eve", PASSWORD),
        ("Not A Name!", PASSWORD),
    ] {
        let mut credentials = credentials(account, DeviceKind::Desktop);
        credentials["password"] = password.into();
        let answer = server.post("/v1/sessions", &[], &credentials).await;
        assert_eq!(answer.problem(), (401, "wrong_credentials".to_owned()));
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_disabled_account_is_told_so_with_the_right_password_only() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    server
        .store
        .set_account_disabled(&"ada".parse().unwrap(), true)
        .await
        .unwrap();
    let mut credentials = credentials("ada", DeviceKind::Desktop);
    let answer = server.post("/v1/sessions", &[], &credentials).await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
    credentials["password"] = "wrong".into();
    let answer = server.post("/v1/sessions", &[], &credentials).await;
    assert_eq!(answer.problem(), (401, "wrong_credentials".to_owned()));
    assert_eq!(server.get("/v1/tokens", &session).await.status, 401);
}

#[tokio::test]
async fn a_device_keeps_its_id_and_only_within_its_account() {
    let server = Server::start().await;
    let first = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut again = credentials("ada", DeviceKind::Desktop);
    again["device"]["id"] = first.device_id.as_str().into();
    let again = server.sign_in_with(&again).await;
    assert_eq!(again.device_id, first.device_id);
    assert_eq!(again.message_token, first.message_token);
    assert_ne!(again.access_token, first.access_token);
    assert_eq!(
        server.get("/v1/tokens", &first).await.status,
        401,
        "the older session ended"
    );
    let mut foreign = credentials("bob", DeviceKind::Desktop);
    foreign["device"]["id"] = first.device_id.as_str().into();
    let foreign = server.sign_in_with(&foreign).await;
    assert_eq!(foreign.device_id, first.device_id, "another account's own");
    assert_ne!(foreign.message_token, first.message_token);
    assert_eq!(server.get("/v1/tokens", &again).await.status, 200);
}

#[tokio::test]
async fn b1_a_device_is_known_by_the_id_it_chose() {
    let server = Server::start().await;
    let mut chosen = credentials("ada", DeviceKind::Desktop);
    chosen["device"]["id"] = "My-Desk_1".into();
    let first = server.sign_in_with(&chosen).await;
    let again = server.sign_in_with(&chosen).await;
    assert_eq!(first.device_id.as_str(), "My-Desk_1");
    assert_eq!(again.message_token, first.message_token);
    for malformed in ["", "a b", &"x".repeat(65)] {
        chosen["device"]["id"] = malformed.into();
        let answer = server.post("/v1/sessions", &[], &chosen).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{malformed}");
    }
}

#[tokio::test]
async fn failed_sign_ins_are_limited() {
    let limits = Limits {
        failed_sign_ins: Rate::per_minute(10).burst(2),
        ..Limits::default()
    };
    let server = Server::with(Settings {
        limits,
        ..Settings::default()
    })
    .await;
    let mut wrong = credentials("ada", DeviceKind::Desktop);
    wrong["password"] = "wrong".into();
    for _ in 0..2 {
        assert_eq!(server.post("/v1/sessions", &[], &wrong).await.status, 401);
    }
    let right = credentials("ada", DeviceKind::Desktop);
    let answer = server.post("/v1/sessions", &[], &right).await;
    assert_eq!(answer.problem(), (429, "too_many".to_owned()));
    assert_eq!(answer.header("retry-after"), "6");
}

/// Method, path, headers, body; status, code.
type Case<'a> = (
    Method,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    u16,
    &'a str,
);

async fn check_problems(server: &Server, cases: &[Case<'_>]) {
    for (method, path, headers, body, status, code) in cases {
        let about = format!("{method} {path} {}", &body[..body.len().min(20)]);
        let answer = server
            .request(method.clone(), path, headers, (*body).to_owned())
            .await;
        assert_eq!(answer.problem(), (*status, (*code).to_owned()), "{about}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_explained() {
    let server = Server::start().await;
    let json = &[("content-type", "application/json")][..];
    let large = "x".repeat(70 * 1024);
    let (get, post) = (Method::GET, Method::POST);
    let cases: &[Case<'_>] = &[
        (get.clone(), "/v1/nowhere", &[], "", 404, "not_found"),
        (get.clone(), "/nowhere", &[], "", 404, "not_found"),
        (get.clone(), "/app/nowhere", &[], "", 404, "not_found"),
        (
            Method::PUT,
            "/v1/sessions",
            &[],
            "",
            405,
            "method_not_allowed",
        ),
        (post.clone(), "/healthz", &[], "", 405, "method_not_allowed"),
        (
            post.clone(),
            "/v1/sessions",
            &[],
            "{}",
            415,
            "unsupported_media_type",
        ),
        (post.clone(), "/v1/sessions", json, "{", 400, "malformed"),
        (post.clone(), "/v1/sessions", json, "", 400, "malformed"),
        (post.clone(), "/v1/sessions", json, "{}", 422, "invalid"),
        (post.clone(), "/v1/sessions", json, &large, 413, "too_large"),
        (get.clone(), "/v1/tokens", &[], "", 401, "unauthenticated"),
    ];
    check_problems(&server, cases).await;
}

#[tokio::test]
async fn questions_that_make_no_sense_are_explained() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let bearer = bearer(&session);
    let auth = &[("authorization", bearer.as_str())][..];
    let cases = [
        ("/v1/messages?since=1", 400, "malformed"),
        ("/v1/messages?limit=many", 400, "malformed"),
        ("/v1/messages?limit=1&limit=2", 400, "malformed"),
        ("/v1/messages?limit=0", 422, "invalid"),
        ("/v1/messages?after=x", 410, "unknown_cursor"),
        ("/v1/messages?after=", 410, "unknown_cursor"),
        ("/v1/messages?after=%C3%A9", 410, "unknown_cursor"),
        (
            &format!("/v1/messages?after={}", "x".repeat(200)),
            410,
            "unknown_cursor",
        ),
        ("/v1/messages/nothing/html", 404, "not_found"),
        ("/v1/messages/%ff/html", 404, "not_found"),
    ];
    let cases = cases.map(|(path, status, code)| (Method::GET, path, auth, "", status, code));
    check_problems(&server, &cases).await;
}

#[tokio::test]
async fn it_says_that_it_is_alive_and_ready() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            server.request(Method::GET, path, &[], "").await.status,
            200,
            "{path}"
        );
    }
    server.store.close().await;
    assert_eq!(
        server
            .request(Method::GET, "/healthz", &[], "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn messages_are_listed_page_by_page() {
    let server = Server::start().await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    for number in 0..5 {
        server.send("ada", &number.to_string()).await;
    }
    server.send("bob", "not ours").await;
    let (mut titles, mut path) = (Vec::new(), "/v1/messages?limit=2".to_owned());
    loop {
        let page = server.get(&path, &session).await.json();
        for message in page["messages"].as_array().unwrap() {
            titles.push(message["title"].as_str().unwrap().to_owned());
        }
        path = format!(
            "/v1/messages?limit=2&after={}",
            page["cursor"].as_str().unwrap()
        );
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(titles, ["0", "1", "2", "3", "4"]);
}

const COOKIE_ATTRIBUTES: &str = "; HttpOnly; SameSite=Strict; Path=/; Max-Age=5184000";

/// A browser's cookie after signing in.
async fn browser(server: &Server) -> String {
    let credentials = credentials("ada", DeviceKind::Mobile);
    let answer = server.post("/app/session", &[], &credentials).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.json().get("access_token").is_none());
    assert!(answer.json().get("device_id").is_some());
    let cookie = answer
        .header("set-cookie")
        .strip_suffix(COOKIE_ATTRIBUTES)
        .expect("attributes");
    assert!(!answer.body.contains(cookie.split_once('=').unwrap().1));
    cookie.to_owned()
}

#[tokio::test]
async fn a_browser_signs_in_with_a_cookie_and_writes_from_own_pages_only() {
    let server = Server::start().await;
    let cookie = browser(&server).await;
    let own = format!("http://{}", server.address);
    let answer = server
        .request(Method::GET, "/v1/tokens", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, 200);
    for origin in [None, Some("http://evil.example"), Some("null")] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        for path in ["/app/session", "/v1/sessions/current"] {
            let answer = server.request(Method::DELETE, path, &headers, "").await;
            assert_eq!(
                answer.problem(),
                (403, "forbidden".to_owned()),
                "{path} {origin:?}"
            );
        }
    }
    let headers = [("cookie", cookie.as_str()), ("origin", &own)];
    let answer = server
        .request(Method::DELETE, "/app/session", &headers, "")
        .await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").starts_with("hither_session=; "));
    let answer = server
        .request(Method::GET, "/v1/tokens", &[("cookie", &cookie)], "")
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_foreign_page_cannot_sign_a_browser_in() {
    let server = Server::start().await;
    let headers = [("origin", "http://evil.example")];
    let answer = server
        .post(
            "/app/session",
            &headers,
            &credentials("ada", DeviceKind::Mobile),
        )
        .await;
    assert_eq!(answer.problem(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_the_stream_too() {
    let settings = Settings {
        public_url: Some("https://hither.example".parse().unwrap()),
        ..Settings::default()
    };
    let server = Server::with(settings).await;
    let headers = [("origin", "https://hither.example")];
    let answer = server
        .post(
            "/app/session",
            &headers,
            &credentials("ada", DeviceKind::Mobile),
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.header("set-cookie").ends_with("; Secure"));
    assert_eq!(
        answer.json()["stream_url"],
        "wss://hither.example/v1/stream"
    );
}

/// The status line that an upgrade with a browser's cookie gets.
async fn upgrade_from(server: &Server, cookie: &str, origin: &str) -> String {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET /v1/stream HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: hither.v1\r\ncookie: {cookie}\r\norigin: {origin}\r\n\r\n",
        server.address
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    socket.read_exact(&mut start).await.unwrap();
    String::from_utf8(start.to_vec()).unwrap()
}

#[tokio::test]
async fn a_browser_opens_a_stream_from_own_pages_only() {
    let server = Server::start().await;
    let cookie = browser(&server).await;
    let own = format!("http://{}", server.address);
    assert_eq!(upgrade_from(&server, &cookie, &own).await, "HTTP/1.1 101");
    assert_eq!(
        upgrade_from(&server, &cookie, "http://evil.example").await,
        "HTTP/1.1 403"
    );
}

#[tokio::test]
async fn the_phone_page_is_served_under_a_strict_policy() {
    let server = Server::start().await;
    let answer = server.request(Method::GET, "/", &[], "").await;
    assert_eq!((answer.status, answer.header("location")), (307, "/app/"));
    for (path, media_type) in [
        ("/app/", "text/html; charset=utf-8"),
        ("/app/app.js", "text/javascript; charset=utf-8"),
        ("/app/style.css", "text/css; charset=utf-8"),
        ("/app/sw.js", "text/javascript; charset=utf-8"),
        ("/app/manifest.webmanifest", "application/manifest+json"),
        ("/app/icon.svg", "image/svg+xml"),
    ] {
        let answer = server.request(Method::GET, path, &[], "").await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, media_type),
            "{path}"
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn who_said_no_hello_learns_that_the_server_stops() {
    let server = Server::with(Settings {
        limits: Limits {
            hello_within: PATIENCE,
            ..Limits::default()
        },
        ..Settings::default()
    })
    .await;
    let mut stream = server.open().await;
    let ended = async {
        let frames = stream.ends_with(CloseCode::Restarting).await;
        assert_eq!(frames.len(), 1, "when to come back: {frames:?}");
    };
    tokio::join!(server.stop(), ended);
}
