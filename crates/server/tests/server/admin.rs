//! The admin page's doors, and what is behind them.

use hither_protocol::{AccessToken, ClientFrame, ClientInfo, CloseCode, DeviceKind, PresenceState};
use hither_server::store::Store;
use hither_server::{Registration, Settings};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, Server, bearer, credentials};

/// A browser in which an administrator is signed in.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
    origin: String,
}

impl<'a> Browser<'a> {
    async fn of_a_new_administrator(server: &'a Server) -> Self {
        add_administrator(server).await;
        Self::sign_in(server).await
    }

    async fn sign_in(server: &'a Server) -> Self {
        let root = json!({ "account": "root", "password": PASSWORD });
        let answer = server.post("/admin/session", &[], &root).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let (cookie, rules) = answer.header("set-cookie").split_once("; ").unwrap();
        assert_eq!(
            rules,
            "HttpOnly; SameSite=Strict; Path=/admin; Max-Age=43200"
        );
        assert!(!answer.body.contains("hither_at_"));
        Self {
            server,
            cookie: cookie.to_owned(),
            origin: format!("http://{}", server.address),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut headers = vec![("cookie", self.cookie.as_str()), ("origin", &self.origin)];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        self.server.request(method, path, &headers, body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

/// A server with the administrator `root`.
async fn server() -> Server {
    let server = Server::start().await;
    add_administrator(&server).await;
    server
}

async fn add_administrator(server: &Server) {
    let mut root = server
        .store
        .account(&"ada".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    root.name = "root".parse().unwrap();
    root.admin = true;
    server.store.add_account(root).await.unwrap();
}

#[tokio::test]
async fn an_administrators_cookie_is_good_for_the_page_alone() {
    let server = Server::start().await;
    let browser = Browser::of_a_new_administrator(&server).await;
    let before = browser.get("/admin/api/session").await;
    let (_, token) = browser.cookie.split_once('=').unwrap();
    let authorization = format!("Bearer {token}");
    for path in [
        "/v1/messages",
        "/v1/devices",
        "/v1/settings",
        "/v1/subscriptions",
    ] {
        let answer = server
            .request(Method::GET, path, &[("authorization", &authorization)], "")
            .await;
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated".to_owned()),
            "{path}"
        );
    }
    let mut stream = server.open().await;
    let hello = ClientFrame::Hello {
        access_token: Some(AccessToken::new(token.to_owned())),
        cursor: None,
        client: ClientInfo {
            name: "hither".to_owned(),
            version: "0.1.0".to_owned(),
        },
        presence: None,
    };
    stream.say(&hello).await;
    stream.ends_with(CloseCode::SignInAgain).await;
    let after = browser.get("/admin/api/session").await;
    assert_eq!(after["expires_at"], before["expires_at"]);
}

#[tokio::test]
async fn an_account_that_is_no_administrators_is_refused_like_a_wrong_password() {
    let server = server().await;
    let mut answers = Vec::new();
    for (account, password) in [("ada", PASSWORD), ("root", "wrong"), ("eve", PASSWORD)] {
        let body = json!({ "account": account, "password": password });
        let answer = server.post("/admin/session", &[], &body).await;
        assert_eq!(answer.problem(), (401, "wrong_credentials".to_owned()));
        assert_eq!(answer.header("set-cookie"), "");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn nothing_but_an_administrators_cookie_opens_it() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let mut own = credentials("root", DeviceKind::Desktop);
    let inbox = server.sign_in_with(&own).await;
    own["application"]["name"] = "hither-admin".into();
    let forged = server.post("/v1/sessions", &[], &own).await;
    assert_eq!(forged.problem(), (422, "invalid".to_owned()));

    let path = "/admin/api/accounts";
    let stolen = format!("hither_admin={}", inbox.access_token.expose());
    let bearer = bearer(&inbox);
    for headers in [
        vec![],
        vec![("authorization", bearer.as_str())],
        vec![("cookie", &stolen)],
        vec![("cookie", "hither_admin=x")],
    ] {
        let answer = server.request(Method::GET, path, &headers, "").await;
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated".to_owned()),
            "{headers:?}"
        );
    }
    let token = browser.cookie.split_once('=').unwrap().1;
    let elsewhere = format!("hither_session={token}");
    for (origin, cookie, status) in [
        (None, &browser.cookie, 403),
        (Some("http://evil.example"), &browser.cookie, 403),
        (Some(browser.origin.as_str()), &elsewhere, 401),
    ] {
        let mut headers = vec![
            ("cookie", cookie.as_str()),
            ("content-type", "application/json"),
        ];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let body = json!({ "name": "eve" }).to_string();
        let answer = server.request(Method::POST, path, &headers, body).await;
        assert_eq!(answer.status, status, "{origin:?}");
    }
    assert_eq!(browser.get(path).await["total"], 3);
}

#[tokio::test]
async fn a_session_ends_with_what_it_rests_on() {
    let server = server().await;
    let root = "root".parse().unwrap();
    let browser = Browser::sign_in(&server).await;
    let path = "/admin/api/session";
    assert_eq!(browser.get(path).await["account"], "root");
    let out = browser.ask(Method::DELETE, "/admin/session", None).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.ask(Method::GET, path, None).await.status, 401);

    let browser = Browser::sign_in(&server).await;
    server
        .store
        .set_account_disabled(&root, true)
        .await
        .unwrap();
    assert_eq!(browser.ask(Method::GET, path, None).await.status, 401);
}

#[tokio::test]
async fn accounts_are_added_disabled_reset_and_removed() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let path = "/admin/api/accounts";
    let made = browser
        .ask(Method::POST, path, Some(&json!({ "name": "eve" })))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let password = made.json()["password"].as_str().unwrap().to_owned();
    let again = browser
        .ask(Method::POST, path, Some(&json!({ "name": "eve" })))
        .await;
    assert_eq!(again.problem(), (409, "taken".to_owned()));
    for wrong in [
        json!({ "name": "Not A Name" }),
        json!({}),
        json!({ "name": "x", "password": "short" }),
    ] {
        let answer = browser.ask(Method::POST, path, Some(&wrong)).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{wrong}");
    }

    let mut eve = credentials("eve", DeviceKind::Desktop);
    eve["password"] = password.into();
    let session = server.sign_in_with(&eve).await;
    let mut stream = server
        .connect_desktop(&session, PresenceState::Active)
        .await;
    stream.ping().await;
    let listed = browser.get("/admin/api/accounts?part=ev").await;
    assert_eq!(
        (&listed["total"], &listed["accounts"][0]["online"]),
        (&json!(1), &json!(1))
    );
    let devices = browser.get("/admin/api/accounts/eve/devices").await;
    let device = &devices["devices"][0];
    assert_eq!(device["online"], true);
    assert_eq!(
        device["presence"],
        Value::Null,
        "presence is the account's own"
    );
    assert!(!listed.to_string().contains("argon2"));

    let reset = browser
        .ask(Method::POST, "/admin/api/accounts/eve/password", None)
        .await;
    stream.ends_with(CloseCode::Revoked).await;
    eve["password"] = reset.json()["password"].clone();
    server.sign_in_with(&eve).await;
    let off = json!({ "disabled": true });
    let disabled = browser
        .ask(Method::PUT, "/admin/api/accounts/eve/disabled", Some(&off))
        .await;
    assert_eq!(disabled.status, 204);
    assert_eq!(server.post("/v1/sessions", &[], &eve).await.status, 403);
    let removed = browser
        .ask(Method::DELETE, "/admin/api/accounts/eve", None)
        .await;
    assert_eq!(removed.status, 204);
    assert_eq!(server.post("/v1/sessions", &[], &eve).await.status, 401);

    for (method, path, body) in [
        (Method::DELETE, "/admin/api/accounts/eve", None),
        (Method::DELETE, "/admin/api/accounts/Not%20A%20Name", None),
        (Method::DELETE, "/admin/api/accounts/ada/devices/none", None),
        (Method::GET, "/admin/api/accounts/eve/devices", None),
        (Method::POST, "/admin/api/accounts/eve/password", None),
        (Method::PUT, "/admin/api/accounts/eve/disabled", Some(&off)),
        (
            Method::PUT,
            "/admin/api/publishers/app-9999999999999999/disabled",
            Some(&off),
        ),
        (
            Method::POST,
            "/admin/api/publishers/hither-0000000000000000/secret",
            None,
        ),
    ] {
        let answer = browser.ask(method, path, body).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn nobody_saws_off_the_branch_they_sit_on() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let off = json!({ "disabled": true });
    for (method, path, body) in [
        (Method::DELETE, "/admin/api/accounts/root", None),
        (Method::PUT, "/admin/api/accounts/root/disabled", Some(&off)),
        (Method::POST, "/admin/api/accounts/root/password", None),
    ] {
        let answer = browser.ask(method, path, body).await;
        assert_eq!(answer.problem(), (403, "forbidden".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_lost_device_is_revoked() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let lost = server.sign_in("ada", DeviceKind::Mobile).await;
    let (mut stream, _) = server.connect(&lost, None).await;
    let path = format!("/admin/api/accounts/ada/devices/{}", lost.device_id);
    assert_eq!(browser.ask(Method::DELETE, &path, None).await.status, 204);
    stream.ends_with(CloseCode::Revoked).await;
}

#[tokio::test]
async fn publishers_are_added_rotated_and_disabled() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let path = "/admin/api/publishers";
    let made = browser
        .ask(
            Method::POST,
            path,
            Some(&json!({ "name": "CI", "kind": "ci" })),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, first) = (made.json()["id"].clone(), made.json()["secret"].clone());
    let id = id.as_str().unwrap();
    assert!(id.starts_with("ci-"), "{id}");
    let rotated = browser
        .ask(Method::POST, &format!("{path}/{id}/secret"), None)
        .await
        .json();
    for (secret, disabled, status) in [
        (&first, false, 201),
        (&rotated["secret"], false, 201),
        (&rotated["secret"], true, 403),
    ] {
        let body = json!({ "disabled": disabled });
        let changed = browser
            .ask(Method::PUT, &format!("{path}/{id}/disabled"), Some(&body))
            .await;
        assert_eq!(changed.status, 204);
        let token = format!("Bearer {id}.{}", secret.as_str().unwrap());
        let message = json!({ "to": { "accounts": ["ada"] }, "title": "done" });
        let answer = server
            .post("/v1/messages", &[("authorization", &token)], &message)
            .await;
        assert_eq!(answer.status, status);
    }
    let listed = browser.get(path).await;
    assert!(listed.to_string().contains("CI") && !listed.to_string().contains("hither_ps_"));
    let recent = browser.get("/admin/api/messages").await;
    assert_eq!(recent["messages"].as_array().unwrap().len(), 2);
    assert!(!recent.to_string().contains("done"), "no content: {recent}");
    for wrong in [json!({ "name": "" }), json!({ "name": "x", "kind": "1" })] {
        let answer = browser.ask(Method::POST, path, Some(&wrong)).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn d1_one_that_registered_itself_is_approved_and_given_an_audience() {
    let server = Server::with(Settings {
        registration: Registration::Approval,
        ..Settings::default()
    })
    .await;
    let browser = Browser::of_a_new_administrator(&server).await;
    let asks = json!({ "name": "Shop", "kind": "shop", "contact": "shop@example.org" });
    let made = server.post("/v1/publishers", &[], &asks).await;
    assert_eq!(made.status, 202, "{made:?}");
    let (id, secret) = (made.json()["id"].clone(), made.json()["secret"].clone());
    let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
    let path = format!("/admin/api/publishers/{id}");
    let publish = async |body: Value| {
        let token = format!("Bearer {id}.{secret}");
        let headers = [("authorization", token.as_str())];
        server.post("/v1/messages", &headers, &body).await.status
    };
    let to_ada = json!({ "to": { "accounts": ["ada"] }, "title": "hello" });
    assert_eq!(publish(to_ada.clone()).await, 403);

    let listed = browser.get("/admin/api/publishers").await;
    let shop = &listed["publishers"][1];
    assert_eq!(
        (&shop["contact"], &shop["approved_at"]),
        (&json!("shop@example.org"), &Value::Null)
    );
    let approval = format!("{path}/approval");
    assert_eq!(browser.ask(Method::POST, &approval, None).await.status, 204);
    assert_eq!(publish(to_ada.clone()).await, 422, "it reaches nobody yet");

    let rights = format!("{path}/rights");
    let change = async |body: Value| browser.ask(Method::PUT, &rights, Some(&body)).await;
    let may = |narrowed: bool, urgent: bool, accounts: &[&str]| {
        json!({
            "rights": { "narrowed": narrowed, "everyone": false, "urgent": urgent, "html": false },
            "audience": { "accounts": accounts, "topics": ["builds"] },
        })
    };
    let unknown = change(may(true, true, &["ada", "nobody"])).await;
    assert_eq!(unknown.problem(), (404, "not_found".to_owned()));
    assert_eq!(publish(to_ada.clone()).await, 422, "nothing was changed");

    let wanted = may(true, true, &["ada"]);
    assert_eq!(change(wanted.clone()).await.status, 204);
    let listed = browser.get("/admin/api/publishers").await;
    assert_eq!(listed["publishers"][1]["rights"], wanted["rights"]);
    assert_eq!(listed["publishers"][1]["audience"], wanted["audience"]);
    let mut urgent = to_ada.clone();
    urgent["priority"] = json!(5);
    assert_eq!(publish(urgent.clone()).await, 201);

    assert_eq!(change(may(true, false, &["ada"])).await.status, 204);
    assert_eq!(publish(urgent).await, 403);
    assert_eq!(change(may(true, false, &[])).await.status, 204);
    assert_eq!(publish(to_ada.clone()).await, 422);
    assert_eq!(change(may(false, false, &[])).await.status, 204);
    assert_eq!(publish(to_ada).await, 201);
    let gone = "/admin/api/publishers/app-9999999999999999/rights";
    let answer = browser
        .ask(Method::PUT, gone, Some(&may(true, false, &[])))
        .await;
    assert_eq!(answer.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn topics_are_made_private_and_granted() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let body = json!({ "to": { "topics": ["builds"] }, "title": "done" });
    assert_eq!(server.publish(&body).await.status, 201);
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let subscribe = async || {
        let token = bearer(&ada);
        let headers = [("authorization", token.as_str())];
        let path = "/v1/subscriptions/builds";
        server.request(Method::PUT, path, &headers, "").await.status
    };
    let path = "/admin/api/topics/builds/private";
    let private = json!({ "private": true });
    let made = browser.ask(Method::PUT, path, Some(&private)).await;
    assert_eq!(made.status, 204, "{made:?}");
    assert_ne!(subscribe().await, 204);

    let grant = "/admin/api/topics/builds/grants/ada/read";
    assert_eq!(browser.ask(Method::PUT, grant, None).await.status, 204);
    assert_eq!(subscribe().await, 204);
    let topics = browser.get("/admin/api/topics").await;
    let topic = &topics["topics"][0];
    assert_eq!(
        (&topic["name"], &topic["private"], &topic["subscribers"]),
        (&json!("builds"), &json!(true), &json!(1))
    );
    assert_eq!(
        topic["grants"],
        json!([{ "to": { "account": "ada" }, "may": "read" }])
    );
    assert_eq!(browser.ask(Method::DELETE, grant, None).await.status, 204);
    for (method, path) in [
        (Method::DELETE, grant),
        (Method::PUT, "/admin/api/topics/builds/grants/eve/read"),
        (Method::PUT, "/admin/api/topics/builds/grants/ada/own"),
        (
            Method::PUT,
            "/admin/api/topics/not%20a%20name/grants/ada/read",
        ),
    ] {
        let answer = browser.ask(method, path, None).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_message_says_how_far_it_came_and_why_without_presence() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let ada = server.sign_in("ada", DeviceKind::Desktop).await;
    let mut desktop = server.connect_desktop(&ada, PresenceState::Active).await;
    let id = server.send("ada", "hello").await;
    desktop.next().await;
    let listed = browser.get("/admin/api/messages").await;
    let publisher = listed["messages"][0]["publisher"]["id"].as_str().unwrap();
    let path = format!("/admin/api/publishers/{publisher}/messages/{id}");
    let state = browser.get(&path).await;
    assert_eq!(state["receivers"][0]["account"], "ada");
    assert_eq!(state["counts"]["stored"], 1);

    let path = format!("/admin/api/accounts/ada/messages/{id}/trace");
    let trace = browser.get(&path).await;
    assert_eq!(trace["steps"][0]["outcome"], "alerted");
    assert!(!trace.to_string().contains("input"), "{trace}");
    for nothing in [
        format!("/admin/api/accounts/root/messages/{id}/trace"),
        format!("/admin/api/accounts/eve/messages/{id}/trace"),
        "/admin/api/accounts/ada/messages/none/trace".to_owned(),
        format!("/admin/api/publishers/app-9999999999999999/messages/{id}"),
    ] {
        let answer = browser.ask(Method::GET, &nothing, None).await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{nothing}");
    }
}

#[tokio::test]
async fn health_says_how_the_server_does() {
    let server = server().await;
    let browser = Browser::sign_in(&server).await;
    let session = server.sign_in("ada", DeviceKind::Desktop).await;
    let (_stream, _) = server.connect(&session, None).await;
    let health = browser.get("/admin/api/health").await;
    assert_eq!(
        (&health["streams"], &health["accounts"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        health["disk_free_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
}

#[tokio::test]
async fn the_pages_files_may_load_nothing_from_elsewhere() {
    let server = Server::start().await;
    for file in [
        "",
        "accounts.js",
        "api.js",
        "app.js",
        "dialogs.js",
        "elements.js",
        "health.js",
        "messages.js",
        "publishers.js",
        "topics.js",
        "view.js",
        "views.js",
        "words.js",
        "base.css",
        "style.css",
        "icon.svg",
    ] {
        let answer = server
            .request(Method::GET, &format!("/admin/{file}"), &[], "")
            .await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(!answer.body.is_empty());
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
    }
    for nothing in [
        "/admin/nothing.js",
        "/admin/..%2fapp.js",
        "/admin/api/nothing",
    ] {
        let answer = server.request(Method::GET, nothing, &[], "").await;
        assert_eq!(answer.problem(), (404, "not_found".to_owned()), "{nothing}");
    }
    assert_eq!(
        server
            .request(Method::GET, "/admin", &[], "")
            .await
            .header("location"),
        "/admin/"
    );
}
