//! Anthropic's messages: complete, as a stream of named events, and the count of input tokens.

use serde_json::{Map, Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::generation::{Generation, Output};
use crate::request_fields::RequestFields;
use crate::response::{EventScript, Response, named_event};

/// `POST messages`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let (fields, model) = required_fields(call)?;
    if fields.token_limit().is_none() {
        return Err(required("max_tokens"));
    }
    let generation = Generation::new(call, &fields, model);
    let id = call.mock.random.id("msg_01");
    Ok(match fields.is_stream() {
        true => Response::events(script(call, &generation, &id)),
        false => Response::json(&complete(call, &generation, &id)),
    })
}

/// `POST messages/count_tokens`
pub(crate) fn count_tokens(call: &Call<'_>) -> Result<Response, ApiError> {
    required_fields(call)?;
    let tokens = content::input_tokens(call.request.body.len());
    Ok(Response::json(&json!({ "input_tokens": tokens })))
}

/// The fields of the body, which must include `messages`, and the model.
fn required_fields(call: &Call<'_>) -> Result<(RequestFields, String), ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let model = fields.model.clone().ok_or_else(|| required("model"))?;
    if fields.messages.is_none() {
        return Err(required("messages"));
    }
    Ok((fields, model))
}

fn required(field: &str) -> ApiError {
    ApiError::bad_request(format!("{field}: Field required"))
}

fn complete(call: &Call<'_>, generation: &Generation, id: &str) -> Value {
    let block = match &generation.output {
        Output::Text { .. } => {
            json!({ "type": "text", "text": generation.text(), "citations": null })
        }
        Output::ToolCall {
            name, arguments, ..
        } => tool_use(call, name, arguments),
    };
    let (stop, tokens) = (stop_reason(generation), generation.output_tokens());
    message(generation, id, &[block], Some(stop), tokens)
}

fn tool_use(call: &Call<'_>, name: &str, input: &Value) -> Value {
    json!({
        "type": "tool_use",
        "id": call.mock.random.id("toolu_01"),
        "name": name,
        "input": input,
    })
}

fn message(
    generation: &Generation,
    id: &str,
    blocks: &[Value],
    stop_reason: Option<&str>,
    output_tokens: usize,
) -> Value {
    json!({
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": generation.model,
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": generation.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
            "service_tier": "standard",
        },
    })
}

fn stop_reason(generation: &Generation) -> &'static str {
    match (&generation.output, generation.truncated) {
        (Output::ToolCall { .. }, _) => "tool_use",
        (Output::Text { .. }, true) => "max_tokens",
        (Output::Text { .. }, false) => "end_turn",
    }
}

/// An event whose type comes first, as in the real API, and then `fields`.
fn event<const N: usize>(kind: &str, fields: [(&str, Value); N]) -> String {
    let mut event = Map::new();
    event.insert("type".to_owned(), json!(kind));
    event.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    named_event(kind, &Value::Object(event))
}

fn script(call: &Call<'_>, generation: &Generation, id: &str) -> EventScript {
    EventScript {
        opening: opening(call, generation, id),
        tokens: generation.output_tokens(),
        token: token(&generation.output),
        closing: closing(generation),
        error: ApiError::for_status(529).event(call.dialect, call.request_id),
    }
}

fn opening(call: &Call<'_>, generation: &Generation, id: &str) -> String {
    let block = match &generation.output {
        Output::Text { .. } => json!({ "type": "text", "text": "" }),
        Output::ToolCall { name, .. } => tool_use(call, name, &json!({})),
    };
    let started = message(generation, id, &[], None, 1);
    [
        event("message_start", [("message", started)]),
        event(
            "content_block_start",
            [("index", json!(0)), ("content_block", block)],
        ),
        event("ping", []),
    ]
    .concat()
}

fn token(output: &Output) -> Box<dyn Fn(usize) -> String> {
    let event = |delta| {
        let fields = [("index", json!(0)), ("delta", delta)];
        event("content_block_delta", fields)
    };
    match output.clone() {
        Output::Text { .. } => Box::new(move |index| {
            event(json!({ "type": "text_delta", "text": content::word(index) }))
        }),
        Output::ToolCall { pieces, .. } => Box::new(move |index| {
            event(json!({ "type": "input_json_delta", "partial_json": pieces[index] }))
        }),
    }
}

fn closing(generation: &Generation) -> String {
    let delta = json!({ "stop_reason": stop_reason(generation), "stop_sequence": null });
    let usage = json!({ "output_tokens": generation.output_tokens() });
    [
        event("content_block_stop", [("index", json!(0))]),
        event("message_delta", [("delta", delta), ("usage", usage)]),
        event("message_stop", []),
    ]
    .concat()
}
