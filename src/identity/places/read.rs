//! Reads the texts that would be keys out of header lines and queries. Nothing here allocates.

use super::{Place, Search, basic};
use crate::identity::token::{GatewayKey, KEY_LENGTH};

/// `Authorization` by its scheme (RFC 9110 §11.6.2).
pub(super) fn authorization(value: &[u8], search: &mut Search) {
    let Some((scheme, credentials)) = split_scheme(value) else {
        return search.see(Place::Bare, value.trim_ascii());
    };
    match scheme {
        _ if scheme.eq_ignore_ascii_case(b"bearer") => search.see(Place::Bearer, credentials),
        _ if scheme.eq_ignore_ascii_case(b"token") => search.see(Place::Token, credentials),
        _ if scheme.eq_ignore_ascii_case(b"basic") => user_and_password(credentials, search),
        _ if has_prefix(scheme, b"aws4-") => aws_credential(credentials, search),
        _ => {}
    }
}

/// The scheme and what follows it, without white space around them.
pub(super) fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = value.trim_ascii_start();
    let end = value.iter().position(u8::is_ascii_whitespace)?;
    Some((&value[..end], value[end..].trim_ascii()))
}

/// RFC 7617 §2: the user name ends at the first colon.
fn user_and_password(credentials: &[u8], search: &mut Search) {
    basic::decode(credentials, |decoded| {
        let mut parts = decoded.splitn(2, |byte| *byte == b':');
        for place in [Place::BasicUser, Place::BasicPassword] {
            search.see(place, parts.next().unwrap_or_default());
        }
    });
}

/// AWS Signature Version 4: `Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=...`.
fn aws_credential(parameters: &[u8], search: &mut Search) {
    for parameter in parameters.split(|byte| *byte == b',') {
        if let Some(credential) = parameter.trim_ascii().strip_prefix(b"Credential=") {
            let key = credential.split(|byte| *byte == b'/').next();
            search.see(Place::AwsCredential, key.unwrap_or_default());
        }
    }
}

/// Browsers cannot set headers for a WebSocket, so OpenAI's clients offer their key as a
/// subprotocol.
const SUBPROTOCOL_PREFIX: &[u8] = b"openai-insecure-api-key.";

/// `Sec-WebSocket-Protocol`.
pub(super) fn subprotocol(value: &[u8], search: &mut Search) {
    for offered in value.split(|byte| *byte == b',') {
        if let Some(key) = subprotocol_credential(offered) {
            search.see(Place::Subprotocol, key);
        }
    }
}

pub(super) fn is_key_subprotocol(offered: &[u8]) -> bool {
    subprotocol_credential(offered).is_some_and(|key| GatewayKey::parse(key).is_some())
}

fn subprotocol_credential(offered: &[u8]) -> Option<&[u8]> {
    let offered = offered.trim_ascii();
    has_prefix(offered, SUBPROTOCOL_PREFIX).then(|| &offered[SUBPROTOCOL_PREFIX.len()..])
}

/// `prefix` in any case.
fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    let start = text.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The parameters `key` of a query.
pub fn read_query(query: &str, search: &mut Search) {
    for part in query.as_bytes().split(|byte| *byte == b'&') {
        if let Some(value) = key_parameter(part) {
            search.see(Place::Query, &value);
        }
    }
}

pub(super) fn is_key_parameter(part: &[u8]) -> bool {
    key_parameter(part).is_some_and(|value| GatewayKey::parse(&value).is_some())
}

/// The value of a parameter `key` that has a key's length; both may be percent-encoded.
fn key_parameter(part: &[u8]) -> Option<[u8; KEY_LENGTH]> {
    let separator = part.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&part[..separator], &part[separator + 1..]);
    let is_key = percent_encoding::percent_decode(name).eq(b"key".iter().copied());
    if !is_key {
        return None;
    }
    let mut decoded = percent_encoding::percent_decode(value);
    let mut text = [0; KEY_LENGTH];
    for byte in &mut text {
        *byte = decoded.next()?;
    }
    decoded.next().is_none().then_some(text)
}
