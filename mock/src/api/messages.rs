//! Anthropic's messages: whole, as a stream of named events, and the count of input tokens.

use crate::answer::{Answer, Script, named_event};
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, Null, object};
use crate::problem::Problem;
use crate::reply::{Reply, Says};
use crate::routes::Call;

/// `POST messages`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let ask = checked(call)?;
    if ask.token_limit().is_none() {
        return Err(required("max_tokens"));
    }
    let model = ask.model.clone().unwrap_or_default();
    let reply = Reply::to(call, &ask, model);
    let id = call.mock.dice.id("msg_01");
    Ok(match ask.is_stream() {
        true => Answer::events(script(call, &reply, &id)),
        false => Answer::json(whole(call, &reply, &id)),
    })
}

/// `POST messages/count_tokens`
pub(crate) fn count_tokens(call: &Call<'_>) -> Result<Answer, Problem> {
    checked(call)?;
    let tokens = content::input_tokens(call.request.body.len());
    Ok(Answer::json(object! { "input_tokens": tokens }))
}

fn checked(call: &Call<'_>) -> Result<Ask, Problem> {
    let ask = Ask::read(&call.request.body)?;
    if ask.model.is_none() {
        return Err(required("model"));
    }
    if ask.messages.is_none() {
        return Err(required("messages"));
    }
    Ok(ask)
}

fn required(field: &str) -> Problem {
    Problem::bad_request(format!("{field}: Field required"))
}

fn whole(call: &Call<'_>, reply: &Reply, id: &str) -> Json {
    let block = match &reply.says {
        Says::Text { .. } => object! { "type": "text", "text": reply.text(), "citations": Null },
        Says::ToolCall { name, pieces } => object! {
            "type": "tool_use",
            "id": call.mock.dice.id("toolu_01"),
            "name": name,
            "input": Json(pieces.concat()),
        },
    };
    message(
        reply,
        id,
        &[block],
        Some(stop_reason(reply)),
        reply.output_tokens(),
    )
}

fn message(reply: &Reply, id: &str, blocks: &[Json], stop: Option<&str>, output: usize) -> Json {
    object! {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": Null,
        "usage": object! {
            "input_tokens": reply.input_tokens,
            "cache_creation_input_tokens": 0u8,
            "cache_read_input_tokens": 0u8,
            "output_tokens": output,
            "service_tier": "standard",
        },
    }
}

fn stop_reason(reply: &Reply) -> &'static str {
    match (&reply.says, reply.limited) {
        (Says::ToolCall { .. }, _) => "tool_use",
        (Says::Text { .. }, true) => "max_tokens",
        (Says::Text { .. }, false) => "end_turn",
    }
}

fn event(kind: &str, rest: Json) -> String {
    // `rest` opens with its brace; the type goes first, as the real API has it.
    let fields = rest.0.strip_prefix('{').unwrap_or_default();
    let comma = if fields == "}" { "" } else { "," };
    named_event(kind, &Json(format!("{{\"type\":\"{kind}\"{comma}{fields}")))
}

fn script(call: &Call<'_>, reply: &Reply, id: &str) -> Script {
    Script {
        opening: opening(call, reply, id),
        tokens: reply.output_tokens(),
        token: token(&reply.says),
        closing: closing(reply),
        error: Problem::asked_for(529).event(call.dialect, call.request_id),
    }
}

fn opening(call: &Call<'_>, reply: &Reply, id: &str) -> String {
    let block = match &reply.says {
        Says::Text { .. } => object! { "type": "text", "text": "" },
        Says::ToolCall { name, .. } => object! {
            "type": "tool_use",
            "id": call.mock.dice.id("toolu_01"),
            "name": name,
            "input": object! {},
        },
    };
    let started = message(reply, id, &[], None, 1);
    [
        event("message_start", object! { "message": started }),
        event(
            "content_block_start",
            object! { "index": 0u8, "content_block": block },
        ),
        event("ping", object! {}),
    ]
    .concat()
}

fn token(says: &Says) -> Box<dyn Fn(usize) -> String> {
    let delta = |delta: Json| {
        event(
            "content_block_delta",
            object! { "index": 0u8, "delta": delta },
        )
    };
    match says.clone() {
        Says::Text { .. } => Box::new(move |index| {
            delta(object! { "type": "text_delta", "text": content::word(index) })
        }),
        Says::ToolCall { pieces, .. } => Box::new(move |index| {
            delta(object! { "type": "input_json_delta", "partial_json": pieces[index] })
        }),
    }
}

fn closing(reply: &Reply) -> String {
    let delta = object! { "stop_reason": stop_reason(reply), "stop_sequence": Null };
    let usage = object! { "output_tokens": reply.output_tokens() };
    [
        event("content_block_stop", object! { "index": 0u8 }),
        event("message_delta", object! { "delta": delta, "usage": usage }),
        event("message_stop", object! {}),
    ]
    .concat()
}
