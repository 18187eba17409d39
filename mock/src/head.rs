//! Writes the head of an answer the way the providers' own heads look.

use std::time::SystemTime;

use http::StatusCode;

use crate::answer::Answer;
use crate::problem::Dialect;

/// How the body of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimited {
    Length(u64),
    Chunked,
    /// By the end of the connection, for HTTP/1.0 clients.
    ByClose,
    /// 204 and 304 have no body and say no length.
    NoBody,
    /// Two lengths that differ.
    TwoLengths(u64),
}

/// What a head says beside the answer itself.
pub(crate) struct Head<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) request_id: &'a str,
    pub(crate) delimited: Delimited,
    /// `Some` when the answer says what becomes of the connection.
    pub(crate) connection: Option<&'static str>,
    /// Headers that faults add.
    pub(crate) added: Vec<(&'a str, &'a str)>,
    /// Names of the faults that were asked for.
    pub(crate) faults: &'a [&'static str],
}

const OPENAI_LINES: &str = "openai-organization: mock\r\nopenai-processing-ms: 1\r\n\
    openai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n\
    x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-reset-requests: 6ms\r\n";

const ANTHROPIC_LINES: &str = "anthropic-organization-id: mock\r\n\
    anthropic-ratelimit-requests-limit: 10000\r\nanthropic-ratelimit-requests-remaining: 9999\r\n";

/// Appends the head of `answer` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, answer: &Answer, head: &Head<'_>) {
    let status = answer.status;
    put(
        out,
        &[
            "HTTP/1.1 ",
            &status.to_string(),
            " ",
            reason(status),
            "\r\n",
        ],
    );
    line(out, "date", &httpdate::fmt_http_date(SystemTime::now()));
    if head.delimited != Delimited::NoBody {
        line(out, "content-type", answer.content_type);
    }
    match head.delimited {
        Delimited::Length(length) => line(out, "content-length", &length.to_string()),
        Delimited::Chunked => line(out, "transfer-encoding", "chunked"),
        Delimited::ByClose | Delimited::NoBody => {}
        Delimited::TwoLengths(length) => {
            line(out, "content-length", &length.to_string());
            line(out, "content-length", &(length + 1).to_string());
        }
    }
    if let Some(word) = head.connection {
        line(out, "connection", word);
    }
    match head.dialect {
        Dialect::Anthropic => {
            line(out, "request-id", head.request_id);
            put(out, &[ANTHROPIC_LINES]);
        }
        Dialect::OpenAi | Dialect::Responses => {
            line(out, "x-request-id", head.request_id);
            put(out, &[OPENAI_LINES]);
        }
    }
    for (name, value) in &answer.headers {
        line(out, name, value);
    }
    for (name, value) in &head.added {
        line(out, name, value);
    }
    if !head.faults.is_empty() {
        // Sorted: the order of the headers that asked is nothing to tell from, for a proxy need not keep it.
        let mut faults = head.faults.to_vec();
        faults.sort_unstable();
        line(out, "x-mock-asked", &faults.join(", "));
    }
    put(out, &["\r\n"]);
}

fn line(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, &[name, ": ", value, "\r\n"]);
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
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
