//! Checks passwords on a bounded number of threads: each check costs time and 19 MiB on purpose.

use std::sync::Arc;
use std::thread::available_parallelism;

use hither_protocol::ErrorCode;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::Failure;
use crate::secret;

/// How many checks may wait for a thread.
const MAX_WAITING: usize = 256;

pub(crate) struct Passwords {
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Checked where there is no account, so that this takes the same time.
    nobody: String,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, secret::HashError> {
        Ok(Self {
            threads: Arc::new(Semaphore::new(
                available_parallelism().map_or(1, usize::from),
            )),
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            nobody: secret::hash_password("nobody")?,
        })
    }

    /// Whether the password is right. Without a hash it is wrong, after the same time.
    pub(crate) async fn verify(
        &self,
        phc: Option<String>,
        password: String,
    ) -> Result<bool, Failure> {
        let _place = self.places.try_acquire().map_err(|_| too_busy())?;
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.clone());
        let right = spawn_blocking(move || {
            let _thread = thread;
            secret::verify_password(&password, &phc)
        })
        .await;
        Ok(known & right.unwrap_or(false))
    }
}

fn too_busy() -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        "Too many people sign in at this moment; try again in a few seconds.",
    )
}
