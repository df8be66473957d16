//! How a phone wants to be reached while its stream is closed.

mod check;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hither_protocol::{DeviceKind, ErrorCode, PushProvider, PushRegistration, PushState};

pub(crate) use self::check::{APNS_TOKEN, MAX_TOKEN, MAX_TOPIC};
use super::client::unauthenticated;
use super::{App, Client, Failure, JsonBody};
use crate::store::{DeviceRecord, StoreError};

/// The largest request body, in bytes. Every registration fits.
pub(crate) const MAX_REQUEST: usize = 8 * 1024;

/// `PUT /v1/devices/current/push`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    client: Client,
    body: JsonBody<PushRegistration>,
) -> Result<Json<PushState>, Failure> {
    own_inbox(&client)?;
    let identity = client.0;
    let provider = body.value.provider();
    must_fit(&identity.device, provider)?;
    check::parts(provider, &body.bytes)?;
    let registration = check::registration(&app, body.value).await?;
    let registered = app.store.register_push(identity.client, registration).await;
    registered.map_err(|error| match error {
        // It was signed out while the address was looked up.
        StoreError::NotFound => unauthenticated(),
        other => other.into(),
    })?;
    tracing::info!(
        account = %identity.account, device = %identity.device.id, %provider, "registered for push"
    );
    Ok(Json(app.gateways.state(provider)))
}

/// `DELETE /v1/devices/current/push`
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    client: Client,
) -> Result<StatusCode, Failure> {
    own_inbox(&client)?;
    app.store.remove_push(client.0.client).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nothing of another application's ever rings through a push service.
fn own_inbox(client: &Client) -> Result<(), Failure> {
    if client.is_inbox() {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::Forbidden,
        "Only the application hither rings, so only it can register for push.",
    ))
}

fn must_fit(device: &DeviceRecord, provider: PushProvider) -> Result<(), Failure> {
    if provider.fits(&device.platform, device.kind) {
        return Ok(());
    }
    if device.kind == DeviceKind::Desktop {
        return Err(Failure::invalid(
            "This device signed in as a desktop, which rings through its open stream only. A \
             phone signs in with the kind mobile.",
        ));
    }
    let (platform, only) = (&device.platform, provider.platform().unwrap_or_default());
    Err(Failure::invalid(format!(
        "{provider} reaches the platform {only}, and this device signed in as {platform}: register \
         for webpush, or sign in again with the platform that it is."
    )))
}
