//! What the owner of a topic says about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use hither_protocol::{ErrorCode, TopicName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ntfy::claimed;
use super::{App, Failure, JsonBody, Publisher};
use crate::store::Grantee;

/// The body of `PUT /v1/topics/{topic}`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct TopicSettings {
    private: bool,
}

/// Its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TopicState {
    name: TopicName,
    private: bool,
}

/// `PUT /v1/topics/{topic}`: a free name becomes the publisher's own.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Publisher(publisher): Publisher,
    name: Result<Path<String>, PathRejection>,
    body: JsonBody<TopicSettings>,
) -> Result<Json<TopicState>, Failure> {
    let Path(name) = name.map_err(|error| Failure::malformed(error.body_text()))?;
    let topic = claimed(&app, &name, &publisher.id).await?;
    let who = Grantee::Publisher(publisher.id);
    if !app.store.rights(&topic.name, &who).await?.owns {
        return Err(Failure::new(
            ErrorCode::Forbidden,
            "Only the owner of a topic may do this; an administrator can, too: \
             hither-server topic private TOPIC.",
        ));
    }
    let private = body.value.private;
    app.store.set_private(&topic.name, private).await?;
    Ok(Json(TopicState {
        name: topic.name,
        private,
    }))
}
