//! OpenAI's text completions, the old API that many local servers still speak.

use super::chat::usage;
use crate::answer::{Answer, Script, data_event};
use crate::ask::Ask;
use crate::content;
use crate::json::{Json, Null, object};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::routes::Call;

/// `POST completions`
pub(crate) fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut ask = Ask::read(&call.request.body)?;
    ask.tools = None;
    let reply = Reply::to(call, &ask, ask.model()?);
    let id = call.mock.dice.id("cmpl-");
    if ask.is_stream() {
        return Ok(Answer::events(script(call, &ask, &reply, id)));
    }
    let text = reply.text();
    Ok(Answer::json(event(
        &id,
        &reply,
        &text,
        Some(finish_reason(&reply)),
        true,
    )))
}

fn finish_reason(reply: &Reply) -> &'static str {
    if reply.limited { "length" } else { "stop" }
}

fn event(id: &str, reply: &Reply, text: &str, finish: Option<&str>, with_usage: bool) -> Json {
    let choice = object! {
        "text": text,
        "index": 0u8,
        "logprobs": Null,
        "finish_reason": finish,
    };
    let mut json = object! {
        "id": id,
        "object": "text_completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [choice],
    };
    if with_usage {
        json.0.pop();
        crate::json::field(&mut json.0, "usage", &usage(reply, 1));
        json.0.push('}');
    }
    json
}

fn script(call: &Call<'_>, ask: &Ask, reply: &Reply, id: String) -> Script {
    let last = event(
        &id,
        reply,
        "",
        Some(finish_reason(reply)),
        ask.wants_usage(),
    );
    let turn = reply.clone();
    Script {
        opening: String::new(),
        tokens: reply.output_tokens(),
        token: Box::new(move |index| {
            data_event(&event(&id, &turn, content::word(index), None, false))
        }),
        closing: format!("{}data: [DONE]\n\n", data_event(&last)),
        error: Problem::asked_for(500).event(call.dialect, call.request_id),
    }
}
