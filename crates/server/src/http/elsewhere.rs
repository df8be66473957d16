//! Addresses that somebody wants this server to post to.

use super::{App, Failure};
use crate::outbound::{OutboundError, Target};

/// What a field of a request names, where something could be posted there at this moment.
pub(super) async fn target(app: &App, field: &str, text: &str) -> Result<Target, Failure> {
    let target: Target = text
        .parse()
        .map_err(|error| Failure::invalid(format!("{field}: {error}.")))?;
    let reached = app.outbound.check(&target).await;
    reached.map_err(|error| out_of_reach(field, &error))?;
    Ok(target)
}

/// To which address a name leads inside is not for those to know who send requests.
fn out_of_reach(field: &str, error: &OutboundError) -> Failure {
    let why = match error {
        OutboundError::Plain => {
            " must begin with https://; the server's administrator can allow networks where \
             http:// is enough."
        }
        OutboundError::Private(_) => {
            " leads to a private address: use a public one, or have the server's administrator \
             allow its network."
        }
        OutboundError::Port(_) => {
            " names a port that is not allowed: use 443 or 80, or have the server's \
             administrator allow its network."
        }
        OutboundError::TooSlow(_) => "'s name was not looked up in time: try again in a moment.",
        _ => "'s name leads nowhere: look how it is written, or try again once it is known.",
    };
    Failure::invalid(format!("{field}{why}"))
}
