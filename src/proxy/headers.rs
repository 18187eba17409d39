//! Which header lines cross, and the request head as it goes on the wire (RFC 9110 §7.6.1, RFC 9112
//! §3). Every end-to-end line of the caller crosses but those named here; the gateway writes
//! `Host`, framing and the lines that target and settings set.

use std::collections::HashSet;

use actix_http::{
    Method,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;

use crate::proxy::subprotocol;
use crate::{
    directives,
    http::{
        hop_by_hop::{is_hop_by_hop, named_by_connection},
        request_fields::Line,
    },
    route::policy::{ForwardHeaders, HeaderEdit},
    upstream::BodyLength,
};

/// Bytes of a head that most fit into; others grow.
const USUAL_SIZE: usize = 1024;

/// What the request head is made of.
pub struct RequestHead<'a> {
    pub method: &'a Method,
    pub target: &'a str,
    /// The `Host` line's value.
    pub authority: &'a str,
    /// The caller's lines that are end-to-end.
    pub lines: &'a [Line<'a>],
    pub length: BodyLength,
    /// Values of credential lines that are the gateway's business, and not sent on.
    pub kept_back: &'a [&'a HeaderValue],
    /// Names of lines that the target does not get: the caller's credentials. Where there are any,
    /// it gets none of those among subprotocols either.
    pub withheld: &'a [HeaderName],
    /// Which of the others cross.
    pub forwarded: &'a ForwardHeaders,
    /// Lines to set in the place of the caller's, or (`None`) to take out, as the target and the
    /// settings ask.
    pub edits: &'a [&'a [HeaderEdit]],
}

impl RequestHead<'_> {
    /// The bytes of the head with its empty line.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(USUAL_SIZE);
        put(
            &mut out,
            &[
                self.method.as_str(),
                " ",
                self.target,
                " HTTP/1.1\r\nhost: ",
                self.authority,
                "\r\n",
            ],
        );
        self.put_framing(&mut out);
        for (name, value) in self.lines.iter().copied() {
            if self.crosses(name, value) {
                self.put_callers(&mut out, name, value);
            }
        }
        for (name, value) in self.edits.iter().copied().flatten() {
            if let Some(value) = value {
                put_line(&mut out, name, value);
            }
        }
        out.extend_from_slice(b"\r\n");
        out.into()
    }

    /// The lines but for `Host` and framing, as they are sent; those of a WebSocket's subprotocols
    /// as the caller wrote them.
    pub fn sent_lines(&self) -> impl Iterator<Item = Line<'_>> {
        let callers = self.lines.iter().copied();
        let callers = callers.filter(|(name, value)| self.crosses(name, value));
        let edits = self.edits.iter().copied().flatten();
        let set = edits.filter_map(|(name, value)| Some((name, value.as_ref()?)));
        callers.chain(set)
    }

    fn crosses(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        let kept_back = self.kept_back.iter().any(|it| std::ptr::eq(*it, value));
        let mut edits = self.edits.iter().copied().flatten();
        let edited = edits.any(|(edited, _)| edited == name);
        !kept_back && !edited && !self.withheld.contains(name) && self.is_forwarded(name)
    }

    fn is_forwarded(&self, name: &HeaderName) -> bool {
        self.forwarded.forwards(name) || is_needed(name)
    }

    fn put_callers(&self, out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
        if self.withheld.is_empty() || *name != subprotocol::NAME {
            put_line(out, name, value);
        } else if let Some(value) = subprotocol::without_credentials(value) {
            put_line(out, name, &value);
        }
    }

    fn put_framing(&self, out: &mut Vec<u8>) {
        match self.length {
            BodyLength::None => {}
            BodyLength::Exact(length) => {
                let mut digits = itoa::Buffer::new();
                put(out, &["content-length: ", digits.format(length), "\r\n"]);
            }
            BodyLength::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            BodyLength::Tunnel => {
                out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n")
            }
        }
    }
}

/// A line without which a body could not be read, or a WebSocket not be opened.
fn is_needed(name: &HeaderName) -> bool {
    const HANDSHAKE: &str = "sec-websocket-";
    matches!(*name, header::CONTENT_TYPE | header::CONTENT_ENCODING)
        || name.as_str().starts_with(HANDSHAKE)
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn put_line(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Takes the lines that end here out of a response head. An upstream's own `x-gateway-*` never
/// reaches the client.
pub fn strip_response(headers: &mut HeaderMap, portkey: bool, keep_upgrade: bool) {
    // An upstream may name as many as a head has room for.
    let named: HashSet<HeaderName> = named_by_connection(headers)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .collect();
    headers.retain(|name, _| {
        let upgrade = keep_upgrade && *name == header::UPGRADE;
        upgrade
            || !(is_hop_by_hop(name) || directives::is_ours(name, portkey) || named.contains(name))
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::request_fields::RequestFields;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                name.parse().expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        headers
    }

    fn fields(headers: &HeaderMap) -> RequestFields<'_> {
        RequestFields::of(headers, |name| directives::is_ours(name, false))
    }

    fn encode(lines: &[(&str, &str)], length: BodyLength) -> String {
        let headers = map(lines);
        let fields = fields(&headers);
        let method = Method::POST;
        let head = RequestHead {
            method: &method,
            target: "/v1/x",
            authority: "up.example:8000",
            lines: &fields.end_to_end,
            length,
            kept_back: &[],
            withheld: &[],
            forwarded: &ForwardHeaders::All,
            edits: &[],
        };
        String::from_utf8(head.encode().to_vec()).expect("ASCII")
    }

    #[test]
    fn only_what_ends_here_is_left_out() {
        let sent = encode(
            &[
                ("host", "gateway"),
                ("connection", "x-hop, Close"),
                ("x-hop", "1"),
                ("keep-alive", "5"),
                ("proxy-authorization", "x"),
                ("proxy-connection", "x"),
                ("te", "trailers"),
                ("trailer", "x"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "h2c"),
                ("expect", "100-continue"),
                ("content-length", "3"),
                ("x-gateway-provider", "passthrough"),
                ("x-portkey-a", "kept"),
            ],
            BodyLength::Exact(3),
        );
        assert_eq!(
            sent,
            "POST /v1/x HTTP/1.1\r\nhost: up.example:8000\r\ncontent-length: 3\r\n\
             x-portkey-a: kept\r\n\r\n"
        );
    }

    #[test]
    fn repeated_lines_stay_repeated_and_in_order() {
        let sent = encode(&[("a", "1"), ("a", "2"), ("a", "")], BodyLength::None);
        assert!(sent.contains("a: 1\r\na: 2\r\na: \r\n"), "{sent}");
        assert!(
            !sent.contains("length") && !sent.contains("chunked"),
            "{sent}"
        );
    }

    #[test]
    fn a_targets_own_lines_stand_in_the_place_of_the_callers() {
        let headers = map(&[
            ("authorization", "Bearer a"),
            ("authorization", "Bearer b"),
            ("x-api-key", "caller"),
            ("x-team", "caller"),
            ("x-out", "caller"),
            ("x-kept", "caller"),
        ]);
        let edit = |name: &'static str, value: Option<&'static str>| {
            let name = HeaderName::from_static(name);
            (name, value.map(HeaderValue::from_static))
        };
        let head = RequestHead {
            method: &Method::GET,
            target: "/",
            authority: "up",
            lines: &fields(&headers).end_to_end,
            length: BodyLength::None,
            kept_back: &[],
            withheld: &[header::AUTHORIZATION, HeaderName::from_static("x-api-key")],
            forwarded: &ForwardHeaders::All,
            edits: &[
                &[edit("authorization", Some("Bearer own"))],
                &[edit("x-team", Some("own")), edit("x-out", None)],
            ],
        };
        let expected = "GET / HTTP/1.1\r\nhost: up\r\nx-kept: caller\r\n\
                        authorization: Bearer own\r\nx-team: own\r\n\r\n";
        assert_eq!(head.encode(), expected);
    }

    #[test]
    fn a_response_loses_hop_by_hop_lines_and_our_namespace() {
        let mut headers = map(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-gateway-error", "fake"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("upgrade", "h2c"),
        ]);
        strip_response(&mut headers, false, false);
        let left: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(
            left,
            [("set-cookie", &b"a=1"[..]), ("set-cookie", &b"b=2"[..])]
        );
    }

    const ENDING_HERE: [&str; 13] = [
        "host",
        "expect",
        "content-length",
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-gateway-api-key",
        "x-gateway-",
    ];

    fn any_line() -> impl Strategy<Value = (HeaderName, HeaderValue)> {
        let ending = proptest::sample::select(&ENDING_HERE[..]).prop_map(str::to_owned);
        let name = prop_oneof![
            ending,
            "x-gateway-[a-z]{1,9}",
            "[a-d]",
            "[!#$%&'*+.^_`|~0-9a-z-]{1,9}"
        ];
        let value = prop_oneof!["[a-d, ]{0,9}", "[ -~]{0,20}"].prop_map(String::into_bytes);
        let odd = proptest::collection::vec(0x80_u8.., 0..9);
        (name, prop_oneof![value, odd]).prop_map(|(name, value)| {
            let value = HeaderValue::from_bytes(&value).expect("a value");
            (name.parse().expect("a name"), value)
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_exactly_what_does_not_end_here_crosses(
            lines in proptest::collection::vec(any_line(), 0..30),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in &lines {
                headers.append(name.clone(), value.clone());
            }
            let named: Vec<u8> = headers
                .get_all(header::CONNECTION)
                .flat_map(|value| [value.as_bytes(), b","].concat())
                .collect();
            let ends_here = |name: &HeaderName| {
                let name = name.as_str();
                let is_named = |token: &[u8]| {
                    token.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
                };
                ENDING_HERE.contains(&name)
                    || name.starts_with("x-gateway-")
                    || named.split(|byte| *byte == b',').any(is_named)
            };
            let fields = fields(&headers);
            prop_assume!(fields.check_named().is_ok());
            let head = RequestHead {
                method: &Method::GET,
                target: "/",
                authority: "up",
                lines: &fields.end_to_end,
                length: BodyLength::None,
                kept_back: &[],
                withheld: &[],
                forwarded: &ForwardHeaders::All,
                edits: &[],
            };
            let mut expected = b"GET / HTTP/1.1\r\nhost: up\r\n".to_vec();
            for (name, value) in headers.iter().filter(|(name, _)| !ends_here(name)) {
                let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
                expected.extend(line.concat());
            }
            expected.extend(b"\r\n");
            prop_assert_eq!(head.encode(), expected);
            strip_response(&mut headers, false, false);
            // In responses these three are end-to-end.
            let kept = |name: &HeaderName| {
                matches!(name.as_str(), "host" | "expect" | "content-length")
            };
            prop_assert!(headers.keys().all(|name| kept(name) || !ends_here(name)));
        }
    }
}
