//! A server somewhere, and who talks to it: JSON over HTTP and WebSocket, and nothing else.

use std::env;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use system_tests::server::Server;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error as Failed, Message as Wire};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use ureq::Body;
use ureq::http::Response;

use crate::answer::{Answer, Lines};

/// Anything that takes longer than this is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PASSWORD: &str = "battery staple";
/// Who administers a server that a test started.
const ROOT: &str = "root";

/// The server at `HITHER_CONTRACT_URL`, whose administrator is `HITHER_CONTRACT_ADMIN`
/// (`NAME:PASSWORD`), or one that is started for the test.
pub(crate) struct Place {
    url: String,
    cookie: String,
    own: Option<(Server, TempDir)>,
}

impl Place {
    pub(crate) fn find() -> Self {
        if let Ok(url) = env::var("HITHER_CONTRACT_URL") {
            let admin =
                env::var("HITHER_CONTRACT_ADMIN").expect("NAME:PASSWORD of an administrator");
            let (name, password) = admin.split_once(':').expect("NAME:PASSWORD");
            return Self::administered(&url, None, name, password);
        }
        Self::own(&[])
    }

    /// One that is started for the test, with settings as variables.
    pub(crate) fn own(settings: &[(&'static str, &str)]) -> Self {
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| (*name, (*value).to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with(folder.path(), settings.collect());
        server.add_administrator(ROOT, PASSWORD);
        let url = server.url().to_owned();
        Self::administered(&url, Some((server, folder)), ROOT, PASSWORD)
    }

    fn administered(url: &str, own: Option<(Server, TempDir)>, name: &str, password: &str) -> Self {
        let mut place = Self {
            url: url.trim_end_matches('/').to_owned(),
            cookie: String::new(),
            own,
        };
        let body = json!({ "account": name, "password": password });
        let answer = place.ask("POST", "/admin/session", None, Some(&body));
        answer.cookie().clone_into(&mut place.cookie);
        answer.is(201);
        place
    }

    /// What an operator does with the server's own commands, on one that the test started.
    pub(crate) fn operate(&self, command: &[&str]) -> Value {
        let (server, _) = self.own.as_ref().expect("a server of the test's own");
        server.administer(command)
    }

    /// Kills and starts again the server that the test started.
    pub(crate) fn restart(&mut self) {
        let (server, _) = self.own.as_mut().expect("a server of the test's own");
        server.restart();
    }

    /// Asks the server that the test started to stop, and waits for it.
    pub(crate) fn stop(mut self) {
        let (server, _) = self.own.as_mut().expect("a server of the test's own");
        server.stop();
    }

    /// What a browser names as the origin of the server's own pages.
    pub(crate) fn origin(&self) -> &str {
        &self.url
    }

    /// Asks, with the value of an `Authorization` header if there is one.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        self.ask_with(method, path, authorization, &[], body)
    }

    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut all = headers.to_vec();
        all.extend(authorization.map(|value| ("authorization", value)));
        all.extend(body.map(|_| ("content-type", "application/json")));
        let text = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, &all, text.into_bytes())
    }

    /// Asks with a body of any kind; what it is, the headers say.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        Answer::of(self.run(method, path, headers, body))
    }

    /// Asks for something that comes line by line, as long as somebody reads it.
    #[track_caller]
    pub(crate) fn lines(&self, path: &str, authorization: &str) -> Lines {
        let headers = [("authorization", authorization)];
        let answer = self.run("GET", path, &headers, Vec::new());
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        Lines::of(answer)
    }

    fn run(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<Body> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if path.starts_with("/admin/") {
            request = request.header("cookie", &self.cookie);
            request = request.header("origin", &self.url);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        agent.run(request.body(body).unwrap()).unwrap()
    }

    /// A new account.
    pub(crate) fn person(&self) -> Person<'_> {
        let name = format!("p{:016x}", fastrand::u64(..));
        let body = json!({ "name": name, "password": PASSWORD });
        self.ask("POST", "/admin/api/accounts", None, Some(&body))
            .is(201);
        Person { place: self, name }
    }

    /// The administrator of a server that the test started.
    pub(crate) fn administrator(&self) -> Person<'_> {
        assert!(self.own.is_some(), "a server of the test's own");
        let name = ROOT.to_owned();
        Person { place: self, name }
    }

    /// A new publisher.
    pub(crate) fn publisher(&self) -> Publisher<'_> {
        let body = json!({ "name": "Contract" });
        let made = self
            .ask("POST", "/admin/api/publishers", None, Some(&body))
            .is(201);
        Publisher::of(self, &made)
    }

    /// Opens a stream and says nothing yet.
    pub(crate) async fn open(&self) -> Stream {
        self.upgrade("/v1/stream", &[]).await.unwrap()
    }

    /// Opens a WebSocket, or answers the status with which that is refused.
    pub(crate) async fn upgrade(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Stream, u16> {
        let url = format!("{}{path}", self.url.replacen("http", "ws", 1));
        let mut request = ClientRequestBuilder::new(url.parse().unwrap());
        // Only Hither's own knows it; a client that names one must get it.
        if path == "/v1/stream" {
            request = request.with_sub_protocol("hither.v1");
        }
        for (name, value) in headers {
            request = request.with_header(*name, *value);
        }
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((wire, _)) => Ok(Stream { wire }),
            Err(Failed::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

/// Who publishes.
pub(crate) struct Publisher<'a> {
    place: &'a Place,
    pub(crate) id: String,
    pub(crate) bearer: String,
}

impl<'a> Publisher<'a> {
    /// With the id and secret of an answer.
    pub(crate) fn of(place: &'a Place, made: &Value) -> Self {
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Self {
            place,
            id: text("id"),
            bearer: format!("Bearer {}.{}", text("id"), text("secret")),
        }
    }

    /// `ID.SECRET`
    pub(crate) fn token(&self) -> &str {
        self.bearer.strip_prefix("Bearer ").unwrap()
    }

    pub(crate) fn try_publish(&self, message: &Value) -> Answer {
        self.place
            .ask("POST", "/v1/messages", Some(&self.bearer), Some(message))
    }

    /// Publishes and answers the whole 201.
    #[track_caller]
    pub(crate) fn publish(&self, message: &Value) -> Value {
        self.try_publish(message).is(201)
    }

    #[track_caller]
    pub(crate) fn send(&self, to: &Person<'_>, title: &str) -> Value {
        self.publish(&json!({ "to": { "accounts": [to.name] }, "title": title }))
    }
}

/// An account.
pub(crate) struct Person<'a> {
    place: &'a Place,
    pub(crate) name: String,
}

/// A device with an application on it, about to sign in.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: Option<String>,
    pub(crate) platform: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) application: &'static str,
    pub(crate) version: &'static str,
}

pub(crate) const DESK: Device = Device {
    id: None,
    platform: "linux",
    kind: "desktop",
    application: "hither",
    version: "0.1.0",
};

impl<'a> Person<'a> {
    pub(crate) fn try_sign_in(&self, password: &str, device: &Device) -> Answer {
        let body = self.credentials(password, device);
        self.place.ask("POST", "/v1/sessions", None, Some(&body))
    }

    pub(crate) fn credentials(&self, password: &str, device: &Device) -> Value {
        json!({
            "account": self.name, "password": password,
            "device": { "id": device.id, "name": "A device", "platform": device.platform, "kind": device.kind },
            "application": { "name": device.application, "version": device.version },
        })
    }

    #[track_caller]
    pub(crate) fn sign_in(&self, device: &Device) -> Client<'a> {
        let session = self.try_sign_in(PASSWORD, device).is(201);
        self.client(device, &session)
    }

    /// On a device where somebody is signed in, whose token the headers carry.
    #[track_caller]
    pub(crate) fn sign_in_after(&self, device: &Device, headers: &[(&str, &str)]) -> Client<'a> {
        let body = self.credentials(PASSWORD, device);
        let answer = self
            .place
            .ask_with("POST", "/v1/sessions", None, headers, Some(&body));
        self.client(device, &answer.is(201))
    }

    fn client(&self, device: &Device, session: &Value) -> Client<'a> {
        let text = |field: &str| session[field].as_str().unwrap().to_owned();
        Client {
            place: self.place,
            token: text("access_token"),
            device_id: text("device_id"),
            message_token: text("message_token"),
            info: json!({ "name": device.application, "version": device.version }),
        }
    }
}

/// A signed-in client.
pub(crate) struct Client<'a> {
    place: &'a Place,
    pub(crate) token: String,
    pub(crate) device_id: String,
    pub(crate) message_token: String,
    pub(crate) info: Value,
}

impl Client<'_> {
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_with(method, path, &[], body)
    }

    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let bearer = self.bearer();
        self.place
            .ask_with(method, path, Some(&bearer), headers, body)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).is(200)
    }

    /// Those of its messages, oldest first.
    #[track_caller]
    pub(crate) fn titles(&self) -> Vec<String> {
        let page = self.get("/v1/messages");
        let messages = page["messages"].as_array().unwrap().iter();
        messages
            .map(|message| message["title"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn hello(&self, cursor: Option<&str>) -> Value {
        json!({ "type": "hello", "access_token": self.token, "cursor": cursor, "client": self.info })
    }

    /// Connects, and reads to the end of the backlog.
    pub(crate) async fn connect(&self, cursor: Option<&str>) -> (Stream, Backlog) {
        let mut stream = self.place.open().await;
        stream.say(&self.hello(cursor)).await;
        let welcome = stream.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        let mut frames = Vec::new();
        loop {
            let frame = stream.next().await;
            if frame["type"] == "synced" {
                let cursor = frame["cursor"].as_str().unwrap().to_owned();
                return (stream, Backlog { frames, cursor });
            }
            frames.push(frame);
        }
    }
}

/// What came before `synced`.
#[derive(Debug)]
pub(crate) struct Backlog {
    pub(crate) frames: Vec<Value>,
    pub(crate) cursor: String,
}

impl Backlog {
    pub(crate) fn titles(&self) -> Vec<&str> {
        let messages = self
            .frames
            .iter()
            .filter(|frame| frame["type"] == "message");
        messages
            .filter_map(|frame| frame["message"]["title"].as_str())
            .collect()
    }
}

/// An open stream.
pub(crate) struct Stream {
    wire: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Stream {
    pub(crate) async fn say(&mut self, frame: &Value) {
        self.say_raw(&frame.to_string()).await;
    }

    pub(crate) async fn say_raw(&mut self, text: &str) {
        // The server may have closed already; the next frame tells.
        let _ = timeout(PATIENCE, self.wire.send(Wire::text(text)))
            .await
            .unwrap();
    }

    /// The next frame, or the code with which the stream ended.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.wire.next())
                .await
                .expect("something in time")
            {
                Some(Ok(Wire::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Wire::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Value {
        let next = self.next_or_close().await;
        next.unwrap_or_else(|code| panic!("closed with {code:?} instead of a frame"))
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code with which it ends.
    pub(crate) async fn code(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next_or_close().await {
                return code;
            }
        }
    }

    /// What comes until everything said before has taken effect.
    pub(crate) async fn ping(&mut self) -> Vec<Value> {
        self.say(&json!({ "type": "ping" })).await;
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                pong if pong["type"] == "pong" => return frames,
                frame => frames.push(frame),
            }
        }
    }
}
