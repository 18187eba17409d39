//! A secret value: a key, token or password. It cannot be printed, only exposed explicitly, and it
//! is compared in constant time. Memory is not wiped, since the same bytes are also in the buffers
//! they were read from.

use std::fmt;

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq as _;

/// A secret text. `Debug` prints a fixed word; there is no `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret text. Each call is a possible leak: only write it to a header or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty, which is never a valid secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in time that depends only on the lengths, not on the position of the first
    /// difference.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_never_printed() {
        let shown = format!("{:?}", Some(Secret::new("sk-very-private")));
        assert_eq!(shown, "Some(Secret(hidden))");
    }

    #[test]
    fn secrets_are_equal_only_if_every_byte_is_equal() {
        let secret = Secret::new("tw-123");
        assert!(secret.matches(b"tw-123"));
        for other in ["tw-124", "tw-12", "tw-1234", ""] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
            assert_ne!(secret, Secret::new(other));
        }
    }
}
