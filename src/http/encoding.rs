//! Which codings does `Content-Encoding` name (RFC 9110 §8.4)? Decodes nothing.

use actix_http::header::{self, HeaderMap};

use super::list;

/// The codings of a message in the order in which they were applied, without `identity`.
pub fn codings(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::CONTENT_ENCODING);
    let codings = lines.flat_map(|line| list::items(line.as_bytes()));
    codings.filter(|coding| !coding.eq_ignore_ascii_case(b"identity"))
}

/// The body is encoded in some way.
pub fn is_encoded(headers: &HeaderMap) -> bool {
    codings(headers).next().is_some()
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn identity_and_empty_items_are_no_coding() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&["", "identity , Identity"], &[]),
            (&["gzip"], &["gzip"]),
            (&["gzip, identity", "br"], &["gzip", "br"]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(line));
            }
            let expected: Vec<_> = expected.iter().map(|it| it.as_bytes()).collect();
            assert_eq!(codings(&headers).collect::<Vec<_>>(), expected, "{lines:?}");
            assert_eq!(is_encoded(&headers), !expected.is_empty(), "{lines:?}");
        }
    }
}
