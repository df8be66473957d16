//! A server, and clients that talk to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use futures_util::{SinkExt, StreamExt};
use hither_protocol::{
    AccessToken, AccountName, ClientFrame, ClientInfo, CloseCode, Cursor, DeviceKind, Message,
    MessageId, Presence, PresenceState, ServerFrame, Session, Timestamp,
};
use hither_server::secret;
use hither_server::store::{
    AccountRecord, Clock, DataFolder, PublisherRecord, Publishers, SqliteStore, Store, system_clock,
};
use hither_server::{MetricsAccess, ServeError, Settings, serve};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message as Wire};
use tokio_tungstenite::{WebSocketStream, client_async};

/// Anything that takes longer than this is broken.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at what is waited for.
const INTERVAL: Duration = Duration::from_millis(20);
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const SECRET: &str = "hither_ps_test";
pub(crate) const PUBLISHER: &str = "app-0000000000000001";

/// A running server with the accounts `ada` and `bob` and one publisher.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<SqliteStore>,
    settings: Settings,
    folder: TempDir,
    clock: Clock,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        (self.status, problem["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// One that tells nobody of sign-ins, so that logs hold only what a test publishes.
    pub(crate) async fn with(settings: Settings) -> Self {
        Self::with_clock(settings, system_clock()).await
    }

    /// One whose store takes its time from a test.
    pub(crate) async fn with_clock(settings: Settings, clock: Clock) -> Self {
        Self::begin(settings, tempfile::tempdir().unwrap(), clock).await
    }

    pub(crate) async fn with_folder(settings: Settings, folder: TempDir) -> Self {
        Self::begin(settings, folder, system_clock()).await
    }

    async fn begin(settings: Settings, folder: TempDir, clock: Clock) -> Self {
        let settings = Settings {
            announce_sign_ins: false,
            ..settings
        };
        Self::set_up(settings, folder, clock).await
    }

    pub(crate) async fn with_settings(settings: Settings, clock: Clock) -> Self {
        Self::set_up(settings, tempfile::tempdir().unwrap(), clock).await
    }

    async fn set_up(settings: Settings, folder: TempDir, clock: Clock) -> Self {
        let server = Self::run(settings, folder, clock).await;
        for name in ["ada", "bob"] {
            server.store.add_account(account(name)).await.unwrap();
        }
        let publisher = PublisherRecord::new(
            PUBLISHER.parse().unwrap(),
            "Tests".to_owned(),
            vec![secret::hash(SECRET)],
            Timestamp::now(),
        );
        server.store.add_publisher(publisher).await.unwrap();
        server
    }

    pub(crate) async fn run(settings: Settings, folder: TempDir, clock: Clock) -> Self {
        let data = DataFolder::lock(folder.path()).unwrap();
        let store = Arc::new(SqliteStore::open(data, Arc::clone(&clock)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = serve(settings.clone(), store.clone(), listener, async {
            let _ = stopped.await;
        });
        Self {
            address,
            store,
            settings,
            folder,
            clock,
            stop,
            task: tokio::spawn(serving),
        }
    }

    /// Stops it, and answers what is left to start again.
    pub(crate) async fn stop(self) -> (Settings, TempDir) {
        self.stop.send(()).unwrap();
        let served = timeout(PATIENCE, self.task).await.expect("stops");
        served.unwrap().unwrap();
        self.store.close().await;
        (self.settings, self.folder)
    }

    /// Waits until it ends by itself.
    pub(crate) async fn fails(self) -> ServeError {
        let served = timeout(PATIENCE, self.task).await.expect("ends");
        served.unwrap().unwrap_err()
    }

    /// Stops it and starts it again on the same data, at another port.
    pub(crate) async fn restart(self) -> Self {
        let clock = Arc::clone(&self.clock);
        let (settings, folder) = self.stop().await;
        Self::run(settings, folder, clock).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = timeout(PATIENCE, client.request(request))
            .await
            .expect("an answer")
            .unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// What its metrics say: name and labels, value.
    pub(crate) async fn samples(&self) -> BTreeMap<String, f64> {
        let answer = self.request(Method::GET, "/metrics", &[], "").await;
        assert_eq!(answer.status, 200);
        let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        samples.collect()
    }

    /// Waits until one of its metrics is as wanted.
    pub(crate) async fn wait_for_sample(&self, name: &str, wanted: impl Fn(f64) -> bool) {
        until(name, async || {
            let value = self.samples().await.get(name).copied();
            value.filter(|value| wanted(*value))
        })
        .await;
    }

    /// The database, past the store.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("hither.db")).unwrap()
    }

    pub(crate) async fn get(&self, path: &str, session: &Session) -> Answer {
        let bearer = bearer(session);
        self.request(Method::GET, path, &[("authorization", &bearer)], "")
            .await
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.request(Method::POST, path, &all, body.to_string())
            .await
    }

    pub(crate) async fn sign_in(&self, account: &str, kind: DeviceKind) -> Session {
        self.sign_in_with(&credentials(account, kind)).await
    }

    pub(crate) async fn sign_in_with(&self, credentials: &Value) -> Session {
        let answer = self.post("/v1/sessions", &[], credentials).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// A sign-in on a device where somebody is signed in.
    pub(crate) async fn sign_in_after(&self, credentials: &Value, before: &Session) -> Session {
        let token = format!("Bearer {}", before.access_token.expose());
        let headers = [("authorization", token.as_str())];
        let answer = self.post("/v1/sessions", &headers, credentials).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) async fn publish(&self, body: &Value) -> Answer {
        self.publish_with(&[], body).await
    }

    pub(crate) async fn publish_with(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        let token = format!("Bearer {PUBLISHER}.{SECRET}");
        let mut all = vec![("authorization", token.as_str())];
        all.extend_from_slice(headers);
        self.post("/v1/messages", &all, body).await
    }

    /// Publishes where the server may be about to stop; the status, if there is an answer.
    pub(crate) fn try_publish(&self, body: &Value) -> impl Future<Output = Option<u16>> + use<> {
        let request = Request::post(format!("http://{}/v1/messages", self.address))
            .header("authorization", format!("Bearer {PUBLISHER}.{SECRET}"))
            .header("content-type", "application/json")
            .body(Full::<Bytes>::new(body.to_string().into()))
            .unwrap();
        async {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let answer = client.request(request).await.ok()?;
            Some(answer.status().as_u16())
        }
    }

    /// Publishes a message to an account.
    pub(crate) async fn send(&self, account: &str, title: &str) -> MessageId {
        self.send_as(&json!({ "to": { "accounts": [account] }, "title": title }))
            .await
    }

    pub(crate) async fn send_as(&self, body: &Value) -> MessageId {
        let answer = self.publish(body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().parse().unwrap()
    }

    /// Opens a stream and says nothing yet.
    pub(crate) async fn open(&self) -> Stream {
        let socket = TcpStream::connect(self.address).await.unwrap();
        self.upgrade(socket).await
    }

    /// Opens a stream for another address, as a proxy does.
    pub(crate) async fn open_for(&self, address: &str) -> Stream {
        let socket = TcpStream::connect(self.address).await.unwrap();
        let request = self
            .stream_request()
            .with_header("x-forwarded-for", address);
        self.upgrade_with(request, socket).await
    }

    fn stream_request(&self) -> ClientRequestBuilder {
        let url = format!("ws://{}/v1/stream", self.address).parse().unwrap();
        ClientRequestBuilder::new(url).with_sub_protocol("hither.v1")
    }

    async fn upgrade(&self, socket: TcpStream) -> Stream {
        self.upgrade_with(self.stream_request(), socket).await
    }

    async fn upgrade_with(&self, request: ClientRequestBuilder, socket: TcpStream) -> Stream {
        let (wire, _) = timeout(PATIENCE, client_async(request, socket))
            .await
            .expect("an upgrade")
            .unwrap();
        Stream { wire }
    }

    /// Opens a stream that can keep little that was not read.
    pub(crate) async fn open_small(&self) -> Stream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        self.upgrade(socket.connect(self.address).await.unwrap())
            .await
    }

    /// Connects and reads the backlog.
    pub(crate) async fn connect(
        &self,
        session: &Session,
        cursor: Option<Cursor>,
    ) -> (Stream, Backlog) {
        self.connect_as(session, cursor, None).await
    }

    /// Connects a desktop at which a person is, or is not.
    pub(crate) async fn connect_desktop(&self, session: &Session, state: PresenceState) -> Stream {
        let presence = Some(presence(state));
        self.connect_as(session, None, presence).await.0
    }

    /// Connects as an application of some version.
    pub(crate) async fn connect_version(
        &self,
        session: &Session,
        cursor: Option<Cursor>,
        application: &str,
        version: &str,
    ) -> (Stream, Backlog) {
        let mut stream = self.open().await;
        let hello = ClientFrame::Hello {
            access_token: Some(session.access_token.clone()),
            cursor,
            client: ClientInfo {
                name: application.to_owned(),
                version: version.to_owned(),
            },
            presence: None,
        };
        stream.say(&hello).await;
        let backlog = stream.backlog().await;
        (stream, backlog)
    }

    pub(crate) async fn connect_as(
        &self,
        session: &Session,
        cursor: Option<Cursor>,
        presence: Option<Presence>,
    ) -> (Stream, Backlog) {
        let mut stream = self.open().await;
        stream.say(&hello(session, cursor, presence)).await;
        let backlog = stream.backlog().await;
        (stream, backlog)
    }

    /// Opens a WebSocket that carries lines of ntfy's.
    pub(crate) async fn web_socket(&self, path: &str, credentials: &str) -> Stream {
        let url = format!("ws://{}{path}", self.address).parse().unwrap();
        let request = ClientRequestBuilder::new(url).with_header("authorization", credentials);
        let socket = TcpStream::connect(self.address).await.unwrap();
        let (wire, _) = timeout(PATIENCE, client_async(request, socket))
            .await
            .expect("an upgrade")
            .unwrap();
        Stream { wire }
    }

    /// Where a cursor points.
    pub(crate) fn position(&self, account: &str, cursor: &Cursor) -> u64 {
        let account: AccountName = account.parse().unwrap();
        let head = hither_server::store::Position(u64::MAX);
        self.store
            .cursors()
            .parse(&account, cursor, head)
            .unwrap()
            .0
    }
}

/// What came before `synced`.
#[derive(Debug)]
pub(crate) struct Backlog {
    pub(crate) frames: Vec<ServerFrame>,
    pub(crate) cursor: Cursor,
}

impl Backlog {
    pub(crate) fn titles(&self) -> Vec<&str> {
        self.messages()
            .map(|message| message.title.as_str())
            .collect()
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.frames.iter().filter_map(|frame| match frame {
            ServerFrame::Message { message, .. } => Some(&**message),
            _ => None,
        })
    }
}

/// An answer that comes line by line.
pub(crate) struct Lines {
    wire: BufReader<TcpStream>,
}

impl Lines {
    pub(crate) async fn open(server: &Server, path: &str, credentials: &str) -> Self {
        let socket = TcpStream::connect(server.address).await.unwrap();
        Self::begin(socket, path, credentials).await
    }

    /// One that can keep little that was not read.
    pub(crate) async fn open_small(server: &Server, path: &str, credentials: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let socket = socket.connect(server.address).await.unwrap();
        Self::begin(socket, path, credentials).await
    }

    async fn begin(mut socket: TcpStream, path: &str, credentials: &str) -> Self {
        // Version 1.0, whose bodies are not in chunks.
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: {credentials}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut lines = Self {
            wire: BufReader::new(socket),
        };
        let status = lines.line().await;
        assert!(status.contains("200"), "{path}: {status}");
        while !lines.line().await.is_empty() {}
        lines
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> String {
        self.next_line().await.expect("not the end")
    }

    /// The next line, as JSON.
    pub(crate) async fn event(&mut self) -> Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    /// Reads to the end.
    pub(crate) async fn end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(line) = self.next_line().await {
            events.push(serde_json::from_str(&line).unwrap());
        }
        events
    }

    /// How many bytes came before the server cut it off.
    pub(crate) async fn until_cut_off(mut self) -> usize {
        let mut bytes = Vec::new();
        let read = self.wire.read_to_end(&mut bytes);
        // Cut off between two lines or within one.
        let _ = timeout(PATIENCE, read).await.expect("an end in time");
        bytes.len()
    }

    async fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.wire.read_line(&mut line);
        timeout(PATIENCE, read)
            .await
            .expect("a line in time")
            .unwrap();
        let line = line.strip_suffix('\n')?;
        Some(line.trim_end_matches('\r').to_owned())
    }
}

/// An open stream, as a client has it.
pub(crate) struct Stream {
    wire: WebSocketStream<TcpStream>,
}

impl Stream {
    pub(crate) async fn say(&mut self, frame: &ClientFrame) {
        self.say_raw(Wire::text(frame.to_text())).await;
    }

    pub(crate) async fn say_raw(&mut self, wire: Wire) {
        timeout(PATIENCE, self.wire.send(wire))
            .await
            .expect("sent")
            .unwrap();
    }

    /// Says something that the server may not take any more.
    pub(crate) async fn try_say(&mut self, wire: Wire) {
        let _ = timeout(PATIENCE, self.wire.send(wire)).await.expect("sent");
    }

    /// The next text, as JSON.
    pub(crate) async fn event(&mut self) -> Value {
        loop {
            let next = timeout(PATIENCE, self.wire.next())
                .await
                .expect("something in time");
            if let Wire::Text(text) = next.expect("not the end").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> ServerFrame {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err(code) => panic!("closed with {code:?} instead of a frame"),
        }
    }

    /// The next frame, or the code with which the stream ended.
    pub(crate) async fn next_or_close(&mut self) -> Result<ServerFrame, Option<u16>> {
        loop {
            let next = timeout(PATIENCE, self.wire.next())
                .await
                .expect("something in time");
            match next {
                Some(Ok(Wire::Text(text))) => return Ok(ServerFrame::parse(&text).unwrap()),
                Some(Ok(Wire::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Reads to the end: the frames, and the code.
    pub(crate) async fn end(&mut self) -> (Vec<ServerFrame>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.next_or_close().await {
                Ok(frame) => frames.push(frame),
                Err(code) => return (frames, code),
            }
        }
    }

    /// Reads to the end and checks the code.
    pub(crate) async fn ends_with(&mut self, expected: CloseCode) -> Vec<ServerFrame> {
        let (frames, code) = self.end().await;
        assert_eq!(code, Some(expected as u16), "after {frames:?}");
        frames
    }

    /// Welcome, what was missed, and `synced`.
    pub(crate) async fn backlog(&mut self) -> Backlog {
        let welcome = self.next().await;
        assert!(
            matches!(welcome, ServerFrame::Welcome { .. }),
            "{welcome:?}"
        );
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                ServerFrame::Synced { cursor } => return Backlog { frames, cursor },
                frame => frames.push(frame),
            }
        }
    }

    /// What comes until everything said before has taken effect.
    pub(crate) async fn ping(&mut self) -> Vec<ServerFrame> {
        self.say(&ClientFrame::Ping {
            last_input_ms: None,
            echo: None,
        })
        .await;
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                ServerFrame::Pong { .. } => return frames,
                frame => frames.push(frame),
            }
        }
    }

    /// Reads on until the server asks for a sign of life, which it gets before anything said later.
    pub(crate) async fn probed(&mut self) {
        loop {
            let next = timeout(PATIENCE, self.wire.next())
                .await
                .expect("something in time");
            if let Wire::Ping(_) = next.expect("not the end").unwrap() {
                return;
            }
        }
    }

    /// Closes as a client that goes by itself.
    pub(crate) async fn close(mut self) {
        self.wire.close(None).await.unwrap();
        self.end().await;
    }
}

/// Looks again and again until it finds what it waits for.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.unwrap_or_else(|_| panic!("in vain: {what}"))
}

/// Settings of a server whose metrics anybody on this computer may read.
pub(crate) fn observed() -> Settings {
    Settings {
        metrics: MetricsAccess {
            on_main: true,
            token: None,
        },
        ..Settings::default()
    }
}

/// A pop-up that goes by itself.
pub(crate) fn shows(id: MessageId) -> ClientFrame {
    ClientFrame::Shown {
        ids: vec![id],
        stays: false,
    }
}

/// A reading that nobody measured.
pub(crate) fn says(presence: Presence) -> ClientFrame {
    ClientFrame::Presence {
        presence,
        echo: None,
    }
}

pub(crate) fn hello(
    session: &Session,
    cursor: Option<Cursor>,
    presence: Option<Presence>,
) -> ClientFrame {
    ClientFrame::Hello {
        access_token: Some(session.access_token.clone()),
        cursor,
        client: ClientInfo {
            name: "hither".to_owned(),
            version: "0.1.0".to_owned(),
        },
        presence,
    }
}

/// A hello with another token.
pub(crate) fn hello_with(token: Option<&str>) -> ClientFrame {
    ClientFrame::Hello {
        access_token: token.map(|token| AccessToken::new(token.to_owned())),
        cursor: None,
        client: ClientInfo {
            name: "hither".to_owned(),
            version: "0.1.0".to_owned(),
        },
        presence: None,
    }
}

pub(crate) fn presence(state: PresenceState) -> Presence {
    Presence {
        state,
        reason: None,
        last_input_ms: Some(0),
    }
}

pub(crate) fn bearer(session: &Session) -> String {
    format!("Bearer {}", session.access_token.expose())
}

pub(crate) fn credentials(account: &str, kind: DeviceKind) -> Value {
    json!({
        "account": account,
        "password": PASSWORD,
        "device": { "name": "A device", "platform": "linux", "kind": kind },
        "application": { "name": "hither", "version": "0.1.0" },
    })
}

/// A sign-in of an application on a device.
pub(crate) fn application(
    account: &str,
    name: &str,
    version: &str,
    device: Option<&Session>,
) -> Value {
    let mut credentials = credentials(account, DeviceKind::Desktop);
    credentials["application"] = json!({ "name": name, "version": version });
    if let Some(device) = device {
        credentials["device"]["id"] = json!(device.device_id);
    }
    credentials
}

pub(crate) fn account(name: &str) -> AccountRecord {
    let cheap = Params::new(8, 1, 1, None).unwrap();
    let phc = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap)
        .hash_password(PASSWORD.as_bytes())
        .unwrap()
        .to_string();
    AccountRecord {
        name: name.parse().unwrap(),
        password_hash: phc,
        admin: false,
        disabled_at: None,
        created_at: Timestamp::now(),
    }
}
