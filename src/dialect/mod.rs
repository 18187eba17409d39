//! What do the bytes of an answer say, before anybody is shown them? Whether they look like an
//! answer of their route, compressed or not; which server-sent events hold a first token or an
//! error; and whether their last event came, for each dialect. A look at a copy: edits nothing.

mod completion;
mod decode;
mod event;
mod first_event;
mod gemini;
mod generates;
mod judge;
mod media;
mod response_status;
#[cfg(test)]
pub(crate) mod samples;
mod says_error;
mod shape;
mod sse;
mod stream_end;

pub use completion::{Ending, LastEvent};
pub use decode::{Coded, Coding, Stop, decode};
pub use first_event::FirstEvent;
pub use generates::Generates;
pub use judge::{AnswerJudge, MOST_BYTES as MOST_JUDGED, begins_as_events};
pub use media::Media;
pub use response_status::says_not_completed;
pub use says_error::says_error;
pub use stream_end::StreamEnd;

/// How a provider's streams speak, told by the request's path where an event's own shape does not
/// tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat and text completions, and all who speak like them.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's `streamGenerateContent`.
    Gemini,
    /// OpenAI's images as they are made or edited; by the events' shape only.
    Images,
    /// OpenAI's speech in events; by their shape only.
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

/// What is known of an answer so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Undecided,
    /// It has begun in earnest.
    Begun,
    /// It is none.
    Refused(Flaw),
}

/// Why what came is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is an error.
    Error,
    /// It ended without anything.
    Empty,
    /// It ended in the middle of its JSON.
    Cut,
    /// It is something else: a page, broken JSON, JSON without what an answer has, an end without a
    /// beginning.
    Foreign,
}

/// What headers and URL say of whether a stream is asked for.
pub fn asks_for_stream(accept: &[u8], path: &str, query: &str) -> bool {
    let accepts = accept
        .split(|byte| matches!(byte, b',' | b';'))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"));
    accepts || path.ends_with(STREAM_GENERATE) || query.split('&').any(|part| part == "alt=sse")
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
