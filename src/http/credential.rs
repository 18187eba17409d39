//! The names of headers and query parameters that carry credentials, used for forwarding, cache
//! keys and redaction. The settings may add more.

use actix_http::header::{self, HeaderName};

/// Headers that carry a credential.
pub const HEADERS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("xi-api-key"),
    header::COOKIE,
];

/// Query parameters that carry a caller's credential.
pub const QUERY: [&str; 5] = ["key", "api_key", "api-key", "apikey", "access_token"];
