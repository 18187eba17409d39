//! The scheme `query`: a credential as parameters of the URL. They are encoded once, and joined to
//! the URL only when it is sent. An upstream may repeat its URL in a response, as redirects do.

use actix_http::header::{HeaderMap, HeaderValue};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::secret::Secret;

/// What is encoded: all but the unreserved characters (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Stands for a value in a response header that repeats it.
const HIDDEN: &[u8] = b"hidden";

/// Query parameters that carry a credential. Cannot be printed.
pub struct QueryParams {
    names: Box<[Box<str>]>,
    /// As it stands in the URL: `name=value&...`.
    encoded: Secret,
    /// The values, as they were written and as they are encoded, the longest first.
    values: Box<[Secret]>,
}

impl QueryParams {
    pub fn new<'p>(params: impl IntoIterator<Item = (&'p str, &'p Secret)>) -> Self {
        let (mut names, mut parts, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in params {
            let encoded = utf8_percent_encode(value.expose(), ENCODED).to_string();
            parts.push(format!("{}={encoded}", utf8_percent_encode(name, ENCODED)));
            names.push(name.into());
            if encoded != value.expose() {
                values.push(value.clone());
            }
            values.push(Secret::new(encoded));
        }
        values.sort_by_key(|value| std::cmp::Reverse(value.expose().len()));
        QueryParams {
            names: names.into(),
            encoded: Secret::new(parts.join("&")),
            values: values.into(),
        }
    }

    /// The names, not encoded.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The parameters as they stand in the URL.
    pub fn encoded(&self) -> &str {
        self.encoded.expose()
    }

    /// Takes the values out of an upstream's response headers, where `Location` and its like repeat
    /// the URL.
    pub fn hide_in(&self, headers: &mut HeaderMap) {
        let repeats = |value: &HeaderValue| {
            let mut secrets = self.values.iter();
            secrets.any(|it| memmem::find(value.as_bytes(), it.expose().as_bytes()).is_some())
        };
        if !headers.iter().any(|(_, value)| repeats(value)) {
            return;
        }
        headers.retain(|_, value| {
            if repeats(value) {
                // Only bytes of the value itself are left, so that it stays a legal one.
                let hidden = HeaderValue::from_bytes(&self.hidden(value.as_bytes()));
                *value = hidden.unwrap_or(HeaderValue::from_static(""));
            }
            true
        });
    }

    fn hidden(&self, text: &[u8]) -> Vec<u8> {
        self.values.iter().fold(text.to_vec(), |text, secret| {
            let secret = secret.expose().as_bytes();
            let (mut out, mut rest) = (Vec::with_capacity(text.len()), &*text);
            while let Some(at) = memmem::find(rest, secret) {
                out.extend_from_slice(&rest[..at]);
                out.extend_from_slice(HIDDEN);
                rest = &rest[at + secret.len()..];
            }
            out.extend_from_slice(rest);
            out
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header;

    use super::*;

    fn params(params: &[(&str, &str)]) -> QueryParams {
        let secrets: Vec<_> = params
            .iter()
            .map(|(name, value)| (*name, Secret::new(*value)))
            .collect();
        QueryParams::new(secrets.iter().map(|(name, value)| (*name, value)))
    }

    #[test]
    fn what_a_url_reserves_is_encoded() {
        let params = params(&[("key", "a+b/c=d&e f~é"), ("x y", "1")]);
        assert_eq!(params.encoded(), "key=a%2Bb%2Fc%3Dd%26e%20f~%C3%A9&x%20y=1");
        assert_eq!(params.names().collect::<Vec<_>>(), ["key", "x y"]);
    }

    #[test]
    fn no_response_header_repeats_a_value() {
        let params = params(&[("key", "se/cret"), ("k2", "se/cret-and-more")]);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::LOCATION, "https://h/v1/?key=se%2Fcret&a=1"),
            (header::LOCATION, "/x?key=se/cret&k2=se%2Fcret-and-more"),
            (header::ETAG, "\"kept\""),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        params.hide_in(&mut headers);
        let locations: Vec<_> = headers.get_all(header::LOCATION).collect();
        assert_eq!(
            locations,
            ["https://h/v1/?key=hidden&a=1", "/x?key=hidden&k2=hidden"]
        );
        assert_eq!(headers.get(header::ETAG).expect("it"), "\"kept\"");
    }
}
