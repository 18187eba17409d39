//! OpenAI's Responses: complete, and as numbered and named events that repeat the output item.

use serde_json::{Map, Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::content;
use crate::generation::{Generation, Output};
use crate::request_fields::RequestFields;
use crate::response::{EventScript, Response, named_event};

/// What one response says, and its ids.
#[derive(Clone)]
struct Turn {
    generation: Generation,
    id: String,
    item_id: String,
    call_id: String,
}

/// `POST responses`
pub(crate) fn create(call: &Call<'_>) -> Result<Response, ApiError> {
    let fields = RequestFields::read(&call.request.body)?;
    let model = fields.model()?;
    if matches!(fields.input, None | Some(Value::Null)) {
        return Err(ApiError::missing("input"));
    }
    let generation = Generation::new(call, &fields, model);
    let random = &call.mock.random;
    let turn = Turn {
        item_id: match generation.output {
            Output::Text { .. } => random.id("msg_"),
            Output::ToolCall { .. } => random.id("fc_"),
        },
        id: random.id("resp_"),
        call_id: random.id("call_"),
        generation,
    };
    Ok(match fields.is_stream() {
        true => Response::events(turn.script(call)),
        false => Response::json(&turn.response(true)),
    })
}

impl Turn {
    /// The response object: finished, or as it is at the start of a stream.
    fn response(&self, finished: bool) -> Value {
        let generation = &self.generation;
        let incomplete = finished && generation.truncated;
        let incomplete = incomplete.then(|| json!({ "reason": "max_output_tokens" }));
        let output = finished.then(|| self.item(true));
        json!({
            "id": self.id,
            "object": "response",
            "created_at": generation.created,
            "status": self.status(finished),
            "error": null,
            "incomplete_details": incomplete,
            "instructions": null,
            "max_output_tokens": null,
            "model": generation.model,
            "output": output.as_slice(),
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "reasoning": { "effort": null, "summary": null },
            "store": false,
            "temperature": 1,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1,
            "truncation": "disabled",
            "usage": finished.then(|| self.usage()),
            "user": null,
            "metadata": {},
        })
    }

    fn status(&self, finished: bool) -> &'static str {
        match (finished, self.generation.truncated) {
            (false, _) => "in_progress",
            (true, true) => "incomplete",
            (true, false) => "completed",
        }
    }

    fn usage(&self) -> Value {
        let input = self.generation.input_tokens;
        let output = self.generation.output_tokens();
        json!({
            "input_tokens": input,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": output,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": input + output,
        })
    }

    /// The only output item: a message or a function call.
    fn item(&self, finished: bool) -> Value {
        let status = self.status(finished);
        match &self.generation.output {
            Output::Text { .. } => {
                let part = finished.then(|| text_part(&self.generation.text()));
                json!({
                    "id": self.item_id,
                    "type": "message",
                    "status": status,
                    "content": part.as_slice(),
                    "role": "assistant",
                })
            }
            Output::ToolCall { name, pieces, .. } => json!({
                "id": self.item_id,
                "type": "function_call",
                "status": status,
                "arguments": if finished { pieces.concat() } else { String::new() },
                "call_id": self.call_id,
                "name": name,
            }),
        }
    }

    fn script(self, call: &Call<'_>) -> EventScript {
        EventScript {
            opening: self.opening().concat(),
            tokens: self.generation.output_tokens(),
            closing: self.closing(),
            error: ApiError::for_status(500).event(call.dialect, call.request_id),
            token: self.token(),
        }
    }

    /// The events before the first token.
    fn opening(&self) -> Vec<String> {
        let started = json!({ "response": self.response(false) });
        let added = json!({ "output_index": 0, "item": self.item(false) });
        let mut events = vec![
            event("response.created", 0, started.clone()),
            event("response.in_progress", 1, started),
            event("response.output_item.added", 2, added),
        ];
        if matches!(self.generation.output, Output::Text { .. }) {
            let part = json!({
                "item_id": self.item_id,
                "output_index": 0,
                "content_index": 0,
                "part": text_part(""),
            });
            events.push(event("response.content_part.added", 3, part));
        }
        events
    }

    fn token(self) -> Box<dyn Fn(usize) -> String> {
        let first_number = self.opening().len();
        let item_id = self.item_id;
        match self.generation.output {
            Output::Text { .. } => Box::new(move |index| {
                let delta = json!({
                    "item_id": item_id,
                    "output_index": 0,
                    "content_index": 0,
                    "delta": content::word(index),
                    "logprobs": [],
                });
                event("response.output_text.delta", first_number + index, delta)
            }),
            Output::ToolCall { pieces, .. } => Box::new(move |index| {
                let delta =
                    json!({ "item_id": item_id, "output_index": 0, "delta": pieces[index] });
                let kind = "response.function_call_arguments.delta";
                event(kind, first_number + index, delta)
            }),
        }
    }

    /// The events after the last token.
    fn closing(&self) -> String {
        let item = json!({ "output_index": 0, "item": self.item(true) });
        let last = match self.generation.truncated {
            true => "response.incomplete",
            false => "response.completed",
        };
        let mut events = self.output_done();
        events.push(("response.output_item.done", item));
        events.push((last, json!({ "response": self.response(true) })));
        let first_number = self.opening().len() + self.generation.output_tokens();
        let numbered = (first_number..).zip(events);
        numbered
            .map(|(number, (kind, fields))| event(kind, number, fields))
            .collect()
    }

    /// The events that repeat all of the text or all arguments.
    fn output_done(&self) -> Vec<(&'static str, Value)> {
        match &self.generation.output {
            Output::Text { .. } => {
                let text = self.generation.text();
                let text_done = json!({
                    "item_id": self.item_id,
                    "output_index": 0,
                    "content_index": 0,
                    "text": text,
                    "logprobs": [],
                });
                let part_done = json!({
                    "item_id": self.item_id,
                    "output_index": 0,
                    "content_index": 0,
                    "part": text_part(&text),
                });
                vec![
                    ("response.output_text.done", text_done),
                    ("response.content_part.done", part_done),
                ]
            }
            Output::ToolCall { name, pieces, .. } => {
                let done = json!({
                    "item_id": self.item_id,
                    "name": name,
                    "output_index": 0,
                    "arguments": pieces.concat(),
                });
                vec![("response.function_call_arguments.done", done)]
            }
        }
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

/// An event with its type first and its number last, as in the real API.
fn event(kind: &str, number: usize, fields: Value) -> String {
    let mut event = Map::new();
    event.insert("type".to_owned(), json!(kind));
    if let Value::Object(fields) = fields {
        event.extend(fields);
    }
    event.insert("sequence_number".to_owned(), json!(number));
    named_event(kind, &Value::Object(event))
}
