//! What the headers of a response say of its usage: Bedrock's counts, and what gateways say it
//! cost.

use actix_http::header::{self, HeaderMap, HeaderName};

use super::{
    UsageFlaw,
    counts::Field,
    findings::Findings,
    number::{count, nano_dollars},
};

type Read = fn(&[u8]) -> Result<Option<u64>, UsageFlaw>;

const HEADERS: [(&str, Field, Read); 6] = [
    ("x-amzn-bedrock-input-token-count", Field::Input, count),
    ("x-amzn-bedrock-output-token-count", Field::Output, count),
    (
        "x-amzn-bedrock-cache-read-input-token-count",
        Field::CacheRead,
        count,
    ),
    (
        "x-amzn-bedrock-cache-write-input-token-count",
        Field::CacheWrite,
        count,
    ),
    ("x-litellm-response-cost", Field::Cost, nano_dollars),
    // Another gateway of this kind: it comes last, and holds.
    ("x-gateway-cost", Field::Cost, nano_dollars),
];

/// How their names begin.
const BEGINNINGS: [&str; 3] = ["x-amzn-bedrock-", "x-litellm-", "x-gateway-"];

/// Notes what the headers say.
pub fn read(headers: &HeaderMap, findings: &mut Findings) {
    let is_ours = |name: &HeaderName| BEGINNINGS.iter().any(|it| name.as_str().starts_with(it));
    // Most responses have none of them.
    if !headers.keys().any(is_ours) {
        return;
    }
    for (name, field, read) in HEADERS {
        if let Some(value) = headers.get(name) {
            let value = value.as_bytes().trim_ascii();
            if !value.is_empty() && value != b"None" {
                findings.count(field, read(value));
            }
        }
    }
}

/// The body is a stream of AWS.
pub fn is_aws_stream(headers: &HeaderMap) -> bool {
    media(headers).eq_ignore_ascii_case(b"application/vnd.amazon.eventstream")
}

/// The type does not exclude JSON: servers that send none, or plain text, mean JSON at times.
pub fn may_be_text(headers: &HeaderMap) -> bool {
    let media = media(headers);
    media.is_empty() || media.eq_ignore_ascii_case(b"text/plain")
}

fn media(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map(|value| value.as_bytes()).unwrap_or_default();
    let media = value.split(|byte| *byte == b';').next();
    media.unwrap_or_default().trim_ascii()
}
