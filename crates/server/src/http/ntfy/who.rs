//! Who asks: a publisher or an account, by any of the credentials that ntfy's clients send.

use core::net::SocketAddr;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::GeneralPurpose;
use hither_protocol::{AccessToken, AccountName, ErrorCode, PublisherId};

use super::error::{NtfyError, Why};
use super::params::{self, Params};
use crate::accounts::clock;
use crate::http::authorization::{Authorization, LENIENT};
use crate::http::{App, publisher, sign_in};
use crate::secret;
use crate::session::INBOX;
use crate::store::{Grantee, PublisherRecord, SecretHash};

const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Somebody whose credentials were right.
#[derive(Clone, Debug)]
pub(super) enum Who {
    Publisher(PublisherRecord, SecretHash),
    Account(AccountName, Proof),
}

/// What an account showed.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    Token(AccessToken),
    /// A password, checked against this hash.
    Password(String),
}

impl Who {
    /// Nobody where the request carries no credentials.
    pub(super) async fn asks(
        app: &App,
        peer: SocketAddr,
        params: &Params,
    ) -> Result<Option<Self>, NtfyError> {
        match credentials(params)? {
            None => Ok(None),
            Some(Authorization::Bearer(token)) => by_token(app, &token).await.map(Some),
            Some(Authorization::Basic(name, token)) if name.is_empty() => {
                by_token(app, &token).await.map(Some)
            }
            // Its secret cannot be guessed: a wrong one neither costs a slow check nor counts
            // against the people behind this address.
            Some(Authorization::Basic(name, secret)) if name.parse::<PublisherId>().is_ok() => {
                let publisher = by_secret(app, &name, &secret).await?;
                publisher.ok_or_else(wrong).map(Some)
            }
            Some(Authorization::Basic(name, secret)) => {
                by_password(app, peer, &name, secret).await.map(Some)
            }
        }
    }

    pub(super) fn grantee(&self) -> Grantee {
        match self {
            Self::Publisher(publisher, _) => Grantee::Publisher(publisher.id.clone()),
            Self::Account(name, _) => Grantee::Account(name.clone()),
        }
    }

    /// Whether what was shown is still right.
    pub(super) async fn is_still_right(&self, app: &App) -> Result<bool, NtfyError> {
        match self {
            Self::Publisher(shown, secret) => {
                let publisher = app.store.publisher(&shown.id).await?;
                Ok(publisher
                    .is_some_and(|now| now.disabled_at.is_none() && now.secrets.contains(secret)))
            }
            Self::Account(_, Proof::Token(token)) => Ok(app.identify(token).await?.is_some()),
            Self::Account(name, Proof::Password(phc)) => {
                let account = app.store.account(name).await?;
                Ok(account
                    .is_some_and(|now| now.disabled_at.is_none() && now.password_hash == *phc))
            }
        }
    }
}

/// From the header, or from `?auth=`, which is the header's value once more in base64: browsers
/// cannot set headers when they open a WebSocket.
pub(super) fn credentials(params: &Params) -> Result<Option<Authorization>, NtfyError> {
    let Some(text) = params.text(params::AUTHORIZATION) else {
        return Ok(None);
    };
    let decoded = (params.in_query(params::AUTHORIZATION) == Some(text))
        .then(|| BASE64_URL.decode(text).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    Authorization::parse(decoded.as_deref().unwrap_or(text))
        .map(Some)
        .ok_or_else(|| {
            let detail = "send Authorization: Basic or Bearer, or that in base64 as ?auth=";
            NtfyError::new(Why::Unauthorized, detail)
        })
}

/// `id.secret` of a publisher, or an account's access token.
async fn by_token(app: &App, token: &str) -> Result<Who, NtfyError> {
    if let Some((id, secret)) = token.split_once('.')
        && let Some(publisher) = by_secret(app, id, secret).await?
    {
        return Ok(publisher);
    }
    let token = AccessToken::new(token.to_owned());
    let identity = app.identify(&token).await?.ok_or_else(wrong)?;
    if identity.application != INBOX {
        let detail = "only sign-ins of the application hither read topics";
        return Err(NtfyError::new(Why::Forbidden, detail));
    }
    admitted(app, identity.account, Proof::Token(token))
}

async fn by_secret(app: &App, id: &str, secret: &str) -> Result<Option<Who>, NtfyError> {
    let secret = secret::hash(secret);
    let publisher = publisher::admit(app, id, &secret).await?;
    Ok(publisher.map(|publisher| Who::Publisher(publisher, secret)))
}

/// The slow check is spared where the same password was right a moment ago; wrong ones are limited
/// together with failed sign-ins.
async fn by_password(
    app: &App,
    peer: SocketAddr,
    name: &str,
    password: String,
) -> Result<Who, NtfyError> {
    if let Ok(known) = name.parse::<AccountName>()
        && let Some(account) = app.store.account(&known).await?
        && account.disabled_at.is_none()
        && app.known_passwords.knows(&account, &password, clock::now())
    {
        return admitted(app, known, Proof::Password(account.password_hash));
    }
    let attempt = app.attempts.begin(peer.ip(), name).map_err(|failure| {
        let wait = failure.retry_after_s().unwrap_or(1);
        NtfyError::new(Why::TooManyGuesses, failure.into_detail()).retry_after(wait)
    })?;
    let found = sign_in::authenticate(app, name, password.clone(), sign_in::Entrance::Client).await;
    let account = match found {
        Err(failure) if failure.code() == ErrorCode::WrongCredentials => {
            attempt.failed();
            return Err(wrong());
        }
        found => found?,
    };
    app.known_passwords
        .remember(&account, &password, clock::now());
    let proof = Proof::Password(account.password_hash);
    admitted(app, account.name, proof)
}

/// An account that does not ask too often.
fn admitted(app: &App, name: AccountName, proof: Proof) -> Result<Who, NtfyError> {
    app.limiter.account(&name)?;
    Ok(Who::Account(name, proof))
}

fn wrong() -> NtfyError {
    NtfyError::new(
        Why::Unauthorized,
        "send a publisher's id and secret, or an account's name and password or access token",
    )
}

#[cfg(test)]
mod tests {
    use super::super::params::tests::params;
    use super::*;

    fn basic(name: &str, secret: &str) -> Authorization {
        Authorization::Basic(name.to_owned(), secret.to_owned())
    }

    #[test]
    fn credentials_come_in_header_or_query() {
        let bearer = Authorization::Bearer("tk_1".to_owned());
        // base64 of "ada:pass", and base64 of the header with it.
        let header = "Basic YWRhOnBhc3M=";
        let query = "auth=QmFzaWMgWVdSaE9uQmhjM009";
        for (headers, query, expected) in [
            (
                &[("Authorization", header)][..],
                "",
                Some(basic("ada", "pass")),
            ),
            (
                &[("Authorization", "basic YWRhOnBhc3M")],
                "",
                Some(basic("ada", "pass")),
            ),
            (
                &[("Authorization", "Basic OnRrXzE=")],
                "",
                Some(basic("", "tk_1")),
            ),
            (&[("Authorization", "Bearer tk_1")], "", Some(bearer)),
            (&[], query, Some(basic("ada", "pass"))),
            (&[], "", None),
        ] {
            assert_eq!(
                credentials(&params(headers, query)),
                Ok(expected),
                "{headers:?} {query}"
            );
        }
        for (headers, query) in [
            (&[("Authorization", "Digest x")][..], ""),
            (&[("Authorization", "Basic %%")], ""),
            (&[("Authorization", "Basic")], ""),
            (&[], "auth=nonsense"),
        ] {
            let error = credentials(&params(headers, query)).unwrap_err();
            assert_eq!(error.why(), Why::Unauthorized, "{headers:?} {query}");
        }
    }
}
