//! What goes over HTTP: signing in and out, and H5 pages too large for a frame. Blocking, for
//! threads that may wait.

use core::time::Duration;
use std::sync::Arc;

use hither_engine::view::Password;
use hither_engine::{Config, SignInFailed, SignedIn};
use hither_protocol::{
    AccessToken, CreateSession, DeviceId, DeviceKind, DeviceRequest, ErrorCode, Problem, Session,
};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::address;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Of an H5 page; a larger one stays on the server.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;

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
    pub(crate) fn send(self) -> Result<SignedIn, SignInFailed> {
        let Self { server, request } = self;
        let mut answer = agent(&server)
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
pub(crate) fn sign_out(account: &SignedIn) {
    let SignedIn {
        server,
        access_token,
        ..
    } = account;
    let answer = agent(server)
        .delete(format!("{server}/v1/sessions/current"))
        .header("authorization", bearer(access_token))
        .call();
    match answer {
        Ok(answer) => tracing::info!(status = answer.status().as_u16(), "signed out"),
        Err(error) => tracing::warn!(%error, "the server did not hear of the sign-out"),
    }
}

/// Fetches the H5 page of a message from a path on the account's own server. The error is for the
/// log.
pub(crate) fn page(account: &SignedIn, href: &str) -> Result<String, String> {
    if !href.starts_with('/') || href.starts_with("//") {
        return Err("not a path on the server".to_owned());
    }
    let mut answer = agent(&account.server)
        .get(format!("{}{href}", account.server))
        .header("authorization", bearer(&account.access_token))
        .call()
        .map_err(|error| error.to_string())?;
    if answer.status().as_u16() != 200 {
        return Err(format!("status {}", answer.status()));
    }
    let reading = answer.body_mut().with_config().limit(MAX_PAGE_BYTES);
    reading.read_to_string().map_err(|error| error.to_string())
}

fn bearer(token: &AccessToken) -> String {
    format!("Bearer {}", token.expose())
}

/// Follows no redirect: a password or a token goes to the server it is meant for only.
fn agent(server: &str) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(CONNECT_WITHIN))
        .timeout_global(Some(ANSWER_WITHIN));
    if server.starts_with("https:") {
        config = config.tls_config(TlsConfig::builder().root_certs(native_roots()).build());
    } else {
        // Loopback: no proxy can reach it.
        config = config.proxy(None);
    }
    config.build().into()
}

fn native_roots() -> RootCerts {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of this system cannot be read");
    }
    let certs = found
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned());
    RootCerts::Specific(Arc::new(certs.collect()))
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

fn read_json<T: serde::de::DeserializeOwned>(body: &mut Body) -> Option<T> {
    let reader = body.with_config().limit(MAX_ANSWER_BYTES).reader();
    serde_json::from_reader(reader).ok()
}

fn unreachable(server: &str, error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => format!("{server} has no address in the network"),
        ureq::Error::Timeout(_) => format!("{server} does not answer"),
        other => format!("{server} cannot be reached: {other}"),
    }
}
