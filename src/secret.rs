//! A value that must not be seen: keys, tokens, passwords.
//! It cannot be printed, only exposed on purpose, and it compares in constant time.
//! It does not wipe memory: the same bytes also lie in the buffers they were read from.

use std::fmt;

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq as _;

/// A secret text. `Debug` shows a fixed word, there is no `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes the text over as a secret.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Every call is a place where it may leak: write it to a header, or
    /// compare it, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True for the empty text, which is never a valid secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in time that depends on the lengths only, never on where the first difference is.
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
    fn a_secret_prints_nothing_of_itself() {
        let shown = format!("{:?}", Some(Secret::new("sk-very-private")));
        assert_eq!(shown, "Some(Secret(hidden))");
    }

    #[test]
    fn secrets_are_equal_only_when_every_byte_is() {
        let secret = Secret::new("tw-123");
        assert!(secret.matches(b"tw-123"));
        for other in ["tw-124", "tw-12", "tw-1234", ""] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
            assert_ne!(secret, Secret::new(other));
        }
    }
}
