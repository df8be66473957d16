//! Addresses that somebody wants this server to post to.

use super::{App, Failure};
use crate::outbound::{OutboundError, Target};

/// What a field of a request names, where something could be posted there at this moment.
pub(super) async fn target(app: &App, field: &str, text: &str) -> Result<Target, Failure> {
    let target: Target = text
        .parse()
        .map_err(|error| Failure::invalid(format!("{field}: {error}.")))?;
    if let Err(error) = app.outbound.check(&target).await {
        tracing::info!(field, %error, "an address is not taken");
        return Err(out_of_reach(field, &error));
    }
    Ok(target)
}

/// What a name means inside is not for those to know who send requests, nor whether it means
/// anything there.
fn out_of_reach(field: &str, error: &OutboundError) -> Failure {
    let why = match error {
        OutboundError::Plain => {
            " must begin with https://; the server's administrator can allow networks where \
             http:// is enough."
        }
        OutboundError::Port(_) => {
            " names a port that is not allowed: use 443 or 80, or have the server's \
             administrator allow its network."
        }
        _ => {
            " leads to no public address: look how its name is written, try again once it is \
             known, or have the server's administrator allow its network."
        }
    };
    Failure::invalid(format!("{field}{why}"))
}
