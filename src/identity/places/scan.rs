//! Finds keys in any text, whatever surrounds them: the last check of what is about to leave. A key
//! in an unexpected place is no longer a credential but a leak.

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;

use super::{basic, read::split_scheme};
use crate::identity::token::{GatewayKey, KEY_LENGTH, PREFIX};

static PREFIXES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREFIX));

/// Whether a key stands anywhere in the bytes, as it is or percent-encoded. Where there is none,
/// this costs two searches that look at many bytes at a time.
pub fn contains_key(bytes: &[u8]) -> bool {
    if bytes.len() < KEY_LENGTH {
        // The usual case. Every encoding is longer than what it stands for.
        return false;
    }
    if contains_plain_key(bytes) {
        return true;
    }
    let is_encoded = memchr::memchr(b'%', bytes).is_some();
    is_encoded && {
        let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode(bytes).into();
        contains_plain_key(&decoded)
    }
}

/// The same for the value of a header line, which may be a Basic credential.
pub fn line_contains_key(value: &[u8]) -> bool {
    let mut found = contains_key(value);
    match split_scheme(value) {
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case(b"basic") => {
            basic::decode(credentials, |decoded| found |= contains_key(decoded));
            found
        }
        Some(_) | None => found,
    }
}

fn contains_plain_key(bytes: &[u8]) -> bool {
    let mut places = PREFIXES.find_iter(bytes);
    places.any(|start| {
        let candidate = bytes.get(start..start + KEY_LENGTH);
        candidate.is_some_and(|text| GatewayKey::parse(text).is_some())
    })
}
