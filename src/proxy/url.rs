//! The request target on the wire: base URL, path and query put together as raw bytes. Nothing is
//! decoded or encoded.

use std::borrow::Cow;

use crate::guard::BaseUrl;

/// The origin-form request target (RFC 9112 §3.2.1): the base's path, the path after the gateway's
/// prefix, then the base's query before the caller's.
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

/// Adds parameters to the end of a request target.
pub fn add_query(target: &mut String, params: &str) {
    let (_, query) = split(target);
    let sign = match query {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    target.reserve(params.len() + 1);
    target.push_str(sign);
    target.push_str(params);
}

/// Splits a raw origin-form target into path and query. An empty query after `?` is kept as such.
pub fn split(target: &str) -> (&str, Option<&str>) {
    match memchr::memchr(b'?', target.as_bytes()) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

/// Parameters of these names, each as `name=value` in its raw bytes. Names are compared after
/// percent-decoding, as the receiver will.
pub fn named<'q>(query: &'q str, names: &[Box<str>]) -> impl Iterator<Item = &'q str> {
    query.split('&').filter(|part| is_named(part, names))
}

fn is_named(part: &str, names: &[Box<str>]) -> bool {
    let name = part.split('=').next().unwrap_or_default();
    let name = percent_encoding::percent_decode_str(name);
    names.iter().any(|named| name.clone().eq(named.bytes()))
}

/// The query without the parameters of these names, every other byte as it was; `None` when nothing
/// is left.
pub fn without<'q>(query: &'q str, names: &[Box<str>]) -> Option<Cow<'q, str>> {
    if named(query, names).next().is_none() {
        return Some(Cow::Borrowed(query));
    }
    let left: Vec<&str> = query
        .split('&')
        .filter(|part| !is_named(part, names))
        .collect();
    match left.is_empty() {
        true => None,
        false => Some(Cow::Owned(left.join("&"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_parameters_are_taken_out_and_all_else_stays() {
        let names = ["key".into(), "api_key".into()];
        for (query, expected) in [
            ("a=1&key=x&b=%20+", Some("a=1&b=%20+")),
            ("key=x", None),
            ("k%65y=x&a", Some("a")),
            ("key&api_key=2&&a", Some("&a")),
            ("monkey=1&Key=2&key%3D=3", Some("monkey=1&Key=2&key%3D=3")),
            ("", Some("")),
        ] {
            assert_eq!(without(query, &names).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn parameters_are_added_after_all_others() {
        for (target, expected) in [
            ("/v1/x", "/v1/x?key=s"),
            ("/v1/x?", "/v1/x?key=s"),
            ("/v1/x?a=?&b", "/v1/x?a=?&b&key=s"),
        ] {
            let mut sent = target.to_owned();
            add_query(&mut sent, "key=s");
            assert_eq!(sent, expected);
        }
    }

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
