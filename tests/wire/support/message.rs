//! HTTP messages composed and parsed as bytes. The order of header lines with different names is
//! not promised, so lines are compared sorted by name, and those with the same name in their order.

use std::{net::TcpStream, sync::LazyLock};

use super::{Client, Gateway, Peer, Response, Upstream, show};

/// A request as it reached the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `POST /v1/x HTTP/1.1`.
    pub line: String,
    /// `name: value`, sorted by name.
    pub lines: Vec<Vec<u8>>,
    /// As it stood on the wire, chunk sizes and all.
    pub body: Vec<u8>,
}

impl Sent {
    pub fn read(raw: &[u8]) -> Self {
        let (head, body) = split_head(raw);
        let mut lines = head
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end);
        let line = lines
            .next()
            .map(String::from_utf8_lossy)
            .unwrap_or_default()
            .into_owned();
        // An empty value leaves `name: `, which the trimming above made `name:`.
        let lines = lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
        Sent {
            line,
            lines: sorted(lines),
            body: body.to_vec(),
        }
    }

    /// The lines, readable.
    pub fn shown(&self) -> Vec<String> {
        self.lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }

    /// Every value of a header, in order, readable.
    pub fn all(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}:");
        let shown = self.shown();
        let values = shown.iter().filter_map(|line| line.strip_prefix(&prefix));
        values.map(|value| value.trim().to_owned()).collect()
    }

    /// The lines that say how long the body is.
    pub fn framing(&self) -> Vec<String> {
        let mut shown = self.shown();
        shown.retain(|line| {
            line.starts_with("content-length:") || line.starts_with("transfer-encoding:")
        });
        shown
    }
}

/// Header lines sorted by name; those of one name keep their order.
pub fn sorted<L: Into<Vec<u8>>>(lines: impl IntoIterator<Item = L>) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = lines.into_iter().map(Into::into).collect();
    lines.sort_by_key(|line| line.split(|byte| *byte == b':').next().map(<[u8]>::to_vec));
    lines
}

fn split_head(raw: &[u8]) -> (&[u8], &[u8]) {
    let end = raw
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("a whole head, not {}", show(raw)));
    raw.split_at(end + 4)
}

/// A raw request for the passthrough to `upstream`: `lines` each end in CRLF, the empty line is
/// added.
pub fn request(
    method: &str,
    target: &str,
    upstream: &Upstream,
    lines: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Vec<u8> {
    let base = format!("{}/v1", upstream.url());
    let mut raw = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {base}\r\n"
    )
    .into_bytes();
    raw.extend_from_slice(lines.as_ref());
    raw.extend_from_slice(b"\r\n");
    raw.extend_from_slice(body.as_ref());
    raw
}

/// A request to the gateway alone, naming no target.
pub fn bare(method: &str, target: &str, lines: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

impl Upstream {
    /// Responds to every request with `200` and the body `ok`.
    pub fn ok() -> Self {
        Self::responding("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }

    /// The latest request.
    pub fn last(&self) -> Sent {
        let requests = self.requests();
        Sent::read(requests.last().expect("a request reached the upstream"))
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.requests().len()
    }
}

impl Gateway {
    /// Sends a request that must arrive, and returns how it did.
    pub fn forwards(&self, upstream: &Upstream, raw: impl AsRef<[u8]>) -> Sent {
        let before = upstream.count();
        let mut client = self.client();
        client.send(raw.as_ref());
        let response = match raw.as_ref().starts_with(b"HEAD ") {
            true => client.head_response(),
            false => client.response(),
        };
        assert_eq!(
            (response.status, upstream.count()),
            (200, before + 1),
            "{}\n{}{}",
            show(raw.as_ref()),
            response.head,
            response.text()
        );
        upstream.last()
    }

    /// Sends a request that must be refused with this status and code, in the promised shape.
    pub fn refuses(&self, raw: impl AsRef<[u8]>, status: u16, code: &str) -> Response {
        let response = self.exchange(raw.as_ref());
        assert_refusal(&response, status, code, &show(raw.as_ref()));
        response
    }
}

/// The shape of every error the gateway makes.
pub fn assert_refusal(response: &Response, status: u16, code: &str, what: &str) {
    let body: serde_json::Value = serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("{error}: {}{}\n{what}", response.head, response.text()));
    let message = body["error"]["message"].as_str().unwrap_or_default();
    let expected = serde_json::json!({
        "error": { "message": message, "type": "gateway_error", "param": null, "code": code }
    });
    assert_eq!(
        (response.status, response.error(), &body),
        (status, Some(code), &expected),
        "{what}"
    );
    assert!(!message.is_empty(), "{what}");
    assert_eq!(response.all("content-type"), ["application/json"], "{what}");
    assert_eq!(response.all("x-gateway-trace-id").len(), 1, "{what}");
}

impl Client {
    /// The same connection once more, for a thread that only writes.
    pub fn twin(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket")
    }

    /// Reads a response head with its empty line, byte for byte.
    pub fn raw_head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        head
    }
}

impl Peer {
    /// Reads a chunked body and its end; the bytes decoded, the size lines as they came. `None`
    /// when the connection ends first.
    pub fn chunks(&mut self) -> Option<(Vec<u8>, Vec<String>)> {
        let (mut body, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(&line, 16).expect("a plain chunk size");
            sizes.push(line);
            if size == 0 {
                assert_eq!(self.line()?, "", "no trailers");
                return Some((body, sizes));
            }
            body.extend(self.take(size)?);
            assert_eq!(self.line()?, "", "the end of a chunk");
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.take(1)?);
        }
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// The length a head announces.
    pub fn length(head: &[u8]) -> Option<usize> {
        Sent::read(head).all("content-length").first()?.parse().ok()
    }
}

/// The most bytes that [`noise`] gives.
const MOST_NOISE: usize = 20 << 20;

/// Bytes that repeat with no short period, so that a lost, doubled or swapped piece shows.
pub fn noise(count: usize) -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bytes = Vec::with_capacity(MOST_NOISE);
        while bytes.len() < MOST_NOISE {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes
    });
    &BYTES[..count]
}
