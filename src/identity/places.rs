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

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub use self::{
    read::read_query,
    scan::contains_key,
    search::{Found, Misplaced, Places, Search},
};
use self::{
    read::{authorization, is_key_parameter, is_key_subprotocol, subprotocol},
    scan::line_contains_key,
};

use super::token::KEY_LENGTH;

/// A place where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `x-gateway-api-key`.
    Gateway,
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `Authorization: Token KEY`.
    Token,
    /// `Authorization: KEY`, without a scheme.
    Bare,
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
    /// `xi-api-key`.
    XiApiKey,
    /// `Sec-WebSocket-Protocol: openai-insecure-api-key.KEY`.
    Subprotocol,
    /// `?key=KEY`.
    Query,
}

impl Place {
    pub const ALL: [Place; 13] = [
        Place::Gateway,
        Place::Bearer,
        Place::Token,
        Place::Bare,
        Place::BasicUser,
        Place::BasicPassword,
        Place::AwsCredential,
        Place::XApiKey,
        Place::ApiKey,
        Place::XGoogApiKey,
        Place::XiApiKey,
        Place::Subprotocol,
        Place::Query,
    ];

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Place::Gateway => "x-gateway-api-key",
            Place::Bearer => "authorization (Bearer)",
            Place::Token => "authorization (Token)",
            Place::Bare => "authorization",
            Place::BasicUser => "authorization (Basic, user)",
            Place::BasicPassword => "authorization (Basic, password)",
            Place::AwsCredential => "authorization (AWS4, Credential)",
            Place::XApiKey => "x-api-key",
            Place::ApiKey => "api-key",
            Place::XGoogApiKey => "x-goog-api-key",
            Place::XiApiKey => "xi-api-key",
            Place::Subprotocol => "sec-websocket-protocol",
            Place::Query => "the query parameter key",
        }
    }
}

/// A header in which a key may stand.
struct HeaderPlace {
    name: HeaderName,
    /// The places in its value.
    places: Places,
    /// Looks for keys in the value of a line.
    read: fn(&[u8], &mut Search),
    /// What is left of a line in which a key stands. Without it, the whole line goes.
    rest: Option<Rest>,
}

/// What is left of a line without its keys; `None`: nothing.
type Rest = fn(&[u8]) -> Option<Vec<u8>>;

/// Besides `x-gateway-api-key`, which is parsed with the other directives and never crosses.
static HEADERS: [HeaderPlace; 6] = [
    HeaderPlace {
        name: header::AUTHORIZATION,
        places: Places::of(&[
            Place::Bearer,
            Place::Token,
            Place::Bare,
            Place::BasicUser,
            Place::BasicPassword,
            Place::AwsCredential,
        ]),
        read: authorization,
        rest: None,
    },
    HeaderPlace {
        name: HeaderName::from_static("x-api-key"),
        places: Places::of(&[Place::XApiKey]),
        read: |value, search| search.see(Place::XApiKey, value.trim_ascii()),
        rest: None,
    },
    HeaderPlace {
        name: HeaderName::from_static("api-key"),
        places: Places::of(&[Place::ApiKey]),
        read: |value, search| search.see(Place::ApiKey, value.trim_ascii()),
        rest: None,
    },
    HeaderPlace {
        name: HeaderName::from_static("x-goog-api-key"),
        places: Places::of(&[Place::XGoogApiKey]),
        read: |value, search| search.see(Place::XGoogApiKey, value.trim_ascii()),
        rest: None,
    },
    HeaderPlace {
        name: HeaderName::from_static("xi-api-key"),
        places: Places::of(&[Place::XiApiKey]),
        read: |value, search| search.see(Place::XiApiKey, value.trim_ascii()),
        rest: None,
    },
    HeaderPlace {
        name: header::SEC_WEBSOCKET_PROTOCOL,
        places: Places::of(&[Place::Subprotocol]),
        read: subprotocol,
        rest: Some(|value| {
            let left = without_parts(value, b',', is_key_subprotocol)?;
            let left = left.trim_ascii();
            (!left.is_empty()).then(|| left.to_vec())
        }),
    },
];

/// What one header line holds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing. Lines shorter than a key are not looked at.
    NoKey,
    /// A key in one of its places: it comes out, and the rest of the line may go on.
    Key,
    /// A key that would be sent on, since nobody looks for one there.
    Stray,
}

/// Looks at one header line for keys. Allocates nothing, except for a Basic credential of more than
/// 768 bytes.
pub fn look_at_line(name: &HeaderName, value: &[u8], search: &mut Search) -> Line {
    if value.len() < KEY_LENGTH {
        return Line::NoKey;
    }
    if let Some(place) = HEADERS.iter().find(|place| place.name == *name) {
        let before = search.seen();
        (place.read)(value, search);
        if search.seen() > before {
            return Line::Key;
        }
    }
    match line_contains_key(value) {
        true => Line::Stray,
        false => Line::NoKey,
    }
}

/// Takes the keys out of the lines in which they stand: `places`, or all where that is not known.
/// Gives a header of which the rest still holds a key.
pub fn remove_from_lines(
    headers: &mut HeaderMap,
    places: Option<Places>,
) -> Option<&'static HeaderName> {
    let mut stray = None;
    let is_concerned = |it: &&HeaderPlace| places.is_none_or(|places| places.meets(it.places));
    for place in HEADERS.iter().filter(is_concerned) {
        let lines = headers.remove(&place.name);
        if lines.len() == 1 && place.rest.is_none() && places.is_some() {
            continue;
        }
        for value in lines {
            let Some(left) = place.without_keys(value.as_bytes()) else {
                continue;
            };
            if left.len() < value.len() && contains_key(&left) {
                stray = Some(&place.name);
            }
            if let Ok(left) = HeaderValue::from_bytes(&left) {
                headers.append(place.name.clone(), left);
            }
        }
    }
    stray
}

impl HeaderPlace {
    /// The value of a line without the keys that stand in it; `None`: the line goes.
    fn without_keys<'v>(&self, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        let mut search = Search::default();
        (self.read)(value, &mut search);
        match (search.seen(), self.rest) {
            (0, _) => Some(Cow::Borrowed(value)),
            (_, Some(rest)) => rest(value).map(Cow::Owned),
            (_, None) => None,
        }
    }
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
