//! Interprets response bodies without changing them: whether a body looks like a response of its
//! route, compressed or not; which server-sent events carry the first token or an error; and
//! whether a stream's final event has arrived, for each provider's dialect.

mod completion;
mod decode;
mod event;
mod first_event;
mod gemini;
mod generates;
mod judge;
mod response_status;
#[cfg(test)]
pub(crate) mod samples;
mod says_error;
mod shape;
mod sse;
mod stream_end;

pub use crate::http::media_type::Media;
pub use completion::{Ending, LastEvent};
pub use decode::{Coded, Stop, decode};
pub use first_event::FirstEvent;
pub use generates::Generates;
pub use judge::{BodyJudge, MOST_BYTES as MOST_JUDGED, begins_as_events};
pub use response_status::says_not_completed;
pub use says_error::says_error;
pub use stream_end::StreamEnd;

/// The format of a provider's streams, known from the request's path unless an event's own shape
/// shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat and text completions, and compatible servers.
    Chat,
    /// OpenAI's Responses API.
    Responses,
    /// Anthropic's Messages API.
    Anthropic,
    /// Gemini's `streamGenerateContent`.
    Gemini,
    /// OpenAI's streamed image generation and editing; recognised by the events only.
    Images,
    /// OpenAI's streamed speech; recognised by the events only.
    Speech,
    /// Cohere's chat.
    Cohere,
    Unknown,
}

impl Dialect {
    /// From the raw path of a request.
    pub fn of(path: &str) -> Self {
        let last = path.trim_end_matches('/').rsplit('/').next();
        match last.unwrap_or_default() {
            "completions" => Dialect::Chat,
            "responses" => Dialect::Responses,
            "messages" => Dialect::Anthropic,
            last if last.ends_with(STREAM_GENERATE) => Dialect::Gemini,
            _ => Dialect::Unknown,
        }
    }
}

const STREAM_GENERATE: &str = ":streamGenerateContent";

/// The judgement of a response so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not enough bytes yet.
    Undecided,
    /// A valid response has begun.
    Begun,
    /// Not a valid response.
    Refused(Flaw),
}

/// Why a body is not a valid response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is an error.
    Error,
    /// It ended empty.
    Empty,
    /// It ended in the middle of its JSON.
    Cut,
    /// It is something else: an HTML page, broken JSON, JSON without the fields of a response, or a
    /// stream that ends without having begun.
    Foreign,
}

/// Whether headers and URL ask for a stream.
pub fn asks_for_stream(accept: &[u8], path: &str, query: &str) -> bool {
    let accepts = accept
        .split(|byte| matches!(byte, b',' | b';'))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"));
    accepts || path.ends_with(STREAM_GENERATE) || query.split('&').any(|part| part == "alt=sse")
}

/// Neither null nor empty.
fn is_something(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(entries) => entries.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_the_dialect() {
        for (path, expected) in [
            ("/v1/chat/completions", Dialect::Chat),
            ("/v1/completions", Dialect::Chat),
            ("/v1/responses", Dialect::Responses),
            ("/v1/messages", Dialect::Anthropic),
            (
                "/v1/models/gemini-2.5-pro:streamGenerateContent",
                Dialect::Gemini,
            ),
            (
                "/v1/models/gemini-2.5-pro:generateContent",
                Dialect::Unknown,
            ),
            ("/v1/responses/resp_1", Dialect::Unknown),
            ("/v1/audio/speech", Dialect::Unknown),
        ] {
            assert_eq!(Dialect::of(path), expected, "{path}");
        }
    }

    #[test]
    fn a_stream_is_asked_for_by_header_query_or_path() {
        assert!(asks_for_stream(
            b"application/json, Text/Event-Stream;q=1",
            "/x",
            ""
        ));
        assert!(asks_for_stream(b"", "/x", "a=1&alt=sse"));
        assert!(asks_for_stream(
            b"",
            "/v1/models/g:streamGenerateContent",
            ""
        ));
        assert!(!asks_for_stream(b"*/*", "/x", "alt=json"));
    }
}
