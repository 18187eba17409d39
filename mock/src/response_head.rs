//! Writes the head of a response, with the headers that the providers send.

use std::time::SystemTime;

use http::StatusCode;

use crate::dialect::Dialect;
use crate::response::Response;

/// How the end of a response body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// By the end of the connection, for HTTP/1.0 clients.
    ByClose,
    /// 204 and 304 have no body and state no length.
    NoBody,
    /// Two lengths that differ.
    TwoLengths(u64),
}

/// What a head contains besides the response itself.
pub(crate) struct Head<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) request_id: &'a str,
    pub(crate) framing: Framing,
    /// The value of the `connection` header, if it is sent.
    pub(crate) connection: Option<&'static str>,
    /// Headers that faults add.
    pub(crate) added: Vec<(&'a str, &'a str)>,
    /// Names of the faults that were set.
    pub(crate) faults: &'a [&'static str],
}

const OPENAI_HEADERS: [(&str, &str); 6] = [
    ("openai-organization", "mock"),
    ("openai-processing-ms", "1"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
];

const ANTHROPIC_HEADERS: [(&str, &str); 3] = [
    ("anthropic-organization-id", "mock"),
    ("anthropic-ratelimit-requests-limit", "10000"),
    ("anthropic-ratelimit-requests-remaining", "9999"),
];

/// Appends the head of `response` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, response: &Response, head: &Head<'_>) {
    let status = response.status;
    let status_line = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    out.extend_from_slice(status_line.as_bytes());
    write_header(out, "date", &httpdate::fmt_http_date(SystemTime::now()));
    if head.framing != Framing::NoBody {
        write_header(out, "content-type", response.content_type);
    }
    write_framing(out, head.framing);
    if let Some(value) = head.connection {
        write_header(out, "connection", value);
    }
    let (request_id, provider_headers) = match head.dialect {
        Dialect::Anthropic => ("request-id", &ANTHROPIC_HEADERS[..]),
        Dialect::OpenAi | Dialect::Responses => ("x-request-id", &OPENAI_HEADERS[..]),
    };
    write_header(out, request_id, head.request_id);
    let own = response.headers.iter();
    let own = own.map(|(name, value)| (*name, value.as_str()));
    let provider = provider_headers.iter().copied();
    for (name, value) in provider.chain(own).chain(head.added.iter().copied()) {
        write_header(out, name, value);
    }
    if !head.faults.is_empty() {
        // Sorted, because a proxy may reorder the request headers that set the faults.
        let mut faults = head.faults.to_vec();
        faults.sort_unstable();
        write_header(out, "x-mock-asked", &faults.join(", "));
    }
    out.extend_from_slice(b"\r\n");
}

fn write_framing(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => write_header(out, "content-length", &length.to_string()),
        Framing::Chunked => write_header(out, "transfer-encoding", "chunked"),
        Framing::ByClose | Framing::NoBody => {}
        Framing::TwoLengths(length) => {
            write_header(out, "content-length", &length.to_string());
            write_header(out, "content-length", &(length + 1).to_string());
        }
    }
}

fn write_header(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        529 => "Overloaded",
        _ => StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Unknown"),
    }
}
