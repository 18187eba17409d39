//! Which headers apply to one connection only (RFC 9110 §7.6.1), used for forwarding and for
//! storing responses.

use actix_http::header::{self, HeaderMap, HeaderName};

use super::list;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The header names that a response lists in `Connection`, without its options. As bytes, so that
/// one invalid name does not hide the others.
pub fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::CONNECTION);
    let tokens = lines.flat_map(|value| list::items(value.as_bytes()));
    tokens.filter(|token| !is_connection_option(token))
}

/// An option of `Connection` that is no header name.
pub fn is_connection_option(token: &[u8]) -> bool {
    token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive")
}

/// The header is hop-by-hop whatever `Connection` lists.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::PROXY_AUTHORIZATION
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
    ) || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}
