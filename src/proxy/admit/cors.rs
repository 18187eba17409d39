//! Cross-origin response headers for the pages of listed origins (Fetch standard, "CORS protocol").
//! Pure.

use actix_http::{
    RequestHead, Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
/// What a page may read besides the safelisted headers.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-gateway-trace-id, x-gateway-provider, x-gateway-last-used-option-index, \
     x-gateway-retry-attempt-count, \
     x-gateway-cache-status, x-gateway-error, x-gateway-ratelimit-limit, \
     x-gateway-ratelimit-remaining, \
     x-gateway-ratelimit-reset, x-gateway-budget-warning, \
     x-gateway-withheld, x-gateway-replay, x-request-id, request-id, \
     retry-after, server-timing",
);

/// The response to a preflight: everything that the page asks to send is allowed. The origin's own
/// line is [`mark`]'s.
pub fn preflight(head: &RequestHead) -> Response<Bytes> {
    let mut response = Response::with_body(StatusCode::NO_CONTENT, Bytes::new());
    let headers = response.headers_mut();
    for (asked, allowed) in [
        (
            header::ACCESS_CONTROL_REQUEST_METHOD,
            header::ACCESS_CONTROL_ALLOW_METHODS,
        ),
        (
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
        ),
    ] {
        if let Some(value) = head.headers().get(asked) {
            headers.insert(allowed, value.clone());
        }
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Marks a response for a listed origin's page. An upstream's own `access-control-*` is replaced.
pub fn mark(headers: &mut HeaderMap, origin: &HeaderValue, keep: &[HeaderName]) {
    headers.retain(|name, _| !name.as_str().starts_with("access-control-") || keep.contains(name));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directives::table;

    #[test]
    fn a_page_may_read_every_reply_header_of_ours() {
        let exposed = EXPOSED;
        let exposed: Vec<_> = exposed.to_str().expect("ASCII").split(", ").collect();
        for header in &table::REPLY {
            assert!(exposed.contains(&header.name.as_str()), "{}", header.name);
        }
    }
}
