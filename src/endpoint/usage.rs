//! Where the responses of an upstream have their usage: JSON pointers (RFC 6901) for upstreams
//! whose dialect is unknown.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::identity::text::{Text, serde_as_text};

/// The places in a JSON response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UsagePlaces {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Pointer>,
    /// Tokens of the request, cached ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Pointer>,
    /// Those of them that were read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Pointer>,
    /// Those of them that were written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Pointer>,
    /// Tokens of the response, those of reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Pointer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Pointer>,
}

/// A JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Box<str>);

impl Pointer {
    const LONGEST: usize = 256;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Pointer {
    const EXPECTED: &'static str = "a JSON pointer, such as /usage/input_tokens, of at most 256 \
                                    bytes";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let mut escapes = text.split('~').skip(1);
        let are_escapes = escapes.all(|it| it.starts_with(['0', '1']));
        match text.starts_with('/') && text.len() <= Self::LONGEST && are_escapes {
            true => Ok(Pointer(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Pointer);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_begin_with_a_slash_and_escape_as_the_rfc_says() {
        for (text, is_pointer) in [
            ("/usage/in", true),
            ("/", true),
            ("/a~0b~1c", true),
            ("", false),
            ("usage", false),
            ("/a~", false),
            ("/a~2", false),
        ] {
            assert_eq!(Pointer::from_text(text).is_ok(), is_pointer, "{text}");
        }
    }
}
