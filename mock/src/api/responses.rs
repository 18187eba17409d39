//! OpenAI's Responses: whole, and as numbered, named events that repeat the growing item.

use serde_json::Value;

use crate::answer::{Answer, Script, named_event};
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, Null, object};
use crate::problem::Problem;
use crate::reply::{Reply, Says};
use crate::routes::Call;

/// One response under its ids.
#[derive(Clone)]
struct Turn {
    reply: Reply,
    id: String,
    item_id: String,
    call_id: String,
}

/// `POST responses`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    let model = ask.model()?;
    if matches!(ask.input, None | Some(Value::Null)) {
        return Err(Problem::missing("input"));
    }
    let reply = Reply::to(call, &ask, model);
    let dice = &call.mock.dice;
    let turn = Turn {
        item_id: match reply.says {
            Says::Text { .. } => dice.id("msg_"),
            Says::ToolCall { .. } => dice.id("fc_"),
        },
        id: dice.id("resp_"),
        call_id: dice.id("call_"),
        reply,
    };
    Ok(match ask.is_stream() {
        true => Answer::events(turn.script(call)),
        false => Answer::json(turn.response(true)),
    })
}

impl Turn {
    /// The response object: finished, or as it stands at the start of a stream.
    fn response(&self, finished: bool) -> Json {
        let reply = &self.reply;
        let status = match (finished, reply.limited) {
            (false, _) => "in_progress",
            (true, true) => "incomplete",
            (true, false) => "completed",
        };
        let limited = finished && reply.limited;
        let incomplete = limited.then(|| object! { "reason": "max_output_tokens" });
        let output: Vec<Json> = finished.then(|| self.item(true)).into_iter().collect();
        object! {
            "id": self.id,
            "object": "response",
            "created_at": reply.created,
            "status": status,
            "error": Null,
            "incomplete_details": incomplete,
            "instructions": Null,
            "max_output_tokens": Null,
            "model": reply.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": Null,
            "reasoning": object! { "effort": Null, "summary": Null },
            "store": false,
            "temperature": 1.0f64,
            "text": object! { "format": object! { "type": "text" } },
            "tool_choice": "auto",
            "tools": Vec::<Json>::new(),
            "top_p": 1.0f64,
            "truncation": "disabled",
            "usage": finished.then(|| self.usage()),
            "user": Null,
            "metadata": object! {},
        }
    }

    fn usage(&self) -> Json {
        let (input, output) = (self.reply.input_tokens, self.reply.output_tokens());
        object! {
            "input_tokens": input,
            "input_tokens_details": object! { "cached_tokens": 0u8 },
            "output_tokens": output,
            "output_tokens_details": object! { "reasoning_tokens": 0u8 },
            "total_tokens": input + output,
        }
    }

    /// The one output item: a message, or a call of a function.
    fn item(&self, finished: bool) -> Json {
        let status = match (finished, self.reply.limited) {
            (false, _) => "in_progress",
            (true, true) => "incomplete",
            (true, false) => "completed",
        };
        match &self.reply.says {
            Says::Text { .. } => {
                let part = finished.then(|| text_part(&self.reply.text()));
                object! {
                    "id": self.item_id,
                    "type": "message",
                    "status": status,
                    "content": part.into_iter().collect::<Vec<_>>(),
                    "role": "assistant",
                }
            }
            Says::ToolCall { name, pieces } => object! {
                "id": self.item_id,
                "type": "function_call",
                "status": status,
                "arguments": if finished { pieces.concat() } else { String::new() },
                "call_id": self.call_id,
                "name": name,
            },
        }
    }

    fn script(self, call: &Call<'_>) -> Script {
        Script {
            opening: self.opening(),
            tokens: self.reply.output_tokens(),
            closing: self.closing(),
            error: Problem::asked_for(500).event(call.dialect, call.request_id),
            token: self.token(),
        }
    }

    /// Events before the first token: created, in_progress, item added, and for text its part.
    fn opening_events(&self) -> usize {
        match self.reply.says {
            Says::Text { .. } => 4,
            Says::ToolCall { .. } => 3,
        }
    }

    fn opening(&self) -> String {
        let added = object! { "output_index": 0u8, "item": self.item(false) };
        let mut opening = [
            event(
                "response.created",
                0,
                object! { "response": self.response(false) },
            ),
            event(
                "response.in_progress",
                1,
                object! { "response": self.response(false) },
            ),
            event("response.output_item.added", 2, added),
        ]
        .concat();
        if matches!(self.reply.says, Says::Text { .. }) {
            let part = object! {
                "item_id": self.item_id, "output_index": 0u8, "content_index": 0u8, "part": text_part(""),
            };
            opening.push_str(&event("response.content_part.added", 3, part));
        }
        opening
    }

    fn token(self) -> Box<dyn Fn(usize) -> String> {
        let before = self.opening_events();
        let item_id = self.item_id;
        match self.reply.says {
            Says::Text { .. } => Box::new(move |index| {
                let delta = object! {
                    "item_id": item_id,
                    "output_index": 0u8,
                    "content_index": 0u8,
                    "delta": content::word(index),
                    "logprobs": Vec::<Json>::new(),
                };
                event("response.output_text.delta", before + index, delta)
            }),
            Says::ToolCall { pieces, .. } => Box::new(move |index| {
                let delta = object! {
                    "item_id": item_id, "output_index": 0u8, "delta": pieces[index],
                };
                event(
                    "response.function_call_arguments.delta",
                    before + index,
                    delta,
                )
            }),
        }
    }

    fn closing(&self) -> String {
        let mut number = self.opening_events() + self.reply.output_tokens();
        let mut closing = String::new();
        let mut push = |kind: &str, rest: Json| {
            closing.push_str(&event(kind, number, rest));
            number += 1;
        };
        match &self.reply.says {
            Says::Text { .. } => {
                let text = self.reply.text();
                let done = object! {
                    "item_id": self.item_id,
                    "output_index": 0u8,
                    "content_index": 0u8,
                    "text": text,
                    "logprobs": Vec::<Json>::new(),
                };
                push("response.output_text.done", done);
                let part = object! {
                    "item_id": self.item_id,
                    "output_index": 0u8,
                    "content_index": 0u8,
                    "part": text_part(&text),
                };
                push("response.content_part.done", part);
            }
            Says::ToolCall { name, pieces } => {
                let done = object! {
                    "item_id": self.item_id,
                    "name": name,
                    "output_index": 0u8,
                    "arguments": pieces.concat(),
                };
                push("response.function_call_arguments.done", done);
            }
        }
        let item = object! { "output_index": 0u8, "item": self.item(true) };
        push("response.output_item.done", item);
        let last = match self.reply.limited {
            true => "response.incomplete",
            false => "response.completed",
        };
        push(last, object! { "response": self.response(true) });
        closing
    }
}

fn text_part(text: &str) -> Json {
    object! {
        "type": "output_text",
        "annotations": Vec::<Json>::new(),
        "logprobs": Vec::<Json>::new(),
        "text": text,
    }
}

/// An event with its type first and its number last, as the real API has them.
fn event(kind: &str, number: usize, rest: Json) -> String {
    let fields = rest.0.strip_prefix('{').unwrap_or_default();
    let fields = fields.strip_suffix('}').unwrap_or_default();
    named_event(
        kind,
        &Json(format!(
            "{{\"type\":\"{kind}\",{fields},\"sequence_number\":{number}}}"
        )),
    )
}
