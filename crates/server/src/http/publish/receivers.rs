//! Whom a message is for.

use std::collections::BTreeSet;

use hither_protocol::{AccountName, ErrorCode, Recipients};

use super::{Failure, not_offered};

pub(crate) const MAX_ACCOUNTS: usize = 1000;

/// Names that cannot be an account's are as unknown as others.
pub(super) fn receivers(to: &Recipients) -> Result<Vec<AccountName>, Failure> {
    let elsewhere = [
        ("to.topics", !to.topics.is_empty()),
        ("to.tokens", !to.tokens.is_empty()),
        ("to.everyone", to.everyone),
    ];
    if let Some((name, _)) = elsewhere.iter().find(|(_, asked)| *asked) {
        return Err(not_offered(name));
    }
    if !(1..=MAX_ACCOUNTS).contains(&to.accounts.len()) {
        let detail = format!("to.accounts must name 1 to {MAX_ACCOUNTS} accounts.");
        return Err(Failure::invalid(detail));
    }
    let names: BTreeSet<AccountName> = to
        .accounts
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    if names.is_empty() {
        return Err(no_receivers());
    }
    Ok(names.into_iter().collect())
}

pub(super) fn no_receivers() -> Failure {
    Failure::new(
        ErrorCode::NoReceivers,
        "None of the receivers is known here to this publisher; nothing was stored.",
    )
}
