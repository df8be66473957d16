//! What goes over HTTP: signing in and out, what belongs to a message and is too large for a frame,
//! and what a person asks of the server. Blocking, for threads that may wait.

use core::error::Error;
use core::time::Duration;

use hither_engine::view::Password;
use hither_engine::{Config, SignInFailed, SignedIn};
use hither_protocol::{
    AccessToken, CreateSession, DeviceId, DeviceKind, DeviceRequest, ErrorCode, Problem, Session,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use crate::address;
use crate::trust::{self, Trust};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// For a file as large as the server allows, on a slow line.
const FILE_WITHIN: Duration = Duration::from_mins(30);

/// Of an H5 page; a larger one stays on the server.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Of what is asked about a message or an account: settings with 500 publishers, 50 steps.
const MAX_ASKED_BYTES: u64 = 1024 * 1024;

/// Of any other answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// A sign-in, ready to be sent.
pub(crate) struct SignIn {
    /// Normalised.
    pub(crate) server: String,
    pub(crate) request: CreateSession,
}

impl SignIn {
    /// Everything that can be found out without the network.
    pub(crate) fn new(
        config: &Config,
        server: &str,
        account: &str,
        password: Password,
    ) -> Result<Self, SignInFailed> {
        let server = address::normalise(server)
            .map_err(|error| SignInFailed::Unreachable(error.to_string()))?;
        let device = DeviceRequest {
            id: None,
            name: config.device_name.clone(),
            platform: config.platform.clone(),
            kind: DeviceKind::Desktop,
        };
        Ok(Self {
            server,
            request: CreateSession {
                account: account.trim().to_owned(),
                password: password.0,
                device,
                application: config.client.clone(),
            },
        })
    }

    /// Signs in as the device of an earlier sign-in.
    pub(crate) fn with_device(mut self, id: Option<DeviceId>) -> Self {
        self.request.device.id = id;
        self
    }

    /// Asks the server. Waits up to [`ANSWER_WITHIN`].
    pub(crate) fn send(self, trust: &Trust) -> Result<SignedIn, SignInFailed> {
        let Self { server, request } = self;
        let mut answer = agent(&server, trust)
            .map_err(SignInFailed::Unreachable)?
            .post(format!("{server}/v1/sessions"))
            .send_json(&request)
            .map_err(|error| SignInFailed::Unreachable(unreachable(&server, &error)))?;
        let status = answer.status().as_u16();
        if status != 201 {
            return Err(refused(&server, status, answer.body_mut()));
        }
        let session: Session = read_json(answer.body_mut()).ok_or_else(|| not_hither(&server))?;
        address::check_stream(&server, &session.stream_url)
            .map_err(|error| SignInFailed::Unexpected(error.to_string()))?;
        Ok(SignedIn {
            server,
            account: request.account,
            device_id: session.device_id,
            access_token: session.access_token,
            stream_url: session.stream_url,
        })
    }
}

/// Ends the session on the server; the token is dead where this arrives.
pub(crate) fn sign_out(account: &SignedIn, trust: &Trust) {
    let SignedIn {
        server,
        access_token,
        ..
    } = account;
    let agent = match agent(server, trust) {
        Ok(agent) => agent,
        Err(error) => return tracing::warn!(error, "the server did not hear of the sign-out"),
    };
    let answer = agent
        .delete(format!("{server}/v1/sessions/current"))
        .header("authorization", bearer(access_token))
        .call();
    match answer {
        Ok(answer) => tracing::info!(status = answer.status().as_u16(), "signed out"),
        Err(error) => tracing::warn!(%error, "the server did not hear of the sign-out"),
    }
}

/// Why something that belongs to a message was not fetched. The texts are for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchFailed {
    /// Do not try again.
    #[error("the server does not have it any more")]
    Gone,
    /// Try again later.
    #[error("{0}")]
    NotNow(String),
    /// Read it again: another device was faster.
    #[error("other devices change it all the time: try again in a moment")]
    Changed,
    /// Look at the disk.
    #[error("it cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

/// Fetches the H5 page of a message from a path on the account's own server.
pub(crate) fn page(account: &SignedIn, trust: &Trust, href: &str) -> Result<String, FetchFailed> {
    let agent = agent(&account.server, trust).map_err(FetchFailed::NotNow)?;
    let mut body = fetch(&agent, account, href)?;
    let reading = body.with_config().limit(MAX_PAGE_BYTES);
    reading
        .read_to_string()
        .map_err(|error| FetchFailed::NotNow(error.to_string()))
}

/// Fetches a file beside a message, of any size.
pub(crate) fn file(account: &SignedIn, trust: &Trust, href: &str) -> Result<Body, FetchFailed> {
    let agent = agent_within(&account.server, trust, FILE_WITHIN).map_err(FetchFailed::NotNow)?;
    fetch(&agent, account, href)
}

/// Asks the account's own server for something small.
pub(crate) fn ask<T: DeserializeOwned>(
    account: &SignedIn,
    trust: &Trust,
    path: &str,
) -> Result<T, FetchFailed> {
    Ok(ask_tagged(account, trust, path)?.0)
}

/// The same, and its entity tag, if it has one.
pub(crate) fn ask_tagged<T: DeserializeOwned>(
    account: &SignedIn,
    trust: &Trust,
    path: &str,
) -> Result<(T, Option<String>), FetchFailed> {
    let agent = agent(&account.server, trust).map_err(FetchFailed::NotNow)?;
    let mut answer = get(&agent, account, path)?;
    let tag = answer.headers().get("etag");
    let tag = tag.and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
    Ok((read_asked(&account.server, answer.body_mut())?, tag))
}

/// Has the account's own server keep something small; what it keeps. With a tag, only in place of
/// what has it; otherwise `Changed`.
pub(crate) fn put<T: DeserializeOwned>(
    account: &SignedIn,
    trust: &Trust,
    path: &str,
    what: impl Serialize,
    tag: Option<&str>,
) -> Result<T, FetchFailed> {
    let server = &account.server;
    let agent = agent(server, trust).map_err(FetchFailed::NotNow)?;
    let mut request = agent
        .put(format!("{server}{path}"))
        .header("authorization", bearer(&account.access_token));
    if let Some(tag) = tag {
        request = request.header("if-match", tag);
    }
    let mut answer = request
        .send_json(what)
        .map_err(|error| FetchFailed::NotNow(unreachable(server, &error)))?;
    match answer.status().as_u16() {
        200 => read_asked(server, answer.body_mut()),
        412 => Err(FetchFailed::Changed),
        status => Err(FetchFailed::NotNow(
            read_json::<Problem>(answer.body_mut()).map_or_else(
                || format!("{server} answers {status}"),
                |problem| problem.detail,
            ),
        )),
    }
}

fn read_asked<T: DeserializeOwned>(server: &str, body: &mut Body) -> Result<T, FetchFailed> {
    let reader = body.with_config().limit(MAX_ASKED_BYTES).reader();
    serde_json::from_reader(reader)
        .map_err(|_| FetchFailed::NotNow(format!("{server} answers something else")))
}

fn fetch(agent: &Agent, account: &SignedIn, href: &str) -> Result<Body, FetchFailed> {
    Ok(get(agent, account, href)?.into_body())
}

fn get(agent: &Agent, account: &SignedIn, href: &str) -> Result<Response<Body>, FetchFailed> {
    if !href.starts_with('/') || href.starts_with("//") {
        // It never leads anywhere else.
        return Err(FetchFailed::Gone);
    }
    let server = &account.server;
    let answer = agent
        .get(format!("{server}{href}"))
        .header("authorization", bearer(&account.access_token))
        .call()
        .map_err(|error| FetchFailed::NotNow(unreachable(server, &error)))?;
    match answer.status().as_u16() {
        200 => Ok(answer),
        404 | 410 => Err(FetchFailed::Gone),
        status => Err(FetchFailed::NotNow(format!("{server} answers {status}"))),
    }
}

fn bearer(token: &AccessToken) -> String {
    format!("Bearer {}", token.expose())
}

/// Follows no redirect: a password or a token goes to the server it is meant for only.
fn agent(server: &str, trust: &Trust) -> Result<Agent, String> {
    agent_within(server, trust, ANSWER_WITHIN)
}

fn agent_within(server: &str, trust: &Trust, within: Duration) -> Result<Agent, String> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_WITHIN))
        .timeout_global(Some(within));
    if server.starts_with("https:") {
        let tls = TlsConfig::builder().root_certs(trust.for_requests()?);
        config = config.tls_config(tls.build());
    } else {
        // Loopback: no proxy can reach it.
        config = config.proxy(None);
    }
    Ok(config.build().into())
}

fn refused(server: &str, status: u16, body: &mut Body) -> SignInFailed {
    let Some(problem) = read_json::<Problem>(body) else {
        return match status {
            429 => SignInFailed::TooMany,
            502..=504 => {
                SignInFailed::Unreachable(format!("{server} is not available (status {status})"))
            }
            _ => not_hither(server),
        };
    };
    match problem.code {
        ErrorCode::WrongCredentials => SignInFailed::WrongCredentials,
        ErrorCode::TooMany => SignInFailed::TooMany,
        ErrorCode::Unavailable => SignInFailed::Unreachable(problem.detail),
        _ => SignInFailed::Unexpected(problem.detail),
    }
}

fn not_hither(server: &str) -> SignInFailed {
    SignInFailed::Unexpected(format!("What answers at {server} is not a Hither server"))
}

fn read_json<T: DeserializeOwned>(body: &mut Body) -> Option<T> {
    let reader = body.with_config().limit(MAX_ANSWER_BYTES).reader();
    serde_json::from_reader(reader).ok()
}

fn unreachable(server: &str, error: &ureq::Error) -> String {
    let cause: &(dyn Error + 'static) = match error {
        ureq::Error::Rustls(cause) => cause,
        ureq::Error::Io(cause) => cause,
        other => other,
    };
    if let Some(text) = trust::blamed(server, cause) {
        return text;
    }
    match error {
        ureq::Error::HostNotFound => format!("{server} has no address in the network"),
        ureq::Error::Timeout(_) => format!("{server} does not answer"),
        other => format!("{server} cannot be reached: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use hither_protocol::{ClientInfo, PROBLEM_JSON};

    use super::*;
    use crate::history::testing::signed_in;

    /// A server that answers one request with this, and hands back the request.
    fn answering(answer: String) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 4096];
            loop {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&request);
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                let is_whole = |body: &str| text.starts_with("GET") || body.ends_with('}');
                if body.is_some_and(is_whole) {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (address, server)
    }

    fn http(status: &str, media_type: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nlocation: http://127.0.0.1:1/\r\n\r\n{body}"
        )
    }

    fn sign_in(server: &str) -> Result<SignedIn, SignInFailed> {
        let config = Config {
            client: ClientInfo {
                name: "hither".to_owned(),
                version: "1.2.3".to_owned(),
            },
            device_name: "ada-laptop".to_owned(),
            platform: "linux".to_owned(),
            backoff: (Duration::ZERO, Duration::ZERO),
        };
        let password = Password("secret".to_owned());
        SignIn::new(&config, server, " ada ", password)?
            .with_device(Some("known".parse().unwrap()))
            .send(&Trust::default())
    }

    fn session(stream_url: &str) -> String {
        format!(
            r#"{{"access_token":"t","expires_at":"2026-11-22T00:00:00Z","device_id":"d","message_token":"m","stream_url":"{stream_url}"}}"#
        )
    }

    #[test]
    fn a2_a_sign_in_says_who_and_where() {
        let body = session("ws://127.0.0.1:9/v1/stream");
        let (address, server) = answering(http("201 Created", "application/json", &body));
        let signed_in = sign_in(&address).unwrap();
        assert_eq!(signed_in.server, format!("http://{address}"));
        assert_eq!(signed_in.account, "ada");
        assert_eq!(signed_in.device_id.as_str(), "d");
        assert_eq!(signed_in.access_token.expose(), "t");
        let request = server.join().unwrap();
        assert!(request.starts_with("POST /v1/sessions "), "{request}");
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let asked: CreateSession = serde_json::from_str(body).unwrap();
        assert_eq!(
            (asked.account.as_str(), asked.password.as_str()),
            ("ada", "secret")
        );
        assert_eq!(asked.device.id.unwrap().as_str(), "known");
        assert_eq!(asked.device.kind, DeviceKind::Desktop);
    }

    #[test]
    fn every_refusal_has_its_next_step() {
        let problem = |status: u16, code: &str| {
            let body = format!(
                r#"{{"title":"T","status":{status},"detail":"What to do","code":"{code}"}}"#
            );
            http(&format!("{status} X"), PROBLEM_JSON, &body)
        };
        let unexpected = SignInFailed::Unexpected("What to do".to_owned());
        for (answer, expected) in [
            (
                problem(401, "wrong_credentials"),
                SignInFailed::WrongCredentials,
            ),
            (problem(429, "too_many"), SignInFailed::TooMany),
            (
                http("429 X", "text/plain", "slow down"),
                SignInFailed::TooMany,
            ),
            (problem(422, "invalid"), unexpected.clone()),
            (problem(418, "from the future"), unexpected),
            (
                problem(503, "unavailable"),
                SignInFailed::Unreachable("What to do".to_owned()),
            ),
        ] {
            let (address, _server) = answering(answer);
            assert_eq!(sign_in(&address).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_is_no_hither_server_is_said_so() {
        let huge = "x".repeat(1024 * 1024);
        for (status, body) in [
            ("200 OK", "<html>"),
            ("404 Not Found", ""),
            ("201 Created", "{}"),
            ("302 Found", ""),
            ("201 Created", &huge),
        ] {
            let (address, _server) = answering(http(status, "text/html", body));
            let failed = sign_in(&address).unwrap_err();
            let SignInFailed::Unexpected(text) = &failed else {
                panic!("{failed:?}")
            };
            assert!(text.contains("is not a Hither server"), "{text}");
        }
    }

    #[test]
    fn a_stream_on_another_host_is_refused() {
        let body = session("wss://evil.example.org/v1/stream");
        let (address, _server) = answering(http("201 Created", "application/json", &body));
        let failed = sign_in(&address).unwrap_err();
        assert!(
            matches!(&failed, SignInFailed::Unexpected(text) if text.contains("evil")),
            "{failed:?}"
        );
    }

    #[test]
    fn a_page_comes_from_the_accounts_own_server_only() {
        let (address, server) = answering(http("200 OK", "text/html", "<p>讯"));
        let mut account = signed_in("ada");
        account.server = format!("http://{address}");
        for foreign in [
            "//evil.example.org/x",
            "https://evil.example.org/x",
            "@evil.example.org",
            "",
        ] {
            assert!(
                page(&account, &Trust::default(), foreign).is_err(),
                "{foreign}"
            );
        }
        assert_eq!(
            page(&account, &Trust::default(), "/v1/messages/x/html").unwrap(),
            "<p>讯"
        );
        let request = server.join().unwrap();
        assert!(
            request.contains("authorization: Bearer token-of-ada"),
            "{request}"
        );
    }
}
