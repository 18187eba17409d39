//! The meaning of one event of a stream in its dialect: a token, an error, an end, or a preamble;
//! and whether the response is complete with it.

mod sign;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::sign::{Sign, sign};
use super::{Dialect, gemini::Candidates, is_something, sse::Event};

/// The meaning of an event while waiting for the first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// No content: roles, pings, headers.
    Preamble,
    /// Content of any kind.
    Token,
    Error,
    /// The end of a response that may have been empty.
    Terminal,
}

/// Interprets one event.
pub fn meaning(dialect: Dialect, event: &Event) -> Meaning {
    if event.data == b"[DONE]" {
        return Meaning::Terminal;
    }
    let Some(data) = object(event) else {
        return match (event.name.as_slice(), event.data.is_empty()) {
            (b"error", _) => Meaning::Error,
            (_, true) => Meaning::Preamble,
            (name, false) if is_heartbeat(name) => Meaning::Preamble,
            // Not JSON, but content of a format that the client may know.
            (_, false) => Meaning::Token,
        };
    };
    if is_error(&event.name, &data) {
        return Meaning::Error;
    }
    match shape(&data).unwrap_or(dialect) {
        Dialect::Chat => chat(&data),
        Dialect::Responses => responses(&data),
        Dialect::Anthropic => anthropic(&data),
        Dialect::Gemini => gemini(&data),
        Dialect::Cohere => cohere(&data),
        Dialect::Speech if is_of_type(&data, "speech.audio.done") => Meaning::Terminal,
        Dialect::Images | Dialect::Speech | Dialect::Unknown => Meaning::Token,
    }
}

/// The meaning of an event for the completeness of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More may follow.
    Open,
    /// The final event of the dialect: the response is complete.
    Whole,
    /// The state of these Gemini candidates; the response is complete when all have finished.
    Of(Candidates),
    /// The response is an error or incomplete.
    Failed,
}

/// Interprets one event, taking the dialect from its shape if the path does not tell it.
pub fn progress(dialect: Dialect, event: &Event) -> (Dialect, Progress) {
    if event.data == b"[DONE]" {
        return match dialect {
            Dialect::Chat => (dialect, Progress::Whole),
            Dialect::Responses
            | Dialect::Anthropic
            | Dialect::Gemini
            | Dialect::Images
            | Dialect::Speech
            | Dialect::Cohere
            | Dialect::Unknown => (dialect, Progress::Open),
        };
    }
    let Some(data) = object(event) else {
        return match event.name.as_slice() {
            b"error" => (dialect, Progress::Failed),
            _ => (dialect, Progress::Open),
        };
    };
    let dialect = match dialect {
        Dialect::Unknown => shape(&data).unwrap_or(dialect),
        known => known,
    };
    if is_error(&event.name, &data) {
        return (dialect, Progress::Failed);
    }
    let kind = data.get("type").and_then(Value::as_str);
    let progress = match (dialect, kind) {
        (Dialect::Responses, Some("response.completed"))
        | (Dialect::Anthropic, Some("message_stop"))
        | (Dialect::Images, Some("image_generation.completed" | "image_edit.completed"))
        | (Dialect::Speech, Some("speech.audio.done"))
        | (Dialect::Cohere, Some("message-end")) => Progress::Whole,
        (Dialect::Responses, Some("response.incomplete" | "response.cancelled")) => {
            Progress::Failed
        }
        (Dialect::Gemini, _) => Progress::Of(Candidates::of(&data)),
        _ => Progress::Open,
    };
    (dialect, progress)
}

/// The name of an event that only keeps the connection open.
fn is_heartbeat(name: &[u8]) -> bool {
    matches!(name, b"ping" | b"keepalive" | b"keep-alive" | b"heartbeat")
}

fn object(event: &Event) -> Option<Map<String, Value>> {
    Deserialize::deserialize(&mut serde_json::Deserializer::from_slice(&event.data)).ok()
}

/// The dialect that an event's own shape shows: servers use paths of all kinds.
fn shape(data: &Map<String, Value>) -> Option<Dialect> {
    const ANTHROPIC: [&str; 7] = [
        "content_block_delta",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_start",
        "message_stop",
        "ping",
    ];
    const IMAGES: [&str; 2] = ["image_generation.", "image_edit."];
    const COHERE: [&str; 4] = ["message-start", "message-end", "content-", "tool-"];
    match data.get("type").and_then(Value::as_str) {
        Some(kind) if COHERE.iter().any(|it| kind.starts_with(it)) => Some(Dialect::Cohere),
        Some(kind) if kind.starts_with("response.") => Some(Dialect::Responses),
        Some(kind) if ANTHROPIC.contains(&kind) => Some(Dialect::Anthropic),
        Some(kind) if IMAGES.iter().any(|it| kind.starts_with(it)) => Some(Dialect::Images),
        Some(kind) if kind.starts_with("speech.audio.") => Some(Dialect::Speech),
        _ if data.contains_key("choices") => Some(Dialect::Chat),
        _ if data.contains_key("candidates") => Some(Dialect::Gemini),
        _ => None,
    }
}

fn is_of_type(data: &Map<String, Value>, kind: &str) -> bool {
    data.get("type").is_some_and(|it| it == kind)
}

fn is_error(name: &[u8], data: &Map<String, Value>) -> bool {
    let kind = data.get("type").and_then(Value::as_str);
    let has_error = data.get("error").is_some_and(|error| match error {
        // Some servers have an empty `error` object in each chunk.
        Value::Object(entries) if entries.is_empty() => shape(data).is_none(),
        error => says_failure(error),
    });
    // In the Responses API errors are inside `response`; at the top level `error` is a real one.
    name == b"error"
        || has_error
        || matches!(kind, Some("error" | "response.failed"))
        || has_failed_choice(data)
}

/// A single choice may fail: OpenRouter reports this in place of a `finish_reason`.
fn has_failed_choice(data: &Map<String, Value>) -> bool {
    let choices = data.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().any(is_failed_choice)
}

/// Whether this choice failed.
pub(super) fn is_failed_choice(choice: &Value) -> bool {
    let has_error = choice.get("error").is_some_and(says_failure);
    has_error || choice.get("finish_reason").is_some_and(|it| it == "error")
}

/// The value of `error` is neither null, nor false, nor an empty text.
fn says_failure(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Members of a delta that are not content.
const NO_CONTENT: [&str; 4] = ["role", "index", "type", "id"];

fn chat(data: &Map<String, Value>) -> Meaning {
    let Some(choices) = data.get("choices").and_then(Value::as_array) else {
        return without_choices(data);
    };
    let has_content = |choice: &Value| {
        let text = choice.get("text").is_some_and(is_something);
        text || choice
            .get("delta")
            .is_some_and(|delta| delta.as_object().is_some_and(has_content))
    };
    if choices.iter().any(has_content) {
        return Meaning::Token;
    }
    let is_finished = |choice: &Value| choice.get("finish_reason").is_some_and(is_something);
    match choices.iter().any(is_finished) {
        true => Meaning::Terminal,
        false => Meaning::Preamble,
    }
}

/// Events of servers that use another format on the same path.
fn without_choices(data: &Map<String, Value>) -> Meaning {
    let event = data.get("event");
    let said = [
        // llama.cpp without `/v1`, Qianfan, the Llama API.
        data.get("content"),
        data.get("result"),
        event.and_then(|event| event.pointer("/delta/text")),
    ];
    let is_true = |key: &str| data.get(key) == Some(&Value::Bool(true));
    let is_complete =
        event.is_some_and(|it| it.get("event_type").is_some_and(|it| it == "complete"));
    if said.into_iter().flatten().any(is_something) {
        return Meaning::Token;
    }
    match is_true("stop") || is_true("is_end") || is_complete {
        true => Meaning::Terminal,
        false => Meaning::Preamble,
    }
}

fn has_content(delta: &Map<String, Value>) -> bool {
    let mut entries = delta.iter();
    entries.any(|(key, value)| !NO_CONTENT.contains(&key.as_str()) && is_something(value))
}

fn responses(data: &Map<String, Value>) -> Meaning {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "response.completed" | "response.incomplete" => Meaning::Terminal,
        _ if kind.ends_with(".delta") || kind.ends_with(".partial_image") => {
            let delta = data.get("delta").or_else(|| data.get("partial_image_b64"));
            match delta.is_some_and(is_something) {
                true => Meaning::Token,
                false => Meaning::Preamble,
            }
        }
        _ => Meaning::Preamble,
    }
}

fn anthropic(data: &Map<String, Value>) -> Meaning {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
    let content = match kind {
        "content_block_delta" => data.get("delta"),
        "content_block_start" => data.get("content_block"),
        "message_stop" => return Meaning::Terminal,
        "message_delta" => {
            let reason = data.get("delta").and_then(|delta| delta.get("stop_reason"));
            return match reason.is_some_and(is_something) {
                true => Meaning::Terminal,
                false => Meaning::Preamble,
            };
        }
        _ => return Meaning::Preamble,
    };
    // A block that is not text, such as a tool call, has content from its beginning.
    match content.and_then(Value::as_object).is_some_and(has_content) {
        true => Meaning::Token,
        false => Meaning::Preamble,
    }
}

fn cohere(data: &Map<String, Value>) -> Meaning {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "message-end" => Meaning::Terminal,
        "message-start" | "content-start" | "content-end" => Meaning::Preamble,
        _ => Meaning::Token,
    }
}

fn gemini(data: &Map<String, Value>) -> Meaning {
    let Some(candidates) = data.get("candidates").and_then(Value::as_array) else {
        // A refused prompt has feedback and no candidates.
        return match data.contains_key("promptFeedback") {
            true => Meaning::Terminal,
            false => Meaning::Preamble,
        };
    };
    let has_parts = |candidate: &Value| {
        let parts = candidate
            .get("content")
            .and_then(|content| content.get("parts"));
        let parts = parts.and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(Value::as_object).any(|part| {
            part.iter().any(|(key, value)| {
                !matches!(key.as_str(), "thought" | "thoughtSignature") && is_something(value)
            })
        })
    };
    if candidates.iter().any(has_parts) {
        return Meaning::Token;
    }
    match Candidates::of(data).any_finished() {
        true => Meaning::Terminal,
        false => Meaning::Preamble,
    }
}

#[cfg(test)]
mod tests;
