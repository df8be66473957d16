//! A real server, its accounts and its publishers.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hither_protocol::{MessageId, PublishRequest, Published, Recipients, UploadRef, Uploaded};
use serde_json::Value;
use ureq::http::HeaderMap;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::SOON;
use crate::program::{Process, program};

/// A server on loopback with a data folder of its own. Killed and restarted, it keeps both folder
/// and address.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    url: String,
    settings: Vec<(&'static str, String)>,
    log: Option<PathBuf>,
    process: Option<Process>,
}

impl Server {
    /// Starts one on a free port, with its data in `data`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, Vec::new())
    }

    /// [`Server::start`] with settings, as variables.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(data: &Path, settings: Vec<(&'static str, String)>) -> Self {
        Self::new(data, settings, None, "127.0.0.1:0")
    }

    /// [`Server::start_with`] on a free port of another address than loopback.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_on(address: &str, data: &Path, settings: Vec<(&'static str, String)>) -> Self {
        Self::new(data, settings, None, &format!("{address}:0"))
    }

    /// [`Server::start_with`] with its log in a file.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_logging(data: &Path, settings: Vec<(&'static str, String)>, log: &Path) -> Self {
        Self::new(data, settings, Some(log.to_owned()), "127.0.0.1:0")
    }

    fn new(
        data: &Path,
        settings: Vec<(&'static str, String)>,
        log: Option<PathBuf>,
        listen: &str,
    ) -> Self {
        let mut server = Self {
            settings,
            log,
            data: data.to_owned(),
            url: format!("http://{listen}"),
            process: None,
        };
        server.restart();
        server
    }

    /// Starts it again at the same address; it serves when this returns.
    ///
    /// # Panics
    /// When it does not.
    pub fn restart(&mut self) {
        self.process = None;
        let (_, address) = self.url.split_once("://").expect("a URL");
        let mut serve = self.command(&["serve", "--json", "--listen", address]);
        if let Some(log) = &self.log {
            let log = OpenOptions::new().create(true).append(true).open(log);
            serve.stderr(log.expect("a place for the log"));
        }
        let mut process = Process::start(&mut serve);
        let mut lines = process.lines().expect("its output is ours");
        let line = lines.next().expect("the server says where it listens");
        let said: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        said["listening"]
            .as_str()
            .expect("an address")
            .clone_into(&mut self.url);
        self.process = Some(process);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks it to stop and waits for it.
    ///
    /// # Panics
    /// When it does not stop well.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        assert!(process.terminate(), "the server did not stop well");
    }

    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its data is.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Makes an account.
    ///
    /// # Panics
    /// When the command fails.
    pub fn add_account(&self, name: &str, password: &str) {
        self.ask(&["account", "add", name, "--password-stdin"], password);
    }

    /// Makes an account that may administer the server.
    ///
    /// # Panics
    /// When the command fails.
    pub fn add_administrator(&self, name: &str, password: &str) {
        let command = ["account", "add", name, "--admin", "--password-stdin"];
        self.ask(&command, password);
    }

    /// Makes a publisher.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn add_publisher(&self, name: &str) -> Publisher {
        let made = self.ask(&["publisher", "add", name], "");
        let text = |field: &str| made[field].as_str().expect("id and secret").to_owned();
        Publisher {
            token: format!("{}.{}", text("id"), text("secret")),
            url: self.url.clone(),
            authority: None,
        }
    }

    /// Runs an administrator's command.
    ///
    /// # Panics
    /// When the command fails.
    #[must_use]
    pub fn administer(&self, command: &[&str]) -> Value {
        self.ask(command, "")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program("hither-server");
        command.args(arguments).arg("--data").arg(&self.data);
        command.env("HITHER_LOG", "warn");
        // Histories hold what a test publishes, unless the test itself says otherwise.
        command.env("HITHER_ANNOUNCE_SIGN_INS", "false");
        command.envs(self.settings.iter().cloned());
        command
    }

    /// Runs an administrator's command and reads its answer.
    fn ask(&self, arguments: &[&str], input: &str) -> Value {
        let mut child = self
            .command(arguments)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server's command line starts");
        let mut stdin = child.stdin.take().expect("its input is ours");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?} failed");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

/// Who publishes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Publisher {
    token: String,
    url: String,
    authority: Option<Certificate<'static>>,
}

impl Publisher {
    /// `app-` and 16 digits.
    #[must_use]
    pub fn id(&self) -> &str {
        self.token.split_once('.').map_or("", |(id, _)| id)
    }

    /// Its secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.token.split_once('.').map_or("", |(_, secret)| secret)
    }

    /// `ID.SECRET`
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// `ID:SECRET`
    #[must_use]
    pub fn pair(&self) -> String {
        self.token.replacen('.', ":", 1)
    }

    /// Publishes under an idempotency key, again and again until the server says that it is
    /// stored.
    ///
    /// # Panics
    /// When the server refuses it for good, or says nothing for a long time.
    #[must_use]
    pub fn publish(&self, key: &str, request: &PublishRequest) -> MessageId {
        let begun = Instant::now();
        loop {
            match self.try_publish(key, request) {
                Ok(id) => return id,
                Err(why) => assert!(begun.elapsed() < SOON, "{key} not accepted: {why}"),
            }
            // A server that is down refuses at once; it is given a moment to come back.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Uploads a file and answers what names it in a publish.
    ///
    /// # Panics
    /// When the server refuses it.
    #[must_use]
    pub fn upload(&self, name: &str, content: &[u8]) -> UploadRef {
        let answer = self
            .agent()
            .post(format!("{}/v1/attachments?name={name}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .send(content);
        let uploaded: Uploaded = answer
            .and_then(|mut answer| answer.body_mut().read_json())
            .expect("the upload is accepted");
        UploadRef {
            id: uploaded.id,
            name: None,
        }
    }

    /// The same one, who believes this authority and no other.
    ///
    /// # Panics
    /// When that is no certificate.
    #[must_use]
    pub fn trusting(mut self, authority: &str) -> Self {
        let authority = Certificate::from_pem(authority.as_bytes()).expect("a certificate");
        self.authority = Some(authority);
        self
    }

    /// The same one, who knows the server by another address.
    #[must_use]
    pub fn through(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// Asks for something; the status and headers of the answer.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn get(&self, path: &str) -> (u16, HeaderMap) {
        self.get_with(path, ("accept", "*/*"))
    }

    /// [`Publisher::get`] with one more header.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn get_with(&self, path: &str, header: (&str, &str)) -> (u16, HeaderMap) {
        let request = self.agent().get(format!("{}{path}", self.url));
        let answer = request
            .header(header.0, header.1)
            .call()
            .expect("an answer");
        (answer.status().as_u16(), answer.headers().clone())
    }

    /// Publishes something that is refused.
    ///
    /// # Panics
    /// When it is not.
    pub fn post_nonsense(&self, body: &str) {
        let request = self.agent().post(format!("{}/v1/messages", self.url));
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.header("content-type", "application/json");
        let answer = request.send(body).expect("an answer");
        assert!(answer.status().is_client_error(), "{body} was taken");
    }

    /// How it asks the server: believing whom it believes.
    #[must_use]
    pub fn agent(&self) -> ureq::Agent {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(SOON))
            .proxy(None);
        if let Some(authority) = &self.authority {
            let roots = RootCerts::new_with_certs(std::slice::from_ref(authority));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        config.build().into()
    }

    fn try_publish(&self, key: &str, request: &PublishRequest) -> Result<MessageId, String> {
        let mut answer = self
            .agent()
            .post(format!("{}/v1/messages", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("idempotency-key", key)
            .send_json(request)
            .map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .read_to_string()
            .map_err(|error| error.to_string())?;
        assert!(
            status == 201 || status == 429 || status >= 500,
            "{key} refused with {status}: {body}"
        );
        if status != 201 {
            return Err(format!("status {status}: {body}"));
        }
        let published: Published =
            serde_json::from_str(&body).map_err(|error| error.to_string())?;
        Ok(published.id)
    }
}

/// A plain message for one account.
#[must_use]
pub fn plain(to: &str, title: &str) -> PublishRequest {
    PublishRequest {
        to: Recipients {
            accounts: vec![to.to_owned()],
            ..Recipients::default()
        },
        title: title.to_owned(),
        ..PublishRequest::default()
    }
}
