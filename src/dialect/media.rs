//! The kind of body that `Content-Type` announces. Only a hint: servers send JSON, HTML pages and
//! streams under any type.

use actix_http::header::{self, HeaderMap};

/// The kinds that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Server-sent events.
    Events,
    /// JSON texts, one per line.
    Lines,
    Json,
    Html,
    Other,
}

impl Media {
    pub fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE);
        let value = value.map(|value| value.as_bytes()).unwrap_or_default();
        let media = value.split(|byte| *byte == b';').next().unwrap_or_default();
        let media = media.trim_ascii();
        let is = |names: &[&str]| {
            let mut names = names.iter();
            names.any(|name| media.eq_ignore_ascii_case(name.as_bytes()))
        };
        let ends_so = |end: &[u8]| {
            let start = media.len().saturating_sub(end.len());
            media[start..].eq_ignore_ascii_case(end)
        };
        if is(&["text/event-stream"]) {
            Media::Events
        } else if is(&LINES) {
            Media::Lines
        } else if is(&["application/json", "text/json"]) || ends_so(b"+json") {
            Media::Json
        } else if is(&["text/html", "application/xhtml+xml"]) {
            Media::Html
        } else {
            Media::Other
        }
    }
}

/// Media types of JSON lines.
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
    fn the_type_is_matched_regardless_of_case_and_parameters() {
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
}
