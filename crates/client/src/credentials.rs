use std::io;

use hither_protocol::AccessToken;

/// Keeps the access token outside the database, where only this person can read it.
///
/// Called on the database's thread, so an implementation may wait for a keychain.
pub trait Credentials: Send + 'static {
    /// The token kept for this account on this server; `None` when there is none.
    fn load(&self, server: &str, account: &str) -> io::Result<Option<AccessToken>>;

    /// Keeps a token; an earlier one goes.
    fn save(&mut self, server: &str, account: &str, token: &AccessToken) -> io::Result<()>;

    /// Drops whatever is kept; nothing kept is fine.
    fn forget(&mut self) -> io::Result<()>;
}
