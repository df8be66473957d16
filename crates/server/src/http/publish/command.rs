//! A publish from the command line: a publisher's, with its id and secret, through the same checks
//! as over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use hither_protocol::{PublishRequest, Published, PublisherId};
use tokio::fs::{File, metadata};
use tokio_util::io::ReaderStream;

use super::check::{MAX_ATTACHMENTS, too_many_attachments};
use super::hand_over_with;
use crate::attachments::Arrived;
use crate::http::publisher::{admit, unauthenticated};
use crate::http::{App, Failure, attachments};
use crate::store::SecretHash;

/// Publishes a message with files of this computer.
pub(crate) async fn on_command(
    app: &Arc<App>,
    id: &PublisherId,
    secret: &SecretHash,
    message: PublishRequest,
    files: &[PathBuf],
) -> Result<Published, Failure> {
    let publisher = admit(app, id.as_str(), secret).await?;
    let publisher = publisher.ok_or_else(unauthenticated)?;
    if files.len() > MAX_ATTACHMENTS {
        return Err(too_many_attachments());
    }
    let place = (!files.is_empty()).then(|| attachments::place(app, id));
    let _place = place.transpose()?;
    let mut arrived = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        arrived.push((name.into_owned(), take(app, file).await?));
    }
    let (_, Json(answer)) = hand_over_with(app, &publisher, message, arrived, None).await?;
    Ok(answer)
}

async fn take(app: &App, path: &Path) -> Result<Arrived, Failure> {
    let cannot = |why: &dyn core::fmt::Display| {
        Failure::invalid(format!("The server cannot read {}: {why}.", path.display()))
    };
    // Opening a pipe would wait for whoever writes into it.
    let about = metadata(path).await.map_err(|error| cannot(&error))?;
    if !about.is_file() {
        return Err(cannot(&"it is no file"));
    }
    let file = File::open(path).await.map_err(|error| cannot(&error))?;
    attachments::receive(app, ReaderStream::new(file)).await
}
