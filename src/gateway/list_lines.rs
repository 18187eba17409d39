//! Joins header lines that are lists, and appends an entry of the gateway's to them.

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::route::policy::HeaderEdit;

/// All values of a header as one list, with their bytes unchanged.
pub fn joined(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let values: Vec<_> = headers
        .get_all(name)
        .map(HeaderValue::as_bytes)
        .filter(|value| !value.is_empty())
        .collect();
    values.join(&b", "[..])
}

/// Adds the line that ends with `ours` after the entries so far.
pub fn push_joined(added: &mut Vec<HeaderEdit>, name: HeaderName, so_far: &[u8], ours: &str) {
    let value = match so_far {
        [] => ours.as_bytes().to_vec(),
        _ => [so_far, b", ", ours.as_bytes()].concat(),
    };
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        added.push((name, Some(value)));
    }
}
