//! What one event of a stream means, by dialect: a token, an error, the end, or a preamble of
//! either; and whether the answer is whole with it.

mod sign;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::sign::{Sign, sign};
use super::{Dialect, gemini::Candidates, sse::Event};

/// What an event means to somebody who waits for a first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing to show: roles, pings, headings.
    Preamble,
    /// Content of any kind.
    Token,
    Error,
    /// The end of an answer that may have been empty.
    Terminal,
}

/// Reads one event.
pub fn meaning(dialect: Dialect, event: &Event) -> Meaning {
    if event.data == b"[DONE]" {
        return Meaning::Terminal;
    }
    let Some(data) = object(event) else {
        return match (event.name.as_slice(), event.data.is_empty()) {
            (b"error", _) => Meaning::Error,
            (_, true) => Meaning::Preamble,
            (name, false) if is_heartbeat(name) => Meaning::Preamble,
            // No JSON, and yet something: whoever sent it knows what it is.
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

/// What an event means to somebody who would keep the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    Open,
    /// The dialect's own last word: all of the answer has come.
    Whole,
    /// What these candidates have to say: the last word is the last one's.
    Of(Candidates),
    /// The answer is an error, or less than was asked for.
    Failed,
}

/// Reads one event. What the path does not tell of the dialect its shape may.
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

/// The dialect that an event shows by its own shape: servers answer at paths of all kinds.
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
        // Some name it in each chunk.
        Value::Object(entries) if entries.is_empty() => shape(data).is_none(),
        error => says_failure(error),
    });
    // Responses carry an `error` inside their `response`; at the top it is one's own.
    name == b"error"
        || has_error
        || matches!(kind, Some("error" | "response.failed"))
        || has_failed_choice(data)
}

/// A choice may fail by itself: OpenRouter says so where others have their `finish_reason`.
fn has_failed_choice(data: &Map<String, Value>) -> bool {
    let choices = data.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().any(is_failed_choice)
}

/// Whether this choice failed by itself.
pub(super) fn is_failed_choice(choice: &Value) -> bool {
    let has_error = choice.get("error").is_some_and(says_failure);
    has_error || choice.get("finish_reason").is_some_and(|it| it == "error")
}

/// As the value of `error`: neither null, nor false, nor an empty text.
fn says_failure(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Keys of a delta that are no content.
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

/// Events of servers that have a dialect of their own on the same path.
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

/// Neither null nor empty.
pub(super) fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(entries) => entries.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
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
    // A block that is no text, such as a tool's use, says something by its beginning.
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
        // A prompt that was refused has feedback and no candidates.
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
