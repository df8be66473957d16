//! The way from HTTP to a stream.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, FromRequestParts, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;
use hither_protocol::{AccessToken, MAX_FRAME_BYTES, SUBPROTOCOL};

use super::client::from_browser;
use super::{App, Failure};
use crate::accounts::clock;
use crate::socket;

/// Small buffers: the default ones cost 138 KB for each connection.
const READ_BUFFER: usize = 1024;

/// The access token of a browser that opens a stream from one of this server's own pages.
pub(crate) struct FromBrowser(Option<AccessToken>);

impl FromRequestParts<Arc<App>> for FromBrowser {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        Ok(Self(from_browser(app, parts)?))
    }
}

/// `GET /v1/stream`
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    FromBrowser(token): FromBrowser,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = upgrade
        .map_err(|_| not_a_web_socket())?
        .protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(not_a_web_socket());
    }
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_frame_size(MAX_FRAME_BYTES)
        .max_message_size(MAX_FRAME_BYTES);
    let held = (app.limiter.place(client.ip())?, app.open());
    // Before the answer: whatever the client reads from then on is younger than this.
    let opened = clock::now();
    Ok(upgrade.on_upgrade(move |socket| socket::serve(socket, app, token, opened, held)))
}

fn not_a_web_socket() -> Failure {
    Failure::malformed(format!(
        "Open this address as a WebSocket and ask for the subprotocol {SUBPROTOCOL}."
    ))
}
