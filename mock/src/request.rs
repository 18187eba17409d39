//! Parses one HTTP/1.x request head and keeps its target, header order and case unchanged. Framing
//! is checked strictly: a mock that guessed would hide the errors of a gateway. No I/O here.

use bytes::{Bytes, BytesMut};
use percent_encoding::percent_decode_str;

/// Longest request head accepted, in bytes.
const HEAD_LIMIT: usize = 128 * 1024;

/// Most header lines accepted.
const HEADERS_LIMIT: usize = 128;

/// One request; the body is empty until the connection has read it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The request target as sent.
    pub(crate) target: String,
    /// The minor version: 0 or 1.
    pub(crate) version: u8,
    /// The header lines as sent.
    pub(crate) headers: Vec<(Bytes, Bytes)>,
    pub(crate) framing: Framing,
    pub(crate) body: Bytes,
}

/// How the end of a request body is determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// Why a head was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum HeadError {
    #[error("the request head is longer than {HEAD_LIMIT} bytes")]
    TooLong,
    #[error("the request head is not HTTP/1.x: {0}")]
    NotHttp(httparse::Error),
    #[error("the request has both content-length and transfer-encoding")]
    LengthAndChunks,
    #[error("content-length is not a number, or two of them differ")]
    Length,
    #[error("transfer-encoding is not chunked")]
    Encoding,
}

/// Takes one head from the front of `inbox`; `None` when it is still incomplete.
pub(crate) fn take_head(inbox: &mut BytesMut) -> Result<Option<Request>, HeadError> {
    let Some(end) = memchr::memmem::find(inbox, b"\r\n\r\n") else {
        return match inbox.len() > HEAD_LIMIT {
            true => Err(HeadError::TooLong),
            false => Ok(None),
        };
    };
    let head = inbox.split_to(end + 4).freeze();
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut parsed = httparse::Request::new(&mut lines);
    parsed.parse(&head).map_err(HeadError::NotHttp)?;
    let headers: Vec<(Bytes, Bytes)> = parsed
        .headers
        .iter()
        .map(|line| {
            (
                head.slice_ref(line.name.as_bytes()),
                head.slice_ref(line.value),
            )
        })
        .collect();
    Ok(Some(Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        version: parsed.version.unwrap_or(1),
        framing: framing(&headers)?,
        headers,
        body: Bytes::new(),
    }))
}

fn framing(headers: &[(Bytes, Bytes)]) -> Result<Framing, HeadError> {
    let mut framing = Framing::None;
    for (name, value) in headers {
        let this = if name.eq_ignore_ascii_case(b"content-length") {
            Framing::Length(length(value).ok_or(HeadError::Length)?)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            chunked
                .then_some(Framing::Chunked)
                .ok_or(HeadError::Encoding)?
        } else {
            continue;
        };
        framing = match (framing, this) {
            (Framing::None, first) => first,
            (Framing::Length(one), Framing::Length(two)) if one == two => this,
            (Framing::Length(_), Framing::Length(_)) => return Err(HeadError::Length),
            (Framing::Chunked, Framing::Chunked) => return Err(HeadError::Encoding),
            (_, _) => return Err(HeadError::LengthAndChunks),
        };
    }
    Ok(framing)
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value.trim_ascii()).ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

impl Request {
    /// The first value of the header `name` (lower case), as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(&line.1).ok()
    }

    /// Whether the comma-separated list in header `name` contains `word`.
    pub(crate) fn header_lists(&self, name: &str, word: &str) -> bool {
        self.header(name).is_some_and(|list| {
            list.split(',')
                .any(|item| item.trim().eq_ignore_ascii_case(word))
        })
    }

    /// The path of the target, without authority and query, as sent.
    pub(crate) fn path(&self) -> &str {
        let target = self.origin_form();
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// Name and value of each query parameter, decoded.
    pub(crate) fn query(&self) -> impl Iterator<Item = (String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (decode(name), decode(value))
            })
    }

    /// Whether the connection may serve another request after this one.
    pub(crate) fn keeps_alive(&self) -> bool {
        match self.version {
            0 => self.header_lists("connection", "keep-alive"),
            _ => !self.header_lists("connection", "close"),
        }
    }

    fn origin_form(&self) -> &str {
        let Some((_, rest)) = self.target.split_once("://") else {
            return &self.target;
        };
        if self.target.starts_with('/') {
            return &self.target;
        }
        rest.find('/').map_or("/", |start| &rest[start..])
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Option<Request>, HeadError> {
        take_head(&mut BytesMut::from(head.as_bytes()))
    }

    #[test]
    fn a_head_is_taken_and_the_bytes_after_it_stay() {
        let mut inbox = BytesMut::from("POST /a?b HTTP/1.1\r\nX-One: 1\r\nx-one:2\r\n\r\nrest");
        let request = take_head(&mut inbox).unwrap().unwrap();
        assert_eq!(request.target, "/a?b");
        assert_eq!(request.headers[0].0, "X-One");
        assert_eq!(request.headers[1], ("x-one".into(), "2".into()));
        assert_eq!(&inbox[..], b"rest");
    }

    #[test]
    fn an_incomplete_head_is_awaited_and_one_that_is_too_long_refused() {
        assert!(read("GET / HTTP/1.1\r\nHost: a\r\n").unwrap().is_none());
        assert_eq!(
            read(&"a".repeat(HEAD_LIMIT + 1)).unwrap_err(),
            HeadError::TooLong
        );
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        let table = [
            ("Content-Length: 3\r\n", Ok(Framing::Length(3))),
            (
                "Content-Length: 3\r\ncontent-length: 3\r\n",
                Ok(Framing::Length(3)),
            ),
            ("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked)),
            ("", Ok(Framing::None)),
            (
                "Content-Length: 3\r\nContent-Length: 4\r\n",
                Err(HeadError::Length),
            ),
            ("Content-Length: +3\r\n", Err(HeadError::Length)),
            ("Transfer-Encoding: gzip\r\n", Err(HeadError::Encoding)),
            (
                "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                Err(HeadError::LengthAndChunks),
            ),
        ];
        for (lines, expected) in table {
            let read = read(&format!("POST / HTTP/1.1\r\n{lines}\r\n"));
            let framing = read.map(|request| request.unwrap().framing);
            assert_eq!(framing, expected, "{lines}");
        }
    }

    #[test]
    fn the_path_excludes_authority_and_query() {
        let table = [
            ("/v1/x?a=http://b/c", "/v1/x"),
            ("http://host:1/v1/x?y", "/v1/x"),
            ("http://host", "/"),
            ("/to/http://x/y", "/to/http://x/y"),
        ];
        for (target, path) in table {
            let request = read(&format!("GET {target} HTTP/1.1\r\n\r\n")).unwrap();
            assert_eq!(request.unwrap().path(), path, "{target}");
        }
    }

    #[test]
    fn query_parameters_are_decoded() {
        let request = read("GET /?a=b%20c+d&e&=f HTTP/1.1\r\n\r\n")
            .unwrap()
            .unwrap();
        let parts: Vec<_> = request.query().collect();
        let expected = [("a", "b c d"), ("e", ""), ("", "f")];
        assert!(
            parts
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .eq(expected)
        );
    }
}
