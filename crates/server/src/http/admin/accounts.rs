//! Accounts, as an administrator sees and changes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use hither_protocol::{AccountName, Devices, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::account::{self, check};
use super::super::{App, Failure, JsonBody};
use super::{Admin, Disabled};
use crate::accounts::clock;
use crate::secret;
use crate::store::{AccountOverview, AccountRecord, StoreError};

/// Accounts in one answer.
pub(crate) const MAX_ACCOUNTS: usize = 1000;

/// `GET /admin/api/accounts?part=`
#[derive(Debug, Deserialize)]
pub(crate) struct Listing {
    /// Of the name.
    #[serde(default)]
    part: String,
}

/// The first accounts by name, and how many fit.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AccountList {
    accounts: Vec<ListedAccount>,
    total: u64,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ListedAccount {
    name: AccountName,
    admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    disabled_at: Option<Timestamp>,
    #[serde(serialize_with = "hither_protocol::write_time")]
    created_at: Timestamp,
    devices: u64,
    /// Devices with an open stream of the inbox.
    online: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "hither_protocol::write_optional_time")]
    last_seen_at: Option<Timestamp>,
}

/// `POST /admin/api/accounts`
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NewAccount {
    name: AccountName,
    #[serde(default)]
    admin: bool,
    /// Made up where it is absent.
    password: Option<String>,
}

/// A password that the server made up; it is said once.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MadeUpPassword {
    name: AccountName,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// `GET /admin/api/accounts`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<AccountList>, Failure> {
    let Query(Listing { part }) = listing.map_err(|error| Failure::malformed(error.body_text()))?;
    let (found, total) = app.store.account_overviews(&part, MAX_ACCOUNTS).await?;
    let mut accounts = Vec::with_capacity(found.len());
    for overview in found {
        accounts.push(listed(&app, overview).await);
    }
    Ok(Json(AccountList { accounts, total }))
}

async fn listed(app: &App, overview: AccountOverview) -> ListedAccount {
    let AccountOverview {
        account,
        devices,
        seen_at,
    } = overview;
    let online = app.accounts.online(&account.name).await.len();
    let now = (online > 0).then(clock::wall);
    ListedAccount {
        name: account.name,
        admin: account.admin,
        disabled_at: account.disabled_at,
        created_at: account.created_at,
        devices,
        online,
        last_seen_at: now.or(seen_at),
    }
}

/// `POST /admin/api/accounts`
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    body: JsonBody<NewAccount>,
) -> Result<(StatusCode, Json<MadeUpPassword>), Failure> {
    let NewAccount {
        name,
        admin,
        password,
    } = body.value;
    if let Some(password) = &password {
        check::password(password)?;
    }
    let made_up = password.is_none().then(secret::password);
    let password = password.or_else(|| made_up.clone()).unwrap_or_default();
    let account = AccountRecord {
        name: name.clone(),
        password_hash: app.passwords.hash(password).await,
        admin,
        disabled_at: None,
        created_at: clock::wall(),
    };
    app.store.add_account(account).await?;
    tracing::info!(account = %name, by = %by.account, "account added");
    let answer = MadeUpPassword {
        name,
        password: made_up,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// `DELETE /admin/api/accounts/{name}`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    admin: Admin,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let name = account(name)?;
    admin.must_not_be(&name)?;
    found(app.store.remove_account(&name).await)?;
    tracing::info!(account = %name, by = %admin.0.account, "account removed");
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /admin/api/accounts/{name}/disabled`
pub(crate) async fn set_disabled(
    State(app): State<Arc<App>>,
    admin: Admin,
    name: Result<Path<String>, PathRejection>,
    body: JsonBody<Disabled>,
) -> Result<StatusCode, Failure> {
    let (name, disabled) = (account(name)?, body.value.disabled);
    admin.must_not_be(&name)?;
    found(app.store.set_account_disabled(&name, disabled).await)?;
    tracing::info!(account = %name, by = %admin.0.account, disabled, "account changed");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/api/accounts/{name}/password`
pub(crate) async fn reset_password(
    State(app): State<Arc<App>>,
    admin: Admin,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<MadeUpPassword>, Failure> {
    let name = account(name)?;
    admin.must_not_be(&name)?;
    let password = secret::password();
    let hash = app.passwords.hash(password.clone()).await;
    found(app.store.set_password(&name, hash).await)?;
    tracing::info!(account = %name, by = %admin.0.account, "password reset");
    Ok(Json(MadeUpPassword {
        name,
        password: Some(password),
    }))
}

/// `GET /admin/api/accounts/{name}/devices`: without presence, which only the account itself sees.
pub(crate) async fn devices(
    State(app): State<Arc<App>>,
    Admin(_): Admin,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Devices>, Failure> {
    let name = account(name)?;
    let mut devices = found(account::devices_of(&app, &name).await)?;
    for device in &mut devices {
        device.presence = None;
    }
    Ok(Json(Devices { devices }))
}

/// `DELETE /admin/api/accounts/{name}/devices/{id}`
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let Path((name, id)) = path.map_err(|_| no_account())?;
    let name = name.parse().map_err(|_| no_account())?;
    let id = id.parse().map_err(|_| account::no_device())?;
    match app.store.remove_device(&name, &id).await {
        Err(StoreError::NotFound) => return Err(account::no_device()),
        done => done?,
    }
    tracing::info!(account = %name, device = %id, by = %by.account, "revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// The account that a path names.
fn account(name: Result<Path<String>, PathRejection>) -> Result<AccountName, Failure> {
    name.ok()
        .and_then(|Path(name)| name.parse().ok())
        .ok_or_else(no_account)
}

fn found<T>(result: Result<T, StoreError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        StoreError::NotFound => no_account(),
        other => other.into(),
    })
}

pub(super) fn no_account() -> Failure {
    Failure::not_found("There is no such account; look at the list again.")
}
