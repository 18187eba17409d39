//! OpenAI's chat completions: complete, and as a stream of chunks that ends with `[DONE]`.

use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::generation::{Generation, Output};
use crate::request_fields::RequestFields;
use crate::response::{EventScript, Response, data_event};

/// The fields that all chunks of one stream have in common.
#[derive(Clone)]
struct Chunk {
    id: String,
    model: String,
    created: u64,
    /// Whether the last chunk states the usage; then all other chunks have `"usage":null`.
    usage: bool,
}

/// `POST chat/completions`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let model = model(call, &fields)?;
    if fields.messages.is_none() {
        return Err(ApiError::missing("messages"));
    }
    let generation = Generation::new(call, &fields, model);
    let id = call.mock.random.id("chatcmpl-");
    if fields.is_stream() {
        return Ok(Response::events(script(call, &fields, &generation, id)));
    }
    let choices = fields.n.unwrap_or(1).clamp(1, 128);
    Ok(Response::json(&completion(call, &generation, id, choices)))
}

/// The model of the body, or the deployment in a path of Azure's.
fn model(call: &Call<'_>, fields: &RequestFields) -> Result<String, ApiError> {
    fields.model().or_else(|error| {
        let path = call.request.path();
        let deployment = path.split_once("/deployments/").ok_or(error)?.1;
        let name = deployment.split('/').next().unwrap_or_default();
        Ok(name.to_owned())
    })
}

fn completion(call: &Call<'_>, generation: &Generation, id: String, choices: usize) -> Value {
    let choice = |index: usize| {
        json!({
            "index": index,
            "message": message(call, generation),
            "logprobs": null,
            "finish_reason": finish_reason(generation),
        })
    };
    json!({
        "id": id,
        "object": "chat.completion",
        "created": generation.created,
        "model": generation.model,
        "choices": (0..choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(generation, choices),
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    })
}

fn message(call: &Call<'_>, generation: &Generation) -> Value {
    match &generation.output {
        Output::Text { .. } => json!({
            "role": "assistant",
            "content": generation.text(),
            "refusal": null,
            "annotations": [],
        }),
        Output::ToolCall { name, pieces, .. } => json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [{
                "id": call.mock.random.id("call_"),
                "type": "function",
                "function": { "name": name, "arguments": pieces.concat() },
            }],
            "refusal": null,
            "annotations": [],
        }),
    }
}

fn finish_reason(generation: &Generation) -> &'static str {
    match (&generation.output, generation.truncated) {
        (Output::ToolCall { .. }, _) => "tool_calls",
        (Output::Text { .. }, true) => "length",
        (Output::Text { .. }, false) => "stop",
    }
}

/// The usage object of chat and text completions.
pub(super) fn usage(generation: &Generation, choices: usize) -> Value {
    let output = generation.output_tokens() * choices;
    json!({
        "prompt_tokens": generation.input_tokens,
        "completion_tokens": output,
        "total_tokens": generation.input_tokens + output,
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

fn script(
    call: &Call<'_>,
    fields: &RequestFields,
    generation: &Generation,
    id: String,
) -> EventScript {
    let chunk = Chunk {
        id,
        model: generation.model.clone(),
        created: generation.created,
        usage: fields.wants_usage(),
    };
    let mut closing = chunk.with_choice(json!({}), Some(finish_reason(generation)));
    if chunk.usage {
        closing.push_str(&chunk.event(json!([]), usage(generation, 1)));
    }
    closing.push_str("data: [DONE]\n\n");
    EventScript {
        opening: opening(call, &chunk, generation),
        tokens: generation.output_tokens(),
        token: token(chunk, &generation.output),
        closing,
        error: ApiError::for_status(500).event(call.dialect, call.request_id),
    }
}

/// The chunk with the role, and with the name of the tool for a tool call.
fn opening(call: &Call<'_>, chunk: &Chunk, generation: &Generation) -> String {
    let delta = match &generation.output {
        Output::Text { .. } => json!({ "role": "assistant", "content": "", "refusal": null }),
        Output::ToolCall { name, .. } => json!({
            "role": "assistant",
            "content": null,
            "tool_calls": [{
                "index": 0,
                "id": call.mock.random.id("call_"),
                "type": "function",
                "function": { "name": name, "arguments": "" },
            }],
            "refusal": null,
        }),
    };
    chunk.with_choice(delta, None)
}

fn token(chunk: Chunk, output: &Output) -> Box<dyn Fn(usize) -> String> {
    match output.clone() {
        Output::Text { .. } => Box::new(move |index| {
            chunk.with_choice(json!({ "content": content::word(index) }), None)
        }),
        Output::ToolCall { pieces, .. } => Box::new(move |index| {
            let part = json!({ "index": 0, "function": { "arguments": pieces[index] } });
            chunk.with_choice(json!({ "tool_calls": [part] }), None)
        }),
    }
}

impl Chunk {
    /// An event with one choice.
    fn with_choice(&self, delta: Value, finish_reason: Option<&str>) -> String {
        let choice = json!({
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": finish_reason,
        });
        self.event(json!([choice]), Value::Null)
    }

    fn event(&self, choices: Value, usage: Value) -> String {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
            "choices": choices,
        });
        if self.usage {
            chunk["usage"] = usage;
        }
        data_event(&chunk)
    }
}
