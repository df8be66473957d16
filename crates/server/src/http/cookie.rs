//! Access tokens in cookies, which no script reads and no other site's page sends.

use core::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use hither_protocol::AccessToken;

use super::Origin;

/// A cookie that stands for an access token.
pub(super) struct Cookie {
    pub(super) name: &'static str,
    /// Below which addresses browsers send it.
    pub(super) path: &'static str,
}

impl Cookie {
    /// The access token in it.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<AccessToken> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name)
            .map(|(_, token)| AccessToken::new(token.to_owned()))
    }

    /// What a browser is told to keep for so long.
    pub(super) fn set(&self, token: &AccessToken, lasts: Duration, origin: &Origin) -> String {
        self.line(token.expose(), lasts, origin)
    }

    /// What a browser is told that has it no more.
    pub(super) fn forget(&self, origin: &Origin) -> String {
        self.line("", Duration::ZERO, origin)
    }

    fn line(&self, token: &str, lasts: Duration, origin: &Origin) -> String {
        let Self { name, path } = self;
        let max_age_s = lasts.as_secs();
        let secure = if origin.is_secure() { "; Secure" } else { "" };
        format!(
            "{name}={token}; HttpOnly; SameSite=Strict; Path={path}; Max-Age={max_age_s}{secure}"
        )
    }
}
