//! Requests that this server makes to elsewhere, to addresses that others chose. None of them may
//! reach what only this computer or its own network reaches.

mod address;
mod target;
#[cfg(test)]
mod tests;

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::net::ToSocketAddrs;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) use self::target::MAX_URL;
pub use self::target::{InvalidTarget, Target};
use crate::Network;
use crate::network::is_trusted;

/// From the question for the name's addresses to the end of the answer.
const WITHIN: Duration = Duration::from_secs(15);
/// Names that are looked up at the same time.
const LOOKUPS: usize = 16;
/// The largest answer, without its headers.
const MAX_ANSWER: usize = 64 * 1024;
/// The largest status line with its headers.
const MAX_HEADERS: usize = 16 * 1024;

/// The way to elsewhere.
pub struct Outbound {
    /// Networks that may be reached on any port, whatever they are.
    allow: Vec<Network>,
    within: Duration,
    lookups: Arc<Semaphore>,
    /// Asks for the addresses of a name.
    ask: LookUp,
    /// Whose certificates are believed; read when the first one is needed.
    tls: OnceLock<Arc<ClientConfig>>,
}

type LookUp = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// What came back. A redirect is an answer like any other; it is not followed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Of the answer.
    pub status: StatusCode,
    /// At most 64 KiB.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Use another address, or have its network allowed.
    #[error("{0} is not public")]
    Private(SocketAddr),
    /// Use the usual port, or have the network allowed.
    #[error("port {0} is not allowed: only 80 and 443 are")]
    Port(u16),
    /// Look at the name; try again later.
    #[error("its name leads nowhere: {0}")]
    Nowhere(io::Error),
    /// Look at the network, or the other server; try again later.
    #[error("cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    /// Look at what the other server says; try again later.
    #[error("does not speak HTTP as it should: {0}")]
    Broken(String),
    /// Try again later.
    #[error("did not answer within {0:?}")]
    TooSlow(Duration),
    /// Have the other server say less; what it began with is here.
    #[error("answered more than {MAX_ANSWER} bytes")]
    TooLarge(StatusCode),
    /// Use `https://`, or have its network allowed.
    #[error("is not reached without TLS")]
    Plain,
}

impl Outbound {
    /// Reaches public addresses, and those of the networks given here on any port.
    #[must_use]
    pub fn new(allow: Vec<Network>) -> Self {
        Self {
            allow,
            within: WITHIN,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            ask: ask_the_system,
            tls: OnceLock::new(),
        }
    }

    /// Posts a body: with TLS to what may be reached at all, without it only to networks that are
    /// allowed. The headers `Host`, `User-Agent` and `Content-Length` are added.
    pub async fn post(
        &self,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, OutboundError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.path();
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, target.host_header());
        let agent = concat!("Hither/", env!("CARGO_PKG_VERSION"));
        let agent = hyper::header::HeaderValue::from_static(agent);
        request.headers_mut().insert(USER_AGENT, agent);
        timeout(self.within, self.send(target, request))
            .await
            .unwrap_or(Err(OutboundError::TooSlow(self.within)))
    }

    /// Whether something could be posted there at this moment. Whom its name leads to may be
    /// another one later: [`Self::post`] connects to no address but those that it checked itself.
    pub async fn check(&self, target: &Target) -> Result<(), OutboundError> {
        let found = timeout(self.within, self.addresses(target)).await;
        found
            .unwrap_or(Err(OutboundError::TooSlow(self.within)))
            .map(drop)
    }

    async fn send(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, OutboundError> {
        let addresses = self.addresses(target).await?;
        let socket = TcpStream::connect(&*addresses).await?;
        if !target.is_secure() {
            return exchange(socket, request).await;
        }
        let name = ServerName::try_from(target.host().to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let tls = TlsConnector::from(Arc::clone(self.tls.get_or_init(believing_this_system)));
        exchange(tls.connect(name, socket).await?, request).await
    }

    /// Asks the system, which may think about it for longer than anybody waits: only so many of
    /// its threads may do so at the same time.
    async fn look_up(&self, target: &Target) -> io::Result<Vec<SocketAddr>> {
        let place = Arc::clone(&self.lookups).acquire_owned().await;
        let (ask, host, port) = (self.ask, target.host().to_owned(), target.port());
        spawn_blocking(move || {
            let _place = place;
            ask(&host, port)
        })
        .await?
    }

    /// Every address that the name has at this moment. One that may not be reached spoils all of
    /// them: a name that leads both out and in was made to.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = self.look_up(target).await.map_err(OutboundError::Nowhere)?;
        for one in &found {
            self.may_reach(target, *one)?;
        }
        Ok(found)
    }

    fn may_reach(&self, target: &Target, to: SocketAddr) -> Result<(), OutboundError> {
        if is_trusted(&self.allow, to.ip()) {
            return Ok(());
        }
        if !address::is_public(to.ip()) {
            return Err(OutboundError::Private(to));
        }
        if !address::PORTS.contains(&to.port()) {
            return Err(OutboundError::Port(to.port()));
        }
        if !target.is_secure() {
            return Err(OutboundError::Plain);
        }
        Ok(())
    }
}

fn ask_the_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok((host, port).to_socket_addrs()?.collect())
}

fn believing_this_system() -> Arc<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a root certificate of this system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    believing(roots)
}

fn believing(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks every version that rustls does")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// One request over a connection of its own.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Answer, OutboundError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let answer = pin!(async {
        let answer = sender.send_request(request).await;
        read(answer.map_err(|error| broken(&error))?).await
    });
    match select(answer, pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // The connection may end before what it brought was read.
        Either::Right((_, answer)) => answer.await,
    }
}

async fn read(answer: Response<Incoming>) -> Result<Answer, OutboundError> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            OutboundError::TooLarge(parts.status)
        } else {
            broken(&*error)
        }
    })?;
    Ok(Answer {
        status: parts.status,
        body: body.to_bytes(),
    })
}

fn broken(error: &(dyn Error + 'static)) -> OutboundError {
    OutboundError::Broken(error.to_string())
}
