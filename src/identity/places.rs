//! Where a gateway key may stand in a request, and how it is taken out, so that it never leaves.
//! Only a text with our prefix and a valid checksum is a key; any other credential in these places
//! is the caller's own, and stays.

mod basic;
mod read;
mod scan;
mod search;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use actix_http::header::{self, HeaderMap, HeaderName};

use self::read::{authorization, is_key_parameter, is_key_subprotocol, read_query, subprotocol};
pub use self::{
    scan::{contains_key, line_contains_key},
    search::{Found, Misplaced, Places, Search},
};

use super::token::KEY_LENGTH;

/// A place where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `x-gateway-api-key`.
    Gateway,
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The user name of `Authorization: Basic`.
    BasicUser,
    /// The password of `Authorization: Basic`.
    BasicPassword,
    /// `Credential=KEY/...` of an AWS signature, version 4.
    AwsCredential,
    /// `x-api-key`.
    XApiKey,
    /// `api-key`.
    ApiKey,
    /// `x-goog-api-key`.
    XGoogApiKey,
    /// `Sec-WebSocket-Protocol: openai-insecure-api-key.KEY`.
    Subprotocol,
    /// `?key=KEY`.
    Query,
}

impl Place {
    pub const ALL: [Place; 10] = [
        Place::Gateway,
        Place::Bearer,
        Place::BasicUser,
        Place::BasicPassword,
        Place::AwsCredential,
        Place::XApiKey,
        Place::ApiKey,
        Place::XGoogApiKey,
        Place::Subprotocol,
        Place::Query,
    ];

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Place::Gateway => "x-gateway-api-key",
            Place::Bearer => "authorization (Bearer)",
            Place::BasicUser => "authorization (Basic, user)",
            Place::BasicPassword => "authorization (Basic, password)",
            Place::AwsCredential => "authorization (AWS4, Credential)",
            Place::XApiKey => "x-api-key",
            Place::ApiKey => "api-key",
            Place::XGoogApiKey => "x-goog-api-key",
            Place::Subprotocol => "sec-websocket-protocol",
            Place::Query => "the query parameter key",
        }
    }
}

/// A header in which a key may stand.
struct HeaderPlace {
    name: HeaderName,
    /// Looks for keys in the value of a line.
    read: fn(&[u8], &mut Search),
    /// What is left of a line in which a key stands; `None`: the line goes.
    rest: fn(&[u8]) -> Option<Vec<u8>>,
}

/// Besides `x-gateway-api-key`, which is parsed with the other directives and never crosses.
static HEADERS: [HeaderPlace; 5] = [
    HeaderPlace {
        name: header::AUTHORIZATION,
        read: authorization,
        rest: |_| None,
    },
    HeaderPlace {
        name: HeaderName::from_static("x-api-key"),
        read: |value, search| search.see(Place::XApiKey, value.trim_ascii()),
        rest: |_| None,
    },
    HeaderPlace {
        name: HeaderName::from_static("api-key"),
        read: |value, search| search.see(Place::ApiKey, value.trim_ascii()),
        rest: |_| None,
    },
    HeaderPlace {
        name: HeaderName::from_static("x-goog-api-key"),
        read: |value, search| search.see(Place::XGoogApiKey, value.trim_ascii()),
        rest: |_| None,
    },
    HeaderPlace {
        name: header::SEC_WEBSOCKET_PROTOCOL,
        read: subprotocol,
        rest: |value| {
            let left = without_parts(value, b',', is_key_subprotocol)?;
            let left = left.trim_ascii();
            (!left.is_empty()).then(|| left.to_vec())
        },
    },
];

/// Where to look for a key.
#[derive(Clone, Copy)]
pub struct Presented<'r> {
    /// The value of `x-gateway-api-key` or its alias, if it is not empty.
    pub own: Option<&'r [u8]>,
    pub headers: &'r HeaderMap,
    pub query: Option<&'r str>,
}

/// Finds the key of a request. Allocates nothing, except for a Basic credential of more than 768
/// bytes.
///
/// # Errors
/// The request has two different keys, or a text that is not a key in the header that is for keys
/// alone.
pub fn find(presented: &Presented<'_>) -> Result<Option<Found>, Misplaced> {
    let mut search = Search::default();
    if let Some(own) = presented.own {
        search.see(Place::Gateway, own.trim_ascii());
        if !search.has_found() {
            return Err(Misplaced::NotAKey);
        }
    }
    for place in &HEADERS {
        for line in presented.headers.get_all(&place.name) {
            (place.read)(line.as_bytes(), &mut search);
        }
    }
    read_query(presented.query.unwrap_or_default(), &mut search);
    search.finish()
}

/// The value of a header line without the keys that stand in one of their places; `None`: the line
/// goes.
pub fn line_without_keys<'v>(name: &HeaderName, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
    if value.len() < KEY_LENGTH {
        return Some(Cow::Borrowed(value));
    }
    match HEADERS.iter().find(|place| place.name == *name) {
        Some(place) if has_key(place, value) => (place.rest)(value).map(Cow::Owned),
        Some(_) | None => Some(Cow::Borrowed(value)),
    }
}

fn has_key(place: &HeaderPlace, value: &[u8]) -> bool {
    let mut search = Search::default();
    (place.read)(value, &mut search);
    search.has_found()
}

/// The query without parameters that are keys, every other byte as it was; `None`: no parameter is
/// left, so that the `?` goes, too.
pub fn query_without_keys(query: &str) -> Option<Cow<'_, str>> {
    if !query
        .split('&')
        .any(|part| is_key_parameter(part.as_bytes()))
    {
        return Some(Cow::Borrowed(query));
    }
    let left = without_parts(query.as_bytes(), b'&', is_key_parameter)?;
    // Whole parts of UTF-8 text, cut at ASCII signs, are UTF-8.
    String::from_utf8(left).ok().map(Cow::Owned)
}

/// The parts between separators without some of them; `None`: none is left.
fn without_parts(text: &[u8], separator: u8, goes: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let parts = text.split(|byte| *byte == separator);
    let left: Vec<&[u8]> = parts.filter(|part| !goes(part)).collect();
    (!left.is_empty()).then(|| left.join(&separator))
}
