//! What a person sees and decides of their own account: devices, password, settings.

pub(crate) mod check;

use core::net::SocketAddr;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use hither_protocol::{
    AccountName, ChangePassword, Device, DeviceApplication, DeviceId, Devices, ErrorCode, Presence,
    Settings, Timestamp,
};
use serde::Deserialize;

use super::sign_in::{MAX_PASSWORD, verify};
use super::{App, Client, Failure, JsonBody, etag};
use crate::accounts::clock;
use crate::gateway::Gateways;
use crate::secret::Verdict;
use crate::store::{DeviceSummary, StoreError};

/// The shortest password that a person may choose, in bytes.
pub(crate) const MIN_PASSWORD: usize = 8;

/// `GET /v1/devices`
pub(crate) async fn devices(
    State(app): State<Arc<App>>,
    Client(identity): Client,
) -> Result<Json<Devices>, Failure> {
    let mut devices = devices_of(&app, &identity.account).await?;
    for device in &mut devices {
        device.current = device.id == identity.device.id;
    }
    Ok(Json(Devices { devices }))
}

/// All devices of an account, none of them marked as the one that asks.
pub(crate) async fn devices_of(
    app: &App,
    account: &AccountName,
) -> Result<Vec<Device>, StoreError> {
    let found = app.store.devices(account).await?;
    let online = app.accounts.online(account).await;
    let now = clock::wall();
    Ok(found
        .into_iter()
        .map(|summary| device(summary, &online, app.gateways, now))
        .collect())
}

/// A device as its account sees it.
fn device(
    summary: DeviceSummary,
    online: &HashMap<DeviceId, Option<Presence>>,
    gateways: Gateways,
    now: Timestamp,
) -> Device {
    let presence = online.get(&summary.device.id);
    Device {
        current: false,
        last_seen_at: presence.map(|_| now).or(summary.seen_at),
        online: presence.is_some(),
        presence: presence.copied().flatten(),
        push: summary.push.map(|provider| gateways.state(provider)),
        applications: summary
            .applications
            .into_iter()
            .map(|application| DeviceApplication {
                name: application.name,
                version: application.version,
                signed_in: application.signed_in,
            })
            .collect(),
        id: summary.device.id,
        name: summary.device.name,
        platform: summary.device.platform,
        kind: summary.device.kind,
    }
}

/// `DELETE /v1/devices/{id}`
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Client(identity): Client,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let id = device_id(id)?;
    match app.store.remove_device(&identity.account, &id).await {
        Err(StoreError::NotFound) => return Err(no_device()),
        done => done?,
    }
    tracing::info!(account = %identity.account, device = %id, by = %identity.device.id, "revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// The device that a path names.
pub(crate) fn device_id(id: Result<Path<String>, PathRejection>) -> Result<DeviceId, Failure> {
    id.ok()
        .and_then(|Path(id)| id.parse().ok())
        .ok_or_else(no_device)
}

pub(crate) fn no_device() -> Failure {
    Failure::not_found("This account has no such device; look at the list of its devices again.")
}

/// `PUT /v1/account/password`
pub(crate) async fn change_password(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Client(identity): Client,
    body: JsonBody<ChangePassword>,
) -> Result<StatusCode, Failure> {
    let ChangePassword { current, new } = body.value;
    check::password(&new)?;
    let attempt = app.attempts.begin(peer.ip(), identity.account.as_str())?;
    let account = app.store.account(&identity.account).await?;
    let old = account.map(|account| account.password_hash);
    if verify(&app, current, old.clone()).await? == Verdict::Wrong {
        attempt.failed();
        return Err(wrong_password());
    }
    let hash = app.passwords.hash(new).await;
    let changed = app
        .store
        .change_password(
            &identity.account,
            old.unwrap_or_default(),
            hash,
            identity.client,
        )
        .await;
    match changed {
        // Somebody else changed it in the same moment.
        Err(StoreError::NotFound) => return Err(wrong_password()),
        done => done?,
    }
    tracing::info!(account = %identity.account, device = %identity.device.id, "password changed");
    Ok(StatusCode::NO_CONTENT)
}

fn wrong_password() -> Failure {
    Failure::new(
        ErrorCode::WrongCredentials,
        "The current password is not right; check it and try again.",
    )
}

/// `GET /v1/settings`
pub(crate) async fn settings(
    State(app): State<Arc<App>>,
    Client(identity): Client,
) -> Result<Tagged, Failure> {
    Ok(tagged(app.accounts.settings(&identity.account).await?))
}

/// `PUT /v1/settings`; answers what is kept. With `If-Match`, only in place of that version.
pub(crate) async fn set_settings(
    State(app): State<Arc<App>>,
    Client(identity): Client,
    headers: HeaderMap,
    body: JsonBody<Settings>,
) -> Result<Tagged, Failure> {
    let mut settings = body.value;
    let IdleAfter { idle_after_ms } = serde_json::from_slice(&body.bytes).unwrap_or_default();
    settings.attention.idle_after_ms = idle_after_ms.unwrap_or(app.settings.policy.idle_after_ms);
    check::settings(&settings)?;
    check::words(&body.bytes, &settings)?;
    let account = &identity.account;
    if headers.contains_key(IF_MATCH) {
        let held = app.store.settings(account).await?;
        let seen = app.accounts.or_none(held.clone());
        if !etag::named_in(&headers, &IF_MATCH, &etag::of(&seen)) {
            return Err(StoreError::Changed.into());
        }
        let wanted = settings.clone();
        app.store.replace_settings(account, held, wanted).await?;
    } else {
        app.store.set_settings(account, settings.clone()).await?;
    }
    Ok(tagged(settings))
}

/// Settings, and which version of them they are.
type Tagged = ([(HeaderName, String); 1], Json<Settings>);

fn tagged(settings: Settings) -> Tagged {
    ([(ETAG, etag::of(&settings))], Json(settings))
}

/// Where it is absent, it is what the operator chose.
#[derive(Debug, Default, Deserialize)]
struct IdleAfter {
    idle_after_ms: Option<u64>,
}
