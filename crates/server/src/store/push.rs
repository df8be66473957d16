use async_trait::async_trait;
use hither_protocol::{AccountName, DeviceId, PushRegistration};

use super::{ClientId, StoreError};

/// How phones are reached while their streams are closed. A registration ends with the session that
/// made it.
#[async_trait]
pub trait PushRegistrations: Send + Sync {
    /// Takes the place of what the client registered before, and of what any other client
    /// registered with the same address: a phone is one client's. `NotFound` where the client's
    /// session has ended.
    async fn register_push(
        &self,
        client: ClientId,
        registration: PushRegistration,
    ) -> Result<(), StoreError>;
    /// The client is not reached that way any more; without a registration a no-op.
    async fn remove_push(&self, client: ClientId) -> Result<(), StoreError>;
    /// The registrations of an account's devices that are good at this moment.
    async fn push_registrations(
        &self,
        account: &AccountName,
    ) -> Result<Vec<(DeviceId, PushRegistration)>, StoreError>;
}
