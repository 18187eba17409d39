//! The request target on the wire: base URL, path and query put together as raw bytes. Nothing is decoded or encoded.

use crate::egress::BaseUrl;

/// The origin-form request target (RFC 9112 §3.2.1): the base's path, the path after the gateway's prefix, then the base's
/// query before the caller's.
pub fn request_target(base: &BaseUrl, rest: &str, query: Option<&str>) -> String {
    let path = base.raw_path();
    let base_query = base.raw_query();
    let lengths = [base_query, query].map(|part| part.map_or(0, |part| part.len() + 1));
    let mut target =
        String::with_capacity(path.len() + rest.len() + lengths.iter().sum::<usize>() + 1);
    target.push_str(path);
    target.push_str(rest);
    if target.is_empty() {
        target.push('/');
    }
    for (index, part) in [base_query, query].into_iter().flatten().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(part);
    }
    target
}

/// Splits a raw origin-form target into path and query. An empty query after `?` is kept as such.
pub fn split(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_joined_byte_for_byte() {
        for (base, caller, expected) in [
            ("http://h/v1", "/chat/completions", "/v1/chat/completions"),
            ("http://h/v1/", "/chat", "/v1/chat"),
            ("http://h", "/chat", "/chat"),
            ("http://h", "/", "/"),
            ("http://h", "", "/"),
            ("http://h/v1", "", "/v1"),
            ("http://h/a//b", "//x//", "/a//b//x//"),
            (
                "http://h/v1",
                "/f%2Fx;p=1+2?a=%20+&b&&c==",
                "/v1/f%2Fx;p=1+2?a=%20+&b&&c==",
            ),
            ("http://h/v1", "/x?", "/v1/x?"),
            ("http://h/v1?api-version=1", "/x", "/v1/x?api-version=1"),
            ("http://h/v1?a=1", "/x?a=1&b=", "/v1/x?a=1&a=1&b="),
            ("http://h/v1?a=1", "/x?", "/v1/x?a=1&"),
        ] {
            let base = BaseUrl::parse(base).expect(base);
            let (rest, query) = split(caller);
            assert_eq!(request_target(&base, rest, query), expected);
        }
    }
}
