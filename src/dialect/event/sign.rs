//! Decides whether an event belongs to a response. Unknown events do not.

use serde_json::{Map, Value};

use super::{Meaning, is_error, is_heartbeat, is_something, meaning, object, shape};
use crate::dialect::{Dialect, sse::Event};

/// What an event shows about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing, or unknown.
    Nothing,
    /// Part of a response, without content yet.
    Beginning,
    /// Content, or an event that is a response by itself.
    Token,
    /// The end of a response, which must have begun before.
    End,
    /// An error.
    Error,
    /// Not an event of any dialect.
    Foreign,
}

/// Interprets one event of an expected response.
pub fn sign(dialect: Dialect, event: &Event) -> Sign {
    if event.data.trim_ascii() == b"[DONE]" {
        return Sign::End;
    }
    let Some(data) = object(event) else {
        return match (event.name.as_slice(), event.data.is_empty()) {
            (b"error", _) => Sign::Error,
            (_, true) => Sign::Nothing,
            (name, false) if is_heartbeat(name) => Sign::Nothing,
            (_, false) => Sign::Foreign,
        };
    };
    if is_error(&event.name, &data) {
        return Sign::Error;
    }
    let Some(shape) = shape(&data).or_else(|| shape_at(dialect, &data)) else {
        return match (data.contains_key("detail"), dialect, data.is_empty()) {
            (true, _, _) => Sign::Error,
            // An unknown dialect without events has no form to check.
            (false, Dialect::Unknown, false) => Sign::Token,
            (false, _, _) => Sign::Nothing,
        };
    };
    if is_heartbeat(&event.name) || data.get("type").is_some_and(|kind| kind == "ping") {
        return Sign::Nothing;
    }
    match (meaning(dialect, event), shape) {
        (Meaning::Preamble, _) => Sign::Beginning,
        (Meaning::Error, _) => Sign::Error,
        (Meaning::Token, _) => Sign::Token,
        // The final event repeats the whole response.
        (Meaning::Terminal, Dialect::Responses)
            if data.get("response").is_some_and(Value::is_object) =>
        {
            Sign::Token
        }
        // The final event is a chunk like the others.
        (Meaning::Terminal, Dialect::Chat | Dialect::Gemini) => Sign::Token,
        (
            Meaning::Terminal,
            Dialect::Responses
            | Dialect::Anthropic
            | Dialect::Images
            | Dialect::Speech
            | Dialect::Cohere
            | Dialect::Unknown,
        ) => Sign::End,
    }
}

/// The dialect of the route, if the event has members that other dialects may have, too.
fn shape_at(dialect: Dialect, data: &Map<String, Value>) -> Option<Dialect> {
    let has = |key: &str| data.get(key).is_some_and(is_something);
    let fits = match dialect {
        Dialect::Gemini => has("promptFeedback") || has("usageMetadata"),
        Dialect::Images => has("b64_json") || has("data") || has("url"),
        // Mistral, Together.
        Dialect::Speech => ["audio", "audio_data", "b64", "data", "delta"]
            .into_iter()
            .any(has),
        // See `without_choices`.
        Dialect::Chat => {
            let is_text = |key: &str| data.get(key).is_some_and(Value::is_string);
            is_text("content")
                || is_text("result")
                || data.get("event").is_some_and(Value::is_object)
        }
        Dialect::Responses | Dialect::Anthropic | Dialect::Cohere | Dialect::Unknown => false,
    };
    fits.then_some(dialect)
}
