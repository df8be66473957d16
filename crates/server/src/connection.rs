//! One connection: TLS where it is set up, then HTTP, then perhaps a stream.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::http::REQUEST_ID;
use crate::leftover::lend;
use crate::network::{client_address, is_trusted};
use crate::serve::App;

/// How long to wait where no connection can be taken, as when files run out.
const BREATHER: Duration = Duration::from_millis(100);
/// The first line and the headers of a request, in bytes.
///
/// hyper looks at its own limit only while it waits for more: what comes at once may be longer.
pub(crate) const MAX_HEADERS: usize = 32 * 1024;

/// Where connections come in, and what answers them.
#[derive(Clone)]
pub(crate) struct Entrance {
    pub(crate) app: Arc<App>,
    pub(crate) routes: Router,
    /// Whether connections begin with TLS where it is set up.
    pub(crate) encrypted: bool,
    /// Changes when the server stops.
    pub(crate) closed: watch::Receiver<()>,
}

impl Entrance {
    /// Takes connections in, for ever.
    pub(crate) async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.let_in(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "no connection taken");
                    sleep(BREATHER).await;
                }
            }
        }
    }

    /// The same where there is such a listener.
    pub(crate) async fn accept_on(&self, listener: Option<&TcpListener>) {
        match listener {
            Some(listener) => self.accept(listener).await,
            None => core::future::pending().await,
        }
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr) {
        let app = &self.app;
        let place = if is_trusted(&app.settings.trusted_proxies, peer.ip()) {
            app.limiter.place_of_proxy()
        } else {
            app.limiter.place(peer.ip())
        };
        let place = match place {
            Ok(place) => place,
            Err(why) => {
                app.metrics.refused(why);
                return tracing::debug!(%peer, ?why, "connection refused");
            }
        };
        let open = app.open();
        let this = self.clone();
        tokio::spawn(async move {
            this.handle(stream, peer).await;
            drop((place, open));
        });
    }

    async fn handle(self, stream: TcpStream, peer: SocketAddr) {
        // Small frames must not wait for company; a socket that refuses this is about to fail
        // anyway.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        // Streams have a limit of their own and say why; this one is for answers that nobody takes.
        stream.set_write_timeout(Some(self.app.settings.limits.drain_within * 2));
        let stream = Box::pin(stream);
        let tls = self.app.settings.tls.as_ref().filter(|_| self.encrypted);
        let Some(tls) = tls else {
            return self.serve(stream, peer).await;
        };
        let limit = self.app.settings.limits.handshake_within;
        let error = match timeout(limit, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => return self.serve(stream, peer).await,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        self.app.metrics.handshake_failed();
        tracing::debug!(%peer, error, "no TLS handshake");
    }

    async fn serve(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) {
        let routes = TowerToHyperService::new(self.routes);
        let app = Arc::clone(&self.app);
        let service = service_fn(move |request: Request<Incoming>| {
            let fits = size_of_head(&request) <= MAX_HEADERS;
            let (request, leftover) = lend(known(&app, request, peer));
            let answered = fits.then(|| routes.call(request));
            async move {
                let mut answer = match answered {
                    Some(answered) => answered.await?,
                    None => too_long(),
                };
                leftover.settle(&mut answer).await;
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.app.settings.limits.headers_within)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = self.closed.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

/// The request, with its client's address.
fn known(app: &App, mut request: Request<Incoming>, peer: SocketAddr) -> Request<Incoming> {
    let trusted = &app.settings.trusted_proxies;
    if !is_trusted(trusted, peer.ip()) {
        request.headers_mut().remove(REQUEST_ID);
    }
    let client = client_address(trusted, peer.ip(), request.headers());
    let client = SocketAddr::new(client, peer.port());
    request.extensions_mut().insert(ConnectInfo(client));
    request
}

/// Bytes of the first line and the headers, with what stands between them.
fn size_of_head(request: &Request<Incoming>) -> usize {
    let address = request.uri().path_and_query();
    let first = request.method().as_str().len() + address.map_or(0, |it| it.as_str().len());
    let lines = request.headers().iter();
    let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    first + "  HTTP/1.1\r\n\r\n".len() + lines.sum::<usize>()
}

/// As hyper says it, too.
fn too_long() -> Response<Body> {
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()
}
