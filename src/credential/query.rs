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
/// A value of so many bytes is hidden wherever it stands. A shorter one may be a plain word, such
/// as `json`, and is hidden only behind its name.
const LONG: usize = 12;

/// Query parameters that carry a credential. Cannot be printed.
pub struct QueryParams {
    names: Box<[Box<str>]>,
    /// As it stands in the URL: `name=value&...`.
    encoded: Secret,
    /// What no response header repeats.
    hidden: Box<[Hidden]>,
}

/// A text that is hidden, but for its first bytes.
struct Hidden {
    text: Secret,
    shown: usize,
}

impl QueryParams {
    pub fn new<'p>(params: impl IntoIterator<Item = (&'p str, &'p Secret)>) -> Self {
        let (mut names, mut parts, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in params {
            let encoded_name = encode(name);
            let encoded = encode(value.expose());
            // A URL may be repeated as it is, decoded, or as a parameter of another URL.
            let forms = [value.expose(), &encoded, &encode(&encoded)];
            hidden.extend(forms.map(|form| match form.len() >= LONG {
                true => Hidden {
                    text: Secret::new(form),
                    shown: 0,
                },
                false => Hidden {
                    text: Secret::new(format!("{encoded_name}={form}")),
                    shown: encoded_name.len() + 1,
                },
            }));
            parts.push(format!("{encoded_name}={encoded}"));
            names.push(name.into());
        }
        // The longest first: one may begin with another.
        hidden.sort_by_key(|it| std::cmp::Reverse(it.text.expose().len()));
        QueryParams {
            names: names.into(),
            encoded: Secret::new(parts.join("&")),
            hidden: hidden.into(),
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
        let repeats = |value: &HeaderValue| self.hidden.iter().any(|it| it.is_in(value.as_bytes()));
        if !headers.iter().any(|(_, value)| repeats(value)) {
            return;
        }
        headers.retain(|_, value| {
            if repeats(value) {
                let texts = self.hidden.iter();
                let hidden = texts.fold(value.as_bytes().to_vec(), |text, it| it.hide_in(&text));
                // Only bytes of the value itself are left, so that it stays a legal one.
                let hidden = HeaderValue::from_bytes(&hidden);
                *value = hidden.unwrap_or(HeaderValue::from_static(""));
            }
            true
        });
    }
}

impl Hidden {
    fn is_in(&self, text: &[u8]) -> bool {
        memmem::find(text, self.text.expose().as_bytes()).is_some()
    }

    fn hide_in(&self, text: &[u8]) -> Vec<u8> {
        let hidden = self.text.expose().as_bytes();
        let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
        while let Some(at) = memmem::find(rest, hidden) {
            out.extend_from_slice(&rest[..at + self.shown]);
            out.extend_from_slice(HIDDEN);
            rest = &rest[at + hidden.len()..];
        }
        out.extend_from_slice(rest);
        out
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
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
        let params = params(&[
            ("key", "se/cret"),
            ("k2", "se/cret-and-more"),
            ("alt", "json"),
        ]);
        for (value, expected) in [
            (
                "https://h/v1/?key=se%2Fcret&a=1",
                "https://h/v1/?key=hidden&a=1",
            ),
            (
                "/x?key=se/cret&k2=se%2Fcret-and-more",
                "/x?key=hidden&k2=hidden",
            ),
            (
                "/in?next=%2Fx%3Fk2%3Dse%252Fcret-and-more",
                "/in?next=%2Fx%3Fk2%3Dhidden",
            ),
            ("/x?alt=json", "/x?alt=hidden"),
            ("application/json", "application/json"),
            ("\"kept\"", "\"kept\""),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(header::LOCATION, HeaderValue::from_static(value));
            headers.append(header::ETAG, HeaderValue::from_static("\"e\""));
            params.hide_in(&mut headers);
            assert_eq!(headers.get(header::LOCATION).expect("it"), expected);
            assert_eq!(headers.get(header::ETAG).expect("it"), "\"e\"");
        }
    }
}
