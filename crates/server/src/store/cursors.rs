use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hither_protocol::{AccountName, Cursor};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Epoch, Position};

const EPOCH_BYTES: usize = 8;
const POSITION_BYTES: usize = 8;
const SEAL_BYTES: usize = 8;

/// A cursor that this store did not make for this account, or made in an earlier life.
/// The client starts over without one and keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown cursor: start over without one")]
pub struct UnknownCursor;

/// Makes the opaque text that clients keep, and reads it back.
///
/// A cursor says (epoch, position) and is sealed for one account, so that a forged, foreign or
/// outlived one is recognised instead of skipping messages. The seal is no credential: who holds a
/// cursor still needs the account's access token.
#[derive(Clone)]
pub struct Cursors {
    epoch: Epoch,
    key: [u8; 32],
}

impl Cursors {
    /// For one life of a store and the random key kept in it.
    #[must_use]
    pub const fn new(epoch: Epoch, key: [u8; 32]) -> Self {
        Self { epoch, key }
    }

    /// The cursor of an account that got as far as `position`.
    #[must_use]
    pub fn make(&self, account: &AccountName, position: Position) -> Cursor {
        let mut bytes = [0; EPOCH_BYTES + POSITION_BYTES + SEAL_BYTES];
        bytes[..EPOCH_BYTES].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[EPOCH_BYTES..][..POSITION_BYTES].copy_from_slice(&position.0.to_be_bytes());
        bytes[EPOCH_BYTES + POSITION_BYTES..].copy_from_slice(&self.seal(account, position));
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    /// How far the cursor says its account got. `head` is the store's newest position: a cursor
    /// beyond it outlived a restore.
    pub fn parse(
        &self,
        account: &AccountName,
        cursor: &Cursor,
        head: Position,
    ) -> Result<Position, UnknownCursor> {
        let bytes: [u8; EPOCH_BYTES + POSITION_BYTES + SEAL_BYTES] = URL_SAFE_NO_PAD
            .decode(cursor.as_str())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(UnknownCursor)?;
        let (epoch, rest) = bytes.split_at(EPOCH_BYTES);
        let (position, seal) = rest.split_at(POSITION_BYTES);
        let position = Position(position.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)));
        let genuine = epoch == self.epoch.0.to_be_bytes()
            && bool::from(self.seal(account, position).ct_eq(seal));
        if genuine && position <= head {
            Ok(position)
        } else {
            Err(UnknownCursor)
        }
    }

    fn seal(&self, account: &AccountName, position: Position) -> [u8; SEAL_BYTES] {
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(self.epoch.0.to_be_bytes())
            .chain_update(position.0.to_be_bytes())
            .chain_update(account.as_str())
            .finalize();
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&digest[..SEAL_BYTES]);
        seal
    }
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursors")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(epoch: u64, key: u8) -> Cursors {
        Cursors::new(Epoch(epoch), [key; 32])
    }

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    #[test]
    fn a_cursor_is_known_to_its_own_account_and_store_only() {
        let own = cursors(7, 1);
        let ada = name("ada");
        for position in [0, 1, 255, 256, u64::MAX].map(Position) {
            let cursor = own.make(&ada, position);
            assert_eq!(own.parse(&ada, &cursor, position), Ok(position));
            for (store, account) in [
                (&own, &name("bob")),
                (&own, &name("adaa")),
                (&cursors(8, 1), &ada),
                (&cursors(7, 2), &ada),
            ] {
                let parsed = store.parse(account, &cursor, Position(u64::MAX));
                assert_eq!(parsed, Err(UnknownCursor));
            }
        }
    }

    #[test]
    fn a_cursor_beyond_the_newest_position_is_unknown() {
        let cursor = cursors(7, 1).make(&name("ada"), Position(5));
        for (head, fine) in [(4, false), (5, true), (6, true)] {
            let parsed = cursors(7, 1).parse(&name("ada"), &cursor, Position(head));
            assert_eq!(parsed.is_ok(), fine);
        }
    }

    #[test]
    fn a_changed_or_foreign_text_is_unknown() {
        let (own, ada) = (cursors(7, 1), name("ada"));
        let genuine = own.make(&ada, Position(300));
        let text = genuine.as_str();
        let refused = |text: String| {
            let cursor = Cursor::from(text);
            assert_eq!(
                own.parse(&ada, &cursor, Position(u64::MAX)),
                Err(UnknownCursor)
            );
        };
        for place in 0..text.len() {
            let other = if &text[place..=place] == "A" {
                "B"
            } else {
                "A"
            };
            refused(format!("{}{other}{}", &text[..place], &text[place + 1..]));
            if place > 0 {
                refused(text[..place].to_owned());
            }
        }
        for foreign in [
            "",
            "0",
            "null",
            "1700000000",
            "%00",
            "a b",
            "é",
            &"A".repeat(1000),
        ] {
            refused(foreign.to_owned());
        }
        refused(format!("{text}A"));
        refused(format!("{text}="));
    }
}
