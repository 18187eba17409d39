//! OpenAI's chat completions: whole, and as a stream of chunks that ends with `[DONE]`.

use crate::answer::{Answer, Script, data_event};
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, Null, ToJson, object};
use crate::problem::Problem;
use crate::reply::{Reply, Says};
use crate::routes::Call;

/// What every chunk of one stream repeats.
#[derive(Clone)]
struct Chunk {
    id: String,
    model: String,
    created: u64,
    /// Chunks say `"usage":null` when the last one will state it.
    usage: bool,
}

/// `POST chat/completions`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = Ask::read(&call.request.body)?;
    let model = model(call, &ask)?;
    if ask.messages.is_none() {
        return Err(Problem::missing("messages"));
    }
    let reply = Reply::to(call, &ask, model);
    let id = call.mock.dice.id("chatcmpl-");
    Ok(match ask.is_stream() {
        true => Answer::events(script(call, &ask, &reply, id)),
        false => Answer::json(whole(call, &reply, id, ask.n.unwrap_or(1).clamp(1, 128))),
    })
}

/// The model of the body, or Azure's deployment in the path.
fn model(call: &Call<'_>, ask: &Ask) -> Result<String, Problem> {
    ask.model().or_else(|problem| {
        let path = call.request.path();
        let deployment = path.split_once("/deployments/").ok_or(problem)?.1;
        let name = deployment.split('/').next().unwrap_or_default();
        Ok(name.to_owned())
    })
}

fn whole(call: &Call<'_>, reply: &Reply, id: String, choices: usize) -> Json {
    let choice = |index: usize| {
        object! {
            "index": index,
            "message": message(call, reply),
            "logprobs": Null,
            "finish_reason": finish_reason(reply),
        }
    };
    object! {
        "id": id,
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": (0..choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(reply, choices),
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    }
}

fn message(call: &Call<'_>, reply: &Reply) -> Json {
    match &reply.says {
        Says::Text { .. } => object! {
            "role": "assistant",
            "content": reply.text(),
            "refusal": Null,
            "annotations": Vec::<Json>::new(),
        },
        Says::ToolCall { name, pieces } => object! {
            "role": "assistant",
            "content": Null,
            "tool_calls": [object! {
                "id": call.mock.dice.id("call_"),
                "type": "function",
                "function": object! { "name": name, "arguments": pieces.concat() },
            }],
            "refusal": Null,
            "annotations": Vec::<Json>::new(),
        },
    }
}

fn finish_reason(reply: &Reply) -> &'static str {
    match (&reply.says, reply.limited) {
        (Says::ToolCall { .. }, _) => "tool_calls",
        (Says::Text { .. }, true) => "length",
        (Says::Text { .. }, false) => "stop",
    }
}

/// The usage object of chat and text completions.
pub(super) fn usage(reply: &Reply, choices: usize) -> Json {
    let output = reply.output_tokens() * choices;
    object! {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": output,
        "total_tokens": reply.input_tokens + output,
        "prompt_tokens_details": object! { "cached_tokens": 0u8, "audio_tokens": 0u8 },
        "completion_tokens_details": object! {
            "reasoning_tokens": 0u8,
            "audio_tokens": 0u8,
            "accepted_prediction_tokens": 0u8,
            "rejected_prediction_tokens": 0u8,
        },
    }
}

fn script(call: &Call<'_>, ask: &Ask, reply: &Reply, id: String) -> Script {
    let chunk = Chunk {
        id,
        model: reply.model.clone(),
        created: reply.created,
        usage: ask.wants_usage(),
    };
    let mut closing = chunk.choice(&object! {}, Some(finish_reason(reply)));
    if chunk.usage {
        closing.push_str(&chunk.event(&Vec::<Json>::new(), &usage(reply, 1)));
    }
    closing.push_str("data: [DONE]\n\n");
    Script {
        opening: opening(call, &chunk, reply),
        tokens: reply.output_tokens(),
        token: token(chunk, &reply.says),
        closing,
        error: Problem::asked_for(500).event(call.dialect, call.request_id),
    }
}

/// The role, and the head of a tool call.
fn opening(call: &Call<'_>, chunk: &Chunk, reply: &Reply) -> String {
    let delta = match &reply.says {
        Says::Text { .. } => object! { "role": "assistant", "content": "", "refusal": Null },
        Says::ToolCall { name, .. } => object! {
            "role": "assistant",
            "content": Null,
            "tool_calls": [object! {
                "index": 0u8,
                "id": call.mock.dice.id("call_"),
                "type": "function",
                "function": object! { "name": name, "arguments": "" },
            }],
            "refusal": Null,
        },
    };
    chunk.choice(&delta, None)
}

fn token(chunk: Chunk, says: &Says) -> Box<dyn Fn(usize) -> String> {
    match says.clone() {
        Says::Text { .. } => {
            Box::new(move |index| chunk.choice(&object! { "content": content::word(index) }, None))
        }
        Says::ToolCall { pieces, .. } => Box::new(move |index| {
            let function = object! { "arguments": pieces[index] };
            let part = object! { "index": 0u8, "function": function };
            chunk.choice(&object! { "tool_calls": [part] }, None)
        }),
    }
}

impl Chunk {
    /// An event with one choice.
    fn choice(&self, delta: &Json, finish: Option<&str>) -> String {
        let choice = object! {
            "index": 0u8,
            "delta": delta,
            "logprobs": Null,
            "finish_reason": finish,
        };
        self.event(&[choice], &Null)
    }

    fn event(&self, choices: &(impl ToJson + ?Sized), usage: &impl ToJson) -> String {
        let mut json = object! {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
            "choices": choices,
        };
        if self.usage {
            json.0.pop();
            crate::json::field(&mut json.0, "usage", usage);
            json.0.push('}');
        }
        data_event(&json)
    }
}
