//! A request in ntfy's form.

use core::convert::Infallible;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use futures_util::stream::iter;
use futures_util::{Stream, StreamExt as _};
use tokio::time::timeout;

use super::error::{NtfyError, Why};
use super::params::Params;
use super::who::Who;
use crate::http::{App, Origin};

/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

/// What a request says before its body.
pub(crate) struct Asked {
    pub(super) app: Arc<App>,
    pub(super) peer: SocketAddr,
    pub(super) params: Params,
    pub(super) headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let peer = parts.extensions.get().map(|ConnectInfo(peer)| *peer);
        Ok(Self {
            app: Arc::clone(app),
            peer: peer.unwrap_or(nobody),
            params: Params::new(&parts.headers, &parts.uri),
            headers: parts.headers.clone(),
        })
    }
}

impl Asked {
    /// Who asks; nobody in particular may do nothing.
    pub(super) async fn who(&self) -> Result<Who, NtfyError> {
        let who = Who::asks(&self.app, self.peer, &self.params).await?;
        who.ok_or_else(|| {
            let detail = "send credentials: curl -u ID:SECRET, or Authorization: Bearer ID.SECRET";
            NtfyError::new(Why::Forbidden, detail)
        })
    }

    /// Where this server is reached.
    pub(super) fn origin(&self) -> Result<Origin, NtfyError> {
        Ok(self.app.origin(&self.headers)?)
    }

    /// The body's media type, if it is named.
    pub(super) fn content_type(&self) -> &str {
        let value = self.headers.get(CONTENT_TYPE);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A body of which only the beginning is known.
pub(super) struct Arriving {
    /// All of it, where it is no longer than was asked for.
    pub(super) head: Vec<u8>,
    rest: BodyDataStream,
}

impl Arriving {
    /// Waits for more than so many bytes, or for the end.
    pub(super) async fn begin(body: Body, bytes: usize) -> Result<Self, NtfyError> {
        let mut arriving = Self {
            head: Vec::new(),
            rest: body.into_data_stream(),
        };
        let begun = timeout(ARRIVES_WITHIN, arriving.read(bytes)).await;
        begun.unwrap_or_else(|_| {
            let detail = "the body came too slowly; send it again";
            Err(NtfyError::new(Why::Invalid, detail))
        })?;
        Ok(arriving)
    }

    /// One that is here.
    pub(super) fn whole(text: String) -> Self {
        Self {
            head: text.into(),
            rest: Body::empty().into_data_stream(),
        }
    }

    async fn read(&mut self, bytes: usize) -> Result<(), NtfyError> {
        while self.head.len() <= bytes
            && let Some(chunk) = self.rest.next().await
        {
            let broke = |_| NtfyError::new(Why::Invalid, "the body broke off; send it again");
            self.head.extend_from_slice(&chunk.map_err(broke)?);
        }
        Ok(())
    }

    /// All of it, as it comes.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, axum::Error>> {
        iter([Ok(Bytes::from(self.head))]).chain(self.rest)
    }
}

/// The whole body. What is longer than `most` bytes is refused.
pub(super) async fn whole(body: Body, most: usize, longer: Why) -> Result<Vec<u8>, NtfyError> {
    let Arriving { head, .. } = Arriving::begin(body, most).await?;
    if head.len() > most {
        return Err(NtfyError::new(longer, format!("{most} bytes are the most")));
    }
    Ok(head)
}
