//! What is left of a request's body when its answer is ready, as where the answer is a refusal. It is
//! read to its end where that is soon done, so that the connection serves the next request; where it is
//! not, the answer says that it is the last one (RFC 9112, 9.6).

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::time::timeout;

/// So many bytes are read that nobody asked for.
const AT_MOST: usize = 64 * 1024;
/// And for so long.
const WITHIN: Duration = Duration::from_secs(1);

/// A body that comes back from whoever did not read it to its end.
pub(crate) struct Lent {
    body: Option<Incoming>,
    back: Option<Sender<Incoming>>,
}

/// Where it comes back.
pub(crate) struct Leftover {
    back: Receiver<Incoming>,
    /// Whoever asks holds the body back until they are told to send it.
    held_back: bool,
}

/// The request for whoever answers it, and what is left of it afterwards.
pub(crate) fn lend(request: Request<Incoming>) -> (Request<Lent>, Leftover) {
    let (sender, back) = channel();
    let held_back = request.headers().contains_key(EXPECT);
    let request = request.map(|body| Lent {
        body: Some(body),
        back: Some(sender),
    });
    (request, Leftover { back, held_back })
}

impl Leftover {
    /// Makes room for the next request, or says in the answer that there is none.
    pub(crate) async fn settle<B>(mut self, answer: &mut Response<B>) {
        let Ok(body) = self.back.try_recv() else {
            return;
        };
        if self.held_back || !ends(body).await {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
    }
}

/// Reads a body that nobody wants; whether that was all of it.
async fn ends(body: Incoming) -> bool {
    if body.size_hint().lower() > AT_MOST as u64 {
        return false;
    }
    let all = Limited::new(body, AT_MOST).collect();
    matches!(timeout(WITHIN, all).await, Ok(Ok(_)))
}

impl Drop for Lent {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let Some((body, back)) = unread.zip(self.back.take()) {
            // Nobody waits for it where the connection has ended.
            let _ = back.send(body);
        }
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::new, Body::size_hint)
    }
}
