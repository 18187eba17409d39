//! What kind of body does `Content-Type` announce? Only a first hint about a response: servers send
//! JSON, pages and streams under any type.

use actix_http::header::{self, HeaderMap};

/// The kinds of bodies that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Server-sent events.
    Events,
    /// JSON texts, one on each line.
    Lines,
    Json,
    Html,
    Other,
}

impl Media {
    /// The kind that the first `Content-Type` line announces.
    pub fn of(headers: &HeaderMap) -> Self {
        let media = first_type(headers);
        if media == b"application/json" {
            return Media::Json;
        }
        let is = |names: &[&str]| {
            let mut names = names.iter();
            names.any(|name| media.eq_ignore_ascii_case(name.as_bytes()))
        };
        let start_of_suffix = media.len().saturating_sub(b"+json".len());
        let has_json_suffix = media[start_of_suffix..].eq_ignore_ascii_case(b"+json");
        if is(&["text/event-stream"]) {
            Media::Events
        } else if is(&LINES) {
            Media::Lines
        } else if is(&["application/json", "text/json"]) || has_json_suffix {
            Media::Json
        } else if is(&["text/html", "application/xhtml+xml"]) {
            Media::Html
        } else {
            Media::Other
        }
    }
}

/// The media type of the first `Content-Type` line, without parameters.
fn first_type(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map(|value| value.as_bytes()).unwrap_or_default();
    let media = value.split(|byte| *byte == b';').next();
    media.unwrap_or_default().trim_ascii()
}

/// A `Content-Type` line announces an upload of files: no JSON document is in such a body.
pub fn is_upload(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONTENT_TYPE);
    lines.any(|value| {
        let value = value.as_bytes().trim_ascii_start();
        UPLOADS.iter().any(|upload| {
            let start = value.get(..upload.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(upload))
        })
    })
}

/// How the media types of uploads begin.
const UPLOADS: [&[u8]; 5] = [
    b"multipart/",
    b"audio/",
    b"image/",
    b"video/",
    b"application/octet-stream",
];

/// Types of JSON texts, one on each line.
const LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/stream+json",
];

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_type_gives_the_kind_whatever_its_case_and_parameters() {
        for (value, expected) in [
            ("Text/Event-Stream; charset=utf-8", Media::Events),
            ("application/stream+json", Media::Lines),
            ("application/x-ndjson", Media::Lines),
            ("APPLICATION/JSON ;x=y", Media::Json),
            ("application/problem+json", Media::Json),
            ("text/html", Media::Html),
            ("audio/mpeg", Media::Other),
            ("json", Media::Other),
            ("", Media::Other),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(Media::of(&headers), expected, "{value}");
        }
        assert_eq!(Media::of(&HeaderMap::new()), Media::Other);
    }

    #[test]
    fn uploads_are_known_by_how_their_type_begins() {
        for (value, expected) in [
            ("multipart/form-data; boundary=x", true),
            ("Audio/MPEG", true),
            ("application/octet-stream", true),
            ("application/json", false),
            ("text/image/png", false),
            ("image", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_upload(&headers), expected, "{value}");
        }
        assert!(!is_upload(&HeaderMap::new()));
    }
}
