use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// SHA-256 of a file's content, which is also its name. As text: 64 digits, `0-9a-f`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash(pub [u8; 32]);

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file's hash has 64 digits 0-9a-f")]
pub struct InvalidHash;

impl FileHash {
    /// Where it is kept, inside the folder of all: `aa/bb/aabb…`.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let text = self.to_string();
        [&text[..2], &text[2..4], &text].iter().collect()
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FileHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let digits = text.as_bytes();
        let is_lower_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.iter().all(is_lower_hex) {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_its_name() {
        let hash = FileHash(std::array::from_fn(|n| u8::try_from(n * 7).unwrap()));
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(hash.path().to_str().unwrap(), format!("00/07/{text}"));
        for wrong in [
            "",
            &text[1..],
            &text.replace("07", "0G"),
            &text.to_uppercase(),
            &format!("+{}", &text[1..]),
            &"é".repeat(32),
        ] {
            assert_eq!(wrong.parse::<FileHash>(), Err(InvalidHash), "{wrong}");
        }
    }
}
