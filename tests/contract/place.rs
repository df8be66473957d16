//! A server somewhere, and who talks to it: JSON over HTTP and WebSocket, and nothing else.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener as Listener, TcpStream as Socket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use system_tests::server::Server;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message as Wire};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use ureq::http::HeaderMap;

/// Anything that takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "battery staple";

/// The server at `HITHER_CONTRACT_URL`, whose administrator is `HITHER_CONTRACT_ADMIN`
/// (`NAME:PASSWORD`), or one that is started for the test.
pub(crate) struct Place {
    url: String,
    cookie: String,
    own: Option<(Server, TempDir)>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    cookie: String,
    headers: HeaderMap,
}

impl Answer {
    /// Status and code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
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
        server.add_administrator("root", PASSWORD);
        let url = server.url().to_owned();
        Self::administered(&url, Some((server, folder)), "root", PASSWORD)
    }

    fn administered(url: &str, own: Option<(Server, TempDir)>, name: &str, password: &str) -> Self {
        let mut place = Self {
            url: url.trim_end_matches('/').to_owned(),
            cookie: String::new(),
            own,
        };
        let body = json!({ "account": name, "password": password });
        let answer = place.ask("POST", "/admin/session", None, Some(&body));
        place.cookie.clone_from(&answer.cookie);
        answer.is(201);
        place
    }

    /// What an operator does with the server's own commands, on one that the test started.
    pub(crate) fn operate(&self, command: &[&str]) -> Value {
        let (server, _) = self.own.as_ref().expect("a server of the test's own");
        server.administer(command)
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
        for (name, value) in headers
            .iter()
            .copied()
            .chain(authorization.map(|value| ("authorization", value)))
        {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut answer = agent.run(request.body(text).unwrap()).unwrap();
        let cookie = answer.headers().get("set-cookie");
        let cookie = cookie.map_or("", |value| value.to_str().unwrap());
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let headers = answer.headers().clone();
        let said = answer.body_mut().read_to_string().unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: serde_json::from_str(&said).unwrap_or(Value::String(said)),
            cookie,
            headers,
        }
    }

    /// A new account.
    pub(crate) fn person(&self) -> Person<'_> {
        let name = format!("p{:016x}", fastrand::u64(..));
        let body = json!({ "name": name, "password": PASSWORD });
        self.ask("POST", "/admin/api/accounts", None, Some(&body))
            .is(201);
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
        let url = format!("{}/v1/stream", self.url.replacen("http", "ws", 1));
        let request =
            ClientRequestBuilder::new(url.parse().unwrap()).with_sub_protocol("hither.v1");
        let (wire, _) = timeout(PATIENCE, connect_async(request))
            .await
            .unwrap()
            .unwrap();
        Stream { wire }
    }
}

/// Where a publisher listens: takes everything that is posted.
pub(crate) struct Hook {
    url: String,
    posted: Receiver<Value>,
}

impl Hook {
    pub(crate) fn open() -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, posted) = channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                if sender.send(taken(&socket.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { url, posted }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The next event.
    pub(crate) fn next(&self) -> Value {
        self.posted.recv_timeout(PATIENCE).expect("an event")
    }
}

/// What one request posts; it is answered 204.
fn taken(mut socket: &Socket) -> Value {
    let mut reading = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body).unwrap();
    socket
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .unwrap();
    serde_json::from_slice(&body).unwrap()
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
    pub(crate) kind: &'static str,
    pub(crate) application: &'static str,
    pub(crate) version: &'static str,
}

pub(crate) const DESK: Device = Device {
    id: None,
    kind: "desktop",
    application: "hither",
    version: "0.1.0",
};

impl<'a> Person<'a> {
    pub(crate) fn try_sign_in(&self, password: &str, device: &Device) -> Answer {
        let body = self.credentials(password, device);
        self.place.ask("POST", "/v1/sessions", None, Some(&body))
    }

    fn credentials(&self, password: &str, device: &Device) -> Value {
        json!({
            "account": self.name, "password": password,
            "device": { "id": device.id, "name": "A device", "platform": "linux", "kind": device.kind },
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
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.place.ask(method, path, Some(&bearer), body)
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
